"""Page 2: what is an operation?"""

import numpy as np

import minijax.numpy as jnp
from minijax.extend.core import Primitive

# Exercise 1: softsign, x / (1 + |x|).
#
# Write its jvp rule, which returns (result, tangent of the result), and its
# batch rule, which returns (result, number of its batch axis). The derivative
# is 1 / (1 + |x|)². Within rules, use jnp and softsign_p.bind, so that the
# rules can be transformed, too.
softsign_p = Primitive("softsign")
softsign_p.def_impl(lambda x: x / (1 + np.abs(x)))
softsign_p.def_abstract_eval(lambda x: x)


def softsign_jvp(primals, tangents):
    (x,), (t,) = primals, tangents
    #: begin
    return softsign_p.bind(x), t / (1 + jnp.abs(x)) ** 2
    #: end


def softsign_batch(axis, args, dims):
    #: begin
    return softsign_p.bind(args[0]), dims[0]
    #: end


softsign_p.jvp = softsign_jvp
softsign_p.batch = softsign_batch


# Exercise 2: planted bad rules.
#
# Each of these primitives has one rule that is wrong. Which one is it:
# "abstract_eval", "jvp", "transpose" or "batch"? Read them, or ask:
# minijax.testing.check_rules(cube_p, np.ones((2, 3))). (Reverse mode stands on
# the transpose, so that a wrong transpose is reported of jvp, too.)
cube_p = Primitive("cube")  # x³
cube_p.def_impl(lambda x: x**3)
cube_p.def_abstract_eval(lambda x: x)
cube_p.jvp = lambda primals, tangents: (
    cube_p.bind(*primals),
    3 * primals[0] * tangents[0],
)
cube_p.batch = lambda axis, args, dims: (cube_p.bind(*args), dims[0])

push_p = Primitive(
    "push"
)  # each element moves one place to the right, along the last axis
push_p.def_impl(lambda x: np.roll(x, 1, -1))
push_p.def_abstract_eval(lambda x: x)
push_p.jvp = lambda primals, tangents: (
    push_p.bind(*primals),
    push_p.bind(*tangents),
)
push_p.transpose = lambda ct, x: [push_p.bind(ct)]
push_p.batch = lambda axis, args, dims: (
    push_p.bind(jnp.moveaxis(args[0], dims[0], 0)),
    0,
)

last_p = Primitive("last")  # the last element of the last axis
last_p.def_impl(lambda x: x[..., -1])
last_p.def_abstract_eval(lambda x: x.update(shape=x.shape[:-1]))
last_p.jvp = lambda primals, tangents: (
    last_p.bind(*primals),
    last_p.bind(*tangents),
)
last_p.transpose = lambda ct, x: [
    jnp.zeros(x.aval.shape, x.aval.dtype).at[..., -1].set(ct)
]
last_p.batch = lambda axis, args, dims: (last_p.bind(args[0]), dims[0])

#: begin
guilty = {"cube": "jvp", "push": "transpose", "last": "batch"}
#: instead
# guilty = {"cube": None, "push": None, "last": None}
#: end
