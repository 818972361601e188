"""Collectives over the named axes of vmap: as JAX's, under and over the other transformations."""

from __future__ import annotations

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy

X = np.array([1.0, 2.0, 3.0], np.float32)
A = np.array([[1, 2, 3], [4, 5, 7]], np.float32)
S = A.T @ A
RING = [(0, 1), (1, 2), (2, 0)]


def named(lib, f):
    return lib.vmap(f, axis_name="i")


def twice(lib, f):
    return lib.vmap(lib.vmap(f, axis_name="j"), axis_name="i")


def normalized(lib):
    return lambda x: lib.lax.psum(lib.numpy.sin(x), "i") * x


PROGRAMS = {
    "psum": lambda lib: named(lib, lambda x: lib.lax.psum(x, "i"))(X),
    "psum of a tree": lambda lib: named(lib, lambda x: lib.lax.psum({"a": x, "b": (2 * x, None)}, "i"))(X),
    "psum of a number": lambda lib: named(lib, lambda x: lib.lax.psum(2, "i") * x)(X),
    "psum of what is not mapped": lambda lib: named(lib, lambda x: lib.lax.psum(lib.numpy.float32(2), "i") * x)(X),
    "pmean": lambda lib: named(lib, lambda x: x - lib.lax.pmean(x, "i"))(X),
    "pmax, pmin": lambda lib: named(lib, lambda x: lib.lax.pmax(x, "i") - lib.lax.pmin(x, "i"))(X),
    "axis_index": lambda lib: named(lib, lambda x: lib.lax.axis_index("i") * x)(X),
    "axis_size": lambda lib: named(lib, lambda x: lib.lax.axis_size("i") * x)(X),
    "all_gather": lambda lib: named(lib, lambda x: lib.lax.all_gather(x, "i"))(X),
    "all_gather, axis": lambda lib: named(lib, lambda r: lib.lax.all_gather(r, "i", axis=1))(A),
    "all_gather, tiled": lambda lib: named(lib, lambda r: lib.lax.all_gather(r, "i", tiled=True))(A),
    "psum_scatter": lambda lib: named(lib, lambda r: lib.lax.psum_scatter(r, "i"))(S),
    "psum_scatter, tiled": lambda lib: named(lib, lambda r: lib.lax.psum_scatter(r, "i", tiled=True))(S),
    "ppermute": lambda lib: named(lib, lambda x: lib.lax.ppermute(x, "i", RING))(X),
    "pshuffle": lambda lib: named(lib, lambda x: lib.lax.pshuffle(x, "i", [2, 0, 1]))(X),
    "vmap of grad": lambda lib: named(lib, lib.grad(normalized(lib)))(X),
    "grad of vmap": lambda lib: lib.grad(lambda x: named(lib, normalized(lib))(x).sum())(X),
    "hessian of vmap": lambda lib: lib.hessian(lambda x: named(lib, normalized(lib))(x).sum())(X),
    "vmap of jvp": lambda lib: named(lib, lambda x: lib.jvp(normalized(lib), (x,), (x,))[1])(X),
    "jit of vmap": lambda lib: lib.jit(named(lib, normalized(lib)))(X),
    "vmap of jit": lambda lib: named(lib, lib.jit(normalized(lib)))(X),
    "vmap of jit of grad": lambda lib: named(lib, lib.jit(lib.grad(normalized(lib))))(X),
    "grad of all_gather": lambda lib: named(
        lib, lib.grad(lambda x: (lib.lax.all_gather(x, "i") * lib.numpy.arange(3.0)).sum())
    )(X),
    "grad of all_gather, tiled": lambda lib: named(
        lib, lib.grad(lambda r: (lib.lax.all_gather(r, "i", tiled=True) * lib.numpy.arange(6.0)).sum())
    )(A),
    "grad of psum_scatter": lambda lib: named(
        lib, lib.grad(lambda r: lib.lax.psum_scatter(r, "i") * lib.lax.axis_index("i"))
    )(S),
    "grad of ppermute": lambda lib: named(lib, lib.grad(lambda x: lib.lax.ppermute(x * x, "i", RING) * x))(X),
    "two names": lambda lib: twice(lib, lambda x: x / lib.lax.psum(x, ("i", "j")))(A),
    "the outer name": lambda lib: twice(lib, lambda x: lib.lax.psum(x, "i") + lib.lax.axis_index("j"))(A),
    "index of two names": lambda lib: twice(lib, lambda x: lib.lax.axis_index(("i", "j")))(A),
    "gather and sum": lambda lib: twice(lib, lambda x: lib.lax.all_gather(x, "i") * lib.lax.psum(x, "j"))(A),
    "psum across another map": lambda lib: named(lib, lib.vmap(lambda x: lib.lax.psum(x, "i") * x))(A),
    "all_gather across another map": lambda lib: named(lib, lib.vmap(lambda x: lib.lax.all_gather(x, "i")))(A),
    "the inner of two maps of one name": lambda lib: lib.vmap(
        lib.vmap(lambda x: lib.lax.psum(x, "i"), axis_name="i"), axis_name="k"
    )(A),
    "in a scan": lambda lib: named(
        lib, lambda x: lib.lax.scan(lambda c, _: (lib.lax.psum(c, "i") * 0.5 + x, c), x, None, length=3)
    )(X),
    "grad through a scan": lambda lib: named(
        lib,
        lib.grad(lambda x: lib.lax.scan(lambda c, _: (lib.lax.psum(c, "i") * 0.5 * x, None), x, None, length=3)[0]),
    )(X),
    "in a branch": lambda lib: named(lib, lambda x: lib.lax.cond(True, lambda: lib.lax.psum(x, "i"), lambda: x))(X),
    "in a custom_vjp": lambda lib: named(lib, lib.grad(summed_forwards(lib)))(X),
    "batch normalization": lambda lib: lib.grad(
        lambda x: named(lib, lambda r: (r - lib.lax.pmean(r, "i")) / lib.numpy.sqrt(lib.lax.pmean(r * r, "i")))(x)[0].sum()
    )(A),
}  # fmt: skip


