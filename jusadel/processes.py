"""Frequencies shared out over the processes of jax.distributed; within a process they go to its devices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import jax
import numpy as np


def shared_out(run: Callable[[np.ndarray, np.ndarray], Any], omega: np.ndarray, V: np.ndarray) -> Any:
    """run(omega, V), each process with its share of the frequencies; every process gets the whole result.

    Args:
        run: from frequencies (b,) and frames (b, ...) to a dataclass of arrays (b, ...) or None.
        omega: frequencies (b,).
        V: frames (b, n, 4, 4).
    """
    count = jax.process_count()
    if count == 1:
        return run(omega, V)
    share = -(-len(omega) // count)
    mine = np.minimum(np.arange(share) * count + jax.process_index(), len(omega) - 1)  # neighbours go to different ones
    own = run(omega[mine], V[mine])
    gathered = {f.name: _gathered(getattr(own, f.name), len(omega)) for f in fields(own)}
    return replace(own, **gathered)


def _gathered(values: Any, total: int) -> Any:
    """The values (share, ...) of all processes in the order of the frequencies, (total, ...)."""
    from jax.experimental import multihost_utils

    if values is None:
        return None
    everyone = np.asarray(multihost_utils.process_allgather(np.asarray(values)))  # (processes, share, ...)
    return everyone.swapaxes(0, 1).reshape(-1, *values.shape[1:])[:total]
