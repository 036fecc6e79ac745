"""Diffusion, spin relaxation, polarisation and spin Hall angle from the Hanle curves of one nonlocal spin valve.

An injector feeds spins along x into a wire; a field along y turns them towards z as they diffuse. One detector measures
P S_x, half the difference of its potential between its two magnetisations; where spins along z flow along x, the spin
Hall effect makes a voltage across the wire. Both against the field, with noise, are fitted together: D and Gamma come
from the width and the oscillations of the curves, P from the size of the first and theta from that of the second.
Lengths in the detector's distance d, energies in D/d^2. Leaves fit_hanle.png and prints the table and one
`name = value` a line.
"""

import jax.numpy as jnp
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

FIELDS = np.linspace(-2.4, 2.4, 9)
WIDTH, ARM = 0.3, 2.5
NOISE, SEED = {"detector": 5e-4, "across": 2e-5}, 1
TRUTH = {"D": 1.0, "Gamma": 0.8, "P": 0.3, "theta": 0.05}
STARTS = (
    {"D": 1.6, "Gamma": 1.5, "P": 0.5, "theta": 0.1},
    {"D": 0.5, "Gamma": 0.3, "P": 0.15, "theta": 0.02},
    {"D": 2.0, "Gamma": 0.3, "P": 0.8, "theta": -0.05},
)
LINES = np.linspace(0.0, 2 * ARM + 1.0, 37)
MESH = ju.with_cut_between(
    ju.rectangle(
        2 * ARM + 1.0,
        WIDTH,
        WIDTH,
        x=LINES,
        y=np.linspace(0, WIDTH, 3),
        regions={"back": lambda c: c[:, 0] < ARM, "front": lambda c: c[:, 0] > ARM},
    ),
    "back",
    "front",
    "injector",
)
X, Y = np.asarray(MESH.points).T
DETECTOR = np.abs(X - ARM - 1.0) < 1e-6
BOTTOM, TOP = (int(np.flatnonzero(DETECTOR & (np.abs(Y - y) < 1e-6))[0]) for y in (0.0, WIDTH))


def measured(p, h):
    """P S_x at the detector, and the voltage across the wire there, for a current of one."""
    material = ju.Material(D=p["D"], Tc=0.0, Gamma=p["Gamma"], h=(0.0, h, 0.0), theta=p["theta"] * np.array([0, 0, 1]))
    contacts = {
        "injector": ju.Contact(current=1.0, spin_current=p["P"] * np.array([1, 0, 0])),
        "left": ju.Contact(voltage=0.0),
        "right": ju.Contact(current=0.0),
    }
    flow = ju.diffuse(ju.Device(mesh=MESH, materials=material), contacts)
    return p["P"] * flow.S[DETECTOR, 0].mean(), flow.mu[TOP] - flow.mu[BOTTOM]


def model(p):
    """Both curves."""
    rows = [measured(p, h) for h in FIELDS]
    return {name: jnp.stack(column) for name, column in zip(NOISE, zip(*rows, strict=True), strict=True)}


def noisy(seed):
    """Curves of the true parameters with noise."""
    rng = np.random.default_rng(seed)
    return {name: np.asarray(x) + NOISE[name] * rng.normal(size=x.shape) for name, x in model(TRUTH).items()}


def fitted(data, start=STARTS[0]):
    """The fit of both curves together."""
    return ju.fit(model, data, start, sigma=NOISE, transforms=dict.fromkeys(("D", "Gamma", "P"), ju.positive))


def main():
    """Make data, fit, print the table and the numbers, draw the picture."""
    data = noisy(SEED)
    result = fitted(data)
    print(result)
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    labels = {"detector": "1000 x signal of the detector, $P S_x$", "across": "1000 x voltage across the wire"}
    for axis, (name, values) in zip(axes, data.items(), strict=True):
        axis.errorbar(FIELDS, 1e3 * values, 1e3 * NOISE[name], fmt="o", capsize=2, label="data")
        axis.plot(FIELDS, 1e3 * np.asarray(result.prediction[name]), "k-", lw=1, label="fit")
        axis.set(xlabel=r"field $h$ in $D/d^2$", ylabel=labels[name])
        axis.legend()
    figure.savefig("fit_hanle.png", dpi=150)
    numbers = {name: float(value) for name, value in result.params.items()}
    numbers |= {f"error_{name}": float(value) for name, value in result.errors.items()}
    numbers["chi2_per_dof"] = float(result.chi2 / result.dof)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
