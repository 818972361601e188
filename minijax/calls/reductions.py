"""`reduce` and `reduce_window` by a user's function of two elements, which is a jaxpr: `lax.reduce`, `lax.reduce_window`.

Their arguments are operands of one shape, and then an initial value for each. NumPy runs the function on whole rows, one after
another. (JAX: `_src/lax/lax.py`, `_src/lax/windowed_reductions.py`.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..core.avals import ShapedArray, Zero
from ..core.jaxpr import ClosedJaxpr, eval_jaxpr
from ..core.traces import get_aval
from ..lowering.compile import compile_jaxpr
from ..primitives.basis import (
    NOT_LINEAR,
    batch_to_front,
    call_row,
    full,
    instantiate,
    reduced_shape,
    reshape,
    shape_of,
    transpose,
    zero_like,
)
from ..primitives.reduce_windows import NAMES, all_inside, check_windows, rows_of_axes, rows_of_windows
from ..primitives.shapes import pad, slice_in_dim
from ..transforms.jvp import jvp_flat, jvp_jaxpr, nonzero
from ..transforms.vmap import Axis, batch_jaxpr


def _halves(xs: Sequence) -> tuple[list, list]:
    n = len(xs) // 2
    return list(xs[:n]), list(xs[n:])


def _rows_reducer(jaxpr: ClosedJaxpr, size: int) -> ClosedJaxpr:
    """The user's function on `size` elements at once."""
    return batch_jaxpr(jaxpr, Axis(None, size), (0,) * len(jaxpr.in_avals), True)[0]


def _folded(rows: Sequence, inits: Sequence, jaxpr: ClosedJaxpr, shape: tuple[int, ...], inside=None) -> list:
    """inside: rows of truth values, which say where the rows have elements; None if everywhere."""
    size = math.prod(shape)
    step = compile_jaxpr(_rows_reducer(jaxpr, size))
    carry = [np.full(size, init, x.dtype) for init, x in zip(inits, rows)]
    for i in range(len(rows[0])):
        after = step(*carry, *[x[i] for x in rows])
        carry = after if inside is None else [np.where(inside[i], new, old) for new, old in zip(after, carry)]
    return [x.reshape(shape) for x in carry]


def _check_inits(name: str, operands: Sequence[ShapedArray], inits: Sequence[ShapedArray]):
    if any(x.dtype != init.dtype for x, init in zip(operands, inits)):
        raise TypeError(
            f"{name} got inconsistent dtypes for operands and init_values: got operand dtypes"
            f" {[x.dtype.name for x in operands]} and init_value dtypes {[x.dtype.name for x in inits]}."
        )
    if any(init.shape for init in inits):
        error = TypeError if name == "reduce_window" else ValueError
        raise error(
            f"{name} expected init_values to be scalars but init_values have shapes {[x.shape for x in inits]}."
        )
    if any(x.shape != operands[0].shape for x in operands):
        raise TypeError(f"{name} takes operands of one shape, got {[x.shape for x in operands]}.")


def _shared_inits(name: str, dims: Sequence):
    if any(d is not None for d in dims):
        raise NotImplementedError(
            f"{name}: a batch of initial values has no rule: combine them with the result instead."
        )


# ---------------------------------------------------------------------------------------------------------------------
# reduce


def _reduce_impl(*args, computation, dimensions, jaxpr):
    operands, inits = _halves(args)
    shape = tuple(d for i, d in enumerate(operands[0].shape) if i not in dimensions)
    return _folded([rows_of_axes(x, dimensions) for x in operands], inits, jaxpr, shape)


def _reduce_abstract_eval(*avals, computation, dimensions, jaxpr):
    operands, inits = _halves(avals)
    _check_inits("reduce", operands, inits)
    shape = reduced_shape(operands[0].shape, dimensions, "reduce")
    return [ShapedArray(shape, x.dtype, x.weak_type and init.weak_type) for x, init in zip(operands, inits)]


def _by_halves(operands: Sequence, inits: Sequence, jaxpr: ClosedJaxpr, dimensions) -> list:
    """The reduction as a tree: of the first half of the elements with the second, so that its derivative is one of slices."""
    shape = shape_of(operands[0])
    kept = [i for i in range(len(shape)) if i not in dimensions]
    rest = [shape[i] for i in kept]
    n, columns = math.prod(shape[i] for i in dimensions), math.prod(rest)
    xs = [reshape(transpose(x, (*dimensions, *kept)), (n, columns)) for x in operands]
    while n > 1:
        half = (n + 1) // 2
        first = [slice_in_dim(x, 0, half) for x in xs]
        second = [slice_in_dim(x, half, n) for x in xs]
        if n % 2:
            second = [pad(x, init, [(0, 1, 0), (0, 0, 0)]) for x, init in zip(second, inits)]
        flat = [reshape(x, (half * columns,)) for x in (*first, *second)]
        batched = _rows_reducer(jaxpr, half * columns)
        xs, n = [reshape(x, (half, columns)) for x in eval_jaxpr(batched.jaxpr, batched.consts, *flat)], half
    if n == 0:
        return [full(rest, 0, get_aval(init).dtype) + init for init in inits]
    return [reshape(x, rest) for x in xs]


