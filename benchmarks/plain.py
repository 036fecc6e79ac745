"""What a user would write with public parts: the same matrices, solved by scipy's spsolve at every Newton step."""

import numpy as np
import scipy.sparse.linalg as sla

from jusadel.linear import SuperLU


class PlainSpsolve(SuperLU):
    """One frequency after the other, default ordering, default pivoting, a new factor at every step."""

    name = "spsolve"

    def __init__(self):
        super().__init__(threads=1)

    def _one(self, pattern, system, V, omega, memory):
        memory.clear()  # forgets the last step, so that every factor is new
        return super()._one(pattern, system, V, omega, memory)

    def directions(self, *given):
        """As SuperLU's, without an inertia, which spsolve does not give."""
        return super().directions(*given)._replace(inertia=None)

    def factorise(self, matrix):
        """The solving is left to spsolve, which factorises anew."""
        return lambda rhs: sla.spsolve(matrix, rhs), (0, 0)


def copy_bandwidth(megabytes=256):
    """Bytes per second (read + write) of the best of five array copies."""
    from time import perf_counter

    source = np.ones(megabytes * 2**17)
    target = np.empty_like(source)
    seconds = []
    for _ in range(5):
        began = perf_counter()
        np.copyto(target, source)
        seconds.append(perf_counter() - began)
    return 2 * source.nbytes / min(seconds)
