"""Every method and attribute of an array under every kind of tracer: the value that JAX's array has.

The parts of a tracer, such as `primal`, are attributes too. A part with the name of a method hides the method.
"""

from __future__ import annotations

import builtins
import math
import operator
import warnings

import jax
import numpy as np
import pytest

import minijax as mj
import minijax.numpy as jnp
from minijax.core.traces import Array, Tracer
from minijax.experimental.jet import jet

X = np.float32([[3.0, -1.5, 2.0], [0.5, 4.0, -2.5]])

# Expressions of x, an array of shape (2, 3), for each public name of JAX's arrays. A result is an array or a Python value.
EXPRESSIONS = {
    "T": "x.T", "mT": "x.mT", "all": "x.all(0)", "any": "x.any(1)", "argmax": "x.argmax(1)", "argmin": "x.argmin(0)",
    "argpartition": "x.argpartition(1)", "argsort": "x.argsort(1)", "astype": "x.astype('int32')", "at": "x.at[0].add(2.0)",
    "choose": "(x[0] > 0).astype(int).choose([x[0], x[1]], mode='clip')", "clip": "x.clip(-1, 2)",
    "compress": "x.compress(np.array([True, False, True]), axis=1, size=2)", "conj": "x.conj()", "conjugate": "x.conjugate()",
    "copy": "x.copy()", "cumprod": "x.cumprod(0)", "cumsum": "x.cumsum(1)", "diagonal": "x.diagonal()", "dot": "x.dot(x.T)",
    "dtype": "str(x.dtype)", "flatten": "x.flatten()", "imag": "x.imag", "itemsize": "x.itemsize", "max": "x.max(1)",
    "mean": "x.mean(0)", "min": "x.min(0)", "nbytes": "x.nbytes", "ndim": "x.ndim", "nonzero": "x.nonzero(size=4)[1]",
    "prod": "x.prod(1)", "ptp": "x.ptp(0)", "ravel": "x.ravel()", "real": "x.real", "repeat": "x.repeat(2, 0)",
    "reshape": "x.reshape(3, 2)", "round": "x.round()", "searchsorted": "x[0].searchsorted(1.0)", "shape": "x.shape",
    "size": "x.size", "sort": "x.sort(0)", "squeeze": "x[:1].squeeze(0)", "std": "x.std(0)", "sum": "x.sum(1)",
    "swapaxes": "x.swapaxes(0, 1)", "take": "x.take(np.array([0, 5]))", "to_device": "x.to_device(None)", "trace": "x.trace()",
    "transpose": "x.transpose(1, 0)", "var": "x.var(0)", "view": "x.view('int32')", "weak_type": "x.aval.weak_type",
    "aval": "x.aval.str_short()", "byteswap": "x.byteswap()",
}  # fmt: skip
# Methods that need the value, and what is about devices and memory: the last two tables. `flat` raises for every array, as in JAX.
OF_VALUES = ("item", "tolist")
OF_DEVICES = (
    "addressable_data addressable_shards committed copy_to_host_async device flat global_shards is_fully_addressable"
    " is_fully_replicated sharding"
).split()
SPECIAL = {
    "len": "len(x)", "iter": "list(x)[1]", "reversed": "next(reversed(x))", "getitem": "x[1, ::2]", "add": "x + 1", "radd": "1 + x",
    "sub": "x - 1", "rsub": "1 - x", "mul": "x * 2", "rmul": "2 * x", "div": "x / 2", "rdiv": "2 / x", "floordiv": "x // 2",
    "rfloordiv": "2 // x", "mod": "x % 2", "rmod": "2 % x", "divmod": "divmod(x, 2)[1]", "pow": "x ** 2", "rpow": "2 ** x",
    "matmul": "x @ x.T", "rmatmul": "np.ones((2, 2), 'float32') @ x", "neg": "-x", "pos": "+x", "abs": "abs(x)",
    "round": "round(x, 1)", "lt": "x < 1", "le": "x <= 2", "gt": "x > 1", "ge": "x >= 2", "eq": "x == 2", "ne": "x != 2",
    "and": "(x > 0) & (x < 3)", "or": "(x > 3) | (x < 0)", "xor": "(x > 0) ^ (x < 3)", "invert": "~(x > 0)",
    "shifts": "(x.astype(int) << 1) >> 1",
}  # fmt: skip


def in_jet(f, x):
    return jet(f, (x,), ((x,),))[0]


def first(tree):
    return mj.tree.map(lambda y: y[0], tree)


