"""python -m benchmarks.first_number: how long a user waits for a first number, and for what.

Each use runs in a fresh process, with an empty folder of compiled programs and then with the full one, beside the same
at an earlier commit (`--baseline COMMIT`), which is checked out into a temporary folder. `--only` takes names of
`benchmarks/first_uses.py`. The table is a part of benchmarks/RESULTS.md.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from time import perf_counter

import jax

from benchmarks.first_uses import USES
from benchmarks.results import write_part

ROOT = Path(__file__).parents[1]
TITLE = "First numbers"
COLUMNS = ("wall", "programs", "compiled", "tracing", "lowering", "XLA", "import", "rest")
HEADER = "| what | commit | programs kept | s | programs | compiled | tracing s | lowering s | XLA or loading s | import s | rest s |"  # noqa: E501
OF_JAX = ("JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS")


def measured(name, tree, folder):
    """What a use takes in a process of its own: seconds by the clock of all of it, where nothing was before it."""
    inherited = {key: text for key, text in os.environ.items() if key not in OF_JAX}
    environment = inherited | {"PYTHONPATH": str(tree), "JUSADEL_CACHE": str(folder)}
    command = [sys.executable, str(Path(__file__).with_name("first_uses.py")), name]
    began = perf_counter()
    done = subprocess.run(command, env=environment, cwd=tree, capture_output=True, text=True)
    wall = perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{name} in {tree} ended with an error:\n{done.stderr}")
    took = json.loads(done.stdout.splitlines()[-1])
    if not USES[name].before:
        took["wall"] = wall
    rest = took["wall"] - sum(took[key] for key in ("tracing", "lowering", "XLA", "import"))
    return took | {"rest": rest}


def rows(names, trees):
    """Rows of the table, and what each took, {(name, commit, kept): ...}, as they come."""
    for name in names:
        for commit, tree in trees.items():
            with tempfile.TemporaryDirectory() as folder:
                yield (name, commit, "none"), measured(name, tree, folder)
                if any(Path(folder).iterdir()):  # an earlier commit may keep nothing
                    yield (name, commit, "all"), measured(name, tree, folder)


def line(key, took):
    """One row of the table."""
    name, commit, kept = key
    numbers = [f"{took[c]:d}" if isinstance(took[c], int) else f"{took[c]:.1f}" for c in COLUMNS]
    return f"| {USES[name].words} | {commit} | {' | '.join([kept, *numbers])} |"


def ratios(found, baseline):
    """What follows: seconds beside those of the baseline, and what workers gain."""
    for (name, commit, kept), took in found.items():
        before = found.get((name, baseline, "none"))
        if before and commit != baseline:
            yield f"{USES[name].words}, programs kept: {kept}: {took['wall'] / before['wall']:.2f} of {baseline}"
        one = found.get(("sweep", commit, kept))
        if one and name == "workers":
            gain = one["wall"] / took["wall"]
            yield f"two workers, {commit}, programs kept: {kept}: {gain:.2f} times faster than one"


@contextmanager
def checked_out(commit):
    """The tree of a commit in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", tree, commit], cwd=ROOT, check=True)
        try:
            yield tree
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=ROOT, check=True)


def text(found, baseline):
    """The part of RESULTS.md."""
    command = " ".join(["python -m benchmarks.first_number", *sys.argv[1:]])
    table = [HEADER, "|" + "---|" * HEADER[1:].count("|"), *(line(key, took) for key, took in found.items())]
    follows = [f"* {ratio}." for ratio in ratios(found, baseline)]
    about = (
        f"`{command}`, {date.today()}, {platform.machine()}, {os.cpu_count()} processors, "
        f"{jax.devices()[0].device_kind}, jax {jax.__version__}.\n\n"
        "Seconds of fresh processes from their start, but of what comes after something else in the same process, from "
        "there. Programs are those that were needed; compiled, those of them that were not found in the folder where "
        "they are kept. Of workers, only what the process that starts them does is counted. Rest: solving, meshes, and "
        "what else runs."
    )
    return "\n".join([about, "", *table, "", *follows]).strip()


def main():
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(USES), default=list(USES), metavar="NAME")
    parser.add_argument("--baseline", metavar="COMMIT")
    given = parser.parse_args()
    trees, found = {"now": ROOT}, {}
    print(HEADER, flush=True)

    def run():
        for key, took in rows(given.only, trees):
            found[key] = took
            print(line(key, took), flush=True)

    if given.baseline:
        with checked_out(given.baseline) as tree:
            trees[given.baseline] = tree
            run()
    else:
        run()
    print(*ratios(found, given.baseline), sep="\n")
    write_part(TITLE, text(found, given.baseline))


if __name__ == "__main__":
    main()
