"""Freed memory that goes back to the system, or stays for what comes next."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jusadel.common.programs.memory import give_back

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def resident():
    """Pages of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1])


def test_pieces_of_freed_memory_go_back():
    """Blocks too small for maps of their own; below the last one, which stays, the heap does not shrink by itself."""
    blocks = [np.ones(2**12) for _ in range(4000)]
    last, before = blocks[-1], resident()
    del blocks
    give_back()
    assert resident() < before - 3000 * 8  # pages of 4 KiB
    assert last.sum() == 2**12


AGAIN = """
import resource
import jax, jax.numpy as jnp
import jusadel as ju
from contextlib import nullcontext
from jusadel.common.programs.memory import pages_kept

program = jax.jit(lambda x: jnp.fft.fft(jnp.tile(x, (500, 1)), axis=0).real.sum())
x = jnp.arange(16_384.0)
with {kept}:
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        program(x).block_until_ready()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(int(open("/proc/self/statm").read().split()[1]))
"""


def printed_by(script):
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_work_space_of_a_program_stays_from_one_run_to_the_next():
    """And goes back afterwards: page faults of its third run, and pages of the process at the end."""
    run = lambda kept: [int(x) for x in printed_by(AGAIN.format(kept=kept)).split()]  # noqa: E731
    (kept, after_kept), (anew, after) = run("pages_kept()"), run("nullcontext()")
    assert anew > 10_000
    assert kept < anew / 10
    assert after_kept < 1.1 * after
