"""Critical temperature of niobium on a copper-nickel ferromagnet against its thickness (Fominov et al. 2002)."""

import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

u = ju.Units(Tc=7.0, D=4.561, resistivity=7.5)  # K, cm^2/s (sqrt(hbar D/2 pi k_B Tc) = 8.9 nm), micro-Ohm cm of Nb
D_F = 3.326  # cm^2/s: 7.6 nm of CuNi, whose resistivity is 60 micro-Ohm cm
niobium = ju.Material(D=u.diffusion(), Tc=u.temperature(K=7.0))
magnet = ju.Material(
    D=u.diffusion(cm2_per_s=D_F),
    Tc=0.0,
    nu=u.relative_nu(resistivity=60.0, cm2_per_s=D_F),
    h=(0, 0, u.exchange(meV=11.2)),  # 130 K
)
barrier = ju.Interface(u.barrier(gamma_B=0.3, nm=60.0 / 7.5 * 7.6))  # 0.3 rho_F xi_F, with 7.6 nm of CuNi


def Tc(d_F, d_S=11.0):
    """Kelvin, for thicknesses in nm."""
    S, all_ = u.length(nm=d_S), u.length(nm=d_S + d_F)
    mesh = ju.rectangle(all_, S / 11, u.length(nm=1.4), regions={"S": (0.0, S), "F": (S, all_)})
    cut = ju.with_cut_between(mesh, "S", "F", "interface")
    stack = ju.Device(mesh=cut, materials={"S": niobium, "F": magnet}, boundaries={"interface": barrier}, units=u)
    return float(u.to_kelvin(ju.critical_temperature(stack, frequencies=40).T))


thickness = np.array([0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0])
found = [Tc(d) for d in thickness]
for d, T in zip(thickness, found, strict=True):
    print(f"Tc_{d:g}nm = {T:.4f}")

figure, axis = plt.subplots(figsize=(5, 3.4), layout="constrained")
axis.plot(thickness, found, "o-")
axis.set(xlabel="thickness of CuNi [nm]", ylabel="critical temperature [K]", title="Nb (11 nm) / CuNi")
figure.savefig("sf_bilayer.png")
