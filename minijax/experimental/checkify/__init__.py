"""Errors that depend on values, in programs that are traced (`jax.experimental.checkify`).

`check(condition, text)` states what must hold. `checkify(f)` is f as a function that returns an `Error` beside its result, which
can be jitted and mapped; `errors` says what else to look for: NaNs, divisions by zero, indices out of bounds.

>>> import minijax as jax
>>> import minijax.numpy as jnp
>>> def f(x):
...     check(x > 0, "x must be positive, but is {}", x)
...     return jnp.log(x)
>>> error, y = jax.jit(checkify(f))(jnp.float32(-1.0))
>>> print(error.get())
x must be positive, but is -1.0 (`check` failed)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import numpy as jnp
from ...api.arguments import as_operand, check_callable
from ...api.make_jaxpr import stage
from ...core.jaxpr import ClosedJaxpr
from ...core.traces import Array, get_aval
from ...foundation.doors import at_the_door
from ...foundation.pytrees import register_pytree_node_class, tree_flatten, tree_unflatten
from ...foundation.wrapping import wraps
from ...primitives.basis import zeros
from .interpreter import Errors, Failed, places, run
from .sites import (
    DivisionByZeroError,
    FailedCheckError,
    JaxException,
    JaxRuntimeError,
    NaNError,
    OOBError,
    Site,
    check_p,
    errors_met,
    text_of,
)

ErrorCategory = type[JaxException]
user_checks: Errors = frozenset({FailedCheckError})
nan_checks: Errors = frozenset({NaNError})
div_checks: Errors = frozenset({DivisionByZeroError})
index_checks: Errors = frozenset({OOBError})
float_checks = nan_checks | div_checks
automatic_checks = float_checks | index_checks
all_checks = automatic_checks | user_checks


@register_pytree_node_class
class Error:
    """Whether a program met an error, and which: the first (`checkify.Error`). It is a pytree: jit returns it, vmap maps it.

    >>> init_error.get() is None
    True
    """

    def __init__(self, code: Any, arrays: Any, sites: tuple[Site, ...]):
        self._code, self._arrays, self._sites = code, list(arrays), sites

    def get(self) -> str | None:
        """The error in words, under vmap one line for each example that met one; None if there is none."""
        return text_of(self._sites, self._code, self._arrays)

    def get_exception(self) -> JaxException | None:
        """The error as an exception of its kind; None if there is none."""
        for _, site, own in errors_met(self._sites, self._code, self._arrays):
            return site.kind(site.message(own))
        return None

    def throw(self) -> None:
        """Raise JaxRuntimeError if there is an error."""
        check_error(self)

    def tree_flatten(self):
        return (self._code, self._arrays), self._sites

    @classmethod
    def tree_unflatten(cls, sites, children):
        return cls(*children, sites)

    def __str__(self) -> str:
        return f"Error({self.get()})"

    __repr__ = __str__


init_error = Error(np.int32(0), [], ())


def check(pred: Any, msg: str, *fmt_args: Any, debug: bool = False, **fmt_kwargs: Any) -> None:
    """State that a scalar condition holds (`checkify.check`); else the error is `msg.format(*fmt_args, **fmt_kwargs)`.

    In a traced program it must be within `checkify`, or the program raises ValueError when it is compiled. Raises JaxRuntimeError
    outside of traced programs. The arguments are pytrees of arrays. Raises TypeError for others.

    >>> check(jnp.sum(jnp.ones(3)) == 3, "the sum is wrong")
    """
    if not (isinstance(pred, bool) or isinstance(pred, Array) and pred.shape == () and pred.dtype == bool):
        raise TypeError(f"check takes a scalar pred as argument, got {pred}")
    leaves, tree = tree_flatten((fmt_args, fmt_kwargs))
    for x in leaves:
        if not isinstance(x, (Array, np.ndarray)):
            raise TypeError(
                f"Formatting arguments to checkify.check need to be PyTrees of arrays, but got {x!r} of type {type(x)}."
            )
    site = Site(FailedCheckError, msg, tree, len(leaves))
    code = jnp.where(pred, np.int32(0), np.int32(1))
    check_p.bind(code, *map(as_operand, leaves), sites=(site,), debug=debug)


def debug_check(pred: Any, msg: str, *fmt_args: Any, **fmt_kwargs: Any) -> None:
    """A `check` that does nothing outside of `checkify` (`checkify.debug_check`).

    >>> debug_check(False, "nobody looks")
    """
    check(pred, msg, *fmt_args, debug=True, **fmt_kwargs)


def check_error(error: Error) -> None:
    """Raise JaxRuntimeError if there is an error; within `checkify`, the error is the program's own (`checkify.check_error`).

    >>> check_error(checkify(jnp.log)(2.0)[0])
    """
    if not isinstance(error, Error):
        raise TypeError(f"check_error takes an Error as argument, got type {type(error)} instead.")
    if error._sites:
        check_p.bind(error._code, *error._arrays, sites=error._sites, debug=False)


def checkify(f: Callable[..., Any], errors: Errors = user_checks) -> Callable[..., tuple[Error, Any]]:
    """A function that returns (an `Error`, the result of f), and looks for `errors` (`jax.experimental.checkify.checkify`).

    errors: `user_checks`, `nan_checks`, `div_checks`, `index_checks`, `float_checks` (NaNs and divisions), `automatic_checks` (all
    but the user's), `all_checks`, or a union of these. The function is traced. Raises NotImplementedError for a `check` within
    a linear solve.

    >>> error, _ = checkify(lambda x, i: x[i] / 0, index_checks | div_checks)(jnp.arange(3.0), 5)
    >>> print(error.get().strip())
    out-of-bounds indexing for array of shape (3,): index 5 is out of bounds for axis 0 with size 3.
    """
    check_callable(f)

    @wraps(f)
    def checked(*args, **kwargs):
        leaves, in_tree = tree_flatten((args, kwargs))
        flat = [as_operand(x) for x in leaves]
        jaxpr, consts, out_tree = stage(lambda args, kwargs: f(*args, **kwargs), in_tree, [get_aval(x) for x in flat])
        found = places(jaxpr, errors)
        start = [zeros(aval) for place in found for aval in place.avals]
        failed, outs = run(ClosedJaxpr(jaxpr, consts), errors, 0, 0, Failed(jnp.int32(0), start), *flat)
        return Error(*failed, tuple(place.site for place in found)), tree_unflatten(out_tree, outs)

    return checked


__all__ = [
    "Error",
    "ErrorCategory",
    "JaxRuntimeError",
    "all_checks",
    "automatic_checks",
    "check",
    "check_error",
    "checkify",
    "debug_check",
    "div_checks",
    "float_checks",
    "index_checks",
    "init_error",
    "nan_checks",
    "user_checks",
]

at_the_door(globals(), ("ErrorCategory",))
