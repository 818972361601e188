"""Run a program in every mode of minijax and in JAX, and list what disagrees.

Values agree if they differ by no more than a few roundings of their dtype. Where rounding is magnified on the way, minijax
must be about as near to JAX's result in 64 bits as JAX is; or JAX's value must lie among those that minijax gives if every
operation's result is moved by a rounding.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import NamedTuple

import jax
import numpy as np

import minijax
from minijax.core import array as core_array
from tests.fuzz import rows, texts
from tests.fuzz.running import Leaf, Outcome, load, outcome, quiet, run

# Roundings of the result's dtype, by its size: a value in 16 bits is computed from 32 bits, once or at each step.
ROUNDINGS = 16


class Disagreement(NamedTuple):
    """`mode` of minijax, `what` disagrees, and how; `error` is the class of the error, if only one library raises."""

    mode: str
    what: str
    detail: str = ""
    error: str = ""

    @property
    def kind(self) -> tuple[str, str, str]:
        return self.mode, self.what, self.error

    def __str__(self):
        return f"{self.mode}: {self.what}: {self.detail}"


def precision(dtype: np.dtype) -> float:
    return float(jax.numpy.finfo(dtype).eps)


def is_inexact(dtype) -> bool:
    return jax.dtypes.issubdtype(dtype, np.inexact)


def without_subnormals(x: np.ndarray) -> np.ndarray:
    """XLA takes subnormal numbers for zero, minijax does not."""
    if x.dtype.kind == "c":
        parts = without_subnormals(x.real), without_subnormals(x.imag)
        out = np.empty_like(x)
        out.real, out.imag = parts
        return out
    tiny = float(jax.numpy.finfo(x.dtype).tiny)
    return np.where(np.abs(x) < tiny, np.copysign(np.zeros_like(x), x), x)


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Element by element; 0 where both are NaN or the same infinity, inf where one is."""
    with np.errstate(all="ignore"):
        a, b = a.astype(np.complex128), b.astype(np.complex128)
        parts = []
        for p, q in ((a.real, b.real), (a.imag, b.imag)):
            same = (p == q) | (np.isnan(p) & np.isnan(q))
            parts.append(np.where(same, 0.0, np.where(np.isfinite(p) & np.isfinite(q), np.abs(p - q), np.inf)))
        return np.hypot(*parts)


def allowed(b: np.ndarray) -> np.ndarray:
    """How far from `b` a result may lie: some roundings of each element, and one of the leaf's largest."""
    with np.errstate(all="ignore"):
        size = np.abs(b.astype(np.complex128))
        size = np.where(np.isfinite(size), size, 0.0)
        return precision(b.dtype) * (ROUNDINGS * size + np.max(size, initial=0.0))


def same_values(a: np.ndarray, b: np.ndarray) -> bool:
    if not is_inexact(b.dtype):
        return np.array_equal(a, b)
    a, b = without_subnormals(a), without_subnormals(b)
    return bool(np.all(distance(a, b) <= allowed(b)))


def same_signs(a: np.ndarray, b: np.ndarray) -> bool:
    """Zeros have equal signs."""
    if not is_inexact(b.dtype):
        return True
    parts = [(a.real, b.real), (a.imag, b.imag)] if b.dtype.kind == "c" else [(a, b)]
    return all(np.array_equal(np.signbit(p)[(p == 0) & (q == 0)], np.signbit(q)[(p == 0) & (q == 0)]) for p, q in parts)


# ---------------------------------------------------------------------------------------------------------------------
# Programs that magnify rounding


def in_64_bits(source: str) -> str:
    """The program with 64 bits in place of 32 and 16."""
    wide = re.sub(r"\b(float32|float16|bfloat16)\b", "float64", source)
    return re.sub(r"^x64 = False", "x64 = True", re.sub(r"\bcomplex64\b", "complex128", wide), flags=re.M)


@contextmanager
def moved_by_roundings(rng: np.random.Generator):
    """Within it, each floating-point result of an operation of minijax is moved by a rounding or two, or is not."""
    evaluate = core_array.evaluate

    def moved(x):
        if not isinstance(x, core_array.ArrayImpl) or not is_inexact(x.dtype):
            return x
        value = np.asarray(x)
        step = 1 + precision(value.dtype) * rng.integers(-2, 3, value.shape)
        return core_array.wrap_result(np.asarray(value * step, value.dtype), x.aval)

    def evaluate_and_move(primitive, args, params):
        out = evaluate(primitive, args, params)
        return [moved(x) for x in out] if primitive.multiple_results else moved(out)

    fast = minijax.config.minijax_fast
    minijax.config.update("minijax_fast", False)
    core_array.evaluate = evaluate_and_move
    try:
        with minijax.disable_jit():
            yield
    finally:
        core_array.evaluate = evaluate
        minijax.config.update("minijax_fast", fast)


