"""`pure_callback` and `io_callback`: they call Python functions from inside a program (`jax.pure_callback`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..calls.callbacks import VMAP_METHODS, io_callback_p, pure_callback_p
from ..core.avals import ShapedArray
from ..foundation.dtypes import canonicalize_dtype
from ..foundation.pytrees import tree_flatten, tree_leaves, tree_unflatten
from .arguments import as_operand


class _FlatCallback:
    """The user's function, with flat arguments and flat results. Printed jaxprs show it."""

    def __init__(self, callback_func: Callable, in_tree):
        self.callback_func = callback_func
        self.in_tree = in_tree
        self.__name__ = getattr(callback_func, "__name__", repr(callback_func))

    def __call__(self, *flat):
        args, kwargs = tree_unflatten(self.in_tree, flat)
        return tree_leaves(self.callback_func(*args, **kwargs))

    def __repr__(self) -> str:
        return f"_FlatCallback(callback_func={self.callback_func}, in_tree={self.in_tree})"


def _bind(primitive, callback, result_shape_dtypes, args, kwargs, **params):
    if not callable(callback):
        raise TypeError(f"{primitive}: the first argument must be callable, got {callback!r} of type {type(callback)}.")
    flat, in_tree = tree_flatten((args, kwargs))
    flat = [as_operand(x, f"{primitive}'s argument") for x in flat]
    structs, out_tree = tree_flatten(result_shape_dtypes)
    for s in structs:
        if not (hasattr(s, "shape") and hasattr(s, "dtype")):
            raise TypeError(
                f"{primitive}: result_shape_dtypes must be a pytree of things with a shape and a dtype, such as"
                f" jax.ShapeDtypeStruct, got {s!r} of type {type(s)}."
            )
    avals = tuple(ShapedArray(tuple(s.shape), canonicalize_dtype(s.dtype)) for s in structs)
    outs = primitive.bind(*flat, callback=_FlatCallback(callback, in_tree), result_avals=avals, sharding=None, **params)
    return tree_unflatten(out_tree, outs)


def pure_callback(
    callback: Callable[..., Any],
    result_shape_dtypes: Any,
    *args: Any,
    sharding: Any = None,
    vmap_method: str | None = None,
    **kwargs: Any,
) -> Any:
    """The results of a Python function of arrays (`jax.pure_callback`). They must depend on its arguments alone.

    The function may be called any number of times; if nobody reads its results, it may never be called.
    result_shape_dtypes: a pytree of the types of the results. vmap_method: "sequential" calls the function once for each
    example. "expand_dims" and "broadcast_all" call it once, with the batch axis in front; in an argument that the examples
    share, this axis has size 1 with "expand_dims", and the size of the batch with "broadcast_all". A pure_callback has no
    derivative; custom_jvp can define one.

    >>> import numpy as np
    >>> import minijax as jax
    >>> jax.jit(lambda x: pure_callback(np.sqrt, jax.ShapeDtypeStruct((), np.float32), x))(np.float32(9))
    Array(3., dtype=float32)
    """
    if vmap_method is not None and vmap_method not in VMAP_METHODS:
        raise ValueError(f"vmap_method must be one of {[*VMAP_METHODS, None]}, but got: {vmap_method}")
    return _bind(pure_callback_p, callback, result_shape_dtypes, args, kwargs, vmap_method=vmap_method)


def io_callback(callback: Callable, result_shape_dtypes: Any, *args, sharding=None, ordered: bool = False, **kwargs):
    """The results of a Python function with side effects (`jax.experimental.io_callback`).

    The function is called each time the program reaches the call, even if nobody reads its results. Under vmap it is called
    once for each example; with `ordered`, vmap raises an error.

    >>> import minijax as jax
    >>> seen = []
    >>> jax.jit(lambda x: io_callback(lambda v: seen.append(int(v)), None, x))(3)
    >>> seen
    [3]
    """
    return _bind(io_callback_p, callback, result_shape_dtypes, args, kwargs, ordered=bool(ordered))


def effects_barrier() -> None:
    """Return when all effects have happened (`jax.effects_barrier`). On NumPy, they have happened before this call.

    >>> import minijax
    >>> minijax.debug.print('x = {}', 1)
    x = 1
    >>> effects_barrier()
    """


__all__ = ["effects_barrier", "io_callback", "pure_callback"]
