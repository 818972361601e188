"""Collectives: operations among the examples of a named axis (`vmap(f, axis_name="i")`), and the index along it.

The program writes a collective as an operation on one example. The map whose axis the collective names applies it to the
whole batch, by the row's `collective` rule; every other map applies the ordinary batch rule to its own axis.
(JAX: `_src/lax/parallel.py`.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..core.avals import ShapedArray, Zero
from ..core.primitive import Primitive
from ..core.traces import axis_env, get_aval
from ..foundation.dtypes import canonicalize_dtype
from .basis import (
    NOT_LINEAR,
    batch_to_front,
    const,
    full,
    instantiate,
    linear_jvp,
    move_batch_dim,
    reduce_sum,
    reshape,
    row,
    shape_of,
)
from .elementwise import convert_element_type, eq_p, mul_p, select
from .joining import concatenate
from .reductions import reduce_max_p, reduce_min_p
from .shapes import broadcasted_iota, index_in_dim, slice_in_dim


def bound_axes() -> dict:
    """{name: size} of the named axes of the maps that are now tracing; if two share a name, the inner one counts."""
    return dict(reversed(axis_env()))


def axes_size(names: Sequence, groups: tuple | None) -> int:
    """The number of examples that take part: those of a group, or all along the named axes."""
    if groups is not None:
        return len(groups[0])
    bound = bound_axes()
    for name in names:
        if name not in bound:
            raise NameError(f"unbound axis name: {name}. It means something only within a map over the axis it names.")
    return math.prod(bound[name] for name in names)


# ---------------------------------------------------------------------------------------------------------------------
# What all collectives have in common


def _unbound(name: str, names: Callable) -> Callable:
    """The implementation of every collective: raise NameError. A collective is evaluated only outside of all maps, so that
    no map has the axis that it names."""

    def impl(*args, **params):
        unknown = ", ".join(map(str, names(params)))
        raise NameError(
            f"unbound axis name: {unknown}. {name} means something only within a map over the axis it names."
        )

    return impl


def _axis_name(params: dict) -> tuple:
    names = params["axis_name"]
    return names if isinstance(names, tuple) else (names,)


def _row(
    name: str, *, names: Callable, collective: Callable, abstract_eval, jvp=None, transpose, shift=()
) -> Primitive:
    """The row of a collective. `collective` is its rule for the axis that it names: (axis, x, dim, **params) -> (result, dim).

    names: parameters -> the axes that they name. shift: the parameters that count axes of the example; each counts one more
    when another map has put its own axis in front.
    """

    def batch(axis, args, dims, **params):
        return primitive.bind(move_batch_dim(args[0], dims[0], 0), **shifted(params)), 0

    def shifted(params: dict) -> dict:
        return {**params, **{k: params[k] + 1 for k in shift}}

    def whole(axis, args, dims, *, axis_index_groups=None, **params):
        if axis_index_groups is None:
            return collective(axis, *args, *dims, **params)
        x = batch_to_front(*args, *dims, axis.size)
        return _in_groups(collective, axis, x, axis_index_groups, shifted(params)), 0

    primitive = row(
        name,
        impl=_unbound(name, names),
        abstract_eval=abstract_eval,
        jvp=linear_jvp(lambda: primitive) if jvp is None else jvp,
        transpose=transpose,
        batch=batch,
        collective=whole,
        named_axes=names,
    )
    return primitive


def _in_groups(collective: Callable, axis, x, groups: tuple, params: dict):
    """The collective applied within each group: the groups become a first axis, which the rule treats as another map's."""
    order = [i for group in groups for i in group]
    size = len(groups[0])
    x = reshape(_take_rows(x, order), (len(groups), size, *shape_of(x)[1:]))
    out, dim = collective(axis._replace(size=size), x, 1, **params)
    out = move_batch_dim(batch_to_front(out, dim, size), 0, 1)
    back = [order.index(i) for i in range(axis.size)]
    return _take_rows(reshape(out, (axis.size, *shape_of(out)[2:])), back)


def _take_rows(x, order: Sequence[int | None]):
    """The slices along axis 0 in the given order; zeros in place of None."""
    if list(order) == list(range(shape_of(x)[0])):
        return x
    nothing = full((1, *shape_of(x)[1:]), 0, get_aval(x).dtype) if None in order else None
    return concatenate([nothing if i is None else slice_in_dim(x, i, i + 1) for i in order], 0)


