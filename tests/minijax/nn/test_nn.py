"""jax.nn and jax.scipy.special against JAX: values, dtypes, weak types, two derivatives, vmap, jaxprs, errors."""

from __future__ import annotations

import warnings
from functools import partial

import jax
import jax.numpy
import jax.scipy.special
import ml_dtypes
import numpy as np
import pytest
from jaxpr_text import lines

import minijax as mj
import minijax.nn
import minijax.numpy
import minijax.random
import minijax.scipy.special

BOTH = (mj, jax)
NAN, INF = np.nan, np.inf
RNG = np.random.default_rng(3)
ORDINARY = np.concatenate([RNG.normal(size=20) * 2, RNG.normal(size=6) * 8]).astype(np.float32)
SPECIAL = np.float32([0.0, -0.0, NAN, INF, -INF, 1.0, -1.0, 3.0, -3.0, 6.0, 100.0, -100.0, 3e38, -3e38, 1e-30])


def special(name):
    return lambda lib, *xs: getattr(lib.scipy.special, name)(*xs)


def nn(name, **options):
    return lambda lib, *xs: getattr(lib.nn, name)(*xs, **options)


ACTIVATIONS = {
    **{name: nn(name) for name in "relu relu6 sigmoid softplus soft_sign silu swish log_sigmoid leaky_relu".split()},
    **{name: nn(name) for name in "hard_sigmoid hard_silu hard_swish hard_tanh elu celu selu gelu mish".split()},
    **{name: nn(name) for name in "squareplus sparse_plus sparse_sigmoid identity tanh".split()},
    "gelu exact": nn("gelu", approximate=False),
    "leaky_relu 0.3": nn("leaky_relu", negative_slope=0.3),
    "elu 0.5": nn("elu", alpha=0.5),
    "celu 2": nn("celu", alpha=2.0),
    "squareplus 1": nn("squareplus", b=1),
    "log1mexp": lambda lib, x: lib.nn.log1mexp(abs(x)),
    "erf": special("erf"),
    "erfc": special("erfc"),
    "erfinv": lambda lib, x: lib.scipy.special.erfinv(x / 10),
    "gammaln": special("gammaln"),
    "digamma": special("digamma"),
    "expit": special("expit"),
    "logit": lambda lib, x: lib.scipy.special.logit(lib.nn.sigmoid(x / 4)),
    "entr": special("entr"),
    "xlogy": lambda lib, x: lib.scipy.special.xlogy(x, x),
    "xlog1py": lambda lib, x: lib.scipy.special.xlog1py(x, abs(x)),
}
AXIS = {
    "softmax": nn("softmax"),
    "softmax 0": nn("softmax", axis=0),
    "softmax all": nn("softmax", axis=(0, 1)),
    "log_softmax": nn("log_softmax"),
    "log_softmax 0": nn("log_softmax", axis=0),
    "logsumexp": nn("logsumexp"),
    "logsumexp 1": nn("logsumexp", axis=1, keepdims=True),
    "logsumexp weights": lambda lib, x: lib.nn.logsumexp(x, axis=0, b=lib.numpy.abs(lib.numpy.sin(x))),
    "logmeanexp": nn("logmeanexp", axis=-1),
    "standardize": nn("standardize"),
    "standardize stable": nn("standardize", axis=0, algorithm="stable"),
    "standardize all": nn("standardize", axis=(0, 1), epsilon=0.1),
    "glu": nn("glu"),
    "glu 0": nn("glu", axis=0),
    "softmax where": lambda lib, x: lib.nn.softmax(x, where=x > -1),
    "log_softmax where": lambda lib, x: lib.numpy.where(x > -1, lib.nn.log_softmax(x, where=x > -1), 0),
    "logsumexp where": lambda lib, x: lib.nn.logsumexp(x, axis=0, where=x > -5),
}
# What rounding does to them, in units of the last place.
LOOSE = {"gammaln": 64, "digamma": 256, "logit": 64, "log1mexp": 64, "erfinv": 64, "erfc": 64, "gelu exact": 64}


def host(x):
    x = np.asarray(x)
    return x.astype(np.float32) if x.dtype.char == "E" else x


def same(mine, theirs, ulp=16, what=""):
    assert (mine.shape, mine.dtype, mine.weak_type) == (theirs.shape, theirs.dtype, theirs.weak_type), what
    eps = float(ml_dtypes.finfo(mine.dtype).eps) if mine.dtype.kind in "fcV" else 0
    np.testing.assert_allclose(host(mine), host(theirs), rtol=ulp * eps, atol=ulp * eps, err_msg=what)


