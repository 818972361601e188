"""Printed jaxprs of both libraries in one form: nested jits are replaced by their equations, also in the bodies of loops."""

from __future__ import annotations

import re

import jax
import jax.interpreters.partial_eval

import minijax
from tests.helpers.printed_programs import inlined

DROPPED = {jax: jax._src.core.DropVar, minijax: minijax.core.jaxpr.DropVar}
DCE = {jax: jax.interpreters.partial_eval.dce_jaxpr, minijax: minijax.core.jaxpr.dce_jaxpr}


def is_closed(value) -> bool:
    return hasattr(value, "jaxpr") and hasattr(value, "consts")


def flat(lib, jaxpr, live: bool):
    """`inlined`, of the carried jaxprs too; with `live`, without equations that nothing reads."""
    out = inlined(jaxpr)
    if live:
        out = DCE[lib](out, [True] * len(out.outvars), instantiate=True)[0]
        read = {id(v) for e in out.eqns for v in e.invars} | {id(v) for v in out.outvars}
        # Of an equation that stays, each result that nobody reads is `_`: JAX's own `dce_jaxpr` leaves some their letters.
        eqns = [e.replace(outvars=[v if id(v) in read else DROPPED[lib](v.aval) for v in e.outvars]) for e in out.eqns]
        out = out.replace(constvars=[v for v in out.constvars if id(v) in read], eqns=eqns)
    return out.replace(
        eqns=[e.replace(params={k: flat_param(lib, v, live) for k, v in e.params.items()}) for e in out.eqns]
    )


def flat_param(lib, value, live: bool):
    if is_closed(value):
        inner = flat(lib, value.jaxpr, live)
        # What was closed over by a nested jit is shown by its variables, and has no values here.
        return type(value)(inner, [None] * len(inner.constvars))
    if hasattr(value, "eqns"):
        return flat(lib, value, live)
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(flat_param(lib, v, live) for v in value)
    return value


def text(lib, closed, live: bool = False, sorted_constants: bool = False) -> str:
    """The text without spaces, since lines break where they are full. `sorted_constants`: in the order of their first use."""
    jaxpr = flat(lib, closed.jaxpr, live)
    if sorted_constants:
        used = [id(v) for e in jaxpr.eqns for v in e.invars] + [id(v) for v in jaxpr.outvars]
        place = {v: i for i, v in reversed([*enumerate(used)])}
        jaxpr = jaxpr.replace(constvars=sorted(jaxpr.constvars, key=lambda v: place.get(id(v), len(used))))
    shown = str(jaxpr)
    shown = re.sub(r"np\.\w+\((-?[\w.+-]+)\)", r"\1", shown)
    # A psum over a mapped axis is the sum over an axis of the array.
    for name, rest in (("sum", " out_sharding=None"), ("max", ""), ("min", "")):
        shown = re.sub(
            rf"p{name}\[\s*axes=(\(\d+,?\))\s+axis_index_groups=None\s*\]", rf"reduce_{name}[axes=\1{rest}]", shown
        )
    # A policy is a function in minijax.
    shown = re.sub(r"policy=(<function (\w+)[^>]*>|\w+\([^)]*\))", "policy=...", shown)
    # The function that made a rule or a callback is no part of the program; its address differs from run to run.
    return re.sub(r"\s+", "", re.sub(r"<[^<>]*>|0x[0-9a-f]+", "<>", shown))


def size(lib, closed) -> int:
    """The number of live equations, with those of the jaxprs that they carry."""

    def count(jaxpr) -> int:
        return len(jaxpr.eqns) + sum(count(j) for e in jaxpr.eqns for j in carried(e.params))

    return count(flat(lib, closed.jaxpr, True))


def carried(params: dict) -> list:
    items = [v for value in params.values() for v in (value if isinstance(value, (tuple, list)) else (value,))]
    return [getattr(v, "jaxpr", v) for v in items if hasattr(v, "eqns")]


def primitives(lib, closed) -> set[str]:
    """The names of all primitives in a jaxpr."""

    def found(jaxpr) -> set[str]:
        return {str(e.primitive) for e in jaxpr.eqns}.union(*[found(j) for e in jaxpr.eqns for j in carried(e.params)])

    return found(flat(lib, closed.jaxpr, False))
