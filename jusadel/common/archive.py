"""The container of saved results: an .npz of plain arrays beside a JSON header, written whole, read with suspicion.

Nothing in it is code: arrays of numbers, and a header of numbers, names and references to arrays. docs/files.md has
the layout.
"""

from __future__ import annotations

import json
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from jusadel.common.atomic import Target, checked_target, replacing
from jusadel.common.stored import Stored
from jusadel.common.types import ArrayLike
from jusadel.common.version import __version__

T = TypeVar("T")

FORMAT, VERSION = "jusadel", 1
"""Name and version of the layout. A later version goes on reading the earlier ones, or refuses them with a reason."""
SUFFIXES = (".npz",)
BROKEN = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    AttributeError,
    TypeError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    SyntaxError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy and zipfile raise for files that are not what they should be."""


# --- writing -----------------------------------------------------------------------------------------


class Arrays:
    """The arrays of a file that is being put together."""

    def __init__(self) -> None:
        self.held: dict[str, np.ndarray] = {}

    def put(self, name: str, value: ArrayLike) -> dict[str, str]:
        """Keep an array under this name, or with a number behind it; the reference for the header. Equal ones share."""
        array = np.asarray(concrete(name, value))
        if array.dtype.kind not in "biufc":
            raise TypeError(f"{name} is {type(value).__name__}; expected numbers")
        chosen, count = name, 1
        while chosen in self.held and not _identical(self.held[chosen], array):
            count += 1
            chosen = f"{name} {count}"
        self.held[chosen] = array
        return {"array": chosen}

    def any(self, name: str, value: Any) -> Any:
        """Whatever may stand in a header: a word, a number, None; other numbers become arrays."""
        value = value.item() if isinstance(value, np.generic) else value
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int | float) and np.isfinite(value):
            return value
        return self.put(name, value)

    def nested(self, name: str, value: Any) -> Any:
        """The same for dicts by word, lists and tuples of such things, and of others in them."""
        if isinstance(value, Mapping):
            if not all(isinstance(key, str) for key in value):
                raise TypeError(f"{name} has the names {list(value)}; expected words")
            return {"dict": {key: self.nested(f"{name} {key}", x) for key, x in value.items()}}
        if isinstance(value, list | tuple):
            kind = "list" if isinstance(value, list) else "tuple"
            return {kind: [self.nested(f"{name} {k}", x) for k, x in enumerate(value)]}
        return self.any(name, value)


def _identical(one: np.ndarray, other: np.ndarray) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def concrete(name: str, value: T) -> T:
    """The value, unless JAX is tracing it."""
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value)):
        raise ValueError(f"{name} is being traced by JAX and has no value yet; save outside of jax.jit, grad and vmap")
    return value


def numbers(name: str, value: ArrayLike | None) -> float | list[Any] | None:
    """A small tensor as nested lists of numbers, exact in JSON; None stays None."""
    return None if value is None else np.asarray(concrete(name, value), float).tolist()


def write_archive(
    path: Target, kind: str, about: Mapping[str, Any], content: Mapping[str, Any], arrays: Arrays
) -> None:
    """Write a file; it appears whole or not at all, and an old one stays until then."""
    file = checked_target(path)
    header = {
        "format": FORMAT,
        "version": VERSION,
        "written by": {"jusadel": __version__, "jax": jax.__version__, "numpy": np.__version__},
        "kind": kind,
        "about": about,
        "content": content,
    }
    text = np.array(json.dumps(header, allow_nan=False, ensure_ascii=False))
    with replacing(file) as partial, open(partial, "wb") as stream:
        np.savez(stream, allow_pickle=False, header=text, **arrays.held)


# --- reading -----------------------------------------------------------------------------------------


def read_archive(path: Target) -> tuple[str, Stored]:
    """The kind of a file and its content.

    Raises:
        FileNotFoundError, IsADirectoryError: no such file. ValueError: not one of ours, damaged, or of a later version.
    """
    file = Path(path)
    if file.is_dir():
        raise IsADirectoryError(f"cannot load {str(file)!r}: it is a folder")
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {str(file)!r}")
    try:
        held = plain_arrays(file)
    except ValueError as error:
        raise ValueError(f"{str(file)!r} is no readable file of jusadel: {error}") from error
    return described(file, held)


def described(file: Path, held: dict[str, np.ndarray]) -> tuple[str, Stored]:
    """The kind of a file and its content, from all its arrays.

    Raises:
        ValueError: it is not one of ours, or of a later version.
    """
    header = _header(file, held)
    return str(header["kind"]), Stored(header["content"], held)


def plain_arrays(file: Path) -> dict[str, np.ndarray]:
    """All arrays of an .npz, of numbers and text alone: Python objects, which could run code, are refused unread.

    Raises:
        ValueError: no .npz, damaged, or with objects inside.
    """
    try:
        with open(file, "rb") as stream:
            if not zipfile.is_zipfile(stream):
                raise ValueError("it is no .npz, or its end is cut off")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as arrays:
                held = {name: arrays[name] for name in arrays.files}
        if not all(isinstance(array, np.ndarray) and array.dtype.kind in "biufcU" for array in held.values()):
            raise ValueError("it holds other things than arrays of numbers")
    except BROKEN as error:
        reason = "it holds Python objects, which are never loaded" if "pickle" in str(error) else str(error)
        raise ValueError(reason) from error
    return held


def _header(file: Path, held: dict[str, np.ndarray]) -> dict[str, Any]:
    text = held.pop("header", None)
    try:
        header = json.loads(str(text)) if text is not None and text.shape == () else None
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        known = "a sweep keeps its own file: give it to sweep(path=...)" if "format" in held else "expected one of save"
        raise ValueError(f"{str(file)!r} is not in the format {FORMAT!r}; {known}")
    version, by = header.get("version"), header.get("written by")
    if not isinstance(version, int) or version < 1:
        raise ValueError(f"{str(file)!r} has the format version {version!r}; expected 1 to {VERSION}")
    if version > VERSION:
        newer = by.get("jusadel") if isinstance(by, dict) else None
        raise ValueError(
            f"{str(file)!r} has the format version {version} and was written by jusadel {newer}; jusadel {__version__} "
            f"reads versions up to {VERSION}: update jusadel"
        )
    if "kind" not in header or "content" not in header:
        raise ValueError(f"{str(file)!r}: its header has no kind or no content")
    return header
