"""A user's program under strict type checking. Type checkers compare each `assert_type` with the type they infer; the program
also runs."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple, assert_type

import numpy as np

import kaf
import minijax as jax
import minijax.numpy as jnp
from minijax import Array
from minijax.typing import ArrayLike, DTypeLike


class Params(NamedTuple):
    w: Array
    b: Array


def init(key: Array, n: int) -> Params:
    weights, bias = jax.random.split(key)
    return Params(jax.random.normal(weights, (n, n)), jnp.zeros(n) + 0.0 * jax.random.uniform(bias, (n,)))


def loss(params: Params, x: Array) -> Array:
    return jnp.mean(jnp.tanh(x @ params.w + params.b) ** 2)


@jax.jit
def step(params: Params, x: Array) -> Params:
    gradient: Params = jax.grad(loss)(params, x)
    lower: Params = jax.tree.map(lambda p, g: p - 0.1 * g, params, gradient)
    return lower


@jax.jit(static_argnums=1)
def power(x: Array, n: int) -> Array:
    return x**n


@partial(jax.jit, static_argnames="n")
def power_by_name(x: Array, n: int) -> Array:
    return x**n


class Layer:
    def __init__(self, w: Array) -> None:
        self.w = w

    @partial(jax.jit, static_argnums=0)
    def __call__(self, x: Array) -> Array:
        return x @ self.w


@jax.custom_vjp
def clipped(x: Array) -> Array:
    return x


def clipped_forward(x: Array) -> tuple[Array, None]:
    return x, None


def clipped_backward(_: None, ct: Array) -> tuple[Array]:
    return (jnp.clip(ct, -1.0, 1.0),)


clipped.defvjp(clipped_forward, clipped_backward)


@jax.custom_jvp
def halved(x: Array) -> Array:
    return x / 2


@halved.defjvp
def halved_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return halved(primals[0]), tangents[0] / 2


@jax.tree_util.register_pytree_node_class
class Pair:
    def __init__(self, a: Array, b: Array) -> None:
        self.a, self.b = a, b

    def tree_flatten(self) -> tuple[tuple[Array, Array], None]:
        return (self.a, self.b), None

    @classmethod
    def tree_unflatten(cls, data: None, children: tuple[Array, Array]) -> Pair:
        return cls(*children)


def running_sum(carry: Array, x: Array) -> tuple[Array, Array]:
    return carry + x, carry


def doubled(x: ArrayLike, dtype: DTypeLike = jnp.float32) -> Array:
    return jnp.asarray(x, dtype) * 2


def operators(x: Array) -> None:
    assert_type(x + 1, Array)
    assert_type(1.0 - x, Array)
    assert_type(x @ x, Array)
    assert_type(2**x, Array)
    assert_type(x // 2 % 3, Array)
    assert_type(divmod(x, 2), tuple[Array, Array])
    assert_type(-abs(x), Array)
    assert_type(x > 0, Array)
    assert_type(x == x, Array)
    assert_type((x > 0) & ~(x < 1), Array)
    assert_type(x[0, 1:, None, ...], Array)
    assert_type(x[jnp.array([0, 1])], Array)
    assert_type([row for row in x], list[Array])
    assert_type(float(x[0, 0]), float)
    assert_type(len(x), int)
    assert_type(round(x, 2), Array)


def methods(x: Array) -> None:
    assert_type(x.shape, tuple[int, ...])
    assert_type(x.ndim + x.size + x.nbytes, int)
    assert_type(x.T, Array)
    assert_type(x.sum(axis=0, keepdims=True), Array)
    assert_type(x.mean(), Array)
    assert_type(x.reshape(-1), Array)
    assert_type(x.astype(jnp.int32), Array)
    assert_type(x.at[0].set(1.0), Array)
    assert_type(x.at[0, :].get(mode="clip"), Array)
    assert_type(x.at[jnp.array([0])].add(x[0]), Array)
    assert_type(x.argmax(axis=1), Array)
    assert_type(x.weak_type, bool)
    assert_type(x.dtype, np.dtype[Any])
    assert_type(doubled(np.ones(3), "int32"), Array)


def functions(x: Array) -> None:
    assert_type(jnp.sin(x), Array)
    assert_type(jnp.add(x, 1), Array)
    assert_type(jnp.where(x > 0, x, 0.0), Array)
    assert_type(jnp.where(x > 0), tuple[Array, ...])
    assert_type(jnp.split(x, 3), list[Array])
    assert_type(jnp.linspace(0, 1, 5), Array)
    assert_type(jnp.float32(3), Array)
    assert_type(jnp.zeros((2, 3), dtype=jnp.int8), Array)
    assert_type(jnp.concatenate([x, x], axis=-1), Array)
    assert_type(jnp.einsum("ij,kj->ik", x, x), Array)
    assert_type(jnp.pi, float)
    assert_type(jax.lax.sin(x), Array)
    assert_type(jax.lax.top_k(x, 2), tuple[Array, Array])
    assert_type(jax.nn.relu(x), Array)
    assert_type(jax.nn.softmax(x, axis=-1), Array)
    assert_type(jax.nn.initializers.he_normal()(jax.random.key(0), (2, 3)), Array)
    assert_type(jax.random.randint(jax.random.key(0), (3,), 0, 10), Array)


def transformations(x: Array) -> None:
    params = init(jax.random.key(0), 3)
    assert_type(step(params, x), Params)
    assert_type(power(x, 2), Array)
    assert_type(jax.jit(loss)(params, x), Array)
    assert_type(jax.jit(loss).lower(params, x).as_text(), str)
    assert_type(jax.value_and_grad(loss)(params, x), tuple[Array, Any])
    assert_type(jax.vmap(jnp.dot)(x, x), Array)
    assert_type(jax.checkpoint(loss)(params, x), Array)
    assert_type(jax.jvp(loss, (params, x), (params, x)), tuple[Array, Array])
    value, pull_back = jax.vjp(loss, params, x)
    assert_type(value, Array)
    assert_type(pull_back(value), tuple[Any, ...])
    assert_type(jax.lax.scan(running_sum, jnp.zeros(3), x), tuple[Array, Array])
    assert_type(jax.lax.fori_loop(0, 3, lambda i, c: c * 2, x), Array)
    assert_type(jax.lax.while_loop(lambda c: c.sum() < 100, lambda c: c * 2, x), Array)
    assert_type(clipped(x), Array)
    assert_type(halved(x), Array)
    assert_type(jax.make_jaxpr(loss)(params, x).jaxpr.eqns, list[jax.extend.core.JaxprEqn])
    print(Layer(x)(x), power_by_name(x, n=2), jax.tree.leaves(Pair(x, x)), jax.grad(lambda x: clipped(x).sum())(x))


def kernels(x: Array) -> None:
    grid = kaf.Grid(20, 3.0)
    assert_type(grid, kaf.Grid)
    assert_type(grid.sigma, float)
    assert_type(kaf.ridge_alpha("tanh", grid), kaf.RidgeFit)
    model = kaf.KAFNet.init(0, [3, 4, 1])
    assert_type(kaf.num_parameters(model), int)
    assert_type(kaf.optim.adam(0.01), kaf.optim.Optimizer)


def main() -> None:
    x = jnp.arange(9.0).reshape(3, 3)
    for part in (operators, methods, functions, transformations, kernels):
        part(x)


if __name__ == "__main__":
    main()
