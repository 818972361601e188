"""`shard_map`, the primitive behind `pmap`: an equation that carries the program of one device.

The `PartitionSpec` of an argument says whether it is cut into blocks along an axis, one block for each device of the mesh, or
given whole to every device. The jaxpr takes blocks, `out_specs` says how its results are joined, and its collectives work
along the mesh. The primitive runs as one NumPy program: the devices are an axis, and the vmap machine maps over this axis.
The other rules transform the jaxpr and bind the primitive again. (JAX: `_src/shard_map.py`. This file has the part with one
mesh axis and `check_vma=False`.)
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.avals import UndefinedPrimal, Zero, is_undefined_primal
from ..core.jaxpr import ClosedJaxpr, JaxprEqn, jaxpr_as_fun
from ..core.staging import dce_closed_jaxpr, trace_to_closed_jaxpr, weak_cache
from ..core.traces import Trace, run_under, thread_state
from ..foundation.meshes import Mesh
from ..foundation.sharding import PartitionSpec, whole_aval
from ..lowering.compile import compile_jaxpr
from ..primitives.basis import (
    broadcast_batch,
    call_row,
    check_types,
    const,
    expand_dims,
    instantiate,
    move_batch_dim,
    reshape,
    shape_of,
    squeeze,
)
from ..primitives.collectives import psum_p
from ..primitives.elementwise import div_p
from ..primitives.shapes import index_in_dim
from ..transforms.jvp import fill, jvp_jaxpr, nonzero
from ..transforms.linearize import linearize_jaxpr
from ..transforms.transpose import backward_pass
from ..transforms.vmap import Axis, NamedAxisTrace, axes_in_jaxpr, batch_jaxpr, vmap_flat
from .partial_eval import known_half

# ---------------------------------------------------------------------------------------------------------------------
# The program of one device


class DeviceTrace(NamedAxisTrace):
    """The trace that is current while the program of one device is traced. The program may name the axis of the mesh."""

    __slots__ = ()
    transformation = "pmap"


def _axis(mesh: Mesh) -> Axis:
    return Axis(mesh.axis_name, mesh.size)


def on_each_device(mesh: Mesh, function: Callable, *args):
    """`function(*args)`, which traces a program for the devices of the mesh."""
    return run_under(DeviceTrace(thread_state.trace, _axis(mesh)), function, *args)


def enclosing_device_axis() -> Axis | None:
    """The axis of the devices whose program is being traced, or None if no such program is being traced."""
    trace: Trace | None = thread_state.trace
    while trace is not None and type(trace) is not DeviceTrace:
        trace = trace.parent
    return None if trace is None else trace.axis


# ---------------------------------------------------------------------------------------------------------------------
# Evaluation


@weak_cache
def whole_program(jaxpr: ClosedJaxpr, mesh: Mesh, in_specs: tuple, out_specs: tuple) -> ClosedJaxpr:
    """The program of all devices together, on whole arrays. The devices are an axis; the vmap machine maps over it."""

    def function(*args):
        dims = [spec.cut for spec in in_specs]
        blocks = [_cut(x, d, mesh.size) for x, d in zip(args, dims)]
        pairs = vmap_flat(jaxpr_as_fun(jaxpr), _axis(mesh), blocks, dims)
        return [_join(x, dim, spec.cut, mesh.size) for (x, dim), spec in zip(pairs, out_specs, strict=True)]

    in_avals = [whole_aval(block, spec, mesh) for block, spec in zip(jaxpr.in_avals, in_specs, strict=True)]
    return trace_to_closed_jaxpr(function, in_avals)


def _cut(x, d: int | None, size: int):
    """The array with its blocks along a new axis, in front of the axis that is cut."""
    shape = shape_of(x)
    return x if d is None else reshape(x, (*shape[:d], size, shape[d] // size, *shape[d + 1 :]))


def _join(x, dim: int | None, d: int | None, size: int):
    """The blocks joined along axis `d`; without `d`, the block of the first device.

    dim: the axis of the devices, or None if all devices have the same block.
    """
    if d is None:
        return x if dim is None else index_in_dim(x, 0, dim, keepdims=False)
    x = broadcast_batch(x, size, d) if dim is None else move_batch_dim(x, dim, d)
    shape = shape_of(x)
    return reshape(x, (*shape[:d], size * shape[d + 1], *shape[d + 2 :]))


def _impl(*args, jaxpr: ClosedJaxpr, mesh: Mesh, in_specs, out_specs, **params):
    return compile_jaxpr(whole_program(jaxpr, mesh, in_specs, out_specs))(*args)


def _abstract_eval(*avals, jaxpr: ClosedJaxpr, mesh: Mesh, in_specs, out_specs, **params):
    expected = [whole_aval(block, spec, mesh) for block, spec in zip(jaxpr.in_avals, in_specs, strict=True)]
    check_types("shard_map", avals, expected)
    return [whole_aval(block, spec, mesh) for block, spec in zip(jaxpr.out_avals, out_specs, strict=True)]


# ---------------------------------------------------------------------------------------------------------------------
# Rules


def _selected(items, flags) -> tuple:
    return tuple(x for x, flag in zip(items, flags, strict=True) if flag)


def _jvp(primals, tangents, *, jaxpr, mesh, in_specs, out_specs, **params):
    in_nonzero = nonzero(tangents)
    pushed, out_nonzero = on_each_device(mesh, jvp_jaxpr, jaxpr, in_nonzero)
    results = shard_map_p.bind(
        *primals,
        *_selected(tangents, in_nonzero),
        jaxpr=pushed,
        mesh=mesh,
        in_specs=in_specs + _selected(in_specs, in_nonzero),
        out_specs=out_specs + _selected(out_specs, out_nonzero),
        **params,
    )
    outs = results[: len(out_specs)]
    return outs, fill(outs, results[len(out_specs) :], out_nonzero)


def _linearize(primals, tangents, *, jaxpr, mesh, in_specs, out_specs, **params):
    """Two equations: one of the primals runs now, and also returns each device's residuals; one of the tangents is recorded."""
    in_nonzero = nonzero(tangents)
    n_out = len(out_specs)

    def split():
        primal_jaxpr, out_nonzero, linear = linearize_jaxpr(jaxpr, in_nonzero)
        # A residual that is an argument need not be returned: use the argument, and make no copy for each device.
        invars, outvars = primal_jaxpr.jaxpr.invars, primal_jaxpr.jaxpr.outvars
        forwarded = [invars.index(v) if v in invars else None for v in outvars]
        kept = (*[True] * n_out, *[i is None for i in forwarded[n_out:]])
        forward = _returning_rows(primal_jaxpr, n_out, kept)
        return out_nonzero, forwarded, kept, forward, _taking_rows(linear, tuple(kept[n_out:]))

    out_nonzero, forwarded, kept, forward, linear = on_each_device(mesh, split)
    specs = [PartitionSpec(mesh.axis_name) if i is None else in_specs[i] for i in forwarded[n_out:]]
    results = shard_map_p.bind(
        *primals,
        jaxpr=forward,
        mesh=mesh,
        in_specs=in_specs,
        out_specs=out_specs + _selected(specs, kept[n_out:]),
        **params,
    )
    outs, own = results[:n_out], iter(results[n_out:])
    residuals = [next(own) if i is None else primals[i] for i in forwarded[n_out:]]

    def record(tangents):
        if not any(out_nonzero):
            return fill(outs, [], out_nonzero)
        out_tangents = shard_map_p.bind(
            *residuals,
            *_selected(tangents, in_nonzero),
            jaxpr=linear,
            mesh=mesh,
            in_specs=(*specs, *_selected(in_specs, in_nonzero)),
            out_specs=_selected(out_specs, out_nonzero),
            **params,
        )
        return fill(outs, out_tangents, out_nonzero)

    return outs, record


