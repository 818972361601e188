"""The jaxpr of a gradient, without its dead code, has no more equations than JAX's has.

Both are counted alike: nested jits and custom_jvp calls are replaced by what is in them, dead code is dropped by each
library's own `dce_jaxpr`, and the equations in the bodies of scan, while, cond and checkpoint count as well.
"""

from __future__ import annotations

import jax
import jax.interpreters.partial_eval
import numpy as np
import pytest
from printed_programs import INLINED, inlined, kaf, traced

import minijax

DCE = {jax: jax.interpreters.partial_eval.dce_jaxpr, minijax: minijax.core.jaxpr.dce_jaxpr}


def size(lib, jaxpr) -> int:
    """The number of equations of a jaxpr and of the jaxprs that its equations carry."""
    live = live_jaxpr(lib, jaxpr)
    return len(live.eqns) + sum(size(lib, inner) for eqn in live.eqns for inner in carried(eqn.params))


def live_jaxpr(lib, jaxpr):
    flat = inlined(jaxpr)
    return DCE[lib](flat, [True] * len(flat.outvars), instantiate=True)[0]


def carried(params: dict) -> list:
    items = [v for value in params.values() for v in (value if isinstance(value, (tuple, list)) else (value,))]
    return [getattr(v, "jaxpr", v) for v in items if hasattr(v, "eqns")]


def gradient(program, argnums=None):
    """The gradient of the sum of the program's floating-point results, with respect to all its floating-point arguments."""

    def of_lib(lib):
        function = program(lib)

        def scalar(moving, args):
            args = iter(args)
            outs = function(*[next(args) if x is None else x for x in moving])
            leaves = [x for x in lib.tree.leaves(outs) if lib.numpy.issubdtype(lib.numpy.result_type(x), np.inexact)]
            total = 0.0
            for x in leaves:
                total = total + lib.numpy.sum(x * x)
            return total

        def grad(*args):
            numbers = [i for i, x in enumerate(args) if floating(lib, x)] if argnums is None else argnums
            moving = [x if i in numbers else None for i, x in enumerate(args)]
            return lib.grad(scalar)(moving, [x for i, x in enumerate(args) if i not in numbers])

        return grad

    return of_lib


def floating(lib, tree) -> bool:
    return all(lib.numpy.issubdtype(lib.numpy.result_type(x), np.floating) for x in lib.tree.leaves(tree))


def sizes(program, args, argnums=None) -> tuple[int, int]:
    ours, theirs = (size(lib, traced(lib, gradient(program, argnums), args).jaxpr) for lib in (minijax, jax))
    return ours, theirs


# ---------------------------------------------------------------------------------------------------------------------
# Programs

f32 = np.float32
rng = np.random.default_rng(0)
x = f32([0.5, -1.0, 2.0])
m = np.arange(6, dtype=f32).reshape(2, 3)
square = (np.eye(3) + 0.1).astype(f32)
image = rng.normal(size=(2, 8, 8)).astype(f32)
sequence = rng.normal(size=(5, 3)).astype(f32)
label = np.array([2, 0])


def normal(*shape):
    return rng.normal(size=shape).astype(f32)


def mlp(activation):
    def program(lib):
        def f(params, x):
            for w, b in params[:-1]:
                x = activation(lib)(x @ w + b)
            w, b = params[-1]
            return x @ w + b

        return f

    return program


layers = [(normal(3, 4), normal(4)), (normal(4, 4), normal(4)), (normal(4, 2), normal(2))]


def layer_norm(lib):
    def f(x, scale, shift):
        mean = lib.numpy.mean(x, axis=-1, keepdims=True)
        variance = lib.numpy.var(x, axis=-1, keepdims=True)
        return scale * (x - mean) / lib.numpy.sqrt(variance + 1e-5) + shift

    return f


def batch_norm(lib):
    def f(x, scale, shift):
        centred = x - x.mean(0)
        return centred * lib.lax.rsqrt((centred**2).mean(0) + 1e-5) * scale + shift

    return f


