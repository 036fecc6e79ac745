"""The pages of classic experiments: each script runs as shown, and its numbers are those that were published."""

import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.constants import e, electron_mass, hbar, k, physical_constants
from scipy.integrate import solve_bvp
from scipy.optimize import brentq
from scipy.special import digamma

MEV, MU_B = 1.602176634e-22, physical_constants["Bohr magneton"][0]
QUANTUM = 2.067833848e-15
FOLDER = Path(__file__).parents[1] / "docs" / "experiments"
QUICK = {"zero_pi", "squipt", "hanle", "spin_hall", "domain_wall"}
"""The others take a quarter of a minute and more; what they show of the package has tests elsewhere."""


def sns(found):
    """Zaikin and Zharkov at 1.4 K; below 10.82 E_Th at low temperatures."""
    assert found["e_R_N_Ic_meV_at_1.4K"] == pytest.approx(found["published_meV_at_1.4K"], rel=0.03)
    assert 9.3 < found["e_R_N_Ic_over_E_Th"] < 10.82


def sf_bilayer(found):
    """The one-dimensional equations of Fominov et al."""
    measured = {float(name[3:-2]): T for name, T in found.items()}
    assert min(measured, key=measured.get) == 5.0
    for d in (1.0, 5.0, 10.0):
        assert measured[d] == pytest.approx(bilayer(d), rel=0.01)


def bilayer(d_F, d_S=11.0, n=40, modes=150):
    """Tc in kelvin: S on a grid, the ferromagnet and the barrier in the boundary condition xi_S F' = W F."""
    Tc, h, gamma_B, xi_S, xi_F, dx = 7.0, 130.0, 0.3, 8.9, 7.6, d_S / n
    gamma = 7.5 * xi_S / (60.0 * xi_F)
    laplacian = (np.diag(np.full(n, -2.0)) + np.eye(n, k=1) + np.eye(n, k=-1)) / dx**2
    laplacian[0, 0] = laplacian[-1, -1] = -1 / dx**2

    def lowest(T):
        kernel = np.log(T / Tc) * np.eye(n)
        for w in np.pi * T * (2 * np.arange(modes) + 1):
            decay = np.sqrt((w + 1j * h) / (np.pi * Tc))
            B = gamma_B + 1 / (decay * np.tanh(decay * d_F / xi_F))
            triplet = np.sqrt(w / (np.pi * Tc))
            A = triplet * np.tanh(triplet * d_S / xi_S)
            W = gamma * (A * B.real + gamma) / (A * abs(B) ** 2 + gamma * B.real)
            operator = w * np.eye(n) - np.pi * Tc * xi_S**2 * laplacian
            operator[0, 0] += np.pi * Tc * xi_S * W / (1 + W * dx / 2 / xi_S) / dx
            kernel += 2 * np.pi * T * (np.eye(n) / w - np.linalg.inv(operator))
        return np.linalg.eigvals(kernel).real.min()

    return brentq(lowest, 1.0, 6.99, xtol=1e-4)


def spin_valve(found):
    """Rising with the angle (Fominov et al. 2003); parallel, the bilayer of half the niobium."""
    rising = [found[f"Tc_{angle}deg"] for angle in (0, 30, 60, 90, 120, 150, 180)]
    assert (np.diff(rising) > 0).all()
    assert rising[0] == pytest.approx(bilayer(3.0), rel=0.01)


def zero_pi(found):
    """Zeros of the linear current, Re Sum f^2 q/sinh(q d), and of Buzdin's limit of a large exchange field."""
    h, xi = 73.2, found["xi_F_nm"]
    w = np.pi * 9.0 * k / MEV * (2 * np.arange(400) + 1)
    q = np.sqrt(2 * (w + 1j * h) / h) / xi
    current = lambda d: np.sum(q / np.sinh(q * d) / (w**2 + 0.1**2)).real  # noqa: E731
    for name, y in (("first", 2.347), ("second", 5.498)):
        measured = found[f"{name}_transition_nm"]
        assert measured == pytest.approx(brentq(current, 0.9 * y * xi, 1.1 * y * xi), rel=0.015)
        assert measured == pytest.approx(y * xi, rel=0.04)


