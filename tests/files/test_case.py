"""What a case file says: quantities and their units, names that are checked before anything is solved."""

import inspect
import warnings
from functools import partial

import case_files
import numpy as np
import pytest

import jusadel as ju
from jusadel.device.boundary import CONDITIONS
from jusadel.device.material.material import SHAPES as FIELDS
from jusadel.files import case_units
from jusadel.files.case import SHAPES
from jusadel.files.case_units import PlainNumberWarning

UNITS = ju.Units(Tc=9.2, D=5.0, thickness=20.0, resistivity=10.0)
CASE = (
    case_files.NIOBIUM_STRIP
    + """
[materials.film]
Tc = "9.2 K"
D = "5 cm^2/s"
h = ["0 meV", "0.1 meV", 0]
gamma = { rashba = 0.2 }
spin_diffusion_length = "30 nm"

[boundaries.left]
Delta = "1.4 meV"

[boundaries.right]
kind = "Tunnel"
Delta = "1.4 meV"
phase = 0.5
conductance = "0.01 Ohm um^2"

[field]
B = "10 mT"
gauge = "x"
center = ["1 nm", "2 nm"]

[solve]
T = "4.2 K"
pair_potential = { vortex = { Delta = "1.4 meV", center = ["30 nm", "10 nm"], winding = 1 } }
frequencies = 3

[sweep]
parameter = "boundaries.right.phase"
values = [0.0, 0.5]
"""
)


read = partial(case_files.read, text=CASE)


def said(case):
    """Everything that is read before the first point is solved."""
    ju.run_case(case, case.folder / "out")


