"""What to cite for what was used."""

from __future__ import annotations

from typing import Any, NamedTuple

from jusadel.common.version import __version__
from jusadel.device.boundary import Interface, SpinActive, Tunnel
from jusadel.device.device import Device
from jusadel.device.material.material import Material
from jusadel.device.material.printed import not_zero


class Work(NamedTuple):
    """A publication, and what of it was used."""

    where: str
    used: str


PROGRAM = Work(f"The jusadel developers, jusadel {__version__}", "this program")
ACTION = Work(
    'T. Kokkeler, F. S. Bergeret, I. V. Tokatly, "A universal phenomenology of charge-spin interconversion and '
    'dynamics in diffusive systems with spin-orbit coupling", arXiv:2405.06334',
    "the functional, spin-orbit terms and all",
)
ALWAYS = (
    PROGRAM,
    ACTION,
    Work("K. D. Usadel, Phys. Rev. Lett. 25, 507 (1970)", "the equation"),
    Work(
        "J. Bradbury et al., JAX: composable transformations of Python+NumPy programs (2018)", "derivatives, programs"
    ),
)
MAGNETS = Work("T. Kokkeler, I. V. Tokatly, F. S. Bergeret, SciPost Phys. (2025), arXiv:2412.10236", "terms of magnets")
OF_FIELDS = {
    "kappa": Work("M. B. Lifshits, M. I. Dyakonov, Phys. Rev. Lett. 103, 186601 (2009)", "spin-current swapping"),
    "magnetic_Gamma": Work("A. A. Abrikosov, L. P. Gorkov, Sov. Phys. JETP 12, 1243 (1961)", "magnetic impurities"),
} | dict.fromkeys(("P", "K", "magnetic_gamma", "mu", "v", "hall"), MAGNETS)
TUNNEL = Work("M. Yu. Kuprianov, V. F. Lukichev, Sov. Phys. JETP 67, 1163 (1988)", "barriers in the tunnel limit")
CHANNELS = Work("Yu. V. Nazarov, Superlattices Microstruct. 25, 1221 (1999)", "barriers with transmissions")
SCATTERING = Work("M. Eschrig, A. Cottet, W. Belzig, J. Linder, New J. Phys. 17, 083037 (2015)", "spin-active barriers")
OF_RESULTS = {
    "Localisation": (
        Work("C. Texier, G. Montambaux, Phys. Rev. Lett. 92, 186801 (2004)", "weak localisation of any sample"),
        Work("S. Hikami, A. I. Larkin, Y. Nagaoka, Prog. Theor. Phys. 63, 707 (1980)", "weak antilocalisation"),
    ),
    "Fluctuations": (
        Work(
            'A. I. Larkin, A. A. Varlamov, "Theory of Fluctuations in Superconductors" (2005)', "fluctuations above Tc"
        ),
    ),
    "ScreenedFilm": (
        Work("J. Pearl, Appl. Phys. Lett. 5, 65 (1964)", "thin films in perpendicular fields"),
        Work("D. R. Wilton et al., IEEE Trans. Antennas Propag. 32, 276 (1984)", "integrals of 1/r over triangles"),
    ),
}


def cite(*used: object) -> str:
    """What a publication should cite, one line each, with what it is cited for.

    Args:
        used: results (a Solution, Spectrum, Flow, Kinetics, Localisation ...), Devices or Materials, whose terms and
            barriers add what they stand on; without any, what is always used.

    Raises:
        TypeError: something that has no device.
    """
    works = list(ALWAYS)
    for thing in used:
        works += _of(thing)
    return "\n".join(f"{work.where}: {work.used}" for work in dict.fromkeys(works))


def _of(thing: Any) -> list[Work]:
    if isinstance(thing, Material):
        return [work for name, work in OF_FIELDS.items() if not_zero(getattr(thing, name))]
    if not isinstance(thing, Device):
        device = getattr(thing, "device", None)
        if not isinstance(device, Device):
            raise TypeError(f"cite of {type(thing).__name__}; expected a result with a device, a Device or a Material")
        return [*_of(device), *OF_RESULTS.get(type(thing).__name__, ())]
    materials = [thing.materials] if isinstance(thing.materials, Material) else thing.materials.values()
    return [work for material in materials for work in _of(material)] + [
        _of_barrier(x) for x in thing.boundaries.values() if isinstance(x, Tunnel | Interface)
    ]


def _of_barrier(barrier: Tunnel | Interface) -> Work:
    if isinstance(barrier.conductance, SpinActive):
        return SCATTERING
    return TUNNEL if barrier.transmissions is None else CHANNELS
