"""What the process holds and runs on: `live_arrays`, `print_environment_info`."""

from __future__ import annotations

import gc
import os
import platform as host
import sys

import numpy as np

from ..core.array import ArrayImpl
from ..core.traces import Array
from ..foundation import device
from ..foundation.jax_versions import installed


def live_arrays(platform: str | None = None) -> list[Array]:
    """The arrays that the program still holds (`jax.live_arrays`): those that Python's garbage collector knows. Raises
    RuntimeError for a platform other than "cpu".

    >>> import minijax.numpy as jnp
    >>> x = jnp.arange(3)
    >>> any(y is x for y in live_arrays())
    True
    """
    device.devices(platform)
    return [x for x in gc.get_objects() if type(x) is ArrayImpl]


def print_environment_info(return_string: bool = False) -> str | None:
    """Print the versions of minijax, NumPy and Python, the devices, the platform and the options set in the environment
    (`jax.print_environment_info`); with return_string, return the text instead.

    >>> "numpy:" in print_environment_info(return_string=True)
    True
    """
    lines = [
        f"minijax, after jax {installed() or '(not installed)'}",
        f"numpy:  {np.__version__}",
        f"python: {' '.join(sys.version.split())}",
        f"device info: {device.default_backend()}-{device.device_count()}, {device.local_device_count()} local devices",
        f"process_count: {device.process_count()}",
        f"platform: {host.uname()}",
        *[f"{name}={value}" for name, value in os.environ.items() if name.startswith(("JAX_", "MINIJAX_", "XLA_"))],
    ]
    text = "\n".join(lines)
    if return_string:
        return text
    print(text)
    return None


__all__ = ["live_arrays", "print_environment_info"]
