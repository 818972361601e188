"""A picture of three balls, by marching rays, and the way back: where a ball is, from its picture.

A scene is one function, the distance from a point to the nearest surface. A ray may go that far without hitting anything, so a few
dozen steps find the surface, and the gradient of the distance there is the surface's normal. A picture is `vmap` over rays. As all
of it is differentiable, a ball is moved until its picture is the given one. (Hart, Sphere tracing, 1996.)
"""

import minijax as jax
import minijax.numpy as jnp

LIGHT = jnp.array([0.6, 0.7, -0.4])
BALLS = jnp.array([[0.0, 0.0, 3.0, 1.0], [1.2, 0.8, 2.6, 0.4], [-1.1, -0.5, 2.2, 0.5]])  # x, y, z, radius


def distance(balls: jax.Array, point: jax.Array) -> jax.Array:
    """From the point to the nearest ball; where two are near, the surface is smooth."""
    each = jnp.linalg.norm(point - balls[:, :3], axis=1) - balls[:, 3]
    return -jax.nn.logsumexp(-16 * each) / 16


def brightness(balls: jax.Array, direction: jax.Array) -> jax.Array:
    """What a ray from the eye brings back: 0 from the background, else how much the surface faces the light.

    A ray that just misses a ball brings back a little of it. Without that, no gradient would say that the ball should be there.
    """
    direction = direction / jnp.linalg.norm(direction)

    def march(_: jax.Array, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        depth, nearest = state
        left = distance(balls, depth * direction)
        return jnp.minimum(depth + left, 6.0), jnp.minimum(nearest, left)

    depth, nearest = jax.lax.fori_loop(0, 30, march, (jnp.array(0.0), jnp.array(1.0)))
    normal = jax.grad(distance, 1)(balls, depth * direction)
    shade = 0.15 + 0.85 * jnp.maximum(normal @ (LIGHT / jnp.linalg.norm(LIGHT)), 0)
    return shade * jnp.exp(-((25 * jnp.maximum(nearest, 0)) ** 2))


def picture(balls: jax.Array, rows: int = 24, columns: int = 48) -> jax.Array:
    """[rows, columns], with numbers from 0 to 1."""
    y, x = jnp.meshgrid(jnp.linspace(0.6, -0.6, rows), jnp.linspace(-0.6, 0.6, columns), indexing="ij")
    rays = jnp.stack([x, y, jnp.ones_like(x)], -1)
    image: jax.Array = jax.vmap(jax.vmap(lambda ray: brightness(balls, ray)))(rays)
    return image


def train(updates: int) -> tuple[jax.Array, jax.Array]:
    """(the balls, where the small one is found from the picture, and the error of the picture at each step)."""
    wanted = jax.jit(picture)(BALLS)

    def error(moved: jax.Array) -> jax.Array:
        return jnp.mean((picture(BALLS.at[1, :3].set(moved)) - wanted) ** 2)

    @jax.jit
    def step(moved: jax.Array) -> tuple[jax.Array, jax.Array]:
        value, slope = jax.value_and_grad(error)(moved)
        return moved - 0.5 * slope, value

    moved, errors = jnp.array([1.0, 0.6, 2.8]), []
    for _ in range(updates):
        moved, value = step(moved)
        errors.append(value)
    return BALLS.at[1, :3].set(moved), jnp.stack(errors)


def main() -> None:
    for row in jax.jit(picture)(BALLS):
        print("".join(" .:-=+*#%@"[int(9.99 * level)] for level in row).rstrip())
    balls, errors = train(100)
    print(f"error of the picture {errors[0]:.5f}, then {errors[-1]:.5f}")
    print("the small ball is at", " ".join(f"{x:.2f}" for x in balls[1, :3]), "and was at 1.20 0.80 2.60")


if __name__ == "__main__":
    main()
