"""`lax.associative_scan`: all prefixes of a sequence, combined in logarithmic depth."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from ..core.traces import get_aval
from ..foundation.pytrees import (
    tree_flatten,
    tree_unflatten,
)
from ..primitives.basis import full, shape_of
from ..primitives.elementwise import add_p, or_p
from ..primitives.joining import concatenate
from ..primitives.shapes import pad, rev, slice_in_dim
from .loops import as_operands


def associative_scan(fn: Callable[..., Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """All partial results of an associative operation along an axis (`lax.associative_scan`).

    The number of steps is logarithmic (Blelloch, "Prefix sums and their applications", 1990). fn(a, b) gets two pytrees
    like `elems` whose arrays have any length along the axis.

    >>> import minijax.numpy as jnp
    >>> associative_scan(jnp.add, jnp.arange(4))
    Array([0, 1, 3, 6], dtype=int32)
    """
    if not callable(fn):
        raise TypeError(f"lax.associative_scan: fn argument should be callable, got {fn!r}.")
    flat, tree = as_operands(elems, "associative_scan's element")
    if not flat:
        return elems
    ndim = len(shape_of(flat[0]))
    counted = operator.index(axis) + ndim * (axis < 0)
    if counted < 0 or any(len(shape_of(x)) <= counted for x in flat):
        raise ValueError(
            f"associative_scan: axis {axis} is out of range for one of the arrays {[get_aval(x).str_short() for x in flat]}. Give"
            " an axis that every array has."
        )
    axis = counted
    sizes = {shape_of(x)[axis] for x in flat}
    if len(sizes) > 1:
        raise ValueError(
            "Array inputs to associative_scan must have the same first dimension. (saw:"
            f" {[get_aval(x).str_short() for x in flat]})"
        )
    flat = [rev(x, (axis,)) for x in flat] if reverse else flat

    def combine(a, b):
        leaves, out_tree = tree_flatten(fn(tree_unflatten(tree, a), tree_unflatten(tree, b)))
        if out_tree != tree:
            raise TypeError(
                f"associative_scan: fn must return the pytree structure of its arguments, {tree}, got {out_tree}."
            )
        return leaves

    out = _prefixes(combine, flat, axis)
    return tree_unflatten(tree, [rev(x, (axis,)) for x in out] if reverse else out)


def _prefixes(combine: Callable, xs: list, axis: int) -> list:
    n = shape_of(xs[0])[axis]
    if n < 2:
        return xs

    def part(values, start, stop, stride=1):
        return [slice_in_dim(v, start, stop, stride, axis) for v in values]

    # Combine the pairs (0, 1), (2, 3), ...: the prefixes of the pairs are the prefixes of xs at odd positions.
    odd = _prefixes(combine, combine(part(xs, 0, n - 1, 2), part(xs, 1, n, 2)), axis)
    before = odd if n % 2 else part(odd, 0, n // 2 - 1)
    even = combine(before, part(xs, 2, n, 2))
    even = [concatenate([x, e], axis) for x, e in zip(part(xs, 0, 1), even)]
    return [_interleave(e, o, axis) for e, o in zip(even, odd)]


def _interleave(a, b, axis: int):
    """a[0], b[0], a[1], b[1], ... along an axis. `a` is as long as `b`, or longer by one."""
    aval = get_aval(a)
    zero = full((), 0, aval.dtype)
    longer = shape_of(a)[axis] - shape_of(b)[axis]

    def spread(x, low, high):
        return pad(x, zero, [(low, high, 1) if i == axis else (0, 0, 0) for i in range(aval.ndim)])

    join = or_p if aval.dtype == bool else add_p
    return join.bind(spread(a, 0, 1 - longer), spread(b, 1, longer))


__all__ = ["associative_scan"]
