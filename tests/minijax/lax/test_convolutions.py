"""Convolutions under all their names against JAX's, beside the rows of the table of operations."""

from __future__ import annotations

import functools
import itertools

import jax
import jax.lax
import jax.numpy
import measure
import numpy as np
import pytest

import minijax
import minijax.lax
import minijax.numpy
from minijax.primitives import convolution_numpy

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(2, 5, 4, 3)).astype("float32"), RNG.normal(size=(3, 2, 3, 4)).astype("float32")
LINE, TAPS = RNG.normal(size=(2, 6, 3)).astype("float32"), RNG.normal(size=(3, 3, 3)).astype("float32")
TAPS_OF_4 = RNG.normal(size=(4, 3, 2)).astype("float32")
WIDE, KERNEL = RNG.normal(size=(2, 17, 6)).astype("float32"), RNG.normal(size=(4, 17, 3)).astype("float32")
MANY = RNG.normal(size=(2, 6, 5)).astype("float32")
LOCAL = RNG.normal(size=(3, 4, 4)).astype("float32")
NHWC = ("NHWC", "HWIO", "NHWC")
LONG = ("NHC", "HIO", "NHC")

CASES = {
    "conv": lambda lax: lax.conv(WIDE, KERNEL, (2,), "SAME"),
    "SAME_LOWER": lambda lax: lax.conv(WIDE[..., :4], KERNEL[..., :2], (1,), "same_lower"),
    "general padding": lambda lax: lax.conv_with_general_padding(WIDE, KERNEL, (1,), [(2, -1)], (2,), (2,)),
    "no spatial axis": lambda lax: lax.conv_general_dilated(
        X[0, 0], W[0, 0], (), (), dimension_numbers=("NC", "IO", "CN")
    ),
    "a spatial axis of size 0": lambda lax: lax.conv(WIDE[..., :1], KERNEL, (1,), "VALID"),
    "numbers of axes": lambda lax: lax.conv_general_dilated(
        X, W, (1, 2), "SAME", dimension_numbers=lax.ConvDimensionNumbers((0, 3, 1, 2), (3, 2, 0, 1), (1, 0, 3, 2))
    ),
    "axes in another order": lambda lax: lax.conv_general_dilated(
        X, W, (1, 2), "VALID", dimension_numbers=("NWHC", "HWIO", "CWNH")
    ),
    "each channel alone": lambda lax: lax.conv_general_dilated(
        MANY, MANY[:, :1, :2].repeat(6, 0), (1,), "SAME", feature_group_count=6
    ),
    "each channel alone, in front": lambda lax: lax.conv_general_dilated(
        WIDE, WIDE[0, :, None, :3], (2,), "SAME", feature_group_count=17
    ),
    "integers": lambda lax: lax.conv(np.int8([[[100, 2, 3]]]), np.int8([[[2, 1]]]), (1,), "VALID"),
    "integers in more bits": lambda lax: lax.conv(
        np.int8([[[100, 2, 3]]]), np.int8([[[2, 1]]]), (1,), "VALID", preferred_element_type=np.int32
    ),
    "half precision in float32": lambda lax: lax.conv(
        WIDE.astype("float16"), KERNEL.astype("float16"), (1,), "VALID", preferred_element_type=np.float32
    ),
    "complex numbers": lambda lax: lax.conv(WIDE + 1j * WIDE[::-1], KERNEL - 2j * KERNEL, (1,), "SAME"),
    "transposed, SAME": lambda lax: lax.conv_transpose(LINE, TAPS, (2,), "SAME"),
    "transposed, VALID": lambda lax: lax.conv_transpose(X, W, (2, 3), "VALID"),
    "transposed, pairs": lambda lax: lax.conv_transpose(LINE, TAPS, (2,), [(1, 2)], (2,)),
    "transposed, consistent": lambda lax: lax.conv_transpose(LINE, TAPS, (3,), [(1, 0)], use_consistent_padding=True),
    "transposed, with the kernel": lambda lax: lax.conv_transpose(
        LINE, TAPS[..., :2].transpose(0, 2, 1), (2,), "SAME", dimension_numbers=LONG, transpose_kernel=True
    ),
    "patches": lambda lax: lax.conv_general_dilated_patches(X, (2, 3), (1, 2), "SAME", dimension_numbers=NHWC),
    "patches, channels first": lambda lax: lax.conv_general_dilated_patches(MANY, (3,), (1,), [(1, 0)], (2,), (1,)),
    "local": lambda lax: lax.conv_general_dilated_local(
        MANY[:, :2], LOCAL, (1,), "VALID", (2,), dimension_numbers=None
    ),
    "patches, the batch last": lambda lax: lax.conv_general_dilated_patches(
        LINE, (2,), (1,), "VALID", dimension_numbers=("NHC", "HIO", "CHN")
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.one_in(8)
def test_values(name):
    theirs = CASES[name](jax.lax)
    f = lambda: CASES[name](minijax.lax)
    for mine in (f(), minijax.jit(f)(), minijax.jit(f, compiler="xla")()):
        assert (mine.shape, mine.dtype, mine.weak_type) == (theirs.shape, theirs.dtype, theirs.weak_type)
        np.testing.assert_allclose(mine, theirs, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("window", [1, 2, 3, 4])
def test_transposed_convolutions_of_any_stride(window, padding):
    def values(lax, strides=(1, 2, 3, 4, 5)):
        return [lax.conv_transpose(LINE, TAPS_OF_4[:window], (s,), padding) for s in strides]

    for mine, theirs in zip(values(minijax.lax), jax.jit(lambda: values(jax.lax))(), strict=True):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=2e-5, atol=2e-5)


SHAPES = {
    "conv_shape_tuple": [((1, 3, 8, 7), (4, 3, 3, 2), (1, 2), "SAME"), ((4, 3, 8), (4, 3, 3), (1,), [(1, 2)], 2)],
    "conv_general_shape_tuple": [((1, 8, 7, 3), (3, 2, 3, 4), (1, 2), "SAME", NHWC)],
    "conv_transpose_shape_tuple": [
        ((1, 4, 4, 3), (3, 3, 2, 3), (2, 2), p, ("NHWC", "HWOI", "NHWC")) for p in ("SAME", "VALID", [(1, 1), (0, 1)])
    ],
    "conv_dimension_numbers": [((1, 8, 8, 3), (3, 3, 3, 4), NHWC), ((1, 2), (2, 3), None)],
    "conv_general_permutations": [(("NHWC", "HWIO", "NCWH"),)],
    "padtype_to_pads": [((5, 6), (3, 2), (1, 3), p) for p in ("SAME", "SAME_LOWER", "valid")],
    "reduce_window_shape_tuple": [((5, 6), (3, 2), (1, 3), [(0, 1), (1, 1)], (1, 2), (2, 1))],
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name):
    for args in SHAPES[name]:
        mine, theirs = (getattr(lib.lax, name)(*args) for lib in (minijax, jax))
        assert (
            tuple(map(tuple, mine)) == tuple(map(tuple, theirs)) if np.ndim(theirs[0]) else tuple(mine) == tuple(theirs)
        )


MISTAKES = {
    "ranks": lambda lax: lax.conv(X, KERNEL, (1,), "SAME"),
    "features": lambda lax: lax.conv(WIDE, KERNEL[:, :2], (1,), "SAME"),
    "groups of features": lambda lax: lax.conv_general_dilated(WIDE, KERNEL, (1,), "SAME", feature_group_count=2),
    "groups of outputs": lambda lax: lax.conv_general_dilated(
        MANY, MANY[:, :2, :2], (1,), "SAME", feature_group_count=3
    ),
    "groups of the batch": lambda lax: lax.conv_general_dilated(WIDE, KERNEL, (1,), "SAME", batch_group_count=3),
    "precision": lambda lax: lax.conv_general_dilated(WIDE, KERNEL, (1,), "SAME", precision=("high", None)),
    "no group": lambda lax: lax.conv_general_dilated(WIDE, KERNEL, (1,), "SAME", feature_group_count=0),
    "both groups": lambda lax: lax.conv_general_dilated(
        MANY, MANY[:, :3, :2], (1,), "SAME", feature_group_count=2, batch_group_count=2
    ),
    "strides": lambda lax: lax.conv(WIDE, KERNEL, (1, 1), "VALID"),
    "padding's name": lambda lax: lax.conv(WIDE, KERNEL, (1,), "SOME"),
    "padding's form": lambda lax: lax.conv_general_dilated(WIDE, KERNEL, (1,), [1]),
    "paddings": lambda lax: lax.conv_general_dilated(WIDE, KERNEL, (1,), [(1, 1), (1, 1)]),
    "too negative": lambda lax: lax.conv_general_dilated(WIDE, KERNEL, (1,), [(-7, 0)]),
    "a name and a dilation": lambda lax: lax.conv_general_dilated(WIDE, KERNEL, (1,), "SAME", (2,)),
    "dilation 0": lambda lax: lax.conv_general_dilated(WIDE, KERNEL, (1,), [(0, 0)], (0,)),
    "dtypes": lambda lax: lax.conv(WIDE, KERNEL.astype("float16"), (1,), "SAME"),
    "preferred, narrower": lambda lax: lax.conv(WIDE, KERNEL, (1,), "SAME", preferred_element_type=np.float16),
    "preferred, integers": lambda lax: lax.conv(WIDE, KERNEL, (1,), "SAME", preferred_element_type=np.int32),
    "preferred, unsigned": lambda lax: lax.conv(
        np.int8([[[1]]]), np.int8([[[1]]]), (1,), "SAME", preferred_element_type=np.uint32
    ),
    "strings": lambda lax: lax.conv_dimension_numbers((1, 2, 3), (1, 2, 3), ("NCH", "OIH")),
    "no strings": lambda lax: lax.conv_dimension_numbers((1, 2, 3), (1, 2, 3), (1, 2, 3)),
    "no tuple": lambda lax: lax.conv_dimension_numbers((1, 2, 3), (1, 2, 3), 3),
    "letters": lambda lax: lax.conv_dimension_numbers((1, 2, 3), (1, 2, 3), ("NCC", "OIH", "NCH")),
    "a letter too many": lambda lax: lax.conv_dimension_numbers((1, 2, 3), (1, 2, 3), ("NCHW", "OIH", "NCH")),
    "a letter twice": lambda lax: lax.conv_dimension_numbers((1,) * 4, (1,) * 4, ("NCHH", "OIHH", "NCHH")),
    "other letters": lambda lax: lax.conv_dimension_numbers((1, 2, 3), (1, 2, 3), ("NCH", "OIH", "NCW")),
    "transposed, the name": lambda lax: lax.conv_transpose(LINE, TAPS, (2,), "SOME"),
    "transposed, the rank": lambda lax: lax.conv_transpose(np.ones((1,) * 6), np.ones((1,) * 6), (1,) * 4, "SAME"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    kinds = []
    for lib in (minijax, jax):
        with pytest.raises((TypeError, ValueError, RuntimeError)) as caught:
            MISTAKES[name](lib.lax)
        kinds.append(caught.type.__name__)
    assert kinds[0] == kinds[1]


PRECISIONS = [
    "highest", "high", "default", "fastest", "bfloat16_3x", "tensorfloat32", ("default", "bfloat16_3x"), "a value",
    # JAX refuses these.
    "HIGH", "exact", ("highest", None), ("high",), ("a value", "high"), 2,
]  # fmt: skip
# name: the products of arrays that take a precision.
PRODUCTS = {
    "conv": lambda lib, p: lambda x: lib.lax.conv(x, KERNEL, (1,), "SAME", p),
    "dot_general": lambda lib, p: lambda x: lib.lax.dot_general(x[0], x[0], (((0,), (0,)), ((), ())), p),
    "matmul": lambda lib, p: lambda x: lib.numpy.matmul(x[0], x[0].T, precision=p),
    "einsum": lambda lib, p: lambda x: lib.numpy.einsum("bij,bkj->bik", x, x, precision=p),
}


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("precision", PRECISIONS, ids=str)
@pytest.mark.one_in(2)
def test_precisions_are_printed_alike(precision, product):
    def printed(lib):
        value = {"a value": lib.lax.Precision.HIGH}
        chosen = (
            tuple(value.get(p, p) for p in precision)
            if isinstance(precision, tuple)
            else value.get(precision, precision)
        )
        try:
            return (
                str(lib.make_jaxpr(PRODUCTS[product](lib, chosen))(WIDE)).split("precision=")[1].split("preferred")[0]
            )
        except ValueError:
            return "refused"

    assert printed(minijax) == printed(jax)


def by_definition(x, w, strides, pads, dilation, window_dilation, groups, batch_groups):
    """A convolution of one spatial axis, number by number."""
    n, c, size = x.shape
    spread = np.zeros((n, c, max(dilation * (size - 1) + 1, 0) + sum(pads)))
    places = pads[0] + dilation * np.arange(size)
    inside = (places >= 0) & (places < spread.shape[2])
    spread[:, :, places[inside]] = x[:, :, inside]
    outputs, inputs, taps = w.shape
    span = window_dilation * (taps - 1) + 1
    count = max((spread.shape[2] - span) // strides + 1, 0)
    out = np.zeros((n // batch_groups, outputs, count))
    for b, o, p in itertools.product(*map(range, out.shape)):
        example = b + o // (outputs // batch_groups) * (n // batch_groups)
        first = o // (outputs // groups) * inputs
        window = spread[example, first : first + inputs, p * strides : p * strides + span : window_dilation]
        out[b, o, p] = (window * w[o]).sum()
    return out


@pytest.mark.parametrize("seed", range(40))
def test_numbers_by_definition(seed, monkeypatch):
    """NumPy's ways, also in blocks of a few numbers, against loops; the channels of some cases lie last, of others in front."""
    rng = np.random.default_rng(seed)
    if seed % 2:
        monkeypatch.setattr(convolution_numpy, "BLOCK", 20)
    groups, batch_groups = [(1, 1), (3, 1), (1, 2), (1, 1)][seed % 4]
    inputs = int(rng.choice([1, 2, 17]))
    x = rng.normal(size=(2 * batch_groups, inputs * groups, int(rng.integers(1, 7)))).astype("float32")
    w = rng.normal(size=(6, inputs, int(rng.integers(1, 4)))).astype("float32")
    strides, dilation, window_dilation = (int(rng.integers(1, 4)) for _ in range(3))
    length = dilation * (x.shape[2] - 1) + 1
    pads = tuple(int(p) for p in rng.integers(-min(2, length // 2), 4, 2))
    options = (groups, batch_groups)
    mine = minijax.lax.conv_general_dilated(x, w, (strides,), [pads], (dilation,), (window_dilation,), None, *options)
    expected = by_definition(x, w, strides, pads, dilation, window_dilation, *options)
    np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-4)


# name: the layout, the channels, the outputs, the stride, the groups.
LAYERS = {
    "channels last": ("NHWC", 16, 16, 1, 1),
    "channels in front": ("NCHW", 16, 16, 1, 1),
    "few channels": ("NHWC", 3, 16, 1, 1),
    "a stride": ("NHWC", 16, 32, 2, 1),
    "groups": ("NHWC", 32, 32, 1, 4),
    "each channel alone": ("NHWC", 32, 32, 1, 32),
    "each channel alone, in front": ("NCHW", 32, 32, 1, 32),
}


def gradients(lib, name, batch=8, size=32):
    """The convolution of a layer and its gradients by the operand and the kernel, as functions of (x, w, cotangent), and these."""
    layout, channels, outputs, stride, groups = LAYERS[name]
    rng = np.random.default_rng(0)
    sizes = {"N": batch, "H": size, "W": size, "C": channels}
    x = lib.numpy.asarray(rng.normal(size=[sizes[c] for c in layout]).astype("float32"))
    w = lib.numpy.asarray(rng.normal(size=(3, 3, channels // groups, outputs)).astype("float32"))
    f = lambda x, w: lib.lax.conv_general_dilated(
        x, w, (stride,) * 2, "SAME", dimension_numbers=(layout, "HWIO", layout), feature_group_count=groups
    )
    functions = {
        "value": lambda x, w, g: f(x, w),
        "dx": lambda x, w, g: lib.vjp(lambda x: f(x, w), x)[1](g)[0],
        "dw": lambda x, w, g: lib.vjp(lambda w: f(x, w), w)[1](g)[0],
    }
    shape = lib.eval_shape(f, x, w).shape
    return functions, (x, w, lib.numpy.asarray(rng.normal(size=shape).astype("float32")))


@pytest.mark.parametrize("block", [1000, convolution_numpy.BLOCK])
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.one_in(4)
def test_gradients(name, block, monkeypatch):
    monkeypatch.setattr(convolution_numpy, "BLOCK", block)
    mine, arguments = gradients(minijax, name, 2, 18)
    theirs, their_arguments = gradients(jax, name, 2, 18)
    for part, function in mine.items():
        expected = np.asarray(jax.jit(theirs[part])(*their_arguments))
        for value in (function(*arguments), minijax.jit(function)(*arguments)):
            np.testing.assert_allclose(value, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("number", [np.inf, np.nan])
@pytest.mark.parametrize("which", ["x", "w", "cotangent"])
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.one_in(12)
def test_numbers_that_are_not_finite(name, which, number):
    """One number is infinite or NaN. Each way multiplies it by the zeros of the padding, which gives NaN, as XLA does."""
    mine, arguments = gradients(minijax, name, 2, 8)
    theirs, their_arguments = gradients(jax, name, 2, 8)
    k = ["x", "w", "cotangent"].index(which)
    place = (0, 1, 1, 0) if which == "w" else (1, 2, 3, 1 % arguments[k].shape[-1])
    arguments, their_arguments = list(arguments), list(their_arguments)
    arguments[k], their_arguments[k] = arguments[k].at[place].set(number), their_arguments[k].at[place].set(number)
    for part, function in mine.items():
        if (name, which, part) == ("groups", "cotangent", "dw"):
            continue  # XLA multiplies all groups at once, by a mask of zeros: the number makes NaN of other groups.
        expected = np.asarray(jax.jit(theirs[part])(*their_arguments))
        for value in (function(*arguments), minijax.jit(function)(*arguments)):
            np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-4, err_msg=part)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.one_in(3)
def test_memory(name):
    """Beside the result there are at most twice what is convolved, and a block."""
    functions, arguments = gradients(minijax, name)
    for part, function in functions.items():
        run = functools.partial(minijax.jit(function), *arguments)
        result = run().nbytes
        operand = arguments[2 if part == "dx" else 0].nbytes
        assert measure.peak_bytes(run) - result < 2 * operand + 4 * convolution_numpy.BLOCK + 2**16, part


PLANNED = {
    "small images": ((4, 8, 8, 16), (3, 3, 16, 16), {}),
    "several blocks": ((40, 8, 8, 16), (3, 3, 16, 16), {}),
    "blocks of rows": ((2, 130, 130, 16), (3, 3, 16, 8), {"window_strides": (2, 2)}),
    "strides, dilated windows": ((3, 9, 7, 8), (2, 3, 8, 4), {"window_strides": (2, 1), "rhs_dilation": (1, 2)}),
    "cut off": ((3, 9, 7, 8), (2, 3, 8, 4), {"padding": ((-1, 2), (0, -2))}),
}


@pytest.mark.parametrize("name", PLANNED)
def test_a_plan_does_what_the_products_do(name, monkeypatch):
    """Each of these shapes has a plan. A second call with it leaves the result of the first as it is."""
    x, w, options = PLANNED[name]
    rng = np.random.default_rng(0)
    x, w = (rng.normal(size=shape).astype(np.float32) for shape in (x, w))
    options = {"window_strides": (1, 1), "padding": "SAME", "dimension_numbers": ("NHWC", "HWIO", "NHWC"), **options}
    run = lambda x: np.asarray(minijax.lax.conv_general_dilated(x, w, **options))
    planned = []
    plan = convolution_numpy._plan
    monkeypatch.setattr(convolution_numpy, "_plan", lambda *args: planned.append(plan(*args)) or planned[-1])
    found, other = run(x), run(2 * x)
    assert all(planned)
    monkeypatch.setattr(convolution_numpy, "_plan", lambda *args: None)
    np.testing.assert_array_equal(found, run(x))
    np.testing.assert_array_equal(other, run(2 * x))
