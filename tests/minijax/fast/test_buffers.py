"""Where programs put their large arrays: over what nobody reads any more, and in memory that is kept between calls. What is
tested is that it is done, and that nobody who can still look at an array ever sees it change."""

from __future__ import annotations

import gc
import signal
import threading
import time
import tracemalloc
import weakref

import kaf_evaluation
import numpy as np
import pytest

import minijax as mj
import minijax.numpy as jnp
from kaf import Grid, use_backend
from minijax.core.jaxpr import eval_jaxpr
from minijax.fast import buffers
from minijax.lowering import routes
from minijax.lowering.compile import compile_jaxpr
from minijax.lowering.numpy import source as numpy_source
from minijax.lowering.numpy import statements

LARGE = statements.BUFFERED
N = 20_000  # elements: more than large in float32
KEY = mj.random.key(3)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def text_of(function, *args) -> list[str]:
    lines = mj.jit(function).lower(*args).as_text().splitlines()
    start = max(i for i, line in enumerate(lines) if line.startswith("def "))
    return [line.strip() for line in lines[start:] if not line.lstrip().startswith("#")]


# ---------------------------------------------------------------------------------------------------------------------
# In place


def chain(x):
    return jnp.exp(-(x * 2.0)) + x


def test_the_last_reader_of_an_array_is_put_in_its_place():
    assert text_of(chain, jnp.zeros(N)) == [
        "def chain(x):",
        "a = x * 2.0",
        "b = np.negative(a, out=a)",
        "c = np.exp(b, out=b)",
        "d = np.add(c, x, out=c)",
        "del a, b, c",
        "return d",
    ]


def test_small_arrays_are_not():
    assert not any("out=" in line for line in text_of(chain, jnp.zeros(5)))


def a_view(x):
    y = x * 2.0
    z = y.reshape(2, -1)[1]
    return jnp.sin(y), z


def a_view_as_operand(x):
    y = (x * 2.0).reshape(200, 100)
    return y[:, :100] + y, y.T


def across_a_loop(x):
    y = x * 2.0
    out, _ = mj.lax.scan(lambda c, _: (jnp.sin(c + y), None), x, None, length=3)
    return out, jnp.cos(y)


def carried(x):
    return mj.lax.fori_loop(0, 3, lambda i, c: (jnp.sin(c[1]) + c[0], jnp.cos(c[0])), (x * 2.0, x * 3.0))


def in_a_branch(x):
    y = x * 2.0
    return mj.lax.cond(x[0] > 0, lambda y: jnp.sin(y), lambda y: y, y) + jnp.cos(y)


def branch_gives_what_it_gets(x):
    y = x * 2.0
    z = mj.lax.cond(x[0] > 0, lambda y: y, lambda y: y * 3.0, y)
    return jnp.sin(z), y


def selected(x):
    y = x * 2.0
    return jnp.where(x > 0, y, 0.0), jnp.where(x > 1, y, x), jnp.where(x > 1, 1.0, jnp.sin(y))


def of_other_types(x):
    y = x * 2.0
    return y > 0.0, (y.astype(jnp.int32) + 1).astype(jnp.float32), y.astype(jnp.float16), (y > 1.0) | (y < -1.0)


def columns(x):
    y = (x * 2.0).reshape(200, 100)
    return (y * y[:, :1]) + y[:1], (y.T * 2.0).T


def keyed(x):
    return mj.random.normal(KEY, x.shape) * x, mj.random.uniform(KEY, x.shape) + x


def several(x):
    @mj.jit
    def layer(x):
        return jnp.tanh(x * 2.0) - x * x * x

    return layer(layer(x)) + layer(x)


def long_sums(x):
    y = (x * 2.0).reshape(100, 200)
    return y.sum(0), jnp.exp(y).max(1), jnp.sort(jnp.exp(y)), jnp.concatenate([y, -y]), mj.lax.rsqrt(y * y), y**3


