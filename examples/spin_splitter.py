"""The spin splitter: a current along a strip of a d-wave altermagnet turned by 45 degrees drives spins to its edges.

With P_zxy = P and relaxation over l = (D/Gamma)^(1/2), far from the contacts S_z = -P mu' l sinh(y/l)/cosh(w/2l), y
from the middle, and the strip conducts less by the factor 1 - P^2 (2l/w) tanh(w/2l) (lines). Leaves spin_splitter.png
and prints numbers.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

P, GAMMA, LENGTH, SIZE = 0.3, 4.0, 6.0, 0.1
WIDTHS = (0.5, 1.0, 1.5, 2.0, 3.0)
SHOWN = 1.5


def driven(width, strength=P):
    """The Flow of a strip between contacts that take up all spin."""
    material = ju.Material(D=1.0, Tc=0.0, Gamma=GAMMA, **ju.altermagnet(dxy=strength))
    device = ju.Device(mesh=ju.rectangle(LENGTH, width, SIZE), materials=material)
    return ju.diffuse(device, {"left": ju.Contact(voltage=1.0), "right": ju.Contact(voltage=0.0)})


def in_the_middle(flow):
    """y from the middle of the strip, S_z and the slope of mu on the nodes half way along it."""
    x, y = np.asarray(flow.mesh.points).T
    at = np.abs(x - LENGTH / 2) < 0.6 * SIZE
    near = np.abs(x - LENGTH / 2) < 0.5
    return y[at] - y.max() / 2, flow.S[at, 2], np.polyfit(x[near], flow.mu[near], 1)[0]


def closed(y, width, slope):
    """S_z far from the contacts."""
    length = GAMMA**-0.5
    return -P * slope * length * np.sinh(y / length) / np.cosh(width / (2 * length))


def main():
    """Solve for several widths, print the numbers, draw the picture."""
    figure, (above, left, right) = plt.subplots(
        1, 3, figsize=(14, 3.8), layout="constrained", gridspec_kw={"width_ratios": (1.6, 1, 1)}
    )
    flow, numbers = driven(SHOWN), {}
    x, y = np.asarray(flow.mesh.points).T
    S = np.asarray(flow.S)[:, 2]
    shades = above.tripcolor(
        x, y, flow.mesh.triangles, S, shading="gouraud", cmap="RdBu_r", vmin=-np.abs(S).max(), vmax=np.abs(S).max()
    )
    figure.colorbar(shades, label="$S_z/eV$", location="bottom")
    above.set(aspect="equal", xlabel="$x$", ylabel="$y$", title=f"a current along x, $P_{{zxy}} = {P}$")
    across, found, slope = in_the_middle(flow)
    line = np.linspace(-SHOWN / 2, SHOWN / 2, 200)
    left.plot(line, closed(line, SHOWN, slope), "k-", lw=1, label="closed form")
    left.plot(across, found, "o", ms=4, label="jusadel")
    left.set(xlabel="$y$", ylabel="$S_z/eV$ in the middle")
    left.legend()
    for width in WIDTHS:
        flow = driven(width)
        current = abs(float(ju.current_through(flow, "right")))
        slope = in_the_middle(flow)[2]
        numbers[f"conductivity_w{width:g}"] = current / (2 * width * abs(slope))
        numbers[f"S_edge_w{width:g}"] = np.abs(in_the_middle(flow)[1]).max() / abs(slope)
    w, reduced = np.linspace(WIDTHS[0], WIDTHS[-1], 200), [numbers[f"conductivity_w{w:g}"] for w in WIDTHS]
    length = GAMMA**-0.5
    right.plot(w, 1 - P**2 * (2 * length / w) * np.tanh(w / (2 * length)), "k-", lw=1, label="closed form")
    right.plot(WIDTHS, reduced, "o", label="jusadel")
    right.set(xlabel="width $w$", ylabel=r"conductivity$/2\nu D$")
    right.legend()
    figure.savefig("spin_splitter.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
