"""Quotients, maxima, minima and sorting of complex numbers, where XLA computes otherwise than NumPy.

A quotient by zero, by infinity or of infinity is as the C standard has it (annex G): 1 / 0j is infinite, and 1 / (inf+infj) is 0.
NumPy computes NaN.

The order is by the real parts, then by the imaginary parts. NumPy has the same order, but another maximum. In JAX `max(x, y)` is
`x if x > y else y`: of two equal numbers it is the second, which shows if one has the part 0.0 and the other -0.0, and of a
number and one whose real part is NaN it is the second, too. In NumPy it is the first of two equal numbers, and a NaN if there is
one. So NumPy computes, and where its result is a NaN or has a zero, the functions of this file find the element that JAX takes.
(JAX: `_src/interpreters/mlir.py`, `_minmax_hlo`.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

# ---------------------------------------------------------------------------------------------------------------------
# Quotients


def divide(x, y, out=None):
    """x / y; complex infinities and zeros as in the C standard. `out` is not x or y."""
    out = np.divide(x, y, out=out)
    if out.dtype.kind != "c" or all_finite(out):
        return out
    out, odd = np.asarray(out), ~np.isfinite(out)
    out[odd] = _quotient(*(np.broadcast_to(z, out.shape)[odd] for z in (x, y)))
    return out


def reciprocal(x):
    """1 / x. NumPy's reciprocal is fast; but it gives other signs to zeros than its quotient."""
    out = np.reciprocal(x)
    if out.dtype.kind == "c" and not is_ordinary(out):
        out = np.asarray(out)
        odd = (out.real == 0) | (out.imag == 0) | ~np.isfinite(out)
        out[odd] = divide(x.dtype.type(1), x[odd])
    return out


def is_ordinary(x) -> bool:
    """Whether no part of a complex array is zero, infinite or NaN."""
    if not x.ndim:
        return bool(0 < abs(x.real) < np.inf and 0 < abs(x.imag) < np.inf)
    return all_finite(x) and all([bool((part != 0).all()) for part in _parts(x)])


def _parts(x) -> list:
    """The parts of a complex array: side by side, which is twice as fast, or else the real parts and the imaginary parts."""
    return [x.view(x.real.dtype)] if x.flags.c_contiguous else [x.real, x.imag]


def all_finite(x) -> bool:
    """Whether no element of a float or complex array is infinite or NaN."""
    if not x.ndim:
        return bool(np.isfinite(x))
    return all([bool(np.isfinite(part).all()) for part in _parts(x)])


def _quotient(x, y):
    """The quotient by the algorithm of the C standard, ISO/IEC 9899, G.5.1: NaN in both parts is mended where an operand is zero or
    infinite. (R. L. Smith, "Algorithm 116", 1962, for the quotient itself.)"""
    (a, b), (c, d) = (x.real, x.imag), (y.real, y.imag)
    by_real, by_imag = d / c, c / d
    wide = np.abs(c) >= np.abs(d)
    real = np.where(wide, (a + b * by_real) / (c + d * by_real), (a * by_imag + b) / (d + c * by_imag))
    imag = np.where(wide, (b - a * by_real) / (c + d * by_real), (b * by_imag - a) / (d + c * by_imag))
    mended = np.isnan(real) & np.isnan(imag)
    (a_one, b_one), (c_one, d_one) = ([np.copysign(np.isinf(part), part) for part in pair] for pair in ((a, b), (c, d)))
    infinity = x.real.dtype.type(np.inf)
    cases = [
        (np.isfinite(x) & np.isinf(y), 0 * (a * c_one + b * d_one), 0 * (b * c_one - a * d_one)),
        (np.isinf(x) & np.isfinite(y), infinity * (a_one * c + b_one * d), infinity * (b_one * c - a_one * d)),
        ((y == 0) & ~(np.isnan(a) & np.isnan(b)), np.copysign(infinity, c) * a, np.copysign(infinity, c) * b),
    ]
    for holds, new_real, new_imag in cases:
        real, imag = np.where(holds & mended, new_real, real), np.where(holds & mended, new_imag, imag)
    return joined(real, imag)


