"""Convolutions in NumPy, by matrix products of blocks.

An operand of shape (groups, batch, channels, spatial...) and a kernel (groups, outputs, channels, spatial...) give a result of
shape (batch, groups * outputs, spatial...). Beside the padded operand and the result, the program holds one block. Where the runs
of its memory are long enough, the operand keeps its order: channels last, or in front. The ways:

- `_by_products`: the windows of a block are copied side by side and multiplied by the kernel (im2col);
- `_by_summed_products`: the same for a gradient by the kernel, which is a convolution with a large window and a small result;
- `_by_sums`: few outputs of many channels. Each element is multiplied by the whole kernel, and the products are added up where the
  windows have that element;
- `_by_offsets`, `_by_dots`: groups of one channel, and their gradient by the kernel;
- `_by_phases`: a dilated operand, as a few convolutions of one that is not.

`_by_sums` leaves out the products with the zeros of the padding. It is taken for a kernel of finite numbers only: 0 times infinity
is NaN, and XLA multiplies these zeros. It does not multiply those between the elements of a dilated operand, nor does `_by_phases`.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

# The number of elements of a block.
BLOCK = 1 << 18
# Copies of shorter runs of elements, and products of matrices with fewer columns, take their time for each run or column.
SHORT = 16
# So few outputs of a group are computed one by one.
FEW = 8
# So few positions of an image are not worth a product of their own.
MERGED = 256


@lru_cache(4096)
def window_counts(sizes, window, strides, pads, dilation, window_dilation):
    """How many windows there are along each axis. As `dilated_size` and `count_windows` have it."""
    lengths = zip(sizes, window, strides, pads, dilation, window_dilation)
    return tuple(
        [
            max((max(1 + d * (n - 1), 0) + low + high - max(1 + gap * (k - 1), 0)) // stride + 1, 0)
            for n, k, stride, (low, high), d, gap in lengths
        ]
    )


def convolve(x, w, *, strides, pads, dilation, window_dilation, out_sizes):
    """The result for the operand x, which is padded and dilated, and the kernel w."""
    groups, outputs, channels, *window = w.shape
    positions = math.prod(out_sizes)
    if not (x.size and w.size and positions):
        return np.zeros((x.shape[1], groups * outputs, *out_sizes), x.dtype)
    if not window:
        return _by_products(x[..., None], w[..., None], (1,), (0,), (1,), (1,), (1,))[..., 0]
    lows, spread = tuple([low for low, _ in pads]), max(dilation) > 1
    if math.prod(window) > positions:
        way = _by_dots if groups > 1 and x.shape[1] == 1 and outputs < FEW else _by_summed_products
    elif channels >= (2 if spread else 3) * outputs and max(strides) == 1 and np.isfinite(w).all():
        return _by_sums(x, w, lows, dilation, window_dilation, out_sizes)
    else:
        way = _by_offsets if channels == 1 and groups > 1 else _by_products
    if spread and any([d > 1 and s == gap == 1 for d, s, gap in zip(dilation, strides, window_dilation)]):
        return _by_phases(x, w, pads, dilation, strides, window_dilation, out_sizes)
    return way(x, w, strides, lows, dilation, window_dilation, out_sizes)


def _by_phases(x, w, pads, dilation, strides, window_dilation, out_sizes):
    """A convolution of a dilated operand: the results that are `dilation` apart see the same elements of the window, and these see
    an operand that is not dilated. So nothing is multiplied by the zeros between the elements."""
    batch, features, rank = x.shape[1], w.shape[0] * w.shape[1], len(out_sizes)
    last = _channels_last(x)
    out = np.zeros((batch, *out_sizes, features) if last else (batch, features, *out_sizes), x.dtype)
    out = _channels_first(out, rank, last)
    split = [d > 1 and s == gap == 1 for d, s, gap in zip(dilation, strides, window_dilation)]
    steps = [d if apart else 1 for d, apart in zip(dilation, split)]
    for phases in itertools.product(*[range(min(step, n)) for step, n in zip(steps, out_sizes)]):
        firsts = [(low - phase) % step for (low, _), phase, step in zip(pads, phases, steps)]
        part = w[(slice(None),) * 3 + tuple(slice(first, None, step) for first, step in zip(firsts, steps))]
        if 0 in part.shape:
            continue
        before = [(low - phase - first) // step for (low, _), phase, first, step in zip(pads, phases, firsts, steps)]
        counts = [-(-(n - phase) // step) for n, phase, step in zip(out_sizes, phases, steps)]
        out[(..., *[slice(phase, None, step) for phase, step in zip(phases, steps)])] = convolve(
            x,
            part,
            strides=strides,
            pads=tuple([(low, 0) for low in before]),
            dilation=tuple([1 if apart else d for d, apart in zip(dilation, split)]),
            window_dilation=window_dilation,
            out_sizes=tuple(counts),
        )
    return out


def _channels_last(x):
    """Whether the channels lie closer together in memory than the elements of a line."""
    return x.strides[2] < x.strides[-1]


def _channels_first(out, rank, last):
    """(batch, spatial..., features...), if the channels are last, as (batch, features..., spatial...)."""
    return out.transpose(0, *range(1 + rank, out.ndim), *range(1, 1 + rank)) if last else out


def _laid_out(x, sizes, lows, dilation, last):
    """The operand (groups, images, features, spatial...), padded and dilated to `sizes`, as a contiguous array in another order:
    (images, spatial..., groups, features) if `last`, else (images, groups, features, spatial...)."""
    spatial = range(3, x.ndim)
    order = (1, *spatial, 0, 2) if last else (1, 0, 2, *spatial)
    x = padded(x.transpose(order), 1 if last else 3, sizes, lows, dilation, 0)
    return x if x.flags.c_contiguous else np.ascontiguousarray(x)


def padded(x, first, sizes, lows, dilation, fill):
    """The array with the axes from `first` on, as many as there are sizes, brought to these sizes: `low` places stand before, and
    `step - 1` places between the elements, filled with `fill`. What lies beyond the sizes is left out."""
    return _moved(x, _padding(x.shape, first, tuple(sizes), tuple(lows), tuple(dilation)), fill)


def _moved(x, padding, fill):
    """The elements of an array, moved as `_padding` says, and `fill` around them."""
    shape, source, target = padding
    x = x[source]
    if x.shape == shape:
        return x
    out = np.empty(shape, x.dtype)
    out.fill(fill)
    if x.size:
        out[target] = x
    return out


# The memos keep what follows from shapes alone. A small convolution took a quarter of its time to compute it again.


@lru_cache(1024)
def _padding(own, first, sizes, lows, dilation):
    """The shape of a padded array, and the slices that move the elements: (shape, from the array, to the padded array)."""
    target, source, shape = [slice(None)] * len(own), [slice(None)] * len(own), list(own)
    for i, (size, low, step) in enumerate(zip(sizes, lows, dilation), first):
        shape[i] = size
        if step == 1 and 0 <= low <= size - own[i]:
            target[i] = slice(low, low + own[i])
            continue
        begin = max(0, -(low // step))
        end = max(begin, min(own[i], -((low - size) // step)))
        source[i] = slice(begin, end)
        target[i] = slice(low + begin * step, max(low + (end - 1) * step + 1, 0) if end > begin else 0, step)
    return tuple(shape), tuple(source), tuple(target)


def _blocks(images, rows, size, lag=0):
    """Parts of the images and of their rows: (first image, the one behind the last, first row, the one behind the last).

    size: the number of elements that a row takes in a block. lag: how many rows more a block has."""
    step = max(1, BLOCK // size - lag)
    if rows <= step:
        step = max(1, BLOCK // ((rows + lag) * size))
        return [(n, min(n + step, images), 0, rows) for n in range(0, images, step)]
    return [(n, n + 1, row, min(row + step, rows)) for n in range(images) for row in range(0, rows, step)]


class _Plan(NamedTuple):
    """The order of the operand's axes, its padding, the view of its windows, the order of the kernel's axes, the kernel's sizes as
    a matrix, for each block its windows and its rows of the result, the sizes of the result, and the order of its axes."""

    order: tuple
    padding: tuple
    view: tuple
    steps: tuple
    kernel_order: tuple
    kernel_sizes: tuple
    blocks: list
    out_sizes: tuple
    out_order: tuple


@lru_cache(1024)
def _plan(own, near, itemsize, of_kernel, strides, lows, dilation, gaps, out_sizes) -> _Plan | None:
    """The plan, if `_by_products` makes one product of each of a few blocks, with the channels last; else None."""
    groups, outputs, channels, *window = of_kernel
    positions, line, depth, rank = (
        math.prod(out_sizes),
        math.prod(out_sizes[1:]),
        channels * math.prod(window),
        len(window),
    )
    grid = out_sizes, strides, tuple(window), gaps
    last, sizes, view, steps, _, turns = _grid(own[:3], near, itemsize, *grid, positions < MERGED)
    blocks = _blocks(own[1], out_sizes[0], depth * line)
    if groups > 1 or depth == 1 or not last or turns > 1 or len(blocks) > 16:
        return None
    spatial = range(3, 3 + rank)
    order = (1, *spatial, 0, 2)
    found = []
    for n, end, row, stop in blocks:
        rows = slice(n * positions + row * line, (end - 1) * positions + stop * line)
        found.append(((0, slice(n, end), slice(row, stop)), rows))
    return _Plan(
        order=order,
        padding=_padding(tuple([own[i] for i in order]), 1, sizes, lows, dilation),
        view=view,
        steps=steps,
        kernel_order=(0, *spatial, 2, 1),
        kernel_sizes=(depth, outputs),
        blocks=found,
        out_sizes=(own[1], *out_sizes, outputs),
        out_order=(0, 1 + rank, *range(1, 1 + rank)),
    )


def _by_plan(x, w, plan):
    """The convolution by a plan, with the values of `_by_products`. To make the plan takes as long as the products of a small
    convolution, so that it is kept."""
    x = _moved(x.transpose(plan.order), plan.padding, 0)
    x = x if x.flags.c_contiguous else np.ascontiguousarray(x)
    windows = np.ndarray(plan.view, x.dtype, x, 0, plan.steps)
    kernel = w.transpose(plan.kernel_order).reshape(plan.kernel_sizes)
    depth, outputs = plan.kernel_sizes
    out = np.empty(plan.out_sizes, x.dtype)
    matrix, buffer = out.reshape(-1, outputs), None
    for place, rows in plan.blocks:
        block, buffer = _contiguous(windows[place], buffer)
        np.matmul(block.reshape(-1, depth), kernel, out=matrix[rows])
    return out.transpose(plan.out_order)


def _by_products(x, w, strides, lows, dilation, gaps, out_sizes):
    """The windows of a block of positions side by side, times the kernel."""
    plan = _plan(x.shape, _channels_last(x), x.itemsize, w.shape, strides, lows, dilation, gaps, out_sizes)
    if plan:
        return _by_plan(x, w, plan)
    groups, outputs, _, *window = w.shape
    images, spatial = x.shape[1], range(3, w.ndim)
    rows, line = out_sizes[0], math.prod(out_sizes[1:])
    windows, axis, turns = _windows(x, out_sizes, strides, window, gaps, lows, dilation, rows * line < MERGED)
    last, depth = axis == 2, w[0, 0].size // turns
    if last:
        kernel = w.transpose(0, *spatial, 2, 1).reshape(groups, turns, depth, outputs)
        out = np.empty((images, rows * line, groups, outputs), x.dtype)
    else:
        kernel = (w.transpose(0, 3, 1, 2, *spatial[1:]) if turns > 1 else w).reshape(groups, turns, outputs, depth)
        out = np.empty((images, groups, outputs, rows * line), x.dtype)
    # Each result may be one product, as in XLA. np.matmul would add it to 0.0, which turns -0.0 into 0.0.
    multiply = np.multiply if depth * turns == 1 else np.matmul
    lag = gaps[0] * line
    size = (depth + outputs * (turns > 1)) * line
    for g, n, end, row, stop, block in _copied(windows, axis, rows, size, (turns - 1) * gaps[0]):
        count = (stop - row) * line
        if last:
            target = out[n:end, row * line : stop * line, g]
            if turns == 1:
                target = target.reshape(1, -1, outputs)
            block = block.reshape(len(target), -1, depth)
        else:
            target = out[n:end, g, :, row * line : stop * line]
            block = block.reshape(end - n, depth, -1)
        for k in range(turns):
            if turns == 1:
                part = block
            else:
                at = slice(k * lag, k * lag + count)
                part = block[:, at] if last else block[..., at]
            factors = (part, kernel[g, k]) if last else (kernel[g, k], part)
            if k:
                target += np.matmul(*factors)
            else:
                multiply(*factors, out=target)
    if last:
        out = _channels_first(out.reshape(images, *out_sizes, groups, outputs), len(spatial), True)
    return out.reshape(images, groups * outputs, *out_sizes)


def _by_summed_products(x, w, strides, lows, dilation, gaps, out_sizes):
    """The gradient of `_by_products` by the kernel: the window is as large as the images were, and the result as small as the
    window was. The copies are the same, but the batch stands for the channels, and the products of the blocks are added up."""
    groups, outputs, images, *window = w.shape
    batch, spatial = x.shape[1], range(3, w.ndim)
    rows, line = window[0], math.prod(window[1:])
    windows, axis, turns = _windows(x.swapaxes(1, 2), window, gaps, out_sizes, strides, lows, dilation)
    last, depth = axis == 2, batch * math.prod(out_sizes) // turns
    kernel = w.transpose(0, 2, *spatial, 1)
    rows_first = last and turns > 1
    out = np.zeros((groups, turns, depth, outputs), x.dtype)
    size = (depth + outputs * rows_first) * line
    for g, n, end, row, stop, block in _copied(windows, axis, rows, size, (turns - 1) * strides[0], rows_first):
        factor = kernel[g, n:end, row:stop]
        if last:
            factor = (factor.swapaxes(0, 1) if rows_first else factor).reshape(-1, outputs)
            block = block.reshape(-1, depth)
            lag, count = strides[0] * (end - n) * line, len(factor)
            for k in range(turns):
                out[g, k] += block[k * lag : k * lag + count].T @ factor
        else:
            factor = factor.reshape(end - n, -1, outputs)
            block = block.reshape(end - n, depth, -1)
            lag, count = strides[0] * line, factor.shape[1]
            for k in range(turns):
                out[g, k] += (block[..., k * lag : k * lag + count] @ factor).sum(0)
    # The turns are the first spatial axis. The others are in front of the batch, or behind it.
    rank = len(spatial)
    if last:
        out = out.reshape(groups, *out_sizes, batch, outputs).transpose(1 + rank, 0, 2 + rank, *range(1, 1 + rank))
    elif turns > 1:
        out = out.reshape(groups, turns, batch, *out_sizes[1:], outputs)
        out = out.transpose(2, 0, 2 + rank, 1, *range(3, 2 + rank))
    else:
        out = out.reshape(groups, batch, *out_sizes, outputs).transpose(1, 0, 2 + rank, *range(2, 2 + rank))
    return out.reshape(batch, groups * outputs, *out_sizes)


def _windows(x, wide, moves, small, within, lows, dilation, merged=False):
    """All windows of an operand (groups, images, features, spatial...): (a view, the axis of its rows, the number of turns).

    Position p and place k of a window meet element `p * move + k * within` of the operand. `wide` is the larger grid of the two,
    and `small` the other one. The view is (groups, images, wide..., small..., features), and the axis of its rows 2, or it is
    (groups, images, features, small..., wide...). The windows of neighbouring rows overlap. If they move by 1, and are not to be
    `merged` into one matrix, the view has each row of the operand once, and no first axis of `small`: the product is a sum of as
    many as there are places on that axis, the turns, and each of them takes other rows of a block.
    """
    grid = tuple(wide), tuple(moves), tuple(small), tuple(within)
    last, sizes, shape, steps, axis, turns = _grid(x.shape[:3], _channels_last(x), x.itemsize, *grid, merged)
    x = _laid_out(x, sizes, lows, dilation, last)
    return np.ndarray(shape, x.dtype, x, 0, steps), axis, turns


@lru_cache(1024)
def _grid(front, near, itemsize, wide, moves, small, within, merged):
    """How to view the windows: (whether the channels are last, the sizes of the padded operand, the shape of the view, the steps of
    its memory, the axis of its rows, the number of turns)."""
    groups, images, features = front
    together = features * small[-1] if within[-1] == 1 else features
    run = wide[-1] if moves[-1] == 1 else 1
    # Copies of short runs are slow.
    last = together >= min(run, SHORT) if near else together > 4 * run
    sizes = tuple([(a - 1) * s + (b - 1) * t + 1 for a, s, b, t in zip(wide, moves, small, within)])
    laid = (images, *sizes, groups, features) if last else (images, groups, features, *sizes)
    steps = [itemsize * math.prod(laid[i + 1 :]) for i in range(len(laid))]
    rank = len(sizes)
    if last:
        front, feature, own = (steps[-2], steps[0]), steps[-1], steps[1 : 1 + rank]
    else:
        front, feature, own = (steps[1], steps[0]), steps[2], steps[3:]
    far, near = [s * step for s, step in zip(own, moves)], [s * step for s, step in zip(own, within)]
    turns = 1
    if moves[0] == 1 and not merged and features * math.prod(small[1:]) >= SHORT:
        turns, wide, small, near = small[0], (sizes[0], *wide[1:]), small[1:], near[1:]
    if last:
        shape, steps, axis = (groups, images, *wide, *small, features), (*front, *far, *near, feature), 2
    else:
        axis = 3 + len(small)
        shape, steps = (groups, images, features, *small, *wide), (*front, feature, *near, *far)
    return last, sizes, shape, steps, axis, turns


def _contiguous(block, buffer):
    """(the block, contiguous, the memory for the next one): the first block is the largest."""
    if block.flags.c_contiguous:
        return block, buffer
    buffer = np.empty(block.size, block.dtype) if buffer is None else buffer
    copied = buffer[: block.size].reshape(block.shape)
    np.copyto(copied, block)
    return copied, buffer


def _copied(windows, axis, rows, size, lag, rows_first=False):
    """For each block and group: the group, what `_blocks` says of the block, and the windows there, contiguous. The next one
    overwrites them."""
    buffer = None
    for n, end, row, stop in _blocks(windows.shape[1], rows, size, lag):
        place = (slice(n, end), *[slice(None)] * (axis - 2), slice(row, stop + lag))
        for g in range(len(windows)):
            block = windows[(g, *place)]
            if rows_first:
                block = block.swapaxes(0, 1)
            block, buffer = _contiguous(block, buffer)
            yield g, n, end, row, stop, block


def _by_sums(x, w, lows, dilation, window_dilation, out_sizes):
    """Products of each element of the operand with the whole kernel, added up where the windows have that element: of few outputs
    fewer numbers are added than would be copied of many channels."""
    groups, outputs, channels, *window = w.shape
    batch, sizes, rank = x.shape[1], x.shape[3:], len(window)
    near = _channels_last(x)
    last = near and outputs >= SHORT
    spatial = range(3, 3 + rank)
    if last:
        out = np.zeros((batch, *out_sizes, groups, outputs), x.dtype)
        kernel = w.transpose(0, *spatial, 2, 1).reshape(groups, -1, channels, outputs)
        sums = out.transpose(1 + rank, 2 + rank, 0, *range(1, 1 + rank))
    else:
        out = np.zeros((groups, outputs, batch, *out_sizes) if near else (batch, groups, outputs, *out_sizes), x.dtype)
        kernel = w.transpose(0, *spatial, 1, 2).reshape(groups, -1, channels)
        sums = out if near else out.transpose(1, 2, 0, *spatial)
    for n, end, row, stop in _blocks(batch, sizes[0], math.prod(window) * outputs * math.prod(sizes[1:])):
        for g in range(groups):
            block = x[g, n:end, :, row:stop]
            count, _, *size = block.shape
            if last:
                terms = np.matmul(block.transpose(0, *range(2, 2 + rank), 1).reshape(-1, channels), kernel[g])
                terms = terms.reshape(-1, count, *size, outputs).transpose(0, 2 + rank, *range(1, 2 + rank))
            elif near:
                terms = kernel[g] @ block.transpose(1, 0, *range(2, 2 + rank)).reshape(channels, -1)
                terms = terms.reshape(-1, outputs, count, *size)
            else:
                terms = np.matmul(kernel[g], block.reshape(count, channels, -1))
                terms = terms.reshape(count, -1, outputs, *size).swapaxes(0, 1).swapaxes(1, 2)
            for place, term in zip(itertools.product(*map(range, window)), terms):
                source, target = _met(place, row, size, lows, dilation, window_dilation, out_sizes)
                sums[(g, slice(None), slice(n, end), *target)] += term[(slice(None), slice(None), *source)]
    sums = sums.transpose(2, 0, 1, *range(3, 3 + rank))
    return sums.reshape(batch, groups * outputs, *out_sizes)


def _met(place, row, sizes, lows, dilation, gaps, out_sizes):
    """Slices of a block of the operand, which begins at `row`, and of the result, whose windows have these elements at this place.

    Element q and position p meet there if `q * dilation + low == p + place * gap`."""
    source, target = [], []
    for i, (k, size, low, step, gap, count) in enumerate(zip(place, sizes, lows, dilation, gaps, out_sizes)):
        start = 0 if i else row
        shift = low - k * gap + start * step
        begin = max(0, -(shift // step))
        end = max(begin, min(size, (count - 1 - shift) // step + 1))
        source.append(slice(begin, end))
        target.append(slice(begin * step + shift, (end - 1) * step + shift + 1, step) if end > begin else slice(0, 0))
    return source, target


def _by_offsets(x, w, strides, lows, dilation, window_dilation, out_sizes):
    """Groups of one channel: no sum over channels is there to make a matrix product of, so sum over the places of the window."""
    groups, outputs, _, *window = w.shape
    batch, rank = x.shape[1], len(window)
    sizes = [(n - 1) * step + (k - 1) * gap + 1 for n, step, k, gap in zip(out_sizes, strides, window, window_dilation)]
    # The groups take the place of the channels.
    x = x.swapaxes(0, 2)
    last = _channels_last(x)
    x = _laid_out(x, sizes, lows, dilation, last)
    kernel = w[:, :, 0].transpose(1, *range(2, 2 + rank), 0)
    if last:
        x = x[..., 0, :]
        # The factors of a whole line: with those of one position NumPy's inner loop would be as short.
        kernel = kernel[..., None, :].repeat(out_sizes[-1], -2)
        out = np.empty((outputs, batch, *out_sizes, groups), x.dtype)
    else:
        x, kernel = x[:, 0], kernel.reshape(*kernel.shape, *[1] * rank)
        out = np.empty((outputs, batch, groups, *out_sizes), x.dtype)
    for n, end, row, stop in _blocks(batch, out_sizes[0], 4 * groups * math.prod(out_sizes[1:])):
        counts = [stop - row, *out_sizes[1:]]
        for o in range(outputs):
            target = out[o, n:end, row:stop] if last else out[o, n:end, :, row:stop]
            product = np.empty_like(target)
            for i, place in enumerate(itertools.product(*map(range, window))):
                starts = [k * gap for k, gap in zip(place, window_dilation)]
                starts[0] += row * strides[0]
                met = [slice(a, a + (size - 1) * step + 1, step) for a, size, step in zip(starts, counts, strides)]
                source = x[(slice(n, end), *met)] if last else x[(slice(n, end), slice(None), *met)]
                factor = kernel[(o, *place)]
                if last and rank == 1:
                    factor = factor[: stop - row]
                np.multiply(source, factor, out=product if i else target)
                if i:
                    target += product
    axes = (1, 2 + rank, 0, *range(2, 2 + rank)) if last else (1, 2, 0, *range(3, 3 + rank))
    return out.transpose(axes).reshape(batch, groups * outputs, *out_sizes)


def _by_dots(x, w, strides, lows, dilation, window_dilation, out_sizes):
    """The gradient of `_by_offsets` by the kernel: for each place one sum of products over all images and positions."""
    groups, outputs, images, *window = w.shape
    rank = len(window)
    sizes = [(n - 1) * step + (k - 1) * gap + 1 for n, step, k, gap in zip(out_sizes, strides, window, window_dilation)]
    last = _channels_last(x.swapaxes(0, 2))
    x = _laid_out(x.swapaxes(1, 2), sizes, lows, dilation, last)
    x = x[..., 0] if last else x[:, :, 0]
    out = np.zeros((groups, outputs, *out_sizes), x.dtype)
    spatial = list(range(2, 2 + rank))
    axes = [1, *spatial, 0] if last else [1, 0, *spatial]
    skipped = () if last else (slice(None),)
    for n, end, row, stop in _blocks(images, window[0], groups * math.prod(window[1:])):
        counts = [stop - row, *window[1:]]
        for position in itertools.product(*map(range, out_sizes)):
            starts = [p * step for p, step in zip(position, strides)]
            starts[0] += row * window_dilation[0]
            met = [slice(a, a + (size - 1) * gap + 1, gap) for a, size, gap in zip(starts, counts, window_dilation)]
            part = x[(slice(n, end), *skipped, *met)]
            for o in range(outputs):
                factor = w[:, o, n:end, row:stop]
                out[(slice(None), o, *position)] += np.einsum(part, axes, factor, [0, 1, *spatial], [0])
    return out.reshape(1, groups * outputs, *out_sizes)
