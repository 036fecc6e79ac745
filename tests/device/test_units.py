"""Laboratory units: textbook numbers in SI, worked out here without the package, against what the code computes."""

import copy
import inspect
import pickle
import re
from pathlib import Path

import jax
import numpy as np
import pytest
from scipy.constants import e, electron_mass, h, hbar, k, mu_0
from scipy.special import psi

import jusadel as ju

pytestmark = [
    pytest.mark.filterwarnings("ignore:the mesh is too coarse:jusadel.CoarseMeshWarning"),
]

MEV = 1e-3 * e
AL = ju.Units(Tc=1.2, D=60.0, resistivity=4.0, thickness=20.0)
"""An aluminium film of 20 nm."""
NOTHING = 1e-100
"""For tensors that are off: their terms stay, so that one compiled program serves all of `diffuse` here."""


def metal(**tensors):
    off = {"Gamma": NOTHING, "theta": 3 * (NOTHING,), "gamma": ju.rashba(NOTHING), "spin_field": ju.rashba(NOTHING)}
    return ju.Material(**(off | tensors))


def line(length, pieces, height=0.05):
    return ju.rectangle(length, height, 1.0, x=np.linspace(0, length, pieces + 1), y=[0.0, height])


# --- the scales -------------------------------------------------------------------------------------


def test_pair_breaking():
    """hbar/tau_sf and D e^2 B^2 d^2/(6 hbar) over k_B Tc, and the Tc of Abrikosov and Gorkov that follows."""
    unit = k * 1.2
    assert 0.75 * AL.magnetic_relaxation(ps=20.0) == pytest.approx(hbar / 20e-12 / unit, rel=1e-12)
    expected = 60e-4 * (e * 0.3 * 20e-9) ** 2 / (6 * hbar) / unit
    assert AL.depairing(mT=300.0, nm=20.0) == pytest.approx(expected, rel=1e-12)
    assert AL.depairing(mT=300.0, nm=20.0, cm2_per_s=30.0) == pytest.approx(expected / 2, rel=1e-12)
    film = ju.Material(
        Tc=1.0, magnetic_Gamma=AL.magnetic_relaxation(ps=20.0), depairing=AL.depairing(mT=300.0, nm=20.0)
    )
    t = ju.film_critical_temperature(film)
    alpha = hbar / 20e-12 / unit + expected
    assert np.log(t) == pytest.approx(psi(0.5) - psi(0.5 + alpha / (2 * np.pi * t)), abs=1e-6)


def test_units_of_energy_length_time_and_field():
    assert AL.energy_unit / k == pytest.approx(1.2)
    assert AL.to_meV(1.0) == pytest.approx(0.10341, rel=1e-4)
    assert AL.to_nm(1.0) == pytest.approx(1e9 * np.sqrt(hbar * 60e-4 / (k * 1.2)))
    assert AL.diffusion() == pytest.approx(1.0)
    assert AL.time(ps=1e12 * hbar / (k * 1.2)) == pytest.approx(1.0)
    assert AL.to_mT(np.pi) == pytest.approx(1e3 * h / (2 * e) / AL.length_unit**2)  # a flux quantum in xi^2
    other = ju.Units(energy_scale=1.0, length_scale=10.0)
    assert (other.energy(meV=2.0), other.length(nm=25.0)) == pytest.approx((2.0, 2.5))
    assert other.temperature(K=11.604518) == pytest.approx(1.0)
    assert other.energy(K=11.604518) == pytest.approx(1.0)
    assert other.diffusion(cm2_per_s=1.0) == pytest.approx(hbar * 1e-4 / (MEV * 1e-16))


def test_every_number_comes_back():
    random = np.random.default_rng(0)
    pairs = {
        "length nm": AL.to_nm,
        "energy meV": AL.to_meV,
        "temperature K": AL.to_kelvin,
        "voltage mV": AL.to_mV,
        "time ps": AL.to_ps,
        "frequency GHz": AL.to_GHz,
        "field mT": AL.to_mT,
        "diffusion cm2_per_s": AL.to_cm2_per_s,
        "current uA": AL.to_uA,
        "conductance ohm_um2": AL.to_ohm_um2,
        "exchange meV": AL.to_meV,
    }
    for pair, back in pairs.items():
        name, unit = pair.split()
        values = random.uniform(0.1, 10.0, size=(3, 2))
        np.testing.assert_allclose(back(getattr(AL, name)(**{unit: values})), values, rtol=1e-13)
        assert back(getattr(AL, name)(**{unit: 2})) == pytest.approx(2.0)


