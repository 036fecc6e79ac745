"""What several tests share that is no fixture: places, materials, and the choice of how XLA compiles."""

import importlib.util
from contextlib import contextmanager
from pathlib import Path

import jax
import numpy as np

import jusadel as ju

EXAMPLES = Path(__file__).parents[1] / "examples"
DELTA = 1.764
OMEGA = {"all": 0.8, "weak": 0.157079632679}
"""Matsubara frequencies of references.json C3 and C1."""


def commutator(a, b):
    """[a, b], matrix axes last."""
    return a @ b - b @ a


@contextmanager
def optimised():
    """Code that is slow to compile and fast to run, where a test computes for longer than it compiles."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", before)


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


def load(name, folder=EXAMPLES):
    """An example, or another script, as a module, without running it."""
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
