"""Page 12: why keys?"""

import minijax as jax
import minijax.numpy as jnp

# Exercise 1: find the reuse.
#
# `experiment(key)` draws the data, noise on the data, and the two layers of a
# network. It uses keys more than once, and one key has nothing to do with the
# argument. Mend it, so that all four are independent, and depend on the key
# alone. Keep names and shapes.


def experiment(key):
    #: begin
    data_key, noise_key, w_key, alpha_key = jax.random.split(key, 4)
    data = jax.random.normal(data_key, (100,))
    noise = jax.random.normal(noise_key, (100,))
    w = jax.random.normal(w_key, (10, 10))
    alpha = jax.random.normal(alpha_key, (10, 10))
    #: instead
    # data_key, noise_key = jax.random.split(key)
    # data = jax.random.normal(key, (100,))
    # noise = jax.random.normal(noise_key, (100,))
    # w = jax.random.normal(data_key, (10, 10))
    # alpha = jax.random.normal(jax.random.key(0), (10, 10))
    #: end
    return {"data": data, "noise": noise, "w": w, "alpha": alpha}


# Exercise 2: a walk.
#
# `walk(key, n)` returns the n places after each step of a random walk from 0:
# each step adds one normal number.


def walk(key, n):
    #: begin
    steps = jax.vmap(lambda i: jax.random.normal(jax.random.fold_in(key, i)))(
        jnp.arange(n)
    )
    return jnp.cumsum(steps)
    #: instead
    # places, x = [], jnp.float32(0)
    # for _ in range(n):
    #     x = x + jax.random.normal(key)
    #     places.append(x)
    # return jnp.stack(places)
    #: end
