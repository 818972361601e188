"""Comparisons that a page shows as badges: the gradient against finite differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.array import ArrayImpl, to_array
from ..core.jaxpr import ClosedJaxpr
from .model import Badge
from .running import run, sample

# How far the two may be apart, relative to the larger: differences in float32 have about three digits.
TOLERANCE = 0.02


def gradient_badge(
    first: ClosedJaxpr, gradient: ClosedJaxpr | None, differentiated: Sequence[bool], args: Sequence | Exception
) -> Badge:
    """Whether the gradient along a random direction is what differences of the function's value give.

    args: the arguments of `gradient`: those of the function, and cotangents of its results unless the result is one scalar. The
    function whose gradient is meant is the sum of the results, weighted by the cotangents.
    """
    name = "gradient = finite differences"
    if gradient is None:
        return Badge(name, "skipped", "there is no gradient")
    if isinstance(args, Exception):
        return Badge(name, "skipped", f"no sample arguments: {args}")
    if any(a.dtype.kind == "c" for a, d in zip(first.in_avals, differentiated) if d):
        return Badge(name, "skipped", "an argument is complex")
    try:
        slope, differences, error, sides = _slopes(first, gradient, differentiated, args)
    except Exception as failure:
        return Badge(name, "skipped", f"{type(failure).__name__}: {failure}")
    along = f"along a random direction: gradient {slope:.5g}, differences {differences:.5g}"
    largest = max(abs(slope), abs(differences))
    if not np.isfinite(largest):
        return Badge(name, "bad", along)
    if error > 0.1 * abs(differences) and error > 1e-3:
        return Badge(name, "skipped", f"{along}, which depend on the step: they say nothing")
    if abs(slope - differences) <= TOLERANCE * largest + error:
        return Badge(name, "good", along)
    if sides is not None:
        before, after = sides
        return Badge(
            name, "skipped", f"{along}: the function has a kink, its slope is {before:.5g} before, {after:.5g} behind"
        )
    return Badge(name, "bad", along)


def _wide(x: ArrayImpl) -> np.ndarray:
    value = np.asarray(x._value)
    return value.astype(np.complex128 if value.dtype.kind == "c" else np.float64)


def _slopes(first, gradient, differentiated, args) -> tuple[float, float, float, tuple[float, float] | None]:
    """(the gradient along a direction, differences of the value along it, how far off these may be, the slopes on both sides if
    these differ, as those of relu do at 0)."""
    places = [i for i, d in enumerate(differentiated) if d]
    grads = run(gradient, args)[len(first.out_avals) :]
    args, cts = args[: len(first.in_avals)], args[len(first.in_avals) :]
    weights = [np.asarray(ct._value) for ct in cts] or [1.0]
    numbers = {i: np.asarray(to_array(args[i])._value, np.float64) for i in places}
    directions = {i: np.asarray(sample(first.in_avals[i], 300 + i)._value, np.float64) for i in places}
    length = np.sqrt(sum(float((d**2).sum()) for d in directions.values())) or 1.0
    scale = max(1.0, *[float(abs(x).max(initial=0.0)) for x in numbers.values()]) / length
    slope = sum(float((directions[i] * np.asarray(g._value, np.float64)).sum()) for i, g in zip(places, grads))

    def value(t: float) -> tuple[float, float]:
        """(the value, the largest that its rounding may be)."""
        moved = list(args)
        for i in places:
            aval = first.in_avals[i]
            moved[i] = ArrayImpl((numbers[i] + t * directions[i]).astype(aval.dtype), aval.weak_type)
        results = zip(weights, run(first, moved), strict=True)
        terms = [(w * _wide(x)).sum().real for w, x in results if x.dtype.kind not in "biu"]
        return float(sum(terms)), 2 * eps * float(sum(map(abs, terms)))

    # A large step leaves the straight line, and a small one drowns in rounding. The best pair of steps agrees, and is not small.
    dtype = np.asarray(args[places[0]]._value).dtype
    eps = float(np.finfo(dtype).eps) if dtype.kind == "f" else 2.0**-7  # bfloat16
    found, sides = [], []
    here, rounding_here = value(0.0)
    for h in [scale * h for h in (0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5)]:
        (ahead, a), (behind, b) = value(h), value(-h)
        found.append(((ahead - behind) / (2 * h), (a + b) / h))
        sides.append(((here - behind) / h, (ahead - here) / h, (a + b + 2 * rounding_here) / h))
    pairs = [(b, abs(a - b) + rounding) for (a, _), (b, rounding) in zip(found, found[1:])]
    return slope, *min(pairs, key=lambda pair: pair[1]), _kink(sides)


def _kink(sides: Sequence[tuple[float, float, float]]) -> tuple[float, float] | None:
    """The slopes on both sides where they differ however small the step is: where the function is smooth they differ by its
    curvature times the step. sides: (slope before, slope behind, rounding) for steps that become smaller."""
    gaps = [(abs(after - before), rounding) for before, after, rounding in sides]
    for i in range(len(sides) - 2):
        (wide, _), (narrow, rounding) = gaps[i], gaps[i + 2]
        if narrow > 0.7 * wide and narrow > 5 * rounding and narrow > TOLERANCE * max(map(abs, sides[i + 2][:2])):
            return sides[i + 2][:2]
    return None
