"""The devices that `pmap` spreads a program over; `sharding.py` has the meshes of them.

NumPy computes on one processor. The devices are names for places on it, like JAX's forced host devices. Their number is
given by `config.update("jax_num_cpu_devices", n)`, else by XLA's flag --xla_force_host_platform_device_count, else it is 1.
"""

from __future__ import annotations

import os
import re
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

    def __reduce__(self):
        return _device, (self.id,)

    def __repr__(self) -> str:
        return f"CpuDevice(id={self.id})"

    def __str__(self) -> str:
        return f"{self.platform}:{self.id}"


device_of_id = cache(Device)


def _device(id: int) -> Device:
    # Pickle finds a function by its name, and would find the class by that of the cache.
    return device_of_id(id)


def _count() -> int:
    count = config.jax_num_cpu_devices
    if count == -1:
        flag = re.findall(r"--xla_force_host_platform_device_count=(\d+)", os.environ.get("XLA_FLAGS", ""))
        count = int(flag[-1]) if flag else 1
    if count < 1:
        raise ValueError(f"jax_num_cpu_devices must be at least 1, or -1 for the default; it is {count}.")
    return count


def check_backend(backend: str | None):
    """Raise RuntimeError for a backend other than "cpu"."""
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
    check_backend(backend)
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
    check_backend(backend)
    return 0


def process_count(backend: str | None = None) -> int:
    """The number of processes: 1 (`jax.process_count`).

    >>> process_count()
    1
    """
    check_backend(backend)
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
