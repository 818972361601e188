"""Page 7."""

from __future__ import annotations

import numpy as np

import minijax as jax
import minijax.numpy as jnp

from ..checking import Work, close, exercise, judge, wrong


@exercise("Register a class")
def register(work: Work, random: np.random.Generator):
    alpha, bias, x = random.normal(size=4), random.normal(), random.normal()
    layer = work.Layer(jnp.asarray(alpha, jnp.float32), jnp.float32(bias), (-1.0, 1.0))
    leaves, tree = jax.tree.flatten(layer)
    if len(leaves) > 2:
        wrong(f"The layer has {len(leaves)} leaves. The bounds are not learned: they belong to aux_data.")
    if len(leaves) < 2:
        wrong(
            f"The layer has {len(leaves)} leaves, and it should have two, alpha and bias: what is learned is a child."
        )
    again = jax.tree.unflatten(tree, leaves)
    if not isinstance(again, work.Layer):
        wrong("tree_unflatten returns no Layer: call cls.")
    if not close(again.alpha, alpha) or not close(again.bias, bias):
        wrong(
            "Flattened and built again, alpha and bias are not what they were: children come back in the order that you gave."
        )
    if again.bounds != (-1.0, 1.0):
        wrong(
            f"Flattened and built again, the bounds are {again.bounds}: aux_data carries them from tree_flatten to tree_unflatten."
        )
    slopes = jax.grad(lambda layer: layer(x))(layer)
    judge("The slope in alpha", slopes.alpha, np.exp(-((x - np.linspace(-1, 1, 4)) ** 2)))


@exercise("Flatten")
def flatten(work: Work, random: np.random.Generator):
    a, b, c, d = (float(x) for x in random.normal(size=4))
    tree = {"z": (a, None), "b": [b, {"y": c, "x": d}]}
    right = [b, d, c, a]
    got = work.flatten(tree)
    if got is None:
        wrong("flatten returns nothing: it returns a list.")
    if None in got:
        wrong("None is among the leaves: it is a tree without leaves.")
    if got == [a, b, c, d]:
        wrong(
            "The leaves are in the order in which the dicts were written. Equal dicts must be flattened alike: sort the keys."
        )
    if got != right:
        wrong(f"The leaves of {tree} are {got}, and they should be {right}.")
    new = [1.0, 2.0, 3.0, 4.0]
    built, wanted = work.rebuild(tree, new), {"z": (4.0, None), "b": [1.0, {"y": 3.0, "x": 2.0}]}
    if isinstance(built, dict) and isinstance(built.get("z"), list):
        wrong("A tuple became a list: build a container of the type that it had.")
    if built != wanted:
        wrong(f"{tree} with the leaves {new} is {built}, and it should be {wanted}.")
