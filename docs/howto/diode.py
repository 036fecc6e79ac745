"""Depairing currents of a thin Rashba film in an exchange field: the superconducting diode effect."""

import matplotlib.pyplot as plt

import jusadel as ju

film = ju.Material(Tc=1.0, Gamma=1.0, gamma=ju.rashba(0.5), h=(0, 0.9, 0))
found = ju.depairing_current(film, T=0.3, samples=31)  # along x
print(f"j_plus = {found.plus:.4f}")
print(f"j_minus = {found.minus:.4f}")
print(f"efficiency = {found.diode_efficiency:.4f}")

figure, axis = plt.subplots(figsize=(5, 3.4), layout="constrained")
axis.plot(found.q, found.current)
axis.plot([found.q_plus, found.q_minus], [found.plus, -found.minus], "o")
axis.set(xlabel=r"phase gradient [$\sqrt{T_c/D}$]", ylabel=r"current [$\nu T_c \sqrt{D T_c}$]")
figure.savefig("diode.png")
