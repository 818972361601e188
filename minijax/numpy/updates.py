"""`x.at[index].set(y)`, `.add(y)` and so on: copies of an array with elements changed.

An update is a `scatter` with the plan of the gather that reads the same elements (`indexing.plan_gather`).
(JAX: `_src/ops/scatter.py`.)
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import lax
from ..core.traces import Array
from ..core.types import ArrayLike, Index
from ..foundation import dtypes
from ..primitives.windows import ScatterDimensionNumbers
from .arithmetic import power
from .creation import asarray
from .indexing import parse, plan_gather, rewriting_take
from .ufuncs import divide
from .util import as_array, convert, in_order, promote_each, to_shape


def _scatter(
    x, index, y, scatter, *, indices_are_sorted=False, unique_indices=False, mode=None, wrap_negative_indices=True
):
    """x with `y` written, added, ... at `index`, by the function `scatter`."""
    if type(y) is int and dtypes.issubdtype(x.dtype, np.integer):
        info = dtypes.iinfo(x.dtype)
        y = convert(y, x.dtype) if info.min <= y <= info.max else y
    y = asarray(y) if isinstance(y, (list, tuple)) else as_array(y)
    plan = plan_gather(parse(index, x.shape), x.shape, wrap_negative_indices)
    if not _safe_to_cast(y, x):
        warnings.warn(
            f"scatter inputs have incompatible types: cannot safely cast value from dtype={y.dtype} to dtype={x.dtype} with"
            " jax_numpy_dtype_promotion='standard'. In future JAX releases this will result in an error.",
            FutureWarning,
            stacklevel=3,
        )
    if 0 in plan.shape:
        return x
    promoted, y = promote_each(x, y)
    y = to_shape(y, plan.shape)
    in_order((y, promoted))
    y = lax.squeeze(y, plan.new_axes) if plan.new_axes else y
    y = lax.rev(y, plan.reversed_axes) if plan.reversed_axes else y
    out = scatter(
        lax.expand_dims(promoted, plan.mask_axes) if plan.mask_axes else promoted,
        plan.indices,
        y,
        ScatterDimensionNumbers(*plan.numbers),
        indices_are_sorted=indices_are_sorted or plan.unique,
        unique_indices=unique_indices or plan.unique,
        mode=mode,
    )
    out = lax.squeeze(out, plan.mask_axes) if plan.mask_axes else out
    return convert(out, x.dtype, x.weak_type)


def _safe_to_cast(y, x) -> bool:
    if y.dtype == x.dtype:
        return True
    return dtypes.lattice_result_type(y, x)[0] == x.dtype


class _IndexUpdateHelper:
    """`x.at[index]`: the place in x at which `.set(y)`, `.add(y)`, `.get()` and so on act; x itself never changes.

    The methods take `mode` ("drop" or "fill", "clip", "promise_in_bounds": what to do with places out of bounds),
    `indices_are_sorted`, `unique_indices` and `wrap_negative_indices`. If the index names a place twice, both updates are
    applied (`jax.numpy.ndarray.at`).

    >>> import minijax.numpy as jnp
    >>> jnp.zeros(3).at[jnp.array([0, 0, 2])].add(1.0)
    Array([2., 0., 1.], dtype=float32)
    """

    __slots__ = ("array",)

    def __init__(self, array: Array):
        self.array = array

    def __getitem__(self, index: Index) -> _IndexUpdateRef:
        return _IndexUpdateRef(self.array, index)

    def __repr__(self) -> str:
        return f"_IndexUpdateHelper({self.array!r})"


class _IndexUpdateRef:
    """The value of `x.at[index]`; see `_IndexUpdateHelper`."""

    __slots__ = ("array", "index")

    def __init__(self, array: Array, index: Any):
        self.array = array
        self.index = index

    def __repr__(self) -> str:
        return f"_IndexUpdateRef({self.array!r}, {self.index!r})"

    def get(
        self,
        *,
        mode: Any = None,
        fill_value: ArrayLike | None = None,
        wrap_negative_indices: bool = True,
        **hints: bool,
    ) -> Array:
        """`x[index]`; with mode="fill", `fill_value` (default: NaN, or the least integer) out of bounds."""
        return rewriting_take(
            self.array, self.index, mode=mode, fill_value=fill_value, normalize_indices=wrap_negative_indices, **hints
        )

    def set(self, values: ArrayLike, **options: Any) -> Array:
        """As `x[index] = values`."""
        return _scatter(self.array, self.index, values, lax.scatter, **options)

    def add(self, values: ArrayLike, **options: Any) -> Array:
        """As `x[index] += values`."""
        return _scatter(self.array, self.index, values, lax.scatter_add, **options)

    def subtract(self, values: ArrayLike, **options: Any) -> Array:
        """As `x[index] -= values`."""
        return _scatter(self.array, self.index, values, lax.scatter_sub, **options)

    def multiply(self, values: ArrayLike, **options: Any) -> Array:
        """As `x[index] *= values`."""
        return _scatter(self.array, self.index, values, lax.scatter_mul, **options)

    mul = multiply

    def divide(self, values: ArrayLike, **options: Any) -> Array:
        """As `x[index] /= values`."""
        ones = lax.full_like(self.array, 1)
        return divide(self.array, _scatter(ones, self.index, values, lax.scatter_mul, **options))

    def power(self, values: ArrayLike, **options: Any) -> Array:
        """As `x[index] **= values`."""
        ones = lax.full_like(self.array, 1)
        return power(self.array, _scatter(ones, self.index, values, lax.scatter_mul, **options))

    def min(self, values: ArrayLike, **options: Any) -> Array:
        """As `x[index] = minimum(x[index], values)`."""
        return _scatter(self.array, self.index, values, lax.scatter_min, **options)

    def max(self, values: ArrayLike, **options: Any) -> Array:
        """As `x[index] = maximum(x[index], values)`."""
        return _scatter(self.array, self.index, values, lax.scatter_max, **options)

    def apply(
        self, func: Callable[[Array], Array], *, mode: Any = None, wrap_negative_indices: bool = True, **hints: bool
    ) -> Array:
        """As `func.at(x, index)`: the elementwise `func` is applied as many times as a place is named."""
        x = self.array
        plan = plan_gather(parse(self.index, x.shape), x.shape, wrap_negative_indices)
        if 0 in plan.shape:
            return x
        update_shape = [d for i, d in enumerate(plan.shape) if i not in plan.new_axes]
        # JAX's jaxpr has updates that nothing reads.
        lax.full(update_shape, 0, x.dtype)
        out = lax.scatter_apply(
            lax.expand_dims(x, plan.mask_axes) if plan.mask_axes else x,
            plan.indices,
            lambda element: convert(func(element), x.dtype, x.weak_type),
            ScatterDimensionNumbers(*plan.numbers),
            update_shape=update_shape,
            indices_are_sorted=hints.get("indices_are_sorted", False) or plan.unique,
            unique_indices=hints.get("unique_indices", False) or plan.unique,
            mode=mode,
        )
        return lax.squeeze(out, plan.mask_axes) if plan.mask_axes else out
