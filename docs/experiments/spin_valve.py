"""A superconducting spin valve, CuNi/Nb/CuNi: its critical temperature against the angle between the magnets."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

u = ju.Units(
    Tc=7.0, D=4.561, resistivity=7.5
)  # K, cm^2/s and micro-Ohm cm of Nb; the metals are those of the S/F bilayer
niobium = ju.Material(D=u.diffusion(), Tc=u.temperature(K=7.0))
barrier = ju.Interface(u.barrier(gamma_B=0.3, nm=60.0 / 7.5 * 7.6))
d_S, d_F = u.length(nm=22.0), u.length(nm=3.0)
layers = {"F1": (0.0, d_F), "S": (d_F, d_F + d_S), "F2": (d_F + d_S, 2 * d_F + d_S)}
mesh = ju.rectangle(2 * d_F + d_S, d_S / 16, u.length(nm=1.9), regions=layers)
mesh = ju.with_cut_between(ju.with_cut_between(mesh, "F1", "S", "lower"), "S", "F2", "upper")


def magnet(angle):
    """Copper-nickel whose exchange field is turned by an angle."""
    h = u.exchange(meV=11.2) * np.array([np.sin(angle), 0.0, np.cos(angle)])
    D, nu = u.diffusion(cm2_per_s=3.326), u.relative_nu(resistivity=60.0, cm2_per_s=3.326)
    return ju.Material(D=D, Tc=0.0, nu=nu, h=h)


def Tc(angle):
    """Kelvin."""
    metals = {"F1": magnet(0.0), "S": niobium, "F2": magnet(angle)}
    valve = ju.Device(mesh=mesh, materials=metals, boundaries={"lower": barrier, "upper": barrier}, units=u)
    return float(u.to_kelvin(ju.critical_temperature(valve, frequencies=40).T))


angles = np.linspace(0, 180, 7)  # degrees
found = np.array([Tc(angle) for angle in np.radians(angles)])
for angle, T in zip(angles, found, strict=True):
    print(f"Tc_{angle:.0f}deg = {T:.4f}")
figure, axis = plt.subplots(figsize=(5, 3.4), layout="constrained")
axis.plot(angles, found, "o-")
axis.set(xlabel="angle between the magnets [degrees]", ylabel="critical temperature [K]")
figure.savefig("spin_valve.png")
