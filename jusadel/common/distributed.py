"""What a process has to share out: its processors, and frequencies over the processes of jax.distributed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

import jax
import numpy as np

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")

_apart: ContextVar[bool] = ContextVar("apart", default=False)


def processors() -> int:
    """How many this process may use: those that the system gives it, but no more than NPROC says, which XLA obeys."""
    given = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = os.environ.get("NPROC", "")
    return min(given, int(wanted)) if wanted.isdecimal() and int(wanted) else given


@contextmanager
def on_its_own() -> Iterator[None]:
    """Solve meanwhile in this process alone, as when each process has a problem of its own."""
    token = _apart.set(True)
    try:
        yield
    finally:
        _apart.reset(token)


def shared_out(run: Callable[[np.ndarray, np.ndarray], R], omega: np.ndarray, V: np.ndarray) -> R:
    """run(omega, V), each process with its share of the frequencies; every process gets the whole result.

    Args:
        run: from frequencies (b,) and frames (b, ...) to a dataclass of arrays (b, ...) or None.
        omega: frequencies (b,).
        V: frames (b, n, 4, 4).
    """
    count = 1 if _apart.get() else jax.process_count()
    if count == 1:
        return run(omega, V)
    share = -(-len(omega) // count)
    mine = np.minimum(np.arange(share) * count + jax.process_index(), len(omega) - 1)  # neighbours go to different ones
    own = run(omega[mine], V[mine])
    gathered = {f.name: _gathered(getattr(own, f.name), len(omega)) for f in fields(own)}
    return replace(own, **gathered)


def _gathered(values: np.ndarray | None, total: int) -> np.ndarray | None:
    """The values (share, ...) of all processes in the order of the frequencies, (total, ...)."""
    if values is None:
        return None
    everyone = _from_all(np.asarray(values))  # (processes, share, ...)
    return everyone.swapaxes(0, 1).reshape(-1, *values.shape[1:])[:total]


def everyones(own: bytes) -> list[bytes]:
    """What each process gives, in their order; all of them have to ask."""
    if jax.process_count() == 1:
        return [own]
    lengths = _from_all(np.array(len(own)))
    padded = np.zeros(max(1, lengths.max()), np.uint8)
    padded[: len(own)] = np.frombuffer(own, np.uint8)
    return [row[:length].tobytes() for row, length in zip(_from_all(padded), lengths, strict=True)]


def _from_all(values: np.ndarray) -> np.ndarray:
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(values))
