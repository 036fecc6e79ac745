"""A junction at a given current, its critical current, and its Josephson inductance."""

import jax

import jusadel as ju

u = ju.Units(Tc=1.2, D=200.0, resistivity=1.5, thickness=20.0)  # K, cm^2/s, micro-Ohm cm, nm: copper, aluminium leads
T, gap = u.temperature(K=0.3), ju.bulk_gap(u.temperature(K=0.3), u.temperature(K=1.2))
mesh = ju.rectangle(u.length(nm=800.0), u.length(nm=200.0), size=u.length(nm=100.0))
ends = {"left": ju.Reservoir(gap), "right": ju.Reservoir(gap)}
device = ju.Device(mesh=mesh, materials=ju.Material(D=u.diffusion(), Tc=0.0), boundaries=ends)

critical = ju.critical_current(device, T, frequencies=4)
print(f"Ic_uA = {u.to_uA(critical.plus):.4f}")


def phase(uA):
    sol = ju.solve_at_current(device, u.current(uA=uA), T, frequencies=4)
    return sol.device.electrodes()["right"].phase


print(f"phase_at_10uA = {phase(10.0):.5f}")
print(f"inductance_pH_at_10uA = {329.1 * jax.grad(phase)(10.0):.3f}")  # hbar/2e = 329.1 pH uA
try:
    phase(100.0)
except ju.CriticalCurrentError as error:
    print(f"largest_uA = {u.to_uA(error.critical):.4f}")
