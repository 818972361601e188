"""Samplers of continuous distributions that are functions of uniform numbers."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike, Shape
from ..foundation.dtypes import finfo, issubdtype
from ..numpy.util import broadcast_shapes, promote_dtypes_inexact, static_shape
from ..primitives.basis import shape_of
from ..primitives.elementwise import convert_element_type
from ..primitives.random_bits import random_bits_p
from .arguments import check_safe_to_cast, concrete_int, dtype_of, float_arguments, float_dtype, in_dtype, shape_for
from .discrete import rademacher
from .keys import checked_key, split_in_two
from .uniforms import uniform_floats

# ---------------------------------------------------------------------------------------------------------------------
# Distributions without parameters


def normal(key: ArrayLike, shape: Shape = (), dtype: DTypeLike | None = None, *, out_sharding: Any = None) -> Array:
    """Standard normal numbers, of a float or complex dtype (`jax.random.normal`).

    A complex number has variance 1; its real and imaginary parts have variance 1/2 each.

    >>> import minijax as jax
    >>> jax.random.normal(jax.random.key(0), (3,))
    Array([ 1.6226422 ,  2.0252647 , -0.43359444], dtype=float32)
    """
    key = checked_key("normal", key)
    shape = static_shape(shape)
    dtype = dtype_of("normal", dtype, float, np.inexact, "a float or complex")
    if not issubdtype(dtype, np.complexfloating):
        return real_normal(key, shape, dtype)
    real_dtype = np.array(0, dtype).real.dtype
    real, imag = (real_normal(k, shape, real_dtype).astype(dtype) for k in split_in_two(key))
    return (real + 1j * imag) / np.array(np.sqrt(2), dtype)


def real_normal(key, shape, dtype):
    # Start from the float after -1, since erf_inv(-1) is -inf.
    low = np.nextafter(np.array(-1, dtype), np.array(0, dtype))
    return lax.mul(np.array(np.sqrt(2), dtype), lax.erf_inv(uniform_floats(key, shape, dtype, low, np.array(1, dtype))))


def multivariate_normal(
    key: ArrayLike,
    mean: ArrayLike,
    cov: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    method: str = "cholesky",
    *,
    out_sharding: Any = None,
) -> Array:
    """Normal vectors with the given means and covariances (`jax.random.multivariate_normal`).

    mean: (..., n). cov: (..., n, n). shape: that of the batch, by default that of the axes in front of mean's and cov's,
    broadcast; the result is (*shape, n). method: the factor of cov that standard normal numbers are multiplied by: "cholesky",
    "eigh" or "svd"; the last two take a singular cov, too. Raises ValueError for other shapes, methods and dtypes.

    >>> import minijax as jax
    >>> multivariate_normal(jax.random.key(0), jnp.zeros(2), jnp.eye(2), (3,)).shape
    (3, 2)
    """
    key = checked_key("multivariate_normal", key)
    mean, cov = promote_dtypes_inexact(mean, cov)
    if method not in ("svd", "eigh", "cholesky"):
        raise ValueError("method must be one of {'svd', 'eigh', 'cholesky'}")
    dtype = dtype_of("multivariate_normal", mean.dtype if dtype is None else dtype, float, np.floating, "a float")
    if mean.ndim < 1:
        raise ValueError(f"multivariate_normal requires mean.ndim >= 1, got mean.ndim == {mean.ndim}")
    if cov.ndim < 2:
        raise ValueError(f"multivariate_normal requires cov.ndim >= 2, got cov.ndim == {cov.ndim}")
    n = mean.shape[-1]
    if cov.shape[-2:] != (n, n):
        raise ValueError(
            f"multivariate_normal requires cov.shape == (..., n, n) for n={n}, but got cov.shape == {cov.shape}."
        )
    shape = shape_for("multivariate_normal", shape, mean.shape[:-1], cov.shape[:-2])
    if method == "cholesky":
        factor = jnp.linalg.cholesky(cov)
    else:
        # The columns: eigenvectors, or singular vectors, times the deviations along them.
        parts = jnp.linalg.svd(cov)[:2] if method == "svd" else jnp.linalg.eigh(cov)[::-1]
        factor = parts[0] * jnp.sqrt(parts[1][..., None, :])
    return mean + jnp.einsum("...ij,...j->...i", factor, normal(key, (*shape, n), dtype))


def orthogonal(
    key: ArrayLike,
    n: int,
    shape: Shape = (),
    dtype: DTypeLike | None = None,
    m: int | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Matrices (n, m), by default (n, n), whose columns are orthonormal, or whose rows are if m > n; all such matrices are equally
    likely (`jax.random.orthogonal`; Mezzadri, "How to generate random matrices from the classical compact groups",
    Notices of the AMS 54 (2007)).

    >>> import minijax as jax
    >>> orthogonal(jax.random.key(0), 1)
    Array([[1.]], dtype=float32)
    """
    key = checked_key("orthogonal", key)
    dtype = dtype_of("orthogonal", dtype, float, np.inexact, "a float or complex")
    n = concrete_int(n, "argument n of jax.random.orthogonal()", operator.index)
    m = n if m is None else concrete_int(m, "argument m of jax.random.orthogonal()", operator.index)
    q, r = jnp.linalg.qr(normal(key, (*static_shape(shape), max(n, m), min(n, m)), dtype))
    # LAPACK chooses the signs of R's diagonal. With that diagonal positive, Q is uniform.
    x = q * jnp.expand_dims(jnp.sign(jnp.linalg.diagonal(r)), -2)
    return x.mT if n < m else x


