"""save() and load(): a result in one file with everything that is needed to go on with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from jusadel.common.archive import SUFFIXES, Arrays, read_archive, write_archive
from jusadel.common.atomic import Target, checked_target
from jusadel.common.differentiability import without_derivatives
from jusadel.common.stored import Stored
from jusadel.corrections.gaussian.result import Fluctuations
from jusadel.corrections.result import Localisation
from jusadel.device.device import Device
from jusadel.files.devices import device_of, packed_device
from jusadel.files.distributions import flow_of, kinetics_of, packed_flow, packed_kinetics
from jusadel.files.fluctuations import gaussian_of, localisation_of, packed_gaussian, packed_localisation
from jusadel.files.responses import admittance_of, packed_admittance, packed_response, response_of
from jusadel.files.results import RESULTS
from jusadel.files.solutions import (
    Content,
    packed_screened,
    packed_screened_film,
    packed_solution,
    packed_spectrum,
    screened_film_of,
    screened_of,
    solution_of,
    spectrum_of,
)
from jusadel.fitting.result import FitResult
from jusadel.nonequilibrium.dynamics.result import Admittance, DynamicResponse
from jusadel.nonequilibrium.flow import Flow
from jusadel.nonequilibrium.kinetic_result import Kinetics
from jusadel.solver.spectra import Spectrum
from jusadel.solver.states.solution import Solution
from jusadel.studies.circuits.current_voltage import CurrentVoltage
from jusadel.studies.current_phase.result import CurrentPhaseRelation
from jusadel.studies.screening.result import ScreenedSolution
from jusadel.studies.screening.thin_film.film_result import ScreenedFilm
from jusadel.studies.sweeps.file import KIND as SWEEP
from jusadel.studies.transition.search import CriticalTemperature

Result = (
    Solution
    | Spectrum
    | Flow
    | Kinetics
    | Admittance
    | DynamicResponse
    | Localisation
    | Fluctuations
    | Device
    | CurrentPhaseRelation
    | CurrentVoltage
    | CriticalTemperature
    | FitResult
)
"""What files hold; a ScreenedSolution and a ScreenedFilm are Solutions."""


@without_derivatives("save what a concrete calculation returns")
def save(result: Result, path: Target) -> None:
    """Save a result, with its device and how it was solved, to one file that `load` reads.

    Numbers are kept exactly. Functions of points (fields of materials, phases, a vector potential) are kept as their
    values wherever the mesh of the device needs them; nothing else of the file is code either. The file is written
    under another name and takes its place when it is complete: whatever interrupts that leaves the old file, or none.

    Args:
        result: a Solution, ScreenedSolution, ScreenedFilm, Spectrum, Flow, Kinetics, Admittance, DynamicResponse,
            Localisation, Fluctuations or Device; or a CurrentPhaseRelation, CurrentVoltage, CriticalTemperature or
            FitResult, which have no device to go on with.
        path: ends in .npz; an existing file is replaced.

    Raises:
        TypeError: anything else. ValueError: numbers that JAX is tracing; a path that does not end in .npz.
        IsADirectoryError, FileNotFoundError, PermissionError: the path is a folder, in no folder, or write-protected.
    """
    kind = type(result).__name__
    if kind not in KINDS or not isinstance(result, KINDS[kind][0]):
        raise TypeError(f"cannot save {kind}; expected one of {list(KINDS)}")
    if getattr(result, "device", result) is None:
        raise ValueError("this Solution was read from the file of a sweep and has no device; save those of `solve`")
    checked_target(path, SUFFIXES)
    arrays = Arrays()
    content, about = KINDS[kind][1](result, arrays)
    write_archive(path, kind, about, content, arrays)


def load(path: Target) -> Any:
    """What `save` wrote: the same type with the same numbers, to compute observables, plot, or start from.

    Nothing in a file is ever executed. Where a field of the device was a function of points it is a table now, which
    serves on the mesh of the file and raises elsewhere.

    Raises:
        FileNotFoundError, IsADirectoryError: no such file.
        ValueError: not a file of `save`, damaged, from a later version of the format, or with arrays that are missing
            or do not fit; double precision is off.
    """
    if not jax.config.read("jax_enable_x64"):
        raise ValueError(
            "double precision is off (jax_enable_x64 is False), which would round what is loaded: unset "
            'JUSADEL_NO_X64, or call jax.config.update("jax_enable_x64", True) before loading'
        )
    kind, content = read_archive(path)
    try:
        if kind == SWEEP:
            raise ValueError("a sweep keeps its own file: give it to sweep(path=...)")
        if kind not in KINDS:
            raise ValueError(
                f"it holds a {kind!r}, which this version of jusadel does not know; expected {list(KINDS)}"
            )
        return KINDS[kind][2](content)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise ValueError(f"{str(path)!r} cannot be loaded: {error}") from error


def packed_bare_device(device: Device, arrays: Arrays) -> tuple[Content, Content]:
    """A Device alone."""
    return {"device": packed_device(device, arrays)}, {"nodes": len(device.mesh.points)}


def bare_device_of(part: Stored) -> Device:
    """The Device again."""
    return device_of(part["device"])


KINDS: dict[str, tuple[type, Callable[..., tuple[Content, Content]], Callable[[Stored], Any]]] = {
    "Solution": (Solution, packed_solution, solution_of),
    "ScreenedSolution": (ScreenedSolution, packed_screened, screened_of),
    "ScreenedFilm": (ScreenedFilm, packed_screened_film, screened_film_of),
    "Spectrum": (Spectrum, packed_spectrum, spectrum_of),
    "Flow": (Flow, packed_flow, flow_of),
    "Kinetics": (Kinetics, packed_kinetics, kinetics_of),
    "Admittance": (Admittance, packed_admittance, admittance_of),
    "DynamicResponse": (DynamicResponse, packed_response, response_of),
    "Localisation": (Localisation, packed_localisation, localisation_of),
    "Fluctuations": (Fluctuations, packed_gaussian, gaussian_of),
    "Device": (Device, packed_bare_device, bare_device_of),
    **RESULTS,
}
"""By name: the type, what of it goes into a file and what the header says about it, and the way back."""
