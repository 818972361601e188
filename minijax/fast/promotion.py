"""Elementwise functions and operators that reach their primitive at once when promotion has nothing to do."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ..core import shortcuts
from ..core.array import ArrayImpl
from ..core.primitive import Primitive
from ..core.traces import Array
from ..numpy.util import Elementwise, constant, promote_shapes


@lru_cache(4096, typed=True)
def _nonzero_constant(value, dtype, weak_type) -> ArrayImpl:
    return constant(value, dtype, weak_type)


def scalar_operand(value, dtype, weak_type) -> ArrayImpl:
    """The constant for a Python number beside an array; remembered, as programs use the same few again and again."""
    # 0.0 == -0.0, so a table of values would give one for the other.
    return _nonzero_constant(value, dtype, weak_type) if value else constant(value, dtype, weak_type)


# {type of a Python number: the characters of the dtypes that an array may have for the number to take its dtype}
_DTYPES_BESIDE = {int: "bhilqBHILQefdEFD", float: "efdEFD"}


@lru_cache(None)
def _dtypes_beside(accepts: str) -> dict[type, str]:
    return {t: "".join(c for c in chars if c in accepts) for t, chars in _DTYPES_BESIDE.items()}


def apply_unary(function: Elementwise, x: Any):
    """`numpy.util.apply_unary`: binds the primitive at once for an array whose dtype needs no promotion."""
    if isinstance(x, Array) and x.dtype.char in function.accepts and not (x.weak_type and x.dtype.char == "?"):
        return function.primitive.bind(x)
    return function.promoted(x)


def apply_binary(function: Elementwise, x: Any, y: Any):
    """`numpy.util.apply_binary`: binds the primitive at once for two arrays of one dtype, or an array and a Python number."""
    if isinstance(x, Array):
        primitive, promoted, accepts = function
        return _of_array(primitive, promoted, accepts, _dtypes_beside(accepts), x, y)
    return function.promoted(x, y)


def _of_array(primitive: Primitive, promoted: Callable, accepts: str, beside: dict[type, str], x: Array, y: Any):
    """What `promoted(x, y)` gives.

    If both have one dtype of the characters `accepts`, and one weak type, or y is a Python number that takes the dtype of x,
    `promoted` would only make the ranks equal and bind the primitive.
    """
    chars = beside.get(type(y))
    if chars is not None:
        dtype = x.dtype
        if dtype.char in chars:
            return primitive.bind(x, scalar_operand(y, dtype, x.weak_type))
    elif isinstance(y, Array):
        dtype = x.dtype
        if dtype is y.dtype and dtype.char in accepts and x.weak_type is y.weak_type:
            shape, other = x.shape, y.shape
            # What promotion gives is never a weak boolean: of `(x > 1) | (x < 0)`, for a number x, the operands are weak.
            if x.weak_type and dtype.char == "?":
                return promoted(x, y)
            if shape == other or not shape or not other:
                return primitive.bind(x, y)
            return primitive.bind(*promote_shapes(x, y))
    return promoted(x, y)


def operator_of(function: Callable, symbol: str, reflected: bool = False, refuses: tuple[type, ...] = ()) -> Callable:
    """`numpy.operators.operator_of`, for a function that is one primitive."""
    operate = shortcuts.plain("numpy.operators:operator_of")(function, symbol, reflected, refuses)
    primitive = getattr(function, "primitive", None)
    if primitive is None:
        return operate
    accepts, beside = function.accepts, _dtypes_beside(function.accepts)
    bind = primitive.bind

    def operator(x: Array, y: Any):
        # `_of_array`, written out: a call costs a twentieth of `x + y`.
        chars = beside.get(type(y))
        if chars is not None:
            dtype = x.dtype
            if dtype.char in chars:
                return bind(x, scalar_operand(y, dtype, x.weak_type))
        elif isinstance(y, Array):
            dtype = x.dtype
            if dtype is y.dtype and dtype.char in accepts and x.weak_type is y.weak_type:
                shape, other = x.shape, y.shape
                if x.weak_type and dtype.char == "?":
                    return operate(x, y)
                if shape == other or not shape or not other:
                    return bind(x, y)
                return bind(*promote_shapes(x, y))
        return operate(x, y)

    def reflected_operator(y: Array, x: Any):
        chars = beside.get(type(x))
        if chars is not None:
            dtype = y.dtype
            if dtype.char in chars:
                return bind(scalar_operand(x, dtype, y.weak_type), y)
        return operate(y, x)

    return reflected_operator if reflected else operator


ROUTES = {
    "numpy.util:apply_unary": apply_unary,
    "numpy.util:apply_binary": apply_binary,
    "numpy.operators:operator_of": operator_of,
}
