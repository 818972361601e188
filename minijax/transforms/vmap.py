"""Vectorising map: run a program once on tracers that hide one axis of their array (JAX: `_src/interpreters/batching.py`).

The function sees arrays without the batch axis; each primitive's batch rule applies the primitive to the arrays with it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from ..core.avals import ShapedArray
from ..core.jaxpr import ClosedJaxpr, Jaxpr, jaxpr_as_fun, jaxprs_in_params
from ..core.primitive import Primitive
from ..core.staging import trace_to_closed_jaxpr, weak_cache
from ..core.traces import Trace, Tracer, check_not_leaked, get_aval, run_to_end, run_under, thread_state
from ..foundation import errors
from ..foundation.source_info import context, current_origin, interpreter
from ..primitives.basis import broadcast_batch, move_batch_dim


class Axis(NamedTuple):
    """The axis that a map runs over: its name or None, its size, and whether a result that all examples share leaves the map
    as it is (`out_axes=None`). It is the first argument of batch rules."""

    name: Hashable
    size: int
    shares: bool = False


class NamedAxisTrace(Trace):
    """Binds an axis that a program names while it is traced, and that is mapped over later; its parent does everything."""

    __slots__ = ("axis",)
    transformation = "tracing for a named axis"

    def __init__(self, parent: Trace, axis: Axis):
        super().__init__(parent)
        self.axis = axis

    def process_primitive(self, primitive, args, params):
        return self.parent.process_primitive(primitive, args, params)


def with_named_axes(axes: Iterable[Axis], function: Callable, *args):
    """`function(*args)` while the axes are bound, the last one innermost."""
    trace = thread_state.trace
    for axis in axes:
        trace = NamedAxisTrace(trace, axis)
    return run_under(trace, function, *args)


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

    def __repr__(self) -> str:
        return f"VmapTracer(aval={self.aval}, batched={get_aval(self.val)})"

    def written(self):
        return self.val.written() if isinstance(self.val, Tracer) else None


class BatchTrace(Trace):
    __slots__ = ("axis",)
    transformation = "vmap"

    def __init__(self, parent: Trace, axis: Axis):
        super().__init__(parent)
        self.axis = axis

    # The rule of a custom_jvp runs after its vmap has ended, under a trace of the same axis, and may close over a tracer:
    # `grad(lambda c: vmap(lambda b, c: f(c))(b, c))`, where the rule of f reads b.

    def goes_on(self) -> bool:
        trace = thread_state.trace
        while trace is not None and not (type(trace) is BatchTrace and trace.axis is self.axis):
            trace = trace.parent
        return trace is not None

    def passes_on(self, args):
        return None if any(type(x) is BatchTracer and x._trace.axis is self.axis for x in args) else self.parent

    def split(self, x) -> tuple[Any, int | None]:
        """(array with the batch axis, number of that axis); the number is None for a value that all examples share."""
        if type(x) is BatchTracer and x._trace.axis is self.axis:
            return x.val, x.batch_dim
        if isinstance(x, Tracer):
            check_not_leaked(x)
        return x, None

    @interpreter
    def run_rule(self, batch, vals, dims, params):
        return batch(self.axis, vals, dims, **params)

    def join(self, val, dim: int | None):
        return val if dim is None else BatchTracer(self, val, dim)

    def process_primitive(self, primitive, args, params):
        vals, dims, mapped = [], [], False
        for x in args:
            if type(x) is BatchTracer and x._trace is self:
                val, dim, mapped = x.val, x.batch_dim, True
            else:
                val, dim = self.split(x) if isinstance(x, Tracer) else (x, None)
                mapped = mapped or dim is not None
            vals.append(val)
            dims.append(dim)
        # An operation may name this axis without a batched argument: `jit(lambda: axis_index("i"))()`.
        named = self.axis.name is not None and self.axis.name in named_axes(primitive, params)
        user = current_origin() if self.records else None
        rule, around = None, None if user is None else context.origin
        previous = thread_state.trace
        try:
            thread_state.trace = self.parent
            if not mapped and not named:
                return self.parent.process_primitive(primitive, vals, params)
            if user is not None:
                context.origin = rule = user.derived(primitive, "batch", "batch")
            batch = primitive.collective if named and primitive.collective is not None else primitive.batch
            out, out_dims = self.run_rule(batch, vals, dims, params)
        finally:
            thread_state.trace = previous
            if user is not None:
                context.origin = around
        if primitive.multiple_results:
            return [self.join(x, d) for x, d in zip(out, out_dims)]
        written = out.written() if rule is not None and isinstance(out, Tracer) else None
        if written is not None and written.eqn.origin is rule:
            # The equation computes the user's expression, for all examples: its result has the user's name.
            written.eqn.origin = user.batched(primitive)
        return self.join(out, out_dims)


def named_axes(primitive: Primitive, params: dict) -> Iterable[Hashable]:
    """The axes that an operation names, itself or in the jaxprs it carries."""
    if primitive.named_axes is not None:
        return primitive.named_axes(params)
    return [name for jaxpr in jaxprs_in_params(params) for name in axes_in_jaxpr(jaxpr)]


@weak_cache
def axes_in_jaxpr(jaxpr: Jaxpr | ClosedJaxpr) -> frozenset:
    return frozenset(name for eqn in jaxpr.eqns for name in named_axes(eqn.primitive, eqn.params))


def vmap_flat(function: Callable, axis: Axis, args: Sequence, in_dims: Sequence[int | None]) -> list[tuple]:
    """The results of a mapped function of flat arrays, as (array, batch axis or None) pairs."""
    trace = BatchTrace(thread_state.trace, axis)

    def run():
        return [trace.split(x) for x in function(*[trace.join(x, d) for x, d in zip(args, in_dims, strict=True)])]

    return run_to_end(trace, run)


def materialize(val, dim: int | None, out_dim: int | None, axis: Axis):
    """The array with its batch axis at `out_dim`; an array without one is repeated, unless `out_dim` is None."""
    if dim is None:
        return val if out_dim is None else broadcast_batch(val, axis.size, out_dim)
    if out_dim is None:
        raise errors.mapped_output(get_aval(val).str_short(), dim)
    return val if dim == out_dim else move_batch_dim(val, dim, out_dim)


@weak_cache
def batch_jaxpr(
    closed_jaxpr: ClosedJaxpr, axis: Axis, in_dims: tuple[int | None, ...], instantiate: Any = False, in_front=True
) -> tuple[ClosedJaxpr, tuple[int | None, ...]]:
    """(jaxpr of whole batches, for each output the place of its batch axis, or None if all examples share it).

    An output flagged in `instantiate` (a bool for all, or one for each) always has a batch axis, by repetition if need be. Batch
    axes are in front; with `in_front=False` they stay where the last operation left them.
    """
    out_dims = None

    def function(*args):
        nonlocal out_dims
        pairs = vmap_flat(jaxpr_as_fun(closed_jaxpr), axis, args, in_dims)
        wanted = instantiate if isinstance(instantiate, tuple) else (instantiate,) * len(pairs)
        places = [0 if in_front or dim is None else dim for _, dim in pairs]
        out_dims = tuple(
            [p if w or d is not None else None for p, w, (_, d) in zip(places, wanted, pairs, strict=True)]
        )
        return [x if d is None else materialize(x, dim, d, axis) for (x, dim), d in zip(pairs, out_dims)]

    in_avals = []
    for aval, dim in zip(closed_jaxpr.in_avals, in_dims, strict=True):
        shape = aval.shape if dim is None else (*aval.shape[:dim], axis.size, *aval.shape[dim:])
        in_avals.append(aval.update(shape=shape))
    return trace_to_closed_jaxpr(function, in_avals), out_dims
