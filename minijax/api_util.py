"""Helpers of those who write transformations (`jax.api_util`). They are defined in `extend/flattening.py`.

>>> safe_map(max, [1, 5], [4, 2])
[4, 5]
"""

from .core.traces import shaped_abstractify
from .extend.flattening import debug_info, flatten_fun, flatten_fun_nokwargs, safe_map
from .foundation.doors import at_the_door
from .foundation.pytrees import flatten_axes

__all__ = [
    "debug_info",
    "flatten_axes",
    "flatten_fun",
    "flatten_fun_nokwargs",
    "safe_map",
    "shaped_abstractify",
]

at_the_door(globals())
