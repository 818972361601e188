"""Sparse arrays (`jax.experimental.sparse`), which minijax has not: the classes are there, so that a library can ask whether an
array is one, and whoever makes one gets an error.

>>> import minijax.numpy as jnp
>>> isinstance(jnp.ones(2), BCOO)
False
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from ..foundation.doors import at_the_door

P = ParamSpec("P")
R = TypeVar("R")

_REASON = "minijax has no sparse arrays: NumPy has none, and a dense array of the same values computes the same."


class JAXSparse:
    """What sparse arrays of every format have in common (`jax.experimental.sparse.JAXSparse`).

    Raises NotImplementedError.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        raise NotImplementedError(f"{type(self).__name__}: {_REASON}")


class BCOO(JAXSparse):
    """Coordinates and values (`jax.experimental.sparse.BCOO`)."""


class BCSR(JAXSparse):
    """Compressed rows (`jax.experimental.sparse.BCSR`)."""


def sparsify(f: Callable[P, R], use_tracer: bool = False) -> Callable[P, R]:
    """A function that also takes sparse arrays (`jax.experimental.sparse.sparsify`): the function itself, since there are none.

    >>> sparsify(abs)(-1)
    1
    """
    return f


__all__ = ["BCOO", "BCSR", "JAXSparse", "sparsify"]

at_the_door(globals())
