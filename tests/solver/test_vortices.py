"""Several vortices, and one near an edge, against London's theory and symmetry. Lengths in sqrt(D/2 Delta)."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest

import jusadel as ju

DELTA, T = 1.764, 0.5
WIDTH, LENGTH = 18.0, 24.0
FILM = ju.rectangle(WIDTH, LENGTH, 1.0, x=np.arange(WIDTH + 1), y=np.arange(LENGTH + 1))
MIDDLE = LENGTH / 2
MATERIAL = ju.Material(D=2 * DELTA, Tc=1.0)
STIFFNESS = np.pi * 2 * DELTA * DELTA * np.tanh(DELTA / (2 * T)) / 4
"""F = C Int (grad phase)^2 and j = 4 C grad phase, with C = (pi/4) nu D Delta tanh(Delta/2T)."""


def rigid(pair_potential):
    """A film with this pair potential; coarse round the cores, whose energies drop out of all differences here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ju.CoarseMeshWarning)
        device = ju.Device(mesh=FILM, materials=MATERIAL)
        return ju.solve(device, T, pair_potential=pair_potential, frequencies=5)


# --- London's energies -----------------------------------------------------------------------------


def overlap(one, other, cells=20):
    """Int grad theta_1 . grad theta_2 over the film, theta the angles round two points, by the midpoint rule."""
    x, y = ((np.arange(size * cells) + 0.5) / cells for size in (int(WIDTH), int(LENGTH)))
    first, second = (np.array(np.meshgrid(x - c[0], y - c[1])) for c in (one, other))
    return np.sum(np.sum(first * second, axis=0) / (np.sum(first**2, axis=0) * np.sum(second**2, axis=0))) / cells**2


@pytest.fixture(scope="module")
def pairs():
    """(distance, centres, energy of two vortices, energy of a vortex and an antivortex)."""
    out = []
    for distance in (4, 6, 8):
        centres = [(WIDTH / 2, MIDDLE + s * distance / 2) for s in (1, -1)]
        energies = [ju.free_energy(rigid(ju.vortices(DELTA, centres, (1, second)))) for second in (1, -1)]
        out.append((distance, centres, *map(float, energies)))
    return out


def test_vortices_repel_each_other_and_attract_antivortices(pairs):
    _, _, alike, opposite = zip(*pairs, strict=True)
    assert (np.diff(alike) < 0).all()
    assert (np.diff(opposite) > 0).all()


def test_the_interaction_is_that_of_london(pairs):
    """Turning one of two round changes F by 4 C Int grad theta_1 . grad theta_2, less what the cores lack of it."""
    for distance, centres, alike, opposite in pairs:
        expected = 4 * STIFFNESS * overlap(*centres)
        assert alike - opposite == pytest.approx(expected, rel=1 / distance**2 + 0.015)


# --- a pattern that hardly anything holds ------------------------------------------------------------


@pytest.fixture(scope="module")
def round_film():
    return ju.Device(mesh=ju.disk(5.0, 0.6), materials=ju.Material(Tc=1.0), vector_potential=ju.uniform_field(0.3))


@pytest.mark.filterwarnings("ignore:the mesh is too coarse")
@pytest.mark.parametrize("turn", [0.1, *(pytest.param(x, marks=pytest.mark.slow) for x in (0.0, 0.2, 0.3, 0.5))])
def test_three_vortices_turn_to_where_the_mesh_pins_them(round_film, turn):
    """From every start the state that starts on the mesh's mirror line, on which nothing turns them, find at once."""
    angles = turn + 2 * np.pi * np.arange(3) / 3
    start = ju.vortices(1.7, 2.0 * np.column_stack([np.cos(angles), np.sin(angles)]))
    sol = ju.solve(round_film, T, pair_potential="self-consistent", frequencies=6, start=start)
    assert sol.stats["state"] == "superconducting"
    assert sol.stats["gap_residual"] < 1e-8
    assert float(ju.free_energy(sol)) == pytest.approx(-26.132, abs=1e-3)


# --- an edge ---------------------------------------------------------------------------------------


def strip_function(x0, z):
    """f(z) of a vortex at (x0, MIDDLE) in an endless strip: its phase is that of the vortex, ln|f| = 0 at the edges."""
    a, z = np.pi / (2 * WIDTH), z - 1j * MIDDLE
    return jnp.sin(a * (z - x0)) / jnp.sin(a * (z + x0))


