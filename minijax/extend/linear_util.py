"""Functions wrapped by transformations that stand in generators (`jax.extend.linear_util`).

minijax's own transformations take Python functions. Libraries write theirs on these: a transformation gets the arguments, yields
the arguments for the function within, is sent its result, and yields the result.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial, wraps
from typing import Any


class StoreException(Exception):
    """A second output of a transformation was asked for before the function ran, or stored twice."""


class _Store:
    """Holds the second output of a transformation, once the function has run."""

    __slots__ = ("_values",)

    def __init__(self):
        self._values: list = []

    def store(self, value: Any) -> None:
        if self._values:
            raise StoreException("Store occupied")
        self._values.append(value)

    def __call__(self) -> Any:
        if not self._values:
            raise StoreException("Store empty")
        return self._values[0]


class WrappedFun:
    """A function and the transformations around it; `call_wrapped` calls it. `f` is the function within all.

    >>> wrap_init(lambda x: x + 1).call_wrapped(2)
    3
    """

    def __init__(self, f: Callable, transformed: Callable, params: tuple, debug_info: Any):
        self.f = f
        self.f_transformed = transformed
        self.params = params
        self.debug_info = debug_info

    @property
    def __name__(self) -> str:  # type: ignore[override]
        return getattr(self.f, "__name__", "<unnamed wrapped function>")

    def call_wrapped(self, *args: Any, **kwargs: Any) -> Any:
        return self.f_transformed(*args, **kwargs)

    def __repr__(self) -> str:
        return f"Wrapped function: {self.__name__}"


def wrap_init(f: Callable, params: dict | None = None, *, debug_info: Any = None) -> WrappedFun:
    """The function, without a transformation yet (`jax.extend.linear_util.wrap_init`); `params` are given to every call.

    >>> wrap_init(pow, {"exp": 2}).call_wrapped(3)
    9
    """
    params = {} if params is None else params
    return WrappedFun(f, partial(f, **params), tuple(sorted(params.items())), debug_info)


def _around(fun: WrappedFun, transformed: Callable) -> WrappedFun:
    return WrappedFun(fun.f, transformed, fun.params, fun.debug_info)


def transformation2(gen: Callable, fun: WrappedFun, *gen_static_args: Hashable) -> WrappedFun:
    """The function within one more transformation, `gen(function, *gen_static_args, *args)`.

    >>> transformation2(lambda f, n, x: n * f(x), wrap_init(abs), 10).call_wrapped(-2)
    20
    """
    return _around(fun, partial(gen, fun.f_transformed, *gen_static_args))


def transformation_with_aux2(
    gen: Callable, fun: WrappedFun, *gen_static_args: Hashable, use_eq_store: bool = False
) -> tuple[WrappedFun, Callable[[], Any]]:
    """As `transformation2`, of a `gen(function, store, *gen_static_args, *args)` that calls `store.store(second output)`; and a
    function that returns the second output once the first has run.

    use_eq_store: JAX then lets a function that runs twice store an equal output twice.
    """
    store = _EqualStore() if use_eq_store else _Store()
    return _around(fun, partial(gen, fun.f_transformed, store, *gen_static_args)), store


class _EqualStore(_Store):
    __slots__ = ()

    def store(self, value: Any) -> None:
        if self._values and self._values[0] != value:
            raise StoreException(f"Stores occupied with {self._values[0]} and {value}")
        self._values[:] = [value]


def _run(gen: Callable, function: Callable, args: tuple, kwargs: dict) -> Any:
    """What the generator yields last: it is sent the function's result on the arguments that it yields first."""
    steps = gen(*args, **kwargs)
    inner_args, inner_kwargs = next(steps)
    try:
        result = function(*inner_args, **inner_kwargs)
    except BaseException as error:
        # The generator leaves its contexts.
        steps.throw(error)
        raise
    outputs = steps.send(result)
    for _ in steps:
        raise RuntimeError("a transformation yields twice: the arguments for the function, and the result")
    return outputs


def transformation(gen: Callable) -> Callable[..., WrappedFun]:
    """Decorates a generator (*static arguments, *args, **kwargs): it becomes a function of a `WrappedFun` and the static
    arguments (`jax.extend.linear_util.transformation`).

    >>> @transformation
    ... def doubled(x):
    ...     result = yield (x,), {}
    ...     yield 2 * result
    >>> doubled(wrap_init(lambda x: x + 1)).call_wrapped(3)
    8
    """

    @wraps(gen)
    def transform(fun: WrappedFun, *gen_static_args: Hashable) -> WrappedFun:
        inner = fun.f_transformed
        return _around(fun, lambda *args, **kwargs: _run(gen, inner, (*gen_static_args, *args), kwargs))

    return transform


def transformation_with_aux(gen: Callable) -> Callable[..., tuple[WrappedFun, Callable[[], Any]]]:
    """As `transformation`, for a generator whose last yield is (result, second output): the second value of the decorated function
    returns the second output once the function has run.

    >>> @transformation_with_aux
    ... def counted(*args):
    ...     result = yield args, {}
    ...     yield result, len(args)
    >>> fun, count = counted(wrap_init(max))
    >>> fun.call_wrapped(1, 5), count()
    (5, 2)
    """

    @wraps(gen)
    def transform(fun: WrappedFun, *gen_static_args: Hashable, use_eq_store: bool = False):
        inner, store = fun.f_transformed, _EqualStore() if use_eq_store else _Store()

        def transformed(*args, **kwargs):
            result, aux = _run(gen, inner, (*gen_static_args, *args), kwargs)
            store.store(aux)
            return result

        return _around(fun, transformed), store

    return transform


def merge_linear_aux(aux1: Callable[[], Any], aux2: Callable[[], Any]) -> tuple[bool, Any]:
    """(True, the first output) if that is there, else (False, the second). Raises StoreException unless one alone is there.

    >>> _, ran = transformation_with_aux2(lambda f, store: store.store(7), wrap_init(int))
    >>> fun, other = transformation_with_aux2(lambda f, store: store.store(8), wrap_init(int))
    >>> fun.call_wrapped()
    >>> merge_linear_aux(ran, other)
    (False, 8)
    """
    found = []
    for first, aux in ((True, aux1), (False, aux2)):
        try:
            found.append((first, aux()))
        except StoreException:
            pass
    if len(found) != 1:
        raise StoreException("neither store occupied" if not found else "both stores occupied")
    return found[0]


__all__ = [
    "StoreException",
    "WrappedFun",
    "merge_linear_aux",
    "transformation",
    "transformation2",
    "transformation_with_aux",
    "transformation_with_aux2",
    "wrap_init",
]
