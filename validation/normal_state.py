"""Charge and spin diffusion in normal metals."""

import numpy as np

import jusadel as ju
from validation.registry import case, draw, nodes, row, value_of, worst

FREE = {"spin": None}


def driven(length, width, size, **fields):
    """d_x mu = 1; no spin leaves at the ends."""
    device = ju.Device(mesh=ju.rectangle(length, width, size), materials=ju.Material(**fields))
    contacts = {"left": ju.Contact(voltage=0.0, **FREE), "right": ju.Contact(voltage=length, **FREE)}
    return ju.diffuse(device, contacts)


def at(flow, points):
    """Rows of the nodes nearest to these points."""
    mesh = np.asarray(flow.mesh.points)
    return [int(np.argmin(((mesh - p) ** 2).sum(axis=1))) for p in np.atleast_2d(points)]


@case(
    "D1",
    "normal_state",
    "Spin Hall bar",
    "R220",
    fast=True,
    pictures={"spin_hall": "Spin across a spin Hall bar (dots: nodes) and the closed form."},
)
def spin_hall():
    flow, exact = driven(2.0, 3.0, 0.1, Gamma=0.8, theta=(0, 0, 0.1)), value_of("R220")
    mesh = nodes(flow.mesh)
    edge = flow.S[at(flow, (1.0, 3.0)), 2][0]
    yield row("R220", "S_z at the edge", edge, exact["S_z_edge_right"], mesh)
    current = float(ju.current_through(flow, "right")) / 2
    yield row("R220", "total current/2 nu", current, exact["I_x_total"], mesh)
    axis, save = draw("spin_hall")
    y, l_s = np.linspace(-1.5, 1.5, 100), np.sqrt(1 / 0.8)
    axis.plot(y, 0.1 * l_s * np.sinh(y / l_s) / np.cosh(1.5 / l_s), "k-")
    axis.plot(np.asarray(flow.mesh.points)[:, 1] - 1.5, flow.S[:, 2], ".")
    axis.set(xlabel="$y$", ylabel="$S_z$")
    save()


@case("D2", "normal_state", "Edelstein effect", "R221", fast=True)
def edelstein():
    flow = driven(2.0, 1.0, 0.4, gamma=ju.rashba(0.3), Gamma=np.diag([0.5, 0.9, 1.3]))
    exact, mesh = value_of("R221"), nodes(flow.mesh)
    yield row("R221", "S_y", flow.S[0, 1], exact["S_y"], mesh)
    yield row("R221", "j_x/2 nu", np.asarray(ju.charge_current(flow))[0, 0] / 2, exact["j_x"], mesh)


@case(
    "D3b",
    "normal_state",
    "Hanle precession",
    "R223",
    pictures={"hanle": "Spin that precesses and decays along a wire: nodes (lines) and reference values (dots)."},
)
def hanle():
    mesh = ju.rectangle(4.0, 0.2, 1.0, x=np.linspace(0, 4, 65), y=[0, 0.2])
    device = ju.Device(mesh=mesh, materials=ju.Material(Tc=0.0, Gamma=0.8, h=(0, 0, 0.6)))
    flow, exact = ju.diffuse(device, {"left": ju.Contact(voltage=0.0, spin=(1, 0, 0))}), value_of("R223")
    rows = at(flow, np.stack([exact["x"], np.zeros(4)], axis=1))
    axis, save = draw("hanle")
    for k, name in enumerate(("S_x", "S_y")):
        yield worst("R223", name, flow.S[rows, k], exact[name], nodes(mesh))
        (line,) = axis.plot(np.linspace(0, 4, 65), flow.S[:65, k], label=f"${name}$")
        axis.plot(exact["x"], exact[name], "o", color=line.get_color())
    axis.set(xlabel="$x$", ylabel="spin")
    axis.legend()
    save()


@case("D4", "normal_state", "Voltage of an injected spin", "R224", fast=True)
def inverse_edelstein():
    mesh = ju.rectangle(4.0, 0.2, 1.0, x=np.linspace(0, 4, 65), y=[0, 0.2])
    device = ju.Device(mesh=mesh, materials=ju.Material(gamma=ju.rashba(0.3), Gamma=0.8))
    flow, exact = ju.diffuse(device, {"left": ju.Contact(voltage=0.0, spin=(0, 1, 0))}), value_of("R224")
    end = at(flow, (4.0, 0.0))[0]
    yield row("R224", "mu(L)", flow.mu[end], exact["mu_L"], nodes(mesh))
    yield row("R224", "S_y(L)", flow.S[end, 1], exact["S_y_L"], nodes(mesh))


def annulus(r1, r2, rings, spokes):
    """A ring of quadrilaterals, halved; boundaries "inner" and "outer"."""
    radius, angle = np.linspace(r1, r2, rings), 2 * np.pi * np.arange(spokes) / spokes
    points = np.stack([np.outer(np.cos(angle), radius), np.outer(np.sin(angle), radius)], axis=-1).reshape(-1, 2)
    number = np.arange(spokes * rings).reshape(spokes, rings)
    following = np.roll(number, -1, axis=0)
    a, b, c, d = (x.ravel() for x in (number[:, :-1], number[:, 1:], following[:, 1:], following[:, :-1]))
    triangles = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    rims = {n: np.stack([number[:, k], following[:, k]], axis=1) for n, k in (("inner", 0), ("outer", -1))}
    return ju.Mesh(points=points, triangles=triangles, boundaries=rims)


@case("D8", "normal_state", "Corbino disc with Rashba coupling", "R229")
def corbino():
    mesh, exact = annulus(1.0, 3.0, 25, 96), value_of("R229")
    device = ju.Device(mesh=mesh, materials=ju.Material(gamma=ju.rashba(-0.3), Gamma=0.8))
    flow = ju.diffuse(device, {"inner": ju.Contact(voltage=0.0), "outer": ju.Contact(voltage=1.0)})
    rows = at(flow, [(r * np.sqrt(0.5), r * np.sqrt(0.5)) for r in exact["r"]])
    S_phi = (flow.S[rows, 1] - flow.S[rows, 0]) * np.sqrt(0.5)
    through = float(ju.current_through(flow, "outer")) / (4 * np.pi)
    yield row("R229", "I/2 pi", through, exact["I_over_2pi"], nodes(mesh))
    yield worst("R229", "mu(r)", flow.mu[rows], exact["mu"], nodes(mesh))
    yield worst("R229", "S_phi(r)", S_phi, exact["S_phi"], nodes(mesh))
