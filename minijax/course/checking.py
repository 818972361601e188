"""What checkers are made of. A checker looks at a reader's work on fresh random inputs, and says what is wrong in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import numpy as np


class Wrong(Exception):
    """The work is not right yet. The text teaches."""


def wrong(text: str):
    """Say that the work is not right yet."""
    raise Wrong(text)


class Work:
    """The names of the reader's file."""

    def __init__(self, names: dict[str, Any]):
        self._names = names

    def __getattr__(self, name: str) -> Any:
        if name not in self._names:
            wrong(f"Your file has no {name}: the exercise asks for that name.")
        return self._names[name]


# (title, checker) of each exercise of a page, in the order of the page.
Checker = Callable[[Work, np.random.Generator], None]


def exercise(title: str) -> Callable[[Checker], Checker]:
    """Decorator: the checker of the exercise of that title."""

    def titled(checker: Checker) -> Checker:
        checker.exercise = title  # type: ignore[attr-defined]
        return checker

    return titled


def exercises(page: ModuleType) -> list[Checker]:
    """The checkers of a page, in the order of its text."""
    return [value for value in vars(page).values() if hasattr(value, "exercise")]


def leaves(x: Any) -> list[np.ndarray]:
    """The numbers of a list, tuple, dict or array, in order."""
    if isinstance(x, dict):
        return [leaf for key in sorted(x, key=str) for leaf in leaves(x[key])]
    if isinstance(x, (list, tuple)):
        return [leaf for item in x for leaf in leaves(item)]
    return [np.asarray(x)]


def close(got: Any, right: Any, tolerance: float = 1e-3) -> bool:
    """Whether both have the same shapes, and numbers that agree relative to the largest."""
    try:
        ours, others = leaves(got), leaves(right)
    except Exception:  # What is no array equals none.
        return False
    if [x.shape for x in ours] != [x.shape for x in others]:
        return False
    for a, b in zip(ours, others):
        if a.dtype.kind not in "biufc" or b.dtype.kind not in "biufc":
            if not np.array_equal(a, b):
                return False
        else:
            size = float(np.max(np.abs(b), initial=0.0, where=np.isfinite(b))) or 1.0
            if not np.allclose(a, b, rtol=tolerance, atol=tolerance * size, equal_nan=True):
                return False
    return True


def short(x: Any) -> str:
    """A value in a few characters."""
    if x is None or isinstance(x, (str, bool)):
        return repr(x)
    texts = []
    for leaf in leaves(x):
        if leaf.size > 12:
            texts.append(f"an array of shape {leaf.shape}")
        else:
            numbers = leaf.dtype.kind in "biuf" and not leaf.ndim
            texts.append(f"{leaf[()]:.4g}" if numbers else np.array2string(leaf, precision=4, separator=", "))
    text = texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
    text = " ".join(text.split())
    return text if len(text) < 120 else f"{text[:117]}..."


def judge(what: str, got: Any, right: Any, mistakes: Iterable[tuple[Any, str]] = (), tolerance: float = 1e-3):
    """Nothing if `got` is right. Else say so, with the reason of the first of `mistakes`, (value, why), that it equals."""
    if close(got, right, tolerance):
        return
    text = f"{what} is {short(got)}, and it should be {short(right)}."
    for value, why in mistakes:
        if close(got, value, tolerance):
            wrong(f"{text} {why}")
    wrong(text)
