"""Types of values beyond arrays (`jax.experimental.hijax`): names by which a library declares such types when it is imported.

flax.nnx declares a type of variables, which it makes only where its option `flax_hijax_variable` is on. A declaration is accepted
here; making a value of a declared type raises NotImplementedError, because the values of minijax's programs are arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from ..api.references import AbstractRef
from ..core.avals import AbstractValue, ShapedArray, Zero
from ..foundation.doors import at_the_door
from ..interpreters.ad import instantiate_zeros, is_undefined_primal

_ARRAYS_ALONE = "minijax's programs compute with arrays alone: it has no values of hijax types."


class HiPrimitive:
    """An operation on values of hijax types, declared by a subclass (`jax.experimental.hijax.HiPrimitive`).

    `bind`, with any arguments, raises NotImplementedError.

    >>> HiPrimitive("new_variable").name
    'new_variable'
    """

    multiple_results = False

    def __init__(self, name: str):
        self.name = name

    def bind(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError(f"{self.name}: {_ARRAYS_ALONE}")

    def __repr__(self) -> str:
        return self.name


class HiType(AbstractValue):
    """The base class of the types that a library declares (`jax.experimental.hijax.HiType`).

    >>> class Pair(HiType): pass
    """


class MutableHiType(HiType):
    """The base class of declared types whose values change (`jax.experimental.hijax.MutableHiType`).

    >>> class Box(MutableHiType): pass
    """


class AvalQDD:
    """A type with what changes of its value (`jax.experimental.hijax.AvalQDD`). Making one raises NotImplementedError.

    >>> isinstance(1.0, AvalQDD)
    False
    """

    def __init__(self, *_: Any, **__: Any):
        raise NotImplementedError(_ARRAYS_ALONE)


class AvalMutableQDD(AvalQDD):
    """A type with what changes of its value, while it is traced (`jax.experimental.hijax.AvalMutableQDD`).

    >>> isinstance(1.0, AvalMutableQDD)
    False
    """


class aval_property(NamedTuple):
    """A property that a declared type gives to the tracers of its values (`jax.experimental.hijax.aval_property`).

    >>> aval_property(fget=len).fget("abc")
    3
    """

    fget: Callable | None


class aval_method(NamedTuple):
    """A method that a declared type gives to the tracers of its values (`jax.experimental.hijax.aval_method`).

    >>> aval_method(len).fun("abc")
    3
    """

    fun: Callable


def register_hitype(val_cls: type, typeof_fn: Callable) -> None:
    """Declare that values of a class have a hijax type (`jax.experimental.hijax.register_hitype`). Nothing needs the declaration:
    no function of minijax takes such a value.

    >>> register_hitype(str, len)
    """


class EffectTypeSet:
    """A set of classes of effects (`jax.experimental.hijax.control_flow_allowed_effects`). minijax allows every effect in loops
    and branches, so the set contains every class.

    >>> EffectTypeSet().contains(int)
    True
    """

    def add_type(self, effect_type: type) -> None:
        pass

    def contains(self, effect: Any) -> bool:
        return True


control_flow_allowed_effects = EffectTypeSet()

__all__ = [
    "AbstractRef",
    "AbstractValue",
    "AvalMutableQDD",
    "AvalQDD",
    "HiPrimitive",
    "HiType",
    "MutableHiType",
    "ShapedArray",
    "Zero",
    "aval_method",
    "aval_property",
    "control_flow_allowed_effects",
    "instantiate_zeros",
    "is_undefined_primal",
    "register_hitype",
]

at_the_door(globals())
