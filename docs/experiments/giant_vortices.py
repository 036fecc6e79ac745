"""A normal square inside of a superconductor whose phase winds around it: giant vortices, and an antivortex."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

SIDE, LINES, u = 100.0, 41, ju.Units(Tc=9.2, D=50.0)  # nm, mesh lines, K of niobium, cm^2/s
T, gap = u.temperature(K=2.0), u.energy(meV=1.4)
lines = u.length(nm=SIDE) * np.linspace(-0.5, 0.5, LINES)
square = ju.rectangle(x=lines - lines[0], y=lines - lines[0])
rim = {"rim": np.concatenate(list(square.boundaries.values()))}
mesh = ju.Mesh(points=square.points + lines[0], triangles=square.triangles, boundaries=rim)
metal = ju.Material(D=u.diffusion(), Tc=0.0)


def turns(F, reach):
    """How often the phase turns along the square of nodes so far from the centre."""
    side = np.arange(-reach, reach) + 1j * -reach
    path = np.concatenate([side, 1j * side, -side, -1j * side]) + LINES // 2 * (1 + 1j)
    along = F[path.imag.astype(int), path.real.astype(int)]
    return np.angle(np.roll(along, -1) / along).sum() / (2 * np.pi)


figure, axes = plt.subplots(2, 4, figsize=(11, 5.6), layout="constrained", sharex=True, sharey=True)
for winding, (upper, lower) in enumerate(axes.T, start=1):
    electrode = ju.Reservoir(gap, phase=lambda p, times=winding: times * np.arctan2(p[:, 1], p[:, 0]))
    sol = ju.solve(ju.Device(mesh=mesh, materials=metal, boundaries={"rim": electrode}, units=u), T, frequencies=6)
    F = np.asarray(ju.pair_amplitude(sol)[0]).reshape(LINES, LINES)  # of singlet pairs, on the grid of nodes
    print(f"centre_{winding} = {abs(F[LINES // 2, LINES // 2]) / abs(F).max():.7f}")
    print(f"turns_near_{winding} = {turns(F, 1):.4f}\nturns_far_{winding} = {turns(F, LINES // 2 - 1):.4f}")
    for axis, values, limits in ((upper, np.log10(abs(F) + 1e-3), (-2.5, 1)), (lower, np.angle(F), (-np.pi, np.pi))):
        colours = "twilight" if axis is lower else "cividis"
        axis.pcolormesh(*2 * [u.to_nm(lines)], values, cmap=colours, vmin=limits[0], vmax=limits[1])
        axis.set(xlabel="x [nm]", title=f"winding {winding}", aspect="equal")
for row, label in zip(axes, (r"$\log_{10}$ pair amplitude [$k_B T_c$]", "phase"), strict=True):
    figure.colorbar(row[0].collections[0], ax=row, label=label)
    row[0].set_ylabel("y [nm]")
figure.savefig("giant_vortices.png")
