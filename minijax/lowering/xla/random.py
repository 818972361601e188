"""Rules for random keys and numbers. A key is stored as its two words, along a last axis.

The rules are functions of minijax's own operations, which are traced. `primitives/random_bits.py` and `random_gamma.py` say
what they compute, and compute the same with NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ...core.avals import ShapedArray
from ...core.jaxpr import JaxprEqn
from ...core.staging import trace_to_closed_jaxpr
from ...foundation.dtypes import key_fry
from ...primitives.basis import const, expand_dims, full, reshape, shape_of
from ...primitives.elementwise import (
    add_p,
    and_p,
    bitcast_convert_type_p,
    convert_element_type_p,
    div_p,
    eq_p,
    erf_inv_p,
    ge_p,
    le_p,
    log1p_p,
    log_p,
    max_p,
    mul_p,
    neg_p,
    not_p,
    or_p,
    pow_p,
    select,
    shift_left_p,
    shift_right_logical_p,
    sqrt_p,
    sub_p,
    xor_p,
)
from ...primitives.joining import concatenate
from ...primitives.random_bits import PARITY, ROTATIONS, threefry2x32_p
from ...primitives.random_gamma import MANTISSA_BITS
from ...primitives.reductions import reduce_and, reduce_or
from ...primitives.shapes import index_in_dim, iota_p
from ...transforms.vmap import Axis, materialize, vmap_flat
from .rules import Rule, same
from .text import BOOL, UINT32, Value

# ---------------------------------------------------------------------------------------------------------------------
# Operations on keys that have no rule for keys

WORDS = Axis(None, 2)
UINT64 = np.dtype("uint64")


def on_words(w, eqn: JaxprEqn, operands: Sequence[Value]) -> list[Value]:
    """The results of an operation that moves keys as it moves numbers: it is applied to the first and to the second words, as
    if these were the two examples of a batch."""
    dims = [v.aval.ndim if v.aval.dtype == key_fry else None for v in eqn.invars]
    multiple = eqn.primitive.multiple_results

    def of_each(*words):
        out = eqn.primitive.bind(*words, **eqn.params)
        return out if multiple else [out]

    def result(x, d: int | None, aval: ShapedArray):
        if aval.dtype == key_fry:
            return materialize(x, d, aval.ndim, WORDS)
        # Operands of a sort that are no keys: their results are the same for both words.
        return x if d is None else index_in_dim(x, 0, d, keepdims=False)

    def function(*args):
        pairs = vmap_flat(of_each, WORDS, args, dims)
        return [result(x, d, v.aval) for (x, d), v in zip(pairs, eqn.outvars, strict=True)]

    return w.trace(function, operands)


def are_equal(w, eqn: JaxprEqn, operands: Sequence[Value]) -> list[Value]:
    """The result of `eq` or `ne` of keys. Two keys are equal if both words are."""

    def function(*args):
        ((same, d),) = vmap_flat(lambda x, y: [eq_p.bind(x, y)], WORDS, args, [v.aval.ndim for v in eqn.invars])
        same = reduce_and(same, (d,))
        return [same if eqn.primitive.name == "eq" else not_p.bind(same)]

    return w.trace(function, operands)


# ---------------------------------------------------------------------------------------------------------------------
# Bits

add, sub, mul, div, xor = (p.bind for p in (add_p, sub_p, mul_p, div_p, xor_p))


def _threefry2x32(key1, key2, x, y):
    """The threefry hash of the counters (x, y), with 20 rounds."""
    schedule = (key1, key2, xor(xor(key1, key2), PARITY))
    x, y = add(x, key1), add(y, key2)
    for i in range(5):
        for rotation in map(UINT32.type, ROTATIONS[i % 2]):
            x = add(x, y)
            turned = or_p.bind(shift_left_p.bind(y, rotation), shift_right_logical_p.bind(y, 32 - rotation))
            y = xor(x, turned)
        x = add(x, schedule[(i + 1) % 3])
        y = add(add(y, schedule[(i + 2) % 3]), UINT32.type(i + 1))
    return [x, y]


def _split_words(keys) -> list:
    """The first and the second word of each key."""
    return [index_in_dim(keys, i, len(shape_of(keys)) - 1, keepdims=False) for i in range(2)]


def _keys(high, low):
    last = len(shape_of(high))
    return concatenate([expand_dims(high, (last,)), expand_dims(low, (last,))], last)


def _as(x, dtype):
    """x in another dtype, which may have 64 bits even without x64."""
    return convert_element_type_p.bind(x, new_dtype=dtype, weak_type=False, sharding=None)


def _hash_of_counters(keys, shape: tuple[int, ...]) -> list:
    """Two arrays of words: for each key, the hashes of 0, 1, 2, ... in the given shape."""
    batch, size = shape_of(keys)[:-1], math.prod(shape)
    if size > 2**32:
        counters = iota_p.bind(dimension=0, dtype=UINT64, shape=(size,), sharding=None)
        counters = [_as(shift_right_logical_p.bind(counters, const(counters, 32)), UINT32), _as(counters, UINT32)]
    else:
        counters = [UINT32.type(0), iota_p.bind(dimension=0, dtype=UINT32, shape=(size,), sharding=None)]
    # Words of shape (*batch, 1) and counters of shape (1, ..., size) broadcast together.
    words = [expand_dims(word, (len(batch),)) for word in _split_words(keys)]
    counters = [expand_dims(c, range(len(batch))) if shape_of(c) else c for c in counters]
    return [reshape(x, (*batch, *shape)) for x in threefry2x32_p.bind(*words, *counters)]


def _split(keys, *, shape):
    return _keys(*_hash_of_counters(keys, shape))


def _fold_in(keys, data):
    return _keys(*threefry2x32_p.bind(*_split_words(keys), UINT32.type(0), _as(data, UINT32)))


def _seed(seeds, *, impl):
    """Keys made of seeds: a seed of 64 bits fills both words; a narrower seed fills the low word."""
    high = full(seeds.shape, 0, UINT32)
    if seeds.dtype.itemsize == 8:
        high = _as(shift_right_logical_p.bind(seeds, const(seeds, 32)), UINT32)
    return _keys(high, _as(seeds, UINT32))


def _bits(keys, *, bit_width, shape):
    first, second = _hash_of_counters(keys, shape)
    if bit_width < 64:
        return _as(xor_p.bind(first, second), np.dtype(f"uint{bit_width}"))
    first, second = _as(first, UINT64), _as(second, UINT64)
    return or_p.bind(shift_left_p.bind(first, const(first, 32)), second)


def _traced(function: Callable) -> Rule:
    """The rule of an operation that is a function of other operations: trace the function."""
    return lambda w, out, *operands, **params: w.trace(lambda *args: [function(*args, **params)], operands)[0]


def _hash(w, outs, *operands):
    # A function of the module, written once for all hashes of arrays of these shapes.
    shapes = tuple(x.shape for x in operands)
    make = lambda: trace_to_closed_jaxpr(_threefry2x32, [x.aval for x in operands])
    return w.call(("threefry2x32", shapes), "threefry2x32", make, operands, commented=False)


# ---------------------------------------------------------------------------------------------------------------------
# Gamma-distributed numbers: the loops of `random_gamma.py`. Every round computes all elements; finished ones keep their value.


def _uniform(keys, dtype):
    """A number in [0, 1) for each key."""
    bits, mantissa_bits = 8 * dtype.itemsize, MANTISSA_BITS[dtype.char]
    unsigned = np.dtype(f"uint{bits}")
    drawn = bits if mantissa_bits >= 8 else 8
    words = _as(_bits(keys, bit_width=drawn, shape=()), unsigned)
    mantissa = shift_right_logical_p.bind(words, const(words, drawn - mantissa_bits))
    one = np.array(1, dtype)
    number = bitcast_convert_type_p.bind(or_p.bind(mantissa, const(words, one.view(unsigned)[()])), new_dtype=dtype)
    return sub(number, const(number, 1))


def _normal(keys, dtype):
    """A standard normal number for each key."""
    low = np.nextafter(np.array(-1, dtype), np.array(0, dtype))
    drawn = _uniform(keys, dtype)
    between = max_p.bind(add(mul(drawn, const(drawn, 1 - low)), const(drawn, low)), const(drawn, low))
    return mul(const(drawn, math.sqrt(2)), erf_inv_p.bind(between))


def _subkeys(keys, count: int) -> list:
    """`count` arrays of new keys."""
    new = _split(keys, shape=(count,))
    return [index_in_dim(new, i, 1, keepdims=False) for i in range(count)]


def _any(w, pending: Value) -> list[Value]:
    return w.trace(lambda x: [reduce_or(x, (0,))], [pending])


def _candidates(w, keys: Value, c: Value) -> list[Value]:
    """(x, v) for each key: the first x in a sequence of normal numbers for which v = 1 + c x is positive."""

    def draw(keys, x, v, pending, c):
        keys, own = _subkeys(keys, 2)
        new_x = _normal(own, c.dtype)
        new_v = add(const(c, 1), mul(new_x, c))
        x, v = select(pending, new_x, x), select(pending, new_v, v)
        return [keys, x, v, le_p.bind(v, const(v, 0))]

    init = [keys, w.full(c.aval, 0), w.full(c.aval, -1), w.full(c.aval.update(dtype=BOOL), True)]
    return w.while_loop(init, lambda *s: _any(w, s[3]), lambda *s: w.trace(draw, [*s, c]))[1:3]


def _accepted(w, keys: Value, d: Value) -> Value:
    """For each key a v that passes Marsaglia and Tsang's test."""

    def begin(keys, d):
        return [*_subkeys(keys, 3), div(const(d, 1 / 3), sqrt_p.bind(d))]

    def test(of_u, x, v, d, accepted, pending):
        u, x, v = _uniform(of_u, d.dtype), mul(x, x), mul(mul(v, v), v)
        outside = ge_p.bind(u, sub(const(u, 1), mul(const(u, 0.0331), mul(x, x))))
        bound = add(mul(x, const(x, 0.5)), mul(d, add(sub(const(v, 1), v), log_p.bind(v))))
        rejected = and_p.bind(outside, ge_p.bind(log_p.bind(u), bound))
        return [select(pending, v, accepted), and_p.bind(pending, rejected)]

    def step(keys, accepted, pending):
        keys, of_x, of_u, c = w.trace(begin, [keys, d])
        x, v = _candidates(w, of_x, c)
        return [keys, *w.trace(test, [of_u, x, v, d, accepted, pending])]

    init = [keys, w.full(d.aval, 1), w.full(d.aval.update(dtype=BOOL), True)]
    return w.while_loop(init, lambda *s: _any(w, s[2]), step)[1]


