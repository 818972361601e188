"""The operations of the sum of Gaussians under every transformation, and what vmap costs; on both backends."""

import subprocess
import sys

import jax
import numpy as np
import pytest
from jax.experimental import jet
from kaf_jaxprs import sizes_in

import minijax
from kaf import Grid
from kaf.backend import named_backend
from kaf.functional import evaluation
from kaf.functional import kaf as phi
from kaf.functional.evaluation import Problem
from kaf.functional.gridded import make_layout, unknown_layout
from kaf.functional.operations import operations

B, N, UNITS = 3, 4, 5
SIGMAS = {"number": lambda s: np.float32(s), "units": lambda s: np.linspace(s, 1.5 * s, UNITS, dtype=np.float32)}


def arrays(shape=(N, UNITS), units=(UNITS,), size=20, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-4, 4, shape).astype(np.float32)
    return x, rng.normal(0, 0.5, (*units, size)).astype(np.float32)


def close(found, expected, tolerance=2e-5):
    found, expected = jax.tree.leaves(found), jax.tree.leaves(expected)
    assert len(found) == len(expected) > 0
    for a, b in zip(found, expected, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(np.abs(b).max(initial=0), 1e-6))


def leaves_of(backend, tree):
    return [np.asarray(leaf) for leaf in backend.tree_util.tree_leaves(tree)]


# -- vmap is the stack of the slices ---------------------------------------------------------------------------------------

WANTED = {
    "value": lambda b, f: f,
    "jvp": lambda b, f: lambda x, a, s: b.jvp(f, (x, a, s), (b.np.cos(x), b.np.sin(a), 0.1 * s))[1],
    "gradients": lambda b, f: b.grad(lambda x, a, s: (f(x, a, s) ** 2).sum(), (0, 1, 2)),
    "gradient of the slope": lambda b, f: b.grad(
        lambda x, a, s: (b.grad(lambda x: f(x, a, s).sum())(x) ** 2).sum(), (0, 1, 2)
    ),
    "jvp of the gradients": lambda b, f: (
        lambda x, a, s: b.jvp(
            b.grad(lambda x, a, s: (f(x, a, s) ** 2).sum(), (0, 1, 2)), (x, a, s), (b.np.cos(x), b.np.sin(a), 0.1 * s)
        )[1]
    ),
}


WANTED["gradient of the gradients"] = lambda b, f: b.grad(
    lambda x, a, s: sum((t**2).sum() for t in b.grad(lambda x, a: (f(x, a, s) ** 2).sum(), (0, 1))(x, a)), (0, 1, 2)
)


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("method", ["gridded", "loop"])
@pytest.mark.one_in(50)
def test_derivatives_are_those_of_the_formula(backend, wanted, sigma, method, monkeypatch):
    """By blocks also where XLA would get a short program; and the gradients of each example, whose gradients are taken."""
    monkeypatch.setattr(type(backend), "prefers_short_programs", lambda self, size: False)
    operations.cache_clear()
    grid = Grid(5)
    x, alpha = arrays(size=5)
    s = SIGMAS[sigma](2.1)
    f = lambda m: WANTED[wanted](backend, lambda x, a, s: phi(x, a, grid, s, method=m))
    close(*[leaves_of(backend, backend.jit(f(m))(x, alpha, s)) for m in (method, "naive")], tolerance=5e-5)
    if wanted == "gradient of the gradients" and method == "gridded":
        of_each = lambda m: backend.vmap(f(m), (0, None, None))
        close(*[leaves_of(backend, backend.jit(of_each(m))(x, alpha, s)) for m in (method, "naive")], tolerance=5e-5)
    operations.cache_clear()


