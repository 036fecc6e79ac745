"""The examples: read from their files, run on less, held to references, formulas and symmetries."""

import re

import jax
import jax.numpy as jnp
import layered
import matplotlib.image
import numpy as np
import pytest
from shared import load, optimised

import jusadel as ju

COARSE = "ignore:the mesh is too coarse.*(thermal|spin relaxation) length:jusadel.CoarseMeshWarning"  # near Tc


@pytest.fixture(scope="module")
def vortex(tmp_path_factory):
    """(numbers, printed lines, folder it ran in), on a coarser mesh and without lines of progress."""
    solve, printed, folder = ju.solve, [], tmp_path_factory.mktemp("vortex")
    with optimised(), pytest.MonkeyPatch.context() as patch:
        example = load("vortex")
        patch.chdir(folder)
        patch.setattr(example, "MESH", ju.disk(4.0, 0.43, 0.05))
        patch.setattr(ju, "solve", lambda *args, **given: solve(*args, **given | {"progress": False}))
        patch.setattr("builtins.print", lambda *values: printed.append(" ".join(map(str, values))))
        numbers = example.main()
    return numbers, "\n".join(printed).splitlines(), folder


@pytest.mark.filterwarnings(COARSE)
def test_vortex_draws_a_picture(vortex):
    assert [path.name for path in vortex[2].iterdir()] == ["vortex.png"]
    picture = matplotlib.image.imread(vortex[2] / "vortex.png")[..., :3]
    assert min(picture.shape[:2]) > 800
    for panel in (p for row in np.array_split(picture, 2) for p in np.array_split(row, 3, axis=1)):
        assert panel.std() > 0.05  # something is drawn in each of the six


@pytest.mark.filterwarnings(COARSE)
def test_vortex_prints_its_numbers(vortex):
    numbers, lines, _ = vortex
    assert all(re.fullmatch(r"\w[\w.]* = \S+", line) for line in lines)
    printed = {name: float(value) for name, value in (line.split(" = ") for line in lines)}
    assert printed == pytest.approx(numbers, rel=1e-5, abs=1e-12)


@pytest.mark.filterwarnings(COARSE)
@pytest.mark.parametrize(("T", "reference"), [(0.05, "R192"), (0.98, "R197")])
def test_vortex_profiles_against_references(vortex, references, T, reference):
    """Largest current and spin, where and how large; the spin lies further out.

    On 740 nodes the heights come within 3 %, the place of the spin within 1 %, that of the broad current within 7 %.
    """
    numbers, entry = vortex[0], references[reference]
    assert f"T/Tc={T}," in entry["parameters"]
    value = entry["value"]
    assert numbers[f"r_S_T{T}"] > numbers[f"r_j_T{T}"]
    assert numbers[f"r_j_T{T}"] == pytest.approx(value["r_j"], rel=0.07)
    assert numbers[f"r_S_T{T}"] == pytest.approx(value["r_S"], rel=0.01)
    assert numbers[f"j_max_T{T}"] == pytest.approx(value["j_max"], rel=0.03)
    assert numbers[f"S_max_T{T}"] == pytest.approx(load("vortex").GAMMA * value["S_max_over_gamma0"], rel=0.03)


@pytest.mark.filterwarnings(COARSE)
def test_vortex_spin_textures(vortex):
    """The spin is along h_k = gamma_kl q_l/2 with q counter-clockwise, so on the +x axis, q along y, it lies along
    gamma_ky: +x for C4v, +y for D4, -y for D2d. Seen from the current that stays so, but turns by -4 pi for D2d."""
    numbers = vortex[0]
    for group, angle, turns in (("C4v", -90.0, 0), ("D4", 0.0, 0), ("D2d", 180.0, -2)):
        difference = (numbers[f"angle_{group}"] - angle + 180) % 360 - 180
        assert difference == pytest.approx(0.0, abs=1.0)
        assert numbers[f"angle_turns_{group}"] == turns


@pytest.mark.filterwarnings(COARSE)
@pytest.mark.parametrize("T", [0.05, 0.98])
def test_vortex_is_certified_and_costs_energy(vortex, T):
    numbers = vortex[0]
    assert numbers[f"newton_steps_T{T}"] <= 12
    assert numbers[f"positivity_margin_T{T}"] > 0
    without_vortex = -np.pi * 4.0**2 * ju.bulk_gap(T) ** 2 / 2  # nu Delta^2/2 an area at T = 0; less condenses above
    assert numbers[f"free_energy_T{T}"] > without_vortex


