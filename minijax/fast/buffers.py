"""Memory that a program keeps from one call to the next, so that a training step asks the system for none.

The system must clear the pages of a new large array, which takes longer than adding two arrays. So a line of a program takes
an array that the line made in an earlier call, *if nobody else holds the array now*: Python's count of references tells.
Everybody who may still look at an array holds it: a caller holds a result, a view holds its base, a `memoryview` or a DLPack
capsule holds the array, a running call holds its variables, a traceback holds frames. So no result ever changes later, and
nested calls, other threads and exceptions need no extra care.

All programs together keep at most `minijax_kept_bytes`, a quarter of a GB unless `config.update` or MINIJAX_KEPT_BYTES says
otherwise. Sixteen shapes of one gradient of 20 layers would else keep 16 times the arrays of one.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from math import prod
from sys import getrefcount
from weakref import WeakSet

import numpy as np

from ..foundation.config import config
from ..foundation.threads import RLock


def _take_oldest(arrays: deque) -> tuple[np.ndarray, int]:
    # While the array is out of the deque, no other thread finds it.
    array = arrays.popleft()
    return array, getrefcount(array)


# The reference count of an array that nobody else holds.
ALONE = _take_oldest(deque([np.empty(0)]))[1]


class _Bytes(np.ndarray):
    """The memory of an array, allocated through a class of its own, so that `view.base` is the array itself: a view then holds the
    array. (Of two plain arrays NumPy makes the owner of the memory the base of the view.)"""


# The offset in a page at which each new array begins: a cache line, another one each time. NumPy's large arrays all begin 16
# bytes into a page, so that vectors lie across two cache lines, and a write waits for reads at the same offset of other pages.
_begins = itertools.cycle(range(0, 4096, 448))


def _new_array(shape: tuple[int, ...], dtype) -> np.ndarray:
    """An uninitialised array, as np.empty. Products and sums in the second-level cache are a tenth faster on these."""
    dtype = np.dtype(dtype)
    memory = _Bytes(prod(shape) * dtype.itemsize + 4095, np.uint8)
    return np.ndarray(shape, dtype, memory, (next(_begins) - memory.ctypes.data) % 4096)


class _Source:
    """The arrays of one buffer, the bytes of each array, and when the buffer was used last."""

    __slots__ = ("arrays", "array_bytes", "used", "__weakref__")

    def __init__(self, most: int, array_bytes: int):
        self.arrays: deque = deque(maxlen=most)
        self.array_bytes = array_bytes
        self.used = 0

    def kept(self) -> int:
        """The bytes of all its arrays."""
        return len(self.arrays) * self.array_bytes


_clock = itertools.count(1)


class _Room:
    """The arrays that all programs keep take at most `minijax_kept_bytes`: beyond, those that were used longest ago are let go."""

    def __init__(self):
        self.sources: WeakSet[_Source] = WeakSet()
        # No fewer bytes than are kept: arrays that were let go since the last count are still in it.
        self.at_most = 0
        self.lock = RLock()

    def kept(self) -> int:
        """The bytes of all arrays of all programs."""
        return sum(source.kept() for source in self.sources)

    def grow(self, source: _Source, arrays: int):
        """Count new arrays of a source. Let go of old arrays if there are too many now."""
        with self.lock:
            self.sources.add(source)
            self.at_most += arrays * source.array_bytes
            if self.at_most <= config.minijax_kept_bytes:
                return
            kept = self.kept()
            if kept > config.minijax_kept_bytes:
                # A quarter more than is needed, so that the next array does not begin this again.
                for old in sorted(self.sources, key=lambda s: s.used):
                    if kept <= 0.75 * config.minijax_kept_bytes:
                        break
                    if old is not source:
                        kept -= old.kept()
                        old.arrays.clear()
            self.at_most = kept


_room = _Room()


def kept_buffer(shape: tuple[int, ...], dtype, arrays: int = 1, calls: int = 1) -> Callable[[], np.ndarray]:
    """A function that returns an array of that type which nobody else holds: one that it has returned before, or a new one.

    arrays: how many take turns; so many are made at once. calls: how often this may be while all results are held. Arrays
    that were returned and are still held beyond that number are let go.

    >>> buffer = kept_buffer((3,), np.float32)
    >>> first = buffer()
    >>> buffer() is first
    False
    >>> kept = id(first)
    >>> del first
    >>> id(buffer()) == kept
    True
    """
    source = _Source(max(arrays, 2) * calls, prod(shape) * np.dtype(dtype).itemsize)
    kept = source.arrays

    def take() -> np.ndarray:
        source.used = next(_clock)
        for _ in range(len(kept)):
            try:
                array, count = _take_oldest(kept)
            except IndexError:
                # Another thread is looking at it.
                break
            kept.append(array)
            if count == ALONE:
                return array
        before = len(kept)
        if not kept:
            kept.extend([_new_array(shape, dtype) for _ in range(arrays - 1)])
        array = _new_array(shape, dtype)
        kept.append(array)
        _room.grow(source, len(kept) - before)
        return array

    return take


def select_into(which: np.ndarray, on_true, on_false, out: np.ndarray) -> np.ndarray:
    """`np.where(which, on_true, on_false)`, put into `out`; at least as fast, and 10 times where `which` is irregular: there
    is no branch to be guessed wrongly, the bits are multiplied by 0 or 1."""
    if out.itemsize > 8:
        np.copyto(out, on_false)
        np.copyto(out, on_true, where=which)
        return out
    integer = np.dtype(f"i{out.itemsize}")
    bits, true_bits, false_bits = (np.asarray(x).view(integer) for x in (out, on_true, on_false))
    if not false_bits.ndim and not false_bits:
        np.multiply(true_bits, which, out=bits)
        return out
    np.bitwise_xor(true_bits, false_bits, out=bits)
    np.multiply(bits, which, out=bits)
    np.bitwise_xor(bits, false_bits, out=bits)
    return out


def clamp(low, x: np.ndarray, high, out: np.ndarray | None = None) -> np.ndarray:
    """`np.minimum(np.maximum(low, x), high)` for two numbers. NumPy's maximum with a number takes five times as long as with an
    array, its clip by both does not; but of 0.0 and -0.0 that takes the other one."""
    if low and high:
        return np.clip(x, low, high, out=out)
    return np.minimum(np.maximum(low, x, out=out), high, out=out)


ROUTES = {
    "lowering.routes:kept_buffer": kept_buffer,
    "lowering.routes:select_into": select_into,
    "lowering.routes:clamp": clamp,
}
