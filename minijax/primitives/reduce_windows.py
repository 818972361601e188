"""Reductions of sliding windows: sums, maxima and minima, and what their derivatives need, in all axes of the operand.

`select_and_gather_add` takes, for each window, the element of one array where another one has its maximum; `select_and_scatter_add`
is its transpose. Both look at a window in row-major order, and of equal elements the first one counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import ShapedArray, Zero, is_undefined_primal
from ..core.primitive import Primitive
from ..foundation.dtypes import dtype_char
from .basis import NOT_LINEAR, batch_to_front, const, linear_jvp, linear_row, row, zero_like
from .complex_numbers import reduced_windows
from .convolution_numpy import padded, window_counts
from .convolution_shapes import count_windows, dilated, input_pads
from .elementwise import ge_p, le_p
from .families import FLOAT, NUM
from .reductions import highest, lowest
from .shapes import pad, slice

# The parameters that all have.
NAMES = ("window_dimensions", "window_strides", "padding", "base_dilation", "window_dilation")


def window_params(
    window_dimensions: Sequence[int],
    window_strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> dict[str, Any]:
    """The parameters by name; a dilation that is None is 1 everywhere."""
    ones = (1,) * len(window_dimensions)
    return {
        "window_dimensions": tuple(window_dimensions),
        "window_strides": tuple(window_strides),
        "padding": tuple(padding),
        "base_dilation": ones if base_dilation is None else tuple(base_dilation),
        "window_dilation": ones if window_dilation is None else tuple(window_dilation),
    }


# ---------------------------------------------------------------------------------------------------------------------
# Types


def check_windows(shape, window_dimensions, window_strides, padding, base_dilation, window_dilation) -> tuple[int, ...]:
    """The shape of a reduction of windows. Raises TypeError for parameters that do not fit the shape, ValueError for another number
    of paddings."""
    lists = {
        "window_dimensions": window_dimensions,
        "window_strides": window_strides,
        "base_dilation": base_dilation,
        "window_dilation": window_dilation,
    }
    for name, sizes in lists.items():
        least = 1 if name in ("window_dimensions", "window_strides") else 0
        if any(size < least for size in sizes):
            raise TypeError(f"reduce_window {name} must have every element be {'positive' if least else 'nonnegative'}, got {sizes}.")  # fmt: skip  # noqa: E501
        if len(sizes) != len(shape):
            raise TypeError(
                f"reduce_window got the wrong number of {name} for operand: got operand shape {shape} with {name}"
                f" {sizes}."
            )
    if len(padding) != len(shape):
        raise ValueError(f"reduce_window got {len(padding)} paddings for operand shape {shape}.")
    sizes, windows = dilated(shape, base_dilation), dilated(window_dimensions, window_dilation)
    return tuple(
        count_windows(n + low + high, k, stride)
        for n, (low, high), k, stride in zip(sizes, padding, windows, window_strides)
    )


def _abstract_eval(name: str, accepts: str | None) -> Callable:
    def abstract_eval(x, **params):
        if accepts is not None and dtype_char(x.dtype) not in accepts:
            raise TypeError(f"operand to {name} must have a number dtype, got {x.dtype.name}")
        return ShapedArray(check_windows(x.shape, **params), x.dtype, x.weak_type)

    return abstract_eval


# ---------------------------------------------------------------------------------------------------------------------
# NumPy


def _reduced(function, fill, sums):
    """The implementation of a reduction by a ufunc: one axis after another, by slices, so that a window of 3 x 3 takes 3 + 3
    operations. sums: whether it begins with 0, as XLA's sums do: the sum of -0.0 and -0.0 is 0.0."""

    def impl(x, *, window_dimensions, window_strides, padding, base_dilation, window_dilation):
        params = (window_dimensions, window_strides, padding, base_dilation, window_dilation)
        counts = window_counts(x.shape, *params)
        if x.dtype.kind == "c" and not sums:
            values, places = window_views(x, params, fill(x.dtype))
            return reduced_windows(function, values, window_views(np.ones(x.shape, bool), params, False)[0], places)
        first = False
        for axis, (count, k, stride, (low, _), step, gap) in enumerate(zip(counts, *params)):
            size = max((count - 1) * stride + (k - 1) * gap + 1, 0) if count else 0
            x = padded(x, axis, [size], [low], [step], fill(x.dtype))
            # If there are no windows, `padded` has made x empty: each slice below is empty, too.
            span = (count - 1) * stride + 1
            before = (np.s_[:],) * axis
            parts = [x[(*before, np.s_[i * gap : i * gap + span : stride])] for i in range(k)]
            if k == 1:
                x = parts[0]
                continue
            out = parts[0] + x.dtype.type(0) if sums and not first else parts[0].copy()
            first = True
            for part in parts[1:]:
                function(out, part, out=out)
            x = out
        return x

    return impl


