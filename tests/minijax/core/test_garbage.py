"""A program that is let go of is freed at once: it is in no reference cycle, and needs no garbage collector.

Each row calls a new function, and holds nothing of it. Then nothing of it may be garbage, and whatever the row gives back (a
jitted function, a jaxpr, a pull-back) dies with its last name.
"""

from __future__ import annotations

import ast
import gc
import types
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import minijax
import minijax.lax as lax
import minijax.numpy as jnp
from minijax.foundation.source_info import PACKAGE_DIRECTORY
from minijax.scipy import special

X = jnp.float32([1, 2, 3])


def plain(x):
    return jnp.sum(jnp.sin(x) * x / 2)


def scan(x):
    return lax.scan(lambda c, y: (c * jnp.sin(y), c), jnp.float32(1), x)[0]


def cond(x):
    return lax.cond(x[0] > 0, lambda x: jnp.sin(x).sum(), lambda x: x.sum(), x)


def while_loop(x):
    return lax.while_loop(lambda c: c[0] < 4.0, lambda c: (c[0] * 2 + 1, c[1] * 2), (x[0], x[1]))[1]


def fori_loop(x):
    return lax.fori_loop(0, 3, lambda i, c: c * x[0], x[1])


def custom_jvp(x):
    @minijax.custom_jvp
    def square(x):
        return x * x

    square.defjvp(lambda primals, tangents: (primals[0] * primals[0], 2 * primals[0] * tangents[0]))
    return square(x).sum()


def custom_vjp(x):
    @minijax.custom_vjp
    def square(x):
        return x * x

    square.defvjp(lambda x: (x * x, x), lambda x, ct: (2 * x * ct,))
    return square(x).sum()


def custom_root(x):
    return lax.custom_root(lambda y: y * y - x[0], x[1], lambda f, y: jnp.sqrt(x[0]), lambda g, y: y / g(1.0))


def checkpoint(x):
    return minijax.checkpoint(plain)(x)


def vmap(x):
    return minijax.vmap(lambda x: x * lax.psum(x, "i"), axis_name="i")(x).sum()


def jit_within(x):
    g = minijax.jit(lambda x: jnp.sin(x) * x + 1)
    return (g(x) + g(2 * x) + g(3 * x)).sum()


def deep(x):
    if x.shape:
        x = x.sum()
    for _ in range(22):
        x = (lambda inner: lax.fori_loop(0, 1, lambda i, c: c + inner, 0.0))(x)
    return x


def callback(x):
    return minijax.pure_callback(np.sum, minijax.ShapeDtypeStruct((), np.float32), x, vmap_method="sequential")


def library(x):
    y = jnp.outer(x, x) @ x + jnp.sort(x)[0] + x.at[0].add(2.0) + special.erf(x)
    return y.sum() + minijax.random.normal(minijax.random.key(0)) + jnp.interp(x, x, x).sum()


FUNCTIONS = [
    plain, scan, cond, while_loop, fori_loop, custom_jvp, custom_vjp, custom_root, checkpoint, vmap, jit_within, deep, callback,
    library,
]  # fmt: skip


def thrice(f: Callable, *args) -> Callable:
    """f, called often enough for the fast path."""
    for _ in range(3):
        f(*args)
    return f


