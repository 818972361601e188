"""Batches by the user's own rules: `custom_vmap`, `sequential_vmap` (`jax.custom_batching`).

The functions here flatten pytrees; the primitive in `calls/custom_batching.py` takes flat arrays.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..calls.custom_batching import custom_vmap_p
from ..core.staging import closed, convert_constvars, trace_to_jaxpr
from ..core.traces import get_aval
from ..foundation.errors import UnexpectedTracerError
from ..foundation.pytrees import tree_flatten, tree_leaves, tree_map, tree_structure, tree_unflatten, treedef_tuple
from ..foundation.wrapping import name_of, wraps
from .arguments import as_operand, as_output
from .loops import map as map_sequentially


class custom_vmap:
    """A function with its own rule for vmap (`jax.custom_batching.custom_vmap`).

    Forward mode differentiates the rule too. The function has no reverse mode: a custom_vjp around it gives it one.

    >>> import minijax as jax
    >>> import minijax.numpy as jnp
    >>> @custom_vmap
    ... def f(x, y):
    ...     return x + y
    >>> @f.def_vmap
    ... def f_vmap(axis_size, in_batched, xs, ys):
    ...     return xs * ys, True
    >>> f(2, 3), jax.vmap(f)(jnp.arange(3), jnp.arange(1, 4))
    (Array(5, dtype=int32, weak_type=True), Array([0, 2, 6], dtype=int32))
    """

    def __init__(self, fun: Callable):
        wraps(fun)(self)
        self.fun = fun
        self.vmap_rule: Callable | None = None

    def __getattr__(self, name: str):
        # With @custom_vmap above @custom_vjp, `f.defvjp` is an attribute of the inner function.
        if name.startswith("def"):
            return getattr(self.fun, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def def_vmap(self, vmap_rule: Callable) -> Callable:
        """Define the rule (axis_size, in_batched, *args) -> (out, out_batched); usable as a decorator.

        in_batched: a list of pytrees of bools, one for each argument. The first axis of a batched array is the batch axis.
        out_batched: a pytree of bools with the structure of out.
        """
        self.vmap_rule = vmap_rule
        return vmap_rule

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        name = name_of(self.fun)
        args = self._positional(name, args, kwargs)
        if self.vmap_rule is None:
            raise AttributeError(f"No batching rule defined for custom_vmap function {name} using def_vmap.")
        leaves, in_tree = tree_flatten(args)
        flat = [as_operand(x, f"Argument of the custom_vmap function {name}") for x in leaves]
        trees = []

        def of_flat(*values):
            outs, tree = tree_flatten(self.fun(*tree_unflatten(in_tree, values)))
            trees.append(tree)
            return [as_output(x, self.fun) for x in outs]

        jaxpr, consts = trace_to_jaxpr(of_flat, [get_aval(x) for x in flat])
        outs = custom_vmap_p.bind(
            *consts,
            *flat,
            call=closed(convert_constvars(jaxpr)),
            rule=_FlatRule(self.vmap_rule, name, len(consts), in_tree, trees[0]),
            in_tree=treedef_tuple((tree_structure(consts), in_tree)),
            out_tree=trees[0],
        )
        return tree_unflatten(trees[0], outs)

    def _positional(self, name: str, args: tuple, kwargs: dict) -> tuple:
        """All arguments by position, defaults included: rules take no keywords."""
        try:
            bound = inspect.signature(self.fun).bind(*args, **kwargs)
            bound.apply_defaults()
            if bound.kwargs:
                raise TypeError(f"keyword arguments could not be resolved to positions: {sorted(bound.kwargs)}")
        except TypeError as error:
            raise TypeError(
                f"The input arguments to the custom_vmap-decorated function {name} could not be resolved to positional-only"
                f" arguments. Binding failed with the error:\n{error}"
            ) from error
        return bound.args


class _FlatRule:
    """The user's rule for one call, as a function of flat arrays. Printed jaxprs show the user's rule."""

    def __init__(self, rule: Callable, name: str, num_consts: int, in_tree, out_tree):
        self.rule, self.name, self.num_consts = rule, name, num_consts
        self.in_tree, self.out_tree = in_tree, out_tree

    def __str__(self) -> str:
        return str(self.rule)

    def __call__(self, axis_size: int, batched: list[bool], args: list) -> tuple[list, list[bool]]:
        n = self.num_consts
        if any(batched[:n]):
            raise UnexpectedTracerError(
                "Detected vmap of a custom_vmap function with respect to a closed-over value:"
                f" {self.name} closes over a value that is being mapped, but its rule sees only its arguments. Make the"
                " value an argument."
            )
        in_batched, args = list(tree_unflatten(self.in_tree, batched[n:])), tree_unflatten(self.in_tree, args[n:])
        pair = self.rule(axis_size, in_batched, *args)
        rule_name = name_of(self.rule, "<unnamed rule>")
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(
                f"custom vmap rule ({rule_name}) must return a pair of the output value and the output batching"
                f" specification, but got {pair!r}."
            )
        outs, tree = tree_flatten(pair[0])
        out_batched, batched_tree = tree_flatten(pair[1])
        self._check_trees(rule_name, tree, batched_tree)
        outs = [as_output(x, self.rule) for x in outs]
        for x, flag in zip(outs, out_batched):
            if flag and x.shape[:1] != (axis_size,):
                raise ValueError(
                    f"custom vmap rule ({rule_name}) returned an array of shape {x.shape} as batched, but the first axis of a"
                    f" batched array must be the batch axis, of size {axis_size}."
                )
        return outs, list(map(bool, out_batched))

    def _check_trees(self, rule_name: str, tree, batched_tree):
        if tree != batched_tree:
            raise ValueError(
                f"structure of output value and output batching specification returned by custom vmap rule ({rule_name}) do"
                f" not match.\nOutput values: {tree}\nBatching spec: {batched_tree}"
            )
        if tree != self.out_tree:
            raise ValueError(
                f"structure of output returned by custom vmap rule ({rule_name}) does not match that of original"
                f" custom-vmapped function.\nOriginal output: {self.out_tree}\nRule output: {tree}"
            )


def sequential_vmap(f: Callable[..., Any]) -> custom_vmap:
    """A function that computes `f`, and whose vmap is a loop over `f` (`jax.custom_batching.sequential_vmap`).

    >>> import minijax as jax
    >>> import minijax.numpy as jnp
    >>> print(jax.make_jaxpr(jax.vmap(sequential_vmap(jnp.sin)))(jnp.ones(3)).eqns[0].primitive)
    scan
    """
    f = custom_vmap(f)

    @f.def_vmap
    def rule(axis_size, in_batched, *args):
        leaves, tree = tree_flatten(args)
        flags = tree_leaves(in_batched)

        def of_one(mapped):
            mapped = iter(mapped)
            return f(*tree_unflatten(tree, [next(mapped) if flag else x for x, flag in zip(leaves, flags)]))

        out = map_sequentially(of_one, [x for x, flag in zip(leaves, flags) if flag])
        return out, tree_map(lambda _: True, out)

    return f


__all__ = ["custom_vmap", "sequential_vmap"]
