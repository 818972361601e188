"""Elementwise primitives: powers, transcendental functions, pieces of numbers, bits, `clamp`, and the rows of `arithmetic.py`."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from ..core.array import to_array
from ..core.avals import ShapedArray, Zero
from ..foundation.dtypes import dtype_char, issubdtype, itemsize_bits
from . import complex_functions as on_complex
from . import special_functions as special
from .accuracy import accurate, derivative_at
from .arithmetic import (  # noqa: F401
    INEXACT,
    KEY,
    add_p,
    broadcast_leading,
    constant_almost_everywhere,
    convert_element_type,
    convert_element_type_p,
    div_p,
    eq_p,
    ge_p,
    gt_p,
    integer_pow,
    integer_pow_p,
    le_p,
    like,
    lt_p,
    max_p,
    min_p,
    mul_p,
    ne_p,
    neg_p,
    select,
    select_examples,
    select_n_p,
    sub_p,
)
from .basis import (
    NO_GRADIENT,
    NOT_LINEAR,
    add_tangents,
    batch_to_front,
    const,
    full,
    instantiate,
    linear_row,
    move_batch_dim,
    number,
    row,
    shape_of,
    zero_jvp,
    zero_like,
)
from .families import (
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    NUM,
    bool_dtype,
    broadcast_like,
    elementwise,
    jvp_by_argument,
    real_dtype,
    transpose_by_argument,
)

# ---------------------------------------------------------------------------------------------------------------------
# The remainder


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


# ---------------------------------------------------------------------------------------------------------------------
# Powers


def _replace_zero(x):
    """x with 1 in the place of 0: where the other factor is zero, no 0 * inf may arise. x may be a Python number."""
    x = to_array(x) if isinstance(x, (int, float, complex)) else x
    return select(eq_p.bind(x, const(x, 0)), like(x, 1), x)


def _pow_jvp_base(g, ans, x, y):
    integer = issubdtype(y.dtype, np.integer)
    # Both in one dtype, which is not weak, as in JAX.
    x, y = convert_element_type(x, ans.dtype), convert_element_type(y, ans.dtype)
    if not integer:
        return mul_p.bind(g, mul_p.bind(y, pow_p.bind(x, sub_p.bind(y, like(y, 1)))))
    # At y = 0 the power is the constant 1, also where x is 0.
    x, y = broadcast_like(x, ans), broadcast_like(y, ans)
    constant, zeros = eq_p.bind(y, const(y, 0)), like(ans, 0)
    jacobian = mul_p.bind(_replace_zero(y), pow_p.bind(x, sub_p.bind(y, like(y, 1))))
    return mul_p.bind(g, select(constant, zeros, jacobian))


def _pow_jvp_exponent(g, ans, x, y):
    return convert_element_type(mul_p.bind(g, mul_p.bind(log_p.bind(_replace_zero(x)), ans)), ans.dtype)


def _pow_jvp(primals, tangents):
    ans, rules = pow_p.bind(*primals), (_pow_jvp_base, _pow_jvp_exponent)
    terms = [rule(g, ans, *primals) for rule, g in zip(rules, tangents) if type(g) is not Zero]
    return ans, reduce(add_tangents, terms) if terms else zero_like(ans)


def _pow(x, y):
    power = np.power if x.dtype.kind != "c" else on_complex.power
    return power(x, y.astype(x.dtype, copy=False)).astype(x.dtype, copy=False)


def _pow_abstract_eval(x, y):
    if dtype_char(x.dtype) not in INEXACT or (x.dtype != y.dtype and not issubdtype(y.dtype, np.integer)):
        raise TypeError(
            f"lax.pow requires a floating or complex base and an exponent of its dtype or an integer, got {x.dtype.name} and"
            f" {y.dtype.name}. (Tip: jnp.power is a similar function that does automatic type promotion on inputs)."
        )
    shape = mul_p.abstract_eval(x, ShapedArray(y.shape, x.dtype)).shape
    return ShapedArray(shape, x.dtype, x.weak_type and y.weak_type)


pow_p = elementwise(
    "pow",
    _pow,
    INEXACT,
    jvp=_pow_jvp,
    arity=2,
    transpose=NOT_LINEAR,
    abstract_eval=_pow_abstract_eval,
)

square_p = elementwise(
    "square",
    np.square,
    NUM,
    jvp=[lambda g, ans, x: mul_p.bind(g, mul_p.bind(const(x, 2), x))],
    transpose=NOT_LINEAR,
)


# ---------------------------------------------------------------------------------------------------------------------
# Roots and transcendental functions: name, NumPy's function, derivative


def _unary(name, impl, derivative, accepts=INEXACT):
    return elementwise(name, impl, accepts, jvp=[derivative], transpose=NOT_LINEAR)


def _accurate(name, impl, derivative, accepts=INEXACT):
    """The row of a function that takes `accuracy`."""
    return _unary(name, accurate(impl), derivative_at(name, derivative), accepts)


sqrt_p = _accurate("sqrt", on_complex.sqrt, lambda g, ans, x: mul_p.bind(g, div_p.bind(const(x, 0.5), ans)))
rsqrt_p = _accurate(
    "rsqrt",
    on_complex.rsqrt,
    lambda g, ans, x: mul_p.bind(g, mul_p.bind(const(x, -0.5), div_p.bind(ans, x))),
)
cbrt_p = _accurate(
    "cbrt",
    special.cbrt,
    lambda g, ans, x: mul_p.bind(g, mul_p.bind(const(x, 1 / 3), integer_pow(ans, -2))),
    accepts=FLOAT,
)


def _slope_of_asin(x):
    return rsqrt_p.bind(sub_p.bind(const(x, 1), square_p.bind(x)))


def _one(x):
    """1, weak where x is: some of JAX's rules have such a constant. `const` is strong beside a weak array with axes."""
    return number(np.asarray(1, x.dtype), True) if x.weak_type and x.shape else const(x, 1)


