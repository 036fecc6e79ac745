"""What one unit of energy, length, time, field, current and density of states is in SI: the scales of `Units`.

The action has hbar = k_B = e = 1 and is two-dimensional. Energies are counted in E0, lengths in L0, and densities of
states in N0 d per spin and area, of a film of thickness d; everything else follows:

    D: E0 L0^2/hbar    B: hbar/(e L0^2)    conductance: e^2 N0 d E0 L0^2/hbar    current: e N0 d E0^2 L0^2/hbar
    mu0: hbar^2/(e^2 N0 E0^2 L0^4)         Einstein: 1/rho = 2 e^2 N0 D (2 nu D in the code)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from math import sqrt
from typing import Any, NoReturn, ParamSpec, Self, TypeVar

import jax
import numpy as np
from scipy import constants
from scipy.constants import e, hbar, k

from jusadel.common.arguments import is_number, real
from jusadel.common.differentiability import refuse_traced

P = ParamSpec("P")
R = TypeVar("R")
MEV, NM, UM, PS = 1e-3 * e, 1e-9, 1e-6, 1e-12
PER_EV_NM3 = 1 / (e * NM**3)
"""One state per eV and nm^3, in 1/(J m^3)."""
MICRO_OHM_CM, CM2_PER_S = 1e-8, 1e-4
UNITS_BY_NAME = {
    "Tc": "K",
    "energy_scale": "meV",
    "D": "cm^2/s",
    "mean_free_path": "nm",
    "fermi_velocity": "m/s",
    "length_scale": "nm",
    "thickness": "nm",
    "nu": "states per spin, eV and nm^3",
    "resistivity": "micro-Ohm cm",
    "sheet_resistance": "Ohm",
}


@dataclass(frozen=True, kw_only=True)
class Scales:
    """The units of energy, length and current, from what is known of a sample; the arguments are those of `Units`."""

    Tc: float | None = None
    energy_scale: float | None = None
    D: float | None = None
    mean_free_path: float | None = None
    fermi_velocity: float | None = None
    length_scale: float | None = None
    thickness: float | None = None
    nu: float | None = None
    resistivity: float | None = None
    sheet_resistance: float | None = None

    def __new__(cls, *bare: Any, **given: Any) -> Self:
        """TypeError where a number comes without its name, or with another."""
        if bare or not given.keys() <= UNITS_BY_NAME.keys():
            shown = ", ".join([*map(repr, bare), *(f"{name}={value!r}" for name, value in given.items())])
            names = ", ".join(f"{name} [{unit}]" for name, unit in UNITS_BY_NAME.items())
            raise TypeError(f"Units({shown}): say what each number is by one of the names {names}")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        given = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}
        refuse_traced(
            "Units", "give it fixed numbers; its conversions, such as temperature(K=x), follow traced x", **given
        )
        for name, value in given.items():
            if not is_number(value, 0.0) or value == 0:
                unit = UNITS_BY_NAME[name]
                raise ValueError(f"Units {name} = {value!r}; expected None or a finite number > 0 [{unit}]")
        for names, why in (
            (("Tc", "energy_scale"), "one of them is the unit of energy"),
            (("D", "mean_free_path"), "D = v_F l/3"),
            (("resistivity", "sheet_resistance", "thickness"), "resistivity = sheet_resistance x thickness"),
        ):
            _refuse_all_of(given, names, why)
        if ("mean_free_path" in given) != ("fermi_velocity" in given):
            raise ValueError(
                f"Units {_shown(given, ('mean_free_path', 'fermi_velocity'))}; expected both, D = v_F l/3, or neither"
            )
        if not given.keys() & {"Tc", "energy_scale"}:
            raise ValueError("Units without a unit of energy; expected Tc [K] or energy_scale [meV]")
        if self.length_scale is None and self._diffusion is None:
            raise ValueError(
                "Units without a unit of length; expected D [cm^2/s], or mean_free_path [nm] and fermi_velocity [m/s], "
                "or nu and resistivity, which give xi = sqrt(hbar D/E0), or length_scale [nm]"
            )
        direct = given.keys() & {"D", "mean_free_path"}
        if direct and self.nu is not None and self._resistivity is not None:
            raise ValueError(
                f"Units {_shown(given, ('D', 'mean_free_path', 'nu', 'resistivity', 'sheet_resistance'))}: two of "
                "diffusion, density of states and resistivity give the third, 1/rho = 2 e^2 nu D; leave one out (rho = "
                f"{_resistivity(self.nu * PER_EV_NM3, self._required_diffusion) / MICRO_OHM_CM:.4g} micro-Ohm cm from "
                "the other two)"
            )

    # --- the sample in SI ----------------------------------------------------------------------------

    @property
    def _resistivity(self) -> float | None:
        """Ohm m."""
        if self.resistivity is not None:
            return self.resistivity * MICRO_OHM_CM
        if self.sheet_resistance is not None and self.thickness is not None:
            return self.sheet_resistance * self.thickness * NM
        return None

    @property
    def _diffusion(self) -> float | None:
        """m^2/s."""
        if self.D is not None:
            return self.D * CM2_PER_S
        if self.mean_free_path is not None and self.fermi_velocity is not None:
            return self.fermi_velocity * self.mean_free_path * NM / 3
        if self.nu is not None and self._resistivity is not None:
            return 1 / (2 * e**2 * self.nu * PER_EV_NM3 * self._resistivity)
        return None

    @property
    def _required_diffusion(self) -> float:
        if self._diffusion is None:
            _refuse("D [cm^2/s] (or mean_free_path and fermi_velocity, or nu and resistivity)")
        return self._diffusion

    def _diffusion_of(self, cm2_per_s: Any, mean_free_path_nm: Any = None, fermi_velocity: Any = None) -> Any:
        """In m^2/s."""
        if cm2_per_s is mean_free_path_nm is fermi_velocity is None:
            return self._required_diffusion
        if (mean_free_path_nm is None) != (fermi_velocity is None):
            raise ValueError(
                f"diffusion from mean_free_path_nm = {mean_free_path_nm!r} and fermi_velocity = {fermi_velocity!r}; "
                "expected both, D = v_F l/3, or cm2_per_s alone"
            )
        unit, value = one_of("diffusion", True, cm2_per_s=cm2_per_s, mean_free_path_nm=mean_free_path_nm)
        if unit == "cm2_per_s":
            return value * CM2_PER_S
        return checked("diffusion fermi_velocity", fermi_velocity, True) * value * NM / 3

    # --- what one is ---------------------------------------------------------------------------------

    @property
    def energy_unit(self) -> float:
        """E0 = k_B Tc, or the given one [J]."""
        return k * self.Tc if self.Tc is not None else float(self.energy_scale or 0) * MEV

    @property
    def length_unit(self) -> float:
        """L0 = xi = sqrt(hbar D/E0), or the given one [m]."""
        if self.length_scale is not None:
            return self.length_scale * NM
        return sqrt(hbar * self._required_diffusion / self.energy_unit)

    @property
    def time_unit(self) -> float:
        """hbar/E0 [s]."""
        return hbar / self.energy_unit

    @property
    def field_unit(self) -> float:
        """B0 = hbar/(e L0^2) [T], so that h/2e is the flux pi."""
        return hbar / (e * self.length_unit**2)

    @property
    def diffusion_unit(self) -> float:
        """E0 L0^2/hbar [m^2/s]."""
        return self.energy_unit * self.length_unit**2 / hbar

    @property
    def density_of_states(self) -> float:
        """N0 per spin and volume, for which nu = 1 [1/(J m^3)]: given, or 1/(2 e^2 rho D) (Einstein)."""
        if self.nu is not None:
            return self.nu * PER_EV_NM3
        if self._resistivity is None:
            _refuse("nu [states per spin, eV and nm^3], resistivity [micro-Ohm cm], or sheet_resistance and thickness")
        return 1 / (2 * e**2 * self._resistivity * self._required_diffusion)

    @property
    def sheet_density_of_states(self) -> float:
        """N0 d per spin and area, for which nu = 1 [1/(J m^2)]; 1/(2 e^2 R_sq D) where a sheet resistance is given."""
        if self.sheet_resistance is not None and self.nu is None:
            return 1 / (2 * e**2 * self.sheet_resistance * self._required_diffusion)
        return self.density_of_states * self.required_thickness

    @property
    def required_thickness(self) -> float:
        """d [m]."""
        if self.thickness is None:
            _refuse("thickness [nm] (or, for currents and resistances, sheet_resistance [Ohm] and D)")
        return self.thickness * NM

    @property
    def conductance_unit(self) -> float:
        """e^2 N0 d E0 L0^2/hbar [S]."""
        return e**2 * self.sheet_density_of_states * self.diffusion_unit

    @property
    def area_resistance_unit(self) -> float:
        """hbar/(e^2 N0 E0 L0) [Ohm m^2], the resistance times area of a barrier of conductance 1 per length."""
        return self.length_unit / (e**2 * self.density_of_states * self.diffusion_unit)

    @property
    def current_unit(self) -> float:
        """e N0 d E0^2 L0^2/hbar [A], the conductance times E0/e."""
        return self.conductance_unit * self.energy_unit / e

    @property
    def permeability(self) -> float:
        """mu0 of `solve_screened` and `self_field`, where nothing depends on z: e^2 N0 E0^2 L0^4 mu0/hbar^2.

        The number for which curl B = mu0 j with B in `field_unit` and j a current of nu = 1 per cross-section.
        """
        return constants.mu_0 * (e * self.diffusion_unit) ** 2 * self.density_of_states


def _resistivity(density_of_states: float, diffusion: float) -> float:
    """Einstein: 1/rho = 2 e^2 N0 D, all SI."""
    return 1 / (2 * e**2 * density_of_states * diffusion)


# --- checks ----------------------------------------------------------------------------------------


def _shown(given: dict[str, Any], names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} = {given[name]:g}" for name in names if name in given)


def _refuse_all_of(given: dict[str, Any], names: tuple[str, ...], why: str) -> None:
    if all(name in given for name in names):
        raise ValueError(f"Units {_shown(given, names)}: {why}; leave one out")


def _refuse(missing: str) -> NoReturn:
    raise ValueError(f"this conversion needs {missing}, which these Units were made without")


def checked(name: str, value: Any, positive: bool = False) -> Any:
    """Real numbers, finite and perhaps positive; an array stays one, and values that JAX traces pass."""
    array = real(name, value)
    if not isinstance(array, jax.core.Tracer):
        numbers = np.asarray(array)
        if not np.isfinite(numbers).all() or (positive and (numbers <= 0).any()):
            raise ValueError(f"{name} = {value!r}; expected finite numbers{' > 0' if positive else ''}")
    return array[()]


def named_units(convert: Callable[P, R]) -> Callable[P, R]:
    """A conversion whose arguments are named after units, and which says so where they are called otherwise."""
    signature = inspect.signature(convert)
    named = [p for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
    required = [p.name for p in named if p.default is p.empty]
    choices = [required] if required else [[p.name] for p in named if p.default is None]

    @wraps(convert)
    def checked_call(*args: P.args, **given: P.kwargs) -> R:
        try:
            signature.bind(*args, **given)
        except TypeError as error:
            name, bare = convert.__name__, [repr(value) for value in args[1:]]
            got = ", ".join([*bare, *(f"{key}={value!r}" for key, value in given.items())])
            one = [bare[0] if len(bare) == len(keys) == 1 else "..." for keys in choices]
            shown = [", ".join(f"{key}={x}" for key in keys) for x, keys in zip(one, choices, strict=True)]
            calls = [f"{name}({text})" for text in shown]
            raise TypeError(f"{name}({got}): say which unit, by name: {' or '.join(calls)}") from error
        return convert(*args, **given)

    return checked_call


def one_of(what: str, positive: bool = False, **given: Any) -> tuple[str, Any]:
    """The one keyword that is not None, and its value."""
    present = {name: value for name, value in given.items() if value is not None}
    if len(present) != 1:
        raise ValueError(f"{what} from {_listed(present)}; expected exactly one of {list(given)}")
    [(name, value)] = present.items()
    return name, checked(f"{what} {name}", value, positive)


def _listed(present: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in present.items()) or "nothing"
