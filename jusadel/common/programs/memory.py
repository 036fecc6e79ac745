"""Memory that has been freed, given back to the system."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


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


@cache
def _trim() -> Any:
    """glibc's malloc_trim, where that is the C library."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
