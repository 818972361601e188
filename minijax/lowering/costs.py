"""The cost of equations, by XLA's convention, and the memory that a program needs.

The numbers are those of XLA's cost analysis before it optimises (`jax.jit(f).lower(x).cost_analysis()`): a product of (m, k) and
(k, n) is 2mnk, an elementwise operation 1 for each element of its result, a reduction 1 for each element that it adds; exp, sin and
their like count apart, as transcendentals. One difference: XLA counts a loop's body once, and here it counts once for each step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from ..core.avals import ShapedArray
from ..core.jaxpr import Atom, ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var, jaxprs_in_params, last_used
from ..core.primitive import Primitive
from ..foundation.dtypes import float0
from .lowered import lowered
from .rewriting import every_equation


@dataclass(frozen=True)
class Cost:
    """flops, transcendentals, bytes: by XLA's convention. A product of (m, k) and (k, n) is 2mnk, an elementwise operation 1 for
    each element, and exp, sin and their like count apart. bytes: what the operations read and write."""

    flops: int = 0
    transcendentals: int = 0
    bytes: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.flops + other.flops, self.transcendentals + other.transcendentals, self.bytes + other.bytes)

    def times(self, n: int) -> Cost:
        return Cost(self.flops * n, self.transcendentals * n, self.bytes * n)

    def at_least(self, other: Cost) -> Cost:
        pairs = zip((self.flops, self.transcendentals, self.bytes), (other.flops, other.transcendentals, other.bytes))
        return Cost(*[max(pair) for pair in pairs])


# {primitive: (operations, transcendentals) for each element}, for elementwise primitives other than (1, 0). XLA expands the lower
# ones into several operations; these are the numbers for float32.
ELEMENTWISE: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("atan2", "cbrt", "cos", "erf", "exp", "expm1", "log", "log1p", "pow", "rsqrt", "sin"), (0, 1)),
    **dict.fromkeys(("sqrt", "tan", "tanh", "atan"), (0, 1)),
    "acos": (3, 2),
    "acosh": (7, 4),
    "asin": (5, 2),
    "asinh": (11, 3),
    "atanh": (6, 2),
    "cosh": (3, 2),
    "digamma": (73, 3),
    "erf_inv": (37, 2),
    "erfc": (62, 1),
    "exp2": (1, 1),
    "lgamma": (53, 4),
    "logistic": (3, 1),
    "nextafter": (24, 0),
    "sinh": (10, 3),
}
# Elementwise for the cost, but not among the primitives that the house calls elementwise.
ALSO_ELEMENTWISE = {"bitcast_convert_type", "clamp", "convert_element_type", "iota", "reduce_precision", "select_n"}
# They move data and compute nothing.
MOVES = set(
    "broadcast_in_dim concatenate copy custom_lin dynamic_slice dynamic_update_slice gather name pad pbroadcast random_unwrap"
    " random_wrap random_clone reshape rev scatter slice split squeeze stack stop_gradient tile transpose unstack top_k"
    " debug_callback debug_print axis_index ppermute all_gather all_to_all".split()
)
REDUCTIONS = {"reduce_sum", "reduce_prod", "reduce_max", "reduce_min", "reduce_and", "reduce_or", "reduce_xor"}
SCATTERS = {"scatter-add", "scatter-sub", "scatter-mul", "scatter-min", "scatter-max"}
CUMULATIVE = {"cumsum": (1, 0), "cumprod": (1, 0), "cummax": (1, 0), "cummin": (1, 0), "cumlogsumexp": (8, 2)}


def nbytes(aval: ShapedArray) -> int:
    return 0 if aval.dtype == float0 else aval.size * aval.dtype.itemsize


def _dot_general(eqn: JaxprEqn) -> int:
    (contracted, _), _ = eqn.params["dimension_numbers"]
    return 2 * eqn.outvars[0].aval.size * prod(eqn.invars[0].aval.shape[d] for d in contracted)


def _integer_pow(y: int) -> int:
    """Multiplications by squaring, and a division for a negative power."""
    n = abs(y)
    return max(n.bit_length() - 1 + n.bit_count() - 1, 0) + (y < 0)


def _sort(eqn: JaxprEqn) -> int:
    size = eqn.invars[0].aval.size
    return size * max(size - 1, 0).bit_length()


def _conv(eqn: JaxprEqn) -> int:
    """Each element of the result is a product over the filter's elements, without its output channels."""
    filters = eqn.invars[1].aval
    channels = filters.shape[eqn.params["dimension_numbers"].rhs_spec[0]]
    return 2 * eqn.outvars[0].aval.size * (filters.size // max(channels, 1))


OPERATIONS: dict[str, Callable[[JaxprEqn], int]] = {
    "dot_general": _dot_general,
    "conv_general_dilated": _conv,
    "sort": _sort,
    "integer_pow": lambda eqn: _integer_pow(eqn.params["y"]) * eqn.outvars[0].aval.size,
    "conj": lambda eqn: 4 * eqn.outvars[0].aval.size,
    "argmax": lambda eqn: 9 * (eqn.invars[0].aval.size - eqn.outvars[0].aval.size),
    "argmin": lambda eqn: 9 * (eqn.invars[0].aval.size - eqn.outvars[0].aval.size),
    **dict.fromkeys(REDUCTIONS, lambda eqn: eqn.invars[0].aval.size - eqn.outvars[0].aval.size),
    **dict.fromkeys(SCATTERS, lambda eqn: eqn.invars[2].aval.size),
}


def counted(eqn: JaxprEqn) -> bool:
    """Whether the operations of an equation are known. Those of random numbers are not counted."""
    return _is_known(eqn.primitive) or bool(carried(eqn))


def _is_known(primitive: Primitive) -> bool:
    name = primitive.name
    known = name in MOVES or name in OPERATIONS or name in ELEMENTWISE or name in ALSO_ELEMENTWISE or name in CUMULATIVE
    return known or primitive.elementwise


def carried(eqn: JaxprEqn) -> list[Jaxpr]:
    """The jaxprs that an equation carries. A user's primitive, such as kaf's, carries none: the function that it is lowered to
    says what it computes."""
    inner = jaxprs_in_params(eqn.params) if eqn.params else []
    if inner or _is_known(eqn.primitive):
        return inner
    return jaxprs_in_params(lowered(eqn, "cpu").params)


def cost_of(eqn: JaxprEqn) -> Cost:
    """What one run of an equation costs, with all runs of the jaxprs that it carries."""
    inner = carried(eqn)
    name = eqn.primitive.name
    if inner:
        costs = [cost_of_jaxpr(jaxpr) for jaxpr in inner]
        if name == "cond":
            most = Cost()
            for cost in costs:
                most = most.at_least(cost)
            return most
        if name == "scan":
            return costs[0].times(eqn.params["length"])
        # A custom rule carries its rules, too: only the function itself runs.
        return costs[0] if name != "while" else costs[0] + costs[1]
    out = eqn.outvars[0].aval if eqn.outvars else None
    moved = sum(nbytes(v.aval) for v in [*eqn.invars, *eqn.outvars])
    if name in OPERATIONS:
        return Cost(OPERATIONS[name](eqn), 0, moved)
    if name in CUMULATIVE:
        steps = out.size * (out.shape[eqn.params["axis"]] - 1)
        flops, transcendentals = CUMULATIVE[name]
        return Cost(flops * steps, transcendentals * steps, moved)
    if out is None or name in MOVES or not counted(eqn):
        return Cost(0, 0, moved)
    flops, transcendentals = ELEMENTWISE.get(name, (1, 0))
    return Cost(flops * out.size, transcendentals * out.size, moved)


def cost_of_jaxpr(jaxpr: Jaxpr | ClosedJaxpr) -> Cost:
    total = Cost()
    for eqn in jaxpr.eqns:
        total = total + cost_of(eqn)
    return total


def live_bytes(jaxpr: Jaxpr | ClosedJaxpr) -> list[int]:
    """Bytes in memory at each equation: the arguments and constants, which the caller keeps, the values that a later equation
    reads or the jaxpr returns, the equation's own results, and the most that the jaxprs need that it carries."""
    jaxpr = jaxpr.jaxpr if isinstance(jaxpr, ClosedJaxpr) else jaxpr
    given = sum(nbytes(v.aval) for v in [*jaxpr.constvars, *jaxpr.invars])
    last = last_used(jaxpr)
    alive: dict[Var, int] = {}
    total, found = given, []
    for eqn in jaxpr.eqns:
        for v in eqn.outvars:
            alive[v] = nbytes(v.aval)
            total += alive[v]
        inner = carried(eqn)
        found.append(total + max(map(_within, inner), default=0))
        for v in _ended(eqn, last):
            total -= alive.pop(v, 0)
    return found


def _ended(eqn: JaxprEqn, last: dict[Var, JaxprEqn | None]) -> list[Atom]:
    read = [v for v in eqn.invars if type(v) is not Literal and last[v] is eqn]
    return [*read, *[v for v in eqn.outvars if v not in last]]


def _within(jaxpr: Jaxpr | ClosedJaxpr) -> int:
    """The bytes that a carried jaxpr needs besides its arguments, which are in memory outside, too."""
    inner = jaxpr.jaxpr if isinstance(jaxpr, ClosedJaxpr) else jaxpr
    return peak(inner) - sum(nbytes(v.aval) for v in [*inner.constvars, *inner.invars])


def peak(jaxpr: Jaxpr | ClosedJaxpr) -> int:
    """The most bytes in memory at once."""
    inner = jaxpr.jaxpr if isinstance(jaxpr, ClosedJaxpr) else jaxpr
    return max(live_bytes(inner), default=sum(nbytes(v.aval) for v in [*inner.constvars, *inner.invars]))


@dataclass(frozen=True)
class CompiledMemoryStats:
    """The memory of a compiled program in bytes, by the names of XLA's record: of its code, of the arguments that it reads, of its
    results, of the results that lie in the memory of arguments, and the most that it needs besides."""

    generated_code_size_in_bytes: int = 0
    argument_size_in_bytes: int = 0
    output_size_in_bytes: int = 0
    alias_size_in_bytes: int = 0
    temp_size_in_bytes: int = 0
    host_generated_code_size_in_bytes: int = 0
    host_argument_size_in_bytes: int = 0
    host_output_size_in_bytes: int = 0
    host_alias_size_in_bytes: int = 0
    host_temp_size_in_bytes: int = 0
    peak_memory_in_bytes: int = 0


def memory_of(closed_jaxpr: ClosedJaxpr) -> CompiledMemoryStats:
    """The memory of the NumPy program of a jaxpr after all passes. A value counts until the last equation that reads it."""
    jaxpr = closed_jaxpr.jaxpr
    given, read = [*jaxpr.constvars, *jaxpr.invars], last_used(jaxpr)
    arguments, outputs = (sum(nbytes(v.aval) for v in vs) for vs in ([v for v in given if v in read], jaxpr.outvars))
    besides = max(0, peak(jaxpr) - sum(nbytes(v.aval) for v in given) - outputs)
    return CompiledMemoryStats(
        argument_size_in_bytes=arguments,
        output_size_in_bytes=outputs,
        temp_size_in_bytes=besides,
        peak_memory_in_bytes=arguments + outputs + besides,
    )


@dataclass(frozen=True)
class Costs:
    """What a jaxpr costs. equations: those of inner jaxprs too. flops, transcendentals, bytes: by XLA's convention. peak: the most
    bytes in memory at once. uncounted: primitives whose operations are not counted."""

    equations: int
    flops: int
    transcendentals: int
    bytes: int
    peak: int
    uncounted: tuple[str, ...] = ()


def costs(jaxpr: Jaxpr | ClosedJaxpr) -> Costs:
    """See `minijax.cost`."""
    if not isinstance(jaxpr, (Jaxpr, ClosedJaxpr)):
        raise TypeError(
            f"cost takes a jaxpr, and got a {type(jaxpr).__name__}: make one by minijax.make_jaxpr(f)(*args)"
        )
    cost = cost_of_jaxpr(jaxpr)
    eqns = [eqn for eqn, _ in every_equation(jaxpr)]
    uncounted = tuple(sorted({eqn.primitive.name for eqn in eqns if not counted(eqn)}))
    return Costs(len(eqns), cost.flops, cost.transcendentals, cost.bytes, peak(jaxpr), uncounted)
