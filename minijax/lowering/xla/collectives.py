"""Rules for collectives, in a program that several devices run at once: the devices are XLA's replicas."""

from __future__ import annotations

from ...core.avals import ShapedArray
from .rules import REDUCERS, Rule, part_along
from .text import UINT32, i64_table


def _groups(w, groups) -> str:
    """The attribute that lists the groups of replicas that take part together: by default one group of all."""
    return f"replica_groups = {i64_table([range(w.module.replicas)] if groups is None else groups)}"


def _reducer(w, kind: str, dtype) -> list[str]:
    scalar = ShapedArray((), dtype)
    return w.region([scalar, scalar], lambda x, y: [w.elementwise(REDUCERS[kind][0], scalar, x, y)])


def _all_reduce(kind: str) -> Rule:
    def rule(w, out, x, *, axes, axis_index_groups):
        region = _reducer(w, kind, x.dtype)
        return w.generic("all_reduce", [out], [x], _groups(w, axis_index_groups), [region])[0]

    return rule


def _all_gather(w, out, x, *, all_gather_dimension, axis_index_groups, tiled, **params):
    if not tiled:
        # Without `tiled`, all_gather joins slices along a new axis.
        shape = (*x.shape[:all_gather_dimension], 1, *x.shape[all_gather_dimension:])
        x = w.reshape(x, shape)
    attributes = f"all_gather_dim = {all_gather_dimension} : i64, {_groups(w, axis_index_groups)}"
    return w.generic("all_gather", [out], [x], attributes)[0]


def _reduce_scatter(w, out, x, *, scatter_dimension, axis_index_groups, tiled, **params):
    part = out if tiled else out.update(shape=(*out.shape[:scatter_dimension], 1, *out.shape[scatter_dimension:]))
    attributes = f"{_groups(w, axis_index_groups)}, scatter_dimension = {scatter_dimension} : i64"
    (total,) = w.generic("reduce_scatter", [part], [x], attributes, [_reducer(w, "sum", x.dtype)])
    return w.reshape(total, out.shape)


def _all_to_all(w, out, x, *, split_axis, concat_axis, axis_index_groups, **params):
    count = w.module.replicas if axis_index_groups is None else len(axis_index_groups[0])
    attributes = (
        f"concat_dimension = {concat_axis} : i64, {_groups(w, axis_index_groups)}, split_count = {count} : i64,"
        f" split_dimension = {split_axis} : i64"
    )
    return w.generic("all_to_all", [out], [x], attributes)[0]


def _permute(w, out, x, *, perm, **params):
    if not perm:
        return w.full(out, 0)
    return w.generic("collective_permute", [out], [x], f"source_target_pairs = {i64_table(perm)}")[0]


def _broadcast(w, out, x, *, axis_name, source):
    """The source's value, taken from an all_gather of all values: a sum with zeros would turn -0.0 into 0.0."""
    row = w.reshape(x, (1, *x.shape))
    everything = row.aval.update(shape=(w.module.replicas, *x.shape))
    attributes = f"all_gather_dim = 0 : i64, {_groups(w, None)}"
    (gathered,) = w.generic("all_gather", [everything], [row], attributes)
    return w.reshape(part_along(w, gathered, 0, source, 1), out.shape)


def _axis_index(w, out, *, axis_name):
    return w.convert(w.assign(ShapedArray((), UINT32), "stablehlo.replica_id : "), out.dtype)


COLLECTIVES: dict[str, Rule] = {
    "psum": _all_reduce("sum"),
    "pmax": _all_reduce("max"),
    "pmin": _all_reduce("min"),
    "all_gather": _all_gather,
    "reduce_scatter": _reduce_scatter,
    "all_to_all": _all_to_all,
    "ppermute": _permute,
    "pbroadcast": _broadcast,
    "axis_index": _axis_index,
}
