"""`ragged_dot_general`: products of groups, whose sizes are an operand.

Along one axis of the first factor, the ragged one, elements form consecutive groups. There are three kinds of products, one for
each kind of axis:

    the ragged axis is lhs's own     [m, k] [g, k, n] -> [m, n]      each group of rows is multiplied by a matrix of its own
    it is contracted                 [m, k] [k, n] -> [g, m, n]      a product for each group
    it is a batch axis               [b, m, k] [b, k, n] -> [b, m, n]   the groups change nothing

Each is one `dot_general` of factors that are spread over the groups: 0 outside of their group. So time and memory grow with the
number of groups. (JAX: `_src/lax/lax.py`.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.avals import ShapedArray, Zero, is_undefined_primal
from ..core.traces import Array, get_aval
from ..core.types import ArrayLike, DTypeLike
from ..foundation.dtypes import canonicalize_dtype
from .basis import (
    add_tangents,
    batch_to_front,
    broadcast_in_dim,
    full,
    row,
    shape_of,
    transpose,
    zero_like,
)
from .contractions import DimensionNumbers, dot_general_p, in_computing_dtypes, product
from .elementwise import and_p, convert_element_type, ge_p, lt_p, select, sub_p
from .precision import precisions
from .reductions import cumsum
from .shapes import broadcasted_iota

OWN, CONTRACTED, BATCH = "noncontracting", "contracting", "batch"


class _Numbers(NamedTuple):
    dot_dimension_numbers: DimensionNumbers
    lhs_ragged_dimensions: Sequence[int]
    rhs_group_dimensions: Sequence[int]


class RaggedDotDimensionNumbers(_Numbers):
    """The axes of `lax.ragged_dot_general`: those of `lax.dot_general`, the ragged axis of lhs, and the axis of rhs that has a
    place for each group.

    >>> RaggedDotDimensionNumbers((([1], [1]), ([], [])), [0], [0]).lhs_ragged_dimensions
    (0,)
    """

    __slots__ = ()
    __module__ = "minijax.lax"

    def __new__(
        cls,
        dot_dimension_numbers: DimensionNumbers,
        lhs_ragged_dimensions: Sequence[int],
        rhs_group_dimensions: Sequence[int],
    ) -> RaggedDotDimensionNumbers:
        numbers = tuple(tuple(map(tuple, pair)) for pair in dot_dimension_numbers)
        return super().__new__(cls, numbers, tuple(lhs_ragged_dimensions), tuple(rhs_group_dimensions))


def ragged_dot_general(
    lhs: ArrayLike,
    rhs: ArrayLike,
    group_sizes: ArrayLike,
    ragged_dot_dimension_numbers: RaggedDotDimensionNumbers,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    group_offset: ArrayLike | None = None,
    out_sharding: Any = None,
) -> Array:
    """The products of groups of elements along an axis of lhs (`lax.ragged_dot_general`).

    group_sizes: the sizes of the groups; with axes in front, if they differ along the batch axes and the axes of lhs before the
    ragged one. Elements behind the last group take no part. The result has the axes of `dot_general`'s, and in front one for the
    groups if the ragged axis is contracted. Raises TypeError for axes and shapes that do not fit, NotImplementedError for a
    group_offset.

    >>> import minijax.numpy as jnp
    >>> numbers = RaggedDotDimensionNumbers((([1], [0]), ([], [])), [1], [])
    >>> ragged_dot_general(jnp.ones((1, 3)), jnp.ones((3, 1)), jnp.array([1, 2]), numbers).ravel()
    Array([1., 2.], dtype=float32)
    """
    for operand in (lhs, rhs, group_sizes):
        get_aval(operand)  # what is no array is refused first
    if group_offset is not None:
        raise NotImplementedError("ragged_dot_general with a group_offset is not implemented.")
    preferred = None if preferred_element_type is None else canonicalize_dtype(preferred_element_type)
    return ragged_dot_general_p.bind(
        lhs,
        rhs,
        group_sizes,
        ragged_dot_dimension_numbers=ragged_dot_dimension_numbers,
        precision=precisions(precision),
        preferred_element_type=preferred,
        group_offset=None,
        out_sharding=out_sharding,
    )


# ---------------------------------------------------------------------------------------------------------------------
# Axes


def _rest(ndim: int, *taken: Sequence[int]) -> list[int]:
    return [i for i in range(ndim) if not any(i in axes for axes in taken)]


def _kind(ndim: int, numbers: RaggedDotDimensionNumbers) -> str:
    """What the ragged axis of a factor with `ndim` axes is to the product."""
    ((contracted, _), (batch, _)), (ragged,) = numbers.dot_dimension_numbers, numbers.lhs_ragged_dimensions
    return CONTRACTED if ragged in contracted else BATCH if ragged in batch else OWN


def _before(kind: str, ndim: int, ragged: int, contracted: Sequence[int], batch: Sequence[int]) -> list[int]:
    """The axes along which the sizes of the groups may differ: the batch axes, and those of the ragged axis's kind before it."""
    if kind == BATCH:
        return list(batch[: batch.index(ragged)])
    same = _rest(ndim, contracted, batch) if kind == OWN else list(contracted)
    return [*batch, *same[: same.index(ragged)]]


