"""`check_same`: one function on minijax and on JAX, under every transformation. JAX is imported when a check runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from ..alias import as_jax
from ..alias.routing import JAX
from .capture import BadInput, split_target
from .outline import outline
from .watching import load

# The greatest difference of two values, relative to the largest: two libraries add float32 numbers in different orders.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Difference:
    """What was found of one way to run the function. text: "" if both libraries give the same.

    >>> Difference('grad', 'result 0 is off by 0.33 of the largest')
    Difference(way='grad', text='result 0 is off by 0.33 of the largest')
    """

    way: str
    text: str


@dataclass(frozen=True)
class Comparison:
    """What `check_same` found: one `Difference` for each way to run the function.

    >>> Comparison((Difference('value', ''), Difference('grad', 'result 0 is off by 0.33 of the largest')))
    value: the same
    grad: result 0 is off by 0.33 of the largest
    """

    findings: tuple[Difference, ...]

    def __str__(self) -> str:
        return "\n".join(f"{f.way}: {f.text or 'the same'}" for f in self.findings)

    __repr__ = __str__


def check_same(f: str | Callable[[Any], Callable[..., Any]], *args: Any, tolerance: float = TOLERANCE) -> Comparison:
    """Run a function on minijax and on the installed JAX; raise AssertionError where they differ, with what and by how much.

    f: `'file.py:f'`, a file that says `import jax`, loaded once for each library; or `lambda jax: ...`, which returns the function
    for a library: a function that exists already holds one library's `jnp`. args: numbers, NumPy arrays and trees of these.

    The ways are the value, `jit`, `grad` of the sum of the real results, `jvp`, `vmap` and the jaxpr. Compared are trees, shapes,
    dtypes, weak types, values (tolerance: relative to the largest), the text of jaxprs with nested jits inlined, and the classes
    of errors. `grad` and `jvp` are left out without an argument that is real.

    Raises ImportError without JAX, RuntimeError within `as_jax()`, and BadInput for a file that does not say `import jax`.

    >>> check_same(lambda jax: lambda x: jax.numpy.sin(x) * x, 2.0)
    value: the same
    jit: the same
    grad: the same
    jvp: the same
    vmap: the same
    jaxpr: the same
    """
    theirs = import_module("jax")
    if theirs is JAX:
        raise RuntimeError("check_same compares with real JAX: call it outside of minijax.as_jax().")
    with as_jax():
        ours = _answers(JAX, _function(f, JAX), args)
    others = _answers(theirs, _function(f, theirs), args)
    compared = Comparison(
        tuple(Difference(way, _difference(ours[way], others[way], tolerance)) for way in ours if way in others)
    )
    if any(finding.text for finding in compared.findings):
        raise AssertionError(str(compared))
    return compared


def _function(f: str | Callable[[Any], Callable[..., Any]], jax: ModuleType) -> Callable[..., Any]:
    if not isinstance(f, str):
        return f(jax)
    file, name = split_target(f)
    found, names = load(file, name, ())
    if not callable(found):
        raise BadInput(f"{file} has no function {name}")
    if not any(value is jax or _of(value, jax) for value in names.values()):
        raise BadInput(f"{file} does not say `import jax` at its top, so that it is no program of both libraries")
    return found


def _of(value: Any, jax: ModuleType) -> bool:
    """Whether a name of a file comes from that library."""
    module = value.__name__ if isinstance(value, ModuleType) else str(getattr(value, "__module__", ""))
    return module.partition(".")[0] == ("minijax" if jax is JAX else "jax")


# ---------------------------------------------------------------------------------------------------------------------
# One library


def _answers(jax: ModuleType, f: Callable[..., Any], args: tuple) -> dict[str, Any]:
    """{way: what the function gives that way}: (text of the tree, leaves), lines of a jaxpr, or an error."""
    leaves, tree = jax.tree_util.tree_flatten(args)
    # NumPy's own operators would compute with NumPy's arrays.
    leaves = [jax.numpy.asarray(x) if isinstance(x, (np.ndarray, np.generic)) else x for x in leaves]
    args = jax.tree_util.tree_unflatten(tree, leaves)
    real = [i for i, x in enumerate(leaves) if jax.numpy.issubdtype(jax.numpy.result_type(x), np.floating)]

    def of_real(*values):
        filled = list(leaves)
        for i, x in zip(real, values):
            filled[i] = x
        return f(*jax.tree_util.tree_unflatten(tree, filled))

    def summed(*values):
        results = map(jax.numpy.asarray, jax.tree_util.tree_leaves(of_real(*values)))
        return sum(jax.numpy.sum(x) for x in results if jax.numpy.issubdtype(x.dtype, np.floating))

    primals = [leaves[i] for i in real]
    # The tangent of a Python number is one, too: its type is weak.
    tangents = [
        0.5 if isinstance(x, float) else np.cos(np.arange(x.size)).reshape(x.shape).astype(x.dtype) for x in primals
    ]
    twice = [jax.numpy.stack([jax.numpy.asarray(x)] * 2) for x in leaves]
    ways: dict[str, Callable[[], Any]] = {
        "value": lambda: f(*args),
        "jit": lambda: jax.jit(f)(*args),
        "grad": lambda: jax.grad(summed, tuple(range(len(real))))(*primals),
        "jvp": lambda: jax.jvp(of_real, primals, tangents),
        "vmap": lambda: jax.vmap(f)(*jax.tree_util.tree_unflatten(tree, twice)),
        "jaxpr": lambda: outline(jax.make_jaxpr(f)(*args)),
    }
    if not real:
        del ways["grad"], ways["jvp"]
    return {way: _answer(jax, way, compute) for way, compute in ways.items()}


def _answer(jax: ModuleType, way: str, compute: Callable[[], Any]) -> Any:
    try:
        found = compute()
    except Exception as error:
        return error
    if way == "jaxpr":
        return found
    leaves, tree = jax.tree_util.tree_flatten(found)
    # The tangent of an integer is NumPy's array of no bytes (float0).
    arrays = [x if getattr(x, "dtype", None) == jax.dtypes.float0 else jax.numpy.asarray(x) for x in leaves]
    return str(tree), [(np.asarray(x), getattr(x, "weak_type", False)) for x in arrays]


# ---------------------------------------------------------------------------------------------------------------------
# Both


def _difference(ours: Any, theirs: Any, tolerance: float) -> str:
    """How the answers differ; "" if they do not."""
    if isinstance(ours, Exception) or isinstance(theirs, Exception):
        a, b = (f"raises {_text(x)}" if isinstance(x, Exception) else "returns" for x in (ours, theirs))
        same = type(ours).__name__ == type(theirs).__name__
        return "" if same else f"minijax {a}, JAX {b}"
    if isinstance(ours, list):
        lines = [(a, b) for a, b in zip([*ours, "nothing"], [*theirs, "nothing"]) if a != b]
        return f"minijax has `{lines[0][0].strip()}`, JAX `{lines[0][1].strip()}`" if lines else ""
    (tree, arrays), (their_tree, their_arrays) = ours, theirs
    if tree != their_tree:
        return f"minijax returns {tree}, JAX {their_tree}"
    for i, ((a, weak), (b, their_weak)) in enumerate(zip(arrays, their_arrays)):
        what, theirs_is = (f"{x.dtype}{list(x.shape)}{' weak' if w else ''}" for x, w in ((a, weak), (b, their_weak)))
        if what != theirs_is:
            return f"result {i} is {what} on minijax, {theirs_is} on JAX"
        apart = _apart(a, b)
        if apart > tolerance:
            return f"result {i} is off by {apart:.2g} of the largest"
    return ""


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    if a.dtype.names:  # float0: no bytes
        return 0.0
    if a.dtype.kind not in "biufc":  # bfloat16 and the like
        a, b = a.astype(np.float32), b.astype(np.float32)
    kind = np.complex128 if a.dtype.kind == "c" else np.float64
    a, b = a.astype(kind), b.astype(kind)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, abs(a - b) / (abs(b).max(initial=0.0, where=np.isfinite(b)) or 1.0))
    return float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))
