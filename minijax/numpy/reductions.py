"""Reductions of `jnp`: sums, products, extremes, means, variances, cumulative sums, quantiles."""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import lax
from ..core.array import ArrayImpl
from ..core.traces import Array, Tracer
from ..foundation import dtypes
from ..primitives import elementwise as ew
from ..primitives.basis import const, expand_dims, full
from ..primitives.elementwise import convert_element_type
from .util import (
    Axis,
    broadcast_to,
    canonicalize_axis,
    canonicalize_axis_tuple,
    check_no_out,
    convert,
    default_int_dtype,
    default_uint_dtype,
    ensure_arraylike,
    isnan,
    logical_not,
    promote_dtypes_inexact,
    promote_dtypes_numeric,
    user_dtype,
)
from .util import where as _where


def _static_axis(axis: Any) -> Axis:
    """The axis argument as an int, a tuple of ints, or None: it decides the result's shape and so must be known."""
    if axis is None:
        return None
    if isinstance(axis, Tracer):
        return operator.index(axis)
    return (
        tuple(operator.index(a) for a in axis) if isinstance(axis, (tuple, list, np.ndarray)) else operator.index(axis)
    )


def _is_half(dtype) -> bool:
    """16-bit floats: their sums are computed in float32."""
    return dtypes.issubdtype(dtype, np.floating) and dtype.itemsize == 2


def _upcast_half(dtype):
    return np.dtype("float32") if _is_half(dtype) else dtype


def _promote_integer(dtype):
    """Small integers and booleans are summed in the default integer type of their kind."""
    if dtype.kind == "b":
        return default_int_dtype()
    for kind, default in (
        (np.unsignedinteger, default_uint_dtype),
        (np.integer, default_int_dtype),
    ):
        if dtypes.issubdtype(dtype, kind):
            return default() if dtype.itemsize < default().itemsize else dtype
    return dtype


def check_where(name: str, where: Any):
    if where is None:
        return None
    where = ensure_arraylike(name, where)
    if where.dtype != bool:
        raise ValueError(f"jnp.{name}: where must be None or a boolean array; got where.dtype={where.dtype!r}.")
    return where


def _identity(dtype, value) -> np.ndarray:
    """The starting value of a reduction in a dtype: for integers, infinity is their largest."""
    if dtype.kind == "b":
        return np.array(value > 0)
    if math.isinf(value) and dtypes.issubdtype(dtype, np.integer):
        info = dtypes.iinfo(dtype)
        value = info.max if value > 0 else info.min
    return np.array(value, dtype)


def _reduce(
    a: Any,
    name: str,
    bind: Callable,
    combine: Callable,
    identity: float | None,
    *,
    axis: Axis,
    keepdims: bool,
    initial: Any,
    where: Any,
    dtype: Any = None,
    start: float | None = None,
    prepare: Callable | None = None,
    promote_integers: bool = False,
    upcast_half: bool = False,
) -> Array:
    """A reduction: `bind(x, axes)` reduces an array, `combine(x, y)` joins two results.

    `identity` is None where empty reductions are an error; `start` then is what masked elements count as.
    """
    a = ensure_arraylike(name, a)
    where = check_where(name, where)
    if identity is None and where is not None and initial is None:
        raise ValueError(
            f"reduction operation {name} does not have an identity, so to use a where mask one has to specify 'initial'"
        )
    a = prepare(a) if prepare else a
    axes = canonicalize_axis_tuple(_static_axis(axis), len(a.shape))
    if identity is None and initial is None and builtins.any(a.shape[d] == 0 for d in axes):
        raise ValueError(f"zero-size array to reduction operation {name} which has no identity")
    dtype = user_dtype(dtype, name)
    result_dtype = dtype or (_promote_integer(a.dtype) if promote_integers else a.dtype)
    a = convert_element_type(a, _upcast_half(result_dtype) if upcast_half and dtype is None else result_dtype)
    if where is not None:
        a = _where(where, a, _identity(a.dtype, start if identity is None else identity))
    result = bind(a, axes)
    if initial is not None:
        initial = convert(initial, a.dtype)
        if initial.shape:
            raise ValueError(f"initial value must be a scalar. Got array of shape {initial.shape}")
        result = combine(initial, result)
    if keepdims:
        result = expand_dims(result, axes)
    return convert_element_type(result, result_dtype)


