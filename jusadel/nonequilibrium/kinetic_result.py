"""What `kinetics` returns: distributions at every energy, and what they carry, energy by energy and integrated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.mesh_action import DiscreteAction, nodal_mean
from jusadel.action.nambu import R, advanced
from jusadel.action.periodic import rotation_matrices
from jusadel.common.differentiability import is_traced, refuse_traced, values_of
from jusadel.common.types import ArrayLike
from jusadel.device.contact import Contact
from jusadel.device.device import Device
from jusadel.device.units.shown import between, scale, with_unit
from jusadel.device.units.units import Units
from jusadel.mesh.mesh import Mesh
from jusadel.nonequilibrium.contacts import own_nodes
from jusadel.nonequilibrium.flow import listed_currents
from jusadel.nonequilibrium.keldysh import PHI, current_over_joint, currents_of_cells, distribution
from jusadel.observables.currents import current_through, flux_of_cells, spin_current_through
from jusadel.observables.densities import charge_currents_of_cells, named, spin_currents_of_cells, spin_density
from jusadel.observables.lines import barrier_at, line_at
from jusadel.observables.spectral_currents import trapezoidal
from jusadel.solver.spectra import Spectrum

Array = jax.Array
MODES = {"energy": slice(0, 1), "charge": slice(1, 2), "spin": slice(2, 5), "spin-energy": slice(5, 8)}
SETTLED = 1e-3
"""Largest distance of the electrodes' distributions from that of the ground state at the last energy."""


