"""Numbers of 2, 4 and 8 bits against JAX's: values, dtypes, promotion, printing, errors, on both compilers."""

from __future__ import annotations

import subprocess
import sys

import jax
import jax.lax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.lax
import minijax.numpy
from minijax.foundation.dtypes import NARROW_FLOATS, NARROW_INTS

ALL = [*NARROW_FLOATS, *NARROW_INTS]
COMPILED = ["int2", "uint2", "float8_e4m3fn", "float8_e4m3b11fnuz", "float8_e5m2", "float4_e2m1fn", "int4", "uint4"]

OPERATIONS = {
    "sum of two": lambda lib, x: x + x,
    "product": lambda lib, x: x * x,
    "negative": lambda lib, x: -x,
    "and a number": lambda lib, x: x + 1,
    "and bools": lambda lib, x: x + lib.numpy.array([True, False, True]),
    "and a float": lambda lib, x: x + 1.5,
    "and float32": lambda lib, x: x + np.float32(1.5),
    "and bfloat16": lambda lib, x: x + lib.numpy.bfloat16(1),
    "and int8": lambda lib, x: x + np.int8(1),
    "overflow": lambda lib, x: (x + x + x) * x,
    "comparison": lambda lib, x: (x < x, x == x, x >= 1),
    "choice": lambda lib, x: lib.numpy.where(x > 0, x, -x),
    "to float32": lambda lib, x: x.astype("float32"),
    "to int32": lambda lib, x: x.astype("int32"),
    "to bool": lambda lib, x: x.astype(bool),
    "to complex64": lambda lib, x: x.astype("complex64"),
    "to bfloat16": lambda lib, x: x.astype("bfloat16"),
    "to float16 and back": lambda lib, x: x.astype("float16").astype(x.dtype),
    "bits": lambda lib, x: lib.lax.bitcast_convert_type(x, "int8"),
    "join": lambda lib, x: lib.numpy.concatenate([x, x])[1:5],
    "stack": lambda lib, x: lib.numpy.stack([x, x]).T,
    "pad": lambda lib, x: lib.numpy.pad(x, 1),
    "set": lambda lib, x: x.at[0].set(1),
    "take": lambda lib, x: lib.numpy.take(x, np.array([2, 0])),
    "running sum": lambda lib, x: lib.numpy.cumsum(x),
    "place of the largest": lambda lib, x: lib.numpy.argmax(x),
    "inner product": lambda lib, x: lib.numpy.dot(x, x),
    "matrix product": lambda lib, x: lib.numpy.outer(x, x) @ x,
    "mean": lambda lib, x: lib.numpy.mean(x),
    "range": lambda lib, x: lib.numpy.arange(3, dtype=x.dtype),
    "ones": lambda lib, x: lib.numpy.ones(2, x.dtype),
    "scan": lambda lib, x: lib.lax.scan(lambda c, y: (c + y, c), x[0], x),
    "cond": lambda lib, x: lib.lax.cond(True, lambda x: x + x, lambda x: x, x),
    "vmap": lambda lib, x: lib.vmap(lambda x: x * x)(x),
    "and": lambda lib, x: x & x,
    "not a number": lambda lib, x: lib.numpy.isnan(x),
    "limits of integers": lambda lib, x: [np.int32(getattr(lib.numpy.iinfo(x.dtype), k)) for k in ("min", "max")],
    "limits of floats": lambda lib, x: [
        np.float64(getattr(lib.numpy.finfo(x.dtype), k)) for k in ("max", "eps", "tiny")
    ],
    "size": lambda lib, x: np.int32([x.dtype.itemsize, x.nbytes, lib.dtypes.itemsize_bits(x.dtype)]),
    "classes": lambda lib, x: np.array(
        [lib.numpy.issubdtype(x.dtype, k) for k in (np.floating, np.integer, np.signedinteger, np.number)]
    ),
}
OF_FLOATS = {
    "exp": lambda lib, x: lib.lax.exp(x),
    "quotient": lambda lib, x: x[1:] / x[1:],
    "root": lambda lib, x: lib.numpy.sqrt(x),
    "gradient": lambda lib, x: lib.grad(lambda x: (x * x).astype("float32").sum())(x),
    "sum": lambda lib, x: lib.numpy.sum(x),
    "product of all": lambda lib, x: lib.numpy.prod(x + 1),
}


def numbers(lib, name: str):
    return lib.numpy.array([0.0, 1.0, 2.0]).astype(name)


def outcome(run):
    """The results as text, exact to the bit, or the class of the error."""
    try:
        found = run()
    except (TypeError, ValueError) as error:
        return type(error).__name__
    return [(str(x.dtype), x.shape, np.asarray(x).tobytes()) for x in mj.tree.leaves(found)]


def operations(name: str):
    return {**OPERATIONS, **(OF_FLOATS if name in NARROW_FLOATS else {})}


