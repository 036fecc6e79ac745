"""Sparse direct solver: SuperLU without pivoting on the quasi-definite Hessian, frequencies in threads."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, TypeVar

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla
from threadpoolctl import ThreadpoolController

from jusadel.action.matrix_free import LiftedAction
from jusadel.action.sparse_hessian import Pattern
from jusadel.common.distributed import processors
from jusadel.solver.linear.protocol import DERIVATIVES, Direction, LinearResponse

Solve = Callable[[np.ndarray], np.ndarray]

CHORD = 0.1
"""Once a step is shorter than this, its factors serve the following ones, which then shrink at about this rate."""
INACCURATE = 1e-8
"""Relative residual of a complex system's solution above which it is solved again with pivoting."""
KEPT = 2**29
"""Bytes of factors at real energies that a linear response keeps; it makes the others anew each time, so that gradients
of many energies take no more memory than their solution."""
FEW = 64
"""Nodes up to which threads cost more than they save, their turns at the interpreter being most of it: there as many
frequencies as `TOGETHER` share each call of a program."""
TOGETHER = 8
UNKNOWN = (-1, -1)
"""In place of an inertia that was not asked for, or does not exist."""


@dataclass(frozen=True)
class PreparedPattern:
    """The discrete action and the sparsity pattern of its Hessian."""

    lifted: LiftedAction
    pattern: Pattern
    width: int
    batch: int = 1


class SuperLU:
    """scipy's SuperLU in symmetric mode with minimum-degree ordering: the pivots' signs are the inertia.

    On the physical branch the Hessian is quasi-definite, so no pivoting is needed in any symmetric order. At real
    energies it is complex and symmetric, without inertia; where a solution then proves inaccurate, pivots are searched.

    Args:
        threads: frequencies factorised side by side; default the number of cores that the process may use (in workers
            of a sweep, its share), at most 8.
    """

    name = "SuperLU"
    derivatives = DERIVATIVES
    inertia = True
    complex = True
    together = TOGETHER
    """Frequencies whose factors live side by side where there are few nodes."""

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or min(8, processors())

    def prepare(self, lifted: LiftedAction, count: int = 1) -> PreparedPattern:
        """The sparsity pattern; as many frequencies as threads, whose factors are all the memory that is needed."""
        pattern = Pattern(lifted)
        if len(lifted.system.free) <= FEW and self.together > 1:
            return PreparedPattern(lifted, pattern, self.together, self.together)
        return PreparedPattern(lifted, pattern, self.threads)

    def directions(
        self,
        prepared: PreparedPattern,
        V: Any,
        omega: np.ndarray,
        active: np.ndarray,
        target: np.ndarray,
        memory: list[dict[str, Any]],
    ) -> Direction:
        """Factorise and solve frequency by frequency, with gradients and Hessians of a batch at once."""
        V, at, b = np.asarray(V), np.flatnonzero(active), len(omega)
        step, accuracy = np.zeros((b, len(prepared.lifted.system.free), 8), V.dtype), np.ones(b)
        inertia = np.full((b, 2), UNKNOWN)
        parts = [at[k : k + prepared.batch] for k in range(0, len(at), prepared.batch)]

        def some(k: int) -> None:
            part = parts[k]
            found = self._some(prepared, V[part], omega[part], [memory[j] for j in part])
            step[part], accuracy[part], inertia[part] = found

        with one_thread_each():
            in_threads(some, range(len(parts)), self._threads(prepared))
        return Direction(step, accuracy, inertia)

    def _threads(self, prepared: PreparedPattern) -> int:
        return threads_for(len(prepared.lifted.system.free), self.threads)

    def _some(
        self, prepared: PreparedPattern, V: np.ndarray, omega: np.ndarray, memory: list[dict[str, Any]]
    ) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
        pattern, free = prepared.pattern, prepared.pattern.free
        exact = [_exact(m) for m in memory]
        r, matrices = pattern.slopes_and_matrices(prepared.lifted, V, omega, prepared.batch, exact)
        step = np.zeros_like(r.reshape(len(omega), -1, 8))
        for k, (m, matrix) in enumerate(zip(memory, matrices, strict=True)):
            if exact[k]:
                m["solve"], m["inertia"] = self.factorise(matrix)
            step[k, free] = m["solve"](-r[k].reshape(-1, 8)[free].ravel()).reshape(-1, 8)
        return step, np.where(exact, 0.0, 1.0), [m["inertia"] for m in memory]

    def with_nodes(self, prepared: PreparedPattern, lifted: LiftedAction) -> PreparedPattern:
        """The same pattern for other fields at the nodes."""
        return replace(prepared, lifted=lifted)

    def response(self, prepared: PreparedPattern, V: Any, omega: np.ndarray, tol: float) -> LinearResponse:
        """Factors of all frequencies, kept; at real energies, of which there are more, as many as `KEPT` holds."""
        pattern, kept, V = prepared.pattern, dict[int, Solve](), np.asarray(V)

        def factors(part: np.ndarray) -> dict[int, Solve]:
            known = {k: kept[k] for k in part if k in kept}
            new = [k for k in part if k not in known]
            for k, matrix in zip(
                new, pattern.matrices(prepared.lifted, V[new], omega[new], prepared.batch), strict=True
            ):
                known[k] = self.another().factorise(matrix)[0]
                if sum(map(_size, kept.values())) + _size(known[k]) <= KEPT:
                    kept[k] = known[k]
            return known

        def respond(rhs: Any) -> np.ndarray:
            rhs = np.asarray(rhs)
            x = np.zeros_like(rhs)

            def some(first: int) -> None:
                for k, solve in factors(np.arange(len(omega))[first : first + prepared.batch]).items():
                    x[k, pattern.free] = solve(rhs[k, pattern.free].ravel()).reshape(-1, 8)

            threads = self._threads(prepared)
            if len(kept) < len(omega):
                forget(threads)  # Newton's factors, before as many again are made
            with one_thread_each():
                in_threads(some, range(0, len(omega), prepared.batch), threads)
            return x

        return respond

    def another(self) -> SuperLU:
        """A solver whose factors live beside those of this one."""
        return self

    def factorise(self, matrix: sp.csc_matrix) -> tuple[Solve, tuple[int, int]]:
        """A function that solves, and the inertia (positive, negative); NaN and (0, 0) where a pivot vanishes."""
        try:
            factor = Factor(matrix)
        except RuntimeError:  # SuperLU's word for an exactly singular matrix
            return lambda rhs: np.full_like(rhs, np.nan), (0, 0)
        if np.iscomplexobj(matrix):
            return _Checked(matrix, factor), UNKNOWN
        return factor.solve, factor.inertia


