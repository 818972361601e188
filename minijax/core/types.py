"""The names of types in the signatures of public functions (`jax.typing`)."""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from .traces import Array


@runtime_checkable
class SupportsDType(Protocol):
    """An object that names a dtype: `jnp.float32`."""

    @property
    def dtype(self) -> np.dtype[Any]: ...


# What a function takes as an array. A list is none: make an array of a list by `jnp.array`.
ArrayLike: TypeAlias = Array | np.ndarray | np.generic | bool | int | float | complex
DTypeLike: TypeAlias = str | type[Any] | np.dtype[Any] | SupportsDType
Shape: TypeAlias = Sequence[int]
Axis: TypeAlias = int | Sequence[int] | None
_Index: TypeAlias = None | int | slice | EllipsisType | list[Any] | Array | np.ndarray[Any, Any] | np.generic
Index: TypeAlias = _Index | tuple[_Index, ...]
