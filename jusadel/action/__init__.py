"""The physics: Nambu matrices, the functional term by term, its sum on a mesh, its gradient and Hessian.

Imports `common`, `mesh` and `device`.
"""

from jusadel.action import matsubara, nambu
from jusadel.action.barriers import barrier as barrier
from jusadel.action.homogeneous import bulk_value
from jusadel.action.matsubara import bulk_gap
from jusadel.action.nambu import from_nambu, to_nambu
from jusadel.action.terms import (
    TERMS as TERMS,
    Term as Term,
    density as density,
    diffusion as diffusion,
    exchange as exchange,
    frequency as frequency,
    mean_diffusion as mean_diffusion,
    pairing as pairing,
    spin_galvanic as spin_galvanic,
    spin_hall as spin_hall,
    spin_relaxation as spin_relaxation,
    spin_swapping as spin_swapping,
)

__all__ = [
    "bulk_gap",
    "bulk_value",
    "from_nambu",
    "matsubara",
    "nambu",
    "to_nambu",
]
