"""`jax.scipy.special`: error, gamma and logistic functions, and logarithms of sums."""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..api.custom_derivatives import custom_jvp
from ..core.traces import Array, without_tangent
from ..core.types import ArrayLike, Axis
from ..foundation.dtypes import issubdtype
from ..numpy.util import canonicalize_axis_tuple, promote_args_inexact
from ..primitives.basis import const, expand_dims, full


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


def gammaln(x: ArrayLike) -> Array:
    """log |gamma(x)| (`jax.scipy.special.gammaln`).

    >>> gammaln(5.).round(4)
    Array(3.1781, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("gammaln", x)
    return lax.lgamma(x)


def digamma(x: ArrayLike) -> Array:
    """The derivative of `gammaln`, which has no derivative in minijax (`jax.scipy.special.digamma`).

    >>> digamma(1.).round(4)
    Array(-0.5772, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("digamma", x)
    return lax.digamma(x)


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
    (x,) = promote_args_inexact("entr", x)
    if issubdtype(x.dtype, np.complexfloating):
        raise ValueError("entr does not support complex-valued inputs.")
    return lax.select(x < 0, lax.full_like(x, -np.inf), lax.neg(_xlogx(x)))


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


__all__ = [
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfinv",
    "expit",
    "gammaln",
    "logit",
    "logsumexp",
    "xlog1py",
    "xlogy",
]
