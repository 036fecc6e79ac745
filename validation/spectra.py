"""Densities of states and minigaps at real energies; wires of length 1, so that E_Th = 1."""

import numpy as np

import jusadel as ju
from validation.registry import REFERENCES, case, draw, row, value_of

LINES = 41
GRADED = 1 - np.cos(np.pi / 2 * np.linspace(0, 1, LINES))
BOTH = (1 - np.cos(np.pi * np.linspace(0, 1, LINES))) / 2
MESH = "41 x 2 nodes"
ONE = {"T": 1.0, "frequencies": ([3.0], [1.0])}
"""For spectra the Matsubara frequencies do not matter."""


def wire(lines, ends):
    mesh = ju.rectangle(1.0, 0.04, 1.0, x=lines, y=[0, 0.04])
    return ju.solve(ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=ends), **ONE)


def states(sol, energies, eta):
    """N along the wire, (n_E, lines)."""
    N = np.asarray(ju.density_of_states(ju.spectrum(sol, energies, eta=eta)))
    return N.reshape(len(energies), 2, LINES).mean(axis=1)


def minigap(sol, node, low, high, accuracy, eta=1e-5):
    """Where states begin at a node, by bisection; eta has to be far smaller than the gap."""
    while high - low > accuracy:
        at = (low + high) / 2
        low, high = (at, high) if states(sol, [at], eta)[0, node] < 0.02 else (low, at)
    return (low + high) / 2


def layers():
    """E and the densities of states at the edge and in the middle, by name, in the order of E."""
    names = [n for n, e in REFERENCES.items() if e["name"].startswith("B1c ")]
    energy = {n: float(REFERENCES[n]["parameters"].split("E=")[1]) for n in names}
    return {n: (energy[n], value_of(n)) for n in sorted(names, key=energy.__getitem__)}


DENSITIES = "R072 R073 R075 R077 R078 R080 R082 R083 R085 R087"


@case(
    "B1c",
    "spectra",
    "Density of states of a normal layer",
    DENSITIES,
    pictures={"dos": "Density of states of a normal layer, Delta = 10 E_Th; dots: reference values."},
)
def density_of_states():
    sol, entries = wire(GRADED, {"left": ju.Reservoir(10.0)}), layers()
    found = states(sol, [E for E, _ in entries.values()], 0.01)
    for (name, (E, exact)), N in zip(entries.items(), found, strict=True):
        yield row(name, f"N at the edge, E = {E:g} E_Th", N[-1], exact["edge"], MESH)
        yield row(name, f"N in the middle, E = {E:g} E_Th", np.interp(0.5, GRADED, N), exact["middle"], MESH)
    axis, save = draw("dos")
    E = np.concatenate([np.linspace(0.05, 0.7, 10), np.linspace(0.72, 1.2, 16), np.linspace(1.5, 12.5, 34)])
    E = np.union1d(E, [x for x, _ in entries.values()])
    N = states(sol, E, 0.01)
    for label, curve, key in (
        ("edge", N[:, -1], "edge"),
        ("middle", [np.interp(0.5, GRADED, n) for n in N], "middle"),
    ):
        (line,) = axis.plot(E, curve, label=label)
        axis.plot(*zip(*[(x, v[key]) for x, v in entries.values()], strict=True), "o", color=line.get_color())
    axis.set(xlabel="$E/E_{Th}$", ylabel="$N$", xscale="log")
    axis.legend()
    save()


@case("B1b", "spectra", "Minigap of a normal layer", "12 R066 R067 R068 R070")
def minigap_of_a_layer():
    for name, Delta in (("R066", 1e4), ("R067", 50.0), ("R068", 10.0), ("R070", 1.0)):
        exact = value_of(name)
        sol = wire(GRADED, {"left": ju.Reservoir(Delta)})
        gap = minigap(sol, -1, 0.97 * exact, 1.03 * exact, 2e-3 * exact)
        yield row(name, f"E_g/E_Th at Delta = {Delta:g} E_Th", gap, exact, MESH)
        if name == "R066":
            yield row("12", "E_g/E_Th, hard gap", gap, 0.7804, MESH)


def minigap_near_pi(d):
    """E_g/E_Th at the phase pi - d, to leading order beyond (pi^2/4) d.

    At pi all great circles between the two electrodes, which are antipodes, have the same energy: their angle is soft.
    The energy of the angle, to second order in d and E (its imaginary part y is large at the gap; h = d/2 and
    k = 2 E/(pi^2 E_Th)), is that of a superconductor with pair breaking, whose gap is Abrikosov and Gorkov's:
    -4 pi (h cosh y - k sinh y) + (16 - 3 pi^2/2) h^2 sinh^2 y. What is left out is of relative order d^(4/3).
    """
    breaking = (16 - 1.5 * np.pi**2) * d / (4 * np.pi)
    return np.pi**2 / 4 * d * (1 - breaking ** (2 / 3)) ** 1.5


