"""FLOPs and transcendentals are those of JAX's cost analysis before XLA optimises; the peak is that of a count by hand."""

from __future__ import annotations

from importlib import import_module

import jax
import numpy as np
import pytest

import minijax
from minijax.lowering.costs import (
    ALSO_ELEMENTWISE,
    ELEMENTWISE,
    MOVES,
    OPERATIONS,
    cost_of_jaxpr,
    counted,
    live_bytes,
    peak,
)

SMALL = ("acos asin asinh atan atanh ceil cos cosh digamma erf erf_inv erfc exp exp2 expm1 floor lgamma log log1p logistic"
         " neg abs sign round rsqrt sin sinh sqrt square tan tanh cbrt is_finite acosh stop_gradient").split()  # fmt: skip


def x(n):
    return np.linspace(0.1, 0.9, n, dtype=np.float32)


def m(*shape):
    return x(int(np.prod(shape))).reshape(shape)


def both_ways(jax, x):
    value, pull = jax.vjp(lambda x: jax.numpy.sin(x @ m(3, 4)), x)
    # The cotangent is no constant: XLA drops a product with ones when it reads the program.
    return value, pull(m(5, 4) + x.sum())


PROGRAMS = {
    **{name: (lambda jax, x, name=name: getattr(jax.lax, name)(x), x(6)) for name in SMALL},
    **{
        f"power {n}": (lambda jax, x, n=n: jax.lax.integer_pow(x, n), x(6))
        for n in (-8, -7, -3, -2, -1, 2, 3, 4, 5, 7, 8, 15)
    },
    "matmul": (lambda jax, x: x @ x.T, m(5, 3)),
    "batched": (lambda jax, x: jax.numpy.einsum("bij,bjk->bik", x, x.transpose(0, 2, 1)), m(4, 5, 3)),
    "outer": (lambda jax, x: jax.numpy.einsum("i,j->ij", x, x), x(6)),
    "sum": (lambda jax, x: x.sum(), m(3, 4)),
    "sum over an axis": (lambda jax, x: x.sum(axis=0), m(3, 4)),
    "mean": (lambda jax, x: jax.numpy.mean(x, axis=1), m(3, 4)),
    "max": (lambda jax, x: x.max(axis=1), m(3, 4)),
    "prod": (lambda jax, x: x.prod(), m(3, 4)),
    "argmax": (lambda jax, x: jax.lax.argmax(x, 1, np.int32), m(3, 4)),
    "cumsum": (lambda jax, x: jax.lax.cumsum(x, axis=1), m(3, 4)),
    "cumlogsumexp": (lambda jax, x: jax.lax.cumlogsumexp(x, axis=1), m(3, 4)),
    "sort": (lambda jax, x: jax.lax.sort(x), m(3, 5)),
    "choice": (lambda jax, x: jax.lax.select(x > 0.5, x, x * 2), m(3, 4)),
    "clamp": (lambda jax, x: jax.lax.clamp(0.2, x, 0.7), m(3, 4)),
    "conversion": (lambda jax, x: jax.lax.convert_element_type(x, np.int32), m(3, 4)),
    "bits": (lambda jax, x: jax.lax.bitcast_convert_type(x, np.int32), x(6)),
    "concatenate": (lambda jax, x: jax.numpy.concatenate([x, x]), x(6)),
    "transpose and reshape": (lambda jax, x: x.T.reshape(12), m(3, 4)),
    "pad": (lambda jax, x: jax.lax.pad(x, np.float32(0), [(1, 1, 0)]), x(6)),
    "atan2": (lambda jax, x: jax.lax.atan2(x, x), x(6)),
    "pow": (lambda jax, x: jax.lax.pow(x, x), x(6)),
    "rem": (lambda jax, x: jax.lax.rem(x, x), x(6)),
    "complex": (lambda jax, x: jax.lax.real(jax.lax.complex(x, x) * jax.lax.complex(x, x)), x(6)),
    "softplus by hand": (lambda jax, x: jax.numpy.log1p(jax.numpy.exp(-jax.numpy.abs(x))).sum(), x(6)),
    "a layer": (lambda jax, x: jax.numpy.tanh(x @ x.T + 1.0).sum(), m(5, 3)),
    "forwards and backwards": (lambda jax, x: both_ways(jax, x), m(5, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(3)
def test_as_jax_counts(name):
    program, value = PROGRAMS[name]
    theirs = jax.jit(lambda x: program(jax, x)).lower(value).cost_analysis()
    jaxpr = minijax.make_jaxpr(lambda x: program(minijax, x))(value)
    ours = cost_of_jaxpr(jaxpr)
    assert (ours.flops, ours.transcendentals) == (theirs.get("flops", 0), theirs.get("transcendentals", 0))
    assert all(counted(eqn) for eqn in jaxpr.eqns)
    found = minijax.jit(lambda x: program(minijax, x)).lower(value).cost_analysis()
    assert [found[name] for name in ("flops", "transcendentals")] == [ours.flops, ours.transcendentals]
    assert found["bytes accessed"] == ours.bytes


def primitive_of(library):
    """A user's primitive on that library: x -> sum(exp(x) * x), by the function that lowers it."""
    numpy = library.numpy

    def program(x):
        return (numpy.exp(x) * x).sum()

    found = import_module(f"{library.__name__}.extend.core").Primitive("spot_of_costs")
    found.def_impl(program)
    found.def_abstract_eval(lambda x: x.update(shape=()))
    mlir = import_module(f"{library.__name__}.interpreters.mlir")
    mlir.register_lowering(found, mlir.lower_fun(program, multiple_results=False))
    return found


def test_a_users_primitive_costs_what_it_is_lowered_to():
    theirs = primitive_of(jax)
    expected = jax.jit(lambda x: theirs.bind(x) + 1.0).lower(x(6)).cost_analysis()
    ours = primitive_of(minijax)
    jaxpr = minijax.make_jaxpr(lambda x: ours.bind(x) + 1.0)(x(6))
    cost = cost_of_jaxpr(jaxpr)
    assert (cost.flops, cost.transcendentals) == (expected["flops"], expected["transcendentals"]) == (12, 6)
    assert all(map(counted, jaxpr.eqns)) and minijax.cost(jaxpr).uncounted == ()
    # x, exp(x) and exp(x) * x are in memory at once, while the primitive runs.
    assert peak(jaxpr) >= 72
    # Without a function nobody knows what it computes.
    unknown = import_module("minijax.extend.core").Primitive("unknown_of_costs")
    unknown.def_abstract_eval(lambda x: x)
    assert minijax.cost(minijax.make_jaxpr(unknown.bind)(x(6))).uncounted == ("unknown_of_costs",)


def test_bytes_are_those_that_operations_read_and_write():
    theirs = jax.jit(lambda x: jax.numpy.sin(x) * x).lower(x(6)).cost_analysis()
    ours = cost_of_jaxpr(minijax.make_jaxpr(lambda x: minijax.numpy.sin(x) * x)(x(6)))
    assert ours.bytes == theirs["bytes accessed"] == 24 + 24 + 24 + 24 + 24


MEMORY = {
    "an operation": lambda numpy, x: x * 2,
    "two results": lambda numpy, x: (x * 2, x.sum()),
    "a product": lambda numpy, x: numpy.sin(x @ x.T) @ x,
    "an argument that is not read": lambda numpy, x: 3.0,
    "the argument itself": lambda numpy, x: x,
}


@pytest.mark.parametrize("name", MEMORY)
def test_memory_is_that_of_jaxs_program(name):
    """XLA counts eight bytes more for each of several results."""
    stats = [
        library.jit(lambda x, numpy=library.numpy: MEMORY[name](numpy, x)).lower(m(20, 5)).compile().memory_analysis()
        for library in (minijax, jax)
    ]
    ours, theirs = ([getattr(s, f"{kind}_size_in_bytes") for kind in ("argument", "output", "alias")] for s in stats)
    assert ours == [theirs[0], theirs[1] - (16 if name == "two results" else 0), 0]
    public = {attribute for attribute in dir(stats[1]) if attribute[0] != "_"} - {"serialized_buffer_assignment_proto"}
    assert public <= set(dir(stats[0]))
    # x @ x.T has 20 x 20 elements, and so has its sine.
    assert (stats[0].temp_size_in_bytes >= 1600) == (stats[1].temp_size_in_bytes >= 1600) == (name == "a product")


def test_no_primitive_is_in_two_tables():
    tables = [set(ELEMENTWISE), ALSO_ELEMENTWISE, MOVES, set(OPERATIONS)]
    assert sum(map(len, tables)) == len(set().union(*tables))


def test_what_a_call_costs():
    """A loop costs its body for each step, a choice its dearest branch, a jit what is in it."""
    lax = minijax.lax
    scan = minijax.make_jaxpr(lambda x: lax.scan(lambda c, _: (c * x, None), x, None, length=10)[0])(2.0)
    assert cost_of_jaxpr(scan).flops == 10
    cond = minijax.make_jaxpr(lambda x: lax.cond(True, lambda x: x * x * x, lambda x: minijax.numpy.sin(x), x))(2.0)
    assert (cost_of_jaxpr(cond).flops, cost_of_jaxpr(cond).transcendentals) == (2, 1)
    jit = minijax.make_jaxpr(minijax.jit(lambda x: x + x))(x(6))
    assert cost_of_jaxpr(jit).flops == 6


def test_a_jaxpr_says_its_cost():
    closed = minijax.make_jaxpr(lambda x: x @ x)(m(3, 3))
    assert closed.cost() == closed.jaxpr.cost() == minijax.cost(closed)
    assert closed.cost().flops == 54


def test_random_numbers_are_not_counted():
    jaxpr = minijax.make_jaxpr(lambda key: minijax.random.bits(key, (4,)))(minijax.random.key(0))
    assert not all(counted(eqn) for eqn in jaxpr.eqns)


def test_memory_by_hand():
    """a (24 bytes) is given; sin and cos of it live together with their sum, then the sum alone."""
    numpy = minijax.numpy

    def f(a):
        return numpy.exp(numpy.sin(a) + numpy.cos(a))

    jaxpr = minijax.make_jaxpr(f)(x(6))
    assert live_bytes(jaxpr) == [48, 72, 96, 72]
    assert peak(jaxpr) == 96
    # A result that nobody reads is freed at once.
    unread = minijax.make_jaxpr(lambda a: (numpy.sin(a), a + 1.0)[1])(x(6))
    assert live_bytes(unread) == [48, 48]
    inner = minijax.make_jaxpr(lambda a: minijax.jit(f)(a))(x(6))
    assert peak(inner) >= 96
