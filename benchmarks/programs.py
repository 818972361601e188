"""The programs that are compared, each written once, and the libraries that run them.

A `Program` is its inputs, as NumPy arrays, and one `body` over a `Library`, which is an array namespace and what the library
has of grad, scan, hessian and vmap. A `CONTESTANTS` row is a library and how it compiles, if it does:

    >>> program = PROGRAMS["elementwise"]
    >>> run = program.prepare("minijax, jit")      # inputs are the library's own arrays from here on
    >>> [np.asarray(leaf).shape for leaf in flat(run())]
    [(16,)]

`run()` returns when everything is computed; the results are in nested tuples and lists. What a contestant cannot do raises
`Unavailable` with the reason.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import by_hand
import numpy as np


class Unavailable(Exception):
    """A library that is not installed, or that lacks what a program needs. The text is the reason."""


# ---------------------------------------------------------------------------------------------------------------------
# Libraries


@dataclass(frozen=True)
class Library:
    xp: Any  # exp, sin, tanh, log, sum, mean
    asarray: Callable  # of a NumPy array, the library's
    grad: Callable  # (loss, argnums) -> function
    value_and_grad: Callable  # (loss, argnums) -> function to (value, gradients)
    scan: Callable  # (step, carry, xs) -> last carry
    hessian: Callable | None = None
    per_example: Callable | None = None  # (loss, argnums, in_axes) -> function to the gradients of each example
    wait: Callable = lambda result: result  # returns the result when it is there


def load(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Unavailable(f"{name.partition('.')[0]} is not installed") from error


def loop(step: Callable, carry, xs):
    """A scan of libraries that have none: a Python loop."""
    for x in xs:
        carry = step(carry, x)
    return carry


def wait_for_each(result):
    """XLA returns arrays before it has computed them: without this, asking is timed and not computing."""
    for array in flat(result):
        array.block_until_ready()
    return result


def jax_like(name: str) -> Library:
    jax, jnp = load(name), load(f"{name}.numpy")

    def scan(step, carry, xs):
        return jax.lax.scan(lambda c, x: (step(c, x), None), carry, xs)[0]

    def per_example(loss, argnums, in_axes):
        return jax.vmap(jax.grad(loss, argnums), in_axes)

    return Library(jnp, jnp.asarray, jax.grad, jax.value_and_grad, scan, jax.hessian, per_example, wait_for_each)


def hips_autograd() -> Library:
    autograd, anp = load("autograd"), load("autograd.numpy")
    return Library(anp, np.asarray, autograd.grad, autograd.value_and_grad, loop, autograd.hessian)


def with_backward(value_and_grad: Callable) -> tuple[Callable, Callable]:
    """grad and value_and_grad, of a function `(loss, args, argnums) -> value, gradients`."""

    def both(loss, argnums):
        def function(*args):
            value, gradients = value_and_grad(loss, args, (argnums,) if isinstance(argnums, int) else argnums)
            return value, gradients[0] if isinstance(argnums, int) else gradients

        return function

    return lambda loss, argnums: lambda *args: both(loss, argnums)(*args)[1], both


def pytorch() -> Library:
    torch = load("torch")

    def value_and_grad(loss, args, argnums):
        args = [arg.detach().requires_grad_() if i in argnums else arg for i, arg in enumerate(args)]
        value = loss(*args)
        return value.detach(), torch.autograd.grad(value, [args[i] for i in argnums])

    def per_example(loss, argnums, in_axes):
        return torch.func.vmap(torch.func.grad(loss, argnums), in_axes)

    grad, both = with_backward(value_and_grad)
    return Library(torch, torch.tensor, grad, both, loop, torch.func.hessian, per_example)


def mygrad() -> Library:
    mg = load("mygrad")

    def value_and_grad(loss, args, argnums):
        args = [mg.tensor(arg) if i in argnums else arg for i, arg in enumerate(args)]
        value = loss(*args)
        value.backward()
        return value.data, tuple(args[i].grad for i in argnums)

    grad, both = with_backward(value_and_grad)
    return Library(mg, np.asarray, grad, both, loop)


# ---------------------------------------------------------------------------------------------------------------------
# Contestants


@dataclass(frozen=True)
class Contestant:
    """A library, and how it compiles a function if it does."""

    library: Callable[[], Library]
    compile: Callable[[Callable], Callable] | None = None


def minijax_xla(function: Callable) -> Callable:
    try:
        return load("minijax").jit(function, compiler="xla")
    except TypeError as error:
        raise Unavailable("this minijax.jit has no compiler='xla'") from error


MINIJAX, JAX = functools.partial(jax_like, "minijax"), functools.partial(jax_like, "jax")

CONTESTANTS: dict[str, Contestant] = {
    "minijax": Contestant(MINIJAX),
    "minijax, jit": Contestant(MINIJAX, lambda f: load("minijax").jit(f)),
    "minijax, jit on XLA": Contestant(MINIJAX, minijax_xla),
    "jax": Contestant(JAX),
    "jax, jit": Contestant(JAX, lambda f: load("jax").jit(f)),
    "autograd": Contestant(hips_autograd),
    "mygrad": Contestant(mygrad),
    "torch": Contestant(pytorch),
}
BY_HAND = "numpy"  # contestants "numpy, naive", "numpy, tuned": the functions that a program's by_hand gives

# ---------------------------------------------------------------------------------------------------------------------
# Programs


@dataclass(frozen=True)
class Program:
    name: str
    what: str
    inputs: Callable[[np.random.Generator], Sequence[np.ndarray]]
    body: Callable[[Library], Callable]  # -> function of the inputs, which returns arrays in tuples and lists
    by_hand: dict[str, Callable] = field(default_factory=dict)

    def contestants(self) -> list[str]:
        return [*CONTESTANTS, *self.by_hand]

    def arrays(self) -> list[np.ndarray]:
        return [np.asarray(a, np.float32) for a in self.inputs(np.random.default_rng(0))]

    def function(self, contestant: str) -> Callable:
        """The program as that contestant runs it: a function of the inputs. A new one each time, so traced anew."""
        library = CONTESTANTS[contestant].library()
        body = self.body(library)
        compile = CONTESTANTS[contestant].compile
        return compile(body) if compile else body

    def prepare(self, contestant: str) -> Callable[[], Any]:
        arrays = self.arrays()
        if contestant in self.by_hand:
            return functools.partial(self.by_hand[contestant], *arrays)
        function, library = self.function(contestant), CONTESTANTS[contestant].library()
        arguments = [library.asarray(array) for array in arrays]
        wait = library.wait
        return lambda: wait(function(*arguments))


def flat(result) -> list:
    """The arrays in nested tuples and lists, in order."""
    return [leaf for part in result for leaf in flat(part)] if isinstance(result, (tuple, list)) else [result]


def normal(rng: np.random.Generator, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    """Weights of mean 0, so small that a layer keeps its input's size."""
    return [rng.normal(size=shape) / shape[0] ** 0.5 for shape in shapes]


