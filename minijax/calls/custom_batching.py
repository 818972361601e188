"""`custom_vmap_call`: the primitive of `custom_vmap`. It has a jaxpr, and the user's function that computes a batch.

Functions here are flat: they take and return lists of arrays. `api/custom_batching.py` has the users' functions. (JAX:
`_src/custom_batching.py`.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..core.jaxpr import ClosedJaxpr, jaxpr_as_fun
from ..foundation.dtypes import issubdtype
from ..foundation.pytrees import treedef_tuple
from ..lowering.compile import compile_jaxpr
from ..primitives.basis import batch_to_front, call_row, instantiate, move_batch_dim, zero_like
from ..transforms.jvp import fill, jvp_flat, jvp_jaxpr, nonzero, without_zeros
from ..transforms.vmap import Axis, vmap_flat
from .scan import split_at

# (axis_size, which arguments are batched, arguments with batch axes in front) -> (results, which results are batched).
Rule = Callable[[int, list[bool], list], tuple[list, list[bool]]]


def _batch(axis, args, dims, *, rule: Rule, **params):
    args = [x if d is None else move_batch_dim(x, d, 0) for x, d in zip(args, dims)]
    outs, batched = rule(axis.size, [d is not None for d in dims], args)
    return outs, [0 if flag else None for flag in batched]


def _jvp(primals, tangents, *, call: ClosedJaxpr, rule: Rule, in_tree, out_tree):
    """One call for primals and tangents, whose batch rule is the derivative of the user's rule. Therefore the user's rule also
    computes the batch in vmap(lambda x: jvp(f, (x,), (x,)))."""
    in_nonzero = nonzero(tangents)
    wanted = tuple(issubdtype(aval.dtype, np.inexact) for aval in call.out_avals)
    pushed, _ = jvp_jaxpr(call, in_nonzero, wanted)
    results = custom_vmap_p.bind(
        *primals,
        *without_zeros(tangents),
        call=pushed,
        rule=_rule_of_jvp(rule, pushed, in_nonzero, wanted),
        in_tree=treedef_tuple((in_tree, in_tree)),
        out_tree=treedef_tuple((out_tree, out_tree)),
    )
    outs, out_tangents = split_at(results, len(wanted))
    return outs, fill(outs, out_tangents, wanted)


def _rule_of_jvp(rule: Rule, pushed: ClosedJaxpr, in_nonzero: Sequence[bool], wanted: Sequence[bool]) -> Rule:
    def jvp_of_rule(axis_size: int, batched: list[bool], args: list):
        primals, tangents = split_at(args, len(in_nonzero))
        of_primals, of_tangents = split_at(batched, len(in_nonzero))
        if not any(of_primals):
            # jacfwd has a batch of tangents alone. The primals are not batched, so the primal results must not be batched either.
            pairs = vmap_flat(jaxpr_as_fun(pushed), Axis(None, axis_size), args, [0 if b else None for b in batched])
            return [batch_to_front(x, d) if d else x for x, d in pairs], [d is not None for _, d in pairs]
        pairs = iter(zip(tangents, of_tangents))
        primals, tangents, either = zip(
            *[
                _alike(axis_size, x, b, *(next(pairs) if nz else (None, b)))
                for x, b, nz in zip(primals, of_primals, in_nonzero)
            ]
        )
        out_batched: list[bool] = []

        def on_primals(*xs):
            outs, flags = rule(axis_size, list(either), list(xs))
            out_batched[:] = flags
            return outs

        outs, out_tangents = jvp_flat(on_primals, primals, tangents)
        out_tangents = [instantiate(t) for t, want in zip(out_tangents, wanted) if want]
        return [*outs, *out_tangents], [*out_batched, *[flag for flag, want in zip(out_batched, wanted) if want]]

    return jvp_of_rule


def _alike(axis_size: int, x, x_batched: bool, t, t_batched: bool) -> tuple:
    """(primal, tangent, whether both are batched). If only one of them is batched, the other one becomes batched."""
    if t is None:
        return x, zero_like(x), x_batched
    if x_batched == t_batched:
        return x, t, x_batched
    return (x, batch_to_front(t, None, axis_size), True) if x_batched else (batch_to_front(x, None, axis_size), t, True)


def _no_reverse_mode(primals, tangents, **params):
    raise ValueError(
        "custom_vmap functions do not support reverse-mode differentiation, as in JAX: their rule computes values only. Wrap the"
        " custom_vmap function in a custom_vjp function, which defines the derivative."
    )


# As in JAX, the user's rule may return other dtypes than the function, so the batch rule is not checked.
_batch.checks = "batch"

custom_vmap_p = call_row(
    "custom_vmap_call",
    impl=lambda *args, call, **params: compile_jaxpr(call)(*args),
    abstract_eval=lambda *avals, call, **params: call.out_avals,
    jvp=_jvp,
    transpose="custom_vmap functions do not support reverse mode, as in JAX; wrap the custom_vmap function in a custom_vjp",
    batch=_batch,
    linearize=_no_reverse_mode,
    called_jaxpr=lambda params: params["call"],
)
