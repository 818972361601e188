"""`row`, which defines a primitive, and the few primitives that the machines need.

`add_any` sums tangents; `broadcast_in_dim`, `reduce_sum`, `reshape`, `transpose` and `squeeze` move axes about for batch
rules and for the transposes of broadcasting operations.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.array import ArrayImpl, number
from ..core.avals import ShapedArray, Zero, is_undefined_primal
from ..core.checks import CHECK_ALL, checked
from ..core.primitive import Absent, CallPrimitive, Primitive
from ..core.traces import Array, get_aval, given
from ..core.types import ArrayLike
from ..foundation.dtypes import float0, key_fry
from ..foundation.memory import broadcast

# Every primitive of the package by name, in the order of definition.
registry: dict[str, Primitive] = {}


def row(
    name: str,
    *,
    impl: Callable | str,
    abstract_eval: Callable | str,
    jvp: Callable | str,
    transpose: Callable | str,
    batch: Callable | str,
    multiple_results: bool = False,
    named_axes: Callable | None = None,
    collective: Callable | None = None,
    effects: Callable | None = None,
) -> Primitive:
    """Define a primitive (`core.Primitive` has the signatures): every rule is given, or the reason why it is absent."""
    primitive = Primitive(name, multiple_results=multiple_results)
    rules = {"impl": impl, "abstract_eval": abstract_eval, "jvp": jvp, "transpose": transpose, "batch": batch}
    return _registered(primitive, rules, named_axes=named_axes, collective=collective, effects=effects)


def call_row(
    name: str,
    *,
    impl: Callable,
    abstract_eval: Callable,
    jvp: Callable | str,
    transpose: Callable | str,
    batch: Callable | str,
    **call_rules: Callable,
) -> CallPrimitive:
    """Define a primitive that carries jaxprs; `call_rules` are those of `core.CallPrimitive`, and `named_axes`."""
    rules = {"impl": impl, "abstract_eval": abstract_eval, "jvp": jvp, "transpose": transpose, "batch": batch}
    return _registered(CallPrimitive(name), rules, **call_rules)


def check_types(receiver: str, given: Sequence[ShapedArray], expected: Sequence[ShapedArray]):
    """Raise TypeError if an argument of a call has another shape or dtype than the jaxpr that the call carries takes."""
    for i, (x, y) in enumerate(zip(given, expected, strict=True)):
        if (x.shape, x.dtype) != (y.shape, y.dtype):
            raise TypeError(
                f"{receiver} got {x.str_short()} as argument {i}, but takes {y.str_short()} there: convert the argument to this"
                " type."
            )


def _registered(primitive: Primitive, rules: dict, **attributes):
    name = primitive.name
    if name in registry:
        raise ValueError(f"primitive '{name}' is defined twice")
    for kind, rule in rules.items():
        rule = Absent(name, kind, rule) if isinstance(rule, str) else rule
        # The package's own rules are stored bare, so that a check costs nothing; its tests check these too.
        object.__setattr__(primitive, kind, checked(primitive, kind, rule) if CHECK_ALL else rule)
    for attribute, value in attributes.items():
        assert hasattr(primitive, attribute), f"{name}: a primitive has no attribute {attribute}"
        if value is not None:
            setattr(primitive, attribute, value)
    primitive.rules_read_types = True
    registry[name] = primitive
    return primitive


# The reasons why rules are absent.
NO_GRADIENT = "its result is piecewise constant or not a number; use jax.lax.stop_gradient to say that none is meant"
NOT_LINEAR = "it is not linear: reverse mode transposes only what its jvp rule computes with tangents"


# ---------------------------------------------------------------------------------------------------------------------
# Helpers of rules


def const(like, value) -> ArrayImpl:
    """A scalar constant of the dtype of `like`, weak if `like` is a weak scalar. Not for -0.0, which the table takes for 0.0."""
    dtype = like.dtype
    key = (value, dtype, like.weak_type and not like.shape)
    found = _consts.get(key)
    if found is None:
        found = _consts[key] = number(np.asarray(value, dtype), key[2])
    return found


# A program uses a handful of such constants, again and again.
_consts: dict[tuple[Any, Any, bool], ArrayImpl] = {}


def shape_of(x) -> tuple[int, ...]:
    shape = getattr(x, "shape", None)
    return shape if type(shape) is tuple else np.shape(x)


def zero_like(x) -> Zero:
    """The symbolic zero tangent of a value."""
    return Zero(get_aval(x).to_tangent_aval())


def instantiate(x):
    """An array of zeros for a symbolic `Zero`; any other value unchanged. The zero of `float0` is a NumPy array, as in JAX."""
    if type(x) is not Zero:
        return x
    return zeros(x.aval)


def zeros(aval: ShapedArray):
    """An array of zeros of that type; for the tangent of an integer a NumPy array of dtype float0."""
    if aval.dtype == key_fry:
        return ArrayImpl(np.zeros(aval.shape, key_fry.storage), False, aval)
    if aval.dtype == float0:
        zero, params = np.zeros((), float0), {"broadcast_dimensions": (), "sharding": None}
        return broadcast_in_dim_p.bind(zero, shape=aval.shape, **params) if aval.shape else zero
    return full(aval.shape, 0, aval.dtype, aval.weak_type)


def full(shape: tuple[int, ...], value, dtype, weak_type: bool = False):
    """An array of one value: a scalar, broadcast, so that a jaxpr shows it and NumPy stores it once."""
    return broadcast_in_dim(number(np.asarray(value, dtype), weak_type), shape, ())


def linear_jvp(primitive_of: Callable[[], Primitive]) -> Callable:
    """The jvp rule of a primitive that is linear in its first argument: the primitive itself, applied to the tangent."""

    def jvp(primals, tangents, **params):
        primitive = primitive_of()
        out = primitive.bind(*primals, **params)
        if type(tangents[0]) is Zero:
            return out, zero_like(out)
        return out, primitive.bind(tangents[0], *primals[1:], **params)

    return jvp


def linear_row(name: str, **rules) -> Primitive:
    """A primitive that is linear in its first argument, from its rules but the jvp: as `row`."""
    primitive = row(name, jvp=linear_jvp(lambda: primitive), **rules)
    return primitive


def zero_jvp(primitive_of: Callable[[], Primitive]) -> Callable:
    """The jvp rule of an operation that is constant almost everywhere: its tangent is zero."""

    def jvp(primals, tangents, **params):
        out = primitive_of().bind(*primals, **params)
        if primitive_of().multiple_results:
            return out, [zero_like(x) for x in out]
        return out, zero_like(out)

    return jvp


def move_axis(ndim: int, source: int, destination: int) -> tuple[int, ...]:
    order = [i for i in range(ndim) if i != source]
    order.insert(destination, source)
    return tuple(order)


def move_batch_dim(x, source: int, destination: int):
    """The array with one axis moved."""
    if source == destination:
        return x
    ndim = len(shape_of(x))
    return transpose(x, move_axis(ndim, source % ndim, destination % ndim))


def broadcast_batch(x, size: int, dim: int):
    """The array repeated along a new axis `dim`."""
    shape = list(shape_of(x))
    dim = dim % (len(shape) + 1)
    shape.insert(dim, size)
    return broadcast_in_dim(x, tuple(shape), tuple(i for i in range(len(shape)) if i != dim))


def batch_to_front(x, dim: int | None, size: int = 1):
    """The array with its batch axis in front; an array without one gets a new axis of `size` there."""
    return broadcast_batch(x, size, 0) if dim is None else move_batch_dim(x, dim, 0)


def expand_dims(array: ArrayLike, dimensions: Sequence[int]) -> Array:
    """Insert axes of size 1 at those places of the result.

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.expand_dims(jnp.array([1, 2]), (0,)).shape
    (1, 2)
    """
    ndim = len(shape_of(array)) + len(dimensions)
    for d in dimensions:
        if not -ndim <= operator.index(d) < ndim:
            raise ValueError(f"axis {d} is out of bounds for array of dimension {ndim}")
    given, dimensions = dimensions, {d % ndim for d in dimensions}
    if len(dimensions) != len(given):
        raise ValueError(f"repeated axis in lax.expand_dims: {tuple(given)}")
    if not dimensions and isinstance(array, Array):
        return array
    kept = tuple(i for i in range(ndim) if i not in dimensions)
    shape = [1] * ndim
    for i, d in zip(kept, shape_of(array)):
        shape[i] = d
    return broadcast_in_dim(array, tuple(shape), kept)


def unbroadcast(aval: ShapedArray, x):
    """Sum a cotangent over the axes along which NumPy's broadcasting repeated an argument of type `aval`."""
    shape = shape_of(x)
    if shape == aval.shape:
        return x
    if not aval.shape:
        return reduce_sum(x, tuple(range(len(shape))))
    axes = tuple(i for i, (have, want) in enumerate(zip(shape, aval.shape)) if have != want)
    return reshape(reduce_sum(x, axes), aval.shape)


