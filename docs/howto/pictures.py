"""A copper bridge between niobium electrodes in laboratory units: pictures for a talk, and a film over the field."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

u = ju.Units(Tc=9.2, D=100.0, resistivity=4.0, thickness=30.0)  # K, cm^2/s and micro-Ohm cm of the copper, nm
device = ju.Device(
    mesh=ju.rectangle(u.length(nm=200.0), u.length(nm=400.0), size=u.length(nm=25.0)),
    materials=ju.Material(D=u.diffusion(), Tc=0.0),
    boundaries={
        "left": ju.Reservoir(u.energy(meV=1.4)),
        "right": ju.Tunnel(ju.Reservoir(u.energy(meV=1.4)), u.barrier(gamma_B=0.2, nm=50.0)),
    },
    units=u,  # given once: all pictures and prints are in nm, meV, K and uA
)
T = u.temperature(K=2.0)


def in_field(mT):
    """The solution in a perpendicular field."""
    return ju.solve(replace(device, vector_potential=ju.uniform_field(u.field(mT=mT))), T, frequencies=4)


phases = np.linspace(0, 2 * np.pi, 12, endpoint=False)
curve = ju.current_phase_relation(device, phases, T, frequencies=4)
Ic, R_N = curve.critical_current[0], u.normal_resistance(length_nm=200.0, width_nm=400.0)
print(f"Ic_uA = {u.to_uA(Ic):.4g}")
print(f"Thouless_energy_meV = {u.to_meV(u.thouless_energy(nm=200.0)):.5g}")
print(f"e_R_N_Ic_meV = {u.to_Ic_R_N(Ic, R_N):.4g}")

films = [in_field(mT) for mT in np.linspace(10, 70, 5)]
with plt.style.context("dark_background"):
    figure, panels = plt.subplots(1, 3, figsize=(11, 4.2), layout="constrained", width_ratios=[1, 1, 1.3])
    ju.plot.arrows(films[-1], ax=panels[0])
    amplitude = np.abs(ju.pair_amplitude(films[-1])[0])
    ju.plot.field(films[-1], amplitude, "pair amplitude", panels[1], quantity="energy")
    ju.plot.current_phase(curve, ax=panels[2])
    figure.savefig("pictures.png", dpi=80)
titles = [f"{mT:.0f} mT" for mT in np.linspace(10, 70, 5)]
ju.plot.animate(films, "field.gif", ju.plot.arrows, titles)
