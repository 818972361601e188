"""`kaf.losses`: the losses of training. A door to `kaf/train/losses.py`."""

from .train.losses import (
    accuracy,
    binary_cross_entropy,
    cross_entropy,
    has_alpha,
    l2_alpha,
    mean_squared_error,
    sparsity,
)

__all__ = [
    "accuracy",
    "binary_cross_entropy",
    "cross_entropy",
    "has_alpha",
    "l2_alpha",
    "mean_squared_error",
    "sparsity",
]
