"""Materials: diffusion, exchange, spin relaxation and the spin-orbit tensors, with their stability limits."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.common.arguments import real
from jusadel.common.pytrees import as_pytree
from jusadel.common.types import Values
from jusadel.device.material import symmetry
from jusadel.device.material.components import from_components
from jusadel.device.material.magnetic_groups import AnyGroup
from jusadel.device.material.printed import in_short, present
from jusadel.device.material.stability import (
    check_critical_temperature,
    check_depairing,
    check_dephasing,
    check_diffusion,
    check_inelastic,
    check_magnetic_relaxation,
    check_pairs_of_space,
    check_precession,
    check_relaxation,
    check_spin_diffusion,
    check_states,
)
from jusadel.device.units.shown import Scale, of_powers, scale

if TYPE_CHECKING:
    from jusadel.device.units.units import Units

Field = Any
"""A number or array of the field's shape, or a function of points (k, 2) that returns (k, ...)."""


class Row(NamedTuple):
    """What a field of a material is.

    Attributes:
        indices: "s" for each index of spin and "x" for each of space, spin first; two that are alike may also be given
            as a number (isotropic).
        unit: powers of energy and of length.
        check: refuses values (k, ...) outside the stability domain, with the end of its message.
    """

    indices: str
    unit: tuple[int, int]
    check: Callable[[np.ndarray, str], None] | None = None


def row(indices: str, unit: tuple[int, int], check: Any = None) -> dict[str, Row]:
    """What a field of Material is, for all that derive theirs from it."""
    return {"row": Row(indices, unit, check)}


NONE = (((0.0, 0.0), (0.0, 0.0)),) * 3
UNSTATED_TC = np.array(1.0)
"""The critical temperature of materials for which none was given; this very array says so."""
UNSTATED_TC.flags.writeable = False
ASKED_TC = UNSTATED_TC.copy()
"""The same where a warning has said so already."""
ASKED_TC.flags.writeable = False


class AssumedTcWarning(UserWarning):
    """A material without Tc where one would expect a normal metal: it is taken as a superconductor of Tc = 1."""