exp_p = _accurate("exp", on_complex.exp, lambda g, ans, x: mul_p.bind(g, ans))
exp2_p = _accurate("exp2", on_complex.exp2, lambda g, ans, x: mul_p.bind(log_p.bind(const(x, 2)), mul_p.bind(g, ans)))
expm1_p = _accurate("expm1", on_complex.expm1, lambda g, ans, x: mul_p.bind(g, add_p.bind(ans, _one(ans))))
log_p = _accurate("log", on_complex.log, lambda g, ans, x: div_p.bind(g, x))
log1p_p = _accurate("log1p", on_complex.log1p, lambda g, ans, x: div_p.bind(g, add_p.bind(x, _one(x))))
sin_p = _accurate("sin", on_complex.sin, lambda g, ans, x: mul_p.bind(g, cos_p.bind(x)))
cos_p = _accurate("cos", on_complex.cos, lambda g, ans, x: neg_p.bind(mul_p.bind(g, sin_p.bind(x))))
tan_p = _accurate("tan", on_complex.tan, lambda g, ans, x: mul_p.bind(g, add_p.bind(const(x, 1), square_p.bind(ans))))
asin_p = _unary("asin", on_complex.asin, lambda g, ans, x: mul_p.bind(g, _slope_of_asin(x)))
acos_p = _unary("acos", on_complex.acos, lambda g, ans, x: mul_p.bind(g, neg_p.bind(_slope_of_asin(x))))
atan_p = _unary("atan", on_complex.atan, lambda g, ans, x: div_p.bind(g, add_p.bind(const(x, 1), square_p.bind(x))))
sinh_p = _unary("sinh", on_complex.sinh, lambda g, ans, x: mul_p.bind(g, cosh_p.bind(x)))
cosh_p = _unary("cosh", on_complex.cosh, lambda g, ans, x: mul_p.bind(g, sinh_p.bind(x)))
asinh_p = _unary(
    "asinh", on_complex.asinh, lambda g, ans, x: mul_p.bind(g, rsqrt_p.bind(add_p.bind(square_p.bind(x), _one(x))))
)
acosh_p = _unary(
    "acosh", on_complex.acosh, lambda g, ans, x: mul_p.bind(g, rsqrt_p.bind(sub_p.bind(square_p.bind(x), _one(x))))
)


def _atanh_derivative(g, ans, x):
    # g / (1 - x^2), in factors: 1 - x is exact where x is close to 1, its square is not.
    one = _one(x)
    return mul_p.bind(integer_pow(add_p.bind(one, x), -1), div_p.bind(g, sub_p.bind(one, x)))


atanh_p = _unary("atanh", on_complex.atanh, _atanh_derivative)


def _tanh_derivative(g, ans, x):
    # g (1 - ans^2), in factors: 1 - ans is exact where ans is close to 1, its square is not.
    return mul_p.bind(add_p.bind(g, mul_p.bind(g, ans)), sub_p.bind(_one(ans), ans))


