"""The heat of a plate that is kept warm at one edge, and how to make it: a linear system that is solved, and differentiated.

The temperatures of 40 x 40 places solve one equation each, of a place and its neighbours. Conjugate gradients solve all of them,
and need nothing but the function; no matrix of 1,600 x 1,600 is made. The gradient of what one wants of the solution is one more
such solution, and not the way back through the iterations. From it the conductivity is found that keeps the far corner cool.
"""

import minijax as jax
import minijax.numpy as jnp

SIZE = 40


def outflow(conductivity: jax.Array, heat: jax.Array) -> jax.Array:
    """The heat that flows out of each place, [n, n]: conductivity [n, n] times differences; the edges lose some to the air."""
    padded = jnp.pad(heat, 1)  # It is 0 degrees outside.
    walls = jnp.pad(conductivity, 1, mode="edge")
    out = jnp.zeros_like(heat)
    for axis in (0, 1):
        for way in (-1, 1):
            neighbour = jnp.roll(padded, way, axis)[1:-1, 1:-1]
            between = (walls + jnp.roll(walls, way, axis))[1:-1, 1:-1] / 2
            out = out + between * (heat - neighbour)
    return out


def temperatures(conductivity: jax.Array) -> jax.Array:
    """[n, n], with 1 unit of heat at each place of the upper edge."""
    source = jnp.zeros((SIZE, SIZE)).at[0].set(1.0)
    solution, _ = jax.scipy.sparse.linalg.cg(lambda heat: outflow(conductivity, heat), source, tol=1e-6, maxiter=400)
    return jnp.asarray(solution)


def cost(thickness: jax.Array) -> jax.Array:
    """The temperature of the lower right corner, and what the material costs."""
    conductivity = jnp.exp(thickness)
    return jnp.mean(temperatures(conductivity)[-8:, -8:]) + 0.02 * jnp.mean((conductivity - 1) ** 2)


def train(updates: int) -> tuple[jax.Array, jax.Array]:
    """(the conductivity, the cost at each step)"""

    @jax.jit
    def step(thickness: jax.Array) -> tuple[jax.Array, jax.Array]:
        value, slope = jax.value_and_grad(cost)(thickness)
        return thickness - 30.0 * slope, value

    thickness, values = jnp.zeros((SIZE, SIZE)), []
    for _ in range(updates):
        thickness, value = step(thickness)
        values.append(value)
    return jnp.exp(thickness), jnp.stack(values)


def main() -> None:
    conductivity, values = train(100)
    print(f"cost {values[0]:.4f}, after 100 steps {values[-1]:.4f}")
    before, after = (temperatures(c)[-8:, -8:].mean() for c in (jnp.ones((SIZE, SIZE)), conductivity))
    print(f"the corner has {before:.4f} degrees, and then {after:.4f}")
    for row in conductivity[::4, ::2]:
        print("".join(" .:-=+*#%@"[int(level)] for level in jnp.clip(row * 4, 0, 9)))


if __name__ == "__main__":
    main()
