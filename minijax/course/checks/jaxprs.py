"""Page 4."""

from __future__ import annotations

import numpy as np

import minijax as jax
import minijax.numpy as jnp

from .. import tiny
from ..checking import Work, exercise, judge, wrong


@exercise("An interpreter that counts")
def counting(work: Work, random: np.random.Generator):
    n, x = int(random.integers(2, 6)), float(random.uniform(0.5, 1.0))

    def f(x):
        for _ in range(n):
            x = jnp.sin(x) + 1.0
        return jax.jit(lambda x: jnp.exp(x) * x)(x)

    counts: dict = {}
    got = work.interpret(jax.make_jaxpr(f)(x), [x], counts)
    wanted = {"sin": n, "add": n, "exp": 1, "mul": 1}
    if counts == {**wanted, "jit": 1}:
        wrong("Do not count the jit itself: only what runs within it.")
    if "jit" in counts:
        wrong(f'{counts}: a jit is an equation that carries a jaxpr. Interpret eqn.params["jaxpr"] with the operands.')
    if counts == dict.fromkeys(wanted, 1):
        wrong(f"sin ran {n} times: add one to what counts has already.")
    if counts != wanted:
        wrong(f"The counts are {counts}, and they should be {wanted}.")
    judge("The result", got[0], f(x))
    c = jnp.asarray(random.normal(size=3))
    try:
        got = work.interpret(jax.make_jaxpr(lambda x: x * c)(x), [x], {})
    except KeyError:
        wrong(
            "A variable has no value: the jaxpr closes over an array, jaxpr.constvars, whose value is in closed_jaxpr.consts."
        )
    judge("The result with a constant", got[0], x * c)


@exercise("Dead code")
def dead_code(work: Work, random: np.random.Generator):
    a, x = random.normal(), random.normal()

    def f(x):
        unused = tiny.exp(x)
        y = tiny.mul(x, a)
        tiny.add(unused, y)
        return tiny.neg(tiny.add(y, x))

    program = tiny.stage(f, 1)
    got = work.prune(program)
    if got is None:
        wrong("prune returns nothing: it returns a Program.")
    names = [equation.name for equation in got.equations]
    if names == ["neg", "add", "mul"]:
        wrong("You walked backwards, so that the equations come out backwards: turn them round.")
    if names == ["neg"]:
        wrong("Only the last equation is left: what a kept equation reads is needed, too.")
    if "exp" in names:
        wrong(f"{names}: exp is read by an addition that nobody reads. Walk from the result backwards.")
    if names != ["mul", "add", "neg"]:
        wrong(f"The equations are {names}, and they should be ['mul', 'add', 'neg'].")
    judge("The result", tiny.run(got, x), f(x))
