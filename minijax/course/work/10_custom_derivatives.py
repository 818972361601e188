"""Page 10: when is autodiff wrong?"""

import minijax as jax
import minijax.numpy as jnp

# Exercise 1: a stable log(1 + exp(x)).
#
# The value and its rule must be right from -80 to 100, in float32, and the
# second derivative, too. Without jnp.logaddexp and jax.nn: log(1 + exp(x)) =
# max(x, 0) + log(1 + exp(-|x|)), and its derivative is 1 / (1 + exp(-x)),
# which is also exp(x) / (1 + exp(x)). Which of these overflows where?
# jnp.log1p(y) is log(1 + y), exact for small y.


def sigmoid(x):
    """1 / (1 + exp(-x)); also its derivative must be finite."""
    #: begin
    e = jnp.exp(-jnp.abs(x))
    return jnp.where(x >= 0, 1.0, e) / (1.0 + e)
    #: end


@jax.custom_jvp
def log1pexp(x):
    #: begin
    return jnp.maximum(x, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(x)))
    #: end


@log1pexp.defjvp
def log1pexp_jvp(primals, tangents):
    (x,), (t,) = primals, tangents
    #: begin
    return log1pexp(x), t * sigmoid(x)
    #: end


# Exercise 2: the norm at zero.
#
# `norm(v)` is the length of a vector. Its gradient at zero is to be zero, and
# no NaN; elsewhere value and gradient are exact, with no small number added.
# Use jnp.where twice.


def norm(v):
    #: begin
    squared = jnp.sum(v**2)
    is_zero = squared == 0
    inside = jnp.where(is_zero, 1.0, squared)
    return jnp.where(is_zero, 0.0, jnp.sqrt(inside))
    #: instead
    # return jnp.sqrt(jnp.sum(v**2))
    #: end
