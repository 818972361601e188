"""Page 15."""

from __future__ import annotations

import weakref

import numpy as np

from ..checking import Work, exercise, wrong


@exercise("A buffer")
def buffer(work: Work, random: np.random.Generator):
    shape = (int(random.integers(2, 9)),)
    buffer = work.Buffer(shape)
    first, second = buffer.take(), buffer.take()
    if first is None:
        wrong("take returns nothing.")
    if first.shape != shape:
        wrong(f"take returned an array of shape {first.shape}, and it should be {shape}.")
    if first is second:
        wrong("take gave an array away that somebody holds: a result would change while its owner looks at it.")
    view, place = second[1:], weakref.ref(second)
    del second
    if place() is not None and buffer.take() is place():
        wrong("A view of the array is still held: it holds the array, which the count of references shows.")
    del view
    held = [first, *[buffer.take() for _ in range(2)]]
    if len({id(x) for x in held}) < 3:
        wrong("Of three arrays that are held two are one.")
    before = [weakref.ref(x) for x in held]
    del held, first
    taken = buffer.take()
    if not any(array() is taken for array in before):
        wrong("An array that nobody holds was not used again: keep each new array in self.kept.")
    del taken
    for _ in range(5):
        buffer.take()
    if len(buffer.kept) > 4:
        wrong(f"{len(buffer.kept)} arrays are kept, and four would do: make a new one only if none is free.")


@exercise("Recognition")
def recognition(work: Work, random: np.random.Generator):
    n = int(random.integers(2, 6))

    def args(kind=np.float32, n=n, key="b"):
        return ({"w": np.ones((n, 3), kind), key: np.zeros(3, np.float32)}, random.normal(size=n).astype(np.float32))

    cases = [
        (args(), args(), True, "They differ in values alone, which do not matter."),
        (args(), args(n=n + 1), False, "They have other shapes."),
        (
            args(),
            args(np.float64),
            False,
            "One has float64 in the place of float32: the program would compute in other digits.",
        ),
        (args(), args(key="c"), False, "Their dicts have other keys."),
        (args(), (*args(), np.ones(2)), False, "The second has one argument more."),
        ((np.ones(2), np.ones(2)), ((np.ones(2), np.ones(2)),), False, "Two arguments are no tuple of two."),
        ({"a": np.ones(2)}, (np.ones(2),), False, "A dict is no tuple."),
    ]
    if work.alike(args(), args()) is None:
        wrong("alike returns nothing: it returns True or False.")
    for a, b, right, why in cases:
        if bool(work.alike(a, b)) != right:
            wrong(f"alike says {not right} of two calls. {why}")
