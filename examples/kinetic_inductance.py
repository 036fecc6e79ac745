"""Kinetic inductance: a thin film in a field along it, and a junction through a normal wire against its phase.

Left, the inductance per square of a film over that at zero field, hbar R/(pi Delta tanh(Delta/2T)), against the pair
breaking alpha of the field, alpha ~ B^2, at several frequencies: the higher ones absorb. Right, 1/L of a long junction
is the slope of its current (dashed, by differences), negative beyond the maximum of the current; at a frequency of the
order of the minigap it differs. Leaves kinetic_inductance.png and prints numbers.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

T, ALPHAS, FREQUENCIES = 0.2, np.linspace(0.0, 0.6, 5), (0.0, 0.6, 1.2)
PHASES, OF_JUNCTION, COLD = np.linspace(0.0, 3.0, 7), (0.0, 2.0), 0.5
FILM = ju.rectangle(1.0, 0.25, 1.0, x=np.linspace(0, 1, 4), y=[0.0, 0.25])
WIRE = ju.rectangle(1.0, 0.25, 1.0, x=np.linspace(0, 1, 13), y=[0.0, 0.25])


def film(alpha):
    """A self-consistent film, periodic along x, in units of Tc."""
    metal = ju.Material(D=1.0, Tc=1.0, depairing=alpha)
    device = ju.Device(mesh=FILM, materials=metal, boundaries={"right": ju.Periodic("left")})
    return ju.solve(device, T, "self-consistent", frequencies=16)


def junction(phase):
    """Superconductors with Delta = 20 E_Th at the ends of a wire, in units of its Thouless energy."""
    ends = {name: ju.Reservoir(20.0, sign * phase / 2) for name, sign in (("left", -1), ("right", 1))}
    return ju.solve(ju.Device(mesh=WIRE, materials=ju.Material(D=1.0, Tc=0.0), boundaries=ends), COLD, frequencies=24)


def of_film(alpha):
    """Q per area at all frequencies: the inverse inductance per square is Re Q."""
    found = ju.response(film(alpha), FREQUENCIES, A=(1.0, 0.0), eta=0.03, accuracy=1e-2)
    return found.Q / np.asarray(FILM.areas).sum()


def draw(axes, Q, stiffness, slope):
    """The two pictures."""
    for k, omega in enumerate(FREQUENCIES):
        axes[0].plot(ALPHAS, (1 / Q[:, k]).real * Q[0, 0].real, "o-", label=rf"$\omega = {omega:g}\,T_c$")
    for k, omega in enumerate(OF_JUNCTION):
        axes[1].plot(PHASES, (stiffness[:, k] / stiffness[0, 0]).real, "o-", label=rf"$\omega = {omega:g}\,E_{{Th}}$")
    axes[1].plot((PHASES[1:] + PHASES[:-1]) / 2, slope / stiffness[0, 0].real, "k--", lw=1, label=r"$2\,dI/d\varphi$")
    axes[1].axhline(0, color="0.7", lw=0.8)
    axes[0].set(xlabel=r"$\alpha/T_c$", ylabel="$L/L(0)$ per square", title="film in a field along it")
    axes[1].set(xlabel=r"$\varphi$", ylabel="Re $Q/Q(0)$", title="SNS junction")
    for ax in axes:
        ax.legend(frameon=False)


def main():
    """Compute, print the numbers, draw the picture."""
    Q = np.stack([of_film(alpha) for alpha in ALPHAS])
    states = [junction(phase) for phase in PHASES]
    stiffness = np.stack([ju.admittance(s, OF_JUNCTION, eta=0.1, accuracy=1e-2, frequencies=24).Q for s in states])
    currents = np.array([float(ju.current_through(s, "right")) for s in states])
    slope = 2 * np.diff(currents) / np.diff(PHASES)
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    draw(axes, Q, stiffness, slope)
    figure.savefig("kinetic_inductance.png", dpi=150)
    Delta = ju.bulk_gap(T)
    numbers = {"Q_film": Q[0, 0].real, "Q_closed": 2 * np.pi * Delta * np.tanh(Delta / (2 * T))}
    numbers |= {"L_ratio_at_field": (1 / Q[-1, 0]).real * Q[0, 0].real, "quality": -Q[-1, -1].real / Q[-1, -1].imag}
    numbers |= {"Q_junction": stiffness[0, 0].real / 0.25, "Q_at_last_phase": stiffness[-1, 0].real / 0.25}
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
