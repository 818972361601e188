"""Kernel activation functions (KAFs): activation functions that are trained, one for each unit of a network.

Source: Scardapane, Van Vaerenbergh, Totaro, Uncini: Kafnets, Neural Networks 110 (2019), arXiv 1707.04035. The code is written
once and runs on minijax (to look inside) or on JAX (for speed); see `kaf.use_backend`. `kaf.equinox` and `kaf.nnx` have the
KAF as a module of Equinox and of Flax.

The rooms, in the order of their imports: `functional` (the function of plain arrays), `layers`, `train`, `export`, `experiments`
and `cli` (the command `kaf`). The other files are doors, short modules that keep public import paths.
"""

from typing import TYPE_CHECKING, Any

from . import losses, optim
from .backend import Backend, get_backend, optional_module, use_backend
from .functional.activation import kaf
from .functional.grid import Grid
from .functional.init import (
    Resized,
    RidgeFit,
    fit_to_data,
    random_alpha,
    resize_alpha,
    ridge_alpha,
    share_out_of_range,
    variance_preserving_scale,
)
from .functional.kernels import KERNELS, gauss_kernel
from .layers.kan import KAN, Edge, KANLayer
from .layers.plain import KAF, KAFNet, Linear, num_parameters
from .layers.variants import KAF2D, ComplexKAF, GatedKAF, MultiKAF
from .train.checkpoint import Checkpoint, CheckpointError
from .train.loop import TrainResult, fit, steps_per_epoch
from .train.saving import ModelFileError, load, save

__all__ = [
    "KAF",
    "KAF2D",
    "KAN",
    "KERNELS",
    "Backend",
    "Checkpoint",
    "CheckpointError",
    "ComplexKAF",
    "Edge",
    "GatedKAF",
    "Grid",
    "KAFNet",
    "KANLayer",
    "Linear",
    "ModelFileError",
    "MultiKAF",
    "Resized",
    "RidgeFit",
    "TrainResult",
    "fit",
    "fit_to_data",
    "gauss_kernel",
    "get_backend",
    "kaf",
    "load",
    "losses",
    "num_parameters",
    "optim",
    "random_alpha",
    "resize_alpha",
    "ridge_alpha",
    "save",
    "share_out_of_range",
    "steps_per_epoch",
    "use_backend",
    "variance_preserving_scale",
]


# Doors that are imported when a program asks for them. Equinox, Flax and Pallas need packages that kaf itself does not need.
_LAZY_DOORS = (
    "equinox",
    "export",
    "grid",
    "kernels",
    "nnx",
    "pallas",
    "parallel",
    "plot",
    "sklearn",
    "symbolic",
    "variants",
)


if TYPE_CHECKING:
    from . import equinox, export, grid, kernels, nnx, pallas, parallel, plot, sklearn, symbolic, variants  # noqa: F401  (attributes for a type checker)
else:
    # A type checker that saw the function would accept every name.
    def __getattr__(name: str) -> Any:
        if name in _LAZY_DOORS:
            return optional_module(name)
        raise AttributeError(f"module 'kaf' has no attribute {name!r}")
