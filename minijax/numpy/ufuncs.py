"""Elementwise functions of `jnp`, which promote their arguments and bind one primitive, or a few.

Most of them are rows of the tables below.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from types import FunctionType

import numpy as np

from ..core.array import ArrayImpl, number, to_array
from ..core.primitive import Primitive
from ..core.traces import Array, given
from ..core.types import ArrayLike
from ..foundation import dtypes
from ..foundation.wrapping import doctest_of
from ..primitives import elementwise as ew
from ..primitives.basis import const, full
from ..primitives.elementwise import convert_element_type, select
from ..primitives.families import ANY, BOOL, COMPLEX, FLOAT, INT, NUM
from .util import (
    binary,
    default_float_dtype,
    ensure_arraylike,
    promote_args,
    promote_args_inexact,
    promote_args_numeric,
    to_bool,
    unary,
    where,
)

INEXACT = FLOAT + COMPLEX
ROUND_AWAY_FROM_ZERO, ROUND_TO_EVEN = 0, 1


def is_a(x: Array, kind) -> bool:
    return dtypes.issubdtype(x.dtype, kind)


def is_complex(x: Array) -> bool:
    return dtypes.issubdtype(x.dtype, np.complexfloating)


def filled_like(x: Array, value, dtype=None) -> Array:
    """An array of one value in the shape of `x`, of its dtype and weak type unless a dtype is given."""
    return full(x.shape, value, x.dtype if dtype is None else np.dtype(dtype), x.weak_type and dtype is None)


# ---------------------------------------------------------------------------------------------------------------------
# Functions of one argument that are one primitive


# {name: an example (see `doctest_of`)}, of the functions that the tables make.
# fmt: off
_EXAMPLES = {
    "exp": "1.0 ~ 2.7183", "exp2": "1.0 -> 2.0", "expm1": "1.0 ~ 1.7183", "log": "1.0 -> 0.0",
    "log1p": "1.0 ~ 0.6931", "sin": "1.0 ~ 0.8415", "cos": "1.0 ~ 0.5403", "tan": "1.0 ~ 1.5574",
    "arcsin": "1.0 ~ 1.5708", "arccos": "1.0 -> 0.0", "arctan": "1.0 ~ 0.7854", "sinh": "1.0 ~ 1.1752",
    "cosh": "1.0 ~ 1.5431", "tanh": "1.0 ~ 0.7616", "arcsinh": "1.0 ~ 0.8814", "arctanh": "0.5 ~ 0.5493",
    "sqrt": "9.0 -> 3.0", "cbrt": "27.0 ~ 3.0", "negative": "3 -> -3", "sign": "-2.5 -> -1.0", "square": "3 -> 9",
    "bitwise_not": "5 -> -6", "invert": "5 -> -6", "bitwise_invert": "5 -> -6", "floor": "-1.5 -> -2.0",
    "ceil": "-1.5 -> -1.0", "isposinf": "jnp.inf -> True", "isneginf": "jnp.inf -> False", "add": "2, 3 -> 5",
    "subtract": "2, 3 -> -1", "multiply": "2, 3 -> 6", "true_divide": "3, 2 -> 1.5", "divide": "3, 2 -> 1.5",
    "maximum": "2, 3 -> 3", "minimum": "2, 3 -> 2", "arctan2": "1.0, -1.0 ~ 2.3562", "atan2": "1.0, -1.0 ~ 2.3562",
    "nextafter": "1.0, 2.0 -> 1.0000001", "float_power": "2, 3 -> 8.0", "bitwise_and": "6, 3 -> 2", "bitwise_or": "6, 3 -> 7",
    "bitwise_xor": "6, 3 -> 5", "left_shift": "3, 2 -> 12", "bitwise_left_shift": "3, 2 -> 12", "right_shift": "12, 2 -> 3",
    "bitwise_right_shift": "12, 2 -> 3", "equal": "2, 2.0 -> True", "not_equal": "2, 2.0 -> False", "less": "2, 3 -> True",
    "less_equal": "3, 3 -> True", "greater": "2, 3 -> False", "greater_equal": "3, 3 -> True", "logical_and": "1, 0 -> False",
    "logical_or": "1, 0 -> True", "logical_xor": "1, 2 -> False", "conj": "3 + 4j -> (3-4j)", "degrees": "jnp.pi -> 180.0",
    "radians": "180.0 ~ 3.1416",
}
# fmt: on


def named(function: Callable, name: str, doc: str) -> Callable:
    function.__name__ = function.__qualname__ = name
    if name in _EXAMPLES:
        first, *_ = doc.splitlines()
        doc = f"""{first}

    >>> import minijax.numpy as jnp
    {doctest_of(f"jnp.{name}", _EXAMPLES[name])}
    """
    function.__doc__ = doc
    return function


def alias(function: Callable, name: str) -> Callable:
    """The same function under another name, with its signature."""
    same = FunctionType(function.__code__, function.__globals__, name, function.__defaults__, function.__closure__)
    same.__kwdefaults__, same.__annotations__ = function.__kwdefaults__, function.__annotations__
    return named(same, name, function.__doc__)


def _unary(name: str, primitive: Primitive, promote: Callable, accepts: str, doc: str) -> Callable:
    def slow(x):
        return primitive.bind(*promote(name, x))

    return named(unary(primitive, slow, accepts), name, f"{doc} (`jax.numpy.{name}`), elementwise.")


def _inexact(name: str, primitive: Primitive, doc: str, accepts: str = INEXACT) -> Callable:
    """A function whose results are real or complex numbers: integers become floats."""
    return _unary(name, primitive, promote_args_inexact, accepts, doc)


exp = _inexact("exp", ew.exp_p, "e to the power x")
exp2 = _inexact("exp2", ew.exp2_p, "2 to the power x")
expm1 = _inexact("expm1", ew.expm1_p, "exp(x) - 1, accurate for small x")
log = _inexact("log", ew.log_p, "The natural logarithm")
log1p = _inexact("log1p", ew.log1p_p, "log(1 + x), accurate for small x")
sin = _inexact("sin", ew.sin_p, "The sine")
cos = _inexact("cos", ew.cos_p, "The cosine")
tan = _inexact("tan", ew.tan_p, "The tangent")
arcsin = _inexact("arcsin", ew.asin_p, "The inverse of the sine")
arccos = _inexact("arccos", ew.acos_p, "The inverse of the cosine")
arctan = _inexact("arctan", ew.atan_p, "The inverse of the tangent")
sinh = _inexact("sinh", ew.sinh_p, "The hyperbolic sine")
cosh = _inexact("cosh", ew.cosh_p, "The hyperbolic cosine")
tanh = _inexact("tanh", ew.tanh_p, "The hyperbolic tangent")
arcsinh = _inexact("arcsinh", ew.asinh_p, "The inverse of the hyperbolic sine")
arctanh = _inexact("arctanh", ew.atanh_p, "The inverse of the hyperbolic tangent")
sqrt = _inexact("sqrt", ew.sqrt_p, "The square root")
cbrt = _inexact("cbrt", ew.cbrt_p, "The cube root", FLOAT)

negative = _unary("negative", ew.neg_p, promote_args, NUM, "Minus x")
sign = _unary("sign", ew.sign_p, promote_args, NUM, "-1, 0 or 1; for complex x, x/|x|")
square = _unary("square", ew.square_p, promote_args_numeric, NUM, "x * x")
bitwise_not = _unary("bitwise_not", ew.not_p, promote_args, BOOL + INT, "Every bit inverted")
invert = _unary("invert", ew.not_p, promote_args, BOOL + INT, "Every bit inverted")
bitwise_invert = _unary("bitwise_invert", ew.not_p, promote_args, BOOL + INT, "Every bit inverted")

asin, acos, atan, asinh, atanh = arcsin, arccos, arctan, arcsinh, arctanh


def arccosh(x: ArrayLike, /) -> Array:
    """The inverse of the hyperbolic cosine (`jax.numpy.arccosh`), with real part >= 0.

    >>> import minijax.numpy as jnp
    >>> jnp.arccosh(1.0)
    Array(0., dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("arccosh", x)
    result = ew.acosh_p.bind(x)
    return where(real(result) < 0, -result, result) if is_complex(result) else result


acosh = arccosh


def fabs(x: ArrayLike, /) -> Array:
    """The absolute value as a float (`jax.numpy.fabs`).

    >>> import minijax.numpy as jnp
    >>> jnp.fabs(-3)
    Array(3., dtype=float32, weak_type=True)
    """
    x = ensure_arraylike("fabs", x)
    if is_complex(x):
        raise TypeError("ufunc 'fabs' does not support complex dtypes")
    return ew.abs_p.bind(*promote_args_inexact("fabs", x))


def positive(x: ArrayLike, /) -> Array:
    """x (`jax.numpy.positive`).

    >>> import minijax.numpy as jnp
    >>> jnp.positive(-2.0)
    Array(-2., dtype=float32, weak_type=True)
    """
    return given(promote_args("positive", x)[0])


def absolute(x: ArrayLike, /) -> Array:
    """The absolute value (`jax.numpy.absolute`); for a complex number, its distance from 0.

    >>> import minijax.numpy as jnp
    >>> jnp.absolute(3 + 4j)
    Array(5., dtype=float32, weak_type=True)
    """
    x = ensure_arraylike("absolute", x)
    return given(x) if x.dtype == bool or is_a(x, np.unsignedinteger) else ew.abs_p.bind(x)


def abs(x: ArrayLike, /) -> Array:
    """The absolute value (`jax.numpy.abs`).

    >>> abs(-3.5)
    Array(3.5, dtype=float32, weak_type=True)
    """
    return absolute(x)


def _round_to_integer(name: str, primitive: Primitive, doc: str) -> Callable:
    def function(x: ArrayLike, /) -> Array:
        x = ensure_arraylike(name, x)
        if x.dtype == bool or is_a(x, np.integer):
            return given(x)
        return primitive.bind(*promote_args_inexact(name, x))

    return named(function, name, f"{doc} (`jax.numpy.{name}`); integers stay as they are.")


floor = _round_to_integer("floor", ew.floor_p, "The largest whole number not above x")
ceil = _round_to_integer("ceil", ew.ceil_p, "The smallest whole number not below x")


def trunc(x: ArrayLike) -> Array:
    """x without its fraction (`jax.numpy.trunc`).

    >>> import minijax.numpy as jnp
    >>> jnp.trunc(jnp.array([-1.5, 1.5]))
    Array([-1.,  1.], dtype=float32)
    """
    x = ensure_arraylike("trunc", x)
    if x.dtype == bool or is_a(x, np.integer):
        return given(x)
    return where(x < 0, ceil(x), floor(x))


def rint(x: ArrayLike, /) -> Array:
    """x rounded to the nearest whole number, ties to even (`jax.numpy.rint`); the result is a float.

    >>> import minijax.numpy as jnp
    >>> jnp.rint(jnp.array([0.5, 1.5]))
    Array([0., 2.], dtype=float32)
    """
    x = ensure_arraylike("rint", x)
    if x.dtype == bool or is_a(x, np.integer):
        return given(convert_element_type(x, default_float_dtype()))
    if is_complex(x):
        return ew.complex_p.bind(rint(real(x)), rint(imag(x)))
    return ew.round_p.bind(x, rounding_method=ROUND_TO_EVEN)


def round(a: ArrayLike, decimals: int = 0, out: None = None) -> Array:
    """a rounded to `decimals` places, ties to even (`jax.numpy.round`).

    >>> round(2.5)
    Array(2., dtype=float32, weak_type=True)
    """
    a = ensure_arraylike("round", a)
    decimals = operator.index(decimals)
    if out is not None:
        raise NotImplementedError("The 'out' argument to jnp.round is not supported.")
    if a.dtype == bool:
        raise ValueError("jnp.round does not take booleans: convert them with astype.")
    if is_a(a, np.integer):
        if decimals < 0:
            raise NotImplementedError("integer np.round not implemented for decimals < 0")
        return given(a)
    if is_complex(a):
        return ew.complex_p.bind(round(real(a), decimals), round(imag(a), decimals))
    if decimals == 0:
        return ew.round_p.bind(a, rounding_method=ROUND_TO_EVEN)
    # As in JAX: float16 cannot hold a factor of 10**5.
    work = convert_element_type(a, np.dtype("float32")) if a.dtype == np.float16 else a
    factor = const(work, 10.0**decimals)
    rounded = ew.round_p.bind(ew.mul_p.bind(work, factor), rounding_method=ROUND_TO_EVEN)
    return convert_element_type(ew.div_p.bind(rounded, factor), a.dtype, a.weak_type and not a.shape)


around = alias(round, "around")


def real(val: ArrayLike, /) -> Array:
    """The real part (`jax.numpy.real`).

    >>> import minijax.numpy as jnp
    >>> jnp.real(3 + 4j)
    Array(3., dtype=float32, weak_type=True)
    """
    val = ensure_arraylike("real", val)
    return ew.real_p.bind(val) if is_complex(val) else given(val)


def imag(val: ArrayLike, /) -> Array:
    """The imaginary part (`jax.numpy.imag`); zero for real numbers.

    >>> import minijax.numpy as jnp
    >>> jnp.imag(3 + 4j)
    Array(4., dtype=float32, weak_type=True)
    """
    val = ensure_arraylike("imag", val)
    return ew.imag_p.bind(val) if is_complex(val) else filled_like(val, 0)


def conjugate(x: ArrayLike, /) -> Array:
    """The complex conjugate (`jax.numpy.conjugate`); a real number stays as it is.

    >>> import minijax.numpy as jnp
    >>> jnp.conjugate(3 + 4j)
    Array(3.-4.j, dtype=complex64, weak_type=True)
    """
    x = ensure_arraylike("conjugate", x)
    return ew.conj(x) if is_complex(x) else given(x)


conj = alias(conjugate, "conj")


def angle(z: ArrayLike, deg: bool = False) -> Array:
    """The angle of a complex number in the plane (`jax.numpy.angle`), in radians, or with `deg` in degrees.

    >>> import minijax.numpy as jnp
    >>> jnp.angle(1j)
    Array(1.5707964, dtype=float32, weak_type=True)
    """
    z = ensure_arraylike("angle", z)
    re, im = real(z), imag(z)
    if not is_a(re, np.inexact) or (not z.shape and not is_complex(z)):
        re, im = (convert_element_type(x, default_float_dtype()) for x in (re, im))
    result = ew.atan2_p.bind(im, re)
    return degrees(result) if deg else result


def log2(x: ArrayLike, /) -> Array:
    """The logarithm to base 2 (`jax.numpy.log2`).

    >>> import minijax.numpy as jnp
    >>> jnp.log2(8.0)
    Array(3., dtype=float32)
    """
    (x,) = promote_args_inexact("log2", x)
    r = ew.log_p.bind(x)
    if is_complex(x):
        re, im = real(r), imag(r)
        ln2 = ew.log_p.bind(strong_const(re, 2))
        return ew.complex_p.bind(ew.div_p.bind(re, ln2), ew.div_p.bind(im, ln2))
    return ew.div_p.bind(r, ew.log_p.bind(strong_const(x, 2)))


def log10(x: ArrayLike, /) -> Array:
    """The logarithm to base 10 (`jax.numpy.log10`).

    >>> import minijax.numpy as jnp
    >>> jnp.log10(100.0)
    Array(2., dtype=float32)
    """
    (x,) = promote_args_inexact("log10", x)
    r = ew.log_p.bind(x)
    if is_complex(x):
        re, im = real(r), imag(r)
        scale = strong_const(re, 0.4342944819032518)
        return ew.complex_p.bind(ew.mul_p.bind(re, scale), ew.mul_p.bind(im, scale))
    return ew.mul_p.bind(r, strong_const(x, 0.4342944819032518))


def strong_const(x: Array, value) -> ArrayImpl:
    return number(np.asarray(value, x.dtype))


def reciprocal(x: ArrayLike, /) -> Array:
    """1 / x (`jax.numpy.reciprocal`).

    >>> import minijax.numpy as jnp
    >>> jnp.reciprocal(4.0)
    Array(0.25, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("reciprocal", x)
    return ew.integer_pow(x, -1)


def written(x: Array, value: float) -> ArrayImpl:
    """A number of the dtype of `x`; beside a weak scalar a Python number, which jaxprs show as it is written."""
    if x.shape:
        return strong_const(x, value)
    return to_array(value) if x.weak_type and x.dtype.kind == "f" else const(x, value)


def deg2rad(x: ArrayLike, /) -> Array:
    """Degrees to radians (`jax.numpy.deg2rad`).

    >>> import minijax.numpy as jnp
    >>> jnp.deg2rad(180.0)
    Array(3.1415927, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("deg2rad", x)
    return ew.mul_p.bind(x, written(x, np.pi / 180))


def rad2deg(x: ArrayLike, /) -> Array:
    """Radians to degrees (`jax.numpy.rad2deg`).

    >>> import minijax.numpy as jnp
    >>> jnp.rad2deg(jnp.pi)
    Array(180., dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("rad2deg", x)
    return ew.mul_p.bind(x, written(x, 180 / np.pi))


radians, degrees = alias(deg2rad, "radians"), alias(rad2deg, "degrees")


# ---------------------------------------------------------------------------------------------------------------------
# Functions of two arguments that are one primitive


def _binary(
    name: str, primitive: Primitive, promote: Callable, accepts: str, doc: str, fallback: Callable | None = None
):
    """A function of two arguments that binds `primitive`, unless `fallback(x, y)` returns a result for their dtype."""

    def slow(x, y):
        x, y = promote(name, x, y)
        result = None if fallback is None else fallback(x, y)
        return primitive.bind(x, y) if result is None else result

    function = binary(primitive, slow, accepts)
    function.primitive, function.accepts, function.slow = primitive, accepts, slow
    return named(function, name, f"{doc} (`jax.numpy.{name}`), elementwise, with broadcasting.")


def _logical(primitive: Primitive) -> Callable:
    """The fallback of addition and multiplication for booleans: `or` and `and`."""
    return lambda x, y: primitive.bind(x, y) if x.dtype == bool else None


def _promoted_twice(name: str, *args) -> list[Array]:
    """The arguments in one dtype, and then as floats: `atan2` is `arctan2` of arguments that it has promoted, as in JAX."""
    return promote_args_inexact(name, *promote_args(name, *args))


add = _binary("add", ew.add_p, promote_args, NUM, "x + y", _logical(ew.or_p))
subtract = _binary("subtract", ew.sub_p, promote_args, NUM, "x - y")
multiply = _binary("multiply", ew.mul_p, promote_args, NUM, "x * y", _logical(ew.and_p))
true_divide = _binary("true_divide", ew.div_p, promote_args_inexact, INEXACT, "x / y, a float also for integers")
divide = _binary("divide", ew.div_p, promote_args_inexact, INEXACT, "x / y, a float also for integers")
maximum = _binary("maximum", ew.max_p, promote_args, ANY, "The larger of two; NaN if one is")
minimum = _binary("minimum", ew.min_p, promote_args, ANY, "The smaller of two; NaN if one is")
arctan2 = _binary("arctan2", ew.atan2_p, promote_args_inexact, FLOAT, "The angle of the point (y=x1, x=x2)")
atan2 = _binary("atan2", ew.atan2_p, _promoted_twice, FLOAT, "The angle of the point (y=x1, x=x2)")
nextafter = _binary("nextafter", ew.nextafter_p, promote_args_inexact, FLOAT, "The next number after x towards y")
float_power = _binary("float_power", ew.pow_p, promote_args_inexact, "", "x to the power y, as floats")
bitwise_and = _binary("bitwise_and", ew.and_p, promote_args, BOOL + INT, "The bits set in both")
bitwise_or = _binary("bitwise_or", ew.or_p, promote_args, BOOL + INT, "The bits set in one or both")
bitwise_xor = _binary("bitwise_xor", ew.xor_p, promote_args, BOOL + INT, "The bits set in just one")
left_shift = _binary("left_shift", ew.shift_left_p, promote_args_numeric, INT, "The bits of x moved left by y places")
bitwise_left_shift = _binary(
    "bitwise_left_shift", ew.shift_left_p, promote_args_numeric, INT, "The bits of x moved left by y places"
)


def _shift_unsigned(x, y):
    return ew.shift_right_logical_p.bind(x, y) if is_a(x, np.unsignedinteger) else None


right_shift = _binary(
    "right_shift",
    ew.shift_right_arithmetic_p,
    promote_args_numeric,
    "bhilq",
    "The bits of x moved right",
    _shift_unsigned,
)
bitwise_right_shift = _binary(
    "bitwise_right_shift",
    ew.shift_right_arithmetic_p,
    promote_args_numeric,
    "bhilq",
    "The bits of x moved right",
    _shift_unsigned,
)


def _lexicographic(primitive: Primitive) -> Callable:
    """The fallback of a comparison for complex numbers: by their real parts, then by their imaginary parts."""

    def compare(x, y):
        if not is_complex(x):
            return None
        same_real = ew.eq_p.bind(real(x), real(y))
        by_imag, by_real = primitive.bind(imag(x), imag(y)), primitive.bind(real(x), real(y))
        return select(same_real, by_imag, by_real)

    return compare


ORDERED = BOOL + INT + FLOAT
equal = _binary("equal", ew.eq_p, promote_args, ANY, "Whether x == y")
not_equal = _binary("not_equal", ew.ne_p, promote_args, ANY, "Whether x != y")
less = _binary("less", ew.lt_p, promote_args, ORDERED, "Whether x < y", _lexicographic(ew.lt_p))
less_equal = _binary("less_equal", ew.le_p, promote_args, ORDERED, "Whether x <= y", _lexicographic(ew.le_p))
greater = _binary("greater", ew.gt_p, promote_args, ORDERED, "Whether x > y", _lexicographic(ew.gt_p))
greater_equal = _binary("greater_equal", ew.ge_p, promote_args, ORDERED, "Whether x >= y", _lexicographic(ew.ge_p))


def _of_truth_values(name: str, primitive: Primitive, doc: str) -> Callable:
    def function(x: ArrayLike, y: ArrayLike, /) -> Array:
        return primitive.bind(*map(to_bool, promote_args(name, x, y)))

    return named(function, name, f"{doc} (`jax.numpy.{name}`); numbers other than zero are true.")


logical_and = _of_truth_values("logical_and", ew.and_p, "Whether both hold")
logical_or = _of_truth_values("logical_or", ew.or_p, "Whether one or both hold")
logical_xor = _of_truth_values("logical_xor", ew.xor_p, "Whether just one holds")


def logical_not(x: ArrayLike, /) -> Array:
    """Whether x is zero (`jax.numpy.logical_not`).

    >>> import minijax.numpy as jnp
    >>> jnp.logical_not(jnp.array([0, 2]))
    Array([ True, False], dtype=bool)
    """
    return ew.not_p.bind(to_bool(*promote_args("logical_not", x)))