def both(function, *arrays, ulp=16):
    mine, theirs = (function(lib, *[lib.numpy.asarray(x) for x in arrays]) for lib in BOTH)
    same(mine, theirs, ulp)


# ---------------------------------------------------------------------------------------------------------------------
# Values


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("x", [ORDINARY, SPECIAL], ids=["ordinary", "special"])
@pytest.mark.one_in(30)
def test_values(name, x):
    both(ACTIVATIONS[name], x, ulp=LOOSE.get(name, 16))


@pytest.mark.parametrize("name", ["relu", "relu6", "hard_tanh", "leaky_relu", "silu", "elu"])
def test_signs_of_zeros(name):
    for x in (np.float32(0.0), np.float32(-0.0)):
        mine, theirs = (np.asarray(ACTIVATIONS[name](lib, lib.numpy.asarray(x))) for lib in BOTH)
        assert np.signbit(mine) == np.signbit(theirs)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int32", "uint8", "bool"])
@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if " " not in n])
@pytest.mark.one_in(60)
def test_dtypes(name, dtype):
    """Equal dtypes, and the same exception class for dtypes that JAX does not take."""
    x = np.array([0, 1, 2], ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)

    def run(lib):
        try:
            return ACTIVATIONS[name](lib, lib.numpy.asarray(x))
        except TypeError as error:
            return error

    mine, theirs = map(run, BOTH)
    if isinstance(theirs, TypeError):
        assert isinstance(mine, TypeError)
    else:
        same(mine, theirs, 4 if dtype != "int32" else 64)


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "float16"])
@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if " " not in n])
@pytest.mark.one_in(120)
def test_of_numpys_arrays(name, dtype):
    """`x + 3.0` of NumPy's integers is NumPy's float64, which is not weak; that of an array of minijax is a weak float32."""
    x = np.array([0, 1, 2], dtype)
    try:
        theirs = ACTIVATIONS[name](jax, x)
    except TypeError:
        with pytest.raises(TypeError):
            ACTIVATIONS[name](mj, x)
    else:
        same(ACTIVATIONS[name](mj, x), theirs, 64)


@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if " " not in n])
@pytest.mark.one_in(12)
def test_weak_types_and_shapes(name):
    for x in (0.5, np.float32(0.5)):
        mine, theirs = (ACTIVATIONS[name](lib, lib.numpy.asarray(x)) for lib in BOTH)
        same(mine, theirs, LOOSE.get(name, 16))
    for shape in [(0,), (2, 0, 3), (1, 2)]:
        both(ACTIVATIONS[name], np.full(shape, 0.25, np.float32), ulp=LOOSE.get(name, 16))


X = RNG.normal(size=(4, 6)).astype(np.float32) * 3


@pytest.mark.parametrize("name", AXIS)
@pytest.mark.parametrize("scale", [1, 1000], ids=["ordinary", "large"])
@pytest.mark.one_in(7)
def test_values_along_axes(name, scale):
    both(AXIS[name], X * scale, ulp=64)


ROWS = np.float32([[NAN, 1, 2], [INF, 1, 2], [-INF, 1, 2], [-INF, -INF, -INF], [INF, -INF, 0], [INF, INF, 0]])


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp 1", "logsumexp", "standardize", "logmeanexp"])
@pytest.mark.one_in(2)
def test_special_values_along_axes(name):
    both(AXIS[name], ROWS)
    both(AXIS[name], np.zeros((2, 0, 3), np.float32))


def test_logsumexp_of_signed_sums():
    b = np.float32([[1, -2, 0], [-1, 0.5, 3]])
    a = np.float32([[0.0, 1, INF], [2, -INF, 3]])
    for axis in (None, 0, 1):
        both(lambda lib, a, b, axis=axis: lib.nn.logsumexp(a, axis, b=b), a, b)
        for i in (0, 1):
            both(lambda lib, a, b, axis=axis, i=i: lib.nn.logsumexp(a, axis, b=b, return_sign=True)[i], a, b)
    both(lambda lib, a: lib.nn.logsumexp(a, axis=0), np.complex64([1 + 2j, 3 - 1j]))
    both(lambda lib, a: lib.nn.logsumexp(a), np.int32([1, 2, 3]))


def test_xlogy_of_zeros():
    x, y = map(np.float32, zip(*[(a, b) for a in (0, 1, -2, NAN) for b in (0, 1, -1, INF, NAN, 0.5)]))
    both(special("xlogy"), x, y)
    both(special("xlog1py"), x, y - 1)
    both(special("xlogy"), x[:, None], y)


