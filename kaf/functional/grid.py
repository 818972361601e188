"""The grid of a KAF: where the centres of its kernels are, and the bandwidth of the kernels."""

from __future__ import annotations

import functools
import math
import operator
from dataclasses import dataclass
from typing import Any

import numpy

# sigma / step, by rule. The paper sets gamma = 1/(6 step^2), the authors' code sigma = 2 step; gamma is 1/(2 sigma^2).
_WIDTH_IN_STEPS = {"paper": math.sqrt(3.0), "code": 2.0}


@dataclass(frozen=True)
class Grid:
    """`size` equispaced centres on [middle - boundary, middle + boundary], and the bandwidth sigma of the Gaussians on them.

    `rule` derives sigma from `step`, the distance between two neighbouring centres: "paper" is gamma = 1/(6 step^2), as in
    the paper, and "code" is sigma = 2 step, as in the authors' programs; gamma = 1/(2 sigma^2). A grid is hashable, because
    it is a static part of a layer. `Grid.over(low, high)` is a grid on [low, high]. Raises ValueError for fewer than two centres,
    for a boundary that is not positive and finite, for a middle that is not finite, and for an unknown rule.

    >>> grid = Grid()
    >>> grid.centers.shape, round(grid.step, 7), round(grid.gamma, 6)
    ((20,), 0.3157895, 1.671296)
    """

    size: int = 20
    boundary: float = 3.0
    rule: str = "paper"
    middle: float = 0.0

    @classmethod
    def over(cls, low: float, high: float, size: int = 20, rule: str = "paper") -> Grid:
        """A grid of `size` centres on [low, high]. Raises ValueError unless low < high, and both are finite.

        >>> Grid.over(0.0, 4.0, size=5).centers.tolist()
        [0.0, 1.0, 2.0, 3.0, 4.0]
        """
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"Grid.over: low must be below high, and both finite; they are {low!r} and {high!r}.")
        return cls(size, (high - low) / 2, rule, low + (high - low) / 2)

    def __repr__(self) -> str:
        middle = f", middle={self.middle!r}" if self.middle else ""
        return f"Grid(size={self.size!r}, boundary={self.boundary!r}, rule={self.rule!r}{middle})"

    @property
    def low(self) -> float:
        """The first centre."""
        return self.middle - self.boundary

    @property
    def high(self) -> float:
        """The last centre."""
        return self.middle + self.boundary

    def __post_init__(self):
        if isinstance(self.size, bool) or not hasattr(self.size, "__index__") or operator.index(self.size) < 2:
            raise ValueError(f"Grid: size is the number of centres, an integer of at least 2; it is {self.size!r}.")
        if not (math.isfinite(self.boundary) and self.boundary > 0):
            raise ValueError(f"Grid: boundary must be positive and finite; it is {self.boundary!r}.")
        if not math.isfinite(self.middle):
            raise ValueError(f"Grid: middle must be finite; it is {self.middle!r}.")
        if self.rule not in _WIDTH_IN_STEPS:
            raise ValueError(f"Grid: there is no rule {self.rule!r}; choose one of {', '.join(_WIDTH_IN_STEPS)}.")

    @functools.cached_property
    def centers(self) -> numpy.ndarray[Any, Any]:
        """The centres, float32 [size], read-only."""
        return _read_only(self.exact_centers.astype(numpy.float32))

    @functools.cached_property
    def exact_centers(self) -> numpy.ndarray[Any, Any]:
        """The centres, float64 [size], read-only. A float64 program needs them: `centers` are rounded, by 1e-7."""
        return _read_only(numpy.linspace(self.low, self.high, self.size))

    @property
    def step(self) -> float:
        """The distance between two neighbouring centres."""
        return 2.0 * self.boundary / (self.size - 1)

    @property
    def sigma(self) -> float:
        """The bandwidth: the Gaussian at c is exp(-(x - c)^2 / (2 sigma^2))."""
        return _WIDTH_IN_STEPS[self.rule] * self.step

    @property
    def gamma(self) -> float:
        """The bandwidth as the paper writes it: the Gaussian at c is exp(-gamma (x - c)^2)."""
        return 1.0 / (2.0 * self.sigma**2)


def _read_only(array: numpy.ndarray) -> numpy.ndarray:
    array.flags.writeable = False
    return array
