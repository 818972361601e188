"""`jax.nn.dot_product_attention`: the mean of values, weighted by how well their keys fit a query."""

from __future__ import annotations

import math
from typing import Any, Literal, overload

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation.dtypes import finfo
from ..scipy.special import logsumexp
from .functions import softmax


@overload
def dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    bias: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    *,
    scale: float | None = None,
    is_causal: bool = False,
    query_seq_lengths: ArrayLike | None = None,
    key_value_seq_lengths: ArrayLike | None = None,
    local_window_size: int | tuple[int, int] | None = None,
    implementation: str | None = None,
    return_residual: Literal[False] = False,
) -> Array: ...
@overload
def dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    bias: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    *,
    scale: float | None = None,
    is_causal: bool = False,
    query_seq_lengths: ArrayLike | None = None,
    key_value_seq_lengths: ArrayLike | None = None,
    local_window_size: int | tuple[int, int] | None = None,
    implementation: str | None = None,
    return_residual: Literal[True],
) -> tuple[Array, Array]: ...
def dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    bias: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    *,
    scale: float | None = None,
    is_causal: bool = False,
    query_seq_lengths: ArrayLike | None = None,
    key_value_seq_lengths: ArrayLike | None = None,
    local_window_size: int | tuple[int, int] | None = None,
    implementation: str | None = None,
    return_residual: bool = False,
) -> Any:
    """softmax(scale * query . key + bias) . value over the keys (`jax.nn.dot_product_attention`; A. Vaswani and others,
    "Attention is all you need", 2017).

    query: (batch, T, N, H), for T places, N heads, H numbers each. key, value: (batch, S, K, H); each of their K heads serves
    N / K heads of the query. Without a batch axis, (T, N, H) and (S, K, H). bias: added to the logits; mask: True for the pairs
    that count; both broadcast to (batch, N, T, S). scale: 1 / sqrt(H) by default. is_causal: a query sees the keys up to its own
    place. query_seq_lengths, key_value_seq_lengths: int32, how many places of each sequence count. local_window_size: how many
    keys to the left and to the right of its place a query sees. implementation: None or "xla"; there is one. return_residual:
    return the logarithm of the softmax's sum too, of shape (batch, T, N).

    Raises ValueError for shapes and dtypes that do not fit.

    >>> x = jnp.ones((3, 1, 2))
    >>> dot_product_attention(x, x, x).shape
    (3, 1, 2)
    """
    shape = jnp.shape(query)
    q, k, v = map(_with_batch, (query, key, value))
    bias, mask = (None if x is None else _with_batch(x) for x in (bias, mask))
    lengths = [None if x is None else jnp.asarray(x) for x in (query_seq_lengths, key_value_seq_lengths)]
    if implementation not in (None, "xla"):
        raise ValueError(f"Unsupported implementation option: {implementation}")
    batch, _, heads, size = _four_axes(k, "key")
    _check(v, k.shape, k.dtype, "value")
    _check(q, (batch, -1, -1, size), k.dtype, "query")
    _check(mask, (-1,) * 4, np.dtype(bool), "mask")
    _check(bias, (-1,) * 4, None, "bias")
    for x, name in zip(lengths, ("query_seq_lengths", "key_value_seq_lengths")):
        _check(x, (batch,), np.dtype("int32"), name)
    if q.shape[2] % heads:
        raise ValueError(
            f"The number of query heads must be a multiple of key/value heads, but got {q.shape[2]} vs {heads}"
        )
    scale = 1 / math.sqrt(size) if scale is None else scale
    window = (local_window_size,) * 2 if isinstance(local_window_size, int) else local_window_size
    _check_broadcasts(mask, (batch, q.shape[2], q.shape[1], k.shape[1]), "mask")
    seen = _seen(q.shape[1], k.shape[1], mask, is_causal, *lengths, window)
    out, residual = _attention(q, k, v, bias, seen, scale)
    if lengths[0] is not None:
        out = out * (jnp.arange(q.shape[1]) < lengths[0][:, None])[:, :, None, None].astype(out.dtype)
    out = out.reshape(shape)
    return (out, lax.stop_gradient(residual).reshape(shape[:-1])) if return_residual else out


