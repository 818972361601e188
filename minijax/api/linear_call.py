"""`linear_call`: a linear function with a transpose that the user defines (`jax.custom_derivatives.linear_call`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from ..calls.linear_call import linear_call_p
from ..core.traces import get_aval
from ..foundation.pytrees import tree_flatten, tree_unflatten
from .arguments import as_operand
from .solves import traced_function


def linear_call(
    fun: Callable[..., Any], fun_transpose: Callable[..., Any], residual_args: Any, linear_args: Any
) -> Any:
    """`fun(residual_args, linear_args)`, whose transpose is `fun_transpose(residual_args, cotangents)`.

    fun: linear in its second argument. fun_transpose: linear in its second argument, which has the structure of fun's result;
    it returns a tree with the structure of linear_args, else a TypeError is raised when the transpose is needed,
    or a ValueError for other shapes and dtypes. The transpose
    of the transpose is `fun` again. Derivatives with respect to residual_args raise NotImplementedError.

    >>> import minijax as jax
    >>> def third(x):
    ...     return linear_call(lambda r, x: x / r, lambda r, ct: 7 * ct / r, 3.0, x)
    >>> third(6.0), jax.grad(third)(6.0).round(4)
    (Array(2., dtype=float32, weak_type=True), Array(2.3333, dtype=float32, weak_type=True))
    """
    residuals, res_tree = tree_flatten(residual_args)
    linear, lin_tree = tree_flatten(linear_args)
    residuals = [as_operand(x, "linear_call's residual_args") for x in residuals]
    linear = [as_operand(x, "linear_call's linear_args") for x in linear]
    res_avals = list(map(get_aval, residuals))
    callee = traced_function(fun, [res_tree, lin_tree], [*res_avals, *map(get_aval, linear)])

    # Traced when a derivative asks for it, once.
    @cache
    def transpose_thunk():
        found = traced_function(fun_transpose, [res_tree, callee.out_tree], [*res_avals, *callee.jaxpr.out_avals])
        if found.out_tree != lin_tree:
            raise TypeError(
                "transpose output pytree structure must match that of linear inputs, got output structure"
                f" {found.out_tree} and input structure {lin_tree}."
            )
        for given, expected in zip(found.jaxpr.out_avals, map(get_aval, linear)):
            wanted = expected.to_tangent_aval()
            if (given.shape, given.dtype) != (wanted.shape, wanted.dtype):
                raise ValueError(
                    f"linear_call's transpose must return cotangents of the types of linear_args: expected {wanted.str_short()},"
                    f" got {given.str_short()}."
                )
        return found.jaxpr, found.consts

    outs = linear_call_p.bind(
        *callee.consts,
        *residuals,
        *linear,
        callee=callee.jaxpr,
        transpose_thunk=transpose_thunk,
        num_callee_consts=len(callee.consts),
        num_res=len(residuals),
    )
    return tree_unflatten(callee.out_tree, outs)


__all__ = ["linear_call"]
