"""`debug.print`, `debug.callback`, `pure_callback`, `io_callback`: what is printed and called, when and in which order, is
what JAX prints and calls."""

from __future__ import annotations

import logging
from functools import partial

import jax
import jax.experimental
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy
from minijax.experimental import io_callback
from minijax.extend.core import check_jaxpr

XS = np.float32([0.5, 1.5, 2.5])


def show(lib, x):
    lib.debug.print("x is {}", x)
    return x * x


def show_tangent(lib):
    @lib.custom_jvp
    def f(x):
        return x * x

    @f.defjvp
    def _(primals, tangents):
        (x,), (t,) = primals, tangents
        lib.debug.print("value {}", x)
        lib.debug.print("tangent {}", t)
        return x * x, 2 * x * t

    return f


def scanned(lib):
    def step(c, x):
        lib.debug.print("carry {} x {x:.2f}", c, x=x)
        return c * x, c

    return lambda xs: lib.lax.scan(step, 1.0, xs)[0]


def looped(lib):
    def cond(c):
        lib.debug.print("done? {}", c)
        return c < 3.0

    def body(c):
        lib.debug.print("again {}", c)
        return c + 1.0

    return lambda x: lib.lax.while_loop(cond, body, x)


def branched(lib):
    def branch(word):
        return lambda x: (lib.debug.print(word + " {}", x), x * 2)[1]

    return lambda x: lib.lax.cond(x > 1, branch("large"), branch("small"), x)


