"""`jax.nn.initializers`: functions (key, shape, dtype) -> array that give a layer's weights their first values.

>>> import minijax as jax
>>> jax.nn.initializers.he_normal()(jax.random.key(0), (3, 4)).shape
(3, 4)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from .. import numpy as jnp
from .. import random
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike, Shape
from ..foundation.dtypes import canonicalize_dtype, issubdtype
from ..numpy.util import static_shape


@runtime_checkable
class Initializer(Protocol):
    """The type of the initializers that this module returns: functions of a key, a shape and a dtype, which return an array."""

    def __call__(self, key: ArrayLike, shape: Shape, dtype: DTypeLike | None = None, out_sharding: Any = None) -> Array:
        raise NotImplementedError("Initializer is a protocol: use one of the functions of jax.nn.initializers.")


def _dtype(dtype: Any):
    return canonicalize_dtype(float if dtype is None else dtype)


def zeros(key: ArrayLike, shape: int | Shape, dtype: DTypeLike | None = None, out_sharding: Any = None) -> Array:
    """Zeros; the key is not used (`jax.nn.initializers.zeros`).

    >>> zeros(random.key(0), (2,))
    Array([0., 0.], dtype=float32)
    """
    return jnp.zeros(shape, _dtype(dtype))


def ones(key: ArrayLike, shape: Shape, dtype: DTypeLike | None = None, out_sharding: Any = None) -> Array:
    """Ones; the key is not used (`jax.nn.initializers.ones`).

    >>> ones(random.key(0), (2,))
    Array([1., 1.], dtype=float32)
    """
    return jnp.ones(shape, _dtype(dtype))


def _initializer(draw: Callable, dtype: Any) -> Initializer:
    """The initializer that calls `draw(key, shape, dtype)`, by default with the given dtype."""

    def init(key, shape, dtype=dtype, out_sharding=None):
        return draw(key, static_shape(shape), _dtype(dtype))

    return init


def constant(value: ArrayLike, dtype: DTypeLike | None = None) -> Initializer:
    """An initializer of one value, or of values that broadcast to the shape (`jax.nn.initializers.constant`).

    >>> constant(-7.)(random.key(0), (2,))
    Array([-7., -7.], dtype=float32)
    """
    return _initializer(lambda key, shape, dtype: jnp.full(shape, value, dtype=dtype), dtype)


def uniform(scale: ArrayLike = 1e-2, dtype: DTypeLike | None = None) -> Initializer:
    """An initializer of uniform numbers in [0, scale) (`jax.nn.initializers.uniform`).

    >>> uniform(10.)(random.key(0), (2,)).round(2)
    Array([9.48, 9.79], dtype=float32)
    """
    return _initializer(lambda key, shape, dtype: random.uniform(key, shape, dtype) * jnp.array(scale, dtype), dtype)


def normal(stddev: ArrayLike = 1e-2, dtype: DTypeLike | None = None) -> Initializer:
    """An initializer of normal numbers of standard deviation `stddev` (`jax.nn.initializers.normal`).

    >>> normal(10.)(random.key(0), (2,)).round(2)
    Array([16.23, 20.25], dtype=float32)
    """
    return _initializer(lambda key, shape, dtype: random.normal(key, shape, dtype) * jnp.array(stddev, dtype), dtype)


def truncated_normal(
    stddev: ArrayLike = 1e-2, dtype: DTypeLike | None = None, lower: ArrayLike = -2.0, upper: ArrayLike = 2.0
) -> Initializer:
    """An initializer: `stddev` times normal numbers in [lower, upper] (`jax.nn.initializers.truncated_normal`).

    >>> truncated_normal(1.)(random.key(0), (2,)).round(2)
    Array([1.46, 1.71], dtype=float32)
    """
    return _initializer(
        lambda key, shape, dtype: random.truncated_normal(key, lower, upper, shape, dtype) * jnp.array(stddev, dtype),
        dtype,
    )


# ---------------------------------------------------------------------------------------------------------------------
# Scaled by the number of inputs or outputs

Axes = int | Sequence[int]


def _size(shape: Sequence[int], axes: Axes) -> int:
    return shape[axes] if isinstance(axes, int) else math.prod(shape[i] for i in axes)


def _fans(shape: Sequence[int], in_axis: Axes, out_axis: Axes, batch_axis: Axes) -> tuple[float, float]:
    """(the number of inputs that each output sums up, the number of outputs that each input is part of)."""
    if isinstance(in_axis, int) and in_axis == -2 and len(shape) <= 1:
        raise ValueError(
            f"Can't compute input and output sizes of a {len(shape)}-dimensional weights tensor with default in_axis."
            " Must be at least 2D or specify in_axis explicitly."
        )
    inputs, outputs, batch = (_size(shape, axes) for axes in (in_axis, out_axis, batch_axis))
    receptive_field = math.prod(shape) / inputs / outputs / batch
    return inputs * receptive_field, outputs * receptive_field


_DENOMINATORS = {
    "fan_in": lambda fan_in, fan_out: fan_in,
    "fan_out": lambda fan_in, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
    "fan_geo_avg": lambda fan_in, fan_out: (fan_in * fan_out) ** 0.5,
}

# The standard deviations of a normal number between -2 and 2, and of a complex one with absolute value below 2.
TRUNCATED_DEVIATION, COMPLEX_TRUNCATED_DEVIATION = 0.87962566103423978, 0.95311164380491208


def _on_circles(key, shape, dtype, radius: Callable) -> Array:
    """Complex numbers of random angle, with absolute values that `radius` makes of uniform numbers."""
    of_radius, of_angle = random.split(key)
    real_dtype = np.array(0, dtype).real.dtype
    lengths = radius(random.uniform(of_radius, shape, real_dtype)).astype(dtype)
    angles = 2 * np.pi * random.uniform(of_angle, shape, real_dtype).astype(dtype)
    return lengths * jnp.exp(1j * angles)


def _truncated(key, shape, dtype, variance) -> Array:
    if issubdtype(dtype, np.floating):
        deviation = jnp.sqrt(variance) / jnp.array(TRUNCATED_DEVIATION, dtype)
        return random.truncated_normal(key, -2, 2, shape, dtype) * deviation
    deviation = jnp.sqrt(variance) / jnp.array(COMPLEX_TRUNCATED_DEVIATION, dtype)
    inside = 1 - jnp.exp(jnp.array(-4, dtype))
    radius = lambda drawn: jnp.sqrt(-jnp.log(1 - inside * drawn.astype(dtype)))
    return _on_circles(key, shape, dtype, radius) * deviation


def _uniform(key, shape, dtype, variance) -> Array:
    if issubdtype(dtype, np.floating):
        return random.uniform(key, shape, dtype, -1) * jnp.sqrt(3 * variance)
    return _on_circles(key, shape, dtype, lambda drawn: jnp.sqrt(2 * drawn)) * jnp.sqrt(variance)


_DISTRIBUTIONS = {
    "truncated_normal": _truncated,
    "normal": lambda key, shape, dtype, variance: random.normal(key, shape, dtype) * jnp.sqrt(variance),
    "uniform": _uniform,
}


def variance_scaling(
    scale: ArrayLike,
    mode: str,
    distribution: str,
    in_axis: Axes = -2,
    out_axis: Axes = -1,
    batch_axis: Axes = (),
    dtype: DTypeLike | None = None,
) -> Initializer:
    """An initializer of numbers of mean 0 and variance scale / n, so that sums of n of them have variance `scale`.

    mode: the meaning of n: "fan_in", "fan_out", "fan_avg" or "fan_geo_avg". distribution: "truncated_normal", "normal" or
    "uniform". in_axis, out_axis, batch_axis: the axes of inputs, of outputs, and of neither; the other axes are the
    receptive field of a convolution. The initializer raises ValueError for other words and for a shape without these axes
    (`jax.nn.initializers.variance_scaling`; He et al. 2015, Glorot and Bengio 2010).

    >>> variance_scaling(1., 'fan_in', 'uniform')(random.key(0), (3, 1)).round(3)
    Array([[ 0.895],
           [ 0.957],
           [-0.335]], dtype=float32)
    """

    def draw(key, shape, dtype):
        fans = _fans(shape, in_axis, out_axis, batch_axis)
        if mode not in _DENOMINATORS:
            raise ValueError(f"invalid mode for variance scaling initializer: {mode}")
        variance = jnp.array(scale / _DENOMINATORS[mode](*fans), dtype=dtype)
        if distribution not in _DISTRIBUTIONS:
            raise ValueError(f"invalid distribution for variance scaling initializer: {distribution}")
        return _DISTRIBUTIONS[distribution](key, shape, dtype, variance)

    return _initializer(draw, dtype)


def _scaled(name: str, scale: float, mode: str, distribution: str, source: str) -> Callable[..., Initializer]:
    def make(
        in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: DTypeLike | None = None
    ) -> Initializer:
        return variance_scaling(scale, mode, distribution, in_axis, out_axis, batch_axis, dtype)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = (
        f"`variance_scaling({scale}, {mode!r}, {distribution!r})` (`jax.nn.initializers.{name}`; {source}).\n\n"
        f"    >>> {name}()(random.key(0), (4, 3)).shape\n    (4, 3)\n    "
    )
    return make


_GLOROT, _LECUN, _HE = "Glorot and Bengio 2010", "LeCun et al. 1998", "He et al. 2015"
glorot_uniform = _scaled("glorot_uniform", 1.0, "fan_avg", "uniform", _GLOROT)
glorot_normal = _scaled("glorot_normal", 1.0, "fan_avg", "truncated_normal", _GLOROT)
lecun_uniform = _scaled("lecun_uniform", 1.0, "fan_in", "uniform", _LECUN)
lecun_normal = _scaled("lecun_normal", 1.0, "fan_in", "truncated_normal", _LECUN)
he_uniform = _scaled("he_uniform", 2.0, "fan_in", "uniform", _HE)
he_normal = _scaled("he_normal", 2.0, "fan_in", "truncated_normal", _HE)
xavier_uniform, xavier_normal = glorot_uniform, glorot_normal
kaiming_uniform, kaiming_normal = he_uniform, he_normal


def orthogonal(scale: ArrayLike = 1.0, column_axis: int = -1, dtype: DTypeLike | None = None) -> Initializer:
    """An initializer of matrices with orthonormal columns, or rows, times `scale` (`jax.nn.initializers.orthogonal`; Saxe,
    McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", 2014).

    column_axis: the axis of the columns; the others together are the rows. The initializer raises ValueError for fewer than 2 axes.

    >>> orthogonal(2.)(random.key(0), (1, 1))
    Array([[2.]], dtype=float32)
    """

    def draw(key, shape, dtype):
        if len(shape) < 2:
            raise ValueError("orthogonal initializer requires at least a 2D shape")
        if 0 in shape:
            return jnp.zeros(shape, dtype)
        columns = shape[column_axis]
        q = random.orthogonal(key, math.prod(shape) // columns, (), dtype, columns)
        others = [n for i, n in enumerate(shape) if i != column_axis % len(shape)]
        return jnp.array(scale, dtype) * jnp.moveaxis(q.reshape(*others, columns), -1, column_axis)

    return _initializer(draw, dtype)


def delta_orthogonal(scale: ArrayLike = 1.0, column_axis: int = -1, dtype: DTypeLike | None = None) -> Initializer:
    """An initializer of kernels of convolutions: an orthogonal matrix in the middle, zeros around it
    (`jax.nn.initializers.delta_orthogonal`; Xiao et al., "Dynamical isometry and a mean field theory of CNNs", 2018).

    The initializer takes 1 to 3 axes of the window, then inputs, then outputs; it raises ValueError for other shapes, and for more
    inputs than outputs.

    >>> delta_orthogonal()(random.key(0), (3, 1, 1)).ravel()
    Array([0., 1., 0.], dtype=float32)
    """

    def draw(key, shape, dtype):
        if len(shape) not in (3, 4, 5):
            raise ValueError("Delta orthogonal initializer requires a 3D, 4D or 5D shape.")
        if shape[-1] < shape[-2]:
            raise ValueError("`fan_in` must be less or equal than `fan_out`. ")
        matrix = orthogonal(scale, column_axis, dtype)(key, shape[-2:])
        return jnp.zeros(shape, dtype).at[tuple((k - 1) // 2 for k in shape[:-2])].set(matrix)

    return _initializer(draw, dtype)
