"""Programs larger and deeper than Python's syntax takes at once, and names that Python has for itself."""

from __future__ import annotations

import ast
import builtins
import keyword
import sys

import numpy as np
import pytest

import minijax as mj
import minijax.numpy as jnp
from minijax import lax
from minijax.extend.core import Primitive
from minijax.lowering.numpy.source import numpy_program

# ---------------------------------------------------------------------------------------------------------------------
# Depth. Python takes 20 loops within each other, and 100 levels of indentation.

# Each puts a step within a loop or a branch that runs it, and changes the value so that a lost block is seen.
NESTS = {
    "fori_loop": lambda step: lambda x: lax.fori_loop(0, 1, lambda i, y: step(y) + 1.0, x),
    "while_loop": lambda step: lambda x: lax.while_loop(lambda s: s[0] < 1, lambda s: (s[0] + 1, step(s[1]) + 1.0), (0, x))[1],
    "while_loop with a long condition": lambda step: lambda x: lax.while_loop(
        lambda s: jnp.sin(s[0]) + s[1].sum() * 0 < 0.5, lambda s: (s[0] + 1.0, step(s[1]) + 1.0), (0.0, x)
    )[1],
    "scan": lambda step: lambda x: lax.scan(lambda c, y: (step(c) + y, c), x, jnp.ones(1))[0],
    "rows of a scan": lambda step: lambda x: lax.scan(lambda c, y: (c, step(y) + 1.0), 0.0, x[None])[1][0],
    "cond": lambda step: lambda x: lax.cond(x.sum() < 1e9, lambda y: step(y) + 1.0, lambda y: y, x),
    "switch": lambda step: lambda x: lax.switch(1, [jnp.sin, lambda y: step(y) + 1.0, jnp.cos], x * 1.0),
    "jit": lambda step: lambda x: mj.jit(step)(x) + 1.0,
}  # fmt: skip


def nested(kinds):
    function = jnp.tanh
    for kind in kinds:
        function = NESTS[kind](function)
    return function


def check(kinds, x):
    """The program that runs, and the text that people read, add 1 in each block."""
    f = mj.jit(nested(kinds))
    expected = np.asarray(jnp.tanh(x))
    for _ in kinds:
        expected = expected + np.float32(1)
    np.testing.assert_array_equal(f(x), expected)
    np.testing.assert_array_equal(run_text(f.lower(x).as_text(), [x]), expected)


def run_text(text: str, args):
    namespace: dict = {}
    exec(compile(text, "<text>", "exec"), namespace)
    name = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)][-1]
    return namespace[name](*[np.asarray(x) for x in args])


# Small arrays; and arrays for which a program keeps buffers.
SIZES = {"small": 3, "large": 1 << 14}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", NESTS)
@pytest.mark.one_in(4)
def test_deeper_than_python_nests_loops(kind, size):
    x = jnp.linspace(0.0, 1.0, SIZES[size])
    for depth in (11, 12, 13, 21, 26):
        check([kind] * depth, x)


def test_deeper_than_python_indents():
    # Python's frames: to trace a branch takes 7, and pytest has its own.
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(3000)
    try:
        check(["cond"] * 120, jnp.ones(3))
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.one_in(3)
def test_mixed_nests(seed):
    rng = np.random.default_rng(seed)
    check(list(rng.choice([*NESTS], 30)), jnp.asarray(np.float32([0.5, -1.0, 2.0])))


@pytest.mark.parametrize(("kind", "depth"), [("fori_loop", 13), ("cond", 13), ("rows of a scan", 13)])
def test_gradients_of_deep_nests(kind, depth):
    function = nested([kind] * depth)
    gradient = mj.grad(lambda x: function(x).sum())
    x = jnp.ones(3)
    np.testing.assert_allclose(mj.jit(gradient)(x), gradient(x), rtol=1e-6)


def test_effects_in_deep_nests(capsys):
    def show(x):
        mj.debug.print("{}", x)
        return x

    function = show
    for kind in ["fori_loop", "cond"] * 12:
        function = NESTS[kind](function)
    mj.jit(function)(1.0)
    assert capsys.readouterr().out == "1.0\n"


