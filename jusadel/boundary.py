"""Boundary conditions by name. A boundary that is not named in the Device is vacuum: nothing flows out."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.material import _shaped, check_field


class Boundary:
    """What all boundary conditions have in common: being one."""


@jax.tree_util.register_pytree_node_class
class Reservoir(Boundary):
    """A large bulk electrode: on its edge G is fixed to the homogeneous value of these numbers.

    Args:
        Delta: modulus of the pair potential [energy]; 0 is a normal reservoir.
        phase: its phase, a number or a function of points (k, 2) -> (k,).
        h: exchange field in the electrode, (3,) [energy].
        Gamma: its spin relaxation, number or (3, 3) [energy].

    Raises:
        ValueError: not finite, Delta negative or complex, tensor of the wrong shape.
    """

    def __init__(self, Delta: Any, phase: Any = 0.0, h: Any = (0.0, 0.0, 0.0), Gamma: Any = 0.0) -> None:
        self.Delta = Delta
        self.phase = phase
        self.h = _shaped("h", h)
        self.Gamma = _shaped("Gamma", Gamma)
        self._check()

    def _check(self) -> None:
        check_field("h", self.h[None], "reservoir")
        check_field("Gamma", self.Gamma[None], "reservoir")
        if isinstance(self.Delta, jax.core.Tracer):
            return
        if np.ndim(self.Delta) or np.iscomplexobj(self.Delta) or not np.isfinite(self.Delta) or self.Delta < 0:
            raise ValueError(
                f"Reservoir Delta = {self.Delta!r}; expected its modulus, a number >= 0 (the phase is `phase`)"
            )
        given = not callable(self.phase) and not isinstance(self.phase, jax.core.Tracer)
        if given and (np.ndim(self.phase) or not np.isfinite(self.phase)):
            raise ValueError(f"Reservoir phase = {self.phase!r}; expected a finite number or a function of points")

    def phase_at(self, points: Any) -> jax.Array:
        """The phase at points (k, 2), as (k,)."""
        value = jnp.asarray(self.phase(points) if callable(self.phase) else self.phase, float)
        if value.shape not in ((), (len(points),)):
            raise ValueError(f"phase(points) returned shape {value.shape}; expected ({len(points)},)")
        return jnp.broadcast_to(value, (len(points),))

    def __repr__(self) -> str:
        return f"Reservoir(Delta={self.Delta}, phase={self.phase}, h={np.asarray(self.h).tolist()})"

    def tree_flatten(self) -> tuple[tuple[Any, ...], Any]:
        """Numbers are leaves; a phase given as a function is static."""
        static = self.phase if callable(self.phase) else None
        return (self.Delta, None if static else self.phase, self.h, self.Gamma), static

    @classmethod
    def tree_unflatten(cls, static: Any, leaves: tuple[Any, ...]) -> Reservoir:
        """Rebuild without checks: the leaves may be tracers."""
        self = object.__new__(cls)
        self.Delta, phase, self.h, self.Gamma = leaves
        self.phase = phase if static is None else static
        return self
