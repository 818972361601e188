"""Functions that read or replace the elements at an array of indices: `take`, `put`, `place` and their variants."""

from __future__ import annotations

import operator

import numpy as np

from .. import lax
from ..core.traces import Array, given
from ..core.types import ArrayLike
from ..foundation import dtypes
from ..primitives import elementwise as ew
from ..primitives.basis import const
from ..primitives.dynamic_slices import dtype_of_index, widened
from ..primitives.windows import GatherDimensionNumbers, GatherScatterMode
from .arithmetic import mod
from .indexing import wrap_negative
from .number_kinds import clip
from .util import broadcast_shapes, canonicalize_axis, check_no_out, convert, ensure_arraylike, to_shape, where


def take(
    a: ArrayLike,
    indices: ArrayLike,
    axis: int | None = None,
    out: None = None,
    mode: str | None = None,
    unique_indices: bool = False,
    indices_are_sorted: bool = False,
    fill_value: ArrayLike | None = None,
) -> Array:
    """The elements of `a` at `indices` along an axis, by default of `a` flattened (`jax.numpy.take`).

    `mode`: "fill" (the default: NaN, or `fill_value`, out of bounds), "clip" or "wrap".

    >>> take(np.float32([10, 20, 30]), np.array([2, 0]))
    Array([30., 10.], dtype=float32)
    """
    check_no_out("take", out)
    a, indices = ensure_arraylike("take", a, indices)
    if axis is None:
        a, axis = lax.reshape(a, (a.size,)), 0
    axis = canonicalize_axis(operator.index(axis), a.ndim)
    size = a.shape[axis]
    if indices.dtype == bool:
        # As in JAX, True is place 1: not a mask.
        indices = convert(indices, np.dtype("int32"))
    if not dtypes.issubdtype(indices.dtype, np.integer):
        raise ValueError(f"take: indices must have an integer type, got {indices.dtype}")
    indices = widened(indices, size)
    if mode in (None, "fill"):
        gather_mode = GatherScatterMode.FILL_OR_DROP
        negative = ew.lt_p.bind(indices, const(indices, 0))
        # For no indices JAX's `where` returns its first value, without an equation.
        from_end = ew.add_p.bind(indices, const(indices, size))
        indices = lax.select(negative, from_end, indices) if indices.size else from_end
    elif mode == "wrap":
        gather_mode = GatherScatterMode.PROMISE_IN_BOUNDS
        indices = mod(indices, const(indices, size)) if size else indices
    elif mode == "clip":
        gather_mode = GatherScatterMode.CLIP
    elif mode == "raise":
        raise NotImplementedError("The 'raise' mode to jnp.take is not supported.")
    else:
        raise ValueError(f"Invalid mode '{mode}' for np.take")
    if size == 0 and indices.size:
        raise IndexError("Cannot do a non-empty jnp.take() from an empty axis.")
    if size == 0:
        # As in JAX, whatever the shape of the indices.
        return given(a)
    if not indices.size:
        return lax.full_like(a, 0, shape=(*a.shape[:axis], *indices.shape, *a.shape[axis + 1 :]))
    behind = range(axis + indices.ndim, a.ndim + indices.ndim - 1)
    return lax.gather(
        a,
        lax.expand_dims(indices, (indices.ndim,)),
        GatherDimensionNumbers((*range(axis), *behind), (axis,), (axis,)),
        tuple(1 if i == axis else d for i, d in enumerate(a.shape)),
        mode=gather_mode,
        unique_indices=unique_indices,
        indices_are_sorted=indices_are_sorted,
        fill_value=fill_value,
    )


