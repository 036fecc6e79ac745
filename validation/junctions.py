"""Josephson junctions: strips one triangle high, D = nu = 1; of length 1, so that E_Th = 1."""

import numpy as np
from scipy.optimize import brentq

import jusadel as ju
from validation.registry import case, draw, given, row, value_of

W = 0.004
R_N = 1 / (2 * W)
GRADED = (1 - np.cos(np.pi * np.linspace(0, 1, 121))) / 2
UNIFORM = np.linspace(0, 1, 241)
TURN = np.linspace(0, 2 * np.pi, 16, endpoint=False)
MESH, FINE = "121 x 2 nodes", "241 x 2 nodes"
DIRECT = {"linear_solver": ju.linear.SuperLU()}


def strip(L=1.0, x=GRADED, **options):
    return ju.rectangle(L, W * L, 1.0, x=L * x, y=[0, W * L], **options)


def relation(left, right, T, frequencies=12, phases=TURN, mesh=None, **material):
    """Electrodes as boundaries, or their gap."""
    ends = [b if isinstance(b, ju.Tunnel) else ju.Reservoir(b) for b in (left, right)]
    device = ju.Device(
        mesh=mesh or strip(),
        materials=ju.Material(Tc=0.0, **material),
        boundaries=dict(zip(("left", "right"), ends, strict=True)),
    )
    return ju.current_phase_relation(device, phases, T, frequencies=frequencies, **DIRECT)


def current(Delta, T, phase, frequencies=12, left=None, right=None, **material):
    """e R_N I/E_Th at one phase difference."""
    ends = {"left": ju.Reservoir(Delta, **(left or {})), "right": ju.Reservoir(Delta, phase=phase, **(right or {}))}
    device = ju.Device(mesh=strip(), materials=ju.Material(Tc=0.0, **material), boundaries=ends)
    sol = ju.solve(device, T=T, frequencies=frequencies, **DIRECT)
    return R_N * float(ju.current_through(sol, "right"))


CURVES = {
    (10, 0.5): "R109 R110 R112",
    (10, 1.0): "R113 R115",
    (10, 5.0): "R117 R118 R120",
    (100, 0.5): "R122 R123",
    (100, 1.0): "R125 R127 R128",
    (100, 5.0): "R130 R132",
}


@case(
    "B3",
    "junctions",
    "Current-phase relations of normal wires",
    " ".join(CURVES.values()),
    pictures={"sns": "Current-phase relations of a normal wire; dots: reference values."},
)
def normal_wires():
    axes, save = draw("sns", 10, 4, columns=2)
    phi = np.linspace(0, 2 * np.pi, 300)
    for (Delta, T), names in CURVES.items():
        cpr, axis = relation(Delta, Delta, T), axes[int(Delta == 100)]
        (curve,) = axis.plot(phi / np.pi, R_N * cpr.current_at(phi), label=f"$T = {T:g}\\,E_{{Th}}$")
        axis.set(xlabel=r"$\varphi/\pi$", ylabel=r"$eR_NI/E_{Th}$", title=rf"$\Delta = {Delta}\,E_{{Th}}$")
        axis.legend()
        for name in names.split():
            at, exact = f"at Delta = {Delta}, T = {T:g} [E_Th]", value_of(name)
            if isinstance(exact, dict):
                yield row(name, f"e R_N Ic/E_Th {at}", R_N * cpr.critical_current[0], exact["Ic"], MESH)
                yield row(name, f"phase/pi of Ic {at}", cpr.critical_phase[0] / np.pi, exact["phi_c_over_pi"], MESH)
                axis.plot(exact["phi_c_over_pi"], exact["Ic"], "o", color=curve.get_color())
                continue
            phase = given(name)["phi/pi"]
            found = R_N * cpr.current[round(8 * phase)]
            yield row(name, f"e R_N I/E_Th at {phase:g} pi, {at}", found, exact, MESH)
            axis.plot(phase, exact, "o", color=curve.get_color())
    save()


def at_zero_temperature(scale, n=12):
    """Frequencies for Int domega/(2 pi), to be used with T = 1."""
    s, w = (x / 2 for x in np.polynomial.legendre.leggauss(n))
    s = s + 0.5
    return scale * (s / (1 - s)) ** 2, w * scale * 2 * s / (1 - s) ** 3 / (2 * np.pi)


