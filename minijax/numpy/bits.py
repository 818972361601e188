"""Functions of the bits of numbers, and of divisors: `packbits`, `frexp`, `spacing`, `gcd`, ..."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import lax
from ..api.custom_derivatives import custom_jvp
from ..core.traces import Array, get_aval
from ..core.types import ArrayLike
from ..foundation import dtypes
from ..foundation.dtypes import finfo, float0
from ..primitives.basis import const, expand_dims, zeros
from ..primitives.elementwise import convert_element_type
from . import number_kinds, reductions, ufuncs
from .arithmetic import floor_divide
from .creation import arange, asarray
from .manipulation import flip, ravel, reshape, swapaxes
from .number_kinds import isinf
from .padding import pad
from .util import (
    broadcast_arrays,
    ensure_arraylike,
    promote_args_inexact,
    promote_dtypes,
    promote_dtypes_inexact,
    where,
)

UINT8 = np.dtype("uint8")


def _check_order(bitorder: str):
    if bitorder not in ("little", "big"):
        raise ValueError("'order' must be either 'little' or 'big'")


def _axis(axis: Any, ndim: int) -> int:
    """The axis, which JAX looks up in a list of axes: so the errors are those of an index."""
    if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
        raise IndexError(f"the axis must be an integer, got {axis!r}")
    if not -ndim <= axis < ndim:
        raise IndexError(f"axis {axis} is out of bounds for array of dimension {ndim}")
    return int(axis) % ndim


def packbits(a: ArrayLike, axis: int | None = None, bitorder: str = "big") -> Array:
    """Eight truth values as one byte, along an axis or of the flat array; zeros fill the last byte (`jax.numpy.packbits`).

    Raises TypeError for an array of floats, ValueError for an unknown `bitorder`.

    >>> packbits(np.array([1, 0, 0, 0, 0, 0, 1, 1, 1]))
    Array([131, 128], dtype=uint8)
    """
    a = ensure_arraylike("packbits", a)
    if a.dtype.kind not in "iub":
        raise TypeError("Expected an input array of integer or boolean data type")
    _check_order(bitorder)
    a = convert_element_type(lax.ne(a, const(a, 0)), UINT8)
    places = arange(8, dtype=UINT8)
    places = flip(places) if bitorder == "big" else places
    a, axis = (ravel(a), 0) if axis is None else (a, _axis(axis, len(a.shape)))
    a = swapaxes(a, axis, -1)
    if missing := -a.shape[-1] % 8:
        a = lax.pad(a, const(a, 0), [*[(0, 0, 0)] * (len(a.shape) - 1), (0, missing, 0)])
    a = reshape(a, (*a.shape[:-1], a.shape[-1] // 8, 8))
    packed = reductions.sum(ufuncs.left_shift(a, expand_dims(places, range(len(a.shape) - 1))), -1)
    return swapaxes(convert_element_type(packed, UINT8), axis, -1)


def unpackbits(a: ArrayLike, axis: int | None = None, count: int | None = None, bitorder: str = "big") -> Array:
    """The bits of bytes, along an axis or of the flat array (`jax.numpy.unpackbits`).

    count: the number of bits to keep; zeros follow if there are fewer, and a negative count is one from the end. Raises TypeError
    for another dtype than uint8, ValueError for an unknown `bitorder`.

    >>> unpackbits(np.uint8([131]))
    Array([1, 0, 0, 0, 0, 0, 1, 1], dtype=uint8)
    """
    a = ensure_arraylike("unpackbits", a)
    if a.dtype != UINT8:
        raise TypeError("Expected an input array of unsigned byte data type")
    _check_order(bitorder)
    masks = ufuncs.left_shift(asarray(1), arange(8, dtype=UINT8))
    masks = flip(masks) if bitorder == "big" else masks
    a, axis = (ravel(a), 0) if axis is None else (a, _axis(axis, len(a.shape)))
    a = swapaxes(a, axis, -1)
    set_there = ufuncs.bitwise_and(expand_dims(a, [len(a.shape)]), expand_dims(masks, range(len(a.shape)))) > 0
    bits = reshape(convert_element_type(set_there, UINT8), (*a.shape[:-1], a.shape[-1] * 8))
    if count is not None and count > bits.shape[-1]:
        bits = pad(bits, [*[(0, 0)] * (len(bits.shape) - 1), (0, count - bits.shape[-1])])
    elif count is not None:
        bits = bits[..., :count]
    return swapaxes(bits, axis, -1)


@custom_jvp
def _frexp(x):
    info = finfo(x.dtype)
    mask, bias = (1 << info.nexp) - 1, 1 - info.minexp
    # A subnormal number has no exponent of its own: multiply it into the normal ones first.
    tiny = ufuncs.abs(x) < x.dtype.type(info.tiny)
    wide = where(tiny, x * const(x, float(2**info.nmant)), x)
    integer = np.dtype(f"int{info.bits}").type
    lost = where(tiny, integer(-info.nmant), integer(0))
    bits = lax.bitcast_convert_type(wide, integer)
    exponent = lost + (((bits >> info.nmant) & mask) - bias + 1)
    mantissa = lax.bitcast_convert_type((bits & ~(mask << info.nmant)) | ((bias - 1) << info.nmant), x.dtype)
    itself = number_kinds.isinf(x) | number_kinds.isnan(x) | (x == 0)
    exponent = where(itself, 0, exponent)
    return where(itself, x, mantissa), convert_element_type(exponent, np.dtype("int32"))


@_frexp.defjvp
def _frexp_jvp(primals, tangents):
    mantissa, exponent = _frexp(*primals)
    (t,) = tangents
    scaled = t * ufuncs.exp2(-convert_element_type(exponent, t.dtype))
    return (mantissa, exponent), (scaled, zeros(get_aval(exponent).update(dtype=float0)))


def frexp(x: ArrayLike, /) -> tuple[Array, Array]:
    """(m, e) with x = m 2**e, where |m| is in [1/2, 1) and e is an int32; (x, 0) for zeros, infinities and NaN
    (`jax.numpy.frexp`). Raises TypeError for complex numbers.

    >>> frexp(6.0)
    (Array(0.75, dtype=float32), Array(3, dtype=int32))
    """
    (x,) = promote_dtypes_inexact(ensure_arraylike("frexp", x))
    if dtypes.issubdtype(x.dtype, np.complexfloating):
        raise TypeError("frexp does not support complex-valued inputs")
    return _frexp(x)


def ldexp(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """x1 * 2**x2 for integers x2 (`jax.numpy.ldexp`).

    >>> import minijax.numpy as jnp
    >>> jnp.ldexp(0.5, 3)
    Array(4., dtype=float32)
    """
    x1, x2 = ensure_arraylike("ldexp", x1, x2)
    if ufuncs.is_complex(x1) or ufuncs.is_a(x2, np.inexact):
        raise ValueError(f"ldexp not supported for input types {(x1.dtype, x2.dtype)}")
    (x1,) = promote_args_inexact("ldexp", x1)
    x2 = convert_element_type(x2, x1.dtype)
    # 2**x2 alone may overflow: ldexp(2**-100, 200) is 2**100, but 2**200 is no float32. So the exponent of x1 is added to x2 first.
    mantissa, exponent = frexp(x1)
    exponent = convert_element_type(convert_element_type(exponent, x1.dtype) + x2, x1.dtype)
    # The mantissa is less than 1: the exponent of a finite result may be too large by one.
    mantissa = where(exponent > 0, mantissa * 2, mantissa)
    exponent = where(exponent > 0, exponent - 1, exponent)
    result = mantissa * 2 ** convert_element_type(exponent, mantissa.dtype)
    return where(ufuncs.bitwise_or(isinf(x1), x1 == 0), x1, result)


def spacing(x: ArrayLike, /) -> Array:
    """The distance to the next number away from zero, with the sign of x (`jax.numpy.spacing`). Raises ValueError for complex
    numbers.

    >>> spacing(np.float32(1))
    Array(1.1920929e-07, dtype=float32)
    """
    (x,) = promote_args_inexact("spacing", x)
    if dtypes.issubdtype(x.dtype, np.complexfloating):
        raise ValueError("jnp.spacing is not defined for complex inputs.")
    if x.dtype == np.float16:
        return lax.nextafter(x, const(x, np.inf)) - x
    step = lax.nextafter(x, number_kinds.copysign(const(x, np.inf), x)) - x
    least = lax.full((), finfo(x.dtype).smallest_subnormal, x.dtype)
    return where(step == 0, number_kinds.copysign(least, x), step)


def _integers(name: str, x1: Any, x2: Any) -> tuple[Array, Array]:
    x1, x2 = promote_dtypes(*ensure_arraylike(name, x1, x2))
    if not dtypes.issubdtype(x1.dtype, np.integer):
        raise ValueError(f"Arguments to jax.numpy.{name} must be integers.")
    return x1, x2


def gcd(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The greatest common divisor, by Euclid's algorithm (`jax.numpy.gcd`). Raises ValueError for other numbers than integers.

    >>> gcd(12, np.array([8, 0, -9]))
    Array([ 4, 12,  3], dtype=int32)
    """
    x1, x2 = broadcast_arrays(*_integers("gcd", x1, x2))

    def step(pair):
        x, y = pair
        x, y = where(y != 0, y, x), where(y != 0, lax.rem(x, y), const(y, 0))
        return where(x < y, y, x), where(x < y, x, y)

    return lax.while_loop(lambda pair: reductions.any(pair[1] != 0), step, (ufuncs.abs(x1), ufuncs.abs(x2)))[0]


def lcm(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The least common multiple (`jax.numpy.lcm`). Raises ValueError for other numbers than integers.

    >>> lcm(12, np.array([8, 0, -9]))
    Array([24,  0, 36], dtype=int32)
    """
    x1, x2 = (ufuncs.abs(x) for x in _integers("lcm", x1, x2))
    divisor = gcd(x1, x2)
    return where(divisor == 0, const(divisor, 0), x1 * floor_divide(x2, divisor))
