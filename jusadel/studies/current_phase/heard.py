"""Warnings of many phases, each kind said once."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any


def each_once(heard: Sequence[warnings.WarningMessage]) -> Iterator[tuple[str, type[Warning]]]:
    """Warnings that differ in more than numbers, with how often they came."""
    alike: dict[Any, list[warnings.WarningMessage]] = {}
    for w in heard:
        alike.setdefault((w.category, re.sub(r"[-+.e\d]", "", str(w.message))), []).append(w)
    for (kind, _), these in alike.items():
        often = f" ({len(these)} times alike, for different phases)" if len(these) > 1 else ""
        yield f"{these[0].message}{often}", kind
