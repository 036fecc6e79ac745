"""python -m benchmarks.map_gradient: memory and time of the gradient of a spectrum with respect to a large map.

The density of states at a place of a normal film on superconducting ends, at as many energies, and its gradient with
respect to 10^4 numbers, an exchange field on a grid of 100 x 100 points. Each in a process of its own, whose largest
memory is printed beside that of the solution alone, and written to benchmarks/RESULTS.md.
"""

import argparse
import resource
import subprocess
import sys
import warnings
from datetime import date
from time import perf_counter

import jax
import jax.numpy as jnp
import numpy as np

import jusadel as ju
from benchmarks.results import write_part

SIDE, GRID = 3.0, 100
TITLE = "Gradients of spectra with respect to maps"


def on_grid(values, r):
    """Bilinear interpolation of values (GRID, GRID) on the square, (k,)."""
    at = jnp.clip(jnp.asarray(r).T / SIDE, 0, 1) * (GRID - 1)
    return jax.scipy.ndimage.map_coordinates(values, at, order=1)


def seen(values, mesh, energies):
    """Mean over the energies of the density of states in the middle."""
    film = ju.Material(Tc=0.0, h=lambda r: on_grid(values, r)[:, None] * jnp.array([0.0, 0.0, 1.0]))
    ends = {"left": ju.Reservoir(1.0), "right": ju.Reservoir(1.0)}
    sol = ju.solve(ju.Device(mesh=mesh, materials=film, boundaries=ends), 0.1, frequencies=1)
    middle = int(np.argmin(np.linalg.norm(np.asarray(mesh.points) - SIDE / 2, axis=1)))
    return jnp.mean(ju.density_of_states(ju.spectrum(sol, energies, eta=0.05))[:, middle])


def measure(what, lines, count):
    """Seconds and GiB of this process."""
    at = np.linspace(0, SIDE, lines)
    mesh = ju.rectangle(SIDE, SIDE, SIDE, x=at, y=at)
    function = seen if what == "solution" else jax.grad(seen)
    values, energies = jnp.full((GRID, GRID), 0.1), np.linspace(0.02, 1.5, count)
    began = perf_counter()
    found = np.asarray(function(values, mesh, energies))
    assert np.isfinite(found).all()
    return mesh.n_nodes, perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main():
    """Measure each in its own process, print the table, write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=70, help="of the mesh, each way")
    parser.add_argument("--energies", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--one", choices=["solution", "gradient"], help="in this process")
    given = parser.parse_args()
    warnings.simplefilter("ignore", ju.CoarseMeshWarning)
    if given.one:
        print(*measure(given.one, given.lines, given.energies[0]))
        return
    rows = ["| energies | | nodes | s | largest memory, GiB |", "|---|---|---|---|---|"]
    for count in given.energies:
        for what in ("solution", "gradient"):
            own = [sys.executable, "-m", "benchmarks.map_gradient", "--one", what, "--lines", str(given.lines)]
            found = subprocess.run([*own, "--energies", str(count)], capture_output=True, text=True, check=True)
            nodes, seconds, memory = found.stdout.split()[-3:]
            rows.append(f"| {count} | {what} | {nodes} | {float(seconds):.0f} | {float(memory):.2f} |")
            print(rows[-1], flush=True)
    command = " ".join(["python -m benchmarks.map_gradient", *sys.argv[1:]])
    write_part(
        TITLE, f"`{command}`, {date.today()}; a map of {GRID**2} numbers, compilation included.\n\n" + "\n".join(rows)
    )


if __name__ == "__main__":
    main()
