"""python -m benchmarks: time the solvers, print the table line by line, write benchmarks/RESULTS.md."""

import argparse
import platform
import resource
import sys
import warnings
from datetime import date
from itertools import pairwise
from time import perf_counter

import jax
import numpy as np
import scipy

import jusadel as ju
from benchmarks import product
from benchmarks.plain import copy_bandwidth, seconds_of_spsolve_step
from benchmarks.problems import DELTA, MAKERS, SPIN_ORBIT, T, problem
from benchmarks.results import write_part
from jusadel.action import matsubara
from jusadel.solver.newton import newton

HEADER = (
    "| problem | spin-orbit | nodes | frequencies | solver | s | s per frequency | compile s | Newton steps "
    "| Krylov iterations | residual | memory GB |"
)
ACCURACY = 1e-6
LARGEST_FOR_SPSOLVE, LARGEST_FOR_SUPERLU = 20_000, 5_000


def run(given, solver, omega):
    """Newton's method with its certificate for all frequencies, from the normal state."""
    prepared = solver.prepare(given.lifted, len(omega))
    began = perf_counter()
    result = newton(given.lifted, omega, given.start(omega), solver, prepared=prepared)
    seconds = perf_counter() - began
    assert result.accepted.all(), "not certified"
    return seconds, result, prepared


def compilation(given, solver, omega):
    """Seconds that the first use takes longer than the second, on the highest frequencies."""
    top = np.sort(omega)[-solver.prepare(given.lifted, len(omega)).width :]
    first, second = (run(given, solver, top)[0] for _ in range(2))
    return first - second


def line(given, count, name, seconds, compiling, result):
    """One row of the table."""
    steps, iterations = result.steps, result.iterations
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return (
        f"| {given.name} | {given.spin_orbit} | {given.nodes} | {count} | {name} | {seconds:.1f} | "
        f"{seconds / count:.3f} | {compiling:.0f} | {steps.min()} to {steps.max()} | "
        f"{iterations.min()} to {iterations.max()} | {result.residual.max():.0e} | {memory:.1f} |"
    )


def krylov_row(given, omega):
    """All frequencies at once."""
    solver = ju.linear.Krylov()
    compiling = compilation(given, solver, omega)
    seconds, result, _ = run(given, solver, omega)
    return seconds / len(omega), result, line(given, len(omega), "Krylov", seconds, compiling, result)


def direct_row(given, omega, solver):
    """The lowest and the highest frequency, one after the other."""
    some = omega[[0, -1]]
    run(given, solver, some[-1:])  # compiles the assembly
    seconds, result, _ = run(given, solver, some)
    return seconds / len(some), line(given, len(some), solver.name, seconds, 0, result)


def rows(names, nodes, omega, many):
    """Rows of the table, and the ratios that follow from them."""
    for name in names:
        for spin_orbit in SPIN_ORBIT:
            each = {}
            for n in nodes:
                given = problem(name, n, spin_orbit)
                seconds, result, text = krylov_row(given, omega)
                each[given.nodes] = (seconds, result.iterations.max())
                yield text, None
                if name == "vortex" and given.nodes in range(10_000, 30_000):
                    seconds, result, text = krylov_row(given, many)
                    yield text, None
                yield from against(given, omega, seconds, result)
                yield None, bandwidth(given)
            yield from growth(name, spin_orbit, each)


def against(given, omega, seconds, result):
    """The direct solvers and the plain pipeline on the same problem."""
    at = f"{given.name}, spin-orbit {given.spin_orbit}, {given.nodes} nodes, per frequency"
    for solver in direct_solvers(given.nodes):
        each, text = direct_row(given, omega, solver)
        yield text, f"{at}: Krylov is {each / seconds:.1f} times faster than {solver.name}"
    if given.nodes < LARGEST_FOR_SPSOLVE:
        step, steps = seconds_of_spsolve_step(given, float(omega[0])), result.steps.mean()
        yield (
            None,
            (
                f"{at}: one step with spsolve takes {step:.2f} s; with {steps:.1f} Newton steps Krylov is "
                f"{step * steps / seconds:.0f} times faster"
            ),
        )


def direct_solvers(nodes):
    """Those that can run here on a problem of this size."""
    solvers = [ju.linear.SuperLU()] if nodes < LARGEST_FOR_SUPERLU else []
    try:
        return [*solvers, ju.linear.Pardiso()]
    except ImportError:
        return solvers


def bandwidth(given):
    """The Hessian product against the copy."""
    seconds, moved = product.measure(given)
    share = moved / seconds / COPY
    return (
        f"{given.name}, spin-orbit {given.spin_orbit}, {given.nodes} nodes: a Hessian product of 8 frequencies takes "
        f"{1e3 * seconds:.1f} ms, {moved / seconds / 1e9:.1f} GB/s, {100 * share:.0f} % of the copy"
    )


def growth(name, spin_orbit, each):
    """Exponents of seconds per frequency, and how the iterations grow."""
    sizes = sorted(each)
    for small, large in pairwise(sizes):
        (t0, i0), (t1, i1) = each[small], each[large]
        exponent = np.log(t1 / t0) / np.log(large / small)
        yield (
            None,
            (
                f"{name}, spin-orbit {spin_orbit}: from {small} to {large} nodes the seconds grow with the exponent "
                f"{exponent:.2f}, the iterations by {i1 / i0:.2f}"
            ),
        )


def main():
    """Run, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--nodes", type=int, nargs="+", default=[1000, 4000, 16000, 64000])
    parser.add_argument("--frequencies", type=int, default=24)
    parser.add_argument("--problems", nargs="+", choices=list(MAKERS), default=list(MAKERS))
    parser.add_argument("--gpu", action="store_true", help="refuse to run on a CPU; no direct solvers")
    given = parser.parse_args()
    if given.gpu and jax.default_backend() == "cpu":
        sys.exit("--gpu: JAX sees no GPU here; install jax[cuda12] or leave --gpu out")
    warnings.simplefilter("ignore", ju.CoarseMeshWarning)
    omega = matsubara.quadrature(T, given.frequencies)[0]
    many = matsubara.quadrature(T, matsubara.enough_frequencies(T, DELTA, ACCURACY))[0]
    table, ratios = [HEADER, "|" + "---|" * 12], []
    print("\n".join(table), flush=True)
    for row, ratio in rows(given.problems, given.nodes, omega, many):
        table += [row] if row else []
        ratios += [ratio] if ratio else []
        print("\n".join(text for text in (row, ratio) if text), flush=True)
        write_part("Benchmarks", page(given, table, ratios))


def page(given, table, ratios):
    """The text of its part of RESULTS.md."""
    command = "python -m benchmarks " + " ".join(sys.argv[1:])
    device = jax.devices()[0]
    return (
        f"`{command.strip()}`, {date.today()}, {platform.machine()}, {device.device_kind}, jax "
        f"{jax.__version__}, numpy {np.__version__}, scipy {scipy.__version__}; copy bandwidth with two threads "
        f"{COPY / 1e9:.0f} GB/s.\n\nT = {T} Tc; quadrature with {given.frequencies} frequencies, and once with as "
        f"many as {ACCURACY:g} in the sums needs; everything certified; compilation apart. Direct solvers run on the "
        "lowest and the highest frequency; memory is the largest of the "
        "process so far.\n\n"
        + "\n".join(table)
        + "\n\n## What follows\n\n"
        + "\n".join(f"* {ratio}." for ratio in ratios)
        + "\n"
    )


if __name__ == "__main__":
    COPY = copy_bandwidth()
    main()