# ---------------------------------------------------------------------------------------------------------------------
# add_any


def _add_any_jvp(primals, tangents):
    (x, y), (tx, ty) = primals, tangents
    out = add_any_p.bind(x, y)
    if type(tx) is Zero:
        return out, (zero_like(out) if type(ty) is Zero else ty)
    return out, (tx if type(ty) is Zero else add_any_p.bind(tx, ty))


def _add_any_batch(axis, args, dims):
    dim = dims[0] if dims[1] is None else dims[1]
    moved = [broadcast_batch(x, axis.size, dim) if d is None else move_batch_dim(x, d, dim) for x, d in zip(args, dims)]
    return add_any_p.bind(*moved), dim


def _add_any_abstract_eval(x, y):
    if x.shape != y.shape or x.dtype != y.dtype:
        raise TypeError(f"add_any requires arguments of one type, got {x.str_short()} and {y.str_short()}.")
    return x if x.weak_type == y.weak_type else x.strip_weak_type()


add_any_p = row(
    "add_any",
    impl=np.add,
    abstract_eval=_add_any_abstract_eval,
    jvp=_add_any_jvp,
    transpose=lambda ct, x, y: [ct if is_undefined_primal(x) else None, ct if is_undefined_primal(y) else None],
    batch=_add_any_batch,
)
add_any_p.elementwise = "?bhilqBHILQefdEFD"


