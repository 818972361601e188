"""The distribution functions of Gumbel's distribution of the smallest number: exp(-exp(z)) is the probability of a number above z,
and 1 - exp(-exp(z)) that of one below. They are rows, since the outer exponential would magnify the inner one's rounding."""

from __future__ import annotations

from .algorithms import row
from .basis import const
from .elementwise import exp_p, min_p, mul_p, neg_p, sub_p
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


def _change(g, ans, z):
    """(1 - exp(z)) ans; where the exponential would be infinite, ans is 0."""
    return times(g, mul_p.bind(ans, sub_p.bind(const(z, 1), exp_p.bind(min_p.bind(z, const(z, 20))))))


gumbel_density_p = row(gumbel_density, [_change])
gumbel_above_p = row(gumbel_above, [lambda g, ans, z: neg_p.bind(times(g, gumbel_density_p.bind(z)))])
gumbel_below_p = row(gumbel_below, [lambda g, ans, z: times(g, gumbel_density_p.bind(z))])
