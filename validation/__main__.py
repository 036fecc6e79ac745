"""python -m validation: run the cases, write REPORT.md and its pictures as they come."""

import argparse
import sys
import warnings
from pathlib import Path

import jax

import jusadel as ju
import validation.topics  # noqa: F401  fills the registry
from jusadel.studies.current_phase.result import PhaseRangeWarning
from validation.registry import CASES, REFERENCES, Pictures
from validation.report import read, write
from validation.running import run


def chosen(only, fast):
    """Cases by name, by an entry that they are held against, or by the family of one."""
    if not only:
        return [c for c in CASES.values() if c.fast or not fast]
    families = {r: REFERENCES[r]["name"].split()[0] for r in REFERENCES}
    wanted = [
        c
        for c in CASES.values()
        if any(
            c.name == word or word in c.references or any(families.get(r, "").startswith(word) for r in c.references)
            for word in only
        )
    ]
    return [c for c in wanted if c.fast or not fast]


def main(arguments=None):
    """Exit status 1 where a number misses its tolerance or a case fails."""
    parser = argparse.ArgumentParser(prog="python -m validation", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], help="cases, entries (R112, 9) or families (A1, B6)")
    parser.add_argument("--fast", action="store_true", help="the cases that take seconds")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent, help="of REPORT.md and pictures/")
    parser.add_argument("--list", action="store_true", help="name the cases and leave")
    given = parser.parse_args(arguments)
    cases = chosen(given.only, given.fast)
    if not cases:
        parser.error(f"--only {' '.join(given.only)}: no such case; known are {', '.join(CASES)}")
    if given.list:
        print("\n".join(f"{c.name}: {c.title} ({' '.join(c.references)})" for c in cases))
        return 0
    given.folder.mkdir(parents=True, exist_ok=True)
    Pictures.folder = given.folder / "pictures"
    for kind in (ju.CoarseMeshWarning, PhaseRangeWarning):
        warnings.simplefilter("ignore", kind)
    results = {}
    for one, following in zip(cases, [*cases[1:], None], strict=True):
        # compiling takes longer than solving, but on the mesh of the vortex
        jax.config.update("jax_disable_most_optimizations", one.topic != "vortex")
        results[one.name] = run(one)
        print("\n".join(results[one.name].lines()), flush=True)
        write(given.folder, read(given.folder) | {one.name: results[one.name]})
        if following is None or following.topic != one.topic:
            jax.clear_caches()
    failed = [results[c.name] for c in cases if not results[c.name].passes]
    print(f"{len(cases) - len(failed)} of {len(cases)} cases within tolerance; see {given.folder / 'REPORT.md'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