def add_tangents(x, y):
    """The sum of two tangents, either of which may be a symbolic zero."""
    if type(x) is Zero:
        return y
    return x if type(y) is Zero else add_any_p.bind(x, y)


# ---------------------------------------------------------------------------------------------------------------------
# broadcast_in_dim


def broadcast_in_dim(operand: ArrayLike, shape: Sequence[int], broadcast_dimensions: Sequence[int]) -> Array:
    """Put the operand's axes at `broadcast_dimensions` of the result and repeat along the others (`lax.broadcast_in_dim`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.broadcast_in_dim(jnp.array([1, 2]), (2, 3), (0,))
    Array([[1, 1, 1],
           [2, 2, 2]], dtype=int32)
    """
    shape, dims = tuple(map(int, shape)), tuple(map(int, broadcast_dimensions))
    if shape_of(operand) == shape and isinstance(operand, Array) and dims in ((), tuple(range(len(shape)))):
        return operand if shape else given(operand)
    if len(set(dims)) == len(shape_of(operand)) and list(dims) != sorted(dims):
        order = sorted(range(len(dims)), key=dims.__getitem__)
        operand, dims = transpose(operand, order), tuple(dims[i] for i in order)
    return broadcast_in_dim_p.bind(operand, shape=shape, broadcast_dimensions=dims, sharding=None)


def _broadcast_impl(x, *, shape, broadcast_dimensions, sharding):
    sizes = dict(zip(broadcast_dimensions, x.shape))
    return broadcast(x.reshape([sizes.get(i, 1) for i in range(len(shape))]), shape)


# A memo of a pure function: a program has few types and many equations.
@lru_cache(4096)
def _broadcast_abstract_eval(x, *, shape, broadcast_dimensions, sharding):
    if len(broadcast_dimensions) != x.ndim:
        raise TypeError(
            "broadcast_in_dim broadcast_dimensions must have length equal to operand ndim; got broadcast_dimensions"
            f" {broadcast_dimensions} for operand ndim {x.ndim}."
        )
    if list(broadcast_dimensions) != sorted(set(broadcast_dimensions)):
        raise TypeError(
            f"broadcast_in_dim broadcast_dimensions must be strictly increasing; got {broadcast_dimensions}."
        )
    if any(not 0 <= i < len(shape) or d not in (1, shape[i]) for i, d in zip(broadcast_dimensions, x.shape)):
        raise TypeError(
            "broadcast_in_dim operand dimension sizes must either be 1, or be equal to their corresponding dimensions in"
            f" the target broadcast shape; got operand of shape {x.shape}, target broadcast shape {shape},"
            f" broadcast_dimensions {broadcast_dimensions}."
        )
    if any(d < 0 for d in shape):
        raise TypeError(f"broadcast_in_dim shape must have every element be nonnegative, got {shape}.")
    return ShapedArray(shape, x.dtype, x.weak_type)


