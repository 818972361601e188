"""Functions on arrays as sets: `unique`, `isin`, unions and intersections."""

from __future__ import annotations

from itertools import compress
from typing import Any, NamedTuple

import numpy as np

from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation import dtypes
from ..primitives.basis import const, expand_dims
from ..primitives.sizes import known_value
from . import cumulative, reductions
from .analysis import diff
from .choosing import nonzero
from .creation import arange, full, ones, zeros
from .manipulation import concatenate, flip, moveaxis, ravel, reshape, transpose
from .sorting import argsort, lexsort, searchsorted, sort
from .taking import take
from .util import (
    canonicalize_axis,
    check_arraylike,
    convert,
    ensure_arraylike,
    isnan,
    promote_dtypes,
    static_int,
    where,
)

_SIZE_HINT = "(give it `size=`, the size of the result)"


def unique(
    ar: ArrayLike,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    size: int | None = None,
    fill_value: ArrayLike | None = None,
    sorted: bool = True,
) -> Any:
    """The distinct elements, or the distinct slices along an axis, sorted (`jax.numpy.unique`).

    return_index: also the first index of each. return_inverse: also, for each element of `ar`, its index in the result.
    return_counts: also the number of times that each occurs. Under a transformation `size` must give the result's size; if
    there are fewer distinct elements, `fill_value` fills the rest, by default the smallest element.

    >>> unique(np.array([3, 1, 3]))
    Array([1, 3], dtype=int32)
    """
    ar = ensure_arraylike("unique", ar)
    if size is None:
        ar = known_value(ar, f"jnp.unique {_SIZE_HINT}")
    rows = ravel(ar) if axis is None else ar
    axis_index = 0 if axis is None else canonicalize_axis(axis, len(ar.shape))
    results = _unique(rows, axis_index, equal_nan, size, fill_value, (return_index, return_inverse, return_counts))
    if axis is None and return_inverse:
        results[1 + return_index] = reshape(results[1 + return_index], ar.shape)
    return results[0] if len(results) == 1 else tuple(results)


def _unique(ar: Array, axis: int, equal_nan: bool, size: int | None, fill_value: Any, wanted) -> list:
    """The values, with slices along `axis` as the elements; and those that are wanted of first indices, inverse and counts."""
    rows = moveaxis(ar, axis, 0)
    count = rows.shape[0]
    if count == 0:
        if size and fill_value is None:
            raise ValueError(
                "jnp.unique: for zero-sized input with nonzero size argument, fill_value must be specified"
            )
        none = zeros(0, int)  # whatever the size, as in JAX
        shape = (size or 0, *rows.shape[1:])
        values = zeros(shape, rows.dtype) if fill_value is None else full(shape, fill_value, rows.dtype)
        return [moveaxis(values, 0, axis), *compress((none, none, none), wanted)]
    rows = _with_one_nan(rows)
    columns = transpose(reshape(rows, (count, -1)))
    order = lexsort(flip(columns, 0)) if columns.shape[0] else arange(count)
    ordered = rows[order]
    starts = _run_starts(ordered, equal_nan)
    if size is None:
        size = np.count_nonzero(np.asarray(known_value(starts, "jnp.unique (give it `size=`)")))
        fill_value = None  # there is no place to fill
    how_many = static_int(size, "size=")
    (places,) = nonzero(starts, size=how_many)
    values = ordered[places]
    if fill_value is not None:
        fill_value = convert(fill_value, values.dtype)
        values = where(
            expand_dims(arange(how_many) < reductions.sum(starts), range(1, len(values.shape))), values, fill_value
        )
    results = [moveaxis(values, 0, axis)]
    index, inverse, counts = wanted
    if index:
        results.append(order[places])
    if inverse:
        run = cumulative.cumsum(starts) - 1
        results.append(zeros(count, int).at[order].set(run))
    if counts:
        # The places where runs start, and then the number of elements, once or more often.
        (bounds,) = nonzero(starts, size=how_many + 1)
        bounds = bounds.at[1:].set(where(bounds[1:], bounds[1:], count))
        results.append(diff(bounds))
    return results


def _with_one_nan(x: Array) -> Array:
    """The array, where a complex number of which one part is NaN is nan+0j: so all NaN are behind the numbers when sorted."""
    return where(isnan(x), const(x, np.nan), x) if dtypes.issubdtype(x.dtype, np.complexfloating) else x