def summed_forwards(lib):
    @lib.custom_vjp
    def f(x):
        return lib.lax.psum(x, "i")

    f.defvjp(lambda x: (lib.lax.psum(x, "i"), x), lambda x, ct: (ct * lib.lax.pmean(x, "i"),))
    return f


def leaves(x):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(jax.tree.map(np.asarray, x))]


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_equals_jax(name):
    for a, b in zip(leaves(PROGRAMS[name](mj)), leaves(PROGRAMS[name](jax)), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_ppermute_without_a_sender_is_zero():
    """XLA's meaning; JAX's vmap only takes whole permutations."""
    out = named(mj, lambda x: mj.lax.ppermute(x, "i", [(0, 1), (1, 2)]))(mj.numpy.asarray(X))
    np.testing.assert_array_equal(np.asarray(out), [0, 1, 2])


def test_jit_is_traced_for_each_axis():
    traced = []
    f = mj.jit(lambda x: traced.append(None) or mj.lax.psum(x, "i"))
    for data in (X, X + 1, A[:, 0], X):
        named(mj, f)(mj.numpy.asarray(data))
    assert len(traced) == 2


UNBOUND = {
    "psum": lambda lib: lib.lax.psum(X, "j"),
    "psum of a number": lambda lib: lib.lax.psum(1.0, "j"),
    "under jit": lambda lib: lib.jit(lambda x: lib.lax.psum(x, "j"))(1.0),
    "another name": lambda lib: named(lib, lambda x: lib.lax.psum(x, "j"))(X),
    "axis_index": lambda lib: lib.lax.axis_index("j"),
    "after the map": lambda lib: (named(lib, lambda x: x)(X), lib.lax.axis_index("i")),
}


@pytest.mark.parametrize("name", UNBOUND)
def test_unbound_names(name):
    with pytest.raises(NameError, match="unbound axis name"):
        UNBOUND[name](jax)
    with pytest.raises(NameError, match="unbound axis name: .* works within a map that names the axis, as vmap"):
        UNBOUND[name](mj)


def test_other_errors():
    with pytest.raises(ValueError, match="must be unique and within the axis size 3"):
        named(mj, lambda x: mj.lax.ppermute(x, "i", [(0, 1), (0, 2)]))(X)
    with pytest.raises(ValueError, match="does not represent a permutation"):
        named(mj, lambda x: mj.lax.pshuffle(x, "i", [0, 0, 1]))(X)
    with pytest.raises(NotImplementedError, match="Primitive 'pmax' has no jvp rule: .*all_gather"):
        named(mj, mj.grad(lambda x: mj.lax.pmax(x, "i")))(X)
    with pytest.raises(ValueError, match="scatter dimension size 2 must match the axis size 3"):
        named(mj, lambda x: mj.lax.psum_scatter(mj.numpy.ones(2) * x, "i"))(X)
