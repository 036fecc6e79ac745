"""A thermoelectric junction: a superconductor with an exchange field behind a barrier that filters spins.

Between a hot normal metal and a cold superconductor whose two spins have their gaps at Delta -+ h, a barrier of
polarisation P drives G_B P Int dE N_z (f_N - f_S), N_z = (N_up - N_down)/2, without any voltage (Ozaeta, Virtanen,
Bergeret and Heikkila, 2014; lines). Leaves thermoelectric.png and prints numbers.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

DELTA, H, COLD, BARRIER, ETA, SIDE = 1.0, 0.3, 0.15, 1e-3, 0.02, 0.2
POLARISATIONS = (0.4, 0.8)
HOT = (0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
ENERGIES = np.linspace(0.005, 4, 500)


def states(E, spin):
    """Density of states of one spin of the superconductor, in units of that of the normal metal."""
    z = E - spin * H + 1j * ETA  # H = + h sigma
    return np.abs((z / np.sqrt(z**2 - DELTA**2)).real)


def closed(P, hot):
    """The current from the normal metal into the superconductor."""
    fermi = lambda T: 1 / (np.exp(ENERGIES / T) + 1)  # noqa: E731
    split = (states(ENERGIES, 1) - states(ENERGIES, -1)) / 2
    return SIDE * BARRIER * P * 2 * np.trapezoid(split * (fermi(hot) - fermi(COLD)), ENERGIES)


def currents(P):
    """The same on a device: a normal island on a normal electrode, at each of the temperatures HOT."""
    electrode = ju.Reservoir(DELTA, h=(0, 0, H))
    boundaries = {"left": ju.Reservoir(0.0), "right": ju.Tunnel(electrode, BARRIER, polarisation=(0, 0, P))}
    device = ju.Device(mesh=ju.rectangle(SIDE, SIDE, SIDE), materials=ju.Material(Tc=0.0), boundaries=boundaries)
    spec = ju.spectrum(ju.solve(device, COLD, frequencies=4), ENERGIES, eta=ETA)
    cold = ju.Contact(voltage=0.0, temperature=COLD)
    hot = [{"left": ju.Contact(voltage=0.0, temperature=T), "right": cold} for T in HOT]
    return [-float(ju.current_through(ju.kinetics(spec, contacts), "left")) for contacts in hot]


def main():
    """Solve for several polarisations, print the numbers, draw the picture."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    E, numbers = np.linspace(-2.5, 2.5, 1000), {}
    for spin, name in ((1, "up"), (-1, "down")):
        left.plot(E, states(E, spin), label=f"spin {name}")
    left.set(xlabel=r"$E/\Delta$", ylabel=r"$N/N_0$", ylim=(0, 5), title=rf"the superconductor, $h = {H}\,\Delta$")
    left.legend(loc="upper left")
    unit, line = SIDE * BARRIER * DELTA, np.linspace(HOT[0], HOT[-1], 100)
    for color, P in enumerate(POLARISATIONS):
        found = currents(P)
        numbers |= {f"I_P{P:g}_T{T:g}": I_th / unit for T, I_th in zip(HOT, found, strict=True)}
        right.plot((line - COLD) / DELTA, [closed(P, T) / unit for T in line], f"C{color}-", lw=1)
        right.plot((np.array(HOT) - COLD) / DELTA, np.array(found) / unit, f"C{color}o", label=f"$P = {P}$")
    right.set(xlabel=r"$(T_N - T_S)/\Delta$", ylabel=r"$e I/G_B \Delta$, without voltage")
    right.legend(title="dots: jusadel, lines: closed form")
    figure.savefig("thermoelectric.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