# ---------------------------------------------------------------------------------------------------------------------
# Derivatives

# At these, JAX's hand-written rules give what no derivative of the formula as it stands does:
# the value of a logarithm at 0 or below (xlogy, entr), and 1/0 for inf/inf (logit, log1mexp).
ELSEWHERE = ("xlogy", "xlog1py", "entr", "logit", "log1mexp")


def derivative(lib, f, order):
    for _ in range(order):
        f = lib.grad(f)
    return lib.vmap(f)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.one_in(64)
def test_derivatives(name, order):
    x = np.abs(ORDINARY) + 0.01 if name in ELSEWHERE else ORDINARY
    # Second derivatives by way of 1 - tanh lose its digits where tanh is close to 1, in both libraries: gelu's multiplies
    # the rounding of that difference by x * u'(x)**2 (u is tanh's argument), which is 200 at the 6.6 among these x.
    ulp = LOOSE.get(name, 64 if order == 1 else 1024)
    both(lambda lib, x: derivative(lib, lambda v: ACTIVATIONS[name](lib, v), order)(x), x, ulp=ulp)


@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if n not in ELSEWHERE])
@pytest.mark.one_in(16)
def test_first_derivatives_at_special_values(name):
    x = SPECIAL[np.abs(SPECIAL) != 3e38]
    both(lambda lib, x: derivative(lib, lambda v: ACTIVATIONS[name](lib, v), 1)(x), x, ulp=LOOSE.get(name, 64))


def test_relu_has_derivative_zero_at_its_kinks():
    slope = mj.vmap(mj.grad(mj.nn.relu))(mj.numpy.array([0.0, -0.0, NAN, 1e-30, -1.0, INF]))
    np.testing.assert_array_equal(np.asarray(slope), [0, 0, 0, 1, 0, 1])
    slope = mj.vmap(mj.grad(mj.nn.relu6))(mj.numpy.array([0.0, 6.0, 3.0, NAN, 7.0]))
    np.testing.assert_array_equal(np.asarray(slope), [0, 0, 1, 0, 0])


AT_ZERO = "softplus log_sigmoid mish silu gelu sigmoid squareplus tanh relu".split()


@pytest.mark.parametrize("name", AT_ZERO)
@pytest.mark.one_in(10)
def test_second_and_third_derivatives_at_zero(name):
    """At 0 formulas with |x| have a kink, and the function has none."""
    x = np.float32([0.0, -0.0])
    for order in (2, 3):
        both(lambda lib, x, order=order: derivative(lib, lambda v: ACTIVATIONS[name](lib, v), order)(x), x)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", AXIS)
@pytest.mark.one_in(21)
def test_derivatives_along_axes(name, order):
    def run(lib, x):
        def f(x):
            out = AXIS[name](lib, x)
            return (out * lib.numpy.cos(lib.numpy.arange(float(out.size))).reshape(out.shape)).sum()

        if order == 1:
            return lib.grad(f)(x)
        return lib.grad(lambda x: (lib.grad(f)(x) * lib.numpy.sin(x)).sum())(x)

    both(run, X, ulp=1024)


def test_gradient_of_cross_entropy_with_infinite_logits():
    """A class that is masked by -inf has gradient 0, and not NaN."""
    logits = np.float32([0.5, -INF, 2.0])
    both(lambda lib, x: lib.grad(lambda x: -lib.nn.log_softmax(x)[0])(x), logits)
    both(lambda lib, x: lib.grad(lambda x: lib.nn.softmax(x)[2])(x), logits)
    both(lambda lib, x: lib.grad(lambda x: lib.nn.logsumexp(x))(x), logits)


def test_derivatives_of_xlogy_at_zero():
    def slopes(lib, y):
        f = lambda x, y: lib.scipy.special.xlogy(x, y)
        return lib.numpy.stack(lib.vmap(lib.grad(f, argnums=(0, 1)), (None, 0))(0.0, y))

    both(slopes, np.float32([0.5, 1.0, 3.0]))


EDGES = np.float32([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, NAN])


