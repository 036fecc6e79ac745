"""A nonlocal spin valve of aluminium: the signal against the field across it, in milliohm and millitesla (Hanle)."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

WIDTH, DISTANCE, ARM, P = 200.0, 1000.0, 4000.0, 0.1  # nm; polarisation of the tunnel contacts
RELAXATION = 650.0  # nm, aluminium at 4.2 K (Jedema et al. 2002)
u = ju.Units(energy_scale=0.01, D=43.0, resistivity=6.0, thickness=50.0)  # meV, cm^2/s, micro-Ohm cm, nm
middle, end, width = u.length(nm=ARM), u.length(nm=2 * ARM), u.length(nm=WIDTH)
arms = {"back": (0.0, middle), "front": (middle, end)}
mesh = ju.with_cut_between(ju.rectangle(end, width, u.length(nm=142.0), regions=arms), "back", "front", "injector")
detector = np.argmin(abs(mesh.points[:, 0] - u.length(nm=ARM + DISTANCE)))
Gamma = u.spin_relaxation(nm=RELAXATION)


def signal(mT):
    """Detector's potential over the current, half of the difference of its two magnetisations."""
    wire = ju.Material(D=u.diffusion(), Tc=0.0, Gamma=Gamma, h=(0, 0, u.zeeman(mT=mT)))
    contacts = {"injector": ju.Contact(current=1.0, spin_current=(P, 0, 0)), "left": ju.Contact(voltage=0.0)}
    flow = ju.diffuse(ju.Device(mesh=mesh, materials=wire, units=u), contacts)
    return P * flow.S[detector, 0]


fields = np.linspace(-300, 300, 25)
found = u.to_mOhm(np.array([signal(B) for B in fields]))
print(f"signal_mOhm = {found[12]:.5f}")
print(f"signal_mOhm_100mT = {np.interp(100, fields, found):.5f}")
print(f"half_width_mT = {np.interp(-found[12] / 2, -found[12:], fields[12:]):.2f}")

figure, axis = plt.subplots(figsize=(5, 3.4), layout="constrained")
axis.plot(fields, found, "o-")
axis.set(xlabel="field [mT]", ylabel=r"nonlocal resistance [m$\Omega$]", title="Aluminium, 1 µm apart")
figure.savefig("hanle.png")
