"""What a current does to spins in platinum and in a layer with Rashba coupling, in nanometres and microvolt."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

Pt, BiAg = ju.materials["Pt"], ju.materials["Bi/Ag"]
u = ju.Units(energy_scale=1.0, D=10.0, length_scale=Pt.spin_diffusion_length)  # meV, cm^2/s, nm
LENGTH, WIDTH, FIELD = 60.0, 20.0, 0.01  # nm, nm, mV/nm
Gamma = u.spin_relaxation(nm=Pt.spin_diffusion_length)
metals = {
    "spin Hall": ju.Material(D=u.diffusion(), Gamma=Gamma, theta=u.spin_hall(angle=Pt.spin_hall_angle)),
    "Edelstein": ju.Material(
        D=u.diffusion(),
        Gamma=Gamma,
        gamma=ju.rashba(u.spin_galvanic(edelstein_nm=BiAg.edelstein_length, Gamma=Gamma)),
    ),
}
mesh = ju.rectangle(u.length(nm=LENGTH), u.length(nm=WIDTH), u.length(nm=1.7))
x, y = u.to_nm(mesh.points).T
centre, edge = (np.argmin(np.hypot(x - LENGTH / 2, y - at)) for at in (WIDTH / 2, 0.0))
driven = {
    "left": ju.Contact(voltage=u.voltage(mV=FIELD * LENGTH), spin=None),
    "right": ju.Contact(voltage=0.0, spin=None),
}
figure, axes = plt.subplots(2, 1, figsize=(6, 5), layout="constrained")
for axis, (name, metal), k in zip(axes, metals.items(), (2, 1), strict=True):
    flow = ju.diffuse(ju.Device(mesh=mesh, materials=metal, units=u), driven)
    spin = u.to_mV(flow.S[:, k])
    print(f"{name.replace(' ', '_')}_edge_uV = {1e3 * spin[edge]:.4f}")
    print(f"{name.replace(' ', '_')}_centre_uV = {1e3 * spin[centre]:.4f}")
    ju.plot.field(flow, flow.S[:, k], f"{name}: $S_{'xyz'[k]}$", axis, quantity="voltage")
figure.savefig("spin_hall.png")
