"""The usual spin-orbit tensors by name."""

from __future__ import annotations

import numpy as np


def rashba(x: float) -> np.ndarray:
    """(3, 2) tensor with xy = -yx = x (C3v, C4v, C6v): spin perpendicular to the current."""
    return np.array([[0.0, 1.0], [-1.0, 0.0], [0.0, 0.0]]) * x


def dresselhaus(x: float) -> np.ndarray:
    """(3, 2) tensor with xx = -yy = x (D2d, S4)."""
    return np.array([[1.0, 0.0], [0.0, -1.0], [0.0, 0.0]]) * x


def chiral(x: float) -> np.ndarray:
    """(3, 2) tensor with xx = yy = x (T, O, D3, D4, D6): spin along the current."""
    return np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]) * x
