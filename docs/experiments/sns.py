"""Critical current of a copper wire between niobium electrodes against temperature, in microampere and kelvin."""

import matplotlib.pyplot as plt
import numpy as np
from scipy.constants import e, k

import jusadel as ju

LENGTH, WIDTH = 800.0, 100.0  # nm
u = ju.Units(Tc=9.2, D=200.0, resistivity=1.7, thickness=50.0)  # K of Nb; cm^2/s, micro-Ohm cm and nm of the copper
mesh = ju.rectangle(u.length(nm=LENGTH), u.length(nm=WIDTH), u.length(nm=60.0))
Delta, E_Th = u.energy(meV=1.4), u.thouless_energy(nm=LENGTH)
ends = {"left": ju.Reservoir(Delta), "right": ju.Reservoir(Delta)}
wire = ju.Device(mesh=mesh, materials=ju.Material(D=u.diffusion(), Tc=0.0), boundaries=ends, units=u)
R_N = u.normal_resistance(length_nm=LENGTH, width_nm=WIDTH)
kelvin = np.array([0.1, 0.3, 0.6, 1.0, 1.4])
phases = np.linspace(-np.pi, np.pi, 16, endpoint=False)
Ic = [ju.current_phase_relation(wire, phases, u.temperature(K=T)).critical_current[0] for T in kelvin]


def long_junction(T):
    """e R_N Ic in meV for k_B T well above the Thouless energy (Zaikin and Zharkov; Dubos et al., Eq. 2)."""
    w = np.pi * k * T / (1e-3 * e) * (2 * np.arange(60) + 1)
    decay, gap = np.sqrt(2 * w / u.to_meV(E_Th)), np.hypot(w, 1.4)
    terms = decay * np.exp(-decay) * 1.4**2 / (w + gap + np.sqrt(2 * (gap**2 + w * gap))) ** 2
    return 64 * np.pi * k * T / (1e-3 * e) * terms.sum()


voltage = np.array([u.to_Ic_R_N(current, R_N) for current in Ic])  # meV
print(f"Ic_uA = {u.to_uA(Ic[0]):.4g}")
print(f"e_R_N_Ic_over_E_Th = {voltage[0] / u.to_meV(E_Th):.4f}")
print(f"e_R_N_Ic_meV_at_1.4K = {voltage[-1]:.6f}")
print(f"published_meV_at_1.4K = {long_junction(1.4):.6f}")

figure, axis = plt.subplots(figsize=(5, 3.4), layout="constrained")
axis.plot(kelvin[2:], [1e3 * long_junction(T) for T in kelvin[2:]], "k--", label="long junction, $k_B T \\gg E_{Th}$")
axis.plot(kelvin, 1e3 * voltage, "o-", label="Nb/Cu/Nb, 800 nm")
axis.set(xlabel="temperature [K]", ylabel=r"$e R_N I_c$ [µeV]", ylim=(0, None))
axis.legend()
figure.savefig("sns.png")