@pytest.mark.parametrize("count", [2, 100, 101, 3000])
def test_many_branches(count):
    branches = [lambda x, k=k: x + float(k) for k in range(count)]
    f = mj.jit(lambda i, x: lax.switch(i, branches, x))
    places = (-1, 0, 1, count // 2, count - 2, count - 1, count)
    assert [float(f(i, 0.5)) for i in places] == [0.5 + min(max(i, 0), count - 1) for i in places]


# ---------------------------------------------------------------------------------------------------------------------
# Names

NOT_FOR_VARIABLES = {*dir(builtins), *keyword.kwlist, "np"}


def assigned_names(text: str) -> list[str]:
    """The names of arguments and of variables, as Python reads them."""
    nodes = list(ast.walk(ast.parse(text)))
    return [n.arg for n in nodes if isinstance(n, ast.arg)] + [
        n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    ]


def check_names(text: str):
    hidden = NOT_FOR_VARIABLES.intersection(assigned_names(text))
    assert not hidden, hidden
    modules = {a.asname or a.name for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import) for a in n.names}
    functions = {n.name for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)}
    assert not (modules | functions).intersection(assigned_names(text))


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.long
def test_no_variable_of_a_long_program_hides_what_python_has(alone):
    """20,000 variables have every name of one, two and three letters: `abs`, `len`, `map`, `np`, `if`."""

    def function(x):
        for _ in range(20_000):
            x = x + 1.0
        return jnp.sort(x), jnp.floor_divide(x, 3.0)

    program = numpy_program(mj.make_jaxpr(function)(jnp.zeros(2)), alone=alone)
    check_names(program.text)
    assert program.function()(np.zeros(2, np.float32))[0].tolist() == [20000.0, 20000.0]


def test_no_argument_of_many_hides_what_python_has():
    args = [jnp.float32(i) for i in range(9_000)]
    jaxpr = mj.make_jaxpr(lambda *xs: (xs[0] + xs[-1], jnp.argsort(jnp.stack(xs[:3]))))(*args)
    for alone in (True, False):
        program = numpy_program(jaxpr, alone=alone)
        check_names(program.text)
        assert program.function()(*map(np.asarray, args))[0] == 8999.0


def test_names_of_the_user_hide_nothing():
    def function(np, len, math, operator, functools, itertools, enum, collections, sum):
        print = np + len + math + operator + functools
        range = print * itertools + enum + collections
        return jnp.floor_divide(range, 2.0), mj.random.normal(mj.random.key(0), (2,)) + sum

    args = [jnp.float32(i) for i in range(9)]
    text = mj.jit(function).lower(*args).as_text()
    check_names(text)
    for got, expected in zip(run_text(text, args), function(*args)):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


FUNCTION_NAMES = (
    "x² xⁿ ²x 1a class None λ ﬁ Å ª ℌ ½ x̸ ̸x · a·b __ _ f len np print match math buffer select program <lambda> if"
    " 𝐱 ٣ a٣ 中文 🎉 a🎉b -"
).split() + ["", " ", "a b", "a\nb", "a#b", '"', "\\", "\u200b", "a\u0301", "x" * 3000]


@pytest.mark.parametrize("compiler", ["numpy", "xla"])
@pytest.mark.parametrize("name", FUNCTION_NAMES)
@pytest.mark.one_in(12)
def test_any_name_of_a_function(name, compiler):
    def f(x):
        return x + 1.0

    f.__name__ = name
    lowered = mj.jit(f).lower(2.0, compiler=compiler)
    if compiler == "numpy":
        assert run_text(lowered.as_text(), [2.0]) == 3.0
    assert lowered.compile()(2.0) == 3.0

    def outer(x):
        # A function that is called twice has a definition of its own in the text.
        for _ in range(2):
            x = mj.jit(g)(x)
        return x

    g = mj.jit(lambda x: jnp.sin(jnp.cos(jnp.sin(jnp.cos(x)))) + x)
    g.__name__ = name
    np.testing.assert_allclose(mj.jit(outer, compiler=compiler)(0.5), outer(0.5), rtol=1e-6)
    if compiler == "numpy":
        np.testing.assert_allclose(run_text(mj.jit(outer).lower(0.5).as_text(), [0.5]), outer(0.5), rtol=1e-6)


def test_a_primitive_of_a_users_is_shown_as_the_user_wrote_it():
    cube_p = Primitive("cube")

    @cube_p.def_impl
    def cube(x):
        return x * x * x

    cube_p.def_abstract_eval(lambda x: x)
    function = mj.jit(lambda x: cube_p.bind(x) + 1)
    namespace = {}
    text = function.lower(jnp.ones(3)).as_text()
    exec(text, namespace)
    assert "read_only" not in text and "def cube(x):\n    return x * x * x" in text
    np.testing.assert_array_equal(namespace["f_lambda"](np.float32([1, 2])), [2, 9])
    np.testing.assert_array_equal(function(jnp.float32([1, 2])), [2, 9])
