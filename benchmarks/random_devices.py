"""python -m benchmarks.random_devices: solve random devices, and check again, by plain means, whatever is certified.

Everything is drawn from one seed: device k of seed s is always the same (`--only k` solves it alone). There are six
families, each with its own topology, kinds of boundaries and set of tensors: what is compiled for one serves the next.
With `--magnets` the same devices get the terms of magnets, and their barriers filter spins or scatter them.
"""

import argparse
import traceback
import warnings
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from time import perf_counter

import jax
import numpy as np

import jusadel as ju
from benchmarks.recheck import LIMITS, measured

REASONS = ("normal state is unstable", "Newton stopped", "unphysical stationary point", "gap equation did not converge")
PARTS = {"grain": "", "dot": "", "wire": "a", "ring": "a", "junction": "ab", "trilayer": "abc"}
"""Families, and their regions along x; without any it is a disk."""


def tensors(rng, scale):
    gamma, theta, kappa = 0.15 * rng.normal(size=(3, 2)), 0.2 * rng.uniform(-1, 1, 3), 0.2 * rng.uniform(-1, 1, 3)
    return {"gamma": scale * gamma, "theta": scale * theta, "kappa": min(scale, 1) * kappa}


def material(rng, Tc, spin_orbit):
    """One in five has gamma and theta that may leave the domain where the normal state is stable."""
    root, h = rng.normal(size=(3, 3)), rng.normal(size=3)
    h *= 3 * ju.bulk_gap(0.05) * rng.random() ** 2 / np.linalg.norm(h)  # up to three gaps
    more = tensors(rng, rng.choice([1, 1, 1, 1, 4])) | {"spin_field": 0.3 * rng.normal(size=(3, 2))}
    Gamma = (0.3 * (root @ root.T) + np.eye(3)) * rng.random()
    D, nu = rng.uniform(0.7, 3.0), rng.uniform(0.5, 2.0)
    return ju.Material(Tc=Tc, D=D, nu=nu, h=h, Gamma=Gamma, **(more if spin_orbit else {}))


def magnet(rng):
    """One in five has a polarisation that may leave the domain where the normal state is stable."""
    both = lambda x: (x + x.swapaxes(-1, -2)) / 2  # noqa: E731
    P, K = 0.06 * rng.choice([1, 1, 1, 1, 4]) * rng.normal(size=(3, 2, 2)), 0.3 * rng.normal(size=(3, 2, 2))
    root = rng.normal(size=(3, 3))
    relaxing = {"magnetic_Gamma": 0.3 * rng.random() * root @ root.T, "depairing": 0.5 * rng.random()}
    galvanic = {name: 0.15 * rng.normal(size=(3, 2)) for name in ("magnetic_gamma", "mu")}
    return relaxing | galvanic | {"P": both(P), "K": both(K), "hall": 0.3 * rng.normal(), "v": 0.1 * rng.normal(size=3)}


def spin_active(rng, condition):
    """The same condition with a barrier that filters spins or, where it had channels, scatters them to all orders."""
    if isinstance(condition, ju.Surface):
        chi, root = 0.1 * rng.normal(size=(3, 2)), rng.normal(size=(3, 3))
        return replace(condition, magnetoelectric=chi, magnetic_Gamma=0.1 * root @ root.T)
    if isinstance(condition, ju.Reservoir):
        return replace(condition, depairing=0.3 * rng.random(), magnetic_Gamma=0.3 * rng.random())
    if not isinstance(condition, ju.Tunnel | ju.Interface):
        return condition
    axis = rng.normal(size=3)
    if condition.transmissions is None:
        return replace(condition, polarisation=rng.random() * axis / np.linalg.norm(axis))
    (up, down), mixing = rng.uniform(0, 1, (2, 2)), rng.uniform(-2, 2, (2, 2))
    n = np.pi * condition.conductance / (up + down)
    scattering = ju.SpinActive(up=up, down=down, mixing=tuple(mixing), axis=axis, channels=n)
    return replace(condition, conductance=scattering, transmissions=None)


def surface(rng):
    beta, h = 0.1 * rng.normal(size=(3, 3, 2)), 0.5 * rng.normal(size=3)
    more = {"beta": (beta + beta.swapaxes(0, 1)) / 2, "rashba": rng.uniform(-0.1, 0.1)} | tensors(rng, 0.3)
    return ju.Surface(h=h, Gamma=rng.uniform(0.5, 1.0), **more)


def reservoir(rng):
    h = 0.5 * rng.normal(size=3) * (rng.random() < 0.3)
    return ju.Reservoir(rng.choice([0.0, 1.0, 1.76]), phase=rng.uniform(-np.pi, np.pi), h=h)


