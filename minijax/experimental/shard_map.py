"""`shard_map` with the arguments that it had before it was `jax.shard_map` (`jax.experimental.shard_map`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..api import shard_map as _api
from ..foundation.doors import at_the_door
from ..foundation.meshes import Mesh


def shard_map(
    f: Callable[..., Any], mesh: Mesh, in_specs: Any, out_specs: Any, check_rep: bool = True
) -> Callable[..., Any]:
    """`jax.shard_map`; check_rep is its check_vma (`jax.experimental.shard_map.shard_map`).

    >>> import minijax as jax
    >>> import minijax.numpy as jnp
    >>> shard_map(lambda x: 2 * x, jax.make_mesh((1,), ("i",)), jax.P("i"), jax.P("i"))(jnp.ones(2))
    Array([2., 2.], dtype=float32)
    """
    return _api.shard_map(f, mesh=mesh, in_specs=in_specs, out_specs=out_specs, check_vma=check_rep)


__all__ = ["shard_map"]

at_the_door(globals())
