"""The data of the experiments: what is drawn, and what scikit-learn brings along; split and standardised by a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


@dataclass(frozen=True, eq=False)
class Split:
    """x float32 [n, features], standardised by the training rows; y int32 [n] or, to be predicted, float32 [n]."""

    x: numpy.ndarray
    y: numpy.ndarray
    x_test: numpy.ndarray
    y_test: numpy.ndarray


def _standardised(x, y, x_test, y_test, dtype) -> Split:
    scaler = StandardScaler().fit(x)
    return Split(
        scaler.transform(x).astype("float32"),
        y.astype(dtype),
        scaler.transform(x_test).astype("float32"),
        y_test.astype(dtype),
    )


def moons(seed: int) -> Split:
    """Two half-moons, noise 0.2: 500 points to train, 1000 to test.

    >>> moons(0).x.shape, moons(0).x_test.shape
    ((500, 2), (1000, 2))
    """
    x, y = make_moons(1500, noise=0.2, random_state=seed)
    return _standardised(x[:500], y[:500], x[500:], y[500:], "int32")


def ridge(seed: int) -> Split:
    """sin(4u) + cos(3v) + tanh(4w) for projections u, v, w of 5 normal inputs on random directions; 1000 and 1000 rows.

    >>> ridge(0).x.shape, ridge(0).y.dtype
    ((1000, 5), dtype('float32'))
    """
    generator = numpy.random.default_rng([seed, 7])
    directions = generator.normal(size=(5, 3))
    x = generator.normal(size=(2000, 5))
    u, v, w = (x @ (directions / numpy.linalg.norm(directions, axis=0))).T
    y = numpy.sin(4 * u) + numpy.cos(3 * v) + numpy.tanh(4 * w)
    # Not standardised: the inputs are normal as they are.
    x, y = x.astype("float32"), y.astype("float32")
    return Split(x[:1000], y[:1000], x[1000:], y[1000:])


def bundled(load: Callable, regression: bool = False) -> Callable[[int], Split]:
    def data(seed: int) -> Split:
        x, y = load(return_X_y=True)
        classes = None if regression else y
        x, x_test, y, y_test = train_test_split(x, y, test_size=0.2, random_state=seed, stratify=classes)
        if regression:
            mean, scale = y.mean(), y.std()
            y, y_test = (y - mean) / scale, (y_test - mean) / scale
        return _standardised(x, y, x_test, y_test, "float32" if regression else "int32")

    return data
