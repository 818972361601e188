"""Configuration: `config.jax_enable_x64` and `config.update(name, value)` (JAX: `jax.config`).

`enable_x64()`, `disable_jit()`, ... set an option within a `with` block, on this thread."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable

# {option: default value}. An option that JAX has too has JAX's name. The type of the default is the type of the option.
_DEFAULTS = {
    "jax_check_tracer_leaks": False,
    "jax_debug_infs": False,
    "jax_debug_nans": False,
    "jax_disable_jit": False,
    "jax_enable_x64": False,
    "jax_explain_cache_misses": False,
    "jax_num_cpu_devices": -1,
    "jax_traceback_filtering": "auto",
    "minijax_compiler": "numpy",
    "minijax_fast": True,
    # The version of JAX whose text of jaxprs is printed, "0.10.2"; the empty string stands for the installed version.
    "minijax_jaxpr_version": "",
    # The most bytes of arrays that all compiled programs together keep from one call to the next.
    "minijax_kept_bytes": 1 << 28,
}


class _Local(threading.local):
    """The options that `with` blocks have set on this thread: one attribute for each option, None if no block has set it."""

    settings = 0  # Number of open blocks


for _name in _DEFAULTS:
    setattr(_Local, _name, None)
_local = _Local()


def _from_text(text: str, kind: type):
    return text.lower() in ("1", "true", "yes", "on", "y", "t") if kind is bool else kind(text)


class Config:
    """The options of the process. An environment variable with an option's name in capitals sets it, too. An option of JAX that
    minijax does not have raises an AttributeError.

    >>> config.jax_enable_x64
    False
    """

    def __init__(self):
        self._values = {
            name: _from_text(os.environ[name.upper()], type(default)) if name.upper() in os.environ else default
            for name, default in _DEFAULTS.items()
        }
        self._generation = 0
        self._listeners = {}

    def update(self, name: str, value):
        """Set an option for the whole process."""
        if name not in self._values:
            raise AttributeError(f"Unrecognized config option: {name}. Known options: {', '.join(self._values)}.")
        kind = type(_DEFAULTS[name])
        if kind is not bool and not isinstance(value, kind):
            raise ValueError(
                f"The value of {name} must be of type {kind.__name__}, got {value!r} of type {type(value)}."
            )
        self._values[name] = kind(value)
        self._generation += 1
        if name in self._listeners:
            self._listeners[name](self._values[name])

    def on_update(self, name: str, listener: Callable):
        """Call the listener with the option's value, now and whenever `update` sets the option."""
        self._listeners[name] = listener
        listener(self._values[name])

    def __getattr__(self, name: str):
        if name not in _DEFAULTS:
            raise AttributeError(f"Unrecognized config option: {name}. Known options: {', '.join(_DEFAULTS)}.")
        return _value(name)


config = Config()


def _value(name: str):
    """The value of the option on this thread. The functions below run for every operation, or for every number that becomes
    an array, so they avoid the slower `Config.__getattr__`."""
    local = getattr(_local, name)
    return config._values[name] if local is None else local


def x64_enabled() -> bool:
    """Whether 64-bit dtypes are allowed on this thread."""
    return _value("jax_enable_x64")


def jit_disabled() -> bool:
    """Whether functions run as plain Python: see `disable_jit`."""
    return _value("jax_disable_jit")


def debugging_floats() -> bool:
    """Whether results are checked for NaNs or infinities."""
    return _value("jax_debug_nans") or _value("jax_debug_infs")


def generation() -> int | None:
    """A number that changes when an option of the process changes. None while a `with` block sets an option on this thread."""
    return None if _local.settings else config._generation


class _Setting:
    """A `with` block that sets an option on this thread, and restores the old value at its end."""

    option: str

    def __init__(self, new_val: bool = True):
        self.new_val = bool(new_val)

    def __enter__(self):
        self.previous = getattr(_local, self.option)
        setattr(_local, self.option, self.new_val)
        _local.settings += 1

    def __exit__(self, *exc):
        setattr(_local, self.option, self.previous)
        _local.settings -= 1


class enable_x64(_Setting):
    """`with enable_x64():` allows 64-bit dtypes on this thread, `enable_x64(False)` forbids them.

    >>> with enable_x64():
    ...     config.jax_enable_x64
    True
    """

    option = "jax_enable_x64"


class disable_jit(_Setting):
    """`with disable_jit():` runs jitted functions as plain Python, and loops and branches of `lax` too, step by step
    (`jax.disable_jit`). A debugger can stop in them, and `print` shows values.

    >>> import minijax as jax
    >>> f = jax.jit(lambda x: x if x > 0 else -x)
    >>> with disable_jit():
    ...     f(-3.0)
    3.0
    """

    option = "jax_disable_jit"


class debug_nans(_Setting):
    """`with debug_nans():` raises a FloatingPointError at the first operation whose result has a NaN (`jax.debug_nans`)."""

    option = "jax_debug_nans"


class debug_infs(_Setting):
    """`with debug_infs():` raises a FloatingPointError at the first operation whose result has an infinity (`jax.debug_infs`)."""

    option = "jax_debug_infs"


class checking_leaks(_Setting):
    """`with checking_leaks():` raises an error at the end of a transformation if an object still holds one of its tracers
    (`jax.checking_leaks`). It is slow, and meant for debugging."""

    option = "jax_check_tracer_leaks"

    # The search visits all objects of the garbage collector. `gc.freeze` excludes the objects that exist before the block.

    def __enter__(self):
        super().__enter__()
        self._nothing_frozen = gc.get_freeze_count() == 0
        gc.freeze()

    def __exit__(self, *exc):
        if self._nothing_frozen:  # Otherwise the program itself has called gc.freeze.
            gc.unfreeze()
        super().__exit__(*exc)
