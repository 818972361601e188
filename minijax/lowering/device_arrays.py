"""Methods of arrays that concern devices: the device of an array, and waiting for a value that XLA is computing.

`core/array.py` does not know about devices: its arrays hold a NumPy array. An array that XLA computes holds a `_buffer` on the
device instead, and fetches the value when a program reads it.
"""

from __future__ import annotations

import numpy as np

from ..core.array import ArrayImpl
from ..core.avals import ShapedArray
from ..foundation.device import Device
from ..foundation.device import devices as all_devices
from ..foundation.dtypes import is_narrow, key_fry


class OnDevice:
    """The methods and properties that this file adds to `ArrayImpl`."""

    @staticmethod
    def on_device(buffer, aval: ShapedArray) -> ArrayImpl:
        """An array whose value is in a buffer on a device. XLA may still be computing it: `np.asarray(buffer)` waits."""
        self = object.__new__(ArrayImpl)
        self._buffer, self._aval, self._weak_type = buffer, aval, aval.weak_type
        return self

    def __getattr__(self, name: str):
        # Python calls `__getattr__` only for slots that were never set. An array that NumPy computed never set `_buffer`. An array
        # that XLA computes never set `_value`, and fetches it here.
        if name == "_buffer":
            return None
        if name == "_value" and self._buffer is not None:
            value = np.asarray(self._buffer)
            if self._aval.dtype == key_fry:
                value = value.view(key_fry.storage)[..., 0]
            elif is_narrow(self._aval.dtype):
                # On a device, a number of 4 bits is stored as a wider one.
                value = value.astype(self._aval.dtype)
            self._value = value
            return self._value
        raise AttributeError(f"'Array' object has no attribute {name!r}")

    def block_until_ready(self):
        """Wait until XLA has computed the array, and return it. An array that NumPy computed returns at once."""
        if self._buffer is not None:
            self._buffer.block_until_ready()
        return self

    def copy_to_host_async(self):
        """Start to fetch the value from the array's device, without waiting for it."""
        if self._buffer is not None:
            self._buffer.copy_to_host_async()

    def forget_value(self):
        """Forget the value, because a program is about to overwrite the buffer."""
        self._aval = self.aval
        try:
            del self._value
        except AttributeError:  # The value was never fetched.
            pass

    def is_deleted(self) -> bool:
        """Whether the array was donated to a program, which has overwritten it."""
        return self._buffer is not None and self._buffer.is_deleted()

    @property
    def is_fully_addressable(self) -> bool:
        """True: there is one process."""
        return True

    @property
    def device(self) -> Device:
        """The device that the array is on. An array that NumPy computed, even a result of `pmap`, is in the host's memory, and its
        device is the first one."""
        return all_devices()[0] if self._buffer is None else self._buffer.device

    def devices(self) -> set[Device]:
        """The devices that the array is on."""
        return {self.device} if self._buffer is None else self._buffer.devices()


for _name, _member in vars(OnDevice).items():
    if _name == "__getattr__" or not _name.startswith("__"):
        setattr(ArrayImpl, _name, _member)
