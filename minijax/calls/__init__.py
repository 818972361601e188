"""Primitives that carry jaxprs, and primitives that call back into Python.

Import the registry of primitives from here to get every primitive: the modules that many programs do without come with it.
"""

from importlib import import_module
from typing import Any

from ..foundation.doors import on_demand
from ..primitives import basis
from . import custom_derivatives, jit, scatter_apply

_ON_DEMAND = (
    "callbacks checkpoint composite cond custom_batching linear_call linear_solve reductions scan shard_map while_loop"
).split()
_ROWS_ON_DEMAND = (
    "approx_top_k bessel collectives convolution extreme_scatters fft gamma incomplete ragged reduce_windows sinks"
).split()

__all__ = [
    *_ON_DEMAND,
    "custom_derivatives",
    "jit",
    "registry",
    "scatter_apply",
]


_find = on_demand(globals(), _ON_DEMAND, {})


def __getattr__(name: str) -> Any:
    if name != "registry":
        return _find(name)
    for module in (*_ON_DEMAND, *[f".primitives.{rows}" for rows in _ROWS_ON_DEMAND]):
        import_module(f".{module}", __name__)
    return basis.registry
