"""Pair potentials that are given, not solved for: numbers, functions, arrays, by region, and the rigid vortex."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import is_traced, numpy_if_few, on_device, one_program, refuse_traced, with_rows
from jusadel.common.types import Number, Values
from jusadel.device.device import Device

Array = jax.Array

PLACES = "write the function of points yourself, which JAX then traces"
"""What to do where the place of a vortex is traced."""


@dataclass(frozen=True)
class vortex:
    """Delta exp(i winding phi) around `center` with uniform modulus, and 0 at a node on the centre.

    Args:
        Delta: modulus [energy].
        winding: phase turns counter-clockwise, an integer.
        center: of the phase [length].
    """

    Delta: Number
    winding: int = 1
    center: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not isinstance(self.winding, Real) or not float(self.winding).is_integer():
            raise ValueError(f"winding = {self.winding!r}; the phase of a vortex turns an integer number of times")
        refuse_traced("vortex", "write the function of points yourself, which JAX then traces", center=self.center)
        center = real("center", self.center)
        if center.shape != (2,) or not np.isfinite(center).all():
            raise ValueError(f"center = {self.center!r}; expected two finite numbers (x, y)")

    def __call__(self, points: Values) -> Array:
        """Delta at points (k, 2), (k,) complex."""
        z = (points[:, 0] - self.center[0]) + 1j * (points[:, 1] - self.center[1])
        r = jnp.abs(z)
        at_centre = r <= 1e-12 * (jnp.max(jnp.abs(points)) + abs(complex(*self.center)))
        direction = jnp.where(at_centre, 1.0, z) / jnp.where(at_centre, 1.0, r)
        turned = direction**self.winding if self.winding >= 0 else jnp.conj(direction) ** (-self.winding)
        return jnp.asarray(self.Delta) * jnp.where(at_centre, 0.0, turned)


def at_vertices(device: Device, pair_potential: Any) -> Array:
    """The pair potential at each triangle's vertices, (m, 3) complex.

    Args:
        device: the Device.
        pair_potential: a number; an array (n,) of nodal values; a function of points (k, 2) -> (k,); or
            {region: any of these}, regions left out having none (the way to a sharp S/N border).

    Raises:
        ValueError: wrong shape, not finite, unknown region.
    """
    mesh = device.mesh
    if not isinstance(pair_potential, Mapping):
        return _placed(mesh.triangles, [np.arange(len(mesh.triangles))], [_nodal(mesh.points, pair_potential)])
    for region in pair_potential:
        if region not in mesh.regions:
            raise ValueError(f"pair potential for unknown region {region!r}; the mesh has {list(mesh.regions)}")
    rows = [mesh.regions[region] for region in pair_potential]
    return _placed(mesh.triangles, rows, [_nodal(mesh.points, value) for value in pair_potential.values()])


@numpy_if_few
def _placed(xp: Any, triangles: Any, rows: list[Any], nodal: list[Any]) -> Any:
    """Nodal values at the vertices of these rows of triangles, zero at the others, (m, 3) complex."""
    out = xp.zeros(triangles.shape, complex)
    for row, value in zip(rows, nodal, strict=True):
        out = with_rows(xp, out, row, value[triangles[row]])
    return out


def _nodal(points: Any, value: Any) -> Array:
    array = value(on_device(points)) if callable(value) else value
    if not isinstance(array, jax.Array):
        array = np.asarray(array)
    if array.dtype.kind not in "iufc":
        raise ValueError(
            f"pair_potential = {value!r}; expected a number such as ju.bulk_gap(T, Tc), an array (n,), a function of "
            "points, a dict by region, ju.vortex, or 'self-consistent'"
        )
    xp: Any = np if isinstance(array, np.ndarray) else jnp
    value = array
    if value.shape not in ((), (len(points),)):
        raise ValueError(
            f"pair_potential has shape {value.shape}; expected ({len(points)},), one value a node, or a number"
        )
    if not isinstance(value, jax.core.Tracer) and not np.isfinite(np.asarray(value)).all():
        bad = int(np.nonzero(~np.isfinite(np.broadcast_to(value, (len(points),))))[0][0])
        raise ValueError(f"pair_potential is not finite, first at node {bad} ({np.asarray(points)[bad].tolist()})")
    return xp.broadcast_to(value, (len(points),)).astype(complex)


def nodal_values(mesh: Any, pair_potential: Any) -> Any:
    """The same with arrays (n,) in place of functions of points, by region where it is given so."""
    if isinstance(pair_potential, Mapping):
        return {region: nodal_values(mesh, value) for region, value in pair_potential.items()}
    return _nodal(mesh.points, pair_potential) if callable(pair_potential) else pair_potential


def default_pair_potential(device: Device, pair_potential: Any) -> Any:
    """The given pair potential, or zero where no region is superconducting; else ask for one."""
    if pair_potential is not None:
        return pair_potential
    superconducting = [
        name
        for name, m in device.materials.items()  # type: ignore[union-attr]
        if callable(m.Tc) or is_traced(m.Tc) or np.any(np.asarray(m.Tc) > 0)
    ]
    if superconducting:
        raise ValueError(
            f"regions {superconducting} have Tc > 0 but no pair_potential was given; pass one (a number, an array, "
            "a function, a dict by region, ju.vortex), or set Tc = 0 for a normal metal"
        )
    return 0.0


@dataclass(frozen=True)
class vortices:
    """Several vortices as a pair potential: Delta times the phase factors of all, and 0 on their centres.

    Args:
        Delta: modulus far from the cores [energy].
        positions: of the centres, (k, 2) [length].
        windings: of each, (k,) integers, or one for all.
        core: None for a uniform modulus, or the length in the factor tanh(r/core) of each vortex.

    Raises:
        ValueError: positions not (k, 2) finite numbers, windings that are no integers or another number of them,
            core <= 0.
    """

    Delta: Number
    positions: Sequence[Sequence[float]] | np.ndarray
    windings: int | Sequence[int] = 1
    core: float | None = None

    def __post_init__(self) -> None:
        refuse_traced("vortices", PLACES, positions=self.positions, core=self.core)
        positions = _pairs("positions", self.positions)
        windings: Any = self.windings if np.ndim(self.windings) else [self.windings] * len(positions)
        if np.ndim(windings) != 1 or len(windings) != len(positions):
            raise ValueError(f"windings = {self.windings!r}; expected one integer, or one for each of {len(positions)}")
        if self.core is not None and (not is_number(self.core) or self.core <= 0):
            raise ValueError(f"core = {self.core!r}; expected None or a length > 0")
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "windings", tuple(vortex(1.0, winding=w).winding for w in windings))

    def __call__(self, points: Values) -> Array:
        """Delta at points (k, 2), (k,) complex."""
        out, windings = jnp.asarray(self.Delta) * jnp.ones(len(points), complex), cast("tuple[int, ...]", self.windings)
        for center, winding in zip(self.positions, windings, strict=True):
            out = out * vortex(1.0, winding=winding, center=center)(points)
            if self.core is not None:
                distance = jnp.sqrt(jnp.sum((points - jnp.asarray(center)) ** 2, axis=1))
                out = out * jnp.tanh(distance / self.core)
        return out


def _pairs(name: str, given: Any) -> tuple[tuple[float, float], ...]:
    points = np.asarray(real(name, given))
    if points.ndim != 2 or points.shape[1] != 2 or not len(points) or not np.isfinite(points).all():
        raise ValueError(f"{name} = {given!r}; expected finite numbers, shape (k, 2), x and y of each")
    return tuple((float(x), float(y)) for x, y in points)


# --- as real numbers ---------------------------------------------------------------------------------


@one_program
def as_pairs(z: Any) -> Any:
    """Real and imaginary part as the action has them, (..., 2) from complex (...)."""
    return (jnp if isinstance(z, jax.Array) else np).stack([z.real, z.imag], axis=-1)


def from_pairs(pairs: Any) -> Any:
    """The inverse of `as_pairs`."""
    return pairs[..., 0] + 1j * pairs[..., 1]


def as_vector(z: np.ndarray) -> np.ndarray:
    """All real parts, then all imaginary parts, (2 K,) from complex (K,): for iterations on real vectors."""
    return np.concatenate([z.real, z.imag])


def from_vector(x: np.ndarray) -> np.ndarray:
    """The inverse of `as_vector`."""
    half = len(x) // 2
    return x[:half] + 1j * x[half:]
