"""What a user would write with public parts, and what the machine can do."""

from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import numpy as np
import scipy.sparse.linalg as sla

from jusadel.action.sparse_hessian import Pattern


def seconds_of_spsolve_step(problem, omega):
    """One Newton step of one frequency: assemble the matrix, call `scipy.sparse.linalg.spsolve`.

    Every step costs the same, so one is measured (the second: the first compiles the assembly).
    """
    V, pattern = problem.start(np.array([omega]))[0], Pattern(problem.lifted)
    pattern.slope_and_matrix(problem.lifted, V, omega)
    began = perf_counter()
    slope, matrix = pattern.slope_and_matrix(problem.lifted, V, omega)
    sla.spsolve(matrix, -slope[pattern.free].ravel())
    return perf_counter() - began


def copy_bandwidth(megabytes=512, threads=2):
    """Bytes per second (read + write) of the best of five array copies, with two threads."""
    source = np.random.default_rng(0).random(megabytes * 2**17)
    target = np.empty_like(source)
    parts = np.array_split(np.arange(0, len(source) + 1, len(source) // threads), 1)[0]
    copy = lambda k: np.copyto(target[parts[k] : parts[k + 1]], source[parts[k] : parts[k + 1]])  # noqa: E731
    seconds = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(5):
            began = perf_counter()
            list(pool.map(copy, range(threads)))
            seconds.append(perf_counter() - began)
    return 2 * source.nbytes / min(seconds)
