"""Comparing whole arrays, counting, sets, differences, integrals, polynomials, convolution, statistics of pairs."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import lax
from ..api import derivatives as api
from ..core.traces import Array, Tracer
from ..foundation import dtypes, errors
from ..primitives import elementwise as ew
from ..primitives.basis import const, expand_dims
from ..primitives.elementwise import convert_element_type
from . import cumulative, reductions, statistics, ufuncs
from .arithmetic import power
from .choosing import nonzero
from .contractions import dot
from .creation import arange, array, asarray, full, linspace, ones, ones_like, zeros, zeros_like
from .diagonals import diag
from .manipulation import atleast_2d, concatenate, flip, moveaxis, ravel, reshape, squeeze, transpose
from .sorting import lexsort, searchsorted, sort
from .taking import take
from .util import (
    broadcast_shapes,
    broadcast_to,
    canonicalize_axis,
    canonicalize_axis_tuple,
    canonicalize_shape,
    check_arraylike,
    convert,
    default_int_dtype,
    ensure_arraylike,
    isnan,
    promote_args,
    promote_args_inexact,
    promote_dtypes,
    promote_dtypes_inexact,
    user_dtype,
    where,
)


def _slice(x: Array, start: int, stop: int, axis: int) -> Array:
    return lax.slice_in_dim(x, start, stop, axis=axis)


# ---------------------------------------------------------------------------------------------------------------------
# Comparing whole arrays


def isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether |a - b| <= atol + rtol |b| (`jax.numpy.isclose`); infinities are close to themselves."""
    a, b = promote_args("isclose", a, b)
    a, b = promote_args_inexact("isclose", a, b)
    real_dtype = np.zeros(0, a.dtype).real.dtype
    rtol, atol = convert(rtol, real_dtype), convert(atol, real_dtype)
    distance, bound = ew.abs_p.bind(ew.sub_p.bind(a, b)), ew.mul_p.bind(rtol, ew.abs_p.bind(b))
    in_range = ew.le_p.bind(distance, ew.add_p.bind(atol, bound))
    close = ew.or_p.bind(ew.eq_p.bind(a, b), ew.and_p.bind(ufuncs.isfinite(b), in_range))
    return ew.or_p.bind(close, ew.and_p.bind(isnan(a), isnan(b))) if equal_nan else close


def allclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether all elements are close (`jax.numpy.allclose`).

    >>> allclose(np.float32([1, 2]), np.float32([1, 2 + 1e-6]))
    Array(True, dtype=bool)
    """
    check_arraylike("allclose", a, b)
    return reductions.all(isclose(a, b, rtol, atol, equal_nan))


def array_equal(a1, a2, equal_nan=False):
    """Whether two arrays have the same shape and elements (`jax.numpy.array_equal`)."""
    a1, a2 = asarray(a1), asarray(a2)
    if a1.shape != a2.shape:
        return array(False)
    same = ufuncs.equal(a1, a2)
    if equal_nan:
        same = ufuncs.logical_or(same, ufuncs.logical_and(ufuncs.isnan(a1), ufuncs.isnan(a2)))
    return reductions.all(same)


def array_equiv(a1, a2):
    """Whether two arrays have the same elements after broadcasting (`jax.numpy.array_equiv`)."""
    a1, a2 = asarray(a1), asarray(a2)
    try:
        broadcast_shapes(a1.shape, a2.shape)
    except ValueError:
        return array(False)
    return reductions.all(ufuncs.equal(a1, a2))


# ---------------------------------------------------------------------------------------------------------------------
# Counting


def _known(x: Array, where_: str) -> Array:
    """The array itself, or ConcretizationTypeError for a tracer without a value."""
    return x._concrete(errors.concretization, where_) if isinstance(x, Tracer) else x


def bincount(x, weights=None, minlength=0, *, length=None):
    """How often each of 0, 1, 2, ... occurs, or the sum of its weights (`jax.numpy.bincount`).

    Under a transformation `length` must give the result's size; larger numbers are not counted then.

    >>> bincount(np.array([0, 2, 2]))
    Array([1, 0, 2], dtype=int32)
    """
    x = ensure_arraylike("bincount", x)
    x = convert_element_type(x, np.dtype("int32")) if x.dtype == bool else x
    if not dtypes.issubdtype(x.dtype, np.integer):
        raise TypeError(f"x argument to bincount must have an integer type; got {x.dtype}")
    if len(x.shape) != 1:
        raise ValueError("only 1-dimensional input supported.")
    if length is None:
        known = np.asarray(_known(x, "jnp.bincount (give it `length=`)"))
        length = max(operator.index(minlength), int(known.max(initial=-1)) + 1)
    weights = convert(1, default_int_dtype()) if weights is None else ensure_arraylike("bincount", weights)
    if weights.shape and weights.shape != x.shape:
        raise ValueError(f"shape of weights must match shape of x, got {weights.shape} and {x.shape}")
    places = ew.max_p.bind(const(x, 0), x)
    return zeros(operator.index(length), weights.dtype).at[places].add(weights, mode="drop")


def histogram_bin_edges(a, bins=10, range=None, weights=None):
    """The edges of equal bins over the range of the data (`jax.numpy.histogram_bin_edges`)."""
    if isinstance(bins, str):
        raise NotImplementedError("string values for `bins` not implemented.")
    a = ensure_arraylike("histogram_bin_edges", a)
    dtype = dtypes.to_inexact_dtype(a.dtype)
    if np.ndim(bins) == 1:
        return asarray(bins, dtype)
    low, high = (reductions.min(a), reductions.max(a)) if range is None else range
    low, high = convert(low, dtype), convert(high, dtype)
    same = low == high
    return linspace(where(same, low - 0.5, low), where(same, high + 0.5, high), operator.index(bins) + 1, dtype=dtype)


def histogram(a, bins=10, range=None, weights=None, density=None):
    """(how many elements fall into each bin, the bins' edges) (`jax.numpy.histogram`)."""
    if weights is None:
        (a,) = promote_dtypes_inexact(ensure_arraylike("histogram", a))
        weights = ones_like(a)
    else:
        a, weights = ensure_arraylike("histogram", a, weights)
        if a.shape != weights.shape:
            raise ValueError("weights should have the same shape as a.")
        a, weights = promote_dtypes_inexact(a, weights)
    edges = histogram_bin_edges(a, bins, range, weights)
    places = searchsorted(edges, a, "right")
    # The last bin holds its right edge too.
    places = where(a == edges[-1], edges.shape[0] - 1, places)
    counts = zeros(edges.shape[0], weights.dtype).at[places].add(weights)[1:]
    if density:
        counts = counts / diff(edges) / reductions.sum(counts)
    return counts, edges


# ---------------------------------------------------------------------------------------------------------------------
# Sets

_SIZE_HINT = "(give it `size=`, the size of the result)"


def unique(
    ar,
    return_index=False,
    return_inverse=False,
    return_counts=False,
    axis=None,
    *,
    equal_nan=True,
    size=None,
    fill_value=None,
    sorted=True,
):
    """The different elements, sorted (`jax.numpy.unique`); or slices along an axis.

    return_index: also where each is met first; return_inverse: also which of them each element is; return_counts: also
    how often each occurs. Under a transformation `size` must give how many there are; what is missing is filled with
    `fill_value`, else with the smallest.

    >>> unique(np.array([3, 1, 3]))
    Array([1, 3], dtype=int32)
    """
    ar = ensure_arraylike("unique", ar)
    if size is None:
        ar = _known(ar, f"jnp.unique {_SIZE_HINT}")
    rows = ravel(ar) if axis is None else ar
    axis_index = 0 if axis is None else canonicalize_axis(axis, len(ar.shape))
    results = _unique(rows, axis_index, equal_nan, size, fill_value)
    values, index, inverse, counts = results
    inverse = reshape(inverse, ar.shape) if axis is None else inverse
    chosen = [values]
    for wanted, result in ((return_index, index), (return_inverse, inverse), (return_counts, counts)):
        if wanted:
            chosen.append(result)
    return chosen[0] if len(chosen) == 1 else tuple(chosen)


def _unique(ar: Array, axis: int, equal_nan: bool, size: int | None, fill_value: Any):
    """(values, first index, inverse, counts)"""
    rows = moveaxis(ar, axis, 0)
    count = rows.shape[0]
    if count == 0:
        if size and fill_value is None:
            raise ValueError(
                "jnp.unique: for zero-sized input with nonzero size argument, fill_value must be specified"
            )
        empty = zeros(size or 0, int)
        shape = (size or 0, *rows.shape[1:])
        values = zeros(shape, rows.dtype) if fill_value is None else full(shape, fill_value, rows.dtype)
        return moveaxis(values, 0, axis), empty, zeros(0, int), empty
    columns = transpose(reshape(rows, (count, -1)))
    order = lexsort(flip(columns, 0)) if columns.shape[0] else arange(count)
    ordered = take(rows, order, 0)
    starts = _run_starts(ordered, equal_nan)
    how_many = int(np.count_nonzero(np.asarray(starts))) if size is None else operator.index(size)
    (places,) = nonzero(starts, size=how_many)
    total = reductions.sum(starts)
    values = take(ordered, places, 0)
    missing = arange(how_many) >= total
    if fill_value is not None:
        values = where(expand_dims(missing, range(1, len(values.shape))), convert(fill_value, values.dtype), values)
    run = cumulative.cumsum(starts) - 1
    inverse = zeros(count, int).at[order].set(run)
    counts = bincount(run, length=how_many)
    return moveaxis(values, 0, axis), take(order, places), inverse, counts


def _run_starts(ordered: Array, equal_nan: bool) -> Array:
    """Where a sorted element differs from the one before it."""
    before, behind = ordered[:-1], ordered[1:]
    different = before != behind
    if equal_nan and dtypes.issubdtype(ordered.dtype, np.inexact):
        different = different & ~(isnan(before) & isnan(behind))
    different = reductions.any(different, tuple(range(1, len(different.shape))))
    return concatenate([ones(1, bool), different])


class _UniqueAllResult(NamedTuple):
    values: Array
    indices: Array
    inverse_indices: Array
    counts: Array


class _UniqueCountsResult(NamedTuple):
    values: Array
    counts: Array


class _UniqueInverseResult(NamedTuple):
    values: Array
    inverse_indices: Array


def unique_all(x, /, *, size=None, fill_value=None):
    """`unique` with everything it can give; NaNs all differ (`jax.numpy.unique_all`)."""
    options = {"equal_nan": False, "size": size, "fill_value": fill_value}
    return _UniqueAllResult(*unique(x, True, True, True, **options))


def unique_counts(x, /, *, size=None, fill_value=None):
    """`unique` with counts; NaNs all differ (`jax.numpy.unique_counts`)."""
    options = {"equal_nan": False, "size": size, "fill_value": fill_value}
    return _UniqueCountsResult(*unique(x, return_counts=True, **options))


def unique_inverse(x, /, *, size=None, fill_value=None):
    """`unique` with the inverse; NaNs all differ (`jax.numpy.unique_inverse`)."""
    options = {"equal_nan": False, "size": size, "fill_value": fill_value}
    return _UniqueInverseResult(*unique(x, return_inverse=True, **options))


def unique_values(x, /, *, size=None, fill_value=None):
    """`unique`; NaNs all differ (`jax.numpy.unique_values`)."""
    return unique(x, equal_nan=False, size=size, fill_value=fill_value)


def isin(element, test_elements, assume_unique=False, invert=False, *, method="auto"):
    """Whether each element is among the test elements (`jax.numpy.isin`)."""
    element, tests = promote_dtypes(*ensure_arraylike("isin", element, test_elements))
    same = expand_dims(element, [len(element.shape)]) == reshape(tests, (1,) * len(element.shape) + (-1,))
    found = reductions.any(same, -1)
    return ufuncs.logical_not(found) if invert else found


def union1d(ar1, ar2, *, size=None, fill_value=None):
    """The elements of either array, sorted, each once (`jax.numpy.union1d`)."""
    check_arraylike("union1d", ar1, ar2)
    return unique(concatenate([ravel(ar1), ravel(ar2)]), size=size, fill_value=fill_value)


def intersect1d(ar1, ar2, assume_unique=False):
    """The elements of both arrays, sorted, each once (`jax.numpy.intersect1d`); for known values only."""
    one, two = promote_dtypes(*ensure_arraylike("intersect1d", ar1, ar2))
    one = unique(one)
    return one[np.asarray(_known(isin(one, two), "jnp.intersect1d"))]


def setdiff1d(ar1, ar2, assume_unique=False):
    """The elements of the first array that are not in the second (`jax.numpy.setdiff1d`); for known values only."""
    one, two = promote_dtypes(*ensure_arraylike("setdiff1d", ar1, ar2))
    one = ravel(one) if assume_unique else unique(one)
    return one[np.asarray(_known(isin(one, two, invert=True), "jnp.setdiff1d"))]


def setxor1d(ar1, ar2, assume_unique=False):
    """The elements of just one of the arrays (`jax.numpy.setxor1d`); for known values only."""
    one, two = promote_dtypes(*ensure_arraylike("setxor1d", ar1, ar2))
    return sort(concatenate([setdiff1d(one, two), setdiff1d(two, one)]))


# ---------------------------------------------------------------------------------------------------------------------
# Differences, integrals, interpolation


def diff(a, n=1, axis=-1, prepend=None, append=None):
    """The differences of neighbours along an axis, n times (`jax.numpy.diff`).

    >>> diff(np.array([1, 4, 9]))
    Array([3, 5], dtype=int32)
    """
    a = ensure_arraylike("diff", a)
    n = operator.index(n)
    if n == 0:
        return a
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    if not a.shape:
        raise ValueError(f"diff requires input that is at least one dimensional; got {a}")
    axis = canonicalize_axis(axis, len(a.shape))
    edge = tuple(1 if i == axis else d for i, d in enumerate(a.shape))

    def part(x):
        x = ensure_arraylike("diff", x)
        return x if x.shape else broadcast_to(x, edge)

    parts = [part(x) for x in (prepend, a, append) if x is not None]
    a = concatenate(parts, axis) if len(parts) > 1 else a
    subtract = ufuncs.not_equal if a.dtype == bool else ufuncs.subtract
    before, behind = ((slice(None),) * axis + (s,) for s in (slice(None, -1), slice(1, None)))
    for _ in range(n):
        a = subtract(a[behind], a[before])
    return a


def ediff1d(ary, to_end=None, to_begin=None):
    """The differences of neighbours in the flattened array (`jax.numpy.ediff1d`)."""
    a = ravel(ensure_arraylike("ediff1d", ary))
    parts = [diff(a)]
    if to_begin is not None:
        parts.insert(0, convert_element_type(ravel(to_begin), a.dtype))
    if to_end is not None:
        parts.append(convert_element_type(ravel(to_end), a.dtype))
    return concatenate(parts) if len(parts) > 1 else parts[0]


def gradient(f, *varargs, axis=None, edge_order=None):
    """The derivative along axes by central differences, by one-sided ones at the edges (`jax.numpy.gradient`).

    varargs: the spacing, one for all axes or one each; a number, or the coordinates along the axis.
    """
    if edge_order is not None:
        raise NotImplementedError("The 'edge_order' argument to jnp.gradient is not supported.")
    check_arraylike("gradient", f, *varargs)
    f, *spacing = promote_dtypes_inexact(f, *varargs)
    axes = canonicalize_axis_tuple(axis, len(f.shape))
    if not axes:
        return []
    if min(f.shape[a] for a in axes) < 2:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, at least 2 elements are required."
        )
    if len(spacing) not in (0, 1, len(axes)):
        raise TypeError(f"Invalid number of spacing arguments {len(spacing)} for axis={axis!r}")
    spacing = (spacing or [1.0]) * len(axes) if len(spacing) < 2 else spacing
    results = [_gradient_along(f, h, a) for h, a in zip(spacing, axes)]
    return results[0] if len(results) == 1 else results


