"""The data sets that need no file, because they are bundled with scikit-learn."""

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, make_moons

from kaf.cli.data import Dataset


def _bundled(name, load):
    bunch = load()
    return Dataset(
        name=name,
        x=np.asarray(bunch.data, np.float64),
        y=np.asarray(bunch.target, np.int64),
        classes=tuple(map(str, bunch.target_names)),
        feature_names=tuple(map(str, bunch.feature_names)),
        target="class",
    )


def load_dataset(name):
    """The Dataset called `name`, one of `kaf.cli.arguments.BUNDLED`, always with the same rows in the same order."""
    if name == "moons":
        x, y = make_moons(1000, noise=0.2, random_state=0)
        return Dataset("moons", x, y.astype(np.int64), ("0", "1"), ("x", "y"), "class")
    if name == "diabetes":
        bunch = load_diabetes(scaled=False)
        y = np.asarray(bunch.target, np.float64)
        return Dataset("diabetes", np.asarray(bunch.data, np.float64), y, (), tuple(bunch.feature_names), "progression")
    return _bundled(name, {"digits": load_digits, "breast_cancer": load_breast_cancer}[name])
