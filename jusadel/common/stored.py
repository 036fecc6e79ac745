"""What was read from an archive: parts of its header by name, each asked for as what it should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Stored:
    """A part of the header of a file, with the arrays that it refers to; what is asked for is checked."""

    tree: Any
    arrays: Mapping[str, np.ndarray]
    name: str = "content"

    def __getitem__(self, key: str) -> Stored:
        if not isinstance(self.tree, dict) or key not in self.tree:
            raise ValueError(f"{self.name} has no {key!r}")
        return Stored(self.tree[key], self.arrays, f"{self.name}, {key}")

    def __contains__(self, key: str) -> bool:
        return isinstance(self.tree, dict) and key in self.tree

    def items(self) -> Iterator[tuple[str, Stored]]:
        """The parts by name."""
        if not isinstance(self.tree, dict):
            raise ValueError(f"{self.name} is no collection")
        return ((key, self[key]) for key in self.tree)

    @property
    def missing(self) -> bool:
        """Whether it is None."""
        return self.tree is None

    def text(self) -> str:
        """A word."""
        if not isinstance(self.tree, str):
            raise ValueError(f"{self.name} is {self.tree!r}; expected a word")
        return self.tree

    def numbers(self) -> Any:
        """What `numbers` made: None, a number, or an array of them."""
        if self.tree is None or type(self.tree) in (int, float):
            return self.tree
        try:
            return np.array(self.tree, float)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.name} is {self.tree!r:.60}; expected numbers") from error

    def number(self) -> float:
        """One number."""
        if type(self.tree) not in (int, float):
            raise ValueError(f"{self.name} is {self.tree!r:.60}; expected a number")
        return float(self.tree)

    def any_number(self) -> float:
        """One number that may be inf or NaN, as `Arrays.any` made it."""
        value = self.any()
        if type(value) not in (int, float):
            raise ValueError(f"{self.name} is {value!r:.60}; expected a number")
        return float(value)

    def array(self, shape: tuple[int | None, ...], kinds: str = "f") -> np.ndarray:
        """The array that it refers to.

        Args:
            shape: expected, None for any length.
            kinds: of its type: "f" real, "c" complex, "i" whole numbers, "b" yes or no.
        """
        array = self._referred()
        if array.dtype.kind not in kinds or not _fits(array.shape, shape):
            wanted = f"{tuple('any' if k is None else k for k in shape)} of type {'/'.join(kinds)}"
            raise ValueError(f"{self.name} has the shape {array.shape} and type {array.dtype}; expected {wanted}")
        return array

    def any(self) -> Any:
        """What `Arrays.any` made."""
        if not isinstance(self.tree, dict):
            return self.tree
        array = self._referred()
        return array if array.ndim else array.item()

    def nested(self) -> Any:
        """What `Arrays.nested` made."""
        if not isinstance(self.tree, dict) or "array" in self.tree:
            return self.any()
        kind, content = next(iter(self.tree.items()), (None, None))
        if kind == "dict":
            return {key: value.nested() for key, value in self[kind].items()}
        if kind not in ("list", "tuple") or not isinstance(content, list):
            raise ValueError(f"{self.name} is {self.tree!r:.60}; expected numbers, a word, or a collection of them")
        values = [Stored(x, self.arrays, f"{self.name}, {k}").nested() for k, x in enumerate(content)]
        return values if kind == "list" else tuple(values)

    def words(self) -> tuple[str, ...]:
        """A list of words."""
        if not isinstance(self.tree, list) or not all(isinstance(x, str) for x in self.tree):
            raise ValueError(f"{self.name} is {self.tree!r:.60}; expected a list of words")
        return tuple(self.tree)

    def whole(self) -> int:
        """A whole number of 64 bits."""
        if type(self.tree) is not int or not -(2**63) <= self.tree < 2**63:
            raise ValueError(f"{self.name} is {self.tree!r:.60}; expected a whole number")
        return self.tree

    def yes(self) -> bool:
        """Yes or no."""
        if type(self.tree) is not bool:
            raise ValueError(f"{self.name} is {self.tree!r:.60}; expected true or false")
        return self.tree

    def _referred(self) -> np.ndarray:
        name = self["array"].text()
        if name not in self.arrays:
            raise ValueError(f"the array {name!r} of {self.name} is missing")
        return self.arrays[name]


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(b is None or a == b for a, b in zip(shape, wanted, strict=True))
