"""`jax.scipy.special`: error functions, entropies, logistic and Bessel functions, logarithms of sums.

The functions of gamma and beta are in `gammas.py`, those of the normal distribution and integrals in `normal.py`.
"""

from __future__ import annotations

import functools
import math
import operator
from typing import Any, Literal, overload

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..api.custom_derivatives import SymbolicZero, custom_jvp
from ..core.traces import Array, without_tangent
from ..core.types import ArrayLike, Axis
from ..foundation.dtypes import issubdtype
from ..numpy.ufuncs import strong_const
from ..numpy.util import canonicalize_axis_tuple, check_hashable, ensure_arraylike, promote_args_inexact
from ..primitives.basis import const, expand_dims, full
from .gammas import (
    bernoulli,
    beta,
    betainc,
    betaln,
    comb,
    digamma,
    factorial,
    gamma,
    gammainc,
    gammaincc,
    gammaln,
    gammasgn,
    loggamma,
    multigammaln,
    poch,
    polygamma,
    real_arguments,
    zeta,
)
from .harmonics import bessel_jn, owens_t, sph_harm_y
from .hypergeometric import hyp1f1, hyp2f1
from .normal import dawsn, erfcx, exp1, expi, expn, fresnel, log_ndtr, ndtr, ndtri, sici, spence, wofz


