"""A small table of metals with published numbers, each with its unit, kind of sample and reference: `materials`.

They are starting points: diffusion, resistivity and critical temperature of a film are its own, and spin-diffusion
lengths and spin Hall angles go with its resistivity. What has no value here has to be measured. Signs of spin Hall
angles are those of the authors (platinum positive), and of use relative to each other. Not every value was compared
with the printed page of its source; none of the exchange fields and polarisations, and none of InAs, was.
"""

from __future__ import annotations

from math import pi
from typing import NoReturn

from scipy.constants import N_A, e, k

KITTEL = "Kittel, Introduction to Solid State Physics, 8th ed. (2005)"
ASHCROFT_MERMIN = "Ashcroft and Mermin, Solid State Physics (1976), Table 2.1"
MARTIN = "Martin, Phys. Rev. B 8, 5357 (1973)"
MOROTA = "Morota et al., Phys. Rev. B 83, 174405 (2011)"
ROBINSON = "Robinson, Piano, Burnell, Bell and Blamire, Phys. Rev. B 76, 094522 (2007)"
BASS_PRATT = "Bass and Pratt, J. Magn. Magn. Mater. 200, 274 (1999)"
ROMIJN = "Romijn, Klapwijk, Renne and Mooij, Phys. Rev. B 26, 3648 (1982)"


class Sourced(float):
    """A number that knows its unit, its sample and its source; arithmetic makes a plain float of it."""

    unit: str
    sample: str
    source: str

    def __new__(cls, value: float, unit: str, sample: str, source: str) -> Sourced:
        """A float with three more attributes."""
        self = super().__new__(cls, value)
        self.unit, self.sample, self.source = unit, sample, source
        return self

    def __reduce__(self) -> tuple[type[Sourced], tuple[float, str, str, str]]:
        return type(self), (float(self), self.unit, self.sample, self.source)

    def __str__(self) -> str:
        return f"{float(self):.4g} {self.unit}".rstrip() + f" ({self.sample}; {self.source})"


class KnownMaterial:
    """Published numbers of one metal, in the units of `Units`; an AttributeError says which the table has not.

    Attributes:
        Tc: critical temperature [K].
        nu: density of states per spin [1/(eV nm^3)].
        fermi_velocity: [m/s].
        rho_l: resistivity times mean free path [micro-Ohm cm nm]: l = rho_l/resistivity.
        spin_diffusion_length: [nm].
        spin_hall_angle: spin over charge current.
        rashba: alpha_R [eV Angstrom].
        edelstein_length: lambda of the inverse Edelstein effect [nm].
        exchange: h, half the splitting between the spins [meV].
        polarisation: of the conductivity, (sigma_up - sigma_down)/(sigma_up + sigma_down).
        effective_mass: over that of the electron.
    """

    name: str
    Tc: Sourced
    nu: Sourced
    fermi_velocity: Sourced
    rho_l: Sourced
    spin_diffusion_length: Sourced
    spin_hall_angle: Sourced
    rashba: Sourced
    edelstein_length: Sourced
    exchange: Sourced
    polarisation: Sourced
    effective_mass: Sourced

    def __init__(self, *, name: str, **values: Sourced) -> None:
        vars(self).update({"name": name} | values)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{name} of a material of the table cannot be changed")

    def __getattr__(self, name: str) -> NoReturn:
        """Only asked for what is not there."""
        if name.startswith("_"):
            raise AttributeError(name)
        own = [other for other in vars(self) if other != "name"]
        known = name in type(self).__annotations__
        why = "measure it for your sample, and give its number" if known else "no material of the table has it"
        raise AttributeError(
            f"the table has no {name} of {vars(self).get('name')}, only {own}; {why}", name=name, obj=self
        )

    def __str__(self) -> str:
        return "\n".join([self.name, *(f"  {name} = {v}" for name, v in vars(self).items() if name != "name")])

    __repr__ = __str__


OTHER_NAMES = {"NiFe": "Py", "Ni80Fe20": "Py", "permalloy": "Py", "Cu47Ni53": "CuNi"}
"""Names of materials beside those of the table."""


class _Table(dict[str, KnownMaterial]):
    def __missing__(self, name: str) -> KnownMaterial:
        if name in OTHER_NAMES:
            return self[OTHER_NAMES[name]]
        raise KeyError(f"no material {name!r}; the table has {list(self)}")


