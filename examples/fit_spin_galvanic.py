"""Spin-galvanic coupling, spin relaxation and barrier conductance from the current-phase relations of a junction.

A Rashba strip between two superconductors, one of them behind a barrier. Data with noise are made for two temperatures
and exchange fields, and fitted together. Energies in E_Th = D/L^2, gamma in D/L, currents in nu D E_Th. Leaves
fit_spin_galvanic.png and prints the table and one `name = value` a line.
"""

import matplotlib

matplotlib.use("Agg")
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

MESH = ju.rectangle(1.0, 0.15, 0.15, x=(1 - np.cos(np.pi * np.linspace(0, 1, 13))) / 2)
PHASES = np.linspace(-np.pi, np.pi, 6, endpoint=False)
SETS = {"T = 1, h = 2": (1.0, 2.0), "T = 1, h = 5": (1.0, 5.0), "T = 3, h = 5": (3.0, 5.0)}
TRUE = {"gamma": 0.6, "Gamma": 2.0, "conductance": 5.0}
START = {"gamma": 0.3, "Gamma": 1.0, "conductance": 10.0}
SIGMA = 0.01


def relation(p, T, h):
    """The current-phase relation of the strip with the exchange field h along y."""
    strip = ju.Material(D=1.0, Tc=0.0, h=(0, h, 0), Gamma=p["Gamma"], gamma=p["gamma"] * ju.rashba(1.0))
    ends = {"left": ju.Reservoir(20.0), "right": ju.Tunnel(ju.Reservoir(20.0), p["conductance"])}
    device = ju.Device(mesh=MESH, materials=strip, boundaries=ends)
    return ju.current_phase_relation(device, PHASES, T, frequencies=3, linear_solver=ju.linear.SuperLU())


def model(p):
    """Currents of every data set."""
    return {name: jnp.asarray(relation(p, T, h).current) for name, (T, h) in SETS.items()}


def measured(seed):
    """Data with Gaussian noise."""
    rng = np.random.default_rng(seed)
    return {name: np.asarray(y) + SIGMA * rng.normal(size=y.shape) for name, y in model(TRUE).items()}


def main():
    """Make data, fit them, print the numbers, draw the picture."""
    data = measured(seed=1)
    result = ju.fit(model, data, START, SIGMA, transforms=dict.fromkeys(START, ju.positive), progress=print)
    print(result)
    figure, axis = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for colour, (name, (T, h)) in zip(("C0", "C1", "C2"), SETS.items(), strict=False):
        axis.errorbar(PHASES / np.pi, data[name], SIGMA, fmt="o", capsize=3, color=colour, label=name)
        fine = np.linspace(-np.pi, np.pi, 200)
        axis.plot(fine / np.pi, relation(result.params, T, h).current_at(fine), color=colour)
    axis.set(xlabel=r"$\varphi/\pi$", ylabel=r"$I/(\nu D E_{Th})$", title="data, and the fit of all of them together")
    axis.legend()
    figure.savefig("fit_spin_galvanic.png", dpi=150)
    numbers = {"reduced_chi2": result.reduced_chi2, "steps": result.steps}
    for name, value in result.params.items():
        numbers |= {name: value, f"{name}_error": result.errors[name], f"{name}_true": TRUE[name]}
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
