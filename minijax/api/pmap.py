"""`pmap`: one program on several devices, each with its own slice of the arguments (`jax.pmap`).

As in JAX, `pmap` is a `jit` of the `shard_map` equation on a mesh with one axis. The program of a device takes a block whose
mapped axis has size 1, drops the axis, runs the function, and adds the axis again.

>>> import minijax as jax
>>> import minijax.numpy as jnp
>>> jax.config.update("jax_num_cpu_devices", 4)
>>> jax.pmap(lambda x: x / jax.lax.psum(x, "i"), axis_name="i")(jnp.arange(4.0))
Array([0.        , 0.16666667, 0.33333334, 0.5       ], dtype=float32)
>>> jax.config.update("jax_num_cpu_devices", -1)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from ..calls.shard_map import enclosing_device_axis, on_each_device, shard_map_p
from ..core.staging import closed, convert_constvars, trace_to_jaxpr
from ..core.traces import get_aval
from ..foundation.device import Device, device_of_id
from ..foundation.device import devices as all_devices
from ..foundation.meshes import Mesh
from ..foundation.pytrees import flatten_axes, keystr, tree_flatten, tree_flatten_with_path, tree_leaves, tree_unflatten
from ..foundation.sharding import PartitionSpec, block_aval
from ..foundation.wrapping import name_of, wraps
from ..lowering import xla
from ..lowering.run import chosen
from ..primitives.basis import expand_dims, squeeze
from .arguments import as_operand, as_output
from .jit import jit

# The type of what the user's function returns.
R = TypeVar("R")

_NO_NAME = "_internal_pmap_axis_name"


def pmap(
    fun: Callable[..., R],
    axis_name: Hashable | None = None,
    *,
    in_axes: Any = 0,
    out_axes: Any = 0,
    static_broadcasted_argnums: int | Iterable[int] = (),
    devices: Sequence[Device] | None = None,
    backend: str | None = None,
    axis_size: int | None = None,
    donate_argnums: int | Iterable[int] = (),
    compiler: str | None = None,
) -> Callable[..., R]:
    """A function that maps `fun` over an axis of its arguments; each device runs one example (`jax.pmap`).

    in_axes, out_axes: the axes, as in `vmap`, but not negative; with out_axes None the result of the first device is
    returned. axis_name: the name for collectives. static_broadcasted_argnums: positions of arguments whose values are part
    of the program; they must be hashable. devices: the devices to use; the default is all. axis_size: the required size of
    the mapped axis. donate_argnums is accepted, and no argument is overwritten. compiler: as in `jit`; with "xla" the devices
    are jaxlib's, each runs a replica of the program, and the collectives are XLA's.

    Raises ValueError if there are fewer devices than examples. `config.update("jax_num_cpu_devices", n)` sets the number of
    NumPy's devices; XLA_FLAGS=--xla_force_host_platform_device_count=n in the environment sets the number of XLA's.

    >>> import minijax.numpy as jnp
    >>> from minijax import lax
    >>> pmap(lambda x: x / lax.psum(x, 'i'), axis_name='i')(jnp.array([4.0]))
    Array([1.], dtype=float32)
    """
    if not callable(fun):
        raise TypeError(f"Expected a callable value, got {fun!r}")
    for what, axes in (("in_axes", in_axes), ("out_axes", out_axes)):
        _check_axes(what, axes)
    if devices is not None and not devices:
        raise ValueError("'devices' argument to pmap must be non-empty, or None.")
    static = _indices("static_broadcasted_argnums", static_broadcasted_argnums)
    _indices("donate_argnums", donate_argnums)
    name = _NO_NAME if axis_name is None else axis_name
    programs: dict[Hashable, Callable] = {}

    @wraps(fun)
    def pmap_f(*args, **kwargs):
        statics = _static_arguments(fun, static, args)
        dynamic = tuple(x for i, x in enumerate(args) if i not in statics)
        flat, in_tree = tree_flatten((dynamic, kwargs))
        axes = in_axes
        if statics and isinstance(in_axes, tuple):
            axes = tuple(axis for i, axis in enumerate(in_axes) if i not in statics)
        dims = tuple(flatten_axes("pmap in_axes", in_tree, (axes, 0)))
        flat = [as_operand(x) for x in flat]
        size = _mapped_size((dynamic, kwargs), flat, dims, axis_size)
        mesh = _mesh(
            _all_devices(backend, chosen(compiler)) if devices is None else devices, size, name, chosen(compiler)
        )
        key = (in_tree, dims, mesh, tuple((i, type(x), x) for i, x in statics.items()))
        if key not in programs:

            def of_dynamic(dynamic, kwargs):
                rest = iter(dynamic)
                return fun(*[statics[i] if i in statics else next(rest) for i in range(len(args))], **kwargs)

            programs[key] = jit(_spread(of_dynamic, fun, in_tree, dims, out_axes, mesh), compiler=compiler)
        return programs[key](*flat)

    return pmap_f


def _spread(of_dynamic: Callable, fun: Callable, in_tree, dims: tuple, out_axes, mesh: Mesh) -> Callable:
    """A function of whole flat arguments. It traces the program of a device, and binds `shard_map` with it."""
    in_specs = tuple(PartitionSpec.of_axis(d, mesh.axis_name) for d in dims)

    def _fun(*flat):
        out_tree, out_dims = None, None

        def of_blocks(*blocks):
            nonlocal out_tree, out_dims
            examples = [x if d is None else squeeze(x, (d,)) for x, d in zip(blocks, dims)]
            leaves, out_tree = tree_flatten(of_dynamic(*tree_unflatten(in_tree, examples)))
            out_dims = tuple(flatten_axes("pmap out_axes", out_tree, out_axes))
            leaves = [as_output(x, fun) for x in leaves]
            return [x if d is None else expand_dims(x, (_place(d, x.ndim + 1),)) for x, d in zip(leaves, out_dims)]

        avals = [block_aval(get_aval(x), spec, mesh) for x, spec in zip(flat, in_specs)]
        jaxpr, consts = on_each_device(mesh, trace_to_jaxpr, of_blocks, avals)
        outs = shard_map_p.bind(
            *consts,
            *flat,
            check_vma=False,
            in_specs=(PartitionSpec(),) * len(consts) + in_specs,
            jaxpr=closed(convert_constvars(jaxpr)),
            mesh=mesh,
            newly_manual_axes=frozenset(mesh.axis_names),
            out_specs=tuple(PartitionSpec.of_axis(d, mesh.axis_name) for d in out_dims),
        )
        return tree_unflatten(out_tree, outs)

    return _fun


# ---------------------------------------------------------------------------------------------------------------------
# Arguments


def _check_axes(what: str, axes):
    leaves = tree_leaves(axes)
    if not all(type(leaf) is int for leaf in leaves):
        raise TypeError(
            f"pmap {what} must be an int, None, or (nested) container with those types as leaves, but got {axes}."
        )
    if any(leaf < 0 for leaf in leaves):
        raise ValueError(f"pmap {what} must not be negative, but got {axes}: count the axis from the front.")


def _indices(what: str, indices) -> tuple[int, ...]:
    indices = (indices,) if isinstance(indices, int) else tuple(indices)
    if not all(isinstance(i, int) and i >= 0 for i in indices):
        raise TypeError(f"pmap {what} must be a non-negative int or a sequence of them, but got {indices}.")
    return indices


def _static_arguments(fun: Callable, positions: tuple[int, ...], args: tuple) -> dict[int, Any]:
    if positions and max(positions) >= len(args):
        raise ValueError(
            f"pmapped function has static_broadcasted_argnums={positions} but was called with only {len(args)} positional"
            f" argument{'s' if len(args) > 1 else ''}. All static broadcasted arguments must be passed positionally."
        )
    for i in positions:
        try:
            hash(args[i])
        except TypeError:
            raise ValueError(
                "Non-hashable static arguments are not supported, as this can lead to unexpected cache-misses. Static"
                f" argument (index {i}) of type {type(args[i])} for function"
                f" {name_of(fun)} is non-hashable."
            ) from None
    return {i: args[i] for i in sorted(positions)}


def _place(axis: int, ndim: int) -> int:
    if axis >= ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return axis


def _mapped_size(tree, flat: Sequence, dims: Sequence[int | None], axis_size: int | None) -> int:
    mapped = [(x, d) for x, d in zip(flat, dims) if d is not None and x.shape]
    if not mapped:
        raise ValueError("pmap requires at least one argument with a mapped axis.")
    sizes = [x.shape[_place(d, x.ndim)] for x, d in mapped]
    if len(set(sizes)) > 1 or len(mapped) < sum(d is not None for d in dims):
        raise ValueError(_inconsistent(tree, flat, dims))
    if axis_size is not None and axis_size != sizes[0]:
        raise ValueError(f"Specified axis_size {axis_size} doesn't match received axis_size {sizes[0]}.")
    return sizes[0]


def _inconsistent(tree, flat, dims) -> str:
    lines = ["pmap got inconsistent sizes for array axes to be mapped:"]
    for (path, _), x, d in zip(tree_flatten_with_path(tree)[0], flat, dims):
        if d is not None:
            where = f"{'kwargs' if path[0].idx else 'args'}{keystr(path[1:])}"
            size = f"size {x.shape[d]}" if x.shape else "no axes"
            lines.append(f"  * axis {d} of argument {where} of type {get_aval(x).str_short()} has {size}")
    return "\n".join(lines)


def _all_devices(backend: str | None, compiler: str) -> list[Device]:
    return [device_of_id(d.id) for d in xla.client.devices()] if compiler == "xla" else all_devices(backend)


def _mesh(devices: Sequence[Device], size: int, name: Hashable, compiler: str) -> Mesh:
    outer = enclosing_device_axis()
    if outer is not None:
        raise ValueError(
            f"pmap within a pmap: the program of one device of axis {outer.name!r} cannot be spread over devices again, as in"
            " JAX. Use vmap for the inner map."
        )
    if size == 0:
        raise ValueError("pmap cannot map an axis of size 0: there is no device to run the function.")
    if size > len(devices):
        ask = {
            "numpy": f'config.update("jax_num_cpu_devices", {size})',
            "xla": f"the environment variable XLA_FLAGS=--xla_force_host_platform_device_count={size}, before jax is imported",
        }
        raise ValueError(
            f"pmap of an axis of size {size} requires {size} replicas, but only {len(devices)} devices are available. Ask for"
            f" more with {ask[compiler]}, or use vmap."
        )
    return Mesh(devices[:size], (name,))


__all__ = ["pmap"]
