"""python -m benchmarks.random_devices: solve random devices, and check again, by plain means, whatever is certified.

Everything is drawn from one seed: device k of seed s is always the same (`--only k` solves it alone).
"""

import argparse
import traceback
import warnings
from collections import Counter
from time import perf_counter

import jax
import jax.numpy as jnp
import numpy as np

import jusadel as ju
from jusadel.discrete import action
from jusadel.newton import forces

LIMITS = {"G^2 + 1": 1e-9, "residual": 1e-7, "margin": 0.0, "current": 1e-5}
REASONS = ("Newton stopped", "unphysical stationary point", "gap equation did not converge")


def number(rng, largest):
    return float(largest * rng.uniform(-1, 1))


def chance(rng, p):
    return bool(rng.random() < p)


def spin_orbit(rng, scale):
    """Tensors inside the domain where the normal state is stable; all or none, so that programs serve again."""
    gamma, theta, kappa = rng.normal(size=(3, 2)) * 0.15, rng.uniform(-0.2, 0.2, 3), rng.uniform(-0.2, 0.2, 3)
    return {"gamma": scale * gamma, "theta": scale * theta, "kappa": scale * kappa} if chance(rng, 0.5) else {}


def material(rng, Tc):
    root, h = rng.normal(size=(3, 3)), rng.normal(size=3)
    h *= 3 * ju.bulk_gap(0.05) * rng.random() ** 2 / np.linalg.norm(h)
    extra = {"spin_field": 0.3 * rng.normal(size=(3, 2))} if chance(rng, 0.4) else {}
    Gamma = (0.3 * (root @ root.T) + np.eye(3)) * rng.random()
    return ju.Material(
        Tc=Tc, D=rng.uniform(0.7, 3.0), nu=rng.uniform(0.5, 2.0), h=h, Gamma=Gamma, **extra, **spin_orbit(rng, 1.0)
    )


def surface(rng):
    beta = 0.1 * rng.normal(size=(3, 3, 2)) * chance(rng, 0.3)
    extra = {"Gamma": rng.uniform(0.5, 1.0), "beta": (beta + beta.swapaxes(0, 1)) / 2} if chance(rng, 0.5) else {}
    return ju.Surface(h=0.5 * rng.normal(size=3), rashba=number(rng, 0.1), **extra, **spin_orbit(rng, 0.3))


def reservoir(rng):
    h = 0.5 * rng.normal(size=3) * chance(rng, 0.3)
    return ju.Reservoir(rng.choice([0.0, 1.0, 1.76]), phase=number(rng, np.pi), h=h)


def barrier(rng):
    """Conductance and transmissions."""
    channels = rng.uniform(0.05, 1.0, rng.integers(1, 4)) if chance(rng, 0.5) else None
    return float(10 ** rng.uniform(-2, 1.5)), channels


def edge(rng, kinds):
    kind = rng.choice(kinds)
    if kind == "tunnel":
        return ju.Tunnel(reservoir(rng), *barrier(rng), surface=surface(rng) if chance(rng, 0.3) else None)
    return {"reservoir": reservoir, "surface": surface, "vacuum": lambda rng: None}[kind](rng)


def geometry(rng):
    """A mesh, the names of inner borders, and boundaries of its edges."""
    kind = rng.choice(["disk", "strip", "two", "three"])
    if kind == "disk":
        unit, radius = ju.disk(1.0, 0.3, 0.2), rng.uniform(1.0, 3.0)
        mesh, inner = unit.with_points(radius * unit.points), []
        return kind, mesh, inner, {"rim": edge(rng, ["reservoir", "tunnel", "surface", "vacuum"])}
    length, height, parts = rng.uniform(1.5, 4.0), rng.uniform(0.5, 1.5), {"strip": 1, "two": 2, "three": 3}[kind]
    place = lambda c: np.minimum((parts * c[:, 0] / length).astype(int), parts - 1)  # noqa: E731
    regions = {"abc"[k]: lambda c, k=k: place(c) == k for k in range(parts)}
    x, y = np.linspace(0, length, 13), np.linspace(0, height, 5)
    mesh, inner = ju.rectangle(length, height, 1.0, x=x, y=y, regions=regions), ["ab", "bc"][: parts - 1]
    for name in inner:
        mesh = ju.with_cut_between(mesh, *name, name)
    edges = {}
    for first, second, kinds in (("left", "right", ["reservoir", "tunnel", "surface"]), ("bottom", "top", ["surface"])):
        if chance(rng, 0.2):
            rotation = rng.normal(size=3) * chance(rng, 0.3)
            edges[second] = ju.Periodic(first, phase=number(rng, np.pi) * chance(rng, 0.7), rotation=rotation)
        else:
            edges |= {name: edge(rng, [*kinds, "tunnel", "vacuum"]) for name in (first, second)}
    return kind, mesh, inner, edges


