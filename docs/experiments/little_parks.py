"""A thin aluminium ring in a perpendicular field: its critical temperature oscillates (Little and Parks)."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

RADIUS, WIDTH = 300.0, 40.0  # nm
u = ju.Units(Tc=1.3, D=60.0)  # K, cm^2/s
mesh = ju.ring(u.length(nm=RADIUS - WIDTH / 2), u.length(nm=RADIUS + WIDTH / 2), u.length(nm=35.0))
quantum = u.to_mT_um2(u.flux_quantum) / (np.pi * (1e-3 * RADIUS) ** 2)  # mT, one h/2e through the middle of the ring


def Tc(mT):
    """Kelvin."""
    field = ju.uniform_field(u.field(mT=mT))
    ring = ju.Device(mesh=mesh, materials=ju.Material(D=u.diffusion()), vector_potential=field, units=u)
    return float(u.to_kelvin(ju.critical_temperature(ring, frequencies=16).T))


fields = quantum * np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0])
found = np.array([Tc(B) for B in fields])
print(f"flux_quantum_mT = {quantum:.4f}")
for B, T in zip(fields, found, strict=True):
    print(f"Tc_mK_{B / quantum:.2f} = {1e3 * T:.3f}")

fine = np.linspace(0, 2, 201)
q = (np.round(fine) - fine) / u.length(nm=RADIUS)  # what the fluxoid leaves of the field's flow round a thin ring
thin = u.to_kelvin(1 - np.pi * u.diffusion() * q**2 / 8)  # to first order in the pair breaking D q^2/2

figure, axis = plt.subplots(figsize=(5, 3.4), layout="constrained")
axis.plot(fields, found, "o")
axis.plot(quantum * fine, thin, "k--", lw=1, label="thin ring, first order")
axis.legend()
axis.set(xlabel="field [mT]", ylabel="critical temperature [K]", title="Aluminium ring, radius 300 nm")
figure.savefig("little_parks.png")
