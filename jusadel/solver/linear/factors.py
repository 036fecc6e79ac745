"""SuperLU's factors, and the threads that make them, which have to outlive them.

SciPy frees a factor's memory only in the thread that made it (scipy issue 15921): dropped in another one it is lost, a
hundred megabytes for each step of a gap equation. So these threads stay, and each drops what it has made.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

T = TypeVar("T")
_own = threading.local()
_one_at_a_time = threading.Lock()


class Factor:
    """L and U of a sparse matrix, without pivoting, in minimum-degree order.

    Raises:
        RuntimeError: an exactly singular matrix.
    """

    def __init__(self, matrix: sp.csc_matrix) -> None:
        _bury()
        self._dropped = _dropped()
        self._lu = sla.splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        pivots = self._lu.U.diagonal().real
        self.inertia = (int((pivots > 0).sum()), int((pivots < 0).sum()))

    def solve(self, rhs: np.ndarray) -> np.ndarray:
        """The solution for one right-hand side, from any thread."""
        return self._lu.solve(rhs)

    def __del__(self) -> None:
        if self._dropped is not _dropped() and hasattr(self, "_lu"):
            self._dropped.append(self._lu)  # for the thread that made it


def _dropped() -> deque[Any]:
    """Factors of this thread that nobody needs any more."""
    if not hasattr(_own, "dropped"):
        _own.dropped = deque()
    return _own.dropped


def _bury() -> None:
    _dropped().clear()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="jusadel-factors")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # the threads are not there


def in_threads(task: Callable[[int], T], numbers: Iterable[int], threads: int) -> list[T]:
    """The tasks of these numbers, side by side, in threads that stay."""
    return list(_pool(threads).map(task, numbers))


def forget(threads: int) -> None:
    """Let the threads free what has been dropped since they made their last factor."""
    together = threading.Barrier(threads)

    def bury(_: int) -> None:
        together.wait()  # so that each thread takes one
        _bury()

    with _one_at_a_time:
        in_threads(bury, range(threads), threads)
