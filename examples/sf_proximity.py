"""A superconductor on a ferromagnet: how pairs decay in it, and what it does to the critical temperature.

Singlets and short-range triplets decay with D kappa^2 = 2 omega + Gamma/2 +- sqrt(Gamma^2/4 - 4 h^2), triplets across
h with 2 omega + Gamma. Energies in Tc0, lengths in sqrt(D/Tc0). Leaves sf_proximity.png.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

T, H, GAMMA, LENGTH = 0.3, 4.0, 1.0, 5.0
THICKNESSES = np.concatenate([np.linspace(0.05, 0.8, 10), [1.2]])
IRON = ju.Material(Tc=0.0, h=(0, 0, H), Gamma=GAMMA)


def decay(lines=401):
    """Amplitudes of the lowest frequency along a strip behind a barrier, (x, singlet, triplets (k, 3))."""
    mesh = ju.rectangle(LENGTH, 0.02, 1.0, x=np.linspace(0, LENGTH, lines), y=[0, 0.02])
    contact = ju.Tunnel(ju.Reservoir(1.7, h=(0.5, 0, 0)), conductance=0.02)
    sol = ju.solve(
        ju.Device(mesh=mesh, materials=IRON, boundaries={"left": contact}), T, frequencies=([np.pi * T], [1.0])
    )
    singlet, triplet = (np.asarray(f)[:lines].real for f in ju.pair_amplitude(sol, omega=0))
    return np.asarray(mesh.points)[:lines, 0], singlet, triplet


def bilayer_Tc(thickness, previous=None):
    """Tc of 1.5 lengths of superconductor on a ferromagnet; the same frequencies and mesh lines for all."""
    x = np.concatenate([np.linspace(0, 1.5, 31), 1.5 + thickness * np.linspace(0, 1, 17)[1:]])
    regions = {"S": lambda p: p[:, 0] < 1.5, "F": lambda p: p[:, 0] > 1.5}
    mesh = ju.rectangle(x[-1], 0.05, 1.0, x=x, y=[0, 0.05], regions=regions)
    return ju.critical_temperature(ju.Device(mesh=mesh, materials={"S": ju.Material(), "F": IRON}), frequencies=16).T


def main():
    """Solve, print the numbers, draw the picture."""
    x, singlet, triplet = decay()
    pairs, k, step = np.stack([singlet, triplet[:, 2]]), len(x) // 5, 20
    transfer = pairs[:, [k + step, k + 2 * step]] @ np.linalg.inv(pairs[:, [k, k + step]])  # over `step` mesh lines
    kappa = -np.log(np.linalg.eigvals(transfer).astype(complex)[0]) / (x[step] - x[0])
    exact = np.sqrt(2 * np.pi * T + GAMMA / 2 + np.sqrt(GAMMA**2 / 4 - 4 * H**2 + 0j))
    across = -np.log(triplet[k + step, 0] / triplet[k, 0]) / (x[step] - x[0])
    Tc = ju.sweep(bilayer_Tc, THICKNESSES)["result"]
    numbers = {"kappa_real": abs(kappa.real), "kappa_real_exact": exact.real, "kappa_imag": abs(kappa.imag)}
    numbers |= {
        "kappa_imag_exact": exact.imag,
        "kappa_long": across,
        "kappa_long_exact": (2 * np.pi * T + GAMMA) ** 0.5,
    }
    numbers |= {"Tc_lowest": Tc.min(), "thickness_lowest": THICKNESSES[Tc.argmin()], "Tc_thick": Tc[-1]}
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name, f in {"singlet": singlet, "triplet along h": triplet[:, 2], "triplet across h": triplet[:, 0]}.items():
        left.semilogy(x, np.abs(f), label=name)
    left.set(xlabel="depth in the ferromagnet", ylabel=r"$|f(\pi T)|$", ylim=(1e-9, None))
    left.legend()
    right.plot(THICKNESSES, Tc, "o-")
    right.set(xlabel="thickness of the ferromagnet", ylabel=r"$T_c/T_{c0}$")
    figure.savefig("sf_proximity.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