# Transformations: each runs f on a tracer in place of x, and returns the value of f there.
TRACES = {
    "evaluation": lambda f, x: f(x),
    "jit": lambda f, x: mj.jit(f)(x),
    "xla": lambda f, x: mj.jit(f, compiler="xla")(x),
    "jvp": lambda f, x: mj.jvp(f, (x,), (x,))[0],
    "linearize": lambda f, x: mj.linearize(f, x)[0],
    "vjp": lambda f, x: mj.vjp(f, x)[0],
    "vmap": lambda f, x: first(mj.vmap(f, 1, 0)(x[:, None])),
    "jet": in_jet,
    "checkpoint": lambda f, x: mj.vjp(mj.checkpoint(f), x)[0],
    "pmap": lambda f, x: first(mj.pmap(f)(x[None])),
    "scan": lambda f, x: first(mj.lax.scan(lambda c, y: (c, f(y)), 0, x[None])[1]),
    "cond": lambda f, x: mj.lax.cond(True, f, f, x),
    "vmap in jit": lambda f, x: first(mj.jit(mj.vmap(f))(x[None])),
    "jvp of vmap": lambda f, x: first(mj.jvp(mj.vmap(f), (x[None],), (x[None],))[0]),
    "vmap of vjp": lambda f, x: first(mj.vmap(lambda y: mj.vjp(f, y)[0])(x[None])),
    "jvp of jit": lambda f, x: mj.jvp(mj.jit(f), (x,), (x,))[0],
}


def evaluate(expression: str, x, np_like):
    """What the expression of an array says: an array as a NumPy array."""
    return eval(expression, {"x": x, "jnp": np_like, "np": np})


def check(expressions: dict[str, str], trace: str):
    """All expressions in one run of the transformation."""
    plain = {}

    def run(x):
        arrays = {}
        for name, expression in expressions.items():
            value = evaluate(expression, x, jnp)
            (arrays if isinstance(value, Array) else plain)[name] = value
        return arrays

    found = {**TRACES[trace](run, jnp.asarray(X)), **plain}
    for name, expression in expressions.items():
        expected = evaluate(expression, jax.numpy.asarray(X), jax.numpy)
        if not isinstance(expected, jax.Array):
            assert found[name] == expected, (name, trace)
            continue
        assert str(found[name].dtype) == str(expected.dtype), (name, trace)
        np.testing.assert_allclose(found[name], expected, rtol=2e-6, err_msg=f"{name} under {trace}")


def public(names) -> set[str]:
    return {name for name in names if not name.startswith("_")}


def test_the_table_has_every_name():
    assert public(dir(jax.Array)) | {"aval", "tolist", "weak_type"} == {*EXPRESSIONS, *OF_VALUES, *OF_DEVICES}


@pytest.mark.parametrize("trace", TRACES)
@pytest.mark.one_in(6)
def test_methods(trace):
    check(EXPRESSIONS, trace)


@pytest.mark.parametrize("trace", TRACES)
@pytest.mark.one_in(3)
def test_operators(trace):
    check(SPECIAL, trace)


def kinds_of_tracers(cls=Tracer):
    yield cls
    for kind in cls.__subclasses__():
        yield from kinds_of_tracers(kind)


def hidden_names(cls: type) -> set[str]:
    """The names of an array's attributes, JAX's or ours, that a class of tracers uses for a part of its own."""
    names = public([*dir(jax.Array), *dir(Array)])
    return names & {name for kind in cls.__mro__ for name in getattr(kind, "__slots__", ())} - {"aval"}


def test_no_part_of_a_tracer_hides_a_method():
    kinds = set(kinds_of_tracers())
    assert len(kinds) >= 5
    for kind in kinds:
        assert not hidden_names(kind), kind


def test_a_planted_part_is_seen():
    # The class has no use as a tracer: it inherits from `Array` alone, so that it is not among the kinds of tracers.
    planted = type("Planted", (Array,), {"__slots__": ("primal", "trace")})
    assert hidden_names(planted) == {"trace"}


