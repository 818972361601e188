"""A step length that fulfils the strong Wolfe conditions: J. Nocedal and S. J. Wright, "Numerical optimization" (2006), algorithms
3.5 (brackets) and 3.6 (`_zoom`), with the interpolation and the constants of SciPy's `line_search`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ... import lax
from ... import numpy as jnp
from ...api.derivatives import value_and_grad
from ...core.traces import Array

DECREASE, CURVATURE = 1e-4, 0.9
# How far from the ends of a bracket an interpolated point must lie, as a share of the bracket.
CUBIC_MARGIN, QUADRATIC_MARGIN = 0.2, 0.1
MOST_ZOOMS = 30


class Point(NamedTuple):
    """A step length, the function there, and its slope along the direction."""

    a: Any
    phi: Any
    dphi: Any


class LineSearch(NamedTuple):
    """The result of a line search: whether it failed, how often the function and its gradient were computed, the step length, the
    function and its gradient there, and 0, or 1 for a bracket that became too small, or 3 for too many steps."""

    failed: Any
    nfev: Any
    a_k: Any
    f_k: Any
    g_k: Any
    status: Any


def _chosen(condition, tree: NamedTuple, other: NamedTuple):
    return type(tree)(*[jnp.where(condition, x, y) for x, y in zip(tree, other)])


def _cubic(lo: Point, hi: Point, c, phi_c):
    """Where the cubic with the values and the slope at lo, hi and c is least."""
    db, dc = hi.a - lo.a, c - lo.a
    scale = (db * dc) ** 2 * (db - dc)
    of_b, of_c = hi.phi - lo.phi - lo.dphi * db, phi_c - lo.phi - lo.dphi * dc
    A = (dc**2 * of_b - db**2 * of_c) / scale
    B = (db**3 * of_c - dc**3 * of_b) / scale
    return lo.a + (-B + jnp.sqrt(B * B - 3.0 * A * lo.dphi)) / (3.0 * A)


def _quadratic(lo: Point, hi: Point):
    db = hi.a - lo.a
    return lo.a - lo.dphi / (2.0 * ((hi.phi - lo.phi - lo.dphi * db) / db**2))


def _inner(lo: Point, hi: Point, recent, j):
    """The next point within a bracket: by a cubic from the second one on, by a parabola, or the middle."""
    width = hi.a - lo.a
    low, high = jnp.minimum(lo.a, hi.a), jnp.maximum(lo.a, hi.a)
    inside = lambda a, margin: (a > low + margin * width) & (a < high - margin * width)
    cubic, quadratic = _cubic(lo, hi, *recent), _quadratic(lo, hi)
    by_parabola = jnp.where(inside(quadratic, QUADRATIC_MARGIN), quadratic, (lo.a + hi.a) / 2.0)
    return jnp.where((j > 0) & inside(cubic, CUBIC_MARGIN), cubic, by_parabola)


def _zoom(along: Callable, too_high: Callable, flat: Callable, lo: Point, hi: Point, gradient: Array, skip) -> tuple:
    """(the point, its gradient, how often the function was computed, whether it failed) between lo and hi."""
    smallest = 1e-10 if lo.phi.dtype.itemsize > 4 else 1e-5
    middle = ((lo.a + hi.a) / 2.0, (lo.phi + hi.phi) / 2.0)
    star = Point(jnp.ones_like(lo.a), lo.phi, lo.dphi)

    def goes_on(state):
        _, _, _, _, _, j, done, failed = state
        return ~done & ~skip & ~failed

    def step(state):
        lo, hi, recent, star, gradient, j, done, failed = state
        failed = failed | (hi.a - lo.a <= smallest)
        a = _inner(lo, hi, recent, j)
        phi, dphi, g = along(a)
        new = Point(a, phi.astype(lo.phi.dtype), dphi.astype(lo.dphi.dtype))
        narrow = too_high(new.a, new.phi) | (new.phi >= lo.phi)
        found = flat(new.dphi) & ~narrow
        turns = (new.dphi * (hi.a - lo.a) >= 0.0) & ~narrow & ~found
        moves = ~narrow & ~found
        old_hi, old_lo = (hi.a, hi.phi), (lo.a, lo.phi)
        from_hi = narrow | turns
        recent = tuple(jnp.where(from_hi, h, jnp.where(moves, l, r)) for h, l, r in zip(old_hi, old_lo, recent))
        hi = _chosen(narrow, new, _chosen(turns, lo, hi))
        lo = _chosen(moves, new, lo)
        star, gradient = _chosen(found, new, star), jnp.where(found, g.astype(gradient.dtype), gradient)
        return lo, hi, recent, star, gradient, j + 1, done | found, failed | (j + 1 >= MOST_ZOOMS)

    no = jnp.zeros((), bool)
    state = (lo, hi, middle, star, gradient, 0, no, no)
    _, _, _, star, gradient, count, _, failed = lax.while_loop(goes_on, step, state)
    return star, gradient, count, failed


def line_search(
    fun: Callable,
    x: Array,
    direction: Array,
    value: Array,
    value_before: Array | None,
    gradient: Array,
    maxiter: int = 20,
) -> LineSearch:
    """A step along a direction of descent, from a point with the given value and gradient.

    value_before: the function at the point before, by which the first length is guessed; None for the length 1.
    """

    def along(a):
        phi, g = value_and_grad(fun)(x + jnp.asarray(a, direction.dtype) * direction)
        return phi, jnp.real(jnp.dot(g, direction, precision="highest")), g

    slope = jnp.real(jnp.dot(gradient, direction, precision="highest"))
    dtype = slope.dtype
    guess = jnp.ones((), dtype) if value_before is None else 1.01 * 2 * (value - value_before) / slope
    first = jnp.where(guess > 1, 1.0, guess).astype(dtype)
    too_high = lambda a, phi: phi > value + DECREASE * a * slope
    flat = lambda dphi: jnp.abs(dphi) <= -CURVATURE * slope
    start = Point(jnp.zeros((), dtype), value, slope)

    def goes_on(state):
        i, _, _, _, done, failed, _ = state
        return ~done & (i <= maxiter) & ~failed

    def step(state):
        i, before, star, g_star, done, failed, count = state
        a = jnp.where(i == 1, first, before.a * 2.0).astype(dtype)
        phi, dphi, g = along(a)
        new = Point(a, phi.astype(value.dtype), dphi.astype(slope.dtype))
        rises = too_high(a, new.phi) | ((new.phi >= before.phi) & (i > 1))
        found = flat(new.dphi) & ~rises
        turned = (new.dphi >= 0.0) & ~rises & ~found
        below, g_below, zooms, failed_below = _zoom(along, too_high, flat, before, new, gradient, ~rises)
        above, g_above, more, failed_above = _zoom(along, too_high, flat, new, before, gradient, ~turned)
        pick = lambda a, b, c, d: jnp.where(rises, a, jnp.where(found, b, jnp.where(turned, c, d)))
        star = Point(*[pick(*xs) for xs in zip(below, new, above, star)])
        g_star = pick(g_below, g.astype(g_star.dtype), g_above, g_star)
        failed = failed | (rises & failed_below) | (turned & failed_above)
        return i + 1, new, star, g_star, done | rises | found | turned, failed, count + 1 + zooms + more

    no = jnp.zeros((), bool)
    state = (1, start, start, gradient, no, no, 0)
    i, _, star, g_star, done, failed, count = lax.while_loop(goes_on, step, state)
    status = jnp.where(failed, 1, jnp.where(i > maxiter, 3, 0))
    length = star.a
    if length.dtype.itemsize < 8:
        # A shorter step would not move a float32.
        length = jnp.where(jnp.abs(length) < 1e-8, jnp.sign(length) * 1e-8, length)
    return LineSearch(failed | ~done, count, length, star.phi, g_star, status)