def joined(real, imag, out=None):
    """The complex numbers with these parts."""
    out = np.empty(real.shape, np.result_type(real.dtype, np.complex64)) if out is None else out
    out.real, out.imag = real, imag
    return out


# ---------------------------------------------------------------------------------------------------------------------
# The order


def maximum(x, y, out=None):
    """`x if x > y else y`; of real numbers NumPy's maximum. `out` is not x or y."""
    if x.dtype.kind == "c":
        return _extreme_of_two(np.maximum, x, y, out)
    # Of 0.0 and -0.0 NumPy takes the second. A number comes second, so that clip(-0.0, 0, 1) is 0.0, as in XLA: without that,
    # `multinomial` with a negative probability would divide by log1p(-0.0), and draw for ever.
    if not x.ndim and y.ndim:
        x, y = y, x
    return np.add(x, y, out=out) if not x.ndim and x == y == 0 else np.maximum(x, y, out=out)


def minimum(x, y, out=None):
    """`x if x < y else y`; of real numbers NumPy's minimum. `out` is not x or y."""
    return np.minimum(x, y, out=out) if x.dtype.kind != "c" else _extreme_of_two(np.minimum, x, y, out)


def _extreme_of_two(extreme, x, y, out=None):
    # Of two equal numbers NumPy takes the first.
    out = extreme(y, x, out=out)
    if np.isnan(out).any():
        out = np.asarray(out)
        out[...] = np.where(_beyond(extreme, x, y), x, y)
    return out


def _beyond(extreme, x, y):
    """Whether x > y, or x < y for a minimum."""
    beyond = np.greater if extreme is np.maximum else np.less
    return np.where(x.real == y.real, beyond(x.imag, y.imag), beyond(x.real, y.real))


def _unsure(out):
    """Whether NumPy's extreme elements may not be those of JAX: NaN, and zeros."""
    product = out.real * out.imag
    return (product == 0) | np.isnan(product)


def _taken(extreme, x, fold: Callable):
    """For each group of elements, the position of the element that is left if JAX's extreme of two goes through the group.

    fold(ufunc, numbers): the ufunc's reduction of each group, in a shape that broadcasts with the elements. An element whose real
    part is NaN is taken, and replaced by whatever comes after it. So what counts is behind the last of them. Of the extreme real
    parts there, the imaginary parts decide in the same way.
    """
    positions = np.arange(x.shape[-1])
    left = np.ones(x.shape, bool)
    for part in (x.real, x.imag):
        last = fold(np.maximum, np.where(left, positions, -1))
        last_nan = fold(np.maximum, np.where(left & np.isnan(part), positions, -1))
        left &= (positions > last_nan) | (positions == last)
        # NaN, if a NaN is the only element that is left.
        best = fold(np.fmax if extreme is np.maximum else np.fmin, np.where(left, part, np.nan))
        left &= (part == best) | np.isnan(best)
    return fold(np.maximum, np.where(left, positions, -1))


def reduced(extreme: np.ufunc, x, axes: Sequence[int]):
    """The reduction of complex numbers over axes that are not empty: element after element, in the order of memory."""
    out = extreme.reduce(x, axis=axes)
    unsure = np.asarray(_unsure(out))
    if not unsure.any():
        return out
    kept = [i for i in range(x.ndim) if i not in axes]
    rows, out = x.transpose([*kept, *sorted(axes)]).reshape(*out.shape, -1)[unsure], np.array(out)
    if np.isnan(out).any():
        found = _taken(extreme, rows, lambda ufunc, numbers: ufunc.reduce(numbers, axis=-1, keepdims=True))
    else:
        # The last of the equal elements.
        equal = rows == out[unsure][:, np.newaxis]
        found = rows.shape[-1] - 1 - np.argmax(equal[:, ::-1], axis=-1, keepdims=True)
    out[unsure] = np.take_along_axis(rows, found, -1)[..., 0]
    return out