def _gradient_along(f: Array, h: Any, axis: int) -> Array:
    n = f.shape[axis]
    first = _slice(f, 1, 2, axis) - _slice(f, 0, 1, axis)
    last = _slice(f, n - 1, n, axis) - _slice(f, n - 2, n - 1, axis)
    if np.ndim(h) == 0:
        inner = (_slice(f, 2, n, axis) - _slice(f, 0, n - 2, axis)) * 0.5 / h
        return concatenate([first / h, inner, last / h], axis)
    if np.ndim(h) > 1:
        raise ValueError("Spacing arrays must be 1D arrays or scalars.")
    if h.shape[0] != n:
        raise ValueError(
            "Spacing arrays must have the same length as the dimension along which the gradient is calculated."
        )
    steps = reshape(diff(h), tuple(n - 1 if i == axis else 1 for i in range(len(f.shape))))
    before, behind = _slice(steps, 0, n - 2, axis), _slice(steps, 1, n - 1, axis)
    inner = (
        -behind / (before * (before + behind)) * _slice(f, 0, n - 2, axis)
        + (behind - before) / (before * behind) * _slice(f, 1, n - 1, axis)
        + before / (behind * (before + behind)) * _slice(f, 2, n, axis)
    )
    return concatenate([first / _slice(steps, 0, 1, axis), inner, last / _slice(steps, n - 2, n - 1, axis)], axis)


