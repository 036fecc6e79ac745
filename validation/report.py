"""REPORT.md, and results.json from which it is made again."""

import json
import os
import platform
import sys

import jax
import numpy as np
import scipy

import jusadel as ju
from jusadel.common.atomic import replacing
from validation.literature import LITERATURE, WITHOUT
from validation.registry import CASES, REFERENCES
from validation.running import Result

HEADER = "| entry | quantity | reference | ours | deviation | tolerance | | mesh | s |"
TITLES = {
    "bulk": "Bulk superconductors and films",
    "junctions": "Junctions",
    "proximity": "Proximity",
    "spectra": "Real energies",
    "kinetics": "Non-equilibrium",
    "normal_state": "Normal state",
    "vortex": "Vortex: Figs. 1 to 3 of Kokkeler, Bergeret and Tokatly",
}


def read(folder):
    """What earlier runs have found, by case."""
    file = folder / "results.json"
    known = json.loads(file.read_text()) if file.exists() else []
    return {one["name"]: Result.of(one) for one in known if one["name"] in CASES}


def write(folder, results):
    """Both files, whole or not at all."""
    ordered = [results[name] for name in CASES if name in results]
    for name, text in (
        ("results.json", json.dumps([r.as_dict() for r in ordered], indent=1) + "\n"),
        ("REPORT.md", page(folder, ordered)),
    ):
        with replacing(folder / name) as partial:
            partial.write_text(text)


def label(reference):
    """As the tables name an entry."""
    return f"#{reference}" if reference in LITERATURE else reference


def line(row):
    """One line of a table."""
    verdict = "pass" if row.passes else "**miss**"
    return (
        f"| {label(row.reference)} | {row.quantity} | {row.expected:.7g} | {row.value:.7g} | {row.deviation:.1e} "
        f"| {row.tolerance:.0e} | {verdict} | {row.mesh} | {row.seconds:.1f} |"
    )


def section(folder, result):
    """Table, notes and pictures of one case."""
    case = CASES[result.name]
    text = [f"### {case.title}", "", f"Case `{case.name}`, {result.cpu_seconds:.0f} s of CPU, {result.day}.", ""]
    if result.rows:
        text += [HEADER, "|" + "---|" * 9, *map(line, result.rows), ""]
    text += [f"* {row.quantity}: {row.note}." for row in result.rows if row.note]
    text += [f"* **miss**: {result.error}."] if result.error else []
    if (folder / "pictures").is_dir():
        found = {k: v for k, v in case.pictures.items() if (folder / "pictures" / f"{k}.png").exists()}
        text += [f"\n![{caption}](pictures/{name}.png)\n\n{caption}" for name, caption in found.items()]
    return "\n".join(text).rstrip() + "\n"


def misses(results):
    """What deviates more than it may, with the reason where it is known."""
    rows = [(r.name, row) for r in results for row in r.rows if not row.passes]
    text = [
        f"* {row.reference}, {row.quantity}: {row.deviation:.1e} instead of {row.tolerance:.0e}. {row.note}".rstrip()
        for _, row in rows
    ]
    return text + [f"* case {r.name}: {r.error}." for r in results if r.error] or ["None."]


def missing(results):
    """Entries that no finished case was held against."""
    covered = {row.reference for r in results for row in r.rows}
    return [name for name in (*LITERATURE, *REFERENCES) if name not in covered]


def without(left):
    """A table of the entries that no number of ours stands beside."""
    if not left:
        return []
    lines = [f"| {label(name)} | {WITHOUT.get(name, 'its case has not been run')} |" for name in left]
    return ["## Entries without a number", "", "| entry | why |", "|---|---|", *lines, ""]


def page(folder, results):
    """The text of REPORT.md."""
    rows = [row for r in results for row in r.rows]
    covered = {row.reference for row in rows}
    left = missing(results)
    unrun = [name for name in CASES if name not in {r.name for r in results}]
    text = [
        "# Validation",
        "",
        f"`python -m validation` wrote this page: jusadel {ju.__version__}, Python {sys.version.split()[0]}, jax "
        f"{jax.__version__}, numpy {np.__version__}, scipy {scipy.__version__}; {platform.machine()}, "
        f"{os.cpu_count()} CPU cores shared with other work, {jax.default_backend()}.",
        "",
        f"{len(rows)} numbers are held against {len(covered)} reference entries; "
        f"{sum(row.passes for row in rows)} are within tolerance, {sum(not row.passes for row in rows)} are not. "
        f"{sum(r.cpu_seconds for r in results):.0f} s of CPU time.",
        "",
        "#1 to #20 are from the literature, with the tolerances of `validation/literature.py`. R000 to R229 were "
        "computed without finite elements and checked by a second method (`tests/data/references.json`); they are held "
        "to the tolerance of the published number of the same kind. A deviation is relative to the reference, or, for "
        "the worst point of a profile and for what may vanish, to its largest value. Seconds include compilation.",
        "",
        "## Misses",
        "",
        *misses(results),
        "",
    ]
    if unrun:
        text += [f"Not run: {', '.join(unrun)}.", ""]
    text += without(left)
    for topic, title in TITLES.items():
        found = [r for r in results if CASES[r.name].topic == topic]
        if found:
            text += [f"## {title}", "", *(section(folder, r) for r in found)]
    return "\n".join(text).rstrip() + "\n"