@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.one_in(2)
def test_rows_that_are_left_over_by_the_chunks(backend, units, monkeypatch):
    """30,011 has no divisor that would do. On NumPy several rows of a chunk are computed as one, but not those left over."""
    monkeypatch.setattr(type(backend), "chunk_size", lambda *args: 20_000)
    operations.cache_clear()
    grid = Grid(9)
    x, alpha = arrays((30_011, units), (units,), 9)
    f = lambda m: backend.grad(lambda x, a: (phi(x, a, grid, method=m) ** 2).sum(), (0, 1))
    close(*[leaves_of(backend, backend.jit(f(m))(x, alpha)) for m in ("gridded", "naive")], 1e-4)
    operations.cache_clear()


def test_second_derivatives_of_gradients_of_each_example(backend):
    """Reverse mode over the gradients of each example: each has coefficients of its own there."""
    grid = Grid(5)
    x, alpha = arrays(size=5)
    s = SIGMAS["units"](2.1)

    def loss(m):
        each = backend.vmap(backend.grad(lambda a, x: (phi(x, a, grid, s, method=m) ** 2).sum(), (0, 1)), (None, 0))
        return lambda a, x: sum((t**2).sum() for t in each(a, x))

    close(
        *[leaves_of(backend, backend.jit(backend.grad(loss(m), (0, 1)))(alpha, x)) for m in ("gridded", "naive")], 5e-5
    )


# Second derivatives take XLA long to compile, so they are tried for one kind of bandwidth.
CASES = [(w, "units", "gridded") for w in WANTED if w != "gradient of the gradients"] + [
    (w, "number", m) for w in ("value", "jvp", "gradients") for m in ("gridded", "loop")
]


@pytest.mark.parametrize("wanted, sigma, method", CASES)
@pytest.mark.one_in(25)
def test_vmap_is_the_stack_of_slices(backend, wanted, sigma, method):
    """Over every choice of mapped arguments, at the first axis or at the last."""
    grid = Grid(3)
    x, alpha = arrays((B, N, UNITS), (B, UNITS), 3)
    s = np.stack([SIGMAS[sigma](1.3 + 0.1 * i) for i in range(B)])
    f = backend.jit(WANTED[wanted](backend, lambda x, a, s: phi(x, a, grid, s, method=method)))
    for mapped in [
        (True, True, True),
        (True, False, False),
        (False, True, False),
        (True, True, False),
        (False, False, True),
    ]:
        axis = -1 if sum(mapped) == 2 else 0
        given = [a if m else a[0] for a, m in zip((x, alpha, s), mapped, strict=True)]
        each = [[a[i] if m else a for a, m in zip(given, mapped, strict=True)] for i in range(B)]
        slices = [leaves_of(backend, f(*args)) for args in each]
        given = [np.moveaxis(a, 0, axis) if m else a for a, m in zip(given, mapped, strict=True)]
        found = leaves_of(backend, backend.vmap(f, tuple(axis if m else None for m in mapped))(*given))
        close(found, [np.stack(parts) for parts in zip(*slices, strict=True)])


@pytest.mark.parametrize("method", ["gridded", "loop"])
@pytest.mark.one_in(3)
def test_maps_within_maps(backend, method):
    """Examples within members of an ensemble, with gradients for each example; the axes in either order."""
    x, alpha = arrays((7, UNITS), (B, UNITS))
    f = lambda m: backend.grad(lambda a, x: (phi(x, a, Grid(), method=m) ** 2).sum(), (0, 1))
    for axes in [((0, None), (None, 0)), ((None, 0), (0, None))]:
        twice = [backend.vmap(backend.vmap(f(m), axes[1]), axes[0]) for m in (method, "naive")]
        close(*[leaves_of(backend, backend.jit(g)(alpha, x)) for g in twice])


