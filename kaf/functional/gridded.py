"""The weighted sum of Gaussians on equispaced centres, at three exponentials per value, however many centres there are.

The method is fast Gaussian gridding (Greengard and Lee 2004, SIAM Review 46). The centres are cut into blocks. In the middle
of a block is its anchor m, and the centres of the block are m + j step. With t = (x - m) / sigma and delta = step / sigma,

    exp(-(t - j delta)^2 / 2) = exp(-t^2 / 2) z^j q^(j^2),   z = exp(delta t),   q = exp(-delta^2 / 2).

q^(j^2) is multiplied into the coefficients. What is left of the sum over j >= 0 is a polynomial in z, and of the sum over
j < 0 a polynomial in 1/z. Horner's rule evaluates both. Far from the block z would overflow, so the t in z is clipped at
points where all Gaussians of the block have vanished; the t in exp(-t^2 / 2) is not clipped.

The n-th derivative by x is a sum of Gaussians times Hermite polynomials He_n of t - j delta, and so it is made of the same
sums with the coefficients alpha_j j^k, k <= n. No other derivative is needed. If S_n is the n-th derivative of the sum by x,

    dS_n = S_(n+1) dx + S_n(d alpha) + (S_n / sigma + sigma S_(n+2)) d sigma.

For a cotangent g the gradient of alpha_j is q^(j^2) times the moment sum_n g_n exp(-t_n^2 / 2) z_n^j, a sum over the batch, whose
terms are those of the moment before it times z_n. `pull` computes the moments of all j. `operations.py` makes derivatives of any
order from these functions, and `evaluation.py` chooses among them.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy

from ..backend import Array, Backend

# A block reaches this many sigma to either side of its anchor. x matters up to 6 sigma beyond the block, where
# exp(-t^2 / 2) is exp(-72). That and its inverse are float32 numbers, and leave room for a sum of coefficients.
_BLOCK_REACH = 6.0
# How many sigma beyond the block t is clipped: there the nearest Gaussian is less than half an ulp of 1 in that dtype.
_CLIP = {"float32": 6.0, "float64": 9.0}
# If sigma is not known until the program runs, the program chooses between blocks of 21 centres, which are right for
# sigma >= 1.67 step, and of 11 centres, for sigma >= 0.83 step.
_HALF_WIDTHS_OF_UNKNOWN = (10, 5)
# More blocks than this are computed in a loop, because a program with the code of every block would take long to compile.
UNROLLED_BLOCKS = 6


class Layout(NamedTuple):
    """Equispaced centres first + i step, i < size, cut into blocks of `block` centres.

    The last block may reach beyond the centres; the coefficients there are zeros.

    guarded: sigma was not known when the layout was made, so the program must check `fits` when it runs. joined: how many rows of x
    the caller has joined to one long row, because loops over short rows are slow; the coefficients are repeated for each of them.
    units: None if the coefficients are [k, *units]; else they are [k, columns], with the units in one row that ends in padding (see
    `Backend.padding`).
    """

    first: float
    step: float
    size: int
    block: int
    guarded: bool
    joined: int = 1
    units: tuple[int, ...] | None = None

    @property
    def below(self) -> int:
        """How many centres of a block lie below its anchor."""
        return self.block // 2

    @property
    def anchors(self) -> list[float]:
        """The anchor of each block: the centre in its middle."""
        return [self.first + self.step * (b * self.block + self.below) for b in range(self.num_blocks)]

    @property
    def num_blocks(self) -> int:
        """How many blocks there are."""
        return -(-self.size // self.block)

    def halved(self) -> Layout:
        """The same centres in blocks of half the size."""
        return self._replace(block=-(-self.block // 2))

    @property
    def smallest_sigma(self) -> float:
        """With this bandwidth or a larger one, the powers of z in a block do not overflow."""
        return self.step * max(self.below, self.block - 1 - self.below) / _BLOCK_REACH


def make_layout(centers: numpy.ndarray, sigma: float | None) -> Layout | None:
    """The layout for centres [k] and bandwidths of at least `sigma` (None: not known yet); None if the centres do not fit.

    The centres must be equispaced and ascending, except for rounding errors. sigma must be large enough for blocks of five
    centres, or of all centres if there are fewer.
    """
    size = len(centers)
    # Half-precision centres are held to float32's rounding error. With their own, larger one, centres that are not
    # equispaced would pass, and would be moved.
    eps = numpy.finfo(numpy.float64 if centers.dtype == numpy.float64 else numpy.float32).eps
    exact = numpy.asarray(centers, numpy.float64)
    if size < 2 or not numpy.isfinite(exact).all():
        return None
    rounding = 4 * eps * numpy.abs(exact).max()
    step = (exact[-1] - exact[0]) / (size - 1)
    if not step > 16 * rounding or numpy.abs(exact - (exact[0] + step * numpy.arange(size))).max() > rounding:
        return None
    half = _HALF_WIDTHS_OF_UNKNOWN[0] if sigma is None else math.floor(min(size, _BLOCK_REACH * sigma / step))
    if half < min(2, size // 2):
        return None
    return Layout(float(exact[0]), float(step), size, _block(size, half), sigma is None)


def unknown_layout(size: int) -> Layout | None:
    """The layout for centres that are not known when the program is traced, in units of their step, with 0 in their middle."""
    if size < 2:
        return None
    return Layout(-(size - 1) / 2, 1.0, size, _block(size, _HALF_WIDTHS_OF_UNKNOWN[0]), True)


def _block(size: int, half: int) -> int:
    """How many centres a block has, if it may have `half` of them on either side of its anchor; all blocks are about equally
    large."""
    return -(-size // -(-size // (2 * half + 1)))


def candidates(layout: Layout) -> list[Layout]:
    """The layouts that a program chooses from if sigma is not known when it is traced: with the largest blocks first."""
    blocks = dict.fromkeys(_block(layout.size, half) for half in _HALF_WIDTHS_OF_UNKNOWN)
    return [layout._replace(block=block) for block in blocks]


def fits(xp, layout: Layout, sigma: Array) -> Array:
    """Whether no block overflows with this bandwidth, a bool array []. A NaN fits: the result is NaN in any case."""
    return ~(sigma < layout.smallest_sigma).any()


def equispaced(xp, centers: Array) -> Array:
    """Whether all lists of centres [..., k] are equispaced and ascending, except for rounding errors (see `make_layout`), a bool
    array []."""
    k = centers.shape[-1]
    eps = numpy.finfo(numpy.float64 if centers.dtype == numpy.float64 else numpy.float32).eps
    centers = centers.astype(computing_dtype(xp, centers))
    first, step = centers[..., :1], (centers[..., -1:] - centers[..., :1]) / (k - 1)
    rounding = 4 * eps * xp.abs(centers).max(-1, keepdims=True)
    off = xp.abs(centers - (first + step * numpy.arange(k).astype(centers.dtype))).max(-1, keepdims=True)
    return ((step > 16 * rounding) & (off <= rounding)).all()


def evaluate(backend: Backend, layout: Layout, order: int, x, alpha, sigma) -> Array:
    """The `order`-th derivative by x of the sum of Gaussians, order 0 to 2; alpha is [k, *units], sigma [] or [*units].

    x holds floats and has any shape that *units broadcast to. It is computed in float64 if one of the arguments is float64, else in
    float32.
    """
    return evaluate_several(backend, layout, x, sigma, [(alpha, order)])[0]


def pull(backend: Backend, layout: Layout, order: int, x, alpha, sigma, g, axes: tuple[int, ...]) -> tuple:
    """(g S_1, or None for alpha None; for each centre the sum over `axes` of g times the `order`-th derivative of its Gaussian).

    S_1 is the slope of the sum with the coefficients alpha [k, *units], and has the shape of x. The sums are [k, ...], with axes of
    size 1 in place of those that are summed. Under jit a result that is not used costs nothing.
    """
    xp = backend.np
    dtype = computing_dtype(xp, *[a for a in (x, alpha, sigma, g) if a is not None])
    x, sigma, g = (a.astype(dtype) for a in (x, sigma, g))
    layout = layout.halved() if order > 1 else layout
    delta, in_one_loop = layout.step / sigma, _sums_in_one_loop(backend, axes, x)
    coefficients = numpy.zeros((layout.num_blocks, 0))
    if alpha is not None:
        (coefficients,) = coefficients_of(xp, layout, 0, alpha.astype(dtype), sigma)
        coefficients = coefficients * (-1 / _padded(xp, layout, sigma, alpha))

    def add_block(slope, anchor_and_coefficients):
        anchor, c = anchor_and_coefficients
        near, E, z, inverse = block_exponentials(xp, layout, x, sigma, anchor, backend)
        weight = g * E
        if in_one_loop:
            z, inverse, weight = _in_memory(backend.lax, xp, [z, inverse, weight])
        weights = [weight, weight * near, weight * (near * near - 1)][: order + 1]
        sums = [xp.stack(_power_sums(backend, layout, w, z, inverse, axes)) for w in weights]
        if alpha is not None:
            # `hermite_sums` multiplies its sums by the second array. Here that is g exp(-t^2 / 2), not exp(-t^2 / 2) alone.
            powers = [_split(backend.lax, layout, _repeated(xp, c, layout.joined))]
            part = hermite_sums(layout, [1], sigma, (near, weight, z, inverse), [powers])[0]
            slope = part if slope is None else slope + part
        return slope, sums

    anchors, start = numpy.asarray(layout.anchors, dtype), None
    if layout.num_blocks <= UNROLLED_BLOCKS:
        parts = []
        for b, anchor in enumerate(anchors):
            start, sums = add_block(start, (anchor, coefficients[b]))
            parts.append(sums)
        P = [xp.concatenate(sums) for sums in zip(*parts, strict=True)]
    else:
        start = None if alpha is None else xp.zeros_like(x)
        start, P = backend.lax.scan(add_block, start, (anchors, coefficients))
        P = [sums.reshape(-1, *sums.shape[2:]) for sums in P]
    j = numpy.tile(numpy.arange(-layout.below, layout.block - layout.below), layout.num_blocks).astype(dtype)
    j = j.reshape(-1, *(1,) * (P[0].ndim - 1))
    # The sums of g times the Hermite polynomial He_n of t - j delta.
    sums = P[0]
    if order == 1:
        sums = P[1] - j * delta * P[0]
    if order == 2:
        sums = P[2] - 2 * j * delta * P[1] + (j * delta) ** 2 * P[0]
    sums = sums * xp.exp(-0.5 * (delta * j) ** 2)
    sums = sums[: layout.size] * (-1 / sigma) ** order if order else sums[: layout.size]
    return start, sums


def _power_sums(backend: Backend, layout: Layout, weight, z, inverse, axes: tuple[int, ...]) -> list:
    """The sums over `axes` of weight z^j for each j of a block, with axes of size 1 in their place."""
    below, above = (weight * inverse, inverse, layout.below), (weight, z, layout.block - layout.below)
    if _sums_in_one_loop(backend, axes, weight):
        sums = [_power_sums_in_one_loop(backend, *part) for part in (below, above)]
    elif backend.compiles_loops() or axes != (0,) or weight.ndim != 2:
        sums = [_powers(lambda w: w.sum(axes, keepdims=True), *part) for part in (below, above)]
    else:
        # In NumPy a matrix product is faster than a sum over rows.
        rows, units = z.shape[0] * layout.joined, z.shape[1] // layout.joined
        ones = numpy.ones((1, rows), z.dtype)
        over_rows = lambda w: backend.np.tensordot(ones, w.reshape(rows, units), 1, precision="highest")
        sums = [_powers(over_rows, *part) for part in (below, above)]
    return sums[0][::-1] + sums[1]


def _sums_in_one_loop(backend: Backend, axes: tuple[int, ...], x) -> bool:
    """Whether all sums are one reduction: on a CPU, where it is faster. It changes the order of the rows, so it is not for rows
    that several devices may share."""
    on_one_cpu = backend.compiles_loops() and backend.on_cpu() and not backend.shares_arrays()
    return on_one_cpu and (axes == (0,) and x.ndim == 2 or axes == (1,) and x.ndim == 3)


def _powers(function: Callable, weight, z, count: int) -> list:
    """function(weight z^i) for i < count."""
    found = []
    for i in range(count):
        weight = weight * z if i else weight
        found.append(function(weight))
    return found


def _in_memory(lax, xp, arrays: Sequence) -> list:
    """The same arrays, written to memory.

    Otherwise XLA would compute them again, exponentials included, in every loop that reads them; and it does not vectorise
    the sums in a loop that contains exponentials.
    """
    first, *others = arrays
    kept = xp.broadcast_to(first, (len(arrays), *first.shape))
    for i, a in enumerate(others, 1):
        kept = lax.dynamic_update_slice(kept, a[None], (i, *[0] * a.ndim))
    return list(kept)


def _power_sums_in_one_loop(backend: Backend, weight, z, count: int) -> list:
    """The sums over the rows of weight z^i, i < count, each [..., 1, units], for arrays [..., rows, units].

    All sums are one reduction of several arrays, which XLA compiles to one loop that keeps the powers in registers. XLA
    vectorises the loop only if it can unroll the reduction, so the reduction has two terms. Each term is a sum of four rows. The
    eight rows are adjacent: rows whose addresses differ by multiples of 4 KiB would evict one another from the first-level cache.
    """
    xp, lax, (rows, units) = backend.np, backend.lax, weight.shape[-2:]
    if not count:
        return []

    def quarters(a):
        split = lax.split(a.reshape(*a.shape[:-2], -1, 2, 4, units), [1] * 4, a.ndim)
        return [quarter[..., 0, :] for quarter in split]

    def reduced(fours):
        """Each four is the four terms, [..., 2, units], of one sum."""
        sums = tuple((a + b) + (c + d) for a, b, c, d in fours)
        zeros = (numpy.zeros((), weight.dtype),) * count
        return lax.reduce(sums, zeros, lambda a, b: tuple(map(operator.add, a, b)), (sums[0].ndim - 2,))

    terms, factors = (quarters(xp.pad(a, (*[(0, 0)] * (a.ndim - 2), (0, -rows % 8), (0, 0)))) for a in (weight, z))
    powers = [terms]
    for _ in range(count - 1):
        powers.append([t * z for t, z in zip(powers[-1], factors, strict=True)])
    parts = reduced(powers)
    if parts[0].shape[-2] % 8 == 0:
        parts = reduced(map(quarters, parts))
    # One sum for the parts of all: every additional loop is another wait for the other threads.
    return list(xp.stack(parts).sum(-2, keepdims=True))


def computing_dtype(xp, *arrays: Array) -> str:
    """The dtype to compute in: float64 if one of the arrays is float64, else float32, since half precision is too inexact."""
    return "float64" if any(a.dtype == numpy.float64 for a in arrays) else "float32"


def evaluate_several(backend: Backend, layout: Layout, x, sigma, requests: Sequence[tuple[Array, int]]) -> list:
    """For each request (alpha, order): the order-th derivative by x of the sum with these coefficients."""
    xp = backend.np
    dtype = computing_dtype(xp, x, sigma, *[alpha for alpha, _ in requests])
    x, sigma = x.astype(dtype), sigma.astype(dtype)
    orders = [order for _, order in requests]
    # In the second derivative terms with t^2, t j and j^2 cancel. Smaller blocks keep these terms, and their rounding errors,
    # small.
    layout = layout.halved() if max(orders) > 1 else layout
    coefficients = [coefficients_of(xp, layout, order, alpha.astype(dtype), sigma) for alpha, order in requests]
    anchors = numpy.asarray(layout.anchors, dtype)

    def add_block(sums, anchor_and_coefficients):
        anchor, coefficients = anchor_and_coefficients
        coefficients = [
            [_split(backend.lax, layout, _repeated(xp, c, layout.joined)) for c in powers] for powers in coefficients
        ]
        parts = block_sums(xp, layout, orders, x, sigma, anchor, coefficients, backend)
        return [part if total is None else total + part for total, part in zip(sums, parts, strict=True)], None

    sums = [None] * len(requests)
    if layout.num_blocks <= UNROLLED_BLOCKS:
        for b, anchor in enumerate(anchors):
            sums, _ = add_block(sums, (anchor, [[c[b] for c in powers] for powers in coefficients]))
    else:
        sums = [xp.zeros_like(x)] * len(requests)
        sums, _ = backend.lax.scan(add_block, sums, (anchors, coefficients))
    return [total * (-1 / sigma) ** order if order else total for total, order in zip(sums, orders, strict=True)]


def _repeated(xp, c, times: int):
    """c [j, units] as [j, times * units]."""
    return xp.broadcast_to(c[:, None], (len(c), times, *c.shape[1:])).reshape(len(c), -1) if times > 1 else c


def coefficients_of(xp, layout: Layout, order: int, alpha, sigma) -> list:
    """For each power p <= order: alpha_j q^(j^2) j^p, an array [num_blocks, block, *units]."""
    units, sigma = alpha.shape[1:], _padded(xp, layout, sigma, alpha)
    padding = layout.num_blocks * layout.block - layout.size
    if padding:
        alpha = xp.concatenate([alpha, xp.zeros((padding, *units), alpha.dtype)])
    j = numpy.arange(-layout.below, layout.block - layout.below).astype(alpha.dtype).reshape(-1, *(1,) * len(units))
    c = alpha.reshape(layout.num_blocks, layout.block, *units) * xp.exp(-0.5 * (layout.step / sigma * j) ** 2)
    return [c * j**p if p else c for p in range(order + 1)]


def _padded(xp, layout: Layout, sigma, alpha):
    """The bandwidths as `alpha` has its units: in one row, which ends in padding, if the layout says so."""
    if layout.units is None or not sigma.ndim:
        return sigma
    row = xp.broadcast_to(sigma, layout.units).ravel()
    return xp.pad(row, (0, alpha.shape[1] - len(row)), constant_values=1)


def _split(lax, layout: Layout, c) -> list:
    parts = lax.split(c, [1] * c.shape[0])
    if layout.units is None:
        return [part.reshape(c.shape[1:]) for part in parts]
    return [part.ravel()[: math.prod(layout.units)].reshape(layout.units) for part in parts]


def block_sums(
    xp, layout: Layout, orders: Sequence[int], x, sigma, anchor, coefficients: Sequence, backend=None
) -> list:
    """For each order: one block's part of the derivative of that order, times (-sigma)^order.

    coefficients: for each order, for each power up to the order, the list of the block's coefficients.
    """
    return hermite_sums(layout, orders, sigma, block_exponentials(xp, layout, x, sigma, anchor, backend), coefficients)


def hermite_sums(layout: Layout, orders: Sequence[int], sigma, exponentials: Sequence, coefficients: Sequence) -> list:
    """As `block_sums`, from the results of `block_exponentials`: sums of Gaussians times Hermite polynomials."""
    delta = layout.step / sigma
    near, E, z, inverse = exponentials

    def hermite_sum(order, powers):
        if order == 1:
            value, slope = _laurent_and_slope(powers[0], layout.below, z, inverse)
            return E * (near * value - delta * slope)
        S = [_laurent(c, layout.below, z, inverse) for c in powers]
        if order == 0:
            return E * S[0]
        return E * ((near * near - 1) * S[0] - 2 * delta * near * S[1] + delta * delta * S[2])

    return [hermite_sum(order, powers) for order, powers in zip(orders, coefficients, strict=True)]


def block_exponentials(xp, layout: Layout, x, sigma, anchor, backend: Backend | None = None) -> tuple:
    """(t clipped, exp(-t^2 / 2), z, 1 / z) for t = (x - anchor) / sigma.

    With `backend` the operations are chosen that are fast on it; a Pallas kernel gives none.
    """
    scale = 1 / sigma
    delta = layout.step * scale
    t = (x - anchor) * scale
    limit = layout.below * delta + _CLIP[str(x.dtype)]
    # `clamp` is one operation, and takes NumPy a quarter of the time that `clip` takes. Its limits must be scalars.
    near = xp.clip(t, -limit, limit) if backend is None or limit.ndim else backend.lax.clamp(-limit, t, limit)
    z = xp.exp(delta * near)
    if backend is not None and backend.compiles_loops():
        # The maximum does not change z. It keeps XLA from computing 1 / z as another exponential.
        z = xp.maximum(z, numpy.finfo(x.dtype).tiny)
    return near, xp.exp(-0.5 * t * t), z, 1 / z


def _laurent(c: Sequence, below: int, z, inverse):
    """The sum of c[below + j] z^j over j >= -below, by Horner's rule from both ends."""
    upper = c[-1]
    for coefficient in c[-2 : below - len(c) - 1 : -1]:
        upper = upper * z + coefficient
    if not below:
        return upper
    lower = c[0] * inverse
    for coefficient in c[1:below]:
        lower = (lower + coefficient) * inverse
    return upper + lower


