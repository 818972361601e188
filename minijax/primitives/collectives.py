"""Collectives: operations among the examples of a named axis (`vmap(f, axis_name="i")`), and the index along it.

To the program they are operations on one example; the map whose axis they name does them, by the row's `collective` rule,
on the whole batch. Every other map treats its own axis by the ordinary batch rule. (JAX: `_src/lax/parallel.py`.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..core import Primitive, ShapedArray, Zero, get_aval
from .basis import (
    NOT_LINEAR,
    batch_to_front,
    broadcast_batch,
    const,
    full,
    instantiate,
    move_batch_dim,
    reduce_sum,
    reshape,
    row,
    shape_of,
    zero_like,
)
from .elementwise import mul_p
from .joining import concatenate
from .reductions import reduce_max_p, reduce_min_p
from .shapes import broadcasted_iota, slice_in_dim

UNMAPPED = "it means something only within a map over the axis it names"


def _unbound(name: str) -> Callable:
    def impl(*args, **params):
        raise NameError(f"unbound axis name in {name}: {UNMAPPED}.")

    return impl


def _collective(primitive: Primitive, rule: Callable, names: Callable[[dict], Sequence]) -> Primitive:
    """Give a row its rule for the axis that it names: (axis, args, dims, **params) -> (results, dims)."""
    primitive.collective = rule
    primitive.named_axes = names
    return primitive


def without(axes: Sequence, name) -> tuple:
    return tuple(a for a in axes if a != name)


# ---------------------------------------------------------------------------------------------------------------------
# psum, pmax, pmin: of several arrays at once


def _reduction(name: str, reduce: Callable, repeated: Callable, jvp, transpose) -> Primitive:
    def batch(axis, args, dims, **params):
        return primitive.bind(*args, **params), list(dims)

    def collective(axis, args, dims, *, axes, axis_index_groups):
        outs = [repeated(x, axis.size) if d is None else reduce(x, d) for x, d in zip(args, dims)]
        rest = without(axes, axis.name)
        if rest:
            outs = primitive.bind(*outs, axes=rest, axis_index_groups=axis_index_groups)
        return outs, [None] * len(outs)

    primitive = row(
        name,
        impl=_unbound(name),
        abstract_eval=lambda *avals, axes, axis_index_groups: list(avals),
        jvp=jvp,
        transpose=transpose,
        batch=batch,
        multiple_results=True,
    )
    return _collective(primitive, collective, lambda params: params["axes"])


def _psum_jvp(primals, tangents, **params):
    outs = psum_p.bind(*primals, **params)
    moving = [i for i, t in enumerate(tangents) if type(t) is not Zero]
    summed = psum_p.bind(*[tangents[i] for i in moving], **params) if moving else []
    out_tangents = [zero_like(x) for x in outs]
    for i, t in zip(moving, summed):
        out_tangents[i] = t
    return outs, out_tangents


def _psum_transpose(cotangents, *args, **params):
    """What every example has added to, every example gets back from."""
    moving = [i for i, ct in enumerate(cotangents) if type(ct) is not Zero]
    results: list = [None] * len(args)
    for i, ct in zip(moving, psum_p.bind(*[cotangents[i] for i in moving], **params) if moving else []):
        results[i] = ct
    return results


psum_p = _reduction(
    "psum",
    lambda x, d: reduce_sum(x, (d,)),
    lambda x, n: mul_p.bind(x, const(get_aval(x), n)),
    _psum_jvp,
    _psum_transpose,
)
NO_DERIVATIVE = (
    "which example the extremum is of is not smooth, as in JAX; use lax.all_gather and jnp.max for a derivative"
)
pmax_p = _reduction("pmax", lambda x, d: reduce_max_p.bind(x, axes=(d,)), lambda x, n: x, NO_DERIVATIVE, NOT_LINEAR)
pmin_p = _reduction("pmin", lambda x, d: reduce_min_p.bind(x, axes=(d,)), lambda x, n: x, NO_DERIVATIVE, NOT_LINEAR)


# ---------------------------------------------------------------------------------------------------------------------
# axis_index

axis_index_p = _collective(
    row(
        "axis_index",
        impl=_unbound("axis_index"),
        abstract_eval=lambda *, axis_name: ShapedArray((), np.dtype("int32")),
        jvp="it has no arguments",
        transpose="it has no arguments",
        batch="it has no arguments",
    ),
    lambda axis, args, dims, *, axis_name: (broadcasted_iota(np.dtype("int32"), (axis.size,), 0), 0),
    lambda params: (params["axis_name"],),
)


# ---------------------------------------------------------------------------------------------------------------------
# Linear ones: each is the other's transpose


def _linear(name: str, abstract_eval, transpose, batch, collective) -> Primitive:
    def jvp(primals, tangents, **params):
        out = primitive.bind(*primals, **params)
        if type(tangents[0]) is Zero:
            return out, zero_like(out)
        return out, primitive.bind(instantiate(tangents[0]), **params)

    primitive = row(name, impl=_unbound(name), abstract_eval=abstract_eval, jvp=jvp, transpose=transpose, batch=batch)
    return _collective(primitive, collective, lambda params: params["axis_name"])


def _insert(shape: tuple, place: int, size: int) -> tuple:
    return (*shape[:place], size, *shape[place:])


def _gather_abstract_eval(x, *, all_gather_dimension, axis_size, tiled, **params):
    if tiled:
        shape = list(x.shape)
        shape[all_gather_dimension] *= axis_size
        return x.update(shape=tuple(shape))
    return x.update(shape=_insert(x.shape, all_gather_dimension, axis_size))


def _gather_collective(axis, args, dims, *, all_gather_dimension, tiled, **params):
    x = broadcast_batch(args[0], axis.size, 0) if dims[0] is None else move_batch_dim(args[0], dims[0], 0)
    shape = shape_of(x)[1:]
    x = move_batch_dim(x, 0, all_gather_dimension)
    if tiled:
        merged = list(shape)
        merged[all_gather_dimension] *= axis.size
        x = reshape(x, merged)
    return x, None


def _gather_batch(axis, args, dims, *, all_gather_dimension, tiled, **params):
    # The axis of another map stays in front of what is gathered.
    x = move_batch_dim(args[0], dims[0], 0)
    return all_gather_p.bind(x, all_gather_dimension=all_gather_dimension + 1, tiled=tiled, **params), 0


def _gather_transpose(ct, x, *, all_gather_dimension, axis_size, axis_name, tiled, axis_index_groups):
    return [
        reduce_scatter_p.bind(
            ct,
            scatter_dimension=all_gather_dimension,
            axis_size=axis_size,
            axis_name=axis_name,
            tiled=tiled,
            axis_index_groups=axis_index_groups,
        )
    ]


all_gather_p = _linear("all_gather", _gather_abstract_eval, _gather_transpose, _gather_batch, _gather_collective)


def _scatter_abstract_eval(x, *, scatter_dimension, axis_size, tiled, **params):
    size = x.shape[scatter_dimension]
    if size % axis_size if tiled else size != axis_size:
        raise ValueError(
            f"reduce_scatter operand scatter dimension size {size} must {'be divisible by' if tiled else 'match'} the axis"
            f" size {axis_size}"
        )
    shape = list(x.shape)
    if tiled:
        shape[scatter_dimension] //= axis_size
    else:
        del shape[scatter_dimension]
    return x.update(shape=tuple(shape))


def _scatter_collective(axis, args, dims, *, scatter_dimension, tiled, **params):
    x, d = args[0], dims[0]
    total = mul_p.bind(x, const(get_aval(x), axis.size)) if d is None else reduce_sum(x, (d,))
    if tiled:
        shape = shape_of(total)
        split = (*shape[:scatter_dimension], axis.size, shape[scatter_dimension] // axis.size)
        total = reshape(total, (*split, *shape[scatter_dimension + 1 :]))
    return total, scatter_dimension


def _scatter_batch(axis, args, dims, *, scatter_dimension, **params):
    x = move_batch_dim(args[0], dims[0], 0)
    return reduce_scatter_p.bind(x, scatter_dimension=scatter_dimension + 1, **params), 0


def _scatter_transpose(ct, x, *, scatter_dimension, **params):
    return [all_gather_p.bind(ct, all_gather_dimension=scatter_dimension, **params)]


reduce_scatter_p = _linear(
    "reduce_scatter", _scatter_abstract_eval, _scatter_transpose, _scatter_batch, _scatter_collective
)


def _permute_collective(axis, args, dims, *, axis_name, perm):
    x = batch_to_front(args[0], dims[0], axis.size)
    source = {to: of for of, to in perm}
    nothing = full((1, *shape_of(x)[1:]), 0, get_aval(x).dtype)
    rows = [slice_in_dim(x, source[i], source[i] + 1) if i in source else nothing for i in range(axis.size)]
    return concatenate(rows, 0), 0


ppermute_p = _linear(
    "ppermute",
    lambda x, *, axis_name, perm: x,
    lambda ct, x, *, axis_name, perm: [
        ppermute_p.bind(ct, axis_name=axis_name, perm=tuple((to, of) for of, to in perm))
    ],
    lambda axis, args, dims, **params: (ppermute_p.bind(args[0], **params), dims[0]),
    _permute_collective,
)
