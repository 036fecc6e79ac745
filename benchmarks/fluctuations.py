"""python -m benchmarks.fluctuations: what the slowest modes above Tc cost, and how that grows with mesh and modes.

A square film between contacts in a field, ten per cent above Tc: plain, where pairs are singlets alone and the modes
are those of diffusion, and with an exchange field and Rashba coupling, where Davidson's method looks for them. All that
`fluctuations` gives, paraconductivity included. Seconds are of all cores, of which other work beside it takes
no share.
"""

import argparse
import platform
import warnings
from datetime import date
from time import process_time

import jax
import numpy as np

import jusadel as ju
from benchmarks.results import write_part

SIDE, MODES = 12.0, (10, 40)
SIZES = {1089: 0.54, 4096: 0.27}
METALS = {"plain": {}, "h and Rashba": {"h": (0.0, 0.3, 0.0), "spin_field": ju.rashba(0.3)}}
HEADER = (
    f"| metal | nodes | {MODES[0]} modes s | {MODES[1]} modes s | each further mode s | an eigenvalue's gradient s |"
)


def film(size, fields):
    """A film in a mesh of this size."""
    metal = ju.Material(D=1.0, Tc=1.0, **fields)
    ends = {"left": ju.Reservoir(0.0), "right": ju.Reservoir(0.0)}
    mesh, A = ju.rectangle(SIDE, SIDE, size), ju.uniform_field(0.1)
    return ju.Device(mesh=mesh, materials=metal, boundaries=ends, vector_potential=A)


def seconds(f):
    """Of all cores."""
    began = process_time()
    jax.block_until_ready(f())
    return process_time() - began


def row(name, size):
    """One line of the table."""
    device = film(size, METALS[name])
    all_of = lambda modes: ju.fluctuations(device, 1.1, modes=modes, across=("left", "right"))  # noqa: E731
    all_of(MODES[0])  # compiles
    few, many = (seconds(lambda modes=modes: all_of(modes).eigenvalues) for modes in MODES)
    slope = lambda T: ju.fluctuation_eigenvalues(device, T, modes=1)[0]  # noqa: E731
    jax.grad(slope)(1.1)
    gradient = seconds(lambda: jax.grad(slope)(1.1)) - seconds(lambda: slope(1.1))
    each = (many - few) / (MODES[1] - MODES[0])
    nodes = len(device.mesh.points)
    return f"| {name} | {nodes} | {few:.2f} | {many:.2f} | {each:.3f} | {gradient:.2f} |", (nodes, many)


def main():
    """Print the table, write its part of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="*", default=list(SIZES), choices=list(SIZES))
    chosen = parser.parse_args().nodes
    warnings.simplefilter("ignore", ju.FewModesWarning)
    warnings.simplefilter("ignore", ju.CoarseMeshWarning)
    found = {name: [row(name, SIZES[n]) for n in chosen] for name in METALS}
    table = "\n".join([HEADER, "|---" * 6 + "|", *(line for rows in found.values() for line, _ in rows)])
    about = f"`python -m benchmarks.fluctuations`, {date.today()}, {platform.machine()}, jax {jax.__version__}."
    text = f"{about}\n\n{' '.join(__doc__.split(chr(10) * 2)[1].split())}\n\n{table}\n"
    if len(chosen) > 1:
        powers = (np.polyfit(*np.log(np.array([at for _, at in rows])).T, 1)[0] for rows in found.values())
        text += f"\nThe {MODES[1]} modes grow as nodes to the powers {' and '.join(f'{p:.2f}' for p in powers)}.\n"
    print(text)
    write_part("Fluctuations above Tc", text)


if __name__ == "__main__":
    main()
