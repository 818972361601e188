"""`minijax.numpy`: NumPy's functions on arrays and tracers, with JAX's names, dtypes and behaviour (`jax.numpy`).

>>> import minijax.numpy as jnp
>>> jnp.arange(3) + 0.5
Array([0.5, 1.5, 2.5], dtype=float32, weak_type=True)
"""

# fmt: off
from importlib import import_module

from ..core.traces import Array
from ..foundation.left_out import absent
from . import array_methods, operators
from .analysis import diff, ediff1d, gradient, interp, trapezoid, unwrap
from .arithmetic import (
    divmod,
    floor_divide,
    fmax,
    fmin,
    fmod,
    heaviside,
    hypot,
    logaddexp,
    logaddexp2,
    mod,
    modf,
    pow,
    power,
    remainder,
    sinc,
)
from .attributes import (
    ComplexWarning,
    array_repr,
    array_str,
    can_cast,
    character,
    complexfloating,
    dtype,
    e,
    euler_gamma,
    finfo,
    flexible,
    floating,
    fromfile,
    fromiter,
    fromstring,
    generic,
    get_printoptions,
    iinfo,
    index_exp,
    inexact,
    inf,
    integer,
    iscomplexobj,
    isdtype,
    isrealobj,
    isscalar,
    issubdtype,
    iterable,
    load,
    nan,
    ndarray,
    ndim,
    newaxis,
    number,
    object_,
    pi,
    printoptions,
    promote_types,
    result_type,
    s_,
    save,
    savez,
    set_printoptions,
    shape,
    signedinteger,
    size,
    unsignedinteger,
)
from .bits import frexp, gcd, lcm, ldexp, packbits, spacing, unpackbits
from .choosing import argwhere, choose, compress, extract, flatnonzero, mask_indices, nonzero, select, where
from .comparing import allclose, array_equal, array_equiv, isclose
from .contractions import (
    cross,
    dot,
    einsum,
    einsum_path,
    inner,
    kron,
    matmul,
    matvec,
    outer,
    tensordot,
    vdot,
    vecdot,
    vecmat,
)
from .counting import bincount, histogram, histogram2d, histogram_bin_edges, histogramdd
from .creation import (
    arange,
    array,
    asarray,
    astype,
    copy,
    empty,
    empty_like,
    from_dlpack,
    frombuffer,
    full,
    full_like,
    geomspace,
    linspace,
    logspace,
    ones,
    ones_like,
    zeros,
    zeros_like,
)
from .cumulative import cumprod, cumsum, cumulative_prod, cumulative_sum, nancumprod, nancumsum
from .diagonals import (
    diag,
    diag_indices,
    diag_indices_from,
    diagflat,
    diagonal,
    fill_diagonal,
    ravel_multi_index,
    trace,
    tril_indices,
    tril_indices_from,
    triu_indices,
    triu_indices_from,
    unravel_index,
)
from .grids import eye, identity, indices, ix_, meshgrid, tri, tril, triu
from .index_tricks import c_, mgrid, ogrid, r_
from .inserting import delete, insert, piecewise, trim_zeros
from .manipulation import (
    append,
    array_split,
    atleast_1d,
    atleast_2d,
    atleast_3d,
    block,
    column_stack,
    concat,
    concatenate,
    dsplit,
    dstack,
    expand_dims,
    flip,
    fliplr,
    flipud,
    hsplit,
    hstack,
    matrix_transpose,
    moveaxis,
    permute_dims,
    ravel,
    reshape,
    rollaxis,
    rot90,
    split,
    squeeze,
    stack,
    swapaxes,
    transpose,
    unstack,
    vsplit,
    vstack,
)
from .nan_reductions import nanargmax, nanargmin, nanmax, nanmean, nanmin, nanprod, nanstd, nansum, nanvar
from .number_kinds import (
    bitwise_count,
    clip,
    copysign,
    iscomplex,
    isfinite,
    isinf,
    isnan,
    isneginf,
    isposinf,
    isreal,
    nan_to_num,
    signbit,
)
from .padding import pad
from .polynomials import (
    convolve,
    correlate,
    polyadd,
    polyder,
    polydiv,
    polyint,
    polymul,
    polysub,
    polyval,
    vander,
)
from .reductions import all, amax, amin, any, argmax, argmin, count_nonzero, max, min, prod, ptp, sum
from .repeating import repeat, resize, roll, tile
from .scalar_types import OF_ML_DTYPES as _OF_ML_DTYPES
from .scalar_types import (
    bool_,
    cdouble,
    complex64,
    complex128,
    complex_,
    csingle,
    double,
    float16,
    float32,
    float64,
    float_,
    int8,
    int16,
    int32,
    int64,
    int_,
    single,
    uint,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .scalar_types import bool_ as bool
from .scalar_types import type_of_ml_dtypes as _type_of_ml_dtypes
from .sets import (
    intersect1d,
    isin,
    setdiff1d,
    setxor1d,
    union1d,
    unique,
    unique_all,
    unique_counts,
    unique_inverse,
    unique_values,
)
from .sorting import argpartition, argsort, digitize, lexsort, partition, searchsorted, sort, sort_complex
from .statistics import (
    average,
    corrcoef,
    cov,
    mean,
    median,
    nanmedian,
    nanpercentile,
    nanquantile,
    percentile,
    quantile,
    std,
    var,
)
from .taking import place, put, put_along_axis, take, take_along_axis
from .ufunc_objects import frompyfunc, give_methods, ufunc
from .ufuncs import (
    abs,
    absolute,
    acos,
    acosh,
    add,
    angle,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    around,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_not,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    cbrt,
    ceil,
    conj,
    conjugate,
    cos,
    cosh,
    deg2rad,
    degrees,
    divide,
    equal,
    exp,
    exp2,
    expm1,
    fabs,
    float_power,
    floor,
    greater,
    greater_equal,
    imag,
    invert,
    left_shift,
    less,
    less_equal,
    log,
    log1p,
    log2,
    log10,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    multiply,
    negative,
    nextafter,
    not_equal,
    positive,
    rad2deg,
    radians,
    real,
    reciprocal,
    right_shift,
    rint,
    round,
    sign,
    sin,
    sinh,
    sqrt,
    square,
    subtract,
    tan,
    tanh,
    true_divide,
    trunc,
)
from .util import broadcast_arrays, broadcast_shapes, broadcast_to
from .vectorize import apply_along_axis, apply_over_axes, fromfunction, vectorize
from .windows import bartlett, blackman, hamming, hanning, i0, kaiser

# fmt: on


# fmt: off
__all__ = [
    "ComplexWarning", "abs", "absolute", "acos", "acosh", "add", "all", "allclose", "amax", "amin", "angle", "any",
    "append", "apply_along_axis", "apply_over_axes", "arange", "arccos", "arccosh", "arcsin", "arcsinh", "arctan",
    "arctan2", "arctanh", "argmax", "argmin", "argpartition", "argsort", "argwhere", "around", "array", "array_equal",
    "array_equiv", "array_repr", "array_split", "array_str", "asarray", "asin", "asinh", "astype", "atan", "atan2",
    "atanh", "atleast_1d", "atleast_2d", "atleast_3d", "average", "bartlett", "bincount", "bitwise_and",
    "bitwise_count", "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "blackman", "block", "bool", "bool_", "broadcast_arrays", "broadcast_shapes", "broadcast_to", "c_",
    "can_cast", "cbrt", "cdouble", "ceil", "character", "choose", "clip", "column_stack", "complex128", "complex64",
    "complex_", "complexfloating", "compress", "concat", "concatenate", "conj", "conjugate", "convolve", "copy",
    "copysign", "corrcoef", "correlate", "cos", "cosh", "count_nonzero", "cov", "cross", "csingle", "cumprod",
    "cumsum", "cumulative_prod", "cumulative_sum", "deg2rad", "degrees", "delete", "diag", "diag_indices",
    "diag_indices_from", "diagflat", "diagonal", "diff", "digitize", "divide", "divmod", "dot", "double", "dsplit",
    "dstack", "dtype", "e", "ediff1d", "einsum", "einsum_path", "empty", "empty_like", "equal", "euler_gamma", "exp",
    "exp2", "expand_dims", "expm1", "extract", "eye", "fabs", "fill_diagonal", "finfo", "flatnonzero", "flexible",
    "flip", "fliplr", "flipud", "float16", "float32", "float64", "float_", "float_power", "floating", "floor",
    "floor_divide", "fmax", "fmin", "fmod", "frexp", "from_dlpack", "frombuffer", "fromfile", "fromfunction",
    "fromiter", "frompyfunc", "fromstring", "full", "full_like", "gcd", "generic", "geomspace", "get_printoptions",
    "gradient", "greater", "greater_equal", "hamming", "hanning", "heaviside", "histogram", "histogram2d",
    "histogram_bin_edges", "histogramdd", "hsplit", "hstack", "hypot", "i0", "identity", "iinfo", "imag", "index_exp",
    "indices", "inexact", "inf", "inner", "insert", "int16", "int32", "int64", "int8", "int_", "integer", "interp",
    "intersect1d", "invert", "isclose", "iscomplex", "iscomplexobj", "isdtype", "isfinite", "isin", "isinf", "isnan",
    "isneginf", "isposinf", "isreal", "isrealobj", "isscalar", "issubdtype", "iterable", "ix_", "kaiser", "kron",
    "lcm", "ldexp", "left_shift", "less", "less_equal", "lexsort", "linspace", "load", "log", "log10", "log1p",
    "log2", "logaddexp", "logaddexp2", "logical_and", "logical_not", "logical_or", "logical_xor", "logspace",
    "mask_indices", "matmul", "matrix_transpose", "matvec", "max", "maximum", "mean", "median", "meshgrid", "mgrid",
    "min", "minimum", "mod", "modf", "moveaxis", "multiply", "nan", "nan_to_num", "nanargmax", "nanargmin",
    "nancumprod", "nancumsum", "nanmax", "nanmean", "nanmedian", "nanmin", "nanpercentile", "nanprod", "nanquantile",
    "nanstd", "nansum", "nanvar", "ndarray", "ndim", "negative", "newaxis", "nextafter", "nonzero", "not_equal",
    "number", "object_", "ogrid", "ones", "ones_like", "outer", "packbits", "pad", "partition", "percentile",
    "permute_dims", "pi", "piecewise", "place", "poly", "polyadd", "polyder", "polydiv", "polyfit", "polyint",
    "polymul", "polysub", "polyval", "positive", "pow", "power", "printoptions", "prod", "promote_types", "ptp",
    "put", "put_along_axis", "quantile", "r_", "rad2deg", "radians", "ravel", "ravel_multi_index", "real",
    "reciprocal", "remainder", "repeat", "reshape", "resize", "result_type", "right_shift", "rint", "roll",
    "rollaxis", "roots", "rot90", "round", "s_", "save", "savez", "searchsorted", "select", "set_printoptions",
    "setdiff1d", "setxor1d", "shape", "sign", "signbit", "signedinteger", "sin", "sinc", "single", "sinh", "size",
    "sort", "sort_complex", "spacing", "split", "sqrt", "square", "squeeze", "stack", "std", "subtract", "sum",
    "swapaxes", "take", "take_along_axis", "tan", "tanh", "tensordot", "tile", "trace", "transpose", "trapezoid",
    "tri", "tril", "tril_indices", "tril_indices_from", "trim_zeros", "triu", "triu_indices", "triu_indices_from",
    "true_divide", "trunc", "ufunc", "uint", "uint16", "uint32", "uint64", "uint8", "union1d", "unique", "unique_all",
    "unique_counts", "unique_inverse", "unique_values", "unpackbits", "unravel_index", "unsignedinteger", "unstack",
    "unwrap", "vander", "var", "vdot", "vecdot", "vecmat", "vectorize", "vsplit", "vstack", "where", "zeros",
    "zeros_like",
]
# fmt: on


# Arrays and tracers of every kind get the operators and methods.
operators.install(Array)
array_methods.install(Array)
give_methods(globals())


# Modules that are imported when a program first asks for them, and {function: the module that it is in}.
_ON_DEMAND = ("fft", "linalg")
_IN_MODULE = dict.fromkeys(("poly", "polyfit", "roots"), "polynomial_fits")


def __getattr__(name: str):
    if name in _ON_DEMAND:
        return import_module(f"{__name__}.{name}")
    if name in _IN_MODULE:
        return getattr(import_module(f"{__name__}.{_IN_MODULE[name]}"), name)
    # NumPy alone has no bfloat16: ml_dtypes is imported for it only when a program asks for it.
    if name in _OF_ML_DTYPES:
        return _type_of_ml_dtypes(name)
    raise absent(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_ON_DEMAND, *_IN_MODULE})
