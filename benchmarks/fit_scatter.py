"""python -m benchmarks.fit_scatter: whether the errors that fits of devices quote are those they make.

The models of examples/fit_hanle.py, fit_tunnelling_spectrum.py and fit_spin_galvanic.py (the last on two of its data
sets with five phases each), with many seeds of the noise, each fitted from the true parameters; and exact data fitted
from several starting points. Printed for each parameter, and written to benchmarks/RESULTS.md: the scatter of its
fitted values over the seeds divided by the mean quoted error, which is known to 1/sqrt(2 (seeds - 1)), and the mean
deviation from the truth in standard errors of the mean.
"""

import argparse
import importlib.util
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import perf_counter

import numpy as np

import jusadel as ju
from benchmarks.results import write_part

EXAMPLES = Path(__file__).parents[1] / "examples"
ROUGH, FINE = 1e-2, 1e-4
"""Standard errors from the minimum where a fit of noisy data, and one of exact data, ends."""
TITLE = "Scatter of fits"


@dataclass(frozen=True)
class Case:
    """A fit of an example: its model, what the data are made with, their noise, and starts of fits of exact data."""

    model: Callable
    truth: dict
    sigma: float | dict
    starts: tuple
    positive: tuple

    def noisy(self, exact, seed):
        """Data with Gaussian noise."""
        rng = np.random.default_rng(seed)
        sigma = self.sigma if isinstance(self.sigma, dict) else dict.fromkeys(exact, self.sigma)
        return {name: np.asarray(y) + sigma[name] * rng.normal(size=y.shape) for name, y in exact.items()}

    def fitted(self, data, start, tol):
        """One fit."""
        transforms = dict.fromkeys(self.positive, ju.positive)
        return ju.fit(self.model, data, start, self.sigma, transforms=transforms, tol=tol)


def loaded(name):
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def spin_galvanic():
    example = loaded("fit_spin_galvanic")
    example.PHASES = np.linspace(-np.pi, np.pi, 5, endpoint=False)
    example.SETS = {name: example.SETS[name] for name in ("T = 1, h = 2", "T = 3, h = 5")}
    starts = (
        {"gamma": 0.3, "Gamma": 1.0, "conductance": 10.0},
        {"gamma": 0.1, "Gamma": 6.0, "conductance": 2.0},
        {"gamma": 0.9, "Gamma": 0.5, "conductance": 20.0},
    )
    return Case(example.model, example.TRUE, example.SIGMA, starts, tuple(example.TRUE))


def hanle():
    example = loaded("fit_hanle")
    return Case(example.model, example.TRUTH, example.NOISE, example.STARTS, ("D", "Gamma", "P"))


def tunnelling_spectrum():
    example = loaded("fit_tunnelling_spectrum")
    positive = ("h", "Gamma", "conductance", "eta")
    return Case(example.model, example.TRUTH, example.NOISE, example.STARTS, positive)


CASES = {"hanle": hanle, "tunnelling_spectrum": tunnelling_spectrum, "spin_galvanic": spin_galvanic}


def scatter(case, seeds):
    """Fitted values and quoted errors for all seeds, {name: (values, errors)}, and seconds a fit."""
    exact, found = case.model(case.truth), []
    began = perf_counter()
    for seed in range(seeds):
        result = case.fitted(case.noisy(exact, seed), case.truth, ROUGH)
        found.append([(result.params[name], result.errors[name]) for name in case.truth])
        print(f"seed {seed}, {perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return dict(zip(case.truth, np.array(found).transpose(1, 2, 0), strict=True)), (perf_counter() - began) / seeds


def table_of_scatter(case, seeds):
    """One row a parameter."""
    found, seconds = scatter(case, seeds)
    yield "| parameter | true | mean | mean quoted error | scatter / quoted error | bias in errors of the mean |"
    yield "|---|---|---|---|---|---|"
    for name, (values, errors) in found.items():
        spread, true = values.std(ddof=1), case.truth[name]
        bias = (values.mean() - true) / (spread / np.sqrt(seeds))
        yield (
            f"| {name} | {true:g} | {values.mean():.4f} | {errors.mean():.4f} | {spread / errors.mean():.2f} | "
            f"{bias:+.1f} |"
        )
    yield f"\n{seeds} seeds, {seconds:.1f} s a fit; ratios are known to {1 / np.sqrt(2 * (seeds - 1)):.2f}.\n"


def table_of_starts(case):
    """One row a start: exact data."""
    exact = case.model(case.truth)
    yield "| start | steps | refused | deviations from the truth, in errors |"
    yield "|---|---|---|---|"
    for start in case.starts:
        result = case.fitted({name: np.asarray(y) for name, y in exact.items()}, start, FINE)
        away = [abs(result.params[n] - true) / result.errors[n] for n, true in case.truth.items()]
        given = ", ".join(f"{name} = {value:g}" for name, value in start.items())
        yield f"| {given} | {result.steps} | {result.refused} | {', '.join(f'{x:.0e}' for x in away)} |"


def main():
    """Print the tables, write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=32)
    parser.add_argument("--fits", nargs="+", choices=list(CASES), default=list(CASES))
    given = parser.parse_args()
    warnings.simplefilter("ignore", ju.CoarseMeshWarning)
    command = " ".join(["python -m benchmarks.fit_scatter", *sys.argv[1:]])
    text = [f"`{command}`, {date.today()}."]
    for name in given.fits:
        case = CASES[name]()
        text.append(f"\n## `examples/fit_{name}.py`\n")
        for row in (*table_of_scatter(case, given.seeds), *table_of_starts(case)):
            text.append(row)
            print(row, flush=True)
        write_part(TITLE, "\n".join(text))


if __name__ == "__main__":
    main()