@pytest.mark.parametrize(
    "name, once", [("gradients", 1), ("gradients", 2), ("jvp of the gradients", 2), ("jvp of the gradients", 4)]
)
@pytest.mark.one_in(4)
def test_members_of_an_ensemble_apart(name, once, monkeypatch):
    """Each has so many values that their axis is not moved: some are computed at once, and then the next ones."""
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    backend, grid = named_backend("jax"), Grid(3)
    assert backend.members_at_once(8, 1 << 15, Problem("auto", make_layout(grid.centers, grid.sigma))) == 8
    monkeypatch.setattr(type(backend), "members_at_once", lambda *args: once)
    # A chunk of rows must not be a chunk of members.
    monkeypatch.setattr(type(backend), "chunk_size", lambda *args: 1200)
    x, alpha = arrays((4, 130, 8), (4, 8), 3)
    f = lambda m: WANTED[name](backend, lambda x, a, s: phi(x, a, grid, s, method=m))
    sigmas = np.float32([3.1, 4, 3.5, 3.3])
    for axes, s in [
        ((0, 0, None), np.full(8, 3.2, "f")),
        ((None, 0, 0), sigmas),
        ((0, None, 0), np.outer(sigmas, np.ones(8, "f"))),
    ]:
        given = [a if d == 0 else a[0] for a, d in zip((x, alpha), axes, strict=False)]
        close(*[jax.jit(jax.vmap(f(m), axes))(*given, s) for m in ("gridded", "naive")], 1e-4)
    text = jax.jit(jax.vmap(lambda x, a: phi(x, a, grid))).lower(x, alpha).as_text()
    assert ("while" in text) == (once < 4)


PADDED = {
    "one bandwidth": lambda s: np.float32(s),
    "bandwidths": lambda s: np.linspace(s, 1.5 * s, 512, dtype=np.float32),
}


@pytest.mark.parametrize("sigma", PADDED)
@pytest.mark.parametrize("size, wanted", [(3, "value"), (3, "gradients"), (12, "jvp")])
@pytest.mark.one_in(6)
def test_coefficients_of_512_units_end_in_padding(size, wanted, sigma, monkeypatch):
    """One block of centres and two, rows of units and members of an ensemble."""
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    backend, grid, s = named_backend("jax"), Grid(size), PADDED[sigma](2.1 if size == 3 else 0.4)
    monkeypatch.setattr(type(backend), "members_at_once", lambda *args: 2)
    assert backend.padding(512) == 16 and backend.padding(256) == 0
    x, alpha = arrays((2, 9, 256), (2, 256), size)
    f = lambda m: WANTED[wanted](backend, lambda x, a, s: phi(x, a, grid, s, method=m))
    rows = np.moveaxis(x, 0, 1).reshape(9, 512), alpha.reshape(512, size), s
    members = x, alpha, s.reshape(2, 256) if s.ndim else np.full(2, s)
    for of, args in [(f, rows), (lambda m: jax.vmap(f(m)), members)]:
        close(*[jax.jit(of(m))(*args) for m in ("gridded", "naive")], 1e-4 if size == 12 else 2e-5)


def test_derivatives_mapped_over_tangents_alone(backend):
    """jacfwd and jacrev map the linear parts over a basis: what does not depend on it is computed once."""
    x, alpha = arrays((2, 3), (3,), 6)
    f = lambda m: lambda x, a: phi(x, a, Grid(6), method=m) ** 2
    for transform in ("jacfwd", "jacrev"):
        of = getattr(backend.library, transform)
        found, expected = (leaves_of(backend, of(f(m), (0, 1))(x, alpha)) for m in ("gridded", "naive"))
        close(found, expected)


# -- Centres and bandwidths that are not known when the program is traced -----------------------------------------------------


CENTERS = {
    "equispaced": np.float32(Grid().centers),
    "equispaced, elsewhere": np.float32(Grid().centers * 2 + 7),
    "not equispaced": np.float32(np.sort(np.random.default_rng(5).normal(0, 2, 20))),
    "descending": np.float32(Grid().centers[::-1]),
    "all the same": np.zeros(20, np.float32),
}
# With these the program takes one block of 20 centres, two blocks, and one centre after the other.
WIDTHS = (1.75, 0.9, 0.3)