def rms_norm(lib):
    return lambda x, scale: x * lib.lax.rsqrt(lib.numpy.mean(x**2, -1, keepdims=True) + 1e-6) * scale


def attention(lib):
    def f(q, k, v):
        scores = lib.numpy.einsum("qd,kd->qk", q, k) / lib.numpy.sqrt(q.shape[-1])
        causal = lib.numpy.tril(lib.numpy.ones(scores.shape, bool))
        return lib.nn.softmax(lib.numpy.where(causal, scores, -1e9)) @ v

    return f


def multi_head_attention(lib):
    def f(x, wq, wk, wv, wo):
        q, k, v = (lib.numpy.reshape(x @ w, (5, 2, 2)).transpose(1, 0, 2) for w in (wq, wk, wv))
        weights = lib.nn.softmax(q @ k.swapaxes(-1, -2) / 2**0.5, axis=-1)
        return (weights @ v).transpose(1, 0, 2).reshape(5, 4) @ wo

    return f


def convolution_by_slices(lib):
    def f(image, kernel):
        out = 0.0
        for i in range(3):
            for j in range(3):
                out = out + kernel[i, j] * image[:, i : i + 6, j : j + 6]
        return out

    return f


def max_pooling(lib):
    return lambda image: image.reshape(2, 4, 2, 4, 2).max((2, 4))


def average_pooling(lib):
    return lambda image: image.reshape(2, 4, 2, 4, 2).mean((2, 4))


def patches(lib):
    return lambda image, w: image.reshape(2, 2, 4, 2, 4).transpose(0, 1, 3, 2, 4).reshape(2, 4, 16) @ w


def lstm_step(lib):
    def f(w, u, b, h, c, x):
        i, f, g, o = lib.numpy.split(x @ w + h @ u + b, 4, axis=-1)
        c = lib.nn.sigmoid(f) * c + lib.nn.sigmoid(i) * lib.numpy.tanh(g)
        return lib.nn.sigmoid(o) * lib.numpy.tanh(c), c

    return f


lstm_args = (normal(3, 16), normal(4, 16), normal(16), normal(4), normal(4))


def lstm_scan(lib):
    def f(w, u, b, h, c, xs):
        def step(carry, x):
            carry = lstm_step(lib)(w, u, b, *carry, x)
            return carry, carry[0]

        return lib.lax.scan(step, (h, c), xs)[1]

    return f


def rnn(lib):
    def f(w, u, h, xs):
        return lib.lax.scan(lambda h, x: (lib.numpy.tanh(x @ w + h @ u), None), h, xs)[0]

    return f


def scan_of_checkpoint(lib):
    def f(w, u, h, xs):
        step = lib.checkpoint(lambda h, x: (lib.numpy.tanh(x @ w + h @ u), None))
        return lib.lax.scan(step, h, xs)[0]

    return f


def scan_with_outputs(lib):
    def f(decay, xs):
        def step(average, x):
            average = decay * average + (1 - decay) * x
            return average, x - average

        return lib.lax.scan(step, lib.numpy.zeros(3), xs)

    return f


def unrolled(lib):
    def f(x):
        for _ in range(4):
            x = lib.numpy.sin(x) * x
        return x

    return f


def cond(lib):
    return lambda x: lib.lax.cond(x.sum() > 0, lambda x: lib.numpy.sin(x) * x, lambda x: lib.numpy.exp(x), x)


def switch(lib):
    return lambda i, x: lib.lax.switch(i, [lib.numpy.sin, lib.numpy.cos, lambda x: x * x], x)


def fori_loop(lib):
    return lambda x: lib.lax.fori_loop(0, 4, lambda i, y: lib.numpy.sin(y) * x, x)


def while_forward(lib):
    """Reverse mode of a program with a loop that has no nonzero tangent."""

    def f(x):
        steps = lib.lax.while_loop(lambda n: n < 5, lambda n: n + 2, 0)
        return x * steps

    return f


