"""Functions with derivative rules of their own (`jax.custom_derivatives`). They are defined in `api/custom_derivatives.py`."""

from .api.custom_derivatives import (
    CustomVJPPrimal,
    SymbolicZero,
    closure_convert,
    custom_gradient,
    custom_jvp,
    custom_vjp,
    zero_from_primal,
)
from .foundation.doors import at_the_door

__all__ = [
    "CustomVJPPrimal",
    "SymbolicZero",
    "closure_convert",
    "custom_gradient",
    "custom_jvp",
    "custom_vjp",
    "zero_from_primal",
]

at_the_door(globals())
