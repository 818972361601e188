"""A KeyboardInterrupt at any instruction of the package leaves the current trace, the configuration, the named axes and NumPy's
handling of errors as they were, and a program that was interrupted gives the right result when it runs again.

The interrupt is raised by a trace function before the k-th instruction that runs in a file of the package, for k = 0, 1, 2, ...
HYPOTHESIS_PROFILE=long tries every k. Otherwise k goes in wide steps, and takes each instruction around one that changes such a
state, in the first program that runs it: within a function that puts the states back, and outside of these.

Python itself interrupts at fewer places: where a function begins, after a call, and where a loop goes back. One window remains,
and `WINDOWS` lists it: the user's own `with` blocks. An interrupt in their `__exit__` comes before the former value is back.
"""

from __future__ import annotations

import dis
import functools
import sys
import types
from collections.abc import Callable

import numpy as np
import pytest
from thinned import LONG

import minijax
import minijax.lax as lax
import minijax.numpy as jnp
from minijax import config
from minijax.core.traces import axis_env, thread_state
from minijax.experimental.jet import jet
from minijax.foundation.config import _set_by_blocks
from minijax.foundation.source_info import PACKAGE_DIRECTORY, context

# The number of interrupts for each program, about.
INTERRUPTS = 6


def state() -> dict:
    return {
        "trace": thread_state.trace,
        "origin": context.origin,
        "axes": axis_env(),
        "options": {name: getattr(config, name) for name in config._values},
        "NumPy's errors": np.geterr(),
    }


@functools.cache
def around_changes(code: types.CodeType) -> frozenset[int]:
    """The offsets of the instructions around those that change a state: up to four before them, and two after."""
    instructions = [i for i in dis.get_instructions(code) if i.opname != "CACHE"]
    changes = [n for n, i in enumerate(instructions) if (i.opname, i.argval) in CHANGES]
    return frozenset(i.offset for n in changes for i in instructions[max(n - 4, 0) : n + 3])


CHANGES = {
    ("STORE_ATTR", "trace"),
    ("STORE_ATTR", "origin"),
    ("LOAD_GLOBAL", "float_errors"),
    ("LOAD_GLOBAL", "_set_by_blocks"),
}
# The instructions around changes at which a test has interrupted a program: the code object, the offset, and whether a function
# stands around that puts the states back too.
Instruction = tuple[types.CodeType, int, bool]
tried: set[Instruction] = set()


