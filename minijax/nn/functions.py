"""Activation functions and functions like softmax, on arrays of any shape; elementwise, unless they take an axis."""

from __future__ import annotations

import warnings

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..api.collectives import AxisName
from ..api.custom_derivatives import custom_jvp
from ..core.traces import Array, without_tangent
from ..core.types import ArrayLike, Axis, DTypeLike
from ..foundation.dtypes import canonicalize_dtype, issubdtype
from ..numpy.util import (
    canonicalize_axis,
    check_arraylike,
    check_arraylike_or_none,
    check_hashable,
    ensure_arraylike,
    promote_args_inexact,
    static_int,
)
from ..primitives.basis import expand_dims
from ..scipy.special import logsumexp

# ---------------------------------------------------------------------------------------------------------------------
# relu and functions like it


@custom_jvp
def relu(x) -> Array:
    """max(x, 0), with derivative 0 at 0 (`jax.nn.relu`).

    >>> relu(np.float32([-1., 0., 2.]))
    Array([0., 0., 2.], dtype=float32)
    """
    return jnp.maximum(x, 0)


# A rule of its own, with derivative 0 at the kink: that of `maximum` is 1/2 there.
relu.defjvps(lambda g, ans, x: lax.select(x > 0, g, lax.full_like(g, 0)))


@custom_jvp
def relu6(x) -> Array:
    """min(max(x, 0), 6), with derivative 0 at both kinks (`jax.nn.relu6`).

    >>> relu6(np.float32([-1., 3., 8.]))
    Array([0., 3., 6.], dtype=float32)
    """
    return jnp.minimum(jnp.maximum(x, 0), 6.0)


relu6.defjvps(lambda g, ans, x: lax.select((x > 0) & (x < 6), g, lax.full_like(g, 0)))


def leaky_relu(x: ArrayLike, negative_slope: ArrayLike = 1e-2) -> Array:
    """x, or negative_slope * x where x is negative (`jax.nn.leaky_relu`).

    >>> leaky_relu(np.float32([-1., 2.]))
    Array([-0.01,  2.  ], dtype=float32)
    """
    x = ensure_arraylike("leaky_relu", x)
    return jnp.where(x >= 0, x, negative_slope * x)


def hard_tanh(x: ArrayLike) -> Array:
    """x, at least -1 and at most 1 (`jax.nn.hard_tanh`).

    >>> hard_tanh(np.float32([-3., 0.5]))
    Array([-1. ,  0.5], dtype=float32)
    """
    x = ensure_arraylike("hard_tanh", x)
    return jnp.where(x > 1, 1, jnp.where(x < -1, -1, x))


def hard_sigmoid(x: ArrayLike) -> Array:
    """relu6(x + 3) / 6 (`jax.nn.hard_sigmoid`).

    >>> hard_sigmoid(0.)
    Array(0.5, dtype=float32, weak_type=True)
    """
    return relu6(ensure_arraylike("hard_sigmoid", x) + 3.0) / 6.0


def hard_silu(x: ArrayLike) -> Array:
    """x * hard_sigmoid(x); also `hard_swish` (`jax.nn.hard_silu`).

    >>> hard_silu(3.)
    Array(3., dtype=float32, weak_type=True)
    """
    x = ensure_arraylike("hard_silu", x)
    return x * hard_sigmoid(x)


hard_swish = hard_silu


# ---------------------------------------------------------------------------------------------------------------------
# Smooth functions


def identity(x: ArrayLike) -> Array:
    """x (`jax.nn.identity`).

    >>> identity(2.)
    Array(2., dtype=float32, weak_type=True)
    """
    return ensure_arraylike("identity", x)


def sigmoid(x: ArrayLike) -> Array:
    """1 / (1 + exp(-x)) (`jax.nn.sigmoid`).

    >>> sigmoid(0.)
    Array(0.5, dtype=float32, weak_type=True)
    """
    return lax.logistic(x)


