"""`precision=` of products: `lax.Precision`, or an algorithm of `dot_algorithms.py`.

XLA has quicker, less exact products on some machines; NumPy has one kind. (JAX: `_src/lax/lax.py`.)
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from importlib import import_module
from typing import Any

from ..foundation.config import DOT_ALGORITHMS, default_precision


class Precision(enum.Enum):
    """How exact products are (`lax.Precision`). XLA has quicker, less exact products on some machines; NumPy has one kind.

    >>> Precision("highest")
    Precision.HIGHEST
    """

    DEFAULT = 0
    HIGH = 1
    HIGHEST = 2

    @classmethod
    def _missing_(cls, value):
        return cls.__members__.get(PRECISIONS.get("default" if value is None else value, ""))

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    def __str__(self) -> str:
        return self.name


# {JAX's name of a precision: XLA's name}.
PRECISIONS = {
    **dict.fromkeys(("default", "fastest", "bfloat16"), "DEFAULT"),
    **dict.fromkeys(("high", "bfloat16_3x", "tensorfloat32"), "HIGH"),
    **dict.fromkeys(("highest", "float32"), "HIGHEST"),
}


class Algorithm:
    """The base class of `lax.DotAlgorithm` and its presets. `dot_algorithms.py` has both: few programs import it."""

    __slots__ = ()

    # (dtype of x, of y, of the result, platform) -> the dtypes of x, y and the result that the product is computed in.
    computing_dtypes: Callable[..., tuple[Any, Any, Any]]


Precisions = tuple[Precision, Precision] | Algorithm | None


def precisions(precision: Any) -> Precisions:
    """The precisions of both operands, or an algorithm, or None: from a name, a `Precision`, a pair of either, or an algorithm.
    Raises ValueError for others."""
    if precision is None:
        precision = default_precision()
        if precision is None:
            return None
    if isinstance(precision, Algorithm):
        return precision
    if isinstance(precision, str) and precision in ("DEFAULT", *DOT_ALGORITHMS):
        return import_module("minijax.primitives.dot_algorithms").DotAlgorithmPreset[precision]
    pair = tuple(precision) if isinstance(precision, (tuple, list)) and len(precision) == 2 else (precision, precision)
    kind = str if isinstance(pair[0], str) else Precision
    if not all(isinstance(p, kind) and (kind is Precision or p in PRECISIONS) for p in pair):
        raise ValueError(
            f"Precision argument must be None, one of {sorted(PRECISIONS)}, a lax.Precision value, a tuple of two strings or of two"
            f" lax.Precision values, a lax.DotAlgorithm, or a lax.DotAlgorithmPreset or its name; got {precision!r}"
        )
    return Precision(pair[0]), Precision(pair[1])


__all__ = ["Algorithm", "PRECISIONS", "Precision", "precisions"]
