"""What everything stands on: abstract values, primitives, traces, tracers, and `bind`, where they meet.

A program calls `sin_p.bind(x)`. What that does is up to the *current trace* of the running thread: evaluate it on NumPy
(`array.EvalTrace`), record it (`staging.StagingTrace`), push a tangent through it (`transforms.jvp`), map it over a batch
(`transforms.vmap`). A transformation makes a trace whose `parent` is the trace that was current, makes it current, and
runs the user's function on its own tracers. To process a primitive a trace does three things: split its tracers into
parts, act on the parts under its parent, join the parts of the results. There are no levels: a tracer belongs to the
trace it names, and to every other trace it is a constant.
"""

from __future__ import annotations

import gc
import threading
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..foundation import errors, source_info
from ..foundation.config import config
from ..foundation.dtypes import canonicalize_dtype, float0, issubdtype, short_dtype_name
from ..foundation.effects import Effects

# ---------------------------------------------------------------------------------------------------------------------
# Abstract values


class ShapedArray:
    """What is known of an array while tracing: its shape, its dtype, and whether the dtype is weak (gives way to others).

    >>> import numpy as np
    >>> ShapedArray((2, 3), np.dtype('float32'))
    ShapedArray(float32[2,3])
    """

    __slots__ = ("shape", "dtype", "weak_type", "_hash")

    def __init__(self, shape: tuple[int, ...], dtype, weak_type: bool = False):
        self.shape = shape
        self.dtype = dtype
        self.weak_type = weak_type
        self._hash = None

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        size = 1
        for d in self.shape:
            size *= d
        return size

    def update(self, **changes) -> ShapedArray:
        return ShapedArray(
            changes.get("shape", self.shape),
            changes.get("dtype", self.dtype),
            changes.get("weak_type", self.weak_type),
        )

    def strip_weak_type(self) -> ShapedArray:
        return ShapedArray(self.shape, self.dtype) if self.weak_type else self

    def to_tangent_aval(self) -> ShapedArray:
        """The type of a tangent: the same, except that what is not a real or complex number has `float0` tangents."""
        if issubdtype(self.dtype, np.inexact):
            return ShapedArray(self.shape, self.dtype, self.weak_type)
        return ShapedArray(self.shape, float0)

    def str_short(self, short_dtypes: bool = False) -> str:
        name = short_dtype_name(self.dtype) if short_dtypes else _dtype_name(self.dtype)
        return f"{name}[{','.join(map(str, self.shape))}]"

    def __eq__(self, other) -> bool:
        return (
            type(other) is ShapedArray
            and self.shape == other.shape
            and self.dtype == other.dtype
            and self.weak_type == other.weak_type
        )

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.shape, self.dtype, self.weak_type))
        return self._hash

    def __repr__(self) -> str:
        return f"ShapedArray({self.str_short()}{', weak_type=True' if self.weak_type else ''})"


def _dtype_name(dtype) -> str:
    return "float0" if dtype == float0 else dtype.name


def typematch(a: ShapedArray, b: ShapedArray) -> bool:
    """Whether two avals agree in shape and dtype; a weak dtype equals the strong one of its name."""
    return a.shape == b.shape and a.dtype == b.dtype


# ---------------------------------------------------------------------------------------------------------------------
# Traces


class Trace:
    """An interpreter of primitives. `parent` is the trace that was current when this one began.

    The trace object is itself the tag that its tracers bear.
    """

    __slots__ = ("parent", "ended")
    transformation = "a transformation"
    # (name, size) of the axis it maps over, for a trace that does: see `axis_env`.
    axis = (None, 0)

    def __init__(self, parent: Trace | None):
        self.parent = parent
        self.ended = False

    def process_primitive(self, primitive: Primitive, args: Sequence, params: dict):
        """Apply `primitive` to `args`, tracers of this trace or constants to it; return its result or list of results."""
        raise errors.missing_rule(primitive.name, type(self).__name__, None, "")

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
            _check_no_tracers_left(self.trace)


def _check_no_tracers_left(trace: Trace):
    """Raise if a tracer of a trace that is over is still referred to. Whoever ends a trace has let go of its tracers."""

    def tracers():
        return [x for x in gc.get_objects() if issubclass(type(x), Tracer) and x._trace is trace]

    # A tracer in a cycle of garbage is held by nobody. Collecting takes long; most traces leave nothing.
    if tracers():
        gc.collect()
        left = tracers()
        if left:
            gc.unfreeze()  # Who holds them may be among what `checking_leaks` has put aside.
            holders = [_holders(x, left) for x in left]
            raise errors.leaked_trace(type(trace).__name__, trace.transformation, holders)


def _holders(tracer: Tracer, but: list) -> str:
    """The tracer, and what refers to it, by name where it has one."""
    lines = [f"{tracer!r}. {tracer._origin()}".rstrip()]
    for holder in gc.get_referrers(tracer):
        if holder is but or isinstance(holder, types.FrameType):
            continue
        names = [
            f"{d['__name__']}.{k}"
            for d in gc.get_referrers(holder)
            if isinstance(d, dict) and "__name__" in d
            for k, v in d.items()
            if v is holder
        ]
        lines.append(f"  held by a {type(holder).__name__}{', ' + ', '.join(names) if names else ''}")
    return "\n".join(lines)


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
# Primitives


