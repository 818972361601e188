"""`named_scope` and `named_call`: names for parts of a program.

JAX shows such names in profilers, and nowhere in a jaxpr. minijax has no profiler of its own: the names change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import _GeneratorContextManager, contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def named_scope(name: str) -> _GeneratorContextManager[None]:
    """A block, or with `@` a function, under a name (`jax.named_scope`). Raises TypeError if the name is no string.

    >>> with named_scope("layer"):
    ...     pass
    """
    if not isinstance(name, str):
        raise TypeError("named_scope name argument must be a string.")
    return _nothing()


def named_call(fun: Callable[P, R], *, name: str | None = None) -> Callable[P, R]:
    """The function under a name, its own by default (`jax.named_call`).

    >>> named_call(abs)(-1)
    1
    """
    return named_scope(fun.__name__ if name is None else name)(fun)