def window_views(x, params, fill):
    """For each place of a window, in row-major order: the view of the padded array that has the element there of each window.
    Returns also the padded array."""
    counts = window_counts(x.shape, *params)
    window, strides, padding, dilation, gaps = params
    sizes = [max((n - 1) * s + (k - 1) * g + 1, 0) if n else 0 for n, s, k, g in zip(counts, strides, window, gaps)]
    x = padded(x, 0, sizes, [low for low, _ in padding], dilation, fill)
    places = [
        tuple(
            np.s_[i * gap : i * gap + ((n - 1) * stride + 1 if n else 0) : stride]
            for i, gap, n, stride in zip(place, gaps, counts, strides)
        )
        for place in itertools.product(*map(range, window))
    ]
    return x, places


def _gather_impl(tangents, operand, *, select_prim, window_dimensions, window_strides, padding, base_dilation, window_dilation):  # fmt: skip  # noqa: E501
    params = (window_dimensions, window_strides, padding, base_dilation, window_dilation)
    chooses_max = str(select_prim) == "ge"
    keys, places = window_views(operand, params, -np.inf if chooses_max else np.inf)
    values, _ = window_views(tangents, params, 0)
    # As XLA's CPU code does it: what lies outside of the array takes no part.
    inside, _ = window_views(np.ones(operand.shape, bool), params, False)
    shape = window_counts(operand.shape, *params)
    best, chosen = np.full(shape, -np.inf if chooses_max else np.inf, keys.dtype), np.zeros(shape, values.dtype)
    for place in places:
        key = keys[place]
        keep = (best >= key if chooses_max else best <= key) | ~inside[place]
        best, chosen = np.where(keep, best, key), np.where(keep, chosen, values[place])
    return chosen


def _scatter_impl(source, operand, *, select_prim, window_dimensions, window_strides, padding):
    ones = (1,) * operand.ndim
    params = (window_dimensions, window_strides, padding, ones, ones)
    chooses_max = str(select_prim) == "ge"
    keys, places = window_views(operand, params, lowest(operand.dtype) if chooses_max else highest(operand.dtype))
    out = np.zeros([n + low + high for n, (low, high) in zip(operand.shape, padding)], source.dtype)
    best, at = keys[places[0]], np.zeros(source.shape, np.int32)
    for i, place in enumerate(places[1:], 1):
        key = keys[place]
        keep = best >= key if chooses_max else best <= key
        best, at = np.where(keep, best, key), np.where(keep, at, np.int32(i))
    for i, place in enumerate(places):
        np.add(out[place], source, out=out[place], where=at == i)
    return out[tuple([np.s_[low : low + n] for n, (low, _) in zip(operand.shape, padding)])]


# ---------------------------------------------------------------------------------------------------------------------
# Sums, maxima and minima


def _at(items: tuple, dim: int, item) -> tuple:
    return (*items[:dim], item, *items[dim:])


def _batch(primitive_of: Callable[[], Primitive]) -> Callable:
    def batch(axis, args, dims, **params):
        (dim,) = dims
        params = {name: _at(value, dim, (0, 0) if name == "padding" else 1) for name, value in params.items()}
        return primitive_of().bind(args[0], **params), dim

    return batch


def _sum_transpose(ct, x, *, window_dimensions, window_strides, padding, base_dilation, window_dilation):
    shape = x.aval.shape
    pads = input_pads(shape, window_dimensions, window_strides, ct.shape, padding, base_dilation, window_dilation)
    spread = pad(ct, const(ct, 0), [(low, high, s - 1) for (low, high), s in zip(pads, window_strides)])
    none = [(0, 0)] * len(shape)
    params = window_params(window_dimensions, base_dilation, none, None, window_dilation)
    return [reduce_window_sum_p.bind(spread, **params)]


reduce_window_sum_p = linear_row(
    "reduce_window_sum",
    impl=_reduced(np.add, lambda dtype: 0, True),
    abstract_eval=_abstract_eval("reduce_window_sum", NUM),
    transpose=_sum_transpose,
    batch=_batch(lambda: reduce_window_sum_p),
)


def _extremum(name: str, function: Callable, fill: Callable, select_prim: Primitive) -> Primitive:
    def jvp(primals, tangents, **params):
        (x,), (g,) = primals, tangents
        out = primitive.bind(x, **params)
        if type(g) is Zero:
            return out, zero_like(out)
        return out, select_and_gather_add_p.bind(g, x, select_prim=select_prim, **params)

    primitive = row(
        name,
        impl=_reduced(function, fill, False),
        abstract_eval=_abstract_eval(name, None),
        jvp=jvp,
        transpose=NOT_LINEAR,
        batch=_batch(lambda: primitive),
    )
    return primitive


