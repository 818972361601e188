"""A network of three convolutional layers that learns to read digits of 8 x 8 pixels.

The images are scikit-learn's. After the first convolution each channel has an activation function of its own, which is trained,
too: a kernel activation function, a KAF, along the axis of the channels. It begins as an ELU.
"""

import kaf
import minijax as jax
import minijax.numpy as jnp

Params = dict[str, jax.Array]
GRID = kaf.Grid()


def data() -> tuple[jax.Array, jax.Array]:
    """Images (1797, 1, 8, 8) with values from 0 to 1, and their digits."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise SystemExit("The images of this example are scikit-learn's: pip install scikit-learn") from error
    images, digits = load_digits(return_X_y=True)
    return jnp.asarray(images, jnp.float32).reshape(-1, 1, 8, 8) / 16, jnp.asarray(digits)


def init(key: jax.Array) -> Params:
    keys = iter(jax.random.split(key, 4))

    def kernel(outputs: int, inputs: int) -> jax.Array:
        return jax.random.normal(next(keys), (outputs, inputs, 3, 3)) * jnp.sqrt(2 / (9 * inputs))

    elu = jnp.asarray(kaf.ridge_alpha("elu", GRID).alpha, jnp.float32)
    return {
        "first": kernel(8, 1),
        "alpha": jnp.broadcast_to(elu, (8, GRID.size)),
        "second": kernel(16, 8),
        "third": kernel(16, 16),
        "output": jax.random.normal(next(keys), (64, 10)) / 8,
    }


def convolution(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return jax.lax.conv(x, kernel, (1, 1), "SAME")


def halved(x: jax.Array) -> jax.Array:
    """The greatest of each 2 x 2 pixels."""
    greatest: jax.Array = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    return greatest


def scores(params: Params, images: jax.Array) -> jax.Array:
    """The scores of the ten digits for each image."""
    x = kaf.kaf(convolution(images, params["first"]), params["alpha"], GRID, axis=1)
    x = halved(jax.nn.relu(convolution(x, params["second"])))
    x = halved(jax.nn.relu(convolution(x, params["third"])))
    return x.reshape(len(images), -1) @ params["output"]


def loss(params: Params, images: jax.Array, digits: jax.Array) -> jax.Array:
    """The mean cross entropy."""
    logs = jax.nn.log_softmax(scores(params, images))
    return -jnp.mean(jnp.take_along_axis(logs, digits[:, None], axis=1))


@jax.jit
def train_step(
    params: Params, velocity: Params, images: jax.Array, digits: jax.Array
) -> tuple[Params, Params, jax.Array]:
    """Gradient descent with momentum."""
    value, gradient = jax.value_and_grad(loss)(params, images, digits)
    velocity = jax.tree.map(lambda v, g: 0.9 * v - 0.05 * g, velocity, gradient)
    return jax.tree.map(jnp.add, params, velocity), velocity, value


def train(steps: int, batch: int = 64) -> tuple[Params, jax.Array, jax.Array]:
    """The parameters after training on the first 1,500 images, the share of the others that is read right, and the losses."""
    images, digits = data()
    params = init(jax.random.key(0))
    velocity = jax.tree.map(jnp.zeros_like, params)
    losses = []
    for step in range(steps):
        start = step * batch % (1500 - batch)
        part = slice(start, start + batch)
        params, velocity, value = train_step(params, velocity, images[part], digits[part])
        losses.append(value)
    right = jnp.mean(jnp.argmax(scores(params, images[1500:]), axis=1) == digits[1500:])
    return params, right, jnp.stack(losses)


def main() -> None:
    _, right, losses = train(200)
    for step in (0, 20, 50, 100, 199):
        print(f"step {step:3}   cross entropy {losses[step]:.3f}")
    print(f"of 297 other images, {right:.1%} are read right")


if __name__ == "__main__":
    main()
