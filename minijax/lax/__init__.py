"""`jax.lax`: the primitives as functions. They promote nothing: the arguments must agree in dtype and in rank.

Functions with parameters stand beside their primitives in `primitives/`; functions of arrays alone are made here, by a
table.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from importlib import import_module
from typing import Any

from ..api.associative_scan import associative_scan
from ..api.collectives import (
    all_gather,
    all_to_all,
    axis_index,
    axis_size,
    pbroadcast,
    pmax,
    pmean,
    pmin,
    ppermute,
    pshuffle,
    psum,
    psum_scatter,
    pswapaxes,
)
from ..api.composite import composite
from ..api.loops import cond, fori_loop, map, scan, switch, while_loop
from ..api.solves import custom_linear_solve, custom_root
from ..api.transfers import with_sharding_constraint
from ..core.array import to_array
from ..core.traces import Array, get_aval, given
from ..core.types import ArrayLike, DTypeLike
from ..foundation.doors import at_the_door
from ..foundation.dtypes import canonicalize_dtype, python_scalar_type
from ..foundation.left_out import absent
from ..foundation.pytrees import tree_map
from ..primitives import bessel, elementwise, gamma, incomplete  # noqa: F401  (rows, which the tables below name)
from ..primitives.accuracy import AccuracyMode, Tolerance, check_accuracy
from ..primitives.approx_top_k import approx_max_k, approx_min_k
from ..primitives.basis import reduce_sum, registry
from ..primitives.contractions import batch_matmul, dot, dot_general
from ..primitives.convolution import conv_general_dilated
from ..primitives.convolution_shapes import (
    ConvDimensionNumbers,
    conv_dimension_numbers,
    conv_general_permutations,
    conv_general_shape_tuple,
    conv_shape_tuple,
    conv_transpose_shape_tuple,
    padtype_to_pads,
)
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
from ..primitives.fft import FftType, fft
from ..primitives.indexing import (
    gather,
    scatter,
    scatter_add,
    scatter_max,
    scatter_min,
    scatter_mul,
    scatter_sub,
)
from ..primitives.joining import concatenate, split, stack, tile, unstack
from ..primitives.precision import DotAlgorithm, DotAlgorithmPreset, Precision
from ..primitives.ragged import RaggedDotDimensionNumbers, ragged_dot_general
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
from ..primitives.sinks import dce_sink
from ..primitives.sorting import sort, sort_key_val, top_k
from ..primitives.windows import GatherDimensionNumbers, GatherScatterMode, ScatterDimensionNumbers
from ..primitives.words import optimization_barrier, reduce_precision
from .convolutions import (
    conv,
    conv_general_dilated_local,
    conv_general_dilated_patches,
    conv_transpose,
    conv_with_general_padding,
)
from .more import (
    ConvGeneralDilatedDimensionNumbers,
    DotDimensionNumbers,
    PrecisionLike,
    broadcast_like,
    broadcast_to_rank,
    dtype,
    empty,
    index_take,
    platform_dependent,
    ragged_dot,
    reshape,
    scatter_apply,
    shape_as_value,
    stage,
    stage_p,
)
from .reductions import reduce, reduce_window, reduce_window_shape_tuple

# The functions that take an accuracy.
_accurate = set("cbrt cos exp exp2 expm1 log log1p logistic rsqrt sin sqrt tan tanh".split())

# {function: primitive} where the two names differ; the other functions have the primitive's name.
_unary = {
    **{
        name: name
        for name in "neg sign floor ceil is_finite exp exp2 log expm1 log1p sin cos tan asin acos atan".split()
    },
    **{name: name for name in "sinh cosh tanh asinh acosh atanh logistic erf erfc erf_inv lgamma digamma sqrt".split()},
    **{name: name for name in "bessel_i0e bessel_i1e".split()},
    **{name: name for name in "rsqrt cbrt square abs real imag population_count".split()},
    "bitwise_not": "not",
    "clz": "clz",
}
_binary = {
    **{name: name for name in "add sub mul div rem max min atan2 complex nextafter eq ne lt le gt ge".split()},
    **{name: name for name in "zeta polygamma igamma igammac igamma_grad_a random_gamma_grad".split()},
    "mulhi": "mulhi",
    **{name: name for name in "shift_left shift_right_logical shift_right_arithmetic".split()},
    "bitwise_and": "and",
    "bitwise_or": "or",
    "bitwise_xor": "xor",
}


# {name: an example, as `arguments -> what is printed`}
# fmt: off
_EXAMPLES = {
    "exp": "1.0 -> 2.718282", "exp2": "1.0 -> 2.0", "log": "1.0 -> 0.0", "expm1": "1.0 -> 1.7182819",
    "log1p": "1.0 -> 0.6931472", "sin": "1.0 -> 0.841471", "cos": "1.0 -> 0.5403023", "tan": "1.0 -> 1.5574077",
    "asin": "1.0 -> 1.5707964", "acos": "1.0 -> 0.0", "atan": "1.0 -> 0.7853982", "sinh": "1.0 -> 1.1752012",
    "cosh": "1.0 -> 1.5430807", "tanh": "1.0 -> 0.7615942", "asinh": "1.0 -> 0.8813736", "acosh": "1.0 -> 0.0",
    "logistic": "1.0 -> 0.7310586", "erf": "1.0 -> 0.8427008", "erfc": "1.0 -> 0.1572992", "bessel_i0e": "1.0 -> 0.4657596",
    "bessel_i1e": "1.0 -> 0.20791042", "atanh": "0.5 -> 0.54930615", "erf_inv": "0.5 -> 0.47693628",
    "lgamma": "5.0 -> 3.1780539", "digamma": "1.0 -> -0.5772157", "sqrt": "9.0 -> 3.0", "rsqrt": "4.0 -> 0.5",
    "cbrt": "27.0 -> 2.9999998", "square": "3.0 -> 9.0", "abs": "-3.0 -> 3.0", "real": "3 + 4j -> 3.0",
    "imag": "3 + 4j -> 4.0", "population_count": "7 -> 3", "neg": "3.0 -> -3.0", "sign": "-2.5 -> -1.0",
    "floor": "-1.5 -> -2.0", "ceil": "-1.5 -> -1.0", "is_finite": "1.0 -> True", "bitwise_not": "5 -> -6", "clz": "1 -> 31",
    "add": "2, 3 -> 5", "sub": "2, 3 -> -1", "mul": "2, 3 -> 6", "div": "3.0, 2.0 -> 1.5", "rem": "-7, 3 -> -1",
    "max": "2, 3 -> 3", "min": "2, 3 -> 2", "atan2": "1.0, -1.0 -> 2.3561945", "complex": "3.0, 4.0 -> (3+4j)",
    "nextafter": "1.0, 2.0 -> 1.0000001", "eq": "2, 2 -> True", "ne": "2, 2 -> False", "lt": "2, 3 -> True",
    "le": "3, 3 -> True", "gt": "2, 3 -> False", "ge": "3, 3 -> True", "zeta": "2.0, 1.0 -> 1.644934",
    "polygamma": "1.0, 1.0 -> 1.644934", "igamma": "1.0, 2.0 -> 0.86466473", "igammac": "1.0, 2.0 -> 0.13533528",
    "igamma_grad_a": "1.0, 2.0 -> -0.22082542", "random_gamma_grad": "1.0, 2.0 -> 1.6316915", "mulhi": "2**30, 8 -> 2",
    "shift_left": "3, 2 -> 12", "shift_right_logical": "-8, 1 -> 2147483644", "shift_right_arithmetic": "-8, 1 -> -4",
    "bitwise_and": "6, 3 -> 2", "bitwise_or": "6, 3 -> 7", "bitwise_xor": "6, 3 -> 5",
}
# fmt: on


def _of_a_and_x(bind: Callable) -> Callable:
    def function(a: ArrayLike, x: ArrayLike) -> Array:
        return bind(a, x)

    return function


def _of_m_and_x(bind: Callable) -> Callable:
    def function(m: ArrayLike, x: ArrayLike) -> Array:
        return bind(m, x)

    return function


def _of_x_and_q(bind: Callable) -> Callable:
    def function(x: ArrayLike, q: ArrayLike) -> Array:
        return bind(x, q)

    return function


def _of_x1_and_x2(bind: Callable) -> Callable:
    def function(x1: ArrayLike, x2: ArrayLike) -> Array:
        return bind(x1, x2)

    return function


# {function of two arrays: how it is made}, where JAX's keywords are not x and y.
_NAMED = {
    **dict.fromkeys(("igamma", "igammac", "igamma_grad_a"), _of_a_and_x),
    "polygamma": _of_m_and_x,
    "zeta": _of_x_and_q,
    "nextafter": _of_x1_and_x2,
}


def _function(name: str, primitive, arity: int):
    bind = primitive.bind
    if name in _accurate:

        def function(x: ArrayLike, *, accuracy: Tolerance | AccuracyMode | None = None) -> Array:
            if accuracy is None:
                return bind(x)
            check_accuracy(accuracy)
            return bind(x, accuracy=accuracy)
    elif arity == 1:

        def function(x: ArrayLike) -> Array:
            return bind(x)
    elif name in _NAMED:
        function = _NAMED[name](bind)
    else:

        def function(x: ArrayLike, y: ArrayLike) -> Array:
            return bind(x, y)

    # `reduce` knows lax.add by its primitive.
    function.primitive = primitive
    function.__name__ = function.__qualname__ = name
    accuracy = (
        " accuracy: what XLA may do for speed; a `lax.Tolerance` or `lax.AccuracyMode`." if name in _accurate else ""
    )
    arguments, printed = _EXAMPLES[name].split(" -> ")
    function.__doc__ = f"""The primitive `{primitive.name}`, element by element (`jax.lax.{name}`).{accuracy}

    >>> from minijax import lax
    >>> print(lax.{name}({arguments}))
    {printed}
    """
    return function


for _table, _arity in ((_unary, 1), (_binary, 2)):
    for _name, _primitive in _table.items():
        globals()[_name] = _function(_name, registry[_primitive], _arity)


def betainc(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> Array:
    """The regularized incomplete beta function I_x(a, b), element by element (`jax.lax.betainc`).

    It has no derivative by a and b.

    >>> betainc(1., 2., 0.5)
    Array(0.75, dtype=float32, weak_type=True)
    """
    return registry["regularized_incomplete_beta"].bind(a, b, x)


# The primitives under JAX's names, `lax.sin_p`, `lax.scatter_add_p`; without the ones that jax.lax lacks.
_elsewhere = (
    "add_any jit name pbroadcast reduce_scatter remat2 custom_jvp_call custom_vjp_call custom_lin custom_linear_solve linear_call"
    " composite custom_vmap_call ragged_dot_general random_gamma_grad random_gamma_grad_by_a random_gamma_grad_by_x debug_print"
    " debug_callback pure_callback io_callback shard_map difference_of_squares"
).split()
_primitives = {name.replace("-", "_") + "_p": p for name, p in registry.items() if name not in _elsewhere}
_primitives["linear_solve_p"] = registry["custom_linear_solve"]
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
    if new_dtype is None:
        raise ValueError("convert_element_type: dtype must be specified.")
    return given(_convert_element_type(operand, canonicalize_dtype(new_dtype)))


def bitcast_convert_type(operand: ArrayLike, new_dtype: DTypeLike) -> Array:
    """The same bits, read as another dtype (`lax.bitcast_convert_type`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.bitcast_convert_type(jnp.float32(1.0), "int32")
    Array(1065353216, dtype=int32)
    """
    dtype, new_dtype = get_aval(operand).dtype, canonicalize_dtype(new_dtype)
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
# The functions and primitives that the tables above made.
__all__ += [*_unary, *_binary, *_primitives]

at_the_door(globals())


# Modules that are imported when a program first asks for them.
_ON_DEMAND = ("linalg",)


def __getattr__(name: str):
    if name in _ON_DEMAND:
        return import_module(f"{__name__}.{name}")
    raise absent(__name__, name)
