"""Page 5."""

from __future__ import annotations

import numpy as np

import minijax as jax

from .. import tiny
from ..checking import Work, exercise, judge, wrong


@exercise("The transpose of roll")
def roll(work: Work, random: np.random.Generator):
    x, w = random.normal(size=(2, 6))
    shift = int(random.choice([1, 2, 4, 5]))
    (got,) = jax.vjp(lambda x: work.roll(x, shift), x)[1](np.float32(w))
    judge(
        f"The pull-back of {w.round(2)} by a roll of {shift}",
        got,
        np.roll(w, -shift),
        [
            (np.roll(w, shift), "The element at place i went to place i + shift. Its cotangent comes back from there."),
            (w[::-1], "A transpose undoes no order: each cotangent comes back from where its element went."),
            (w, "The cotangent of place i is that of place i + shift: it has to move."),
        ],
    )


@exercise("Two inks")
def two_inks(work: Work, random: np.random.Generator):
    a = float(random.normal())

    def f(x, t):
        y = tiny.exp(tiny.mul(x, a))
        s = tiny.mul(t, y)
        return tiny.neg(tiny.add(s, tiny.neg(y)))

    program = tiny.stage(f, 2)
    got = work.split(program, {program.args[1]})
    if got is None:
        wrong("split returns nothing: it returns two lists of equations.")
    now, later = ([equation.name for equation in equations] for equations in got)
    right = ["mul", "exp", "neg"], ["mul", "add", "neg"]
    if (now, later) == right:
        return
    text = f"Now: {now}, later: {later}."
    if (later, now) == right:
        wrong(f"{text} It is the other way round: first what can be computed now.")
    if later == ["mul"]:
        wrong(f"{text} What an unknown goes into is unknown, too: also through other equations.")
    if not now:
        wrong(f"{text} exp(x * {a:.2g}) does not depend on the unknown t: it can be computed now.")
    wrong(f"{text} It should be {right[0]} and {right[1]}.")
