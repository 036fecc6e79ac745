"""A wide SNS junction whose own field confines its current to the sides: Josephson's penetration depth."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

u = ju.Units(Tc=1.2, D=20.0, resistivity=15.0, thickness=40.0)  # K, cm^2/s, micro-Ohm cm, nm: an alloy, aluminium leads
length, width = u.length(nm=130.0), u.length(nm=3000.0)
T, gap = u.temperature(K=0.5), ju.bulk_gap(u.temperature(K=0.5), u.temperature(K=1.2))
lines = {"x": length * np.linspace(0, 1, 7), "y": width * np.linspace(0, 1, 121)}
mesh = ju.rectangle(length, width, size=u.length(nm=40.0), **lines)


def junction(phase):
    leads = {"left": ju.Reservoir(gap), "right": ju.Reservoir(gap, phase=phase)}
    return ju.Device(mesh=mesh, materials=ju.Material(D=u.diffusion(), Tc=0.0), boundaries=leads)


def screened(phase, mT):
    return ju.solve_screened(junction(phase), T, u.field(mT=mT), u.permeability, pair_potential=0.0, frequencies=4)


alone = float(ju.current_through(ju.solve(junction(0.1), T, 0.0, frequencies=4), "right"))  # spread over all the width
depth = 1 / np.sqrt(2 * u.permeability * length * alone / (0.1 * width))  # 1/lambda^2 = 2 mu0 d dj/dphase
weak = float(ju.current_through(screened(0.1, 0.0), "right"))
print(f"josephson_depth_nm = {u.to_nm(depth):.1f}")
print(f"share_of_current = {weak / alone:.4f}")

figure, axes = plt.subplots(1, 2, figsize=(7.0, 3.0), layout="constrained")
y, of_rows = u.to_nm(np.asarray(mesh.centroids)[:, 1]) / 1000, lambda x: np.asarray(x).reshape(120, -1).mean(axis=1)
for phase, mT in ((np.pi / 2, 0.0), (0.0, 2.0)):
    sol = screened(phase, mT)
    label = f"phase {phase:.2f}, {mT:g} mT"
    axes[0].plot(of_rows(y), of_rows(u.to_mT(sol.magnetic_field)), label=label)
    axes[1].plot(of_rows(y), of_rows(u.to_uA_per_um(ju.charge_current(sol)[:, 0])))
    print(f"current_uA_{mT:g} = {float(u.to_uA(ju.current_through(sol, 'right'))):.3f}")
axes[0].set(xlabel=r"$y$ [$\mu$m]", ylabel="$B$ [mT]")
axes[1].set(xlabel=r"$y$ [$\mu$m]", ylabel=r"$j_x$ [$\mu$A/$\mu$m]")
axes[0].legend()
figure.savefig("wide_junction.png")
