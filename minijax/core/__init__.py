"""Values, primitives, traces, jaxprs, and how a function becomes a jaxpr. This is also the door of `jax.core`."""

from ..foundation.doors import at_the_door
from .avals import AbstractValue, ShapedArray, UndefinedPrimal, Zero, is_undefined_primal, typematch
from .jaxpr import Atom, eval_jaxpr
from .primitive import Absent, Primitive
from .traces import (
    Array,
    Trace,
    Tracer,
    axis_env,
    current_trace,
    get_aval,
    is_constant_dim,
    pytype_aval_mappings,
    run_to_end,
    run_under,
    shaped_abstractify,
)

__all__ = [
    "Absent", "AbstractValue", "Array", "Atom", "Primitive", "ShapedArray", "Trace", "Tracer", "UndefinedPrimal", "Zero",
    "axis_env", "current_trace", "eval_jaxpr", "get_aval", "is_constant_dim", "is_undefined_primal",
    "pytype_aval_mappings", "run_to_end", "run_under", "shaped_abstractify", "typematch",
]  # fmt: skip

at_the_door(globals())
