"""The order of complex numbers: by their real parts, then by their imaginary parts; and which functions refuse it.

NaN, infinities, ties and the signs of zeros count. A maximum in JAX is `x if x > y else y`, so of two equal numbers it is the
second, and of a number and one whose real part is NaN the second, too. A reduction goes through the elements in their order.
"""

from __future__ import annotations

import itertools
from functools import partial

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy

PARTS = [-np.inf, -1.0, -0.0, 0.0, 1.0, np.inf, np.nan]
NUMBERS = np.array([complex(a, b) for a, b in itertools.product(PARTS, PARTS)], np.complex64)
X, Y = (a.ravel() for a in np.meshgrid(NUMBERS, NUMBERS))
RNG = np.random.default_rng(0)
# Rows of few numbers, so that a row ends with NaN, begins with NaN, has none, or ties. XLA splits a running maximum of more than 16
# numbers and a maximum of more than 32 into groups. Then it takes another one of the NaN and numbers, so there are fewer. And
# JAX begins running maxima and those of windows with -inf+0j, which is not the least number: so -inf-1j is not here.
BEYOND = NUMBERS[~np.isinf(NUMBERS.real)]
ROWS = RNG.choice(BEYOND, (16, 12))
FINITE = RNG.choice(BEYOND[np.isfinite(BEYOND)], (16, 12))
INDICES = RNG.integers(0, 9, 40)

OF_TWO = {
    **{n: lambda lib, x, y, n=n: getattr(lib.numpy, n)(x, y) for n in ("maximum", "minimum", "fmax", "fmin")},
    **{
        n: lambda lib, x, y, n=n: getattr(lib.numpy, n)(x, y)
        for n in ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "isclose")
    },
    **{f"lax.{n}": lambda lib, x, y, n=n: getattr(lib.lax, n)(x, y) for n in ("max", "min", "eq", "ne")},
    **{f"lax.{n}": lambda lib, x, y, n=n: getattr(lib.lax, n)(x, y) for n in ("lt", "le", "gt", "ge")},
    "at.max": lambda lib, x, y: x.at[:].max(y),
    "at.min": lambda lib, x, y: x.at[:].min(y),
    "sort of two keys": lambda lib, x, y: lib.lax.sort((x, y), num_keys=2)[1],
    "sort_key_val": lambda lib, x, y: lib.lax.sort_key_val(x, y)[1],
    "lexsort": lambda lib, x, y: lib.numpy.lexsort((x, y)),
    "searchsorted": lambda lib, x, y: lib.numpy.searchsorted(lib.numpy.sort(x[:49]), y[:49]),
    "searchsorted right": lambda lib, x, y: lib.numpy.searchsorted(lib.numpy.sort(x), y, side="right"),
    "isin": lambda lib, x, y: lib.numpy.isin(x[:70], y[:3]),
    "array_equal": lambda lib, x, y: lib.numpy.array_equal(x, y, equal_nan=True),
}
OF_ONE = {
    **{n: lambda lib, x, n=n: getattr(lib.numpy, n)(x) for n in ("max", "min", "nanmax", "nanmin", "ptp", "median")},
    **{n: lambda lib, x, n=n: getattr(lib.numpy, n)(x) for n in ("sort", "argsort", "sort_complex")},
    **{f"{n} of all": lambda lib, x, n=n: getattr(lib.numpy, n)(x, axis=None) for n in ("sort", "argsort")},
    **{f"{n} of columns": lambda lib, x, n=n: getattr(lib.numpy, n)(x, axis=0) for n in ("sort", "argsort", "max")},
    **{f"{n} descending": lambda lib, x, n=n: getattr(lib.numpy, n)(x, descending=True) for n in ("sort", "argsort")},
    **{n: lambda lib, x, n=n: getattr(lib.numpy, n)(x) for n in ("argmax", "argmin", "nanargmax")},
    **{f"{n} of rows": lambda lib, x, n=n: getattr(lib.numpy, n)(x, axis=-1) for n in ("max", "min", "nanmax", "ptp")},
    **{f"lax.{n}": lambda lib, x, n=n: getattr(lib.lax, n)(x, axis=1) for n in ("cummax", "cummin")},
    **{f"{n} reversed": lambda lib, x, n=n: getattr(lib.lax, n)(x, axis=1, reverse=True) for n in ("cummax", "cummin")},
    "reduce_max of two axes": lambda lib, x: lib.lax.reduce_max(x.reshape(4, -1, x.shape[-1]), (0, 2)),
    "reduce_min of no axis": lambda lib, x: lib.lax.reduce_min(x, ()),
    "max with initial": lambda lib, x: lib.numpy.max(x, initial=-5),
    "max where": lambda lib, x: lib.numpy.max(x, axis=1, initial=-5, where=lib.numpy.real(x) < 1),
    "max of nothing": lambda lib, x: lib.numpy.max(x[:0], axis=0, initial=-np.inf),
    "clip": lambda lib, x: lib.numpy.clip(x, 0, 1),
    "unique": lambda lib, x: lib.numpy.unique(x, size=49),
    **{
        n: lambda lib, x, n=n: getattr(lib.numpy, n)(x[0], x[1], size=12)
        for n in ("union1d", "intersect1d", "setdiff1d", "setxor1d")
    },
    "partition": lambda lib, x: lib.numpy.partition(x, 1),
    "top_k": lambda lib, x: lib.lax.top_k(x, 2)[0],
    "reduce": lambda lib, x: lib.lax.reduce(x, np.complex64(0), lib.lax.max, (1,)),
    "reduce_window_max": lambda lib, x: lib.lax.reduce_window(
        x, np.complex64(-np.inf), lib.lax.max, (2, 3), (1, 2), "SAME"
    ),
    "reduce_window_min": lambda lib, x: lib.lax.reduce_window(
        x, np.complex64(np.inf), lib.lax.min, (3, 2), (1, 1), ((2, 0), (0, 2)), (2, 1), (1, 2)
    ),
    "reduce_window": lambda lib, x: lib.lax.reduce_window(x, np.complex64(0), lib.lax.max, (1, 2), (1, 1), "VALID"),
    "segment_max": lambda lib, x: lib.ops.segment_max(x[:, 0], INDICES[: len(x)], 10),
    "segment_min": lambda lib, x: lib.ops.segment_min(x[:, 0], INDICES[: len(x)], 10),
    "at.max of rows": lambda lib, x: x.at[INDICES[: len(x)]].max(x[::-1]),
    "at.min of one": lambda lib, x: x.at[3, 2].min(x[1, 1]),
    "vmap": lambda lib, x: lib.vmap(lambda r: lib.numpy.max(r))(x),
}
OF_ONE |= {
    "maximum.accumulate": lambda lib, x: lib.numpy.maximum.accumulate(x, axis=1),
    "minimum.reduce": lambda lib, x: lib.numpy.minimum.reduce(x, axis=1),
    "pmax": lambda lib, x: lib.vmap(lambda r: lib.lax.pmax(r, "i"), axis_name="i")(x),
    "gradient of max": lambda lib, x: lib.grad(lambda x: lib.numpy.real(lib.numpy.max(x, axis=1)).sum())(x),
    "gradient of sort": lambda lib, x: lib.grad(lambda x: lib.numpy.real(lib.numpy.sort(x) * np.arange(12)).sum())(x),
    "gradient of at.max": lambda lib, x: lib.grad(lambda x: lib.numpy.real(x.at[::2].max(x[:8])).sum())(x),
}
MODES = {"eager": lambda f: f, "NumPy": mj.jit, "XLA": lambda f: mj.jit(f, compiler="xla")}
# The others of the table are made of these.
BY_XLA = ("maximum", "minimum", "at.max", "sort of two keys", "max of rows", "min", "reduce_window_max", "lax.cummax")