def accumulated(extreme: np.ufunc, x, axis: int, reverse: bool):
    """The running extreme of complex numbers: that of the elements up to each, or from each on, always in the order of memory."""
    x = np.flip(x, axis) if reverse else x
    out = extreme.accumulate(x, axis)
    if np.isnan(out).any():
        rows = np.moveaxis(x, axis, 0)
        out = np.moveaxis(_running(extreme, (rows, rows), reverse)[0], 0, axis)
    elif not reverse and _unsure(out).any():
        # NumPy keeps the first of equal elements.
        positions = np.arange(x.shape[axis]).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
        out = np.take_along_axis(x, np.maximum.accumulate(np.where(x == out, positions, 0), axis), axis)
    return np.flip(out, axis) if reverse else out


def _running(extreme, pair, reverse):
    """The running `_joined` of rows of (taken element, bound): of neighbours first, as in `lax.associative_scan`."""
    count = len(pair[0])
    if count < 2:
        return pair

    def join(first, second):
        return _joined(extreme, second, first) if reverse else _joined(extreme, first, second)

    odd = _running(extreme, join([x[:-1:2] for x in pair], [x[1::2] for x in pair]), reverse)
    even = join([x[: (count - 1) // 2] for x in odd], [x[2::2] for x in pair])
    out = [np.empty_like(x) for x in pair]
    for x, given, evens, odds in zip(out, pair, even, odd):
        x[0], x[1::2], x[2::2] = given[0], odds, evens
    return out


def _joined(extreme, first, second):
    """What two groups of elements do, one after the other. A group is (the element that it leaves, its bound): the element that is
    there before stays if it is beyond all of the group, that is, beyond the bound, which is NaN if no element is beyond."""
    (taken, bound), (next_taken, next_bound) = first, second
    real = extreme(bound.real, next_bound.real)
    imag = np.where(bound.real == real, bound.imag, next_bound.imag)
    imag = np.where(bound.real == next_bound.real, extreme(bound.imag, next_bound.imag), imag)
    stays = _beyond(extreme, taken, next_bound)
    return np.where(stays, taken, next_taken), joined(real, imag)


def reduced_windows(extreme: np.ufunc, x, inside, places: Sequence):
    """The reduction of windows: of the elements at each of `places` one after another, where they are inside of the array."""
    out, started = x[places[0]].copy(), inside[places[0]].copy()
    for place in places[1:]:
        taken = np.where(started, _extreme_of_two(extreme, out, x[place]), x[place])
        out = np.where(inside[place], taken, out)
        started |= inside[place]
    return out


def write_at(extreme: np.ufunc, flat, positions, values):
    """Put the extreme of each element and its updates, one after another, in the element's place."""
    if flat.dtype.kind != "c":
        extreme.at(flat, positions, values)
        return
    if positions is Ellipsis:
        flat[...] = _extreme_of_two(extreme, flat, values)
        return
    before = flat[positions]
    extreme.at(flat, positions, values)
    if not _unsure(flat[positions]).any():
        return
    flat[positions] = before
    places, firsts, group = np.unique(positions, return_index=True, return_inverse=True)
    # Each element, and after it its updates.
    order = np.argsort(np.concatenate([np.arange(len(places)), group]), kind="stable")
    elements = np.concatenate([before[firsts], values])[order]
    sizes = np.bincount(group) + 1
    starts = np.cumsum(sizes) - sizes
    found = _taken(extreme, elements, lambda ufunc, numbers: np.repeat(ufunc.reduceat(numbers, starts), sizes))
    flat[places] = elements[found[starts]]


def sort_keys(keys: Sequence) -> list:
    """The keys for `np.lexsort`, whose order of complex numbers has NaN behind all numbers: JAX's has NaN in one part behind the
    numbers in that part."""
    return [part for key in keys for part in ((key.real, key.imag) if key.dtype.kind == "c" else (key,))]
