"""`lax.reduce` and `lax.reduce_window` by functions of the user, and pooling, against JAX's, on both compilers."""

from __future__ import annotations

import jax
import jax.lax
import jax.numpy
import numpy as np
import pytest

import minijax
import minijax.lax
import minijax.numpy

X = np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32")


def argmax(lib, x):
    """The greatest element and its place: a reduction of pairs."""
    lax = lib.lax

    def better(a, b):
        (x, i), (y, j) = a, b
        return lax.select(x >= y, x, y), lax.select(x >= y, i, j)

    places = lax.broadcasted_iota(np.float32, x.shape, 1) + 0 * x
    return lax.reduce((x, places), (np.float32(-np.inf), np.float32(0)), better, (1,))


PROGRAMS = {
    "a product and a sum": lambda lib, x: lib.lax.reduce(x, np.float32(1.0), lambda a, b: a * b, (0, 2)),
    "another start": lambda lib, x: lib.lax.reduce(x, np.float32(2.0), lib.lax.add, (1,)),
    "of no axis": lambda lib, x: lib.lax.reduce(x, np.float32(0.0), lambda a, b: a + b, ()),
    "of nothing": lambda lib, x: lib.lax.reduce(x[:, :0], np.float32(2.0), lambda a, b: a + b, (1,)),
    "pairs": argmax,
    **{
        f"monoid {name}": lambda lib, x, name=name, start=start: lib.lax.reduce(x, start, getattr(lib.lax, name), (1,))
        for name, start in {"add": 0.0, "mul": 1.0, "max": -np.inf, "min": np.inf}.items()
    },
    "windows": lambda lib, x: lib.lax.reduce_window(
        x, np.float32(1.0), lambda a, b: a * b + 0.25 * a, (1, 2, 2), (1, 1, 2), "SAME"
    ),
    "windows, dilated": lambda lib, x: lib.lax.reduce_window(
        x, 0.5, lambda a, b: lib.numpy.maximum(a, b), (2, 2, 2), None, [(0, 1), (1, 0), (0, 0)], (1, 2, 1), (1, 1, 2)
    ),
    "average pooling": lambda lib, x: lib.lax.reduce_window(x, 0.0, lib.lax.add, (1, 2, 2), (1, 2, 2), "VALID") / 4.0,
    "pairs of windows": lambda lib, x: lib.lax.reduce_window(
        (x, 2 * x), (0.0, 0.0), lambda a, b: (a[0] + b[0], a[1] + b[0]), (1, 2, 1)
    ),
}


