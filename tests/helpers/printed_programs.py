"""Programs whose jaxprs are compared with JAX's: functions of the library that return the function to trace. And `inlined`, which
brings the jaxprs of both libraries to one form."""

from __future__ import annotations

import numpy as np

# JAX wraps many jnp functions in a jit or a custom_jvp: `inlined` replaces such an equation by the equations of its jaxpr.
CALLS = {"jit": "jaxpr", "custom_jvp_call": "call_jaxpr"}


def plain(value):
    """A param with Python's ints: batching rules of JAX put NumPy's there, `np.int64(1)` in print."""
    if isinstance(value, tuple):
        items = [plain(v) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return int(value) if isinstance(value, np.integer) else value


def converted(number, dtype) -> np.ndarray:
    """A number in another dtype, as XLA converts: an infinity is the greatest integer, NaN is 0."""
    number = np.asarray(number)
    if np.dtype(dtype).kind in "iu" and number.dtype.kind == "f":
        limits = np.iinfo(dtype)
        number = np.clip(np.nan_to_num(number.astype(float), nan=0.0), limits.min, limits.max)
    return number.astype(dtype)


def inlined(jaxpr):
    """The jaxpr without its jit equations, as tracing without jit would have given it: then a number that is converted
    is a constant, inside of a jit it is an argument and needs an equation. All variables are new: a jaxpr that is called twice is
    written twice, with letters of its own each time."""
    eqns, new = [], {v: type(v)(v.aval) for v in (*jaxpr.constvars, *jaxpr.invars)}
    constvars = [new[v] for v in jaxpr.constvars]

    def inline(jaxpr, env):
        def read(atom):
            return env.get(atom, atom) if not hasattr(atom, "val") else atom

        for eqn in jaxpr.eqns:
            args = [read(v) for v in eqn.invars]
            if eqn.primitive.name in CALLS:
                inner = eqn.params[CALLS[eqn.primitive.name]].jaxpr
                constvars.extend(inner.constvars)
                outs = inline(inner, dict(zip(inner.invars, args, strict=True)))
            elif eqn.primitive.name == "convert_element_type" and hasattr(args[0], "val"):
                aval = eqn.outvars[0].aval
                outs = [type(args[0])(converted(args[0].val, aval.dtype), aval)]
            else:
                # Two calls of one jaxpr must bind different variables.
                outs = [type(v)(v.aval) for v in eqn.outvars]
                params = {name: plain(value) for name, value in eqn.params.items()}
                eqns.append(eqn.replace(invars=args, outvars=outs, params=params))
            env.update(zip(eqn.outvars, outs, strict=True))
        return [read(v) for v in jaxpr.outvars]

    outs = inline(jaxpr, dict(new))
    # A constant that a call alone took, and did not read, is none without the call.
    read = {id(v) for v in outs}.union(*[map(id, eqn.invars) for eqn in eqns])
    given = {id(new[v]) for eqn in jaxpr.eqns for v in eqn.invars if not hasattr(v, "val") and v in new}
    constvars = [v for v in constvars if id(v) in read or id(v) not in given]
    # Since JAX 0.11 a jaxpr holds its constants, and prints as many variables before the `;`.
    consts = {"consts": [None] * len(constvars)} if hasattr(jaxpr, "consts") else {}
    invars = [new[v] for v in jaxpr.invars]
    return jaxpr.replace(constvars=constvars, invars=invars, eqns=eqns, outvars=outs, **consts)


def traced(lib, program, args):
    # A key can be read only by the library that made it.
    return lib.make_jaxpr(program(lib))(*[a(lib) if callable(a) else a for a in args])


def key(lib):
    return lib.random.key(0)


f32 = np.float32


x = f32([0.5, -1.0, 2.0])


m = np.arange(6, dtype=np.float32).reshape(2, 3)


wide = np.zeros(1_000_000, np.float32)


def kaf(lib):
    """The kernel activation function of `kaf.functional`."""

    def kaf(x, alpha, centers, sigma):
        return lib.numpy.exp(-((x[..., None] - centers) ** 2) / (2 * sigma**2)) @ alpha

    return kaf


def kaf_tangent(lib):
    return lambda x, a, c, s, da: lib.jvp(lambda a: kaf(lib)(x, a, c, s), (a,), (da,))


def mlp(lib):
    def forward(params, x):
        (W, b), (V, c) = params
        hidden = lib.numpy.maximum(x @ W + b, 0)
        return lib.nn.softmax(hidden @ V + c)

    return forward


def cross_entropy(lib):
    def loss(params, x, y):
        logits = x @ params["w"] + params["b"]
        return lib.numpy.mean(lib.nn.logsumexp(logits, axis=-1) - lib.numpy.sum(y * logits, axis=-1))

    return loss


kaf_args = (m, x, np.linspace(-1, 1, 3, dtype=f32), f32(0.5))
mlp_args = (((np.ones((3, 4), f32), np.ones(4, f32)), (np.ones((4, 2), f32), np.ones(2, f32))), m)
entropy_args = ({"w": np.ones((3, 4), f32), "b": np.ones(4, f32)}, m, np.ones((2, 4), f32))

INLINED = {
    "operators": (lambda lib: lambda x, y: (x + y, x - 1, 2 / y, -x, abs(x), x**2, x**y, x // y, x % y), x, x),
    "comparisons": (lambda lib: lambda x: (x > 0, x <= 1, x == x, x != 2, (x > 0) & (x < 1), ~(x > 0)), x),
    "unary functions": (
        lambda lib: (
            lambda x: [getattr(lib.numpy, f)(x) for f in ("sin", "exp", "log1p", "tanh", "sqrt", "sign", "floor")]
        ),
        x,
    ),
    "integers to floats": (lambda lib: lambda i: lib.numpy.sin(i) + lib.numpy.mean(i), np.arange(3)),
    "sum over axes": (lambda lib: lambda x: (x.sum(), x.sum(0), lib.numpy.sum(x, (0, 1), keepdims=True)), m),
    "max, min, prod": (lambda lib: lambda x: (x.max(), x.min(1), x.prod(0)), m),
    "mean and variance": (lambda lib: lambda x: (lib.numpy.mean(x, 0), lib.numpy.var(x)), m),
    "any, all, argmax": (lambda lib: lambda x: (lib.numpy.any(x > 0), lib.numpy.all(x > 0, 1), lib.numpy.argmax(x)), m),
    "broadcasting": (lambda lib: lambda x, m: (m * x, x[:, None] * m[:, None, :]), x, m),
    "broadcast_to": (lambda lib: lambda x: lib.numpy.broadcast_to(x, (2, 3)), x),
    "zeros, ones, full": (
        lambda lib: lambda x: (x + lib.numpy.zeros(3), lib.numpy.ones_like(x), lib.numpy.full(3, 0.1)),
        x,
    ),
    "arange, eye": (lambda lib: lambda: (lib.numpy.arange(4), lib.numpy.arange(2.0), lib.numpy.eye(3)),),
    "linspace": (lambda lib: lambda a: lib.numpy.linspace(a, 1.0, 5), 0.0),
    "matmul": (lambda lib: lambda x, m: (m @ x, m @ m.T, x @ x), x, m),
    "batched matmul": (lambda lib: lambda a: a @ a, np.ones((4, 2, 2), f32)),
    "einsum": (lambda lib: lambda m: lib.numpy.einsum("ij,kj->ik", m, m), m),
    "outer, dot, tensordot": (
        lambda lib: lambda x, m: (lib.numpy.outer(x, x), lib.numpy.dot(m, x), lib.numpy.tensordot(m, m, 2)),
        x,
        m,
    ),
    "reshape, ravel, transpose": (
        lambda lib: lambda x: (x.reshape(3, -1), x.ravel(), x.T, lib.numpy.swapaxes(x, 0, 1)),
        m,
    ),
    "squeeze, expand_dims": (lambda lib: lambda x: (lib.numpy.squeeze(x[:1]), lib.numpy.expand_dims(x, 1)), m),
    "concatenate, stack": (
        lambda lib: lambda x: (lib.numpy.concatenate([x, x]), lib.numpy.stack([x, x], 1), lib.numpy.hstack([x, 2 * x])),
        x,
    ),
    "split, flip, roll": (
        lambda lib: lambda x: (*lib.numpy.split(x, 3, 1), lib.numpy.flip(x, 0), lib.numpy.roll(x, 1, 1)),
        m,
    ),
    "tile, repeat, pad": (
        lambda lib: lambda x: (lib.numpy.tile(x, 2), lib.numpy.repeat(x, 2), lib.numpy.pad(x, 1)),
        x,
    ),
    "array of traced scalars": (lambda lib: lambda a: lib.numpy.array([a, 1.0, a * 2]), 1.0),
    "x[0], x[-1]": (lambda lib: lambda x: x[0] + x[-1], x),
    "x[1:3], x[::-1]": (lambda lib: lambda x: (x[1:3], x[::-1], x[::2]), x),
    "x[0, 1:], x[..., None]": (lambda lib: lambda x: (x[0, 1:], x[..., None], x[:, 1]), m),
    "x[i]": (lambda lib: lambda x, i: x[i], x, 1),
    "x[indices]": (lambda lib: lambda x, i: x[i], m, np.array([1, 0])),
    "x[[0, 2]]": (lambda lib: lambda x: x[np.array([0, 2])], x),
    "x[:, i]": (lambda lib: lambda x, i: x[:, i], m, np.array([1, 0])),
    "take": (lambda lib: lambda x, i: lib.numpy.take(x, i, axis=1, mode="clip"), m, np.array([1, 0])),
    "take_along_axis": (lambda lib: lambda x, i: lib.numpy.take_along_axis(x, i, 1), m, np.array([[1], [0]])),
    "at[i].set": (lambda lib: lambda x, y: x.at[1].set(y), x, f32(1)),
    "at[i].add": (lambda lib: lambda x, i: x.at[i].add(2.0), x, 1),
    "at[indices].max": (lambda lib: lambda x, i: x.at[i].max(1.0, mode="drop"), x, np.array([0, 0])),
    "at[slice].multiply": (lambda lib: lambda x: x.at[1:].multiply(2), x),
    "sort, argsort": (lambda lib: lambda x: (lib.numpy.sort(x), lib.numpy.argsort(x), -lib.numpy.sort(-x)), m),
    "top_k": (lambda lib: lambda x: lib.lax.top_k(x, 2), m),
    "cumsum, cumprod": (lambda lib: lambda x: (lib.numpy.cumsum(x), lib.numpy.cumprod(x, 1)), m),
    "where": (lambda lib: lambda x: lib.numpy.where(x > 0, x, 0.0), x),
    "logaddexp, hypot": (lambda lib: lambda x: (lib.numpy.logaddexp(x, -x), lib.numpy.hypot(x, 2.0)), x),
    "tril": (lambda lib: lambda x: lib.numpy.tril(x), m),
    "clip": (lambda lib: lambda x: lib.numpy.clip(x, -1, 1), x),
    "astype": (lambda lib: lambda x: (x.astype(int), x.astype("bfloat16"), x.astype(bool), x.astype(x.dtype)), x),
    "isnan, nan_to_num": (lambda lib: lambda x: (lib.numpy.isnan(x), lib.numpy.nan_to_num(x)), x),
    "norm": (lambda lib: lambda x: lib.numpy.sqrt(lib.numpy.sum(lib.numpy.square(x))), x),
    "stop_gradient": (
        lambda lib: lambda *args: [lib.lax.stop_gradient(v) for v in (*args, args[1] > 0)],
        x,
        np.array([1, 2]),
    ),
    "numbers outside of an axis": (
        lambda lib: (
            lambda x: (
                *(lib.lax.dynamic_index_in_dim(x, i) for i in (0, 5, -7)),
                *(lib.lax.dynamic_update_index_in_dim(x, x[0], i, 0) for i in (0, 5, -7)),
            )
        ),
        m,
    ),
    "lax.pow by a number": (
        lambda lib: lambda x: (lib.lax.pow(x, 0), lib.lax.pow(x, 2), lib.lax.pow(x, -1), lib.lax.pow(x, 0.5)),
        x,
    ),
    "select under two maps": (
        lambda lib: lib.vmap(lib.vmap(lambda x: (0 // x, lib.numpy.einsum("i,i->i", x, x), lib.numpy.eye(3) * x))),
        np.ones((2, 2, 3), f32),
    ),
    "the diagonal of each of a batch": (
        lambda lib: lib.vmap(lambda a: lib.numpy.einsum("ii->i", a)),
        np.ones((2, 3, 3), f32),
    ),
    "xlogy": (lambda lib: lambda x, m: (lib.scipy.special.xlogy(x, m), lib.scipy.special.xlog1py(x, m)), x, m),
    "relu": (lambda lib: lambda x: lib.nn.relu(x), x),
    "softplus": (lambda lib: lambda x: lib.nn.softplus(x), x),
    "sigmoid, gelu, silu": (lambda lib: lambda x: (lib.nn.sigmoid(x), lib.nn.gelu(x), lib.nn.silu(x)), x),
    "elu, leaky_relu": (lambda lib: lambda x: (lib.nn.elu(x), lib.nn.leaky_relu(x)), x),
    "softmax": (lambda lib: lambda x: lib.nn.softmax(x), m),
    "log_softmax": (lambda lib: lambda x: lib.nn.log_softmax(x), m),
    "logsumexp": (lambda lib: lambda x: lib.nn.logsumexp(x, 1), m),
    "one_hot": (lambda lib: lambda i: lib.nn.one_hot(i, 4), np.array([1, 2])),
    "random.split": (lambda lib: lambda k: lib.random.split(k), key),
    "random.uniform": (lambda lib: lambda k: lib.random.uniform(k, (3,)), key),
    "random.normal": (lambda lib: lambda k: lib.random.normal(k, (2, 3)), key),
    "random.bernoulli": (lambda lib: lambda k: lib.random.bernoulli(k, 0.3, (3,)), key),
    "kaf": (kaf, *kaf_args),
    "kaf, vmapped": (lambda lib: lib.vmap(kaf(lib), (0, None, None, None)), *kaf_args),
    "kaf, a function for each unit": (
        lambda lib: lib.vmap(kaf(lib), (1, 0, None, None), 1),
        m,
        np.ones((3, 3), f32),
        *kaf_args[2:],
    ),
    "kaf, jvp": (kaf_tangent, *kaf_args, x),
    "kaf, jit": (lambda lib: lib.jit(kaf(lib)), *kaf_args),
    "mlp": (mlp, *mlp_args),
    "mlp, vmapped": (lambda lib: lib.vmap(mlp(lib), (None, 0)), *mlp_args),
    "cross entropy": (cross_entropy, *entropy_args),
    "vmap of sin": (lambda lib: lib.vmap(lib.numpy.sin), x),
    "vmap of dot": (lambda lib: lib.vmap(lib.numpy.dot), m, m),
    "vmap of an index": (lambda lib: lib.vmap(lambda x, i: x[i]), m, np.array([1, 0])),
    "vmap of where": (lambda lib: lib.vmap(lambda p, x: lib.numpy.where(p, x, 0.0)), np.array([True, False]), m),
    "vmap of jit": (lambda lib: lib.vmap(lib.jit(lambda x: x * 2 + 1), out_axes=1), m),
    "jvp of a product": (lambda lib: lambda x, t: lib.jvp(lambda x: lib.numpy.sin(x) * x, (x,), (t,)), x, x),
    "jvp of a sum": (lambda lib: lambda x, t: lib.jvp(lambda x: lib.numpy.sum(x**2), (x,), (t,)), x, x),
    "jvp of jit": (lambda lib: lambda x, t: lib.jvp(lib.jit(lambda x: lib.numpy.exp(2 * x)), (x,), (t,)), x, x),
    "jvp of matmul": (lambda lib: lambda a, b, t: lib.jvp(lambda a: a @ b, (a,), (t,)), m, m.T, m),
    "jacfwd": (lambda lib: lib.jacfwd(lambda x: lib.numpy.sin(x)), x),
    "jacfwd of a number": (lambda lib: lib.jacfwd(lambda x: lib.numpy.sin(x)), 1.0),
    "jacfwd of a constant": (lambda lib: lib.jacfwd(lambda x: 2.0), x),
    "jacfwd by a tree": (lambda lib: lib.jacfwd(lambda a, b: a * b.sum(), argnums=(0, 1)), x, m),
    "jacfwd of two dtypes": (lambda lib: lib.jacfwd(lambda a, b: a * b, argnums=(0, 1)), x, np.ones(3, np.float16)),
    "jacrev": (lambda lib: lib.jacrev(lambda x: lib.numpy.sin(x)), x),
    "jacrev of two": (lambda lib: lib.jacrev(lambda x: (lib.numpy.sin(x), x.sum())), x),
    "jacrev, mapped": (lambda lib: lib.vmap(lib.jacrev(lambda x: x * x)), m),
    "hessian": (lambda lib: lib.hessian(lambda x: lib.numpy.sin(x).sum()), x),
}
