"""Air that flows past a plate, by the lattice Boltzmann method: eddies come off it, by turns.

Nine numbers at each place say how much air goes where: stays, or moves to one of the eight neighbours. A step lets the nine numbers
relax towards those of air in equilibrium with the same mass and momentum, and then moves each to its neighbour, which is a `roll`.
At the plate they turn round. (Succi, The Lattice Boltzmann Equation, 2001.)
"""

import minijax as jax
import minijax.numpy as jnp

WAYS = jnp.array([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1], [1, 1], [-1, 1], [-1, -1], [1, -1]])
WEIGHTS = jnp.array([4 / 9] + [1 / 9] * 4 + [1 / 36] * 4)
BACK = jnp.array([0, 3, 4, 1, 2, 7, 8, 5, 6])
SHAPE = 160, 40
SPEED, RELAXATION = 0.12, 1.85


def equilibrium(mass: jax.Array, velocity: jax.Array) -> jax.Array:
    """mass [...], velocity [2, ...] -> what goes each way, [9, ...]."""
    along = jnp.tensordot(WAYS.astype(float), velocity, 1)
    weights = WEIGHTS.reshape(9, *[1] * mass.ndim)
    return mass * weights * (1 + 3 * along + 4.5 * along**2 - 1.5 * jnp.sum(velocity**2, axis=0))


def plate() -> jax.Array:
    """Where the plate is, bool [columns, rows]: across the flow."""
    column, row = jnp.meshgrid(jnp.arange(SHAPE[0]), jnp.arange(SHAPE[1]), indexing="ij")
    return (column >= 30) & (column < 33) & (row >= 15) & (row < 24)


def moments(air: jax.Array) -> tuple[jax.Array, jax.Array]:
    mass = jnp.sum(air, axis=0)
    return mass, jnp.tensordot(WAYS.T.astype(float), air, 1) / mass


def step(air: jax.Array, solid: jax.Array) -> jax.Array:
    mass, velocity = moments(air)
    relaxed = air + RELAXATION * (equilibrium(mass, velocity) - air)
    relaxed = jnp.where(solid, air[BACK], relaxed)
    moved = jnp.stack([jnp.roll(a, (int(x), int(y)), (0, 1)) for a, (x, y) in zip(relaxed, WAYS.tolist())])
    # New air comes in on the left, and leaves on the right as it arrived there.
    wind = equilibrium(jnp.ones(SHAPE[1]), jnp.array([[SPEED], [0.0]]) * jnp.ones(SHAPE[1]))
    return moved.at[:, 0].set(wind).at[:, -1].set(moved[:, -2])


def train(steps: int) -> tuple[jax.Array, jax.Array]:
    """(1.0 where the plate is, how the air turns after so many steps), [columns, rows] each"""
    solid = plate()
    # A little up and down, or both sides of the plate would stay alike.
    sway = 0.02 * jnp.sin(jnp.arange(SHAPE[0]) / 8)[:, None] * jnp.ones(SHAPE)
    wind = jnp.stack([jnp.full(SHAPE, SPEED), sway]) * ~solid
    air = equilibrium(jnp.ones(SHAPE), wind)
    air = jax.jit(lambda air: jax.lax.fori_loop(0, steps, lambda _, a: step(a, solid), air))(air)
    across, along = moments(air)[1]
    turning = jnp.roll(along, -1, 0) - jnp.roll(along, 1, 0) - jnp.roll(across, -1, 1) + jnp.roll(across, 1, 1)
    return solid.astype(float), jnp.where(solid, 0.0, turning / 2)


def main() -> None:
    solid, turning = train(6000)
    for rows, walls in zip(turning.T[::2], solid.T[::2]):
        signs = ("+" if turn > 0.008 else "-" if turn < -0.008 else " " for turn in rows[::2])
        print("".join("#" if wall else sign for sign, wall in zip(signs, walls[::2])).rstrip())
    print(f"turning from {jnp.min(turning):.3f} to {jnp.max(turning):.3f}; + is to the left, - to the right")


if __name__ == "__main__":
    main()
