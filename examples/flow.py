"""A normalising flow: the density of points on two half moons, as that of a normal distribution seen through invertible layers.

A layer keeps one coordinate, and shifts and stretches the other by functions of the first. That is easy to undo, and the volume
changes by the stretch alone, so the density of the data is known exactly and its logarithm is maximised. To draw new points, draw
normal ones and go back. (Dinh, Sohl-Dickstein and Bengio, Real NVP, 2017.)
"""

from typing import Any

import minijax as jax
import minijax.numpy as jnp

LAYERS, HIDDEN = 6, 32
Params = dict[str, jax.Array]


def data(key: jax.Array, count: int = 512) -> jax.Array:
    """Points [count, 2] on two half circles that reach into each other."""
    angles, noise = jax.random.split(key)
    angle = jax.random.uniform(angles, (count,), maxval=jnp.pi)
    upper = jnp.arange(count) % 2 == 0
    x = jnp.where(upper, jnp.cos(angle), 1 - jnp.cos(angle)) - 0.5
    y = jnp.where(upper, jnp.sin(angle), 0.5 - jnp.sin(angle)) - 0.25
    return jnp.stack([x, y], 1) + 0.06 * jax.random.normal(noise, (count, 2))


def init(key: jax.Array) -> Params:
    """The layers' parameters, stacked: `scan` goes through them."""
    first, second = jax.random.split(key)
    return {
        "w": jax.random.normal(first, (LAYERS, HIDDEN)),
        "b": jnp.zeros((LAYERS, HIDDEN)),
        "v": 0.1 * jax.random.normal(second, (LAYERS, HIDDEN, 2)),
        "c": jnp.zeros((LAYERS, 2)),
    }


def shift_and_stretch(layer: Params, kept: jax.Array) -> tuple[jax.Array, jax.Array]:
    shift, stretch = jnp.tanh(kept * layer["w"] + layer["b"]) @ layer["v"] + layer["c"]
    return shift, jnp.tanh(stretch)


def to_normal(params: Params, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(the point [2] as the normal distribution has it, the logarithm of the volume's change)"""

    def forth(x: jax.Array, layer: Params) -> tuple[jax.Array, jax.Array]:
        shift, stretch = shift_and_stretch(layer, x[0])
        # The next layer changes the other coordinate.
        return jnp.stack([x[1] * jnp.exp(stretch) + shift, x[0]]), stretch

    z, stretches = jax.lax.scan(forth, x, params)
    return z, jnp.sum(stretches)


def from_normal(params: Params, z: jax.Array) -> jax.Array:
    def back(z: jax.Array, layer: Params) -> tuple[jax.Array, None]:
        shift, stretch = shift_and_stretch(layer, z[1])
        return jnp.stack([z[1], (z[0] - shift) * jnp.exp(-stretch)]), None

    return jax.lax.scan(back, z, params, reverse=True)[0]


def log_density(params: Params, x: jax.Array) -> jax.Array:
    z, volume = to_normal(params, x)
    return jnp.sum(jax.scipy.stats.norm.logpdf(z)) + volume


@jax.jit
def step(state: Any, points: jax.Array) -> tuple[Any, jax.Array]:
    """A step of Adam."""
    params, first, second, count = state
    cost = lambda params: -jnp.mean(jax.vmap(log_density, (None, 0))(params, points))
    value, slope = jax.value_and_grad(cost)(params)
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, slope)
    second = jax.tree.map(lambda m, g: 0.99 * m + 0.01 * g**2, second, slope)
    rate = 0.01 * jnp.sqrt(1 - 0.99 ** (count + 1)) / (1 - 0.9 ** (count + 1))
    params = jax.tree.map(lambda p, m, s: p - rate * m / (jnp.sqrt(s) + 1e-6), params, first, second)
    return (params, first, second, count + 1), -value


def train(updates: int) -> tuple[Params, jax.Array]:
    """(the parameters, the mean log density of the points at each step)"""
    weights, points = jax.random.split(jax.random.key(0))
    params, x = init(weights), data(points)
    zeros = jax.tree.map(jnp.zeros_like, params)
    state, values = (params, zeros, zeros, 0.0), []
    for _ in range(updates):
        state, value = step(state, x)
        values.append(value)
    return state[0], jnp.stack(values)


def main() -> None:
    params, values = train(1000)
    for update in (0, 100, 999):
        print(f"update {update:3}   log density {values[update]:6.3f}")
    z = jax.random.normal(jax.random.key(1), (2000, 2))
    drawn = jax.vmap(from_normal, (None, 0))(params, z)
    again = jax.vmap(to_normal, (None, 0))(params, drawn)[0]
    print(f"2,000 new points, which go back to within {jnp.max(jnp.abs(again - z)):.0e}:")
    counts = jnp.histogram2d(drawn[:, 1], drawn[:, 0], bins=(14, 48), range=[(-1.2, 1.2), (-2.0, 2.0)])[0]
    for row in counts[::-1]:
        print("".join(" .:-=+*#%@"[int(n)] for n in jnp.clip(row, 0, 9)).rstrip())


if __name__ == "__main__":
    main()