class Conditioning:
    """The results of a program in 64 bits, and how far rounding moves them. Both are computed when they are first asked for."""

    def __init__(self, source: str):
        self.source = source
        self._wide: Outcome | None = None
        self._moved: list[Outcome] | None = None

    def wide(self, i: int) -> np.ndarray | None:
        if self._wide is None:
            self._wide = run(in_64_bits(self.source), "jax", ("eager",))["eager"]
        if self._wide.error is not None or i >= len(self._wide.leaves):
            return None
        value = self._wide.leaves[i].value
        return value if isinstance(value, np.ndarray) else None

    def moved(self, i: int) -> list[np.ndarray]:
        if self._moved is None:
            module = load(self.source, "minijax")
            self._moved = []
            for seed in range(12):
                with quiet(minijax, module.x64):
                    args = module.arguments()
                    with moved_by_roundings(np.random.default_rng(seed)):
                        self._moved.append(outcome(minijax, module.program, args))
        return [o.leaves[i].value for o in self._moved if o.error is None and i < len(o.leaves)]

    def explains(self, i: int, a: np.ndarray, b: np.ndarray) -> bool:
        """Whether minijax's `a` is as good a result `i` as JAX's `b`."""
        wide = self.wide(i)
        if wide is not None and wide.shape == a.shape and is_inexact(b.dtype):
            if np.all(distance(a, wide) <= 4 * distance(b, wide) + allowed(b)):
                return True
        values = [v for v in self.moved(i) if v.shape == a.shape and v.dtype == a.dtype]
        if not values:
            return False
        if not is_inexact(b.dtype):
            low, high = (f(values, axis=0).astype(float) for f in (np.min, np.max))
            room = high - low
            return all(bool(np.all((low - room <= x) & (x <= high + room))) for x in (a, b))
        # Measured among the moved results alone: what a compiler gives is no measure of itself.
        spread = np.max([distance(v, values[0]) for v in values], axis=0)
        return all(bool(np.all(distance(x, values[0]) <= 4 * spread + allowed(b))) for x in (a, b))


# ---------------------------------------------------------------------------------------------------------------------


def compared_errors(mode: str, mine: Outcome, theirs: Outcome) -> list[Disagreement]:
    if theirs.error is None:
        return [Disagreement(mode, "refused", f"minijax raises {mine.error!r}, JAX does not"[:900], mine.error_class)]
    if mine.error is None:
        return [Disagreement(mode, "accepted", f"JAX raises {theirs.error!r}"[:600], theirs.error_class)]
    if mine.error_class != theirs.error_class:
        classes = f"{mine.error_class} for {theirs.error_class}"
        return [Disagreement(mode, "error class", f"{mine.error!r} for JAX's {theirs.error!r}"[:900], classes)]
    return []


def compared_leaf(mode: str, i: int, mine: Leaf, theirs: Leaf, conditioning: Conditioning) -> list[Disagreement]:
    if theirs.canonical and not mine.canonical and mine.value is not None:
        same = mine.dtype == theirs.canonical and same_values(mine.value, np.asarray(theirs.value, mine.value.dtype))
        return [Disagreement(mode, "class" if same else "dtype", f"result {i}: {mine.dtype}, in JAX {theirs.dtype}")]
    for what in ("dtype", "shape", "weak"):
        a, b = getattr(mine, what), getattr(theirs, what)
        if a != b:
            return [Disagreement(mode, what, f"result {i}: {a}, in JAX {b}")]
    a, b = mine.value, theirs.value
    if a is None or b is None:
        return []
    if isinstance(a, str) or isinstance(b, str):
        return [] if a == b else [Disagreement(mode, "value", f"{a}, in JAX {b}")]
    if b.dtype.kind == "V" and b.dtype.name != "bfloat16":
        return []  # float0
    a = a.astype(b.dtype)
    if not same_values(a, b) and not conditioning.explains(i, a, b):
        return [Disagreement(mode, "value", f"result {i}: {a.tolist()}, in JAX {b.tolist()}")]
    if not same_signs(a, b):
        return [Disagreement(mode, "sign of zero", f"result {i}: {a.tolist()}, in JAX {b.tolist()}")]
    return []


