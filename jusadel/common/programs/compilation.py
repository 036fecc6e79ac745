"""What compilation takes of the time, told by JAX as it happens: counted, and said where a user waits for it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock, Timer

import jax

from jusadel.common.programs.folder import cache_folder
from jusadel.common.progress import Event, Progress

TRACED = "/jax/core/compile/jaxpr_trace_duration"
LOWERED = "/jax/core/compile/jaxpr_to_mlir_module_duration"
COMPILED = "/jax/core/compile/backend_compile_duration"
MOMENT = 1.0
"""Seconds for which XLA may compile a program unannounced."""


class _Spent:
    """Seconds so far: what is traced or compiled while something else is traced counts once."""

    def __init__(self) -> None:
        self.seconds, self._spans, self._lock = 0.0, deque[tuple[float, float]](maxlen=4096), Lock()

    def add(self, seconds: float) -> None:
        """A stage has ended that took so long."""
        with self._lock:
            began = time.perf_counter() - seconds
            while self._spans and self._spans[-1][0] >= began:
                self.seconds -= self._spans.pop()[1]
            self._spans.append((began, seconds))
            self.seconds += seconds


class Stopwatch:
    """Runs from when it is made; of its seconds it knows those of tracing and compiling, or loading, of programs."""

    def __init__(self) -> None:
        self._began, self._before = time.perf_counter(), _spent.seconds

    @property
    def seconds(self) -> float:
        """All of them."""
        return time.perf_counter() - self._began

    @property
    def compiling(self) -> float:
        """Those of compilation."""
        return _spent.seconds - self._before


class _Announcement:
    """Says once, in a calculation, that XLA compiles, if it does so for longer than a moment."""

    def __init__(self, progress: Progress):
        self._progress, self._said = progress, False
        self._timer: Timer | None = None

    def expect(self) -> None:
        """XLA begins with a program."""
        self.over()
        if not self._said:
            self._timer = Timer(MOMENT, self._say)
            self._timer.daemon = True
            self._timer.start()

    def over(self) -> None:
        """It has ended."""
        if self._timer:
            self._timer.cancel()

    def _say(self) -> None:
        self._said = True
        self._progress(Event(f"compiling{' (first time on this machine)' if cache_folder() else ''} ..."))


_spent = _Spent()
_announcement: ContextVar[_Announcement | None] = ContextVar("announcement", default=None)


@contextmanager
def compilation_told(progress: Progress | None) -> Iterator[None]:
    """Compilation that takes long meanwhile is an event of this calculation, or else of that around it."""
    if progress is None:
        yield
        return
    mine = _Announcement(progress)
    token = _announcement.set(mine)
    try:
        yield
    finally:
        mine.over()
        _announcement.reset(token)


def _heard(event: str, duration_secs: float, **about: str | int) -> None:
    if event not in (TRACED, LOWERED, COMPILED):
        return
    _spent.add(duration_secs)
    announcement = _announcement.get()
    if announcement and event == LOWERED:  # XLA is next
        announcement.expect()
    elif announcement and event == COMPILED:
        announcement.over()


jax.monitoring.register_event_duration_secs_listener(_heard)
