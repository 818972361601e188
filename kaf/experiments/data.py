"""The data of the experiments, random or bundled with scikit-learn. A seed determines the split. Inputs are standardised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


@dataclass(frozen=True, eq=False)
class Split:
    """Training and test examples.

    x, x_test   float32 [n, features], standardised by the mean and standard deviation of the training examples
    y, y_test   int32 [n] classes, or float32 [n] numbers to predict
    """

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
    """Two half-moons with noise 0.2: 500 training points and 1000 test points.

    >>> moons(0).x.shape, moons(0).x_test.shape
    ((500, 2), (1000, 2))
    """
    x, y = make_moons(1500, noise=0.2, random_state=seed)
    return _standardised(x[:500], y[:500], x[500:], y[500:], "int32")


def ridge(seed: int) -> Split:
    """y = sin(4u) + cos(3v) + tanh(4w), where u, v, w are the projections of 5 normal inputs on random directions.

    There are 1000 training rows and 1000 test rows.

    >>> ridge(0).x.shape, ridge(0).y.dtype
    ((1000, 5), dtype('float32'))
    """
    generator = numpy.random.default_rng([seed, 7])
    directions = generator.normal(size=(5, 3))
    x = generator.normal(size=(2000, 5))
    u, v, w = (x @ (directions / numpy.linalg.norm(directions, axis=0))).T
    y = numpy.sin(4 * u) + numpy.cos(3 * v) + numpy.tanh(4 * w)
    # The inputs need no standardisation, because they are drawn from the standard normal distribution.
    x, y = x.astype("float32"), y.astype("float32")
    return Split(x[:1000], y[:1000], x[1000:], y[1000:])


def bundled(load: Callable, regression: bool = False) -> Callable[[int], Split]:
    """A function of the seed that splits a data set of scikit-learn; a fifth of the rows are for the test.

    With `regression` the targets are numbers, and are standardised by the training rows.
    """

    def data(seed: int) -> Split:
        x, y = load(return_X_y=True)
        classes = None if regression else y
        x, x_test, y, y_test = train_test_split(x, y, test_size=0.2, random_state=seed, stratify=classes)
        if regression:
            mean, scale = y.mean(), y.std()
            y, y_test = (y - mean) / scale, (y_test - mean) / scale
        return _standardised(x, y, x_test, y_test, "float32" if regression else "int32")

    return data
