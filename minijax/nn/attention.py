"""`jax.nn.dot_product_attention`: the mean of values, weighted by how well their keys fit a query."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, overload

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..api.checkpoint import checkpoint
from ..core.traces import Array
from ..core.types import ArrayLike
from ..foundation.dtypes import finfo
from ..scipy.special import logsumexp
from .functions import softmax

# The logit of a pair that does not count. Large, but finite: where no key counts, the weights are equal.
LOWEST = -0.7 * float(finfo(np.float32).max)

# Above so many pairs (query, key), BLOCK queries go through at a time.
PAIRS_AT_ONCE = 2**18
BLOCK = 128


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

    Memory: if T * S is above 2^18, the queries go through in blocks of 128, each with the keys that local_window_size lets it see,
    or with all; the backward pass computes the logits of a block again. So the memory is linear in T and in S, beside a `mask` or
    `bias` of all pairs, forward and backward (M. N. Rabe and C. Staats, "Self-attention does not need O(n^2) memory", 2021); with
    a window, the time is too.

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
    masks = _Masks(is_causal, *lengths, window)
    if q.shape[1] <= BLOCK or q.shape[1] * k.shape[1] <= PAIRS_AT_ONCE:
        logits = _logits(q, k, bias, _seen(jnp.arange(q.shape[1]), jnp.arange(k.shape[1]), mask, masks), scale)
        out, residual = _weighted(logits, v)
    else:
        out, residual = _by_blocks(q, k, v, bias, mask, masks, scale)
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


class _Masks(NamedTuple):
    """The arguments that say by the places alone which keys a query sees."""

    is_causal: bool
    query_lengths: Array | None
    key_lengths: Array | None
    window: tuple[int, int] | None


def _seen(queries, keys, mask, masks: _Masks):
    """The mask of the pairs that count, of queries and keys at these places; it broadcasts to the logits. None if all count."""
    queries = queries[:, None]
    parts = [] if mask is None else [mask]
    if masks.is_causal:
        parts.append((keys <= queries)[None, None])
    if masks.window is not None:
        left, right = masks.window
        parts.append(((queries <= keys + left) & (queries >= keys - right))[None, None])
    if masks.query_lengths is not None:
        parts.append((queries < masks.query_lengths[:, None, None])[:, None])
    if masks.key_lengths is not None:
        parts.append((keys < masks.key_lengths[:, None, None])[:, None])
    seen = parts.pop() if parts else None
    for part in parts:
        seen = seen & part
    return seen


def _logits(q, k, bias, seen, scale):
    """The logits (batch, K, N / K, T, S), for heads in groups that share a key and a value."""
    batch, t, n, size = q.shape
    heads = k.shape[2]
    grouped = q.reshape(batch, t, heads, n // heads, size)
    logits_dtype = jnp.promote_types(q.dtype, np.float32)
    logits = jnp.einsum("btkgh,bskh->bkgts", grouped, k, preferred_element_type=logits_dtype)
    logits = logits * jnp.array(scale, logits.dtype)
    if bias is not None:
        logits = (logits + _by_group(bias, heads)).astype(logits.dtype)
    if seen is not None:
        logits = jnp.where(_by_group(seen, heads), logits, jnp.array(LOWEST, logits.dtype))
    return logits.astype(np.float32)


def _weighted(logits, v):
    """(the weighted values, log of the sums)."""
    batch, heads, groups, t, _ = logits.shape
    weights = softmax(logits, axis=-1).astype(v.dtype)
    out = jnp.einsum("bkgts,bskh->btkgh", weights, v).reshape(batch, t, heads * groups, -1)
    return out, _by_query(logsumexp(logits, axis=-1).astype(v.dtype))


def _by_query(sums):
    """(batch, K, N / K, T) as (batch, T, N)."""
    batch, heads, groups, t = sums.shape
    return jnp.transpose(sums.reshape(batch, heads * groups, t), (0, 2, 1))


def _by_group(x, heads: int):
    """(batch, N, T, S) as (batch, K, N / K, T, S)."""
    batch, n, t, s = x.shape
    return x[:, :, None] if n == 1 else x.reshape(batch, heads, n // heads, t, s)


# ---------------------------------------------------------------------------------------------------------------------
# Long sequences: a block of queries at a time


def _by_blocks(q, k, v, bias, mask, masks: _Masks, scale):
    """(the weighted values, log of the sums), with the logits of BLOCK queries in memory at a time."""
    t, s = q.shape[1], k.shape[1]
    window = masks.window
    width = s if window is None else min(s, BLOCK + sum(max(size, 0) for size in window))

    @checkpoint
    def block(first, q, bias, mask):
        """The results of the queries at `first` and after, with the keys that they can see."""
        start = 0 if width == s else jnp.clip(first - max(window[0], 0), 0, s - width)
        part = lambda x, axis: x if x is None or x.shape[axis] == 1 else lax.dynamic_slice_in_dim(x, start, width, axis)
        seen = _seen(first + jnp.arange(q.shape[1]), start + jnp.arange(width), part(mask, 3), masks)
        logits = _logits(q, part(k, 1), part(bias, 3), seen, scale)
        return _weighted(logits, v) if width == s else _weighted_beside(logits, part(v, 1), v)

    rows = (q, 1), (bias, 2), (mask, 2)
    whole = t // BLOCK * BLOCK
    blocks = [_cut(x, axis, whole) for x, axis in rows]
    each = [x if cut else None for x, cut in blocks]
    step = lambda first, *xs: block(first, *(x if cut else y for x, (y, cut) in zip(xs, blocks)))
    done = lax.map(lambda xs: step(*xs), (jnp.arange(0, whole, BLOCK), *each))
    done = [jnp.moveaxis(x, 0, 1).reshape(x.shape[1], whole, *x.shape[3:]) for x in done]
    if whole == t:
        return done
    rest = [x if x is None or x.shape[axis] == 1 else lax.slice_in_dim(x, whole, t, axis=axis) for x, axis in rows]
    return [jnp.concatenate(pair, axis=1) for pair in zip(done, block(whole, *rest))]


def _cut(x, axis: int, whole: int):
    """(x with its first `whole` places along the axis as blocks on a new leading axis, True), or (x, False) if x has no places."""
    if x is None or x.shape[axis] == 1:
        return x, False
    blocks = lax.slice_in_dim(x, 0, whole, axis=axis)
    blocks = blocks.reshape(*x.shape[:axis], whole // BLOCK, BLOCK, *x.shape[axis + 1 :])
    return jnp.moveaxis(blocks, axis, 0), True


def _weighted_beside(logits, part, v):
    """`_weighted` for logits of some keys, with their values `part`; no other key of v's counts.

    Where none of those counts either, all keys of v have equal weights, the logit of each being the lowest.
    """
    lowest = np.float32(LOWEST)
    highest = lax.stop_gradient(jnp.max(logits, axis=-1, keepdims=True))
    none = (highest <= lowest).astype(np.float32)
    weights = jnp.exp(logits - jnp.maximum(highest, lowest))
    sums = weights.sum(-1, keepdims=True) + none * (v.shape[1] - part.shape[1])
    others = v.sum(1, dtype=np.float32) - part.sum(1, dtype=np.float32)
    out = jnp.einsum("bkgts,bskh->btkgh", (weights / sums).astype(v.dtype), part)
    out = out + jnp.einsum("bkgt,bkh->btkgh", (none / sums)[..., 0], others).astype(v.dtype)
    batch, heads, groups, t, _ = logits.shape
    residual = jnp.log(sums) + jnp.maximum(highest, lowest)
    return out.reshape(batch, t, heads * groups, -1), _by_query(residual[..., 0].astype(v.dtype))


__all__ = ["dot_product_attention"]