def _gamma(w, out, keys, alpha, *, log_space):
    count = math.prod(alpha.shape[len(keys.shape) - 1 :])

    def begin(keys, alpha):
        each = reshape(_split(reshape(keys, (math.prod(shape_of(keys)[:-1]), 2)), shape=(count,)), (out.size, 2))
        alpha = reshape(alpha, (out.size,))
        large = ge_p.bind(alpha, const(alpha, 1))
        return [*_subkeys(each, 2), alpha, sub(select(large, alpha, add(alpha, const(alpha, 1))), const(alpha, 1 / 3))]

    def finish(keys, alpha, d, v):
        # For alpha < 1, a number of parameter alpha + 1 is multiplied by a uniform number to the power 1 / alpha.
        large, drawn = ge_p.bind(alpha, const(alpha, 1)), _uniform(keys, alpha.dtype)
        zero, inverse = full(alpha.shape, 0, alpha.dtype), div(const(alpha, 1), alpha)
        if log_space:
            logarithm = log1p_p.bind(neg_p.bind(drawn))
            none = or_p.bind(large, eq_p.bind(logarithm, zero))
            boost = select(none, zero, mul(logarithm, inverse))
            return [reshape(add(add(log_p.bind(d), log_p.bind(v)), boost), out.shape)]
        boost = select(large, full(alpha.shape, 1, alpha.dtype), pow_p.bind(sub(const(drawn, 1), drawn), inverse))
        return [reshape(mul(mul(d, v), boost), out.shape)]

    if not out.size:
        return w.full(out, 0)
    keys, of_boost, alpha, d = w.trace(begin, [keys, alpha])
    return w.trace(finish, [of_boost, alpha, d, _accepted(w, keys, d)])[0]


RANDOM: dict[str, Rule] = {
    "random_seed": _traced(_seed),
    "random_split": _traced(_split),
    "random_fold_in": _traced(_fold_in),
    "random_bits": _traced(_bits),
    "random_wrap": same,
    "random_unwrap": same,
    "random_clone": same,
    "random_gamma": _gamma,
    "threefry2x32": _hash,
}
