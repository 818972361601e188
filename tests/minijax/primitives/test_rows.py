"""The laws every primitive obeys, over the table in `op_table.py`; JAX and finite differences are the oracles."""

from __future__ import annotations

import itertools
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import jax
import jax.lax
import numpy as np
import pytest
from op_table import FACTORIZATIONS, OPS, Op, arrays

import minijax as mj
import minijax.lax
from minijax.core.primitive import Absent, Primitive
from minijax.primitives.basis import registry

SEED = 7
CASES = [pytest.param(op, id=f"{i}-{op.name}") for i, op in enumerate(OPS)]
SMOOTH = [pytest.param(op, id=f"{i}-{op.name}") for i, op in enumerate(OPS) if op.smooth]


def in_minijax(op: Op):
    return lambda *args: op.function(minijax.lax, *args)


def in_jax(op: Op):
    return lambda *args: op.function(jax.lax, *args)


def assert_same(mine, theirs, ulp: float = 4, what: str = "", magnitude: float = 0.0):
    """Equal in shape, dtype and weak type; in value exactly for integers, to `ulp` units in the last place for floats:
    of the value, or, where it is a difference of numbers of that size, of `magnitude`."""
    assert mine.shape == theirs.shape, what
    assert mine.dtype == theirs.dtype, what
    assert mine.weak_type == theirs.weak_type, what
    a, b = np.asarray(mine), np.asarray(theirs)
    if a.dtype.kind in "fc":
        eps = np.finfo(a.dtype).eps
        scale = np.max(np.abs(b), initial=0, where=np.isfinite(b)) if b.size else 0
        np.testing.assert_allclose(
            a, b, rtol=ulp * eps, atol=ulp * eps * max(min(float(scale), 1.0), magnitude), err_msg=what
        )
    else:
        np.testing.assert_array_equal(a, b, err_msg=what)


# ---------------------------------------------------------------------------------------------------------------------
# Against JAX


@pytest.mark.parametrize("op", CASES)
@pytest.mark.one_in(96)
def test_value_dtype_and_weak_type(op):
    given = {dtype: arrays(op, dtype, np.random.default_rng(SEED)) for dtype in op.dtypes}
    # One program for all dtypes: JAX takes longer to begin a program than to write it.
    found = jax.jit(lambda given: {dtype: in_jax(op)(*args) for dtype, args in given.items()})(given)
    for dtype, args in given.items():
        assert_same(in_minijax(op)(*map(mj.numpy.asarray, args)), found[dtype], op.ulp, dtype)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "uint32"])
@pytest.mark.parametrize("name", ["shift_left", "shift_right_logical", "shift_right_arithmetic"])
def test_shift_by_one_amount_is_that_by_an_array(name, dtype):
    """One amount for all elements goes a shorter way than an array of amounts."""
    function = getattr(minijax.lax, f"{name}_p").impl
    scalar, bits = np.dtype(dtype).type, np.iinfo(dtype).bits
    x = np.array([0, 1, 3, 7, np.iinfo(dtype).min, np.iinfo(dtype).max], dtype)
    for amount in (0, 1, 5, bits - 1, bits, bits + 1, 100, *([-1, -100] if dtype[0] == "i" else [])):
        one, many = function(x, scalar(amount)), function(x, np.full(x.shape, amount, dtype))
        assert one.dtype == many.dtype == x.dtype
        assert one.tolist() == many.tolist(), amount
        single = function(x[3], scalar(amount))
        assert (single.dtype, single.shape, single.tolist()) == (x.dtype, (), many[3].tolist())


@pytest.mark.parametrize("op", [p for p in CASES if p.values[0].dtypes[0] == "float32" and not p.values[0].fixed])
@pytest.mark.one_in(32)
def test_weak_type_of_weakly_typed_arguments(op):
    if any(op.shapes):
        args = arrays(op, "float32", np.random.default_rng(SEED))
        mine = in_minijax(op)(*[weak(mj, x) for x in args])
        theirs = in_jax(op)(*[weak(jax, x) for x in args])
        assert_same(mine, theirs, op.ulp)


