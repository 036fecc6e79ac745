"""Error bars of a least-squares fit, and what the data do not determine.

The covariance is s^2 (J^T J)^-1 with J = d[(model - data)/sigma]/d parameter at the minimum, s = 1 where sigma is known
and s^2 = chi2/(N - p) where it is not. It holds as far as the model is linear in the parameters over their errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jusadel.fitting.levenberg_marquardt import DEGENERATE

NEARLY = 1e-3
"""Smallest singular value of the Jacobian with columns of length one where parameters count as nearly degenerate: the
others being free makes errors a thousand times larger."""
VAGUE = 0.1
"""The same where in addition the values of the parameters are smaller than their errors."""
NAMED = 0.1
"""Part in a combination that is worth its name."""
AT_BOUND = 1e-3
"""Standard errors from a bound."""


@dataclass(frozen=True, eq=False)
class Covariance:
    """Covariance, errors and correlations of p parameters.

    Attributes:
        matrix: (p, p); inf in rows and columns of parameters that the data do not determine.
        correlation: (p, p).
        degenerate: combinations of parameters that the data do not tell apart, as text.
    """

    matrix: np.ndarray
    correlation: np.ndarray
    degenerate: tuple[str, ...]

    @property
    def errors(self) -> np.ndarray:
        """Standard errors, (p,)."""
        return np.sqrt(np.diag(self.matrix))


def covariance(J: np.ndarray, unit: float, values: np.ndarray, labels: tuple[str, ...]) -> Covariance:
    """The covariance of parameters from the Jacobian (N, p) of the weighted residuals.

    Args:
        J: the Jacobian, N >= p.
        unit: square of one standard error of a weighted residual; inf or NaN where it is unknown.
        values, labels: the parameters and their names.
    """
    lengths = np.linalg.norm(J, axis=0)
    scale = np.where(lengths > 0, lengths, 1.0)
    _, s, Vt = np.linalg.svd(J / scale, full_matrices=False)
    seen = s > DEGENERATE * max(s[0], 1e-300)
    floored = np.where(seen, s, DEGENERATE * max(s[0], 1.0))
    inverse = (Vt.T / floored**2) @ Vt  # of the matrix with a unit diagonal
    spread = np.sqrt(np.diag(inverse))
    matrix = (unit if np.isfinite(unit) else 1.0) * inverse / np.outer(scale, scale)
    vague = np.sqrt(np.diag(matrix)) > np.abs(values)
    unknown = (np.abs(Vt[~seen]) > DEGENERATE**0.5).any(axis=0) | ~np.isfinite(unit)
    matrix[unknown] = matrix[:, unknown] = np.inf
    combinations = tuple(
        _combination(v, scale, labels)
        for v, size in zip(Vt, s, strict=True)
        if size < NEARLY or (size < VAGUE and vague[np.abs(v) > NAMED].all())
    )
    return Covariance(matrix, inverse / np.outer(spread, spread), combinations)


def _combination(v: np.ndarray, scale: np.ndarray, labels: tuple[str, ...]) -> str:
    """A direction in the space of parameters, as text: "A : B = 1 : -2.5"."""
    part = np.nonzero(np.abs(v) > NAMED * np.abs(v).max())[0]
    change = (v / scale)[part]
    if len(part) == 1:
        return f"{labels[part[0]]} alone"
    ratio = change / change[np.argmax(np.abs(v[part]))]
    return f"{' : '.join(labels[k] for k in part)} = {' : '.join(f'{r + 0.0:.3g}' for r in ratio)}"


def at_bound(J: np.ndarray, residual: np.ndarray, unit: float, ways: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Which parameters a bound stops, (p,): the next Gauss-Newton step of each would cross a bound that is near.

    Args:
        J: the Jacobian in the parameters, (N, p). residual: (N,). unit: as in `covariance`.
        ways: from each parameter to its lower and upper bound, (p,) each.
    """
    curvature = np.square(J).sum(axis=0)
    known = curvature > 0
    curvature = np.where(known, curvature, 1.0)
    step, error = -(residual @ J) / curvature, np.sqrt(unit / curvature)
    way = np.where(step < 0, *ways)
    return known & (way < AT_BOUND * error) & (np.abs(step) > way)
