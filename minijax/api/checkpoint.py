"""Gradients in less memory: `checkpoint` (`remat`), its policies, and `print_saved_residuals` (`jax.ad_checkpoint`)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..calls.checkpoint import Recompute, Saveable, name_p, remat_p, saved_residuals
from ..core.staging import closed, convert_constvars, trace_to_closed_jaxpr, trace_to_jaxpr
from ..core.traces import get_aval
from ..foundation import source_info
from ..foundation.dtypes import issubdtype
from ..foundation.pytrees import keystr, tree_flatten, tree_flatten_with_path, tree_map, tree_unflatten
from ..foundation.wrapping import wraps
from ..transforms.linearize import linearize_jaxpr
from .arguments import as_argnums, as_operand, as_output, static_positions

# The type of what the user's function returns.
R = TypeVar("R")

# ---------------------------------------------------------------------------------------------------------------------
# Policies: functions of (primitive, *avals, **params) that return whether an equation's results are kept


def everything_saveable(prim, *avals, **params) -> bool:
    """Keep all residuals: this saves no memory."""
    return True


def nothing_saveable(prim, *avals, **params) -> bool:
    """Keep only the arguments: `checkpoint` does the same without a policy."""
    return False


def dots_saveable(prim, *avals, **params) -> bool:
    """Keep the results of contractions, because they cost most to compute again."""
    return prim.name in ("dot_general", "conv_general_dilated")


def dots_with_no_batch_dims_saveable(prim, *avals, **params) -> bool:
    """Keep the results of contractions without batch axes: products with weights have none."""
    return prim.name == "dot_general" and params["dimension_numbers"][1] == ((), ())


def _named(eqn_name, params) -> str | None:
    return params["name"] if eqn_name == "name" else None


def save_only_these_names(*names: str) -> Callable:
    """Keep the values that `checkpoint_name` gave these names, and nothing else."""
    return lambda prim, *avals, **params: _named(prim.name, params) in names


def save_any_names_but_these(*names: str) -> Callable:
    """Keep the values that `checkpoint_name` gave another name than these."""
    return lambda prim, *avals, **params: prim.name == "name" and params["name"] not in names


def save_anything_except_these_names(*names: str) -> Callable:
    """Keep all values except those that `checkpoint_name` gave these names."""
    return lambda prim, *avals, **params: _named(prim.name, params) not in names


def save_from_both_policies(first: Callable, second: Callable) -> Callable:
    """Keep what either policy keeps."""
    return lambda prim, *avals, **params: first(prim, *avals, **params) or second(prim, *avals, **params)


class checkpoint_policies:
    """The policies for `checkpoint(policy=...)`, by name (`jax.checkpoint_policies`).

    >>> import minijax.numpy as jnp
    >>> checkpoint(jnp.sin, policy=checkpoint_policies.nothing_saveable)(0.0)
    Array(0., dtype=float32, weak_type=True)
    """

    everything_saveable = staticmethod(everything_saveable)
    nothing_saveable = staticmethod(nothing_saveable)
    dots_saveable = staticmethod(dots_saveable)
    checkpoint_dots = staticmethod(dots_saveable)
    dots_with_no_batch_dims_saveable = staticmethod(dots_with_no_batch_dims_saveable)
    checkpoint_dots_with_no_batch_dims = staticmethod(dots_with_no_batch_dims_saveable)
    save_only_these_names = staticmethod(save_only_these_names)
    save_any_names_but_these = staticmethod(save_any_names_but_these)
    save_anything_except_these_names = staticmethod(save_anything_except_these_names)
    save_from_both_policies = staticmethod(save_from_both_policies)


# ---------------------------------------------------------------------------------------------------------------------
# checkpoint


def checkpoint(
    fun: Callable[..., R],
    *,
    prevent_cse: bool = True,
    policy: Callable[..., Any] | None = None,
    static_argnums: int | tuple[int, ...] = (),
    static_argnames: str | tuple[str, ...] = (),
) -> Callable[..., R]:
    """A function that computes what `fun` computes, and whose gradient needs less memory (`jax.checkpoint`, `jax.remat`).

    The gradient keeps only the arguments, and computes the residuals again. policy: a function that selects further values
    to keep; see `checkpoint_policies`. static_argnums, static_argnames: arguments that are not arrays.

    >>> import minijax as jax
    >>> import minijax.numpy as jnp
    >>> jax.grad(checkpoint(lambda x: jnp.sin(jnp.sin(x))))(1.0).round(4)
    Array(0.36, dtype=float32, weak_type=True)
    """
    if not callable(fun):
        raise TypeError(f"checkpoint: expected a callable, got {fun!r}")
    static = as_argnums(static_argnums)
    static_names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)

    @wraps(fun)
    def wrapped(*args, **kwargs):
        if static and max(static) >= len(args):
            raise ValueError(
                "the `static_argnums` argument to `jax.checkpoint` / `jax.remat` can only take integer values greater than or"
                f" equal to `-len(args)` and less than `len(args)`, but got {static}, while `len(args)` = {len(args)}"
            )
        static_nums = static_positions(static, len(args))
        dynamic = [x for i, x in enumerate(args) if i not in static_nums]
        static_kwargs = {k: v for k, v in kwargs.items() if k in static_names}
        leaves, in_tree = tree_flatten((dynamic, {k: v for k, v in kwargs.items() if k not in static_names}))
        flat = [as_operand(x, "Argument of a checkpoint function") for x in leaves]
        trees = []

        def flat_fun(*values):
            given, given_kwargs = tree_unflatten(in_tree, values)
            given = iter(given)
            merged = [x if i in static_nums else next(given) for i, x in enumerate(args)]
            outs, tree = tree_flatten(fun(*merged, **given_kwargs, **static_kwargs))
            trees[:] = [tree]
            return [as_output(x, fun) for x in outs]

        jaxpr, consts = trace_to_jaxpr(flat_fun, [get_aval(x) for x in flat])
        whole = closed(convert_constvars(jaxpr))
        outs = remat_p.bind(*consts, *flat, jaxpr=whole, prevent_cse=prevent_cse, differentiated=False, policy=policy)
        return tree_unflatten(trees[0], outs)

    return wrapped


remat = checkpoint


def checkpoint_name(x: Any, name: str) -> Any:
    """`x`, an array or a pytree of arrays, with a name that policies can select (`jax.ad_checkpoint.checkpoint_name`).

    >>> import minijax.numpy as jnp
    >>> policy = checkpoint_policies.save_only_these_names('first')
    >>> checkpoint(lambda x: jnp.sin(checkpoint_name(jnp.sin(x), 'first')), policy=policy)(0.0)
    Array(0., dtype=float32, weak_type=True)
    """
    return tree_map(lambda leaf: name_p.bind(as_operand(leaf, "checkpoint_name's argument"), name=name), x)


def print_saved_residuals(f: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Print one line for each residual that the gradient of `f` keeps: its type, and where it comes from
    (`jax.ad_checkpoint.print_saved_residuals`).

    >>> import minijax.numpy as jnp
    >>> print_saved_residuals(checkpoint(lambda x: jnp.sin(jnp.sin(x))), 1.0)
    f32[] from the argument x
    """
    leaves, in_tree = tree_flatten((args, kwargs))
    avals = [get_aval(as_operand(x, "argument")) for x in leaves]

    def flat(*values):
        given, given_kwargs = tree_unflatten(in_tree, values)
        return [as_output(x, f) for x in tree_flatten(f(*given, **given_kwargs))[0]]

    jaxpr = trace_to_closed_jaxpr(flat, avals)
    primal_jaxpr, out_nonzero, _ = linearize_jaxpr(jaxpr, tuple(issubdtype(a.dtype, np.inexact) for a in avals))
    arguments = dict(zip(primal_jaxpr.jaxpr.invars, _argument_names(f, args, kwargs)))
    for v, eqn in saved_residuals(primal_jaxpr, len(out_nonzero)):
        print(f"{v.aval.str_short(short_dtypes=True)} {_origin(v, eqn, arguments)}")


def _argument_names(f: Callable, args, kwargs) -> list[str]:
    try:
        bound = inspect.signature(f).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        bound = {f"args[{i}]": x for i, x in enumerate(args)} | kwargs
    return [name + keystr(path) for name, x in bound.items() for path, _ in tree_flatten_with_path(x)[0]]


def _origin(v, eqn, arguments) -> str:
    if v in arguments:
        return f"from the argument {arguments[v]}"
    if eqn is None:
        return "from a constant"
    where = source_info.summarize(eqn.source_info)
    if eqn.primitive is name_p:
        return f"named {eqn.params['name']!r} from {where}"
    return f"output of {eqn.primitive} from {where}"


__all__ = [
    "Recompute",
    "Saveable",
    "checkpoint",
    "checkpoint_name",
    "checkpoint_policies",
    "print_saved_residuals",
    "remat",
]
