"""A Josephson junction through a spin-Hall metal on a ferromagnetic insulator: what flows without a phase."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

LENGTH, WIDTH, RELAXATION, ANGLE = 30.0, 18.0, 5.0, 0.1  # nm, nm, nm, spin Hall angle
u = ju.Units(Tc=9.2, D=5.0, resistivity=20.0, thickness=10.0)  # K of niobium, cm^2/s, micro-Ohm cm, nm
x, y = u.length(nm=np.linspace(0, LENGTH, 17)), u.length(nm=np.linspace(0, WIDTH, 12))
mesh = ju.rectangle(x=x, y=y)
Gamma, theta = u.spin_relaxation(nm=RELAXATION), u.spin_hall(angle=ANGLE)
metal = ju.Material(D=u.diffusion(), Tc=0.0, Gamma=Gamma, theta=theta)
ends = {"left": ju.Reservoir(u.energy(meV=1.4)), "right": ju.Reservoir(u.energy(meV=1.4))}


def at_zero_phase(bottom=(0, 0, 0), top=(0, 0, 0)):
    """The solution between insulators with these exchange fields [meV nm], and the current [uA]."""
    strength = u.exchange(meV=1.0) * u.length(nm=1.0)
    magnets = {"bottom": ju.Surface(h=strength * np.array(bottom)), "top": ju.Surface(h=strength * np.array(top))}
    device = ju.Device(mesh=mesh, materials=metal, boundaries=ends | magnets, units=u)
    sol = ju.solve(device, u.temperature(K=2.0), frequencies=6)
    return sol, float(u.to_uA(ju.current_through(sol, "right")))


strengths, up = np.array([2.0, 4.0, 8.0, 16.0, 24.0]), np.array([0.0, 0.0, 1.0])
single = [at_zero_phase(bottom=h * up)[1] for h in strengths]
both = [at_zero_phase(bottom=h * up, top=-h * up)[1] for h in strengths]
sol, opposite = at_zero_phase(bottom=-16.0 * up)
for name, current in zip(("2", "4", "16"), (single[0], single[1], single[3]), strict=True):
    print(f"uA_{name}meVnm = {current:.6f}")
print(f"uA_16meVnm_opposite = {opposite:.6f}\nuA_16meVnm_parallel = {at_zero_phase(16 * up, 16 * up)[1]:.6f}")
print(f"uA_16meVnm_antiparallel = {both[3]:.6f}\nuA_16meVnm_along_edge = {at_zero_phase((16.0, 0, 0))[1]:.6f}")
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
ju.plot.arrows(sol, ax=left).set_title("phase 0, an insulator below", loc="left")
right.plot(strengths, single, "o-", label="one insulator")
right.plot(strengths, both, "s-", label="two, magnetised against each other")
right.set(xlabel="exchange field x thickness [meV nm]", ylabel="current without a phase [uA]")
right.legend()
figure.savefig("spin_hall_junction.png")
