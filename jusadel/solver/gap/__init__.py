"""The gap equation and the stability of its solutions: where it is solved, its linear response, Newton's method."""

from jusadel.solver.gap.equation import (
    CAP,
    MAX_STEPS,
    RELATIVE,
    SMALLEST,
    STUCK,
    TRUST,
    ZERO,
    GapResult,
    Trial,
    gap_residual,
    lowest_stable,
    solve_gap,
)
from jusadel.solver.gap.lanczos import FEWEST, curvature, downhill, smallest_eigenvalue
from jusadel.solver.gap.response import EIGENVALUE, RESPONSE, PairResponse, amplitudes, couplings, felt, pushed
from jusadel.solver.gap.sites import (
    Sites,
    bare_sites,
    refuse_normal_metals,
    site_fields,
    superconducting_sites,
    weighted_sites,
)

__all__ = [
    "CAP",
    "EIGENVALUE",
    "FEWEST",
    "MAX_STEPS",
    "RELATIVE",
    "RESPONSE",
    "SMALLEST",
    "STUCK",
    "TRUST",
    "ZERO",
    "GapResult",
    "PairResponse",
    "Sites",
    "Trial",
    "amplitudes",
    "bare_sites",
    "couplings",
    "curvature",
    "downhill",
    "felt",
    "gap_residual",
    "lowest_stable",
    "pushed",
    "refuse_normal_metals",
    "site_fields",
    "smallest_eigenvalue",
    "solve_gap",
    "superconducting_sites",
    "weighted_sites",
]
