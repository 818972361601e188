"""What the usual ways of calling a KAF cost, by the call on a whole batch, by the formula, or by a ReLU network.

    python benchmarks/kaf_evaluation.py --idioms [--backends jax minijax] [--repeats 15]
    python benchmarks/kaf_evaluation.py --border       # up to which size the formula is quicker
    python benchmarks/kaf_evaluation.py --sweep        # batches of 1 to 512 rows: no step in the time

Each row is an idiom, and what it is compared with. The two take turns, so that a busy machine slows both, and a row has the ratio
of the medians, the milliseconds of both, and the goal. x is [1024, 256] with 20 centres unless a row says otherwise, and the time
is that of the value with the gradients under jit. Memory is the peak with the results, in arrays of x's size, as in
`kaf_evaluation.py`. The rows with `eqx` are networks of Equinox.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import kaf_evaluation
import numpy as np
from rich.console import Console
from rich.table import Table

from kaf import Grid
from kaf.backend import Backend, use_backend
from kaf.functional import kaf
from kaf.functional.operations import operations
from kaf.layers import KAFNet
from kaf.losses import cross_entropy
from kaf.optim import adam
from kaf.train import make_step

ROWS, UNITS, GRID = 1024, 256, Grid()
INPUTS, HIDDEN, CLASSES = 64, 256, 10
MEMBERS = 8


class Idiom(NamedTuple):
    """Two functions of the same kind, `ours` and `other`, each with its arguments. goal: the largest ratio of their times."""

    name: str
    ours: tuple[Callable, Sequence]
    other: tuple[Callable, Sequence]
    than: str
    goal: float


def _arrays(backend: Backend) -> tuple:
    rng = np.random.default_rng(0)
    x, g = (rng.normal(size=(ROWS, UNITS)).astype(np.float32) for _ in range(2))
    alpha = rng.normal(0, np.sqrt(0.3), (UNITS, GRID.size)).astype(np.float32)
    return tuple(map(backend.np.asarray, (x, alpha, g)))


def _step(backend: Backend, f: Callable, g, count: int) -> Callable:
    """The value of sum(f * g) and its gradients by the first `count` arguments."""
    return backend.jit(backend.value_and_grad(lambda *args: (f(*args) * g).sum(), tuple(range(count))))


def calls(backend: Backend) -> Iterator[Idiom]:
    """The rows of plain arrays."""
    xp, vmap = backend.np, backend.vmap
    x, alpha, g = _arrays(backend)
    by_grid = lambda method: lambda x, alpha: kaf(x, alpha, GRID, method=method)
    batch = _step(backend, by_grid("auto"), g, 2), (x, alpha)
    naive = _step(backend, by_grid("naive"), g, 2), (x, alpha)
    mapped = vmap(by_grid("auto"), (0, None))
    yield Idiom(
        "vmap over the examples", (_step(backend, mapped, g, 2), (x, alpha)), batch, "the call on the batch", 1.2
    )
    twice = vmap(vmap(by_grid("auto")), (0, None))
    yield Idiom(
        "two vmaps, a scalar function inside", (_step(backend, twice, g, 2), (x, alpha)), batch, "the batch", 1.2
    )

    each = lambda f: backend.jit(vmap(backend.grad(lambda x, alpha, g: (f(x, alpha) * g).sum(), (0, 1)), (0, None, 0)))

    def terms(x, alpha, g):
        # The gradients of the batch without the sum over rows.
        t = (x[..., None] - xp.asarray(GRID.centers)) * (1 / GRID.sigma)
        kernels = g[..., None] * xp.exp(-0.5 * t * t)
        return kaf(x, alpha, GRID), kernels

    yield Idiom(
        "gradients of each example", (each(by_grid("auto")), (x, alpha, g)), (backend.jit(terms), (x, alpha, g)),
        "their terms, written", 1.3,
    )  # fmt: skip

    def traced(method):
        f = lambda x, alpha, sigma, centers: kaf(x, alpha, centers, sigma, method=method)
        twice = vmap(vmap(f, (0, 0, None, None)), (0, None, None, None))
        return _step(backend, twice if method == "auto" else f, g, 2)

    sigma = xp.float32(GRID.sigma)
    even, uneven = xp.asarray(GRID.centers), xp.asarray(GRID.centers + 0.1 * np.sin(np.arange(GRID.size)), "float32")
    yield Idiom(
        "traced centres, equispaced, two vmaps", (traced("auto"), (x, alpha, sigma, even)), batch, "the batch", 1.5
    )
    others = traced("naive"), (x, alpha, sigma, uneven)
    yield Idiom(
        "traced centres, not equispaced", (traced("auto"), (x, alpha, sigma, uneven)), others, "the formula", 1.0
    )

    def trained(method):
        f = lambda x, alpha, sigma, centers: kaf(x, alpha, centers, sigma, method=method)
        return _step(backend, vmap(f, (0, None, None, None)) if method == "auto" else f, g, 4)

    arguments = (x, alpha, xp.full(UNITS, GRID.sigma, "float32"), uneven)
    ours, other = (trained(method) for method in ("auto", "naive"))
    yield Idiom("trained centres and bandwidths, vmap", (ours, arguments), (other, arguments), "the formula", 1.0)
    yield Idiom("the call on the batch", batch, naive, "the formula", 1.0)
    for rows, units in ((1, 8), (8, 8), (64, 8)):
        small = x[:rows, :units], alpha[:units]
        step = lambda f, g=g[:rows, :units]: _step(backend, f, g, 2)
        yield Idiom(
            f"small: {rows} x {units}", (step(by_grid("auto")), small), (step(by_grid("naive")), small), "the formula", 1.0
        )  # fmt: skip


# -- Networks ------------------------------------------------------------------------------------------------------------------


def _training(backend: Backend, model, apply: Callable, x, labels) -> tuple[Callable, Sequence]:
    """A training step of a model by Adam; apply(model, x) is the model's output."""
    optimizer = adam(5e-3)
    step = backend.jit(
        make_step(backend, lambda model: lambda x: apply(model, x), cross_entropy, optimizer, l2_weight=0.0)
    )
    return lambda *args: step(*args, x, labels), (model, optimizer.init(model))


