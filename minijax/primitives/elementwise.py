"""Elementwise primitives: arithmetic, powers, transcendental functions, comparisons, bits, `select_n`, dtype changes."""

from __future__ import annotations

import math
import operator

import numpy as np

from ..core.array import ArrayImpl, to_array
from ..core.avals import ShapedArray, Zero, is_undefined_primal
from ..core.traces import get_aval
from ..foundation.dtypes import canonicalize_dtype, issubdtype
from . import special_functions as special
from .basis import (
    NO_GRADIENT,
    NOT_LINEAR,
    batch_to_front,
    broadcast_in_dim,
    const,
    full,
    instantiate,
    linear_row,
    move_batch_dim,
    row,
    shape_of,
    unbroadcast,
    zero_jvp,
    zero_like,
)
from .basis import transpose as _transpose
from .families import (
    ANY,
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    NUM,
    SIGNED,
    bool_dtype,
    broadcast_like,
    elementwise,
    jvp_by_argument,
    real_dtype,
    transpose_by_argument,
)

INEXACT = FLOAT + COMPLEX
# What families.dtype_char gives for the dtype of random keys.
KEY = "key"

# ---------------------------------------------------------------------------------------------------------------------
# Arithmetic


neg_p = elementwise(
    "neg", np.negative, NUM, jvp=[lambda g, ans, x: neg_p.bind(g)], transpose=lambda ct, x: [neg_p.bind(ct)]
)

add_p = elementwise(
    "add",
    np.add,
    NUM,
    jvp=[lambda g, ans, x, y: broadcast_like(g, ans), lambda g, ans, x, y: broadcast_like(g, ans)],
    transpose=transpose_by_argument([lambda ct, x, y: ct, lambda ct, x, y: ct]),
)

sub_p = elementwise(
    "sub",
    np.subtract,
    NUM,
    jvp=[lambda g, ans, x, y: broadcast_like(g, ans), lambda g, ans, x, y: broadcast_like(neg_p.bind(g), ans)],
    transpose=transpose_by_argument([lambda ct, x, y: ct, lambda ct, x, y: neg_p.bind(ct)]),
)

mul_p = elementwise(
    "mul",
    np.multiply,
    NUM,
    jvp=[lambda g, ans, x, y: mul_p.bind(g, y), lambda g, ans, x, y: mul_p.bind(x, g)],
    transpose=transpose_by_argument([lambda ct, x, y: mul_p.bind(ct, y), lambda ct, x, y: mul_p.bind(x, ct)]),
)


