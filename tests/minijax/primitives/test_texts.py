"""The jaxprs of each row of the op table, of its derivatives and of its batch: the equations are JAX's, and in JAX's order."""

from __future__ import annotations

import re

import jax
import jax.lax
import jax.numpy
import numpy as np
import pytest
from jaxpr_text import lines
from op_table import OPS, Op, arrays

import minijax
import minijax.lax
import minijax.numpy

# {(primitive, what is traced): why the equations are not JAX's}
OTHER_EQUATIONS = {
    ("cumlogsumexp", "jvp"): "JAX calls logaddexp, a function with a rule of its own, which is a row's rule here",
    ("cumlogsumexp", "vjp"): "as its jvp",
    ("scatter-mul", "vjp"): "both scatters carry one update jaxpr, which has a name then; JAX traces it twice",
    **{(f"scatter-{n}", "vjp"): "as that of scatter-mul" for n in ("min", "max")},
    **{
        (
            name,
            kind,
        ): "JAX's rule is written with jnp's functions, and maps over the batch; here with lax's, for all the batch"
        for name in ("tridiagonal_solve", "lu", "qr", "eigh", "svd")
        for kind in ("jvp", "vjp")
    },
    **{("random_gamma_grad", kind): "JAX writes its loops, and here it is an operation" for kind in ("plain", "vmap")},
}


def traced(library, op: Op, values, kind: str):
    """The jaxpr of the operation, its jvp or vjp by the arrays that it is smooth in, or its vmap over all arrays."""
    values = [library.numpy.asarray(x) for x in values]

    def function(*args):
        return op.function(library.lax, *args)

    def by_smooth(args):
        def inner(*smooth):
            given = dict(zip(op.smooth, smooth, strict=True))
            return function(*[given.get(i, x) for i, x in enumerate(args)])

        return inner, tuple(args[i] for i in op.smooth)

    def jvp(*args):
        inner, primals = by_smooth(args)
        return library.jvp(inner, primals, primals)

    def vjp(*args):
        inner, primals = by_smooth(args)
        out, pull = library.vjp(inner, *primals)
        return pull(out)

    if kind == "vmap":
        return library.make_jaxpr(library.vmap(function))(*[library.numpy.stack([x, x]) for x in values])
    return library.make_jaxpr({"plain": function, "jvp": jvp, "vjp": vjp}[kind])(*values)


def normal(text: str) -> str:
    """The text without spaces, since lines break where they are full. JAX shows some axes as `np.int64(1)`."""
    return re.sub(r"\s+", "", re.sub(r"np\.int64\((-?\d+)\)", r"\1", text))


CASES = [
    pytest.param(op, dtype, kind, id=f"{i}-{op.name}-{dtype}-{kind}")
    for i, op in enumerate(OPS)
    for dtype in op.dtypes
    for kind in ("plain", "vmap", *(("jvp", "vjp") if op.smooth and np.dtype(dtype).kind in "fc" else ()))
]


def both(op: Op, dtype: str, kind: str) -> tuple:
    values = arrays(op, dtype, np.random.default_rng(0))
    ours, theirs = (traced(library, op, values, kind) for library in (minijax, jax))
    # Some of JAX's functions are jits: their equations are compared without the jits.
    text = lines if "jit[" in str(theirs) else lambda jaxpr: normal(str(jaxpr))
    return text(ours) == text(theirs), f"{ours}\n{theirs}"


@pytest.mark.parametrize(("op", "dtype", "kind"), CASES)
@pytest.mark.one_in(288)
def test_the_equations_are_those_of_jax(op, dtype, kind):
    same, text = both(op, dtype, kind)
    assert same or (op.name, kind) in OTHER_EQUATIONS, text


@pytest.mark.parametrize(("name", "kind"), OTHER_EQUATIONS)
@pytest.mark.one_in(8)
def test_what_is_explained_differs(name, kind):
    """Some row of the primitive has other equations."""
    assert not all(both(op, op.dtypes[0], kind)[0] for op in OPS if op.name == name)
