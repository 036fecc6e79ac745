"""What many tests share: the reference numbers and solutions that are worth solving once."""

import gc
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

# Nearly all the time of the tests is compilation: here and in the processes that tests start, code that runs slower is
# ready several times as fast. XLA reads its flags when jusadel makes its first array.
QUICK = (
    "--xla_cpu_use_fusion_emitters=false",
    "--xla_cpu_parallel_codegen_split_count=1",
    "--xla_cpu_multi_thread_eigen=false",  # small products take longer to share out than to work out
)
os.environ["XLA_FLAGS"] = " ".join([*QUICK, os.environ.get("XLA_FLAGS", "")])
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ["JUSADEL_CACHE"] = "0"  # not the user's; see `pytest_configure`

import jax  # noqa: E402
import pytest  # noqa: E402
from shared import DELTA, OMEGA, bare_frequency, optimised, vortex_material  # noqa: E402

import jusadel as ju  # noqa: E402
from jusadel.common.programs.memory import give_back  # noqa: E402

DAYS_KEPT = 14
"""How long compiled programs serve later runs."""
LONGEST = (
    "examples",
    "vortex",
    "current_phase",
    "barriers",
    "kinetics",
    "film",
    "derivatives",
    "critical_temperature",
    "gap",
    "krylov",
    "new_term",
)
"""Modules that take minutes."""


gc.set_threshold(100_000, 20, 50)
"""What tests make lives as long as their module: to look through all of it every few hundred objects takes long."""


def pytest_configure(config):
    """What one process has compiled is read by the others, and in the next runs."""
    folder = config.cache.mkdir("compiled")
    os.environ["JUSADEL_CACHE"] = str(folder)
    ju.cache(folder)
    if not hasattr(config, "workerinput"):
        for entry in folder.iterdir():
            if time.time() - entry.stat().st_mtime > DAYS_KEPT * 86400:
                entry.unlink()


def pytest_collection_modifyitems(items):
    """The longest modules first, so that none of them is left for one process when the others are through."""
    rank = {f"test_{name}": k for k, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind():
    """No compiled programs, thousands of which reach the system's limit on memory maps, where XLA crashes; no figures.

    What compilation leaves behind goes back to the system as far as the C library can give it.
    """
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")  # it warns where more than twenty are open
    jax.clear_caches()
    gc.collect()
    give_back()


@pytest.fixture(scope="module")
def fast_code():
    """A module of such tests."""
    with optimised():
        yield


@pytest.fixture(params=["quick to compile", "quick to run"])
def both_forms(request):
    """What is written in two forms, in either, with nothing left from the other."""
    jax.clear_caches()
    with optimised() if request.param == "quick to run" else nullcontext():
        yield


@pytest.fixture(scope="session")
def references():
    """Numbers computed outside the package, {id: entry}; see the entries' definitions."""
    entries = json.loads((Path(__file__).parent / "data" / "references.json").read_text())
    return {entry["id"]: entry for entry in entries}


@pytest.fixture(scope="session")
def vortex_meshes():
    """Two graded disks of radius 6 with about 1300 and 4100 nodes."""
    return [ju.disk(6.0, size, size / 5) for size in (0.44, 0.25)]


class SolvedWhenAsked(Sequence):
    """Solutions of a case on the meshes, each solved when it is first looked at."""

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
    """{case: solutions on the two meshes}, one frequency each."""
    return {case: SolvedWhenAsked(vortex_meshes, case) for case in OMEGA}
