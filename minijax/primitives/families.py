"""Builders of elementwise rows: one call gives a primitive all its rules.

An elementwise primitive broadcasts as NumPy does between arrays of equal rank, and scalars with anything; ranks are
never padded (that is for `jnp` functions). Its derivative rules are `(g, ans, *args) -> tangent`, one for each argument.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..core.avals import ShapedArray, UndefinedPrimal, Zero
from ..core.primitive import Primitive
from ..foundation import errors
from .basis import add_any_p, batch_to_front, broadcast_in_dim, expand_dims, row, shape_of, unbroadcast, zero_like

# Classes of dtypes, as NumPy's dtype characters ('E' is bfloat16).
BOOL = "?"
SIGNED = "bhilq"
UNSIGNED = "BHILQ"
FLOAT = "efdE"
COMPLEX = "FD"
INT = SIGNED + UNSIGNED
NUM = INT + FLOAT + COMPLEX
ANY = BOOL + NUM

_class_names = {
    INT: "integer",
    SIGNED: "signedinteger",
    UNSIGNED: "unsignedinteger",
    FLOAT: "floating",
    COMPLEX: "complexfloating",
    BOOL: "bool",
}


def describe(accepts: str) -> str:
    """`floating, complexfloating` for FLOAT + COMPLEX."""
    names = [name for chars, name in _class_names.items() if set(chars) <= set(accepts)]
    return ", ".join(n for n in names if n not in ("signedinteger", "unsignedinteger") or "integer" not in names)


def dtype_char(dtype) -> str:
    return getattr(dtype, "char", "key")


# ---------------------------------------------------------------------------------------------------------------------
# Types


def broadcast_shapes_of(name: str, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The common shape of an elementwise primitive's arguments: scalars go with anything, ranks must agree otherwise."""
    ranked = [s for s in shapes if s]
    if not ranked:
        return ()
    first = ranked[0]
    if all(s == first for s in ranked):
        return first
    if len({len(s) for s in ranked}) != 1:
        listed = ", ".join(map(str, ranked))
        raise TypeError(f"{name}: arrays must have same number of dimensions, got {listed}.")
    result = []
    for sizes in zip(*ranked):
        different = {d for d in sizes if d != 1}
        if len(different) > 1:
            raise TypeError(f"{name} got incompatible shapes for broadcasting: {', '.join(map(str, ranked))}.")
        result.append(different.pop() if different else 1)
    return tuple(result)


def elementwise_abstract_eval(name: str, accepts: Sequence[str], result_dtype: Callable | None, keeps_weak_type: bool):
    """Abstract evaluation of an elementwise primitive: dtypes in their classes and equal, shapes that broadcast."""

    own_dtype = result_dtype is None

    def abstract_eval(*avals, **params):
        first = avals[0]
        if own_dtype and len(avals) == 1 and keeps_weak_type and dtype_char(first.dtype) in accepts[0]:
            return first
        if own_dtype and len(avals) == 2 and first.dtype is avals[1].dtype and dtype_char(first.dtype) in accepts[0]:
            # The usual case, decided at once: two arguments of one shape, or one of them a scalar.
            second = avals[1]
            ranked = second if not first.shape else first
            if first.shape == second.shape or not first.shape or not second.shape:
                weak = keeps_weak_type and first.weak_type and second.weak_type
                return ranked if ranked.weak_type == weak else ShapedArray(ranked.shape, ranked.dtype, weak)
        for i, (aval, chars) in enumerate(zip(avals, accepts)):
            if dtype_char(aval.dtype) not in chars:
                where = f" at position {i}" if len(avals) > 1 else ""
                raise TypeError(
                    f"{name} does not accept dtype {aval.dtype.name}{where}."
                    f" Accepted dtypes{where} are subtypes of {describe(chars)}."
                )
            if aval.dtype != first.dtype:
                listed = ", ".join(a.dtype.name for a in avals)
                raise TypeError(
                    f"lax.{name} requires arguments to have the same dtypes, got {listed}."
                    f" (Tip: jnp.{name} is a similar function that does automatic type promotion on inputs)."
                )
        dtype = first.dtype if result_dtype is None else result_dtype(first.dtype)
        weak = keeps_weak_type and all(a.weak_type for a in avals)
        return ShapedArray(broadcast_shapes_of(name, [a.shape for a in avals]), dtype, weak)

    return abstract_eval


# ---------------------------------------------------------------------------------------------------------------------
# Batching