def squipt(found):
    """Delta |cos(pi flux)|."""
    for name, gap in found.items():
        assert gap == pytest.approx(200 * np.cos(np.pi * float(name.split("_")[-1])), rel=0.02)


def two_fluxes(found):
    """A gap without fluxes; in the middle a normal metal where the three amplitudes cancel."""
    assert found["lowest_0.00_0.00"] < 0.02 < 2 < found["largest_0.00_0.00"]
    assert found["lowest_0.33_0.67"] == pytest.approx(1.0, abs=1e-3)
    assert found["largest_0.33_0.67"] == pytest.approx(1.0, abs=1e-3)


def little_parks(found):
    """Pair breaking by the flow round a thin ring, to three per cent of the depth of the oscillation."""
    R, width, D, T0 = 300e-9, 40e-9, 60e-4, 1.3
    assert found.pop("flux_quantum_mT") == pytest.approx(1e3 * QUANTUM / (np.pi * R**2), rel=1e-4)
    for name, T in found.items():
        flux = float(name.split("_")[-1])
        B = flux * QUANTUM / (np.pi * R**2)
        q2 = ((round(flux - 1e-9) - flux) / R) ** 2 + (np.pi * width * B / QUANTUM) ** 2 / 3
        breaking = hbar * D * q2 / (4 * np.pi * k)
        balance = lambda x, b=breaking: np.log(x / T0) - digamma(0.5) + digamma(0.5 + b / x)  # noqa: E731
        assert pytest.approx(1e3 * brentq(balance, 0.5, 1.3001), abs=0.03 * 51) == T


def hanle(found):
    """Johnson and Silsbee; Jedema et al."""
    P, length, area, D = 0.1, 650e-9, 200e-9 * 50e-9, 43e-4

    def resistance(mT):
        decay = np.sqrt(1 / length**2 - 2j * MU_B * 1e-3 * mT / hbar / D)
        return 1e3 * (P**2 * 6e-8 / (2 * area) * np.exp(-decay * 1e-6) / decay).real

    assert found["signal_mOhm"] == pytest.approx(resistance(0), rel=0.01)
    assert found["signal_mOhm_100mT"] == pytest.approx(resistance(100), abs=0.01 * resistance(0))
    half = brentq(lambda B: resistance(B) - resistance(0) / 2, 1, 100)
    assert found["half_width_mT"] == pytest.approx(half, rel=0.01)


def spin_hall(found):
    """theta E lambda tanh(W/2 lambda) at the edge of platinum; lambda_E E everywhere in the Rashba layer."""
    edge = 0.051 * 10.0 * 3.4 * np.tanh(20 / 6.8)  # uV, of 10 uV/nm
    assert found["spin_Hall_edge_uV"] == pytest.approx(edge, rel=0.02)
    assert abs(found["spin_Hall_centre_uV"]) < 0.03 * edge
    assert found["Edelstein_edge_uV"] == pytest.approx(-0.3 * 10.0, rel=1e-3)
    assert found["Edelstein_centre_uV"] == pytest.approx(-0.3 * 10.0, rel=1e-3)


def vortex(found):
    """No gap in the centre, nearly all of it around; a spin that is radial in a C4v film."""
    assert found["gap_meV_centre"] < 0.02 * found["bulk_gap_meV"]
    assert 0.9 < found["gap_meV_largest"] / found["bulk_gap_meV"] < 1
    assert found["radial_spin_per_nm3"] > 100 * found["azimuthal_spin_per_nm3"] > 0


def phi0(found):
    """Linear in the field, as Bergeret and Tokatly have it."""
    assert abs(found["phi0_0mT"]) < 1e-6
    assert found["phi0_600mT"] == pytest.approx(2 * found["phi0_300mT"], rel=0.05)
    assert abs(found["phi0_600mT"]) > 1e-3


