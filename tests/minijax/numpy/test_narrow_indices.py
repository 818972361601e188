"""Indices of every integer dtype into axes that the dtype cannot count, and what each mode does out of bounds."""

from __future__ import annotations

import warnings

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy as jnp
from minijax import lax

# NumPy is the oracle of narrow indices: JAX raises OverflowError for an int8 index into 200 places, or reads another place.
INDEX_DTYPES = "int8 int16 int32 uint8 uint16 uint32".split()
SIZES = [5, 127, 128, 200, 300, 70000]
PLACES = [[0], [1], [3, -4], [-1], [127], [-128, 100], [255, 128], [299, -129]]


def replaced(x, i, value):
    x = x.copy()
    x[i] = value
    return x


# name: (the program, what NumPy gives for the array and indices of int64)
PROGRAMS = {
    "x[i]": (lambda x, i: x[i], lambda x, i: x[i]),
    "x[i[0]]": (lambda x, i: x[i[0]], lambda x, i: x[i[0]]),
    "x[None][:, i]": (lambda x, i: x[None][:, i], lambda x, i: x[None][:, i]),
    "x[None][0, i[0]]": (lambda x, i: x[None][0, i[0]], lambda x, i: x[i[0]]),
    "take": (jnp.take, lambda x, i: x[i]),
    "take, wrap": (lambda x, i: jnp.take(x, i, mode="wrap"), lambda x, i: x[i]),
    "take_along_axis": (lambda x, i: jnp.take_along_axis(x, i, 0), lambda x, i: x[i]),
    "get": (lambda x, i: x.at[i].get(mode="fill"), lambda x, i: x[i]),
    "set": (lambda x, i: x.at[i].set(9.0), lambda x, i: replaced(x, i, 9)),
    "set one": (lambda x, i: x.at[i[0]].set(9.0), lambda x, i: replaced(x, i[0], 9)),
    "apply": (lambda x, i: x.at[i].apply(lambda v: -v), lambda x, i: replaced(x, i, -x[i])),
    "put": (lambda x, i: jnp.put(x, i, 9.0, inplace=False), lambda x, i: replaced(x, i, 9)),
    "put, wrap": (lambda x, i: jnp.put(x, i, 9.0, mode="wrap", inplace=False), lambda x, i: replaced(x, i, 9)),
    "put_along_axis": (lambda x, i: jnp.put_along_axis(x, i, 9.0, 0, inplace=False), lambda x, i: replaced(x, i, 9)),
    "dynamic_slice": (lambda x, i: lax.dynamic_slice(x, (i[0],), (1,)), lambda x, i: x[i[:1]]),
    "dynamic_index": (lambda x, i: lax.dynamic_index_in_dim(x, i[0]), lambda x, i: x[i[:1]]),
    "dynamic_update": (
        lambda x, i: lax.dynamic_update_slice(x, jnp.zeros(1), (i[0],)),
        lambda x, i: replaced(x, i[0], 0),
    ),
}
VARIANTS = {
    "eager": lambda f: lambda x, i: f(jnp.asarray(x), jnp.asarray(i)),
    "jit": mj.jit,
    "vmap": lambda f: lambda x, i: mj.vmap(f, (None, 0))(x, i[None])[0],
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(50)
def test_narrow_indices(name, variant):
    f, expected = PROGRAMS[name]
    f = VARIANTS[variant](f)
    for dtype in INDEX_DTYPES:
        info = np.iinfo(dtype)
        for size in SIZES if variant == "eager" else [5, 200]:
            x = np.arange(size, dtype=np.float32)
            for places in PLACES:
                if all(info.min <= p <= info.max and -size <= p < size for p in places):
                    i = np.array(places)
                    got = np.asarray(f(x, i.astype(dtype)))
                    np.testing.assert_array_equal(got, expected(x, i), err_msg=f"{dtype} {size} {places}")


def gathers(lib, x, i, **options):
    return lib.lax.gather(x, i[:, None], lib.lax.GatherDimensionNumbers((), (0,), (0,)), (1,), **options)


def scatters(name):
    def scatter(lib, x, i, **options):
        numbers = lib.lax.ScatterDimensionNumbers((), (0,), (0,))
        return getattr(lib.lax, name)(x, i[:, None], lib.numpy.full(i.shape, 7, x.dtype), numbers, **options)

    return scatter


OUT_OF_BOUNDS = {
    "gather": gathers,
    **{n: scatters(n) for n in ("scatter", "scatter_add", "scatter_mul", "scatter_min", "scatter_max")},
    "get": lambda lib, x, i, **options: x.at[i].get(**options),
    "get one": lambda lib, x, i, **options: x.at[i[0]].get(**options),
    "get of two axes": lambda lib, x, i, **options: x.reshape(3, 2).at[1:, i].get(**options),
    "set": lambda lib, x, i, **options: x.at[i].set(lib.numpy.array(9, x.dtype), **options),
    "add one": lambda lib, x, i, **options: x.at[i[0]].add(lib.numpy.array(9, x.dtype), **options),
    "take": lambda lib, x, i, **options: lib.numpy.take(x, i, **options),
    "take_along_axis": lambda lib, x, i, **options: lib.numpy.take_along_axis(x, i, 0, **options),
    "put": lambda lib, x, i, **options: lib.numpy.put(x, i, lib.numpy.array(9, x.dtype), inplace=False, **options),
}
MODES = [None, "clip", "fill", "drop", "wrap", "promise_in_bounds", "nonsense"]


def outcome(lib, program, *args):
    try:
        x = program(lib, *[lib.numpy.asarray(a) for a in args])
    except (TypeError, ValueError, NotImplementedError, IndexError) as error:
        return type(error).__name__
    return str(x.dtype), x.weak_type, x.shape, np.asarray(x).tolist()


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("name", OUT_OF_BOUNDS)
@pytest.mark.one_in(64)
def test_out_of_bounds(name, mode):
    """Each mode; without one too, and for `lax.gather` and `scatter` these are two defaults."""
    for dtype in ("float32", "int32"):
        x = np.arange(6, dtype=dtype)
        for places in ([1], [6], [-1], [-7], [100, 2]):
            if mode == "promise_in_bounds" and (max(places) > 5 or min(places) < 0):
                # A broken promise: what JAX reads then is up to XLA.
                continue

            def program(lib, x, i):
                return OUT_OF_BOUNDS[name](lib, x, i, mode=mode)

            def jitted(lib, x, i, program=program):
                return lib.jit(lambda x, i: program(lib, x, i))(x, i)

            args = x, np.array(places, np.int32)
            theirs = str(outcome(jax, jitted, *args))
            assert [str(outcome(mj, f, *args)) for f in (program, jitted)] == [theirs, theirs], (dtype, places)


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("mode", [None, "clip", "drop", "fill"], ids=str)
@pytest.mark.one_in(8)
def test_empty_axes(mode, x64):
    with jax.enable_x64(x64), mj.enable_x64(x64):
        for index in (2, (2,), np.array([2]), np.zeros(0, np.int32), np.s_[1:]):
            for shape in ((0,), (0, 3)):
                for program in (
                    lambda lib, x, index=index: x.at[index].set(1.5, mode=mode),
                    lambda lib, x, index=index: x.at[index].add(1.5, mode=mode),
                    lambda lib, x, index=index: x.at[index].get(mode=mode),
                    lambda lib, x, index=index: lib.jit(lambda x: x.at[index].set(1.5, mode=mode))(x),
                ):
                    x = np.zeros(shape, np.float32)
                    assert outcome(mj, program, x) == outcome(jax, program, x), (index, shape)


VALUES = [[0.5, 0.0], (1.0, 2.0), [4, 5], [True, 2], [[1.0], [2.0]], [0.5], [np.float32(1), 2.0], (np.arange(2.0), 1)]


@pytest.mark.parametrize("method", ["set", "add", "subtract", "multiply", "divide", "power", "min", "max"])
@pytest.mark.one_in(2)
def test_lists_as_values(method):
    def update(lib, values):
        return getattr(lib.numpy.ones((2, 3)).at[:, 0], method)(values)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for values in VALUES:

            def program(lib, values=values):
                return update(lib, values)

            assert outcome(mj, program) == outcome(jax, program), values

        def of_tracers(lib):
            return lib.jit(lambda a, b: update(lib, [a, b]))(1.5, 2.5)

        assert outcome(mj, of_tracers) == outcome(jax, of_tracers)
