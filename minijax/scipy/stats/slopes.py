"""Functions of exponentials whose derivatives, made of their formulas, lose digits: each has a rule of its own."""

from __future__ import annotations

from ... import numpy as jnp
from ...api.custom_derivatives import custom_jvp


@custom_jvp
def one_less_exp(z):
    """1 - exp(-z). By its formula the derivative would be 1 less a number near 1, where z is large."""
    return -jnp.expm1(-z)


one_less_exp.defjvps(lambda g, ans, z: g * jnp.exp(-z))


@custom_jvp
def gumbel_log_density(z):
    """z - exp(z), whose derivative is 0 at 0."""
    return z - jnp.exp(z)


gumbel_log_density.defjvps(lambda g, ans, z: -g * jnp.expm1(z))
