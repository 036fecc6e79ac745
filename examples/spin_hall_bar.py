"""A spin Hall bar: the spin that a current piles up at its edges, and the voltage that injected spin makes in turn.

Lengths in the spin diffusion length l = sqrt(D/Gamma), rates in Gamma, mu and S per 2 nu in the voltage over l.
Leaves spin_hall_bar.png and prints one `name = value` a line.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

THETA, LENGTH, WIDTH, SIZE = 0.1, 8.0, 3.0, 0.12


def main():
    """Solve, print the numbers, draw the picture."""
    platinum = ju.Material(D=1.0, Gamma=1.0, theta=(0.0, 0.0, THETA))
    device = ju.Device(mesh=ju.rectangle(LENGTH, WIDTH, SIZE), materials=platinum)
    wires = {"left": ju.Contact(voltage=LENGTH, spin=None), "right": ju.Contact(voltage=0.0, spin=None)}
    sinks = {"left": ju.Contact(voltage=LENGTH), "right": ju.Contact(voltage=0.0)}
    pumped = {"left": ju.Contact(voltage=0.0, spin=None), "top": ju.Contact(spin_current=(0, 0, 2.0 * LENGTH))}
    direct, sunk, inverse = (ju.diffuse(device, contacts) for contacts in (wires, sinks, pumped))
    x, y = np.asarray(device.mesh.points).T
    across, end = np.argsort(y)[np.isclose(x[np.argsort(y)], x[np.abs(x - LENGTH / 2).argmin()])], x > LENGTH - 1e-9
    exact = THETA * np.sinh(WIDTH / 2 - y[across]) / np.cosh(WIDTH / 2)  # the current runs along +x, mu falls
    numbers = {
        "S_edge": direct.S[across[0], 2],
        "S_edge_exact": exact[0],
        "current": float(ju.current_through(direct, "right")),
        "current_exact": 2 * (WIDTH + 2 * THETA**2 * np.tanh(WIDTH / 2)),
        "inverse_voltage": inverse.mu[end].mean(),
        "inverse_voltage_exact": -THETA * np.tanh(WIDTH / 2) * LENGTH / WIDTH,
    }
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 3.6), layout="constrained", width_ratios=(2, 1))
    ju.plot.field(device, sunk.S[:, 2], "$S_z$", ax=left)
    ju.plot.arrows(device, ju.charge_current(sunk, at="nodes"), ax=left)
    left.set(title="current and spin, electrodes take up spin")
    right.plot(y[across], direct.S[across, 2], "o", label="across the middle")
    right.plot(y[across], exact, "k-", linewidth=1, label="closed form")
    right.set(xlabel="$y/l$", ylabel="$S_z$")
    right.legend()
    figure.savefig("spin_hall_bar.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
