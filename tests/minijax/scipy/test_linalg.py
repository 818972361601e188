"""`jax.scipy.linalg` beside JAX: every name with each of its arguments, eager, compiled by NumPy and by XLA."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import warnings

import jax
import laws
import numpy as np
import pytest
from linalg_table import MATRICES, assert_same, in_jax, in_minijax, value
from thinned import part

import minijax as mj

FAMILIES = {
    "factorizations": [
        *["sp.cholesky(P)", "sp.cholesky(P, lower=True, overwrite_a=True)", "sp.cholesky(H)"],
        *["sp.cholesky(i, check_finite=False)"],
        *["sp.cho_solve(sp.cho_factor(P[0]), v)", "sp.cho_solve(sp.cho_factor(H, lower=True), Z)"],
        *["sp.cho_solve(sp.cho_factor(P), B[0])", "sp.lu(W)", "sp.lu(T, permute_l=True)", "sp.lu(C)", "sp.lu(e)"],
        *["sp.lu_factor(A)", "sp.lu_factor(i)"],
        *[f"sp.lu_solve(sp.lu_factor(C), z, trans={t})" for t in (0, 1, 2)],
        *[f"sp.lu_solve(sp.lu_factor(A), B, trans={t})" for t in (0, 1)],
        *["sp.lu_solve(sp.lu_factor(A[0]), B)", "sp.svd(W)", "sp.svd(T, full_matrices=False)", "sp.svd(A, compute_uv=False)"],
        *["sp.eigh(S)", "sp.eigh(A, lower=False, eigvals_only=True)", "sp.eigh(H, turbo=False)", "sp.schur(C)"],
        *["sp.schur(A, output='complex')", "sp.schur(F)", "sp.hessenberg(A)", "sp.hessenberg(F, calc_q=True)", "sp.hessenberg(e)"],
        *[f"sp.qr({x}, mode={m!r}, pivoting={p})" for x, p in (("T", False), ("W", True)) for m in ("full", "r", "economic")],
        *[f"sp.qr_multiply(T, u, pivoting={p}, conjugate={c})" for p, c in ((False, False), (True, True))],
        *["sp.qr_multiply(T, W, mode='left')", "sp.qr_multiply(C, Z, mode='left', conjugate=True)", "sp.qr_multiply(A, B.mT)"],
    ],
    "systems": [
        *["sp.solve(A, B)", "sp.solve(A[0], v)", "sp.solve(P, B, assume_a='pos')", "sp.solve(P[0], v, lower=True, assume_a='pos')"],
        *["sp.solve(H, z, assume_a='her')", "sp.inv(A)", "sp.det(F)"],
        *[f"sp.solve_triangular(C, z, trans={t!r}, lower={low})" for t, low in ((0, True), ("T", False), (2, True))],
        *["sp.solve_triangular(A, B, trans='N', unit_diagonal=True)", "sp.solve_triangular(A[0], B)", "sp.solve_triangular(A, v)"],
        *["sp.solve_triangular(i, np.int32([1, 2]))"],
        *["sp.solve_sylvester(A[0], F, W)", "sp.solve_sylvester(C, F, Z, method='eigen')", "sp.solve_sylvester(A[0], -A[0], A[0])"],
        *["sp.eigh_tridiagonal(u, v, eigvals_only=True)", "jnp.abs(sp.eigh_tridiagonal(u, v)[1])"],
        *["sp.eigh_tridiagonal(v[:1], v[:0])", "sp.eigh_tridiagonal(u, v, eigvals_only=True, tol=1.0) * 0"],
        *["sp.eigh_tridiagonal(u, v, select='i', select_range=(1, 2), eigvals_only=True)"],
        *["sp.eigh_tridiagonal(u + 0j, z, eigvals_only=True)"],
    ],
    "functions": [
        *["sp.expm(A)", "sp.expm(0.01 * C)", "sp.expm(i, max_squarings=1)", "sp.expm(1e9 * two, max_squarings=1)"],
        *["sp.expm(jnp.triu(F), upper_triangular=True)", "sp.expm_frechet(F, F.T, compute_expm=False)"],
        *["sp.sqrtm(A[0])", "sp.sqrtm(C)", "sp.sqrtm(0 * F)", "sp.funm(F, jnp.exp, disp=False)", "sp.funm(C, lambda x: x * x)"],
        *["sp.rsf2csf(*sp.schur(A))", "sp.rsf2csf(one, one)", "sp.polar(A)", "sp.polar(Z, 'left')", "sp.polar(T, method='svd')"],
        *["sp.polar(T, 'left', method='svd')"],
    ],
    "structured": [
        *["sp.block_diag(A[0], W, v, 2.0)", "sp.block_diag()", "sp.block_diag(i, Z)", "sp.toeplitz(v)", "sp.toeplitz(z)"],
        *["sp.toeplitz(W, v)", "sp.toeplitz(2)", "sp.toeplitz(v, v[:0])", "sp.toeplitz(i)", "sp.hankel(v)", "sp.hankel(W, v)"],
        *["sp.hankel(i, v)", "sp.circulant(W)", "sp.circulant(z)", "sp.circulant(3)", "sp.leslie(u, v)", "sp.leslie(F, v)"],
        *["sp.companion(W)", "sp.companion(i)", "sp.fiedler(W)", "sp.fiedler(z)", "sp.fiedler(i)"],
        *[f"sp.fiedler_companion(t3.reshape(2, 12)[:, :{n}])" for n in (1, 2, 3, 4, 7, 8)],
        *[f"sp.convolution_matrix({x}, {n}, {m!r})" for m in ("full", "same", "valid") for x, n in (("W", 2), ("v", 5), ("i", 2))],
        *[f"sp.{name}({n})" for n in (1, 2, 5) for name in ("hilbert", "invhilbert", "helmert")],
        *[f"sp.{name}(5, {kind!r})" for kind in ("symmetric", "lower", "upper") for name in ("pascal", "invpascal")],
        *["sp.pascal(3)", "sp.invpascal(1)", "sp.helmert(4, full=True)", "sp.hadamard(8)", "sp.hadamard(1, dtype='float32')"],
        *["sp.dft(5)", "sp.dft(4, 'sqrtn')", "sp.dft(3, 'n')", "sp.dft(1, dtype='complex64')"],
    ],
}  # fmt: skip


@pytest.mark.parametrize("compiler", [None, "numpy", "xla"])
@pytest.mark.parametrize("family", FAMILIES)
def test_value_dtype_and_kind_of_result(family, compiler):
    expressions = tuple(part(FAMILIES[family], 12))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        mine, theirs = in_minijax(expressions, compiler), in_jax(expressions)
    for expression, a, b in zip(expressions, mine, theirs, strict=True):
        assert_same(a, b, f"{expression}, {compiler}")


def test_every_name_is_tested_and_is_jax_s():
    public = {n for n in dir(jax.scipy.linalg) if not n.startswith("_")}
    assert {*mj.scipy.linalg.__all__} == public
    assert [n for n in public if f"sp.{n}(" not in str(FAMILIES)] == []


def test_arguments_are_jax_s():
    for name in mj.scipy.linalg.__all__:
        found, wanted = (inspect.signature(getattr(m, name)).parameters for m in (mj.scipy.linalg, jax.scipy.linalg))
        assert list(found) == list(wanted), name
        for p, q in zip(found.values(), wanted.values()):
            assert (p.kind, p.default) == (q.kind, q.default), (name, p)


REFUSED = [
    *["sp.schur(A, output='x')", "sp.qr(W, mode='x')", "sp.eigh(S, b=S)", "sp.eigh(S, type=2)", "sp.eigh(S, eigvals=(0, 1))"],
    *["sp.solve(A, B, assume_a='x')", "sp.solve(W, v, assume_a='pos')", "sp.solve_triangular(A, B, trans=3)", "sp.expm(W)"],
    *["sp.lu_solve(sp.lu_factor(F), u, trans=3)", "sp.expm(i.astype('float16'))", "sp.expm_frechet(W, W)", "sp.expm_frechet(F, A)"],
    *["sp.sqrtm(F, blocksize=2)", "sp.rsf2csf(W, F)", "sp.rsf2csf(F, W)", "sp.rsf2csf(F, i)", "sp.funm(W, jnp.sin)", "sp.polar(v)"],
    *["sp.polar(T, 'x')", "sp.polar(T, method='x')", "sp.polar(W)", "sp.polar(T, 'left')", "sp.solve_sylvester(F, F, W)"],
    *["sp.solve_sylvester(F, F, F, method='x')", "sp.eigh_tridiagonal(u, z)", "sp.eigh_tridiagonal(i[0], i[0, :1])"],
    *["sp.eigh_tridiagonal(u, v, select='v')", "sp.eigh_tridiagonal(u, v, select='x')", "sp.eigh_tridiagonal(u, v, select='i')"],
    *["sp.eigh_tridiagonal(u, v, select='i', select_range=(2, 1))", "sp.block_diag(A)", "sp.toeplitz([1, 2])", "sp.hankel(1.0)"],
    *["sp.hankel(v, 1.0)", "sp.leslie(one, one)", "sp.leslie(v, v)", "sp.companion(one)", "sp.fiedler_companion(v[:0])"],
    *["sp.convolution_matrix(v, 0)", "sp.convolution_matrix(1.0, 2)", "sp.convolution_matrix(v, 2, 'x')"],
    *["sp.convolution_matrix(v[:0], 2)", "sp.pascal(2, 'x')", "sp.invpascal(2, 'x')", "sp.helmert(0)", "sp.hadamard(3)"],
    *["sp.dft(2, 'x')", "sp.dft(2, dtype='float32')", "sp.qr_multiply(T, v)", "sp.qr_multiply(T, v, mode='x')", "sp.fiedler([1])"],
    *["sp.qr_multiply(T, u, mode='left')", "sp.circulant([1])", "sp.schur(W)", "sp.cholesky(W)", "sp.lu(v)", "sp.hessenberg(W)"],
]  # fmt: skip


@pytest.mark.parametrize("expression", REFUSED)
def test_errors_are_jax_s(expression):
    """JAX raises while it traces: nothing is compiled."""
    with pytest.raises(Exception) as theirs:
        jax.eval_shape(lambda arrays: value(expression, jax, arrays), MATRICES)
    with pytest.raises(Exception) as mine:
        value(expression, mj, {name: mj.numpy.asarray(x) for name, x in MATRICES.items()})
    assert type(mine.value).__name__ == type(theirs.value).__name__, f"{mine.value!r}"


@pytest.mark.parametrize(
    "call", ["sp.cho_solve((A, False), W[:2, :3])", "sp.lu_solve((A, np.int32([[0, 1, 2]] * 2)), W[:2, :3])"]
)
def test_batches_of_vectors_warn(call):
    arrays = {name: mj.numpy.asarray(x) for name, x in MATRICES.items()}
    with pytest.warns(FutureWarning, match="batched 1D solves"):
        assert value(call, mj, arrays).shape == (2, 3)


SMOOTH = [
    *["sp.cho_solve(sp.cho_factor(P), B)", "sp.lu_solve(sp.lu_factor(F), u, trans=1)", "sp.lu(W)[1:]", "sp.solve(A, B)"],
    *["sp.solve(P, B, assume_a='pos')", "sp.solve_triangular(A, B, trans=1, lower=True)", "sp.expm(0.3 * F)", "sp.expm(A)"],
    *["sp.block_diag(W, v)", "sp.toeplitz(u, v)", "sp.hankel(u, v)", "sp.circulant(u)", "sp.companion(u)", "sp.leslie(u, v)"],
    *["sp.fiedler_companion(u)", "sp.convolution_matrix(v, 4)", "sp.polar(T, method='svd')", "sp.qr(T, mode='economic')"],
]  # fmt: skip


@pytest.mark.parametrize("expression", SMOOTH)
@pytest.mark.one_in(5)
def test_derivatives_are_differences_and_reverse_mode_is_the_adjoint(expression):
    used = [name for name in MATRICES if name in compile(expression, "", "eval").co_names]
    with mj.enable_x64(True):
        args = [MATRICES[n].astype(np.float64) for n in used]
        if "P" in used:
            # Only one triangle is read: the differences are taken in symmetric directions.
            args[used.index("P")] = args[used.index("P")] + 0.0

        def function(*xs):
            named = dict(zip(used, xs))
            if "P" in named:
                named["P"] = (named["P"] + named["P"].mT) / 2
            return value(expression, mj, named)

        laws.directional_derivatives_are_differences(function, args)
        laws.reverse_mode_is_the_adjoint(function, args)


def test_functions_of_matrices_are_what_they_say():
    with mj.enable_x64(True):
        sp = mj.scipy.linalg
        a = np.random.default_rng(0).normal(size=(6, 6)) + 8 * np.eye(6)
        root = np.asarray(sp.sqrtm(a))
        np.testing.assert_allclose(root @ root, a, atol=1e-12)
        np.testing.assert_allclose(sp.funm(a, mj.numpy.exp), sp.expm(a), rtol=1e-9)
        b, c = a[:3, :3], a[:, :3]
        x = np.asarray(sp.solve_sylvester(a, b, c))
        np.testing.assert_allclose(a @ x + x @ b, c, atol=1e-11)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_eigenvectors_of_tridiagonal_matrices_of_equal_and_of_different_eigenvalues(dtype):
    with mj.enable_x64(True):
        rng = np.random.default_rng(1)
        e = rng.normal(size=11) + (1j * rng.normal(size=11) if dtype == "complex128" else 0)
        e[[3, 7]] = 0
        d = np.tile(rng.normal(size=4), 3)
        e[4:7], e[8:11] = e[:3], e[:3]
        # Three equal blocks: each eigenvalue is there three times.
        w, v = map(np.asarray, mj.scipy.linalg.eigh_tridiagonal(d.astype(dtype), e.astype(dtype)))
        a = np.diag(d) + np.diag(e, 1) + np.diag(e.conj(), -1)
        np.testing.assert_allclose(w, np.linalg.eigvalsh(a), atol=1e-12)
        np.testing.assert_allclose(a @ v, v * w, atol=1e-9)
        np.testing.assert_allclose(v.conj().T @ v, np.eye(12), atol=1e-9)


def test_without_scipy_schur_names_it_and_nothing_else_needs_it(monkeypatch):
    imported = importlib.import_module

    def without(name, package=None):
        if name.startswith("scipy"):
            raise ImportError(name)
        return imported(name, package)

    monkeypatch.setattr(importlib, "import_module", without)
    for name in ("schur", "sqrtm"):
        with pytest.raises(ImportError, match="schur needs SciPy.*the extra `scipy`"):
            getattr(mj.scipy.linalg, name)(mj.numpy.eye(2))
    program = """
import sys, numpy, minijax
x = numpy.float32([[2, 1], [1, 3]])
for linalg in (minijax.numpy.linalg, minijax.lax.linalg):
    linalg.svd(x), linalg.qr(x), linalg.eig(x), linalg.cholesky(x), linalg.eigh(x)
minijax.scipy.linalg.expm(x), minijax.scipy.linalg.lu(x), minijax.scipy.linalg.hessenberg(x)
print([m for m in ("scipy", "jax") if m in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