def _laurent_and_slope(c: Sequence, below: int, z, inverse) -> tuple:
    """The sums of c[below + j] z^j and of j c[below + j] z^j over j >= -below, by Horner's rule and its derivative."""

    def horner(coefficients, z):
        value, slope = coefficients[0], None
        for coefficient in coefficients[1:]:
            slope = value if slope is None else slope * z + value
            value = value * z + coefficient
        return value, slope

    upper, upper_slope = horner(c[below:][::-1], z)
    if not below:
        return upper, upper_slope * z
    # The lower sum starts at z^-1, not at z^0, so it is inverse * value.
    value, slope = horner(c[:below], inverse)
    lower = value * inverse
    lower_slope = lower if slope is None else (slope * inverse + value) * inverse
    return upper + lower, (-lower_slope if upper_slope is None else upper_slope * z - lower_slope)


def one_by_one(backend: Backend, order: int, x, alpha, sigma, centers) -> Array:
    """The `order`-th derivative by x of the sum of Gaussians, which are added one after the other. The centres, [k] or
    [k, *units], need not be equispaced."""
    dtype = computing_dtype(backend.np, x, alpha, sigma)
    x, alpha, sigma, centers = (a.astype(dtype) for a in (x, alpha, sigma, centers))
    x, scale, centers = _held(backend, x, sigma, centers)

    def add(total, center_and_alpha):
        center, c = center_and_alpha
        t = (x - center) * scale
        return total + c * _hermite_gauss(backend.np, order, t), None

    total = backend.lax.scan(add, backend.np.zeros_like(x), (centers, alpha))[0]
    return total * (-scale) ** order if order else total


