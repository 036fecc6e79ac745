"""python -m benchmarks.adapted: how many nodes `adapt` saves on a vortex, for the same accuracy of current and spin.

A vortex with spin-orbit terms in disks of several radii (coherence lengths sqrt(D/2 Delta)), on uniform meshes and on
meshes adapted from the coarsest of them. Errors are root mean squares over points that fill the disk evenly, relative
to a mesh finer than the finest uniform one by 1.5 at the rim and by 8 in the core. How many nodes a uniform mesh would
need for an adapted mesh's error follows from a power law fitted to the uniform family.
"""

import argparse

import numpy as np
from matplotlib.tri import LinearTriInterpolator, Triangulation

import jusadel as ju
from benchmarks.problems import DELTA

T, FREQUENCIES = 0.3, 3
MATERIAL = {"D": 2 * DELTA, "Gamma": 2 * DELTA, "gamma": ju.rashba(0.75), "spin_field": ju.rashba(0.15)}


def solved(mesh, solver):
    """The vortex on this mesh."""
    device = ju.Device(mesh=mesh, materials=ju.Material(**MATERIAL))
    return ju.solve(device, T, ju.vortex(DELTA), frequencies=FREQUENCIES, linear_solver=solver)


def sampled(sol, points):
    """Current and spin density at points (k, 2), interpolated between the nodes."""
    triangulation = Triangulation(*np.asarray(sol.mesh.points).T, np.asarray(sol.mesh.triangles))
    fields = np.asarray(ju.charge_current(sol, at="nodes")), np.asarray(ju.spin_density(sol))
    at = lambda column: LinearTriInterpolator(triangulation, column)(*points.T)  # noqa: E731
    return [np.stack([at(column) for column in field.T], axis=1) for field in fields]


def errors(found, exact):
    """Relative root mean squares of the differences."""
    return [float(np.sqrt(np.nansum((a - b) ** 2) / np.nansum(b**2))) for a, b in zip(found, exact, strict=True)]


def spread(radius, count=20_000):
    """Points that fill the disk evenly, but for a margin at the rim, where meshes end on different chords."""
    rng = np.random.default_rng(0)
    r, angle = 0.98 * radius * np.sqrt(rng.random(count)), 2 * np.pi * rng.random(count)
    return np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--radii", type=float, nargs="+", default=[8.0, 16.0])
    parser.add_argument("--sizes", type=float, nargs="+", default=[1.2, 0.85, 0.6])
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--fraction", type=float, default=0.7)
    given = parser.parse_args()
    solver = ju.linear.Pardiso()
    for radius in given.radii:
        points, finest = spread(radius), min(given.sizes)
        exact = sampled(solved(ju.disk(radius, finest / 1.5, finest / 8), solver), points)
        print(f"radius {radius:g}\n| mesh | nodes | error of current | of spin | nodes of a uniform mesh for these |")
        family = []
        for size in given.sizes:
            sol = solved(ju.disk(radius, size), solver)
            family.append((sol.mesh.n_nodes, *errors(sampled(sol, points), exact)))
            print("| uniform | {} | {:.4f} | {:.4f} | |".format(*family[-1]), flush=True)
        sol = solved(ju.disk(radius, max(given.sizes)), solver)
        for _ in range(given.steps):
            sol = solved(ju.adapt(sol.device, sol, given.fraction).mesh, solver)
            found = errors(sampled(sol, points), exact)
            nodes, *scales = np.log(np.array(family)).T
            fits = [np.polyfit(scale, nodes, 1) for scale in scales]
            needed = [float(np.exp(np.polyval(fit, np.log(e)))) for fit, e in zip(fits, found, strict=True)]
            ratios = ", ".join(f"{n:.0f} ({n / sol.mesh.n_nodes:.1f} times)" for n in needed)
            print(f"| adapted | {sol.mesh.n_nodes} | {found[0]:.4f} | {found[1]:.4f} | {ratios} |", flush=True)


if __name__ == "__main__":
    main()
