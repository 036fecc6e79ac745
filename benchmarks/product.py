"""The Hessian product alone: seconds, and bytes per second if each array it needs moved once."""

from functools import partial
from time import perf_counter

import jax
import jax.numpy as jnp
import numpy as np

from jusadel.action.matrix_free import cast, matrix_free_hessian


@partial(jax.jit, static_argnames="times")
def repeated(lifted, V, omega, x, times):
    apply = matrix_free_hessian(lifted, V, omega).apply
    return jax.lax.fori_loop(0, times, lambda _, x: apply(x) / 16, x)


def measure(problem, width=8, dtype=jnp.float32):
    """(seconds of one product, bytes it has to move) for `width` frequencies."""
    lifted = cast(problem.lifted, dtype)
    rng, n = np.random.default_rng(0), problem.nodes
    V = jnp.asarray(np.eye(4)[:, :, None] + 0.1 * rng.normal(size=(n, 4, 4, width)), dtype)
    omega, x = jnp.linspace(0.2, 2.0, width, dtype=dtype), jnp.asarray(rng.normal(size=(n, 8, width)), dtype)
    few, many = (_best(lambda k=k: repeated(lifted, V, omega, x, times=k)) for k in (2, 12))
    fields = 4 * 16 + 2 * 8  # V, V^-1, R3 Q and G; x and H x
    moved = fields * n * width * x.dtype.itemsize + sum(leaf.nbytes for leaf in jax.tree.leaves(lifted))
    return (many - few) / 10, moved


def _best(run):
    jax.block_until_ready(run())
    seconds = []
    for _ in range(3):
        began = perf_counter()
        jax.block_until_ready(run())
        seconds.append(perf_counter() - began)
    return min(seconds)