def rows(x):
    """Rows of a loop that are computed in place, and rows that cannot be: those with a second reader, carries, rows that are
    returned twice, and views."""

    def step(c, x):
        y = jnp.exp(x) * c[:1]
        z = jnp.sin(y)
        again = z * 2.0
        whole = jnp.where(x > 0, x, y)
        pair = jnp.concatenate([x, y])
        return y + x, (z, again, again + 1.0, y, y - x, y - x, x, x[::-1], whole, pair, jnp.ones_like(x), y @ x, c)

    return mj.lax.scan(step, x[:N], jnp.stack([x[:N], x[:N] * 2.0, x[:N] - 1.0]))


def rows_of_rows(x):
    def outer(c, x):
        def inner(d, y):
            return d + y.sum(), jnp.sin(y) * d

        total, ys = mj.lax.scan(inner, 0.0, jnp.stack([x, x * c]))
        return total, (ys, ys[0])

    return mj.lax.scan(outer, 1.0, jnp.stack([x, x + 1.0]))


def the_same_in_every_step(x):
    """What a loop's body computes of nothing that changes, small and large; a place that a loop in the loop fills, and where
    its carry starts, are not that."""

    def outer(c, i):
        small, large, wide = jnp.sin(x[:3]) * 2.0, jnp.cos(x), x[:200, None] + jnp.cos(x[:200])
        total, ys = mj.lax.scan(lambda s, y: (s + y * small.sum(), s * x[:10]), jnp.float32(0), jnp.arange(3.0) + small)
        n, y = mj.lax.while_loop(lambda s: s[0] < 3 + small[0], lambda s: (s[0] + 1, s[1] * large), (total, x))
        return c + ys.sum() + y.sum(), (ys * i, y + wide.sum())

    return mj.lax.scan(outer, 0.0, jnp.arange(3.0))


PROGRAMS = [
    rows, rows_of_rows, the_same_in_every_step,
    chain, a_view, a_view_as_operand, across_a_loop, carried, in_a_branch, branch_gives_what_it_gets, selected,
    of_other_types, columns, keyed, several, long_sums,
]  # fmt: skip


def leaves(tree) -> list[np.ndarray]:
    return [np.asarray(x) for x in mj.tree.leaves(tree)]


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_what_is_written_over_is_never_looked_at_again(function):
    """Three calls return exactly what the operations return one by one; neither arguments nor earlier results change."""
    jitted = mj.jit(function)
    inputs = [normal(N, seed=seed) for seed in range(3)]
    given = [jnp.asarray(x) for x in inputs]
    expected = [[x.copy() for x in leaves(function(x))] for x in given]
    results = [jitted(x) for x in given]
    for x, original, result, wanted in zip(given, inputs, results, expected):
        np.testing.assert_array_equal(x, original)
        for got, want in zip(leaves(result), wanted, strict=True):
            assert (got.shape, got.dtype) == (want.shape, want.dtype)
            np.testing.assert_array_equal(got, want)
    # The program text that is shown computes the same results.
    namespace = {}
    text = jitted.lower(given[0]).as_text()
    assert "minijax" not in text
    exec(text, namespace)
    out = namespace[function.__name__](*([KEY._value] if function is keyed else []), inputs[0])
    for got, want in zip(out if isinstance(out, tuple) else [out], expected[0], strict=True):
        np.testing.assert_array_equal(got, want)


def test_random_programs():
    """Straight-line programs that make arrays, views, and views of views."""
    operations = [
        lambda x, y: x + y,
        lambda x, y: x * 0.5,
        lambda x, y: -y,
        lambda x, y: jnp.where(x > y, x, 0.0),
        lambda x, y: x.reshape(-1)[::-1].reshape(x.shape),
        lambda x, y: x.T.reshape(x.shape),
        lambda x, y: jnp.maximum(x, y[:1]),
        lambda x, y: jnp.tanh(y),
        lambda x, y: jnp.concatenate([x[:50], y[50:]]),
        lambda x, y: x - y.max(1, keepdims=True) / 200,
    ]
    for seed in range(12):
        rng = np.random.default_rng(seed)
        steps = [(operations[rng.integers(len(operations))], *rng.integers(0, 1 << 20, 2)) for _ in range(25)]
        kept = rng.integers(0, 26, 3)

        def function(x, steps=steps, kept=kept):
            values = [x]
            for operation, i, j in steps:
                # Mostly one of the latest values, sometimes an old one.
                values.append(operation(values[-1 - i % min(3, len(values))], values[-1 - j % len(values)]))
            return [values[k] for k in kept] + [values[-1]]

        x = jnp.asarray(normal(100, 200, seed=seed))
        expected = [np.array(y) for y in function(x)]
        jitted = mj.jit(function)
        first, second = jitted(x), jitted(x + 1)
        for got, want in zip(first, expected, strict=True):
            np.testing.assert_array_equal(got, want)
        for got, want in zip(second, function(x + 1), strict=True):
            np.testing.assert_array_equal(got, want)


