"""Functions of complex numbers with parts that are infinite, NaN, -0.0, huge or tiny: values and derivatives, against JAX's."""

from __future__ import annotations

import itertools

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy

INF, NAN = np.inf, np.nan
PARTS = [-INF, -1e30, -1.5, -1.0, -1e-30, -0.0, 0.0, 1e-30, 1.0, 1.5, 1e30, INF, NAN]
GRID = np.array([complex(a, b) for a, b in itertools.product(PARTS, PARTS)], np.complex64)
FEW = np.array(
    [complex(a, b) for a, b in itertools.product([-INF, -1.5, -0.0, 0.0, 1.0, INF, NAN], repeat=2)], np.complex64
)
PAIRS = [x.ravel() for x in np.meshgrid(FEW, FEW)]

LAX = (
    "exp exp2 expm1 log log1p sqrt rsqrt sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh"
    " abs square logistic reciprocal neg conj real imag"
)
NUMPY = "sinc angle round isnan isinf isfinite log2 log10 arccosh nan_to_num sqrt rint"
OF_ONE = {
    **{n: lambda lib, x, n=n: getattr(lib.lax, n)(x) for n in LAX.split()},
    **{f"jnp.{n}": lambda lib, x, n=n: getattr(lib.numpy, n)(x) for n in NUMPY.split()},
    **{f"integer_pow {y}": lambda lib, x, y=y: lib.lax.integer_pow(x, y) for y in (-3, -2, -1, 0, 3, 4)},
    "sigmoid": lambda lib, x: lib.nn.sigmoid(x),
    "silu": lambda lib, x: lib.nn.silu(x),
    # The signs of the zeros of sign(0) depend on the options with which XLA compiles.
    "sign": lambda lib, x: lib.lax.sign(lib.numpy.where(x == 0, 1, x)),
}
OF_TWO = {n: lambda lib, x, y, n=n: getattr(lib.lax, n)(x, y) for n in ("add", "sub", "mul", "div", "pow")}
OF_TWO["power"] = lambda lib, x, y: lib.numpy.power(x, y)
# The parts of their results have the error of the whole: JAX computes cos(pi / 2) = -4e-8 in rsqrt(-1).
OF_THE_WHOLE = ("rsqrt", "integer_pow", "div", "pow")

# {function: (reason, where it differs from JAX: a mask of the parts, [(an argument, minijax's value, JAX's)])}
# A part of an argument is huge or tiny if it is 1e30 or 1e-30.
DIFFER = {
    "abs": (
        "an infinite number has an infinite absolute value, as in C, whatever its other part is",
        lambda a, b: np.isinf(a) & np.isnan(b) | np.isnan(a) & np.isinf(b),
        [(complex(INF, NAN), INF, NAN), (complex(NAN, -INF), INF, NAN)],
    ),
    "sinh": (
        "XLA loses a tiny real part: it subtracts e^-a from e^a",
        lambda a, b: tiny(a) & np.isfinite(b),
        [(complex(1e-30, 0), complex(1e-30, 0), 0j)],
    ),
    "cosh": (
        "as sinh",
        lambda a, b: tiny(a) & (np.isfinite(b) & (np.abs(b) >= 1) | (b == -a)),
        [(complex(1e-30, 1), complex(np.cos(1), 1e-30 * np.sin(1)), complex(np.cos(1), 0))],
    ),
    **{
        name: (
            "the logarithm of a huge number and of NaN is NaN",
            lambda a, b: huge(a) & np.isnan(b),
            [(complex(1e30, NAN), complex(NAN, NAN), complex(NAN, imag))],
        )
        for name, imag in (("asin", np.log(2e30)), ("acos", -np.log(2e30)))
    },
    "asinh": (
        "as asin",
        lambda a, b: np.isnan(a) & huge(b),
        [(complex(NAN, 1e30), complex(NAN, NAN), complex(np.log(2e30), NAN))],
    ),
    **{
        name: (
            "as asin",
            lambda a, b: huge(a) & np.isnan(b),
            [(complex(1e30, NAN), complex(NAN, NAN), complex(np.log(2e30), NAN))],
        )
        for name in ("acosh", "jnp.arccosh")
    },
    "atan": (
        "of NaN, XLA computes pi/2; it forgets on which side of its cut a huge number is",
        lambda a, b: np.isnan(a) | np.isnan(b) & np.isfinite(a) | (a == 0) & np.signbit(a) & huge(b),
        [
            (complex(1, NAN), complex(NAN, NAN), complex(np.pi / 2, NAN)),
            (complex(NAN, 0), complex(NAN, 0), complex(-np.pi / 2, NAN)),
            (complex(-0.0, 1e30), complex(-np.pi / 2, 1e-30), complex(np.pi / 2, 1e-30)),
        ],
    ),
    "atanh": (
        "as atan",
        lambda a, b: np.isnan(a) | np.isnan(b) | huge(a) & (b == 0) & np.signbit(b),
        [
            (complex(1, NAN), complex(NAN, NAN), complex(NAN, -np.pi / 2)),
            (complex(NAN, INF), complex(0, np.pi / 2), complex(-0.0, np.pi / 2)),
            (complex(1e30, -0.0), complex(1e-30, -np.pi / 2), complex(1e-30, np.pi / 2)),
        ],
    ),
    "square": (
        "JAX computes (a - b) (a + b), and NumPy a^2 - b^2, five times as fast; they differ where a^2 or b^2 is too large or too"
        " small for a float",
        lambda a, b: (huge(a) | np.isinf(a)) & huge(b) | (a == 0) & tiny(b),
        [
            (complex(1e30, 1e30), complex(-INF, INF), complex(0, INF)),
            (complex(INF, 1e30), complex(NAN, INF), complex(INF, INF)),
            (complex(0, 1e-30), complex(0, 0), complex(-0.0, 0)),
        ],
    ),
}


