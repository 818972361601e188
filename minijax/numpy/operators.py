"""The operators of arrays and tracers: `x + y`, `x < 1`. `install` puts them on `core.Array`.

An operator returns NotImplemented for operands that are no arrays, so that Python asks the other operand's class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.traces import Array
from . import arithmetic, ufuncs
from .util import PYTHON_SCALARS, unwrap

_OPERANDS = (*PYTHON_SCALARS, np.generic, np.ndarray, Array)


def _is_operand(x: Any) -> bool:
    return isinstance(x, _OPERANDS)


def operator_of(function: Callable, symbol: str, reflected: bool = False, refuses: tuple[type, ...] = ()) -> Callable:
    """An operator made of a function of two arguments. `refuses`: classes for which it raises TypeError at once, as JAX does,
    instead of asking the other class."""

    def operate(x, y):
        y = unwrap(y)
        if _is_operand(y):
            return function(y, x) if reflected else function(x, y)
        if type(y) in refuses:
            names = (type(y).__name__, type(x).__name__) if reflected else (type(x).__name__, type(y).__name__)
            raise TypeError(f"unsupported operand type(s) for {symbol}: {names[0]!r} and {names[1]!r}")
        return NotImplemented

    return operate


_SEQUENCES = (tuple, list)
_CONTAINERS = (dict, list, set, tuple)

_arithmetic = {
    "add": (ufuncs.add, "+", _SEQUENCES),
    "sub": (ufuncs.subtract, "-", ()),
    "mul": (ufuncs.multiply, "*", _SEQUENCES),
    "truediv": (ufuncs.true_divide, "/", ()),
    "floordiv": (arithmetic.floor_divide, "//", ()),
    "mod": (arithmetic.remainder, "%", ()),
    "divmod": (arithmetic.divmod, "divmod", ()),
    "pow": (arithmetic.power, "**", ()),
    "and": (ufuncs.bitwise_and, "&", ()),
    "or": (ufuncs.bitwise_or, "|", ()),
    "xor": (ufuncs.bitwise_xor, "^", ()),
    "lshift": (ufuncs.left_shift, "<<", ()),
    "rshift": (ufuncs.right_shift, ">>", ()),
}
_comparisons = {
    "eq": (ufuncs.equal, "==", _CONTAINERS),
    "ne": (ufuncs.not_equal, "!=", _CONTAINERS),
    "lt": (ufuncs.less, "<", ()),
    "le": (ufuncs.less_equal, "<=", ()),
    "gt": (ufuncs.greater, ">", ()),
    "ge": (ufuncs.greater_equal, ">=", ()),
}


def install(cls: type):
    """Give the operators to a class of arrays."""
    for name, (function, symbol, refuses) in {**_arithmetic, **_comparisons}.items():
        setattr(cls, f"__{name}__", operator_of(function, symbol, False, refuses))
    for name, (function, symbol, refuses) in _arithmetic.items():
        setattr(cls, f"__r{name}__", operator_of(function, symbol, True, refuses))
    for name, function in (("neg", ufuncs.negative), ("pos", ufuncs.positive), ("abs", ufuncs.abs)):
        setattr(cls, f"__{name}__", function)
    cls.__invert__ = ufuncs.invert
