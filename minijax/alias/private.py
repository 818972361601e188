"""What minijax serves of `jax._src`. A library that asks for another of JAX's private names gets an error that names it."""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any

from numpy import dtype

from ..api.callbacks import effects_barrier
from ..api.references import AbstractRef
from ..core.array import EvalTrace
from ..core.avals import ShapedArray
from ..core.traces import thread_state
from ..experimental import checkify
from ..foundation.dtypes import PRNGKeyDtype, TypePromotionError, extended
from ..foundation.pytree_nodes import node_registry
from ..foundation.source_info import PACKAGE_DIRECTORY
from ..numpy.flat_trees import ravel_pytree
from ..primitives.elementwise import stop_gradient_p

TABLE = "minijax/alias/private.py"


def _register_exclusion(path: str) -> None:
    """JAX hides the frames of such a file in tracebacks. minijax hides its own frames only, so there is nothing to note."""


def _is_users(frame: FrameType) -> bool:
    """Whether a frame is the user's: no frame of minijax."""
    return not frame.f_code.co_filename.startswith(PACKAGE_DIRECTORY)


def _nothing_is_traced() -> bool:
    """Whether no transformation is running."""
    return isinstance(thread_state.trace, EvalTrace)


def _api_boundary(function: Callable, **names: str) -> Callable:
    """JAX hides the frames of what such a function calls. minijax hides its own frames only, so the function stays as it is."""
    return function


# {module: {name: (value, the library that asks for it, why)}}
SERVED: dict[str, dict[str, tuple[Any, str, str]]] = {
    "jax._src.traceback_util": {
        "register_exclusion": (_register_exclusion, "Equinox", "hides its frames in tracebacks"),
        "include_frame": (_is_users, "Equinox", "shows the user's frames in an error"),
        "api_boundary": (_api_boundary, "dm-haiku, Flax", "hides its frames in tracebacks"),
    },
    "jax._src.ad_util": {
        "stop_gradient_p": (stop_gradient_p, "lineax", "finds what a linear solve's derivative may not pass")
    },
    "jax._src.core": {
        "ShapedArray": (ShapedArray, "Flax", "names it in annotations of a dtype of its own"),
        "trace_state_clean": (
            _nothing_is_traced,
            "numpyro",
            "keeps what it has compiled only outside of transformations",
        ),
    },
    "jax._src.flatten_util": {"ravel_pytree": (ravel_pytree, "blackjax", "imports it from there")},
    "jax._src.dtypes": {
        **{
            name: (value, "Flax", "declares a dtype of its own, of 8-bit training, which minijax's functions refuse")
            for name, value in (("extended", extended), ("ExtendedDType", PRNGKeyDtype), ("DType", dtype))
        },
        "TypePromotionError": (
            TypePromotionError,
            "Equinox",
            "catches it where an embedding gets an index of another dtype",
        ),
    },
    # chex replaces a function of it while `restrict_backends` runs, which then says that the function is not there.
    "jax._src.compiler": {},
    "jax._src.xla_bridge": {
        "_backends": (
            {},
            "chex",
            "asks whether the devices are counted already: minijax counts them whenever it is asked",
        )
    },
    "jax._src.checkify": {
        "Out": (Any, "Flax", "names it in annotations"),
        **{
            name: (getattr(checkify, name), "Flax", "names it, or calls it, in `nnx.checkify`")
            for name in ("Error", "JaxException", "checkify", "user_checks")
        },
    },
    "jax._src.state": {},
    "jax._src.state.types": {
        "AbstractRef": (AbstractRef, "Flax", "asks whether a value is a mutable reference, which no value is")
    },
    "jax._src.tree_util": {"_registry": (node_registry, "Flax", "asks whether a type is registered as a pytree")},
    "jax._src.dispatch": {
        "wait_for_tokens": (effects_barrier, "Equinox", "waits for effects before it looks for errors"),
    },
}


class Private(ModuleType):
    """A module of `jax._src` with the names of the table."""

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        raise AttributeError(missing(f"{self.__name__}.{name}"))


def missing(name: str) -> str:
    return f"minijax has no {name}: it serves of jax._src what the table in {TABLE} lists, and that name is not in the table."


def private(name: str) -> ModuleType:
    """The module of that name. Raises ImportError if the table has none."""
    if name not in _MODULES:
        raise ModuleNotFoundError(missing(name), name=name)
    return _MODULES[name]


def _made() -> dict[str, ModuleType]:
    modules: dict[str, ModuleType] = {"jax._src": Private("jax._src")}
    # Python looks for submodules of what has a `__path__` only.
    modules["jax._src"].__path__ = []
    for name, names in SERVED.items():
        modules[name] = Private(name)
        vars(modules[name]).update({key: value for key, (value, _, _) in names.items()})
        parent, _, own = name.rpartition(".")
        setattr(modules[parent], own, modules[name])
    return modules


_MODULES = _made()
