"""Promotion: how the arguments of a `jnp` function become arrays of one dtype and rank.

Dtypes follow JAX's lattice (`dtypes.lattice_result_type`). Promotion makes the ranks equal by leading axes of size 1, and
leaves the sizes alone: elementwise primitives broadcast scalars and axes of size 1 themselves. A Python number becomes a
constant of the dtype that the arrays have.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..core.array import ArrayImpl, number, to_array
from ..core.primitive import Primitive
from ..core.traces import Array, Tracer, check_not_leaked, given
from ..core.types import ArrayLike
from ..foundation import dtypes
from ..foundation.config import rank_promotion
from ..foundation.dtypes import float0
from ..foundation.tracebacks import hide_our_frames
from ..primitives.basis import broadcast_in_dim, const
from ..primitives.elementwise import convert_element_type, eq_p, ne_p, not_p, select_n_p
from ..primitives.operand_order import in_order
from ..primitives.sizes import concrete_sizes, static_int

Axis = int | Sequence[int] | None
PYTHON_SCALARS = (bool, int, float, complex)


# ---------------------------------------------------------------------------------------------------------------------
# Is it an array?


def is_arraylike(x: Any) -> bool:
    return isinstance(x, (Array, np.ndarray)) or hasattr(type(x), "__jax_array__") or np.isscalar(x)


def check_arraylike(name: str, *args: Any):
    """Raise TypeError unless every argument is an array or a number: a list is slow to convert, and mostly a mistake."""
    for position, x in enumerate(args):
        if not isinstance(x, Array) and not is_arraylike(x):
            raise TypeError(
                f"{name} requires ndarray or scalar arguments, got {type(x)} at position {position}."
                + (" Use jnp.asarray to make an array of it." if isinstance(x, (list, tuple)) else "")
            )


def check_arraylike_or_none(name: str, *args: Any):
    for position, x in enumerate(args):
        if x is not None and not is_arraylike(x):
            raise TypeError(
                f"{name} requires ndarray, scalar, or None arguments, got {type(x)} at position {position}."
            )


def unwrap(x: Any):
    """The result of `x.__jax_array__()` if x has that method, by which libraries make their classes array-like; else x."""
    return x.__jax_array__() if not isinstance(x, Array) and hasattr(type(x), "__jax_array__") else x


def as_array(x: Any) -> Array:
    """An array or number as an array; a Python number's dtype is weak."""
    try:
        # `x.__jax_array__()` may be a tracer.
        x = x if isinstance(x, Array) else unwrap(x)
        if isinstance(x, Tracer):
            # Here too, since some functions return their argument as it is: `jnp.asarray(x)`, `x.T` of a vector, `x[...]`.
            check_not_leaked(x)
        return x if isinstance(x, Array) else to_array(x)
    except Exception as error:
        hide_our_frames(error)
        raise


def rounded(x: Array) -> Array:
    """A number of `as_array` as `jnp.asarray` gives it: jaxprs show what the dtype has rounded. Functions that JAX jits show the
    number that was given, as `reshape 0.2:f32[]`; others, as `expand_dims`, `broadcast_in_dim 0.20000000298023224:f32[]`."""
    return number(x._value, x.weak_type) if hasattr(x, "number") else x


def ensure_arraylike(name: str, *args: Any):
    """The arguments as arrays, after `check_arraylike`; one array for one argument."""
    try:
        check_arraylike(name, *args)
        if len(args) == 1:
            return as_array(args[0])
        arrays = tuple(as_array(x) for x in args)
        in_order(arrays)
        return arrays
    except Exception as error:
        hide_our_frames(error)
        raise


def check_no_out(name: str, out: Any):
    if out is not None:
        raise NotImplementedError(f"The 'out' argument to jnp.{name} is not supported.")


def check_no_float0(name: str, *args: Any):
    for x in args:
        if getattr(x, "dtype", None) == float0:
            raise TypeError(
                f"Called {name} with a float0 array. float0 is the dtype of tangents of integers and booleans, and"
                " there is nothing to compute with them. If you did not expect one, you may have taken a derivative with"
                " respect to an integer argument."
            )


