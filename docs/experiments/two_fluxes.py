"""A normal star between three superconductors and two fluxes: where its density of states has no gap (omega-SQUIPT)."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

u = ju.Units(Tc=1.3, D=100.0)  # K of aluminium, cm^2/s of copper
gap, arm, width = u.energy(meV=0.2), u.length(nm=80.0), u.length(nm=30.0)
outline, tips = [], {}
for name, angle in zip("abc", np.pi * np.array([1 / 6, 5 / 6, 3 / 2]), strict=True):
    along, across = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    tips[name] = [arm * along - width / 2 * across, arm * along + width / 2 * across]
    corner = angle - np.pi / 3
    outline += [width / np.sqrt(3) * np.array([np.cos(corner), np.sin(corner)]), *tips[name]]
mesh = ju.polygon(outline, u.length(nm=18.0), boundaries=tips, nodes=[(0.0, 0.0)])
middle = np.argmin(np.hypot(*np.asarray(mesh.points).T))


def states(first, second, energies):
    """N(E) in the middle; two fluxes turn the phases of the electrodes b and c against that of a."""
    phases = {"a": 0.0, "b": 2 * np.pi * first, "c": 2 * np.pi * second}
    ends = {name: ju.Reservoir(gap, phase=phase) for name, phase in phases.items()}
    star = ju.Device(mesh=mesh, materials=ju.Material(D=u.diffusion(), Tc=0.0), boundaries=ends, units=u)
    sol = ju.solve(star, u.temperature(K=0.1), frequencies=2)
    return np.asarray(ju.density_of_states(ju.spectrum(sol, energies, eta=u.energy(meV=0.002))))[:, middle]


energies, fluxes = u.energy(meV=np.linspace(0.002, 0.24, 60)), np.linspace(0, 1, 13)
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for first, second in ((0, 0), (1 / 6, 1 / 3), (1 / 3, 2 / 3)):
    N = states(first, second, energies)
    print(f"lowest_{first:.2f}_{second:.2f} = {N[0]:.5f}\nlargest_{first:.2f}_{second:.2f} = {N.max():.5f}")
    left.plot(u.to_meV(energies), N, label=rf"$\Phi = ({first:.2f}, {second:.2f})\,\Phi_0$")
left.set(xlabel="E [meV]", ylabel="density of states in the middle")
left.legend()
at_zero = [[states(first, second, energies[:1])[0] for first in fluxes] for second in fluxes]
figure.colorbar(right.pcolormesh(fluxes, fluxes, at_zero, vmin=0, vmax=1, cmap="cividis"), label="N(E = 0)")
right.set(xlabel=r"$\Phi_1/\Phi_0$", ylabel=r"$\Phi_2/\Phi_0$", aspect="equal")
figure.savefig("two_fluxes.png")
