"""`dce_sink`: an equation without results that keeps its operand from being dropped as dead code (`lax.dce_sink`)."""

from __future__ import annotations

from typing import Any

from ..core.array import to_array
from ..core.avals import Zero
from ..core.traces import Array
from ..foundation.effects import no_dce_effect
from ..foundation.pytrees import tree_leaves
from .basis import row


def _jvp(primals, tangents, **params):
    for x in (*primals, *[t for t in tangents if type(t) is not Zero]):
        dce_sink_p.bind(x, **params)
    return [], []


dce_sink_p = row(
    "dce_sink",
    impl=lambda x, **params: [],
    abstract_eval=lambda aval, **params: [],
    jvp=_jvp,
    transpose="it has no results: no cotangent reaches it",
    # As in JAX: a batch has no sink.
    batch=lambda axis, args, dims, **params: ([], []),
    multiple_results=True,
    effects=lambda params: frozenset({no_dce_effect}),
)


def dce_sink(val: Any, *, prevent_mlir_dce: bool = False) -> None:
    """Keep the equations that compute the arrays of a tree, though no result needs them (`lax.dce_sink`).

    The compilers still drop what no result needs.

    >>> import minijax as jax
    >>> print(jax.make_jaxpr(lambda x: dce_sink(2 * x))(1.0))
    { lambda ; a:f32[]. let
        b:f32[] = mul 2.0:f32[] a
        dce_sink[prevent_mlir_dce=False] b
      in () }
    """
    for x in tree_leaves(val):
        dce_sink_p.bind(x if isinstance(x, Array) else to_array(x), prevent_mlir_dce=prevent_mlir_dce)