def _dense(ndims: tuple[int, int], numbers: RaggedDotDimensionNumbers) -> tuple:
    """The product as a dot_general: for each factor (ragged axis, axes along which group sizes differ) if it is spread over the
    groups, which become its first axis, else None; and the dimension numbers."""
    (l_contract, r_contract), (l_batch, r_batch) = numbers.dot_dimension_numbers
    (ragged,), kind = numbers.lhs_ragged_dimensions, _kind(ndims[0], numbers)
    if kind == BATCH:
        return None, None, numbers.dot_dimension_numbers
    lhs = (ragged, _before(kind, ndims[0], ragged, l_contract, l_batch))
    behind = [tuple(i + 1 for i in axes) for axes in (l_contract, r_contract, l_batch, r_batch)]
    if kind == OWN:
        contract = (*behind[0], 0), (*r_contract, *numbers.rhs_group_dimensions)
        return lhs, None, (contract, (behind[2], r_batch))
    of_rhs = r_contract[l_contract.index(ragged)]
    rhs = (of_rhs, _before(kind, ndims[1], of_rhs, r_contract, r_batch))
    return lhs, rhs, ((behind[0], behind[1]), ((0, *behind[2]), (0, *behind[3])))


# ---------------------------------------------------------------------------------------------------------------------
# Types


def _check(lhs, rhs, sizes, numbers: RaggedDotDimensionNumbers):
    if len(numbers.lhs_ragged_dimensions) != 1:
        raise TypeError("ragged_dot_general expects exactly one lhs ragged dimension.")
    (ragged,), group = numbers.lhs_ragged_dimensions, numbers.rhs_group_dimensions
    for name, side, aval, axes in (("lhs ragged", "lhs", lhs, (ragged,)), ("rhs group", "rhs", rhs, group)):
        if any(not 0 <= i < aval.ndim for i in axes):
            raise TypeError(
                f"ragged_dot_general requires {name} dimension numbers to be nonnegative and less than the number of axes of the"
                f" {side} value, {aval.ndim}, got {axes}."
            )
    (l_contract, r_contract), (l_batch, r_batch) = numbers.dot_dimension_numbers
    kind = _kind(lhs.ndim, numbers)
    if not sizes.ndim:
        raise TypeError("expected rank of group_sizes to be >=1.")
    before = tuple(lhs.shape[i] for i in _before(kind, lhs.ndim, ragged, l_contract, l_batch))
    if sizes.ndim != 1 and sizes.shape[:-1] != before:
        raise TypeError(f"expected group_sizes to have shape {(*before, sizes.shape[-1])}, got {sizes.shape}.")
    if len(group) != (kind == OWN):
        number = "exactly one" if kind == OWN else "zero"
        raise TypeError(
            f"ragged_dot_general requires {number} group dimension(s) in the rhs when lhs ragged dimension is {kind}."
        )
    if kind == OWN and (group[0] in r_batch or group[0] in r_contract):
        raise TypeError(
            "ragged_dot_general requires rhs group dimension numbers to be distinct from contracting and batch dimensions."
        )
    if kind == OWN and rhs.shape[group[0]] != sizes.shape[-1]:
        raise TypeError(f"expected rhs group dimension size to be {sizes.shape[-1]}, got {rhs.shape[group[0]]}.")
    if sizes.dtype.kind not in "iu":
        raise TypeError("ragged_dot_general requires that group_sizes.dtype is subtype of np.integer.")


def _abstract_eval(lhs, rhs, sizes, *, ragged_dot_dimension_numbers, group_offset, **params):
    _check(lhs, rhs, sizes, ragged_dot_dimension_numbers)
    *spread, numbers = _dense((lhs.ndim, rhs.ndim), ragged_dot_dimension_numbers)
    avals = [
        x if where is None else ShapedArray((sizes.shape[-1], *x.shape), x.dtype, x.weak_type)
        for x, where in zip((lhs, rhs), spread)
    ]
    out = dot_general_p.abstract_eval(*avals, dimension_numbers=numbers, **params)
    return out.update(weak_type=out.weak_type and sizes.weak_type)


