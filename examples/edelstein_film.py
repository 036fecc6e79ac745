"""A film with Rashba coupling: the spin that a current makes, how a magnetic field turns it, and the inverse effect.

Lengths in l = sqrt(D/Gamma), energies in Gamma, mu and S per 2 nu in the voltage over l.
Leaves edelstein_film.png and prints one `name = value` a line.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

GAMMA, LENGTH, WIDTH, SIZE = 0.3, 8.0, 3.0, 0.15
FIELDS = np.linspace(0.0, 1.5, 7)


def film(h=0.0):
    """gamma_xy = -gamma_yx = GAMMA, isotropic relaxation, field along the current."""
    material = ju.Material(D=1.0, Tc=0.0, Gamma=1.0, gamma=ju.rashba(GAMMA), h=(h, 0.0, 0.0))
    low = lambda m: (m[:, 0] < 1e-9) & (m[:, 1] < 1)  # noqa: E731
    high = lambda m: (m[:, 0] > LENGTH - 1e-9) & (m[:, 1] > WIDTH - 1)  # noqa: E731
    mesh = ju.rectangle(LENGTH, WIDTH, SIZE).with_boundaries({"source": low, "drain": high})
    return ju.Device(mesh=mesh, materials=material)


def main():
    """Solve, print the numbers, draw the picture."""
    wires = {"left": ju.Contact(voltage=LENGTH, spin=None), "right": ju.Contact(voltage=0.0, spin=None)}
    turned = np.array([ju.diffuse(film(h), wires).S.mean(axis=0) for h in FIELDS])
    corners = {"source": ju.Contact(voltage=LENGTH), "drain": ju.Contact(voltage=0.0)}
    sunk = ju.diffuse(film(), corners)
    inverse = ju.diffuse(film(), {"left": ju.Contact(voltage=0.0, spin=(0, 1, 0))})
    x, k = np.asarray(sunk.mesh.points)[:, 0], np.sqrt(1 + GAMMA**2)
    S_y = -GAMMA / (1 + 4 * FIELDS**2)  # d_x mu = -1: S_y = gamma_yx, turned by 2 h x S against the relaxation
    numbers = {
        "S_y": turned[0, 1],
        "S_y_exact": S_y[0],
        "S_z_largest": turned[np.abs(turned[:, 2]).argmax(), 2],
        "S_z_largest_exact": -GAMMA / 2,
        "inverse_voltage": inverse.mu[x > LENGTH - 1e-9].mean(),
        "inverse_voltage_exact": -GAMMA * np.tanh(k * LENGTH) / k,
    }
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 3.6), layout="constrained", width_ratios=(2, 1))
    ju.plot.field(sunk, np.linalg.norm(sunk.S, axis=1), "$|S|$", ax=left)
    ju.plot.arrows(sunk, sunk.S[:, :2], ax=left).set(title="spin, current from the lower left to the upper right")
    fine = np.linspace(0, FIELDS[-1], 100)
    for a, name in ((1, "y"), (2, "z")):
        right.plot(FIELDS, turned[:, a], "o", label=f"$S_{name}$")
        right.plot(fine, -GAMMA / (1 + 4 * fine**2) * (2 * fine if a == 2 else 1), "k-", linewidth=1)
    right.set(xlabel=r"field along the current, $h/\Gamma$", ylabel="mean spin (lines: closed form)")
    right.legend()
    figure.savefig("edelstein_film.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
