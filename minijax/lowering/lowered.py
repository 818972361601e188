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
from ..core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn
from ..core.primitive import CallPrimitive, Primitive
from ..core.staging import trace_to_closed_jaxpr
from ..core.types import ArrayLike
from ..foundation.config import x64_enabled

# {primitive: {platform, or None for all: (arrays, parameters) -> arrays}}
_LOWERINGS: WeakKeyDictionary[Primitive, dict[str | None, Callable[..., Any]]] = WeakKeyDictionary()

# JAX's names of the platforms that jaxlib calls "gpu".
GPUS = ("cuda", "rocm")


class _Lowered(CallPrimitive):
    """The call of a lowering's jaxpr. It occurs in jaxprs that a compiler reads, and is never bound."""

    def called_jaxpr(self, params: dict) -> ClosedJaxpr:
        return params["jaxpr"]


lowered_p = _Lowered("lowered")


def register(primitive: Primitive, function: Callable[..., ArrayLike], platform: str | None):
    """From now on `function(*arrays, **params) -> array, or list of arrays` stands for the primitive in programs for that platform;
    None is for all platforms."""
    _LOWERINGS.setdefault(primitive, {})[platform] = function
    _traced.cache_clear()


def find(primitive: Primitive, platform: str) -> Callable | None:
    """The function that stands for the primitive on that platform, or None."""
    found = _LOWERINGS.get(primitive)
    if found is None:
        return None
    names = (platform, *(GPUS if platform == "gpu" else ()), None)
    return next((found[name] for name in names if name in found), None)


def lowered(eqn: JaxprEqn, platform: str) -> JaxprEqn:
    """The equation as a call of its primitive's lowering; the equation itself if there is none."""
    function = find(eqn.primitive, platform) if _LOWERINGS else None
    if function is None:
        return eqn
    avals = tuple([v.aval for v in eqn.invars])
    try:
        jaxpr = _traced(eqn.primitive, function, avals, x64_enabled(), **eqn.params)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        jaxpr = _traced.__wrapped__(eqn.primitive, function, avals, None, **eqn.params)
    return eqn.replace(primitive=lowered_p, params={"jaxpr": jaxpr, "name": eqn.primitive.name})


@lru_cache(1024)
def _traced(primitive: Primitive, function: Callable, avals: tuple[ShapedArray, ...], _, **params) -> ClosedJaxpr:
    def flat(*args):
        out = function(*args, **params)
        return list(out) if primitive.multiple_results else [out]

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


def with_lowerings(jaxpr: Jaxpr, platform: str) -> Jaxpr:
    """The jaxpr with a call in place of each primitive that has a lowering; the same object if there is none."""
    eqns = [lowered(eqn, platform) for eqn in jaxpr.eqns] if _LOWERINGS else jaxpr.eqns
    return jaxpr if all(a is b for a, b in zip(eqns, jaxpr.eqns)) else jaxpr.replace(eqns=eqns)
