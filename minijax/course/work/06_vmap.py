"""Page 6: where did the axis go?"""

import numpy as np

import minijax as jax
import minijax.numpy as jnp
from minijax.extend.core import Primitive

# Exercise 1: a batch rule.
#
# `running` is the running sum along an axis of the array. Its batch rule gets
# the array with the batch axis, args[0], the number of that axis, dims[0], and
# the parameter `along`, which counts the axes of an example. It returns
# (result, number of its batch axis). jnp.moveaxis(x, from, to) moves an axis.
running_p = Primitive("running")
running_p.def_impl(lambda x, along: np.cumsum(x, along, dtype=x.dtype))
running_p.def_abstract_eval(lambda x, along: x)


def running_batch(axis, args, dims, along):
    #: begin
    x = jnp.moveaxis(args[0], dims[0], 0)
    return running_p.bind(x, along=along + 1), 0
    #: end


running_p.batch = running_batch


def running(x, along):
    return running_p.bind(x, along=along)


# Exercise 2: per-example gradients.
#
# loss(params, x, y) is a number for one example. Return the gradients with
# respect to params for each example of xs and ys: the tree of params, whose
# leaves have one more axis in front.


def per_example(loss, params, xs, ys):
    #: begin
    return jax.vmap(jax.grad(loss), in_axes=(None, 0, 0))(params, xs, ys)
    #: end
