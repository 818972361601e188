"""A GRU that learns to add two numbers among many: the adding problem (Hochreiter & Schmidhuber, 1997).

Each element of a sequence is a number in [0, 1) and a mark; the answer is the sum of the two marked numbers. Answering 1
whatever comes has an error of 1/6: going below it takes memory.
"""

import minijax as jax
import minijax.numpy as jnp

Layer = tuple[jax.Array, jax.Array]
Params = dict[str, Layer]
Moments = tuple[Params, Params]


def init(key: jax.Array, hidden: int) -> Params:
    """Weights of the gates (reset, update), of the candidate, and of the answer."""
    gates, candidate, answer = jax.random.split(key, 3)
    size = hidden + 2
    return {
        "gates": (jax.random.normal(gates, (size, 2 * hidden)) / size**0.5, jnp.zeros(2 * hidden)),
        "candidate": (jax.random.normal(candidate, (size, hidden)) / size**0.5, jnp.zeros(hidden)),
        "answer": (jax.random.normal(answer, (hidden,)) / hidden**0.5, jnp.ones(())),
    }


def affine(layer: Layer, x: jax.Array) -> jax.Array:
    w, b = layer
    return x @ w + b


def cell(params: Params, h: jax.Array, x: jax.Array) -> jax.Array:
    """One step: hidden, input -> hidden."""
    gates = jax.nn.sigmoid(affine(params["gates"], jnp.concatenate([h, x], axis=-1)))
    reset, update = jnp.split(gates, 2, axis=-1)
    candidate = jnp.tanh(affine(params["candidate"], jnp.concatenate([reset * h, x], axis=-1)))
    return update * h + (1 - update) * candidate


def loss(params: Params, sequences: jax.Array, answers: jax.Array) -> jax.Array:
    """Mean squared error; `sequences` is (time, batch, 2)."""
    start = jnp.zeros((sequences.shape[1], params["answer"][0].shape[0]))
    last, _ = jax.lax.scan(lambda h, x: (cell(params, h, x), None), start, sequences)
    return jnp.mean((affine(params["answer"], last) - answers) ** 2)


def data(key: jax.Array, time: int = 8, batch: int = 32) -> tuple[jax.Array, jax.Array]:
    """Sequences with one mark in each half, and the sums of what is marked."""
    numbers_key, first_key, second_key = jax.random.split(key, 3)
    numbers = jax.random.uniform(numbers_key, (time, batch))
    first = jax.random.randint(first_key, (batch,), 0, time // 2)
    second = jax.random.randint(second_key, (batch,), time // 2, time)
    places = jnp.arange(time)[:, None]
    marks = ((places == first) | (places == second)).astype(numbers.dtype)
    return jnp.stack([numbers, marks], axis=-1), jnp.sum(numbers * marks, axis=0)


@jax.jit
def train_step(params: Params, moments: Moments, step: float, key: jax.Array) -> tuple[Params, Moments, jax.Array]:
    """One step of Adam on a fresh batch."""
    value, gradient = jax.value_and_grad(loss)(params, *data(key))
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, moments[0], gradient)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g**2, moments[1], gradient)
    rate = 0.01 * jnp.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), params, first, second)
    return params, (first, second), value


def train(steps: int, hidden: int = 16) -> tuple[Params, jax.Array]:
    """The parameters after training, and the loss at each step."""
    weights, batches = jax.random.split(jax.random.key(0))
    params = init(weights, hidden)
    zeros = jax.tree.map(jnp.zeros_like, params)
    moments, losses = (zeros, zeros), []
    for step, key in enumerate(jax.random.split(batches, steps)):
        params, moments, value = train_step(params, moments, step + 1.0, key)
        losses.append(value)
    return params, jnp.stack(losses)


def main() -> None:
    _, losses = train(600)
    print("answering 1         mean squared error 0.1667")
    for step in (100, 200, 400, 600):
        print(f"steps {step - 50:3} to {step:3}    mean squared error {jnp.mean(losses[step - 50 : step]):.4f}")


if __name__ == "__main__":
    main()
