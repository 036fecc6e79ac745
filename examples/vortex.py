"""The vortex in a gyrotropic superconductor: Figs. 1-3 of Kokkeler, Bergeret and Tokatly.

Current and spin density around a vortex against the distance from its core, well below and close to Tc
(Delta0 tau_so = 0.1), and the spin textures of the three gyrotropic classes. Energies in Tc, lengths in
xi(T) = sqrt(D/2 Delta(T)). Leaves vortex.png and prints one `name = value` a line.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from scipy.interpolate import CubicSpline

import jusadel as ju

DELTA0 = ju.bulk_gap(0.01)
GAMMA = 0.05  # spin-galvanic coefficient [Tc xi], small: the spin is linear in it
CLASSES = {"C4v": ju.rashba, "D4": ju.chiral, "D2d": ju.dresselhaus}
MESH = ju.read_mesh(Path(__file__).parents[1] / "meshes" / "vortex_disk.msh")


def solve_vortex(T, texture, frequencies):
    """A rigid vortex at temperature T (in Tc) with the gamma of one gyrotropic class."""
    Delta = ju.bulk_gap(T)
    material = ju.Material(D=2 * Delta, Gamma=10 * DELTA0, gamma=texture(GAMMA))
    device = ju.Device(mesh=MESH, materials=material)
    return ju.solve(device, T=T, pair_potential=ju.vortex(Delta), frequencies=frequencies, progress=True)


def spin_profile(sol):
    """|S| averaged over the rings of nodes: radii and means."""
    radius, ring = np.unique(np.round(np.hypot(*MESH.points.T), 6), return_inverse=True)
    return radius, np.bincount(ring, np.linalg.norm(ju.spin_density(sol), axis=1)) / np.bincount(ring)


def current_profile(sol):
    """Azimuthal current averaged over the triangles between two rings of nodes: radii and means."""
    x, y = MESH.centroids.T
    rings = np.unique(np.round(np.hypot(*MESH.points.T), 6))[1:-1]
    annulus, area = np.digitize(np.hypot(x, y), rings), MESH.areas
    j = np.asarray(ju.charge_current(sol))
    mean = lambda values: np.bincount(annulus, area * values) / np.bincount(annulus, area)  # noqa: E731
    return mean(np.hypot(x, y)), mean((x * j[:, 1] - y * j[:, 0]) / np.hypot(x, y))


def maximum(radius, profile):
    """Position and height of the largest value, on a cubic spline."""
    spline, fine = CubicSpline(radius, profile), np.linspace(radius[1], radius[-2], 20_001)
    k = int(np.argmax(spline(fine)))
    return fine[k], float(spline(fine[k]))


def angle_to_current(spin, current):
    """Angle from current to spin on the ring r = 1, counter-clockwise: on the +x axis [degrees], and its turns."""
    near = np.abs(np.hypot(*MESH.points.T) - 1.0) < 0.15
    phi = np.arctan2(*MESH.points[near].T[::-1])
    z = np.exp(1j * np.angle((spin[near, 0] + 1j * spin[near, 1]) / (current[near, 0] + 1j * current[near, 1])))
    turns = max(range(-3, 4), key=lambda k: abs(np.mean(z * np.exp(-1j * k * phi))))
    return np.degrees(np.angle(np.mean(z * np.exp(-1j * turns * phi)))), turns


def draw_profiles(axis, T, profiles):
    """Fig. 3: both profiles, each divided by its maximum."""
    for (name, (radius, values)), style in zip(profiles.items(), ("-", "--"), strict=True):
        axis.plot(radius, values / values.max(), style, label=name)
    axis.set(xlabel=r"$r/\xi$", ylabel="normalised to its maximum", title=f"$T = {T}\\,T_c$", ylim=(0, 1.05))
    axis.legend()


def draw_texture(axis, name, spin, current):
    """Fig. 2: direction of the spin (arrows) over the current density (colour)."""
    size = np.linalg.norm(current, axis=1)
    colours = axis.tripcolor(*MESH.points.T, MESH.triangles, size / size.max(), shading="gouraud", cmap="cividis")
    grid = np.stack(np.meshgrid(*2 * [np.arange(-3, 3.1, 0.75)]), axis=-1).reshape(-1, 2)
    grid = grid[np.abs(np.hypot(*grid.T) - 2) < 1.6]
    nearest = np.argmin(np.linalg.norm(MESH.points - grid[:, None], axis=-1), axis=1)
    direction = spin[nearest, :2] / np.linalg.norm(spin[nearest, :2], axis=1, keepdims=True)
    axis.quiver(*MESH.points[nearest].T, *direction.T, color="white", pivot="middle", scale=18, width=0.008)
    axis.set(aspect="equal", xlabel=r"$x/\xi$", ylabel=r"$y/\xi$", title=f"spin texture, {name}")
    return colours


def main():
    """Solve, print the numbers, draw the picture."""
    figure, axes = plt.subplots(2, 3, figsize=(13, 8), layout="constrained")
    numbers, solutions = {"nodes": MESH.n_nodes}, {}
    for axis, T, n in ((axes[0, 0], 0.05, 24), (axes[0, 1], 0.98, 8)):
        sol = solutions[T] = solve_vortex(T, ju.rashba, n)
        profiles = {"current I": current_profile(sol), "spin S": spin_profile(sol)}
        draw_profiles(axis, T, profiles)
        for letter, profile in zip("jS", profiles.values(), strict=True):
            numbers[f"r_{letter}_T{T}"], numbers[f"{letter}_max_T{T}"] = maximum(*profile)
        numbers[f"newton_steps_T{T}"] = int(sol.stats["steps"].max())
        numbers[f"positivity_margin_T{T}"] = sol.margin.min()
        numbers[f"free_energy_T{T}"] = float(ju.free_energy(sol))
    for axis, (group, texture) in zip(axes[1], CLASSES.items(), strict=True):
        sol = solutions[0.05] if group == "C4v" else solve_vortex(0.05, texture, 2)  # directions need few frequencies
        S, j = np.asarray(ju.spin_density(sol)), np.asarray(ju.charge_current(sol, at="nodes"))
        colours = draw_texture(axis, group, S, j)
        numbers[f"angle_{group}"], numbers[f"angle_turns_{group}"] = angle_to_current(S, j)
    figure.colorbar(colours, ax=axes[1], label=r"$|j|/j_{\max}$", shrink=0.8)
    axes[0, 2].axis("off")
    table = "\n".join(f"{name} = {value:.5g}" for name, value in numbers.items())
    axes[0, 2].text(0, 0.95, table, va="top", family="monospace", fontsize=8)
    figure.savefig("vortex.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
