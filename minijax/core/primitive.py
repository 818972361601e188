"""Primitives: everything that is known of one operation, in one record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..foundation import errors, source_info
from ..foundation.effects import Effects
from ..foundation.tracebacks import hide_our_frames
from .checks import apart, checked
from .traces import thread_state


class Absent:
    """Placeholder for a missing rule: to call it raises an error with the reason. No rule is ever made up."""

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
    """One operation, one row: everything that is known of it.

    impl           (*numpy_arrays, **params) -> numpy array, or a list of them if `multiple_results`
    abstract_eval  (*avals, **params) -> aval, or a list of them; checks the arguments
    jvp            (primals, tangents, **params) -> (primal_out, tangent_out); a tangent may be a `Zero`
    transpose      (cotangent, *args, **params) -> a list with a cotangent or None for each argument; linear arguments come as
                   `UndefinedPrimal`, the others as values
    batch          (axis, args, dims, **params) -> (out, dim); a dim is an axis number or None

    Users' `impl` gets arrays of minijax, as in JAX, when it is called outside of programs.

    A rule that cannot exist is `Absent`, with the reason. `Primitive("name")` with `def_impl`, `def_abstract_eval` and plain
    assignment of the other rules is how users add their own (`jax.extend.core.Primitive`). What an assigned rule returns is
    checked (`core/checks.py`). `def_impl` is enough to call a primitive outside of transformations.

    >>> import minijax.numpy as jnp
    >>> triple_p = Primitive("triple")
    >>> _ = triple_p.def_impl(lambda x: 3 * x)
    >>> triple_p.bind(jnp.float32(2))
    Array(6., dtype=float32)
    """

    RULES = ("impl", "abstract_eval", "jvp", "transpose", "batch")

    # An elementwise primitive: the characters of the dtypes that NumPy computes it in, without a check of the types first.
    elementwise = ""
    # Whether an elementwise result is weak if all arguments are.
    keeps_weak_type = True
    # Whether the rules look at types and parameters alone, never at values. Those of the package do; a user's may not.
    rules_read_types = False
    # Version counter: bumped whenever such a rule changes, so that cached recipes are dropped.
    rules_given = 0
    # A collective: parameters -> the axes that they name; and the rule (axis, args, dims, **params) of the map over one of these.
    named_axes: Callable | None = None
    collective: Callable | None = None
    # Interpreters written for JAX ask whether the primitive takes a Python function. None here does: they carry jaxprs.
    call_primitive = map_primitive = False
    # Whether the transpose rule runs even if all cotangents are zero: that of a custom_vjp returns what the user's function does.
    transposes_zeros = False
    # Parameters -> effects, for an equation that does more than compute its results.
    effects: Callable[[dict], Effects] | None = None

    def __init__(self, name: str, *, multiple_results: bool = False):
        self.name = name
        self.multiple_results = multiple_results
        for rule in self.RULES:
            object.__setattr__(self, rule, Absent(name, rule))

    def __setattr__(self, name: str, value):
        if name in self.RULES:
            value = checked(self, name, apart(self, value) if name == "impl" else value)
            Primitive.rules_given += self.rules_read_types
        object.__setattr__(self, name, value)

    def bind(self, *args, **params):
        """Apply the primitive under the current trace. An error shows the user's frames."""
        try:
            return thread_state.trace.process_primitive(self, args, params)
        except Exception as error:
            hide_our_frames(error)
            raise

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

    __repr__ = __str__


class CallPrimitive(Primitive):
    """A primitive that carries jaxprs among its parameters: `jit`, `cond`, `scan`. It has further rules.

    linearize      (primals, tangents, **params) -> (primals out, record); `record(tangents)` writes the tangents' part and
                   returns its results. Absent: by the jvp rule
    partial_eval   (args, unknown, **params) -> (results, None for an unknown one; record), or None if no result is known;
                   `record(unknown args, write)` returns the unknown results; `write(args, params)` writes an equation of
                   this primitive and returns its results
    dce            (equation, used results) -> the equation without what only the other results need
    called_jaxpr   params -> the closed jaxpr that it runs on its arguments, if it does nothing else; else None
    axis_scope     (params, function, *args) -> function(*args), while the axes that its jaxprs may name are bound
    run_on_arrays  (arrays, **params) -> arrays, in place of `impl`: for one that chooses itself where to compute
    """

    linearize: Callable | None = None
    run_on_arrays: Callable | None = None

    def __init__(self, name: str, *, multiple_results: bool = True):
        super().__init__(name, multiple_results=multiple_results)

    def partial_eval(self, args, unknown, **params):
        return None

    def dce(self, eqn, used):
        return eqn

    def called_jaxpr(self, params: dict) -> Any:
        return None

    def axis_scope(self, params: dict, function: Callable, *args):
        return function(*args)
