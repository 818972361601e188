"""Two players of a zero-sum game: x lowers f(x, y) = x^T A y, y raises it. The equilibrium is (0, 0).

Gradient descent-ascent never gets there: the gradients turn about the equilibrium and each step leads a little further out.
The optimistic step (Popov, 1980; Daskalakis et al., 2018) adds what the gradient has changed since the step before, and
converges.
"""

import minijax as jax
import minijax.numpy as jnp

Players = tuple[jax.Array, jax.Array]


def game(players: Players, A: jax.Array) -> jax.Array:
    x, y = players
    return x @ A @ y


def directions(players: Players, A: jax.Array) -> Players:
    """Where each player would go: x down the gradient, y up."""
    dx, dy = jax.grad(game)(players, A)
    return -dx, dy


def play(players: Players, A: jax.Array, steps: int, rate: float, optimism: jax.Array) -> jax.Array:
    """The distance from the equilibrium after each step; optimism 0 is plain descent-ascent, 1 the optimistic step."""

    def step(state: tuple[Players, Players], _: None) -> tuple[tuple[Players, Players], jax.Array]:
        players, before = state
        now = directions(players, A)
        players = jax.tree.map(lambda p, d, b: p + rate * (d + optimism * (d - b)), players, now, before)
        return (players, now), jnp.sqrt(sum(jnp.sum(p**2) for p in players))

    start = (players, directions(players, A))
    return jax.lax.scan(step, start, None, length=steps)[1]


def distances(steps: int, rate: float = 0.1) -> jax.Array:
    """(plain, optimistic): one game, two ways of playing it, by one vmap over the optimism."""
    A = jnp.array([[1.0, 0.5], [-0.5, 1.0]])
    players = (jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0]))
    return jax.vmap(lambda optimism: play(players, A, steps, rate, optimism))(jnp.array([0.0, 1.0]))


def main() -> None:
    plain, optimistic = distances(1001)
    print("step    descent-ascent   optimistic")
    for step in (0, 50, 100, 200, 500, 1000):
        print(f"{step:4}   {plain[step]:15.4g}   {optimistic[step]:10.4g}")


if __name__ == "__main__":
    main()
