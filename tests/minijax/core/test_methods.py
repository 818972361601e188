"""Every method and attribute of an array under every kind of tracer: the value that JAX's array has.

The parts of a tracer, such as `primal`, are attributes too. A part with the name of a method hides the method.
"""

from __future__ import annotations

import math
import operator

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
# Attributes that need the value. A tracer has `item` if its trace knows the value, and never `tolist`, as in JAX; `flat` raises for
# every array.
OF_VALUES = {"item": "x[0, 0].item()"}
OF_EVALUATED = {"tolist": "x.tolist()"}
# What minijax has not, or has for arrays alone: these names are about devices and memory.
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
KNOWN = ("evaluation", "jvp", "linearize", "vjp", "jet")


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
    assert public(dir(jax.Array)) | {"aval", "tolist", "weak_type"} == {
        *EXPRESSIONS,
        *OF_VALUES,
        *OF_EVALUATED,
        *OF_DEVICES,
    }


@pytest.mark.parametrize("trace", TRACES)
@pytest.mark.one_in(6)
def test_methods(trace):
    check(EXPRESSIONS, trace)


@pytest.mark.parametrize("trace", TRACES)
@pytest.mark.one_in(3)
def test_operators(trace):
    check(SPECIAL, trace)


@pytest.mark.parametrize("trace", KNOWN)
def test_values_that_the_trace_knows(trace):
    check(OF_VALUES | (OF_EVALUATED if trace == "evaluation" else {}), trace)


# What a tracer answers, beside JAX: by a name, called where it is a method, and where Python converts it.
ASKED = {
    **{
        name: operator.attrgetter(name)
        for name in "committed device global_shards is_fully_addressable sharding".split()
    },
    **{name: operator.attrgetter(name) for name in "addressable_shards is_fully_replicated".split()},
    **{
        name: operator.methodcaller(name)
        for name in "delete devices is_deleted item on_device_size_in_bytes tobytes tolist unsafe_buffer_pointer".split()
    },
    "addressable_data": lambda x: x.addressable_data(0),
    **{
        f.__name__: f
        for f in (bool, int, float, complex, round, hash, len, list, oct, math.floor, math.trunc, operator.index)
    },
    **{"f'{x}'": lambda x: f"{x}"[:0], "2.0 in x": lambda x: 2.0 in x, "numpy.asarray": np.asarray},
    "numpy.from_dlpack": np.from_dlpack,
}
ASKING = {
    "grad": lambda lib, f, x: lib.grad(lambda x: (f(x), x.sum())[1])(x),
    "jvp": lambda lib, f, x: lib.jvp(f, (x,), (x,)),
    "linearize": lambda lib, f, x: lib.linearize(f, x),
    "vmap": lambda lib, f, x: lib.vmap(f)(x[None]),
    "vmap of grad": lambda lib, f, x: lib.vmap(lib.grad(lambda x: (f(x), x.sum())[1]))(x[None]),
    "grad of vmap": lambda lib, f, x: lib.grad(lambda x: lib.vmap(f)(x[None]).sum())(x),
    "jit": lambda lib, f, x: lib.jit(f)(x),
    "jvp in jit": lambda lib, f, x: lib.jit(lambda x: lib.jvp(f, (x,), (x,)))(x),
}


@pytest.mark.parametrize("x", [2.0, [1.0, 2.0], 3], ids=str)
@pytest.mark.parametrize("transformation", ASKING)
def test_what_a_tracer_answers_is_what_jaxs_answers(transformation, x):
    """The class of the error, or what it gives. A tangent is lost where `float` works under grad."""
    if isinstance(x, int) and transformation not in ("vmap", "jit"):
        return  # Neither library differentiates by an integer.

    def answers(lib):
        found = {}

        def f(x):
            for name, ask in ASKED.items():
                try:
                    answer = ask(x)
                    traced = name == "list" or isinstance(answer, lib.core.Tracer)
                    found[name] = "tracers" if traced else repr(answer) if isinstance(answer, lib.Array) else answer
                except Exception as error:
                    found[name] = type(error).__name__
            return x

        ASKING[transformation](lib, f, lib.numpy.asarray(x))
        return found

    assert answers(mj) == answers(jax)


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
    "list": list, "range": range, "item of a list": lambda x: [1, 2, 3][x], "math.floor": math.floor, "math.sqrt": math.sqrt,
    "if": lambda x: 1 if x else 2, "in": lambda x: x in [1, 2], "np.asarray": np.asarray, "tolist": lambda x: x.tolist(),
    "item": lambda x: x.item(), "reversed": reversed,
}  # fmt: skip


@pytest.mark.parametrize("conversion", CONVERSIONS)
@pytest.mark.parametrize("operand", OPERANDS)
@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.one_in(6)
def test_what_python_asks_of_an_array_is_refused_as_in_jax(conversion, operand, traced):
    """Python asks an array, known or traced, to be a number: the classes of errors are JAX's."""

    def outcome(lib) -> str:
        def program(x):
            CONVERSIONS[conversion](x)
            return 0

        try:
            lib.make_jaxpr(program)(OPERANDS[operand]) if traced else program(lib.numpy.asarray(OPERANDS[operand]))
        except Exception as error:
            return type(error).__name__
        return "accepted"

    assert outcome(mj) == outcome(jax)