def assert_equal(mine, theirs):
    for a, b in zip(minijax.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(6)
def test_value_tangent_and_batch(name):
    """One compiled program of the value, its tangent and its batch, so that JAX compiles but once."""

    def program(lib):
        f = lambda x: PROGRAMS[name](lib, x)
        return lambda x: (f(x), lib.jvp(f, (x,), (x * x,)), lib.vmap(f, 1)(lib.numpy.stack([x, 2 * x], 1)))

    def leaves(lib, out):
        return [x for x in lib.tree.leaves(out) if x.dtype.kind in "fi"]

    theirs = leaves(jax, jax.jit(program(jax))(X))
    for run in (program(minijax), minijax.jit(program(minijax)), minijax.jit(program(minijax), compiler="xla")):
        assert_equal(leaves(minijax, run(minijax.numpy.asarray(X))), theirs)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("name", ["add", "max", "min", "mul"])
def test_signs_of_zeros_in_windows(name, size):
    """A sum begins with 0.0: that of -0.0 and -0.0 is 0.0, but in a window of one element -0.0 stays."""
    x, start = np.float32([-0.0, -0.0, 0.0, -0.0, 1.0]), {"add": 0, "mul": 1, "max": -np.inf, "min": np.inf}[name]
    mine, theirs = (
        np.asarray(lib.lax.reduce_window(x, np.float32(start), getattr(lib.lax, name), (size,), (1,), "VALID"))
        for lib in (minijax, jax)
    )
    np.testing.assert_array_equal(mine, theirs)
    if name in ("add", "mul"):
        np.testing.assert_array_equal(np.signbit(mine), np.signbit(theirs))


@pytest.mark.parametrize("name", [n for n in PROGRAMS if "windows" not in n and n != "pairs"])
@pytest.mark.one_in(8)
def test_gradients(name):
    def run(lib):
        f = lambda x: (PROGRAMS[name](lib, x) ** 2).sum()
        return lib.grad(lambda x: (lib.grad(f)(x) * x).sum())(lib.numpy.asarray(X))

    assert_equal(run(minijax), run(jax))


def test_the_text_for_people_runs_alone():
    f = minijax.jit(lambda x: PROGRAMS["windows"](minijax, x) + PROGRAMS["a product and a sum"](minijax, x).sum())
    text = f.lower(minijax.numpy.asarray(X)).as_text()
    scope: dict = {}
    exec(text, scope)
    result = [v for n, v in scope.items() if callable(v) and getattr(v, "__code__", None)][-1](X)
    np.testing.assert_allclose(result, f(X), rtol=1e-6)


PRINTED = ["windows, dilated", "average pooling", "pairs of windows"]


@pytest.mark.parametrize("name", PRINTED)
def test_printed_programs(name):
    ours, theirs = (
        str(lib.make_jaxpr(lambda x, lib=lib: PROGRAMS[name](lib, x))(X)).replace("\n", " ") for lib in (minijax, jax)
    )
    assert ours.split() == theirs.split() or name == "windows, dilated"


MISTAKES = {
    "trees": lambda lib: lib.lax.reduce((X, X), 0.0, lib.lax.add, (0,)),
    "trees of windows": lambda lib: lib.lax.reduce_window((X, X), 0.0, lib.lax.add, (1, 1, 1)),
    "the result's tree": lambda lib: lib.lax.reduce(X, np.float32(0), lambda a, b: (a, b), (0,)),
    "an axis twice": lambda lib: lib.lax.reduce(X, 0.0, lib.lax.add, (0, 0)),
    "a window too few": lambda lib: lib.lax.reduce_window(X, 0.0, lib.lax.add, (1, 1)),
    "a window of 0": lambda lib: lib.lax.reduce_window(X, 0.0, lib.lax.add, (0, 1, 1)),
    "a stride too few": lambda lib: lib.lax.reduce_window(X, 0.0, lib.lax.add, (1, 1, 1), (1, 1)),
    "dtypes of windows": lambda lib: lib.lax.reduce_window(X, np.int32(0), lambda a, b: a + b, (1, 1, 1)),
    "an initial array": lambda lib: lib.lax.reduce_window(X, X[0, 0], lambda a, b: a + b, (1, 1, 1)),
    "a string": lambda lib: lib.lax.reduce_window(X, 0.0, lib.lax.add, (1, 1, 1), (1, 1, 1), "SOME"),
    "truth values": lambda lib: lib.lax.reduce_window(X > 0, False, lib.lax.add, (1, 1, 1)),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    kinds = []
    for lib in (minijax, jax):
        with pytest.raises((TypeError, ValueError, RuntimeError)) as caught:
            MISTAKES[name](lib)
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp"])
@pytest.mark.parametrize("axis", [1, -1, -2, 2, -3])
@pytest.mark.parametrize("way", ["value", "value of a scalar", "jvp", "jacrev", "vmap"])
@pytest.mark.one_in(56)
def test_axes_that_count_from_the_end(name, axis, way):
    """Refused by JAX but in derivatives of four: these are computed by `associative_scan`, which takes them."""

    def outcome(lib):
        def f(x):
            return getattr(lib.lax, name)(x, axis=axis)

        x = lib.numpy.array([[1.0, 3.0, 2.0], [0.5, -1.0, 4.0]])
        if way == "value of a scalar":
            x = 0
        try:
            return {
                "value of a scalar": f,
                "value": f,
                "jvp": lambda x: lib.jvp(f, (x,), (x,)),
                "jacrev": lib.jacrev(f),
                "vmap": lambda x: lib.vmap(f)(x[None]),
            }[way](x)
        except Exception as error:
            return type(error).__name__

    ours, theirs = outcome(minijax), outcome(jax)
    if isinstance(theirs, str):
        assert ours == theirs
    else:
        assert_equal(ours, theirs)
