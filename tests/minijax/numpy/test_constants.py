"""A number that a program writes is a literal of its jaxpr and, within jit, a tracer. An array that it closes over is neither."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from numpy_table import TABLES, VARIABLES
from thinned import LONG, part

import minijax as mj


def seen(lib, expression: str, closes_over: bool) -> list[str]:
    """What the results are to a function that is traced: tracers, arrays or others."""

    def variables():
        return {name: lib.numpy.asarray(x) for name, x in VARIABLES.items() if name in expression}

    outside, found = variables(), []

    def function():
        scope = outside if closes_over else variables()
        result = eval(expression, {"jnp": lib.numpy, "np": np, **scope})
        for leaf in lib.tree_util.tree_leaves(result):
            tracer = isinstance(leaf, lib.core.Tracer)
            found.append("tracer" if tracer else "array" if isinstance(leaf, lib.Array) else "other")

    lib.make_jaxpr(function)()
    return found


@pytest.mark.parametrize("closes_over", [True, False])
@pytest.mark.parametrize("table", TABLES)
def test_results_are_tracers_within_jit(table, closes_over):
    compared, differ = 0, {}
    expressions = part(TABLES[table], 16)
    for expression in expressions:
        try:
            expected = seen(jax, expression, closes_over)
        except Exception:  # JAX wants the value, which a tracer has not.
            continue
        compared += 1
        got = seen(mj, expression, closes_over)
        if got != expected:
            differ[expression] = f"{got} where JAX has {expected}"
    assert compared > len(expressions) / 2 or not LONG
    assert not differ, "\n".join(f"{e}: {d}" for e, d in differ.items())


CLOSED = {
    "a scalar array": (lambda lib: lib.numpy.array(2.0), lambda lib, c, x: c * x),
    "an integer": (lambda lib: lib.numpy.asarray(3), lambda lib, c, x: c * x),
    "a scalar of NumPy's": (lambda lib: np.float32(2), lambda lib, c, x: c * x),
    "a NumPy array without axes": (lambda lib: np.array(2.0, np.float32), lambda lib, c, x: lib.numpy.add(c, x)),
    "a Python number": (lambda lib: 2.0, lambda lib, c, x: c * x),
    "a sum": (lambda lib: lib.numpy.ones(3).sum(), lambda lib, c, x: c + x),
    "a gradient": (lambda lib: lib.grad(lambda x: x)(1.0), lambda lib, c, x: c + x),
    "zeros": (lambda lib: lib.numpy.zeros(()), lambda lib, c, x: c + x),
    "float32": (lambda lib: lib.numpy.float32(3), lambda lib, c, x: c + x),
    "a converted number": (lambda lib: lib.lax.convert_element_type(3, np.float32), lambda lib, c, x: c + x),
    "on the device": (lambda lib: lib.device_put(3.0), lambda lib, c, x: c + x),
    "returned by jit": (lambda lib: lib.jit(lambda: 3.0)(), lambda lib, c, x: c + x),
    "a Python number under vmap": (
        lambda lib: 2.0,
        lambda lib, c, x: lib.vmap(lambda y: c * y)(lib.numpy.ones(3) * x),
    ),
    "in a scan": (
        lambda lib: lib.numpy.array(2.0),
        lambda lib, c, x: lib.lax.scan(lambda s, _: (s * c, s), x, None, length=3),
    ),
    "in a condition": (
        lambda lib: lib.numpy.array(2.0),
        lambda lib, c, x: lib.lax.cond(c > 1, lambda: x, lambda: 2 * x),
    ),
    "in a loop": (
        lambda lib: lib.numpy.array(2.0),
        lambda lib, c, x: lib.lax.while_loop(lambda s: s < c, lambda s: s + c, x),
    ),
    "in a gradient": (lambda lib: lib.numpy.array(2.0), lambda lib, c, x: lib.grad(lambda y: y * c)(x)),
    "in a tangent": (lambda lib: lib.numpy.array(2.0), lambda lib, c, x: lib.jvp(lambda y: y * c, (x,), (x,))),
    "in linearize": (lambda lib: lib.numpy.array(2.0), lambda lib, c, x: lib.linearize(lambda y: c * y, x)[1](x)),
    "in checkpoint": (lambda lib: lib.numpy.array(2.0), lambda lib, c, x: lib.checkpoint(lambda y: y * c)(x)),
    "returned": (lambda lib: lib.numpy.array(2.0), lambda lib, c, x: (c, x)),
    "a linear function": (
        lambda lib: lib.linearize(lambda x: lib.numpy.sin(x) * 2.0, 1.0)[1],
        lambda lib, c, x: c(x),
    ),
}


@pytest.mark.parametrize("case", CLOSED)
def test_closed_over_scalars_are_printed_as_jax_prints_them(case):
    make, use = CLOSED[case]

    def text(lib):
        c = make(lib)
        return str(lib.make_jaxpr(lambda x: use(lib, c, x))(np.float32(1)))

    assert text(mj) == text(jax)


@pytest.mark.parametrize("ask", [bool, int, float, complex], ids=lambda t: t.__name__)
def test_within_jit_a_constant_has_no_value(ask):
    for lib in (jax, mj):
        for make in (lib.numpy.array, lib.numpy.asarray, lib.numpy.float32, lib.device_put):
            with pytest.raises((lib.errors.ConcretizationTypeError, lib.errors.TracerBoolConversionError)):
                lib.jit(lambda make=make: ask(make(1)))()
        assert ask(lib.numpy.array(1)) == 1


# Programs that make an array which nobody reads.
UNREAD = {
    "a list": lambda lib: lambda x: (lib.numpy.array([1.0, 2.0]), 2 * x)[1],
    "no elements": lambda lib: lambda x: (lib.numpy.array([]), 2 * x)[1],
    "NumPy's": lambda lib: lambda x: (lib.numpy.asarray(np.ones(3)), 2 * x)[1],
    "one of two": lambda lib: lambda x: (lib.numpy.array([3.0]), x * lib.numpy.array([4.0]))[1],
    "in a body of scan": lambda lib: (
        lambda x: lib.lax.scan(lambda c, _: (2 * c, (lib.numpy.array([1]), c)[1]), x, None, 2)
    ),
    "in a branch": lambda lib: (
        lambda x: lib.lax.cond(x > 0, lambda x: (lib.numpy.array([1.0]), x)[1], lambda x: 2 * x, x)
    ),
    "in a function of jit": lambda lib: lib.jit(lambda x: (lib.numpy.array([1.0]), 2 * x)[1]),
    "under grad": lambda lib: lib.grad(lambda x: (lib.numpy.array([1.0]), x * x)[1]),
    "read by what is dead": lambda lib: lambda x: (lib.numpy.array([1.0]) * x, 2 * x)[1],
}


@pytest.mark.parametrize("name", UNREAD)
def test_what_nobody_reads_is_no_constant(name):
    def described(lib):
        jaxpr = lib.make_jaxpr(UNREAD[name](lib))(1.0)
        return len(jaxpr.consts), str(jaxpr)

    assert described(mj) == described(jax)
