"""Samplers of counts, by loops of trials: `poisson`, `binomial`, `multinomial`.

Every round draws a trial for all numbers at once, until none is left. The keys are split as JAX splits them, so
that the numbers are JAX's, unless a last digit of a logarithm decides about a trial.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike, Shape
from ..foundation.dtypes import finfo, iinfo
from ..numpy.util import check_arraylike, promote_dtypes_inexact, static_shape, to_shape
from ..primitives.basis import shape_of
from ..primitives.elementwise import convert_element_type
from .arguments import dtype_of, float_dtype, shape_for
from .keys import checked_key, for_another_use, split
from .uniforms import uniform_floats


def poisson(
    key: ArrayLike,
    lam: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Counts of events whose mean number is `lam` (`jax.random.poisson`).

    Below a mean of 10 the waiting times of events are added up (D. E. Knuth, The Art of Computer Programming 2); above it, trials
    are accepted by comparison with a curve (W. Hoermann, "The transformed rejection method for generating Poisson random
    variables", Insurance: Mathematics and Economics 12, 1993). `lam` broadcasts to `shape`.

    >>> import minijax as jax
    >>> jax.random.poisson(jax.random.key(0), 3., (4,))
    Array([0, 0, 4, 4], dtype=int32)
    """
    key = checked_key("poisson", key)
    dtype = dtype_of("poisson", dtype, int, np.integer, "an int")
    shape = shape_of(lam) if shape is None else static_shape(shape)
    lam = jnp.broadcast_to(lam, shape).astype("float32")
    few = jnp.isnan(lam) | (lam < 10)
    # Each way computes all numbers; a number of the other way gets a mean at which it is done soon.
    waiting, tried = lax.select(few, lam, lax.full_like(lam, 0.0)), lax.select(few, lax.full_like(lam, 1e5), lam)
    waited = _waiting_times(key, waiting, dtype)
    count = lax.select(few, waited, _poisson_trials(for_another_use(key), tried, dtype))
    return lax.select(lam == 0, jnp.zeros_like(count), count)


def _greatest(dtype):
    """The most rounds of a loop: as many as the dtype of its counts has numbers (as in JAX)."""
    return np.array((iinfo if dtype.kind in "iu" else finfo)(dtype).max, dtype)


def _waiting_times(key, lam, dtype):
    """How many uniform numbers are multiplied until their product is below exp(-lam), less one."""

    def unfinished(state):
        rounds, _, _, log_product = state
        return jnp.any(log_product > -lam) & (rounds < _greatest(dtype))

    def wait(state):
        rounds, count, key, log_product = state
        key, own = split(key)
        count = lax.select(log_product > -lam, count + 1, count)
        drawn = uniform_floats(own, lam.shape, lam.dtype)
        return rounds + 1, count, key, log_product + jnp.log(drawn)

    start = 0, lax.full_like(lam, 0, dtype), key, lax.full_like(lam, 0)
    return lax.while_loop(unfinished, wait, start)[1] - 1


def _trials(key, like, rounds, trial) -> Array:
    """For each number the value accepted last, while any number has none: as in JAX, a trial may replace an accepted value.

    trial(of_u, of_v): (value, whether it is accepted), of uniform numbers that it draws with two keys. rounds: how many at most.
    """

    def unfinished(state):
        done, _, accepted, _ = state
        return jnp.any(~accepted) & (done < rounds)

    def attempt(state):
        done, value, accepted, key = state
        key, of_u, of_v = split(key, 3)
        new, good = trial(of_u, of_v)
        value, accepted = lax.select(good, new, value), accepted | good
        return done + 1, value, accepted, key

    start = 0, lax.full_like(like, -1, like.dtype), lax.full_like(like, False, np.dtype(bool)), key
    return lax.while_loop(unfinished, attempt, start)[1]


def _poisson_trials(key, lam, dtype):
    log_lam = jnp.log(lam)
    b = 0.931 + 2.53 * jnp.sqrt(lam)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    quick = 0.9277 - 3.6224 / (b - 2)

    def trial(of_u, of_v):
        u = uniform_floats(of_u, lam.shape, lam.dtype) - 0.5
        v = uniform_floats(of_v, lam.shape, lam.dtype)
        distance = 0.5 - abs(u)
        k = jnp.floor((2 * a / distance + b) * u + lam + 0.43)
        curve = jnp.log(v * inverse_alpha / (a / (distance * distance) + b))
        bound = -lam + k * log_lam - lax.lgamma(k + 1)
        at_once = (distance >= 0.07) & (v <= quick)
        outside = (k < 0) | ((distance < 0.013) & (v > distance))
        below = curve <= bound
        return k, at_once | (~outside & below)

    return _trials(key, lam, _greatest(dtype), trial).astype(dtype)


