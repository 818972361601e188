"""Rows of special functions whose algorithm is written once, for NumPy and for XLA.

An algorithm is a function `(ops, *numbers)`. The numbers are float64 arrays of one shape, or of shapes that broadcast if the row
says so, with Python's operators; all else it asks of `ops`: `NUMPY` here, or the writer of StableHLO in `lowering/xla/special.py`,
whose numbers stand for lines of a program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace

import numpy as np

from . import special_functions
from .basis import NOT_LINEAR
from .families import FLOAT, elementwise

# A sum or a fraction ends after so many steps, or when a step changes it by less than `ops.eps` of it.
MOST_STEPS = 4_000

# The options of a row whose result is not weak, as that of JAX's composition is not.
STRONG = {"keeps_weak_type": False}

# {name of a primitive: its algorithm}
ALGORITHMS: dict[str, Callable] = {}
# The names of those whose numbers may be scalars beside arrays.
WITH_SCALARS: set[str] = set()


# The loop goes on with fewer elements when no more than this part of them is still going: to take the others out is a pass too.
STILL_GOING = 0.75


def _loop(going, step, given, state):
    """Take steps until no element is going; elements that are done keep their values. `going` and `step` get the given numbers and
    the state, and may use no other arrays: the loop goes on with parts of these."""
    given, now, shape = [np.ravel(x) for x in given], [np.ravel(x) for x in state], np.shape(state[0])
    results, place, active = [x.copy() for x in now], np.arange(now[0].size), going(*given, *now)
    while count := np.count_nonzero(active):
        if count <= STILL_GOING * active.size:
            place, given, now = place[active], [x[active] for x in given], [x[active] for x in now]
            active = np.ones(count, bool)
        now = step(*given, *now)
        done = active & ~going(*given, *now)
        if done.any():
            for result, x in zip(results, now):
                result[place[done]] = x[done]
            active &= ~done
    return [x.reshape(shape) for x in results]


def _branch(which, then, otherwise, *numbers):
    """`then(*numbers)` where a condition holds, else `otherwise(*numbers)`: each is computed for its elements alone."""
    count = np.count_nonzero(which)
    if count in (0, np.size(which)):
        return (then if count else otherwise)(*numbers)
    out = np.empty(which.shape)
    for mask, function in ((which, then), (~which, otherwise)):
        out[mask] = function(*[x[mask] for x in numbers])
    return out


# For results of float64.
NUMPY = SimpleNamespace(
    eps=2.0**-53,
    full=np.full_like,
    where=np.where,
    branch=_branch,
    sqrt=np.sqrt,
    exp=np.exp,
    expm1=np.expm1,
    log=np.log,
    log1p=np.log1p,
    sin=np.sin,
    cos=np.cos,
    floor=np.floor,
    erfc=special_functions.erfc,
    lgamma=special_functions.lgamma,
    digamma=special_functions.digamma,
    loop=_loop,
)
# For results of narrower dtypes, which need fewer digits.
NUMPY_BRIEF = SimpleNamespace(**{**vars(NUMPY), "eps": 2.0**-40})


def operations(dtype):
    """NumPy's operations for results of a dtype."""
    return NUMPY if dtype.itemsize == 8 else NUMPY_BRIEF


def absolute(ops, x):
    return ops.where(x < 0.0, -x, x)


def polynomial(ops, coefficients: Sequence[float], x):
    """The value of a polynomial, highest power first."""
    total = ops.full(x, coefficients[0])
    for c in coefficients[1:]:
        total = total * x + c
    return total


def _in_shape(value, xs):
    """The value in the shape of the arguments together: an algorithm may not use all of them."""
    shape = np.broadcast_shapes(*[x.shape for x in xs])
    return value if value.shape == shape else np.broadcast_to(value, shape).copy()


def row(algorithm: Callable, jvp, arity: int = 1, scalars: bool = False, **options):
    """The elementwise row of an algorithm, under the algorithm's name. scalars: what depends on scalars alone is computed once, and
    not for each element of the others; the algorithm has no loop then."""
    name = algorithm.__name__
    ALGORITHMS[name] = algorithm
    if scalars:
        WITH_SCALARS.add(name)
        evaluate = lambda ops, *xs: _in_shape(algorithm(ops, *xs), xs)
    else:
        evaluate = lambda ops, *xs: algorithm(ops, *np.broadcast_arrays(*xs))

    def impl(x, *others):
        ops = operations(x.dtype)
        return special_functions.in_float64(lambda *xs: evaluate(ops, *xs))(x, *others)

    impl.__name__ = name
    return elementwise(name, impl, FLOAT, jvp=jvp, transpose=NOT_LINEAR, arity=arity, **options)
