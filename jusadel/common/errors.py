"""Errors and warnings that can come out of any room."""

from __future__ import annotations


class SolveError(RuntimeError):
    """The solver did not reach a certified solution; the message says where and what to do."""


class StabilityError(ValueError):
    """The material tensors leave the domain in which the normal state is stable."""


class CoarseMeshWarning(UserWarning):
    """The mesh is coarser than the shortest physical length."""


class UnstableStateWarning(UserWarning):
    """A state that is stationary, but no minimum of the energy: of a pair potential or a field that is found with G."""


class UncertifiedDerivativeWarning(UserWarning):
    """Derivatives are taken of a solution that is not certified, which `throw=False` returns: they mean nothing."""


class BathWarning(UserWarning):
    """The bath to which levels are coupled takes charge that matters beside the currents of the contacts."""


class CoarseEnergiesWarning(UserWarning):
    """The energies of a Spectrum are too far apart for the sum over them."""


class ChargeWarning(UserWarning):
    """A pair potential that is given takes charge that matters beside the current of an admittance."""


class FewModesWarning(UserWarning):
    """Modes beyond those that a sum over fluctuations has would change it."""
