"""Microwaves absorbed by a junction through a normal wire, against frequency and phase: nothing below the minigap.

Y over the conductance G_N of the wire at low temperature: below twice the minigap of its density of states (dotted) no
pair of states can be excited, and the minigap closes with the phase. Im Y is 1/(omega L) of the kinetic inductance,
which changes sign with the phase. Energies in units of E_Th = D/L^2. Leaves microwave_sns.png and prints numbers.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

DELTA, T, ETA, WIDTH = 20.0, 0.15, 0.1, 0.25
PHASES, OMEGAS = np.linspace(0.0, 2.7, 4), np.linspace(1.0, 11.0, 11)
WIRE = ju.rectangle(1.0, WIDTH, 1.0, x=np.linspace(0, 1, 13), y=[0.0, WIDTH])
STATES = 0.15
"""Of the density of states in the middle of the wire, at which the minigap is read off."""


def junction(phase):
    """A wire of L = D = 1 between superconductors with this phase difference."""
    ends = {name: ju.Reservoir(DELTA, sign * phase / 2) for name, sign in (("left", -1), ("right", 1))}
    return ju.solve(ju.Device(mesh=WIRE, materials=ju.Material(D=1.0, Tc=0.0), boundaries=ends), T, frequencies=24)


def minigap(sol):
    """Where the density of states in the middle of the wire rises."""
    E = np.linspace(0.0, 4.0, 81)
    middle = np.argmin(np.abs(np.asarray(WIRE.points)[:, 0] - 0.5))
    states = np.asarray(ju.density_of_states(ju.spectrum(sol, E, eta=0.02)))[:, middle]
    return float(E[np.argmax(states >= STATES)])


def draw(axes, Y, gaps):
    """Re Y with twice the minigap of each phase, dotted, and Im Y."""
    for phase, y, gap in zip(PHASES, Y, gaps, strict=True):
        (line,) = axes[0].plot(OMEGAS, y.real, "o-", ms=3, label=rf"$\varphi = {phase:g}$")
        axes[0].axvline(2 * gap, color=line.get_color(), ls=":", lw=1)
        axes[1].plot(OMEGAS, y.imag, "o-", ms=3)
    axes[0].set(xlabel=r"$\omega/E_{Th}$", ylabel="Re $Y/G_N$", title=r"absorption, dotted: $2E_g$")
    axes[1].set(xlabel=r"$\omega/E_{Th}$", ylabel="Im $Y/G_N$", ylim=(-3, 3), title="what oscillates out of phase")
    axes[0].legend(frameon=False)
    for ax in axes:
        ax.axhline(0, color="0.7", lw=0.8)


def main():
    """Compute, print the numbers, draw the picture."""
    states = [junction(phase) for phase in PHASES]
    Y = np.stack([ju.admittance(s, OMEGAS, eta=ETA, accuracy=3e-2, frequencies=24).Y / (2 * WIDTH) for s in states])
    gaps = np.array([minigap(s) for s in states])
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    draw(axes, Y, gaps)
    figure.savefig("microwave_sns.png", dpi=150)
    numbers = {"minigap": gaps[0], "minigap_last": gaps[-1]}
    numbers |= {"absorbed_below": Y[0, 2 * gaps[0] - 0.5 > OMEGAS].real.max(), "absorbed_above": Y[0, -1].real}
    numbers["absorbed_last_phase"] = Y[-1].real.max()
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
