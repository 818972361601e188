"""Primitives: everything that is known of one operation, in one record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..foundation import errors, source_info
from ..foundation.effects import Effects
from .traces import thread_state


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
