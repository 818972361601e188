"""Factorizations and systems beside NumPy, SciPy and JAX: the time of one call, and the ratio of medians to NumPy's, or SciPy's.

    OPENBLAS_NUM_THREADS=1 python benchmarks/linalg.py [--seconds 2] [--names lu solve]

All are given the same float32 arrays; each round measures every contestant once, in an order of its own. NumPy computes in
float64 and rounds. JAX is jitted. SciPy and JAX take part where they are installed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
from collections.abc import Callable

import numpy as np
from measure import interleaved, sampler

SINGLE, MANY = (512, 512), (10_000, 4, 4)


def matrices(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(matrices far from singular, positive definite ones)."""
    a = np.random.default_rng(0).normal(size=shape).astype("float32") + 3 * np.eye(shape[-1], dtype="float32")
    return a, a @ a.swapaxes(-1, -2) + np.eye(shape[-1], dtype="float32")


def in_library(jax, call: Callable, arrays, wait: Callable = lambda x: x) -> Callable[[], object]:
    """The call of the library's arrays, jitted."""
    given = [jax.numpy.asarray(x) for x in arrays]
    function = jax.jit(lambda *xs: call(jax, *xs))
    return lambda: wait(function(*given))


# {name: (call of a library like JAX, what NumPy computes, what SciPy computes; None: it lacks the function)}
CALLS: dict[str, tuple[Callable, Callable | None, Callable | None]] = {
    "lu": (lambda jax, a, p: jax.lax.linalg.lu(a)[0], None, lambda sp, a, p: sp.lu_factor(a)),
    "triangular": (
        lambda jax, a, p: jax.scipy.linalg.solve_triangular(a, p, lower=True),
        None,
        lambda sp, a, p: sp.solve_triangular(a, p, lower=True),
    ),
    "solve": (lambda jax, a, p: jax.numpy.linalg.solve(a, p), np.linalg.solve, lambda sp, a, p: sp.solve(a, p)),
    "inv": (lambda jax, a, p: jax.numpy.linalg.inv(a), lambda a, p: np.linalg.inv(a), lambda sp, a, p: sp.inv(a)),
    "det": (lambda jax, a, p: jax.numpy.linalg.det(a), lambda a, p: np.linalg.det(a), lambda sp, a, p: sp.det(a)),
    "cholesky": (
        lambda jax, a, p: jax.numpy.linalg.cholesky(p),
        lambda a, p: np.linalg.cholesky(p),
        lambda sp, a, p: sp.cholesky(p),
    ),
    "qr": (lambda jax, a, p: jax.numpy.linalg.qr(a), lambda a, p: np.linalg.qr(a), lambda sp, a, p: sp.qr(a)),
    "eigh": (lambda jax, a, p: jax.numpy.linalg.eigh(p), lambda a, p: np.linalg.eigh(p), lambda sp, a, p: sp.eigh(p)),
    "svd": (lambda jax, a, p: jax.numpy.linalg.svd(a), lambda a, p: np.linalg.svd(a), lambda sp, a, p: sp.svd(a)),
    "grad of solve": (
        lambda jax, a, p: jax.grad(lambda a: jax.numpy.linalg.solve(a, p).sum())(a),
        None,
        None,
    ),
}


def contestants(name: str, shape: tuple[int, ...]) -> dict[str, Callable[[], object]]:
    call, of_numpy, of_scipy = CALLS[name]
    arrays = matrices(shape)
    minijax = importlib.import_module("minijax")
    found = {"minijax": in_library(minijax, call, arrays)}
    if of_numpy is not None:
        found["numpy"] = lambda: of_numpy(*arrays)
    if of_scipy is not None and len(shape) == 2 and importlib.util.find_spec("scipy"):
        scipy = importlib.import_module("scipy.linalg")
        found["scipy"] = lambda: of_scipy(scipy, *arrays)
    if importlib.util.find_spec("jax"):
        jax = importlib.import_module("jax")
        found["jax"] = in_library(jax, call, arrays, jax.block_until_ready)
    return found


def row(name: str, shape: tuple[int, ...], seconds: float) -> str:
    samplers = {who: sampler(function) for who, function in contestants(name, shape).items()}
    rounds = list(interleaved(samplers, seconds, 5))
    medians = {who: float(np.median([r[who] for r in rounds])) for who in samplers}
    base = next((who for who in ("numpy", "scipy", "jax") if who in medians), "minijax")
    cells = [
        f"{medians[who] * 1e3:9.2f} ms {medians[who] / medians[base]:6.2f}" if who in medians else " " * 19
        for who in ("minijax", "numpy", "scipy", "jax")
    ]
    return f"{name:14} {'x'.join(map(str, shape)):12} {''.join(cells)}  1 is {base}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each row")
    parser.add_argument("--names", nargs="*", default=list(CALLS), choices=list(CALLS))
    options = parser.parse_args()
    print(f"{'':28}{'minijax':>19}{'numpy':>19}{'scipy':>19}{'jax':>19}")
    for shape in (SINGLE, MANY):
        for name in options.names:
            print(row(name, shape, options.seconds), flush=True)


if __name__ == "__main__":
    main()
