"""Pictures for a talk: laboratory units, keys, places that are named, dark ground, films and surfaces."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.animation import writers
from matplotlib.quiver import Quiver
from mpl_toolkits.mplot3d import Axes3D
from PIL import Image
from scipy.constants import e, hbar, k

import jusadel as ju
from jusadel.plot import canvas

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")  # drawn
NB = ju.Units(Tc=9.2, D=5.0, resistivity=10.0, thickness=40.0)
XI = 1e9 * np.sqrt(hbar * 5e-4 / (k * 9.2))
"""The unit of length [nm]."""
MEV = k * 9.2 / e * 1e3
"""The unit of energy [meV]."""


def junction(units):
    strip = ju.strip({"S": 1.0, "N": 1.0}, 0.5, 0.25)
    metals = {"S": ju.Material(Tc=1.0), "N": ju.Material(Tc=0.0)}
    ends = {"left": ju.Reservoir(1.7), "right": ju.Tunnel(ju.Reservoir(1.7, phase=np.pi / 2), 2.0)}
    return ju.Device(mesh=strip, materials=metals, boundaries=ends, units=units)


@pytest.fixture(autouse=True)
def figures_are_closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def sol():
    return ju.solve(junction(NB), 0.3, 1.5, frequencies=2)


@pytest.fixture(scope="module")
def spec(sol):
    return ju.spectrum(sol, [0.5, 1.5], eta=0.2)


def image_of(ax):
    return next(c for c in ax.collections if c.get_array() is not None)


def arrows_of(ax):
    """The arrows and their key, which stands outside of the axes."""
    return [c for c in ax.collections if isinstance(c, Quiver)]


# --- units ----------------------------------------------------------------------------------------------


def test_everything_that_is_drawn_is_in_laboratory_units(sol, spec):
    """Textbook numbers: xi of niobium, k_B 9.2 K, and e N0 d E0^2 xi/hbar with 1/rho = 2 e^2 N0 D."""
    ax = ju.plot.field(sol)
    assert (ax.get_xlabel(), ax.child_axes[0].get_ylabel()) == ("x [nm]", r"$|\Delta|$ [meV]")
    np.testing.assert_allclose(image_of(ax).get_array(), MEV * np.abs(sol.Delta))
    assert ax.get_xlim()[1] == pytest.approx(2.06 * XI)
    ax = ju.plot.arrows(sol)
    per_um = 1 / (2 * 10e-8 * 5e-4) * 40e-9 * (k * 9.2) ** 2 * XI * 1e-9 / (e * hbar)
    exact = per_um * np.linalg.norm(np.asarray(ju.charge_current(sol, at="nodes")), axis=1).max()
    assert image_of(ax).get_clim()[1] == pytest.approx(exact, rel=0.2)
    assert ax.child_axes[0].get_ylabel() == "|j| [uA/um]"
    assert ju.plot.spin_texture(sol, np.ones((sol.mesh.n_nodes, 3))).child_axes[0].get_ylabel() == "$S_z$ [1/nm^3]"
    ax = ju.plot.spectrum(spec)
    assert ax.get_xlabel() == "E [meV]"
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [0.5 * MEV, 1.5 * MEV])
    assert ju.plot.density_map(spec, 1.4).child_axes[0].get_ylabel() == f"N(E = {1.5 * MEV:.4g} meV)"
    ax = ju.plot.density_along(spec, (0.1, 0.2), (1.9, 0.2), samples=7)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("distance [nm]", "E [meV]")
    ax = ju.plot.line_cut(sol, np.abs(sol.Delta), (0.1, 0.2), (1.9, 0.2), "gap", quantity="energy")
    np.testing.assert_allclose(np.array(ax.lines[0].get_data())[:, -1], [1.8 * XI, 1.5 * MEV])
    assert ax.get_ylabel() == "gap [meV]"
    assert ju.plot.convergence(sol).get_xlabel() == r"$\omega$ [meV]"


def test_a_name_of_a_unit_converts(sol):
    ax = ju.plot.mesh(sol, unit="um")
    assert ax.get_xlabel() == "x [um]"
    assert ax.get_xlim()[1] == pytest.approx(2.06e-3 * XI)
    assert canvas.length_unit("Å", sol)[0] == pytest.approx(10 * XI)
    assert canvas.length_unit("", sol)[1] == " [nm]"
    assert canvas.length_unit(("nm", 3.0), sol)[0] == 3.0  # said is said
    with pytest.raises(ValueError, match=r"quantity = 'gap'; expected one of .*'energy'"):
        ju.plot.field(sol, np.abs(sol.Delta), quantity="gap")
    bare = ju.Units(Tc=9.2, D=5.0)
    ax = ju.plot.field(junction(bare), np.ones(sol.mesh.n_nodes), "j", quantity="current density")
    assert ax.child_axes[0].get_ylabel() == "j [code units]"


def test_current_phase_relations_over_a_turn():
    """Phases of [0, 2 pi) close; others are drawn as far as they go."""
    phases = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    cpr = ju.CurrentPhaseRelation(phases, 2 * np.sin(phases), -np.cos(phases), NB)
    uA = 1e6 / (2 * 10e-8 * 5e-4) * 40e-9 * (k * 9.2) ** 2 * (XI * 1e-9) ** 2 / (e * hbar)
    _, curve, points, extrema = ju.plot.current_phase(cpr).lines
    assert curve.get_xdata()[-1] == pytest.approx(2.0)
    np.testing.assert_allclose(curve.get_ydata(), 2 * uA * np.sin(np.pi * curve.get_xdata()), atol=1e-6 * uA)
    np.testing.assert_allclose(points.get_ydata(), uA * cpr.current)
    np.testing.assert_allclose(extrema.get_ydata(), [2 * uA, -2 * uA], rtol=1e-6)
    assert f"critical currents {2 * uA:.6g} and {2 * uA:.6g} uA" in repr(cpr)
    part = np.linspace(-0.8 * np.pi, 0.8 * np.pi, 13)
    ax = ju.plot.current_phase(ju.CurrentPhaseRelation(part, 2 * np.sin(part), -np.cos(part)))
    np.testing.assert_allclose(ax.lines[1].get_xdata()[[0, -1]], [-0.8, 0.8])
    assert ax.get_ylabel() == "current"


# --- arrows, colours, legends ---------------------------------------------------------------------------


def test_arrows_have_a_key_and_do_not_overlap():
    """A vortex: 1/r, and a hundred times that in its first cell."""
    disk = ju.disk(3.0, 0.3)
    r2 = (np.asarray(disk.centroids) ** 2).sum(axis=1)
    turning = np.asarray(disk.centroids)[:, ::-1] * [-1, 1] / r2[:, None]
    turning[np.argmin(r2)] *= 100
    ax = ju.plot.arrows(disk, turning, columns=15)
    quiver, key = arrows_of(ax)
    longest = np.hypot(quiver.U, quiver.V).max()
    assert longest / quiver.scale < 6.0 / 15  # less than from one to the next
    assert 0.5 * longest <= key.U[0] <= longest
    assert key.scale == quiver.scale
    assert float(ax.texts[0].get_text()) == key.U[0]
    ax.figure.draw_without_rendering()
    assert ax.texts[0].get_window_extent().y1 < ax.figure.bbox.y1
    assert longest < 3 * np.quantile(1 / np.sqrt(r2), 0.95)
    assert len(arrows_of(ju.plot.arrows(disk, turning, columns=9, key=False))) == 1


def test_what_vanishes_is_white_and_what_is_uniform_says_so(sol):
    """The spin of a device without magnets is round-off, which must not look like a texture."""
    ax = ju.plot.spin_texture(sol)
    assert np.abs(np.asarray(ju.spin_density(sol))).max() < 1e-9
    assert not np.any(image_of(ax).get_array())
    assert ax.get_title() == "0 everywhere"
    assert image_of(ax).get_cmap()(0.5)[:3] == pytest.approx((0.97, 0.97, 0.97), abs=0.01)
    noisy = 1.5 * (1 + 1e-13 * np.arange(sol.mesh.n_nodes))
    ax = ju.plot.field(sol, noisy)
    assert ax.get_title() == "1.5 everywhere"
    assert np.ptp(image_of(ax).norm(noisy)) < 1e-9
    assert not ju.plot.field(sol, np.arange(sol.mesh.n_nodes)).get_title()


def test_legends_name_places(spec):
    ax = ju.plot.spectrum(spec, at=[(0.5, 0.25)], regions=["N"])
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == [f"S at ({0.5 * XI:.4g}, {0.25 * XI:.4g}) nm", "N, mean"]
    ax = ju.plot.spectrum(spec, at={"S, middle": (0.5, 0.25), "N, end": (1.9, 0.25)})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["S, middle", "N, end"]


@pytest.mark.parametrize("draw", [ju.plot.device, ju.plot.mesh])
def test_nothing_of_a_legend_is_cut_off(draw):
    ax = draw(junction(NB))
    before = canvas.plane(None, junction(NB), "").get_window_extent().width
    figure = ax.figure
    figure.draw_without_rendering()
    legend = ax.get_legend().get_window_extent()
    assert legend.x0 >= 0
    assert legend.x1 <= figure.bbox.x1
    assert legend.y0 >= 0
    assert legend.y1 < ax.xaxis.label.get_window_extent().y0
    assert ax.get_window_extent().width > 0.9 * before


def test_dark_ground_turns_black_into_white(sol):
    with plt.style.context("dark_background"):
        ax = ju.plot.device(junction(NB))
        assert tuple(ax.collections[1].get_colors()[0][:3]) == (1, 1, 1)
        phases = np.linspace(0, 2 * np.pi, 8, endpoint=False)
        cpr = ju.CurrentPhaseRelation(phases, np.sin(phases), -np.cos(phases) / 2)
        assert ju.plot.current_phase(cpr).lines[-1].get_color() == "white"
    assert tuple(ju.plot.device(junction(NB)).collections[1].get_colors()[0][:3]) == (0, 0, 0)


# --- surfaces and films ---------------------------------------------------------------------------------


def test_surfaces_have_the_values_at_the_corners(sol, monkeypatch):
    drawn, draw = [], Axes3D.plot_trisurf
    monkeypatch.setattr(
        Axes3D, "plot_trisurf", lambda ax, *given, **look: drawn.append(given) or draw(ax, *given, **look)
    )
    ax = ju.plot.surface(sol, np.asarray(sol.mesh.points)[:, 0], "x")
    grid, height = drawn[0]
    np.testing.assert_allclose(grid.x, XI * height, atol=1e-9)
    assert len(height) == sol.mesh.triangles.size
    assert (ax.get_xlabel(), ax.get_zlabel()) == ("x [nm]", "x")
    assert ju.plot.surface(sol).get_zlabel() == r"$|\Delta|$ [meV]"
    with pytest.raises(ValueError, match="ax has two dimensions; expected one of"):
        ju.plot.surface(sol, ax=plt.subplots()[1])


def test_a_film_keeps_its_colours(sol, tmp_path):
    """Three frames of which the last is the brightest: the colours of all are those of 0 to 3."""
    seen = []

    def draw(height, ax):
        ax = ju.plot.field(sol, height * np.asarray(sol.mesh.points)[:, 0], ax=ax)
        seen.append(image_of(ax))
        return ax

    path = tmp_path / "film.gif"
    ju.plot.animate([1.0, 2.0, 3.0], path, draw, titles=["a", "b", "c"], seconds=0.3, dpi=40)
    assert [image.get_clim() for image in seen[-3:]] == [(0.0, 6.0)] * 3
    frames = []
    with Image.open(path) as film:
        assert (film.n_frames, film.info["duration"]) == (3, 300)
        for number in range(3):
            film.seek(number)
            frames.append(np.asarray(film.convert("RGB"), float))
    assert np.abs(frames[0] - frames[2]).max() > 50
    assert not plt.get_fignums()
    assert [file.name for file in tmp_path.iterdir()] == ["film.gif"]


def test_an_mp4_by_the_ffmpeg_of_a_package(tmp_path, monkeypatch):
    """As many pictures of the same size as results; no ffmpeg of the system is on the path."""
    package = pytest.importorskip("imageio_ffmpeg", reason='needs the extra: python -m pip install "jusadel[video]"')
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("IMAGEIO_FFMPEG_NO_PREVENT_SIGINT", "1")  # for reading alone: a fork of this process otherwise
    assert not writers.is_available("ffmpeg")

    def draw(height, ax=None):
        ax = ax or plt.figure(figsize=(3, 2)).add_subplot()
        ax.plot([0, 1], [0, height])
        return ax

    ju.plot.animate([1.0, 2.0, 3.0], tmp_path / "film.mp4", draw, seconds=0.5, dpi=41)
    frames, duration = package.count_frames_and_secs(tmp_path / "film.mp4")
    assert (frames, duration) == (3, pytest.approx(1.5, abs=0.1))
    picture = package.read_frames(tmp_path / "film.mp4")
    next(picture)
    assert np.frombuffer(next(picture), np.uint8).std() > 10
    picture.close()
    assert [file.name for file in tmp_path.iterdir()] == ["film.mp4"]
    assert not writers.is_available("ffmpeg")


def test_films_that_cannot_be(sol, tmp_path, monkeypatch):
    for given, message in (
        (([sol], "one.gif"), "1 results; expected at least two"),
        (([sol, sol], "two.avi"), r"ends in .gif or .mp4"),
        (([sol, sol], "two.gif", ju.plot.field, ["a"]), "1 titles for 2 results"),
    ):
        with pytest.raises(ValueError, match=message):
            ju.plot.animate(given[0], tmp_path / given[1], *given[2:])
    monkeypatch.setattr(writers, "is_available", lambda name: False)
    with pytest.raises(ImportError, match=r'.mp4 is written by ffmpeg, .*write a .gif, .*"jusadel\[video\]"'):
        ju.plot.animate([sol, sol], tmp_path / "two.mp4")
    assert not list(tmp_path.iterdir())
