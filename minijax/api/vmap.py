"""`vmap`: it checks axes, flattens arguments and unflattens results. The machine is `transforms/vmap.py`."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np

from ..core.traces import Array, current_trace, get_aval
from ..foundation.pytrees import (
    flatten_axes,
    keystr,
    tree_flatten,
    tree_flatten_with_path,
    tree_leaves,
    tree_unflatten,
)
from ..foundation.wrapping import wraps
from ..transforms.vmap import Axis, materialize, vmap_flat
from .arguments import as_operand, check_callable, flat_function, function_name

# The type of what the user's function returns.
R = TypeVar("R")


def vmap(
    fun: Callable[..., R],
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_name: Hashable | None = None,
    axis_size: int | None = None,
    spmd_axis_name: Hashable | tuple[Hashable, ...] | None = None,
) -> Callable[..., R]:
    """A function that maps `fun` over an axis of its arguments, in one run of `fun` (`jax.vmap`).

    in_axes: the axis to map of each positional argument, or None if all examples share the argument; a pytree that is a
    prefix of the arguments' pytree. Keyword arguments are mapped along axis 0. out_axes: where each result has its mapped
    axis, or None if the result is the same for all examples. spmd_axis_name: the axis of a mesh that the examples are spread
    over, which changes no value.

    >>> import minijax.numpy as jnp
    >>> vmap(lambda x, y: x * y, in_axes=(0, None))(jnp.arange(3.0), 2.0)
    Array([0., 2., 4.], dtype=float32)
    """
    check_callable(fun)
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    if not (in_axes is None or (isinstance(in_axes, (int, tuple)) and type(in_axes) is not bool)):
        raise TypeError(
            "vmap in_axes must be an int, None, or a tuple of entries corresponding to the positional arguments passed to the"
            f" function, but got {in_axes}."
        )
    for what, axes in (("in_axes", in_axes), ("out_axes", out_axes)):
        if not all(isinstance(leaf, int) and type(leaf) is not bool for leaf in tree_leaves(axes)):
            raise TypeError(
                f"vmap {what} must be an int, None, or (nested) container with those types as leaves, but got {axes}."
            )

    def run(*args, **kwargs):
        if isinstance(in_axes, tuple) and len(in_axes) != len(args):
            raise ValueError(
                "vmap in_axes must be an int, None, or a tuple of entries corresponding to the positional arguments passed to"
                f" the function, but got {len(in_axes)=}, {len(args)=}"
            )
        flat, in_tree = tree_flatten((args, kwargs))
        in_dims = flatten_axes("vmap in_axes", in_tree, (in_axes, 0))
        # What all examples share may be any object; NumPy's arrays become arrays.
        flat = [
            x if d is None and not isinstance(x, np.ndarray) else as_operand(x, "vmap's argument")
            for x, d in zip(flat, in_dims)
        ]
        dims = [_normalize_dim(d, x) for x, d in zip(flat, in_dims)]
        size = _mapped_size((args, kwargs), flat, dims, axis_size)
        axis = Axis(axis_name, size, shares=None in tree_leaves(out_axes, is_leaf=lambda x: x is None))
        returned: list = []

        def noting(args, kwargs):
            out = fun(*args, **kwargs)
            if not isinstance(out_axes, int):
                # None for an array: a list that held a tracer would leak it.
                returned[:] = [None if isinstance(x, Array) else x for x in tree_leaves(out)]
            return out

        noting.__name__ = function_name(fun)
        of_flat, trees = flat_function(noting, in_tree)
        pairs = vmap_flat(of_flat, axis, flat, dims)
        out_dims = flatten_axes("vmap out_axes", trees[0], out_axes)
        outs = [_place(val, dim, out_dim, axis) for (val, dim), out_dim in zip(pairs, out_dims)]
        for i, x in enumerate(returned):
            # As in JAX, a number that is the same for all examples stays what it is: a Python number, or NumPy's array.
            if out_dims[i] is None and x is not None:
                outs[i] = x
        return tree_unflatten(trees[0], outs)

    @wraps(fun)
    def vmap_f(*args, **kwargs):
        return current_trace().enter(run, args, kwargs)

    return vmap_f


def _normalize_dim(dim: int | None, x) -> int | None:
    if dim is None:
        return None
    ndim = len(x.shape)
    if not -ndim <= dim < ndim:
        raise ValueError(
            "vmap was requested to map its argument along axis"
            f" {dim}, which implies that its rank should be at least {dim + 1 if dim >= 0 else -dim}, but is only"
            f" {ndim} (its shape is {tuple(x.shape)})"
        )
    return dim % ndim


def _mapped_size(tree, flat, dims, axis_size: int | None) -> int:
    sizes = {x.shape[d] for x, d in zip(flat, dims) if d is not None}
    if axis_size is not None:
        sizes.add(axis_size)
    if len(sizes) == 1:
        return sizes.pop()
    if not sizes:
        raise ValueError("vmap must have at least one non-None value in in_axes, or an axis_size")
    paths = [path for path, _ in tree_flatten_with_path(tree)[0]]
    lines = ["vmap got inconsistent sizes for array axes to be mapped:"]
    for path, x, d in zip(paths, flat, dims):
        if d is not None:
            where = f"args{keystr(path[1:])}" if path[0].idx == 0 else f"kwargs{keystr(path[1:])}"
            lines.append(f"  * axis {d} of argument {where} of type {get_aval(x).str_short()} has size {x.shape[d]}")
    if axis_size is not None:
        lines.append(f"  * axis_size is {axis_size}")
    raise ValueError("\n".join(lines))


def _place(val, dim, out_dim, axis):
    if out_dim is None:
        return materialize(val, dim, None, axis)
    ndim = len(get_aval(val).shape) + (dim is None)
    if not -ndim <= out_dim < ndim:
        raise ValueError(f"vmap out_axes of {out_dim} is out of range for an output of {ndim} dimensions.")
    return materialize(val, dim, out_dim % ndim, axis)


__all__ = ["vmap"]
