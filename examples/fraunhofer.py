"""The critical current of a wide and of a narrow SNS junction in a perpendicular field.

In a wide junction (the width far above the length) the phase difference varies along the electrodes, and Ic is that of
a slit, |sin(pi f)/(pi f)| at f flux quanta. In a narrow one the field breaks pairs, at the rate (pi f)^2/6 D/L^2, and
nothing else: Ic decays without a zero, as that of a wire with this rate (Cuevas and Bergeret, PRL 99, 217002). Energies
in D/L^2. The gauge is left to the device. Leaves fraunhofer.png and prints numbers.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

WIDE, NARROW = 6.0, 0.1
MESHES = {
    "wide": ju.rectangle(1.0, WIDE, 0.19),
    "narrow": ju.rectangle(1.0, NARROW, 1.0, x=np.linspace(0, 1, 81), y=np.linspace(0, NARROW, 8)),
    "wire": ju.rectangle(1.0, 0.05, 1.0, x=np.linspace(0, 1, 21), y=[0, 0.05]),
}
DELTA, T = 10.0, 1.0
PHASES = np.linspace(0, 2 * np.pi, 10, endpoint=False)
FLUXES = np.arange(0, 2.1, 0.25)


def critical_current(mesh, A=None, depairing=0.0):
    """At the temperature T."""
    strip = ju.Material(Tc=0.0, depairing=depairing)
    ends = {"left": ju.Reservoir(DELTA), "right": ju.Reservoir(DELTA)}
    device = ju.Device(mesh=mesh, materials=strip, boundaries=ends, vector_potential=A)
    return max(ju.current_phase_relation(device, PHASES, T, frequencies=3).critical_current)


def patterns():
    """{name: Ic against the flux, over that without}."""
    found = {
        "wide": [critical_current(MESHES["wide"], ju.uniform_field(f * np.pi / WIDE)) for f in FLUXES],
        "narrow": [critical_current(MESHES["narrow"], ju.uniform_field(f * np.pi / NARROW)) for f in FLUXES],
        "wire": [critical_current(MESHES["wire"], depairing=(np.pi * f) ** 2 / 6) for f in FLUXES],
    }
    return {name: np.array(Ic) / Ic[0] for name, Ic in found.items()}


def main():
    """Solve, print the numbers, draw the picture."""
    found = patterns()
    f = np.linspace(0, FLUXES[-1], 300)
    figure, axis = plt.subplots(figsize=(6, 4.2), layout="constrained")
    axis.plot(f, np.abs(np.sinc(f)), "C0-", lw=1, label=r"$|\sin(\pi f)/\pi f|$")
    axis.plot(FLUXES, found["wide"], "C0o", label=f"$W = {WIDE:g}\\,L$")
    axis.plot(FLUXES, found["wire"], "C1-", lw=1, label=r"wire, pairs broken at $(\pi f)^2/6\; D/L^2$")
    axis.plot(FLUXES, found["narrow"], "C1s", label=f"$W = {NARROW:g}\\,L$")
    axis.set(xlabel=r"flux through the normal metal $f = \Phi/\Phi_0$", ylabel=r"$I_c(\Phi)/I_c(0)$", ylim=(0, 1.03))
    axis.legend()
    figure.savefig("fraunhofer.png", dpi=150)
    numbers = {f"{name}_{at:g}": Ic for name, curve in found.items() for at, Ic in zip(FLUXES, curve, strict=True)}
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