# In JAX, some operations on numbers of 2 bits end the process (argmax, on the CPU).
@pytest.mark.parametrize("name", [n for n in ALL if n not in ("int2", "uint2")])
@pytest.mark.one_in(5)
def test_as_in_jax(name):
    for what, f in operations(name).items():
        mine, theirs = (outcome(lambda lib=lib, f=f: f(lib, numbers(lib, name))) for lib in (mj, jax))
        assert mine == theirs, what


@pytest.mark.parametrize("compiler", ["numpy", "xla"])
@pytest.mark.parametrize("name", COMPILED)
@pytest.mark.one_in(8)
def test_compiled(name, compiler):
    for what, f in operations(name).items():
        if what in ("limits of integers", "limits of floats", "size", "classes"):
            continue
        x = numbers(mj, name)
        plain = outcome(lambda f=f, x=x: f(mj, x))
        run = mj.jit(lambda x, f=f: f(mj, x), compiler=compiler)
        assert outcome(lambda run=run, x=x: run(x)) == plain, what


WORDS = {
    "clz": 1,
    "population_count": 1,
    "bitwise_not": 1,
    "mulhi": 2,
    "shift_left": 2,
    "shift_right_logical": 2,
    "shift_right_arithmetic": 2,
    "bitwise_xor": 2,
}


@pytest.mark.parametrize("operation", WORDS)
@pytest.mark.parametrize("name", NARROW_INTS)
@pytest.mark.one_in(6)
def test_bits_of_words(name, operation):
    """Every number, or every pair of numbers."""
    every = np.arange(2 ** int(name[-1]), dtype="uint8")
    operands = [np.ravel(x) for x in np.meshgrid(*[every] * WORDS[operation])]

    def run(lib, wrap):
        function = wrap(lambda *words: getattr(lib.lax, operation)(*words))
        found = function(*[lib.numpy.asarray(x).astype(name) for x in operands])
        return found.dtype, np.asarray(found).tolist()

    theirs = run(jax, jax.jit)
    for wrap in (lambda f: f, mj.jit, lambda f: mj.jit(f, compiler="xla")):
        assert run(mj, wrap) == theirs


@pytest.mark.parametrize("name", ALL)
@pytest.mark.one_in(3)
def test_conversions(name):
    """Rounding, overflow, wrapping around, infinities and NaN."""
    floats = np.float32([0.3, -0.3, 1.7, -1.7, 2.5, 3.5, 7.9, 8, 9, -9, 20, 500, -500, np.nan, np.inf])
    whole = np.int32([0, 1, -1, 3, 7, 8, 9, 15, 16, 17, -8, -9, 100, 300])
    for x in (floats, whole):
        theirs = np.asarray(jax.numpy.asarray(x).astype(name))
        convert = lambda x: x.astype(name)
        for run in (convert, mj.jit(convert), mj.jit(convert, compiler="xla")):
            assert np.asarray(run(mj.numpy.asarray(x))).tobytes() == theirs.tobytes()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.one_in(4)
def test_texts_and_names(name):
    def shown(lib):
        x = numbers(lib, name)
        jaxpr = str(lib.make_jaxpr(lambda x: (x + x).astype("float32"))(x))
        kind = getattr(lib.numpy, name)
        return (
            repr(x),
            jaxpr,
            str(np.dtype(kind)),
            kind.__name__,
            repr(kind(1)),
            repr(x.tolist()),
            float(x[2]),
            repr(x[1].item()),
        )

    assert shown(mj) == shown(jax)


OTHERS = ["bool", "int8", "uint32", "bfloat16", "float16", "float32", "complex64", *ALL]


@pytest.mark.parametrize("name", ALL)
def test_promotion(name):
    def promoted(lib, other):
        try:
            return str(lib.numpy.promote_types(name, other))
        except lib.dtypes.TypePromotionError:
            return "none"

    assert [promoted(mj, other) for other in OTHERS] == [promoted(jax, other) for other in OTHERS]


@pytest.mark.parametrize(
    "call",
    [
        lambda lib: lib.numpy.abs(numbers(lib, "int4")),
        lambda lib: lib.random.uniform(lib.random.key(0), (2,), "float4_e2m1fn"),
        lambda lib: lib.lax.bitcast_convert_type(numbers(lib, "int4"), "int8"),
    ],
)
def test_what_is_refused(call):
    kinds = []
    for lib in (jax, mj):
        with pytest.raises((TypeError, ValueError)) as caught:
            call(lib)
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]


def test_without_ml_dtypes():
    program = (
        "import sys, importlib.util as u\n"
        "found = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'ml_dtypes' else found(name, *rest)\n"
        "import minijax.numpy as jnp\n"
        "for name in ('float8_e4m3fn', 'int4'):\n"
        "    try: getattr(jnp, name)\n"
        "    except ImportError as error: print(error)\n"
    )
    text = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert text == "".join(
        f"{n} needs the package ml_dtypes: pip install ml_dtypes\n" for n in ("float8_e4m3fn", "int4")
    )
