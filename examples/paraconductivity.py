"""Superconducting fluctuations above Tc: how much more a film, a wire and a constriction conduct.

The film and the wire are closed on themselves and stand for large ones; Aslamazov and Larkin's laws (dashed) hold close
to Tc, and further away pairs of larger momenta have less velocity than they say (dotted: the film's, of the
same theory at all momenta). The constriction lies between contacts, where pairs vanish: its transition is below Tc,
so that its conductance grows less. To the right its slowest pairs, at the lowest of the temperatures.
Leaves paraconductivity.png and prints numbers, conductances in e^2/h.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import quad
from scipy.special import digamma, polygamma

import jusadel as ju

EPS = np.geomspace(0.03, 0.4, 5)  # ln T/Tc
XI = np.sqrt(np.pi / 8)  # at Tc, for D = Tc = 1
WIRE, FINE = 60 * XI, 0.2
EDGES, MODES = 28, {"film": 180, "wire": 60, "constriction": 60}


def bridge():
    """A constriction of width one and length three between banks eight wide."""
    x, y, w = (5.0, 1.5), 4.0, 0.5
    upper = [(x[0], y), (x[1], y), (x[1], w), (-x[1], w), (-x[1], y), (-x[0], y)]
    ends = {name: [(end, -y), (end, y)] for name, end in (("left", -x[0]), ("right", x[0]))}
    size = ju.graded(1.3 * FINE, [((t, s * w), FINE) for t in (-1.5, 0.0, 1.5) for s in (-1, 1)])
    return ju.polygon([*upper, *((-a, -b) for a, b in upper)], size, boundaries=ends)


def devices(eps):
    """By name; the film nine sizes of a fluctuating pair wide."""
    turn, metal, side = {"right": ju.Periodic("left")}, ju.Material(D=1.0, Tc=1.0), 9 * XI / np.sqrt(eps * np.exp(eps))
    film, wire = ju.rectangle(side, side, side / EDGES), ju.rectangle(WIRE, 0.2, FINE)
    return {
        "film": ju.Device(mesh=film, materials=metal, boundaries=turn | {"top": ju.Periodic("bottom")}),
        "wire": ju.Device(mesh=wire, materials=metal, boundaries=turn),
        "constriction": ju.Device(mesh=bridge(), materials=metal),
    }


def film_of_all_momenta(eps):
    """(1/2) Int d2q/(2 pi)^2 T tau v^2/(2 lambda^3), in e^2/h: lambda(q) by the digamma function."""
    T = np.exp(eps)
    tau = lambda q: polygamma(1, 0.5 + q**2 / (4 * np.pi * T)) / (4 * np.pi * T)  # noqa: E731
    value = lambda q: eps + digamma(0.5 + q**2 / (4 * np.pi * T)) - digamma(0.5)  # noqa: E731
    return T * quad(lambda q: 4 * q**3 * (tau(q) / value(q)) ** 3, 0, 30, limit=200)[0]


def main():
    """Compute at all temperatures, print the numbers, draw the picture."""
    found = [
        {n: ju.fluctuations(d, np.exp(eps), modes=MODES[n], across=("left", "right")) for n, d in all_.items()}
        for eps, all_ in ((eps, devices(eps)) for eps in EPS)
    ]
    dG = {name: np.array([at[name].paraconductivity for at in found]) for name in MODES}
    laws = {"film": 2 * np.pi / (16 * EPS), "wire": 2 * np.pi * np.pi * XI / (16 * WIRE * EPS**1.5)}
    exact = np.array([film_of_all_momenta(eps) for eps in EPS])
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained", width_ratios=(1, 1.3))
    for k, (name, values) in enumerate(dG.items()):
        left.loglog(EPS, values, "o-", color=f"C{k}", label=name)
        if name in laws:
            left.loglog(EPS, laws[name], "--", color=f"C{k}")
    left.loglog(EPS, exact, ":", color="k", label="film, all momenta")
    left.loglog([], [], "--", color="0.4", label="Aslamazov, Larkin")
    left.set(xlabel=r"$\ln(T/T_c)$", ylabel=r"$\delta G$ in $e^2/h$")
    left.set_xticks([0.03, 0.1, 0.3], ["0.03", "0.1", "0.3"])
    left.set_xticks([], minor=True)
    left.legend()
    slowest = found[0]["constriction"]
    ju.plot.field(slowest, np.abs(slowest.modes[0]), "slowest pairs", right)
    figure.savefig("paraconductivity.png", dpi=150)
    numbers = {f"{name}_over_law": dG[name][0] / laws[name][0] for name in laws}
    numbers |= {"film_over_all_momenta": dG["film"][0] / exact[0], "constriction": dG["constriction"][0]}
    numbers |= {"lambda_constriction": slowest.eigenvalues[0], "eps": EPS[0]}
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
