"""Uniform superconductors: gap, transition, exchange fields, currents, pair breaking by magnetic fields."""

import re

import numpy as np
from scipy.optimize import brentq, fsolve
from scipy.special import psi

import jusadel as ju
from jusadel.action.matsubara import GAP_RATIO, quadrature
from validation.registry import REFERENCES, case, draw, given, nodes, row, value_of

BARE = ju.Material()
XI = 1 / np.sqrt(GAP_RATIO)
"""sqrt(D/Delta0) where D = Tc = 1."""


def abrikosov_gorkov(a):
    """Tc of the pair-breaking energy a, in units of Tc0."""
    return brentq(lambda t: np.log(t) + psi(0.5 + a / (2 * np.pi * t)) - psi(0.5), 1e-4, 1.0)


def tc_of_breaking(a):
    """Of a phase gradient with D q^2/2 = a."""
    return ju.film_critical_temperature(BARE, (np.sqrt(2 * a), 0))


def tc_of_field(h, Gamma):
    return ju.film_critical_temperature(ju.Material(Tc=1.0, h=(0, 0, h), Gamma=Gamma))


@case(
    "A1",
    "bulk",
    "Bulk gap",
    "1 R000 R002 R003 R005 R007",
    pictures={"gap": "Gap against temperature (line) and the reference values (dots)."},
)
def gap():
    yield row("1", "Delta(0)/Tc", ju.film_state(BARE, 0.03).Delta, 1.763877)
    for name in ("R000", "R002", "R003", "R005", "R007"):
        T = given(name)["T/Tc"]
        yield row(name, f"Delta/Delta0 at T = {T:g} Tc", ju.film_state(BARE, T).Delta / GAP_RATIO, value_of(name))
    axis, save = draw("gap")
    T = np.concatenate([np.linspace(0.05, 0.95, 40), 1 - np.linspace(0.22, 0, 30) ** 2, [1.05]])
    axis.plot(T, ju.gap_of_temperature(BARE, T) / GAP_RATIO)
    dots = {given(name)["T/Tc"]: value_of(name) for name in ("R000", "R002", "R003", "R005", "R007")}
    axis.plot(*zip(*dots.items(), strict=True), "o")
    axis.set(xlabel=r"$T/T_c$", ylabel=r"$\Delta/\Delta_0$")
    save()


@case(
    "A2",
    "bulk",
    "Pair breaking by a current (Abrikosov and Gorkov)",
    "2 R008 R010 R012",
    pictures={"pair_breaking": "Transition temperature against pair breaking; dots: reference values."},
)
def pair_breaking():
    largest = brentq(lambda a: (tc_of_breaking(a) > 0) - 0.5, 0.87, 0.89, xtol=1e-7)
    yield row("2", "critical pair breaking [Tc0]", largest, 0.8819385)
    onset = brentq(lambda a: ju.film_state(BARE, 0.01, (np.sqrt(2 * a), 0)).Delta - a, 0.75, 0.85, xtol=1e-8)
    yield row("2", "gapless onset, where a = Delta(a) [Delta0]", onset / GAP_RATIO, 0.4559381, note="at T = 0.01 Tc0")
    for name in ("R008", "R010", "R012"):
        a = given(name)["a/Tc0"]
        yield row(name, f"Tc/Tc0 at a = {a:g} Tc0", tc_of_breaking(a), value_of(name))
    axis, save = draw("pair_breaking")
    a = np.linspace(0, 0.881, 60)
    axis.plot(a, [tc_of_breaking(x) for x in a])
    axis.plot(*zip(*[(given(n)["a/Tc0"], value_of(n)) for n in ("R008", "R010", "R012")], strict=True), "o")
    axis.set(xlabel=r"$Dq^2/2T_{c0}$", ylabel=r"$T_c/T_{c0}$")
    save()


