"""The tables by which NumPy evaluates many values: errors, numbers at the edge, shapes, and when tables are taken."""

import numpy as np
import pytest

import minijax
from kaf import Grid, ridge_alpha, use_backend
from kaf.functional import kaf as phi
from kaf.functional import tables
from kaf.functional.gridded import make_layout
from kaf.functional.tables import fit, table_pull, table_value

GRIDS = [Grid(5), Grid(), Grid(rule="code"), Grid(50, 4.0, "code"), Grid(20, 1000.0, "code"), Grid(100), Grid(170, 5.0)]


def layout_of(grid):
    return make_layout(np.asarray(grid.centers), grid.sigma)


def gaussians(x, grid, sigma=None):
    """(the Gaussians, their slopes), float64 [..., k]."""
    sigma = grid.sigma if sigma is None else sigma
    t = (x[..., None].astype(np.float64) - np.linspace(-grid.boundary, grid.boundary, grid.size)) / sigma
    kernel = np.exp(-0.5 * np.minimum(np.abs(t), 40) ** 2)
    return kernel, -t / sigma * kernel


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.one_in(4)
def test_errors(grid):
    """The bound that kaf() states is 50 eps times the sum of |alpha|. Slopes have it in units of sigma."""
    rng = np.random.default_rng(0)
    fits = [ridge_alpha(f, grid, eps).alpha for f, eps in [("tanh", 1e-4), ("elu", 1e-6), ("relu", 1e-12)]]
    alpha = np.concatenate([np.eye(grid.size), (-1.0) ** np.arange(grid.size)[None], fits]).astype(np.float32)
    x = rng.uniform(-1.5 * grid.boundary, 1.5 * grid.boundary, (1200, len(alpha))).astype(np.float32)
    g = rng.normal(size=x.shape).astype(np.float32)
    kernel, slopes = gaussians(x, grid)
    unit = np.finfo(np.float32).eps * np.abs(alpha).sum(1, dtype=np.float64)
    layout, sigma = layout_of(grid), np.float32(grid.sigma)
    assert fit(layout, x.shape[1:], x, sigma) == (grid.size >= 15)
    for order, exact in enumerate([kernel, slopes]):
        error = np.abs(table_value(x, alpha, sigma, layout=layout, order=order) - (exact * alpha).sum(-1)).max(0)
        assert (error * grid.sigma**order / unit).max() < (50 if order else 30)
    sums, slope = table_pull(x, g, sigma, alpha, layout=layout)
    assert (np.abs(slope - g * (slopes * alpha).sum(-1)).max(0) * grid.sigma / unit).max() < 50 * np.abs(g).max()
    exact = np.einsum("nh,nhk->hk", g, kernel)
    assert np.abs(sums - exact).max() < 3e-6 * np.abs(exact).max()
    np.testing.assert_array_equal(table_pull(x, g, sigma, layout=layout), [sums])


def test_numbers_at_the_edge():
    layout, alpha = layout_of(Grid()), np.ones((1, 20), np.float32)
    x = np.float32([np.inf, -np.inf, 3e38, -3e38, 1e20, 100.0, -100.0, -0.0, 0.0, 1e-45, np.nan])[:, None]
    for order in (0, 1):
        found = table_value(x, alpha, np.float32(0.5), layout=layout, order=order)[:, 0]
        np.testing.assert_array_equal(found[:7], 0)
        assert np.isfinite(found[7:10]).all() and np.isnan(found[10])
    sums, slope = table_pull(x[:10], np.ones_like(x[:10]), np.float32(0.5), alpha, layout=layout)
    assert np.isfinite(sums).all() and np.isfinite(slope).all()
    both = np.concatenate([x, np.ones_like(x)], 1)
    sums, slope = table_pull(both, np.ones_like(both), np.float32(0.5), np.ones((2, 20), np.float32), layout=layout)
    assert np.isnan(slope).sum() == np.isnan(both).sum() and np.isnan(sums[0]).all() and np.isfinite(sums[1]).all()
    for sigma, expected in ((np.inf, 20.0), (np.nan, np.nan)):
        found = table_value(x[:10], alpha, np.float32(sigma), layout=layout, order=0)[4:]
        np.testing.assert_allclose(found, np.full_like(found, expected), rtol=1e-6)


