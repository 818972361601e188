"""What arrays know of devices: where an array is, and its value while XLA may still be computing it.

`core/array.py` knows nothing of this: there an array is a NumPy array. An array of XLA's has a `_buffer` instead of a value,
and fetches the value when somebody looks.
"""

from __future__ import annotations

import numpy as np

from ..core.array import ArrayImpl
from ..core.avals import ShapedArray
from ..foundation.device import Device
from ..foundation.device import devices as all_devices
from ..foundation.dtypes import key_fry


class OnDevice:
    """The methods and properties that this file adds to `ArrayImpl`."""

    @staticmethod
    def on_device(buffer, aval: ShapedArray) -> ArrayImpl:
        """An array that is computed elsewhere, and perhaps not yet: `np.asarray(buffer)` waits for it."""
        self = object.__new__(ArrayImpl)
        self._buffer, self._aval, self._weak_type = buffer, aval, aval.weak_type
        return self

    def __getattr__(self, name: str):
        # Python calls `__getattr__` only for slots that were never set. An array of NumPy's never set `_buffer`; an array of
        # XLA's never set `_value`, and fetches it here.
        if name == "_buffer":
            return None
        if name == "_value" and self._buffer is not None:
            value = np.asarray(self._buffer)
            self._value = value.view(key_fry.storage)[..., 0] if self._aval.dtype == key_fry else value
            return self._value
        raise AttributeError(f"'Array' object has no attribute {name!r}")

    def block_until_ready(self):
        """The array, once it is computed: at once, unless XLA is computing it."""
        if self._buffer is not None:
            self._buffer.block_until_ready()
        return self

    def copy_to_host_async(self):
        """Starts to fetch the array, if it is on another device."""
        if self._buffer is not None:
            self._buffer.copy_to_host_async()

    def forget_value(self):
        """Forget the value, since the buffer is about to be donated."""
        self._aval = self.aval
        try:
            del self._value
        except AttributeError:  # It has not been fetched.
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
        """The device that the array is on. Arrays of NumPy's are in the host's memory, a result of `pmap` too: the first
        device."""
        return all_devices()[0] if self._buffer is None else self._buffer.device

    def devices(self) -> set[Device]:
        """The devices that the array is on."""
        return {self.device} if self._buffer is None else self._buffer.devices()


for _name, _member in vars(OnDevice).items():
    if _name == "__getattr__" or not _name.startswith("__"):
        setattr(ArrayImpl, _name, _member)
