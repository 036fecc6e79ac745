"""Tensors given by some of their components: a point group ties the others to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jusadel.common.arguments import real
from jusadel.device.material import symmetry

_AXES = {"x": 0, "y": 1, "z": 2}


def from_components(group: str, name: str, given: Mapping[str, Any], orientation: Any) -> Any:
    """The allowed tensor with the given components, the ones tied by symmetry filled in."""
    basis = symmetry.allowed_tensor(group, name, orientation)
    index = np.array([_component(name, key) for key in given], int).reshape(-1, 2)
    wanted = real(f"{name} components", list(given.values()))
    table = basis[:, index[:, 0], index[:, 1]].T
    coefficients = np.linalg.pinv(table, rcond=1e-10) @ wanted
    if not isinstance(wanted, jax.core.Tracer):
        if not len(basis):
            alone = np.zeros((3, 3))
            alone[index[:, 0], index[:, 1]] = wanted
            symmetry.check_allowed(group, name, alone, orientation)
        form = symmetry.allowed_form(group, name, orientation)
        for key, tied, value, got in zip(given, table, wanted, table @ coefficients, strict=True):
            if abs(got - value) > 1e-12 * np.abs(wanted).max():
                fault = "contradicts the others in" if tied.any() else "is not allowed by"
                raise ValueError(
                    f"{name} component {key} = {value:g} {fault} point group {group!r}; allowed form: {form}"
                )
    return (np.moveaxis(basis, 0, -1) @ coefficients)[symmetry.tensors[name].plane]


def _component(name: str, key: str) -> tuple[int, int]:
    if not isinstance(key, str) or len(key) != 2 or not set(key) <= set(_AXES):
        raise ValueError(f"{name} component {key!r} is not a pair of axes; expected a name like 'xy'")
    index = _AXES[key[0]], _AXES[key[1]]
    kept = np.zeros((3, 3), bool)
    kept[symmetry.tensors[name].plane] = True
    if not kept[index]:
        used = ", ".join(a + b for a in _AXES for b in _AXES if kept[_AXES[a], _AXES[b]])
        raise ValueError(f"{name} component {key!r} does not enter in two dimensions; expected one of {used}")
    return index