@case("A3", "bulk", "Transition in an exchange field with spin relaxation", "5 R013 R015 R017 R018 R020", fast=True)
def exchange_field():
    for name in ("R013", "R015", "R017", "R018", "R020"):
        h, Gamma = given(name)["h/Tc0"], given(name)["Gamma/Tc0"]
        yield row(name, f"Tc/Tc0 at h = {h:g}, Gamma = {Gamma:g}", tc_of_field(h, Gamma), value_of(name))
    h, Gamma = 300.0, 1e6
    note = "the limit Gamma >> h, T"
    yield row("5", "Tc/Tc0 at 2 h^2/Gamma = 0.18", tc_of_field(h, Gamma), abrikosov_gorkov(2 * h**2 / Gamma), note=note)


@case("A4", "bulk", "Gap, free energy and spin in an exchange field", "R022 R023 R025 R027 R028 R030")
def thermodynamics():
    for name in ("R022", "R023", "R025", "R027", "R028", "R030"):
        T, h, Gamma = (float(part.split("=")[1].split()[0]) for part in REFERENCES[name]["parameters"].split(","))
        state, exact = ju.film_state(ju.Material(Tc=1.0, h=(0, 0, h), Gamma=Gamma), T), value_of(name)
        at = f"at T = {T:g}, h = {h:g}, Gamma = {Gamma:g}"
        yield row(name, f"Delta/Tc {at}", state.Delta, exact["Delta"])
        yield row(name, f"(F - F_N)/nu {at}", state.free_energy, exact["dF_over_nu"])
        yield row(name, f"spin/normal {at}", -state.spin[2] / (2 * h), exact["S_phys_over_2nu_h"], scale=1.0)


SUSCEPTIBILITIES = "R032 R033 R035 R037 R038 R040 R042 R043 R045 R047 R048 R050"


@case(
    "A5",
    "bulk",
    "Linear spin susceptibility",
    SUSCEPTIBILITIES,
    pictures={"susceptibility": "Spin susceptibility over that of the normal state; dots: reference values."},
)
def susceptibility():
    chi = lambda T, Gamma: -ju.film_state(ju.Material(Tc=1.0, h=(0, 0, 1e-3), Gamma=Gamma), T).spin[2] / 2e-3  # noqa: E731
    for name in SUSCEPTIBILITIES.split():
        T, Gamma = given(name)["T/Tc"], given(name)["Gamma/Tc"]
        yield row(name, f"chi/chi_N at T = {T:g}, Gamma = {Gamma:g}", chi(T, Gamma), value_of(name), scale=1.0)
    axis, save = draw("susceptibility")
    T = np.linspace(0.05, 0.999, 40)
    for k, Gamma in enumerate((0.0, 0.1764, 1.764, 17.64)):
        axis.plot(T, [chi(t, Gamma) for t in T], color=f"C{k}", label=rf"$\Gamma = {Gamma:g}\,T_c$")
        dots = [(given(n)["T/Tc"], value_of(n)) for n in SUSCEPTIBILITIES.split() if given(n)["Gamma/Tc"] == Gamma]
        axis.plot(*zip(*dots, strict=True), "o", color=f"C{k}")
    axis.set(xlabel=r"$T/T_c$", ylabel=r"$\chi/\chi_N$")
    axis.legend()
    save()


@case("paramagnetic limit", "bulk", "Clogston and Chandrasekhar; Sarma", "4")
def paramagnetic_limit():
    energy = lambda h: ju.film_state(ju.Material(Tc=1.0, h=(0, 0, h)), 0.02).free_energy  # noqa: E731
    yield row("4", "h of the first-order transition at T = 0.02 [Tc0]", brentq(energy, 1.2, 1.28, xtol=1e-6), 1.2472494)

    def imbalance(T, h, Delta):
        """Of the gap equation, with 60 frequencies."""
        omega, w = quadrature(T, 60)
        G = np.asarray(ju.bulk_value(omega, Delta, h=np.array([0, 0, h])))
        f = -np.einsum("ab,nba->n", ju.nambu.R[1], G) / 4
        return np.log(T) + 2 * np.pi * T * float(w @ (1 / omega - f / Delta))

    def both(x):
        """At small Delta it is a + b Delta^2: a and b vanish."""
        near, far = imbalance(*x, 0.05), imbalance(*x, 0.1)
        return [near - (far - near) / 3, (far - near) / 0.0075]

    T, h = fsolve(both, (0.55, 1.08), xtol=1e-8)
    yield row("4", "tricritical T [Tc0]", T, 0.561493)
    yield row("4", "tricritical h [Tc0]", h, 1.072827)


