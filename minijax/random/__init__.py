"""`jax.random`: random numbers as functions of a key.

A key is an array like any other: nothing changes it, so the same key always gives the same numbers. `split` makes new
keys of one, `fold_in` one of a key and a number. The bits are those of JAX with its default generator, threefry, and so
are the numbers that exact arithmetic makes of them; where a logarithm or the like follows, the last place may differ.

>>> import minijax as jax
>>> key = jax.random.key(0)
>>> key, subkey = jax.random.split(key)
>>> jax.random.uniform(subkey, (2,))
Array([0.00729382, 0.02089119], dtype=float32)

Every function takes a scalar key: a typed one, of `key`, or a raw one, of `PRNGKey`, which is an array of two uint32.
Many keys at once are for `jax.vmap`. `shape` is a tuple of ints; `dtype` is by default the widest that x64 allows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..core.array import ArrayImpl
from ..core.traces import Array, Tracer
from ..foundation import dtypes
from ..foundation.dtypes import (
    canonicalize_dtype,
    check_user_dtype_supported,
    finfo,
    iinfo,
    issubdtype,
    key_fry,
    prng_key,
)
from ..numpy.util import (
    as_array,
    broadcast_shapes,
    canonicalize_axis,
    canonicalize_shape,
    check_arraylike,
    is_arraylike,
    promote_dtypes_inexact,
)
from ..primitives.basis import expand_dims, reshape_p, shape_of
from ..primitives.elementwise import convert_element_type, convert_element_type_p
from ..primitives.random_bits import (
    PRNGImpl,
    random_bits_p,
    random_clone_p,
    random_fold_in_p,
    random_seed_p,
    random_split_p,
    random_unwrap_p,
    random_wrap_p,
    threefry,
)
from ..primitives.random_gamma import random_gamma_p
from ..primitives.shapes import slice_p

# ---------------------------------------------------------------------------------------------------------------------
# Keys


def _is_key(x: Any) -> bool:
    return isinstance(x, Array) and issubdtype(x.dtype, prng_key)


def _checked_key(name: str, key: Any, allow_batched: bool = False) -> tuple[Array, bool]:
    """The key as a typed one, and whether it was a raw one."""
    given, raw = key, not _is_key(key)
    if raw:
        if not is_arraylike(key):
            raise TypeError(f"unexpected PRNG key type {type(key)}: make keys with jax.random.key(seed).")
        if not hasattr(key, "dtype"):
            raise TypeError(
                "JAX encountered invalid PRNG key data: expected key_data to have ndim, shape, and dtype attributes."
                f" Got {key}; make keys with jax.random.key(seed)."
            )
        key = random_wrap_p.bind(key, impl=threefry)
    if key.shape and not allow_batched:
        raise ValueError(
            f"{name} accepts a single key, but was given a key array of shape {given.shape} != ()."
            " Use jax.vmap for batching."
        )
    return key, raw


def _unwrapped(key: Array, raw: bool) -> Array:
    return random_unwrap_p.bind(key) if raw else key


def _resolve_impl(impl: Any) -> PRNGImpl:
    if impl is None or impl is key_fry or isinstance(impl, PRNGImpl):
        return impl if isinstance(impl, PRNGImpl) else threefry
    if not isinstance(impl, str):
        raise TypeError(f"unrecognized type {type(impl)} for specifying PRNG implementation.")
    if impl in ("rbg", "unsafe_rbg", "philox2x32", "philox4x32", "threefry4x32"):
        raise NotImplementedError(
            f'PRNG implementation "{impl}" is not in minijax, which has JAX\'s default "threefry2x32".'
        )
    if impl != threefry.name:
        raise ValueError(f'unrecognized PRNG implementation "{impl}". Did you mean one of: "{threefry.name}"?')
    return threefry


def _one_impl(name: str, impl: Any, dtype: Any) -> PRNGImpl:
    if dtype is not None and impl is not None:
        raise ValueError(f"Cannot specify both `impl` and `dtype` arguments to {name}")
    return _resolve_impl(impl if dtype is None else dtype)


def _seeded(name: str, seed: Any, impl: PRNGImpl) -> Array:
    if _is_key(seed):
        raise TypeError(f"{name} accepts a scalar seed, but was given a PRNG key.")
    if shape_of(seed):
        raise TypeError(
            f"{name} accepts a scalar seed, but was given an array of shape {shape_of(seed)} != ()."
            " Use jax.vmap for batching"
        )
    # Without x64 a seed is cut to its low 32 bits, as NumPy's int64 converts.
    seed = as_array(np.int64(seed) if isinstance(seed, int) else seed)
    return random_seed_p.bind(seed, impl=impl)


def key(seed, *, impl=None, dtype=None) -> Array:
    """A typed key, a scalar array of dtype `key<fry>`, from an integer (`jax.random.key`).

    Without x64 the seed counts modulo 2^32. Raises TypeError for a seed that is not a scalar integer.

    >>> key(42)
    Array((), dtype=key<fry>) overlaying:
    [ 0 42]
    """
    return _seeded("key", seed, _one_impl("jax.random.key", impl, dtype))


def PRNGKey(seed, *, impl=None) -> Array:
    """A raw key, two words of uint32, from an integer (`jax.random.PRNGKey`).

    >>> PRNGKey(42)
    Array([ 0, 42], dtype=uint32)
    """
    return random_unwrap_p.bind(_seeded("PRNGKey", seed, _resolve_impl(impl)))


def key_data(keys) -> Array:
    """The words of uint32 of keys, of shape (*keys.shape, 2) (`jax.random.key_data`).

    >>> key_data(key(7))
    Array([0, 7], dtype=uint32)
    """
    return random_unwrap_p.bind(_checked_key("key_data", keys, allow_batched=True)[0])


def wrap_key_data(key_bits_array, *, impl=None, dtype=None) -> Array:
    """Typed keys of their words, an array of uint32 whose last axis has size 2 (`jax.random.wrap_key_data`).

    >>> wrap_key_data(PRNGKey(7))
    Array((), dtype=key<fry>) overlaying:
    [0 7]
    """
    return random_wrap_p.bind(key_bits_array, impl=_one_impl("jax.random.wrap_key_data", impl, dtype))


def key_impl(keys) -> str:
    """The name of the keys' generator (`jax.random.key_impl`).

    >>> key_impl(key(0))
    'threefry2x32'
    """
    _checked_key("key_impl", keys, allow_batched=True)
    return threefry.name


def key_dtype(impl_spec=None):
    """The dtype of typed keys (`jax.random.key_dtype`).

    >>> key_dtype()
    key<fry>
    """
    _resolve_impl(impl_spec)
    return key_fry


def clone(key) -> Array:
    """The same key, for a program that means to use it twice (`jax.random.clone`).

    >>> clone(PRNGKey(7))
    Array([0, 7], dtype=uint32)
    """
    return random_clone_p.bind(key)


def split(key, num: int | tuple[int, ...] = 2) -> Array:
    """New keys, `num` of them or an array of that shape, of one that must not be used again (`jax.random.split`).

    >>> split(key(0)).shape, split(PRNGKey(0), (3, 4)).shape
    ((2,), (3, 4, 2))
    """
    typed, raw = _checked_key("split", key)
    return _unwrapped(random_split_p.bind(typed, shape=canonicalize_shape(num)), raw)


def fold_in(key, data) -> Array:
    """A new key of a key and an integer of 32 bits, as the number of a step (`jax.random.fold_in`).

    >>> import minijax.numpy as jnp
    >>> jnp.array_equal(key_data(fold_in(key(0), 1)), key_data(fold_in(key(0), 2)))
    Array(False, dtype=bool)
    """
    typed, raw = _checked_key("fold_in", key)
    if shape_of(data):
        raise TypeError(
            f"fold_in accepts a scalar, but was given an array of shape {shape_of(data)} != ()."
            " Use jax.vmap for batching."
        )
    if isinstance(data, int) and not 0 <= data < 2**32:
        raise OverflowError(f"Python integer {data} out of bounds for uint32, the dtype that fold_in folds in.")
    data = np.uint32(data) if isinstance(data, (int, float)) else convert_element_type(data, np.uint32)
    return _unwrapped(random_fold_in_p.bind(typed, data), raw)


def _split_in_two(key: Array) -> tuple[Array, Array]:
    keys = random_split_p.bind(key, shape=(2,))
    first, second = (
        lax.squeeze(slice_p.bind(keys, start_indices=(i,), limit_indices=(i + 1,), strides=(1,)), (0,))
        for i in range(2)
    )
    return first, second


# ---------------------------------------------------------------------------------------------------------------------
# Arguments


def _dtype_of(name: str, dtype: Any, default: type, kind: type, described: str, error: type = ValueError):
    """The canonical dtype for what a user passed as `dtype=`, of a kind such as np.floating."""
    if dtype is not None:
        check_user_dtype_supported(dtype, name)
    dtype = canonicalize_dtype(default if dtype is None else dtype)
    if not issubdtype(dtype, kind):
        raise error(f"dtype argument to `{name}` must be {described} dtype, got {dtype.name}")
    return dtype


def _float_dtype(name: str, dtype: Any):
    return _dtype_of(name, dtype, float, np.floating, "a float")


def _shape_for(name: str, shape: Any, *parameter_shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the result, to which the parameters must broadcast; for None, what they broadcast to."""
    if shape is None:
        return broadcast_shapes(*parameter_shapes) if parameter_shapes else ()
    shape = canonicalize_shape(shape)
    together = broadcast_shapes(shape, *parameter_shapes)
    if together != shape:
        raise ValueError(
            f"{name} parameter shapes must be broadcast-compatible with shape argument, and the result of broadcasting"
            f" the shapes must equal the shape argument, but got result {together} for shape argument {shape}."
        )
    return shape


