"""The primitives behind `custom_jvp` and `custom_vjp`: a jaxpr to run, and the user's functions for its derivative.

    custom_jvp_call   runs its jaxpr; its jvp rule calls the user's jvp rule
    custom_vjp_call   runs its jaxpr; its jvp rule runs the user's forward function and stages a `custom_lin`
    custom_lin        the derivative of a custom_vjp: it cannot be computed forwards; its transpose calls the user's
                      backward function

Functions here are flat: they take arrays and return lists of arrays. `api/custom_derivatives.py` has the users' classes.
(JAX: `_src/custom_derivatives.py`.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain, repeat

from ..core.array import EvalTrace
from ..core.avals import Zero, is_undefined_primal
from ..core.jaxpr import ClosedJaxpr
from ..core.primitive import Primitive
from ..core.staging import StagingTrace, TangentTrace, closed, convert_constvars, trace_to_jaxpr
from ..core.traces import Tracer, check_not_leaked, get_aval, given, run_under, thread_state
from ..foundation.dtypes import float0
from ..foundation.errors import UnexpectedTracerError
from ..lowering.compile import compile_jaxpr
from ..primitives.basis import broadcast_batch, call_row, instantiate, reduce_sum, row, zero_like
from ..primitives.shapes import in_first_example
from ..transforms.jvp import JVPTrace, nonzero, without_zeros
from ..transforms.transpose import backward_pass
from ..transforms.vmap import Axis, BatchTrace, batch_jaxpr, materialize, vmap_flat


def _owner(args: Sequence):
    """The trace that processes a call with these arguments: the current trace, or the first outer trace that does not pass
    the call on."""
    trace = thread_state.trace
    while (following := trace.passes_on(args)) is not None:
        trace = following
    return trace


def _innermost_map(end):
    """The innermost map around the running operation and inside the trace `end`, or, if there is none, `end`."""
    trace = thread_state.trace
    while trace is not end and not isinstance(trace, BatchTrace):
        trace = trace.parent
    return trace


def _call(primitive: Primitive, fun: Callable, args: Sequence, params: dict) -> list:
    """The results of `fun`: run it, differentiate it by its rule, or write an equation for it.

    If the values of `args` are known, `fun` and the user's rules get them. As in JAX, they may branch on the values.
    """
    trace = _owner(args)
    # `fun` may close over a tracer of the map around it: `jit(vmap(lambda y, x: f(x), (0, None)))`, where f reads y.
    mapped = _innermost_map(trace)
    if isinstance(trace, EvalTrace):
        outs = run_under(mapped, fun, *args)
        for x in outs:
            if isinstance(x, Tracer):
                check_not_leaked(x)
        return outs
    if isinstance(mapped, JVPTrace):
        rule = partial(primitive.jvp, num_consts=0, call_jaxpr=None, **params)
        return run_under(mapped, trace.process_call, primitive, rule, args)

    def call():
        # As in JAX, the arguments stand before what `fun` closes over in the jaxpr's constants.
        now = thread_state.trace
        operands = [now.given(x) if isinstance(now, StagingTrace) else given(x) for x in args]
        jaxpr, consts = trace_to_jaxpr(fun, [get_aval(x) for x in operands])
        call_jaxpr = closed(convert_constvars(jaxpr))
        return primitive.bind(*consts, *operands, call_jaxpr=call_jaxpr, num_consts=len(consts), **params)

    return run_under(mapped, call)


def _impl(*args, call_jaxpr: ClosedJaxpr, **params):
    return compile_jaxpr(call_jaxpr)(*args)


def _abstract_eval(*avals, call_jaxpr: ClosedJaxpr, **params):
    return call_jaxpr.out_avals


def _transpose(cotangents, *args, call_jaxpr: ClosedJaxpr, **params):
    """Transpose the function's jaxpr: another jvp rule may apply a custom function to its tangents, if it is linear."""
    results = iter(backward_pass(call_jaxpr.jaxpr, call_jaxpr.consts, args, cotangents))
    return [next(results) if is_undefined_primal(x) else None for x in args]


def _check_closed_over(kind: str, name: str, tangents):
    if any(nonzero(tangents)):
        raise UnexpectedTracerError(
            f"Detected differentiation of a {kind} function with respect to a closed-over value: {name} closes over a value"
            " that is being differentiated, but its rule sees only its arguments. Make the value an argument."
        )


