"""Matrices that `products` multiplies by rules of their own, such as those of `off_diagonal`."""

from __future__ import annotations

from typing import Any


class InBlocks:
    """The base of such matrices, pytrees of blocks; a plain array may stand beside one."""

    @staticmethod
    def bilinear(a: Any, b: Any, sign: int) -> Any:
        """a b + sign b a."""
        raise NotImplementedError

    @staticmethod
    def trace(a: Any, b: Any) -> Any:
        """What stands for Tr(a b), the trailing axes."""
        raise NotImplementedError


def made_of_blocks(*matrices: Any) -> InBlocks | None:
    """The first of them that is one."""
    return next((x for x in matrices if isinstance(x, InBlocks)), None)
