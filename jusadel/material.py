"""Materials: diffusion, exchange, spin relaxation and the spin-orbit tensors, with their stability limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel import symmetry

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


@dataclass(frozen=True, kw_only=True)
class Material:
    """One material. Every field is a number or array, or a function of points (k, 2) -> (k, ...).

    Energies and lengths are in the user's own consistent units (hbar = k_B = 1); index order spin first,
    space second (x, y). Signs: physics.md, section 1; Kokkeler et al., Eqs. (1), (4)-(6).

    Args:
        D: diffusion coefficient, number or (2, 2) symmetric positive [energy x length^2].
        Tc: critical temperature; 0 is a normal metal [energy].
        h: exchange field, (3,), entering as H = + h.sigma [energy].
        Gamma: spin relaxation beside that of `spin_field`, number or (3, 3) symmetric [energy];
            isotropic Gamma relaxes spins at the rate Gamma.
        spin_field: SU(2) field a_jk, (3, 2) [1/length]; the paper's alpha_jk is D a_jk.
        gamma: spin-galvanic pseudotensor, (3, 2) [energy x length].
        theta: spin Hall tensor theta_iz, (3,) [dimensionless].
        kappa: spin-swapping tensor kappa_iz, (3,), stable for |kappa| < 1 [dimensionless].
        nu: density of states per spin [1/(energy x length^2)].

    Raises:
        ValueError: wrong shape, not finite, asymmetric or non-positive D, relaxation that would grow
            spins, |kappa| >= 1, negative Tc, nu <= 0.
    """

    D: Field = 1.0
    Tc: Field = 1.0
    h: Field = (0.0, 0.0, 0.0)
    Gamma: Field = 0.0
    spin_field: Field = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0))
    gamma: Field = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0))
    theta: Field = (0.0, 0.0, 0.0)
    kappa: Field = (0.0, 0.0, 0.0)
    nu: Field = 1.0

    def __post_init__(self) -> None:
        for name in SHAPES:
            value = getattr(self, name)
            if not callable(value):
                value = _shaped(name, value)
                object.__setattr__(self, name, value)
                check_field(name, value[None] if jnp.ndim(value) == len(SHAPES[name]) else value)

    def at(self, name: str, points: Any) -> jax.Array:
        """The field at points (k, 2), as (k, ...) with the full tensor shape."""
        value, shape = getattr(self, name), SHAPES[name]
        if callable(value):
            value = jnp.asarray(value(points), float)
            expected = (len(points), *shape)
            if name in ISOTROPIC and value.shape == (len(points),):
                value = value[:, None, None] * jnp.eye(shape[0])
            if value.shape != expected:
                raise ValueError(
                    f"{name}(points) returned shape {value.shape} for {len(points)} points; expected {expected}"
                )
            return value
        return jnp.broadcast_to(jnp.asarray(value), (len(points), *shape))

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
        for name in ("D", "Gamma", "spin_field", "gamma", "theta", "kappa"):
            value = given.get(name)
            if value is None or callable(value):
                continue
            if isinstance(value, Mapping):
                given[name] = _from_components(group, name, value, orientation)
            else:
                given[name] = _shaped(name, value)
                symmetry.check_allowed(group, name, np.asarray(given[name]), orientation)
        return cls(**given)


def rashba(x: float) -> np.ndarray:
    """(3, 2) tensor with xy = -yx = x (C3v, C4v, C6v): spin perpendicular to the current."""
    return np.array([[0.0, 1.0], [-1.0, 0.0], [0.0, 0.0]]) * x


def dresselhaus(x: float) -> np.ndarray:
    """(3, 2) tensor with xx = -yy = x (D2d, S4)."""
    return np.array([[1.0, 0.0], [0.0, -1.0], [0.0, 0.0]]) * x


def chiral(x: float) -> np.ndarray:
    """(3, 2) tensor with xx = yy = x (T, O, D3, D4, D6): spin along the current."""
    return np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]) * x


# --- shapes and stability ----------------------------------------------------------------------


def _shaped(name: str, value: Any) -> Any:
    """The value as an array of the field's shape; numbers become isotropic tensors."""
    shape = SHAPES[name]
    array = jnp.asarray(value, float) if isinstance(value, jax.Array) else np.asarray(value, float)
    if name in ISOTROPIC and array.shape == ():
        return array * np.eye(shape[0])
    if array.shape != shape:
        also = " or a number" if name in ISOTROPIC else ""
        raise ValueError(f"{name} has shape {array.shape}; expected {shape}{also} (spin index first, then x, y)")
    return array