def spin_hall_junction(found):
    """Odd in the magnetisation; none for one along the edge or where a mirror forbids it; linear in a small one."""
    one = found["uA_16meVnm"]
    assert abs(one) > 1
    assert found["uA_16meVnm_opposite"] == pytest.approx(-one, rel=1e-5)
    assert abs(found["uA_16meVnm_along_edge"]) < 1e-5 * abs(one)
    assert abs(found["uA_16meVnm_parallel"]) < 2e-3 * abs(one)
    assert found["uA_16meVnm_antiparallel"] == pytest.approx(2 * one, rel=0.1)
    assert found["uA_4meVnm"] == pytest.approx(2 * found["uA_2meVnm"], rel=0.02)


def rashba_square(found):
    """Nothing leaves; the helical state inside, linear in the field, with what the current left there takes of it."""
    mass, alpha, tau, D, T = 0.026 * electron_mass, 0.28e-10 * e, 150e-15, 100e-4, 0.4 * k
    a, theta, h = mass * alpha / hbar**2, 2 * mass * alpha**2 * tau / hbar**3, 10 * MU_B * 0.15 / 2
    gap = found["gap_meV"] * 1e-3 * e
    E = np.hypot(np.pi * T * (2 * np.arange(100_000) + 1), gap)
    spin = h * np.pi * T * np.sum(2 * gap**2 / E**2 / (E + 2 * hbar * D * a**2))
    stiffness = np.pi * gap * np.tanh(gap / 2 / T)
    rest = found["centre_uA_per_um"] * 2 * e * 5.0 / stiffness  # uA/um at 5 Ohm a square; 1/um
    assert found["phase_per_um"] == pytest.approx(-4e-6 * a * theta * spin / stiffness + 1e-6 * rest, rel=0.05)
    assert found["largest_uA_per_um"] > 0.2 * abs(found["edge_uA_per_um"]) > 5 * abs(found["centre_uA_per_um"])
    assert abs(found["total_uA"]) < 1e-5
    assert found["uneven"] < 1e-5


def domain_wall(found):
    """A slow spiral's spin current, one spin alone, and far away the densities of two spins, Delta -+ h."""
    gap, T, D, q, h = found["gap_meV"], 1e3 * 0.15 * k / e, 1e3 * hbar / e * 20e-4 * 1e18, 1 / 200, 0.01
    E = np.hypot(np.pi * T * (2 * np.arange(100_000) + 1), gap)
    law = 2 * h**2 * q * np.pi * T * np.sum(2 * gap**2 / (E * (E + D * q**2 / 2)) ** 2)
    assert found["slow_meV_per_nm"] == pytest.approx(law, rel=0.03)
    assert found["other_spins"] < 1e-6 * found["spin_current_meV_per_nm"]
    spins = 0.2 + 0.004j + 0.07 * np.array([1, -1])
    far = np.mean((spins / np.sqrt(spins**2 - found["far_gap_meV"] ** 2)).real * np.sign(spins.real))
    assert found["N_far"] == pytest.approx(far, rel=0.02)
    assert found["N_wall"] > 1.3 * far


def giant_vortices(found):
    """A quarter of a turn multiplies the pairs by i^n: n modulo 4 quanta in the centre, from -1 to 2, and n in all."""
    for n, centre in ((1, 1), (2, 2), (3, -1), (4, 0)):
        assert (found[f"turns_near_{n}"], found[f"turns_far_{n}"]) == pytest.approx((centre, n), abs=1e-3)
        assert (found[f"centre_{n}"] < 1e-6) == (n < 4)


