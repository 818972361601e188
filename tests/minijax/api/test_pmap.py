"""pmap: the same numbers as JAX's on eight forced host devices, under and over the other transformations, and the same jaxprs."""

from __future__ import annotations

import itertools
import re

import jax
import jax.numpy
import numpy as np
import pytest
from jax_oracle import assert_same_leaves, summed_forwards

import minijax as mj
import minijax.numpy
from minijax.core.jaxpr import check_jaxpr, dce_jaxpr
from minijax.foundation.pytrees import tree_leaves
from minijax.foundation.sharding import PartitionSpec

RNG = np.random.default_rng(0)
X = np.array([1.0, 2.0, 3.0, -0.5], np.float32)
A = RNG.normal(size=(4, 3)).astype(np.float32)
S = RNG.normal(size=(4, 4)).astype(np.float32)
CUBE = RNG.normal(size=(2, 4, 3)).astype(np.float32)
W = RNG.normal(size=(3,)).astype(np.float32)
GROUPS = [[0, 2], [3, 1]]
ODD = np.float32([[np.nan, np.inf], [-0.0, -np.inf], [0.0, 1.0]])


def mixed(lib):
    """Results of each kind: a sum over the devices, a value that is equal on all devices, and one that differs."""
    return lambda x, w: lib.numpy.tanh(lib.lax.psum(lib.numpy.sin(x * w), "i") * x) + lib.lax.axis_index("i") * w


def spread(lib, f, **options):
    return lib.pmap(f, axis_name="i", **options)


def loss(lib, **options):
    """A scalar function of an array with a row for each device and of an array that all devices share."""
    return lambda x, w: (spread(lib, mixed(lib), in_axes=(0, None), **options)(x, w) ** 2).sum()


def training(lib):
    """Data parallelism: each device takes a step with the mean of all gradients."""
    jnp = lib.numpy

    def step(params, x, y):
        def of_params(p):
            return ((jnp.tanh(x @ p["w"] + p["b"]) - y) ** 2).mean()

        value, grads = lib.value_and_grad(of_params)(params)
        grads = lib.lax.pmean(grads, "i")
        return lib.tree_util.tree_map(lambda p, g: p - 0.1 * g, params, grads), lib.lax.pmean(value, "i")

    step = spread(lib, step, in_axes=(None, 0, 0), out_axes=(None, None))
    params, values = {"w": W, "b": np.float32(0.5)}, []
    for _ in range(3):
        params, value = step(params, np.stack([A, A + 1]), np.stack([X, X - 1]))
        values.append(value)
    return params, values


