"""`named_scope` and `named_call`, and the annotations of `profiler`: names for parts of a program.

JAX shows such names in profilers, and nowhere in a jaxpr. minijax has no profiler of its own: the names change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ContextDecorator, _GeneratorContextManager, contextmanager
from typing import Any, ParamSpec, TypeVar

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


class TraceAnnotation(ContextDecorator):
    """A block under a name (`jax.profiler.TraceAnnotation`), with more that a profiler shows, by keywords.

    >>> with TraceAnnotation("layer", width=3):
    ...     pass
    """

    def __init__(self, name: str, **_: Any):
        self._name = name

    def __enter__(self) -> TraceAnnotation:
        return self

    def __exit__(self, *_: Any) -> None:
        pass


class StepTraceAnnotation(TraceAnnotation):
    """A block that is a step of a training (`jax.profiler.StepTraceAnnotation`).

    >>> with StepTraceAnnotation("train", step_num=1):
    ...     pass
    """


def annotate_function(func: Callable[P, R], name: str | None = None, **decorator_kwargs: Any) -> Callable[P, R]:
    """A function whose calls are blocks under a name, its own by default (`jax.profiler.annotate_function`).

    >>> annotate_function(abs)(-1)
    1
    """
    return TraceAnnotation(name or func.__qualname__, **decorator_kwargs)(func)
