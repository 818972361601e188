"""Functions of lax that do nothing but bind their primitive, element by element: each is made from a row of a table."""

from __future__ import annotations

from collections.abc import Callable

from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation.wrapping import doctest_of
from ..primitives.accuracy import AccuracyMode, Tolerance, check_accuracy
from ..primitives.basis import registry

# The functions that take an accuracy.
_accurate = set("cbrt cos exp exp2 expm1 log log1p logistic rsqrt sin sqrt tan tanh".split())

# {name: an example: see `doctest_of`}
# fmt: off
_EXAMPLES = {
    "exp": "1.0 ~ 2.7183", "exp2": "1.0 -> 2.0", "log": "1.0 -> 0.0", "expm1": "1.0 ~ 1.7183",
    "log1p": "1.0 ~ 0.6931", "sin": "1.0 ~ 0.8415", "cos": "1.0 ~ 0.5403", "tan": "1.0 ~ 1.5574",
    "asin": "1.0 ~ 1.5708", "acos": "1.0 -> 0.0", "atan": "1.0 ~ 0.7854", "sinh": "1.0 ~ 1.1752",
    "cosh": "1.0 ~ 1.5431", "tanh": "1.0 ~ 0.7616", "asinh": "1.0 ~ 0.8814", "acosh": "1.0 -> 0.0",
    "logistic": "1.0 ~ 0.7311", "erf": "1.0 ~ 0.8427", "erfc": "1.0 ~ 0.1573", "bessel_i0e": "1.0 ~ 0.4658",
    "bessel_i1e": "1.0 ~ 0.2079", "atanh": "0.5 ~ 0.5493", "erf_inv": "0.5 ~ 0.4769",
    "lgamma": "5.0 ~ 3.1781", "digamma": "1.0 ~ -0.5772", "sqrt": "9.0 -> 3.0", "rsqrt": "4.0 -> 0.5",
    "cbrt": "27.0 ~ 3.0", "square": "3.0 -> 9.0", "abs": "-3.0 -> 3.0", "real": "3 + 4j -> 3.0",
    "imag": "3 + 4j -> 4.0", "population_count": "7 -> 3", "neg": "3.0 -> -3.0", "sign": "-2.5 -> -1.0",
    "floor": "-1.5 -> -2.0", "ceil": "-1.5 -> -1.0", "is_finite": "1.0 -> True", "bitwise_not": "5 -> -6", "clz": "1 -> 31",
    "add": "2, 3 -> 5", "sub": "2, 3 -> -1", "mul": "2, 3 -> 6", "div": "3.0, 2.0 -> 1.5", "rem": "-7, 3 -> -1",
    "max": "2, 3 -> 3", "min": "2, 3 -> 2", "atan2": "1.0, -1.0 ~ 2.3562", "complex": "3.0, 4.0 -> (3+4j)",
    "nextafter": "1.0, 2.0 -> 1.0000001", "eq": "2, 2 -> True", "ne": "2, 2 -> False", "lt": "2, 3 -> True",
    "le": "3, 3 -> True", "gt": "2, 3 -> False", "ge": "3, 3 -> True", "zeta": "2.0, 1.0 ~ 1.6449",
    "polygamma": "1.0, 1.0 ~ 1.6449", "igamma": "1.0, 2.0 ~ 0.8647", "igammac": "1.0, 2.0 ~ 0.1353",
    "igamma_grad_a": "1.0, 2.0 ~ -0.2208", "random_gamma_grad": "1.0, 2.0 ~ 1.6317", "mulhi": "2**30, 8 -> 2",
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
    function.__module__ = "minijax.lax"
    accuracy = (
        " accuracy: what XLA may do for speed; a `lax.Tolerance` or `lax.AccuracyMode`." if name in _accurate else ""
    )
    function.__doc__ = f"""The primitive `{primitive.name}`, element by element (`jax.lax.{name}`).{accuracy}

    >>> from minijax import lax
    {doctest_of(f"lax.{name}", _EXAMPLES[name])}
    """
    return function


def made(names: str, arity: int, **others: str) -> dict[str, Callable]:
    """{name: the function}, for primitives of so many arguments. names: those that the primitives have, too, in one string; others:
    {name: the primitive's}."""
    table = {**{name: name for name in names.split()}, **others}
    return {name: _function(name, registry[primitive], arity) for name, primitive in table.items()}
