"""python -m benchmarks.random_devices: solve random devices, and check again, by plain means, whatever is certified.

Everything is drawn from one seed: device k of seed s is always the same (`--only k` solves it alone). There are six
families, each with its own topology, kinds of boundaries and set of tensors: what is compiled for one serves the next.
"""

import argparse
import traceback
import warnings
from collections import Counter
from itertools import pairwise
from time import perf_counter

import jax
import jax.numpy as jnp
import numpy as np

import jusadel as ju
from jusadel.discrete import action
from jusadel.newton import forces

LIMITS = {"G^2 + 1": 1e-9, "residual": 1e-7, "margin": 0.0, "current": 1e-6}
REASONS = ("Newton stopped", "unphysical stationary point", "gap equation did not converge")
FAMILIES = ("grain", "dot", "wire", "ring", "junction", "trilayer")
PARTS = {"wire": "a", "ring": "a", "junction": "ab", "trilayer": "abc"}  # regions along x; the others are disks


def material(rng, Tc, spin_orbit):
    """Tensors inside the domain where the normal state is stable; all of them or none that couples spin and orbit."""
    root, h = rng.normal(size=(3, 3)), rng.normal(size=3)
    h *= 3 * ju.bulk_gap(0.05) * rng.random() ** 2 / np.linalg.norm(h)
    more = tensors(rng, 1.0) | {"spin_field": 0.3 * rng.normal(size=(3, 2))} if spin_orbit else {}
    Gamma = (0.3 * (root @ root.T) + np.eye(3)) * rng.random()
    return ju.Material(Tc=Tc, D=rng.uniform(0.7, 3.0), nu=rng.uniform(0.5, 2.0), h=h, Gamma=Gamma, **more)


def tensors(rng, scale):
    gamma, theta, kappa = rng.normal(size=(3, 2)) * 0.15, rng.uniform(-0.2, 0.2, 3), rng.uniform(-0.2, 0.2, 3)
    return {"gamma": scale * gamma, "theta": scale * theta, "kappa": scale * kappa}


def surface(rng):
    beta, Gamma = 0.1 * rng.normal(size=(3, 3, 2)), rng.uniform(0.5, 1.0)
    beta, rashba = (beta + beta.swapaxes(0, 1)) / 2, rng.uniform(-0.1, 0.1)
    return ju.Surface(h=0.5 * rng.normal(size=3), Gamma=Gamma, beta=beta, rashba=rashba, **tensors(rng, 0.3))


def reservoir(rng):
    h = 0.5 * rng.normal(size=3) * (rng.random() < 0.3)
    return ju.Reservoir(rng.choice([0.0, 1.0, 1.76]), phase=rng.uniform(-np.pi, np.pi), h=h)


def conductance(rng):
    return float(10 ** rng.uniform(-2, 1.5))


def channels(rng):
    return rng.uniform(0.05, 1.0, 2)


def geometry(rng, family):
    """A mesh of the family's topology: scaled, and its inner nodes moved, those of inner borders too."""
    if family not in PARTS:
        mesh, size = ju.disk(1.0, 0.3, 0.2), [rng.uniform(1.0, 3.0)] * 2
    else:
        parts = PARTS[family]
        regions = {name: lambda c, k=k: (c[:, 0] * len(parts)).astype(int) == k for k, name in enumerate(parts)}
        mesh = ju.rectangle(1.0, 1.0, 1.0, x=np.linspace(0, 1, 13), y=np.linspace(0, 1, 5), regions=regions)
        for border in pairwise(parts):
            mesh = ju.with_cut_between(mesh, *border, "".join(border))
        size = rng.uniform(1.5, 4.0), rng.uniform(0.5, 1.5)
    inner = np.setdiff1d(np.arange(mesh.n_nodes), mesh.boundary_edges)
    points = np.array(mesh.points)
    points[inner] += rng.uniform(-0.015, 0.015, (len(inner), 2))
    return mesh.with_points(points * np.array(size)), size


def conditions(rng, family, length, B):
    """The family's boundaries with random numbers."""
    phi = rng.uniform(-np.pi, np.pi)
    periodic = ju.Periodic("left", phase=lambda p: phi + 2 * B * length * p[:, 1], rotation=rng.normal(size=3))
    two_sides = ju.Interface(conductance(rng), channels(rng), surface=(surface(rng), None))
    return {
        "grain": {},
        "dot": {"rim": ju.Tunnel(reservoir(rng), conductance(rng), channels(rng), surface=surface(rng))},
        "wire": {"left": reservoir(rng), "right": reservoir(rng), "bottom": surface(rng)},
        "ring": {"right": periodic, "top": ju.Tunnel(reservoir(rng), conductance(rng))},
        "junction": {"left": ju.Tunnel(reservoir(rng), conductance(rng)), "right": reservoir(rng), "ab": two_sides},
        "trilayer": {"left": reservoir(rng), "ab": ju.Interface(conductance(rng)), "right": reservoir(rng)},
    }[family]


