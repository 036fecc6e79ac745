"""Local density of states of a normal island in a superconductor, and the minigap of a long SNS junction.

The island, in units of Delta and sqrt(D/Delta), has a gap of its own, the same everywhere on it, below which nothing
is left; only how much stands above it depends on the place. In a junction the minigap, 3.12 D/L^2 at equal phases,
closes as the phase difference goes to pi; the line is 3.122 (1 - 0.0921 phi^2). Leaves minigap.png, prints numbers.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

LINES, SIDE, ETA = np.linspace(0, 3.0, 16), 1.4, 0.01  # a quarter of the island and its surroundings
ENERGIES = np.linspace(0, 1.4, 29)
WIRE, PHASES = (1 - np.cos(np.pi * np.linspace(0, 1, 31))) / 2, np.pi * np.linspace(0, 0.95, 6)
DELTA, HIGHEST = 200.0, 3.6  # in D/L^2


def island():
    """The spectrum of a normal square in a superconducting film."""
    inside = lambda p: (p < SIDE).all(axis=1)  # noqa: E731
    regions = {"N": inside, "S": lambda p: ~inside(p)}
    mesh = ju.rectangle(LINES[-1], LINES[-1], 1.0, x=LINES, y=LINES, regions=regions)
    device = ju.Device(mesh=mesh, materials={"N": ju.Material(Tc=0.0), "S": ju.Material(Tc=0.567)})
    return ju.spectrum(ju.solve(device, T=0.05, pair_potential={"S": 1.0, "N": 0.0}, frequencies=4), ENERGIES, ETA)


def minigap(phase):
    """Where states in the middle of the wire begin."""
    ends = {"left": ju.Reservoir(DELTA), "right": ju.Reservoir(DELTA, phase=phase)}
    mesh = ju.rectangle(1.0, 0.04, 1.0, x=WIRE, y=[0, 0.04])
    wire = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries=ends)
    sol, low, high = ju.solve(wire, T=1.0, frequencies=2), 0.0, HIGHEST
    while high - low > 0.01:
        E = (low + high) / 2
        gapped = ju.density_of_states(ju.spectrum(sol, [E], eta=1e-3))[0, len(WIRE) // 2] < 0.15
        low, high = (E, high) if gapped else (low, E)
    return (low + high) / 2


def main():
    """Solve, print the numbers, draw the picture."""
    spec, gaps, phi = island(), np.array([minigap(phase) for phase in PHASES]), np.linspace(0, 1.8, 50)
    N = np.asarray(ju.density_of_states(spec))[:, np.abs(spec.mesh.points).sum(axis=1).argmin()]  # in the centre
    first = int(np.argmax(N > 0.5))
    numbers = {"island_gap": np.interp(0.5, N[first - 1 : first + 1], ENERGIES[first - 1 : first + 1])}
    numbers |= {"island_peak": ENERGIES[N.argmax()], "N_lowest_energy": N[0]}
    numbers |= {"minigap_0": gaps[0], "minigap_0.95pi": gaps[-1]}
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 4), layout="constrained")
    ju.plot.density_map(spec, ENERGIES[first + 1], ax=left)
    ju.plot.spectrum(spec, at=[(0, 0), (LINES[-1], LINES[-1])], regions=["N"], ax=middle).set(ylim=(0, 3))
    right.plot(PHASES / np.pi, gaps, "o", phi / np.pi, 3.122 * (1 - 0.0921 * phi**2), "k--")
    right.set(xlabel=r"$\varphi/\pi$", ylabel=r"$E_g/E_{Th}$", ylim=(0, None))
    figure.savefig("minigap.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
