"""Numbers of 2, 4 and 8 bits are computed in a wider dtype of NumPy's, and each result is rounded once, as XLA's CPU does."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dtypes import is_narrow, wide_dtype

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


def in_wide(primitive: Any, values, params: dict, out_avals: Any):
    """The results of a primitive's implementation."""
    outs = out_avals if isinstance(out_avals, (list, tuple)) else [out_avals]
    if out_avals is None or not widens(primitive, [*[x.dtype for x in values], *[a.dtype for a in outs]]):
        return primitive.impl(*values, **params)
    wide = [x.astype(wide_dtype(x.dtype)) if is_narrow(x.dtype) else x for x in values]
    found = primitive.impl(*wide, **wide_params(params))
    found = found if primitive.multiple_results else [found]
    found = [np.asarray(x).astype(a.dtype) if is_narrow(a.dtype) else x for x, a in zip(found, outs)]
    return found if primitive.multiple_results else found[0]
