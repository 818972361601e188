"""Configuration: `config.jax_enable_x64` and `config.update(name, value)` (JAX: `jax.config`).

`enable_x64()`, `disable_jit()`, ... set an option within a `with` block, for this thread and this asyncio task alone."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Callable
from contextlib import ContextDecorator
from contextvars import ContextVar
from copy import copy
from typing import Any, NamedTuple

from .xla_options import WITHOUT_EFFECT, checked_without_effect

# {option: default value}. An option that JAX has too has JAX's name. The type of the default is the type of the option.
_DEFAULTS = {
    "jax_check_tracer_leaks": False,
    "jax_debug_infs": False,
    "jax_debug_key_reuse": False,
    "jax_debug_nans": False,
    "jax_default_device": None,
    "jax_default_matmul_precision": None,
    "jax_disable_jit": False,
    "jax_enable_checks": False,
    "jax_enable_x64": False,
    "jax_explain_cache_misses": False,
    "jax_legacy_prng_key": "allow",
    "jax_log_compiles": False,
    "jax_no_execution": False,
    "jax_no_tracing": False,
    "jax_num_cpu_devices": -1,
    "jax_numpy_dtype_promotion": "standard",
    "jax_numpy_rank_promotion": "allow",
    "jax_pprint_use_color": True,
    "jax_traceback_filtering": "auto",
    "minijax_compiler": "numpy",
    "minijax_fast": True,
    # The version of JAX whose text of jaxprs is printed, "0.10.2"; the empty string stands for the installed version.
    "minijax_jaxpr_version": "",
    # The most bytes of arrays that all compiled programs together keep from one call to the next.
    "minijax_kept_bytes": 1 << 28,
}

# The names of `lax.DotAlgorithmPreset` that products by default may have.
DOT_ALGORITHMS = (
    *("ANY_F8_ANY_F8_F32", "ANY_F8_ANY_F8_F32_FAST_ACCUM", "ANY_F8_ANY_F8_ANY", "ANY_F8_ANY_F8_ANY_FAST_ACCUM"),
    *("F16_F16_F16", "F16_F16_F32", "BF16_BF16_BF16", "BF16_BF16_F32", "BF16_BF16_F32_X3", "BF16_BF16_F32_X6"),
    *("BF16_BF16_F32_X9", "TF32_TF32_F32", "TF32_TF32_F32_X3", "F32_F32_F32", "F64_F64_F64"),
)

# {option: the values that it may have}
_CHOICES = {
    "jax_default_matmul_precision": (
        *(None, "default", "high", "highest", "bfloat16", "tensorfloat32", "float32"),
        *DOT_ALGORITHMS,
    ),
    "jax_legacy_prng_key": ("allow", "warn", "error"),
    "jax_numpy_dtype_promotion": ("standard", "strict"),
    "jax_numpy_rank_promotion": ("allow", "warn", "raise"),
}

# The options that change the programs that are traced. The first one changes the dtypes in all programs.
_TRACED = (
    "jax_enable_x64",
    "jax_numpy_dtype_promotion",
    "jax_numpy_rank_promotion",
    "jax_default_matmul_precision",
    "jax_debug_key_reuse",
)
_USUAL = tuple(_DEFAULTS[name] for name in _TRACED[1:])


# {option: value} of the options that open `with` blocks have set; None outside of such blocks. Each thread and each asyncio task
# has a value of its own, and nobody changes a dictionary: a block sets another one.
_set_by_blocks: ContextVar[dict | None] = ContextVar("minijax's options", default=None)


def _from_text(text: str, kind: type):
    return text.lower() in ("1", "true", "yes", "on", "y", "t") if kind is bool else kind(text)


def checked(name: str, value):
    """The value as one of the option's. Raises ValueError if the option cannot have it."""
    if name in WITHOUT_EFFECT:
        return checked_without_effect(name, value)
    kind = type(_DEFAULTS[name])
    if kind is bool:
        return bool(value)
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ValueError(f"The value of {name} must be one of {', '.join(map(repr, _CHOICES[name]))}, got {value!r}.")
    if kind is not type(None) and not isinstance(value, kind):
        raise ValueError(f"The value of {name} must be of type {kind.__name__}, got {value!r} of type {type(value)}.")
    return value


