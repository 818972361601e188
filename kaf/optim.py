"""`kaf.optim`: optimizers and schedules by optax's convention. A door to `kaf/train/optim.py`."""

from .train.optim import (
    AdamState,
    Optimizer,
    SGDState,
    adam,
    apply_updates,
    carry_over,
    chain,
    clip_by_global_norm,
    cosine_decay_schedule,
    decay_apart,
    exponential_decay,
    piecewise_constant_schedule,
    sgd,
    warmup_cosine_decay_schedule,
)

__all__ = [
    "AdamState",
    "Optimizer",
    "SGDState",
    "adam",
    "apply_updates",
    "carry_over",
    "chain",
    "clip_by_global_norm",
    "cosine_decay_schedule",
    "decay_apart",
    "exponential_decay",
    "piecewise_constant_schedule",
    "sgd",
    "warmup_cosine_decay_schedule",
]
