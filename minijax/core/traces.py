"""What everything stands on: abstract values, primitives, traces, tracers, and `bind`, where they meet.

A program calls `sin_p.bind(x)`. What that does is up to the *current trace* of the running thread: evaluate it on NumPy
(`array.EvalTrace`), record it (`staging.StagingTrace`), push a tangent through it (`transforms.jvp`), map it over a batch
(`transforms.vmap`). A transformation makes a trace whose `parent` is the trace that was current, makes it current, and
runs the user's function on its own tracers. To process a primitive a trace does three things: split its tracers into
parts, act on the parts under its parent, join the parts of the results. There are no levels: a tracer belongs to the
trace it names, and to every other trace it is a constant.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..foundation import errors, source_info
from ..foundation.config import config
from ..foundation.dtypes import canonicalize_dtype, float0
from .avals import ShapedArray, UndefinedPrimal

# ---------------------------------------------------------------------------------------------------------------------
# Traces


class Trace:
    """An interpreter of primitives. `parent` is the trace that was current when this one began.

    The trace object is itself the tag that its tracers bear.
    """

    __slots__ = ("parent", "ended", "records")
    transformation = "a transformation"
    # (name, size) of the axis it maps over, for a trace that does: see `axis_env`.
    axis = (None, 0)

    def __init__(self, parent: Trace | None):
        self.parent = parent
        self.ended = False
        # Whether equations are written, here or further out: only then does anybody ask where an operation comes from.
        self.records = parent is not None and parent.records

    def process_primitive(self, primitive, args: Sequence, params: dict):
        """Apply `primitive` to `args`, tracers of this trace or constants to it; return its result or list of results."""
        raise errors.missing_rule(primitive.name, type(self).__name__, None, "")

    def passes_on(self, args: Sequence) -> Trace | None:
        """The trace that runs a call with these arguments in place of this one, which has no tracer among them; else None."""
        return None if any(isinstance(x, Tracer) and x._trace is self for x in args) else self.parent

    def end(self):
        """Called when the transformation is over: a tracer seen after this has leaked."""
        self.ended = True


class _ThreadState(threading.local):
    # `array.py` sets this class attribute to the evaluating trace: where every thread starts.
    trace: Trace = None


thread_state = _ThreadState()


class set_current_trace:
    """`with set_current_trace(trace):` makes a trace current and puts the former one back, whatever happens inside."""

    __slots__ = ("trace", "previous")

    def __init__(self, trace: Trace):
        self.trace = trace

    def __enter__(self):
        self.previous = thread_state.trace
        thread_state.trace = self.trace
        return self.trace

    def __exit__(self, *exc):
        thread_state.trace = self.previous


class new_trace(set_current_trace):
    """As `set_current_trace`, for the run of a transformation: at its end the trace is over, and its tracers with it."""

    __slots__ = ()

    def __exit__(self, exc_type, *exc):
        thread_state.trace = self.previous
        self.trace.end()
        if exc_type is None and config.jax_check_tracer_leaks:
            look_for_leaks(self.trace)


def look_for_leaks(trace: Trace):
    """Raise if somebody still holds a tracer of a trace that is over. `api/leaks.py` puts its function here."""


def set_leak_search(search: Callable[[Trace], None]):
    global look_for_leaks
    look_for_leaks = search


def current_trace() -> Trace:
    return thread_state.trace


def axis_env() -> tuple[tuple, ...]:
    """(name, size) of every named axis that the running thread is within, the innermost first."""
    found, trace = (), thread_state.trace
    while trace is not None:
        if trace.axis[0] is not None:
            found += ((trace.axis[0], trace.axis[1]),)
        trace = trace.parent
    return found


# ---------------------------------------------------------------------------------------------------------------------
# Arrays and tracers


class Array:
    """What user code holds: a concrete array (`array.ArrayImpl`) or a tracer. `isinstance(x, jax.Array)` tests for this.

    The operators and methods (`x + y`, `x.sum()`, `x[i]`, `x.at[i]`) are put here by `numpy/array_methods.py`.
    """

    __slots__ = ()
    __array_priority__ = 100

    @property
    def shape(self) -> tuple[int, ...]:
        return self.aval.shape

    @property
    def dtype(self):
        return self.aval.dtype

    @property
    def weak_type(self) -> bool:
        return self.aval.weak_type

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return self.aval.size

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]


class Tracer(Array):
    """A stand-in for an array while a transformation runs. Subclasses hold the parts that their trace computes with."""

    __slots__ = ("_trace", "__weakref__")

    # An array is not hashable, since == is elementwise; a tracer neither.
    __hash__ = None

    @property
    def aval(self) -> ShapedArray:
        raise AttributeError(f"{type(self).__name__} has no aval")

    def _origin(self) -> str:
        """Words that say which part of the user's program made this tracer, ending in a newline."""
        return f"It was met at {source_info.summarize(source_info.current())}.\n"

    def written(self):
        """The tracer of the jaxpr being written whose equation computes this value, where there is one."""
        return None

    def without_tangent(self):
        """The value alone, for computing what no derivative is to be taken of; only tracers of derivatives have more."""
        return self

    def __bool__(self):
        return bool(self._concrete(errors.bool_conversion))

    def __index__(self):
        return self._concrete(errors.integer_conversion).__index__()

    def __int__(self):
        return int(self._concrete(errors.concretization, "int"))

    def __float__(self):
        return float(self._concrete(errors.concretization, "float"))

    def __complex__(self):
        return complex(self._concrete(errors.concretization, "complex"))

    def item(self, *args):
        return self._concrete(errors.concretization, "item").item(*args)

    def tolist(self):
        return self._concrete(errors.concretization, "tolist").tolist()

    def __array__(self, dtype=None, copy=None):
        raise errors.array_conversion(self.aval.str_short(), self._origin())

    def to_concrete_value(self):
        """The concrete array behind this tracer, where its trace knows it; else None."""
        return None

    def _concrete(self, error: Callable, *words: str):
        # grad runs the primal computation now, so `if x > 0` works under it: the value is known although it is traced.
        value = self.to_concrete_value()
        if value is None:
            raise error(self.aval.str_short(), self._origin(), *words)
        return value

    def __repr__(self) -> str:
        return f"{'Jit' if self.to_concrete_value() is None else ''}Tracer<{self.aval.str_short()}>({type(self._trace).__name__})"

    def __format__(self, spec: str) -> str:
        # A format such as f"{x:.3f}" needs the number; f"{x}" shows the tracer.
        return repr(self) if not spec else format(self._concrete(errors.concretization, "format"), spec)


