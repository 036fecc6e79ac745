"""Pictures: what is drawn where, with which numbers and colours, and what cannot be drawn."""

import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch

import jusadel as ju
from jusadel.mesh.interfaces import split, with_cut_between
from jusadel.plot import canvas, fields

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")  # drawn
MESH = ju.disk(3.0, 0.9)


@pytest.fixture(autouse=True)
def figures_are_closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def sol():
    material = ju.Material(D=9.0, Gamma=1.0, gamma=ju.rashba(0.3))
    return ju.solve(ju.Device(mesh=MESH, materials=material), 0.2, ju.vortex(1.5), frequencies=4)


@pytest.fixture(scope="module")
def spec(sol):
    return ju.spectrum(sol, [0.5, 1.5, 3.0], eta=0.1)


def image_of(ax):
    return next(c for c in ax.collections if c.get_array() is not None)


# --- fields ---------------------------------------------------------------------------------------


def test_field_shows_the_values_at_nodes_or_triangles(sol):
    ax = ju.plot.field(sol, unit="xi")
    assert ax.get_xlabel() == "x [xi]"
    assert ax.get_aspect() == 1
    np.testing.assert_allclose(image_of(ax).get_array(), np.abs(sol.Delta))
    np.testing.assert_allclose(image_of(ju.plot.field(MESH, MESH.areas)).get_array(), MESH.areas)
    assert ax.child_axes[0].get_ylabel() == r"$|\Delta|$"  # the colour bar


def test_colours_tell_signs_from_sizes_and_phases(sol):
    x = np.asarray(MESH.points)[:, 0]
    signed, positive = image_of(ju.plot.field(MESH, x)), image_of(ju.plot.field(MESH, x + 10))
    assert signed.get_clim() == pytest.approx((-np.abs(x).max(), np.abs(x).max()))
    assert (signed.get_cmap().name, positive.get_cmap().name) == ("PuOr", "cividis")
    phase = image_of(ju.plot.field(sol, np.angle(sol.Delta), "phase"))
    assert phase.get_cmap().name == "twilight"
    assert phase.get_clim() == pytest.approx((-np.pi, np.pi))


def test_arrows_are_those_of_the_field_and_stay_inside():
    turning = np.stack([-MESH.points[:, 1], MESH.points[:, 0]], axis=1)
    quiver = ju.plot.arrows(MESH, turning, columns=10).collections[0]
    radius = np.hypot(quiver.X, quiver.Y)
    assert 50 < len(radius) < 100
    assert radius.max() < 3.0
    np.testing.assert_allclose(np.stack([quiver.U, quiver.V]), np.stack([-quiver.Y, quiver.X]), atol=1e-12)
    same = ju.plot.arrows(MESH, turning, columns=10, same_length=True).collections[0]
    np.testing.assert_allclose(np.hypot(same.U, same.V), 1)


def test_streamlines_of_a_vortex_are_circles(sol):
    ax = ju.plot.streamlines(sol)
    lines = next(c for c in ax.collections if hasattr(c, "get_segments") and c.get_array() is None)
    steps = np.concatenate([np.stack([s[:-1], s[1:]], axis=1) for s in lines.get_segments() if len(s) > 1])
    outward = np.abs(np.hypot(*steps[:, 1].T) - np.hypot(*steps[:, 0].T))
    assert len(steps) > 100
    assert outward.sum() < 0.1 * np.linalg.norm(steps[:, 1] - steps[:, 0], axis=1).sum()


def test_spin_texture_has_the_spin_out_of_the_plane_in_colours():
    spin = np.stack([MESH.points[:, 0], MESH.points[:, 1], np.full(len(MESH.points), 0.5)], axis=1)
    ax = ju.plot.spin_texture(MESH, spin)
    np.testing.assert_allclose(image_of(ax).get_array(), 0.5)
    assert image_of(ax).get_clim() == (-np.abs(spin).max(), np.abs(spin).max())
    arrows, key = ax.collections[1:]
    np.testing.assert_allclose(np.hypot(arrows.U, arrows.V), np.hypot(arrows.X, arrows.Y), atol=1e-9)
    assert key.scale == arrows.scale
    assert len(ju.plot.spin_texture(MESH, spin * [0, 0, 1]).collections) == 1


def test_pictures_go_where_they_are_asked_to(sol):
    _, (left, right) = plt.subplots(1, 2)
    assert ju.plot.arrows(sol, ax=left) is left
    assert ju.plot.spin_texture(sol, ax=right) is right