PROGRAMS = {
    # Arguments and results.
    "one argument": lambda lib: lib.pmap(lambda x: lib.numpy.sin(x) * x)(X),
    "trees, keywords, axes": lambda lib: lib.pmap(
        lambda t, s, *, k: {"sum": t["a"] + t["b"][0] * s, "k": (k, s)},
        in_axes=({"a": 1, "b": 0}, None),
        out_axes={"sum": 1, "k": 0},
    )({"a": A.T, "b": (A, None)}, 2.0, k=X),
    "an axis within": lambda lib: lib.pmap(lambda x: x * 2, in_axes=1, out_axes=1)(CUBE),
    "the last axis": lambda lib: lib.pmap(lambda x: x.sum(0), in_axes=2, out_axes=1)(CUBE),
    "the first device's result": lambda lib: spread(lib, lambda x: (x, x + lib.lax.axis_index("i")), out_axes=(None, 0))(X + 5),
    "a number as result": lambda lib: lib.pmap(lambda x: (3.0, 2, True), out_axes=(0, None, 0))(X),
    "weak types": lambda lib: lib.pmap(lambda x, y: (y * 2, x + y), in_axes=(0, None))(X, 2.0),
    "integers and bools": lambda lib: lib.pmap(lambda i, b: (i // 2, ~b, i.astype(float)))(np.arange(5), np.arange(5) > 2),
    "nothing within": lambda lib: lib.pmap(lambda x: (x + 1, x.sum()))(A[:, :0]),
    "NaN, inf, -0.0": lambda lib: spread(lib, lambda x: (x, -x, lib.lax.psum(x, "i"), lib.lax.all_gather(x, "i")))(ODD),
    "one device": lambda lib: spread(lib, lambda x: lib.lax.psum(x, "i") + 1)(A[:1]),
    "keys": lambda lib: lib.pmap(lambda k: lib.random.uniform(k, (3,)))(lib.random.split(lib.random.key(0), 4)),
    "a closed-over array": lambda lib: lib.pmap(lambda x: x * lib.numpy.asarray(W))(A),
    "static arguments": lambda lib: lib.pmap(
        lambda n, x, f, y: f(x) * n + y, static_broadcasted_argnums=(0, 2), in_axes=(None, 0, None, 1)
    )(3, A, lib.numpy.sin, A.T),
    "donated arguments": lambda lib: lib.pmap(lambda x, y: x + y, donate_argnums=(0,))(X + 0, X),
    "some of the devices": lambda lib: lib.pmap(lambda x: x + 1, devices=lib.devices()[2:6])(X),
    "a given size": lambda lib: lib.pmap(lambda x: x + 1, axis_size=4, backend="cpu")(X),
    # Collectives.
    "reductions": lambda lib: spread(
        lib, lambda x: [getattr(lib.lax, f)(x, "i") for f in ("psum", "pmean", "pmax", "pmin")] + [lib.lax.psum(1, "i")]
    )(A),
    "index and size": lambda lib: spread(lib, lambda x: (lib.lax.axis_index("i") * x, lib.lax.axis_size("i") + x))(X),
    "all_gather": lambda lib: spread(
        lib, lambda x: (lib.lax.all_gather(x, "i", axis=1), lib.lax.all_gather(x, "i", tiled=True))
    )(A),
    "psum_scatter": lambda lib: spread(
        lib, lambda x: (lib.lax.psum_scatter(x, "i"), lib.lax.psum_scatter(x, "i", tiled=True))
    )(S),
    "all_to_all": lambda lib: spread(
        lib,
        lambda a: (
            lib.lax.all_to_all(a, "i", 0, 0),
            lib.lax.all_to_all(a, "i", 0, 1),
            lib.lax.all_to_all(a, "i", 1, 0),
            lib.lax.all_to_all(a, "i", 0, 1, tiled=True),
            lib.lax.pswapaxes(a, "i", 1),
        ),
    )(np.arange(64, dtype=np.float32).reshape(4, 4, 4)),
    "ppermute": lambda lib: spread(
        lib, lambda x: (lib.lax.ppermute(x, "i", [(0, 1), (1, 2), (3, 3)]), lib.lax.pshuffle(x, "i", [2, 0, 1, 3]))
    )(A),
    "in groups": lambda lib: spread(
        lib,
        lambda x: (
            lib.lax.psum(x, "i", axis_index_groups=GROUPS),
            lib.lax.pmean(x, "i", axis_index_groups=GROUPS),
            lib.lax.pmax(x, "i", axis_index_groups=GROUPS),
            lib.lax.all_gather(x, "i", axis=1, axis_index_groups=GROUPS),
            lib.lax.all_gather(x, "i", tiled=True, axis_index_groups=GROUPS),
            lib.lax.psum_scatter(x[:2], "i", axis_index_groups=GROUPS),
            lib.lax.psum_scatter(x, "i", tiled=True, axis_index_groups=GROUPS),
            lib.lax.all_to_all(x, "i", 0, 0, tiled=True, axis_index_groups=GROUPS),
        ),
    )(S),
    "grad of what goes in groups": lambda lib: lib.grad(
        lambda x: (spread(lib, lambda r: lib.lax.all_gather(
            lib.lax.psum(r * r, "i", axis_index_groups=GROUPS) * r, "i", axis_index_groups=GROUPS))(x) * S[:, None]).sum()
    )(S),
    # Derivatives.
    "grad of pmap": lambda lib: lib.grad(loss(lib), argnums=(0, 1))(A, W),
    "value_and_grad, of one argument": lambda lib: lib.value_and_grad(loss(lib), argnums=1)(A, W),
    "pmap of grad": lambda lib: spread(lib, lib.grad(lambda x, w: mixed(lib)(x, w).sum(), argnums=(0, 1)), in_axes=(0, None))(A, W),
    "jvp of pmap": lambda lib: lib.jvp(loss(lib), (A, W), (A + 1, W - 1)),
    "jvp along one argument": lambda lib: lib.jvp(lambda w: spread(lib, mixed(lib), in_axes=(0, None))(A, w), (W,), (W + 1,)),
    "jvp of results along several axes": lambda lib: lib.jvp(
        lambda c: lib.pmap(lambda x, i: (i, x * x, 2.0 * x, lib.numpy.sin(x)), out_axes=(0, 1, 2, 0))(c, np.arange(2)),
        (CUBE,),
        (CUBE + 1,),
    )[1][1:],
    "pmap of jvp": lambda lib: spread(lib, lambda x: lib.jvp(lambda y: mixed(lib)(y, W), (x,), (x * x,)))(A),
    "linearize": lambda lib: lib.linearize(loss(lib), A, W)[1](A + 1, W - 1),
    "vjp": lambda lib: lib.vjp(spread(lib, lambda x, w: (mixed(lib)(x, w), x.sum()), in_axes=(0, None)), A, W)[1]((A, X)),
    "vjp of one result of two": lambda lib: lib.grad(lambda x: lib.pmap(lambda r: (r * r, lib.numpy.sin(r)))(x)[1].sum())(A),
    "grad of the first device's result": lambda lib: lib.grad(
        lambda x: spread(lib, lambda r: lib.lax.psum(lib.numpy.sin(r), "i"), out_axes=None)(x) @ W
    )(A),
    "grad through axes": lambda lib: lib.grad(
        lambda a: (lib.pmap(lambda r: r * lib.numpy.cos(r), in_axes=1, out_axes=2)(a) ** 2)[0, 1].sum()
    )(CUBE),
    "grad past integers": lambda lib: lib.grad(lambda x: lib.pmap(lambda r, i: (r * i, i))(x, np.arange(4))[0].sum())(X),
    "grad of a closed-over array": lambda lib: lib.grad(lambda w: lib.pmap(lambda r: r * w * w)(A).sum())(W),
    "hessian of pmap": lambda lib: lib.hessian(lambda w: loss(lib)(A, w))(W),
    "pmap of hessian": lambda lib: lib.pmap(lib.hessian(lambda r: lib.numpy.sin(r @ W) * r.sum()))(A),
    "jacobians of pmap": lambda lib: [
        jac(spread(lib, lambda x: lib.lax.psum(x, "i") * lib.numpy.sin(x)))(X) for jac in (lib.jacfwd, lib.jacrev)
    ],
    "grad of collectives": lambda lib: lib.grad(
        lambda s: (spread(lib, lambda r: (
            lib.lax.all_gather(r * r, "i").sum(0)
            + lib.lax.psum_scatter(r * r, "i", tiled=True)
            + lib.lax.all_to_all(r * r, "i", 0, 0)
            + lib.lax.ppermute(r * r, "i", [(0, 1), (1, 3)])
        ) * r)(s) * S).sum()
    )(S),
    # Other transformations.
    "jit of pmap": lambda lib: lib.jit(lambda x, w: loss(lib)(x, w) + 1)(A, W),
    "jit of grad of pmap": lambda lib: lib.jit(lib.grad(loss(lib)))(A, W),
    "pmap of jit": lambda lib: spread(lib, lib.jit(mixed(lib)), in_axes=(0, None))(A, W),
    "grad of pmap of jit": lambda lib: lib.grad(lambda x: spread(lib, lib.jit(lambda r: mixed(lib)(r, W)))(x).sum())(A),
    "vmap of pmap": lambda lib: lib.vmap(spread(lib, mixed(lib), in_axes=(0, None)), in_axes=(0, None))(CUBE, W),
    "vmap of pmap, other axes": lambda lib: lib.vmap(
        spread(lib, mixed(lib), in_axes=(1, 0), out_axes=1), in_axes=(2, 1), out_axes=1
    )(CUBE, S[:, :3]),
    "vmap of what is not cut": lambda lib: lib.vmap(
        spread(lib, lambda x, w: (x * w, w * 2), in_axes=(0, None), out_axes=(0, None)), in_axes=(None, 0)
    )(A, np.stack([W, W + 1])),
    "vmap of grad of pmap": lambda lib: lib.vmap(lib.grad(loss(lib), argnums=1), in_axes=(0, None))(CUBE, W),
    "grad of vmap of pmap": lambda lib: lib.grad(lambda c: lib.vmap(loss(lib), in_axes=(0, None))(c, W).sum())(CUBE),
    "pmap of vmap": lambda lib: spread(lib, lib.vmap(mixed(lib), in_axes=(0, None)), in_axes=(1, None))(CUBE, W),
    "names of both": lambda lib: spread(
        lib, lib.vmap(
            lambda x: (lib.lax.psum(x, ("i", "j")), lib.lax.axis_index(("j", "i")), x / lib.lax.psum(x, "j")), axis_name="j"
        )
    )(A),
    "names of three": lambda lib: lib.vmap(
        spread(lib, lib.vmap(
            lambda x: (lib.lax.psum(x, ("k", "j", "i")), lib.lax.pmax(x, "k"), lib.lax.axis_index(("k", "i", "j"))), axis_name="j"
        )), axis_name="k",
    )(CUBE),
    "grad of names of three": lambda lib: lib.grad(
        lambda c: lib.vmap(spread(lib, lib.vmap(
            lambda x: lib.numpy.sin(lib.lax.psum(x, ("k", "j"))) * lib.lax.psum(x, "i"), axis_name="j"
        )), axis_name="k")(c)[0, 1, 2]
    )(CUBE),
    "an index outside": lambda lib: lib.vmap(
        lambda c: spread(lib, lambda x: x + lib.lax.axis_index("k"))(lib.numpy.asarray(X)) + c[0, 0], axis_name="k"
    )(CUBE),
    "in a scan": lambda lib: lib.lax.scan(
        lambda c, w: (spread(lib, lambda x: lib.lax.pmean(x, "i") * w + x)(c), c.sum()), A, W
    ),
    "of a scan": lambda lib: spread(
        lib, lib.grad(lambda x: lib.lax.scan(lambda c, w: (lib.lax.psum(c, "i") * w * x, c), x, W)[0])
    )(X),
    "of branches and loops": lambda lib: spread(
        lib,
        lambda x: lib.lax.while_loop(lambda c: c < 10, lambda c: c * 2 + 1, lib.lax.cond(x > 1.5, lambda: x, lambda: 3 - x)),
    )(X),
    "of checkpoint": lambda lib: lib.grad(
        lambda x: spread(lib, lib.checkpoint(lambda r: lib.numpy.sin(lib.lax.psum(r * r, "i"))))(x).sum()
    )(A),
    "of custom_vjp": lambda lib: lib.grad(lambda x: spread(lib, summed_forwards(lib))(x * x).sum())(X),
    "training": training,
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(72)
def test_program_equals_jax(name):
    signs = name == "NaN, inf, -0.0"
    assert_same_leaves(PROGRAMS[name](mj), PROGRAMS[name](jax), rtol=2e-5, atol=2e-6, signs=signs)


# ---------------------------------------------------------------------------------------------------------------------
# The program, as text

PRINTED = {
    "a collective": (lambda lib: spread(lib, lambda x: x * lib.lax.psum(x, "i")), (X,)),
    "axes": (lambda lib: lib.pmap(lambda x, y: (x * y, y), in_axes=(1, None), out_axes=(1, None)), (A.T, W)),
    "vmap of pmap": (lambda lib: lib.vmap(lib.pmap(lambda x: lib.numpy.sin(x) + 1)), (CUBE,)),
    "jvp of pmap": (lambda lib: lambda x: lib.jvp(lib.pmap(lambda r: lib.numpy.sin(r)), (x,), (x,)), (A,)),
    "pmap of a scan": (
        lambda lib: lib.pmap(lambda x: lib.lax.scan(lambda c, _: (c * 2, None), x, None, length=3)[0]), (X,)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PRINTED)
def test_jaxpr_is_jaxs(name):
    function, args = PRINTED[name]
    ours, theirs = (str(lib.make_jaxpr(function(lib))(*args)) for lib in (mj, jax))
    if "np.int64" in theirs:
        # JAX prints a NumPy number among the dimensions, and therefore breaks the line.
        ours, theirs = (re.sub(r"np\.int64\((\d+)\)", r"\1", text) for text in (ours, theirs))
        ours, theirs = (re.sub(r"\s+(?=\])|(?<=\[)\s+", "", text) for text in (ours, theirs))
    assert ours == theirs


@pytest.mark.parametrize(
    "program",
    [
        loss(mj),
        mj.grad(loss(mj), argnums=(0, 1)),
        mj.hessian(loss(mj), argnums=1),
        lambda x, w: mj.linearize(loss(mj), x, w)[1](x, w),
        lambda x, w: mj.vmap(loss(mj), in_axes=(None, 0))(x, mj.numpy.stack([w, w])),
        lambda x, w: spread(mj, lambda r: mj.lax.all_to_all(mj.lax.all_gather(r, "i"), "i", 0, 0))(x),
    ],
    ids="loss grad hessian linearize vmap all_to_all".split(),
)
def test_jaxprs_are_well_formed(program):
    closed = mj.make_jaxpr(program)(A, W)
    check_jaxpr(closed)
    names = [eqn.primitive.name for eqn in closed.eqns]
    assert names.count("jit") >= 1
    np.testing.assert_allclose(
        np.concatenate([np.ravel(x) for x in mj.core.eval_jaxpr(closed.jaxpr, closed.consts, A, W)]),
        np.concatenate([np.ravel(x) for x in tree_leaves(program(A, W))]),
        rtol=1e-5,
        atol=1e-6,
    )


def test_gradient_has_no_more_equations_than_jaxs():
    def count(jaxpr):
        inner = [p for eqn in jaxpr.eqns for p in eqn.params.values() if hasattr(p, "eqns")]
        return len(jaxpr.eqns) + sum(map(count, inner))

    ours, theirs = (count(lib.make_jaxpr(lib.grad(loss(lib), argnums=(0, 1)))(A, W)) for lib in (mj, jax))
    assert ours <= theirs


def test_what_nobody_reads_is_dropped():
    """Dead code is also dropped from the program of a device: results, equations, arguments."""

    mapped = mj.pmap(lambda u, r, w: (mj.numpy.sin(u), r * w, w), in_axes=(1, 0, None), out_axes=(0, 1, None))
    closed = mj.make_jaxpr(lambda *args: mapped(*args)[1])(S, A, W)
    jaxpr, used = dce_jaxpr(closed.jaxpr, [True])
    text = str(jaxpr)
    assert used == [False, True, True] and " sin " not in text and " mul " in text
    assert "in_specs=(P('_internal_pmap_axis_name',), P())" in text
    assert "out_specs=(P(None, '_internal_pmap_axis_name'),)" in text
    check_jaxpr(jaxpr)
    np.testing.assert_allclose(mj.core.eval_jaxpr(jaxpr, [], A, W)[0], (A * W).T)


def test_residuals_that_are_arguments_are_not_copied():
    """A weight that all devices share stays one array, although each device needs it in reverse mode."""
    jaxpr = mj.make_jaxpr(mj.grad(lambda x, w: mj.pmap(lambda r, w: r * w, in_axes=(0, None))(x, w).sum()))(A, W)
    shapes = [v.aval.shape for eqn in jaxpr.eqns if eqn.primitive.name == "jit" for v in eqn.invars]
    assert (12,) not in shapes and shapes.count((3,)) == 2


# ---------------------------------------------------------------------------------------------------------------------
# Laws


def random_like(tree):
    return jax.tree.map(lambda x: RNG.normal(size=np.shape(x)).astype(np.float32), tree)


@pytest.mark.parametrize("out_axes", [0, 1, None])
def test_transpose_is_the_adjoint(out_axes):
    """<J t, c> = <t, J' c>, for arguments and results that are cut or whole."""

    def f(x, w):
        y = mixed(mj)(x, w)
        return mj.lax.psum(y, "i") if out_axes is None else y

    f = spread(mj, f, in_axes=(0, None), out_axes=out_axes)
    tangents = random_like((A, W))
    out, out_tangent = mj.jvp(f, (A, W), tangents)
    cotangent = random_like(np.asarray(out))
    back = mj.vjp(f, A, W)[1](cotangent)
    forwards = np.vdot(out_tangent, cotangent)
    backwards = sum(np.vdot(t, b) for t, b in zip(tangents, back))
    np.testing.assert_allclose(forwards, backwards, rtol=1e-4)


def test_is_a_stack_of_the_devices_programs():
    programs = spread(mj, lambda x, w: mj.numpy.tanh(x * w) + w, in_axes=(0, None))
    expected = np.stack([np.tanh(x * W) + W for x in A])
    np.testing.assert_allclose(np.asarray(programs(A, W)), expected, rtol=1e-6)


@pytest.mark.parametrize("order", list(itertools.permutations("ijk"))[:3], ids="".join)
def test_of_two_maps_of_one_name_the_inner_one_counts(order):
    def program(lib):
        inner = lib.pmap(lambda x: (lib.lax.psum(x, order[0]), lib.lax.axis_index(order[0])), axis_name=order[0])
        return lib.vmap(inner, axis_name=order[0])(CUBE)

    total, index = program(mj)
    np.testing.assert_allclose(np.asarray(total), np.broadcast_to(CUBE.sum(1, keepdims=True), CUBE.shape), rtol=1e-5)
    np.testing.assert_array_equal(np.asarray(index), [[0, 1, 2, 3]] * 2)


# ---------------------------------------------------------------------------------------------------------------------
# Tracing


def test_traced_once_for_each_type_and_static_value():
    traced = []

    def f(x, n):
        traced.append(n)
        return x * n

    mapped = mj.pmap(f, static_broadcasted_argnums=1)
    for x, n in ((X, 2), (X + 1, 2), (X[:2], 2), (X, 3), (X, 2.0), (X, 2)):
        np.testing.assert_array_equal(np.asarray(mapped(x, n)), x * n)
    assert [(type(n), n) for n in traced] == [(int, 2), (int, 2), (int, 3), (float, 2.0)]


def test_wraps_the_function():
    def f(x):
        """What f does."""

    assert (mj.pmap(f).__name__, mj.pmap(f).__doc__) == ("f", "What f does.")


# ---------------------------------------------------------------------------------------------------------------------
# Devices


def test_devices_are_jaxs():
    for f in (
        lambda lib: repr(lib.devices()),
        lambda lib: [str(d) for d in lib.local_devices()],
        lambda lib: [
            (d.id, d.platform, d.device_kind, d.process_index, d.local_hardware_id) for d in lib.devices("cpu")
        ],
        lambda lib: [lib.device_count(), lib.local_device_count("cpu"), lib.process_index(), lib.process_count()],
        lambda lib: lib.default_backend(),
        lambda lib: lib.devices()[1] is lib.devices()[1],
        lambda lib: [isinstance(d, lib.Device) for d in lib.devices()],
        lambda lib: [lib.devices()[1] == lib.devices()[i] for i in range(3)],
        lambda lib: repr((lib.numpy.ones(3).device, lib.numpy.ones(3).devices())),
    ):
        assert f(mj) == f(jax)


def test_number_of_devices_is_an_option(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--some_flag --xla_force_host_platform_device_count=3")
    assert mj.device_count() == 3
    monkeypatch.delenv("XLA_FLAGS")
    assert mj.devices() == [mj.devices()[0]]
    mj.config.update("jax_num_cpu_devices", 12)
    try:
        assert mj.local_device_count() == 12
        np.testing.assert_array_equal(np.asarray(mj.pmap(lambda x: x + 1)(np.arange(12))), np.arange(1, 13))
    finally:
        mj.config.update("jax_num_cpu_devices", -1)


def test_specs_are_jaxs():
    for entries in ((), ("i",), (None, "i"), (None, "i", None)):
        ours, theirs = PartitionSpec(*entries), jax.sharding.PartitionSpec(*entries)
        assert (repr(ours), tuple(ours), len(ours)) == (repr(theirs), tuple(theirs), len(theirs))
        assert (
            ours == PartitionSpec(*entries)
            and hash(ours) == hash(PartitionSpec(*entries))
            and ours != PartitionSpec("k")
        )
        assert ours != entries and theirs != entries
    mesh = jax.sharding.Mesh(jax.devices()[:3], ("i",))
    ours = mj.sharding.Mesh(mj.devices()[:3], ("i",))
    assert (repr(ours), str(ours), ours.size, dict(ours.shape)) == (repr(mesh), str(mesh), mesh.size, dict(mesh.shape))


# ---------------------------------------------------------------------------------------------------------------------
# Errors have JAX's class, and JAX's words where these speak of pmap and not of JAX's implementation

MISTAKES = {
    "more examples than devices": (
        ValueError, lambda lib: lib.pmap(lambda x: x)(np.ones(9)), None,
        "pmap of an axis of size 9 requires 9 replicas, but only 8 devices are available. Ask for more with"
        ' config.update("jax_num_cpu_devices", 9), or use vmap.',
    ),
    "more examples than the given devices": (
        ValueError, lambda lib: lib.pmap(lambda x: x, devices=lib.devices()[:3])(X), None,
        "pmap of an axis of size 4 requires 4 replicas, but only 3 devices are available.",
    ),
    "no devices": (
        ValueError, lambda lib: lib.pmap(lambda x: x, devices=[]), "'devices' argument to pmap must be non-empty, or None.", None,
    ),
    "sizes that differ": (
        ValueError, lambda lib: lib.pmap(lambda x, *, k: x + k["a"])(X, k={"a": X[:3]}), None,
        "pmap got inconsistent sizes for array axes to be mapped:\n"
        "  * axis 0 of argument args[0] of type float32[4] has size 4\n"
        "  * axis 0 of argument kwargs['k']['a'] of type float32[3] has size 3",
    ),
    "a scalar among the mapped": (
        ValueError, lambda lib: lib.pmap(lambda x, y: x + y)(X, 1.0), None,
        "pmap got inconsistent sizes for array axes to be mapped:\n"
        "  * axis 0 of argument args[0] of type float32[4] has size 4\n"
        "  * axis 0 of argument args[1] of type float32[] has no axes",
    ),
    "nothing mapped": (
        ValueError, lambda lib: lib.pmap(lambda x: x, in_axes=None, axis_size=3)(X),
        "pmap requires at least one argument with a mapped axis.", None,
    ),
    "scalars alone": (
        ValueError, lambda lib: lib.pmap(lambda x: x)(1.0), "pmap requires at least one argument with a mapped axis.", None,
    ),
    "another size": (
        ValueError, lambda lib: lib.pmap(lambda x: x, axis_size=3)(X),
        "Specified axis_size 3 doesn't match received axis_size 4.", None,
    ),
    "no example": (ValueError, lambda lib: lib.pmap(lambda x: x)(A[:0]), None, "pmap cannot map an axis of size 0"),
    "no such axis": (
        IndexError, lambda lib: lib.pmap(lambda x: x, in_axes=2)(A), None, "axis 2 is out of bounds for array of dimension 2",
    ),
    "no such axis of the result": (
        ValueError, lambda lib: lib.pmap(lambda x: x, out_axes=3)(A), "axis 3 is out of bounds for array of dimension 2", None,
    ),
    "in_axes of another length": (
        ValueError, lambda lib: lib.pmap(lambda x: x, in_axes=(0, 0))(X), None, "pmap in_axes specification must be a tree prefix",
    ),
    "in_axes that are no integers": (
        TypeError, lambda lib: lib.pmap(lambda x: x, in_axes=("a", 0)),
        "pmap in_axes must be an int, None, or (nested) container with those types as leaves, but got ('a', 0).", None,
    ),
    "out_axes that are no integers": (
        TypeError, lambda lib: lib.pmap(lambda x: x, out_axes=1.0),
        "pmap out_axes must be an int, None, or (nested) container with those types as leaves, but got 1.0.", None,
    ),
    "no function": (TypeError, lambda lib: lib.pmap(3), "Expected a callable value, got 3", None),
    "no array": (
        TypeError, lambda lib: lib.pmap(lambda x, y: x)(X, "a"), None,
        "argument ''a'' of type <class 'str'> is not a valid JAX type.",
    ),
    "no array as result": (
        TypeError, lambda lib: lib.pmap(lambda x: "a")(X), None, "function <lambda> returned a value of type <class 'str'>",
    ),
    "a static argument left out": (
        ValueError, lambda lib: lib.pmap(lambda x, n: x, static_broadcasted_argnums=1)(X),
        "pmapped function has static_broadcasted_argnums=(1,) but was called with only 1 positional argument. All static"
        " broadcasted arguments must be passed positionally.", None,
    ),
    "a static list": (
        ValueError, lambda lib: lib.pmap(lambda x, n: x, static_broadcasted_argnums=1)(X, [3]),
        "Non-hashable static arguments are not supported, as this can lead to unexpected cache-misses. Static argument (index"
        " 1) of type <class 'list'> for function <lambda> is non-hashable.", None,
    ),
    "another name": (
        NameError, lambda lib: spread(lib, lambda x: lib.lax.psum(x, "j"))(X), None, "unbound axis name: j. psum works within",
    ),
    "pmap in pmap": (
        ValueError, lambda lib: lib.pmap(lib.pmap(lambda x: x), axis_name="i")(A), None,
        "pmap within a pmap: the program of one device of axis 'i' cannot be spread over devices again, as in JAX. Use vmap",
    ),
    "another backend": (
        RuntimeError, lambda lib: lib.devices("gpu"),
        "Unknown backend: 'gpu' requested, but no platforms that are instances of gpu are present. Platforms present are: cpu",
        None,
    ),
    "another process": (ValueError, lambda lib: lib.local_devices(process_index=1), "Unknown process_index 1", None),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_errors(name):
    kind, program, text, own_text = MISTAKES[name]
    with pytest.raises(kind) as theirs:
        program(jax)
    with pytest.raises(kind) as ours:
        program(mj)
    assert str(ours.value).startswith(own_text or text)
    assert text is None or str(theirs.value).startswith(text)


@pytest.mark.parametrize("options", [{"in_axes": -1}, {"out_axes": (0, -2)}])
def test_negative_axes(options):
    """JAX accepts negative axes, and maps a different axis than they name."""
    with pytest.raises(
        ValueError, match="pmap (in|out)_axes must not be negative, but got .*: count the axis from the front"
    ):
        mj.pmap(lambda x: x, **options)


def test_no_devices_at_all(monkeypatch):
    monkeypatch.setitem(mj.config._values, "jax_num_cpu_devices", 0)
    with pytest.raises(ValueError, match="jax_num_cpu_devices must be at least 1, or -1 for the default; it is 0"):
        mj.devices()