@dataclass(frozen=True, kw_only=True)
class Kinetics:
    """Distribution functions F = f_0 + f_1 tau3 + f_k sigma_k + f_(3+k) tau3 sigma_k of a device out of equilibrium.

    In equilibrium f_0 = tanh(E/2T) and all others vanish. Integrals are over E > 0.

    Attributes:
        spectrum: the Spectrum that they belong to; `device`, `mesh`, `energies` are its.
        contacts: {boundary: Contact}, each with its temperature.
        bath: temperature of the bath to which the broadening eta couples; None if to none.
        weights: (n_E,) of the integrals over the energies; None for the trapezoidal rule.
    """

    spectrum: Spectrum
    contacts: Mapping[str, Contact]
    bath: float | None
    weights: np.ndarray | None = field(repr=False)
    all_f: np.ndarray = field(repr=False)  # (n_E, N, 8); behind the mesh's nodes those behind barriers
    reactions: np.ndarray = field(repr=False)  # (n_E, N, 8), 2 (B f + r0): out of the device at held nodes
    fed: np.ndarray = field(repr=False)  # (n_E, N), charge that the pair potential feeds in at the nodes
    taken: np.ndarray = field(repr=False)  # (n_E, 8), what the bath takes

    @property
    def units(self) -> Units | None:
        """Those of the device."""
        return self.device.units

    @property
    def device(self) -> Device:
        """The Device."""
        return self.spectrum.device

    @property
    def mesh(self) -> Mesh:
        """The mesh that was solved on."""
        return self.device.mesh

    @property
    def system(self) -> DiscreteAction:
        """The discrete action."""
        return self.spectrum.system

    @property
    def energies(self) -> np.ndarray:
        """(n_E,), all > 0."""
        return self.spectrum.energies

    @property
    def f(self) -> np.ndarray:
        """The distributions at the mesh's nodes, (n_E, n, 8): energy, charge, spin x y z, spin-energy x y z."""
        seam, n = self.system.layout.seam, len(self.mesh.points)
        f = self.all_f[:, :n][:, seam.owner]
        if seam.spin is None:
            return f
        turn, parts = np.asarray(rotation_matrices(seam.spin)), [f[..., :2]]
        xp: Any = jnp if is_traced(f) else np
        parts += [xp.einsum("nij,enj->eni", turn, f[..., MODES[mode]]) for mode in ("spin", "spin-energy")]
        return xp.concatenate(parts, axis=-1)

    @property
    def densities(self) -> np.ndarray:
        """Tr(tau3 Phi g^K)/8 of the eight modes Phi, (n_E, n, 8): N f in a normal metal; times -2 nu they are densities
        per energy, of charge and spin for the second to fifth."""
        f, G = self.f, self.spectrum.G
        if is_traced((f, G)):
            return _traced_densities(f, G)
        return np.stack([_densities(np, at, np.asarray(g)) for at, g in zip(f, G, strict=True)])

    @property
    def mu(self) -> np.ndarray:
        """Charge imbalance of the quasiparticles per 2 nu, -Int Tr g^K/8 dE, (n,) [energy]: mu in a normal metal."""
        return self.integrated(-self.densities[..., 1])

    @property
    def S(self) -> np.ndarray:
        """Spin per 2 nu, -Int Tr(sigma tau3 g^K)/8 dE, (n, 3) [energy], with what an exchange field polarises in
        equilibrium, but for the normal state's Pauli spin -h; `spin_density` has that and each material's 2 nu."""
        return self.integrated(-self.densities[..., MODES["spin"]])

    @property
    def pairing_source(self) -> np.ndarray:
        """Charge that the pair potential feeds in per energy and node, (n_E, n) [nu D]: with all currents out of the
        device and what the bath takes it adds up to zero; its integral vanishes where Delta solves the gap equation."""
        return self.fed[:, : len(self.mesh.points)]

    @property
    def bath_share(self) -> float:
        """|I_bath|/|I|: charge that the broadening takes at all energies, over the largest current of a contact."""
        refuse_traced("Kinetics.bath_share", "`bath_current` has some", kinetics=(self.all_f, self.weights))
        w = np.gradient(self.energies) if self.weights is None and len(self.energies) > 1 else self.weights
        w = np.ones(len(self.energies)) if w is None else np.abs(w)
        largest = np.max([np.abs(self.currents_through(name)[:, 1]) for name in self.contacts], axis=0)
        return float(w @ np.abs(self.taken[:, 1]) / max(w @ largest, 1e-300))

    @property
    def bath_current(self) -> float:
        """Charge that the bath takes, integrated: what all contacts give and the pair potential feeds in [nu D energy].

        Raises:
            ValueError: as `integrated`.
        """
        found = self.integrated(self.taken[:, 1])
        return found if is_traced(found) else float(found)  # type: ignore[return-value]

    @property
    def dissipation(self) -> float:
        """Sum of voltages times currents into the device: the power that the sources give [nu D energy^2]."""
        power: Any = -sum(c.held()[1][0] * current_through(self, name) for name, c in self.contacts.items())
        return power if is_traced(power) else float(power)

    def currents_through(self, name: str) -> np.ndarray:
        """Currents of the eight modes out of the device through a boundary, per energy, (n_E, 8) [nu D].

        Supercurrents are in it. The second is that of charge, I = Int dE over E > 0; energy flows as the first times E.
        Through lines inside the device as in `current_through`.
        """
        if name in self.contacts:
            return self.reactions[:, own_nodes(self, self.contacts, name)].sum(axis=1)
        reservoirs, behind = list(self.device.reservoirs()), list(self.system.layout.ghosts)
        barrier = barrier_at(self.device, name)
        line = None if barrier else line_at(self.device, name, reservoirs, behind)
        if not barrier and not line:
            return np.zeros((len(self.energies), len(PHI)))
        xp: Any = jnp if is_traced((self.all_f, self.spectrum.all_G, self.system)) else np

        def at(G: Array, f: np.ndarray) -> Any:
            if barrier:
                return current_over_joint(self.system, *barrier, G, advanced(G), f)
            return flux_of_cells(self, -jnp.real(currents_of_cells(self.system, G, advanced(G), f)), line)

        each = zip(self.spectrum.all_G, self.all_f.astype(complex), strict=True)
        return xp.stack([at(G, f) for G, f in each])

    def only(self, *modes: str) -> Kinetics:
        """The same with the distributions of these modes alone ("energy", "charge", "spin", "spin-energy").

        For the current densities and `current_across`: what "energy" carries is the supercurrent, the rest is the
        current of quasiparticles; into each other they convert. Reactions at contacts are not split.
        """
        if not modes or not set(modes) <= set(MODES):
            raise ValueError(f"modes = {modes}; expected some of {list(MODES)}")
        f, nothing = np.zeros_like(self.all_f), np.full_like(self.reactions, np.nan)
        for mode in modes:
            f[..., MODES[mode]] = self.all_f[..., MODES[mode]]
        return replace(self, all_f=f, reactions=nothing, fed=nothing[..., 1], taken=nothing[:, 0])

    def integrated(self, values: ArrayLike) -> np.ndarray:
        """Int dE over E > 0 of values (n_E, ...), by the weights or the trapezoidal rule.

        Raises:
            ValueError: without weights: energies that do not ascend, or end where the electrodes' distributions are
                not yet that of the ground state.
        """
        w = _weights(self)
        xp: Any = jnp if is_traced((w, values)) else np
        return xp.einsum("e,e...->...", w, xp.asarray(values))

    @property
    def grid_fault(self) -> str:
        """What is wrong with the energies for the trapezoidal rule; empty if they serve."""
        E = values_of(self.energies)
        if len(E) < 2 or not (np.diff(E) > 0).all():
            return f"{len(E)} energies that do not all ascend are no grid for integrals: give ascending ones"
        ground = np.eye(8)[0]
        for name, contact in self.contacts.items():
            left = np.abs(values_of(contact.distribution(E[-1])) - ground).max()
            if left > SETTLED:
                held, T = contact.held()[1], float(cast(float, contact.temperature))
                V = abs(held[0]) + np.linalg.norm(held[1:])
                return (
                    f"the energies end at {E[-1]:.4g}, where the distribution of contact {name!r} is still {left:.1e} "
                    f"from that of the ground state: give energies up to {V + 8 * T:.4g} or beyond"
                )
        return ""

    def __repr__(self) -> str:
        E, text, units = self.energies, "not integrated: " + self.grid_fault, self.units
        energy, current = scale(units, "energy"), scale(units, "current")
        if not self.grid_fault or self.weights is not None:
            text = listed_currents(self)
            if self.fed.any():
                fed = self.integrated(self.fed.sum(axis=1))
                text += f", of which the pair potential feeds in {with_unit(fed, current, 2)}"
            if self.bath is not None:
                bath = with_unit(self.bath, scale(units, "temperature"), 6)
                text += f" and a bath at T = {bath} takes {with_unit(self.bath_current, current, 2)}"
        where = "no bath" if self.bath is None else f"the bath takes {self.bath_share:.1e} of the largest current"
        return (
            f"Kinetics: {len(self.mesh.points)} nodes, {len(E)} energies ({between(E.min(), E.max(), energy)}), eta = "
            f"{with_unit(self.spectrum.eta, energy, 6)}\n  {text}; {where}"
        )


