"""Page 11: what is remembered?"""

import minijax as jax
import minijax.numpy as jnp

# Exercise 1: choose a policy.
#
# block(w, x) multiplies a batch of matrices, which takes long, and takes an
# exponential of the product, which does not. The gradient of
# jax.checkpoint(block, policy=policy) is to run the exponential again, and the
# product not. Choose one of jax.checkpoint_policies: everything_saveable,
# nothing_saveable, dots_saveable, dots_with_no_batch_dims_saveable.


def block(w, x):
    return jnp.sum(jnp.tanh(jnp.exp(jnp.einsum("bij,bjk->bik", x, w))))


#: begin
policy = jax.checkpoint_policies.dots_saveable
#: instead
# policy = None
#: end

# Exercise 2: segments.
#
# layers is a list of functions of one array, run one after the other.
# `gradient(layers, x, every)` returns the cotangent of x, where that of the
# result is full of ones. Run all layers once, and keep the value before layer
# 0, `every`, 2 * `every` and so on, and nothing else: jax.vjp keeps the
# residuals of what it runs, so call it on one segment at a time, from the last
# to the first.


def run(layers, x):
    for layer in layers:
        x = layer(x)
    return x


def gradient(layers, x, every):
    #: begin
    segments = [layers[i : i + every] for i in range(0, len(layers), every)]
    starts = []
    for segment in segments:
        starts.append(x)
        x = run(segment, x)
    ct = jnp.ones_like(x)
    for segment, start in zip(reversed(segments), reversed(starts)):
        (ct,) = jax.vjp(lambda x, s=segment: run(s, x), start)[1](ct)
    return ct
    #: end
