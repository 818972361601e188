"""Abstract values: what is known of an array while tracing; and what stands for a zero or an unknown argument."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..foundation.dtypes import float0, issubdtype, short_dtype_name


class AbstractValue:
    """What a type of values is to a transformation (`jax.core.AbstractValue`)."""

    __slots__ = ()


class ShapedArray(AbstractValue):
    """The type of an array: its shape, its dtype, and whether the dtype is weak, that is, gives way to others.

    >>> import numpy as np
    >>> ShapedArray((2, 3), np.dtype('float32'))
    ShapedArray(float32[2,3])
    """

    __slots__ = ("shape", "dtype", "weak_type", "_hash")

    def __init__(self, shape: tuple[int, ...], dtype, weak_type: bool = False, *, sharding: Any = None):
        # `sharding` is accepted, as JAX's types carry one: minijax's do not.
        self.shape = shape
        self.dtype = dtype
        self.weak_type = weak_type
        self._hash = None

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        size = 1
        for d in self.shape:
            size *= d
        return size

    def update(self, **changes) -> ShapedArray:
        return ShapedArray(*[changes.get(name, getattr(self, name)) for name in ("shape", "dtype", "weak_type")])

    def strip_weak_type(self) -> ShapedArray:
        return ShapedArray(self.shape, self.dtype) if self.weak_type else self

    def to_tangent_aval(self) -> ShapedArray:
        """The type of a tangent: the same, but `float0` if the dtype is neither real nor complex."""
        if issubdtype(self.dtype, np.inexact):
            return ShapedArray(self.shape, self.dtype, self.weak_type)
        return ShapedArray(self.shape, float0)

    def str_short(self, short_dtypes: bool = False) -> str:
        name = short_dtype_name(self.dtype) if short_dtypes else "float0" if self.dtype == float0 else self.dtype.name
        return f"{name}[{','.join(map(str, self.shape))}]"

    def __eq__(self, other) -> bool:
        return (
            type(other) is ShapedArray
            and self.shape == other.shape
            and self.dtype == other.dtype
            and self.weak_type == other.weak_type
        )

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.shape, self.dtype, self.weak_type))
        return self._hash

    def __str__(self) -> str:
        return ("~" if self.weak_type else "") + self.str_short()

    def __repr__(self) -> str:
        return f"ShapedArray({self.str_short()}{', weak_type=True' if self.weak_type else ''})"


def typematch(a: ShapedArray, b: ShapedArray) -> bool:
    """Whether two avals agree in shape and dtype; a weak dtype equals the strong one of its name."""
    return a.shape == b.shape and a.dtype == b.dtype


class Zero:
    """A tangent or cotangent known to be zero: nothing is computed with it.

    >>> import numpy as np
    >>> Zero(ShapedArray((3,), np.dtype('float32')))
    Zero(float32[3])
    """

    __slots__ = ("aval",)

    def __init__(self, aval: ShapedArray):
        self.aval = aval

    def __repr__(self) -> str:
        return f"Zero({self.aval.str_short()})"


class UndefinedPrimal:
    """In a transpose rule, an argument that the operation is linear in: its type is known, its value is not."""

    __slots__ = ("aval",)

    def __init__(self, aval: ShapedArray):
        self.aval = aval

    def __repr__(self) -> str:
        return f"UndefinedPrimal({self.aval.str_short()})"


def is_undefined_primal(x: Any) -> bool:
    """Whether an operand of a transpose rule is one of the linear ones, which have no value.

    >>> import numpy as np
    >>> is_undefined_primal(UndefinedPrimal(ShapedArray((), np.dtype('float32')))), is_undefined_primal(2.0)
    (True, False)
    """
    return type(x) is UndefinedPrimal
