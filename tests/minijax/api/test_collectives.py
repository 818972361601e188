"""Collectives over the named axes of vmap agree with JAX's, inside and outside of the other transformations."""

from __future__ import annotations

import itertools

import jax
import jax.numpy
import numpy as np
import pytest
from jax_oracle import assert_same_leaves, summed_forwards

import minijax as mj
import minijax.numpy

X = np.array([1.0, 2.0, 3.0], np.float32)
A = np.array([[1, 2, 3], [4, 5, 7]], np.float32)
S = A.T @ A
RING = [(0, 1), (1, 2), (2, 0)]
CUBE = np.arange(36, dtype=np.float32).reshape(2, 3, 6)
GROUPS = [[0, 2], [3, 1]]


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
    "all_to_all": lambda lib: named(lib, lambda r: lib.lax.all_to_all(r, "i", 0, 0))(S),
    "all_to_all to the left": lambda lib: named(lib, lambda a: lib.lax.all_to_all(a, "i", 1, 0))(np.stack([S, S.T, 2 * S])),
    "all_to_all to the right": lambda lib: named(lib, lambda a: lib.lax.all_to_all(a, "i", 0, 1))(np.stack([S, S.T, 2 * S])),
    "all_to_all, tiled": lambda lib: twice(lib, lambda r: lib.lax.all_to_all(r, "i", 0, 0, tiled=True))(CUBE),
    "all_to_all, not of axis 0": lambda lib: lib.vmap(
        lambda a: lib.lax.all_to_all(a, "i", 0, 1, tiled=True), in_axes=2, axis_name="i"
    )(CUBE.reshape(6, 2, 3)),
    "all_to_all of two names": lambda lib: twice(lib, lambda r: lib.lax.all_to_all(r, ("i", "j"), 0, 0))(CUBE),
    "all_to_all of two names, the other order": lambda lib: twice(
        lib, lambda r: lib.lax.all_to_all(r.reshape(6, 1), ("j", "i"), 0, 1, tiled=True)
    )(CUBE),
    "all_to_all across another map": lambda lib: named(
        lib, lib.vmap(lambda r: lib.lax.all_to_all(r, "i", 1, 0, tiled=True), in_axes=1)
    )(np.arange(108, dtype=np.float32).reshape(3, 2, 6, 3)),
    "grad of all_to_all": lambda lib: named(
        lib, lib.grad(lambda r: lib.lax.all_to_all(r * r, "i", 0, 0, tiled=True) @ (A[0] + lib.lax.axis_index("i")))
    )(S),
    "jvp of all_to_all": lambda lib: named(
        lib, lambda r: lib.jvp(lambda v: lib.lax.all_to_all(v * v, "i", 0, 0), (r,), (r + 1,))[1]
    )(S),
    "hessian of all_to_all": lambda lib: lib.hessian(
        lambda a: (named(lib, lambda r: lib.lax.all_to_all(r * r, "i", 0, 0) * r)(a)).sum()
    )(S),
    "pswapaxes": lambda lib: named(lib, lambda r: lib.lax.pswapaxes(r, "i", 0))(S),
    "pbroadcast": lambda lib: named(lib, lambda x: lib.lax.pbroadcast(x, "i", 1) * x)(X),
    "pbroadcast across another map": lambda lib: twice(lib, lambda x: lib.lax.pbroadcast(x, "i", 1))(A),
    "psum of two names in the other order": lambda lib: twice(lib, lambda x: lib.lax.psum(x, ["j", "i"]))(A),
    "pmean, pmax, pmin of two names": lambda lib: twice(
        lib, lambda x: (lib.lax.pmean(x, ("i", "j")), lib.lax.pmax(x, ("i", "j")), lib.lax.pmin(x, ("j", "i")))
    )(A),
    "index of two names in the other order": lambda lib: twice(lib, lambda x: lib.lax.axis_index(("j", "i")))(A),
    "size of two names": lambda lib: twice(lib, lambda x: lib.lax.axis_size(("i", "j")) * x)(A),
    "no names": lambda lib: named(
        lib, lambda x: (lib.lax.psum(x, ()), lib.lax.pmean(x, ()), lib.lax.all_gather(x, ()), lib.lax.axis_index(()))
    )(X),
    "psum of bools": lambda lib: named(lib, lambda x: (lib.lax.psum(x > 1, "i"), lib.lax.psum(True, "i")))(X),
    "psum of an array that is no tracer": lambda lib: named(lib, lambda x: x + lib.lax.psum(np.float32([1, 2]), "i"))(X),
    "pmean of integers": lambda lib: named(lib, lambda x: lib.lax.pmean(x, "i"))(np.arange(4, dtype=np.int32)),
    "of nothing": lambda lib: named(lib, lambda r: (lib.lax.psum(r, "i"), lib.lax.all_gather(r, "i")))(A[:, :0]),
    "of NaN, inf and -0.0": lambda lib: named(
        lib, lambda x: (lib.lax.psum(x, "i"), lib.lax.pmax(x, "i"), lib.lax.all_to_all(x, "i", 0, 0))
    )(np.float32([[np.nan, np.inf], [-0.0, -np.inf]])),
    "keys": lambda lib: lib.random.key_data(
        named(lib, lambda k: lib.lax.ppermute(k, "i", RING))(lib.random.split(lib.random.key(0), 3))
    ),
    # Programs without a mapped argument that name the axis.
    "an index in a jit": lambda lib: named(lib, lambda x: lib.jit(lambda: lib.lax.axis_index("i"))() + x)(X),
    "an index in a scan": lambda lib: named(
        lib, lambda x: lib.lax.scan(lambda c, _: (c + lib.lax.axis_index("i"), None), 0, None, length=3)[0] + x
    )(X),
    "an index in a while": lambda lib: named(
        lib, lambda x: lib.lax.while_loop(lambda c: c < 3, lambda c: c + lib.lax.axis_index("i") + 1, 0) + x
    )(X),
    "an index in a branch": lambda lib: named(
        lib, lambda x: lib.lax.switch(1, [lambda: 0, lambda: lib.lax.axis_index("i")]) + x
    )(X),
    "an index in a checkpoint": lambda lib: named(lib, lambda x: lib.checkpoint(lambda: lib.lax.axis_index("i"))() + x)(X),
    "batch normalization": lambda lib: lib.grad(
        lambda x: named(lib, lambda r: (r - lib.lax.pmean(r, "i")) / lib.numpy.sqrt(lib.lax.pmean(r * r, "i")))(x)[0].sum()
    )(A),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(8)
