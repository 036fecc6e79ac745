"""Matrices that `products` multiplies by rules of their own, such as those of `off_diagonal` and `slopes`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np


class OwnRules:
    """The base of such matrices; a plain array may stand beside one. If not told otherwise, they are pytrees."""

    @staticmethod
    def bilinear(a: Any, b: Any, sign: int) -> Any:
        """a b + sign b a."""
        raise NotImplementedError

    @staticmethod
    def trace(a: Any, b: Any) -> Any:
        """What stands for Tr(a b), the trailing axes."""
        raise NotImplementedError

    def recombined(self, recombine: Callable[[np.ndarray, Any], Any], constant: np.ndarray) -> Any:
        """Sum_kl C_ijkl b_kl, as `recombine` gives it of an array."""
        return jax.tree.map(lambda x: recombine(constant, x), self)


def with_own_rules(*matrices: Any) -> OwnRules | None:
    """The first of them that is one."""
    return next((x for x in matrices if isinstance(x, OwnRules)), None)
