"""Samplers of discrete distributions: `bernoulli`, `rademacher`, `geometric`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike, Shape
from ..foundation import dtypes
from ..foundation.dtypes import canonicalize_dtype, finfo, issubdtype
from ..numpy.util import check_arraylike, promote_dtypes_inexact, static_shape
from ..primitives.basis import shape_of
from ..primitives.elementwise import convert_element_type
from .arguments import canonical_dtype, dtype_of, shape_for
from .keys import checked_key
from .uniforms import uniform_floats


def bernoulli(
    key: ArrayLike, p: ArrayLike = 0.5, shape: Shape | None = None, mode: str = "low", *, out_sharding: Any = None
) -> Array:
    """True with probability `p`, an array of floats that broadcasts to `shape` (`jax.random.bernoulli`).

    mode: "high" draws twice as many bits, which a p below 1e-7 needs. Raises TypeError if p is not of a float dtype.

    >>> import minijax as jax
    >>> jax.random.bernoulli(jax.random.key(0), 0.5, (3,))
    Array([False, False,  True], dtype=bool)
    """
    shape = None if shape is None else static_shape(shape)
    if mode not in ("high", "low"):
        raise ValueError(f"got {mode=}, expected 'high' or 'low'")
    key = checked_key("bernoulli", key)
    dtype = canonicalize_dtype(dtypes.dtype(p))
    if not issubdtype(dtype, np.floating):
        raise TypeError(f"bernoulli probability `p` must have a floating dtype, got {dtype.name}.")
    p = convert_element_type(p, dtype)
    shape = shape_for("bernoulli", shape, shape_of(p))
    if mode == "low":
        return uniform_floats(key, shape, dtype) < p
    coarse, fine = uniform_floats(key, (2, *shape), dtype)
    return fine * 2 ** -finfo(dtype).nmant < p - coarse


def rademacher(key: ArrayLike, shape: Shape = (), dtype: DTypeLike | None = None, *, out_sharding: Any = None) -> Array:
    """-1 or 1, each with probability 1/2 (`jax.random.rademacher`).

    >>> import minijax as jax
    >>> jax.random.rademacher(jax.random.key(0), (3,))
    Array([-1, -1,  1], dtype=int32)
    """
    key = checked_key("rademacher", key)
    dtype = canonical_dtype("rademacher", dtype, int)
    return (2 * bernoulli(key, 0.5, static_shape(shape)).astype(dtype) - 1).astype(dtype)


def geometric(
    key: ArrayLike,
    p: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """The number of trials with success probability `p` up to the first success (`jax.random.geometric`).

    >>> import minijax as jax
    >>> jax.random.geometric(jax.random.key(0), 0.3, (3,))
    Array([1, 1, 4], dtype=int32)
    """
    key = checked_key("geometric", key)
    dtype = dtype_of("geometric", dtype, int, np.integer, "an int")
    shape = shape_for("geometric", shape, shape_of(p))
    check_arraylike("geometric", p)
    (p,) = promote_dtypes_inexact(p)
    drawn = uniform_floats(key, shape, p.dtype)
    logarithms = lax.log(jnp.where(drawn == 0, 1, drawn))
    failures = lax.div(logarithms, jnp.broadcast_to(lax.log1p(-p), shape))
    return (lax.floor(failures) + 1).astype(dtype)
