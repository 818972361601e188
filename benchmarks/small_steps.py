"""Loops of small steps, and random numbers, by size: minijax and JAX under jit, and NumPy by hand, in one process, interleaved.

    python benchmarks/small_steps.py [--seconds 1] [--only NAME ...] [--out benchmarks/results]

`lorenz` is a Runge-Kutta step of Lorenz' equations, with the three numbers in one array or as scalars. `steps` is a Runge-Kutta
step of y' = -sin(y) with n numbers; `random` is y - 0.01 sin(y) + 0.1 times n normal numbers, whose key is split in each step.
Each runs STEPS times in a scan, a fori_loop or a while_loop; by hand, a Python loop takes the steps. `normal` draws n normal
numbers. By hand, random numbers come from NumPy's own generator, whose next number needs no hash.

Results are compared with JAX's before anything is timed, except those of NumPy's own random numbers. A ratio is that of the
medians. Ctrl-C ends the measuring; what has been measured is printed and written all the same.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import ModuleType

import numpy as np
import tables
from compare import Comparison, check_equal
from measure import sampler
from programs import load, wait_for_each

STEPS = 100
SIZES = (1, 3, 10, 100, 1_000, 10_000)
DRAWS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
BY_HAND = "numpy, by hand"
LIBRARIES = {"minijax, jit": "minijax", "jax, jit": "jax"}

# ---------------------------------------------------------------------------------------------------------------------
# Steps, of any library's arrays


def rk4(slope: Callable, y, dt=0.01):
    k1 = slope(y)
    k2 = slope(y + dt / 2 * k1)
    k3 = slope(y + dt / 2 * k2)
    k4 = slope(y + dt * k3)
    return y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def lorenz_slopes(x, y, z):
    return 10.0 * (y - x), x * (28.0 - z) - y, x * y - 8 / 3 * z


def lorenz_scalars(x, y, z, dt=0.01):
    """A step of three scalars, written out."""

    def moved(k, h):
        return x + h * k[0], y + h * k[1], z + h * k[2]

    k1 = lorenz_slopes(x, y, z)
    k2 = lorenz_slopes(*moved(k1, dt / 2))
    k3 = lorenz_slopes(*moved(k2, dt / 2))
    k4 = lorenz_slopes(*moved(k3, dt))
    return moved([a + 2 * b + 2 * c + d for a, b, c, d in zip(k1, k2, k3, k4)], dt / 6)


# ---------------------------------------------------------------------------------------------------------------------
# Loops. Each: (the library, a step, the start) -> the last carry


def scan(jax: ModuleType, step: Callable, start):
    return jax.lax.scan(lambda y, _: (step(y), None), start, None, length=STEPS)[0]


def fori_loop(jax: ModuleType, step: Callable, start):
    return jax.lax.fori_loop(0, STEPS, lambda i, y: step(y), start)


def while_loop(jax: ModuleType, step: Callable, start):
    return jax.lax.while_loop(lambda c: c[0] < STEPS, lambda c: (c[0] + 1, step(c[1])), (0, start))[1]


LOOPS = {"scan": scan, "fori": fori_loop, "while": while_loop}


# ---------------------------------------------------------------------------------------------------------------------
# Comparisons. A program takes a library and returns a function of arguments; `by_hand` takes the arguments


def comparison(
    name: str, what: str, program: Callable, by_hand: Callable, *args, comparable: bool = True
) -> Comparison:
    def run_of(contestant: str) -> Callable:
        jax = load(LIBRARIES[contestant])
        arguments = [jax.numpy.asarray(x) for x in args]
        jitted = jax.jit(program(jax))
        return lambda: wait_for_each(jitted(*arguments))

    @functools.cache
    def expected():
        return run_of("jax, jit")()

    def contestant(library: str) -> Callable[[], float]:
        run = (lambda: by_hand(*args)) if library == BY_HAND else run_of(library)
        if comparable or library != BY_HAND:
            check_equal(run(), expected())
        # Short samples: most of them end before another process gets the core.
        return sampler(run, 3e-4)

    rows = {library: functools.partial(contestant, library) for library in ("minijax, jit", BY_HAND, "jax, jit")}
    return Comparison(name, what, rows, base=BY_HAND)


def lorenz() -> list[Comparison]:
    def of_array(jax):
        slope = lambda s: jax.numpy.array(lorenz_slopes(*s))
        return lambda s: scan(jax, lambda s: rk4(slope, s), s)

    def of_array_by_hand(s):
        for _ in range(STEPS):
            s = rk4(lambda s: np.array(lorenz_slopes(*s)), s)
        return s

    def of_scalars(jax):
        return lambda *s: scan(jax, lambda s: lorenz_scalars(*s), s)

    def of_scalars_by_hand(*s):
        for _ in range(STEPS):
            s = lorenz_scalars(*s)
        return s

    ones = np.ones(3, np.float32)
    what = f"{STEPS} Runge-Kutta steps of Lorenz' equations"
    return [
        comparison("lorenz-array", f"{what}, the numbers in an array", of_array, of_array_by_hand, ones),
        comparison("lorenz-scalars", f"{what}, the numbers as scalars", of_scalars, of_scalars_by_hand, *ones),
    ]


def steps(loop: str, n: int) -> Comparison:
    def program(jax):
        return lambda y: LOOPS[loop](jax, lambda y: rk4(lambda y: -jax.numpy.sin(y), y), y)

    def by_hand(y):
        for _ in range(STEPS):
            y = rk4(lambda y: -np.sin(y), y)
        return y

    what = f"{STEPS} Runge-Kutta steps of {n:,} numbers in a {LOOPS[loop].__name__}"
    return comparison(f"steps-{loop}-{n}", what, program, by_hand, np.linspace(1, 2, n, dtype=np.float32))


def random_steps(loop: str, n: int) -> Comparison:
    def program(jax):
        def step(carry):
            y, key = carry
            key, drawn = jax.random.split(key)
            return y - 0.01 * jax.numpy.sin(y) + 0.1 * jax.random.normal(drawn, y.shape), key

        return lambda y, key: LOOPS[loop](jax, step, (y, key))

    def by_hand(y, key):
        rng = np.random.default_rng(key)
        for _ in range(STEPS):
            y = y - 0.01 * np.sin(y) + 0.1 * rng.standard_normal(y.shape, np.float32)
        return y

    what = f"{STEPS} steps that draw {n:,} normal numbers in a {LOOPS[loop].__name__}"
    start, key = np.linspace(1, 2, n, dtype=np.float32), np.array([0, 1], np.uint32)
    return comparison(f"random-{loop}-{n}", what, program, by_hand, start, key, comparable=False)


def normal(n: int) -> Comparison:
    def program(jax):
        return lambda key: jax.random.normal(key, (n,))

    rng = np.random.default_rng(0)
    by_hand = lambda key: rng.standard_normal(n, np.float32)
    return comparison(
        f"normal-{n}", f"{n:,} normal numbers", program, by_hand, np.array([0, 1], np.uint32), comparable=False
    )


COMPARISONS: dict[str, Comparison] = {
    c.name: c
    for c in [
        *lorenz(),
        *(steps(loop, n) for loop in LOOPS for n in SIZES),
        *(random_steps(loop, n) for loop in LOOPS for n in SIZES),
        *map(normal, DRAWS),
    ]
}

SAID = (
    f"Ratios of medians to NumPy by hand; the last column is what a ratio of 1 stands for: {STEPS} steps, or one draw."
)

if __name__ == "__main__":
    sys.exit(tables.run("small_steps", __doc__, COMPARISONS, "Loops of small steps, and random numbers, by size", SAID))
