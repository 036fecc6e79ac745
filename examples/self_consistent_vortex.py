"""What self-consistency does to a vortex: a disk with a rigid and with a self-consistent pair potential.

The disk is the gyrotropic (C4v) superconductor of Kokkeler, Bergeret and Tokatly, who keep |Delta| constant up to the
core and call what that neglects small corrections. For the directions of the spin they are: within 3 degrees. Sizes
change: the largest current is 0.52 of the rigid vortex's at T = 0.1 Tc and 0.20 of it at 0.9 Tc (`j_max_ratio`), the
largest spin 0.60 and 0.23 (`S_max_ratio`), and both lie further out. Normalised, the textures overlap by 0.98 and 0.87.

Lengths in sqrt(D/2 Delta(T)). Without a field the vortex is stationary but no minimum: it gains energy by leaving
through the rim. Leaves self_consistent_vortex.png.
"""

import warnings

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

MESH = ju.disk(10.0, 1.2, 0.2)
TEMPERATURES = (0.1, 0.9)
GAMMA, RELAXATION = 0.05, 10 * ju.bulk_gap(0.01)  # spin is linear in the first
warnings.simplefilter("ignore", ju.UnstableStateWarning)  # it is
warnings.simplefilter("ignore", ju.CoarseMeshWarning)  # edges at the rim are 1.2 of a length


def solutions(T):
    """The gap and both vortices."""
    gap = ju.bulk_gap(T)
    material = ju.Material(D=2 * gap, Gamma=RELAXATION, gamma=ju.rashba(GAMMA))
    device = ju.Device(mesh=MESH, materials=material)
    rigid = ju.solve(device, T, pair_potential=ju.vortex(gap), frequencies=16)
    found = ju.solve(device, T, pair_potential="self-consistent", frequencies=16, start=rigid, gap_tol=1e-6)
    return gap, {"rigid": rigid, "self-consistent": found}


def profiles(sol, gap):
    """|Delta|/Delta(T), |j| and |S| on the rings of nodes."""
    ring = np.unique(np.round(np.hypot(*MESH.points.T), 6), return_inverse=True)[1]
    values = np.abs(sol.Delta) / gap, *(np.linalg.norm(v, axis=1) for v in (current(sol), ju.spin_density(sol)))
    return [np.bincount(ring, v) / np.bincount(ring) for v in values]


def current(sol):
    """At the nodes."""
    return ju.charge_current(sol, at="nodes")


def texture_overlap(one, other):
    """Int S_1.S_2 over the roots of Int S_1^2 and Int S_2^2: one where the normalised textures are the same."""
    area = np.bincount(MESH.triangles.ravel(), np.repeat(MESH.areas / 3, 3))
    product = lambda a, b: np.sum(area[:, None] * a * b)  # noqa: E731
    return product(one, other) / np.sqrt(product(one, one) * product(other, other))


def largest_angle(one, other):
    """Between both spins [degrees], where they are above a tenth of their largest value, and far from the rim."""
    sizes = [np.linalg.norm(S, axis=1) for S in (one, other)]
    there = np.all([s > 0.1 * s.max() for s in sizes], axis=0) & (np.hypot(*MESH.points.T) < 5.0)
    cosine = np.sum(one * other, axis=1)[there] / np.prod(sizes, axis=0)[there]
    return np.degrees(np.arccos(np.clip(cosine, -1, 1))).max()


def main():
    """Solve, print the numbers, draw the picture."""
    figure, axes = plt.subplots(3, 2, figsize=(10, 9), layout="constrained", sharex=True)
    numbers, radius = {"nodes": MESH.n_nodes}, np.unique(np.round(np.hypot(*MESH.points.T), 6))
    for column, T in zip(axes.T, TEMPERATURES, strict=True):
        gap, both = solutions(T)
        lines = {name: profiles(sol, gap) for name, sol in both.items()}
        for name, profile in lines.items():
            for axis, line in zip(column, profile, strict=True):
                axis.plot(radius, line, label=name)
        (_, *rigid), (modulus, *found) = lines.values()
        numbers[f"r_half_T{T}"] = np.interp(0.5, modulus / modulus.max(), radius)  # of the core
        numbers[f"Delta_max_T{T}"] = modulus.max()
        for name, before, after in zip("jS", rigid, found, strict=True):
            numbers[f"{name}_max_ratio_T{T}"] = after.max() / before.max()
            numbers[f"r_{name}_rigid_T{T}"], numbers[f"r_{name}_T{T}"] = radius[before.argmax()], radius[after.argmax()]
        spins = [np.asarray(ju.spin_density(sol)) for sol in both.values()]
        numbers[f"texture_overlap_T{T}"], numbers[f"largest_angle_T{T}"] = (
            texture_overlap(*spins),
            largest_angle(*spins),
        )
        numbers[f"smallest_eigenvalue_T{T}"] = both["self-consistent"].stats["gap_eigenvalue"]
        for axis, label in zip(column, (r"$|\Delta|/\Delta(T)$", r"$|j|$", r"$|S|$"), strict=True):
            axis.set_ylabel(label)
        column[0].set_title(f"$T = {T}\\,T_c$")
        column[2].set_xlabel(r"$r/\xi(T)$")
    axes[0, 0].legend()
    figure.savefig("self_consistent_vortex.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
