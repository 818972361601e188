"""`jax.scipy`: functions of SciPy, whose names and arguments they have. The modules are imported when first asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
    def __getattr__(name: str) -> Any:
        if name in _ON_DEMAND:
            return import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