def _run_starts(ordered: Array, equal_nan: bool) -> Array:
    """Whether each sorted element differs from the one before it, so that a run of equal elements starts there."""
    starts = ones(ordered.shape[0], bool)
    behind, before = ordered[1:], ordered[:-1]
    different = behind != before
    if equal_nan and dtypes.issubdtype(ordered.dtype, np.inexact):
        different = different & ~(isnan(behind) & isnan(before))
    return starts.at[1:].set(reductions.any(different, tuple(range(1, len(different.shape)))))


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


def unique_all(x: ArrayLike, /, *, size: int | None = None, fill_value: ArrayLike | None = None) -> Any:
    """`unique` with indices, inverse and counts; each NaN is distinct (`jax.numpy.unique_all`).

    >>> import minijax.numpy as jnp
    >>> jnp.unique_all(jnp.array([2, 1, 2])).counts
    Array([1, 2], dtype=int32)
    """
    options = {"equal_nan": False, "size": size, "fill_value": fill_value}
    return _UniqueAllResult(*unique(x, True, True, True, **options))


def unique_counts(x: ArrayLike, /, *, size: int | None = None, fill_value: ArrayLike | None = None) -> Any:
    """`unique` with counts; each NaN is distinct (`jax.numpy.unique_counts`).

    >>> import minijax.numpy as jnp
    >>> jnp.unique_counts(jnp.array([2, 1, 2])).counts
    Array([1, 2], dtype=int32)
    """
    options = {"equal_nan": False, "size": size, "fill_value": fill_value}
    return _UniqueCountsResult(*unique(x, return_counts=True, **options))


def unique_inverse(x: ArrayLike, /, *, size: int | None = None, fill_value: ArrayLike | None = None) -> Any:
    """`unique` with the inverse; each NaN is distinct (`jax.numpy.unique_inverse`).

    >>> import minijax.numpy as jnp
    >>> jnp.unique_inverse(jnp.array([2, 1, 2])).inverse_indices
    Array([1, 0, 1], dtype=int32)
    """
    options = {"equal_nan": False, "size": size, "fill_value": fill_value}
    return _UniqueInverseResult(*unique(x, return_inverse=True, **options))


def unique_values(x: ArrayLike, /, *, size: int | None = None, fill_value: ArrayLike | None = None) -> Array:
    """`unique`, where each NaN is distinct (`jax.numpy.unique_values`).

    >>> import minijax.numpy as jnp
    >>> jnp.unique_values(jnp.array([2, 1, 2]))
    Array([1, 2], dtype=int32)
    """
    return unique(x, equal_nan=False, size=size, fill_value=fill_value)


# All give the same; JAX's differ in speed.
_ISIN_METHODS = ("compare_all", "binary_search", "sort", "auto")


def isin(
    element: ArrayLike,
    test_elements: ArrayLike,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    method: str = "auto",
) -> Array:
    """Whether each element is among the test elements (`jax.numpy.isin`).

    >>> import minijax.numpy as jnp
    >>> jnp.isin(jnp.array([1, 2, 3]), jnp.array([2]))
    Array([False,  True, False], dtype=bool)
    """
    element, tests = promote_dtypes(*ensure_arraylike("isin", element, test_elements))
    if element.size and tests.size and method not in _ISIN_METHODS:
        raise ValueError(f"{method=} is not implemented; options are {', '.join(map(repr, _ISIN_METHODS))}")
    return reshape(_isin(ravel(element), ravel(tests), invert), element.shape)


def _isin(elements: Array, tests: Array, invert: bool = False) -> Array:
    if not elements.size or not tests.size:
        return (ones if invert else zeros)(elements.shape, bool)
    left, right = expand_dims(elements, [1]), expand_dims(tests, [0])
    return reductions.all(left != right, -1) if invert else reductions.any(left == right, -1)


def union1d(ar1: ArrayLike, ar2: ArrayLike, *, size: int | None = None, fill_value: ArrayLike | None = None) -> Array:
    """The elements of either array, sorted, each once (`jax.numpy.union1d`).

    >>> import minijax.numpy as jnp
    >>> jnp.union1d(jnp.array([1, 2]), jnp.array([2, 3]))
    Array([1, 2, 3], dtype=int32)
    """
    check_arraylike("union1d", ar1, ar2)
    return unique(concatenate([ravel(ar1), ravel(ar2)]), size=size, fill_value=fill_value)


