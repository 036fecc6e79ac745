"""The Josephson current through a normal wire: its phase dependence, and the critical current against temperature.

A wire of length L between superconductors with Delta = 100 E_Th, E_Th = D/L^2; the line is that of Zaikin and Zharkov
for T far above E_Th, e R_N Ic = 2 k^3 [4 tan(theta/4)]^2 exp(-k) with k^2 = 2 pi T/E_Th and tan(theta) = Delta/pi T
(theta = pi/2 for Delta far above T, 32/(3 + 2 sqrt 2)). Leaves sns_current_phase.png and prints numbers.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

WIDTH, DELTA = 0.05, 100.0
MESH = ju.rectangle(1.0, WIDTH, 0.05, x=(1 - np.cos(np.pi * np.linspace(0, 1, 49))) / 2)
ENDS = {"left": ju.Reservoir(DELTA), "right": ju.Reservoir(DELTA)}
TEMPERATURES = (0.3, 1.0, 2.0, 4.0, 7.0, 10.0)
PHASES = np.linspace(-np.pi, np.pi, 20, endpoint=False)


def at_high_temperatures(T):
    """e R_N Ic/E_Th."""
    k, theta = np.sqrt(2 * np.pi * T), np.arctan(DELTA / (np.pi * T))
    return 2 * k**3 * (4 * np.tan(theta / 4)) ** 2 * np.exp(-k)


def main():
    """Solve at several temperatures, print the numbers, draw the picture."""
    device = ju.Device(mesh=MESH, materials=ju.Material(D=1.0, Tc=0.0), boundaries=ENDS)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    phi, line, numbers = np.linspace(-np.pi, np.pi, 400), np.linspace(3, 11, 100), {}
    for T in TEMPERATURES:
        cpr = ju.current_phase_relation(device, PHASES, T, accuracy=1e-3)
        R_N = 1 / (2 * WIDTH)
        numbers[f"Ic_T{T}"], numbers[f"phase_over_pi_T{T}"] = (
            R_N * cpr.critical_current[0],
            cpr.critical_phase[0] / np.pi,
        )
        left.plot(phi / np.pi, R_N * cpr.current_at(phi), label=f"$T = {T}\\,E_{{Th}}$")
    right.semilogy(line, at_high_temperatures(line), "k--", label="Zaikin and Zharkov")
    right.semilogy(TEMPERATURES, [numbers[f"Ic_T{T}"] for T in TEMPERATURES], "o", label="jusadel")
    left.set(xlabel=r"$\varphi/\pi$", ylabel=r"$e R_N I/E_{Th}$")
    right.set(xlabel=r"$T/E_{Th}$", ylabel=r"$e R_N I_c/E_{Th}$")
    left.legend(), right.legend()
    figure.savefig("sns_current_phase.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