def trapezoid(y, x=None, dx=1.0, axis=-1):
    """The integral along an axis by the trapezoidal rule (`jax.numpy.trapezoid`)."""
    if x is None:
        (y,) = promote_dtypes_inexact(ensure_arraylike("trapezoid", y))
        steps = asarray(dx)
    else:
        y, x = promote_dtypes_inexact(*ensure_arraylike("trapezoid", y, x))
        steps = diff(x) if len(x.shape) == 1 else moveaxis(diff(x, axis=axis), axis, -1)
    y = moveaxis(y, axis, -1)
    if not steps.shape:
        return steps * (reductions.sum(y, -1) - 0.5 * (y[..., 0] + y[..., -1]))
    return 0.5 * reductions.sum(steps * (y[..., 1:] + y[..., :-1]), -1)


def interp(x, xp, fp, left=None, right=None, period=None):
    """The piecewise linear function through the points (xp, fp), at x (`jax.numpy.interp`).

    xp rises. left, right: the value beyond the ends, the last one unless said, or "extrapolate". period: of x.

    >>> interp(1.5, np.float32([1, 2]), np.float32([10, 20]))
    Array(15., dtype=float32)
    """
    x, xp, fp = ensure_arraylike("interp", x, xp, fp)
    if xp.shape != fp.shape or len(xp.shape) != 1:
        raise ValueError("xp and fp must be one-dimensional arrays of equal size")
    for name, value in (("left", left), ("right", right)):
        if isinstance(value, str) and value != "extrapolate":
            raise ValueError(f"the only valid string value of `{name}` is 'extrapolate', but got: {value!r}")
    x, xp = promote_dtypes_inexact(x, xp)
    (fp,) = promote_dtypes_inexact(fp)
    if dtypes.issubdtype(x.dtype, np.complexfloating):
        raise ValueError("jnp.interp: complex x values not supported.")
    if period is not None:
        x, xp, fp = _unroll_period(x, xp, fp, period)
    i = ew.clamp_p.bind(
        convert(1, default_int_dtype()),
        searchsorted(xp, x, "right"),
        convert(xp.shape[0] - 1, default_int_dtype()),
    )
    x0, x1, f0, f1 = (take(p, j) for p in (xp, fp) for j in (i - 1, i))
    step = x1 - x0
    # Two points at one place: a jump, and no division by zero.
    jump = abs(step) <= np.spacing(np.finfo(xp.dtype).eps)
    result = where(jump, f0, f0 + (x - x0) / where(jump, 1, step) * (f1 - f0))
    if period is None and left != "extrapolate":
        result = where(x < xp[0], fp[0] if left is None else left, result)
    if period is None and right != "extrapolate":
        result = where(x > xp[-1], fp[-1] if right is None else right, result)
    return result