@as_pytree
@dataclass(frozen=True, kw_only=True, repr=False)
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
        magnetic_Gamma: magnetic relaxation Gamma^m, number or (3, 3) symmetric positive [energy]: spin-flip scattering
            at magnetic impurities (isotropic, with 3 Gamma^m/4 the pair-breaking rate of Abrikosov and Gorkov), or
            Neel order along an axis.
        depairing: orbital depairing rate alpha >= 0 [energy], as of a thin film in a field along it.
        inelastic: rate at which quasiparticles are lost to a normal bath, Gamma >= 0 [energy]: omega + Gamma in place
            of omega, E + i Gamma at real energies (Dynes), where it adds to `eta`, and the distributions of `kinetics`
            relax to those of the `bath` at the rate 2 Gamma.
        P: polarised diffusion P_ajk (T_ajk of Kokkeler, Tokatly and Bergeret), (3, 2, 2) symmetric in jk: spins along
            +-a diffuse with D (1 +- P_a) [dimensionless].
        K: precessing diffusion K_ajk, (3, 2, 2) symmetric in jk: pairs of momentum q feel the exchange field
            D K_ajk q_j q_k/2 [dimensionless].
        magnetic_gamma: spin-galvanic tensor of p-wave magnets, (3, 2) [energy x length].
        hall: tangent of the Hall angle, ordinary or anomalous [dimensionless].
        mu: spin-galvanic tensor odd under time reversal, (3, 2) [energy x length].
        v: depairing that differs between spins, (3,) [energy].
        nu: density of states per spin [1/(energy x length^2)].
        dephasing: rate 1/tau_phi >= 0 at which pairs of time-reversed paths lose their phase [energy]. It acts in
            `localisation` alone: superconducting pairs are in equilibrium and do not feel it.

    Raises:
        ValueError: wrong shape, not finite, asymmetric or non-positive D, relaxation that would grow
            spins, kappa and P that leave no stable diffusion (kappa alone: |kappa| >= 1, or 2 sqrt(det D)/tr D where D
            is anisotropic; P alone: |P| >= 1), a rate or Tc below zero, nu <= 0.

    Warns:
        StrongPrecessionWarning: |K| > 1, where an expansion in it means nothing.
        AssumedTcWarning: h without Tc: say Tc=0.0 for a ferromagnet, or the Tc of a superconductor.
    """

    D: Field = field(default=1.0, metadata=row("xx", (1, 2), check_diffusion))
    Tc: Field = field(default=None, metadata=row("", (1, 0), check_critical_temperature))
    h: Field = field(default=(0.0, 0.0, 0.0), metadata=row("s", (1, 0)))
    Gamma: Field = field(default=0.0, metadata=row("ss", (1, 0), check_relaxation))
    spin_field: Field = field(default=((0.0, 0.0), (0.0, 0.0), (0.0, 0.0)), metadata=row("sx", (0, -1)))
    gamma: Field = field(default=((0.0, 0.0), (0.0, 0.0), (0.0, 0.0)), metadata=row("sx", (1, 1)))
    theta: Field = field(default=(0.0, 0.0, 0.0), metadata=row("s", (0, 0)))
    kappa: Field = field(default=(0.0, 0.0, 0.0), metadata=row("s", (0, 0)))
    magnetic_Gamma: Field = field(default=0.0, metadata=row("ss", (1, 0), check_magnetic_relaxation))
    depairing: Field = field(default=0.0, metadata=row("", (1, 0), check_depairing))
    inelastic: Field = field(default=0.0, metadata=row("", (1, 0), check_inelastic))
    P: Field = field(default=NONE, metadata=row("sxx", (0, 0), check_pairs_of_space))
    K: Field = field(default=NONE, metadata=row("sxx", (0, 0), check_precession))
    magnetic_gamma: Field = field(default=((0.0, 0.0), (0.0, 0.0), (0.0, 0.0)), metadata=row("sx", (1, 1)))
    hall: Field = field(default=0.0, metadata=row("", (0, 0)))
    mu: Field = field(default=((0.0, 0.0), (0.0, 0.0), (0.0, 0.0)), metadata=row("sx", (1, 1)))
    v: Field = field(default=(0.0, 0.0, 0.0), metadata=row("s", (1, 0)))
    nu: Field = field(default=1.0, metadata=row("", (-1, -2), check_states))
    dephasing: Field = field(default=0.0, metadata=row("", (1, 0), check_dephasing))

    def __repr__(self) -> str:
        return self.printed(None)

    def printed(self, units: Units | None) -> str:
        """D and Tc, and what else is not zero, nu where it is not one; in the units of a laboratory, if there are."""
        shown = partial(unit_of_field, units)
        others = [f.name for f in fields(self) if f.name not in ("D", "Tc", "nu")]
        counted = present(self, [*others, *(["nu"] if in_short(self.nu) != "1" else [])], shown)
        D, Tc = (in_short(getattr(self, name), shown(name)) for name in ("D", "Tc"))
        return f"Material(D={D}, Tc={Tc}{', ' * bool(counted)}{counted})"

    def __post_init__(self) -> None:
        unstated = self.Tc is None
        if unstated:
            object.__setattr__(self, "Tc", UNSTATED_TC)
        for name in SHAPES:
            value = getattr(self, name)
            if not callable(value) and value is not UNSTATED_TC and value is not ASKED_TC:
                value = shaped(name, value)
                object.__setattr__(self, name, value)
                check_field(name, value if isinstance(value, jax.core.Tracer) else np.asarray(value)[None])
        spins = (self.D, self.kappa, self.P)
        if not any(map(callable, spins)):
            check_spin_diffusion(*(x[None] for x in spins))
        if unstated and _is_magnetic(self.h):
            object.__setattr__(self, "Tc", ASKED_TC)
            _warn_of_magnet(self.h)

    def at(self, name: str, points: Values) -> jax.Array:
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
    def of_group(cls, group: AnyGroup, *, orientation: Any = None, **given: Any) -> Material:
        """A material whose tensors obey a crystal point group.

        Tensors may be given as arrays or by components, such as gamma={"xy": 0.1} (spin index first;
        theta and kappa as {"zz": 0.2}); components that the group ties to the given ones are filled in.

        Args:
            group: point group ("C4v", "4mm"), magnetic point group ("4'/mm'm", grey "4/mmm1'"), (point group,
                operations that reverse time), or a spin group of `symmetry.collinear`. A name without prime says
                nothing about magnetism: h, v and hall given as numbers are then taken as they are, since they may be
                applied or induced.
            orientation: rotation matrix (3, 3) from crystal to laboratory axes.
            given: Material fields.

        Raises:
            ValueError: a component that the group forbids, with the allowed form.
        """
        if unknown := given.keys() - ROWS.keys():
            raise TypeError(f"Material.of_group with unknown fields {sorted(unknown)}; expected some of {list(ROWS)}")
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


ROWS: dict[str, Row] = {f.name: f.metadata["row"] for f in fields(Material)}


def unit_of_field(units: Units | None, name: str) -> Scale:
    """In which unit a field is shown: Tc in K, D in cm^2/s, others in meV and nm."""
    kind = {"Tc": "temperature", "D": "diffusion"}.get(name)
    return scale(units, kind) if kind else of_powers(units, ROWS[name].unit)


SHAPES = {name: tuple(3 if i == "s" else 2 for i in given.indices) for name, given in ROWS.items()}
"""Shape of every material field at one point."""
OF_A_MAGNET = "**ju.ferromagnet(h=..., polarisation=..., precession=...)"
MAKERS = dict.fromkeys(("gamma", "spin_field"), "ju.rashba(...)") | dict.fromkeys("hPK", OF_A_MAGNET)
"""By field: what turns a number into its tensor."""
ISOTROPIC = tuple(name for name, given in ROWS.items() if given.indices in ("ss", "xx"))


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


# --- shapes and values -------------------------------------------------------------------------


def shaped(name: str, value: Any) -> Any:
    """The value as an array of the field's shape; numbers become isotropic tensors."""
    array, shape = real(name, value), SHAPES[name]
    if name in ISOTROPIC and array.shape == ():
        xp: Any = np if isinstance(array, np.ndarray) else jnp
        return xp.where(np.eye(shape[0]) > 0, array, 0.0)  # inf times zero would be NaN
    if array.shape != shape:
        order = " (spin index first, then x, y)" if shape == (3, 2) else ""
        expected = f"{shape} or a number" if name in ISOTROPIC else f"{shape}{order}" if shape else "a number"
        remedy = f", as {MAKERS[name]} makes of a number" if name in MAKERS and array.shape == () else ""
        raise ValueError(f"{name} has shape {array.shape}; expected {expected}{remedy}")
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
    if name in ROWS and (check := ROWS[name].check):
        check(values, suffix)
