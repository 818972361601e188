"""Elementwise functions of `jnp` that take several primitives: powers, quotients, remainders, hypot, logaddexp, sinc."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial

import numpy as np

from ..api.custom_derivatives import custom_jvp
from ..core.array import ArrayImpl
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation import dtypes
from ..primitives import elementwise as ew
from ..primitives.basis import const
from ..primitives.elementwise import select
from .number_kinds import isnan, isposinf
from .ufuncs import (
    ROUND_AWAY_FROM_ZERO,
    abs,
    alias,
    bitwise_or,
    ceil,
    exp,
    exp2,
    filled_like,
    floor,
    greater,
    is_a,
    is_complex,
    less,
    log1p,
    logical_and,
    maximum,
    minimum,
    sin,
    sqrt,
    square,
    strong_const,
    written,
)
from .util import (
    as_array,
    check_arraylike,
    ensure_arraylike,
    is_zero,
    promote_args_inexact,
    promote_args_numeric,
    promote_dtypes_inexact,
    promote_dtypes_numeric,
    promote_shapes,
    unwrap,
    where,
)
from .util import isnan as _isnan


def power(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """x1 to the power x2 (`jax.numpy.power`). A concrete integer exponent is multiplied out (`lax.integer_pow`).

    >>> power(2.0, 3)
    Array(8., dtype=float32, weak_type=True)
    """
    check_arraylike("power", x1, x2)
    x1, x2 = unwrap(x1), unwrap(x2)
    exponent = _concrete_integer(x2)
    if exponent is not None:
        (x1,) = promote_dtypes_numeric(x1)
        return ew.integer_pow(x1, exponent)
    return _power(x1, x2)


def _concrete_integer(x) -> int | None:
    """The integer that a Python number or an array holds, if its value is known and an integer; else None."""
    if isinstance(x, (bool, int, np.integer)):
        return int(x)
    if isinstance(x, (float, complex)):
        return None
    if isinstance(x, Array):
        x = x if type(x) is ArrayImpl else x.to_concrete_value()
    try:
        return None if x is None else operator.index(x)
    except TypeError:
        return None


def _power(x1, x2):
    x1, x2 = promote_shapes(*map(as_array, (x1, x2)))
    base, exponent = promote_args_numeric("power", x1, x2)
    if is_a(base, np.integer):
        return _power_of_integers(base, exponent)
    if is_a(x1, np.inexact) and is_a(x2, np.integer):
        # An integer exponent stays an integer, for which the power of a negative base is a real number.
        base, exponent = x1, x2
    return ew.pow_p.bind(base, exponent)


def _power_of_integers(x, n):
    """x to the power n by repeated squaring, for the 6 low bits of n: a higher power of 2 does not fit in 64 bits."""
    zero, one = strong_const(n, 0), strong_const(n, 1)
    result = where(ew.and_p.bind(ew.eq_p.bind(x, zero), ew.ne_p.bind(n, zero)), zero, one)
    for _ in range(6):
        result = where(ew.and_p.bind(n, one), ew.mul_p.bind(result, x), result)
        x = ew.mul_p.bind(x, x)
        n = ew.shift_right_logical_p.bind(n, one)
    return result


pow = alias(power, "pow")


def floor_divide(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """The largest whole number not above x1/x2 (`jax.numpy.floor_divide`).

    >>> import minijax.numpy as jnp
    >>> jnp.floor_divide(jnp.array([7, -7]), 2)
    Array([ 3, -4], dtype=int32)
    """
    x1, x2 = promote_args_numeric("floor_divide", x1, x2)
    if is_a(x1, np.unsignedinteger):
        return ew.div_p.bind(x1, x2)
    if is_a(x1, np.integer):
        quotient = ew.div_p.bind(x1, x2)
        below = logical_and(ew.sign_p.bind(x1) != ew.sign_p.bind(x2), ew.rem_p.bind(x1, x2) != 0)
        return where(below, quotient - 1, quotient)
    if is_complex(x1):
        raise TypeError("floor_divide does not support complex-valued inputs")
    return _float_divmod(x1, x2)[0]


def _float_divmod(x1, x2):
    remainder = ew.rem_p.bind(x1, x2)
    dividend = where(x2 == 0, x1, x1 - remainder)
    quotient = ew.div_p.bind(dividend, x2)
    below = ew.and_p.bind(remainder != 0, ew.sign_p.bind(x2) != ew.sign_p.bind(remainder))
    remainder = select(below, remainder + x2, remainder)
    quotient = select(below, quotient - 1, quotient)
    return ew.round_p.bind(quotient, rounding_method=ROUND_AWAY_FROM_ZERO), remainder


def divmod(x1: ArrayLike, x2: ArrayLike, /) -> tuple[Array, Array]:
    """(floor_divide(x1, x2), remainder(x1, x2)) (`jax.numpy.divmod`).

    >>> import minijax.numpy as jnp
    >>> jnp.divmod(7, 3)
    (Array(2, dtype=int32, weak_type=True), Array(1, dtype=int32, weak_type=True))
    """
    x1, x2 = promote_args_numeric("divmod", x1, x2)
    if is_a(x1, np.integer):
        return floor_divide(x1, x2), remainder(x1, x2)
    return _float_divmod(x1, x2)


def remainder(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """The remainder of x1 divided by x2, with the sign of x2 (`jax.numpy.remainder`).

    >>> import minijax.numpy as jnp
    >>> jnp.remainder(jnp.array([7, -7]), 3)
    Array([1, 2], dtype=int32)
    """
    x1, x2 = promote_args_numeric("remainder", x1, x2)
    zero = strong_const(x1, 0)
    if is_a(x2, np.integer):
        x2 = where(x2 == 0, filled_like(x2, 1), x2)
    left = ew.rem_p.bind(x1, x2)
    is_left = ew.ne_p.bind(left, zero)
    other_sign = ew.ne_p.bind(ew.lt_p.bind(left, zero), ew.lt_p.bind(x2, zero))
    correct = ew.and_p.bind(other_sign, is_left)
    return select(correct, ew.add_p.bind(left, x2), left)


mod = alias(remainder, "mod")


def fmod(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """The remainder of x1 divided by x2, with the sign of x1 (`jax.numpy.fmod`).

    >>> import minijax.numpy as jnp
    >>> jnp.fmod(jnp.array([7, -7]), 3)
    Array([ 1, -1], dtype=int32)
    """
    x1, x2 = ensure_arraylike("fmod", x1, x2)
    if dtypes.issubdtype(dtypes.result_type(x1, x2), np.integer):
        x2 = where(x2 == 0, filled_like(x2, 1), x2)
    return ew.rem_p.bind(*promote_args_numeric("fmod", x1, x2))


def modf(x: ArrayLike, /, out: None = None) -> tuple[Array, Array]:
    """(fraction, whole part) of x (`jax.numpy.modf`).

    >>> import minijax.numpy as jnp
    >>> jnp.modf(1.5)
    (Array(0.5, dtype=float32, weak_type=True), Array(1., dtype=float32, weak_type=True))
    """
    if out is not None:
        raise NotImplementedError("The 'out' argument to jnp.modf is not supported.")
    (x,) = promote_args_inexact("modf", x)
    whole = where(x >= 0, floor(x), ceil(x))
    return x - whole, whole


def hypot(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """sqrt(x1**2 + x2**2) without overflow (`jax.numpy.hypot`).

    >>> import minijax.numpy as jnp
    >>> jnp.hypot(3.0, 4.0)
    Array(5., dtype=float32, weak_type=True)
    """
    x1, x2 = promote_args_inexact("hypot", x1, x2)
    if is_complex(x1):
        raise ValueError(
            "jnp.hypot is not well defined for complex-valued inputs. Please convert to real values first, such as by"
            " using abs(x)"
        )
    x1, x2 = ew.abs_p.bind(x1), ew.abs_p.bind(x2)
    infinite = ew.or_p.bind(isposinf(x1), isposinf(x2))
    x1, x2 = maximum(x1, x2), minimum(x1, x2)
    at_zero = x1 == 0
    ratio = ew.div_p.bind(x2, where(x1 == 0, filled_like(x1, 1), x1))
    result = where(at_zero, x1, x1 * sqrt(1 + square(ratio)))
    return where(infinite, const(result, np.inf), result)


def logaddexp(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """log(exp(x1) + exp(x2)) without overflow (`jax.numpy.logaddexp`).

    >>> import minijax.numpy as jnp
    >>> jnp.logaddexp(100.0, 100.0)
    Array(100.693146, dtype=float32, weak_type=True)
    """
    return _logaddexp(*promote_args_inexact("logaddexp", x1, x2))


def _smaller_less_larger(x1, x2, larger):
    """Of two complex numbers, of which `larger` is the one with the larger real part, the other less that one."""
    return ew.sub_p.bind(ew.add_p.bind(x1, x2), ew.mul_p.bind(larger, const(larger, 2)))


def _wrapped(z, half: float):
    """z with its imaginary part brought between -half and half: a logarithm's is known up to whole turns."""
    x, y = ew.real_p.bind(z), ew.imag_p.bind(z)
    half, turn, zero = (const(y, v) for v in (half, 2 * half, 0))
    rest = ew.rem_p.bind(ew.add_p.bind(y, half), turn)
    rest = select(ew.lt_p.bind(rest, zero), ew.add_p.bind(rest, turn), rest)
    return ew.complex_p.bind(x, ew.sub_p.bind(rest, half))