def check_field(name: str, values: Any, where: str = "") -> None:
    """Refuse values (k, ...) of a field that are not finite or outside the stability domain.

    Stability (physics.md, section 1): D positive, relaxation non-negative, |kappa| < 1 at every point.
    Does nothing for traced values, which have no numbers to look at.
    """
    if isinstance(values, jax.core.Tracer):
        return
    values, suffix = np.asarray(values), f" in region {where!r}" if where else ""
    if not np.isfinite(values).all():
        raise ValueError(f"{name}{suffix} is not finite: {values[~np.isfinite(values)][:3]}")
    if name in _CHECKS:
        _CHECKS[name](values, suffix)


def _check_symmetric(name: str, values: np.ndarray, suffix: str) -> None:
    difference = np.abs(values - np.swapaxes(values, -1, -2)).max(axis=(-1, -2))
    worst = int(np.argmax(difference))
    if difference[worst] > 1e-12 * max(1.0, np.abs(values[worst]).max()):
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
    if rates[worst].min() < -1e-12 * max(1.0, np.abs(values[worst]).max()):
        raise ValueError(
            f"Gamma{suffix} = {values[worst].tolist()} makes a spin grow: its relaxation rates "
            f"(tr Gamma - Gamma_i)/2 are {np.round(rates[worst], 6).tolist()}; all must be >= 0"
        )


def _check_swapping(values: np.ndarray, suffix: str) -> None:
    size = np.linalg.norm(values, axis=-1)
    worst = int(np.argmax(size))
    if size[worst] >= 1:
        raise ValueError(
            f"kappa{suffix} = {values[worst].tolist()} has length {size[worst]:.3g}; spin swapping is stable "
            "only for |kappa| < 1 (beyond, free edges grow without bound)"
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
    "kappa": _check_swapping,
    "nu": _check_positive,
    "Tc": _check_critical_temperature,
}

_AXES = {"x": 0, "y": 1, "z": 2}


def _from_components(group: str, name: str, given: Mapping[str, float], orientation: Any) -> np.ndarray:
    """The allowed tensor with the given components, the ones tied by symmetry filled in."""
    basis = symmetry.allowed_tensor(group, name, orientation)
    index = [_component(name, key) for key in given]
    wanted = np.array(list(given.values()), float)
    table = np.array([[b[i] for b in basis] for i in index]).reshape(len(index), len(basis))
    coefficients = np.linalg.lstsq(table, wanted, rcond=None)[0] if len(basis) else np.zeros(0)
    for key, got, value in zip(given, table @ coefficients, wanted, strict=True):
        if abs(got - value) > 1e-12 * max(1.0, abs(value)):
            form = symmetry.allowed_form(group, name, orientation)
            raise ValueError(
                f"{name} component {key} = {value:g} is not allowed by point group {group!r}; allowed form: {form}"
            )
    full = np.tensordot(coefficients, basis, axes=1) if len(basis) else np.zeros((3, 3))
    if name in ("theta", "kappa"):
        return full[:, 2]
    return full[:, :2] if name in ("gamma", "spin_field") else full[:2, :2] if name == "D" else full


def _component(name: str, key: str) -> tuple[int, int]:
    if len(key) != 2 or not set(key) <= set(_AXES):
        raise ValueError(f"{name} component {key!r} is not a pair of axes; expected a name like 'xy'")
    return _AXES[key[0]], _AXES[key[1]]


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
