"""`jax.lax`: the primitives as functions. They promote nothing: the arguments must agree in dtype and in rank.

Functions with parameters stand beside their primitives in `primitives/`; functions of arrays alone are made here, by a
table.
"""

from __future__ import annotations

import enum
from typing import Any

from ..api.transfers import with_sharding_constraint
from ..core.array import to_array
from ..core.traces import Array, get_aval, given
from ..core.types import ArrayLike, DTypeLike
from ..foundation.doors import at_the_door, on_demand
from ..foundation.dtypes import python_scalar_type, required_dtype
from ..foundation.pytrees import tree_map
from ..primitives import elementwise
from ..primitives.accuracy import AccuracyMode, Tolerance
from ..primitives.basis import reduce_sum, registry
from ..primitives.contractions import batch_matmul, dot, dot_general
from ..primitives.dynamic_slices import (
    dynamic_index_in_dim,
    dynamic_slice,
    dynamic_slice_in_dim,
    dynamic_update_index_in_dim,
    dynamic_update_slice,
    dynamic_update_slice_in_dim,
)
from ..primitives.elementwise import convert_element_type as _convert_element_type
from ..primitives.elementwise import integer_pow, select
from ..primitives.indexing import (
    gather,
    scatter,
    scatter_add,
    scatter_mul,
    scatter_sub,
)
from ..primitives.joining import concatenate, split, stack, tile, unstack
from ..primitives.precision import Precision
from ..primitives.reductions import (
    argmax,
    argmin,
    cumlogsumexp,
    cummax,
    cummin,
    cumprod,
    cumsum,
    reduce_and,
    reduce_max,
    reduce_min,
    reduce_or,
    reduce_prod,
    reduce_xor,
)
from ..primitives.shapes import (
    broadcast,
    broadcast_in_dim,
    broadcast_shapes,
    broadcasted_iota,
    collapse,
    expand_dims,
    full,
    full_like,
    index_in_dim,
    iota,
    pad,
    rev,
    slice,
    slice_in_dim,
    squeeze,
    transpose,
)
from ..primitives.sorting import sort, sort_key_val, top_k
from ..primitives.windows import GatherDimensionNumbers, GatherScatterMode, ScatterDimensionNumbers
from ..primitives.words import optimization_barrier, reduce_precision
from .tables import made

_unary = made(
    "neg sign floor ceil is_finite exp exp2 log expm1 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh logistic"
    " erf erfc erf_inv sqrt rsqrt cbrt square abs real imag population_count clz",
    1,
    bitwise_not="not",
)
_binary = made(
    "add sub mul div rem max min atan2 complex nextafter eq ne lt le gt ge mulhi shift_left shift_right_logical"
    " shift_right_arithmetic",
    2,
    bitwise_and="and",
    bitwise_or="or",
    bitwise_xor="xor",
)
globals().update(_unary | _binary)


# The primitives under JAX's names, `lax.sin_p`, `lax.scatter_add_p`; without the ones that jax.lax lacks.
_elsewhere = (
    "add_any jit name pbroadcast reduce_scatter remat2 custom_jvp_call custom_vjp_call custom_lin custom_linear_solve linear_call"
    " composite custom_vmap_call ragged_dot_general random_gamma_grad random_gamma_grad_by_a random_gamma_grad_by_x debug_print"
    " debug_callback pure_callback io_callback shard_map"
).split()
_primitives = {name.replace("-", "_") + "_p": p for name, p in registry.items() if name not in _elsewhere}
globals().update(_primitives)


class RoundingMethod(enum.IntEnum):
    """The integer that `round` gives for a number halfway between two integers.

    >>> from minijax import lax
    >>> lax.round(2.5, lax.RoundingMethod.TO_NEAREST_EVEN), lax.round(2.5)
    (Array(2., dtype=float32, weak_type=True), Array(3., dtype=float32, weak_type=True))
    """

    AWAY_FROM_ZERO = 0
    TO_NEAREST_EVEN = 1


def round(x: ArrayLike, rounding_method: RoundingMethod = RoundingMethod.AWAY_FROM_ZERO) -> Array:
    """x rounded to the nearest integer (`lax.round`).

    >>> from minijax import lax
    >>> lax.round(-1.5)
    Array(-2., dtype=float32, weak_type=True)
    """
    return registry["round"].bind(x, rounding_method=RoundingMethod(rounding_method))


def conj(x: ArrayLike) -> Array:
    """The complex conjugate (`lax.conj`).

    >>> from minijax import lax
    >>> lax.conj(3 + 4j)
    Array(3.-4.j, dtype=complex64, weak_type=True)
    """
    return elementwise.conj_p.bind(x, input_dtype=get_aval(x).dtype)