def _numeric(x: Array) -> Array:
    return promote_dtypes_numeric(x)[0]


def _truth(x: Array) -> Array:
    x = ew.real_p.bind(x) if dtypes.issubdtype(x.dtype, np.complexfloating) else x
    return convert_element_type(x, np.dtype(bool))


def _bind_sum(x: Array, axes: tuple[int, ...]) -> Array:
    if x.dtype == bool:
        return lax.reduce_or_p.bind(x, axes=axes)
    return lax.reduce_sum_p.bind(x, axes=axes, out_sharding=None)


def _bind_prod(x: Array, axes: tuple[int, ...]) -> Array:
    if x.dtype == bool:
        return lax.reduce_and_p.bind(x, axes=axes)
    return lax.reduce_prod_p.bind(x, axes=axes)


def _add(x, y):
    return ew.or_p.bind(x, y) if x.dtype == bool else ew.add_p.bind(x, y)


def _multiply(x, y):
    return ew.and_p.bind(x, y) if x.dtype == bool else ew.mul_p.bind(x, y)


# ---------------------------------------------------------------------------------------------------------------------
# Sums, products, extremes, truth


def sum(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None, promote_integers=True):
    """The sum over axes (`jax.numpy.sum`). Booleans and small integers are summed as int32.

    >>> sum(np.float32([1, 2, 3]))
    Array(6., dtype=float32)
    """
    check_no_out("sum", out)
    return _reduce(
        a, "sum", _bind_sum, _add, 0, axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where,
        prepare=_numeric, promote_integers=promote_integers, upcast_half=True,
    )  # fmt: skip


def prod(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None, promote_integers=True):
    """The product over axes (`jax.numpy.prod`)."""
    check_no_out("prod", out)
    return _reduce(
        a, "prod", _bind_prod, _multiply, 1, axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where,
        prepare=_numeric, promote_integers=promote_integers, upcast_half=True,
    )  # fmt: skip


