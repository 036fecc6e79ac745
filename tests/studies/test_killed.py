"""Processes that are killed while they write: at any moment the file is the old one, the new one, or not there."""

import os
import subprocess
import sys

import pytest

KILLED = """
import builtins, io, os, sys
import numpy as np
from jusadel.common.archive import Arrays, read_archive, write_archive
from jusadel.studies.sweeps.sweep import sweep

class Steps:
    "Counts what touches the disk and kills the process at the last step, a write halfway through."
    def __init__(self, last):
        self.left = last

    def step(self, half=lambda: None):
        self.left -= 1
        if self.left == 0:
            half()
            os.kill(os.getpid(), 9)

    def patch(self):
        steps, opened, renamed, synced = self, open, os.replace, os.fsync

        class Dying(io.FileIO):
            def write(self, content):
                content = memoryview(content).cast("B")
                steps.step(lambda: io.FileIO.write(self, content[: len(content) // 2]))
                return super().write(content)

        def opening(name, mode="r", *rest, **options):
            return Dying(name, "w") if mode == "wb" else opened(name, mode, *rest, **options)

        def replacing(*names):
            steps.step()
            renamed(*names)

        def syncing(number):
            steps.step()
            synced(number)

        builtins.open, os.replace, os.fsync = opening, replacing, syncing

def saved(path, value):
    arrays = Arrays()
    write_archive(path, "test", {}, [arrays.put(f"x{k}", np.full(3, value + k)) for k in range(3)], arrays)

def swept(path, value):
    sweep(lambda v, previous: [v, 1.0], [1.0, 2.0, 3.0], path=path)

def state(path):
    if not os.path.exists(path):
        return "none"
    with np.load(path) as held:
        return str(len(held["points"])) if "points" in held else str(held["x0"][0])

def survived(work, path, value, last):
    child = os.fork()
    if child == 0:
        Steps(last).patch()
        work(path, value)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0

path, work = sys.argv[1], {"saved": saved, "swept": swept}[sys.argv[2]]
for old in [None, 1.0] if work is saved else [None]:
    last, alive = 0, False
    while not alive:
        if os.path.exists(path):
            os.unlink(path)
        if old:
            saved(path, old)
        last += 1
        alive = survived(work, path, 2.0, last)
        print(state(path), end=" ")
    print()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes that begin in the middle")
@pytest.mark.parametrize("work", ["saved", "swept"])
def test_killed_at_every_step_of_writing(tmp_path, work):
    """Each write, sync and rename in turn is the last thing that a process does."""
    path = tmp_path / "result.npz"
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(path), work]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    runs = [line.split() for line in done.stdout.splitlines()]
    ends = (["none", "2.0"], ["1.0", "2.0"]) if work == "saved" else (["none", "1", "2", "3"],)
    for seen, expected in zip(runs, ends, strict=True):
        assert len(seen) > 10
        assert list(dict.fromkeys(seen)) == expected  # each in its turn and no other
        assert sorted(seen, key=expected.index) == seen
    assert all(p == path or p.name.startswith(".result.npz.") for p in tmp_path.iterdir())
