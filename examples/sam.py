"""Sharpness-aware minimisation (Foret, Kleiner, Mobahi & Neyshabur, 2021).

Descend by the gradient not here but at the worst point within `rho`, in first order w + rho * g / |g|: minima whose
neighbourhood is low too are preferred. The sharpness of what is found is the largest eigenvalue of the Hessian, by power
iteration with Hessian-vector products: forward over reverse, no Hessian is formed.
"""

from collections.abc import Callable
from typing import Any

import minijax as jax
import minijax.numpy as jnp

Params = dict[str, tuple[jax.Array, jax.Array]]
Objective = Callable[[Params], jax.Array]


def init(key: jax.Array, width: int = 16) -> Params:
    first, second = jax.random.split(key)
    return {
        "hidden": (jax.random.normal(first, (2, width)), jnp.zeros(width)),
        "output": (jax.random.normal(second, (width,)) / width**0.5, jnp.zeros(())),
    }


def data(key: jax.Array, points: int = 64) -> tuple[jax.Array, jax.Array]:
    """Two rings, and noise: label 1 for the outer one."""
    angles, noise = jax.random.split(key)
    angle = jax.random.uniform(angles, (points,), maxval=2 * jnp.pi)
    label = jnp.arange(points) % 2
    x = (1.0 + label)[:, None] * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=-1)
    return x + 0.15 * jax.random.normal(noise, x.shape), label


def loss(params: Params, x: jax.Array, label: jax.Array) -> jax.Array:
    """Mean cross entropy of logistic regression on one hidden layer."""
    (w, b), (v, c) = params["hidden"], params["output"]
    logit = jnp.tanh(x @ w + b) @ v + c
    return jnp.mean(jax.nn.softplus(logit) - label * logit)


def norm(tree: Any) -> jax.Array:
    return jnp.sqrt(sum(jnp.vdot(leaf, leaf) for leaf in jax.tree.leaves(tree)))


def sam_gradient(function: Objective, params: Params, rho: float) -> Params:
    """The gradient of `function` at params + rho * g / |g|, where g is its gradient at params."""
    gradient = jax.grad(function)(params)
    scale = rho / norm(gradient)
    worst: Params = jax.grad(function)(jax.tree.map(lambda p, g: p + scale * g, params, gradient))
    return worst


def sharpness(function: Objective, params: Params, iterations: int = 20) -> jax.Array:
    """The largest eigenvalue of the Hessian."""

    def iterate(direction: Params, _: None) -> tuple[Params, jax.Array]:
        product = jax.jvp(jax.grad(function), (params,), (direction,))[1]
        size = norm(product)
        return jax.tree.map(lambda leaf: leaf / size, product), size

    start = jax.tree.map(lambda p: jnp.ones_like(p) / norm(jax.tree.map(jnp.ones_like, params)), params)
    return jax.lax.scan(iterate, start, None, length=iterations)[1][-1]


def train(steps: int, rho: float) -> tuple[Params, jax.Array, jax.Array]:
    """(parameters, loss, sharpness) where `steps` of descent end; rho = 0 is plain gradient descent."""
    weights, points = jax.random.split(jax.random.key(0))
    x, label = data(points)

    def objective(params: Params) -> jax.Array:
        return loss(params, x, label)

    @jax.jit
    def step(params: Params) -> Params:
        gradient = sam_gradient(objective, params, rho)
        lower: Params = jax.tree.map(lambda p, g: p - g, params, gradient)
        return lower

    params = init(weights)
    for _ in range(steps):
        params = step(params)
    return params, objective(params), sharpness(objective, params)


def main() -> None:
    print("rho     loss    sharpness")
    for rho in (0.0, 0.1, 0.3, 0.5):
        _, value, sharp = train(1500, rho)
        print(f"{rho:.1f}   {value:.4f}   {sharp:8.4f}")


if __name__ == "__main__":
    main()