@pytest.mark.parametrize("name", ["entr", "logit", "log1mexp"])
def test_derivatives_where_jax_has_rules_by_hand(name):
    """Equal where JAX's values are finite, and not finite elsewhere."""
    f = {"log1mexp": nn("log1mexp"), "logit": special("logit"), "entr": special("entr")}[name]
    mine, theirs = (
        np.asarray(derivative(lib, lambda v, lib=lib: f(lib, v), 1)(lib.numpy.asarray(EDGES))) for lib in BOTH
    )
    finite = np.isfinite(theirs)
    assert not np.isfinite(mine[~finite]).any()
    np.testing.assert_allclose(mine[finite], theirs[finite], rtol=1e-6)
    if name == "entr":
        np.testing.assert_array_equal(mine[:2], [INF, INF])


@pytest.mark.parametrize("name", ["xlogy", "xlog1py"])
def test_derivatives_of_products_with_logarithms(name):
    y = np.float32([0, 1, -1, 0.5, INF, NAN])

    def slopes(lib, x):
        f = lib.grad(getattr(lib.scipy.special, name), argnums=(0, 1))
        return np.stack([np.asarray(g) for g in lib.vmap(f, (None, 0))(x, lib.numpy.asarray(y))])

    for x in (0.0, -0.0, 1.0, -2.0, NAN):
        mine, theirs = (slopes(lib, x) for lib in BOTH)
        finite = np.isfinite(theirs)
        assert not np.isfinite(mine[~finite]).any()
        np.testing.assert_allclose(mine[finite], theirs[finite], rtol=1e-6)


# ---------------------------------------------------------------------------------------------------------------------
# vmap, jit, jaxprs


@pytest.mark.parametrize("name", AXIS)
@pytest.mark.one_in(14)
def test_vmap_along_axes(name):
    x = RNG.normal(size=(3, 4, 6)).astype(np.float32)
    for axis in (0, 1, 2):
        moved = np.moveaxis(x, 0, axis)
        both(lambda lib, v, axis=axis: lib.vmap(lambda u: AXIS[name](lib, u), axis)(v), moved, ulp=64)


@pytest.mark.parametrize("name", list(ACTIVATIONS)[:25])
def test_jit_and_vmap(name):
    f = mj.jit(mj.vmap(lambda x: ACTIVATIONS[name](mj, x)))
    same(f(mj.numpy.asarray(ORDINARY)), ACTIVATIONS[name](mj, mj.numpy.asarray(ORDINARY)), 1)


# Those whose formula is JAX's, with no Python number that JAX's jit makes an argument of.
SAME_TEXT = (
    *"sigmoid soft_sign silu leaky_relu celu gelu squareplus identity tanh".split(),
    *("gelu exact", "erf", "erfc", "gammaln", "digamma", "expit"),
)


@pytest.mark.parametrize("name", SAME_TEXT)
def test_text_of_jaxprs(name):
    mine, theirs = (
        lines(lib.make_jaxpr(lambda x, lib=lib: ACTIVATIONS[name](lib, x))(lib.numpy.asarray(ORDINARY))) for lib in BOTH
    )
    assert mine == theirs


@pytest.mark.parametrize("name", ["softmax", "softmax 0", "log_softmax", "logsumexp", "logsumexp 1"])
def test_text_of_jaxprs_along_axes(name):
    mine, theirs = (lines(lib.make_jaxpr(lambda x, lib=lib: AXIS[name](lib, x))(lib.numpy.asarray(X))) for lib in BOTH)
    assert mine == theirs


# ---------------------------------------------------------------------------------------------------------------------
# one_hot


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("dtype", [None, "int32", "bool", "float16"])
def test_one_hot(axis, dtype):
    both(lambda lib, x: lib.nn.one_hot(x, 4, dtype=dtype, axis=axis), np.int32([[0, 3], [4, -1]]))
    both(lambda lib, x: lib.nn.one_hot(x, 3), np.uint8(2))
    both(lambda lib, x: lib.nn.one_hot(x, 0), np.int32([1, 2]))


def test_one_hot_along_a_mapped_axis():
    def mapped(lib, x, size=4):
        along = partial(lib.nn.one_hot, num_classes=size, axis="i")
        return lib.vmap(along, (None,), axis_size=4, axis_name="i")(x)

    both(mapped, np.int32([0, 3, 2]))
    for lib in (mj, jax):
        with pytest.raises(ValueError, match="Expected num_classes to match the size of axis '?i'?, but 3 != 4"):
            mapped(lib, np.int32([0, 3, 2]), 3)
        with pytest.raises(NameError, match="unbound axis name: i"):
            lib.nn.one_hot(np.int32([0, 3, 2]), 3, axis="i")


