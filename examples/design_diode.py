"""A superconducting diode by design: edges and spin-galvanic coupling of a junction, shaped by gradient ascent.

A strip in an exchange field along y between two superconductors. What may change is the half-width along the strip and
a map of the Rashba spin-galvanic gamma(x, y), within bounds; what grows is the efficiency (Ic+ - Ic-)/(Ic+ + Ic-).
Start and outcome are solved again on a finer mesh with more phases and frequencies. Energies in E_Th = D/L^2, gamma in
D/L. Leaves design_diode.png and prints one `name = value` a line.
"""

import warnings

import matplotlib

matplotlib.use("Agg")
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

import jusadel as ju

MESH = ju.rectangle(1.0, 1.0, 0.2)
PHASES = np.linspace(-np.pi, np.pi, 8, endpoint=False)
FINE_PHASES = np.linspace(-np.pi, np.pi, 16, endpoint=False)
FREQUENCIES, FINE_FREQUENCIES, STEPS = 4, 8, 14
START = {"gamma": np.full((4, 4), 0.1), "half_width": np.full(4, 0.5)}
RANGES = {"gamma": ju.bounded(-1.0, 1.0), "half_width": ju.bounded(0.25, 0.75)}
T, H = 0.5, -6.0
warnings.simplefilter("ignore", ju.CoarseMeshWarning)  # edges of 0.6 exchange lengths; a finer mesh checks the outcome


def hats(s, count):
    """Linear interpolation between `count` values at equal distances on [0, 1], (len(s), count)."""
    return jnp.maximum(0.0, 1 - jnp.abs(s[:, None] * (count - 1) - jnp.arange(count)))


def junction(p, mesh):
    """The device with these half-widths and this map of gamma."""
    bottom, top = mesh.points[:, 1].min(), mesh.points[:, 1].max()

    def half_width(x):
        return hats(x, len(p["half_width"])) @ p["half_width"]

    def gamma(r):
        across = 0.5 + r[:, 1] / (2 * half_width(r[:, 0]))
        along_and_across = hats(r[:, 0], 4) @ p["gamma"] * hats(across, 4)
        return along_and_across.sum(axis=1)[:, None, None] * ju.rashba(1.0)

    x, across = mesh.points[:, 0], 2 * (mesh.points[:, 1] - bottom) / (top - bottom) - 1
    points = jnp.stack([jnp.asarray(x), across * half_width(jnp.asarray(x))], axis=1)
    strip = ju.Material(D=1.0, Tc=0.0, h=(0, H, 0), Gamma=0.5, gamma=gamma)
    ends = {"left": ju.Reservoir(8.0), "right": ju.Reservoir(8.0)}
    return ju.Device(mesh=mesh.with_points(points), materials=strip, boundaries=ends)


def relation(p, mesh=MESH, phases=PHASES, frequencies=FREQUENCIES):
    """The current-phase relation, differentiable."""
    solver = ju.linear.SuperLU()
    return ju.current_phase_relation(junction(p, mesh), phases, T, frequencies=frequencies, linear_solver=solver)


def show(axis, p, name):
    """The map on the shaped strip."""
    mesh = junction(p, MESH.refined()).mesh
    points, triangles = np.asarray(mesh.points), np.asarray(mesh.triangles)
    strength = junction(p, MESH).materials["film"].gamma(points)[:, 0, 1]
    drawn = axis.tripcolor(*points.T, triangles, strength, shading="gouraud", cmap="RdBu_r", vmin=-1, vmax=1)
    axis.set(aspect="equal", xlabel="$x/L$", ylabel="$y/L$", title=name, ylim=(-0.8, 0.8))
    return drawn


def main():
    """Shape, solve again, print the numbers, draw the picture."""
    result = ju.fit(
        lambda p: relation(p).diode_efficiency,
        None,
        START,
        transforms=RANGES,
        optimizer=optax.adam(0.15),
        loss=lambda efficiency, _: -efficiency,
        max_steps=STEPS,
        progress=lambda line: print(line.split(":")[1]),
    )
    before, after = (relation(p, MESH.refined(), FINE_PHASES, FINE_FREQUENCIES) for p in (START, result.params))
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained", width_ratios=(1, 1, 1.3))
    show(axes[0], START, "before")
    figure.colorbar(show(axes[1], result.params, "after"), ax=axes[:2], label=r"$\gamma L/D$", shrink=0.8)
    fine = np.linspace(-np.pi, np.pi, 300)
    for found, name, colour in ((before, "before", "0.6"), (after, "after", "C3")):
        plus, minus = found.critical_current
        label = f"{name}: efficiency {100 * found.diode_efficiency:.1f} %"
        axes[2].plot(fine / np.pi, found.current_at(fine), color=colour, label=label)
        axes[2].axhline(plus, color=colour, linewidth=0.8, linestyle=":")
        axes[2].axhline(-minus, color=colour, linewidth=0.8, linestyle=":")
    axes[2].set(xlabel=r"$\varphi/\pi$", ylabel=r"$I/(\nu D E_{Th})$")
    axes[2].margins(y=0.25)
    axes[2].legend(loc="upper left")
    figure.savefig("design_diode.png", dpi=150)
    numbers = {
        "efficiency_start": -result.history.loss[0],
        "efficiency_designed": -result.loss,
        "efficiency_start_finer": before.diode_efficiency,
        "efficiency_designed_finer": after.diode_efficiency,
        "critical_current_plus": after.critical_current[0],
        "critical_current_minus": after.critical_current[1],
    }
    print("\n".join(f"{name} = {float(value):.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
