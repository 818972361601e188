"""Mutable references (`jax.Ref`): the type, for libraries that ask whether a value is one. No value is."""

from __future__ import annotations

from typing import Any, NoReturn

from ..core.avals import AbstractValue

NO_REFERENCES = "minijax has no mutable references: its arrays are immutable, and a function returns what it changes."


class Ref:
    """The type of mutable references (`jax.Ref`). No value is of this type: making one raises NotImplementedError.

    >>> isinstance(1.0, Ref)
    False
    """

    def __init__(self, *_: Any, **__: Any):
        raise NotImplementedError(NO_REFERENCES)


class AbstractRef(AbstractValue):
    """The type of what a mutable reference is while tracing (`jax.experimental.hijax.AbstractRef`). No value is of this type:
    making one raises NotImplementedError.

    >>> isinstance(1.0, AbstractRef)
    False
    """

    def __init__(self, *_: Any, **__: Any):
        raise NotImplementedError(NO_REFERENCES)


def new_ref(init_val: Any, *, memory_space: Any = None, kind: Any = None) -> NoReturn:
    """Raises NotImplementedError: minijax has no mutable references (`jax.new_ref`). It is there for libraries that look for the
    name before they ask whether a value is a reference, such as flax.nnx.

    >>> new_ref(1.0)
    Traceback (most recent call last):
    NotImplementedError: minijax has no mutable references: its arrays are immutable, and a function returns what it changes.
    """
    raise NotImplementedError(NO_REFERENCES)


__all__ = ["AbstractRef", "Ref", "new_ref"]
