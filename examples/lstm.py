"""An LSTM that learns to predict a mix of two sines one step ahead.

The recurrence is a `lax.scan`: its body is traced once, however long the sequence, and the gradient runs it backwards.
"""

import minijax as jax
import minijax.numpy as jnp

Params = dict[str, jax.Array]
State = tuple[jax.Array, jax.Array]


def init(key: jax.Array, hidden: int) -> Params:
    """Weights of the four gates side by side: (input, forget, candidate, output)."""
    to_input, to_hidden, to_output = jax.random.split(key, 3)
    return {
        "input": jax.random.normal(to_input, (1, 4 * hidden)),
        "hidden": jax.random.normal(to_hidden, (hidden, 4 * hidden)) / hidden**0.5,
        "bias": jnp.zeros(4 * hidden).at[hidden : 2 * hidden].set(1.0),  # remember, to begin with
        "output": jax.random.normal(to_output, (hidden, 1)) / hidden**0.5,
    }


def cell(params: Params, state: State, x: jax.Array) -> tuple[State, jax.Array]:
    """One step: (hidden, memory), input -> (hidden, memory), prediction."""
    h, c = state
    i, f, g, o = jnp.split(x @ params["input"] + h @ params["hidden"] + params["bias"], 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h @ params["output"]


def loss(params: Params, sequences: jax.Array) -> jax.Array:
    """Mean squared error of predicting element t + 1 from the elements up to t; `sequences` is (time, batch, 1)."""
    start = jnp.zeros((sequences.shape[1], params["hidden"].shape[0]))
    _, predictions = jax.lax.scan(lambda state, x: cell(params, state, x), (start, start), sequences[:-1])
    return jnp.mean((predictions - sequences[1:]) ** 2)


def data(key: jax.Array, time: int = 24, batch: int = 16) -> jax.Array:
    phases = jax.random.uniform(key, (2, batch, 1), maxval=2 * jnp.pi)
    t = 0.4 * jnp.arange(time)[:, None, None]
    return jnp.sin(t + phases[0]) + 0.5 * jnp.sin(2.3 * t + phases[1])


@jax.jit
def train_step(params: Params, velocity: Params, sequences: jax.Array) -> tuple[Params, Params, jax.Array]:
    """Gradient descent with momentum."""
    value, gradient = jax.value_and_grad(loss)(params, sequences)
    velocity = jax.tree.map(lambda v, g: 0.9 * v - 0.05 * g, velocity, gradient)
    return jax.tree.map(jnp.add, params, velocity), velocity, value


def train(steps: int, hidden: int = 12) -> tuple[Params, jax.Array]:
    """The parameters after training, and the loss at each step."""
    weights, phases = jax.random.split(jax.random.key(0))
    params = init(weights, hidden)
    velocity = jax.tree.map(jnp.zeros_like, params)
    sequences, losses = data(phases), []
    for _ in range(steps):
        params, velocity, value = train_step(params, velocity, sequences)
        losses.append(value)
    return params, jnp.stack(losses)


def main() -> None:
    _, losses = train(400)
    for step in (0, 50, 100, 200, 399):
        print(f"step {step:3}   mean squared error {losses[step]:.4f}")


if __name__ == "__main__":
    main()