def reciprocal(x: ArrayLike) -> Array:
    """1 / x (`lax.reciprocal`).

    >>> from minijax import lax
    >>> lax.reciprocal(4.0)
    Array(0.25, dtype=float32, weak_type=True)
    """
    return integer_pow(x, -1)


def pow(x: ArrayLike, y: ArrayLike) -> Array:
    """x to the power y, where y has the dtype of x or holds integers (`lax.pow`).

    >>> from minijax import lax
    >>> lax.pow(2.0, 3)
    Array(8., dtype=float32, weak_type=True)
    """
    if python_scalar_type(y) not in (None, bool):
        y = to_array(y)
    return elementwise.pow_p.bind(x, y)


def clamp(min: ArrayLike | None, x: ArrayLike, max: ArrayLike | None) -> Array:
    """x, but at least `min` and at most `max` (`lax.clamp`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.clamp(0, jnp.array([-1, 2, 9]), 5)
    Array([0, 2, 5], dtype=int32)
    """
    return elementwise.clamp_p.bind(min, x, max)


def select_n(which: ArrayLike, *cases: ArrayLike) -> Array:
    """Elements of the arrays `cases`, from `cases[which]` at each place (`lax.select_n`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.select_n(jnp.array([True, False]), jnp.array([1, 2]), jnp.array([3, 4]))
    Array([3, 2], dtype=int32)
    """
    if not cases:
        raise ValueError("select_n() must have at least one case")
    return elementwise.select_n_p.bind(which, *cases)


def convert_element_type(operand: ArrayLike, new_dtype: DTypeLike) -> Array:
    """The array in another dtype, which is never weak (`lax.convert_element_type`).

    >>> convert_element_type(1.7, "int32")
    Array(1, dtype=int32)
    """
    return given(_convert_element_type(operand, required_dtype(new_dtype)))


def bitcast_convert_type(operand: ArrayLike, new_dtype: DTypeLike) -> Array:
    """The same bits, read as another dtype (`lax.bitcast_convert_type`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.bitcast_convert_type(jnp.float32(1.0), "int32")
    Array(1065353216, dtype=int32)
    """
    dtype, new_dtype = get_aval(operand).dtype, required_dtype(new_dtype)
    if dtype != new_dtype and (dtype.kind in "bc" or new_dtype.kind in "bc"):
        raise TypeError(
            "bitcast_convert_type takes booleans and complex numbers to their own dtype only, got"
            f" {dtype.name} to {new_dtype.name}."
        )
    return elementwise.bitcast_convert_type_p.bind(operand, new_dtype=new_dtype)


def stop_gradient(x: Any) -> Any:
    """x, an array or a tree of arrays, with no derivative (`lax.stop_gradient`).

    >>> import minijax as jax
    >>> from minijax import lax
    >>> jax.grad(lambda x: x * lax.stop_gradient(x))(3.0)
    Array(3., dtype=float32, weak_type=True)
    """

    def stop(leaf):
        try:
            get_aval(leaf)
        except TypeError as error:
            raise TypeError(f"stop_gradient: {error}") from None
        return elementwise.stop_gradient_p.bind(leaf)

    return tree_map(stop, x)


