"""The jaxprs of vmap of each primitive, and of its tangent, along each axis of each argument: JAX's equations, once JAX's calls of
`jit` are written out."""

from __future__ import annotations

import itertools
import re

import jax
import jax.lax
import numpy as np
import pytest
from op_table import OPS, Op, arrays

import minijax
import minijax.lax
from tests.fuzz.texts import flat

# {primitive: why its equations are not JAX's}
OTHER_EQUATIONS = {
    "random_gamma_grad": "it is a primitive with a rule for batches; JAX maps its program",
    "tridiagonal_solve": "its tangent is written in other equations",
    "lu": "its tangent is written in other equations",
    "qr": "its tangent is written in other equations",
    "eigh": "its tangent is written in other equations",
    "svd": "its tangent is written in other equations",
}
CASES = [pytest.param(op, id=f"{i}-{op.name}") for i, op in enumerate(OPS)]


def tangent(lib, function, smooth):
    """The function's tangent by its smooth arguments, in their own direction."""

    def of_all(*args):
        def of_smooth(*values):
            given = dict(zip(smooth, values))
            return function(*[given.get(i, x) for i, x in enumerate(args)])

        primals = [args[i] for i in smooth]
        return lib.jvp(of_smooth, primals, primals)[1]

    return of_all


def text(lib, function, in_axes, args) -> str:
    """The jaxpr in one line, or the class of the error."""
    try:
        jaxpr = lib.make_jaxpr(lib.vmap(function, in_axes))(*args).jaxpr
    except Exception as error:
        return type(error).__name__
    return re.sub(r"\s+", " ", re.sub(r"np\.int64\((-?\d+)\)", r"\1", str(flat(lib, jaxpr, live=False))))


def texts(op: Op, kind: str):
    """(axes, the text of ours, of JAX) for each choice of axes."""
    args = arrays(op, op.dtypes[0], np.random.default_rng(3))
    functions = {lib: lambda *xs, lib=lib: op.function(lib.lax, *xs) for lib in (minijax, jax)}
    if kind == "tangent":
        functions = {lib: tangent(lib, function, op.smooth) for lib, function in functions.items()}
    for axes in itertools.product(*[dict.fromkeys((None, 0, x.ndim)) for x in args]):
        if any(d is not None for d in axes):
            xs = [x if d is None else np.stack([x, x], d) for x, d in zip(args, axes)]
            yield axes, *(text(lib, function, axes, xs) for lib, function in functions.items())


def has(op: Op, kind: str) -> bool:
    return kind == "value" or bool(op.smooth) and np.dtype(op.dtypes[0]).kind == "f"


@pytest.mark.parametrize("kind", ["value", "tangent"])
@pytest.mark.parametrize("op", CASES)
@pytest.mark.one_in(180)
def test_the_equations_are_those_of_jax(op, kind):
    if op.name not in OTHER_EQUATIONS and has(op, kind) and np.dtype(op.dtypes[0]).kind != "V":
        for axes, ours, theirs in texts(op, kind):
            assert ours == theirs, axes


@pytest.mark.parametrize("name", OTHER_EQUATIONS)
@pytest.mark.one_in(4)
def test_what_is_explained_differs(name):
    found = [
        t for op in OPS if op.name == name for kind in ("value", "tangent") if has(op, kind) for t in texts(op, kind)
    ]
    assert any(ours != theirs for _, ours, theirs in found)