def _check_safe_to_cast(name: str, dtype: Any, *parameters: Any):
    for x in parameters:
        if dtypes.result_type(x, dtype) != dtype:
            raise TypePromotionError(
                f"In arguments to {name}, cannot safely cast argument of type {as_array(x).dtype.name} to {dtype.name}"
            )


class TypePromotionError(ValueError):
    """A parameter's dtype does not fit into that of the result."""


def _in_dtype(x: Any, dtype: Any) -> Array:
    # JAX's samplers are jitted: a Python number comes in as a weakly typed argument, which an equation converts.
    x = as_array(x)
    if x.dtype == dtype and not x.weak_type:
        return x
    return convert_element_type_p.bind(x, new_dtype=dtype, weak_type=False, sharding=None)


def _with_rank(x: Array, name: str, shape: tuple[int, ...]) -> Array:
    """A parameter with leading axes of size 1 up to the rank of the result."""
    if len(x.shape) > len(shape):
        raise TypeError(f"{name}: a parameter of shape {x.shape} has more axes than the result's shape {shape}.")
    return expand_dims(x, range(len(shape) - len(x.shape)))


def _concrete_int(x: Any, name: str) -> int:
    if isinstance(x, Tracer) and x.to_concrete_value() is None:
        raise TypeError(f"{name} must be known while tracing, as it gives the result's shape: mark it static for jit.")
    return int(x)


# ---------------------------------------------------------------------------------------------------------------------
# Bits, uniform numbers, integers


def bits(key, shape=(), dtype=None, *, out_sharding=None) -> Array:
    """Random bits, as unsigned integers, by default uint32 (`jax.random.bits`).

    >>> bits(key(0), (2,), 'uint8')
    Array([167, 146], dtype=uint8)
    """
    key, _ = _checked_key("bits", key)
    dtype = _dtype_of("bits", dtype, np.uint64, np.unsignedinteger, "an unsigned int")
    return random_bits_p.bind(key, bit_width=dtype.itemsize * 8, shape=canonicalize_shape(shape))


def uniform(key, shape=(), dtype=None, minval=0.0, maxval=1.0, *, out_sharding=None) -> Array:
    """Floats between `minval`, which can occur, and `maxval`, which cannot but by rounding (`jax.random.uniform`).

    dtype: a float dtype. minval, maxval: numbers or arrays that broadcast to `shape`.

    >>> uniform(key(0), (2,), minval=1., maxval=2.)
    Array([1.947667 , 1.9785799], dtype=float32)
    """
    key, _ = _checked_key("uniform", key)
    dtype = _float_dtype("uniform", dtype)
    return _uniform(key, canonicalize_shape(shape), dtype, minval, maxval)


