"""The two modes of minijax, with the fast path and without, compute the same bytes and write the same jaxprs."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from lowered_programs import PROGRAMS
from modes import loss, mode
from numpy_table import BINARY, INTEGER_BINARY, UNARY
from op_table import OPS, Op, arrays
from thinned import LONG, chosen, part

import minijax as mj
import minijax.lax
import minijax.numpy as jnp
from minijax import fast
from minijax.core import shortcuts

OPERATIONS = [pytest.param(i, id=f"{i}-{op.name}") for i, op in enumerate(OPS) if chosen(f"{i}-{op.name}", 8)]


def described(tree) -> list:
    """Everything that is known of each array of a tree: bytes, dtype, weak type, shape."""
    return [(np.asarray(x).tobytes(), x.dtype, x.weak_type, x.shape) for x in mj.tree.leaves(tree)]


def repeated(function, *args) -> list:
    """What a call gives at the first time and at the fourth."""
    results = [function(*args) for _ in range(4)]
    return [results[0], results[3]]


def of_operation(op: Op) -> list:
    """Of the first dtype, and of some of the others, not the same ones for each operation."""
    found = []
    for dtype in [d for d in op.dtypes if d == op.dtypes[0] or chosen(f"{op.name} {d}", 12)]:
        args = [x if x.dtype.kind == "V" else jnp.asarray(x) for x in arrays(op, dtype, np.random.default_rng(3))]
        function = functools.partial(op.function, minijax.lax)
        found += map(described, repeated(function, *args) + repeated(mj.jit(function), *args))
        if op.smooth and np.dtype(dtype).kind in "fc":
            f, smooth = loss(op, args)
            gradient = mj.value_and_grad(f, argnums=tuple(range(len(smooth))))
            found += map(described, repeated(gradient, *smooth) + repeated(mj.jit(gradient), *smooth))
            found += map(str, repeated(mj.make_jaxpr(gradient), *smooth))
    return found


def of_numbers(op: Op) -> list:
    """Values, tangents and gradients at Python's numbers, all of them weak or one: which results are weak."""
    numbers = [float(x.flat[0]) for x in arrays(op, "float32", np.random.default_rng(3))]
    function, found = functools.partial(op.function, minijax.lax), []
    try:
        function(*numbers)
    except (TypeError, ValueError, IndexError):
        return []  # An operation that takes no scalars, such as `rev`.
    n = len(numbers)
    for weak in dict.fromkeys([(True,) * n, (True, *[False] * (n - 1)), (*[False] * (n - 1), True)]):
        args = [jnp.asarray(x) if w else jnp.float32(x) for x, w in zip(numbers, weak)]
        gradient = mj.grad(lambda *args: jnp.sum(function(*args).real), op.smooth)
        found += map(described, [function(*args), mj.jvp(function, args, args), *repeated(gradient, *args)])
    return found


OF_NUMBERS = [
    pytest.param(i, id=f"{i}-{op.name}")
    for i, op in enumerate(OPS)
    if len(op.smooth) == len(op.shapes)
    and set(op.shapes) <= {(), (3, 4)}
    and not op.fixed
    and op.dtypes[0] == "float32"
    and chosen(f"{i}-{op.name}", 4)
]


def of_program(name: str) -> list:
    function, *args = PROGRAMS[name]
    found = [*map(described, repeated(mj.jit(function), *args)), *map(str, repeated(mj.make_jaxpr(function), *args))]
    return found


@pytest.fixture(scope="module")
def both_modes():
    """Everything, first with the fast path, then without: to switch is to forget every compiled program."""
    found = {}
    for fast_on in (True, False):
        with mode(fast_on):
            found[fast_on] = {i: of_operation(OPS[i]) for (i,) in (case.values for case in OPERATIONS)}
            found[fast_on] |= {("numbers", *case.values): of_numbers(OPS[case.values[0]]) for case in OF_NUMBERS}
            found[fast_on] |= {name: of_program(name) for name in PROGRAMS}
    return found