@weak_cache
def _returning_rows(jaxpr: ClosedJaxpr, n_out: int, kept: tuple[bool, ...]) -> ClosedJaxpr:
    """The jaxpr with only the kept results. The results after the first `n_out` are joined along axis 0, so a scalar among
    them gets an axis of size 1."""

    def function(*args):
        results = _selected(jaxpr_as_fun(jaxpr)(*args), kept)
        return [*results[:n_out], *[x if x.shape else expand_dims(x, (0,)) for x in results[n_out:]]]

    return trace_to_closed_jaxpr(function, jaxpr.in_avals)


@weak_cache
def _taking_rows(jaxpr: ClosedJaxpr, rows: tuple[bool, ...]) -> ClosedJaxpr:
    """The jaxpr that takes the results of `_returning_rows`: it drops the added axis of a scalar argument marked in `rows`."""
    scalar = [row and not aval.shape for row, aval in zip(rows, jaxpr.in_avals)]
    n = len(scalar)

    def function(*args):
        residuals = [squeeze(x, (0,)) if s else x for x, s in zip(args, scalar)]
        return jaxpr_as_fun(jaxpr)(*residuals, *args[n:])

    in_avals = [aval.update(shape=(1,)) if s else aval for s, aval in zip(scalar, jaxpr.in_avals)]
    return trace_to_closed_jaxpr(function, [*in_avals, *jaxpr.in_avals[n:]])


