"""Where arrays are placed: meshes of devices, and the shardings that cut an array among them (`jax.sharding`).

An array of minijax is whole, in the computer's memory, and its devices are names for places there: a placement changes no value.
`device_put` notes the sharding that it is given; `x.sharding` and `x.addressable_shards` read it. The result of an operation has
none of its own: it is on the first device. Types carry no sharding, so a mesh's `Explicit` axes are noted, and compute as `Auto`
axes do.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from .device import Device
from .meshes import AbstractMesh, AnyMesh, Mesh, context

_MEMORY = "device"
_BY_HAND = "minijax's programs run in one memory, and its jaxprs have no such sums"


class DuplicateSpecError(ValueError):
    """A `PartitionSpec` names an axis of the mesh twice."""


class IndivisibleError(ValueError):
    """The size of an array's axis is no multiple of the number of parts."""


# ---------------------------------------------------------------------------------------------------------------------
# Specifications


class _Unconstrained:
    def __repr__(self) -> str:
        return "UNCONSTRAINED"

    def __reduce__(self):
        return "_UNCONSTRAINED"


_UNCONSTRAINED = _Unconstrained()


def _entry(given: Any) -> Any:
    """`()` names no axis, `("x",)` the axis x."""
    if not isinstance(given, (tuple, list)):
        return given
    return None if not given else given[0] if len(given) == 1 else tuple(given)


class PartitionSpec:
    """For each axis of an array, the mesh axis that it is cut along, a tuple of several, or None; axes that are not listed are
    whole (`jax.sharding.PartitionSpec`, `jax.P`).

    >>> PartitionSpec(None, "i"), PartitionSpec(None, "i").cut
    (P(None, 'i'), 1)
    """

    __slots__ = ("_entries",)
    UNCONSTRAINED = _UNCONSTRAINED

    def __init__(self, *partitions: Any, unreduced: Any = frozenset(), reduced: Any = frozenset()):
        if unreduced or reduced:
            raise NotImplementedError(
                f"PartitionSpec: `unreduced` and `reduced` name sums that are not done yet; {_BY_HAND}."
            )
        self._entries = tuple(map(_entry, partitions))

    unreduced = reduced = frozenset()

    @staticmethod
    def of_axis(axis: int | None, name: Hashable) -> PartitionSpec:
        """The specification of an array that is cut along one axis, or that is whole, for None."""
        return PartitionSpec() if axis is None else PartitionSpec(*[None] * axis, name)

    @property
    def cut(self) -> int | None:
        """The axis that is cut; None for an array that is whole on every device."""
        return next((i for i, name in enumerate(self._entries) if name is not None), None)

    def insert(self, axis: int) -> PartitionSpec:
        """The specification of an array with one more axis, which is whole."""
        entries = self._entries + (None,) * (axis - len(self._entries))
        return PartitionSpec(*entries[:axis], None, *entries[axis:])

    def update(self, partitions: Any = None, unreduced: Any = (), reduced: Any = ()) -> PartitionSpec:
        return PartitionSpec(
            *(self._entries if partitions is None else partitions), unreduced=unreduced, reduced=reduced
        )

    def index(self, value: Any) -> int:
        return self._entries.index(_entry(value))

    def count(self, value: Any) -> int:
        return self._entries.count(_entry(value))

    def __getitem__(self, i: Any) -> Any:
        return self._entries[i]

    def __iter__(self) -> Iterator:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __add__(self, other: Any) -> PartitionSpec:
        return PartitionSpec(*self, *other) if isinstance(other, (tuple, PartitionSpec)) else NotImplemented

    def __radd__(self, other: Any) -> PartitionSpec:
        return PartitionSpec(*other, *self) if isinstance(other, tuple) else NotImplemented

    def __eq__(self, other) -> bool:
        return isinstance(other, PartitionSpec) and self._entries == other._entries

    def __hash__(self) -> int:
        return hash(self._entries)

    def __reduce__(self):
        return PartitionSpec, self._entries

    def __repr__(self) -> str:
        return f"P{self._entries!r}"


def _names(entry: Any) -> tuple:
    """The mesh axes of an entry of a `PartitionSpec`."""
    return () if entry is None or entry is _UNCONSTRAINED else entry if isinstance(entry, tuple) else (entry,)


# ---------------------------------------------------------------------------------------------------------------------
# Shardings

Index = tuple[slice, ...]