def test_names_of_the_field():
    """In SI: E_Th of a micrometre, gamma_B = r/(rho xi), R_square L/W, e R_N Ic, h/2e."""
    D, rho, xi = 60e-4, 4e-8, 50e-9
    assert AL.to_meV(AL.thouless_energy(nm=1000.0)) == pytest.approx(hbar * D / 1e-12 / MEV)
    half = AL.thouless_energy(nm=1000.0, cm2_per_s=30.0)
    assert half == pytest.approx(AL.thouless_energy(nm=1000.0) / 2)
    G_B = AL.barrier(gamma_B=0.3, nm=50.0)
    assert AL.to_ohm_um2(G_B) == pytest.approx(0.3 * rho * xi * 1e12)
    assert AL.to_gamma_B(conductance=G_B, nm=50.0) == pytest.approx(0.3)
    R_N = AL.normal_resistance(length_nm=500.0, width_nm=100.0)
    assert AL.to_mOhm(R_N) == pytest.approx(1e3 * rho / 20e-9 * 5)
    assert AL.to_mS(1 / R_N) == pytest.approx(1e3 / (rho / 20e-9 * 5))
    np.testing.assert_allclose(AL.to_mS(np.array([1, 2j]) / R_N), 1e3 / (rho / 20e-9 * 5) * np.array([1, 2j]))
    with pytest.raises(ValueError, match="expected finite numbers"):
        AL.to_mS(complex(1.0, np.nan))
    assert AL.to_Ic_R_N(AL.current(uA=3.0), R_N) == pytest.approx(3e-6 * 10.0 / 1e-3)
    assert AL.to_mT_um2(AL.flux_quantum) == pytest.approx(2.06783, rel=1e-5)
    assert AL.flux(mT_um2=2.067833848) == pytest.approx(AL.flux(quanta=1.0))
    assert AL.to_flux_quanta(AL.field(mT=10.0) * AL.length(nm=1000.0) ** 2) == pytest.approx(1e-14 / (h / (2 * e)))


def test_two_of_diffusion_states_and_resistivity_give_the_third():
    nu = 1 / (2 * e**2 * 4e-8 * 60e-4) * e * 1e-27
    for given in ({"nu": nu, "resistivity": 4.0}, {"nu": nu, "sheet_resistance": 2.0}, {"nu": nu, "D": 60.0}):
        u = ju.Units(Tc=1.2, thickness=20.0, **given)
        assert u.length_unit == pytest.approx(AL.length_unit)
        assert u.current_unit == pytest.approx(AL.current_unit)
        assert u.permeability == pytest.approx(AL.permeability)
    thin = ju.Units(Tc=1.2, mean_free_path=20.0, fermi_velocity=0.9e6, sheet_resistance=2.0)  # D = 60 cm^2/s
    assert thin.current_unit == pytest.approx(AL.current_unit)
    assert thin.diffusion(cm2_per_s=60.0) == pytest.approx(1.0)
    assert AL.relative_nu(per_eV_nm3=3 * nu) == pytest.approx(3.0)
    assert AL.relative_nu(resistivity=4.0, thickness_nm=60.0) == pytest.approx(3.0)
    assert AL.relative_nu(resistivity=2.0, cm2_per_s=40.0) == pytest.approx(3.0)
    assert AL.conductance(ohm_um=50.0) == pytest.approx(AL.conductance(ohm_um2=1.0))


def test_a_barrier_in_cross_section_needs_no_thickness():
    """In SI: a metal of rho conducts 2 there, so that G_B xi/2 is rho xi/r."""
    stack = ju.Units(Tc=1.2, D=60.0, resistivity=4.0)
    G_B = stack.conductance(ohm_um2=0.3)
    assert pytest.approx(2 * 4e-8 * AL.length_unit / 0.3e-12) == G_B
    assert stack.to_ohm_um2(G_B) == pytest.approx(0.3)
    assert AL.conductance(ohm_um2=0.3) == pytest.approx(G_B)


def test_arrays_and_derivatives_pass():
    np.testing.assert_allclose(AL.temperature(K=[0.6, 1.2]), [0.5, 1.0])
    slope = jax.grad(lambda T: AL.to_meV(AL.temperature(K=T)) ** 2)(1.2)
    assert slope == pytest.approx(2 * 1.2 * (k / MEV) ** 2)
    assert isinstance(AL.energy(meV=1.0), float)


# --- superconductors ----------------------------------------------------------------------------------