def is_within(frame: types.FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_name != "enter":
        frame = frame.f_back
    return frame is not None


class Injector:
    """Runs a function, and raises a KeyboardInterrupt before the k-th instruction in the package's files."""

    def __init__(self, k: int | None):
        self.k = k
        self.count = 0
        self.place = ""
        self.around: dict[Instruction, int] = {}  # {instruction around a change: when it runs first}

    def local(self, frame, event, arg):
        if event == "opcode":
            if self.count == self.k:
                self.count += 1
                sys.settrace(None)
                self.place = f"{frame.f_code.co_filename}:{frame.f_lineno} ({frame.f_code.co_name}, {frame.f_lasti})"
                raise KeyboardInterrupt
            if self.k is None and frame.f_lasti in around_changes(frame.f_code):
                self.around.setdefault((frame.f_code, frame.f_lasti, is_within(frame.f_back)), self.count)
            self.count += 1
        return self.local

    def start(self, frame, event, arg):
        if not frame.f_code.co_filename.startswith(PACKAGE_DIRECTORY):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self.local

    def run(self, function: Callable):
        before = sys.gettrace()
        sys.settrace(self.start)
        try:
            return function()
        finally:
            sys.settrace(before)


def interrupted(function: Callable, k: int) -> str | None:
    """The place of the interrupt; None if the function has fewer instructions."""
    injector = Injector(k)
    try:
        injector.run(function)
    except KeyboardInterrupt:
        # Not the injected interrupt: somebody presses Ctrl-C. `check` would take None for the end of the program, and pass.
        if not injector.place:
            raise
    return injector.place or None


def test_ctrl_c_ends_the_test_and_an_injected_interrupt_does_not():
    def pressed():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted(pressed, 0)
    assert interrupted(lambda: jnp.sin(X), 0).startswith(PACKAGE_DIRECTORY)


# ---------------------------------------------------------------------------------------------------------------------
# Programs


def f(x):
    return jnp.sum(jnp.sin(x) * x / 2)


@minijax.custom_jvp
def squared(x):
    return x * x


squared.defjvp(lambda primals, tangents: (primals[0] * primals[0], 2 * primals[0] * tangents[0]))


@minijax.custom_vjp
def doubled(x):
    return 2 * x


doubled.defvjp(lambda x: (2 * x, x), lambda x, ct: (ct * 2,))

X = jnp.float32([1, 2, 3])


def new_jit(function):
    """A jitted function that nobody has called: `jit` shares programs between the jits of one function."""
    return minijax.jit(lambda *args: function(*args))


def within(context_manager: Callable, function: Callable):
    with context_manager():
        return function()


later = minijax.jit(f)
later_gradient = minijax.jit(minijax.grad(f))
PROGRAMS = {
    "eager": lambda: jnp.sum(X * 2 / jnp.float32([0, 1, 2])),
    "NumPy arrays": lambda: jnp.asarray(np.float32([1, 2])) + jnp.array([1, 2], jnp.int8),
    "update": lambda: X.at[1].add(2.0),
    "grad": lambda: minijax.grad(f)(X),
    "value_and_grad": lambda: minijax.value_and_grad(f)(X),
    "vjp": lambda: minijax.vjp(f, X)[1](jnp.float32(1.0)),
    "jvp": lambda: minijax.jvp(f, (X,), (X,)),
    "linearize": lambda: minijax.linearize(f, X)[1](X),
    "linear_transpose": lambda: minijax.linear_transpose(lambda x: 2 * x, X)(X),
    "hessian": lambda: minijax.hessian(f)(X),
    "vmap": lambda: minijax.vmap(lambda x: lax.psum(x, "i") * x, axis_name="i")(X),
    "vmap of grad": lambda: minijax.vmap(minijax.grad(lambda x: x * lax.axis_index("i")), axis_name="i")(X),
    "jit, first call": lambda: new_jit(f)(X),
    "jit, later call": lambda: later(X),
    "jit of grad": lambda: new_jit(minijax.grad(f))(X),
    "jit of grad, later call": lambda: later_gradient(X),
    "grad of jit": lambda: minijax.grad(new_jit(f))(X),
    "jit of vmap": lambda: new_jit(minijax.vmap(lambda x: x * lax.psum(x, "i"), axis_name="i"))(X),
    "make_jaxpr": lambda: str(minijax.make_jaxpr(minijax.grad(f))(X)),
    "make_jaxpr with axes": lambda: str(minijax.make_jaxpr(lambda x: lax.psum(x, "i"), axis_env=[("i", 2)])(X)),
    "lower": lambda: minijax.jit(f).lower(X).as_text(),
    "lower for XLA": lambda: minijax.jit(f).lower(X, compiler="xla").as_text(),
    "scan": lambda: lax.scan(lambda c, x: (c * x, c), jnp.float32(1), X),
    "grad of scan": lambda: minijax.grad(lambda x: lax.scan(lambda c, x: (c * x, c), jnp.float32(1), x)[0])(X),
    "cond": lambda: lax.cond(X[0] > 0, jnp.sin, jnp.cos, X),
    "vmap of cond": lambda: minijax.vmap(lambda x: lax.cond(x > 2, jnp.sin, jnp.cos, x))(X),
    "while_loop": lambda: lax.while_loop(lambda c: c < 4, lambda c: c * 2, jnp.float32(1)),
    "fori_loop": lambda: lax.fori_loop(0, 3, lambda i, c: c + i, 0),
    "custom_jvp": lambda: minijax.grad(lambda x: squared(x).sum())(X),
    "custom_vjp": lambda: minijax.grad(lambda x: doubled(x).sum())(X),
    "jit of custom_vjp": lambda: new_jit(minijax.grad(lambda x: doubled(x).sum()))(X),
    "checkpoint": lambda: minijax.grad(minijax.checkpoint(f))(X),
    "pure_callback": lambda: minijax.pure_callback(np.sin, minijax.ShapeDtypeStruct((3,), np.float32), X),
    "ensure_compile_time_eval": lambda: new_jit(
        lambda x: x * within(minijax.ensure_compile_time_eval, lambda: int(jnp.arange(3).sum()))
    )(X),
    "pmap": lambda: minijax.pmap(lambda x: x + lax.psum(x, "i"), axis_name="i")(X[:1]),
    "grad of pmap": lambda: minijax.grad(lambda x: minijax.pmap(jnp.sin)(x).sum())(X[:1]),
    "jet": lambda: jet(jnp.sin, (X,), ((X, X),)),
    "random": lambda: minijax.random.normal(minijax.random.split(minijax.random.key(0))[0], (2,)),
}
BLOCKS = {
    "disable_jit": lambda: within(minijax.disable_jit, lambda: later(X)),
    "enable_x64": lambda: within(minijax.enable_x64, lambda: jnp.sin(X)),
    "debug_nans": lambda: within(minijax.debug_nans, lambda: jnp.sin(X)),
}
# The functions of `foundation/config.py` in which an interrupt may leave an option set: at the last instructions of `__enter__`,
# where Python interrupts nobody, and before `__exit__` has begun its work.
WINDOWS = {"__enter__", "__exit__"}


def leaves(result) -> list:
    return [x if isinstance(x, str) else np.asarray(x) for x in minijax.tree.leaves(result)]


def check(name: str, program: Callable, windows: set[str], start: int):
    expected = leaves(program())
    program()
    counter = Injector(None)
    counter.run(program)
    step = 1 if LONG else max(1, counter.count // INTERRUPTS)
    new = [k for instruction, k in counter.around.items() if instruction not in tried]
    tried.update(counter.around)
    before = state()
    for k in sorted({*range(0 if LONG else start % step, counter.count, step), *new}):
        place = interrupted(program, k)
        if place is None:
            # The program is shorter now that it has run more often.
            break
        after = state()
        if after != before and any(f"({window}," in place for window in windows) and "config.py:" in place:
            # Listed. Put back by hand what the interrupt has left.
            restore(before)
            continue
        wrong = {what: (before[what], after[what]) for what in before if before[what] != after[what]}
        restore(before)
        assert not wrong, f"{name}: an interrupt at {place} leaves {wrong}"
        found = leaves(program())
        assert len(found) == len(expected)
        for a, b in zip(found, expected):
            np.testing.assert_array_equal(a, b, err_msg=f"{name} after an interrupt at {place}")


def restore(before: dict):
    thread_state.trace, context.origin = before["trace"], before["origin"]
    _set_by_blocks.set(None)
    np.seterr(**before["NumPy's errors"])


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(36)
def test_an_interrupt_leaves_no_trace(name):
    check(name, PROGRAMS[name], set(), list(PROGRAMS).index(name) * 7)


@pytest.mark.parametrize("name", BLOCKS)
def test_an_interrupt_in_a_block_of_the_users(name):
    check(name, BLOCKS[name], WINDOWS, list(BLOCKS).index(name) * 7)
