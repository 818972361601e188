"""A tracer where a function of `jnp` needs a known axis, size or count: refused with JAX's class of error."""

from __future__ import annotations

import inspect
import warnings

import jax
import jax.numpy
import numpy as np
import pytest

import minijax as mj
import minijax.numpy

STATIC = "axis axis1 axis2 axes source destination size num k n m ndim indices_or_sections".split()
X = np.ones((2, 2), np.float32)


def cases() -> list[tuple[str, str]]:
    """(function, parameter)"""
    found = []
    for name, f in vars(jax.numpy).items():
        if name[0] != "_" and inspect.isfunction(getattr(mj.numpy, name, None)) and not isinstance(f, type):
            parameters = inspect.signature(f).parameters
            found += [(name, p) for p in parameters if p in STATIC]
    return sorted(found)


def error(lib, name: str, parameter: str, dtype) -> str:
    def call(tracer):
        required = [p for p in inspect.signature(getattr(jax.numpy, name)).parameters.values() if p.default is p.empty]
        required = [p for p in required if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.name != parameter]
        given = [
            1 if p.name in STATIC and p.name != "m" else lib.numpy.asarray(X)
            for p in required
            if p.kind is not p.KEYWORD_ONLY
        ]
        first = list(inspect.signature(getattr(jax.numpy, name)).parameters)[0]
        return getattr(lib.numpy, name)(
            *([tracer, *given] if first == parameter else given), **({} if first == parameter else {parameter: tracer})
        )

    try:
        lib.jit(call)(np.ones((), dtype))
    except Exception as error:
        return type(error).__name__
    return "none"


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_a_tracer_that_must_be_known(dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = {case: error(jax, *case, dtype) for case in cases()}
        # JAX's jit refuses tracers for arguments that it must hash: by a ValueError, an accident.
        wanted = {case: name for case, name in theirs.items() if name == "ConcretizationTypeError"}
        assert len(wanted) > 40
        assert {case: error(mj, *case, dtype) for case in wanted} == wanted


COUNTS = [*STATIC, *"N M offset ddof decimals deg length total_repeat_length repeats sections kth rowvar bins".split()]


@pytest.mark.parametrize("parameter", COUNTS)
@pytest.mark.one_in(4)
def test_no_tracer_is_taken_where_jax_refuses_it(parameter, monkeypatch):
    monkeypatch.setitem(globals(), "STATIC", [*STATIC, parameter])
    for case in [case for case in cases() if case[1] == parameter]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = error(jax, *case, "int32")
            assert theirs == "none" or error(mj, *case, "int32") != "none", case


SIZES = """
    jnp.indices([n])
    jnp.indices((2, n))
    lax.full((n,), 0.0)
    lax.full([n], 0.0)
    lax.full((2, n), 0)
    lax.full_like(x, 0.0, shape=(n,))
    lax.iota("int32", n)
    lax.broadcasted_iota("int32", (n,), 0)
    lax.broadcasted_iota("int32", (2, 2), n)
    lax.reshape(x, (n,))
    lax.dynamic_slice(x, (0,), (n,))
    lax.cumsum(x, n)
    lax.scan(lambda c, _: (c, c), 0, None, n)
    jnp.eye(n)
    jnp.eye(2, n)
    jnp.identity(n)
    jnp.arange(n)
    jnp.arange(0, n)
    jnp.arange(0, 4, n)
    jnp.arange(0.0, n * 1.0)
    jnp.linspace(0, 1, n)
    jnp.logspace(0, 1, n)
    jnp.geomspace(1, 2, n)
    jnp.zeros(n)
    jnp.zeros((n,))
    jnp.zeros([n])
    jnp.ones(n)
    jnp.ones((2, n))
    jnp.empty(n)
    jnp.full(n, 1)
    jnp.full((n,), 1)
    jnp.zeros_like(x, shape=(n,))
    jnp.ones_like(x, shape=n)
    jnp.full_like(x, 1, shape=(n,))
    jnp.empty_like(x, shape=(n,))
    jnp.tri(n)
    jnp.tril_indices(n)
    jnp.triu_indices(n)
    jnp.tril_indices(2, n)
    jnp.diagflat(x, n)
    jnp.diag_indices(n)
    jnp.diag_indices(2, n)
    jnp.mask_indices(n, jnp.triu)
    jnp.reshape(x, (n,))
    jnp.reshape(x, n)
    x.reshape(n)
    x.reshape((n, 2))
    x.reshape([n])
    jnp.repeat(x, n)
    jnp.broadcast_to(x, (n, 2))
    jnp.broadcast_to(x, n)
    jnp.bincount(jnp.array([1, 2]), length=n)
    jnp.nonzero(x, size=n)
    jnp.where(x, size=n)
    jnp.unique(x, size=n)
    jnp.argwhere(x, size=n)
    jnp.flatnonzero(x, size=n)
    jnp.union1d(x, x, size=n)
    jnp.setdiff1d(x, x, size=n)
    jnp.hanning(n)
    jnp.hamming(n)
    jnp.blackman(n)
    jnp.bartlett(n)
    jnp.kaiser(n, 1.0)
    jnp.histogram(x, n)
    jnp.histogram_bin_edges(x, n)
    jnp.split(x, n)
    jnp.array_split(x, n)
    jnp.split(x, [n])
    jnp.pad(x, n)
    jnp.pad(x, (n, 0))
    jnp.roll(x, 1, n)
    jnp.einsum([n])
    jnp.einsum(x, [n])
    jnp.einsum([n], x)
    jnp.einsum((n,), x)
    jnp.einsum(x, [0], [n])
    jnp.ravel_multi_index((0,), (n,))
    jnp.fromfunction(lambda i: i, (n,))
    jnp.moveaxis(x, n, 0)
    jnp.expand_dims(x, n)
    jnp.squeeze(x, n)
    jnp.fft.fftfreq(n)
    jnp.r_[0:n]
    jnp.c_[0:n]
    jnp.mgrid[0:n]
    jnp.ogrid[0:n]
    jnp.mgrid[0:2:n]
    nn.one_hot(0, n)
    random.normal(key, (n,))
    random.uniform(key, [n])
    random.randint(key, (n,), 0, 3)
    random.bits(key, (n,))
    random.permutation(key, n)
    random.choice(key, n)
    random.categorical(key, x, shape=(n,))
    random.gumbel(key, (n,))
    random.truncated_normal(key, 0.0, 1.0, (n,))
    random.ball(key, n)
    random.orthogonal(key, n)
    random.gamma(key, 1.0, (n,))
    random.beta(key, 1.0, 1.0, (n,))
    random.poisson(key, 1.0, (n,))
    random.dirichlet(key, x, (n,))
    random.multivariate_normal(key, x, jnp.eye(2), (n,))
    random.bernoulli(key, 0.5, (n,))
    random.rademacher(key, (n,))
    random.laplace(key, (n,))
    random.exponential(key, (n,))
    random.cauchy(key, (n,))
    random.t(key, 1.0, (n,))
    scipy.special.bernoulli(n)
    scipy.special.multigammaln(3.0, n)
    scipy.signal.stft(x, nperseg=n)
    ops.segment_sum(x, jnp.array([0, 1]), n)
    ops.segment_max(x, jnp.array([0, 1]), num_segments=n)
    image.resize(x, (n,), "linear")
    image.scale_and_translate(x, (n,), (0,), jnp.ones(1), jnp.ones(1), "linear")
    nn.initializers.zeros(key, (n,))
    nn.initializers.normal()(key, (n, 2))
    nn.initializers.lecun_normal()(key, (n, 2))
    nn.initializers.delta_orthogonal()(key, (n, 2, 2))
""".strip().splitlines()


def error_of_size(lib, call: str, dtype) -> str:
    def sized(n):
        names = {name: getattr(lib, name) for name in ("lax", "nn", "ops", "random", "scipy", "image")}
        return eval(call, {**names, "jnp": lib.numpy, "n": n, "x": lib.numpy.ones(2), "key": lib.random.key(0)})

    with pytest.raises(TypeError) as refused:
        lib.jit(sized)(np.ones((), dtype))
    return refused.type.__name__


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_a_tracer_as_a_size(dtype):
    calls = [call.strip() for call in SIZES]
    wanted = {call: error_of_size(jax, call, dtype) for call in calls}
    assert {call: error_of_size(mj, call, dtype) for call in calls} == wanted


OF_ANY_SIZE = {
    "tril_indices": lambda jnp, n: jnp.tril_indices(n),
    "triu_indices": lambda jnp, n: jnp.triu_indices(3, m=n),
    "tri": lambda jnp, n: jnp.tri(n),
    "eye": lambda jnp, n: jnp.eye(n),
    "identity": lambda jnp, n: jnp.identity(n),
    "mask_indices": lambda jnp, n: jnp.mask_indices(n, jnp.tril),
    "diag_indices": lambda jnp, n: jnp.diag_indices(n),
    "vander": lambda jnp, n: jnp.vander(jnp.ones(2), n),
    "hamming": lambda jnp, n: jnp.hamming(n),
    "indices": lambda jnp, n: jnp.indices((n, 2)),
    "linspace": lambda jnp, n: jnp.linspace(0, 1, n),
    "zeros": lambda jnp, n: jnp.zeros((2, n)),
    "broadcast_to": lambda jnp, n: jnp.broadcast_to(1.0, (n,)),
    "repeat": lambda jnp, n: jnp.repeat(jnp.ones(2), n),
    "bincount": lambda jnp, n: jnp.bincount(jnp.ones(2, int), length=n),
    "nonzero": lambda jnp, n: jnp.nonzero(jnp.ones(2), size=n),
    "fftfreq": lambda jnp, n: jnp.fft.fftfreq(n),
    "rfft": lambda jnp, n: jnp.fft.rfft(jnp.ones(3), n),
    "split": lambda jnp, n: jnp.split(jnp.ones(4), n),
    "array_split": lambda jnp, n: jnp.array_split(jnp.ones(4), n),
    "unique": lambda jnp, n: jnp.unique(jnp.ones(2), size=n),
    "asarray of an order": lambda jnp, n: jnp.asarray(jnp.ones(2), order="K" if n else "C"),
    "array of an order": lambda jnp, n: jnp.array(jnp.ones(2), order=None if n else "F"),
}


@pytest.mark.parametrize("name", OF_ANY_SIZE)
def test_sizes_that_are_none(name):
    """Negative ones and 0: the shapes of the results, or the class of the error."""

    def outcome(lib, size):
        try:
            return [np.shape(x) for x in lib.tree.leaves(OF_ANY_SIZE[name](lib.numpy, size))]
        except Exception as error:
            return type(error).__name__

    for size in (0, -1, -3):
        assert outcome(mj, size) == outcome(jax, size), size