def test_gap_of_aluminium():
    gap = AL.to_meV(ju.bulk_gap(AL.temperature(K=0.01), AL.temperature(K=1.2)))
    assert gap == pytest.approx(0.1824, abs=1e-4)


@pytest.fixture(scope="module")
def disk():
    """A superconducting disk at T = 0.12 K, without vortex, in a field of a fiftieth of h/2e in its area."""
    mesh = ju.disk(AL.length(nm=300.0), 0.6)
    mT = 1e3 * h / (2 * e) / 50 / (float(np.sum(mesh.areas)) * AL.length_unit**2)
    film = ju.Material(D=AL.diffusion(), Tc=AL.temperature(K=1.2))
    device = ju.Device(mesh=mesh, materials=film, vector_potential=ju.uniform_field(AL.field(mT=mT)))
    return ju.solve(device, T=AL.temperature(K=0.12), pair_potential=ju.bulk_gap(0.1))


def test_flux_quantum_is_one_fluxoid(disk):
    assert ju.fluxoid(disk, "rim") == pytest.approx(-1 / 50, rel=1e-10)


def test_penetration_depth(disk):
    """j = -A/(mu0 lambda^2) with 1/lambda^2 = mu0 pi Delta tanh(Delta/2 k_B T)/(hbar rho) (Tinkham)."""
    A = np.asarray(disk.device.vector_potential(np.asarray(disk.mesh.points)[np.asarray(disk.mesh.triangles)].mean(1)))
    j = np.asarray(ju.charge_current(disk))
    stiffness = -AL.permeability * np.sum(A * j) / np.sum(A * A)
    Delta = 1.76388 * k * 1.2
    exact = np.sqrt(hbar * 4e-8 / (mu_0 * np.pi * Delta * np.tanh(Delta / (2 * k * 0.12))))
    assert AL.to_nm(1 / np.sqrt(stiffness)) == pytest.approx(1e9 * exact, rel=2e-3)


def test_condensation_energy(disk):
    """-N0 Delta^2/2 per volume at T = 0, and what the normal state gains at T."""
    volume = float(np.sum(disk.mesh.areas)) * AL.length_unit**2 * 20e-9
    N0 = 1 / (2 * e**2 * 4e-8 * 60e-4)
    exact = N0 * (np.pi**2 / 3 * (k * 0.12) ** 2 - (1.76388 * k * 1.2) ** 2 / 2)
    assert AL.to_eV(float(ju.free_energy(disk))) == pytest.approx(exact * volume / e, rel=2e-3)


def test_upper_critical_field():
    """ln t = psi(1/2) - psi(1/2 + e D B/(2 pi k_B T)); its slope at Tc is -4 k_B/(pi e D).

    In A = (-B y, 0) the nucleus is a Gaussian along y, uniform along x on a short periodic piece.
    """
    u = ju.Units(Tc=9.0, D=3.0)
    slope, B = 4 * k / (np.pi * e * 3e-4), 0.2
    magnetic = u.length(nm=1e9 * np.sqrt(hbar / (2 * e * B)))
    y = np.linspace(0, 10, 61) * magnetic
    mesh = ju.rectangle(0.2, y[-1], 1.0, x=[0.0, 0.1, 0.2], y=y)
    field = ju.uniform_field(u.field(mT=1e3 * B), gauge="x", center=(0.0, y[-1] / 2))
    device = ju.Device(
        mesh=mesh,
        materials=ju.Material(D=u.diffusion(), Tc=u.temperature(K=9.0)),
        boundaries={"right": ju.Periodic("left")},
        vector_potential=field,
    )
    T = u.to_kelvin(float(ju.critical_temperature(device, accuracy=1e-5)))
    lowered = 9.0 - T
    assert lowered == pytest.approx(B / slope, rel=0.03)
    assert lowered == pytest.approx(
        9.0 - 9.0 * np.exp(psi(0.5) - psi(0.5 + e * 3e-4 * B / (2 * np.pi * k * T))), rel=5e-3
    )


def test_entropy_of_the_normal_state():
    """(2 pi^2/3) T nu area is the Sommerfeld entropy gamma T V."""
    area = AL.length(nm=1000.0) ** 2
    number = AL.to_kB(2 * np.pi**2 / 3 * AL.temperature(K=1.0) * area)
    gamma = 2 * np.pi**2 / 3 * k**2 / (2 * e**2 * 4e-8 * 60e-4)
    assert number == pytest.approx(gamma * 1.0 * 1e-6**2 * 20e-9 / k)


