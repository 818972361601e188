"""Page 1."""

from __future__ import annotations

import numpy as np

import minijax as jax
import minijax.numpy as jnp

from .. import tiny
from ..checking import Work, exercise, judge, wrong


@exercise("A trace that counts")
def counts(work: Work, random: np.random.Generator):
    n, repeats = 5, int(random.integers(2, 6))
    x, alpha = random.normal(), random.normal(size=n)

    def f(x, alpha):
        y = tiny.total(tiny.mul(alpha, tiny.exp(tiny.spread(x))))
        for _ in range(repeats):
            y = tiny.add(y, x)
        return y

    if work.count(tiny.neg, x)[0] is None:
        wrong("The result is lost: process must return what the parent's process returns.")
    y, counted = work.count(f, x, alpha)
    right = float(np.sum(alpha * np.exp(x)) + repeats * x)
    judge("The result", y, right)
    wanted = {"spread": 1, "exp": 1, "mul": 1, "sum": 1, "add": repeats}
    if counted == dict.fromkeys(wanted, 1):
        wrong(f"Each operation counts once, but add ran {repeats} times: add one to what is there already.")
    if counted == {}:
        wrong("Nothing is counted: write into self.counts in process, before the parent computes.")
    if counted != wanted:
        wrong(f"The counts are {counted}, and they should be {wanted}.")


WHY = {
    "jax.grad(f)(x)": "grad runs f once, forwards. Backwards it walks over what is written.",
    "jax.vmap(f)(xs)": "vmap runs f once for all examples, on a tracer that hides the axis.",
    "[f(x) for x in xs]": "A Python loop calls f itself, once for each element.",
    "g = jax.jit(f); g(0.5); g(0.7)": "The second call has the same shape and dtype, so that jit runs the program it has.",
    "g = jax.jit(f); g(0.5); g(xs)": "xs has another shape than 0.5, so that jit traces again.",
    "jax.vmap(jax.grad(f))(xs)": "grad runs f once, within the one run that vmap makes: the tracers are nested, not the runs.",
}


@exercise("How often does it run?")
def how_often(work: Work, random: np.random.Generator):
    xs = jnp.asarray(random.normal(size=3), jnp.float32)
    if all(work.runs.get(program) is None for program in WHY):
        raise NotImplementedError
    for program, why in WHY.items():
        ran = []

        # A function of its own for each program: jit remembers what it has traced of a function.
        def f(x, ran=ran):
            ran.append(x)
            return jnp.sin(x)

        exec(program, {"jax": jax, "f": f, "x": xs[0], "xs": xs})
        if work.runs.get(program) != len(ran):
            wrong(f"{program}: {work.runs.get(program)} is not right. {why}")
