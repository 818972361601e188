"""The rows of arithmetic, comparison, choice (`select_n`) and conversion, which the rules of all others stand on."""

from __future__ import annotations

import operator

import numpy as np

from ..core.array import number, to_array
from ..core.avals import ShapedArray, Zero, is_undefined_primal
from ..core.traces import Array, Tracer, check_not_leaked, get_aval, given
from ..core.types import ArrayLike
from ..foundation.dtypes import canonicalize_dtype, iinfo, is_narrow, issubdtype, key_fry, wide_dtype
from ..foundation.float_errors import SILENT, with_float_errors
from .basis import NOT_LINEAR, batch_to_front, broadcast_in_dim, const, full, instantiate, row, shape_of, zero_like
from .complex_numbers import divide, maximum, minimum, reciprocal
from .families import (
    ANY,
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    NUM,
    bool_dtype,
    broadcast_like,
    elementwise,
    elementwise_abstract_eval,
    transpose_by_argument,
)

INEXACT = FLOAT + COMPLEX
ORDERED = BOOL + INT + FLOAT
# What families.dtype_char gives for the dtype of random keys.
KEY = "key"

# ---------------------------------------------------------------------------------------------------------------------
# Arithmetic


neg_p = elementwise(
    "neg", np.negative, NUM, jvp=[lambda g, ans, x: neg_p.bind(g)], transpose=lambda ct, x: [neg_p.bind(ct)]
)


def _jvp_of_sum(primitive_of):
    """The jvp rule of x + y and of x - y: the primitive itself, applied to the tangents."""

    def jvp(primals, tangents):
        primitive, (gx, gy) = primitive_of(), tangents
        out = primitive.bind(*primals)
        if type(gx) is not Zero and type(gy) is not Zero:
            return out, primitive.bind(gx, gy)
        if type(gy) is Zero:
            return out, zero_like(out) if type(gx) is Zero else broadcast_like(gx, out)
        return out, broadcast_like(gy if primitive is add_p else neg_p.bind(gy), out)

    return jvp


add_p = elementwise(
    "add",
    np.add,
    NUM,
    arity=2,
    jvp=_jvp_of_sum(lambda: add_p),
    transpose=transpose_by_argument([lambda ct, x, y: ct, lambda ct, x, y: ct]),
)


sub_p = elementwise(
    "sub",
    np.subtract,
    NUM,
    arity=2,
    jvp=_jvp_of_sum(lambda: sub_p),
    transpose=transpose_by_argument([lambda ct, x, y: ct, lambda ct, x, y: neg_p.bind(ct)]),
)


mul_p = elementwise(
    "mul",
    np.multiply,
    NUM,
    jvp=[lambda g, ans, x, y: mul_p.bind(g, y), lambda g, ans, x, y: mul_p.bind(x, g)],
    transpose=transpose_by_argument([lambda ct, x, y: mul_p.bind(ct, y), lambda ct, x, y: mul_p.bind(x, ct)]),
)


def _integer_pow(x, *, y):
    if y < 0:
        return reciprocal(_integer_pow(x, y=-y if y == -1 else operator.index(-y)))
    # Repeated squaring, in XLA's order, so that rounding agrees. JAX takes these three floats, and refuses others.
    result, factor, y = None, x, int(y) if y in (1, 2, 3) else y
    while y:
        if y & 1:
            result = factor if result is None else result * factor
        y >>= 1
        if y:
            factor = factor * factor
    return np.ones_like(x) if result is None else result


def _integer_pow_jvp(g, ans, x, *, y):
    if y == 0:
        return instantiate(zero_like(ans))  # an array, as in JAX: multiplied by infinity it is NaN
    if y == 1:
        return g
    return mul_p.bind(g, mul_p.bind(const(x, y), x if y == 2 else integer_pow(x, y - 1)))


def integer_pow(x: ArrayLike, y: int) -> Array:
    """x to a constant integer power (`lax.integer_pow`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.integer_pow(jnp.array([2.0, 3.0]), 2)
    Array([4., 9.], dtype=float32)
    """
    return integer_pow_p.bind(x, y=y)


_integer_pow_types = elementwise_abstract_eval("integer_pow", [NUM], None, True)


def _integer_pow_abstract_eval(x, *, y):
    aval = _integer_pow_types(x)
    if y < 0 and x.dtype.kind in "iu":
        raise TypeError(f"Integers cannot be raised to negative powers, got integer_pow({x.str_short()}, {y})")
    return aval


integer_pow_p = elementwise(
    "integer_pow",
    _integer_pow,
    NUM,
    jvp=[_integer_pow_jvp],
    transpose=NOT_LINEAR,
    abstract_eval=_integer_pow_abstract_eval,
)
integer_pow_p.elementwise = INEXACT


