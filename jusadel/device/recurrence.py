"""Devices that come back: in a sweep, or for the phases of a relation.

While they do, a term that was there once stays although its field vanishes on the way, so that nothing is compiled for
its absence, and the choice of a linear solver knows how often its programs will serve.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Recurrence:
    """How often devices come back, and the fields that were not zero in one of them ("A" for links)."""

    times: int = 1
    fields: set[str] = field(default_factory=set)


_now: ContextVar[Recurrence | None] = ContextVar("recurrence", default=None)


@contextmanager
def recurring(times: int) -> Iterator[None]:
    """What is discretised meanwhile comes back `times` times; within another recurrence as often as both say."""
    outer = _now.get() or Recurrence()
    token = _now.set(Recurrence(max(times, 1) * outer.times, outer.fields))
    try:
        yield
    finally:
        _now.reset(token)


def times_to_come() -> int:
    """How often a problem of now comes back."""
    return (_now.get() or Recurrence()).times


def with_earlier(fields: Iterable[str]) -> set[str]:
    """The fields that are there, and those that were earlier in the same recurrence."""
    known = set() if (now := _now.get()) is None else now.fields
    known |= set(fields)
    return set(known)
