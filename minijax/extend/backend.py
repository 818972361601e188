"""What programs run on (`jax.extend.backend`)."""

from __future__ import annotations

from dataclasses import dataclass

from ..foundation.device import Device, check_backend, devices
from ..foundation.doors import at_the_door


@dataclass(frozen=True)
class Backend:
    """A platform and its devices.

    >>> Backend("cpu").device_count() == len(Backend("cpu").devices())
    True
    """

    platform: str

    def devices(self) -> list[Device]:
        return devices(self.platform)

    local_devices = devices

    def device_count(self) -> int:
        return len(self.devices())

    local_device_count = device_count

    def process_index(self) -> int:
        return 0


def get_backend(platform: str | None = None) -> Backend:
    """The backend of a platform, by default the only one (`jax.extend.backend.get_backend`). Raises RuntimeError for a platform
    other than "cpu".

    >>> get_backend().platform
    'cpu'
    """
    check_backend(platform)
    return Backend("cpu")


__all__ = ["Backend", "get_backend"]

at_the_door(globals())