def _logistic(x):
    if x.dtype.kind == "c":
        return on_complex.logistic(x)
    # exp of a negative number only: never overflows.
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, np.reciprocal(1 + e), e / (1 + e)).astype(x.dtype, copy=False)


tanh_p = _accurate("tanh", on_complex.tanh, _tanh_derivative)
logistic_p = _accurate(
    "logistic", _logistic, lambda g, ans, x: mul_p.bind(g, mul_p.bind(ans, sub_p.bind(_one(ans), ans)))
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


def _gaussian(scale: float):
    """The derivative scale * exp(-x^2)."""
    return lambda g, ans, x: mul_p.bind(const(x, scale), mul_p.bind(g, exp_p.bind(neg_p.bind(square_p.bind(x)))))


erf_p = _unary("erf", special.erf, _gaussian(2 / math.sqrt(math.pi)), accepts=FLOAT)
erfc_p = _unary("erfc", special.erfc, _gaussian(-2 / math.sqrt(math.pi)), accepts=FLOAT)
erf_inv_p = _unary(
    "erf_inv",
    special.erf_inv,
    lambda g, ans, x: mul_p.bind(const(x, math.sqrt(math.pi) / 2), mul_p.bind(g, exp_p.bind(square_p.bind(ans)))),
    accepts=FLOAT,
)


# ---------------------------------------------------------------------------------------------------------------------
# Pieces of numbers


def _abs_jvp(g, ans, x):
    if x.dtype.char in COMPLEX:
        # d|x| = Re(conj(x) g) / |x|, with 0 at 0.
        direction = div_p.bind(conj(x), _replace_zero(convert_element_type(ans, x.dtype)))
        return real_p.bind(mul_p.bind(g, direction))
    return select(ge_p.bind(x, const(x, 0)), g, neg_p.bind(g))


abs_p = elementwise(
    "abs", np.abs, "bhilq" + FLOAT + COMPLEX, jvp=[_abs_jvp], transpose=NOT_LINEAR, result_dtype=real_dtype
)


def _sign(x):
    if x.dtype.char in COMPLEX:
        return on_complex.sign(x)
    # The sign of -0.0 is -0.0; NumPy gives 0.0.
    return np.copysign(np.sign(x), x) if x.dtype.char in FLOAT else np.sign(x)


sign_p = constant_almost_everywhere("sign", _sign, NUM)
floor_p = constant_almost_everywhere("floor", np.floor, FLOAT)
ceil_p = constant_almost_everywhere("ceil", np.ceil, FLOAT)
is_finite_p = constant_almost_everywhere("is_finite", np.isfinite, FLOAT, result_dtype=bool_dtype)
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


round_p = constant_almost_everywhere("round", _round, FLOAT)


def floor(x):
    return floor_p.bind(x)


def _complex_dtype(dtype):
    return np.result_type(dtype, np.complex64)


def _strong_zero(x):
    return full((), 0, x.dtype)


real_p = elementwise(
    "real",
    np.real,
    COMPLEX,
    jvp=[lambda g, ans, x: real_p.bind(g)],
    transpose=lambda ct, x: [complex_p.bind(ct, _strong_zero(ct))],
    result_dtype=real_dtype,
)
imag_p = elementwise(
    "imag",
    np.imag,
    COMPLEX,
    jvp=[lambda g, ans, x: imag_p.bind(g)],
    transpose=lambda ct, x: [complex_p.bind(_strong_zero(ct), neg_p.bind(ct))],
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
    jvp=_complex_jvp,
    arity=2,
    transpose=transpose_by_argument([lambda ct, x, y: real_p.bind(ct), lambda ct, x, y: imag_p.bind(neg_p.bind(ct))]),
    result_dtype=_complex_dtype,
)


def conj(x):
    """The complex conjugate; a real array as it is complex with imaginary part 0."""
    return conj_p.bind(x, input_dtype=x.dtype)


def _conj_transpose(ct, x, *, input_dtype):
    # Of a real operand only the real part counts, and conjugation leaves it as it is.
    return [real_p.bind(ct) if input_dtype.char in FLOAT else conj_p.bind(ct, input_dtype=ct.dtype)]


conj_p = elementwise(
    "conj",
    lambda x, *, input_dtype: np.conj(x).astype(_complex_dtype(x.dtype), copy=False),
    "fd" + COMPLEX,
    jvp=[lambda g, ans, x, *, input_dtype: conj_p.bind(g, input_dtype=input_dtype)],
    transpose=_conj_transpose,
    result_dtype=_complex_dtype,
)


# ---------------------------------------------------------------------------------------------------------------------
# Comparisons in IEEE's total order, and bits


def _in_total_order(compare):
    """A comparison of floats by their bits: -NaN < -inf < ... < -0.0 < 0.0 < ... < inf < NaN."""

    def keys(x):
        if x.dtype.char not in FLOAT:
            return x
        bits = np.ascontiguousarray(x).view(f"i{x.dtype.itemsize}").reshape(x.shape)
        # A negative number has all bits but the sign inverted. `np.where` takes six times as long where signs are mixed.
        return bits ^ (bits >> (8 * bits.itemsize - 1) & np.iinfo(bits.dtype).max)

    return lambda x, y: compare(keys(x), keys(y))


def _total_order(name, compare):
    return constant_almost_everywhere(name, _in_total_order(compare), BOOL + INT + FLOAT, 2, bool_dtype)


eq_to_p = _total_order("eq_to", np.equal)
le_to_p = _total_order("le_to", np.less_equal)
lt_to_p = _total_order("lt_to", np.less)


def _bitwise(name, impl, arity=2, accepts=BOOL + INT):
    return constant_almost_everywhere(name, impl, accepts, arity)


not_p = _bitwise("not", np.invert, 1)
and_p = _bitwise("and", np.bitwise_and)
or_p = _bitwise("or", np.bitwise_or)
xor_p = _bitwise("xor", np.bitwise_xor)


def _shift(function, fill):
    """Shifts by the width of the type or more give 0 (or the sign, for arithmetic shifts); C leaves them undefined."""

    def shift(x, y):
        bits = x.dtype.itemsize * 8
        if np.ndim(y) == 0 and 0 <= y < bits:
            return function(x, y)
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
    "shift_right_arithmetic", _shift(_arithmetic_right_shift, _leftmost_bit), accepts=INT
)


