"""The command line: python -m jusadel test | info | mesh FILE | symmetry GROUP | run CASE."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np

import jusadel as ju
from jusadel.device.material.magnetic_groups import Group, group_of
from jusadel.device.material.spin_groups import collinear
from jusadel.device.material.symmetry import allowed_entries, tensors
from jusadel.files.case import read_case
from jusadel.files.case_run import run_case
from jusadel.files.self_test import measured_numbers, passed
from jusadel.plot.canvas import pyplot

TENSORS = tuple(name for name in tensors if name not in ("alpha", "beta"))
"""Tensors of materials and surfaces that a crystal's symmetry restricts (alpha is D spin_field, beta acts nowhere)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. Errors of the input are one line on stderr."""
    given = _parser().parse_args(arguments)
    with warnings.catch_warnings():
        warnings.showwarning = cast(Any, _shown)  # a line, without the place in our code that warns
        return _status(given)


def _status(given: argparse.Namespace) -> int:
    try:
        return given.command(given) or 0
    except (ValueError, TypeError, OSError, ju.SolveError) as error:
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        print(f"jusadel: {error}{notes}", file=sys.stderr)
        return 1


def _shown(message: Warning | str, *place: Any, **line: Any) -> None:
    print(f"jusadel: warning: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jusadel", description=(ju.__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="command")
    for command, help, arguments in COMMANDS:
        sub = commands.add_parser(command.__name__, help=help, description=help)
        sub.set_defaults(command=command)
        for name, meaning in arguments.items():
            sub.add_argument(name, help=meaning)
    return parser


def info(given: argparse.Namespace) -> None:
    """Print versions, devices, precision, memory, and where compiled programs are kept."""
    print(f"jusadel {ju.__version__}")
    print(
        "python",
        platform.python_version(),
        *(f"{name} {version(name)}" for name in ("jax", "jaxlib", "numpy", "scipy")),
    )
    print("devices:", ", ".join(f"{d.platform}:{d.id} ({d.device_kind})" for d in jax.devices()))
    print("precision:", "float64" if jax.config.read("jax_enable_x64") else "float32: solve refuses it")
    print(f"processors: {os.cpu_count()}")
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        page = os.sysconf("SC_PAGE_SIZE") / 2**30
        print(
            f"memory: {os.sysconf('SC_PHYS_PAGES') * page:.1f} GiB, free {os.sysconf('SC_AVPHYS_PAGES') * page:.1f} GiB"
        )
    print(ju.cache())


def mesh(given: argparse.Namespace) -> None:
    """Print what a mesh holds and draw it."""
    found = ju.read_mesh(given.file)
    print(found.quality())
    for name, triangles in found.regions.items():
        print(f"region {name}: {len(triangles)} triangles, area {found.areas[triangles].sum():.6g}")
    for name, edges in found.boundaries.items():
        ends = np.asarray(found.points)[edges]
        print(
            f"boundary {name}: {len(edges)} edges, length {np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1).sum():.6g}"
        )
    picture = given.picture or f"{os.path.splitext(given.file)[0]}.png"
    figure = ju.plot.mesh(found).figure
    figure.savefig(picture, dpi=150)
    pyplot().close(figure)
    print(f"picture: {picture}")


def symmetry(given: argparse.Namespace) -> None:
    """Print the forms of the tensors that a group allows, entries by free letters, gradients in columns."""
    group = group_of(given.group)
    if given.swaps is not None:
        group = collinear(given.group, given.swaps, [float(x) for x in (given.along or "0 0 1").split()])
    elif given.along is not None:
        raise ValueError(f"--along {given.along} without --swaps; it is the direction of the moments of a spin group")
    odd = [name for name in TENSORS if tensors[name].odd]
    for name in (name for name in TENSORS if name not in odd):
        _print_form(group, name)
    if given.swaps is None and group.ordinary:
        print("odd under time reversal, in a magnet of this group (1' behind the name: not magnetic, all forbidden)")
    for name in odd:
        _print_form(group, name)


def _print_form(group: Group, name: str) -> None:
    free = len(ju.allowed_tensor(group, name))
    print(f"{name}: " + (f"{free} free" if free else "forbidden"))
    entries = allowed_entries(group, name)
    blocks = entries if entries.ndim == 3 else [np.atleast_2d(entries)]
    for head, block in zip("xyz" if entries.ndim == 3 else " ", blocks, strict=True):
        for row in block if free else ():
            print(f"   {head}", "  ".join(f"{entry:>8}" for entry in row))
            head = " "


def run(given: argparse.Namespace) -> int:
    """Solve the case and print its numbers; the exit status is 1 where a point has no solution."""
    case = read_case(given.case)
    folder = given.folder or os.path.splitext(os.path.basename(given.case))[0]
    found = run_case(case, folder, progress=lambda line: print(line, file=sys.stderr), workers=_count(given.workers))
    print((Path(folder) / "numbers.csv").read_text(), end="")
    print(f"output: {folder}", file=sys.stderr)
    return int(any(np.isnan(found[name]).any() for name in found))


def _count(workers: str | None) -> int | None:
    if workers is not None and not (workers.isdecimal() and int(workers)):
        raise ValueError(f"--workers {workers}; expected a number of processes, 1 or more")
    return None if workers is None else int(workers)


def test(given: argparse.Namespace) -> int:
    """Compute numbers that are known and print how far they are off; the exit status is 1 where one is too far."""
    wrong = 0
    for known, found, seconds in measured_numbers():
        good = passed(known, found)
        wrong += not good
        off = f"{found:.7g}, known {known.expected:.7g} within {known.within:.0e} ({known.source})"
        print(f"{'passed' if good else 'WRONG '}  {known.name}: {off}, {seconds:.1f} s", flush=True)
    print(f"{wrong} wrong: report it with what `python -m jusadel info` prints" if wrong else "all as known")
    return int(bool(wrong))


COMMANDS: tuple[tuple[Any, str, dict[str, str]], ...] = (
    (test, "compute numbers that are known from elsewhere, in about a minute", {}),
    (info, "versions, devices, precision, memory and compiled programs", {}),
    (
        mesh,
        "what a mesh file holds, and a picture of it",
        {"file": ".msh or .vtu", "--picture": "where to draw it (PNG); default beside the file"},
    ),
    (
        symmetry,
        "the tensors that a point group or magnetic point group allows",
        {
            "group": "Schoenflies or Hermann-Mauguin, such as C4v or 4mm, with primes for a magnet: \"4'/mm'm\"",
            "--swaps": "of a collinear magnet without spin-orbit coupling: what swaps sublattices, such as '4z mx', "
            "or '' for a ferromagnet",
            "--along": "its moments; default '0 0 1'",
        },
    ),
    (
        run,
        "solve a case described in a file",
        {
            "case": "a TOML file, see docs/case.md",
            "--folder": "for the output; default the file's name without .toml",
            "--workers": "so many processes share the points of the sweep",
        },
    ),
)


if __name__ == "__main__":
    sys.exit(main())
