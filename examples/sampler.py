"""Hamiltonian Monte Carlo: samples of a distribution of which only the logarithm of the density is known, and its gradient.

A sample is given a random momentum and rolls over the landscape of -log p for a while. Where it ends is the next sample, unless the
leapfrog steps have changed the energy: then the chain may stay. Many chains run at once, by `vmap`. (Neal, MCMC using Hamiltonian
dynamics, 2011.)
"""

from collections.abc import Callable

import minijax as jax
import minijax.numpy as jnp

Density = Callable[[jax.Array], jax.Array]


def banana(x: jax.Array) -> jax.Array:
    """The log density, but for a constant, of x = (a, b): a is normal with deviation 1, b normal about a^2 with deviation 0.5."""
    return -(x[0] ** 2) / 2 - (x[1] - x[0] ** 2) ** 2 / (2 * 0.5**2)


def leapfrog(density: Density, x: jax.Array, p: jax.Array, size: jax.Array, steps: int) -> tuple[jax.Array, jax.Array]:
    """Position and momentum after so many steps. Each is exactly reversible, and keeps volumes."""
    force = jax.grad(density)

    def step(_: jax.Array, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        x, p = state
        p = p + size / 2 * force(x)
        x = x + size * p
        return x, p + size / 2 * force(x)

    end: tuple[jax.Array, jax.Array] = jax.lax.fori_loop(0, steps, step, (x, p))
    return end


def chain(density: Density, key: jax.Array, x: jax.Array, count: int, size: float) -> tuple[jax.Array, jax.Array]:
    """(samples [count, dimensions], whether each was accepted)."""

    def draw(x: jax.Array, key: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        momenta, sizes, chance = jax.random.split(key, 3)
        p = jax.random.normal(momenta, x.shape)
        # A random size: otherwise some orbits would come back to where they began, again and again.
        end, p_end = leapfrog(density, x, p, size * jax.random.uniform(sizes, minval=0.5), 12)
        gained = density(end) - p_end @ p_end / 2 - density(x) + p @ p / 2
        accepted = jnp.log(jax.random.uniform(chance)) < gained
        x = jnp.where(accepted, end, x)
        return x, (x, accepted)

    samples, accepted = jax.lax.scan(draw, x, jax.random.split(key, count))[1]
    return samples, accepted


def train(count: int) -> tuple[jax.Array, jax.Array]:
    """Samples [32 chains, count, 2] of the banana, and the share that was accepted."""
    starts, keys = jax.random.split(jax.random.key(0))
    x = jax.random.normal(starts, (32, 2))
    run = jax.jit(jax.vmap(lambda key, x: chain(banana, key, x, count, 0.2)))
    samples, accepted = run(jax.random.split(keys, 32), x)
    return samples, jnp.mean(accepted)


def main() -> None:
    samples, accepted = train(2000)
    print(f"32 chains of 2,000 samples, {100 * accepted:.0f} % accepted")
    a, b = samples[:, samples.shape[1] // 10 :].reshape(-1, 2).T
    for name, found, wanted in (
        ("mean of a", jnp.mean(a), 0.0),
        ("variance of a", jnp.var(a), 1.0),
        ("mean of b", jnp.mean(b), 1.0),
        ("variance of b", jnp.var(b), 2.25),
    ):
        print(f"{name:<14} {found:6.2f}   of {wanted:5.2f}")


if __name__ == "__main__":
    main()
