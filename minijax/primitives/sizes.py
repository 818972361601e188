"""Sizes, counts and axes that users give: as Python's integers, or refused as JAX refuses them."""

from __future__ import annotations

import operator
from typing import Any

from ..core.traces import Tracer
from ..foundation import errors
from ..foundation.tracebacks import hide_our_frames


def known_value(x: Any, what: str) -> Any:
    """The value of a tracer, or `x` itself. Raises ConcretizationTypeError for a tracer without a known value."""
    return x._concrete(errors.concretization, what) if isinstance(x, Tracer) else x


def static_int(x: Any, what: str = "axis") -> int:
    """The integer. Raises ConcretizationTypeError for a tracer without a known value, whatever its dtype."""
    try:
        return operator.index(known_value(x, what))
    except Exception as error:
        hide_our_frames(error)
        raise


def concrete_sizes(shape: Any) -> tuple[int, ...]:
    """A shape, or a single Python integer, as a tuple of ints, which may be negative: reshape takes -1. Raises TypeError for a
    tracer and, as JAX does in lax and random, for a single number of NumPy's or an array without axes."""
    try:
        if isinstance(shape, int):
            shape = (shape,)
        try:
            return tuple(operator.index(d) for d in shape)
        except TypeError as error:
            raise TypeError(
                f"Shapes must be 1D sequences of concrete values of integer type, got {shape}."
                " A traced value cannot be a size: mark the argument static with jit's static_argnums."
            ) from error
    except Exception as error:
        hide_our_frames(error)
        raise