def strip_current(u, nm, height_nm, conductance, T, electrodes, inside):
    """Current [uA] of a strip between electrodes with the phase difference pi/2, behind a barrier on the right.

    What is inside has a given pair potential; one that is next to nothing lets one program serve both junctions.
    """
    left, right = ju.Reservoir(electrodes), ju.Tunnel(ju.Reservoir(electrodes, phase=np.pi / 2), conductance)
    film = ju.Material(D=u.diffusion(), Tc=1.0)
    mesh = line(u.length(nm=nm), 60, u.length(nm=height_nm))
    device = ju.Device(mesh=mesh, materials=film, boundaries={"left": left, "right": right})
    sol = ju.solve(device, T=u.temperature(K=T), pair_potential=inside, frequencies=8)
    return u.to_uA(float(ju.current_through(sol, "right")))


def test_long_junction():
    """e R_N I_c = 64 pi/(3 + 2 sqrt2) k_B T sqrt(2 pi k_B T/E_Th) exp(-sqrt(2 pi k_B T/E_Th)), E_Th = hbar D/L^2.

    Zaikin and Zharkov (1981); Dubos et al., PRB 63, 064502 (2001): k_B T > 5 E_Th, a large gap, good contacts.
    """
    u = ju.Units(energy_scale=1.0, D=250.0, length_scale=100.0, resistivity=2.0, thickness=50.0)  # a copper wire
    E_Th, R_N = hbar * 250e-4 / 700e-9**2, 2e-8 * 700 / (200 * 50e-9)
    T = 8 * E_Th / k
    current = strip_current(u, 700.0, 200.0, u.conductance(ohm_um2=1e-7), T, u.energy(meV=1e3 * E_Th / MEV), NOTHING)
    x = np.sqrt(2 * np.pi * k * T / E_Th)
    microvolts = 1e6 * 64 * np.pi / (3 + 2 * np.sqrt(2)) * k * T / e * x * np.exp(-x)
    assert R_N * current == pytest.approx(microvolts, rel=0.03)


def test_tunnel_junction():
    """Ambegaokar and Baratoff: I_c = pi Delta/(2 e R_N) tanh(Delta/2 k_B T), R_N the barrier's."""
    meV, T, r = 0.15, 0.3, 40.0  # and Ohm um^2
    Delta = AL.energy(meV=meV)
    current = strip_current(AL, 20.0, 500.0, AL.conductance(ohm_um2=r), T, Delta, Delta)
    exact = np.pi * meV * 1e3 / (2 * r / (0.5 * 0.02)) * np.tanh(meV * MEV / (2 * k * T))
    assert current == pytest.approx(exact, rel=2e-3)


def test_exchange_fields():
    """h = mu_B B for g = 2."""
    assert AL.to_meV(AL.zeeman(mT=1000.0)) == pytest.approx(0.0578838, rel=1e-6)
    assert AL.zeeman(mT=1000.0, g=4.0) == pytest.approx(AL.exchange(meV=2 * 0.0578838), rel=1e-6)


# --- normal state and spin-orbit coupling ---------------------------------------------------------------


def test_resistance_of_a_strip():
    device = ju.Device(mesh=line(AL.length(nm=400.0), 4, AL.length(nm=100.0)), materials=metal(D=AL.diffusion()))
    contacts = {"left": ju.Contact(voltage=AL.voltage(mV=1.0)), "right": ju.Contact(voltage=0.0)}
    flow = ju.diffuse(device, contacts)
    current = float(ju.current_through(flow, "right"))
    ohm = 4e-8 * 400 / (100 * 20e-9)
    assert AL.to_uA(current) == pytest.approx(1e3 / ohm)
    assert AL.to_ohm(AL.voltage(mV=1.0) / current) == pytest.approx(ohm)
    density = AL.to_uA_per_um(ju.charge_current(flow)[:, 0])
    np.testing.assert_allclose(density, 1e3 / ohm / 0.1)
    assert AL.to_MA_per_cm2(float(ju.charge_current(flow)[0, 0])) == pytest.approx(1e3 / ohm / 0.1 / 0.02 * 1e-4)


