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

# A sum or a fraction ends when a step changes it by less than this part of it, or after so many steps.
EPS, MOST_STEPS = 2.0**-53, 4_000

# The options of a row whose result is not weak, as that of JAX's composition is not.
STRONG = {"keeps_weak_type": False}

# {name of a primitive: its algorithm}
ALGORITHMS: dict[str, Callable] = {}
# The names of those whose numbers may be scalars beside arrays.
WITH_SCALARS: set[str] = set()


def _loop(going, step, state):
    """Take steps until no element is going; elements that are done keep their values."""
    active = going(*state)
    while active.any():
        state = [np.where(active, new, old) for new, old in zip(step(*state), state)]
        active = going(*state)
    return state


NUMPY = SimpleNamespace(
    full=np.full_like,
    where=np.where,
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
        impl = special_functions.in_float64(lambda *xs: _in_shape(algorithm(NUMPY, *xs), xs))
    else:
        impl = special_functions.in_float64(lambda *xs: algorithm(NUMPY, *np.broadcast_arrays(*xs)))
    return elementwise(name, impl, FLOAT, jvp=jvp, transpose=NOT_LINEAR, arity=arity, **options)
