"""The devices that `pmap` spreads a program over, and the mesh of them that its equation shows.

NumPy computes on one processor. The devices are names for places on it, like JAX's forced host devices. Their number is
given by `config.update("jax_num_cpu_devices", n)`, else by XLA's flag --xla_force_host_platform_device_count, else it is 1.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cache

from .config import _Setting, config

_PLATFORM = "cpu"


class Device:
    """A place to run on (`jax.Device`): `id`, `platform`, `device_kind`, `process_index`. One object for each id.

    >>> devices()[0], str(devices()[0]), devices()[0].platform
    (CpuDevice(id=0), 'cpu:0', 'cpu')
    """

    __slots__ = ("id",)
    platform = device_kind = _PLATFORM
    process_index = 0

    def __init__(self, id: int):
        self.id = id

    @property
    def local_hardware_id(self) -> int:
        return self.id

    def __repr__(self) -> str:
        return f"CpuDevice(id={self.id})"

    def __str__(self) -> str:
        return f"{self.platform}:{self.id}"


device_of_id = cache(Device)


def _count() -> int:
    count = config.jax_num_cpu_devices
    if count == -1:
        flag = re.findall(r"--xla_force_host_platform_device_count=(\d+)", os.environ.get("XLA_FLAGS", ""))
        count = int(flag[-1]) if flag else 1
    if count < 1:
        raise ValueError(f"jax_num_cpu_devices must be at least 1, or -1 for the default; it is {count}.")
    return count


def _check_backend(backend: str | None):
    if backend not in (None, _PLATFORM):
        raise RuntimeError(
            f"Unknown backend: '{backend}' requested, but no platforms that are instances of {backend} are present. Platforms"
            f" present are: {_PLATFORM}"
        )


def devices(backend: str | None = None) -> list[Device]:
    """All devices (`jax.devices`). Raises RuntimeError for a backend other than "cpu".

    >>> devices()[0].platform
    'cpu'
    """
    _check_backend(backend)
    return [device_of_id(i) for i in range(_count())]


def local_devices(process_index: int | None = None, backend: str | None = None) -> list[Device]:
    """All devices, for process 0, the only one (`jax.local_devices`). Raises ValueError for another process.

    >>> local_devices() == devices()
    True
    """
    if process_index not in (None, 0):
        raise ValueError(f"Unknown process_index {process_index}")
    return devices(backend)


def device_count(backend: str | None = None) -> int:
    """The number of devices (`jax.device_count`).

    >>> device_count() == len(devices())
    True
    """
    return len(devices(backend))


def local_device_count(backend: str | None = None) -> int:
    """The number of devices of this process, which has all (`jax.local_device_count`).

    >>> local_device_count() == device_count()
    True
    """
    return device_count(backend)


def process_index(backend: str | None = None) -> int:
    """The number of this process: 0, as there is one (`jax.process_index`).

    >>> process_index()
    0
    """
    _check_backend(backend)
    return 0


def process_count(backend: str | None = None) -> int:
    """The number of processes: 1 (`jax.process_count`).

    >>> process_count()
    1
    """
    _check_backend(backend)
    return 1


def default_backend() -> str:
    """The platform that programs run on: "cpu" (`jax.default_backend`).

    >>> default_backend()
    'cpu'
    """
    return _PLATFORM


class default_device(_Setting):
    """`with default_device(device):` places new arrays on that device, which for NumPy's arrays is where they are anyway
    (`jax.default_device`). Raises ValueError for what is not one of `devices()`, "cpu" or None.

    >>> import minijax as jax
    >>> with default_device(devices()[0]):
    ...     jax.numpy.ones(2)
    Array([1., 1.], dtype=float32)
    """

    option = "jax_default_device"

    def __init__(self, new_val: Device | str | None):
        if new_val is not None and new_val != _PLATFORM and new_val not in devices():
            raise ValueError(
                f"jax.default_device must be passed a Device object (e.g. `jax.devices('cpu')[0]`) or a platform name string;"
                f" got {new_val!r}, which is neither one of {devices()} nor {_PLATFORM!r}."
            )
        super().__init__(new_val)


class Mesh:
    """Devices in a row, and the name of the axis along them (`jax.sharding.Mesh`, of one axis)."""

    __slots__ = ("devices", "axis_names")

    def __init__(self, devices: Sequence[Device], axis_names: tuple[Hashable]):
        self.devices = tuple(devices)
        (_,) = self.axis_names = tuple(axis_names)

    @property
    def axis_name(self) -> Hashable:
        return self.axis_names[0]

    @property
    def size(self) -> int:
        return len(self.devices)

    @property
    def shape(self) -> dict:
        return {self.axis_name: self.size}

    def __eq__(self, other) -> bool:
        return type(other) is Mesh and (self.devices, self.axis_names) == (other.devices, other.axis_names)

    def __hash__(self) -> int:
        return hash((self.devices, self.axis_names))

    def __repr__(self) -> str:
        return f"Mesh(axis_sizes=({self.size},), axis_names={self.axis_names}, axis_types=(Auto,))"

    def __str__(self) -> str:
        return f"Mesh({self.axis_name!r}: {self.size}, axis_types=(Auto,))"


class PartitionSpec:
    """For each axis of an array, the mesh axis that it is cut along, or None; axes that are not listed are whole
    (`jax.sharding.PartitionSpec`).

    >>> PartitionSpec(None, "i"), PartitionSpec(None, "i").cut
    (P(None, 'i'), 1)
    """

    __slots__ = ("_entries",)

    def __init__(self, *entries: Hashable | None):
        self._entries = entries

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

    def __iter__(self) -> Iterator:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other) -> bool:
        return isinstance(other, (PartitionSpec, tuple)) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(self._entries)

    def __repr__(self) -> str:
        return f"P{self._entries!r}"


def block_aval(aval, spec: PartitionSpec, mesh: Mesh):
    """The type (`core.ShapedArray`) of one device's part of an array."""
    return _scaled(aval, spec, lambda size: size // mesh.size)


def whole_aval(block, spec: PartitionSpec, mesh: Mesh):
    """The type of the array of which `block` is the type of one device's part."""
    return _scaled(block, spec, lambda size: size * mesh.size)


def _scaled(aval, spec: PartitionSpec, scale: Callable[[int], int]):
    d = spec.cut
    return aval if d is None else aval.update(shape=(*aval.shape[:d], scale(aval.shape[d]), *aval.shape[d + 1 :]))


__all__ = [
    "Device",
    "default_backend",
    "default_device",
    "device_count",
    "devices",
    "local_device_count",
    "local_devices",
    "process_count",
    "process_index",
]
