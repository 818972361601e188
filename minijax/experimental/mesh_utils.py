"""Grids of devices (`jax.experimental.mesh_utils`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..foundation.device import Device
from ..foundation.device import devices as all_devices
from ..foundation.doors import at_the_door


def create_device_mesh(
    mesh_shape: Sequence[int],
    devices: Sequence[Device] | None = None,
    *,
    contiguous_submeshes: bool = False,
    allow_split_physical_axes: bool = False,
) -> np.ndarray:
    """The devices in an array of that shape, for a `Mesh`; the other arguments are about TPUs.

    Raises ValueError unless there are as many devices as the shape has places.

    >>> import minijax as jax
    >>> create_device_mesh((1, len(jax.devices()))).shape == (1, len(jax.devices()))
    True
    """
    found = list(all_devices() if devices is None else devices)
    shape = tuple(mesh_shape)
    if int(np.prod(shape)) != len(found):
        raise ValueError(f"Number of devices {len(found)} must equal the product of mesh_shape {shape}")
    grid = np.empty(len(found), object)
    grid[:] = found
    return grid.reshape(shape)


__all__ = ["create_device_mesh"]

at_the_door(globals())