def andreev_interferometer(found):
    """Odd in the phase only with a field, linearly; even in both together; without them three one-dimensional wires."""
    assert abs(found["odd_0meV"]) < 1e-6
    assert abs(found["odd_0.03meV"]) > 5e-3
    assert found["odd_0.03meV"] == pytest.approx(2 * found["odd_0.015meV"], rel=0.05)
    assert found["G_reversed"] == pytest.approx(found["G_0.03meV"], abs=1e-6)
    assert abs(found["missing"]) < 1e-10
    assert found["G_without"] - 1 == pytest.approx(three_wires() - 1, rel=0.05)


def three_wires():
    """Conductance at 0.04 meV, over the normal state's, of a wire on two arms to superconductors, 165 nm long each."""
    rate = 2 * 0.04e-3 * e * 165e-9**2 / (hbar * 100e-4)
    behind = np.pi / 2 + 1j * np.arctanh(0.04 / 0.2)
    slope = lambda x, y: np.array([y[1], -1j * rate * np.sin(y[0]), y[3], -1j * rate * np.sin(y[2])])  # noqa: E731
    ends = lambda a, b: np.array([b[0], b[2] - behind, a[0] - a[2], a[1] + 2 * a[3]])  # noqa: E731
    x = np.linspace(0, 1, 101)
    start = np.array([0.5 - x / 2, -0.5 + 0 * x, 0.5 + x, 1 + 0 * x], complex)
    wire, _, arm, _ = solve_bvp(slope, ends, x, start, tol=1e-8).sol(x)
    resistance = [np.trapezoid(1 / np.cosh(theta.imag) ** 2, x) for theta in (wire, arm)]
    return 1.5 / (resistance[0] + resistance[1] / 2)


def josephson_diode(found):
    """Odd in the field, larger in the cold and towards the 0-pi transition, where it changes its sign."""
    assert found["eta_opposite"] == pytest.approx(-found["eta_0.3meV"], rel=1e-3)
    for meV in (0.3, 0.5):
        assert found[f"eta_{meV}meV"] / found[f"eta_{meV}meV_warm"] > 1.5
    assert (np.diff([abs(found[f"eta_{meV}meV"]) for meV in (0.1, 0.3, 0.4, 0.5)]) > 0).all()
    assert 0.55 < brentq(critical_current_of_pairs, 0.3, 0.8) < 0.6
    assert 350 < brentq(lambda nm: critical_current_of_pairs(0.4, nm), 200, 500) < 400
    assert found["eta_0.55meV"] < 0 < found["eta_0.6meV"]
    assert found["eta_350nm"] < 0 < found["eta_400nm"]


def critical_current_of_pairs(meV, nm=300.0):
    """At 0.3 K, to lowest order in the amplitude of singlets and triplets, up to a factor."""
    D, T, total = 1e3 * hbar / e * 100e-4 * 1e18, 1e3 * 0.3 * k / e, 0.0
    for w in np.pi * T * (2 * np.arange(60) + 1):
        squares, modes = np.linalg.eig(np.array([[2 * w, 2j * meV], [2j * meV, 2 * w + D / 150**2]]) / D)
        q = np.sqrt(squares)
        total += ((modes * (q / np.sinh(q * nm))) @ np.linalg.inv(modes))[0, 0].real / (w**2 + 0.2**2)
    return total


def long_range_spin(found):
    """Over 150 nm without a splitting; with it linearly to the cold end, where the injected are gone."""
    assert found["odd_0meV_500nm"] / found["odd_0meV_250nm"] == pytest.approx(np.exp(-250 / 150), rel=0.02)
    assert abs(found["even_0meV_500nm"]) < 1e-9 * found["odd_0meV_500nm"]
    for part in ("odd", "even"):
        far, farther = found[f"{part}_0.05meV_750nm"], found[f"{part}_0.05meV_1250nm"]
        assert farther / far == pytest.approx(250 / 750, rel=0.005)
    assert found["odd_0.05meV_1250nm"] > 100 * found["odd_0meV_1250nm"]