def _split(x, axis: int, sizes: Sequence[int]):
    """x with one axis split into several, the first of which varies slowest."""
    shape = shape_of(x)
    return reshape(x, (*shape[:axis], *sizes, *shape[axis + 1 :]))


def _merge(x, axis: int, count: int):
    """x with `count` neighbouring axes merged into one."""
    shape = shape_of(x)
    return reshape(x, (*shape[:axis], math.prod(shape[axis : axis + count]), *shape[axis + count :]))


# ---------------------------------------------------------------------------------------------------------------------
# psum, pmax, pmin


def _times(x, n: int):
    return mul_p.bind(const(get_aval(x), n), x)


def _reduction(name: str, reduce: Callable, repeated: Callable, **rules) -> Primitive:
    def collective(axis, x, d, *, axes):
        out = repeated(x, axis.size) if d is None else reduce(x, d)
        rest = tuple(a for a in axes if a != axis.name)
        return primitive.bind(out, axes=rest, axis_index_groups=None) if rest else out, None

    primitive = _row(
        name,
        names=lambda params: params["axes"],
        collective=collective,
        abstract_eval=lambda x, *, axes, axis_index_groups: x.strip_weak_type(),
        **rules,
    )
    return primitive


NO_DERIVATIVE = (
    "which example the extremum is of is not smooth, as in JAX; use lax.all_gather and jnp.max for a derivative"
)
# The sum is its own transpose: every example adds to every result, so every result's cotangent comes back to it.
psum_p = _reduction(
    "psum", lambda x, d: reduce_sum(x, (d,)), _times, transpose=lambda ct, x, **params: [psum_p.bind(ct, **params)]
)
pmax_p = _reduction(
    "pmax", lambda x, d: reduce_max_p.bind(x, axes=(d,)), lambda x, n: x, jvp=NO_DERIVATIVE, transpose=NOT_LINEAR
)
pmin_p = _reduction(
    "pmin", lambda x, d: reduce_min_p.bind(x, axes=(d,)), lambda x, n: x, jvp=NO_DERIVATIVE, transpose=NOT_LINEAR
)


# ---------------------------------------------------------------------------------------------------------------------
# axis_index

axis_index_p = row(
    "axis_index",
    impl=_unbound("axis_index", _axis_name),
    abstract_eval=lambda *, axis_name: ShapedArray((), np.dtype("int32")),
    jvp="it has no arguments",
    transpose="it has no arguments",
    batch="it has no arguments",
    collective=lambda axis, args, dims, *, axis_name: (broadcasted_iota(np.dtype("int32"), (axis.size,), 0), 0),
    named_axes=_axis_name,
)


# ---------------------------------------------------------------------------------------------------------------------
# all_gather and reduce_scatter: each is the transpose of the other


def _gather_abstract_eval(x, *, all_gather_dimension, axis_size, tiled, **params):
    shape = list(x.shape)
    if tiled:
        shape[all_gather_dimension] *= axis_size
    else:
        shape.insert(all_gather_dimension, axis_size)
    return x.update(shape=tuple(shape))


def _gather_collective(axis, x, d, *, all_gather_dimension, tiled, **params):
    x = move_batch_dim(batch_to_front(x, d, axis.size), 0, all_gather_dimension)
    return _merge(x, all_gather_dimension, 2) if tiled else x, None


all_gather_p = _row(
    "all_gather",
    names=_axis_name,
    collective=_gather_collective,
    abstract_eval=_gather_abstract_eval,
    transpose=lambda ct, x, *, all_gather_dimension, **params: [
        reduce_scatter_p.bind(ct, scatter_dimension=all_gather_dimension, **params)
    ],
    shift=("all_gather_dimension",),
)


def _scatter_abstract_eval(x, *, scatter_dimension, axis_size, tiled, **params):
    shape = list(x.shape)
    size = shape[scatter_dimension]
    if tiled:
        if size % axis_size:
            raise ValueError(
                f"tiled reduce_scatter operand scatter dimension size {size} must be divisible by shard_count {axis_size}"
            )
        shape[scatter_dimension] //= axis_size
    else:
        if size != axis_size:
            raise ValueError(f"reduce_scatter operand scatter dimension size {size} must match shard count {axis_size}")
        del shape[scatter_dimension]
    return x.update(shape=tuple(shape))


