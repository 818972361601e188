"""Functions of pytrees as functions of leaves, for those who write transformations (`jax.api_util`)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from ..foundation.pytrees import tree_flatten, tree_unflatten
from .core.tracing import DebugInfo
from .linear_util import WrappedFun, transformation_with_aux2


def _with_kwargs(f: Callable, store, in_tree, *args_flat):
    args, kwargs = tree_unflatten(in_tree, args_flat)
    leaves, out_tree = tree_flatten(f(*args, **kwargs))
    store.store(out_tree)
    return leaves


def _without_kwargs(f: Callable, store, in_tree, *args_flat):
    leaves, out_tree = tree_flatten(f(*tree_unflatten(in_tree, args_flat)))
    store.store(out_tree)
    return leaves


def flatten_fun(fun: WrappedFun, in_tree: Any) -> tuple[WrappedFun, Callable[[], Any]]:
    """A function of leaves that returns leaves; and a function that returns the tree of the results once the first has run.
    `in_tree` is the tree of (positional arguments, keyword arguments).

    >>> from minijax import tree
    >>> from minijax.extend.linear_util import wrap_init
    >>> leaves, in_tree = tree.flatten(((1,), {"b": 2}))
    >>> flat, out_tree = flatten_fun(wrap_init(lambda a, b: {"sum": a + b}), in_tree)
    >>> flat.call_wrapped(*leaves), out_tree()
    ([3], PyTreeDef({'sum': *}))
    """
    return transformation_with_aux2(_with_kwargs, fun, in_tree)


def flatten_fun_nokwargs(fun: WrappedFun, in_tree: Any) -> tuple[WrappedFun, Callable[[], Any]]:
    """As `flatten_fun`, for positional arguments alone: `in_tree` is the tree of their tuple.

    >>> from minijax import tree
    >>> from minijax.extend.linear_util import wrap_init
    >>> flat, out_tree = flatten_fun_nokwargs(wrap_init(lambda a: [a, a]), tree.structure((1,)))
    >>> flat.call_wrapped(5), out_tree()
    ([5, 5], PyTreeDef([*, *]))
    """
    return transformation_with_aux2(_without_kwargs, fun, in_tree)


def debug_info(
    traced_for: str,
    fun: Callable,
    args: Sequence[Any],
    kwargs: dict[str, Any],
    *,
    static_argnums: Sequence[int] = (),
    static_argnames: Sequence[str] = (),
    result_paths_thunk: Any = None,
    sourceinfo: str | None = None,
    signature: inspect.Signature | None = None,
) -> DebugInfo:
    """Names of a function that is to be traced. minijax's equations know where they come from without it.

    >>> debug_info("scan", lambda x: x, (1.0,), {}).traced_for
    'scan'
    """
    name = getattr(fun, "__name__", type(fun).__name__)
    return DebugInfo(traced_for, name if sourceinfo is None else sourceinfo, None, result_paths_thunk)


def safe_map(f: Callable, *args: Any) -> list:
    """`list(map(f, *args))`. Raises ValueError if the lengths differ.

    >>> safe_map(max, [1, 5], [4, 2])
    [4, 5]
    """
    return [f(*values) for values in zip(*args, strict=True)]


__all__ = [
    "debug_info",
    "flatten_fun",
    "flatten_fun_nokwargs",
    "safe_map",
]
