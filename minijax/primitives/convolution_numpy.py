"""Convolutions in NumPy: windows copied side by side, then one matrix product for each block of them (im2col).

An operand of shape (groups, batch, channels, spatial...) and a kernel (groups, outputs, channels, spatial...) give a result of
shape (batch, groups * outputs, spatial...). With many channels, the channels of a window lie together in memory, and a row of the
matrix is a window; with few, the positions of the windows lie together, and a column is a window: copies of short runs are slow.
Beside the operand, laid out anew, and the result, the program holds one block.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

# From so many channels on, a window's channels lie together.
MANY = 16
# The number of elements of a block: it fits in a processor's second cache.
BLOCK = 1 << 18


def convolve(x, w, *, strides, pads, dilation, window_dilation, out_sizes):
    """The result for the operand x, which is padded and dilated, and the kernel w."""
    groups, batch, channels, *_ = x.shape
    outputs, rank = w.shape[1], len(strides)
    shape = (batch, groups * outputs, *out_sizes)
    if 0 in (*x.shape, *w.shape, *shape):
        return np.zeros(shape, x.dtype)
    split = [i for i in range(rank) if dilation[i] > 1 and strides[i] == window_dilation[i] == 1]
    if split:
        sizes = {"pads": pads, "dilation": dilation, "window_dilation": window_dilation, "strides": strides}
        return _by_phases(x, w, split[0], out_sizes, sizes)
    single = channels == 1 and groups > 1
    last = not rank or (groups >= out_sizes[-1] if single else channels >= MANY)
    if single and last:
        # The groups take the place of the channels.
        x = x.swapaxes(0, 2)
    windows = _windows(x, w.shape[3:], strides, pads, dilation, window_dilation, out_sizes, last)
    return (_by_offsets if single else _by_products)(windows, w, shape, last)


def _by_phases(x, w, axis, out_sizes, sizes):
    """A convolution of an operand that is dilated along an axis: the results that are `dilation` apart see the same elements of the
    window, and these see an operand that is not dilated. So nothing is multiplied by the zeros between the elements."""
    step, (low, _) = sizes["dilation"][axis], sizes["pads"][axis]
    out = np.zeros((x.shape[1], w.shape[0] * w.shape[1], *out_sizes), x.dtype)
    plain = tuple(1 if i == axis else d for i, d in enumerate(sizes["dilation"]))
    for phase in range(min(step, out_sizes[axis])):
        first = (low - phase) % step
        part = w[(slice(None),) * (3 + axis) + (slice(first, None, step),)]
        if part.shape[3 + axis] == 0:
            continue
        count = -(-(out_sizes[axis] - phase) // step)
        before = (low - phase - first) // step
        pads = tuple((before, 0) if i == axis else p for i, p in enumerate(sizes["pads"]))
        small = tuple(count if i == axis else n for i, n in enumerate(out_sizes))
        options = {**sizes, "pads": pads, "dilation": plain, "out_sizes": small}
        out[(slice(None),) * (2 + axis) + (slice(phase, None, step),)] = convolve(x, part, **options)
    return out


def _windows(x, window, strides, pads, dilation, window_dilation, out_sizes, last):
    """A view of the operand, (groups, batch, positions..., window..., channels) or (groups, channels, window..., batch,
    positions...): all windows, which share memory."""
    sizes = [
        (out - 1) * stride + (k - 1) * gap + 1
        for out, stride, k, gap in zip(out_sizes, strides, window, window_dilation)
    ]
    x = _laid_out(x, sizes, [low for low, _ in pads], dilation, last)
    if last:
        head, tail = 2, x.strides[-1:]
        front, back = x.shape[:2], x.shape[-1:]
    else:
        head, tail = 3, ()
        front, back = x.shape[:3], ()
    own = x.strides[head : head + len(sizes)]
    moves = [s * stride for s, stride in zip(own, strides)]
    within = [s * gap for s, gap in zip(own, window_dilation)]
    if last:
        shape, steps = (*front, *out_sizes, *window, *back), (*x.strides[:2], *moves, *within, *tail)
    else:
        g, c, n = x.strides[:3]
        shape = (front[0], front[1], *window, front[2], *out_sizes)
        steps = (g, c, *within, n, *moves)
    return np.lib.stride_tricks.as_strided(x, shape, steps, writeable=False)


def _laid_out(x, sizes, lows, dilation, last):
    """The operand, padded and dilated to `sizes`, with the channels last or in front, and in this order in memory."""
    rank = len(sizes)
    order = (0, 1, *range(3, 3 + rank), 2) if last else (0, 2, 1, *range(3, 3 + rank))
    x = padded(x.transpose(order), 2 if last else 3, sizes, lows, dilation, 0)
    return x if x.strides[-1] == x.itemsize or x.shape[-1] == 1 else np.ascontiguousarray(x)


def padded(x, first, sizes, lows, dilation, fill):
    """The array with the axes from `first` on, as many as there are sizes, brought to these sizes: `low` places stand before, and
    `step - 1` places between the elements, filled with `fill`. What lies beyond the sizes is left out."""
    target, source, shape = [slice(None)] * x.ndim, [slice(None)] * x.ndim, list(x.shape)
    for i, (size, low, step) in enumerate(zip(sizes, lows, dilation), first):
        begin = max(0, -(low // step))
        end = max(begin, min(x.shape[i], -((low - size) // step)))
        source[i] = slice(begin, end)
        target[i] = slice(low + begin * step, max(low + (end - 1) * step + 1, 0) if end > begin else 0, step)
        shape[i] = size
    x = x[tuple(source)]
    if x.shape == tuple(shape):
        return x
    out = np.full(shape, fill, x.dtype)
    if 0 not in x.shape:
        out[tuple(target)] = x
    return out


def _blocks(batch, rows, size):
    """Slices of the batch and of the first spatial axis. `size`: the number of elements of one row's windows."""
    if rows * size <= BLOCK:
        step = max(1, BLOCK // max(rows * size, 1))
        for n in range(0, batch, step):
            yield slice(n, n + step), slice(None)
        return
    step = max(1, BLOCK // size)
    for n, row in itertools.product(range(batch), range(0, rows, step)):
        yield slice(n, n + 1), slice(row, row + step)


def _by_products(windows, w, shape, last):
    groups, outputs, channels, *window = w.shape
    batch, _, *out_sizes = shape
    depth = channels * math.prod(window)
    rank = len(out_sizes)
    if last:
        kernel = w.transpose(0, *range(3, 3 + rank), 2, 1).reshape(groups, depth, outputs)
        out = np.empty((batch, *out_sizes, groups, outputs), windows.dtype)
    else:
        kernel = w.reshape(groups, outputs, depth)
        out = np.empty((groups, outputs, batch, *out_sizes), windows.dtype)
    # Each result may be one product, as in XLA. np.matmul would add it to 0.0, which turns -0.0 into 0.0.
    multiply = np.multiply if depth == 1 else np.matmul
    rows = out_sizes[0] if rank else 1
    size = depth * math.prod(out_sizes[1:])
    buffer = None
    for ns, part in _blocks(batch, rows, size):
        at = (ns, part) if rank else (ns,)
        for g in range(groups):
            view = windows[(g, *at)] if last else windows[(g, *[slice(None)] * (1 + rank), *at)]
            count = view.size // depth
            matrix = (count, depth) if last else (depth, count)
            if buffer is None:
                buffer = np.empty(view.size, view.dtype)
            if view.flags.c_contiguous:
                block = view.reshape(matrix)
            else:
                np.copyto(buffer[: view.size].reshape(view.shape), view)
                block = buffer[: view.size].reshape(matrix)
            if last:
                multiply(block, kernel[g], out=_matrix(out[(*at, ..., g, slice(None))], (count, outputs)))
            else:
                multiply(kernel[g], block, out=_matrix(out[(g, slice(None), *at)], (outputs, count)))
    if last:
        out = out.transpose(0, 1 + rank, 2 + rank, *range(1, 1 + rank))
    else:
        out = out.transpose(2, 0, 1, *range(3, 3 + rank))
    return out.reshape(shape)


def _matrix(part, shape):
    """The part as a matrix that shares its memory."""
    matrix = part.reshape(shape)
    assert np.may_share_memory(matrix, part)
    return matrix


def _by_offsets(windows, w, shape, last):
    """Groups of one channel: no sum over channels is there to make a matrix product of, so sum over the places of the window."""
    groups, outputs, _, *window = w.shape
    batch, _, *out_sizes = shape
    rank = len(out_sizes)
    places = list(itertools.product(*map(range, window)))
    if last:
        windows = windows[0]
        out = np.empty((outputs, batch, *out_sizes, groups), windows.dtype)
    else:
        windows = windows[:, 0]
        out = np.empty((outputs, groups, batch, *out_sizes), windows.dtype)
    rows, size = (out_sizes[0] if rank else 1), groups * math.prod(out_sizes[1:])
    for ns, part in _blocks(batch, rows, 4 * size):
        at = (ns, part) if rank else (ns,)
        for o in range(outputs):
            target = out[(o, *at)] if last else out[(o, slice(None), *at)]
            product = np.empty_like(target)
            for i, place in enumerate(places):
                factor = w[(slice(None), o, 0, *place)]
                if last:
                    source = windows[(*at, *[slice(None)] * max(rank - 1, 0), *place)]
                else:
                    source = windows[(slice(None), *place, *at)]
                    factor = factor.reshape(groups, *[1] * (1 + rank))
                np.multiply(source, factor, out=product if i else target)
                if i:
                    target += product
    if last:
        out = out.transpose(1, 2 + rank, 0, *range(2, 2 + rank))
    else:
        out = out.transpose(2, 1, 0, *range(3, 3 + rank))
    return out.reshape(shape)
