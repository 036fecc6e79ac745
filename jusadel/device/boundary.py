"""Boundary conditions and interfaces by name. A boundary that is not named in the Device is vacuum: nothing flows out.

Each is a term of the functional (physics.md, section 6): a reservoir fixes G, a barrier couples two matrices, and what
acts along a line (spin-active surfaces, interfacial spin-orbit coupling) is a term of the bulk, per length.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.arguments import is_number, real
from jusadel.device.material.material import SHAPES, check_field, shaped


class Boundary:
    """What all boundary conditions have in common: being one, and a pytree whose leaves are numbers.

    `numbers` names the attributes that are leaves (those of them that are given as functions are static), and `names`
    those that are words.
    """

    numbers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        jax.tree_util.register_pytree_node(cls, cls._flatten, cls._unflatten)

    def _flatten(self) -> tuple[tuple[Any, ...], Any]:
        values = [getattr(self, name) for name in self.numbers]
        functions = tuple(v if callable(v) else None for v in values)
        words = tuple(getattr(self, name) for name in self.names)
        return tuple(None if f else v for f, v in zip(functions, values, strict=True)), (functions, words)

    @classmethod
    def _unflatten(cls, static: Any, leaves: tuple[Any, ...]) -> Any:
        """Rebuild without checks: the leaves may be tracers."""
        self = object.__new__(cls)
        functions, words = static
        for name, leaf, function in zip(cls.numbers, leaves, functions, strict=True):
            setattr(self, name, leaf if function is None else function)
        for name, word in zip(cls.names, words, strict=True):
            setattr(self, name, word)
        return self


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

    numbers = ("Delta", "phase", "h", "Gamma")

    def __init__(self, Delta: Any, phase: Any = 0.0, h: Any = (0.0, 0.0, 0.0), Gamma: Any = 0.0) -> None:
        self.Delta = Delta
        self.phase = phase
        self.h = shaped("h", h)
        self.Gamma = shaped("Gamma", Gamma)
        check_field("h", self.h[None], "a reservoir")
        check_field("Gamma", self.Gamma[None], "a reservoir")
        if not is_number(self.Delta, at_least=0.0):
            raise ValueError(
                f"Reservoir Delta = {self.Delta!r}; expected its modulus, a number >= 0 (the phase is `phase`)"
            )
        _check_phase("Reservoir", self.phase)

    def phase_at(self, points: Any) -> jax.Array:
        """The phase at points (k, 2), as (k,)."""
        return phase_at(self.phase, points, "a reservoir")

    def __repr__(self) -> str:
        return f"Reservoir(Delta={self.Delta}, phase={self.phase}, h={self.h})"


class Surface(Boundary):
    """An edge to the vacuum, or an inner line, with terms of its own: each is that of the bulk, per length.

    Args:
        h: exchange field times thickness, (3,): spin mixing at a magnetic surface [energy x length].
        Gamma: spin relaxation times thickness, number or (3, 3) [energy x length].
        beta: beta_ijk, (3, 3, 2), symmetric in ij: adds the relaxation beta_ijk n_k with n the outward normal, which a
            crystal of a piezoelectric class has at its edges, Eq. (6) [energy x length].
        gamma: spin-galvanic tensor times thickness, (3, 2) [energy x length^2].
        rashba: adds gamma_ik = rashba eps_ikl n_l, spin along z for currents along the edge [energy x length^2].
        theta, kappa: spin Hall and swapping tensors times thickness, (3,) [length]; D is that of the material.

    The density of states is that of the adjacent material.

    Raises:
        ValueError: wrong shape, not finite, relaxation that would grow spins (beta alone may: it changes sign with n).
    """

    numbers = ("h", "Gamma", "beta", "gamma", "rashba", "theta", "kappa")

    def __init__(
        self,
        *,
        h: Any = (0.0, 0.0, 0.0),
        Gamma: Any = 0.0,
        beta: Any = None,
        gamma: Any = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0)),
        rashba: Any = 0.0,
        theta: Any = (0.0, 0.0, 0.0),
        kappa: Any = (0.0, 0.0, 0.0),
    ) -> None:
        for name, value in {"h": h, "Gamma": Gamma, "gamma": gamma, "theta": theta, "kappa": kappa}.items():
            setattr(self, name, shaped(name, value))
            check_field(name, getattr(self, name)[None], "a surface")
        if not is_number(rashba):
            raise ValueError(f"Surface rashba = {rashba!r}; expected a finite number")
        self.rashba = rashba
        self.beta = _checked_beta(np.zeros((3, 3, 2)) if beta is None else beta)

    def at(self, name: str, normals: Any) -> jax.Array:
        """A field on edges with these outward normals (k, 2), as (k, ...); Gamma with beta, gamma with rashba."""
        return _on_edges(getattr(self, name), self.beta, self.rashba, normals, name)

    def __repr__(self) -> str:
        present = [name for name in self.numbers if np.any(np.asarray(getattr(self, name)))]
        return f"Surface({', '.join(f'{name}={getattr(self, name)}' for name in present)})"


@partial(jax.jit, static_argnames="name")
def _on_edges(value: Any, beta: Any, rashba: Any, normals: Any, name: str) -> jax.Array:
    value = jnp.broadcast_to(value, (len(normals), *SHAPES[name]))
    if name == "Gamma":
        return value + jnp.einsum("ijk,ek->eij", beta, normals)
    if name == "gamma":
        along = jnp.stack([-normals[:, 1], normals[:, 0]], axis=1)  # eps_zkl n_l = -(z x n)_k
        return value.at[:, 2].add(-rashba * along)
    return value


class Tunnel(Boundary):
    """A barrier between the edge and a reservoir.

    Per length, -(G_B/4) Tr(g g_r) (Kupriyanov and Lukichev); with transmissions, Nazarov's
    -(G_B/(2 Sum T_n)) Sum_n Tr ln[1 + (T_n/4)({g, g_r} - 2)], which is the former for T_n -> 0.

    Args:
        reservoir: the Reservoir behind the barrier.
        conductance: G_B, of the interface per length, where normal metals conduct 2 nu D (e = hbar = 1); in the usual
            parameter gamma_B = G_N-resistance ratio, gamma_B xi = 2 nu D/G_B.
        transmissions: None for the tunnel limit, or the transmission eigenvalues T_n in (0, 1] of the channels that
            share the conductance (two for one half, and so on, as they occur).
        surface: a Surface with terms on the edge itself.

    Raises:
        ValueError: conductance negative or not finite, transmissions outside (0, 1].
    """

    numbers = ("reservoir", "conductance", "transmissions", "surface")

    def __init__(
        self, reservoir: Reservoir, conductance: Any, transmissions: Any = None, surface: Surface | None = None
    ) -> None:
        if not isinstance(reservoir, Reservoir):
            raise TypeError(f"Tunnel's reservoir is {type(reservoir).__name__}; expected a jusadel.Reservoir")
        self.reservoir = reservoir
        self.conductance = _checked_conductance("Tunnel", conductance)
        self.transmissions = _checked_transmissions(transmissions)
        self.surface = _checked_surface("Tunnel", surface)

    def __repr__(self) -> str:
        return f"Tunnel({self.reservoir}, conductance={self.conductance}{_channels(self)})"


class Interface(Boundary):
    """A named inner line of the mesh: a barrier between its two sides, or only terms along it.

    Args:
        conductance: G_B as in Tunnel; the nodes along the line are then doubled (`sol.mesh`). None: G is continuous.
        transmissions: as in Tunnel.
        surface: a Surface; with a barrier it acts on both sides, or give a pair (left, right), None for nothing.
            Normals point out of each side; without a barrier from left to right of the line as the mesh stores it.

    Raises:
        ValueError: as in Tunnel; transmissions without conductance; neither conductance nor surface.
    """

    numbers = ("conductance", "transmissions", "surface")

    def __init__(self, conductance: Any = None, transmissions: Any = None, surface: Any = None) -> None:
        if conductance is None and (transmissions is not None or surface is None):
            raise ValueError("Interface without conductance; expected its conductance, or a surface for terms along it")
        self.conductance = None if conductance is None else _checked_conductance("Interface", conductance)
        self.transmissions = _checked_transmissions(transmissions)
        pair = isinstance(surface, tuple | list)
        if pair and (len(surface) != 2 or conductance is None):
            raise ValueError("Interface surface; a pair (left, right) needs a conductance, which makes two sides")
        both = tuple(surface) if pair else (surface, surface)
        self.surface = tuple(_checked_surface("Interface", s) for s in both)

    def __repr__(self) -> str:
        return f"Interface(conductance={self.conductance}{_channels(self)}, surface={self.surface})"


class Periodic(Boundary):
    """This boundary is another one, shifted: boundaries={"right": Periodic("left", phase=0.3)}.

    G here is that of the partner turned: Delta by exp(i phase), spins by the rotation. The nodes of both must match.

    Args:
        partner: name of the other boundary, which itself stays without a condition.
        phase: of this boundary relative to the partner, a number or a function of this one's points (k, 2) -> (k,),
            which a vector potential needs that is itself not periodic.
        rotation: rotation vector of spins (axis times angle, right-handed), (3,).

    Raises:
        ValueError: not finite, wrong shape.
    """

    numbers = ("phase", "rotation")
    names = ("partner",)

    def __init__(self, partner: str, phase: Any = 0.0, rotation: Any = (0.0, 0.0, 0.0)) -> None:
        if not isinstance(partner, str):
            raise TypeError(f"Periodic partner = {partner!r}; expected the name of the other boundary")
        self.partner = partner
        _check_phase("Periodic", phase)
        self.phase = phase
        self.rotation = real("rotation", rotation)
        if np.shape(self.rotation) != (3,):
            raise ValueError(f"rotation has shape {np.shape(self.rotation)}; expected (3,), axis times angle")
        check_field("rotation", self.rotation[None], "a periodic boundary")

    def phase_at(self, points: Any) -> jax.Array:
        """The phase at points (k, 2), as (k,)."""
        return phase_at(self.phase, points, "a periodic boundary")

    def __repr__(self) -> str:
        return f"Periodic({self.partner!r}, phase={self.phase}, rotation={self.rotation})"


# --- checks ------------------------------------------------------------------------------------


def phase_at(phase: Any, points: Any, where: str) -> jax.Array:
    """A phase given as a number or a function, at points (k, 2), as (k,)."""
    value = jnp.asarray(real("phase(points)", phase(points) if callable(phase) else phase))
    if value.shape not in ((), (len(points),)):
        raise ValueError(f"phase(points) returned shape {value.shape}; expected ({len(points)},) or a number")
    check_field("phase(points)", value, where)
    return jnp.broadcast_to(value, (len(points),))


def _check_phase(what: str, phase: Any) -> None:
    if not callable(phase) and not is_number(phase):
        raise ValueError(f"{what} phase = {phase!r}; expected a finite number or a function of points")


def _checked_conductance(what: str, value: Any) -> Any:
    if not is_number(value, at_least=0.0):
        raise ValueError(f"{what} conductance = {value!r}; expected a finite number >= 0, conductance per length")
    return value


def _checked_transmissions(given: Any) -> Any:
    if given is None:
        return None
    values = real("transmissions", given)
    values = values.reshape(1) if values.ndim == 0 else values
    if values.ndim != 1 or not values.size:
        raise ValueError(f"transmissions have shape {values.shape}; expected a list of numbers in (0, 1]")
    if not isinstance(values, jax.core.Tracer) and not np.all((np.asarray(values) > 0) & (np.asarray(values) <= 1)):
        raise ValueError(f"transmissions = {np.asarray(values).tolist()}; expected numbers in (0, 1]")
    return values


def _checked_surface(what: str, given: Any) -> Surface | None:
    if given is not None and not isinstance(given, Surface):
        raise TypeError(f"{what} surface is {type(given).__name__}; expected a jusadel.Surface or None")
    return given


def _checked_beta(given: Any) -> Any:
    beta = real("beta", given)
    if beta.shape != (3, 3, 2):
        raise ValueError(f"beta has shape {beta.shape}; expected (3, 3, 2): two spin indices, then x, y")
    check_field("beta", beta[None], "a surface")
    if not isinstance(beta, jax.core.Tracer) and np.abs(beta - np.swapaxes(beta, 0, 1)).max() > 1e-12:
        raise ValueError("beta is not symmetric in its spin indices; expected beta_ijk = beta_jik")
    return beta


def _channels(barrier: Any) -> str:
    return "" if barrier.transmissions is None else f", {len(barrier.transmissions)} channels"
