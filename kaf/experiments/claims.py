"""Claims: a sentence, and a function of the scores that says whether it was seen."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy


@dataclass(frozen=True)
class Claim:
    """What is claimed, and how it is looked for: `seen` takes the scores by label, and returns whether and by what.

    Networks are compared by the median over the seeds of the difference of their scores.
    """

    text: str
    seen: Callable[[Mapping[str, numpy.ndarray]], tuple[bool, str]]


def _median(scores: Mapping[str, numpy.ndarray], label: str) -> float:
    return float(statistics.median(scores[label]))


def _best(scores: Mapping[str, numpy.ndarray], equal: str) -> tuple[float, str]:
    return max((_median(scores, label), label) for label in scores if label.endswith(equal))


def _difference(scores: Mapping[str, numpy.ndarray], by: str, label: str) -> float:
    # Seed by seed: a seed gives all networks the same split, and splits differ more than networks do.
    return float(numpy.median(scores[by] - scores[label]))


def _compared(scores: Mapping[str, numpy.ndarray], by: str, label: str) -> str:
    medians = f"{by} {_median(scores, by):.3f}; {label} {_median(scores, label):.3f}"
    return f"{medians}; seed by seed {_difference(scores, by, label):+.3f}"


def better(equal: str, margin: float) -> Callable:
    """By `margin` than the best of them."""

    def seen(scores):
        _, label = _best(scores, equal)
        return _difference(scores, "KAF", label) >= margin, _compared(scores, "KAF", label)

    return seen


def level(label: str, margin: float, by: str = "KAF") -> Callable:
    """Within `margin` of each other."""

    def seen(scores):
        return abs(_difference(scores, by, label)) <= margin, _compared(scores, by, label)

    return seen


def above(label: str, by: str = "KAF") -> Callable:
    """Better than `label`."""

    def seen(scores):
        return _difference(scores, by, label) > 0, _compared(scores, by, label)

    return seen


def fails(label: str, threshold: float) -> Callable:
    """Whether some seeds stay below."""

    def seen(scores):
        failed = int((scores[label] < threshold).sum())
        return failed > 0, f"{failed} of {len(scores[label])} seeds"

    return seen


def fails_less(by: str, label: str, threshold: float) -> Callable:
    """Whether fewer seeds stay below than do by `label`."""

    def seen(scores):
        fewer, more = (int((scores[name] < threshold).sum()) for name in (by, label))
        return fewer < more, f"{fewer} of {len(scores[by])} seeds; {label} {more}"

    return seen
