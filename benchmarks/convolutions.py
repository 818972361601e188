"""Convolutions and their gradients by size: minijax and JAX under jit, and NumPy by hand, in one process, interleaved.

    python benchmarks/convolutions.py [--seconds 1] [--only NAME ...] [--out benchmarks/results]

By hand there are two ways: all windows copied side by side and one matrix product (im2col), and a sum over the places of the
kernel of products with slices. `one matrix product` is the product of the size of im2col alone: what no way by matrices can beat.
`dx` and `dw` are the gradients by the images and by the kernel, each with a matrix product of its own size. `train` is the loss of
three layers and its gradients by all kernels. Results are compared with JAX's before anything is timed. A ratio is that of the
medians. Ctrl-C ends the measuring; what has been measured is printed and written all the same.
"""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tables
from compare import Comparison, check_equal
from measure import peak_bytes, sampler
from programs import load, wait_for_each
from result import Result

PRODUCT = "one matrix product"


class Size(NamedTuple):
    """A convolution of images, (batch, height, width, channels) or channels first, by a square kernel, padded to the same size."""

    batch: int
    pixels: int
    channels: int
    outputs: int
    kernel: int = 3
    groups: int = 1
    stride: int = 1
    layout: str = "NHWC"

    @property
    def name(self) -> str:
        groups = f"-{self.groups}groups" if self.groups > 1 else ""
        stride = f"-stride{self.stride}" if self.stride > 1 else ""
        size = f"{self.batch}x{self.pixels}x{self.pixels}"
        return f"{self.layout}-{size}-{self.channels}to{self.outputs}-{self.kernel}x{self.kernel}{groups}{stride}"

    @property
    def axes(self) -> tuple[str, str, str]:
        return (self.layout, "HWIO", self.layout)

    @property
    def places(self) -> int:
        """The number of windows along an axis."""
        return -(-self.pixels // self.stride)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The images, the kernel, and a cotangent of the result."""
        rng = np.random.default_rng(0)
        sizes = {"N": self.batch, "H": self.pixels, "W": self.pixels, "C": self.channels}
        x = rng.normal(size=[sizes[c] for c in self.layout]).astype(np.float32)
        w = rng.normal(size=(self.kernel, self.kernel, self.channels // self.groups, self.outputs)).astype(np.float32)
        sizes.update(H=self.places, W=self.places, C=self.outputs)
        return x, w, rng.normal(size=[sizes[c] for c in self.layout]).astype(np.float32)


def named(size: Size, part: str) -> str:
    return f"{size.name}-{part}" if part else size.name


def function(jax, size: Size, part: str) -> Callable:
    """The convolution, or its gradient by x or by w, of (x, w, cotangent)."""
    f = functools.partial(jax.lax.conv_general_dilated, window_strides=(size.stride,) * 2, padding="SAME")
    f = functools.partial(f, dimension_numbers=size.axes, feature_group_count=size.groups)
    if part == "":
        return lambda x, w, g: f(x, w)
    if part == "dx":
        return lambda x, w, g: jax.vjp(lambda x: f(x, w), x)[1](g)[0]
    return lambda x, w, g: jax.vjp(lambda w: f(x, w), w)[1](g)[0]


# ---------------------------------------------------------------------------------------------------------------------
# By hand: arrays with channels last, the images padded as "SAME" does it


def pads(size: Size) -> tuple[int, int]:
    total = max((size.places - 1) * size.stride + size.kernel - size.pixels, 0)
    return total // 2, total - total // 2


def padded(size: Size, x: np.ndarray) -> np.ndarray:
    return np.pad(x, ((0, 0), pads(size), pads(size), (0, 0)))


def columns(size: Size, x: np.ndarray) -> list[np.ndarray]:
    """For each group the matrix whose rows are the windows."""
    windows = np.lib.stride_tricks.sliding_window_view(padded(size, x), (size.kernel, size.kernel), (1, 2))
    windows = windows[:, :: size.stride, :: size.stride].transpose(0, 1, 2, 4, 5, 3)
    rows = np.prod(windows.shape[:3])
    return [part.reshape(rows, -1) for part in np.split(windows, size.groups, 5)]


def joined(parts: list[np.ndarray]) -> np.ndarray:
    """The groups as one array, channels last."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts, -1)


def im2col(size: Size, part: str, x: np.ndarray, w: np.ndarray, g: np.ndarray) -> np.ndarray:
    kernels = [kernel.reshape(-1, kernel.shape[3]) for kernel in np.split(w, size.groups, 3)]
    cotangents = [cotangent.reshape(-1, cotangent.shape[3]) for cotangent in np.split(g, size.groups, 3)]
    if part == "":
        return joined([c @ k for c, k in zip(columns(size, x), kernels)]).reshape(g.shape)
    if part == "dw":
        return joined([c.T @ d for c, d in zip(columns(size, x), cotangents)]).reshape(w.shape)
    products = [(d @ k.T).reshape(*g.shape[:3], *w.shape[:3]) for d, k in zip(cotangents, kernels)]
    return added(size, x, lambda i, j: joined([p[:, :, :, i, j] for p in products]))


def slices(size: Size):
    """((i, j), what this place of the kernel meets of the padded images)"""
    span = (size.places - 1) * size.stride + 1
    for i, j in itertools.product(range(size.kernel), repeat=2):
        yield (i, j), (slice(None), slice(i, i + span, size.stride), slice(j, j + span, size.stride))


def added(size: Size, x: np.ndarray, term: Callable[[int, int], np.ndarray]) -> np.ndarray:
    """The gradient by x: the sum of what each place of the kernel gives to what it meets."""
    out = np.zeros_like(padded(size, x))
    for place, met in slices(size):
        out[met] += term(*place)
    low = pads(size)[0]
    return out[:, low : low + size.pixels, low : low + size.pixels]


def by_offsets(size: Size, part: str, x: np.ndarray, w: np.ndarray, g: np.ndarray) -> np.ndarray:
    depthwise = size.groups == size.channels == size.outputs
    split = lambda a: [a] if depthwise else np.split(a, size.groups, a.ndim - 1)
    product = np.multiply if depthwise else np.matmul
    if part == "dx":
        turn = (lambda k: k[0]) if depthwise else np.transpose
        return added(size, x, lambda i, j: joined([product(d, turn(k)) for d, k in zip(split(g), split(w[i, j]))]))
    x = padded(size, x)
    out = np.zeros_like(g if part == "" else w)
    for (i, j), met in slices(size):
        if part == "":
            kernels = w[i, j] if depthwise else split(w[i, j])
            out += joined([product(p, k) for p, k in zip(split(x[met]), kernels)])
        elif depthwise:
            out[i, j] = np.einsum("nhwc,nhwc->c", x[met], g)
        else:
            pairs = zip(split(x[met]), split(g))
            out[i, j] = joined([np.tensordot(p, d, ((0, 1, 2), (0, 1, 2))) for p, d in pairs])
    return out


def by_hand(way: Callable, size: Size, part: str) -> Callable:
    """The way for the layout of the images."""
    if size.layout == "NHWC":
        return functools.partial(way, size, part)
    last, first = (lambda a: a.transpose(0, 2, 3, 1)), (lambda a: a.transpose(0, 3, 1, 2))
    result = (lambda out: out) if part == "dw" else first
    return lambda x, w, g: result(way(size, part, last(x), w, last(g)))


# ---------------------------------------------------------------------------------------------------------------------
# Comparisons


def convolution(size: Size, part: str = "") -> Comparison:
    """`part`: "" for the convolution, "dx" and "dw" for its gradients."""
    arrays = size.arrays()
    rows, depth = size.batch * size.places**2, arrays[1][..., 0].size
    sides = {"": (rows, depth, size.outputs), "dx": (rows, size.outputs, depth), "dw": (depth, rows, size.outputs)}
    m, n, k = sides[part]
    left, right = np.ones((m, n), np.float32), np.ones((n, k), np.float32)

    def of(library: str):
        jax = load(library)
        jitted, args = jax.jit(function(jax, size, part)), [jax.numpy.asarray(a) for a in arrays]
        return lambda: wait_for_each(jitted(*args))

    expected = functools.cache(lambda: of("jax")())

    def checked(run: Callable) -> Callable[[], float]:
        check_equal(run(), expected())
        return sampler(run)

    return Comparison(
        named(size, part),
        "a convolution",
        {
            "minijax, jit": lambda: checked(of("minijax")),
            PRODUCT: lambda: sampler(lambda: left @ right),
            "im2col, by hand": lambda: checked(lambda: by_hand(im2col, size, part)(*arrays)),
            "offsets, by hand": lambda: checked(lambda: by_hand(by_offsets, size, part)(*arrays)),
            "jax, jit": lambda: checked(of("jax")),
        },
        base=PRODUCT,
    )


def training(batch: int, pixels: int) -> Comparison:
    """Three layers with a stride of 2 in the second one, the loss and its gradients."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, pixels, pixels, 1)).astype(np.float32)
    kernels = [0.3 * rng.normal(size=s).astype(np.float32) for s in ((3, 3, 1, 16), (3, 3, 16, 32), (3, 3, 32, 32))]

    def of(library: str):
        jax = load(library)

        def loss(kernels, x):
            for stride, w in zip((1, 2, 1), kernels):
                x = jax.lax.conv_general_dilated(
                    x, w, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
                )
                x = jax.numpy.tanh(x)
            return (x**2).mean()

        jitted = jax.jit(jax.value_and_grad(loss))
        args = ([jax.numpy.asarray(w) for w in kernels], jax.numpy.asarray(x))
        return lambda: wait_for_each(jitted(*args))

    expected = functools.cache(lambda: of("jax")())

    def contestant(library: str) -> Callable[[], float]:
        run = of(library)
        check_equal(run(), expected())
        return sampler(run)

    rows = {f"{library}, jit": functools.partial(contestant, library) for library in ("minijax", "jax")}
    return Comparison(f"train-{batch}x{pixels}x{pixels}", "loss and gradients of three layers", rows, base="jax, jit")


SIZES = [
    Size(32, 8, 16, 16),
    Size(32, 8, 32, 64),
    Size(8, 32, 16, 16),
    Size(8, 28, 32, 32, kernel=5),
    Size(8, 28, 32, 64, stride=2),
    Size(8, 32, 16, 16, layout="NCHW"),
    Size(8, 28, 64, 64, layout="NCHW"),
    Size(32, 8, 1, 16),
    Size(32, 32, 3, 16),
    Size(32, 32, 3, 16, layout="NCHW"),
    Size(32, 16, 8, 8),
    Size(8, 28, 64, 64, groups=64),
    Size(8, 28, 64, 64, groups=4),
]
PARTS = ("", "dx", "dw")
COMPARISONS: dict[str, Comparison] = {
    c.name: c
    for c in (
        *(convolution(size, part) for part in PARTS for size in SIZES),
        training(32, 8),
        training(16, 28),
    )
}


def memory(size: Size, part: str) -> tuple[float, float]:
    """The peak beside the result, in sizes of what is convolved; and the same of two of them and a block of 1 MiB."""
    jax = load("minijax")
    x, w, g = map(jax.numpy.asarray, size.arrays())
    jitted = jax.jit(function(jax, size, part))
    run = lambda: jax.block_until_ready(jitted(x, w, g))
    result = run().nbytes
    operand = g.nbytes if part == "dx" else x.nbytes
    return (peak_bytes(run) - result) / operand, 2 + 2**20 / operand


def worst(results: Sequence[Result]) -> list[str]:
    """The largest ratios: of convolutions of 16 channels or more to the matrix product, of others to the quicker way by hand."""
    by_name = {result.comparison.name: result for result in results}
    lines = []
    for many, said in ((True, "one matrix product"), (False, "the quicker way by hand")):
        ratios = []
        for part, size in itertools.product(PARTS, SIZES):
            result = by_name.get(named(size, part))
            if result is not None and (size.channels >= 16 and size.groups == 1) == many:
                others = [PRODUCT] if many else ["im2col, by hand", "offsets, by hand"]
                ratios.append((result.median("minijax, jit") / min(map(result.median, others)), named(size, part)))
        if ratios:
            kind = "16 channels or more" if many else "fewer channels, or groups"
            largest = ", ".join(f"{ratio:.2f} ({name})" for ratio, name in sorted(ratios, reverse=True)[:3])
            lines.append(f"{kind}: the largest ratios to {said} are {largest}")
    return lines


def peaks(results: Sequence[Result]) -> list[str]:
    measured = {result.comparison.name for result in results}
    lines = []
    for part, size in itertools.product(PARTS, SIZES):
        if named(size, part) in measured:
            peak, limit = memory(size, part)
            text = f"beside the result {peak:.1f} times its operand; two and a block are {limit:.1f}"
            lines.append(f"{named(size, part)}: {text}")
    return lines


SAID = "Ratios of medians to the base of each row; the last column is what a ratio of 1 stands for."

if __name__ == "__main__":
    sys.exit(
        tables.run("convolutions", __doc__, COMPARISONS, "Convolutions, by size", SAID, lambda r: worst(r) + peaks(r))
    )