def _div(x, y):
    """Division as XLA's: integers truncate towards zero, and x/0 is -1 for them."""
    if x.dtype.kind not in "iu":
        return np.divide(x, y)
    if x.dtype.kind == "u":
        return np.where(y == 0, np.array(-1, np.int64).astype(x.dtype), x // np.where(y == 0, 1, y).astype(x.dtype))
    safe = np.where(y == 0, 1, y).astype(x.dtype)
    quotient = x // safe
    truncated = quotient + ((quotient < 0) & (quotient * safe != x)).astype(x.dtype)
    return np.where(y == 0, np.array(-1, x.dtype), truncated).astype(x.dtype)


div_p = elementwise(
    "div",
    _div,
    NUM,
    jvp=[
        lambda g, ans, x, y: div_p.bind(g, y),
        # d(x/y)/dy = -x/y^2, with the quotient at hand.
        lambda g, ans, x, y: neg_p.bind(mul_p.bind(g, div_p.bind(ans, y))),
    ],
    transpose=transpose_by_argument([lambda ct, x, y: div_p.bind(ct, y), None]),
)


def _rem(x, y):
    """The remainder with the sign of the dividend, as C's; an integer modulo zero is the integer."""
    if x.dtype.kind not in "iu":
        return np.fmod(x, y)
    return np.where(y == 0, x, np.fmod(x, np.where(y == 0, 1, y).astype(x.dtype))).astype(x.dtype)


rem_p = elementwise(
    "rem",
    _rem,
    INT + FLOAT,
    jvp=[
        lambda g, ans, x, y: broadcast_like(g, ans),
        lambda g, ans, x, y: mul_p.bind(
            neg_p.bind(g), mul_p.bind(sign_p.bind(div_p.bind(x, y)), floor(abs_p.bind(div_p.bind(x, y))))
        ),
    ],
    transpose=NOT_LINEAR,
)


def _balanced(x, ans, y):
    """1 where x is the extremum, 1/2 where both are, 0 elsewhere: a tie shares its tangent."""
    one, half, zero = const(ans, 1), const(ans, 0.5), const(ans, 0)
    shared = select(eq_p.bind(y, ans), _like(half, ans), _like(one, ans))
    return select(eq_p.bind(x, ans), shared, _like(zero, ans))


def _like(scalar, ans):
    return full(shape_of(ans), scalar._value, scalar.dtype)


def _extremum(name, function):
    return elementwise(
        name,
        function,
        ANY,
        jvp=[
            lambda g, ans, x, y: mul_p.bind(g, _balanced(x, ans, y)),
            lambda g, ans, x, y: mul_p.bind(g, _balanced(y, ans, x)),
        ],
        transpose=NOT_LINEAR,
    )


max_p = _extremum("max", np.maximum)
min_p = _extremum("min", np.minimum)


# ---------------------------------------------------------------------------------------------------------------------
# Powers


def _integer_pow(x, *, y):
    if y < 0:
        return np.reciprocal(_integer_pow(x, y=-y))
    # Repeated squaring, in XLA's order, so that rounding agrees.
    result, factor = None, x
    while y:
        if y & 1:
            result = factor if result is None else result * factor
        y >>= 1
        if y:
            factor = factor * factor
    return np.ones_like(x) if result is None else result


def _integer_pow_jvp(g, ans, x, *, y):
    if y == 0:
        return zero_like(ans)
    if y == 1:
        return g
    return mul_p.bind(g, mul_p.bind(const(x, y), x if y == 2 else integer_pow(x, y - 1)))


def integer_pow(x, y: int):
    """x to a constant integer power (`lax.integer_pow`)."""
    if y == 1:
        return x
    return integer_pow_p.bind(x, y=y)


integer_pow_p = elementwise("integer_pow", _integer_pow, NUM, jvp=[_integer_pow_jvp], transpose=NOT_LINEAR)
_integer_pow_types = integer_pow_p.abstract_eval


def _integer_pow_abstract_eval(x, *, y):
    aval = _integer_pow_types(x)
    if y < 0 and x.dtype.kind in "iu":
        raise TypeError(f"Integers cannot be raised to negative powers, got integer_pow({x.str_short()}, {y})")
    return aval


integer_pow_p.abstract_eval = _integer_pow_abstract_eval
integer_pow_p.elementwise = INEXACT


def _replace_zero(x):
    """x with 1 in the place of 0: where the other factor is zero, no 0 * inf may arise."""
    return select(eq_p.bind(x, const(x, 0)), _like(const(x, 1), x), x)


def _pow_jvp_base(g, ans, x, y):
    if issubdtype(y.dtype, np.integer):
        # At y = 0 the power is the constant 1, also where x is 0; y and x are brought to one dtype and shape.
        exponent = convert_element_type(y, x.dtype)
        jacobian = mul_p.bind(_replace_zero(exponent), pow_p.bind(x, sub_p.bind(y, const(y, 1))))
        zero = eq_p.bind(y, const(y, 0))
        jacobian = broadcast_like(jacobian, ans)
        jacobian = select(broadcast_like(zero, ans), _like(const(ans, 0), ans), jacobian)
    else:
        jacobian = mul_p.bind(y, pow_p.bind(x, sub_p.bind(y, const(y, 1))))
    return mul_p.bind(g, jacobian)


def _pow_jvp_exponent(g, ans, x, y):
    return mul_p.bind(g, mul_p.bind(log_p.bind(_replace_zero(x)), ans))


def _pow(x, y):
    return np.power(x, y.astype(x.dtype, copy=False)).astype(x.dtype, copy=False)


def _pow_abstract_eval(x, y):
    if x.dtype.char not in INEXACT or (x.dtype != y.dtype and y.dtype.kind not in "iu"):
        raise TypeError(
            f"lax.pow requires a floating or complex base and an exponent of its dtype or an integer, got {x.dtype.name} and"
            f" {y.dtype.name}. (Tip: jnp.power is a similar function that does automatic type promotion on inputs)."
        )
    shape = mul_p.abstract_eval(x, ShapedArray(y.shape, x.dtype)).shape
    return ShapedArray(shape, x.dtype, x.weak_type and y.weak_type)


pow_p = elementwise("pow", _pow, INEXACT, jvp=[_pow_jvp_base, _pow_jvp_exponent], transpose=NOT_LINEAR)
pow_p.abstract_eval = _pow_abstract_eval

square_p = elementwise(
    "square",
    np.square,
    NUM,
    jvp=[lambda g, ans, x: mul_p.bind(g, mul_p.bind(const(x, 2), x))],
    transpose=NOT_LINEAR,
)
sqrt_p = elementwise(
    "sqrt",
    np.sqrt,
    INEXACT,
    jvp=[lambda g, ans, x: mul_p.bind(g, div_p.bind(const(x, 0.5), ans))],
    transpose=NOT_LINEAR,
)
rsqrt_p = elementwise(
    "rsqrt",
    lambda x: np.reciprocal(np.sqrt(x)),
    INEXACT,
    jvp=[lambda g, ans, x: mul_p.bind(g, mul_p.bind(const(x, -0.5), div_p.bind(ans, x)))],
    transpose=NOT_LINEAR,
)
cbrt_p = elementwise(
    "cbrt",
    np.cbrt,
    FLOAT,
    jvp=[lambda g, ans, x: mul_p.bind(g, mul_p.bind(const(x, 1 / 3), integer_pow(ans, -2)))],
    transpose=NOT_LINEAR,
)


# ---------------------------------------------------------------------------------------------------------------------
# Transcendental functions: name, NumPy's function, derivative


def _unary(name, impl, derivative, accepts=INEXACT):
    return elementwise(name, impl, accepts, jvp=[derivative], transpose=NOT_LINEAR)


def _one_minus_square(x):
    return sub_p.bind(const(x, 1), square_p.bind(x))


exp_p = _unary("exp", np.exp, lambda g, ans, x: mul_p.bind(g, ans))
exp2_p = _unary("exp2", np.exp2, lambda g, ans, x: mul_p.bind(const(x, math.log(2)), mul_p.bind(g, ans)))
expm1_p = _unary("expm1", np.expm1, lambda g, ans, x: mul_p.bind(g, add_p.bind(ans, const(ans, 1))))
log_p = _unary("log", np.log, lambda g, ans, x: div_p.bind(g, x))
log1p_p = _unary("log1p", np.log1p, lambda g, ans, x: div_p.bind(g, add_p.bind(x, const(x, 1))))
sin_p = _unary("sin", np.sin, lambda g, ans, x: mul_p.bind(g, cos_p.bind(x)))
cos_p = _unary("cos", np.cos, lambda g, ans, x: neg_p.bind(mul_p.bind(g, sin_p.bind(x))))
tan_p = _unary("tan", np.tan, lambda g, ans, x: mul_p.bind(g, add_p.bind(const(x, 1), square_p.bind(ans))))
asin_p = _unary("asin", np.arcsin, lambda g, ans, x: mul_p.bind(g, rsqrt_p.bind(_one_minus_square(x))))
acos_p = _unary("acos", np.arccos, lambda g, ans, x: mul_p.bind(g, neg_p.bind(rsqrt_p.bind(_one_minus_square(x)))))
atan_p = _unary("atan", np.arctan, lambda g, ans, x: div_p.bind(g, add_p.bind(const(x, 1), square_p.bind(x))))
sinh_p = _unary("sinh", np.sinh, lambda g, ans, x: mul_p.bind(g, cosh_p.bind(x)))
cosh_p = _unary("cosh", np.cosh, lambda g, ans, x: mul_p.bind(g, sinh_p.bind(x)))
asinh_p = _unary(
    "asinh", np.arcsinh, lambda g, ans, x: mul_p.bind(g, rsqrt_p.bind(add_p.bind(square_p.bind(x), const(x, 1))))
)
acosh_p = _unary(
    "acosh", np.arccosh, lambda g, ans, x: mul_p.bind(g, rsqrt_p.bind(sub_p.bind(square_p.bind(x), const(x, 1))))
)
atanh_p = _unary("atanh", np.arctanh, lambda g, ans, x: div_p.bind(g, _one_minus_square(x)))


def _tanh_derivative(g, ans, x):
    # g (1 - ans^2), in factors: 1 - ans is exact where ans is close to 1, its square is not.
    return mul_p.bind(add_p.bind(g, mul_p.bind(g, ans)), sub_p.bind(const(ans, 1), ans))


def _logistic(x):
    # exp of a negative number only: never overflows.
    e = np.exp(-np.abs(x)) if x.dtype.kind != "c" else None
    if e is None:
        return np.reciprocal(1 + np.exp(-x))
    return np.where(x >= 0, np.reciprocal(1 + e), e / (1 + e)).astype(x.dtype, copy=False)


tanh_p = _unary("tanh", np.tanh, _tanh_derivative)
logistic_p = _unary(
    "logistic", _logistic, lambda g, ans, x: mul_p.bind(g, mul_p.bind(ans, sub_p.bind(const(ans, 1), ans)))
)

atan2_p = elementwise(
    "atan2",
    np.arctan2,
    FLOAT,
    jvp=[
        lambda g, ans, x, y: mul_p.bind(g, div_p.bind(y, add_p.bind(square_p.bind(x), square_p.bind(y)))),
        lambda g, ans, x, y: mul_p.bind(g, div_p.bind(neg_p.bind(x), add_p.bind(square_p.bind(x), square_p.bind(y)))),
    ],
    transpose=NOT_LINEAR,
)


def _gaussian(x, scale):
    """scale * exp(-x^2)"""
    return mul_p.bind(const(x, scale), exp_p.bind(neg_p.bind(square_p.bind(x))))


erf_p = _unary("erf", special.erf, lambda g, ans, x: mul_p.bind(_gaussian(x, 2 / math.sqrt(math.pi)), g), accepts=FLOAT)
erfc_p = _unary(
    "erfc", special.erfc, lambda g, ans, x: mul_p.bind(_gaussian(x, -2 / math.sqrt(math.pi)), g), accepts=FLOAT
)
erf_inv_p = _unary(
    "erf_inv",
    special.erf_inv,
    lambda g, ans, x: mul_p.bind(const(x, math.sqrt(math.pi) / 2), mul_p.bind(g, exp_p.bind(square_p.bind(ans)))),
    accepts=FLOAT,
)

lgamma_p = _unary("lgamma", special.lgamma, lambda g, ans, x: mul_p.bind(g, digamma_p.bind(x)), accepts=FLOAT)
digamma_p = elementwise(
    "digamma",
    special.digamma,
    FLOAT,
    jvp="its derivative is the trigamma function, which is not among the primitives",
    transpose=NOT_LINEAR,
    arity=1,
)


# ---------------------------------------------------------------------------------------------------------------------
# Pieces of numbers


def _abs_jvp(g, ans, x):
    if x.dtype.char in COMPLEX:
        # d|x| = Re(conj(x) g) / |x|, with 0 at 0.
        direction = div_p.bind(conj(x), convert_element_type(_replace_zero(ans), x.dtype))
        return real_p.bind(mul_p.bind(g, direction))
    return mul_p.bind(g, sign_p.bind(x))


abs_p = elementwise(
    "abs", np.abs, SIGNED + FLOAT + COMPLEX, jvp=[_abs_jvp], transpose=NOT_LINEAR, result_dtype=real_dtype
)


def _constant_almost_everywhere(name, impl, accepts, arity=1, result_dtype=None, keeps_weak_type=True):
    primitive = elementwise(
        name,
        impl,
        accepts,
        jvp=[None] * arity,
        transpose=NOT_LINEAR,
        result_dtype=result_dtype,
        keeps_weak_type=keeps_weak_type,
    )
    return primitive


def _sign(x):
    if x.dtype.char in COMPLEX:
        return np.where(x == 0, x, x / np.where(x == 0, 1, np.abs(x)))
    # The sign of -0.0 is -0.0; NumPy gives 0.0.
    return np.copysign(np.sign(x), x) if x.dtype.char in FLOAT else np.sign(x)


sign_p = _constant_almost_everywhere("sign", _sign, NUM)
floor_p = _constant_almost_everywhere("floor", np.floor, FLOAT)
ceil_p = _constant_almost_everywhere("ceil", np.ceil, FLOAT)
is_finite_p = _constant_almost_everywhere("is_finite", np.isfinite, FLOAT, result_dtype=bool_dtype)
nextafter_p = elementwise(
    "nextafter",
    np.nextafter,
    FLOAT,
    jvp="how far the next number is does not vary smoothly",
    transpose=NOT_LINEAR,
    arity=2,
)

AWAY_FROM_ZERO, TO_NEAREST_EVEN = 0, 1


def _round(x, *, rounding_method):
    if int(rounding_method) == TO_NEAREST_EVEN:
        return np.rint(x)
    return np.copysign(np.floor(np.abs(x)) + (np.abs(x) - np.floor(np.abs(x)) >= 0.5), x).astype(x.dtype)


round_p = _constant_almost_everywhere("round", _round, FLOAT)


def floor(x):
    return floor_p.bind(x)


def _complex_dtype(dtype):
    return np.result_type(dtype, np.complex64)


real_p = elementwise(
    "real",
    np.real,
    COMPLEX,
    jvp=[lambda g, ans, x: real_p.bind(g)],
    transpose=lambda ct, x: [complex_p.bind(ct, _like(const(ct, 0), ct))],
    result_dtype=real_dtype,
)
imag_p = elementwise(
    "imag",
    np.imag,
    COMPLEX,
    jvp=[lambda g, ans, x: imag_p.bind(g)],
    transpose=lambda ct, x: [complex_p.bind(_like(const(ct, 0), ct), neg_p.bind(ct))],
    result_dtype=real_dtype,
)


def _complex(x, y):
    out = np.empty(np.broadcast_shapes(x.shape, y.shape), _complex_dtype(x.dtype))
    out.real, out.imag = x, y
    return out


def _complex_jvp(primals, tangents):
    tangents = [instantiate(t) for t in tangents]
    return complex_p.bind(*primals), complex_p.bind(*tangents)


complex_p = elementwise(
    "complex",
    _complex,
    "fd",
    jvp=[
        lambda g, ans, x, y: complex_p.bind(g, const(g, 0)),
        lambda g, ans, x, y: complex_p.bind(const(g, 0), g),
    ],
    transpose=transpose_by_argument([lambda ct, x, y: real_p.bind(ct), lambda ct, x, y: imag_p.bind(neg_p.bind(ct))]),
    result_dtype=_complex_dtype,
)
complex_p.jvp = _complex_jvp


def conj(x):
    """The complex conjugate; a real array as it is complex with imaginary part 0."""
    return conj_p.bind(x, input_dtype=x.dtype)


def _conj_transpose(ct, x, *, input_dtype):
    out = conj_p.bind(ct, input_dtype=ct.dtype)
    return [real_p.bind(out) if input_dtype.char in FLOAT else out]


conj_p = elementwise(
    "conj",
    lambda x, *, input_dtype: np.conj(x).astype(_complex_dtype(x.dtype), copy=False),
    "fd" + COMPLEX,
    jvp=[lambda g, ans, x, *, input_dtype: conj_p.bind(g, input_dtype=input_dtype)],
    transpose=_conj_transpose,
    result_dtype=_complex_dtype,
)


# ---------------------------------------------------------------------------------------------------------------------
# Comparisons and bits


def _comparison(name, impl, accepts=ANY):
    return _constant_almost_everywhere(name, impl, accepts, 2, bool_dtype)


# Random keys can be compared for equality: the operators, unlike NumPy's functions, take their records.
eq_p = _comparison("eq", operator.eq, ANY + KEY)
ne_p = _comparison("ne", operator.ne, ANY + KEY)
lt_p = _comparison("lt", np.less)
le_p = _comparison("le", np.less_equal)
gt_p = _comparison("gt", np.greater)
ge_p = _comparison("ge", np.greater_equal)


def _bitwise(name, impl, arity=2, accepts=BOOL + INT):
    return _constant_almost_everywhere(name, impl, accepts, arity)


not_p = _bitwise("not", np.invert, 1)
and_p = _bitwise("and", np.bitwise_and)
or_p = _bitwise("or", np.bitwise_or)
xor_p = _bitwise("xor", np.bitwise_xor)


def _shift(function, fill):
    """Shifts by the width of the type or more give 0 (or the sign, for arithmetic shifts); C leaves them undefined."""

    def shift(x, y):
        bits = x.dtype.itemsize * 8
        unsigned = np.dtype(f"u{x.dtype.itemsize}")
        amount = np.asarray(y).astype(unsigned)
        inside = np.minimum(amount, bits - 1).astype(x.dtype)
        return np.where(amount < bits, function(x, inside), fill(x)).astype(x.dtype)

    return shift


def _logical_right_shift(x, y):
    unsigned = np.dtype(f"u{x.dtype.itemsize}")
    return np.right_shift(np.asarray(x).view(unsigned), np.asarray(y).astype(unsigned)).view(x.dtype)


def _arithmetic_right_shift(x, y):
    """What comes in at the left is the leftmost bit, of unsigned integers too."""
    signed = np.dtype(f"i{x.dtype.itemsize}")
    return np.right_shift(np.asarray(x).view(signed), np.asarray(y).astype(signed)).view(x.dtype)


def _leftmost_bit(x):
    return _arithmetic_right_shift(x, x.dtype.itemsize * 8 - 1)


shift_left_p = _bitwise("shift_left", _shift(np.left_shift, lambda x: 0), accepts=INT)
shift_right_logical_p = _bitwise("shift_right_logical", _shift(_logical_right_shift, lambda x: 0), accepts=INT)
shift_right_arithmetic_p = _bitwise(
    "shift_right_arithmetic",
    _shift(_arithmetic_right_shift, _leftmost_bit),
    accepts=INT,
)
population_count_p = _bitwise(
    "population_count",
    # A negative number's bits are those of its two's complement.
    lambda x: np.bitwise_count(np.asarray(x).view(f"u{x.dtype.itemsize}")).astype(x.dtype),
    1,
    INT,
)


# ---------------------------------------------------------------------------------------------------------------------
# select_n and clamp


def select(predicate, on_true, on_false):
    """`on_true` where the predicate holds, else `on_false` (`lax.select`)."""
    return select_n_p.bind(predicate, on_false, on_true)


def select_examples(which, on_true, on_false):
    """`select` for a batch: `which` has an entry for each place along the first axis of the cases."""
    return select(broadcast_in_dim(which, shape_of(on_true), (0,)), on_true, on_false)


def _select_impl(which, *cases):
    if which.dtype == bool and len(cases) == 2:
        return np.where(which, cases[1], cases[0])
    return np.choose(np.broadcast_to(which.astype(np.intp), cases[0].shape), cases)


def _select_abstract_eval(which, *cases):
    first = cases[0]
    if any(c.shape != first.shape or c.dtype != first.dtype for c in cases):
        listed = ", ".join(c.str_short() for c in cases)
        raise TypeError(f"select_n cases must have the same shapes and dtypes, got {listed}.")
    if which.dtype.char not in BOOL + "i":
        raise TypeError(f"select_n predicate must be boolean or int32, got {which.dtype.name}.")
    if which.dtype.char == BOOL and len(cases) > 2:
        raise TypeError(f"select_n with a boolean predicate takes 1 or 2 cases, got {len(cases)}.")
    if which.shape and which.shape != first.shape:
        raise TypeError(
            "select_n `which` must be scalar or have the same shape as cases, got `which` shape"
            f" {which.shape} but case shape {first.shape}."
        )
    return ShapedArray(first.shape, first.dtype, all(c.weak_type for c in cases))


def _select_jvp(primals, tangents):
    out = select_n_p.bind(*primals)
    case_tangents = tangents[1:]
    if all(type(t) is Zero for t in case_tangents):
        return out, zero_like(out)
    return out, select_n_p.bind(primals[0], *[instantiate(t) for t in case_tangents])


def _select_transpose(ct, which, *cases):
    zero = _like(const(ct, 0), ct)

    def cotangent(i):
        return select_n_p.bind(which, *[ct if i == j else zero for j in range(len(cases))])

    return [None] + [cotangent(i) if is_undefined_primal(c) else None for i, c in enumerate(cases)]


def _select_batch(axis, args, dims):
    which, *cases = args
    which_dim, *case_dims = dims
    if all(d == case_dims[0] for d in case_dims):
        if which_dim is None and not shape_of(which):
            return select_n_p.bind(*args), case_dims[0]
        if which_dim == case_dims[0] and shape_of(which) == shape_of(cases[0]):
            return select_n_p.bind(*args), which_dim
    cases = [batch_to_front(x, d, axis.size) for x, d in zip(cases, case_dims)]
    if which_dim is not None or shape_of(which):
        which = batch_to_front(which, which_dim, axis.size)
        if shape_of(which) != shape_of(cases[0]):
            # A scalar predicate for each example: the same for all of the example's elements.
            which = _broadcast_leading(which, shape_of(cases[0]))
    return select_n_p.bind(which, *cases), 0


def _broadcast_leading(x, shape):
    return broadcast_in_dim(x, shape, tuple(range(len(shape_of(x)))))


select_n_p = row(
    "select_n",
    impl=_select_impl,
    abstract_eval=_select_abstract_eval,
    jvp=_select_jvp,
    transpose=_select_transpose,
    batch=_select_batch,
)


def _clamp_abstract_eval(low, x, high):
    if low.dtype != x.dtype or high.dtype != x.dtype:
        raise TypeError(
            f"clamp requires arguments to have the same dtypes, got {low.dtype.name}, {x.dtype.name}, {high.dtype.name}."
        )
    for name, bound in (("min", low), ("max", high)):
        if bound.shape and bound.shape != x.shape:
            raise TypeError(f"clamp {name} must be a scalar or of the operand's shape {x.shape}, got {bound.shape}.")
    return ShapedArray(x.shape, x.dtype, low.weak_type and x.weak_type and high.weak_type)


def _where(condition, g, ans):
    """The tangent where the condition holds, zero elsewhere, in the shape of the result."""
    condition, g = broadcast_like(condition, ans), broadcast_like(g, ans)
    return select(condition, g, _like(const(ans, 0), ans))


def _clamp_batch(axis, args, dims):
    low, x, high = args
    if dims[0] is None and dims[2] is None and not shape_of(low) and not shape_of(high):
        return clamp_p.bind(low, x, high), dims[1]
    x = batch_to_front(x, dims[1], axis.size)

    def bound(b, dim):
        if dim is None and not shape_of(b):
            return b
        return _broadcast_leading(batch_to_front(b, dim, axis.size), shape_of(x))

    return clamp_p.bind(bound(low, dims[0]), x, bound(high, dims[2])), 0


clamp_p = row(
    "clamp",
    impl=lambda low, x, high: np.minimum(np.maximum(low, x), high),
    abstract_eval=_clamp_abstract_eval,
    jvp=jvp_by_argument(
        lambda: clamp_p,
        [
            lambda g, ans, low, x, high: _where(and_p.bind(gt_p.bind(low, x), lt_p.bind(low, high)), g, ans),
            lambda g, ans, low, x, high: _where(and_p.bind(gt_p.bind(x, low), lt_p.bind(x, high)), g, ans),
            lambda g, ans, low, x, high: _where(lt_p.bind(high, x), g, ans),
        ],
    ),
    transpose=NOT_LINEAR,
    batch=_clamp_batch,
)


# ---------------------------------------------------------------------------------------------------------------------
# Changing dtype, copying, stopping


def convert_element_type(x, dtype, weak_type: bool = False):
    """The array in another dtype; as it is if it has it (`lax.convert_element_type`)."""
    dtype = canonicalize_dtype(dtype)
    aval = get_aval(x)
    if isinstance(x, (bool, int, float, complex, np.generic)):
        # A number becomes a constant of that dtype: no equation.
        if aval.dtype == dtype and aval.weak_type == weak_type:
            return to_array(x)
        return ArrayImpl(_convert_impl(np.asarray(x), new_dtype=dtype, weak_type=weak_type, sharding=None), weak_type)
    if aval.dtype == dtype and aval.weak_type == weak_type:
        return x
    if type(x) is ArrayImpl and aval.weak_type and not aval.shape:
        # What was a number a moment ago is one still: `x.at[0].set(1)` is one equation, without a conversion of the 1.
        return ArrayImpl(_convert_impl(x._value, new_dtype=dtype, weak_type=weak_type, sharding=None), weak_type)
    return convert_element_type_p.bind(x, new_dtype=dtype, weak_type=bool(weak_type), sharding=None)


def _convert_impl(x, *, new_dtype, weak_type, sharding):
    if x.dtype.kind == "c" and new_dtype.kind != "c":
        x = np.real(x) if new_dtype.kind != "b" else x
    if x.dtype.char in "efdE" and new_dtype.kind in "iu":
        # Out of range saturates, NaN is 0, as XLA does; C leaves it undefined.
        x = x.astype(np.float32) if x.dtype.char == "E" else x
        info = np.iinfo(new_dtype)
        inside = np.clip(np.nan_to_num(np.trunc(x), nan=0.0, posinf=np.inf, neginf=-np.inf), -(2.0**63), 2.0**64)
        low, high = inside <= float(info.min), inside >= float(info.max)
        safe = np.where(low | high, 0, inside).astype(new_dtype)
        return np.where(high, info.max, np.where(low, info.min, safe)).astype(new_dtype)
    return np.asarray(x).astype(new_dtype, copy=False)


def _convert_jvp(primals, tangents, *, new_dtype, weak_type, sharding):
    out = convert_element_type_p.bind(*primals, new_dtype=new_dtype, weak_type=weak_type, sharding=sharding)
    g = tangents[0]
    if type(g) is Zero or not issubdtype(new_dtype, np.inexact):
        return out, zero_like(out)
    return out, convert_element_type_p.bind(g, new_dtype=new_dtype, weak_type=weak_type, sharding=sharding)


convert_element_type_p = row(
    "convert_element_type",
    impl=_convert_impl,
    abstract_eval=lambda x, *, new_dtype, weak_type, sharding: ShapedArray(x.shape, new_dtype, weak_type),
    jvp=_convert_jvp,
    transpose=lambda ct, x, **params: [convert_element_type(ct, x.aval.dtype, x.aval.weak_type)],
    batch=lambda axis, args, dims, **params: (convert_element_type_p.bind(args[0], **params), dims[0]),
)


def _bitcast_abstract_eval(x, *, new_dtype):
    old, new = x.dtype.itemsize, new_dtype.itemsize
    if old == new:
        shape = x.shape
    elif old > new:
        shape = (*x.shape, old // new)
    else:
        if not x.shape or x.shape[-1] != new // old:
            raise ValueError(
                f"bitcast_convert_type of {x.str_short()} to {new_dtype.name} needs a last axis of size {new // old}."
            )
        shape = x.shape[:-1]
    return ShapedArray(shape, new_dtype)


def _bitcast_impl(x, *, new_dtype):
    x = np.ascontiguousarray(x).reshape(x.shape)
    old, new = x.dtype.itemsize, new_dtype.itemsize
    if old == new:
        return x.view(new_dtype)
    if old > new:
        return np.expand_dims(x, -1).view(new_dtype)
    return x.view(new_dtype).reshape(x.shape[:-1])


bitcast_convert_type_p = row(
    "bitcast_convert_type",
    impl=_bitcast_impl,
    abstract_eval=_bitcast_abstract_eval,
    jvp=zero_jvp(lambda: bitcast_convert_type_p),
    transpose=NOT_LINEAR,
    batch=lambda axis, args, dims, **params: (
        bitcast_convert_type_p.bind(move_batch_dim(args[0], dims[0], 0), **params),
        0,
    ),
)


copy_p = linear_row(
    "copy",
    impl=lambda x: x.copy(),
    abstract_eval=lambda x: x,
    transpose=lambda ct, x: [ct],
    batch=lambda axis, args, dims: (copy_p.bind(args[0]), dims[0]),
)

stop_gradient_p = row(
    "stop_gradient",
    impl=lambda x: x,
    abstract_eval=lambda x: x,
    jvp=zero_jvp(lambda: stop_gradient_p),
    transpose=NOT_LINEAR,
    batch=lambda axis, args, dims: (stop_gradient_p.bind(args[0]), dims[0]),
)


__all__ = [name for name in dir() if name.endswith("_p")]
_UNUSED = (NO_GRADIENT, _transpose, unbroadcast)
