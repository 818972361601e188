"""Training: the loop, its losses and optimizers, checkpoints, several devices, and many seeds at once."""

from .checkpoint import Checkpoint, CheckpointError, CheckpointWarning
from .loop import LOSSES, TrainResult, fit, make_step, steps_per_epoch
from .optim import Optimizer
from .parallel import ParallelError, data_mesh, join

__all__ = [
    "LOSSES",
    "Checkpoint",
    "CheckpointError",
    "CheckpointWarning",
    "Optimizer",
    "ParallelError",
    "TrainResult",
    "data_mesh",
    "fit",
    "join",
    "make_step",
    "steps_per_epoch",
]
