"""Pairs in normal layers, behind barriers and in ferromagnets, at single Matsubara frequencies."""

import re

import numpy as np

import jusadel as ju
from validation.registry import REFERENCES, case, draw, nodes, row, value_of, worst

DIRECT = {"linear_solver": ju.linear.SuperLU()}
GRADED = np.linspace(0, 1, 41) ** 1.5


def one(omega):
    """T and frequencies with which sums are those of a single frequency."""
    return {"T": 1 / np.pi, "frequencies": ([omega], [1.0])} | DIRECT


def numbers(reference):
    text = REFERENCES[reference]["parameters"].replace(" ", "")
    return {k: float(v) for k, v in (pair.split("=") for pair in text.split(","))}


def angle(sol):
    """theta of G = cos(theta) R3 + sin(theta) R2 at the nodes."""
    g = np.asarray(ju.to_nambu(sol.G[0]))
    return np.arctan2(np.asarray(ju.pair_amplitude(sol, omega=0)[0]).real, g[:, 0, 0].real)


def layer(omega, end):
    """theta along a normal layer of length 1 behind its left end."""
    mesh = ju.rectangle(1.0, 0.05, 0.1, x=GRADED)
    device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0), boundaries={"left": end})
    return mesh, angle(ju.solve(device, **one(omega)))[:41]


LAYERS = "R052 R053 R055 R057 R058 R060 R062 R063 R065"


@case(
    "B1a",
    "proximity",
    "Normal layer on a superconductor",
    LAYERS,
    pictures={"layer": "Pairing angle in a normal layer for Delta = 10 E_Th; dots: reference values."},
)
def normal_layer():
    axis, save = draw("layer")
    for name in LAYERS.split():
        at, exact = numbers(name), value_of(name)["theta_at_x"]
        mesh, theta = layer(at["w/E_Th"], ju.Reservoir(at["Delta/E_Th"]))
        x = np.array([float(key) for key in exact])
        quantity = f"theta(x) at Delta = {at['Delta/E_Th']:g}, omega = {at['w/E_Th']:g} [E_Th]"
        yield worst(name, quantity, np.interp(x, GRADED, theta), list(exact.values()), nodes(mesh))
        if at["Delta/E_Th"] == 10:
            (curve,) = axis.plot(GRADED, theta, label=rf"$\omega = {at['w/E_Th']:g}\,E_{{Th}}$")
            axis.plot(x, list(exact.values()), "o", color=curve.get_color())
    axis.set(xlabel="$x/L$", ylabel=r"$\theta$", ylim=(-0.05, 2.15))
    axis.legend(ncols=3, loc="upper center")
    save()


BARRIERS = "R088 R090 R092 R093 R095"


@case("B2a", "proximity", "Normal layer behind a tunnel barrier", BARRIERS, fast=True)
def behind_a_barrier():
    for name in BARRIERS.split():
        at, exact = numbers(name), value_of(name)
        end = ju.Tunnel(ju.Reservoir(at["Delta"]), conductance=2 / at["gamma_B*xi/L"])
        mesh, theta = layer(at["w"], end)
        x = [float(re.findall(r"[0-9.]+", key)[0]) for key in exact]
        quantity = f"theta(x) at gamma_B xi = {at['gamma_B*xi/L']:g} L, omega = {at['w']:g} E_Th"
        yield worst(name, quantity, np.interp(x, GRADED, theta), list(exact.values()), nodes(mesh))


BILAYERS = "R097 R098 R100 R102 R103 R105 R107 R108"


@case("B2b", "proximity", "Bilayers with and without a barrier", BILAYERS)
def bilayers():
    for name in BILAYERS.split():
        at = numbers(name)
        dS, dN, nu = at["dS"], at["dN"], at["sigma_N/sigma_S"] / at["D_N"]
        x = np.concatenate([dS - dS * GRADED[::-1], dS + dN * GRADED[1:]])
        regions = {"S": lambda c, d=dS: c[:, 0] < d, "N": lambda c, d=dS: c[:, 0] > d}
        mesh = ju.with_cut_between(ju.rectangle(dS + dN, 0.05, 0.1, x=x, regions=regions), "S", "N", "border")
        barrier = {"border": ju.Interface(2 * nu * at["D_N"] / at["gammaB_xi"])} if at["gammaB_xi"] else {}
        metals = {"S": ju.Material(D=1.0), "N": ju.Material(D=at["D_N"], Tc=0.0, nu=nu)}
        device = ju.Device(mesh=mesh, materials=metals, boundaries=barrier)
        sol = ju.solve(device, pair_potential={"S": at["Delta"]}, **one(at["w"]))
        theta, place = angle(sol), sol.mesh.points[:, 0]
        sides = {k: np.unique(sol.mesh.triangles[rows]) for k, rows in sol.mesh.regions.items()}
        border = {k: theta[n[np.isclose(place[n], dS)]].mean() for k, n in sides.items()}
        found = {"theta(-dS)": theta[np.isclose(place, 0)].mean(), "theta_S(0-)": border["S"]}
        found |= {"theta_N(0+)": border["N"], "theta(dN)": theta[np.isclose(place, dS + dN)].mean()}
        exact, kind = value_of(name), f"dS = {dS:g}, dN = {dN:g}, gamma_B xi = {at['gammaB_xi']:g}, omega = {at['w']:g}"
        yield worst(name, f"theta at the edges, {kind}", [found[k] for k in exact], list(exact.values()), nodes(mesh))


@case("15", "proximity", "Decay of pairs in a ferromagnet", "15")
def decay():
    D, omega, length, lines, step = 1.3, 0.9, 6.0, 481, 20
    mesh = ju.rectangle(length, 0.02, 1.0, x=np.linspace(0, length, lines), y=[0, 0.02])

    def amplitudes(h, Gamma):
        contact = ju.Tunnel(ju.Reservoir(1.7, h=(0.5, 0.0, 0.0)), conductance=0.01)
        metal = ju.Material(D=D, Tc=0.0, h=(0.0, 0.0, h), Gamma=Gamma)
        sol = ju.solve(ju.Device(mesh=mesh, materials=metal, boundaries={"left": contact}), **one(omega))
        return tuple(np.asarray(f)[:lines].real for f in ju.pair_amplitude(sol, omega=0))

    k, apart = lines // 9, step * length / (lines - 1)
    for h, Gamma in ((1.5, 1.0), (0.3, 2.0)):
        singlet, triplet = amplitudes(h, Gamma)
        pairs = np.stack([singlet, triplet[:, 2]])
        moved = pairs[:, [k + step, k + 2 * step]] @ np.linalg.inv(pairs[:, [k, k + step]])
        kappa = np.sort_complex(-np.log(np.linalg.eigvals(moved).astype(complex)) / apart)
        root = np.sqrt(Gamma**2 / 4 - 4 * h**2 + 0j)
        exact = np.sort_complex(np.sqrt((2 * omega + Gamma / 2 + np.array([root, -root])) / D))
        for name, part in (("Re", np.real), ("Im", np.imag)):
            if abs(part(exact[0])) > 0:
                quantity = f"{name} kappa at h = {h:g}, Gamma = {Gamma:g}"
                yield row("15", quantity, part(kappa[0]), part(exact[0]), nodes(mesh))
        across = -np.log(triplet[k + step, 0] / triplet[k, 0]) / apart
        quantity = f"kappa of triplets across h, Gamma = {Gamma:g}"
        yield row("15", quantity, across, np.sqrt((2 * omega + Gamma) / D), nodes(mesh))