DEPAIRING = ("R161", "R162", "R163", "R165")


@case(
    "B6a",
    "bulk",
    "Depairing current",
    "6 R161 R162 R163 R165 R167 R168",
    pictures={"depairing": "Supercurrent against the phase gradient; dots: depairing current of the references."},
)
def depairing():
    axis, save = draw("depairing")
    unit = 2.0 * GAP_RATIO / XI
    limit = ju.depairing_current(BARE, 0.02)
    at_most = ju.film_state(BARE, 0.02, (limit.q_plus, 0))
    yield row("6", "e xi0 jc/(sigma Delta0), T -> 0", limit.plus / unit, 0.745687)
    yield row("6", "q xi0, T -> 0", limit.q_plus * XI, 0.688851)
    yield row("6", "Delta/Delta0, T -> 0", at_most.Delta / GAP_RATIO, 0.789842)
    for name in DEPAIRING:
        T, exact = given(name)["T/Tc0"], value_of(name)
        found = ju.depairing_current(BARE, T)
        yield row(name, f"e xi0 jc/(sigma Delta0) at T = {T:g}", found.plus / unit, exact["jc"])
        yield row(name, f"q xi0 at T = {T:g}", found.q_plus * XI, exact["q_xi0"])
        positive = found.q >= 0
        axis.plot(found.q[positive] * XI, found.current[positive] / unit, label=f"$T = {T:g}\\,T_c$")
        axis.plot(exact["q_xi0"], exact["jc"], "ko")
    for name in ("R167", "R168"):
        T, a = given(name)["T"], given(name)["a"]
        state = ju.film_state(BARE, T, (np.sqrt(2 * a), 0))
        yield row(name, f"Delta/Tc at T = {T:g}, a = {a:g}", state.Delta, value_of(name)["Delta"])
        current = state.current[0] / (2 * np.sqrt(2 * a))
        yield row(name, f"j/(sigma q) at T = {T:g}, a = {a:g}", current, value_of(name)["sum_sin2"])
    axis.set(xlabel=r"$q\xi_0$", ylabel=r"$e\xi_0 j/\sigma\Delta_0$")
    axis.legend()
    save()


@case("spin relaxation of a Rashba field", "bulk", "Rashba spin field as a relaxation rate", "16")
def rashba_relaxation():
    a, h = 0.4, 0.6
    for name, direction, factor in (("in plane", (0, 1, 0), 4), ("out of plane", (0, 0, 1), 8)):
        exchange = h * np.array(direction)
        found = ju.film_critical_temperature(ju.Material(Tc=1.0, h=exchange, spin_field=ju.rashba(a)))
        rate = brentq(lambda x, f=found: tc_of_field(h, x) - f, 0.1, 3.0, xtol=1e-10)
        yield row("16", f"rate/D a^2, {name}, from Tc", rate / a**2, factor)


# --- magnetic fields, on meshes ------------------------------------------------------------------------


def strip(width, height=0.1, across=48, **fields):
    """Along y, fine across, uniform along it up to a phase."""
    mesh = ju.rectangle(width, height, 1.0, x=np.linspace(0, width, across + 1), y=[0, height / 2, height])
    return ju.Device(mesh=mesh, materials=BARE, **fields)


STRIPS = "R172 R173 R175 R177 R178 R180"


