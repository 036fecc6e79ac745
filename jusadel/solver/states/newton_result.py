"""What Newton's method found, frequency by frequency."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np


@dataclass(frozen=True)
class NewtonResult:
    """Frames and how they were found, per frequency."""

    V: np.ndarray  # (b, n, 4, 4)
    residual: np.ndarray  # (b,) relative norm of the gradient
    steps: np.ndarray  # (b,) Newton steps
    iterations: np.ndarray  # (b,) Krylov iterations in all of them; 0 for direct solvers
    converged: np.ndarray  # (b,) bool
    margin: np.ndarray  # (b,) smallest eigenvalue of the Hermitian part of g tau3 over the nodes
    inertia: np.ndarray | None  # (b, 2) of the last Hessian, where the solver gives it
    ladder: np.ndarray  # (b,) rungs climbed where the plain start failed, else 0

    def __getitem__(self, rows: Any) -> NewtonResult:
        """These frequencies, by a slice, a mask, or their numbers (k,)."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        chosen: dict[str, Any] = {name: None if value is None else value[rows] for name, value in values.items()}
        return NewtonResult(**chosen)

    @property
    def stable(self) -> np.ndarray:
        """Positivity at every node: the certificate of the physical branch."""
        return self.margin > 0

    @property
    def accepted(self) -> np.ndarray:
        """Converged and certified."""
        return self.converged & self.stable


def nothing_yet(V: np.ndarray) -> NewtonResult:
    """A result to be filled in, with the frames V (b, n, 4, 4)."""
    b = len(V)
    count, real = np.zeros(b, int), np.full(b, np.inf)
    return NewtonResult(
        V=V,
        residual=real,
        steps=count,
        iterations=count.copy(),
        converged=np.zeros(b, bool),
        margin=-real,
        inertia=np.full((b, 2), -1),
        ladder=count.copy(),
    )
