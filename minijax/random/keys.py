"""Keys: functions that make them of seeds, split them, and check them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import lax
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation.config import config
from ..foundation.dtypes import issubdtype, key_fry, prng_key
from ..numpy.util import as_array, canonicalize_shape, is_arraylike
from ..primitives.basis import shape_of
from ..primitives.elementwise import convert_element_type
from ..primitives.random_bits import (
    PRNGImpl,
    random_clone_p,
    random_fold_in_p,
    random_seed_p,
    random_split_p,
    random_unwrap_p,
    random_wrap_p,
    threefry,
)
from ..primitives.shapes import slice_p


def _is_key(x: Any) -> bool:
    return isinstance(x, Array) and issubdtype(x.dtype, prng_key)


def checked_key(name: str, key: Any, allow_batched: bool = False) -> Array:
    """The key as a typed key. Raises TypeError for other objects, and ValueError for an array of keys unless `allow_batched`;
    `name` is the function that the error names."""
    given = key
    if not _is_key(key):
        if not is_arraylike(key):
            raise TypeError(f"unexpected PRNG key type {type(key)}: make keys with jax.random.key(seed).")
        if not hasattr(key, "dtype"):
            raise TypeError(
                "JAX encountered invalid PRNG key data: expected key_data to have ndim, shape, and dtype attributes."
                f" Got {key}; make keys with jax.random.key(seed)."
            )
        key = random_wrap_p.bind(key, impl=threefry)
        if (wanted := config.jax_legacy_prng_key) != "allow":
            _legacy(wanted)
    if key.shape and not allow_batched:
        raise ValueError(
            f"{name} accepts a single key, but was given a key array of shape {given.shape} != ()."
            " Use jax.vmap for batching."
        )
    return key


def _legacy(wanted: str):
    text = (
        "Legacy uint32 key array passed as key to jax.random function. Please create keys using jax.random.key(). If use of a"
        ' raw key array was intended, set jax_legacy_prng_key="allow".'
    )
    if wanted == "error":
        raise ValueError(text)
    warnings.warn(text, stacklevel=3)


def _as_given(keys: Array, given: Any) -> Array:
    """The typed keys; or, if the user gave a raw key, the same keys as raw ones."""
    return keys if _is_key(given) else random_unwrap_p.bind(keys)


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
    if seed is None:
        raise ValueError(f"{name} accepts a scalar seed: None is not a valid value for jnp.array.")
    if shape_of(seed):
        raise TypeError(
            f"{name} accepts a scalar seed, but was given an array of shape {shape_of(seed)} != ()."
            " Use jax.vmap for batching"
        )
    # Convert a Python seed by int64: without x64, that cuts it to its low 32 bits, as JAX does, where int32 would raise.
    seed = as_array(np.int64(seed) if isinstance(seed, int) else seed)
    return random_seed_p.bind(seed, impl=impl)


def key(seed: int | ArrayLike, *, impl: str | None = None, dtype: Any = None) -> Array:
    """A typed key, a scalar array of dtype `key<fry>`, from an integer (`jax.random.key`).

    Without x64 the seed is taken modulo 2^32. Raises TypeError for a seed that is not a scalar integer.

    >>> key(42)
    Array((), dtype=key<fry>) overlaying:
    [ 0 42]
    """
    return _seeded("key", seed, _one_impl("jax.random.key", impl, dtype))


def PRNGKey(seed: int | ArrayLike, *, impl: str | None = None) -> Array:
    """A raw key, two words of uint32, from an integer (`jax.random.PRNGKey`).

    >>> PRNGKey(42)
    Array([ 0, 42], dtype=uint32)
    """
    return random_unwrap_p.bind(_seeded("PRNGKey", seed, _resolve_impl(impl)))


def key_data(keys: ArrayLike) -> Array:
    """The words of keys, an array of uint32 of shape (*keys.shape, 2) (`jax.random.key_data`).

    >>> key_data(key(7))
    Array([0, 7], dtype=uint32)
    """
    return random_unwrap_p.bind(checked_key("key_data", keys, allow_batched=True))


def wrap_key_data(key_bits_array: ArrayLike, *, impl: str | None = None, dtype: Any = None) -> Array:
    """Typed keys made of their words, an array of uint32 whose last axis has size 2 (`jax.random.wrap_key_data`).

    >>> wrap_key_data(PRNGKey(7))
    Array((), dtype=key<fry>) overlaying:
    [0 7]
    """
    return random_wrap_p.bind(key_bits_array, impl=_one_impl("jax.random.wrap_key_data", impl, dtype))


def key_impl(keys: ArrayLike) -> str:
    """The name of the keys' generator (`jax.random.key_impl`).

    >>> key_impl(key(0))
    'threefry2x32'
    """
    checked_key("key_impl", keys, allow_batched=True)
    return threefry.name


def key_dtype(impl_spec: Any = None) -> Any:
    """The dtype of typed keys (`jax.random.key_dtype`).

    >>> key_dtype()
    key<fry>
    """
    _resolve_impl(impl_spec)
    return key_fry


def clone(key: ArrayLike) -> Array:
    """The same key, for a program that means to use it twice (`jax.random.clone`).

    >>> clone(PRNGKey(7))
    Array([0, 7], dtype=uint32)
    """
    return random_clone_p.bind(key)


def for_another_use(key: Array) -> Array:
    """The key for the second of two samplers, of which one gives the result: a clone where `debug_key_reuse` follows the keys."""
    return clone(key) if config.jax_debug_key_reuse else key


def split(key: ArrayLike, num: int | tuple[int, ...] = 2) -> Array:
    """`num` new keys, or an array of keys of that shape, made of a key that must not be used again (`jax.random.split`).

    >>> split(key(0)).shape, split(PRNGKey(0), (3, 4)).shape
    ((2,), (3, 4, 2))
    """
    typed = checked_key("split", key)
    return _as_given(random_split_p.bind(typed, shape=canonicalize_shape(num)), key)


def fold_in(key: ArrayLike, data: int | ArrayLike) -> Array:
    """A new key made of a key and an integer of 32 bits, such as the number of a step (`jax.random.fold_in`).

    >>> import minijax.numpy as jnp
    >>> jnp.array_equal(key_data(fold_in(key(0), 1)), key_data(fold_in(key(0), 2)))
    Array(False, dtype=bool)
    """
    typed = checked_key("fold_in", key)
    if shape_of(data):
        raise TypeError(
            f"fold_in accepts a scalar, but was given an array of shape {shape_of(data)} != ()."
            " Use jax.vmap for batching."
        )
    if isinstance(data, int) and not 0 <= data < 2**32:
        raise OverflowError(f"Python integer {data} out of bounds for uint32, the dtype that fold_in folds in.")
    data = np.uint32(data) if isinstance(data, (int, float)) else convert_element_type(data, np.uint32)
    return _as_given(random_fold_in_p.bind(typed, data), key)


def split_in_two(key: Array) -> tuple[Array, Array]:
    keys = random_split_p.bind(key, shape=(2,))
    first, second = (
        lax.squeeze(slice_p.bind(keys, start_indices=(i,), limit_indices=(i + 1,), strides=(1,)), (0,))
        for i in range(2)
    )
    return first, second
