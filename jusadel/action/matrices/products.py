"""Products of small matrices whose two axes come first, (n, n, ...), with anything behind them.

The action is written with these. Frequencies or directions ride on the trailing axes, where the processor's vector
units want them, and points of the mesh come by `jax.vmap`. Product, commutator and anticommutator are bilinear
primitives: their derivatives are again such products, with no slicing left to differentiate, so that derivatives of
any order cost what one would write by hand. Matrices may be real, complex, 4x4 or 8x8 (Keldysh).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jusadel.action.matrices.own_rules.base import OwnRules, with_own_rules
from jusadel.action.nambu import L, R

Array = jax.Array
_L, _R = (np.concatenate([np.eye(4)[None], x]) for x in (L, R))
_BASIS = np.einsum("aij,bjk->abik", _L, _R) / 2
"""L_a R_b / 2, (4, 4, 4, 4), orthonormal."""
FEW = 2**16
"""Numbers in the matrices of a program whose products are not worth compiling."""


# --- a result that is computed once ----------------------------------------------------------------


def materialise(x: Array) -> Array:
    """x itself, but stored: XLA on CPUs would compute x anew for each of its uses inside a fused loop.

    It drops `optimization_barrier`; a loop whose number of rounds (always zero or two) only the run decides is kept.
    Elsewhere this is nothing.
    """
    return jax.tree.map(lambda y: y if not y.size or quickly_compiled(y) else _stored.bind(y), x)


def _stored_on_cpu(x: Array) -> Array:
    rounds = 2 * jnp.isnan(x[(0,) * x.ndim]).astype(jnp.int32)  # -(-x) is x, also where the first entry is NaN
    return lax.while_loop(lambda c: c[0] < rounds, lambda c: (c[0] + 1, -c[1]), (jnp.int32(0), x))[1]


_stored = Primitive("materialise")
_stored.def_impl(lambda x: x)
_stored.def_abstract_eval(lambda x: x)
mlir.register_lowering(_stored, mlir.lower_fun(lambda x: x, multiple_results=False))
mlir.register_lowering(_stored, mlir.lower_fun(_stored_on_cpu, multiple_results=False), platform="cpu")
ad.deflinear2(_stored, lambda ct, x: [ct if type(ct) is ad.Zero else materialise(ct)])
batching.defvectorized(_stored)


# --- products ------------------------------------------------------------------------------------


def product(a: Array, b: Array) -> Array:
    """a b."""
    return _bilinear(a, b, sign=0)


def commutator(a: Array, b: Array) -> Array:
    """[a, b] = a b - b a."""
    return _bilinear(a, b, sign=-1)


def anticommutator(a: Array, b: Array) -> Array:
    """{a, b} = a b + b a."""
    return _bilinear(a, b, sign=1)


def transpose(a: Array) -> Array:
    """The transposed matrices."""
    return jnp.swapaxes(a, 0, 1)


def trace_of_product(a: Array, b: Array) -> Array:
    """Tr(a b), the trailing axes."""
    if (special := with_own_rules(a, b)) is not None:
        return special.trace(a, b)
    return jnp.sum(a * transpose(b), axis=(0, 1))


def trace_with(constant: np.ndarray, b: Array) -> Array:
    """Tr(C b) for a constant matrix C (n, n)."""
    return trace_of_product(with_axes_of(b, jnp.asarray(constant, b.dtype)), b)


def recombined(constant: np.ndarray, b: Any) -> Any:
    """Sum_kl C_ijkl b_kl for a constant C (n, n, n, n)."""
    if isinstance(b, OwnRules):
        return b.recombined(recombined, constant)
    matrix = tuple(tuple(float(x) for x in row) for row in np.reshape(constant, (b.shape[0] * b.shape[1], -1)))
    return _constant.bind(b, matrix=matrix, axis=0, soon=quickly_compiled(b))


def to_components(G: Array) -> Array:
    """G in the basis L_a R_b / 2, (4, 4, ...): a turn of the spins mixes a = 1, 2, 3, and R3 mixes b = 1, 2."""
    return recombined(_BASIS, G)


def of_components(x: Array) -> Array:
    """The inverse of `to_components`."""
    return recombined(_BASIS.transpose(2, 3, 0, 1), x)


def with_axes_of(like: Array, matrix: Array) -> Array:
    """The matrix (n, n) with axes of length one behind it, as many as `like` has axes behind its own."""
    return matrix.reshape(matrix.shape + (1,) * (like.ndim - 2))


def quickly_compiled(x: Array) -> bool:
    """Whether code is wanted soon rather than fast: then sums and products are library calls, not written out."""
    return _soon.get() or (x.size <= FEW and bool(jax.config.read("jax_disable_most_optimizations")))


@contextmanager
def code_for(numbers: int) -> Iterator[None]:
    """What is traced in here works on so many numbers in all: code that is there soon where they are few."""
    before = _soon.set(numbers <= FEW)
    try:
        yield
    finally:
        _soon.reset(before)


_soon = ContextVar("soon", default=False)


def _bilinear(a: Array, b: Array, sign: int) -> Array:
    if (special := with_own_rules(a, b)) is not None:
        return special.bilinear(a, b, sign)
    dtype, shape = jnp.result_type(a, b), jnp.broadcast_shapes(a.shape, b.shape)
    a, b = (jnp.broadcast_to(x, shape).astype(dtype) for x in (a, b))
    return _product.bind(a, b, sign=sign, axis=0, soon=quickly_compiled(a))


def _pairs(factors: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(zip(factors[::2], factors[1::2], strict=True))


def _summed(plain: Callable[[Array, Array], Array], factors: Sequence[Array], sign: int) -> Array:
    """The sum over the pairs of a b + sign b a, from a way to multiply."""
    each = (plain(a, b) + sign * plain(b, a) if sign else plain(a, b) for a, b in _pairs(factors))
    return reduce(operator.add, each)


def _unrolled(*factors: Array, sign: int, axis: int) -> Array:
    def plain(x: Array, y: Array) -> Array:
        terms = (
            lax.slice_in_dim(x, q, q + 1, axis=axis + 1) * lax.slice_in_dim(y, q, q + 1, axis=axis) for q in range(n)
        )
        return sum(terms, start=jnp.zeros((), x.dtype))

    n = factors[0].shape[axis]
    return materialise(_summed(plain, factors, sign))


def _by_library(*factors: Array, sign: int, axis: int) -> Array:
    def plain(x: Array, y: Array) -> Array:
        others = tuple(k for k in range(x.ndim) if k not in (axis, axis + 1))
        matrices = lax.dot_general(x, y, (((axis + 1,), (axis,)), (others, others)))
        return jnp.moveaxis(matrices, (-2, -1), (axis, axis + 1))

    return _summed(plain, factors, sign)


def _product_lowered(*factors: Array, sign: int, axis: int, soon: bool) -> Array:
    return (_by_library if soon else _unrolled)(*factors, sign=sign, axis=axis)


def _product_jvp(factors: Any, along: Any, **given: Any) -> tuple[Array, Any]:
    """All products of the derivative are worked out, and stored, together."""
    changed = [x for (a, b), (da, db) in zip(_pairs(factors), _pairs(along), strict=True) for x in ((da, b), (a, db))]
    left = [x for pair in changed if not any(type(y) is ad.Zero for y in pair) for x in pair]
    value = _product.bind(*factors, **given)
    return value, _product.bind(*left, **given) if left else ad.Zero(value.aval.to_tangent_aval())


def _product_transposed(ct: Any, *factors: Any, axis: int, **given: Any) -> list[Any]:
    """Of each pair one factor is given at most."""
    back = lambda x: jnp.swapaxes(x, axis, axis + 1)  # noqa: E731

    def of(a: Any, b: Any) -> tuple[Any, Any]:
        if ad.is_undefined_primal(a):
            return ct if nothing else _product.bind(ct, back(b), axis=axis, **given), None
        if ad.is_undefined_primal(b):
            return None, ct if nothing else _product.bind(back(a), ct, axis=axis, **given)
        return None, None

    nothing = type(ct) is ad.Zero
    return [x for pair in _pairs(factors) for x in of(*pair)]


def _batched(factors: Any, dims: Any, *, axis: int, **given: Any) -> tuple[Array, int]:
    size = next(x.shape[d] for x, d in zip(factors, dims, strict=True) if d is not None)
    in_front = lambda x, d: jnp.broadcast_to(x, (size, *x.shape)) if d is None else jnp.moveaxis(x, d, 0)  # noqa: E731
    return _product.bind(*(in_front(*x) for x in zip(factors, dims, strict=True)), axis=axis + 1, **given), 0


_product = Primitive("matrix_product")
"""The sum of the products of pairs of matrices, a, b, a', b', ..."""
_product.def_impl(partial(jax.jit, static_argnames=("sign", "axis", "soon"))(_product_lowered))
_product.def_abstract_eval(lambda a, *others, **given: a)
mlir.register_lowering(_product, mlir.lower_fun(_product_lowered, multiple_results=False))
ad.primitive_jvps[_product] = _product_jvp
ad.primitive_transposes[_product] = _product_transposed
batching.primitive_batchers[_product] = _batched


def _contracted(b: Array, *, matrix: tuple[tuple[float, ...], ...], axis: int, soon: bool) -> Array:
    n = b.shape[axis]
    if soon:
        flat = b.reshape(*b.shape[:axis], n * n, *b.shape[axis + 2 :])
        return jnp.moveaxis(jnp.tensordot(flat, jnp.asarray(matrix, b.dtype), (axis, 1)), -1, axis).reshape(b.shape)
    constant, total = np.reshape(matrix, (4, 4, 4, 4)), jnp.zeros((), b.dtype)
    for s, t in np.ndindex(4, 4):
        weights = constant[ROW, COLUMN, ROW ^ s, COLUMN ^ t]
        if weights.any():  # in the constants of the algebra, four of sixteen
            weights = jnp.asarray(weights, b.dtype).reshape(4, 4, *(1,) * (b.ndim - axis - 2))
            total = total + weights * _away(b, s, t, axis)
    return materialise(total)


ROW, COLUMN = np.indices((4, 4))


def _away(b: Array, s: int, t: int, axis: int) -> Array:
    """b_(i ^ s)(j ^ t)."""
    bits = b.reshape(*b.shape[:axis], 2, 2, 2, 2, *b.shape[axis + 2 :])
    turned = [axis + k for k, there in enumerate((s & 2, s & 1, t & 2, t & 1)) if there]
    return lax.rev(bits, turned).reshape(b.shape)


def _constant_batched(args: Any, dims: Any, *, axis: int, **given: Any) -> tuple[Array, int]:
    return _constant.bind(jnp.moveaxis(args[0], dims[0], 0), axis=axis + 1, **given), 0


def _constant_transposed(ct: Any, b: Any, *, matrix: Any, **given: Any) -> list[Any]:
    back = tuple(zip(*matrix, strict=True))
    return [ct if type(ct) is ad.Zero else _constant.bind(ct, matrix=back, **given)]


_constant = Primitive("constant_matrix")
_constant.def_impl(partial(jax.jit, static_argnames=("matrix", "axis", "soon"))(_contracted))
_constant.def_abstract_eval(lambda b, **given: b)
mlir.register_lowering(_constant, mlir.lower_fun(_contracted, multiple_results=False))
ad.deflinear2(_constant, _constant_transposed)
batching.primitive_batchers[_constant] = _constant_batched
