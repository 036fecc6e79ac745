"""Cases, what they yield, and the numbers that they are held against."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from validation.literature import FAMILIES, LITERATURE

REFERENCES: dict[str, dict[str, Any]] = {
    entry["id"]: entry
    for entry in json.loads((Path(__file__).parents[1] / "tests" / "data" / "references.json").read_text())
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One number of ours beside one of theirs. The deviation is relative to `scale`."""

    reference: str
    quantity: str
    expected: float
    value: float
    tolerance: float
    scale: float
    mesh: str
    note: str = ""
    seconds: float = 0.0

    @property
    def deviation(self) -> float:
        return abs(self.value - self.expected) / self.scale

    @property
    def passes(self) -> bool:
        return bool(self.deviation <= self.tolerance)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Numbers that are computed together."""

    name: str
    topic: str
    title: str
    references: tuple[str, ...]
    rows: Callable[[], Iterator[Row]]
    fast: bool = False
    pictures: dict[str, str] = field(default_factory=dict)


CASES: dict[str, Case] = {}


def case(name, topic, title, references, fast=False, pictures=None):
    """Register a generator of rows; `references` is all that it is held against."""

    def register(rows):
        assert name not in CASES, name
        ids = tuple(references.split())
        CASES[name] = Case(
            name=name, topic=topic, title=title, references=ids, rows=rows, fast=fast, pictures=pictures or {}
        )
        return rows

    return register


def tolerance_of(reference):
    """The tolerance of a published number, or of the one that a computed number's family is held to."""
    if reference in LITERATURE:
        return LITERATURE[reference].tolerance
    return LITERATURE[FAMILIES[REFERENCES[reference]["name"].split()[0]]].tolerance


def row(reference, quantity, value, expected, mesh="homogeneous", scale=None, note=""):
    """A row; deviations are relative to the expected number unless a scale is given."""
    return Row(
        reference=reference,
        quantity=quantity,
        expected=float(expected),
        value=float(value),
        tolerance=tolerance_of(reference),
        scale=float(abs(expected) if scale is None else scale),
        mesh=mesh,
        note=note,
    )


def worst(reference, quantity, values, expected, mesh, note=""):
    """The row of the point of a profile that deviates most, relative to the profile's largest number."""
    values, expected = np.asarray(values, float), np.asarray(expected, float)
    k = int(np.argmax(np.abs(values - expected)))
    return row(
        reference, f"{quantity}, worst of {len(values)}", values[k], expected[k], mesh, np.abs(expected).max(), note
    )


def value_of(reference):
    return REFERENCES[reference]["value"]


def given(reference):
    """The numbers among an entry's parameters, by name."""
    pairs = (item.split("=") for item in REFERENCES[reference]["parameters"].split("(")[0].split(",") if "=" in item)
    return {name.strip(): float(value) for name, value in pairs}


def nodes(mesh):
    return f"{mesh.n_nodes} nodes"


class Pictures:
    """Where the pictures of a run go."""

    folder = Path(__file__).parent / "pictures"


def draw(name, width=6.0, height=4.0, columns=1, rows=1):
    """Axes of a new picture, and the function that saves it under this name."""
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), layout="constrained")

    def save():
        Pictures.folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(Pictures.folder / f"{name}.png", dpi=90)
        plt.close(figure)

    return axes, save
