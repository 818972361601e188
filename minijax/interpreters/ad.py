"""Rules of derivatives (`jax.interpreters.ad`): `primitive_jvps`, `primitive_transposes`, and functions that write such rules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

from ..core.avals import ShapedArray, UndefinedPrimal, Zero, is_undefined_primal
from ..core.primitive import Primitive
from ..foundation.left_out import absent
from ..primitives.basis import add_any_p as add_jaxvals_p
from ..primitives.basis import add_tangents, instantiate, zero_like, zeros
from ..transforms.jvp import JVPTrace, JVPTracer
from .tables import RuleTable

# {primitive: rule (primals, tangents, **params) -> (result, its tangent)}. A tangent, given or returned, may be a `Zero`.
primitive_jvps = RuleTable("jvp")
# {primitive: rule (cotangent, *args, **params) -> a cotangent or None for each argument}. An argument is a value, or an
# `UndefinedPrimal` if the primitive is linear in it and its cotangent is wanted.
primitive_transposes = RuleTable("transpose")


def instantiate_zeros(tangent: Any) -> Any:
    """An array of zeros for a symbolic `Zero`; any other tangent as it is."""
    return instantiate(tangent)


def zeros_like_aval(aval: ShapedArray) -> Any:
    """An array of zeros of that type."""
    return zeros(aval)


def add_jaxvals(x: Any, y: Any) -> Any:
    """The sum of two tangents of one type, both arrays."""
    return add_jaxvals_p.bind(x, y)


def get_primitive_transpose(p: Primitive) -> Callable[..., Any]:
    """The transpose rule of a primitive. Raises NotImplementedError if there is none."""
    if p not in primitive_transposes:
        raise NotImplementedError(f"Transpose rule (for reverse-mode differentiation) for '{p}' not implemented")
    return primitive_transposes[p]


def defjvp(primitive: Primitive, *jvprules: Callable[..., Any] | None) -> None:
    """Give a primitive of one result its jvp rule: for each argument a function (tangent, *primals, **params) -> tangent, or None
    if no tangent flows. The rule adds up the tangents.

    >>> import minijax as jax
    >>> p = Primitive("thrice")
    >>> _ = p.def_impl(lambda x: 3 * x)
    >>> _ = p.def_abstract_eval(lambda x: x)
    >>> defjvp(p, lambda g, x: 3 * g)
    >>> jax.jvp(p.bind, (2.0,), (1.0,))
    (Array(6., dtype=float32, weak_type=True), Array(3., dtype=float32, weak_type=True))
    """
    defjvp2(primitive, *[rule and partial(_without_result, rule) for rule in jvprules])


def _without_result(rule: Callable, g, ans, *primals, **params):
    return rule(g, *primals, **params)


def defjvp2(primitive: Primitive, *jvprules: Callable[..., Any] | None) -> None:
    """As `defjvp`, by functions (tangent, result, *primals, **params) -> tangent."""
    assert not primitive.multiple_results

    def jvp(primals, tangents, **params):
        ans = primitive.bind(*primals, **params)
        pairs = zip(jvprules, tangents)
        terms = [rule(g, ans, *primals, **params) for rule, g in pairs if rule is not None and type(g) is not Zero]
        return ans, reduce(add_tangents, terms, zero_like(ans))

    primitive_jvps[primitive] = jvp


def deflinear(primitive: Primitive, transpose_rule: Callable[..., Any]) -> None:
    """Say that a primitive is linear in all its arguments together. transpose_rule: (cotangent, **params) -> cotangents."""
    deflinear2(primitive, lambda ct, *args, **params: transpose_rule(ct, **params))


def deflinear2(primitive: Primitive, transpose_rule: Callable[..., Any]) -> None:
    """As `deflinear`, by a function (cotangent, *args, **params) -> a cotangent or None for each argument."""

    def jvp(primals, tangents, **params):
        outs = primitive.bind(*primals, **params)
        if all(type(t) is Zero for t in tangents):
            return outs, list(map(zero_like, outs)) if primitive.multiple_results else zero_like(outs)
        return outs, primitive.bind(*map(instantiate, tangents), **params)

    def transpose(ct, *args, **params):
        if type(ct) is Zero:
            return [Zero(x.aval) if is_undefined_primal(x) else None for x in args]
        return transpose_rule(ct, *args, **params)

    primitive_jvps[primitive] = jvp
    primitive_transposes[primitive] = transpose


def defbilinear(prim: Primitive, lhs_rule: Callable[..., Any], rhs_rule: Callable[..., Any]) -> None:
    """Say that a primitive is linear in each of its two arguments. The rules, (cotangent, x, y, **params) -> cotangent, are of the
    first argument and of the second."""

    def transpose(ct, x, y, **params):
        assert is_undefined_primal(x) ^ is_undefined_primal(y)
        if type(ct) is Zero:
            return [Zero(a.aval) if is_undefined_primal(a) else None for a in (x, y)]
        if is_undefined_primal(x):
            return [lhs_rule(ct, x, y, **params), None]
        return [None, rhs_rule(ct, x, y, **params)]

    def lhs(g, x, y, **params):
        return prim.bind(g, y, **params)

    def rhs(g, x, y, **params):
        return prim.bind(x, g, **params)

    defjvp(prim, lhs, rhs)
    primitive_transposes[prim] = transpose


__all__ = [
    "JVPTrace",
    "JVPTracer",
    "UndefinedPrimal",
    "Zero",
    "add_jaxvals",
    "add_jaxvals_p",
    "add_tangents",
    "defbilinear",
    "defjvp",
    "defjvp2",
    "deflinear",
    "deflinear2",
    "get_primitive_transpose",
    "instantiate_zeros",
    "is_undefined_primal",
    "primitive_jvps",
    "primitive_transposes",
    "zeros_like_aval",
]


def __getattr__(name: str) -> Any:
    raise absent(__name__, name)
