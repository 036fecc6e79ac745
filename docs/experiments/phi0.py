"""A Josephson junction through InAs in a field along it: the anomalous phase phi_0 against the field."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

LENGTH, WIDTH = 400.0, 100.0  # nm
InAs = ju.materials["InAs"]
u = ju.Units(Tc=1.3, D=300.0)  # K of aluminium, cm^2/s
rashba = u.rashba(eV_angstrom=InAs.rashba, mass=InAs.effective_mass, scattering_fs=150.0)
mesh = ju.rectangle(u.length(nm=LENGTH), u.length(nm=WIDTH), u.length(nm=26.0))
phases = np.linspace(-np.pi, np.pi, 16, endpoint=False)


def curve(mT):
    """The current-phase relation in a field along y, which acts on spins alone (g = 10)."""
    metal = ju.Material(D=u.diffusion(), Tc=0.0, h=(0, u.zeeman(mT=mT, g=10.0), 0), **rashba)
    ends = {"left": ju.Reservoir(u.energy(meV=0.2)), "right": ju.Reservoir(u.energy(meV=0.2))}
    device = ju.Device(mesh=mesh, materials=metal, boundaries=ends, units=u)
    return ju.current_phase_relation(device, phases, u.temperature(K=0.1), frequencies=8)


fields = np.array([0.0, 300.0, 600.0])
curves = [curve(mT) for mT in fields]
for mT, found in zip(fields, curves, strict=True):
    print(f"phi0_{mT:g}mT = {found.phi0:.5f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for mT, found in zip(fields[::2], curves[::2], strict=True):
    ju.plot.current_phase(found, f"{mT:g} mT", ax=left)
right.plot(fields, [found.phi0 for found in curves], "o-")
right.set(xlabel="field along the junction [mT]", ylabel=r"$\varphi_0$")
figure.savefig("phi0.png")
