"""The texts of the programs that jit runs: they need only NumPy, and compute what the primitives' implementations compute."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from lowered_programs import KEY, PROGRAMS, X, rnn, several
from measure import peak_bytes
from op_table import OPS, Op, arrays

import minijax as mj
import minijax.lax
import minijax.numpy as jnp
from minijax import lax
from minijax.core.jaxpr import eval_jaxpr
from minijax.lowering.numpy.source import numpy_program
from minijax.lowering.passes import optimized

CASES = [pytest.param(op, id=f"{i}-{op.name}") for i, op in enumerate(OPS)]


def run_alone(text: str, name: str, args):
    """Run a program's text in an empty namespace."""
    assert "minijax" not in text
    namespace: dict = {}
    with np.errstate(all="ignore"):
        exec(compile(text, "<alone>", "exec"), namespace)
        return namespace[name](*args)


def assert_bitwise_equal(got, expected, text: str):
    got = np.asarray(got)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype), text
    np.testing.assert_array_equal(got, expected, err_msg=text)
    if got.dtype.kind in "fc":
        np.testing.assert_array_equal(np.signbit(got.real), np.signbit(expected.real), err_msg=text)


def check(closed_jaxpr, args):
    """The program's text, run by itself, returns bit for bit what the equations return one by one. So does the program that jit
    runs, which gets its numbers and functions as objects."""
    program, given = numpy_program(closed_jaxpr), numpy_program(closed_jaxpr, alone=False)
    assert not program.externals, program.externals
    values = [x._value for x in args]
    out = run_alone(program.text, program.name, values)
    with np.errstate(all="ignore"):
        jitted = given.function()(*values)
    expected = eval_jaxpr(closed_jaxpr.jaxpr, closed_jaxpr.consts, *args)
    for got, also, want in zip([out] if program.single else out, jitted, expected, strict=True):
        assert_bitwise_equal(got, want._value, program.text)
        assert_bitwise_equal(also, want._value, given.text)
    return program


@pytest.mark.parametrize("op", CASES)
@pytest.mark.one_in(64)
def test_every_operation(op: Op):
    def function(*args):
        return op.function(minijax.lax, *args)

    for dtype in op.dtypes:
        args = [jnp.asarray(x) for x in arrays(op, dtype, np.random.default_rng(7))]
        check(mj.make_jaxpr(function)(*args), args)
        # Numbers are written into the program in place of one argument.
        for i in range(len(args)):
            if args[i].shape == () and len(args) > 1:
                literal = functools.partial(_with_argument, function, i, args[i])
                rest = [x for j, x in enumerate(args) if j != i]
                check(mj.make_jaxpr(literal)(*rest), rest)


def _with_argument(function, i, value, *rest):
    return function(*rest[:i], value, *rest[i:])


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(4)
def test_programs(name):
    function, *args = PROGRAMS[name]
    check(mj.make_jaxpr(function)(*args), args)


# ---------------------------------------------------------------------------------------------------------------------
# Shorter ways of small programs

SPECIAL = [1.5, -0.0, 0.0, np.inf, -np.inf, np.nan, -2.0, 1e-40]
INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32"]


def checked(function, *args):
    args = [jnp.asarray(x) for x in args]
    jaxpr = mj.make_jaxpr(function)(*args)
    # After the passes, a number stands beside an array, without a broadcast.
    check(optimized(jaxpr), args)
    return check(jaxpr, args).text


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint32", "float16", "bfloat16", "float32", "complex64"])
@pytest.mark.one_in(4)
def test_elements_of_an_array_and_arrays_of_scalars(dtype):
    """`x, y, z = s`, and `jnp.array([x, y, z])`: with few elements or many, along each axis, numbers among them."""
    x = jnp.asarray(np.resize(SPECIAL, (2, 9)) > 0 if dtype[0] in "bui" else np.resize(SPECIAL, (2, 9))).astype(dtype)
    for count in (1, 2, 8, 9):
        checked(lambda x: tuple(x), x[0, :count])
        checked(lambda x: jnp.array([e + e for e in x]), x[0, :count])
        checked(lambda x: jnp.stack([*x[0], x[1, 0]]), x[:, :count])
        checked(lambda x: [e * e for e in lax.unstack(x, axis=1)], x[:, :count])
    checked(lambda x: [*x], jnp.zeros((2, 0), dtype))
    if dtype != "bfloat16":  # NumPy has no text for a number of bfloat16.
        one = jnp.asarray(1, dtype)
        assert "np.array([" in checked(lambda x: jnp.array([x[0], one, x[1]]), x[0, :2])
    checked(lambda a: jnp.concatenate([a.reshape(1, 1), a.reshape(1, 1)], 1), x[0, 0])


