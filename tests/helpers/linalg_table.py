"""Calls of linear algebra, by family: expressions in `jnp`, `lax`, `sp` (jax.scipy.linalg) and `random` that have the same value in
minijax and in JAX; and the matrices that they use.

A family is one program for JAX, which compiles each program for a second.
"""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import jax
import jax.scipy.linalg
import numpy as np

import minijax


def matrices() -> dict[str, np.ndarray]:
    """The matrices of the expressions. None has a singular value near another one, or near 0, but O."""
    rng = np.random.default_rng(5)

    def normal(*shape):
        return rng.normal(size=shape)

    a = normal(2, 3, 3) + np.diag([3.0, 5.0, 9.0])
    c = normal(3, 3) + 1j * normal(3, 3) + np.diag([3.0, 5.0, 9.0])
    real = {
        "A": a,
        "P": a @ a.swapaxes(1, 2) + np.eye(3),
        "S": a + a.swapaxes(1, 2),
        "W": normal(3, 4),
        "T": normal(4, 3),
        "B": normal(2, 3, 2),
        "v": normal(3),
        "u": normal(4),
        "O": np.outer(normal(3), normal(3)),
        "F": normal(4, 4) + 3 * np.eye(4),
        "one": normal(1, 1),
        "two": normal(2, 2),
        "e": np.zeros((0, 0)),
        "e3": np.zeros((0, 3)),
        "nan": np.full((2, 2), np.nan),
        "t3": normal(2, 3, 4),
        "q": normal(2, 2, 4),
    }
    complex_ = {"C": c, "H": c @ c.conj().T, "Z": normal(3, 4) + 1j * normal(3, 4), "z": normal(3) + 1j * normal(3)}
    return {
        **{name: x.astype(np.float32) for name, x in real.items()},
        **{name: x.astype(np.complex64) for name, x in complex_.items()},
        "i": np.int32([[2, 1], [1, 3]]),
        "m": np.array([[True, False], [True, True]]),
    }


MATRICES = matrices()


def names(library) -> SimpleNamespace:
    """What the expressions name, in one of the two libraries."""
    return SimpleNamespace(
        jnp=library.numpy, lax=library.lax, sp=library.scipy.linalg, la=library.numpy.linalg, ll=library.lax.linalg,
        random=library.random, np=np, inf=float("inf"),
    )  # fmt: skip


def value(expression: str, library, arrays):
    return eval(expression, {**vars(names(library)), **arrays})


def values(expressions, library, arrays) -> list:
    return [value(e, library, arrays) for e in expressions]


@cache
def in_jax(expressions: tuple[str, ...]) -> list:
    return jax.jit(lambda arrays: values(expressions, jax, arrays))(MATRICES)


def in_minijax(expressions: tuple[str, ...], compiler: str | None):
    def function(arrays):
        return values(expressions, minijax, arrays)

    arrays = {name: minijax.numpy.asarray(x) for name, x in MATRICES.items()}
    return (minijax.jit(function, compiler=compiler) if compiler else function)(arrays)


def assert_same(mine, theirs, what: str):
    """Equal in the kinds of tuples, in shapes, dtypes, weak types, and in values to the rounding of a factorization."""
    assert type(mine).__name__ in (type(theirs).__name__, "Array", "ArrayImpl"), what
    mine, theirs = minijax.tree.leaves(mine), jax.tree.leaves(theirs)
    for a, b in zip(mine, theirs, strict=True):
        a, b = (x if hasattr(x, "dtype") else np.asarray(x) for x in (a, b))
        assert (a.shape, a.dtype) == (b.shape, b.dtype), what
        assert getattr(a, "weak_type", False) == getattr(b, "weak_type", False), what
        scale = np.max(np.abs(b), initial=1, where=np.isfinite(b)) if b.dtype.kind in "fc" else 0
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5 * scale, err_msg=what)
