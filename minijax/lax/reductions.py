"""Reductions by any function of two elements: of axes and of sliding windows."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..calls.reductions import reduce_p, reduce_window_p
from ..core.array import to_array
from ..core.jaxpr import ClosedJaxpr
from ..core.staging import trace_to_jaxpr
from ..core.traces import Array, Tracer, get_aval
from ..foundation.pytrees import tree_flatten, tree_unflatten
from ..primitives import reduce_windows as windows
from ..primitives.basis import reduce_sum, registry
from ..primitives.convolution_shapes import dilated, explicit_pads, padtype_to_pads
from ..primitives.elementwise import convert_element_type
from ..primitives.reductions import (
    highest,
    lowest,
    reduce_and,
    reduce_max,
    reduce_min,
    reduce_or,
    reduce_prod,
    reduce_xor,
)

# {primitive: (the reduction of axes, dtype -> the initial value with which it is one)}
_MONOIDS: dict[str, tuple[Callable, Callable]] = {
    "add": (reduce_sum, lambda dtype: 0),
    "mul": (reduce_prod, lambda dtype: 1),
    "max": (reduce_max, lowest),
    "min": (reduce_min, highest),
    "or": (reduce_or, lambda dtype: 0),
    "and": (reduce_and, lambda dtype: True if dtype.kind == "b" else np.array(-1).astype(dtype)),
    "xor": (reduce_xor, lambda dtype: 0),
}
_OF_WINDOWS = {
    name: registry[f"reduce_window_{kind}"] for name, kind in (("add", "sum"), ("max", "max"), ("min", "min"))
}


def _monoid(computation: Callable, inits: Sequence) -> str | None:
    """The name of the primitive if `computation` is its function of `lax`, and the initial value changes nothing."""
    primitive = getattr(computation, "primitive", None)
    if len(inits) != 1 or primitive is None or computation.__module__ != "minijax.lax" or isinstance(inits[0], Tracer):
        return None
    aval, name = get_aval(inits[0]), primitive.name
    if aval.shape or name not in _MONOIDS or (name in ("and", "or", "xor") and aval.dtype.kind not in "biu"):
        return None
    return name if np.asarray(inits[0]) == _MONOIDS[name][1](aval.dtype) else None


def _traced(name: str, computation: Callable, inits: Sequence, tree) -> ClosedJaxpr:
    """The function of two elements as a jaxpr. Raises ValueError if it returns another tree than that of the operands."""
    avals = [get_aval(x) for x in inits]

    def flat(*args):
        left, right = (tree_unflatten(tree, list(part)) for part in (args[: len(inits)], args[len(inits) :]))
        leaves, out_tree = tree_flatten(computation(left, right))
        if out_tree != tree:
            raise ValueError(f"{name} output must have the same tree structure as the operands {tree} vs. {out_tree}")
        return [x if isinstance(x, Array) else to_array(x) for x in leaves]

    jaxpr, consts = trace_to_jaxpr(flat, [*avals, *avals])
    if any(isinstance(c, Tracer) for c in consts):
        raise NotImplementedError(f"{name}: the function closes over a traced value, which a reduction cannot pass on.")
    return ClosedJaxpr(jaxpr, consts)


def _flat(name: str, operands: Any, init_values: Any) -> tuple[list, list, Any]:
    xs, tree = tree_flatten(operands)
    inits, init_tree = tree_flatten(init_values)
    if tree != init_tree:
        raise ValueError(f"Operands must have the same tree structure as init_values: {tree} vs. {init_tree}")
    if not xs:
        raise ValueError(f"{name} must have at least one operand.")
    return xs, inits, tree


def reduce(
    operands: Any,
    init_values: Any,
    computation: Callable[[Any, Any], Any],
    dimensions: Sequence[int],
    out_sharding: Any = None,
) -> Any:
    """The elements along axes, combined by a function of two elements, which should be associative (`lax.reduce`).

    operands, init_values: arrays and scalars, or trees of them; the function then takes two trees and returns one. Raises
    ValueError for trees that differ, TypeError for dtypes that do.

    >>> import minijax.numpy as jnp
    >>> reduce(jnp.arange(1.0, 5.0), 1.0, lambda x, y: x * y, (0,))
    Array(24., dtype=float32)
    """
    xs, inits, tree = _flat("reduce", operands, init_values)
    dimensions = tuple(map(operator.index, dimensions))
    monoid = _monoid(computation, inits)
    if monoid is not None:
        (x,) = xs
        out = _MONOIDS[monoid][0](x, dimensions)
        return convert_element_type(out, out.dtype, get_aval(x).weak_type and get_aval(inits[0]).weak_type)
    jaxpr = _traced("reduce", computation, inits, tree)
    outs = reduce_p.bind(*xs, *inits, computation=computation, dimensions=dimensions, jaxpr=jaxpr)
    return tree_unflatten(tree, outs)


def reduce_window(
    operand: Any,
    init_value: Any,
    computation: Callable,
    window_dimensions: Sequence[int],
    window_strides: Sequence[int] | None = None,
    padding: str | Sequence[tuple[int, int]] = "VALID",
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> Any:
    """The elements of each window, combined by a function of two elements: pooling, if it is `lax.max` or `lax.add`
    (`lax.reduce_window`).

    The window has a size, a stride, a padding of the array and dilations along every axis. Sums, maxima and minima have gradients;
    by other functions, there is forward mode alone. Raises ValueError for trees that differ, TypeError for sizes and dtypes that do
    not fit.

    >>> import minijax.numpy as jnp
    >>> import minijax.lax as lax
    >>> reduce_window(jnp.array([1.0, 5.0, 2.0, 4.0]), -jnp.inf, lax.max, (2,), (2,))
    Array([5., 4.], dtype=float32)
    """
    xs, inits, tree = _flat("reduce_window", operand, init_value)
    window = tuple(map(operator.index, window_dimensions))
    strides = (1,) * len(window) if window_strides is None else tuple(map(operator.index, window_strides))
    if isinstance(padding, str):
        sizes = window if window_dilation is None else dilated(window, window_dilation)
        padding = padtype_to_pads(get_aval(xs[0]).shape, sizes, strides, padding)
    elif not isinstance(padding, Iterable):
        raise TypeError(f"padding argument to reduce_window must be a string or a sequence of pairs, got {padding!r}.")
    params = windows.window_params(
        window, strides, explicit_pads(padding, "reduce_window"), base_dilation, window_dilation
    )
    monoid = _monoid(computation, inits)
    if monoid in _OF_WINDOWS:
        return tree_unflatten(tree, [_OF_WINDOWS[monoid].bind(xs[0], **params)])
    jaxpr = _traced("reduce_window", computation, inits, tree)
    outs = reduce_window_p.bind(*xs, *inits, jaxpr=jaxpr.jaxpr, consts=tuple(jaxpr.consts), **params)
    return tree_unflatten(tree, outs)


def reduce_window_shape_tuple(
    operand_shape: Sequence[int],
    window_dimensions: Sequence[int],
    window_strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> tuple[int, ...]:
    """The shape of `reduce_window` (`lax.reduce_window_shape_tuple`).

    >>> reduce_window_shape_tuple((4, 4), (2, 2), (2, 1), [(0, 0), (0, 1)])
    (2, 4)
    """
    params = windows.window_params(window_dimensions, window_strides, padding, base_dilation, window_dilation)
    return windows.check_windows(tuple(operand_shape), **params)
