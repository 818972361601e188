"""The table of rules, and the rules of primitives that are constant, linear or bilinear."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...core.avals import Zero
from ...core.jaxpr import eval_jaxpr, jaxprs_in_params
from ...core.primitive import Absent, Primitive
from ...foundation.dtypes import issubdtype
from ...primitives.basis import instantiate, zero_like
from ...transforms.jvp import fill, nonzero
from ...transforms.linearize import linearize_flat
from .series import convolution, zero_series

# A rule: (primals, series, **params) -> (primal out, its terms), or two lists for several results.
jet_rules: dict[Primitive, Callable] = {}


def rule_from_row(primitive: Primitive, primals, series, **params):
    """The rule of a primitive that the table lacks, as its row allows: a primitive with one argument and a transpose rule is
    linear, and a result that is not a real or complex number is constant. Raises NotImplementedError for others."""
    if len(primals) == 1 and not isinstance(primitive.transpose, Absent) and not jaxprs_in_params(params):
        return linear(primitive)(primals, series, **params)
    out = primitive.bind(*primals, **params)
    zeros = [zero_series(x, len(series[0])) for x in (out if primitive.multiple_results else [out])]
    if any(issubdtype(terms[0].aval.dtype, np.inexact) for terms in zeros):
        reason = (
            f"give it one, jet_rules[{primitive}_p] = rule, with rule(primals, series, **params) -> (primal, terms)"
        )
        Absent(primitive.name, "jet", reason)()
    return out, zeros if primitive.multiple_results else zeros[0]


def constant(primitive: Primitive) -> Callable:
    """The rule of a primitive that is constant almost everywhere."""

    def rule(primals, series, **params):
        out = primitive.bind(*primals, **params)
        return out, zero_series(out, len(series[0]))

    return rule


def linear(primitive: Primitive) -> Callable:
    """The rule of a primitive that is linear in the arguments with terms, or linear on either side of a kink: its derivative
    at the primals is the same linear function for the terms of every order."""

    def rule(primals, series, **params):
        def function(*args):
            out = primitive.bind(*args, **params)
            return out if primitive.multiple_results else [out]

        in_nonzero = [any(nonzero(terms)) for terms in series]
        outs, out_nonzero, jaxpr, residuals = linearize_flat(function, primals, in_nonzero)
        columns = zip(*[terms for terms, nz in zip(series, in_nonzero) if nz])
        rows = []
        for column in columns:
            if any(nonzero(column)):
                rows.append(fill(outs, eval_jaxpr(jaxpr, residuals, *map(instantiate, column)), out_nonzero))
            else:
                rows.append([zero_like(x) for x in outs])
        terms = [list(column) for column in zip(*rows)]
        return (outs, terms) if primitive.multiple_results else (outs[0], terms[0])

    return rule


def bilinear(primitive: Primitive) -> Callable:
    """The rule of a product: the terms of order k are the sum of the products of those of orders j and k - j."""

    def rule(primals, series, **params):
        def times(x, y):
            return x if type(x) is Zero else y if type(y) is Zero else primitive.bind(x, y, **params)

        u, w = ([x, *terms] for x, terms in zip(primals, series))
        return times(u[0], w[0]), [convolution(u, w, k, times) for k in range(1, len(u))]

    return rule