def _scatter_collective(axis, x, d, *, scatter_dimension, tiled, **params):
    if d is None and get_aval(x).dtype == bool:
        # As in JAX, whose rule multiplies by a Python number: it refuses a batch of bools.
        x = convert_element_type(x, canonicalize_dtype(int), True)
    # Weak if x is, as in JAX; the sum of `psum` is not.
    size = convert_element_type(axis.size, x.dtype, x.weak_type)
    total = mul_p.bind(x, size) if d is None else reduce_sum(x, (d,))
    if tiled:
        each = shape_of(total)[scatter_dimension] // axis.size
        total = _split(total, scatter_dimension, (axis.size, each))
    return total, scatter_dimension


reduce_scatter_p = _row(
    "reduce_scatter",
    names=_axis_name,
    collective=_scatter_collective,
    abstract_eval=_scatter_abstract_eval,
    transpose=lambda ct, x, *, scatter_dimension, **params: [
        all_gather_p.bind(ct, all_gather_dimension=scatter_dimension, **params)
    ],
    shift=("scatter_dimension",),
)


# ---------------------------------------------------------------------------------------------------------------------
# all_to_all, ppermute and pbroadcast: they move data and do no arithmetic


def _exchange_abstract_eval(x, *, split_axis, concat_axis, axis_name, axis_index_groups, tiled):
    size = axes_size(_axis_name({"axis_name": axis_name}), axis_index_groups)
    shape = list(x.shape)
    if shape[split_axis] % size:
        raise ValueError(f"all_to_all: axis {split_axis} of {x.str_short()} cannot be split among {size}.")
    shape[split_axis] //= size
    shape[concat_axis] *= size
    return ShapedArray(tuple(shape), x.dtype)


def _exchange_collective(axis, x, d, *, split_axis, concat_axis, axis_name, tiled):
    """Cut the split axis into a part for each receiver, and join the parts from all senders along the concat axis.

    With several names, the parts are numbered as `axis_index` of those names. This map exchanges along its own axis and binds
    an all_to_all of the other names.
    """
    names = _axis_name({"axis_name": axis_name})
    place = names.index(axis.name)
    major = axes_size(names[:place], None)
    x = batch_to_front(x, d, axis.size)
    x = _split(x, 1 + split_axis, (major, axis.size, shape_of(x)[1 + split_axis] // (major * axis.size)))
    # The axes are now (receivers, senders, ...).
    x = _merge(move_batch_dim(x, 2 + split_axis, 0), 2 + split_axis, 2)
    rest = names[:place] + names[place + 1 :]
    if rest:
        params = {"split_axis": 2 + split_axis, "concat_axis": 2 + concat_axis, "tiled": tiled}
        x = all_to_all_p.bind(x, axis_name=rest, axis_index_groups=None, **params)
    x = _split(x, 2 + concat_axis, (major, shape_of(x)[2 + concat_axis] // major))
    return _merge(move_batch_dim(x, 1, 2 + concat_axis), 1 + concat_axis, 3), 0


all_to_all_p = _row(
    "all_to_all",
    names=_axis_name,
    collective=_exchange_collective,
    abstract_eval=_exchange_abstract_eval,
    transpose=lambda ct, x, *, split_axis, concat_axis, **params: [
        all_to_all_p.bind(ct, split_axis=concat_axis, concat_axis=split_axis, **params)
    ],
    shift=("split_axis", "concat_axis"),
)


def _permute_collective(axis, x, d, *, axis_name, perm):
    if d is None and len(perm) == axis.size:
        return x, None
    source = {to: of for of, to in perm}
    return _take_rows(batch_to_front(x, d, axis.size), [source.get(i) for i in range(axis.size)]), 0


ppermute_p = _row(
    "ppermute",
    names=_axis_name,
    collective=_permute_collective,
    abstract_eval=lambda x, *, axis_name, perm: x,
    transpose=lambda ct, x, *, axis_name, perm: [
        ppermute_p.bind(ct, axis_name=axis_name, perm=tuple((to, of) for of, to in perm))
    ],
)


def _broadcast_collective(axis, x, d, *, axis_name, source):
    return x if d is None else index_in_dim(x, source, d, keepdims=False), None


def _broadcast_transpose(ct, x, *, axis_name, source):
    here = eq_p.bind(axis_index_p.bind(axis_name=axis_name), source)
    total = psum_p.bind(ct, axes=(axis_name,), axis_index_groups=None)
    return [select(here, total, instantiate(Zero(x.aval)))]


pbroadcast_p = _row(
    "pbroadcast",
    names=_axis_name,
    collective=_broadcast_collective,
    abstract_eval=lambda x, *, axis_name, source: x,
    transpose=_broadcast_transpose,
)
