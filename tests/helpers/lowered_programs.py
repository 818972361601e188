"""Programs with loops, branches, random numbers and solves, by name: a function and its arguments. The tests of both compilers
run them."""

from __future__ import annotations

import numpy as np

import minijax as mj
import minijax.lax
import minijax.numpy as jnp


def rnn(w, xs):
    def step(carry, x):
        carry = jnp.tanh(w * carry + x)
        return carry, 2 * carry

    return mj.lax.scan(step, 0.0, xs)


def linear_solve(a, b):
    def solve(matvec, b):
        # Jacobi's iteration for a linear system.
        diagonal = jnp.diag(a)
        return mj.lax.fori_loop(0, 50, lambda i, x: x + (b - matvec(x)) / (2 * diagonal), b)

    return mj.lax.custom_linear_solve(lambda x: a @ x, b, solve, transpose_solve=solve)


def branches(i, x):
    return mj.lax.switch(i, [lambda x: x, jnp.sin, lambda x: (x * 2).sum() + x], x)


@mj.jit
def several(x):
    return jnp.sin(x) * x + jnp.cos(x) / 3 - x


X = jnp.asarray(np.float32([0.5, 1.5, -2.0]))


KEY = mj.random.key(3)


PROGRAMS = {
    "scan": (rnn, jnp.float32(0.7), X),
    "scan, reversed": (lambda xs: mj.lax.scan(lambda c, x: (c * x, c), jnp.float32(2), xs, reverse=True), X),
    "scan of nothing": (lambda xs: mj.lax.scan(lambda c, x: (c * x, c), jnp.float32(2), xs), jnp.zeros((0,))),
    "scan of keys": (
        lambda ks: mj.lax.scan(lambda c, k: (c + mj.random.uniform(k), c), 0.0, ks),
        mj.random.split(KEY, 3),
    ),
    "grad of scan": (mj.grad(lambda w, xs: rnn(w, xs)[1].sum()), jnp.float32(0.7), X),
    "scan in a scan": (lambda xs: mj.lax.scan(lambda c, x: (rnn(c, xs)[0] + x, c), 0.0, xs), X),
    "while": (lambda x: mj.lax.while_loop(lambda c: c[0] < 50, lambda c: (c[0] * 2, c[1] + 1), (x, 0)), jnp.float32(1)),
    "while, a longer test": (
        lambda x: mj.lax.while_loop(lambda c: jnp.sin(c) + c < 9, lambda c: c + 1, x),
        jnp.float32(1),
    ),
    "swapped carries": (lambda x: mj.lax.fori_loop(0, 3, lambda i, c: (c[1], c[0] + i), (x, 2 * x)), jnp.float32(1)),
    "cond": (lambda x: mj.lax.cond(x > 0, jnp.sin, lambda x: 3.0, x), jnp.float32(1)),
    "cond, the other": (lambda x: mj.lax.cond(x > 0, jnp.sin, lambda x: 3.0, x), jnp.float32(-1)),
    **{f"switch {i}": (branches, jnp.int32(i), X) for i in (-1, 0, 1, 2, 3)},
    "several calls": (lambda x: several(several(x)) + several(2 * x), X),
    "checkpoint": (mj.grad(lambda x: mj.checkpoint(lambda v: jnp.sin(jnp.sin(v)))(x).sum()), X),
    "custom_jvp": (mj.grad(lambda x: mj.nn.relu(x).sum()), X),
    "vmap of cond": (mj.vmap(lambda x: mj.lax.cond(x > 0, jnp.sin, jnp.cos, x)), X),
    "a key from a seed": (lambda s: mj.random.uniform(mj.random.key(s), (3,)), jnp.int32(-3)),
    "random numbers": (
        lambda k: (mj.random.normal(k, (3,)), mj.random.permutation(k, 5), mj.random.gamma(k, 2.0)),
        KEY,
    ),
    "results that are arguments, or numbers": (lambda x: (x, 3.0, x), X),
    "no arguments": (lambda: jnp.arange(3) * 2,),
    "closed over": (lambda x: x * np.arange(3, dtype=np.float32), X),
    "inf and nan": (lambda x: jnp.where(x > 0, jnp.inf, jnp.nan) - jnp.inf, X),
    "custom_linear_solve": (mj.grad(lambda a: linear_solve(a, jnp.ones(3)).sum()), jnp.eye(3) * 2 + 1),
    "custom_linear_solve, of several": (
        mj.vmap(linear_solve, (None, 0)),
        jnp.eye(3) * 2 + 1,
        jnp.arange(6.0).reshape(2, 3),
    ),
    "sort and gather": (lambda x: jnp.sort(x)[jnp.argsort(x)].at[1].add(2.0), X),
}
