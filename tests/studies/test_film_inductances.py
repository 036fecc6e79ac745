"""Self and mutual inductances of holes in films, against those of loops of wire; what is refused and warned of."""

import numpy as np
import pytest
from scipy.special import ellipe, ellipk

import jusadel as ju
from jusadel.studies.screening.checks import warn_of_long_rims

pytestmark = pytest.mark.filterwarnings("ignore:the mesh is too coarse")
T, THICKNESS, AROUND, WIDTH, RADII = 0.5, 0.02, 80, 1.0, (10.0, 14.0)
DELTA = ju.bulk_gap(T)
WEAK = 2 / (
    2 * np.pi * DELTA * np.tanh(DELTA / (2 * T)) * 100 * WIDTH * THICKNESS
)  # mu0 of a Pearl length of 100 widths


def rings(radii):
    """Two rings round the origin, of three circles of nodes each, of the area of round ones; a spoke joins them."""
    angles = 2 * np.pi * np.arange(AROUND) / AROUND
    circle = np.stack([np.cos(angles), np.sin(angles)], 1) * np.sqrt(2 * np.pi / AROUND / np.sin(2 * np.pi / AROUND))
    at = [r + step for r in radii for step in (-WIDTH / 2, 0.0, WIDTH / 2)]
    node = np.arange(len(at) * AROUND).reshape(len(radii), 3, AROUND)
    a, d = node[:, :-1], node[:, 1:]
    b, c = np.roll(a, -1, axis=2), np.roll(d, -1, axis=2)
    spoke = [[node[0, 2, 0], node[1, 0, 0], node[1, 0, 1]], [node[0, 2, 0], node[1, 0, 1], node[0, 2, 1]]]
    parts = [np.stack(x, -1).reshape(-1, 3) for x in ((a, d, c), (a, c, b))]
    triangles = np.concatenate([*parts, spoke])
    mesh = ju.Mesh(points=np.concatenate([r * circle for r in at]), triangles=triangles)
    return ju.Device(mesh=mesh, materials=ju.Material())


def trapped(device, where):
    """A fluxoid where a function of the radius is true."""
    pairs = lambda r: DELTA * np.exp(1j * np.where(where(np.hypot(*r.T)), np.arctan2(r[:, 1], r[:, 0]), 0.0))  # noqa: E731
    given = {"model": "film", "thickness": THICKNESS, "frequencies": 2, "linear_solver": ju.linear.SuperLU()}
    return ju.solve_screened(device, T, 0.0, WEAK, pairs, tol=1e-12, gap_tol=1e-10, **given)


@pytest.fixture(scope="module")
def states():
    device = rings(RADII)
    return [trapped(device, where) for where in (lambda r: r < 12, lambda r: r > 12)]


def mutual(a, b):
    """Of two concentric circles of wire in a plane over mu0: Maxwell's formula."""
    m = 4 * a * b / (a + b) ** 2
    k = np.sqrt(m)
    return np.sqrt(a * b) * ((2 / k - k) * ellipk(m) - 2 / k * ellipe(m))


def of_rings(x):
    """From the currents round the holes, i and that round the gap, whose fluxes have the same power."""
    gap = [[1.0, -1.0], [0.0, 1.0]]
    back = np.linalg.inv(gap)
    return back.T @ x @ back


def test_inductances_of_two_rings(states):
    """Mutual ones of loops of wire; self inductances of strips of uniform current, mu0 R (ln(8 R/w) - 1/2); and of the
    pairs' motion (mu0 Lambda/2) 2 pi over ln of the radii, hardly any of it between the rings."""
    found, mu = ju.inductance(states), WEAK * THICKNESS
    order = [0, 1] if states[1].hole_currents[0] ** 2 < states[0].hole_currents[0] ** 2 else [1, 0]
    geometric, kinetic = (of_rings(x[np.ix_(order, order)]) / mu for x in (found.geometric, found.kinetic))
    assert geometric[0, 1] == pytest.approx(mutual(*RADII), rel=0.01)
    assert geometric[0, 1] == pytest.approx(geometric[1, 0], rel=1e-6)
    strip = [R * (np.log(8 * R / WIDTH) - 0.5) for R in RADII]
    np.testing.assert_allclose(np.diag(geometric), strip, rtol=0.015)
    squares = [2 * np.pi / np.log((R + WIDTH / 2) / (R - WIDTH / 2)) for R in RADII]
    np.testing.assert_allclose(np.diag(kinetic), 50 * WIDTH * np.array(squares), rtol=5e-3)
    assert abs(kinetic[0, 1]) < 2e-3 * kinetic[0, 0]  # what the spoke shares


def test_a_hole_beside_others_holds_the_inverse(states):
    """Fluxoid over current while the other hole is without a fluxoid: 1/(L^-1)_aa."""
    inverse = np.linalg.inv(ju.inductance(states).total)
    gap = int(np.argmax([ju.inductance(states).geometric[a, a] for a in (0, 1)]))
    assert ju.inductance(states[1], gap).total == pytest.approx(1 / inverse[gap, gap], rel=1e-4)


def test_films_that_tell_no_matrix_are_refused(states):
    for films in (states[:1], [states[0], states[0]]):
        with pytest.raises(ValueError, match=r"expected as many films as holes, with fluxoids that do not depend"):
            ju.inductance(films)


def test_long_triangles_at_the_rim_are_warned_of():
    """The sheet current in them is too large by a quarter and more; 15 times longer than high is still fine."""
    strip = lambda step: ju.Device(  # noqa: E731
        mesh=ju.rectangle(6.0, 2.0, 1.0, x=np.linspace(0, 6, 7), y=[0.0, step, 2.0 - step, 2.0]),
        materials=ju.Material(),
    )
    warn_of_long_rims(strip(1 / 15))
    with pytest.warns(
        ju.CoarseMeshWarning, match=r"12 triangles at the rim .* more than 20 times longer than high, 40"
    ):
        warn_of_long_rims(strip(1 / 40))
