"""Programs in many styles, for tests of what a page says. Each marks one expression by `spot_p.bind`: a primitive whose every rule
writes only primitives of this file, so that what comes from the expression can be told without asking where it comes from."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

import minijax as jax
import minijax.numpy as jnp
from minijax.core import ShapedArray  # noqa: F401
from minijax.extend.core import Primitive


def marker(name: str, factor: float) -> Primitive:
    """A linear primitive, x -> factor * x, whose batch rule is itself."""
    primitive = Primitive(name)
    primitive.def_impl(lambda x: np.asarray(x * np.asarray(factor, x.dtype)))
    primitive.def_abstract_eval(lambda x: x)
    primitive.batch = lambda axis, args, dims: (primitive.bind(args[0]), dims[0])
    return primitive


spot_p, spot_tangent_p, spot_cotangent_p = (marker(f"spot{n}", 2.0) for n in ("", "_tangent", "_cotangent"))
spot_p.jvp = lambda primals, tangents: (spot_p.bind(primals[0]), spot_tangent_p.bind(tangents[0]))
spot_tangent_p.jvp = lambda primals, tangents: (spot_tangent_p.bind(primals[0]), spot_tangent_p.bind(tangents[0]))
spot_tangent_p.transpose = lambda ct, x: [spot_cotangent_p.bind(ct)]
spot_cotangent_p.jvp = lambda primals, tangents: (spot_cotangent_p.bind(primals[0]), spot_cotangent_p.bind(tangents[0]))
spot_cotangent_p.transpose = lambda ct, x: [spot_tangent_p.bind(ct)]
MARKERS = {"spot", "spot_tangent", "spot_cotangent"}

X = np.linspace(0.1, 0.9, 3, dtype=np.float32)
W = np.linspace(-0.5, 0.5, 12, dtype=np.float32).reshape(3, 4)


def plain(x):
    y = jnp.sin(x)
    z = spot_p.bind(y)
    return jnp.sum(z * x)


def twice_read(x):
    y = spot_p.bind(x)
    return jnp.sum(y * y + y)


def multi_line(x):
    return jnp.sum(
        spot_p.bind(
            x
            * 2
        )
    )  # fmt: skip


def unicode(x):
    größe = jnp.exp(x); é = spot_p.bind(größe)  # noqa: E702  # fmt: skip
    return (é * größe).sum()


two_lambdas = (lambda x: jnp.sum(jnp.cos(x)), lambda x: jnp.sum(spot_p.bind(x)))[1]


def comprehension(x):
    return sum([spot_p.bind(x[i]) * x[i] for i in range(3)])


def python_loop(x):
    for _ in range(3):
        x = spot_p.bind(x)
    return x.sum()


def generator(x):
    def parts():
        for i in range(2):
            yield spot_p.bind(x * i)

    return functools.reduce(jnp.add, parts()).sum()


def walrus(x):
    return jnp.sum((y := spot_p.bind(x)) * y)


def chosen(x, double: bool = True):
    return jnp.sum(spot_p.bind(x) if double else x)


def closure(x):
    scale = jnp.exp(x)

    def inner(y):
        return spot_p.bind(y) * scale

    return inner(x).sum()


def nested_lists(params):
    total = 0.0
    for layer in params["layers"]:
        total = total + jnp.sum(spot_p.bind(layer["w"]) * layer["b"][0])
    return total


class Pair(NamedTuple):
    left: jax.Array
    right: jax.Array


def named_tuple(pair):
    return jnp.sum(spot_p.bind(pair.left) * pair.right)


@jax.tree_util.register_dataclass
@dataclass
class Net:
    w: jax.Array
    b: jax.Array

    def __call__(self, x):
        return jnp.tanh(spot_p.bind(x @ self.w) + self.b)

    def total(self, x):
        return self(x).sum()


def method(net, x):
    return net(x).sum()


def decorated_by(f):
    @functools.wraps(f)
    def wrapped(x):
        return f(x) * 1.5

    return wrapped


@decorated_by
def decorated(x):
    return jnp.sum(spot_p.bind(x))


@jax.jit
def jitted(x):
    return jnp.sum(spot_p.bind(x) * x)


def inner_jit(x):
    return jax.jit(lambda y: spot_p.bind(y) * y)(x).sum()


def two_calls_of_one_jit(x):
    f = jax.jit(lambda y: spot_p.bind(jnp.sin(y)))
    return jnp.sum(f(x) + f(2 * x))


def scan(x):
    def step(carry, y):
        return carry * spot_p.bind(y), jnp.sin(carry)

    last, ys = jax.lax.scan(step, 1.0, x)
    return last + ys.sum()


def fori(x):
    return jax.lax.fori_loop(0, 3, lambda i, y: spot_p.bind(y) * x, x).sum()


def cond(x):
    return jax.lax.cond(x.sum() > 0, lambda x: spot_p.bind(x), lambda x: -x, x).sum()


def switch(x):
    return jax.lax.switch(1, [jnp.sin, lambda x: spot_p.bind(x), jnp.cos], x).sum()


def checkpointed(x):
    return jax.checkpoint(lambda x: jnp.sin(spot_p.bind(x)))(x).sum()


@jax.custom_jvp
def with_jvp(x):
    return jnp.sin(x)


@with_jvp.defjvp
def _with_jvp_rule(primals, tangents):
    return with_jvp(primals[0]), jnp.cos(primals[0]) * tangents[0]


def custom_jvp(x):
    return with_jvp(spot_p.bind(x)).sum()


@jax.custom_vjp
def with_vjp(x):
    return jnp.sin(x)


with_vjp.defvjp(lambda x: (jnp.sin(x), x), lambda x, ct: (jnp.cos(x) * ct,))


def custom_vjp(x):
    return jnp.sum(with_vjp(spot_p.bind(x)))


def inner_grad(x):
    return jnp.sum(jax.grad(lambda y: jnp.sum(jnp.sin(y) * y))(x) * spot_p.bind(x))


def grad_of_spot(x):
    return jnp.sum(jax.vmap(jax.grad(lambda y: jnp.sin(spot_p.bind(y))))(x))


def inner_vmap(x):
    return jax.vmap(lambda a: spot_p.bind(a) * jnp.sin(a))(x).sum()


def inner_jvp(x):
    return jax.jvp(lambda y: spot_p.bind(y) * y, (x,), (x,))[1].sum()


def recursion(x, n=3):
    return spot_p.bind(x).sum() if n == 0 else recursion(jnp.sin(x), n - 1)


def keywords(x, *, scale):
    return jnp.sum(spot_p.bind(x) * scale)


def matrix(w, x):
    h = spot_p.bind(x @ w)
    return jnp.mean((h - 1) ** 2)


def count_up_to(x, n):
    for _ in range(n):
        x = spot_p.bind(x)
    return x.sum()


def printing(x):
    jax.debug.print("x is {}", x)
    return spot_p.bind(x).sum()


# {name: (function, arguments, keyword arguments)}
PROGRAMS = {
    f.__name__: (f, (X,), {})
    for f in (
        plain,
        twice_read,
        multi_line,
        unicode,
        comprehension,
        python_loop,
        generator,
        walrus,
        chosen,
        closure,
        decorated,
        jitted,
        inner_jit,
        two_calls_of_one_jit,
        scan,
        fori,
        cond,
        switch,
        checkpointed,
        custom_jvp,
        custom_vjp,
        inner_grad,
        grad_of_spot,
        inner_vmap,
        inner_jvp,
        recursion,
        printing,
    )  # fmt: skip
} | {
    "two_lambdas": (two_lambdas, (X,), {}),
    "nested_lists": (nested_lists, ({"layers": [{"w": X, "b": (X, 2.0)}, {"w": X, "b": (X, 1.0)}]},), {}),
    "named_tuple": (named_tuple, (Pair(X, X + 1),), {}),
    "method": (method, (Net(W, np.ones(4, np.float32)), X), {}),
    "bound_method": (Net(W, np.ones(4, np.float32)).total, (X,), {}),
    "partial": (functools.partial(chosen, double=True), (X,), {}),
    "keywords": (keywords, (X,), {"scale": 2.0}),
    "matrix": (matrix, (W, X), {}),
    "count_up_to": (count_up_to, (X, 3), {}),
}