def with_images(x0):
    """The pair potential with that phase: no current crosses the edges."""

    def pair_potential(points):
        f = strip_function(x0, points[:, 0] + 1j * points[:, 1])
        return DELTA * f / jnp.maximum(jnp.abs(f), 1e-12)

    return pair_potential


@pytest.fixture(scope="module")
def near_edges():
    """{distance from the edge: solution}; the distances are odd, so that the mesh is the same round each core."""
    return {x0: rigid(with_images(float(x0))) for x0 in (9, 7, 5, 3)}


def test_an_edge_attracts_as_an_image_does(near_edges):
    """F = 2 pi C ln sin(pi x0/W) + a constant: lower and lower towards the edge."""
    distance = np.array(list(near_edges))
    energy = np.array([float(ju.free_energy(sol)) for sol in near_edges.values()])
    assert (np.diff(energy) < 0).all()
    expected = 2 * np.pi * STIFFNESS * np.log(np.sin(np.pi * distance / WIDTH))
    np.testing.assert_allclose(energy[1:] - energy[0], expected[1:], rtol=0.08)


def test_the_current_is_crowded_between_core_and_edge(near_edges):
    """All that flows up on one side of the core flows down on the other, 4 C |ln|f|| each, through less width."""
    y = MIDDLE + 4.5  # far enough for the current to be linear
    for x0, sol in near_edges.items():
        one = float(ju.current_across(sol, (-1.0, y), (x0, y)))
        other = float(ju.current_across(sol, (x0, y), (WIDTH + 1.0, y)))
        expected = -4 * STIFFNESS * float(jnp.log(jnp.abs(strip_function(x0, x0 + 1j * y))))
        assert one == pytest.approx(expected, rel=0.08)
        assert other == pytest.approx(-expected, rel=0.08)
        assert x0 == 9 or one / x0 > 1.2 * -other / (WIDTH - x0)


# --- two vortices, self-consistent, in a field --------------------------------------------------------

BOX = (12.0, 16.0)
HALVES = {"below": lambda c: c[:, 1] < BOX[1] / 2, "above": lambda c: c[:, 1] > BOX[1] / 2}
FIELD = 0.05
"""Three flux quanta in the box."""


def outline(mesh, region):
    """The edges round a region: those that one of its triangles has alone."""
    edges, count = np.unique(mesh.triangle_edges[mesh.regions[region]], return_counts=True)
    return mesh.edges[edges[count == 1]]


@pytest.fixture(scope="module")
def two():
    """Two vortices that started out of place."""
    mesh = ju.rectangle(*BOX, 1.0, x=np.arange(BOX[0] + 1), y=np.arange(BOX[1] + 1), regions=HALVES)
    mesh = mesh.with_boundaries({f"round {name}": outline(mesh, name) for name in HALVES})
    field = ju.uniform_field(FIELD, center=(BOX[0] / 2, BOX[1] / 2))
    device = ju.Device(mesh=mesh, materials=MATERIAL, vector_potential=field)
    start = ju.vortices(1.7, [(5.4, 11.3), (6.2, 3.4)], core=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ju.CoarseMeshWarning)  # but not that the state is unstable
        return ju.solve(device, T, pair_potential="self-consistent", frequencies=4, start=start)


def test_each_half_holds_one_vortex_and_both_two(two):
    for name in HALVES:
        assert ju.winding(two, f"round {name}") == 1
        flux = FIELD * BOX[0] * BOX[1] / 2
        assert ju.fluxoid(two, f"round {name}") == pytest.approx(1 - flux / np.pi, abs=1e-9)
    assert ju.winding(two, ["left", "right", "bottom", "top"]) == 2


def test_vortices_come_to_rest_opposite_to_each_other(two):
    """A stable state that is its own image under half a turn and in the mirror, from a start that is not."""
    assert two.stats["state"] == "superconducting"
    assert two.stats["gap_eigenvalue"] > -1e-3
    modulus = np.abs(np.asarray(two.Delta)).reshape(int(BOX[1]) + 1, -1)
    assert modulus.min() < 0.3 * modulus.max()
    np.testing.assert_allclose(modulus, modulus[::-1, ::-1], atol=1e-4)
    np.testing.assert_allclose(modulus, modulus[:, ::-1], atol=1e-4)