def numbers_of(name, folder, monkeypatch, **smaller):
    """What the example prints beside tables of fits, with some of its constants changed; one picture is not empty."""
    example, printed = load(name), []

    def note(*values):
        if not isinstance(values[0], ju.FitResult):
            printed.append(" ".join(map(str, values)))

    monkeypatch.chdir(folder)
    for constant, value in smaller.items():
        assert hasattr(example, constant)
        monkeypatch.setattr(example, constant, value)
    monkeypatch.setattr("builtins.print", note)
    numbers = example.main()
    lines = "\n".join(printed).splitlines()
    printed_numbers = {key: float(value) for key, value in (line.split(" = ") for line in lines)}
    assert printed_numbers == pytest.approx(numbers, rel=1e-5, abs=1e-12)
    assert [path.name for path in folder.iterdir()] == [f"{name}.png"]
    assert matplotlib.image.imread(folder / f"{name}.png")[..., :3].std() > 0.05
    return numbers


def test_sns_current_phase(tmp_path, monkeypatch):
    """The formula for high temperatures; a sine there. Edges h in the middle cost k (k h)^2/24 = 2 %."""
    phases = np.linspace(-np.pi, np.pi, 8, endpoint=False)
    numbers = numbers_of("sns_current_phase", tmp_path, monkeypatch, TEMPERATURES=(10.0,), PHASES=phases)
    assert numbers["Ic_T10.0"] == pytest.approx(load("sns_current_phase").at_high_temperatures(10.0), rel=0.03)
    assert numbers["phase_over_pi_T10.0"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.slow
def test_fraunhofer(tmp_path, monkeypatch):
    """A slit where it is wide; no zero where it is narrow, near the wire with the same rate of pair breaking."""
    numbers = numbers_of("fraunhofer", tmp_path, monkeypatch, FLUXES=np.array([0.0, 0.5, 1.0]))
    assert numbers["wide_0.5"] == pytest.approx(2 / np.pi, rel=0.02)
    assert numbers["wide_1"] < 0.01
    assert numbers["narrow_1"] == pytest.approx(numbers["wire_1"], rel=0.05)
    assert numbers["narrow_1"] < numbers["narrow_0.5"] < 1


def test_iv_curve(tmp_path, monkeypatch):
    """The relation is no sine, so that a SQUID without inductance has no zero; inductance makes its pattern shallow."""
    given = {"TEMPERATURES": (0.25,), "PHASES": np.linspace(0, 2 * np.pi, 8, endpoint=False), "TURNS": 20, "COPIES": 2}
    numbers = numbers_of("iv_curve", tmp_path, monkeypatch, CURRENTS=np.linspace(0, 32, 33), **given)
    assert numbers["Ic_uA_T0.25"] > 5
    assert 0 < numbers["first_step_uA_T0.25"] < 2 * numbers["Ic_uA_T0.25"]
    assert numbers["lowest_over_highest_L0"] < 0.3 < numbers["lowest_over_highest_L40"] < 1


@pytest.mark.slow
def test_phi0_junction(tmp_path, monkeypatch):
    """phi_0 is linear in a small gamma, and there is no diode effect to first order."""
    numbers = numbers_of("phi0_junction", tmp_path, monkeypatch, STEPS=(0.02, 0.04))
    assert numbers["phi0_largest_gamma"] == pytest.approx(2 * numbers["phi0_smallest_gamma"], rel=0.02)
    assert numbers["phi0_smallest_gamma"] > 1e-3
    assert abs(numbers["diode_largest_gamma"]) < 0.5 * numbers["phi0_largest_gamma"]


def test_sf_proximity(tmp_path, monkeypatch):
    numbers = numbers_of("sf_proximity", tmp_path, monkeypatch, THICKNESSES=np.array([0.4, 1.2]))
    for name in ("kappa_real", "kappa_imag", "kappa_long"):
        assert numbers[name] == pytest.approx(numbers[f"{name}_exact"], rel=5e-3)
    assert 0.3 < numbers["Tc_lowest"] <= numbers["Tc_thick"] < 1.0


@pytest.mark.filterwarnings(COARSE)
def test_altermagnet_junction(tmp_path, monkeypatch):
    """On the closed form of weak barriers, beyond its zero too; S_z changes sign from one lobe to the next."""
    lengths, dot = (2.5, 8.5), load("altermagnet_junction").DOT
    film = ju.polygon([(-2, -2), (2, -2), (2, 2), (-2, 2)], size=0.6, holes=[dot])
    given = {"STRENGTHS": (0.0, 1.0), "LENGTHS": lengths, "FILM": film}
    numbers = numbers_of("altermagnet_junction", tmp_path, monkeypatch, **given)
    for K in given["STRENGTHS"]:
        found = [numbers[f"Ic_K{K}_L{L:g}"] for L in lengths]
        np.testing.assert_allclose(found, load("altermagnet_junction").closed(K, np.array(lengths)), rtol=0.08)
    assert numbers["Ic_K1.0_L8.5"] < 0
    assert numbers["S_z_smallest"] == pytest.approx(-numbers["S_z_largest"], rel=0.15)


@pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
def test_spin_valve(tmp_path, monkeypatch):
    """Tc of the typed linear equations on a line of the same nodes; lowest at right angles with both magnets aside."""
    example, angles = load("spin_valve"), np.array([0, np.pi / 2, np.pi])
    names, sandwich = list(example.INTERFACES), {0.95: example.ONE_SIDED[0.95]}
    given = {"ANGLES": angles, "ONE_SIDED": sandwich, "INTERFACES": {k: example.INTERFACES[k] for k in names[::2]}}
    numbers = numbers_of("spin_valve", tmp_path, monkeypatch, **given)
    for name, layers, h, interface in (
        ("FSF0", example.EMBRACED, 1.2, {}),
        ("FSF1", example.EMBRACED, 1.2, example.INTERFACES[names[2]]),
        ("SFF0.95", sandwich[0.95], 4.0, {}),
    ):
        of_angles = angles[::2] if "P" in interface else angles
        found = np.array([numbers[f"{name}_{round(np.degrees(a))}"] for a in of_angles])
        fields = [{"F1": (0, 0, h), "F2": (h * np.sin(a), 0, h * np.cos(a))} for a in of_angles]
        expected = np.array([layered.critical_temperature(layers, field, **interface) for field in fields])
        np.testing.assert_allclose(found, expected, rtol=3e-3)  # triangles against a line
        np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=0.04)
    assert numbers["SFF0.95_90"] < min(numbers["SFF0.95_0"], numbers["SFF0.95_180"])