@case("zero temperature", "junctions", "Short and long junctions at T -> 0", "7 9")
def zero_temperature():
    around = np.linspace(1.4, 2.6, 16)
    for number, Delta, L, Ic, phase, what in (
        ("9", 1e4, 1.0, 10.82, 0.635 * np.pi, "Delta = 10^4 E_Th"),
        ("9", 100.0, 1.0, 10.0017, None, "Delta = 100 E_Th"),
        ("7", 1.0, 0.03, 2.082070, 1.971029, "E_Th = 1100 Delta"),
    ):
        scale = min(10.0, 10 * Delta) if L == 1.0 else 1.0
        cpr = relation(Delta, Delta, 1.0, at_zero_temperature(scale), around, strip(L))
        unit = "E_Th" if number == "9" else "Delta"
        yield row(number, f"e R_N Ic/{unit}, {what}", R_N * cpr.critical_current[0], Ic, MESH)
        if phase:
            yield row(number, f"phase of Ic, {what}", cpr.critical_phase[0], phase, MESH)


@case("8", "junctions", "Tunnel junction", "8")
def tunnel_junction():
    L, r = 0.03, 400.0
    for T in (0.2, 0.5):
        barrier = ju.Tunnel(ju.Reservoir(1.0), 2 / (r * L))
        cpr = relation(1.0, barrier, T, mesh=strip(L))
        exact = np.pi / 2 * np.tanh(1 / (2 * T))
        note = "a barrier of 400 times the wire's resistance, which is part of one electrode"
        yield row("8", f"e R_N Ic/Delta at T = {T:g} Delta", r * R_N * cpr.critical_current[0], exact, MESH, note=note)


@case("high temperature", "junctions", "Long junctions at high temperature, with and without barriers", "10 13")
def high_temperature():
    T, Delta, r = 20.0, 1e4, 2.0
    k, half = np.sqrt(2 * np.pi * T), 4 * np.tan(np.pi / 8)
    critical = lambda *ends: R_N * relation(*ends, T, mesh=strip(x=UNIFORM)).critical_current[0]  # noqa: E731
    exact = 32 / (3 + 2 * np.sqrt(2)) * k**3 * np.exp(-k)
    yield row("10", "e R_N Ic/E_Th at T = 20 E_Th", critical(Delta, Delta), exact, FINE)
    halves = {"a": lambda p: p[:, 0] < 0.5, "b": lambda p: p[:, 0] > 0.5}
    device = ju.Device(
        mesh=ju.with_cut_between(strip(x=UNIFORM, regions=halves), "a", "b", "wall"),
        materials={"a": ju.Material(Tc=0.0), "b": ju.Material(Tc=0.0)},
        boundaries={"left": ju.Reservoir(Delta), "right": ju.Reservoir(Delta), "wall": ju.Interface(2 / r)},
    )
    cpr = ju.current_phase_relation(device, TURN, T, frequencies=12, **DIRECT)
    printed = 4 * k**3 * (half * np.exp(-k / 2)) ** 2 * (1 / (r * k)) / (1 + 1 / (r * k)) ** 2
    found = R_N * cpr.critical_current[0]
    note = "the formula printed for SINIS is that of one barrier in the middle, which is what was solved"
    yield row("13", "e R_N Ic/E_Th, SINIS formula: barrier of 2 R_N in the middle", found, printed, FINE, note=note)
    exact = 4 * k**3 * half**2 * np.exp(-k) / (2 + r * k)
    yield row("13", "the same, exact overlap of two tails", found, exact, FINE)
    for r in (2.0, 20.0):
        found = critical(Delta, ju.Tunnel(ju.Reservoir(Delta), 2 / r))
        printed = 4 * k**3 * half * np.exp(-k) / (2 * r * k)
        note = "the formula is the first order in 1/(r k)"
        yield row("13", f"e R_N Ic/E_Th, SIS'N: one barrier of {r:g} R_N", found, printed, FINE, note=note)
        S = np.arctan(Delta / (np.pi * T))
        edge = brentq(lambda x, r=r, S=S: 2 * r * k * np.sin(x / 2) - np.sin(S - x), 0, S)
        exact = 2 * k**3 * half * 4 * np.tan(edge / 4) * np.exp(-k)
        yield row("13", "the same, exact angle behind the barrier", found, exact, FINE)


MAGNETS = "R133 R135 R137 R138 R140"


