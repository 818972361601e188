"""Functions with derivative rules of their own (`jax.custom_derivatives`). They are defined in `api/custom_derivatives.py`."""

from typing import TYPE_CHECKING

from .api.custom_derivatives import (
    CustomVJPPrimal,
    SymbolicZero,
    closure_convert,
    custom_gradient,
    custom_jvp,
    custom_jvp_call_p,
    custom_vjp,
    custom_vjp_call_p,
    custom_vjp_primal_tree_values,
    zero_from_primal,
)
from .foundation.doors import at_the_door, on_demand

__all__ = [
    "CustomVJPPrimal",
    "SymbolicZero",
    "closure_convert",
    "custom_gradient",
    "custom_jvp",
    "custom_jvp_call_p",
    "custom_vjp",
    "custom_vjp_call_p",
    "custom_vjp_primal_tree_values",
    "linear_call",
    "zero_from_primal",
]

if TYPE_CHECKING:
    from .api.linear_call import linear_call
else:
    # A type checker that saw the function would accept every name.
    __getattr__ = on_demand(globals(), (), {".api.linear_call": "linear_call"})

at_the_door(globals(), lazy=["linear_call"])
