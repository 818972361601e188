"""Learning to balance a pole on a cart by backpropagation through the whole episode.

The physics is a differentiable program, so the return of an episode has a gradient in the weights of the policy: no value
function, no sampled score. The rollout is a `lax.scan`, `vmap` runs it from many starts at once.
"""

import minijax as jax
import minijax.numpy as jnp

Params = dict[str, jax.Array]

GRAVITY, CART, POLE, HALF_LENGTH, SECONDS = 9.8, 1.0, 0.1, 0.5, 0.02


def physics(state: jax.Array, force: jax.Array) -> jax.Array:
    """One step of Barto, Sutton & Anderson's cart-pole (1983); the state is (place, speed, angle, angular speed)."""
    place, speed, angle, turning = state
    sin, cos = jnp.sin(angle), jnp.cos(angle)
    push = (force + POLE * HALF_LENGTH * turning**2 * sin) / (CART + POLE)
    torque = (GRAVITY * sin - cos * push) / (HALF_LENGTH * (4 / 3 - POLE * cos**2 / (CART + POLE)))
    acceleration = push - POLE * HALF_LENGTH * torque * cos / (CART + POLE)
    return state + SECONDS * jnp.stack([speed, acceleration, turning, torque])


def policy(params: Params, state: jax.Array) -> jax.Array:
    """The force, at most 10 newtons: a network with one hidden layer."""
    return 10 * jnp.tanh(jnp.tanh(state @ params["hidden"] + params["bias"]) @ params["force"])


def episode(params: Params, start: jax.Array, steps: int) -> jax.Array:
    """The return: what each step costs, with its sign turned."""

    def step(state: jax.Array, nothing: None) -> tuple[jax.Array, jax.Array]:
        force = policy(params, state)
        place, _, angle, _ = state
        return physics(state, force), -(angle**2 + 0.1 * place**2 + 0.001 * force**2)

    _, rewards = jax.lax.scan(step, start, None, length=steps)
    return jnp.sum(rewards)


def mean_return(params: Params, starts: jax.Array, steps: int = 100) -> jax.Array:
    return jnp.mean(jax.vmap(lambda start: episode(params, start, steps))(starts))


@jax.jit
def ascend(params: Params, starts: jax.Array) -> tuple[Params, jax.Array]:
    """One step uphill, of a length that steep slopes do not stretch."""
    value, gradient = jax.value_and_grad(mean_return)(params, starts)
    norm = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(gradient)))
    return jax.tree.map(lambda p, g: p + 0.1 * g / jnp.maximum(norm, 1.0), params, gradient), value


def train(updates: int, hidden: int = 8) -> tuple[Params, jax.Array]:
    """The policy after training, and the mean return at each update."""
    places, hidden_key, force_key = jax.random.split(jax.random.key(0), 3)
    starts = 0.1 * jax.random.normal(places, (16, 4))
    params = {
        "hidden": 0.5 * jax.random.normal(hidden_key, (4, hidden)),
        "bias": jnp.zeros(hidden),
        "force": 0.1 * jax.random.normal(force_key, (hidden,)),
    }
    returns = []
    for _ in range(updates):
        params, value = ascend(params, starts)
        returns.append(value)
    return params, jnp.stack(returns)


def main() -> None:
    _, returns = train(150)
    for update in (0, 10, 25, 50, 100, 149):
        print(f"update {update:3}   mean return {returns[update]:9.3f}")


if __name__ == "__main__":
    main()
