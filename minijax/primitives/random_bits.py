"""Random bits: the threefry hash, and the primitives on key arrays that use it (JAX: `_src/random/prng.py`).

A key is two 32-bit words. Threefry (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011) hashes them with
a counter of two words. The n-th random word of a key is the hash of n, so any part of a random array can be computed
without the rest, and a random array does not depend on how it is split among devices.

An array of keys is a NumPy array of (hi, lo) records, so that every primitive that moves elements also moves keys.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..core.avals import ShapedArray
from ..foundation.dtypes import issubdtype, key_fry, prng_key
from .basis import move_batch_dim, row, zero_jvp
from .families import batch_elementwise, broadcast_shapes_of

NOT_NUMBERS = "keys and random bits are not numbers that anything is linear in"
UINT32 = np.dtype("uint32")


@dataclass(frozen=True)
class PRNGImpl:
    """A random number generator: its name, the tag that jaxprs show, and how many words of `uint32` a key has."""

    name: str
    tag: str
    key_shape: tuple[int, ...]

    def __str__(self) -> str:
        return self.tag

    __repr__ = __str__


threefry = PRNGImpl("threefry2x32", "fry", (2,))


# ---------------------------------------------------------------------------------------------------------------------
# The hash

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = UINT32.type(0x1BD11BDA)
# The number of words hashed at once. They fit in a processor's cache: the hash passes over each block a hundred times. A smaller
# block spends its time in NumPy's calls.
BLOCK = 1 << 15
# What `_as_words` reads: a lane is one number, or the two words of a key with the first one in the lower half.
LANE = np.dtype("<u8")
KEY = np.dtype([("hi", "<u4"), ("lo", "<u4")])
# At most this many words are hashed as one Python integer. A hundred calls of NumPy take 50 us, however few the words are.
FEW = 128


def _ones(size: int) -> int:
    """The number 1 in each of `size` lanes. A lane is 64 bits of an integer: lane n is bits 64 n to 64 n + 63."""
    return int.from_bytes(b"\1\0\0\0\0\0\0\0" * size, "little")


def _as_lanes(words: np.ndarray, size: int) -> int:
    """An array as one integer: word n is in lane n. The array has `size` words, or one for all lanes."""
    if words.size == 1:
        return words.item() * _ones(size)
    return int.from_bytes(words.astype(LANE).tobytes(), "little")


def _as_words(lanes: int, size: int, kind: np.dtype, dtype: np.dtype) -> np.ndarray:
    """The lanes as an array: each is read as `kind`, which has 64 bits, and converted to `dtype`."""
    return np.frombuffer(lanes.to_bytes(8 * size, "little"), kind).astype(dtype)


def _threefry_of_lanes(k0: int, k1: int, x: int, y: int, ones: int) -> tuple[int, int]:
    """The hashes of (x, y) with the keys (k0, k1), for the words in all lanes at once."""
    low = 0xFFFFFFFF * ones
    k2 = k0 ^ k1 ^ int(PARITY) * ones
    # x is a sum of at most 27 numbers below 2^32, which fits in a lane: only the end clears its upper bits.
    x += k0
    y = (y + k1) & low
    for i, (a, b) in enumerate([(k1, k2), (k2, k0), (k0, k1), (k1, k2), (k2, k0)]):
        for rotation in ROTATIONS[i % 2]:
            x += y
            # The product has y twice in each lane. Shifted, its lower half is y rotated; `low` clears the upper half.
            y = ((y * 0x100000001 >> 32 - rotation) ^ x) & low
        x += a
        y = (y + b + (i + 1) * ones) & low
    return x & low, y


def _threefry_in_place(x, y, ks, scratch):
    """Hash the counters (x, y) with the key schedule `ks`, overwriting them."""
    x += ks[0]
    y += ks[1]
    for i in range(5):
        for rotation in ROTATIONS[i % 2]:
            x += y
            np.left_shift(y, UINT32.type(rotation), out=scratch)
            np.right_shift(y, UINT32.type(32 - rotation), out=y)
            y |= scratch
            y ^= x
        x += ks[(i + 1) % 3]
        y += ks[(i + 2) % 3]
        y += UINT32.type(i + 1)


def threefry2x32(key1, key2, count1, count2):
    """Two arrays of uint32: the threefry hash, with 20 rounds, of NumPy arrays of uint32 that broadcast together."""
    together = np.broadcast(key1, key2, count1, count2)
    shape, size = together.shape, together.size
    if 0 < size <= FEW:
        words = [w if w.size == 1 else np.broadcast_to(w, shape) for w in (key1, key2, count1, count2)]
        hashes = _threefry_of_lanes(*[_as_lanes(w, size) for w in words], _ones(size))
        return [_as_words(lanes, size, LANE, UINT32).reshape(shape) for lanes in hashes]
    # Copies of the counters, since the hash overwrites them; 1-d, because arithmetic on 0-d arrays warns of overflow.
    x, y = (np.array(np.broadcast_to(c, shape), UINT32, order="C").reshape(-1) for c in (count1, count2))
    key1, key2 = (np.reshape(k, 1) if k.size == 1 else np.broadcast_to(k, shape).reshape(-1) for k in (key1, key2))
    schedule = (key1, key2, key1 ^ key2 ^ PARITY)
    scratch = np.empty(min(BLOCK, size), UINT32)
    for start in range(0, size, BLOCK):
        block = np.s_[start : start + BLOCK]
        ks = [k if k.size == 1 else k[block] for k in schedule]
        _threefry_in_place(x[block], y[block], ks, scratch[: size - start])
    return x.reshape(shape), y.reshape(shape)


def _hash_of_counters(keys: np.ndarray, start: int, stop: int):
    """Two arrays of shape (*keys.shape, stop - start): for each key, the hashes of the counters from `start` to `stop`."""
    if stop > 2**32:
        counters = np.arange(start, stop, dtype=np.uint64)
        high, low = (counters >> np.uint64(32)).astype(UINT32), counters.astype(UINT32)
    else:
        high, low = np.zeros(1, UINT32), np.arange(start, stop, dtype=UINT32)
    return threefry2x32(keys["hi"][..., None], keys["lo"][..., None], high, low)


def _few_of_key(keys: np.ndarray, size: int) -> tuple[int, int]:
    """The hashes of the counters from 0 to `size` with the one key of an array, in lanes."""
    hi, lo = keys.item()
    ones = _ones(size)
    return _threefry_of_lanes(hi * ones, lo * ones, 0, _as_lanes(np.arange(size), size), ones)


def _keys(hi, lo) -> np.ndarray:
    keys = np.empty(np.shape(hi), key_fry.storage)
    keys["hi"], keys["lo"] = hi, lo
    return keys


# ---------------------------------------------------------------------------------------------------------------------
# Rows


def _check_keys(name: str, aval: ShapedArray):
    if not issubdtype(aval.dtype, prng_key):
        raise TypeError(f"{name} takes a key array, got {aval.str_short()}: make keys with jax.random.key(seed).")


def _key_row(name: str, impl, abstract_eval, batch=None):
    """A row of a primitive on keys. The default `batch` leaves a batch axis in place: the result's axes begin with the keys'."""
    primitive = row(
        name,
        impl=impl,
        abstract_eval=abstract_eval,
        jvp=zero_jvp(lambda: primitive),
        transpose=NOT_NUMBERS,
        batch=batch or (lambda axis, args, dims, **params: (primitive.bind(*args, **params), dims[0])),
    )
    return primitive


def _seed_impl(seeds, **params):
    bits = seeds.dtype.itemsize * 8
    # A seed of 64 bits fills both words; a narrower seed fills the low word, with its sign.
    high = (seeds >> 32).astype(UINT32) if bits == 64 else np.zeros(seeds.shape, UINT32)
    return _keys(high, seeds.astype(UINT32))


def _seed_abstract_eval(seeds, *, impl):
    if not issubdtype(seeds.dtype, np.integer):
        raise TypeError(f"PRNG key seed must be an integer; got {seeds.str_short()}")
    return ShapedArray(seeds.shape, key_fry)


random_seed_p = _key_row("random_seed", _seed_impl, _seed_abstract_eval)


def _split_impl(keys, *, shape):
    size = math.prod(shape)
    if keys.size == 1 and 0 < size <= FEW:
        hi, lo = _few_of_key(keys, size)
        split = _as_words(hi | lo << 32, size, KEY, key_fry.storage)
    else:
        split = _keys(*_hash_of_counters(keys, 0, size))
    return split.reshape((*keys.shape, *shape))


def _split_abstract_eval(keys, *, shape):
    _check_keys("random_split", keys)
    return ShapedArray((*keys.shape, *shape), key_fry)


random_split_p = _key_row("random_split", _split_impl, _split_abstract_eval)


def _fold_in_impl(keys, data):
    zero = np.zeros((), UINT32)
    return _keys(*threefry2x32(keys["hi"], keys["lo"], zero, data.astype(UINT32)))


def _fold_in_abstract_eval(keys, data):
    _check_keys("random_fold_in", keys)
    if not issubdtype(data.dtype, np.integer):
        raise TypeError(f"random_fold_in folds integers into keys, got {data.str_short()}.")
    return ShapedArray(broadcast_shapes_of("random_fold_in", [keys.shape, data.shape]), key_fry)


random_fold_in_p = _key_row(
    "random_fold_in", _fold_in_impl, _fold_in_abstract_eval, batch_elementwise(lambda: random_fold_in_p)
)


def _bits_impl(keys, *, bit_width, shape):
    size, dtype = math.prod(shape), np.dtype(f"uint{bit_width}")
    if keys.size == 1 and 0 < size <= FEW:
        first, second = _few_of_key(keys, size)
        lanes = first << 32 | second if bit_width == 64 else first ^ second
        return _as_words(lanes, size, LANE, dtype).reshape((*keys.shape, *shape))
    bits = np.empty((*keys.shape, size), dtype)
    # Two arrays of all the hashes would take more time than the hash: memory that is new to the process is slow.
    for start in range(0, size, BLOCK):
        stop = min(start + BLOCK, size)
        first, second = _hash_of_counters(keys, start, stop)
        block = bits[..., start:stop]
        if bit_width == 64:
            block[...] = first
            block <<= np.uint64(32)
            block |= second
        else:
            np.bitwise_xor(first, second, out=block, casting="unsafe")
    return bits.reshape((*keys.shape, *shape))


def _bits_abstract_eval(keys, *, bit_width, shape):
    _check_keys("random_bits", keys)
    if bit_width not in (8, 16, 32, 64):
        raise TypeError(f"random_bits requires 8-, 16-, 32- or 64-bit field width, got {bit_width}.")
    return ShapedArray((*keys.shape, *shape), np.dtype(f"uint{bit_width}"))


random_bits_p = _key_row("random_bits", _bits_impl, _bits_abstract_eval)


def _wrap_impl(words, **params):
    # The two words of a key are next to each other in memory, except in a transposed or reversed array.
    return np.asarray(words, order="C").view(key_fry.storage)[..., 0]


def _wrap_abstract_eval(words, *, impl):
    if words.ndim < 1:
        raise TypeError(f"JAX encountered invalid PRNG key data: expected key_data.ndim >= 1; got ndim={words.ndim}")
    if words.shape[-1:] != impl.key_shape:
        raise TypeError(
            f"JAX encountered invalid PRNG key data: expected key_data.shape to end with {impl.key_shape};"
            f" got shape={words.shape} for impl={impl}"
        )
    if words.dtype != UINT32:
        raise TypeError(
            f"JAX encountered invalid PRNG key data: expected key_data.dtype = uint32; got dtype={words.dtype}"
        )
    return ShapedArray(words.shape[:-1], key_fry)


def _wrap_batch(axis, args, dims, *, impl):
    # Move the batch axis to the front: the last axis must hold the two words.
    return random_wrap_p.bind(move_batch_dim(args[0], dims[0], 0), impl=impl), 0


random_wrap_p = _key_row("random_wrap", _wrap_impl, _wrap_abstract_eval, _wrap_batch)


def _unwrap_abstract_eval(keys):
    _check_keys("random_unwrap", keys)
    return ShapedArray((*keys.shape, *threefry.key_shape), UINT32)


def _unwrap_impl(keys):
    return keys[..., None].view(UINT32)


random_unwrap_p = _key_row("random_unwrap", _unwrap_impl, _unwrap_abstract_eval)


# The clone of a raw key is the raw key itself.
random_clone_p = _key_row("random_clone", lambda keys: keys, lambda keys: keys)


def _threefry_abstract_eval(*avals):
    if any(a.dtype != UINT32 for a in avals):
        listed = ", ".join(a.str_short() for a in avals)
        raise TypeError(f"Arguments to threefry2x32 must have uint32 type, got {listed}")
    return [ShapedArray(broadcast_shapes_of("threefry2x32", [a.shape for a in avals]), UINT32)] * 2


def _threefry_batch(axis, args, dims):
    outs, dim = batch_elementwise(lambda: threefry2x32_p)(axis, args, dims)
    return outs, [dim, dim]


threefry2x32_p = row(
    "threefry2x32",
    impl=threefry2x32,
    abstract_eval=_threefry_abstract_eval,
    jvp=zero_jvp(lambda: threefry2x32_p),
    transpose=NOT_NUMBERS,
    batch=_threefry_batch,
    multiple_results=True,
)