OPERANDS = {
    "float": np.float32(1), "integer": np.int32(1), "boolean": np.bool_(1), "complex": np.complex64(1),
    "floats": np.float32([1, 2]), "integers": np.int32([1, 2]), "booleans": np.bool_([1, 0]), "one float": np.float32([1]),
    "one integer": np.int32([1]), "empty": np.float32([]), "matrix": np.float32([[1]]),
}  # fmt: skip
CONVERSIONS = {
    "index": operator.index, "int": int, "float": float, "complex": complex, "bool": bool, "hash": hash, "iter": iter, "len": len,
    "list": list, "range": range, "item of a list": lambda x: [1, 2, 3][x], "math.floor": math.floor, "math.ceil": math.ceil,
    "math.trunc": math.trunc, "math.sqrt": math.sqrt, "if": lambda x: 1 if x else 2, "in": lambda x: x in [1, 2],
    "np.asarray": np.asarray, "np.array": lambda x: np.array(x, "float64"), "tolist": lambda x: x.tolist(),
    "item": lambda x: x.item(), "item 0": lambda x: x.item(0), "reversed": reversed, "round": round,
    "round to 1": lambda x: round(x, 1), "format": lambda x: f"{x:.3f}", "format to a width": lambda x: f"{x:>9}",
    "format without a spec": lambda x: len(f"{x}") > 0, "tobytes": lambda x: x.tobytes(), "hex": hex,
    "divmod": lambda x: divmod(x, 2), "NumPy's sin": np.sin, "in x": lambda x: 1 in x,
}  # fmt: skip
# Names of JAX's arrays, called where they are methods. An array of minijax has not all of them; its tracers have.
ATTRIBUTES = (
    "addressable_data addressable_shards block_until_ready committed copy_to_host_async delete device devices global_shards"
    " is_deleted is_fully_addressable is_fully_replicated on_device_size_in_bytes traceback unsafe_buffer_pointer __dlpack__"
).split()


def tangent(x):
    return x if x.dtype.kind in "fc" else np.zeros(x.shape, jax.dtypes.float0)


# Transformations of either library: each runs f on a tracer in place of an array.
WAYS = {
    "evaluation": lambda lib, f, x: f(lib.numpy.asarray(x)),
    "jit": lambda lib, f, x: lib.jit(f)(x),
    "vmap": lambda lib, f, x: lib.vmap(f)(x[None]),
    "jvp": lambda lib, f, x: lib.jvp(f, (lib.numpy.asarray(x),), (tangent(x),)),
    "linearize": lambda lib, f, x: lib.linearize(f, lib.numpy.asarray(x)),
    "grad": lambda lib, f, x: lib.grad(f, allow_int=True)(lib.numpy.asarray(x)),
    "jvp in jit": lambda lib, f, x: lib.jit(lambda y: lib.jvp(f, (y,), (tangent(x),)))(x),
    "jvp of vmap": lambda lib, f, x: lib.jvp(lib.vmap(f), (x[None],), (tangent(x[None]),)),
}


def outcomes(lib, ask, operand, way) -> list[str]:
    """`ask` is called with the array, within a transformation: the Python value that it returns, or the class of its error."""
    found = []

    def f(x):
        try:
            value = ask(x)
        except Exception as error:
            found.append(
                next(
                    c.__name__
                    for c in type(error).__mro__
                    if hasattr(jax.errors, c.__name__) or hasattr(builtins, c.__name__)
                )
            )
        else:
            found.append(repr(value) if type(value) in (bool, int, float, complex, str, bytes) else "accepted")
        return 0.0

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            WAYS[way](lib, f, OPERANDS[operand])
    except Exception as error:
        found.append(f"{type(error).__name__} of the transformation")
    return found


@pytest.mark.parametrize("conversion", CONVERSIONS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.one_in(120)
def test_what_python_asks_of_an_array_is_answered_as_in_jax(conversion, way):
    """Python asks an array to be a number or text: the answers are JAX's. A derivative knows the value, but a tangent would be lost
    in a float of Python, so that `float(x)` is refused there, and `int(x)` and `if x` are not."""
    for operand in OPERANDS:
        ours, theirs = (outcomes(lib, CONVERSIONS[conversion], operand, way) for lib in (mj, jax))
        assert ours == theirs, operand


@pytest.mark.parametrize("name", ATTRIBUTES)
@pytest.mark.parametrize("way", [w for w in WAYS if w != "evaluation"])
@pytest.mark.one_in(8)
def test_attributes_about_memory_are_refused_as_in_jax(name, way):
    def ask(x):
        value = getattr(x, name)
        return str(value(*[0] * (name == "addressable_data"))) if callable(value) else value

    for operand in ("float", "complex", "floats", "empty", "matrix"):
        ours, theirs = (outcomes(lib, ask, operand, way) for lib in (mj, jax))
        assert ours == theirs, operand
