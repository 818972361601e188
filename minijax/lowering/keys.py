"""Keys that are equal for two jaxprs that are the same program.

The same program has the same operations, with the same parameters, on arguments of the same types. The identity of the variables
and the origins of the equations do not matter.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from ..core.array import ArrayImpl, to_array
from ..core.jaxpr import ClosedJaxpr, DropVar, Jaxpr, JaxprEqn, Literal, called_jaxpr
from .lowered import find, registered


class NoKey(Exception):
    """A parameter cannot be compared, so the program is equal to no other program."""


def jaxpr_key(jaxpr: Jaxpr) -> Hashable:
    """The key of a jaxpr: equal for jaxprs that are the same program. Raises NoKey for a jaxpr that calls back into Python, and for
    parameters that are not hashable.

    >>> import minijax as jax
    >>> def of(f, x): return jaxpr_key(jax.make_jaxpr(f)(x).jaxpr)
    >>> of(lambda x: 2 * x + 1, 3.0) == of(lambda y: y * 2 + 1, 4.0)
    False
    >>> of(lambda x: 2 * x + 1, 3.0) == of(lambda y: 2 * y + 1, 4.0)
    True
    >>> of(lambda x: 2 * x + 1, 3.0) == of(lambda x: 3 * x + 1, 3.0)
    False
    """
    args = [*jaxpr.constvars, *jaxpr.invars]
    numbers = {v: i for i, v in enumerate(args)}
    parts: list = [len(jaxpr.constvars), *[v.aval for v in args]]

    def read(atoms) -> list:
        return [_literal(v) if type(v) is Literal else numbers[v] for v in atoms]

    # A program with the implementation is another one than a program with a lowering that is registered later.
    lowerings = registered()
    for eqn in jaxpr.eqns:
        parts.append(eqn.primitive)
        if lowerings:
            parts.append(find(eqn.primitive, "numpy"))
        parts += read(eqn.invars)
        if eqn.params:
            parts.append(_params(eqn))
        for v in eqn.outvars:
            numbers[v] = len(numbers)
            parts.append(None if type(v) is DropVar else v.aval)
    key = (*parts, *read(jaxpr.outvars))
    try:
        hash(key)
    except TypeError as error:
        raise NoKey(str(error)) from None
    return key


def _params(eqn: JaxprEqn) -> Hashable:
    called = called_jaxpr(eqn)
    if called is not None:
        # The program depends only on the called jaxpr. A custom_jvp has other parameters, functions that each trace makes anew: in
        # the key, they would make every program different.
        return _closed(called)
    return tuple([(name, _value(value)) for name, value in eqn.params.items()])


def _closed(closed_jaxpr: ClosedJaxpr) -> Hashable:
    return jaxpr_key(closed_jaxpr.jaxpr), tuple(map(_constant, closed_jaxpr.consts))


def _literal(literal: Literal) -> Hashable:
    value = to_array(literal.val)._value
    return value.dtype, value.tobytes()


class _Same:
    """An array as part of a key: it is equal only to itself. The key holds the array, so that no other array gets its id."""

    __slots__ = ("array",)

    def __init__(self, array):
        self.array = array

    def __eq__(self, other):
        return type(other) is _Same and other.array is self.array

    def __hash__(self):
        return id(self.array)


def _constant(value) -> Hashable:
    return _Same(value._value if type(value) is ArrayImpl else value)


def _value(value) -> Hashable:
    kind = type(value)
    # The key has a number's type, because 1 == 1.0 == True, and a float as text, because 0.0 == -0.0.
    if value is None or kind is str:
        return value
    if kind is int or kind is bool:
        return kind, value
    if kind is float or kind is complex:
        return kind, repr(value)
    if isinstance(value, (tuple, list)):
        return (kind, *map(_value, value))
    if isinstance(value, ClosedJaxpr):
        return _closed(value)
    if isinstance(value, Jaxpr):
        return jaxpr_key(value)
    if isinstance(value, (np.ndarray, ArrayImpl)):
        return _constant(value)
    if callable(value) and not isinstance(value, (type, np.ufunc)):
        raise NoKey(f"{value} is a function")
    return kind, value


__all__: Sequence[str] = ["NoKey", "jaxpr_key"]