def held_to_truth(numbers, truth, chi2):
    """What the data were made with, within three quoted errors, which are small, and scatter as the noise says."""
    for name, true in truth.items():
        error = numbers[f"error_{name}"]
        assert abs(numbers[name] - true) < 3 * error
        assert error < 0.5 * true
    low, high = chi2
    assert low < numbers["chi2_per_dof"] < high


@pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
def test_fit_tunnelling_spectrum(tmp_path, monkeypatch):
    """66 points at two temperatures: chi2/dof is 1 within 0.18."""
    example = load("fit_tunnelling_spectrum")
    energies, voltages = example.ENERGIES[::2], example.VOLTAGES[::2]
    given = {"TEMPERATURES": (0.03, 0.1), "ENERGIES": energies, "VOLTAGES": voltages}
    numbers = numbers_of("fit_tunnelling_spectrum", tmp_path, monkeypatch, **given)
    held_to_truth(numbers, example.TRUTH, (0.4, 1.6))


def test_fit_hanle(tmp_path, monkeypatch):
    """Ten points, six degrees of freedom: chi2/dof is 1 within 0.58."""
    numbers = numbers_of("fit_hanle", tmp_path, monkeypatch, FIELDS=np.linspace(-2.0, 2.0, 5))
    held_to_truth(numbers, load("fit_hanle").TRUTH, (0.05, 2.8))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
@pytest.mark.parametrize("start", range(3))
@pytest.mark.parametrize("name", ["fit_hanle", "fit_tunnelling_spectrum"])
def test_exact_data_lead_to_the_truth_from_three_starts(name, start):
    """Up to a factor of three away, and from the other sign of theta, to the precision of the solves."""
    example = load(name)
    exact = {key: np.asarray(curve) for key, curve in example.model(example.TRUTH).items()}
    found = example.fitted(exact, example.STARTS[start])
    for key, true in example.TRUTH.items():
        assert abs(found.params[key] - true) < 1e-3 * found.errors[key]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the mesh is too coarse", "ignore:the pair potential is stationary but")
