"""Shapes in a few sizes: actions filled up with nodes and cells of no weight, so that similar meshes share programs.

Behind the nodes of the mesh and those behind barriers stand spare ones, which are not free; at the last of them stand
spare cells, copies of the last cell with nu = 0, and spare pairs of barriers, of no conductance. Only programs see all
this: what goes in is filled up, and what comes out is cut.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from jusadel.action.mesh_action import Cells, DiscreteAction, Joint
from jusadel.common.differentiability import on_device

COARSE, FINE, MANY = 1.25, 1.05, 5000
"""The ratio of a size to the one before, for few and for many, for which work counts more than compilation."""


def few_sizes(count: int) -> int:
    """The smallest of a few sizes that is not below `count`."""
    size = 1
    while size < count:
        size = math.ceil(size * (COARSE if size < MANY else FINE))
    return size


def filled_up(values: Any, size: int, axis: int = 0) -> Any:
    """An array with copies of its last entry along an axis, up to a size."""
    values = np.asarray(values)
    if values.shape[axis] == size:
        return values
    return np.pad(values, [(0, (size - values.shape[k]) * (k == axis)) for k in range(values.ndim)], mode="edge")


def in_few_sizes(system: DiscreteAction) -> DiscreteAction:
    """The action of which programs are made: filled up, and without the layout."""
    count, cells = len(system.free), system.cells
    size = few_sizes(count + 1)
    filled = lambda x: with_zeros(x, size)  # noqa: E731
    changed: dict[str, Any] = {
        "free": filled(system.free),
        "nodes": jax.tree.map(filled, system.nodes),
        "triangles": _at_spare(system.triangles, few_sizes(len(system.triangles)), size - 1),
        "cells": _without_weight(cells, few_sizes(len(system.triangles))),
        "joints": tuple(_joint(joint, size - 1) for joint in system.joints),
    }
    return on_device(without_layout(replace(system, **changed)))


def without_layout(system: DiscreteAction) -> DiscreteAction:
    """The action as programs take it: the layout has the shapes of the mesh, and no program needs it."""
    nothing: Any = None
    return replace(system, layout=nothing)


def with_zeros(values: Any, size: int, axis: int = 0) -> Any:
    """An array with zeros behind it along an axis, up to a size."""
    values = np.asarray(values)
    return np.pad(values, [(0, (size - values.shape[k]) * (k == axis)) for k in range(values.ndim)])


def with_spare_frames(V: Any, size: int) -> np.ndarray:
    """Frames (b, n, 4, 4) with those of the normal state behind them, (b, size, 4, 4)."""
    spare = np.broadcast_to(np.eye(4), (len(V), size - V.shape[1], 4, 4))
    return np.concatenate([V, spare], axis=1)


def _at_spare(nodes: Any, size: int, spare: int) -> np.ndarray:
    """Numbers of nodes (k, ...) up to a size with that of a spare node."""
    nodes = np.asarray(nodes)
    return np.concatenate([nodes, np.full((size - len(nodes), *nodes.shape[1:]), spare, nodes.dtype)])


def _without_weight(cells: Cells, size: int) -> Cells:
    more = jax.tree.map(lambda x: filled_up(x, size), cells)
    return replace(more, nu=with_zeros(cells.nu, size))


def _joint(joint: Joint, spare: int) -> Joint:
    size = few_sizes(len(joint.pairs))
    pairs: Any = _at_spare(joint.pairs, size, spare)
    conductance: Any = with_zeros(joint.conductance, size)
    filtered: Any = None if joint.polarisation is None else with_zeros(joint.polarisation, size)
    scattering: Any = None
    if joint.scattering is not None:
        scattering = (joint.scattering[0], with_zeros(joint.scattering[1], size))
    return replace(joint, pairs=pairs, conductance=conductance, polarisation=filtered, scattering=scattering)
