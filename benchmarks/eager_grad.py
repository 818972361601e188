"""Eager gradients side by side: minijax, HIPS autograd and JAX, interleaved in one process.

    python benchmarks/eager_grad.py [--seconds 5]

The program is five rounds of y = sin(y) * y + exp(-y) and a sum, 26 operations on 16 float32 elements: what is timed is
the libraries' own overhead. Each figure is the median over rounds; the ratios compare medians taken in the same run, since
this cancels most of what a noisy machine adds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import autograd
import autograd.numpy
import jax
import jax.numpy
import numpy as np

import minijax
import minijax.numpy


def program(np_like):
    def f(x):
        y = x
        for _ in range(5):
            y = np_like.sin(y) * y + np_like.exp(-y)
        return np_like.sum(y)

    return f


def contestants() -> dict:
    x = np.linspace(0.1, 1.0, 16, dtype=np.float32)
    mj_x, jax_x = minijax.numpy.asarray(x), jax.numpy.asarray(x)
    mj_grad = minijax.grad(program(minijax.numpy))
    mj_jit = minijax.jit(mj_grad)
    hips_grad = autograd.grad(program(autograd.numpy))
    jax_grad = jax.grad(program(jax.numpy))
    jax_jit = jax.jit(jax_grad)
    return {
        "autograd": lambda: hips_grad(x),
        "minijax": lambda: mj_grad(mj_x),
        "minijax, jit": lambda: mj_jit(mj_x),
        "jax": lambda: jax_grad(jax_x).block_until_ready(),
        "jax, jit": lambda: jax_jit(jax_x).block_until_ready(),
    }


def measure(functions: dict, seconds: float) -> dict[str, list[float]]:
    """Times of single calls, in seconds: a round calls each function in turn, until the time is over."""
    expected = np.asarray(functions["jax"]())
    for name, f in functions.items():
        np.testing.assert_allclose(np.asarray(f()), expected, rtol=1e-4, err_msg=name)
    times: dict[str, list[float]] = {name: [] for name in functions}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, f in functions.items():
            start = time.perf_counter()
            f()
            times[name].append(time.perf_counter() - start)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    times = measure(contestants(), parser.parse_args().seconds)
    base = statistics.median(times["autograd"])
    print(f"{'':14}{'median':>12}{'quartiles':>22}{'of autograd':>14}")
    for name, t in times.items():
        low, median, high = statistics.quantiles(t, n=4)
        print(f"{name:14}{median * 1e6:9.0f} us{low * 1e6:12.0f} .. {high * 1e6:.0f} us{median / base:11.2f}x")
    print(f"\n{len(times['autograd'])} rounds, each calling all in turn")


if __name__ == "__main__":
    main()
