"""Diffusion constant and exchange field from the critical temperature of a disk in a magnetic field.

The relaxation of spins is known. The data are those of the exact formula, with noise: at the field B pairs have the
lowest energy D k^2 of a charge 2 in the disk, with winding 0 or 1 (Kummer's function), so that Tc(B) has a cusp, and

    ln(Tc0/T) = 2 pi T Sum_omega (1/omega - 2 (a + Gamma)/(a (a + Gamma) + 4 h^2)),    a = 2 omega + D k^2.

Energies in Tc0, lengths in sqrt(D0/Tc0). Leaves fit_tc_field.png and prints the table and one `name = value` a line.
"""

import warnings

import matplotlib

matplotlib.use("Agg")
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq
from scipy.special import hyp1f1

import jusadel as ju

RADIUS, GAMMA = 1.25, 1.0
MESH = ju.disk(RADIUS, 0.33)
FIELDS = np.array([0.0, 0.45, 0.7, 0.9, 1.2, 1.4])
TRUE = {"D": 1.0, "h": 0.5}
START = {"D": 0.75, "h": 0.3}
SIGMA = 0.01
warnings.simplefilter("ignore", ju.CoarseMeshWarning)  # edges of 0.8 thermal lengths; Tc is exact to 1e-3 on them


def Tc(p, B):
    """Of the disk, by finite elements."""
    material = ju.Material(D=p["D"], Tc=1.0, h=(0, 0, p["h"]), Gamma=GAMMA)
    device = ju.Device(mesh=MESH, materials=material, vector_potential=ju.uniform_field(B))
    return ju.critical_temperature(device, frequencies=8, linear_solver=ju.linear.SuperLU()).T


def model(p):
    """Tc at all fields."""
    return jnp.stack([jnp.asarray(Tc(p, B)) for B in FIELDS])


def lowest_k2(B):
    """The lowest k^2 of (-i grad - 2A)^2 in the disk whose edge nothing crosses."""
    return min(_k2(B, winding) for winding in (0, 1)) if B else 0.0


def _k2(B, winding):
    rho = B * RADIUS**2

    def slope(nu):  # of rho^(l/2) exp(-rho/2) M(-nu, l + 1, rho), divided by the function's first two factors
        M, dM = hyp1f1(-nu, winding + 1, rho), -nu / (winding + 1) * hyp1f1(1 - nu, winding + 2, rho)
        return (winding / 2 / rho - 0.5) * M + dM

    nu = np.linspace(-0.5, 2.0, 400)
    found = np.array([slope(x) for x in nu])
    crossings = np.flatnonzero(np.diff(np.sign(found)))
    if not len(crossings):
        return np.inf  # k^2 > 10 B: another winding is lower
    k = crossings[0]
    return 2 * B * (2 * brentq(slope, nu[k], nu[k + 1]) + 1)


def exact_Tc(p, B):
    """The formula above."""
    k2 = lowest_k2(B)

    def deviation(T):
        omega = np.pi * T * (2 * np.arange(20_000) + 1)
        a = 2 * omega + p["D"] * k2
        pairs = 2 * (a + GAMMA) / (a * (a + GAMMA) + 4 * p["h"] ** 2)
        return np.log(T) + 2 * np.pi * T * np.sum(1 / omega - pairs)

    return brentq(deviation, 0.02, 1.0)


def main():
    """Make data, fit them, print the numbers, draw the picture."""
    data = np.array([exact_Tc(TRUE, B) for B in FIELDS])
    data += SIGMA * np.random.default_rng(3).normal(size=len(FIELDS))
    result = ju.fit(model, data, START, SIGMA, transforms=dict.fromkeys(START, ju.positive), progress=print)
    print(result)
    figure, axis = plt.subplots(figsize=(7, 4.5), layout="constrained")
    axis.errorbar(FIELDS, data, SIGMA, fmt="o", capsize=3, label="data")
    axis.plot(FIELDS, result.prediction, "x", color="C1", label="fit, finite elements")
    fine = np.linspace(0, FIELDS[-1], 80)
    axis.plot(fine, [exact_Tc(result.params, B) for B in fine], color="C1", label="formula, fitted parameters")
    axis.plot(fine, [exact_Tc(START, B) for B in fine], ":", color="0.6", label="start")
    axis.set(xlabel=r"$B\;[\hbar T_{c0}/(e D_0)]$", ylabel=r"$T_c/T_{c0}$", title="critical temperature of a disk")
    axis.legend()
    figure.savefig("fit_tc_field.png", dpi=150)
    numbers = {"reduced_chi2": result.reduced_chi2, "steps": result.steps}
    for name, value in result.params.items():
        numbers |= {name: value, f"{name}_error": result.errors[name], f"{name}_true": TRUE[name]}
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
