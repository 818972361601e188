"""Two solitons of the Korteweg-de Vries equation, u_t + 6 u u_x + u_xxx = 0, by a spectral method.

Under the Fourier transform a derivative is a product with i k. The stiff part, u_xxx, is then solved exactly, by a rotation of each
frequency (an integrating factor), and Runge-Kutta's method takes steps for what is left. The tall wave overtakes the low one, and
both come out as they went in. (Fornberg and Whitham, 1978; Trefethen, Spectral Methods in MATLAB, program 27.)
"""

import minijax as jax
import minijax.numpy as jnp

POINTS, LENGTH = 256, 40.0


def places() -> jax.Array:
    return jnp.arange(POINTS) * (LENGTH / POINTS)


def soliton(x: jax.Array, speed: float, center: float) -> jax.Array:
    """A wave of that speed: the faster, the taller."""
    return speed / 2 / jnp.cosh(speed**0.5 / 2 * (x - center)) ** 2


def solve(u: jax.Array, time: float, steps: int) -> jax.Array:
    """The waves at 5 times, from 0 to `time`: [5, points]."""
    k = 2 * jnp.pi * jnp.fft.rfftfreq(POINTS, LENGTH / POINTS)
    size = time / steps
    half = jnp.exp(1j * k**3 * (size / 2))
    # The product u u_x makes frequencies that the points cannot hold: they would come back as wrong ones.
    held = jnp.arange(len(k)) < 2 * len(k) / 3

    def slope(v: jax.Array) -> jax.Array:
        return -3j * k * held * jnp.fft.rfft(jnp.fft.irfft(v, POINTS) ** 2)

    def step(v: jax.Array, _: None) -> tuple[jax.Array, None]:
        a = slope(v)
        b = slope(half * (v + size / 2 * a))
        c = slope(half * v + size / 2 * b)
        d = slope(half**2 * v + size * half * c)
        return half**2 * v + size / 6 * (half**2 * a + 2 * half * (b + c) + d), None

    def quarter(v: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        v = jax.lax.scan(step, v, None, length=steps // 4)[0]
        return v, jnp.fft.irfft(v, POINTS)

    later = jax.lax.scan(quarter, jnp.fft.rfft(u), None, length=4)[1]
    return jnp.concatenate([u[None], later])


def train(steps: int) -> tuple[jax.Array, jax.Array]:
    """(the waves at 5 times, how the speed of the tall wave changes the last of them, [points])."""
    x = places()

    def last(speed: jax.Array) -> tuple[jax.Array, jax.Array]:
        u = speed / 2 / jnp.cosh(jnp.sqrt(speed) / 2 * (x - 8.0)) ** 2 + soliton(x, 1.0, 16.0)
        waves = solve(u, 4.0, steps)
        return waves[-1], waves

    _, change, waves = jax.jit(lambda s: jax.jvp(last, (s,), (jnp.ones_like(s),), has_aux=True))(jnp.array(4.0))
    return waves, change


def main() -> None:
    waves, _ = train(4000)
    for time, u in zip(range(5), waves):
        line = "".join(" .:-=+*#%@"[int(level)] for level in jnp.clip(jnp.max(u.reshape(64, 4), 1) * 4.5, 0, 9))
        print(f"t = {time}   |{line}|")
    mass = jnp.sum(waves, axis=1) * (LENGTH / POINTS)
    print(f"the mass stays: {mass[0]:.4f} and {mass[-1]:.4f}")


if __name__ == "__main__":
    main()
