"""python -m benchmarks [--nodes 1000 4000] [--frequencies 2]: run the table, print it, write benchmarks/RESULTS.md."""

import argparse
import platform
import resource
import warnings
from datetime import date
from pathlib import Path
from time import perf_counter

import jax
import numpy as np

import jusadel as ju
from benchmarks.plain import PlainSpsolve, copy_bandwidth
from benchmarks.problems import PROBLEMS, SPIN_ORBIT, T

HEADER = "| problem | spin-orbit | nodes | solver | s per frequency | compile s | steps | residual | against spsolve |"


def solvers():
    """The ones that can run here; the plain pipeline first, since the others are measured against it."""
    chosen = [PlainSpsolve(), ju.linear.SuperLU()]
    try:
        chosen.append(ju.linear.Pardiso())
    except ImportError:
        print("PARDISO is left out: install the extra mkl")
    return chosen


def measure(problem, solver, frequencies):
    """Seconds of a second, compiled run, and what the first took longer."""
    seconds = []
    for _ in range(2):
        began = perf_counter()
        sol = ju.solve(**problem, T=T, frequencies=frequencies, linear_solver=solver)
        seconds.append(perf_counter() - began)
    return seconds[1], seconds[0] - seconds[1], sol


def rows(nodes, frequencies):
    """One line of the table after the other."""
    for name, make in PROBLEMS.items():
        for spin_orbit in SPIN_ORBIT:
            for n in nodes:
                reference = None
                problem = make(n, spin_orbit)
                for solver in solvers():
                    seconds, compiling, sol = measure(problem, solver, frequencies)
                    each = seconds / frequencies
                    reference = reference or each
                    yield (
                        f"| {name} | {spin_orbit} | {len(sol.Delta)} | {solver.name} | {each:.2f} | "
                        f"{max(compiling, 0):.1f} | {sol.stats['steps'].max()} | "
                        f"{sol.stats['residual'].max():.0e} | {reference / each:.1f} |"
                    )


def main():
    """Run, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--nodes", type=int, nargs="+", default=[1000, 4000])
    parser.add_argument("--frequencies", type=int, default=2)
    given = parser.parse_args()
    warnings.simplefilter("ignore", ju.CoarseMeshWarning)  # the coarse rows are there for the growth of cost
    lines = [HEADER, "|" + "---|" * 9]
    print("\n".join(lines), flush=True)
    for line in rows(given.nodes, given.frequencies):
        print(line, flush=True)
        lines.append(line)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    about = (
        f"{date.today()}, {platform.machine()}, {jax.devices()[0].platform}, jax {jax.__version__}, numpy "
        f"{np.__version__}; copy bandwidth {copy_bandwidth() / 1e9:.1f} GB/s, largest memory {memory:.1f} GB.\n"
        f"Quadrature of {given.frequencies} node(s) at T = {T} Tc; certified solutions; compile time apart. "
        "`spsolve` is the pipeline one would write with public parts."
    )
    command = f"python -m benchmarks --nodes {' '.join(map(str, given.nodes))} --frequencies {given.frequencies}"
    text = f"# Benchmarks\n\n`{command}`, {about}\n\n"
    Path(__file__).with_name("RESULTS.md").write_text(text + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
