"""A ring of states at zero energy, written into a superconducting film by a map of exchange fields.

Small magnets on a film make an exchange field h(x, y), here 169 numbers on a grid, between which it is interpolated.
States appear at the Fermi level where h is about the gap, and spread over a coherence length, so that the pattern of
magnets is not that of the states. Gradient descent through the density of states at E = 0 finds the map for which it
is nearest to one on a ring and zero elsewhere; one gradient costs one linear solve. What comes out is solved again on
a finer mesh. Energies in Delta, which is that of the film everywhere, lengths in (D/Delta)^(1/2). Leaves
design_ldos.png and prints one `name = value` a line.
"""

import warnings

import jax.numpy as jnp
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import optax
from jax.scipy.ndimage import map_coordinates

import jusadel as ju

SIDE, GRID = 8.0, 13
LINES = np.linspace(0, SIDE, 17)
MESH = ju.rectangle(SIDE, SIDE, SIDE, x=LINES, y=LINES)
ETA, STEPS, RATE = 0.1, 30, 0.2
INNER, OUTER = 1.2, 3.2
START = {"h": np.full((GRID, GRID), 0.7)}
RANGES = {"h": ju.bounded(0.0, 2.0)}
warnings.simplefilter("ignore", ju.CoarseMeshWarning)  # edges of 0.7 coherence lengths; a finer mesh checks the outcome


def exchange(p, r):
    """The field at points (k, 2), between the numbers of the grid."""
    return map_coordinates(p["h"], jnp.asarray(r).T * (len(p["h"]) - 1) / SIDE, order=1, mode="nearest")


def density(p, mesh):
    """Density of states at zero energy at the nodes, (n,)."""
    film = ju.Material(D=1.0, Tc=1.0, h=lambda r: exchange(p, r)[:, None] * jnp.array([0.0, 0.0, 1.0]))
    sol = ju.solve(ju.Device(mesh=mesh, materials=film), 0.1, pair_potential=1.0, frequencies=1)
    return ju.density_of_states(ju.spectrum(sol, [0.0], eta=ETA))[0]


def on_ring(mesh):
    """Which nodes are to be bright, (n,)."""
    distance = np.linalg.norm(np.asarray(mesh.points) - SIDE / 2, axis=1)
    return (distance > INNER) & (distance < OUTER)


def show(axes, p, mesh):
    """The map, and the density of states with the outline of the ring."""
    points, triangles = np.asarray(mesh.points), np.asarray(mesh.triangles)
    for axis, values, most, name in (
        (axes[0], exchange(p, points), 2.0, r"exchange field $h/\Delta$"),
        (axes[1], density(p, mesh), 1.5, r"density of states $N(0)/N_0$"),
    ):
        drawn = axis.tripcolor(*points.T, triangles, np.asarray(values), shading="gouraud", vmin=0, vmax=most)
        axis.figure.colorbar(drawn, ax=axis, label=name, extend="max")
        for radius in (INNER, OUTER):
            axis.add_patch(plt.Circle((SIDE / 2, SIDE / 2), radius, fill=False, color="w", lw=0.8, ls="--"))
        axis.set(aspect="equal", xlabel=r"$x/\xi$", ylabel=r"$y/\xi$")


def main():
    """Descend, solve again, print the numbers, draw the picture."""
    target = on_ring(MESH).astype(float)
    result = ju.fit(
        lambda p: density(p, MESH),
        None,
        START,
        transforms=RANGES,
        optimizer=optax.adam(RATE),
        loss=lambda found, _: jnp.mean((found - target) ** 2),
        max_steps=STEPS,
        progress=lambda line: print(line.split(": h[")[0]),
    )
    finer = MESH.refined()
    figure, axes = plt.subplots(2, 2, figsize=(9.5, 8), layout="constrained")
    numbers = {"loss_start": result.history.loss[0], "loss_designed": result.loss}
    for row, name, p in zip(axes, ("start", "designed"), (START, result.params), strict=True):
        show(row, p, finer)
        row[0].set_title(name)
        found, ring = np.asarray(density(p, finer)), on_ring(finer)
        numbers |= {f"ring_{name}_finer": found[ring].mean(), f"elsewhere_{name}_finer": found[~ring].mean()}
        numbers[f"loss_{name}_finer"] = np.mean((found - ring) ** 2)
    figure.savefig("design_ldos.png", dpi=150)
    print("\n".join(f"{name} = {float(value):.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