def elementwise() -> Program:
    def body(lib):
        def f(x):
            y = x
            for _ in range(5):
                y = lib.xp.sin(y) * y + lib.xp.exp(-y)
            return lib.xp.sum(y)

        return lib.grad(f, 0)

    return Program(
        "elementwise",
        "gradient of 26 operations on 16 elements",
        lambda rng: [np.linspace(0.1, 1.0, 16)],
        body,
        {f"{BY_HAND}, naive": by_hand.elementwise},
    )


CENTERS, GAMMA = 20, 1 / (6 * (6 / 19) ** 2)  # from -3 to 3, with the bandwidth of the paper


def kaf(batch: int, units: int, features: int, outputs: int) -> Program:
    """Linear, kernel activation functions, linear, mean squared error: value and the gradient of all parameters."""

    def inputs(rng):
        w, v, alpha = normal(rng, (features, units), (units, outputs), (units, CENTERS))
        x, y = rng.normal(size=(batch, features)), rng.normal(size=(batch, outputs))
        return [w, np.zeros(units), alpha, v, np.zeros(outputs), x, y, np.linspace(-3, 3, CENTERS)]

    def body(lib):
        xp = lib.xp

        def loss(w, b, alpha, v, d, x, y, centers):
            h = x @ w + b
            kernel = xp.exp(-GAMMA * (h[..., None] - centers) ** 2)
            a = xp.sum(kernel * alpha, axis=-1)
            return xp.mean((a @ v + d - y) ** 2)

        return lib.value_and_grad(loss, (0, 1, 2, 3, 4))

    return Program(
        f"kaf-{batch}x{units}",
        f"value and gradient of a KAF network, {batch:,} x {units}, {CENTERS} centres",
        inputs,
        body,
        {f"{BY_HAND}, naive": by_hand.kaf_naive(GAMMA), f"{BY_HAND}, tuned": by_hand.kaf_tuned(GAMMA)},
    )


RATE = 0.1


