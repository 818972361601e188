"""How time and memory grow with the length of a program: each figure at n, 2n and 4n.

    python benchmarks/scaling.py [--equations 100000] [--steps 10000]

Straight-line programs are x = sin(x) * 1.0001, again and again, two equations each; `--equations` is the longest, and a tenth
of it the longest of those that compose transformations, which make several equations of one. The scans are of
tanh(w @ h), on 8 elements, `--steps` the longest. Times are CPU seconds, the least of three, without the garbage collector,
whose passes come when they like; memory is the peak that NumPy and Python ask for (tracemalloc). Twice the length should
take twice as much: the last columns are the factors.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from measure import cpu_seconds, peak_bytes

import minijax as jax
import minijax.numpy as jnp


def straight_line(equations: int) -> Callable:
    def f(x):
        for _ in range(equations // 2):
            x = jnp.sin(x) * 1.0001
        return x

    return f


def scan_loss(steps: int) -> Callable:
    def loss(w):
        last, _ = jax.lax.scan(lambda h, _: (jnp.tanh(w @ h), None), jnp.ones(8), None, length=steps)
        return jnp.sum(last)

    return loss


def _text(jaxpr):
    return lambda: str(jaxpr)


# Each: length -> a function without arguments, which is what is measured.
STRAIGHT_LINE = {
    "make_jaxpr": lambda n: lambda: jax.make_jaxpr(straight_line(n))(1.0),
    "str(make_jaxpr)": lambda n: _text(jax.make_jaxpr(straight_line(n))(1.0)),
    "grad": lambda n: lambda: jax.grad(straight_line(n))(1.0),
    "grad of jit": lambda n: lambda: jax.grad(jax.jit(straight_line(n)))(1.0),
    "jit of grad": lambda n: lambda: jax.jit(jax.grad(straight_line(n)))(1.0),
    "make_jaxpr of grad of jit": lambda n: lambda: jax.make_jaxpr(jax.grad(jax.jit(straight_line(n))))(1.0),
    "str of the same": lambda n: _text(jax.make_jaxpr(jax.grad(jax.jit(straight_line(n))))(1.0)),
    "grad of checkpoint": lambda n: lambda: jax.grad(jax.checkpoint(straight_line(n)))(1.0),
    "grad of grad": lambda n: lambda: jax.grad(jax.grad(straight_line(n)))(1.0),
    "vmap of jit": lambda n: lambda: jax.vmap(jax.jit(straight_line(n)))(jnp.ones(2)),
}
SCAN = {
    "scan": lambda n: lambda: scan_loss(n)(0.9 * jnp.eye(8)),
    "grad of scan": lambda n: lambda: jax.grad(scan_loss(n))(0.9 * jnp.eye(8)),
    "jit of grad of scan": lambda n: lambda: jax.jit(jax.grad(scan_loss(n)))(0.9 * jnp.eye(8)),
    "vmap of grad of scan": lambda n: lambda: jax.vmap(jax.grad(scan_loss(n)))(0.9 * jnp.ones((4, 8, 8)) / 8),
    "grad of jvp of scan": lambda n: lambda: jax.grad(lambda w: jax.jvp(scan_loss(n), (w,), (w,))[1])(0.9 * jnp.eye(8)),
}


PLAIN = ("make_jaxpr", "str(make_jaxpr)", "grad")


def table(programs: dict, longest: int, what: str):
    lengths = [longest // 4, longest // 2, longest]
    header = "".join(f"{n:>11,}" for n in lengths)
    print(f"{what:28}{header}{'factors':>14}{'peak MB':>12}{'factor':>8}")
    for name, program in programs.items():
        times = [cpu_seconds(program(n), repeats=3 if n < longest else 2) for n in lengths]
        peaks = [peak_bytes(program(n)) for n in lengths[1:]]
        factors = f"{times[1] / times[0]:.2f}, {times[2] / times[1]:.2f}"
        seconds = "".join(f"{t:9.3f} s" for t in times)
        print(f"{name:28}{seconds}{factors:>14}{peaks[1] / 1e6:12.1f}{peaks[1] / peaks[0]:8.2f}", flush=True)
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--equations", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=10_000)
    options = parser.parse_args()
    table({k: v for k, v in STRAIGHT_LINE.items() if k in PLAIN}, options.equations, "equations")
    table({k: v for k, v in STRAIGHT_LINE.items() if k not in PLAIN}, options.equations // 10, "equations, composed")
    table(SCAN, options.steps, "steps of a scan")


if __name__ == "__main__":
    main()
