"""Ordinary tables, three of scikit-learn and two synthetic: networks of KAFs beside gradient boosting and a tuned ReLU network."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine, make_friedman2, make_hastie_10_2
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

DRAWS = 20


@dataclass(frozen=True)
class Table:
    """A table: a function that returns x [rows, features] and y [rows], and whether y holds numbers to predict."""

    title: str
    data: Callable[[], tuple[numpy.ndarray, numpy.ndarray]]
    is_regression: bool = False


TABLES = {
    "wine": Table("wine", lambda: load_wine(return_X_y=True)),
    "breast_cancer": Table("breast cancer", lambda: load_breast_cancer(return_X_y=True)),
    "diabetes": Table("diabetes", lambda: load_diabetes(return_X_y=True), is_regression=True),
    "friedman": Table(
        "Friedman's second, noisy",
        lambda: make_friedman2(800, noise=125.0, random_state=0),  # a third of the standard deviation of y
        is_regression=True,
    ),
    "hastie": Table("Hastie's 10.2", lambda: make_hastie_10_2(1000, random_state=0)),
}


def write_csv(path: str | Path, name: str) -> None:
    """Write a table as a CSV file with a header; the last column, y, is the target.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     write_csv(f"{directory}/wine.csv", "wine")
    ...     Path(f"{directory}/wine.csv").read_text().splitlines()[0]
    'x1,x2,x3,x4,x5,x6,x7,x8,x9,x10,x11,x12,x13,y'
    """
    x, y = TABLES[name].data()
    targets = y.tolist() if TABLES[name].is_regression else [f"class {label:g}" for label in y]
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"x{i + 1}" for i in range(x.shape[1])), "y"])
        writer.writerows([*row, target] for row, target in zip(x.tolist(), targets, strict=True))


def boosted(
    x: numpy.ndarray, y: numpy.ndarray, train: numpy.ndarray, test: numpy.ndarray, is_regression: bool
) -> float:
    """The test score of scikit-learn's gradient boosting with its defaults: accuracy, or R2."""
    model = (GradientBoostingRegressor if is_regression else GradientBoostingClassifier)(random_state=0)
    return float(model.fit(x[train], y[train]).score(x[test], y[test]))


@dataclass(frozen=True)
class Draw:
    """Settings of a ReLU network: sizes of hidden layers, learning rate, AdamW's decay."""

    units: tuple[int, ...]
    rate: float
    decay: float


def draws(count: int = DRAWS, seed: int = 0) -> list[Draw]:
    """Random settings: one to three layers of 16 to 256 units, rates from .001 to .03, decays from 1e-6 to .1.

    >>> draws(1)
    [Draw(units=(...), rate=0.00..., decay=...)]
    """
    generator = numpy.random.default_rng(seed)
    found = []
    for _ in range(count):
        depth, width = int(generator.integers(1, 4)), int(2 ** generator.uniform(4, 8))
        rate, decay = 10 ** generator.uniform(-3, -1.5), 10 ** generator.uniform(-6, -1)
        found.append(Draw((width,) * depth, float(f"{rate:.2g}"), float(f"{decay:.2g}")))
    return found
