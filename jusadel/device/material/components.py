"""Tensors given by some of their components: a symmetry group ties the others to them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import jax
import numpy as np

from jusadel.common.arguments import real
from jusadel.device.material import symmetry
from jusadel.device.material.magnetic_groups import AnyGroup, group_of

_AXES = {"x": 0, "y": 1, "z": 2}
_KINDS = {
    1: "an axis; expected a name like 'z'",
    2: "a pair of axes; expected a name like 'xy'",
    3: "three axes; expected a name like 'zxy'",
}


def from_components(group: AnyGroup, name: str, given: Mapping[str, Any], orientation: Any) -> Any:
    """The allowed tensor with the given components, the ones tied by symmetry filled in."""
    basis = symmetry.allowed_tensor(group, name, orientation)
    rank = symmetry.tensors[name].rank
    index: tuple[Any, ...] = tuple(np.array([_component(name, key) for key in given], int).reshape(-1, rank).T)
    wanted = real(f"{name} components", list(given.values()))
    table = basis[(slice(None), *index)].T
    coefficients = np.linalg.pinv(table, rcond=1e-10) @ wanted
    if not isinstance(wanted, jax.core.Tracer):
        if not len(basis):
            alone = np.zeros((3,) * rank)
            alone[index] = wanted
            symmetry.check_allowed(group, name, alone, orientation)
        form = symmetry.allowed_form(group, name, orientation)
        for key, tied, value, got in zip(given, table, wanted, table @ coefficients, strict=True):
            if abs(got - value) > 1e-12 * np.abs(wanted).max():
                fault = "contradicts the others in" if tied.any() else "is not allowed by"
                hint = symmetry.magnetic_hint(group, name)
                raise ValueError(
                    f"{name} component {key} = {value:g} {fault} {group_of(group)}; allowed form: {form}{hint}"
                )
    return (np.moveaxis(basis, 0, -1) @ coefficients)[symmetry.tensors[name].plane]


def _component(name: str, key: str) -> tuple[int, ...]:
    rank = symmetry.tensors[name].rank
    if not isinstance(key, str) or len(key) != rank or not set(key) <= set(_AXES):
        raise ValueError(f"{name} component {key!r} is not {_KINDS[rank]}")
    index = tuple(_AXES[axis] for axis in key)
    kept = np.zeros((3,) * rank, bool)
    kept[symmetry.tensors[name].plane] = True
    if not kept[index]:
        used = ", ".join("".join(k) for k in product(_AXES, repeat=rank) if kept[tuple(_AXES[a] for a in k)])
        raise ValueError(f"{name} component {key!r} does not enter in two dimensions; expected one of {used}")
    return index
