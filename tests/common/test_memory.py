"""Freed memory that goes back to the system."""

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
