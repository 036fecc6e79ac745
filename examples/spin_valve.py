"""Superconducting spin valves: the critical temperature against the angle between two ferromagnets.

Where the magnets embrace the superconductor (F/S/F) their exchange fields add up when parallel and nearly cancel when
antiparallel; Tc grows with the angle (Fominov et al., JETP Lett. 77, 510 (2003)). Interfaces that filter spins let
fewer pairs back and break more. Where both magnets are on one side (S/F/F) pairs interfere, so that for some thickness
of the inner magnet Tc is lowest at right angles, where triplet pairs of equal spins leak out: the triplet spin valve
(Fominov et al., JETP Lett. 91, 308 (2010)). Leaves spin_valve.png and prints numbers.
"""

import warnings
from itertools import pairwise

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

ANGLES = np.linspace(0, np.pi, 7)
SIZE = 0.1
FREQUENCIES = 24
EMBRACED = [("F1", 0.4), ("S", 1.6), ("F2", 0.4)]
INTERFACES = {
    "transparent": {},
    r"$G_B = 20$": {"conductance": 20.0},
    r"$G_B = 20$, $P = 0.3$": {"conductance": 20.0, "P": 0.3},
}
ONE_SIDED = {d: [("S", 1.4), ("F1", d), ("F2", 1.5)] for d in (0.7, 0.8, 0.95)}


def stack(layers):
    """A strip along x of layers (name, thickness), with a line between each two."""
    ends = np.cumsum([0.0, *(d for _, d in layers)])
    x = np.unique(np.concatenate([np.linspace(a, b, max(3, round((b - a) / SIZE) + 1)) for a, b in pairwise(ends)]))
    regions = {
        name: lambda c, a=a, b=b: (c[:, 0] > a) & (c[:, 0] < b)
        for (name, _), (a, b) in zip(layers, pairwise(ends), strict=True)
    }
    mesh = ju.rectangle(ends[-1], SIZE, SIZE, x=x, y=np.array([0.0, SIZE]), regions=regions)
    for (left, _), (right, _) in pairwise(layers):
        mesh = ju.with_cut_between(mesh, left, right, left + right)
    return mesh


def critical_temperature(layers, angle, h, conductance=None, P=0.0):
    """Tc in that of S alone; the magnets' exchange fields h point along z, and turned by the angle about y."""
    along = {"F1": np.array([0.0, 0.0, 1.0]), "F2": np.array([np.sin(angle), 0.0, np.cos(angle)])}
    materials = {name: ju.Material(Tc=0.0, h=h * along[name]) if name in along else ju.Material() for name, _ in layers}
    barriers = {}
    for (left, _), (right, _) in pairwise(layers) if conductance else ():
        magnet = left if left in along else right
        barriers[left + right] = ju.Interface(conductance, polarisation=P * along[magnet])
    device = ju.Device(mesh=stack(layers), materials=materials, boundaries=barriers)
    return float(ju.critical_temperature(device, frequencies=FREQUENCIES).T)


def main():
    """Both kinds of valves against the angle: print the numbers, draw the picture."""
    warnings.simplefilter("ignore", ju.CoarseMeshWarning)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    numbers, degrees = {}, np.degrees(ANGLES)
    for k, (name, interface) in enumerate(INTERFACES.items()):
        Tc = np.array([critical_temperature(EMBRACED, angle, 1.2, **interface) for angle in ANGLES])
        numbers |= {f"FSF{k}_{round(a)}": t for a, t in zip(degrees, Tc, strict=True)}
        left.plot(degrees, Tc, "o-", label=name)
    for d, layers in ONE_SIDED.items():
        Tc = np.array([critical_temperature(layers, angle, 4.0) for angle in ANGLES])
        numbers |= {f"SFF{d}_{round(a)}": t for a, t in zip(degrees, Tc, strict=True)}
        right.plot(degrees, 1e3 * (Tc - Tc[0]), "o-", label=rf"$d_{{F1}} = {d}\,\xi$")
    left.set(title="F/S/F", ylabel=r"$T_c/T_{c0}$")
    right.set(title="S/F/F", ylabel=r"$[T_c - T_c(0)]/T_{c0}$ in $10^{-3}$")
    right.axhline(0, color="0.8", lw=1, zorder=0)
    for axes in (left, right):
        axes.set(xlabel="angle between the magnets (degrees)", xticks=np.arange(0, 181, 30))
        axes.legend()
    figure.savefig("spin_valve.png", dpi=150)
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
