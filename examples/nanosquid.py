"""A nano-SQUID from its layout: its inductance, geometric and kinetic, its effective area, and its pattern in
millitesla.

A square loop of an aluminium film with a normal weak link in two of its arms. A fluxoid in the loop, closed by film
in place of the links, gives its inductance; its current in a weak field the effective area, larger than the hole
since the film keeps the field out; the relation of a link goes with half of the inductance in either arm into the
critical current of the SQUID. Leaves nanosquid.png and prints numbers.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

HOLE, ARM, LEAD, THICKNESS = 400.0, 150.0, 150.0, 50.0  # nm
LINK, NECK = 220.0, 60.0  # nm, length and width of the weak links
UNITS = ju.Units(Tc=1.3, D=50.0, resistivity=4.0, thickness=THICKNESS)  # K, cm^2/s, micro-Ohm cm
T, FIELD, SIZE = 0.4, 0.05, 70.0  # K, mT, nm
PHASES, PATTERN = np.linspace(0, 2 * np.pi, 16, endpoint=False), np.linspace(-12, 12, 241)  # mT
QUANTUM = 2.067833848  # mT um^2, or uA nH


def loop():
    """The film without its links, with a fluxoid and in a weak field."""
    u = UNITS
    nm = lambda x: float(u.length(nm=x))  # noqa: E731
    mesh = ju.squid_loop(nm(HOLE), nm(HOLE), nm(ARM), nm(LINK), nm(LEAD), nm(SIZE))
    device, pairs = ju.Device(mesh=mesh, materials=ju.Material()), ju.vortex(ju.bulk_gap(u.temperature(K=T)))
    film = {"permeability": u.permeability, "thickness": nm(THICKNESS), "model": "film", "frequencies": 8}
    solve = lambda H, start: ju.solve_screened(device, u.temperature(K=T), H, start=start, **film)  # noqa: E731
    return solve(0.0, pairs), solve(u.field(mT=FIELD), None)


def link():
    """A weak link with its resistance."""
    u, nm = UNITS, lambda x: float(UNITS.length(nm=x))
    ends = {name: ju.Reservoir(ju.bulk_gap(u.temperature(K=T))) for name in ("left", "right")}
    mesh, normal = ju.rectangle(nm(LINK), nm(NECK), nm(SIZE / 4)), ju.Material(Tc=0.0)
    device = ju.Device(mesh=mesh, materials=normal, boundaries=ends)
    relation = ju.current_phase_relation(device, PHASES, u.temperature(K=T), accuracy=1e-3)
    return ju.ShuntedJunction(relation, resistance=4e-8 * LINK / (NECK * THICKNESS * 1e-9), unit=u.to_uA(1.0))


def picture(trapped, field, Ic, alone):
    """The field of a fluxoid a hundred nanometres above, and the pattern."""
    u = UNITS
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
    x = np.linspace(-1.6, 1.6, 81) * u.length(nm=HOLE / 2 + ARM)
    plane = np.stack(np.meshgrid(x, x), axis=-1)
    above = u.to_mT(ju.stray_field(trapped, plane.reshape(-1, 2), u.length(nm=100.0))[:, 2]).reshape(81, 81)
    extent, largest = [u.to_nm(x[0]), u.to_nm(x[-1])] * 2, np.abs(above).max()
    image = left.imshow(above, origin="lower", extent=extent, cmap="RdBu_r", vmin=-largest, vmax=largest)
    figure.colorbar(image, ax=left, label="$B_z$ of a fluxoid, 100 nm above (mT)")
    left.set(xlabel="x (nm)", ylabel="y (nm)")
    right.plot(field, alone, "--", color="0.6", label="without inductance")
    right.plot(field, Ic, label="with it")
    right.set(xlabel="applied field (mT)", ylabel=r"critical current ($\mu$A)", ylim=(0, 1.35 * Ic.max()))
    right.legend(loc="upper center", ncols=2)
    figure.savefig("nanosquid.png", dpi=120)


def main():
    """Solve, print the numbers, draw the picture."""
    (trapped, screened), one, u = loop(), link(), UNITS
    found, pH = ju.inductance(trapped), 1e3 * QUANTUM / np.pi / u.to_uA(1.0)
    flux = -screened.hole_currents[0] * found.total / np.pi  # quanta that the current keeps out
    area, total = flux * QUANTUM / FIELD, found.total * pH
    squids = [ju.Squid(one, one, L) for L in (total / 2, 0.0)]
    Ic, alone = (ju.squid_pattern(s, PATTERN * area / QUANTUM)[0] for s in squids)
    numbers = {"geometric_pH": found.geometric * pH, "kinetic_pH": found.kinetic * pH, "effective_area_um2": area}
    numbers |= {
        "period_mT": QUANTUM / area,
        "Ic_uA": Ic.max(),
        "screening_parameter": total * Ic.max() / (1e3 * QUANTUM),
    }
    numbers |= {"depth": 1 - Ic.min() / Ic.max(), "depth_without_inductance": 1 - alone.min() / alone.max()}
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    picture(trapped, PATTERN, Ic, alone)
    return numbers


if __name__ == "__main__":
    main()
