"""Samplers of orders and choices: `permutation`, `choice`, `categorical`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..core.traces import Array
from ..core.types import ArrayLike, Shape
from ..foundation import dtypes
from ..foundation.dtypes import issubdtype
from ..numpy.util import as_array, canonicalize_axis, check_arraylike, promote_dtypes_inexact
from ..primitives.basis import expand_dims, shape_of
from ..primitives.random_bits import random_bits_p
from .arguments import concrete_int, shape_for
from .continuous import gumbel
from .keys import checked_key, split_in_two
from .uniforms import randint, uniform_floats


def _shuffled(key, x: Array, axis: int) -> Array:
    """The elements sorted by random numbers, several times, since equal numbers leave their elements in order."""
    rounds = math.ceil(3 * math.log(max(1, x.size)) / math.log(2**32 - 1))
    for _ in range(rounds):
        key, subkey = split_in_two(key)
        _, x = lax.sort_key_val(random_bits_p.bind(subkey, bit_width=32, shape=x.shape), x, axis)
    return x


def permutation(
    key: ArrayLike, x: int | ArrayLike, axis: int = 0, independent: bool = False, *, out_sharding: Any = None
) -> Array:
    """An array's elements along an axis, or range(x) for an integer, in random order (`jax.random.permutation`).

    independent: whether each vector along the axis is shuffled by itself. Raises TypeError for a scalar that is not an integer.

    >>> import minijax as jax
    >>> jax.random.permutation(jax.random.key(0), 5)
    Array([0, 1, 4, 3, 2], dtype=int32)
    """
    key = checked_key("permutation", key)
    check_arraylike("permutation", x)
    axis = canonicalize_axis(axis, len(shape_of(x)) or 1)
    if not shape_of(x):
        if not issubdtype(dtypes.dtype(x), np.integer):
            raise TypeError("x must be an integer or at least 1-dimensional")
        return _shuffled(key, jnp.arange(concrete_int(x, "argument x of jax.random.permutation()")), axis)
    x = as_array(x)
    if independent or len(x.shape) == 1:
        return _shuffled(key, x, axis)
    order = _shuffled(key, jnp.arange(x.shape[axis]), 0)
    return jnp.take(x, order, axis, unique_indices=True)


def choice(
    key: ArrayLike,
    a: int | ArrayLike,
    shape: Shape = (),
    replace: bool = True,
    p: ArrayLike | None = None,
    axis: int = 0,
    mode: str | None = None,
) -> Array:
    """Random elements of an array along an axis, or of range(a) for an integer (`jax.random.choice`).

    replace: whether an element can be chosen twice. p: the elements' probabilities, by default equal. mode: as in `gumbel`.
    Raises ValueError for more samples than elements without replacement, and for a `p` without one number per element.

    >>> import minijax as jax
    >>> jax.random.choice(jax.random.key(0), 5, (3,))
    Array([4, 0, 2], dtype=int32)
    """
    key = checked_key("choice", key)
    if not isinstance(shape, Sequence):
        raise TypeError(f"shape argument of jax.random.choice must be a sequence, got {shape}")
    check_arraylike("choice", a)
    scalar = not shape_of(a)
    if scalar:
        size = concrete_int(a, "argument a of jax.random.choice()")
    else:
        a = as_array(a)
        axis = canonicalize_axis(axis, len(a.shape))
        size = a.shape[axis]
    draws = math.prod(shape)
    if draws == 0:
        return jnp.zeros(shape, dtype=as_array(a).dtype)
    if size <= 0:
        raise ValueError("a must be greater than 0 unless no samples are taken")
    if not replace and draws > size:
        raise ValueError(
            f"Cannot take a larger sample (size {draws}) than population (size {size}) when 'replace=False'"
        )
    if p is None and not replace:
        result = permutation(key, size if scalar else a, axis)[(slice(None),) * axis + (slice(draws),)]
    else:
        chosen = randint(key, shape, 0, size) if p is None else _weighted(key, p, size, shape, replace, mode)
        result = chosen if scalar else jnp.take(a, chosen, axis)
    return result.reshape(shape if scalar else (*a.shape[:axis], *shape, *a.shape[axis + 1 :]))


def _weighted(key, p, size, shape, replace, mode):
    """Positions drawn with the probabilities p."""
    check_arraylike("choice", p)
    (p,) = promote_dtypes_inexact(p)
    if p.shape != (size,):
        raise ValueError(
            "p must be None or a 1D vector with the same size as a.shape[axis]. p has shape"
            f" {p.shape} and a.shape[axis] is {size}."
        )
    if not replace:
        perturbed = gumbel(key, (size,), p.dtype, mode) + jnp.log(p)
        return lax.top_k(perturbed, math.prod(shape))[1].astype(int)
    cumulative = jnp.cumsum(p)
    drawn = cumulative[-1] * (1 - uniform_floats(key, tuple(shape), p.dtype))
    return jnp.searchsorted(cumulative, drawn).astype(int)


def categorical(
    key: ArrayLike,
    logits: ArrayLike,
    axis: int = -1,
    shape: Shape | None = None,
    replace: bool = True,
    mode: str | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Indices along an axis, with probabilities that are the softmax of `logits` (`jax.random.categorical`).

    shape: the shape of the result, by default the logits' shape without the axis; every shape must end in that. replace:
    whether the samples along the leading axes can be equal. mode: as in `gumbel`.

    >>> import minijax as jax
    >>> import minijax.numpy as jnp
    >>> jax.random.categorical(jax.random.key(0), jnp.array([0., 1., 2.]), shape=(4,))
    Array([1, 1, 2, 1], dtype=int32)
    """
    key = checked_key("categorical", key)
    check_arraylike("categorical", logits)
    logits = as_array(logits)
    ndim = len(logits.shape)
    axis = canonicalize_axis(axis, ndim, IndexError)
    batch_shape = logits.shape[:axis] + logits.shape[axis + 1 :]
    shape = shape_for("categorical", shape, batch_shape)
    prefix = shape[: len(shape) - len(batch_shape)]
    if not replace:
        return _distinct_categories(key, logits, axis, prefix, shape, mode)
    noise_shape = list(shape[len(prefix) :])
    noise_shape.insert(axis, logits.shape[axis])
    noise = gumbel(key, (*prefix, *noise_shape), logits.dtype, mode)
    return jnp.argmax(noise + expand_dims(logits, range(len(prefix))), axis=axis - ndim)


def _distinct_categories(key, logits, axis, prefix, shape, mode):
    count = math.prod(prefix)
    if count > logits.shape[axis]:
        raise ValueError(
            f"Number of samples without replacement ({count}) cannot exceed number of categories"
            f" ({logits.shape[axis]})."
        )
    perturbed = logits + gumbel(key, logits.shape, logits.dtype, mode)
    _, indices = lax.top_k(jnp.moveaxis(perturbed, axis, -1), count)
    return jnp.moveaxis(indices, -1, 0).reshape(shape)