def networks(backend: Backend) -> Iterator[Idiom]:
    """The rows of networks, by ReLU's."""
    rng, vmap = np.random.default_rng(0), backend.vmap
    x = backend.np.asarray(rng.normal(size=(ROWS, INPUTS)).astype(np.float32))
    labels = backend.np.asarray(rng.integers(0, CLASSES, ROWS).astype(np.int32))
    sizes = [INPUTS, HIDDEN, HIDDEN, CLASSES]
    nets = [KAFNet.init(0, sizes, activation) for activation in ("kaf", "relu")]
    each = [_training(backend, net, lambda net, x: vmap(net)(x), x, labels) for net in nets]
    yield Idiom("step of KAFNet, vmap over the examples", *each, "ReLU's", 1.6)
    each = [_training(backend, net, lambda net, x: net(x), x, labels) for net in nets]
    yield Idiom("step of KAFNet on the batch", *each, "ReLU's", 1.6)

    def ensemble(activation: str):
        members = [KAFNet.init(i, sizes, activation) for i in range(MEMBERS)]
        stacked = backend.tree_util.tree_map(lambda *leaves: backend.np.stack(leaves), *members)
        loss = lambda net: cross_entropy(net(x[: ROWS // MEMBERS]), labels[: ROWS // MEMBERS])
        return backend.jit(vmap(backend.value_and_grad(loss))), (stacked,)

    yield Idiom(
        f"gradients of {MEMBERS} networks, batch {ROWS // MEMBERS}", ensemble("kaf"), ensemble("relu"), "ReLU's", 1.6
    )


def equinox_networks(backend: Backend) -> Iterator[Idiom]:
    """The rows of networks of Equinox, which are for JAX."""
    import equinox as eqx
    import jax

    import kaf.equinox as ke

    rng = np.random.default_rng(0)
    x, labels = jax.numpy.asarray(rng.normal(size=(ROWS, INPUTS)), "float32"), rng.integers(0, CLASSES, ROWS)
    key = jax.random.key(0)

    def mlp(activation):
        return eqx.nn.MLP(INPUTS, CLASSES, HIDDEN, 2, activation=activation, key=key)

    def sequential(*activations):
        sizes = [INPUTS, HIDDEN, HIDDEN, CLASSES]
        layers = [eqx.nn.Linear(a, b, key=key) for a, b in zip(sizes[:-1], sizes[1:], strict=True)]
        return eqx.nn.Sequential([layers[0], activations[0], layers[1], activations[1], layers[2]])

    def step(model):
        params, static = eqx.partition(model, eqx.is_inexact_array)
        return _training(backend, params, lambda params, x: jax.vmap(eqx.combine(params, static))(x), x, labels)

    relu = eqx.nn.Lambda(jax.nn.relu)
    yield Idiom("eqx.nn.MLP(activation=ke.KAF)", step(mlp(ke.KAF.init(key))), step(mlp(jax.nn.relu)), "ReLU's", 1.6)
    layers = [ke.KAF.init(key, HIDDEN) for _ in range(2)]
    yield Idiom("eqx.nn.Sequential with ke.KAF", step(sequential(*layers)), step(sequential(relu, relu)), "ReLU's", 1.6)


# -- Second derivatives ----------------------------------------------------------------------------------------------------------


def seconds_to_compile(backend: Backend, method: str) -> float:
    """Tracing and compiling the gradient of a residual of second derivatives by both inputs, in a network of width 64."""
    net = KAFNet.init(0, [2, 64, 64, 1])
    layers = [dataclasses.replace(layer, method=method) if hasattr(layer, "method") else layer for layer in net.layers]
    x = backend.np.asarray(np.random.default_rng(0).uniform(-1, 1, (ROWS, 2)).astype(np.float32))

    def loss(layers):
        def residual(x):
            hessian = backend.hessian(lambda x: KAFNet(tuple(layers))(x)[0])(x)
            return hessian[0, 0] - hessian[1, 1]

        return (backend.vmap(residual)(x) ** 2).mean()

    start = time.perf_counter()
    backend.jit(backend.value_and_grad(loss)).lower(layers).compile()
    return time.perf_counter() - start


# -- The tables --------------------------------------------------------------------------------------------------------------------


def _milliseconds(backend: Backend, idiom: Idiom, repeats: int) -> list[float]:
    """The median times of `ours` and `other`, which take turns."""
    runs = {name: lambda f=f, args=args: f(*args) for name, (f, args) in (("ours", idiom.ours), ("other", idiom.other))}
    kaf_evaluation.timed(backend, runs, (), 2)
    return [statistics.median(ms) for ms in kaf_evaluation.timed(backend, runs, (), repeats).values()]


def _memory(backend: Backend, run: tuple[Callable, Sequence]) -> str:
    function, arguments = run
    if not hasattr(function, "lower") or getattr(arguments[0], "shape", ()) != (ROWS, UNITS):
        return ""
    if backend.name == "minijax":
        backend.library.clear_caches()
    return f"{kaf_evaluation.peak_in_arrays(backend, function, arguments).first:.1f}"


def table(backend: Backend, repeats: int) -> Table:
    """The table of all idioms of one library."""
    result = Table(title=f"{backend.name}: idioms")
    for column in ("idiom", "by", "ratio", "goal", "ms", "other's ms", "arrays", "other's"):
        result.add_column(column, justify="left" if column in ("idiom", "by") else "right")
    rows = [calls(backend), networks(backend), *([equinox_networks(backend)] if backend.name == "jax" else [])]
    for idiom in (idiom for group in rows for idiom in group):
        memory = [_memory(backend, run) for run in (idiom.ours, idiom.other)]
        ours, other = _milliseconds(backend, idiom, repeats * (5 if idiom.name.startswith("small") else 1))
        numbers = (f"{ours / other:.2f}", f"{idiom.goal:.1f}", f"{ours:.3g}", f"{other:.3g}", *memory)
        result.add_row(idiom.name, idiom.than, *numbers)
    ours, other = (seconds_to_compile(backend, method) for method in ("auto", "naive"))
    numbers = (f"{ours / other:.2f}", "1.4", f"{1e3 * ours:.0f}", f"{1e3 * other:.0f}")
    result.add_row("second derivatives: to trace and compile", "the formula", *numbers)
    return result


def border(backend: Backend, repeats: int) -> Table:
    """The time of value and gradients by blocks and by the formula, for growing arrays."""
    result = Table(title=f"{backend.name}: value and gradients under jit, microseconds by blocks and by the formula")
    sizes = (8, 64, 256, 512, 1024, 2048, 4096)
    for column in ("centres", *map(str, sizes)):
        result.add_column(column, justify="right")
    for centers in (5, 20, 50):
        grid, cells = Grid(centers), []
        for size in sizes:
            x = backend.np.ones((size // 8, 8))
            alpha = backend.np.ones((8, centers))
            runs = {}
            for by_formula in (False, True):
                method = {"method": "gridded"} if not by_formula else {}
                f = _step(backend, lambda x, a, grid=grid, method=method: kaf(x, a, grid, **method), 1.0, 2)
                with _always_the_formula(backend):
                    backend.block_until_ready(f(x, alpha))
                runs[str(by_formula)] = f
            times = kaf_evaluation.timed(backend, runs, (x, alpha), 5 * repeats)
            cells.append(" / ".join(f"{1e3 * statistics.median(ms):.0f}" for ms in times.values()))
        result.add_row(str(centers), *cells)
    return result


SWEEP = (1, 8, 16, 32, 64, 96, 112, 120, 124, 128, 132, 144, 192, 256, 384, 512)


def sweep(backend: Backend, repeats: int) -> Table:
    """The time of value and gradients for batches of 64 units that grow across the sizes where a program treats memory another
    way: 4 KiB is 16 rows, 32 KiB 128 rows."""
    result = Table(title=f"{backend.name}: value and gradients of rows x 64 values under jit")
    for column in ("rows", "microseconds", "by the line before", "microseconds a row"):
        result.add_column(column, justify="right")
    x, alpha, g = (a[:, :64] if i != 1 else a[:64] for i, a in enumerate(_arrays(backend)))
    runs = {}
    for rows in SWEEP:
        step = _step(backend, lambda x, a: kaf(x, a, GRID), g[:rows], 2)
        runs[str(rows)] = lambda step=step, x=x[:rows]: step(x, alpha)
        backend.block_until_ready(runs[str(rows)]())
    before = None
    for rows, ms in kaf_evaluation.timed(backend, runs, (), repeats).items():
        now = 1e3 * statistics.median(ms)
        result.add_row(rows, f"{now:.0f}", f"{now / before:.2f}" if before else "", f"{now / int(rows):.2f}")
        before = now
    return result


class _always_the_formula:
    """Within it, "auto" is the formula."""

    def __init__(self, backend: Backend):
        self.kind = type(backend)

    def __enter__(self):
        self.before = self.kind.prefers_formula
        self.kind.prefers_formula = lambda backend, size: True
        operations.cache_clear()

    def __exit__(self, *exc):
        self.kind.prefers_formula = self.before
        operations.cache_clear()


def show(console: Console, names: Sequence[str], repeats: int, of: Callable = table) -> None:
    """Print the table of each library."""
    for name in names:
        with use_backend(name) as backend:
            console.print(of(backend, repeats))