def erf(x: ArrayLike) -> Array:
    """The error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x (`jax.scipy.special.erf`).

    >>> erf(0.5).round(4)
    Array(0.5205, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("erf", x)
    return lax.erf(x)


def erfc(x: ArrayLike) -> Array:
    """1 - erf(x), with all its digits even if it is small (`jax.scipy.special.erfc`).

    >>> erfc(0.)
    Array(1., dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("erfc", x)
    return lax.erfc(x)


def erfinv(x: ArrayLike) -> Array:
    """The inverse of `erf` on [-1, 1]; NaN outside (`jax.scipy.special.erfinv`).

    >>> erfinv(1.)
    Array(inf, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("erfinv", x)
    return lax.erf_inv(x)


def expit(x: ArrayLike) -> Array:
    """The logistic function, 1 / (1 + exp(-x)) (`jax.scipy.special.expit`).

    >>> expit(0.)
    Array(0.5, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("expit", x)
    return lax.logistic(x)


@custom_jvp
def logit(x) -> Array:
    """The inverse of `expit`, log(x / (1 - x)) (`jax.scipy.special.logit`).

    >>> logit(0.5)
    Array(0., dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("logit", x)
    return lax.log(lax.div(x, lax.sub(const(x, 1), x)))


logit.defjvps(lambda g, ans, x: lax.div(g, lax.mul(x, lax.sub(const(x, 1), x))))


def _zero_for_zero(x, y, logarithm):
    """x * logarithm(y), but 0 for x = 0, unless y is NaN."""
    counts = (x != 0) | jnp.isnan(y)
    return jnp.where(counts, lax.mul(x, logarithm(y)), jnp.zeros_like(x))


@custom_jvp
def xlogy(x, y) -> Array:
    """x log(y), and 0 for x = 0 unless y is NaN (`jax.scipy.special.xlogy`).

    >>> xlogy(0., 0.)
    Array(0., dtype=float32, weak_type=True)
    """
    x, y = promote_args_inexact("xlogy", x, y)
    return _zero_for_zero(x, y, lax.log)


@xlogy.defjvp
def _xlogy_jvp(primals, tangents):
    (x, y), (tx, ty) = primals, tangents
    out = xlogy(x, y)
    return out, (tx * lax.log(y) + ty * x / y).astype(out.dtype)


@custom_jvp
def xlog1py(x, y) -> Array:
    """x log(1 + y), and 0 for x = 0 unless y is NaN (`jax.scipy.special.xlog1py`).

    >>> xlog1py(0., -1.)
    Array(0., dtype=float32, weak_type=True)
    """
    x, y = promote_args_inexact("xlog1py", x, y)
    return _zero_for_zero(x, y, lax.log1p)


@xlog1py.defjvp
def _xlog1py_jvp(primals, tangents):
    (x, y), (tx, ty) = primals, tangents
    out = xlog1py(x, y)
    return out, (tx * lax.log1p(y) + ty * x / (1 + y)).astype(out.dtype)


@custom_jvp
def _xlogx(x):
    return xlogy(x, x)


_xlogx.defjvps(lambda g, ans, x: g * (lax.log(x) + 1))


def entr(x: ArrayLike) -> Array:
    """-x log(x), 0 for x = 0 and -inf below (`jax.scipy.special.entr`). Raises ValueError for complex x.

    >>> entr(0.5).round(4)
    Array(0.3466, dtype=float32, weak_type=True)
    """
    (x,) = real_arguments("entr", x)
    return lax.select(x < 0, lax.full_like(x, -np.inf), lax.neg(_xlogx(x)))


@custom_jvp
def _log_ratio(p, q):
    """log(p / q): of numbers within a factor of 2 the difference is exact, and those of the logarithms cancel.

    log1p of the excess would be shorter. But in float64 XLA's log1p of -0.4 is off by 64 units in the last place."""
    near = (p < 2 * q) & (q < 2 * p)
    excess = (jnp.where(near, p, q) - q) / q
    return jnp.where(near, 2 * lax.atanh(excess / (2 + excess)), lax.log(p) - lax.log(q))


_log_ratio.defjvps(lambda g, ans, p, q: g / p, lambda g, ans, p, q: -g / q)


@custom_jvp
def _relative_entropy(p, q):
    return p * _log_ratio(p, q)


# The product rule would multiply infinity by its inverse.
def _relative_entropy_jvp(primals, tangents):
    (p, q), (by_p, by_q) = primals, tangents
    terms = [] if type(by_p) is SymbolicZero else [by_p * (_log_ratio(p, q) + 1)]
    terms += [] if type(by_q) is SymbolicZero else [-by_q * p / q]
    return _relative_entropy(p, q), functools.reduce(operator.add, terms)


# Slopes may be infinite: no factors of a zero that stands for a tangent.
_relative_entropy.defjvp(_relative_entropy_jvp, symbolic_zeros=True)


def rel_entr(p: ArrayLike, q: ArrayLike) -> Array:
    """p log(p / q), 0 for p = 0, and inf where a number is negative or q alone is 0 (`jax.scipy.special.rel_entr`).

    >>> rel_entr(0.5, 0.25).round(4)
    Array(0.3466, dtype=float32, weak_type=True)
    """
    p, q = real_arguments("rel_entr", p, q)
    zero = strong_const(p, 0) if p.shape or not p.weak_type else 0.0
    positive = (p > zero) & (q > zero)
    nothing = (p == zero) & (q >= zero)
    # Elsewhere a place is computed whose derivative is finite.
    safe_p, safe_q = jnp.where(positive, p, 1), jnp.where(positive, q, 1)
    return jnp.where(positive, _relative_entropy(safe_p, safe_q), jnp.where(nothing, zero, np.inf))


def kl_div(p: ArrayLike, q: ArrayLike) -> Array:
    """p log(p / q) - p + q (`jax.scipy.special.kl_div`).

    >>> kl_div(0.5, 0.25).round(4)
    Array(0.0966, dtype=float32, weak_type=True)
    """
    p, q = real_arguments("kl_div", p, q)
    return rel_entr(p, q) - p + q


@custom_jvp
def _box_cox(logarithm, power):
    # Where the power is 0, the quotient is computed for 1, whose derivative is finite.
    is_zero = power == 0
    safe = jnp.where(is_zero, jnp.ones_like(power), power)
    return jnp.where(is_zero, logarithm, jnp.expm1(safe * logarithm) / safe)


# The integral of t exp(t u) for t from 0 to 1 is the sum of u^k / (k! (k + 2)).
MEAN_SLOPE = [1 / (math.factorial(k) * (k + 2)) for k in range(18, -1, -1)]


def _box_cox_jvp(primals, tangents):
    (logarithm, power), (by_log, by_power) = primals, tangents
    value = _box_cox(logarithm, power)
    # 0 times the logarithm of 0 or of infinity would be NaN, but x^0 is 1.
    infinite = (power == 0) & (abs(logarithm) == np.inf)
    u = jnp.where(infinite, 0, logarithm) * power
    growth = jnp.exp(u)
    # A slope may be infinite: it is no factor of a zero that stands for a tangent.
    terms = [] if type(by_log) is SymbolicZero else [by_log * growth]
    if type(by_power) is not SymbolicZero:
        small = abs(u) < 1
        near, safe = jnp.where(small, u, 0), jnp.where(small, 1, power)
        series = MEAN_SLOPE[0]
        for coefficient in MEAN_SLOPE[1:]:
            series = series * near + coefficient
        # The quotient's digits cancel where the power or the logarithm is small.
        slope = jnp.where(small, logarithm * logarithm * series, (logarithm * growth - value) / safe)
        terms.append(by_power * slope)
    return value, functools.reduce(operator.add, terms)


_box_cox.defjvp(_box_cox_jvp, symbolic_zeros=True)


def boxcox(x: ArrayLike, lmbda: ArrayLike) -> Array:
    """Box and Cox' transformation, (x^lmbda - 1) / lmbda, and log(x) for lmbda = 0 (`jax.scipy.special.boxcox`).

    >>> boxcox(4., 0.5).round(4)
    Array(2., dtype=float32, weak_type=True)
    """
    x, power = promote_args_inexact("boxcox", x, lmbda)
    return _box_cox(jnp.log(x), power)


def boxcox1p(x: ArrayLike, lmbda: ArrayLike) -> Array:
    """`boxcox` of 1 + x, with all its digits for a small x (`jax.scipy.special.boxcox1p`).

    >>> boxcox1p(3., 0.5).round(4)
    Array(2., dtype=float32, weak_type=True)
    """
    x, power = promote_args_inexact("boxcox1p", x, lmbda)
    return _box_cox(jnp.log1p(x), power)


def i0e(x: ArrayLike) -> Array:
    """exp(-|x|) I0(x), of the modified Bessel function of order 0 (`jax.scipy.special.i0e`).

    >>> i0e(1.).round(4)
    Array(0.4658, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("i0e", x)
    return lax.bessel_i0e(x)


def i0(x: ArrayLike) -> Array:
    """The modified Bessel function of order 0 (`jax.scipy.special.i0`).

    >>> i0(1.).round(4)
    Array(1.2661, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("i0", x)
    return lax.mul(lax.exp(lax.abs(x)), lax.bessel_i0e(x))


def i1e(x: ArrayLike) -> Array:
    """exp(-|x|) I1(x), of the modified Bessel function of order 1 (`jax.scipy.special.i1e`).

    >>> i1e(1.).round(4)
    Array(0.2079, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("i1e", x)
    return lax.bessel_i1e(x)


def i1(x: ArrayLike) -> Array:
    """The modified Bessel function of order 1 (`jax.scipy.special.i1`).

    >>> i1(1.).round(4)
    Array(0.5652, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("i1", x)
    return lax.mul(lax.exp(lax.abs(x)), lax.bessel_i1e(x))


@overload
def logsumexp(
    a: ArrayLike,
    axis: Axis = None,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    return_sign: Literal[False] = False,
    where: ArrayLike | None = None,
) -> Array: ...
@overload
def logsumexp(
    a: ArrayLike,
    axis: Axis = None,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    *,
    return_sign: Literal[True],
    where: ArrayLike | None = None,
) -> tuple[Array, Array]: ...
def logsumexp(
    a: ArrayLike,
    axis: Axis = None,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    return_sign: bool = False,
    where: ArrayLike | None = None,
) -> Any:
    """log(sum(b * exp(a))) over axes, without overflow (`jax.scipy.special.logsumexp`).

    b: weights, by default 1. return_sign: return (the logarithm of the sum's absolute value, the sum's sign); without it,
    the result for a negative sum is NaN. where: a mask of the elements that count.

    >>> logsumexp(np.float32([1000., 1000.])).round(3)
    Array(1000.693, dtype=float32)
    """
    if where is not None:
        a = jnp.where(where, a, 0)
    if b is None:
        (a,) = promote_args_inexact("logsumexp", a)
    else:
        a, b = promote_args_inexact("logsumexp", a, b)
        a = jnp.where(b != 0, a, -np.inf)
    axes = canonicalize_axis_tuple(axis, len(a.shape))
    largest = jnp.max(without_tangent(a).real, axes, keepdims=keepdims, where=where, initial=-np.inf)
    # exp(largest) is taken out of the sum and put back, so derivatives take it for a constant. An infinite largest becomes 0.
    finite = jnp.isfinite(largest)
    zeros = full(largest.shape, 0, largest.dtype, largest.weak_type)
    largest = lax.stop_gradient(lax.select(finite, largest, zeros))
    aligned = largest if keepdims else expand_dims(largest, axes)
    terms = lax.exp(lax.sub(a, aligned.astype(a.dtype)))
    if b is not None:
        terms = lax.mul(terms, jnp.broadcast_to(b, terms.shape))
    total = jnp.sum(terms, axes, keepdims=keepdims, where=where)
    is_complex = issubdtype(a.dtype, np.complexfloating)
    sign = lax.sign(total)
    if return_sign or not is_complex:
        total = abs(total)
    out = lax.add(lax.log(total), largest.astype(total.dtype))
    if return_sign:
        return out, sign
    if b is not None and not is_complex:
        return jnp.where(sign < 0, np.array(np.nan, out.dtype), out)
    return out


def log_softmax(x: ArrayLike, /, *, axis: Axis = None) -> Array:
    """x - logsumexp(x), over all axes by default (`jax.scipy.special.log_softmax`).

    >>> log_softmax(np.float32([0., 1000.]))
    Array([-1000.,     0.], dtype=float32)
    """
    check_hashable("log_softmax", axis)
    shifted = _shifted(ensure_arraylike("log_softmax", x), axis)
    return shifted - jnp.log(jnp.sum(jnp.exp(shifted), axis, keepdims=True))


def softmax(x: ArrayLike, /, *, axis: Axis = None) -> Array:
    """exp(x) divided by its sum, over all axes by default (`jax.scipy.special.softmax`).

    >>> softmax(np.float32([0., 0.]))
    Array([0.5, 0.5], dtype=float32)
    """
    powers = jnp.exp(_shifted(ensure_arraylike("softmax", x), axis))
    return powers / jnp.sum(powers, axis, keepdims=True)


def _shifted(x: Array, axis: Axis) -> Array:
    """x less its largest element."""
    return x - lax.stop_gradient(jnp.max(without_tangent(x), axis, keepdims=True, initial=-jnp.inf))


__all__ = [
    "bernoulli",
    "bessel_jn",
    "beta",
    "betainc",
    "betaln",
    "boxcox",
    "boxcox1p",
    "comb",
    "dawsn",
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfcx",
    "erfinv",
    "exp1",
    "expi",
    "expit",
    "expn",
    "factorial",
    "fresnel",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammaln",
    "gammasgn",
    "hyp1f1",
    "hyp2f1",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "kl_div",
    "log_ndtr",
    "log_softmax",
    "loggamma",
    "logit",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "ndtri",
    "owens_t",
    "poch",
    "polygamma",
    "rel_entr",
    "sici",
    "softmax",
    "spence",
    "sph_harm_y",
    "wofz",
    "xlog1py",
    "xlogy",
    "zeta",
]