def _uniform(key, shape, dtype, minval=0.0, maxval=1.0):
    minval, maxval = _in_dtype(minval, dtype), _in_dtype(maxval, dtype)
    minval, maxval = (_with_rank(x, "uniform", shape) for x in (minval, maxval))
    if any(d not in (1, s) for bound in (minval, maxval) for d, s in zip(bound.shape, shape)):
        raise TypeError(
            f"uniform: minval of shape {minval.shape} and maxval of shape {maxval.shape} must broadcast to shape"
            f" {shape}."
        )
    drawn = lax.add(lax.mul(_unit_floats(key, shape, dtype), lax.sub(maxval, minval)), minval)
    # Rounding may lead below minval. (The reshape changes nothing; JAX's jaxpr has it, for scalars.)
    return lax.max(minval, drawn if shape else reshape_p.bind(drawn, new_sizes=(), dimensions=None, sharding=None))


def _unit_floats(key, shape, dtype):
    """Floats in [0, 1): random bits as the mantissa of a number in [1, 2), less 1."""
    info = finfo(dtype)
    unsigned = np.dtype(f"uint{info.bits}")
    # bfloat16 has 7 bits of mantissa: it draws 8 bits, not 16.
    drawn = info.bits if info.nmant >= 8 else 8
    mantissa = random_bits_p.bind(key, bit_width=drawn, shape=shape)
    if drawn != info.bits:
        mantissa = convert_element_type(mantissa, unsigned)
    mantissa = lax.shift_right_logical(mantissa, unsigned.type(drawn - info.nmant))
    with_exponent = lax.bitwise_or(mantissa, np.array(1, dtype).view(unsigned)[()])
    return lax.sub(lax.bitcast_convert_type(with_exponent, dtype), np.array(1, dtype))


def _clipped_to(x: Array, dtype) -> Array:
    """Integers in another dtype; those that do not fit at its nearest end."""
    here, there = iinfo(x.dtype), iinfo(dtype)
    low, high = max(int(there.min), int(here.min)), min(int(there.max), int(here.max))
    low, high = (ArrayImpl(np.array(bound, x.dtype), x.weak_type) for bound in (low, high))
    return lax.convert_element_type(jnp.clip(x, low, high), dtype)


def _as_integers(x: Any) -> Array:
    x = as_array(x)
    return x if issubdtype(x.dtype, np.integer) else x.astype(int)


def randint(key, shape, minval, maxval, dtype=None, *, out_sharding=None) -> Array:
    """Integers from `minval` up to but without `maxval` (`jax.random.randint`).

    minval, maxval: integers or arrays of them that broadcast to `shape`; where maxval <= minval, minval comes out. A
    maxval beyond the dtype's range means one more than its greatest value. Raises TypeError for a dtype of floats.

    >>> randint(key(0), (5,), 0, 10)
    Array([9, 0, 2, 3, 1], dtype=int32)
    """
    key, _ = _checked_key("randint", key)
    if dtype is not None:
        check_user_dtype_supported(dtype, "randint")
    dtype = canonicalize_dtype(int if dtype is None else dtype)
    shape = canonicalize_shape(shape)
    if not issubdtype(dtype, np.integer):
        raise TypeError(f"randint only accepts integer dtypes, got {dtype.name}")
    check_arraylike("randint", minval, maxval)
    info, wide = iinfo(dtype), dtype
    if info.bits < 32:
        # Drawn as int32, so that a span as wide as the dtype fits.
        wide = np.dtype("int32")
        minval = as_array(minval).astype("int32").clip(int(info.min), int(info.max))
        maxval = as_array(maxval).astype("int32").clip(int(info.min), int(info.max) + 1)
    return _randint(key, shape, _as_integers(minval), _as_integers(maxval), wide).astype(dtype)