def jvp_of_while(lib):
    def f(x):
        return lib.lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, lib.numpy.sin(c[1]) * c[1]), (0, x))[1]

    return lambda x, t: lib.jvp(f, (x,), (t,))


def checkpointed(lib):
    return lib.checkpoint(lambda w, x: lib.numpy.sin(lib.numpy.tanh(x @ w)))


def cosine_similarity(lib):
    norm = lambda v: lib.numpy.sqrt(lib.numpy.sum(v * v))
    return lambda x, y: lib.numpy.vdot(x, y) / (norm(x) * norm(y))


def huber(lib):
    def f(x, y):
        error = lib.numpy.abs(x - y)
        return lib.numpy.mean(lib.numpy.where(error < 1, 0.5 * error**2, error - 0.5))

    return f


def focal_loss(lib):
    def f(logits, label):
        p = lib.nn.softmax(logits)
        chosen = lib.numpy.take_along_axis(p, label[:, None], axis=1)
        return -lib.numpy.mean((1 - chosen) ** 2 * lib.numpy.log(chosen))

    return f


def binary_focal_loss(lib):
    def f(logit, label):
        p = lib.nn.sigmoid(logit)
        p = lib.numpy.where(label == 0, 1 - p, p)
        return -lib.numpy.mean((1 - p) ** 2.0 * lib.numpy.log(lib.numpy.clip(p, 1e-7, 1.0)))

    return f


def gaussian_log_likelihood(lib):
    def f(x, mean, log_scale):
        z = (x - mean) / lib.numpy.exp(log_scale)
        return lib.numpy.sum(-0.5 * z**2 - log_scale - 0.5 * lib.numpy.log(2 * lib.numpy.pi))

    return f


def mixture_log_likelihood(lib):
    def f(x, logits, means):
        parts = lib.nn.log_softmax(logits) - 0.5 * (x[:, None] - means) ** 2
        return lib.numpy.sum(lib.nn.logsumexp(parts, axis=-1))

    return f


def cross_entropy(lib):
    def f(logits, label):
        log_p = lib.nn.log_softmax(logits)
        return -lib.numpy.mean(lib.numpy.take_along_axis(log_p, label[:, None], axis=1))

    return f


def one_hot_cross_entropy(lib):
    return lambda logits, label: -lib.numpy.sum(lib.nn.one_hot(label, 3) * lib.nn.log_softmax(logits))


def vae_loss(lib):
    def f(mean, log_variance, noise, x):
        z = mean + lib.numpy.exp(0.5 * log_variance) * noise
        divergence = -0.5 * lib.numpy.sum(1 + log_variance - mean**2 - lib.numpy.exp(log_variance))
        return lib.numpy.sum((z - x) ** 2) + divergence

    return f


def pairwise_distances(lib):
    return lambda x, y: lib.numpy.sqrt(lib.numpy.sum((x[:, None] - y[None]) ** 2, -1) + 1e-9)


def triplet_loss(lib):
    def f(a, p, n):
        distance = lambda u, v: lib.numpy.sum((u - v) ** 2, -1)
        return lib.numpy.mean(lib.numpy.maximum(distance(a, p) - distance(a, n) + 0.5, 0.0))

    return f


def embedding(lib):
    return lambda table, i, w: lib.numpy.tanh(table[i].mean(0) @ w)


def rosenbrock(lib):
    return lambda x: lib.numpy.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def polynomial(lib):
    def f(coefficients, x):
        total = lib.numpy.zeros_like(x)
        for c in coefficients:
            total = total * x + c
        return total

    return f


def pendulum(lib):
    def f(state):
        angle, speed = state
        speed = speed - 0.1 * lib.numpy.sin(angle)
        return lib.numpy.stack([angle + 0.1 * speed, speed])

    return f


def of_numpy(name, *rest, **options):
    return lambda lib: lambda x, *more: getattr(lib.numpy, name)(x, *more, *rest, **options)


