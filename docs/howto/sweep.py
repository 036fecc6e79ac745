"""A sweep that survives: the gap of an S-N bilayer against temperature, kept on disk point by point."""

import numpy as np

import jusadel as ju

regions = {"S": lambda p: p[:, 0] < 2, "N": lambda p: p[:, 0] > 2}
mesh = ju.rectangle(3.0, 0.5, size=0.24, regions=regions)
bilayer = ju.Device(mesh=mesh, materials={"S": ju.Material(Tc=1.0), "N": ju.Material(Tc=0.0)})
temperatures, solved = [0.2, 0.35, 0.5], []


def point(T, previous):
    solved.append(T)
    sol = ju.solve(bilayer, T, "self-consistent", frequencies=6, start=previous)
    return {"gap": np.abs(sol.Delta).max(), "F": ju.free_energy(sol)}, sol  # the solution starts the next point


swept = ju.sweep(point, temperatures, path="bilayer.npz", progress=True)
for T, gap in zip(temperatures, swept["gap"], strict=True):
    print(f"gap_T{T:.2f} = {gap:.5f}")

again = ju.sweep(point, temperatures, path="bilayer.npz")  # all is there
print("points_solved_again =", len(solved) - len(temperatures))
