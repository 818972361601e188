"""`linear_call_p`: the primitive of a linear function whose transpose the user defines.

Its arguments are the values that the function closes over, the residuals, and the linear arguments; it is linear in the last
alone. The transpose of a linear_call is a linear_call too, of the user's transpose, whose transpose is the function. (JAX:
`_src/custom_derivatives.py`.)
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.avals import Zero, is_undefined_primal
from ..core.jaxpr import ClosedJaxpr
from ..lowering.compile import compile_jaxpr
from ..primitives.basis import call_row, instantiate
from ..transforms.jvp import nonzero
from ..transforms.vmap import batch_jaxpr, materialize
from .scan import split_at


def _jvp(primals, tangents, *, num_callee_consts, num_res, **params):
    params |= {"num_callee_consts": num_callee_consts, "num_res": num_res}
    n = num_callee_consts + num_res
    if any(nonzero(tangents[:n])):
        raise NotImplementedError(
            "linear_call has no derivative with respect to its residuals, or to values that its function closes over: compute"
            " with them outside of linear_call, or differentiate with respect to linear_args alone."
        )
    outs = linear_call_p.bind(*primals, **params)
    if all(type(t) is Zero for t in tangents):
        return outs, [Zero(a.to_tangent_aval()) for a in params["callee"].out_avals]
    return outs, linear_call_p.bind(*primals[:n], *map(instantiate, tangents[n:]), **params)


def _transpose(cotangents, *args, callee, transpose_thunk, num_callee_consts, num_res):
    consts, residuals, linear = split_at(args, num_callee_consts, num_res)
    if any(map(is_undefined_primal, [*consts, *residuals])):
        raise NotImplementedError("linear_call is linear in linear_args alone: it has no transpose for its residuals.")
    transposed, t_consts = transpose_thunk()
    cts = linear_call_p.bind(
        *t_consts,
        *residuals,
        *map(instantiate, cotangents),
        callee=transposed,
        transpose_thunk=lambda: (callee, consts),
        num_callee_consts=len(t_consts),
        num_res=num_res,
    )
    return [*[None] * (len(consts) + num_res), *[ct if is_undefined_primal(x) else None for ct, x in zip(cts, linear)]]


def _batch(axis, args, dims, *, callee, transpose_thunk, num_callee_consts, num_res):
    """The linear arguments and the results of the batch have a batch axis, so their cotangents have one too."""
    n = num_callee_consts + num_res
    args = [*args[:n], *[materialize(x, d, 0, axis) for x, d in zip(args[n:], dims[n:])]]
    shared = tuple(dims[:n])
    batched, _ = batch_jaxpr(callee, axis, (*shared, *[0] * (len(args) - n)), True)

    def batched_transpose() -> tuple[ClosedJaxpr, list]:
        transposed, t_consts = transpose_thunk()
        in_dims = (*[None] * len(t_consts), *shared[num_callee_consts:], *[0] * len(callee.out_avals))
        return batch_jaxpr(transposed, axis, in_dims, True)[0], t_consts

    outs = linear_call_p.bind(
        *args,
        callee=batched,
        transpose_thunk=batched_transpose,
        num_callee_consts=num_callee_consts,
        num_res=num_res,
    )
    return outs, [0] * len(outs)


def _impl(*args, callee: ClosedJaxpr, transpose_thunk: Callable, num_callee_consts: int, num_res: int):
    return compile_jaxpr(callee)(*args)


linear_call_p = call_row(
    "linear_call",
    impl=_impl,
    abstract_eval=lambda *avals, callee, **params: callee.out_avals,
    jvp=_jvp,
    transpose=_transpose,
    batch=_batch,
    called_jaxpr=lambda params: params["callee"],
)
