"""Boundary conditions by name. A boundary that is not named in the Device is vacuum: nothing flows out."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jusadel.material import check_field, is_number, real, shaped


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
        self.h = shaped("h", h)
        self.Gamma = shaped("Gamma", Gamma)
        self._check()

    def _check(self) -> None:
        check_field("h", self.h[None], "a reservoir")
        check_field("Gamma", self.Gamma[None], "a reservoir")
        if not is_number(self.Delta, at_least=0.0):
            raise ValueError(
                f"Reservoir Delta = {self.Delta!r}; expected its modulus, a number >= 0 (the phase is `phase`)"
            )
        if not callable(self.phase) and not is_number(self.phase):
            raise ValueError(f"Reservoir phase = {self.phase!r}; expected a finite number or a function of points")

    def phase_at(self, points: Any) -> jax.Array:
        """The phase at points (k, 2), as (k,)."""
        value = jnp.asarray(real("phase(points)", self.phase(points) if callable(self.phase) else self.phase))
        if value.shape not in ((), (len(points),)):
            raise ValueError(f"phase(points) returned shape {value.shape}; expected ({len(points)},)")
        check_field("phase(points)", value, "a reservoir")
        return jnp.broadcast_to(value, (len(points),))

    def __repr__(self) -> str:
        return f"Reservoir(Delta={self.Delta}, phase={self.phase}, h={self.h})"

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
