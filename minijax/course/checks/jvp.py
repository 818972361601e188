"""Page 3."""

from __future__ import annotations

import numpy as np

from .. import tiny
from ..checking import Work, exercise, judge


@exercise("The rule of division")
def division(work: Work, random: np.random.Generator):
    x, y, s, t = random.uniform(0.5, 2.0, size=4)
    right = s / y - x * t / y**2
    judge(
        f"The tangent of {x:.2f} / {y:.2f} in the direction ({s:.2f}, {t:.2f})",
        work.div_rule((x, y), (s, t)),
        right,
        [
            (s / y + x * t / y**2, "A larger denominator makes the quotient smaller: one part has a minus sign."),
            (s / y, "The denominator moves, too: t[1] is missing."),
            (s / y - x * t / y, "The derivative of 1 / y is -1 / y², not -1 / y."),
        ],
    )

    def second(x):
        return tiny.jvp(lambda x: tiny.jvp(lambda x: work.div(1.0, x), (x,), (1.0,))[1], (x,), (1.0,))[1]

    judge("The second derivative of 1 / x", second(x), 2 / x**3)


@exercise("Perturbation confusion, mended")
def confusion(work: Work, random: np.random.Generator):
    x, slope = random.uniform(1.0, 2.0), work.slope
    judge(
        "The slope of x³",
        slope(lambda x: x * x * x, x),
        3 * x**2,
        [
            (0.0, "A derivative must find its own tangent: where the tag is its own."),
            (x**3, "split returns a tangent, not the primal twice."),
        ],
    )
    judge(
        f"The slope of x * slope(y -> x + y) at {x:.2f}",
        slope(lambda x: x * slope(lambda y: x + y, 1.0), x),
        1.0,
        [(2.0, "The inner derivative took the outer x's tangent for its own: look at the tag.")],
    )
    judge(
        f"The slope of x * slope(y -> x * y) at {x:.2f}",
        slope(lambda x: x * slope(lambda y: x * y, 3.0), x),
        2 * x,
    )
