"""Page 9: why not `if`?"""

import minijax as jax
import minijax.numpy as jnp

# Exercise 1: the jvp of cond.
#
# `cond_jvp(pred, f, g, x, x_dot)` returns (y, y_dot): the jvp of
# lax.cond(pred, f, g, x), which runs f where pred holds. Use jax.lax.cond and
# jax.jvp, and take no derivative of cond itself. The program must run one
# branch only, so jnp.where will not do.


def cond_jvp(pred, f, g, x, x_dot):
    #: begin
    def f_jvp(x, x_dot):
        return jax.jvp(f, (x,), (x_dot,))

    def g_jvp(x, x_dot):
        return jax.jvp(g, (x,), (x_dot,))

    return jax.lax.cond(pred, f_jvp, g_jvp, x, x_dot)
    #: end


# Exercise 2: a while loop under vmap.
#
# `while_batched(cond, body, xs)` returns what vmap of while_loop(cond, body,
# x) returns for an array xs of numbers. cond and body work elementwise on the
# whole array. Use a Python loop, jnp.any and jnp.where.


def while_batched(cond, body, xs):
    #: begin
    while jnp.any(cond(xs)):
        xs = jnp.where(cond(xs), body(xs), xs)
    return xs
    #: end
