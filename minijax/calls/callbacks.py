"""The primitives that call Python from a program: `debug_print`, `debug_callback`, `pure_callback`, `io_callback`.

`pure_callback` has no effects: dead code elimination drops it if nobody reads its results. The other three have effects, and
are never dropped. (JAX: `_src/debugging.py`, `_src/callback.py`.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from ..core.array import ArrayImpl, eval_trace, to_array
from ..core.avals import ShapedArray
from ..core.primitive import Primitive
from ..core.staging import trace_to_closed_jaxpr
from ..core.traces import get_aval, run_under
from ..foundation.effects import debug_effect, io_effect, no_effects, ordered_debug_effect, ordered_io_effect
from ..foundation.float_errors import DEFAULT, with_float_errors
from ..foundation.pytrees import tree_unflatten
from ..foundation.wrapping import name_of
from ..primitives.basis import broadcast_batch, move_batch_dim, row
from ..primitives.shapes import index_in_dim
from .scan import scan_p

NO_COTANGENT = "it leaves the program: no cotangent flows back through Python code"

if TYPE_CHECKING:
    import logging


def _run(callback: Callable, args: Sequence[np.ndarray]):
    """The result of the user's function on arrays. The function may use minijax; within it, NumPy warns as it does by
    default."""
    return with_float_errors(DEFAULT, run_under, eval_trace, callback, *map(ArrayImpl, args))


# ---------------------------------------------------------------------------------------------------------------------
# Callbacks for debugging: they have no results


def _debug_row(name: str, impl: Callable, effects: Callable) -> Primitive:
    def jvp(primals, tangents, **params):
        # Show the primals. A user who wants to see the tangents prints them in a custom_jvp rule.
        primitive.bind(*primals, **params)
        return [], []

    def batch(axis, args, dims, **params):
        """Call once for each example, in order."""
        for i in range(axis.size):
            primitive.bind(
                *[x if d is None else index_in_dim(x, i, d, keepdims=False) for x, d in zip(args, dims)], **params
            )
        return [], []

    primitive = row(
        name,
        impl=impl,
        abstract_eval=lambda *avals, **params: [],
        jvp=jvp,
        transpose=NO_COTANGENT,
        batch=batch,
        multiple_results=True,
        effects=effects,
    )
    return primitive


def merge_arguments(in_tree, arrays: Sequence, static_args: Sequence[tuple[int, object]]) -> tuple:
    """(args, kwargs) as the user gave them: the arrays, and the static leaves at their positions."""
    static, arrays = dict(static_args), iter(arrays)
    return tree_unflatten(in_tree, [static[i] if i in static else next(arrays) for i in range(in_tree.num_leaves)])


def _print(*args, fmt: str, in_tree, static_args, np_printoptions, has_placeholders, logging_record, **params):
    def write(*arrays):
        args, kwargs = merge_arguments(in_tree, arrays, static_args)
        with np.printoptions(**dict(np_printoptions)):
            message = fmt.format(*args, **kwargs) if has_placeholders else fmt
        if logging_record is None:
            print(message)
        else:
            _log(logging_record, message)

    _run(write, args)
    return []


def _log(place: logging.LogRecord, message: str):
    # Few programs log, and importing logging takes a twentieth of the time of `import minijax`.
    logging = import_module("logging")
    logger = logging.getLogger(place.name)
    if logger.isEnabledFor(place.levelno):
        # A record of its own for each message: a handler may keep it.
        logger.handle(logging.makeLogRecord({**place.__dict__, "msg": message}))


def _debug_call(*args, callback: Callable, **params):
    _run(callback, args)
    return []


debug_print_p = _debug_row(
    "debug_print", _print, lambda params: frozenset({ordered_debug_effect if params["ordered"] else debug_effect})
)
debug_callback_p = _debug_row("debug_callback", _debug_call, lambda params: frozenset({params["effect"]}))


# ---------------------------------------------------------------------------------------------------------------------
# Callbacks that compute: the user states the types of their results


def _call(name: str) -> Callable:
    def impl(*args, callback: Callable, result_avals: Sequence[ShapedArray], **params):
        results = [to_array(x)._value for x in _run(callback, args)]
        if len(results) != len(result_avals):
            raise RuntimeError(
                f"{name} of {name_of(callback)}: the function returned {len(results)} results, but result_shape_dtypes promises"
                f" {len(result_avals)}. Return as many results as result_shape_dtypes promises."
            )
        for i, (x, aval) in enumerate(zip(results, result_avals)):
            for what, given, promised in (("shape", x.shape, aval.shape), ("dtype", x.dtype, aval.dtype)):
                if given != promised:
                    raise RuntimeError(
                        f"{name} of {name_of(callback)}: Incorrect output {what} for return value #{i}: Expected: {promised},"
                        f" Actual: {given}. Return what result_shape_dtypes promises."
                    )
        return results

    return impl


def _no_jvp(message: str) -> Callable:
    def jvp(primals, tangents, **params):
        raise ValueError(message)

    return jvp


def _one_after_the_other(primitive: Primitive, axis, args, dims, params, unroll: int = 1):
    """The batched results, computed by a scan over the examples."""
    consts = [x for x, d in zip(args, dims) if d is None]
    xs = [move_batch_dim(x, d, 0) for x, d in zip(args, dims) if d is not None]

    def body(*values):
        shared, own = iter(values[: len(consts)]), iter(values[len(consts) :])
        return primitive.bind(*[next(shared) if d is None else next(own) for d in dims], **params)

    avals = [*map(get_aval, consts), *[get_aval(x).update(shape=get_aval(x).shape[1:]) for x in xs]]
    outs = scan_p.bind(
        *consts,
        *xs,
        jaxpr=trace_to_closed_jaxpr(body, avals),
        length=axis.size,
        reverse=False,
        num_consts=len(consts),
        num_carry=0,
        unroll=unroll,
    )
    return outs, [0] * len(outs)


VMAP_METHODS = ("sequential", "sequential_unrolled", "expand_dims", "broadcast_all", "legacy_vectorized")


def _pure_batch(axis, args, dims, *, vmap_method, result_avals, **params):
    params["vmap_method"] = vmap_method
    if vmap_method in ("sequential", "sequential_unrolled"):
        unroll = axis.size if vmap_method == "sequential_unrolled" else 1
        return _one_after_the_other(pure_callback_p, axis, args, dims, {**params, "result_avals": result_avals}, unroll)
    if vmap_method is None:
        raise NotImplementedError(
            "vmap is only supported for the pure_callback primitive when vmap_method is one of"
            f" {', '.join(map(repr, VMAP_METHODS[:-1]))}, or {VMAP_METHODS[-1]!r}. Got vmap_method=None."
        )
    # Call once with the whole batch. An argument that the examples share gets an axis of size 1, one of the batch's size, or none.
    shared = {
        "expand_dims": lambda x: broadcast_batch(x, 1, 0),
        "broadcast_all": lambda x: broadcast_batch(x, axis.size, 0),
    }
    expand = shared.get(vmap_method, lambda x: x)
    args = [expand(x) if d is None else move_batch_dim(x, d, 0) for x, d in zip(args, dims)]
    batched = tuple(aval.update(shape=(axis.size, *aval.shape)) for aval in result_avals)
    outs = pure_callback_p.bind(*args, result_avals=batched, **params)
    return outs, [0] * len(outs)


def _io_batch(axis, args, dims, **params):
    if params["ordered"]:
        raise ValueError("Cannot `vmap` ordered IO callback.")
    return _one_after_the_other(io_callback_p, axis, args, dims, params)


def _callback_row(name: str, jvp_message: str, batch: Callable, effects: Callable) -> Primitive:
    return row(
        name,
        impl=_call(name),
        abstract_eval=lambda *avals, result_avals, **params: list(result_avals),
        jvp=_no_jvp(jvp_message),
        transpose=NO_COTANGENT,
        batch=batch,
        multiple_results=True,
        effects=effects,
    )


pure_callback_p = _callback_row(
    "pure_callback",
    "Pure callbacks do not support JVP. Please use `jax.custom_jvp` to use callbacks while taking gradients.",
    _pure_batch,
    lambda params: no_effects,
)
io_callback_p = _callback_row(
    "io_callback",
    "IO callbacks do not support JVP.",
    _io_batch,
    lambda params: frozenset({ordered_io_effect if params["ordered"] else io_effect}),
)
