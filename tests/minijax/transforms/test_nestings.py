"""All nestings of two and of three transformations agree with JAX. The nestings are generated.

Each transformation turns a function of one array into another such function, so that any may follow any. The functions
are a few plain ones, and one for each operation that carries a program of its own: loops, branches, custom rules,
checkpoint; these within each other, too, for nestings of two. Where JAX refuses, minijax must refuse, with an error of
the same class. Nestings of two are tried over a third of the functions each, in turn. Of nestings of three a seventh is tried, a
Latin square: any two transformations meet in any two places once. They are tried over a ninth of the functions each; all of
them over all functions with HYPOTHESIS_PROFILE=long.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy
import numpy as np
import pytest
from thinned import LONG

import minijax as mj
import minijax.numpy

# ---------------------------------------------------------------------------------------------------------------------
# Transformations


def total(lib, f):
    """A scalar function: the sum of all elements that `f` returns, each with a different weight."""

    def scalar(x):
        y = f(x)
        weights = lib.numpy.cos(lib.numpy.arange(y.size, dtype=y.dtype)).reshape(y.shape)
        return (weights * y).sum()

    return scalar


TRANSFORMATIONS = {
    "jit": lambda lib, f: lib.jit(f),
    "grad": lambda lib, f: lib.grad(total(lib, f)),
    "jvp": lambda lib, f: lambda x: lib.jvp(f, (x,), (lib.numpy.sin(x),))[1],
    "vmap": lambda lib, f: lambda x: lib.vmap(f, in_axes=0, out_axes=-1)(lib.numpy.stack([x, 2 * x], 0)),
    "jacfwd": lambda lib, f: lib.jacfwd(f),
    "jacrev": lambda lib, f: lib.jacrev(f),
    "linearize": lambda lib, f: lambda x: lib.linearize(f, x)[1](lib.numpy.cos(x)),
}
FORWARD, REVERSE = {"jvp", "jacfwd", "linearize"}, {"grad", "jacrev"}


def without_jit(nesting) -> tuple[str, ...]:
    """A jit changes nothing, so nestings that differ in jits alone have one oracle: it is for JAX to trace and compile
    these programs that this file takes its time."""
    return tuple(name for name in nesting if name != "jit")


def place(nesting) -> int:
    return sum(map(list(TRANSFORMATIONS).index, nesting))


# The first of a nesting is the outermost; the last is applied to the function itself. Those with one oracle are neighbours.
NESTINGS = sorted(
    [
        nesting
        for length in (0, 1, 2, 3)
        for nesting in itertools.product(TRANSFORMATIONS, repeat=length)
        if LONG or len(without_jit(nesting)) < 3 or place(nesting) % len(TRANSFORMATIONS) == 0
    ],
    key=without_jit,
)


def label(nesting) -> str:
    return "-".join(nesting) or "none"


def nested(lib, nesting, f):
    for name in reversed(nesting):
        f = TRANSFORMATIONS[name](lib, f)
    return f


# ---------------------------------------------------------------------------------------------------------------------
# Functions of an array of three numbers. Each has as few operations as show what it is for: JAX compiles every one of
# them once for every nesting.


def elementwise(lib):
    return lambda x: lib.numpy.sin(x) * x / lib.numpy.sqrt((x * x).sum())


def matmul(lib):
    return lambda x: lib.numpy.sin(lib.numpy.outer(x, x) @ x)


def indexing(lib):
    return lambda x: lib.numpy.where(x > 0.5, x[0] * x, x.at[1].add(x[2]))


def scan(lib):
    """A carry, xs and ys, and a closed-over array; the body is linear in none of them."""
    jnp = lib.numpy

    def f(x):
        carry, ys = lib.lax.scan(lambda c, a: (jnp.sin(c) * a, c * x), x, jnp.stack([x, x]))
        return carry + ys.sum(0)

    return f


def cond(lib):
    """A value chooses the branch: under vmap the examples choose different branches."""
    return lambda x: lib.lax.cond(x.sum() > 3, lambda u: lib.numpy.sin(u) * x, lambda u: u * u, 2 * x)


def switch(lib):
    branches = [lib.numpy.sin, lib.numpy.exp, lambda u: u * u]
    return lambda x: lib.lax.switch((x.sum() / 2).astype("int32"), branches, x)


def while_loop(lib):
    """A while loop whose number of steps differs from example to example."""

    def f(x):
        return lib.lax.while_loop(lambda c: c[1].sum() < 8, lambda c: (c[0] + 1, c[1] * (1 + x)), (0, x))[1]

    return f


def fori_loop(lib):
    return lambda x: lib.lax.fori_loop(1, 3, lambda i, c: c * x + i, lib.numpy.sin(x))


def custom_jvp(lib):
    """The rule is wrong by a factor of two: a result shows that it was used."""
    jnp = lib.numpy

    @lib.custom_jvp
    def f(x):
        return jnp.sin(x) * x

    @f.defjvp
    def twice(primals, tangents):
        (x,), (t,) = primals, tangents
        return f(x), 2 * t * (jnp.cos(x) * x + jnp.sin(x))

    return f


def custom_vjp(lib):
    """As custom_jvp: wrong by a factor of two."""
    jnp = lib.numpy

    @lib.custom_vjp
    def f(x):
        return jnp.sin(x) * x

    def forward(x):
        return jnp.sin(x) * x, (jnp.cos(x) * x, jnp.sin(x))

    def twice(residuals, ct):
        return (2 * ct * (residuals[0] + residuals[1]),)

    f.defvjp(forward, twice)
    return f


def checkpoint(lib):
    """Two layers: the product is kept, and the other residuals are computed again."""
    jnp = lib.numpy
    return lib.checkpoint(lambda x: jnp.cos(jnp.sin(x) * (x @ x)), policy=lib.checkpoint_policies.dots_saveable)


# The same functions within each other, and functions with arguments of other kinds.


def scan_of_trees(lib):
    def f(x):
        def body(carry, a):
            return {"n": carry["n"] + 1, "v": carry["v"] * a["w"] + carry["n"]}, (carry["v"], a["w"] * x)

        carry, ys = lib.lax.scan(body, {"n": 0, "v": x}, {"w": lib.numpy.stack([x, 2 * x])}, reverse=True)
        return carry["v"] + ys[0][0] * ys[1][1]

    return f


def loops_within_loops(lib):
    def f(x):
        def body(c, a):
            inner = lib.lax.cond(a > 0.5, lambda u: lib.lax.fori_loop(0, 2, lambda i, v: v * u, c), lambda u: c + u, a)
            return inner, inner

        return lib.lax.scan(body, x[0], x)[1]

    return f


def checkpoint_in_scan(lib):
    rule = custom_jvp(lib)
    body = lib.checkpoint(lambda c, a: (lib.lax.cond(c.sum() > 2, rule, lib.numpy.sin, c) * a, lib.numpy.cos(c)))
    return lambda x: lib.lax.scan(body, x, lib.numpy.stack([x, 2 * x]))[1].sum(0)


def scan_in_checkpoints(lib):
    body = lambda c, a: (lib.numpy.sin(c) * a, c)
    inner = lib.checkpoint(lambda x: lib.lax.scan(body, x, lib.numpy.stack([x, x]))[0])
    return lib.checkpoint(lambda x: inner(inner(x) * x))


def custom_jvp_by_argument(lib):
    """A function of trees with one rule for each argument, and a function that takes a function and a number."""
    jnp = lib.numpy

    @lib.custom_jvp
    def f(x, y):
        return {"a": jnp.sin(x) * y, "b": x}

    f.defjvps(None, lambda t, ans, x, y: {"a": 3 * t * ans["b"], "b": t * y})

    @functools.partial(lib.custom_jvp, nondiff_argnums=(0, 2))
    def scaled(g, x, n):
        return g(x) * n

    scaled.defjvp(lambda g, n, primals, tangents: (scaled(g, *primals, n), 3 * tangents[0] * n))
    return lambda x: f(x, 2 * x)["a"] * f(x, x)["b"] + scaled(jnp.sin, x, 4)


def custom_vjp_of_trees(lib):
    """An argument without a cotangent, and an argument that is a function."""
    jnp = lib.numpy

    @functools.partial(lib.custom_vjp, nondiff_argnums=(1,))
    def f(x, g, y):
        return g(x) * y["w"], x

    def forward(x, g, y):
        return (g(x) * y["w"], x), {"cos": jnp.cos(x), "y": y}

    def backward(g, residuals, cts):
        return 7 * cts[0] * residuals["cos"] * residuals["y"]["w"] + cts[1], {"w": None, "v": cts[0] * 5}

    f.defvjp(forward, backward)

    def product(x):
        a, b = f(x, jnp.sin, {"w": x, "v": x})
        return a * b

    return product


def custom_vjp_in_scan(lib):
    rule = custom_vjp(lib)

    def body(c, a):
        return lib.lax.cond(c.sum() > 2, rule, lib.numpy.sin, c) * a, rule(c)

    return lambda x: lib.lax.scan(body, x, lib.numpy.stack([x, 2 * x]))[1].sum(0)


def custom_gradient(lib):
    @lib.custom_gradient
    def f(x):
        y = lib.numpy.sin(x)
        return y * x, lambda ct: ct * y * 9

    return f


class Case(NamedTuple):
    function: Callable
    # The largest number of transformations to nest over the function.
    depth: int = 3
    # Whether JAX refuses a nesting over the function, and words of minijax's error.
    refused: Callable = lambda nesting: False
    words: str = ""


def reverse(nesting) -> bool:
    return bool(REVERSE.intersection(nesting))


def forward_innermost(nesting) -> bool:
    """The first derivative, which is that of the function itself, uses forward mode."""
    modes = [name for name in nesting if name in FORWARD | REVERSE]
    return bool(modes) and modes[-1] in FORWARD


NO_FORWARD_MODE = "can't apply forward-mode differentiation (jvp) to a custom_vjp function"
CASES = [
    Case(elementwise),
    Case(matmul),
    Case(indexing),
    Case(scan),
    Case(cond),
    Case(switch),
    Case(fori_loop),
    Case(custom_jvp),
    Case(checkpoint),
    # Reverse mode needs the residuals of each step, and the number of steps is unknown.
    Case(while_loop, refused=reverse, words="Reverse-mode differentiation does not work for lax.while_loop"),
    # The backward function takes a cotangent, and is itself a program that every mode can differentiate.
    Case(custom_vjp, refused=forward_innermost, words=NO_FORWARD_MODE),
    Case(scan_of_trees, 2),
    Case(loops_within_loops, 2),
    Case(checkpoint_in_scan, 2),
    Case(scan_in_checkpoints, 2),
    Case(custom_jvp_by_argument, 2),
    Case(custom_vjp_of_trees, 2, forward_innermost, NO_FORWARD_MODE),
    Case(custom_vjp_in_scan, 2, forward_innermost, NO_FORWARD_MODE),
    Case(custom_gradient, 2, forward_innermost, NO_FORWARD_MODE),
]
BY_NAME = {case.function.__name__: case for case in CASES}


def accepted(nesting) -> list[str]:
    step = 1 if LONG else {2: 3, 3: 9}.get(len(without_jit(nesting)), 1)
    return [
        name
        for i, (name, case) in enumerate(BY_NAME.items())
        if len(nesting) <= case.depth and not case.refused(nesting) and (i + place(nesting)) % step == 0
    ]


X = np.array([0.3, 0.7, 1.1], np.float32)


def all_functions(lib, nesting):
    return lambda x: {name: nested(lib, nesting, BY_NAME[name].function(lib))(x) for name in accepted(nesting)}


@functools.lru_cache
def jax_results(nesting, x64: bool = False):
    # One jit for all functions: without jit, JAX takes a quarter of a second for each function.
    return jax.jit(all_functions(jax, nesting))(jax.numpy.asarray(X, "float64" if x64 else "float32"))


@functools.lru_cache
def jax_error(name, nesting) -> Exception:
    with pytest.raises((TypeError, ValueError, NotImplementedError)) as error:
        jax.jit(nested(jax, nesting, BY_NAME[name].function(jax))).lower(X)
    return error.value


# ---------------------------------------------------------------------------------------------------------------------


def assert_agrees(mine, theirs):
    assert (mine.shape, mine.dtype, mine.weak_type) == (theirs.shape, theirs.dtype, theirs.weak_type)
    # The third derivative loses digits to cancellation, in both libraries.
    eps = 170 * np.finfo(mine.dtype).eps
    scale = max(1.0, float(np.max(np.abs(theirs))))
    np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), rtol=5 * eps, atol=eps * scale)


@pytest.mark.parametrize("nesting", NESTINGS, ids=label)
@pytest.mark.one_in(160)
def test_nesting_agrees_with_jax(nesting):
    mine, theirs = all_functions(mj, nesting)(mj.numpy.asarray(X)), jax_results(without_jit(nesting))
    for name, result in mine.items():
        assert_agrees(result, theirs[name])


@pytest.mark.parametrize("nesting", [n for n in NESTINGS if len(n) <= 1], ids=label)
@pytest.mark.one_in(16)
def test_nesting_agrees_with_jax_in_64_bits(nesting):
    with mj.enable_x64(True), jax.enable_x64(True):
        mine = all_functions(mj, nesting)(mj.numpy.asarray(X, "float64"))
        theirs = jax_results(without_jit(nesting), True)
        for name, result in mine.items():
            assert_agrees(result, theirs[name])


REFUSED = [(name, n) for name, case in BY_NAME.items() for n in NESTINGS if len(n) <= case.depth and case.refused(n)]


@pytest.mark.parametrize(("name", "nesting"), REFUSED, ids=lambda v: v if isinstance(v, str) else label(v))
@pytest.mark.one_in(32)
def test_nesting_is_refused_as_in_jax(name, nesting):
    with pytest.raises(type(jax_error(name, without_jit(nesting)))) as mine:
        nested(mj, nesting, BY_NAME[name].function(mj))(mj.numpy.asarray(X))
    assert BY_NAME[name].words in str(mine.value)


@pytest.mark.parametrize("nesting", [n for n in NESTINGS if len(n) <= 2], ids=label)
@pytest.mark.one_in(96)
def test_jaxprs_of_nestings_are_well_typed(nesting):
    for name in accepted(nesting):
        f = nested(mj, nesting, BY_NAME[name].function(mj))
        mj.core.jaxpr.check_jaxpr(mj.make_jaxpr(f)(mj.numpy.asarray(X)))
