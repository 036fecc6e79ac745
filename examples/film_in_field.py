"""An aluminium disk in a perpendicular field: how it screens, when the first vortex enters, what a scanning SQUID sees.

A film one third as thick as the penetration depth: its currents act on each other by Biot and Savart. To the left the
energies of the states without and with a vortex; they meet at the field where the vortex becomes the lower one. In the
middle the field across the disk in the lowest field, expelled from the middle and crowded at the rim. To the right
the field of the disk with a vortex in the highest field, 150 nm above it. Leaves film_in_field.png and prints numbers.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

UNITS = ju.Units(Tc=1.3, D=50.0, resistivity=4.0, thickness=60.0)
RADIUS, THICKNESS, HEIGHT = (UNITS.length(nm=x) for x in (350.0, 60.0, 150.0))
T, SIZE = 0.5, 0.45
FIELDS = np.array([2.0, 12.0, 16.0])  # mT


def states(mesh, fields):
    """By winding 0 and 1, the states in these fields, each from the one before."""
    device, found = ju.Device(mesh=mesh, materials=ju.Material()), {}
    for winding in (0, 1):
        last, found[winding] = ju.vortex(ju.bulk_gap(T), winding) if winding else None, []
        for H in fields:
            given = {"frequencies": 6, "permeability": UNITS.permeability, "model": "film", "thickness": THICKNESS}
            last = ju.solve_screened(device, T, UNITS.field(mT=H), start=last, **given)
            found[winding].append(last)
    return found


def first_entry(fields, found):
    """The field at which the state with a vortex becomes the lower one."""
    gain = [b.gibbs_energy - a.gibbs_energy for a, b in zip(found[0], found[1], strict=True)]
    return float(np.interp(0.0, -np.array(gain), fields))


def stray_map(sol, points=41):
    """Where, and B_z there at HEIGHT, in mT."""
    x = np.linspace(-2 * RADIUS, 2 * RADIUS, points)
    plane = np.stack(np.meshgrid(x, x), axis=-1)
    return x, UNITS.to_mT(ju.stray_field(sol, plane.reshape(-1, 2), HEIGHT)[:, 2]).reshape(points, points)


def picture(fields, found, x, above):
    """The three panels."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    for winding, label in ((0, "no vortex"), (1, "one vortex")):
        left.plot(fields, [UNITS.to_eV(s.gibbs_energy) for s in found[winding]], "o-", label=label)
    left.set(xlabel="applied field (mT)", ylabel="Gibbs energy (eV)")
    left.legend()
    sol = found[0][0]
    r = np.linalg.norm(np.asarray(sol.mesh.centroids), axis=1)
    middle.plot(UNITS.to_nm(r), UNITS.to_mT(sol.magnetic_field) / fields[0], ".")
    middle.axhline(1.0, color="0.6", lw=0.8)
    middle.set(xlabel="distance from the middle (nm)", ylabel="field over applied field")
    extent = [UNITS.to_nm(x[0]), UNITS.to_nm(x[-1])] * 2
    largest = np.abs(above).max()
    image = right.imshow(above, origin="lower", extent=extent, cmap="RdBu_r", vmin=-largest, vmax=largest)
    figure.colorbar(image, ax=right, label="$B_z$ of the disk, 150 nm above it (mT)")
    right.set(xlabel="x (nm)", ylabel="y (nm)")
    figure.savefig("film_in_field.png", dpi=120)


def main():
    """Solve, print the numbers, draw the picture."""
    found = states(ju.disk(RADIUS, SIZE), FIELDS)
    x, above = stray_map(found[1][-1])
    weak = found[0][0]
    r = np.linalg.norm(np.asarray(weak.mesh.centroids), axis=1)
    numbers = {"screened_to": weak.magnetic_field[r.argmin()] / weak.applied_field}
    numbers |= {"first_vortex_mT": first_entry(FIELDS, found), "stray_middle_mT": above[len(x) // 2, len(x) // 2]}
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    picture(FIELDS, found, x, above)
    return numbers


if __name__ == "__main__":
    main()