@case("3", "bulk", "Upper critical field of a dirty superconductor", "3")
def upper_critical_field():
    largest = brentq(lambda a: (tc_of_breaking(a) > 0) - 0.5, 0.87, 0.89, xtol=1e-7)
    slope = 1e-4 / (1 - tc_of_breaking(1e-4))
    yield row("3", "h*(0) = Hc2(0)/(slope at Tc)", largest / slope, 0.692673, note="a = D e B; uniform film")
    b, width = 1.0, 9.0
    field = ju.uniform_field(b / 2, "y", center=(width / 2, 0.0))
    ends = {name: ju.Reservoir(0.0) for name in ("left", "right")}
    device = strip(width, across=72, boundaries=ends | {"top": ju.Periodic("bottom")}, vector_potential=field)
    note = "lowest Landau level, held off the edges by normal electrodes"
    found = ju.critical_temperature(device, accuracy=1e-5)
    yield row("3", "Tc/Tc0 at D e B = Tc0/2", found.T, abrikosov_gorkov(b / 2), nodes(device.mesh), note=note)


@case("B7", "bulk", "Films and discs in magnetic fields", STRIPS + " R182 R183 R185 R187")
def fields():
    for name in STRIPS.split():
        words = dict(part.split("=") for part in re.findall(r"[bw]=[0-9.]+", REFERENCES[name]["parameters"]))
        b, width, exact, height = float(words["b"]), float(words["w"]), value_of(name), 0.1
        field = ju.uniform_field(b / 2, "y", center=(width / 2, 0.0))
        turned = {"top": ju.Periodic("bottom", phase=exact["k"] * height)}
        device = strip(width, height, boundaries=turned, vector_potential=field)
        found = ju.critical_temperature(device, accuracy=1e-5)
        yield row(name, f"Tc/Tc0 of a strip, b = {b:g}, w = {width:g}", found.T, exact["Tc"], nodes(device.mesh))
    field = ju.uniform_field(2.0, "y", center=(0.1, 0.0))
    device = strip(0.2, 0.02, boundaries={"top": ju.Periodic("bottom")}, vector_potential=field)
    found = ju.critical_temperature(device, accuracy=1e-5)
    yield row("R182", "Tc/Tc0 of a film in a parallel field", found.T, value_of("R182")["Tc"], nodes(device.mesh))
    for name, radius, b in (("R183", 1.0, 0.5), ("R185", 1.0, 2.0), ("R187", 2.0, 1.0)):
        mesh = ju.disk(radius, 0.2 * radius)
        device = ju.Device(mesh=mesh, materials=BARE, vector_potential=ju.uniform_field(b / 2))
        found = ju.critical_temperature(device, accuracy=1e-5)
        yield row(name, f"Tc/Tc0 of a disc, R = {radius:g}, b = {b:g}", found.T, value_of(name)["Tc"], nodes(mesh))


@case("14", "bulk", "Superconducting wire between normal electrodes", "14")
def wire_between_normal_electrodes():
    ends = {name: ju.Reservoir(0.0) for name in ("left", "right")}
    mesh = nodes(strip(1.0).mesh)
    transition = lambda L: float(ju.critical_temperature(strip(L * XI, boundaries=ends), accuracy=1e-4))  # noqa: E731
    for length, printed in ((8.0, 0.891595), (4.0, 0.529973), (3.3, 0.229115)):
        found, exact = transition(length), abrikosov_gorkov((np.pi / length) ** 2 * GAP_RATIO / 2)
        note = f"Abrikosov and Gorkov's formula gives {exact:.6f}"
        yield row("14", f"Tc/Tc0 at L = {length:g} xi0, as printed", found, printed, mesh, note=note)
        yield row("14", f"Tc/Tc0 at L = {length:g} xi0, exact formula", found, exact, mesh)
    low, high = 3.10, 3.20
    while high - low > 0.007:
        middle = (low + high) / 2
        low, high = (low, middle) if transition(middle) > 0 else (middle, high)
    yield row("14", "critical length [xi0]", (low + high) / 2, np.pi, mesh, note=f"within {low:.3f} and {high:.3f}")