def _picked(
    values: Array, marks: Array, size: int | None, fill_value: ArrayLike | None, function: str
) -> tuple[Array, Array]:
    """(the marked ones of sorted values, their places): `size` of them, by default all.

    Where none is left, a value is `fill_value`, by default the first, and a place is the number of values.
    """
    if size is None:
        hint = f"jnp.{function} {_SIZE_HINT}"
        places = np.flatnonzero(np.asarray(known_value(marks, hint)))
        return values[places], convert(places, np.dtype(int))
    how_many, count = static_int(size, "size="), values.shape[0]
    (places,) = nonzero(marks, size=how_many, fill_value=count)
    if count == 0 or how_many == 0:
        return full(how_many, 0 if fill_value is None else fill_value, values.dtype), places
    inside = places < count
    found = where(inside, take(values, places, mode="clip"), zeros((), values.dtype))
    if fill_value is None:
        # In JAX's way, so that the fill value is NaN where NaN is the largest of the values.
        fill_value = reductions.min(where(inside, found, reductions.max(found)))
    return where(inside, found, fill_value), places


def intersect1d(
    ar1: ArrayLike,
    ar2: ArrayLike,
    assume_unique: bool = False,
    return_indices: bool = False,
    *,
    size: int | None = None,
    fill_value: ArrayLike | None = None,
) -> Any:
    """The elements that both arrays have, sorted, each once (`jax.numpy.intersect1d`).

    return_indices: also the first index of each in both arrays. Under a transformation `size` must give the result's size; if
    there are fewer elements, `fill_value` fills the rest, by default the smallest of them; their indices are the arrays' sizes.

    >>> intersect1d(np.array([3, 1, 3, 2]), np.array([2, 3]))
    Array([2, 3], dtype=int32)
    """
    one, two = map(ravel, promote_dtypes(*ensure_arraylike("intersect1d", ar1, ar2)))
    order = argsort(one)
    ordered = take(one, order)
    marks = _run_starts(ordered, True) & isin(ordered, two) if one.shape[0] else zeros(0, bool)
    values, places = _picked(ordered, marks, size, fill_value, "intersect1d")
    if not return_indices:
        return values
    order_of_two = argsort(two)
    places_in_two = searchsorted(take(two, order_of_two), values)
    missing = places >= one.shape[0]
    first = where(missing, full((), one.shape[0], int), _indices(order, places))
    return values, first, where(missing, full((), two.shape[0], int), _indices(order_of_two, places_in_two))


def _indices(order: Array, places: Array) -> Array:
    return take(order, places, mode="clip") if order.shape[0] else zeros(places.shape, int)


def setdiff1d(
    ar1: ArrayLike,
    ar2: ArrayLike,
    assume_unique: bool = False,
    *,
    size: int | None = None,
    fill_value: ArrayLike | None = None,
) -> Array:
    """The elements of the first array that are not in the second (`jax.numpy.setdiff1d`), sorted unless `assume_unique`.

    Under a transformation `size` must give the result's size; if there are fewer, `fill_value` fills the rest, by default zero.

    >>> setdiff1d(np.array([3, 1, 3, 2]), np.array([2]))
    Array([1, 3], dtype=int32)
    """
    one, two = map(ravel, ensure_arraylike("setdiff1d", ar1, ar2))
    ordered = one if assume_unique else sort(_with_one_nan(one))
    marks = isin(ordered, two, invert=True)
    if not assume_unique and one.shape[0]:
        marks = marks & _run_starts(ordered, True)
    fill = full((), 0 if fill_value is None else fill_value, one.dtype)
    return _picked(ordered, marks, size, fill, "setdiff1d")[0]


def setxor1d(
    ar1: ArrayLike,
    ar2: ArrayLike,
    assume_unique: bool = False,
    *,
    size: int | None = None,
    fill_value: ArrayLike | None = None,
) -> Array:
    """The elements that only one of the arrays has, sorted, each once (`jax.numpy.setxor1d`).

    Under a transformation `size` must give the result's size; if there are fewer elements, `fill_value` fills the rest, by default
    the smallest of them.

    >>> setxor1d(np.array([3, 1, 2]), np.array([2, 5, 5]))
    Array([1, 3, 5], dtype=int32)
    """
    one, two = (_with_one_nan(ravel(x)) for x in promote_dtypes(*ensure_arraylike("setxor1d", ar1, ar2)))
    parts = []
    for values, others in ((sort(one), two), (sort(two), one)):
        marks = isin(values, others, invert=True)
        parts.append((values, marks & _run_starts(values, True) if values.shape[0] else marks))
    values, marks = (concatenate(arrays) for arrays in zip(*parts))
    order = argsort(values)
    return _picked(take(values, order), take(marks, order), size, fill_value, "setxor1d")[0]
