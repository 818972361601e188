"""The intermediate representation: variables, equations, jaxprs; how to run, check and prune them.

The classes, their attributes and their printed form are JAX's, so that interpreters written for JAX run on them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from ..foundation.effects import Effects, no_effects
from ..foundation.errors import JaxprTypeError
from ..foundation.source_info import Origin, SourceInfo, context, interpreter, summarize
from .avals import ShapedArray
from .primitive import CallPrimitive, Primitive
from .traces import get_aval


class Var:
    """A variable of a jaxpr. A variable has an identity and no name: the printer gives the names.

    >>> import minijax
    >>> minijax.make_jaxpr(lambda x: x * 2.0)(1.0).eqns[0].invars[0].aval
    ShapedArray(float32[], weak_type=True)
    """

    __slots__ = ("aval",)

    def __init__(self, aval: ShapedArray):
        self.aval = aval

    def __repr__(self) -> str:
        return f"Var(id={id(self)}):{self.aval.str_short()}"


class DropVar(Var):
    """A result that nobody reads; printed `_`.

    >>> issubclass(DropVar, Var)
    True
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "_"


class Literal:
    """A scalar constant written into the jaxpr.

    >>> import minijax
    >>> minijax.make_jaxpr(lambda x: x * 2.0)(1.0).eqns[0].invars[1].val
    Array(2., dtype=float32, weak_type=True)
    """

    __slots__ = ("val", "aval")

    def __init__(self, val: Any, aval: ShapedArray | None = None):
        self.val = val
        self.aval = get_aval(val) if aval is None else aval

    # A literal has no hash, so that no interpreter looks it up in its environment by mistake.
    __hash__ = None

    def __repr__(self) -> str:
        return f"Literal({self.val})"


Atom = Var | Literal


class JaxprEqn:
    """`outvars = primitive[params] invars`, and the equation's origin.

    >>> import minijax
    >>> eqn = minijax.make_jaxpr(lambda x: x * 2.0)(1.0).eqns[0]
    >>> eqn.primitive, eqn.params
    (mul, {})
    """

    __slots__ = ("invars", "outvars", "primitive", "params", "effects", "origin")

    def __init__(
        self, invars, outvars, primitive: Primitive, params: dict, effects=no_effects, origin: Origin | None = None
    ):
        self.invars = invars
        self.outvars = outvars
        self.primitive = primitive
        self.params = params
        self.effects = effects
        self.origin = origin

    @property
    def source_info(self) -> SourceInfo | None:
        """The user's expression."""
        return None if self.origin is None else self.origin.place

    def replace(self, **changes) -> JaxprEqn:
        eqn = JaxprEqn(self.invars, self.outvars, self.primitive, self.params, self.effects, self.origin)
        for name, value in changes.items():
            setattr(eqn, name, value)
        return eqn

    def __repr__(self) -> str:
        return _eqn_text(self)


def new_jaxpr_eqn(invars, outvars, primitive, params, effects=no_effects, source_info=None) -> JaxprEqn:
    """An equation, as JAX's interpreters make one: its operands, its results, the primitive and the parameters.

    >>> import minijax
    >>> eqn = minijax.make_jaxpr(lambda x: x * 2.0)(1.0).eqns[0]
    >>> new_jaxpr_eqn(eqn.invars, eqn.outvars, eqn.primitive, eqn.params).primitive
    mul
    """
    origin = None if source_info is None else Origin(source_info)
    return JaxprEqn(list(invars), list(outvars), primitive, params, effects, origin)


