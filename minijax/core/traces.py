"""Traces and tracers, on which every transformation stands.

A program calls `sin_p.bind(x)`. The *current trace* of the running thread decides what happens: it evaluates on NumPy
(`array.EvalTrace`), records (`staging.StagingTrace`), pushes a tangent through (`transforms/jvp.py`), or maps over a batch
(`transforms/vmap.py`). A transformation makes a trace whose `parent` is the trace that was current, makes it current, and
runs the user's function on its own tracers. To process a primitive, a trace does three things: it splits its tracers into
parts, acts on the parts under its parent, and joins the parts of the results. There are no levels: a tracer belongs to the
trace that it names, and is a constant to every other trace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from ..foundation import errors, source_info
from ..foundation.config import config
from ..foundation.dtypes import canonicalize_dtype, float0, python_scalar_dtypes, python_scalar_type
from ..foundation.threads import PerThread
from ..foundation.tracebacks import hide_our_frames
from .avals import ShapedArray, UndefinedPrimal

# ---------------------------------------------------------------------------------------------------------------------
# Traces


class Trace:
    """An interpreter of primitives. `parent` is the trace that was current when this one began.

    A tracer names its trace object: that is how a trace knows its own tracers.
    """

    __slots__ = ("parent", "ended", "records", "copies", "called")
    transformation = "a transformation"
    # (name, size) of the axis that the trace maps over, or (None, 0): see `axis_env`.
    axis = (None, 0)

    def __init__(self, parent: Trace | None):
        self.parent = parent
        self.ended = False
        # Where the user's program calls the transformation, for the error of a leaked tracer. Not sought within a trace that
        # writes equations: these know where they come from.
        self.called: source_info.Origin | None = None
        # Whether this trace or one around it writes equations. If none does, nobody asks where an operation comes from.
        self.records = parent is not None and parent.records
        # While a program is staged {id(NumPy's array): (the array, its copy)}: an array that is read twice is one constant.
        self.copies: dict[int, tuple] | None = parent and parent.copies

    def process_primitive(self, primitive, args: Sequence, params: dict):
        """The result, or list of results, of `primitive` on `args`: tracers of this trace, and constants to it."""
        raise errors.missing_rule(primitive.name, type(self).__name__, None, "")

    def passes_on(self, args: Sequence) -> Trace | None:
        """The trace that runs a call with these arguments in place of this one, which has no tracer among them; else None."""
        return None if any(isinstance(x, Tracer) and x._trace is self for x in args) else self.parent

    def given(self, x) -> Array:
        """The constant `x` as the user gets it: see `given`."""
        return self.parent.given(x)

    def enter(self, function: Callable, args: tuple, kwargs: dict):
        """`function(*args, **kwargs)`, a transformation that a user calls while this trace is the current one. An error that leaves
        it shows the user's frames."""
        around = source_info.context.origin
        try:
            result = function(*args, **kwargs)
            thread_state.trace, source_info.context.origin = self, around
            return result
        except BaseException as error:
            thread_state.trace, source_info.context.origin = self, around
            hide_our_frames(error)
            raise

    def end(self):
        """Say that the transformation is over: a tracer of this trace that is met later has leaked."""
        self.ended = True

    def goes_on(self) -> bool:
        """Whether another trace does this one's work now, after its end, and knows its tracers."""
        return False


class _ThreadState(PerThread):
    # The trace that every thread starts with: `array.py` puts the evaluating trace here.
    trace: Trace = None


thread_state = _ThreadState()


# A KeyboardInterrupt may come at any instruction, also at the first one of an `__exit__`. So plain assignments put back what was.
# They stand at the end of the `try` block, where an interrupt leads to the second one, in `except`. Within a transformation, which
# does this, a `finally` is enough.


def run_under(trace: Trace, function: Callable, *args):
    """`function(*args)` while that trace is the current one."""
    previous = thread_state.trace
    try:
        thread_state.trace = trace
        result = function(*args)
        thread_state.trace = previous
        return result
    except BaseException as error:
        thread_state.trace = previous
        hide_our_frames(error)
        raise