@pytest.mark.parametrize(
    "name, width", [*[("equispaced, elsewhere", w) for w in WIDTHS[1:]], *[(name, WIDTHS[0]) for name in CENTERS]]
)
@pytest.mark.one_in(10)
def test_traced_centers(backend, name, width):
    """x has more values than the formula is taken for; the centres are one list, or one for each unit."""
    centers = CENTERS[name]
    x, alpha = arrays((500, UNITS))
    assert not backend.prefers_formula(x.size)
    x, sigma = x * 2 + centers.mean(), np.float32(width * (np.ptp(centers) or 1) / 19)
    f = lambda m: lambda *args: (phi(*args, method=m) ** 2).sum()
    push = lambda f: lambda *args: backend.jvp(f, args, tuple(0.1 * backend.np.cos(a) for a in args))[1]
    each = lambda m: backend.vmap(backend.grad(f(m), (0, 1, 2, 3)), (1, 0, 0, None))
    scale = np.linspace(1, 1.1, UNITS, dtype=np.float32)[:, None]
    for of, args in [
        (lambda m: backend.grad(f(m), (0, 1, 2, 3)), (x, alpha, centers, sigma)),
        (lambda m: push(f(m)), (x, alpha, centers, sigma)),
        (lambda m: push(backend.grad(f(m), (0, 1))), (x, alpha, centers, sigma)),
        (each, (x, alpha, centers * scale, sigma)),
    ]:
        close(*[leaves_of(backend, backend.jit(of(m))(*args)) for m in ("auto", "naive")], tolerance=1e-4)


@pytest.mark.parametrize("name", CENTERS)
@pytest.mark.one_in(8)
def test_which_branch_traced_centers_take(backend, name, monkeypatch):
    """All units take the same branch, also where each unit has centres of its own."""
    x, alpha = arrays((600, UNITS))
    assert not backend.prefers_formula(x.size)
    taken = []
    switch = backend.lax.switch
    monkeypatch.setattr(backend.lax, "switch", lambda index, *args: taken.append(index) or switch(index, *args))
    regular = name.startswith("equispaced")
    for width in WIDTHS:
        sigma = backend.np.float32(width * (np.ptp(CENTERS[name]) or 1) / 19)
        centers = backend.np.asarray(CENTERS[name])
        for many in (centers, backend.np.stack([backend.np.asarray(CENTERS["equispaced"]), centers])[:, None]):
            problem = Problem("auto", unknown_layout(20), scaled=True)
            own = np.repeat(x[:, None], 2, 1) if many.ndim > 1 else x
            a = np.stack([alpha, alpha]) if many.ndim > 1 else alpha
            s = sigma if many.ndim == 1 else sigma * backend.np.asarray([[1.0], [1.0]], "float32")
            evaluation.value(backend, problem, 0, "float32", *map(backend.np.asarray, (own, a)), s, many)
            widest = (
                19 * float(sigma) / float(np.max(np.asarray(many)[..., -1] - np.asarray(many)[..., 0], initial=1e-9))
            )
            expected = 2 if not regular else next((j for j, w in enumerate((10 / 6, 5 / 6)) if widest >= w), 2)
            assert int(taken.pop()) == expected


def test_a_mapped_choice_is_not_a_select_of_all_branches():
    """If vmap made a select of the choice, the program would compute every branch."""
    x, alpha = arrays((8, 300, UNITS), (8, UNITS))
    centers = np.stack([CENTERS["equispaced"]] * 8)
    for axes in [(0, 0, 0, 0), (0, 0, None, 0), (0, None, 0, None), (0, None, None, None)]:
        given = [a if d == 0 else a[0] for a, d in zip((x, alpha, centers, np.full(8, 0.5, "f")), axes, strict=True)]
        step = jax.value_and_grad(lambda *args, axes=axes: (jax.vmap(phi, axes)(*args) ** 2).sum(), (0, 1))
        text = jax.jit(step).lower(*given).as_text()
        assert text.count("stablehlo.case") == 2
        minis = minijax.jit(
            minijax.value_and_grad(lambda *args, axes=axes: (minijax.vmap(phi, axes)(*args) ** 2).sum(), (0, 1))
        )
        text = minis.lower(*map(minijax.numpy.asarray, given)).as_text()
        assert text.count("elif ") == 2 and text.count("np.where") <= 2


