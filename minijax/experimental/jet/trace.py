"""The trace of jet, and the function `jet` that users call."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ...api.arguments import as_operand, as_output
from ...core.array import to_array
from ...core.avals import Zero
from ...core.traces import (
    Array,
    Trace,
    Tracer,
    called_by_user,
    check_not_leaked,
    get_aval,
    run_to_end,
    run_under,
    thread_state,
    without_tangent,
)
from ...foundation.dtypes import issubdtype
from ...foundation.pytrees import tree_flatten, tree_structure, tree_unflatten, treedef_is_leaf
from ...primitives.basis import broadcast_in_dim, full, shape_of, zero_like
from ...primitives.elementwise import convert_element_type
from .rules import jet_rules, rule_from_row
from .series import fill_series, scaled

# ---------------------------------------------------------------------------------------------------------------------
# The trace


class JetTracer(Tracer):
    """A primal value and the terms of its Taylor series, starting with the first."""

    __slots__ = ("primal", "terms")

    def __init__(self, trace: JetTrace, primal, terms: Sequence):
        self._trace = trace
        self.primal = primal
        self.terms = terms

    aval = property(lambda self: get_aval(self.primal))

    def written(self):
        return self.primal.written() if isinstance(self.primal, Tracer) else None

    def without_tangent(self):
        return without_tangent(self.primal)

    def to_concrete_value(self):
        primal = self.primal
        return primal.to_concrete_value() if isinstance(primal, Tracer) else primal


class JetTrace(Trace):
    """The trace that applies to each primitive its rule in `jet_rules`, under the parent trace."""

    __slots__ = ("order",)
    transformation = "jet"

    def __init__(self, parent: Trace, order: int):
        super().__init__(parent)
        self.order = order

    def split(self, x) -> tuple:
        """(primal, terms) of one argument; the terms are None if the argument is constant in this trace."""
        if type(x) is JetTracer and x._trace is self:
            return x.primal, x.terms
        if isinstance(x, Tracer):
            check_not_leaked(x)
        return x, None

    def join(self, primal, terms: Sequence):
        if all(type(t) is Zero for t in terms):
            return primal
        # Make the zeros anew, in the result's shape: a rule may multiply the zero of a scalar with an array.
        return JetTracer(self, primal, [zero_like(primal) if type(t) is Zero else t for t in terms])

    def process_primitive(self, primitive, args, params):
        primals, series = zip(*map(self.split, args)) if args else ((), ())
        if all(terms is None for terms in series):
            return run_under(self.parent, self.parent.process_primitive, primitive, primals, params)

        def run():
            values = [x if isinstance(x, Array) else to_array(x) for x in primals]
            rule = jet_rules.get(primitive) or partial(rule_from_row, primitive)
            return rule(values, fill_series(values, series, self.order), **params)

        out, terms = run_under(self.parent, run)
        if primitive.multiple_results:
            return [self.join(x, s) for x, s in zip(out, terms, strict=True)]
        return self.join(out, terms)


def jet_flat(function: Callable, order: int, primals: Sequence, series: Sequence) -> tuple[list, list]:
    """(primals out, their series) of a function of flat arrays, each series a list of `order` terms."""
    trace = JetTrace(thread_state.trace, order)

    def run():
        args = (trace.join(x, terms) for x, terms in zip(primals, series, strict=True))
        return [trace.split(x) for x in function(*args)]

    pairs = run_to_end(trace, run)
    out_primals = [x for x, _ in pairs]
    return out_primals, fill_series(out_primals, [terms for _, terms in pairs], order)


# ---------------------------------------------------------------------------------------------------------------------
# The function


@called_by_user
def jet(fun: Callable, primals: Sequence, series: Sequence, factorial_scaled: bool = True) -> tuple:
    """The value of `fun` at `primals` and its derivatives there along a curve (`jax.experimental.jet.jet`).

    primals: the arguments, arrays or pytrees of arrays. series: for each argument the sequence of its terms, each of the
    argument's shape (or a number, for all its elements): the derivatives x'(0), x''(0), ... of the curve, or with
    `factorial_scaled=False` the coefficients of its power series, x^(k)(0) / k!. All have the same number of terms.

    Returns (value, series out): the second has the list of terms in place of each array that `fun` returns. A term that is a
    Python number or NumPy array of zeros costs nothing. Raises ValueError for sequences of different lengths and for terms
    that do not fit their argument, NotImplementedError at a primitive that has no rule in `jet_rules`.

    >>> import minijax.numpy as jnp
    >>> jet(lambda x: x * x * x, (2.0,), ((1.0, 0.0, 0.0),))[1]
    [Array(12., dtype=float32, weak_type=True), Array(12., dtype=float32, weak_type=True), Array(6., dtype=float32, weak_type=True)]
    """
    order = _order(primals, series)
    flat_primals, flat_series = [], []
    for i, (primal, terms) in enumerate(zip(primals, series)):
        leaves, tree = tree_flatten(primal)
        columns = [_term_leaves(t, tree, i, j) for j, t in enumerate(terms)]
        for n, leaf in enumerate(leaves):
            x, s = _series_of(leaf, [c[n] for c in columns], i, factorial_scaled)
            flat_primals.append(x)
            flat_series.append(s)
    in_tree, out_tree = tree_structure(tuple(primals)), None

    def flat(*args):
        nonlocal out_tree
        leaves, out_tree = tree_flatten(fun(*tree_unflatten(in_tree, args)))
        return [as_output(x, fun) for x in leaves]

    outs, out_series = jet_flat(flat, order, flat_primals, flat_series)
    out_series = [
        [
            _term_out(t, x, math.factorial(k) if factorial_scaled else 1, factorial_scaled)
            for k, t in enumerate(terms, 1)
        ]
        for x, terms in zip(outs, out_series)
    ]
    return tree_unflatten(out_tree, outs), tree_unflatten(out_tree, out_series)


def _order(primals: Sequence, series: Sequence) -> int:
    lengths = set(map(len, series))
    if len(lengths) != 1:
        raise ValueError("jet terms have inconsistent lengths for different arguments")
    if len(primals) != len(series):
        raise ValueError(f"jet got {len(primals)} primal values and {len(series)} series: give a series for each.")
    return lengths.pop()


def _term_leaves(term, tree, i: int, j: int) -> list:
    leaves, term_tree = tree_flatten(term)
    if term_tree != tree:
        if treedef_is_leaf(tree):
            raise ValueError(f"term {j} for argument {i} is not an array")
        raise ValueError(f"term {j} for argument {i} has tree structure {term_tree}, the primal value {tree}.")
    return leaves


def _series_of(x, terms: Sequence, i: int, factorial_scaled: bool) -> tuple:
    """(an argument, its terms) as arrays of the argument's type, with the terms as coefficients of the power series."""
    x = as_operand(x, "primal value")
    # An `Array` of zeros does not count as zero: it may hold other numbers at the next call of the same jaxpr.
    zero = [not isinstance(t, Array) and not np.any(t) for t in terms]
    terms = [_fitting_term(as_operand(t, "term"), x, f"term {j} for argument {i}") for j, t in enumerate(terms)]
    if not issubdtype(x.dtype, np.inexact) and not all(zero):
        # Along a curve, the value lies between two integers.
        x = convert_element_type(x, float, x.weak_type)
    divisors = [math.factorial(k) if factorial_scaled else 1 for k in range(1, len(terms) + 1)]
    return x, [zero_like(x) if z else _coefficient(t, x, d) for t, z, d in zip(terms, zero, divisors)]


def _fitting_term(term, x, which: str):
    if shape_of(term) not in ((), shape_of(x)):
        raise ValueError(f"{which} has shape {shape_of(term)}, the primal value {shape_of(x)}: a term has its shape.")
    if issubdtype(term.dtype, np.complexfloating) and not issubdtype(x.dtype, np.complexfloating):
        raise TypeError(
            f"{which} is {term.dtype.name}, the primal value {x.dtype.name}: make the primal value complex."
        )
    return term


def _coefficient(term, x, divisor: int):
    term = convert_element_type(term, x.dtype, x.weak_type)
    term = broadcast_in_dim(term, shape_of(x), ()) if shape_of(term) != shape_of(x) else term
    return term if divisor == 1 else term / divisor


def _term_out(term, x, factor: int, factorial_scaled: bool):
    if type(term) is Zero:
        aval = get_aval(x)
        # As in JAX, which multiplies the zeros of integers and booleans by the factorial, a weakly typed float.
        if factorial_scaled and not issubdtype(aval.dtype, np.inexact):
            return full(aval.shape, 0, np.dtype("float32"), True)
        return full(aval.shape, 0, aval.dtype, aval.weak_type)
    return scaled(factor, term)