# ---------------------------------------------------------------------------------------------------------------------
# Values: on NumPy, and as equations for XLA


def _spread_array(x, sizes, where):
    """The array repeated along a new first axis for the groups, and 0 outside of the group."""
    if where is None:
        return x
    ragged, before = where
    ends, places = np.cumsum(sizes, -1)[..., None], np.arange(x.shape[ragged])
    inside = (places >= ends - sizes[..., None]) & (places < ends)
    # The axes of `inside`, as axes of the result.
    axes = [*[i + 1 for i in before], 0, ragged + 1] if inside.ndim > 2 else [0, ragged + 1]
    shape = [1] * (x.ndim + 1)
    for i, size in zip(axes, inside.shape):
        shape[i] = size
    return np.where(inside.transpose(np.argsort(axes)).reshape(shape), x, x.dtype.type(0))


def _product(lhs, rhs, sizes, *, ragged_dot_dimension_numbers, preferred_element_type):
    of_lhs, of_rhs, numbers = _dense((lhs.ndim, rhs.ndim), ragged_dot_dimension_numbers)
    lhs, rhs = _spread_array(lhs, sizes, of_lhs), _spread_array(rhs, sizes, of_rhs)
    return product(lhs, rhs, dimension_numbers=numbers, preferred_element_type=preferred_element_type)


def _impl(
    lhs,
    rhs,
    sizes,
    *,
    ragged_dot_dimension_numbers,
    precision,
    preferred_element_type,
    group_offset=None,
    out_sharding=None,
):
    def dot(x, y, dtype):
        numbers = ragged_dot_dimension_numbers
        return _product(x, y, sizes, ragged_dot_dimension_numbers=numbers, preferred_element_type=dtype)

    return in_computing_dtypes(dot, lhs, rhs, precision, preferred_element_type)


# As for `dot_general`, the text of a program has a product without algorithms.
_impl.users = _product


def _spread(x, sizes, where):
    """`_spread_array` in equations."""
    if where is None:
        return x
    ragged, before = where
    ndim = len(shape_of(sizes))
    shape = (shape_of(sizes)[-1], *shape_of(x))
    axes = [*[i + 1 for i in before], 0] if ndim > 1 else [0]

    def placed(a):
        order = sorted(range(len(axes)), key=axes.__getitem__)
        return broadcast_in_dim(transpose(a, order), shape, sorted(axes))

    ends = cumsum(sizes, ndim - 1)
    places = broadcasted_iota(get_aval(sizes).dtype, shape, ragged + 1)
    after = ge_p.bind(places, placed(sub_p.bind(ends, sizes)))
    inside = and_p.bind(after, lt_p.bind(places, placed(ends)))
    repeated = broadcast_in_dim(x, shape, range(1, len(shape)))
    return select(inside, repeated, full(shape, 0, get_aval(x).dtype))


def dense(lhs, rhs, sizes, *, ragged_dot_dimension_numbers, group_offset, **params):
    """The product in equations of other primitives."""
    ndims = len(shape_of(lhs)), len(shape_of(rhs))
    of_lhs, of_rhs, numbers = _dense(ndims, ragged_dot_dimension_numbers)
    return dot_general_p.bind(
        _spread(lhs, sizes, of_lhs), _spread(rhs, sizes, of_rhs), dimension_numbers=numbers, **params
    )


# ---------------------------------------------------------------------------------------------------------------------
# Derivatives and batches


def _jvp(primals, tangents, **params):
    (x, y, sizes), (gx, gy, _) = primals, tangents
    out = ragged_dot_general_p.bind(x, y, sizes, **params)
    left = zero_like(out) if type(gx) is Zero else ragged_dot_general_p.bind(gx, y, sizes, **params)
    right = zero_like(out) if type(gy) is Zero else ragged_dot_general_p.bind(x, gy, sizes, **params)
    return out, add_tangents(left, right)


def _axes_of_result(start: int, *groups: Sequence[int]) -> list[tuple[int, ...]]:
    """The places in the result, from `start` on, of axes that follow group by group."""
    found = []
    for axes in groups:
        found.append(tuple(range(start, start + len(axes))))
        start += len(axes)
    return found


def _cotangent(product: Array, axes: Sequence[int], aval: ShapedArray):
    """The product, whose axes are these axes of the factor, as the factor's cotangent."""
    out = transpose(product, tuple(np.argsort(axes)))
    return convert_element_type(out, aval.dtype, aval.weak_type)


