"""Rules of vmap (`jax.interpreters.batching`): `primitive_batchers`, and functions that write such rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.primitive import Primitive
from ..foundation.left_out import absent
from ..primitives.basis import batch_to_front, broadcast_batch, reduction_batch, shape_of
from ..primitives.families import batch_elementwise
from ..transforms.vmap import Axis
from .tables import RuleTable


def _inward(rule: Callable) -> Callable:
    def batch(axis, args, dims, **params):
        return rule(args, dims, **params)

    batch.without_axis = rule
    return batch


def _outward(primitive: Primitive, rule: Callable) -> Callable:
    if hasattr(rule, "without_axis"):
        return rule.without_axis

    def batch(args, dims, **params):
        size = next(shape_of(x)[d] for x, d in zip(args, dims) if d is not None)
        return rule(Axis(None, size), args, dims, **params)

    return batch


# {primitive: rule (axis, args, dims, **params) -> (result, its batch axis)}; `axis.name` and `axis.size` are of the mapped axis.
fancy_primitive_batchers = RuleTable("batch")
# {primitive: rule (args, dims, **params) -> (result, its batch axis)}. A batch axis is None for a value that all examples share.
primitive_batchers = RuleTable("batch", _inward, _outward)


def _with_axis(rule: Callable) -> Callable:
    def batch(axis, args, dims, **params):
        return rule(axis.size, axis.name, None, args, dims, **params)

    return batch


def _sees_axis(primitive: Primitive, rule: Callable) -> Callable:
    def batch(axis_size, axis_name, trace, args, dims, **params):
        return rule(Axis(axis_name, axis_size), args, dims, **params)

    return batch


# {primitive: rule (size of the axis, its name, None, args, dims, **params) -> (result, its batch axis)}: older libraries' form.
axis_primitive_batchers = RuleTable("batch", _with_axis, _sees_axis)


def defvectorized(prim: Primitive) -> None:
    """Say that a primitive maps over the leading axes of its arguments: under vmap it is applied as it is. All its arguments must
    be mapped over the same axis."""

    def batch(args, dims, **params):
        assert all(d == dims[0] for d in dims), dims
        return prim.bind(*args, **params), dims[0]

    primitive_batchers[prim] = batch


def defbroadcasting(prim: Primitive) -> None:
    """Say that a primitive is elementwise: arguments without the batch axis get an axis of size 1."""
    fancy_primitive_batchers[prim] = batch_elementwise(lambda: prim)


def defreducer(prim: Primitive, ident: Any = None) -> None:
    """Say that a primitive reduces its one argument over the axes of its parameter `axes`."""
    fancy_primitive_batchers[prim] = reduction_batch(lambda: prim)


def broadcast(x: Any, sz: int, axis: int, mesh_axis: Any = None) -> Any:
    """The array repeated along a new axis of that size."""
    return broadcast_batch(x, sz, axis)


def bdim_at_front(x: Any, bdim: int | None, size: int, mesh_axis: Any = None) -> Any:
    """The array with its batch axis in front; an array without one is repeated along a new axis."""
    return batch_to_front(x, bdim, size)


__all__ = [
    "axis_primitive_batchers",
    "bdim_at_front",
    "broadcast",
    "defbroadcasting",
    "defreducer",
    "defvectorized",
    "fancy_primitive_batchers",
    "primitive_batchers",
]


def __getattr__(name: str) -> Any:
    raise absent(__name__, name)
