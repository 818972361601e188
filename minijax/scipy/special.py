"""`jax.scipy.special`: error, gamma and logistic functions, and logarithms of sums.

Where JAX gives a derivative by hand, the formula here is one whose derivative, taken as it stands, has the same value
wherever that is finite, with one exception. Where JAX's is infinite it can be NaN: that of `logit` at 0 and 1, of
`xlogy(0, y)` by x where log(y) is infinite, likewise of `xlog1py`. The exception is `logit` at infinity: NaN, not 0.
"""

from __future__ import annotations

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..core import Array, without_tangent
from ..dtypes import issubdtype
from ..numpy.util import canonicalize_axis_tuple, promote_args_inexact
from ..primitives.basis import const, expand_dims, full


def erf(x) -> Array:
    """The error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x (`jax.scipy.special.erf`).

    >>> erf(0.5).round(4)
    Array(0.5205, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("erf", x)
    return lax.erf(x)


def erfc(x) -> Array:
    """1 - erf(x), with all its digits where that is small (`jax.scipy.special.erfc`).

    >>> erfc(0.)
    Array(1., dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("erfc", x)
    return lax.erfc(x)


def erfinv(x) -> Array:
    """The inverse of `erf` on [-1, 1]; NaN outside (`jax.scipy.special.erfinv`).

    >>> erfinv(1.)
    Array(inf, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("erfinv", x)
    return lax.erf_inv(x)


def gammaln(x) -> Array:
    """log |gamma(x)| (`jax.scipy.special.gammaln`).

    >>> gammaln(5.).round(4)
    Array(3.1781, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("gammaln", x)
    return lax.lgamma(x)


def digamma(x) -> Array:
    """The derivative of `gammaln`; itself it has none here (`jax.scipy.special.digamma`).

    >>> digamma(1.).round(4)
    Array(-0.5772, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("digamma", x)
    return lax.digamma(x)


def expit(x) -> Array:
    """The logistic function, 1 / (1 + exp(-x)) (`jax.scipy.special.expit`).

    >>> expit(0.)
    Array(0.5, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("expit", x)
    return lax.logistic(x)


def logit(x) -> Array:
    """The inverse of `expit`, log(x / (1 - x)) (`jax.scipy.special.logit`).

    >>> logit(0.5)
    Array(0., dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("logit", x)
    return lax.log(lax.div(x, lax.sub(const(x, 1), x)))


def _zero_for_zero(x, product, other):
    """The product, but 0 where x is 0 and the product is NaN because the logarithm is not finite.

    Only there: where 0 * log(y) is 0 already its derivative by x, log(y), must not be lost.
    """
    undefined = (x == 0) & jnp.isnan(product) & ~jnp.isnan(other)
    return jnp.where(undefined, jnp.zeros_like(product), product)


def xlogy(x, y) -> Array:
    """x log(y), which is 0 for x = 0 whatever y is, but for NaN (`jax.scipy.special.xlogy`).

    >>> xlogy(0., 0.)
    Array(0., dtype=float32, weak_type=True)
    """
    x, y = promote_args_inexact("xlogy", x, y)
    return _zero_for_zero(x, lax.mul(x, lax.log(y)), y)


def xlog1py(x, y) -> Array:
    """x log(1 + y), which is 0 for x = 0 whatever y is, but for NaN (`jax.scipy.special.xlog1py`).

    >>> xlog1py(0., -1.)
    Array(0., dtype=float32, weak_type=True)
    """
    x, y = promote_args_inexact("xlog1py", x, y)
    return _zero_for_zero(x, lax.mul(x, lax.log1p(y)), y)


def entr(x) -> Array:
    """-x log(x), 0 for x = 0 and -inf below (`jax.scipy.special.entr`). ValueError for complex x.

    >>> entr(0.)
    Array(0., dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("entr", x)
    if issubdtype(x.dtype, np.complexfloating):
        raise ValueError("entr does not support complex-valued inputs.")
    # At 0 the derivative is infinite, but 0 * log(0) gives NaN: there the square root, which is 0 too, stands in. Each
    # formula sees 1 where it is not chosen, that its derivative may not be 0 * inf. (+ 0.0 makes 0.0 of -0.0.)
    zero, ones = x == 0, jnp.ones_like(x)
    at_zero = lax.sqrt(jnp.where(zero, x + 0.0, ones))
    elsewhere = jnp.where(zero, ones, x)
    inside = jnp.where(zero, at_zero, lax.neg(lax.mul(elsewhere, lax.log(elsewhere))))
    return jnp.where(x < 0, full(x.shape, -np.inf, x.dtype, x.weak_type), inside)


def logsumexp(a, axis=None, b=None, keepdims: bool = False, return_sign: bool = False, where=None):
    """log(sum(b * exp(a))) over axes, without overflow (`jax.scipy.special.logsumexp`).

    b: weights, by default 1; where the sum is negative the result is NaN, or with `return_sign` the logarithm of its
    absolute value, and its sign as a second result. where: which elements count.

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
    # What is taken out of the sum is put back: it is a constant, and where it is infinite, 0.
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
