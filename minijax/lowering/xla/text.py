"""Types and constants as StableHLO's text: `tensor<2x3xf32>`, `dense<[1.0, 2.0]>`, exact to the bit.

StableHLO has no type for random keys and for float0, the tangents of integers. A key is stored as its two words, along a
last axis; a float0, which holds nothing, is stored as a bool. A number of 2 or 4 bits, several of which XLA packs into a byte, is
stored as a wider number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...core.avals import ShapedArray
from ...foundation.dtypes import (
    NARROW_FLOATS,
    NARROW_INTS,
    dtype_char,
    float0,
    is_narrow,
    itemsize_bits,
    key_fry,
    wide_dtype,
)

BOOL, INT32, UINT32 = (np.dtype(name) for name in ("bool", "int32", "uint32"))

# {NumPy's letter of a dtype (E is bfloat16): StableHLO's type}.
_ELEMENTS = {
    "?": "i1",
    **dict(zip("efdE", ("f16", "f32", "f64", "bf16"))),
    **dict(zip("FD", ("complex<f32>", "complex<f64>"))),
    **{np.dtype(letter).char: f"i{8 * np.dtype(letter).itemsize}" for letter in "bhilq"},
    **{np.dtype(letter).char: f"ui{8 * np.dtype(letter).itemsize}" for letter in "BHILQ"},
    # `float8_e4m3fn` is `f8E4M3FN`, `uint4` is `ui4`.
    **{char: "f" + name[5:].replace("_", "").upper() for name, char in NARROW_FLOATS.items()},
    **{char: name.replace("nt", "") for name, char in NARROW_INTS.items()},
}

# A constant of more elements is written as its bytes.
READABLE = 64


class Value(NamedTuple):
    """A value of the program: its type, and the name that it has in the text.

    A constant has no name until it is used. `constant` is its array, or a scalar for an array full of one number.
    """

    aval: ShapedArray
    name: str | None
    constant: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.aval.shape

    @property
    def dtype(self) -> np.dtype:
        return self.aval.dtype

    @property
    def type(self) -> str:
        return tensor(self.aval)


def physical(aval: ShapedArray) -> ShapedArray:
    """The type by which a value of the given type is stored."""
    if aval.dtype == key_fry:
        return ShapedArray((*aval.shape, 2), UINT32)
    if aval.dtype == float0:
        return ShapedArray(aval.shape, BOOL)
    return aval.update(dtype=wide_dtype(aval.dtype)) if is_packed(aval.dtype) else aval


def is_packed(dtype) -> bool:
    """Whether XLA packs several elements of the dtype into a byte."""
    return is_narrow(dtype) and itemsize_bits(dtype) < 8


def physical_array(array: np.ndarray) -> np.ndarray:
    """The array by which a constant is stored."""
    if array.dtype == key_fry.storage:
        return np.stack([array["hi"], array["lo"]], axis=-1)
    if is_packed(array.dtype):
        return array.astype(wide_dtype(array.dtype))
    return np.zeros(array.shape, bool) if array.dtype == float0 else array


# ---------------------------------------------------------------------------------------------------------------------
# Types


def tensor(aval: ShapedArray) -> str:
    """`tensor<2x3xf32>`"""
    return f"tensor<{'x'.join([*map(str, aval.shape), _ELEMENTS[dtype_char(aval.dtype)]])}>"


def functional(operands: Sequence[Value], outs: Sequence[ShapedArray]) -> str:
    """`(tensor<f32>, tensor<f32>) -> tensor<f32>`"""
    results = [tensor(out) for out in outs]
    return f"({', '.join(x.type for x in operands)}) -> {results[0] if len(results) == 1 else tuple_text(results)}"


def tuple_text(texts: Sequence[str]) -> str:
    return f"({', '.join(texts)})"


def ints(xs: Sequence[int]) -> str:
    """`[0, 1]`"""
    return f"[{', '.join(map(str, xs))}]"


def boolean(x) -> str:
    return "true" if x else "false"


def i64_array(xs: Sequence[int]) -> str:
    """`array<i64: 0, 1>`"""
    return f"array<i64: {', '.join(map(str, xs))}>" if len(xs) else "array<i64>"


def i64_table(rows: Sequence[Sequence[int]]) -> str:
    """`dense<[[0, 1], [2, 3]]> : tensor<2x2xi64>`"""
    return f"dense<{ints([ints(r) for r in rows])}> : tensor<{len(rows)}x{len(rows[0])}xi64>"


# ---------------------------------------------------------------------------------------------------------------------
# Attributes


def quoted(text: str) -> str:
    """A string, between quotation marks."""
    return json.dumps(text)


def attribute(value) -> str:
    """A Python value as an attribute of an operation: `3 : i64`, `0.5 : f64`, `"text"`, `[1 : i64]`, `{a = true}`.

    Raises TypeError for a value that has no such form.
    """
    value = getattr(value, "val", value)
    if isinstance(value, (bool, np.bool_)):
        return boolean(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(attribute, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {attribute(x)}' for key, x in value.items())}}}"
    if isinstance(value, (np.ndarray, np.generic, int, float)):
        array = np.asarray(value)
        aval = ShapedArray(array.shape, array.dtype)
        if isinstance(value, np.ndarray):
            return f"{dense(array)} : {tensor(aval)}"
        return f"{number(array[()])} : {_ELEMENTS[dtype_char(array.dtype)]}"
    raise TypeError(
        f"An attribute is a number, a string, a NumPy array, or a list, tuple or dict of these; got {value!r}."
    )


# ---------------------------------------------------------------------------------------------------------------------
# Constants


def dense(array: np.ndarray) -> str:
    """`dense<1.0>` for an array of equal elements, `dense<[1.0, 2.0]>` for others, or their bytes if there are many. The
    elements of a bool array are always written out."""
    flat = array.reshape(-1)
    if not flat.size:
        return "dense<>"
    if flat.tobytes() == flat[:1].tobytes() * flat.size:
        return f"dense<{number(flat[0])}>"
    if flat.size > READABLE and array.dtype != BOOL:
        return f'dense<"0x{np.ascontiguousarray(array).tobytes().hex().upper()}">'
    return f"dense<{_nested(array)}>"


def _nested(array: np.ndarray) -> str:
    return ints([_nested(row) if row.ndim else number(row[()]) for row in map(np.asarray, array)])


def number(x: np.generic) -> str:
    """One element as text."""
    kind = wide_dtype(x.dtype).kind
    if kind == "b":
        return boolean(x)
    if kind in "iu":
        return str(int(x))
    return f"({_float(x.real)}, {_float(x.imag)})" if kind == "c" else _float(x)


def _float(x: np.generic) -> str:
    """A decimal that is read as exactly this number; the bits of an infinity or NaN, which have no decimal."""
    if not np.isfinite(x):
        return f"0x{int.from_bytes(x.tobytes(), 'little'):0{2 * x.dtype.itemsize}X}"
    text = str(x)
    # The parser reads a float64 and rounds it: the digits must lead to x even so.
    text = text if x.dtype.type(float(text)) == x else repr(float(x))
    return re.sub(r"^(-?\d+)(e|$)", r"\1.0\2", text)
