"""Spins that a current makes in the normal state: the spin Hall and the Edelstein effect, and the inverse of one."""

import numpy as np

import jusadel as ju

platinum = ju.Material(Gamma=1.0, theta=(0, 0, 0.2))  # lengths in that of spin relaxation, sqrt(D/Gamma)
film = ju.Material(Gamma=1.0, gamma=ju.rashba(0.3))
mesh = ju.rectangle(8.0, 3.0, size=0.3)
driven = {"left": ju.Contact(voltage=8.0, spin=None), "right": ju.Contact(voltage=0.0, spin=None)}
hall = ju.diffuse(ju.Device(mesh=mesh, materials=platinum), driven)
edelstein = ju.diffuse(ju.Device(mesh=mesh, materials=film), driven)
injected = {"left": ju.Contact(voltage=0.0, spin=(0, 1, 0))}  # no charge flows: a voltage builds up
inverse = ju.diffuse(ju.Device(mesh=mesh, materials=film), injected)

x, y = mesh.points.T
below = np.argmin(np.hypot(x - 4.0, y))
print(f"S_z_edge = {hall.S[below, 2]:.4f}")
print(f"S_y = {edelstein.S[below, 1]:.4f}")
print(f"current = {ju.current_through(edelstein, 'right'):.4f}")
print(f"inverse_voltage = {inverse.mu[x > 7.99].mean():.4f}")
ju.plot.field(hall, hall.S[:, 2], "$S_z$").figure.savefig("normal.png")
