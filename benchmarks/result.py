"""What a comparison measured, and how its numbers are written: the figure and the tables are made from this."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Result:
    comparison: Any  # a compare.Comparison
    rounds: Sequence[Mapping[str, float]]
    absent: Mapping[str, Exception]
    base: str = ""

    def relative_to(self, wanted: str | None) -> Result:
        """With the base that is wanted, else the comparison's own, else what there is."""
        measured = list(self.rounds[0])
        bases = [name for name in (wanted, self.comparison.base, *self.comparison.contestants) if name in measured]
        return dataclasses.replace(self, base=bases[0])

    def names(self) -> list[str]:
        return [name for name in self.comparison.contestants if name in self.rounds[0]]

    def samples(self, name: str) -> np.ndarray:
        return np.array([samples[name] for samples in self.rounds])

    def median(self, name: str) -> float:
        return float(np.median(self.samples(name)))

    def ratio(self, name: str) -> tuple[float, float, float]:
        """Of the medians, and the quartiles of the ratios within single rounds."""
        low, high = np.quantile(self.samples(name) / self.samples(self.base), [0.25, 0.75])
        return self.median(name) / self.median(self.base), float(low), float(high)


def quantity(value: float, unit: str) -> str:
    """Three digits: 12.3 us, 4.56 ms, 789 MB."""
    if unit == "B":
        return f"{value / 1e6:.0f} MB"
    for factor, name in ((1e6, "us"), (1e3, "ms")):
        if value * factor < 999.5:
            return f"{number(value * factor)} {name}"
    return f"{number(value)} s"


def number(value: float) -> str:
    """Three digits, none of them an exponent."""
    value = float(f"{value:.3g}")  # 0.9996 is 1.00, not 1.000
    places = max(0, 2 - int(np.floor(np.log10(value)))) if value > 0 else 0
    return f"{value:,.{places}f}"
