"""Claims about networks, and the functions of the scores that test them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy


@dataclass(frozen=True)
class Claim:
    """A claim as a sentence, and the function that tests it.

    `seen` takes the scores [seeds] of all networks by label, and returns whether the claim holds, and the numbers that show it
    as a text. Two networks are compared by the median over the seeds of the difference of their scores.
    """

    text: str
    seen: Callable[[Mapping[str, numpy.ndarray]], tuple[bool, str]]


def _median(scores: Mapping[str, numpy.ndarray], label: str) -> float:
    return float(statistics.median(scores[label]))


def _best(scores: Mapping[str, numpy.ndarray], equal: str) -> tuple[float, str]:
    return max((_median(scores, label), label) for label in scores if label.endswith(equal))


def _difference(scores: Mapping[str, numpy.ndarray], by: str, label: str) -> float:
    # Seed by seed, because a seed gives all networks the same split, and scores differ more between splits than between
    # networks.
    return float(numpy.median(scores[by] - scores[label]))


def _compared(scores: Mapping[str, numpy.ndarray], by: str, label: str) -> str:
    medians = f"{by} {_median(scores, by):.3f}; {label} {_median(scores, label):.3f}"
    return f"{medians}; seed by seed {_difference(scores, by, label):+.3f}"


def better(equal: str, margin: float) -> Callable:
    """A test whether KAF is better, by `margin` or more, than the best of the networks whose label ends with `equal`."""

    def seen(scores):
        _, label = _best(scores, equal)
        return _difference(scores, "KAF", label) >= margin, _compared(scores, "KAF", label)

    return seen


def level(label: str, margin: float, by: str = "KAF") -> Callable:
    """A test whether the scores of the networks `by` and `label` differ by at most `margin`."""

    def seen(scores):
        return abs(_difference(scores, by, label)) <= margin, _compared(scores, by, label)

    return seen


def above(label: str, by: str = "KAF") -> Callable:
    """A test whether the network `by` is better than the network `label`."""

    def seen(scores):
        return _difference(scores, by, label) > 0, _compared(scores, by, label)

    return seen


def fails(label: str, threshold: float) -> Callable:
    """A test whether the network `label` has a score below `threshold` for some seeds."""

    def seen(scores):
        failed = int((scores[label] < threshold).sum())
        return failed > 0, f"{failed} of {len(scores[label])} seeds"

    return seen


def fails_less(by: str, label: str, threshold: float) -> Callable:
    """A test whether the network `by` has scores below `threshold` for fewer seeds than the network `label`."""

    def seen(scores):
        fewer, more = (int((scores[name] < threshold).sum()) for name in (by, label))
        return fewer < more, f"{fewer} of {len(scores[by])} seeds; {label} {more}"

    return seen
