"""What many tests share: the reference numbers and solutions that are worth solving once."""

import ctypes
import gc
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
import pytest

import jusadel as ju

DELTA = 1.764


@pytest.fixture(scope="module", autouse=True)
def compiled_programs_are_dropped():
    """Thousands of them in one process reach the system's limit on memory maps, where XLA crashes.

    What compilation leaves behind goes back to the system as far as the C library can give it.
    """
    yield
    jax.clear_caches()
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


@pytest.fixture(scope="module")
def quick_compilation():
    """Compiled code that runs slower is ready twice as fast."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(scope="session")
def references():
    """Numbers computed outside the package, {id: entry}; see the entries' definitions."""
    entries = json.loads((Path(__file__).parent / "data" / "references.json").read_text())
    return {entry["id"]: entry for entry in entries}


@pytest.fixture(scope="session")
def vortex_meshes():
    """Three graded disks of radius 6 with about 1300, 2400 and 4100 nodes."""
    return [ju.disk(6.0, size, size / 5) for size in (0.44, 0.33, 0.25)]


def vortex_material(case):
    """The materials of references.json C3 ("all") and, for a single frequency, C1 ("weak")."""
    if case == "weak":
        return ju.Material(D=2 * DELTA, Gamma=10 * DELTA, gamma=ju.rashba(1e-3))
    return ju.Material(
        D=2 * DELTA,
        Gamma=2 * DELTA,
        gamma=ju.rashba(0.7484018172),
        spin_field=ju.rashba(0.15),
        theta=(0, 0, 0.2),
        kappa=(0, 0, 0.1),
    )


def bare_frequency(omega):
    """T and frequencies with which F = f for one frequency (T = 1/pi, weight 1)."""
    return {"T": 1 / np.pi, "frequencies": ([omega], [1.0])}


OMEGA = {"all": 0.8, "weak": 0.157079632679}


class SolvedWhenAsked(Sequence):
    """Solutions of a case on the three meshes, each solved when it is first looked at."""

    def __init__(self, meshes, case):
        self.meshes, self.case, self.known = meshes, case, {}

    def __len__(self):
        return len(self.meshes)

    def __getitem__(self, k):
        k = range(len(self))[k]
        if k not in self.known:
            device = ju.Device(mesh=self.meshes[k], materials=vortex_material(self.case))
            at = bare_frequency(OMEGA[self.case])
            self.known[k] = ju.solve(device, pair_potential=ju.vortex(DELTA), **at)
        return self.known[k]


@pytest.fixture(scope="session")
def vortex_solutions(vortex_meshes):
    """{case: solutions on the three meshes}, one frequency each."""
    return {case: SolvedWhenAsked(vortex_meshes, case) for case in OMEGA}
