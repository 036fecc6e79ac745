"""The diode efficiency of a Josephson junction with Rashba coupling against field, temperature and length."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

u = ju.Units(Tc=1.3, D=100.0)  # K of aluminium, cm^2/s
Gamma, gap = u.spin_relaxation(nm=150.0), u.energy(meV=0.2)
gamma = ju.rashba(u.spin_galvanic(edelstein_nm=30.0, Gamma=Gamma))


def efficiency(meV, nm=300.0, K=0.3):
    """(I+ - I-)/(I+ + I-) in an exchange field along y, across the current."""
    x = u.length(nm=nm) * np.linspace(0, 1, 15)
    metal = ju.Material(D=u.diffusion(), Tc=0.0, Gamma=Gamma, gamma=gamma, h=(0, u.exchange(meV=meV), 0))
    ends = {"left": ju.Reservoir(gap), "right": ju.Reservoir(gap)}
    device = ju.Device(mesh=ju.rectangle(x=x, y=[0, x[1]]), materials=metal, boundaries=ends, units=u)
    return float(ju.critical_current(device, u.temperature(K=K), frequencies=5).diode_efficiency)


fields, lengths = [0.1, 0.3, 0.4, 0.5, 0.55, 0.6, 0.7], [200.0, 300.0, 350.0, 400.0]
cold = np.array([efficiency(meV) for meV in fields])
warm = np.array([efficiency(meV, K=0.6) for meV in fields[1::2]])
along = np.array([cold[2] if nm == 300.0 else efficiency(0.4, nm=nm) for nm in lengths])
for meV, eta in zip(fields, cold, strict=True):
    print(f"eta_{meV:g}meV = {eta:.5f}")
print(f"eta_0.3meV_warm = {warm[0]:.5f}\neta_0.5meV_warm = {warm[1]:.5f}\neta_opposite = {efficiency(-0.3):.5f}")
for nm, eta in zip(lengths, along, strict=True):
    print(f"eta_{nm:g}nm = {eta:.5f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained", sharey=True)
left.plot(fields, 100 * cold, "o-", label="300 mK")
left.plot(fields[1::2], 100 * warm, "s-", label="600 mK")
left.set(xlabel="exchange field [meV]", ylabel="diode efficiency [%]", title="300 nm")
left.grid(axis="y")
right.plot(lengths, 100 * along, "o-")
right.set(xlabel="length [nm]", title="0.4 meV, 300 mK")
left.legend()
figure.savefig("josephson_diode.png")
