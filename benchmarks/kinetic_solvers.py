"""python -m benchmarks.kinetic_solvers: distributions by iterations and by factors, per energy, within one run.

A film at a gap with a tunnel contact, without and with an exchange field and spin-orbit terms, at energies inside, at
and above the gap. Processor seconds for the solution of one energy's equations, once they are put together; for the
three energies iterated together, as on a GPU but here on the CPU, a third of all of it, without compilation.
"""

import argparse
import platform
import sys
import warnings
from datetime import date
from time import process_time

import jax
import numpy as np

import jusadel as ju
from benchmarks.problems import DELTA, SPIN_ORBIT, T
from benchmarks.results import write_part
from jusadel.action.nambu import advanced
from jusadel.nonequilibrium.keldysh import frequency_matrix
from jusadel.nonequilibrium.linear.equations import Assembly
from jusadel.nonequilibrium.linear.solving import PosedEnergy, kinetic_solver, solved

ENERGIES, ETA = np.array([0.5, 1.0, 1.5]), 0.01
SOLVERS = {"Krylov": ju.linear.Krylov(), "SuperLU": ju.linear.SuperLU()}
TOGETHER = ju.linear.Krylov(width=len(ENERGIES), devices=jax.devices("cpu"))
HEADER = (
    "| spin-orbit | nodes | E / gap | put together s | Krylov s | SuperLU s | SuperLU / Krylov | difference of f | "
    "three energies together s | difference of f |"
)


def film(nodes, spin_orbit):
    """6 xi by 3 xi, between a tunnel contact and a superconductor."""
    spins = {"h": (0, 0.2, 0.2), "Gamma": 0.3, **SPIN_ORBIT["on"]} if spin_orbit == "on" else {}
    ends = {"left": ju.Tunnel(ju.Reservoir(0.0), 0.5), "right": ju.Reservoir(DELTA)}
    mesh = ju.rectangle(6.0, 3.0, np.sqrt(36 / nodes))
    return ju.Device(mesh=mesh, materials=ju.Material(D=2 * DELTA, Tc=1.0, **spins), boundaries=ends)


def rows(nodes, spin_orbit):
    """A line for each energy."""
    krylov = ju.linear.Krylov()
    sol = ju.solve(film(nodes, spin_orbit), T, DELTA, frequencies=1, linear_solver=krylov)
    spec = ju.spectrum(sol, DELTA * ENERGIES, eta=DELTA * ETA, linear_solver=krylov)
    assembly, free, N = Assembly(spec.system), np.asarray(spec.system.free), len(spec.system.free)
    solvers = {name: kinetic_solver(solver, spec.system, assembly.pattern) for name, solver in SOLVERS.items()}
    start = np.zeros((N, 8))
    start[:, 0] = 1.0
    start[spec.system.layout.nodes_of_contact(spec.mesh, "left"), 1] = 0.5
    posed, cells = [], []
    for G, E in zip(map(np.asarray, spec.all_G), spec.energies, strict=True):
        began, found, seconds = process_time(), {}, {}
        equations = assembly.equations(assembly.blocks(G, np.asarray(advanced(G)), frequency_matrix(0, 0)))
        together = process_time() - began
        posed.append(PosedEnergy(equations, start, E, spec.eta))
        for name, solver in solvers.items():
            began = process_time()
            found[name] = solved(posed[-1:], solver, free, [], 1)[0][1][0][0]
            seconds[name] = process_time() - began
        cells.append([spin_orbit, N, f"{E / DELTA:.1f}", f"{together:.1f}", *(f"{s:.2f}" for s in seconds.values())])
        cells[-1] += [f"{seconds['SuperLU'] / seconds['Krylov']:.1f}", found["SuperLU"], found["Krylov"]]
    f, each = all_together(posed, kinetic_solver(TOGETHER, spec.system, assembly.pattern), free)
    for line, x in zip(cells, f, strict=True):
        *line, exact, iterated = line
        line += [difference(iterated, exact), f"{each:.2f}", difference(x, exact)]
        yield "| " + " | ".join(map(str, line)) + " |"


def all_together(posed, solver, free):
    """f of every energy, and processor seconds for each when all are iterated together, once compiled."""
    for _ in range(2):
        began = process_time()
        found = solved(posed, solver, free, [], len(posed))
        seconds = (process_time() - began) / len(posed)
    return [solutions[0][0] for _, solutions in found], seconds


def difference(f, exact):
    return f"{np.abs(f - exact).max():.0e}"


def main():
    """Print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1000, 4000, 16000])
    parser.add_argument("--spin-orbit", nargs="+", choices=list(SPIN_ORBIT), default=["off", "on"])
    given = parser.parse_args()
    warnings.simplefilter("ignore", ju.CoarseMeshWarning)
    table = [HEADER, "|" + "---|" * 10]
    print("\n".join(table), flush=True)
    for spin_orbit in given.spin_orbit:
        for nodes in given.nodes:
            for line in rows(nodes, spin_orbit):
                print(line, flush=True)
                table.append(line)
    command = " ".join(["python -m benchmarks.kinetic_solvers", *sys.argv[1:]])
    head = f"`{command}`, {date.today()}, {platform.machine()}, jax {jax.__version__}."
    about = __doc__.split("\n\n", 1)[1].strip()
    write_part("Solvers of the kinetic equation", "\n".join([head, "", about, "", *table]))


if __name__ == "__main__":
    main()
