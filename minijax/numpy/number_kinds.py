"""Bits and kinds of numbers: signs, what is finite, and what becomes of what is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.traces import Array, given
from ..core.types import ArrayLike
from ..foundation import dtypes
from ..primitives import elementwise as ew
from ..primitives.basis import const
from ..primitives.elementwise import bitcast_convert_type_p, convert_element_type
from .ufuncs import abs, filled_like, imag, is_a, is_complex, maximum, minimum, named, real, strong_const
from .util import (
    as_array,
    check_arraylike,
    ensure_arraylike,
    in_order,
    is_zero,
    promote_args,
    promote_args_inexact,
    promote_args_numeric,
    where,
)
from .util import isnan as _isnan

_INT_OF_BITS = {16: np.dtype("int16"), 32: np.dtype("int32"), 64: np.dtype("int64")}


def signbit(x: ArrayLike, /) -> Array:
    """Whether the sign is minus, also of -0.0 and NaN (`jax.numpy.signbit`).

    >>> import minijax.numpy as jnp
    >>> jnp.signbit(jnp.array([-1.0, 1.0]))
    Array([ True, False], dtype=bool)
    """
    (x,) = promote_args("signbit", x)
    if is_a(x, np.integer):
        return ew.lt_p.bind(x, strong_const(x, 0))
    if x.dtype == bool:
        return filled_like(x, False, bool)
    if not is_a(x, np.floating):
        raise ValueError(f"jax.numpy.signbit is not well defined for {x.dtype}")
    bits = x.dtype.itemsize * 8
    as_integer = bitcast_convert_type_p.bind(x, new_dtype=_INT_OF_BITS[bits])
    return convert_element_type(as_integer >> (bits - 1), np.dtype(bool))


def copysign(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """|x1| with the sign of x2 (`jax.numpy.copysign`).

    >>> import minijax.numpy as jnp
    >>> jnp.copysign(2.0, -1.0)
    Array(-2., dtype=float32, weak_type=True)
    """
    x1, x2 = promote_args_inexact("copysign", x1, x2)
    if is_complex(x1):
        raise TypeError("copysign does not support complex-valued inputs")
    return where(signbit(x2), -abs(x1), abs(x1))


def bitwise_count(x: ArrayLike, /) -> Array:
    """The number of bits of |x| that are set (`jax.numpy.bitwise_count`), as uint8.

    >>> import minijax.numpy as jnp
    >>> jnp.bitwise_count(jnp.array([7, 8]))
    Array([3, 1], dtype=uint8)
    """
    (x,) = promote_args_numeric("bitwise_count", x)
    return convert_element_type(ew.population_count_p.bind(abs(x)), np.dtype("uint8"))


def isnan(x: ArrayLike, /) -> Array:
    """Whether x is not a number (`jax.numpy.isnan`).

    >>> import minijax.numpy as jnp
    >>> jnp.isnan(jnp.array([1.0, jnp.nan]))
    Array([False,  True], dtype=bool)
    """
    return _isnan(ensure_arraylike("isnan", x))


def isfinite(x: ArrayLike, /) -> Array:
    """Whether x is neither infinite nor NaN (`jax.numpy.isfinite`).

    >>> import minijax.numpy as jnp
    >>> jnp.isfinite(jnp.array([1.0, jnp.inf, jnp.nan]))
    Array([ True, False, False], dtype=bool)
    """
    x = ensure_arraylike("isfinite", x)
    if is_complex(x):
        return ew.and_p.bind(ew.is_finite_p.bind(real(x)), ew.is_finite_p.bind(imag(x)))
    return ew.is_finite_p.bind(x) if is_a(x, np.floating) else filled_like(x, True, bool)


def isinf(x: ArrayLike, /) -> Array:
    """Whether x is infinite (`jax.numpy.isinf`).

    >>> import minijax.numpy as jnp
    >>> jnp.isinf(jnp.array([1.0, -jnp.inf]))
    Array([False,  True], dtype=bool)
    """
    x = ensure_arraylike("isinf", x)
    if is_complex(x):
        parts = real(x), imag(x)
        return ew.or_p.bind(*map(isinf, parts))
    if is_a(x, np.floating):
        return ew.eq_p.bind(ew.abs_p.bind(x), strong_const(x, np.inf))
    return filled_like(x, False, bool)


def _is_infinity(name: str, infinity: float) -> Callable:
    def function(x: ArrayLike, /, out: None = None) -> Array:
        x = ensure_arraylike(name, x)
        if out is not None:
            raise NotImplementedError("The 'out' argument to isneginf/isposinf is not supported.")
        if is_complex(x):
            raise ValueError("isposinf/isneginf are not well defined for complex types")
        return ew.eq_p.bind(x, strong_const(x, infinity)) if is_a(x, np.floating) else filled_like(x, False, bool)

    return named(function, name, f"Whether x is {infinity} (`jax.numpy.{name}`).")


isposinf = _is_infinity("isposinf", np.inf)
isneginf = _is_infinity("isneginf", -np.inf)


def iscomplex(x: ArrayLike) -> Array:
    """Whether the imaginary part is not zero (`jax.numpy.iscomplex`).

    >>> import minijax.numpy as jnp
    >>> jnp.iscomplex(jnp.array([1.0, 1j]))
    Array([False,  True], dtype=bool)
    """
    i = imag(x)
    return ew.ne_p.bind(i, const(i, 0))


def isreal(x: ArrayLike) -> Array:
    """Whether the imaginary part is zero (`jax.numpy.isreal`).

    >>> import minijax.numpy as jnp
    >>> jnp.isreal(jnp.array([1.0, 1j]))
    Array([ True, False], dtype=bool)
    """
    return is_zero(imag(x))


def nan_to_num(
    x: ArrayLike,
    copy: bool = True,
    nan: ArrayLike = 0.0,
    posinf: ArrayLike | None = None,
    neginf: ArrayLike | None = None,
) -> Array:
    """x with NaN replaced by `nan`, and infinities by `posinf` and `neginf`, by default the largest numbers
    (`jax.numpy.nan_to_num`).

    >>> import minijax.numpy as jnp
    >>> jnp.nan_to_num(jnp.array([1.0, jnp.nan]))
    Array([1., 0.], dtype=float32)
    """
    x = ensure_arraylike("nan_to_num", x)
    if not is_a(x, np.inexact):
        return given(x)
    if is_complex(x):
        return ew.complex_p.bind(*(nan_to_num(part(x), copy, nan, posinf, neginf) for part in (real, imag)))
    info = dtypes.finfo(x.dtype)
    posinf = info.max if posinf is None else posinf
    neginf = info.min if neginf is None else neginf
    for found, value in ((isnan, nan), (isposinf, posinf), (isneginf, neginf)):
        x = where(found(x), convert_value(value, x.dtype), x)
    return x


def convert_value(value: Any, dtype) -> Array:
    return convert_element_type(as_array(value), dtype)


def clip(arr: ArrayLike | None = None, /, min: ArrayLike | None = None, max: ArrayLike | None = None) -> Array:
    """Values below `min` raised to `min`, and values above `max` lowered to `max` (`jax.numpy.clip`).

    >>> clip(5, 0, 3)
    Array(3, dtype=int32, weak_type=True)
    """
    if arr is None:
        raise ValueError("At most one of a and arr must be given, and one of them: jnp.clip got no array.")
    check_arraylike("clip", arr, *[bound for bound in (min, max) if bound is not None])
    if any(is_complex(as_array(x)) for x in (arr, min, max) if x is not None):
        raise ValueError(
            "Clip received a complex value either through the input or the min/max keywords. Complex values have no"
            " ordering and cannot be clipped. Please convert to a real value or array by taking the real or imaginary"
            " components via jax.numpy.real/imag respectively."
        )
    in_order((arr, min, max))
    if min is not None:
        arr = maximum(min, arr)
    if max is not None:
        arr = minimum(max, arr)
    return as_array(arr)
