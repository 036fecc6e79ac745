"""What was certified, checked again by plain means: without frames, Hessians or the solver's certificate."""

import jax
import jax.numpy as jnp
import numpy as np

import jusadel as ju
from jusadel.action.matsubara import GAP_RATIO
from jusadel.action.mesh_action import action
from jusadel.solver.gap.sites import weighted_sites
from jusadel.solver.newton import forces

LIMITS = {"G^2 + 1": 1e-9, "residual": 1e-7, "margin": 0.0, "current": 1.0}


@jax.jit
def slopes(system, G, omega):
    """The plain derivative of the action with respect to G, (n_w, N, 4, 4)."""
    return jax.lax.map(lambda x: jax.grad(lambda g: action(system, g, x[1]))(x[0]), (G, omega))


def fed_in(sol):
    """The most that the residual of the gap equation can feed into the currents: dF = 2 Re Sum conj(dDelta) r."""
    if "gap_residual" not in sol.stats:
        return 0.0
    where = weighted_sites(sol)
    largest = sol.stats["gap_residual"] * GAP_RATIO * where.Tc.max() * np.sum(where.weight * where.a)
    return 4 * np.abs(sol.Delta).max() * largest  # the current is 2 dF/dphase


def measured(sol, conserved):
    """What must stay below `LIMITS`; the sum of the currents where the pair potential conserves charge."""
    G, system = np.asarray(sol.all_G), sol.system
    Phi = np.swapaxes(np.asarray(slopes(system, sol.all_G, jnp.asarray(sol.omega))), -1, -2)
    turned = (G @ Phi - Phi @ G)[:, np.asarray(system.free)]  # dS = Tr(w [G, Phi]) for dG = [w, G]
    A = -G[:, : len(sol.mesh.points)] @ ju.nambu.R[2]
    out = [float(ju.current_through(sol, name)) for name in sol.device.electrodes()]
    return {
        "G^2 + 1": np.abs(G @ G + np.eye(4)).max() / np.abs(G).max() ** 2,
        "residual": np.linalg.norm(turned) / np.linalg.norm(forces(system, sol.omega)),
        "margin": -np.linalg.eigvalsh((A + A.swapaxes(-1, -2)) / 2).min(),
        "current": abs(sum(out)) / (fed_in(sol) + 1e-8 * max([1e-2, *np.abs(out)])) if conserved else 0.0,
    }
