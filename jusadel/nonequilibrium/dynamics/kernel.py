"""Second derivatives of the functional with respect to drives and what follows them, pair by pair of frequencies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from jusadel.action.mesh_action import bath_rates
from jusadel.common.distributed import processors
from jusadel.nonequilibrium.dynamics.doubled import Frames
from jusadel.nonequilibrium.dynamics.followers import Followers
from jusadel.nonequilibrium.dynamics.frequency_pairs import FrequencyPairs
from jusadel.nonequilibrium.dynamics.linearised import DoubledAction, Drive, Inverse, joining_tangents
from jusadel.solver.linear.superlu import in_threads, one_thread_each

THREADS = 8
KEPT = 2**31
"""Bytes of factors that are kept for GMRES; others are made anew in each of its iterations."""


@dataclass
class Kernel:
    """A device's doubled action with what drives it and what follows, and G (b, N, 4, 4) at frequencies (b,)."""

    action: DoubledAction
    drives: tuple[Drive, ...]
    followers: Followers
    green: Callable[[np.ndarray], np.ndarray]
    kept: int = 0

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


class Followed(NamedTuple):
    """What the response of G at one pair of frequencies needs."""

    at: Frames
    inverse: Inverse
    driven: tuple[np.ndarray, np.ndarray]  # b and c of the drives, (N, 8, d)
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
    _known: Followed | None = None

    def matrix(self) -> np.ndarray:
        """Second derivatives (d + s, d + s), without the weight."""
        known = self._linear()
        b, c = (self._columns(known, k) for k in (0, 1))
        Q = -_contracted(c, known.inverse(b))
        d = len(self.kernel.drives)
        Q[:d, :d] += self._own(known.at)
        return Q

    def of_drives(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the columns of the drives the same, (d, d) and (s, d)."""
        known = self._linear()
        x = known.inverse(known.driven[0])
        among = self._own(known.at) - _contracted(known.driven[1], x)
        return among, -self._felt(known, x)

    def product(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of what follows, with amplitudes y (s,): its response at the drives (d,) and at itself (s,)."""
        known = self._linear()
        x = known.inverse(self._pushed(known, y[:, None]))
        return -_contracted(known.driven[1], x)[:, 0], -self._felt(known, x)[:, 0]

    def steps(self, drives: np.ndarray, y: np.ndarray) -> tuple[Frames, np.ndarray]:
        """The frames and the steps q (N, 8) that answer amplitudes of drives (d,) and of what follows (s,)."""
        known = self._linear()
        b = known.driven[0] @ drives[:, None] + self._pushed(known, y[:, None])
        return known.at, -known.inverse(b)[..., 0]

    def _own(self, at: Frames) -> np.ndarray:
        action, drives = self.kernel.action, self.kernel.drives
        return np.array([[action.own(at, one, other) for other in drives] for one in drives])

    def _pushed(self, known: Followed, y: np.ndarray) -> np.ndarray:
        """b of amplitudes (s, c), (N, 8, c)."""
        b = np.zeros((*known.driven[0].shape[:2], y.shape[1]), complex)
        np.add.at(b, self.kernel.followers.nodes, known.forced[0][:, :, None] * y[:, None])
        return b

    def _felt(self, known: Followed, x: np.ndarray) -> np.ndarray:
        """c.x of steps (N, 8, c), (s, c)."""
        return np.einsum("sa,sac->sc", known.forced[1], x[self.kernel.followers.nodes])

    def _columns(self, known: Followed, k: int) -> np.ndarray:
        """b or c of drives and what follows, (N, 8, d + s)."""
        nodes, driven = self.kernel.followers.nodes, known.driven[k]
        own = np.zeros((*driven.shape[:2], len(nodes)), complex)
        own[nodes, :, np.arange(len(nodes))] = known.forced[k]
        return np.concatenate([driven, own], axis=-1)

    def _linear(self) -> Followed:
        if self._known is not None:
            return self._known
        kernel, at = self.kernel, Frames.of(self.G, self.G_second, self.backward)
        rates = np.asarray(bath_rates(kernel.action.system, 0.0))
        below = -np.conj(self.second + rates) if self.backward else self.second + rates
        driven, forced = (tuple(of(x) for x in (at, at.swapped)) for of in (self._driven, self._forced))
        sizes = np.maximum(np.abs(driven[0]).max(axis=(0, 2)), np.abs(forced[0]).max(axis=0, initial=0.0))
        inverse = Inverse(kernel.action, kernel.action.blocks(at, (self.first + rates, below)), sizes)
        found = Followed(at, inverse, driven, forced)  # type: ignore[arg-type]
        if kernel.kept >= 0 and kernel.kept + inverse.size <= KEPT:
            kernel.kept += inverse.size
            self._known = found
        return found

    def _driven(self, at: Frames) -> np.ndarray:
        return np.stack([self.kernel.action.driven(at, drive) for drive in self.kernel.drives], axis=-1)

    def _forced(self, at: Frames) -> np.ndarray:
        followers = self.kernel.followers
        return np.einsum("saij,sji->sa", joining_tangents(at.swapped.at(followers.nodes)), followers.matrices)


def _contracted(c: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Sum over nodes and modes of c (N, 8, s) and x (N, 8, t), (s, t)."""
    return np.tensordot(c, x, ((0, 1), (0, 1)))


def side_by_side(function: Callable[[Joined], Any], joined: list[Joined]) -> list[Any]:
    """The function of each pair, several at a time."""
    with one_thread_each():
        return in_threads(lambda k: function(joined[k]), range(len(joined)), min(THREADS, processors()))
