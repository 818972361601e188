"""The functions of `lax` that are few equations, and rows whose cases fit no table, against JAX's."""

from __future__ import annotations

import jax
import jax.lax
import jax.numpy
import numpy as np
import pytest

import minijax
import minijax.lax
import minijax.numpy

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 5)).astype("float32")
R = RNG.normal(size=(3, 5, 2)).astype("float32")
N = np.int32([0, 1, -1, 7, 2**31 - 1, -(2**31), 123456789])

ORDERED = (
    np.float32([1, np.nan, 2, 0, -0.0, -np.nan, np.inf]),
    np.float32([np.nan, np.nan, 0, -0.0, 0, np.nan, -np.inf]),
)
PLACES = np.array([[1], [3], [1], [9]])
MODES = {"drop": None, "clip": "clip"}


def applied(lib):
    numbers = lib.lax.ScatterDimensionNumbers((), (0,), (0,))
    return lambda x, i: lib.lax.scatter_apply(x, i, lambda x: 2 * x + 1, numbers, update_shape=(4,))


def sunk(lib):
    def f(x):
        lib.lax.dce_sink({"a": 3 * x, "b": 1.0})
        return x**2

    return f


CASES = {
    "approx_max_k": lambda lib: lib.lax.approx_max_k(X, 2),
    "approx_min_k": lambda lib: lib.lax.approx_min_k(X, 2, reduction_dimension=0),
    "approx_max_k, candidates": lambda lib: lib.lax.approx_max_k(X, 2, aggregate_to_topk=False),
    "approx_min_k, candidates of another axis": lambda lib: lib.lax.approx_min_k(
        X, 1, reduction_dimension=0, reduction_input_size_override=9, aggregate_to_topk=False
    ),
    "broadcast_to_rank": lambda lib: lib.lax.broadcast_to_rank(X, 4),
    "broadcast_like": lambda lib: lib.lax.broadcast_like(X[:, :1], X),
    "empty": lambda lib: lib.lax.empty((2, 3), np.float32) * 0,
    "dtype": lambda lib: [str(lib.lax.dtype(x)) for x in (X, 1.0, 2, np.float64(1))],
    "shape_as_value": lambda lib: [np.asarray(lib.lax.shape_as_value(s)) for s in ((), (2, 3))],
    "index_take": lambda lib: lib.lax.index_take(
        lib.numpy.asarray(R), [lib.numpy.array([0, -1, 4]), lib.numpy.array([5, 1, 0])], (0, 1)
    ),
    "ragged_dot": lambda lib: lib.lax.ragged_dot(X, R[:2], np.int32([1, 1])),
    "ragged_dot, its gradients": lambda lib: lib.grad(
        lambda x, r: (lib.lax.ragged_dot(x, r, np.int32([2, 0, 1])) ** 2).sum(), (0, 1)
    )(lib.numpy.asarray(X), lib.numpy.asarray(R)),
    "platform_dependent": lambda lib: lib.lax.platform_dependent(X, cpu=lambda x: x + 1, default=lambda x: x),
    "platform_dependent, the default": lambda lib: lib.lax.platform_dependent(
        X, tpu=lambda x: x + 1, default=lambda x: x
    ),
    "approx_max_k, its gradient": lambda lib: lib.grad(lambda x: (lib.lax.approx_max_k(x, 2)[0] ** 2).sum())(X),
    "approx_min_k of a batch": lambda lib: lib.vmap(lambda x: lib.lax.approx_min_k(x, 2), in_axes=1)(X),
    "stage": lambda lib: [lib.lax.stage(1.0), lib.lax.stage_p.bind(X), lib.grad(lambda x: lib.lax.stage(x) ** 2)(3.0)],
    "total order": lambda lib: [
        getattr(lib.lax, f"{name}_to_p").bind(*map(lib.numpy.asarray, ORDERED)) for name in ("eq", "le", "lt")
    ],
    "sink": lambda lib: [lib.jit(sunk(lib))(2.0), lib.grad(sunk(lib))(2.0), lib.vmap(sunk(lib))(X)],
    **{
        f"scatter_apply, {name}": lambda lib, f=f, name=name: lib.lax.scatter_apply(
            X[0], PLACES, f, lib.lax.ScatterDimensionNumbers((), (0,), (0,)), update_shape=(4,), mode=MODES[name]
        )
        for name, f in (("drop", lambda x: 2 * x + 1), ("clip", lambda x: x * x))
    },
    "scatter_apply of a batch": lambda lib: lib.vmap(lambda x, i: applied(lib)(x, i), (1, None))(X.T, PLACES),
    "clz": lambda lib: lib.lax.clz(N),
    "mulhi": lambda lib: [lib.lax.mulhi(a, a[::-1]) for a in (N, N.view("uint32"), N.astype("int16"))],
    "barrier": lambda lib: lib.grad(lambda x, y: (lib.lax.optimization_barrier((x * y, y))[0] ** 2).sum())(
        lib.numpy.asarray(X), 2.0
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.one_in(4)
def test_values(name):
    mine, theirs = CASES[name](minijax), CASES[name](jax)
    assert str(minijax.tree.structure(mine)) == str(jax.tree.structure(theirs))
    for a, b in zip(minijax.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
        if isinstance(b, str):
            assert a == b
        else:
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bits", [(5, 10), (8, 7), (4, 3), (2, 0), (8, 23), (1, 30), (11, 52)])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.one_in(3)
def test_reduce_precision(dtype, bits):
    """Every way of rounding, overflow, underflow, infinities and NaN; no subnormal number, which XLA takes for 0."""
    x = np.concatenate([RNG.normal(size=300) * 2.0 ** RNG.integers(-13, 14, 300), [0.0, -0.0, np.inf, -np.inf, np.nan]])
    x = np.concatenate([x, 1 + np.arange(64) / 64, 60000 + np.arange(40), [448.0, 464.0, 480.0]]).astype(dtype)
    theirs = np.asarray(jax.lax.reduce_precision(x, *bits))
    f = lambda x: minijax.lax.reduce_precision(x, *bits)
    for mine in (f(x), minijax.jit(f)(x), minijax.jit(f, compiler="xla")(x)):
        np.testing.assert_array_equal(mine, theirs)
        np.testing.assert_array_equal(np.signbit(mine), np.signbit(theirs))


def test_products_of_the_largest_words():
    with minijax.enable_x64(True):
        numbers = [0, 1, 2**32 - 1, 2**32, 2**63 - 1, 12345678901234567]
        for dtype, signed in (("int64", [*numbers, -1, -(2**63), -(2**40)]), ("uint64", [*numbers, 2**64 - 1])):
            a, b = (x.ravel() for x in np.meshgrid(np.array(signed, dtype), np.array(signed, dtype)))
            expected = [int(x) * int(y) >> 64 for x, y in zip(a, b)]
            for compiler in ("numpy", "xla"):
                assert minijax.jit(minijax.lax.mulhi, compiler=compiler)(a, b).tolist() == expected


MISTAKES = {
    "k": lambda lax: lax.approx_max_k(X, 0),
    "k too great": lambda lax: lax.approx_min_k(X, 9),
    "integers": lambda lax: lax.approx_max_k(N, 1),
    "a number": lambda lax: lax.approx_max_k(np.float32(1), 1),
    "no exponent": lambda lax: lax.reduce_precision(X, 0, 3),
    "no mantissa": lambda lax: lax.reduce_precision(X, 3, -1),
    "precision of integers": lambda lax: lax.reduce_precision(N, 3, 3),
    "clz of floats": lambda lax: lax.clz(X),
    "no function": lambda lax: lax.platform_dependent(X, cpu=3),
    "gpu": lambda lax: lax.platform_dependent(X, gpu=abs, default=abs),
    "no default": lambda lax: lax.platform_dependent(X, tpu=abs),
    "shapes": lambda lax: lax.ragged_dot(X, R[:, :2], np.int32([1, 1, 1])),
    "stage": lambda lax: lax.stage("a"),
    "no tolerance": lambda lax: lax.Tolerance(),
    "a negative tolerance": lambda lax: lax.Tolerance(atol=-1.0),
    "accuracy": lambda lax: lax.exp(X, accuracy="highest"),
    "scatter_apply, a pair": lambda lax: lax.scatter_apply(
        X[0], PLACES, lambda x: (x, x), lax.ScatterDimensionNumbers((), (0,), (0,)), update_shape=(4,)
    ),
    "scatter_apply, integers": lambda lax: lax.scatter_apply(
        X[0],
        PLACES,
        lambda x: lax.convert_element_type(x, "int32"),
        lax.ScatterDimensionNumbers((), (0,), (0,)),
        update_shape=(4,),
    ),
    "scatter_apply, shapes": lambda lax: lax.scatter_apply(
        X[0], PLACES, lambda x: x, lax.ScatterDimensionNumbers((), (0,), (0,))
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    kinds = []
    for lib in (minijax, jax):
        with pytest.raises((TypeError, ValueError, NotImplementedError)) as caught:
            MISTAKES[name](lib.lax)
        kinds.append(caught.type.__name__)
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("recall", [0.0, -1.0, 1.5])
def test_a_recall_that_cannot_be(recall):
    """JAX's compiler refuses it."""
    for lib, kind in ((minijax, ValueError), (jax, jax.errors.JaxRuntimeError)):
        with pytest.raises(kind, match="recall_target"):
            lib.lax.approx_max_k(X, 1, recall_target=recall)


@pytest.mark.parametrize("override, possible", [(-5, True), (-1, True), (0, False), (1, False), (3, True), (300, True)])
def test_sizes_in_the_place_of_the_axis(override, possible):
    """XLA refuses a size that is less than the axis, when it compiles."""
    x = np.float32([1, 3, 2])
    for lib in (minijax, jax):
        if possible:
            values, places = lib.lax.approx_max_k(x, 1, reduction_input_size_override=override)
            assert (values.tolist(), places.tolist()) == ([3.0], [1])
        else:
            with pytest.raises((ValueError, RuntimeError), match="reduction_input_size_override"):
                lib.lax.approx_max_k(x, 1, reduction_input_size_override=override)


NAMED = {
    "squeeze": lambda lax, x: lax.squeeze(array=x[:1], dimensions=(0,)),
    "expand_dims": lambda lax, x: lax.expand_dims(array=x, dimensions=(1,)),
    "stack": lambda lax, x: lax.stack(operands=[x, x], axis=1),
    "select": lambda lax, x: lax.select(pred=x > 0, on_true=x, on_false=-x),
    "reshape": lambda lax, x: lax.reshape(x, new_sizes=(2, 6), dimensions=(1, 0)),
    "slice": lambda lax, x: lax.dynamic_slice_in_dim(x, np.array(-1), 2, 1, allow_negative_indices=False),
    "index": lambda lax, x: lax.dynamic_index_in_dim(x, -1, 1, allow_negative_indices=False),
    "update a slice": lambda lax, x: lax.dynamic_update_slice_in_dim(
        x, x[:2], np.array(-1), 0, allow_negative_indices=False
    ),
    "update an index": lambda lax, x: lax.dynamic_update_index_in_dim(x, x[0], -1, 0, allow_negative_indices=False),
}


@pytest.mark.parametrize("name", NAMED)
def test_arguments_have_the_names_of_jax(name):
    x = np.arange(12.0, dtype="float32").reshape(3, 4) - 5
    mine, theirs = (NAMED[name](lib.lax, lib.numpy.asarray(x)) for lib in (minijax, jax))
    np.testing.assert_array_equal(mine, theirs)


def test_a_negative_start_that_is_not_allowed():
    for lax in (minijax.lax, jax.lax):
        assert lax.dynamic_slice(X, (-1, 0), (1, 1), allow_negative_indices=(True, False)).shape == (1, 1)
        with pytest.raises(ValueError, match="allow_negative_indices"):
            lax.dynamic_slice(X, (0, -1), (1, 1), allow_negative_indices=(True, False))


PRINTED = {
    "approx_max_k": lambda lib: lambda x: lib.lax.approx_max_k(x, 2),
    "sink": sunk,
    "sink, its gradient": lambda lib: lambda x: lib.grad(lambda x: sunk(lib)(x).sum())(x),
    "sink, its tangents": lambda lib: lambda x: lib.jvp(sunk(lib), (x,), (x,)),
    "stage": lambda lib: lambda x: lib.lax.stage(x) * 2,
    "scatter_apply": lambda lib: lambda x: applied(lib)(x[0], PLACES),
    "at.apply": lambda lib: lambda x: x.at[1, 2:4].apply(lib.numpy.sin),
    **{
        f"accuracy of {name}": lambda lib, name=name: (
            lambda x: lib.jvp(lambda x: getattr(lib.lax, name)(x, accuracy=lib.lax.AccuracyMode.HIGHEST), (x,), (x,))
        )
        for name in "cbrt cos exp exp2 expm1 log log1p logistic rsqrt sin sqrt tan tanh".split()
    },
    "no accuracy": lambda lib: lambda x: lib.lax.exp_p.bind(x, accuracy=None),
}


@pytest.mark.parametrize("name", PRINTED)
def test_jaxprs(name):
    assert str(minijax.make_jaxpr(PRINTED[name](minijax))(X)) == str(jax.make_jaxpr(PRINTED[name](jax))(X))


ON_BOTH_COMPILERS = {
    "approx_min_k": lambda x: minijax.lax.approx_min_k(x, 2),
    "scatter_apply": lambda x: applied(minijax)(x[0], PLACES),
    "sink": sunk(minijax),
    "accuracy": lambda x: minijax.lax.exp(x, accuracy=minijax.lax.Tolerance(atol=1e-3, ulps=2)),
    "exp2": lambda x: minijax.lax.exp2(x, accuracy=minijax.lax.AccuracyMode.HIGHEST),
    "total order": lambda x: minijax.lax.lt_to_p.bind(x, -x),
}


@pytest.mark.parametrize("name", ON_BOTH_COMPILERS)
def test_compiled(name):
    f = ON_BOTH_COMPILERS[name]
    for compiler in ("numpy", "xla"):
        for mine, plain in zip(minijax.tree.leaves(minijax.jit(f, compiler=compiler)(X)), minijax.tree.leaves(f(X))):
            np.testing.assert_allclose(mine, plain, rtol=1e-6)


@pytest.mark.parametrize("lib", [minijax, jax])
def test_what_scatter_apply_refuses(lib):
    numbers = lib.lax.ScatterDimensionNumbers((), (0,), (0,))

    def closing_over(x, y):
        return lib.lax.scatter_apply(x, PLACES, lambda a: a * y, numbers, update_shape=(4,))

    with pytest.raises(NotImplementedError):
        lib.grad(lambda x: applied(lib)(x, PLACES).sum())(X[0])
    with pytest.raises(NotImplementedError):
        lib.jit(closing_over)(X[0], 2.0)


@pytest.mark.parametrize(
    "name", "population_count clz reduce_and reduce_or reduce_xor not and or xor shift_left".split()
)
@pytest.mark.parametrize("dtype", ["float32", "complex64", "int32", "bool"])
@pytest.mark.one_in(3)
def test_operations_on_bits_have_no_derivative(name, dtype):
    """Asked for a derivative by a number that they do not take, some miss their rule first, others look at the dtype first."""

    def outcome(lib):
        f = getattr(
            lib.lax, name if name in ("population_count", "clz", "shift_left") or "_" in name else "bitwise_" + name
        )
        others = (
            ((0,),) if "reduce" in name else (np.ones(2, dtype),) if name in ("and", "or", "xor", "shift_left") else ()
        )
        x = lib.numpy.ones(2, dtype)
        t = x if dtype in ("float32", "complex64") else np.zeros(2, jax.dtypes.float0)
        try:
            return str(lib.jvp(lambda x: f(x, *others), (x,), (t,))[1].dtype)
        except Exception as error:
            return type(error).__name__

    assert outcome(minijax) == outcome(jax)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("by", ["jvp", "linearize", "grad"])
@pytest.mark.parametrize("order", ["sort", "sort_key_val", "matrix"])
@pytest.mark.one_in(16)
def test_the_mean_of_nothing_that_is_sorted(dtype, by, order):
    """NaN, and so are its tangents: the tangent of an empty array is no constant."""

    def outcome(lib):
        z = lib.numpy.zeros((0, 2) if order == "matrix" else 0, dtype)

        def f(x):
            return lib.numpy.mean(lib.lax.sort_key_val(x, x)[1] if order == "sort_key_val" else lib.lax.sort(x))

        ways = {
            "jvp": lambda: lib.jvp(f, (z,), (z,))[1],
            "linearize": lambda: lib.linearize(f, z)[1](z),
            "grad": lambda: lib.grad(f)(z),
        }
        return ways[by]()

    ours, theirs = outcome(minijax), outcome(jax)
    assert (ours.shape, ours.dtype, ours.weak_type) == (theirs.shape, theirs.dtype, theirs.weak_type)
    np.testing.assert_array_equal(ours, theirs)
