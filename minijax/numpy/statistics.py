"""Means, variances and covariances."""

from __future__ import annotations

import math
from typing import Any, Literal, overload

import numpy as np

from .. import lax
from ..core.array import number
from ..core.traces import Array
from ..core.types import ArrayLike, DTypeLike
from ..foundation import dtypes
from ..foundation.tracebacks import hide_our_frames
from ..primitives import elementwise as ew
from ..primitives.basis import const, expand_dims
from ..primitives.elementwise import convert_element_type
from ..primitives.sizes import known_value
from . import number_kinds, ufuncs
from .contractions import dot
from .creation import asarray, full
from .diagonals import diag
from .manipulation import atleast_2d, concatenate, squeeze, transpose
from .reductions import check_where, half_to_float32, split_axis, static_axis, sum
from .util import (
    Axis,
    canonicalize_axis_tuple,
    check_arraylike,
    check_no_out,
    convert,
    ensure_arraylike,
    promote_dtypes_inexact,
    to_shape,
    user_dtype,
)
from .util import where as _where

# ---------------------------------------------------------------------------------------------------------------------
# Means and variances


def _count(a: Array, axis: Axis, keepdims: bool, where: Array | None, dtype) -> Array:
    """The number of elements that a mean divides by."""
    if where is None:
        try:
            axes, names = split_axis(axis, len(a.shape), IndexError)
            sizes = [*[a.shape[d] for d in axes], *map(lax.axis_size, names)]
        except Exception as error:
            hide_our_frames(error)
            raise
        return number(np.asarray(math.prod(sizes), dtype))
    return sum(to_shape(where, a.shape), axis, dtype=dtype, keepdims=keepdims)


def mean(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: ArrayLike | None = None,
) -> Array:
    """The mean over axes (`jax.numpy.mean`), which is a float even for integers.

    >>> mean(np.float32([1, 2, 6]))
    Array(3., dtype=float32)
    """
    check_no_out("mean", out)
    a = ensure_arraylike("mean", a)
    where, axis = check_where("mean", where), static_axis(axis)
    result_dtype = dtypes.to_inexact_dtype(a.dtype) if dtype is None else user_dtype(dtype, "mean")
    work_dtype = half_to_float32(result_dtype) if dtype is None else result_dtype
    count = _count(a, axis, keepdims, where, work_dtype)
    total = sum(a, axis, dtype=work_dtype, keepdims=keepdims, where=where)
    return convert_element_type(ew.div_p.bind(total, count), result_dtype)


@overload
def average(
    a: ArrayLike,
    axis: Axis = None,
    weights: ArrayLike | None = None,
    returned: Literal[False] = False,
    keepdims: bool = False,
) -> Array: ...
@overload
def average(
    a: ArrayLike,
    axis: Axis = None,
    weights: ArrayLike | None = None,
    *,
    returned: Literal[True],
    keepdims: bool = False,
) -> tuple[Array, Array]: ...
def average(
    a: ArrayLike, axis: Axis = None, weights: ArrayLike | None = None, returned: bool = False, keepdims: bool = False
) -> Any:
    """The weighted mean over axes (`jax.numpy.average`); with `returned`, also the sum of the weights.

    >>> import minijax.numpy as jnp
    >>> jnp.average(jnp.array([1.0, 3.0]), weights=jnp.array([3.0, 1.0]))
    Array(1.5, dtype=float32)
    """
    axis = static_axis(axis)
    if weights is None:
        (a,) = promote_dtypes_inexact(ensure_arraylike("average", a))
        split_axis(axis, len(a.shape))  # Raises ValueError, where `mean` raises IndexError.
        result = mean(a, axis, keepdims=keepdims)
        total = _count(a, axis, keepdims, None, result.dtype)
    else:
        a, weights = promote_dtypes_inexact(*ensure_arraylike("average", a, weights))
        weights = _weights_along(weights, a.shape, axis)
        total = sum(weights, axis, keepdims=keepdims)
        result = ew.div_p.bind(sum(ew.mul_p.bind(a, weights), axis, keepdims=keepdims), total)
    return (result, to_shape(total, result.shape)) if returned else result


def _weights_along(weights: Array, shape: tuple[int, ...], axis: Axis) -> Array:
    if weights.shape == shape:
        return weights
    if axis is None:
        raise ValueError(
            f"jnp.average: Axis must be specified when shapes of a and weights differ, as {shape} and {weights.shape} do."
        )
    axes = canonicalize_axis_tuple(axis, len(shape))
    if weights.shape != tuple(shape[a] for a in axes):
        raise ValueError(
            "jnp.average: Shape of weights must be consistent with shape of a along specified axis, got"
            f" {weights.shape} and {shape}."
        )
    weights = lax.transpose(weights, tuple(np.argsort(axes).tolist()))
    return lax.reshape(weights, tuple(d if i in axes else 1 for i, d in enumerate(shape)))


