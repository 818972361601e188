"""`lax.DotAlgorithm`: in which dtypes a product is computed, and the presets that some machine has.

NumPy computes in the dtypes that an algorithm names: it casts the operands first. (JAX: `_src/lax/lax.py`.)
"""

from __future__ import annotations

import enum
from typing import Any, NamedTuple

import numpy as np

from ..core.types import DTypeLike
from ..foundation.dtypes import as_dtype, promote_types
from .precision import Algorithm


def _not_on_cpu(algorithm: Algorithm) -> ValueError:
    return ValueError(f"The precision '{algorithm}' is not supported by dot_general on CPU")


class _DotAlgorithm(NamedTuple):
    lhs_precision_type: DTypeLike
    rhs_precision_type: DTypeLike
    accumulation_type: DTypeLike
    lhs_component_count: int = 1
    rhs_component_count: int = 1
    num_primitive_operations: int = 1
    allow_imprecise_accumulation: bool = False


class DotAlgorithm(_DotAlgorithm, Algorithm):
    """How a product is computed: the dtypes that its operands are rounded to, and that of its sums (`lax.DotAlgorithm`).

    The counts are those of an algorithm that splits each operand into several numbers of a narrower dtype. As in JAX, a CPU
    computes by a `DotAlgorithmPreset` alone: a product by another algorithm raises ValueError when it runs.

    >>> DotAlgorithm("float16", "float16", "float32").accumulation_type
    'float32'
    """

    __slots__ = ()

    def computing_dtypes(self, x, y, out, platform: str = "cpu") -> tuple[Any, Any, Any]:
        if platform == "cpu":
            raise _not_on_cpu(self)
        return tuple(map(as_dtype, self[:3]))


class _Preset(NamedTuple):
    """operands: the dtypes that the algorithm takes; it casts others to the first. sums: the dtype that it adds in. products: the
    number of products of parts of the operands. on_cpu: whether a CPU computes by it."""

    operands: tuple[str, ...] = ("float32",)
    sums: str | None = "float32"
    products: int = 1
    on_cpu: bool = False


_EIGHT_BITS = ("float8_e4m3fn", "float8_e5m2", "float8_e5m2fnuz", "float8_e4m3fnuz", "float8_e4m3b11fnuz")
_PRESETS = {
    "DEFAULT": _Preset((), None, on_cpu=True),
    "ANY_F8_ANY_F8_F32": _Preset(()),
    "ANY_F8_ANY_F8_F32_FAST_ACCUM": _Preset(()),
    "ANY_F8_ANY_F8_ANY": _Preset((), None),
    "ANY_F8_ANY_F8_ANY_FAST_ACCUM": _Preset((), None),
    "F16_F16_F16": _Preset(("float16",), "float16", on_cpu=True),
    "F16_F16_F32": _Preset(("float16",)),
    "BF16_BF16_BF16": _Preset(("bfloat16", "float32"), "bfloat16"),
    "BF16_BF16_F32": _Preset(("bfloat16", "float32"), on_cpu=True),
    "BF16_BF16_F32_X3": _Preset(products=3, on_cpu=True),
    "BF16_BF16_F32_X6": _Preset(products=6, on_cpu=True),
    "BF16_BF16_F32_X9": _Preset(products=9),
    "TF32_TF32_F32": _Preset(),
    "TF32_TF32_F32_X3": _Preset(products=3),
    "F32_F32_F32": _Preset(on_cpu=True),
    "F64_F64_F64": _Preset(("float64",), "float64", on_cpu=True),
}