class Jaxpr:
    """A function of `constvars` and `invars`: equations in order, and the atoms it returns.

    >>> import minijax
    >>> jaxpr = minijax.make_jaxpr(lambda x: x * 2.0)(1.0).jaxpr
    >>> len(jaxpr.invars), len(jaxpr.eqns), len(jaxpr.outvars)
    (1, 1, 1)
    """

    __slots__ = ("constvars", "invars", "outvars", "eqns", "effects", "__weakref__")

    def __init__(self, constvars, invars, outvars, eqns, effects: Effects | None = None):
        self.constvars: list[Var] = list(constvars)
        self.invars: list[Var] = list(invars)
        self.outvars: list[Atom] = list(outvars)
        self.eqns: list[JaxprEqn] = list(eqns)
        # The effects of its equations, unless the caller gives others.
        self.effects = (
            no_effects.union(*[eqn.effects for eqn in self.eqns if eqn.effects]) if effects is None else effects
        )

    in_avals = property(lambda self: [v.aval for v in self.invars])
    out_avals = property(lambda self: [v.aval for v in self.outvars])

    def replace(self, **changes) -> Jaxpr:
        names = ("constvars", "invars", "outvars", "eqns")
        effects = changes.get("effects", None if "eqns" in changes else self.effects)
        return Jaxpr(*(changes.get(name, getattr(self, name)) for name in names), effects)

    def pretty_print(self, **options) -> str:
        return _pretty_print(self, **options)

    def __repr__(self) -> str:
        return _pretty_print(self)


class ClosedJaxpr:
    """A jaxpr with the values of its `constvars`.

    >>> import minijax
    >>> import minijax.numpy as jnp
    >>> c = jnp.ones(3)
    >>> closed_jaxpr = minijax.make_jaxpr(lambda x: x * c)(1.0)
    >>> closed_jaxpr.consts, closed_jaxpr.out_avals
    ([Array([1., 1., 1.], dtype=float32)], [ShapedArray(float32[3])])
    """

    __slots__ = ("jaxpr", "consts", "__weakref__")

    def __init__(self, jaxpr: Jaxpr, consts: Sequence):
        if len(jaxpr.constvars) != len(consts):
            raise ValueError(f"a jaxpr with {len(jaxpr.constvars)} constvars was closed with {len(consts)} constants")
        self.jaxpr = jaxpr
        self.consts: list[Any] = list(consts)

    constvars = property(lambda self: self.jaxpr.constvars)
    invars = property(lambda self: self.jaxpr.invars)
    outvars = property(lambda self: self.jaxpr.outvars)
    in_avals = property(lambda self: self.jaxpr.in_avals)
    out_avals = property(lambda self: self.jaxpr.out_avals)
    literals = property(lambda self: self.consts)
    eqns = property(lambda self: self.jaxpr.eqns)
    effects = property(lambda self: self.jaxpr.effects)

    def replace(self, *, jaxpr=None, consts=None) -> ClosedJaxpr:
        return ClosedJaxpr(self.jaxpr if jaxpr is None else jaxpr, self.consts if consts is None else consts)

    def pretty_print(self, **options) -> str:
        return _pretty_print(self.jaxpr, **options)

    def __repr__(self) -> str:
        return _pretty_print(self.jaxpr)


def jaxpr_as_fun(closed_jaxpr: ClosedJaxpr) -> Callable:
    """The Python function of a closed jaxpr: flat arguments in, a list out.

    >>> import minijax
    >>> jaxpr_as_fun(minijax.make_jaxpr(lambda x: x * 2.0)(1.0))(4.0)
    [Array(8., dtype=float32, weak_type=True)]
    """
    return lambda *args: eval_jaxpr(closed_jaxpr.jaxpr, closed_jaxpr.consts, *args)


# `printing.py` reads the classes of this file, and so is imported later: for the first text.
def _pretty_print(jaxpr: Jaxpr, **options) -> str:
    return import_module("minijax.core.printing").pretty_print(jaxpr, **options)


def _eqn_text(eqn: JaxprEqn) -> str:
    return import_module("minijax.core.printing").eqn_text(eqn)


# ---------------------------------------------------------------------------------------------------------------------
# Running