# fmt: off
__all__ = [
    "AccuracyMode", "DotAlgorithm", "DotAlgorithmPreset", "RaggedDotDimensionNumbers", "Tolerance",
    "composite", "dce_sink", "ragged_dot_general", "scatter_apply", "stage", "stage_p",
    "ConvGeneralDilatedDimensionNumbers", "DotDimensionNumbers", "PrecisionLike",
    "approx_max_k", "approx_min_k", "broadcast_like", "broadcast_to_rank", "dtype", "empty", "index_take",
    "optimization_barrier", "platform_dependent", "ragged_dot", "reduce_precision", "shape_as_value",
    "FftType", "fft", "reduce", "reduce_window", "reduce_window_shape_tuple",
    "ConvDimensionNumbers", "conv", "conv_dimension_numbers", "conv_general_dilated", "conv_general_dilated_local",
    "conv_general_dilated_patches", "conv_general_permutations", "conv_general_shape_tuple", "conv_shape_tuple",
    "conv_transpose", "conv_transpose_shape_tuple", "conv_with_general_padding", "padtype_to_pads",
    "GatherDimensionNumbers", "GatherScatterMode", "Precision", "RoundingMethod", "ScatterDimensionNumbers",
    "argmax", "argmin",
    "all_gather", "all_to_all", "associative_scan", "axis_index", "axis_size", "pbroadcast", "pmax", "pmean", "pmin",
    "ppermute", "pshuffle", "psum", "psum_scatter", "pswapaxes", "cond", "fori_loop", "map", "scan", "switch", "while_loop",
    "with_sharding_constraint",
    "custom_linear_solve", "custom_root",
    "batch_matmul", "bitcast_convert_type", "broadcast", "broadcast_in_dim", "broadcast_shapes", "broadcasted_iota",
    "clamp", "collapse", "concatenate", "conj", "convert_element_type", "cumlogsumexp", "cummax", "cummin", "cumprod",
    "cumsum", "dot", "dot_general", "dynamic_index_in_dim", "dynamic_slice", "dynamic_slice_in_dim",
    "dynamic_update_index_in_dim", "dynamic_update_slice", "dynamic_update_slice_in_dim", "expand_dims", "full",
    "full_like", "gather", "index_in_dim", "integer_pow", "iota", "pad", "pow", "reciprocal", "reduce_and",
    "reduce_max", "reduce_min", "reduce_or", "reduce_prod", "reduce_sum", "reduce_xor", "reshape", "rev", "round",
    "scatter", "scatter_add", "scatter_max", "scatter_min", "scatter_mul", "scatter_sub", "select", "select_n",
    "slice", "slice_in_dim", "sort", "sort_key_val", "split", "squeeze", "stack", "stop_gradient", "tile", "top_k",
    "transpose", "unstack",
]
# fmt: on
# What many programs do without is imported when a program first asks for it.
_NAMES_ON_DEMAND = {
    ".more": "ConvGeneralDilatedDimensionNumbers DotDimensionNumbers PrecisionLike broadcast_like"
    " broadcast_to_rank dtype empty index_take platform_dependent ragged_dot reshape scatter_apply"
    " shape_as_value stage stage_p",
    ".convolutions": "conv conv_general_dilated_local conv_general_dilated_patches conv_transpose"
    " conv_with_general_padding",
    ".reductions": "reduce reduce_window reduce_window_shape_tuple",
    ".special": "bessel_i0e bessel_i1e betainc digamma igamma igamma_grad_a igammac lgamma polygamma random_gamma_grad zeta",
    "..api.associative_scan": "associative_scan",
    "..api.collectives": "all_gather all_to_all axis_index axis_size pbroadcast pmax pmean pmin ppermute pshuffle psum"
    " psum_scatter pswapaxes",
    "..api.composite": "composite",
    "..api.loops": "cond fori_loop map scan switch while_loop",
    "..api.solves": "custom_linear_solve custom_root",
    "..calls.cond": "cond_p",
    "..calls.linear_solve": "linear_solve_p",
    "..calls.scan": "scan_p",
    "..calls.while_loop": "while_p",
    "..calls.reductions": "reduce_p reduce_window_p",
    "..primitives.approx_top_k": "approx_max_k approx_min_k approx_top_k_p",
    "..primitives.collectives": "all_gather_p all_to_all_p axis_index_p pmax_p pmin_p ppermute_p psum_p",
    "..primitives.convolution": "conv_general_dilated conv_general_dilated_p",
    "..primitives.bessel": "bessel_i0e_p bessel_i1e_p",
    "..primitives.convolution_shapes": "ConvDimensionNumbers conv_dimension_numbers conv_general_permutations"
    " conv_general_shape_tuple conv_shape_tuple conv_transpose_shape_tuple padtype_to_pads",
    "..primitives.dot_algorithms": "DotAlgorithm DotAlgorithmPreset",
    "..primitives.extreme_scatters": "scatter_max scatter_max_p scatter_min scatter_min_p",
    "..primitives.fft": "FftType fft fft_p",
    "..primitives.gamma": "digamma_p lgamma_p polygamma_p zeta_p",
    "..primitives.incomplete": "igamma_grad_a_p igamma_p igammac_p regularized_incomplete_beta_p",
    "..primitives.ragged": "RaggedDotDimensionNumbers ragged_dot_general",
    "..primitives.reduce_windows": "reduce_window_max_p reduce_window_min_p reduce_window_sum_p select_and_gather_add_p"
    " select_and_scatter_add_p",
    "..primitives.sinks": "dce_sink dce_sink_p",
}
_later = " ".join(_NAMES_ON_DEMAND.values()).split()
__getattr__ = on_demand(globals(), ("linalg",), _NAMES_ON_DEMAND)

# The functions and primitives that the tables above made.
__all__ += [*_unary, *_binary, *_primitives, *[name for name in _later if name not in __all__]]

at_the_door(globals(), lazy=_later)