def test_one_hot_of_floats_warns():
    for lib in BOTH:
        with pytest.warns(DeprecationWarning, match="jax.nn.one_hot input should be integer-typed; got dtype=float32"):
            lib.nn.one_hot(lib.numpy.array([0.0, 1.0]), 2)


# ---------------------------------------------------------------------------------------------------------------------
# Initializers

INITIALIZERS = {
    "zeros": lambda i: i.zeros,
    "ones": lambda i: i.ones,
    "constant": lambda i: i.constant(3),
    "uniform": lambda i: i.uniform(0.5),
    "normal": lambda i: i.normal(),
    "truncated_normal": lambda i: i.truncated_normal(2.0, lower=-1.0),
    **{
        name: lambda i, name=name: getattr(i, name)()
        for name in "glorot_uniform glorot_normal lecun_uniform lecun_normal he_uniform he_normal xavier_uniform"
        " xavier_normal kaiming_uniform kaiming_normal".split()
    },
    "axes": lambda i: i.he_normal(in_axis=0, out_axis=(1, 2)),
    "batch": lambda i: i.lecun_uniform(in_axis=1, out_axis=2, batch_axis=0),
    **{mode: lambda i, mode=mode: i.variance_scaling(2.0, mode, "normal") for mode in ("fan_out", "fan_geo_avg")},
}


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.one_in(9)
def test_initializers(name):
    for dtype in (None, "float16"):

        def run(lib, dtype=dtype):
            return INITIALIZERS[name](lib.nn.initializers)(lib.random.key(7), (3, 4, 5), dtype)

        same(run(mj), run(jax), 64 if dtype is None else 8)


@pytest.mark.parametrize("name", ["normal", "he_normal", "he_uniform"])
def test_complex_initializers(name):
    def run(lib):
        return INITIALIZERS[name](lib.nn.initializers)(lib.random.key(7), (3, 4), "complex64")

    same(run(mj), run(jax), 64)


def test_default_dtype_of_an_initializer():
    for lib in BOTH:
        init = lib.nn.initializers.he_normal(dtype="float16")
        assert init(lib.random.key(0), (2, 2)).dtype == np.float16
        assert init(lib.random.key(0), (2, 2), "float32").dtype == np.float32
        assert isinstance(init, lib.nn.initializers.Initializer)
        with lib.enable_x64(True):
            assert lib.nn.initializers.ones(lib.random.key(0), (2,)).dtype == np.float64


# ---------------------------------------------------------------------------------------------------------------------
# Errors

ERRORS = {
    "a list": lambda lib: lib.nn.silu([1.0]),
    "standardize's algorithm": lambda lib: lib.nn.standardize(lib.numpy.ones(3), algorithm="x"),
    "no such axis": lambda lib: lib.nn.softmax(lib.numpy.ones(3), axis=1),
    "complex entropy": lambda lib: lib.scipy.special.entr(1j),
    "one_hot's axis": lambda lib: lib.nn.one_hot(lib.numpy.arange(2), 3, axis=3),
    "fans of a vector": lambda lib: lib.nn.initializers.he_normal()(lib.random.key(0), (3,)),
    "mode": lambda lib: lib.nn.initializers.variance_scaling(1.0, "x", "normal")(lib.random.key(0), (3, 3)),
    "distribution": lambda lib: lib.nn.initializers.variance_scaling(1.0, "fan_in", "x")(lib.random.key(0), (3, 3)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    with pytest.raises((TypeError, ValueError)) as theirs:
        ERRORS[name](jax)
    with pytest.raises(type(theirs.value)) as mine:
        ERRORS[name](mj)
    ours, jax_words = str(mine.value), str(theirs.value)
    assert ours == jax_words or ours.startswith(jax_words)


def test_errors_of_our_own():
    with pytest.raises(ValueError, match=r"axis size must be divisible by 2: glu got shape \(3,\) and axis 0"):
        mj.nn.glu(mj.numpy.ones(3))


def test_public_names_are_jax_s():
    assert set(mj.nn.__all__) <= set(dir(jax.nn))
    assert set(mj.scipy.special.__all__) <= set(dir(jax.scipy.special))
    missing = {n for n in dir(jax.nn) if not n.startswith("_")} - set(mj.nn.__all__)
    assert missing == {"get_scaled_dot_general_config", "scaled_dot_general", "scaled_matmul"}
    assert {n for n in dir(jax.nn.initializers) if not n.startswith("_")} <= set(dir(mj.nn.initializers))


def test_nothing_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for function in ACTIVATIONS.values():
            function(mj, mj.numpy.asarray(SPECIAL))