def test_program_equals_jax(name):
    assert_same_leaves(PROGRAMS[name](mj), PROGRAMS[name](jax), atol=1e-6, signs=False)


def test_ppermute_without_a_sender_is_zero():
    """A partial permutation has XLA's meaning: JAX's vmap takes only whole permutations."""
    out = named(mj, lambda x: mj.lax.ppermute(x, "i", [(0, 1), (1, 2)]))(mj.numpy.asarray(X))
    np.testing.assert_array_equal(np.asarray(out), [0, 1, 2])


@pytest.mark.parametrize("order", list(itertools.permutations("ijk")), ids="".join)
def test_all_to_all_of_three_names_numbers_the_parts_as_axis_index(order):
    """JAX's results are right here too, but take seconds: the definition is the oracle."""
    x = np.arange(2 * 3 * 2 * 24, dtype=np.float32).reshape(2, 3, 2, 24)
    maps = {"i": 0, "j": 1, "k": 2}

    def program(r):
        return mj.lax.all_to_all(r, order, 0, 0, tiled=True), mj.lax.axis_index(order)

    for name in "kji":
        program = mj.vmap(program, axis_name=name)
    out, index = program(x)
    senders = np.transpose(x, [*[maps[name] for name in order], 3]).reshape(12, 24)
    expected = senders.reshape(12, 12, 2).transpose(1, 0, 2).reshape(12, 24)
    np.testing.assert_array_equal(np.asarray(out), expected[np.asarray(index)])


