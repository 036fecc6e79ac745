"""Gaussian fluctuations above Tc: `fluctuations` and `fluctuation_eigenvalues`.

To second order in the pair potential the free energy of the normal state is Sum_i lambda_i |Delta_i|^2 over the
eigenmodes of J (`pair_operator`), and the slowest modes are what fluctuates: they carry current and heat and screen.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jusadel.action import matsubara
from jusadel.action.assembly import discretise
from jusadel.action.homogeneous import field_energies
from jusadel.common.arguments import is_number
from jusadel.common.differentiability import is_traced, refuse_in_program, refuse_traced, without_derivatives
from jusadel.common.errors import FewModesWarning
from jusadel.common.types import ArrayLike, Values
from jusadel.corrections.checks import checked_across
from jusadel.corrections.fields import with_electrodes
from jusadel.corrections.gaussian.applied_fields import closed_on_itself, mean_power, of_unit_field, of_unit_voltage
from jusadel.corrections.gaussian.checks import (
    refuse_arguments,
    refuse_barriers,
    refuse_below,
    refuse_superconducting,
    warn_if_modes_are_coarse,
    why_no_film,
)
from jusadel.corrections.gaussian.derivatives import known_eigenvalues
from jusadel.corrections.gaussian.mode_sums import ModeSum, aslamazov_larkin, heat_of_modes, maki_thompson, moment
from jusadel.corrections.gaussian.pair_hessian import PairHessian
from jusadel.corrections.gaussian.pair_operator import PairOperator, PairSites, singlet_cooperon
from jusadel.corrections.gaussian.result import Fluctuations
from jusadel.corrections.gaussian.slow_modes import GinzburgLandau, Guess, slow_modes
from jusadel.device.device import Device
from jusadel.solver.derivatives.tracing import still

PER_HBAR = 2 * np.pi
"""e^2/hbar in e^2/h."""
MUCH = 0.1
"""Of a sum, missing, that is told."""
CONDUCTANCES = {"paraconductivity", "maki_thompson"}
FEWEST_FREQUENCIES, MOST_FREQUENCIES = 8, 1000
ALWAYS_LEFT_OUT = {
    "density of states": "the states that pairs take away lower the conductance by about ln(1/lambda) e^2/h, less "
    "singular than what pairs carry",
    "pairs at Omega_m != 0": "quantum fluctuations, and whatever varies slowly with the distance from the transition: "
    "the sums are those of the classical limit, right where lambda << 1",
}
AT_ZERO = "at Omega = 0 they are the `times` of `fluctuations`; elsewhere take central differences"
INSTEAD = "`fluctuation_eigenvalues` has them; take central differences of the other numbers"


@without_derivatives(INSTEAD)
def fluctuations(
    device: Device,
    T: float,
    *,
    modes: int = 50,
    across: Sequence[str] | None = None,
    accuracy: float = 1e-6,
    frequencies: int | tuple[ArrayLike, ArrayLike] | None = None,
) -> Fluctuations:
    """Superconducting fluctuations of a normal metal above its transition, and what they change.

    Slow modes of the pair potential with all terms of the action; the specific heat; the magnetic moment -dF/dB, at the
    field of the device, of which the susceptibility is the difference between two fields; and between two contacts the
    paraconductivity, with Maki and Thompson's part for films.

        wire = Device(mesh=rectangle(10.0, 1.0, 0.25), materials=Material(D=1.0, Tc=1.0))
        found = fluctuations(wire, 1.05, across=("left", "right"))
        found.paraconductivity                     # [e^2/h]

    A film is a rectangle with periodic boundaries both ways, some ten sqrt(pi D/8T lambda) long; `across` then names
    the two sides of one of them, and the conductance is that of the sheet times width over length.

    Args:
        device: the Device, with a region of Tc > 0. Electrodes must be normal (Delta = 0); pairs vanish there.
        T: temperature above that of the transition [energy].
        modes: how many of the slowest modes; the result says what they miss (`rest`).
        across: two boundaries between which the conductance is measured: electrodes, which they become where there is
            nothing, with no current through the others; or the two sides of a periodic boundary. Without it no
            conductance is worked out.
        accuracy: of eigenvalues up to about one, absolute, by which frequencies are chosen.
        frequencies: None, their number, or (omega, weights), as in `solve`.

    Returns:
        A Fluctuations; its `left_out` says what is not in its numbers.

    Raises:
        ValueError: T below the transition, superconducting electrodes, no region with Tc > 0, barriers with `across`,
            arguments out of range.
        StabilityError: tensors with which the normal state is not stable.
        SolveError: the modes do not converge.

    Warns:
        FewModesWarning: the modes miss more than a tenth of a sum.
        CoarseMeshWarning: edges longer than half of sqrt(pi D/8T lambda) at twice the lowest lambda, or of a spin's
            length.
    """
    ends = None if across is None else checked_across(across)
    device = _with_contacts(device, ends)
    found = slowest(device, T, modes, accuracy, frequencies)
    operator, values, U = found.operator, found.values, found.U
    complete = len(values) == operator.sites.count
    warming, delay = operator.warming(U), operator.delay(U)
    refuse_below(values, T, float(warming[0, 0].real))
    warn_if_modes_are_coarse(device, T, values)
    sums = {"specific_heat": heat_of_modes(values, warming, complete)}
    left_out = dict(ALWAYS_LEFT_OUT)
    sums |= _magnetisation(device, found, complete, left_out)
    if ends is not None:
        sums |= _conductances(device, found, delay, ends, complete)
    reason = why_no_film(device, operator.hessian, ends)
    left_out |= {} if reason is None else {"Maki-Thompson": reason}
    _warn_of_few_modes(sums, len(values))
    value = {name: s.value for name, s in sums.items()}
    return Fluctuations(
        T=float(T),
        eigenvalues=values,
        times=np.diagonal(delay).real.copy(),
        modes=_shapes(operator, U),
        slope=float(warming[0, 0].real),
        specific_heat=value["specific_heat"],
        magnetisation=value.get("magnetisation"),
        paraconductivity=value.get("paraconductivity"),
        maki_thompson=value.get("maki_thompson"),
        across=ends,
        rest={name: s.rest for name, s in sums.items()},
        left_out=left_out,
        frequencies=len(operator.omega),
        device=device,
    )


def fluctuation_eigenvalues(
    device: Device,
    T: float,
    Omega: float = 0.0,
    *,
    modes: int = 10,
    accuracy: float = 1e-6,
    frequencies: int | tuple[ArrayLike, ArrayLike] | None = None,
) -> Values:
    """Eigenvalues lambda_i(|Omega|) of pairs in the normal state, J u = lambda w u, the lowest of them, ascending.

    The free energy of fluctuations is T Sum_m Sum_i ln lambda_i(|Omega_m|), Omega_m = 2 pi m T, one term for each
    complex mode; in a uniform metal with the momentum q of pairs and exchange field h

        lambda = ln(T/Tc) + Re psi(1/2 + (D q^2/2 + |Omega|/2 + i h)/2 pi T) - psi(1/2).

    Negative ones grow: T is below the transition. JAX differentiates them once, forward or backward, with respect to T
    and everything in the device; levels that coincide only in their sum.

    Args:
        device: as in `fluctuations`.
        T: temperature [energy].
        Omega: frequency of the pairs [energy].
        modes: how many.
        accuracy: as in `fluctuations`.
        frequencies: as in `fluctuations`.

    Returns:
        (modes,), or as many as there are nodes.

    Raises:
        ValueError, StabilityError, SolveError: as in `fluctuations`, but for T below the transition.
        NotDifferentiableError: inside `jax.jit` or `jax.vmap`, or in a second derivative.
    """
    refuse_traced("fluctuation_eigenvalues, as a function of Omega,", AT_ZERO, Omega=Omega)
    if not is_number(Omega):
        raise ValueError(f"Omega = {Omega!r}; expected a finite frequency")
    if not is_traced((device, T)):
        return slowest(device, T, modes, accuracy, frequencies, abs(float(Omega))).values
    plain = {"device": still(device), "T": still(T)}
    refuse_in_program("fluctuation_eigenvalues", "jax.grad and jax.jvp can be used, once", **plain)
    found = slowest(plain["device"], float(plain["T"]), modes, accuracy, frequencies, abs(float(Omega)))
    return known_eigenvalues(
        found.values, found.U, found.operator, device, T, given=isinstance(frequencies, tuple | list)
    )


class SlowModes(NamedTuple):
    """J with its lowest eigenvalues (m,) and modes (K, m)."""

    operator: PairOperator
    values: np.ndarray
    U: np.ndarray


def slowest(device: Device, T: float, modes: int, accuracy: float, frequencies: Any, Omega: float = 0.0) -> SlowModes:
    """The slowest modes of a device; arguments as in `fluctuation_eigenvalues`."""
    refuse_superconducting(device)
    refuse_arguments(T, modes, accuracy)
    hessian = PairHessian.of(discretise(device, np.zeros((len(device.mesh.triangles), 3), complex)))
    sites = PairSites.of(device, hessian)
    count = min(int(modes), sites.count)
    guess = Guess.of(GinzburgLandau.of(hessian, sites, T), count)
    omega, weights = _frequencies(device, T, guess.values[-1], accuracy, frequencies)
    operator = PairOperator(hessian, sites, float(T), omega, weights, Omega)
    operator.refuse_unstable()
    return SlowModes(operator, *slow_modes(operator, guess, count))


def _frequencies(
    device: Device, T: float, highest: float, accuracy: float, frequencies: Any
) -> tuple[np.ndarray, np.ndarray]:
    """The sum; over a pair-breaking energy E that of quadrature nodes is off by about 0.023 (E/T)^2/n^4."""
    if frequencies is not None:
        return matsubara.given_sum(T, frequencies)
    energy = sum(field_energies(device.vertex_field)) + 4 * T / np.pi * (1 + np.clip(highest, 0.0, 1.0))
    needed = (0.05 * (energy / T) ** 2 / accuracy) ** 0.25
    return matsubara.quadrature(T, int(np.clip(np.ceil(needed), FEWEST_FREQUENCIES, MOST_FREQUENCIES)))


def _with_contacts(device: Any, ends: tuple[str, str] | None) -> Device:
    """The device with electrodes where the conductance is measured, unless it is measured round the device."""
    if ends is None or not isinstance(device, Device):
        return device
    if not closed_on_itself(device, ends):
        device = with_electrodes(device, ends)
    elif device.electrodes():
        raise ValueError(
            f"across = {ends!r} is a periodic boundary, and the device has electrodes, {list(device.electrodes())}; "
            "expected a device without them, in which current flows round, or two electrodes"
        )
    refuse_barriers(device)
    return device


def _magnetisation(device: Device, found: SlowModes, complete: bool, left_out: dict[str, str]) -> dict[str, ModeSum]:
    operator, values, U = found
    try:
        line_A = of_unit_field(device)
    except ValueError as error:
        left_out["magnetisation"] = f"no uniform field fits the device's boundaries: {error}"
        return {}
    change = operator.hessian.along(line_A)
    return {"magnetisation": moment(values, operator.between(U, lambda p: change), operator.T, complete)}


def _conductances(
    device: Device, found: SlowModes, delay: np.ndarray, ends: tuple[str, str], complete: bool
) -> dict[str, ModeSum]:
    operator, values, U = found
    system = operator.hessian.system
    line_e = of_unit_voltage(device, system, ends)
    change = operator.hessian.along(line_e)
    vertices = operator.between(U, lambda p: change)
    sums = {"paraconductivity": aslamazov_larkin(values, delay, vertices, operator.T, complete)}
    if why_no_film(device, operator.hessian, ends) is None:
        rate = float(np.asarray(device.centroid_field("dephasing")).flat[0])
        cooperon = singlet_cooperon(operator.hessian, operator.sites, U) + rate
        sums["maki_thompson"] = maki_thompson(values, cooperon, mean_power(device, system, line_e), complete)
    return {name: ModeSum(PER_HBAR * s.value, s.rest) for name, s in sums.items()}


def _warn_of_few_modes(sums: dict[str, ModeSum], count: int) -> None:
    wanted = CONDUCTANCES & set(sums) or set(sums)
    missing = {name: sums[name].rest for name in sorted(wanted) if sums[name].rest > MUCH}
    if missing:
        told = " and ".join(f"about {100 * rest:.0f} % of {name}" for name, rest in missing.items())
        warnings.warn(
            f"{count} modes may miss {told}; give modes={4 * count}, or come closer to the transition, where fewer "
            "modes count",
            FewModesWarning,
            stacklevel=4,
        )


def _shapes(operator: PairOperator, U: np.ndarray) -> np.ndarray:
    """Modes (m, n) at the nodes; between superconductors their mean. Pairs turn with the conjugate of singlets."""
    system, sites = operator.hessian.system, operator.sites
    weight = np.bincount(sites.at, sites.weight, minlength=len(operator.hessian.nodes))
    at_nodes = sites.to_nodes(U, len(weight)) / np.where(weight > 0, weight, 1)[:, None]
    total = np.zeros((U.shape[1], len(np.asarray(system.free))), complex)
    total[:, operator.hessian.nodes] = at_nodes.conj().T
    seam = system.layout.seam
    shapes = total[:, seam.owner] * np.exp(1j * np.asarray(seam.phase))
    largest = np.take_along_axis(shapes, np.abs(shapes).argmax(axis=1)[:, None], axis=1)
    return shapes / largest
