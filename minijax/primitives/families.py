"""Builders of elementwise rows: one call gives a primitive all its rules.

An elementwise primitive broadcasts as NumPy does between arrays of equal rank, and scalars with anything; ranks are
never padded (that is for `jnp` functions). Its derivative rules are `(g, ans, *args) -> tangent`, one for each argument.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, reduce

import numpy as np

from ..core.avals import ShapedArray, UndefinedPrimal, Zero
from ..core.primitive import Primitive
from ..foundation import errors
from ..foundation.dtypes import NARROW_FLOATS, NARROW_INTS, dtype_char
from .basis import (
    add_tangents,
    batch_to_front,
    broadcast_in_dim,
    expand_dims,
    reshape,
    row,
    shape_of,
    unbroadcast,
    zero_like,
)

# Classes of dtypes, as NumPy's dtype characters ('E' is bfloat16).
BOOL = "?"
SIGNED = "bhilq" + "".join(c for name, c in NARROW_INTS.items() if name[0] == "i")
UNSIGNED = "BHILQ" + "".join(c for name, c in NARROW_INTS.items() if name[0] == "u")
FLOAT = "efdE" + "".join(NARROW_FLOATS.values())
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

    # A memo of a pure function: a program has few types and many equations.
    @lru_cache(4096)
    def abstract_eval(*avals, **params):
        first = avals[0]
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
    """The batch rule of an elementwise primitive.

    If all batched arguments have one shape and one batch axis, and the others are scalars, the primitive applies directly.
    Otherwise the batch axes move to the front, and unbatched arguments get an axis of size 1 there."""

    def batch(axis, args, dims, **params):
        primitive = primitive_of()
        if len(args) == 1:
            return primitive.bind(*args, **params), dims[0]
        shapes = [shape_of(x) for x in args]
        shape, dim = next((s, d) for s, d in zip(shapes, dims) if d is not None)
        if all([s == shape and d == dim for s, d in zip(shapes, dims) if s]):
            return primitive.bind(*args, **params), dim
        args = [batch_to_front(x, d) if s else x for x, s, d in zip(args, shapes, dims)]
        ndim = max([len(shape_of(x)) for x in args])
        args = [
            x if d is None or len(shape_of(x)) == ndim else expand_dims(x, tuple(range(len(shape_of(x)), ndim)))
            for x, d in zip(args, dims)
        ]
        return primitive.bind(*args, **params), 0

    return batch


# ---------------------------------------------------------------------------------------------------------------------
# Derivatives


def broadcast_like(g, ans):
    """A tangent, repeated to the shape of the result as its primal was."""
    shape, own = shape_of(ans), shape_of(g)
    if own == shape:
        return g
    kept = [i for i, d in enumerate(own) if d == shape[i]]
    return broadcast_in_dim(reshape(g, [own[i] for i in kept]) if own else g, shape, kept)


def jvp_by_argument(primitive_of: Callable[[], Primitive], rules: Sequence[Callable | None]) -> Callable:
    """The jvp rule from one rule `(g, ans, *primals, **params) -> tangent` for each argument; None: no tangent flows."""

    def jvp(primals, tangents, **params):
        ans = primitive_of().bind(*primals, **params)
        terms = [
            rule(g, ans, *primals, **params)
            for rule, g in zip(rules, tangents)
            if rule is not None and type(g) is not Zero
        ]
        return ans, reduce(add_tangents, terms) if terms else zero_like(ans)

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
    jvp: Sequence[Callable | None] | Callable | str,
    transpose: Callable | str,
    result_dtype: Callable | None = None,
    keeps_weak_type: bool = True,
    arity: int | None = None,
    abstract_eval: Callable | None = None,
) -> Primitive:
    """Define an elementwise primitive.

    impl: a NumPy function. accepts: the dtype characters of its arguments. jvp: a rule for each argument, a full jvp rule, or
    the reason for having none. transpose: a full transpose rule, or the reason. result_dtype: dtype -> dtype, if the result's is
    another than the arguments'. abstract_eval: the rule, if the arguments' dtypes differ or parameters count.
    """
    arity = len(jvp) if arity is None else arity
    primitive = row(
        name,
        impl=impl,
        abstract_eval=abstract_eval
        or elementwise_abstract_eval(name, [accepts] * arity, result_dtype, keeps_weak_type),
        jvp=jvp if isinstance(jvp, str) or callable(jvp) else jvp_by_argument(lambda: primitive, jvp),
        transpose=transpose,
        batch=batch_elementwise(lambda: primitive),
    )
    # Not "L": for NumPy it is a narrow dtype, too.
    primitive.elementwise = accepts.replace("L", "")
    primitive.keeps_weak_type = keeps_weak_type
    return primitive


def real_dtype(dtype):
    """The dtype of the absolute value: float32 of complex64."""
    return np.zeros(0, dtype).real.dtype if dtype.char in COMPLEX else dtype


def bool_dtype(dtype):
    """bool, the dtype of a comparison's result.

    >>> bool_dtype(np.dtype('float32'))
    dtype('bool')
    """
    return np.dtype(bool)


__all__ = [
    "ANY", "BOOL", "COMPLEX", "FLOAT", "INT", "NUM", "SIGNED", "UNSIGNED", "batch_elementwise", "bool_dtype",
    "broadcast_like", "elementwise", "elementwise_abstract_eval", "jvp_by_argument", "real_dtype",
    "transpose_by_argument",
]  # fmt: skip