def _bulk_Tc(value: float) -> Sourced:
    return Sourced(value, "K", "bulk", f"{KITTEL}, Table 10.1")


def _free_electrons(value: float) -> Sourced:
    return Sourced(value, "m/s", "free electrons of the bulk density", ASHCROFT_MERMIN)


def _specific_heat_nu(
    gamma: float, lattice_constant: float, atoms: int, source: str = f"{KITTEL}, Table 6.2"
) -> Sourced:
    """nu = 3 gamma/(2 pi^2 k_B^2) per volume, with what phonons add to it (D of Hc2 or of rho has it too).

    Args:
        gamma: C/T of the electrons [mJ/(mol K^2)].
        lattice_constant: of the cubic cell [nm], Kittel, Table 1.3.
        atoms: in the cubic cell, 4 (fcc) or 2 (bcc).
        source: of gamma.
    """
    per_nm3 = gamma * 1e-3 / N_A * atoms / lattice_constant**3
    nu = 3 * per_nm3 / (2 * pi**2 * k**2) * e
    sample = f"bulk, electronic specific heat {gamma:g} mJ/(mol K^2)"
    return Sourced(round(nu, 1), "1/(eV nm^3)", sample, f"{source}; lattice constant of {KITTEL}, Table 1.3")


def _spin_absorption(length: float, angle: float) -> dict[str, Sourced]:
    sample = "wire, spin absorption at 10 K"
    return {
        "spin_diffusion_length": Sourced(length, "nm", sample, MOROTA),
        "spin_hall_angle": Sourced(angle, "", sample, MOROTA),
    }


def _exchange(meV: float, sample: str = "strong barriers in Nb junctions, periods of the critical current") -> Sourced:
    return Sourced(meV, "meV", sample, ROBINSON)