class Sharding:
    """How an array is placed on devices (`jax.sharding.Sharding`).

    >>> import minijax.numpy as jnp
    >>> isinstance(jnp.ones(2).sharding, Sharding)
    True
    """

    memory_kind: str | None = _MEMORY
    # Real JAX asks for it when it gets an array of minijax.
    _is_concrete = True

    def _grid(self) -> np.ndarray:
        """The devices."""
        raise NotImplementedError("Subclasses should implement this method.")

    def parts(self, ndim: int) -> list[int]:
        """In how many parts each axis of an array is cut. Raises ValueError if the array has too few axes."""
        raise NotImplementedError("Subclasses should implement this method.")

    def devices_indices_map(self, global_shape: Sequence[int]) -> dict[Device, Index]:
        """{device: the slices of an array that it holds}. Raises ValueError if an axis cannot be cut into equal parts."""
        raise NotImplementedError("Subclasses should implement this method.")

    @property
    def device_set(self) -> set[Device]:
        return set(self._grid().flat)

    @property
    def num_devices(self) -> int:
        return len(self.device_set)

    addressable_devices = device_set

    @property
    def is_fully_addressable(self) -> bool:
        return True

    @property
    def is_fully_replicated(self) -> bool:
        raise NotImplementedError("Subclasses should implement this method.")

    addressable_devices_indices_map = property(lambda self: self.devices_indices_map)

    def shard_shape(self, global_shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of one device's part of an array of this shape. Raises ValueError if an axis cannot be cut into equal parts."""
        shape = tuple(global_shape)
        parts = self.parts(len(shape))
        for axis, (size, n) in enumerate(zip(shape, parts)):
            if size % n:
                raise IndivisibleError(
                    f"Sharding {self!r} implies that array axis {axis} is partitioned {n} times, but the dimension size is {size}"
                    f" (full shape: {shape}, per-dimension tiling factors: {parts} should evenly divide the shape)"
                )
        return tuple(size // n for size, n in zip(shape, parts))

    def is_equivalent_to(self, other: Sharding, ndim: int) -> bool:
        """Whether both place an array of `ndim` axes alike."""
        shape = tuple(np.lcm(*pair) for pair in zip(self.parts(ndim), other.parts(ndim)))
        return self.devices_indices_map(shape) == other.devices_indices_map(shape)


class SingleDeviceSharding(Sharding):
    """The whole array on one device (`jax.sharding.SingleDeviceSharding`).

    >>> import minijax as jax
    >>> SingleDeviceSharding(jax.devices()[0])
    SingleDeviceSharding(device=CpuDevice(id=0), memory_kind=device)
    """

    def __init__(self, device: Device, *, memory_kind: str | None = None):
        _check_memory(memory_kind)
        self._device = device

    def _grid(self) -> np.ndarray:
        return np.array([self._device], object)

    def parts(self, ndim: int) -> list[int]:
        return [1] * ndim

    def devices_indices_map(self, global_shape: Sequence[int]) -> dict[Device, Index]:
        return {self._device: (slice(None),) * len(global_shape)}

    @property
    def is_fully_replicated(self) -> bool:
        return True

    def with_memory_kind(self, kind: str) -> SingleDeviceSharding:
        return SingleDeviceSharding(self._device, memory_kind=kind)

    def __eq__(self, other) -> bool:
        return isinstance(other, SingleDeviceSharding) and self._device is other._device

    def __hash__(self) -> int:
        return hash(self._device)

    def __reduce__(self):
        return SingleDeviceSharding, (self._device,)

    def __repr__(self) -> str:
        return f"SingleDeviceSharding(device={self._device!r}, memory_kind={_MEMORY})"


class NamedSharding(Sharding):
    """A mesh, and along which of its axes an array is cut (`jax.sharding.NamedSharding`).

    Raises ValueError for a name that the mesh has not, and for one that stands twice.

    >>> import minijax as jax
    >>> sharding = NamedSharding(jax.make_mesh((1,), ("x",)), PartitionSpec("x"))
    >>> sharding.spec, sharding.shard_shape((6, 2))
    (P('x',), (6, 2))
    """

    def __init__(self, mesh: Mesh | AbstractMesh, spec: PartitionSpec, memory_kind: str | None = None):
        if not isinstance(mesh, AnyMesh) or not isinstance(spec, PartitionSpec):
            raise TypeError(f"NamedSharding takes a Mesh and a PartitionSpec; got {mesh!r} and {spec!r}.")
        _check_memory(memory_kind)
        self.mesh, self.spec = mesh, spec
        names = [name for entry in spec for name in _names(entry)]
        for name in names:
            if name not in mesh.axis_names:
                raise ValueError(f"Resource axis: {name} of {spec} is not found in mesh: {mesh.axis_names}.")
            if names.count(name) > 1:
                raise DuplicateSpecError(
                    "A single NamedSharding spec specification can map every mesh axis to at most one positional dimension, but"
                    f" {spec} has duplicate entries for `{name}`"
                )

    def update(self, **changes: Any) -> NamedSharding:
        return NamedSharding(changes.pop("mesh", self.mesh), changes.pop("spec", self.spec), **changes)

    def with_memory_kind(self, kind: str) -> NamedSharding:
        return self.update(memory_kind=kind)

    def _grid(self) -> np.ndarray:
        if not isinstance(self.mesh, Mesh):
            raise ValueError("device_set is not implemented for `jax.sharding.AbstractMesh`.")
        return self.mesh.devices

    @cached_property
    def _cuts(self) -> tuple[int, ...]:
        return tuple(prod(self.mesh.shape[name] for name in _names(entry)) for entry in self.spec)

    def parts(self, ndim: int) -> list[int]:
        if len(self.spec) > ndim:
            raise ValueError(
                f"Sharding {self!r} is only valid for values of rank at least {len(self.spec)}, but was applied to a value of"
                f" rank {ndim}."
            )
        return [*self._cuts, *[1] * (ndim - len(self.spec))]

    def devices_indices_map(self, global_shape: Sequence[int]) -> dict[Device, Index]:
        block = self.shard_shape(global_shape)
        places = self._grid()
        found: dict[Device, Index] = {}
        for where in np.ndindex(places.shape):
            at = dict(zip(self.mesh.axis_names, where))
            index = [slice(None)] * len(block)
            for axis, entry in enumerate(self.spec):
                names = _names(entry)
                if self._cuts[axis] > 1:
                    i = int(np.ravel_multi_index([at[n] for n in names], [self.mesh.shape[n] for n in names]))
                    index[axis] = slice(i * block[axis], (i + 1) * block[axis])
            found[places[where]] = tuple(index)
        return found

    @property
    def is_fully_replicated(self) -> bool:
        return all(n == 1 for n in self._cuts)

    def __eq__(self, other) -> bool:
        return isinstance(other, NamedSharding) and (self.mesh, self.spec) == (other.mesh, other.spec)

    def __hash__(self) -> int:
        return hash((self.mesh, self.spec))

    def __repr__(self) -> str:
        memory = f", memory_kind={_MEMORY}" if isinstance(self.mesh, Mesh) else ""
        return f"NamedSharding(mesh={self.mesh}, spec={self.spec}{memory})"


def _check_memory(kind: str | None) -> None:
    if kind not in (None, _MEMORY):
        raise ValueError(f"Could not find memory {kind!r}: minijax's arrays are in one memory, {_MEMORY!r}.")


def resolved(place: Device | Sharding | PartitionSpec | None, who: str) -> Sharding | None:
    """The sharding that a program asks for: a spec alone is of the mesh that `set_mesh` named. Raises ValueError if there is none,
    and for what is no place."""
    if place is None or isinstance(place, Sharding):
        return place
    if isinstance(place, Device):
        return SingleDeviceSharding(place)
    if not isinstance(place, PartitionSpec):
        raise ValueError(
            f"`{who}` only accepts `None`, `jax.sharding.Sharding`, `jax.Device` or a pytree of these values. Received invalid"
            f" value: {place}"
        )
    if context.mesh is None:
        raise ValueError(
            f"Please set a mesh via `jax.set_mesh` if a PartitionSpec is passed to {who.rpartition('.')[2]}"
        )
    return NamedSharding(context.mesh, place)


# ---------------------------------------------------------------------------------------------------------------------
# The types of the parts that `pmap` gives to its devices


def block_aval(aval, spec: PartitionSpec, mesh: Mesh):
    """The type (`core.ShapedArray`) of one device's part of an array."""
    return _scaled(aval, spec, lambda size: size // mesh.size)


def whole_aval(block, spec: PartitionSpec, mesh: Mesh):
    """The type of the array of which `block` is the type of one device's part."""
    return _scaled(block, spec, lambda size: size * mesh.size)


def _scaled(aval, spec: PartitionSpec, scale: Callable[[int], int]):
    d = spec.cut
    return aval if d is None else aval.update(shape=(*aval.shape[:d], scale(aval.shape[d]), *aval.shape[d + 1 :]))