@custom_jvp
def _logaddexp(x1, x2):
    larger = ew.max_p.bind(x1, x2)
    if is_complex(x1):
        return _wrapped(ew.add_p.bind(larger, log1p(exp(_smaller_less_larger(x1, x2, larger)))), np.pi)
    difference = ew.sub_p.bind(x1, x2)
    # inf - inf is NaN, but x1 + x2 is then the right result: the infinity, or the NaN that was given.
    undefined, total = _isnan(difference), ew.add_p.bind(x1, x2)
    return select(undefined, total, ew.add_p.bind(larger, log1p(exp(-abs(difference)))))


def _share(exponential: Callable, out, x, t):
    """The tangent t of the argument x times exp(x - out): the share of exp(x) in the sum whose logarithm is `out`."""
    infinite = [select(isposinf(ew.real_p.bind(v) if is_complex(v) else v), filled_like(v, 0), v) for v in (x, out)]
    return ew.mul_p.bind(t, exponential(ew.sub_p.bind(*infinite)))


@_logaddexp.defjvp
def _logaddexp_jvp(primals, tangents):
    # A rule of its own, as |x1 - x2| in the formula has no second derivative where the arguments are equal.
    out = _logaddexp(*primals)
    return out, ew.add_p.bind(*[_share(exp, out, x, t) for x, t in zip(primals, tangents)])