@pytest.mark.parametrize("rows, units", [(1, 1), (7, 3), (1000, 100), (70000, 1), (3, 40000)])
def test_chunks(rows, units, monkeypatch):
    """Chunks of rows and a remainder, rows that are longer than a chunk, sums in several parts, arrays in another order."""
    monkeypatch.setattr(tables, "_ROWS_OF_A_SUM", 300)
    rng = np.random.default_rng(0)
    grid = Grid(5)
    x, g = (np.asfortranarray(rng.normal(size=(rows, units)).astype(np.float32)) for _ in range(2))
    alpha = rng.normal(size=(units, 5)).astype(np.float32)
    kernel, slopes = gaussians(x, grid)
    layout, sigma = layout_of(grid), np.float32(grid.sigma)
    value = table_value(x, alpha, sigma, layout=layout, order=0)
    np.testing.assert_allclose(value, (kernel * alpha).sum(-1), atol=2e-5)
    sums, slope = table_pull(x, g, sigma, alpha, layout=layout)
    np.testing.assert_allclose(slope, g * (slopes * alpha).sum(-1), atol=1e-4)
    np.testing.assert_allclose(sums, np.einsum("nh,nhk->hk", g, kernel), rtol=1e-5, atol=2e-6 * rows)


@pytest.mark.parametrize(
    "shape, units", [((300, 9), (9,)), ((400, 3, 4), (3, 4)), ((30000,), ()), ((40, 10, 15), (15,))]
)
@pytest.mark.parametrize("how", ["known", "sigma traced", "all traced", "half"])
@pytest.mark.one_in(8)
def test_kaf_by_tables(shape, units, how):
    """Gradients by tables are those of the formula."""
    rng = np.random.default_rng(1)
    grid = Grid(16)
    x = rng.normal(size=shape).astype(np.float32)
    alpha = rng.normal(size=(*units, 16)).astype(np.float32)
    with use_backend("minijax") as backend:
        xp = backend.np
        if how == "half":
            x, alpha = (xp.asarray(a).astype("bfloat16") for a in (x, alpha))

        def gradients(x, alpha, centers, sigma, method):
            loss = lambda x, alpha: (phi(x, alpha, centers, sigma, method=method) ** 2).astype("float32").sum()
            return backend.value_and_grad(loss, (0, 1))(x, alpha)

        found = []
        for method in ("auto", "naive"):
            if how == "all traced":
                run = backend.jit(lambda *args, m=method: gradients(*args, m))
                arguments = x, alpha, np.asarray(grid.centers), np.float32(grid.sigma)
            elif how == "sigma traced":
                run = backend.jit(lambda x, alpha, sigma, m=method: gradients(x, alpha, grid, sigma, m))
                arguments = x, alpha, np.float32(grid.sigma)
            else:
                run, arguments = backend.jit(lambda x, alpha, m=method: gradients(x, alpha, grid, None, m)), (x, alpha)
            assert ("kaf_table" in run.lower(*arguments).compile().as_text()) == (method == "auto")
            found.append([np.asarray(a, np.float32) for a in backend.tree_util.tree_leaves(run(*arguments))])
    for by_tables, exact in zip(*found, strict=True):
        np.testing.assert_allclose(
            by_tables, exact, rtol=0, atol=(2e-2 if how == "half" else 1e-5) * np.abs(exact).max()
        )


def test_when_tables_are_taken():
    alpha = np.ones((64, 20), np.float32)

    def text(x, alpha=alpha, compiler="numpy", method="auto", sigma=None):
        run = minijax.jit(lambda x, alpha: phi(x, alpha, Grid(), sigma, method=method), compiler=compiler)
        return run.lower(x, alpha).compile().as_text()

    many, few = np.zeros((300, 64), np.float32), np.zeros((200, 64), np.float32)
    assert "kaf_table" in text(many) and "kaf_table" in text(many, method="gridded")
    for other in (
        text(few),
        text(many, compiler="xla"),
        text(many, method="loop"),
        text(many, sigma=np.full(64, 0.5, np.float32)),
        text(np.zeros((300, 64, 8), np.float32), alpha[:, None]),
    ):
        assert "kaf_table" not in other
    with minijax.enable_x64(True):
        assert "kaf_table" not in text(many.astype(np.float64))
    # Outside of jit, too: the results are the same bits.
    x = np.random.default_rng(0).normal(size=(300, 64)).astype(np.float32)
    with use_backend("minijax") as backend:
        by_jit = backend.jit(lambda x: phi(x, alpha, Grid()))(x)
        np.testing.assert_array_equal(np.asarray(phi(x, alpha, Grid())), np.asarray(by_jit))
