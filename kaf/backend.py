"""The backend: which library computes, minijax or JAX, and what kaf uses of it. No other file of kaf names the two.

Both libraries have the same names, so a function of kaf is written once, with `get_backend(...).np` as its array library.
The backend is chosen by the arrays that are passed in, else by `use_backend`, else by the environment variable
`KAF_BACKEND`, else it is minijax. A library is imported when it is first needed, not before.
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
COMPILERS = ("numpy", "xla")  # the compilers of minijax; JAX has xla alone
DEFAULT = "minijax"
ENVIRONMENT_VARIABLE = "KAF_BACKEND"

# For annotations: an array of either backend. jaxtyping's Float[Array, "k"] adds the kind of its dtype and its shape.
Array = Any

# The library of a class, by the package of its module. JAX's arrays are defined in jaxlib, its tracers in jax.
_LIBRARY_OF_PACKAGE = {"minijax": "minijax", "jax": "jax", "jaxlib": "jax"}


@dataclass(frozen=True, eq=False)
class Backend:
    """The parts of a library that kaf uses. The attributes have JAX's names; `np` is its `numpy`, `library` the library itself."""

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
    extend: ModuleType
    ad: ModuleType
    batching: ModuleType
    mlir: ModuleType
    jet: ModuleType
    grad: Callable[..., Any]
    value_and_grad: Callable[..., Any]
    vmap: Callable[..., Any]
    jit: Callable[..., Any]
    jvp: Callable[..., Any]
    custom_jvp: Callable[..., Any]
    checkpoint: Callable[..., Any]
    hessian: Callable[..., Any]
    make_jaxpr: Callable[..., Any]
    block_until_ready: Callable[..., Any]
    default_backend: Callable[..., Any]

    def __repr__(self) -> str:
        return f"Backend({self.name!r})"

    @property
    def has_pallas(self) -> bool:
        """Whether `kaf.pallas` can compute with this backend."""
        return self.name == "jax"

    @property
    def has_numpy_programs(self) -> bool:
        """Whether a program may be compiled to NumPy, so that `register_lowering(..., platform="numpy")` exists."""
        return self.name == "minijax"

    def shares_arrays(self) -> bool:
        """Whether there are several devices, so that the rows of an array may be divided among them."""
        return self.name == "jax" and self.library.device_count() > 1

    def prefers_pallas(self) -> bool:
        """Whether the method "auto" is "pallas": on one GPU. jit does not divide a Pallas kernel among several devices."""
        return self.has_pallas and self.default_backend() == "gpu" and not self.shares_arrays()

    def varying_alike(self, arrays: Sequence[Any]) -> list[Any]:
        """The arrays of a `shard_map`, each marked as varying along every axis of the mesh along which one of them varies.

        JAX does so for the arguments of its own primitives. In reverse mode the mark sums the gradient of a shared array.
        """
        if self.name != "jax" or not any(isinstance(a, self.core.Tracer) for a in arrays):
            return list(arrays)
        axes = [_varying(self.library.typeof(a)) for a in arrays]
        union = frozenset().union(*axes)
        return [
            a if own == union else self.lax.pcast(a, tuple(union - own), to="varying")
            for a, own in zip(arrays, axes, strict=True)
        ]

    def prefers_formula(self, size: int) -> bool:
        """Whether the formula, which holds `size` values for each centre, is quicker than its evaluation by blocks.

        It is so for small arrays: each operation costs a microsecond or more, and the formula has fewer. The border is measured
        (`python benchmarks/kaf_evaluation.py --border`), and is about the same for 5, 20 and 50 centres.
        """
        return size <= (2048 if self.name == "minijax" else 512)

    def prefers_short_programs(self, size: int) -> bool:
        """Whether second derivatives of `size` values are computed one Gaussian after the other, in a program that is short.

        XLA takes as long to compile the program by blocks as to run it a hundred times. A network of width 64, with the Hessian by
        two inputs on 1,024 examples: 3.1 s by blocks, 1.65 s one after the other; a step takes 27 ms either way.
        """
        return self.compiles_loops() and size <= 1 << 16

    def members_at_once(self, members: int, size: int, problem: Any) -> int:
        """How many members of an ensemble vmap computes at once, each of `size` values; 0: it makes their axis one of units.

        On a CPU XLA takes up to twice as long to compute 8 members of 32,768 values as units, because it moves their axis. More
        members than fit into the cache are computed in turn.
        """
        on_one_cpu = self.compiles_loops() and self.on_cpu() and not self.shares_arrays()
        if not on_one_cpu or size < 1 << 14:
            return 0
        blocks = problem.layout.num_blocks if problem.layout else 1
        most = 1 if problem.scaled else (1 << 18) // (size * blocks)
        return next((m for m in range(min(members, most), 1, -1) if members % m == 0), 1)

    def on_cpu(self) -> bool:
        """Whether arrays are computed on a CPU."""
        return self.name == "minijax" or self.default_backend() == "cpu"

    def compiles_loops(self) -> bool:
        """Whether several elementwise operations are compiled to one loop. XLA does that, NumPy does not."""
        return self.name == "jax"

    def chunk_size(self, size: int, blocks: int, in_branch: bool = False) -> int:
        """How many of `size` float32 values to compute at a time, if there are `blocks` blocks of centres.

        On a CPU a chunk and the arrays that are computed from it for each block should stay in the cache; the numbers are
        measured. A GPU computes all values at once. in_branch: whether the program may take another branch when it runs. XLA
        keeps the memory of every branch, so that of each should be small beside x.
        """
        if self.name == "jax" and self.default_backend() == "gpu":
            return size
        if in_branch and self.name == "jax" and not self.shares_arrays():
            return 16384
        # A loop takes XLA 1.5 times as long, so arrays of this size are computed without one.
        if self.name == "jax" and size * blocks <= 1 << 18 and not self.shares_arrays():
            return size
        # If several devices may share x, JAX derives the transpose (see `gridded._by_hand`), which needs more memory per value.
        return 32768 if self.shares_arrays() else 65536

    def padding(self, columns: int) -> int:
        """How many columns to append to a matrix whose rows a program reads at the same time, one for each centre.

        The first-level cache of a CPU keeps few lines whose addresses differ by multiples of 4 KiB. The 20 rows of 1,024
        coefficients evict one another, and XLA takes 1.6 times as long as for rows of 1,040.
        """
        on_one_cpu = self.compiles_loops() and self.on_cpu() and not self.shares_arrays()
        return 16 if on_one_cpu and columns % 512 == 0 and columns else 0

    def row_size(self) -> int:
        """How many elements a row of coefficients should have at least, when it is added to every row of an array.

        NumPy has a buffer of 8192 elements. It copies a shorter row into the buffer again and again, which takes twice the
        time. XLA does not copy.
        """
        return 8192 if self.name == "minijax" else 1