@pytest.mark.parametrize("i", OPERATIONS)
def test_every_operation(i, both_modes):
    assert both_modes[True][i] == both_modes[False][i]


@pytest.mark.parametrize("i", OF_NUMBERS)
def test_every_operation_of_numbers(i, both_modes):
    assert both_modes[True]["numbers", i] == both_modes[False]["numbers", i]


def test_most_operations_take_numbers(both_modes):
    assert sum(both_modes[True]["numbers", case.values[0]] != [] for case in OF_NUMBERS) > (50 if LONG else 10)


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name, both_modes):
    assert both_modes[True][name] == both_modes[False][name]


def test_every_place_has_a_route():
    assert set(fast.ROUTES) == set(shortcuts.PLACES)


def standing(place: str):
    owner, name = shortcuts._find(place)
    return vars(owner)[name]


def test_the_option_changes_what_stands_in_each_place():
    for fast_on in (True, False, True):
        with mode(fast_on):
            for place, route in fast.ROUTES.items():
                assert standing(place) is (route if fast_on else shortcuts.plain(place)), place


def test_a_jitted_function_forgets_its_programs_with_the_mode():
    f = mj.jit(lambda x: jnp.where(x > 0, x, 0.0) * 2)
    x = jnp.ones(100_000)
    for _ in range(3):
        f(x)
    with mode(False):
        assert f._cache_size() == 0
        assert described(f(x)) == described(x * 2)
    assert f._cache_size() == 0


def test_a_mode_that_is_planted_wrong_is_seen(monkeypatch):
    """The comparison can fail: a route that gets a weak type wrong."""
    i = next(i for i, op in enumerate(OPS) if op.name == "neg")
    with mode(False):
        expected = of_operation(OPS[i])
    place = "core.array:EvalTrace.process_primitive"

    def turns_weak(self, primitive, args, params):
        out = shortcuts.plain(place)(self, primitive, args, params)
        return out if primitive.name != "neg" else type(out)(out._value, not out.weak_type)

    monkeypatch.setitem(fast.ROUTES, place, turns_weak)
    with mode(True):
        assert of_operation(OPS[i]) != expected
    # And the route that belongs there is put back by `mode`, after `monkeypatch` has put it back in the table.
    monkeypatch.undo()
    shortcuts.install(place, fast.ROUTES[place])


def test_operands_of_every_type_weak_and_strong():
    """Every elementwise function of jnp, over scalars and arrays of each dtype, weak and strong: the jaxprs of both modes. A weak
    boolean is what a comparison of numbers gives."""
    zero = jnp.zeros(2)
    values = [0.5, 2, 1j, jnp.float32(1), jnp.int8(1), jnp.array([1, 2]), zero + 1.0]

    def weak_and_strong(x):
        return [x, x != 0, x == 1, jnp.asarray(x != 0)]

    def jaxprs() -> list[str]:
        found = []
        for name in part((*UNARY, *BINARY, *INTEGER_BINARY), 3):
            function = getattr(jnp, name)

            def program(*xs, function=function, n=1 if name in UNARY else 2):
                operands = [v for x in xs for v in weak_and_strong(x)]
                return [attempt(function, *operands[i : i + n]) for i in range(len(operands) - n + 1)]

            found.append(str(mj.make_jaxpr(program)(*values)))
        operators = lambda x: [(x > 1) | (x < 2), (x > 1) & (x < 2), (x > 1) ^ (x < 2), ~(x > 1), (x > 1) == (x < 2)]
        return found + [str(mj.make_jaxpr(operators)(x)) for x in values if not isinstance(x, complex)]

    def attempt(function, *args):
        try:
            return function(*args)
        except (TypeError, ValueError):
            return None

    found = []
    for fast_on in (True, False):
        with mode(fast_on):
            found.append(jaxprs())
    assert found[0] == found[1]
