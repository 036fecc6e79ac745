"""Where lines of progress go: a function, the log, or a bar."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

logger = logging.getLogger("jusadel")

ProgressOption = bool | str | Callable[[str], None]
"""What users may ask for; see `reporter`."""


def reporter(progress: ProgressOption) -> Callable[[str], None] | None:
    """Where the lines of text go that `progress` asks for.

    Args:
        progress: a function of a line; False for none; True for a bar where tqdm is installed and stderr is a terminal,
            else for lines on the "jusadel" logger and stderr; "lines" for those, "bar" for a bar, anywhere.

    Raises:
        ValueError: anything else. ModuleNotFoundError: a bar without tqdm.
    """
    if callable(progress):
        return progress
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
    return logger.info


KEPT = ("sweep", "fit")


class Bars:
    """Bars from lines such as "Newton: 8 of 20 frequencies", a new one where the first word changes; needs tqdm.

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
        self._bar: Any = None

    def __call__(self, line: str) -> None:
        """Show a line."""
        what, _, rest = line.partition(": ")
        bar = self._named(what)
        counted = re.match(r"(?:step )?(\d+)(?: of (\d+))?", rest)
        if counted:
            bar.n, bar.total = int(counted[1]), int(counted[2]) if counted[2] else None
            rest = rest[counted.end() :]
        bar.set_postfix_str(rest.strip(" ,:"))
        if bar.n == bar.total:
            bar.close()
            self._bar = None

    def _named(self, what: str) -> Any:
        if self._bar is None or what != self._what:
            if self._bar is not None:
                self._bar.close()
            self._bar, self._what = self._made(desc=what, leave=what in KEPT), what
        return self._bar
