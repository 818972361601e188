"""Made by `python -m tests.stubs` from the code: do not edit."""

from builtins import bool as _bool
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Never


from ..core.primitive import Primitive
from ..core.traces import Array
from ..core.types import ArrayLike, Axis, DTypeLike, Index, Shape
from . import fft as fft
from . import linalg as linalg
from .scalar_types import _ScalarMeta

bfloat16: _ScalarMeta

from numpy.exceptions import ComplexWarning as ComplexWarning
from .ufuncs import abs as abs
from .ufuncs import absolute as absolute
from .reductions import all as all
from .comparing import allclose as allclose
from .reductions import amax as amax
from .reductions import amin as amin
from .ufuncs import angle as angle
from .reductions import any as any
from .manipulation import append as append
from .vectorize import apply_along_axis as apply_along_axis
from .vectorize import apply_over_axes as apply_over_axes
from .creation import arange as arange
from .ufuncs import arccosh as arccosh
from .sorting import argpartition as argpartition
from .sorting import argsort as argsort
from .choosing import argwhere as argwhere
from .creation import array as array
from .comparing import array_equal as array_equal
from .comparing import array_equiv as array_equiv
from .manipulation import array_split as array_split
from .creation import asarray as asarray
from .creation import astype as astype
from .statistics import average as average
from .windows import bartlett as bartlett
from .counting import bincount as bincount
from .number_kinds import bitwise_count as bitwise_count
from .windows import blackman as blackman
from .manipulation import block as block
from .util import broadcast_arrays as broadcast_arrays
from .util import broadcast_shapes as broadcast_shapes
from .util import broadcast_to as broadcast_to
from numpy import character as character
from .choosing import choose as choose
from .number_kinds import clip as clip
from .manipulation import column_stack as column_stack
from numpy import complexfloating as complexfloating
from .choosing import compress as compress
from .manipulation import concat as concat
from .manipulation import concatenate as concatenate
from .ufuncs import conjugate as conjugate
from .polynomials import convolve as convolve
from .creation import copy as copy
from .number_kinds import copysign as copysign
from .statistics import corrcoef as corrcoef
from .polynomials import correlate as correlate
from .reductions import count_nonzero as count_nonzero
from .statistics import cov as cov
from .contractions import cross as cross
from .cumulative import cumprod as cumprod
from .cumulative import cumsum as cumsum
from .cumulative import cumulative_prod as cumulative_prod
from .cumulative import cumulative_sum as cumulative_sum
from .ufuncs import deg2rad as deg2rad
from .inserting import delete as delete
from .diagonals import diag as diag
from .diagonals import diag_indices as diag_indices
from .diagonals import diag_indices_from as diag_indices_from
from .diagonals import diagflat as diagflat
from .diagonals import diagonal as diagonal
from .analysis import diff as diff
from .sorting import digitize as digitize
from .arithmetic import divmod as divmod
from .contractions import dot as dot
from .manipulation import dsplit as dsplit
from .manipulation import dstack as dstack
from numpy import dtype as dtype
from .analysis import ediff1d as ediff1d
from .contractions import einsum as einsum
from .contractions import einsum_path as einsum_path
from .creation import empty_like as empty_like
from .manipulation import expand_dims as expand_dims
from .choosing import extract as extract
from .grids import eye as eye
from .ufuncs import fabs as fabs
from .diagonals import fill_diagonal as fill_diagonal
from ..foundation.dtypes import finfo as finfo
from .choosing import flatnonzero as flatnonzero
from numpy import flexible as flexible
from .manipulation import flip as flip
from .manipulation import fliplr as fliplr
from .manipulation import flipud as flipud
from numpy import floating as floating
from .arithmetic import floor_divide as floor_divide
from .arithmetic import fmax as fmax
from .arithmetic import fmin as fmin
from .arithmetic import fmod as fmod
from .bits import frexp as frexp
from .creation import from_dlpack as from_dlpack
from .creation import frombuffer as frombuffer
from .vectorize import fromfunction as fromfunction
from .ufunc_objects import frompyfunc as frompyfunc
from .attributes import fromstring as fromstring
from .creation import full as full
from .creation import full_like as full_like
from .bits import gcd as gcd
from numpy import generic as generic
from .creation import geomspace as geomspace
from .analysis import gradient as gradient
from .windows import hamming as hamming
from .windows import hanning as hanning
from .arithmetic import heaviside as heaviside
from .counting import histogram as histogram
from .counting import histogram2d as histogram2d
from .counting import histogram_bin_edges as histogram_bin_edges
from .counting import histogramdd as histogramdd
from .manipulation import hsplit as hsplit
from .manipulation import hstack as hstack
from .arithmetic import hypot as hypot
from .windows import i0 as i0
from .grids import identity as identity
from ..foundation.dtypes import iinfo as iinfo
from .ufuncs import imag as imag
from .grids import indices as indices
from numpy import inexact as inexact
from .contractions import inner as inner
from .inserting import insert as insert
from numpy import integer as integer
from .analysis import interp as interp
from .sets import intersect1d as intersect1d
from .comparing import isclose as isclose
from .number_kinds import iscomplex as iscomplex
from .attributes import iscomplexobj as iscomplexobj
from .attributes import isdtype as isdtype
from .number_kinds import isfinite as isfinite
from .sets import isin as isin
from .number_kinds import isinf as isinf
from .number_kinds import isnan as isnan
from .number_kinds import isreal as isreal
from .attributes import isrealobj as isrealobj
from .attributes import isscalar as isscalar
from .attributes import issubdtype as issubdtype
from .grids import ix_ as ix_
from .windows import kaiser as kaiser
from .contractions import kron as kron
from .bits import lcm as lcm
from .bits import ldexp as ldexp
from .sorting import lexsort as lexsort
from .creation import linspace as linspace
from .attributes import load as load
from .ufuncs import log10 as log10
from .ufuncs import log2 as log2
from .arithmetic import logaddexp as logaddexp
from .arithmetic import logaddexp2 as logaddexp2
from .ufuncs import logical_not as logical_not
from .creation import logspace as logspace
from .choosing import mask_indices as mask_indices
from .contractions import matmul as matmul
from .manipulation import matrix_transpose as matrix_transpose
from .contractions import matvec as matvec
from .reductions import max as max
from .statistics import mean as mean
from .quantiles import median as median
from .grids import meshgrid as meshgrid
from .reductions import min as min
from .arithmetic import modf as modf
from .manipulation import moveaxis as moveaxis
from .number_kinds import nan_to_num as nan_to_num
from .cumulative import nancumprod as nancumprod
from .cumulative import nancumsum as nancumsum
from .nan_reductions import nanmax as nanmax
from .nan_reductions import nanmean as nanmean
from .quantiles import nanmedian as nanmedian
from .nan_reductions import nanmin as nanmin
from .quantiles import nanpercentile as nanpercentile
from .nan_reductions import nanprod as nanprod
from .quantiles import nanquantile as nanquantile
from .nan_reductions import nanstd as nanstd
from .nan_reductions import nansum as nansum
from .nan_reductions import nanvar as nanvar
from ..core.traces import Array as ndarray
from .attributes import ndim as ndim
from .choosing import nonzero as nonzero
from numpy import number as number
from numpy import object_ as object_
from .contractions import outer as outer
from .bits import packbits as packbits
from .padding import pad as pad
from .sorting import partition as partition
from .quantiles import percentile as percentile
from .manipulation import permute_dims as permute_dims
from .inserting import piecewise as piecewise
from .taking import place as place
from .polynomial_fits import poly as poly
from .polynomials import polyadd as polyadd
from .polynomials import polyder as polyder
from .polynomials import polydiv as polydiv
from .polynomial_fits import polyfit as polyfit
from .polynomials import polyint as polyint
from .polynomials import polymul as polymul
from .polynomials import polysub as polysub
from .polynomials import polyval as polyval
from .ufuncs import positive as positive
from .arithmetic import power as power
from .reductions import prod as prod
from ..foundation.dtypes import promote_types as promote_types
from .reductions import ptp as ptp
from .taking import put as put
from .taking import put_along_axis as put_along_axis
from .quantiles import quantile as quantile
from .ufuncs import rad2deg as rad2deg
from .manipulation import ravel as ravel
from .diagonals import ravel_multi_index as ravel_multi_index
from .ufuncs import real as real
from .ufuncs import reciprocal as reciprocal
from .arithmetic import remainder as remainder
from .repeating import repeat as repeat
from .manipulation import reshape as reshape
from .repeating import resize as resize
from ..foundation.dtypes import result_type as result_type
from .ufuncs import rint as rint
from .repeating import roll as roll
from .manipulation import rollaxis as rollaxis
from .polynomial_fits import roots as roots
from .manipulation import rot90 as rot90
from .ufuncs import round as round
from .sorting import searchsorted as searchsorted
from .choosing import select as select
from .sets import setdiff1d as setdiff1d
from .sets import setxor1d as setxor1d
from .attributes import shape as shape
from .number_kinds import signbit as signbit
from numpy import signedinteger as signedinteger
from .arithmetic import sinc as sinc
from .attributes import size as size
from .sorting import sort as sort
from .sorting import sort_complex as sort_complex
from .bits import spacing as spacing
from .manipulation import split as split
from .manipulation import squeeze as squeeze
from .manipulation import stack as stack
from .statistics import std as std
from .reductions import sum as sum
from .manipulation import swapaxes as swapaxes
from .taking import take as take
from .taking import take_along_axis as take_along_axis
from .contractions import tensordot as tensordot
from .repeating import tile as tile
from .diagonals import trace as trace
from .manipulation import transpose as transpose
from .analysis import trapezoid as trapezoid
from .grids import tri as tri
from .grids import tril as tril
from .diagonals import tril_indices as tril_indices
from .diagonals import tril_indices_from as tril_indices_from
from .inserting import trim_zeros as trim_zeros
from .grids import triu as triu
from .diagonals import triu_indices as triu_indices
from .diagonals import triu_indices_from as triu_indices_from
from .ufuncs import trunc as trunc
from .ufunc_objects import ufunc as ufunc
from .sets import union1d as union1d
from .sets import unique as unique
from .sets import unique_all as unique_all
from .sets import unique_counts as unique_counts
from .sets import unique_inverse as unique_inverse
from .sets import unique_values as unique_values
from .bits import unpackbits as unpackbits
from .diagonals import unravel_index as unravel_index
from numpy import unsignedinteger as unsignedinteger
from .manipulation import unstack as unstack
from .analysis import unwrap as unwrap
from .polynomials import vander as vander
from .statistics import var as var
from .contractions import vdot as vdot
from .contractions import vecdot as vecdot
from .contractions import vecmat as vecmat
from .vectorize import vectorize as vectorize
from .manipulation import vsplit as vsplit
from .manipulation import vstack as vstack
from .choosing import where as where
def acos(x: ArrayLike, /) -> Array: ...
def acosh(x: ArrayLike, /) -> Array: ...
def add(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def arccos(x: ArrayLike, /) -> Array: ...
def arcsin(x: ArrayLike, /) -> Array: ...
def arcsinh(x: ArrayLike, /) -> Array: ...
def arctan(x: ArrayLike, /) -> Array: ...
def arctan2(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def arctanh(x: ArrayLike, /) -> Array: ...
def argmax(a: ArrayLike, axis: int | None = ..., out: None = ..., keepdims: _bool | None = ...) -> Array: ...
def argmin(a: ArrayLike, axis: int | None = ..., out: None = ..., keepdims: _bool | None = ...) -> Array: ...
def around(a: ArrayLike, decimals: int = ..., out: None = ...) -> Array: ...
array_repr: Callable[..., Any]
array_str: Callable[..., Any]
def asin(x: ArrayLike, /) -> Array: ...
def asinh(x: ArrayLike, /) -> Array: ...
def atan(x: ArrayLike, /) -> Array: ...
def atan2(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def atanh(x: ArrayLike, /) -> Array: ...
def atleast_1d(*arys: ArrayLike) -> Any: ...
def atleast_2d(*arys: ArrayLike) -> Any: ...
def atleast_3d(*arys: ArrayLike) -> Any: ...
def bitwise_and(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def bitwise_invert(x: ArrayLike, /) -> Array: ...
def bitwise_left_shift(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def bitwise_not(x: ArrayLike, /) -> Array: ...
def bitwise_or(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def bitwise_right_shift(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def bitwise_xor(x: ArrayLike, y: ArrayLike, /) -> Array: ...
bool: _ScalarMeta
bool_: _ScalarMeta
c_: Any
can_cast: Callable[..., Any]
def cbrt(x: ArrayLike, /) -> Array: ...
cdouble: _ScalarMeta
def ceil(x: ArrayLike, /) -> Array: ...
complex128: _ScalarMeta
complex64: _ScalarMeta
complex_: _ScalarMeta
def conj(x: ArrayLike, /) -> Array: ...
def cos(x: ArrayLike, /) -> Array: ...
def cosh(x: ArrayLike, /) -> Array: ...
csingle: _ScalarMeta
def degrees(x: ArrayLike, /) -> Array: ...
def divide(x: ArrayLike, y: ArrayLike, /) -> Array: ...
double: _ScalarMeta
def empty(shape: int | Shape, dtype: DTypeLike | None = ..., *, device: Any = ..., out_sharding: Any = ...) -> Array: ...
def equal(x: ArrayLike, y: ArrayLike, /) -> Array: ...
euler_gamma: float
def exp(x: ArrayLike, /) -> Array: ...
def exp2(x: ArrayLike, /) -> Array: ...
def expm1(x: ArrayLike, /) -> Array: ...
float32: _ScalarMeta
float64: _ScalarMeta
float_: _ScalarMeta
def float_power(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def floor(x: ArrayLike, /) -> Array: ...
def fromfile(*args: Any, **kwargs: Any) -> Never: ...
def fromiter(*args: Any, **kwargs: Any) -> Never: ...
get_printoptions: Callable[..., Any]
def greater(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def greater_equal(x: ArrayLike, y: ArrayLike, /) -> Array: ...
index_exp: Any
inf: float
int16: _ScalarMeta
int32: _ScalarMeta
int64: _ScalarMeta
int8: _ScalarMeta
int_: _ScalarMeta
def invert(x: ArrayLike, /) -> Array: ...
def isneginf(x: ArrayLike, /, out: None = ...) -> Array: ...
def isposinf(x: ArrayLike, /, out: None = ...) -> Array: ...
iterable: Callable[..., Any]
def left_shift(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def less(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def less_equal(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def log(x: ArrayLike, /) -> Array: ...
def log1p(x: ArrayLike, /) -> Array: ...
def logical_and(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def logical_or(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def logical_xor(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def maximum(x: ArrayLike, y: ArrayLike, /) -> Array: ...
mgrid: Any
def minimum(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def mod(x1: ArrayLike, x2: ArrayLike, /) -> Array: ...
def multiply(x: ArrayLike, y: ArrayLike, /) -> Array: ...
nan: float
def nanargmax(a: ArrayLike, axis: int | None = ..., out: None = ..., keepdims: _bool | None = ...) -> Array: ...
def nanargmin(a: ArrayLike, axis: int | None = ..., out: None = ..., keepdims: _bool | None = ...) -> Array: ...
def negative(x: ArrayLike, /) -> Array: ...
newaxis: None
def nextafter(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def not_equal(x: ArrayLike, y: ArrayLike, /) -> Array: ...
ogrid: Any
def ones(shape: int | Shape, dtype: DTypeLike | None = ..., *, device: Any = ..., out_sharding: Any = ...) -> Array: ...
def ones_like(a: ArrayLike, dtype: DTypeLike | None = ..., shape: int | Shape | None = ..., *, device: Any = ..., out_sharding: Any = ...) -> Array: ...
pi: float
def pow(x1: ArrayLike, x2: ArrayLike, /) -> Array: ...
printoptions: Callable[..., Any]
def radians(x: ArrayLike, /) -> Array: ...
def right_shift(x: ArrayLike, y: ArrayLike, /) -> Array: ...
s_: Any
save: Callable[..., Any]
savez: Callable[..., Any]
set_printoptions: Callable[..., Any]
def sign(x: ArrayLike, /) -> Array: ...
def sin(x: ArrayLike, /) -> Array: ...
single: _ScalarMeta
def sinh(x: ArrayLike, /) -> Array: ...
def sqrt(x: ArrayLike, /) -> Array: ...
def square(x: ArrayLike, /) -> Array: ...
def subtract(x: ArrayLike, y: ArrayLike, /) -> Array: ...
def tan(x: ArrayLike, /) -> Array: ...
def tanh(x: ArrayLike, /) -> Array: ...
def true_divide(x: ArrayLike, y: ArrayLike, /) -> Array: ...
uint: _ScalarMeta
uint16: _ScalarMeta
uint32: _ScalarMeta
uint64: _ScalarMeta
uint8: _ScalarMeta
def zeros(shape: int | Shape, dtype: DTypeLike | None = ..., *, device: Any = ..., out_sharding: Any = ...) -> Array: ...
def zeros_like(a: ArrayLike, dtype: DTypeLike | None = ..., shape: int | Shape | None = ..., *, device: Any = ..., out_sharding: Any = ...) -> Array: ...
