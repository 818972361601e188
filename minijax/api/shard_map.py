"""`shard_map`: the program of one device, on the blocks of whole arrays (`jax.shard_map`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from functools import partial
from typing import Any

from ..calls.shard_map import enclosing_device_axis, on_each_device, shard_map_p
from ..core.staging import closed, convert_constvars, trace_to_jaxpr
from ..core.traces import get_aval
from ..foundation.meshes import Mesh, get_mesh
from ..foundation.pytrees import flatten_axes, tree_flatten, tree_unflatten
from ..foundation.sharding import PartitionSpec, block_aval
from ..foundation.wrapping import wraps
from ..transforms.vmap import Axis, batch_jaxpr
from .arguments import as_operand, as_output, check_callable, function_name


def shard_map(
    f: Callable[..., Any] | None = None,
    /,
    *,
    out_specs: Any,
    in_specs: Any = None,
    mesh: Mesh | None = None,
    axis_names: Set[Any] = frozenset(),
    check_vma: bool = True,
) -> Callable[..., Any]:
    """A function of whole arrays that runs `f` on each device of a mesh: `f` gets the device's blocks of the arguments, and may use
    collectives along the mesh's axis (`jax.shard_map`). Without `f`, a decorator.

    in_specs, out_specs: trees of `PartitionSpec`, prefixes of the arguments and of the result: an array that names the axis of the
    mesh is cut into blocks along that axis; another one is given to every device whole. mesh: without one, that of `set_mesh`.
    check_vma: whether to refuse a result that is declared to be the same on every device, and may not be.

    Raises NotImplementedError for a mesh of several axes; ValueError if an axis of an array is no multiple of the number of
    devices, and for what check_vma refuses.

    >>> import minijax as jax
    >>> import minijax.numpy as jnp
    >>> mesh, P = jax.make_mesh((1,), ("i",)), jax.P
    >>> total = jax.shard_map(lambda x: jax.lax.psum(x.sum(), "i"), mesh=mesh, in_specs=P("i"), out_specs=P())
    >>> total(jnp.arange(4.0))
    Array(6., dtype=float32)
    """
    if f is None:
        options = {
            "out_specs": out_specs,
            "in_specs": in_specs,
            "mesh": mesh,
            "axis_names": axis_names,
            "check_vma": check_vma,
        }
        return partial(shard_map, **options)
    check_callable(f)

    @wraps(f)
    def of_whole_arrays(*args):
        devices = _mesh(mesh, axis_names)
        leaves, in_tree = tree_flatten(args)
        flat = [as_operand(x) for x in leaves]
        specs = _specs("in_specs", in_tree, in_specs, devices)
        for i, (x, spec) in enumerate(zip(flat, specs)):
            _check_cut(f"argument {i} of {function_name(f)}", get_aval(x).shape, spec, devices.size)
        out_tree = None

        def of_blocks(*blocks):
            nonlocal out_tree
            leaves, out_tree = tree_flatten(f(*tree_unflatten(in_tree, blocks)))
            return [as_output(x, f) for x in leaves]

        avals = [block_aval(get_aval(x), spec, devices) for x, spec in zip(flat, specs)]
        jaxpr, consts = on_each_device(devices, trace_to_jaxpr, of_blocks, avals)
        of_results = _specs("out_specs", out_tree, out_specs, devices)
        for i, (v, spec) in enumerate(zip(jaxpr.outvars, of_results)):
            _check_cut(f"result {i} of {function_name(f)}", v.aval.shape, spec, 1)
        specs = (PartitionSpec(),) * len(consts) + specs
        program = closed(convert_constvars(jaxpr))
        if check_vma:
            _check_same(f, program, specs, of_results, devices)
        outs = shard_map_p.bind(
            *consts,
            *flat,
            check_vma=check_vma,
            in_specs=specs,
            jaxpr=program,
            mesh=devices,
            newly_manual_axes=frozenset(devices.axis_names),
            out_specs=of_results,
        )
        return tree_unflatten(out_tree, outs)

    return of_whole_arrays


def _mesh(mesh: Mesh | None, axis_names: Set[Any]) -> Mesh:
    mesh = get_mesh() if mesh is None else mesh
    if not isinstance(mesh, Mesh) or mesh.empty:
        raise ValueError(
            "shard_map needs a mesh of devices: give `mesh=jax.make_mesh((n,), (name,))`, or name one by `jax.set_mesh`."
        )
    outer = enclosing_device_axis()
    if len(mesh.axis_names) > 1 or outer is not None:
        raise NotImplementedError(
            f"shard_map of minijax maps over one axis of devices, once; got a mesh of the axes {mesh.axis_names}"
            + ("." if outer is None else f" within the program of one device of axis {outer.name!r}.")
        )
    if not set(axis_names) <= set(mesh.axis_names):
        raise ValueError(f"axis_names {set(axis_names)} are not those of the mesh, {mesh.axis_names}.")
    return mesh


def _specs(name: str, tree, specs: Any, mesh: Mesh) -> tuple[PartitionSpec, ...]:
    """The specification of each leaf."""
    found = tuple(flatten_axes(f"shard_map {name}", tree, specs))
    for spec in found:
        if not isinstance(spec, PartitionSpec):
            raise TypeError(f"shard_map {name} must be a tree of jax.sharding.PartitionSpec, got {spec!r}.")
        named = [entry for entry in spec if entry is not None]
        if named not in ([], [mesh.axis_name]):
            raise ValueError(
                f"shard_map {name}: {spec} names other axes than that of the mesh, {mesh.axis_name!r}, once."
            )
    return found


def _check_cut(what: str, shape: Sequence[int], spec: PartitionSpec, parts: int):
    if len(spec) > len(shape):
        raise ValueError(f"shard_map: {what} of shape {shape} has fewer axes than its specification {spec}.")
    if spec.cut is not None and shape[spec.cut] % parts:
        raise ValueError(
            f"shard_map: axis {spec.cut} of {what}, of size {shape[spec.cut]}, is not evenly divisible by the {parts} devices."
        )


def _check_same(f: Callable, program, in_specs, out_specs, mesh: Mesh):
    """Raise ValueError if a result that is declared to be the same on every device depends on the device."""
    axis = Axis(mesh.axis_name, mesh.size)
    _, dims = batch_jaxpr(program, axis, tuple(None if spec.cut is None else 0 for spec in in_specs))
    for i, (d, spec) in enumerate(zip(dims, out_specs)):
        if d is not None and spec.cut is None:
            raise ValueError(
                f"shard_map: result {i} of {function_name(f)} is declared to be the same on every device, by {spec}, and may not"
                " be: sum it over the mesh's axis, name the axis in out_specs, or give check_vma=False."
            )


__all__ = ["shard_map"]
