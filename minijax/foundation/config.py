"""Configuration: `config.jax_enable_x64` and `config.update(name, value)` (JAX: `jax.config`).

`enable_x64()`, `disable_jit()`, ... set an option within a `with` block, for this thread and this asyncio task alone."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from contextvars import ContextVar

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


# {option: value} of the options that open `with` blocks have set; None outside of such blocks. Each thread and each asyncio task
# has a value of its own, and nobody changes a dictionary: a block sets another one.
_set_by_blocks: ContextVar[dict | None] = ContextVar("minijax's options", default=None)


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
    """The value of the option in this thread and task. The functions below run for every operation, or every number that becomes
    an array, so they avoid the slower `Config.__getattr__`."""
    options = _set_by_blocks.get()
    return config._values[name] if options is None else options.get(name, config._values[name])


def x64_enabled() -> bool:
    """Whether 64-bit dtypes are allowed."""
    return _value("jax_enable_x64")


def jit_disabled() -> bool:
    """Whether functions run as plain Python: see `disable_jit`."""
    return _value("jax_disable_jit")


def debugging_floats() -> bool:
    """Whether results are checked for NaNs or infinities."""
    return _value("jax_debug_nans") or _value("jax_debug_infs")


def generation() -> int | None:
    """A number that changes when an option of the process changes. None within a `with` block that sets an option."""
    return config._generation if _set_by_blocks.get() is None else None


class _Setting:
    """A `with` block that sets an option, and puts the options back at its end."""

    option: str

    def __init__(self, new_val: bool = True):
        self.new_val = bool(new_val)

    def __enter__(self):
        self.previous = _set_by_blocks.get()
        try:
            _set_by_blocks.set({**(self.previous or {}), self.option: self.new_val})
        except BaseException:  # A KeyboardInterrupt comes after a call, too. No `__exit__` follows.
            _set_by_blocks.set(self.previous)
            raise

    def __exit__(self, *exc):
        _set_by_blocks.set(self.previous)


class enable_x64(_Setting):
    """`with enable_x64():` allows 64-bit dtypes in this thread and task, `enable_x64(False)` forbids them.

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
    """`with debug_nans():` raises a FloatingPointError at the first operation whose result has a NaN (`jax.debug_nans`).

    >>> import minijax.numpy as jnp
    >>> with debug_nans():
    ...     try:
    ...         jnp.log(-1.0)
    ...     except FloatingPointError as error:
    ...         print(str(error).split(',')[0])
    invalid value (nan) encountered in log
    """

    option = "jax_debug_nans"


class debug_infs(_Setting):
    """`with debug_infs():` raises a FloatingPointError at the first operation whose result has an infinity (`jax.debug_infs`).

    >>> import minijax.numpy as jnp
    >>> with debug_infs():
    ...     try:
    ...         jnp.log(0.0)
    ...     except FloatingPointError as error:
    ...         print(str(error).split(',')[0])
    invalid value (inf) encountered in log
    """

    option = "jax_debug_infs"


class checking_leaks(_Setting):
    """`with checking_leaks():` raises an error at the end of a transformation if an object still holds one of its tracers
    (`jax.checking_leaks`). It is slow, and meant for debugging.

    >>> import minijax
    >>> kept = []
    >>> with checking_leaks():
    ...     try:
    ...         minijax.jit(lambda x: kept.append(x))(1.0)
    ...     except Exception as error:
    ...         print(str(error).split('.')[0])
    Leaked trace StagingTrace
    """

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
