"""Numbers of 2, 4 and 8 bits are computed in a wider dtype of NumPy's, and each result is rounded once, as XLA's CPU does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .dtypes import NARROW_INTS, is_narrow, wide_dtype

_NUMPY_DTYPES = frozenset(map(np.dtype, "?bBhHiIlLqQefdFD"))
# What depends on the bits or the dtype of an operand itself.
AS_THEY_ARE = ("convert_element_type", "bitcast_convert_type")


def wide_params(params: dict) -> dict:
    """The parameters with a wide dtype in place of each narrow one."""
    return {k: wide_dtype(v) if isinstance(v, np.dtype) else v for k, v in params.items()}


def widens(primitive: Any, dtypes: Any) -> bool:
    """Whether an operation on these dtypes, of operands and results, is computed in wider ones: one of the package's that carries
    no jaxpr."""
    return any(map(is_narrow, dtypes)) and not (
        hasattr(primitive, "called_jaxpr") or primitive.name in AS_THEY_ARE or not primitive.rules_read_types
    )


def word_steps(name: str, dtypes: Sequence[Any]) -> list[tuple[str, int]]:
    """The operations on a byte that come before a primitive that reads bits, so that it computes as on the narrow word in the byte:
    [(primitive, its second operand), ...], for its first operand. A byte holds the narrow number with its sign extended; these
    operations move the word's bits to where the primitive reads the first or the last bit."""
    if not dtypes or getattr(dtypes[0], "name", "") not in NARROW_INTS:
        return []
    bits, signed = int(dtypes[0].name[-1]), dtypes[0].name[0] == "i"
    above = 8 - bits
    match name:
        case "clz":
            # The ones behind the word end the count.
            return [("shift_left", above), ("add", 2**above - 1)]
        case "mulhi" | "population_count" if bits == 2:
            # XLA's CPU has these two of 4 bits as those of the byte: of int4 -1 the count is 8, which wraps around to -8.
            return [("shift_left", above)]
        case "shift_right_logical" if signed:
            return [("and", 2**bits - 1)]
        case "shift_right_arithmetic" if not signed:
            sign = 2 ** (bits - 1)
            return [("xor", sign), ("sub", sign)]
    return []


_ON_BYTES = {
    "shift_left": np.left_shift, "add": np.add, "and": np.bitwise_and, "xor": np.bitwise_xor, "sub": np.subtract,
}  # fmt: skip


def in_wide(primitive: Any, values, params: dict, out_avals: Any):
    """The results of a primitive's implementation."""
    if out_avals is None:
        return primitive.impl(*values, **params)
    outs = out_avals if isinstance(out_avals, (list, tuple)) else (out_avals,)
    # Asked for every operation: to look a dtype up takes a third of the time of a call of `is_narrow`.
    for x in (*values, *outs):
        if x.dtype not in _NUMPY_DTYPES:
            break
    else:
        return primitive.impl(*values, **params)
    if not widens(primitive, [x.dtype for x in (*values, *outs)]):
        return primitive.impl(*values, **params)
    wide = [x.astype(wide_dtype(x.dtype)) if is_narrow(x.dtype) else x for x in values]
    for step, number in word_steps(primitive.name, [x.dtype for x in values]):
        wide[0] = _ON_BYTES[step](wide[0], wide[0].dtype.type(number))
    found = primitive.impl(*wide, **wide_params(params))
    found = found if primitive.multiple_results else [found]
    found = [np.asarray(x).astype(a.dtype) if is_narrow(a.dtype) else x for x, a in zip(found, outs)]
    return found if primitive.multiple_results else found[0]
