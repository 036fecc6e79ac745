"""Reentrance: the conductance of a normal wire on a superconductor, against voltage at some temperatures.

Pairs leak into the wire and make it conduct better, most at energies of a few E_Th = D/L^2 and not at all at zero, so
that the conductance, as it is cooled or the voltage is lowered, rises by 17 % and falls back again. Energies in E_Th,
Delta = 50. Leaves ns_conductance.png and prints one `name = value` a line.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

WIDTH, TEMPERATURES = 0.05, (0.3, 1.0, 3.0)
ENERGIES = np.concatenate([np.arange(0.25, 10.0, 0.25), np.arange(10.0, 40.5, 1.0)])


def main():
    """Solve, print the numbers, draw the picture."""
    mesh = ju.rectangle(1.0, WIDTH, 1.0, x=np.linspace(0, 1, 61), y=[0, WIDTH])
    ends = {"left": ju.Reservoir(0.0), "right": ju.Reservoir(50.0)}
    device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=ends)
    spec = ju.spectrum(ju.solve(device, T=1.0, frequencies=([3.0], [1.0])), ENERGIES, eta=1e-6)
    cold = ju.Contact(voltage=2 * ENERGIES[-1], temperature=0.0)
    kin = ju.kinetics(spec, {"left": cold, "right": ju.Contact(voltage=0.0, temperature=0.0)})
    g = kin.currents_through("right")[:, 1] / (2 * WIDTH)  # dI/dV at T = 0 and V = E over that of the normal wire
    E = np.linspace(-ENERGIES[-1], ENERGIES[-1], 4001)
    figure, axis = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
    axis.plot(ENERGIES, g, "k-", label="T = 0")
    numbers = {f"g_{E:g}": np.interp(E, ENERGIES, g) for E in (1.0, 2.0, 5.0, 12.0)}
    numbers |= {"g_max": g.max(), "E_max": ENERGIES[g.argmax()]}
    for T in TEMPERATURES:
        V = np.linspace(0, 15, 61)
        thermal = 1 / (4 * T * np.cosh((E - V[:, None]) / (2 * T)) ** 2)
        G = np.trapezoid(thermal * np.interp(np.abs(E), ENERGIES, g), E, axis=1)
        axis.plot(V, G, label=f"T = {T:g} $E_{{Th}}$")
        numbers |= {f"G_zero_voltage_T{T:g}": G[0]}
    axis.set(xlim=(0, 15), xlabel="$eV/E_{Th}$", ylabel="$(dI/dV)/G_N$")
    axis.legend()
    figure.savefig("ns_conductance.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
