"""What the rows of linear algebra share: types, batching, and the small operations on matrices that derivative rules need.

A matrix is the last two axes of an array; the axes before them are a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from ..core.array import number
from ..core.avals import ShapedArray
from ..core.primitive import Primitive
from ..foundation.dtypes import canonicalize_dtype, issubdtype
from .basis import batch_to_front, broadcast_in_dim, expand_dims, reduce_sum, shape_of, transpose
from .contractions import dot_general
from .elementwise import (
    add_p,
    conj,
    convert_element_type,
    convert_element_type_p,
    div_p,
    eq_p,
    ge_p,
    mul_p,
    or_p,
    real_p,
    select,
    sub_p,
)
from .families import COMPLEX, FLOAT, describe, dtype_char
from .indexing import gather
from .precision import Precision
from .shapes import broadcasted_iota, full_like
from .windows import GatherDimensionNumbers

INEXACT = FLOAT + COMPLEX
# Some machines have faster products that lose digits: a factorization must not use them.
HIGHEST = (Precision.HIGHEST, Precision.HIGHEST)


# ---------------------------------------------------------------------------------------------------------------------
# Rules


def abstract_eval(
    name: str,
    ranks: Sequence[int],
    shapes: Callable,
    *,
    accepts: Sequence[str] | None = None,
    dtypes: Callable | None = None,
    several: bool = False,
    same: bool = True,
    batched: bool = True,
) -> Callable:
    """Abstract evaluation of a primitive on matrices and vectors.

    ranks: how many of the last axes of each argument are its own. shapes(*own shapes, **params) -> the result's own shape, or
    a list of them with `several`; it raises for shapes that do not fit. dtypes(*dtypes, **params) -> the same for the dtypes;
    by default that of the first argument.
    """
    accepts = accepts or [INEXACT] * len(ranks)

    # A memo of a pure function: a program has few types and many equations.
    @lru_cache(1024)
    def evaluate(*avals, **params):
        batches = _batch_shapes(name, ranks, avals, batched)
        own = shapes(*[a.shape[a.ndim - rank :] for a, rank in zip(avals, ranks)], **params)
        if len({*batches}) > 1:
            raise TypeError(f"All inputs to {name} must have the same batch dimensions, but got {batches}.")
        batch = batches[0]
        _check_dtypes(name, accepts, avals, same)
        given = [a.dtype for a in avals]
        found = dtypes(*given, **params) if dtypes else [given[0]] * len(own) if several else given[0]
        weak = all(a.weak_type for a in avals)
        if several:
            return [ShapedArray(batch + tuple(s), d, weak) for s, d in zip(own, found)]
        return ShapedArray(batch + tuple(own), found, weak)

    return evaluate


def _batch_shapes(name, ranks, avals, batched) -> list[tuple[int, ...]]:
    for i, (rank, aval) in enumerate(zip(ranks, avals)):
        if aval.ndim < rank:
            raise TypeError(f"Input {i} to {name} must have rank at least {rank}, but got shape={aval.shape}")
        if not batched and aval.ndim != rank:
            raise TypeError(f"Input {i} to {name} must have a rank of exactly {rank}, but got shape={aval.shape}")
    found = [aval.shape[: aval.ndim - rank] for rank, aval in zip(ranks, avals)]
    if len({len(shape) for shape in found}) > 1:
        raise TypeError(
            f"All inputs to {name} must have the same number of batch dimensions, but got {[len(s) for s in found]} batch"
            " dimensions for the inputs."
        )
    return found


def _check_dtypes(name, accepts, avals, same):
    for i, (aval, chars) in enumerate(zip(avals, accepts)):
        if dtype_char(aval.dtype) not in chars:
            raise TypeError(
                f"{name} does not accept dtype {aval.dtype.name} at position {i}. Accepted dtypes at position {i} are subtypes"
                f" of {describe(chars)}."
            )
    if same and len({a.dtype for a in avals}) > 1:
        listed = ", ".join(a.dtype.name for a in avals)
        raise TypeError(f"lax.{name} requires arguments to have the same dtypes, got {listed}.")


def batch_in_front(primitive_of: Callable[[], Primitive]) -> Callable:
    """The batch rule: all batch axes go to the front, where the primitive takes them."""

    def batch(axis, args, dims, **params):
        primitive = primitive_of()
        out = primitive.bind(*[batch_to_front(x, d, axis.size) for x, d in zip(args, dims)], **params)
        return (out, [0] * len(out)) if primitive.multiple_results else (out, 0)

    return batch


# ---------------------------------------------------------------------------------------------------------------------
# Operations


def is_complex(x) -> bool:
    return issubdtype(x.dtype, np.complexfloating)


def transposed(x):
    ndim = len(shape_of(x))
    return transpose(x, (*range(ndim - 2), ndim - 1, ndim - 2))


def conjugated(x):
    """The complex conjugate; a real array as it is."""
    return conj(x) if is_complex(x) else x


def adjoint(x):
    """The conjugate transpose."""
    return conjugated(transposed(x))


def matmul(x, y):
    """The product of two matrices, for each entry of the batch."""
    ndim = len(shape_of(x))
    batch = tuple(range(ndim - 2))
    return dot_general(x, y, (((ndim - 1,), (ndim - 2,)), (batch, batch)), HIGHEST)


def add(x, y):
    return add_p.bind(x, y)


def sub(x, y):
    return sub_p.bind(x, y)


def mul(x, y):
    """The product, element by element; an array without the other's batch axes is repeated along them."""
    return mul_p.bind(*_aligned(x, y))


