"""What self-consistency does to a vortex: a disk with a rigid and with a self-consistent pair potential.

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
warnings.simplefilter("ignore", ju.UnstableStateWarning)  # it is
warnings.simplefilter("ignore", ju.CoarseMeshWarning)  # edges at the rim are 1.2 of a length


def profiles(T):
    """Radii and, per kind of vortex, |Delta|/Delta(T) and |j| on the rings of nodes."""
    gap = ju.bulk_gap(T)
    device = ju.Device(mesh=MESH, materials=ju.Material(D=2 * gap))
    rigid = ju.solve(device, T, pair_potential=ju.vortex(gap), frequencies=16)
    found = ju.solve(device, T, pair_potential="self-consistent", frequencies=16, start=rigid, gap_tol=1e-6)
    radius, ring = np.unique(np.round(np.hypot(*np.asarray(MESH.points).T), 6), return_inverse=True)
    on_rings = lambda values: np.bincount(ring, values) / np.bincount(ring)  # noqa: E731
    speed = lambda sol: np.linalg.norm(np.asarray(ju.charge_current(sol, at="nodes")), axis=1)  # noqa: E731
    each = {"rigid": rigid, "self-consistent": found}
    return radius, {k: (on_rings(np.abs(s.Delta)) / gap, on_rings(speed(s))) for k, s in each.items()}, found


def main():
    """Solve, print the numbers, draw the picture."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained", sharex=True)
    numbers = {"nodes": MESH.n_nodes}
    for column, T in zip(axes.T, TEMPERATURES, strict=True):
        radius, kinds, found = profiles(T)
        for name, lines in kinds.items():
            for axis, line in zip(column, lines, strict=True):
                axis.plot(radius, line, label=name)
        (_, j_rigid), (modulus, j) = kinds.values()
        numbers[f"r_half_T{T}"] = np.interp(0.5, modulus / modulus.max(), radius)  # of the core
        numbers[f"Delta_max_T{T}"] = modulus.max()
        numbers[f"j_max_ratio_T{T}"] = j.max() / j_rigid.max()
        numbers[f"r_j_rigid_T{T}"], numbers[f"r_j_T{T}"] = radius[j_rigid.argmax()], radius[j.argmax()]
        numbers[f"smallest_eigenvalue_T{T}"] = found.stats["gap_eigenvalue"]
        column[0].set(title=f"$T = {T}\\,T_c$", ylabel=r"$|\Delta|/\Delta(T)$")
        column[1].set(xlabel=r"$r/\xi(T)$", ylabel=r"$|j|$")
    axes[0, 0].legend()
    figure.savefig("self_consistent_vortex.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