def _unroll_period(x: Array, xp: Array, fp: Array, period: Any) -> tuple[Array, Array, Array]:
    if np.ndim(period):
        raise ValueError(f"period must be a scalar; got {period}")
    period = ufuncs.abs(period)
    x, xp = x % period, xp % period
    xp, fp = lax.sort_key_val(xp, fp)
    xp = concatenate([xp[-1:] - period, xp, xp[:1] + period])
    return x, xp, concatenate([fp[-1:], fp, fp[:1]])


def unwrap(p, discont=None, axis=-1, period=2 * math.pi):
    """Angles without the jumps of a whole period (`jax.numpy.unwrap`)."""
    p, period = promote_dtypes(ensure_arraylike("unwrap", p), period)
    if dtypes.issubdtype(p.dtype, np.complexfloating):
        raise ValueError("jnp.unwrap does not support complex inputs.")
    axis = canonicalize_axis(axis, len(p.shape))
    if p.shape[axis] == 0:
        return p
    half = period // 2 if dtypes.issubdtype(p.dtype, np.integer) else period / 2
    steps = diff(p, axis=axis)
    wrapped = (steps + half) % period - half
    wrapped = where((wrapped == -half) & (steps > 0), half, wrapped)
    corrections = where(abs(steps) < (period / 2 if discont is None else discont), 0, wrapped - steps)
    rest = _slice(p, 1, p.shape[axis], axis) + cumulative.cumsum(corrections, axis)
    return concatenate([_slice(p, 0, 1, axis), rest], axis)


