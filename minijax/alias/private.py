"""What minijax serves of `jax._src`. A library that asks for another of JAX's private names gets an error that names it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import Signature
from types import FrameType, ModuleType
from typing import Any, NamedTuple

from numpy import complex64, dtype, result_type

from ..api.callbacks import effects_barrier
from ..api.references import AbstractRef
from ..core.array import EvalTrace
from ..core.avals import ShapedArray
from ..core.traces import thread_state
from ..experimental import checkify
from ..foundation.dtypes import PRNGKeyDtype, TypePromotionError, extended, to_inexact_dtype
from ..foundation.pytree_nodes import node_registry
from ..foundation.source_info import PACKAGE_DIRECTORY
from ..numpy.flat_trees import ravel_pytree
from ..numpy.util import promote_dtypes, promote_dtypes_inexact
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


class _Entry(NamedTuple):
    """How values of a class are taken apart and put together, by JAX's names."""

    to_iter: Callable
    from_iter: Callable


class _Registry(Mapping):
    """The classes that are registered as pytrees."""

    def __getitem__(self, nodetype: type) -> _Entry:
        node = node_registry[nodetype]
        return _Entry(node.flatten, node.unflatten)

    def __iter__(self) -> Iterator[type]:
        return iter(node_registry)

    def __len__(self) -> int:
        return len(node_registry)


def _infer_argnums_and_argnames(sig: Signature, argnums: Any, argnames: Any) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Positions of arguments and their names, each by the other, as far as a signature tells."""
    names = [name for name, p in sig.parameters.items() if p.kind == p.POSITIONAL_OR_KEYWORD]
    places = {name: i for i, name in enumerate(sig.parameters)}
    nums = argnums if argnums is None or isinstance(argnums, Iterable) else (argnums,)
    texts = (argnames,) if isinstance(argnames, str) else argnames
    if nums is None and texts is None:
        return (), ()
    if nums is None:
        nums = [places[name] for name in names if name in texts]
    elif texts is None:
        texts = [name for name in names if places[name] in nums]
    return tuple(nums), tuple(texts)


def _promote_dtypes_complex(*args: Any) -> list:
    return promote_dtypes(*args, category=lambda dtype: result_type(to_inexact_dtype(dtype), complex64))


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
    "jax._src.tree_util": {
        "_registry": (
            _Registry(),
            "Flax, jaxlie",
            "asks whether a type is registered as a pytree, and takes values apart",
        )
    },
    "jax._src.api_util": {
        "infer_argnums_and_argnames": (_infer_argnums_and_argnames, "e3nn-jax", "finds arguments by place or by name")
    },
    "jax._src.numpy": {},
    "jax._src.numpy.util": {
        "promote_dtypes_inexact": (promote_dtypes_inexact, "orthax", "takes coefficients to one dtype"),
        "promote_dtypes_complex": (_promote_dtypes_complex, "s2fft", "takes coefficients to one dtype"),
    },
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