def div(x, y):
    return div_p.bind(*_aligned(x, y))


def _aligned(x, y):
    ndim = max(len(shape_of(x)), len(shape_of(y)))
    return [expand_dims(v, range(ndim - len(shape_of(v)))) if shape_of(v) else v for v in (x, y)]


def symmetrized(x):
    """(x + x^H) / 2; of integers and booleans, in the default float dtype. The sum of two booleans is their `or`, and half of it
    is weakly typed, as each quotient of a boolean and a number."""
    of_booleans = np.dtype(x.dtype) == bool
    total = (or_p if of_booleans else add_p).bind(x, adjoint(x))
    if not issubdtype(total.dtype, np.inexact):
        params = {"new_dtype": canonicalize_dtype(float), "weak_type": of_booleans or total.weak_type, "sharding": None}
        total = convert_element_type_p.bind(total, **params)
    return div_p.bind(total, number(np.asarray(2, total.dtype), total.weak_type))


def as_rows(v):
    """The vectors as matrices of one row."""
    return expand_dims(v, (len(shape_of(v)) - 1,))


def as_columns(v):
    """The vectors as matrices of one column."""
    return expand_dims(v, (len(shape_of(v)),))


def eye(dtype, rows: int, columns: int | None = None):
    return convert_element_type(_compare_places(eq_p, rows, rows if columns is None else columns, 0), dtype)


def _compare_places(comparison, rows: int, columns: int, offset: int):
    """A mask of the places where row + offset compares so with the column."""
    i = add_p.bind(broadcasted_iota(np.int32, (rows, columns), 0), np.int32(offset))
    return comparison.bind(i, broadcasted_iota(np.int32, (rows, columns), 1))


def _mask(x, comparison, offset: int):
    *batch, rows, columns = shape_of(x)
    return broadcast_in_dim(
        _compare_places(comparison, rows, columns, offset), shape_of(x), (len(batch), len(batch) + 1)
    )


def zeros_like(x):
    return full_like(x, 0)


def tril(x, k: int = 0):
    """The matrix with zeros above the diagonal, or above the k-th diagonal over it."""
    return select(_mask(x, ge_p, k), x, zeros_like(x))


def triu(x, k: int = 0):
    """The matrix with zeros below the diagonal, or below the k-th diagonal over it."""
    return select(_mask(x, ge_p, k - 1), zeros_like(x), x)


def diagonal(x):
    """The diagonal of square matrices."""
    return reduce_sum(select(_mask(x, eq_p, 0), x, zeros_like(x)), (len(shape_of(x)) - 1,))


def diagonal_matrix(v):
    """The square matrices with these diagonals."""
    n = shape_of(v)[-1]
    return mul(eye(v.dtype, n), as_columns(v))


def real(x):
    """The real part; a real array as it is."""
    return real_p.bind(x) if is_complex(x) else x


def take_rows(x, places):
    """x[..., places, :], where each entry of the batch has places of its own."""
    *batch, _, columns = shape_of(x)
    if 0 in shape_of(x):
        return x
    n = len(batch)
    numbers = GatherDimensionNumbers((n + 1,), (n,), (n,), tuple(range(n)), tuple(range(n)))
    return gather(x, as_columns(places), numbers, (*[1] * n, 1, columns))


def take_columns(x, places):
    """x[..., :, places], where each entry of the batch has places of its own."""
    return transposed(take_rows(transposed(x), places))
