"""`debug_key_reuse` beside JAX's: the same programs raise a KeyReuseError, and no others."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import minijax


def step(random, key, _):
    key, own = random.split(key)
    return key, random.bits(own)


def swapped(random, keys, _):
    return keys[::-1], random.bits(keys[0])


def twice(function):
    return lambda j, key: (function(j, key), function(j, key))


def both(first, second):
    return lambda j, key: (first(j, key), second(j, key))


def bits(j, key):
    return j.random.bits(key)


def halves(j, key):
    return j.random.split(key)


def drawn(j, keys):
    return j.vmap(j.random.bits)(keys)


# {what a program does with a key: the program}
PROGRAMS = {
    "one use": bits,
    "two uses": twice(bits),
    "split, and use": both(halves, bits),
    "use, and split": both(bits, halves),
    "fold in twice, and use": both(twice(lambda j, k: j.random.fold_in(k, 1)), bits),
    "use, and fold in": both(bits, lambda j, k: j.random.fold_in(k, 1)),
    "use of the key and of its clone": both(bits, lambda j, k: bits(j, j.random.clone(k))),
    "data, and use": both(lambda j, k: j.random.key_data(k), bits),
    "a key of the same data": both(bits, lambda j, k: bits(j, j.random.wrap_key_data(j.random.key_data(k)))),
    "use of both halves": lambda j, k: [bits(j, half) for half in halves(j, k)],
    "use of each half by index": lambda j, k: (lambda ks: (bits(j, ks[0]), bits(j, ks[-1])))(halves(j, k)),
    "use of one half twice": lambda j, k: (lambda ks: (bits(j, ks[0]), bits(j, ks[0])))(halves(j, k)),
    "one half, and all": lambda j, k: (lambda ks: (bits(j, ks[0]), drawn(j, ks)))(halves(j, k)),
    "parts": lambda j, k: (lambda ks: (drawn(j, ks[:2]), drawn(j, ks[2:])))(j.random.split(k, 4)),
    "parts that overlap": lambda j, k: (lambda ks: (drawn(j, ks[:3]), drawn(j, ks[2:])))(j.random.split(k, 4)),
    "twice within vmap": lambda j, k: j.vmap(lambda x: twice(bits)(j, x))(halves(j, k)),
    "reshaped": both(bits, lambda j, k: drawn(j, k.reshape(1))),
    "broadcast": lambda j, k: drawn(j, j.numpy.broadcast_to(k, (3,))),
    "put together, and use": both(lambda j, k: j.numpy.concatenate([k[None], j.random.key(1)[None]]), bits),
    "chosen, and use": both(lambda j, k: j.numpy.where(True, k, j.random.key(1)), bits),
    "use, and compare": both(bits, lambda j, k: k == k),
    "jit": both(lambda j, k: j.jit(lambda k: bits(j, k))(k), bits),
    "jit of a closed-over key": both(lambda j, k: j.jit(lambda: bits(j, k))(), bits),
    "jit that gives the used key": lambda j, k: bits(j, j.jit(lambda k: (bits(j, k), k))(k)[1]),
    "jit that gives a new key": lambda j, k: bits(j, j.jit(lambda k: halves(j, k)[0])(k)),
    "jit of used keys that it does not use": both(bits, lambda j, k: j.jit(lambda k: k)(k)),
    "jit, second argument": both(bits, lambda j, k: j.jit(lambda x, k: x + bits(j, k))(np.uint32(1), k)),
    "cond, one branch": both(lambda j, k: j.lax.cond(False, lambda k: bits(j, k), lambda k: np.uint32(0), k), bits),
    "cond, both branches": lambda j, k: j.lax.cond(False, lambda k: bits(j, k), lambda k: ~bits(j, k), k),
    "cond, twice in a branch": lambda j, k: j.lax.cond(
        False, lambda k: bits(j, k) + bits(j, k), lambda k: np.uint32(0), k
    ),
    "cond that gives the key": both(bits, lambda j, k: bits(j, j.lax.cond(True, lambda k: k, lambda k: k, k))),
    "scan, a constant": lambda j, k: j.lax.scan(lambda c, _: (c + bits(j, k), None), np.uint32(0), None, length=2),
    "scan, fold in": lambda j, k: j.lax.scan(lambda c, i: (c, bits(j, j.random.fold_in(k, i))), 0, np.arange(2)),
    "scan, split": lambda j, k: j.lax.scan(lambda *a: step(j.random, *a), k, None, length=2),
    "scan, split, and use": both(lambda j, k: j.lax.scan(lambda *a: step(j.random, *a), k, None, length=2), bits),
    "scan, swapped": lambda j, k: j.lax.scan(lambda *a: swapped(j.random, *a), tuple(halves(j, k)), None, length=2),
    "scan over keys": lambda j, k: j.lax.scan(lambda c, k: (c, bits(j, k)), 0, halves(j, k)),
    "scan over keys, twice": lambda j, k: (lambda ks: twice(lambda j, k: j.lax.scan(lambda c, k: (c, bits(j, k)), 0, ks))(j, k))(
        halves(j, k)
    ),
    "while, a constant": lambda j, k: j.lax.while_loop(lambda c: c < 3, lambda c: c + bits(j, k), np.uint32(0)),
    "while, in the condition": lambda j, k: j.lax.while_loop(lambda c: c < bits(j, k), lambda c: c + 1, np.uint32(0)),
    "while, split": lambda j, k: j.lax.while_loop(lambda c: c[1] < 3, lambda c: step(j.random, c[0], None), (k, np.uint32(0))),
    "while, split, and use": both(
        lambda j, k: j.lax.while_loop(lambda c: c[1] < 3, lambda c: step(j.random, c[0], None), (k, np.uint32(0))), bits
    ),
    "while, split, and used in the condition": lambda j, k: j.lax.while_loop(
        lambda c: bits(j, c[0]) < 3, lambda c: step(j.random, c[0], None), (k, np.uint32(0))
    ),
    "checkpoint": lambda j, k: j.checkpoint(lambda k: bits(j, k) + bits(j, k))(k),
    "gradient": lambda j, k: j.grad(lambda x: x * j.random.uniform(k))(2.0),
    "gradient, and use": both(lambda j, k: j.grad(lambda x: x * j.random.uniform(k))(2.0), bits),
}  # fmt: skip


def error_of(run, library):
    try:
        run(library)
    except TypeError as error:
        return type(error).__name__, str(error).splitlines()[0]
    return None


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(24)
def test_the_programs_that_raise_are_jax_s(name):
    program = PROGRAMS[name]

    def eager(j):
        program(j, j.random.key(0))

    def traced(j):
        j.make_jaxpr(lambda key: program(j, key))(j.random.key(0))

    for run in (eager, traced):
        with minijax.debug_key_reuse(True), jax.debug_key_reuse(True):
            mine, theirs = error_of(run, minijax), error_of(run, jax)
        assert (mine and mine[0]) == (theirs and theirs[0]), (mine, theirs)


@pytest.mark.parametrize(
    "run, text",
    [
        (lambda k: twice(bits)(minijax, k), "Previously-consumed key passed to random_bits at index 0"),
        (lambda k: twice(minijax.jit(lambda j, k: bits(minijax, k)))(0, k), "jit-compiled function at index 1"),
        (
            lambda k: minijax.jit(lambda k: twice(bits)(minijax, k))(k),
            "In random_bits, argument 0 is already consumed.",
        ),
        (lambda k: minijax.make_jaxpr(lambda k: twice(bits)(minijax, k))(k), "In random_bits, argument 0"),
        (lambda k: PROGRAMS["scan, a constant"](minijax, k), "scan body function leads to key reuse"),
        (lambda k: PROGRAMS["scan, swapped"](minijax, k), "consumed inputs don't match sourced outputs"),
        (lambda k: PROGRAMS["while, in the condition"](minijax, k), "while_loop cond function leads to key reuse"),
        (lambda k: PROGRAMS["while, a constant"](minijax, k), "while_loop body function leads to key reuse"),
    ],
)
def test_words(run, text):
    with minijax.debug_key_reuse(True), pytest.raises(minijax.errors.KeyReuseError) as error:
        run(minijax.random.key(0))
    assert text in str(error.value)


def test_samplers_use_each_key_once():
    random, jnp = minijax.random, minijax.numpy
    samplers = {
        "gamma": (2.0,), "beta": (1.0, 2.0), "dirichlet": (jnp.ones(3),), "t": (3.0,), "f": (2.0, 3.0), "poisson": (3.0,),
        "binomial": (9.0, 0.4),
        "multinomial": (9.0, jnp.ones(3) / 3), "permutation": (5,), "choice": (5,), "categorical": (jnp.ones(3),),
        "orthogonal": (3,), "ball": (3,), "multivariate_normal": (jnp.ones(2), jnp.eye(2)), "randint": ((2,), 0, 5), "normal": (),
        "truncated_normal": (-1.0, 1.0), "wald": (1.0,), "triangular": (0.0, 1.0, 2.0), "generalized_normal": (2.0,),
    }  # fmt: skip
    with minijax.debug_key_reuse(True):
        for name, args in samplers.items():
            sampler = getattr(random, name)
            sampler(random.key(0), *args)
            minijax.jit(lambda key, sampler=sampler, args=args: sampler(key, *args))(random.key(0))
            with pytest.raises(minijax.errors.KeyReuseError):
                key = random.key(0)
                sampler(key, *args)
                sampler(key, *args)


def test_nothing_is_followed_outside():
    key = minijax.random.key(0)
    bits(minijax, key)
    with minijax.debug_key_reuse(True):
        bits(minijax, key)
        with minijax.debug_key_reuse(False):
            bits(minijax, key)
            minijax.jit(lambda k: twice(bits)(minijax, k))(key)
    # The program that was traced outside is traced again within.
    poisson = minijax.jit(lambda key: minijax.random.poisson(key, 3.0))
    poisson(key)
    with minijax.debug_key_reuse(True):
        poisson(minijax.random.key(1))


def test_debug_nans_looks_past_keys():
    with minijax.debug_nans(True):
        minijax.jit(lambda key: (key, minijax.random.normal(key)))(minijax.random.key(0))
