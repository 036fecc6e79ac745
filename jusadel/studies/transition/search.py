"""The search for the uppermost temperature at which the normal state becomes unstable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from jusadel.action import matsubara
from jusadel.action.homogeneous import field_energies
from jusadel.action.periodic import Seams
from jusadel.common.arguments import is_count
from jusadel.common.errors import SolveError
from jusadel.common.types import Number
from jusadel.device.device import Device
from jusadel.device.pair_potential import at_vertices, from_pairs
from jusadel.device.units.shown import scale, with_unit
from jusadel.device.units.units import Units
from jusadel.solver.gap.response import PairResponse
from jusadel.solver.gap.sites import Sites, weighted_sites
from jusadel.solver.linear import LinearSolver
from jusadel.solver.problem import Problem, pose

MOST_EVALUATIONS = 60
LONGEST = 0.7
"""Longest step in ln T."""
ROUGH = 1e-3
"""Accuracy of ln T that the search has before the sums are refined."""
FEWEST_FREQUENCIES, MOST_FREQUENCIES = 6, 1000


@dataclass(frozen=True, kw_only=True, eq=False)
class CriticalTemperature:
    """Where superconductivity sets in; float(result) is its T.

    Attributes:
        T: critical temperature, 0 where the normal state is stable down to `lowest` [energy].
        mode: the pair potential that nucleates, (n,) complex, largest modulus 1, real and positive there; zero in
            normal metals; None where T = 0.
        eigenvalue: what is left of lambda at T; where T = 0, the smallest that was met.
        slope: d lambda/d ln T there, one in a uniform metal.
        frequencies: number of frequencies in the last sum.
        evaluations: temperatures that were looked at.
        units: those of the device, in which it prints: K.
    """

    T: Number
    mode: np.ndarray | None
    eigenvalue: float
    slope: float
    frequencies: int
    evaluations: int
    units: Units | None = None

    def __float__(self) -> float:
        return float(self.T)

    def __repr__(self) -> str:
        found = f"T = {with_unit(self.T, scale(self.units, 'temperature'), 6)}"
        if self.mode is None:
            found = "none, normal down to the lowest temperature"
        work = f"{self.frequencies} frequencies, {self.evaluations} evaluations"
        return f"CriticalTemperature: {found}; {work}, eigenvalue {self.eigenvalue:.1e}, slope {self.slope:.3g}"


class SearchPoint(NamedTuple):
    """lambda and its slope at a temperature."""

    T: float
    value: float
    slope: float
    mode: np.ndarray  # (K,) at the sites
    where: Sites
    omega: np.ndarray
    weights: np.ndarray

    @property
    def frequencies(self) -> int:
        """Their number."""
        return len(self.omega)

    @property
    def step(self) -> float:
        """Newton's step down in ln T."""
        return self.value / self.slope if self.slope > 0 else np.inf