reduce_window_max_p = _extremum("reduce_window_max", np.maximum, lowest, ge_p)
reduce_window_min_p = _extremum("reduce_window_min", np.minimum, highest, le_p)


# ---------------------------------------------------------------------------------------------------------------------
# Selected elements


def _gather_abstract_eval(tangents, operand, *, select_prim, **params):
    if tangents.shape != operand.shape:
        raise TypeError(
            f"select_and_gather_add tangents and operand shapes must match, got {tangents.shape} and {operand.shape}."
        )
    if dtype_char(operand.dtype) not in FLOAT:
        raise TypeError(f"select_and_gather_add does not accept dtype {operand.dtype.name}.")
    return ShapedArray(check_windows(operand.shape, **params), tangents.dtype, tangents.weak_type and operand.weak_type)


def _gather_transpose(ct, tangents, operand, *, select_prim, base_dilation, window_dilation, **params):
    if not is_undefined_primal(tangents) or is_undefined_primal(operand):
        raise NotImplementedError("select_and_gather_add is linear in its first argument alone.")
    if any(d != 1 for d in window_dilation):
        raise NotImplementedError(
            "VJP not implemented for select_and_gather (MaxPool) with window dilation, got"
            f" window_dilation={window_dilation}."
        )
    apart = any(d != 1 for d in base_dilation)
    if apart:
        least = lowest(operand.dtype) if select_prim is ge_p else highest(operand.dtype)
        operand = pad(operand, const(operand, least), [(0, 0, d - 1) for d in base_dilation])
    out = select_and_scatter_add_p.bind(ct, operand, select_prim=select_prim, **params)
    if apart:
        out = slice(out, (0,) * len(out.shape), out.shape, base_dilation)
    return [out, None]


def _batch_of_two(primitive_of: Callable[[], Primitive]) -> Callable:
    def batch(axis, args, dims, *, select_prim, **params):
        args = [batch_to_front(x, d, axis.size) for x, d in zip(args, dims)]
        params = {name: _at(value, 0, (0, 0) if name == "padding" else 1) for name, value in params.items()}
        return primitive_of().bind(*args, select_prim=select_prim, **params), 0

    return batch


def _scatter_transpose(ct, source, operand, *, select_prim, **params):
    if not is_undefined_primal(source) or is_undefined_primal(operand):
        raise NotImplementedError("select_and_scatter_add is linear in its first argument alone.")
    params = window_params(**params)
    return [select_and_gather_add_p.bind(ct, operand, select_prim=select_prim, **params), None]


def _scatter_abstract_eval(source, operand, *, select_prim, window_dimensions, window_strides, padding):
    ones = (1,) * operand.ndim
    expected = check_windows(operand.shape, window_dimensions, window_strides, padding, ones, ones)
    if source.shape != expected:
        raise TypeError(
            f"select_and_scatter_add takes a source of the shape {expected} of the windows, got {source.shape}."
        )
    return ShapedArray(operand.shape, source.dtype, source.weak_type and operand.weak_type)


select_and_gather_add_p = row(
    "select_and_gather_add",
    impl=_gather_impl,
    abstract_eval=_gather_abstract_eval,
    jvp=linear_jvp(lambda: select_and_gather_add_p),
    transpose=_gather_transpose,
    batch=_batch_of_two(lambda: select_and_gather_add_p),
)
select_and_scatter_add_p = row(
    "select_and_scatter_add",
    impl=_scatter_impl,
    abstract_eval=_scatter_abstract_eval,
    jvp=linear_jvp(lambda: select_and_scatter_add_p),
    transpose=_scatter_transpose,
    batch=_batch_of_two(lambda: select_and_scatter_add_p),
)


# ---------------------------------------------------------------------------------------------------------------------
# What a reduction by a user's function reduces: the rows of a matrix, one after another


def rows_of_axes(x, dimensions):
    """The matrix whose columns are the elements that each result is reduced from."""
    kept = [i for i in range(x.ndim) if i not in dimensions]
    x = x.transpose([*sorted(dimensions), *kept])
    shape = x.shape
    count = 1
    for size in shape[: len(dimensions)]:
        count *= size
    columns = 1
    for size in shape[len(dimensions) :]:
        columns *= size
    return x.reshape(count, columns)


def rows_of_windows(x, fill, window_dimensions, window_strides, padding, base_dilation, window_dilation):
    """The matrix whose columns are the windows; `fill` stands where a window is outside of the array."""
    x, places = window_views(x, (window_dimensions, window_strides, padding, base_dilation, window_dilation), fill)
    return np.stack([x[place].reshape(-1) for place in places])


def all_inside(*, padding, base_dilation, **params) -> bool:
    """Whether no window has places outside of the array or between its elements."""
    return all(low <= 0 and high <= 0 for low, high in padding) and all(d == 1 for d in base_dilation)