def moving_vortices(found):
    """Mirrored with the phase, moved by phase over field alone; and the currents of linear equations."""
    assert found["nm_100mT_0.0rad_0"] == pytest.approx(300, abs=1)
    assert found["nm_100mT_0.01rad_0"] == pytest.approx(600 - found["nm_100mT_minus_0.01rad_0"], abs=1)
    by_phase, by_field = currents_behind_barriers()
    for angle in (0, 20, 40, 60):
        assert found[f"nm_50mT_0.005rad_{angle}"] == pytest.approx(found[f"nm_100mT_0.01rad_{angle}"], abs=1)
        for phase in ("minus_0.01", "0.0", "0.01"):
            law = by_phase * float(phase.replace("minus_", "-")) + by_field * np.sin(np.deg2rad(angle))
            assert found[f"nA_100mT_{phase}rad_{angle}"] == pytest.approx(law, abs=0.03 * by_phase * 0.01)


def currents_behind_barriers():
    """nA: to lowest order in the pairs behind both barriers, for one radian, and for 100 mT across the current."""
    mass, alpha, D, T, gap, L, barrier = 0.026 * electron_mass, 0.28e-10 * e, 100e-4, 0.3 * k, 0.2e-3 * e, 300e-9, 2e-6
    a, theta, h = mass * alpha / hbar**2, 2 * mass * alpha**2 * 150e-15 / hbar**3, 10 * MU_B * 0.1 / 2
    x, by_phase, by_field = np.linspace(-L / 2, L / 2, 2001), 0.0, 0.0
    for w in np.pi * T * (2 * np.arange(60) + 1):
        G, F, q = w / np.hypot(w, gap), gap / np.hypot(w, gap), np.sqrt(2 * w / (hbar * D))
        p, C, S = np.hypot(q, 2 * a), np.cosh(q * L / 2), np.sinh(q * L / 2)  # p: of triplets along the field
        even = G * C + barrier * q * S
        singlet, forced = F / even * np.cosh(q * x), 2 * h / (hbar * D) / (4 * a**2) * F / even
        own = forced * even / (G * np.cosh(p * L / 2) + barrier * p * np.sinh(p * L / 2))
        across = 2 * a * theta * np.trapezoid((forced * np.cosh(q * x) - own * np.cosh(p * x)) / singlet, x)
        resistance = np.trapezoid(singlet**-2, x) + 2 * barrier / (F * singlet[-1])
        by_phase, by_field = by_phase + 1 / resistance, by_field + across / resistance
    return 1e9 * 2 * np.pi * T / e / 5.0 * 600e-9 * np.array([by_phase, by_field])


CHECKS = [sns, sf_bilayer, spin_valve, zero_pi, squipt, two_fluxes, little_parks, vortex, hanle, spin_hall, phi0]
CHECKS += [spin_hall_junction, rashba_square, domain_wall, giant_vortices, andreev_interferometer, josephson_diode]
CHECKS = {check.__name__: check for check in [*CHECKS, long_range_spin, moving_vortices]}


def test_every_page_is_checked():
    assert {path.stem for path in FOLDER.glob("*.py")} == {path.stem for path in FOLDER.glob("*.md")} == CHECKS.keys()
    for name in CHECKS:
        assert f'--8<-- "docs/experiments/{name}.py"' in (FOLDER / f"{name}.md").read_text()
        assert len((FOLDER / f"{name}.py").read_text().splitlines()) <= 40, name


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow]) for n in CHECKS])
def test_experiment(name, tmp_path, monkeypatch, capsys):
    """No warning: tests make errors of them."""
    monkeypatch.chdir(tmp_path)
    exec(compile((FOLDER / f"{name}.py").read_text(), f"{name}.py", "exec"), {})
    plt.close("all")
    lines = re.findall(r"^(\w[\w.]*) = (-?\d\S*)$", capsys.readouterr().out, re.MULTILINE)
    CHECKS[name]({key: float(x) for key, x in lines})
    assert (tmp_path / f"{name}.png").stat().st_size > 5000
