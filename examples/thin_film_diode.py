"""A superconducting diode: a thin Rashba film with an exchange field in its plane, perpendicular to the current.

Current against phase gradient, whose two extrema are the depairing currents both ways, and the efficiency
(j+ - j-)/(j+ + j-) against the field at several temperatures. Energies in Tc, lengths in sqrt(D/Tc), currents in
nu Tc sqrt(D Tc). Leaves thin_film_diode.png and prints one `name = value` a line.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

FIELDS = np.linspace(0.0, 1.2, 7)
TEMPERATURES = (0.1, 0.3, 0.5)
SAMPLES = (41, 13, 13)  # of the branch in q; the first is drawn


def film(h):
    """Spin-orbit scattering at the rate Tc, spin-galvanic coupling 0.5 Tc sqrt(D/Tc), h along y."""
    return ju.Material(D=1.0, Tc=1.0, Gamma=1.0, gamma=ju.rashba(0.5), h=(0.0, h, 0.0))


def main():
    """Solve, print the numbers, draw the picture."""
    found = {
        (T, h): ju.depairing_current(film(h), T, samples=samples)
        for T, samples in zip(TEMPERATURES, SAMPLES, strict=False)
        for h in FIELDS
    }
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for h, shade in zip(FIELDS[::2], np.linspace(0, 0.85, len(FIELDS[::2])), strict=True):
        colour = plt.colormaps["viridis"](shade)
        branch = found[0.1, h]
        left.plot(branch.q, branch.current, color=colour, label=f"$h = {h:.1f}\\,T_c$")
        left.plot([branch.q_minus, branch.q_plus], [-branch.minus, branch.plus], "o", color=colour)
    for T, style in zip(TEMPERATURES, ("o-", "s--", "^:"), strict=False):
        right.plot(FIELDS, [100 * found[T, h].diode_efficiency for h in FIELDS], style, label=f"$T = {T}\\,T_c$")
    left.set(xlabel=r"phase gradient $q\,\sqrt{D/T_c}$", ylabel=r"current $j/(\nu T_c\sqrt{D T_c})$")
    left.set(title="depairing currents (dots), $T = 0.1\\,T_c$")
    right.set(xlabel="exchange field $h/T_c$", ylabel=r"$(j_+ - j_-)/(j_+ + j_-)$ in %", title="diode efficiency")
    for axis in (left, right):
        axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        axis.legend()
    figure.savefig("thin_film_diode.png", dpi=150)
    numbers = {f"efficiency_T{T}_h{h:.1f}": x.diode_efficiency for (T, h), x in found.items()}
    strongest = found[0.1, FIELDS[-1]]
    numbers |= {"j_plus": strongest.plus, "j_minus": strongest.minus, "q_0": strongest.q0}
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
