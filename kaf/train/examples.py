"""The examples of a training: checked, cut into batches, and some of them held out for validation."""

from __future__ import annotations

from typing import Any

import numpy

from .checkpoint import digest


class Examples:
    """Checked examples x [n, ...] and y [n, ...]. Indexing with row numbers gives a batch."""

    def __init__(self, x: numpy.ndarray, y: numpy.ndarray, name: str = ""):
        if not x.ndim or not y.ndim or len(x) != len(y) or len(x) == 0:
            raise ValueError(
                f"fit: {name}x and y must hold the same number of examples, one or more; shapes {x.shape} and {y.shape}."
            )
        _check_finite(f"{name}x", x)
        _check_finite(f"{name}y", y)
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
        return self.x[rows], self.y[rows]

    def digest(self) -> str:
        """A fingerprint of the examples, by which a checkpoint recognises its data."""
        return digest(self.x, self.y)


def _check_finite(name: str, array: numpy.ndarray) -> None:
    if array.dtype.kind not in "biufV":
        raise ValueError(f"fit: {name} must hold numbers; its dtype is {array.dtype}.")
    # One example after the other, because a mask of the whole array could need as much memory as the array.
    bad = next((i for i, row in enumerate(array) if not numpy.isfinite(row).all()), None) if _has_bad(array) else None
    if bad is not None:
        raise ValueError(f"fit: {name}[{bad}] is NaN or infinite; replace it or remove the example.")


def _has_bad(array: numpy.ndarray) -> bool:
    # A finite sum has finite terms only. A sum that is not finite may have overflowed, and `_check_finite` then looks closer.
    with numpy.errstate(over="ignore", invalid="ignore"):
        return array.dtype.kind in "fV" and not numpy.isfinite(array.sum(dtype=numpy.float64))


def hold_out(examples: Examples, validation: float | tuple[Any, Any], seed: int) -> tuple[Examples, Examples]:
    """(training examples, validation examples).

    `validation` is (x, y), or the share of the examples to hold out, which are drawn by `seed`. Raises ValueError if the share
    leaves nothing to train or to hold out.
    """
    if isinstance(validation, tuple):
        x, y = validation
        return examples, Examples(numpy.asarray(x), numpy.asarray(y), "the validation's ")
    n = len(examples)
    count = round(n * validation)
    if not 0 < count < n:
        raise ValueError(
            f"fit: validation={validation:g} of {n} examples leaves {n - count} to train and {count} to hold out."
        )
    # Not the generator that shuffles, so that the order of the batches does not depend on the validation.
    order = numpy.random.default_rng([seed, 1]).permutation(n)
    return Examples(*examples[order[count:]]), Examples(*examples[order[:count]])
