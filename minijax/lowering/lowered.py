"""Users' primitives in programs: a function of minijax's operations, registered as the lowering, stands in for the primitive.

`jax.interpreters.mlir.register_lowering(p, mlir.lower_fun(f))` comes here. A program with an equation of `p` then has the equations
of `f` in its place, whichever compiler writes the program. Without a lowering the NumPy compiler calls the implementation of `p`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from ..core.avals import ShapedArray
from ..core.checks import RuleError
from ..core.jaxpr import Atom, ClosedJaxpr, DropVar, Jaxpr, JaxprEqn, Literal, Var
from ..core.primitive import CallPrimitive, Primitive
from ..core.staging import trace_to_closed_jaxpr
from ..core.types import ArrayLike
from ..foundation.config import trace_context

# {primitive: {platform, or None for all: (arrays, parameters) -> list of arrays}}
_LOWERINGS: WeakKeyDictionary[Primitive, dict[str | None, Callable[..., Any]]] = WeakKeyDictionary()

# {a platform: other names whose lowerings it takes}. jaxlib calls "gpu" what JAX calls "cuda" or "rocm". Programs of NumPy are for
# "numpy", a platform of minijax's own: its lowerings may use primitives that are implemented in NumPy alone.
_ALSO = {"gpu": ("cuda", "rocm"), "numpy": ("cpu",)}


class _Lowered(CallPrimitive):
    """The call of a lowering's jaxpr. It occurs in jaxprs that a compiler reads, and is never bound."""

    def called_jaxpr(self, params: dict) -> ClosedJaxpr:
        return params["jaxpr"]


lowered_p = _Lowered("lowered")


def register(primitive: Primitive, function: Callable[..., ArrayLike], platform: str | None):
    """From now on `function(*arrays, **params) -> list of arrays` stands for the primitive in programs for that platform; None is
    for all platforms."""
    _LOWERINGS.setdefault(primitive, {})[platform] = function
    _traced.cache_clear()


def registered() -> bool:
    """Whether any primitive has a lowering. Most programs register none, and to look for one for every equation would take a
    fiftieth of the time of lowering."""
    return bool(_LOWERINGS)


def find(primitive: Primitive, platform: str) -> Callable | None:
    """The function that stands for the primitive on that platform, or None."""
    found = _LOWERINGS.get(primitive) if _LOWERINGS else None
    if found is None:
        return None
    names = (platform, *_ALSO.get(platform, ()), None)
    return next((found[name] for name in names if name in found), None)


def lowered(eqn: JaxprEqn, platform: str) -> JaxprEqn:
    """The equation as a call of its primitive's lowering; the equation itself if there is none."""
    function = find(eqn.primitive, platform)
    if function is None:
        return eqn
    avals = tuple([v.aval for v in eqn.invars])
    try:
        jaxpr = _traced(eqn.primitive, function, avals, trace_context(), **eqn.params)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        jaxpr = _traced.__wrapped__(eqn.primitive, function, avals, None, **eqn.params)
    return eqn.replace(primitive=lowered_p, params={"jaxpr": jaxpr, "name": eqn.primitive.name})


@lru_cache(1024)
def _traced(primitive: Primitive, function: Callable, avals: tuple[ShapedArray, ...], _, **params) -> ClosedJaxpr:
    def flat(*args):
        return list(function(*args, **params))

    jaxpr = trace_to_closed_jaxpr(flat, avals)
    expected = primitive.abstract_eval(*avals, **params)
    expected = list(expected) if primitive.multiple_results else [expected]
    types = [[(aval.shape, aval.dtype) for aval in each] for each in (jaxpr.out_avals, expected)]
    if types[0] != types[1]:
        found, wanted = (
            ", ".join(aval.str_short(short_dtypes=True) for aval in each) for each in (jaxpr.out_avals, expected)
        )
        raise RuleError(
            f"The lowering of primitive '{primitive.name}' returned {found}, where abstract_eval says {wanted}."
        )
    return jaxpr


# A longer jaxpr stays a call: if several equations call it, the program has a function for it.
_SHORT = 32


def with_lowerings(jaxpr: Jaxpr, platform: str) -> Jaxpr:
    """The jaxpr with its lowering in place of each primitive that has one; the same object if there is none.

    The equations of a short lowering stand in place, so that equal ones of two primitives are computed once.
    """
    if not (registered() and any(find(eqn.primitive, platform) for eqn in jaxpr.eqns)):
        return jaxpr
    eqns: list[JaxprEqn] = []
    replaced: dict[Var, Atom] = {}
    for eqn in jaxpr.eqns:
        if replaced:
            eqn = eqn.replace(invars=[v if type(v) is Literal else replaced.get(v, v) for v in eqn.invars])
        call = lowered(eqn, platform)
        inner = call.params["jaxpr"] if call is not eqn else None
        if inner is None or inner.consts or len(inner.eqns) > _SHORT:
            eqns.append(call)
        else:
            results = _in_place(inner.jaxpr, call, eqn.primitive, eqns)
            replaced.update((v, x) for v, x in zip(call.outvars, results) if type(v) is not DropVar)
    outvars = [v if type(v) is Literal else replaced.get(v, v) for v in jaxpr.outvars]
    return jaxpr.replace(eqns=eqns, outvars=outvars)


def _in_place(jaxpr: Jaxpr, call: JaxprEqn, primitive: Primitive, eqns: list[JaxprEqn]) -> list[Atom]:
    """Add the equations of the lowering of a primitive, with variables of their own; return its results."""
    names: dict[Var, Atom] = dict(zip(jaxpr.invars, call.invars, strict=True))

    def read(atom: Atom) -> Atom:
        return atom if type(atom) is Literal else names[atom]

    for eqn in jaxpr.eqns:
        outvars = [v if type(v) is DropVar else Var(v.aval) for v in eqn.outvars]
        origin = (
            call.origin
            if eqn.origin is None or call.origin is None
            else eqn.origin.lowered_from(call.origin, primitive)
        )
        eqns.append(eqn.replace(invars=[*map(read, eqn.invars)], outvars=outvars, origin=origin))
        names.update(zip(eqn.outvars, outvars))
    return [*map(read, jaxpr.outvars)]