@interpreter
def eval_jaxpr(jaxpr: Jaxpr, consts: Sequence, *args) -> list:
    """Run a jaxpr under the current trace, an equation at a time. The simplest interpreter there is: copy it to write
    your own.

    >>> import minijax as jax
    >>> closed = jax.make_jaxpr(lambda x: x * x)(3.0)
    >>> eval_jaxpr(closed.jaxpr, closed.consts, 4.0)
    [Array(16., dtype=float32, weak_type=True)]
    """
    env: dict[Var, Any] = {}

    def read(atom: Atom):
        return atom.val if type(atom) is Literal else env[atom]

    env.update(zip(jaxpr.constvars, consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))
    last, around = last_used(jaxpr), context.origin
    try:
        for eqn in jaxpr.eqns:
            context.origin = eqn.origin
            out = eqn.primitive.bind(*map(read, eqn.invars), **eqn.params)
            env.update(zip(eqn.outvars, out if eqn.primitive.multiple_results else [out], strict=True))
            # Drop the values that no later equation reads: a long program must not hold all its arrays at once.
            clean_up_dead_vars(eqn, env, last)
        context.origin = around
    except BaseException:
        context.origin = around
        raise
    return [read(v) for v in jaxpr.outvars]


def last_used(jaxpr: Jaxpr) -> dict[Var, JaxprEqn | None]:
    """{variable: the last equation that reads it, or None if the jaxpr returns it}"""
    last: dict[Var, JaxprEqn | None] = {v: None for v in jaxpr.outvars if type(v) is not Literal}
    for eqn in reversed(jaxpr.eqns):
        for v in eqn.invars:
            if type(v) is not Literal:
                last.setdefault(v, eqn)
    return last


def clean_up_dead_vars(eqn: JaxprEqn, env: dict, last: dict):
    for v in eqn.invars:
        if type(v) is not Literal and v in env and last[v] is eqn:
            del env[v]
    for v in eqn.outvars:
        if v not in last:
            env.pop(v, None)


# ---------------------------------------------------------------------------------------------------------------------
# Checking


def check_jaxpr(jaxpr: Jaxpr | ClosedJaxpr):
    """Raise `JaxprTypeError` unless every variable is bound once, before its use, and every equation's results have the
    types that its primitive's abstract evaluation gives. Inner jaxprs are checked too.

    >>> import minijax
    >>> check_jaxpr(minijax.make_jaxpr(lambda x: x * 2.0)(1.0))
    """
    if isinstance(jaxpr, ClosedJaxpr):
        for v, c in zip(jaxpr.jaxpr.constvars, jaxpr.consts, strict=True):
            if (v.aval.shape, v.aval.dtype) != (get_aval(c).shape, get_aval(c).dtype):
                raise JaxprTypeError(f"constant of type {get_aval(c)} for variable {v}")
        jaxpr = jaxpr.jaxpr
    bound: set[Var] = set()

    def bind(v: Var, where: str):
        if v in bound:
            raise JaxprTypeError(f"variable {v} is bound twice, again by {where}")
        bound.add(v)

    def check_read(atom: Atom, where: str):
        if type(atom) is not Literal and atom not in bound:
            raise JaxprTypeError(f"variable {atom} is read by {where} before it is bound")

    for v in [*jaxpr.constvars, *jaxpr.invars]:
        bind(v, "the jaxpr's arguments")
    for eqn in jaxpr.eqns:
        where = f"`{eqn.primitive}` from {summarize(eqn.source_info)}"
        for v in eqn.invars:
            check_read(v, where)
        avals = eqn.primitive.abstract_eval(*[v.aval for v in eqn.invars], **eqn.params)
        avals = avals if eqn.primitive.multiple_results else [avals]
        if eqn.effects != effects_of(eqn.primitive, eqn.params):
            raise JaxprTypeError(f"{where} has other effects than its primitive: {set(eqn.effects)}")
        if len(avals) != len(eqn.outvars):
            raise JaxprTypeError(f"{where} binds {len(eqn.outvars)} variables, its rule gives {len(avals)}")
        for v, aval in zip(eqn.outvars, avals):
            if v.aval != aval:
                raise JaxprTypeError(f"{where} binds a variable of type {v.aval!r}, its rule gives {aval!r}")
            if type(v) is not DropVar:
                bind(v, where)
        if isinstance(eqn.primitive, CallPrimitive):
            for inner in jaxprs_in_params(eqn.params):
                eqn.primitive.axis_scope(eqn.params, check_jaxpr, inner)
    for v in jaxpr.outvars:
        check_read(v, "the jaxpr's results")
    if jaxpr.effects != no_effects.union(*[eqn.effects for eqn in jaxpr.eqns]):
        raise JaxprTypeError(f"the jaxpr's effects {set(jaxpr.effects)} are not those of its equations")