# --- lines ----------------------------------------------------------------------------------------


def test_line_cut_interpolates_and_leaves_gaps():
    ax = ju.plot.line_cut(MESH, 2 * MESH.points[:, 0], (-4.0, 0.0), (4.0, 0.0), "twice x", samples=81)
    distance, values = ax.lines[0].get_data()
    inside = np.abs(distance - 4.0) < 2.9
    np.testing.assert_allclose(values[inside], 2 * (distance[inside] - 4.0), atol=1e-12)
    assert np.isnan(values[np.abs(distance - 4.0) > 3.0]).all()
    assert ax.get_ylabel() == "twice x"
    ju.plot.line_cut(MESH, MESH.areas, (0, 0), (1, 0), "areas", ax=ax)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["twice x", "areas"]
    with pytest.raises(ValueError, match=r"from \[5.0, 5.0\] to \[6.0, 5.0\] does not meet the mesh"):
        ju.plot.line_cut(MESH, MESH.areas, (5, 5), (6, 5))


def test_current_phase_relation_with_its_extrema():
    phases = np.linspace(-np.pi, np.pi, 16, endpoint=False)
    cpr = ju.CurrentPhaseRelation(phases, 2 * np.sin(phases), -np.cos(phases))
    ax = ju.plot.current_phase(cpr)
    zero, curve, points, extrema = ax.lines
    np.testing.assert_allclose(curve.get_ydata(), 2 * np.sin(np.pi * curve.get_xdata()), atol=1e-10)
    np.testing.assert_allclose(points.get_xdata(), phases / np.pi)
    np.testing.assert_allclose(np.sort(extrema.get_ydata()), [-2, 2], atol=1e-9)
    np.testing.assert_allclose(np.sort(extrema.get_xdata()), [-0.5, 0.5], atol=1e-6)
    assert zero.get_ydata()[0] == 0


def test_magnetoconductance_in_the_order_of_fields():
    given = {"across": ("left", "right"), "mesh_size": 0.1, "dephasing": None}
    device = ju.Device(mesh=MESH, materials=ju.Material(Tc=0.0))
    found = ju.Localisation(
        correction=np.array([3.0, 1.0, 2.0]), fields=np.array([2.0, 0.0, 1.0]), device=device, **given
    )
    zero, curve = ju.plot.magnetoconductance(found).lines
    np.testing.assert_array_equal(curve.get_xydata(), [[0, 0], [1, 1], [2, 2]])
    assert zero.get_ydata()[0] == 0


def test_magnetoconductance_says_its_units():
    """e^2/h always; fields in mT where they are asked for, and otherwise not as if they were."""
    u = ju.Units(energy_scale=1.0, D=10.0)
    device = ju.Device(mesh=MESH, materials=ju.Material(Tc=0.0), units=u)
    given = {"across": ("left", "right"), "mesh_size": 0.1, "dephasing": None}
    found = ju.Localisation(
        correction=np.array([0.0, 2.0]), fields=u.field(mT=np.array([0.0, 5.0])), device=device, **given
    )
    for asked, label, last in (({}, "B [code units]", u.field(mT=5.0)), ({"quantity": "field"}, "B [mT]", 5.0)):
        ax = ju.plot.magnetoconductance(found, **asked)
        assert (ax.get_xlabel(), ax.get_ylabel()) == (label, "change of conductance [$e^2/h$]")
        assert ax.lines[1].get_xydata()[-1] == pytest.approx([last, 2.0])
    assert ju.plot.magnetoconductance(found, xlabel="gate").get_xlabel() == "gate"


def test_convergence_marks_what_is_not_certified(sol):
    ax = ju.plot.convergence(sol)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), np.maximum(sol.stats["residual"], 1e-17))
    assert len(ax.lines[1].get_xdata()) == 0
    stats = {"residual": np.array([1e-12, 1e-3]), "steps": np.array([4, 30])}
    failed = SimpleNamespace(omega=np.array([1.0, 2.0]), stats=stats, converged=np.array([True, False]), stable=True)
    assert ju.plot.convergence(failed).lines[1].get_xdata().tolist() == [2.0]


def test_fit_history():
    x = np.linspace(0, 1, 9)
    result = ju.fit(lambda p: p["a"] * np.e ** (-p["b"] * x), 2 * np.exp(-3 * x) + 0.01 * x, start={"a": 1.0, "b": 1.0})
    ax = ju.plot.fit_history(result)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), result.history.loss)
    parameters = ax.figure.axes[1].lines
    assert [line.get_label() for line in parameters] == ["a", "b"]
    assert all(line.get_ydata()[-1] == 1 for line in parameters)