class Absent:
    """The place of a rule that a primitive has not: calling it raises, with the reason. No rule is ever made up."""

    __slots__ = ("primitive", "rule", "reason")

    def __init__(self, primitive: str, rule: str, reason: str | None = None):
        self.primitive = primitive
        self.rule = rule
        self.reason = reason

    def __call__(self, *args, **params):
        origin = f"It was needed at {source_info.summarize(source_info.current())}.\n"
        raise errors.missing_rule(self.primitive, self.rule, self.reason, origin)

    def __repr__(self) -> str:
        return f"Absent({self.primitive}, {self.rule}: {self.reason})"


class Primitive:
    """One operation, one row: everything the package knows of it.

    impl           (*numpy_arrays, **params) -> numpy array, or a list of them when `multiple_results`
    abstract_eval  (*avals, **params) -> aval, or a list of them; checks the arguments
    jvp            (primals, tangents, **params) -> (primal_out, tangent_out); a tangent may be a `Zero`
    transpose      (cotangent, *args, **params) -> one cotangent or None for each argument; linear arguments come as
                   `UndefinedPrimal`, the others as values
    batch          (axis, args, dims, **params) -> (out, dim); a dim is an axis number or None
    linearize      only for primitives that carry jaxprs; None means: by the jvp rule

    A rule that cannot exist is `Absent`, with the reason. `Primitive("name")` with `def_impl`, `def_abstract_eval` and plain
    assignment of the other rules is how users add their own (`jax.extend.core.Primitive`).

    >>> import minijax.numpy as jnp
    >>> triple_p = Primitive("triple")
    >>> _ = triple_p.def_impl(lambda x: 3 * x)
    >>> _ = triple_p.def_abstract_eval(lambda x: x)
    >>> triple_p.bind(jnp.float32(2))
    Array(6., dtype=float32)
    """

    RULES = ("impl", "abstract_eval", "jvp", "transpose", "batch")

    # The characters of the dtypes for which NumPy's broadcasting and result dtype are the primitive's own, so that
    # evaluating it needs no abstract evaluation first (see array.EvalTrace); "" for all but elementwise primitives.
    elementwise = ""
    # True where an elementwise result keeps the weak type that all its arguments have.
    keeps_weak_type = True
    # True where what the rules do depends on types and parameters alone, so that it can be remembered (transforms.recipes).
    rules_read_types = False
    # How often, in all, such a rule was given to a primitive: what was remembered before is then out of date.
    rules_given = 0
    linearize: Callable | None = None
    # Only for primitives that carry jaxprs: (arguments, which are unknown, parameters) -> what can be computed now; see
    # staging.TangentTrace.
    split: Callable | None = None
    # Only for collectives: which axes the parameters name, and the rule of the map over one of them.
    named_axes: Callable | None = None
    collective: Callable | None = None
    # Only where the jaxprs it carries may name an axis of its own: parameters -> context in which that is bound.
    axis_scope: Callable | None = None
    # Only for primitives that carry jaxprs: (equation, which of its results are read) -> the equation without what only
    # the others need.
    dce: Callable | None = None
    # Only for what runs a jaxpr on its arguments and does nothing else: its parameters -> the closed jaxpr.
    runs: Callable[[dict], Any] | None = None
    # Only for what chooses itself where to compute: (arrays, parameters) -> arrays, in the place of `impl`.
    run_on_arrays: Callable | None = None
    # Only where an equation does more than compute its results: its parameters -> its effects.
    effects: Callable[[dict], Effects] | None = None

    def __init__(self, name: str, *, multiple_results: bool = False):
        self.name = name
        self.multiple_results = multiple_results
        for rule in self.RULES:
            setattr(self, rule, Absent(name, rule))

    def __setattr__(self, name: str, value):
        if self.rules_read_types and name in self.RULES:
            Primitive.rules_given += 1
        object.__setattr__(self, name, value)

    def bind(self, *args, **params):
        """Apply the primitive under the current trace."""
        return thread_state.trace.process_primitive(self, args, params)

    def get_bind_params(self, params: dict) -> dict:
        """The parameters to call `bind` with: an equation's own. Interpreters written for JAX ask for them."""
        return params

    def def_impl(self, impl: Callable) -> Callable:
        self.impl = impl
        return impl

    def def_abstract_eval(self, abstract_eval: Callable) -> Callable:
        self.abstract_eval = abstract_eval
        return abstract_eval

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return self.name


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

    def full_lower(self):
        return self

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


# ---------------------------------------------------------------------------------------------------------------------
# Symbolic zeros


class Zero:
    """A tangent or cotangent known to be zero: nothing is computed with it."""

    __slots__ = ("aval",)

    def __init__(self, aval: ShapedArray):
        self.aval = aval

    def __repr__(self) -> str:
        return f"Zero({self.aval.str_short()})"

    @staticmethod
    def from_primal_value(value) -> Zero:
        return Zero(get_aval(value).to_tangent_aval())


class UndefinedPrimal:
    """In a transpose rule: the argument that the operation is linear in, of which only the type is known."""

    __slots__ = ("aval",)

    def __init__(self, aval: ShapedArray):
        self.aval = aval

    def __repr__(self) -> str:
        return f"UndefinedPrimal({self.aval.str_short()})"


def is_undefined_primal(x: Any) -> bool:
    return type(x) is UndefinedPrimal
