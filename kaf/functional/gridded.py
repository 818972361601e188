"""The weighted sum of Gaussians on equispaced centres by three exponentials a value, however many centres there are.

Fast Gaussian gridding (Greengard and Lee 2004, SIAM Review 46), around an anchor m in the middle of a block of centres
m + j step. With t = (x - m) / sigma and delta = step / sigma,

    exp(-(t - j delta)^2 / 2) = exp(-t^2 / 2) z^j q^(j^2),   z = exp(delta t),   q = exp(-delta^2 / 2).

q^(j^2) belongs to the coefficients, so that a sum over j is a polynomial in z for j >= 0 and in 1/z for j < 0: Horner's
rule. Far out z would overflow: t is clipped where all the block's Gaussians have vanished, and exp(-t^2 / 2) is not.

The derivatives of order n are sums of Gaussians too, times Hermite polynomials He_n of t - j delta: sums with the
coefficients alpha_j j^k, k <= n. And they are all one needs. Of S_n, the n-th derivative of the sum by x,

    dS_n = S_(n+1) dx + S_n(d alpha) + (S_n / sigma + sigma S_(n+2)) d sigma.

This is linear in d alpha, and reverse mode transposes Horner's rule: from g * exp(-t^2 / 2), multiplied by z again and
again, the sums over the batch are the moments that make the gradient of alpha. For XLA on a CPU they are written by hand
(`backward`): of 20 sums it makes 40 loops, each in turn shared among the threads.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy

from ..backend import Array, Backend
from .custom_transpose import linear_with_transpose

# A block reaches this many sigma to either side of its anchor. exp(-t^2 / 2) is taken at up to 6 sigma more: exp(-72) and
# its inverse are float32 numbers with room for a sum of alphas.
_BLOCK_REACH = 6.0
# Where the nearest Gaussian of a block is less than half an ulp of 1 in the dtype computed in.
_CLIP = {"float32": 6.0, "float64": 9.0}
# For a sigma that is not known until the program runs: blocks of 11 centres, good for sigma >= 0.83 step.
_HALF_WIDTH_OF_UNKNOWN = 5
# Beyond this many blocks a loop takes them in turn: a program of all of them would take long to compile.
_UNROLLED_BLOCKS = 6


class Layout(NamedTuple):
    """Equispaced centres first + i step, i < size, cut into blocks of equal size (the last may reach beyond the centres).

    `guarded`: the blocks were made for a sigma that is not known, and whether they do is to be asked when it is. `together`:
    how many rows of x meet coefficients that are repeated for each.
    """

    first: float
    step: float
    size: int
    block: int
    guarded: bool
    together: int = 1

    @property
    def below(self) -> int:
        """How many centres of a block are below its anchor."""
        return self.block // 2

    @property
    def anchors(self) -> list[float]:
        """A centre in the middle of each block."""
        return [self.first + self.step * (b * self.block + self.below) for b in range(self.num_blocks)]

    @property
    def num_blocks(self) -> int:
        return -(-self.size // self.block)

    def halved(self) -> Layout:
        """The same centres in blocks of half the size."""
        return self._replace(block=-(-self.block // 2))

    @property
    def smallest_sigma(self) -> float:
        """The blocks do not overflow with this bandwidth or more."""
        return self.step * max(self.below, self.block - 1 - self.below) / _BLOCK_REACH


def make_layout(centers: numpy.ndarray, sigma: float | None) -> Layout | None:
    """How to evaluate these centres [k] with bandwidths of at least sigma (None: not known); None if not by blocks.

    They must be equispaced and ascending, but for rounding; and a block must hold a few of them.
    """
    size = len(centers)
    # Those of half precision are rounded too much: to take them for equispaced would move them.
    eps = numpy.finfo(numpy.float64 if centers.dtype == numpy.float64 else numpy.float32).eps
    exact = numpy.asarray(centers, numpy.float64)
    if size < 2 or not numpy.isfinite(exact).all():
        return None
    rounding = 4 * eps * numpy.abs(exact).max()
    step = (exact[-1] - exact[0]) / (size - 1)
    if not step > 16 * rounding or numpy.abs(exact - (exact[0] + step * numpy.arange(size))).max() > rounding:
        return None
    half = _HALF_WIDTH_OF_UNKNOWN if sigma is None else math.floor(min(size, _BLOCK_REACH * sigma / step))
    if half < min(2, size // 2):
        return None
    num_blocks = -(-size // (2 * half + 1))
    block = -(-size // num_blocks)
    return Layout(float(exact[0]), float(step), size, block, sigma is None)


def fits(xp, layout: Layout, sigma: Array) -> Array:
    """Whether no block overflows with this bandwidth, a bool array []. NaN fits: it makes everything NaN."""
    return ~(sigma < layout.smallest_sigma).any()


@functools.cache
def evaluator(backend: Backend, layout: Layout, order: int = 0):
    """The function of (x, alpha [k, *units], sigma) that is the `order`-th derivative by x of the sum of Gaussians.

    x, floats of any shape that *units broadcast to; computed in float32, or float64 where one of them is. sigma: [] or
    [*units]. Order 0 to 2.
    """

    def weighted_gaussians(x, alpha, sigma):
        return _evaluate(backend, layout, x, sigma, [(alpha, order)])[0]

    function = backend.custom_jvp(weighted_gaussians)
    function.defjvp(functools.partial(_jvp, backend, layout, order), symbolic_zeros=True)
    return function


def _derivative(backend: Backend, layout: Layout, order: int):
    if order <= 2:
        return evaluator(backend, layout, order)
    return lambda x, alpha, sigma: _one_by_one(backend, layout, order, x, alpha, sigma)


def _jvp(backend: Backend, layout: Layout, order: int, primals, tangents):
    x, alpha, sigma = primals
    x_t, alpha_t, sigma_t = (None if _is_zero(backend, t) else t for t in tangents)
    function = evaluator(backend, layout, order)
    out = function(x, alpha, sigma)
    parts = []
    # Not where blocks are taken in a loop: one that carries what is linear beside what is not cannot be transposed.
    together = order == 0 and layout.num_blocks <= _UNROLLED_BLOCKS
    if together and alpha_t is not None and _by_hand(backend, x, alpha):
        tangents = {"alpha": alpha_t} if x_t is None else {"x": x_t, "alpha": alpha_t}
        by_hand = functools.partial(backward, backend, layout, *primals)
        parts.append(linear_part(backend, layout, primals, tangents, by_hand))
    elif together and x_t is not None and alpha_t is not None:
        parts.append(_tangent(backend, layout)(x, alpha, sigma, x_t, alpha_t))
    else:
        if x_t is not None:
            parts.append(_derivative(backend, layout, order + 1)(x, alpha, sigma) * x_t)
        if alpha_t is not None:
            parts.append(function(x, alpha_t, sigma))
    if sigma_t is not None:
        by_sigma = out / sigma + sigma * _derivative(backend, layout, order + 2)(x, alpha, sigma)
        parts.append(by_sigma * sigma_t)
    tangent = sum(parts[1:], parts[0]) if parts else backend.np.zeros_like(out)
    return out, tangent.astype(out.dtype)


@functools.cache
def _tangent(backend: Backend, layout: Layout):
    """S_1(x, alpha) x_t + S_0(x, alpha_t), whose exponentials are the same: what a training step transposes."""

    def together(x, alpha, sigma, x_t, alpha_t):
        slope, by_alpha = _evaluate(backend, layout, x, sigma, [(alpha, 1), (alpha_t, 0)])
        return slope * x_t + by_alpha

    def apart(x, alpha, sigma, x_t, alpha_t):
        slope, by_alpha = (evaluator(backend, layout, order) for order in (1, 0))
        return slope(x, alpha, sigma) * x_t + by_alpha(x, alpha_t, sigma)

    def jvp(primals, tangents):
        moving = [i for i, t in enumerate(tangents) if not _is_zero(backend, t)]

        def of_moving(*values):
            arguments = list(primals)
            for i, value in zip(moving, values, strict=True):
                arguments[i] = value
            return apart(*arguments)

        return backend.jvp(of_moving, tuple(primals[i] for i in moving), tuple(tangents[i] for i in moving))

    function = backend.custom_jvp(together)
    function.defjvp(jvp, symbolic_zeros=True)
    return function


def linear_part(backend: Backend, layout: Layout, primals: Sequence, tangents: dict, transpose: Callable) -> Array:
    """S_1(x, alpha) x_t + S_0(x, alpha_t), of which x_t or alpha_t may be missing; reverse mode computes `transpose`.

    `transpose` is the function of g that gives the gradients of (g * S_0).sum() by x and by alpha. See `custom_transpose`.
    """
    x, alpha, sigma = primals

    def linear(u):
        if len(u) == 2:
            return _tangent(backend, layout)(x, alpha, sigma, u["x"], u["alpha"])
        if "x" in u:
            return evaluator(backend, layout, 1)(x, alpha, sigma) * u["x"]
        return evaluator(backend, layout)(x, u["alpha"], sigma)

    zero = backend.np.zeros(x.shape, computing_dtype(backend.np, x, alpha, sigma))
    return linear_with_transpose(backend, linear, transpose, tangents, zero)


def _by_hand(backend: Backend, x, alpha) -> bool:
    # Rows that several devices share are not to be put in another order.
    return (
        backend.on_cpu()
        and not backend.shares_arrays()
        and x.ndim == 2
        and x.shape[1:] == alpha.shape[1:]
        and x.size > 0
    )


def backward(backend: Backend, layout: Layout, x, alpha, sigma, g) -> tuple:
    """The gradients of (g * weighted sum).sum() by x [n, units] and by alpha [k, units]; what is not used costs nothing
    under jit."""
    xp = backend.np
    dtype = computing_dtype(xp, x, alpha, sigma)
    x, alpha, sigma, g = (a.astype(dtype) for a in (x, alpha, sigma, g))
    (coefficients,) = coefficients_of(xp, layout, 0, alpha, sigma)
    together = _together(layout, x, sigma, alpha)
    slopes, moments = [], []
    for b, anchor in enumerate(numpy.asarray(layout.anchors, dtype)):
        near, E, z, inverse = block_exponentials(xp, layout, x, sigma, anchor, backend)
        weight = g * E
        if backend.compiles_loops():
            z, inverse, weight = _in_memory(backend.lax, xp, [z, inverse, weight])
        # The weights in the place of the exponentials, with which the sums are multiplied.
        arrays = [a.reshape(-1, together * x.shape[1]) for a in (near, weight, z, inverse)]
        powers = [_split(backend.lax, _repeated(xp, coefficients[b] * (-1 / sigma), together))]
        slopes += hermite_sums(layout, [1], sigma, arrays, [powers])
        power_sums = _power_sums_together if backend.compiles_loops() else _power_sums
        moments += power_sums(backend, weight * inverse, inverse, layout.below)[::-1]
        moments += power_sums(backend, weight, z, layout.block - layout.below)
    # All at once: each loop more is another wait for the other threads.
    moments = xp.stack(moments).sum(1)
    # d alpha_j is q^(j^2) times the moment: the factor that the coefficients have.
    (q,) = coefficients_of(xp, layout, 0, numpy.ones((layout.size, 1), dtype), sigma)
    d_alpha = moments * q.reshape(-1, q.shape[2])
    return sum(slopes[1:], slopes[0]).reshape(x.shape), d_alpha[: layout.size]


def _in_memory(lax, xp, arrays: Sequence) -> list:
    """The arrays, which are not computed again in each loop that reads them: XLA would, be it exponentials. And in a loop
    with exponentials the sums are not vectorised."""
    first, *others = arrays
    kept = xp.broadcast_to(first, (len(arrays), *first.shape))
    for i, a in enumerate(others, 1):
        kept = lax.dynamic_update_slice(kept, a[None], (i, *[0] * a.ndim))
    return list(kept)


def _power_sums(backend: Backend, weight, z, count: int) -> list:
    """The sums over the rows of weight z^i, i < count, each [1, units]."""
    ones, sums = numpy.ones((1, len(z)), z.dtype), []
    for i in range(count):
        weight = weight * z if i else weight
        # A product, which is faster than a sum over rows.
        sums.append(backend.np.tensordot(ones, weight, 1, precision="highest"))
    return sums


def _power_sums_together(backend: Backend, weight, z, count: int) -> list:
    """As `_power_sums`, each in several parts [p, units]. One reduction of several arrays is one loop, in which the powers never
    leave the registers. XLA vectorises a loop of which the reduction has gone: two terms are few enough to be unrolled. Each
    is of four rows.
    """
    xp, (rows, units) = backend.np, weight.shape
    terms, factors = (
        [quarter[:, 0] for quarter in backend.lax.split(a.reshape(2, 4, -1, units), [1] * 4, 1)]
        for a in (xp.pad(a, ((0, -rows % 8), (0, 0))) for a in (weight, z))
    )
    sums = []
    for i in range(count):
        terms = [t * z for t, z in zip(terms, factors, strict=True)] if i else terms
        sums.append((terms[0] + terms[1]) + (terms[2] + terms[3]))
    zeros = (numpy.zeros((), weight.dtype),) * count
    return list(backend.lax.reduce(tuple(sums), zeros, lambda a, b: tuple(map(operator.add, a, b)), (0,)))


def _is_zero(backend: Backend, tangent) -> bool:
    return type(tangent) is backend.custom_derivatives.SymbolicZero


def computing_dtype(xp, *arrays: Array) -> str:
    """float64 where one of the arrays is, else float32: half precision is for storing, not for sums."""
    return "float64" if any(a.dtype == numpy.float64 for a in arrays) else "float32"


def _evaluate(backend: Backend, layout: Layout, x, sigma, requests: Sequence[tuple[Array, int]]) -> list:
    """For each (alpha, order) that derivative of the sum."""
    xp = backend.np
    dtype = computing_dtype(xp, x, sigma, *[alpha for alpha, _ in requests])
    x, sigma = x.astype(dtype), sigma.astype(dtype)
    orders = [order for _, order in requests]
    # t^2, t j and j^2 cancel in the second derivative: smaller blocks keep them small.
    layout = layout.halved() if max(orders) > 1 else layout
    coefficients = [coefficients_of(xp, layout, order, alpha.astype(dtype), sigma) for alpha, order in requests]
    anchors = numpy.asarray(layout.anchors, dtype)
    shape, together = x.shape, _together(layout, x, sigma, *[alpha for alpha, _ in requests])
    x = x.reshape(-1, together * shape[1]) if together > 1 else x

    def add_block(sums, anchor_and_coefficients):
        anchor, coefficients = anchor_and_coefficients
        # One split, whose transpose is one concatenation: that of an index adds an array of their size to the others.
        coefficients = [[_split(backend.lax, _repeated(xp, c, together)) for c in powers] for powers in coefficients]
        parts = block_sums(xp, layout, orders, x, sigma, anchor, coefficients, backend)
        return [part if total is None else total + part for total, part in zip(sums, parts, strict=True)], None

    sums = [None] * len(requests)
    if layout.num_blocks <= _UNROLLED_BLOCKS:
        for b, anchor in enumerate(anchors):
            sums, _ = add_block(sums, (anchor, [[c[b] for c in powers] for powers in coefficients]))
    else:
        sums = [xp.zeros(x.shape, dtype)] * len(requests)
        sums, _ = backend.lax.scan(backend.checkpoint(add_block, prevent_cse=False), sums, (anchors, coefficients))
    totals = [total * (-1 / sigma) ** order if order else total for total, order in zip(sums, orders, strict=True)]
    return [total.reshape(shape) for total in totals]


def _together(layout: Layout, x, sigma, *alphas) -> int:
    """How many rows of x [n, units] are to meet the coefficients at a time; 1 where they are not of such a form."""
    as_rows = x.ndim == 2 and not sigma.ndim and all(alpha.shape[1:] == x.shape[1:] for alpha in alphas)
    return layout.together if as_rows and len(x) % layout.together == 0 else 1


def _repeated(xp, c, times: int):
    """c [j, units] as [j, times * units]."""
    return xp.broadcast_to(c[:, None], (len(c), times, *c.shape[1:])).reshape(len(c), -1) if times > 1 else c


def coefficients_of(xp, layout: Layout, order: int, alpha, sigma) -> list:
    """For each power p <= order: alpha_j q^(j^2) j^p, [blocks, j, *units]."""
    units = alpha.shape[1:]
    padding = layout.num_blocks * layout.block - layout.size
    if padding:
        alpha = xp.concatenate([alpha, xp.zeros((padding, *units), alpha.dtype)])
    j = numpy.arange(-layout.below, layout.block - layout.below).astype(alpha.dtype).reshape(-1, *(1,) * len(units))
    c = alpha.reshape(layout.num_blocks, layout.block, *units) * xp.exp(-0.5 * (layout.step / sigma * j) ** 2)
    return [c * j**p if p else c for p in range(order + 1)]


def _split(lax, c) -> list:
    return [part.reshape(c.shape[1:]) for part in lax.split(c, [1] * c.shape[0])]


def block_sums(
    xp, layout: Layout, orders: Sequence[int], x, sigma, anchor, coefficients: Sequence, backend=None
) -> list:
    """One block's part of the sums times He_order: (-sigma)^order times the derivatives.

    coefficients: for each of the orders, for each power up to it, a list of the block's coefficients.
    """
    return hermite_sums(layout, orders, sigma, block_exponentials(xp, layout, x, sigma, anchor, backend), coefficients)


def hermite_sums(layout: Layout, orders: Sequence[int], sigma, exponentials: Sequence, coefficients: Sequence) -> list:
    """As `block_sums`, of what `block_exponentials` gives."""
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
    """(t clipped, exp(-t^2 / 2), z, 1 / z) for t = (x - anchor) / sigma. The backend, if it is known, is made it easy."""
    scale = 1 / sigma
    delta = layout.step * scale
    t = (x - anchor) * scale
    limit = layout.below * delta + _CLIP[str(x.dtype)]
    # One operation where it can be, which NumPy does in a quarter of the time.
    near = xp.clip(t, -limit, limit) if backend is None or limit.ndim else backend.lax.clamp(-limit, t, limit)
    z = xp.exp(delta * near)
    if backend is not None and backend.compiles_loops():
        # Changes nothing, but that XLA does not take another exponential for 1 / z.
        z = xp.maximum(z, numpy.finfo(x.dtype).tiny)
    return near, xp.exp(-0.5 * t * t), z, 1 / z


def _laurent(c: Sequence, below: int, z, inverse):
    """The sum of c[below + j] z^j, j from -below; by Horner's rule from both ends."""
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
    """The sums of c[below + j] z^j and of j c[below + j] z^j: Horner's rule, and its derivative beside it."""

    def horner(coefficients, z):
        value, slope = coefficients[0], None
        for coefficient in coefficients[1:]:
            slope = value if slope is None else slope * z + value
            value = value * z + coefficient
        return value, slope

    upper, upper_slope = horner(c[below:][::-1], z)
    if not below:
        return upper, upper_slope * z
    # The sum over z^-j without its last step, since there is no j = 0: lower = inverse * value.
    value, slope = horner(c[:below], inverse)
    lower = value * inverse
    lower_slope = lower if slope is None else (slope * inverse + value) * inverse
    return upper + lower, (-lower_slope if upper_slope is None else upper_slope * z - lower_slope)