class DotAlgorithmPreset(Algorithm, enum.Enum):
    """The algorithms of products that some machine has (`lax.DotAlgorithmPreset`), named by the dtypes of the operands and of the
    sums. X3: each operand is split into parts, whose products, three in all, are added.

    `precision="F32_F32_F32"` names one, too. A CPU has DEFAULT, F16_F16_F16, F32_F32_F32, F64_F64_F64 and BF16_BF16_F32, and of
    the last X3 and X6; a product by another one raises ValueError when it runs.

    >>> import minijax.numpy as jnp
    >>> jnp.dot(jnp.float32([1.0002, 2]), jnp.float32([1, 2]), precision=DotAlgorithmPreset.F16_F16_F16)
    Array(5., dtype=float32)
    """

    DEFAULT = 1
    ANY_F8_ANY_F8_F32 = 2
    ANY_F8_ANY_F8_F32_FAST_ACCUM = 3
    ANY_F8_ANY_F8_ANY = 4
    ANY_F8_ANY_F8_ANY_FAST_ACCUM = 5
    F16_F16_F16 = 6
    F16_F16_F32 = 7
    BF16_BF16_BF16 = 8
    BF16_BF16_F32 = 9
    BF16_BF16_F32_X3 = 10
    BF16_BF16_F32_X6 = 11
    BF16_BF16_F32_X9 = 12
    TF32_TF32_F32 = 13
    TF32_TF32_F32_X3 = 14
    F32_F32_F32 = 15
    F64_F64_F64 = 16

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    def __str__(self) -> str:
        return self.name

    @property
    def supported_lhs_types(self) -> tuple[DTypeLike, ...] | None:
        """The dtypes of a first operand that is not cast, or None for all."""
        return tuple(as_dtype(name).type for name in _PRESETS[self.name].operands) or None

    @property
    def supported_rhs_types(self) -> tuple[DTypeLike, ...] | None:
        """The dtypes of a second operand that is not cast, or None for all."""
        return self.supported_lhs_types

    @property
    def accumulation_type(self) -> DTypeLike | None:
        """The dtype of the sums; None for that of the result."""
        sums = _PRESETS[self.name].sums
        return None if sums is None else as_dtype(sums).type

    def supported_output_types(self, lhs_dtype: DTypeLike, rhs_dtype: DTypeLike) -> tuple[DTypeLike, ...] | None:
        """The dtypes of results that the algorithm computes without a cast, or None for all."""
        if self.name.startswith("ANY_F8_ANY_F8_F32"):
            names: tuple[str, ...] = ("float32", "float16", "bfloat16", *_EIGHT_BITS)
        elif self.name in ("F16_F16_F32", "BF16_BF16_F32"):
            narrow = {"F": "float16", "B": "bfloat16"}[self.name[0]]
            names = ("float32", narrow) if promote_types(lhs_dtype, rhs_dtype) == as_dtype(narrow) else ("float32",)
        else:
            return None if self.accumulation_type is None else (self.accumulation_type,)
        return tuple(as_dtype(name).type for name in names)

    def computing_dtypes(self, x, y, out, platform: str = "cpu") -> tuple[Any, Any, Any]:
        """The dtypes of the operands and of the result that the product is computed in, for those that it has.

        Raises ValueError for an algorithm that a CPU does not have, in JAX's words.
        """
        if platform == "cpu" and not _PRESETS[self.name].on_cpu:
            raise _not_on_cpu(self)

        def nearest(dtype, supported):
            return dtype if supported is None or dtype in supported else np.dtype(supported[0])

        x, y = nearest(x, self.supported_lhs_types), nearest(y, self.supported_rhs_types)
        return x, y, nearest(out, self.supported_output_types(x, y))


def parts(algorithm: Algorithm, x, y) -> tuple:
    """(dtype of x, of y, of the sums; numbers of parts of x and y; number of products; whether sums may be less exact), as
    StableHLO asks for it; "tf32" stands for a dtype that only accelerators have. Empty for the default."""
    if isinstance(algorithm, DotAlgorithm):
        return (*map(as_dtype, algorithm[:3]), *algorithm[3:])
    if algorithm is DotAlgorithmPreset.DEFAULT:
        return ()
    preset, name = _PRESETS[algorithm.name], algorithm.name
    narrow = {"TF": "tf32", "BF": as_dtype("bfloat16")}.get(name[:2]) if preset.operands else None
    of_x, of_y = (narrow, narrow) if narrow else (x, y)
    sums = as_dtype(preset.sums or "float32")
    return of_x, of_y, sums, 1, 1, preset.products, name.endswith("FAST_ACCUM")


__all__ = ["DotAlgorithm", "DotAlgorithmPreset", "parts"]