def _transpose(cotangents, *args, jaxpr, mesh, in_specs, out_specs, **params):
    linear = tuple(is_undefined_primal(x) for x in args)
    ct_nonzero = nonzero(cotangents)
    transposed, result_nonzero = on_each_device(mesh, _transposed, jaxpr, linear, ct_nonzero, mesh, in_specs, out_specs)
    known_specs = _selected(in_specs, [not lin for lin in linear])
    results = iter(
        shard_map_p.bind(
            *_selected(args, [not lin for lin in linear]),
            *_selected(cotangents, ct_nonzero),
            jaxpr=transposed,
            mesh=mesh,
            in_specs=known_specs + _selected(out_specs, ct_nonzero),
            out_specs=_selected(_selected(in_specs, linear), result_nonzero),
            **params,
        )
    )
    given = iter(result_nonzero)
    return [(next(results) if next(given) else None) if lin else None for lin in linear]


@weak_cache
def _transposed(jaxpr: ClosedJaxpr, linear, ct_nonzero, mesh: Mesh, in_specs, out_specs):
    """(the jaxpr from non-linear arguments and cotangents to cotangents of the linear arguments, which of these are nonzero).

    A whole argument gets the sum of all devices' cotangents. A whole result is the result of one device: each device gets
    its cotangent divided by the number of devices, so that the sum is right.
    """
    result_nonzero = None
    in_avals, out_avals = jaxpr.in_avals, jaxpr.out_avals
    nonlinear_avals = [aval for aval, lin in zip(in_avals, linear, strict=True) if not lin]
    linear_specs = _selected(in_specs, linear)

    def function(*values):
        nonlocal result_nonzero
        nonlinear, cts = iter(values[: len(nonlinear_avals)]), iter(values[len(nonlinear_avals) :])
        args = [UndefinedPrimal(aval) if lin else next(nonlinear) for aval, lin in zip(in_avals, linear)]
        cotangents = [
            _shared(next(cts), spec, mesh) if nz else Zero(aval)
            for aval, nz, spec in zip(out_avals, ct_nonzero, out_specs)
        ]
        results = backward_pass(jaxpr.jaxpr, jaxpr.consts, args, cotangents)
        result_nonzero = nonzero(results)
        return [_summed(ct, spec, mesh) for ct, spec in zip(results, linear_specs) if type(ct) is not Zero]

    avals = [*nonlinear_avals, *_selected(out_avals, ct_nonzero)]
    return trace_to_closed_jaxpr(function, avals), result_nonzero


def _shared(ct, spec: PartitionSpec, mesh: Mesh):
    return ct if spec.cut is not None else div_p.bind(ct, const(ct, mesh.size))


def _summed(ct, spec: PartitionSpec, mesh: Mesh):
    return ct if spec.cut is not None else psum_p.bind(instantiate(ct), axes=mesh.axis_names, axis_index_groups=None)


def _batch(axis, args, dims, *, jaxpr, mesh, in_specs, out_specs, **params):
    # If the vmapped axis has the name of the mesh's axis, drop its name: in the program of a device, the name means the mesh's.
    inner = axis._replace(name=None) if axis.name in mesh.axis_names else axis
    in_specs = tuple(spec if d is None else spec.insert(d) for spec, d in zip(in_specs, dims))
    batched, out_dims = on_each_device(mesh, batch_jaxpr, jaxpr, inner, tuple(dims))
    out_specs = tuple(spec if d is None else spec.insert(d) for spec, d in zip(out_specs, out_dims))
    return shard_map_p.bind(*args, jaxpr=batched, mesh=mesh, in_specs=in_specs, out_specs=out_specs, **params), out_dims


def _dce(eqn: JaxprEqn, used) -> JaxprEqn:
    jaxpr, used_inputs = dce_closed_jaxpr(eqn.params["jaxpr"], tuple(used))
    smaller = {
        "jaxpr": jaxpr,
        "in_specs": _selected(eqn.params["in_specs"], used_inputs),
        "out_specs": _selected(eqn.params["out_specs"], used),
    }
    invars, outvars = list(_selected(eqn.invars, used_inputs)), list(_selected(eqn.outvars, used))
    return eqn.replace(invars=invars, outvars=outvars, params={**eqn.params, **smaller})


def _named_axes(params: dict) -> list:
    """The axes that the program of a device names, without the axis of its own mesh."""
    return [name for name in axes_in_jaxpr(params["jaxpr"]) if name not in params["mesh"].axis_names]


shard_map_p = call_row(
    "shard_map",
    impl=_impl,
    abstract_eval=_abstract_eval,
    jvp=_jvp,
    transpose=_transpose,
    batch=_batch,
    linearize=_linearize,
    partial_eval=known_half(lambda: shard_map_p),
    dce=_dce,
    called_jaxpr=lambda params: whole_program(*[params[k] for k in ("jaxpr", "mesh", "in_specs", "out_specs")]),
    named_axes=_named_axes,
    axis_scope=lambda params, function, *args: on_each_device(params["mesh"], function, *args),
)
