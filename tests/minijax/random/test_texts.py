"""The jaxprs of `jax.random`'s functions and of their tangents: JAX's equations, once its calls of `jit` are written out."""

from __future__ import annotations

import re

import jax
import numpy as np
import pytest

import minijax as mj
import minijax.random
from tests.fuzz import texts

# An argument of a capital letter is a key; the others are arrays, and those of floats have tangents.
ARRAYS = {
    "a": np.float32([1.2, 0.5, 3.0]),
    "b": np.float32([2.0, 1.5, 4.0]),
    "p": np.float32([0.3, 0.5, 0.2]),
    "m": np.float32([[2.0, 0.1, 0.3], [0.1, 1.0, 0.2], [0.3, 0.2, 3.0]]),
    "n": np.int32(7),
}

CALLS = """
ball(K, 2, shape=(3,))  ball(K, 2, p=3.5)
bernoulli(K, p)  bernoulli(K, p, (2, 3))  bernoulli(K, 0.5, (3,))
beta(K, a, a)  beta(K, 1.0, 2.0, (3,))
binomial(K, 5.0, p)  binomial(K, 5, 0.3)  binomial(K, a, p, (2, 3))
bits(K, (3,))  bits(K, (), "uint8")
categorical(K, p)  categorical(K, p, shape=(4,))
cauchy(K, (3,))
chisquare(K, a)  chisquare(K, 2.0, (3,))
choice(K, 5, (3,))  choice(K, p, (2,), replace=False)  choice(K, p, (2,), p=p)  choice(K, p, (2,), replace=False, p=p)
clone(K)
dirichlet(K, p)
double_sided_maxwell(K, 0.5, 2.0)  double_sided_maxwell(K, a, b, (3,))
exponential(K, (3,))
f(K, a, b)  f(K, 1.0, 2.0, (3,))
fold_in(K, 3)  fold_in(K, n)
gamma(K, a)  gamma(K, 2.0, (3,))
generalized_normal(K, 1.5, (3,))  generalized_normal(K, 2)
geometric(K, p)  geometric(K, 0.5, (3,))
gumbel(K, (3,))  gumbel(K, (3,), mode="high")  gumbel(K, (3,), mode="highest")
key(3)
key_data(K)
laplace(K, (3,))
loggamma(K, a)
logistic(K, (3,))
lognormal(K, a)
maxwell(K, (3,))
multinomial(K, 5.0, p)  multinomial(K, 5, p, shape=(2, 3))
multivariate_normal(K, a, m)  multivariate_normal(K, a, m, method="svd")  multivariate_normal(K, a, m, method="eigh")
normal(K, (3,))  normal(K, (3,), "bfloat16")  normal(K, (3,), "complex64")
orthogonal(K, 3)
pareto(K, a)  pareto(K, 2.0, (3,))
permutation(K, 5)  permutation(K, a)  permutation(K, m, axis=1)  permutation(K, m, independent=True)
poisson(K, a)  poisson(K, 3.0, (3,))  poisson(K, 3)
rademacher(K, (3,))
randint(K, (3,), 0, 10)  randint(K, (3,), 0, n)
rayleigh(K, a)  rayleigh(K, 1.0, (3,))
split(K)  split(K, 3)
t(K, a)  t(K, 2.0, (3,))
triangular(K, 0.0, 0.5, 1.0, (3,))
truncated_normal(K, -1.0, 1.0, (3,))  truncated_normal(K, a, b)
uniform(K, (3,))  uniform(K, (3,), "bfloat16")  uniform(K, (3,), minval=-1.0, maxval=a)
wald(K, a)  wald(K, 1.0, (3,))  wald(K, 1)
weibull_min(K, 1.0, 2.0, (3,))  weibull_min(K, a, a)
wrap_key_data(random.key_data(K))
PRNGKey(3)
uniform(random.PRNGKey(0), (3,))  split(random.PRNGKey(0))  fold_in(random.PRNGKey(0), 3)  bits(random.PRNGKey(0), (3,))
"""
CASES = [(call, kind) for line in CALLS.strip().splitlines() for call in line.split("  ") for kind in ("plain", "jvp")]

# {why the equations are not JAX's: the calls, and of what}
OTHER_EQUATIONS = {
    "the derivative of a gamma number is a primitive, whose loops JAX writes out": [
        ("beta(K, a, a)", "jvp"),
        ("chisquare(K, a)", "jvp"),
        ("dirichlet(K, p)", "jvp"),
        ("f(K, a, b)", "jvp"),
        ("gamma(K, a)", "jvp"),
        ("loggamma(K, a)", "jvp"),
        ("t(K, a)", "jvp"),
    ],
    "the derivatives of `eigh` and `svd` are written with fewer equations": [
        ('multivariate_normal(K, a, m, method="svd")', "jvp"),
        ('multivariate_normal(K, a, m, method="eigh")', "jvp"),
    ],
    "`diagonal` has a branch for TPUs in JAX": [("orthogonal(K, 3)", "plain")],
}


def text(lib, call: str, kind: str) -> str | None:
    """The jaxpr of a call as a function of the key and the arrays in it. None for the tangents of a call without floats."""
    given = call.partition("(")[2]
    arrays = {n: lib.numpy.asarray(x) for n, x in ARRAYS.items() if re.search(rf"\b{n}\b(?!=)", given)}
    floats = [n for n in arrays if ARRAYS[n].dtype.kind == "f"]

    def function(key, arrays):
        return eval(f"random.{call}", {"random": lib.random, "K": key, **arrays})

    def tangents(key, arrays):
        primals = {n: arrays[n] for n in floats}
        return lib.jvp(lambda xs: function(key, {**arrays, **xs}), (primals,), (primals,))

    if kind == "jvp" and not floats:
        return None
    closed = lib.make_jaxpr(tangents if kind == "jvp" else function)(lib.random.key(0), arrays)
    return texts.text(lib, closed)


@pytest.mark.parametrize(("call", "kind"), CASES)
@pytest.mark.one_in(12)
def test_the_equations_are_those_of_jax(call, kind):
    ours, theirs = text(mj, call, kind), text(jax, call, kind)
    explained = [case for cases in OTHER_EQUATIONS.values() for case in cases]
    assert (ours != theirs) == ((call, kind) in explained), f"{ours}\n{theirs}"


def test_every_public_function_is_in_the_table():
    """`key_impl` returns a name and `key_dtype` a dtype: no jaxpr has them."""
    public = {n for n in dir(jax.random) if n[0] != "_" and callable(getattr(jax.random, n))}
    assert public - {call.partition("(")[0] for call, _ in CASES} == {"key_impl", "key_dtype"}