def pull_one_by_one(backend: Backend, order: int, x, alpha, sigma, g, centers, axes: tuple[int, ...]) -> tuple:
    """As `pull`, for any order and any centres [k] or [k, *units], one Gaussian after the other."""
    xp = backend.np
    dtype = computing_dtype(xp, *[a for a in (x, alpha, sigma, g) if a is not None])
    x, sigma, g, centers = (a.astype(dtype) for a in (x, sigma, g, centers))
    x, scale, centers = _held(backend, x, sigma, centers)
    # In NumPy a matrix product is faster than a sum over rows.
    by_product = not backend.compiles_loops() and axes == (0,) and x.ndim == 2
    ones = numpy.ones((1, len(x)), dtype)
    over_rows = lambda w: xp.tensordot(ones, w, 1, precision="highest") if by_product else w.sum(axes, keepdims=True)

    def add(slope, center_and_alpha):
        center, *c = center_and_alpha
        t = (x - center) * scale
        if c:
            slope = slope + c[0] * _hermite_gauss(xp, 1, t)
        return slope, over_rows(g * _hermite_gauss(xp, order, t))

    if alpha is None:
        slope, sums = backend.lax.scan(add, None, (centers,))
    else:
        slope, sums = backend.lax.scan(add, xp.zeros_like(x), (centers, alpha.astype(dtype)))
        slope = g * slope * -scale
    return slope, sums * (-scale) ** order if order else sums