def exponential(
    key: ArrayLike, shape: Shape = (), dtype: DTypeLike | None = None, *, out_sharding: Any = None
) -> Array:
    """Numbers with density exp(-x), x >= 0 (`jax.random.exponential`).

    >>> import minijax as jax
    >>> jax.random.exponential(jax.random.key(0), (2,)).shape
    (2,)
    """
    key = checked_key("exponential", key)
    drawn = uniform_floats(key, static_shape(shape), float_dtype("exponential", dtype))
    return lax.neg(lax.log1p(lax.neg(drawn)))


def gumbel(
    key: ArrayLike,
    shape: Shape = (),
    dtype: DTypeLike | None = None,
    mode: str | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers with density exp(-x - exp(-x)) (`jax.random.gumbel`).

    mode: "low", the default, draws one uniform number for each; "high" and "highest" draw two, for the far tail.

    >>> import minijax as jax
    >>> jax.random.gumbel(jax.random.key(0), (2,)).shape
    (2,)
    """
    key, dtype = checked_key("gumbel", key), float_dtype("gumbel", dtype)
    shape = static_shape(shape)
    mode = "low" if mode is None else mode
    if mode not in ("highest", "high", "low"):
        raise ValueError(f"Must provide valid mode for gumbel got: {mode}")
    if mode == "low":
        return -jnp.log(-jnp.log(uniform_floats(key, shape, dtype, minval=smallest_normal(dtype))))
    if mode == "highest" and dtype == np.float32:
        return _gumbel_of_64_bits(random_bits_p.bind(key, bit_width=32, shape=(2, *shape)))
    high, low = uniform_floats(key, (2, *shape), dtype)
    drawn = jnp.where(high >= 0.5, high, high + 2 ** -finfo(dtype).nmant * low + smallest_normal(dtype))
    return -jnp.log(-jnp.log1p(-drawn))


def smallest_normal(dtype):
    return np.array(finfo(dtype).tiny, dtype)


def _gumbel_of_64_bits(words):
    """Gumbel numbers made of 64-bit fractions u in two words: -log(-log1p(-u)) if u < 1/2, else -log(-log(1 - u)), where the
    words give 1 - u exactly."""
    inverted = lax.bitwise_not(words)
    low = inverted[1]
    inverted = inverted + jnp.array([low == np.uint32(2**32 - 1), jnp.ones_like(low)], np.uint32)
    below_half = words[0] < np.uint32(2**31)
    drawn = _fraction_to_float32(jnp.where(below_half, words, inverted))
    return jnp.where(below_half, -jnp.log(-jnp.log1p(-drawn)), -jnp.log(-jnp.log(drawn)))


def _fraction_to_float32(words):
    """The fraction with the given 64 bits after the point as a float32, cut, not rounded; its exponent is at least -126."""
    zeros, low_zeros = lax.clz(words)
    high, low = words
    from_high = lax.shift_left(high, zeros)
    from_low = jnp.where(
        zeros == 32, lax.shift_left(low, low_zeros), lax.shift_right_logical(low, np.uint32(32) - zeros)
    )
    mantissa = lax.bitwise_or(from_high, from_low)
    mantissa = (mantissa >> np.uint32(8)) & np.uint32((1 << 23) - 1)
    exponent = np.uint32(126) - jnp.where(zeros == 32, 32 + low_zeros, zeros)
    exponent = (exponent << np.uint32(23)) & np.uint32((1 << 30) - (1 << 22))
    return lax.bitcast_convert_type(exponent | mantissa, np.float32)


def laplace(key: ArrayLike, shape: Shape = (), dtype: DTypeLike | None = None, *, out_sharding: Any = None) -> Array:
    """Numbers with density exp(-|x|) / 2 (`jax.random.laplace`).

    >>> import minijax as jax
    >>> jax.random.laplace(jax.random.key(0), (2,)).shape
    (2,)
    """
    key, dtype = checked_key("laplace", key), float_dtype("laplace", dtype)
    low = np.array(-1 + finfo(dtype).epsneg, dtype)
    drawn = uniform_floats(key, static_shape(shape), dtype, low)
    return lax.mul(lax.sign(drawn), lax.log1p(lax.neg(lax.abs(drawn))))


def logistic(key: ArrayLike, shape: Shape = (), dtype: DTypeLike | None = None, *, out_sharding: Any = None) -> Array:
    """Numbers whose distribution function is the logistic function (`jax.random.logistic`).

    >>> import minijax as jax
    >>> jax.random.logistic(jax.random.key(0), (2,)).shape
    (2,)
    """
    key, dtype = checked_key("logistic", key), float_dtype("logistic", dtype)
    drawn = uniform_floats(key, static_shape(shape), dtype, smallest_normal(dtype))
    return lax.sub(lax.log(drawn), lax.log1p(lax.neg(drawn)))


def cauchy(key: ArrayLike, shape: Shape = (), dtype: DTypeLike | None = None, *, out_sharding: Any = None) -> Array:
    """Numbers with density 1 / (pi (1 + x^2)) (`jax.random.cauchy`).

    >>> import minijax as jax
    >>> jax.random.cauchy(jax.random.key(0), (2,)).shape
    (2,)
    """
    key, dtype = checked_key("cauchy", key), float_dtype("cauchy", dtype)
    drawn = uniform_floats(key, static_shape(shape), dtype, np.array(finfo(dtype).eps, dtype))
    return lax.tan(lax.mul(np.array(np.pi, dtype), lax.sub(drawn, np.array(0.5, dtype))))


def maxwell(key: ArrayLike, shape: Shape = (), dtype: DTypeLike | None = None, *, out_sharding: Any = None) -> Array:
    """The lengths of vectors of three standard normal numbers (`jax.random.maxwell`).

    >>> import minijax as jax
    >>> jax.random.maxwell(jax.random.key(0), (2,)).shape
    (2,)
    """
    key, dtype = checked_key("maxwell", key), float_dtype("maxwell", dtype)
    vectors = real_normal(key, (*static_shape(shape), 3), dtype)
    return lax.sqrt(jnp.sum(vectors * vectors, axis=-1))


# ---------------------------------------------------------------------------------------------------------------------
# Distributions with parameters


def truncated_normal(
    key: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Normal numbers under the condition that they lie between `lower` and `upper` (`jax.random.truncated_normal`).

    >>> import minijax as jax
    >>> jax.random.truncated_normal(jax.random.key(0), -2., 2., (3,)).round(3)
    Array([ 1.456,  1.715, -0.413], dtype=float32)
    """
    key, dtype = checked_key("truncated_normal", key), float_dtype("truncated_normal", dtype)
    shape = shape_for("truncated_normal", shape, shape_of(lower), shape_of(upper))
    sqrt2 = np.array(np.sqrt(2), dtype)
    lower, upper = in_dtype(lower, dtype), in_dtype(upper, dtype)
    drawn = uniform_floats(key, shape, dtype, lax.erf(lower / sqrt2), lax.erf(upper / sqrt2))
    drawn = lax.mul(sqrt2, lax.erf_inv(drawn))
    # Rounding may lead to the ends or beyond them, but the ends are excluded.
    least = lax.nextafter(lax.stop_gradient(lower), np.array(np.inf, dtype))
    greatest = lax.nextafter(lax.stop_gradient(upper), np.array(-np.inf, dtype))
    return jnp.clip(drawn, least, greatest)


def pareto(
    key: ArrayLike,
    b: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers with density b / x^(b + 1), x >= 1 (`jax.random.pareto`).

    >>> import minijax as jax
    >>> jax.random.pareto(jax.random.key(0), 2., (3,)).shape
    (3,)
    """
    key, shape, dtype = float_arguments("pareto", key, shape, dtype, b)
    b = in_dtype(b, dtype)
    return lax.exp(exponential(key, shape, dtype) / b)


def rayleigh(
    key: ArrayLike,
    scale: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers with density x exp(-x^2 / (2 scale^2)) / scale^2 (`jax.random.rayleigh`).

    >>> import minijax as jax
    >>> jax.random.rayleigh(jax.random.key(0), 1., (3,)).shape
    (3,)
    """
    key, shape, dtype = float_arguments("rayleigh", key, shape, dtype, scale)
    drawn = uniform_floats(key, shape, dtype)
    scale = jnp.broadcast_to(convert_element_type(scale, dtype), shape)
    return lax.mul(scale, lax.sqrt(lax.mul(lax.log(drawn), np.array(-2, dtype))))


def weibull_min(
    key: ArrayLike, scale: ArrayLike, concentration: ArrayLike, shape: Shape = (), dtype: DTypeLike | None = None
) -> Array:
    """`scale` times an exponential number to the power 1 / `concentration` (`jax.random.weibull_min`).

    >>> import minijax as jax
    >>> jax.random.weibull_min(jax.random.key(0), 1., 2., (3,)).shape
    (3,)
    """
    key, dtype = checked_key("weibull_min", key), float_dtype("weibull_min", dtype)
    drawn = uniform_floats(key, static_shape(shape), dtype, 0, 1)
    return jnp.power(-jnp.log1p(-drawn), 1.0 / jnp.asarray(concentration)) * scale


def triangular(
    key: ArrayLike,
    left: ArrayLike,
    mode: ArrayLike,
    right: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers whose density rises from `left` to `mode` and falls to `right` (`jax.random.triangular`).

    >>> import minijax as jax
    >>> jax.random.triangular(jax.random.key(0), 0., 0.5, 1., (3,)).shape
    (3,)
    """
    key, shape, dtype = float_arguments("triangular", key, shape, dtype, left, mode, right)
    left, right, mode = (jnp.broadcast_to(convert_element_type(x, dtype), shape) for x in (left, right, mode))
    rising = (mode - left) / (right - left)
    drawn = uniform_floats(key, shape, dtype)
    below = left + lax.sqrt(drawn * (right - left) * (mode - left))
    above = right - lax.sqrt((1 - drawn) * (right - left) * (right - mode))
    return lax.select(drawn < rising, below, above)


_ONE = np.float32(1)


def lognormal(
    key: ArrayLike,
    sigma: ArrayLike = _ONE,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """The exponential of normal numbers with standard deviation `sigma` (`jax.random.lognormal`).

    >>> import minijax as jax
    >>> jax.random.lognormal(jax.random.key(0), 1., (3,)).shape
    (3,)
    """
    key = checked_key("lognormal", key)
    dtype = dtype_of("lognormal", dtype, float, np.inexact, "a float or complex")
    shape = shape_for("lognormal", shape, shape_of(sigma))
    check_safe_to_cast("lognormal", dtype, sigma)
    sigma = convert_element_type(sigma, dtype)
    return lax.exp(normal(key, shape, dtype) * sigma)


def double_sided_maxwell(
    key: ArrayLike, loc: ArrayLike, scale: ArrayLike, shape: Shape = (), dtype: DTypeLike | None = None
) -> Array:
    """`loc` plus or minus `scale` times a Maxwell number (`jax.random.double_sided_maxwell`).

    The result's shape is `shape`, or the parameters' shape if `shape` is (), followed by the parameters' shape.

    >>> import minijax as jax
    >>> jax.random.double_sided_maxwell(jax.random.key(0), 0., 1., (3,)).shape
    (3,)
    """
    key, dtype = checked_key("double_sided_maxwell", key), float_dtype("double_sided_maxwell", dtype)
    parameters = broadcast_shapes(shape_of(loc), shape_of(scale))
    shape = (static_shape(shape) or parameters) + parameters
    of_length, of_sign = split_in_two(key)
    lengths = maxwell(of_length, shape, dtype)
    return rademacher(of_sign, shape, dtype) * lengths * scale + loc


def wald(
    key: ArrayLike,
    mean: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers with the inverse Gaussian distribution of the given mean (`jax.random.wald`).

    >>> import minijax as jax
    >>> jax.random.wald(jax.random.key(0), 1., (3,)).shape
    (3,)
    """
    key, shape, dtype = float_arguments("wald", key, shape, dtype, mean)
    of_normal, of_uniform = split_in_two(key)
    mean = jnp.broadcast_to(convert_element_type(mean, dtype), shape)
    numbers, drawn = real_normal(of_normal, shape, dtype), uniform_floats(of_uniform, shape, dtype)
    y = lax.integer_pow(numbers, 2)
    y_squared, mean_squared = lax.integer_pow(y, 2), lax.integer_pow(mean, 2)
    root = lax.sqrt(4 * mean * y + mean_squared * y_squared)
    x = mean + mean_squared * y / 2 - mean / 2 * root
    return lax.select(drawn <= mean / (mean + x), x, mean_squared / x)
