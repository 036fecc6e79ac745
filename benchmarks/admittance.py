"""python -m benchmarks.admittance: what an admittance costs a pair of energies, and how that grows with the mesh.

A square normal film between superconductors, where spins play no part, and with Rashba coupling and an exchange field,
where all eight components do. Seconds are of all cores, of which other work beside it takes no share; without the
Green's functions, of which benchmarks.real_energies tells. The potential that keeps the film neutral takes some ten
iterations. --whole NODES works out an admittance as a user gets it, at one frequency.
"""

import argparse
import os
import platform
import time
import warnings
from datetime import date
from time import process_time

import numpy as np

import jusadel as ju
from benchmarks.results import write_part
from jusadel.nonequilibrium.dynamics.drives import voltage
from jusadel.nonequilibrium.dynamics.followers import Followers
from jusadel.nonequilibrium.dynamics.frequency_pairs import real_pairs
from jusadel.nonequilibrium.dynamics.kernel import Kernel
from jusadel.nonequilibrium.dynamics.retarded import Retarded
from jusadel.nonequilibrium.dynamics.two_frequencies.krylov import PairKrylov
from jusadel.nonequilibrium.dynamics.two_frequencies.linearised import DoubledAction
from jusadel.nonequilibrium.dynamics.two_frequencies.solvers import PairFactors

ACCURACY = 1e-8
SIDE, T, OMEGA, ETA, ENERGIES = 2.0, 0.3, 1.0, 0.02, np.array([-0.4, 0.2, 1.0, 1.2, 1.5, 2.0, 2.4, 3.0])
SIZES = {256: 0.19, 1024: 0.092, 4096: 0.0455}
HEADER = (
    "| nodes | spins | SuperLU: s a pair | s of one iteration for the potential | Krylov | iteration | difference |"
)


def film(size, alpha):
    """A film between superconductors, with Rashba coupling alpha and an exchange field of that size."""
    metal = ju.Material(D=1.0, Tc=0.0, spin_field=ju.rashba(alpha), h=(0.8 * alpha, 0.0, 0.6 * alpha))
    ends = {"left": ju.Reservoir(2.0), "right": ju.Reservoir(2.0, phase=1.0)}
    return ju.Device(mesh=ju.rectangle(SIDE, SIDE, size), materials=metal, boundaries=ends)


def row(size, alpha):
    """One line of the table."""
    sol = ju.solve(film(size, alpha), T, frequencies=4)
    action, green = DoubledAction(sol.system), Retarded(sol, ju.linear.Krylov(), 1e-9)
    weight, free = np.asarray(sol.system.nodes.weight), np.flatnonzero(np.asarray(sol.system.free))
    pairs = real_pairs(T, OMEGA, ETA, ENERGIES, np.ones(len(ENERGIES)))
    times, found = [], []
    for solver in (PairFactors(ju.linear.SuperLU()), PairKrylov(action, ju.linear.Krylov(), ACCURACY)):
        kernel = Kernel(action, (voltage(sol, "left"),), Followers.of(weight, free, None), green, solver)
        kernel.of_drives(kernel.of(pairs)[:1])  # compiles
        joined = kernel.of(pairs)
        began = process_time()
        found.append(np.stack(kernel.of_drives(joined)))
        times.append((process_time() - began) / len(joined))
        began = process_time()
        kernel.products(joined, np.ones(len(free)))
        times.append((process_time() - began) / len(joined))
    off = np.abs(found[1] - found[0]).max() / np.abs(found[0]).max()
    shown = " | ".join(f"{t:.3f}" for t in times)
    return f"| {len(sol.mesh.points)} | {'all' if alpha else 'none'} | {shown} | {off:.0e} |"


def whole(nodes, alpha, energies):
    """One admittance from the Solution, in words."""
    device = film(SIZES[nodes], alpha)
    sol = ju.solve(device, T)
    began, used = time.time(), process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ju.CoarseEnergiesWarning)
        found = ju.admittance(sol, OMEGA, eta=ETA, most_energies=energies)
    wall, processor = time.time() - began, process_time() - used
    spins = "all components" if alpha else "no spins"
    return (
        f"A whole admittance at omega = {OMEGA:g}, {len(sol.mesh.points)} nodes, {spins}, {found.energies} pairs of "
        f"energies, Green's functions, neutrality and compilation included: {wall:.0f} s of wall clock and "
        f"{processor:.0f} s of processors, load {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores; {found!r}."
    )


def main():
    """Print the table, and write it into the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=4096, help="nodes up to which meshes are timed")
    parser.add_argument("--whole", type=int, choices=SIZES, help="nodes of one whole admittance, with spins")
    parser.add_argument("--energies", type=int, default=100, help="most energies of it")
    given = parser.parse_args()
    lines = [HEADER, "|---|---|---|---|---|---|---|"]
    for alpha in (0.0, 0.5):
        lines += [row(size, alpha) for nodes, size in SIZES.items() if nodes <= given.largest]
    about = f"`python -m benchmarks.admittance`, {date.today()}, {platform.machine()}."
    parts = [about, "", " ".join(__doc__.split("\n\n")[1].split()), "", *lines]
    if given.whole:
        parts += ["", whole(given.whole, 0.5, given.energies)]
    text = "\n".join(parts)
    print(text)
    write_part("Admittance", text)


if __name__ == "__main__":
    main()
