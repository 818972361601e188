"""Page 9."""

from __future__ import annotations

import numpy as np

import minijax as jax
import minijax.numpy as jnp

from ..checking import Work, exercise, judge, wrong


@exercise("The jvp of cond")
def cond_jvp(work: Work, random: np.random.Generator):
    x, t = float(random.uniform(0.5, 1.0)), float(random.uniform(1.5, 2.0))
    f, g = jnp.sin, lambda x: x**3
    slopes = {True: np.cos(x), False: 3 * x**2}
    values = {True: np.sin(x), False: x**3}
    for pred in (True, False):
        got = work.cond_jvp(pred, f, g, x, t)
        if got is None:
            wrong("cond_jvp returns nothing: it returns (y, y_dot).")
        mistakes = [
            (slopes[not pred] * t, "That is the other branch's: f runs where pred holds."),
            (
                (slopes[True] + slopes[False]) * t,
                "That is the sum of both branches' tangents: one branch runs, and one tangent counts.",
            ),
            (slopes[pred], "That is the slope: the tangent of x is to be pushed forward."),
        ]
        judge(f"y where pred is {pred}", got[0], values[pred])
        judge(f"y_dot where pred is {pred}", got[1], slopes[pred] * t, mistakes)
    program = jax.make_jaxpr(lambda pred: work.cond_jvp(pred, f, g, x, t))(True)
    names = [eqn.primitive.name for eqn in program.eqns]
    if "cond" not in names or "sin" in names or "cos" in names:
        wrong(
            f"The numbers are right, but the program is {names}: it runs both branches, and should have one cond around them."
        )


@exercise("A while loop under vmap")
def while_loop(work: Work, random: np.random.Generator):
    xs = jnp.asarray(random.uniform(2.0, 30.0, size=5), jnp.float32).at[0].set(0.5).at[1].set(100.0)
    ran = []

    def cond(x):
        return x > 1

    def body(x):
        ran.append(x)
        if len(ran) > 1000:
            wrong("The loop does not end: it stops when no example wants another step.")
        return x / 2

    got = work.while_batched(cond, body, xs)
    right = np.asarray(xs).copy()
    while (right > 1).any():
        right = np.where(right > 1, right / 2, right)
    without, short = np.asarray(xs).copy(), np.asarray(xs).copy()
    while (without > 1).any():
        without = without / 2
    while (short > 1).all():
        short = short / 2
    judge(
        "The result",
        got,
        right,
        [
            (without, "An example that is done must keep its value, however long others go on."),
            (short, "The loop stopped when the first example was done: go on until all are."),
            (
                np.where(np.asarray(xs) > 1, np.asarray(xs) / 2, xs),
                "That is one step: the loop goes on while any example wants to.",
            ),
        ],
    )