def run_to_end(trace: Trace, function: Callable):
    """`function()`, the run of a transformation, while its trace is the current one. After it the trace is over."""
    if not trace.parent.records:
        trace.called = source_info.current_origin()
    try:
        result = run_under(trace, function)
    finally:
        trace.end()
    if config.jax_check_tracer_leaks:
        look_for_leaks(trace)
    return result


F = TypeVar("F", bound=Callable)


def called_by_user(function: F) -> F:
    """Decorator for a function that runs a transformation for the user: `Trace.enter` runs it."""

    @wraps(function)
    def entered(*args, **kwargs):
        return thread_state.trace.enter(function, args, kwargs)

    return entered


def look_for_leaks(trace: Trace):
    """Raise if somebody still holds a tracer of a trace that is over. `api/leaks.py` puts its function here."""


def set_leak_search(search: Callable[[Trace], None]):
    global look_for_leaks
    look_for_leaks = search


def current_trace() -> Trace:
    """The interpreter of the operations that this thread runs now.

    >>> import minijax
    >>> type(current_trace()).__name__
    'EvalTrace'
    """
    return thread_state.trace


def axis_env() -> tuple[tuple, ...]:
    """(name, size) of every named axis around the running operation, the innermost first."""
    found, trace = (), thread_state.trace
    while trace is not None:
        if trace.axis[0] is not None:
            found += ((trace.axis[0], trace.axis[1]),)
        trace = trace.parent
    return found


# ---------------------------------------------------------------------------------------------------------------------
# Arrays and tracers


class Array:
    """An array that user code holds: concrete (`array.ArrayImpl`) or a tracer. `isinstance(x, jax.Array)` tests for it.

    The operators and methods (`x + y`, `x.sum()`, `x[i]`, `x.at[i]`) are put here by `numpy/array_methods.py`.

    >>> import minijax, minijax.numpy as jnp
    >>> isinstance(jnp.ones(3), Array), isinstance(1.0, Array)
    (True, False)
    """

    __slots__ = ()
    __array_priority__ = 100

    @property
    def shape(self) -> tuple[int, ...]:
        return self.aval.shape

    @property
    def dtype(self) -> np.dtype[Any]:
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

    def _check_scalar(self):
        """Raise if the array, known or traced, is no scalar: `int(x)`."""
        if self.ndim:
            raise TypeError(f"Only scalar arrays can be converted to Python scalars; got arr.ndim={self.ndim}")

    def _check_index(self):
        if self.ndim or self.dtype.kind not in "iu":
            raise TypeError("Only integer scalar arrays can be converted to a scalar index.")

    def _check_truth(self):
        if self.size != 1:
            raise errors.ambiguous_truth(self.size)

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

    # Arrays and tracers have no hash, since == is elementwise.
    __hash__ = None

    # Each subclass has its own: a slot, or a property.
    aval: ShapedArray

    def _origin(self) -> str:
        """Words that say which part of the user's program made this tracer, and which one uses it, ending in a newline."""
        written = self._made_by()
        if written is not None and written.eqn.source_info is not None:
            made = f"made at {written.eqn.source_info}"
        elif self._trace.called is not None:
            made = f"made by {self._trace.transformation}, which was called at {self._trace.called.place}"
        else:
            made = "an argument of the traced function"
        return f"The value was {made}.\nIt was met at {source_info.summarize(source_info.current())}.\n"

    def _made_by(self):
        """A tracer of a jaxpr whose equation is the user's operation that made this value, where there is one."""
        return self.written()

    def written(self):
        """The tracer of the jaxpr being written whose equation computes this value, where there is one."""
        return None

    def without_tangent(self):
        """The value without its tangent. Only the tracers of derivatives have a tangent."""
        return self

    def literal(self):
        """The number that stands for this tracer in the jaxpr being written, where there is one."""
        return None

    def __bool__(self):
        return bool(self._concrete(errors.bool_conversion, check=self._check_truth))

    def __index__(self):
        return self._concrete(errors.integer_conversion, check=self._check_index).__index__()

    def __int__(self):
        return int(self._concrete(errors.concretization, "int", check=self._check_scalar))

    def __float__(self):
        return float(self._concrete(errors.concretization, "float", check=self._check_scalar, known=False))

    def __complex__(self):
        return complex(self._concrete(errors.concretization, "complex", check=self._check_scalar, known=False))

    def item(self, *args):
        return self._concrete(errors.concretization, "item").item(*args)

    def tolist(self):
        return self._concrete(errors.concretization, "tolist", known=False).tolist()

    def __array__(self, dtype=None, copy=None):
        check_not_leaked(self)
        raise errors.array_conversion(self.aval.str_short(), self._origin())

    def to_concrete_value(self):
        """The concrete array behind this tracer if its trace knows the array, else None."""
        return None

    def _concrete(self, error: Callable, *words: str, check: Callable = lambda: None, known: bool = True):
        check_not_leaked(self)
        check()
        # `if x > 0` works under grad: grad computes primal values at once. `float(x)` does not: it would lose the tangent.
        value = self.to_concrete_value() if known else None
        if value is None:
            raise error(self.aval.str_short(), self._origin(), *words)
        return value

    def __repr__(self) -> str:
        return f"{type(self).__name__}<{self.aval}>"


