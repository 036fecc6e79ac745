"""First uses of jusadel, each for a process of its own: `python benchmarks/first_uses.py NAME` prints what it took.

Only public names, and none of `benchmarks`: it also runs with the package of an earlier commit.
"""

import importlib
import json
import sys
import time
from typing import NamedTuple

import jax
import numpy as np

SIZE = 0.25
"""Of the README's mesh."""
FINE = 0.08
"""Of the bilayer of a sweep: 370 nodes, of which each temperature takes a few seconds."""
TRACING = "/jax/core/compile/jaxpr_trace_duration"
LOWERING = "/jax/core/compile/jaxpr_to_mlir_module_duration"
XLA = "/jax/core/compile/backend_compile_duration"


def ju():
    """The package, imported when it is first asked for."""
    return importlib.import_module("jusadel")


# --- what is done ------------------------------------------------------------------------------------


def strip(size=SIZE, phase=1.0, h=0.8, gamma=0.3):
    """The README's device."""
    material = ju().Material(D=3.5, Tc=0, h=(0, h, 0), gamma=gamma * ju().rashba(1.0))
    electrodes = {"left": ju().Reservoir(1.76), "right": ju().Reservoir(1.76, phase=phase)}
    return ju().Device(mesh=ju().rectangle(3.0, 1.0, size), materials=material, boundaries=electrodes)


def current(device):
    return ju().current_through(ju().solve(device, T=0.1), "right")


def value(size=SIZE):
    """The README's first number."""
    return current(strip(size))


def next_mesh(size=SIZE):
    return current(strip(0.96 * size))


def gradient(size=SIZE):
    """The README's, after the value."""
    f = lambda gamma, h, phase: current(strip(size, phase, h, gamma))  # noqa: E731
    return jax.grad(f, argnums=(0, 1, 2))(0.3, 0.8, 0.0)


def converge(size=SIZE):
    meshes = [strip(factor * size) for factor in (1.6, 1.25, 1.0)]
    return ju().converge(current, meshes)


def current_phase(size=SIZE):
    phases = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    return ju().current_phase_relation(strip(size), phases, T=0.1)


def bilayer(size=SIZE, T=0.2):
    """A self-consistent S-N bilayer."""
    regions = {"S": lambda p: p[:, 0] < 2, "N": lambda p: p[:, 0] > 2}
    mesh = ju().rectangle(3.0, 0.5, size, x=np.linspace(0, 3, 3 * round(1 / size) + 1), regions=regions)
    materials = {"S": ju().Material(Tc=1.0), "N": ju().Material(Tc=0.0)}
    return ju().solve(ju().Device(mesh=mesh, materials=materials), T, "self-consistent", frequencies=6)


def spectrum(size=SIZE):
    sol = ju().solve(strip(size), T=0.1)
    return ju().mean_density_of_states(ju().spectrum(sol, np.linspace(0.1, 2.0, 16), eta=0.1))


def diffuse(size=SIZE):
    """A spin Hall bar."""
    mesh = ju().rectangle(3.0, 1.0, size)
    bar = ju().Device(mesh=mesh, materials=ju().Material(D=1.0, Tc=0.0, Gamma=1.0, theta=(0, 0, 0.2)))
    flow = ju().diffuse(bar, {"left": ju().Contact(voltage=1.0), "right": ju().Contact(voltage=0.0)})
    return ju().current_through(flow, "right")


def point(T, previous):
    return np.abs(bilayer(FINE, T).Delta).max()


def sweep(workers):
    return ju().sweep(point, np.linspace(0.1, 0.6, 8), workers=workers)["result"]


class Use(NamedTuple):
    """What is done, in words, and what has been done before in the same process."""

    words: str
    run: object
    before: object = None


USES = {
    "value": Use("README's device", value),
    "next mesh": Use("the next mesh, after it", next_mesh, value),
    "gradient": Use("gradient, after the value", gradient, value),
    "converge": Use("`converge`, three meshes", converge),
    "current phase": Use("current-phase relation, 8 phases", current_phase),
    "bilayer": Use("self-consistent bilayer", bilayer),
    "spectrum": Use("spectrum, 16 energies", spectrum),
    "diffuse": Use("`diffuse`", diffuse),
    "sweep": Use("8 points of a sweep of bilayers, one by one", lambda: sweep(None)),
    "workers": Use("8 points of a sweep of bilayers, two workers", lambda: sweep(2)),
}


# --- what it took ------------------------------------------------------------------------------------


class Heard:
    """Of JAX: programs that were needed and that XLA compiled, and seconds of each stage.

    What is traced, or compiled, while something else is traced counts once.
    """

    def __init__(self):
        self.programs, self.loaded, self._spans = 0, 0, []
        self.seconds = dict.fromkeys((TRACING, LOWERING, XLA), 0.0)

    def __enter__(self):
        jax.monitoring.register_event_duration_secs_listener(self._took)
        jax.monitoring.register_event_listener(self._happened)
        return self

    def __exit__(self, *error):
        jax.monitoring.unregister_event_duration_listener(self._took)
        jax.monitoring.unregister_event_listener(self._happened)

    def _took(self, event, seconds, **about):
        if event in self.seconds:
            begin, inside = time.perf_counter() - seconds, 0.0
            while self._spans and self._spans[-1][0] >= begin:
                inside += self._spans.pop()[1]
            self._spans.append((begin, seconds))
            self.seconds[event] += seconds - inside
            self.programs += event == XLA

    def _happened(self, event, **about):
        self.loaded += event == "/jax/compilation_cache/cache_hits"

    def now(self):
        """All of it, with the time."""
        names = ("tracing", "lowering", "XLA")
        counts = {"programs": self.programs, "compiled": self.programs - self.loaded}
        return counts | dict(zip(names, self.seconds.values(), strict=True)) | {"wall": time.perf_counter()}


def main(name):
    """Use, and print what it took as JSON; seconds of an import belong to uses without anything before."""
    use = USES[name]
    with Heard() as heard:
        first = heard.now()
        ju()
        imported = heard.now()
        if use.before:
            use.before()
            first = heard.now()
        use.run()
        took = {key: after - first[key] for key, after in heard.now().items()}
    took["import"] = 0.0 if use.before else imported["wall"] - first["wall"]
    print(json.dumps(took))


if __name__ == "__main__":
    main(sys.argv[1])