def test_self_consistent_vortex(tmp_path, monkeypatch):
    """The core is about as wide as a coherence length, and weakens the current."""
    coarse = ju.disk(6.0, 1.2, 0.4)
    numbers = numbers_of("self_consistent_vortex", tmp_path, monkeypatch, MESH=coarse, TEMPERATURES=(0.1, 0.3))
    assert 0.7 < numbers["r_half_T0.1"] < 1.7
    assert 0.9 < numbers["Delta_max_T0.1"] < 1.0
    assert numbers["j_max_ratio_T0.1"] < 0.7
    assert numbers["smallest_eigenvalue_T0.1"] < 0
    assert numbers["S_max_ratio_T0.1"] < 0.8
    assert numbers["r_S_T0.1"] > numbers["r_S_rigid_T0.1"]
    assert 0.9 < numbers["texture_overlap_T0.1"] < 1.0
    assert numbers["largest_angle_T0.1"] < 6.0  # radial, both; what is left is the mesh


@pytest.mark.slow
def test_thin_film_diode(tmp_path, monkeypatch):
    """The efficiency changes sign with the field, and is that of the two depairing currents."""
    numbers = numbers_of(
        "thin_film_diode", tmp_path, monkeypatch, FIELDS=np.array([-0.6, 0.6]), TEMPERATURES=(0.1,), SAMPLES=(13,)
    )
    assert numbers["efficiency_T0.1_h-0.6"] == pytest.approx(-numbers["efficiency_T0.1_h0.6"], abs=1e-7)
    expected = (numbers["j_plus"] - numbers["j_minus"]) / (numbers["j_plus"] + numbers["j_minus"])
    assert numbers["efficiency_T0.1_h0.6"] == pytest.approx(expected, rel=1e-4)
    assert abs(numbers["efficiency_T0.1_h0.6"]) > 0.01


def test_spin_hall_bar(tmp_path, monkeypatch):
    """Accumulation, the current's share of the inverse effect, and the voltage of injected spin: closed forms."""
    numbers = numbers_of("spin_hall_bar", tmp_path, monkeypatch, SIZE=0.25)
    assert numbers["S_edge"] == pytest.approx(numbers["S_edge_exact"], rel=5e-3)
    assert numbers["current"] == pytest.approx(numbers["current_exact"], rel=1e-4)
    assert numbers["current_exact"] - 6.0 > 100 * abs(numbers["current"] - numbers["current_exact"])
    assert numbers["inverse_voltage"] == pytest.approx(numbers["inverse_voltage_exact"], rel=0.02)


def test_edelstein_film(tmp_path, monkeypatch):
    numbers = numbers_of("edelstein_film", tmp_path, monkeypatch, SIZE=0.3, FIELDS=np.array([0.0, 0.5]))
    assert numbers["S_y"] == pytest.approx(numbers["S_y_exact"], rel=1e-10)
    assert numbers["S_z_largest"] == pytest.approx(numbers["S_z_largest_exact"], rel=1e-10)
    assert numbers["inverse_voltage"] == pytest.approx(numbers["inverse_voltage_exact"], rel=1e-2)


def test_nonlocal_spin_valve(tmp_path, monkeypatch):
    """Between arms four diffusion lengths long: the signals of a long wire, with and without the field."""
    energies = np.array([2.2, 4.0])
    numbers = numbers_of("nonlocal_spin_valve", tmp_path, monkeypatch, FIELDS=np.array([0.0, 3.0]), ENERGIES=energies)
    assert abs(numbers["current_right"]) < 1e-10
    for name in ("signal_1", "signal_2", "signal_1_field", "signal_2_field"):
        assert numbers[name] == pytest.approx(numbers[f"{name}_exact"], rel=1e-2)
    for d in (1, 2):
        assert numbers[f"superconducting_{d}"] == pytest.approx(numbers[f"superconducting_{d}_exact"], rel=0.02)
        assert numbers[f"edge_{d}"] == pytest.approx(numbers[f"edge_{d}_exact"], rel=0.03)


@pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")  # coarser than the example's
def test_minigap(tmp_path, monkeypatch):
    """The junction's minigap, for Delta = 200 D/L^2 four times that of a layer with Delta/E_Th = 50, and near pi."""
    smaller = {
        "LINES": np.linspace(0, 3.0, 11),
        "SIDE": 1.5,  # on a line of the mesh
        "ENERGIES": np.linspace(0.1, 0.6, 6),
        "PHASES": np.pi * np.array([0, 0.95]),
    }
    numbers = numbers_of("minigap", tmp_path, monkeypatch, **smaller)
    assert numbers["minigap_0"] == pytest.approx(4 * 0.7706900123226469, rel=0.005)
    assert numbers["minigap_0.95pi"] == pytest.approx(np.pi**2 / 4 * 0.05 * np.pi, rel=0.15)
    assert 0.2 < numbers["island_gap"] < 0.4
    assert numbers["N_lowest_energy"] < 0.1


def within_errors(numbers, names, most=4.0):
    """The parameters that the data were made with lie within so many quoted errors, none of which says nothing."""
    for name in names:
        error = numbers[f"{name}_error"]
        assert abs(numbers[name] - numbers[f"{name}_true"]) < most * error
        assert error < 0.6 * numbers[f"{name}_true"]


def fit_numbers(name, folder, monkeypatch, **smaller):
    """As `numbers_of`, without lines of progress."""
    fit = ju.fit
    monkeypatch.setattr(ju, "fit", lambda *args, **given: fit(*args, **given | {"progress": False}))
    return numbers_of(name, folder, monkeypatch, **smaller)


@pytest.mark.slow
def test_fit_spin_galvanic(tmp_path, monkeypatch):
    phases = np.linspace(-np.pi, np.pi, 4, endpoint=False)
    numbers = fit_numbers("fit_spin_galvanic", tmp_path, monkeypatch, PHASES=phases)
    within_errors(numbers, ("gamma", "Gamma", "conductance"))
    assert numbers["reduced_chi2"] < 3.0


@pytest.mark.slow
@pytest.mark.filterwarnings(COARSE)
def test_fit_tc_field(tmp_path, monkeypatch):
    """The data are those of a formula, so that the parameters also hold the finite elements to it."""
    numbers = fit_numbers("fit_tc_field", tmp_path, monkeypatch)
    within_errors(numbers, ("D", "h"))
    assert numbers["reduced_chi2"] < 3.0


@pytest.mark.slow
def test_design_diode(tmp_path, monkeypatch):
    """The efficiency of a plain solve at the end is the one that was said, and larger than at the start."""
    phases = np.linspace(-np.pi, np.pi, 6, endpoint=False)
    numbers = fit_numbers(
        "design_diode", tmp_path, monkeypatch, PHASES=phases, FINE_PHASES=phases, FREQUENCIES=3, STEPS=3
    )
    assert numbers["efficiency_designed"] > 1.3 * numbers["efficiency_start"] > 0
    assert numbers["efficiency_designed_finer"] == pytest.approx(numbers["efficiency_designed"], rel=0.25)
    plus, minus = numbers["critical_current_plus"], numbers["critical_current_minus"]
    assert numbers["efficiency_designed_finer"] == pytest.approx((plus - minus) / (plus + minus), rel=1e-6)


def test_ns_conductance(tmp_path, monkeypatch):
    """The published reentrance; thermal means lie between its values, and it vanishes at low temperature."""
    energies = np.concatenate([np.arange(0.25, 10.0, 0.75), np.arange(10.0, 40.5, 3.0)])
    energies = np.union1d(energies, [1.0, 2.0, 5.0, 12.0])
    numbers = numbers_of("ns_conductance", tmp_path, monkeypatch, ENERGIES=energies)
    for energy, ratio in ((1, 1.017), (2, 1.064), (5, 1.1729), (12, 1.129)):
        assert numbers[f"g_{energy}"] == pytest.approx(ratio, rel=1e-3)
    assert numbers["g_max"] == pytest.approx(1.173, rel=1e-3)
    assert 4.5 < numbers["E_max"] < 6
    assert 1 < numbers["G_zero_voltage_T0.3"] < numbers["G_zero_voltage_T1"] < numbers["G_zero_voltage_T3"] < 1.173


@pytest.mark.slow
def test_spin_injection(tmp_path, monkeypatch):
    """Spin decays over sqrt(D/Gamma) in both states; the spin of energy in a split superconductor does not."""
    numbers = numbers_of("spin_injection", tmp_path, monkeypatch, STEP=0.3)
    assert numbers["S_normal"] == pytest.approx(numbers["S_normal_exact"], rel=0.02)
    assert numbers["decay_length_normal"] == pytest.approx(1.0, rel=0.01)
    assert numbers["decay_length_superconductor"] == pytest.approx(1.0, rel=0.01)
    assert numbers["decay_length_split"] > 5


