"""Regression with a Gaussian process: how smooth a curve is, and how noisy its samples are, by the gradient of the evidence.

The evidence, the probability of the data given the kernel's parameters, needs one Cholesky factor: a determinant is the product of
its diagonal, and two triangular systems solve what is left. All of it is differentiated. The prediction has error bars, wide where
there are no data. (Rasmussen and Williams, Gaussian Processes for Machine Learning, algorithm 2.1.)
"""

import minijax as jax
import minijax.numpy as jnp

Params = dict[str, jax.Array]


def kernel(params: Params, x: jax.Array, y: jax.Array) -> jax.Array:
    """The covariances of the curve's values at places x and y: near ones are alike."""
    distance = (x[:, None] - y[None, :]) / jnp.exp(params["length"])
    return jnp.exp(params["height"] - distance**2 / 2)


def factor(params: Params, x: jax.Array) -> jax.Array:
    """The Cholesky factor of the covariance of noisy samples at x."""
    return jnp.linalg.cholesky(kernel(params, x, x) + jnp.exp(params["noise"]) * jnp.eye(len(x)))


def evidence(params: Params, x: jax.Array, y: jax.Array) -> jax.Array:
    """log p(y | x, params) for each sample."""
    low = factor(params, x)
    white = jax.scipy.linalg.solve_triangular(low, y, lower=True)
    log_determinant = 2 * jnp.sum(jnp.log(jnp.diag(low)))
    return -(white @ white + log_determinant) / (2 * len(x)) - jnp.log(2 * jnp.pi) / 2


def predict(params: Params, x: jax.Array, y: jax.Array, places: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The curve's mean and standard deviation at new places, given its samples."""
    low, across = factor(params, x), kernel(params, x, places)
    mean = across.T @ jax.scipy.linalg.cho_solve((low, True), y)
    explained = jax.scipy.linalg.solve_triangular(low, across, lower=True)
    variance = jnp.exp(params["height"]) - jnp.sum(explained**2, axis=0)
    return mean, jnp.sqrt(variance)


def data(count: int = 30) -> tuple[jax.Array, jax.Array]:
    """Samples of a sine with noise of standard deviation 0.1, all left of 0.6."""
    places, noise = jax.random.split(jax.random.key(0))
    x = jax.random.uniform(places, (count,), maxval=0.6)
    return x, jnp.sin(8 * x) + 0.1 * jax.random.normal(noise, (count,))


@jax.jit
def ascend(params: Params, x: jax.Array, y: jax.Array) -> tuple[Params, jax.Array]:
    value, gradient = jax.value_and_grad(evidence)(params, x, y)
    return jax.tree.map(lambda p, g: p + 0.2 * g, params, gradient), value


def train(updates: int) -> tuple[Params, jax.Array]:
    """The parameters, which are logarithms, after so many steps, and the evidence at each."""
    x, y = data()
    params = {"height": jnp.array(0.0), "length": jnp.array(-2.0), "noise": jnp.array(-2.0)}
    values = []
    for _ in range(updates):
        params, value = ascend(params, x, y)
        values.append(value)
    return params, jnp.stack(values)


def main() -> None:
    params, values = train(200)
    for update in (0, 20, 100, 199):
        print(f"update {update:3}   evidence {values[update]:7.3f}")
    print(f"noise of standard deviation {jnp.exp(params['noise'] / 2):.3f}, length {jnp.exp(params['length']):.3f}")
    places = jnp.array([0.1, 0.3, 0.5, 0.7, 0.9])
    for place, mean, deviation in zip(places, *predict(params, *data(), places)):
        print(f"at {place:.1f}   {mean:6.3f} +- {deviation:.3f}   of {jnp.sin(8 * place):6.3f}")


if __name__ == "__main__":
    main()