def check_not_leaked(tracer: Tracer):
    """Raise for a tracer that a trace met although it is not its own nor of a trace that is still running."""
    trace = tracer._trace
    if trace.ended:
        raise errors.leaked_tracer(tracer.aval.str_short(), trace.transformation, tracer._origin())


def get_aval(x: Any) -> ShapedArray:
    """The aval of an array, tracer, NumPy value or Python number; TypeError for anything else."""
    if isinstance(x, Array):
        return x.aval
    t = type(x)
    if t in _python_scalar_avals:
        return ShapedArray((), canonicalize_dtype(_python_scalar_avals[t]), t is not bool)
    if isinstance(x, (np.ndarray, np.generic)):
        if x.dtype == float0:
            return ShapedArray(x.shape, float0)
        return ShapedArray(x.shape, canonicalize_dtype(x.dtype))
    if t is UndefinedPrimal:
        raise errors.not_linear(x.aval.str_short())
    raise TypeError(f"Value {x!r} of type {t} is not a valid JAX type: give an array, a NumPy array or a number.")


_python_scalar_avals = {
    bool: np.dtype("bool"),
    int: np.dtype("int64"),
    float: np.dtype("float64"),
    complex: np.dtype("complex128"),
}


def shaped_abstractify(x: Any) -> ShapedArray:
    return get_aval(x)


def without_tangent(x: Any):
    """x without its tangents, if it is a tracer that carries any. `stop_gradient(f(without_tangent(x)))` is
    `stop_gradient(f(x))`, and spends nothing on a derivative that is thrown away."""
    return x.without_tangent() if isinstance(x, Tracer) else x


def is_constant_dim(d) -> bool:
    return isinstance(d, (int, np.integer))