def _exact(memory: dict[str, Any]) -> bool:
    """Whether the Hessian is due again: steps are large, or kept factors no longer pay."""
    length, before = memory.get("length", np.inf), memory.get("before", np.inf)
    memory["before"] = length
    return not length < min(CHORD, before / 5)


def one_thread_each() -> AbstractContextManager[Any]:
    """OpenBLAS without threads: on SuperLU's small blocks, complex ones above all, they cost many times what they save,
    and more where the cores are busy."""
    return _openblas().limit(limits=1)


@cache
def _openblas() -> ThreadpoolController:
    return ThreadpoolController().select(internal_api="openblas")


class _Checked:
    """Solutions by the factor, or by pivoted ones where the residual is large."""

    def __init__(self, matrix: sp.csc_matrix, factor: Factor) -> None:
        self.matrix, self.factor = matrix, factor

    def __call__(self, rhs: np.ndarray) -> np.ndarray:
        x = self.factor.solve(rhs)
        if np.linalg.norm(self.matrix @ x - rhs) <= INACCURATE * np.linalg.norm(rhs):
            return x
        return sla.splu(self.matrix).solve(rhs)

    @property
    def size(self) -> int:
        """Bytes: numbers and row indices of the factor and of the matrix."""
        return (self.factor.count + self.matrix.nnz) * (self.matrix.dtype.itemsize + 4)


def _size(solve: Solve) -> int:
    return solve.size if isinstance(solve, _Checked) else 0


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

    @cached_property
    def inertia(self) -> tuple[int, int]:
        """Positive and negative pivots, which cost a copy of U."""
        pivots = self._lu.U.diagonal().real
        return int((pivots > 0).sum()), int((pivots < 0).sum())

    @property
    def count(self) -> int:
        """Numbers in it."""
        return int(self._lu.nnz)

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


def threads_for(nodes: int, threads: int) -> int:
    """So many threads, or one where there are few nodes."""
    return threads if nodes > FEW else 1


def in_threads(task: Callable[[int], T], numbers: Iterable[int], threads: int) -> list[T]:
    """The tasks of these numbers, side by side, in threads that stay; in the context of the caller each.

    One thread is the caller's own.
    """
    numbers = list(numbers)
    if threads == 1:
        return [task(k) for k in numbers]
    contexts = [copy_context() for _ in numbers]
    return list(_pool(threads).map(lambda context, k: context.run(task, k), contexts, numbers))


def forget(threads: int) -> None:
    """Let the threads free what has been dropped since they made their last factor."""
    together = threading.Barrier(threads)

    def bury(_: int) -> None:
        together.wait()  # so that each thread takes one
        _bury()

    with _one_at_a_time:
        in_threads(bury, range(threads), threads)
