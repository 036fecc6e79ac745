"""Materials: diffusion, exchange, spin relaxation and the spin-orbit tensors, with their stability limits."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.arguments import real
from jusadel.device.material import symmetry
from jusadel.device.material.components import from_components

Field = Any
"""A number or array of the field's shape, or a function of points (k, 2) that returns (k, ...)."""

SHAPES: dict[str, tuple[int, ...]] = {
    "D": (2, 2),
    "Tc": (),
    "h": (3,),
    "Gamma": (3, 3),
    "spin_field": (3, 2),
    "gamma": (3, 2),
    "theta": (3,),
    "kappa": (3,),
    "nu": (),
}
"""Shape of every material field at one point; D and Gamma may also be given as a number (isotropic)."""

ISOTROPIC = ("D", "Gamma")

UNSTATED_TC = np.array(1.0)
"""The critical temperature of materials for which none was given; this very array says so."""
UNSTATED_TC.flags.writeable = False
ASKED_TC = UNSTATED_TC.copy()
"""The same where a warning has said so already."""
ASKED_TC.flags.writeable = False


class AssumedTcWarning(UserWarning):
    """A material without Tc where one would expect a normal metal: it is taken as a superconductor of Tc = 1."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """One material. Every field is a number or array, or a function of points (k, 2) -> (k, ...).

    Energies and lengths are in the user's own consistent units (hbar = k_B = 1); index order spin first,
    space second (x, y). Signs: physics.md, section 1; Kokkeler et al., Eqs. (1), (4)-(6).

    Args:
        D: diffusion coefficient, number or (2, 2) symmetric positive [energy x length^2].
        Tc: critical temperature; 0 is a normal metal. None is 1: a superconductor, also where h makes a magnet of it
            (with a warning) [energy].
        h: exchange field, (3,), entering as H = + h.sigma [energy].
        Gamma: spin relaxation beside that of `spin_field`, number or (3, 3) symmetric [energy];
            isotropic Gamma relaxes spins at the rate Gamma.
        spin_field: SU(2) field a_jk, (3, 2) [1/length]; the paper's alpha_jk is D a_jk.
        gamma: spin-galvanic pseudotensor, (3, 2) [energy x length].
        theta: spin Hall tensor theta_iz, (3,) [dimensionless].
        kappa: spin-swapping tensor kappa_iz, (3,), stable for |kappa| < 1 where D is isotropic [dimensionless].
        nu: density of states per spin [1/(energy x length^2)].

    Raises:
        ValueError: wrong shape, not finite, asymmetric or non-positive D, relaxation that would grow
            spins, |kappa| >= 1 (2 sqrt(det D)/tr D for anisotropic D), negative Tc, nu <= 0.

    Warns:
        AssumedTcWarning: h without Tc: say Tc=0.0 for a ferromagnet, or the Tc of a superconductor.
    """

    D: Field = 1.0
    Tc: Field = None
    h: Field = (0.0, 0.0, 0.0)
    Gamma: Field = 0.0
    spin_field: Field = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0))
    gamma: Field = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0))
    theta: Field = (0.0, 0.0, 0.0)
    kappa: Field = (0.0, 0.0, 0.0)
    nu: Field = 1.0

    def __post_init__(self) -> None:
        unstated = self.Tc is None
        if unstated:
            object.__setattr__(self, "Tc", UNSTATED_TC)
        for name in SHAPES:
            value = getattr(self, name)
            if not callable(value) and value is not UNSTATED_TC and value is not ASKED_TC:
                value = shaped(name, value)
                object.__setattr__(self, name, value)
                check_field(name, value[None])
        if not callable(self.D) and not callable(self.kappa):
            check_swapping_limit(self.D[None], self.kappa[None])
        if unstated and _is_magnetic(self.h):
            object.__setattr__(self, "Tc", ASKED_TC)
            _warn_of_magnet(self.h)

    def at(self, name: str, points: Any) -> jax.Array:
        """The field at points (k, 2), as (k, ...) with the full tensor shape."""
        value, shape = getattr(self, name), SHAPES[name]
        if callable(value):
            value = jnp.asarray(real(f"{name}(points)", value(points)))
            expected = (len(points), *shape)
            if name in ISOTROPIC and value.shape == (len(points),):
                value = value[:, None, None] * jnp.eye(shape[0])
            if value.shape != expected:
                k = len(points)
                wanted = (
                    f"{expected}, or ({k},) of numbers for an isotropic one" if name in ISOTROPIC else f"{expected}"
                )
                raise ValueError(f"{name}(points) returned shape {value.shape} for {k} points; expected {wanted}")
            return value
        xp = np if isinstance(value, np.ndarray) else jnp  # numpy keeps concrete fields out of XLA's way
        return xp.broadcast_to(value, (len(points), *shape))

    @classmethod
    def of_group(cls, group: str, *, orientation: Any = None, **given: Any) -> Material:
        """A material whose tensors obey a crystal point group.

        Tensors may be given as arrays or by components, such as gamma={"xy": 0.1} (spin index first;
        theta and kappa as {"zz": 0.2}); components that the group ties to the given ones are filled in.

        Args:
            group: Schoenflies or Hermann-Mauguin name, e.g. "C4v" or "4mm".
            orientation: rotation matrix (3, 3) from crystal to laboratory axes.
            given: Material fields.

        Raises:
            ValueError: a component that the group forbids, with the allowed form.
        """
        for name in (name for name in symmetry.tensors if name in SHAPES):
            value = given.get(name)
            if value is None or callable(value):
                continue
            if isinstance(value, Mapping):
                given[name] = from_components(group, name, value, orientation)
            else:
                given[name] = shaped(name, value)
                if not isinstance(given[name], jax.core.Tracer):
                    symmetry.check_allowed(group, name, np.asarray(given[name]), orientation)
        return cls(**given)


# --- what was not said ---------------------------------------------------------------------------


def _is_magnetic(h: Any) -> bool:
    return callable(h) or isinstance(h, jax.core.Tracer) or bool(np.any(np.asarray(h)))


def _warn_of_magnet(h: Any) -> None:
    shown = "a function" if callable(h) else "traced" if isinstance(h, jax.core.Tracer) else np.asarray(h).tolist()
    warnings.warn(
        f"a material with h = {shown} and no Tc is taken as a superconductor of Tc = 1; write Tc=0.0 for a "
        "ferromagnet or another normal metal, or Tc=1.0 to keep the superconductor",
        AssumedTcWarning,
        stacklevel=4,
    )


# --- shapes and stability ----------------------------------------------------------------------


def shaped(name: str, value: Any) -> Any:
    """The value as an array of the field's shape; numbers become isotropic tensors."""
    array, shape = real(name, value), SHAPES[name]
    if name in ISOTROPIC and array.shape == ():
        xp: Any = np if isinstance(array, np.ndarray) else jnp
        return xp.where(np.eye(shape[0]) > 0, array, 0.0)  # inf times zero would be NaN
    if array.shape != shape:
        order = " (spin index first, then x, y)" if shape == (3, 2) else ""
        expected = f"{shape} or a number" if name in ISOTROPIC else f"{shape}{order}" if shape else "a number"
        raise ValueError(f"{name} has shape {array.shape}; expected {expected}")
    return array