class _Derived(NamedTuple):
    """What follows from the options: computed when one changes, since all operations ask for it."""

    generation: int
    # The key of traced programs: whether 64-bit dtypes are on, or, if other options differ from the usual, a tuple that begins so.
    context: bool | tuple
    # Whether each operation is looked at: for NaNs and infinities, for keys that are used twice, or since it may not run.
    watching: bool


def _derived(values: dict, generation: int) -> _Derived:
    x64, *others = [values[name] for name in _TRACED]
    users = tuple((key, value) for key, value in values.items() if isinstance(key, UserContext))
    context = x64 if tuple(others) == _USUAL and not users else (x64, *others, users)
    watching = any(values[f"jax_{name}"] for name in ("debug_nans", "debug_infs", "debug_key_reuse", "no_execution"))
    return _Derived(generation, context, watching)


class UserContext:
    """What `make_user_context` returns: called with a value it gives a `with` block, in which `value` is that value."""

    def __init__(self, default: Any = None):
        self._default = default

    @property
    def value(self) -> Any:
        return (_set_by_blocks.get() or {}).get(self, self._default)

    def __call__(self, new_val: Any) -> _Setting:
        setting = _Setting.__new__(_Setting)
        setting.option, setting.new_val = self, new_val
        return setting


def make_user_context(default_value: Any = None) -> UserContext:
    """A value of the user's on which functions under `jit` may depend: in `with context(value):` they are traced anew for
    each hashable value, and read it as `context.value` (`jax.make_user_context`).

    >>> import minijax as jax
    >>> scale = make_user_context(1.0)
    >>> f = jax.jit(lambda x: x * scale.value)
    >>> with scale(3.0):
    ...     f(2.0)
    Array(6., dtype=float32, weak_type=True)
    >>> f(2.0)
    Array(2., dtype=float32, weak_type=True)
    """
    return UserContext(default_value)


class Config:
    """The options of the process. An environment variable with an option's name in capitals sets it, too. The options of JAX that
    `xla_options.py` lists may be set, and change nothing; any other one that minijax does not have raises an AttributeError.

    >>> config.jax_enable_x64
    False
    """

    def __init__(self):
        self._values = {
            name: _from_text(os.environ[name.upper()], type(default)) if name.upper() in os.environ else default
            for name, default in _DEFAULTS.items()
        } | WITHOUT_EFFECT
        self._generation = 0
        self._derived = _derived(self._values, 0)
        self._listeners = {}

    def update(self, name: str, value):
        """Set an option for the whole process."""
        if name not in self._values:
            raise AttributeError(f"Unrecognized config option: {name}. Known options: {', '.join(_DEFAULTS)}.")
        self._values[name] = checked(name, value)
        self._generation += 1
        self._derived = _derived(self._values, self._generation)
        if name in self._listeners:
            self._listeners[name](self._values[name])

    def on_update(self, name: str, listener: Callable):
        """Call the listener with the option's value, now and whenever `update` sets the option."""
        self._listeners[name] = listener
        listener(self._values[name])

    def read(self, name: str):
        """The value of an option."""
        return getattr(self, name)

    @property
    def x64_enabled(self) -> bool:
        return self.jax_enable_x64

    @property
    def values(self) -> dict[str, Any]:
        """{option: value}, for the whole process."""
        return dict(self._values)

    def parse_flags_with_absl(self):
        """Set the options that the program's command line gives, as `--jax_enable_x64`, `--nojax_enable_x64` or
        `--jax_num_cpu_devices=8`."""
        for word in sys.argv[1:]:
            found = re.fullmatch(r"--?(no)?(jax_\w+)(?:=(.*))?", word)
            if found is not None and found[2] in _DEFAULTS:
                self.update(found[2], _from_text(found[3] or str(found[1] is None), type(_DEFAULTS[found[2]])))

    def __getattr__(self, name: str):
        if name not in _DEFAULTS and name not in WITHOUT_EFFECT:
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