def batch_elementwise(primitive_of: Callable[[], Primitive]) -> Callable:
    """Where all batched arguments agree in shape and batch axis, and the rest are scalars: apply the primitive as it is.
    Otherwise bring the batch axis to the front and give unbatched arguments an axis of size 1 there."""

    def batch(axis, args, dims, **params):
        primitive = primitive_of()
        if len(args) == 1:
            return primitive.bind(*args, **params), dims[0]
        shape, dim = next((shape_of(x), d) for x, d in zip(args, dims) if d is not None)
        if all(shape_of(x) == shape and d == dim for x, d in zip(args, dims) if shape_of(x)):
            return primitive.bind(*args, **params), dim
        args = [batch_to_front(x, d) if shape_of(x) else x for x, d in zip(args, dims)]
        ndim = max(len(shape_of(x)) for x in args)
        args = [
            x if d is None or len(shape_of(x)) == ndim else expand_dims(x, tuple(range(len(shape_of(x)), ndim)))
            for x, d in zip(args, dims)
        ]
        return primitive.bind(*args, **params), 0

    return batch


# ---------------------------------------------------------------------------------------------------------------------
# Derivatives


def broadcast_like(g, ans):
    """A tangent repeated to the shape of the result, where its primal was."""
    shape = shape_of(ans)
    if shape_of(g) == shape:
        return g
    return broadcast_in_dim(g, shape, tuple(range(len(shape_of(g)))))


def jvp_by_argument(primitive_of: Callable[[], Primitive], rules: Sequence[Callable | None]) -> Callable:
    """The jvp rule from one rule `(g, ans, *primals, **params) -> tangent` for each argument; None: no tangent flows."""

    if len(rules) == 1 and rules[0] is not None:
        rule = rules[0]

        def unary_jvp(primals, tangents, **params):
            x, g = primals[0], tangents[0]
            ans = primitive_of().bind(x, **params)
            return ans, zero_like(ans) if type(g) is Zero else rule(g, ans, x, **params)

        return unary_jvp

    if len(rules) == 2 and None not in rules:
        left, right = rules

        def binary_jvp(primals, tangents, **params):
            x, y = primals
            gx, gy = tangents
            ans = primitive_of().bind(x, y, **params)
            if type(gx) is Zero:
                return ans, zero_like(ans) if type(gy) is Zero else right(gy, ans, x, y, **params)
            tangent = left(gx, ans, x, y, **params)
            return ans, tangent if type(gy) is Zero else add_any_p.bind(tangent, right(gy, ans, x, y, **params))

        return binary_jvp

    def jvp(primals, tangents, **params):
        ans = primitive_of().bind(*primals, **params)
        total = None
        for rule, g in zip(rules, tangents):
            if rule is not None and type(g) is not Zero:
                tangent = rule(g, ans, *primals, **params)
                if type(tangent) is not Zero:
                    total = tangent if total is None else add_any_p.bind(total, tangent)
        return ans, zero_like(ans) if total is None else total

    return jvp


def transpose_by_argument(rules: Sequence[Callable | None]) -> Callable:
    """The transpose rule from one rule `(ct, *args, **params) -> cotangent` for each argument that it can be linear in."""

    def transpose(ct, *args, **params):
        results = []
        for x, rule in zip(args, rules):
            result = None
            if type(x) is UndefinedPrimal:
                if rule is None:
                    raise errors.not_linear(x.aval.str_short())
                result = rule(ct, *args, **params)
                if result.shape != x.aval.shape:
                    result = unbroadcast(x.aval, result)
            results.append(result)
        return results

    return transpose


# ---------------------------------------------------------------------------------------------------------------------
# Rows


def elementwise(
    name: str,
    impl: Callable,
    accepts: str,
    *,
    jvp: Sequence[Callable | None] | str,
    transpose: Callable | str,
    result_dtype: Callable | None = None,
    keeps_weak_type: bool = True,
    arity: int | None = None,
) -> Primitive:
    """Define an elementwise primitive.

    impl: a NumPy function. accepts: the dtype characters of its arguments. jvp: a rule for each argument, or the reason
    for having none. transpose: a full transpose rule, or the reason. result_dtype: dtype -> dtype, if not the arguments'.
    """
    arity = len(jvp) if arity is None else arity
    primitive = row(
        name,
        impl=impl,
        abstract_eval=elementwise_abstract_eval(name, [accepts] * arity, result_dtype, keeps_weak_type),
        jvp=jvp if isinstance(jvp, str) else jvp_by_argument(lambda: primitive, jvp),
        transpose=transpose,
        batch=batch_elementwise(lambda: primitive),
    )
    primitive.elementwise = accepts
    primitive.keeps_weak_type = keeps_weak_type
    return primitive


def real_dtype(dtype):
    """The dtype of the absolute value: float32 of complex64."""
    return np.zeros(0, dtype).real.dtype if dtype.char in COMPLEX else dtype


def bool_dtype(dtype):
    return np.dtype(bool)


__all__ = [
    "ANY",
    "BOOL",
    "COMPLEX",
    "FLOAT",
    "INT",
    "NUM",
    "SIGNED",
    "UNSIGNED",
    "batch_elementwise",
    "bool_dtype",
    "broadcast_like",
    "elementwise",
    "elementwise_abstract_eval",
    "jvp_by_argument",
    "real_dtype",
    "transpose_by_argument",
]