PROGRAMS = {
    "eager": lambda lib: show(lib, 2.0),
    "jit": lambda lib: lib.jit(lambda x: show(lib, x))(2.0),
    "result unused": lambda lib: lib.jit(lambda x: [show(lib, x), 1][1])(2.0),
    "inner jit": lambda lib: lib.jit(lambda x: lib.jit(lambda y: show(lib, y))(x + 1))(2.0),
    "grad": lambda lib: lib.grad(lambda x: show(lib, x))(2.0),
    "jit of grad": lambda lib: lib.jit(lib.grad(lambda x: show(lib, x)))(2.0),
    "grad of jit": lambda lib: lib.grad(lib.jit(lambda x: show(lib, x)))(2.0),
    "second grad": lambda lib: lib.grad(lib.grad(lambda x: show(lib, x)))(2.0),
    "jvp": lambda lib: lib.jvp(lambda x: show(lib, x), (2.0,), (1.0,)),
    "vmap": lambda lib: lib.vmap(lambda x: show(lib, x))(XS),
    "vmap of two": lambda lib: lib.vmap(lambda x, y: lib.debug.print("{} {y}", x, y=y), (0, None))(XS, 7.0),
    "vmap of a column": lambda lib: lib.vmap(lambda x: lib.debug.print("{}", x), 1)(np.stack([XS, -XS])),
    "vmap of vmap": lambda lib: lib.vmap(lib.vmap(lambda x: show(lib, x)))(np.stack([XS, -XS])),
    "vmap, ordered": lambda lib: lib.vmap(lambda x: lib.debug.print("{}", x, ordered=True))(XS),
    "jit of vmap of grad": lambda lib: lib.jit(lib.vmap(lib.grad(lambda x: show(lib, x))))(XS),
    "checkpoint": lambda lib: lib.grad(lib.checkpoint(lambda x: lib.numpy.sin(show(lib, x))))(2.0),
    "rule, jvp": lambda lib: lib.jvp(show_tangent(lib), (2.0,), (1.0,)),
    "rule, grad": lambda lib: lib.grad(show_tangent(lib))(2.0),
    "rule, linearize": lambda lib: lib.linearize(show_tangent(lib), 2.0)[1](3.0),
    "scan": lambda lib: scanned(lib)(XS),
    "grad of scan": lambda lib: lib.grad(scanned(lib))(XS),
    "vmap of scan": lambda lib: lib.vmap(scanned(lib))(np.stack([XS, -XS])),
    "while": lambda lib: looped(lib)(0.5),
    "jvp of while": lambda lib: lib.jvp(looped(lib), (0.5,), (1.0,)),
    "vmap of while": lambda lib: lib.vmap(looped(lib))(XS),
    "cond": lambda lib: [branched(lib)(x) for x in XS],
    "grad of cond": lambda lib: [lib.grad(branched(lib))(float(x)) for x in XS],
    "vmap of cond": lambda lib: lib.vmap(branched(lib))(XS),
    "formats": lambda lib: lib.debug.print("{:.3f} {y!r} {z:>4d} {{}} {t}", 1 / 3, y="text", z=3, t=("a", None)),
    "arrays": lambda lib: lib.debug.print("{}\n{}", np.eye(2), {"a": XS / 3}),
    "no arguments": lambda lib: lib.debug.print("just {{this}}"),
    "text given under jit": lambda lib: lib.jit(lambda x: lib.debug.print("{} {}", x, "text"))(XS),
    "callback": lambda lib: lib.vmap(lambda x: lib.debug.callback(lambda *a, **k: print(a, k), "t", x, None))(np.arange(2)),
    "callback under jit": lambda lib: lib.jit(lambda x: lib.debug.callback(lambda v, w: print(v + w), x, w=1))(XS),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(6)
def test_prints_what_jax_prints(name, capsys):
    program = PROGRAMS[name]
    printed = []
    for lib in (mj, jax):
        program(lib)
        lib.effects_barrier()
        printed.append(capsys.readouterr().out)
    assert printed[0], "the program prints nothing"
    if name == "vmap of while":
        # XLA prints in any order if ordered=True is not given.
        printed = [sorted(text.splitlines()) for text in printed]
    assert printed[0] == printed[1]


@pytest.mark.parametrize("name", ["jit", "grad", "vmap", "vmap of two", "vmap of while", "grad of scan", "checkpoint"])
def test_jaxprs_are_well_typed_and_keep_their_effects(name, capsys):
    jaxpr = mj.make_jaxpr(lambda: PROGRAMS[name](mj))()
    check_jaxpr(jaxpr)
    assert [str(e) for e in jaxpr.effects] == ["Debug"]
    assert not capsys.readouterr().out


def test_classes_of_effects():
    for lib in (mj, jax):
        for ordered, kind in ((False, lib.debug.DebugEffect), (True, lib.debug.OrderedDebugEffect)):
            (effect,) = lib.make_jaxpr(partial(lib.debug.print, "{}", ordered=ordered))(1.0).effects
            assert isinstance(effect, kind) and str(effect) == str(kind())


@pytest.mark.parametrize("jit", [True, False])
def test_log(jit, caplog, capsys):
    def logged(lib):
        def f(x):
            lib.debug.log("x is {x} {}", "text", x=x)
            return x

        caplog.clear()
        with caplog.at_level(logging.INFO):
            lib.vmap(lib.jit(f) if jit else f)(XS)
            lib.effects_barrier()
        records = [r for r in caplog.records if r.getMessage().startswith("x is")]
        return [(r.getMessage(), r.levelname, r.pathname, r.lineno) for r in records]

    mine, theirs = logged(mj), logged(jax)
    assert len(mine) == 3 and sorted(mine) == sorted(theirs)
    assert not capsys.readouterr().out
    with caplog.at_level(logging.WARNING):
        caplog.clear()
        mj.debug.log("quiet")
    assert not caplog.records


def test_jaxpr_text():
    def f(lib):
        def program(x):
            lib.debug.print("{} {y}", x * 2, y=x, ordered=True)
            return lib.pure_callback(np.sin, lib.ShapeDtypeStruct((), np.float32), x)

        return program

    assert str(mj.make_jaxpr(f(mj))(1.0)) == str(jax.make_jaxpr(f(jax))(1.0))


# ---------------------------------------------------------------------------------------------------------------------
# Callbacks with results


def scalar(lib):
    return lib.ShapeDtypeStruct((), np.float32)


def pure(lib, method=None):
    return lambda x, y: lib.pure_callback(
        lambda a, b: (print(a.shape, b.shape), np.asarray(a) + np.asarray(b))[1], scalar(lib), x, y, vmap_method=method
    )


def io(lib, **options):
    call = io_callback if lib is mj else jax.experimental.io_callback
    return lambda x: call(lambda a: (print("called", a), np.sin(a))[1], scalar(lib), x, **options)


CALLBACKS = {
    "pure": lambda lib: pure(lib)(1.0, 2.0),
    "pure under jit": lambda lib: lib.jit(pure(lib))(1.0, 2.0),
    "pure, unread": lambda lib: lib.jit(lambda x: [pure(lib)(x, x), x][1])(1.0),
    "pure of a pytree": lambda lib: lib.pure_callback(
        lambda d, *, k: {"s": d["a"] + k, "t": (d["b"],)},
        {"s": scalar(lib), "t": (lib.ShapeDtypeStruct((3,), np.float32),)},
        {"a": 1.0, "b": XS},
        k=2.0,
    ),
    **{
        f"vmap, {method}": lambda lib, method=method: lib.vmap(pure(lib, method), (0, None))(XS, np.float32(1))
        for method in ("sequential", "sequential_unrolled", "expand_dims", "broadcast_all")
    },
    "vmap of vmap": lambda lib: lib.vmap(lib.vmap(pure(lib, "expand_dims"), (0, None)), (None, 0))(XS, XS),
    "pure in a custom_jvp": lambda lib: lib.grad(_with_rule(lib))(1.0),
    "io": lambda lib: io(lib)(1.0),
    "io under jit, unread": lambda lib: lib.jit(lambda x: [io(lib)(x), x][1])(1.0),
    "io in a scan": lambda lib: lib.lax.scan(lambda c, x: (c + io(lib, ordered=True)(x), None), 0.0, XS)[0],
    "vmap of io": lambda lib: lib.vmap(io(lib))(XS),
    "io in a while loop": lambda lib: lib.lax.while_loop(lambda c: c < 2, lambda c: c + io(lib)(c) + 1, 0.0),
    "io in a cond": lambda lib: lib.jit(lambda p: lib.lax.cond(p, lambda: io(lib)(1.0), lambda: 0.0))(True),
}


def _with_rule(lib):
    @lib.custom_jvp
    def sin(x):
        return lib.pure_callback(lambda v: np.sin(np.asarray(v)), scalar(lib), x)

    @sin.defjvp
    def _(primals, tangents):
        return sin(*primals), lib.numpy.cos(primals[0]) * tangents[0]

    return sin


@pytest.mark.parametrize("name", CALLBACKS)
@pytest.mark.one_in(4)
def test_callbacks_as_in_jax(name, capsys):
    results, printed = [], []
    for lib in (mj, jax):
        results.append(lib.tree.map(np.asarray, CALLBACKS[name](lib)))
        lib.effects_barrier()
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    mine, theirs = map(jax.tree.leaves, results)
    assert jax.tree.structure(results[0]) == jax.tree.structure(results[1])
    for a, b in zip(mine, theirs, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_a_callback_may_use_the_library():
    def twice(x):
        return mj.jit(lambda v: mj.numpy.sin(v) * 2)(x)

    got = mj.jit(lambda x: mj.pure_callback(twice, scalar(mj), x))(1.0)
    np.testing.assert_allclose(got, 2 * np.sin(np.float32(1)), rtol=1e-6)


ERRORS = {
    "unused positional": (lambda lib: lib.debug.print("{}", 1.0, 2.0), ValueError, "Unused positional arguments"),
    "unused keyword": (lambda lib: lib.debug.print("x", y=2.0), ValueError, "Unused keyword arguments"),
    "missing keyword": (lambda lib: lib.debug.print("{x}", 1.0), KeyError, "x"),
    "no text": (lambda lib: lib.debug.print(3), TypeError, "got"),
    "no function": (lambda lib: lib.debug.callback(3), TypeError, "must be callable"),
    "grad of pure": (lambda lib: lib.grad(lambda x: pure(lib)(x, x))(1.0), ValueError, "Please use `jax.custom_jvp`"),
    "grad of io": (lambda lib: lib.grad(io(lib))(1.0), ValueError, "IO callbacks do not support JVP"),
    "vmap of ordered io": (lambda lib: lib.vmap(io(lib, ordered=True))(XS), ValueError, "Cannot `vmap` ordered IO callback"),
    "vmap of pure": (lambda lib: lib.vmap(pure(lib))(XS, XS), NotImplementedError, "Got vmap_method=None"),
    "method": (lambda lib: pure(lib, "fast")(1.0, 1.0), ValueError, "vmap_method must be"),
    "shape": (
        lambda lib: lib.pure_callback(lambda x: np.zeros(3, np.float32), scalar(lib), 1.0),
        RuntimeError,
        r"Incorrect output shape for return value #0: Expected: \(\), Actual: \(3,\)",
    ),
    "dtype": (
        lambda lib: lib.pure_callback(lambda x: np.int32(3), scalar(lib), 1.0),
        RuntimeError,
        "Incorrect output dtype for return value #0: Expected: float32, Actual: int32",
    ),
}  # fmt: skip


# JAX logs a callback's exception before it raises.
@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    program, error, text = ERRORS[name]
    for lib in (mj, jax):
        with pytest.raises(error, match=text):
            program(lib)


def test_what_callbacks_raise_arrives_as_it_is():
    with pytest.raises(ZeroDivisionError):
        mj.jit(lambda x: mj.pure_callback(lambda v: 1 // 0, scalar(mj), x))(1.0)
    with pytest.raises(RuntimeError, match="returned 2 results, but result_shape_dtypes promises 1"):
        mj.pure_callback(lambda v: (v, v), scalar(mj), 1.0)
    with pytest.raises(TypeError, match="result_shape_dtypes must be a pytree of things with a shape and a dtype"):
        mj.pure_callback(lambda v: v, 3, 1.0)