class Search:
    """Newton's method in ln T from the largest Tc downward, kept within brackets.

    lambda is a convex function of ln T where a pair-breaking energy is all there is, and Newton's method from above
    meets the uppermost root first.
    """

    def __init__(
        self, device: Device, accuracy: float, frequencies: Any, lowest: float, linear_solver: LinearSolver | None
    ) -> None:
        self.device, self.accuracy, self.frequencies = device, accuracy, frequencies
        self.top = float(np.asarray(device.vertex_field("Tc")).max())
        self.lowest, self.energy = lowest * self.top, sum(field_energies(device.vertex_field)) + self.top
        self.linear_solver, self.evaluations = linear_solver, 0
        self.problem = self._posed(*self._sum(self.top, self._enough(self.top, ROUGH)), self.top)
        self.mode: np.ndarray | None = None

    def result(self) -> CriticalTemperature:
        """The transition, with a sum over frequencies that is good enough at it."""
        rough = max(ROUGH, self.accuracy) if self.frequencies is None else self.accuracy
        found = self._root(self.top, rough, None)
        if found.value > 0 and self.lowest >= found.T:
            return self._made(0.0, None, found)
        if self.frequencies is None:
            found = self._refined(found)
        self.last, last = found, found.T * np.exp(-found.step)
        return self._made(min(last, self.top), _on_nodes(self.problem.system.layout.seam, found), found)

    def _made(self, T: float, mode: np.ndarray | None, found: SearchPoint) -> CriticalTemperature:
        return CriticalTemperature(
            T=float(T),
            mode=mode,
            eigenvalue=found.value,
            slope=found.slope,
            frequencies=found.frequencies,
            evaluations=self.evaluations,
            units=self.device.units,
        )

    def _refined(self, found: SearchPoint) -> SearchPoint:
        """The root again with more and more frequencies, until that does not matter; where it always does, once."""
        count = self._enough(found.T, self.accuracy)
        if _borders(self.problem, found.where):
            return self._root(found.T * np.exp(-found.step), self.accuracy, count)
        while count <= MOST_FREQUENCIES:
            found = self._root(found.T * np.exp(-found.step), self.accuracy, count)
            more = self._at(found.T * np.exp(-found.step), count + count // 2, self.accuracy)
            if abs(more.step) < self.accuracy:
                return more
            found, used = more, more.frequencies
            count = max(used, int(1.2 * used * (abs(more.step) / self.accuracy) ** 0.25))  # the error falls as n^-4
        raise SolveError(
            f"{used} frequencies do not give the critical temperature near {found.T:.6g} to an accuracy of "
            f"{self.accuracy:g}: ask for less, or choose the frequencies yourself"
        )

    def _root(self, T: float, accuracy: float, count: int | None) -> SearchPoint:
        """The uppermost root below T, or a point above zero at the lowest temperature."""
        above: SearchPoint | None = None  # lambda > 0
        below: SearchPoint | None = None  # lambda < 0, at a lower temperature
        T = min(T, self.top)
        for _ in range(MOST_EVALUATIONS):
            point = self._at(T, count or self._enough(T, accuracy), accuracy)
            if abs(point.step) < accuracy or (point.value > 0 and self.lowest >= T):
                return point
            if point.value > 0 and point.slope <= 0 and above is not None and above.slope > 0 and below is None:
                point = self._past_a_minimum(above, point, accuracy, count)
            if point.value > 0:
                above = point
            else:
                below = point
            T = self._next(point, above, below)
        raise SolveError(
            f"no critical temperature after {MOST_EVALUATIONS} evaluations, last T = {T:.6g} with the eigenvalue "
            f"{point.value:.3g}: ask for less accuracy"
        )

    def _next(self, point: SearchPoint, above: SearchPoint | None, below: SearchPoint | None) -> float:
        """The next temperature: Newton's, or a bisection where that leaves the bracket."""
        step = float(np.clip(point.step, -LONGEST, LONGEST))
        T = min(max(point.T * np.exp(-step), self.lowest), self.top)
        if above is None or below is None:
            return T
        return T if below.T < T < above.T else float(np.sqrt(below.T * above.T))

    def _past_a_minimum(
        self, above: SearchPoint, point: SearchPoint, accuracy: float, count: int | None
    ) -> SearchPoint:
        """Where lambda < 0 between two temperatures of different slopes, or the lower point where there is no such."""
        low = point
        for _ in range(MOST_EVALUATIONS):
            reached = np.log(above.T / low.T)
            x = (above.value - low.value - low.slope * reached) / (above.slope - low.slope)  # the tangents meet
            if not 0 < x < reached or above.value - above.slope * x > 0:
                return point  # a convex function stays above its tangents
            middle = self._at(above.T * np.exp(-x), count or self._enough(low.T, accuracy), accuracy)
            if middle.value < 0:
                return middle
            above, low = (middle, low) if middle.slope > 0 else (above, middle)
        return point

    # --- one temperature -------------------------------------------------------------------------

    def _at(self, T: float, count: int, accuracy: float) -> SearchPoint:
        """lambda at T; the mode that was found last is where the next search starts."""
        self.evaluations += 1
        omega, weights = self._sum(T, count)
        if len(omega) != len(self.problem.omega):
            self.problem = self._posed(omega, weights, T, again=True)
        problem = replace(self.problem, T=T, omega=omega, weights=weights)
        where = weighted_sites(problem)
        tol = accuracy / 4
        normal = np.broadcast_to(np.eye(4), (len(omega), len(problem.system.free), 4, 4))
        response = PairResponse(problem, where, normal, tol)
        value, mode = response.smallest(np.zeros(len(where.a)), tol, self.mode)
        self.mode = mode
        return SearchPoint(T, value, response.slope(mode), mode, where, omega, weights)

    def _sum(self, T: float, count: int) -> tuple[np.ndarray, np.ndarray]:
        if self.frequencies is None:
            return matsubara.quadrature(T, count)
        if is_count(self.frequencies):
            return matsubara.quadrature(T, int(self.frequencies))
        if not callable(self.frequencies):
            raise ValueError(
                f"frequencies = {self.frequencies!r}; expected None, a whole number >= 1 of quadrature nodes, or a "
                "function of T that returns (omega, weights)"
            )
        omega, weights = self.frequencies(T)
        return np.asarray(omega, float), np.asarray(weights, float)

    def _enough(self, T: float, accuracy: float) -> int:
        """Quadrature nodes; the sum over a pair-breaking energy E is off by about 0.023 (E/T)^2/n^4."""
        needed = (0.05 * (self.energy / T) ** 2 / accuracy) ** 0.25
        return int(np.clip(2 * np.ceil(needed / 2), FEWEST_FREQUENCIES, MOST_FREQUENCIES))

    def _posed(self, omega: np.ndarray, weights: np.ndarray, T: float, again: bool = False) -> Problem:
        if again:
            solver = self.problem.solver
            return replace(self.problem, prepared=solver.prepare(self.problem.prepared.lifted, len(omega)))
        return pose(
            self.device,
            T,
            at_vertices(self.device, 0.0),
            frequencies=(omega, weights),
            accuracy=self.accuracy,
            tol=1e-9,
            linear_solver=self.linear_solver,
            progress=None,
        )


def _borders(problem: Problem, where: Sites) -> bool:
    """Whether sites share a node with another metal: f there is less than Delta/omega at any omega, however high."""
    total = np.asarray(problem.system.nodes.weight)[where.nodes]
    free = np.asarray(problem.system.free)[where.nodes]
    return bool((free & (where.weight < (1 - 1e-9) * total)).any())


def _on_nodes(seam: Seams, point: SearchPoint) -> np.ndarray:
    """The mode at the nodes, (n,): between superconductors their mean, zero where there is none."""
    n = len(seam.owner)
    total = point.where.on_nodes(point.mode, n)
    weight = np.bincount(point.where.nodes, point.where.weight, minlength=n)
    mode = from_pairs(total) / np.where(weight > 0, weight, 1)
    mode = mode[seam.owner] * np.exp(1j * np.asarray(seam.phase))
    return mode / mode[np.argmax(np.abs(mode))]