@pytest.mark.parametrize("given", [{"nm": 350.0}, {"ps": 1e12 * 350e-9**2 / 60e-4}])
def test_spin_diffusion_length(given):
    """S = cosh((L - x)/l)/cosh(L/l)."""
    material = metal(D=AL.diffusion(), Gamma=AL.spin_relaxation(**given))
    device = ju.Device(mesh=line(AL.length(nm=1500.0), 120), materials=material)
    injected = {"left": ju.Contact(voltage=0.0, spin=(0, 0, AL.voltage(mV=0.01)))}
    flow = ju.diffuse(device, injected)
    x = AL.to_nm(np.asarray(flow.mesh.points)[:, 0])
    exact = 0.01 * np.cosh((1500 - x) / 350) / np.cosh(1500 / 350)
    np.testing.assert_allclose(AL.to_mV(flow.S[:, 2]), exact, atol=1e-5)
    spins = 1 / (e**2 * 4e-8 * 60e-4) * 0.01 * MEV * 1e-27  # 2 N0 S
    assert AL.to_spins_per_nm3(ju.spin_density(flow)[0, 2]) == pytest.approx(spins)


def test_dephasing_and_quantum_of_conductance():
    """1/tau_phi = D/L_phi^2; e^2/h is one over 25812.807 Ohm."""
    time = 350e-9**2 / 60e-4 * 1e12
    assert AL.dephasing(nm=350.0) == pytest.approx(1 / AL.time(ps=time))
    assert AL.dephasing(ps=time) == pytest.approx(AL.dephasing(nm=350.0))
    assert AL.to_uS(1.0) == pytest.approx(1e6 / 25812.80745)


def test_kinetic_inductance_of_a_film():
    """hbar R_sq/(pi Delta tanh(Delta/2T)) per square, and its impedance - i omega L at 10 GHz."""
    Delta, T = 1.76, 0.2
    stiffness = 2 * np.pi * Delta * np.tanh(Delta / (2 * T))  # 2 nu D pi Delta tanh(Delta/2T)
    expected = hbar * 2.0 / (np.pi * Delta * k * 1.2 * np.tanh(Delta / (2 * T)))
    assert AL.to_pH(1 / stiffness) == pytest.approx(1e12 * expected)
    omega = AL.frequency(GHz=10.0)
    assert omega == pytest.approx(h * 1e10 / (k * 1.2))
    assert AL.to_impedance(1j * stiffness / omega) == pytest.approx(-1j * 2 * np.pi * 1e10 * expected)
    with pytest.raises(ValueError, match="expected finite numbers"):
        AL.to_impedance(np.nan + 1j)


def test_spin_hall_effect():
    """In a wide wire the spin current is theta j x z, and its edges hold theta E decay tanh(w/2l): platinum."""
    u = ju.Units(energy_scale=0.01, length_scale=10.0, D=5.0, resistivity=20.0, thickness=10.0)
    decay, width, theta, E = 3.4, 34.0, 0.051, 2.5e-4  # nm, nm, -, mV/nm
    material = metal(D=u.diffusion(), Gamma=u.spin_relaxation(nm=decay), theta=u.spin_hall(angle=theta))
    across = np.linspace(0, u.length(nm=width), 101)
    mesh = ju.rectangle(1.0, across[-1], 10.0, x=[0.0, 1.0], y=across)
    ends = {n: ju.Contact(voltage=u.voltage(mV=mV), spin=None) for n, mV in (("left", 10 * E), ("right", 0.0))}
    flow = ju.diffuse(ju.Device(mesh=mesh, materials=material), ends)
    y = u.to_nm(np.asarray(mesh.points)[:, 1]) - width / 2
    # the current along +x carries spin z down, to -y
    exact = -theta * E * decay * np.sinh(y / decay) / np.cosh(width / 2 / decay)
    np.testing.assert_allclose(u.to_mV(flow.S[:, 2]), exact, atol=4e-3 * theta * E * decay)
    middle = np.argmin(np.abs(np.asarray(mesh.points)[np.asarray(mesh.triangles)].mean(axis=1)[:, 1] - across[-1] / 2))
    j_spin = u.to_uA_per_um(float(ju.spin_current(flow)[middle, 2, 1]))
    assert j_spin == pytest.approx(-theta * E * 1e6 / (20e-8 / 10e-9) * 1e-6 * 1e6, rel=0.03)


