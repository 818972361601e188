"""Page 12."""

from __future__ import annotations

from itertools import combinations

import numpy as np

import minijax as jax

from ..checking import Work, exercise, judge, wrong


@exercise("Find the reuse")
def reuse(work: Work, random: np.random.Generator):
    seeds = random.integers(1, 10**6, size=2)
    keys = [jax.random.key(int(seed)) for seed in seeds]
    drawn, other = ({k: np.asarray(v).ravel() for k, v in work.experiment(key).items()} for key in keys)
    itself = np.asarray(jax.random.normal(keys[0], (100,)))
    for name, values in drawn.items():
        if values.shape != (100,):
            wrong(f"{name} has {values.size} numbers, and it should have 100 as before.")
        if np.array_equal(values, other[name]):
            wrong(f"{name} is the same for two keys: its key must come from the argument.")
    for a, b in combinations(drawn, 2):
        if abs(np.corrcoef(drawn[a], drawn[b])[0, 1]) > 0.9:
            wrong(f"{a} and {b} are the same numbers: they were drawn with one key. Split once for all four.")
    for name, values in drawn.items():
        if np.array_equal(values, itself):
            wrong(f"{name} is drawn with the key that was split: a key is drawn with or split, and never both.")
        if not 0.6 < values.std() < 1.4 or abs(values.mean()) > 0.5:
            wrong(f"{name} does not look normal any more: mean {values.mean():.2f}, deviation {values.std():.2f}.")


@exercise("A walk")
def walk(work: Work, random: np.random.Generator):
    first, second = (jax.random.key(int(seed)) for seed in random.integers(1, 10**6, size=2))
    n = 200
    places = np.asarray(work.walk(first, n))
    if places.shape != (n,):
        wrong(f"walk(key, {n}) has the shape {places.shape}, and it should be ({n},).")
    steps = np.diff(places, prepend=0.0)
    if np.allclose(steps, steps[0], atol=1e-3):
        wrong("All steps are alike: each one needs a key of its own, by fold_in(key, i) or by a split in each step.")
    if not np.array_equal(places, work.walk(first, n)):
        wrong("The same key gave two walks: all numbers must come from the key, and none from NumPy or Python.")
    if np.array_equal(places, work.walk(second, n)):
        wrong("Two keys gave the same walk: the argument is not used.")
    halves = np.unique(steps.round(3)).size
    if halves < n / 2:
        wrong(f"There are only {halves} different steps among {n}: some keys are used again.")
    judge("The deviation of a step", steps.std(), 1.0, tolerance=0.25)
