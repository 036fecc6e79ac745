"""Figs. 1 to 3 of Kokkeler, Bergeret and Tokatly: profiles and textures around a vortex."""

from dataclasses import replace

import numpy as np
from scipy.interpolate import CubicSpline

import jusadel as ju
from examples import vortex as example
from jusadel.action.matsubara import GAP_RATIO
from jusadel.mesh.shapes import _delaunay
from validation.registry import case, draw, nodes, row, value_of, worst

GAMMA = 0.01
"""Spin-galvanic coefficient [Tc xi]; the spin is linear in it."""
AMPLITUDE = {0.05: GAP_RATIO, 0.98: 0.243 * GAP_RATIO}
"""Delta of the references [Tc]; at 0.98 Tc the gap equation has 0.2436 Delta0."""
CURRENT, SPIN = "current I", "spin S"
PAPER_CURRENT, PAPER_SPIN = "(S12)", "$a_sa_1$"


def graded_disk(radius, core, spokes, size=0.4):
    """Rings at the distance 2 pi r/spokes from each other, or `core` or `size` where that is closer or wider.

    Around a vortex the current changes as 1/r: the angle that an edge spans counts, down to the core.
    """
    radii = [0.0, core]
    while radii[-1] < radius:
        radii.append(radii[-1] + np.clip(2 * np.pi * radii[-1] / spokes, core, size))
    radii = np.array(radii) * radius / radii[-1]
    points = [np.zeros((1, 2))]
    for k, (r, step) in enumerate(zip(radii[1:], np.diff(radii), strict=True)):
        count = max(6, round(2 * np.pi * r / step))
        angle = 2 * np.pi * (np.arange(count) + k % 2 / 2) / count
        points.append(r * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    points = np.concatenate(points)
    return ju.Mesh(points=points, triangles=_delaunay(points))


MESHES = [graded_disk(8.0, 1.28 / spokes, spokes) for spokes in (32, 64)]
MESH = nodes(MESHES[-1])


def solved(T, frequencies, mesh=None):
    """A rigid vortex in a Rashba superconductor; lengths in xi = sqrt(D/2 Delta)."""
    Delta = AMPLITUDE.get(T) or ju.bulk_gap(T)
    material = ju.Material(D=2 * Delta, Gamma=10 * GAP_RATIO, gamma=ju.rashba(GAMMA))
    device = ju.Device(mesh=mesh or MESHES[-1], materials=material)
    return ju.solve(device, T=T, pair_potential=ju.vortex(Delta), frequencies=frequencies)


def polar(sol, vectors):
    """Radial and azimuthal components of nodal vectors."""
    x, y = sol.mesh.points.T / np.maximum(np.hypot(*sol.mesh.points.T), 1e-12)
    u, v = np.asarray(vectors)[:, :2].T
    return x * u + y * v, x * v - y * u


def over_rings(mesh, values):
    """Radii of the rings of nodes, and means over them."""
    radius, ring = np.unique(np.round(np.hypot(*mesh.points.T), 9), return_inverse=True)
    return radius, np.bincount(ring, values) / np.bincount(ring)


def profiles(sol):
    """Azimuthal current and radial spin/gamma, (radii, means), by name."""
    current = polar(sol, ju.charge_current(sol, at="nodes"))[1]
    spin = polar(sol, ju.spin_density(sol))[0] / GAMMA
    return {CURRENT: over_rings(sol.mesh, current), SPIN: over_rings(sol.mesh, spin)}


def cosines(sol):
    """cos(theta) = Tr(tau3 g)/4 of every frequency and node, (n_omega, n)."""
    g = np.einsum("wnaa->wna", np.asarray(ju.to_nambu(sol.G))).real
    return g @ [0.25, 0.25, -0.25, -0.25]


def paper_profiles(sol):
    """Sum w a^2/(1 + a^2)/r and Sum w a_s a_1, as printed, from our a = tan(theta/2)."""
    c, r = cosines(sol), np.hypot(*sol.mesh.points.T)
    current = np.asarray(sol.weights) @ (1 - c) * (r > 0) / np.maximum(r, 1e-12)
    spin = sum(
        (2 / (1 + one)) ** 2 * polar(sol, ju.spin_density(replace(sol, weights=alone)))[0]  # S has a_s a_1/(1 + a^2)^2
        for one, alone in zip(c, np.diag(sol.weights), strict=True)
    )
    return {PAPER_CURRENT: over_rings(sol.mesh, current), PAPER_SPIN: over_rings(sol.mesh, spin)}


def peaks(curves):
    """Radius and height of the maximum of each curve."""
    return [example.maximum(*curve) for curve in curves.values()]


def largest_difference(curves):
    """Between the curves, each over its maximum, from 0.02 to 6 xi."""
    r = np.linspace(0.02, 6, 3000)
    one, other = (CubicSpline(*curve)(r) / example.maximum(*curve)[1] for curve in curves.values())
    return np.abs(one - other).max()


def convergence(T, frequencies):
    """In words: radii of the maxima on the coarser mesh."""
    (r_j, _), (r_S, _) = peaks(profiles(solved(T, frequencies, MESHES[0])))
    return f"with edges twice as long, {nodes(MESHES[0])}, the radius is {r_j:.4f}, that of the largest spin {r_S:.4f}"


@case(
    "vortex",
    "vortex",
    "Current and spin around a vortex (Figs. 1 and 3)",
    "20 R192 R193 R197 R202 R206",
    pictures={
        "vortex_profiles": "Fig. 3; its left panel is Fig. 1: current and spin against the distance from the core, "
        "each over its maximum, and in grey the paper's formulas evaluated with the same solution; dots: the maxima of "
        "two radial programs. What agrees with the paper: the spin is farther out than the current; the difference is "
        "smaller at 0.98 Tc than at 0.05 Tc, in units of xi, and can still be seen there. What does not: the paper's "
        "formulas, (S12) for the current and S = a_s a_1 for the spin, lack the factors that normalise the Green's "
        "function, and give maxima at 0.956 and 1.476 xi at 0.05 Tc, so that their separation shrinks clearly, from "
        "0.52 to 0.19 xi. That of the solution of the Usadel equation goes from 0.216 to 0.189 xi, not monotonically "
        "(0.236, 0.296 and 0.302 at 0.2, 0.5 and 0.8 Tc), and the ratio of the two radii grows, from 1.27 to 1.46. "
        "Close to Tc both agree within 1 %, as the amplitudes are small",
    },
)
def around_a_vortex():
    axes, save = draw("vortex_profiles", 10, 4, columns=2)
    published = {0.05: (0.81296, 1.02888, 0.2159), 0.98: (0.41288, 0.60230, 0.1894)}
    for axis, T, n, entry, trend in ((axes[0], 0.05, 32, "R192", "R202"), (axes[1], 0.98, 12, "R197", "R206")):
        sol = solved(T, n)
        curves, printed = profiles(sol), paper_profiles(sol)
        draw_profiles(axis, T, curves, printed, value_of(entry))
        (r_j, j), (r_S, S) = peaks(curves)
        at, note = f"at {T} Tc", convergence(T, n)
        exact = published[T]
        yield row("20", f"radius of the largest current [xi] {at}", r_j, exact[0], MESH, note=note)
        yield row("20", f"radius of the largest spin [xi] {at}", r_S, exact[1], MESH)
        yield row("20", f"their separation [xi] {at}", r_S - r_j, exact[2], MESH, scale=exact[1])
        yield row(entry, f"largest current density {at}", j, value_of(entry)["j_max"], MESH)
        yield row(entry, f"largest spin density/gamma {at}", S, value_of(entry)["S_max_over_gamma0"], MESH)
        yield from trends(trend, at, curves, printed)
        if T == 0.05:
            yield from along_a_radius("R193", at, curves)
    save()


def draw_profiles(axis, T, curves, printed, exact):
    """Fig. 3, and what the paper's formulas give."""
    example.draw_profiles(axis, T, curves)
    for (name, (radius, values)), style in zip(printed.items(), ("-", "--"), strict=True):
        axis.plot(radius[1:], values[1:] / values.max(), style, color="0.6", zorder=1, label=f"{name} of the paper")
    axis.plot([exact["r_j"], exact["r_S"]], [1, 1], "ko", clip_on=False)
    axis.set_xlim(0, 4)
    axis.legend()


def trends(entry, at, curves, printed):
    """How far apart the two curves are, and where the paper's formulas put their maxima."""
    exact, (r_j, r_S) = value_of(entry), (r for r, _ in peaks(curves))
    yield row(entry, f"ratio of the two radii {at}", r_S / r_j, exact["exact_ratio"], MESH)
    quantity = f"largest difference of the two curves, each over its maximum, {at}"
    yield row(entry, quantity, largest_difference(curves), exact["exact_Linf"], MESH, scale=1.0)
    note = "the paper's formulas, with a of our solution"
    for (name, curve), key in zip(printed.items(), ("paper_I", "paper_S"), strict=True):
        found = example.maximum(*curve)[0]
        yield row(entry, f"radius of the maximum of {name} [xi] {at}", found, exact[key], MESH, note=note)


def along_a_radius(entry, at, curves):
    """Current and spin at the radii of a table."""
    exact = value_of(entry)
    for name, key in ((CURRENT, "j_phi"), (SPIN, "S_r_over_gamma0")):
        yield worst(entry, f"{name} {at}", CubicSpline(*curves[name])(exact["r"]), exact[key], MESH)


@case("vortex between", "vortex", "Separation of the maxima at other temperatures", "R203 R205")
def between():
    for entry, T, n in (("R203", 0.2, 24), ("R205", 0.8, 12)):
        exact = value_of(entry)
        (r_j, _), (r_S, _) = peaks(profiles(solved(T, n)))
        yield row(entry, f"radius of the largest current [xi] at {T} Tc", r_j, exact["exact_J"], MESH)
        yield row(entry, f"radius of the largest spin [xi] at {T} Tc", r_S, exact["exact_S"], MESH)


@case("truncated sums", "vortex", "Maxima of sums over the first frequencies alone", "R195 R200")
def truncated_sums():
    for entry, T in (("R195", 0.05), ("R200", 0.98)):
        known = {int(kind.split(",")[0].removeprefix("n=")): radii for kind, radii in value_of(entry).items()}
        sol = solved(T, ju.matsubara.plain_sum(T, max(known)))
        for n, radii in known.items():
            first = replace(sol, weights=np.where(np.arange(max(known)) < n, sol.weights, 0.0))
            for name, (r, _), exact in zip(("current", "spin"), peaks(profiles(first)), radii, strict=True):
                quantity = f"radius of the largest {name} [xi] at {T} Tc, first {n} frequencies"
                yield row(entry, quantity, r, exact, MESH)


STRONG = {"gamma": 0.7484018172, "spin_field": 0.15, "theta": 0.2, "kappa": 0.1}
"""Of the entries; gamma is 0.3 sqrt(D Delta)."""


RIM = (
    "worst at the rim, where S_z forms a layer; the deviation is of second order in the distance of rings there: at "
    "omega = 0.8, 2.1e-02 where it is 0.25 and 7.6e-03 where it is 0.15"
)


def strong_material(gamma, spin_field, theta, kappa):
    tensors = {"gamma": ju.rashba(gamma), "spin_field": ju.rashba(spin_field)}
    axial = {"theta": (0, 0, theta), "kappa": (0, 0, kappa)}
    return ju.Material(D=2 * GAP_RATIO, Gamma=2 * GAP_RATIO, **tensors, **axial)


def strong_vortex(mesh, terms, **frequencies):
    """{name of a profile: (radii, means)} with these terms."""
    given = {name: STRONG[name] if name in terms else 0.0 for name in STRONG}
    device = ju.Device(mesh=mesh, materials=strong_material(**given))
    sol = ju.solve(device, pair_potential=ju.vortex(GAP_RATIO), **frequencies)
    S = np.asarray(ju.spin_density(sol))
    known = {"j_phi": polar(sol, ju.charge_current(sol, at="nodes"))[1], "S_r": polar(sol, S)[0], "S_z": S[:, 2]}
    return {k: over_rings(mesh, v) for k, v in (known | {"cos": cosines(sol)[0]}).items()}


@case("strong vortex", "vortex", "All spin-orbit terms at once, each of them strong", "R208 R213 R215 R217 R219")
def strong():
    mesh = graded_disk(6.0, 0.02, 64, size=0.12)  # S_z is largest in a layer at the rim: 2 % off with size = 0.25
    one = lambda omega: {"T": 1 / np.pi, "frequencies": ([omega], [1.0])}  # noqa: E731
    galvanic, low = ("gamma",), {"T": 0.05, "frequencies": 32}
    for entry, terms, frequencies, kind in (
        ("R208", tuple(STRONG), one(0.8), "all terms, omega = 0.8"),
        ("R213", galvanic, one(0.157079632679), "gamma, omega = 0.157"),
        ("R215", galvanic, one(5.292), "gamma, omega = 5.292"),
        ("R217", ("spin_field",), one(0.8), "spin field, omega = 0.8"),
        ("R219", tuple(STRONG), low, "all terms, T = 0.05 Tc"),
    ):
        found, exact = strong_vortex(mesh, terms, **frequencies), value_of(entry)
        for name in ("j_phi", "S_r", "S_z", "cos"):
            if np.abs(exact.get(name, 0)).max() > 0:
                known = slice(-1 if name == "j_phi" else None)  # at the rim the current is that of triangles within it
                values = CubicSpline(*found[name])(exact["r"][known])
                note = RIM if name == "S_z" else ""
                yield worst(entry, f"{name}, {kind}", values, exact[name][known], nodes(mesh), note=note)


@case(
    "textures",
    "vortex",
    "Spin textures of the gyrotropic classes (Figs. 1 and 2)",
    "20",
    pictures={
        "vortex_textures": "Fig. 2 and the inset of Fig. 1: direction of the spin over the current density, 0.05 Tc. "
        "All three agree with the paper: perpendicular to the current in C4v, along it in D4, and mirrored, so that it "
        "turns against it twice on a circle, in D2d. The sign, which the paper leaves open, is that of gamma_xy > 0",
    },
)
def textures():
    axes, save = draw("vortex_textures", 12, 4.5, columns=3)
    mesh = nodes(example.MESH)
    for axis, (group, texture) in zip(axes, example.CLASSES.items(), strict=True):
        sol = example.solve_vortex(0.05, texture, 2)
        S, j = np.asarray(ju.spin_density(sol)), np.asarray(ju.charge_current(sol, at="nodes"))
        example.draw_texture(axis, group, S, j)
        x, y = np.asarray(texture(1.0))[:2] @ [0.0, 1.0]  # S = gamma j, and j = y on the +x axis
        expected = np.degrees(np.arctan2(y, x)) - 90
        angle, turns = example.angle_to_current(S, j)
        off = (angle - expected + 180) % 360 - 180
        quantity = f"angle from current to spin on the +x axis, {group} [degrees]"
        yield row("20", quantity, expected + off, expected, mesh, scale=360, note=f"it turns {turns} times on a circle")
    save()