materials: dict[str, KnownMaterial] = _Table(
    Al=KnownMaterial(
        name="Al",
        Tc=_bulk_Tc(1.14),
        nu=_specific_heat_nu(1.35, 0.405, 4),
        fermi_velocity=Sourced(1.3e6, "m/s", "thin strips, goes with rho_l", ROMIJN),
        rho_l=Sourced(40.0, "micro-Ohm cm nm", "thin strips, goes with fermi_velocity", ROMIJN),
        spin_diffusion_length=Sourced(650.0, "nm", "strip at 4.2 K", "Jedema et al., Nature 416, 713 (2002)"),
        spin_hall_angle=Sourced(1e-4, "", "film of 25 nm at 4.2 K", "Valenzuela and Tinkham, Nature 442, 176 (2006)"),
    ),
    Nb=KnownMaterial(
        name="Nb",
        Tc=Sourced(
            8.5,
            "K",
            "sputtered films; 8.5 K tanh(d/7 nm) for thicknesses d < 25 nm",
            "Lemberger et al., Phys. Rev. B 76, 094515 (2007)",
        ),
        nu=_specific_heat_nu(7.79, 0.330, 2),
        **_spin_absorption(5.9, -0.0087),
    ),
    NbN=KnownMaterial(
        name="NbN",
        nu=Sourced(
            47.0,
            "1/(eV nm^3)",
            "disordered films, 2 states per eV and formula unit, lattice constant 0.44 nm",
            "Kern et al., arXiv:2405.03704 (2024)",
        ),
        fermi_velocity=Sourced(0.7e6, "m/s", "disordered films, optics", "Kern et al., arXiv:2405.03704 (2024)"),
    ),
    V=KnownMaterial(name="V", Tc=_bulk_Tc(5.38), nu=_specific_heat_nu(9.26, 0.303, 2)),
    Ta=KnownMaterial(
        name="Ta", Tc=_bulk_Tc(4.483), nu=_specific_heat_nu(5.9, 0.330, 2), **_spin_absorption(2.7, -0.0037)
    ),
    Mo=KnownMaterial(
        name="Mo", Tc=_bulk_Tc(0.92), nu=_specific_heat_nu(2.0, 0.315, 2), **_spin_absorption(8.6, -0.0080)
    ),
    Pb=KnownMaterial(
        name="Pb", Tc=_bulk_Tc(7.193), nu=_specific_heat_nu(2.98, 0.495, 4), fermi_velocity=_free_electrons(1.83e6)
    ),
    Cu=KnownMaterial(
        name="Cu",
        nu=_specific_heat_nu(0.691, 0.361, 4, MARTIN),
        fermi_velocity=_free_electrons(1.57e6),
        spin_diffusion_length=Sourced(
            1000.0, "nm", "strip at 4.2 K", "Jedema, Filip and van Wees, Nature 410, 345 (2001)"
        ),
    ),
    Ag=KnownMaterial(name="Ag", nu=_specific_heat_nu(0.640, 0.409, 4, MARTIN), fermi_velocity=_free_electrons(1.39e6)),
    Au=KnownMaterial(
        name="Au",
        nu=_specific_heat_nu(0.689, 0.408, 4, MARTIN),
        fermi_velocity=_free_electrons(1.40e6),
        spin_diffusion_length=Sourced(
            63.0, "nm", "wire at 10 K", "Ji, Hoffmann, Jiang and Bader, Appl. Phys. Lett. 85, 6218 (2004)"
        ),
    ),
    Pd=KnownMaterial(name="Pd", **_spin_absorption(13.0, 0.012)),
    Pt=KnownMaterial(
        name="Pt",
        nu=_specific_heat_nu(6.8, 0.392, 4),
        spin_diffusion_length=Sourced(
            3.4,
            "nm",
            "Co/Pt, spin pumping at room temperature",
            "Rojas-Sanchez et al., Phys. Rev. Lett. 112, 106602 (2014)",
        ),
        spin_hall_angle=Sourced(
            0.051,
            "",
            "Co/Pt, spin pumping at room temperature",
            "Rojas-Sanchez et al., Phys. Rev. Lett. 112, 106602 (2014)",
        ),
    ),
    Co=KnownMaterial(
        name="Co",
        spin_diffusion_length=Sourced(
            59.0, "nm", "nanowires at 77 K", "Piraux, Dubois, Fert and Belliard, Eur. Phys. J. B 4, 413 (1998)"
        ),
        exchange=_exchange(309.0),
        polarisation=Sourced(0.46, "", "sputtered films at 4.2 K, magnetoresistance across layers", BASS_PRATT),
    ),
    Ni=KnownMaterial(
        name="Ni",
        spin_diffusion_length=Sourced(
            21.0, "nm", "sputtered film at 4.2 K", "Moreau et al., Appl. Phys. Lett. 90, 012101 (2007)"
        ),
        exchange=_exchange(80.0),
        polarisation=Sourced(0.14, "", "sputtered film at 4.2 K", "Moreau et al., Appl. Phys. Lett. 90, 012101 (2007)"),
    ),
    Py=KnownMaterial(
        name="Py",
        spin_diffusion_length=Sourced(
            5.5, "nm", "sputtered Ni80Fe20 at 4.2 K", "Steenwyk et al., J. Magn. Magn. Mater. 170, L1 (1997)"
        ),
        exchange=_exchange(201.0),
        polarisation=Sourced(0.76, "", "sputtered Ni80Fe20 at 4.2 K, magnetoresistance across layers", BASS_PRATT),
    ),
    Fe=KnownMaterial(name="Fe", exchange=_exchange(256.0)),
    CuNi=KnownMaterial(
        name="CuNi",
        exchange=Sourced(
            73.2,
            "meV",
            "sputtered Cu47Ni53, k_B times 850 K, barriers in Nb junctions",
            "Oboznov, Bol'ginov, Feofanov, Ryazanov and Buzdin, Phys. Rev. Lett. 96, 197003 (2006)",
        ),
    ),
    InAs=KnownMaterial(
        name="InAs",
        effective_mass=Sourced(
            0.026, "", "bulk, at the band edge", "Vurgaftman, Meyer and Ram-Mohan, J. Appl. Phys. 89, 5815 (2001)"
        ),
        rashba=Sourced(
            0.28, "eV Angstrom", "quantum well under epitaxial Al", "Shabani et al., Phys. Rev. B 93, 155402 (2016)"
        ),
    ),
    **{
        "Bi/Ag": KnownMaterial(
            name="Bi/Ag",
            rashba=Sourced(
                3.05, "eV Angstrom", "surface alloy, photoemission", "Ast et al., Phys. Rev. Lett. 98, 186807 (2007)"
            ),
            edelstein_length=Sourced(
                0.3,
                "nm",
                "interface, spin pumping at room temperature",
                "Rojas-Sanchez et al., Nat. Commun. 4, 2944 (2013)",
            ),
        )
    },
)
"""{name: KnownMaterial}: `materials["Nb"].Tc` is a float with `.unit`, `.sample`, `.source`; print one to see all."""
