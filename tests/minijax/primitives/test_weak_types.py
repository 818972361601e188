"""A Python number is weak: it takes the dtype of what it meets. Results and derivatives stay weak exactly where JAX's do."""

from __future__ import annotations

import jax
import jax.lax
import jax.numpy
import numpy as np
import pytest
from op_table import OPS, Op

import minijax
import minijax.lax
import minijax.numpy

# Two float32 implementations of a function differ by 16 units in the last place in the op table, and a second derivative is a
# sum of a few such terms.
TOLERANCE = 64 * np.finfo(np.float32).eps

ELEMENTWISE = [
    pytest.param(op, id=f"{i}-{op.name}")
    for i, op in enumerate(OPS)
    if op.smooth and all(shape in ((), (3, 4)) for shape in op.shapes) and not op.fixed and op.dtypes[0] == "float32"
]


def outcomes(library, function, args) -> list:
    """(dtype, weak type, value) of each result, or the class of the error."""
    try:
        results = function(library, *args)
    except (TypeError, ValueError, IndexError, AttributeError, ZeroDivisionError) as error:
        return [(type(error).__name__,)]
    leaves = library.tree.leaves(results)
    # An operation of Python numbers alone gives a Python number.
    return [
        (str(x.dtype) if hasattr(x, "dtype") else type(x), getattr(x, "weak_type", False), np.asarray(x, "complex64"))
        for x in leaves
    ]


def compare(function, args):
    ours, theirs = outcomes(minijax, function, args), outcomes(jax, function, args)
    if len(theirs[0]) == 1:
        # An operation that takes no scalars, such as `rev`.
        assert len(ours[0]) == 1
        return
    assert [x[:2] for x in ours] == [x[:2] for x in theirs]
    for x, y in zip(ours, theirs):
        np.testing.assert_allclose(x[2], y[2], rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("op", ELEMENTWISE)
@pytest.mark.one_in(20)
def test_rows(op: Op, jitted):
    """Each operation, its tangents and its cotangents, with Python numbers and arrays in every place."""
    low, high = op.domain
    number = round(0.4 * low + 0.6 * high, 2)

    def run(library, *which):
        args = [number if weak else library.numpy.float32(number) for weak in which]

        def function(*args):
            return op.function(library.lax, *args)

        def everything(*args):
            results = [function(*args)]
            if op.smooth:
                smooth = tuple(library.numpy.asarray(args[i]) for i in op.smooth)

                def by_smooth(*smooth):
                    given = dict(zip(op.smooth, smooth))
                    return function(*[given.get(i, x) for i, x in enumerate(args)])

                results.append(library.jvp(by_smooth, smooth, smooth))
                results.append(
                    library.grad(lambda *s: library.numpy.sum(by_smooth(*s).real), tuple(range(len(smooth))))(*smooth)
                )
            return results

        return (library.jit(everything) if jitted else everything)(*args)

    n = len(op.shapes)
    mixed = {(False,) * n, (True,) + (False,) * (n - 1), (False,) * (n - 1) + (True,)}
    for which in {(True,) * n, *(() if jitted else mixed)}:
        compare(run, which)


FUNCTIONS = {
    "relu": lambda lib, x: lib.nn.relu(x),
    "relu6": lambda lib, x: lib.nn.relu6(x),
    "leaky_relu": lambda lib, x: lib.nn.leaky_relu(x),
    "elu": lambda lib, x: lib.nn.elu(x),
    "gelu": lambda lib, x: lib.nn.gelu(x),
    "silu": lambda lib, x: lib.nn.silu(x),
    "softplus": lambda lib, x: lib.nn.softplus(x),
    "soft_sign": lambda lib, x: lib.nn.soft_sign(x),
    "where": lambda lib, x: lib.numpy.where(x > 0, x, 0.0),
    "clip": lambda lib, x: lib.numpy.clip(x, 0.0, 3.0),
    "maximum": lambda lib, x: lib.numpy.maximum(x, 0.0),
    "mod": lambda lib, x: x % 3.0,
    "floor_divide": lambda lib, x: x // 0.3,
    "floor_divide_zero": lambda lib, x: x // 0.0,
    "power": lambda lib, x: x**2.5,
    "power_of_number": lambda lib, x: 2.5**x,
    "integer_power": lambda lib, x: x**3,
    "square": lambda lib, x: x**2,
    "float_power": lambda lib, x: lib.numpy.float_power(x, 2.0),
    "sqrt_abs": lambda lib, x: lib.numpy.sqrt(abs(x)),
    "hypot": lambda lib, x: lib.numpy.hypot(x, 2.0),
    "copysign": lambda lib, x: lib.numpy.copysign(x, -1.0),
    "logaddexp": lambda lib, x: lib.numpy.logaddexp(x, 1.0),
    "arctan2": lambda lib, x: lib.numpy.arctan2(x, 1.0),
    "sinc": lambda lib, x: lib.numpy.sinc(x),
    "nan_to_num": lambda lib, x: lib.numpy.nan_to_num(x),
    "select": lambda lib, x: lib.numpy.select([x > 1, x > 0], [x, 2 * x], 0.0),
    "cond": lambda lib, x: lib.lax.cond(x > 0, lambda x: x * 2.0, lambda x: -x, x),
    "fori_loop": lambda lib, x: lib.lax.fori_loop(0, 3, lambda i, c: c * x, x),
    "while_loop": lambda lib, x: lib.lax.while_loop(lambda c: c < 3.0, lambda c: c * 2.0, x),
    "scan_carry": lambda lib, x: lib.lax.scan(lambda c, _: (c * x, c), x, None, length=2)[0],
    "scan_outputs": lambda lib, x: lib.numpy.sum(lib.lax.scan(lambda c, _: (c * x, c), x, None, length=2)[1]),
    "scan_starts_weak": lambda lib, x: lib.lax.scan(lambda c, y: (c + y, c), 0.0, lib.numpy.stack([x, x]))[0],
    "fori_starts_weak": lambda lib, x: lib.lax.fori_loop(0, 3, lambda i, c: c + x, 0.0),
    "sum_of_list": lambda lib, x: lib.numpy.sum(lib.numpy.stack([x, x])),
}

# A while loop has no reverse derivative. The cotangent of a carry that starts as a Python number is weak here and not in JAX.
VALUES_ALONE = ("while_loop", "scan_starts_weak")


@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize(
    ("name", "order"), [(name, order) for name in FUNCTIONS for order in ([0] if name in VALUES_ALONE else [0, 1, 2])]
)
@pytest.mark.one_in(120)
def test_functions(name, order, jitted):
    """Values, first and second derivatives of functions of a Python number, of a weak and of a strong array, at a kink too."""

    def derivative(library):
        def function(x):
            return FUNCTIONS[name](library, x)

        for _ in range(order):
            function = library.grad(function)
        return library.jit(function) if jitted else function

    # Once for all numbers: JAX compiles one program for a weak type and one for a strong one.
    functions = {library: derivative(library) for library in (minijax, jax)}
    for make in (lambda lib, x: x, lambda lib, x: lib.numpy.asarray(x), lambda lib, x: lib.numpy.float32(x)):
        for value in (1.25,) if name == "while_loop" else (0.0, 1.25):
            compare(lambda library, x: functions[library](x(library)), (lambda lib, m=make, v=value: m(lib, v),))
