"""A non-local spin valve, normal and superconducting: a contact injects spin into a wire, one beside it detects it.

The charge current flows off to the left, so that at the right only spin diffuses and, in a field across it, precesses
(Hanle). Lengths in l = sqrt(D/Gamma), energies in Gamma; the signal is P S, the difference of the detector's potential
between its two magnetisations over two, for a current of 1. In a superconducting wire spin enters through a barrier by
the states above the gap alone, N(E) of them, and lives in N(E) states: per energy the signal is N^2 times that of the
normal wire, over the same length. Leaves nonlocal_spin_valve.png and prints one `name = value` a line.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

P, DISTANCES, WIDTH, ARM, SIZE = 0.4, (1.0, 2.0), 0.3, 4.0, 0.1
FIELDS = np.linspace(-3.0, 3.0, 13)
DELTA, ETA, BARRIER, ENERGIES = 2.0, 0.01, 1e-4, np.arange(2.2, 5.1, 0.2)  # below Delta there are no states


def wire(h, boundaries=None):
    """A wire with the injector's line at x = ARM, and the field along z."""
    length = ARM + max(DISTANCES) + ARM
    x = np.linspace(0.0, length, round(length / SIZE) + 1)
    arms = {"back": lambda c: c[:, 0] < ARM, "front": lambda c: c[:, 0] > ARM}
    mesh = ju.with_cut_between(ju.rectangle(length, WIDTH, SIZE, x=x, regions=arms), "back", "front", "injector")
    return ju.Device(
        mesh=mesh, materials=ju.Material(D=1.0, Tc=0.0, Gamma=1.0, h=(0.0, 0.0, h)), boundaries=boundaries or {}
    )


def superconducting():
    """Spin S_x per energy of a spin-biased electrode behind a barrier on the injector's line, (n_E, n), at T = 0."""
    own = ju.Reservoir(DELTA, Gamma=1.0)
    device = wire(0.0, {"left": own, "right": own, "injector": ju.Tunnel(ju.Reservoir(0.0), BARRIER)})
    spec = ju.spectrum(ju.solve(device, T=0.1, pair_potential=DELTA, frequencies=([3.0], [1.0])), ENERGIES, eta=ETA)
    contacts = {name: ju.Contact(voltage=0.0, temperature=0.0) for name in ("left", "right")}
    contacts["injector"] = ju.Contact(voltage=0.0, spin=(2 * ENERGIES[-1], 0.0, 0.0), temperature=0.0)
    return -ju.kinetics(spec, contacts, bath="elastic").densities[..., 2]


def long_wire(h, d):
    """The signal at the distance d in the field h, of an injector amid long arms."""
    k = np.sqrt(1 - 2j * h)
    return P**2 / (4 * WIDTH) * (np.exp(-k * d) / k).real  # 2 nu D = 2, half of the spin goes either way


def main():
    """Solve, print the numbers, draw the picture."""
    contacts = {
        "injector": ju.Contact(current=1.0, spin_current=(P, 0.0, 0.0)),
        "left": ju.Contact(voltage=0.0),
        "right": ju.Contact(current=0.0),
    }
    flows = [ju.diffuse(wire(h), contacts) for h in FIELDS]
    x = np.asarray(flows[0].mesh.points)[:, 0] - ARM
    fine = np.linspace(FIELDS[0], FIELDS[-1], 201)
    figure, (axis, above) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    spin, fine_E = superconducting(), np.linspace(ENERGIES[0], ENERGIES[-1], 200)
    squared = lambda E: (1 / np.sqrt(1 - (DELTA / (E + 1j * ETA)) ** 2)).real ** 2  # noqa: E731
    numbers = {"current_right": float(ju.current_through(flows[0], "right"))}
    for d in DISTANCES:
        signal = np.array([P * flow.S[np.abs(x - d) < 1e-6, 0].mean() for flow in flows])
        exact = long_wire(FIELDS, d)
        axis.plot(FIELDS, 1e3 * signal, "o", label=f"detector at {d:g} l")
        axis.plot(fine, 1e3 * long_wire(fine, d), "k-", linewidth=1)
        per_energy = spin[:, np.abs(x - d) < 1e-6].mean(axis=1) / (BARRIER / 4 * np.exp(-d))
        above.plot(ENERGIES / DELTA, per_energy, "o" if d == DISTANCES[0] else "x", label=f"detector at {d:g} l")
        middle, states = np.argmin(np.abs(FIELDS)), squared(ENERGIES)
        for name, found, formula, at in (
            (f"superconducting_{d:g}", per_energy, states, -1),
            (f"edge_{d:g}", per_energy, states, 0),
            (f"signal_{d:g}", signal, exact, middle),
            (f"signal_{d:g}_field", signal, exact, -1),
        ):
            numbers |= {name: found[at], f"{name}_exact": formula[at]}
    axis.set(xlabel=r"field $h/\Gamma$", ylabel="1000 x signal (lines: long wire, closed form)")
    axis.legend()
    above.plot(fine_E / DELTA, squared(fine_E), "k-", linewidth=1, label="$N^2$")
    above.set(xlabel=r"$E/\Delta$", ylabel="signal per energy over the normal one")
    above.legend()
    figure.savefig("nonlocal_spin_valve.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
