"""Cumulative sums and products."""

from __future__ import annotations

import operator

from .. import lax
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike
from ..primitives import elementwise as ew
from ..primitives.basis import const, full
from ..primitives.elementwise import convert_element_type
from .reductions import promote_integer
from .util import canonicalize_axis, check_hashable, ensure_arraylike, isnan, user_dtype
from .util import where as _where


def _cumulative(name, bind, a, axis, dtype, out=None, fill_nan=None, promote_integers=False):
    a = ensure_arraylike(name, a)
    if out is not None:
        raise NotImplementedError(f"The 'out' argument to jnp.{name} is not supported")
    if axis is None or not a.shape and a.weak_type:
        # As in JAX, a weakly typed number counts as a vector of one element; an array without axes has no axis.
        a = lax.reshape(a, (a.size,))
    axis = canonicalize_axis(0 if axis is None else axis, len(a.shape))
    if fill_nan is not None:
        a = _where(isnan(a), const(a, fill_nan), a)
    if dtype is None:
        result_dtype = promote_integer(a.dtype) if promote_integers or a.dtype == bool else a.dtype
        work_dtype = result_dtype
    else:
        result_dtype = work_dtype = user_dtype(dtype, name)
        if result_dtype.kind == "b":
            a = a if a.dtype == bool else ew.ne_p.bind(a, const(a, 0))
            work_dtype = promote_integer(result_dtype)
    result = bind(convert_element_type(a, work_dtype), axis)
    return convert_element_type(result, result_dtype)


def _bind_cumsum(x, axis):
    return lax.cumsum_p.bind(x, axis=axis, reverse=False)


def _bind_cumprod(x, axis):
    return lax.cumprod_p.bind(x, axis=axis, reverse=False)


def cumsum(a: ArrayLike, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None) -> Array:
    """The sum of each element and all before it, along an axis or in the flattened array (`jax.numpy.cumsum`).

    >>> import minijax.numpy as jnp
    >>> jnp.cumsum(jnp.array([1, 2, 3]))
    Array([1, 3, 6], dtype=int32)
    """
    check_hashable("cumsum", axis)
    return _cumulative("cumsum", _bind_cumsum, a, axis, dtype, out)


def cumprod(a: ArrayLike, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None) -> Array:
    """The product of each element and all before it, along an axis or in the flattened array (`jax.numpy.cumprod`).

    >>> import minijax.numpy as jnp
    >>> jnp.cumprod(jnp.array([1, 2, 3]))
    Array([1, 2, 6], dtype=int32)
    """
    check_hashable("cumprod", axis)
    return _cumulative("cumprod", _bind_cumprod, a, axis, dtype, out)


def nancumsum(a: ArrayLike, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None) -> Array:
    """As `cumsum`, with NaN counted as 0 (`jax.numpy.nancumsum`).

    >>> import minijax.numpy as jnp
    >>> jnp.nancumsum(jnp.array([2.0, jnp.nan, 3.0]))
    Array([2., 2., 5.], dtype=float32)
    """
    check_hashable("nancumsum", axis)
    return _cumulative("nancumsum", _bind_cumsum, a, axis, dtype, out, fill_nan=0)


def nancumprod(a: ArrayLike, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None) -> Array:
    """As `cumprod`, with NaN counted as 1 (`jax.numpy.nancumprod`).

    >>> import minijax.numpy as jnp
    >>> jnp.nancumprod(jnp.array([2.0, jnp.nan, 3.0]))
    Array([2., 2., 6.], dtype=float32)
    """
    check_hashable("nancumprod", axis)
    return _cumulative("nancumprod", _bind_cumprod, a, axis, dtype, out, fill_nan=1)


def _array_api_cumulative(name, bind, word, x, axis, dtype, include_initial, first, promote_integers):
    x = ensure_arraylike(name, x)
    if not x.shape:
        raise ValueError(
            f"jnp.{name}: The input must be non-scalar to take a cumulative {word}, however a scalar value or scalar array was"
            " given."
        )
    if axis is None:
        if len(x.shape) > 1:
            raise ValueError(
                f"jnp.{name}: The input array has rank {len(x.shape)}, however axis was not set to an explicit value. The axis"
                " argument is only optional for one-dimensional arrays."
            )
        axis = 0
    axis = canonicalize_axis(operator.index(axis), len(x.shape))
    result = _cumulative(name, bind, x, axis, dtype, promote_integers=promote_integers)
    if not include_initial:
        return result
    shape = tuple(1 if i == axis else d for i, d in enumerate(x.shape))
    return lax.concatenate([full(shape, first, result.dtype), result], axis)


def cumulative_sum(
    x: ArrayLike, /, *, axis: int | None = None, dtype: DTypeLike | None = None, include_initial: bool = False
) -> Array:
    """`cumsum` of the array API (`jax.numpy.cumulative_sum`); with `include_initial`, 0 comes first.

    >>> import minijax.numpy as jnp
    >>> jnp.cumulative_sum(jnp.array([2, 3]), include_initial=True)
    Array([0, 2, 5], dtype=int32)
    """
    return _array_api_cumulative("cumulative_sum", _bind_cumsum, "sum", x, axis, dtype, include_initial, 0, True)


def cumulative_prod(
    x: ArrayLike, /, *, axis: int | None = None, dtype: DTypeLike | None = None, include_initial: bool = False
) -> Array:
    """`cumprod` of the array API (`jax.numpy.cumulative_prod`); with `include_initial`, 1 comes first.

    >>> import minijax.numpy as jnp
    >>> jnp.cumulative_prod(jnp.array([2, 3]), include_initial=True)
    Array([1, 2, 6], dtype=int32)
    """
    return _array_api_cumulative("cumulative_prod", _bind_cumprod, "product", x, axis, dtype, include_initial, 1, False)