def device(rng):
    """A random device, a name for it, and what `solve` is to be told."""
    kind, mesh, inner, boundaries = geometry(rng)
    for name in inner:
        if chance(rng, 0.6):
            sides = (surface(rng), None) if chance(rng, 0.3) else None
            boundaries[name] = ju.Interface(*barrier(rng), surface=sides)
        elif chance(rng, 0.3):
            boundaries[name] = ju.Interface(surface=surface(rng))
    pairing = str(rng.choice(["none", "given", "self-consistent"]))
    Tc = {name: float(pairing != "none" and chance(rng, 0.6)) * rng.uniform(0.8, 1.3) for name in mesh.regions}
    if pairing == "self-consistent":
        Tc["a" if "a" in Tc else next(iter(Tc))] = 1.0
    B = number(rng, 0.3) if chance(rng, 0.3) else 0.0
    periodic = any(isinstance(b, ju.Periodic) for b in boundaries.values())
    made = ju.Device(
        mesh=mesh,
        materials={name: material(rng, Tc[name]) for name in mesh.regions},
        boundaries={name: b for name, b in boundaries.items() if b is not None},
        vector_potential=ju.uniform_field(B) if B and not periodic else None,
    )
    T, given = rng.uniform(0.05, 0.9), {"none": 0.0, "given": number(rng, 1.7) + 0.5j, "self-consistent": pairing}
    vortex = kind == "disk" and pairing == "given" and chance(rng, 0.5)
    potential = ju.vortex(1.5) if vortex else given[pairing]
    arguments = {"T": T, "pair_potential": potential, "frequencies": int(rng.choice([3, 6]))}
    return f"{kind:6s} {pairing:15s}", made, arguments


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
    scale = max([1e-2, *np.abs(out)])
    return {
        "G^2 + 1": np.abs(G @ G + np.eye(4)).max() / np.abs(G).max() ** 2,
        "residual": np.linalg.norm(turned) / np.linalg.norm(forces(system, sol.omega)),
        "margin": -np.linalg.eigvalsh((A + A.swapaxes(-1, -2)) / 2).min(),
        "current": abs(sum(out)) / scale if conserved else 0.0,
    }


def outcome(name, made, arguments):
    """A word for what happened, and a line about it."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            sol = ju.solve(made, linear_solver=ju.linear.SuperLU(), tol=1e-11, **arguments)
        unstable = " unstable" * any(issubclass(w.category, ju.UnstableStateWarning) for w in caught)
        known = (ju.CoarseMeshWarning, ju.UnstableStateWarning)
        others = [f"{w.category.__name__}: {w.message}" for w in caught if not issubclass(w.category, known)]
        found = checked(sol, "given" not in name)
    except ju.StabilityError as error:
        return "StabilityError", str(error)
    except ju.SolveError as error:
        return f"SolveError: {next((r for r in REASONS if r in str(error)), 'other')}", str(error)
    except ValueError as error:
        return "refused", str(error)
    except Exception:
        return "BUG", traceback.format_exc()
    wrong = [f"{key} {value:.1e}" for key, value in found.items() if not value <= LIMITS[key]]
    text = ", ".join(f"{key} {value:.0e}" for key, value in found.items())
    return ("BUG" if wrong else "certified" + unstable), "; ".join([text, *(f"WRONG {w}" for w in wrong), *others])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for option, default in (("--count", 100), ("--seed", 0), ("--first", 0)):
        parser.add_argument(option, type=int, default=default)
    parser.add_argument("--only", type=int, default=None)
    options = parser.parse_args()
    jax.config.update("jax_disable_most_optimizations", True)  # most of the time is compilation
    which = range(options.first, options.first + options.count) if options.only is None else [options.only]
    counts = Counter()
    for k in which:
        began, made = perf_counter(), None
        try:
            name, made, arguments = device(np.random.default_rng([options.seed, k]))
        except ValueError as error:
            word, text, name = "refused", str(error), "?"
        if made is not None:
            word, text = outcome(name, made, arguments)
            name += f" {len(made.mesh.points):4d} nodes, {arguments['frequencies']} omega, T = {arguments['T']:.2f}"
        counts[word] += 1
        print(f"{k:4d} {name}, {perf_counter() - began:5.1f} s  {word}: {text}", flush=True)
        if k % 10 == 9:
            jax.clear_caches()
    print(*(f"{count:5d} {word}" for word, count in counts.most_common()), sep="\n")


if __name__ == "__main__":
    main()
