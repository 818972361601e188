"""Rules for primitives whose places depend on values: dynamic slices, gather, the scatters, sort, top_k."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.avals import ShapedArray
from ...core.jaxpr import ClosedJaxpr
from ...primitives.approx_top_k import sorted_first
from ...primitives.indexing import as_fill
from ...primitives.windows import GatherScatterMode
from .rules import REDUCTIONS, Rule, combined, transpose
from .text import BOOL, INT32, Value, boolean, i64_array, ints, tensor

# ---------------------------------------------------------------------------------------------------------------------
# dynamic_slice, dynamic_update_slice


def _wide(w, index: Value) -> Value:
    """The index in at least 32 bits, as int8 cannot hold the bounds: an array of 300 elements has an index 200."""
    return w.convert(index, INT32) if index.dtype.itemsize < 4 else index


def _starts(w, starts: Sequence[Value]) -> list[Value]:
    """The start indices in one dtype."""
    starts = [_wide(w, s) for s in starts]
    same = len({s.dtype for s in starts}) <= 1
    return starts if same else [w.convert(s, np.dtype("int64")) for s in starts]


def dynamic_slice(w, out, x, *starts, slice_sizes):
    return w.op("dynamic_slice", out, x, *_starts(w, starts), attributes=f"sizes = {ints(slice_sizes)}")


def dynamic_update_slice(w, out, x, update, *starts):
    return w.op("dynamic_update_slice", out, x, update, *_starts(w, starts))


# ---------------------------------------------------------------------------------------------------------------------
# gather


def _gather(w, out, x, indices, *, dimension_numbers, slice_sizes, indices_are_sorted, mode, fill_value, **params):
    if not out.size or not x.aval.size:
        return w.full(out, 0 if fill_value is None else as_fill(fill_value, out.dtype))
    offset, collapsed, index_map, batching, indices_batching = dimension_numbers
    indices = _wide(w, indices)
    numbers = (
        f"offset_dims = {ints(offset)}, collapsed_slice_dims = {ints(collapsed)}, operand_batching_dims = {ints(batching)},"
        f" start_indices_batching_dims = {ints(indices_batching)}, start_index_map = {ints(index_map)},"
        f" index_vector_dim = {len(indices.shape) - 1}"
    )
    attributes = (
        f"dimension_numbers = #stablehlo.gather<{numbers}>, indices_are_sorted = {boolean(indices_are_sorted)},"
        f" slice_sizes = {i64_array(slice_sizes)}"
    )
    # StableHLO moves windows that stick out inside, as mode CLIP demands.
    (found,) = w.generic("gather", [out], [x, indices], attributes)
    if mode is not GatherScatterMode.FILL_OR_DROP or not index_map:
        return found
    inside = _inside(w, indices, [x.shape[d] - slice_sizes[d] for d in index_map])
    batch_axes = [i for i in range(out.ndim) if i not in offset]
    truth = ShapedArray(out.shape, BOOL)
    which = w.op("broadcast_in_dim", truth, inside, attributes=f"dims = {ints(batch_axes)}")
    return w.select(which, found, w.full(out, as_fill(fill_value, out.dtype)))


def _highest(w, indices: Value, highest: Sequence[int]) -> Value:
    """The greatest index along each axis, in the shape of the indices."""
    limits = np.array(highest, np.int64).clip(max=np.iinfo(indices.dtype).max).astype(indices.dtype)
    row = Value(ShapedArray(limits.shape, indices.dtype), None, limits)
    return w.op("broadcast_in_dim", indices.aval, row, attributes=f"dims = [{len(indices.shape) - 1}]")


def _inside(w, indices: Value, highest: Sequence[int]) -> Value:
    """A mask of the index vectors that lie between 0 and `highest`."""
    truth = ShapedArray(indices.shape, BOOL)
    inside = w.elementwise(
        "and",
        truth,
        w.compare("GE", indices, w.full(indices.aval, 0)),
        w.compare("LE", indices, _highest(w, indices, highest)),
    )
    out = ShapedArray(indices.shape[:-1], BOOL)
    return REDUCTIONS["reduce_and"](w, out, inside, axes=(len(indices.shape) - 1,))


# ---------------------------------------------------------------------------------------------------------------------
# scatter


def _scatter(combine: str | None) -> Rule:
    """The rule of a scatter. combine: the operation on an element and its update; None: the update replaces the element."""

    def rule(w, out, x, indices, updates, *, dimension_numbers, mode, update_jaxpr, update_consts, **params):
        if not updates.aval.size:
            return x
        window, inserted, to_operand, batching, indices_batching = dimension_numbers
        indices = _wide(w, indices)
        if mode is GatherScatterMode.CLIP and to_operand:
            sizes = _window_sizes(x.shape, updates.shape, dimension_numbers)
            limit = _highest(w, indices, [x.shape[d] - sizes[d] for d in to_operand])
            indices = w.op("clamp", indices.aval, w.full(indices.aval, 0), indices, limit)
        numbers = (
            f"update_window_dims = {ints(window)}, inserted_window_dims = {ints(inserted)},"
            f" input_batching_dims = {ints(batching)}, scatter_indices_batching_dims = {ints(indices_batching)},"
            f" scatter_dims_to_operand_dims = {ints(to_operand)}, index_vector_dim = {len(indices.shape) - 1}"
        )
        attributes = (
            f"indices_are_sorted = {boolean(params['indices_are_sorted'])},"
            f" scatter_dimension_numbers = #stablehlo.scatter<{numbers}>,"
            f" unique_indices = {boolean(params['unique_indices'])}"
        )
        scalar = ShapedArray((), x.dtype)

        def update(old, new):
            if combine is None and update_jaxpr is not None:
                return w.body(ClosedJaxpr(update_jaxpr, update_consts), [old, new])
            return [new if combine is None else combined(w, combine, old, new)]

        regions = [w.region([scalar, scalar], update)]
        return w.generic("scatter", [out], [x, indices, updates], attributes, regions)[0]

    return rule


def _window_sizes(shape, updates_shape, numbers) -> list[int]:
    """The size of a window along each of the operand's axes."""
    own = iter(numbers.update_window_dims)
    removed = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
    return [1 if d in removed else updates_shape[next(own)] for d in range(len(shape))]


