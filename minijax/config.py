"""Configuration: `config.jax_enable_x64`, `config.update(name, value)`, `enable_x64()` (JAX: `jax.config`)."""

from __future__ import annotations

import os
import threading


def _flag(value: str) -> bool:
    return value.lower() in ("1", "true", "yes", "on", "y", "t")


class _Local(threading.local):
    # What `enable_x64` set on this thread; None where nothing did.
    x64: bool | None = None


_local = _Local()


class Config:
    """The process-wide options. Each has JAX's name; what JAX has and we have not raises an AttributeError.

    >>> config.jax_enable_x64
    False
    """

    def __init__(self):
        self._values = {"jax_enable_x64": _flag(os.environ.get("JAX_ENABLE_X64", "0"))}

    def update(self, name: str, value):
        if name not in self._values:
            raise AttributeError(f"Unrecognized config option: {name}. Known options: {', '.join(self._values)}.")
        self._values[name] = bool(value)

    @property
    def jax_enable_x64(self) -> bool:
        return x64_enabled()

    def __getattr__(self, name: str):
        raise AttributeError(f"Unrecognized config option: {name}. Known options: {', '.join(self._values)}.")


config = Config()


def x64_enabled() -> bool:
    """Whether 64-bit dtypes are allowed on this thread."""
    local = _local.x64
    return config._values["jax_enable_x64"] if local is None else local


class enable_x64:
    """`with enable_x64():` allows 64-bit dtypes on this thread, `enable_x64(False)` forbids them.

    >>> with enable_x64():
    ...     config.jax_enable_x64
    True
    """

    def __init__(self, new_val: bool = True):
        self.new_val = bool(new_val)

    def __enter__(self):
        self.previous = _local.x64
        _local.x64 = self.new_val

    def __exit__(self, *exc):
        _local.x64 = self.previous
