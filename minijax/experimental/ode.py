"""Ordinary differential equations by Runge-Kutta steps of a chosen accuracy (`jax.experimental.ode`).

The steps are those of J. R. Dormand and P. J. Prince, "A family of embedded Runge-Kutta formulae" (1980): of order 5, with an
estimate of the error by one of order 4. Between the ends of a step stands a polynomial of degree 4 (L. F. Shampine, "Some practical
Runge-Kutta formulas", 1986). The gradient solves the adjoint equation backwards in time (R. T. Q. Chen et al., "Neural ordinary
differential equations", 2018): its memory does not grow with the number of steps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .. import lax
from .. import numpy as jnp
from ..api.custom_derivatives import closure_convert, custom_vjp
from ..api.derivatives import vjp
from ..api.jit import jit
from ..api.vmap import vmap
from ..core.traces import Array, get_aval
from ..foundation import dtypes
from ..foundation.pytrees import tree_leaves, tree_map
from ..numpy.flat_trees import ravel_pytree
from ..numpy.util import promote_dtypes_inexact

# The times of the stages after the first, and the weights of the stages before each.
_TIMES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
# The difference of the results of orders 5 and 4, and the result in the middle of the step.
_ERROR = (
    *(35 / 384 - 1951 / 21600, 0.0, 500 / 1113 - 22642 / 50085, 125 / 192 - 451 / 720, -2187 / 6784 + 12231 / 42400),
    *(11 / 84 - 649 / 6300, -1 / 60),
)
_MIDDLE = (
    *(6025192743 / 30085553152 / 2, 0.0, 51252292925 / 65400821598 / 2, -2691868925 / 45128329728 / 2),
    *(187940372067 / 1594534317056 / 2, -1776094331 / 19743644256 / 2, 11237099 / 235043384 / 2),
)
ORDER = 4


def _weighted(weights, slopes):
    return sum(w * k for w, k in zip(weights, slopes) if w)


def _step(f: Callable, y: Array, slope: Array, t: Array, dt: Array) -> tuple[Array, Array, Array, Array]:
    """(y at the end, the slope there, the estimate of the error, the coefficients of the polynomial for the time in the step)"""
    h = dt.astype(y.dtype)
    slopes = [slope]
    for time, weights in zip(_TIMES, _STAGES):
        after = y + h * _weighted(weights, slopes)
        slopes.append(f(after, t + dt * time))
    middle = y + h * _weighted(_MIDDLE, slopes)
    first, last = h * slope, h * slopes[-1]
    polynomial = [
        2 * (last - first) - 8 * (y + after) + 16 * middle,
        5 * first - 3 * last + 18 * y + 14 * after - 32 * middle,
        -4 * first + last - 11 * y - 5 * after + 16 * middle,
        first,
        y,
    ]
    return after, slopes[-1], h * _weighted(_ERROR, slopes), jnp.stack(polynomial)


def _square(x: Array) -> Array:
    return x.real**2 + x.imag**2 if jnp.iscomplexobj(x) else x**2


def _norm(x: Array) -> Array:
    return jnp.sqrt(jnp.sum(_square(x)))


def _first_step(f: Callable, t, y: Array, slope: Array, rtol, atol) -> Array:
    """A first step by the size of the first two derivatives (E. Hairer, S. P. Norsett, G. Wanner, "Solving ordinary differential
    equations I", II.4)."""
    y, slope = promote_dtypes_inexact(y, slope)
    scale = (atol + jnp.abs(y) * rtol).astype(y.dtype)
    d0, d1 = _norm(y / scale), _norm(slope / scale)
    h0 = jnp.where((d0 < 1e-5) | (d1 < 1e-5), 1e-6, 0.01 * d0 / d1)
    after = f(y + h0.astype(y.dtype) * slope, t + h0)
    d2 = _norm((after - slope) / scale) / h0
    flat = (d1 <= 1e-15) & (d2 <= 1e-15)
    h1 = jnp.where(flat, jnp.maximum(1e-6, h0 * 1e-3), (0.01 / jnp.maximum(d1, d2)) ** (1.0 / (ORDER + 1.0)))
    return jnp.minimum(100.0 * h0, h1)


def _next_step(dt: Array, ratio: Array) -> Array:
    """The step whose error should be 0.9 of what is allowed, between 0.2 and 10 times this step; a step that was accepted is not
    made smaller."""
    least = jnp.where(ratio < 1, 1.0, 0.2)
    factor = jnp.minimum(10.0, jnp.maximum(ratio ** (-1.0 / 5.0) * 0.9, least))
    return jnp.where(ratio == 0, dt * 10.0, dt * factor)


def odeint(
    func: Callable,
    y0: Any,
    t: Array,
    *args: Any,
    rtol: float = 1.4e-8,
    atol: float = 1.4e-8,
    mxstep: float = np.inf,
    hmax: float = np.inf,
) -> Any:
    """The solution of dy/dt = func(y, t, *args) from y0 at t[0], at the times t, along a new first axis
    (`jax.experimental.ode.odeint`).

    y0: an array or a pytree; func returns one of the same structure. t: increasing floats. rtol, atol: the error of a step that is
    allowed, relative and absolute. mxstep: how many steps are made between two times, at most; hmax: the longest step. Reverse mode
    gives derivatives by y0, t and args. Raises TypeError for args that are no arrays and for times that are no floats.

    >>> import minijax.numpy as jnp
    >>> odeint(lambda y, t: -y, jnp.float32(1), jnp.array([0.0, 1.0])).round(4)
    Array([1.    , 0.3679], dtype=float32)
    """
    for leaf in tree_leaves(args):
        try:
            get_aval(leaf)
        except TypeError:
            raise TypeError(f"The contents of odeint *args must be arrays or scalars, but got {leaf}.") from None
    if not dtypes.issubdtype(t.dtype, np.floating):
        raise TypeError(f"t must be an array of floats, but got {t}.")
    converted, consts = closure_convert(func, y0, t[0], *args)
    return _of_trees(converted, rtol, atol, mxstep, hmax, y0, t, *args, *consts)


@partial(jit, static_argnums=(0, 1, 2, 3, 4))
def _of_trees(func, rtol, atol, mxstep, hmax, y0, ts, *args):
    y0, unravel = ravel_pytree(y0)
    flat = lambda y, t, *args: ravel_pytree(func(unravel(y), t, *args))[0]
    return vmap(unravel)(_solve(flat, rtol, atol, mxstep, hmax, y0, ts, *args))


@partial(custom_vjp, nondiff_argnums=(0, 1, 2, 3, 4))
def _solve(func, rtol, atol, mxstep, hmax, y0, ts, *args):
    f = lambda y, t: func(y, t, *args)

    def to_time(carry, target):
        def goes_on(state):
            i, _, _, t, dt, _, _ = state
            return (t < target) & (i < mxstep) & (dt > 0)

        def step(state):
            i, y, slope, t, dt, before, polynomial = state
            after, new_slope, error, fitted = _step(f, y, slope, t, dt)
            allowed = atol + rtol * jnp.maximum(jnp.abs(y), jnp.abs(after))
            ratio = jnp.sqrt(jnp.mean(_square(error / allowed.astype(error.dtype))))
            following = jnp.clip(_next_step(dt, ratio), 0.0, hmax).astype(dt.dtype)
            new = (after, new_slope, t + dt, following, t, fitted)
            # A step with too great an error is not made, but the next one is shorter.
            old = (y, slope, t, following, before, polynomial)
            return (i + 1, *[jnp.where(ratio <= 1.0, a, b).astype(b.dtype) for a, b in zip(new, old)])

        _, *carry = lax.while_loop(goes_on, step, (0, *carry))
        _, _, t, _, before, polynomial = carry
        place = ((target - before) / (t - before)).astype(polynomial.dtype)
        return tuple(carry), jnp.polyval(polynomial, place)

    slope, start = f(y0, ts[0]), ts[0]
    dt = jnp.clip(_first_step(f, start, y0, slope, rtol, atol), 0.0, hmax).astype(ts.dtype)
    carry = (y0, slope, start, dt, start, jnp.stack([y0] * 5))
    _, ys = lax.scan(to_time, carry, ts[1:])
    return jnp.concatenate([y0[None], ys])


def _solve_fwd(func, rtol, atol, mxstep, hmax, y0, ts, *args):
    ys = _solve(func, rtol, atol, mxstep, hmax, y0, ts, *args)
    return ys, (ys, ts, args)


def _solve_bwd(func, rtol, atol, mxstep, hmax, residuals, cotangents):
    ys, ts, args = residuals

    def adjoint(state, t, *args):
        # Time runs backwards: t is minus the time.
        y, y_bar, *_ = state
        slope, pull_back = vjp(func, y, -t, *args)
        return (-slope, *pull_back(y_bar))

    def piece(carry, i):
        y_bar, t0_bar, args_bar = carry
        t_bar = jnp.sum(func(ys[i], ts[i], *args) * cotangents[i]).real
        start = (ys[i], y_bar, t0_bar - t_bar, args_bar)
        times = jnp.stack([-ts[i], -ts[i - 1]])
        ends = odeint(adjoint, start, times, *args, rtol=rtol, atol=atol, mxstep=mxstep, hmax=hmax)
        _, y_bar, t0_bar, args_bar = tree_map(lambda x: x[1], ends)
        return (y_bar + cotangents[i - 1], t0_bar, args_bar), t_bar

    carry = (cotangents[-1], jnp.zeros((), ts.dtype), tree_map(jnp.zeros_like, args))
    (y_bar, t0_bar, args_bar), t_bars = lax.scan(piece, carry, jnp.arange(ts.shape[0] - 1, 0, -1))
    return y_bar, jnp.concatenate([t0_bar[None], t_bars[::-1]]), *args_bar


_solve.defvjp(_solve_fwd, _solve_bwd)

__all__ = ["odeint"]