def _div(x, y):
    """Division as XLA's: integers truncate towards zero, and x/0 is -1 for them."""
    if x.dtype.kind not in "iu":
        return divide(x, y)
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
        lambda g, ans, x, y: mul_p.bind(mul_p.bind(neg_p.bind(g), x), integer_pow(y, -2)),
    ],
    transpose=transpose_by_argument([lambda ct, x, y: div_p.bind(ct, y), None]),
)


def _balanced(x, ans, y):
    """1 where x is the extremum, 1/2 where both are, 0 elsewhere: a tie shares its tangent."""
    chosen = select(eq_p.bind(x, ans), like(ans, 1), like(ans, 0))
    return div_p.bind(chosen, select(eq_p.bind(y, ans), like(ans, 2), like(ans, 1)))


def like(x, value):
    """An array of one number, of the shape, dtype and weak type of x."""
    return full(shape_of(x), value, x.dtype, x.weak_type)


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


max_p = _extremum("max", maximum)


min_p = _extremum("min", minimum)

# ---------------------------------------------------------------------------------------------------------------------
# Comparisons


def constant_almost_everywhere(name, impl, accepts, arity=1, result_dtype=None, keeps_weak_type=True):
    return elementwise(
        name,
        impl,
        accepts,
        jvp=[None] * arity,
        transpose=NOT_LINEAR,
        result_dtype=result_dtype,
        keeps_weak_type=keeps_weak_type,
    )


def _comparison(name, impl, accepts=ANY):
    return constant_almost_everywhere(name, impl, accepts, 2, bool_dtype)


# Random keys are NumPy records, which the operators compare for equality and np.equal does not.
eq_p = _comparison("eq", operator.eq, ANY + KEY)


ne_p = _comparison("ne", operator.ne, ANY + KEY)


# `jnp.less` orders complex numbers by their real parts, then by their imaginary parts; `lax.lt` refuses them.
lt_p = _comparison("lt", np.less, ORDERED)


le_p = _comparison("le", np.less_equal, ORDERED)


gt_p = _comparison("gt", np.greater, ORDERED)


ge_p = _comparison("ge", np.greater_equal, ORDERED)

# ---------------------------------------------------------------------------------------------------------------------
# select_n


def select(pred: ArrayLike, on_true: ArrayLike, on_false: ArrayLike) -> Array:
    """`on_true` where the predicate holds, else `on_false` (`lax.select`).

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> lax.select(jnp.array([True, False]), jnp.array([1, 2]), jnp.array([8, 9]))
    Array([1, 9], dtype=int32)
    """
    return select_n_p.bind(pred, on_false, on_true)


def select_examples(which, *cases):
    """`select_n` for a batch: `which` has one entry for each example, along the first axis of the cases."""
    return select_n_p.bind(broadcast_leading(which, shape_of(cases[0])), *cases)


def _select_impl(which, *cases):
    if which.dtype == bool and len(cases) == 2:
        return np.where(which, cases[1], cases[0])
    # As in XLA, the nearest case stands for a number that none has.
    which = np.minimum(which, 2**31 - 1) if which.dtype.itemsize == 8 else which
    return np.choose(np.broadcast_to(which.astype(np.intp), cases[0].shape), cases, mode="clip")


def _select_abstract_eval(which, *cases):
    first = cases[0]
    if any(c.shape != first.shape or c.dtype != first.dtype for c in cases):
        listed = ", ".join(c.str_short() for c in cases)
        raise TypeError(f"select_n cases must have the same shapes and dtypes, got {listed}.")
    if which.dtype.char not in BOOL + INT:
        raise TypeError(f"select `which` must be boolean or integer type, got {which.dtype.name}.")
    if which.dtype.char == BOOL and len(cases) > 2:
        raise TypeError(f"select_n with a boolean predicate takes 1 or 2 cases, got {len(cases)}.")
    if which.shape and which.shape != first.shape:
        raise TypeError(f"select_n predicate must be scalar or of the cases' shape {first.shape}, got {which.shape}.")
    return ShapedArray(first.shape, first.dtype, all(c.weak_type for c in cases))


def _select_jvp(primals, tangents):
    out = select_n_p.bind(*primals)
    case_tangents = tangents[1:]
    if all(type(t) is Zero for t in case_tangents):
        return out, zero_like(out)
    # JAX writes this equation whether a case has no tangent or all have one.
    zeros = instantiate(zero_like(out))
    return out, select_n_p.bind(primals[0], *[zeros if type(t) is Zero else t for t in case_tangents])


def _select_transpose(ct, which, *cases):
    zero = like(ct, 0)

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
    if which_dim is not None or shape_of(which):
        which = batch_to_front(which, which_dim, axis.size)
    cases = [batch_to_front(x, d, axis.size) for x, d in zip(cases, case_dims)]
    if which_dim is not None or shape_of(which):
        if shape_of(which) != shape_of(cases[0]):
            # A scalar predicate for each example: the same for all of the example's elements.
            which = broadcast_leading(which, shape_of(cases[0]))
    return select_n_p.bind(which, *cases), 0


