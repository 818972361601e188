"""`accuracy=` of elementwise functions (`lax.exp(x, accuracy=lax.AccuracyMode.HIGHEST)`), which XLA reads; NumPy has one accuracy.

An equation has the parameter `accuracy` only where a program gives one. (JAX: `_src/lax/lax.py`.)
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from .basis import const, registry


class AccuracyMode(enum.Enum):
    """How exact a function is to be: the most exact program that XLA has, or the usual one (`lax.AccuracyMode`).

    >>> AccuracyMode["HIGHEST"]
    <AccuracyMode.HIGHEST: 1>
    """

    HIGHEST = 1
    DEFAULT = 2


class Tolerance:
    """The error that a function may have: absolute, relative or in units in the last place (`lax.Tolerance`).

    Raises ValueError if a number is negative, or if all are 0.

    >>> Tolerance(rtol=1e-3).rtol
    0.001
    """

    def __init__(self, atol: float = 0.0, rtol: float = 0.0, ulps: int = 0):
        if min(atol, rtol, ulps) < 0:
            raise ValueError("Tolerances must be non-negative.")
        if not (atol or rtol or ulps):
            raise ValueError("At least one of atol, rtol, or ulps must be set.")
        self.atol = atol
        self.rtol = rtol
        self.ulps = ulps


def check_accuracy(accuracy):
    """Raise NotImplementedError for what is no accuracy."""
    if accuracy is not None and not isinstance(accuracy, (AccuracyMode, Tolerance)):
        raise NotImplementedError(
            f"Accuracy {accuracy} not supported: give a lax.AccuracyMode, a lax.Tolerance or None."
        )


def accurate(impl: Callable) -> Callable:
    """The implementation, which takes an accuracy too."""

    def at_any_accuracy(x, *, accuracy=None):
        if accuracy is not None:
            check_accuracy(accuracy)
        return impl(x)

    # The text of a program shows the function itself.
    at_any_accuracy.users = impl
    at_any_accuracy.__name__ = impl.__name__
    return at_any_accuracy


def _mul(*factors):
    return registry["mul"].bind(*factors)


def _twice(sign: float, x, accuracy):
    return registry["logistic"].bind(_mul(const(x, sign * 2), x), accuracy=accuracy)


# {function: its derivative rule where an accuracy is given}, where that is not the rule without one. As in JAX: a function that is
# computed exactly gets a derivative from functions that are computed exactly, and not from its own result.
_RULES: dict[str, Callable] = {
    "sin": lambda g, ans, x, accuracy: _mul(g, registry["cos"].bind(x, accuracy=accuracy)),
    "cos": lambda g, ans, x, accuracy: registry["neg"].bind(_mul(g, registry["sin"].bind(x, accuracy=accuracy))),
    "expm1": lambda g, ans, x, accuracy: _mul(g, registry["exp"].bind(x, accuracy=accuracy)),
    "logistic": lambda g, ans, x, accuracy: _mul(g, _mul(ans, registry["logistic"].bind(registry["neg"].bind(x)))),
    "tanh": lambda g, ans, x, accuracy: _mul(
        g, _mul(const(x, 4), _mul(_twice(1.0, x, accuracy), _twice(-1.0, x, accuracy)))
    ),
}


def derivative_at(name: str, rule: Callable) -> Callable:
    """The derivative rule of a function that takes an accuracy, from the rule without one."""

    def at_any_accuracy(g, ans, x, *, accuracy=None):
        if accuracy is None or name not in _RULES:
            return rule(g, ans, x)
        return _RULES[name](g, ans, x, accuracy)

    return at_any_accuracy