def _with_batch(x: ArrayLike) -> Array:
    x = jnp.asarray(x)
    return x.reshape((1,) * (4 - x.ndim) + x.shape)


def _four_axes(x: Array, name: str) -> tuple[int, ...]:
    if x.ndim != 4:
        raise ValueError(f"{name} ndim should be 4, but got {x.ndim}")
    return x.shape


def _check(x: Array | None, shape: tuple[int, ...], dtype, name: str):
    """Raise ValueError unless x has the shape, where -1 is any size, and the dtype."""
    if x is None:
        return
    if x.ndim != len(shape):
        raise ValueError(f"{name} ndim should be {len(shape)}, but got {x.ndim}")
    if dtype is not None and x.dtype != dtype:
        raise ValueError(f"{name} dtype should be {dtype}, but got {x.dtype}")
    if any(wanted not in (-1, size) for wanted, size in zip(shape, x.shape)):
        raise ValueError(f"{name} shape should be {list(shape)}: but got {x.shape}")


def _check_broadcasts(x: Array | None, shape: tuple[int, ...], name: str):
    """Raise TypeError unless x can be repeated to the shape of the logits."""
    if x is not None and any(size not in (1, wanted) for size, wanted in zip(x.shape, shape)):
        raise TypeError(f"{name} of shape {x.shape} does not broadcast to the shape of the logits, {shape}.")


def _seen(t: int, s: int, mask, is_causal: bool, query_lengths, key_lengths, window):
    """The mask of the pairs (query, key) that count, which broadcasts to (batch, heads, t, s); None if all do."""
    queries, keys = jnp.arange(t)[:, None], jnp.arange(s)
    parts = [] if mask is None else [mask]
    if is_causal:
        parts.append((keys <= queries)[None, None])
    if window is not None:
        left, right = window
        parts.append(((queries <= keys + left) & (queries >= keys - right))[None, None])
    if query_lengths is not None:
        parts.append((queries < query_lengths[:, None, None])[:, None])
    if key_lengths is not None:
        parts.append((keys < key_lengths[:, None, None])[:, None])
    seen = parts.pop() if parts else None
    for part in parts:
        seen = seen & part
    return seen


def _attention(q, k, v, bias, seen, scale):
    """(the weighted values, log of the sums), for heads in groups that share a key and a value."""
    batch, t, n, size = q.shape
    heads = k.shape[2]
    grouped = q.reshape(batch, t, heads, n // heads, size)
    logits_dtype = jnp.promote_types(q.dtype, np.float32)
    logits = jnp.einsum("btkgh,bskh->bkgts", grouped, k, preferred_element_type=logits_dtype)
    logits = logits * jnp.array(scale, logits.dtype)
    if bias is not None:
        logits = (logits + _by_group(bias, heads)).astype(logits.dtype)
    if seen is not None:
        # Large, but finite: where no key counts, the weights are equal.
        lowest = -0.7 * min(float(finfo(logits.dtype).max), float(finfo(np.float32).max))
        logits = jnp.where(_by_group(seen, heads), logits, jnp.array(lowest, logits.dtype))
    logits = logits.astype(np.float32)
    weights = softmax(logits, axis=-1).astype(k.dtype)
    out = jnp.einsum("bkgts,bskh->btkgh", weights, v).reshape(q.shape)
    sums = logsumexp(logits, axis=-1).astype(k.dtype)
    return out, jnp.transpose(sums.reshape(batch, n, t), (0, 2, 1))


def _by_group(x, heads: int):
    """(batch, N, T, S) as (batch, K, N / K, T, S)."""
    batch, n, t, s = x.shape
    return x[:, :, None] if n == 1 else x.reshape(batch, heads, n // heads, t, s)


__all__ = ["dot_product_attention"]
