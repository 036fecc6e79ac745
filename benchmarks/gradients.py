"""python -m benchmarks.gradients: what a full gradient costs beside the solution it belongs to, within one run.

The gradient is that of a free energy and a spin texture with respect to every tensor of the material, all of them given
at every node and triangle (thousands of numbers), and with respect to one number alone.
"""

import argparse
import resource
from time import perf_counter, process_time

import jax
import jax.numpy as jnp
import numpy as np

import jusadel as ju
from benchmarks.problems import DELTA
from jusadel.action import matsubara


def spin(device, T, count, solver):
    """Mean square of the spin around a vortex."""
    sol = ju.solve(device, T, ju.vortex(DELTA), frequencies=count, linear_solver=solver)
    return jnp.mean(jnp.sum(ju.spin_density(sol) ** 2, axis=-1))


def one_number(mesh, gamma):
    """A device with one number that is differentiated."""
    return ju.Device(mesh=mesh, materials=material(gamma=gamma * ju.rashba(1.0)))


def material(**given):
    """All tensors."""
    tensors = {
        "D": 2 * DELTA * jnp.eye(2),
        "Gamma": 2 * DELTA * jnp.eye(3),
        "gamma": ju.rashba(0.75),
        "spin_field": ju.rashba(0.15),
        "theta": (0, 0, 0.2),
        "kappa": (0, 0, 0.1),
    }
    return ju.Material(**tensors | given)


def many_numbers(mesh, numbers):
    """A device in which the spin-galvanic strength and the relaxation are numbers of every sample, and points move."""
    strength, points = numbers
    gamma = lambda x: (1 + jnp.resize(strength, len(x)))[:, None, None] * ju.rashba(0.75)  # noqa: E731
    return ju.Device(mesh=mesh.with_points(points), materials=material(gamma=gamma))


def seconds(f):
    """Seconds of the second call: by the clock and of all cores, of which other work beside it takes no share."""
    jax.block_until_ready(f())
    began = np.array([perf_counter(), process_time()])
    jax.block_until_ready(f())
    return np.array([perf_counter(), process_time()]) - began


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.3, 0.15])
    parser.add_argument("--T", type=float, default=0.3)
    arguments = parser.parse_args()
    count = matsubara.enough_frequencies(arguments.T, DELTA, 1e-4)
    solver = ju.linear.Krylov()
    print("| nodes | frequencies | parameters | solution s | with gradient s | gradient/solution | in CPU s | GB |")
    for size in arguments.sizes:
        mesh = ju.disk(10.0, size, size / 5)
        points = jnp.asarray(mesh.points)
        cases = ((one_number, jnp.asarray(0.75)), (many_numbers, (jnp.zeros(len(mesh.triangles)), points)))
        for make, numbers in cases:
            f = lambda p, make=make, mesh=mesh: spin(make(mesh, p), arguments.T, count, solver)  # noqa: E731
            plain = seconds(lambda f=f, numbers=numbers: f(numbers))
            whole = seconds(lambda f=f, numbers=numbers: jax.value_and_grad(f)(numbers))
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            parameters = sum(np.size(x) for x in jax.tree.leaves(numbers))
            print(
                f"| {len(points)} | {count} | {parameters} | {plain[0]:.1f} | {whole[0]:.1f} | "
                f"{whole[0] / plain[0] - 1:.2f} | {whole[1] / plain[1] - 1:.2f} | {memory:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