def _correction(ddof, correction):
    if correction is None:
        return ddof
    if not isinstance(ddof, int) or ddof != 0:
        raise ValueError(
            f"jnp.var and jnp.std: ddof and correction can't be provided simultaneously, got {ddof} and {correction}."
        )
    return correction


def var(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    ddof: int = 0,
    keepdims: bool = False,
    *,
    where: ArrayLike | None = None,
    mean: ArrayLike | None = None,
    correction: int | float | None = None,
) -> Array:
    """The variance over axes (`jax.numpy.var`): the mean squared distance from the mean; NaN where n - ddof <= 0.

    >>> import minijax.numpy as jnp
    >>> jnp.var(jnp.array([1.0, 3.0]))
    Array(1., dtype=float32)
    """
    check_no_out("var", out)
    correction = _correction(ddof, correction)
    a = ensure_arraylike("var", a)
    where, axis = check_where("var", where), static_axis(axis)
    work_dtype, dtype = variance_dtypes(a.dtype, user_dtype(dtype, "var"))
    a = convert_element_type(a, work_dtype)
    if mean is None:
        center = _mean(a, axis, dtype=work_dtype, keepdims=True, where=where)
    else:
        center = convert_element_type(ensure_arraylike("var", mean), work_dtype)
    squares = squared_size(from_mean("var", a, center))
    count = _count(a, axis, keepdims, where, squares.dtype)
    divisor = ew.sub_p.bind(count, convert(correction, squares.dtype))
    total = sum(squares, axis, dtype=squares.dtype, keepdims=keepdims, where=where)
    result = convert_element_type(ew.div_p.bind(total, divisor), dtype)
    return _where(ew.gt_p.bind(divisor, const(divisor, 0)), result, math.nan)


_mean = mean


def from_mean(name: str, a: Array, center: Array) -> Array:
    """How far each element is from its mean."""
    ranks = len(a.shape), len(center.shape)
    if 0 not in ranks and ranks[0] != ranks[1]:
        raise TypeError(
            f"{name}: the mean must have as many dimensions as the array, {ranks[0]}, or none, got {ranks[1]}: compute it with"
            " keepdims=True."
        )
    return ew.sub_p.bind(a, center)


def squared_size(x: Array) -> Array:
    if dtypes.issubdtype(x.dtype, np.complexfloating):
        return ew.real_p.bind(ew.mul_p.bind(x, ew.conj(x)))
    return ew.square_p.bind(x)


def variance_dtypes(of, dtype):
    """(the dtype to compute in, the result's dtype)"""
    if dtype is not None:
        if dtypes.issubdtype(of, np.complexfloating) and not dtypes.issubdtype(dtype, np.complexfloating):
            raise ValueError(
                f"jax.numpy.var does not yet support real dtype parameters, such as {dtype}, when computing the variance of an"
                " array of complex values. Take jnp.real of the result, or leave dtype out."
            )
        return half_to_float32(dtype), dtype
    if not dtypes.issubdtype(of, np.inexact):
        dtype = dtypes.to_inexact_dtype(of)
        return dtype, dtype
    return half_to_float32(of), np.zeros(0, of).real.dtype


def std(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    ddof: int = 0,
    keepdims: bool = False,
    *,
    where: ArrayLike | None = None,
    mean: ArrayLike | None = None,
    correction: int | float | None = None,
) -> Array:
    """The standard deviation over axes (`jax.numpy.std`): the square root of the variance.

    >>> import minijax.numpy as jnp
    >>> jnp.std(jnp.array([1.0, 3.0]))
    Array(1., dtype=float32)
    """
    check_no_out("std", out)
    check_arraylike("std", a)
    dtype = user_dtype(dtype, "std")
    if dtype is not None and not dtypes.issubdtype(dtype, np.inexact):
        raise ValueError(f"dtype argument to jnp.std must be inexact; got {dtype}")
    correction = _correction(ddof, correction)
    return ew.sqrt_p.bind(var(a, axis, dtype, keepdims=keepdims, where=where, mean=mean, correction=correction))


# ---------------------------------------------------------------------------------------------------------------------
# Covariances