def slope_at_pi(d, gaps):
    """E_g/(E_Th d) for d -> 0: with pair breaking (E_g/d)^(2/3) is a straight line in d^(2/3)."""
    line = np.polyfit(np.asarray(d) ** (2 / 3), (np.asarray(gaps) / d) ** (2 / 3), 1)
    return np.polyval(line, 0.0) ** 1.5


NEAR_PI = (0.2, 0.1, 0.05, 0.025)


@case(
    "11",
    "spectra",
    "Minigap of a junction",
    "11",
    pictures={
        "minigap": "Minigap of a long junction against the phase difference; dashed, dotted: the two limits; grey: the "
        "second one with its leading correction."
    },
)
def minigap_of_a_junction():
    brackets = {0.0: (3.0, 3.2), 0.8: (2.85, 3.05), 2.0: (1.6, 2.4)}
    brackets |= {np.pi - d: (0.95 * minigap_near_pi(d), 1.02 * minigap_near_pi(d)) for d in NEAR_PI}
    dots = {}
    for phase, (low, high) in brackets.items():
        ends = {"left": ju.Reservoir(1e4), "right": ju.Reservoir(1e4, phase=phase)}
        accuracy, eta = (1e-3, 1e-5) if phase < 2.5 else (2e-4, 1e-7)
        dots[phase] = minigap(wire(BOTH, ends), LINES // 2, low, high, accuracy * high, eta)
    yield row("11", "E_g/E_Th at phase 0", dots[0.0], 3.122, MESH)
    yield row("11", "E_g/E_Th at phase 0.8", dots[0.8], 3.122 * (1 - 0.0921 * 0.8**2), MESH)
    gaps = np.array([dots[np.pi - d] for d in NEAR_PI])
    parts = [f"{4 * gap / (np.pi**2 * d):.3f} of it at pi - {d:g}" for d, gap in zip(NEAR_PI, gaps, strict=True)]
    note = f"the linear limit is reached slowly, with a correction of order (pi - phi)^(2/3): {', '.join(parts)}"
    found = slope_at_pi(NEAR_PI[1:], gaps[1:])
    yield row("11", "E_g/(E_Th (pi - phi)) for phi -> pi, extrapolated", found, np.pi**2 / 4, MESH, note=note)
    note = "the reference has the leading correction, derived in `validation/spectra.py`; without it, 0.1234"
    yield row("11", "E_g/E_Th at phase pi - 0.05", dots[np.pi - 0.05], minigap_near_pi(0.05), MESH, note=note)
    draw_minigap(dots)


def draw_minigap(dots):
    """Against the phase, with the limits."""
    axis, save = draw("minigap")
    axis.plot(np.array(list(dots)) / np.pi, list(dots.values()), "o")
    phi = np.linspace(0, np.pi, 100)
    axis.plot(phi[:60] / np.pi, 3.122 * (1 - 0.0921 * phi[:60] ** 2), "k--")
    axis.plot(phi[75:] / np.pi, np.pi**2 / 4 * (np.pi - phi[75:]), "k:")
    axis.plot(phi[75:] / np.pi, minigap_near_pi(np.pi - phi[75:]), color="0.6")
    axis.set(xlabel=r"$\varphi/\pi$", ylabel="$E_g/E_{Th}$")
    save()


@case("pair-breaking edge", "spectra", "Density of states with pair breaking", "2")
def pair_breaking_edge():
    alpha, length = 0.3, 0.03
    A = np.sqrt(alpha / 2)
    mesh = ju.rectangle(length, 0.3, 1.0, x=np.linspace(0, length, 4), y=[0, 0.3])
    device = ju.Device(
        mesh=mesh,
        materials=ju.Material(),
        vector_potential=lambda x: np.array([A, 0.0]) + 0 * x,
        boundaries={"left": ju.Periodic("right")},
    )
    sol = ju.solve(device, pair_potential=1.0, T=0.1, frequencies=([0.3], [1.0]))
    exact = (1 - alpha ** (2 / 3)) ** 1.5
    low, high = 0.9 * exact, 1.1 * exact
    while high - low > 4e-4 * exact:
        E = (low + high) / 2
        empty = ju.density_of_states(ju.spectrum(sol, [E], eta=1e-7))[0, 0] < 0.01
        low, high = (E, high) if empty else (low, E)
    quantity = "edge of the density of states/Delta at pair breaking 0.3 Delta, (1 - 0.3^(2/3))^(3/2)"
    yield row("2", quantity, (low + high) / 2, exact, "8 nodes")
