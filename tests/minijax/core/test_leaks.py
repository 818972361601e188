"""A tracer that is used after its transformation is over raises UnexpectedTracerError, which names where it was made and used.

`tests/minijax/foundation/test_errors.py` has the words of the error for a few of these.
"""

from __future__ import annotations

import copy

import numpy as np
import pytest

import minijax
import minijax.numpy as jnp
from minijax import lax
from minijax.experimental import jet

ONES = np.ones(3, np.float32)


def _custom_jvp_function(keep):
    f = minijax.custom_jvp(keep)
    f.defjvp(lambda primals, tangents: (primals[0], tangents[0]))
    minijax.jit(f)(1.0)


def _custom_jvp_rule_in_jit(keep):
    f = minijax.custom_jvp(lambda x: x * 1.0)
    f.defjvp(lambda primals, tangents: (keep(primals[0]), tangents[0]))
    minijax.jit(minijax.grad(f))(1.0)


def _custom_vjp(keep):
    f = minijax.custom_vjp(lambda x: x * 1.0)
    f.defvjp(lambda x: (keep(x), None), lambda _, ct: (ct,))
    minijax.jit(minijax.grad(f))(1.0)


# Transformations, each run on a function that keeps one of its values.
LEAKING = {
    "jit": lambda keep: minijax.jit(keep)(1.0),
    "make_jaxpr": lambda keep: minijax.make_jaxpr(keep)(1.0),
    "eval_shape": lambda keep: minijax.eval_shape(keep, 1.0),
    "grad": lambda keep: minijax.grad(keep)(1.0),
    "value_and_grad": lambda keep: minijax.value_and_grad(keep)(1.0),
    "jvp": lambda keep: minijax.jvp(keep, (1.0,), (1.0,)),
    "vjp": lambda keep: minijax.vjp(keep, 1.0),
    "linearize": lambda keep: minijax.linearize(keep, 1.0),
    "jacfwd": lambda keep: minijax.jacfwd(keep)(1.0),
    "hessian": lambda keep: minijax.hessian(keep)(1.0),
    "linear_transpose": lambda keep: minijax.linear_transpose(keep, 1.0)(1.0),
    "vmap": lambda keep: minijax.vmap(keep)(ONES),
    "vmap of grad": lambda keep: minijax.vmap(minijax.grad(keep))(ONES),
    "grad of jit": lambda keep: minijax.grad(minijax.jit(keep))(1.0),
    "jit of grad": lambda keep: minijax.jit(minijax.grad(keep))(1.0),
    "jit of vmap": lambda keep: minijax.jit(minijax.vmap(keep))(ONES),
    "scan": lambda keep: lax.scan(lambda c, x: (keep(c), x), 1.0, ONES),
    "fori_loop": lambda keep: lax.fori_loop(0, 3, lambda i, x: keep(x), 1.0),
    "while body": lambda keep: lax.while_loop(lambda x: x < 0, keep, 1.0),
    "while condition": lambda keep: lax.while_loop(lambda x: keep(x) < 0, lambda x: x, 1.0),
    "cond": lambda keep: lax.cond(True, keep, lambda x: x * 1.0, 1.0),
    "switch": lambda keep: lax.switch(1, [lambda x: x * 1.0, keep], 1.0),
    "map": lambda keep: lax.map(keep, ONES),
    "associative_scan in jit": lambda keep: minijax.jit(lambda x: lax.associative_scan(lambda a, b: keep(a) + b, x))(
        ONES
    ),
    "custom_jvp, the function": _custom_jvp_function,
    "custom_jvp, in jit": _custom_jvp_rule_in_jit,
    "custom_vjp": _custom_vjp,
    "checkpoint": lambda keep: minijax.checkpoint(keep)(1.0),
    "grad of checkpoint": lambda keep: minijax.grad(minijax.checkpoint(keep))(1.0),
    "pmap": lambda keep: minijax.pmap(keep)(ONES[:1]),
    "jet": lambda keep: jet.jet(keep, (1.0,), ((1.0, 0.0),)),
}


def _with_rule(f):
    f = minijax.custom_jvp(f)
    f.defjvp(lambda primals, tangents: (primals[0], tangents[0]))
    return f


