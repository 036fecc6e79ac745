"""Spins injected into a superconducting wire: without and with a Zeeman splitting, against the distance."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

LENGTH, VOLTAGE, POLARISATION = 1500.0, 0.25, 0.3  # nm, mV, of the injector
u = ju.Units(Tc=1.3, D=100.0, resistivity=5.0, thickness=20.0)  # K of aluminium, cm^2/s, micro-Ohm cm, nm
Gamma, gap, T = u.spin_relaxation(nm=150.0), u.energy(meV=0.2), u.temperature(K=0.1)
nm = np.linspace(0, LENGTH, 31)
mesh = ju.rectangle(x=u.length(nm=nm), y=[0, u.length(nm=20.0)])
energies = u.energy(meV=np.concatenate([np.arange(0.004, 0.34, 0.004), np.arange(0.36, 0.5, 0.02)]))


def spins(meV):
    """Along the wire, odd and even in the voltage of a ferromagnet behind a barrier at its end."""
    h = (0, 0, u.exchange(meV=meV))
    wire = ju.Material(D=u.diffusion(), Tc=u.temperature(K=1.3), Gamma=Gamma, h=h)
    injector = ju.Tunnel(ju.Reservoir(0.0), 0.02, polarisation=(0, 0, POLARISATION))
    ends = {"left": injector, "right": ju.Reservoir(gap, h=h, Gamma=Gamma)}
    device = ju.Device(mesh=mesh, materials=wire, boundaries=ends, units=u)
    spec = ju.spectrum(ju.solve(device, T, gap, frequencies=4), energies, eta=u.energy(meV=0.004))
    S = []
    for mV in (-VOLTAGE, VOLTAGE):
        contacts = {"left": ju.Contact(voltage=u.voltage(mV=mV)), "right": ju.Contact(voltage=0.0)}
        S.append(np.asarray(ju.spin_density(ju.kinetics(spec, contacts)))[: len(nm), 2])
    return u.to_spins_per_nm3((S[1] - S[0]) / 2), u.to_spins_per_nm3((S[1] + S[0]) / 2 - S[0][-1])


figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
for meV in (0.0, 0.05):
    odd, even = spins(meV)
    axis.semilogy(nm[:-1], 1e9 * abs(odd[:-1]), "o-", label=f"odd in the voltage, h = {meV:g} meV")
    for d in (250, 500, 750, 1250):
        print(f"odd_{meV:g}meV_{d}nm = {1e9 * odd[d // 50]:.5e}\neven_{meV:g}meV_{d}nm = {1e9 * even[d // 50]:.5e}")
axis.semilogy(nm[:-1], 1e9 * abs(even[:-1]), "s--", label="even in the voltage, h = 0.05 meV")
axis.set(xlabel="distance from the injector [nm]", ylabel=r"size of the spin [1/$\mu$m$^3$]")
axis.legend()
figure.savefig("long_range_spin.png")