# ---------------------------------------------------------------------------------------------------------------------
# Polynomials and convolution


def polyval(p, x, *, unroll=16):
    """The polynomial with coefficients `p`, the highest power's first, at x, by Horner's rule (`jax.numpy.polyval`)."""
    p, x = promote_dtypes(*ensure_arraylike("polyval", p, x))
    start = zeros_like(x, shape=broadcast_shapes(p.shape[1:], x.shape))
    value, _ = lax.scan(lambda value, coefficient: (value * x + coefficient, None), start, p, unroll=unroll)
    return value


def polyadd(a1, a2):
    """The sum of two polynomials (`jax.numpy.polyadd`)."""
    a1, a2 = promote_dtypes(*ensure_arraylike("polyadd", a1, a2))
    size = max(a1.shape[0], a2.shape[0])
    return _leading_zeros(a1, size) + _leading_zeros(a2, size)


def polysub(a1, a2):
    """The difference of two polynomials (`jax.numpy.polysub`)."""
    a1, a2 = promote_dtypes(*ensure_arraylike("polysub", a1, a2))
    size = max(a1.shape[0], a2.shape[0])
    return _leading_zeros(a1, size) - _leading_zeros(a2, size)


def _leading_zeros(p: Array, size: int) -> Array:
    return concatenate([zeros(size - p.shape[0], p.dtype), p]) if p.shape[0] < size else p


def polymul(a1, a2, *, trim_leading_zeros=False):
    """The product of two polynomials (`jax.numpy.polymul`)."""
    a1, a2 = promote_dtypes_inexact(*ensure_arraylike("polymul", a1, a2))
    if trim_leading_zeros:
        raise NotImplementedError("minijax: polymul with trim_leading_zeros=True is not supported.")
    return convolve(a1, a2)


