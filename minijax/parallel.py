"""Collectives as users call them, over named axes: `psum`, `pmean`, `all_gather`, `axis_index`, ... (`jax.lax`).

>>> import minijax as jax
>>> import minijax.numpy as jnp
>>> jax.vmap(lambda x: x / jax.lax.psum(x, "i"), axis_name="i")(jnp.array([1.0, 1.0, 2.0]))
Array([0.25, 0.25, 0.5 ], dtype=float32)
"""

from __future__ import annotations

import math
import operator
from collections.abc import Hashable, Sequence

from .api import as_operand
from .core import Array, axis_env
from .primitives.basis import const
from .primitives.collectives import all_gather_p, axis_index_p, pmax_p, pmin_p, ppermute_p, psum_p, reduce_scatter_p
from .primitives.elementwise import div_p
from .tree_util import tree_flatten, tree_map, tree_unflatten

AxisName = Hashable | Sequence[Hashable]


def _names(axis_name: AxisName, function: str) -> tuple:
    """The names as a tuple, each bound by a map around here."""
    names = tuple(axis_name) if isinstance(axis_name, (tuple, list)) else (axis_name,)
    bound = dict(axis_env())
    for name in names:
        if name not in bound:
            known = f"bound here: {', '.join(map(repr, bound))}" if bound else "no axis is named here"
            raise NameError(
                f"unbound axis name: {name}. {function} works within a map that names the axis, as"
                f" vmap(f, axis_name={name!r}); {known}."
            )
    return names


def _no_groups(function: str, groups):
    if groups is not None:
        raise NotImplementedError(f"{function}: axis_index_groups is not supported under vmap, as in JAX.")


def axis_size(axis_name: AxisName) -> int:
    """How many examples the named axis has, a Python number (`lax.axis_size`)."""
    bound = dict(axis_env())
    return math.prod(bound[name] for name in _names(axis_name, "axis_size"))


def axis_index(axis_name: AxisName) -> Array:
    """Which example this is along the named axis, from 0 (`lax.axis_index`); along several, the first varies slowest."""
    index = None
    for name in _names(axis_name, "axis_index"):
        own = axis_index_p.bind(axis_name=name)
        index = own if index is None else index * axis_size(name) + own
    return index


def _reduce(primitive, function: str, x, axis_name, axis_index_groups):
    _no_groups(function, axis_index_groups)
    names = _names(axis_name, function)
    leaves, tree = tree_flatten(x)
    outs = primitive.bind(
        *[as_operand(leaf, f"{function}'s argument") for leaf in leaves], axes=names, axis_index_groups=None
    )
    return tree_unflatten(tree, outs)


def psum(x, axis_name: AxisName, *, axis_index_groups=None):
    """The sum over the named axis, of an array or of each of a pytree (`lax.psum`). Of a Python number: that many times it."""
    leaves, tree = tree_flatten(x)
    if leaves and all(type(leaf) in (int, float) for leaf in leaves):
        size = axis_size(axis_name)
        return tree_unflatten(tree, [leaf * size for leaf in leaves])
    return _reduce(psum_p, "psum", x, axis_name, axis_index_groups)


def pmean(x, axis_name: AxisName, *, axis_index_groups=None):
    """The mean over the named axis (`lax.pmean`)."""
    total = psum(x, axis_name, axis_index_groups=axis_index_groups)
    size = axis_size(axis_name)
    return tree_map(lambda v: div_p.bind(v, const(v, size)) if isinstance(v, Array) else v / size, total)


def pmax(x, axis_name: AxisName, *, axis_index_groups=None):
    """The maximum over the named axis; it has no derivative (`lax.pmax`)."""
    return _reduce(pmax_p, "pmax", x, axis_name, axis_index_groups)


def pmin(x, axis_name: AxisName, *, axis_index_groups=None):
    """The minimum over the named axis; it has no derivative (`lax.pmin`)."""
    return _reduce(pmin_p, "pmin", x, axis_name, axis_index_groups)


def _one_name(axis_name, function: str):
    names = _names(axis_name, function)
    if len(names) != 1:
        raise NotImplementedError(f"{function} works along one named axis, got {names}: call it once for each.")
    return names


def all_gather(x, axis_name: AxisName, *, axis_index_groups=None, axis: int = 0, tiled: bool = False):
    """Everybody's x: stacked along a new axis, or with `tiled` joined along one (`lax.all_gather`)."""
    _no_groups("all_gather", axis_index_groups)
    names = _one_name(axis_name, "all_gather")

    def gather(leaf):
        leaf = as_operand(leaf, "all_gather's argument")
        ndim = leaf.ndim if tiled else leaf.ndim + 1
        return all_gather_p.bind(
            leaf,
            all_gather_dimension=operator.index(axis) % ndim,
            axis_index_groups=None,
            axis_name=names,
            axis_size=axis_size(names),
            tiled=bool(tiled),
        )

    return tree_map(gather, x)


def psum_scatter(x, axis_name: AxisName, *, scatter_dimension: int = 0, axis_index_groups=None, tiled: bool = False):
    """The sum over the named axis, of which each example gets its own slice (`lax.psum_scatter`)."""
    _no_groups("psum_scatter", axis_index_groups)
    names = _one_name(axis_name, "psum_scatter")
    params = {
        "axis_index_groups": None,
        "axis_name": names,
        "axis_size": axis_size(names),
        "scatter_dimension": operator.index(scatter_dimension),
        "tiled": bool(tiled),
    }

    def scatter(leaf):
        leaf = as_operand(leaf, "psum_scatter's argument")
        # The map's rule sees the whole batch: whether one example fits is asked here.
        reduce_scatter_p.abstract_eval(leaf.aval, **params)
        return reduce_scatter_p.bind(leaf, **params)

    return tree_map(scatter, x)


def ppermute(x, axis_name: AxisName, perm: Sequence[tuple[int, int]]):
    """x of the example `source`, for each (source, destination); 0 where nobody sends (`lax.ppermute`)."""
    names = _one_name(axis_name, "ppermute")
    perm = tuple((operator.index(a), operator.index(b)) for a, b in perm)
    size = axis_size(names)
    for ends in zip(*perm):
        if len(set(ends)) != len(ends) or not all(0 <= i < size for i in ends):
            raise ValueError(
                f"ppermute sources and destinations must be unique and within the axis size {size}, got {perm}."
            )
    return tree_map(lambda v: ppermute_p.bind(as_operand(v, "ppermute's argument"), axis_name=names, perm=perm), x)


def pshuffle(x, axis_name: AxisName, perm: Sequence[int]):
    """x of the example perm[i], at each example i (`lax.pshuffle`)."""
    if set(perm) != set(range(len(perm))):
        raise ValueError(f"`perm` does not represent a permutation: {perm}")
    return ppermute(x, axis_name, list(zip(perm, range(len(perm)))))


__all__ = [
    "all_gather",
    "axis_index",
    "axis_size",
    "pmax",
    "pmean",
    "pmin",
    "ppermute",
    "pshuffle",
    "psum",
    "psum_scatter",
]