def _one_by_one(backend: Backend, layout: Layout, order: int, x, alpha, sigma):
    """Higher derivatives: Gaussian after Gaussian, since the powers of j would cancel. Differentiated as it stands."""
    dtype = computing_dtype(backend.np, x, alpha, sigma)
    x, alpha, sigma = x.astype(dtype), alpha.astype(dtype), sigma.astype(dtype)
    centers = numpy.asarray(layout.first + layout.step * numpy.arange(layout.size), dtype)
    return sum_over_centers(backend, gaussian(backend, order), x, alpha, centers, sigma)


@functools.cache
def gaussian(backend: Backend, order: int = 0):
    """The derivative of that order by x of exp(-(x - center)^2 / (2 sigma^2)), a function of (x, center, sigma)."""
    xp = backend.np

    # Beyond 40 sigma it is zero in any dtype, and its derivatives must not be inf * 0. The slope of the clip makes no
    # difference there, and that of no clip is the cheapest.
    held = backend.custom_jvp(lambda t: xp.clip(t, -40, 40))
    held.defjvp(lambda primals, tangents: (held(*primals), *tangents))

    def kernel(x, center, sigma):
        scale = 1 / sigma
        t = held((x - center) * scale)
        before, hermite = 0.0, 1.0
        for n in range(order):
            before, hermite = hermite, t * hermite - n * before
        gauss = xp.exp(-0.5 * t * t)
        return hermite * gauss * (-scale) ** order if order else gauss

    return kernel


def sum_over_centers(backend: Backend, kernel, x, alpha, centers, *parameters) -> Any:
    """sum_i alpha[i, ...] kernel(x, centers[i], *parameters), a centre at a time: nothing has an axis of length k.

    In reverse mode the kernel is computed again: what is kept is x, alpha and the centres.
    """
    xp, lax = backend.np, backend.lax

    def add(out, center_and_alpha, x, parameters):
        center, alpha = center_and_alpha
        return out + alpha * kernel(x, center, *parameters)

    add = backend.checkpoint(add, prevent_cse=False)
    start = xp.zeros(x.shape, numpy.result_type(x.dtype, alpha.dtype, centers.dtype))
    xs = (xp.asarray(centers), alpha)
    return lax.scan(lambda out, c: (add(out, c, x, parameters), None), start, xs)[0]