def _held(backend: Backend, x, sigma, centers) -> tuple:
    """(x clipped 40 sigma beyond all centres, 1 / sigma, the centres [k, ...]). There each Gaussian is zero in any dtype, so no
    derivative is inf * 0."""
    if centers.ndim == 1:
        centers = centers.reshape(-1, *(1,) * sigma.ndim)
    return backend.np.clip(x, centers.min(0) - 40 * sigma, centers.max(0) + 40 * sigma), 1 / sigma, centers


def _hermite_gauss(xp, order: int, t):
    """He_order(t) exp(-t^2 / 2), with the Hermite polynomial He."""
    gauss = xp.exp(-0.5 * (t * t))
    if not order:
        return gauss
    before, hermite = 1.0, t
    for n in range(1, order):
        before, hermite = hermite, t * hermite - n * before
    return hermite * gauss


@functools.cache
def gaussian(backend: Backend, order: int = 0, far: bool = True):
    """A function of (x, center, sigma): the `order`-th derivative by x of exp(-(x - center)^2 / (2 sigma^2)).

    far: whether derivatives are right for an infinite x; without, they are NaN there.
    """
    xp = backend.np

    def kernel(x, center, sigma):
        t = (x - center) * (1 / sigma)
        if not order:
            return xp.exp(-0.5 * (t * t))
        # Beyond 40 sigma the Gaussian is zero in any dtype. t is clipped there, so that no derivative is inf * 0.
        return _hermite_gauss(xp, order, xp.clip(t, -40, 40) if far else t) * (-1 / sigma) ** order

    return kernel


def sum_over_centers(backend: Backend, kernel, x, alpha, centers, *parameters) -> Any:
    """sum_i alpha[i, ...] kernel(x, centers[i], *parameters), one centre after the other.

    No array has an axis of length k besides alpha. Reverse mode keeps x, alpha and the centres, and computes the kernel again.
    """
    xp, lax = backend.np, backend.lax

    def add(out, center_and_alpha, x, parameters):
        center, alpha = center_and_alpha
        return out + alpha * kernel(x, center, *parameters)

    add = backend.checkpoint(add, prevent_cse=False)
    start = xp.zeros(x.shape, numpy.result_type(x.dtype, alpha.dtype, centers.dtype))
    xs = (xp.asarray(centers), alpha)
    return lax.scan(lambda out, c: (add(out, c, x, parameters), None), start, xs)[0]
