"""python -m benchmarks.real_energies: Krylov beside SuperLU at real energies, per energy, within one run.

Eight energies go through Krylov together; SuperLU gets three of them, inside the gap, at its edge, and above. Both
begin anew, high above the real axis; seconds are those of the second call, without compilation.
"""

import argparse
import platform
import warnings
from datetime import date
from time import perf_counter

import jax
import numpy as np
import scipy

import jusadel as ju
from benchmarks.problems import DELTA, MAKERS, SPIN_ORBIT, T
from benchmarks.results import write_part

ENERGIES = np.array([0.1, 0.3, 0.5, 0.8, 0.95, 1.0, 1.5, 3.0])
SOME = [2, 5, 6]
HEADER = (
    "| problem | spin-orbit | nodes | eta / gap | Krylov: s per energy | Newton steps | iterations | SuperLU: s per "
    "energy | Newton steps | Krylov is faster by | largest difference of G |"
)


def timed(sol, energies, eta, solver):
    """The spectrum and seconds per energy, of the second call; the first, with one energy, compiles."""
    ju.spectrum(sol, energies[-1:] if solver.name == "SuperLU" else energies, eta=eta, linear_solver=solver)
    began = perf_counter()
    spec = ju.spectrum(sol, energies, eta=eta, linear_solver=solver)
    return spec, (perf_counter() - began) / len(energies)


def row(name, spin_orbit, sol, eta):
    """One line of the table, and by how much Krylov is faster."""
    spec, seconds = timed(sol, DELTA * ENERGIES, DELTA * eta, ju.linear.Krylov())
    direct, each = timed(sol, DELTA * ENERGIES[SOME], DELTA * eta, ju.linear.SuperLU())
    between = lambda x: f"{x.min()} to {x.max()}"  # noqa: E731
    cells = [name, spin_orbit, len(sol.mesh.points), eta, f"{seconds:.2f}", between(spec.stats["steps"])]
    cells += [between(spec.stats["iterations"]), f"{each:.1f}", between(direct.stats["steps"]), f"{each / seconds:.1f}"]
    cells += [f"{np.abs(spec.G[np.array(SOME)] - direct.G).max():.0e}"]
    return "| " + " | ".join(map(str, cells)) + " |"


def rows(given):
    """All lines."""
    for nodes in given.nodes:
        for name in given.problems:
            for spin_orbit in SPIN_ORBIT:
                device, pair_potential = MAKERS[name](nodes, spin_orbit)
                sol = ju.solve(device, T, pair_potential, frequencies=1, linear_solver=ju.linear.Krylov())
                for eta in given.eta:
                    yield row(name, spin_orbit, sol, eta)


def main():
    """Print the table line by line and write its part of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[4000, 16000])
    parser.add_argument("--eta", type=float, nargs="+", default=[0.1, 0.01], help="in gaps")
    parser.add_argument("--problems", nargs="+", choices=list(MAKERS), default=list(MAKERS))
    given = parser.parse_args()
    warnings.simplefilter("ignore", ju.CoarseMeshWarning)
    about = (
        f"`python -m benchmarks.real_energies`, {date.today()}, {platform.machine()}, {jax.devices()[0].device_kind}, "
        f"jax {jax.__version__}, numpy {np.__version__}, scipy {scipy.__version__}.\n\nEnergies of "
        f"{', '.join(map(str, ENERGIES))} gaps with Krylov, of {', '.join(map(str, ENERGIES[SOME]))} with SuperLU, each "
        "certified and from the normal state high above the real axis; steps and iterations are those of all stations. "
        "Compilation apart."
    )
    table = [HEADER, "|" + "---|" * 11]
    print("\n".join(table), flush=True)
    for line in rows(given):
        print(line, flush=True)
        table.append(line)
        write_part("Real energies", about + "\n\n" + "\n".join(table))


if __name__ == "__main__":
    main()