def polyder(p, m=1):
    """The m-th derivative of a polynomial (`jax.numpy.polyder`)."""
    (p,) = promote_dtypes_inexact(ensure_arraylike("polyder", p))
    if m < 0:
        raise ValueError("Order of derivative must be positive")
    for _ in range(operator.index(m)):
        degree = p.shape[0] - 1
        p = p[:-1] * arange(degree, 0, -1, dtype=p.dtype)
    return p


def polyint(p, m=1, k=None):
    """The m-th antiderivative of a polynomial, with constants k (`jax.numpy.polyint`)."""
    m = operator.index(m)
    p, k = promote_dtypes_inexact(*ensure_arraylike("polyint", p, 0 if k is None else k))
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    k = broadcast_to(k, (m,)) if k.size == 1 else k
    if k.shape != (m,):
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or m.")
    for i in range(m):
        p = concatenate([p / arange(p.shape[0], 0, -1, dtype=p.dtype), k[i : i + 1]])
    return p


def vander(x, N=None, increasing=False):
    """The powers of each element as a row (`jax.numpy.vander`)."""
    x = ensure_arraylike("vander", x)
    if len(x.shape) != 1:
        raise ValueError("x must be a one-dimensional array")
    N = x.shape[0] if N is None else operator.index(N)
    if N < 0:
        raise ValueError("N must be nonnegative")
    powers = lax.iota(x.dtype, N)
    powers = powers if increasing else const(powers, N - 1) - powers
    return power(expand_dims(x, [1]), expand_dims(powers, [0]))


