"""An Andreev interferometer on a Rashba junction: the conductance of a normal wire against phase, in two fields."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

u = ju.Units(Tc=1.3, D=100.0)  # K of aluminium, cm^2/s
mesh = ju.t_junction(u.length(nm=150.0), u.length(nm=30.0), u.length(nm=15.0))
gap, Gamma = u.energy(meV=0.2), u.spin_relaxation(nm=150.0)
gamma = ju.rashba(u.spin_galvanic(edelstein_nm=20.0, Gamma=Gamma))
VOLTAGE, PHASES = u.voltage(mV=0.04), np.linspace(0, 2 * np.pi, 10, endpoint=False)


def conductance(phase, meV, Delta=gap):
    """dI/dV of the wire at "bottom", cold and at the VOLTAGE, and what does not leave through the junction's ends."""
    metal = ju.Material(D=u.diffusion(), Tc=0.0, Gamma=Gamma, gamma=gamma, h=(0, u.exchange(meV=meV), 0))
    ends = {"left": ju.Reservoir(Delta), "right": ju.Reservoir(Delta, phase=phase), "bottom": ju.Reservoir(0.0)}
    device = ju.Device(mesh=mesh, materials=metal, boundaries=ends, units=u)
    spec = ju.spectrum(ju.solve(device, u.temperature(K=0.1), frequencies=1), [VOLTAGE], eta=1e-3 * VOLTAGE)
    contacts = {name: ju.Contact(voltage=0.0, temperature=0.0) for name in ("left", "right")}
    contacts["bottom"] = ju.Contact(voltage=2 * VOLTAGE, temperature=0.0)
    kin = ju.kinetics(spec, contacts, weights=[1.0])
    out = {name: kin.currents_through(name)[0, 1] for name in contacts}
    return -out["bottom"], sum(out.values())


normal = conductance(0.0, 0.0, Delta=0.0)[0]
curves = {meV: np.array([conductance(phase, meV)[0] for phase in PHASES]) / normal for meV in (0.0, 0.03)}
reversed_, missing = np.array(conductance(-PHASES[3], -0.03)) / normal
weak = [conductance(sign * PHASES[3], 0.015)[0] / normal for sign in (1, -1)]
axis = plt.figure(figsize=(5.5, 3.4), layout="constrained").add_subplot()
for meV, G in curves.items():
    print(f"even_{meV:g}meV = {(G[3] + G[7]) / 2 - 1:.7f}\nodd_{meV:g}meV = {(G[3] - G[7]) / 2:.8f}")
    axis.plot(np.append(PHASES / np.pi, 2), np.append(G, G[0]), "o-", label=f"exchange field {meV:g} meV")
print(f"odd_0.015meV = {(weak[0] - weak[1]) / 2:.8f}\nmissing = {missing:.2e}")
print(f"G_reversed = {reversed_:.8f}\nG_0.03meV = {curves[0.03][3]:.8f}\nG_without = {curves[0.0][0]:.5f}")
axis.set(xlabel=r"$\varphi/\pi$", ylabel="conductance / normal state's")
axis.legend()
plt.savefig("andreev_interferometer.png")