def test_elements_of_an_array_of_keys():
    words = mj.random.key_data(mj.random.split(mj.random.key(1), 3))
    checked(lambda words: [mj.random.key_data(k) for k in mj.random.wrap_key_data(words)], words)
    checked(lambda words: mj.random.key_data(mj.random.wrap_key_data(words)[1:2].reshape(())), words)
    checked(lambda words: mj.random.key_data(mj.random.wrap_key_data(words.T)), words[:2])
    checked(lambda words: mj.random.bits(mj.random.wrap_key_data(words[::-1, ::-1])[0], (2,)), words)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.one_in(6)
def test_shifts_and_remainders_by_a_number(dtype):
    info = np.iinfo(dtype)
    x = np.array([0, 1, 3, 100, info.min, info.max], dtype)
    for y in {0, 7, info.bits - 1, info.bits, info.max, -1 if info.min else 2}:
        number = np.asarray(y, dtype)
        for name in ("shift_left", "shift_right_logical", "shift_right_arithmetic", "rem"):
            operation = getattr(lax, name)
            checked(lambda x: operation(x, jnp.full(x.shape, number)), x)  # noqa: B023
            checked(lambda x: [operation(x, number) for x in x], x[-2:])  # noqa: B023


def test_the_same_bits_as_another_dtype():
    words = np.array([1, 0x7F800001, 0xFFFFFFFF, 0x80000000, 0x3F800000], np.uint32)
    for new in ("int32", "float32", "uint16", "float16", "uint32"):
        texts = [checked(lambda x: lax.bitcast_convert_type(x, jnp.dtype(new)), x) for x in (words, words[3])]  # noqa: B023
        assert all((".view(" in text) for text in texts) or new == "uint32"


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.one_in(4)
def test_windows_that_begin_at_a_number_of_any_dtype(dtype):
    info = np.iinfo(dtype)
    for start in (0, 3, 100, info.max, info.min, info.max // 2 + 3):
        start = np.asarray(start, dtype)
        for size in (10, 300):
            x = np.arange(size, dtype=np.float32)
            for n in (0, 1, 7, size):
                slice_of = lambda x, i: lax.dynamic_slice(x, (i,), (n,))  # noqa: B023
                checked(slice_of, x, start)
                checked(lambda x: slice_of(x, start), x)  # noqa: B023
    rows = lambda x, i: lax.dynamic_slice(x, (i, 1), (2, 2))
    checked(rows, np.arange(12).reshape(4, 3), np.asarray(2, dtype))


def test_numbers_beside_scalars_and_arrays():
    for value in SPECIAL:
        for shape in ((), (1,), (3,), (2, 3)):
            x = np.full(shape, value, np.float32)
            checked(lambda x: [jnp.maximum(x, -jnp.inf), jnp.minimum(jnp.inf, x), jnp.maximum(x, 2.0)], x)
            checked(lambda x: [2 - x, x / 3, x > 0, x * x.max(), x - x.sum().reshape(1), jnp.where(x > 0, x, 0.0)], x)
            checked(lambda x: [x[..., None] - x.sum(keepdims=True).reshape(1), x.max() - x.reshape(-1)[:1]], x)
    for flag in (True, False):
        checked(lambda x: [x != False, x == False, False != x, x != True, x.astype(np.int32)], flag)  # noqa: E712
        checked(lambda x, a, b: [jnp.where(x, a, b), jnp.where(x, 1, a), jnp.where(x, a, jnp.nan)], flag, 2.0, -0.0)


def test_scalar_arguments_of_loops():
    """A program reads its scalar arguments as NumPy's scalars, whatever the loops do with them."""

    def function(x, n, key):
        def step(carry, i):
            a, n, key = carry
            key, other = mj.random.split(key)
            return (jnp.array([a[1] * x, a[0] + n]), n + 1, key), mj.random.normal(other) + i * x

        return lax.scan(step, (jnp.ones(2), n, key), jnp.arange(3))

    args = [jnp.float32(1.5), jnp.int32(-1), mj.random.PRNGKey(3)]
    flat = lambda *args: mj.tree_util.tree_leaves(function(*args))
    check(mj.make_jaxpr(flat)(*args), args)
    assert "[()]" in numpy_program(mj.make_jaxpr(flat)(*args), alone=False).text


# ---------------------------------------------------------------------------------------------------------------------
# The text


def text_of(function, *args) -> list[str]:
    """The lines of a program's own function, without the comments."""
    lines = mj.jit(function).lower(*args).as_text().splitlines()
    start = max(i for i, line in enumerate(lines) if line.startswith("def "))
    return [line for line in lines[start:] if not line.lstrip().startswith("#")]


def test_names_are_the_users():
    def model(params, x, scale=2.0):
        hidden = jnp.tanh(x @ params["w"] + params["b"])
        scaled = hidden * scale
        return scaled.sum()

    assert text_of(model, {"w": jnp.ones((3, 2)), "b": jnp.zeros(2)}, X) == [
        "def model(params_b, params_w, x):",
        "    a = x @ params_w",
        "    b = a + params_b",
        "    hidden = np.tanh(b)",
        "    scaled = hidden * 2.0",
        "    c = scaled.sum()",
        "    return c",
    ]


def test_names_of_functions_that_are_called_are_not_hidden():
    def function(x, argsort):
        erf_inv = x * 2.0
        sort = erf_inv + argsort
        return mj.lax.erf_inv(jnp.sort(sort) / 9)

    text = mj.jit(function).lower(X, 1.0).as_text()
    got = run_alone(text, "function", [X._value, np.float32(1)])
    np.testing.assert_array_equal(got, function(X, jnp.float32(1)))
    # `eq` is the 147th alphabetical name, and also the name of a function that the program calls.
    keys = mj.random.split(KEY, 2)

    def long(x):
        for _ in range(200):
            x = jnp.sin(x)
        return x + (keys[0] == keys[1])

    np.testing.assert_array_equal(mj.jit(long)(X), long(X))


@pytest.mark.parametrize(
    "low, high", [(-1.0, 1.0), (0.0, 0.0), (1.0, -1.0), (-1.0, -0.0), (np.nan, 1.0), (-np.inf, np.inf)]
)
def test_clamp_of_many_numbers(low, high):
    """For large arrays the program calls a different NumPy function."""
    x = jnp.asarray(np.resize(np.float32([-2, -1, -0.0, 0, 0.5, 1, 3, np.nan, np.inf, -np.inf]), 10_000))
    for f in (lambda low, x, high: mj.lax.clamp(low, x, high), lambda low, x, high: mj.lax.clamp(low, x + 0, high)):
        many, few = mj.jit(f)(low, x, high), f(low, x[:10], high)
        np.testing.assert_array_equal(many[:10], few)
        np.testing.assert_array_equal(np.signbit(many[:10]), np.signbit(few))


def gated(w):
    hidden = jnp.tanh(w)
    return hidden * w


def logarithm(x):
    total = mj.nn.logsumexp(x)
    return total


def test_what_is_differentiated_has_its_name_and_nothing_else():
    for _ in range(2):  # Written by rules, and by recipes, which are made from the rules.
        assert "    hidden = np.tanh(w)" in text_of(mj.value_and_grad(gated), 1.0)
        assert "    total = j + c" in text_of(mj.value_and_grad(logarithm), X)
        # The gradient needs not the logarithm of the sum but the exponentials, which have no name in the user's program.
        assert not any("total" in line for line in text_of(mj.grad(logarithm), X))
        assert "    hidden = np.tanh(w)" in text_of(mj.hessian(gated), 1.0)
        assert "    hidden = np.tanh(w)" in text_of(mj.vmap(mj.grad(gated)), X)
    assert "    hidden = np.tanh(x)" in text_of(lambda x: mj.jvp(gated, (x,), (x,)), 1.0)


def test_dead_code_is_not_written():
    assert text_of(lambda x: [jnp.sin(x), jnp.cos(x)][0], X) == [
        "def f_lambda(x):",
        "    a = np.sin(x)",
        "    return a",
    ]


def test_loops_are_loops():
    assert text_of(rnn, jnp.float32(1), X) == [
        "def rnn(w, xs):",
        "    a = np.float32(0.0)",
        "    b = np.empty((3,), np.float32)",
        "    for i in range(3):",
        "        c = xs[i]",
        "        d = w * a",
        "        e = d + c",
        "        carry = np.tanh(e)",
        "        f = 2.0 * carry",
        "        b[i] = f",
        "        a = carry",
        "    return (a, b)",
    ]


def test_what_no_step_changes_is_computed_before_the_loop():
    def weighted(w, xs):
        def step(total, x):
            scale = jnp.exp(w) / 2.0
            return total + scale * x, None

        return mj.lax.scan(step, 0.0, xs)[0]

    assert text_of(weighted, jnp.float32(1), X) == [
        "def weighted(w, xs):",
        "    a = np.float32(0.0)",
        "    c = np.exp(w)",
        "    scale = c / 2.0",
        "    for i in range(3):",
        "        b = xs[i]",
        "        d = scale * b",
        "        e = a + d",
        "        a = e",
        "    return a",
    ]
    halved = text_of(lambda x, w: mj.lax.while_loop(lambda x: x > w * 2.0, lambda x: x / jnp.exp(w), x), 9.0, 1.0)
    assert halved[1:] == [
        "    a = x",
        "    b = w * 2.0",
        "    d = np.exp(w)",
        "    while a > b:",
        "        e = a / d",
        "        a = e",
        "    return a",
    ]


def test_what_does_more_than_compute_stays_in_the_loop():
    """And so does what would take memory that the operands do not."""

    def function(x):
        def step(c, _):
            mj.debug.callback(seen.append, x[0])
            wide = jnp.sin(x)[:, None] + jnp.cos(x)
            return c + wide.sum(), None

        return mj.lax.scan(step, 0.0, None, length=3)[0]

    seen = []
    mj.jit(function)(jnp.ones(100))
    mj.effects_barrier()
    assert len(seen) == 3
    assert text_of(function, jnp.ones(100)) == [
        "def function(x):",
        "    a = np.float32(0.0)",
        "    b = x[:1]",
        "    c = b[0]",
        "    d = np.sin(x)",
        "    e = d.reshape(100, 1)",
        "    f = np.cos(x)",
        "    g = f.reshape(1, 100)",
        "    for i in range(3):",
        "        debug_callback(c)",
        "        wide = e + g",
        "        h = wide.sum()",
        "        del wide",
        "        j = a + h",
        "        a = j",
        "    return a",
    ]


def test_a_large_row_is_made_in_its_place():
    lines = text_of(lambda xs: mj.lax.map(lambda x: jnp.exp(x) * 2.0, xs), jnp.ones((3, 10_000)))
    assert lines[1:] == [
        "    a = np.empty((3, 10000), np.float32)",
        "    for i in range(3):",
        "        b = xs[i]",
        "        c = np.exp(b)",
        "        np.multiply(c, 2.0, out=a[i])",
        "        del c",
        "    return a",
    ]


def test_while_and_if():
    def collatz(n):
        def step(state):
            n, count = state
            n = mj.lax.cond(n % 2 == 0, lambda n: n // 2, lambda n: 3 * n + 1, n)
            return n, count + 1

        return mj.lax.while_loop(lambda state: state[0] != 1, step, (n, 0))[1]

    lines = text_of(collatz, 7)
    assert "    while a != 1:" in lines
    assert sum(line.lstrip().startswith(("if ", "else:")) for line in lines) == 2
    assert int(mj.jit(collatz)(7)) == 16


def test_lines_are_commented_with_the_users():
    def two_lines(x):
        y = jnp.sin(x)
        return y * x

    text = mj.jit(two_lines).lower(1.0).as_text()
    first = two_lines.__code__.co_firstlineno
    assert f"    # test_source.py:{first + 1}  y = jnp.sin(x)\n    y = np.sin(x)\n" in text
    assert f"    # test_source.py:{first + 2}  return y * x\n" in text


def test_what_is_called_twice_is_a_function():
    text = mj.jit(lambda x: several(several(x)) + several(2 * x)).lower(X).as_text()
    assert text.count("def several(") == 1
    assert text.count(" = several(") == 3
    once = mj.jit(lambda x: several(2 * x)).lower(X).as_text()
    assert "def several(" not in once


def test_arrays_closed_over_are_arguments():
    big = jnp.arange(1000.0)
    assert text_of(lambda x: x + big, 1.0)[0] == "def f_lambda(closed_over_0, x):"


def test_callbacks_are_given():
    """A value that cannot be written as text gets a name, and the program takes it from its namespace."""
    seen = []
    jaxpr = mj.make_jaxpr(lambda x: [mj.debug.callback(seen.append, x), x + 1][1])(1.0)
    program = numpy_program(jaxpr)
    assert list(program.externals) == ["debug_callback"]
    assert "    debug_callback(a)\n" in program.text
    program.function()(np.float32(3))
    assert [float(x) for x in seen] == [3.0]


def test_large_arrays_are_let_go_of():
    def deep(x):
        for _ in range(4):
            x = jnp.sin(x)
        return x

    lines = text_of(deep, jnp.zeros((100, 100)))
    assert [line for line in lines if "del" in line] == ["    del a, b, c"]
    lines = text_of(lambda x: jnp.sort(jnp.sort(jnp.sort(x * 2))), jnp.zeros((100, 100)))
    assert [line for line in lines if "del" in line] == ["    del a", "    del b", "    del c"]
    assert not any("del" in line for line in text_of(deep, jnp.zeros(3)))
    # Loops release arrays too, but no array that a later step or the result needs.
    lines = text_of(
        lambda xs: mj.lax.scan(lambda c, x: (jnp.sin(jnp.cos(c + x)), None), xs[0], xs)[0], jnp.zeros((3, 9999))
    )
    assert any(line.startswith("        del ") for line in lines)


@pytest.mark.parametrize("n", [32, 48, 64, 96], ids=lambda n: f"{4 * n * n} bytes")
def test_arrays_of_a_page_or_more_do_not_live_to_the_end(n):
    """A chain of thirty products holds two operands and one result at a time, whether its arrays have kept buffers or are too small
    for them."""

    def powers(x, m):
        for _ in range(30):
            x = x @ m
        return x

    x = jnp.eye(n)
    program = mj.jit(powers)
    program(x, x)
    assert peak_bytes(lambda: program(x, x)) < 4 * x.nbytes


def test_debuggers_see_the_lines():
    import linecache

    def fails(x):
        raise ValueError("here")

    function = mj.jit(lambda x: mj.pure_callback(fails, mj.ShapeDtypeStruct((), np.float32), x) * 2)
    with pytest.raises(ValueError) as error:
        function(1.0)
    frames = [entry for entry in error.traceback if "the program of" in str(entry.path)]
    assert frames
    code, globals_ = frames[0].frame.code.raw, frames[0].frame.f_globals
    linecache.lazycache(code.co_filename, globals_)
    assert "pure_callback(" in linecache.getline(code.co_filename, frames[0].lineno + 1)


def test_a_planted_fault_is_seen(monkeypatch):
    from minijax.lowering.numpy import source as numpy_source

    monkeypatch.setitem(numpy_source.EXPRESSIONS, "sin", lambda w, eqn: f"np.cos({w.text(eqn.invars[0])})")
    with pytest.raises(AssertionError):
        check(mj.make_jaxpr(jnp.sin)(X), [X])


@pytest.mark.parametrize("shapes", [((4, 300, 300), (300, 300)), ((300, 300), (4, 300, 300))])
def test_a_product_no_larger_than_one_operand_goes_before_the_loop(shapes):
    """The product is as large as the larger operand. Computed before the loop, it takes no more memory than that operand."""
    f = lambda w, v, c, xs: mj.lax.scan(lambda c, x: (w * v * x + c, None), c, xs)[0]
    args = [np.ones(shape, np.float32) for shape in (*shapes, (4, 300, 300), (3,))]
    text = mj.jit(f).lower(*args).compile().as_text()
    lines = [line for line in text.splitlines() if " * " in line and "#" not in line]
    assert [line.startswith(" " * 8) for line in lines] == [False, True]
