"""A d-wave altermagnet between superconductors: the critical current against its length, and the spins it gets.

Pairs of either spin diffuse with D (1 +- iK) along the lobes of K. Behind weak barriers the critical current per width
is, with F = Delta/(omega^2 + Delta^2)^(1/2), k^2 = 2 omega/D and z^2 = 1 + iK,

    pi T G_B^2 Sum_omega F^2 Re[1/(D k z sinh(k L/z))]

(the lines): it falls less with the length, and for long ones changes its sign (a pi junction, hollow). Around a
superconducting dot K draws spins in four lobes, S_z in proportion to -Im f^2. Leaves altermagnet_junction.png and
prints numbers.
"""

import warnings

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

T, DELTA, BARRIER, WIDTH = 0.1, 1.0, 0.02, 0.2
STRENGTHS = (0.0, 0.5, 1.0)
LENGTHS = (1.0, 2.5, 4.0, 5.5, 7.0, 8.5)
ELECTRODE = ju.Reservoir(DELTA)
ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)
DOT = [(0.6 * np.cos(a), 0.6 * np.sin(a)) for a in ANGLES]
FILM = ju.polygon([(-3, -3), (3, -3), (3, 3), (-3, 3)], size=0.3, holes=[DOT])


def altermagnet(K):
    """A metal with K_zxx = -K_zyy = K."""
    return ju.Material(D=1.0, Tc=0.0, **ju.altermagnet(precession=(0.0, K)))


def critical_current(K, L):
    """Its value at the phase pi/2, where a tunnel junction has its largest current; negative for a pi junction."""
    ends = {
        "left": ju.Tunnel(ELECTRODE, BARRIER),
        "right": ju.Tunnel(ju.Reservoir(DELTA, phase=np.pi / 2), BARRIER),
    }
    device = ju.Device(mesh=ju.rectangle(L, WIDTH, 0.1), materials=altermagnet(K), boundaries=ends)
    return float(ju.current_through(ju.solve(device, T), "right"))


def closed(K, L):
    """The same to lowest order of the barriers."""
    omega = np.pi * T * (2 * np.arange(200) + 1)
    k, z = np.sqrt(2 * omega), np.sqrt(1 + 1j * K)
    decay = (1 / (k * z * np.sinh(np.multiply.outer(L, k / z)))).real
    return WIDTH * np.pi * T * BARRIER**2 * decay @ (DELTA**2 / (omega**2 + DELTA**2))


def spins(K):
    """S_z of the film around the dot, at its nodes."""
    device = ju.Device(mesh=FILM, materials=altermagnet(K), boundaries={"hole0": ju.Tunnel(ELECTRODE, 1.0)})
    return np.asarray(ju.spin_density(ju.solve(device, T)))[:, 2]


def main():
    """Solve for several strengths and lengths, print the numbers, draw the picture."""
    warnings.simplefilter("ignore", ju.CoarseMeshWarning)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    numbers, line = {}, np.linspace(LENGTHS[0], LENGTHS[-1], 200)
    unit = closed(0.0, np.array([LENGTHS[0]]))[0]
    for color, K in enumerate(STRENGTHS):
        found = [critical_current(K, L) for L in LENGTHS]
        numbers |= {f"Ic_K{K}_L{L:g}": current for L, current in zip(LENGTHS, found, strict=True)}
        left.semilogy(line, np.abs(closed(K, line)) / unit, f"C{color}-", lw=1)
        filled = [f"C{color}" if current > 0 else "none" for current in found]
        left.scatter(LENGTHS, np.abs(found) / unit, c=filled, edgecolors=f"C{color}", label=f"$K = {K}$", zorder=3)
    S = spins(STRENGTHS[-1])
    x, y = np.asarray(FILM.points).T
    numbers["S_z_largest"], numbers["S_z_smallest"] = S.max(), S.min()
    shades = right.tripcolor(
        x, y, FILM.triangles, S, shading="gouraud", cmap="RdBu_r", vmin=-np.abs(S).max(), vmax=np.abs(S).max()
    )
    figure.colorbar(shades, label=r"$S_z/\nu\Delta$")
    left.set(xlabel=r"$L/\xi$,  $\xi = (D/\Delta)^{1/2}$", ylabel=r"$|I_c|/I_c(K = 0, L = \xi)$")
    left.legend(title="dots: jusadel (hollow: pi junction)\nlines: weak barriers")
    right.set(aspect="equal", xlabel=r"$x/\xi$", ylabel=r"$y/\xi$", title=f"spins around a dot, $K = {STRENGTHS[-1]}$")
    figure.savefig("altermagnet_junction.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
