"""Fields of the usual magnets, by the few numbers that each has."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from jusadel.common.arguments import real
from jusadel.device.material.spin_groups import direction

Z = (0.0, 0.0, 1.0)


def altermagnet(
    *,
    dxy: float = 0.0,
    dx2y2: float = 0.0,
    along: ArrayLike = Z,
    precession: tuple[float, float] = (0.0, 0.0),
    relaxation: float = 0.0,
) -> dict[str, Any]:
    """Fields of a d-wave altermagnet without spin-orbit coupling: P_ajk = N_a P_jk, and K of the same form.

    Spins up and down along N diffuse with D_jk +- D P_jk. The form is that of the spin groups 2/m, mmm, 4/m, 4/mmm, the
    only ones of altermagnets with such a tensor; g- and i-wave altermagnets have none, and of these fields relaxation
    alone. A crystal turned by phi in the plane mixes the two: dxy cos 2 phi and -dxy sin 2 phi.

    Args:
        dxy: P_xy = P_yx, relative difference of the spins' diffusion across the crystal axes (RuO2, MnF2 with z the
            tetragonal axis).
        dx2y2: P_xx = -P_yy.
        along: (3,) Neel vector N; its length does not matter, its sign turns that of P and K.
        precession: (dxy, dx2y2) of K, the exchange field that pairs with momentum feel: h + (D/2) K_jk q_j q_k. At weak
            splitting h_d cos 2 theta of the bands, dx2y2 is -3 h_d tau, tau being the elastic time; below 1.
        relaxation: magnetic_Gamma along N, the pair breaking of the compensated order [energy]; 4 tau h_d^2.

    Returns:
        {"P": (3, 2, 2), "K": (3, 2, 2), "magnetic_Gamma": (3, 3)} for `Material(Tc=0.0, **altermagnet(dxy=0.3))`.

    Raises:
        ValueError: along is no direction.
    """
    N = direction(along)
    return _fields(N, _d_wave(dxy, dx2y2), _d_wave(*precession), relaxation)


def ferromagnet(
    *,
    h: float = 0.0,
    polarisation: float = 0.0,
    along: ArrayLike = Z,
    precession: float = 0.0,
    relaxation: float = 0.0,
) -> dict[str, Any]:
    """Fields of a ferromagnet without spin-orbit coupling: h_a = h N_a, P_ajk = N_a P delta_jk, K of the same form.

    Args:
        h: exchange field along N, entering as H = + h N.sigma [energy].
        polarisation: P, relative difference of the spins' diffusion: up along N with D (1 + P), down with D (1 - P).
        along: (3,) direction N; its length does not matter.
        precession: K, beside h: -2 h tau for an elastic time tau; below 1.
        relaxation: magnetic_Gamma along N [energy].

    Returns:
        {"h": (3,), "P": (3, 2, 2), "K": (3, 2, 2), "magnetic_Gamma": (3, 3)} for
        `Material(Tc=0.0, **ferromagnet(h=2.0, polarisation=0.4))`.

    Raises:
        ValueError: along is no direction.
    """
    N = direction(along)
    isotropic = np.eye(2)
    return {"h": real("h", h) * N} | _fields(
        N, real("polarisation", polarisation) * isotropic, real("precession", precession) * isotropic, relaxation
    )


def _d_wave(dxy: Any, dx2y2: Any) -> Any:
    return real("dxy", dxy) * np.array([[0.0, 1.0], [1.0, 0.0]]) + real("dx2y2", dx2y2) * np.diag([1.0, -1.0])


def _fields(N: Any, P: Any, K: Any, relaxation: Any) -> dict[str, Any]:
    return {
        "P": N[:, None, None] * P,
        "K": N[:, None, None] * K,
        "magnetic_Gamma": real("relaxation", relaxation) * N[:, None] * N,
    }
