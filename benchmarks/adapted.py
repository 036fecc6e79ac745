"""python -m benchmarks.adapted: how many nodes `adapt` saves on a vortex and at an S/F corner, for the same accuracy.

Two devices with spin-orbit terms: vortices in disks of several radii (coherence lengths sqrt(D/2 Delta)), and a current
round the corners of a ferromagnet in a superconductor. Uniform meshes of several sizes are compared with meshes adapted
from a coarse one. Errors of the charge current and of the spin density are root mean squares over points that fill the
device evenly, relative to a mesh finer than the finest uniform one, and much finer in the core or at the interface. How
many nodes a uniform mesh would need for an adapted mesh's error follows from a power law fitted to the uniform family.
"""

import argparse
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from matplotlib.tri import LinearTriInterpolator, Triangulation

import jusadel as ju
from benchmarks.problems import DELTA
from jusadel.action.mesh_action import nodal_mean

T, FREQUENCIES = 0.3, 3
SUPERCONDUCTOR = {
    "D": 2 * DELTA,
    "Tc": 1.0,
    "Gamma": 2 * DELTA,
    "gamma": ju.rashba(0.75),
    "spin_field": ju.rashba(0.15),
}
FERROMAGNET = SUPERCONDUCTOR | {"Tc": 0.0, "h": (0, 0, 5 * DELTA)}
SOLVER = ju.linear.Pardiso()


class Problem(NamedTuple):
    """A device on any mesh, and its meshes."""

    name: str
    device: Callable[[ju.Mesh], ju.Device]
    pair_potential: Any
    uniform: Callable[[float], ju.Mesh]
    finest: Callable[[float], ju.Mesh]
    points: np.ndarray

    def solved(self, mesh):
        return ju.solve(self.device(mesh), T, self.pair_potential, frequencies=FREQUENCIES, linear_solver=SOLVER)

    def sampled(self, sol):
        """Current and spin density, less the Pauli spin, which jumps, at the points, interpolated between nodes."""
        triangulation = Triangulation(*np.asarray(sol.mesh.points).T, np.asarray(sol.mesh.triangles))
        j = np.asarray(nodal_mean(sol.mesh, np.repeat(np.asarray(ju.charge_current(sol))[:, None], 3, axis=1)))
        fields = j, np.asarray(ju.spin_density(sol, pauli=False))
        at = lambda column: LinearTriInterpolator(triangulation, column)(*self.points.T)  # noqa: E731
        return [np.stack([at(column) for column in field.T], axis=1) for field in fields]


def vortex(radius):
    """One vortex in the middle of a disk; points keep off the rim, where meshes end on different chords."""
    rng = np.random.default_rng(0)
    r, angle = 0.98 * radius * np.sqrt(rng.random(20_000)), 2 * np.pi * rng.random(20_000)
    return Problem(
        name=f"vortex, radius {radius:g}",
        device=lambda mesh: ju.Device(mesh=mesh, materials=ju.Material(**SUPERCONDUCTOR)),
        pair_potential=ju.vortex(DELTA),
        uniform=lambda size: ju.disk(radius, size),
        finest=lambda size: ju.disk(radius, size / 1.5, size / 8),
        points=np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1),
    )


def corners(half, block):
    """A ferromagnetic square of width `block` in the middle of a superconducting one, round which a current flows."""
    ends = {"left": [(-half, -half), (-half, half)], "right": [(half, -half), (half, half)]}
    inner, outline = ([(-a, -a), (a, -a), (a, a), (-a, a)] for a in (block / 2, half))
    mesh = lambda size: ju.polygon(outline, size, regions={"F": inner}, boundaries=ends, rest="S")  # noqa: E731
    return Problem(
        name=f"S/F corners, a square of {block:g} in one of {2 * half:g}",
        device=lambda mesh: ju.Device(
            mesh=mesh,
            materials={"S": ju.Material(**SUPERCONDUCTOR), "F": ju.Material(**FERROMAGNET)},
            boundaries={"left": ju.Reservoir(DELTA), "right": ju.Reservoir(DELTA, phase=1.5)},
        ),
        pair_potential=lambda p: DELTA * np.exp(0.75j * (1 + p[:, 0] / half)),
        uniform=mesh,
        finest=lambda size: mesh(ju.graded(size / 1.5, [([*inner, inner[0]], size / 4)])),
        points=half * np.random.default_rng(0).uniform(-0.99, 0.99, (20_000, 2)),
    )


def errors(found, exact):
    """Relative root mean squares of the differences."""
    return [float(np.sqrt(np.nansum((a - b) ** 2) / np.nansum(b**2))) for a, b in zip(found, exact, strict=True)]


def needed(family, found):
    """Nodes of uniform meshes with these errors, by power laws through a family of (nodes, error, error)."""
    nodes, *scales = np.log(np.array(family)).T
    fits = (np.polyfit(scale, nodes, 1) for scale in scales)
    return [float(np.exp(np.polyval(fit, np.log(e)))) for fit, e in zip(fits, found, strict=True)]


def compare(problem, sizes, start, steps, fraction):
    """Print the table of one problem."""
    exact = problem.sampled(problem.solved(problem.finest(min(sizes))))
    print(f"{problem.name}\n| mesh | nodes | error of current | of spin | nodes of a uniform mesh for these |")
    family = []
    for size in sizes:
        sol = problem.solved(problem.uniform(size))
        family.append((sol.mesh.n_nodes, *errors(problem.sampled(sol), exact)))
        print("| uniform | {} | {:.4f} | {:.4f} | |".format(*family[-1]), flush=True)
    sol = problem.solved(problem.uniform(start))
    for _ in range(steps):
        sol = problem.solved(ju.adapt(sol.device, sol, fraction).mesh)
        found, nodes = errors(problem.sampled(sol), exact), sol.mesh.n_nodes
        ratios = ", ".join(f"{n:.0f} ({n / nodes:.1f} times)" for n in needed(family, found))
        print(f"| adapted | {nodes} | {found[0]:.4f} | {found[1]:.4f} | {ratios} |", flush=True)


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--radii", type=float, nargs="*", default=[8.0, 16.0])
    parser.add_argument("--blocks", type=float, nargs="*", default=[8.0, 4.0], help="widths of the ferromagnet")
    parser.add_argument("--half", type=float, default=8.0, help="half the width of the superconductor round it")
    parser.add_argument("--sizes", type=float, nargs="+", default=[1.2, 0.85, 0.6])
    parser.add_argument("--start", type=float, default=2.0, help="size of the mesh that adaptation starts from")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--fraction", type=float, default=0.5)
    given = parser.parse_args()
    warnings.simplefilter("ignore", ju.CoarseMeshWarning)
    for problem in (*map(vortex, given.radii), *(corners(given.half, block) for block in given.blocks)):
        compare(problem, given.sizes, given.start, given.steps, given.fraction)


if __name__ == "__main__":
    main()
