"""jusadel: the nonlinear Usadel equation with every symmetry-allowed spin-orbit term, in JAX.

Importing jusadel switches JAX to double precision (the environment variable JUSADEL_NO_X64=1 leaves it as it is), and
keeps what JAX compiles for later processes (JUSADEL_CACHE says where, or 0 for nowhere; see `cache`).
The package is made of rooms, each of which imports only from those before it; these are its public names.
"""

import contextlib
import os

import jax

if not os.environ.get("JUSADEL_NO_X64"):
    jax.config.update("jax_enable_x64", True)

with contextlib.suppress(RuntimeError):  # a user without a home
    from jusadel.common.programs.folder import keep_programs as _keep_programs

    _keep_programs()  # before any room makes an array

from jusadel import (
    action,
    common,
    corrections,
    device,
    files,
    fitting,
    mesh,
    nonequilibrium,
    observables,
    plot,
    solver,
    studies,
)
from jusadel.action import *
from jusadel.common import *
from jusadel.common.contents import ROOMS as _ROOMS, contents as _contents
from jusadel.common.version import __version__ as __version__
from jusadel.corrections import *
from jusadel.device import *
from jusadel.files import *
from jusadel.fitting import *
from jusadel.mesh import *
from jusadel.nonequilibrium import *
from jusadel.observables import *
from jusadel.solver import *
from jusadel.studies import *

__all__ = ["action", "plot"]
__all__ += common.__all__
__all__ += mesh.__all__
__all__ += device.__all__
__all__ += action.__all__
__all__ += solver.__all__
__all__ += observables.__all__
__all__ += nonequilibrium.__all__
__all__ += corrections.__all__
__all__ += studies.__all__
__all__ += fitting.__all__
__all__ += files.__all__

__doc__ += _contents(*(globals()[room] for room in _ROOMS))


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