def softplus(x: ArrayLike) -> Array:
    """log(1 + exp(x)) (`jax.nn.softplus`).

    >>> softplus(0.).round(4)
    Array(0.6931, dtype=float32, weak_type=True)
    """
    return jnp.logaddexp(x, 0)


def log_sigmoid(x: ArrayLike) -> Array:
    """log(sigmoid(x)), without underflow (`jax.nn.log_sigmoid`).

    >>> log_sigmoid(-200.)
    Array(-200., dtype=float32, weak_type=True)
    """
    x = ensure_arraylike("log_sigmoid", x)
    return -softplus(-x)


def silu(x: ArrayLike) -> Array:
    """x * sigmoid(x); also `swish` (`jax.nn.silu`).

    >>> silu(0.)
    Array(0., dtype=float32, weak_type=True)
    """
    x = ensure_arraylike("silu", x)
    return x * sigmoid(x)


swish = silu


def mish(x: ArrayLike) -> Array:
    """x * tanh(softplus(x)) (`jax.nn.mish`).

    >>> mish(0.)
    Array(0., dtype=float32, weak_type=True)
    """
    x = ensure_arraylike("mish", x)
    return x * jnp.tanh(softplus(x))


def soft_sign(x: ArrayLike) -> Array:
    """x / (1 + |x|) (`jax.nn.soft_sign`).

    >>> soft_sign(-1.)
    Array(-0.5, dtype=float32, weak_type=True)
    """
    x = ensure_arraylike("soft_sign", x)
    return x / (jnp.abs(x) + 1)


def squareplus(x: ArrayLike, b: ArrayLike = 4) -> Array:
    """(x + sqrt(x^2 + b)) / 2 (`jax.nn.squareplus`).

    >>> squareplus(0.)
    Array(1., dtype=float32, weak_type=True)
    """
    x = ensure_arraylike("squareplus", x)
    check_arraylike("squareplus", b)
    return (x + jnp.sqrt(jnp.square(x) + b)) / 2


def sparse_plus(x: ArrayLike) -> Array:
    """0 up to -1, x from 1 on, and a parabola between (`jax.nn.sparse_plus`).

    >>> sparse_plus(np.float32([-2., 0., 2.]))
    Array([0.  , 0.25, 2.  ], dtype=float32)
    """
    x = ensure_arraylike("sparse_plus", x)
    return jnp.where(x <= -1.0, 0.0, jnp.where(x >= 1.0, x, (x + 1.0) ** 2 / 4))


def sparse_sigmoid(x: ArrayLike) -> Array:
    """The derivative of `sparse_plus`, which rises in a line from 0 at -1 to 1 at 1 (`jax.nn.sparse_sigmoid`).

    >>> sparse_sigmoid(0.)
    Array(0.5, dtype=float32, weak_type=True)
    """
    return 0.5 * jnp.clip(ensure_arraylike("sparse_sigmoid", x) + 1.0, 0.0, 2.0)


def elu(x: ArrayLike, alpha: ArrayLike = 1.0) -> Array:
    """x, or alpha (exp(x) - 1) where x is not positive (`jax.nn.elu`).

    >>> elu(np.float32([0., 2.]))
    Array([0., 2.], dtype=float32)
    """
    x = ensure_arraylike("elu", x)
    # Without the inner where, the derivative at a large x would be 0 * inf, that is NaN: expm1(x) is inf.
    return jnp.where(x > 0, x, alpha * jnp.expm1(jnp.where(x > 0, 0.0, x)))


def selu(x: ArrayLike) -> Array:
    """A multiple of `elu` with constants that keep mean 0 and variance 1 from layer to layer (`jax.nn.selu`).

    >>> selu(1.).round(4)
    Array(1.0507, dtype=float32, weak_type=True)
    """
    return 1.0507009873554804934193349852946 * elu(x, 1.6732632423543772848170429916717)


