"""`composite`: an operation that has a name, and a decomposition into other operations, which is a jaxpr.

A compiler that knows the name computes the operation its own way; NumPy runs the decomposition. As in JAX, a composite has no
derivative and no batch: its decomposition may not be what the compiler runs. (JAX: `_src/lax/lax.py`.)
"""

from __future__ import annotations

from typing import Any

from ..lowering.compile import compile_jaxpr
from ..primitives.basis import call_row


class HashableArray:
    """A NumPy array among the attributes of a composite."""

    __slots__ = ("val",)

    def __init__(self, val: Any):
        self.val = val

    def __repr__(self) -> str:
        return f"HashableArray({self.val!r})"

    def __hash__(self) -> int:
        return hash((self.val.shape, self.val.dtype, self.val.tobytes()))

    def __eq__(self, other) -> bool:
        same = isinstance(other, HashableArray) and self.val.dtype == other.val.dtype
        return same and self.val.shape == other.val.shape and self.val.tobytes() == other.val.tobytes()


def _without(rule: str):
    def refuse(*args, name: str, **params):
        raise ValueError(
            f"{rule} rule for composite not implemented: the derivative of {name!r} is not that of its decomposition. Wrap the"
            " composite in a `jax.custom_jvp` or `jax.custom_vjp` function, which defines the derivative."
        )

    return refuse


composite_p = call_row(
    "composite",
    impl=lambda *args, jaxpr, **params: compile_jaxpr(jaxpr)(*args),
    abstract_eval=lambda *avals, jaxpr, **params: jaxpr.out_avals,
    jvp=lambda primals, tangents, **params: _without("JVP")(**params),
    transpose=_without("Transpose"),
    batch="as in JAX; make the composite of a function of the whole batch",
    called_jaxpr=lambda params: params["jaxpr"],
)