def _broadcast_transpose(ct, x, *, shape, broadcast_dimensions, sharding):
    unit = tuple(i for i, d in enumerate(x.aval.shape) if d == 1)
    kept = [d for i, d in enumerate(broadcast_dimensions) if i not in unit]
    return [expand_dims(reduce_sum(ct, tuple(i for i in range(len(shape)) if i not in kept)), unit)]


def _broadcast_batch(axis, args, dims, *, shape, broadcast_dimensions, sharding):
    x = move_batch_dim(args[0], dims[0], 0)
    dimensions = (0, *(i + 1 for i in broadcast_dimensions))
    return broadcast_in_dim(x, (axis.size, *shape), dimensions), 0


broadcast_in_dim_p = linear_row(
    "broadcast_in_dim",
    impl=_broadcast_impl,
    abstract_eval=_broadcast_abstract_eval,
    transpose=_broadcast_transpose,
    batch=_broadcast_batch,
)


# ---------------------------------------------------------------------------------------------------------------------
# reduce_sum


def reduce_sum(operand: ArrayLike, axes: Sequence[int]) -> Array:
    """Sum over axes (`lax.reduce_sum`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.reduce_sum(jnp.array([[1, 2], [3, 4]]), (0,))
    Array([4, 6], dtype=int32)
    """
    axes = tuple(axes)
    return (
        reduce_sum_p.bind(operand, axes=axes, out_sharding=None) if axes or not isinstance(operand, Array) else operand
    )


def reduced_shape(shape: tuple[int, ...], axes: Sequence[int], name: str) -> tuple[int, ...]:
    if len(set(axes)) != len(axes):
        raise ValueError(f"duplicate value in 'axes' of {name}: {tuple(axes)}")
    if any(not 0 <= a < len(shape) for a in axes):
        raise ValueError(f"{name}: axes {tuple(axes)} out of range for an operand of shape {shape}")
    return tuple(d for i, d in enumerate(shape) if i not in axes)


def reduction_batch(primitive_of: Callable[[], Primitive]) -> Callable:
    """The batch rule of a reduction over `axes`: reduce the axes behind or before the batch axis."""

    def batch(axis, args, dims, *, axes, **params):
        dim = dims[0]
        axes = tuple(a + (a >= dim) for a in axes)
        out_dim = dim - sum(a < dim for a in axes)
        return primitive_of().bind(args[0], axes=axes, **params), out_dim

    return batch


def _sum_abstract_eval(x, *, axes, out_sharding):
    if x.dtype == bool:
        raise TypeError("reduce_sum does not accept dtype bool. Accepted dtypes are subtypes of number.")
    return x.update(shape=reduced_shape(x.shape, axes, "reduce_sum"))


def _sum_transpose(ct, x, *, axes, out_sharding):
    kept = tuple(i for i in range(x.aval.ndim) if i not in axes)
    return [broadcast_in_dim(ct, x.aval.shape, kept)]


def _sum(x, *, axes, out_sharding):
    # A sum of one number is that number, as in XLA: of -0.0 NumPy's is 0.0.
    if all(x.shape[a] == 1 for a in axes):
        return x.reshape(reduced_shape(x.shape, axes, "reduce_sum"))
    return np.add.reduce(x, axis=axes, dtype=x.dtype)


reduce_sum_p = linear_row(
    "reduce_sum",
    impl=_sum,
    abstract_eval=_sum_abstract_eval,
    transpose=_sum_transpose,
    batch=reduction_batch(lambda: reduce_sum_p),
)


# ---------------------------------------------------------------------------------------------------------------------
# reshape, transpose, squeeze


def reshape(operand: ArrayLike, new_sizes: Sequence[int], dimensions: Sequence[int] | None = None) -> Array:
    """The same elements, in row-major order, in another shape (`lax.reshape`); dimensions: the order of the axes before."""
    new_sizes, old_sizes = tuple(map(int, new_sizes)), shape_of(operand)
    order = None if dimensions is None or [*dimensions] == [*range(len(old_sizes))] else tuple(map(int, dimensions))
    # As in JAX, a scalar gets an equation nevertheless.
    if () != old_sizes == new_sizes and order is None and isinstance(operand, Array):
        return operand
    return reshape_p.bind(operand, new_sizes=new_sizes, dimensions=order, sharding=None)


