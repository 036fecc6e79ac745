"""What calculations tell as they go on, and where it is shown: by a function, in the log, or as a bar."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm

logger = logging.getLogger("jusadel")

ProgressOption = bool | str | Callable[[str], None]
"""What users may ask for; see `reporter`."""


@dataclass(frozen=True)
class Event:
    """How far a calculation is; as text "Newton: 8 of 20 frequencies, 5 steps", or "gap equation: step 3, ...".

    Attributes:
        what: the calculation.
        done: what of it is done, or the number of the step; None where nothing is counted.
        total: what there is to do; None where steps go on until it is enough.
        counted: what stands behind the count, as "frequencies".
        detail: more about it.
    """

    what: str
    done: int | None = None
    total: int | None = None
    counted: str = ""
    detail: str = ""

    @property
    def rest(self) -> str:
        """Everything but the calculation and the count."""
        return ", ".join(filter(None, (self.counted, self.detail)))

    def __str__(self) -> str:
        count = f"{self.done} of {self.total}" if self.total is not None else f"step {self.done}"
        place = " ".join(filter(None, (count if self.done is not None else "", self.counted)))
        return ": ".join(filter(None, (self.what, ", ".join(filter(None, (place, self.detail))))))


Progress = Callable[[Event], None]
"""What calculations tell their events to."""


def reporter(progress: ProgressOption) -> Progress | None:
    """Where events are shown that `progress` asks for.

    Args:
        progress: a function of a line of text; False for none; True for a bar where tqdm is installed and stderr is a
            terminal, else for lines on the "jusadel" logger and stderr; "lines" for those, "bar" for a bar, anywhere.

    Raises:
        ValueError: anything else. ModuleNotFoundError: a bar without tqdm.
    """
    if callable(progress):
        return lambda event: progress(str(event))
    if not progress:
        return None
    if progress not in (True, "bar", "lines"):
        raise ValueError(f"progress = {progress!r}; expected True, False, 'bar', 'lines', or a function of a line")
    drawn = find_spec("tqdm") is not None and sys.stderr is not None and sys.stderr.isatty()
    if progress == "bar" or (progress is True and drawn):
        return Bars()
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler())
        logger.setLevel(logging.INFO)
    return lambda event: logger.info(str(event))


KEPT = ("sweep", "fit")


class Bars:
    """A bar for each calculation, a new one where another begins; needs tqdm.

    Those of sweeps and fits stay on the terminal when they are complete; others are taken away.
    """

    def __init__(self) -> None:
        try:
            from tqdm.auto import tqdm
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                'progress="bar" needs tqdm: pip install "jusadel[progress]", or take progress="lines"'
            ) from error
        self._made, self._what = tqdm, ""
        self._bar: tqdm | None = None

    def __call__(self, event: Event) -> None:
        """Show an event."""
        bar = self._named(event.what)
        if event.done is not None:
            bar.n, bar.total = event.done, event.total
        bar.set_postfix_str(event.rest)
        if bar.n == bar.total:
            bar.close()
            self._bar = None

    def _named(self, what: str) -> tqdm:
        if self._bar is None or what != self._what:
            if self._bar is not None:
                self._bar.close()
            self._bar, self._what = self._made(desc=what, leave=what in KEPT), what
        return self._bar