# -- What it costs -----------------------------------------------------------------------------------------------------------


MAPPED = {
    "vmap": lambda b, f: b.vmap(f, (0, None)),
    "two": lambda b, f: b.vmap(b.vmap(f), (0, None)),
    "units": lambda b, f: b.vmap(f, (1, 0), 1),
}


@pytest.mark.parametrize("name", MAPPED)
def test_a_mapped_call_is_the_call_on_the_batch(backend, name):
    """The same operations on the same sizes: no array has an axis for the examples and one for the centres."""
    x, alpha = arrays((64, 16), (16,))
    f = lambda x, a: phi(x, a, Grid())
    step = lambda f: backend.make_jaxpr(backend.grad(lambda x, a: (f(x, a) ** 2).sum(), (0, 1)))(x, alpha)
    plain, mapped = (step(g) for g in (f, MAPPED[name](backend, f)))
    count = lambda jaxpr: sorted(e.primitive.name for e in jaxpr.eqns if e.primitive.name.startswith("kaf"))
    assert count(mapped) == count(plain) == ["kaf_pull", "kaf_value"]
    assert max(size for _, size in sizes_in(mapped.jaxpr)) <= max(x.size, alpha.size)


def peak_on_jax(f, *args, count: int = 2) -> float:
    """The memory of value and gradients by the first `count` arguments, these included, in arrays of the first one's size."""
    weights = np.cos(np.asarray(args[0]))
    step = jax.jit(jax.value_and_grad(lambda *args: (f(*args) * weights).sum(), tuple(range(count))))
    memory = step.lower(*args).compile().memory_analysis()
    return (memory.temp_size_in_bytes + memory.output_size_in_bytes) / args[0].nbytes


def test_memory_of_a_mapped_step_on_jax():
    x, alpha = map(jax.numpy.asarray, arrays((1024, 256), (256,)))
    f = lambda x, a: phi(x, a, Grid(), method="gridded")
    assert peak_on_jax(jax.vmap(f, (0, None)), x, alpha) <= 1.2 * peak_on_jax(f, x, alpha)


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.one_in(2)
def test_memory_of_traced_centers_on_jax(count, monkeypatch):
    """The branches that are not taken need memory too, and so do the gradients by centres and bandwidths."""
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    x, alpha = map(jax.numpy.asarray, arrays((1024, 256), (256,)))
    f = jax.vmap(lambda x, a, centers, sigma: phi(x, a, centers, sigma), (0, None, None, None))
    assert peak_on_jax(f, x, alpha, CENTERS["not equispaced"], np.full(256, 0.5, np.float32), count=count) <= 4


# -- Everything else that a program may do with it -----------------------------------------------------------------------------


def test_scan_checkpoint_and_jit_within(backend):
    x, alpha = arrays()
    f = lambda m: lambda c, a: backend.checkpoint(lambda c: phi(c, a, Grid(), method=m) + 0.1 * c)(c)

    def loss(m):
        step = backend.jit(f(m))
        return lambda x, a: (backend.lax.scan(lambda c, _: (step(c, a), c.sum()), x, None, length=3)[0] ** 2).sum()

    found, expected = (leaves_of(backend, backend.grad(loss(m), (0, 1))(x, alpha)) for m in ("gridded", "naive"))
    close(found, expected, 1e-4)