def _reduce_jvp(primals, tangents, *, computation, dimensions, jaxpr):
    operands, inits = _halves(primals)
    operands_t, inits_t = _halves(tangents)
    if any(type(t) is not Zero for t in inits_t):
        raise NotImplementedError(
            "Gradient of general lax.reduce with non-zero tangents for initial values to reduction not implemented"
        )
    return jvp_flat(lambda *xs: _by_halves(xs, inits, jaxpr, dimensions), operands, operands_t)


def _reduce_batch(axis, args, dims, *, computation, dimensions, jaxpr):
    (operands, inits), (operand_dims, init_dims) = _halves(args), _halves(dims)
    _shared_inits("reduce", init_dims)
    operands = [batch_to_front(x, d, axis.size) for x, d in zip(operands, operand_dims)]
    dimensions = tuple(d + 1 for d in dimensions)
    outs = reduce_p.bind(*operands, *inits, computation=computation, dimensions=dimensions, jaxpr=jaxpr)
    return outs, [0] * len(outs)


reduce_p = call_row(
    "reduce",
    impl=_reduce_impl,
    abstract_eval=_reduce_abstract_eval,
    jvp=_reduce_jvp,
    transpose=NOT_LINEAR,
    batch=_reduce_batch,
)


# ---------------------------------------------------------------------------------------------------------------------
# reduce_window


def _window_impl(*args, jaxpr, consts, **params):
    operands, inits = _halves(args)
    sizes = [params[name] for name in NAMES]
    rows = [rows_of_windows(x, init, *sizes) for x, init in zip(operands, inits)]
    # As XLA's CPU code does it: what lies outside of the array takes no part, not even as the initial value.
    inside = None if all_inside(**params) else rows_of_windows(np.ones(operands[0].shape, bool), False, *sizes)
    shape = check_windows(operands[0].shape, **params)
    return _folded(rows, inits, ClosedJaxpr(jaxpr, consts), shape, inside)


def _window_abstract_eval(*avals, jaxpr, consts, **params):
    operands, inits = _halves(avals)
    _check_inits("reduce_window", operands, inits)
    shape = check_windows(operands[0].shape, **params)
    return [ShapedArray(shape, x.dtype) for x in operands]


def _window_jvp(primals, tangents, *, jaxpr, consts, **params):
    """One reduction of pairs (element, tangent)."""
    n = len(primals) // 2
    if any(nonzero(tangents[n:])):
        raise TypeError("reduce_window jvp does not support non-zero init_value_tangent.")
    if not any(nonzero(tangents)):
        outs = reduce_window_p.bind(*primals, jaxpr=jaxpr, consts=consts, **params)
        return outs, [zero_like(out) for out in outs]
    tangents = [instantiate(t) for t in tangents]
    pushed = jvp_jaxpr(ClosedJaxpr(jaxpr, consts), (True,) * len(tangents), True)[0]
    # The jaxpr takes the elements of both sides and then the tangents of both; a reduction takes one side and then the other.
    invars = pushed.jaxpr.invars
    sides = [invars[i : i + n] for i in range(0, 4 * n, n)]
    inner = pushed.jaxpr.replace(invars=[*sides[0], *sides[2], *sides[1], *sides[3]])
    operands = [*primals[:n], *tangents[:n], *primals[n:], *tangents[n:]]
    outs = reduce_window_p.bind(*operands, jaxpr=inner, consts=tuple(pushed.consts), **params)
    return outs[:n], outs[n:]


def _window_batch(axis, args, dims, *, jaxpr, consts, **params):
    (operands, inits), (operand_dims, init_dims) = _halves(args), _halves(dims)
    _shared_inits("reduce_window", init_dims)
    operands = [batch_to_front(x, d, axis.size) for x, d in zip(operands, operand_dims)]
    params = {name: ((0, 0) if name == "padding" else 1, *value) for name, value in params.items()}
    outs = reduce_window_p.bind(*operands, *inits, jaxpr=jaxpr, consts=consts, **params)
    return outs, [0] * len(outs)


reduce_window_p = call_row(
    "reduce_window",
    impl=_window_impl,
    abstract_eval=_window_abstract_eval,
    jvp=_window_jvp,
    transpose=NOT_LINEAR,
    batch=_window_batch,
)
