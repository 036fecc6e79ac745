"""Vector potentials in the plane z = 0 of what stands above it: a coil, a magnetic dipole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import refuse_traced

WRITE_IT = "write the function of points yourself, which JAX then traces"


@dataclass(frozen=True, kw_only=True)
class coil_field:
    """The field of a circular turn of wire parallel to the plane, as a function of points (k, 2) -> (k, 2).

        A_phi = (B r/2) ((a^2 + h^2)/((a + r)^2 + h^2))^(3/2) 2F1(3/2, 3/2; 3; 4 a r/((a + r)^2 + h^2))

    at the distance r from the axis: that of a current loop (Jackson, Classical Electrodynamics, section 5.5), its
    elliptic integrals as one hypergeometric function. A coil of many turns is the sum of such.

    Args:
        B: the field along z in the plane below the middle of the coil [1/length^2].
        radius: of the wire, a [length].
        height: of the coil above the plane, or below, h [length].
        center: of the coil, (x, y) [length].

    Raises:
        ValueError: numbers that are not finite; radius <= 0; a wire in the plane.
    """

    B: float
    radius: float
    height: float
    center: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        refuse_traced("coil_field", WRITE_IT, B=self.B, radius=self.radius, height=self.height, center=self.center)
        for name in ("B", "radius", "height"):
            if not is_number(getattr(self, name)):
                raise ValueError(f"{name} = {getattr(self, name)!r}; expected a finite number")
        if self.radius <= 0 or self.height == 0:
            raise ValueError(
                f"radius = {self.radius!r}, height = {self.height!r}; expected a radius > 0 and a height that is not 0"
            )
        _vector("center", self.center, 2)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """A at points (k, 2), (k, 2)."""
        away = np.asarray(points) - np.asarray(self.center)
        r, a = np.linalg.norm(away, axis=-1), self.radius
        far = (a + r) ** 2 + self.height**2
        shape = scipy.special.hyp2f1(1.5, 1.5, 3.0, 4 * a * r / far)
        size = self.B / 2 * ((a**2 + self.height**2) / far) ** 1.5 * shape
        return np.asarray(size[:, None] * np.stack([-away[:, 1], away[:, 0]], axis=1))


@dataclass(frozen=True, kw_only=True)
class dipole_field:
    """The field of a magnetic dipole beside the plane, as a function of points (k, 2) -> (k, 2): A = m x r/r^3.

    Args:
        moment: mu0/4 pi times the magnetic moment, (m_x, m_y, m_z) [length]. Below a dipole along z at the height h the
            field is 2 m_z/h^3.
        position: (x, y, height), the height above the plane, or below [length].

    Raises:
        ValueError: no three finite numbers; a dipole in the plane.
    """

    moment: tuple[float, float, float]
    position: tuple[float, float, float]

    def __post_init__(self) -> None:
        refuse_traced("dipole_field", WRITE_IT, moment=self.moment, position=self.position)
        _vector("moment", self.moment, 3)
        if _vector("position", self.position, 3)[2] == 0:
            raise ValueError(f"position = {self.position!r}; expected a height that is not 0")

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """A at points (k, 2), (k, 2)."""
        away = np.pad(np.asarray(points, float), ((0, 0), (0, 1))) - np.asarray(self.position)
        return np.asarray(np.cross(self.moment, away)[:, :2] / np.linalg.norm(away, axis=1, keepdims=True) ** 3)


def _vector(name: str, value: object, size: int) -> np.ndarray:
    array = np.asarray(real(name, value))
    if array.shape != (size,) or not np.isfinite(array).all():
        raise ValueError(f"{name} = {value!r}; expected {size} finite numbers")
    return array