def binomial(
    key: ArrayLike,
    n: ArrayLike,
    p: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
) -> Array:
    """The number of successes of `n` trials of probability `p`, as floats (`jax.random.binomial`).

    NaN for a negative n and a p that is no probability. Up to 10 expected successes the trials between them are added up;
    beyond, trials are accepted by comparison with a curve (W. Hoermann, "The generation of binomial random variates", Journal of
    Statistical Computation and Simulation 46, 1993). `n` and `p` broadcast to `shape`. Raises ValueError unless `dtype` is a
    float dtype.

    >>> import minijax as jax
    >>> jax.random.binomial(jax.random.key(0), 10, 0.5, (4,))
    Array([6., 7., 5., 6.], dtype=float32)
    """
    key = checked_key("binomial", key)
    check_arraylike("binomial", n, p)
    dtype = float_dtype("binomial", dtype)
    shape = shape_for("binomial", shape, shape_of(n), shape_of(p))
    (p,) = promote_dtypes_inexact(p)
    n = jnp.broadcast_to(convert_element_type(n, p.dtype), shape)
    p = to_shape(p, shape)
    # Failures are counted where they are the rarer.
    rare = p < 0.5
    q = lax.select(rare, p, 1.0 - p)
    bad_n = jnp.isnan(n) | (n < 0)
    infinite = jnp.isinf(n)
    is_nan = jnp.isnan(q)
    below_zero = q < 0
    q = lax.select(is_nan | below_zero, lax.full_like(q, 0.01), q)
    few = bad_n | (n * q <= 10)
    n = jnp.floor(n)
    # Each way computes all numbers; those of the other way get an n and a p with which it is done soon.
    waiting = lax.select(few, n, lax.full_like(n, 0))
    n_tried, q_tried = lax.select(few, lax.full_like(n, 1e4), n), lax.select(few, lax.full_like(q, 0.5), q)
    counted = _trials_between(key, waiting, q, dtype)
    count = lax.select(few, counted, _binomial_trials(for_another_use(key), n_tried, q_tried, dtype))
    bad = below_zero | is_nan | bad_n
    count = lax.select(bad, lax.full_like(count, np.nan), count)
    count = lax.select(infinite & ~bad, lax.full_like(count, np.inf), count)
    return lax.select(rare | bad_n | is_nan | infinite, count, convert_element_type(n, dtype) - count)


def _trials_between(key, n, q, dtype):
    """How many geometric numbers, the trials up to each success, fit into n."""
    rate = jnp.log1p(-q)

    def unfinished(state):
        rounds, _, total, _ = state
        return jnp.any(total <= n) & (rounds < _greatest(dtype))

    def add(state):
        rounds, count, total, key = state
        own, key = split(key)
        count = lax.select(total <= n, count + 1, count)
        total = total + jnp.ceil(jnp.log(uniform_floats(own, q.shape, q.dtype)) / rate)
        return rounds + 1, count, total, key

    start = 0, lax.full_like(q, 0, q.dtype), lax.full_like(q, 0, q.dtype), key
    return (lax.while_loop(unfinished, add, start)[1] - 1).astype(dtype)


# What Stirling's formula lacks of log(k!), for k up to 9.
STIRLING = (
    0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509, 0.0166446911898211,
    0.0138761288230707, 0.0118967099458917, 0.0104112652619720, 0.00925546218271273, 0.00833056343336287,
)  # fmt: skip


def _stirling(k):
    values = jnp.asarray(STIRLING, k.dtype)
    exact = k <= 9
    k = lax.clamp(np.array(0, k.dtype), k, np.array(9, k.dtype))
    square = (k + 1) * (k + 1)
    series = (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)
    return lax.select(exact, values[jnp.floor(k).astype("int32")], series)


def _binomial_trials(key, n, p, dtype):
    deviation = jnp.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    centre = n * p + 0.5
    quick = 0.92 - 4.2 / b
    odds = p / (1 - p)
    alpha = (2.83 + 5.1 / b) * deviation
    m = jnp.floor((n + 1) * p)

    def trial(of_u, of_v):
        u, v = (uniform_floats(own, p.shape, p.dtype) for own in (of_u, of_v))
        u = u - 0.5
        distance = 0.5 - abs(u)
        at_once = (distance >= 0.07) & (v <= quick)
        k = jnp.floor((2 * a / distance + b) * u + centre)
        outside = (k < 0) | (k > n)
        curve = jnp.log(v * alpha / (a / (distance * distance) + b))
        bound = (
            (m + 0.5) * jnp.log((m + 1) / (odds * (n - m + 1)))
            + (n + 1) * jnp.log((n - m + 1) / (n - k + 1))
            + (k + 0.5) * jnp.log(odds * (n - k + 1) / (k + 1))
            + _stirling(m)
            + _stirling(n - m)
            - _stirling(k)
            - _stirling(n - k)
        )
        below = curve <= bound
        return k, at_once | (~outside & below)

    return _trials(key, p, _greatest(dtype), trial).astype(dtype)


def multinomial(
    key: ArrayLike,
    n: ArrayLike,
    p: ArrayLike,
    *,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    unroll: int | bool = 1,
) -> Array:
    """The number of times that each outcome occurs in `n` trials; the probabilities `p` lie along the last axis
    (`jax.random.multinomial`).

    The outcomes are binomial, one after the other, of the trials that are left. unroll: as in `lax.scan`.

    >>> import minijax as jax
    >>> jax.random.multinomial(jax.random.key(0), 10, jax.numpy.array([0.2, 0.3, 0.5]))
    Array([1., 1., 8.], dtype=float32)
    """
    key = checked_key("multinomial", key)
    check_arraylike("multinomial", n, p)
    n, p = promote_dtypes_inexact(n, p)
    shape = p.shape if shape is None else static_shape(shape)
    n, p = jnp.broadcast_to(n, shape[:-1]), jnp.moveaxis(jnp.broadcast_to(p, shape), -1, 0)
    left = lax.cumsum(p, 0, reverse=True)
    ratios = p / jnp.where(left == 0, 1, left)

    def outcome(trials, given):
        ratio, own = given
        count = binomial(own, trials, jnp.clip(ratio, 0, 1), dtype=trials.dtype)
        return trials - count, count

    _, counts = lax.scan(outcome, n, (ratios, split(key, ratios.shape[0])), unroll=unroll)
    counts = jnp.moveaxis(counts, 0, -1)
    return counts if dtype is None else counts.astype(dtype)


__all__ = ["binomial", "multinomial", "poisson"]