def _reshape_abstract_eval(x, *, new_sizes, dimensions, sharding):
    if any(d < 0 for d in new_sizes):
        raise TypeError(f"reshape new_sizes must all be positive, got {new_sizes}.")
    if x.size != math.prod(new_sizes):
        raise TypeError(
            "reshape total size must be unchanged, got new_sizes"
            f" {new_sizes} (of total size {math.prod(new_sizes)}) for shape {x.shape} (of total size {x.size})."
        )
    return ShapedArray(tuple(new_sizes), x.dtype, x.weak_type)


def _reshape_transpose(ct, x, *, new_sizes, dimensions, sharding):
    if dimensions is None:
        return [reshape(ct, x.aval.shape)]
    return [transpose(reshape(ct, [x.aval.shape[i] for i in dimensions]), np.argsort(dimensions))]


def _reshape_batch(axis, args, dims, *, new_sizes, dimensions, sharding):
    order = dimensions and (0, *[i + 1 for i in dimensions])
    return reshape(move_batch_dim(args[0], dims[0], 0), (axis.size, *new_sizes), order), 0


reshape_p = linear_row(
    "reshape",
    impl=lambda x, *, new_sizes, dimensions, sharding: x.transpose(dimensions or range(x.ndim)).reshape(new_sizes),
    abstract_eval=_reshape_abstract_eval,
    transpose=_reshape_transpose,
    batch=_reshape_batch,
)


def transpose(operand: ArrayLike, permutation: Sequence[int]) -> Array:
    """Permute the axes (`lax.transpose`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.transpose(jnp.ones((2, 3)), (1, 0)).shape
    (3, 2)
    """
    permutation = tuple(map(operator.index, permutation))
    if permutation == tuple(range(len(shape_of(operand)))) and isinstance(operand, Array):
        return operand
    return transpose_p.bind(operand, permutation=permutation)


def _transpose_abstract_eval(x, *, permutation):
    if sorted(permutation) != list(range(x.ndim)):
        raise TypeError(
            "transpose permutation isn't a permutation of operand dimensions, got permutation"
            f" {permutation} for operand shape {x.shape}."
        )
    return ShapedArray(tuple(x.shape[i] for i in permutation), x.dtype, x.weak_type)


def _transpose_batch(axis, args, dims, *, permutation):
    return transpose(args[0], (dims[0], *(i + (i >= dims[0]) for i in permutation))), 0


transpose_p = linear_row(
    "transpose",
    impl=lambda x, *, permutation: x.transpose(permutation),
    abstract_eval=_transpose_abstract_eval,
    transpose=lambda ct, x, *, permutation: [transpose(ct, tuple(map(int, np.argsort(permutation))))],
    batch=_transpose_batch,
)


def squeeze(array: ArrayLike, dimensions: Sequence[int]) -> Array:
    """Remove axes of size 1 (`lax.squeeze`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.squeeze(jnp.ones((1, 3)), (0,)).shape
    (3,)
    """
    ndim = len(shape_of(array))
    dimensions = tuple(sorted(d % ndim if -ndim <= d < ndim else d for d in dimensions))
    return squeeze_p.bind(array, dimensions=dimensions) if dimensions or not isinstance(array, Array) else array


def _squeeze_abstract_eval(x, *, dimensions):
    for d in dimensions:
        if not 0 <= d < x.ndim:
            raise ValueError(f"axis {d} is out of bounds for array of dimension {x.ndim}")
        if x.shape[d] != 1:
            raise ValueError(
                "cannot select an axis to squeeze out which has size not equal to one, got"
                f" shape={x.shape} and dimensions={dimensions}"
            )
    return ShapedArray(tuple(d for i, d in enumerate(x.shape) if i not in dimensions), x.dtype, x.weak_type)


def _squeeze_batch(axis, args, dims, *, dimensions):
    x = move_batch_dim(args[0], dims[0], 0)
    return squeeze_p.bind(x, dimensions=tuple(d + 1 for d in dimensions)), 0


squeeze_p = linear_row(
    "squeeze",
    impl=lambda x, *, dimensions: x.squeeze(dimensions),
    abstract_eval=_squeeze_abstract_eval,
    transpose=lambda ct, x, *, dimensions: [expand_dims(ct, dimensions)],
    batch=_squeeze_batch,
)
