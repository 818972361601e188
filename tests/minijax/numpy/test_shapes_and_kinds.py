"""Functions whose arguments have several shapes, are empty, or differ in dtype; `issubdtype`; trees for `stop_gradient`."""

from __future__ import annotations

import itertools
import warnings

import jax
import jax.numpy
import ml_dtypes
import numpy as np
import pytest

import minijax as mj
import minijax.numpy

SHAPES = [(), (3,), (2, 3), (2, 2, 3), (1, 1), (0,), (2, 0), (2, 1, 1)]
BINARY = (
    "add subtract multiply true_divide floor_divide remainder fmod power float_power maximum minimum fmax fmin arctan2 hypot"
    " logaddexp logaddexp2 copysign heaviside nextafter equal less logical_and divmod ldexp isclose"
).split()


def outcome(lib, f, *args):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x = f(lib, *args)
    except (TypeError, ValueError, IndexError, NotImplementedError) as error:
        return type(error)
    leaves = lib.tree.leaves(x)
    return [(str(a.dtype), a.shape, a.weak_type, np.asarray(a).astype("complex64").round(5).tolist()) for a in leaves]


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.one_in(12)
def test_shapes_that_broadcast(name):
    """Types for every pair of shapes: JAX finds them without compiling the pair. Values for pairs of each kind."""
    for left, right in itertools.product(SHAPES, SHAPES):

        def program(lib, left=left, right=right):
            a, b = (lib.numpy.ones(s, "int32" if name == "ldexp" else "float32") for s in (left, right))
            return getattr(lib.numpy, name)(a, b)

        mine = outcome(mj, program)
        if (left, right) in [((2, 3), (3,)), ((), (2, 2, 3)), ((2, 0), (2, 1, 1)), ((3,), (2, 0))]:
            assert mine == outcome(jax, program), (left, right)
        assert without_values(mine) == types_in_jax(program), (left, right)


JOINED = "hstack vstack dstack column_stack concatenate stack block append unstack".split()
ROWS = [(0,), (0, 3), (2, 0), (0, 2, 2), (3,), (2, 3), (), [], (1.0,)]


@pytest.mark.parametrize("name", JOINED)
@pytest.mark.one_in(14)
def test_an_array_is_joined_as_the_sequence_of_its_rows(name):
    """Also if it has none. A scalar has no rows: NumPy's accidents are JAX's errors there."""
    for rows in ROWS:
        given = np.zeros(rows, np.float32) if isinstance(rows, tuple) and 1.0 not in rows else rows
        mine, theirs = (outcome(lib, lambda lib, given=given: getattr(lib.numpy, name)(given)) for lib in (mj, jax))
        assert mine == theirs or rows == () and isinstance(mine, type) and isinstance(theirs, type), rows


@pytest.mark.parametrize("chosen", range(5))
@pytest.mark.one_in(4)
def test_a_condition_shorter_or_longer_than_its_array(chosen):
    for length, size in itertools.product(range(5), [None, 0, 1, 2, 3, 4]):
        for call in ("compress", "extract"):
            f = lambda lib, call=call, n=length, size=size: getattr(lib.numpy, call)(
                np.arange(chosen) % 2 == 0, np.arange(n), size=size
            )
            assert outcome(mj, f) == outcome(jax, f), (call, length, size)


def without_values(found):
    return found if isinstance(found, type) else [leaf[:3] for leaf in found]


def types_in_jax(program):
    try:
        return [(str(x.dtype), x.shape, x.weak_type) for x in jax.tree.leaves(jax.eval_shape(lambda: program(jax)))]
    except (TypeError, ValueError, NotImplementedError) as error:
        return type(error)


SIZES = list(itertools.product([0, 1, 3], [0, 1, 2]))
POLYNOMIALS = [(name, sizes) for name in ("polymul", "convolve", "correlate") for sizes in SIZES]
# Not of empty polynomials: JAX adds to the slice [-0:], which is the whole polynomial.
POLYNOMIALS += [(name, sizes) for name in ("polyadd", "polysub") for sizes in SIZES if 0 not in sizes]


@pytest.mark.parametrize(("name", "sizes"), POLYNOMIALS, ids=str)
@pytest.mark.one_in(2)
def test_polynomials(name, sizes):
    def program(lib):
        return getattr(lib.numpy, name)(*[lib.numpy.arange(n, dtype="float32") + 1 for n in sizes])

    assert outcome(mj, program) == outcome(jax, program)


DTYPES = "bool int8 uint8 int16 int32 uint32 float16 bfloat16 float32 complex64".split()
DOTS = {
    "dot": lambda lib, x, y: lib.lax.dot(x, y),
    "dot_general": lambda lib, x, y: lib.lax.dot_general(x, y, (((1,), (0,)), ((), ()))),
    "jit": lambda lib, x, y: lib.jit(lib.lax.dot)(x, y),
    **{
        f"into {d}": lambda lib, x, y, d=d: lib.lax.dot_general(
            x, y, (((1,), (0,)), ((), ())), preferred_element_type=d
        )
        for d in ("int16", "float16")
    },
    "batched": lambda lib, x, y: lib.lax.dot_general(x[None], y[None], (((2,), (1,)), ((0,), (0,)))),
}