def huge(part):
    return np.abs(part) == np.float32(1e30)


def tiny(part):
    return np.abs(part) == np.float32(1e-30)


def same_parts(x, y, size=0):
    """Whether real numbers are NaN together, else close, with the signs of zeros. size: of the numbers that they are parts of."""
    nan = np.isnan(x) | np.isnan(y)
    with np.errstate(invalid="ignore", over="ignore"):
        close = np.abs(x - y) <= 1e-5 * np.maximum(np.abs(y), size)
    close = np.where(x == y, np.signbit(x) == np.signbit(y), close)
    return np.where(nan, np.isnan(x) & np.isnan(y), close)


def same(x, y, whole=False):
    if x.dtype.kind == "b":
        return x == y
    size = np.where(np.isfinite(y), np.abs(y), 0) if whole else 0
    return same_parts(x.real, y.real, size) & same_parts(x.imag, y.imag, size)


def check(name, f, *args, modes=("eager", "NumPy"), differ=None):
    with np.errstate(all="ignore"):
        theirs = np.asarray(f(jax, *map(jax.numpy.asarray, args)))
        for mode in modes:
            mine = MODES[mode](lambda *args: f(mj, *args))(*map(mj.numpy.asarray, args))
            found = ~same(np.asarray(mine), theirs, name.startswith(OF_THE_WHOLE))
            expected = np.zeros(found.shape, bool) if differ is None or mode == "XLA" else differ
            wrong = np.flatnonzero(found != expected)
            assert not len(wrong), [
                (mode, *[x[i] for x in args], np.asarray(mine)[i], theirs[i], bool(expected[i])) for i in wrong[:10]
            ]


MODES = {"eager": lambda f: f, "NumPy": mj.jit, "XLA": lambda f: mj.jit(f, compiler="xla")}


@pytest.mark.parametrize("name", OF_ONE)
@pytest.mark.one_in(6)
def test_of_one(name):
    differ = DIFFER[name][1](GRID.real, GRID.imag) if name in DIFFER else None
    check(name, OF_ONE[name], GRID, differ=differ)


@pytest.mark.parametrize("name", OF_TWO)
@pytest.mark.one_in(4)
def test_of_two(name):
    check(name, OF_TWO[name], *PAIRS)


@pytest.mark.parametrize("name", ["sin", "cos", "exp2", "square", "div"])
@pytest.mark.one_in(5)
def test_by_xla(name):
    of_two = name in OF_TWO
    check(name, (OF_TWO if of_two else OF_ONE)[name], *(PAIRS if of_two else [GRID]), modes=["XLA"])


@pytest.mark.parametrize("name", DIFFER)
@pytest.mark.one_in(6)
def test_listed_values(name):
    for x, mine, theirs in DIFFER[name][2]:
        for lib, value in ((mj, mine), (jax, theirs)):
            found = np.asarray(OF_ONE[name](lib, lib.numpy.asarray(x, np.complex64)))
            assert same(found, np.asarray(value, found.dtype)), (lib.__name__, x, found, value)


def test_each_by_itself():
    """A value does not depend on the other values of the array."""
    for name in [*LAX.split(), "integer_pow -1"]:
        whole = np.asarray(OF_ONE[name](mj, mj.numpy.asarray(GRID)))
        each = np.stack([OF_ONE[name](mj, mj.numpy.asarray(x)) for x in GRID])
        np.testing.assert_array_equal(whole, each, name)


DERIVATIVES = {
    **{n: OF_ONE[n] for n in "abs sqrt log square exp sin log1p tanh reciprocal rsqrt".split()},
    "max": lambda lib, x: lib.lax.max(x, lib.numpy.full_like(x, 1)),
    "min": lambda lib, x: lib.lax.min(x, lib.numpy.full_like(x, complex(0.0, -0.0))),
    "reduce_max": lambda lib, x: lib.numpy.max(x.reshape(7, 7), axis=1),
    "div": lambda lib, x: lib.lax.div(lib.numpy.full_like(x, 1.5 + 1j), x),
    "pow": lambda lib, x: lib.lax.pow(x, lib.numpy.full_like(x, 1.5)),
}


@pytest.mark.parametrize("name", DERIVATIVES)
@pytest.mark.one_in(6)
def test_derivatives(name):
    f = DERIVATIVES[name]

    def jvp(lib, x):
        return lib.jvp(lambda x: f(lib, x), (x,), (lib.numpy.full_like(x, 1 + 2j),))[1]

    def vjp(lib, x):
        out, pull_back = lib.vjp(lambda x: f(lib, x), x)
        return pull_back(lib.numpy.full_like(out, 1))[0]

    for derivative in (jvp, vjp):
        check(name, derivative, FEW)


def test_log1p_of_small_numbers():
    x = np.complex64(
        [complex(1e-9, 0), complex(1e-9, 2e-9), complex(-3e-6, 1e-4), complex(0.3, -0.4), complex(-0.4, 0.1)]
    )
    found, exact = mj.lax.log1p(x), np.log1p(x.astype(np.complex128))
    exact.real = np.log1p(x.real.astype(float) * (2 + x.real.astype(float)) + x.imag.astype(float) ** 2) / 2
    assert np.all(np.abs(found.real - exact.real) <= 2e-7 * np.abs(exact))
    assert np.all(np.abs(found.imag - exact.imag) <= 2e-7 * np.abs(exact))
