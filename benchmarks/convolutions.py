"""Convolutions by size: minijax and JAX under jit, and NumPy by hand, in one process, interleaved.

    python benchmarks/convolutions.py [--seconds 1] [--only NAME ...] [--out benchmarks/results]

By hand there are two ways: all windows copied side by side and one matrix product (im2col), and a sum over the places of the
kernel of products with slices. `one matrix product` is the product of the size of im2col alone: what no way by matrices can beat.
`train` is the loss of three layers and its gradients by all kernels. Results are compared with JAX's before anything is timed. A
ratio is that of the medians. Ctrl-C ends the measuring; what has been measured is printed and written all the same.
"""

from __future__ import annotations

import functools
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

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        sizes = {"N": self.batch, "H": self.pixels, "W": self.pixels, "C": self.channels}
        x = rng.normal(size=[sizes[c] for c in self.layout]).astype(np.float32)
        w = rng.normal(size=(self.kernel, self.kernel, self.channels // self.groups, self.outputs)).astype(np.float32)
        return x, w


def padded(size: Size, x: np.ndarray) -> np.ndarray:
    """The images with channels last, padded as "SAME" does it."""
    x = x if size.layout == "NHWC" else x.transpose(0, 2, 3, 1)
    out = -(-size.pixels // size.stride)
    total = max((out - 1) * size.stride + size.kernel - size.pixels, 0)
    return np.pad(x, ((0, 0), (total // 2, total - total // 2), (total // 2, total - total // 2), (0, 0)))


def unpadded(size: Size, out: np.ndarray) -> np.ndarray:
    return out if size.layout == "NHWC" else out.transpose(0, 3, 1, 2)


def im2col(size: Size, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(padded(size, x), (size.kernel, size.kernel), (1, 2))
    windows = windows[:, :: size.stride, :: size.stride]
    parts = np.split(windows, size.groups, axis=3)
    kernels = np.split(w, size.groups, axis=3)
    shape = windows.shape[:3]
    columns = [
        p.reshape(np.prod(shape), -1) @ k.transpose(2, 0, 1, 3).reshape(-1, k.shape[3]) for p, k in zip(parts, kernels)
    ]
    return unpadded(size, np.concatenate(columns, 1).reshape(*shape, size.outputs))


def by_offsets(size: Size, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    x = padded(size, x)
    n, step = -(-size.pixels // size.stride), size.stride
    out = np.zeros((size.batch, n, n, size.outputs), np.float32)
    depthwise = size.groups == size.channels == size.outputs
    for i in range(size.kernel):
        for j in range(size.kernel):
            part = x[:, i : i + (n - 1) * step + 1 : step, j : j + (n - 1) * step + 1 : step]
            if depthwise:
                out += part * w[i, j, 0]
            else:
                pairs = zip(np.split(part, size.groups, 3), np.split(w[i, j], size.groups, 1))
                out += np.concatenate([p @ k for p, k in pairs], 3)
    return unpadded(size, out)


def convolution(size: Size) -> Comparison:
    x, w = size.arrays()
    rows = size.batch * (-(-size.pixels // size.stride)) ** 2
    depth = w[..., 0].size
    left, right = np.ones((rows, depth), np.float32), np.ones((depth, size.outputs), np.float32)

    def of(library: str):
        jax = load(library)
        f = functools.partial(jax.lax.conv_general_dilated, window_strides=(size.stride,) * 2, padding="SAME")
        f = functools.partial(f, dimension_numbers=size.axes, feature_group_count=size.groups)
        jitted, args = jax.jit(lambda x, w: f(x, w)), (jax.numpy.asarray(x), jax.numpy.asarray(w))
        return lambda: wait_for_each(jitted(*args))

    expected = functools.cache(lambda: of("jax")())

    def checked(run: Callable) -> Callable[[], float]:
        check_equal(run(), expected())
        return sampler(run)

    return Comparison(
        size.name,
        "a convolution",
        {
            "minijax, jit": lambda: checked(of("minijax")),
            PRODUCT: lambda: sampler(lambda: left @ right),
            "im2col, by hand": lambda: checked(lambda: im2col(size, x, w)),
            "offsets, by hand": lambda: checked(lambda: by_offsets(size, x, w)),
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
COMPARISONS: dict[str, Comparison] = {
    **{size.name: convolution(size) for size in SIZES},
    **{c.name: c for c in (training(32, 8), training(16, 28))},
}


def memory(size: Size) -> float:
    """The peak of one convolution, in sizes of its operand."""
    x, w = size.arrays()
    jax = load("minijax")
    args = jax.numpy.asarray(x), jax.numpy.asarray(w)
    f = lambda: jax.lax.conv_general_dilated(
        *args, (size.stride,) * 2, "SAME", dimension_numbers=size.axes, feature_group_count=size.groups
    )
    return peak_bytes(f) / x.nbytes


def peaks(results: Sequence[Result]) -> list[str]:
    measured = {result.comparison.name for result in results}
    return [
        f"{s.name}: at its peak {memory(s):.1f} times its operand, with the result and a block of 1 MiB"
        for s in SIZES
        if s.name in measured
    ]


SAID = "Ratios of medians to the base of each row; the last column is what a ratio of 1 stands for."

if __name__ == "__main__":
    sys.exit(tables.run("convolutions", __doc__, COMPARISONS, "Convolutions, by size", SAID, peaks))
