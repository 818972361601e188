"""`device_put`, `device_get`, `block_until_ready`: they move arrays to and from the device, or wait for them."""

from __future__ import annotations

from types import NoneType
from typing import Any

import numpy as np

from ..core.array import ArrayImpl
from ..core.traces import Tracer, check_not_leaked, given
from ..foundation.dtypes import key_fry
from ..foundation.meshes import context
from ..foundation.pytrees import broadcast_prefix, tree_flatten, tree_leaves, tree_map, tree_unflatten
from ..foundation.sharding import IndivisibleError, NamedSharding, PartitionSpec, Sharding, resolved
from ..lowering.device_arrays import placed
from .arguments import as_operand


def device_get(x: Any) -> Any:
    """The arrays of a pytree as NumPy arrays (`jax.device_get`). Tracers, which have no values, random keys and Python's numbers
    stay as they are.

    >>> import minijax.numpy as jnp
    >>> device_get({'a': jnp.arange(3)})
    {'a': array([0, 1, 2], dtype=int32)}
    """

    def get(leaf):
        if isinstance(leaf, Tracer):
            check_not_leaked(leaf)
            return leaf
        # Python's numbers, and what else is no array, stay what they are; so do random keys, of which NumPy has none.
        return np.asarray(leaf) if hasattr(leaf, "__array__") and getattr(leaf, "dtype", None) is not key_fry else leaf

    return tree_map(get, x)


def device_put(x: Any, device: Any = None, *, src: Any = None, donate: Any = False, may_alias: Any = None) -> Any:
    """The NumPy arrays and numbers of a pytree as arrays (`jax.device_put`).

    device: a device, a sharding, a spec of the mesh that `set_mesh` named, or a pytree of these with the structure of `x` or of
    its top; `x.sharding` tells it. Values stay in the computer's memory, so `src`, `donate` and `may_alias` change nothing, and
    neither does the placement of a tracer. Raises ValueError for another kind of device, for a tree of another structure, and
    if an array cannot be cut as the sharding says.

    >>> import numpy as np
    >>> device_put([np.float32(1.0), 2])
    [Array(1., dtype=float32), Array(2, dtype=int32, weak_type=True)]
    """
    leaves, definition = tree_flatten(x)
    try:
        places = broadcast_prefix(device, x, is_leaf=lambda p: p is None)
    except ValueError as error:
        raise ValueError(
            f"device_put device specification must be a tree prefix of the corresponding value; got {device} for {definition}."
        ) from error
    return tree_unflatten(definition, [_put(leaf, place) for leaf, place in zip(leaves, places)])


def _put(x: Any, place: Any):
    sharding = resolved(place, "jax.device_put")
    array = given(as_operand(x))
    if sharding is None:
        return array
    try:
        sharding.shard_shape(array.shape)
        return placed(array, sharding) if isinstance(array, ArrayImpl) else array
    except IndivisibleError:
        raise
    except ValueError as error:
        raise ValueError(
            f"One of device_put args is incompatible with its sharding annotation {sharding}: {error}"
        ) from error


def with_sharding_constraint(x: Any, shardings: Any) -> Any:
    """The pytree, with its arrays placed as the shardings say (`jax.lax.with_sharding_constraint`).

    shardings: a sharding, a spec of the mesh that `set_mesh` or `with mesh:` named, or a pytree of these. It changes no value;
    within a traced function it does nothing. Raises ValueError if an array has too few axes, or if an array that is no tracer
    cannot be cut as the sharding says; RuntimeError for a spec without a mesh; TypeError for what is neither.

    >>> import minijax as jax
    >>> sharding = jax.NamedSharding(jax.make_mesh((1,), ("x",)), jax.P("x"))
    >>> with_sharding_constraint(jax.numpy.ones(2), sharding).sharding.spec
    P('x',)
    """
    leaves, definition = tree_flatten(x)
    places = broadcast_prefix(shardings, x, is_leaf=lambda p: p is None)
    return tree_unflatten(definition, [_constrained(*pair) for pair in zip(leaves, places)])


def reshard(xs: Any, out_shardings: Any) -> Any:
    """The arrays of a pytree, placed otherwise (`jax.sharding.reshard`, `jax.reshard`): `device_put`, as types carry no sharding.

    >>> import minijax as jax
    >>> sharding = jax.NamedSharding(jax.make_mesh((1,), ("x",)), jax.P())
    >>> reshard(jax.numpy.ones(2), sharding).sharding.is_fully_replicated
    True
    """
    return device_put(xs, out_shardings)


def _constrained(x: Any, place: Any):
    if not isinstance(place, (Sharding, PartitionSpec, NoneType)):
        raise TypeError(
            f"shardings leaf specifications are expected to be PartitionSpec instances or None, but got {place}"
        )
    if isinstance(place, PartitionSpec):
        if context.mesh is None and not context.entered:
            raise RuntimeError(
                "with_sharding_constraint requires a non-empty mesh in context if you are passing `PartitionSpec`s to shardings."
                " You can define a context mesh via `jax.set_mesh(mesh)`. Alternatively, provide `Sharding`s to shardings and then"
                " the mesh context manager is not required."
            )
        place = NamedSharding(context.entered[-1] if context.mesh is None else context.mesh, place)
    array = given(as_operand(x))
    if place is None:
        return array
    place.parts(array.ndim)
    return placed(array, place) if isinstance(array, ArrayImpl) else array


def block_until_ready(x: Any) -> Any:
    """The pytree, as soon as its arrays are computed (`jax.block_until_ready`). Only arrays of XLA can make it wait.

    >>> import minijax.numpy as jnp
    >>> block_until_ready(jnp.arange(3))
    Array([0, 1, 2], dtype=int32)
    """
    for leaf in tree_leaves(x):
        if isinstance(leaf, ArrayImpl):
            leaf.block_until_ready()
        elif isinstance(leaf, Tracer):
            check_not_leaked(leaf)
    return x


__all__ = ["block_until_ready", "device_get", "device_put", "reshard", "with_sharding_constraint"]
