"""A Josephson junction with a current at zero phase, from an exchange field along y and a Rashba spin-galvanic gamma.

phi_0 and the diode efficiency (Ic+ - Ic-)/(Ic+ + Ic-) against both; energies in E_Th = D/L^2, gamma in D/L.
Leaves phi0_junction.png and prints numbers.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

MESH = ju.rectangle(1.0, 0.08, 0.08, x=(1 - np.cos(np.pi * np.linspace(0, 1, 25))) / 2)
ENDS = {"left": ju.Reservoir(20.0), "right": ju.Reservoir(20.0)}
PHASES = np.linspace(-np.pi, np.pi, 12, endpoint=False)
STEPS = (0.02, 0.35, 0.7, 1.0)


def relation(h, gamma):
    """The current-phase relation at T = E_Th; gamma_xy = -gamma_yx."""
    material = ju.Material(D=1.0, Tc=0.0, h=(0, h, 0), Gamma=0.5, gamma=ju.rashba(gamma))
    device = ju.Device(mesh=MESH, materials=material, boundaries=ENDS)
    return ju.current_phase_relation(device, PHASES, T=1.0, frequencies=6, linear_solver=ju.linear.SuperLU())


def main():
    """Solve along h and along gamma, print the numbers, draw the picture."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    numbers = {}
    along = {"h": (6.0, lambda x: relation(x, 0.6)), "gamma": (1.0, lambda x: relation(4.0, x))}
    for axis, (name, (largest, at)) in zip(axes, along.items(), strict=True):
        values = largest * np.array(STEPS)
        found = [at(x) for x in values]
        phi0, eta = [c.phi0 for c in found], [c.diode_efficiency for c in found]
        numbers |= {
            f"phi0_largest_{name}": phi0[-1],
            f"diode_largest_{name}": eta[-1],
            f"phi0_smallest_{name}": phi0[0],
        }
        axis.plot(values, phi0, "o-", label=r"$\varphi_0$")
        axis.plot(values, eta, "s-", label="diode efficiency")
        axis.set(xlabel={"h": r"$h_y/E_{Th}$ at $\gamma = 0.6$", "gamma": r"$\gamma L/D$ at $h_y = 4 E_{Th}$"}[name])
        axis.legend()
    figure.savefig("phi0_junction.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