def _convolve(name: str, x: Any, y: Any, mode: str, precision, preferred_element_type) -> Array:
    x, y = ensure_arraylike(name, x, y)
    if len(x.shape) != 1 or len(y.shape) != 1:
        raise ValueError(f"{name}() only support 1-dimensional inputs.")
    x, y = promote_dtypes_inexact(x, y) if preferred_element_type is None else promote_dtypes(x, y)
    if x.size == 0 or y.size == 0:
        raise ValueError(f"{name}: inputs cannot be empty, got shapes {x.shape} and {y.shape}.")
    if mode not in ("full", "same", "valid"):
        raise ValueError("mode must be one of ['full', 'same', 'valid']")
    exchanged = x.size < y.size
    if name == "correlate":
        y = ufuncs.conj(y)
    x, y = (y, x) if exchanged else (x, y)
    if name == "convolve":
        y = flip(y)
    n = y.size
    low, high = {"valid": (0, 0), "same": (n // 2, n - n // 2 - 1), "full": (n - 1, n - 1)}[mode]
    padded = lax.pad(x, const(x, 0), [(low, high, 0)])
    # A row for each element of the result: the window of x that it sums up.
    size = x.size + low + high - n + 1
    places = (np.arange(size)[:, None] + np.arange(n)).astype(np.int32)
    numbers = lax.GatherDimensionNumbers(offset_dims=(), collapsed_slice_dims=(0,), start_index_map=(0,))
    windows = lax.gather(padded, places[..., None], numbers, (1,), mode="promise_in_bounds")
    out = lax.dot(windows, y, precision=precision, preferred_element_type=preferred_element_type)
    return flip(out) if exchanged and name == "correlate" else out


def convolve(a, v, mode="full", *, precision=None, preferred_element_type=None):
    """The convolution of two vectors (`jax.numpy.convolve`); mode "full", "same" or "valid".

    >>> convolve(np.float32([1, 2]), np.float32([1, 1]))
    Array([1., 3., 2.], dtype=float32)
    """
    return _convolve("convolve", a, v, mode, precision, preferred_element_type)


def correlate(a, v, mode="valid", *, precision=None, preferred_element_type=None):
    """The correlation of two vectors, `v` conjugated (`jax.numpy.correlate`)."""
    return _convolve("correlate", a, v, mode, precision, preferred_element_type)


# ---------------------------------------------------------------------------------------------------------------------
# Statistics of pairs


def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    """The covariances of variables, a row each, or a column with `rowvar=False` (`jax.numpy.cov`)."""
    check_arraylike("cov", m)
    if fweights is not None or aweights is not None:
        raise NotImplementedError("minijax: fweights and aweights of jnp.cov are not supported.")
    m = asarray(m)
    if len(m.shape) > 2:
        raise ValueError("m has more than 2 dimensions")
    if y is None:
        (x,) = promote_dtypes_inexact(m)
    else:
        x, y = promote_dtypes_inexact(m, ensure_arraylike("cov", y))
        if len(y.shape) > 2:
            raise ValueError("y has more than 2 dimensions")
    x = _variables(x, rowvar)
    x = x if y is None else concatenate([x, _variables(y, rowvar)], 0)
    x = x if dtype is None else convert_element_type(x, user_dtype(dtype, "cov"))
    divisor = x.shape[1] - ((0 if bias else 1) if ddof is None else ddof)
    x = x - statistics.mean(x, axis=1, keepdims=True)
    return squeeze(ufuncs.true_divide(dot(x, ufuncs.conj(transpose(x))), divisor))


def _variables(x: Array, rowvar: bool) -> Array:
    rank = len(x.shape)
    x = atleast_2d(x)
    return transpose(x) if not rowvar and rank == 2 and x.shape[0] != 1 else x


def corrcoef(x, y=None, rowvar=True, dtype=None):
    """The correlations of variables, a row each (`jax.numpy.corrcoef`)."""
    c = cov(x, y, rowvar, dtype=dtype)
    if not c.shape:
        return ufuncs.divide(c, c)
    deviation = convert_element_type(ufuncs.sqrt(ufuncs.real(diag(c))), c.dtype)
    c = c / expand_dims(deviation, [1]) / expand_dims(deviation, [0])
    real_part = ufuncs.clip(ufuncs.real(c), -1, 1)
    if not dtypes.issubdtype(c.dtype, np.complexfloating):
        return real_part
    return ew.complex_p.bind(real_part, ufuncs.clip(ufuncs.imag(c), -1, 1))


# ---------------------------------------------------------------------------------------------------------------------
# Functions of functions


def fromfunction(function: Callable, shape: Sequence[int], *, dtype=float, **kwargs):
    """function(i, j, ...) for every index of a grid (`jax.numpy.fromfunction`)."""
    sizes = canonicalize_shape(shape)
    for i in range(len(sizes)):
        axes = tuple(0 if j == len(sizes) - 1 - i else None for j in range(len(sizes)))
        function = api.vmap(function, in_axes=axes)
    return function(*(arange(size, dtype=dtype) for size in sizes), **kwargs)


def apply_along_axis(func1d: Callable, axis: int, arr, *args, **kwargs):
    """`func1d` of every vector along an axis (`jax.numpy.apply_along_axis`)."""
    arr = ensure_arraylike("apply_along_axis", arr)
    ndim = len(arr.shape)
    axis = canonicalize_axis(axis, ndim)
    function = lambda x: func1d(x, *args, **kwargs)
    for i in range(1, ndim - axis):
        function = api.vmap(function, in_axes=i, out_axes=-1)
    for _ in range(axis):
        function = api.vmap(function, in_axes=0, out_axes=0)
    return function(arr)


def apply_over_axes(func: Callable, a, axes: Sequence[int]):
    """`func(a, axis)` for one axis after the other (`jax.numpy.apply_over_axes`)."""
    a = ensure_arraylike("apply_over_axes", a)
    for axis in axes:
        result = func(a, axis)
        if len(result.shape) == len(a.shape) - 1:
            result = expand_dims(result, [axis])
        if len(result.shape) != len(a.shape):
            raise ValueError("function is not returning an array of the correct shape")
        a = result
    return a