def test_spins_turn_as_in_a_spin_transistor():
    """Datta and Das: by 2 m alpha L/hbar^2 on the way L; along +x in alpha (sigma_x k_y - sigma_y k_x), z to -x."""
    u = ju.Units(energy_scale=1.0, length_scale=10.0, D=50.0)
    alpha, mass, length = 0.1, 0.05, 400.0  # eV Angstrom, -, nm
    material = metal(D=u.diffusion(), spin_field=ju.rashba(u.spin_field(eV_angstrom=alpha, mass=mass)))
    device = ju.Device(mesh=line(u.length(nm=length), 160, 0.05), materials=material)
    flow = ju.diffuse(device, {"left": ju.Contact(voltage=0.0, spin=(0, 0, 1))})
    angle = 2 * mass * electron_mass * alpha * 1e-10 * e * length * 1e-9 / hbar**2
    end = flow.S[np.argmax(np.asarray(flow.mesh.points)[:, 0])]
    assert angle > 5
    np.testing.assert_allclose(end, [-np.sin(angle), 0.0, np.cos(angle)], atol=5e-3)
    k0 = mass * electron_mass * alpha * 1e-10 * e / hbar**2 * 1e-9
    assert u.spin_field(per_nm=k0) == pytest.approx(u.spin_field(eV_angstrom=alpha, mass=mass))


def test_edelstein_effect_of_a_rashba_metal():
    """Spin-orbit field of the drift, b_y = -alpha k_x with k_x = -|grad mu| tau/hbar, and the Pauli response S = -b.

    Uniform to the insulating edges: the spin Hall current of the SU(2) field is balanced by precession.
    """
    u = ju.Units(energy_scale=1.0, length_scale=100.0, D=50.0)
    alpha, mass, tau, E = 0.05, 0.05, 100.0, 1e-4  # eV Angstrom, -, fs, mV/nm
    material = metal(D=u.diffusion(), **u.rashba(eV_angstrom=alpha, mass=mass, scattering_fs=tau))
    device = ju.Device(mesh=ju.rectangle(2.0, 2.0, 0.25), materials=material)
    voltages = {"left": 0.0, "right": u.voltage(mV=E * u.to_nm(2.0))}
    flow = ju.diffuse(device, {name: ju.Contact(voltage=V, spin=None) for name, V in voltages.items()})
    exact = -alpha * 1e-10 * e * tau * 1e-15 * (E * MEV / 1e-9) / hbar / MEV  # meV
    np.testing.assert_allclose(u.to_mV(flow.S), np.tile([0.0, exact, 0.0], (len(flow.S), 1)), atol=5e-3 * abs(exact))


def test_edelstein_length():
    """A layer in which spins decay at Gamma turns E into S = lambda E, and Gamma S into the current lambda Gamma S."""
    u = ju.Units(energy_scale=1.0, length_scale=10.0, D=5.0, resistivity=20.0, thickness=10.0)
    Gamma = u.spin_relaxation(ps=0.5)
    gamma = ju.rashba(u.spin_galvanic(edelstein_nm=0.3, Gamma=Gamma))
    device = ju.Device(mesh=ju.rectangle(2.0, 1.0, 0.5), materials=metal(D=u.diffusion(), Gamma=Gamma, gamma=gamma))
    voltages = {"left": 0.0, "right": u.voltage(mV=2e-3)}  # over 20 nm
    flow = ju.diffuse(device, {name: ju.Contact(voltage=V, spin=None) for name, V in voltages.items()})
    np.testing.assert_allclose(u.to_mV(flow.S[:, 1]), 0.3 * 1e-4, rtol=1e-9)
    ohmic = -1e-4 * 1e6 / 20.0  # E over the sheet resistance, uA/um; the whole current is that and gamma S
    galvanic = u.to_uA_per_um(float(ju.charge_current(flow)[0, 0])) - ohmic
    per_area = 0.3e-4 * 1e-3 / (20e-8 * 5e-4) / 0.5e-12  # Gamma S 2 e N0 = Gamma S/(e rho D) [A/m^3]
    assert galvanic == pytest.approx(-0.3e-9 * per_area * 10e-9, rel=1e-6)