def geometry(rng, family):
    """A mesh of the family's topology: scaled, and its inner nodes moved, those of inner borders too."""
    parts, size = PARTS[family], [rng.uniform(1.0, 3.0)] * 2
    mesh = ju.disk(1.0, 0.3, 0.2)
    if parts:
        size = rng.uniform(1.5, 4.0), rng.uniform(0.5, 1.5)
        regions = {name: lambda c, k=k: (c[:, 0] * len(parts)).astype(int) == k for k, name in enumerate(parts)}
        mesh = ju.rectangle(1.0, 1.0, 1.0, x=np.linspace(0, 1, 13), y=np.linspace(0, 1, 5), regions=regions)
        for border in pairwise(parts):
            mesh = ju.with_cut_between(mesh, *border, "".join(border))
    inner = np.setdiff1d(np.arange(mesh.n_nodes), mesh.boundary_edges)
    points = np.array(mesh.points)
    points[inner] += rng.uniform(-0.015, 0.015, (len(inner), 2))
    return mesh.with_points(points * np.array(size)), size


def conditions(rng, family, length, B):
    """The family's boundaries with random numbers."""
    phi = rng.uniform(-np.pi, np.pi)
    periodic = ju.Periodic("left", phase=lambda p: phi + 2 * B * length * p[:, 1], rotation=rng.normal(size=3))
    conductance, channels = float(10 ** rng.uniform(-2, 1.5)), rng.uniform(0.05, 1.0, 2)
    one, two, edge = reservoir(rng), reservoir(rng), surface(rng)
    middle = ju.Interface(conductance, channels, surface=(edge, None))
    return {
        "grain": {},
        "dot": {"rim": ju.Tunnel(one, conductance, channels, surface=edge)},
        "wire": {"left": one, "right": two, "bottom": edge},
        "ring": {"right": periodic, "top": ju.Tunnel(one, conductance)},
        "junction": {"left": ju.Tunnel(one, 1.0), "right": two, "ab": middle},
        "trilayer": {"left": one, "ab": ju.Interface(conductance), "right": two},
    }[family]


def device(rng, family, magnets=False):
    """A random device, and what `solve` is to be told."""
    mesh, (length, _) = geometry(rng, family)
    B = rng.uniform(-0.3, 0.3) * (family not in ("trilayer", "dot"))  # a closed electrode lets no flux through
    pairing = str(rng.choice(["given", "self-consistent"] + ["none"] * (family == "wire")))
    Tc = {name: (pairing != "none" and rng.random() < 0.6) * rng.uniform(0.8, 1.3) for name in mesh.regions}
    Tc |= {min(Tc): 1.0} if pairing == "self-consistent" else {}
    materials = {name: material(rng, float(Tc[name]), family != "trilayer") for name in mesh.regions}
    boundaries = conditions(rng, family, length, B)
    given = rng.uniform(-1.7, 1.7) + 0.5j if PARTS[family] else ju.vortex(1.5)
    T = rng.uniform(0.05, 0.9)
    if magnets:
        materials = {name: replace(plain, **magnet(rng)) for name, plain in materials.items()}
        boundaries = {name: spin_active(rng, condition) for name, condition in boundaries.items()}
    made = ju.Device(
        mesh=mesh,
        materials=materials,
        boundaries=boundaries,
        vector_potential=ju.electrode_gauge(ju.uniform_field(B, gauge="y")) if B else None,
    )
    potential = {"none": 0.0, "given": given, "self-consistent": "self-consistent"}[pairing]
    return made, pairing, {"T": T, "pair_potential": potential, "frequencies": 6}


def outcome(made, pairing, arguments):
    """A word for what happened, and a line about it."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            sol = ju.solve(made, linear_solver=ju.linear.SuperLU(), tol=1e-11, gap_tol=1e-10, **arguments)
        known = (ju.CoarseMeshWarning, ju.UnstableStateWarning, ju.StrongPrecessionWarning)
        others = [f"{w.category.__name__}: {w.message}" for w in caught if not issubclass(w.category, known)]
        found = measured(sol, pairing != "given")
    except (ju.StabilityError, ju.SolveError) as error:
        return next((reason for reason in REASONS if reason in str(error)), "BUG: no reason"), str(error)
    except Exception:
        return "BUG", traceback.format_exc()
    wrong = [f"WRONG {key} {value:.1e}" for key, value in found.items() if not value <= LIMITS[key]]
    text = ", ".join([f"{key} {value:.0e}" for key, value in found.items()] + wrong + others)
    return ("BUG" if wrong else f"certified, {sol.stats.get('state', 'given Delta')}"), text


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for option, default in {"count": 100, "seed": 0, "only": None}.items():
        parser.add_argument(f"--{option}", type=int, default=default)
    parser.add_argument("--magnets", action="store_true")
    options = parser.parse_args()
    jax.config.update("jax_disable_most_optimizations", True)  # most of the time is compilation
    counts = Counter()
    for k in range(options.count) if options.only is None else [options.only]:
        began, family = perf_counter(), list(PARTS)[k % len(PARTS)]
        try:
            made, pairing, arguments = device(np.random.default_rng([options.seed, k]), family, options.magnets)
            name = f"{family:9s} {pairing:15s} {len(made.mesh.points):3d} nodes, T = {arguments['T']:.2f}"
            word, text = outcome(made, pairing, arguments)
        except ValueError as error:
            name, word, text = family, "refused as it was made", str(error)
        counts[word] += 1
        print(f"{k:4d} {name}, {perf_counter() - began:5.1f} s  {word}: {text}", flush=True)
    print(*(f"{count:5d} {word}" for word, count in counts.most_common()), sep="\n")


if __name__ == "__main__":
    main()