def mlp(batch: int, features: int, units: int, classes: int) -> Program:
    def inputs(rng):
        w1, w2, w3 = normal(rng, (features, units), (units, units), (units, classes))
        x, y = rng.normal(size=(batch, features)), np.eye(classes)[rng.integers(classes, size=batch)]
        return [w1, np.zeros(units), w2, np.zeros(units), w3, np.zeros(classes), x, y]

    def body(lib):
        xp = lib.xp

        def loss(w1, b1, w2, b2, w3, b3, x, y):
            h = xp.tanh(x @ w1 + b1)
            h = xp.tanh(h @ w2 + b2)
            logits = h @ w3 + b3
            return xp.mean(xp.log(xp.sum(xp.exp(logits), axis=1)) - xp.sum(y * logits, axis=1))

        gradient = lib.value_and_grad(loss, (0, 1, 2, 3, 4, 5))

        def step(*inputs):
            value, gradients = gradient(*inputs)
            return value, [p - RATE * g for p, g in zip(inputs, gradients)]

        return step

    return Program(
        f"mlp-{batch}x{units}",
        f"a step of training, {features}-{units}-{units}-{classes} with tanh, batch of {batch}",
        inputs,
        body,
        {f"{BY_HAND}, naive": by_hand.mlp_step(RATE)},
    )


def lstm(steps: int, batch: int, features: int, units: int) -> Program:
    def inputs(rng):
        w, u = normal(rng, (features, 4 * units), (units, 4 * units))
        xs = rng.normal(size=(steps, batch, features))
        return [w, u, np.zeros(4 * units), xs, np.zeros((batch, units))]

    def body(lib):
        xp = lib.xp

        def sigmoid(x):
            return 0.5 * xp.tanh(0.5 * x) + 0.5

        def loss(w, u, b, xs, zeros):
            def step(carry, x):
                h, c = carry
                gates = x @ w + h @ u + b
                i, f, o = (sigmoid(gates[:, k * units : (k + 1) * units]) for k in range(3))
                c = f * c + i * xp.tanh(gates[:, 3 * units :])
                return o * xp.tanh(c), c

            h, _ = lib.scan(step, (zeros, zeros), xs)
            return xp.mean(h**2)

        return lib.grad(loss, (0, 1, 2))

    return Program(
        f"lstm-{steps}",
        f"gradient of an LSTM, {steps} steps by scan (or a loop), batch of {batch}, {units} units",
        inputs,
        body,
    )


def hessian(features: int, units: int, examples: int) -> Program:
    """Of the mean squared error by a vector of all weights."""
    size = features * units + 2 * units

    def inputs(rng):
        return [rng.normal(size=size) / 2, rng.normal(size=(examples, features)), rng.normal(size=examples)]

    def body(lib):
        if lib.hessian is None:
            raise Unavailable("no second derivatives")

        def loss(parameters, x, y):
            w = parameters[: features * units].reshape((features, units))
            b, v = parameters[features * units : -units], parameters[-units:]
            return lib.xp.mean((lib.xp.tanh(x @ w + b) @ v - y) ** 2)

        return lib.hessian(loss)

    return Program(f"hessian-{size}", f"Hessian of a small network, {size} x {size}", inputs, body)


def per_example(examples: int, features: int, units: int) -> Program:
    def inputs(rng):
        w, v = normal(rng, (features, units), (units, 1))
        return [w, np.zeros(units), v[:, 0], rng.normal(size=(examples, features)), rng.normal(size=examples)]

    def body(lib):
        if lib.per_example is None:
            raise Unavailable("no vmap")

        def loss(w, b, v, x, y):
            return (lib.xp.tanh(x @ w + b) @ v - y) ** 2

        return lib.per_example(loss, (0, 1, 2), (None, None, None, 0, 0))

    return Program(
        f"per-example-{examples}",
        f"gradients of each of {examples} examples by vmap, {features}-{units}-1",
        inputs,
        body,
    )


def deep(layers: int, batch: int = 8, units: int = 16) -> Program:
    def inputs(rng):
        parameters = [p for w in normal(rng, *[(units, units)] * layers) for p in (w, np.zeros(units))]
        return [*parameters, rng.normal(size=(batch, units))]

    def body(lib):
        def loss(*inputs):
            *parameters, x = inputs
            for w, b in zip(parameters[::2], parameters[1::2]):
                x = lib.xp.tanh(x @ w + b)
            return lib.xp.sum(x)

        return lib.grad(loss, tuple(range(2 * layers)))

    return Program(
        f"tanh-{layers}",
        f"gradient of {layers} layers of tanh, {batch} x {units}",
        inputs,
        body,
        {f"{BY_HAND}, naive": by_hand.deep},
    )


PROGRAMS: dict[str, Program] = {
    program.name: program
    for program in [
        elementwise(),
        kaf(batch=1, units=8, features=4, outputs=1),
        kaf(batch=256, units=128, features=32, outputs=10),
        kaf(batch=4096, units=256, features=64, outputs=10),
        mlp(batch=128, features=64, units=128, classes=10),
        lstm(steps=64, batch=16, features=16, units=32),
        hessian(features=4, units=8, examples=64),
        per_example(examples=256, features=16, units=32),
        deep(5),
        deep(50),
        deep(200),
    ]
}
