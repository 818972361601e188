"""Samplers of the gamma distribution and of distributions whose numbers are made of gamma numbers."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike, Shape
from ..numpy.util import static_shape
from ..primitives.basis import expand_dims, shape_of
from ..primitives.random_gamma import random_gamma_p
from .arguments import check_safe_to_cast, concrete_int, dtype_of, float_arguments, float_dtype, in_dtype, shape_for
from .continuous import exponential, real_normal
from .discrete import rademacher
from .keys import checked_key, split, split_in_two


def _gamma(key, a, shape, dtype, log_space: bool) -> Array:
    return random_gamma_p.bind(key, jnp.broadcast_to(in_dtype(a, dtype), shape), log_space=log_space)


def gamma(
    key: ArrayLike,
    a: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers with density proportional to x^(a - 1) exp(-x), x > 0 (`jax.random.gamma`).

    a: positive numbers that broadcast to `shape`. By `a`, the number has the derivative of its quantile (`lax.random_gamma_grad`).

    >>> import minijax as jax
    >>> jax.random.gamma(jax.random.key(0), 3., (2,)).round(2)
    Array([2.57, 2.78], dtype=float32)
    """
    key, dtype = checked_key("gamma", key), float_dtype("gamma", dtype)
    return _gamma(key, a, shape_for("gamma", shape, shape_of(a)), dtype, log_space=False)