_MODULES = {
    **{"np": "numpy", "extend": "extend.core", "jet": "experimental.jet"},
    **{module: module for module in ("random", "nn", "lax", "tree_util", "tree", "custom_derivatives", "core")},
    **{module: f"interpreters.{module}" for module in ("ad", "batching", "mlir")},
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
    """The backend of `arrays`, or the chosen backend if they belong to neither library (NumPy arrays, numbers).

    Raises TypeError if there are arrays of both libraries, and the errors of `use_backend`.

    >>> get_backend().name in CHOICES
    True
    """
    return _load(_library_of_values(arrays) or _chosen_name())


def named_backend(name: str) -> Backend:
    """The backend with this name, whichever is chosen. Raises the errors of `use_backend`.

    >>> named_backend("minijax")
    Backend('minijax')
    """
    return _load(_checked(name, "named_backend"))


def get_tree_backend(tree: Any) -> Backend:
    """The backend of the leaves of a pytree, such as a model or its gradient; see `get_backend`."""
    load_imported_backends()
    for backend in list(_loaded.values()):
        # Each library finds the leaves of its own containers only: an Equinox module is a tree to JAX, but a leaf to minijax.
        if _library_of_values(backend.tree_util.tree_leaves(tree)) == backend.name:
            return backend
    return get_backend()


class use_backend:
    """Choose the backend: `use_backend("jax")` takes effect at once. As a context manager it restores the former choice.

    The choice holds for the running thread, or the running task of asyncio. Raises ValueError for an unknown name, and
    ImportError if the library is not installed.

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

    Python numbers and lists get NumPy's default dtypes, so floats are float64. Arrays keep their dtype.

    >>> concrete([1.0, 2.0])
    array([1., 2.])
    """
    library = _library_of_values([value])
    if value is None or (library is not None and isinstance(value, _load(library).core.Tracer)):
        return None
    return numpy.asarray(value)


def _varying(aval: Any) -> frozenset:
    """The axes of a mesh along which an array of JAX's varies; its type says so by one of two names."""
    kind = getattr(aval, "manual_axis_type", None)
    return getattr(aval, "vma", frozenset()) if kind is None else kind.varying


def _library_of_values(values: Sequence[Any]) -> str | None:
    found = None
    for value in values:
        library = library_of(value)
        if library is None or library == found:
            continue
        if found is not None:
            raise _mixed(values)
        found = library
    return found


def library_of(value: Any) -> str | None:
    library = _library_of_type(type(value))
    if library is None and hasattr(value, "__array_namespace__"):
        library = _library_of_name(value.__array_namespace__().__name__)
    return library


@functools.cache
def _library_of_type(cls: type) -> str | None:
    if any(cls is layer for layer, _, _ in _dataclasses):
        # optax.multi_transform(transforms, labels) calls labels that are callable, and a tree of labels made of a model is.
        raise TypeError(
            f"kaf: a {cls.__name__} was given where an array is needed. If optax called it as a function: give optax the tree "
            "in a function, lambda params: labels."
        )
    return next(filter(None, (_library_of_name(base.__module__) for base in cls.__mro__)), None)


def _library_of_name(module_name: str) -> str | None:
    return _LIBRARY_OF_PACKAGE.get(module_name.partition(".")[0])


def _mixed(values: Sequence[Any]) -> TypeError:
    listed = ", ".join(f"{lib} {_describe(v)}" for v in values if (lib := library_of(v)) is not None)
    return TypeError(
        f"kaf got arrays of both minijax and JAX ({listed}), but computes with one library at a time. "
        "Convert the arrays of one library through NumPy: other_library.numpy.asarray(numpy.asarray(x))."
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
    """The module `kaf.<name>`, imported now. For modules that need a package which kaf itself does not need."""
    return importlib.import_module(f"{__package__}.{name}")


def load_imported_backends() -> None:
    """Load every backend whose library the program has imported, so that kaf's classes are pytrees of that library."""
    for name in CHOICES:
        if name not in _loaded and sys.modules.get(name) is not None:
            _load(name)


def register_dataclass(cls: type, data_fields: Sequence[str], meta_fields: Sequence[str]) -> type:
    """Make a dataclass a pytree of every backend, now or when the backend is loaded. Returns the class.

    `data_fields` are the children. `meta_fields` are static: compared with ==, hashed, never traced.
    """
    with _lock:
        _dataclasses.append((cls, tuple(data_fields), tuple(meta_fields)))
        for backend in _loaded.values():
            _register(backend, *_dataclasses[-1])
    return cls


def _register(backend: Backend, cls: type, data_fields: Sequence[str], meta_fields: Sequence[str]) -> None:
    backend.tree_util.register_dataclass(cls, data_fields=list(data_fields), meta_fields=list(meta_fields))
