"""`clear_caches()` while other threads trace, compile, differentiate and call: nobody gets a wrong result or an error."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import numpy as np
import pytest

import minijax
import minijax.lax as lax
import minijax.numpy as jnp

SECONDS = 2.0
X = jnp.float32([0.5, 1.5, 2.5, 3.5])


def f(x):
    return jnp.sum(jnp.sin(x) * x + jnp.where(x > 1, x, 2 * x))


def loop(x):
    return lax.scan(lambda c, y: (c * y + jnp.cos(c), c), jnp.float32(1), x)[0]


def choice(x):
    return lax.cond(x.sum() > 3, lambda x: x * x, lambda x: x + 1, x).sum()


def polynomial(x, n):
    return (x**n).sum()


jitted = {name: minijax.jit(function) for name, function in {"f": f, "loop": loop, "choice": choice}.items()}
static = minijax.jit(polynomial, static_argnums=1)
gradients = {name: minijax.jit(minijax.grad(function)) for name, function in {"f": f, "loop": loop}.items()}
CALLS = {
    **{f"jit of {name}": lambda g=g: g(X) for name, g in jitted.items()},
    **{f"jit of grad of {name}": lambda g=g: g(X) for name, g in gradients.items()},
    "grad of jit": lambda: minijax.grad(jitted["f"])(X),
    "vmap of jit": lambda: minijax.vmap(jitted["f"])(X[:, None]),
    "static": lambda: [static(X, n) for n in (2, 3)],
    "a new jit": lambda: minijax.jit(lambda x: jitted["loop"](x) + f(x))(X),
    "shapes": lambda: [jitted["f"](X[:n]) for n in (1, 2, 3)],
    "lower": lambda: minijax.jit(f).lower(X).compile()(X),
}


@pytest.mark.parametrize("filled", [True, False], ids=["fast", "plain"])
@pytest.mark.one_in(2)
def test_clearing_while_others_call(filled):
    expected = {name: minijax.tree.map(np.asarray, call()) for name, call in CALLS.items()}
    # To look at so many takes longer than a thread's turn.
    others = [minijax.jit(lambda x: x) for _ in range(2000)]
    end, calls, clears = time.monotonic() + SECONDS / 2, count(), [0]

    def over():
        # On a busy machine the thread that clears has few turns.
        return time.monotonic() > end and clears[0] > 20

    def caller(start: int):
        names = list(CALLS)
        for i in count(start):
            if over():
                return
            found = CALLS[names[i % len(names)]]()
            minijax.tree.map(np.testing.assert_array_equal, found, expected[names[i % len(names)]])
            next(calls)

    def clearer():
        while not over():
            minijax.clear_caches()
            for g in jitted.values():
                g.clear_cache()
            clears[0] += 1
            time.sleep(0.0005)

    interval, fast = sys.getswitchinterval(), minijax.config.minijax_fast
    sys.setswitchinterval(1e-6)
    minijax.config.update("minijax_fast", filled)
    try:
        with ThreadPoolExecutor(5) as pool:
            for running in [*[pool.submit(caller, 3 * i) for i in range(4)], pool.submit(clearer)]:
                running.result()
    finally:
        sys.setswitchinterval(interval)
        minijax.config.update("minijax_fast", fast)
    assert next(calls) > 20
    assert len(others) == 2000