# --- spectra --------------------------------------------------------------------------------------


def test_spectra_at_points_and_over_regions(spec):
    N = np.asarray(ju.density_of_states(spec))
    node = int(np.argmin(np.hypot(*(MESH.points - [1.0, 0.5]).T)))
    ax = ju.plot.spectrum(spec, at=[MESH.points[node]], regions=["film"])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), N[:, node])
    np.testing.assert_allclose(ax.lines[1].get_ydata(), ju.mean_density_of_states(spec, "film"))
    alone = ju.plot.spectrum(spec)
    assert len(alone.lines) == 1
    assert len({line.get_color() for line in ju.plot.spectrum(spec, ax=alone).lines}) == 2
    with pytest.raises(ValueError, match=r"the point \[9.0, 0.0\] is outside the mesh"):
        ju.plot.spectrum(spec, at=[(9.0, 0.0)])


def test_maps_of_the_density_of_states(spec):
    ax = ju.plot.density_map(spec, 1.4)
    np.testing.assert_allclose(image_of(ax).get_array(), ju.density_of_states(spec)[1])
    assert ax.child_axes[0].get_ylabel() == "N(E = 1.5)"
    ax = ju.plot.density_along(spec, (-2.5, 0), (2.5, 0), samples=11)
    image = np.asarray(ax.collections[0].get_array()).reshape(3, 11)
    centre = int(np.argmin(np.hypot(*MESH.points.T)))
    np.testing.assert_allclose(image[:, 5], np.asarray(ju.density_of_states(spec))[:, centre])
    with pytest.raises(ValueError, match="at least two, rising"):
        ju.plot.density_along(SimpleNamespace(energies=[1.0], mesh=MESH), (0, 0), (1, 0))


# --- devices --------------------------------------------------------------------------------------


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_mesh_and_device_name_their_parts():
    regions = {"S": lambda p: p[:, 0] < 1.0, "N": lambda p: p[:, 0] > 1.0}
    mesh = ju.rectangle(2.0, 1.0, 0.6, x=[0, 0.5, 1, 1.5, 2], regions=regions)
    assert labels(ju.plot.mesh(mesh)) == ["S", "N", "left", "right", "bottom", "top"]
    device = ju.Device(
        mesh=mesh,
        materials={"S": ju.Material(), "N": ju.Material(Tc=0.0, gamma=ju.rashba(0.1))},
        boundaries={"left": ju.Reservoir(1.5, phase=0.2), "right": ju.Tunnel(ju.Reservoir(0.0), 0.3)},
    )
    ax = ju.plot.device(device)
    first, second, left, right = labels(ax)
    assert first == "S: Tc = 1, D = 1, nu = 1"
    assert second == "N: D = 1, nu = 1, gamma"
    assert left.startswith("left: Reservoir(Delta=1.5, phase=0.2")
    assert right.startswith("right: Tunnel(")
    drawn = np.concatenate(ax.collections[1].get_segments())
    np.testing.assert_allclose(drawn[:, 0], 0.0)


# --- barriers, seams and slits --------------------------------------------------------------------


def with_barrier():
    mesh = with_cut_between(ju.strip({"S": 1.0, "N": 1.0}, 0.6, 0.3), "S", "N", "cut")
    ends = {"left": ju.Reservoir(1.7), "right": ju.Reservoir(1.7, phase=1.0), "cut": ju.Interface(0.5)}
    materials = {"S": ju.Material(Tc=0.0, h=(0.3, 0, 0.5)), "N": ju.Material(Tc=0.0)}
    return ju.Device(mesh=split(mesh, "cut"), materials=materials, boundaries=ends)


def with_periodic_sides():
    ends = {"left": ju.Reservoir(1.7), "right": ju.Reservoir(1.7, phase=1.0), "bottom": ju.Periodic("top")}
    mesh = ju.rectangle(2.0, 0.6, 0.3)
    return ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0, h=(0.3, 0, 0.5)), boundaries=ends)