IN_GROUPS = {
    "psum": (lambda lax, r: lax.psum(r, "i", axis_index_groups=GROUPS), lambda g: [sum(g)] * 2),
    "psum of a number": (lambda lax, r: lax.psum(1, "i", axis_index_groups=GROUPS) * r, lambda g: [2 * x for x in g]),
    "pmean": (lambda lax, r: lax.pmean(r, "i", axis_index_groups=GROUPS), lambda g: [sum(g) / 2] * 2),
    "pmax": (lambda lax, r: lax.pmax(r, "i", axis_index_groups=GROUPS), lambda g: [np.maximum(*g)] * 2),
    "pmin": (lambda lax, r: lax.pmin(r, "i", axis_index_groups=GROUPS), lambda g: [np.minimum(*g)] * 2),
    "all_gather": (
        lambda lax, r: lax.all_gather(r, "i", axis=1, axis_index_groups=GROUPS), lambda g: [np.stack(g, 1)] * 2
    ),
    "all_gather, tiled": (
        lambda lax, r: lax.all_gather(r, "i", axis_index_groups=GROUPS, tiled=True), lambda g: [np.concatenate(g)] * 2
    ),
    "psum_scatter": (
        lambda lax, r: lax.psum_scatter(r[:2], "i", axis_index_groups=GROUPS), lambda g: [sum(g)[0], sum(g)[1]]
    ),
    "psum_scatter, tiled": (
        lambda lax, r: lax.psum_scatter(r, "i", axis_index_groups=GROUPS, tiled=True), lambda g: [sum(g)[:2], sum(g)[2:]]
    ),
    "all_to_all": (
        lambda lax, r: lax.all_to_all(r, "i", 0, 0, axis_index_groups=GROUPS, tiled=True),
        lambda g: [np.concatenate([g[0][:2], g[1][:2]]), np.concatenate([g[0][2:], g[1][2:]])],
    ),
    "what is not mapped": (
        lambda lax, r: r + lax.all_gather(np.float32(3), "i", axis_index_groups=GROUPS).sum(), lambda g: [x + 6 for x in g]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_GROUPS)
def test_groups(name):
    """JAX's vmap refuses groups, and its pmap takes them (see test_pmap.py); in minijax groups mean the same in both."""
    program, of_group = IN_GROUPS[name]
    data = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
    expected = [None] * 4
    for group in GROUPS:
        for i, value in zip(group, of_group([data[i] for i in group])):
            expected[i] = value
    out = named(mj, lambda r: program(mj.lax, r))(data)
    np.testing.assert_allclose(np.asarray(out), np.stack(expected), rtol=1e-6)


# The text of the jaxprs, which shows the parameters. (rank of the argument, program)
PRINTED = {
    "psum of a tree": lambda lax: lambda x: lax.psum((x, {"a": x + 1}), ("i", "j")),
    "psum of a number": lambda lax: lambda x: lax.psum(1, "i") * x,
    "psum of a constant": lambda lax: lambda x: (x, lax.psum(np.ones(2, np.float32), "i")),
    "psum of bools": lambda lax: lambda x: lax.psum(x > 1, "i"),
    "psum in groups": lambda lax: lambda x: lax.psum(x, "i", axis_index_groups=[[0, 1], [2, 3]]),
    "pmean": lambda lax: lambda x: lax.pmean(x, "i"),
    "pmax, pmin": lambda lax: lambda x: (lax.pmax(x, "i"), lax.pmin(x, ("j",))),
    "all_gather": lambda lax: lambda x: lax.all_gather(x, "i", axis=-1),
    "all_gather, tiled": lambda lax: lambda x: lax.all_gather(x, "j", axis=1, tiled=True),
    "all_gather in groups": lambda lax: lambda x: lax.all_gather(x, "i", axis_index_groups=[[0, 1], [2, 3]]),
    "psum_scatter": lambda lax: lambda x: lax.psum_scatter(x, "i"),
    "psum_scatter, tiled": lambda lax: lambda x: lax.psum_scatter(x, "j", tiled=True, scatter_dimension=1),
    "all_to_all": lambda lax: lambda x: lax.all_to_all(x, "i", 0, 0),
    "all_to_all to the right": lambda lax: lambda x: lax.all_to_all(x, "i", 0, 1),
    "all_to_all to the left": lambda lax: lambda x: lax.all_to_all(x, "j", 1, 0),
    "all_to_all, tiled": lambda lax: lambda x: lax.all_to_all(x, "i", 0, 1, tiled=True),
    "all_to_all of two names": lambda lax: lambda x: lax.all_to_all(x.reshape(8), ("i", "j"), 0, 0, tiled=True),
    "pswapaxes": lambda lax: lambda x: lax.pswapaxes(x, "j", 1),
    "ppermute": lambda lax: lambda x: lax.ppermute(x, "i", [(0, 1), (1, 0)]),
    "pshuffle": lambda lax: lambda x: lax.pshuffle(x, "i", [1, 0]),
    "pbroadcast": lambda lax: lambda x: lax.pbroadcast(x, "i", 1),
    "axis_index": lambda lax: lambda x: lax.axis_index("i"),
    "axis_index of two names": lambda lax: lambda x: lax.axis_index(("i", "j")),
    "axis_size": lambda lax: lambda x: lax.axis_size(("i", "j")) * x,
}


@pytest.mark.parametrize("name", PRINTED)
def test_jaxpr_is_jaxs(name):
    ours, theirs = (
        lib.make_jaxpr(PRINTED[name](lib.lax), axis_env=[("i", 4), ("j", 2)])(np.ones((4, 2), np.float32))
        for lib in (mj, jax)
    )
    assert str(ours) == str(theirs)
    assert [v.weak_type for v in ours.out_avals] == [v.weak_type for v in theirs.out_avals]


def test_all_to_all_of_what_is_not_mapped():
    """All examples send the same array; JAX's vmap returns too many axes."""
    out = named(mj, lambda x: mj.lax.all_to_all(mj.numpy.arange(6), "i", 0, 0, tiled=True) * x.astype(int))(X)
    np.testing.assert_array_equal(np.asarray(out), [[0, 1] * 3, [4, 6] * 3, [12, 15] * 3])


@pytest.mark.parametrize("axes", [(0, 0), (0, 1), (1, 0)])
def test_gradient_of_all_to_all(axes):
    """JAX's derivative fails if tiled=False. The transpose of the exchange is its inverse, so cotangents return to their sender."""
    x, weights = np.random.default_rng(0).normal(size=(2, 3, 3, 3)).astype(np.float32)

    def back(x, w):
        return mj.vjp(lambda x: mj.lax.all_to_all(x, "i", *axes), x)[1](w)[0]

    out = mj.vmap(back, axis_name="i")(x, weights)
    expected = named(mj, lambda w: mj.lax.all_to_all(w, "i", *reversed(axes)))(weights)
    np.testing.assert_array_equal(np.asarray(out), np.asarray(expected))


def test_gradient_of_pbroadcast():
    """JAX's own fails under vmap. At the source: what all have made of its square."""
    gradients = named(mj, mj.grad(lambda x: mj.lax.pbroadcast(x * x, "i", 1) * x))(X)
    np.testing.assert_allclose(np.asarray(gradients), [4, 4 + 2 * 2 * (1 + 2 + 3), 4])


def test_axis_env_ends_with_make_jaxpr():
    assert mj.make_jaxpr(lambda x: x, axis_env=[("i", 3)])(1.0).out_avals[0].shape == ()
    with pytest.raises(NameError, match="unbound axis name: i"):
        mj.make_jaxpr(lambda x: mj.lax.psum(x, "i"))(1.0)


def test_of_two_axes_of_one_name_the_inner_one_counts():
    sizes = []
    mj.vmap(mj.vmap(lambda x: sizes.append(mj.lax.axis_size("i")) or x, axis_name="i"), axis_name="i")(A)
    assert sizes == [3]


def test_jit_is_traced_for_each_axis():
    traced = []
    f = mj.jit(lambda x: traced.append(None) or mj.lax.psum(x, "i"))
    for data in (X, X + 1, A[:, 0], X):
        named(mj, f)(mj.numpy.asarray(data))
    assert len(traced) == 2


UNBOUND = {
    **{
        name: lambda lib, f=f: f(lib.lax)
        for name, f in {
            "pmean": lambda lax: lax.pmean(X, "j"),
            "pmax": lambda lax: lax.pmax(X, "j"),
            "pmin": lambda lax: lax.pmin(X, "j"),
            "all_gather": lambda lax: lax.all_gather(X, "j"),
            "psum_scatter": lambda lax: lax.psum_scatter(X, "j"),
            "all_to_all": lambda lax: lax.all_to_all(X, "j", 0, 0),
            "pswapaxes": lambda lax: lax.pswapaxes(X, "j", 0),
            "axis_size": lambda lax: lax.axis_size("j"),
            "None": lambda lax: lax.psum(X, None),
            "one of two": lambda lax: lax.axis_index(("j", "k")),
        }.items()
    },
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


def test_names_that_jax_reports_otherwise():
    """JAX does not check these, and raises an error about a missing rule."""
    for f in (
        lambda x: mj.lax.ppermute(x, "j", RING),
        lambda x: mj.lax.pshuffle(x, "j", [0]),
        lambda x: mj.lax.pbroadcast(x, "j", 0),
    ):
        with pytest.raises(NameError, match="unbound axis name: j"):
            f(X)


MISTAKES = {
    "all_to_all of another size": (
        ValueError, lambda lib: named(lib, lambda r: lib.lax.all_to_all(r, "i", 0, 0))(CUBE[0]),
        "all_to_all requires the size of the mapped axis axis_name to equal x.shape[split_axis], but they are 3 and 6"
        " respectively.",
    ),
    "all_to_all, tiled, of another size": (
        ValueError, lambda lib: named(lib, lambda r: lib.lax.all_to_all(r, "i", 0, 0, tiled=True))(S[:, :2]),
        "The size of all_to_all split_axis (2) has to be divisible by the size of the named axis i (3)",
    ),
    "all_to_all along no axis": (
        IndexError, lambda lib: named(lib, lambda r: lib.lax.all_to_all(r, "i", 1, 0))(S), None,
    ),
    "all_to_all to no axis": (
        ValueError, lambda lib: named(lib, lambda r: lib.lax.all_to_all(r, "i", 0, 2))(S), None,
    ),
    "all_gather along no axis": (
        ValueError, lambda lib: named(lib, lambda r: lib.lax.all_gather(r, "i", axis=3))(S),
        "axis 3 is out of bounds for array of dimension 2",
    ),
    "psum_scatter along no axis": (
        IndexError, lambda lib: named(lib, lambda r: lib.lax.psum_scatter(r, "i", scatter_dimension=1))(S), None,
    ),
    "psum_scatter of another size": (
        ValueError, lambda lib: lib.make_jaxpr(lambda r: lib.lax.psum_scatter(r, "i"), axis_env=[("i", 4)])(X),
        "reduce_scatter operand scatter dimension size 3 must match shard count 4",
    ),
    "psum_scatter, tiled, of another size": (
        ValueError, lambda lib: lib.make_jaxpr(lambda r: lib.lax.psum_scatter(r, "i", tiled=True), axis_env=[("i", 4)])(X),
        "tiled reduce_scatter operand scatter dimension size 3 must be divisible by shard_count 4",
    ),
    "groups with an index twice": (
        ValueError, lambda lib: named(lib, lambda r: lib.lax.psum(r, "i", axis_index_groups=[[0, 1], [1, 2]]))(X),
        "axis_index_groups must cover all indices exactly once",
    ),
    "no name": (
        TypeError, lambda lib: named(lib, lambda r: lib.lax.psum(r))(X),
        "psum() missing 1 required positional argument: 'axis_name'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_errors_are_jaxs(name):
    kind, program, text = MISTAKES[name]
    for lib in (jax, mj):
        with pytest.raises(kind) as caught:
            program(lib)
        assert text is None or str(caught.value).startswith(text)


def test_other_errors():
    with pytest.raises(ValueError, match="axis_index_groups must all have one size"):
        named(mj, lambda x: mj.lax.psum(x, "i", axis_index_groups=[[0, 1], [2]]))(X)
    with pytest.raises(ValueError, match="axis_index_groups must all have one size, along one named axis"):
        twice(mj, lambda x: mj.lax.psum(x, ("i", "j"), axis_index_groups=[[0, 1, 2], [3, 4, 5]]))(A)
    with pytest.raises(NotImplementedError, match="all_gather works along one named axis"):
        twice(mj, lambda x: mj.lax.all_gather(x, ("i", "j")))(A)
    with pytest.raises(ValueError, match="source must be within the axis size 3, got 3"):
        named(mj, lambda x: mj.lax.pbroadcast(x, "i", 3))(X)
    with pytest.raises(ValueError, match="must be unique and within the axis size 3"):
        named(mj, lambda x: mj.lax.ppermute(x, "i", [(0, 1), (0, 2)]))(X)
    with pytest.raises(ValueError, match="does not represent a permutation"):
        named(mj, lambda x: mj.lax.pshuffle(x, "i", [0, 0, 1]))(X)
    with pytest.raises(NotImplementedError, match="Primitive 'pmax' has no jvp rule: .*all_gather"):
        named(mj, mj.grad(lambda x: mj.lax.pmax(x, "i")))(X)
    with pytest.raises(ValueError, match="reduce_scatter operand scatter dimension size 2 must match shard count 3"):
        named(mj, lambda x: mj.lax.psum_scatter(mj.numpy.ones(2) * x, "i"))(X)


MOVES = {
    "ppermute": lambda lib, x: lib.lax.ppermute(x, "i", [(0, 2), (1, 0), (2, 1)]),
    "ppermute of some": lambda lib, x: lib.lax.ppermute(x, "i", [(0, 2)]),
    "pshuffle": lambda lib, x: lib.lax.pshuffle(x, "i", [2, 0, 1]),
    "pbroadcast": lambda lib, x: lib.lax.pbroadcast(x, "i", 1),
}


@pytest.mark.parametrize("name", MOVES)
def test_what_all_examples_share_is_not_moved(name):
    """No equation moves copies of one value among each other, unless some examples get zeros: JAX refuses that."""
    program = lambda lib: lambda x: lib.vmap(lambda _: MOVES[name](lib, x), axis_name="i")(np.arange(3))
    ours = mj.make_jaxpr(program(mj))(np.float32(2))
    if name == "ppermute of some":
        assert program(mj)(np.float32(2)).tolist() == [0, 0, 2]
        return
    if name != "pbroadcast":
        # A vmap of JAX has no pbroadcast.
        assert str(ours) == str(jax.make_jaxpr(program(jax))(np.float32(2)))
    assert [str(e.primitive) for e in ours.eqns] == ["broadcast_in_dim"]
