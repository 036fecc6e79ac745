"""Published numbers by the numbers that the report gives them: what, the tolerance that goes with it, where from.

The tolerance is meant for a mesh of about 4000 nodes. The computed numbers (R000 and so on, tests/data/references.json)
are held to the tolerance of the published number of the same kind, FAMILIES; their own errors are far smaller.
"""

from typing import NamedTuple


class Published(NamedTuple):
    what: str
    tolerance: float
    source: str


LITERATURE = {
    "1": Published("bulk gap", 1e-5, "BCS"),
    "2": Published("Abrikosov-Gorkov pair breaking", 1e-3, "Abrikosov and Gorkov 1961"),
    "3": Published("dirty upper critical field", 5e-3, "Helfand and Werthamer; Maki; de Gennes"),
    "4": Published("paramagnetic limit and tricritical point", 5e-3, "Clogston, Chandrasekhar 1962; Sarma 1963"),
    "5": Published("exchange field with spin relaxation", 1e-4, "linearised Usadel equation"),
    "6": Published("depairing current", 5e-3, "Maki; Kupriyanov and Lukichev 1980; Romijn et al. 1982"),
    "7": Published("short junction", 1e-2, "Kulik and Omelyanchuk 1975"),
    "8": Published("tunnel junction", 1e-2, "Ambegaokar and Baratoff 1963"),
    "9": Published("long junction at low temperature", 1e-2, "Dubos et al. 2001; the program usadel1"),
    "10": Published("long junction at high temperature", 1e-2, "Zaikin and Zharkov 1981"),
    "11": Published("minigap of a junction", 1e-2, "Ivanov et al. 2002; the program usadel1"),
    "12": Published("normal layer on a superconductor", 1e-2, "a quarter of the junction's minigap"),
    "13": Published("junctions with barriers at high temperature", 4e-2, "tests of the program usadel1"),
    "14": Published("superconducting wire between normal electrodes", 5e-3, "Abrikosov-Gorkov with (pi/L)^2"),
    "15": Published("decay of pairs in a ferromagnet", 5e-3, "linearised Usadel equation"),
    "16": Published("spin relaxation by a Rashba field", 5e-3, "the SU(2)-covariant Laplacian"),
    "17": Published("pure-gauge spin field in a wire", 1e-8, "Bergeret and Tokatly 2013"),
    "18": Published("reentrant conductance", 5e-3, "Nazarov and Stoof 1996; Golubov et al. 1997"),
    "19": Published("diode effect", float("nan"), "Ilic et al. 2024; Kokkeler et al.; a shape, no verified number"),
    "20": Published("vortex, Fig. 3 of Kokkeler et al.", 1e-2, "two independent programs"),
}
"""A number's tolerance is relative, unless its row says otherwise."""

FAMILIES = {
    "A1": "1",
    "A2": "2",
    "A3": "5",
    "A4": "5",
    "A5": "5",
    "B1a": "12",
    "B1b": "12",
    "B1c": "12",
    "B2a": "12",
    "B2b": "12",
    "B3": "9",
    "B4": "9",
    "B5": "9",
    "B5a": "9",
    "B5b": "9",
    "B5c": "9",
    "B6a": "6",
    "B7": "3",
    "C1": "20",
    "C2": "20",
    "C3": "20",
    "C4": "20",
    "D1": "16",
    "D2": "16",
    "D3b": "16",
    "D4": "16",
    "D8": "16",
}
"""The published number whose tolerance a family of computed numbers is held to."""

WITHOUT = {
    "19": "a shape, no verified number: the efficiency of a film grows as T falls and with the field, which "
    "`examples/thin_film_diode.py` draws and `tests/studies/test_film.py` holds to its symmetries; that of a junction "
    "changes sign near a 0-pi transition, which is not looked at",
}
"""Entries that no case is held against, and why."""
