"""Aluminium on a magnetic insulator with a domain wall: spin current, density of states, tunnelling conductance."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

LENGTH, u = 800.0, ju.Units(Tc=1.3, D=20.0)  # nm, K of aluminium, cm^2/s
T, x = u.temperature(K=0.15), np.linspace(0, u.length(nm=LENGTH), 51)
mesh = ju.rectangle(x=x, y=[0, x[1]])


def film(meV, nm):
    """The solution with the exchange field turning in the plane of x and z, by half a turn over pi wall widths."""

    def h(points):
        along = (points[:, 0] - x[-1] / 2) / u.length(nm=nm)
        return u.exchange(meV=meV) * np.stack([1 / np.cosh(along), 0 * along, np.tanh(along)], axis=1)

    metal = ju.Material(D=u.diffusion(), Tc=u.temperature(K=1.3), h=h)
    sol = ju.solve(ju.Device(mesh=mesh, materials=metal, units=u), T, "self-consistent", frequencies=8)
    spins = np.asarray(ju.spin_current(sol))[:, :, 0].reshape(-1, 2, 3).mean(axis=1)  # those that flow along x
    return sol, u.to_meV(spins) / u.to_nm(1.0) / u.diffusion()


(sol, spins), (slow, slow_spins) = film(meV=0.07, nm=40.0), film(meV=0.01, nm=200.0)
spec = ju.spectrum(sol, u.energy(meV=np.linspace(0.0, 0.5, 126)), eta=u.energy(meV=0.004))
N, tip = np.asarray(ju.density_of_states(spec)), np.asarray(ju.tunnelling_spectrum(spec))
print(f"spin_current_meV_per_nm = {abs(spins[:, 1]).max():.4e}\nother_spins = {abs(spins[:, [0, 2]]).max():.1e}")
print(f"slow_meV_per_nm = {abs(slow_spins[:, 1]).max():.4e}\ngap_meV = {u.to_meV(abs(slow.Delta[0])):.5f}")
print(f"far_gap_meV = {u.to_meV(abs(sol.Delta[0])):.5f}\nN_far = {N[50, 0]:.4f}\nN_wall = {N[50, 25]:.4f}")
figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
axes[0].plot(u.to_nm((x[1:] + x[:-1]) / 2), 1e6 * spins[:, 1])
axes[0].set(xlabel="x [nm]", title=r"spin current (spin y) over $\nu D$ [neV/nm]")
for axis, values, title in zip(axes[1:], (N, tip), ("density of states", "dI/dV at 150 mK"), strict=True):
    axis.plot(u.to_meV(spec.energies[: len(values)]), values[:, [0, 25]], label=["far away", "in the wall"])
    axis.set(xlabel="E [meV], V [mV]", title=title, xlim=(0, 0.35))
axes[1].legend()
figure.savefig("domain_wall.png")