def check_field(name: str, values: Any, where: str = "") -> None:
    """Refuse values (k, ...) of a field that are not finite or outside the stability domain.

    Stability (physics.md, section 1): D positive, relaxation non-negative at every point.
    Does nothing for traced values, which have no numbers to look at.
    """
    if isinstance(values, jax.core.Tracer):
        return
    values, suffix = np.asarray(values), f" in {where}" if where else ""
    if not np.isfinite(values).all():
        raise ValueError(f"{name}{suffix} is not finite: {values[~np.isfinite(values)][:3]}")
    if name in _CHECKS:
        _CHECKS[name](values, suffix)


def check_swapping_limit(D: Any, kappa: Any, where: str = "") -> None:
    """Refuse |kappa| (D_xx + D_yy)/2 >= sqrt(det D): for isotropic D this is |kappa| < 1.

    The triplet part of the gradient terms is D_kj delta_ab + i (D_xx + D_yy)/2 kappa_c eps_cab eps_kj up to a
    factor; its smallest eigenvalue vanishes there, and free edges grow.

    Args:
        D: (k, 2, 2) symmetric positive.
        kappa: (k, 3) at the same points.
        where: said in the message.
    """
    if isinstance(D, jax.core.Tracer) or isinstance(kappa, jax.core.Tracer):
        return
    D, kappa = np.asarray(D), np.asarray(kappa)
    scaled = D / np.abs(D).max(axis=(-1, -2), keepdims=True)  # its determinant neither over- nor underflows
    limit = 2 * np.sqrt(np.maximum(np.linalg.det(scaled), 0)) / np.trace(scaled, axis1=-2, axis2=-1)
    size = np.linalg.norm(kappa, axis=-1)
    worst = int(np.argmax(size - limit))
    if size[worst] >= limit[worst] and size[worst] > 0:
        raise ValueError(
            f"kappa{' in ' + where if where else ''} = {kappa[worst].tolist()} has length {size[worst]:.3g}; with D = "
            f"{D[worst].tolist()} spin swapping is stable only for |kappa| < 2 sqrt(det D)/tr D = {limit[worst]:.3g} "
            "(beyond, free edges grow without bound)"
        )


