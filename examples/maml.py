"""Model-agnostic meta-learning (Finn, Abbeel & Levine, 2017) on their sine regression.

A task is a sine of some amplitude and phase, and ten points of it. What is learned is not a sine but a start from which a
few gradient steps on the ten points give any of them: the outer gradient goes through the inner one.
"""

import minijax as jax
import minijax.numpy as jnp

Params = list[tuple[jax.Array, jax.Array]]
Points = tuple[jax.Array, jax.Array]
Batch = tuple[Points, Points]


def init(key: jax.Array, width: int = 40) -> Params:
    first, second, third = jax.random.split(key, 3)
    return [
        (jax.random.normal(first, (1, width)), jnp.zeros(width)),
        (jax.random.normal(second, (width, width)) / width**0.5, jnp.zeros(width)),
        (jax.random.normal(third, (width, 1)) / width**0.5, jnp.zeros(1)),
    ]


def tasks(key: jax.Array, number: int, points: int = 10) -> Batch:
    """(x, y) to adapt to and (x, y) to be judged by, for each of `number` sines."""
    amplitudes, phases, places = jax.random.split(key, 3)
    amplitude = jax.random.uniform(amplitudes, (number, 1, 1), minval=0.1, maxval=5.0)
    phase = jax.random.uniform(phases, (number, 1, 1), maxval=jnp.pi)
    x = jax.random.uniform(places, (number, 2 * points, 1), minval=-5.0, maxval=5.0)
    y = amplitude * jnp.sin(x + phase)
    return (x[:, :points], y[:, :points]), (x[:, points:], y[:, points:])


# The algorithm begins here


def network(params: Params, x: jax.Array) -> jax.Array:
    for w, b in params[:-1]:
        x = jnp.tanh(x @ w + b)
    w, b = params[-1]
    return x @ w + b


def loss(params: Params, points: Points) -> jax.Array:
    x, y = points
    return jnp.mean((network(params, x) - y) ** 2)


def adapt(params: Params, points: Points, rate: float = 0.03) -> Params:
    """The inner step: one gradient step on a task's own points."""
    adapted: Params = jax.tree.map(lambda p, g: p - rate * g, params, jax.grad(loss)(params, points))
    return adapted


def meta_loss(params: Params, batch: Batch) -> jax.Array:
    """The loss after adaptation, on points not adapted to, over a batch of tasks."""
    return jnp.mean(jax.vmap(lambda seen, unseen: loss(adapt(params, seen), unseen))(*batch))


@jax.jit
def meta_step(params: Params, batch: Batch, rate: float = 0.02) -> Params:
    gradient = jax.grad(meta_loss)(params, batch)
    norm = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(gradient)))
    lower: Params = jax.tree.map(lambda p, g: p - rate * g / jnp.maximum(norm / 10, 1.0), params, gradient)
    return lower


# and ends here


def errors(params: Params, batch: Batch, steps: int = 3) -> jax.Array:
    """Mean loss on unseen points after 0, 1, ... `steps` gradient steps on the seen ones."""

    def one(seen: Points, unseen: Points) -> jax.Array:
        adapted, found = params, [loss(params, unseen)]
        for _ in range(steps):
            adapted = adapt(adapted, seen)
            found.append(loss(adapted, unseen))
        return jnp.stack(found)

    return jnp.mean(jax.vmap(one)(*batch), axis=0)


def train(steps: int) -> tuple[Params, jax.Array, jax.Array]:
    """The start that is learned, and its errors on new tasks as adaptation goes on, before and after."""
    weights, test, batches = jax.random.split(jax.random.key(0), 3)
    params, unseen = init(weights), tasks(test, 100)
    before = errors(params, unseen)
    for key in jax.random.split(batches, steps):
        params = meta_step(params, tasks(key, 16))
    return params, before, errors(params, unseen)


def main() -> None:
    _, before, after = train(2000)
    print("gradient steps on ten points of a new sine   0      1      2      3")
    for name, found in (("before meta-training", before), ("after meta-training", after)):
        print(f"{'error, ' + name:40}" + " ".join(f"{e:6.3f}" for e in found))


if __name__ == "__main__":
    main()
