"""Everything that a term of the action enters, in numbers: `python all_of_a_term.py NODE GRADIENT EDGE FOLDER`.

The first three name fields of the material, and of Surface, that act as an exchange field, as a spin-galvanic tensor,
and as an exchange field along edges. `test_new_term` runs it with fields of today and with added ones.
"""

import json
import sys
from dataclasses import replace

import numpy as np

import jusadel as ju
from jusadel.action.terms import TERMS

H, GAMMA = (0.3, 0.2, 0.1), ((0.1, 0.4), (-0.3, 0.1), (0.2, 0.0))
CASE = """
[geometry.rectangle]
width = 1.0
height = 0.5
size = 0.5
[materials.film]
Tc = 1.0
{node} = [0.0, 0.1, 0.0]
{gradient} = {{ rashba = 0.2 }}
[boundaries.top]
kind = "Surface"
{edge} = [0.3, 0.0, 0.0]
[solve]
T = 0.1
"""


def device(film, node, gradient, edge):
    """A junction whose one half is periodic with a turn of spins, with terms along the line between both halves."""
    halves = {"S": lambda c: c[:, 0] < 0.6, "F": lambda c: c[:, 0] > 0.6}
    mesh = ju.rectangle(1.2, 0.6, 1.0, x=np.linspace(0, 1.2, 5), y=np.linspace(0, 0.6, 3), regions=halves)
    boundaries = {
        "left": ju.Reservoir(1.0),
        "right": ju.Tunnel(ju.Reservoir(1.0, phase=1.0), 2.0),
        "top": ju.Periodic("bottom", rotation=(0.5, 0.2, 0.0)),
        "line": ju.Interface(surface=ju.Surface(**{edge: (0.2, 0.0, 0.4)})),
    }
    materials = {"S": replace(film, **{node: np.zeros(3), gradient: np.zeros((3, 2))}), "F": film}
    return ju.Device(mesh=ju.with_cut_between(mesh, "S", "F", "line"), materials=materials, boundaries=boundaries)


def of_a_solution(sol, node, gradient, edge):
    term = {t.field: t.name for t in TERMS}
    return {
        "free energy": ju.free_energy(sol),
        "current": ju.charge_current(sol),
        "part of the current": ju.charge_current(sol, terms=[term[gradient]]),
        "spin current": ju.spin_current(sol),
        "current through": ju.current_through(sol, "right"),
        "spin density": ju.spin_density(sol, pauli=False),
        "torque": ju.spin_torque(sol, terms=sorted({term[node], term[edge]})),
        "error": ju.error_estimate(sol),
    }


def main(node, gradient, edge, folder):
    film = ju.Material(Tc=1.0, D=1.3, Gamma=0.2, spin_field=ju.rashba(0.3), **{node: H, gradient: GAMMA})
    bulk = {"A": (0.2, 0.1), "spin_field": ju.rashba(0.3), node: H, gradient: GAMMA}
    found = {"bulk value": ju.bulk_value(np.array([0.3, 1.0]), 0.8, **bulk)}
    sol = ju.solve(device(film, node, gradient, edge), 0.3, pair_potential=0.9, frequencies=3, tol=1e-12)
    found |= of_a_solution(sol, node, gradient, edge)
    ju.save(sol, f"{folder}/{node}.npz")
    again = ju.load(f"{folder}/{node}.npz")
    found |= {f"{name} from a file": x for name, x in of_a_solution(again, node, gradient, edge).items()}
    alone = ju.Device(
        mesh=ju.rectangle(1.0, 0.5, 0.5), materials=film, boundaries={"top": ju.Surface(**{edge: (0.1, 0.0, 0.0)})}
    )
    found["Tc of a structure"] = ju.critical_temperature(alone, accuracy=1e-4).T
    state = ju.film_state(film, 0.3, q=(0.2, 0.1))
    found |= {"gap of a film": state.Delta, "current of a film": state.current, "energy of a film": state.free_energy}
    found["Tc of a film"] = ju.film_critical_temperature(film, (0.2, 0.1))
    shown = replace(alone, materials=replace(film, Gamma=0.0))  # so short that nothing is left out
    labels = [text.get_text() for text in ju.plot.device(shown).get_legend().get_texts()]
    assert any(node in text and gradient in text for text in labels), labels
    assert any(edge in text for text in labels), labels
    (ju.plot.field(sol).figure).savefig(f"{folder}/{node}.png")
    with open(f"{folder}/{node}.toml", "w") as file:
        file.write(CASE.format(node=node, gradient=gradient, edge=edge))
    case = ju.read_case(f"{folder}/{node}.toml").device()
    found["case"] = np.concatenate([np.ravel(getattr(case.materials["film"], name)) for name in (node, gradient)])
    found["edge of a case"] = getattr(case.boundaries["top"], edge)
    print(json.dumps({name: np.stack([np.real(x), np.imag(x)]).tolist() for name, x in found.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
