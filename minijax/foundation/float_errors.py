"""NumPy's handling of floating-point errors: silent while minijax computes, and afterwards as it was.

NumPy keeps it in a context variable. `with np.errstate(all="ignore")` sets the variable too, but takes as long as adding two
small arrays, and its `__exit__` is a Python function: a KeyboardInterrupt at its first instruction leaves NumPy silent for
the rest of the program. Here a plain call puts the former value back, and if an interrupt comes before it, another one does:

    before = float_errors.get()
    try:
        float_errors.set(SILENT)
        ...
        float_errors.set(before)
    except BaseException:
        float_errors.set(before)
        raise
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Any

import numpy as np


def _variable_and_value(**handling: str) -> tuple[ContextVar, Any]:
    """The context variable that `np.errstate` sets, and its value for that handling of errors."""
    before = copy_context()
    with np.errstate(**handling):
        after = copy_context()
    [found] = [(v, value) for v, value in after.items() if v not in before or before[v] is not value]
    return found


# 1 / 0 is inf without a warning, as in JAX. NumPy would warn.
float_errors, SILENT = _variable_and_value(all="ignore")
# What a user's callback finds.
_, DEFAULT = _variable_and_value(**np.geterr())


def with_float_errors(value: Any, function: Callable, *args):
    """`function(*args)` while NumPy handles errors in that way, `SILENT` or `DEFAULT`.

    >>> with_float_errors(SILENT, lambda: np.float32(1) / np.float32(0))
    np.float32(inf)
    """
    before = float_errors.get()
    try:
        float_errors.set(value)
        result = function(*args)
        float_errors.set(before)
        return result
    except BaseException:
        float_errors.set(before)
        raise
