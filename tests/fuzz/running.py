"""Run a program's text in one library and one mode, and keep all that can be seen of what came out."""

from __future__ import annotations

import builtins
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import jax
import jax.extend
import numpy as np

import minijax

LIBRARIES = {"minijax": minijax, "jax": jax}


@dataclass
class Leaf:
    """One leaf of a result. `value` is an array; of a leaf that is no array, its text."""

    value: Any
    shape: tuple = ()
    dtype: str = ""
    weak: bool = False

    # Of Python's or NumPy's numbers, and of the classes that JAX has for these: the dtype of the array that they become.
    canonical: str = ""


@dataclass
class Outcome:
    """What running a program gave: leaves and their tree, or an error."""

    tree: str = ""
    leaves: list[Leaf] = field(default_factory=list)
    error: BaseException | None = None
    jaxpr: Any = None

    @property
    def error_class(self) -> str:
        """The nearest class that both libraries have: Python's own, or one of jax.errors."""
        names = [c.__name__ for c in type(self.error).__mro__]
        return next(n for n in names if hasattr(jax.errors, n) or hasattr(builtins, n))


def load(source: str, library: str) -> ModuleType:
    """The program as a module, with `library` wherever it says minijax."""
    module = ModuleType("program")
    exec(compile(source.replace("minijax", library), "<program>", "exec"), module.__dict__)
    return module


@contextmanager
def quiet(lib, x64: bool):
    with lib.enable_x64(x64), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def name_of(dtype) -> str:
    """Tangents of integers have the structured dtype float0."""
    return "float0" if getattr(dtype, "names", None) else str(dtype)


def leaf(lib, x) -> Leaf:
    if isinstance(x, lib.Array):
        if lib.dtypes.issubdtype(x.dtype, lib.dtypes.prng_key):
            return Leaf(np.asarray(lib.random.key_data(x)), x.shape, str(x.dtype), False)
        return Leaf(np.asarray(x), x.shape, str(x.dtype), bool(x.weak_type))
    if isinstance(x, (np.ndarray, np.generic)) or type(x).__name__ == "TypedNdArray":
        # Tangents of integers, of dtype float0, are NumPy's in both libraries.
        if name_of(x.dtype) == "float0":
            return Leaf(np.asarray(x), x.shape, "float0")
        return Leaf(np.asarray(x), x.shape, f"NumPy {x.dtype}", canonical=str(lib.dtypes.canonicalize_dtype(x.dtype)))
    if isinstance(x, (bool, int, float, complex)):
        kind = next(t.__name__ for t in (bool, int, float, complex) if isinstance(x, t))
        return Leaf(
            np.asarray(x),
            (),
            f"Python's {kind}",
            canonical=str(lib.dtypes.canonicalize_dtype(type(np.asarray(x).item()))),
        )
    return Leaf(f"{getattr(x, '__name__', x)}".replace("minijax", "jax"), (), type(x).__name__)


def outcome(lib, program: Callable, args) -> Outcome:
    try:
        result = program(*args)
        leaves, tree = lib.tree.flatten(result)
        return Outcome(str(tree), [leaf(lib, x) for x in leaves])
    except Exception as error:
        return Outcome(error=error.with_traceback(None))


def traced(lib, program: Callable, args) -> Outcome:
    """The jaxpr of a program, and the types of its results."""
    try:
        closed, types = lib.make_jaxpr(program, return_shape=True)(*args)
        leaves, tree = lib.tree.flatten(types)
        shapes = [Leaf(None, t.shape, name_of(t.dtype), bool(getattr(t, "weak_type", False))) for t in leaves]
        return Outcome(str(tree), shapes, jaxpr=closed)
    except Exception as error:
        return Outcome(error=error.with_traceback(None))


def modes(lib, program: Callable) -> dict[str, Callable]:
    out = {"eager": lambda *args: outcome(lib, program, args), "traced": lambda *args: traced(lib, program, args)}
    if lib is minijax:
        jitted = {"numpy": minijax.jit(program), "xla": minijax.jit(program, compiler="xla")}
        # The second call is one that is recognised.
        out["numpy"] = lambda *args: (outcome(lib, jitted["numpy"], args), outcome(lib, jitted["numpy"], args))[1]
        out["xla"] = lambda *args: outcome(lib, jitted["xla"], args)
    else:
        out["jit"] = lambda *args: outcome(lib, jax.jit(program), args)
    return out


def run(source: str, library: str, only) -> dict[str, Outcome]:
    """{mode: outcome}: eager, traced, and jitted: "numpy" and "xla" in minijax, "jit" in JAX."""
    lib = LIBRARIES[library]
    module = load(source, library)
    with quiet(lib, module.x64):
        try:
            args = module.arguments()
        except Exception as error:
            return dict.fromkeys(only, Outcome(error=error.with_traceback(None)))
        return {mode: f(*args) for mode, f in modes(lib, module.program).items() if mode in only}