def weak(lib, x):
    """A weakly typed array, made of Python numbers."""
    if not x.ndim:
        return lib.numpy.asarray(float(x))
    return lib.numpy.stack([lib.numpy.asarray(float(v)) for v in x.ravel()]).reshape(x.shape)


# No subnormal number: XLA on CPUs takes them for zero, NumPy does not.
EXTREMES = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-30, 3e38, -3e38, 0.5, -2.5, 1.5]
# JAX has NaN at limits of these: `test_special_functions.py` asks them.
LIMITS = ("zeta", "polygamma", "igamma", "igammac", "igamma_grad_a", "random_gamma_grad", "regularized_incomplete_beta")
EXTREME_OPS = [
    op for op in OPS if op.dtypes[0] == "float32" and not op.fixed and all(s == (3, 4) for s in op.shapes)
    and op.name not in ("pad", "cumlogsumexp", "convert_element_type", *LIMITS)
]  # fmt: skip


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in EXTREME_OPS])
@pytest.mark.one_in(12)
def test_extremes(op):
    n = len(op.shapes)
    table = np.array(list(itertools.product(EXTREMES, repeat=min(n, 2))), np.float32)
    columns = [np.resize(table[:, min(i, table.shape[1] - 1)], (3 * ((len(table) + 11) // 12), 4)) for i in range(n)]
    for block in range(0, columns[0].shape[0], 3):
        args = [c[block : block + 3] for c in columns]
        mine, theirs = in_minijax(op)(*map(mj.numpy.asarray, args)), in_jax(op)(*map(jax.numpy.asarray, args))
        a, b = np.asarray(mine), np.asarray(theirs)
        if a.dtype.kind == "f":
            tiny = np.finfo(a.dtype).tiny
            a, b = (np.where(np.abs(x) < tiny, np.copysign(np.zeros_like(x), x), x) for x in (a, b))
            np.testing.assert_allclose(a, b, rtol=max(op.ulp, 8) * np.finfo(a.dtype).eps, atol=0, err_msg=str(args))
        else:
            np.testing.assert_array_equal(a, b, err_msg=str(args))


@pytest.mark.parametrize("op", SMOOTH)
@pytest.mark.one_in(64)
def test_jvp_equals_jax(op):
    args = arrays(op, op.dtypes[0], np.random.default_rng(SEED))
    tangents = arrays(op, op.dtypes[0], np.random.default_rng(SEED + 1))
    fixed = [i for i in range(len(args)) if i not in op.smooth]

    def run(lib, function):
        def of_smooth(*smooth):
            smooth = iter(smooth)
            return function(*[lib.numpy.asarray(args[i]) if i in fixed else next(smooth) for i in range(len(args))])

        primals = tuple(lib.numpy.asarray(args[i]) for i in op.smooth)
        return lib.jvp(of_smooth, primals, tuple(lib.numpy.asarray(tangents[i]) for i in op.smooth))

    for mine, theirs in zip(run(mj, in_minijax(op)), run(jax, in_jax(op))):
        assert_same(mine, theirs, 8 * op.ulp)


# JAX differentiates a tree of slices, another sum of zeros: see OTHER_EQUATIONS in test_texts.py. In what order a Fourier
# transform or a factorization adds zeros is up to the library that computes it.
TREES = ("reduce_prod", "cumprod", "cummax", "cumlogsumexp")
SIGNED = [
    p for p in SMOOTH
    if "float32" in p.values[0].dtypes and not p.values[0].fixed
    and p.values[0].name not in (*TREES, *FACTORIZATIONS, "clamp", "fft")
]  # fmt: skip


@pytest.mark.parametrize("op", SIGNED)
@pytest.mark.one_in(96)
def test_cotangents_of_zeros_have_the_signs_of_jax(op):
    """The cotangents of both zeros, also of an argument that was broadcast: -0.0 and -(0.0 + 0.0)."""
    args = arrays(op, "float32", np.random.default_rng(SEED))

    def run(lib, function):
        out, pull = lib.vjp(function, *map(lib.numpy.asarray, args))
        return [pull(lib.numpy.full_like(out, zero)) for zero in (0.0, -0.0)]

    mine, theirs = run(mj, in_minijax(op)), run(jax, in_jax(op))
    for a, b in zip(mj.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


@pytest.mark.parametrize(
    "op", [p for p in SMOOTH if p.values[0].shapes == ((3, 4),) and "float32" in p.values[0].dtypes]
)
@pytest.mark.parametrize("shape", [(0, 4), (3, 0)])
@pytest.mark.one_in(40)
def test_derivatives_of_empty_arrays(op, shape):
    """Both refuse the empty array, or both differentiate."""

    def run(lib, function):
        x = lib.numpy.zeros(shape, "float32")
        try:
            out, pull = lib.vjp(function, x)
        except (TypeError, ValueError, IndexError):
            return "refused"
        return out.shape, pull(out)[0].shape, lib.jvp(function, (x,), (x,))[1].shape

    assert run(mj, in_minijax(op)) == run(jax, in_jax(op))


SUMS = {
    **{
        name: lambda lib, x, name=name: getattr(lib.numpy, name)(x, axis=-1)
        for name in ("sum", "mean", "cumsum", "prod", "cumprod", "nansum", "sort", "var")
    },
    "sum over no axis": lambda lib, x: lib.numpy.sum(x, axis=()),
    "sum over all axes": lambda lib, x: lib.numpy.sum(x),
    "product with ones": lambda lib, x: lib.numpy.dot(x, lib.numpy.ones(x.shape[-1])),
    "product with minus ones": lambda lib, x: lib.numpy.dot(x, -lib.numpy.ones(x.shape[-1])),
    "outer product": lambda lib, x: x[..., None] @ lib.numpy.ones((1, 2)),
    "batched product": lambda lib, x: lib.numpy.matmul(x.ravel()[:, None, None], lib.numpy.ones((x.size, 1, 1))),
    "convolution": lambda lib, x: lib.numpy.convolve(x.ravel(), lib.numpy.ones(2)),
}


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.one_in(12)
def test_sums_have_the_signs_of_jax(name):
    """Sums of one, two and three zeros of either sign, on both compilers. The sum of one -0.0 is -0.0, of two it is 0.0.
    Not the largest of 0.0 and -0.0: which of them it is, XLA leaves open."""
    function = SUMS[name]
    theirs = jax.jit(lambda x: function(jax, x))
    mine = [
        lambda x: function(mj, x),
        mj.jit(lambda x: function(mj, x)),
        mj.jit(lambda x: function(mj, x), compiler="xla"),
    ]
    for size in (1, 2, 3):
        for signs in itertools.product((0.0, -0.0), repeat=size):
            x = np.float32([signs])
            for f in mine:
                np.testing.assert_array_equal(
                    np.signbit(f(mj.numpy.asarray(x))), np.signbit(theirs(x)), err_msg=str(signs)
                )


@pytest.mark.parametrize("name", ["min", "max"])
@pytest.mark.parametrize("updates", [[np.nan, 2.0], [2.0, np.nan], [5.0, 5.0], [2.0, 5.0]])
@pytest.mark.parametrize("operand", [[1.0, 2.0, 5.0], [np.nan, np.nan, np.nan], [1.0, np.nan, 2.0]])
@pytest.mark.parametrize("places", [[1, 2], [1, 1], [0, 7]])
@pytest.mark.one_in(48)
def test_tangents_of_a_scatter_of_nans(name, updates, operand, places):
    for other in (0.0, np.inf):

        def run(lib, other=other):
            x, u = (lib.numpy.asarray(v, "float32") for v in (operand, updates))
            f = lambda x, u: getattr(x.at[np.array(places)], name)(u)
            return lib.jvp(f, (x, u), (lib.numpy.cos(lib.numpy.arange(3.0)) + other, lib.numpy.full(2, 0.3)))

        for a, b in zip(run(mj), run(jax), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "of_x", "of_u"), [("min", [1, 0.5, 0], [0, 0.5, 1]), ("max", [1, 0.5, 1], [0, 0.5, 0])]
)
def test_derivatives_of_clipped_scatters(name, of_x, of_u):
    """JAX does not count the update that is clipped: it divides by 0."""
    f = lambda x, u: getattr(x.at[np.array([0, 1, 9])], name)(u, mode="clip").sum()
    # At 0 the element wins, at 1 both tie, and the update of place 9 goes to place 2.
    x, u = np.float32([2, 2, 5]), np.float32([3 if name == "min" else 1, 2, 1])
    for found, wanted in zip(mj.grad(f, (0, 1))(mj.numpy.asarray(x), mj.numpy.asarray(u)), (of_x, of_u), strict=True):
        np.testing.assert_array_equal(found, np.float32(wanted))


def test_a_power_of_0_has_an_array_of_zeros_for_its_tangent():
    """Which infinity makes NaN, in forward mode; reverse mode takes it for zero."""

    def tangents(lib):
        f = lambda x: lib.numpy.asarray(np.inf, "float32") ** (x**0)
        return [lib.jvp(f, (2.0,), (1.0,))[1], lib.linearize(f, 2.0)[1](1.0), lib.grad(f)(2.0)]

    assert np.isnan(tangents(mj)[0])
    np.testing.assert_array_equal(tangents(mj), tangents(jax))


# ---------------------------------------------------------------------------------------------------------------------
# Against mathematics, in float64


def smooth_function(op: Op, args):
    """The operation as a function of its differentiable arguments, in float64."""

    def of_smooth(*smooth):
        smooth = iter(smooth)
        return in_minijax(op)(
            *[next(smooth) if i in op.smooth else mj.numpy.asarray(args[i]) for i in range(len(args))]
        )

    return of_smooth, [np.asarray(args[i]) for i in op.smooth]


def check_derivatives(function, primals, tangents, rtol=1e-5):
    """jvp, and jvp of jvp, against central differences."""
    h = 1e-5
    asarray = mj.numpy.asarray

    def directional(*xs):
        return mj.jvp(function, tuple(xs), tuple(map(asarray, tangents)))[1]

    for order, f in enumerate([function, directional], 1):
        _, tangent = mj.jvp(f, tuple(map(asarray, primals)), tuple(map(asarray, tangents)))
        ahead = np.asarray(f(*[asarray(x + h * t) for x, t in zip(primals, tangents)]))
        behind = np.asarray(f(*[asarray(x - h * t) for x, t in zip(primals, tangents)]))
        expected = (ahead - behind) / (2 * h)
        scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
        np.testing.assert_allclose(
            np.asarray(tangent), expected, rtol=rtol, atol=rtol * scale, err_msg=f"order {order}"
        )


REAL_SMOOTH = [p for p in SMOOTH if p.values[0].dtypes[0] == "float32" and p.values[0].name != "convert_element_type"]


@pytest.mark.parametrize("op", [p for p in REAL_SMOOTH if p.values[0].name != "complex"])
@pytest.mark.one_in(12)
def test_jvp_equals_finite_differences_to_second_order(op):
    with mj.enable_x64(True):
        args = arrays(op, "float64", np.random.default_rng(SEED))
        tangents = arrays(op, "float64", np.random.default_rng(SEED + 1))
        function, primals = smooth_function(op, args)
        check_derivatives(function, primals, [tangents[i] for i in op.smooth])


def inner_product(xs, ys):
    return sum(np.sum(np.asarray(x) * np.asarray(y)) for x, y in zip(xs, ys))


@pytest.mark.parametrize("op", SMOOTH)
@pytest.mark.one_in(10)
def test_transpose_is_the_adjoint(op):
    """<J v, w> = <v, J^T w>"""
    dtype = {"float32": "float64", "complex64": "complex128"}[op.dtypes[0]]
    with mj.enable_x64(True):
        rng = np.random.default_rng(SEED)
        args = arrays(op, dtype, rng)
        function, primals = smooth_function(op, args)
        tangents = [arrays(op, dtype, rng)[i] for i in op.smooth]
        out, tangent = mj.jvp(function, tuple(map(mj.numpy.asarray, primals)), tuple(map(mj.numpy.asarray, tangents)))
        w = rng.normal(size=out.shape) + (1j * rng.normal(size=out.shape) if out.dtype.kind == "c" else 0)
        _, pull_back = mj.vjp(function, *map(mj.numpy.asarray, primals))
        cotangents = pull_back(mj.numpy.asarray(np.asarray(w).astype(out.dtype)))
        left, right = inner_product([tangent], [w]), inner_product(tangents, cotangents)
        # A real input of a complex function sees the real part of the pairing, by JAX's convention.
        tolerance = 1e-9 if out.dtype.itemsize > 4 else 2e-3
        np.testing.assert_allclose(np.real(left), np.real(right), rtol=tolerance, atol=tolerance)


# ---------------------------------------------------------------------------------------------------------------------
# Transformations commute with running


def batched_variants(op: Op):
    """Choices of batch axes: each axis of each single argument, and batch axes in all arguments together."""
    places = [range(len(s) + 1) for s in op.shapes]
    for i, axes in enumerate(places):
        for axis in axes:
            yield tuple(axis if i == j else None for j in range(len(places)))
    if len(places) > 1:
        yield tuple(0 for _ in places)
        yield tuple(len(s) for s in op.shapes)
        yield tuple(i % (len(s) + 1) for i, s in enumerate(op.shapes))


@pytest.mark.parametrize("op", CASES)
@pytest.mark.one_in(140)
def test_vmap_is_a_stack_of_slices(op):
    size = 3
    for dims in batched_variants(op):
        rng = np.random.default_rng(SEED)
        shapes = [s if d is None else (*s[:d], size, *s[d:]) for s, d in zip(op.shapes, dims)]
        args = [mj.numpy.asarray(x) for x in arrays(op, op.dtypes[0], rng, shapes)]
        mapped = mj.vmap(in_minijax(op), in_axes=dims)(*args)
        slices = [
            in_minijax(op)(
                *[x if d is None else mj.numpy.asarray(np.take(np.asarray(x), i, d)) for x, d in zip(args, dims)]
            )
            for i in range(size)
        ]
        assert mapped.dtype == slices[0].dtype
        expected = np.stack([np.asarray(s) for s in slices])
        eps = np.finfo(mapped.dtype).eps if mapped.dtype.kind in "fc" else 0
        np.testing.assert_allclose(np.asarray(mapped), expected, rtol=8 * eps, atol=8 * eps, err_msg=f"{dims}")


@pytest.mark.parametrize("op", CASES)
@pytest.mark.one_in(12)
def test_jit_is_not_jit(op):
    args = [mj.numpy.asarray(x) for x in arrays(op, op.dtypes[0], np.random.default_rng(SEED))]
    plain, jitted = in_minijax(op)(*args), mj.jit(in_minijax(op))(*args)
    assert_same(jitted, plain, 1)
    mj.core.jaxpr.check_jaxpr(mj.make_jaxpr(in_minijax(op))(*args))


@pytest.mark.parametrize("op", SMOOTH)
@pytest.mark.one_in(6)
def test_jaxprs_of_derivatives_are_well_typed(op):
    args = [mj.numpy.asarray(x) for x in arrays(op, op.dtypes[0], np.random.default_rng(SEED))]

    def push(*xs):
        return mj.jvp(
            in_minijax(op), xs, tuple(mj.numpy.ones_like(x) if x.dtype.kind in "fc" else zero_tangent(x) for x in xs)
        )

    def pull(*xs):
        out, pull_back = mj.vjp(in_minijax(op), *xs)
        return [ct for ct, x in zip(pull_back(mj.numpy.ones_like(out)), xs) if x.dtype.kind in "fc"]

    mj.core.jaxpr.check_jaxpr(mj.make_jaxpr(push)(*args))
    mj.core.jaxpr.check_jaxpr(mj.make_jaxpr(pull)(*args))


def zero_tangent(x):
    return np.zeros(x.shape, mj.dtypes.float0)


# ---------------------------------------------------------------------------------------------------------------------
# Shapes and values by hypothesis


shapes = st.lists(st.integers(0, 4), max_size=3).map(tuple)
ELEMENTWISE = [
    op
    for op in OPS
    if len(op.shapes) in (1, 2) and op.name in registry and registry[op.name].elementwise and not op.fixed
]


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in {op.name: op for op in ELEMENTWISE}.values()])
@hypothesis.settings(max_examples=hypothesis.settings.default.max_examples // 2)
@hypothesis.given(shape=shapes, scalar=st.integers(-1, 1), seed=st.integers(0, 2**32 - 1), data=st.data())
@pytest.mark.one_in(32)
def test_any_shape_and_dtype(op, shape, scalar, seed, data):
    """Values, jvps and vmaps agree with JAX's for empty, scalar and ordinary shapes; one argument may be a scalar."""
    dtype = data.draw(st.sampled_from(op.dtypes))
    shapes = [() if i == scalar else shape for i in range(len(op.shapes))]
    args = arrays(op, dtype, np.random.default_rng(seed), shapes)
    differentiable = op.smooth == tuple(range(len(args))) and np.dtype(dtype).kind == "f"
    # Value and tangent are results of one program: the test would spend most of its time on JAX's compiling a second one.
    theirs, *expected = jax.jit(lambda *xs: jax.jvp(in_jax(op), xs, xs) if differentiable else (in_jax(op)(*xs),))(
        *args
    )
    assert_same(in_minijax(op)(*map(mj.numpy.asarray, args)), theirs, 2 * op.ulp)
    if shape and all(s == shape for s in shapes):
        mapped = mj.vmap(in_minijax(op), in_axes=len(shape) - 1, out_axes=len(shape) - 1, axis_size=shape[-1])
        assert_same(mapped(*map(mj.numpy.asarray, args)), theirs, 2 * op.ulp)
    if differentiable:
        derivative = mj.jvp(in_minijax(op), *2 * (tuple(map(mj.numpy.asarray, args)),))[1]
        assert_same(derivative, *expected, 32 * op.ulp, magnitude=1.0)


# ---------------------------------------------------------------------------------------------------------------------
# The table and the rows are complete


@pytest.mark.parametrize("name", sorted(registry))
@pytest.mark.one_in(9)
def test_every_rule_is_given_or_absent_with_a_reason(name):
    for kind in Primitive.RULES:
        rule = getattr(registry[name], kind)
        assert callable(rule)
        assert not isinstance(rule, Absent) or (rule.reason and len(rule.reason) > 10), (
            f"{name}: no {kind} rule, no reason"
        )


# Primitives that carry jaxprs or that users do not call directly, and the files that test them.
ELSEWHERE = {
    "linear_call": "api/test_linear_call.py",
    "composite": "api/test_composite.py",
    "ragged_dot_general": "primitives/test_ragged.py",
    **dict.fromkeys("dce_sink approx_top_k".split(), "lax/test_more.py"),
    "jit": "api/test_derivatives.py",
    **dict.fromkeys(
        "expi exp1 expn si ci fresnel_s fresnel_c fresnel_s_slope fresnel_c_slope spence erfcx ndtr ndtri ndtri_slope dawsn"
        " dawsn_slope normal_density betaln betaln_slope".split(),
        "scipy/test_special.py",
    ),
    **dict.fromkeys(
        "gumbel_above gumbel_below gumbel_density logistic_below logistic_density logistic_log_density logistic_spread half_tanh"
        " exponential_log_below pareto_log_density truncated_density truncated_log_density truncated_below truncated_log_below"
        " truncated_slope truncated_slope_by_a".split(),
        "scipy/test_stats.py",
    ),
    **dict.fromkeys("hyp1f1 hyp1f1_by_a hyp1f1_by_b hyp2f1 hyp2f1_by_a hyp2f1_by_c".split(), "scipy/test_special.py"),
    **{f"hyp1f1_by_{by}": "scipy/test_special.py" for by in ("a_and_a", "a_and_b", "b_and_b")},
    **{f"hyp2f1_by_{x}_and_{y}": "scipy/test_special.py" for x, y in ("aa", "ab", "ac", "cc")},
    "custom_jvp_call": "api/test_custom_derivatives.py",
    "custom_vjp_call": "api/test_custom_derivatives.py",
    "custom_lin": "api/test_custom_derivatives.py",
    "cond": "api/test_loops.py",
    "custom_linear_solve": "api/test_solves.py",
    "custom_vmap_call": "api/test_custom_batching.py",
    "remat2": "api/test_checkpoint.py",
    **dict.fromkeys(
        "psum pmax pmin axis_index all_gather reduce_scatter ppermute all_to_all pbroadcast".split(),
        "api/test_collectives.py",
    ),
    **dict.fromkeys("debug_print debug_callback pure_callback io_callback".split(), "api/test_debug.py"),
    "name": "api/test_checkpoint.py",
    "reduce": "lax/test_reductions.py",
    "reduce_window": "lax/test_reductions.py",
    "scan": "api/test_loops.py",
    "shard_map": "api/test_pmap.py",
    "while": "api/test_loops.py",
    "add_any": "transforms/test_nestings.py",
    "copy": "numpy/test_numpy.py",
}


def test_every_primitive_is_in_the_table():
    tested = {op.name for op in OPS}
    missing = [n for n in registry if n not in tested and n not in ELSEWHERE and not has_its_own_file(n)]
    assert not missing
    absent = [file for file in ELSEWHERE.values() if not (Path(__file__).parent.parent / file).is_file()]
    assert not absent


def has_its_own_file(name: str) -> bool:
    """Families whose arguments fit no table of arrays have test files of their own, with the same laws."""
    return (
        name.startswith(("random_", "threefry", "conv_", "scatter", "cholesky", "triangular_solve"))
        or name in OWN_FILES
    )


OWN_FILES = {"iota", "lgamma", "digamma", "split", "cholesky_update", "geqrf", "geqp3"}


# ---------------------------------------------------------------------------------------------------------------------
# The laws can fail


def planted(**rules) -> Op:
    """A primitive that is sin, with some rules wrong."""
    sin = registry["sin"]
    p = Primitive("planted")
    p.elementwise, p.impl, p.abstract_eval = sin.elementwise, sin.impl, sin.abstract_eval
    p.batch = lambda axis, args, dims: (p.bind(*args), dims[0])
    p.jvp = lambda primals, tangents: (p.bind(*primals), tangents[0] * minijax.lax.cos(primals[0]))
    for kind, rule in rules.items():
        setattr(p, kind, rule)
    return Op("planted", lambda lax, x: p.bind(x) if lax is minijax.lax else lax.sin(x), ((3, 4),), smooth=(0,))


def test_a_right_primitive_passes():
    op = planted()
    test_value_dtype_and_weak_type(op)
    test_jvp_equals_jax(op)
    test_jvp_equals_finite_differences_to_second_order(op)
    test_transpose_is_the_adjoint(op)
    test_vmap_is_a_stack_of_slices(op)


def test_a_wrong_value_fails():
    with pytest.raises(AssertionError):
        test_value_dtype_and_weak_type(planted(impl=lambda x: np.sin(x) * np.float32(1.001)))


def test_a_wrong_derivative_fails():
    def wrong(primals, tangents):
        return minijax.lax.sin(primals[0]), tangents[0] * minijax.lax.cos(primals[0]) * 1.001

    with pytest.raises(AssertionError):
        test_jvp_equals_jax(planted(jvp=wrong))
    with pytest.raises(AssertionError):
        test_jvp_equals_finite_differences_to_second_order(planted(jvp=wrong))


def test_a_wrong_batch_rule_fails():
    with pytest.raises((AssertionError, ValueError)):
        test_vmap_is_a_stack_of_slices(planted(batch=lambda axis, args, dims: (registry["sin"].bind(*args), 0)))


def test_a_wrong_transpose_fails(monkeypatch):
    op = next(op for op in OPS if op.name == "mul")
    test_transpose_is_the_adjoint(op)
    right = registry["mul"].transpose
    monkeypatch.setattr(registry["mul"], "transpose", lambda ct, x, y: right(ct * 1.001, x, y))
    with pytest.raises(AssertionError):
        test_transpose_is_the_adjoint(op)
