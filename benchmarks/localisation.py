"""python -m benchmarks.localisation: what a magnetoconductance costs a field, and how that grows with the mesh.

A square film with Rashba coupling, by the side of one factorisation of the same Hessian as Newton's method makes it,
eight real numbers a node: the direct way, d ln|det(H + s W)|/ds, takes two of them a field. Seconds are of all cores,
of which other work beside it takes no share.
"""

import argparse
import platform
from datetime import date
from time import process_time

import jax
import numpy as np

import jusadel as ju
from benchmarks.results import write_part
from jusadel.action.assembly import discretise
from jusadel.action.block_hessian import hessian_blocks
from jusadel.action.matrix_free import lift, slope_and_curvature
from jusadel.action.sparse_hessian import Pattern
from jusadel.solver.linear.superlu import one_thread_each

SIDE, RATE = 8.0, 0.25
SIZES = {1089: 0.36, 4096: 0.18, 16129: 0.09}
HEADER = "| nodes | first field s | further fields s each | the gradient s each | SuperLU s | 20 fields in SuperLU's |"


def film(size):
    """A film of two dephasing lengths in a mesh of this size."""
    metal = ju.Material(D=1.0, Tc=0.0, dephasing=RATE, spin_field=ju.rashba(0.5))
    ends = {"left": ju.Reservoir(0.0), "right": ju.Reservoir(0.0)}
    return ju.Device(mesh=ju.rectangle(SIDE, SIDE, size), materials=metal, boundaries=ends)


def seconds(f):
    """Of all cores."""
    began = process_time()
    jax.block_until_ready(f())
    return process_time() - began


def seconds_of_factorisation(device):
    """SuperLU on the Hessian in the normal state, (8 n, 8 n), as Newton's method has it."""
    lifted = lift(discretise(device, np.zeros((len(device.mesh.triangles), 3), complex)))
    V, omega = np.broadcast_to(np.eye(4), (1, len(lifted.system.free), 4, 4)), np.array([RATE / 2])
    blocks = hessian_blocks(lifted, V, slope_and_curvature(lifted, V, omega)[1], omega)
    matrix = Pattern(lifted).matrix(blocks)
    with one_thread_each():
        return seconds(lambda: ju.linear.SuperLU().factorise(matrix)[0](np.ones(matrix.shape[0])))


def row(size):
    """One line of the table."""
    device = film(size)
    ju.localisation(device, [0.0, 0.1])  # compiles
    first = seconds(lambda: ju.localisation(device, [0.1]).correction)
    further = (seconds(lambda: ju.localisation(device, [0.1, 0.2, 0.3, 0.4]).correction) - first) / 3
    correction = lambda B: ju.localisation(device, B).correction.sum()  # noqa: E731
    jax.grad(correction)(0.1 * np.ones(1))
    gradient = (seconds(lambda: jax.grad(correction)(0.1 * np.arange(1.0, 4.0)))) / 3
    other = seconds_of_factorisation(device)
    ratio = (first + 19 * further) / other
    return (
        f"| {len(device.mesh.points)} | {first:.2f} | {further:.2f} | {gradient:.2f} | {other:.2f} | {ratio:.0f} |",
        (len(device.mesh.points), further),
    )


def main():
    """Print the table, write its part of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="*", default=list(SIZES), choices=list(SIZES))
    rows, times = zip(*(row(SIZES[n]) for n in parser.parse_args().nodes), strict=True)
    table = "\n".join([HEADER, "|---" * 6 + "|", *rows])
    about = f"`python -m benchmarks.localisation`, {date.today()}, {platform.machine()}, jax {jax.__version__}."
    text = f"{about}\n\n{' '.join(__doc__.split(chr(10) * 2)[1].split())}\n\n{table}\n"
    if len(times) > 1:
        power = np.polyfit(*np.log(np.array(times)).T, 1)[0]
        text += f"\nA further field grows as nodes to the power {power:.2f}.\n"
    print(text)
    write_part("Weak localisation", text)


if __name__ == "__main__":
    main()