# ---------------------------------------------------------------------------------------------------------------------
# sort, top_k


def _sort(w, outs, *operands, dimension, is_stable, num_keys):
    """The rule of sort, by the first `num_keys` operands in turn. `TOTALORDER` puts -0.0 before 0.0 and tells NaN apart, so
    every zero is replaced by 0.0, and every NaN by one NaN."""

    def comparator(*pairs):
        pairs = list(zip(pairs[::2], pairs[1::2]))[:num_keys]
        parts = [p for x, y in pairs for p in zip(_ordered_parts(w, x), _ordered_parts(w, y))]
        less = None
        for x, y in reversed(parts):
            before = w.compare("LT", x, y, "TOTALORDER")
            if less is not None:
                tied = w.elementwise("and", before.aval, w.compare("EQ", x, y, "TOTALORDER"), less)
                before = w.elementwise("or", before.aval, before, tied)
            less = before
        return [less]

    attributes = f"dimension = {dimension} : i64, is_stable = {boolean(is_stable)}"
    scalars = [ShapedArray((), x.dtype) for x in operands for _ in range(2)]
    return w.generic("sort", outs, operands, attributes, [w.region(scalars, comparator)])


def _ordered_parts(w, x: Value) -> list[Value]:
    """The real numbers that decide on the place of x: x itself, or its real and imaginary parts."""
    if x.dtype.kind in "biu":
        return [x]
    if x.dtype.kind == "c":
        part = ShapedArray((), np.zeros((), x.dtype).real.dtype)
        return [_one_zero_one_nan(w, w.op(name, part, x)) for name in ("real", "imag")]
    return [_one_zero_one_nan(w, x)]


def _one_zero_one_nan(w, x: Value) -> Value:
    zero, nan = w.full(x.aval, 0), w.full(x.aval, np.nan)
    return w.select(w.compare("NE", x, x), nan, w.select(w.compare("EQ", x, zero), zero, x))


def _top_k(w, outs, x, *, k, axis):
    values, indices = outs
    if not values.size:
        return [w.full(out, 0) for out in outs]
    if x.dtype == BOOL:
        found, places = _top_k(w, [values.update(dtype=INT32), indices], w.convert(x, INT32), k=k, axis=axis)
        return [w.convert(found, BOOL), places]
    # chlo.top_k takes the last axis only.
    last = len(x.shape) - 1
    order = [last if i == axis else axis if i == last else i for i in range(last + 1)]
    x = transpose(w, _permuted(x.aval, order), x, permutation=order) if axis != last else x
    inner = [_permuted(out, order) for out in outs]
    types = f"{x.type} -> ({', '.join(map(tensor, inner))})"
    found = w.results(inner, f"chlo.top_k({w.name(x)}, k = {k})", (), types)
    return found if axis == last else [transpose(w, out, v, permutation=order) for out, v in zip(outs, found)]


def _permuted(aval: ShapedArray, order: Sequence[int]) -> ShapedArray:
    return aval.update(shape=tuple(aval.shape[i] for i in order))


def _approx_top_k(w, outs, x, **params):
    return w.trace(lambda x: sorted_first(x, **params), [x])


INDEXING: dict[str, Rule] = {
    "approx_top_k": _approx_top_k,
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update_slice,
    "gather": _gather,
    "scatter": _scatter(None),
    "scatter-add": _scatter("add"),
    "scatter-sub": _scatter("subtract"),
    "scatter-mul": _scatter("multiply"),
    "scatter-min": _scatter("minimum"),
    "scatter-max": _scatter("maximum"),
    "sort": _sort,
    "top_k": _top_k,
}
