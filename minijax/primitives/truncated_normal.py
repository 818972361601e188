"""The standard normal distribution cut to [a, b], for `scipy.stats.truncnorm`: the density, the distribution function, slopes.

They are rows, so that no exponential magnifies the rounding of what is within it. Here f is the density, F(z) the probability of a
number up to z, and S = 1 - F; z is in [a, b], and a < b. The normal distribution has erfcx(|x| / sqrt(2)) / 2 exp(-x^2/2) beyond x.
The exponential may be 0 in floating point: probabilities of intervals are kept without that of the end which is next to 0.
"""

from __future__ import annotations

import math

from .algorithms import STRONG, absolute, row
from .elementwise import add_p, mul_p, neg_p, sub_p
from .families import broadcast_like
from .gamma import times
from .normal import erfcx

ROOT = math.sqrt(2 * math.pi)


def _difference(near, far):
    """(near^2 - far^2) / 2"""
    return 0.5 * (near - far) * (near + far)


def _ends(ops, *numbers):
    """[(x, erfcx(|x| / sqrt(2)) / 2)]"""
    return [(x, 0.5 * erfcx(ops, absolute(ops, x) / math.sqrt(2))) for x in numbers]


def _mass(ops, low, high):
    """(how far [p, q] is from 0, the probability of [p, q] without the exponential of that number), of the ends p and q."""
    (p, lower), (q, upper) = low, high
    left, right = q <= 0.0, p >= 0.0
    near = ops.where(left, -q, ops.where(right, p, ops.full(p, 0.0)))
    lower = lower * ops.exp(_difference(near, absolute(ops, p)))
    upper = upper * ops.exp(_difference(near, absolute(ops, q)))
    return near, ops.where(left, upper - lower, ops.where(right, lower - upper, 1.0 - lower - upper))


def _quotient(ops, part, whole):
    """The probability of a part, from what `_mass` returns."""
    return part[1] / whole[1] * ops.exp(_difference(whole[0], part[0]))


def truncated_density(ops, z, a, b):
    """f"""
    near, mass = _mass(ops, *_ends(ops, a, b))
    return ops.exp(_difference(near, z)) / (ROOT * mass)


def truncated_log_density(ops, z, a, b):
    """log f"""
    near, mass = _mass(ops, *_ends(ops, a, b))
    return _difference(near, z) - ops.log(ROOT * mass)


def truncated_below(ops, z, a, b):
    """F"""
    z, a, b = _ends(ops, z, a, b)
    return _quotient(ops, _mass(ops, a, z), _mass(ops, a, b))


def truncated_log_below(ops, z, a, b):
    """log F. Near 1 the probability above has the digits."""
    z, a, b = _ends(ops, z, a, b)
    part, rest, whole = _mass(ops, a, z), _mass(ops, z, b), _mass(ops, a, b)
    value = ops.log(part[1] / whole[1]) + _difference(whole[0], part[0])
    return ops.where(value > -0.1, ops.log1p(-_quotient(ops, rest, whole)), value)


def truncated_slope(ops, z, a, b):
    """f / F, the derivative of log F by z"""
    near, part = _mass(ops, *_ends(ops, a, z))
    return ops.exp(_difference(near, z)) / (ROOT * part)


def truncated_slope_by_a(ops, z, a, b):
    """f(a) S / F, which is -1 times the derivative of log F by a"""
    (z, a, b), end = _ends(ops, z, a, b), a
    near, part = _mass(ops, a, z)
    above = _quotient(ops, _mass(ops, z, b), _mass(ops, a, b))
    return ops.exp(_difference(near, end)) / (ROOT * part) * above


def _at(end: int):
    """f(a), or f(b)."""
    return lambda z, a, b: truncated_density_p.bind((a, b)[end], a, b)


def _mirrored(primitive, z, a, b):
    return primitive.bind(neg_p.bind(z), neg_p.bind(b), neg_p.bind(a))


_at_a, _at_b = _at(0), _at(1)


def _minus(slope):
    """A derivative rule from -1 times the derivative, a function (ans, z, a, b)."""
    return lambda g, ans, *args: broadcast_like(neg_p.bind(times(g, slope(ans, *args))), ans)


def _plus(slope):
    """A derivative rule from the derivative."""
    return lambda g, ans, *args: broadcast_like(times(g, slope(ans, *args)), ans)


OPTIONS = {**STRONG, "scalars": True}


truncated_density_p = row(
    truncated_density,
    [
        lambda g, ans, z, a, b: broadcast_like(neg_p.bind(mul_p.bind(g, mul_p.bind(z, ans))), ans),
        _plus(lambda ans, z, a, b: mul_p.bind(_at_a(z, a, b), ans)),
        _minus(lambda ans, z, a, b: mul_p.bind(_at_b(z, a, b), ans)),
    ],
    3,
    **OPTIONS,
)
truncated_log_density_p = row(
    truncated_log_density,
    [
        _minus(lambda ans, z, a, b: z),
        _plus(lambda ans, z, a, b: _at_a(z, a, b)),
        _minus(lambda ans, z, a, b: _at_b(z, a, b)),
    ],
    3,
    **OPTIONS,
)
truncated_below_p = row(
    truncated_below,
    [
        _plus(lambda ans, z, a, b: truncated_density_p.bind(z, a, b)),
        _minus(lambda ans, z, a, b: mul_p.bind(_at_a(z, a, b), _mirrored(truncated_below_p, z, a, b))),
        _minus(lambda ans, z, a, b: mul_p.bind(_at_b(z, a, b), ans)),
    ],
    3,
    **OPTIONS,
)
truncated_log_below_p = row(
    truncated_log_below,
    [
        _plus(lambda ans, z, a, b: truncated_slope_p.bind(z, a, b)),
        _minus(lambda ans, z, a, b: truncated_slope_by_a_p.bind(z, a, b)),
        _minus(lambda ans, z, a, b: _at_b(z, a, b)),
    ],
    3,
    **OPTIONS,
)
truncated_slope_p = row(
    truncated_slope,
    [
        _minus(lambda ans, z, a, b: mul_p.bind(ans, add_p.bind(z, ans))),
        _plus(lambda ans, z, a, b: mul_p.bind(ans, add_p.bind(_at_a(z, a, b), truncated_slope_by_a_p.bind(z, a, b)))),
        None,
    ],
    3,
    **OPTIONS,
)


def _slope_by_a_and_z(ans, z, a, b):
    both = add_p.bind(truncated_slope_p.bind(z, a, b), _mirrored(truncated_slope_p, z, a, b))
    return mul_p.bind(ans, both)


def _slope_by_a_and_a(ans, z, a, b):
    end = _at_a(z, a, b)
    return mul_p.bind(ans, add_p.bind(sub_p.bind(add_p.bind(end, end), a), ans))


truncated_slope_by_a_p = row(
    truncated_slope_by_a,
    [
        _minus(_slope_by_a_and_z),
        _plus(_slope_by_a_and_a),
        _plus(lambda ans, z, a, b: mul_p.bind(ans, _mirrored(truncated_slope_by_a_p, z, a, b))),
    ],
    3,
    **OPTIONS,
)