def user_dtype(dtype: Any, name: str):
    """The canonical dtype of the `dtype=` that a user passed; None stays None. Warns if 64 bits become 32."""
    try:
        if dtype is None:
            return None
        dtypes.check_user_dtype_supported(dtype, name)
        return dtypes.canonicalize_dtype(dtype)
    except Exception as error:
        hide_our_frames(error)
        raise


def default_float_dtype():
    return dtypes.canonicalize_dtype(float)


def default_int_dtype():
    return dtypes.canonicalize_dtype(int)


def default_uint_dtype():
    return dtypes.canonicalize_dtype(np.uint64)


# ---------------------------------------------------------------------------------------------------------------------
# Axes and shapes


def canonicalize_axis(axis: Any, ndim: int, error: type[Exception] = ValueError) -> int:
    """The axis, counted from the front. Raises `error` if the array has no such axis: IndexError in functions in which JAX reads
    `shape[axis]`, else ValueError. A list is refused, as an argument that JAX's jit cannot hash."""
    try:
        if isinstance(axis, list):
            raise ValueError(f"the axis must be an integer, got the list {axis}")
        axis = static_int(axis)
        if not -ndim <= axis < ndim:
            raise error(f"axis {axis} is out of bounds for array of dimension {ndim}")
        return axis + ndim if axis < 0 else axis
    except Exception as raised:
        hide_our_frames(raised)
        raise


def canonicalize_axis_tuple(axis: Axis, ndim: int, error: type[Exception] = ValueError) -> tuple[int, ...]:
    """`axis` as a tuple of axes counted from the front; None stands for all axes. Errors as of `canonicalize_axis`."""
    try:
        if axis is None:
            return tuple(range(ndim))
        axes = tuple(axis) if is_listed(axis) else (axis,)
        canonical = tuple(canonicalize_axis(a, ndim, error) for a in axes)
        if len(set(canonical)) != len(canonical):
            raise ValueError(f"duplicate value in 'axis': {axis}")
        return canonical
    except Exception as raised:
        hide_our_frames(raised)
        raise


def is_listed(axis: Any) -> bool:
    """Whether several axes are given, and not one."""
    return isinstance(axis, (tuple, list)) or isinstance(axis, np.ndarray) and axis.ndim > 0


def check_hashable(function: str, axis: Any):
    """Raise ValueError for a list as axis: JAX jits the function, and the axis is a static argument."""
    try:
        hash(axis)
    except TypeError:
        raise ValueError(
            f"Non-hashable static arguments are not supported: {function} got axis={axis!r}, give it as a tuple."
        ) from None


def _listed_sizes(shape: Any) -> Any:
    """A shape; of a single number, of Python's or NumPy's, that of a vector."""
    return (shape,) if not isinstance(shape, (tuple, list)) and np.ndim(shape) == 0 else shape


def canonicalize_shape(shape: Any) -> tuple[int, ...]:
    """A shape as a tuple of ints; a single number is the shape of a vector."""
    return static_shape(_listed_sizes(shape))


