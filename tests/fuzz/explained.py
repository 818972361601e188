"""Disagreements that are known, each with its reason, and narrow enough that a fault beside it is not hidden.

A predicate sees the text of a program, shrunk, and how it disagrees. "not yet" begins the reasons of those that are faults.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from tests.fuzz.check import Disagreement


class Explained(NamedTuple):
    name: str
    reason: str
    holds: Callable[[str, Disagreement], bool]


def body(source: str) -> str:
    """The text without what it imports and its helpers."""
    starts = [source.find(f"\ndef {name}(") for name in ("function", "program")]
    return source[max(0, min([s for s in starts if s >= 0], default=0)) :]


EXPLAINED = [
    Explained(
        "name that minijax has not",
        "minijax has a part of JAX's names; the others raise AttributeError",
        lambda s, d: d.what in ("refused", "error class") and "AttributeError(\"module 'minijax" in d.detail,
    ),
]


def explanation(source: str, found: Disagreement) -> Explained | None:
    return next((e for e in EXPLAINED if e.holds(source, found)), None)


__all__ = ["EXPLAINED", "Explained", "body", "explanation", "re"]
