"""Whether the currents of distributions can be trusted: energies too far apart, and charge that the bath takes."""

from __future__ import annotations

import warnings

import numpy as np

from jusadel.common.errors import BathWarning, CoarseEnergiesWarning
from jusadel.nonequilibrium.kinetic_result import Kinetics
from jusadel.observables.spectral_currents import trapezoidal
from jusadel.solver.spectra import Spectrum

CHARGE = 1
WORST = 0.01
"""Largest share of the largest current, lost in the bath or by the sum over energies, of which nothing is said."""


def refuse_spectrum(spec: Spectrum) -> None:
    """Raise ValueError where energies are not above zero or not certified."""
    if not (spec.energies > 0).all():
        raise ValueError(
            f"the Spectrum has E = {spec.energies.min():.4g}; expected energies > 0 only (what is at -E follows from "
            "that at E)"
        )
    bad = ~(spec.converged & spec.stable)
    if bad.any():
        raise ValueError(
            f"the Spectrum is not certified at E = {spec.energies[bad][0]:.4g}; leave out such energies, or see what "
            "jusadel.spectrum says with throw=True"
        )


def warn_of_currents(kin: Kinetics, stacklevel: int = 3) -> None:
    """Warn where more than `WORST` of the largest current is not what the equations say."""
    if kin.bath is not None and (lost := kin.bath_share) > WORST:
        warnings.warn(
            f"the bath at T = {kin.bath:g} takes charge, {lost:.2g} of the largest current of a contact: what enters "
            f"the device does not leave it. It drains charge at the rate 2 (eta + inelastic), eta = "
            f"{kin.spectrum.eta:g}: take bath='elastic', which takes none, or a smaller eta",
            BathWarning,
            stacklevel=stacklevel,
        )
    if kin.weights is None and not kin.grid_fault and (found := _coarse(kin)):
        what, name, lost, k = found
        E = kin.energies
        warnings.warn(
            f"the energies are too far apart: the {what} through {name!r} is uncertain by some {lost:.2g} of the "
            f"largest one, most of it near E = {E[k]:.4g}, where they are {(E[k + 1] - E[k - 1]) / 2:.2g} apart (eta = "
            f"{kin.spectrum.eta:g}): give more energies there, or weights=... of a quadrature that fits",
            CoarseEnergiesWarning,
            stacklevel=stacklevel,
        )


def _coarse(kin: Kinetics) -> tuple[str, str, float, int] | None:
    """Which current of charge or energy, through which contact, is uncertain by how much of the largest, and the place
    of the energy that matters most; None where it is less than `WORST`.

    The trapezoidal rule's error falls by four if energies are halved, so that a third of what changes if every other
    energy is left out remains. Currents that cancel are measured by a hundredth of what cancels, and none at all, as
    that of energy in equilibrium, by round-off beside all others.
    """
    E, each = kin.energies, {}
    for name in kin.contacts:
        energy, charge = kin.currents_through(name)[:, :2].T
        each[name] = {"energy current": E * energy, "current": charge}
    w, found = trapezoidal(E), []
    total = max(w @ np.abs(values) for of in each.values() for values in of.values())
    for what in ("energy current", "current"):
        size = max(max(abs(w @ of[what]), 1e-2 * (w @ np.abs(of[what]))) for of in each.values())
        for name, of in each.items():
            change = _change(E, of[what])
            lost = abs(change.sum()) / 3 / max(size, 1e-6 * total, 1e-300)
            found.append((lost, what, name, 2 * int(np.abs(change).argmax()) + 1))
    lost, what, name, k = max(found)
    return (what, name, float(lost), k) if lost > WORST else None


def _change(E: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What each second energy, from the one after the first, adds to the trapezoidal rule, ((n_E - 1) // 2,)."""
    if len(E) < 3:
        return np.zeros(1)
    k = np.arange(1, len(E) - 1, 2)
    before, after = E[k] - E[k - 1], E[k + 1] - E[k]
    return (before + after) / 2 * values[k] - (after * values[k - 1] + before * values[k + 1]) / 2