def random_steps(rng, depth: int):
    """A random function from a list of arrays to three arrays: operations, and loops and branches with such functions as bodies."""
    kinds = [*OPERATIONS, *(LOOPS if depth else [])]
    steps = [(kind, rng.integers(0, 1 << 20, 2)) for kind in rng.choice(kinds, 5)]
    steps = [(*step, random_steps(rng, depth - 1) if step[0] in LOOPS else None) for step in steps]

    def function(given):
        values = list(given)
        for kind, (i, j), inner in steps:
            x, y = values[-1 - i % min(4, len(values))], values[j % len(values)]
            made = OPERATIONS[kind](x, y) if inner is None else LOOPS[kind](x, y, values[-3:], inner)
            # At least one of the loop's results is read.
            values.append(made[i % len(made)] if inner else made)
        return values[-1], values[-2], values[len(values) // 2]

    return function


OPERATIONS = {
    "add": lambda x, y: x + y,
    "scale": lambda x, y: jnp.sin(x) * 0.5,
    "where": lambda x, y: jnp.where(x > y, x, 0.25),
    "reverse": lambda x, y: x.reshape(2, -1)[::-1].reshape(x.shape),
    "sum": lambda x, y: x * jnp.tanh(y[:3].sum()),
}


def a_scan(x, y, before, inner):
    def body(carry, row):
        a, b, _ = inner([*before, carry, row])
        return jnp.tanh(a), (b, a, row)

    carry, rows = mj.lax.scan(body, y, jnp.stack([x, y]))
    return carry, rows[0][1], rows[1][0], rows[2][1]


def a_while(x, y, before, inner):
    return mj.lax.while_loop(lambda s: s[0] < 2, lambda s: (s[0] + 1, jnp.tanh(inner([*before, s[1]])[0])), (0, x))[1:]


def a_cond(x, y, before, inner):
    return mj.lax.cond(x[0] > y[1], lambda values: inner(values)[:2], lambda values: (values[-1], values[0]), before)


LOOPS = {"scan": a_scan, "while": a_while, "cond": a_cond}


@pytest.mark.parametrize("seed", range(16))
@pytest.mark.one_in(4)
def test_random_programs_with_loops(seed):
    program = random_steps(np.random.default_rng(seed), 2)

    def function(x, y):
        return program([x, y])

    jitted = mj.jit(function)
    inputs = [[jnp.asarray(normal(N, seed=seed + i)) for i in pair] for pair in ((0, 100), (200, 300))]
    results = [jitted(*xs) for xs in inputs]
    for xs, result in zip(inputs, results):
        jaxpr = mj.make_jaxpr(function)(*xs)
        for got, want in zip(result, eval_jaxpr(jaxpr.jaxpr, jaxpr.consts, *xs), strict=True):
            np.testing.assert_array_equal(got, want)


def planted(test, *args):
    """The test fails with the planted error, and the error is removed afterwards."""
    mj.clear_caches()
    with pytest.raises((AssertionError, NameError)):
        test(*args)
    mj.clear_caches()


def test_planted_aliases_are_seen(monkeypatch):
    monkeypatch.setattr(statements._Memory, "dead", lambda self, i: not self.alive)
    planted(test_what_is_written_over_is_never_looked_at_again, deep)


def test_planted_writing_over_results_is_seen(monkeypatch):
    monkeypatch.setattr(statements._Memory, "dead", lambda self, i: self.last <= i)
    planted(test_what_is_written_over_is_never_looked_at_again, a_view)


def test_planted_writing_over_what_others_were_shown_is_seen(monkeypatch):
    memories = statements._memories

    def careless(*args):
        found = memories(*args)
        for memory in found.values():
            memory.ours = True
        return found

    monkeypatch.setattr(statements, "_memories", careless)
    planted(test_a_callback_that_keeps_what_it_is_given)


def test_long_programs_take_linear_time():
    """Of 4 times the length 4 times as long; a sort gives what may be a view of what it reads."""

    def seconds(n):
        def long(x):
            y = x * 2.0
            for _ in range(n):
                y = jnp.sort(y) + x
            return y

        jaxpr = mj.make_jaxpr(long)(jnp.zeros(N))
        numpy_source.numpy_program(jaxpr)
        start = time.process_time()
        numpy_source.numpy_program(jaxpr)
        return time.process_time() - start

    assert min(seconds(800) for _ in range(3)) < 9 * min(seconds(200) for _ in range(3))


# ---------------------------------------------------------------------------------------------------------------------
# Memory that is kept from one call to the next


def mlp_loss(params, x, y):
    for w, b in params[:-1]:
        x = mj.nn.relu(x @ w + b)
    w, b = params[-1]
    return jnp.mean((jnp.tanh(x @ w + b) - y) ** 2)


def kaf_loss(params, x, y):
    (w, b), (alpha, centers), (v, c) = params
    h = (x @ w + b)[..., None] - centers
    return jnp.mean((((alpha * jnp.exp(-0.8 * h**2)).sum(-1)) @ v + c - y) ** 2)


def sgd(loss):
    def step(params, x, y):
        value, gradient = mj.value_and_grad(loss)(params, x, y)
        return value, mj.tree.map(lambda p, g: p - 0.1 * g, params, gradient)

    return step


def trees(shapes, seed=0):
    return [tuple(jnp.asarray(normal(*s, seed=seed + i) / 16) for i, s in enumerate(pair)) for pair in shapes]


STEPS = {
    "MLP": (sgd(mlp_loss), [((128, 256), (256,)), ((256, 256), (256,)), ((256, 128), (128,))], (100, 128), (100, 128)),
    "KAF": (sgd(kaf_loss), [((16, 64), (64,)), ((64, 20), (20,)), ((64, 4), (4,))], (200, 16), (200, 4)),
    "scan": (
        lambda params, x, y: (
            0.0,
            [(mj.lax.scan(lambda c, _: (jnp.sin(c) @ params[0][0], c[:2]), x, None, length=4)[0], params[0][1])],
        ),
        [((256, 256), (256,))],
        (256, 256),
        (1,),
    ),
}


def allocated(function) -> int:
    """The most bytes that were allocated at a time while a function ran."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        function()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", STEPS)
def test_a_training_step_allocates_nothing_large_after_its_first_call(name):
    step, shapes, x_shape, y_shape = STEPS[name]
    x, y = normal(*x_shape), normal(*y_shape)
    params = trees(shapes)
    function = compile_jaxpr(mj.make_jaxpr(step)(params, x, y))
    state = [leaves(params)]

    def train():
        state[0] = function(*state[0], x, y)[1:]

    assert allocated(train) > 4 * LARGE
    params = step(params, x, y)[1]
    for _ in range(4):
        # Besides small arrays, NumPy's loops allocate a buffer of 8192 elements to convert dtypes.
        assert allocated(train) < 95_000
        params = step(params, x, y)[1]
    for got, want in zip(state[0], leaves(params), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=2e-5)


def test_nor_does_jit():
    step, shapes, *data = STEPS["MLP"]
    x, y = (jnp.asarray(normal(*shape)) for shape in data)
    jitted, state = mj.jit(step), [trees(shapes)]

    def train():
        state[0] = jitted(state[0], x, y)[1]

    train(), train()
    assert allocated(train) < 95_000


def test_what_is_held_does_not_change():
    jitted = mj.jit(lambda x: (jnp.sin(x) * 2.0, x + 1.0))
    x = normal(N)
    held = []
    for i in range(12):
        sin, plus = jitted(x + i)
        # An array; a view; a view of a view; a memoryview; another library's array.
        held += [(i, 0, sin)] if i % 2 else [(i, 0, np.asarray(sin)[::2])]
        held += [(i, 1, memoryview(np.asarray(plus)))] if i % 3 else [(i, 1, np.from_dlpack(plus).reshape(2, -1)[1])]
    for i, which, value in held:
        want = np.asarray([np.sin(x + np.float32(i)) * 2, x + np.float32(i) + 1][which])
        got = np.asarray(value)
        if got.shape == (N // 2,):
            want = want[::2] if which == 0 else want.reshape(2, -1)[1]
        np.testing.assert_array_equal(got, want)


def test_what_is_not_held_is_used_again():
    jitted = mj.jit(lambda x: jnp.sin(x) * 2.0)
    x = jnp.asarray(normal(N))
    places = {np.asarray(jitted(x)).__array_interface__["data"][0] for _ in range(10)}
    assert len(places) <= 2


def test_what_one_loop_keeps_for_the_next_is_made_once(monkeypatch):
    """A residual of a scan needs one array, because nobody holds it after the program has ended; a result needs two."""
    made = []

    def kept_buffer(shape, dtype, arrays=1, calls=1):
        made.append((shape, arrays))
        return buffers.kept_buffer(shape, dtype, arrays, calls)

    def loss(w, xs):
        final, _ = mj.lax.scan(lambda h, x: (jnp.tanh(h @ w + x), None), jnp.zeros((8, 32)), xs)
        return (final**2).sum()

    monkeypatch.setattr(routes, "kept_buffer", kept_buffer)
    w, xs = normal(32, 32), normal(50, 8, 32)
    gradient = compile_jaxpr(mj.make_jaxpr(mj.grad(loss, (0, 1)))(w, xs))
    assert sorted(made) == [((50, 8, 32), 1)] * 3 + [((50, 8, 32), 2)]
    first = [x.copy() for x in gradient(w, xs)]
    for got, want in zip(gradient(w, xs), first, strict=True):
        np.testing.assert_array_equal(got, want)


def test_buffers_go_with_their_program():
    x = jnp.asarray(normal(N))

    def run():
        mj.jit(lambda x: jnp.sin(x) * 2.0)(x)
        gc.collect()

    run()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(5):
            run()
        assert tracemalloc.get_traced_memory()[0] - before < 4 * N
    finally:
        tracemalloc.stop()


def test_planted_sharing_is_seen(monkeypatch):
    def careless(shape, dtype, arrays=1, calls=1):
        array = np.empty(shape, dtype)
        return lambda: array

    monkeypatch.setattr(routes, "kept_buffer", careless)
    planted(test_what_is_held_does_not_change)


# ---------------------------------------------------------------------------------------------------------------------
# Calls within calls, calls in two threads, and calls that are interrupted


def deep(x):
    y = jnp.sin(x) * 2.0
    z = jnp.cos(y) + y
    return z - y * x


def test_threads():
    jitted = mj.jit(deep)
    inputs = [jnp.asarray(normal(N, seed=i)) for i in range(6)]
    expected = [np.asarray(deep(x)) for x in inputs]
    jitted(inputs[0])
    wrong = []

    def work(i):
        held = [jitted(inputs[i]) for _ in range(20)]
        wrong.extend(i for y in held if not np.array_equal(y, expected[i]))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_a_callback_that_calls_the_same_function():
    type_ = mj.ShapeDtypeStruct((N,), np.float32)

    def again(x, depth):
        return np.asarray(jitted(jnp.asarray(x), int(depth) - 1)) if depth else np.asarray(x)

    @mj.jit
    def jitted(x, depth):
        y = jnp.sin(x) * 2.0
        inner = mj.pure_callback(again, type_, y, depth)
        return inner + y * 3.0

    def plain(x, depth):
        y = jnp.sin(x) * 2.0
        return (plain(y, depth - 1) if depth else y) + y * 3.0

    x = jnp.asarray(normal(N))
    for depth in (0, 3, 3, 5):
        np.testing.assert_array_equal(jitted(x, depth), plain(x, depth))


def test_a_callback_that_keeps_what_it_is_given():
    seen = []

    @mj.jit
    def jitted(x):
        y = jnp.sin(x)
        mj.debug.callback(seen.append, y)
        return jnp.cos(y * 2.0)

    inputs = [jnp.asarray(normal(N, seed=i)) for i in range(5)]
    for x in inputs:
        jitted(x)
    for x, y in zip(inputs, seen, strict=True):
        np.testing.assert_array_equal(y, jnp.sin(x))


def test_a_callback_that_raises():
    raising = [False]

    def callback(x):
        if raising[0]:
            raise RuntimeError("stop")
        return x

    @mj.jit
    def jitted(x):
        y = mj.pure_callback(callback, mj.ShapeDtypeStruct((N,), np.float32), jnp.sin(x) * 2.0)
        return y * 3.0 + x

    x = jnp.asarray(normal(N))
    expected = np.array(jitted(x))
    held, errors = [], []
    for i in range(8):
        raising[0] = i % 2 == 0
        try:
            held.append(jitted(x))
        except RuntimeError as error:
            errors.append(error)
    assert len(errors) == len(held) == 4
    for got in held:
        np.testing.assert_array_equal(got, expected)


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # An interrupt may come during a weak reference's callback.
def test_keyboard_interrupts():
    jitted = mj.jit(deep)
    inputs = [jnp.asarray(normal(N, seed=i)) for i in range(4)]
    expected = [np.array(deep(x)) for x in inputs]
    interrupts = [0]

    class Alarm(KeyboardInterrupt):
        """An interrupt that the timer sends. The test must not catch the one that comes of Ctrl-C."""

    def interrupt(*_):
        interrupts[0] += 1
        raise Alarm

    held = []
    before, errors = signal.signal(signal.SIGALRM, interrupt), np.geterr()
    try:
        for i in range(60):
            # Two try blocks: a signal that comes during the inner `finally` is caught too.
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, 0.0001 + 0.00002 * i)
                    for k in range(40):
                        held.append((k % 4, jitted(inputs[k % 4])))
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except Alarm:
                held = held[-6:]
            for which, got in held:
                assert np.array_equal(got, expected[which])
    finally:
        signal.signal(signal.SIGALRM, before)
        # NumPy's `with np.errstate()` does not restore its state if an interrupt comes at its first instruction.
        np.seterr(**errors)
    assert interrupts[0] > 10


# ---------------------------------------------------------------------------------------------------------------------
# select


@pytest.mark.parametrize(
    "dtype", [bool, np.int8, np.uint16, np.float16, np.float32, np.int64, np.complex64, np.complex128]
)
def test_select_into(dtype):
    rng = np.random.default_rng(0)
    x, y = (rng.integers(-100, 100, (3, 40)).astype(dtype) for _ in range(2))
    if np.dtype(dtype).kind in "fc":
        x[0, :3], y[1, :3] = [np.nan, np.inf, -0.0], [-0.0, -np.inf, np.nan]
    zero, one = np.dtype(dtype).type(0), np.dtype(dtype).type(1)
    for which in (x.real > y.real, np.ones((3, 40), bool), np.zeros((3, 40), bool), (x.real > 0).T.copy().T):
        for cases in (
            (x, y),
            (x, zero),
            (zero, y),
            (x, one),
            (x[:, ::-1], y),
            (-zero if dtype is not bool else zero, y),
        ):
            out = np.empty((3, 40), dtype)
            assert buffers.select_into(which, *cases, out=out) is out
            assert out.tobytes() == np.where(which, *cases).astype(dtype).tobytes()


def test_compiled_functions_are_given_buffers_for_large_arrays_only():
    small = mj.make_jaxpr(chain)(jnp.zeros(5))
    large = mj.make_jaxpr(chain)(jnp.zeros(N))
    assert not numpy_source.numpy_program(small, alone=False).buffers
    assert len(numpy_source.numpy_program(large, alone=False).buffers) == 1
    assert not numpy_source.numpy_program(large).buffers
    out = compile_jaxpr(large)(normal(N))
    assert type(out[0].base) is buffers._Bytes


@pytest.mark.parametrize(
    "dtype", [bool, np.float16, np.float32, np.complex128, jnp.bfloat16, mj.random.key(0).dtype.storage]
)
def test_a_new_array(dtype):
    """Its type, and where it begins; and that whoever has a view of it holds it, not its memory alone."""
    arrays = [buffers._new_array((200, 100), dtype) for _ in range(3)]
    empty = np.empty((200, 100), dtype)
    assert {(a.shape, a.strides, a.dtype) for a in arrays} == {(empty.shape, empty.strides, empty.dtype)}
    places = [a.ctypes.data % 4096 for a in arrays]
    assert len(set(places)) == 3 and not any(place % 64 for place in places)
    assert arrays[0].flags.writeable and arrays[0].flags.c_contiguous and type(arrays[0]) is np.ndarray
    a = arrays[0]
    for view in (
        a[3],
        a.T,
        a.reshape(-1),
        a[1:][2],
        a.view(np.uint8),
        np.broadcast_to(a, (2, *a.shape)),
        np.asarray(a),
    ):
        while view is not a:
            assert view is not None
            view = view.base


def test_equal_programs_share_memory_which_goes_with_the_last_of_them():
    big = jnp.ones(50_000)
    first, second = mj.jit(lambda x: jnp.sin(x) * 2.0), mj.jit(lambda x: jnp.sin(x) * 2.0)
    kept = weakref.ref(first(big)._value)
    second(big)
    del first
    gc.collect()
    assert kept() is not None
    del second
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize("centers, later", [(10, 0.5), (20, 3)])
def test_the_memory_of_a_gradient_of_kaf(centers, later):
    """By blocks later calls need none; tables, which are for many centres, make new arrays in each."""
    with use_backend("minijax") as backend:
        x, g = (backend.np.zeros((4096, 256)) for _ in range(2))
        arguments = x, backend.np.zeros((256, centers)), g
        peak = kaf_evaluation.memory_of(backend, "gridded", Grid(centers), "value and gradients", arguments)
    # The gradient of x is one array of it; three is what kaf promises.
    assert 1 <= peak.first < 3 and peak.later < later


def test_all_programs_together_keep_a_bounded_room():
    """Sixteen shapes of one gradient: the arrays of those that were used longest ago are let go, and come back when needed."""

    def loss(x):
        for _ in range(20):
            x = jnp.tanh(x) * 1.01
        return jnp.sum(x)

    gradient = mj.jit(mj.grad(loss))
    expected = {}
    before = mj.config.minijax_kept_bytes
    mj.config.update("minijax_kept_bytes", 8 * 200_000 * 4)
    try:
        tracemalloc.start()
        for n in [*range(200_000, 200_016), 200_000]:
            value = np.asarray(gradient(jnp.full(n, 0.3)))
            np.testing.assert_array_equal(value, expected.setdefault(n, value))
            del value
        expected.clear()
        gc.collect()
        assert buffers._room.kept() <= mj.config.minijax_kept_bytes
        assert tracemalloc.get_traced_memory()[0] < 2 * mj.config.minijax_kept_bytes
    finally:
        tracemalloc.stop()
        mj.config.update("minijax_kept_bytes", before)


def test_the_room_of_a_program_that_is_gone_is_free():
    gc.collect()
    before = buffers._room.kept()
    f = mj.jit(lambda x: jnp.exp(jnp.sin(x) * x))
    for _ in range(3):
        f(jnp.ones(3 * N))
    assert buffers._room.kept() > before
    del f
    mj.clear_caches()
    gc.collect()
    assert buffers._room.kept() <= before