CALLS = {
    "eager": lambda f: f(X) and None,
    "jit": lambda f: thrice(minijax.jit(f), X),
    "jit by XLA": lambda f: thrice(minijax.jit(f, compiler="xla"), X),
    "grad": lambda f: thrice(minijax.grad(f), X),
    "jit of grad": lambda f: thrice(minijax.jit(minijax.grad(f)), X),
    "grad of jit": lambda f: thrice(minijax.grad(minijax.jit(f)), X),
    "jvp": lambda f: minijax.jvp(f, (X,), (X,)) and None,
    "vjp": lambda f: minijax.vjp(f, X)[1],
    "linearize": lambda f: minijax.linearize(f, X)[1],
    "vmap of jit": lambda f: thrice(minijax.vmap(minijax.jit(f)), jnp.stack([X, X])),
    "jit of vmap": lambda f: thrice(minijax.jit(minijax.vmap(f)), jnp.stack([X, X])),
    "make_jaxpr": lambda f: minijax.make_jaxpr(f)(X),
    "make_jaxpr of grad": lambda f: minijax.make_jaxpr(minijax.grad(f))(X),
    "trace": lambda f: minijax.jit(f).trace(X),
    "lower": lambda f: minijax.jit(f).lower(X),
    "compile": lambda f: minijax.jit(f).lower(X).compile(),
    "text": lambda f: minijax.jit(f).lower(X).as_text() and None,
    "hessian": lambda f: thrice(minijax.hessian(f), X),
    "pmap": lambda f: thrice(minijax.pmap(f), X[None]),
}
REVERSE = {"grad", "jit of grad", "grad of jit", "vjp", "make_jaxpr of grad", "hessian"}
FORWARD = {"jvp", "linearize", "hessian"}
# As in JAX; but JAX runs callbacks on XLA.
REFUSED = {while_loop: REVERSE, custom_vjp: FORWARD, callback: {*REVERSE, *FORWARD, "jit by XLA"}}
CASES = [(f, call) for f in FUNCTIONS for call in CALLS if call not in REFUSED.get(f, ())]


def new(function: Callable) -> Callable:
    """A function that nobody has met."""
    return types.FunctionType(function.__code__, function.__globals__, function.__name__, None, function.__closure__)


def of_the_package(x) -> bool:
    """Whether an object is the package's: an instance of its classes, a function of its own or of a program. Python's `ast` makes
    reference cycles, too."""
    code = getattr(x, "__code__", None)
    if type(code) is types.CodeType:
        return code.co_filename.startswith((PACKAGE_DIRECTORY, __file__)) or code.co_filename == "<string>"
    return isinstance(x, np.ndarray) or type(x).__module__.startswith("minijax")


@pytest.fixture
def no_collector():
    gc.collect()
    # The collector looks at no object that is here already, which takes long in a process of many tests.
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("function, call", CASES, ids=[f"{call} of {f.__name__}" for f, call in CASES])
@pytest.mark.one_in(160)
def test_nothing_is_left_to_the_garbage_collector(function, call, no_collector):
    # The first call imports what is imported on demand, and fills the tables that are kept for good.
    CALLS[call](new(function))
    gc.collect()
    called = new(function)
    held = CALLS[call](called)
    alive = [weakref.ref(x) for x in (held, called) if x is not None and not isinstance(x, tuple)]
    del called, held
    assert not [r() for r in alive if r() is not None]
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    assert not [x for x in gc.garbage if of_the_package(x)]


def functions_that_refer_to_themselves(text: str) -> list[str]:
    """The functions within functions that refer to themselves, by other such functions too: each run leaves a reference cycle."""
    found = []
    for outer in ast.walk(ast.parse(text)):
        if not isinstance(outer, ast.FunctionDef):
            continue
        inner = {n.name: n for n in ast.walk(outer) if isinstance(n, ast.FunctionDef) and n is not outer}
        uses = {f: {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & {*inner} for f, node in inner.items()}
        for name in inner:
            reached, waiting = set(), [*uses[name]]
            while waiting:
                following = waiting.pop()
                if following not in reached:
                    reached.add(following)
                    waiting += uses[following]
            if name in reached:
                found.append(f"{outer.name}.{name}")
    return found


def test_functions_that_refer_to_themselves_are_found():
    text = (
        "def f():\n    def g():\n        h()\n    def h():\n        return g\n    def k():\n        g()\n    return k"
    )
    assert functions_that_refer_to_themselves(text) == ["f.g", "f.h"]


# The exercises of the course are programs of readers, which run once.
SOURCES = sorted(path for path in Path(PACKAGE_DIRECTORY).rglob("*.py") if path.parent.name != "work")


def test_no_function_within_a_function_refers_to_itself():
    found = {str(path): functions_that_refer_to_themselves(path.read_text()) for path in SOURCES}
    assert not {path: functions for path, functions in found.items() if functions}
