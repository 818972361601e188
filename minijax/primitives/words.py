"""Rows of numbers as words of bits, and the barrier: `clz`, `mulhi`, `reduce_precision`, `optimization_barrier`."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core.avals import ShapedArray, Zero, is_undefined_primal
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation.dtypes import dtype_char
from ..foundation.pytrees import tree_flatten, tree_unflatten
from .basis import NO_GRADIENT, NOT_LINEAR, instantiate, linear_jvp, row, zero_jvp
from .families import FLOAT, INT, batch_elementwise, elementwise
from .sizes import known_value


def _clz(x):
    """The zeros in front of the first bit that is set."""
    bits = 8 * x.dtype.itemsize
    word = x.view(f"u{x.dtype.itemsize}").astype(np.uint64)
    count = np.zeros(x.shape, np.uint64)
    for step in (32, 16, 8, 4, 2, 1):
        above = word >> np.uint64(step)
        more = above > 0
        count = count + np.where(more, np.uint64(step), np.uint64(0))
        word = np.where(more, above, word)
    # `word` is now the first bit, or 0 if there is none.
    return (np.uint64(bits) - count - word).astype(x.dtype)


def _mulhi(x, y):
    """The upper half of the product of two words."""
    bits, dtype = 8 * x.dtype.itemsize, x.dtype
    if bits < 64:
        wide = np.dtype(f"{dtype.kind}{dtype.itemsize * 2}")
        return ((x.astype(wide) * y.astype(wide)) >> wide.type(bits)).astype(dtype)
    # Four products of halves, whose upper parts and carries add up.
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    a, b = x.astype(np.uint64), y.astype(np.uint64)
    with np.errstate(over="ignore"):
        cross, other = (a & low) * (b >> half), (a >> half) * (b & low)
        carry = ((a & low) * (b & low) >> half) + (cross & low) + (other & low)
        high = (a >> half) * (b >> half) + (cross >> half) + (other >> half) + (carry >> half)
        high = high.astype(dtype)
        return high if dtype.kind == "u" else high - np.where(x < 0, y, 0) - np.where(y < 0, x, 0)


clz_p = elementwise("clz", _clz, INT, jvp=NO_GRADIENT, transpose=NOT_LINEAR, arity=1)
mulhi_p = elementwise("mulhi", _mulhi, INT, jvp=zero_jvp(lambda: mulhi_p), transpose=NOT_LINEAR, arity=2)


# ---------------------------------------------------------------------------------------------------------------------
# reduce_precision


def _known(x, name: str) -> int:
    """An argument that must be known while tracing."""
    return operator.index(known_value(x, f"{name} argument of lax.reduce_precision"))


def reduce_precision(operand: ArrayLike, exponent_bits: int, mantissa_bits: int) -> Array:
    """The numbers rounded to those that a float of so many bits has, in their own dtype (`lax.reduce_precision`).

    Rounding goes to the even neighbour; what is too large becomes infinite, and what is too small 0. Raises ValueError without a
    bit for the exponent.

    >>> reduce_precision(1.001, exponent_bits=5, mantissa_bits=2)
    Array(1., dtype=float32, weak_type=True)
    """
    bits = _known(exponent_bits, "exponent_bits"), _known(mantissa_bits, "mantissa_bits")
    return reduce_precision_p.bind(operand, exponent_bits=bits[0], mantissa_bits=bits[1])


def _reduce_abstract_eval(x, *, exponent_bits, mantissa_bits):
    if dtype_char(x.dtype) not in FLOAT:
        raise TypeError(f"reduce_precision does not accept dtype {x.dtype.name}.")
    if exponent_bits < 1:
        raise ValueError(f"reduce_precision: exponent_bits must be positive; got {exponent_bits}")
    if mantissa_bits < 0:
        raise ValueError(f"reduce_precision: mantissa_bits must be non-negative; got {mantissa_bits}")
    return x


# {NumPy's letter of a float: the bits of its exponent and of its mantissa}
FORMATS = {"e": (5, 10), "E": (8, 7), "f": (8, 23), "d": (11, 52)}


def _reduce(x, *, exponent_bits, mantissa_bits):
    own_exponent, own = FORMATS[x.dtype.char]
    words = np.ascontiguousarray(x).view(f"u{x.dtype.itemsize}").reshape(x.shape)
    word = words.dtype.type
    sign = word(1 << (8 * x.dtype.itemsize - 1))
    size, signs = words & ~sign, words & sign
    if mantissa_bits < own:
        drop = own - mantissa_bits
        # Half of the last bit that stays, less 1, and 1 more where that bit is odd.
        odd = (size >> word(drop)) & word(1)
        size = (size + word((1 << (drop - 1)) - 1) + odd) >> word(drop) << word(drop)
    bias = (1 << (exponent_bits - 1)) - 1
    own_bias = (1 << (own_exponent - 1)) - 1
    infinite = word(((1 << own_exponent) - 1) << own)
    if exponent_bits < own_exponent:
        size = np.where(size >= word((own_bias + bias + 1) << own), infinite, size)
        size = np.where(size < word((own_bias - bias + 1) << own), word(0), size)
    out = (size | signs).view(x.dtype)
    # Without a mantissa there is no NaN: it becomes infinite.
    of_nan = (infinite | signs).view(x.dtype) if mantissa_bits == 0 else x
    return np.where(x != x, of_nan, out).astype(x.dtype, copy=False)


reduce_precision_p = row(
    "reduce_precision",
    impl=_reduce,
    abstract_eval=_reduce_abstract_eval,
    jvp=linear_jvp(lambda: reduce_precision_p),
    transpose=lambda ct, x, **params: [reduce_precision_p.bind(ct, **params)],
    batch=batch_elementwise(lambda: reduce_precision_p),
)


# ---------------------------------------------------------------------------------------------------------------------
# optimization_barrier


def optimization_barrier(operand: Any, /) -> Any:
    """The arrays of a tree, unchanged: a compiler computes all before it uses one (`lax.optimization_barrier`).

    >>> optimization_barrier((1.0, {"a": 2.0}))
    (Array(1., dtype=float32, weak_type=True), {'a': Array(2., dtype=float32, weak_type=True)})
    """
    leaves, tree = tree_flatten(operand)
    return tree_unflatten(tree, optimization_barrier_p.bind(*leaves))


def _barrier_jvp(primals, tangents):
    outs = optimization_barrier_p.bind(*primals)
    given = [i for i, t in enumerate(tangents) if type(t) is not Zero]
    passed = iter(optimization_barrier_p.bind(*[tangents[i] for i in given]) if given else [])
    return outs, [next(passed) if i in given else t for i, t in enumerate(tangents)]


def _barrier_transpose(cts, *xs):
    passed = optimization_barrier_p.bind(*[instantiate(ct) for ct in cts])
    return [ct if is_undefined_primal(x) else None for ct, x in zip(passed, xs)]


def _types(*avals: ShapedArray) -> list[ShapedArray]:
    return list(avals)


optimization_barrier_p = row(
    "optimization_barrier",
    impl=lambda *xs: list(xs),
    abstract_eval=_types,
    jvp=_barrier_jvp,
    transpose=_barrier_transpose,
    batch=lambda axis, args, dims: (optimization_barrier_p.bind(*args), dims),
    multiple_results=True,
)
