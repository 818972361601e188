"""Each family of functions beside NumPy's, SciPy's and JAX's: linear algebra, transforms, special functions, densities ...

    python benchmarks/families.py [--seconds 1] [--only NAME ...] [--out benchmarks/results]

minijax and JAX run under jit, with the same float32 arrays, in one process, interleaved. NumPy's and SciPy's columns are their own
function of the row, or a line of it, where they have one; random numbers are drawn by NumPy's own generator. A ratio is that of
the medians, to JAX's. Results are compared with JAX's before anything is timed, but for random numbers, and for factors, whose
signs are the library's choice. With OPENBLAS_NUM_THREADS=1 NumPy's factorizations use one core, as JAX's do.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import tables
from compare import Comparison, check_equal
from measure import sampler
from programs import load, wait_for_each

LIBRARIES = {
    "minijax, jit": ("minijax", None),
    "minijax, jit on XLA": ("minijax", "xla"),
    "jax, jit": ("jax", None),
}

PARTS_ON_DEMAND = (
    "scipy.optimize",
    "scipy.sparse.linalg",
    "scipy.cluster.vq",
    "scipy.integrate",
    "scipy.interpolate",
    "scipy.ndimage",
)


class Call(NamedTuple):
    """`of(library)` is a function of the arrays; `numpy(arrays)` and `scipy(scipy, arrays)` are None where a library has none."""

    name: str
    arrays: tuple[np.ndarray, ...]
    of: Callable[[Any], Callable]
    numpy: Callable | None = None
    scipy: Callable | None = None
    comparable: bool = True


# ---------------------------------------------------------------------------------------------------------------------
# Arrays


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype("float32")


def between(low: float, high: float, count: int = 100_000) -> np.ndarray:
    return np.random.default_rng(count).uniform(low, high, count).astype("float32")


def matrices(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    """(matrices far from singular, positive definite ones)."""
    a = normal(*shape) / np.float32(np.sqrt(shape[-1])) + 3 * np.eye(shape[-1], dtype="float32")
    return a, a @ a.swapaxes(-1, -2) + np.eye(shape[-1], dtype="float32")


def key() -> np.ndarray:
    return np.array([0, 1], np.uint32)


# ---------------------------------------------------------------------------------------------------------------------
# Calls


def linear_algebra(*shape: int) -> list[Call]:
    arrays = matrices(*shape)
    single = len(shape) == 2
    size = f"{shape[-1]}x{shape[-1]}" + ("" if single else f", {shape[0]:,}")
    rows = {
        "lu": (lambda j: lambda a, p: j.lax.linalg.lu(a)[0], None, lambda s, a, p: s.linalg.lu_factor(a)[0]),
        "triangular": (
            lambda j: lambda a, p: j.scipy.linalg.solve_triangular(a, p, lower=True),
            None,
            lambda s, a, p: s.linalg.solve_triangular(a, p, lower=True),
        ),
        "solve": (lambda j: j.numpy.linalg.solve, np.linalg.solve, lambda s, a, p: s.linalg.solve(a, p)),
        "inv": (
            lambda j: lambda a, p: j.numpy.linalg.inv(a),
            lambda a, p: np.linalg.inv(a),
            lambda s, a, p: s.linalg.inv(a),
        ),
        "slogdet": (lambda j: lambda a, p: j.numpy.linalg.slogdet(a)[1], lambda a, p: np.linalg.slogdet(a)[1], None),
        "cholesky": (
            lambda j: lambda a, p: j.numpy.linalg.cholesky(p),
            lambda a, p: np.linalg.cholesky(p),
            lambda s, a, p: s.linalg.cholesky(p, lower=True),
        ),
        "qr": (
            lambda j: lambda a, p: j.numpy.linalg.qr(a),
            lambda a, p: np.linalg.qr(a),
            lambda s, a, p: s.linalg.qr(a),
        ),
        "eigh": (
            lambda j: lambda a, p: j.numpy.linalg.eigh(p),
            lambda a, p: np.linalg.eigh(p),
            lambda s, a, p: s.linalg.eigh(p),
        ),
        "svd": (
            lambda j: lambda a, p: j.numpy.linalg.svd(a),
            lambda a, p: np.linalg.svd(a),
            lambda s, a, p: s.linalg.svd(a),
        ),
        "expm": (
            lambda j: lambda a, p: j.scipy.linalg.expm(a),
            None,
            lambda s, a, p: s.linalg.expm(a),
        ),
        "gradient of solve": (lambda j: j.grad(lambda a, p: j.numpy.linalg.solve(a, p).sum()), None, None),
    }
    return [
        Call(f"{name}, {size}", arrays, of, by_numpy, by_scipy if single else None, name not in ("qr", "eigh", "svd"))
        for name, (of, by_numpy, by_scipy) in rows.items()
    ]


def transforms() -> list[Call]:
    line, signal, image, rows = normal(65_536), normal(20_000), normal(512, 512), normal(1_000, 256)
    prime, window = normal(10_007), normal(200)
    return [
        Call("rfft, 65,536", (line,), lambda j: j.numpy.fft.rfft, np.fft.rfft, lambda s, x: s.fft.rfft(x)),
        Call("fft, 10,007", (prime,), lambda j: j.numpy.fft.fft, np.fft.fft, lambda s, x: s.fft.fft(x)),
        Call("fft2, 512x512", (image,), lambda j: j.numpy.fft.fft2, np.fft.fft2, lambda s, x: s.fft.fft2(x)),
        Call("fft, 1,000 of 256", (rows,), lambda j: j.numpy.fft.fft, np.fft.fft, lambda s, x: s.fft.fft(x)),
        Call("dct, 1,000 of 256", (rows,), lambda j: j.scipy.fft.dct, None, lambda s, x: s.fft.dct(x)),
        Call(
            "gradient of irfft, 65,536",
            (line,),
            lambda j: j.grad(lambda x: j.numpy.abs(j.numpy.fft.rfft(x)).sum()),
        ),
        Call(
            "fftconvolve, 20,000 by 200",
            (signal, window),
            lambda j: j.scipy.signal.fftconvolve,
            None,
            lambda s, x, w: s.signal.fftconvolve(x, w),
        ),
        Call("convolve, 20,000 by 200", (signal, window), lambda j: j.numpy.convolve, np.convolve),
        Call(
            "correlate2d, 128x128 by 5x5",
            (normal(128, 128), normal(5, 5)),
            lambda j: j.scipy.signal.correlate2d,
            None,
            lambda s, x, w: s.signal.correlate2d(x, w),
        ),
        Call(
            "welch, 65,536 by 256",
            (line,),
            lambda j: lambda x: j.scipy.signal.welch(x, nperseg=256)[1],
            None,
            lambda s, x: s.signal.welch(x, nperseg=256)[1],
        ),
    ]


# {name: the ranges of its arguments}
SPECIAL = {
    "erf": [(-4, 4)],
    "erfinv": [(-0.99, 0.99)],
    "gammaln": [(0.1, 50)],
    "digamma": [(0.1, 50)],
    "gammainc": [(0.1, 20), (0.1, 20)],
    "betainc": [(0.5, 5), (0.5, 5), (0.01, 0.99)],
    "i0e": [(-20, 20)],
    "ndtri": [(0.001, 0.999)],
    "log_ndtr": [(-20, 5)],
    "zeta": [(1.5, 20), (0.5, 20)],
    "expi": [(0.1, 10)],
    "spence": [(0.1, 5)],
}


def special_functions() -> list[Call]:
    def row(name: str, ranges) -> Call:
        arrays = tuple(between(low, high, 100_000 - i) for i, (low, high) in enumerate(ranges))
        arrays = tuple(x[: len(arrays[-1])] for x in arrays)
        return Call(
            name,
            arrays,
            lambda j: getattr(j.scipy.special, name),
            None,
            lambda s, *xs: getattr(s.special, name)(*xs),
        )

    return [
        *(row(name, ranges) for name, ranges in SPECIAL.items()),
        Call(
            "gradient of gammainc",
            (between(0.1, 20), between(0.1, 20)),
            lambda j: j.grad(lambda a, x: j.scipy.special.gammainc(a, x).sum(), (0, 1)),
        ),
        Call(
            "logsumexp, 1,000 of 256",
            (normal(1_000, 256),),
            lambda j: functools.partial(j.scipy.special.logsumexp, axis=1),
            lambda x: np.log(np.exp(x - x.max(1, keepdims=True)).sum(1)) + x.max(1),
            lambda s, x: s.special.logsumexp(x, axis=1),
        ),
    ]


def statistics() -> list[Call]:
    x, positive, part = between(-4, 4), between(0.1, 10), between(0.01, 0.99)
    whole = np.floor(positive)
    few, some = normal(2, 500), normal(2, 200)
    return [
        Call("norm.logpdf", (x,), lambda j: j.scipy.stats.norm.logpdf, None, lambda s, x: s.stats.norm.logpdf(x)),
        Call("norm.ppf", (part,), lambda j: j.scipy.stats.norm.ppf, None, lambda s, p: s.stats.norm.ppf(p)),
        Call(
            "t.logpdf",
            (x, positive),
            lambda j: j.scipy.stats.t.logpdf,
            None,
            lambda s, x, df: s.stats.t.logpdf(x, df),
        ),
        Call(
            "gamma.cdf",
            (positive, positive[::-1].copy()),
            lambda j: j.scipy.stats.gamma.cdf,
            None,
            lambda s, x, a: s.stats.gamma.cdf(x, a),
        ),
        Call(
            "beta.logpdf",
            (part, positive, positive[::-1].copy()),
            lambda j: j.scipy.stats.beta.logpdf,
            None,
            lambda s, x, a, b: s.stats.beta.logpdf(x, a, b),
        ),
        Call(
            "poisson.logpmf",
            (whole, positive),
            lambda j: j.scipy.stats.poisson.logpmf,
            None,
            lambda s, k, mu: s.stats.poisson.logpmf(k, mu),
        ),
        Call("rankdata", (x,), lambda j: j.scipy.stats.rankdata, None, lambda s, x: s.stats.rankdata(x)),
        Call(
            "gaussian_kde, 500 at 200",
            (few, some),
            lambda j: lambda data, at: j.scipy.stats.gaussian_kde(data)(at),
            None,
            lambda s, data, at: s.stats.gaussian_kde(data)(at),
        ),
    ]


def random_numbers() -> list[Call]:
    rng = np.random.default_rng(0)
    n = 100_000

    def row(name: str, of, by_numpy) -> Call:
        return Call(name, (key(),), of, lambda k: by_numpy(), comparable=False)

    probabilities = between(-2, 2, 64)
    return [
        row("uniform", lambda j: lambda k: j.random.uniform(k, (n,)), lambda: rng.random(n, np.float32)),
        row("normal", lambda j: lambda k: j.random.normal(k, (n,)), lambda: rng.standard_normal(n, np.float32)),
        row("gamma", lambda j: lambda k: j.random.gamma(k, 2.5, (n,)), lambda: rng.standard_gamma(2.5, n, np.float32)),
        row("beta", lambda j: lambda k: j.random.beta(k, 2.0, 3.0, (n,)), lambda: rng.beta(2.0, 3.0, n)),
        row("poisson", lambda j: lambda k: j.random.poisson(k, 4.0, (n,)), lambda: rng.poisson(4.0, n)),
        row("binomial", lambda j: lambda k: j.random.binomial(k, 20, 0.3, (n,)), lambda: rng.binomial(20, 0.3, n)),
        row("permutation", lambda j: lambda k: j.random.permutation(k, n), lambda: rng.permutation(n)),
        row(
            "categorical of 64",
            lambda j: lambda k: j.random.categorical(k, probabilities, shape=(10_000,)),
            lambda: (probabilities + rng.gumbel(size=(10_000, 64))).argmax(1),
        ),
    ]


def arrays_of_numpy() -> list[Call]:
    x, bins = normal(100_000), np.linspace(-4, 4, 101, dtype="float32")
    places = np.random.default_rng(1).integers(0, 1_000, 100_000).astype("int32")
    image = normal(300, 300)
    volume = normal(64, 64, 64)
    in_both = lambda f: (lambda j: lambda *xs: f(j.numpy, *xs), lambda *xs: f(np, *xs))
    rows = [
        ("sort", (x,), lambda xp, x: xp.sort(x)),
        ("argsort", (x,), lambda xp, x: xp.argsort(x, stable=True)),
        ("cumsum", (x,), lambda xp, x: xp.cumsum(x)),
        ("searchsorted of 101", (bins, x), lambda xp, b, x: xp.searchsorted(b, x)),
        ("histogram of 100", (x, bins), lambda xp, x, b: xp.histogram(x, b)[0]),
        ("interp of 101", (x, bins), lambda xp, x, b: xp.interp(x, b, b * b)),
        ("median", (x,), lambda xp, x: xp.median(x)),
        ("percentile, 3 of them", (x,), lambda xp, x: xp.percentile(x, np.array([5.0, 50.0, 95.0]))),
        ("polyval of 6", (x[:6], x), lambda xp, p, x: xp.polyval(p, x)),
        ("take of 1,000", (x[:1_000], places), lambda xp, x, i: xp.take(x, i)),
        ("gcd", (places, places[::-1].copy()), lambda xp, a, b: xp.gcd(a, b)),
        (
            "einsum ij,jk,kl",
            (image, image, image),
            lambda xp, a, b, c: xp.einsum("ij,jk,kl->il", a / 300, b, c, optimize=True),
        ),
        ("transposed copy, 64^3", (volume,), lambda xp, v: xp.transpose(v, (2, 0, 1)) + np.float32(1)),
        ("var by axis, 64^3", (volume,), lambda xp, v: xp.var(v, axis=(0, 2))),
    ]
    return [
        *(Call(name, arrays, *in_both(f)) for name, arrays, f in rows),
        Call(
            "bincount of 1,000",
            (places,),
            lambda j: lambda i: j.numpy.bincount(i, length=1_000),
            lambda i: np.bincount(i, minlength=1_000),
        ),
        Call(
            "segment_sum into 1,000",
            (x, places),
            lambda j: lambda x, i: j.ops.segment_sum(x, i, 1_000),
            lambda x, i: np.bincount(i, x, 1_000).astype("float32"),
        ),
    ]


def others() -> list[Call]:
    """Interpolation, images, optimisation, clusters, attention."""
    image, points = normal(256, 256), np.random.default_rng(2).uniform(0, 254, (2, 50_000)).astype("float32")
    grid = np.arange(256, dtype="float32")
    a, spd = matrices(256, 256)
    q, k, v = (normal(1, 512, 4, 32 + i)[..., :32].copy() for i in range(3))
    start = np.array([-1.2, 1.0, -0.5, 0.8], np.float32)
    rosenbrock = lambda x: (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    def attention(q, k, v):
        logits = np.einsum("bqhd,bkhd->bhqk", q, k, optimize=True) / np.float32(np.sqrt(q.shape[-1]))
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        return np.einsum("bhqk,bkhd->bqhd", weights / weights.sum(-1, keepdims=True), v, optimize=True)

    return [
        Call(
            "map_coordinates, 50,000 of 256x256",
            (image, points),
            lambda j: lambda image, at: j.scipy.ndimage.map_coordinates(image, list(at), order=1),
            None,
            lambda s, image, at: s.ndimage.map_coordinates(image, at, order=1),
        ),
        Call(
            "RegularGridInterpolator, 50,000 of 256x256",
            (image, points),
            lambda j: lambda image, at: j.scipy.interpolate.RegularGridInterpolator((grid, grid), image)(at.T),
            None,
            lambda s, image, at: s.interpolate.RegularGridInterpolator((grid, grid), image)(at.T),
        ),
        Call(
            "trapezoid, 65,536",
            (normal(65_536),),
            lambda j: j.scipy.integrate.trapezoid,
            lambda x: x.sum() - (x[0] + x[-1]) / 2,
            lambda s, x: s.integrate.trapezoid(x),
        ),
        Call(
            "minimize by BFGS, Rosenbrock's of 4",
            (start,),
            lambda j: lambda x: j.scipy.optimize.minimize(rosenbrock, x, method="BFGS").x,
            None,
            lambda s, x: s.optimize.minimize(rosenbrock, x, method="BFGS").x,
            False,
        ),
        Call(
            "cg, 256x256",
            (spd / 256, normal(256)),
            lambda j: lambda a, b: j.scipy.sparse.linalg.cg(a, b, tol=1e-4)[0],
            None,
            lambda s, a, b: s.sparse.linalg.cg(a, b, rtol=1e-4)[0],
            False,
        ),
        Call(
            "vq, 10,000 to 64 of 8",
            (normal(10_000, 8), normal(64, 8)),
            lambda j: lambda x, codes: j.scipy.cluster.vq.vq(x, codes)[1],
            None,
            lambda s, x, codes: s.cluster.vq.vq(x, codes)[1],
        ),
        Call("image.resize, 256x256 to 128x128", (image,), lambda j: lambda x: j.image.resize(x, (128, 128), "linear")),
        Call("dot_product_attention, 512 of 4 x 32", (q, k, v), lambda j: j.nn.dot_product_attention, attention),
        Call(
            "max_pool 2x2 of 8 x 64x64 x 16",
            (normal(8, 64, 64, 16),),
            lambda j: lambda x: j.lax.reduce_window(x, -np.inf, j.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"),
            lambda x: x.reshape(8, 32, 2, 32, 2, 16).max((2, 4)),
        ),
    ]


CALLS = [
    *linear_algebra(512, 512),
    *linear_algebra(10_000, 4, 4),
    *transforms(),
    *special_functions(),
    *statistics(),
    *random_numbers(),
    *arrays_of_numpy(),
    *others(),
]

# ---------------------------------------------------------------------------------------------------------------------
# Comparisons


def scipy() -> ModuleType:
    load("scipy")
    for part in (
        "cluster.vq",
        "fft",
        "integrate",
        "interpolate",
        "linalg",
        "ndimage",
        "optimize",
        "signal",
        "special",
        "stats",
    ):
        importlib.import_module(f"scipy.{part}")
    return importlib.import_module("scipy")


def comparison(call: Call) -> Comparison:
    def run_of(contestant: str) -> Callable:
        if contestant == "numpy":
            return lambda: call.numpy(*call.arrays)
        if contestant == "scipy":
            library = scipy()
            return lambda: call.scipy(library, *call.arrays)
        name, compiler = LIBRARIES[contestant]
        jax = load(name)
        for part in PARTS_ON_DEMAND:
            importlib.import_module(f"{name}.{part}")
        given = [jax.numpy.asarray(x) for x in call.arrays]
        jitted = jax.jit(call.of(jax), **({} if compiler is None else {"compiler": compiler}))
        return lambda: wait_for_each(jitted(*given))

    expected = functools.cache(lambda: run_of("jax, jit")())

    def contestant(name: str) -> Callable[[], float]:
        run = run_of(name)
        if call.comparable:
            check_equal(run(), expected())
        return sampler(run)

    others = [name for name, given in (("numpy", call.numpy), ("scipy", call.scipy)) if given is not None]
    rows = {name: functools.partial(contestant, name) for name in (*LIBRARIES, *others)}
    return Comparison(call.name, call.name, rows, base="jax, jit")


COMPARISONS: dict[str, Comparison] = {call.name: comparison(call) for call in CALLS}
SAID = "Ratios of medians to JAX's jit; the last column is what a ratio of 1 stands for."


if __name__ == "__main__":
    sys.exit(tables.run("families", __doc__, COMPARISONS, "Families of functions beside NumPy, SciPy and JAX", SAID))
