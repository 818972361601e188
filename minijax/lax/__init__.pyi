"""Made by `python -m tests.stubs` from the code: do not edit."""

from builtins import bool as _bool
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Never


from ..core.primitive import Primitive
from ..core.traces import Array
from ..core.types import ArrayLike, Axis, DTypeLike, Index, Shape
from . import linalg as linalg

import enum

class RoundingMethod(enum.IntEnum):
    AWAY_FROM_ZERO = 0
    TO_NEAREST_EVEN = 1

from ..primitives.accuracy import AccuracyMode as AccuracyMode
from ..primitives.convolution_shapes import ConvDimensionNumbers as ConvDimensionNumbers
from .more import ConvGeneralDilatedDimensionNumbers as ConvGeneralDilatedDimensionNumbers
from ..primitives.dot_algorithms import DotAlgorithm as DotAlgorithm
from ..primitives.dot_algorithms import DotAlgorithmPreset as DotAlgorithmPreset
from .more import DotDimensionNumbers as DotDimensionNumbers
from ..primitives.fft import FftType as FftType
from ..primitives.windows import GatherDimensionNumbers as GatherDimensionNumbers
from ..primitives.windows import GatherScatterMode as GatherScatterMode
from ..primitives.precision import Precision as Precision
from .more import PrecisionLike as PrecisionLike
from ..primitives.ragged import RaggedDotDimensionNumbers as RaggedDotDimensionNumbers
from ..primitives.windows import ScatterDimensionNumbers as ScatterDimensionNumbers
from ..primitives.accuracy import Tolerance as Tolerance
from ..api.collectives import all_gather as all_gather
from ..api.collectives import all_to_all as all_to_all
from ..primitives.approx_top_k import approx_max_k as approx_max_k
from ..primitives.approx_top_k import approx_min_k as approx_min_k
from ..primitives.reductions import argmax as argmax
from ..primitives.reductions import argmin as argmin
from ..api.associative_scan import associative_scan as associative_scan
from ..api.collectives import axis_index as axis_index
from ..api.collectives import axis_size as axis_size
from ..primitives.contractions import batch_matmul as batch_matmul
from .special import betainc as betainc
from ..primitives.shapes import broadcast as broadcast
from ..primitives.basis import broadcast_in_dim as broadcast_in_dim
from .more import broadcast_like as broadcast_like
from ..primitives.shapes import broadcast_shapes as broadcast_shapes
from .more import broadcast_to_rank as broadcast_to_rank
from ..primitives.shapes import broadcasted_iota as broadcasted_iota
from ..primitives.shapes import collapse as collapse
from ..api.composite import composite as composite
from ..primitives.joining import concatenate as concatenate
from ..api.loops import cond as cond
from .convolutions import conv as conv
from ..primitives.convolution_shapes import conv_dimension_numbers as conv_dimension_numbers
from ..primitives.convolution import conv_general_dilated as conv_general_dilated
from .convolutions import conv_general_dilated_local as conv_general_dilated_local
from .convolutions import conv_general_dilated_patches as conv_general_dilated_patches
from ..primitives.convolution_shapes import conv_general_permutations as conv_general_permutations
from ..primitives.convolution_shapes import conv_general_shape_tuple as conv_general_shape_tuple
from ..primitives.convolution_shapes import conv_shape_tuple as conv_shape_tuple
from .convolutions import conv_transpose as conv_transpose
from ..primitives.convolution_shapes import conv_transpose_shape_tuple as conv_transpose_shape_tuple
from .convolutions import conv_with_general_padding as conv_with_general_padding
from ..primitives.sinks import dce_sink as dce_sink
from ..primitives.contractions import dot as dot
from ..primitives.contractions import dot_general as dot_general
from .more import dtype as dtype
from ..primitives.dynamic_slices import dynamic_index_in_dim as dynamic_index_in_dim
from ..primitives.dynamic_slices import dynamic_slice as dynamic_slice
from ..primitives.dynamic_slices import dynamic_slice_in_dim as dynamic_slice_in_dim
from ..primitives.dynamic_slices import dynamic_update_index_in_dim as dynamic_update_index_in_dim
from ..primitives.dynamic_slices import dynamic_update_slice as dynamic_update_slice
from ..primitives.dynamic_slices import dynamic_update_slice_in_dim as dynamic_update_slice_in_dim
from .more import empty as empty
from ..primitives.basis import expand_dims as expand_dims
from ..primitives.fft import fft as fft
from ..api.loops import fori_loop as fori_loop
from ..primitives.shapes import full as full
from ..primitives.shapes import full_like as full_like
from ..primitives.indexing import gather as gather
from ..primitives.shapes import index_in_dim as index_in_dim
from .more import index_take as index_take
from ..primitives.arithmetic import integer_pow as integer_pow
from ..primitives.shapes import iota as iota
from ..api.loops import map as map
from ..primitives.words import optimization_barrier as optimization_barrier
from ..primitives.shapes import pad as pad
from ..primitives.convolution_shapes import padtype_to_pads as padtype_to_pads
from ..api.collectives import pbroadcast as pbroadcast
from .more import platform_dependent as platform_dependent
from ..api.collectives import pmax as pmax
from ..api.collectives import pmean as pmean
from ..api.collectives import pmin as pmin
from ..api.collectives import ppermute as ppermute
from ..api.collectives import pshuffle as pshuffle
from ..api.collectives import psum as psum
from ..api.collectives import psum_scatter as psum_scatter
from ..api.collectives import pswapaxes as pswapaxes
from .more import ragged_dot as ragged_dot
from ..primitives.ragged import ragged_dot_general as ragged_dot_general
from .reductions import reduce as reduce
from ..primitives.words import reduce_precision as reduce_precision
from ..primitives.basis import reduce_sum as reduce_sum
from .reductions import reduce_window as reduce_window
from .reductions import reduce_window_shape_tuple as reduce_window_shape_tuple
from .more import reshape as reshape
from ..primitives.shapes import rev as rev
from ..api.loops import scan as scan
from .more import scatter_apply as scatter_apply
from ..primitives.arithmetic import select as select
from .more import shape_as_value as shape_as_value
from ..primitives.shapes import slice as slice
from ..primitives.shapes import slice_in_dim as slice_in_dim
from ..primitives.sorting import sort as sort
from ..primitives.sorting import sort_key_val as sort_key_val
from ..primitives.joining import split as split
from ..primitives.basis import squeeze as squeeze
from ..primitives.joining import stack as stack
from .more import stage as stage
from ..api.loops import switch as switch
from ..primitives.joining import tile as tile
from ..primitives.sorting import top_k as top_k
from ..primitives.basis import transpose as transpose
from ..primitives.joining import unstack as unstack
from ..api.loops import while_loop as while_loop
from ..api.transfers import with_sharding_constraint as with_sharding_constraint
def abs(x: ArrayLike) -> Array: ...
abs_p: Primitive
def acos(x: ArrayLike) -> Array: ...
acos_p: Primitive
def acosh(x: ArrayLike) -> Array: ...
acosh_p: Primitive
def add(x: ArrayLike, y: ArrayLike) -> Array: ...
add_p: Primitive
all_gather_p: Primitive
all_to_all_p: Primitive
and_p: Primitive
approx_top_k_p: Primitive
argmax_p: Primitive
argmin_p: Primitive
def asin(x: ArrayLike) -> Array: ...
asin_p: Primitive
def asinh(x: ArrayLike) -> Array: ...
asinh_p: Primitive
def atan(x: ArrayLike) -> Array: ...
def atan2(x: ArrayLike, y: ArrayLike) -> Array: ...
atan2_p: Primitive
atan_p: Primitive
def atanh(x: ArrayLike) -> Array: ...
atanh_p: Primitive
axis_index_p: Primitive
def bessel_i0e(x: ArrayLike) -> Array: ...
bessel_i0e_p: Primitive
def bessel_i1e(x: ArrayLike) -> Array: ...
bessel_i1e_p: Primitive
def bitcast_convert_type(operand: ArrayLike, new_dtype: DTypeLike) -> Array: ...
bitcast_convert_type_p: Primitive
def bitwise_and(x: ArrayLike, y: ArrayLike) -> Array: ...
def bitwise_not(x: ArrayLike) -> Array: ...
def bitwise_or(x: ArrayLike, y: ArrayLike) -> Array: ...
def bitwise_xor(x: ArrayLike, y: ArrayLike) -> Array: ...
broadcast_in_dim_p: Primitive
def cbrt(x: ArrayLike, *, accuracy: Tolerance | AccuracyMode | None = ...) -> Array: ...
cbrt_p: Primitive
def ceil(x: ArrayLike) -> Array: ...
ceil_p: Primitive
def clamp(min: ArrayLike | None, x: ArrayLike, max: ArrayLike | None) -> Array: ...
clamp_p: Primitive
def clz(x: ArrayLike) -> Array: ...
clz_p: Primitive
def complex(x: ArrayLike, y: ArrayLike) -> Array: ...
complex_p: Primitive
concatenate_p: Primitive
cond_p: Primitive
def conj(x: ArrayLike) -> Array: ...
conj_p: Primitive
conv_general_dilated_p: Primitive
def convert_element_type(operand: ArrayLike, new_dtype: DTypeLike) -> Array: ...
convert_element_type_p: Primitive
copy_p: Primitive
def cos(x: ArrayLike, *, accuracy: Tolerance | AccuracyMode | None = ...) -> Array: ...
cos_p: Primitive
def cosh(x: ArrayLike) -> Array: ...
cosh_p: Primitive
def cumlogsumexp(operand: ArrayLike, axis: int = ..., reverse: _bool = ...) -> Array: ...
cumlogsumexp_p: Primitive
def cummax(operand: ArrayLike, axis: int = ..., reverse: _bool = ...) -> Array: ...
cummax_p: Primitive
def cummin(operand: ArrayLike, axis: int = ..., reverse: _bool = ...) -> Array: ...
cummin_p: Primitive
def cumprod(operand: ArrayLike, axis: int = ..., reverse: _bool = ...) -> Array: ...
cumprod_p: Primitive
def cumsum(operand: ArrayLike, axis: int = ..., reverse: _bool = ...) -> Array: ...
cumsum_p: Primitive
def custom_linear_solve(matvec: Callable[..., Any], b: Any, solve: Callable[..., Any], transpose_solve: Callable[..., Any] | None = ..., symmetric: _bool = ..., has_aux: _bool = ...) -> Any: ...
def custom_root(f: Callable[..., Any], initial_guess: Any, solve: Callable[..., Any], tangent_solve: Callable[..., Any], has_aux: _bool = ...) -> Any: ...
dce_sink_p: Primitive
def digamma(x: ArrayLike) -> Array: ...
digamma_p: Primitive
def div(x: ArrayLike, y: ArrayLike) -> Array: ...
div_p: Primitive
dot_general_p: Primitive
dynamic_slice_p: Primitive
dynamic_update_slice_p: Primitive
def eq(x: ArrayLike, y: ArrayLike) -> Array: ...
eq_p: Primitive
eq_to_p: Primitive
def erf(x: ArrayLike) -> Array: ...
def erf_inv(x: ArrayLike) -> Array: ...
erf_inv_p: Primitive
erf_p: Primitive
def erfc(x: ArrayLike) -> Array: ...
erfc_p: Primitive
def exp(x: ArrayLike, *, accuracy: Tolerance | AccuracyMode | None = ...) -> Array: ...
def exp2(x: ArrayLike, *, accuracy: Tolerance | AccuracyMode | None = ...) -> Array: ...
exp2_p: Primitive
exp_p: Primitive
def expm1(x: ArrayLike, *, accuracy: Tolerance | AccuracyMode | None = ...) -> Array: ...
expm1_p: Primitive
fft_p: Primitive
def floor(x: ArrayLike) -> Array: ...
floor_p: Primitive
gather_p: Primitive
def ge(x: ArrayLike, y: ArrayLike) -> Array: ...
ge_p: Primitive
def gt(x: ArrayLike, y: ArrayLike) -> Array: ...
gt_p: Primitive
def igamma(a: ArrayLike, x: ArrayLike) -> Array: ...
def igamma_grad_a(a: ArrayLike, x: ArrayLike) -> Array: ...
igamma_grad_a_p: Primitive
igamma_p: Primitive
def igammac(a: ArrayLike, x: ArrayLike) -> Array: ...
igammac_p: Primitive
def imag(x: ArrayLike) -> Array: ...
imag_p: Primitive
integer_pow_p: Primitive
iota_p: Primitive
def is_finite(x: ArrayLike) -> Array: ...
is_finite_p: Primitive
def le(x: ArrayLike, y: ArrayLike) -> Array: ...
le_p: Primitive
le_to_p: Primitive
def lgamma(x: ArrayLike) -> Array: ...
lgamma_p: Primitive
linear_solve_p: Primitive
def log(x: ArrayLike, *, accuracy: Tolerance | AccuracyMode | None = ...) -> Array: ...
def log1p(x: ArrayLike, *, accuracy: Tolerance | AccuracyMode | None = ...) -> Array: ...
log1p_p: Primitive
log_p: Primitive
def logistic(x: ArrayLike, *, accuracy: Tolerance | AccuracyMode | None = ...) -> Array: ...
logistic_p: Primitive
def lt(x: ArrayLike, y: ArrayLike) -> Array: ...
lt_p: Primitive
lt_to_p: Primitive
def max(x: ArrayLike, y: ArrayLike) -> Array: ...
max_p: Primitive
def min(x: ArrayLike, y: ArrayLike) -> Array: ...
min_p: Primitive
def mul(x: ArrayLike, y: ArrayLike) -> Array: ...
mul_p: Primitive
def mulhi(x: ArrayLike, y: ArrayLike) -> Array: ...
mulhi_p: Primitive
def ne(x: ArrayLike, y: ArrayLike) -> Array: ...
ne_p: Primitive
def neg(x: ArrayLike) -> Array: ...
neg_p: Primitive
def nextafter(x1: ArrayLike, x2: ArrayLike) -> Array: ...
nextafter_p: Primitive
not_p: Primitive
optimization_barrier_p: Primitive
or_p: Primitive
pad_p: Primitive
pmax_p: Primitive
pmin_p: Primitive
def polygamma(m: ArrayLike, x: ArrayLike) -> Array: ...
polygamma_p: Primitive
def population_count(x: ArrayLike) -> Array: ...
population_count_p: Primitive
def pow(x: ArrayLike, y: ArrayLike) -> Array: ...
pow_p: Primitive
ppermute_p: Primitive
psum_p: Primitive
def random_gamma_grad(x: ArrayLike, y: ArrayLike) -> Array: ...
def real(x: ArrayLike) -> Array: ...
real_p: Primitive
def reciprocal(x: ArrayLike) -> Array: ...
def reduce_and(operand: ArrayLike, axes: Sequence[int]) -> Array: ...
reduce_and_p: Primitive
def reduce_max(operand: ArrayLike, axes: Sequence[int]) -> Array: ...
reduce_max_p: Primitive
def reduce_min(operand: ArrayLike, axes: Sequence[int]) -> Array: ...
reduce_min_p: Primitive
def reduce_or(operand: ArrayLike, axes: Sequence[int]) -> Array: ...
reduce_or_p: Primitive
reduce_p: Primitive
reduce_precision_p: Primitive
def reduce_prod(operand: ArrayLike, axes: Sequence[int]) -> Array: ...
reduce_prod_p: Primitive
reduce_sum_p: Primitive
reduce_window_max_p: Primitive
reduce_window_min_p: Primitive
reduce_window_p: Primitive
reduce_window_sum_p: Primitive
def reduce_xor(operand: ArrayLike, axes: Sequence[int]) -> Array: ...
reduce_xor_p: Primitive
regularized_incomplete_beta_p: Primitive
def rem(x: ArrayLike, y: ArrayLike) -> Array: ...
rem_p: Primitive
reshape_p: Primitive
rev_p: Primitive
def round(x: ArrayLike, rounding_method: RoundingMethod = ...) -> Array: ...
round_p: Primitive
def rsqrt(x: ArrayLike, *, accuracy: Tolerance | AccuracyMode | None = ...) -> Array: ...
rsqrt_p: Primitive
scan_p: Primitive
def scatter(operand: ArrayLike, scatter_indices: ArrayLike, updates: ArrayLike, dimension_numbers: ScatterDimensionNumbers, *, indices_are_sorted: _bool = ..., unique_indices: _bool = ..., mode: Any = ...) -> Array: ...
def scatter_add(operand: ArrayLike, scatter_indices: ArrayLike, updates: ArrayLike, dimension_numbers: ScatterDimensionNumbers, *, indices_are_sorted: _bool = ..., unique_indices: _bool = ..., mode: Any = ...) -> Array: ...
scatter_add_p: Primitive
def scatter_max(operand: ArrayLike, scatter_indices: ArrayLike, updates: ArrayLike, dimension_numbers: ScatterDimensionNumbers, *, indices_are_sorted: _bool = ..., unique_indices: _bool = ..., mode: Any = ...) -> Array: ...
scatter_max_p: Primitive
def scatter_min(operand: ArrayLike, scatter_indices: ArrayLike, updates: ArrayLike, dimension_numbers: ScatterDimensionNumbers, *, indices_are_sorted: _bool = ..., unique_indices: _bool = ..., mode: Any = ...) -> Array: ...
scatter_min_p: Primitive
def scatter_mul(operand: ArrayLike, scatter_indices: ArrayLike, updates: ArrayLike, dimension_numbers: ScatterDimensionNumbers, *, indices_are_sorted: _bool = ..., unique_indices: _bool = ..., mode: Any = ...) -> Array: ...
scatter_mul_p: Primitive
scatter_p: Primitive
def scatter_sub(operand: ArrayLike, scatter_indices: ArrayLike, updates: ArrayLike, dimension_numbers: ScatterDimensionNumbers, *, indices_are_sorted: _bool = ..., unique_indices: _bool = ..., mode: Any = ...) -> Array: ...
scatter_sub_p: Primitive
select_and_gather_add_p: Primitive
select_and_scatter_add_p: Primitive
def select_n(which: ArrayLike, *cases: ArrayLike) -> Array: ...
select_n_p: Primitive
def shift_left(x: ArrayLike, y: ArrayLike) -> Array: ...
shift_left_p: Primitive
def shift_right_arithmetic(x: ArrayLike, y: ArrayLike) -> Array: ...
shift_right_arithmetic_p: Primitive
def shift_right_logical(x: ArrayLike, y: ArrayLike) -> Array: ...
shift_right_logical_p: Primitive
def sign(x: ArrayLike) -> Array: ...
sign_p: Primitive
def sin(x: ArrayLike, *, accuracy: Tolerance | AccuracyMode | None = ...) -> Array: ...
sin_p: Primitive
def sinh(x: ArrayLike) -> Array: ...
sinh_p: Primitive
slice_p: Primitive
sort_p: Primitive
split_p: Primitive
def sqrt(x: ArrayLike, *, accuracy: Tolerance | AccuracyMode | None = ...) -> Array: ...
sqrt_p: Primitive
def square(x: ArrayLike) -> Array: ...
square_p: Primitive
squeeze_p: Primitive
stack_p: Primitive
stage_p: Primitive
def stop_gradient(x: Any) -> Any: ...
stop_gradient_p: Primitive
def sub(x: ArrayLike, y: ArrayLike) -> Array: ...
sub_p: Primitive
def tan(x: ArrayLike, *, accuracy: Tolerance | AccuracyMode | None = ...) -> Array: ...
tan_p: Primitive
def tanh(x: ArrayLike, *, accuracy: Tolerance | AccuracyMode | None = ...) -> Array: ...
tanh_p: Primitive
tile_p: Primitive
top_k_p: Primitive
transpose_p: Primitive
unstack_p: Primitive
while_p: Primitive
xor_p: Primitive
def zeta(x: ArrayLike, q: ArrayLike) -> Array: ...
zeta_p: Primitive
