"""Figs. 1 to 3 of Kokkeler, Bergeret and Tokatly: profiles and textures around a vortex, on the example's mesh."""

import numpy as np

import jusadel as ju
from examples import vortex as example
from validation.registry import case, draw, nodes, row, value_of

MESH = nodes(example.MESH)
DISC = (
    f"the example's disc ends at 4 xi, that of the references at 8 xi, and has {MESH} where the tolerance is meant for "
    "about 4000; currents are constant on a triangle"
)
SUM = "the sum over frequencies goes far beyond 8 Delta; cut there, the radius would be 0.924 (R195)"


def solved(T, frequencies):
    sol = example.solve_vortex(T, ju.rashba, frequencies)
    return sol, {"current I": example.current_profile(sol), "spin S": example.spin_profile(sol)}


def peaks(profiles):
    """Radii of the largest current and spin, and their heights."""
    (r_j, j), (r_S, S) = (example.maximum(*profile) for profile in profiles.values())
    return r_j, r_S, j, S / example.GAMMA


@case(
    "vortex",
    "vortex",
    "Current and spin around a vortex (Figs. 1 and 3)",
    "20 R192 R197",
    pictures={
        "vortex_profiles": "Figs. 1 and 3: current and spin against the distance from the core, each over its maximum; "
        "dots: the maxima of two radial programs, disc of 8 xi (here 4). What agrees with the paper: the spin is "
        "farther out than the current; the difference is smaller at 0.98 Tc than at 0.05 Tc, in units of xi, and can "
        "still be seen there. What does not: the paper's formulas, (S12) for the current and S = a_s a_1 for the spin, "
        "lack the factors that normalise the Green's function, and give maxima at 0.956 and 1.476 xi at 0.05 Tc, "
        "so that their separation shrinks clearly, from 0.52 to 0.19 xi. That of the solution of the Usadel equation "
        "goes from 0.216 to 0.189 xi, not monotonically (0.236, 0.296 and 0.302 at 0.2, 0.5 and 0.8 Tc), and the ratio "
        "of the two radii grows, from 1.27 to 1.46. Close to Tc both agree within 1 %, as the amplitudes are small",
    },
)
def profiles():
    axes, save = draw("vortex_profiles", 10, 4, columns=2)
    for axis, T, n, entry, published in (
        (axes[0], 0.05, 24, "R192", (0.81296, 1.02888, 0.2159)),
        (axes[1], 0.98, 8, "R197", (0.41288, 0.60230, 0.1894)),
    ):
        exact = value_of(entry)
        _, curves = solved(T, n)
        r_j, r_S, j, S = peaks(curves)
        example.draw_profiles(axis, T, curves)
        axis.plot([exact["r_j"], exact["r_S"]], [1, 1], "ko", clip_on=False)
        axis.set_xlim(0, 4)
        note = f"{SUM}; {DISC}" if T < 0.5 else DISC
        yield row("20", f"radius of the largest current [xi] at {T} Tc", r_j, published[0], MESH, note=note)
        yield row("20", f"radius of the largest spin [xi] at {T} Tc", r_S, published[1], MESH)
        yield row(
            "20", f"their separation [xi] at {T} Tc", r_S - r_j, published[2], MESH, scale=published[1], note=DISC
        )
        yield row(entry, f"largest current density at {T} Tc", j, exact["j_max"], MESH, note=DISC)
        yield row(entry, f"largest spin density/gamma at {T} Tc", S, exact["S_max_over_gamma0"], MESH)
    save()


@case("vortex between", "vortex", "Separation of the maxima at other temperatures", "R203 R205")
def between():
    for entry, T, n in (("R203", 0.2, 12), ("R205", 0.8, 8)):
        exact = value_of(entry)
        _, curves = solved(T, n)
        r_j, r_S, _, _ = peaks(curves)
        yield row(entry, f"radius of the largest current [xi] at {T} Tc", r_j, exact["exact_J"], MESH)
        yield row(entry, f"radius of the largest spin [xi] at {T} Tc", r_S, exact["exact_S"], MESH)


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
    axes, save = draw("vortex_textures", 12, 4, columns=3)
    for axis, (group, texture) in zip(axes, example.CLASSES.items(), strict=True):
        sol = example.solve_vortex(0.05, texture, 2)
        S, j = np.asarray(ju.spin_density(sol)), np.asarray(ju.charge_current(sol, at="nodes"))
        example.draw_texture(axis, group, S, j)
        x, y = np.asarray(texture(1.0))[:2] @ [0.0, 1.0]  # S = gamma j, and j = y on the +x axis
        expected = np.degrees(np.arctan2(y, x)) - 90
        angle, turns = example.angle_to_current(S, j)
        off = (angle - expected + 180) % 360 - 180
        quantity = f"angle from current to spin on the +x axis, {group} [degrees]"
        yield row("20", quantity, expected + off, expected, MESH, scale=360, note=f"it turns {turns} times on a circle")
    save()
