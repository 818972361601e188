"""Collectives as users call them, over named axes: `psum`, `pmean`, `all_gather`, `axis_index`, ... (`jax.lax`).

A map around the program names an axis: `vmap(f, axis_name="i")` or `pmap(f, "i")`. The argument axis_name is one name or a
tuple of names; `()` is an axis with one example. axis_index_groups is a list of lists of equal length; each index is in one
list. The collective then works in each group alone.

>>> import minijax as jax
>>> import minijax.numpy as jnp
>>> jax.vmap(lambda x: x / jax.lax.psum(x, "i"), axis_name="i")(jnp.array([1.0, 1.0, 2.0]))
Array([0.25, 0.25, 0.5 ], dtype=float32)
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from ..core.traces import Array, Tracer
from ..foundation.pytrees import tree_flatten, tree_map, tree_unflatten
from ..primitives.basis import const, expand_dims, squeeze
from ..primitives.collectives import (
    all_gather_p,
    all_to_all_p,
    axes_size,
    axis_index_p,
    bound_axes,
    pbroadcast_p,
    pmax_p,
    pmin_p,
    ppermute_p,
    psum_p,
    reduce_scatter_p,
)
from ..primitives.elementwise import convert_element_type, mul_p
from .arguments import as_operand

AxisName = Hashable | Sequence[Hashable]
Groups = Sequence[Sequence[int]] | None


def _names(axis_name: AxisName, function: str) -> tuple:
    """The names as a tuple. Raises NameError if no surrounding map has the name."""
    names = tuple(axis_name) if isinstance(axis_name, (tuple, list)) else (axis_name,)
    bound = bound_axes()
    for name in names:
        if name not in bound:
            known = f"bound here: {', '.join(map(repr, bound))}" if bound else "no axis is named here"
            raise NameError(
                f"unbound axis name: {name}. {function} works within a map that names the axis, as"
                f" vmap(f, axis_name={name!r}); {known}."
            )
    return names


def _one_name(axis_name: AxisName, function: str) -> tuple:
    names = _names(axis_name, function)
    if len(names) > 1:
        raise NotImplementedError(f"{function} works along one named axis, got {names}: call it once for each axis.")
    return names


def _groups(groups: Groups, names: tuple, function: str) -> tuple | None:
    if groups is None:
        return None
    groups = tuple(tuple(map(operator.index, group)) for group in groups)
    size = axes_size(names, None)
    if sorted(i for group in groups for i in group) != list(range(size)):
        raise ValueError(
            f"axis_index_groups must cover all indices exactly once: {function} got {groups} for an axis of size {size}."
        )
    if len(names) != 1 or len({len(group) for group in groups}) != 1:
        raise ValueError(
            f"{function}: axis_index_groups must all have one size, along one named axis, got {groups} along {names}."
        )
    return groups


def _axis(axis: int, ndim: int) -> int:
    axis = operator.index(axis)
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return axis % ndim


# ---------------------------------------------------------------------------------------------------------------------
# The index along an axis, and the size of an axis


def axis_size(axis_name: AxisName) -> int:
    """The number of examples along the named axis, a Python number (`lax.axis_size`). For several axes: the product.

    >>> import minijax as jax
    >>> jax.vmap(lambda x: x / jax.lax.axis_size("i"), axis_name="i")(jax.numpy.array([3.0, 6.0, 9.0]))
    Array([1., 2., 3.], dtype=float32)
    """
    return axes_size(_names(axis_name, "axis_size"), None)


def axis_index(axis_name: AxisName) -> Array:
    """The index of the example along the named axis, an int32 from 0 (`lax.axis_index`).

    Along several axes, the index counts all examples, and the first axis varies slowest.

    >>> import minijax as jax
    >>> jax.vmap(lambda x: x + jax.lax.axis_index("i"), axis_name="i")(jax.numpy.array([3, 3, 3]))
    Array([3, 4, 5], dtype=int32)
    """
    names = _names(axis_name, "axis_index")
    if not isinstance(axis_name, (tuple, list)):
        return axis_index_p.bind(axis_name=axis_name)
    index, inner_size = as_operand(0), 1
    for name in reversed(names):
        index = index + axis_index_p.bind(axis_name=name) * inner_size
        inner_size *= axis_size(name)
    return index


# ---------------------------------------------------------------------------------------------------------------------
# Reductions


def _each(x, function: str, of_leaf: Callable):
    return tree_map(lambda leaf: of_leaf(as_operand(leaf, f"{function}'s argument")), x)


def psum(x: Any, axis_name: AxisName, *, axis_index_groups: Groups = None) -> Any:
    """The sum over the named axis of an array, or of each array of a pytree (`lax.psum`).

    A value that is not a tracer is the same for every example: it is multiplied by the size of the axis. A Python number
    stays a Python number.

    >>> import minijax as jax
    >>> jax.vmap(lambda x: jax.lax.psum(x, "i"), axis_name="i")(jax.numpy.array([1.0, 2.0]))
    Array([3., 3.], dtype=float32)
    """
    names = _names(axis_name, "psum")
    groups = _groups(axis_index_groups, names, "psum")
    if not names:
        return x
    leaves, tree = tree_flatten(x)
    if not any(isinstance(leaf, Tracer) for leaf in leaves):
        size = axes_size(names, groups)
        return tree_unflatten(tree, [_times(leaf, size) for leaf in leaves])
    leaves = [_countable(as_operand(leaf, "psum's argument")) for leaf in leaves]
    return tree_unflatten(tree, [psum_p.bind(leaf, axes=names, axis_index_groups=groups) for leaf in leaves])


def _times(leaf, size: int):
    if type(leaf) in (int, float, complex):
        return leaf * size
    if isinstance(leaf, (np.ndarray, np.generic)):
        # As in JAX, the result is a constant: under jit it is not an equation.
        return np.multiply(leaf, size, dtype=np.int32 if leaf.dtype == np.bool_ else leaf.dtype)
    leaf = _countable(as_operand(leaf, "psum's argument"))
    return mul_p.bind(leaf, const(leaf, size))


def _countable(leaf):
    return convert_element_type(leaf, np.int32) if leaf.dtype == np.bool_ else leaf


def pmean(x: Any, axis_name: AxisName, *, axis_index_groups: Groups = None) -> Any:
    """The mean over the named axis (`lax.pmean`).

    >>> import minijax as jax
    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> jax.vmap(lambda x: lax.pmean(x, "i"), axis_name="i")(jnp.array([1.0, 3.0]))
    Array([2., 2.], dtype=float32)
    """
    total = psum(x, axis_name, axis_index_groups=axis_index_groups)
    names = _names(axis_name, "pmean")
    size = axes_size(names, _groups(axis_index_groups, names, "pmean"))
    return tree_map(lambda v: v / size, total)


def pmax(x: Any, axis_name: AxisName, *, axis_index_groups: Groups = None) -> Any:
    """The maximum over the named axis; it has no derivative (`lax.pmax`).

    >>> import minijax as jax
    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> jax.vmap(lambda x: lax.pmax(x, "i"), axis_name="i")(jnp.array([1, 3]))
    Array([3, 3], dtype=int32)
    """
    return _extremum(pmax_p, "pmax", x, axis_name, axis_index_groups)


def pmin(x: Any, axis_name: AxisName, *, axis_index_groups: Groups = None) -> Any:
    """The minimum over the named axis; it has no derivative (`lax.pmin`).

    >>> import minijax as jax
    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> jax.vmap(lambda x: lax.pmin(x, "i"), axis_name="i")(jnp.array([1, 3]))
    Array([1, 1], dtype=int32)
    """
    return _extremum(pmin_p, "pmin", x, axis_name, axis_index_groups)


def _extremum(primitive, function: str, x, axis_name, axis_index_groups):
    names = _names(axis_name, function)
    groups = _groups(axis_index_groups, names, function)
    if not names:
        return x
    return _each(x, function, lambda leaf: primitive.bind(leaf, axes=names, axis_index_groups=groups))


# ---------------------------------------------------------------------------------------------------------------------
# Moving data


def all_gather(
    x: Any, axis_name: AxisName, *, axis_index_groups: Groups = None, axis: int = 0, tiled: bool = False
) -> Any:
    """The `x` of all examples, stacked along a new axis, or with `tiled` joined along an axis of `x` (`lax.all_gather`).

    >>> import minijax as jax
    >>> jax.vmap(lambda x: jax.lax.all_gather(x, "i"), axis_name="i")(jax.numpy.array([1, 2]))
    Array([[1, 2],
           [1, 2]], dtype=int32)
    """
    names = _one_name(axis_name, "all_gather")
    groups = _groups(axis_index_groups, names, "all_gather")
    if not names:
        return x

    def gather(leaf):
        return all_gather_p.bind(
            leaf,
            all_gather_dimension=_axis(axis, leaf.ndim if tiled else leaf.ndim + 1),
            axis_index_groups=groups,
            axis_name=names,
            axis_size=axes_size(names, groups),
            tiled=bool(tiled),
        )

    return _each(x, "all_gather", gather)


def psum_scatter(
    x: Any, axis_name: AxisName, *, scatter_dimension: int = 0, axis_index_groups: Groups = None, tiled: bool = False
) -> Any:
    """One slice for each example of the sum over the named axis (`lax.psum_scatter`).

    The axis `scatter_dimension` must be as long as the named axis; the result does not have it. With `tiled` its length is
    a multiple of this, and each example gets a part of the axis. Raises ValueError for other lengths.

    >>> import minijax as jax
    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> jax.vmap(lambda x: lax.psum_scatter(x, "i"), axis_name="i")(jnp.array([[1, 2], [10, 20]]))
    Array([11, 22], dtype=int32)
    """
    names = _one_name(axis_name, "psum_scatter")
    groups = _groups(axis_index_groups, names, "psum_scatter")
    if not names:
        return x

    def scatter(leaf):
        params = {
            "axis_index_groups": groups,
            "axis_name": names,
            "axis_size": axes_size(names, groups),
            "scatter_dimension": _axis(scatter_dimension, leaf.ndim),
            "tiled": bool(tiled),
        }
        # Check the shape of one example here: the batch rule sees the whole batch only.
        reduce_scatter_p.abstract_eval(leaf.aval, **params)
        return reduce_scatter_p.bind(leaf, **params)

    return _each(x, "psum_scatter", scatter)


def all_to_all(
    x: Any,
    axis_name: AxisName,
    split_axis: int,
    concat_axis: int,
    *,
    axis_index_groups: Groups = None,
    tiled: bool = False,
) -> Any:
    """The parts that all examples send to this one, joined along `concat_axis` (`lax.all_to_all`).

    Each example cuts its `x` along `split_axis`, and sends part i to example i. `split_axis` must be as long as the named
    axis; the result does not have it, and has a new axis at `concat_axis`. With `tiled` its length is a multiple of this,
    and the result keeps both axes. Raises ValueError for other lengths.

    >>> import minijax as jax
    >>> jax.vmap(lambda row: jax.lax.all_to_all(row, "i", 0, 0), axis_name="i")(jax.numpy.array([[1, 2], [3, 4]]))
    Array([[1, 3],
           [2, 4]], dtype=int32)
    """
    names = _names(axis_name, "all_to_all")
    groups = _groups(axis_index_groups, names, "all_to_all")
    size = axes_size(names, groups)

    def exchange(leaf):
        split, concat = _axis(split_axis, leaf.ndim), _axis(concat_axis, leaf.ndim)
        _check_split(leaf.shape[split], size, axis_name, tiled)
        if not names:
            return leaf
        adds_axis = not tiled and split != concat
        if adds_axis:
            # Add the new axis with size 1. The exchange leaves the split axis with size 1, and `squeeze` drops it.
            concat += split < concat
            leaf = expand_dims(leaf, (concat,))
            split += concat <= split
        out = all_to_all_p.bind(
            leaf,
            axis_index_groups=groups,
            axis_name=names if isinstance(axis_name, (tuple, list)) else axis_name,
            concat_axis=concat,
            split_axis=split,
            tiled=bool(tiled),
        )
        return squeeze(out, (split,)) if adds_axis else out

    return _each(x, "all_to_all", exchange)


def _check_split(length: int, size: int, axis_name, tiled: bool):
    if tiled and length % size:
        raise ValueError(
            f"The size of all_to_all split_axis ({length}) has to be divisible by the size of the named axis {axis_name}"
            f" ({size})"
        )
    if not tiled and length != size:
        raise ValueError(
            "all_to_all requires the size of the mapped axis axis_name to equal x.shape[split_axis], but they are"
            f" {size} and {length} respectively."
        )


def pswapaxes(x: Any, axis_name: AxisName, axis: int, *, axis_index_groups: Groups = None) -> Any:
    """`x` after the named axis and an axis of x have changed places: `all_to_all(x, axis_name, axis, axis)` (`lax.pswapaxes`).

    >>> import minijax as jax
    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> jax.vmap(lambda x: lax.pswapaxes(x, "i", 0), axis_name="i")(jnp.array([[1, 2], [3, 4]]))
    Array([[1, 3],
           [2, 4]], dtype=int32)
    """
    return all_to_all(x, axis_name, axis, axis, axis_index_groups=axis_index_groups)


def ppermute(x: Any, axis_name: AxisName, perm: Sequence[tuple[int, int]]) -> Any:
    """The `x` of another example: perm has pairs (source, destination) (`lax.ppermute`). No source sends to it: zeros.

    >>> import minijax as jax
    >>> jax.vmap(lambda x: jax.lax.ppermute(x, "i", [(0, 1), (1, 2), (2, 0)]), axis_name="i")(jax.numpy.array([1, 2, 3]))
    Array([3, 1, 2], dtype=int32)
    """
    names = _one_name(axis_name, "ppermute")
    if not names:
        return x
    perm = tuple((operator.index(a), operator.index(b)) for a, b in perm)
    size = axes_size(names, None)
    for ends in zip(*perm):
        if len(set(ends)) != len(ends) or not all(0 <= i < size for i in ends):
            raise ValueError(
                f"ppermute sources and destinations must be unique and within the axis size {size}, got {perm}."
            )
    return _each(x, "ppermute", lambda leaf: ppermute_p.bind(leaf, axis_name=names, perm=perm))


def pshuffle(x: Any, axis_name: AxisName, perm: Sequence[int]) -> Any:
    """The `x` of the example perm[i], for each example i (`lax.pshuffle`).

    >>> import minijax as jax
    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> jax.vmap(lambda x: lax.pshuffle(x, "i", [2, 0, 1]), axis_name="i")(jnp.array([1, 2, 3]))
    Array([3, 1, 2], dtype=int32)
    """
    if set(perm) != set(range(len(perm))):
        raise ValueError(f"`perm` does not represent a permutation: {perm}")
    return ppermute(x, axis_name, list(zip(perm, range(len(perm)))))


def pbroadcast(x: Any, axis_name: Hashable, source: int) -> Any:
    """The `x` of the example `source`, for every example (`lax.pbroadcast`).

    >>> import minijax as jax
    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> jax.vmap(lambda x: lax.pbroadcast(x, "i", 1), axis_name="i")(jnp.array([1, 2, 3]))
    Array([2, 2, 2], dtype=int32)
    """
    names = _one_name(axis_name, "pbroadcast")
    source, size = operator.index(source), axes_size(names, None)
    if not 0 <= source < size:
        raise ValueError(f"pbroadcast's source must be within the axis size {size}, got {source}.")
    return _each(x, "pbroadcast", lambda leaf: pbroadcast_p.bind(leaf, axis_name=axis_name, source=source))


__all__ = [
    "all_gather",
    "all_to_all",
    "axis_index",
    "axis_size",
    "pbroadcast",
    "pmax",
    "pmean",
    "pmin",
    "ppermute",
    "pshuffle",
    "psum",
    "psum_scatter",
    "pswapaxes",
]