@case(
    "B4",
    "junctions",
    "Magnetic junctions and the 0-pi transition",
    MAGNETS + " R141 R142 R143",
    pictures={"sfs": "Current at the phase difference pi/2 against the exchange field; dots: reference values."},
)
def magnetic_junctions():
    at = lambda h: current(20.0, 1.0, np.pi / 2, h=(0, 0, h))  # noqa: E731
    for name in MAGNETS.split():
        h = given(name)["h/E_Th"]
        found = at(h)
        yield row(name, f"e R_N I(pi/2)/E_Th at h = {h:g} E_Th", found, value_of(name), MESH, scale=_scale(name))
    for name, low, high in (("R141", 7.4, 7.7), ("R142", 34.0, 36.0)):
        zero = brentq(at, low, high, xtol=1e-3)
        yield row(name, "h/E_Th where I(pi/2) vanishes", zero, value_of(name), MESH)
    found = current(20.0, 2.0, np.pi / 2, h=(0, 0, 10.0))
    yield row("R143", "e R_N I(pi/2)/E_Th at T = 2, h = 10", found, value_of("R143")["full_sum"], MESH)
    axis, save = draw("sfs")
    h = np.linspace(0, 40, 25)
    axis.plot(h, [at(x) for x in h])
    axis.plot(*zip(*[(given(n)["h/E_Th"], value_of(n)) for n in MAGNETS.split()], strict=True), "o")
    axis.axhline(0, color="0.7")
    axis.set(xlabel=r"$h/E_{Th}$", ylabel=r"$eR_NI(\pi/2)/E_{Th}$")
    save()


def _scale(name):
    """Of a current that vanishes nearby: a tenth of that without a field, or itself."""
    return max(abs(value_of(name)), value_of("R133") / 10)


@case("B5", "junctions", "Spin-orbit coupling: anomalous current, pure gauges", "17 R145 R148 R150 R154 R155")
def spin_orbit():
    galvanic = {"h": (0, 3, 0), "Gamma": 5.0, "gamma": [[0, 0], [0.3, 0], [0, 0]]}
    cpr = relation(20.0, 20.0, 2.0, **galvanic)
    yield row("R148", "e R_N I(0)/E_Th, gamma", R_N * cpr.current[0], value_of("R148")["I"], MESH)
    yield row("R150", "phi_0, gamma", cpr.phi0, value_of("R150")["phi0"], MESH)
    rashba = {"h": (0, 3, 0), "Gamma": 5.0, "spin_field": ju.rashba(-0.5)}
    scale = abs(value_of("R155")["I"])
    yield row("R154", "e R_N I(0)/E_Th, Rashba spin field alone", current(20.0, 2.0, 0.0, **rashba), 0.0, MESH, scale)
    found = current(20.0, 2.0, -np.pi / 2, **rashba)
    yield row("R155", "e R_N I(-pi/2)/E_Th, Rashba spin field alone", found, value_of("R155")["I"], MESH)
    yield from turning_field()
    a, one = 0.6, {"h": (0, 0, 3.0)}
    field = current(20.0, 2.0, 1.0, left=one, right=one, h=(2.0, 0, 0), spin_field=[[a, 0], [0, 0], [0, 0]])
    turned = {"h": (0, -3 * np.sin(2 * a), 3 * np.cos(2 * a))}  # carried to the left along d_x S = -2 a x S
    rotated = current(20.0, 2.0, 1.0, left=one, right=turned, h=(2.0, 0, 0))
    bare = current(20.0, 2.0, 1.0, left=one, right=one, h=(2.0, 0, 0))
    note = f"the electrodes' exchange fields are 2 a L apart; without that it would be {bare:.6g}"
    yield row("17", "e R_N I(1)/E_Th, spin field against turned electrode", field, rotated, MESH, note=note)


def turning_field():
    """An exchange field that turns along the wire is a uniform one beside a spin field."""
    ends = {"left": ju.Reservoir(20.0), "right": ju.Reservoir(20.0, phase=-np.pi / 2)}
    metal = ju.Material(Tc=0.0, h=(0, 0, 10.0), spin_field=[[np.pi, 0], [0, 0], [0, 0]])
    sol = ju.solve(ju.Device(mesh=strip(), materials=metal, boundaries=ends), T=2.0, frequencies=12, **DIRECT)
    exact, middle = value_of("R145"), len(GRADED) // 2
    note = "the entry names no pitch Q; with one turn along the wire, 2 pi, both its numbers agree, without any neither"
    found = R_N * float(ju.current_through(sol, "right"))
    yield row("R145", "e R_N I(-pi/2)/E_Th in a turning field", found, exact["I"], MESH, note=note)
    spin = ju.spin_density(sol, pauli=False)[middle, 2]
    yield row("R145", "spin in the middle, without Pauli's", spin, exact["S_half"][2], MESH)