def test_spin_splitter(tmp_path, monkeypatch):
    """The closed form of the conductivity and of the spin at the edge."""
    widths, P, length = (0.75, 1.5), 0.3, 0.5
    numbers = numbers_of("spin_splitter", tmp_path, monkeypatch, WIDTHS=widths, SIZE=0.2)
    for w in widths:
        edge = np.tanh(w / (2 * length))
        assert numbers[f"conductivity_w{w:g}"] == pytest.approx(1 - P**2 * (2 * length / w) * edge, abs=2e-3)
        assert numbers[f"S_edge_w{w:g}"] == pytest.approx(P * length * edge, rel=0.03)


@pytest.mark.filterwarnings("ignore::jusadel.CoarseEnergiesWarning")
def test_thermoelectric(tmp_path, monkeypatch):
    """The closed form, in proportion to P; nothing flows without a difference of temperatures."""
    given = {"POLARISATIONS": (0.8,), "HOT": (0.15, 0.4), "ENERGIES": np.linspace(0.01, 3.4, 200)}
    numbers = numbers_of("thermoelectric", tmp_path, monkeypatch, **given)
    example = load("thermoelectric")
    expected = example.closed(0.8, 0.4) / (example.SIDE * example.BARRIER)
    assert expected < -0.05
    assert numbers["I_P0.8_T0.4"] == pytest.approx(expected, rel=0.05)
    assert abs(numbers["I_P0.8_T0.15"]) < 1e-12


@pytest.mark.filterwarnings("ignore::jusadel.CoarseMeshWarning")
def test_weak_antilocalisation(tmp_path, monkeypatch):
    """The narrow wire's law, antilocalisation by the gate, and a ring that oscillates in the opposite sense."""
    given = {"GATES": (0.0, 1.5), "FIELDS": np.array([0.0, 1.5]), "IN_RING": np.array([0.0, 0.35, 0.69]), "SIZE": 0.25}
    numbers = numbers_of("weak_antilocalisation", tmp_path, monkeypatch, **given)
    assert numbers["wire_0"] == pytest.approx(numbers["closed_conserved"], rel=0.02)
    assert numbers["closed_relaxed"] < numbers["wire_1.5"] < 0
    assert numbers["ring_0"] > 0.03
    assert numbers["ring_lowest_1.5"] < -0.02


@pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
def test_paraconductivity(tmp_path, monkeypatch):
    """The integral over momenta in the film, the law of wires to the order of eps, and a transition that lies lower."""
    given = {"EPS": np.array([0.03]), "EDGES": 18, "FINE": 0.3, "MODES": {"film": 120, "wire": 60, "constriction": 30}}
    numbers = numbers_of("paraconductivity", tmp_path, monkeypatch, **given)
    assert numbers["film_over_all_momenta"] == pytest.approx(1, abs=0.15)
    assert numbers["wire_over_law"] == pytest.approx(1, abs=0.12)
    assert numbers["lambda_constriction"] > numbers["eps"] + 0.05
    assert numbers["constriction"] > 0.5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
