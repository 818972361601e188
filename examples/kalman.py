"""A Kalman filter, whose parameters are found by the gradient of the likelihood.

A point moves with a velocity that changes a little at each step, and is seen with noise. The filter carries what is known of
it, a mean and a covariance, from step to step: one `scan`. What each observation was unlikely by is the likelihood's logarithm, and
its gradient goes back through the whole scan. (Kalman, 1960.)
"""

import minijax as jax
import minijax.numpy as jnp

Params = dict[str, jax.Array]

# A position and a velocity; the position is seen.
STEP = jnp.array([[1.0, 1.0], [0.0, 1.0]])
SEEN = jnp.array([1.0, 0.0])


def data(key: jax.Array, steps: int = 60, push: float = 0.1, blur: float = 1.0) -> tuple[jax.Array, jax.Array]:
    """(the states [steps, 2], the observations [steps]): pushes and blur are standard deviations."""
    pushes, blurs = (jax.random.normal(k, (steps,)) for k in jax.random.split(key))

    def move(state: jax.Array, force: jax.Array) -> tuple[jax.Array, jax.Array]:
        state = STEP @ state + push * force * jnp.array([0.5, 1.0])
        return state, state

    states = jax.lax.scan(move, jnp.zeros(2), pushes)[1]
    return states, states @ SEEN + blur * blurs


def filtered(params: Params, observed: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(means [steps, 2], covariances [steps, 2, 2], log likelihood of each observation given those before it)."""
    force = jnp.array([0.5, 1.0])
    moved_by = jnp.exp(params["push"]) * jnp.outer(force, force)

    def step(
        known: tuple[jax.Array, jax.Array], seen: jax.Array
    ) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array, jax.Array]]:
        mean, covariance = known
        mean, covariance = STEP @ mean, STEP @ covariance @ STEP.T + moved_by
        surprise = seen - SEEN @ mean
        variance = SEEN @ covariance @ SEEN + jnp.exp(params["blur"])
        gain = covariance @ SEEN / variance
        mean = mean + gain * surprise
        covariance = covariance - variance * jnp.outer(gain, gain)
        likelihood = -(surprise**2 / variance + jnp.log(2 * jnp.pi * variance)) / 2
        return (mean, covariance), (mean, covariance, likelihood)

    means, covariances, likelihoods = jax.lax.scan(step, (jnp.zeros(2), 10 * jnp.eye(2)), observed)[1]
    return means, covariances, likelihoods


@jax.jit
def ascend(params: Params, observed: jax.Array) -> tuple[Params, jax.Array]:
    value, gradient = jax.value_and_grad(lambda p: jnp.mean(filtered(p, observed)[2]))(params)
    return jax.tree.map(lambda p, g: p + 2.0 * g, params, gradient), value


def train(updates: int) -> tuple[Params, jax.Array]:
    """The logarithms of the two variances after so many steps, and the mean log likelihood at each."""
    _, observed = data(jax.random.key(0))
    params = {"push": jnp.array(0.0), "blur": jnp.array(-2.0)}
    values = []
    for _ in range(updates):
        params, value = ascend(params, observed)
        values.append(value)
    return params, jnp.stack(values)


def main() -> None:
    states, observed = data(jax.random.key(0))
    params, values = train(150)
    for update in (0, 20, 149):
        print(f"update {update:3}   log likelihood {values[update]:7.3f}")
    push, blur = (jnp.exp(params[name] / 2) for name in ("push", "blur"))
    print(f"pushes of {push:.2f} (0.10), blur of {blur:.2f} (1.00)")
    guesses = jnp.stack([observed, filtered(params, observed)[0][:, 0]])
    seen, found = jnp.sqrt(jnp.mean((guesses - states[:, 0]) ** 2, axis=1))
    print(f"error of what is seen {seen:.2f}, filtered {found:.2f}")


if __name__ == "__main__":
    main()
