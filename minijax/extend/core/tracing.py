"""What libraries ask about tracing: which trace is current, and types with or without a mapped axis (`jax.extend.core`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ...core.array import EvalTrace, eval_trace
from ...core.avals import ShapedArray
from ...core.jaxpr import ClosedJaxpr, Jaxpr, jaxprs_in_params
from ...core.traces import Trace, get_aval, thread_state
from ...foundation import dtypes
from ...foundation.config import config


class TraceTag:
    """A mark by which a trace knows its own tracers (`jax.extend.core.TraceTag`).

    >>> TraceTag() == TraceTag()
    False
    """


class DebugInfo(NamedTuple):
    """Names of a traced function, its arguments and its results (`jax.extend.core.DebugInfo`).

    >>> DebugInfo("jit", "f", ("x",), None).func_src_info
    'f'
    """

    traced_for: str
    func_src_info: str
    arg_names: tuple[str, ...] | None
    result_paths: Any


class OpaqueTraceState:
    """The trace that is current, to be compared with another (`get_opaque_trace_state`)."""

    __slots__ = ("_state",)

    def __init__(self):
        # The trace itself, not its id: a later trace may lie at the same address.
        self._state = (find_top_trace(()), config.jax_enable_x64)

    def __eq__(self, other) -> bool:
        return isinstance(other, OpaqueTraceState) and self._state == other._state

    def __hash__(self) -> int:
        return hash(self._state)


def get_opaque_trace_state(convention: Any = None) -> OpaqueTraceState:
    """What tells whether two moments are within the same transformations (`jax.extend.core.get_opaque_trace_state`).

    >>> import minijax as jax
    >>> outside, within = get_opaque_trace_state(), []
    >>> _ = jax.make_jaxpr(lambda x: within.append(get_opaque_trace_state()) or x)(1.0)
    >>> outside == get_opaque_trace_state(), outside == within[0]
    (True, False)
    """
    return OpaqueTraceState()


# Libraries tell by it which transformation a tracer belongs to: `x._trace.main is find_top_trace(()).main`.
Trace.main = property(lambda self: self)  # type: ignore[attr-defined]


def find_top_trace(_: Any) -> Trace:
    """The trace that is current, whatever the arguments (`jax.extend.core.find_top_trace`). Its `main` is the trace itself.

    >>> find_top_trace(()).main.transformation
    'evaluation'
    """
    # While `vmap` puts its results together, another trace evaluates, which does the same.
    return eval_trace if isinstance(thread_state.trace, EvalTrace) else thread_state.trace


@contextmanager
def take_current_trace() -> Iterator[Trace]:
    """The trace that is current; within the context no transformation runs, and arrays are computed.

    >>> with take_current_trace() as trace:
    ...     trace.transformation
    'evaluation'
    """
    previous = thread_state.trace
    outermost = previous
    while outermost.parent is not None:
        outermost = outermost.parent
    try:
        thread_state.trace = outermost
        yield previous
    finally:
        thread_state.trace = previous


@contextmanager
def set_current_trace(trace: Trace, check_leaks: bool = False) -> Iterator[None]:
    """Within the context, operations are given to that trace.

    >>> with take_current_trace() as trace, set_current_trace(trace):
    ...     pass
    """
    previous = thread_state.trace
    try:
        thread_state.trace = trace
        yield
    finally:
        thread_state.trace = previous


def mapped_aval(size: int, axis: int | None, aval: ShapedArray) -> ShapedArray:
    """The type of one slice of an array of that type. Raises ValueError if the axis has another size.

    >>> mapped_aval(3, 0, ShapedArray((3, 2), np.dtype("float32")))
    ShapedArray(float32[2])
    """
    if axis is None:
        return aval
    if aval.shape[axis] != size:
        raise ValueError(f"axis {axis} of {aval} has not the size {size}")
    axis %= aval.ndim
    return aval.update(shape=(*aval.shape[:axis], *aval.shape[axis + 1 :]))


def unmapped_aval(size: int, axis: int | None, aval: ShapedArray, explicit_mesh_axis: Any = None) -> ShapedArray:
    """The type of an array of `size` slices of that type.

    >>> unmapped_aval(3, 0, ShapedArray((2,), np.dtype("float32")))
    ShapedArray(float32[3,2])
    """
    if axis is None:
        return aval
    axis %= aval.ndim + 1
    return aval.update(shape=(*aval.shape[:axis], size, *aval.shape[axis:]))


def valid_jaxtype(x: Any) -> bool:
    """Whether a value is an array, a NumPy array of a dtype that JAX has, or a number (`jax.extend.core.valid_jaxtype`).

    >>> valid_jaxtype(3), valid_jaxtype("text"), valid_jaxtype([1])
    (True, False, False)
    """
    try:
        get_aval(x)
    except TypeError:
        return False
    return True


def subjaxprs(jaxpr: Jaxpr) -> Iterator[Jaxpr]:
    """The jaxprs among the parameters of a jaxpr's equations.

    >>> import minijax as jax
    >>> len(list(subjaxprs(jax.make_jaxpr(jax.jit(lambda x: x * 2.0))(1.0).jaxpr)))
    1
    """
    for eqn in jaxpr.eqns:
        for found in jaxprs_in_params(eqn.params):
            yield found.jaxpr if isinstance(found, ClosedJaxpr) else found


def primal_dtype_to_tangent_dtype(primal_dtype: Any) -> np.dtype:
    """The dtype of the tangents of arrays of a dtype: itself, or float0 for integers and booleans.

    >>> primal_dtype_to_tangent_dtype(np.dtype("int32")) == dtypes.float0
    True
    """
    return primal_dtype if dtypes.issubdtype(primal_dtype, np.inexact) else dtypes.float0


__all__ = [
    "DebugInfo",
    "TraceTag",
    "find_top_trace",
    "get_opaque_trace_state",
    "mapped_aval",
    "primal_dtype_to_tangent_dtype",
    "set_current_trace",
    "subjaxprs",
    "take_current_trace",
    "unmapped_aval",
    "valid_jaxtype",
]