def loggamma(
    key: ArrayLike,
    a: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """The logarithms of gamma numbers, exact even if the numbers underflow (`jax.random.loggamma`).

    >>> import minijax as jax
    >>> jax.random.loggamma(jax.random.key(0), 1e-3, (2,)).shape
    (2,)
    """
    key = checked_key("loggamma", key)
    dtype = dtype_of("gamma", dtype, float, np.floating, "a float")
    return _gamma(key, a, shape_for("gamma", shape, shape_of(a)), dtype, log_space=True)


def beta(
    key: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers with density proportional to x^(a - 1) (1 - x)^(b - 1), 0 <= x <= 1 (`jax.random.beta`).

    >>> import minijax as jax
    >>> jax.random.beta(jax.random.key(0), 2., 3., (2,)).shape
    (2,)
    """
    key, dtype = checked_key("beta", key), float_dtype("beta", dtype)
    check_safe_to_cast("beta", dtype, a, b)
    shape = shape_for("beta", shape, shape_of(a), shape_of(b))
    a, b = in_dtype(a, dtype), in_dtype(b, dtype)
    of_a, of_b = split_in_two(key)
    a, b = jnp.broadcast_to(a, shape), jnp.broadcast_to(b, shape)
    log_a, log_b = _gamma(of_a, a, shape, dtype, True), _gamma(of_b, b, shape, dtype, True)
    largest = lax.max(log_a, log_b)
    scaled_a, scaled_b = jnp.exp(log_a - largest), jnp.exp(log_b - largest)
    return scaled_a / (scaled_a + scaled_b)


def dirichlet(
    key: ArrayLike,
    alpha: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Vectors of positive numbers of sum 1, as long as the last axis of `alpha` (`jax.random.dirichlet`).

    shape: the shape of the result without that axis; the other axes of `alpha` must broadcast to it.

    >>> import minijax as jax
    >>> jax.random.dirichlet(jax.random.key(0), np.ones(3, np.float32), (2,)).sum(-1).round(3)
    Array([1., 1.], dtype=float32)
    """
    key, dtype = checked_key("dirichlet", key), float_dtype("dirichlet", dtype)
    if not shape_of(alpha):
        raise ValueError(f"dirichlet requires alpha.ndim >= 1, got alpha.ndim == {len(shape_of(alpha))}")
    shape = shape_for("dirichlet", shape, shape_of(alpha)[:-1])
    logarithms = _gamma(key, alpha, (*shape, shape_of(alpha)[-1]), dtype, log_space=True)
    shifted = jnp.exp(logarithms - lax.stop_gradient(jnp.max(logarithms, -1, keepdims=True, initial=-np.inf)))
    return shifted / jnp.sum(shifted, -1, keepdims=True)


def chisquare(
    key: ArrayLike,
    df: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Sums of squares of `df` standard normal numbers (`jax.random.chisquare`).

    >>> import minijax as jax
    >>> jax.random.chisquare(jax.random.key(0), 3., (2,)).shape
    (2,)
    """
    key, shape, dtype = float_arguments("chisquare", key, shape, dtype, df)
    half = lax.div(in_dtype(df, dtype), np.array(2, dtype))
    return lax.mul(jnp.exp(_gamma(key, half, shape, dtype, True)), np.array(2, dtype))


def f(
    key: ArrayLike,
    dfnum: ArrayLike,
    dfden: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Quotients of two chi-square numbers, each over its degrees of freedom (`jax.random.f`).

    >>> import minijax as jax
    >>> jax.random.f(jax.random.key(0), 3., 4., (2,)).shape
    (2,)
    """
    key, shape, dtype = float_arguments("f", key, shape, dtype, dfnum, dfden)
    dfden, dfnum = in_dtype(dfden, dtype), in_dtype(dfnum, dtype)
    of_denominator, of_numerator = split_in_two(key)
    numerator, denominator = (
        chisquare(of_numerator, dfnum, shape, dtype),
        chisquare(of_denominator, dfden, shape, dtype),
    )
    return (numerator / dfnum) / (denominator / dfden)


def t(
    key: ArrayLike,
    df: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers with Student's t distribution of `df` degrees of freedom (`jax.random.t`).

    >>> import minijax as jax
    >>> jax.random.t(jax.random.key(0), 3., (2,)).shape
    (2,)
    """
    key, shape, dtype = float_arguments("t", key, shape, dtype, df)
    df = in_dtype(df, dtype)
    of_normal, of_gamma = split_in_two(key)
    numbers = real_normal(of_normal, shape, dtype)
    half = lax.div(df, np.array(2, dtype))
    return numbers * jnp.sqrt(half / _gamma(of_gamma, half, shape, dtype, False))


def generalized_normal(
    key: ArrayLike, p: ArrayLike, shape: Shape = (), dtype: DTypeLike | None = None, *, out_sharding: Any = None
) -> Array:
    """Numbers with density proportional to exp(-|x|^p) (`jax.random.generalized_normal`).

    >>> import minijax as jax
    >>> jax.random.generalized_normal(jax.random.key(0), 1.5, (2,)).shape
    (2,)
    """
    shape = static_shape(shape)
    key, dtype = checked_key("generalized_normal", key), float_dtype("generalized_normal", dtype)
    keys, p = split(key), jnp.asarray(p)
    sizes = _gamma(keys[0], 1 / p, shape, dtype, False)
    return rademacher(keys[1], shape, dtype) * sizes ** (1 / p)


def ball(
    key: ArrayLike,
    d: ArrayLike,
    p: ArrayLike = 2,
    shape: Shape = (),
    dtype: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Points spread evenly over the unit ball of `d` dimensions, in the norm of exponent `p` (`jax.random.ball`).

    The result has shape (*shape, d). d must be known while tracing.

    >>> import minijax as jax
    >>> jax.random.ball(jax.random.key(0), 2).round(2)
    Array([0.92, 0.39], dtype=float32)
    """
    shape = static_shape(shape)
    key, dtype = checked_key("ball", key), float_dtype("ball", dtype)
    d = concrete_int(d, "argument d of jax.random.ball()", operator.index)
    of_direction, of_radius = split_in_two(key)
    p = jnp.asarray(p)
    points = generalized_normal(of_direction, p, (*shape, d), dtype)
    spread = exponential(of_radius, shape, dtype)
    return points / expand_dims((jnp.sum(jnp.abs(points) ** p, -1) + spread) ** (1 / p), (len(shape),))