def _batch_call(primitive_of: Callable[[], Primitive], batch_rules: Callable) -> Callable:
    def batch(axis, args, dims, *, call_jaxpr, num_consts, **params):
        # The batched rules return all results with their batch axes where the batched function leaves them. A rule may read
        # more than the function, so all results have one, unless the user says that examples share some.
        batched, out_dims = batch_jaxpr(call_jaxpr, axis, tuple(dims), not axis.shares, False)
        params = {**params, **batch_rules(axis, dims[num_consts:], out_dims, params)}
        return primitive_of().bind(*args, call_jaxpr=batched, num_consts=num_consts, **params), out_dims

    return batch


# ---------------------------------------------------------------------------------------------------------------------
# custom_jvp


def custom_jvp_call(fun: Callable, jvp: Callable, args: Sequence, *, symbolic_zeros: bool, name: str) -> list:
    """`fun(*args)`, whose derivative is `jvp(*primals, *tangents) -> [*primals out, *tangents out]`."""
    params = {"jvp_jaxpr_fun": jvp, "symbolic_zeros": symbolic_zeros, "name": name}
    return _call(custom_jvp_call_p, fun, args, params)


def _jvp_of_custom_jvp(primals, tangents, *, num_consts, jvp_jaxpr_fun, symbolic_zeros, name, **params):
    _check_closed_over("custom_jvp", name, tangents[:num_consts])
    tangents = tangents[num_consts:]
    if not symbolic_zeros:
        tangents = [instantiate(t) for t in tangents]
    results = jvp_jaxpr_fun(*primals[num_consts:], *tangents)
    outs, out_tangents = results[: len(results) // 2], results[len(results) // 2 :]
    _check_known(primals, outs, name)
    # The tangents of a batch of integers are arrays of float0, which nobody reads.
    return outs, [zero if (zero := zero_like(x)).aval.dtype == float0 else t for x, t in zip(outs, out_tangents)]


def _check_known(primals: Sequence, outs: Sequence, name: str):
    """Raise NotImplementedError if a rule computes a primal output from tangents: in reverse mode the tangents are unknown."""
    trace = thread_state.trace
    if not isinstance(trace, TangentTrace):
        return
    asked, got = (any(isinstance(x, Tracer) and x._trace is trace for x in part) for part in (primals, outs))
    if got and not asked:
        raise NotImplementedError(
            f"The jvp rule of {name} computes its value and its tangent in one while_loop, and reverse mode cannot separate"
            " them: compute the value outside of this loop, or by a function of the primals alone."
        )


def _batch_jvp(axis, dims, out_dims, params):
    return {"jvp_jaxpr_fun": _of_batch(axis, params["jvp_jaxpr_fun"], (*dims, *dims), (*out_dims, *out_dims))}


def _of_batch(axis, function: Callable, dims: Sequence, out_dims: Iterable) -> Callable:
    """The function of a batch, which returns the results with their batch axes at `out_dims`. The function gets a symbolic
    zero among the arguments as the zero of one example."""

    def batched(*args):
        zeros = [_of_one_example(x.aval, d) if type(x) is Zero else None for x, d in zip(args, dims, strict=True)]

        def of_arrays(*arrays):
            arrays = iter(arrays)
            return [instantiate(x) for x in function(*[next(arrays) if zero is None else zero for zero in zeros])]

        arrays = [x for x in args if type(x) is not Zero]
        pairs = vmap_flat(of_arrays, axis, arrays, [d for d, zero in zip(dims, zeros) if zero is None])
        return [materialize(x, d, to, axis) for (x, d), to in zip(pairs, out_dims)]

    batched.__name__ = function.__name__
    return batched


def _of_one_example(aval, dim: int | None) -> Zero:
    return Zero(aval if dim is None else aval.update(shape=(*aval.shape[:dim], *aval.shape[dim + 1 :])))


custom_jvp_call_p = call_row(
    "custom_jvp_call",
    impl=_impl,
    abstract_eval=_abstract_eval,
    jvp=_jvp_of_custom_jvp,
    transpose=_transpose,
    batch=_batch_call(lambda: custom_jvp_call_p, _batch_jvp),
    called_jaxpr=lambda params: params["call_jaxpr"],
)


# ---------------------------------------------------------------------------------------------------------------------
# custom_vjp


def custom_vjp_call(
    fun: Callable, fwd: Callable, bwd: Callable, args: Sequence, *, out_trees: Callable, symbolic_zeros: bool, name: str
) -> list:
    """`fun(*args)`, whose derivative is `fwd(perturbed, *args) -> (outs, residuals)` and `bwd(*residuals, *cotangents) ->
    cotangents`. perturbed: for each argument whether it has a tangent.

    A cotangent that `bwd` returns, and with `symbolic_zeros` one that it gets, may be a `Zero`.
    """
    rules = {"fwd_jaxpr_thunk": fwd, "bwd": bwd, "out_trees": out_trees}
    return _call(custom_vjp_call_p, fun, args, {**rules, "symbolic_zeros": symbolic_zeros, "name": name})


def _jvp_of_custom_vjp(
    primals, tangents, *, call_jaxpr, num_consts, fwd_jaxpr_thunk, bwd, out_trees, symbolic_zeros, name
):
    _check_closed_over("custom_vjp", name, tangents[:num_consts])
    tangents = tangents[num_consts:]
    outs, residuals = fwd_jaxpr_thunk(nonzero(tangents), *primals[num_consts:])
    out_avals = tuple(get_aval(x).to_tangent_aval() for x in outs)
    out_tangents = custom_lin_p.bind(
        *residuals,
        *without_zeros(tangents),
        num_res=len(residuals),
        bwd=bwd,
        out_avals=out_avals,
        in_zeros=tuple(type(t) is Zero for t in tangents),
        symbolic_zeros=symbolic_zeros,
    )
    # Nobody reads the tangent of an integer, and so nobody may ask for a derivative forwards.
    return outs, [Zero(aval) if aval.dtype == float0 else t for t, aval in zip(out_tangents, out_avals)]


def _batch_vjp(axis, dims, out_dims, params):
    """The rules of a batch. An argument that all examples share gets the sum of their cotangents.

    If they share a result, each example gets its cotangent for the mapped arguments, and the first example alone gets it for the
    shared ones. JAX gives it to each in any case: the sum for the shared argument of `f(x, y) = (x * y, y)` then has the
    cotangent of the second result once for each example.
    """
    fwd, bwd = params["fwd_jaxpr_thunk"], params["bwd"]

    def batched_fwd(perturbed, *args):
        # The results and the residuals, whose batch axis is in front, in one list.
        both = _of_batch(axis, lambda *xs: [*chain(*fwd(perturbed, *xs))], dims, chain(out_dims, repeat(0)))(*args)
        return both[: len(out_dims)], both[len(out_dims) :]

    def batched_bwd(*args):
        arg_dims = [*[0] * (len(args) - len(out_dims)), *out_dims]
        shared = [d is None and type(x) is not Zero for x, d in zip(args, arg_dims)]
        # With an axis of its own: as in JAX, a backward function that closes over a tracer of the vmap is an error.
        run = _of_batch(Axis(*axis), bwd, [d or 0 for d in arg_dims], [d or 0 for d in dims])
        each = run(*[broadcast_batch(x, axis.size, 0) if s else x for x, s in zip(args, shared)])
        sums = run(*[in_first_example(x, axis.size) if s else x for x, s in zip(args, shared)]) if any(shared) else each
        return [reduce_sum(s, (0,)) if d is None else ct for ct, s, d in zip(each, sums, dims, strict=True)]

    batched_fwd.__name__, batched_bwd.__name__ = fwd.__name__, bwd.__name__
    return {"fwd_jaxpr_thunk": batched_fwd, "bwd": batched_bwd}


custom_vjp_call_p = call_row(
    "custom_vjp_call",
    impl=_impl,
    abstract_eval=_abstract_eval,
    jvp=_jvp_of_custom_vjp,
    transpose=_transpose,
    batch=_batch_call(lambda: custom_vjp_call_p, _batch_vjp),
    called_jaxpr=lambda params: params["call_jaxpr"],
)


NO_FORWARD_MODE = (
    "can't apply forward-mode differentiation (jvp) to a custom_vjp function: only its reverse mode is defined. Use"
    " custom_jvp, whose rule serves both"
)


def _no_forward_mode(*args, **params):
    raise TypeError(f"{NO_FORWARD_MODE}.")


def _lin_transpose(cotangents, *args, num_res, bwd, out_avals, in_zeros, symbolic_zeros):
    if not symbolic_zeros:
        cotangents = [instantiate(ct) for ct in cotangents]
    results = bwd(*args[:num_res], *cotangents)
    return [*[None] * num_res, *[ct for ct, zero in zip(results, in_zeros, strict=True) if not zero]]


custom_lin_p = row(
    "custom_lin",
    impl=_no_forward_mode,
    abstract_eval=lambda *avals, out_avals, **params: list(out_avals),
    jvp=NO_FORWARD_MODE,
    transpose=_lin_transpose,
    # As in JAX, raise the error here: with a batch rule it would come only when the derivative runs.
    batch=_no_forward_mode,
    multiple_results=True,
)
# `api/custom_derivatives.py` has checked what the user's function returned: its dtype may be another than the argument's.
object.__setattr__(custom_lin_p, "transpose", _lin_transpose)
custom_lin_p.transposes_zeros = True