def _now() -> _Derived:
    options = _set_by_blocks.get()
    if options is None:
        return config._derived
    derived = options[_Derived]
    # `config.update` within the block
    return derived if derived.generation == config._generation else _derived({**config._values, **options}, 0)


def trace_context() -> bool | tuple:
    """The key of traced programs: programs that were traced under one key are the same. The options decide it."""
    return _now().context


CONTEXT_OPTIONS = (*_TRACED, "user contexts")


def context_values(context: bool | tuple) -> tuple:
    """The values of `CONTEXT_OPTIONS` under that key."""
    return context if isinstance(context, tuple) else (context, *_USUAL, ())


def watching() -> bool:
    """Whether each operation is looked at: `debug_nans`, `debug_infs`, `debug_key_reuse`, `no_execution`."""
    return _now().watching


def check_execution(name: str):
    """Raise RuntimeError within `no_execution`."""
    if _value("jax_no_execution"):
        raise RuntimeError(f"tried to execute {name}, but the no_execution config option is set")


def rank_promotion() -> str:
    """What `numpy_rank_promotion` says: allow, warn or raise."""
    return _value("jax_numpy_rank_promotion")


def default_precision() -> str | None:
    """The precision of products that name none: see `default_matmul_precision`."""
    return _value("jax_default_matmul_precision")


def generation() -> int | None:
    """A number that changes when an option of the process changes. None within a `with` block that sets an option."""
    return config._generation if _set_by_blocks.get() is None else None


class _Setting(ContextDecorator):
    """A `with` block that sets an option, and puts the options back at its end. It decorates functions, too."""

    option: Any

    def __init__(self, new_val: Any = True):
        self.new_val = checked(self.option, new_val)

    def _recreate_cm(self) -> _Setting:
        # Of a decorated function that calls itself, each call has a block of its own.
        return copy(self)

    def __enter__(self):
        self.previous = _set_by_blocks.get()
        try:
            options = {**(self.previous or {}), self.option: self.new_val}
            options[_Derived] = _derived({**config._values, **options}, config._generation)
            _set_by_blocks.set(options)
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

    def __init__(self, disable: bool = True):
        super().__init__(disable)


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


class debug_key_reuse(_Setting):
    """`with debug_key_reuse():` raises a KeyReuseError where a typed key is used twice (`jax.debug_key_reuse`): in `jax.random`,
    within a program as a program of its own, or from step to step of a loop. `fold_in` and `clone` do not use a key up.

    >>> import minijax as jax
    >>> with debug_key_reuse():
    ...     key = jax.random.key(0)
    ...     x = jax.random.bits(key)
    ...     try:
    ...         jax.random.bits(key)
    ...     except jax.errors.KeyReuseError as error:
    ...         print(error)
    Previously-consumed key passed to random_bits at index 0
    """

    option = "jax_debug_key_reuse"


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


check_tracer_leaks = checking_leaks


class _Choice(_Setting):
    """A `with` block of an option that is neither on nor off: its value has to be given."""

    def __init__(self, new_val: str | None):
        super().__init__(new_val)


class default_matmul_precision(_Choice):
    """`with default_matmul_precision("float32"):` gives products that name no precision this one, a name of a `lax.Precision`
    or of a `lax.DotAlgorithmPreset` (`jax.default_matmul_precision`). XLA reads it; NumPy has one kind of product.

    >>> import minijax as jax
    >>> with default_matmul_precision("highest"):
    ...     print(jax.make_jaxpr(jax.lax.dot)(jax.numpy.ones(2), jax.numpy.ones(2)))
    { lambda ; a:f32[2] b:f32[2]. let
        c:f32[] = dot_general[
          dimension_numbers=(([0], [0]), ([], []))
          precision=(Precision.HIGHEST, Precision.HIGHEST)
        ] a b
      in (c,) }
    """

    option = "jax_default_matmul_precision"