def logaddexp2(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """log2(2**x1 + 2**x2) without overflow (`jax.numpy.logaddexp2`).

    >>> import minijax.numpy as jnp
    >>> jnp.logaddexp2(3.0, 3.0)
    Array(4., dtype=float32, weak_type=True)
    """
    return _logaddexp2(*promote_args_inexact("logaddexp2", x1, x2))


@custom_jvp
def _logaddexp2(x1, x2):
    larger = ew.max_p.bind(x1, x2)
    # A number, if x1 and x2 are: its digits are printed.
    number_alone = larger.weak_type and not larger.shape and not is_complex(larger)
    inverse_log2 = float(1 / np.log(2)) if number_alone else const(larger, 1 / np.log(2))
    if is_complex(x1):
        difference = _smaller_less_larger(x1, x2, larger)
        return _wrapped(ew.add_p.bind(larger, ew.mul_p.bind(inverse_log2, log1p(exp2(difference)))), np.pi / np.log(2))
    difference = ew.sub_p.bind(x1, x2)
    undefined, total = _isnan(difference), ew.add_p.bind(x1, x2)
    return select(undefined, total, ew.add_p.bind(larger, ew.mul_p.bind(inverse_log2, log1p(exp2(-abs(difference))))))


@_logaddexp2.defjvp
def _logaddexp2_jvp(primals, tangents):
    out = _logaddexp2(*primals)
    return out, ew.add_p.bind(*[_share(exp2, out, x, t) for x, t in zip(primals, tangents)])


def heaviside(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """0 below 0, 1 above, x2 at 0 (`jax.numpy.heaviside`).

    >>> import minijax.numpy as jnp
    >>> jnp.heaviside(jnp.array([-1.0, 0.0, 1.0]), 0.5)
    Array([0. , 0.5, 1. ], dtype=float32)
    """
    x1, x2 = promote_dtypes_inexact(*ensure_arraylike("heaviside", x1, x2))
    if is_complex(x1):
        raise TypeError("jnp.heaviside does not support complex arguments.")
    zero = const(x1, 0)
    below, above = ew.lt_p.bind(x1, zero), ew.gt_p.bind(x1, zero)
    at_zero_or_nan = where(_isnan(x1), x1, x2)
    return where(below, zero, where(above, const(x1, 1), at_zero_or_nan))


def fmax(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The larger of two numbers; if one is NaN, the other (`jax.numpy.fmax`).

    >>> import minijax.numpy as jnp
    >>> jnp.fmax(jnp.array([1.0, jnp.nan]), 0.0)
    Array([1., 0.], dtype=float32)
    """
    return where(bitwise_or(greater(x1, x2), isnan(x2)), x1, x2)


def fmin(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The smaller of two numbers; if one is NaN, the other (`jax.numpy.fmin`).

    >>> import minijax.numpy as jnp
    >>> jnp.fmin(jnp.array([1.0, jnp.nan]), 0.0)
    Array([0., 0.], dtype=float32)
    """
    return where(bitwise_or(less(x1, x2), isnan(x2)), x1, x2)


def sinc(x: ArrayLike, /) -> Array:
    """sin(pi x) / (pi x), 1 at 0 (`jax.numpy.sinc`).

    >>> import minijax.numpy as jnp
    >>> jnp.sinc(0.0)
    Array(1., dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("sinc", x)
    at_zero = is_zero(x)
    pi_x = ew.mul_p.bind(written(x, np.pi), x)
    safe = where(at_zero, const(x, 1), pi_x)
    return where(at_zero, _sinc_at_zero(0, pi_x), sin(safe) / safe)


@partial(custom_jvp, nondiff_argnums=(0,))
def _sinc_at_zero(order: int, x):
    """The derivative of sin(x) / x of the given order, at 0, whatever x is; its jvp gives the next order. A rule of its own,
    as derivatives of the quotient itself are 0 / 0 there."""
    return x * 0 if order % 2 else x * 0 + const(x, (-1) ** (order // 2) / (order + 1))


@_sinc_at_zero.defjvp
def _sinc_at_zero_jvp(order, primals, tangents):
    return _sinc_at_zero(order, *primals), ew.mul_p.bind(_sinc_at_zero(order + 1, *primals), tangents[0])