def static_shape(shape: Any) -> tuple[int, ...]:
    """The same for lax and random, where a single number must be Python's."""
    sizes = concrete_sizes(shape)
    for d in sizes:
        if d < 0:
            raise TypeError(f"Negative dimensions are not allowed: got shape {sizes}.")
    return sizes


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape that arrays of these shapes broadcast to (`jnp.broadcast_shapes`).

    >>> broadcast_shapes((5, 1), (4,))
    (5, 4)
    """
    shapes = [canonicalize_shape(s) for s in shapes]
    ndim = max(map(len, shapes), default=0)
    padded = [(1,) * (ndim - len(s)) + s for s in shapes]
    result = []
    for sizes in zip(*padded):
        different = {d for d in sizes if d != 1}
        if len(different) > 1:
            raise ValueError(f"Incompatible shapes for broadcasting: shapes={shapes}")
        result.append(different.pop() if different else 1)
    return tuple(result)


def broadcast_to(array: Any, shape: Any, *, out_sharding: Any = None) -> Array:
    """Repeat an array along new leading axes and axes of size 1 (`jnp.broadcast_to`).

    >>> import minijax.numpy as jnp
    >>> jnp.broadcast_to(jnp.array([1, 2]), (2, 2))
    Array([[1, 2],
           [1, 2]], dtype=int32)
    """
    return to_shape(rounded(ensure_arraylike("broadcast_to", array)), shape)


def to_shape(array: Any, shape: Any) -> Array:
    """`broadcast_to` within a function that JAX jits: jaxprs show a number as it was given."""
    x = ensure_arraylike("broadcast_to", array)
    shape = concrete_sizes(_listed_sizes(shape))
    if x.shape == shape:
        return x
    missing = len(shape) - len(x.shape)
    if missing < 0 or any(d not in (1, s) for d, s in zip(x.shape, shape[missing:])):
        raise ValueError(f"Incompatible shapes for broadcasting: {x.shape} and requested shape {shape}")
    return broadcast_in_dim(x, shape, tuple(range(missing, len(shape))))


def broadcast_arrays(*args: Any) -> list[Array]:
    """The arrays, each repeated to their common shape (`jnp.broadcast_arrays`).

    >>> import minijax.numpy as jnp
    >>> [x.shape for x in jnp.broadcast_arrays(jnp.ones(3), jnp.ones((2, 1)))]
    [(2, 3), (2, 3)]
    """
    try:
        arrays = [as_array(x) for x in args]
        shapes = [x.shape for x in arrays]
        if len(set(shapes)) <= 1:
            return arrays
        shape = broadcast_shapes(*shapes)
        return [to_shape(x, shape) for x in arrays]
    except Exception as error:
        hide_our_frames(error)
        raise


def promote_shapes(*args: Array) -> list[Array]:
    """The arrays with leading axes of size 1, so that all have the same rank; scalars stay scalars."""
    try:
        shapes = [x.shape for x in args]
        if len({len(s) for s in shapes if s}) < 2:
            return list(args)
        in_order(args)
        ndim = _broadcast_rank(*shapes)
        if (wanted := rank_promotion()) != "allow":
            _promoting_ranks(shapes, wanted)
        return [
            x if len(s) == ndim else broadcast_in_dim(x, (1,) * (ndim - len(s)) + s, range(ndim - len(s), ndim))
            for x, s in zip(args, shapes)
        ]
    except Exception as error:
        hide_our_frames(error)
        raise


def _promoting_ranks(shapes: Sequence[tuple[int, ...]], wanted: str):
    text = " ".join(map(str, shapes))
    if wanted == "raise":
        raise ValueError(
            f"Operands could not be broadcast together on shapes {text} and with the config option"
            " jax_numpy_rank_promotion='raise': give the arrays the same rank, by x[None, :], say."
        )
    warnings.warn(
        f"Following NumPy automatic rank promotion on shapes {text}. Set the jax_numpy_rank_promotion config option to 'allow'"
        " to disable this warning.",
        stacklevel=2,
    )


@lru_cache(4096)
def _broadcast_rank(*shapes: tuple[int, ...]) -> int:
    return len(broadcast_shapes(*shapes))


# ---------------------------------------------------------------------------------------------------------------------
# Dtypes


def convert(x: Any, dtype, weak_type: bool = False) -> Array:
    """The array or number in a dtype. A number becomes a constant of that dtype: its conversion writes no equation."""
    if isinstance(x, Array):
        return convert_element_type(x, dtype, weak_type)
    x = unwrap(x)
    is_number = isinstance(x, (bool, int, float, complex, np.generic))
    return convert_element_type(x if is_number else as_array(x), dtype, weak_type)


def constant(value, dtype, weak_type: bool = False) -> ArrayImpl:
    """A number beside arrays of that dtype, as an array. Raises OverflowError for an integer that no default integer holds;
    a smaller one wraps around, as in JAX."""
    if type(value) is int:
        dtypes.check_fits(value)
    return convert_element_type(value, dtype, weak_type)


def promote_dtypes(*args: Any, category: Callable | None = None) -> list[Array]:
    """The arguments in the dtype they promote to. `category` (dtype -> dtype) maps that dtype to a float, a number, ..."""
    in_order(args)
    return promote_each(*args, category=category)


def promote_each(*args: Any, category: Callable | None = None) -> list[Array]:
    """As `promote_dtypes`, in a function that JAX does not jit: a jaxpr closes over what is converted, then over the rest."""
    if len(args) == 1 and category is None:
        return [as_array(args[0])]
    dtype, weak_type = dtypes.lattice_result_type(*args)
    if category is not None:
        dtype = category(dtype)
    return [convert(x, dtype, weak_type) for x in args]


def promote_dtypes_inexact(*args: Any) -> list[Array]:
    return promote_dtypes(*args, category=dtypes.to_inexact_dtype)


def promote_dtypes_numeric(*args: Any) -> list[Array]:
    return promote_dtypes(*args, category=dtypes.to_numeric_dtype)


def promote_args(name: str, *args: Any, category: Callable | None = None) -> list[Array]:
    """The arguments of an elementwise function as arrays of one dtype and one rank. Raises TypeError for other objects."""
    try:
        check_arraylike(name, *args)
        args = [unwrap(x) for x in args]
        check_no_float0(name, *args)
        _check_keys_alone(name, args)
        return promote_shapes(*promote_dtypes(*args, category=category))
    except Exception as error:
        hide_our_frames(error)
        raise


def _check_keys_alone(name: str, args: list):
    """Raise TypeError where a random key meets an array or a number."""
    keys = [getattr(x, "dtype", None) == dtypes.key_fry for x in args]
    if any(keys) and not all(keys):
        listed = ", ".join("key<fry>" if k else dtypes.dtype(x, canonicalize=True).name for k, x in zip(keys, args))
        raise TypeError(f"{name} does not accept dtypes {listed}.")


def promote_args_inexact(name: str, *args: Any) -> list[Array]:
    """As `promote_args`; integers and booleans become floats."""
    return promote_args(name, *args, category=dtypes.to_inexact_dtype)


def promote_args_numeric(name: str, *args: Any) -> list[Array]:
    """As `promote_args`; booleans become integers."""
    return promote_args(name, *args, category=dtypes.to_numeric_dtype)


# ---------------------------------------------------------------------------------------------------------------------
# Elementwise functions that are one primitive


class Elementwise(NamedTuple):
    """An elementwise function of `jnp`. promoted: the function itself, which promotes its arguments and binds the primitive.
    accepts: the characters of the dtypes that need no promotion."""

    primitive: Primitive
    promoted: Callable
    accepts: str


def apply_unary(function: Elementwise, x: Any):
    """The function of x."""
    return function.promoted(x)


def apply_binary(function: Elementwise, x: Any, y: Any):
    """The function of x and y."""
    return function.promoted(x, y)


def unary(primitive: Primitive, promoted: Callable, accepts: str) -> Callable:
    """The function of one argument, for the table of `ufuncs.py`."""
    row = Elementwise(primitive, promoted, accepts)

    def function(x: ArrayLike, /) -> Array:
        try:
            return apply_unary(row, x)
        except Exception as error:
            hide_our_frames(error)
            raise

    return function


def binary(primitive: Primitive, promoted: Callable, accepts: str) -> Callable:
    """The function of two arguments, for the table of `ufuncs.py`."""
    row = Elementwise(primitive, promoted, accepts)

    def function(x: ArrayLike, y: ArrayLike, /) -> Array:
        try:
            return apply_binary(row, x, y)
        except Exception as error:
            hide_our_frames(error)
            raise

    return function


# ---------------------------------------------------------------------------------------------------------------------
# where: shared by many functions


def to_bool(x: Array) -> Array:
    return x if x.dtype == bool else ne_p.bind(x, const(x, 0))


def logical_not(x: Array) -> Array:
    return not_p.bind(to_bool(x))


def where(condition: Any, x: Any, y: Any) -> Array:
    """`jnp.where` with three arguments: x where the condition holds, else y. The three are broadcast together."""
    check_arraylike("where", condition, x, y)
    condition = to_bool(as_array(condition))
    x, y = promote_dtypes(x, y)
    if condition.shape:
        condition, x, y = broadcast_arrays(condition, x, y)
    else:
        # select takes a scalar condition as it is: only x and y are broadcast.
        x, y = broadcast_arrays(x, y)
    return select_n_p.bind(condition, y, x) if 0 not in x.shape else given(x)


def isnan(x: Array) -> Array:
    return ne_p.bind(x, x)


def is_zero(x: Array) -> Array:
    return eq_p.bind(x, const(x, 0))
