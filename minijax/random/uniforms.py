"""Samplers of random bits and of equally likely floats and integers, which the other samplers draw from."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..core.array import number
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike, Shape
from ..foundation.dtypes import finfo, iinfo, issubdtype, itemsize_bits
from ..numpy.util import as_array, check_arraylike, static_shape
from ..primitives.basis import expand_dims
from ..primitives.elementwise import convert_element_type
from ..primitives.random_bits import random_bits_p
from .arguments import canonical_dtype, dtype_of, float_dtype, in_dtype, shape_for, with_rank
from .keys import checked_key, split_in_two


def bits(key: ArrayLike, shape: Shape = (), dtype: DTypeLike | None = None, *, out_sharding: Any = None) -> Array:
    """Random bits, as unsigned integers, by default uint32 (`jax.random.bits`).

    >>> import minijax as jax
    >>> jax.random.bits(jax.random.key(0), (2,), 'uint8')
    Array([167, 146], dtype=uint8)
    """
    key = checked_key("bits", key)
    dtype = dtype_of("bits", dtype, np.uint64, np.unsignedinteger, "an unsigned int")
    return random_bits_p.bind(key, bit_width=dtype.itemsize * 8, shape=static_shape(shape))


def uniform(
    key: ArrayLike,
    shape: Shape = (),
    dtype: DTypeLike | None = None,
    minval: ArrayLike = 0.0,
    maxval: ArrayLike = 1.0,
    *,
    out_sharding: Any = None,
) -> Array:
    """Floats in [minval, maxval), each as likely as any other (`jax.random.uniform`); rounding may lead to `maxval`.

    dtype: a float dtype. minval, maxval: numbers or arrays that broadcast to `shape`.

    >>> import minijax as jax
    >>> jax.random.uniform(jax.random.key(0), (2,), minval=1., maxval=2.)
    Array([1.947667 , 1.9785799], dtype=float32)
    """
    key, dtype = checked_key("uniform", key), float_dtype("uniform", dtype)
    return uniform_floats(key, static_shape(shape), dtype, minval, maxval)


def uniform_floats(key, shape, dtype, minval=0.0, maxval=1.0):
    if itemsize_bits(dtype) < 8:
        raise TypeError(f"uniform only accepts 8-, 16-, 32-, or 64-bit dtypes, got {dtype.name}.")
    minval, maxval = in_dtype(minval, dtype), in_dtype(maxval, dtype)
    minval, maxval = (with_rank(x, "uniform", shape) for x in (minval, maxval))
    if any(d not in (1, s) for bound in (minval, maxval) for d, s in zip(bound.shape, shape)):
        raise TypeError(
            f"uniform: minval of shape {minval.shape} and maxval of shape {maxval.shape} must broadcast to shape"
            f" {shape}."
        )
    drawn = lax.add(lax.mul(_unit_floats(key, shape, dtype), lax.sub(maxval, minval)), minval)
    # Rounding may lead below minval.
    return lax.max(minval, lax.reshape(drawn, shape))


def _unit_floats(key, shape, dtype):
    """Floats in [0, 1): numbers in [1, 2) with random bits as their mantissa, less 1."""
    info = finfo(dtype)
    unsigned = np.dtype(f"uint{info.bits}")
    # bfloat16 has 7 bits of mantissa: it draws 8 bits, not 16.
    drawn = info.bits if info.nmant >= 8 else 8
    # One variable holds every step, so that an array is freed before the next one is made. With three arrays alive, a draw of 1e6
    # floats takes 2 ms longer: freed memory goes back to the system, which clears every page before the process gets it again.
    x = random_bits_p.bind(key, bit_width=drawn, shape=shape)
    if drawn != info.bits:
        x = convert_element_type(x, unsigned)
    x = lax.shift_right_logical(x, unsigned.type(drawn - info.nmant))
    x = lax.bitwise_or(x, np.array(1, dtype).view(unsigned)[()])
    x = lax.bitcast_convert_type(x, dtype)
    return lax.sub(x, np.array(1, dtype))


def _clipped_to(x: Array, dtype) -> Array:
    """The integers in another dtype; an integer that does not fit becomes the nearest one that does."""
    here, there = iinfo(x.dtype), iinfo(dtype)
    low, high = max(int(there.min), int(here.min)), min(int(there.max), int(here.max))
    low, high = (number(np.array(bound, x.dtype), x.weak_type) for bound in (low, high))
    return lax.convert_element_type(jnp.clip(x, low, high), dtype)


def _as_integers(x: Any) -> Array:
    x = as_array(x)
    return x if issubdtype(x.dtype, np.integer) else x.astype(int)


def randint(
    key: ArrayLike,
    shape: Shape,
    minval: ArrayLike,
    maxval: ArrayLike,
    dtype: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Integers from `minval` up to but without `maxval` (`jax.random.randint`).

    minval, maxval: integers, or arrays of integers that broadcast to `shape`. If maxval <= minval, the result is minval. A
    maxval beyond the dtype's range stands for one more than its greatest value. Raises TypeError for a dtype of floats.

    >>> import minijax as jax
    >>> jax.random.randint(jax.random.key(0), (5,), 0, 10)
    Array([9, 0, 2, 3, 1], dtype=int32)
    """
    key = checked_key("randint", key)
    dtype = canonical_dtype("randint", dtype, int)
    shape = static_shape(shape)
    if not issubdtype(dtype, np.integer):
        raise TypeError(f"randint only accepts integer dtypes, got {dtype.name}")
    check_arraylike("randint", minval, maxval)
    info, wide = iinfo(dtype), dtype
    if info.bits < 32:
        # Draw int32, in which a span as wide as the whole range of the dtype fits.
        wide = np.dtype("int32")
        minval = as_array(minval).astype("int32").clip(int(info.min), int(info.max))
        maxval = as_array(maxval).astype("int32").clip(int(info.min), int(info.max) + 1)
    return _randint(key, shape, _as_integers(minval), _as_integers(maxval), wide).astype(dtype)


def _randint(key, shape, minval, maxval, dtype):
    shape_for("randint", shape, minval.shape, maxval.shape)
    greatest = _clipped_to(as_array(np.array(iinfo(dtype).max, dtype)), maxval.dtype)
    whole_range = lax.gt(maxval, greatest)
    minval, maxval = _clipped_to(minval, dtype), _clipped_to(maxval, dtype)
    low, high = (expand_dims(x, range(len(shape) - len(x.shape))) for x in (minval, maxval))
    width = iinfo(dtype).bits
    higher, lower = (random_bits_p.bind(k, bit_width=width, shape=shape) for k in split_in_two(key))
    span = _span(low, high, whole_range, np.dtype(f"uint{width}"))
    # (higher * 2^width + lower) modulo span: twice as many bits as the result has, so that its bias is small.
    multiplier = lax.rem(np.array(2 ** (width // 2), span.dtype), span)
    multiplier = lax.rem(lax.mul(multiplier, multiplier), span)
    offset = lax.rem(lax.add(lax.mul(lax.rem(higher, span), multiplier), lax.rem(lower, span)), span)
    return lax.add(low, lax.convert_element_type(offset, dtype))


def _span(low, high, whole_range, unsigned):
    """The number of integers from low to high: 1 if there are none, and 0 for the whole range of the dtype, whose size does
    not fit in the dtype."""
    span = lax.convert_element_type(high - low, unsigned)
    span = lax.select(high <= low, lax.full_like(span, 1), span)
    everything = whole_range & (high > low)
    return lax.select(jnp.broadcast_to(everything, span.shape), lax.add(span, np.array(1, unsigned)), span)
