"""`remat_p`, the primitive of `checkpoint`, printed as `remat2`: reverse mode computes its residuals again.

Its linearize rule runs the function now, and keeps the arguments and the values that the policy selects. It records an
equation that computes the residuals from the kept values, and the tangents from the residuals. (JAX:
`_src/ad_checkpoint.py`.)
"""

from __future__ import annotations

import numpy as np

from ..core.jaxpr import ClosedJaxpr, Jaxpr, Literal, dce_jaxpr, eval_jaxpr, jaxpr_as_fun, without_dead
from ..core.staging import trace_to_closed_jaxpr
from ..lowering.compile import compile_jaxpr
from ..primitives.basis import linear_row
from ..transforms.jvp import fill, nonzero, without_zeros
from ..transforms.linearize import linearize_jaxpr
from .jit import jaxpr_row

# `checkpoint_name`: it marks a value for policies, and returns the value.
name_p = linear_row(
    "name",
    impl=lambda x, *, name: x,
    abstract_eval=lambda x, *, name: x,
    transpose=lambda ct, x, *, name: [ct],
    batch=lambda axis, args, dims, *, name: (name_p.bind(args[0], name=name), dims[0]),
)


def _linearize(primals, tangents, *, jaxpr: ClosedJaxpr, policy, differentiated, prevent_cse):
    primal_jaxpr, out_nonzero, linear = linearize_jaxpr(jaxpr, nonzero(tangents))
    n_out = len(out_nonzero)
    forward, again, used = split_by_policy(primal_jaxpr, n_out, policy)
    results = eval_jaxpr(forward, primal_jaxpr.consts, *primals)
    outs, saved = results[:n_out], results[n_out:]
    kept = [*saved, *[x for x, use in zip(primals, used) if use]]

    def body(*args):
        residuals = eval_jaxpr(again, primal_jaxpr.consts, *args[: len(kept)])
        return jaxpr_as_fun(linear)(*residuals, *args[len(kept) :])

    def record(tangents):
        if not any(out_nonzero):
            return fill(outs, [], out_nonzero)
        in_avals = [*[v.aval for v in again.invars], *linear.in_avals[len(again.outvars) :]]
        params = {"policy": policy, "differentiated": True, "prevent_cse": prevent_cse}
        linear_jaxpr = trace_to_closed_jaxpr(body, in_avals)
        out_tangents = remat_p.bind(*kept, *without_zeros(tangents), jaxpr=linear_jaxpr, **params)
        return fill(outs, out_tangents, out_nonzero)

    return outs, record


def split_by_policy(primal_jaxpr: ClosedJaxpr, n_out: int, policy) -> tuple[Jaxpr, Jaxpr, list[bool]]:
    """(jaxpr from the arguments to the results and the saved values, jaxpr from the saved values and the arguments to the
    residuals, which of its arguments the second jaxpr needs). The policy selects the saved values."""
    jaxpr = primal_jaxpr.jaxpr
    residuals = jaxpr.outvars[n_out:]
    saveable = [eqn for eqn in jaxpr.eqns if policy is not None and _saves(policy, eqn)]
    variables = [v for eqn in saveable for v in eqn.outvars]
    saveable_eqns = set(map(id, saveable))
    rest = [eqn for eqn in jaxpr.eqns if id(eqn) not in saveable_eqns]
    again = Jaxpr(jaxpr.constvars, [*variables, *jaxpr.invars], residuals, rest)
    again, used = dce_jaxpr(again, [True] * len(residuals))
    saved = [v for v, use in zip(variables, used) if use]
    forward = without_dead(jaxpr.replace(outvars=[*jaxpr.outvars[:n_out], *saved]))
    return forward, again, used[len(variables) :]


class _Answer:
    """What a policy may return in place of a bool: `Saveable` or `Recompute`."""

    def __init__(self, saves: bool):
        self._saves = saves

    def __bool__(self) -> bool:
        return self._saves

    def __repr__(self) -> str:
        return "Saveable" if self._saves else "Recompute"


Saveable, Recompute = _Answer(True), _Answer(False)


def _saves(policy, eqn) -> bool:
    answer = policy(eqn.primitive, *[v.aval for v in eqn.invars], **eqn.params)
    if not isinstance(answer, (bool, np.bool_, _Answer)):
        raise TypeError(f"a policy of checkpoint must return a bool, Saveable or Recompute, got {answer!r}.")
    return bool(answer)


remat_p = jaxpr_row(
    "remat2",
    impl=lambda *args, jaxpr, **params: compile_jaxpr(jaxpr)(*args),
    abstract_eval=lambda *avals, jaxpr, **params: jaxpr.out_avals,
    linearize=_linearize,
)


def saved_residuals(primal_jaxpr: ClosedJaxpr, n_out: int) -> list:
    """(variable, the equation that computes it) for each value that a linearized function keeps. The arguments come first,
    with None in place of an equation."""
    kept = {v for v in primal_jaxpr.jaxpr.outvars[n_out:] if type(v) is not Literal}
    given = [(v, None) for v in (*primal_jaxpr.jaxpr.invars, *primal_jaxpr.jaxpr.constvars)]
    return [(v, eqn) for v, eqn in [*given, *[(v, e) for e in primal_jaxpr.jaxpr.eqns for v in e.outvars]] if v in kept]