def with_slit():
    """A barrier across the strip that ends inside."""
    mesh = ju.rectangle(2.0, 0.6, 0.3, x=np.linspace(0, 2, 9), y=[0, 0.2, 0.4, 0.6])
    x, y = np.moveaxis(np.asarray(mesh.points)[mesh.edges], 2, 0)
    line = (np.abs(x - 1) < 1e-9).all(axis=1) & (y < 0.5).all(axis=1)
    ends = {"left": ju.Reservoir(1.7), "right": ju.Reservoir(1.7, phase=1.0), "cut": ju.Interface(0.5)}
    mesh = split(mesh.with_boundaries({"cut": mesh.edges[line]}), "cut")
    return ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0, h=(0.3, 0, 0.5)), boundaries=ends)


@pytest.fixture(scope="module", params=[with_barrier, with_periodic_sides, with_slit], ids=lambda f: f.__name__)
def solved(request):
    sol = ju.solve(request.param(), 0.3, frequencies=2)
    return sol, ju.spectrum(sol, [0.5, 1.5], eta=0.2)


ENDS = (0.0, 0.25), (2.0, 0.25)
DRAWN = {
    "device": lambda sol, spec: ju.plot.device(sol.device),
    "mesh": lambda sol, spec: ju.plot.mesh(sol),
    "field": lambda sol, spec: ju.plot.field(sol, np.asarray(ju.spin_density(sol))[:, 2]),
    "arrows": lambda sol, spec: ju.plot.arrows(sol),
    "arrows of triangles": lambda sol, spec: ju.plot.arrows(sol, ju.charge_current(sol)),
    "streamlines": lambda sol, spec: ju.plot.streamlines(sol),
    "spin_texture": lambda sol, spec: ju.plot.spin_texture(sol),
    "line_cut": lambda sol, spec: ju.plot.line_cut(sol, np.abs(ju.pair_amplitude(sol)[0]), *ENDS),
    "convergence": lambda sol, spec: ju.plot.convergence(sol),
    "spectrum": lambda sol, spec: ju.plot.spectrum(spec, at=[(0.9, 0.25), (1.1, 0.25)]),
    "density_map": lambda sol, spec: ju.plot.density_map(spec, 1.5),
    "density_along": lambda sol, spec: ju.plot.density_along(spec, *ENDS),
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_picture_of_barriers_seams_and_slits(solved, name):
    ax = DRAWN[name](*solved)
    ax.figure.draw_without_rendering()


def jumping(mesh):
    """0 on the left of x = 1, and 2 on its right."""
    return np.where(np.asarray(mesh.centroids)[:, 0] < 1, 0.0, 2.0)


def at_nodes(mesh, values):
    nodal = np.zeros(len(mesh.points))
    nodal[mesh.triangles] = values[:, None]
    return nodal


def test_fields_jump_at_barriers_and_nowhere_else():
    mesh = with_barrier().mesh
    values = at_nodes(mesh, jumping(mesh))
    distance, shown = ju.plot.line_cut(mesh, values, *ENDS).lines[0].get_data()
    assert distance[np.isnan(shown)] == pytest.approx([1.0])
    np.testing.assert_allclose(shown[distance < 1], 0, atol=1e-12)
    np.testing.assert_allclose(shown[distance > 1], 2)
    np.testing.assert_allclose(canvas.at_points(mesh, values, [[0.999, 0.3], [1.001, 0.3]]), [0, 2], atol=1e-12)
    slit = with_slit().mesh
    found = canvas.crossings(slit, np.array([0.0, 0.3]), np.array([2.0, 0.3]))
    np.testing.assert_allclose(found, 0.5)
    assert not len(canvas.crossings(slit, np.array([0.0, 0.55]), np.array([2.0, 0.55])))
    with pytest.raises(ValueError, match=r"\[1.0, 0.25\] lies on a barrier, where there is a value on either side"):
        canvas.refuse_on_barrier(mesh, np.array([1.0, 0.25]))


# --- units, numbers, legends ----------------------------------------------------------------------


def test_lengths_are_converted_or_refused():
    with pytest.raises(ValueError, match=r"unit = 'nm'; .* relabel them, not convert: give unit=\('nm', how many nm"):
        ju.plot.mesh(MESH, unit="nm")
    for wrong in (("nm",), ("nm", -1.0), ("nm", "one"), 21.3):
        with pytest.raises(ValueError, match=r"unit = .*; expected"):
            ju.plot.field(MESH, MESH.areas, unit=wrong)
    ax = ju.plot.arrows(MESH, MESH.points, unit=("nm", 20.0), columns=10)
    assert ax.get_xlabel() == "x [nm]"
    assert ax.get_xlim() == pytest.approx(20 * np.array(ju.plot.mesh(MESH).get_xlim()))
    quiver = ax.collections[0]
    np.testing.assert_allclose(quiver.X, 20 * quiver.U)
    distance, values = ju.plot.line_cut(MESH, MESH.points[:, 0], (0, 0), (1, 0), unit=("nm", 20.0)).lines[0].get_data()
    np.testing.assert_allclose(distance, 20 * values, atol=1e-9)


def test_colours_of_currents_leave_out_single_cells():
    mesh = ju.rectangle(2.0, 2.0, 0.1)
    current = np.ones((len(mesh.triangles), 3, 2))
    current[7] = 100.0
    ax = fields._modulus(mesh, current, None, "")
    assert image_of(ax).get_clim() == pytest.approx((0, np.sqrt(2)))
    assert image_of(ax).colorbar.extend == "max"


def test_numbers_in_legends_are_short():
    device = with_barrier()
    rounded = {"left": ju.Reservoir(1.7640001234567891), "right": ju.Reservoir(1.7), "cut": ju.Interface(1 / 3)}
    ax = ju.plot.device(replace(device, boundaries=rounded))
    assert "left: Reservoir(Delta=1.764, phase=0" in " ".join(labels(ax))
    assert "cut: Interface(conductance=0.33333" in " ".join(labels(ax))


def test_legends_stay_in_axes_that_others_are_beside():
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5))
    for draw in (lambda ax: ju.plot.mesh(with_barrier().mesh, ax=ax), lambda ax: ju.plot.device(with_barrier(), ax=ax)):
        draw(left)
        figure.draw_without_rendering()
        assert left.get_legend().get_window_extent().x1 < right.get_window_extent().x0