# Uses of a value x.
USES = {
    "x + 1": lambda x: x + 1,
    "1 - x": lambda x: 1 - x,
    "-x": lambda x: -x,
    "x == x": lambda x: x == x,
    "array + x": lambda x: jnp.ones(3) + x,
    "NumPy array * x": lambda x: ONES * x,
    "sin": jnp.sin,
    "where": lambda x: jnp.where(True, x, 0),
    "stack": lambda x: jnp.stack([x, x]),
    "sum": lambda x: x.sum(),
    "reshape": lambda x: x.reshape(-1),
    "T": lambda x: x.T,
    "index": lambda x: x[...],
    "astype": lambda x: x.astype(jnp.int32),
    "asarray": jnp.asarray,
    "array": jnp.array,
    "array without a copy": lambda x: jnp.array(x, copy=False),
    "array of a list": lambda x: jnp.array([x, 1.0]),
    "asarray with dtype": lambda x: jnp.asarray(x, dtype=x.dtype),
    "atleast_1d": jnp.atleast_1d,
    "float": float,
    "int": int,
    "complex": complex,
    "bool": bool,
    "if": lambda x: 1 if x > 0 else 2,
    "item": lambda x: x.item(),
    "tolist": lambda x: x.tolist(),
    "np.asarray": np.asarray,
    "np.sin": np.sin,
    "range": lambda x: range(x),
    "device_put": minijax.device_put,
    "device_get": minijax.device_get,
    "block_until_ready": minijax.block_until_ready,
    "stop_gradient": lax.stop_gradient,
    "convert_element_type": lambda x: lax.convert_element_type(x, x.dtype),
    "argument of jit": lambda x: minijax.jit(lambda y: y)(x),
    "argument of eval_shape": lambda x: minijax.jit(lambda y: y * 2).lower(x),
    "argument of grad": lambda x: minijax.grad(lambda y: (y * 2.0).sum())(x),
    "argument of grad, unused": lambda x: minijax.grad(lambda y: 1.0)(x),
    "argument of jvp": lambda x: minijax.jvp(lambda y: y, (x,), (x,)),
    "tangent of jvp": lambda x: minijax.jvp(lambda y: y, (jnp.ones(x.shape),), (x,)),
    "argument of vjp": lambda x: minijax.vjp(lambda y: y, x),
    "argument of linearize": lambda x: minijax.linearize(lambda y: y, x),
    "argument of vmap": lambda x: minijax.vmap(lambda y, z: y, (None, 0))(x, ONES),
    "argument of scan": lambda x: lax.scan(lambda c, y: (c, y), x, ONES),
    "argument of fori_loop": lambda x: lax.fori_loop(0, 2, lambda i, c: c, x),
    "argument of while_loop": lambda x: lax.while_loop(lambda c: False, lambda c: c, x),
    "argument of cond": lambda x: lax.cond(True, lambda y: y, lambda y: y, x),
    "predicate of cond": lambda x: lax.cond(x, lambda: 1, lambda: 2),
    "argument of checkpoint": lambda x: minijax.checkpoint(lambda y: y)(x),
    "argument of jet": lambda x: jet.jet(lambda y: y, (x,), ((x,),)),
    "closure of jit": lambda x: minijax.jit(lambda y: x)(1.0),
    "closure of make_jaxpr": lambda x: minijax.make_jaxpr(lambda y: x)(1.0),
    "closure of jit, computed": lambda x: minijax.jit(lambda y: y + x)(1.0),
    "closure of grad": lambda x: minijax.grad(lambda y: x.sum())(1.0),
    "closure of grad, the result": lambda x: minijax.value_and_grad(lambda y: (y, x), has_aux=True)(1.0),
    "closure of jvp": lambda x: minijax.jvp(lambda y: x, (1.0,), (1.0,)),
    "closure of vjp": lambda x: minijax.vjp(lambda y: x, 1.0),
    "closure of linearize": lambda x: minijax.linearize(lambda y: x, 1.0),
    "closure of vmap": lambda x: minijax.vmap(lambda y: x)(ONES),
    "closure of scan": lambda x: lax.scan(lambda c, y: (c, x), 1.0, ONES),
    "closure of while_loop": lambda x: lax.while_loop(lambda c: False, lambda c: x.sum(), 1.0),
    "closure of cond": lambda x: lax.cond(True, lambda: x, lambda: x),
    "closure of checkpoint": lambda x: minijax.checkpoint(lambda y: x)(1.0),
    "closure of jet": lambda x: jet.jet(lambda y: x, (1.0,), ((1.0,),)),
    "closure of custom_jvp": lambda x: _with_rule(lambda y: x)(1.0),
}


def _leak(transformation):
    kept = []

    def keep(x):
        kept.append(x * 2.0)  # The line that makes the tracer.
        return x * 1.0

    LEAKING[transformation](keep)
    return kept[0]


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("transformation", LEAKING)
@pytest.mark.one_in(108)
def test_a_leaked_tracer_is_an_error(transformation, use):
    x = _leak(transformation)
    with pytest.raises(minijax.errors.UnexpectedTracerError, match="Encountered an unexpected tracer") as info:
        USES[use](x)
    text = str(info.value)
    line = USES[use].__code__.co_firstlineno if hasattr(USES[use], "__code__") else None
    if line is not None and USES[use].__code__.co_filename == __file__:
        assert f"{__file__}:{line}" in text, text


@pytest.mark.parametrize("transformation", LEAKING)
def test_a_leaked_tracer_still_has_a_type(transformation):
    """As in JAX, a program may read the type of a leaked tracer, print the tracer, and keep it."""
    x = _leak(transformation)
    assert x.dtype == np.float32 and x.ndim == len(x.shape)
    assert repr(x) and f"{x}"
    assert copy.copy([x])[0] is x


@pytest.mark.parametrize("transformation", LEAKING)
def test_the_error_names_the_place_that_made_the_tracer(transformation):
    x = _leak(transformation)
    with pytest.raises(minijax.errors.UnexpectedTracerError) as info:
        x + 1
    first, _, _ = str(info.value).partition("It was met at")
    assert f"{__file__}:" in first, str(info.value)
