"""What a jaxpr goes through before it is written as a program: no pass changes a bit of any result."""

from __future__ import annotations

import numpy as np
import pytest
from op_table import OPS, Op, arrays
from test_numpy_source import PROGRAMS

import minijax as mj
import minijax.lax
import minijax.numpy as jnp
from minijax.jaxpr import eval_jaxpr
from minijax.lowering import passes

CASES = [pytest.param(op, id=f"{i}-{op.name}") for i, op in enumerate(OPS)]
INF, NAN = float("inf"), float("nan")
X = jnp.asarray(np.float32([0.0, -0.0, 1.5, -2.0, INF, -INF, NAN]))


def check(closed_jaxpr, args):
    expected = eval_jaxpr(closed_jaxpr.jaxpr, closed_jaxpr.consts, *args)
    for name, after in passes.stages(closed_jaxpr):
        got = eval_jaxpr(after.jaxpr, after.consts, *args)
        for a, b in zip(got, expected, strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype), name
            assert a._value.tobytes() == b._value.tobytes() or np.array_equal(a._value, b._value, equal_nan=True), name
            if a.dtype.kind == "f":
                numbers = ~np.isnan(b._value)
                np.testing.assert_array_equal(np.signbit(a._value)[numbers], np.signbit(b._value)[numbers], name)


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name):
    function, *args = PROGRAMS[name]
    check(mj.make_jaxpr(function)(*args), args)


@pytest.mark.parametrize("op", CASES)
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
    "numbers": (lambda x: x * (mj.lax.sin(jnp.float32(2)) + 3.0), 1),
    "f of a broadcast": (lambda x: jnp.exp(jnp.broadcast_to(x[0] * 2, (7,))) * x, 5),
    "a broadcast that meets an array": (lambda x: jnp.broadcast_to(x[None], (3, 7)) + jnp.ones((3, 7)) * x, 4),
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
    """So that what is called twice stays one function."""
    jaxpr = mj.make_jaxpr(jnp.sin)(1.0)
    assert passes.optimized(jaxpr) is passes.optimized(jaxpr)


def test_stages_are_printable():
    def function(x):
        jnp.cos(x)
        return (x * 1.0 + (mj.lax.mul(2.0, 3.0))) * jnp.broadcast_to(jnp.exp(x[0]), (7,))

    shown = [(name, str(after)) for name, after in passes.stages(mj.make_jaxpr(function)(X))]
    assert [name for name, _ in shown] == [
        "dead_code", "fold_constants", "identities", "fuse_broadcasts", "identities", "common_subexpressions", "dead_code",
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
