"""`minijax.numpy`: NumPy's functions on arrays and tracers, with JAX's names, dtypes and behaviour (`jax.numpy`).

>>> import minijax.numpy as jnp
>>> jnp.arange(3) + 0.5
Array([0.5, 1.5, 2.5], dtype=float32, weak_type=True)
"""

# What is imported here is what users import from here.
# ruff: noqa: F401, I001
# fmt: off
from . import array_methods, operators
from .attributes import (
    ComplexWarning, array_repr, array_str, can_cast, character, complexfloating, dtype, e, euler_gamma, finfo,
    flexible, floating, generic, get_printoptions, iinfo, index_exp, inexact, inf, integer, iscomplexobj,
    isdtype, isrealobj, isscalar, issubdtype, load, nan, ndarray, ndim, newaxis, number, object_, pi,
    printoptions, promote_types, result_type, s_, save, savez, set_printoptions, shape, signedinteger, size,
    unsignedinteger,
)
from .creation import (
    arange, array, asarray, astype, copy, empty, empty_like, eye, from_dlpack, frombuffer, full, full_like,
    geomspace, identity, indices, ix_, linspace, logspace, meshgrid, ones, ones_like, tri, tril, triu, zeros,
    zeros_like,
)
from .reductions import (
    all, amax, amin, any, argmax, argmin, average, count_nonzero, cumprod, cumsum, cumulative_prod,
    cumulative_sum, max, mean, median, min, nanargmax, nanargmin, nancumprod, nancumsum, nanmax, nanmean,
    nanmedian, nanmin, nanpercentile, nanprod, nanquantile, nanstd, nansum, nanvar, percentile, prod, ptp,
    quantile, std, sum, var,
)
from .scalar_types import (
    bool_, cdouble, complex128, complex64, complex_, csingle, double, float16, float32, float64, float_, int16,
    int32, int64, int8, int_, single, uint, uint16, uint32, uint64, uint8,
)
from .ufuncs import (
    abs, absolute, acos, acosh, add, angle, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, around,
    asin, asinh, atan, atan2, atanh, bitwise_and, bitwise_count, bitwise_invert, bitwise_left_shift,
    bitwise_not, bitwise_or, bitwise_right_shift, bitwise_xor, cbrt, ceil, clip, conj, conjugate, copysign, cos,
    cosh, deg2rad, degrees, divide, divmod, equal, exp, exp2, expm1, fabs, float_power, floor, floor_divide,
    fmax, fmin, fmod, greater, greater_equal, heaviside, hypot, imag, invert, iscomplex, isfinite, isinf, isnan,
    isneginf, isposinf, isreal, ldexp, left_shift, less, less_equal, log, log10, log1p, log2, logaddexp,
    logaddexp2, logical_and, logical_not, logical_or, logical_xor, maximum, minimum, mod, modf, multiply,
    nan_to_num, negative, nextafter, not_equal, positive, pow, power, rad2deg, radians, real, reciprocal,
    remainder, right_shift, rint, round, sign, signbit, sin, sinc, sinh, sqrt, square, subtract, tan, tanh,
    true_divide, trunc,
)
from .util import broadcast_arrays, broadcast_shapes, broadcast_to
from .scalar_types import bfloat16_type as _bfloat16_type, bool_ as bool
from .analysis import (
    allclose, apply_along_axis, apply_over_axes, array_equal, array_equiv, bincount, convolve, corrcoef, correlate, cov,
    diff, ediff1d, fromfunction, gradient, histogram, histogram_bin_edges, interp, intersect1d, isclose, isin, polyadd,
    polyder, polyint, polymul, polysub, polyval, setdiff1d, setxor1d, trapezoid, union1d, unique, unique_all,
    unique_counts, unique_inverse, unique_values, unwrap, vander,
)
from .contractions import (
    cross, dot, einsum, einsum_path, inner, kron, matmul, matvec, outer, tensordot, vdot, vecdot, vecmat,
)
from .indexing import place, put, put_along_axis, take, take_along_axis
from .manipulation import (
    append, argwhere, array_split, atleast_1d, atleast_2d, atleast_3d, block, choose, column_stack, compress, concat,
    concatenate, diag, diag_indices, diag_indices_from, diagflat, diagonal, dsplit, dstack, expand_dims, extract,
    fill_diagonal, flatnonzero, flip, fliplr, flipud, hsplit, hstack, matrix_transpose, moveaxis, nonzero, pad,
    permute_dims, ravel, ravel_multi_index, repeat, reshape, resize, roll, rollaxis, rot90, select, split, squeeze,
    stack, swapaxes, tile, trace, transpose, tril_indices, tril_indices_from, triu_indices, triu_indices_from,
    unravel_index, unstack, vsplit, vstack, where,
)
from .sorting import (
    argpartition, argsort, digitize, lexsort, partition, searchsorted, sort, sort_complex,
)
from .vectorize import vectorize
# fmt: on


def __getattr__(name: str):
    # NumPy alone has no bfloat16: it is made, and ml_dtypes imported, only when a program asks for it.
    if name == "bfloat16":
        return _bfloat16_type()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