def check_not_leaked(tracer: Tracer):
    """Raise if the trace that made a tracer is over. A trace calls this for tracers that are not its own."""
    trace = tracer._trace
    if trace.ended and not trace.goes_on():
        raise errors.leaked_tracer(tracer.aval.str_short(), trace.transformation, tracer._origin())


def given(x: Any) -> Array:
    """A constant as the user gets it: within jit a tracer, so that `if jnp.array(True):` raises there as for any result."""
    return x if isinstance(x, Tracer) else thread_state.trace.given(x)


def get_aval(x: Any) -> ShapedArray:
    """The aval of an array, tracer, NumPy value or Python number; TypeError for anything else.

    >>> get_aval(2.0)
    ShapedArray(float32[], weak_type=True)
    """
    if isinstance(x, Array):
        return x.aval
    t = python_scalar_type(x)
    if t is not None:
        return ShapedArray((), canonicalize_dtype(python_scalar_dtypes[t]), t is not bool)
    if isinstance(x, (np.ndarray, np.generic)):
        if x.dtype == float0:
            return ShapedArray(x.shape, float0)
        return ShapedArray(x.shape, canonicalize_dtype(x.dtype))
    if type(x) is UndefinedPrimal:
        raise errors.not_linear(x.aval.str_short())
    if type(x) in pytype_aval_mappings:
        return get_aval(np.asarray(x))
    raise TypeError(f"Value {x!r} of type {type(x)} is not a valid JAX type: give an array, a NumPy array or a number.")


shaped_abstractify = get_aval

# {type: anything}: a library puts types here whose values, made NumPy arrays, are arrays to minijax: TensorFlow Probability its
# variables. (`jax.core.pytype_aval_mappings`)
pytype_aval_mappings: dict[type, Any] = {np.ndarray: get_aval}


def without_tangent(x: Any):
    """x without its tangent. `stop_gradient(f(without_tangent(x)))` equals `stop_gradient(f(x))`, and computes no derivative
    that is thrown away. A tracer of a trace further out stays: a body closes over one value, not over its parts."""
    return x.without_tangent() if isinstance(x, Tracer) and x._trace is thread_state.trace else x


def is_constant_dim(d) -> bool:
    """Whether a size in a shape is a number, as every size is here (JAX has symbolic sizes, too).

    >>> is_constant_dim(3)
    True
    """
    return isinstance(d, (int, np.integer))
