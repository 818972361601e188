"""A variational autoencoder: pictures of a spot, 144 numbers each, through two numbers and back.

The encoder says where in the plane a picture lies, a mean and a width; the decoder draws a picture from a random point there. The
loss, how wrong the picture is and how far the points are from standard normal, is an upper bound of -log p(picture). The random
point is mean + width * noise, so the gradient goes through it to the encoder. (Kingma and Welling, 2014.)
"""

from typing import Any

import minijax as jax
import minijax.numpy as jnp

SIDE, HIDDEN = 12, 64
Layer = tuple[jax.Array, jax.Array]
Params = dict[str, list[Layer]]


def data(key: jax.Array, count: int = 256) -> tuple[jax.Array, jax.Array]:
    """(pictures [count, 144], the places of their spots [count, 2], from 0 to 1)"""
    places = jax.random.uniform(key, (count, 2), minval=0.2, maxval=0.8)
    axis = (jnp.arange(SIDE) + 0.5) / SIDE
    bump = jnp.exp(-(((axis - places[..., None]) / 0.12) ** 2))
    return jnp.einsum("ni,nj->nij", bump[:, 0], bump[:, 1]).reshape(count, -1), places


def init(key: jax.Array) -> Params:
    sizes = {"encoder": (SIDE**2, HIDDEN, 4), "decoder": (2, HIDDEN, SIDE**2)}
    draw = jax.nn.initializers.he_normal()
    return {
        part: [
            (draw(k, (a, b)), jnp.zeros(b))
            for k, a, b in zip(jax.random.split(jax.random.fold_in(key, len(part + str(i))), 2), widths, widths[1:])
        ]
        for i, (part, widths) in enumerate(sizes.items())
    }


def mlp(layers: list[Layer], x: jax.Array) -> jax.Array:
    (w, b), (v, c) = layers
    return jax.nn.silu(x @ w + b) @ v + c


def encode(params: Params, pictures: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(the means, the logarithms of the widths), [count, 2] each"""
    mean, log_width = jnp.split(mlp(params["encoder"], pictures), 2, axis=-1)
    return mean, log_width


def loss(params: Params, pictures: jax.Array, key: jax.Array) -> jax.Array:
    """The bound, a mean over the pictures, each pixel of which is seen with noise of deviation 0.1."""
    mean, log_width = encode(params, pictures)
    point = mean + jnp.exp(log_width) * jax.random.normal(key, mean.shape)
    wrong = jnp.sum((mlp(params["decoder"], point) - pictures) ** 2, axis=-1) / (2 * 0.1**2)
    far = jnp.sum(jnp.exp(2 * log_width) + mean**2 - 1 - 2 * log_width, axis=-1) / 2
    return jnp.mean(wrong + far)


@jax.jit
def step(state: Any, pictures: jax.Array, key: jax.Array) -> tuple[Any, jax.Array]:
    """A step of Adam."""
    params, first, second, count = state
    value, slope = jax.value_and_grad(loss)(params, pictures, key)
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, slope)
    second = jax.tree.map(lambda m, g: 0.99 * m + 0.01 * g**2, second, slope)
    rate = 0.005 * jnp.sqrt(1 - 0.99 ** (count + 1)) / (1 - 0.9 ** (count + 1))
    params = jax.tree.map(lambda p, m, s: p - rate * m / (jnp.sqrt(s) + 1e-6), params, first, second)
    return (params, first, second, count + 1), value


def train(updates: int) -> tuple[Params, jax.Array]:
    """(the parameters, the bound at each step)"""
    weights, spots, noise = jax.random.split(jax.random.key(0), 3)
    pictures, params = data(spots)[0], init(weights)
    zeros = jax.tree.map(jnp.zeros_like, params)
    state, values = (params, zeros, zeros, 0.0), []
    for key in jax.random.split(noise, updates):
        state, value = step(state, pictures, key)
        values.append(value)
    return state[0], jnp.stack(values)


def main() -> None:
    params, values = train(500)
    for update in (0, 100, 499):
        print(f"update {update:3}   bound {values[update]:8.1f}")
    pictures, places = data(jax.random.key(7))
    mean, _ = encode(params, pictures)
    # The two numbers are the place of the spot, seen from another side: a quadratic function of them tells it.
    terms = jnp.stack([jnp.ones(len(mean)), *mean.T, *(mean**2).T, mean[:, 0] * mean[:, 1]], axis=1)
    left = places - terms @ jnp.linalg.lstsq(terms, places)[0]
    print(f"the two numbers say where the spot is, but for {jnp.sqrt(jnp.mean(left**2)):.3f} of {jnp.std(places):.3f}")
    for point in ((-1.0, 0.0), (1.0, 0.0)):
        print(f"the picture at {point}:")
        for row in mlp(params["decoder"], jnp.array(point)).reshape(SIDE, SIDE)[::2]:
            print("  " + "".join(" .:-=+*#%@"[int(level)] for level in jnp.clip(row * 9, 0, 9)))


if __name__ == "__main__":
    main()
