"""Second derivatives of the functional with respect to drives and what follows them, pair by pair of frequencies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from jusadel.nonequilibrium.dynamics.followers import Followers
from jusadel.nonequilibrium.dynamics.frequency_pairs import FrequencyPairs
from jusadel.nonequilibrium.dynamics.two_frequencies.doubled import Frames
from jusadel.nonequilibrium.dynamics.two_frequencies.linearised import DoubledAction, Drive, joining_tangents
from jusadel.nonequilibrium.dynamics.two_frequencies.solvers import PairEquations, PairSolver, in_pair_threads
from jusadel.solver.linear.superlu import FEW, one_thread_each

KEPT = 2**32
"""Bytes of factors, or of matrices, that are kept for GMRES; others are made anew in each of its iterations."""


@dataclass
class Kernel:
    """A device's doubled action with what drives it and what follows, and G (b, N, 4, 4) at frequencies (b,).

    The first of the drives acts; the others say what answers it.
    """

    action: DoubledAction
    drives: tuple[Drive, ...]
    followers: Followers
    green: Callable[[np.ndarray], np.ndarray]
    solver: PairSolver
    kept: int = 0
    """Bytes that are kept; negative where nothing is."""

    def of(self, pairs: FrequencyPairs) -> list[Joined]:
        """Linearised between the frequencies of each pair."""
        b = len(pairs.first)
        if not b:
            return []
        G = self.green(np.concatenate([pairs.first, pairs.second]))
        return [
            Joined(self, pairs.first[k], pairs.second[k], pairs.backward, complex(pairs.weights[k]), G[k], G[b + k])
            for k in range(b)
        ]

    def matrices(self, joined: list[Joined]) -> list[np.ndarray]:
        """Of each pair the second derivatives, times its weight: columns of the first drive and of what follows,
        (d + s, 1 + s)."""
        d = len(self.drives)

        def found(x: Joined, known: Followed, steps: np.ndarray) -> np.ndarray:
            Q = -_contracted(x.columns(known, 1), steps)
            Q[:d, :1] += x.own(known.at)
            return Q

        return _weighted(joined, self._answers(joined, lambda x, known: x.columns(known, 0), found))

    def of_drives(self, joined: list[Joined]) -> list[np.ndarray]:
        """The same of the first column alone, (d + s, 1)."""

        def found(x: Joined, known: Followed, steps: np.ndarray) -> np.ndarray:
            among = x.own(known.at) - _contracted(known.driven[1], steps)
            return np.concatenate([among, -x.felt(known, steps)])

        return _weighted(joined, self._answers(joined, lambda x, known: known.driven[0], found))

    def products(self, joined: list[Joined], y: np.ndarray) -> np.ndarray:
        """What the sum over pairs answers to amplitudes y (s,), at the drives and at what follows, (d + s,)."""

        def found(x: Joined, known: Followed, steps: np.ndarray) -> np.ndarray:
            return -np.concatenate([_contracted(known.driven[1], steps), x.felt(known, steps)])[:, 0]

        pushed = self._answers(joined, lambda x, known: x.pushed(known, y[:, None]), found)
        return np.asarray(sum(_weighted(joined, pushed)))

    def steps(self, joined: list[Joined], y: np.ndarray, of: Callable[[Frames, np.ndarray], Any]) -> list[Any]:
        """A function of the frames and of the steps q (N, 8) that answer the first drive and amplitudes y (s,)."""
        return self._answers(
            joined,
            lambda x, known: known.driven[0] + x.pushed(known, y[:, None]),
            lambda x, known, steps: of(known.at, -steps[..., 0]),
        )

    def _answers(
        self,
        joined: list[Joined],
        given: Callable[[Joined, Followed], np.ndarray],
        found: Callable[[Joined, Followed, np.ndarray], Any],
    ) -> list[Any]:
        """found(pair, its equations, x) of the solution x of H x = given(pair, its equations), of each pair."""
        total, width = [], self.solver.width
        for start in range(0, len(joined), width):
            total += self._together(joined[start : start + width], given, found)
        return total

    def _together(self, joined: list[Joined], given: Any, found: Any) -> list[Any]:
        nodes, pairs = self.action.nodes, len(joined)
        shared = pairs if nodes <= FEW else 1  # pairs that share the calls of programs
        groups = [joined[k : k + shared] for k in range(0, pairs, shared)]

        def equations(g: int) -> list[tuple[Followed, np.ndarray]]:
            known = linearised(groups[g])
            return [(f, given(x, f)) for x, f in zip(groups[g], known, strict=True)]

        with one_thread_each():
            known, rhs = zip(*chain(*in_pair_threads(equations, len(groups), nodes)), strict=True)
            x = self.solver.solve([f.prepared for f in known], rhs)
            return in_pair_threads(lambda k: found(joined[k], known[k], x[k]), pairs, nodes)


class Followed(NamedTuple):
    """What the response of G at one pair of frequencies needs."""

    at: Frames
    prepared: Any  # by the solver
    driven: tuple[np.ndarray, np.ndarray]  # b of the first drive (N, 8, 1), and c of all (N, 8, d)
    forced: tuple[np.ndarray, np.ndarray]  # and of what follows, at its nodes, (s, 8)


@dataclass
class Joined:
    """The functional between two frequencies."""

    kernel: Kernel
    first: complex
    second: complex
    backward: bool
    weight: complex
    G: np.ndarray
    G_second: np.ndarray
    known: Followed | None = None

    def own(self, at: Frames) -> np.ndarray:
        """Second derivatives of drives and the first of them, with G held fast, (d, 1)."""
        action, drives = self.kernel.action, self.kernel.drives
        return np.array([[action.own(at, one, drives[0])] for one in drives])

    def pushed(self, known: Followed, y: np.ndarray) -> np.ndarray:
        """b of amplitudes (s, c), (N, 8, c)."""
        b = np.zeros((*known.driven[0].shape[:2], y.shape[1]), complex)
        np.add.at(b, self.kernel.followers.nodes, known.forced[0][:, :, None] * y[:, None])
        return b

    def felt(self, known: Followed, x: np.ndarray) -> np.ndarray:
        """c.x of steps (N, 8, c), (s, c)."""
        return np.einsum("sa,sac->sc", known.forced[1], x[self.kernel.followers.nodes])

    def columns(self, known: Followed, k: int) -> np.ndarray:
        """b (k = 0) of the first drive and what follows, (N, 8, 1 + s), or c (k = 1) of all, (N, 8, d + s)."""
        nodes, driven = self.kernel.followers.nodes, known.driven[k]
        own = np.zeros((*driven.shape[:2], len(nodes)), complex)
        own[nodes, :, np.arange(len(nodes))] = known.forced[k]
        return np.concatenate([driven, own], axis=-1)

    def frequencies(self) -> tuple[np.ndarray, np.ndarray]:
        """What stands in the place of omega at the nodes, (N,) of each."""
        rates = self.kernel.action.rates
        return self.first + rates, -np.conj(self.second + rates) if self.backward else self.second + rates

    def followed(self, at: Frames, blocks: np.ndarray) -> Followed:
        """Its equations from the frames and the blocks of H, kept where there is room."""
        kernel = self.kernel
        driven = self._driven(at, kernel.drives[:1]), self._driven(at.swapped, kernel.drives)
        forced = self._forced(at), self._forced(at.swapped)
        sizes = np.maximum(np.abs(driven[0]).max(axis=(0, 2)), np.abs(forced[0]).max(axis=0, initial=0.0))
        lowest = kernel.action.system.nodes.weight * self.first.real
        prepared = kernel.solver.prepare(PairEquations(kernel.action, blocks, sizes, lowest))
        found = Followed(at, prepared, driven, forced)
        if kernel.kept >= 0 and kernel.kept + prepared.size <= KEPT:
            kernel.kept += prepared.size
            self.known = found
        return found

    def _driven(self, at: Frames, drives: tuple[Drive, ...]) -> np.ndarray:
        return np.stack([self.kernel.action.driven(at, drive) for drive in drives], axis=-1)

    def _forced(self, at: Frames) -> np.ndarray:
        followers = self.kernel.followers
        return np.einsum("saij,sji->sa", joining_tangents(at.swapped.at(followers.nodes)), followers.matrices)


def linearised(joined: list[Joined]) -> list[Followed]:
    """The equations of some pairs."""
    new, kept = [x for x in joined if x.known is None], [x.known for x in joined]
    at = [Frames.of(x.G, x.G_second, x.backward) for x in new]
    blocks = new[0].kernel.action.blocks_of_pairs(at, [x.frequencies() for x in new]) if new else []
    made = iter([x.followed(a, b) for x, a, b in zip(new, at, blocks, strict=True)])
    return [known or next(made) for known in kept]


def _contracted(c: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Sum over nodes and modes of c (N, 8, s) and x (N, 8, t), (s, t)."""
    return np.tensordot(c, x, ((0, 1), (0, 1)))


def _weighted(joined: list[Joined], values: list[np.ndarray]) -> list[np.ndarray]:
    return [x.weight * value for x, value in zip(joined, values, strict=True)]
