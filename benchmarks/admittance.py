"""python -m benchmarks.admittance: what an admittance costs a pair of energies, and how that grows with the mesh.

A square normal film between superconductors, where spins play no part, and with Rashba coupling, where all eight
components do. Seconds are of all cores, of which other work beside it takes no share; without the Green's functions, of
which benchmarks.real_energies tells.
"""

import argparse
import platform
from datetime import date
from time import process_time

import numpy as np

import jusadel as ju
from benchmarks.results import write_part
from jusadel.nonequilibrium.dynamics.drives import voltage
from jusadel.nonequilibrium.dynamics.followers import Followers
from jusadel.nonequilibrium.dynamics.frequency_pairs import summed_pairs
from jusadel.nonequilibrium.dynamics.kernel import Kernel, side_by_side
from jusadel.nonequilibrium.dynamics.linearised import DoubledAction

SIDE, T, OMEGA, PAIRS = 2.0, 0.3, 1.0, 4
SIZES = {256: 0.19, 1024: 0.092, 4096: 0.0455}
HEADER = "| nodes | spins | s a pair | s of one iteration for the potential, a pair |"


def film(size, alpha):
    """A film between superconductors with Rashba coupling alpha."""
    metal = ju.Material(D=1.0, Tc=0.0, spin_field=ju.rashba(alpha))
    ends = {"left": ju.Reservoir(2.0), "right": ju.Reservoir(2.0, phase=1.0)}
    return ju.Device(mesh=ju.rectangle(SIDE, SIDE, size), materials=metal, boundaries=ends)


def row(size, alpha):
    """One line of the table."""
    sol = ju.solve(film(size, alpha), T, frequencies=PAIRS)
    action, G = DoubledAction(sol.system), np.asarray(sol.all_G).astype(complex)
    weight, free = np.asarray(sol.system.nodes.weight), np.flatnonzero(np.asarray(sol.system.free))
    kernel = Kernel(action, (voltage(sol, "left"),), Followers.of(weight, free, None), lambda z: np.concatenate([G, G]))
    pairs = summed_pairs(T, sol.omega, sol.weights, OMEGA, 0.0)
    side_by_side(lambda x: x.of_drives(), kernel.of(pairs)[:1])  # compiles
    joined = kernel.of(pairs)
    began = process_time()
    side_by_side(lambda x: x.of_drives(), joined)
    first = (process_time() - began) / PAIRS
    began = process_time()
    side_by_side(lambda x: x.product(np.ones(len(free))), joined)
    again = (process_time() - began) / PAIRS
    return f"| {len(sol.mesh.points)} | {'all' if alpha else 'none'} | {first:.2f} | {again:.2f} |"


def main():
    """Print the table, and write it into the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=4096, help="nodes up to which meshes are timed")
    largest = parser.parse_args().largest
    lines = [HEADER, "|---|---|---|---|"]
    for alpha in (0.0, 0.5):
        lines += [row(size, alpha) for nodes, size in SIZES.items() if nodes <= largest]
    about = f"`python -m benchmarks.admittance`, {date.today()}, {platform.machine()}."
    text = "\n".join([about, "", " ".join(__doc__.split("\n\n")[1].split()), "", *lines])
    print(text)
    write_part("Admittance", text)


if __name__ == "__main__":
    main()
