"""Kernel activation functions: activations that are learnt, one for each unit of a network.

Scardapane, Van Vaerenbergh, Totaro, Uncini: Kafnets, Neural Networks 110 (2019), arXiv 1707.04035. Written once, run on
minijax (to look inside) or on JAX (for speed): see `kaf.use_backend`. `kaf.equinox` and `kaf.nnx` hold the modules for
Equinox and Flax.
"""

from . import losses, optim
from .backend import Backend, get_backend, optional_module, use_backend
from .checkpoint import Checkpoint, CheckpointError
from .functional import kaf
from .grid import Grid
from .init import (
    Resized,
    RidgeFit,
    fit_to_data,
    random_alpha,
    resize_alpha,
    ridge_alpha,
    share_out_of_range,
    variance_preserving_scale,
)
from .kernels import KERNELS, gauss_kernel
from .layers import KAF, KAFNet, Linear, num_parameters
from .train import TrainResult, fit, steps_per_epoch
from .variants import KAF2D, ComplexKAF, GatedKAF, KANLayer, MultiKAF

__all__ = [
    "KAF",
    "KAF2D",
    "KERNELS",
    "Backend",
    "Checkpoint",
    "CheckpointError",
    "ComplexKAF",
    "GatedKAF",
    "Grid",
    "KAFNet",
    "KANLayer",
    "Linear",
    "MultiKAF",
    "Resized",
    "RidgeFit",
    "TrainResult",
    "fit",
    "fit_to_data",
    "gauss_kernel",
    "get_backend",
    "kaf",
    "losses",
    "num_parameters",
    "optim",
    "random_alpha",
    "resize_alpha",
    "ridge_alpha",
    "share_out_of_range",
    "steps_per_epoch",
    "use_backend",
    "variance_preserving_scale",
]


def __getattr__(name: str):
    # What is not needed for anything else is imported when it is asked for: Equinox, Flax, Pallas.
    if name in ("equinox", "nnx", "pallas"):
        return optional_module(name)
    raise AttributeError(f"module 'kaf' has no attribute {name!r}")