def of_nn(name, *rest, **options):
    return lambda lib: lambda x: getattr(lib.nn, name)(x, *rest, **options)


def vmapped(program, *axes):
    return lambda lib: lib.vmap(program(lib), axes)


def jitted(program):
    return lambda lib: lib.jit(program(lib))


def twice(program):
    """The gradient of the gradient."""
    return lambda lib: lambda x: lib.grad(lambda x: lib.numpy.sum(program(lib)(x)))(x)


PROGRAMS = {
    "mlp, tanh": (mlp(lambda lib: lib.numpy.tanh), layers, m),
    "mlp, relu": (mlp(lambda lib: lib.nn.relu), layers, m),
    "mlp, gelu": (mlp(lambda lib: lib.nn.gelu), layers, m),
    "mlp, vmapped": (vmapped(mlp(lambda lib: lib.numpy.tanh), None, 0), layers, m),
    "mlp, jit": (jitted(mlp(lambda lib: lib.nn.silu)), layers, m),
    "kaf": (kaf, m, x, x, f32(0.5)),
    "kaf, vmapped": (vmapped(kaf, 0, None, None, None), m, x, x, f32(0.5)),
    "kaf, jit": (jitted(kaf), m, x, x, f32(0.5)),
    "layer norm": (layer_norm, m, x, x),
    "layer norm, vmapped": (vmapped(layer_norm, 0, None, None), m, x, x),
    "batch norm": (batch_norm, m, x, x),
    "rms norm": (rms_norm, m, x),
    "attention": (attention, sequence, sequence, sequence),
    "attention, vmapped": (vmapped(attention, 0, 0, 0), sequence[None], sequence[None], sequence[None]),
    "attention, many heads": (multi_head_attention, sequence, *[normal(3, 4)] * 3, normal(4, 4)),
    "convolution by slices": (convolution_by_slices, image, normal(3, 3)),
    "max pooling": (max_pooling, image),
    "average pooling": (average_pooling, image),
    "patches": (patches, image, normal(16, 3)),
    "lstm step": (lstm_step, *lstm_args, x),
    "lstm, scan": (lstm_scan, *lstm_args, sequence),
    "rnn, scan": (rnn, normal(3, 4), normal(4, 4), normal(4), sequence),
    "rnn, scan, vmapped": (
        vmapped(rnn, None, None, None, 0),
        normal(3, 4),
        normal(4, 4),
        normal(4),
        np.stack([sequence] * 2),
    ),
    "rnn, scan of checkpoint": (scan_of_checkpoint, normal(3, 4), normal(4, 4), normal(4), sequence),
    "scan with outputs": (scan_with_outputs, f32(0.9), sequence),
    "Python loop": (unrolled, x),
    "cond": (cond, x),
    "cond, vmapped": (vmapped(cond, 0), m),
    "switch": (switch, 1, x),
    "fori_loop": (fori_loop, x),
    "while beside": (while_forward, x),
    "checkpoint": (checkpointed, square, m),
    "softmax": (of_nn("softmax"), m),
    "log_softmax": (of_nn("log_softmax"), m),
    "logsumexp": (of_nn("logsumexp", axis=1), m),
    "cross entropy": (cross_entropy, m, label),
    "cross entropy, one-hot": (one_hot_cross_entropy, m, label),
    "focal loss": (focal_loss, m, label),
    "focal loss, binary": (binary_focal_loss, x, np.array([0, 1, 0])),
    "gaussian log-likelihood": (gaussian_log_likelihood, x, x, x),
    "mixture log-likelihood": (mixture_log_likelihood, x, x, x),
    "variational loss": (vae_loss, x, x, x, x),
    "huber": (huber, x, x),
    "cosine similarity": (cosine_similarity, x, x),
    "triplet loss": (triplet_loss, m, m, m),
    "pairwise distances": (pairwise_distances, m, m),
    "embedding": (embedding, square, np.array([0, 2, 2]), normal(3, 2)),
    "rosenbrock": (rosenbrock, x),
    "polynomial": (polynomial, [f32(1), f32(2), f32(3)], x),
    "pendulum": (pendulum, x[:2]),
    "einsum, trace of a product": (lambda lib: lambda a, b: lib.numpy.einsum("ij,ji->", a, b), square, square),
    "einsum, batched bilinear": (lambda lib: lambda a, w, b: lib.numpy.einsum("ni,ij,nj->n", a, w, b), m, square, m),
    "matmul, vector": (of_numpy("matmul"), m, x),
    "matmul, batched": (of_numpy("matmul"), normal(2, 3, 3), normal(2, 3, 3)),
    "outer": (of_numpy("outer"), x, x),
    "inner": (of_numpy("inner"), m, m),
    "tensordot": (of_numpy("tensordot", 1), square, square),
    "kron": (of_numpy("kron"), m, m),
    "cross": (of_numpy("cross"), x, x),
    "trace": (of_numpy("trace"), square),
    "diag": (of_numpy("diag"), x),
    "diagonal": (of_numpy("diagonal"), square),
    "tril": (of_numpy("tril"), square),
    "var": (of_numpy("var", axis=0), m),
    "std": (of_numpy("std"), m),
    "average": (lambda lib: lambda x, w: lib.numpy.average(x, weights=w), x, np.abs(x)),
    "median": (of_numpy("median"), x),
    "quantile": (of_numpy("quantile", 0.3), x),
    "nansum": (of_numpy("nansum"), x),
    "nanmean": (of_numpy("nanmean"), x),
    "max": (of_numpy("max", axis=1), m),
    "min": (of_numpy("min"), m),
    "prod": (of_numpy("prod", axis=1), m),
    "ptp": (of_numpy("ptp"), m),
    "cumsum": (of_numpy("cumsum", axis=1), m),
    "cumprod": (of_numpy("cumprod"), x),
    "diff": (of_numpy("diff"), m),
    "sort": (of_numpy("sort"), m),
    "top_k": (lambda lib: lambda x: lib.lax.top_k(x, 2)[0], m),
    "sort by key": (lambda lib: lambda x, y: lib.lax.sort((x, y), num_keys=1)[1], x, x),
    "maximum": (of_numpy("maximum"), x, x),
    "clip": (of_numpy("clip", -1, 1), x),
    "where": (lambda lib: lambda x, y: lib.numpy.where(x > 0, x, y), x, x),
    "power": (of_numpy("power"), np.abs(x), x),
    "float_power": (of_numpy("float_power", 2.5), np.abs(x)),
    "arctan2": (of_numpy("arctan2"), x, x),
    "hypot": (of_numpy("hypot"), x, x),
    "logaddexp": (of_numpy("logaddexp"), x, x),
    "sinc": (of_numpy("sinc"), x),
    "mod": (of_numpy("mod"), x, x),
    "interp": (lambda lib: lambda t, y: lib.numpy.interp(t, lib.numpy.arange(3.0), y), x, x),
    "trapezoid": (of_numpy("trapezoid"), x),
    "polyval": (lambda lib: lambda p, t: lib.numpy.polyval(p, t), x, m),
    "convolve": (of_numpy("convolve"), x, x),
    "cov": (of_numpy("cov"), m),
    "roll": (of_numpy("roll", 1), m),
    "flip": (of_numpy("flip", 0), m),
    "tile": (of_numpy("tile", (2, 2)), m),
    "repeat": (of_numpy("repeat", 2, axis=1), m),
    "pad": (of_numpy("pad", 1), m),
    "pad, reflecting": (of_numpy("pad", 1, mode="reflect"), m),
    "concatenate, stack": (lambda lib: lambda x, y: lib.numpy.stack([lib.numpy.concatenate([x, y])] * 2), x, x),
    "split": (lambda lib: lambda x: [p * i for i, p in enumerate(lib.numpy.split(x, 3, axis=1))], m),
    "broadcast_to": (of_numpy("broadcast_to", (4, 3)), x),
    "moveaxis": (of_numpy("moveaxis", 0, 2), image),
    "x[i]": (lambda lib: lambda x, i: x[i], x, 1),
    "x[1:3], x[::-1], x[::2]": (lambda lib: lambda x: (x[1:3], x[::-1], x[::2]), x),
    "x[:, i]": (lambda lib: lambda x, i: x[:, i], m, label),
    "x[i, j]": (lambda lib: lambda x, i, j: x[i, j], m, np.array([0, 1]), label),
    "x[-1, None]": (lambda lib: lambda x: x[-1, None], m),
    "x.at[i].set": (lambda lib: lambda x, i, y: x.at[i].set(y), x, label, x[:2]),
    "x.at[i].add": (lambda lib: lambda x, i, y: x.at[i].add(y), x, label, x[:2]),
    "x.at[i].mul": (lambda lib: lambda x, i: x.at[i].multiply(2.0), x, 1),
    "take": (lambda lib: lambda x, i: lib.numpy.take(x, i, axis=1), m, label),
    "take_along_axis": (lambda lib: lambda x, i: lib.numpy.take_along_axis(x, i, 1), m, label[:, None]),
    "dynamic_slice": (lambda lib: lambda x, i: lib.lax.dynamic_slice(x, (i,), (2,)), x, 1),
    "dynamic_update_slice": (lambda lib: lambda x, y, i: lib.lax.dynamic_update_slice(x, y, (i,)), x, x[:1], 1),
    "segment sum": (lambda lib: lambda x, i: lib.numpy.zeros(2).at[i].add(x), x, np.array([0, 1, 1])),
    "sigmoid": (of_nn("sigmoid"), x),
    "softplus": (of_nn("softplus"), x),
    "silu": (of_nn("silu"), x),
    "gelu": (of_nn("gelu"), x),
    "gelu, exact": (of_nn("gelu", approximate=False), x),
    "elu": (of_nn("elu"), x),
    "selu": (of_nn("selu"), x),
    "celu": (of_nn("celu"), x),
    "leaky_relu": (of_nn("leaky_relu"), x),
    "relu6": (of_nn("relu6"), x),
    "hard_swish": (of_nn("hard_swish"), x),
    "log_sigmoid": (of_nn("log_sigmoid"), x),
    "mish": (of_nn("mish"), x),
    "glu": (of_nn("glu"), x[:2]),
    "standardize": (of_nn("standardize"), m),
    "gammaln": (lambda lib: lambda x: lib.scipy.special.gammaln(x), np.abs(x)),
    "erf": (lambda lib: lambda x: lib.scipy.special.erf(x), x),
    "xlogy": (lambda lib: lambda x, y: lib.scipy.special.xlogy(x, y), np.abs(x), np.abs(x)),
    "reparametrised sample": (
        lambda lib: lambda mean, scale: mean + scale * lib.random.normal(lib.random.key(0), (3,)),
        x,
        x,
    ),
    "associative_scan": (lambda lib: lambda x: lib.lax.associative_scan(lib.numpy.multiply, x), np.ones(8, f32)),
    "a scan whose body does not read its slices": (
        lambda lib: lambda a, xs: lib.lax.scan(lambda c, x: (c * a, c), a, xs)[0],
        x[0],
        m,
    ),
    "lax.map": (lambda lib: lambda xs: lib.lax.map(lambda x: lib.numpy.sin(x) * x, xs), m),
    "gradient of a gradient, tanh": (twice(of_numpy("tanh")), x),
    "gradient of a gradient, softmax": (twice(lambda lib: lambda x: lib.nn.softmax(x) ** 2), x),
    "gradient of a gradient, logsumexp": (twice(of_nn("logsumexp")), x),
    "gradient of a gradient, rosenbrock": (twice(rosenbrock), x),
    "hessian-vector product": (
        lambda lib: lambda x, t: lib.jvp(lib.grad(lambda x: lib.numpy.sum(lib.numpy.sin(x) ** 3)), (x,), (t,))[1],
        x,
        x,
    ),
}
# The programs of the printing tests, if they have floating-point arguments and results.
TEXTS = {
    name: (program, *args)
    for name, (program, *args) in INLINED.items()
    if any(not callable(a) and floating(minijax, a) for a in args)
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(24)
def test_gradient_is_no_larger(name):
    program, *args = PROGRAMS[name]
    ours, theirs = sizes(program, args)
    assert 0 < ours <= theirs


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.one_in(8)
def test_gradient_of_a_printed_program_is_no_larger(name):
    program, *args = TEXTS[name]
    ours, theirs = sizes(program, args)
    assert 0 <= ours <= theirs


# What a body reads, {name: (library, argument of the whole, value that the body is given) -> value}, in each construct that
# carries a body, under derivatives of derivatives.
BODIES = {
    "a constant": lambda lib, a, c: lib.numpy.float32(2),
    "what is outside": lambda lib, a, c: lib.numpy.sin(a),
    "no tangent": lambda lib, a, c: lib.numpy.not_equal(a, 0.5).astype("float32"),
    "its argument": lambda lib, a, c: lib.numpy.sin(c) * c,
    "both": lambda lib, a, c: lib.numpy.sin(a) * c,
}
CONSTRUCTS = {
    "fori_loop": lambda lib, body: lambda a: lib.lax.fori_loop(0, 3, lambda i, c: body(a, c), a),
    "scan": lambda lib, body: lambda a: lib.lax.scan(lambda c, _: (body(a, c), (c, body(a, c))), a, None, length=2)[1],
    "cond": lambda lib, body: lambda a: lib.lax.cond(a > 0, lambda c: body(a, c), lambda c: c, -a),
    "cond, of constants": lambda lib, body: lambda a: lib.lax.cond(a > 0, lambda c: body(a, c), lambda c: 1.0, -a),
    "checkpoint": lambda lib, body: lambda a: lib.checkpoint(lambda c: body(a, c))(2.0 * a),
    "jit": lambda lib, body: lambda a: lib.jit(lambda c, d: (body(a, c), body(a, d)))(2.0 * a, a)[0],
    "checkpoint in scan": lambda lib, body: (
        lambda a: lib.lax.scan(lambda c, _: (lib.checkpoint(lambda c: body(a, c))(c), c), a, None, length=2)
    ),
}
DERIVATIVES = {
    "grad": lambda lib, f: lib.grad(f),
    "jvp of grad": lambda lib, f: lambda x: lib.jvp(lib.grad(f), (x,), (x,)),
    "hessian": lambda lib, f: lib.hessian(f),
    "grad of jacfwd": lambda lib, f: lib.grad(lambda x: lib.jacfwd(f)(x)),
    "linearize": lambda lib, f: lambda x: lib.linearize(f, x)[1](x),
}


@pytest.mark.parametrize("derivative", DERIVATIVES)
@pytest.mark.parametrize("construct", CONSTRUCTS)
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.one_in(24)
def test_gradient_of_what_carries_a_body_is_no_larger(body, construct, derivative):
    def count(lib) -> int:
        function = CONSTRUCTS[construct](lib, lambda a, c: BODIES[body](lib, a, c))
        scalar = lambda x: sum(lib.numpy.sum(y) for y in lib.tree.leaves(function(x)))
        return size(lib, lib.make_jaxpr(DERIVATIVES[derivative](lib, scalar))(f32(0.5)).jaxpr)

    assert count(minijax) <= count(jax)


# ---------------------------------------------------------------------------------------------------------------------
# Dead code is dropped in the bodies of loops and branches too, and nothing else is dropped


def counter_and_sum(lib):
    """Three carries: one is read after the loop, one is needed to compute the first, and one is needed by neither."""

    def step(carry, x):
        total, factor, count = carry
        return (total + factor * x, factor * 2.0, count + 1), (lib.numpy.sin(total), lib.numpy.cos(x))

    return lambda start, xs, spare: lib.lax.scan(step, (start, spare, 0), xs)


def nested_jits(lib):
    inner = lib.jit(lambda x, y: (lib.numpy.sin(x), lib.numpy.cos(y), x * y))
    return lib.jit(lambda x, y: (*inner(x, y), lib.numpy.exp(y)))


def nested_checkpoints(lib):
    inner = lib.checkpoint(lambda x, y: (lib.numpy.sin(x), lib.numpy.cos(y), x * y))
    return lib.checkpoint(lambda x, y: (*inner(x, y), lib.numpy.exp(y)))


def two_results(lib):
    return lambda x, y: lib.lax.cond(x > 0, lambda: (lib.numpy.sin(x), y * x), lambda: (x, lib.numpy.cos(y)))


def printing(lib):
    def step(c, x):
        lib.debug.print("{}", x)
        return c + 1.0, lib.numpy.sin(x)

    return lambda c, xs: lib.lax.scan(step, c, xs)


DEAD = {
    "scan": (counter_and_sum, 0.0, x, f32(3)),
    "jit in jit": (nested_jits, f32(1), f32(2)),
    "cond": (two_results, f32(1), f32(2)),
    "checkpoint": (nested_checkpoints, f32(1), f32(2)),
    "jit that reads one argument": (lambda lib: lib.jit(lambda x, y: (x, lib.numpy.sin(x))), f32(1), f32(2)),
    "scan that prints": (printing, 0.0, x),
}


@pytest.mark.parametrize("name", DEAD)
def test_dead_code_in_bodies(name, capsys):
    program, *args = DEAD[name]
    ours, theirs = (traced(lib, program, args) for lib in (minijax, jax))
    n = len(ours.jaxpr.outvars)
    flat = [np.asarray(leaf, leaf.dtype if hasattr(leaf, "dtype") else f32) for leaf in args]
    everything = minijax.core.eval_jaxpr(ours.jaxpr, ours.consts, *flat)
    for bits in range(1, 2**n):
        used = [bool(bits >> i & 1) for i in range(n)]
        smaller, used_inputs = minijax.core.jaxpr.dce_jaxpr(ours.jaxpr, used)
        minijax.core.jaxpr.check_jaxpr(smaller)
        expected, expected_inputs = DCE[jax](theirs.jaxpr, used)
        assert used_inputs == list(expected_inputs)
        assert number_of_equations(smaller) == number_of_equations(expected)
        got = minijax.core.eval_jaxpr(smaller, ours.consts, *[a for a, u in zip(flat, used_inputs) if u])
        wanted = [a for a, u in zip(everything, used) if u]
        assert [(a.shape, a.dtype) for a in got] == [(a.shape, a.dtype) for a in wanted]
        assert all(np.array_equal(a, b) for a, b in zip(got, wanted))
    if name == "scan that prints":
        printed = capsys.readouterr().out.split()
        assert printed == ["0.5", "-1.0", "2.0"] * 2**n


def number_of_equations(jaxpr) -> int:
    return len(jaxpr.eqns) + sum(number_of_equations(inner) for eqn in jaxpr.eqns for inner in carried(eqn.params))


def test_what_no_step_changes_is_computed_before_the_loop():
    """The residual exp(w) is needed in every step of the gradient: neither loop computes it."""

    def loss(w, xs):
        return minijax.lax.scan(lambda c, x: (c * minijax.numpy.exp(w) + x, None), f32(1), xs)[0]

    jaxpr = minijax.make_jaxpr(minijax.grad(loss))(f32(1), x).jaxpr
    assert [eqn.primitive.name for eqn in jaxpr.eqns].count("exp") == 1
    bodies = [inner for eqn in jaxpr.eqns for inner in carried(eqn.params)]
    assert len(bodies) == 2
    assert "exp" not in [eqn.primitive.name for body in bodies for eqn in body.eqns]