def _check_symmetric(name: str, values: np.ndarray, suffix: str) -> None:
    difference = np.abs(values - np.swapaxes(values, -1, -2)).max(axis=(-1, -2))
    worst = int(np.argmax(difference))
    if difference[worst] > 1e-12 * np.abs(values[worst]).max():
        raise ValueError(f"{name}{suffix} is not symmetric: {values[worst].tolist()}; expected {name}_jk = {name}_kj")


def _check_diffusion(values: np.ndarray, suffix: str) -> None:
    _check_symmetric("D", values, suffix)
    smallest = np.linalg.eigvalsh(values)[:, 0]
    worst = int(np.argmin(smallest))
    if smallest[worst] <= 0:
        raise ValueError(
            f"D{suffix} has the eigenvalue {smallest[worst]:.3g} ({values[worst].tolist()}); diffusion must be positive"
        )


def _check_relaxation(values: np.ndarray, suffix: str) -> None:
    _check_symmetric("Gamma", values, suffix)
    traces = np.trace(values, axis1=-2, axis2=-1)
    rates = (traces[:, None] - np.linalg.eigvalsh(values)) / 2  # 1/2 (Gamma_aa delta_lm - Gamma_lm)
    worst = int(np.argmin(rates.min(axis=1)))
    if rates[worst].min() < -1e-12 * np.abs(values[worst]).max():
        raise ValueError(
            f"Gamma{suffix} = {values[worst].tolist()} makes a spin grow: its relaxation rates "
            f"(tr Gamma - Gamma_i)/2 are {np.round(rates[worst], 6).tolist()}; all must be >= 0"
        )


def _check_positive(values: np.ndarray, suffix: str) -> None:
    if values.min() <= 0:
        raise ValueError(f"nu{suffix} = {values.min():.3g}; a density of states must be positive")


def _check_critical_temperature(values: np.ndarray, suffix: str) -> None:
    if values.min() < 0:
        raise ValueError(f"Tc{suffix} = {values.min():.3g}; expected >= 0 (0 is a normal metal)")


_CHECKS: dict[str, Callable[[np.ndarray, str], None]] = {
    "D": _check_diffusion,
    "Gamma": _check_relaxation,
    "nu": _check_positive,
    "Tc": _check_critical_temperature,
}


def _flatten(material: Material) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    values = [getattr(material, f.name) for f in fields(material)]
    numbers = tuple(None if callable(v) else v for v in values)
    return numbers, tuple(v if callable(v) else None for v in values)


def _unflatten(functions: tuple[Any, ...], numbers: tuple[Any, ...]) -> Material:
    material = object.__new__(Material)
    for f, number, function in zip(fields(Material), numbers, functions, strict=True):
        object.__setattr__(material, f.name, number if function is None else function)
    return material


jax.tree_util.register_pytree_node(Material, _flatten, _unflatten)
