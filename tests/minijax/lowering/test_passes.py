"""What a jaxpr goes through before it is written as a program: no pass changes a bit of any result, but for the rounding of
sums of products."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from lowered_programs import PROGRAMS
from op_table import OPS, Op, arrays

import minijax as mj
import minijax.lax
import minijax.numpy as jnp
from minijax.core.jaxpr import check_jaxpr, eval_jaxpr
from minijax.extend.core import Primitive
from minijax.lowering import passes

CASES = [pytest.param(op, id=f"{i}-{op.name}") for i, op in enumerate(OPS)]
INF, NAN = float("inf"), float("nan")
X = jnp.asarray(np.float32([0.0, -0.0, 1.5, -2.0, INF, -INF, NAN]))


def check(closed_jaxpr, args):
    """No pass changes a bit of a result, except that the passes from `contractions` on change the rounding of sums."""
    expected = eval_jaxpr(closed_jaxpr.jaxpr, closed_jaxpr.consts, *args)
    contracted = False
    for name, after in passes.stages(closed_jaxpr):
        contracted = contracted or name == "contractions"
        got = eval_jaxpr(after.jaxpr, after.consts, *args)
        for a, b in zip(got, expected, strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype), name
            if contracted and a.dtype.kind in "fc":
                assert_close(a._value, b._value, name)
                assert_same_zeros(a._value, b._value, name)
                continue
            assert a._value.tobytes() == b._value.tobytes() or np.array_equal(a._value, b._value, equal_nan=True), name
            if a.dtype.kind == "f":
                numbers = ~np.isnan(b._value)
                np.testing.assert_array_equal(np.signbit(a._value)[numbers], np.signbit(b._value)[numbers], name)


def assert_close(got, expected, message=""):
    """Equal beyond the rounding of a sum, relative to the largest result; what is not finite is the same."""
    finite = np.abs(expected[np.isfinite(expected)])
    atol = 64 * np.finfo(expected.dtype).eps * (finite.max() if finite.size else 0)
    np.testing.assert_allclose(got, expected, rtol=0, atol=atol, err_msg=message)


def assert_same_zeros(got, expected, message=""):
    """Assert that two zeros at one place of both arrays have the same sign, since 1 / 0.0 is inf and 1 / -0.0 is -inf."""
    parts = ((got.real, expected.real), (got.imag, expected.imag))
    for a, b in parts if expected.dtype.kind == "c" else ((got, expected),):
        zeros = (a == 0) & (b == 0)
        np.testing.assert_array_equal(np.signbit(a)[zeros], np.signbit(b)[zeros], message)


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name):
    function, *args = PROGRAMS[name]
    check(mj.make_jaxpr(function)(*args), args)


@pytest.mark.parametrize("op", CASES)
@pytest.mark.one_in(90)
def test_every_operation_and_its_gradient(op: Op):
    dtype = op.dtypes[0]
    args = [jnp.asarray(x) for x in arrays(op, dtype, np.random.default_rng(5))]

    def function(*xs):
        return op.function(minijax.lax, *xs)

    check(mj.make_jaxpr(function)(*args), args)
    if op.smooth:

        def total(*moving):
            full = list(args)
            for i, x in zip(op.smooth, moving):
                full[i] = x
            return sum((jnp.sin(y) * y).sum().real for y in mj.tree.leaves(function(*full)))

        moving = [args[i] for i in op.smooth]
        gradient = mj.grad(total, tuple(range(len(moving))))
        check(mj.make_jaxpr(gradient)(*moving), moving)


FILLS, OUTSIDE = (0.0, -0.0, 0, 1, 1.0, True), jnp.array([9])

# Programs of one argument, and how many equations are left after all passes.
SMALLER = {
    "x * 1": (lambda x: x * 1.0, 0),
    "1 * x": (lambda x: 1.0 * x, 0),
    "x * ones": (lambda x: x * jnp.ones(7), 0),
    "x * -1": (lambda x: x * -1.0, 1),
    "x / 1": (lambda x: x / 1.0, 0),
    "x - 0": (lambda x: x - 0.0, 0),
    "x - -0.0": (lambda x: x - (-0.0), 1),
    "x + 0 is not x": (lambda x: x + 0.0, 1),
    "x * 0 is not 0": (lambda x: x * 0.0, 1),
    "x - x is not 0": (lambda x: x - x, 1),
    "max of -inf and x": (lambda x: [jnp.maximum(-jnp.inf, x), jnp.minimum(x, jnp.inf)], 0),
    "max of inf and x is not x": (lambda x: [jnp.maximum(jnp.inf, x), jnp.minimum(x, -jnp.inf)], 2),
    "b != False": (lambda x: (x > 0) != False, 1),  # noqa: E712
    "x != 0 is not x": (lambda x: [x != 0.0, x.astype(int) != 0], 3),
    "b != True is not b": (lambda x: [(x > 0) != True, (x > 1) == False], 4),  # noqa: E712
    "minus minus x": (lambda x: mj.lax.neg(mj.lax.neg(x)), 0),
    "transposes": (lambda x: x.reshape(1, 7).T.T, 1),
    "transposes of three axes": (
        lambda x: mj.lax.transpose(mj.lax.transpose(x.reshape(1, 7, 1), (1, 2, 0)), (1, 2, 0)),
        2,
    ),
    "reshapes": (lambda x: x.reshape(7, 1).reshape(1, 7).reshape(7), 0),
    "sum of an axis of 1 is not x": (lambda x: x[:, None].sum(1), 2),
    "sum of a sum": (lambda x: x.sum().reshape(1, 1).sum(0), 2),
    "max of an axis of 1": (lambda x: x[:, None].max(1), 0),
    "twice the same": (lambda x: jnp.sin(x) * jnp.sin(x), 2),
    "almost the same: parameters that are equal": (
        lambda x: [mj.lax.sign(jnp.copysign(1.0, jnp.take(x, OUTSIDE, mode="fill", fill_value=v))) for v in FILLS],
        None,
    ),
    "numbers": (lambda x: x * (mj.lax.sin(jnp.float32(2)) + 3.0), 1),
    "f of a broadcast": (lambda x: jnp.exp(jnp.broadcast_to(x[0] * 2, (7,))) * x, 5),
    "a number made of a number, spread twice": (
        lambda x: -jnp.broadcast_to(2.0, (3,)).reshape(3, 1) * jnp.broadcast_to(x, (3, 7)),
        3,
    ),
    "a broadcast of a broadcast": (
        lambda x: mj.lax.broadcast_in_dim(mj.lax.broadcast_in_dim(x, (3, 7), (1,)), (3, 2, 7), (0, 2)) * 1.0,
        1,
    ),
    "a broadcast that meets an array": (lambda x: jnp.broadcast_to(x[None], (3, 7)) + jnp.ones((3, 7)) * x, 4),
    "a number brought to a shape": (lambda x: mj.lax.reshape(0.0, (1,)) + mj.lax.iota("float32", 1), 3),
    "two sums bring the same array to a shape": (
        lambda x: (lambda k: [(k * y).sum(-1) for y in (x[:3], x[2:5])])(jnp.exp(x[None, :, None] - x[:3])),
        11,
    ),
    "stop_gradient": (lambda x: mj.lax.stop_gradient(x), 0),
    "select of the same": (lambda x: jnp.where(x > 0, x, x), 0),
    "in a loop": (lambda x: mj.lax.fori_loop(0, 3, lambda i, c: c * 1.0, x), 1),
    "random bits of one key": (
        lambda x: mj.random.uniform(mj.random.key(0), (7,)) + mj.random.uniform(mj.random.key(0), (7,)),
        None,
    ),
}


@pytest.mark.parametrize("name", SMALLER)
def test_what_is_left(name):
    function, count = SMALLER[name]
    jaxpr = mj.make_jaxpr(function)(X)
    check(jaxpr, [X])
    if count is not None:
        assert len(passes.optimized(jaxpr).eqns) == count, passes.optimized(jaxpr)


def test_what_has_effects_stays(capsys):
    def function(x):
        mj.debug.print("{}", x)
        mj.debug.print("{}", x)
        return x

    after = passes.optimized(mj.make_jaxpr(function)(1.0))
    assert [eqn.primitive.name for eqn in after.eqns] == ["debug_print", "debug_print"]


def test_the_same_jaxpr_stays_the_same():
    """A jaxpr that is called twice stays one function."""
    jaxpr = mj.make_jaxpr(jnp.sin)(1.0)
    assert passes.optimized(jaxpr) is passes.optimized(jaxpr)


def test_stages_are_printable():
    def function(x):
        jnp.cos(x)
        return (x * 1.0 + (mj.lax.mul(2.0, 3.0))) * jnp.broadcast_to(jnp.exp(x[0]), (7,))

    shown = [(name, str(after)) for name, after in passes.stages(mj.make_jaxpr(function)(X))]
    assert [name for name, _ in shown] == [
        "dead_code", "fold_constants", "identities", "fuse_broadcasts", "common_subexpressions",
        "contractions", "shared_reshapes", "dead_code",
    ]  # fmt: skip
    texts = [text for _, text in shown]
    assert "cos" not in texts[0]
    assert "6.0:f32[]" not in texts[0]
    assert "6.0:f32[]" in texts[1]
    assert "mul a 1.0" in texts[1]
    assert "mul a 1.0" not in texts[2]
    assert "broadcast_in_dim" in texts[2]
    assert "broadcast_in_dim" not in texts[-1]


def test_a_planted_fault_is_seen(monkeypatch):
    monkeypatch.setitem(passes.IDENTITIES, "sub", lambda eqn, makers: eqn.invars[0])
    with pytest.raises(AssertionError):
        check(mj.make_jaxpr(lambda x: x - 2.0)(X), [X])


# ---------------------------------------------------------------------------------------------------------------------
# Sums of products as matrix products


def normal(*shape, dtype=np.float32):
    values = np.random.default_rng(sum(shape)).standard_normal(shape)
    return (values * (1 + 1j) if np.dtype(dtype).kind == "c" else values).astype(dtype)


K, ALPHA, G = normal(6, 4, 5), normal(4, 5), normal(6, 4)

# Programs, their arguments, and the primitives of what is left; reshapes are shown where there is nothing else to make them.
CONTRACTED = {
    "inner product": (lambda x, y: (x * y).sum(), (K, K), "reshape reshape dot_general"),
    "squares": (lambda x: (x**2).sum(), (K,), "reshape dot_general"),
    "rows with a vector": (lambda x, y: (x * y).sum(-1), (G, normal(4)), "dot_general"),
    "columns with a vector": (lambda x, y: (x * y[:, None]).sum(0), (G, normal(6)), "dot_general"),
    "a matrix product": (lambda x, y: (x[:, :, None] * y).sum(1), (G, normal(4, 3)), "dot_general"),
    "transposed": (lambda x, y: (x[:, None, :] * y).sum(2), (G, normal(3, 4)), "dot_general"),
    "for each unit": (lambda k, a: (k * a).sum(-1), (K, ALPHA), "dot_general transpose"),
    "over the batch": (lambda k, g: (k * g[..., None]).sum(0), (K, G), "dot_general"),
    "numbers before the sum": (
        lambda k, a: (2.0 * k * (a * -3.0)).sum(-1),
        (K, ALPHA),
        "mul dot_general transpose mul",
    ),
    "numbers before a sum": (lambda k: (2.0 * k * 3.0).sum(0), (normal(9, 500),), "reduce_sum mul"),
    "numbers before a short sum": (
        lambda k: (2.0 * k * 3.0).sum(1),
        (normal(900, 5),),
        "broadcast_in_dim dot_general mul",
    ),
    "numbers before a small sum": (lambda k: (2.0 * k * 3.0).sum(-1), (K,), "mul mul reduce_sum"),
    "a factor before a sum": (lambda k, g: (k * g).sum(0), (normal(9, 500), normal(500)), "reduce_sum mul add"),
    "factors before the sum": (
        lambda k, a, g: (k * g[..., None] * (2.0 * a)).sum(-1),
        (K, ALPHA, G),
        "mul dot_general transpose mul add",
    ),
    "four factors": (
        lambda k, x, a, g: (a * g[..., None] * k * (x * 3.0)).sum(-1),
        (K, K, ALPHA, G),
        "mul dot_general transpose mul add mul",
    ),
    "one factor lacks an axis that is summed": (
        lambda k, a: (k * a).sum((0, 2)),
        (K, ALPHA),
        "reduce_sum mul reduce_sum",
    ),
    "two axes": (lambda k, y: (k[:, None] * y).sum((2, 3)), (K, normal(3, 4, 5)), "dot_general"),
    "all of one shape, along a last axis of some length": (
        lambda x, y: (x * y).sum(-1),
        (normal(3, 100), normal(3, 100)),
        "dot_general",
    ),
    "all of one shape, along a short axis": (lambda x, y: (x * y).sum(-1), (K, K), "mul reduce_sum"),
    "all of one shape, along a short axis of many": (
        lambda x, y: (x * y).sum(-1),
        (normal(900, 5), normal(900, 5)),
        "mul broadcast_in_dim dot_general",
    ),
    "a short axis of many": (lambda x: x.sum(-1), (normal(900, 5),), "broadcast_in_dim dot_general"),
    "a long axis": (lambda x: x.sum(-1), (normal(10, 500),), "reduce_sum"),
    "a first axis": (lambda x: x.sum(0), (normal(5, 900),), "reduce_sum"),
    "used elsewhere": (lambda x, y: ((x * y).sum(-1), x * y), (G, normal(4)), "mul reduce_sum"),
    "a part used elsewhere": (
        lambda x, y: ((x * x * y).sum(-1), x * x),
        (G, normal(4)),
        "mul dot_general",
    ),
    "an axis along which nothing varies": (
        lambda x, y: (jnp.broadcast_to(x, (3, 5, 4)) * y[None, None]).sum(2),
        (normal(4), normal(4)),
        "dot_general broadcast_in_dim",
    ),
    "axes along which nothing varies": (
        lambda x, y: (jnp.broadcast_to(x[:, None, None], (5, 3, 1, 4)) * y[None, :]).sum(3, keepdims=True),
        (normal(3, 4)[:, 0][:3], normal(1, 1, 4)),
        None,
    ),
    "in the way of a matrix product": (lambda x, y: (x * y).sum(0), (K, normal(6, 1, 5)), "mul reduce_sum"),
    "integers": (lambda x, y: (x * y).sum(-1), (np.int32([[1, 2]]), np.int32([3, 4])), "mul reduce_sum"),
    "half precision": (
        lambda x, y: (x * y).sum(-1),
        (np.float16([[1, 2]]), np.float16([3, 4])),
        "mul convert_element_type reduce_sum convert_element_type",
    ),
    "complex": (lambda x, y: (x * y).sum(-1), (normal(3, 4, dtype="F"), normal(4, dtype="F")), "dot_general"),
    "of nothing": (
        lambda x, y: (x * y).sum(-1),
        (np.zeros((3, 0), np.float32), np.zeros(0, np.float32)),
        "mul reduce_sum",
    ),
    "a scale that keeps squares small": (lambda x: ((x * 1e-20) ** 2).sum(), (normal(9) * 1e22,), "mul dot_general"),
    "a number that is not moderate": (lambda x: (x * 1e-30).sum(0), (normal(9, 500) * 3e37,), "mul reduce_sum"),
    "a scale that is not known": (
        lambda x, y, c: (x * c * y).sum(-1),
        (G * 1e22, normal(4) * 1e22, np.float32(1e-20)),
        "mul dot_general",
    ),
    "a scale that is not known, of one factor": (
        lambda x, c: (x * c).sum(0),
        (normal(9, 500) * 3e37, np.float32(1e-20)),
        "mul reduce_sum",
    ),
    "transpose of a product": (lambda x, y: (x @ y).T, (G, normal(4, 3)), "dot_general"),
    "transpose of a product used elsewhere": (
        lambda x, y: ((x @ y).T, x @ y),
        (G, normal(4, 3)),
        "dot_general transpose",
    ),
}


@pytest.mark.parametrize("name", CONTRACTED)
def test_contractions(name):
    function, args, left = CONTRACTED[name]
    jaxpr = mj.make_jaxpr(function)(*args)
    args = list(map(jnp.asarray, args))
    check(jaxpr, args)
    after = passes.optimized(jaxpr)
    check_jaxpr(after)
    names = [eqn.primitive.name for eqn in after.eqns]
    assert left is None or [n for n in names if n != "reshape" or n in left] == left.split()


def test_random_contractions():
    """Products of one to four factors, each along some of the axes, in any shape that broadcasts; summed over any axes."""
    contracted = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        sizes = rng.choice([1, 2, 3, 5, 70], rng.integers(1, 5))
        axes = tuple(int(i) for i in np.flatnonzero(rng.random(len(sizes)) < 0.5))
        arrays = [normal(*np.where(rng.random(len(sizes)) < 0.6, sizes, 1)) for _ in range(rng.integers(1, 5))]
        kinds = rng.integers(0, 4, len(arrays))

        def function(*arrays, kinds=kinds, sizes=sizes, axes=axes):
            product = jnp.ones(()) * 1.5
            for kind, x in zip(kinds, arrays):
                product = product * [x, 2.0 * x, jnp.broadcast_to(x, sizes), x**2][kind]
            return product.sum(axes), jnp.broadcast_to(product, sizes).sum(axes)

        jaxpr = mj.make_jaxpr(function)(*arrays)
        check(jaxpr, list(map(jnp.asarray, arrays)))
        check_jaxpr(passes.optimized(jaxpr))
        contracted += "dot_general" in str(passes.optimized(jaxpr))
    assert contracted > 30


def zero_or_one(*shape):
    """Numbers of both signs, and zeros of both signs."""
    return np.random.default_rng(len(shape)).choice(np.float32([0.0, -0.0, 1.0, -2.0]), shape)


SUBSETS = [axes for n in range(4) for axes in itertools.combinations(range(3), n)]


def positive(*shape):
    """Numbers of one sign: their sums have small rounding errors."""
    return np.abs(normal(*shape))


@pytest.mark.parametrize("values", [positive, zero_or_one])
@pytest.mark.parametrize("summed", SUBSETS)
@pytest.mark.one_in(8)
def test_products_of_two_factors_along_any_axes(values, summed):
    """Each factor varies along any of three axes; the sum is over any of them. So `outer(x, y).sum()` is among them."""
    sizes, seen = (2, 3, 4), 0
    for along in itertools.product(SUBSETS, SUBSETS):
        args = [jnp.asarray(values(*[n if i in axes else 1 for i, n in enumerate(sizes)])) for axes in along]

        def function(x, y):
            return (jnp.broadcast_to(x, sizes) * y * -1.5).sum(summed)

        weights = positive(*np.delete(sizes, summed))
        for f in (function, mj.grad(lambda x, y, weights=weights: (function(x, y) * weights).mean(), (0, 1))):
            jaxpr = mj.make_jaxpr(f)(*args)
            after = passes.optimized(jaxpr)
            check_jaxpr(after)
            expected = eval_jaxpr(jaxpr.jaxpr, jaxpr.consts, *args)
            for a, b in zip(eval_jaxpr(after.jaxpr, after.consts, *args), expected, strict=True):
                assert_close(a._value, b._value, (along, summed))
                assert_same_zeros(a._value, b._value, (along, summed))
            seen += 1
    assert seen == 2 * len(SUBSETS) ** 2


def with_one_infinity(*shape):
    """Zeros and ones, and an infinity at one place."""
    values = np.random.default_rng(len(shape)).choice(np.float32([0.0, 1.0, -2.0]), shape)
    values[tuple(n // 2 for n in shape)] = INF
    return values


@pytest.mark.parametrize("summed", SUBSETS)
@pytest.mark.one_in(3)
def test_no_element_comes_into_a_sum_that_it_was_not_in(summed):
    """An infinity or a NaN spoils the results that it is a part of, and no others."""
    sizes = (2, 3, 4)
    for along in itertools.product(SUBSETS, SUBSETS):
        shapes = [[n if i in axes else 1 for i, n in enumerate(sizes)] for axes in along]
        for spoilt in itertools.product([zero_or_one, with_one_infinity], repeat=2):
            args = [jnp.asarray(values(*shape)) for values, shape in zip(spoilt, shapes)]
            jaxpr = mj.make_jaxpr(lambda x, y: (jnp.broadcast_to(x, sizes) * y * 2.0).sum(summed))(*args)
            after = passes.optimized(jaxpr)
            (got,) = eval_jaxpr(after.jaxpr, after.consts, *args)
            (expected,) = eval_jaxpr(jaxpr.jaxpr, jaxpr.consts, *args)
            np.testing.assert_array_equal(np.isfinite(got), np.isfinite(expected), (along, summed))


SECOND_DERIVATIVES = {
    "sin": lambda x: jnp.sum(jnp.sin(x)),
    "square": lambda x: jnp.sum(x**2),
    "product": lambda x: jnp.sum(jnp.tanh(x) * x),
    "mean": lambda x: jnp.mean(x**3),
    "logarithm": lambda x: jnp.log(jnp.sum(x * x)),
    "inner product": lambda x: x @ jnp.cos(x),
    "outer product": lambda x: jnp.outer(x, jnp.cos(x)).sum(),
}
MODES = {
    "hessian": mj.hessian,
    "forward over forward": lambda f: mj.jacfwd(mj.jacfwd(f)),
    "reverse over reverse": lambda f: mj.jacrev(mj.jacrev(f)),
    "reverse over forward": lambda f: mj.jacrev(mj.jacfwd(f)),
    "gradient": mj.grad,
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SECOND_DERIVATIVES)
@pytest.mark.parametrize("n", [1, 3, 70])
@pytest.mark.one_in(8)
def test_an_infinity_among_others_in_second_derivatives(name, mode, n):
    x = jnp.full(n, 0.5).at[n // 2].set(INF)
    derivative = MODES[mode](SECOND_DERIVATIVES[name])
    got, expected = mj.jit(derivative)(x), derivative(x)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))


NOT_FINITE = [
    ([0.0, 1.0], [INF, 1.0]),
    ([INF, 1.0], [1.0, 0.0]),
    ([INF, INF], [1.0, -1.0]),
    ([NAN, 1.0], [0.0, 0.0]),
    ([-INF, 2.0], [2.0, 3.0]),
    ([1.0, 2.0], [NAN, INF]),
]


@pytest.mark.parametrize(("x", "y"), NOT_FINITE)
def test_contractions_of_what_is_not_finite(x, y):
    """0 * inf within a contraction is NaN, as is inf - inf."""
    x, y = jnp.asarray(x), jnp.asarray(y)
    many = jnp.broadcast_to(x, (40, 2)) * jnp.ones((40, 1))
    for function in (
        lambda x, y, many: (x * y).sum(),
        lambda x, y, many: (many * y).sum(-1),
        lambda x, y, many: (many * 2.0 * y).sum(-1),
        lambda x, y, many: (many[:, None, :] * jnp.stack([y, -y, y])).sum(-1),
        lambda x, y, many: jnp.tile(many, (60, 1)).sum(-1),
    ):
        check(mj.make_jaxpr(function)(x, y, many), [x, y, many])


def test_what_is_not_finite_before_the_sum_stays_so():
    g = jnp.asarray(np.float32([INF, NAN, -INF, 0.0, 2.0]))
    k = jnp.tile(jnp.asarray(np.float32([[1, -2], [1, 1], [0, 0], [INF, 1], [NAN, 1]])), (1, 500))
    jaxpr = mj.make_jaxpr(lambda g, k: (g[:, None] * k).sum(1))(g, k)
    after = passes.optimized(jaxpr)
    assert [eqn.primitive.name for eqn in after.eqns] == ["reduce_sum", "mul", "add"]
    (got,) = eval_jaxpr(after.jaxpr, after.consts, g, k)
    assert not np.isfinite(got).any()


def test_a_contraction_is_differentiated_and_mapped_as_ever():
    def network(x, centers, alpha):
        return (alpha * jnp.exp(-((x[..., None] - centers) ** 2))).sum(-1)

    x, centers, alpha = normal(6, 4), normal(5), ALPHA

    def loss(x, centers, alpha):
        return (network(x, centers, alpha) ** 2).sum()

    for function in (mj.grad(loss, (0, 1, 2)), mj.vmap(mj.grad(loss, 2), (0, None, None)), mj.hessian(loss, 1)):
        jaxpr = mj.make_jaxpr(function)(x, centers, alpha)
        check(jaxpr, list(map(jnp.asarray, (x, centers, alpha))))
        assert "dot_general" in str(passes.optimized(jaxpr))


def test_a_planted_contraction_is_seen(monkeypatch):
    from minijax.lowering import contraction

    monkeypatch.setattr(contraction, "_numbers", lambda numbers, aval: (None, []))
    with pytest.raises(AssertionError):
        check(mj.make_jaxpr(lambda x: (x * 2.0 * x).sum())(X), [jnp.ones(7)])


def test_equations_whose_parameters_differ_in_type_alone_are_not_equal():
    """1 == True == 1.0, and 0.0 == -0.0: each is another parameter."""
    same_p = Primitive("same")
    same_p.def_impl(lambda x, *, k: x)
    same_p.def_abstract_eval(lambda x, *, k: x)
    parameters = [1, True, 1.0, np.int32(1), 0.0, -0.0, "1", 1, True]
    jaxpr = mj.make_jaxpr(lambda x: [same_p.bind(x, k=k) for k in parameters])(1.0)
    left = passes.common_subexpressions(jaxpr.jaxpr).eqns
    assert [repr(e.params["k"]) for e in left] == ["1", "True", "1.0", "np.int32(1)", "0.0", "-0.0", "'1'"]