def max(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """The largest element over axes (`jax.numpy.max`); NaN if one is. ValueError if there is none."""
    check_no_out("max", out)
    return _reduce(
        a, "max", lambda x, axes: lax.reduce_max_p.bind(x, axes=axes), ew.max_p.bind, None,
        start=-math.inf, axis=axis, keepdims=keepdims, initial=initial, where=where,
    )  # fmt: skip


def min(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """The smallest element over axes (`jax.numpy.min`); NaN if one is. ValueError if there is none."""
    check_no_out("min", out)
    return _reduce(
        a, "min", lambda x, axes: lax.reduce_min_p.bind(x, axes=axes), ew.min_p.bind, None,
        start=math.inf, axis=axis, keepdims=keepdims, initial=initial, where=where,
    )  # fmt: skip


def amax(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """As `max` (`jax.numpy.amax`)."""
    return max(a, axis, out, keepdims, initial, where)


def amin(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """As `min` (`jax.numpy.amin`)."""
    return min(a, axis, out, keepdims, initial, where)


def all(a, axis=None, out=None, keepdims=False, *, where=None):
    """Whether all elements over axes are true (`jax.numpy.all`)."""
    check_no_out("all", out)
    return _reduce(
        a, "all", lambda x, axes: lax.reduce_and_p.bind(x, axes=axes), ew.and_p.bind, 1,
        axis=axis, keepdims=keepdims, initial=None, where=where, prepare=_truth,
    )  # fmt: skip


def any(a, axis=None, out=None, keepdims=False, *, where=None):
    """Whether some element over axes is true (`jax.numpy.any`)."""
    check_no_out("any", out)
    return _reduce(
        a, "any", lambda x, axes: lax.reduce_or_p.bind(x, axes=axes), ew.or_p.bind, 0,
        axis=axis, keepdims=keepdims, initial=None, where=where, prepare=_truth,
    )  # fmt: skip


def ptp(a, axis=None, out=None, keepdims=False):
    """The largest minus the smallest element over axes (`jax.numpy.ptp`)."""
    check_no_out("ptp", out)
    a = ensure_arraylike("ptp", a)
    return ew.sub_p.bind(max(a, axis, keepdims=keepdims), min(a, axis, keepdims=keepdims))


def count_nonzero(a, axis=None, keepdims=False):
    """How many elements are not zero (`jax.numpy.count_nonzero`)."""
    a = ensure_arraylike("count_nonzero", a)
    return sum(ew.ne_p.bind(a, const(a, 0)), axis, default_int_dtype(), keepdims=keepdims)


# ---------------------------------------------------------------------------------------------------------------------
# Means and variances


def _count(a: Array, axis: Axis, keepdims: bool, where: Array | None, dtype) -> Array:
    """How many elements a mean divides by."""
    if where is None:
        axes = canonicalize_axis_tuple(axis, len(a.shape))
        return ArrayImpl(np.asarray(math.prod(a.shape[d] for d in axes), dtype))
    return sum(broadcast_to(where, a.shape), axis, dtype=dtype, keepdims=keepdims)


def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=None):
    """The mean over axes (`jax.numpy.mean`); a float, also of integers.

    >>> mean(np.float32([1, 2, 6]))
    Array(3., dtype=float32)
    """
    check_no_out("mean", out)
    a = ensure_arraylike("mean", a)
    where, axis = check_where("mean", where), _static_axis(axis)
    result_dtype = dtypes.to_inexact_dtype(a.dtype) if dtype is None else user_dtype(dtype, "mean")
    work_dtype = _upcast_half(result_dtype) if dtype is None else result_dtype
    count = _count(a, axis, keepdims, where, work_dtype)
    total = sum(a, axis, dtype=work_dtype, keepdims=keepdims, where=where)
    return convert_element_type(ew.div_p.bind(total, count), result_dtype)


def average(a, axis=None, weights=None, returned=False, keepdims=False):
    """The mean over axes, weighted (`jax.numpy.average`); with `returned`, also the sum of the weights."""
    axis = _static_axis(axis)
    if weights is None:
        (a,) = promote_dtypes_inexact(ensure_arraylike("average", a))
        result = mean(a, axis, keepdims=keepdims)
        total = _count(a, axis, keepdims, None, result.dtype)
    else:
        a, weights = promote_dtypes_inexact(*ensure_arraylike("average", a, weights))
        weights = _weights_along(weights, a.shape, axis)
        total = sum(weights, axis, keepdims=keepdims)
        result = ew.div_p.bind(sum(ew.mul_p.bind(a, weights), axis, keepdims=keepdims), total)
    return (result, broadcast_to(total, result.shape)) if returned else result


def _weights_along(weights: Array, shape: tuple[int, ...], axis: Axis) -> Array:
    if weights.shape == shape:
        return weights
    if axis is None:
        raise ValueError("Axis must be specified when shapes of a and weights differ.")
    axes = canonicalize_axis_tuple(axis, len(shape))
    if weights.shape != tuple(shape[a] for a in axes):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    weights = lax.transpose(weights, tuple(np.argsort(axes).tolist()))
    return lax.reshape(weights, tuple(d if i in axes else 1 for i, d in enumerate(shape)))


def _correction(ddof, correction):
    if correction is None:
        return ddof
    if not isinstance(ddof, int) or ddof != 0:
        raise ValueError("ddof and correction can't be provided simultaneously.")
    return correction


def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=None, mean=None, correction=None):
    """The variance over axes (`jax.numpy.var`): the mean squared distance from the mean; NaN where n - ddof <= 0."""
    check_no_out("var", out)
    correction = _correction(ddof, correction)
    a = ensure_arraylike("var", a)
    where, axis = check_where("var", where), _static_axis(axis)
    work_dtype, dtype = _variance_dtypes(a.dtype, user_dtype(dtype, "var"))
    a = convert_element_type(a, work_dtype)
    if mean is None:
        center = _mean(a, axis, dtype=work_dtype, keepdims=True, where=where)
    else:
        center = convert_element_type(ensure_arraylike("var", mean), work_dtype)
    squares = _squared_size(ew.sub_p.bind(*_same_rank(a, center)))
    count = _count(a, axis, keepdims, where, squares.dtype)
    divisor = ew.sub_p.bind(count, convert(correction, squares.dtype))
    total = sum(squares, axis, dtype=squares.dtype, keepdims=keepdims, where=where)
    result = convert_element_type(ew.div_p.bind(total, divisor), dtype)
    return _where(ew.gt_p.bind(divisor, const(divisor, 0)), result, math.nan)


_mean = mean


def _same_rank(x: Array, y: Array) -> tuple[Array, Array]:
    ndim = len(x.shape) if len(x.shape) > len(y.shape) else len(y.shape)
    x, y = (expand_dims(z, range(ndim - len(z.shape))) if z.shape else z for z in (x, y))
    return x, y


def _squared_size(x: Array) -> Array:
    if dtypes.issubdtype(x.dtype, np.complexfloating):
        return ew.real_p.bind(ew.mul_p.bind(x, ew.conj(x)))
    return ew.square_p.bind(x)


def _variance_dtypes(of, dtype):
    """(the dtype to compute in, the result's dtype)"""
    if dtype is not None:
        if dtypes.issubdtype(of, np.complexfloating) and not dtypes.issubdtype(dtype, np.complexfloating):
            raise ValueError(
                "jax.numpy.var does not yet support real dtype parameters when computing the variance of an array of"
                " complex values. Take jnp.real of the result, or leave dtype out."
            )
        return _upcast_half(dtype), dtype
    if not dtypes.issubdtype(of, np.inexact):
        dtype = dtypes.to_inexact_dtype(of)
        return dtype, dtype
    return _upcast_half(of), np.zeros(0, of).real.dtype


def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=None, mean=None, correction=None):
    """The standard deviation over axes (`jax.numpy.std`): the square root of the variance."""
    check_no_out("std", out)
    dtype = user_dtype(dtype, "std")
    if dtype is not None and not dtypes.issubdtype(dtype, np.inexact):
        raise ValueError(f"dtype argument to jnp.std must be inexact; got {dtype}")
    correction = _correction(ddof, correction)
    return ew.sqrt_p.bind(var(a, axis, dtype, keepdims=keepdims, where=where, mean=mean, correction=correction))


# ---------------------------------------------------------------------------------------------------------------------
# Where the largest is


def _arg(name: str, primitive_name: str):
    def function(a, axis=None, out=None, keepdims=None):
        a = ensure_arraylike(name, a)
        check_no_out(name, out)
        ndim = len(a.shape)
        if axis is None:
            a, position, axes = lax.reshape(a, (a.size,)), 0, tuple(range(ndim))
        else:
            position = canonicalize_axis(axis, ndim)
            axes = (position,)
        if a.shape[position] == 0:
            raise ValueError(f"attempt to get {name} of an empty sequence")
        result = getattr(lax, primitive_name)(a, position, default_int_dtype())
        return expand_dims(result, axes) if keepdims else result

    function.__name__ = function.__qualname__ = name
    which = "largest" if name == "argmax" else "smallest"
    function.__doc__ = f"The index of the first {which} element along an axis, or of all (`jax.numpy.{name}`)."
    return function


argmax, argmin = _arg("argmax", "argmax"), _arg("argmin", "argmin")


def _nan_arg(name: str, plain: Callable, filler: float):
    def function(a, axis=None, out=None, keepdims=None):
        a = ensure_arraylike(name, a)
        check_no_out(name, out)
        if not dtypes.issubdtype(a.dtype, np.inexact):
            return plain(a, axis, keepdims=keepdims)
        missing = isnan(a)
        found = plain(_where(missing, filler, a), axis, keepdims=keepdims)
        return _where(all(missing, axis, keepdims=bool(keepdims)), -1, found)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"As `{name[3:]}`, not looking at NaN (`jax.numpy.{name}`); -1 where all are NaN."
    return function


nanargmax, nanargmin = _nan_arg("nanargmax", argmax, -math.inf), _nan_arg("nanargmin", argmin, math.inf)


# ---------------------------------------------------------------------------------------------------------------------
# Not looking at NaN


def _nan_reduce(a, name, plain, filler, nan_if_all_nan, axis, keepdims, where, **options):
    a = ensure_arraylike(name, a)
    if not dtypes.issubdtype(a.dtype, np.inexact):
        return plain(a, axis=axis, keepdims=keepdims, where=where, **options)
    filled = _where(isnan(a), _identity(a.dtype, filler), a)
    result = plain(filled, axis=axis, keepdims=keepdims, where=where, **options)
    if not nan_if_all_nan:
        return result
    return _where(all(isnan(a), axis=axis, keepdims=keepdims), const(a, math.nan), result)


def nansum(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None):
    """The sum of what is not NaN (`jax.numpy.nansum`)."""
    check_no_out("nansum", out)
    return _nan_reduce(a, "nansum", sum, 0, False, axis, keepdims, where, dtype=dtype, initial=initial)


def nanprod(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None):
    """The product of what is not NaN (`jax.numpy.nanprod`)."""
    check_no_out("nanprod", out)
    return _nan_reduce(a, "nanprod", prod, 1, False, axis, keepdims, where, dtype=dtype, initial=initial)


def nanmax(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """The largest of what is not NaN (`jax.numpy.nanmax`); NaN where all are."""
    check_no_out("nanmax", out)
    return _nan_reduce(a, "nanmax", max, -math.inf, initial is None, axis, keepdims, where, initial=initial)


def nanmin(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """The smallest of what is not NaN (`jax.numpy.nanmin`); NaN where all are."""
    check_no_out("nanmin", out)
    return _nan_reduce(a, "nanmin", min, math.inf, initial is None, axis, keepdims, where, initial=initial)


def nanmean(a, axis=None, dtype=None, out=None, keepdims=False, where=None):
    """The mean of what is not NaN (`jax.numpy.nanmean`)."""
    check_no_out("nanmean", out)
    a = ensure_arraylike("nanmean", a)
    if not dtypes.issubdtype(a.dtype, np.inexact):
        return mean(a, axis, dtype, keepdims=keepdims, where=where)
    dtype = a.dtype if dtype is None else user_dtype(dtype, "nanmean")
    count = sum(logical_not(isnan(a)), axis, dtype=dtype, keepdims=keepdims, where=where)
    return ew.div_p.bind(nansum(a, axis, dtype=dtype, keepdims=keepdims, where=where), count)


def nanvar(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, where=None, mean=None):
    """The variance of what is not NaN (`jax.numpy.nanvar`)."""
    check_no_out("nanvar", out)
    a = ensure_arraylike("nanvar", a)
    work_dtype, dtype = _variance_dtypes(a.dtype, user_dtype(dtype, "nanvar"))
    a = convert_element_type(a, work_dtype)
    if mean is None:
        center = nanmean(a, axis, dtype=work_dtype, keepdims=True, where=where)
    else:
        center = convert_element_type(ensure_arraylike("nanvar", mean), work_dtype)
    missing = isnan(a)
    squares = _squared_size(_where(missing, 0, ew.sub_p.bind(*_same_rank(a, center))))
    count = sum(logical_not(missing), axis, keepdims=keepdims, where=where) - ddof
    none_left = count <= 0
    total = _where(none_left, math.nan, sum(squares, axis, keepdims=keepdims, where=where))
    divisor = convert_element_type(_where(none_left, 1, count), total.dtype)
    return convert_element_type(ew.div_p.bind(total, divisor), dtype)


def nanstd(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, where=None, mean=None):
    """The standard deviation of what is not NaN (`jax.numpy.nanstd`)."""
    check_no_out("nanstd", out)
    return ew.sqrt_p.bind(nanvar(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=where, mean=mean))


# ---------------------------------------------------------------------------------------------------------------------
# Cumulative sums and products


def _cumulative(name, bind, a, axis, dtype, out=None, fill_nan=None, promote_integers=False):
    a = ensure_arraylike(name, a)
    if out is not None:
        raise NotImplementedError(f"The 'out' argument to jnp.{name} is not supported")
    if axis is None or not a.shape:
        a = lax.reshape(a, (a.size,))
    axis = canonicalize_axis(0 if axis is None else axis, len(a.shape))
    if fill_nan is not None:
        a = _where(isnan(a), const(a, fill_nan), a)
    if dtype is None:
        result_dtype = _promote_integer(a.dtype) if promote_integers or a.dtype == bool else a.dtype
        work_dtype = result_dtype
    else:
        result_dtype = work_dtype = user_dtype(dtype, name)
        if result_dtype.kind == "b":
            a = a if a.dtype == bool else ew.ne_p.bind(a, const(a, 0))
            work_dtype = _promote_integer(result_dtype)
    result = bind(convert_element_type(a, work_dtype), axis)
    return convert_element_type(result, result_dtype)


def _bind_cumsum(x, axis):
    return lax.cumsum_p.bind(x, axis=axis, reverse=False)


def _bind_cumprod(x, axis):
    return lax.cumprod_p.bind(x, axis=axis, reverse=False)


def cumsum(a, axis=None, dtype=None, out=None):
    """The sums of the first elements along an axis, or of all (`jax.numpy.cumsum`)."""
    return _cumulative("cumsum", _bind_cumsum, a, axis, dtype, out)


def cumprod(a, axis=None, dtype=None, out=None):
    """The products of the first elements along an axis, or of all (`jax.numpy.cumprod`)."""
    return _cumulative("cumprod", _bind_cumprod, a, axis, dtype, out)


def nancumsum(a, axis=None, dtype=None, out=None):
    """As `cumsum`, NaN counting as 0 (`jax.numpy.nancumsum`)."""
    return _cumulative("nancumsum", _bind_cumsum, a, axis, dtype, out, fill_nan=0)


def nancumprod(a, axis=None, dtype=None, out=None):
    """As `cumprod`, NaN counting as 1 (`jax.numpy.nancumprod`)."""
    return _cumulative("nancumprod", _bind_cumprod, a, axis, dtype, out, fill_nan=1)


def _array_api_cumulative(name, bind, word, x, axis, dtype, include_initial, first, promote_integers):
    x = ensure_arraylike(name, x)
    if not x.shape:
        raise ValueError(
            f"The input must be non-scalar to take a cumulative {word}, however a scalar value or scalar array was"
            " given."
        )
    if axis is None:
        if len(x.shape) > 1:
            raise ValueError(
                f"The input array has rank {len(x.shape)}, however axis was not set to an explicit value. The axis"
                " argument is only optional for one-dimensional arrays."
            )
        axis = 0
    axis = canonicalize_axis(axis, len(x.shape))
    result = _cumulative(name, bind, x, axis, dtype, promote_integers=promote_integers)
    if not include_initial:
        return result
    shape = tuple(1 if i == axis else d for i, d in enumerate(x.shape))
    return lax.concatenate([full(shape, first, result.dtype), result], axis)


def cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False):
    """`cumsum` of the array API (`jax.numpy.cumulative_sum`); with `include_initial`, 0 comes first."""
    return _array_api_cumulative("cumulative_sum", _bind_cumsum, "sum", x, axis, dtype, include_initial, 0, True)


def cumulative_prod(x, /, *, axis=None, dtype=None, include_initial=False):
    """`cumprod` of the array API (`jax.numpy.cumulative_prod`); with `include_initial`, 1 comes first."""
    return _array_api_cumulative("cumulative_prod", _bind_cumprod, "product", x, axis, dtype, include_initial, 1, False)


# ---------------------------------------------------------------------------------------------------------------------
# Quantiles

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def quantile(
    a,
    q,
    axis=None,
    out=None,
    overwrite_input=False,
    method="linear",
    keepdims=False,
    *,
    weights=None,
    interpolation=None,
):
    """The value below which a fraction `q` of the elements lies (`jax.numpy.quantile`).

    q: a number in [0, 1], or a vector of them, which becomes the result's first axis. NaN if an element is NaN.

    >>> quantile(np.float32([1, 2, 3, 4]), 0.5)
    Array(2.5, dtype=float32)
    """
    return _quantile("quantile", a, q, axis, out, overwrite_input, method, keepdims, weights, skip_nan=False)


def nanquantile(
    a,
    q,
    axis=None,
    out=None,
    overwrite_input=False,
    method="linear",
    keepdims=False,
    *,
    weights=None,
    interpolation=None,
):
    """As `quantile`, not looking at NaN (`jax.numpy.nanquantile`)."""
    return _quantile("nanquantile", a, q, axis, out, overwrite_input, method, keepdims, weights, skip_nan=True)


def percentile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    """`quantile` in percent (`jax.numpy.percentile`)."""
    (q,) = promote_dtypes_inexact(ensure_arraylike("percentile", a, q)[1])
    return _quantile("percentile", a, q / 100, axis, out, overwrite_input, method, keepdims, weights, skip_nan=False)


def nanpercentile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    """`nanquantile` in percent (`jax.numpy.nanpercentile`)."""
    (q,) = promote_dtypes_inexact(ensure_arraylike("nanpercentile", a, q)[1])
    return _quantile("nanpercentile", a, q / 100, axis, out, overwrite_input, method, keepdims, weights, skip_nan=True)


def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    """The middle element, or the mean of the two in the middle (`jax.numpy.median`)."""
    return quantile(a, 0.5, axis, out, overwrite_input, "midpoint", keepdims)


def nanmedian(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    """As `median`, not looking at NaN (`jax.numpy.nanmedian`)."""
    return nanquantile(a, 0.5, axis, out, overwrite_input, "midpoint", keepdims)


def _quantile(name, a, q, axis, out, overwrite_input, method, keepdims, weights, skip_nan):
    a, q = ensure_arraylike(name, a, q)
    if overwrite_input or out is not None:
        raise ValueError(f"jax.numpy.{name} does not support overwrite_input=True or out != None")
    if weights is not None:
        raise NotImplementedError(f"minijax: the 'weights' argument to jnp.{name} is not supported.")
    if method not in _METHODS:
        raise ValueError(f"method can only be one of {', '.join(map(repr, _METHODS))}; got {method!r}")
    (a,) = promote_dtypes_inexact(a)
    if dtypes.issubdtype(a.dtype, np.complexfloating):
        raise ValueError("quantile does not support complex input, as the operation is poorly defined.")
    if len(q.shape) > 1:
        raise ValueError(f"q must be have rank <= 1, got shape {q.shape}")
    (q,) = promote_dtypes_inexact(q)
    axes = canonicalize_axis_tuple(_static_axis(axis), len(a.shape))
    a, kept = _to_last_axis(a, axes)
    low, high, weight = _neighbours(lax.sort(a, dimension=-1), q, skip_nan)
    result = _between(low, high, weight, method)
    if not skip_nan:
        result = _where(any(isnan(a), -1), math.nan, result)
    result = convert_element_type(result, a.dtype)
    return expand_dims(result, [len(q.shape) + d for d in axes]) if keepdims else result


def _to_last_axis(a: Array, axes: tuple[int, ...]) -> tuple[Array, tuple[int, ...]]:
    """The reduced axes as one, the last; and the others."""
    kept = tuple(i for i in range(len(a.shape)) if i not in axes)
    a = lax.transpose(a, (*kept, *axes))
    sizes = tuple(a.shape[: len(kept)])
    return lax.reshape(a, (*sizes, math.prod(a.shape[len(kept) :]))), kept


def _neighbours(ordered: Array, q: Array, skip_nan: bool) -> tuple[Array, Array, Array]:
    """The two elements around each quantile, q's axes first, and how far it lies between them."""
    n = ordered.shape[-1]
    rank = len(q.shape)
    if skip_nan:
        count = sum(logical_not(isnan(ordered)), -1, dtype=q.dtype)
    else:
        count = full(ordered.shape[:-1], n, q.dtype)
    q = expand_dims(q, range(rank, rank + len(ordered.shape) - 1))
    last = expand_dims(count, range(rank)) - 1
    position = q * last
    floor, ceil = ew.floor_p.bind(position), ew.ceil_p.bind(position)
    weight = position - floor

    def element(index):
        # At least 0, where skip_nan leaves no element.
        index = ew.max_p.bind(const(index, 0), ew.min_p.bind(index, last))
        return _pick_last(ordered, convert_element_type(index, default_int_dtype()), rank)

    return element(floor), element(ceil), weight


def _pick_last(ordered: Array, index: Array, rank: int) -> Array:
    """ordered[..., index], where `index` has `rank` more axes in front."""
    last = len(ordered.shape) - 1
    numbers = lax.GatherDimensionNumbers(
        offset_dims=(),
        collapsed_slice_dims=(last,),
        start_index_map=(last,),
        operand_batching_dims=tuple(range(last)),
        start_indices_batching_dims=tuple(range(rank, rank + last)),
    )
    places = expand_dims(index, [len(index.shape)])
    return lax.gather(ordered, places, numbers, (1,) * (last + 1), mode="promise_in_bounds")


def _between(low: Array, high: Array, weight: Array, method: str) -> Array:
    if method == "lower":
        return low
    if method == "higher":
        return high
    if method == "nearest":
        return _where(weight <= 0.5, low, high)
    if method == "midpoint":
        return (low + high) * 0.5
    low, high = convert_element_type(low, weight.dtype), convert_element_type(high, weight.dtype)
    return low * (1 - weight) + high * weight