# --- what cannot be drawn -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones(7), rf"shape \(7,\); expected \({len(MESH.points)},\) or \({len(MESH.triangles)},\)"),
        (np.ones(len(MESH.points)) * 1j, "complex; draw their modulus"),
        (np.where(np.arange(len(MESH.points)) == 4, np.nan, 1.0), "not finite, first at node 4"),
    ],
)
def test_values_that_are_no_field(values, message):
    with pytest.raises(ValueError, match=message):
        ju.plot.field(MESH, values)


def test_things_without_a_mesh():
    with pytest.raises(TypeError, match="float has no mesh; expected a Mesh, Device"):
        ju.plot.field(1.0, [1.0])


def test_points_between_nodes_are_linear():
    points = np.array([[0.31, 0.2], [-1.1, 0.7], [8.0, 0.0]])
    found = canvas.at_points(MESH, 1 + MESH.points @ [2.0, -3.0], points)
    np.testing.assert_allclose(found[:2], 1 + points[:2] @ [2.0, -3.0])
    assert np.isnan(found[2])


def test_without_matplotlib_the_extra_is_named():
    program = "import sys; sys.modules['matplotlib'] = None\nimport jusadel as ju\nju.plot.mesh(ju.disk(1.0, 0.5))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert 'plots need matplotlib: python -m pip install "jusadel[plot]"' in done.stderr


@pytest.mark.parametrize(
    "unit", ["(nm)", "Nm", "nanometer", "nanometres", "microns", r"$\mathrm{nm}$", r"$\mu\mathrm{m}$", "Ångström"]
)
def test_laboratory_units_relabel_no_axes_however_they_are_written(unit):
    with pytest.raises(ValueError, match="relabel them, not convert"):
        ju.plot.mesh(MESH, unit=unit)
    for own in ("xi", "L", "$L_0$"):
        assert canvas.length_unit(own)[0] == 1.0


@pytest.mark.parametrize(("width", "height"), [(3.0, 1.0), (1.0, 1.0), (1.0, 40.0)])
def test_streamlines_leave_room_for_their_arrowheads(width, height):
    """Of a uniform flow, whose heads stand beside each other: apart by more than three times what a head is wide."""
    flow, size = ju.rectangle(width, height, max(width, height) / 10), 0.8 * 10
    ax = ju.plot.streamlines(flow, np.tile([1.0, 0.0], (len(flow.points), 1)))
    ax.figure.canvas.draw()
    heads = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    assert heads
    assert all(head.get_mutation_scale() <= size for head in heads)
    y = np.unique(np.round([ax.transData.transform(head._posA_posB[0])[1] for head in heads], 6))
    assert np.diff(y).min(initial=np.inf) * 72 / ax.figure.dpi > 3 * 0.4 * size
