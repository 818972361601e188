"""`jax.random`: random numbers as functions of a key.

A key is an array like any other: nothing changes it, so the same key always gives the same numbers. `split` makes new
keys of a key, and `fold_in` makes a new key of a key and a number. The bits are those of JAX with its default generator,
threefry. Numbers that exact arithmetic makes of the bits are JAX's, too; after a logarithm or the like, the last digit may
differ.

>>> import minijax as jax
>>> key = jax.random.key(0)
>>> key, subkey = jax.random.split(key)
>>> jax.random.uniform(subkey, (2,))
Array([0.00729382, 0.02089119], dtype=float32)

Every function takes a single key: a typed key, made by `key`, or a raw key, made by `PRNGKey`, which is an array of two
uint32. Use `jax.vmap` for many keys at once. `shape` is a tuple of ints; `dtype` is by default the widest that x64 allows.
"""

from ..foundation.dtypes import TypePromotionError as TypePromotionError
from ..primitives.random_gamma import random_gamma_p as random_gamma_p
from .choices import categorical, choice, permutation
from .continuous import (
    cauchy,
    double_sided_maxwell,
    exponential,
    gumbel,
    laplace,
    logistic,
    lognormal,
    maxwell,
    multivariate_normal,
    normal,
    orthogonal,
    pareto,
    rayleigh,
    triangular,
    truncated_normal,
    wald,
    weibull_min,
)
from .counts import binomial, multinomial, poisson
from .discrete import bernoulli, geometric, rademacher
from .gamma_family import ball, beta, chisquare, dirichlet, f, gamma, generalized_normal, loggamma, t
from .keys import PRNGKey, clone, fold_in, key, key_data, key_dtype, key_impl, split, wrap_key_data
from .uniforms import bits, randint, uniform

# Tracebacks name the class by its public module.

__all__ = [
    "PRNGKey",
    "ball",
    "bernoulli",
    "beta",
    "binomial",
    "bits",
    "categorical",
    "cauchy",
    "chisquare",
    "choice",
    "clone",
    "dirichlet",
    "double_sided_maxwell",
    "exponential",
    "f",
    "fold_in",
    "gamma",
    "generalized_normal",
    "geometric",
    "gumbel",
    "key",
    "key_data",
    "key_dtype",
    "key_impl",
    "laplace",
    "loggamma",
    "logistic",
    "lognormal",
    "maxwell",
    "multivariate_normal",
    "multinomial",
    "normal",
    "orthogonal",
    "pareto",
    "permutation",
    "poisson",
    "rademacher",
    "randint",
    "rayleigh",
    "split",
    "t",
    "triangular",
    "truncated_normal",
    "uniform",
    "wald",
    "weibull_min",
    "wrap_key_data",
]
