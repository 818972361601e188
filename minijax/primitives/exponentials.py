"""Distribution functions made of exponentials, for `scipy.stats`: Gumbel's, the logistic, exponential and Pareto's.

They are rows, so that no exponential magnifies the rounding of what is within it. Gumbel's distribution is that of the smallest
number: exp(-exp(z)) is the probability of a number above z, and 1 - exp(-exp(z)) that of one below.
"""

from __future__ import annotations

import math

from ..core.traces import get_aval
from .algorithms import absolute, row
from .basis import const
from .elementwise import add_p, div_p, exp_p, expm1_p, log_p, min_p, mul_p, neg_p, square_p, sub_p
from .gamma import times


def gumbel_above(ops, z):
    return ops.exp(-ops.exp(z))


def gumbel_below(ops, z):
    return -ops.expm1(-ops.exp(z))


def gumbel_density(ops, z):
    """exp(z - exp(z)), which is 0 for z above 10."""
    far = z > 10.0
    z = ops.where(far, ops.full(z, 0.0), z)
    return ops.where(far, ops.full(z, 0.0), ops.exp(z - ops.exp(z)))


def logistic_below(ops, z):
    """1 / (1 + exp(-z))"""
    power = ops.exp(-absolute(ops, z))
    return ops.where(z < 0.0, power, ops.full(z, 1.0)) / (1.0 + power)


def logistic_density(ops, z):
    power = ops.exp(-absolute(ops, z))
    return power / ((1.0 + power) * (1.0 + power))


def logistic_log_density(ops, z):
    size = absolute(ops, z)
    return -size - 2.0 * ops.log1p(ops.exp(-size))


def half_tanh(ops, z):
    """tanh(z / 2)"""
    size = absolute(ops, z)
    value = -ops.expm1(-size) / (1.0 + ops.exp(-size))
    return ops.where(z < 0.0, -value, value)


def logistic_spread(ops, z):
    """z tanh(z / 2) - 1, the derivative of the logarithm of the density by the logarithm of the scale."""
    return z * half_tanh(ops, z) - 1.0


def pareto_log_density(ops, z, b):
    """log(b) - (b + 1) log(z)"""
    return ops.log(b) - (b + 1.0) * ops.log(z)


def exponential_log_below(ops, z):
    """log(1 - exp(-z)) for z >= 0: the first form has its digits for small z, the second for large ones."""
    return ops.where(z < math.log(2), ops.log(-ops.expm1(-z)), ops.log1p(-ops.exp(-z)))


def _change_of_gumbel(g, ans, z):
    """(1 - exp(z)) ans; where the exponential would be infinite, ans is 0."""
    return times(g, mul_p.bind(ans, sub_p.bind(const(z, 1), exp_p.bind(min_p.bind(z, const(z, 20))))))


def _change_of_tanh(g, ans, z):
    return times(g, mul_p.bind(const(z, 0.5), sub_p.bind(const(z, 1), square_p.bind(ans))))


def _change_of_spread(g, ans, z):
    slope = half_tanh_p.bind(z)
    bend = mul_p.bind(mul_p.bind(const(z, 0.5), z), sub_p.bind(const(z, 1), square_p.bind(slope)))
    return times(g, add_p.bind(slope, bend))


def _change_of_logistic(g, ans, z):
    return neg_p.bind(times(g, mul_p.bind(ans, half_tanh_p.bind(z))))


gumbel_density_p = row(gumbel_density, [_change_of_gumbel])
gumbel_above_p = row(gumbel_above, [lambda g, ans, z: neg_p.bind(times(g, gumbel_density_p.bind(z)))])
gumbel_below_p = row(gumbel_below, [lambda g, ans, z: times(g, gumbel_density_p.bind(z))])
half_tanh_p = row(half_tanh, [_change_of_tanh])
logistic_spread_p = row(logistic_spread, [_change_of_spread])
logistic_density_p = row(logistic_density, [_change_of_logistic])
logistic_below_p = row(logistic_below, [lambda g, ans, z: times(g, logistic_density_p.bind(z))])
logistic_log_density_p = row(logistic_log_density, [lambda g, ans, z: neg_p.bind(times(g, half_tanh_p.bind(z)))])


def _pareto_by_z(g, ans, z, b):
    return neg_p.bind(mul_p.bind(g, div_p.bind(add_p.bind(b, const(get_aval(b), 1)), z)))


def _pareto_by_b(g, ans, z, b):
    return mul_p.bind(g, sub_p.bind(div_p.bind(const(get_aval(b), 1), b), log_p.bind(z)))


pareto_log_density_p = row(pareto_log_density, [_pareto_by_z, _pareto_by_b], 2)
exponential_log_below_p = row(exponential_log_below, [lambda g, ans, z: div_p.bind(g, expm1_p.bind(z))])
