"""python -m benchmarks.fit_scatter: whether the errors that a fit of a device quotes are those it makes.

The model of examples/fit_spin_galvanic.py, on two of its data sets with five phases each, with many seeds of the noise,
each fitted from the true parameters; and exact data fitted from several starting points. Printed for each parameter:
the scatter of its fitted values over the seeds divided by the mean quoted error, which is known to
1/sqrt(2 (seeds - 1)), and the mean deviation from the truth in standard errors of the mean.
"""

import argparse
import importlib.util
from pathlib import Path

import numpy as np

import jusadel as ju

EXAMPLE = Path(__file__).parents[1] / "examples" / "fit_spin_galvanic.py"
STARTS = (
    {"gamma": 0.3, "Gamma": 1.0, "conductance": 10.0},
    {"gamma": 0.1, "Gamma": 6.0, "conductance": 2.0},
    {"gamma": 0.9, "Gamma": 0.5, "conductance": 20.0},
)


def loaded():
    """The example as a module."""
    spec = importlib.util.spec_from_file_location("fit_spin_galvanic", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.PHASES = np.linspace(-np.pi, np.pi, 5, endpoint=False)
    module.SETS = {name: module.SETS[name] for name in ("T = 1, h = 2", "T = 3, h = 5")}
    return module


def fitted(example, data, start, tol):
    """One fit."""
    transforms = dict.fromkeys(start, ju.positive)
    return ju.fit(example.model, data, start, example.SIGMA, transforms=transforms, tol=tol)


def scatter(example, seeds, tol=1e-2):
    """Yields after each of the seeds the fitted values and errors so far, {name: (values, errors)}."""
    exact, found = example.model(example.TRUE), []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        data = {name: y + example.SIGMA * rng.normal(size=y.shape) for name, y in exact.items()}
        result = fitted(example, data, example.TRUE, tol)
        found.append([(result.params[name], result.errors[name]) for name in example.TRUE])
        yield dict(zip(example.TRUE, np.array(found).transpose(1, 2, 0), strict=True))


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=32)
    given = parser.parse_args()
    example = loaded()
    print("| seeds | parameter | mean | mean quoted error | scatter / quoted error | bias in errors of the mean |")
    for k, found in enumerate(scatter(example, given.seeds), 1):
        if k % 8 and k != given.seeds:
            continue
        for name, (values, errors) in found.items():
            ratio, bias = values.std(ddof=1) / errors.mean(), values.mean() - example.TRUE[name]
            of_mean = values.std(ddof=1) / np.sqrt(k)
            print(
                f"| {k} | {name} | {values.mean():.4f} | {errors.mean():.4f} | {ratio:.2f} | {bias / of_mean:+.1f} |",
                flush=True,
            )
    print("| start | steps | refused |", *(f"{name} - truth, in errors |" for name in example.TRUE))
    exact = example.model(example.TRUE)
    for start in STARTS:
        result = fitted(example, exact, start, 1e-4)
        away = [abs(result.params[n] - true) / result.errors[n] for n, true in example.TRUE.items()]
        print(f"| {start} | {result.steps} | {result.refused} |", *(f"{x:.1e} |" for x in away), flush=True)


if __name__ == "__main__":
    main()