@pytest.mark.parametrize("name", DOTS)
@pytest.mark.parametrize("left", DTYPES)
@pytest.mark.one_in(15)
def test_products_of_two_dtypes(name, left):
    for right in DTYPES:

        def program(lib, right=right):
            x, y = (lib.numpy.asarray([[1, 2], [0, 1]]).astype(d) for d in (left, right))
            return DOTS[name](lib, x, y)

        assert outcome(mj, program) == outcome(jax, program), right


@pytest.mark.parametrize("name", ["partition", "argpartition"])
@pytest.mark.parametrize("dtype", "int8 uint16 uint32 float16 float32".split())
@pytest.mark.one_in(21)
def test_partition(name, dtype):
    for values in ([3, 0, 5, 7, 1], [2, 2, 1, 2], [1], [[3, 1, 2], [0, 9, 4]]):
        for kth in range(-1, np.shape(values)[-1]):
            for axis in (-1, 0)[: np.ndim(values)]:
                if axis == 0 and kth >= len(values):
                    continue

                def program(lib, values=values, kth=kth, axis=axis):
                    return getattr(lib.numpy, name)(lib.numpy.asarray(values).astype(dtype), kth, axis)

                assert outcome(mj, program) == outcome(jax, program), (values, kth, axis)


@pytest.mark.parametrize("dtype", "int8 uint8 int32 uint32".split())
def test_partition_of_the_extremes(dtype):
    """NumPy is the oracle: JAX negates -128, and loses it."""
    info = np.iinfo(dtype)
    x = np.array([3, info.min, info.max, 7, info.max], dtype)
    for kth in range(5):
        got = np.asarray(mj.numpy.partition(x, kth))
        assert got[kth] == np.sort(x)[kth] and sorted(got) == sorted(x)
        assert (got[:kth] <= got[kth]).all() and (got[kth:] >= got[kth]).all()
        places = np.asarray(mj.numpy.argpartition(x, kth))
        assert sorted(places) == list(range(5)) and x[places][kth] == np.sort(x)[kth]


def kinds(lib):
    names = (
        "floating inexact number generic integer signedinteger unsignedinteger complexfloating float32 bfloat16 int8"
    )
    return {
        **{f"jnp.{n}": getattr(lib.numpy, n) for n in names.split()},
        "np.float32": np.float32,
        "np.dtype": np.dtype("float32"),
        "string": "float32",
        "bfloat16": "bfloat16",
        "ml_dtypes": ml_dtypes.bfloat16,
        "dtype of bfloat16": np.dtype(ml_dtypes.bfloat16),
        "int": int,
        "float": float,
        "bool": bool,
        "complex": complex,
        "bool_": lib.numpy.bool_,
        "prng_key": lib.dtypes.prng_key,
        "extended": lib.dtypes.extended,
        "key dtype": lib.random.key(0).dtype,
        "float0": lib.dtypes.float0,
    }


def test_issubdtype():
    answers = []
    for lib in (mj, jax):
        table = kinds(lib)
        answers.append({(a, b): lib.numpy.issubdtype(x, y) for a, x in table.items() for b, y in table.items()})
    assert answers[0] == answers[1]


TREES = {
    "dict": lambda jnp: {"a": jnp.ones(2), "b": (jnp.arange(2), jnp.zeros(()))},
    "list": lambda jnp: [jnp.ones(2), None, [jnp.array(True)]],
    "array": lambda jnp: jnp.ones(2),
    "nothing": lambda jnp: (),
}


@pytest.mark.parametrize("name", TREES)
def test_stop_gradient_of_trees(name):
    assert outcome(mj, lambda lib: lib.lax.stop_gradient(TREES[name](lib.numpy))) == outcome(
        jax, lambda lib: lib.lax.stop_gradient(TREES[name](lib.numpy))
    )
    gradients = [lib.grad(lambda x, lib=lib: x * lib.lax.stop_gradient({"a": x})["a"])(3.0) for lib in (mj, jax)]
    assert float(gradients[0]) == float(gradients[1]) == 3


@pytest.mark.parametrize(
    "value", [[1, 2], [[1, 2], [3, 4]], (1.0,), [], 3, 2.5, np.ones((2, 3)), [np.ones(2)]], ids=repr
)
def test_shape_size_ndim(value):
    def facts(lib):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            answers = [getattr(lib.numpy, n)(value) for n in ("shape", "size", "ndim")]
        return answers, {w.category for w in caught}

    assert facts(mj) == facts(jax)


BASES = [0j, 1 + 0j, 1j, -1 - 1j]
EXPONENTS = [0j, 1 + 0j, 2 + 0j, -1 + 0j, 1j, 0.5 + 0.5j, -0.5 + 0j, 0.5 + 0j, -1 + 1j]


@pytest.mark.parametrize("function", ["power", "float_power", "**"])
def test_powers_of_complex_numbers(function):
    x, y = (a.ravel().astype("complex64") for a in np.meshgrid(BASES, EXPONENTS))

    def program(lib):
        a, b = lib.numpy.asarray(x), lib.numpy.asarray(y)
        return np.asarray(a**b if function == "**" else getattr(lib.numpy, function)(a, b))

    np.testing.assert_allclose(program(mj), program(jax), rtol=1e-6, atol=1e-6)
