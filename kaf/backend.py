"""The one file of kaf that names minijax or JAX: which of them computes, and what kaf uses of it.

Both libraries have the same names, so a function of kaf is written once, against `get_backend(...).np`. Who computes is
decided, in this order, by the arrays that come in, by `use_backend`, by the environment variable `KAF_BACKEND`; and is
minijax where nothing was said. A library is imported when it is first needed, never before.
"""

from __future__ import annotations

import contextvars
import functools
import importlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy

CHOICES = ("minijax", "jax")
COMPILERS = ("numpy", "xla")  # minijax's; JAX has the second
DEFAULT = "minijax"
ENVIRONMENT_VARIABLE = "KAF_BACKEND"

# In annotations: an array of either backend. jaxtyping's Float[Array, "k"] adds its kind and its shape.
Array = Any

# JAX's concrete arrays live in jaxlib, its tracers in jax.
_LIBRARY_OF_PACKAGE = {"minijax": "minijax", "jax": "jax", "jaxlib": "jax"}


@dataclass(frozen=True, eq=False)
class Backend:
    """What kaf uses of a library; the attributes bear JAX's names (`np` is its `numpy`, `library` the whole of it)."""

    name: str
    library: ModuleType
    np: ModuleType
    random: ModuleType
    nn: ModuleType
    lax: ModuleType
    tree_util: ModuleType
    tree: ModuleType
    custom_derivatives: ModuleType
    core: ModuleType
    grad: Callable
    value_and_grad: Callable
    vmap: Callable
    jit: Callable
    jvp: Callable
    custom_jvp: Callable
    checkpoint: Callable
    hessian: Callable
    make_jaxpr: Callable
    block_until_ready: Callable
    default_backend: Callable

    def __repr__(self) -> str:
        return f"Backend({self.name!r})"

    @property
    def has_pallas(self) -> bool:
        """Whether `kaf.pallas` can compute with it."""
        return self.name == "jax"

    def shares_arrays(self) -> bool:
        """Whether there are several devices, of which each may have its part of an array's rows."""
        return self.name == "jax" and self.library.device_count() > 1

    def prefers_pallas(self) -> bool:
        """Whether `kaf.pallas` is to compute: on one GPU. jit does not share out a kernel of Pallas among several."""
        return self.has_pallas and self.default_backend() == "gpu" and not self.shares_arrays()

    def on_cpu(self) -> bool:
        """Whether the CPU computes."""
        return self.name == "minijax" or self.default_backend() == "cpu"

    def compiles_loops(self) -> bool:
        """Whether several operations become one loop: XLA does that, NumPy does not."""
        return self.name == "jax"

    def chunk_size(self, size: int, blocks: int) -> int:
        """How many float32 values of so many had best be worked on at a time, so that they and what is made of them for each
        of the blocks of centres stay in a CPU's cache: measured. On GPUs all.
        """
        if self.name == "jax" and self.default_backend() == "gpu":
            return size
        # XLA takes half as long again in a loop.
        if self.name == "jax" and size * blocks <= 1 << 18 and not self.shares_arrays():
            return size
        # Where devices may share x, the transpose holds more for each value (see `gridded._by_hand`).
        return 32768 if self.shares_arrays() else 65536

    def row_size(self) -> int:
        """How long a row had best be to be added to many, in a loop over blocks where it can be made before. NumPy first
        copies it, again and again, into a buffer of 8192 elements, unless it fills that: twice the time."""
        return 8192 if self.name == "minijax" else 1


_MODULES = {"np": "numpy"} | {
    module: module for module in ("random", "nn", "lax", "tree_util", "tree", "custom_derivatives", "core")
}
_FUNCTIONS = (
    *("grad", "value_and_grad", "vmap", "jit", "jvp", "custom_jvp", "checkpoint", "hessian", "make_jaxpr"),
    *("block_until_ready", "default_backend"),
)

_lock = threading.RLock()
_loaded: dict[str, Backend] = {}
_dataclasses: list[tuple[type, tuple[str, ...], tuple[str, ...]]] = []
_chosen: contextvars.ContextVar[str | None] = contextvars.ContextVar("kaf_backend", default=None)


# -- Choosing ----------------------------------------------------------------------------------------------------------


def get_backend(*arrays: Any) -> Backend:
    """The backend of `arrays`; where they name none (NumPy arrays, numbers), the chosen one.

    Raises TypeError when arrays of both libraries come together, and what `use_backend` raises.

    >>> get_backend().name in CHOICES
    True
    """
    return _load(_library_of_values(arrays) or _chosen_name())


def named_backend(name: str) -> Backend:
    """The backend of that name, whatever is chosen. Raises what `use_backend` raises.

    >>> named_backend("minijax")
    Backend('minijax')
    """
    return _load(_checked(name, "named_backend"))


def get_tree_backend(tree: Any) -> Backend:
    """As `get_backend`, for the leaves of a pytree: a model, its gradient."""
    load_imported_backends()
    for backend in list(_loaded.values()):
        # A library sees into its own containers: an Equinox module is a tree to JAX, and one leaf to minijax.
        if _library_of_values(backend.tree_util.tree_leaves(tree)) == backend.name:
            return backend
    return get_backend()


