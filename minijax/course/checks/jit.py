"""Page 8."""

from __future__ import annotations

import numpy as np

import minijax as jax
import minijax.numpy as jnp

from ..checking import Work, exercise, wrong

WHY = {
    "g(jnp.ones(3))": "The first call traces.",
    "g(jnp.zeros(3))": "Values are not in the key: the shape and the dtype are those of the first call.",
    "g(np.ones(3, np.float32))": "A NumPy array has a shape and a dtype like any other array.",
    "g(jnp.ones(3), n=3)": "n is static: another value of it is another program.",
    "g(jnp.arange(3))": "arange(3) is int32, another dtype.",
    "g(1.0)": "A number has the shape (), which was not there before.",
    "g(jnp.float32(1.0))": "1.0 is weak, jnp.float32(1.0) is not: they have two types.",
    "g(2.5)": "The same type as 1.0: a value is not in the key.",
}


@exercise("Eight calls")
def eight_calls(work: Work, random: np.random.Generator):
    ran: list = []

    def f(x, n=2):
        ran.append(n)
        return x * n

    names = {"g": jax.jit(f, static_argnames="n"), "jnp": jnp, "np": np}
    given = dict(work.traced)
    if all(value is None for value in given.values()):
        raise NotImplementedError
    for call, why in WHY.items():
        before = len(ran)
        exec(call, names)
        if given.get(call) is not (len(ran) > before):
            wrong(f"{call}: {given.get(call)} is not right. {why}")


@exercise("A key")
def key(work: Work, random: np.random.Generator):
    x, y = jnp.asarray(random.normal(size=3)), jnp.asarray(random.normal(size=3))
    if work.key((x,)) is None:
        wrong("key returns nothing.")
    hash(work.key((x, {"a": 1.0})))
    if work.key((x,)) != work.key((y,)):
        wrong(
            "Two arrays of one type have two keys: values must not be in the key, or each step of a training would be traced."
        )
    if work.key((1.0,)) != work.key((2.0,)):
        wrong("1.0 and 2.0 have two keys: the value of a number is no part of its type.")
    if work.key((x,)) == work.key((x[:2],)):
        wrong("Arrays of three and of two elements have one key: the shape is missing.")
    if work.key((x,)) == work.key((jnp.asarray(x, jnp.int32),)):
        wrong("A float32 and an int32 array have one key: the dtype is missing.")
    if work.key((x, y)) == work.key(([x, y],)):
        wrong("Two arrays, and a list of two, have one key: the structure is missing.")
