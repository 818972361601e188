"""Vectorising map: run a program once on tracers that hide one axis of their array (JAX: `_src/interpreters/batching.py`).

The function sees arrays without the batch axis; each primitive's batch rule applies the primitive to the arrays with it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..core.avals import ShapedArray
from ..core.jaxpr import ClosedJaxpr, Jaxpr, jaxpr_as_fun, jaxprs_in_params
from ..core.primitive import Primitive
from ..core.staging import trace_to_closed_jaxpr, weak_cache
from ..core.traces import Trace, Tracer, check_not_leaked, get_aval, new_trace, set_current_trace, thread_state
from ..primitives.basis import broadcast_batch, move_batch_dim


class Axis(NamedTuple):
    """The axis mapped over: its size, and its name, if it has one. Batch rules get it as their first argument."""

    name: Hashable
    size: int


class NamedAxisTrace(Trace):
    """An axis that the program being traced may name, and that is mapped over later: everything else is its parent's."""

    __slots__ = ("axis",)
    transformation = "tracing for a named axis"

    def __init__(self, parent: Trace, axis: Axis):
        super().__init__(parent)
        self.axis = axis

    def process_primitive(self, primitive, args, params):
        return self.parent.process_primitive(primitive, args, params)


@contextmanager
def named_axis_env(axes: Iterable[Axis]):
    """Inside, those axes are bound, the last innermost."""
    trace = thread_state.trace
    for axis in axes:
        trace = NamedAxisTrace(trace, axis)
    with set_current_trace(trace):
        yield


class BatchTracer(Tracer):
    """An array whose axis `batch_dim` is hidden from the program."""

    __slots__ = ("val", "batch_dim", "_aval")

    def __init__(self, trace: Trace, val, batch_dim: int):
        self._trace = trace
        self.val = val
        self.batch_dim = batch_dim
        self._aval = None

    @property
    def aval(self) -> ShapedArray:
        if self._aval is None:
            aval = get_aval(self.val)
            shape = aval.shape[: self.batch_dim] + aval.shape[self.batch_dim + 1 :]
            self._aval = ShapedArray(shape, aval.dtype, aval.weak_type)
        return self._aval


class BatchTrace(Trace):
    __slots__ = ("axis",)
    transformation = "vmap"

    def __init__(self, parent: Trace, axis: Axis):
        super().__init__(parent)
        self.axis = axis

    def split(self, x) -> tuple[Any, int | None]:
        """(array with the batch axis, where that is); None for what is the same for all examples."""
        if type(x) is BatchTracer and x._trace is self:
            return x.val, x.batch_dim
        if isinstance(x, Tracer):
            check_not_leaked(x)
        return x, None

    def join(self, val, dim: int | None):
        return val if dim is None else BatchTracer(self, val, dim)

    def process_primitive(self, primitive, args, params):
        vals, dims, mapped = [], [], False
        for x in args:
            val, dim = self.split(x)
            vals.append(val)
            dims.append(dim)
            mapped = mapped or dim is not None
        previous = thread_state.trace
        thread_state.trace = self.parent
        try:
            # Without a batched argument too: `jit(lambda: axis_index("i"))()`.
            named = self.axis.name is not None and self.axis.name in named_axes(primitive, params)
            if named and primitive.collective is not None:
                out, out_dims = primitive.collective(self.axis, vals, dims, **params)
            elif not mapped and not named:
                return self.parent.process_primitive(primitive, vals, params)
            else:
                out, out_dims = primitive.batch(self.axis, vals, dims, **params)
        finally:
            thread_state.trace = previous
        if primitive.multiple_results:
            return [self.join(x, d) for x, d in zip(out, out_dims)]
        return self.join(out, out_dims)


def named_axes(primitive: Primitive, params: dict) -> Iterable[Hashable]:
    """The axes that an operation names, or that those in the jaxprs it carries do."""
    if primitive.named_axes is not None:
        return primitive.named_axes(params)
    return [name for jaxpr in jaxprs_in_params(params) for name in axes_in_jaxpr(jaxpr)]


@weak_cache
def axes_in_jaxpr(jaxpr: Jaxpr | ClosedJaxpr) -> frozenset:
    return frozenset(name for eqn in jaxpr.eqns for name in named_axes(eqn.primitive, eqn.params))


def vmap_flat(function: Callable, axis: Axis, args: Sequence, in_dims: Sequence[int | None]) -> list[tuple]:
    """Map a function of flat arrays; return its results as (array, batch dim or None) pairs."""
    trace = BatchTrace(thread_state.trace, axis)
    with new_trace(trace):
        return [trace.split(x) for x in function(*[trace.join(x, d) for x, d in zip(args, in_dims, strict=True)])]


def materialize(val, dim: int | None, out_dim: int | None, axis: Axis):
    """The array with its batch axis where `out_axes` asks for it, made by repetition if it has none."""
    if dim is None:
        return broadcast_batch(val, axis.size, out_dim)
    return val if dim == out_dim else move_batch_dim(val, dim, out_dim)


@weak_cache
def batch_jaxpr(
    closed_jaxpr: ClosedJaxpr, axis: Axis, in_dims: tuple[int | None, ...], instantiate: tuple[bool, ...] | bool = False
) -> tuple[ClosedJaxpr, tuple[int | None, ...]]:
    """The jaxpr that works on whole batches, with its batch axes in front, and which outputs have one (0 or None).

    Those outputs have one in any case that `instantiate` says so of, by repetition where need be.
    """
    out_dims = None

    def function(*args):
        nonlocal out_dims
        pairs = vmap_flat(jaxpr_as_fun(closed_jaxpr), axis, args, in_dims)
        wanted = instantiate if isinstance(instantiate, tuple) else (instantiate,) * len(pairs)
        out_dims = tuple(None if dim is None and not want else 0 for (_, dim), want in zip(pairs, wanted, strict=True))
        return [x if d is None else materialize(x, dim, 0, axis) for (x, dim), d in zip(pairs, out_dims)]

    in_avals = []
    for aval, dim in zip(closed_jaxpr.in_avals, in_dims, strict=True):
        shape = aval.shape if dim is None else (*aval.shape[:dim], axis.size, *aval.shape[dim:])
        in_avals.append(aval.update(shape=shape))
    return trace_to_closed_jaxpr(function, in_avals), out_dims