def celu(x: ArrayLike, alpha: ArrayLike = 1.0) -> Array:
    """max(x, 0) + alpha (exp(min(x, 0) / alpha) - 1), whose derivative is continuous (`jax.nn.celu`).

    >>> celu(2.)
    Array(2., dtype=float32, weak_type=True)
    """
    return jnp.maximum(x, 0.0) + alpha * jnp.expm1(jnp.minimum(x, 0.0) / alpha)


def gelu(x: ArrayLike, approximate: bool = True) -> Array:
    """x times the normal distribution function, or with `approximate` a tanh close to it (`jax.nn.gelu`).

    >>> gelu(np.float32(1), approximate=False).round(4)
    Array(0.8413, dtype=float32)
    """
    (x,) = promote_args_inexact("gelu", x)
    if approximate:
        scale = np.sqrt(2 / np.pi).astype(x.dtype)
        return x * (0.5 * (1.0 + jnp.tanh(scale * (x + 0.044715 * x**3))))
    return jnp.array(0.5 * x * lax.erfc(-x * np.sqrt(0.5).astype(x.dtype)), dtype=x.dtype)


def glu(x: ArrayLike, axis: int = -1) -> Array:
    """The first half along an axis times the sigmoid of the second (`jax.nn.glu`). Raises ValueError for an odd size.

    >>> glu(np.float32([2., 0.]))
    Array([1.], dtype=float32)
    """
    check_hashable("glu", axis)
    x = ensure_arraylike("glu", x)
    axis = canonicalize_axis(axis, len(x.shape), IndexError)
    if x.shape[axis] % 2:
        raise ValueError(f"axis size must be divisible by 2: glu got shape {x.shape} and axis {axis}.")
    values, gates = jnp.split(x, 2, axis)
    return values * sigmoid(gates)


@custom_jvp
def log1mexp(x) -> Array:
    """log(1 - exp(-x)) for x >= 0, with all its digits (`jax.nn.log1mexp`).

    >>> log1mexp(1.).round(4)
    Array(-0.4587, dtype=float32, weak_type=True)
    """
    x = ensure_arraylike("log1mexp", x)
    return jnp.where(x < jnp.log(2.0), jnp.log(-jnp.expm1(-x)), jnp.log1p(-jnp.exp(-x)))


log1mexp.defjvps(lambda g, ans, x: g / jnp.expm1(x))


# ---------------------------------------------------------------------------------------------------------------------
# Along an axis


def _shifted(x, axis, where):
    """x less its maximum over an axis, so that exp does not overflow. Derivatives take the maximum for a constant."""
    largest = jnp.max(without_tangent(x), axis, where=where, initial=-np.inf, keepdims=True)
    chosen = x if where is None else jnp.where(where, x, -np.inf)
    return chosen - lax.stop_gradient(largest)


def softmax(x: ArrayLike, axis: Axis = -1, where: ArrayLike | None = None) -> Array:
    """exp(x) divided by its sum over `axis`, one axis or several (`jax.nn.softmax`); 0 for elements that `where` leaves out.

    >>> softmax(np.float32([0., 0.]))
    Array([0.5, 0.5], dtype=float32)
    """
    unnormalized = jnp.exp(_shifted(x, axis, where))
    result = unnormalized / jnp.sum(unnormalized, axis, where=where, keepdims=True)
    return result if where is None else jnp.where(where, result, 0)


def log_softmax(x: ArrayLike, axis: Axis = -1, where: ArrayLike | None = None) -> Array:
    """log(softmax(x)), without underflow (`jax.nn.log_softmax`); -inf for elements that `where` leaves out.

    >>> log_softmax(np.float32([0., 1000.]))
    Array([-1000.,     0.], dtype=float32)
    """
    check_hashable("log_softmax", axis)
    shifted = _shifted(ensure_arraylike("log_softmax", x), axis, where)
    result = shifted - jnp.log(jnp.sum(jnp.exp(shifted), axis, where=where, keepdims=True))
    return result if where is None else jnp.where(where, result, -np.inf)


