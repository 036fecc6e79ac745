"""python -m benchmarks.transport_gradients: what a gradient costs beside the spectrum, flow or kinetics it belongs to.

Second calls within one run, by the clock and in CPU seconds, of which other work beside it takes no share: the spectrum
and the distributions on top of a solution that is there. The gradient is that of one number that is measured, with
respect to the exchange field, the relaxation and the conductance of a barrier.
"""

import argparse
import platform
from datetime import date

import jax
import jax.numpy as jnp
import numpy as np

import jusadel as ju
from benchmarks.gradients import seconds
from benchmarks.results import write_part

HEADER = "| | nodes | energies or times | plain s | with gradient s | gradient / plain | in CPU seconds |"
VALUES = {"h": jnp.array([0.0, 0.2, 0.3]), "Gamma": jnp.array(0.5), "barrier": jnp.array(2.0)}


def device(mesh, p):
    """A normal strip behind a barrier, on a superconductor."""
    ends = {"left": ju.Tunnel(ju.Reservoir(0.0), p["barrier"]), "right": ju.Reservoir(1.0)}
    material = ju.Material(D=1.0, Tc=0.0, h=p["h"], Gamma=p["Gamma"], gamma=ju.rashba(0.2))
    return ju.Device(mesh=mesh, materials=material, boundaries=ends)


def states(mesh, energies, p):
    """The mean density of states."""
    sol = ju.solve(device(mesh, p), 0.1, frequencies=([3.0], [1.0]))
    return jnp.mean(ju.mean_density_of_states(ju.spectrum(sol, energies, eta=0.05)))


def distributions(mesh, energies, p):
    """A current out of equilibrium."""
    sol = ju.solve(device(mesh, p), 0.1, frequencies=([3.0], [1.0]))
    contacts = {"left": ju.Contact(voltage=0.6), "right": ju.Contact(voltage=0.0)}
    kin = ju.kinetics(ju.spectrum(sol, energies, eta=0.05), contacts, weights=np.gradient(energies))
    return ju.current_through(kin, "right")


def flow(mesh, energies, p):
    """A spin in the normal state; without energies."""
    contacts = {"left": ju.Contact(voltage=1.0), "right": ju.Contact(voltage=0.0)}
    return ju.diffuse(device(mesh, p), contacts).S[len(mesh.points) // 2, 1]


CASES = {"spectrum": states, "kinetics": distributions, "diffuse": flow}


def main():
    """Print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[500, 2000])
    parser.add_argument("--energies", type=int, default=16)
    parser.add_argument("--cases", nargs="+", default=list(CASES))
    arguments = parser.parse_args()
    energies, lines = np.linspace(0.1, 2.0, arguments.energies), [HEADER, "|---|---|---|---|---|---|---|"]
    print(HEADER)
    for nodes in arguments.nodes:
        mesh = ju.rectangle(4.0, 2.0, np.sqrt(16 / nodes))
        for name in arguments.cases:
            f = lambda p, name=name, mesh=mesh: CASES[name](mesh, energies, p)  # noqa: E731
            plain = seconds(lambda f=f: f(VALUES))
            whole = seconds(lambda f=f: jax.value_and_grad(f)(VALUES))
            count = "" if name == "diffuse" else len(energies)
            ratio = whole / plain - 1
            lines.append(
                f"| {name} | {len(mesh.points)} | {count} | {plain[0]:.2f} | {whole[0]:.2f} | {ratio[0]:.2f} "
                f"| {ratio[1]:.2f} |"
            )
            print(lines[-1], flush=True)
    given = f"`python -m benchmarks.transport_gradients`, {date.today()}, {platform.machine()}, jax {jax.__version__}."
    write_part(
        "Gradients of spectra and flows", "\n".join([given, "", __doc__.split("\n\n", 1)[1].strip(), "", *lines])
    )


if __name__ == "__main__":
    main()
