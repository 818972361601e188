"""Kernel activation functions: activations that are learnt, one for each unit of a network.

Scardapane, Van Vaerenbergh, Totaro, Uncini: Kafnets, Neural Networks 110 (2019), arXiv 1707.04035. Written once, run on
minijax (to look inside) or on JAX (for speed): see `kaf.use_backend`. `kaf.equinox` holds the Equinox module.
"""

import importlib

from . import losses, optim
from .backend import Backend, get_backend, use_backend
from .checkpoint import Checkpoint, CheckpointError
from .functional import kaf
from .grid import Grid
from .init import RidgeFit, random_alpha, ridge_alpha
from .kernels import gauss_kernel
from .layers import KAF, KAFNet, Linear, num_parameters
from .train import TrainResult, fit, steps_per_epoch

__all__ = [
    "KAF",
    "Backend",
    "Checkpoint",
    "CheckpointError",
    "Grid",
    "KAFNet",
    "Linear",
    "RidgeFit",
    "TrainResult",
    "fit",
    "gauss_kernel",
    "get_backend",
    "kaf",
    "losses",
    "num_parameters",
    "optim",
    "random_alpha",
    "ridge_alpha",
    "steps_per_epoch",
    "use_backend",
]


def __getattr__(name: str):
    # Equinox is not needed for anything else: `kaf.equinox` is imported when it is asked for.
    if name == "equinox":
        return importlib.import_module("kaf.equinox")
    raise AttributeError(f"module 'kaf' has no attribute {name!r}")
