"""`jax.scipy`: functions of SciPy, whose names and arguments they have. The modules are imported when first asked for."""

from typing import TYPE_CHECKING

from ..foundation.doors import on_demand
from . import special

_ON_DEMAND = (
    "cluster",
    "fft",
    "integrate",
    "interpolate",
    "linalg",
    "ndimage",
    "optimize",
    "signal",
    "sparse",
    "spatial",
    "stats",
)

if TYPE_CHECKING:
    from . import cluster, fft, integrate, interpolate, linalg, ndimage, optimize, signal, sparse, spatial, stats
else:
    # A type checker that saw the function would accept every name.
    __getattr__ = on_demand(globals(), _ON_DEMAND, {})


__all__ = [
    "cluster",
    "fft",
    "integrate",
    "interpolate",
    "linalg",
    "ndimage",
    "optimize",
    "signal",
    "sparse",
    "spatial",
    "special",
    "stats",
]