def _population_count(x):
    # A negative number's bits are those of its two's complement.
    return np.bitwise_count(np.asarray(x).view(f"u{x.dtype.itemsize}")).astype(x.dtype)


population_count_p = elementwise(
    "population_count", _population_count, INT, jvp=NO_GRADIENT, transpose=NOT_LINEAR, arity=1
)


# ---------------------------------------------------------------------------------------------------------------------
# select_n and clamp


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
    return select(condition, g, like(ans, 0))


def _clamp_batch(axis, args, dims):
    low, x, high = args
    scalars = dims[0] is None and dims[2] is None and not shape_of(low) and not shape_of(high)
    if scalars or dims[0] == dims[1] == dims[2] and shape_of(low) == shape_of(x) == shape_of(high):
        return clamp_p.bind(low, x, high), dims[1]
    bounds = (low, dims[0]), (high, dims[2])
    low, high = (b if d is None and not shape_of(b) else batch_to_front(b, d, axis.size) for b, d in bounds)
    x = batch_to_front(x, dims[1], axis.size)
    for ndim in range(2):  # In JAX's order.
        low, high = (broadcast_leading(b, shape_of(x)) if len(shape_of(b)) == ndim < x.ndim else b for b in (low, high))
    return clamp_p.bind(low, x, high), 0


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


def _bitcast_abstract_eval(x, *, new_dtype):
    bits = itemsize_bits(x.dtype), itemsize_bits(new_dtype)
    if bits[0] != bits[1] and min(bits) < 8:
        raise ValueError(
            f"bitcast_convert_type from {x.dtype.name} to {new_dtype.name}: an element of each has {bits} bits."
        )
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


def _bitcast_batch(axis, args, dims, *, new_dtype):
    # The last axis is made or used up if the sizes differ: the batch must not be there.
    dim = dims[0] if itemsize_bits(args[0].dtype) == itemsize_bits(new_dtype) else 0
    return bitcast_convert_type_p.bind(move_batch_dim(args[0], dims[0], dim), new_dtype=new_dtype), dim


bitcast_convert_type_p = row(
    "bitcast_convert_type",
    impl=_bitcast_impl,
    abstract_eval=_bitcast_abstract_eval,
    jvp=zero_jvp(lambda: bitcast_convert_type_p),
    transpose=NOT_LINEAR,
    batch=_bitcast_batch,
)


copy_p = linear_row(
    "copy",
    impl=lambda x: x.copy(),
    abstract_eval=lambda x: x,
    transpose=lambda ct, x: [copy_p.bind(ct)],
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
