"""Primitives that read and write at places given by numbers: gather and the scatters.

gather and scatter are each other's transpose, and both have a window of the operand for each vector of indices.
`GatherDimensionNumbers` and `ScatterDimensionNumbers` say which axis plays which part (XLA's semantics).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import ShapedArray, Zero, is_undefined_primal
from ..core.jaxpr import ClosedJaxpr, Jaxpr
from ..core.staging import trace_to_jaxpr
from ..core.traces import Array, get_aval
from ..core.types import ArrayLike
from ..foundation.dtypes import iinfo, issubdtype
from ..foundation.source_info import Origin, context, interpreter
from .basis import (
    add_tangents,
    batch_to_front,
    full,
    instantiate,
    move_batch_dim,
    reshape,
    row,
    shape_of,
    zero_like,
)
from .elementwise import add_p, eq_p, max_p, min_p, mul_p, neg_p, select, sub_p
from .shapes import broadcasted_iota
from .windows import (
    GatherDimensionNumbers,
    GatherScatterMode,
    ScatterDimensionNumbers,
    bump,
    interleave,
    the_window,
    whole_windows,
    window_places,
)

# ---------------------------------------------------------------------------------------------------------------------
# gather


def gather(
    operand: ArrayLike,
    start_indices: ArrayLike,
    dimension_numbers: GatherDimensionNumbers,
    slice_sizes: Sequence[int],
    *,
    unique_indices: bool = False,
    indices_are_sorted: bool = False,
    mode: Any = None,
    fill_value: ArrayLike | None = None,
) -> Array:
    """A window of the operand for every index vector (the last axis of `start_indices`) (`lax.gather`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> one = lax.GatherDimensionNumbers((), (0,), (0,))
    >>> lax.gather(jnp.array([10, 20, 30]), jnp.array([[2], [0]]), one, slice_sizes=(1,))
    Array([30, 10], dtype=int32)
    """
    # A scatter drops what is out of bounds unless a mode is given, a gather promises that nothing is.
    parsed = GatherScatterMode.PROMISE_IN_BOUNDS if mode is None else GatherScatterMode.from_any(mode)
    if parsed is GatherScatterMode.FILL_OR_DROP:
        fill_value = _default_fill(get_aval(operand).dtype) if fill_value is None else fill_value
    else:
        fill_value = None
    return gather_p.bind(
        operand,
        start_indices,
        dimension_numbers=GatherDimensionNumbers(*[tuple(map(int, d)) for d in dimension_numbers]),
        slice_sizes=tuple(map(operator.index, slice_sizes)),
        indices_are_sorted=bool(indices_are_sorted),
        unique_indices=bool(unique_indices),
        mode=parsed,
        fill_value=fill_value,
    )


def _default_fill(dtype):
    """The value read out of bounds: NaN, the least signed integer, the greatest unsigned integer, or True."""
    if issubdtype(dtype, np.inexact):
        return float("nan")
    if issubdtype(dtype, np.signedinteger):
        return int(iinfo(dtype).min)
    if issubdtype(dtype, np.unsignedinteger):
        return int(iinfo(dtype).max)
    return True if dtype.kind == "b" else 0


def _gather_abstract_eval(x, indices, *, dimension_numbers, slice_sizes, **params):
    offset, collapsed, index_map, batching, _ = dimension_numbers
    if indices.dtype.kind not in "iu":
        raise ValueError(f"lax.gather: start_indices must have an integer type, got {indices.dtype.name}")
    if len(slice_sizes) != x.ndim or any(not 0 <= s <= d for s, d in zip(slice_sizes, x.shape)):
        raise TypeError(f"Gather op must have slice_sizes within the operand's shape {x.shape}, got {slice_sizes}.")
    if not indices.shape or indices.shape[-1] != len(index_map):
        raise TypeError(
            f"Gather op has {len(index_map)} elements in start_index_map and start_indices of shape {indices.shape}, whose"
            " last axis must be as long."
        )
    window = [s for d, s in enumerate(slice_sizes) if d not in collapsed and d not in batching]
    if len(window) != len(offset):
        raise TypeError(f"Gather op has {len(offset)} offset_dims for windows of {len(window)} axes.")
    batch, window = iter(indices.shape[:-1]), iter(window)
    ndim = indices.ndim - 1 + len(offset)
    return ShapedArray(tuple(next(window) if i in offset else next(batch) for i in range(ndim)), x.dtype, x.weak_type)


def as_fill(fill_value, dtype) -> np.ndarray:
    """The value in the operand's dtype, as NumPy converts: an infinity is the least int32."""
    with np.errstate(invalid="ignore"):
        return np.asarray(fill_value).astype(dtype)


def _gather_impl(x, indices, *, dimension_numbers, slice_sizes, mode, fill_value, **params):
    offset, collapsed, index_map, batching, indices_batching = dimension_numbers
    # Of one window, as `x[i, j]` reads, NumPy has a slice: no arrays of positions.
    window = the_window(x.shape, indices, slice_sizes, index_map, batching, mode)
    if window:
        own = iter([n for d, n in enumerate(slice_sizes) if d not in collapsed])
        ndim = indices.ndim - 1 + len(offset)
        return x[window].reshape([next(own) if d in offset else 1 for d in range(ndim)])
    fill = lambda: as_fill(fill_value, x.dtype)
    rows = whole_windows(x, indices, dimension_numbers, slice_sizes, mode, fill)
    if rows is not None:
        return rows
    places, inside, shape = window_places(
        x.shape, indices, slice_sizes, index_map, batching, indices_batching, collapsed, mode
    )
    if 0 in x.shape:
        # The operand has no elements: every window is out of bounds, or empty.
        out = np.full(shape, 0 if fill_value is None else fill(), x.dtype)
    else:
        out = np.broadcast_to(x[tuple(places)], shape) if places else np.broadcast_to(x, shape)
        if inside is not None:
            out = np.where(inside, out, fill())
    return out.transpose(interleave(len(shape), offset))


def _gather_jvp(primals, tangents, **params):
    out = gather_p.bind(*primals, **params)
    if type(tangents[0]) is Zero:
        return out, zero_like(out)
    if params["mode"] is GatherScatterMode.FILL_OR_DROP:
        # The value filled in does not depend on the operand: its tangent is 0.
        params = {**params, "fill_value": 0}
    return out, gather_p.bind(tangents[0], primals[1], **params)


def _gather_transpose(
    ct, x, indices, *, dimension_numbers, slice_sizes, unique_indices, indices_are_sorted, mode, fill_value
):
    offset, collapsed, index_map, batching, indices_batching = dimension_numbers
    numbers = ScatterDimensionNumbers(offset, collapsed, index_map, batching, indices_batching)
    zeros = full(x.aval.shape, 0, x.aval.dtype)
    result = scatter_add(
        zeros,
        indices,
        ct,
        numbers,
        indices_are_sorted=indices_are_sorted,
        unique_indices=unique_indices,
        mode=mode,
    )
    return [result, None]


def gather_batch(axis, args, dims, *, dimension_numbers, slice_sizes, **params):
    (x, indices), (dx, di) = args, dims
    offset, collapsed, index_map, batching, indices_batching = dimension_numbers
    if dx is not None:
        x = move_batch_dim(x, dx, 0)
        collapsed, index_map, batching = bump(collapsed), bump(index_map), bump(batching)
    if di is not None:
        indices = move_batch_dim(indices, di, 0)
        indices_batching = bump(indices_batching)
    if di is None:
        # The operand alone is batched: every window spans the whole batch axis.
        offset, slice_sizes = (0, *bump(offset)), (axis.size, *slice_sizes)
    else:
        offset = bump(offset)
        if dx is not None:
            size = min(axis.size, 1)
            batching, indices_batching, slice_sizes = (0, *batching), (0, *indices_batching), (size, *slice_sizes)
        else:
            # Two examples may read one place.
            params = {**params, "unique_indices": False, "indices_are_sorted": False}
    numbers = GatherDimensionNumbers(offset, collapsed, index_map, batching, indices_batching)
    return gather_p.bind(x, indices, dimension_numbers=numbers, slice_sizes=tuple(slice_sizes), **params), 0


gather_p = row(
    "gather",
    impl=_gather_impl,
    abstract_eval=_gather_abstract_eval,
    jvp=_gather_jvp,
    transpose=_gather_transpose,
    batch=gather_batch,
)


# ---------------------------------------------------------------------------------------------------------------------
# scatter


def _scatter_abstract_eval(x, indices, updates, *, dimension_numbers, **params):
    window, inserted, to_operand, batching, _ = dimension_numbers
    if indices.dtype.kind not in "iu":
        raise ValueError(f"lax.scatter: indices must have an integer type, got {indices.dtype.name}")
    if x.dtype != updates.dtype:
        raise TypeError(
            f"lax.scatter requires arguments to have the same dtypes, got {x.dtype.name}, {updates.dtype.name}."
        )
    if indices.shape[-1] != len(to_operand):
        raise TypeError(
            f"Scatter op has {len(to_operand)} elements in scatter_dims_to_operand_dims and indices of shape"
            f" {indices.shape}, whose last axis must be as long."
        )
    batch = tuple(d for i, d in enumerate(updates.shape) if i not in window)
    if batch != indices.shape[:-1]:
        raise TypeError(
            f"Bounds of the scatter dimensions of updates must be the same as the bounds of the corresponding dimensions of"
            f" scatter indices, got {batch} and {indices.shape[:-1]}."
        )
    own = [d for i, d in enumerate(x.shape) if i not in inserted and i not in batching]
    if len(own) != len(window) or any(updates.shape[w] > d for w, d in zip(window, own)):
        raise TypeError(
            f"Scatter op's update windows do not fit an operand of shape {x.shape}: updates {updates.shape}."
        )
    return ShapedArray(x.shape, x.dtype, x.weak_type and updates.weak_type)


def _window_sizes(shape, updates_shape, numbers: ScatterDimensionNumbers) -> tuple[int, ...]:
    """The size of a window along each of the operand's axes."""
    own = iter(numbers.update_window_dims)
    removed = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
    return tuple(1 if d in removed else updates_shape[next(own)] for d in range(len(shape)))


def scatter_impl(write: Callable) -> Callable:
    """The implementation of a scatter by `write(flat copy of the operand, flat positions, flat updates)`, which writes into
    the copy."""

    def impl(x, indices, updates, *, dimension_numbers, mode, **params):
        window, inserted, to_operand, batching, indices_batching = dimension_numbers
        out = np.array(x, order="C")
        # An empty operand has no place to clip an index to.
        if not updates.size or not x.size:
            return out
        sizes = _window_sizes(x.shape, updates.shape, dimension_numbers)
        # As XLA does: a window that is out of bounds against the promise is clipped by gather, but dropped by scatter.
        mode = mode if mode is GatherScatterMode.CLIP else GatherScatterMode.FILL_OR_DROP
        the_one = the_window(x.shape, indices, sizes, to_operand, batching, mode)
        if the_one is not False:
            # `x.at[i].set(...)` in a loop: NumPy's assignment takes a tenth of the time of arrays of positions.
            if the_one is not None:
                write(out[(*the_one, ...)], ..., updates.reshape(sizes))  # A view, of shape () too.
            return out
        places, inside, shape = window_places(
            x.shape, indices, sizes, to_operand, tuple(batching), tuple(indices_batching), inserted, mode
        )
        positions = np.zeros((), np.int64)
        for place, size in zip(places, x.shape):
            positions = positions * size + place
        positions = np.broadcast_to(positions, shape)
        order = np.argsort(interleave(len(shape), window))
        values = updates.transpose(order)
        if inside is not None:
            inside = np.broadcast_to(inside, shape)
            positions, values = positions[inside], values[inside]
        write(out.reshape(-1), positions.reshape(-1), values.reshape(-1))
        return out

    return impl


def _assign(flat, positions, values):
    flat[positions] = values


# `calls/scatter_apply.py` puts its function here: (closed jaxpr of an element and an update that it ignores, elements) -> elements.
applied: Callable | None = None


def _scatter_or_apply(*args, dimension_numbers, mode, update_jaxpr=None, update_consts=(), **params):
    """`scatter`; with a jaxpr `scatter_apply`: an element goes through the function as often as it is named."""
    if update_jaxpr is None:
        return _plain_scatter(*args, dimension_numbers=dimension_numbers, mode=mode)

    def write(flat, positions, values):
        def apply(elements):
            return applied(ClosedJaxpr(update_jaxpr, update_consts), elements)

        if positions is Ellipsis:
            flat[...] = apply(flat.reshape(-1)).reshape(flat.shape)
            return
        while len(positions):
            places, firsts = np.unique(positions, return_index=True)
            flat[places] = apply(flat[places])
            positions = np.delete(positions, firsts)

    return scatter_impl(write)(*args, dimension_numbers=dimension_numbers, mode=mode)


_plain_scatter = scatter_impl(_assign)
_scatter_or_apply.users = _plain_scatter


def _accumulate(ufunc) -> Callable:
    return lambda flat, positions, values: ufunc.at(flat, positions, values)


def _scatter_batch(primitive_of: Callable) -> Callable:
    def batch(axis, args, dims, *, dimension_numbers, **params):
        (x, indices, updates), (dx, di, du) = args, dims
        x, updates = batch_to_front(x, dx, axis.size), batch_to_front(updates, du, axis.size)
        window, inserted, to_operand, batching, indices_batching = map(bump, dimension_numbers)
        indices_batching = tuple(dimension_numbers.scatter_indices_batching_dims)
        if di is None:
            window = (0, *window)
        else:
            indices = move_batch_dim(indices, di, 0)
            batching, indices_batching = (0, *batching), (0, *bump(indices_batching))
        numbers = ScatterDimensionNumbers(window, inserted, to_operand, batching, indices_batching)
        return primitive_of().bind(x, indices, updates, dimension_numbers=numbers, **params), 0

    return batch


def update_gather(x, indices, updates_shape, numbers: ScatterDimensionNumbers, mode, fill_value=0):
    """The elements of `x` at the places of the updates, in the shape of the updates."""
    dims = GatherDimensionNumbers(
        tuple(numbers.update_window_dims),
        tuple(numbers.inserted_window_dims),
        tuple(numbers.scatter_dims_to_operand_dims),
        tuple(numbers.operand_batching_dims),
        tuple(numbers.scatter_indices_batching_dims),
    )
    return gather(
        x, indices, dims, _window_sizes(shape_of(x), updates_shape, numbers), mode=mode, fill_value=fill_value
    )


def jvp_of_scatter(primitive_of: Callable, tangent_of: Callable) -> Callable:
    """The jvp rule from tangent_of(out, primals, g, g_updates, params); g and g_updates: the tangents of operand and updates."""

    def jvp(primals, tangents, **params):
        out = primitive_of().bind(*primals, **params)
        if type(tangents[0]) is Zero and type(tangents[2]) is Zero:
            return out, zero_like(out)
        return out, tangent_of(out, primals, instantiate(tangents[0]), instantiate(tangents[2]), params)

    return jvp


def _scatter_sum_jvp(primitive_of: Callable) -> Callable:
    """The rule of scatter-add and scatter-sub: the primitive itself, applied to the tangents."""

    def tangent(out, primals, g, g_updates, params):
        return primitive_of().bind(g, primals[1], g_updates, **params)

    return jvp_of_scatter(primitive_of, tangent)


def _scatter_sum_transpose(sign: Callable) -> Callable:
    """The rule of scatter-add and scatter-sub. sign: what the updates' cotangent goes through."""

    def transpose(ct, x, indices, updates, *, dimension_numbers, mode, **params):
        ct_updates = None
        if is_undefined_primal(updates):
            ct_updates = sign(update_gather(ct, indices, updates.aval.shape, dimension_numbers, mode))
        return [ct if is_undefined_primal(x) else None, None, ct_updates]

    return transpose


def _scatter_jvp(primals, tangents, **params):
    x, indices, updates = primals
    if params["update_jaxpr"] is not None:
        raise NotImplementedError(
            "scatter_apply JVP not implemented, as in JAX: gather, apply the function, and scatter."
        )
    if type(tangents[0]) is Zero and type(tangents[2]) is Zero:
        out = scatter_p.bind(x, indices, updates, **params)
        return out, zero_like(out)
    g, g_updates = instantiate(tangents[0]), instantiate(tangents[2])
    if params["unique_indices"]:
        out = scatter_p.bind(x, indices, updates, **params)
        return out, scatter_p.bind(g, indices, g_updates, **params)
    # If several updates name one place, one of them wins, and only its tangent may count. To find the winners: number the
    # updates, scatter the numbers, and gather them; an update that finds its own number won. The others are made zeros, and a sum
    # is scattered: it has a transpose.
    numbers, shape = params["dimension_numbers"], shape_of(updates)
    count_shape = [1 if i in numbers.update_window_dims else d for i, d in enumerate(shape)]
    count = math.prod(count_shape)
    dtype = np.dtype("uint32" if count < 2**32 else "uint64")
    ids = add_p.bind(reshape(broadcasted_iota(dtype, (count,), 0), count_shape), full(shape, 1, dtype))
    winners = bind_scatter(scatter_p, full(shape_of(x), 0, dtype), indices, ids, params)
    found = update_gather(winners, indices, shape, numbers, None, None)

    def masked(operand, updates):
        none = full(shape_of(x), 0, dtype)
        operand = select(eq_p.bind(winners, none), operand, full(shape_of(x), 0, operand.dtype))
        return operand, select(eq_p.bind(ids, found), updates, full(shape, 0, updates.dtype))

    (x, updates), (g, g_updates) = masked(x, updates), masked(g, g_updates)
    out = bind_scatter(scatter_add_p, x, indices, updates, params)
    return out, bind_scatter(scatter_add_p, g, indices, g_updates, params)


def _scatter_transpose(ct, x, indices, updates, *, dimension_numbers, mode, **params):
    """The transpose for unique indices, the only ones for which the jvp rule writes a linear scatter. Elements of the operand
    that are overwritten have cotangent 0."""
    ct_x = ct_updates = None
    if is_undefined_primal(x):
        zeros = full(updates.aval.shape if is_undefined_primal(updates) else shape_of(updates), 0, ct.dtype)
        ct_x = scatter_p.bind(ct, indices, zeros, dimension_numbers=dimension_numbers, mode=mode, **params)
    if is_undefined_primal(updates):
        ct_updates = update_gather(ct, indices, updates.aval.shape, dimension_numbers, mode)
    return [ct_x, None, ct_updates]


def bind_scatter(primitive, x, indices, updates, params):
    """Bind another scatter with the indices and parameters of this one."""
    return _scatter(
        primitive,
        x,
        indices,
        updates,
        params["dimension_numbers"],
        params["indices_are_sorted"],
        params["unique_indices"],
        params["mode"],
    )


def _scatter_mul_jvp(primals, tangents, **params):
    (x, indices, updates), (g, _, g_updates) = primals, tangents
    out = scatter_mul_p.bind(x, indices, updates, **params)
    left = right = zero_like(out)
    if type(g) is not Zero:
        left = scatter_mul_p.bind(g, indices, updates, **params)
    if type(g_updates) is not Zero:
        if not params["unique_indices"]:
            raise NotImplementedError(
                "scatter_mul gradients are only implemented if `unique_indices=True`: pass it to .at[].multiply if no place is"
                " named twice."
            )
        zeros = full(shape_of(x), 0, x.dtype)
        right = mul_p.bind(x, bind_scatter(scatter_add_p, zeros, indices, g_updates, params))
    return out, add_tangents(left, right)


def _scatter_mul_transpose(ct, x, indices, updates, **params):
    return [scatter_mul_p.bind(ct, indices, updates, **params), None, None]


def scatter_row(name: str, impl: Callable, jvp: Callable, transpose) -> object:
    primitive = row(
        name,
        impl=impl,
        abstract_eval=_scatter_abstract_eval,
        jvp=jvp,
        transpose=transpose,
        batch=_scatter_batch(lambda: primitive),
    )
    return primitive


scatter_p = scatter_row("scatter", _scatter_or_apply, _scatter_jvp, _scatter_transpose)
scatter_add_p = scatter_row(
    "scatter-add",
    scatter_impl(_accumulate(np.add)),
    _scatter_sum_jvp(lambda: scatter_add_p),
    _scatter_sum_transpose(lambda ct: ct),
)
scatter_sub_p = scatter_row(
    "scatter-sub",
    scatter_impl(_accumulate(np.subtract)),
    _scatter_sum_jvp(lambda: scatter_sub_p),
    _scatter_sum_transpose(neg_p.bind),
)
scatter_mul_p = scatter_row(
    "scatter-mul", scatter_impl(_accumulate(np.multiply)), _scatter_mul_jvp, _scatter_mul_transpose
)


# The function of (element, update) that JAX shows in the equation of each scatter.
_combiners = {
    "scatter-add": add_p,
    "scatter-sub": sub_p,
    "scatter-mul": mul_p,
    "scatter-min": min_p,
    "scatter-max": max_p,
}
_update_jaxprs: dict[tuple, Jaxpr] = {}


@interpreter
def _update_jaxpr(name: str, aval: ShapedArray) -> Jaxpr | None:
    """The jaxpr that combines an element with its update: a parameter of scatters."""
    if name not in _combiners:
        return None
    scalar = ShapedArray((), aval.dtype)
    key = (name, scalar)
    if key not in _update_jaxprs:
        # All scatters share the jaxpr. Its equation comes from none of the user's expressions; the scatter itself does.
        around = context.origin
        try:
            context.origin = Origin(None)
            _update_jaxprs[key] = trace_to_jaxpr(lambda a, b: [_combiners[name].bind(a, b)], [scalar, scalar])[0]
            context.origin = around
        except BaseException:
            context.origin = around
            raise
    return _update_jaxprs[key]


def _scatter(primitive, operand, indices, updates, numbers, indices_are_sorted, unique_indices, mode):
    return primitive.bind(
        operand,
        indices,
        updates,
        dimension_numbers=ScatterDimensionNumbers(*[tuple(map(int, d)) for d in numbers]),
        indices_are_sorted=bool(indices_are_sorted),
        unique_indices=bool(unique_indices),
        mode=GatherScatterMode.from_any(mode),
        update_jaxpr=_update_jaxpr(primitive.name, get_aval(operand)),
        update_consts=(),
    )


def scatterer_of(primitive, name: str, does: str, result: str):
    def scatterer(
        operand: ArrayLike,
        scatter_indices: ArrayLike,
        updates: ArrayLike,
        dimension_numbers: ScatterDimensionNumbers,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
    ) -> Array:
        return _scatter(
            primitive, operand, scatter_indices, updates, dimension_numbers, indices_are_sorted, unique_indices, mode
        )

    scatterer.__name__ = scatterer.__qualname__ = name
    scatterer.__doc__ = f"""{does} a window of the operand for every index vector (`lax.{name}`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> one = lax.ScatterDimensionNumbers((), (0,), (0,))
    >>> lax.{name}(jnp.array([5, 5, 5]), jnp.array([[2], [0]]), jnp.array([2, 9]), one)
    Array({result}, dtype=int32)
    """
    return scatterer


scatter = scatterer_of(scatter_p, "scatter", "Replace", "[9, 5, 2]")
scatter_add = scatterer_of(scatter_add_p, "scatter_add", "Add to", "[14,  5,  7]")
scatter_sub = scatterer_of(scatter_sub_p, "scatter_sub", "Subtract from", "[-4,  5,  3]")
scatter_mul = scatterer_of(scatter_mul_p, "scatter_mul", "Multiply", "[45,  5, 10]")