def compared(mode: str, mine: Outcome, theirs: Outcome, conditioning: Conditioning) -> list[Disagreement]:
    if mine.error is not None or theirs.error is not None:
        return compared_errors(mode, mine, theirs)
    if mine.tree != theirs.tree:
        return [Disagreement(mode, "tree", f"{mine.tree}, in JAX {theirs.tree}")]
    out = []
    for i, (a, b) in enumerate(zip(mine.leaves, theirs.leaves, strict=True)):
        out += compared_leaf(mode, i, a, b, conditioning)
    return out[:1]


def compared_texts(source: str, mine: Outcome, theirs: Outcome) -> list[Disagreement]:
    ours, other = texts.text(minijax, mine.jaxpr), texts.text(jax, theirs.jaxpr)
    if ours == other:
        return []
    if any(re.search(rf"(?<!\w){name}\(", source) for name in rows.REVERSE):
        # A gradient may have other equations than JAX's, but no more.
        sizes = texts.size(minijax, mine.jaxpr), texts.size(jax, theirs.jaxpr)
        return (
            [] if sizes[0] <= sizes[1] else [Disagreement("traced", "size", f"{sizes[0]} equations, in JAX {sizes[1]}")]
        )
    live = texts.text(minijax, mine.jaxpr, True) != texts.text(jax, theirs.jaxpr, True)
    if live and len(mine.jaxpr.consts) == len(theirs.jaxpr.consts) > 1:
        if texts.text(minijax, mine.jaxpr, True, True) == texts.text(jax, theirs.jaxpr, True, True):
            return [Disagreement("traced", "order of constants", f"\n{mine.jaxpr}\nin JAX\n{theirs.jaxpr}")]
    return [Disagreement("traced", "text" if live else "dead text", f"\n{mine.jaxpr}\nin JAX\n{theirs.jaxpr}")]


def with_refusal(source: str, mine: Outcome, theirs: Outcome) -> Outcome:
    """JAX's traced outcome; or JAX's error, if it refuses when it compiles what it traced."""
    if mine.error is None or theirs.error is not None:
        return theirs
    jitted = run(source, "jax", ("jit",))["jit"]
    return theirs if jitted.error is None else jitted


def with_types(values: Outcome, types: Outcome) -> Outcome:
    """JAX's jitted outcome: the types of the jaxpr, the values of the eager run if that has the same types."""
    if types.error is not None:
        return types
    alike = values.error is None and values.tree == types.tree
    leaves = []
    for i, t in enumerate(types.leaves):
        value = values.leaves[i].value if alike and values.leaves[i].dtype.split()[-1] == t.dtype else None
        leaves.append(Leaf(value, t.shape, t.dtype, t.weak))
    return Outcome(types.tree, leaves)


MODES = ("eager", "traced", "numpy", "xla")


def disagreements(source: str, only=MODES) -> list[Disagreement]:
    """All that disagrees in some modes: at most one disagreement for each."""
    jitted = [mode for mode in only if mode in ("numpy", "xla")]
    theirs = run(source, "jax", ("eager", "traced") if jitted else only)
    mine = run(source, "minijax", only)
    conditioning = Conditioning(source)
    found = []
    if "eager" in only:
        found += compared("eager", mine["eager"], theirs["eager"], conditioning)
    if "traced" in only:
        found += compared(
            "traced", mine["traced"], with_refusal(source, mine["traced"], theirs["traced"]), conditioning
        )
        if (
            not any(d.mode == "traced" for d in found)
            and mine["traced"].error is None
            and theirs["traced"].error is None
        ):
            found += compared_texts(source, mine["traced"], theirs["traced"])
    for mode in jitted:
        types = with_types(theirs["eager"], with_refusal(source, mine[mode], theirs["traced"]))
        unlike = compared(mode, mine[mode], types, conditioning)
        if unlike and unlike[0].what in ("value", "sign of zero"):
            # XLA computes whole programs otherwise than operation by operation: False * nan is nan, in a product of matrices 0.
            unlike = compared(mode, mine[mode], run(source, "jax", ("jit",))["jit"], conditioning)
        found += unlike
    return found