def logmeanexp(x: ArrayLike, axis: Axis = None, where: ArrayLike | None = None, keepdims: bool = False) -> Array:
    """log(mean(exp(x))) over axes (`jax.nn.logmeanexp`).

    >>> logmeanexp(np.float32([3., 3.])).round(4)
    Array(3., dtype=float32)
    """
    check_hashable("logmeanexp", axis)
    log_sum = logsumexp(x, axis=axis, where=where, keepdims=keepdims)
    if where is None:
        return log_sum - jnp.log(np.asarray(jnp.size(x, axis), log_sum.dtype))
    counted = jnp.broadcast_to(where, jnp.shape(x))
    return log_sum - jnp.log(jnp.sum(counted, axis, dtype=log_sum.dtype, keepdims=keepdims))


def standardize(
    x: ArrayLike,
    axis: Axis = -1,
    mean: ArrayLike | None = None,
    variance: ArrayLike | None = None,
    epsilon: ArrayLike = 1e-5,
    where: ArrayLike | None = None,
    *,
    algorithm: str = "fast",
) -> Array:
    """x less its mean over axes, divided by sqrt(variance + epsilon) (`jax.nn.standardize`).

    algorithm: "fast" computes the variance as mean(x^2) - mean^2, "stable" as the mean square of the differences to the mean.

    >>> standardize(np.float32([1., 3.])).round(3)
    Array([-1.,  1.], dtype=float32)
    """
    check_hashable("standardize", axis)
    check_arraylike("standardize", x)
    check_arraylike_or_none("standardize", mean, variance, where)
    if mean is None:
        mean = jnp.mean(x, axis, keepdims=True, where=where)
    if variance is None:
        if algorithm == "stable":
            variance = jnp.mean(jnp.square(jnp.subtract(x, mean)), axis, keepdims=True, where=where)
        elif algorithm == "fast":
            variance = jnp.mean(jnp.square(x), axis, keepdims=True, where=where) - jnp.square(mean)
            # Rounding may make the variance negative.
            variance = jnp.clip(variance, 0)
        else:
            raise ValueError(f"Unknown algorithm '{algorithm}'. Expected 'fast' or 'stable'.")
    return jnp.subtract(x, mean) * lax.rsqrt(variance + epsilon)


def one_hot(x: ArrayLike, num_classes: int, *, dtype: DTypeLike | None = None, axis: int | AxisName = -1) -> Array:
    """x with a new axis that has 1 at position x and 0 elsewhere, or only 0 without such a position (`jax.nn.one_hot`).

    axis: the place of the new axis, or the name of a mapped axis of num_classes elements, whose element is returned. Raises
    ValueError for one of another size.

    >>> one_hot(np.array([0, 2]), 3)
    Array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    x = jnp.asarray(x)
    num_classes = static_int(num_classes, "the number of classes of one_hot")
    if not issubdtype(x.dtype, np.integer):
        warnings.warn(
            f"jax.nn.one_hot input should be integer-typed; got dtype={x.dtype}", DeprecationWarning, stacklevel=2
        )
    dtype = canonicalize_dtype(float if dtype is None else dtype)
    if not hasattr(axis, "__index__"):
        if (size := lax.axis_size(axis)) != num_classes:
            raise ValueError(f"Expected num_classes to match the size of axis {axis!r}, but {num_classes} != {size}")
        return (x == lax.axis_index(axis)).astype(dtype)
    place = canonicalize_axis(axis, len(x.shape) + 1)
    shape = [1] * len(x.shape)
    shape.insert(place, num_classes)
    x = expand_dims(x, (place,))
    return (x == lax.broadcasted_iota(x.dtype, shape, place)).astype(dtype)
