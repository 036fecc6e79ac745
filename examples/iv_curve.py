"""From the geometry of a junction to what is measured: its current-voltage curves, Shapiro steps and a SQUID.

Two aluminium electrodes on a copper strip, 1 um long; the current-phase relation is solved for, in uA, and put into
circuits with the strip's own resistance. Leaves iv_curve.png and prints numbers.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

LENGTH, WIDTH, THICKNESS = 1000.0, 200.0, 20.0  # nm
UNITS = ju.Units(Tc=1.2, D=200.0, resistivity=1.5, thickness=THICKNESS)  # K, cm^2/s, micro-Ohm cm: copper
PHASES = np.linspace(0, 2 * np.pi, 16, endpoint=False)
TEMPERATURES = (0.1, 0.25, 0.4)  # K
FREQUENCY, AMPLITUDE = 20.0, 12.0  # GHz, uA
LOOP = 40.0  # pH, each arm
CURRENTS, TURNS, COPIES = np.linspace(0, 32, 65), 60, 8


def junction(T):
    """The junction at a temperature in kelvin."""
    u, size = UNITS, UNITS.length(nm=50.0)
    gap = float(ju.bulk_gap(u.temperature(K=T), u.temperature(K=1.2)))
    strip = ju.rectangle(u.length(nm=LENGTH), u.length(nm=WIDTH), size)
    ends = {"left": ju.Reservoir(gap), "right": ju.Reservoir(gap)}
    device = ju.Device(mesh=strip, materials=ju.Material(D=u.diffusion(), Tc=0.0), boundaries=ends)
    relation = ju.current_phase_relation(device, PHASES, u.temperature(K=T), accuracy=1e-3)
    R = 1.5e-8 * LENGTH / (WIDTH * THICKNESS * 1e-9)
    return ju.ShuntedJunction(relation, resistance=R, unit=u.to_uA(1.0))


def main():
    """Solve, print the numbers, draw the picture."""
    junctions = {T: junction(T) for T in TEMPERATURES}
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12.5, 3.9), layout="constrained")
    numbers = {"resistance_Ohm": junctions[TEMPERATURES[0]].resistance}
    for T, one in junctions.items():
        numbers[f"Ic_uA_T{T:g}"] = one.critical_current[0]
        curve = ju.current_voltage(one, CURRENTS, T=T, turns=TURNS, copies=COPIES)
        left.plot(curve.voltage, curve.current, label=f"{1000 * T:.0f} mK")
        driven = ju.current_voltage(one, CURRENTS, drive=(AMPLITUDE, FREQUENCY), turns=TURNS)
        middle.plot(driven.voltage / driven.photon, driven.current, label=f"{1000 * T:.0f} mK")
        numbers[f"first_step_uA_T{T:g}"] = driven.step_width(1)
    middle.grid(axis="x", alpha=0.4)
    fluxes, cold = np.linspace(-1.5, 1.5, 121), junctions[TEMPERATURES[0]]
    for arm in (0.0, LOOP):
        Ic = ju.squid_pattern(ju.Squid(cold, cold, arm), fluxes)[0]
        right.plot(fluxes, Ic, label=f"{arm:g} pH in either arm")
        numbers[f"lowest_over_highest_L{arm:g}"] = Ic.min() / Ic.max()
    left.set(xlabel=r"$V$ [$\mu$V]", ylabel=r"$I$ [$\mu$A]")
    middle.set(xlabel=r"$V\,2e/hf$", ylabel=r"$I$ [$\mu$A]", title=f"{FREQUENCY:g} GHz")
    right.set(xlabel=r"$\Phi/\Phi_0$", ylabel=r"$I_c$ [$\mu$A]", title=f"SQUID, {1000 * TEMPERATURES[0]:.0f} mK")
    left.legend(), middle.legend(), right.legend(loc="lower center")
    figure.savefig("iv_curve.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