class use_backend:
    """`use_backend("jax")` switches at once; as a context manager it puts the former choice back.

    The choice belongs to the running thread (to the running task, in asyncio). Raises ValueError for an unknown name
    and ImportError where the library is not installed.

    >>> with use_backend("minijax") as backend:
    ...     backend.name, get_backend().name
    ('minijax', 'minijax')
    """

    def __init__(self, name: str):
        self.backend = _load(_checked(name, "use_backend"))
        self._former = _chosen.get()
        _chosen.set(name)

    def __enter__(self) -> Backend:
        return self.backend

    def __exit__(self, *exc):
        _chosen.set(self._former)

    def __repr__(self) -> str:
        return f"use_backend({self.backend.name!r})"


def _chosen_name() -> str:
    name = _chosen.get()
    if name is not None:
        return name
    name = os.environ.get(ENVIRONMENT_VARIABLE)
    return _checked(name, f"the environment variable {ENVIRONMENT_VARIABLE}") if name else DEFAULT


def _checked(name: str, where: str) -> str:
    if name not in CHOICES:
        raise ValueError(f"{where}: there is no backend {name!r}; choose one of {', '.join(map(repr, CHOICES))}.")
    return name


# -- Whose array is it? ------------------------------------------------------------------------------------------------


def concrete(value: Any) -> numpy.ndarray | None:
    """The value as a NumPy array; None for a tracer, whose value is not known yet, and for None.

    Numbers and lists become floats of 64 bits, arrays keep their dtype.

    >>> concrete([1.0, 2.0])
    array([1., 2.])
    """
    library = _library_of_values([value])
    if value is None or (library is not None and isinstance(value, _load(library).core.Tracer)):
        return None
    return numpy.asarray(value)


def _library_of_values(values: Sequence[Any]) -> str | None:
    found = None
    for value in values:
        library = _library_of(value)
        if library is None or library == found:
            continue
        if found is not None:
            raise _mixed(values)
        found = library
    return found


def _library_of(value: Any) -> str | None:
    library = _library_of_type(type(value))
    if library is None and hasattr(value, "__array_namespace__"):
        library = _library_of_name(value.__array_namespace__().__name__)
    return library


@functools.cache
def _library_of_type(cls: type) -> str | None:
    return next(filter(None, (_library_of_name(base.__module__) for base in cls.__mro__)), None)


def _library_of_name(module_name: str) -> str | None:
    return _LIBRARY_OF_PACKAGE.get(module_name.partition(".")[0])


def _mixed(values: Sequence[Any]) -> TypeError:
    listed = ", ".join(f"{lib} {_describe(v)}" for v in values if (lib := _library_of(v)) is not None)
    return TypeError(
        f"kaf got arrays of both minijax and JAX ({listed}), and computes with one library at a time. "
        "Carry the ones over by way of NumPy: that_library.numpy.asarray(numpy.asarray(x))."
    )


def _describe(value: Any) -> str:
    return f"{getattr(value, 'dtype', type(value).__name__)}[{','.join(map(str, getattr(value, 'shape', ())))}]"


# -- Loading -----------------------------------------------------------------------------------------------------------


def _load(name: str) -> Backend:
    backend = _loaded.get(name)
    if backend is not None:
        return backend
    with _lock:
        if name not in _loaded:
            backend = _import_backend(name)
            for cls, data_fields, meta_fields in _dataclasses:
                _register(backend, cls, data_fields, meta_fields)
            _loaded[name] = backend
        return _loaded[name]


def _import_backend(name: str) -> Backend:
    try:
        library = importlib.import_module(name)
    except ModuleNotFoundError as e:
        if e.name != "jax":
            raise
        raise ImportError("kaf's backend 'jax' needs JAX, which is not installed: pip install 'minijax[jax]'") from e
    modules = {attribute: importlib.import_module(f"{name}.{module}") for attribute, module in _MODULES.items()}
    return Backend(name, library, **modules, **{function: getattr(library, function) for function in _FUNCTIONS})


def optional_module(name: str) -> ModuleType:
    """kaf's module of that name, one that needs a package which kaf itself does not: imported when it is asked for."""
    return importlib.import_module(f"{__package__}.{name}")


def load_imported_backends() -> None:
    """Load every backend that the program has imported itself, so that it knows kaf's classes as pytrees."""
    for name in CHOICES:
        if name not in _loaded and sys.modules.get(name) is not None:
            _load(name)


def register_dataclass(cls: type, data_fields: Sequence[str], meta_fields: Sequence[str]) -> type:
    """Make a dataclass a pytree of every backend, now or when that backend is loaded; returns the class.

    `data_fields` are its children; `meta_fields` are static: compared with ==, hashed, never traced.
    """
    with _lock:
        _dataclasses.append((cls, tuple(data_fields), tuple(meta_fields)))
        for backend in _loaded.values():
            _register(backend, *_dataclasses[-1])
    return cls


def _register(backend: Backend, cls: type, data_fields: Sequence[str], meta_fields: Sequence[str]) -> None:
    backend.tree_util.register_dataclass(cls, data_fields=list(data_fields), meta_fields=list(meta_fields))
