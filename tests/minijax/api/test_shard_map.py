"""`shard_map` computes what JAX's does on four devices, and refuses what JAX's refuses."""

from __future__ import annotations

import jax
import jax.numpy
import numpy as np
import pytest

import minijax
import minijax.numpy

X, M = np.arange(8, dtype=np.float32), np.arange(16, dtype=np.float32).reshape(8, 2)
RING = [(k, (k + 1) % 4) for k in range(4)]


@pytest.fixture(autouse=True)
def four_devices():
    before = minijax.config.jax_num_cpu_devices
    minijax.config.update("jax_num_cpu_devices", 4)
    yield
    minijax.config.update("jax_num_cpu_devices", before)


def mesh_of(lib, *names: str):
    return lib.sharding.Mesh(np.array(lib.devices()[:4]).reshape((4,) + (1,) * (len(names) - 1)), names)


def mapped(lib, f, in_specs, out_specs, **options):
    return lib.shard_map(f, mesh=mesh_of(lib, "i"), in_specs=in_specs, out_specs=out_specs, **options)


def by_decorator(lib):
    @lib.shard_map(mesh=mesh_of(lib, "i"), in_specs=lib.P("i"), out_specs=lib.P("i"))
    def f(x):
        return x + lib.lax.axis_index("i")

    return f(X)


def by_set_mesh(lib):
    with lib.set_mesh(mesh_of(lib, "i")):
        return lib.shard_map(lambda x: lib.lax.psum(x, "i"), in_specs=lib.P("i"), out_specs=lib.P())(X)


def with_closure(lib):
    c = lib.numpy.asarray(M)
    return mapped(lib, lambda x: x + c.sum(), lib.P("i"), lib.P("i"))(X)


def gradient(lib):
    def loss(w):
        mean = lambda w, x: lib.lax.pmean(lib.numpy.sum(lib.numpy.sin(x * w)), "i")
        return mapped(lib, mean, (lib.P(), lib.P("i")), lib.P())(w, X)

    return lib.value_and_grad(loss)(2.0)


PROGRAMS = {
    "psum": lambda lib: mapped(lib, lambda x: lib.lax.psum(x.sum(), "i"), lib.P("i"), lib.P())(X),
    "blocks": lambda lib: mapped(lib, lambda x: x * lib.lax.axis_index("i"), lib.P("i"), lib.P("i"))(X),
    "a product": lambda lib: mapped(lib, lambda a, b: a @ b, (lib.P("i", None), lib.P()), lib.P("i"))(M, M[:2]),
    "trees": lambda lib: mapped(
        lib,
        lambda d: {"mean": lib.lax.pmean(d["a"], "i"), "b": d["b"] * 2},
        ({"a": lib.P("i"), "b": lib.P()},),
        {"mean": lib.P(), "b": lib.P()},
    )({"a": X, "b": M}),
    "a prefix": lambda lib: mapped(lib, lambda a, b: (a + 1, b), lib.P("i"), lib.P("i"))(X, 2 * X),
    "the second axis": lambda lib: mapped(
        lib, lambda a: lib.lax.all_gather(a, "i", axis=1, tiled=True), lib.P(None, "i"), lib.P(None, "i")
    )(M.T),
    "ppermute": lambda lib: mapped(lib, lambda a: lib.lax.ppermute(a, "i", RING), lib.P("i"), lib.P("i"))(X),
    "gradient by what is cut": lambda lib: lib.grad(
        lambda x: mapped(lib, lambda x: lib.lax.psum((x**2).sum(), "i"), lib.P("i"), lib.P())(x)
    )(X),
    "gradient by what is whole": gradient,
    "jit": lambda lib: lib.jit(mapped(lib, lambda x: x - lib.lax.pmax(x, "i"), lib.P("i"), lib.P("i")))(X),
    "vmap": lambda lib: lib.vmap(mapped(lib, lambda x: x - lib.lax.pmean(x, "i"), lib.P("i"), lib.P("i")))(
        np.stack([X, 2 * X])
    ),
    "unchecked": lambda lib: mapped(lib, lambda x: x.sum(), lib.P("i"), lib.P(), check_vma=False)(X),
    "no arguments": lambda lib: mapped(lib, lambda: lib.numpy.ones(2), (), lib.P())(),
    "decorator": by_decorator,
    "set_mesh": by_set_mesh,
    "closure": with_closure,
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(8)
def test_program_equals_jax(name):
    mine, theirs = (PROGRAMS[name](lib) for lib in (minijax, jax))
    assert str(minijax.tree.structure(mine)) == str(jax.tree.structure(theirs))
    for a, b in zip(minijax.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-6)


MISTAKES = {
    "a result that differs": (
        lambda lib: mapped(lib, lambda x: x.sum(), lib.P("i"), lib.P())(X),
        "result 0 of <lambda>",
    ),
    "no multiple": (lambda lib: mapped(lib, lambda x: x, lib.P("i"), lib.P("i"))(X[:7]), "size 7.*4 devices"),
    "too many axes": (lambda lib: mapped(lib, lambda x: x, lib.P(None, "i"), lib.P("i"))(X), "argument 0.*fewer axes"),
    "too many axes of a result": (
        lambda lib: mapped(lib, lambda x: x.sum(), lib.P("i"), lib.P("i"))(X),
        "result 0.*fewer",
    ),
    "another axis": (lambda lib: mapped(lib, lambda x: x, lib.P("j"), lib.P("j"))(X), "'j'.*'i'"),
    "no specifications": (lambda lib: mapped(lib, lambda x: x, 0, 0)(X), "PartitionSpec, got 0"),
    "names of other axes": (
        lambda lib: mapped(lib, lambda x: x, lib.P("i"), lib.P("i"), axis_names={"j"})(X),
        r"axis_names \{'j'\}",
    ),
    "no mesh": (lambda lib: lib.shard_map(lambda x: x, in_specs=lib.P("i"), out_specs=lib.P("i"))(X), "needs a mesh"),
    "no function": (lambda lib: mapped(lib, 3, lib.P("i"), lib.P("i"))(X), "3"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    program, message = MISTAKES[name]
    with pytest.raises(Exception) as theirs:
        program(jax)
    with pytest.raises(type(theirs.value), match=message):
        program(minijax)


def test_several_axes_are_refused():
    with pytest.raises(NotImplementedError, match=r"one axis of devices, once; got a mesh of the axes \('i', 'j'\)"):
        minijax.shard_map(
            lambda x: x, mesh=mesh_of(minijax, "i", "j"), in_specs=minijax.P("i"), out_specs=minijax.P("i")
        )(X)
    within = lambda x: mapped(minijax, lambda x: x, minijax.P("i"), minijax.P("i"))(x)
    with pytest.raises(NotImplementedError, match="within the program of one device of axis 'i'"):
        mapped(minijax, within, minijax.P("i"), minijax.P("i"))(X)
