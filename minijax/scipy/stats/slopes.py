"""Functions of exponentials whose derivatives, made of their formulas, lose digits: each has a rule of its own. And the type of a
value that JAX computes with constants."""

from __future__ import annotations

from ... import lax
from ... import numpy as jnp
from ...api.custom_derivatives import custom_jvp
from ...primitives.basis import const


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


def beside_constant(x, value):
    """value, but strong where x is a weak array with axes: JAX computes it with constants of the type of x, which are strong there.
    A conversion would turn the cotangent weak; a product with a strong 1 leaves it as it is."""
    return lax.mul(value, const(x, 1)) if x.weak_type and x.shape else value
