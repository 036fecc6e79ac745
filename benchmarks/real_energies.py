"""python -m benchmarks.real_energies: Krylov beside SuperLU at real energies, per energy, within one run.

Eight energies go through Krylov together; SuperLU gets three of them, inside the gap, at its edge, and above. Both
begin high above the real axis. Programs are compiled before.
"""

import argparse
import platform
import sys
import warnings
from datetime import date
from itertools import product
from time import perf_counter, process_time

import jax
import numpy as np
import scipy

import jusadel as ju
from benchmarks.problems import DELTA, MAKERS, SPIN_ORBIT, T
from benchmarks.results import write_part

ENERGIES = np.array([0.1, 0.3, 0.5, 0.8, 0.95, 1.0, 1.5, 3.0])
SOME = np.array([0.5, 1.0, 1.5])
NORMAL = 1e3
"""A distance from the real axis at which nothing is left to do."""
HEADER = (
    "| problem | spin-orbit | nodes | eta / gap | Krylov: s per energy | Newton steps | iterations | SuperLU: s per "
    "energy | Newton steps | faster by | in CPU seconds | largest difference of G |"
)


def timed(sol, energies, eta, solver):
    """The spectrum, and seconds per energy by the clock and of all cores, of which other work beside takes no share."""
    began = np.array([perf_counter(), process_time()])
    spec = ju.spectrum(sol, energies, eta=eta, linear_solver=solver)
    return spec, (np.array([perf_counter(), process_time()]) - began) / len(energies)


def row(name, spin_orbit, sol, eta):
    """One line of the table."""
    krylov, superlu, gap = ju.linear.Krylov(), ju.linear.SuperLU(), DELTA
    timed(sol, gap * ENERGIES, NORMAL * gap, krylov)  # compiles
    timed(sol, gap * SOME[-1:], NORMAL * gap, superlu)
    spec, seconds = timed(sol, gap * ENERGIES, gap * eta, krylov)
    direct, each = timed(sol, gap * SOME, gap * eta, superlu)
    between = lambda x: f"{x.min()} to {x.max()}"  # noqa: E731
    cells = [name, spin_orbit, len(sol.mesh.points), eta, f"{seconds[0]:.2f}", between(spec.stats["steps"])]
    cells += [between(spec.stats["iterations"]), f"{each[0]:.1f}", between(direct.stats["steps"])]
    cells += [f"{ratio:.1f}" for ratio in each / seconds]
    cells += [f"{np.abs(spec.G[np.isin(ENERGIES, SOME)] - direct.G).max():.0e}"]
    return "| " + " | ".join(map(str, cells)) + " |"


def rows(given):
    """All lines."""
    for name, spin_orbit, nodes, eta in product(given.problems, given.spin_orbit, given.nodes, given.eta):
        device, pair_potential = MAKERS[name](nodes, spin_orbit)
        sol = ju.solve(device, T, pair_potential, frequencies=1, linear_solver=ju.linear.Krylov())
        yield row(name, spin_orbit, sol, eta)


def main():
    """Print the table line by line and write its part of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[4000, 16000])
    parser.add_argument("--eta", type=float, nargs="+", default=[0.01, 0.1], help="in gaps")
    parser.add_argument("--problems", nargs="+", choices=list(MAKERS), default=list(MAKERS))
    parser.add_argument("--spin-orbit", nargs="+", choices=list(SPIN_ORBIT), default=["off", "on"])
    given = parser.parse_args()
    warnings.simplefilter("ignore", ju.CoarseMeshWarning)
    about = (
        f"`{' '.join(['python -m benchmarks.real_energies', *sys.argv[1:]])}`, {date.today()}, {platform.machine()}, "
        f"{jax.devices()[0].device_kind}, jax {jax.__version__}, numpy {np.__version__}, scipy {scipy.__version__}.\n\n"
        f"Energies of {', '.join(map(str, ENERGIES))} gaps together with Krylov, of {', '.join(map(str, SOME))} with "
        "SuperLU, each certified and from the normal state high above the real axis; steps and iterations are those of "
        "all stations. Compilation apart."
    )
    table = [HEADER, "|" + "---|" * 12]
    print("\n".join(table), flush=True)
    for line in rows(given):
        print(line, flush=True)
        table.append(line)
        write_part("Real energies", about + "\n\n" + "\n".join(table))


if __name__ == "__main__":
    main()
