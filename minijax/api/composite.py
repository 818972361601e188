"""`lax.composite`: a function as one named operation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..calls.composite import HashableArray, composite_p
from ..core.traces import Tracer, get_aval
from ..foundation.errors import UnexpectedTracerError
from ..foundation.pytrees import tree_flatten, tree_unflatten
from ..foundation.wrapping import wraps
from .arguments import as_operand
from .solves import traced_function


def _refuse_tracers(what: str, name: str, values):
    if any(isinstance(x, Tracer) for x in values):
        raise UnexpectedTracerError(
            f"Found a JAX Tracer as {what} in the decomposition for the composite op '{name}'. A composite knows its attributes"
            " and constants when it is traced: pass a value that is involved in a transformation as a positional argument."
        )


def composite(decomposition: Callable[..., Any], name: str, version: int = 0) -> Callable[..., Any]:
    """A function that is `decomposition`, as one operation of that name, which a compiler may know (`lax.composite`).

    Positional arguments are trees of arrays, the operands; keyword arguments are the attributes, known when the function is traced,
    and NumPy's arrays, not JAX's. NumPy runs the decomposition; a program for XLA has a `stablehlo.composite`. Raises
    UnexpectedTracerError for an attribute or a closed-over value that is traced, ValueError for derivatives, NotImplementedError
    for vmap.

    >>> import minijax as jax
    >>> tangent = composite(lambda x: jax.lax.sin(x) / jax.lax.cos(x), "my.tangent")
    >>> print(jax.make_jaxpr(tangent)(1.0).eqns[0].params["name"], tangent(1.0).round(3))
    my.tangent 1.557
    """

    @wraps(decomposition)
    def composed(*args: Any, **kwargs: Any) -> Any:
        leaves, tree = tree_flatten(args)
        operands = [as_operand(x, f"the composite op '{name}'") for x in leaves]
        _refuse_tracers("an attribute", name, kwargs.values())
        found = traced_function(
            lambda args: partial(decomposition, **kwargs)(*args), [tree], list(map(get_aval, operands))
        )
        _refuse_tracers("a constant", name, found.consts)
        attributes = []
        for key, value in kwargs.items():
            leaves, of_value = tree_flatten(value)
            leaves = tuple([HashableArray(x) if isinstance(x, np.ndarray) else x for x in leaves])
            attributes.append((key, leaves, of_value))
        outs = composite_p.bind(
            *found.consts, *operands, name=name, attributes=tuple(attributes), version=version, jaxpr=found.jaxpr
        )
        return tree_unflatten(found.out_tree, outs)

    return composed