def outcome(lib, f, *args, mode=lambda f: f):
    """Type and parts as text, which shows the sign of a zero, but not of NaN."""
    try:
        x = mode(lambda *args: f(lib, *args))(*map(lib.numpy.asarray, args))
    except (TypeError, ValueError, NotImplementedError) as error:
        return type(error)
    value = np.asarray(x)
    parts = [np.where(part == part, part, np.abs(part)) for part in (value.real, value.imag)]
    return x.dtype, x.shape, x.weak_type, [str(part.tolist()) for part in parts]


def check(name, f, *args):
    theirs = outcome(jax, f, *args)
    for mode in MODES if name in BY_XLA else ("eager", "NumPy"):
        assert outcome(mj, f, *args, mode=MODES[mode]) == theirs


@pytest.mark.parametrize("name", OF_TWO)
@pytest.mark.one_in(4)
def test_of_two(name):
    check(name, OF_TWO[name], X, Y)


@pytest.mark.parametrize("name", OF_ONE)
@pytest.mark.one_in(30)
def test_of_one(name):
    for x in (ROWS, FINITE):
        check(name, OF_ONE[name], x)


def test_one_after_another():
    """Reductions and running reductions of any length, and updates: what a loop over the elements computes."""
    x, places = RNG.choice(NUMBERS, (3, 200)), RNG.integers(0, 40, 200)
    x[1] = RNG.choice(NUMBERS[~np.isnan(NUMBERS)], 200)
    for name in ("max", "min"):
        after = partial(one_after_another, name)
        for row in x:
            running = [after(row), [after(row[i:])[-1] for i in range(200)]]
            for reverse, expected in enumerate(running):
                found = getattr(mj.lax, f"cum{name}")(mj.numpy.asarray(row), reverse=bool(reverse))
                np.testing.assert_array_equal(texts(found), texts(expected))
            assert texts(getattr(mj.numpy, name)(row)) == texts(running[0][-1])
            updated = getattr(mj.numpy.asarray(row[:40]).at[places], name)(row)
            expected = [after([a, *row[places == i]])[-1] for i, a in enumerate(row[:40])]
            np.testing.assert_array_equal(texts(updated), texts(expected))


def one_after_another(name, xs):
    return list(itertools.accumulate(xs, lambda a, b: a if later(name, a, b) else b))


def later(name, a, b):
    """Whether the maximum or minimum of two numbers is the first."""
    (a, b), (c, d) = ((p, q) if name == "max" else (q, p) for p, q in ((a.real, b.real), (a.imag, b.imag)))
    return c > d if a == b else a > b


def texts(x):
    x = np.asarray(x)
    return np.stack([np.where(part == part, part, np.abs(part)) for part in (x.real, x.imag)]).astype(str).tolist()


def test_a_running_maximum_starts_with_an_element():
    """JAX starts with -inf+0j, and so computes -inf+0j, which is not among the elements."""
    x = np.complex64([complex(-np.inf, -1)])
    assert texts(mj.lax.cummax(x)) == texts(x)
    assert texts(jax.lax.cummax(x)) == texts([complex(-np.inf, 0)])
