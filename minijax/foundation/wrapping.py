"""What a function is called: `wraps` gives a function the name and docstring of the one that it stands for; `name_of` reads a name.

A callable object may have anything for a `__name__`: the parts of a network of Equinox have None.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def wraps(fun: Callable[..., Any]) -> Callable[[Any], Any]:
    """As `functools.wraps`, which refuses an object whose `__name__` is no text.

    >>> wraps(len)(lambda x: x).__name__
    'len'
    """
    assigned = functools.WRAPPER_ASSIGNMENTS
    if not isinstance(getattr(fun, "__name__", ""), str):
        assigned = [name for name in assigned if name in ("__module__", "__doc__")]
    return functools.wraps(fun, assigned)


def name_of(fun: Any, otherwise: str | None = None) -> str:
    """The name of a function; `otherwise`, or what the object prints as, if it has none.

    >>> name_of(len), name_of(3, "<unnamed>")
    ('len', '<unnamed>')
    """
    name = getattr(fun, "__name__", None)
    return name if isinstance(name, str) else str(fun) if otherwise is None else otherwise


def doctest_of(function: str, example: str) -> str:
    """The lines of a docstring's example, from `arguments -> what is printed`, or from `arguments ~ the result to four digits`: the
    last digits are the processor's choice.

    >>> doctest_of("lax.exp", "1.0 ~ 2.7183")
    '>>> print(lax.exp(1.0).round(4))\\n    2.7183'
    """
    arguments, exact, printed = example.partition(" -> ")
    if not exact:
        arguments, _, printed = example.partition(" ~ ")
    return f">>> print({function}({arguments}){'' if exact else '.round(4)'})\n    {printed}"
