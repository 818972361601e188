"""`custom_linear_solve`: the primitive of a linear system that the user's own solver solves.

The primitive carries four functions: `matvec` maps x to A x, `solve` maps b to the x with A x = b, and reverse mode uses
`vecmat` and `transpose_solve`, which do the same for the transposed matrix. Its arguments are the values that each function
closes over, and then b. The solver is never differentiated: the equation A x = b gives the derivative. (JAX:
`_src/lax/control_flow/solves.py`.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..core.avals import Zero, is_undefined_primal
from ..core.jaxpr import jaxpr_as_fun
from ..core.traces import get_aval
from ..lowering.compile import compile_jaxpr
from ..primitives.basis import add_tangents, call_row, instantiate, zero_like, zeros
from ..primitives.elementwise import neg_p
from ..transforms.jvp import jvp_flat, nonzero
from ..transforms.vmap import batch_jaxpr, materialize
from .scan import fixpoint, split_at


class _LinearSolveTuple(NamedTuple):
    """One item for each of the four functions. Printed jaxprs show the name of this class, so it is JAX's name."""

    matvec: Any
    vecmat: Any
    solve: Any
    transpose_solve: Any

    def transpose(self) -> _LinearSolveTuple:
        """The items for the transposed system."""
        return _LinearSolveTuple(self.vecmat, self.matvec, self.transpose_solve, self.solve)


def linear_solve(consts: Sequence[list], jaxprs: Sequence, b: Sequence) -> list:
    """The leaves of x, and of the solver's auxiliary data.

    jaxprs: ClosedJaxprs of matvec, vecmat, solve and transpose_solve; their first arguments are the values that they close
    over. vecmat and transpose_solve may be None. consts: for each function, the list of the values that it closes over.
    """
    const_lengths = _LinearSolveTuple(*map(len, consts))
    flat = [x for part in consts for x in part]
    return linear_solve_p.bind(*flat, *b, const_lengths=const_lengths, jaxprs=_LinearSolveTuple(*jaxprs))


def _consts_and_b(args: Sequence, const_lengths: _LinearSolveTuple) -> tuple[_LinearSolveTuple, list]:
    *consts, b = split_at(args, *const_lengths)
    return _LinearSolveTuple(*consts), b


def _impl(*args, const_lengths, jaxprs):
    consts, b = _consts_and_b(args, const_lengths)
    return compile_jaxpr(jaxprs.solve)(*consts.solve, *b)


def _abstract_eval(*avals, const_lengths, jaxprs):
    consts, b = _consts_and_b(avals, const_lengths)
    for given, expected in zip([*consts.solve, *b], jaxprs.solve.in_avals, strict=True):
        if (given.shape, given.dtype) != (expected.shape, expected.dtype):
            raise TypeError(
                f"custom_linear_solve got {given.str_short()}, but its solver takes {expected.str_short()}: matvec and solve"
                " must keep the dtype of b. Make b an array of floats."
            )
    return jaxprs.solve.out_avals


def _jvp(primals, tangents, *, const_lengths, jaxprs):
    """A x = b gives dA x + A dx = db: a second solve computes dx. Auxiliary data has no derivative."""
    outs = linear_solve_p.bind(*primals, const_lengths=const_lengths, jaxprs=jaxprs)
    consts, b = _consts_and_b(primals, const_lengths)
    consts_t, b_t = _consts_and_b(tangents, const_lengths)
    matvec_t = _matvec_tangents(jaxprs.matvec, consts.matvec, consts_t.matvec, outs[: len(b)])
    rhs = [add_tangents(t, m if type(m) is Zero else neg_p.bind(m)) for t, m in zip(b_t, matvec_t)]
    if not any(nonzero(rhs)):
        return outs, list(map(zero_like, outs))
    rhs = [zeros(get_aval(x)) if type(t) is Zero else t for x, t in zip(b, rhs)]
    x_t = linear_solve(consts, jaxprs, rhs)[: len(b)]
    return outs, [*x_t, *map(zero_like, outs[len(b) :])]


def _matvec_tangents(matvec, consts: list, tangents: list, x: list) -> list:
    """The tangents dA x of matvec at a fixed x."""
    x_t = list(map(zero_like, x))
    if not any(nonzero(tangents)):
        return x_t
    return jvp_flat(jaxpr_as_fun(matvec), [*consts, *x], [*tangents, *x_t])[1]


def _transpose(cotangents, *args, const_lengths, jaxprs):
    """The cotangent of b: x = A^-1 b is linear in b, so the transposed system gives it."""
    if jaxprs.transpose_solve is None:
        raise TypeError(
            "transpose_solve required for backwards mode automatic differentiation of custom_linear_solve: pass transpose_solve,"
            " or symmetric=True if the matrix is symmetric."
        )
    consts, b = _consts_and_b(args, const_lengths)
    if any(is_undefined_primal(x) for part in consts for x in part):
        raise NotImplementedError(
            "custom_linear_solve is linear in b alone, but matvec or solve closes over an argument of linear_transpose: make b the"
            " only argument of the function that linear_transpose gets."
        )
    if any(nonzero(cotangents[len(b) :])):
        raise NotImplementedError(
            "custom_linear_solve: a solver's auxiliary data has no transpose: return only the solution."
        )
    cts = linear_solve(consts.transpose(), jaxprs.transpose(), [instantiate(ct) for ct in cotangents[: len(b)]])
    return [*[None] * sum(const_lengths), *[ct if is_undefined_primal(x) else None for ct, x in zip(cts, b)]]


def _batch(axis, args, dims, *, const_lengths, jaxprs):
    """One solve for the whole batch. As in JAX, a leaf of x or b gets a batch axis if the result of one of the four functions
    for this leaf has one. Auxiliary data always gets one."""
    consts, b = _consts_and_b(args, const_lengths)
    consts_d, b_d = _consts_and_b(dims, const_lengths)
    n = len(b)

    def each(of_x: list, of_b: list, instantiate: bool) -> list:
        """For each function its batched jaxpr and the batch axes of its results: matvec and transpose_solve map leaves of x to
        leaves of b, vecmat and solve leaves of b to leaves of x."""
        results = []
        sides = ((of_x, of_b), (of_b, of_x), (of_b, of_x), (of_x, of_b))
        for jaxpr, const_dims, (given, wanted) in zip(jaxprs, consts_d, sides):
            if jaxpr is None:
                results.append((None, [None] * n))
            else:
                num_aux = len(jaxpr.out_avals) - n
                in_dims = (*const_dims, *[0 if flag else None for flag in given])
                results.append(
                    batch_jaxpr(jaxpr, axis, in_dims, (*wanted, *[True] * num_aux) if instantiate else False)
                )
        return results

    def step(flags):
        (_, matvec), (_, vecmat), (_, solve), (_, transposed) = each(flags[:n], flags[n:], False)
        return [d is not None or e is not None for d, e in zip([*vecmat, *matvec], [*solve[:n], *transposed[:n]])]

    flags = fixpoint(step, [*[False] * n, *[d is not None for d in b_d]])
    batched = each(flags[:n], flags[n:], True)
    in_front = [materialize(x, d, 0 if flag else None, axis) for x, d, flag in zip(b, b_d, flags[n:])]
    return linear_solve(consts, [jaxpr for jaxpr, _ in batched], in_front), batched[2][1]


linear_solve_p = call_row(
    "custom_linear_solve",
    impl=_impl,
    abstract_eval=_abstract_eval,
    jvp=_jvp,
    transpose=_transpose,
    batch=_batch,
)
