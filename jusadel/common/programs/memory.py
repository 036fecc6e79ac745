"""Memory that has been freed, given back to the system, or kept for what comes next."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
"""What glibc's mallopt can be told, as malloc.h has it."""
KEPT, GIVEN_BACK = 2**30, 2**25
"""Blocks below which freed ones are kept, and the least that otherwise have pages of their own, in bytes."""


def without_remains(function: Callable[..., T], *arguments: Any) -> T:
    """What a function of large arrays returns, with what is freed given back before and after it."""
    give_back()
    found = function(*arguments)
    give_back()
    return found


def give_back() -> None:
    """What glibc keeps of freed blocks of some MiB is in pieces, which nothing larger fits."""
    trim = _trim()
    if trim is not None:
        trim(0)


def one_heap() -> None:
    """All threads share the heap that can keep large blocks, if this comes before them."""
    _tell(ARENA_MAX, 1)


@contextmanager
def pages_kept() -> Iterator[None]:
    """What is freed in here, such as the work space of a program that runs again and again, is given back at the end.

    To get new pages for it takes as long as much of the work: they come filled with zeros, one by one.
    """
    _tell(MMAP_THRESHOLD, KEPT)
    _tell(TRIM_THRESHOLD, KEPT)
    try:
        yield
    finally:
        _tell(MMAP_THRESHOLD, GIVEN_BACK)
        _tell(TRIM_THRESHOLD, 2 * GIVEN_BACK)
        give_back()


def _tell(parameter: int, value: int) -> None:
    told = _of_glibc("mallopt")
    if told is not None:
        told(parameter, value)


def _trim() -> Any:
    return _of_glibc("malloc_trim")


@cache
def _of_glibc(name: str) -> Any:
    """A function of glibc, where that is the C library."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
