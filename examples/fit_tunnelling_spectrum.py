"""Exchange field, spin relaxation, barrier and broadening from tunnelling spectra of an S/N/F structure.

A tip stands on the normal layer between a superconductor, behind a barrier, and a weak ferromagnet. Its dI/dV with
noise is made for three temperatures, with the offset of an amplifier that nobody knows, and all are fitted together.
Energies in the superconductor's Delta, lengths in (D/Delta)^(1/2). Leaves fit_tunnelling_spectrum.png and
prints the table and one `name = value` a line.
"""

import warnings

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

TEMPERATURES = (0.03, 0.08, 0.15)
VOLTAGES = np.linspace(-1.6, 1.6, 33)
ENERGIES = np.concatenate([np.linspace(0, 1.3, 40), np.linspace(1.35, 2.9, 12)])
NOISE, SEED = 0.01, 1
TRUTH = {"h": 0.4, "Gamma": 0.3, "conductance": 2.0, "eta": 0.06, "offset": 0.05}
STARTS = (
    {"h": 0.6, "Gamma": 0.6, "conductance": 1.0, "eta": 0.03, "offset": 0.0},
    {"h": 0.2, "Gamma": 0.1, "conductance": 4.0, "eta": 0.1, "offset": 0.0},
    {"h": 0.8, "Gamma": 1.0, "conductance": 1.5, "eta": 0.1, "offset": 0.1},
)
MESH = ju.rectangle(
    1.5,
    0.15,
    0.15,
    x=np.linspace(0, 1.5, 11),
    y=np.array([0.0, 0.15]),
    regions={"N": lambda c: c[:, 0] < 0.6, "F": lambda c: c[:, 0] > 0.6},
)
TIP = int(np.argmin(np.linalg.norm(np.asarray(MESH.points) - (0.3, 0.0), axis=1)))


def model(p):
    """dI/dV at each temperature, in that of the normal state."""
    materials = {"N": ju.Material(Tc=0.0), "F": ju.Material(Tc=0.0, h=p["h"] * np.array([0, 0, 1]), Gamma=p["Gamma"])}
    ends = {"left": ju.Tunnel(ju.Reservoir(1.0), p["conductance"])}
    device = ju.Device(mesh=MESH, materials=materials, boundaries=ends)
    spec = ju.spectrum(ju.solve(device, TEMPERATURES[0], frequencies=1), ENERGIES, eta=p["eta"])
    seen = {T: ju.tunnelling_spectrum(spec, T, VOLTAGES)[:, TIP] for T in TEMPERATURES}
    return {f"T = {T}": p["offset"] + dIdV for T, dIdV in seen.items()}


def noisy(seed):
    """Spectra of the true parameters with noise."""
    rng = np.random.default_rng(seed)
    return {name: np.asarray(x) + NOISE * rng.normal(size=x.shape) for name, x in model(TRUTH).items()}


def fitted(data, start=STARTS[0]):
    """The fit of all spectra together."""
    positive = dict.fromkeys(("h", "Gamma", "conductance", "eta"), ju.positive)
    return ju.fit(model, data, start, sigma=NOISE, transforms=positive)


def main():
    """Make data, fit, print the table and the numbers, draw the picture."""
    warnings.simplefilter("ignore", ju.CoarseMeshWarning)
    data = noisy(SEED)
    result = fitted(data)
    print(result)
    figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    for color, (name, values) in enumerate(data.items()):
        axes.plot(VOLTAGES, values + 0.5 * color, f"C{color}.", label=f"${name}\\,\\Delta$")
        axes.plot(VOLTAGES, np.asarray(result.prediction[name]) + 0.5 * color, f"C{color}-", lw=1)
    axes.set(xlabel=r"$eV/\Delta$", ylabel=r"$dI/dV$ in that of the normal state (shifted by 0.5)", ylim=(0.3, None))
    axes.legend(title="dots: data, lines: fit", loc="lower center", ncols=len(data))
    figure.savefig("fit_tunnelling_spectrum.png", dpi=150)
    numbers = {name: float(value) for name, value in result.params.items()}
    numbers |= {f"error_{name}": float(value) for name, value in result.errors.items()}
    numbers["chi2_per_dof"] = float(result.chi2 / result.dof)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