def device(rng, family):
    """A random device, and what `solve` is to be told."""
    mesh, (length, _) = geometry(rng, family)
    B = rng.uniform(-0.3, 0.3) * (family != "trilayer")
    pairing = str(rng.choice(["given", "self-consistent"] + ["none"] * (family == "wire")))
    Tc = {name: (pairing != "none" and rng.random() < 0.6) * rng.uniform(0.8, 1.3) for name in mesh.regions}
    Tc |= {min(Tc): 1.0} if pairing == "self-consistent" else {}
    made = ju.Device(
        mesh=mesh,
        materials={name: material(rng, float(Tc[name]), family != "trilayer") for name in mesh.regions},
        boundaries=conditions(rng, family, length, B),
        vector_potential=ju.uniform_field(B, gauge="y") if B else None,
    )
    given = ju.vortex(1.5) if family not in PARTS else rng.uniform(-1.7, 1.7) + 0.5j
    potential = {"none": 0.0, "given": given, "self-consistent": "self-consistent"}[pairing]
    return made, pairing, {"T": rng.uniform(0.05, 0.9), "pair_potential": potential, "frequencies": 6}


@jax.jit
def slopes(system, G, omega):
    """The plain derivative of the action with respect to G, (n_w, N, 4, 4)."""
    return jax.lax.map(lambda x: jax.grad(lambda g: action(system, g, x[1]))(x[0]), (G, omega))


def checked(sol, conserved):
    """What was certified, checked without frames, Hessians or the solver's certificate."""
    G, system = np.asarray(sol.all_G), sol.system
    Phi = np.swapaxes(np.asarray(slopes(system, sol.all_G, jnp.asarray(sol.omega))), -1, -2)
    turned = (G @ Phi - Phi @ G)[:, np.asarray(system.free)]  # dS = Tr(w [G, Phi]) for dG = [w, G]
    A = -G[:, : len(sol.mesh.points)] @ ju.nambu.R[2]
    out = [float(ju.current_through(sol, name)) for name in sol.device.electrodes()]
    return {
        "G^2 + 1": np.abs(G @ G + np.eye(4)).max() / np.abs(G).max() ** 2,
        "residual": np.linalg.norm(turned) / np.linalg.norm(forces(system, sol.omega)),
        "margin": -np.linalg.eigvalsh((A + A.swapaxes(-1, -2)) / 2).min(),
        "current": abs(sum(out)) / max([1e-2, *np.abs(out)]) if conserved else 0.0,
    }


def outcome(made, pairing, arguments):
    """A word for what happened, and a line about it."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            sol = ju.solve(made, linear_solver=ju.linear.SuperLU(), tol=1e-11, gap_tol=1e-10, **arguments)
        known = (ju.CoarseMeshWarning, ju.UnstableStateWarning)
        others = [f"{w.category.__name__}: {w.message}" for w in caught if not issubclass(w.category, known)]
        found = checked(sol, pairing != "given")
    except ju.StabilityError as error:
        return "StabilityError", str(error)
    except ju.SolveError as error:
        return f"SolveError: {next((r for r in REASONS if r in str(error)), 'other')}", str(error)
    except Exception:
        return "BUG", traceback.format_exc()
    wrong = [f"WRONG {key} {value:.1e}" for key, value in found.items() if not value <= LIMITS[key]]
    text = ", ".join([f"{key} {value:.0e}" for key, value in found.items()] + wrong + others)
    return ("BUG" if wrong else f"certified, {sol.stats.get('state', 'given Delta')}"), text


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for option, default in (("--count", 100), ("--seed", 0), ("--first", 0), ("--only", None)):
        parser.add_argument(option, type=int, default=default)
    options = parser.parse_args()
    jax.config.update("jax_disable_most_optimizations", True)  # most of the time is compilation
    which = range(options.first, options.first + options.count) if options.only is None else [options.only]
    counts = Counter()
    for k in which:
        began, family = perf_counter(), FAMILIES[k % len(FAMILIES)]
        made, pairing, arguments = device(np.random.default_rng([options.seed, k]), family)
        word, text = outcome(made, pairing, arguments)
        counts[word] += 1
        name = f"{family:9s} {pairing:15s} {len(made.mesh.points):3d} nodes, T = {arguments['T']:.2f}"
        print(f"{k:4d} {name}, {perf_counter() - began:5.1f} s  {word}: {text}", flush=True)
    print(*(f"{count:5d} {word}" for word, count in counts.most_common()), sep="\n")


if __name__ == "__main__":
    main()