# --- refusals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"D": 5.0}, "without a unit of energy; expected Tc"),
        ({"Tc": 1.2}, "without a unit of length; expected D"),
        ({"Tc": 1.2, "energy_scale": 1.0, "D": 5.0}, "Tc = 1.2, energy_scale = 1: one of them"),
        ({"Tc": -1.2, "D": 5.0}, r"Tc = -1.2; expected None or a finite number > 0 \[K\]"),
        ({"Tc": 1.2, "D": "5"}, r"D = '5'; expected None or a finite number > 0 \[cm\^2/s\]"),
        ({"Tc": 1.2, "mean_free_path": 5.0}, "mean_free_path = 5; expected both"),
        ({"Tc": 1.2, "D": 5.0, "mean_free_path": 5.0, "fermi_velocity": 1e6}, "D = 5, mean_free_path = 5"),
        ({"Tc": 1.2, "D": 60.0, "nu": 17.2, "resistivity": 4.0}, r"rho = 3\.02\d micro-Ohm cm from the other two"),
        (
            {"Tc": 1.2, "D": 60.0, "resistivity": 4.0, "sheet_resistance": 2.0, "thickness": 20.0},
            "resistivity = sheet_resistance x thickness; leave one out",
        ),
    ],
)
def test_units_refuse(given, message):
    with pytest.raises(ValueError, match=message):
        ju.Units(**given)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda u: u.current(uA=1.0), "needs nu .* resistivity"),
        (lambda u: u.conductance(ohm_um2=1.0), "needs nu .* resistivity"),
        (lambda u: ju.Units(Tc=1.2, D=60.0, resistivity=4.0).conductance(ohm_um=1.0), "needs thickness"),
        (lambda u: u.to_spins_per_nm3(1.0), "needs nu"),
        (lambda u: u.energy(), r"energy from nothing; expected exactly one of \['meV', 'K'\]"),
        (lambda u: u.energy(meV=1.0, K=2.0), "energy from meV = 1.0, K = 2.0; expected exactly one"),
        (lambda u: u.length(nm=np.nan), "length nm = nan; expected finite numbers"),
        (lambda u: u.length(nm="3"), "length nm = '3'; expected real numbers"),
        (lambda u: u.spin_relaxation(nm=0.0), "spin_relaxation nm = 0.0; expected finite numbers > 0"),
        (
            lambda u: u.diffusion(fermi_velocity=1e6),
            "mean_free_path_nm = None and fermi_velocity = 1000000.0; expected",
        ),
        (lambda u: u.diffusion(cm2_per_s=1.0, mean_free_path_nm=1.0, fermi_velocity=1.0), "exactly one of"),
        (lambda u: u.spin_galvanic(edelstein_nm=0.3, Gamma=-1.0), "Gamma = -1.0; expected finite numbers > 0"),
        (lambda u: ju.Units(Tc=1.0, length_scale=1.0).spin_relaxation(nm=1.0), "needs D"),
    ],
)
def test_conversions_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call(ju.Units(Tc=1.2, D=60.0))


def test_units_print_themselves():
    assert "energy 0.1034 meV, length 195.4 nm, field 17.23 mT, current 25.85 uA, resistance 4 Ohm" in repr(AL)
    assert "current" not in repr(ju.Units(Tc=1.2, D=60.0))


# --- the table ------------------------------------------------------------------------------------------


def values_of(material):
    return {name: v for name, v in vars(material).items() if name != "name"}


def test_every_value_has_unit_sample_and_source():
    units = {"Tc": "K", "nu": "1/(eV nm^3)", "fermi_velocity": "m/s", "rho_l": "micro-Ohm cm nm", "spin_hall_angle": ""}
    units |= {"spin_diffusion_length": "nm", "rashba": "eV Angstrom", "edelstein_length": "nm"}
    units |= {"exchange": "meV", "polarisation": "", "effective_mass": ""}
    for name, material in ju.materials.items():
        assert material.name == name
        values = values_of(material)
        assert values
        for quantity, value in values.items():
            assert value.unit == units[quantity]
            assert value.sample
            assert any(str(year) in value.source for year in range(1970, 2025))
            assert quantity == "spin_hall_angle" or value > 0
            assert value.source in str(material)
    with pytest.raises(KeyError, match=r"no material 'Xx'; the table has .*'Al'"):
        ju.materials["Xx"]
    assert ju.materials["NiFe"] is ju.materials["Py"]
    again = pickle.loads(pickle.dumps(ju.materials["Nb"].Tc))
    assert (again, again.unit, again.source) == (8.5, "K", ju.materials["Nb"].Tc.source)


def test_what_the_table_lacks_is_refused_with_its_name():
    Co = ju.materials["Co"]
    with pytest.raises(
        AttributeError, match=r"no Tc of Co, only \['spin_diffusion_length', .*measure it for your sample"
    ):
        _ = Co.Tc
    with pytest.raises(AttributeError, match=r"no gap of Co, only .*; no material of the table has it"):
        _ = Co.gap
    assert getattr(Co, "Tc", None) is None
    again = pickle.loads(pickle.dumps(Co))
    assert vars(copy.deepcopy(Co)) == vars(again) == vars(Co)
    assert str(again.exchange) == str(Co.exchange)
    assert "Tc" not in repr(Co)


