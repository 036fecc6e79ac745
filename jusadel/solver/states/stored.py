"""Green's functions in files: the arrays of a Solution or a Spectrum, without its device."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jusadel.common.archive import Arrays, concrete
from jusadel.common.stored import Stored
from jusadel.solver.states.base import States

FREQUENCIES, ENERGIES = ("omega", "weights"), ("energies",)
"""What a Solution and a Spectrum have values at."""
PER_FREQUENCY = {"converged": "b", "stable": "b", "margin": "f"}
STATE = ("all_G", "Delta", "vertex_Delta", *PER_FREQUENCY)


def packed_state(found: States, axes: tuple[str, ...], arrays: Arrays, prefix: str = "") -> dict[str, Any]:
    """T, the `axes`, G, the pair potential and the certificates, for a header; arrays are named after them."""
    content: dict[str, Any] = {"T": float(concrete("T", found.T))}
    return content | {name: arrays.put(f"{prefix}{name}", getattr(found, name)) for name in (*axes, *STATE)}


def stored_state(
    part: Stored,
    axes: tuple[str, ...],
    kind: str,
    nodes: int | None = None,
    every: int | None = None,
    m: int | None = None,
) -> dict[str, Any]:
    """The same by name, as the classes take it.

    Args:
        part: what `packed_state` made.
        axes: FREQUENCIES or ENERGIES.
        kind: of the numbers in G: "f" real, "c" complex.
        nodes, every, m: nodes of the mesh, the same with those behind barriers, and triangles, where they are known.

    Raises:
        ValueError: something is missing or does not fit.
    """
    grid = part[axes[0]].array((None,))
    if not len(grid):
        raise ValueError(f"{part.name} has no frequencies")
    found: dict[str, Any] = {
        "T": part["T"].number(),
        "all_G": jnp.asarray(part["all_G"].array((len(grid), every, 4, 4), kind)),
        "Delta": jnp.asarray(part["Delta"].array((nodes,), "c")),
        "vertex_Delta": jnp.asarray(part["vertex_Delta"].array((m, 3), "c")),
    }
    return found | {
        name: part[name].array(grid.shape, k) for name, k in (dict.fromkeys(axes, "f") | PER_FREQUENCY).items()
    }
