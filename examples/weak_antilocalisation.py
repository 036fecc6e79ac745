"""From weak localisation to antilocalisation: a wire and a ring of an electron gas with a gate for Rashba coupling.

The field dephases pairs of reversed paths in the wire, at D B^2 W^2/3 beside 1/tau_phi, and so raises the conductance
where spins are conserved, and lowers it by half as much where they relax at once (lines, of a wire much narrower than
1/sqrt(B)). The ring's conductance oscillates with the period h/2e of the flux in it (dotted: its multiples), in the
opposite sense. Conductances in e^2/h. Leaves weak_antilocalisation.png and prints numbers.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import jusadel as ju

D, LENGTH, WIDTH = 1.0, 8.0, 0.5
RATES = {"wire": 0.25, "ring": 0.05}  # of dephasing
GATES = (0.0, 0.5, 1.0, 1.5)  # Rashba coupling in units of the inverse length
FIELDS, IN_RING = np.linspace(0.0, 3.0, 16), np.linspace(0.0, 2.0, 41)
INNER, OUTER, LEAD, REACH, SIZE = 1.0, 1.4, 0.2, 2.5, 0.16


def metal(gate, rate):
    """What the gate makes of the gas."""
    return ju.Material(D=D, Tc=0.0, dephasing=rate, spin_field=ju.rashba(gate))


def ring():
    """A ring with two leads, between "left" and "right"."""
    angle = np.linspace(np.arcsin(LEAD / OUTER), np.pi - np.arcsin(LEAD / OUTER), 17)
    arc = OUTER * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    outline = [(REACH, -LEAD), (REACH, LEAD), *arc, (-REACH, LEAD), (-REACH, -LEAD), *-arc]
    ends = {name: [(x, -LEAD), (x, LEAD)] for name, x in (("left", -REACH), ("right", REACH))}
    return ju.polygon(outline, SIZE, holes=[ju.circle(INNER, SIZE)], boundaries=ends)


def closed(rate):
    """-(coth x - 1/x)/x of 2 e^2/h, x = L/L_phi: a wire where spins are conserved."""
    x = LENGTH * np.sqrt(rate / D)
    return -2 * (1 / np.tanh(x) - 1 / x) / x


def main():
    """Compute for all gates, print the numbers, draw the picture."""
    meshes = {"wire": (ju.rectangle(LENGTH, WIDTH, SIZE), FIELDS), "ring": (ring(), IN_RING)}
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    numbers = {}
    for ax, (name, (mesh, fields)) in zip(axes, meshes.items(), strict=True):
        for gate in GATES:
            found = ju.localisation(ju.Device(mesh=mesh, materials=metal(gate, RATES[name])), fields)
            ju.plot.magnetoconductance(found, rf"$\alpha/D = {gate:g}$", "$B$", ax)
            numbers[f"{name}_{gate:g}"] = found.change[-1] if name == "wire" else found.change[fields < 0.5].max()
            numbers |= {f"ring_lowest_{gate:g}": found.change.min()} if name == "ring" else {}
    B = np.linspace(0, FIELDS[-1], 200)
    rate = RATES["wire"]
    conserved = closed(rate + D * (B * WIDTH) ** 2 / 3) - closed(rate)
    axes[0].plot(B, conserved, "k-", B, -conserved / 2, "k--", lw=1)
    period = np.pi / (np.pi * ((INNER + OUTER) / 2) ** 2)
    for k in range(1, int(IN_RING[-1] / period) + 1):
        axes[1].axvline(k * period, color="0.6", ls=":", lw=1)
    axes[0].set_title(rf"wire, $L = {LENGTH:g}$, $W = {WIDTH:g}$, $L_\varphi = {np.sqrt(D / rate):g}$")
    axes[1].set_title(rf"ring with two leads, $L_\varphi = {np.sqrt(D / RATES['ring']):.2g}$")
    figure.savefig("weak_antilocalisation.png", dpi=150)
    numbers |= {"closed_conserved": conserved[-1], "closed_relaxed": -conserved[-1] / 2}
    print("\n".join(f"{name} = {value:.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
