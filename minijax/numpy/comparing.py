"""Whether two arrays are equal or close."""

from __future__ import annotations

import numpy as np

from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation.dtypes import key_fry
from ..primitives import elementwise as ew
from . import number_kinds, reductions, ufuncs
from .creation import array, asarray
from .util import broadcast_shapes, check_arraylike, convert, isnan, promote_args, promote_args_inexact


def isclose(
    a: ArrayLike, b: ArrayLike, rtol: ArrayLike = 1e-05, atol: ArrayLike = 1e-08, equal_nan: bool = False
) -> Array:
    """Whether |a - b| <= atol + rtol |b| (`jax.numpy.isclose`); infinities are close to themselves.

    >>> import minijax.numpy as jnp
    >>> jnp.isclose(jnp.array([1.0, 2.0]), jnp.array([1.0, 2.1]))
    Array([ True, False], dtype=bool)
    """
    a, b = promote_args("isclose", a, b)
    if a.dtype == key_fry:
        return ew.eq_p.bind(a, b)
    a, b = promote_args_inexact("isclose", a, b)
    real_dtype = np.zeros(0, a.dtype).real.dtype
    rtol, atol = convert(rtol, real_dtype), convert(atol, real_dtype)
    # Computed, as in JAX, whether it is asked for or not: jaxprs show it.
    both_nan = ew.and_p.bind(isnan(a), isnan(b))
    finite = number_kinds.isfinite(b)
    distance, bound = ew.abs_p.bind(ew.sub_p.bind(a, b)), ew.mul_p.bind(rtol, ew.abs_p.bind(b))
    in_range = ew.le_p.bind(distance, ew.add_p.bind(atol, bound))
    close = ew.or_p.bind(ew.eq_p.bind(a, b), ew.and_p.bind(finite, in_range))
    return ew.or_p.bind(close, both_nan) if equal_nan else close


def allclose(
    a: ArrayLike, b: ArrayLike, rtol: ArrayLike = 1e-05, atol: ArrayLike = 1e-08, equal_nan: bool = False
) -> Array:
    """Whether all elements are close (`jax.numpy.allclose`).

    >>> allclose(np.float32([1, 2]), np.float32([1, 2 + 1e-6]))
    Array(True, dtype=bool)
    """
    check_arraylike("allclose", a, b)
    return reductions.all(isclose(a, b, rtol, atol, equal_nan))


def array_equal(a1: ArrayLike, a2: ArrayLike, equal_nan: bool = False) -> Array:
    """Whether two arrays have the same shape and elements (`jax.numpy.array_equal`).

    >>> import minijax.numpy as jnp
    >>> jnp.array_equal(jnp.arange(3), jnp.array([0, 1, 2]))
    Array(True, dtype=bool)
    """
    a1, a2 = asarray(a1), asarray(a2)
    if a1.shape != a2.shape:
        return array(False)
    same = ufuncs.equal(a1, a2)
    if equal_nan:
        same = ufuncs.logical_or(same, ufuncs.logical_and(number_kinds.isnan(a1), number_kinds.isnan(a2)))
    return reductions.all(same)


def array_equiv(a1: ArrayLike, a2: ArrayLike) -> Array:
    """Whether two arrays have the same elements after broadcasting (`jax.numpy.array_equiv`).

    >>> import minijax.numpy as jnp
    >>> jnp.array_equiv(jnp.ones(3), 1.0)
    Array(True, dtype=bool)
    """
    a1, a2 = asarray(a1), asarray(a2)
    try:
        broadcast_shapes(a1.shape, a2.shape)
    except ValueError:
        return array(False)
    return reductions.all(ufuncs.equal(a1, a2))