def energy_current_through(kin: Kinetics, name: str) -> float:
    """Energy, from the Fermi level at V = 0, that flows out of the device through a boundary [nu D energy^2].

    Heat into an electrode at voltage V is this less V times the current. Energy is conserved but for the bath, and for
    what the pair potential of a state takes that is not stationary.
    """
    found = kin.integrated(kin.energies * kin.currents_through(name)[:, 0])
    return found if is_traced(found) else float(found)  # type: ignore[return-value]


def _densities(xp: Any, f: Any, G: Any) -> Any:
    F = xp.asarray(distribution(f))
    keldysh = G @ F - F @ xp.asarray(advanced(G))
    return -xp.einsum("aij,nji->na", np.asarray(R[2] @ PHI), keldysh).real / 8


@jax.jit
@jax.vmap
def _traced_densities(f: Array, G: Array) -> Array:
    return _densities(jnp, f, G)


# --- integrals over energies -----------------------------------------------------------------------


def _weights(kin: Kinetics) -> np.ndarray:
    if kin.weights is not None:
        return kin.weights
    if kin.grid_fault:
        raise ValueError(f"{kin.grid_fault}, or weights=... of your quadrature from 0 to infinity")
    return trapezoidal(kin.energies)


# --- observables -----------------------------------------------------------------------------------


def _currents(kin: Kinetics, terms: Sequence[str] | None, mode: str) -> Array:
    """Current densities of a mode, integrated, (m, b, 2)."""
    system = kin.system if terms is None else replace(kin.system, cell_terms=named(terms))
    total: Any = 0.0
    for w, G, f in zip(_weights(kin), kin.spectrum.all_G, kin.all_f, strict=True):
        total = total - w * jnp.real(currents_of_cells(system, G, advanced(G), f.astype(complex)))[:, MODES[mode]]
    return jnp.asarray(total)


@charge_currents_of_cells.register
def _(kin: Kinetics, terms: Sequence[str] | None = None) -> Array:
    return _currents(kin, terms, "charge")[:, 0]


@spin_currents_of_cells.register
def _(kin: Kinetics, terms: Sequence[str] | None = None) -> Array:
    return _currents(kin, terms, "spin")


@spin_density.register
def _(kin: Kinetics, pauli: bool = True) -> Array:
    nu = jnp.asarray(kin.device.centroid_field("nu"))[:, None, None] * jnp.ones((1, 3, 1))
    S = 2 * nodal_mean(kin.mesh, nu) * kin.S
    return S - 2 * nodal_mean(kin.mesh, nu * kin.device.vertex_field("h")) if pauli else S


@current_through.register
def _(kin: Kinetics, name: str) -> Array:
    return jnp.asarray(kin.integrated(kin.currents_through(name)[:, 1]))


@spin_current_through.register
def _(kin: Kinetics, name: str) -> Array:
    return jnp.asarray(kin.integrated(kin.currents_through(name)[:, MODES["spin"]]))