@pytest.mark.parametrize("library", ["jax", "minijax"])
def test_taylor_series_of_what_is_jitted(library):
    """The terms are those of the formula, also of gradients, of the bandwidth and of the coefficients."""
    backend = named_backend(library)
    x, alpha = map(backend.np.asarray, arrays())
    push = (jet if library == "jax" else minijax.experimental.jet).jet
    grid = Grid()

    def terms(f, *args):
        return push(f, args, [[0.3 * backend.np.cos(a), backend.np.sin(a), 0 * a] for a in args])

    for wrap in (lambda f: f, backend.jit, lambda f: backend.jit(backend.vmap(f, (0, None, None)))):
        f = lambda m, wrap=wrap: wrap(lambda x, a, s: phi(x, a, grid, s, method=m))
        found, expected = (terms(f(m), x, alpha, backend.np.float32(grid.sigma)) for m in ("auto", "naive"))
        close(leaves_of(backend, found), leaves_of(backend, expected), 1e-4)


@pytest.mark.parametrize("shape, units", [((2, 0), (0,)), ((0, 2), (2,)), ((0,), ()), ((0, 3, 0), (0,))])
@pytest.mark.one_in(7)
def test_no_values(backend, shape, units):
    x, alpha = arrays(shape, units)
    f = backend.vmap(lambda x, a: phi(x, a, Grid()).sum(), (0, None)) if shape[0] else (lambda x, a: phi(x, a, Grid()))
    of_x, of_alpha = backend.grad(lambda x, a: f(x, a).sum(), (0, 1))(x, alpha)
    assert of_x.shape == shape and of_alpha.shape == alpha.shape and not np.asarray(of_alpha).any()


def test_a_batch_of_no_examples(backend):
    x, alpha = arrays((0, 2, UNITS))
    each = backend.vmap(backend.grad(lambda x, a: phi(x, a, Grid()).sum(), (0, 1)), (0, None))
    assert [leaf.shape for leaf in each(x, alpha)] == [x.shape, (0, *alpha.shape)]


def test_the_operations_are_made_once_for_a_library():
    ours, theirs = (operations(named_backend(name)) for name in ("minijax", "jax"))
    assert operations(named_backend("jax")) is theirs
    assert isinstance(ours.value, minijax.extend.core.Primitive) and isinstance(theirs.value, jax.extend.core.Primitive)


def test_export():
    x, alpha = arrays()
    f = lambda x, a: (phi(x, a, Grid()) ** 2).sum()
    exported = jax.export.export(jax.jit(f))(x, alpha)
    close(exported.call(x, alpha), f(x, alpha))
    close(jax.grad(exported.call, (0, 1))(x, alpha), jax.grad(f, (0, 1))(x, alpha))


PROGRAM = """
import os
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
import jax, numpy as np
from jax.sharding import PartitionSpec as P
from kaf import Grid, kaf
mesh = jax.make_mesh((2,), ("i",), axis_types=(jax.sharding.AxisType.Auto,))
rng = np.random.default_rng(0)
x = jax.numpy.asarray(rng.uniform(-4, 4, (8192, 8)), "float32")
alpha, sigma = jax.numpy.asarray(rng.normal(size=(8, 5)), "float32"), jax.numpy.float32(2.6)
def f(x, alpha, sigma, method):
    return kaf(x, alpha, Grid(5), sigma, method=method)
whole = jax.jit(jax.grad(lambda x, alpha, sigma: (f(x, alpha, sigma, "naive") ** 2).sum(), (0, 1, 2)))
for method in ("gridded", "loop"):
    def local(x, alpha, sigma):
        return jax.lax.psum((jax.vmap(f, (0, None, None, None))(x, alpha, sigma, method) ** 2).sum(), "i")
    sharded = jax.shard_map(local, mesh=mesh, in_specs=(P("i"), P(), P()), out_specs=P(), check_vma=True)
    for a, b in zip(jax.jit(jax.grad(sharded, (0, 1, 2)))(x, alpha, sigma), whole(x, alpha, sigma)):
        assert abs(a - b).max() < 1e-4 * abs(b).max(), method
print("done")
"""


def test_shard_map_with_its_checks():
    """In reverse mode the gradients of alpha and sigma, which the devices share, are summed over the devices."""
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "done", run.stderr[-3000:]
