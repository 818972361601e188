"""Long programs: time and memory grow with the length and no faster, and nothing recurses over it.

What is compared between a length and four times it: the calls of Python functions, which are counted exactly; the peak of
the memory asked for, and, for what is done inside a single call (a list searched, a tuple copied), CPU time, both with room
for noise: linear work gives 4, quadratic work 16. `benchmarks/scaling.py` prints the table for 100,000 equations.
"""

from __future__ import annotations

import sys

import jax
import numpy as np
import pytest
from measure import cpu_seconds, peak_bytes

import minijax
import minijax.numpy as jnp

# ---------------------------------------------------------------------------------------------------------------------
# Measures


def calls(function) -> int:
    """The number of calls of Python functions and of C functions."""
    count = 0

    def profile(frame, event, arg):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def takes_linear_time(program, length: int) -> bool:
    """Whether four times the length takes less than nine times the CPU time, in one of three tries: a try may be disturbed."""
    least = cpu_seconds(program(length // 4))
    return any(cpu_seconds(program(length), repeats=1) < 9 * least for _ in range(3))


def test_the_measures_tell_quadratic_from_linear():
    def searching(n):
        return lambda: [i in range_list for range_list in [list(range(n))] for i in range_list]

    def calling(n):
        return lambda: [abs(j) for i in range(n) for j in range(i)]

    # Eight times the length: 8 if linear, 64 if quadratic.
    assert cpu_seconds(searching(4000)) > 20 * cpu_seconds(searching(500))
    assert calls(calling(400)) > 10 * calls(calling(100))
    assert not takes_linear_time(searching, 4000)


# ---------------------------------------------------------------------------------------------------------------------
# Straight-line programs


def straight_line(n, lib=minijax):
    """2n equations."""

    def f(x):
        for _ in range(n):
            x = lib.numpy.sin(x) * 1.0001
        return x

    return f


def one_variable_read_often(n):
    """The cotangents of one variable are summed n times."""

    def f(x):
        total = x
        for _ in range(n):
            total = total + x * 0.5
        return total

    return f


def wide(n):
    """A tree of many leaves, each computed by one equation."""
    return lambda x: sum(minijax.tree.map(lambda leaf: leaf * 2.0, [x + 1.0 for _ in range(n)]))


def parts(n):
    """n different equations that read the same operand."""
    return lambda x: [x[i] for i in range(n)]


def many_rows(n):
    """A scan with n results, each computed by one equation."""
    return lambda xs: minijax.lax.scan(lambda c, x: (c, [x * (i + 1.0) for i in range(n)]), 0.0, xs)


def many_constants(n):
    constants = [jnp.ones(1) * i for i in range(n)]

    def f(x):
        for c in constants:
            x = x + c
        return jnp.sum(x)

    return f


def printed(jaxpr):
    return lambda: str(jaxpr)


EVERYTHING = minijax.checkpoint_policies.everything_saveable

# A program: length -> a function without arguments.
PROGRAMS = {
    "make_jaxpr": lambda n: lambda: minijax.make_jaxpr(straight_line(n))(1.0),
    "print": lambda n: printed(minijax.make_jaxpr(straight_line(n))(1.0)),
    "jit": lambda n: lambda: minijax.jit(straight_line(n))(1.0),
    "grad": lambda n: lambda: minijax.grad(straight_line(n))(1.0),
    "grad of jit": lambda n: lambda: minijax.grad(minijax.jit(straight_line(n)))(1.0),
    "jit of grad": lambda n: lambda: minijax.jit(minijax.grad(straight_line(n)))(1.0),
    "print grad of jit": lambda n: printed(minijax.make_jaxpr(minijax.grad(minijax.jit(straight_line(n))))(1.0)),
    "jvp": lambda n: lambda: minijax.jvp(straight_line(n), (1.0,), (1.0,)),
    "vmap of jit": lambda n: lambda: minijax.vmap(minijax.jit(straight_line(n)))(jnp.ones(2)),
    "grad of checkpoint": lambda n: lambda: minijax.grad(minijax.checkpoint(straight_line(n)))(1.0),
    "grad of checkpoint, all saved": lambda n: (
        lambda: minijax.grad(minijax.checkpoint(straight_line(n), policy=EVERYTHING))(1.0)
    ),
    "grad of grad": lambda n: lambda: minijax.grad(minijax.grad(straight_line(n)))(1.0),
    "grad of cond": lambda n: (
        lambda: minijax.grad(lambda x: minijax.lax.cond(x > 0, straight_line(n), straight_line(n), x))(1.0)
    ),
    "grad, one variable read often": lambda n: lambda: minijax.grad(one_variable_read_often(n))(1.0),
    "grad, a wide tree": lambda n: lambda: minijax.grad(wide(n))(1.0),
    "jit, parts of one array": lambda n: lambda: minijax.jit(parts(n))(jnp.ones(1000)),
    "jit, rows of a scan": lambda n: lambda: minijax.jit(many_rows(n))(jnp.ones((2, 3))),
    "grad of jit, many constants": lambda n: lambda: minijax.grad(minijax.jit(many_constants(n)))(1.0),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(24)
def test_linear_in_the_number_of_equations(name):
    program = PROGRAMS[name]
    # The longest first, so that both counts find every number in the memo of constants, whatever ran before.
    program(600)()
    # 2 * 600 equations: more than Python allows frames.
    assert calls(program(600)) < 4.2 * calls(program(150))
    assert takes_linear_time(program, 600)


@pytest.mark.parametrize("name", ["make_jaxpr", "grad", "jit of grad", "grad of checkpoint"])
@pytest.mark.one_in(3)
def test_memory_is_linear_in_the_number_of_equations(name):
    program = PROGRAMS[name]
    assert peak_bytes(program(600)) < 6 * peak_bytes(program(150))


def test_gradient_of_a_long_program():
    n = 1500
    x, derivative = 1.0, 1.0
    for _ in range(n):
        derivative *= 1.0001 * np.cos(x)
        x = 1.0001 * np.sin(x)
    # 3,000 roundings of float32, each relative, add up.
    for f in (minijax.grad(straight_line(n)), minijax.grad(minijax.jit(straight_line(n)))):
        np.testing.assert_allclose(f(1.0), derivative, rtol=n * np.finfo(np.float32).eps)


@pytest.mark.parametrize("transform", [lambda f: f, lambda f: lambda x: minijax.jvp(f, (x,), (x,)), minijax.vmap])
def test_shared_functions_are_transformed_once(transform):
    """f_k calls f_(k-1) twice. As a tree of calls that is 2^k of them, as jaxprs k."""

    def doubled(depth):
        f = jnp.sin
        for _ in range(depth):
            f = minijax.jit(lambda x, f=f: f(f(x)))
        return lambda: minijax.make_jaxpr(transform(f))(np.float32([1]))

    assert calls(doubled(32)) < 9 * calls(doubled(4))


# ---------------------------------------------------------------------------------------------------------------------
# Scans


def scan_loss(n, lib=minijax):
    def loss(w):
        def step(h, x):
            h = lib.numpy.tanh(w @ h + x)
            return h, lib.numpy.sum(h)

        last, sums = lib.lax.scan(step, lib.numpy.ones(4), lib.numpy.linspace(0, 1, n))
        return lib.numpy.sum(last) + lib.numpy.mean(sums)

    return loss


w = (0.9 * np.eye(4)).astype(np.float32)
SCANS = {
    "grad": lambda n: lambda: minijax.grad(scan_loss(n))(w),
    "jit of grad": lambda n: lambda: minijax.jit(minijax.grad(scan_loss(n)))(w),
    "vmap of grad": lambda n: lambda: minijax.vmap(minijax.grad(scan_loss(n)))(w[None]),
    "grad of jvp": lambda n: lambda: minijax.grad(lambda w: minijax.jvp(scan_loss(n), (w,), (w,))[1])(w),
    "checkpointed body": lambda n: lambda: minijax.grad(minijax.checkpoint(scan_loss(n)))(w),
}


def test_gradient_of_a_scan_of_10_000_steps():
    got, want = minijax.grad(scan_loss(10_000))(w), jax.jit(jax.grad(scan_loss(10_000, jax)))(w)
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    # Sums of 10,000 terms, in another order than XLA's.
    np.testing.assert_allclose(got, want, rtol=1e4**0.5 * np.finfo(np.float32).eps)


@pytest.mark.parametrize("name", SCANS)
@pytest.mark.one_in(4)
def test_linear_in_the_number_of_steps(name):
    program = SCANS[name]
    program(2)()
    assert calls(program(1200)) < 4.2 * calls(program(300))
    assert takes_linear_time(program, 1200)
    assert peak_bytes(program(1200)) < 6 * peak_bytes(program(300))


def test_a_scan_keeps_its_residuals_and_little_else():
    """Each step makes four float32 by tanh and four of the carry; a copy of either may exist for a while."""
    n = 2000
    assert peak_bytes(SCANS["grad"](n)) < 4 * n * (4 + 4) * 4


def test_a_scan_is_one_equation_however_long():
    def size(n):
        return len(str(minijax.make_jaxpr(minijax.grad(scan_loss(n)))(w)).splitlines())

    assert size(10) == size(10_000)
