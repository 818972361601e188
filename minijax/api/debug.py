"""`debug.print` and `debug.callback`: they show the values of a program while it runs (`jax.debug`).

>>> import minijax as jax
>>> @jax.jit
... def f(x):
...     jax.debug.print("x is {x}", x=x)
...     return 2 * x
>>> y = f(1.5)
x is 1.5
"""

from __future__ import annotations

import logging
import string
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..calls.callbacks import debug_callback_p, debug_print_p, merge_arguments
from ..core.traces import Array
from ..foundation import source_info
from ..foundation.effects import DebugEffect, OrderedDebugEffect, debug_effect, ordered_debug_effect
from ..foundation.pytrees import tree_flatten
from .arguments import as_operand

_python_numbers = (bool, int, float, complex, np.ndarray, np.generic)


def _arrays_and_static(args, kwargs):
    """(the arrays, the tree of all leaves, ((position, leaf), ...) for leaves that are not arrays: text, None, modules)."""
    leaves, in_tree = tree_flatten((args, kwargs))
    arrays, static = [], []
    for i, x in enumerate(leaves):
        if isinstance(x, Array) or (isinstance(x, _python_numbers) and np.asarray(x).dtype.kind in "biufcV"):
            arrays.append(as_operand(x))
        else:
            static.append((i, x))
    return arrays, in_tree, tuple(static)


class _CheckedFormat(string.Formatter):
    """A formatter like `str.format` that raises an error if the text does not use an argument."""

    def check_unused_args(self, used_args, args, kwargs):
        positional = [x for i, x in enumerate(args) if i not in used_args]
        if positional:
            raise ValueError(f"Unused positional arguments to `jax.debug.print`: {positional}")
        named = {k: v for k, v in kwargs.items() if k not in used_args}
        if named:
            raise ValueError(
                f"Unused keyword arguments to `jax.debug.print`: {named}. Put {{name}} into the text where it is to appear:"
                " an f-string would show the tracer."
            )

    def format_field(self, value, spec):
        # A tracer has no value yet, so the format spec is checked when the value is printed.
        return ""


def debug_print(
    fmt: str | None = None,
    *args: Any,
    ordered: bool = False,
    partitioned: bool = False,
    skip_format_check: bool = False,
    _use_logging: bool = False,
    **kwargs: Any,
) -> None:
    """Print `fmt.format(*args, **kwargs)` when the program runs (`jax.debug.print`).

    Under vmap, it prints once for each example; under grad, it prints in the forward pass.

    >>> import minijax.numpy as jnp
    >>> debug_print("{:.2f} and {y}", 1 / 3, y=jnp.arange(3))
    0.33 and [0 1 2]
    """
    if fmt is None:
        options = {"ordered": ordered, "partitioned": partitioned, "skip_format_check": skip_format_check}
        return partial(debug_print, **options, _use_logging=_use_logging)
    if not isinstance(fmt, str):
        raise TypeError(f"jax.debug.print's first argument is the text to print, got {fmt!r} of type {type(fmt)}.")
    if not skip_format_check:
        _CheckedFormat().format(fmt, *args, **kwargs)
    arrays, in_tree, static = _arrays_and_static(args, kwargs)
    debug_print_p.bind(
        *arrays,
        fmt=fmt,
        ordered=ordered,
        partitioned=partitioned,
        in_tree=in_tree,
        static_args=static,
        np_printoptions=tuple(np.get_printoptions().items()),
        has_placeholders=any(field is not None for _, field, _, _ in string.Formatter().parse(fmt)),
        logging_record=_record() if _use_logging else None,
    )


def _record() -> logging.LogRecord:
    """A record without a message, of the user's line."""
    place = source_info.current()
    file, line, function = (
        ("<unknown>", 0, "<unknown>") if place is None else (place.file_name, place.line, place.function)
    )
    return logging.getLogger(__name__).makeRecord(__name__, logging.INFO, file, line, "", (), None, func=function)


def debug_log(fmt: str | None = None, *args: Any, **options: Any) -> None:
    """As `debug.print`, but the text goes to Python's logging, as INFO of the logger `minijax.api.debug`, with the user's
    file and line (`jax.debug.log`).

    >>> import logging, sys
    >>> logger = logging.getLogger("minijax.api.debug")
    >>> handler = logging.StreamHandler(sys.stdout)
    >>> logger.addHandler(handler); logger.setLevel(logging.INFO)
    >>> debug_log("x is {x}", x=3)
    x is 3
    >>> logger.removeHandler(handler); logger.setLevel(logging.NOTSET)
    """
    return debug_print(fmt, *args, _use_logging=True, **options)


def debug_callback(
    callback: Callable[..., Any] | None = None,
    *args: Any,
    ordered: bool = False,
    partitioned: bool = False,
    **kwargs: Any,
) -> None:
    """Call a Python function when the program runs, and ignore its result (`jax.debug.callback`).

    >>> import minijax as jax
    >>> seen = []
    >>> jax.vmap(lambda x: debug_callback(lambda v: seen.append(int(v)), x))(jax.numpy.arange(3))
    >>> seen
    [0, 1, 2]
    """
    if callback is None:
        return partial(debug_callback, ordered=ordered, partitioned=partitioned)
    if not callable(callback):
        raise TypeError(
            f"first argument to jax.debug.callback must be callable, but got an object of type {type(callback)}"
        )
    arrays, in_tree, static = _arrays_and_static(args, kwargs)

    def _flat_callback(*values):
        args, kwargs = merge_arguments(in_tree, values, static)
        callback(*args, **kwargs)

    effect = ordered_debug_effect if ordered else debug_effect
    debug_callback_p.bind(*arrays, callback=_flat_callback, effect=effect, partitioned=partitioned)


# The names that users write: `jax.debug.print(...)`.
print = debug_print
log = debug_log
callback = debug_callback

__all__ = [
    "DebugEffect",
    "OrderedDebugEffect",
    "callback",
    "log",
    "print",
]
