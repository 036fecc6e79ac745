"""A junction through a Rashba film in a field of its plane: vortices of the supercurrent that field and phase move."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

InAs, u = ju.materials["InAs"], ju.Units(Tc=1.3, D=100.0, resistivity=5.0, thickness=10.0)  # K, cm^2/s, uOhm cm, nm
rashba = u.rashba(eV_angstrom=InAs.rashba, mass=InAs.effective_mass, scattering_fs=150.0)
mesh = ju.rectangle(x=u.length(nm=np.linspace(0, 300, 18)), y=u.length(nm=np.linspace(0, 600, 36)))
gap, barrier = u.energy(meV=0.2), u.barrier(gamma_B=10.0, nm=200.0)


def junction(mT, phase, angle):
    """The solution in a field at this angle [degrees] to the junction's axis, g = 10, and where its left vortex is."""
    h = u.zeeman(mT=mT, g=10.0) * np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle)), 0.0])
    film = ju.Material(D=u.diffusion(), Tc=0.0, h=h, **rashba)
    ends = {name: ju.Tunnel(ju.Reservoir(gap, p), barrier) for name, p in (("left", 0.0), ("right", phase))}
    sol = ju.solve(ju.Device(mesh=mesh, materials=film, boundaries=ends, units=u), u.temperature(K=0.3), frequencies=8)
    j, p = (np.reshape(v, (36, 18, 2))[:, :10] for v in (ju.charge_current(sol, "nodes"), u.to_nm(mesh.points)))
    j, p = (np.stack([v[:-1, :-1], v[:-1, 1:], v[1:, 1:], v[1:, :-1]]) for v in (j, p))  # four nodes, around a cell
    turn = np.angle(np.roll(j @ [1, 1j], -1, 0) / (j @ [1, 1j])).sum(0)
    cell = (slice(None), *np.argwhere(turn > 6)[0])  # where the current turns once around: zero of a plane
    plane = np.linalg.lstsq(np.column_stack([np.ones(4), p[cell]]), j[cell], rcond=None)[0]
    place, name = -np.linalg.solve(plane[1:].T, plane[0]), f"{mT}mT_{phase}rad_{angle}".replace("-", "minus_")
    print(f"nA_{name} = {1e3 * u.to_uA(ju.current_through(sol, 'right')):.6f}\nnm_{name} = {place[1]:.4f}")
    return sol, place


figure, (*maps, curves) = plt.subplots(1, 4, figsize=(14, 4), layout="constrained", width_ratios=[1, 1, 1, 1.2])
for mT, phase, style in ((100, -0.01, "^-"), (100, 0.0, "o-"), (100, 0.01, "s-"), (50, 0.005, "kx:")):
    found = {angle: junction(mT, phase, angle) for angle in (0, 20, 40, 60)}
    curves.plot(found.keys(), [place[1] for _, place in found.values()], style, label=f"{mT} mT, phase {phase} rad")
    for angle, (sol, place) in found.items():
        if (mT, phase, angle) in ((100, 0.0, 0), (100, 0.0, 40), (100, 0.01, 0)):
            ju.plot.streamlines(sol, ax=maps[0]).set_title(f"{angle} degrees, phase {phase} rad", fontsize="medium")
            maps.pop(0).plot(*place, "ro")
curves.set(xlabel="angle of the field to the current [degrees]", ylabel="y of the left vortex [nm]", ylim=(0, 600))
curves.legend()
figure.savefig("moving_vortices.png")