def take_along_axis(
    arr: ArrayLike,
    indices: ArrayLike,
    axis: int | None = -1,
    mode: str | None = None,
    fill_value: ArrayLike | None = None,
    *,
    wrap_negative_indices: bool | None = None,
) -> Array:
    """The elements of each vector of `arr` along the axis, at its own vector of indices (`jax.numpy.take_along_axis`).

    wrap_negative_indices: whether negative ones count from the end, by default unless the mode is "promise_in_bounds".

    >>> import minijax.numpy as jnp
    >>> x = jnp.array([[3.0, 1.0], [4.0, 5.0]])
    >>> take_along_axis(x, jnp.argsort(x, axis=1), axis=1)
    Array([[1., 3.],
           [4., 5.]], dtype=float32)
    """
    a, indices = ensure_arraylike("take_along_axis", arr, indices)
    if not dtypes.issubdtype(indices.dtype, np.integer):
        raise TypeError(f"take_along_axis indices must be of integer type, got {indices.dtype}")
    if axis is None:
        if indices.ndim != 1:
            raise ValueError(f"take_along_axis indices must be 1D if axis=None, got shape {indices.shape}")
        a, axis = lax.reshape(a, (a.size,)), 0
    if a.ndim != indices.ndim:
        raise ValueError(f"indices and arr must have the same number of dimensions; {indices.ndim} vs. {a.ndim}")
    axis = canonicalize_axis(axis, a.ndim)
    one = tuple(1 if i == axis else d for i, d in enumerate(a.shape))
    out_shape = broadcast_shapes(indices.shape, one)
    if a.shape[axis] == 0:
        return lax.full(out_shape, 0, a.dtype)
    indices = convert(indices, dtype_of_index(a.shape[axis]))
    if mode != "promise_in_bounds" if wrap_negative_indices is None else wrap_negative_indices:
        indices = wrap_negative(indices, a.shape[axis])
    own = [i for i, d in enumerate(indices.shape) if i == axis or d != 1]
    squeezed = [i for i in own if i != axis and a.shape[i] == 1]
    paired = [i for i in own if i != axis and a.shape[i] != 1]
    whole = [i for i in range(a.ndim) if i not in own]
    # The number that each axis of `a` has after the squeeze.
    after = {i: n for n, i in enumerate(i for i in range(a.ndim) if i not in squeezed)}
    numbers = GatherDimensionNumbers(
        tuple(whole),
        (after[axis],),
        (after[axis],),
        tuple(after[i] for i in paired),
        tuple(own.index(i) for i in paired),
    )
    sizes = tuple(a.shape[i] if i in whole else min(1, a.shape[i]) for i in after)
    places = lax.reshape(indices, (*[out_shape[i] for i in own], 1))
    a = lax.squeeze(a, squeezed) if squeezed else a
    return lax.gather(a, places, numbers, sizes, mode="fill" if mode is None else mode, fill_value=fill_value)


def put_along_axis(
    arr: ArrayLike,
    indices: ArrayLike,
    values: ArrayLike,
    axis: int | None,
    inplace: bool = True,
    *,
    mode: str | None = None,
) -> Array:
    """`arr` with the elements at the indices along the axis replaced (`jax.numpy.put_along_axis`, with `inplace=False`).

    >>> import minijax.numpy as jnp
    >>> jnp.put_along_axis(jnp.zeros((2, 2)), jnp.array([[0], [1]]), 5.0, 1, inplace=False)
    Array([[5., 0.],
           [0., 5.]], dtype=float32)
    """
    if inplace:
        raise ValueError(
            "jax.numpy.put_along_axis cannot modify arrays in-place, because JAX arrays are immutable. Pass inplace=False"
            " to instead return an updated array."
        )
    a, indices, values = ensure_arraylike("put_along_axis", arr, indices, values)
    shape = a.shape
    if axis is None:
        a, axis = lax.reshape(a, (a.size,)), 0
    axis = canonicalize_axis(axis, a.ndim)
    if a.ndim != indices.ndim:
        raise ValueError(
            f"put_along_axis arguments 'arr' and 'indices' must have same ndim, got shapes {shape} and {indices.shape}"
        )
    try:
        values = to_shape(values, indices.shape)
    except ValueError as error:
        raise ValueError(
            "put_along_axis argument 'values' must be broadcastable to 'indices', got shapes"
            f" {values.shape} and {indices.shape}"
        ) from error
    others = [
        lax.expand_dims(lax.iota(dtypes.canonicalize_dtype("int64"), d), [j for j in range(a.ndim) if j != i])
        for i, d in enumerate(a.shape)
    ]
    index = tuple(indices if i == axis else line for i, line in enumerate(others))
    return lax.reshape(a.at[index].set(values, mode=mode), shape)


