"""Reductions that skip NaN: `nansum`, `nanmean`, `nanargmax` and so on."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..core.traces import Array
from ..core.types import ArrayLike, Axis, DTypeLike
from ..foundation import dtypes
from ..primitives import elementwise as ew
from ..primitives.basis import const
from ..primitives.elementwise import convert_element_type
from .reductions import all, argmax, argmin, identity_element, max, min, prod, sum
from .statistics import from_mean, mean, squared_size, variance_dtypes
from .util import check_hashable, check_no_out, ensure_arraylike, isnan, logical_not, user_dtype
from .util import where as _where

# ---------------------------------------------------------------------------------------------------------------------
# Where the largest is


def _nan_arg(name: str, plain: Callable, filler: float):
    def function(a: ArrayLike, axis: int | None = None, out: None = None, keepdims: bool | None = None) -> Array:
        a = ensure_arraylike(name, a)
        check_no_out(name, out)
        if not dtypes.issubdtype(a.dtype, np.inexact):
            return plain(a, axis, keepdims=keepdims)
        missing = isnan(a)
        found = plain(_where(missing, filler, a), axis, keepdims=keepdims)
        return _where(all(missing, axis, keepdims=bool(keepdims)), -1, found)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""As `{name[3:]}`, without the elements that are NaN (`jax.numpy.{name}`); -1 if all are NaN.

    >>> import minijax.numpy as jnp
    >>> jnp.{name}(jnp.array([jnp.nan, 5.0, 1.0]))
    Array({1 if name == "nanargmax" else 2}, dtype=int32)
    """
    return function


nanargmax, nanargmin = _nan_arg("nanargmax", argmax, -math.inf), _nan_arg("nanargmin", argmin, math.inf)


# ---------------------------------------------------------------------------------------------------------------------
# Sums, extremes, means and variances


def _nan_reduce(a, name, plain, filler, nan_if_all_nan, axis, keepdims, where, **options):
    check_hashable(name, axis)
    a = ensure_arraylike(name, a)
    if not dtypes.issubdtype(a.dtype, np.inexact):
        return plain(a, axis=axis, keepdims=keepdims, where=where, **options)
    filled = _where(isnan(a), identity_element(a.dtype, filler), a)
    result = plain(filled, axis=axis, keepdims=keepdims, where=where, **options)
    if not nan_if_all_nan:
        return result
    return _where(all(isnan(a), axis=axis, keepdims=keepdims), const(a, math.nan), result)


def nansum(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    """The sum of the elements that are not NaN (`jax.numpy.nansum`).

    >>> import minijax.numpy as jnp
    >>> jnp.nansum(jnp.array([1.0, jnp.nan, 3.0]))
    Array(4., dtype=float32)
    """
    check_no_out("nansum", out)
    return _nan_reduce(a, "nansum", sum, 0, False, axis, keepdims, where, dtype=dtype, initial=initial)


def nanprod(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    """The product of the elements that are not NaN (`jax.numpy.nanprod`).

    >>> import minijax.numpy as jnp
    >>> jnp.nanprod(jnp.array([2.0, jnp.nan, 3.0]))
    Array(6., dtype=float32)
    """
    check_no_out("nanprod", out)
    return _nan_reduce(a, "nanprod", prod, 1, False, axis, keepdims, where, dtype=dtype, initial=initial)


def nanmax(
    a: ArrayLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    """The largest of the elements that are not NaN (`jax.numpy.nanmax`); NaN if all are NaN.

    >>> import minijax.numpy as jnp
    >>> jnp.nanmax(jnp.array([1.0, jnp.nan, 3.0]))
    Array(3., dtype=float32)
    """
    check_no_out("nanmax", out)
    return _nan_reduce(a, "nanmax", max, -math.inf, initial is None, axis, keepdims, where, initial=initial)


def nanmin(
    a: ArrayLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    """The smallest of the elements that are not NaN (`jax.numpy.nanmin`); NaN if all are NaN.

    >>> import minijax.numpy as jnp
    >>> jnp.nanmin(jnp.array([1.0, jnp.nan, 3.0]))
    Array(1., dtype=float32)
    """
    check_no_out("nanmin", out)
    return _nan_reduce(a, "nanmin", min, math.inf, initial is None, axis, keepdims, where, initial=initial)


def nanmean(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
) -> Array:
    """The mean of the elements that are not NaN (`jax.numpy.nanmean`).

    >>> import minijax.numpy as jnp
    >>> jnp.nanmean(jnp.array([1.0, jnp.nan, 3.0]))
    Array(2., dtype=float32)
    """
    check_hashable("nanmean", axis)
    check_no_out("nanmean", out)
    a = ensure_arraylike("nanmean", a)
    if not dtypes.issubdtype(a.dtype, np.inexact):
        return mean(a, axis, dtype, keepdims=keepdims, where=where)
    dtype = a.dtype if dtype is None else user_dtype(dtype, "nanmean")
    count = sum(logical_not(isnan(a)), axis, dtype=dtype, keepdims=keepdims, where=where)
    return ew.div_p.bind(nansum(a, axis, dtype=dtype, keepdims=keepdims, where=where), count)


def nanvar(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    ddof: int = 0,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    mean: ArrayLike | None = None,
) -> Array:
    """The variance of the elements that are not NaN (`jax.numpy.nanvar`).

    >>> import minijax.numpy as jnp
    >>> jnp.nanvar(jnp.array([1.0, jnp.nan, 3.0]))
    Array(1., dtype=float32)
    """
    check_hashable("nanvar", axis)
    check_no_out("nanvar", out)
    a = ensure_arraylike("nanvar", a)
    work_dtype, dtype = variance_dtypes(a.dtype, user_dtype(dtype, "nanvar"))
    a = convert_element_type(a, work_dtype)
    if mean is None:
        center = nanmean(a, axis, dtype=work_dtype, keepdims=True, where=where)
    else:
        center = convert_element_type(ensure_arraylike("nanvar", mean), work_dtype)
    squares = squared_size(_where(isnan(a), 0, from_mean("nanvar", a, center)))
    count = sum(logical_not(isnan(a)), axis, keepdims=keepdims, where=where) - ddof
    none_left = count <= 0
    total = _where(none_left, math.nan, sum(squares, axis, keepdims=keepdims, where=where))
    divisor = convert_element_type(_where(none_left, 1, count), total.dtype)
    return convert_element_type(ew.div_p.bind(total, divisor), dtype)


def nanstd(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    ddof: int = 0,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    mean: ArrayLike | None = None,
) -> Array:
    """The standard deviation of the elements that are not NaN (`jax.numpy.nanstd`).

    >>> import minijax.numpy as jnp
    >>> jnp.nanstd(jnp.array([1.0, jnp.nan, 3.0]))
    Array(1., dtype=float32)
    """
    check_no_out("nanstd", out)
    return ew.sqrt_p.bind(nanvar(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=where, mean=mean))
