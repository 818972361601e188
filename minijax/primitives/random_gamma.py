"""Gamma-distributed numbers, by rejection: G. Marsaglia and W. Tsang, "A simple method for generating gamma variables",
ACM TOMS 26 (2000). It is a primitive, as in JAX, since the number of trials depends on the values; NumPy makes each
trial for all numbers at once.
"""

from __future__ import annotations

import math

import numpy as np

from ..core.avals import ShapedArray, Zero
from ..foundation.dtypes import issubdtype, prng_key
from .basis import batch_to_front, const, full, row, zero_like
from .elementwise import div_p, eq_p, exp_p, mul_p, select
from .incomplete import random_gamma_grad_p
from .random_bits import NOT_NUMBERS, random_bits_p, random_split_p
from .special_functions import erf_inv


def _split(keys: np.ndarray, count: int) -> np.ndarray:
    """`count` arrays of new keys, each of the shape of `keys`."""
    return random_split_p.impl(keys, shape=(count,)).T


# {NumPy's letter of a float dtype (E is bfloat16): the number of bits of its mantissa behind the leading one}.
MANTISSA_BITS = {"e": 10, "E": 7, "f": 23, "d": 52}


def _uniform(keys: np.ndarray, dtype) -> np.ndarray:
    """A number in [0, 1) for each key."""
    bits, mantissa_bits = 8 * dtype.itemsize, MANTISSA_BITS[dtype.char]
    unsigned = np.dtype(f"uint{bits}")
    drawn = bits if mantissa_bits >= 8 else 8
    mantissa = random_bits_p.impl(keys, bit_width=drawn, shape=()).astype(unsigned) >> unsigned.type(
        drawn - mantissa_bits
    )
    return (mantissa | np.array(1, dtype).view(unsigned)).view(dtype) - np.array(1, dtype)


def _normal(keys: np.ndarray, dtype) -> np.ndarray:
    """A standard normal number for each key."""
    low, high = np.nextafter(np.array(-1, dtype), np.array(0, dtype)), np.array(1, dtype)
    between = np.maximum(low, _uniform(keys, dtype) * (high - low) + low)
    return np.array(math.sqrt(2), dtype) * erf_inv(between)


def _candidates(keys: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(x, v) for each key: the first x in a sequence of normal numbers for which v = 1 + c x is positive."""
    x, v = np.zeros_like(c), np.full_like(c, -1)
    keys = keys.copy()
    pending = np.arange(keys.size)
    while pending.size:
        keys[pending], subkeys = _split(keys[pending], 2)
        x[pending] = _normal(subkeys, c.dtype)
        v[pending] = 1 + x[pending] * c[pending]
        pending = pending[v[pending] <= 0]
    return x, v


def _accepted(keys: np.ndarray, d: np.ndarray) -> np.ndarray:
    """For each key a v that passes Marsaglia and Tsang's test: d v is then a gamma number of parameter d + 1/3."""
    dtype = d.dtype
    third, squeeze = np.array(1 / 3, dtype), np.array(0.0331, dtype)
    result = np.ones_like(d)
    keys = keys.copy()
    pending = np.arange(keys.size)
    while pending.size:
        keys[pending], of_x, of_u = _split(keys[pending], 3)
        own = d[pending]
        x, v = _candidates(of_x, third / np.sqrt(own))
        u, x, v = _uniform(of_u, dtype), x * x, v * v * v
        result[pending] = v
        rejected = (u >= 1 - squeeze * (x * x)) & (np.log(u) >= x * np.array(0.5, dtype) + own * ((1 - v) + np.log(v)))
        pending = pending[rejected]
    return result


def _gammas(keys: np.ndarray, alpha: np.ndarray, log_space: bool) -> np.ndarray:
    """A gamma number, or its logarithm, for each key and parameter alpha."""
    dtype = alpha.dtype
    keys, subkeys = _split(keys, 2)
    large = alpha >= 1
    d = np.where(large, alpha, alpha + np.array(1, dtype)) - np.array(1 / 3, dtype)
    v = _accepted(keys, d)
    # For alpha < 1, a number of parameter alpha + 1 is multiplied by a uniform number to the power 1 / alpha.
    drawn = _uniform(subkeys, dtype)
    if log_space:
        logarithm = np.log1p(-drawn)
        boost = np.where(large | (logarithm == 0), np.array(0, dtype), logarithm * (1 / alpha))
        return (np.log(d) + np.log(v)) + boost
    return d * v * np.where(large, np.array(1, dtype), np.power(1 - drawn, 1 / alpha))


def _impl(keys, alpha, *, log_space):
    # Each key makes a new key for each of its parameters.
    each = _split(keys.reshape(-1), math.prod(alpha.shape[keys.ndim :])).T.reshape(-1)
    return _gammas(each, alpha.reshape(-1), log_space).reshape(alpha.shape)


def _abstract_eval(keys, alpha, *, log_space):
    if not issubdtype(keys.dtype, prng_key):
        raise TypeError(f"random_gamma takes a key array, got {keys.str_short()}: make keys with jax.random.key(seed).")
    if keys.shape != alpha.shape[: keys.ndim]:
        raise TypeError(
            f"random_gamma requires the keys' shape to begin the parameters' shape, got {keys.shape} and {alpha.shape}."
        )
    return ShapedArray(alpha.shape, alpha.dtype, alpha.weak_type)


def _jvp(primals, tangents, *, log_space):
    """The number moves with alpha as its place in the distribution stays: M. Figurnov, S. Mohamed and A. Mnih, "Implicit
    reparameterization gradients" (2018)."""
    ans = random_gamma_p.bind(*primals, log_space=log_space)
    if type(tangents[1]) is Zero:
        return ans, zero_like(ans)
    number = ans
    if log_space:
        # exp may round to 0, by which the derivative of the logarithm would be divided.
        drawn, least = exp_p.bind(ans), full(ans.shape, np.finfo(ans.dtype).tiny, ans.dtype)
        number = select(eq_p.bind(drawn, const(drawn, 0)), least, drawn)
    slope = random_gamma_grad_p.bind(primals[1], number)
    return ans, mul_p.bind(tangents[1], div_p.bind(slope, number) if log_space else slope)


def _batch(axis, args, dims, *, log_space):
    keys, alpha = (batch_to_front(x, d, axis.size) for x, d in zip(args, dims))
    return random_gamma_p.bind(keys, alpha, log_space=log_space), 0


random_gamma_p = row(
    "random_gamma", impl=_impl, abstract_eval=_abstract_eval, jvp=_jvp, transpose=NOT_NUMBERS, batch=_batch
)
