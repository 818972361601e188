"""Page 13."""

from __future__ import annotations

import numpy as np

import minijax as jax
import minijax.numpy as jnp

from ..checking import Work, exercise, judge


@exercise("psum's transpose")
def transpose(work: Work, random: np.random.Generator):
    n = int(random.integers(3, 6))
    weights, cts = random.normal(size=n), random.normal(size=(n, 2))
    got = jax.vmap(work.pull, axis_name="i")(jnp.asarray(weights), jnp.asarray(cts))
    each = weights[:, None] * cts
    judge(
        f"The array of the cotangents of {n} copies",
        got,
        np.broadcast_to(each.sum(0), (n, 2)),
        [
            (each, "Each copy's x goes into the sums of all copies: the others' cotangents come back, too."),
            (
                np.broadcast_to(each.mean(0), (n, 2)),
                "It is the mean over the copies. The contributions of all copies add up.",
            ),
            (
                np.broadcast_to(cts.sum(0), (n, 2)),
                "The weights are missing: first comes the cotangent of weight * psum.",
            ),
            (
                weights[:, None] * cts.sum(0),
                "Each cotangent has the weight of the copy that it comes from: multiply before the psum.",
            ),
        ],
    )


@exercise("Batch norm")
def batch_norm(work: Work, random: np.random.Generator):
    xs = random.normal(2.0, 3.0, size=7)
    got = jax.vmap(work.normalised, axis_name="batch")(jnp.asarray(xs))
    centred = xs - xs.mean()
    judge(
        "The normalised batch",
        got,
        centred / xs.std(),
        [
            (centred, "The mean is 0, but the variance is not 1: divide by its root."),
            (centred / xs.var(), "You divide by the variance: take its root."),
            (centred / np.sqrt((xs**2).mean()), "The variance is the mean of the squares of what is centred."),
            (centred / np.sqrt((centred**2).sum()), "psum adds the squares up: the variance is their mean."),
        ],
    )