class enable_checks(_Setting):
    """`with enable_checks():` checks each jaxpr that is traced, whether its variables are bound and its types those of the rules
    (`jax.enable_checks`). It raises `JaxprTypeError` at the first fault.

    >>> import minijax as jax
    >>> with enable_checks():
    ...     jax.jit(lambda x: 2 * x)(1.0)
    Array(2., dtype=float32, weak_type=True)
    """

    option = "jax_enable_checks"


class explain_cache_misses(_Setting):
    """`with explain_cache_misses():` logs why a jitted function is traced again (`jax.explain_cache_misses`).

    >>> import minijax as jax
    >>> with explain_cache_misses():
    ...     jax.config.jax_explain_cache_misses
    True
    """

    option = "jax_explain_cache_misses"


class legacy_prng_key(_Choice):
    """`with legacy_prng_key("error"):` refuses raw keys, arrays of uint32, in `jax.random`; "warn" warns, "allow" takes them
    (`jax.legacy_prng_key`).

    >>> import minijax as jax
    >>> x = jax.numpy.ones((2, 3))
    >>> with legacy_prng_key("error"):
    ...     try:
    ...         jax.random.normal(jax.random.PRNGKey(0))
    ...     except ValueError:
    ...         print("refused")
    refused
    """

    option = "jax_legacy_prng_key"


class log_compiles(_Setting):
    """`with log_compiles():` logs each function that is traced or compiled, with its types and the time it took, as a warning of
    the logger `minijax` (`jax.log_compiles`).

    >>> import minijax as jax
    >>> with log_compiles():
    ...     jax.config.jax_log_compiles
    True
    """

    option = "jax_log_compiles"


class no_execution(_Setting):
    """`with no_execution():` raises a RuntimeError for each operation and each jitted function that would run; tracing is allowed
    (`jax.no_execution`).

    >>> import minijax as jax
    >>> x = jax.numpy.ones((2, 3))
    >>> with no_execution():
    ...     try:
    ...         x + x
    ...     except RuntimeError:
    ...         print("not run")
    not run
    """

    option = "jax_no_execution"


class no_tracing(_Setting):
    """`with no_tracing():` raises a RuntimeError if a jitted function would be traced again (`jax.no_tracing`).

    >>> import minijax as jax
    >>> x = jax.numpy.ones((2, 3))
    >>> with no_tracing():
    ...     try:
    ...         jax.jit(lambda x: x)(x)
    ...     except RuntimeError:
    ...         print("not traced")
    not traced
    """

    option = "jax_no_tracing"


class numpy_dtype_promotion(_Choice):
    """`with numpy_dtype_promotion("strict"):` raises a `TypePromotionError` if arrays of different dtypes meet; Python numbers
    still take the dtype of the array beside them (`jax.numpy_dtype_promotion`).

    >>> import minijax.numpy as jnp
    >>> with numpy_dtype_promotion("strict"):
    ...     jnp.ones(2) + 1
    Array([2., 2.], dtype=float32)
    """

    option = "jax_numpy_dtype_promotion"


class numpy_rank_promotion(_Choice):
    """`with numpy_rank_promotion("raise"):` raises a ValueError if arrays of different ranks are broadcast, scalars aside; "warn"
    warns (`jax.numpy_rank_promotion`).

    >>> import minijax as jax
    >>> x = jax.numpy.ones((2, 3))
    >>> with numpy_rank_promotion("raise"):
    ...     try:
    ...         x + x[0]
    ...     except ValueError:
    ...         print("refused")
    refused
    """

    option = "jax_numpy_rank_promotion"
