"""Page 14."""

from __future__ import annotations

import numpy as np

import minijax.numpy as jnp

from .. import tiny
from ..checking import Work, exercise, judge, wrong


@exercise("Taylor mode")
def taylor(work: Work, random: np.random.Generator):
    x = list(random.uniform(0.5, 1.5, size=4))
    square = [x[0] ** 2, 2 * x[0] * x[1], 2 * x[0] * x[2] + x[1] ** 2, 2 * x[0] * x[3] + 2 * x[1] * x[2]]
    judge(
        "The series of x * x",
        work.taylor(lambda x: tiny.mul(x, x), x),
        square,
        [
            ([a * a for a in x], "Term by term is not a product of series: x1 t times x1 t is a term of t²."),
            (
                [x[0] * x[0], *[2 * x[0] * a for a in x[1:]]],
                "Products of the terms between are missing: x1 times x1 belongs to t².",
            ),
        ],
    )
    e = [np.exp(x[0])]
    no_j, no_k = [np.exp(x[0])], [np.exp(x[0])]
    for k in range(1, 4):
        e.append(sum(j * x[j] * e[k - j] for j in range(1, k + 1)) / k)
        no_j.append(sum(x[j] * no_j[k - j] for j in range(1, k + 1)) / k)
        no_k.append(sum(j * x[j] * no_k[k - j] for j in range(1, k + 1)))
    judge(
        "The series of exp(x)",
        work.taylor(tiny.exp, x),
        e,
        [
            (no_k, "The sum is k times the term: divide by k."),
            (no_j, "x' has the terms j x_j: the factor j is missing."),
            (
                [np.exp(x[0]), *[a * np.exp(x[0]) for a in x[1:]]],
                "That is a tangent for each term: the terms of y go into later ones.",
            ),
        ],
    )

    def f(x):
        return tiny.mul(tiny.exp(tiny.mul(x, x)), tiny.neg(x))

    def derivative(g):
        return lambda x: tiny.jvp(g, (x,), (1.0,))[1]

    right = [f(x[0]), derivative(f)(x[0]), derivative(derivative(f))(x[0]) / 2]
    judge("The series of exp(x²)(-x) along x0 + t", work.taylor(f, [x[0], 1.0, 0.0]), right)
    slope = tiny.grad(lambda x: work.taylor(f, [x, 1.0, 0.0])[1])(x[0])
    judge("The gradient of its first term", slope, right[2] * 2)


@exercise("The optimistic step")
def optimistic(work: Work, random: np.random.Generator):
    a, b, c, old_a, old_c = random.normal(size=(5, 3))
    x, y = {"a": jnp.asarray(a), "b": [jnp.asarray(b)]}, jnp.asarray(c)

    def f(x, y):
        return jnp.sum(x["a"] * x["b"][0] * y) + jnp.sum(y**2)

    gradients = {"a": b * c, "b": [a * c]}, a * b + 2 * c
    before = {"a": jnp.asarray(old_a), "b": [jnp.zeros(3)]}, jnp.asarray(old_c)
    rate = float(random.uniform(0.1, 0.3))
    got = work.step(f, x, y, before, rate)
    if got is None:
        wrong("step returns nothing: it returns ((x, y), gradients).")
    (new_x, new_y), found = got
    a_up = a - 2 * rate * b * c + rate * old_a
    judge(
        "x['a'] after the step",
        new_x["a"],
        a_up,
        [
            (a - rate * b * c, "That is the plain step: take twice the gradient, and the one before back."),
            (a - rate * (2 * b * c + old_a), "The gradient before is taken back, and has the other sign."),
            (a + rate * (2 * b * c - old_a), "x lowers f, and goes down its gradient."),
        ],
    )
    judge("x['b'] after the step", new_x["b"][0], b - 2 * rate * a * c)
    right = c + 2 * rate * gradients[1] - rate * old_c
    moved = a_up * (b - 2 * rate * a * c) + 2 * c
    judge(
        "y after the step",
        new_y,
        right,
        [
            (c - 2 * rate * gradients[1] + rate * old_c, "y raises f, and goes up its gradient."),
            (c + 2 * rate * moved - rate * old_c, "Both move at once: y's gradient is that at the old x."),
        ],
    )
    judge("The pair of gradients", found[1], gradients[1])
