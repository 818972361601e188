"""Compare the results and the errors of a program in minijax with those in JAX."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import minijax as mj


def _leaves(lib, tree) -> list[tuple[np.ndarray, bool]]:
    return [(np.asarray(x), x.weak_type) for x in map(lib.numpy.asarray, lib.tree.leaves(tree))]


def assert_same_leaves(mine, theirs, rtol: float = 1e-5, atol: float = 0.0, signs: bool = True):
    """Compare trees, shapes, dtypes, weak types and values; with `signs`, also the signs of zeros and NaNs."""
    assert str(mj.tree.structure(mine)) == str(jax.tree.structure(theirs))
    for (a, weak), (b, weak_there) in zip(_leaves(mj, mine), _leaves(jax, theirs), strict=True):
        assert (a.shape, a.dtype, weak) == (b.shape, b.dtype, weak_there)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)
        if signs:
            np.testing.assert_array_equal(np.signbit(a.real), np.signbit(b.real))


def assert_same_error(program, words: str, kinds: tuple[type[Exception], ...]):
    """`program(lib)` raises an error of one of `kinds` in JAX, and of the same class in minijax, whose text contains `words`."""
    with pytest.raises(kinds) as theirs:
        program(jax)
    with pytest.raises(type(theirs.value)) as mine:
        program(mj)
    assert words in str(mine.value)


def summed_forwards(lib):
    """A psum over "i" whose own derivative rule calls pmean."""

    @lib.custom_vjp
    def f(x):
        return lib.lax.psum(x, "i")

    f.defvjp(lambda x: (lib.lax.psum(x, "i"), x), lambda x, ct: (ct * lib.lax.pmean(x, "i"),))
    return f