def _randint(key, shape, minval, maxval, dtype):
    _shape_for("randint", shape, minval.shape, maxval.shape)
    greatest = _clipped_to(as_array(np.array(iinfo(dtype).max, dtype)), maxval.dtype)
    whole_range = lax.gt(maxval, greatest)
    minval, maxval = _clipped_to(minval, dtype), _clipped_to(maxval, dtype)
    low, high = (expand_dims(x, range(len(shape) - len(x.shape))) for x in (minval, maxval))
    width = iinfo(dtype).bits
    higher, lower = (random_bits_p.bind(k, bit_width=width, shape=shape) for k in _split_in_two(key))
    span = _span(low, high, whole_range, np.dtype(f"uint{width}"))
    # (higher * 2^width + lower) modulo span: twice as many bits as the result has, so that its bias is small.
    multiplier = lax.rem(np.array(2 ** (width // 2), span.dtype), span)
    multiplier = lax.rem(lax.mul(multiplier, multiplier), span)
    offset = lax.rem(lax.add(lax.mul(lax.rem(higher, span), multiplier), lax.rem(lower, span)), span)
    return lax.add(low, lax.convert_element_type(offset, dtype))


def _span(low, high, whole_range, unsigned):
    """How many integers there are from low to high: 1 if none; 0, which stands for all, for the dtype's whole range."""
    span = lax.convert_element_type(high - low, unsigned)
    span = lax.select(high <= low, lax.full_like(span, 1), span)
    everything = whole_range & (high > low)
    return lax.select(jnp.broadcast_to(everything, span.shape), lax.add(span, np.array(1, unsigned)), span)


def bernoulli(key, p=0.5, shape=None, mode="low", *, out_sharding=None) -> Array:
    """True with probability `p`, an array of floats that broadcasts to `shape` (`jax.random.bernoulli`).

    mode: "high" draws twice as many bits, which a p below 1e-7 needs. Raises TypeError if p is not of a float dtype.

    >>> bernoulli(key(0), 0.5, (3,))
    Array([False, False,  True], dtype=bool)
    """
    shape = None if shape is None else canonicalize_shape(shape)
    if mode not in ("high", "low"):
        raise ValueError(f"got {mode=}, expected 'high' or 'low'")
    key, _ = _checked_key("bernoulli", key)
    dtype = canonicalize_dtype(dtypes.dtype(p))
    if not issubdtype(dtype, np.floating):
        raise TypeError(f"bernoulli probability `p` must have a floating dtype, got {dtype.name}.")
    p = convert_element_type(p, dtype)
    shape = _shape_for("bernoulli", shape, shape_of(p))
    if mode == "low":
        return _uniform(key, shape, dtype) < p
    coarse, fine = _uniform(key, (2, *shape), dtype)
    return fine * 2 ** -finfo(dtype).nmant < p - coarse


def rademacher(key, shape=(), dtype=None, *, out_sharding=None) -> Array:
    """-1 or 1, each half of the time (`jax.random.rademacher`).

    >>> rademacher(key(0), (3,))
    Array([-1, -1,  1], dtype=int32)
    """
    key, _ = _checked_key("rademacher", key)
    if dtype is not None:
        check_user_dtype_supported(dtype, "rademacher")
    dtype = canonicalize_dtype(int if dtype is None else dtype)
    return (2 * bernoulli(key, 0.5, canonicalize_shape(shape)).astype(dtype) - 1).astype(dtype)


# ---------------------------------------------------------------------------------------------------------------------
# Order and choice


def _shuffled(key, x: Array, axis: int) -> Array:
    """The elements sorted by random numbers: several times, so that equal numbers do not matter."""
    rounds = math.ceil(3 * math.log(max(1, x.size)) / math.log(2**32 - 1))
    for _ in range(rounds):
        key, subkey = _split_in_two(key)
        _, x = lax.sort_key_val(random_bits_p.bind(subkey, bit_width=32, shape=x.shape), x, axis)
    return x


def permutation(key, x, axis: int = 0, independent: bool = False, *, out_sharding=None) -> Array:
    """An array's elements along an axis, or range(x) for an integer, in random order (`jax.random.permutation`).

    independent: whether every row is shuffled by itself. Raises TypeError for a scalar that is not an integer.

    >>> permutation(key(0), 5)
    Array([0, 1, 4, 3, 2], dtype=int32)
    """
    key, _ = _checked_key("permutation", key)
    check_arraylike("permutation", x)
    axis = canonicalize_axis(axis, len(shape_of(x)) or 1)
    if not shape_of(x):
        if not issubdtype(dtypes.dtype(x), np.integer):
            raise TypeError("x must be an integer or at least 1-dimensional")
        return _shuffled(key, jnp.arange(_concrete_int(x, "argument x of jax.random.permutation()")), axis)
    x = as_array(x)
    if independent or len(x.shape) == 1:
        return _shuffled(key, x, axis)
    order = _shuffled(key, jnp.arange(x.shape[axis]), 0)
    return jnp.take(x, order, axis, unique_indices=True)


def choice(key, a, shape=(), replace: bool = True, p=None, axis: int = 0, mode=None) -> Array:
    """Random elements of an array along an axis, or of range(a) for an integer (`jax.random.choice`).

    replace: whether an element can be chosen twice. p: their probabilities, by default equal. mode: as in `gumbel`.
    Raises ValueError for more samples than elements without replacement, and for a `p` that is not one for each.

    >>> choice(key(0), 5, (3,))
    Array([4, 0, 2], dtype=int32)
    """
    key, _ = _checked_key("choice", key)
    if not isinstance(shape, Sequence):
        raise TypeError(f"shape argument of jax.random.choice must be a sequence, got {shape}")
    check_arraylike("choice", a)
    scalar = not shape_of(a)
    if scalar:
        size = _concrete_int(a, "argument a of jax.random.choice()")
    else:
        a = as_array(a)
        axis = canonicalize_axis(axis, len(a.shape))
        size = a.shape[axis]
    draws = math.prod(shape)
    if draws == 0:
        return jnp.zeros(shape, dtype=as_array(a).dtype)
    if size <= 0:
        raise ValueError("a must be greater than 0 unless no samples are taken")
    if not replace and draws > size:
        raise ValueError(
            f"Cannot take a larger sample (size {draws}) than population (size {size}) when 'replace=False'"
        )
    if p is None and not replace:
        result = permutation(key, size if scalar else a, axis)[(slice(None),) * axis + (slice(draws),)]
    else:
        chosen = randint(key, shape, 0, size) if p is None else _weighted(key, p, size, shape, replace, mode)
        result = chosen if scalar else jnp.take(a, chosen, axis)
    return result.reshape(shape if scalar else (*a.shape[:axis], *shape, *a.shape[axis + 1 :]))


def _weighted(key, p, size, shape, replace, mode):
    """Positions drawn with probabilities p."""
    check_arraylike("choice", p)
    (p,) = promote_dtypes_inexact(p)
    if p.shape != (size,):
        raise ValueError(
            "p must be None or a 1D vector with the same size as a.shape[axis]. p has shape"
            f" {p.shape} and a.shape[axis] is {size}."
        )
    if not replace:
        perturbed = gumbel(key, (size,), p.dtype, mode) + jnp.log(p)
        return lax.top_k(perturbed, math.prod(shape))[1].astype(int)
    cumulative = jnp.cumsum(p)
    drawn = cumulative[-1] * (1 - _uniform(key, tuple(shape), p.dtype))
    return jnp.searchsorted(cumulative, drawn).astype(int)


def categorical(
    key, logits, axis: int = -1, shape=None, replace: bool = True, mode=None, *, out_sharding=None
) -> Array:
    """Indices along an axis, with probabilities that are the softmax of `logits` (`jax.random.categorical`).

    shape: of the result, ending in the logits' shape without the axis, which is the default. replace: whether the
    samples along the leading axes can be equal. mode: as in `gumbel`.

    >>> import minijax.numpy as jnp
    >>> categorical(key(0), jnp.array([0., 1., 2.]), shape=(4,))
    Array([1, 1, 2, 1], dtype=int32)
    """
    key, _ = _checked_key("categorical", key)
    check_arraylike("categorical", logits)
    logits = as_array(logits)
    ndim = len(logits.shape)
    axis = canonicalize_axis(axis, ndim)
    batch_shape = logits.shape[:axis] + logits.shape[axis + 1 :]
    shape = _shape_for("categorical", shape, batch_shape)
    prefix = shape[: len(shape) - len(batch_shape)]
    if not replace:
        return _distinct_categories(key, logits, axis, prefix, shape, mode)
    noise_shape = list(shape[len(prefix) :])
    noise_shape.insert(axis, logits.shape[axis])
    noise = gumbel(key, (*prefix, *noise_shape), logits.dtype, mode)
    return jnp.argmax(noise + expand_dims(logits, range(len(prefix))), axis=axis - ndim)


def _distinct_categories(key, logits, axis, prefix, shape, mode):
    count = math.prod(prefix)
    if count > logits.shape[axis]:
        raise ValueError(
            f"Number of samples without replacement ({count}) cannot exceed number of categories"
            f" ({logits.shape[axis]})."
        )
    perturbed = logits + gumbel(key, logits.shape, logits.dtype, mode)
    _, indices = lax.top_k(jnp.moveaxis(perturbed, axis, -1), count)
    return jnp.moveaxis(indices, -1, 0).reshape(shape)


# ---------------------------------------------------------------------------------------------------------------------
# Distributions without parameters


def normal(key, shape=(), dtype=None, *, out_sharding=None) -> Array:
    """Standard normal numbers, of a float or complex dtype (`jax.random.normal`).

    A complex number has variance 1: its parts have 1/2 each.

    >>> normal(key(0), (3,))
    Array([ 1.6226422 ,  2.0252647 , -0.43359444], dtype=float32)
    """
    key, _ = _checked_key("normal", key)
    shape = canonicalize_shape(shape)
    dtype = _dtype_of("normal", dtype, float, np.inexact, "a float or complex")
    if not issubdtype(dtype, np.complexfloating):
        return _real_normal(key, shape, dtype)
    real_dtype = np.array(0, dtype).real.dtype
    real, imag = (_real_normal(k, shape, real_dtype).astype(dtype) for k in _split_in_two(key))
    return (real + 1j * imag) / np.array(np.sqrt(2), dtype)


def _real_normal(key, shape, dtype):
    # From the float after -1: erf_inv of -1 is -inf.
    low = np.nextafter(np.array(-1, dtype), np.array(0, dtype))
    drawn = _uniform(key, shape, dtype, low, np.array(1, dtype))
    return lax.mul(np.array(np.sqrt(2), dtype), lax.erf_inv(drawn))


def exponential(key, shape=(), dtype=None, *, out_sharding=None) -> Array:
    """Numbers with density exp(-x), x >= 0 (`jax.random.exponential`).

    >>> exponential(key(0), (2,)).shape
    (2,)
    """
    key, _ = _checked_key("exponential", key)
    drawn = _uniform(key, canonicalize_shape(shape), _float_dtype("exponential", dtype))
    return lax.neg(lax.log1p(lax.neg(drawn)))


def gumbel(key, shape=(), dtype=None, mode=None, *, out_sharding=None) -> Array:
    """Numbers with density exp(-x - exp(-x)) (`jax.random.gumbel`).

    mode: "low", the default, draws one uniform number for each; "high" and "highest" draw two, for the far tail.

    >>> gumbel(key(0), (2,)).shape
    (2,)
    """
    key, _ = _checked_key("gumbel", key)
    dtype = _float_dtype("gumbel", dtype)
    shape = canonicalize_shape(shape)
    mode = "low" if mode is None else mode
    if mode not in ("highest", "high", "low"):
        raise ValueError(f"Must provide valid mode for gumbel got: {mode}")
    if mode == "low":
        return -jnp.log(-jnp.log(_uniform(key, shape, dtype, minval=_tiny(dtype))))
    if mode == "highest" and dtype == np.float32:
        return _gumbel_of_64_bits(random_bits_p.bind(key, bit_width=32, shape=(2, *shape)))
    high, low = _uniform(key, (2, *shape), dtype)
    drawn = jnp.where(high >= 0.5, high, high + 2 ** -finfo(dtype).nmant * low + _tiny(dtype))
    return -jnp.log(-jnp.log1p(-drawn))


def _tiny(dtype):
    return np.array(finfo(dtype).tiny, dtype)


def _gumbel_of_64_bits(words):
    """From a 64-bit fraction u in two words: by -log(-log1p(-u)) for u < 1/2, by 1 - u, exact, for the rest."""
    inverted = lax.bitwise_not(words)
    carry = (inverted[1] == np.uint32(2**32 - 1)).astype(np.uint32)
    inverted = inverted + jnp.stack([carry, jnp.ones_like(carry)])
    below_half = words[0] < np.uint32(2**31)
    drawn = _fraction_to_float32(jnp.where(below_half, words, inverted))
    return jnp.where(below_half, -jnp.log(-jnp.log1p(-drawn)), -jnp.log(-jnp.log(drawn)))


def _leading_zeros(x):
    """How many zeros stand before the highest one in words of 32 bits."""
    for shift in (1, 2, 4, 8, 16):
        x = lax.bitwise_or(x, lax.shift_right_logical(x, np.uint32(shift)))
    return lax.sub(np.uint32(32), lax.population_count(x))


def _fraction_to_float32(words):
    """The fraction with these 64 bits after the point, cut to a float32, not rounded; its exponent is at least -126."""
    high, low = words
    zeros, low_zeros = _leading_zeros(high), _leading_zeros(low)
    from_low = jnp.where(
        zeros == 32, lax.shift_left(low, low_zeros), lax.shift_right_logical(low, np.uint32(32) - zeros)
    )
    mantissa = lax.bitwise_or(lax.shift_left(high, zeros), from_low)
    mantissa = (mantissa >> np.uint32(8)) & np.uint32((1 << 23) - 1)
    exponent = np.uint32(126) - jnp.where(zeros == 32, 32 + low_zeros, zeros)
    exponent = (exponent << np.uint32(23)) & np.uint32((1 << 30) - (1 << 22))
    return lax.bitcast_convert_type(exponent | mantissa, np.float32)


def laplace(key, shape=(), dtype=None, *, out_sharding=None) -> Array:
    """Numbers with density exp(-|x|) / 2 (`jax.random.laplace`).

    >>> laplace(key(0), (2,)).shape
    (2,)
    """
    key, _ = _checked_key("laplace", key)
    dtype = _float_dtype("laplace", dtype)
    low = np.array(-1 + finfo(dtype).epsneg, dtype)
    drawn = _uniform(key, canonicalize_shape(shape), dtype, low)
    return lax.mul(lax.sign(drawn), lax.log1p(lax.neg(lax.abs(drawn))))


def logistic(key, shape=(), dtype=None, *, out_sharding=None) -> Array:
    """Numbers whose distribution function is the logistic function (`jax.random.logistic`).

    >>> logistic(key(0), (2,)).shape
    (2,)
    """
    key, _ = _checked_key("logistic", key)
    dtype = _float_dtype("logistic", dtype)
    drawn = _uniform(key, canonicalize_shape(shape), dtype, _tiny(dtype))
    return lax.sub(lax.log(drawn), lax.log1p(lax.neg(drawn)))


def cauchy(key, shape=(), dtype=None, *, out_sharding=None) -> Array:
    """Numbers with density 1 / (pi (1 + x^2)) (`jax.random.cauchy`).

    >>> cauchy(key(0), (2,)).shape
    (2,)
    """
    key, _ = _checked_key("cauchy", key)
    dtype = _float_dtype("cauchy", dtype)
    drawn = _uniform(key, canonicalize_shape(shape), dtype, np.array(finfo(dtype).eps, dtype))
    return lax.tan(lax.mul(np.array(np.pi, dtype), lax.sub(drawn, np.array(0.5, dtype))))


def maxwell(key, shape=(), dtype=None, *, out_sharding=None) -> Array:
    """The length of three standard normal numbers as a vector (`jax.random.maxwell`).

    >>> maxwell(key(0), (2,)).shape
    (2,)
    """
    key, _ = _checked_key("maxwell", key)
    dtype = _float_dtype("maxwell", dtype)
    vectors = _real_normal(key, (*canonicalize_shape(shape), 3), dtype)
    return lax.sqrt(jnp.sum(vectors * vectors, axis=-1))


# ---------------------------------------------------------------------------------------------------------------------
# Distributions with parameters


def truncated_normal(key, lower, upper, shape=None, dtype=None, *, out_sharding=None) -> Array:
    """Normal numbers given that they lie between `lower` and `upper` (`jax.random.truncated_normal`).

    >>> truncated_normal(key(0), -2., 2., (3,)).round(3)
    Array([ 1.456,  1.715, -0.413], dtype=float32)
    """
    key, _ = _checked_key("truncated_normal", key)
    dtype = _float_dtype("truncated_normal", dtype)
    shape = _shape_for("truncated_normal", shape, shape_of(lower), shape_of(upper))
    sqrt2 = np.array(np.sqrt(2), dtype)
    lower, upper = _in_dtype(lower, dtype), _in_dtype(upper, dtype)
    drawn = _uniform(key, shape, dtype, lax.erf(lower / sqrt2), lax.erf(upper / sqrt2))
    drawn = lax.mul(sqrt2, lax.erf_inv(drawn))
    # Rounding may lead to the ends, or beyond: those are excluded.
    least = lax.nextafter(lax.stop_gradient(lower), np.array(np.inf, dtype))
    greatest = lax.nextafter(lax.stop_gradient(upper), np.array(-np.inf, dtype))
    return jnp.clip(drawn, least, greatest)


def pareto(key, b, shape=None, dtype=None, *, out_sharding=None) -> Array:
    """Numbers with density b / x^(b + 1), x >= 1 (`jax.random.pareto`).

    >>> pareto(key(0), 2., (3,)).shape
    (3,)
    """
    key, _ = _checked_key("pareto", key)
    dtype = _float_dtype("pareto", dtype)
    shape = _shape_for("pareto", shape, shape_of(b))
    _check_safe_to_cast("pareto", dtype, b)
    return lax.exp(exponential(key, shape, dtype) / _in_dtype(b, dtype))


def rayleigh(key, scale, shape=None, dtype=None, *, out_sharding=None) -> Array:
    """Numbers with density x exp(-x^2 / (2 scale^2)) / scale^2 (`jax.random.rayleigh`).

    >>> rayleigh(key(0), 1., (3,)).shape
    (3,)
    """
    key, _ = _checked_key("rayleigh", key)
    dtype = _float_dtype("rayleigh", dtype)
    shape = _shape_for("rayleigh", shape, shape_of(scale))
    _check_safe_to_cast("rayleigh", dtype, scale)
    drawn = _uniform(key, shape, dtype)
    scale = jnp.broadcast_to(convert_element_type(scale, dtype), shape)
    return lax.mul(scale, lax.sqrt(lax.mul(lax.log(drawn), np.array(-2, dtype))))


def weibull_min(key, scale, concentration, shape=(), dtype=None) -> Array:
    """`scale` times an exponential number to the power 1 / `concentration` (`jax.random.weibull_min`).

    >>> weibull_min(key(0), 1., 2., (3,)).shape
    (3,)
    """
    key, _ = _checked_key("weibull_min", key)
    dtype = _float_dtype("weibull_min", dtype)
    drawn = _uniform(key, canonicalize_shape(shape), dtype, 0, 1)
    return jnp.power(-jnp.log1p(-drawn), 1.0 / concentration) * scale


def triangular(key, left, mode, right, shape=None, dtype=None, *, out_sharding=None) -> Array:
    """Numbers whose density rises from `left` to `mode` and falls to `right` (`jax.random.triangular`).

    >>> triangular(key(0), 0., 0.5, 1., (3,)).shape
    (3,)
    """
    key, _ = _checked_key("triangular", key)
    dtype = _float_dtype("triangular", dtype)
    shape = _shape_for("triangular", shape, shape_of(left), shape_of(mode), shape_of(right))
    _check_safe_to_cast("triangular", dtype, left, mode, right)
    left, right, mode = (jnp.broadcast_to(convert_element_type(x, dtype), shape) for x in (left, right, mode))
    rising = (mode - left) / (right - left)
    drawn = _uniform(key, shape, dtype)
    below = left + lax.sqrt(drawn * (right - left) * (mode - left))
    above = right - lax.sqrt((1 - drawn) * (right - left) * (right - mode))
    return lax.select(drawn < rising, below, above)


_ONE = np.float32(1)


def lognormal(key, sigma=_ONE, shape=None, dtype=None, *, out_sharding=None) -> Array:
    """The exponential of normal numbers with standard deviation `sigma` (`jax.random.lognormal`).

    >>> lognormal(key(0), 1., (3,)).shape
    (3,)
    """
    key, _ = _checked_key("lognormal", key)
    dtype = _dtype_of("lognormal", dtype, float, np.inexact, "a float or complex")
    shape = _shape_for("lognormal", shape, shape_of(sigma))
    _check_safe_to_cast("lognormal", dtype, sigma)
    return lax.exp(normal(key, shape, dtype) * convert_element_type(sigma, dtype))


def double_sided_maxwell(key, loc, scale, shape=(), dtype=None) -> Array:
    """`loc` plus or minus `scale` times a Maxwell number (`jax.random.double_sided_maxwell`).

    The result's shape is `shape` followed by that of the parameters; the latter alone if `shape` is ().

    >>> double_sided_maxwell(key(0), 0., 1., (3,)).shape
    (3,)
    """
    key, _ = _checked_key("double_sided_maxwell", key)
    dtype = _float_dtype("double_sided_maxwell", dtype)
    parameters = broadcast_shapes(shape_of(loc), shape_of(scale))
    shape = (canonicalize_shape(shape) or parameters) + parameters
    of_length, of_sign = _split_in_two(key)
    return rademacher(of_sign, shape, dtype) * maxwell(of_length, shape, dtype) * scale + loc


def geometric(key, p, shape=None, dtype=None, *, out_sharding=None) -> Array:
    """How many trials with success probability `p` until the first success (`jax.random.geometric`).

    >>> geometric(key(0), 0.3, (3,))
    Array([1, 1, 4], dtype=int32)
    """
    key, _ = _checked_key("geometric", key)
    dtype = _dtype_of("geometric", dtype, int, np.integer, "an int")
    shape = _shape_for("geometric", shape, shape_of(p))
    check_arraylike("geometric", p)
    (p,) = promote_dtypes_inexact(p)
    drawn = _uniform(key, shape, p.dtype)
    failures = lax.log(jnp.where(drawn == 0, 1, drawn)) / jnp.broadcast_to(lax.log1p(-p), shape)
    return (lax.floor(failures) + 1).astype(dtype)


def wald(key, mean, shape=None, dtype=None, *, out_sharding=None) -> Array:
    """The inverse Gaussian distribution of that mean (`jax.random.wald`).

    >>> wald(key(0), 1., (3,)).shape
    (3,)
    """
    key, _ = _checked_key("wald", key)
    dtype = _float_dtype("wald", dtype)
    shape = _shape_for("wald", shape, shape_of(mean))
    _check_safe_to_cast("wald", dtype, mean)
    of_normal, of_uniform = _split_in_two(key)
    mean = jnp.broadcast_to(convert_element_type(mean, dtype), shape)
    y = lax.integer_pow(_real_normal(of_normal, shape, dtype), 2)
    mean_squared = lax.integer_pow(mean, 2)
    root = lax.sqrt(4 * mean * y + mean_squared * lax.integer_pow(y, 2))
    x = mean + mean_squared * y / 2 - mean / 2 * root
    return lax.select(_uniform(of_uniform, shape, dtype) <= mean / (mean + x), x, mean_squared / x)


# ---------------------------------------------------------------------------------------------------------------------
# By way of gamma numbers


def _gamma(key, a, shape, dtype, log_space: bool) -> Array:
    return random_gamma_p.bind(key, jnp.broadcast_to(_in_dtype(a, dtype), shape), log_space=log_space)


def gamma(key, a, shape=None, dtype=None, *, out_sharding=None) -> Array:
    """Numbers with density proportional to x^(a - 1) exp(-x), x > 0 (`jax.random.gamma`).

    a: positive numbers that broadcast to `shape`. There is no derivative by them here: asked for, it raises.

    >>> gamma(key(0), 3., (2,)).round(2)
    Array([2.57, 2.78], dtype=float32)
    """
    key, _ = _checked_key("gamma", key)
    dtype = _float_dtype("gamma", dtype)
    return _gamma(key, a, _shape_for("gamma", shape, shape_of(a)), dtype, log_space=False)


def loggamma(key, a, shape=None, dtype=None, *, out_sharding=None) -> Array:
    """The logarithm of gamma numbers, exact also where they underflow (`jax.random.loggamma`).

    >>> loggamma(key(0), 1e-3, (2,)).shape
    (2,)
    """
    key, _ = _checked_key("loggamma", key)
    dtype = _dtype_of("gamma", dtype, float, np.floating, "a float")
    return _gamma(key, a, _shape_for("gamma", shape, shape_of(a)), dtype, log_space=True)


def beta(key, a, b, shape=None, dtype=None, *, out_sharding=None) -> Array:
    """Numbers with density proportional to x^(a - 1) (1 - x)^(b - 1), 0 <= x <= 1 (`jax.random.beta`).

    >>> beta(key(0), 2., 3., (2,)).shape
    (2,)
    """
    key, _ = _checked_key("beta", key)
    dtype = _float_dtype("beta", dtype)
    _check_safe_to_cast("beta", dtype, a, b)
    shape = _shape_for("beta", shape, shape_of(a), shape_of(b))
    a, b = _in_dtype(a, dtype), _in_dtype(b, dtype)
    of_a, of_b = _split_in_two(key)
    log_a, log_b = _gamma(of_a, a, shape, dtype, True), _gamma(of_b, b, shape, dtype, True)
    largest = lax.max(log_a, log_b)
    scaled_a, scaled_b = jnp.exp(log_a - largest), jnp.exp(log_b - largest)
    return scaled_a / (scaled_a + scaled_b)


def dirichlet(key, alpha, shape=None, dtype=None, *, out_sharding=None) -> Array:
    """Vectors of positive numbers of sum 1, as long as the last axis of `alpha` (`jax.random.dirichlet`).

    shape: of the result without that axis; the other axes of `alpha` must broadcast to it.

    >>> dirichlet(key(0), np.ones(3, np.float32), (2,)).sum(-1).round(3)
    Array([1., 1.], dtype=float32)
    """
    key, _ = _checked_key("dirichlet", key)
    dtype = _float_dtype("dirichlet", dtype)
    if not shape_of(alpha):
        raise ValueError(f"dirichlet requires alpha.ndim >= 1, got alpha.ndim == {len(shape_of(alpha))}")
    shape = _shape_for("dirichlet", shape, shape_of(alpha)[:-1])
    logarithms = _gamma(key, alpha, (*shape, shape_of(alpha)[-1]), dtype, log_space=True)
    shifted = jnp.exp(logarithms - lax.stop_gradient(jnp.max(logarithms, -1, keepdims=True, initial=-np.inf)))
    return shifted / jnp.sum(shifted, -1, keepdims=True)


def chisquare(key, df, shape=None, dtype=None, *, out_sharding=None) -> Array:
    """Sums of squares of `df` standard normal numbers (`jax.random.chisquare`).

    >>> chisquare(key(0), 3., (2,)).shape
    (2,)
    """
    key, _ = _checked_key("chisquare", key)
    dtype = _float_dtype("chisquare", dtype)
    shape = _shape_for("chisquare", shape, shape_of(df))
    _check_safe_to_cast("chisquare", dtype, df)
    half = lax.div(_in_dtype(df, dtype), np.array(2, dtype))
    return lax.mul(jnp.exp(_gamma(key, half, shape, dtype, True)), np.array(2, dtype))


def f(key, dfnum, dfden, shape=None, dtype=None, *, out_sharding=None) -> Array:
    """Quotients of two chi-square numbers, each over its degrees of freedom (`jax.random.f`).

    >>> f(key(0), 3., 4., (2,)).shape
    (2,)
    """
    key, _ = _checked_key("f", key)
    dtype = _float_dtype("f", dtype)
    shape = _shape_for("f", shape, shape_of(dfnum), shape_of(dfden))
    _check_safe_to_cast("f", dtype, dfnum, dfden)
    dfden, dfnum = _in_dtype(dfden, dtype), _in_dtype(dfnum, dtype)
    of_denominator, of_numerator = _split_in_two(key)
    numerator = chisquare(of_numerator, dfnum, shape, dtype) / dfnum
    return numerator / (chisquare(of_denominator, dfden, shape, dtype) / dfden)


def t(key, df, shape=None, dtype=None, *, out_sharding=None) -> Array:
    """Student's t distribution with `df` degrees of freedom (`jax.random.t`).

    >>> t(key(0), 3., (2,)).shape
    (2,)
    """
    key, _ = _checked_key("t", key)
    dtype = _float_dtype("t", dtype)
    shape = _shape_for("t", shape, shape_of(df))
    _check_safe_to_cast("t", dtype, df)
    df = _in_dtype(df, dtype)
    of_normal, of_gamma = _split_in_two(key)
    numbers = _real_normal(of_normal, shape, dtype)
    half = lax.div(df, np.array(2, dtype))
    return numbers * jnp.sqrt(half / _gamma(of_gamma, half, shape, dtype, False))


def generalized_normal(key, p, shape=(), dtype=None, *, out_sharding=None) -> Array:
    """Numbers with density proportional to exp(-|x|^p) (`jax.random.generalized_normal`).

    >>> generalized_normal(key(0), 1.5, (2,)).shape
    (2,)
    """
    shape = canonicalize_shape(shape)
    key, _ = _checked_key("generalized_normal", key)
    dtype = _float_dtype("generalized_normal", dtype)
    of_size, of_sign = _split_in_two(key)
    sizes = _gamma(of_size, 1 / p, shape, dtype, False)
    return rademacher(of_sign, shape, dtype) * sizes ** (1 / p)


def ball(key, d, p=2, shape=(), dtype=None, *, out_sharding=None) -> Array:
    """Points evenly in the unit ball of `d` dimensions, in the norm of exponent `p` (`jax.random.ball`).

    Result: shape (*shape, d). d must be known while tracing.

    >>> ball(key(0), 2).round(2)
    Array([0.92, 0.39], dtype=float32)
    """
    shape = canonicalize_shape(shape)
    key, _ = _checked_key("ball", key)
    dtype = _float_dtype("ball", dtype)
    d = _concrete_int(d, "argument d of jax.random.ball()")
    of_direction, of_radius = _split_in_two(key)
    points = generalized_normal(of_direction, p, (*shape, d), dtype)
    spread = exponential(of_radius, shape, dtype)
    return points / expand_dims((jnp.sum(jnp.abs(points) ** p, -1) + spread) ** (1 / p), (len(shape),))


def __getattr__(name: str):
    reason = _LEFT_OUT.get(name)
    if reason is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def left_out(*args, **kwargs):
        raise NotImplementedError(f"jax.random.{name} is not in minijax: {reason}.")

    return left_out


_LEFT_OUT = {
    **dict.fromkeys(("binomial", "multinomial", "poisson"), "it needs a rejection loop"),
    "multivariate_normal": "it needs the Cholesky decomposition; multiply `normal` by a factor of the covariance",
    "orthogonal": "it needs the QR decomposition",
}

__all__ = [
    "PRNGKey",
    "ball",
    "bernoulli",
    "beta",
    "bits",
    "categorical",
    "cauchy",
    "chisquare",
    "choice",
    "clone",
    "dirichlet",
    "double_sided_maxwell",
    "exponential",
    "f",
    "fold_in",
    "gamma",
    "generalized_normal",
    "geometric",
    "gumbel",
    "key",
    "key_data",
    "key_dtype",
    "key_impl",
    "laplace",
    "loggamma",
    "logistic",
    "lognormal",
    "maxwell",
    "normal",
    "pareto",
    "permutation",
    "rademacher",
    "randint",
    "rayleigh",
    "split",
    "t",
    "triangular",
    "truncated_normal",
    "uniform",
    "wald",
    "weibull_min",
    "wrap_key_data",
]
