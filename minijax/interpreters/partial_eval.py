"""Functions traced with some arguments known (`jax.interpreters.partial_eval`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.avals import ShapedArray
from ..core.jaxpr import Jaxpr, dce_jaxpr
from ..core.staging import JaxprTracer, TangentTrace
from ..core.traces import run_to_end, thread_state
from ..extend.linear_util import WrappedFun
from ..foundation.doors import at_the_door


class PartialVal(tuple):
    """A value that is known, (None, value), or one whose type alone is known, (type, None).

    >>> PartialVal.known(3.0), PartialVal.known(3.0).is_known()
    ((None, 3.0), True)
    """

    __slots__ = ()

    @classmethod
    def known(cls, const: Any) -> PartialVal:
        return cls((None, const))

    @classmethod
    def unknown(cls, aval: ShapedArray) -> PartialVal:
        return cls((aval, None))

    def is_known(self) -> bool:
        return self[0] is None

    def get_known(self) -> Any:
        return self[1] if self.is_known() else None

    def get_aval(self) -> ShapedArray:
        from_value = self[0] is None
        return thread_state.trace.given(self[1]).aval if from_value else self[0]


def trace_to_jaxpr_nounits(
    fun: WrappedFun, pvals: Sequence[PartialVal], instantiate: bool | Sequence[bool] = False
) -> tuple[Jaxpr, list[PartialVal], list]:
    """Run a function of flat arrays on what is known, and write down what depends on the unknown.

    Returns the jaxpr, whose arguments are the unknown ones and whose results are those that are not known; the results as
    `PartialVal`s; and the values of the jaxpr's constvars. instantiate: which results are to be in the jaxpr though they are
    known.

    >>> import numpy as np
    >>> from minijax.extend.linear_util import wrap_init
    >>> unknown = PartialVal.unknown(ShapedArray((), np.dtype("float32")))
    >>> jaxpr, outs, _ = trace_to_jaxpr_nounits(wrap_init(lambda a, b: [a * 2.0, a * b]), [PartialVal.known(3.0), unknown])
    >>> outs
    [(None, 6.0), (ShapedArray(float32[]), None)]
    """
    trace = TangentTrace(thread_state.trace)

    def run():
        args = [const if aval is None else trace.new_arg(aval) for aval, const in pvals]
        outs = fun.call_wrapped(*args)
        wanted = [instantiate] * len(outs) if isinstance(instantiate, bool) else instantiate
        kept = [out for out, w in zip(outs, wanted) if w or _is_of(trace, out)]
        jaxpr, consts = trace.finish(kept)
        avals = iter(jaxpr.outvars)
        made = [
            PartialVal.unknown(next(avals).aval) if w or _is_of(trace, out) else PartialVal.known(out)
            for out, w in zip(outs, wanted)
        ]
        return jaxpr, made, consts

    return run_to_end(trace, run)


def _is_of(trace: TangentTrace, x: Any) -> bool:
    return type(x) is JaxprTracer and x._trace is trace


__all__ = ["PartialVal", "dce_jaxpr", "trace_to_jaxpr_nounits"]

at_the_door(globals())
