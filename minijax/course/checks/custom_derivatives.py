"""Page 10."""

from __future__ import annotations

import numpy as np

import minijax as jax
import minijax.numpy as jnp

from ..checking import Work, exercise, judge, wrong


@exercise("A stable log(1 + exp(x))")
def log1pexp(work: Work, random: np.random.Generator):
    f = work.log1pexp
    for x in (float(random.normal()), 100.0, -20.0, -80.0):
        x32 = jnp.float32(x)
        value, slope = f(x32), jax.grad(f)(x32)
        if not np.isfinite(value):
            wrong(f"log1pexp({x:.4g}) is {value}: exp of a large number overflows. Take it of -|x|.")
        if x == -20.0 and value == 0.0:
            wrong("log1pexp(-20) is 0, and it should be 2.061e-09: 1 + 2e-9 is 1 in float32. log1p knows it.")
        if not np.isfinite(slope):
            wrong(f"The slope at {x:.4g} is {slope}: exp(x) / (1 + exp(x)) is infinity by infinity there.")
        wanted = 1 / (1 + np.exp(-x))
        judge(f"log1pexp({x:.4g})", value, np.logaddexp(0.0, x))
        judge(
            f"The slope at {x:.4g}",
            slope,
            wanted,
            [(1.0, "It is the tangent of x: the rule multiplies it by the slope.")],
        )
        second = jax.grad(jax.grad(f))(x32)
        if not np.isfinite(second):
            wrong(
                f"The second derivative at {x:.4g} is {second}: the derivative of `sigmoid` overflows there. Take exp of -|x| only."
            )
        judge(f"The second derivative at {x:.4g}", second, wanted * (1 - wanted), tolerance=1e-2)


@exercise("The norm at zero")
def norm(work: Work, random: np.random.Generator):
    v = jnp.asarray(random.normal(size=3), jnp.float32)
    small, zero = v * jnp.float32(1e-4), jnp.zeros(3)
    if not np.all(np.isfinite(jax.grad(work.norm)(zero))):
        if np.isnan(work.norm(zero)):
            wrong("The norm of zero is NaN itself.")
        text = "The gradient at zero is NaN: sqrt has an infinite slope at 0, and 0 times infinity is NaN."
        try:
            jaxpr = jax.make_jaxpr(work.norm)(zero)
        except Exception:
            wrong(text)
        if any(eqn.primitive.name == "select_n" for eqn in jaxpr.eqns):
            wrong(f"{text} Your where chooses between results. Another one must keep the 0 from the root.")
        wrong(f"{text} Keep the 0 from the root, with jnp.where.")
    for x in (v, small):
        length = np.sqrt(np.sum(np.asarray(x, np.float64) ** 2))
        if not np.allclose(work.norm(x), length, rtol=1e-4):
            wrong(
                f"The norm of {np.asarray(x)} is {work.norm(x)}, and it should be {length:.6g}."
                " Was a small number added? It is not small beside this vector."
            )
        judge(
            f"The gradient at {np.asarray(x)}",
            jax.grad(work.norm)(x),
            np.asarray(x) / length,
            [(np.zeros(3), "stop_gradient stops it everywhere: the gradient is to be zero at zero only.")],
        )
    judge("The gradient at zero", jax.grad(work.norm)(zero), np.zeros(3))
