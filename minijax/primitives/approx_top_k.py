"""`approx_max_k` and `approx_min_k`: the k extreme elements, which only TPUs find approximately. (JAX: `_src/lax/ann.py`.)"""

from __future__ import annotations

import numpy as np

from ..core.avals import ShapedArray, Zero
from ..core.traces import Array, get_aval
from ..core.types import ArrayLike
from ..foundation.dtypes import issubdtype
from .basis import NOT_LINEAR, reshape, row, shape_of, zero_like
from .elementwise import neg_p
from .shapes import broadcasted_iota, slice_in_dim
from .sorting import _gather_along, sort


def approx_max_k(
    operand: ArrayLike,
    k: int,
    reduction_dimension: int = -1,
    recall_target: float = 0.95,
    reduction_input_size_override: int = -1,
    aggregate_to_topk: bool = True,
) -> list[Array]:
    """(the k largest elements along an axis, their places), here always the exact ones, as on JAX's CPU (`lax.approx_max_k`).

    A NaN is neither larger nor smaller than a number: see `lax.top_k` for an order of all. Raises ValueError for other numbers than
    floats and for a k that is not positive or greater than the axis, TypeError for a number without axes.

    aggregate_to_topk: without it a TPU gives candidates, more than k; a CPU gives all elements of the axis, in order.

    >>> approx_max_k(np.float32([3, 1, 2]), 2)
    [Array([3., 2.], dtype=float32), Array([0, 2], dtype=int32)]
    """
    sizes = (reduction_dimension, recall_target, reduction_input_size_override)
    return _bind(operand, k, True, *sizes, aggregate_to_topk)


def approx_min_k(
    operand: ArrayLike,
    k: int,
    reduction_dimension: int = -1,
    recall_target: float = 0.95,
    reduction_input_size_override: int = -1,
    aggregate_to_topk: bool = True,
) -> list[Array]:
    """(the k least elements along an axis, their places) (`lax.approx_min_k`). As `approx_max_k`.

    >>> approx_min_k(np.float32([3, 1, 2]), 2)
    [Array([1., 2.], dtype=float32), Array([1, 2], dtype=int32)]
    """
    sizes = (reduction_dimension, recall_target, reduction_input_size_override)
    return _bind(operand, k, False, *sizes, aggregate_to_topk)


def _bind(operand, k, is_max_k, reduction_dimension, recall_target, override, aggregate_to_topk) -> list[Array]:
    values, places = approx_top_k_p.bind(
        operand,
        k=k,
        reduction_dimension=reduction_dimension,
        recall_target=recall_target,
        is_max_k=is_max_k,
        reduction_input_size_override=override,
        aggregate_to_topk=aggregate_to_topk,
    )
    return [values, places]


def _length(size: int, k: int, aggregate_to_topk: bool) -> int:
    """How many elements of an axis the results hold."""
    return k if aggregate_to_topk else size


def _check_override(override, size: int, aggregate_to_topk: bool):
    """Refuse what XLA refuses: the axis is a part of the whole input, whose size the override gives."""
    if not hasattr(override, "__index__"):
        raise (RuntimeError if aggregate_to_topk else TypeError)(
            f"reduction_input_size_override must be an integer, got {override!r}"
        )
    if 0 <= override < size:
        raise RuntimeError(f"reduction_input_size_override is out of range: {override} for an axis of size {size}")


def _abstract_eval(x, *, k, reduction_dimension, recall_target, aggregate_to_topk, **params):
    if k <= 0:
        raise ValueError(f"k must be positive, got {k}")
    if recall_target <= 0 or recall_target > 1:
        raise ValueError(f"recall_target must be above 0 and at most 1, got {recall_target}")
    if not x.shape:
        raise TypeError(f"approx_top_k operand must have >= 1 dimension, got {x.shape}")
    shape = list(x.shape)
    if shape[reduction_dimension] < k:
        raise ValueError(f"k must be smaller than the size of reduction_dim {shape[reduction_dimension]}, got {k}")
    if not issubdtype(x.dtype, np.floating):
        raise ValueError("operand must be a floating type")
    shape[reduction_dimension] = _length(shape[reduction_dimension], k, aggregate_to_topk)
    return [ShapedArray(tuple(shape), x.dtype, x.weak_type), ShapedArray(tuple(shape), np.dtype("int32"), x.weak_type)]


def _impl(x, *, k, reduction_dimension, is_max_k, aggregate_to_topk, reduction_input_size_override, **params):
    _check_override(reduction_input_size_override, x.shape[reduction_dimension], aggregate_to_topk)
    length = _length(x.shape[reduction_dimension], k, aggregate_to_topk)
    order = np.argsort(-x if is_max_k else x, axis=reduction_dimension, kind="stable")
    first = np.take(order, np.arange(length), axis=reduction_dimension)
    return [np.take_along_axis(x, first, axis=reduction_dimension), first.astype(np.int32)]


def sorted_first(
    x, *, k, reduction_dimension, is_max_k, aggregate_to_topk, reduction_input_size_override, **params
) -> list:
    """The results in equations of other primitives."""
    axis = reduction_dimension % get_aval(x).ndim
    _check_override(reduction_input_size_override, shape_of(x)[axis], aggregate_to_topk)
    places = broadcasted_iota(np.int32, shape_of(x), axis)
    _, values, places = sort((neg_p.bind(x) if is_max_k else x, x, places), axis, num_keys=1)
    length = _length(shape_of(x)[axis], k, aggregate_to_topk)
    return [slice_in_dim(values, 0, length, axis=axis), slice_in_dim(places, 0, length, axis=axis)]


def _jvp(primals, tangents, *, reduction_dimension, **params):
    values, places = approx_top_k_p.bind(*primals, reduction_dimension=reduction_dimension, **params)
    if type(tangents[0]) is Zero:
        return [values, places], [zero_like(values), zero_like(places)]
    axis = reduction_dimension % get_aval(values).ndim
    tangent = _gather_along(tangents[0], reshape(places, (*shape_of(places), 1)), axis)
    return [values, places], [tangent, zero_like(places)]


def _batch(axis, args, dims, *, reduction_dimension, **params):
    (x,), (dim,) = args, dims
    own = range(len(shape_of(x)) - 1)[reduction_dimension]
    outs = approx_top_k_p.bind(x, reduction_dimension=own + (dim <= own), **params)
    return outs, [dim, dim]


approx_top_k_p = row(
    "approx_top_k",
    impl=_impl,
    abstract_eval=_abstract_eval,
    jvp=_jvp,
    transpose=NOT_LINEAR,
    batch=_batch,
    multiple_results=True,
)