@pytest.mark.filterwarnings("ignore::jusadel.UnstableStateWarning")
def test_film_in_field(tmp_path, monkeypatch):
    """Screened in the middle; the first vortex lies between one and four flux quanta through the disk."""
    numbers = numbers_of("film_in_field", tmp_path, monkeypatch)
    assert 0.8 < numbers["screened_to"] < 1
    quantum = 2.0678e-15 / (np.pi * 350e-9**2) * 1e3
    assert quantum < numbers["first_vortex_mT"] < 4 * quantum


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
def test_design_ldos(tmp_path, monkeypatch):
    """A few steps on a coarser mesh: brighter on the ring than elsewhere, on the finer mesh too; the start is even."""
    mesh = ju.rectangle(8.0, 8.0, 8.0, x=np.linspace(0, 8, 9), y=np.linspace(0, 8, 9))
    numbers = fit_numbers("design_ldos", tmp_path, monkeypatch, MESH=mesh, START={"h": np.full((9, 9), 0.7)}, STEPS=6)
    assert numbers["ring_start_finer"] == pytest.approx(numbers["elsewhere_start_finer"], rel=1e-6)
    uniform = ((0.1 - 0.7j) / np.sqrt(1 + (0.1 - 0.7j) ** 2)).real  # of a superconductor split by h = 0.7, at eta = 0.1
    assert numbers["ring_start_finer"] == pytest.approx(uniform, rel=1e-6)
    assert numbers["loss_designed"] < 0.7 * numbers["loss_start"]
    assert numbers["loss_designed_finer"] < 0.8 * numbers["loss_start_finer"]
    assert numbers["ring_designed_finer"] > 1.5 * numbers["elsewhere_designed_finer"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
def test_nanosquid(tmp_path, monkeypatch):
    """Mostly kinetic; an area between hole and outline; inductance makes the pattern shallow, as its parameter says."""
    given = {"SIZE": 110.0, "PHASES": np.linspace(0, 2 * np.pi, 8, endpoint=False)}
    numbers = numbers_of("nanosquid", tmp_path, monkeypatch, **given)
    assert numbers["kinetic_pH"] > 5 * numbers["geometric_pH"] > 0
    assert 0.4**2 < numbers["effective_area_um2"] < 0.7**2
    assert numbers["period_mT"] * numbers["effective_area_um2"] == pytest.approx(2.0678, rel=1e-4)
    total = numbers["kinetic_pH"] + numbers["geometric_pH"]
    assert numbers["screening_parameter"] == pytest.approx(total * numbers["Ic_uA"] / 2067.83, rel=1e-4)
    assert numbers["depth"] < numbers["depth_without_inductance"] - 0.1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
def test_kinetic_inductance(tmp_path, monkeypatch):
    """That of a film at zero field, closed; a field raises it; a junction's changes sign with the phase."""
    given = {"ALPHAS": np.array([0.0, 0.5]), "PHASES": np.array([0.0, 1.0, 3.0])}
    numbers = numbers_of("kinetic_inductance", tmp_path, monkeypatch, **given)
    assert numbers["Q_film"] == pytest.approx(numbers["Q_closed"], rel=1e-3)
    assert numbers["L_ratio_at_field"] > 1.5
    assert numbers["quality"] > 0
    assert numbers["Q_junction"] > 0 > numbers["Q_at_last_phase"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
def test_microwave_sns(tmp_path, monkeypatch):
    """Below twice the minigap (3.12 E_Th in a long wire) nothing is absorbed; the phase closes it."""
    given = {"PHASES": np.array([0.0, 1.0, 2.0, 2.7]), "OMEGAS": np.array([2.0, 4.0, 11.0])}
    numbers = numbers_of("microwave_sns", tmp_path, monkeypatch, **given)
    assert 2.5 < numbers["minigap"] < 3.12
    assert numbers["minigap_last"] < 0.4 * numbers["minigap"]
    assert numbers["absorbed_below"] < 0.1 * numbers["absorbed_above"]
    assert numbers["absorbed_last_phase"] > 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning")
def test_posterior(tmp_path, monkeypatch):
    """The weight of the island that a fit misses, against a sum over a grid of each; the truth lies in that island."""
    pytest.importorskip("blackjax")
    numbers = numbers_of("posterior", tmp_path, monkeypatch)
    example = load("posterior")
    L = ju.log_likelihood(example.model, *example.measured()[:1], example.STARTS[0], example.measured()[1])
    weights = []
    for island in ("0", "pi"):
        axes = [
            numbers[f"{name}_{island}_mean"] + np.linspace(-4, 4, 17) * numbers[f"{name}_{island}_spread"]
            for name in example.HIGHEST
        ]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
        points = points[(points > 0.01).all(axis=1) & (points < [16.0, 8.0]).all(axis=1)]
        density = np.exp(np.asarray(jax.lax.map(lambda x: L(example.named(x)), jnp.asarray(points))))
        weights.append(density.sum() * np.prod([axis[1] - axis[0] for axis in axes]))
    assert numbers["pi_fraction"] == pytest.approx(weights[1] / sum(weights), abs=0.06)
    assert 0.1 < numbers["pi_fraction"] < 0.97
    assert numbers["moves"] > 0.1
    for name, true in example.TRUTH.items():
        assert abs(true - numbers[f"{name}_pi_mean"]) < 3 * numbers[f"{name}_pi_spread"]
        assert abs(true - numbers[f"{name}_0_fit"]) > 10 * numbers[f"{name}_0_error"]
