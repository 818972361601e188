"""How the elements of an array lie in memory (`jax.experimental.layout`): descriptions, which libraries pass around.

NumPy lays out minijax's arrays. `device_put` takes no `Format`: it would have nothing to do with its layout.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..foundation.doors import at_the_door
from ..foundation.sharding import Sharding


class Layout(NamedTuple):
    """The order of an array's axes in memory, from the one with the longest strides (`jax.experimental.layout.Layout`).

    >>> Layout((1, 0)).major_to_minor
    (1, 0)
    """

    major_to_minor: tuple[int, ...]
    tiling: tuple[tuple[int, ...], ...] | None = None
    sub_byte_element_size_in_bits: int = 0


class Format:
    """A layout and a sharding (`jax.experimental.layout.Format`). Raises ValueError for a layout without a sharding.

    >>> Format().layout is None
    True
    """

    __slots__ = ("layout", "sharding")

    def __init__(self, layout: Layout | None = None, sharding: Sharding | None = None):
        if isinstance(layout, Layout) and not isinstance(sharding, Sharding):
            raise ValueError(
                "Sharding has to be concrete when layout is of type Layout. Please pass a `jax.sharding.NamedSharding` or"
                f" `jax.sharding.SingleDeviceSharding` to the sharding argument. Got sharding {sharding}"
            )
        self.layout, self.sharding = layout, sharding

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Format) and (self.layout, self.sharding) == (other.layout, other.sharding)

    def __hash__(self) -> int:
        return hash((self.layout, self.sharding))

    def __repr__(self) -> str:
        return f"Format(layout={self.layout}, sharding={self.sharding})"


__all__ = ["Format", "Layout"]

at_the_door(globals())
