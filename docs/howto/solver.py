"""Which linear solver: the same junction by a direct one and by Krylov iterations, the only one on GPUs."""

import jax

import jusadel as ju

print("device =", jax.devices()[0].platform)  # gpu, where jax[cuda12] is installed and finds one
ends = {"left": ju.Reservoir(10.0), "right": ju.Reservoir(10.0, phase=1.0)}
device = ju.Device(mesh=ju.rectangle(1.0, 0.4, size=0.2), materials=ju.Material(Tc=0.0), boundaries=ends)
for solver in (ju.linear.SuperLU(), ju.linear.Krylov()):
    sol = ju.solve(device, T=1.0, frequencies=4, linear_solver=solver)
    print(f"current_{type(solver).__name__} = {ju.current_through(sol, 'right'):.8f}")
print(sol)