def _transpose(ct, x, y, sizes, *, ragged_dot_dimension_numbers: RaggedDotDimensionNumbers, **params):
    """A group's cotangents are products of groups, too: of an own axis both kinds, of a contracted one the first."""
    numbers, of_x = ragged_dot_dimension_numbers, is_undefined_primal(x)
    x_aval, y_aval = (v.aval if is_undefined_primal(v) else get_aval(v) for v in (x, y))
    ((x_contract, y_contract), (x_batch, y_batch)), group = numbers.dot_dimension_numbers, numbers.rhs_group_dimensions
    kind, (ragged,) = _kind(x_aval.ndim, numbers), numbers.lhs_ragged_dimensions
    if kind == BATCH:
        plain = {k: v for k, v in params.items() if k != "group_offset"}
        return [*dot_general_p.transpose(ct, x, y, dimension_numbers=numbers.dot_dimension_numbers, **plain), None]
    x_own, y_own = _rest(x_aval.ndim, x_contract, x_batch), _rest(y_aval.ndim, y_contract, y_batch, group)
    batch, ct_x, ct_y = _axes_of_result(int(kind == CONTRACTED), x_batch, x_own, y_own)

    def bind(lhs, rhs, dot_numbers, ragged, group):
        dims = RaggedDotDimensionNumbers(dot_numbers, (ragged,), group)
        return ragged_dot_general_p.bind(lhs, rhs, sizes, ragged_dot_dimension_numbers=dims, **params)

    if kind == OWN and of_x:
        place = len(x_batch) + x_own.index(ragged)
        out = bind(ct, y, ((ct_y, y_own), (batch, y_batch)), place, group)
        contracted = [x_contract[i] for i in np.argsort(y_contract)]
        return [_cotangent(out, [*x_batch, *x_own, *contracted], x_aval), None, None]
    if kind == OWN:
        out = bind(x, ct, ((x_own, ct_x), (x_batch, batch)), ragged, ())
        contracted = [y_contract[i] for i in np.argsort(x_contract)]
        return [None, _cotangent(out, [*group, *y_batch, *contracted, *y_own], y_aval), None]
    if len(x_contract) > 1 and len(shape_of(sizes)) > 1:
        raise NotImplementedError(
            "ragged_dot_general has no transpose for several contracted axes and groups that differ along the axes of lhs."
        )
    if of_x:
        place = y_contract[x_contract.index(ragged)]
        out = bind(y, ct, ((y_own, ct_y), (y_batch, batch)), place, (0,))
        contracted = [x_contract[i] for i in np.argsort(y_contract)]
        return [_cotangent(out, [*x_batch, *contracted, *x_own], x_aval), None, None]
    out = bind(x, ct, ((x_own, ct_x), (x_batch, batch)), ragged, (0,))
    contracted = [y_contract[i] for i in np.argsort(x_contract)]
    return [None, _cotangent(out, [*y_batch, *contracted, *y_own], y_aval), None]


def _batch(axis, args, dims, *, ragged_dot_dimension_numbers: RaggedDotDimensionNumbers, **params):
    numbers = ragged_dot_dimension_numbers
    ndim = len(shape_of(args[0])) - (dims[0] is not None)
    kind, (ragged,) = _kind(ndim, numbers), numbers.lhs_ragged_dimensions
    (l_contract, r_contract), (l_batch, r_batch) = numbers.dot_dimension_numbers
    lhs, rhs, sizes = (batch_to_front(x, d, axis.size) for x, d in zip(args, dims))
    if len(shape_of(sizes)) == 2:
        # The groups of each example, along the axes along which groups may differ.
        before = [i + 1 for i in _before(kind, ndim, ragged, l_contract, l_batch)]
        shape = (axis.size, *[shape_of(lhs)[i] for i in before], shape_of(sizes)[-1])
        sizes = broadcast_in_dim(sizes, shape, (0, len(shape) - 1))

    def behind(axes):
        return tuple(i + 1 for i in axes)

    pairs = (behind(l_contract), behind(r_contract)), ((0, *behind(l_batch)), (0, *behind(r_batch)))
    numbers = RaggedDotDimensionNumbers(pairs, behind((ragged,)), behind(numbers.rhs_group_dimensions))
    out = ragged_dot_general_p.bind(lhs, rhs, sizes, ragged_dot_dimension_numbers=numbers, **params)
    return out, int(kind == CONTRACTED)


ragged_dot_general_p = row(
    "ragged_dot_general",
    impl=_impl,
    abstract_eval=_abstract_eval,
    jvp=_jvp,
    transpose=_transpose,
    batch=_batch,
)


__all__ = ["RaggedDotDimensionNumbers", "ragged_dot_general", "ragged_dot_general_p"]
