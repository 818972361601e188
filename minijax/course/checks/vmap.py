"""Page 6."""

from __future__ import annotations

import numpy as np

import minijax as jax
import minijax.numpy as jnp

from ..checking import Work, exercise, judge, leaves, wrong


@exercise("A batch rule")
def batch_rule(work: Work, random: np.random.Generator):
    # All axes are of one length: a wrong axis shows in the numbers.
    x = random.normal(size=(3, 3, 3)).astype(np.float32)
    for dim in (0, 1, 2):
        for along in (0, 1):
            examples = np.moveaxis(x, dim, 0)
            right = np.stack([np.cumsum(e, along) for e in examples])
            got = jax.vmap(lambda e, along=along: work.running(e, along), in_axes=dim)(jnp.asarray(x))
            what = f"With the batch along axis {dim}, the running sum along axis {along} of each example"
            mistakes = [
                (
                    np.cumsum(examples, along),
                    "The axis `along` of an example is another one of the array with the batch.",
                ),
                (np.cumsum(x, along + 1), "along + 1 is right if the batch axis stands in front: move it there."),
                (np.moveaxis(right, dim, 0), "The numbers are right: say where their batch axis is now."),
            ]
            judge(what, got, right, mistakes)


@exercise("Per-example gradients")
def per_example(work: Work, random: np.random.Generator):
    n, k = 4, 3
    params = {"w": jnp.asarray(random.normal(size=k)), "b": jnp.asarray(random.normal())}
    xs, ys = jnp.asarray(random.normal(size=(n, k))), jnp.asarray(random.normal(size=n))

    def loss(params, x, y):
        return jnp.sum((jnp.dot(params["w"], x) + params["b"] - y) ** 2)

    got = work.per_example(loss, params, xs, ys)
    error = 2 * (np.asarray(xs) @ np.asarray(params["w"]) + np.asarray(params["b"]) - np.asarray(ys))
    right = {"w": error[:, None] * np.asarray(xs), "b": error}
    if not isinstance(got, dict):
        wrong(
            "The result is not a dict like params: grad with respect to the first argument returns the tree of params."
        )
    if [x.shape for x in leaves(got)] == [x.shape for x in leaves(params)]:
        wrong("The leaves have no axis of examples: it is the gradient of a sum. Take the gradient first, and map it.")
    whole = jax.vmap(jax.grad(loss), (None, 0, None))(params, xs, ys)
    judge("The gradients", got, right, [(whole, "Each example got all of ys: map over both xs and ys.")])
