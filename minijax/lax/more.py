"""Functions of `jax.lax` that are few equations: selections, ragged products, shapes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..core.array import to_array
from ..core.avals import ShapedArray
from ..core.primitive import Primitive
from ..core.staging import trace_to_jaxpr
from ..core.traces import Array, Tracer, get_aval, given
from ..core.types import ArrayLike, DTypeLike, Shape
from ..foundation import dtypes
from ..primitives.basis import broadcast_in_dim, expand_dims, shape_of
from ..primitives.basis import full as full_of_type
from ..primitives.basis import reshape as _reshape
from ..primitives.contractions import DimensionNumbers
from ..primitives.convolution_shapes import ConvDimensionNumbers
from ..primitives.dot_algorithms import DotAlgorithm, DotAlgorithmPreset
from ..primitives.elementwise import lt_p, rem_p, select
from ..primitives.indexing import gather, scatter_p
from ..primitives.joining import concatenate
from ..primitives.precision import Precision
from ..primitives.ragged import RaggedDotDimensionNumbers, ragged_dot_general
from ..primitives.shapes import broadcast, full, full_like
from ..primitives.sizes import concrete_sizes
from ..primitives.windows import GatherDimensionNumbers, GatherScatterMode, ScatterDimensionNumbers

# The names that jax.lax gives to types of arguments.
PrecisionLike: TypeAlias = (
    str | Precision | tuple[str, str] | tuple[Precision, Precision] | DotAlgorithm | DotAlgorithmPreset | None
)
DotDimensionNumbers: TypeAlias = DimensionNumbers
ConvGeneralDilatedDimensionNumbers: TypeAlias = tuple[str, str, str] | ConvDimensionNumbers | None


def reshape(operand: ArrayLike, new_sizes: Sequence[int], dimensions: Sequence[int] | None = None) -> Array:
    """The same elements, in row-major order, in another shape (`lax.reshape`); dimensions: the order of the axes before.

    >>> reshape(np.float32([[1, 2], [3, 4]]), (4,), (1, 0))
    Array([1., 3., 2., 4.], dtype=float32)
    """
    order = None if dimensions is None else tuple(map(operator.index, dimensions))
    if order is not None and sorted(order) != list(range(len(shape_of(operand)))):
        raise TypeError(
            "reshape dimensions must be a permutation of operand dimensions, got dimensions"
            f" {order} for shape {shape_of(operand)}."
        )
    return _reshape(operand, concrete_sizes(new_sizes), order)


def broadcast_to_rank(x: ArrayLike, rank: int) -> Array:
    """The array with axes of size 1 in front, so that it has `rank` axes (`lax.broadcast_to_rank`).

    >>> broadcast_to_rank(np.ones(2), 3).shape
    (1, 1, 2)
    """
    missing = rank - len(shape_of(x))
    if not missing:
        return x if isinstance(x, Array) else to_array(x)
    return broadcast(x, (1,) * missing)


def broadcast_like(arr: ArrayLike, like_arr: ArrayLike) -> Array:
    """The array repeated along new leading axes and axes of size 1 to the shape of another one (`lax.broadcast_like`).

    >>> broadcast_like(np.float32([1, 2]), np.ones((2, 2)))
    Array([[1., 2.],
           [1., 2.]], dtype=float32)
    """
    shape, own = get_aval(like_arr).shape, shape_of(arr)
    if len(own) > len(shape):
        raise ValueError(f"Cannot broadcast to shape with fewer dimensions: arr_shape={own} shape={shape}")
    return broadcast_in_dim(arr, shape, tuple(range(len(shape) - len(own), len(shape))))


def empty(shape: Shape, dtype: DTypeLike, *, out_sharding: Any = None) -> Array:
    """An array whose elements nobody should read; here they are 0 (`lax.empty`).

    >>> empty((2,), "int32").shape
    (2,)
    """
    if not isinstance(shape, (int, tuple)):
        raise TypeError(f"unhashable type: the shape of lax.empty must be an int or a tuple, got {shape!r}.")
    return full(shape, 0, dtype)


def dtype(x: Any) -> np.dtype[Any]:
    """The dtype of an array or number (`lax.dtype`).

    >>> dtype(1.0)
    dtype('float32')
    """
    return dtypes.dtype(x, canonicalize=True)


def shape_as_value(shape: Sequence[int]) -> Any:
    """The shape as an array (`lax.shape_as_value`).

    >>> shape_as_value((2, 3))
    array([2, 3], dtype=int32)
    """
    return full((0,), 0, "int32") if not len(shape) else np.asarray(shape, "int32")


def index_take(src: ArrayLike, idxs: Sequence[ArrayLike], axes: Sequence[int]) -> Array:
    """The slices of an array at indices along axes, which wrap around (`lax.index_take`). idxs: a vector for each of the axes.

    >>> index_take(np.float32([[1, 2], [3, 4]]), [np.array([0, -1])], (0,))
    Array([[1., 2.],
           [3., 4.]], dtype=float32)
    """
    shape = shape_of(src)
    places = concatenate([expand_dims(i, (1,)) for i in idxs], 1)
    sizes = full_like(places, 0) + np.asarray([shape[a] for a in axes], get_aval(places).dtype)
    left = rem_p.bind(places, sizes)
    places = select(lt_p.bind(left, full_like(left, 0)), left + sizes, left)
    numbers = GatherDimensionNumbers(tuple(range(1, len(shape) - len(axes) + 1)), tuple(axes), tuple(axes))
    return gather(src, places, numbers, tuple(1 if a in axes else n for a, n in enumerate(shape)))


def ragged_dot(
    lhs: ArrayLike,
    rhs: ArrayLike,
    group_sizes: ArrayLike,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    group_offset: ArrayLike | None = None,
    out_sharding: Any = None,
) -> Array:
    """The products of consecutive groups of rows with a matrix each (`lax.ragged_dot`).

    lhs: (m, k); rhs: (groups, k, n); group_sizes: the number of rows of each group. Rows behind the last group become 0. All rows
    are multiplied in one product, in which a row is 0 but for its group: the time grows with the number of groups. Raises
    NotImplementedError for a `group_offset`, TypeError for shapes that do not fit.

    >>> import minijax.numpy as jnp
    >>> ragged_dot(jnp.ones((3, 2)), jnp.array([[[1.0], [1.0]], [[2.0], [2.0]]]), jnp.array([1, 2])).ravel()
    Array([2., 4., 4.], dtype=float32)
    """
    numbers = RaggedDotDimensionNumbers((([1], [1]), ([], [])), [0], [0])
    return ragged_dot_general(
        lhs, rhs, group_sizes, numbers, precision, preferred_element_type, group_offset, out_sharding
    )


def scatter_apply(
    operand: ArrayLike,
    scatter_indices: ArrayLike,
    func: Callable[[Array], Array],
    dimension_numbers: ScatterDimensionNumbers,
    *,
    update_shape: Sequence[int] = (),
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: Any = None,
) -> Array:
    """Apply a function of one number to every element of a window of the operand, for every index vector (`lax.scatter_apply`).

    update_shape: the shape that the updates of `scatter` have. An element that is named twice goes through the function twice.
    Raises NotImplementedError for derivatives and for a function that closes over traced values, ValueError for a function that
    returns anything but one number of the operand's dtype.

    >>> import minijax.numpy as jnp
    >>> numbers = ScatterDimensionNumbers((), (0,), (0,))
    >>> scatter_apply(jnp.ones(3), jnp.array([[0], [0], [2]]), lambda x: 2 * x, numbers, update_shape=(3,))
    Array([4., 1., 2.], dtype=float32)
    """
    aval = get_aval(operand)
    scalar = ShapedArray((), aval.dtype, aval.weak_type)

    def update(x, _):
        out = func(x)
        if not isinstance(out, (Array, np.ndarray, np.generic, bool, int, float, complex)):
            raise ValueError(f"scatter_apply: the function must return an array, got {type(out)}: {out!r}")
        return [out if isinstance(out, Array) else to_array(out)]

    jaxpr, consts = trace_to_jaxpr(update, [scalar, scalar])
    if any(isinstance(c, Tracer) for c in consts):
        raise NotImplementedError("scatter_apply: the function closes over a traced value; give it numbers or arrays.")
    (out,) = [v.aval for v in jaxpr.outvars]
    if (out.shape, out.dtype) != ((), aval.dtype):
        raise ValueError(f"scatter_apply: the function must return {scalar.str_short()}, got {out.str_short()}.")
    return scatter_p.bind(
        operand,
        scatter_indices,
        full_of_type(tuple(map(int, update_shape)), 0, aval.dtype, aval.weak_type),
        dimension_numbers=ScatterDimensionNumbers(*[tuple(map(int, d)) for d in dimension_numbers]),
        indices_are_sorted=bool(indices_are_sorted),
        unique_indices=bool(unique_indices),
        mode=GatherScatterMode.from_any(mode),
        update_jaxpr=jaxpr,
        update_consts=tuple(consts),
    )


def stage(x: ArrayLike, /) -> Array:
    """x as an array of the program that is being traced; outside of one, as an array (`lax.stage`).

    Raises TypeError for what is no array and no number.

    >>> stage(1.0)
    Array(1., dtype=float32, weak_type=True)
    """
    get_aval(x)
    return given(x)


class _Stage(Primitive):
    """The primitive of `stage`, which writes no equation."""

    def bind(self, x):
        return stage(x)


stage_p = _Stage("stage")


def platform_dependent(
    *args: Any, default: Callable[..., Any] | None = None, **per_platform: Callable[..., Any]
) -> Any:
    """The function for the platform, applied: that named "cpu", or else the default (`lax.platform_dependent`).

    Raises TypeError for no branch and for one that is no function, ValueError for the name "gpu", NotImplementedError if both lack.

    >>> platform_dependent(2.0, cpu=lambda x: x + 1, default=lambda x: x)
    3.0
    """
    if default is None and not per_platform:
        raise TypeError("lax.platform_dependent takes a function for a platform, as cpu=f, or default=f; got none.")
    for name, branch in per_platform.items():
        if not callable(branch):
            raise TypeError(f"lax.platform_dependent: the '{name}' branch must be a callable.")
        if name == "gpu":
            raise ValueError("Use 'cuda' or 'rocm' for lax.platform_dependent.")
    if default is not None and not callable(default):
        raise TypeError("lax.platform_dependent: the 'default' branch must be a callable.")
    branch = per_platform.get("cpu", default)
    if branch is None:
        raise NotImplementedError("lax.platform_dependent: there is neither a branch for 'cpu' nor a default.")
    return branch(*args)
