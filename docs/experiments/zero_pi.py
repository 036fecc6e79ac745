"""Critical current of a niobium junction through copper-nickel against its thickness: from 0 to pi and back."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

u = ju.Units(Tc=9.2, D=5.0, resistivity=60.0)  # K of Nb; cm^2/s and micro-Ohm cm of the CuNi
h = ju.materials["CuNi"].exchange  # meV
xi_F = u.to_nm(np.sqrt(u.diffusion() / u.exchange(meV=h)))
alloy = ju.Material(D=u.diffusion(), Tc=0.0, h=(0, 0, u.exchange(meV=h)))
small = u.energy(meV=0.1)  # the gap just below Tc
ends = {"left": ju.Reservoir(small), "right": ju.Reservoir(small, phase=np.pi / 2)}
T = u.temperature(K=9.0)


def current(d):
    """The current at the phase pi/2, where a sine has its maximum, through d nm; negative for a pi junction."""
    x = np.linspace(0, u.length(nm=d), 31)
    mesh = ju.rectangle(x[-1], x[1], x[1], x=x, y=[0.0, x[1]])
    device = ju.Device(mesh=mesh, materials=alloy, boundaries=ends, units=u)
    return ju.current_through(ju.solve(device, T, frequencies=12), "right") / x[1]


nm = xi_F * np.linspace(1.0, 6.4, 28)
found = np.array([current(d) for d in nm])
turns = np.flatnonzero(np.diff(np.sign(found)))
zeros = [nm[i] + found[i] / (found[i] - found[i + 1]) * (nm[i + 1] - nm[i]) for i in turns]
print(f"xi_F_nm = {xi_F:.4f}")
for name, d in zip(("first", "second"), zeros, strict=True):
    print(f"{name}_transition_nm = {d:.3f}")

figure, axis = plt.subplots(figsize=(5, 3.4), layout="constrained")
axis.semilogy(nm, abs(found), "o-")
axis.set(xlabel="thickness of CuNi [nm]", ylabel=r"$|I_c|$ per width [code units]", title="Nb/CuNi/Nb")
for y in (2.347, 5.498):
    axis.axvline(y * xi_F, color="gray", ls=":")
figure.savefig("zero_pi.png")