# --- units ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "text", "value"),
    [
        ("solve.T", "4.2 K", 4.2 / 9.2),
        ("solve.T", "4.2K", 4.2 / 9.2),
        ("solve.T", "4200 mK", 4.2 / 9.2),
        ("solve.T", "0.5 meV", UNITS.energy(meV=0.5)),
        ("materials.film.Gamma", "50ueV", UNITS.energy(meV=0.05)),
        ("materials.film.D", "5 cm^2/s", 1.0),
        ("geometry.rectangle.width", "0.2 um", UNITS.length(nm=200.0)),
        ("geometry.rectangle.width", "2e2nm", UNITS.length(nm=200.0)),
        ("geometry.strip.lengths.N", ".5 um", UNITS.length(nm=500.0)),
        ("field.B", "0.01 T", UNITS.field(mT=10.0)),
        ("field.B", "-10 mT", -UNITS.field(mT=10.0)),
        ("boundaries.right.conductance", "0.01 Ohm um^2", UNITS.conductance(ohm_um2=0.01)),
        ("boundaries.right.conductance", "0.5 Ohm um", UNITS.conductance(ohm_um=0.5)),
        ("solve.pair_potential.vortex.center", "5 nm", UNITS.length(nm=5.0)),
    ],
)
def test_a_quantity_in_its_units(tmp_path, where, text, value):
    assert read(tmp_path).quantity(text, where) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("materials.film.group", "4mm"),
        ("materials.film.group", "4'/mm'm"),
        ("boundaries.top.partner", "2 nm"),
        ("field.gauge", "x"),
        ("geometry.file", "20 nm.msh"),
        ("solve.pair_potential", "self-consistent"),
    ],
)
def test_words_are_no_quantities(tmp_path, where, text):
    case = read(tmp_path, ("[field]", '[boundaries.top]\nkind = "Periodic"\npartner = "bottom"\n[field]'))
    assert case.quantity(text, where) == text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('T = "4.2 K"', 'T = "4.2 mT"'), r"solve.T = '4.2 mT' is a magnetic field; expected an energy or a temp.*'K'"),
        (('T = "4.2 K"', 'T = "4.2 nm"'), r"solve.T = '4.2 nm' is a length; expected an energy"),
        (('T = "4.2 K"', 'T = "4.2"'), r"solve.T = '4.2' is text without a unit; expected .* numbers without quotes"),
        (('T = "4.2 K"', 'T = "cold"'), r"solve.T = 'cold' is no number; expected an energy"),
        (('T = "4.2 K"', 'T = "4.2.1 K"'), r"solve.T = '4.2.1 K' is no number"),
        (('T = "4.2 K"', 'T = "4,2 K"'), r"solve.T = '4,2 K' is no number"),
        (('T = "4.2 K"', 'T = "4.2 k"'), r"solve.T = '4.2 k': unknown unit 'k'; expected one of \['nm'"),
        (('"0.1 meV", 0]', '"0.1 mT", 0]'), r"materials.film.h = '0.1 mT' is a magnetic field; expected an energy"),
        (('D = "5 cm', 'D = "5 nm" # '), r"materials.film.D = '5 nm' is a length; expected a diffusion coefficient"),
        (('Tc = "9.2 K"', 'Tc = "9.2 mT"'), r"materials.film.Tc = '9.2 mT' is a magnetic field"),
        (("rashba = 0.2", 'rashba = "0.2 meV"'), r"gamma.rashba = '0.2 meV' is an energy .*; expected a plain number"),
        (('length = "30 nm"', 'length = "30 K"'), r"spin_diffusion_length = '30 K' is an energy .*; expected a length"),
        (('width = "60 nm"', 'width = "200 K"'), r"rectangle.width = '200 K' is an energy .*; expected a length"),
        (('[boundaries.left]\nDelta = "1.4 meV"', '[boundaries.left]\nDelta = "1.4 nm"'), r"left.Delta = '1.4 nm'"),
        (("phase = 0.5", 'phase = "0.5 nm"'), r"phase = '0.5 nm' is a length; expected a plain number of radians"),
        (("phase = 0.5", 'phase = "0.5"'), r"phase = '0.5' is text without a unit; expected a plain number"),
        (
            ('"0.01 Ohm um^2"', '"0.01 meV"'),
            r"conductance = '0.01 meV' is an energy or a temperature; expected a barrier",
        ),
        (('B = "10 mT"', 'B = "10 K"'), r"field.B = '10 K' is an energy .*; expected a magnetic field"),
        (('["1 nm", "2 nm"]', '["1 nm", "2 mT"]'), r"field.center = '2 mT' is a magnetic field; expected a length"),
        (('vortex = { Delta = "1.4 meV"', 'vortex = { Delta = "1.4 nm"'), r"vortex.Delta = '1.4 nm' is a length"),
        (('["30 nm", "10 nm"]', '["30 nm", "10 K"]'), r"vortex.center = '10 K' is an energy"),
        (("frequencies = 3", 'frequencies = "3"'), r"frequencies = '3' is text without a unit"),
        (("frequencies = 3", 'frequencies = 3\ntol = "1 K"'), r"solve.tol = '1 K' is an energy"),
        (("values = [0.0, 0.5]", 'values = [0.0, "0.5 K"]'), r"right.phase = '0.5 K' is an energy"),
        (("resistivity = 10.0", 'resistivity = "10 K"'), r"resistivity = '10 K'; expected None or a finite number > 0"),
    ],
)
def test_quantities_of_another_kind_are_refused(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        said(read(tmp_path, change))
    assert not (tmp_path / "out").exists()


def test_values_of_a_sweep_have_the_dimension_of_its_parameter(tmp_path):
    change = ('parameter = "boundaries.right.phase"\nvalues = [0.0, 0.5]', 'parameter = "solve.T"\nvalues = ["4 mT"]')
    with pytest.raises(ju.CaseError, match=r"solve.T = '4 mT' is a magnetic field"):
        said(read(tmp_path, change))


def test_units_without_their_table(tmp_path):
    start = CASE.index("[geometry")
    with pytest.raises(ju.CaseError, match=r"= '60 nm': there is no table \[units\]"):
        said(read(tmp_path, text=CASE[start:]))


def test_plain_numbers_beside_units_are_named(tmp_path):
    changes = ('T = "4.2 K"', "T = 4.2"), ('"0 meV", "0.1 meV", 0', "0, 0.1, 0"), ('width = "60 nm"', "width = 60")
    with pytest.warns(PlainNumberWarning) as heard:
        read(tmp_path, *changes)
    (message,) = (str(w.message) for w in heard)
    assert "solve.T = 4.2 (38.64 K)" in message
    assert "materials.film.h = 0.1 (0.92 K)" in message
    assert f"geometry.rectangle.width = 60 ({UNITS.to_nm(60.0):.4g} nm)" in message
    assert "phase" not in message


def test_plain_numbers_of_a_sweep_are_named(tmp_path):
    change = ('parameter = "boundaries.right.phase"\nvalues = [0.0, 0.5]', 'parameter = "solve.T"\nvalues = [4.2]')
    with pytest.warns(PlainNumberWarning, match=r"solve.T = 4.2 \(38.64 K\)"):
        read(tmp_path, change)


def test_every_name_of_a_case_has_a_dimension():
    """What the functions behind the tables take; an unknown dimension would let any unit pass."""
    called = {"field": [ju.uniform_field], "solve": [ju.solve, ju.vortex, ju.vortices], "materials": []}
    called |= {name: [kind] for name, kind in CONDITIONS.items()}
    for table, functions in called.items():
        for function in functions:
            names = set(inspect.signature(function).parameters)
            left_out = {"device", "surface", "reservoir", "Delta", "linear_solver", "throw"}
            assert names - left_out <= set(case_units.QUANTITIES[table]), function
    assert set(FIELDS) <= set(case_units.QUANTITIES["materials"])
    words = {"rest", "sectors"}
    for function in SHAPES.values():
        for name, parameter in inspect.signature(function).parameters.items():
            is_text_or_angle = isinstance(parameter.default, str) or name == "sectors"
            assert is_text_or_angle == (name in words), (function, name)


def test_a_table_that_is_none(tmp_path):
    with pytest.raises(ju.CaseError, match=r"has field = 3; expected a table \[field\]"):
        read(tmp_path, text="field = 3\n")


def test_the_case_of_these_tests_is_good(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        device = read(tmp_path).device()
    np.testing.assert_allclose(device.materials["film"].h, [0, UNITS.energy(meV=0.1), 0])


# --- barriers ---------------------------------------------------------------------------------------


def test_a_barrier_that_filters_spins(tmp_path):
    filters = ('conductance = "0.01 Ohm um^2"', 'conductance = "0.01 Ohm um^2"\npolarisation = [0.0, 0.0, 0.4]')
    case = read(tmp_path, filters, ("phase = 0.5", 'depairing = "0.1 meV"'))
    barrier = case.device().boundaries["right"]
    np.testing.assert_array_equal(barrier.polarisation, (0, 0, 0.4))
    assert barrier.reservoir.depairing == pytest.approx(UNITS.energy(meV=0.1), rel=1e-12)


def test_a_barrier_that_scatters_spins_is_a_table_in_the_place_of_a_conductance(tmp_path):
    given = "conductance = { up = 0.7, down = 0.2, mixing = [0.8, 0.3], axis = [0.6, 0, 0.8], channels = 2.0 }"
    barrier = read(tmp_path, ('conductance = "0.01 Ohm um^2"', given)).device().boundaries["right"].conductance
    expected = ju.SpinActive(up=0.7, down=0.2, mixing=(0.8, 0.3), axis=(0.6, 0, 0.8), channels=2.0)
    np.testing.assert_array_equal(barrier.matrices(), expected.matrices())
    assert barrier.channels == 2.0
    wrong = read(tmp_path, ('conductance = "0.01 Ohm um^2"', given.replace("mixing = [0.8, 0.3]", "mixnig = []")))
    with pytest.raises(ju.CaseError, match=r"\[boundaries.right.conductance\] has the unknown names \['mixnig'\]"):
        wrong.device()
