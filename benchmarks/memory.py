"""Peak memory of gradients, with and without `jax.checkpoint`, and what it costs in time.

    python benchmarks/memory.py [--repeats 3]

Three programs: a deep network as straight-line Python, the same under `jit`, and a long `lax.scan`. Reverse mode keeps the
residuals of every layer or step; a checkpointed one keeps what goes in and computes the rest again. Checkpointing blocks of
sqrt(n) keeps sqrt(n) block inputs and, one block at a time, sqrt(n) layers' residuals. Memory is the peak that NumPy and
Python ask for (tracemalloc) in the first call, above what is held before it, and what is kept for the next call; time the
least CPU time of the repeats, without tracemalloc. The gradients are compared before anything is printed.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable

import numpy as np
from measure import first_call_bytes

import minijax as jax
import minijax.numpy as jnp

LAYERS, BATCH, WIDTH = 64, 256, 256
STEPS, SCAN_BATCH, SCAN_WIDTH = 1024, 64, 32


def layer(w, x):
    """Two equations with residuals: the input of the product, and what GELU's derivative needs."""
    return x + jax.nn.gelu(x @ w)


def block(ws, x):
    for w in ws:
        x = layer(w, x)
    return x


def network(one_layer: Callable = layer) -> Callable:
    def loss(ws, x):
        for w in ws:
            x = one_layer(w, x)
        return jnp.mean(x**2)

    return loss


def network_of_blocks(ws, x):
    size = math.isqrt(len(ws))
    for start in range(0, len(ws), size):
        x = jax.checkpoint(block)(ws[start : start + size], x)
    return jnp.mean(x**2)


def cell(w, h, x):
    return jnp.tanh(h @ w + x)


def recurrent(one_step: Callable = cell) -> Callable:
    def loss(w, xs):
        start = jnp.zeros(xs.shape[1:])
        last, _ = jax.lax.scan(lambda h, x: (one_step(w, h, x), None), start, xs)
        return jnp.mean(last**2)

    return loss


def recurrent_of_blocks(w, xs):
    """A scan of scans: the outer one's body, sqrt(n) steps, is checkpointed."""
    size = math.isqrt(xs.shape[0])

    @jax.checkpoint
    def inner(h, xs):
        return jax.lax.scan(lambda h, x: (cell(w, h, x), None), h, xs)

    last, _ = jax.lax.scan(inner, jnp.zeros(xs.shape[1:]), xs.reshape(-1, size, *xs.shape[1:]))
    return jnp.mean(last**2)


def contestants() -> dict[str, dict[str, Callable]]:
    rng = np.random.default_rng(0)
    ws = [jnp.asarray(rng.normal(0, 0.5 / WIDTH**0.5, (WIDTH, WIDTH)).astype(np.float32)) for _ in range(LAYERS)]
    x = jnp.asarray(rng.normal(size=(BATCH, WIDTH)).astype(np.float32))
    w = jnp.asarray(rng.normal(0, 1 / SCAN_WIDTH**0.5, (SCAN_WIDTH, SCAN_WIDTH)).astype(np.float32))
    xs = jnp.asarray(rng.normal(size=(STEPS, SCAN_BATCH, SCAN_WIDTH)).astype(np.float32))
    deep = {
        "all residuals kept": network(),
        "each layer checkpointed": network(jax.checkpoint(layer)),
        f"blocks of {math.isqrt(LAYERS)} checkpointed": network_of_blocks,
    }
    long = {
        "all residuals kept": recurrent(),
        "each step checkpointed": recurrent(jax.checkpoint(cell)),
        f"scan of scans of {math.isqrt(STEPS)}, checkpointed": recurrent_of_blocks,
    }

    def gradients(losses, *args, jitted):
        return {name: _call(jax.jit(jax.grad(f)) if jitted else jax.grad(f), args) for name, f in losses.items()}

    return {
        f"{LAYERS} layers, {BATCH} x {WIDTH}": gradients(deep, ws, x, jitted=False),
        f"{LAYERS} layers, {BATCH} x {WIDTH}, jit": gradients(deep, ws, x, jitted=True),
        f"scan of {STEPS:,} steps, {SCAN_BATCH} x {SCAN_WIDTH}": gradients(long, w, xs, jitted=True),
    }


def _call(gradient: Callable, args) -> Callable:
    return lambda: gradient(*args)


def check_equal(functions: dict[str, Callable]):
    leaves = [jax.tree.leaves(f()) for f in functions.values()]
    for others in leaves[1:]:
        for got, want in zip(others, leaves[0], strict=True):
            scale = float(np.abs(want).max())
            np.testing.assert_allclose(got, want, rtol=0, atol=1e-4 * scale)


def seconds(functions: dict[str, Callable], repeats: int) -> dict[str, float]:
    """The least of the times, each repeat calling all in turn."""
    least = dict.fromkeys(functions, float("inf"))
    for _ in range(repeats):
        for name, f in functions.items():
            start = time.process_time()
            f()
            least[name] = min(least[name], time.process_time() - start)
    return least


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    for title, functions in contestants().items():
        memory = {name: first_call_bytes(f) for name, f in functions.items()}
        check_equal(functions)
        times = seconds(functions, repeats)
        first = next(iter(functions))
        print(f"{title:38}{'peak MB':>10}{'ratio':>8}{'kept MB':>10}{'CPU s':>10}{'ratio':>8}")
        for name, (peak, kept) in memory.items():
            ratios = peak / memory[first][0], times[name] / times[first]
            figures = f"{peak / 1e6:10.1f}{ratios[0]:8.2f}{kept / 1e6:10.1f}{times[name]:10.2f}{ratios[1]:8.2f}"
            print(f"  {name:36}{figures}", flush=True)
        print()


if __name__ == "__main__":
    main()