_JAXPRS = {Jaxpr, ClosedJaxpr}


def jaxprs_in_params(params: dict) -> list[Jaxpr | ClosedJaxpr]:
    """The jaxprs among an equation's parameters, in the order of the parameters.

    >>> import minijax
    >>> eqn = minijax.make_jaxpr(minijax.jit(lambda x: x * 2.0))(1.0).eqns[0]
    >>> len(jaxprs_in_params(eqn.params))
    1
    """
    found = []
    for value in params.values():
        if type(value) in _JAXPRS:
            found.append(value)
        elif isinstance(value, (tuple, list)):
            found += [item for item in value if type(item) in _JAXPRS]
    return found


def called_jaxpr(eqn: JaxprEqn) -> ClosedJaxpr | None:
    """The jaxpr that an equation runs on its arguments, if it does nothing else."""
    return eqn.primitive.called_jaxpr(eqn.params) if isinstance(eqn.primitive, CallPrimitive) else None


def effects_of(primitive: Primitive, params: dict) -> Effects:
    """The effects of an equation: its primitive's own, or those of the jaxprs it carries."""
    if primitive.effects is not None:
        return primitive.effects(params)
    inner = [j.effects for j in jaxprs_in_params(params) if j.effects]
    return no_effects.union(*inner) if inner else no_effects


# ---------------------------------------------------------------------------------------------------------------------
# Dead code


def dce_jaxpr(jaxpr: Jaxpr, used_outputs: Sequence[bool], instantiate: bool = False) -> tuple[Jaxpr, list[bool]]:
    """The jaxpr without the unused outputs, and without the equations and arguments that only those outputs need.

    Returns the smaller jaxpr, and for each of the `invars` whether the jaxpr still has it (with `instantiate`: always). An
    equation with effects stays. A call gets smaller jaxprs: without the equations that its used results do not need.
    """
    outvars = [v for v, used in zip(jaxpr.outvars, used_outputs, strict=True) if used]
    live = {v for v in outvars if type(v) is not Literal}
    eqns = []
    for eqn in reversed(jaxpr.eqns):
        if not live.isdisjoint(eqn.outvars) or eqn.effects:
            if eqn.primitive.multiple_results and isinstance(eqn.primitive, CallPrimitive):
                smaller = eqn.primitive.dce(eqn, [v in live for v in eqn.outvars])
                # An equation that loses nothing stays itself: lowering writes one function for all calls of one jaxpr.
                eqn = eqn if smaller.params == eqn.params else smaller
            if eqn.primitive.multiple_results and not live.issuperset(eqn.outvars):
                eqn = eqn.replace(outvars=[v if v in live else DropVar(v.aval) for v in eqn.outvars])
            eqns.append(eqn)
            live.update([v for v in eqn.invars if type(v) is not Literal])
    used_inputs = [instantiate or v in live for v in jaxpr.invars]
    invars = [v for v, used in zip(jaxpr.invars, used_inputs) if used]
    return jaxpr.replace(invars=invars, outvars=outvars, eqns=eqns[::-1]), used_inputs


def without_dead(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr without equations that none of its outputs needs. Its arguments stay."""
    return dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars), instantiate=True)[0]
