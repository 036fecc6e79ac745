"""Weak antilocalisation of a wire: its magnetoconductance, and the lengths that a fit reads off a measured one."""

import numpy as np

import jusadel as ju

u = ju.Units(energy_scale=0.01, D=200.0, length_scale=100.0)  # meV, cm^2/s, nm
mesh = ju.rectangle(u.length(nm=1500.0), u.length(nm=150.0), size=0.7)
fields = u.field(mT=np.linspace(0.0, 15.0, 7))


def wire(p):
    """The wire with spin relaxation and dephasing over these lengths in nm."""
    rates = {"Gamma": u.spin_relaxation(nm=p["spin_length"]), "dephasing": u.dephasing(nm=p["phase_length"])}
    return ju.Device(mesh=mesh, materials=ju.Material(D=u.diffusion(), Tc=0.0, **rates), units=u)


found = ju.localisation(wire({"spin_length": 300.0, "phase_length": 700.0}), fields)
print(f"change_uS = {u.to_uS(found.change[-1]):.4f}")
ju.plot.magnetoconductance(found, quantity="field").figure.savefig("localisation.png")

measured = found.change + 2e-4 * np.random.default_rng(0).normal(size=len(fields))  # here of a computer
start = {"spin_length": 400.0, "phase_length": 500.0}
result = ju.fit(lambda p: ju.localisation(wire(p), fields).change, measured, start, sigma=2e-4)
for name, length in result.params.items():
    print(f"{name} = {length:.0f}")
    print(f"{name}_error = {result.errors[name]:.0f}")
