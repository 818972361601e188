"""Page 11."""

from __future__ import annotations

import numpy as np

import minijax as jax
import minijax.numpy as jnp

from ..checking import Work, exercise, judge, wrong


@exercise("Choose a policy")
def choose(work: Work, random: np.random.Generator):
    if work.policy is None:
        raise NotImplementedError
    n = int(random.integers(2, 5))
    w, x = jnp.ones((n, 3, 2)), jnp.ones((n, 4, 3))
    program = jax.make_jaxpr(jax.grad(jax.checkpoint(work.block, policy=work.policy)))(w, x)
    text = program.pretty_print(use_color=False)
    products, exponentials = text.count("= dot_general"), text.count("= exp")
    found = f"The gradient has {products} products and {exponentials} exponentials."
    if exponentials == 1:
        wrong(f"{found} The exponential is kept, and it should be computed again: everything_saveable keeps all.")
    if products > 2 and "no_batch" in getattr(work.policy, "__name__", ""):
        wrong(f"{found} The product is one of a batch, which dots_with_no_batch_dims_saveable does not keep.")
    if products > 2:
        wrong(f"{found} One product is forwards, one is the gradient's: the third one is the first one again. Keep it.")


@exercise("Segments")
def segments(work: Work, random: np.random.Generator):
    n, every = 6, int(random.choice([2, 3]))
    weights = random.normal(size=(n, 3, 3)) / 2
    ran = [0] * n

    def layer(i):
        def f(x):
            ran[i] += 1
            return jnp.tanh(jnp.asarray(weights[i], jnp.float32) @ x)

        return f

    x = random.normal(size=3)
    values, slopes = [x], []
    for w in weights:
        values.append(np.tanh(w @ values[-1]))
        slopes.append((1 - values[-1] ** 2)[:, None] * w)
    blocks = [np.linalg.multi_dot(slopes[i : i + every][::-1]) for i in range(0, n, every)]
    ones = np.ones(3)
    right = forwards = ones
    for block in reversed(blocks):
        right = right @ block
    for block in blocks:
        forwards = forwards @ block
    got = work.gradient([layer(i) for i in range(n)], jnp.asarray(x, jnp.float32), every)
    if got is None:
        wrong("gradient returns nothing: it returns the cotangent of x.")
    mistakes = [
        (
            ones @ blocks[0],
            "Only the first segment counts: the cotangent that leaves a segment enters the one before it.",
        ),
        (forwards, "The segments were run backwards in the wrong order: begin with the last one."),
    ]
    judge(f"The cotangent of x, with segments of {every},", got, right, mistakes)
    if max(ran) == 1:
        wrong("Each layer ran once, under one vjp, which kept all residuals: run a segment again for its vjp.")
    if max(ran) > 2:
        wrong(f"A layer ran {max(ran)} times: once forwards, and once for its segment's vjp, is enough.")