def broadcast_leading(x, shape):
    return broadcast_in_dim(x, shape, tuple(range(len(shape_of(x)))))


select_n_p = row(
    "select_n",
    impl=_select_impl,
    abstract_eval=_select_abstract_eval,
    jvp=_select_jvp,
    transpose=_select_transpose,
    batch=_select_batch,
)

# ---------------------------------------------------------------------------------------------------------------------
# Changing dtype


def convert_element_type(x, dtype, weak_type: bool = False):
    """The array in another dtype; as it is if it has it (`lax.convert_element_type`)."""
    dtype = canonicalize_dtype(dtype)
    aval = get_aval(x)
    if aval.dtype != dtype and key_fry in (aval.dtype, dtype):
        raise ValueError(f"Cannot convert_element_type from {aval.dtype} to {dtype}")
    if isinstance(x, (bool, int, float, complex, np.generic)):
        # A number becomes a constant of that dtype: no equation.
        if aval.dtype == dtype and aval.weak_type == weak_type:
            return to_array(x)
        return number(_convert_number(x, dtype, weak_type), weak_type)
    if aval.dtype == dtype and aval.weak_type == weak_type:
        if isinstance(x, Tracer):
            check_not_leaked(x)
        return x if isinstance(x, Array) else to_array(x)
    literal = x.literal() if isinstance(x, Tracer) else x
    if hasattr(literal, "number"):
        # Convert it now. `x.at[0].set(1)` is one equation, without a conversion of the 1.
        found = number(_convert_impl(literal._value, new_dtype=dtype, weak_type=weak_type, sharding=None), weak_type)
        return found if literal is x else given(found)
    return convert_element_type_p.bind(x, new_dtype=dtype, weak_type=bool(weak_type), sharding=None)


def _convert_number(x, dtype, weak_type: bool):
    """A number in another dtype. An integer wraps around. A complex number in a real dtype raises TypeError, as in NumPy."""
    infinite = isinstance(x, (float, complex, np.inexact)) and not np.isfinite(x)
    try:
        # A float that an integer dtype does not hold is left to `_convert_impl`, which saturates.
        if not weak_type and not isinstance(x, int) and not (infinite and dtype.kind in "iu"):
            return with_float_errors(SILENT, np.asarray, x, dtype)
    except OverflowError:
        pass
    return _convert_impl(np.asarray(x), new_dtype=dtype, weak_type=weak_type, sharding=None)


def _convert_impl(x, *, new_dtype, weak_type, sharding):
    if not is_narrow(x.dtype) and not is_narrow(new_dtype):
        return _convert_ordinary(x, new_dtype=new_dtype, weak_type=weak_type, sharding=sharding)
    x = np.real(x) if x.dtype.kind == "c" else x
    if issubdtype(x.dtype, np.floating) and issubdtype(new_dtype, np.integer):
        x = x if x.dtype.kind == "f" else x.astype(np.float32)
        low, high = float(iinfo(new_dtype).min), float(iinfo(new_dtype).max)
        return np.clip(np.nan_to_num(np.trunc(x), nan=0.0), low, high).astype(wide_dtype(new_dtype)).astype(new_dtype)
    return np.asarray(x).astype(new_dtype, copy=False)


def _convert_ordinary(x, *, new_dtype, weak_type, sharding):
    """Between dtypes that are not narrow. It names nothing but NumPy, and so the text of a program can show it."""
    if x.dtype.kind == "c" and new_dtype.kind != "c":
        # For bool too: 1j becomes False. `jnp.astype` compares with 0 instead.
        x = np.real(x)
    if x.dtype.char in "efdE" and new_dtype.kind in "iu":
        # Out of range saturates, NaN is 0, as XLA does; C leaves it undefined.
        x = x.astype(np.float32) if x.dtype.char == "E" else x
        info = np.iinfo(new_dtype)
        inside = np.clip(np.nan_to_num(np.trunc(x), nan=0.0, posinf=np.inf, neginf=-np.inf), -(2.0**63), 2.0**64)
        low, high = inside <= float(info.min), inside >= float(info.max)
        safe = np.where(low | high, 0, inside).astype(new_dtype)
        return np.where(high, info.max, np.where(low, info.min, safe)).astype(new_dtype)
    return np.asarray(x).astype(new_dtype, copy=False)


# A compiled program that has no narrow dtype calls this function.
_convert_impl.ordinary = _convert_ordinary


def _convert_transpose(ct, x, **params):
    aval, own = get_aval(ct), x.aval
    if (aval.dtype, aval.weak_type) == (own.dtype, own.weak_type):
        return [ct]
    return [convert_element_type_p.bind(ct, new_dtype=own.dtype, weak_type=own.weak_type, sharding=None)]


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
    transpose=_convert_transpose,
    batch=lambda axis, args, dims, **params: (convert_element_type_p.bind(args[0], **params), dims[0]),
)
