"""Critical temperature of layers along a line, in the typed linear equations of singlet and triplets."""

from itertools import pairwise

import numpy as np
from scipy.optimize import brentq

import jusadel as ju


def critical_temperature(layers, fields, conductance=None, P=0.0, size=0.1, frequencies=24):
    """Tc over that of the layer "S" alone, D = nu = 1: D f''/2 = omega f + i h.(...), ln T = 2 pi T Sum (f - 1/omega).

    Barriers between layers pass (G_B/4)(f - (1 - P^2)^(1/2) f'), so for magnets along one axis alone where P is not 0.
    Linear elements with lumped masses, `size` long or so.

    Args:
        layers: (name, thickness) along the line.
        fields: {name: exchange field (3,)}; no field in others.
    """
    K, mass, h, S = _matrices(layers, fields, conductance, P, size)
    n, sites, root = len(mass), np.flatnonzero(S), np.sqrt(S[S > 0])
    coupling = np.zeros((4, n, 4, n), complex)
    for k in range(3):
        coupling[0, range(n), k + 1, range(n)] = coupling[k + 1, range(n), 0, range(n)] = 1j * h[:, k]

    def lowest(T):
        omega, weights = ju.matsubara.quadrature(T, frequencies)
        J = np.eye(len(sites)) * (np.log(T) + 2 * np.pi * T * np.sum(weights / omega))
        for weight, w in zip(weights, omega, strict=True):
            A = np.kron(np.eye(4), K + w * np.diag(mass)) + coupling.reshape(4 * n, 4 * n)
            response = np.linalg.solve(A, np.eye(4 * n)[:, sites])[sites]
            J = J - 2 * np.pi * T * weight * (root[:, None] * response * root).real
        return np.linalg.eigvalsh((J + J.T) / 2)[0]

    return brentq(lowest, 0.1, 0.99, xtol=1e-8)


def _matrices(layers, fields, conductance, P, size):
    """Stiffness (n, n) with D/2 and barriers, lumped masses (n,), and those times h (n, 3), and those of S (n,)."""
    cells, first = [], 0
    for name, d in layers:
        count = max(3, round(d / size) + 1)
        cells += [(a, a + 1, d / (count - 1), name) for a in range(first, first + count - 1)]
        first += count - (not conductance)
    n = cells[-1][1] + 1
    K, mass, h, S = np.zeros((n, n)), np.zeros(n), np.zeros((n, 3)), np.zeros(n)
    for a, b, dx, name in cells:
        K[np.ix_([a, b], [a, b])] += np.array([[1, -1], [-1, 1]]) / dx / 2
        for node in (a, b):
            mass[node] += dx / 2
            h[node] += dx / 2 * np.asarray(fields.get(name, (0, 0, 0)))
            S[node] += dx / 2 * (name == "S")
    for (_, left, *_), (right, *_) in pairwise(cells):
        if left != right:
            q = np.sqrt(1 - P**2)
            K[np.ix_([left, right], [left, right])] += conductance / 4 * np.array([[1, -q], [-q, 1]])
    return K, mass, h, S
