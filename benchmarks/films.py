"""python -m benchmarks.films: what a thin film costs whose currents act on each other, and how it grows with its mesh.

A disk with a given pair potential, four Pearl lengths wide, in a weak field, with two frequencies: all that grows
faster than the solution of the Usadel equation itself. Up to 3000 nodes all pairs of triangles stand in matrices,
above they are summed by clusters. Seconds are of all cores, of which other work beside it takes no share, compilation
included; memory is the largest of the process, one for each size.
"""

import argparse
import platform
import resource
import subprocess
import sys
import warnings
from datetime import date
from time import process_time

import jax
import numpy as np

import jusadel as ju
from benchmarks.results import write_part
from jusadel.action.assembly import discretise
from jusadel.studies.screening.edge_elements import edge_space
from jusadel.studies.screening.thin_film.film_model import film_model

T, RADIUS, THICKNESS, PEARL = 0.5, 8.0, 0.5, 4.0
SIZES = {1000: 0.63, 4000: 0.32, 16000: 0.159}
HEADER = "| nodes | pairs | s of the inductances | ms a product | s in all | Newton steps | products | memory GB |"


def film(size):
    """The device, its mu0 and the field."""
    Delta = ju.bulk_gap(T)
    permeability = 2 / (2 * np.pi * Delta * np.tanh(Delta / (2 * T)) * PEARL * THICKNESS)
    return ju.Device(mesh=ju.disk(RADIUS, size), materials=ju.Material()), permeability, 0.01


def product(device, permeability):
    """Seconds to set the inductances up, and of one product with them."""
    began = process_time()
    system = discretise(device, np.zeros((len(device.mesh.triangles), 3)))
    model = film_model(device, edge_space(device, system), None, 1.0, permeability, THICKNESS)
    ready, g = process_time(), np.ones(model.space.currents.current.shape[1])
    model.space.induction.times(g)
    return ready - began, process_time() - ready


def row(size):
    """One line of the table, and how far it is from converged."""
    device, permeability, H = film(size)
    setting_up, each = product(device, permeability)
    began = process_time()
    given = {"frequencies": 2, "model": "film", "thickness": THICKNESS}
    sol = ju.solve_screened(device, T, H, permeability, ju.bulk_gap(T), **given)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    pairs = "matrices" if device.mesh.n_nodes <= 3000 else "clusters"
    return (
        f"| {device.mesh.n_nodes} | {pairs} | {setting_up:.1f} | {1e3 * each:.0f} | {process_time() - began:.0f} | "
        f"{sol.stats['screening_steps']} | {sol.stats['screening_responses']} | {memory:.1f} |\n"
        f"moment {sol.magnetic_moment * permeability * THICKNESS / (H * RADIUS**3):.6f}"
    )


def main():
    """Print the table, write its part of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="*", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--alone", type=float, help="one line, of a mesh of this size, in this process")
    given = parser.parse_args()
    warnings.simplefilter("ignore", ju.CoarseMeshWarning)
    if given.alone:
        return print(row(given.alone))
    again = [sys.executable, "-m", "benchmarks.films", "--alone"]
    found = [
        subprocess.run([*again, str(SIZES[n])], check=True, capture_output=True, text=True).stdout for n in given.nodes
    ]
    lines, moments = zip(*(x.strip().split("\n")[-2:] for x in found), strict=True)
    about = f"`python -m benchmarks.films`, {date.today()}, {platform.machine()}, jax {jax.__version__}."
    table = "\n".join([HEADER, "|---" * 8 + "|", *lines])
    text = f"{about}\n\n{' '.join(__doc__.split(chr(10) * 2)[1].split())}\n\n{table}\n"
    text += f"\nmu0 moment over H R^3: {', '.join(x.split()[1] for x in moments)}.\n"
    print(text)
    return write_part("Thin films", text)


if __name__ == "__main__":
    main()
