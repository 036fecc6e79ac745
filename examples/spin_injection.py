"""Spin injected into a superconductor: how far it reaches, against the normal state and with an exchange field.

A barrier at the end of a wire feeds in electrons from a normal electrode. In the normal state a spin bias makes
a spin accumulation that decays over l = sqrt(D/Gamma), and in the superconductor so does that at each energy above the
gap. An exchange field splits the superconductor's states: then the injected *energy* is a spin, which nothing elastic
relaxes, and even an unpolarised current leaves spin far away. Lengths in l, energies in Gamma. Leaves
spin_injection.png and prints one `name = value` a line.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

DELTA, H, LENGTH, PIECES, ETA, BARRIER = 2.0, 0.8, 10.0, 61, 0.02, 1e-3
HIGHEST, STEP = 3.9, 0.1


def accumulation(Delta, h, contact):
    """What a contact behind a barrier adds to S_z along a wire that ends at an electrode like itself."""
    mesh = ju.rectangle(LENGTH, 0.2, 1.0, x=np.linspace(0, LENGTH, PIECES), y=[0, 0.2])
    metal = ju.Material(D=1.0, Gamma=1.0, h=(0, 0, h), Tc=1.0)
    ends = {"left": ju.Tunnel(ju.Reservoir(0.0), BARRIER), "right": ju.Reservoir(Delta, h=(0, 0, h), Gamma=1.0)}
    device = ju.Device(mesh=mesh, materials=metal, boundaries=ends)
    sol = ju.solve(device, T=0.1, pair_potential=Delta, frequencies=([3.0], [1.0]))
    energies = np.arange(max(Delta - h, 0) + STEP / 2, HIGHEST, STEP)  # midpoints; no states below the gap
    spec, ends = ju.spectrum(sol, energies, eta=ETA), {"left": contact, "right": ju.Contact(voltage=0.0)}
    kin = ju.kinetics(spec, ends, bath="elastic", weights=np.full(len(energies), STEP))
    return kin.S[:PIECES, 2] - kin.S[PIECES - 1, 2]  # the electrode's is that of equilibrium


def main():
    """Solve, print the numbers, draw the picture."""
    spin, charge = ju.Contact(voltage=0.0, spin=(0, 0, 3.0)), ju.Contact(voltage=3.0)
    x = np.linspace(0, LENGTH, PIECES)
    cases = {"normal": (0.0, 0.0, spin), "superconductor": (DELTA, 0.0, spin), "split": (DELTA, H, charge)}
    figure, axis = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
    labels = ("normal, spin bias", "superconductor, spin bias", f"superconductor, h = {H:g}, no spin bias")
    numbers = {"S_normal_exact": BARRIER * 3.0 / 2}  # S' = -G_B S_contact/(2 nu D) at the barrier
    for (name, case), label in zip(cases.items(), labels, strict=True):
        S = np.abs(accumulation(*case))
        axis.semilogy(x[:-1], 1e3 * S[:-1], label=label)
        near, far = (np.argmin(np.abs(x - d)) for d in (2.0, 5.0))
        numbers |= {f"S_{name}": S[0], f"decay_length_{name}": 3.0 / np.log(S[near] / S[far])}
    axis.set(xlabel="$x/l$", ylabel="1000 x spin accumulation $|S_z|$", ylim=(1e-4, None))
    axis.legend(loc="lower left")
    figure.savefig("spin_injection.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
