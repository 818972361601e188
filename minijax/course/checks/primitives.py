"""Page 2."""

from __future__ import annotations

import numpy as np

import minijax as jax
import minijax.numpy as jnp
from minijax.testing import check_rules

from ..checking import Work, exercise, judge, wrong


@exercise("Softsign")
def softsign(work: Work, random: np.random.Generator):
    x, t = random.normal(size=4), random.normal(size=4)
    x[0] = -1 - abs(x[0])
    bind = work.softsign_p.bind
    got = jax.jvp(bind, (jnp.asarray(x),), (jnp.asarray(t),))[1]
    judge(
        f"The tangent at x = {x.round(2)}, where x has the tangent {t.round(2)},",
        got,
        t / (1 + abs(x)) ** 2,
        [
            (1 / (1 + abs(x)) ** 2, "It is the slope: a tangent is the slope times the tangent of x."),
            (t / (1 + abs(x)), "The 1 + |x| is squared in the derivative."),
            (t / (1 + x) ** 2, "It is |x|, not x: they differ where x is negative."),
        ],
    )
    rows = random.normal(size=(3, 4))
    for dim in (0, 1):
        got = jax.vmap(bind, in_axes=dim, out_axes=dim)(jnp.asarray(rows))
        judge(f"vmap over axis {dim}", got, rows / (1 + abs(rows)))


WHY = {
    "cube": "Follow a tangent: the derivative of x³ is 3x², whatever x is.",
    "push": "The transpose of a permutation is its inverse. What moves right comes back by moving left.",
    "last": "Where the batch axis is the last one, `last` takes an example, and not each example's last element.",
}


@exercise("Planted bad rules")
def planted(work: Work, random: np.random.Generator):
    if all(work.guilty.get(name) is None for name in WHY):
        raise NotImplementedError
    for name, why in WHY.items():
        said = ""
        try:
            check_rules(getattr(work, f"{name}_p"), random.normal(size=(2, 3)))
        except AssertionError as error:
            said = str(error)
        bad = [line.split()[1] for line in said.splitlines() if " is wrong" in line]
        # A wrong transpose makes reverse mode wrong, which is said of the jvp rule, too.
        if work.guilty.get(name) != ("transpose" if "transpose" in bad else bad[0]):
            wrong(f"{name}: {work.guilty.get(name)} obeys its law. {why}")
