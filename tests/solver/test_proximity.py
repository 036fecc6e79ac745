"""How pairs decay in a ferromagnet with spin relaxation (references.md, number 15)."""

import numpy as np
import pytest

import jusadel as ju

D, OMEGA, LENGTH, LINES, STEP = 1.3, 0.9, 6.0, 481, 20


def amplitudes(h, Gamma):
    """Singlet and triplets of a weakly coupled strip along x, (lines,) and (lines, 3)."""
    mesh = ju.rectangle(LENGTH, 0.02, 1.0, x=np.linspace(0, LENGTH, LINES), y=[0, 0.02])
    contact = ju.Tunnel(ju.Reservoir(1.7, h=(0.5, 0.0, 0.0)), conductance=0.01)
    metal = ju.Material(D=D, Tc=0.0, h=(0.0, 0.0, h), Gamma=Gamma)
    device = ju.Device(mesh=mesh, materials=metal, boundaries={"left": contact})
    sol = ju.solve(device, T=0.3, frequencies=([OMEGA], [1.0]))
    return tuple(np.asarray(f)[:LINES].real for f in ju.pair_amplitude(sol, omega=0))


@pytest.mark.parametrize(("h", "Gamma"), [(1.5, 0.0), (1.5, 1.0), (0.3, 2.0)])  # complex, complex and real exponents
def test_singlets_and_triplets_decay_together(h, Gamma):
    """Two modes carry both: the matrix that moves them on by a step has exp(-kappa step) as eigenvalues."""
    singlet, triplet = amplitudes(h, Gamma)
    pairs, k = np.stack([singlet, triplet[:, 2]]), LINES // 9
    moved = pairs[:, [k + STEP, k + 2 * STEP]] @ np.linalg.inv(pairs[:, [k, k + STEP]])
    kappa = -np.log(np.linalg.eigvals(moved).astype(complex)) / (STEP * LENGTH / (LINES - 1))
    root = np.sqrt(Gamma**2 / 4 - 4 * h**2 + 0j)
    exact = np.sqrt((2 * OMEGA + Gamma / 2 + np.array([root, -root])) / D)
    np.testing.assert_allclose(np.sort_complex(kappa), np.sort_complex(exact), rtol=5e-3)


def test_triplets_across_the_field_feel_relaxation_only():
    _, triplet = amplitudes(1.5, 1.0)
    k = LINES // 9
    kappa = -np.log(triplet[k + STEP, 0] / triplet[k, 0]) / (STEP * LENGTH / (LINES - 1))
    assert kappa == pytest.approx(np.sqrt((2 * OMEGA + 1.0) / D), rel=5e-3)
    assert np.abs(triplet[:, 1]).max() < 1e-12


def test_a_ferromagnet_between_superconductors():
    """The current of an independent solver, 0.165; taken for a superconductor of Tc = 1 the magnet carries 0.537."""
    Delta, mesh = ju.bulk_gap(0.3), ju.strip({"S1": 2.0, "F": 1.0, "S2": 2.0}, width=0.5, size=0.25)
    superconductor, magnet = ju.Material(Tc=1.0), ju.Material(Tc=0.0, h=(0, 0, 1.0))
    device = ju.Device(
        mesh=mesh,
        materials={"S1": superconductor, "F": magnet, "S2": superconductor},
        boundaries={"left": ju.Reservoir(Delta), "right": ju.Reservoir(Delta, phase=1.0)},
    )
    sol = ju.solve(device, T=0.3, pair_potential="self-consistent", frequencies=12)
    assert ju.current_through(sol, "right") == pytest.approx(0.165, rel=0.01)
