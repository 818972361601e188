"""`jit_p`, the primitive of `jit`: its equation carries a jaxpr, which runs compiled.

Each rule transforms the jaxpr and binds `jit_p` again. Therefore the derivative or the batch of a jitted function is jitted
too, with the same compiler: "numpy", "xla", or None for the configured one.
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.avals import is_undefined_primal
from ..core.jaxpr import ClosedJaxpr
from ..core.primitive import CallPrimitive
from ..core.staging import dce_closed_jaxpr
from ..lowering.compile import compile_jaxpr
from ..lowering.run import compiled
from ..primitives.basis import call_row, check_types
from ..transforms.jvp import fill, jvp_jaxpr, nonzero, without_zeros
from ..transforms.linearize import linearize_jaxpr
from ..transforms.transpose import split_jaxpr, transpose_jaxpr
from ..transforms.vmap import batch_jaxpr

# ---------------------------------------------------------------------------------------------------------------------
# The rules that jit and checkpoint share: both run their jaxpr and do nothing else


def jaxpr_row(name: str, *, impl: Callable, abstract_eval: Callable, **call_rules: Callable) -> CallPrimitive:
    """A call-like primitive: it runs the jaxpr in its parameter `jaxpr` on its arguments, and does nothing else."""

    def jvp(primals, tangents, *, jaxpr, **params):
        pushed, out_nonzero = jvp_jaxpr(jaxpr, nonzero(tangents))
        results = primitive.bind(*primals, *without_zeros(tangents), jaxpr=pushed, **params)
        outs = results[: len(out_nonzero)]
        return outs, fill(outs, results[len(out_nonzero) :], out_nonzero)

    def transpose(cotangents, *args, jaxpr, **params):
        linear = tuple(is_undefined_primal(x) for x in args)
        transposed, result_nonzero = transpose_jaxpr(jaxpr, linear, nonzero(cotangents))
        nonlinear = [x for x in args if not is_undefined_primal(x)]
        results = iter(primitive.bind(*nonlinear, *without_zeros(cotangents), jaxpr=transposed, **params))
        given = iter(result_nonzero)
        return [(next(results) if next(given) else None) if lin else None for lin in linear]

    def batch(axis, args, dims, *, jaxpr, **params):
        batched, out_dims = batch_jaxpr(jaxpr, axis, tuple(dims), False, primitive is not jit_p)
        return primitive.bind(*args, jaxpr=batched, **params), out_dims

    def dce(eqn, used):
        jaxpr, used_inputs = dce_closed_jaxpr(eqn.params["jaxpr"], tuple(used))
        invars = [v for v, use in zip(eqn.invars, used_inputs) if use]
        outvars = [v for v, use in zip(eqn.outvars, used) if use]
        return eqn.replace(invars=invars, outvars=outvars, params={**eqn.params, "jaxpr": jaxpr})

    rules = {"impl": impl, "jvp": jvp, "transpose": transpose, "batch": batch, "dce": dce, **call_rules}
    primitive = call_row(name, abstract_eval=abstract_eval, called_jaxpr=lambda params: params["jaxpr"], **rules)
    return primitive


# ---------------------------------------------------------------------------------------------------------------------
# jit


def _impl(*args, jaxpr: ClosedJaxpr, name: str, compiler: str | None = None):
    return compile_jaxpr(jaxpr)(*args)


def _run_on_arrays(args, *, jaxpr: ClosedJaxpr, name: str, compiler: str | None = None):
    return compiled(jaxpr, name, compiler)(args)


def _abstract_eval(*avals, jaxpr: ClosedJaxpr, name: str, compiler: str | None = None):
    check_types(f"jit of {name}", avals, jaxpr.in_avals)
    return jaxpr.out_avals


def _linearize(primals, tangents, *, jaxpr, **params):
    """Run the primal part now: its results are the outputs and the residuals. The tangent part becomes one jit equation."""
    primal_jaxpr, out_nonzero, linear_jaxpr = linearize_jaxpr(jaxpr, nonzero(tangents))
    results = jit_p.bind(*primals, jaxpr=primal_jaxpr, **params)
    outs, residuals = results[: len(out_nonzero)], results[len(out_nonzero) :]

    def record(tangents):
        if not any(out_nonzero):
            return fill(outs, [], out_nonzero)
        out_tangents = jit_p.bind(*residuals, *without_zeros(tangents), jaxpr=linear_jaxpr, **params)
        return fill(outs, out_tangents, out_nonzero)

    return outs, record


def _partial_eval(args, unknown, *, jaxpr, **params):
    """Compute the known results of a jit now. A jvp rule that calls jit needs it: its primals are known, its tangents not."""
    known, rest, out_unknown = split_jaxpr(jaxpr, unknown)
    if all(out_unknown):
        return None
    results = iter(jit_p.bind(*[x for x, u in zip(args, unknown) if not u], jaxpr=known, **params))
    outs = [None if u else next(results) for u in out_unknown]
    residuals = list(results)

    def record(unknown_args, write):
        return write([*residuals, *unknown_args], {"jaxpr": rest, **params}) if any(out_unknown) else []

    return outs, record


jit_p = jaxpr_row(
    "jit",
    impl=_impl,
    abstract_eval=_abstract_eval,
    run_on_arrays=_run_on_arrays,
    linearize=_linearize,
    partial_eval=_partial_eval,
)
