"""BFGS with a short memory (J. Nocedal, S. J. Wright, "Numerical optimization", 2006, algorithms 7.4 and 7.5).

Of complex vectors, too: the gradients are JAX's, the conjugates of the directions in which a function rises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ... import lax
from ... import numpy as jnp
from ...api.derivatives import value_and_grad
from ...core.traces import Array
from .bfgs import vector_norm
from .line_search import line_search


class State(NamedTuple):
    """The state of a minimisation. The last rows of `steps` and `changes` are the newest: what was added to x, and to its gradient;
    `rhos` are the reciprocals of their products, `gamma` scales the identity from which the inverse Hessian starts."""

    converged: Any
    failed: Any
    k: Any
    evaluations: Any
    x: Array
    f: Array
    g: Array
    steps: Array
    changes: Array
    rhos: Array
    gamma: Array
    status: Any


def _dot(x, y):
    return jnp.dot(x, y, precision="highest")


def _direction(s: State) -> Array:
    """The direction in which to search: two loops over the memory, instead of a product with the inverse Hessian."""
    memory = s.rhos.shape[0]
    known = jnp.minimum(s.k, memory)

    def back(j, carry):
        q, weights = carry
        i = memory - 1 - j
        weight = s.rhos[i] * jnp.real(_dot(jnp.conj(s.steps[i]), q))
        return q - weight * jnp.conj(s.changes[i]), weights.at[i].set(weight)

    def forth(j, q):
        i = memory - known + j
        return q + (weights[i] - s.rhos[i] * jnp.real(_dot(s.changes[i], q))) * s.steps[i]

    q, weights = lax.fori_loop(0, known, back, (-jnp.conj(s.g), jnp.zeros_like(s.rhos)))
    return lax.fori_loop(0, known, forth, s.gamma * q)


def _remember(memory: Array, new: Array) -> Array:
    return jnp.roll(memory, -1, axis=0).at[-1].set(new)


def minimize_lbfgs(
    fun: Callable,
    x0: Array,
    maxiter: float | None = None,
    norm: float = np.inf,
    maxcor: int = 10,
    ftol: float = 2.220446049250313e-09,
    gtol: float = 1e-5,
    maxfun: float | None = None,
    maxgrad: float | None = None,
    maxls: int = 20,
) -> State:
    """The last state; its status is 0 if it converged, 1, 2, 3 after too many steps, functions or gradients, 4 if the function
    became smaller by less than `ftol`, 5 if the line search failed.

    gtol: the norm of the gradient below which it has converged, by the norm of order `norm`. maxcor: how many steps are remembered.
    maxls: of a line search.
    """
    if maxiter is None and maxfun is None and maxgrad is None:
        maxiter = 200 * x0.shape[0]
    limits = [np.inf if limit is None else limit for limit in (maxiter, maxfun, maxgrad)]
    value, gradient = value_and_grad(fun)(x0)
    no, real = jnp.zeros((), bool), jnp.real(gradient).dtype
    memory = jnp.zeros((maxcor, x0.shape[0]), x0.dtype)
    rhos, gamma = jnp.zeros(maxcor, real), jnp.ones((), real)
    state = State(no, no, 0, 1, x0, value, gradient, memory, memory, rhos, gamma, 0)

    def step(s: State) -> State:
        direction = _direction(s)
        found = line_search(fun, s.x, direction, s.f, None, s.g, maxiter=maxls)
        moved = found.a_k.astype(direction.dtype) * direction
        change = found.g_k - s.g
        product = jnp.real(_dot(change, moved))
        converged = vector_norm(found.g_k, norm) < gtol
        # The last that holds is the status.
        reasons = [
            s.f - found.f_k < ftol,
            *(n >= m for n, m in zip((s.evaluations, s.evaluations, s.k), limits[::-1])),
            found.failed,
        ]
        status = 0
        for code, reason in zip((4, 3, 2, 1, 5), reasons, strict=True):
            status = jnp.where(reason, code, status)
        return State(
            converged=converged,
            failed=(status > 0) & ~converged,
            k=s.k + 1,
            evaluations=s.evaluations + found.nfev,
            x=s.x + moved,
            f=found.f_k.astype(s.f.dtype),
            g=found.g_k,
            steps=_remember(s.steps, moved),
            changes=_remember(s.changes, change),
            rhos=_remember(s.rhos, jnp.reciprocal(product)),
            gamma=(product / jnp.real(_dot(jnp.conj(change), change))).astype(real),
            status=jnp.where(converged, 0, status),
        )

    return lax.while_loop(lambda s: ~s.converged & ~s.failed, step, state)
