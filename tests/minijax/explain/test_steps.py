"""`trace_steps` prints each operation on its way through the interpreters, and leaves no trace of itself."""

from __future__ import annotations

import io
import threading

import numpy as np
import pytest

import minijax
import minijax.numpy as jnp
from minijax.core.array import EvalTrace
from minijax.foundation.config import config
from minijax.transforms.jvp import JVPTrace


def printed(program) -> str:
    file = io.StringIO()
    with minijax.trace_steps(file):
        program()
    return file.getvalue()


def test_grad_of_vmap():
    text = printed(lambda: minijax.grad(lambda x: jnp.sum(minijax.vmap(jnp.sin)(x)))(np.ones(2, np.float32)))
    assert (
        text
        == """\
vmap: sin vmap(grad([1.,1.]:f32[2]))
  grad: sin grad([1.,1.]:f32[2])
    linear: sin [1.,1.]:f32[2]
      eval: sin [1.,1.]:f32[2] = [0.8415,0.8415]:f32[2]
    = [0.8415,0.8415]:f32[2]
    linear: cos [1.,1.]:f32[2]
      eval: cos [1.,1.]:f32[2] = [0.5403,0.5403]:f32[2]
    = [0.5403,0.5403]:f32[2]
    linear: mul f32[2] [0.5403,0.5403]:f32[2] = f32[2]
  = grad([0.8415,0.8415]:f32[2])
= vmap(grad([0.8415,0.8415]:f32[2]))
grad: reduce_sum grad([0.8415,0.8415]:f32[2])
  linear: reduce_sum [0.8415,0.8415]:f32[2]
    eval: reduce_sum [0.8415,0.8415]:f32[2] = 1.6829:f32[]
  = 1.6829:f32[]
  linear: reduce_sum f32[2] = f32[]
= grad(1.6829:f32[])
eval: broadcast_in_dim 1.:f32[] = [1.,1.]:f32[2]
eval: mul [1.,1.]:f32[2] [0.5403,0.5403]:f32[2] = [0.5403,0.5403]:f32[2]
"""
    )


def test_every_line_is_of_an_interpreter():
    def program():
        x = jnp.arange(20.0)
        minijax.jit(minijax.vmap(lambda a: minijax.lax.cond(a > 0, jnp.sin, jnp.cos, a)))(x)
        minijax.jvp(lambda y: minijax.lax.scan(lambda c, b: (c * b, c), 1.0, y)[0], (x,), (x,))
        minijax.hessian(lambda y: jnp.sum(y**3))(x[:2])
        minijax.random.normal(minijax.random.key(0), (3,))

    names = {line.strip().split(":")[0] for line in printed(program).splitlines() if not line.strip().startswith("=")}
    assert names == {"eval", "grad", "jaxpr", "jvp", "linear", "vmap"}


def test_afterwards_all_is_as_before():
    methods = vars(EvalTrace)["process_primitive"], vars(JVPTrace)["process_primitive"], config.minijax_fast
    with pytest.raises(ZeroDivisionError), minijax.trace_steps(file := io.StringIO()):
        jnp.sin(1.0)
        raise ZeroDivisionError
    assert file.getvalue() == "eval: sin 1.:f32[] = 0.8415:f32[]\n"
    assert methods == (vars(EvalTrace)["process_primitive"], vars(JVPTrace)["process_primitive"], config.minijax_fast)
    minijax.grad(jnp.sin)(1.0)
    assert file.getvalue().count("\n") == 1


def test_an_operation_that_fails_is_printed():
    file = io.StringIO()
    with pytest.raises(TypeError), minijax.trace_steps(file):
        minijax.grad(lambda x: minijax.lax.mul(x, jnp.ones(3, jnp.int32)).sum())(jnp.ones(2))
    assert "grad: mul grad([1.,1.]:f32[2]) [1,1,1]:i32[3]\n" in file.getvalue()


def test_other_threads_are_not_printed():
    def program():
        thread = threading.Thread(target=lambda: jnp.cos(1.0))
        thread.start()
        thread.join()
        jnp.sin(1.0)

    assert printed(program) == "eval: sin 1.:f32[] = 0.8415:f32[]\n"