def test_exchange_is_in_the_unit_of_the_conversion():
    """850 K of copper-nickel, and the length sqrt(hbar D/h) of 5 cm^2/s, some two nanometres."""
    h = ju.materials["CuNi"].exchange
    assert h == pytest.approx(k * 850 / MEV, rel=1e-3)
    u = ju.Units(Tc=8.5, D=5.0)
    length = u.to_nm(np.sqrt(u.diffusion() / u.exchange(meV=h)))
    assert length == pytest.approx(1e9 * np.sqrt(hbar * 5e-4 / (k * 850)), rel=1e-3)


def test_table_agrees_with_itself():
    """Densities of states from specific heats: against strips' rho l v_F, and against critical fields of the elements.

    B_c = sqrt(mu0 N0) Delta in weak coupling; 10.5, 83 and 142 mT for Al, Ta and V (Kittel, Table 10.1).
    """
    Al = ju.materials["Al"]
    nu_of_strips = 3 / (2 * e**2 * Al.rho_l * 1e-17 * Al.fermi_velocity) * e * 1e-27
    assert nu_of_strips == pytest.approx(Al.nu, rel=0.06)
    for name, mT, accuracy in (("Al", 10.5, 0.04), ("Ta", 83.0, 0.04), ("V", 142.0, 0.05)):
        metal = ju.materials[name]
        Delta = 1.76388 * k * metal.Tc
        assert 1e3 * np.sqrt(mu_0 * metal.nu / e * 1e27) * Delta == pytest.approx(mT, rel=accuracy)


def test_the_page_has_every_conversion_and_every_value():
    page = (Path(__file__).parents[2] / "docs" / "units.md").read_text()
    for name, method in inspect.getmembers(ju.Units, inspect.isfunction):
        if not name.startswith("_"):
            assert re.search(rf"\b{name}\b", page)
            assert len(inspect.getdoc(method)) > 10
    rows = [f"| {m.name} | `{q}` = {float(v):.4g}" for m in ju.materials.values() for q, v in values_of(m).items()]
    assert [row for row in rows if row not in page] == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda u: u.temperature(0.05), r"temperature\(0.05\): say which unit, by name: temperature\(K=0.05\)"),
        (lambda u: u.temperature(mK=50), r"temperature\(mK=50\): say which unit, by name: temperature\(K=\.\.\.\)"),
        (lambda u: u.energy(1.0), r"energy\(1.0\): .* energy\(meV=1.0\) or energy\(K=1.0\)"),
        (lambda u: u.zeeman(3.0), r"zeeman\(mT=3.0\)$"),
        (lambda u: u.rashba(1.0, 2.0), r"rashba\(eV_angstrom=\.\.\., mass=\.\.\., scattering_fs=\.\.\.\)$"),
        (lambda u: u.barrier(0.3), r"barrier\(gamma_B=\.\.\., nm=\.\.\.\)$"),
        (lambda u: u.flux(1.0), r"flux\(quanta=1.0\) or flux\(mT_um2=1.0\)$"),
        (lambda u: u.length([1, 2]), r"length\(nm=\[1, 2\]\)$"),
    ],
)
def test_a_number_without_a_unit_is_asked_for_it(call, message):
    with pytest.raises(TypeError, match=message):
        call(AL)


def test_every_conversion_asks_for_the_unit():
    own = [n for kind in ju.Units.__mro__[:2] for n, x in vars(kind).items() if inspect.isfunction(x)]
    names = [name for name in own if not name.startswith(("_", "to_"))]
    assert len(names) >= 20
    for name in names:
        with pytest.raises(TypeError, match=rf"^{name}\(1.0\): say which unit, by name: {name}\("):
            getattr(AL, name)(1.0)


def test_units_without_names_and_under_derivatives_say_what_to_do():
    with pytest.raises(
        TypeError, match=r"Units\(1.2\): say what each number is .* Tc \[K\].* sheet_resistance \[Ohm\]"
    ):
        ju.Units(1.2)
    with pytest.raises(TypeError, match=r"Units\(Tc=1.2, d=3\): .* thickness \[nm\]"):
        ju.Units(Tc=1.2, d=3)
    with pytest.raises(
        ju.NotDifferentiableError, match=r"Units has no derivatives: .* Tc traced by JAX; give it fixed"
    ):
        jax.grad(lambda Tc: ju.Units(Tc=Tc, D=60.0).temperature(K=1.0))(1.2)
    u = ju.Units(Tc=1.2, D=60.0)
    assert jax.grad(lambda T: u.temperature(K=T))(1.0) == pytest.approx(1 / 1.2)
    assert pickle.loads(pickle.dumps(u)) == copy.deepcopy(u) == u