def cov(
    m: ArrayLike,
    y: ArrayLike | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: ArrayLike | None = None,
    aweights: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
) -> Array:
    """The covariances of variables (`jax.numpy.cov`). Each row is a variable; with `rowvar=False`, each column is.

    fweights: how often each observation occurs, integers; aweights: its weight. Raises RuntimeError if there are not as many as
    observations, TypeError for fweights of floats.

    >>> import minijax.numpy as jnp
    >>> jnp.cov(jnp.array([1.0, 3.0]))
    Array(2., dtype=float32)
    """
    check_arraylike("cov", m)
    m = asarray(m)
    if len(m.shape) > 2:
        raise ValueError(f"jnp.cov: m has more than 2 dimensions, shape {m.shape}")
    dtype = _dtype_of_products("cov", dtype)
    if y is None:
        (x,) = promote_dtypes_inexact(m)
    else:
        x, y = promote_dtypes_inexact(m, ensure_arraylike("cov", y))
        if len(y.shape) > 2:
            raise ValueError(f"jnp.cov: y has more than 2 dimensions, shape {y.shape}")
    x = _variables(x, rowvar)
    if not x.shape[0]:
        # JAX's equation, too, is a reshape of a constant.
        return lax.reshape(asarray(np.zeros(0)), (0, 0))
    x = x if y is None else concatenate([x, _variables(y, rowvar)], 0)
    if not x.shape[1]:
        return full((x.shape[0],) * 2 if x.shape[0] > 1 else (), np.nan, x.dtype)
    x = x if dtype is None else convert_element_type(x, dtype)
    ddof = (0 if bias else 1) if ddof is None else known_value(ddof, "jnp.cov's ddof")
    weights, by_weight = _observation_weights(x.shape[1], fweights, aweights)
    weights = weights if dtype is None or weights is None else convert_element_type(weights, x.dtype)
    means, total = average(x, axis=1, weights=weights, returned=True)
    total = total[0]
    if weights is None:
        divisor = x.shape[1] - ddof
    elif ddof == 0:
        divisor = total
    elif by_weight is None:
        divisor = total - ddof
    else:
        # Weights that are no counts leave fewer degrees of freedom.
        divisor = total - ddof * sum(weights * by_weight) / total
    x = x - expand_dims(means, [1])
    weighted = transpose(x if weights is None else x * expand_dims(weights, [0]))
    return squeeze(ufuncs.true_divide(dot(x, ufuncs.conj(weighted)), divisor))


def _observation_weights(count: int, fweights, aweights) -> tuple[Array | None, Array | None]:
    """(the product of the weights of `cov`, the second of them), or None for either."""
    found = []
    for name, weights in (("fweights", fweights), ("aweights", aweights)):
        if weights is None:
            found.append(None)
            continue
        weights = ensure_arraylike("cov", weights)
        if len(weights.shape) != 1:
            raise RuntimeError(f"jnp.cov: {name} must have one axis, but they have the shape {weights.shape}")
        if weights.shape[0] != count:
            raise RuntimeError(f"jnp.cov: incompatible numbers of samples and {name}: {count} and {weights.shape[0]}")
        if name == "fweights" and not dtypes.issubdtype(weights.dtype, np.integer):
            raise TypeError(f"jnp.cov: fweights must be integer, got {weights.dtype.name}.")
        # As in JAX; NumPy refuses negative weights.
        found.append(ufuncs.abs(weights))
    often, by_weight = found
    if often is None or by_weight is None:
        return (by_weight if often is None else often), by_weight
    return often * by_weight, by_weight


def _variables(x: Array, rowvar: bool) -> Array:
    try:
        rank = len(x.shape)
        x = atleast_2d(x)
        return transpose(x) if not rowvar and rank == 2 else x
    except Exception as error:
        hide_our_frames(error)
        raise


def _dtype_of_products(function: str, dtype):
    """The dtype that a user gave for products of deviations; ValueError unless it is inexact."""
    dtype = user_dtype(dtype, function)
    if dtype is not None and not dtypes.issubdtype(dtype, np.inexact):
        raise ValueError(f"{function}: dtype must be a subclass of float or complex; got dtype={dtype.name!r}")
    return dtype


def corrcoef(x: ArrayLike, y: ArrayLike | None = None, rowvar: bool = True, dtype: DTypeLike | None = None) -> Array:
    """The correlations of variables (`jax.numpy.corrcoef`). Each row is a variable; with `rowvar=False`, each column is.

    >>> import minijax.numpy as jnp
    >>> jnp.corrcoef(jnp.array([[1.0, 2.0], [2.0, 1.0]]))
    Array([[ 1., -1.],
           [-1.,  1.]], dtype=float32)
    """
    check_arraylike("corrcoef", x)
    c = cov(x, y, rowvar, dtype=_dtype_of_products("corrcoef", dtype))
    if not c.shape:
        return ufuncs.divide(c, c)
    deviation = convert_element_type(ufuncs.sqrt(ufuncs.real(diag(c))), c.dtype)
    c = c / expand_dims(deviation, [1]) / expand_dims(deviation, [0])
    real_part = number_kinds.clip(ufuncs.real(c), -1, 1)
    if not dtypes.issubdtype(c.dtype, np.complexfloating):
        return real_part
    return ew.complex_p.bind(real_part, number_kinds.clip(ufuncs.imag(c), -1, 1))
