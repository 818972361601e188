"""The badges that compare with the installed JAX: it runs the same file in a process of its own."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..alias.children import CHILD
from ..core.array import ArrayImpl, to_array
from ..core.jaxpr import ClosedJaxpr
from ..foundation.dtypes import key_fry
from ..foundation.pytrees import tree_unflatten
from .model import Badge
from .outline import outline
from .running import NotRun, run
from .traced import Traced

NAMES = ("values = JAX's", "jaxpr = JAX's")
SECONDS = 60
# Values of float32 differ by the order of sums.
TOLERANCE = 1e-4


def _as_numpy(x: ArrayImpl) -> Any:
    """A sample for the other process: a Python number where the type is weak."""
    if x.dtype == key_fry:
        raise NotRun("an argument is a random key")
    return x._value.item() if x.weak_type and not x.shape else np.asarray(x._value)


def jax_badges(traced: Traced, job: dict) -> list[Badge]:
    """Two badges: values and jaxpr are those of JAX. Skipped, with the reason, where JAX cannot run the function.

    job: how the other process finds the function and its arguments, which are of the classes that the script defines there. The
    arrays among their leaves come from here.
    """
    names = NAMES
    if find_spec("jax") is None:
        return [Badge(name, "skipped", "JAX is not installed") for name in names]
    try:
        samples = traced.samples()
        arrays = [_as_numpy(x) for x in samples]
        given = {"arrays": arrays, "places": traced.places, "count": len(traced.leaves), "unwrap": traced.unwrapped}
        if "module" in job:
            given["arguments"] = tree_unflatten(traced.tree, traced.filled(arrays))
        answer = _ask(pickle.dumps(job | given))
        ours = [np.asarray(to_array(x)._value) for x in run(traced.jaxpr, samples)]
    except Exception as error:
        return [Badge(name, "skipped", f"{type(error).__name__}: {error}".splitlines()[0]) for name in names]
    if "error" in answer:
        return [Badge(name, "skipped", f"on JAX: {answer['error']}") for name in names]
    version = f"of JAX {answer['version']}"
    return [
        _values(names[0], ours, answer["values"], version),
        _jaxpr(names[1], traced.jaxpr, answer["outline"], version),
    ]


def badges_of_function(traced: Traced) -> list[Badge]:
    """The two badges of a function that another process finds by its name: one at the top of a module."""
    name, module = getattr(traced.fun, "__qualname__", traced.name), getattr(traced.fun, "__module__", None)
    file = getattr(sys.modules.get(str(module)), "__file__", None)
    found: Any = sys.modules.get(str(module))
    for part in name.split("."):
        found = getattr(found, part, None)
    if getattr(found, "__wrapped__" if traced.unwrapped else "__call__", None) is None or file is None:
        detail = f"{name} is not at the top of a module, where a process with JAX would find it"
        return [Badge(badge, "skipped", detail) for badge in NAMES]
    return jax_badges(traced, {"file": file, "name": name, "module": module, "path": sys.path})


def _ask(job: bytes) -> dict:
    """The answer of the process. Its folder is not searched for modules: `html.py` is Python's there."""
    script = str(Path(__file__).with_name("on_jax.py"))
    # Under `as_jax()` processes import minijax as jax; this one compares with real JAX.
    environment = {**os.environ, CHILD: ""}
    result = subprocess.run(
        [sys.executable, "-P", script], input=job, capture_output=True, timeout=SECONDS, env=environment
    )
    lines = result.stdout.decode(errors="replace").strip().splitlines()
    if result.returncode or not lines:
        last = result.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise RuntimeError(f"the process with JAX failed: {' '.join(last)}")
    return json.loads(lines[-1])


def _values(name: str, ours: list[np.ndarray], theirs: list, version: str) -> Badge:
    if len(ours) != len(theirs):
        return Badge(name, "bad", f"{len(ours)} results, {len(theirs)} {version}")
    furthest = 0.0
    for a, (real, imaginary) in zip(ours, theirs):
        b = np.asarray(real) + 1j * np.asarray(imaginary)
        if a.shape != b.shape:
            return Badge(name, "bad", f"a result of shape {a.shape}, {b.shape} {version}")
        a = np.asarray(a.astype(np.float64) if a.dtype.kind in "biuV" else a)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        with np.errstate(invalid="ignore"):
            apart = np.where(same, 0.0, abs(a - b) / (abs(b).max(initial=0.0, where=np.isfinite(b)) or 1.0))
        furthest = max(furthest, float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0)))
    return Badge(name, "good" if furthest <= TOLERANCE else "bad", f"at most {furthest:.1e} from those {version}")


def _jaxpr(name: str, closed_jaxpr: ClosedJaxpr, theirs: list[str], version: str) -> Badge:
    ours = outline(closed_jaxpr)
    if ours == theirs:
        return Badge(name, "good", f"{len(ours) - 1} lines of equations, as {version}, jits inlined")
    first = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
    a, b = (lines[first] if first < len(lines) else "nothing" for lines in (ours, theirs))
    return Badge(name, "bad", f"line {first + 1} is `{a.strip()}`, and `{b.strip()}` {version}")
