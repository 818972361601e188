"""The method of Broyden, Fletcher, Goldfarb and Shanno (J. Nocedal, S. J. Wright, "Numerical optimization", 2006, 6.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...api.derivatives import value_and_grad
from ...core.traces import Array
from .line_search import line_search


class State(NamedTuple):
    """The state of a minimisation; `evaluations` counts those of the function with its gradient."""

    converged: Any
    failed: Any
    k: Any
    evaluations: Any
    x: Array
    f: Array
    g: Array
    H: Array
    before: Array
    line_search_status: Any


def vector_norm(x: Array, order: Any) -> Array:
    """The norm of a vector: of order inf, -inf, 0 or another number."""
    size = jnp.abs(x)
    if order == np.inf:
        return size.max()
    if order == -np.inf:
        return size.min()
    return (size != 0).sum().astype(size.dtype) if order == 0 else (size**order).sum() ** (1.0 / order)


def minimize_bfgs(
    fun: Callable,
    x0: Array,
    maxiter: int | None = None,
    norm: float = np.inf,
    gtol: float = 1e-5,
    line_search_maxiter: int = 10,
) -> tuple[State, Array]:
    """(the last state, 0 if it converged, 1 if it took `maxiter` steps, 2 and more if the line search failed)

    gtol: the norm of the gradient below which it has converged, by the norm of order `norm`.
    """
    size = x0.shape[0]
    maxiter = 200 * size if maxiter is None else maxiter
    value, gradient = value_and_grad(fun)(x0)
    identity = jnp.eye(size, dtype=x0.dtype)
    no = jnp.zeros((), bool)
    before = value + jnp.sqrt((gradient * gradient).sum()) / 2
    converged = vector_norm(gradient, norm) < gtol
    state = State(converged, no, 0, 1, x0, value, gradient, identity, before, 0)

    def goes_on(s: State):
        return ~s.converged & ~s.failed & (s.k < maxiter)

    def step(s: State) -> State:
        direction = -jnp.dot(s.H, s.g, precision="highest")
        found = line_search(fun, s.x, direction, s.f, s.before, s.g, maxiter=line_search_maxiter)
        moved = found.a_k * direction
        change = found.g_k - s.g
        rho = jnp.reciprocal(jnp.dot(change, moved, precision="highest"))
        left = identity - rho * moved[:, None] * change[None, :]
        H = jnp.einsum("ij,jk,lk", left, s.H, left, precision="highest") + rho * moved[:, None] * moved[None, :]
        return State(
            converged=vector_norm(found.g_k, norm) < gtol,
            failed=found.failed,
            k=s.k + 1,
            evaluations=s.evaluations + found.nfev,
            x=s.x + moved,
            f=found.f_k,
            g=found.g_k,
            H=jnp.where(jnp.isfinite(rho), H, s.H),
            before=s.f,
            line_search_status=found.status,
        )

    state = lax.while_loop(goes_on, step, state)
    failure = jnp.where(state.failed, 2 + state.line_search_status, -1)
    status = jnp.where(state.converged, 0, jnp.where(state.k == maxiter, 1, failure))
    return state, status
