"""The Josephson current through a normal wire: its phase dependence, and the critical current against temperature.

A wire of length L between superconductors with Delta = 100 E_Th, E_Th = D/L^2; the line is that of Zaikin and Zharkov,
e R_N Ic = 32/(3 + 2 sqrt 2) k^3 exp(-k) with k^2 = 2 pi T/E_Th. Leaves sns_current_phase.png and prints numbers.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

WIDTH, DELTA = 0.05, 100.0
MESH = ju.rectangle(1.0, WIDTH, 0.05, x=(1 - np.cos(np.pi * np.linspace(0, 1, 49))) / 2)
ENDS = {"left": ju.Reservoir(DELTA), "right": ju.Reservoir(DELTA)}
PHASES = np.linspace(-np.pi, np.pi, 20, endpoint=False)


def main():
    """Solve at several temperatures, print the numbers, draw the picture."""
    device = ju.Device(mesh=MESH, materials=ju.Material(D=1.0, Tc=0.0), boundaries=ENDS)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    phi, temperatures, numbers = np.linspace(-np.pi, np.pi, 400), (0.3, 1.0, 2.0, 4.0, 7.0, 10.0), {}
    for T in temperatures:
        cpr = ju.current_phase_relation(device, PHASES, T, accuracy=1e-3)
        R_N = 1 / (2 * WIDTH)
        numbers[f"Ic_T{T}"], numbers[f"phase_T{T}"] = R_N * cpr.critical_current[0], cpr.critical_phase[0] / np.pi
        left.plot(phi / np.pi, R_N * cpr.current_at(phi), label=f"$T = {T}\\,E_{{Th}}$")
    k = np.sqrt(2 * np.pi * np.linspace(3, 11, 100))
    right.semilogy(k**2 / 2 / np.pi, 32 / (3 + 2 * np.sqrt(2)) * k**3 * np.exp(-k), "k--", label="Zaikin and Zharkov")
    right.semilogy(temperatures, [numbers[f"Ic_T{T}"] for T in temperatures], "o", label="jusadel")
    left.set(xlabel=r"$\varphi/\pi$", ylabel=r"$e R_N I/E_{Th}$")
    right.set(xlabel=r"$T/E_{Th}$", ylabel=r"$e R_N I_c/E_{Th}$")
    left.legend(), right.legend()
    figure.savefig("sns_current_phase.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