def put(a: ArrayLike, ind: ArrayLike, v: ArrayLike, mode: str | None = None, *, inplace: bool = True) -> Array:
    """`a` with the elements at flat indices replaced by `v`, repeated as needed (`jax.numpy.put`, with `inplace=False`).

    >>> import minijax.numpy as jnp
    >>> jnp.put(jnp.arange(3), jnp.array([0]), 9, inplace=False)
    Array([9, 1, 2], dtype=int32)
    """
    if inplace:
        raise ValueError(
            "jax.numpy.put cannot modify arrays in-place, because JAX arrays are immutable. Pass inplace=False to instead"
            " return an updated array."
        )
    a, ind, v = ensure_arraylike("put", a, ind, v)
    ind, v = lax.reshape(ind, (ind.size,)), lax.reshape(v, (v.size,))
    if not a.size or not ind.size or not v.size:
        return a
    ind = widened(ind, a.size)
    if mode == "wrap":
        ind = mod(ind, const(ind, a.size))
    elif mode == "clip":
        ind = clip(ind, 0, a.size - 1)
    elif mode is None:
        ind = clip(ind, None if dtypes.issubdtype(ind.dtype, np.unsignedinteger) else -a.size, a.size - 1)
    elif mode == "raise":
        raise NotImplementedError("The 'raise' mode to jnp.put is not supported.")
    else:
        raise ValueError(f"jnp.put: mode should be one of 'wrap' or 'clip'; got mode={mode!r}")
    v = take(v, lax.rem(lax.iota(np.dtype("int32"), ind.size), lax.full((ind.size,), v.size, np.dtype("int32"))))
    return lax.reshape(lax.reshape(a, (a.size,)).at[ind].set(v, mode="promise_in_bounds"), a.shape)


def place(arr: ArrayLike, mask: ArrayLike, vals: ArrayLike, *, inplace: bool = True) -> Array:
    """`arr` with its elements under a true mask replaced by `vals`, repeated as needed (`jax.numpy.place`).

    >>> import minijax.numpy as jnp
    >>> jnp.place(jnp.arange(3), jnp.array([True, False, True]), jnp.array([8, 9]), inplace=False)
    Array([8, 1, 9], dtype=int32)
    """
    if inplace:
        raise ValueError(
            "jax.numpy.place cannot modify arrays in-place, because JAX arrays are immutable. Pass inplace=False to instead"
            " return an updated array."
        )
    a, mask, vals = ensure_arraylike("place", arr, mask, vals)
    if a.size != mask.size:
        raise ValueError(f"jnp.place: arr and mask must be the same size, got shapes {a.shape} and {mask.shape}")
    if not vals.size:
        raise ValueError("jnp.place: Cannot place values from an empty array")
    if not a.size:
        return a
    flat = lax.reshape(mask, (mask.size,))
    flat = flat if flat.dtype == bool else ew.ne_p.bind(flat, const(flat, 0))
    # The k-th true element takes the k-th value.
    order = lax.sub(lax.cumsum(lax.convert_element_type(flat, np.int32)), np.int32(1))
    chosen = take(lax.reshape(vals, (vals.size,)), mod(order, np.int32(vals.size)))
    return lax.reshape(where(flat, convert(chosen, a.dtype), lax.reshape(a, (a.size,))), a.shape)
