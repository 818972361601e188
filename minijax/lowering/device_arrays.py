"""Methods of arrays that concern devices: where an array is placed, and waiting for a value that XLA is computing.

`core/array.py` does not know about devices: its arrays hold a NumPy array. An array that XLA computes holds a `_buffer` on the
device instead, and fetches the value when a program reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Never

import numpy as np

from ..core.array import ArrayImpl
from ..core.avals import ShapedArray
from ..core.traces import Array, Tracer
from ..foundation import errors
from ..foundation.device import Device, device_of_id
from ..foundation.device import devices as all_devices
from ..foundation.dtypes import is_narrow, key_fry
from ..foundation.meshes import AbstractMesh
from ..foundation.sharding import NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding


class Shard(NamedTuple):
    """One device's part of an array: the device, the slices of the array, the number of the copy, the part."""

    device: Device
    index: tuple[slice, ...]
    replica_id: int
    data: ArrayImpl


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
        if name in ("_buffer", "_sharding"):
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

    def is_ready(self) -> bool:
        """Whether the value is computed. NumPy has computed its arrays when they are made."""
        return self._buffer is None or self._buffer.is_ready()

    def clone(self) -> ArrayImpl:
        """A new array of the same value and weak type, in the same place."""
        if self._buffer is not None:
            result = ArrayImpl.on_device(self._buffer, self.aval)
        else:
            result = ArrayImpl(self._value, self._weak_type, self._aval)
        result._sharding = self._sharding
        return result

    def platform(self) -> str:
        """The kind of the device: "cpu", "gpu" or "tpu"."""
        return next(iter(self.devices())).platform

    def on_device_size_in_bytes(self) -> int:
        """The number of bytes that the elements take."""
        return self.nbytes

    def unsafe_buffer_pointer(self) -> int:
        """The address of the first element. Nobody may write there, and it is lost with the array."""
        return self._value.ctypes.data if self._buffer is None else self._buffer.unsafe_buffer_pointer()

    def __bytes__(self) -> bytes:
        # As JAX's arrays do: `bytes(jnp.array(3))` is three zero bytes, as of Python's 3, and other arrays give their memory.
        if self.dtype == key_fry:
            raise TypeError("cannot convert a key array to bytes: take random.key_data(key).")
        if is_narrow(self.dtype) or self.dtype.kind not in "biufc":
            raise BufferError(f"Buffers of type {self.dtype.name} are not supported by the Python buffer protocol.")
        return bytes(int(self._value)) if not self.shape and self.dtype.kind in "iu" else self._value.tobytes()

    @property
    def is_fully_addressable(self) -> bool:
        """True: there is one process."""
        return True

    @property
    def sharding(self) -> Sharding:
        """How the array is placed: as `device_put` was told, else on the device that computed it. An array that NumPy computed,
        even a result of `pmap`, is in the host's memory, and its device is the first one."""
        if self._sharding is not None:
            return self._sharding
        if self._buffer is None:
            return SingleDeviceSharding(all_devices()[0])
        if hasattr(self._buffer, "mesh"):
            return NamedSharding(self._buffer.mesh, self._buffer.spec)
        return SingleDeviceSharding(device_of_id(self._buffer.device.id))

    @property
    def committed(self) -> bool:
        """Whether the program placed the array."""
        return self._sharding is not None

    # Real JAX asks for it when it gets an array of minijax: it takes over the sharding of a committed array.
    _committed = committed

    @property
    def device(self) -> Any:
        """The device that the array is on; the sharding, if it is on several. The device of an array of XLA's is jaxlib's."""
        if self._buffer is not None:
            return self._buffer.device
        sharding = self.sharding
        return next(iter(sharding.device_set)) if sharding.num_devices == 1 else sharding

    def devices(self) -> set[Device]:
        """The devices that the array is on."""
        return self.sharding.device_set if self._buffer is None else self._buffer.devices()

    @property
    def is_fully_replicated(self) -> bool:
        """Whether each of its devices has the whole array."""
        return self.sharding.is_fully_replicated

    @property
    def addressable_shards(self) -> list[Shard]:
        """The parts of the array, one for each device."""
        copies: dict[str, int] = {}
        found = []
        for device, index in self.sharding.devices_indices_map(self.shape).items():
            copies[str(index)] = copies.get(str(index), -1) + 1
            found.append(Shard(device, index, copies[str(index)], ArrayImpl(self._value[index], self._weak_type)))
        return found

    @property
    def global_shards(self) -> list[Shard]:
        """All parts of the array: there is one process."""
        return self.addressable_shards

    def addressable_data(self, index: int) -> ArrayImpl:
        """The part of the array on one of its devices."""
        return self.addressable_shards[index].data


for _name, _member in vars(OnDevice).items():
    if _name in ("__bytes__", "__getattr__") or not _name.startswith("__"):
        setattr(ArrayImpl, _name, _member)


def _needs_value(name: str) -> Callable[..., Never]:
    """A method of arrays as a tracer has it: it raises, as JAX's does."""

    def method(self: Tracer, *_: Any, **__: Any) -> Never:
        raise errors.concretization(self.aval.str_short(), self._origin(), name)

    return method


# A tracer has no memory and no devices. JAX's tracers raise the same error for these names, and no AttributeError.
for _name in "__dlpack__ addressable_data delete devices is_deleted on_device_size_in_bytes tobytes unsafe_buffer_pointer".split():
    setattr(Tracer, _name, _needs_value(_name))
for _name in "addressable_shards committed global_shards is_fully_addressable is_fully_replicated traceback".split():
    setattr(Tracer, _name, property(_needs_value(_name)))


def placed(x: ArrayImpl, sharding: Sharding) -> ArrayImpl:
    """The array, placed so. Raises ValueError if it cannot be cut into such parts."""
    sharding.shard_shape(x.shape)
    if x._sharding == sharding:
        return x
    result = (
        ArrayImpl.on_device(x._buffer, x.aval) if x._buffer is not None else ArrayImpl(x._value, x._weak_type, x._aval)
    )
    result._sharding = sharding
    return result


def _of_no_mesh(self: ShapedArray) -> NamedSharding:
    """The sharding that the type carries: minijax's types carry none, as JAX's do without a mesh of `Explicit` axes."""
    return NamedSharding(AbstractMesh((), ()), PartitionSpec(*[None] * self.ndim))


def _of_a_tracer(self: Tracer):
    raise AttributeError(
        f"The 'sharding' attribute is not available on traced array with shape {self.aval.str_short()}. To query sharding"
        " information on tracers, use `jax.typeof(x)`."
    )


class _OfValues:
    """A name that `jax.Array` has and a tracer has not: libraries read it from the class, to write a method of their own."""

    def __init__(self, name: str):
        self._name = name

    def __get__(self, instance: Any, owner: type):
        if instance is None:
            return self
        raise AttributeError(f"{type(instance).__name__!r} object has no attribute {self._name!r}")


for _name in [*vars(OnDevice), "item"]:
    if not hasattr(Array, _name) and not _name.startswith("_"):
        setattr(Array, _name, _OfValues(_name))
ShapedArray.sharding = property(_of_no_mesh)  # type: ignore[attr-defined]
Tracer.sharding = property(_of_a_tracer)  # type: ignore[attr-defined]
