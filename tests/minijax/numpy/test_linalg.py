"""`jnp.linalg` and `lax.linalg` beside JAX: every name with each of its arguments, eager, compiled by NumPy and by XLA."""

from __future__ import annotations

import inspect

import jax
import laws
import numpy as np
import pytest
from linalg_table import MATRICES, assert_same, in_jax, in_minijax, value
from thinned import part

import minijax as mj
from minijax.lowering.xla.stablehlo import module_text

ORDERS = ["None", "'fro'", "'f'", "'nuc'", "1", "-1", "2", "-2", "inf", "-inf"]

FAMILIES = {
    "norms": [
        *[f"la.norm(W, {o})" for o in ORDERS],
        *[f"la.norm(t3, {o}, axis=(2, 0), keepdims=True)" for o in ORDERS],
        *[f"la.norm(t3, ord={o}, axis=(0, -1))" for o in ORDERS],
        *[f"la.norm(Z, {o}, axis=1)" for o in ("None", "0", "1", "-1", "2", "3", "0.5", "inf", "-inf")],
        *["la.norm(t3)", "la.norm(v, 3)", "la.norm(i)", "la.norm(Z)", "la.norm(e)", "la.norm(t3, axis=1, keepdims=True)"],
        *["la.vector_norm(t3)", "la.vector_norm(t3, axis=(0, 1), keepdims=True)", "la.vector_norm(W, ord=1, axis=0)"],
        *["la.matrix_norm(t3)", "la.matrix_norm(t3, ord='nuc', keepdims=True)"],
    ],
    "systems": [
        *["la.solve(A, B)", "la.solve(A, v)", "la.solve(A[0], B)", "la.solve(A, B[0])", "la.solve(C, z)", "la.solve(i, i)"],
        *["la.solve(e, e3)", "la.solve(P[:0, :2, :2], B[:0, :2])", "la.solve(A, B[..., :0])", "la.solve(F, F[:, :0])"],
        *["la.solve(e, e)", "la.solve(one, one)", "la.solve(O, v) * 0", "la.inv(A)", "la.inv(C)", "la.inv(i)", "la.inv(m)"],
        *["la.inv(e)", "la.inv(nan)", "la.inv(np.float32([[1, 2], [2, 4]]))", "la.tensorinv(q)", "la.tensorinv(F, ind=1)"],
        *["la.tensorsolve(q, two)", "la.tensorsolve(q.transpose(2, 0, 1), two, axes=(0,))"],
        *["la.lstsq(T, u)", "la.lstsq(T, F, rcond=0.5)", "la.lstsq(W, A[0])", "la.lstsq(Z, z)", "la.lstsq(O, v)[2]"],
        *["la.lstsq(W, v, rcond=-1.0)[0]", "la.lstsq(e3, e)", "la.pinv(W)", "la.pinv(T, 0.5)", "la.pinv(A)"],
        *["la.pinv(P, hermitian=True)", "la.pinv(Z, rcond=0.1)", "la.pinv(e3)", "la.pinv(A, np.float32([0.1, 0.2]))"],
    ],
    "determinants": [
        *[f"la.det({x})" for x in ("A", "F", "C", "two", "one", "i", "e", "O", "t3[:, :, :3]", "nan", "F * (1 + 1j)")],
        *[f"la.slogdet({x})" for x in ("A", "F", "C", "two", "one", "i", "e", "nan", "-F", "two * 1j")],
        *["la.slogdet(F, method='qr')", "la.slogdet(A, method='lu')", "la.slogdet(np.zeros((3, 3), 'float32'))"],
        *[f"la.matrix_power(A, {n})" for n in (-2, -1, 0, 1, 2, 3, 5)],
        *["la.matrix_power(i, 3)", "la.matrix_rank(A)", "la.matrix_rank(O)", "la.matrix_rank(W, tol=1.5)", "la.matrix_rank(v)"],
        *["la.matrix_rank(W, 0.1)", "la.matrix_rank(S, hermitian=True)"],
        *[f"la.cond(A, {p})" for p in ("None", "2", "-2", "1", "-1", "inf", "-inf", "'fro'", "'nuc'")],
        "la.cond(np.float32([[1, 2], [2, 4]]), 1)",
    ],
    "factorizations": [
        *["la.cholesky(P)", "la.cholesky(P, upper=True)", "la.cholesky(P, symmetrize_input=False)", "la.cholesky(H)"],
        *["la.cholesky(-P)", "la.cholesky(i)", "la.cholesky(e)", "la.cholesky(one * one)"],
        *["ll.cholesky(m & m.T)", "la.cholesky(m & m.T)", "ll.cholesky(lax.broadcast(2.0, (1, 1)))"],
        *[f"la.qr({x}, {m!r})" for x in ("W", "T", "C") for m in ("reduced", "complete", "r", "raw", "full")],
        *["la.qr(e3)", "la.qr(A)", "ll.qr(T, pivoting=True)", "ll.qr(W, pivoting=True, full_matrices=False)"],
        *["ll.qr(e3, pivoting=True)", "ll.lu(W)", "ll.lu(T)", "ll.lu(C)", "ll.lu(e3)", "ll.lu(O)[1:]", "ll.lu(nan)"],
        "ll.lu(np.float32([[[0, 1], [0, 3]], [[2, 1], [4, 3]]]))",
        *["ll.lu_pivots_to_permutation(ll.lu(A)[1], 5)", "ll.cholesky(P)", "ll.cholesky_update(la.cholesky(P[0]).T, v)"],
        *["ll.symmetric_product(W, P[0], alpha=2.0, beta=3.0)", "ll.symmetric_product(W, P[0], symmetrize_output=True)"],
        *["ll.householder_product(la.qr(T, 'raw')[0].T, v)"],
        *["ll.ormqr(T, v, F, left=False)", "ll.ormqr(C, z, C, transpose=True)", "ll.hessenberg(F)", "ll.tridiagonal(P)"],
        *["ll.tridiagonal(H, lower=False)", "ll.qdwh(T)[:2]", "ll.qdwh(C)[0]"],
    ],
    "spectra": [
        *["la.svd(W)", "la.svd(T, full_matrices=False)", "la.svd(Z)", "la.svd(A, compute_uv=False)", "la.svd(e3)", "la.svd(nan)"],
        *["la.svd(e3, full_matrices=False)", "la.svd(S, hermitian=True)[1]", "la.svd(S, compute_uv=False, hermitian=True)"],
        *["la.svd(W, subset_by_index=(0, 3))", "la.svdvals(t3)", "la.eigh(S)", "la.eigh(H)", "la.eigh(S, 'U')", "la.eigh(i)"],
        *["la.eigh(A, symmetrize_input=False)", "la.eigh(A, UPLO='U', symmetrize_input=False)", "la.eigh(e)", "la.eigh(nan)"],
        *["la.eigvalsh(S)", "la.eigvalsh(A, 'U', symmetrize_input=False)", "la.eig(C)", "la.eigvals(F)", "la.eigvals(e)"],
        *["la.eig(nan)", "ll.eig(C)", "ll.eigh(S, sort_eigenvalues=False, subset_by_index=(0, 3))", "ll.svd(W)"],
        *["ll.schur(C)", "ll.schur(F, compute_schur_vectors=False)", "ll.schur(nan)", "ll.eigh(one)", "ll.schur(e)"],
        *["ll.eigh(m)[1]", "ll.eigh(lax.broadcast(2.0, (1, 1)))", "ll.svd(e3, algorithm=ll.SvdAlgorithm.JACOBI)"],
    ],
    "triangular": [
        *[
            f"ll.triangular_solve(A, {'B' if left else 'B.mT'}, left_side={left}, lower={low}, transpose_a={t}, unit_diagonal={d})"
            for left in (True, False)
            for low in (True, False)
            for t, d in ((True, False), (False, True))
        ],
        *["ll.triangular_solve(C, Z, left_side=True, conjugate_a=True)", "ll.triangular_solve(C, z, conjugate_a=True)"],
        *["ll.triangular_solve(C, Z.T, conjugate_a=True, transpose_a=True)", "ll.triangular_solve(e, e)"],
        *["ll.triangular_solve(A[0].astype('float16'), W.astype('float16'), left_side=True, unit_diagonal=True)"],
        *["ll.triangular_solve(O * 0, W, left_side=True)", "ll.tridiagonal_solve(A[..., 0], A[..., 1], A[..., 2], B)"],
        *["ll.tridiagonal_solve(v * 0, v * 0, v * 0, W)", "ll.tridiagonal_solve(z, z + 3, z, Z)"],
        *["ll.tridiagonal_solve(u, u * 0 + 0.1, u, F, perturb_singular=True)"],
    ],
    "products": [
        *["la.multi_dot([W, T, W])", "la.multi_dot([v, W, u])", "la.cross(A, S)", "la.cross(A, S, axis=1)", "la.outer(v, u)"],
        *["la.vecdot(W, W)", "la.vecdot(Z, Z, axis=0)", "la.matmul(W, T)", "la.tensordot(W, W)", "la.tensordot(W, T, axes=1)"],
        *["la.diagonal(A)", "la.diagonal(t3, offset=1)", "la.trace(A)", "la.trace(i, offset=1, dtype='float32')"],
        *["la.matrix_transpose(t3)", "la.matmul(i, i, preferred_element_type='float32')"],
    ],
    "random": [
        *[f"random.multivariate_normal(random.key(1), v, P[0], method={m!r})" for m in ("cholesky", "eigh", "svd")],
        *["random.multivariate_normal(random.key(1), A[0], P[0], (2, 3))", "random.orthogonal(random.key(2), 3, (2,))"],
        *["random.orthogonal(random.key(2), 2, m=3)", "random.orthogonal(random.key(2), 3, dtype='complex64')"],
    ],
}  # fmt: skip


@pytest.mark.parametrize("compiler", [None, "numpy", "xla"])
@pytest.mark.parametrize("family", FAMILIES)
def test_value_dtype_and_kind_of_result(family, compiler):
    compare(tuple(part(FAMILIES[family], 12)), compiler)


def compare(expressions, compiler):
    mine = in_minijax(expressions, compiler)
    for expression, a, b in zip(expressions, mine, in_jax(expressions), strict=True):
        assert_same(a, b, f"{expression}, {compiler}")


def test_every_name_is_tested_and_is_jax_s():
    text = str(FAMILIES)
    for prefix, mine, theirs in (
        ("la", mj.numpy.linalg, jax.numpy.linalg),
        ("ll", mj.lax.linalg, jax.lax.linalg),
    ):
        public = {n for n in dir(theirs) if not n.startswith("_")}
        results = {"EigResult", "EighResult", "QRResult", "SVDResult", "SlogdetResult"}
        assert set(mine.__all__) - (results if prefix == "la" else set()) == public
        functions = {n for n in public if inspect.isroutine(getattr(mine, n))}
        assert [n for n in functions if f"{prefix}.{n}(" not in text] == []


def test_arguments_are_jax_s():
    for mine, theirs in ((mj.numpy.linalg, jax.numpy.linalg), (mj.lax.linalg, jax.lax.linalg)):
        for name in mine.__all__:
            if inspect.isfunction(getattr(mine, name)):
                found, wanted = (inspect.signature(getattr(m, name)).parameters for m in (mine, theirs))
                assert list(found) == list(wanted), name
                for p, q in zip(found.values(), wanted.values()):
                    assert (p.kind, p.default) == (q.kind, q.default), (name, p)


# ---------------------------------------------------------------------------------------------------------------------
# Errors

REFUSED = [
    *["la.solve(v, v)", "la.solve(W, v)", "la.solve(F, v)", "la.solve(A, S[..., 0])", "la.solve([1.0], v)"],
    *["la.inv(W)", "la.inv(v)", "la.det(W)", "la.det(v)", "la.slogdet(W)", "la.slogdet(F, method='x')", "la.cholesky(W)"],
    *["la.slogdet(C, method='qr')", "la.svd(v)", "la.qr(v)", "la.qr(W, 'x')", "la.eigh(W)", "la.eigh(S, 'x')", "la.eig(W)"],
    *["la.norm(t3, 2)", "la.norm(W, 'x')", "la.norm(v, 'x')", "la.norm(W, 3)", "la.norm(W, axis=2)", "la.norm([1.0])"],
    *["la.norm(v, 'inf')", "la.norm(t3, axis=(0, 1, 2))", "la.vector_norm(i, ord=0)", "la.matrix_power(W, 2)"],
    *["la.matrix_power(v, 2)", "la.matrix_power(A, 1.5)", "la.lstsq(T, v)", "la.lstsq(v, v)", "la.lstsq(A, A)"],
    *["la.pinv(W, 1.0, rcond=1.0)"],
    *["la.matrix_rank(W, 1.0, tol=1.0)", "la.multi_dot([W])", "la.multi_dot([W, W])", "la.multi_dot([W, t3, W])"],
    *["la.cond(v)", "la.cond(e)", "la.cond(W, 1)", "la.cross(two, two)", "la.outer(W, v)", "la.matrix_transpose(v)"],
    *["la.tensorinv(q, ind=0)", "la.tensorinv(W)", "la.tensorsolve(q, W)", "la.tensorsolve(t3, two)", "ll.lu(i)", "ll.lu(v)"],
    *["ll.cholesky(W)", "ll.eig(W)", "ll.eigh(W)", "ll.schur(W)", "ll.hessenberg(W)", "ll.tridiagonal(W)", "ll.tridiagonal(e)"],
    *["ll.triangular_solve(W, W)", "ll.triangular_solve(F, v)", "ll.triangular_solve(A, C)", "ll.triangular_solve(i, i)"],
    *["ll.triangular_solve(A, F)", "ll.tridiagonal_solve(v, v, u, W)", "ll.tridiagonal_solve(v, v, v, T)", "ll.ormqr(T, v, W)"],
    *["ll.ormqr(T, v, T, left=False)", "ll.householder_product(W, v)", "ll.householder_product(T, u)", "ll.qdwh(W)"],
    *["ll.symmetric_product(W, T)", "ll.symmetric_product(C, C)", "ll.cholesky_update(A, v)", "ll.cholesky_update(F, v)"],
    *["ll.lu_pivots_to_permutation(v, 3)", "ll.lu_pivots_to_permutation(np.int32([0, 1]), 1)", "ll.svd(W, subset_by_index=(0, 1))"],
    *["random.multivariate_normal(random.key(1), v, F)", "random.multivariate_normal(random.key(1), v, v)"],
    *["random.multivariate_normal(random.key(1), v, P[0], method='x')", "random.multivariate_normal(random.key(1), 1.0, P[0])"],
    *["random.multivariate_normal(random.key(1), v, P, (3,))", "random.multivariate_normal(random.key(1), z, C)"],
]  # fmt: skip


@pytest.mark.parametrize("expression", REFUSED)
@pytest.mark.one_in(3)
def test_errors_are_jax_s(expression):
    """JAX raises while it traces: nothing is compiled."""
    with pytest.raises(Exception) as theirs:
        jax.eval_shape(lambda arrays: value(expression, jax, arrays), MATRICES)
    with pytest.raises(Exception) as mine:
        value(expression, mj, {name: mj.numpy.asarray(x) for name, x in MATRICES.items()})
    assert type(mine.value).__name__ == type(theirs.value).__name__, f"{mine.value!r}"


HALF = ["cholesky", "inv", "svd", "eigh", "qr", "eig", "pinv"]


@pytest.mark.parametrize("name", HALF)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_lapack_has_no_16_bit_floats(name, dtype):
    x = mj.numpy.eye(2).astype(dtype)
    with pytest.raises(NotImplementedError, match=f"Unsupported dtype {dtype}"):
        getattr(mj.numpy.linalg, name)(x)
    with pytest.raises(NotImplementedError, match=f"Unsupported dtype {dtype}"):
        mj.jit(getattr(mj.numpy.linalg, name), compiler="xla")(x)


@pytest.mark.parametrize(
    "call",
    [
        lambda ll: ll.svd(MATRICES["W"], full_matrices=False, subset_by_index=(0, 1)),
        lambda ll: ll.svd(MATRICES["W"], algorithm=ll.SvdAlgorithm.JACOBI),
        lambda ll: ll.eigh(MATRICES["S"], subset_by_index=(0, 1)),
        lambda ll: ll.eigh(MATRICES["S"], implementation=ll.EighImplementation.QDWH),
        lambda ll: ll.eig(MATRICES["F"], implementation=ll.EigImplementation.MAGMA),
        lambda ll: ll.schur(MATRICES["F"], sort_eig_vals=True),
    ],
)
def test_what_jax_refuses_on_a_cpu(call):
    with pytest.raises((NotImplementedError, ValueError)) as theirs:
        call(jax.lax.linalg)
    for run in (lambda: call(mj.lax.linalg), lambda: mj.jit(lambda: call(mj.lax.linalg), compiler="xla")()):
        with pytest.raises(type(theirs.value)):
            run()


NO_DERIVATIVE = {
    "eigenvectors": lambda x: mj.numpy.linalg.eig(x).eigenvectors,
    "full svd": lambda x: mj.numpy.linalg.svd(x[:2]).U,
    "schur": lambda x: mj.lax.linalg.schur(x)[0],
    "hessenberg": lambda x: mj.lax.linalg.hessenberg(x)[0],
    "cholesky_update": lambda x: mj.lax.linalg.cholesky_update(x, x[0]),
}


@pytest.mark.parametrize("name", NO_DERIVATIVE)
def test_what_has_no_derivative_says_so(name):
    x = (mj.numpy.asarray(MATRICES["F"]),)
    with pytest.raises(NotImplementedError):
        mj.jvp(NO_DERIVATIVE[name], x, x)


# ---------------------------------------------------------------------------------------------------------------------
# Laws

SMOOTH = [
    *["la.norm(W)", "la.norm(W, 3, axis=1)", "la.norm(W, 'nuc')", "la.norm(W, 2)", "la.norm(W, 1)", "la.norm(t3, axis=(0, 2))"],
    *["la.solve(A, B)", "la.solve(A, v)", "la.solve(A[0], B)", "la.inv(A)", "la.lstsq(T, u)[0]", "la.lstsq(W, v)[:2]"],
    *["la.pinv(W)", "la.pinv(T)", "la.pinv(S, hermitian=True)", "la.det(F)", "la.det(A)", "la.slogdet(F)", "la.slogdet(two)"],
    *["la.slogdet(F, method='qr')", "la.matrix_power(A, 3)", "la.matrix_power(A, -2)", "la.cond(A)", "la.multi_dot([W, T, W])"],
    *["la.cholesky(P, upper=True)", "la.svd(A)", "la.svd(T, full_matrices=False)", "la.svd(W, full_matrices=False).Vh"],
    *["la.svd(W, compute_uv=False)", "la.qr(W)", "la.qr(T)", "la.qr(T, 'complete')", "ll.qr(W, pivoting=True)[:2]", "ll.lu(T)[0]"],
    *["la.eigh(S)", "la.eigvalsh(S)", "la.svd(S, hermitian=True)", "la.tensorsolve(q, two)"],
    *["ll.triangular_solve(A, B.mT, lower=True, unit_diagonal=True)", "ll.tridiagonal_solve(v, v + 4, v, W)"],
    *["jnp.abs(ll.eig(F, compute_left_eigenvectors=False, enable_eigvec_derivs=True)[1])"],
    *["jnp.abs(ll.eig(F, enable_eigvec_derivs=True)[1])"],
]  # fmt: skip


def function_of(expression: str):
    """The expression as a function of the float matrices that it names, and these in float64."""
    used = [name for name in value.__globals__["MATRICES"] if name in compile(expression, "", "eval").co_names]
    return lambda *args: value(expression, mj, dict(zip(used, args))), [MATRICES[n].astype(np.float64) for n in used]


@pytest.mark.parametrize("expression", SMOOTH)
@pytest.mark.one_in(7)
def test_derivatives_are_differences_and_reverse_mode_is_the_adjoint(expression):
    with mj.enable_x64(True):
        function, args = function_of(expression)
        laws.directional_derivatives_are_differences(function, args)
        laws.reverse_mode_is_the_adjoint(function, args)


COMPLEX = [
    *["la.solve(C, z)", "la.inv(C)", "la.det(C)", "la.slogdet(C)", "la.cholesky(H)", "la.qr(C)", "la.qr(Z)", "ll.lu(C)[0]"],
    *["jnp.abs(la.svd(Z, full_matrices=False)[0])", "la.svd(C, compute_uv=False)", "jnp.abs(la.eigh(H)[1])", "la.eigh(H)[0]"],
    *["la.pinv(Z)", "la.norm(Z, 3, axis=1)", "ll.triangular_solve(C, Z, left_side=True, conjugate_a=True, transpose_a=True)"],
    *["la.eigvals(C)", "ll.eig(C, enable_eigvec_derivs=True)[2]", "la.qr(jnp.swapaxes(Z, 0, 1), 'complete')"],
]  # fmt: skip


@pytest.mark.parametrize("expression", COMPLEX)
def test_derivatives_of_complex_matrices_are_differences(expression):
    with mj.enable_x64(True):
        used = [name for name in MATRICES if name in compile(expression, "", "eval").co_names]
        args = [MATRICES[n].astype(np.complex128) for n in used]
        tangents = [np.sin(x.real) + 1j * np.cos(x.imag) for x in args]
        if used == ["H"]:
            tangents = [t + t.conj().T for t in tangents]

        def function(*xs):
            return mj.tree.leaves(value(expression, mj, dict(zip(used, map(mj.numpy.asarray, xs)))))

        h = 1e-6
        ahead, behind = (function(*[x + s * t for x, t in zip(args, tangents)]) for s in (h, -h))
        _, found = mj.jvp(function, tuple(args), tuple(tangents))
        for t, a, b in zip(found, ahead, behind, strict=True):
            if t.dtype.kind in "fc":
                np.testing.assert_allclose(t, (np.asarray(a) - np.asarray(b)) / (2 * h), rtol=1e-5, atol=1e-5)


MAPPED = [
    "la.solve(F, u)",
    "la.inv(F)",
    "la.det(F)",
    "la.slogdet(F)",
    "la.norm(F, 2)",
    "la.qr(F)",
    "la.svd(F)",
    "la.pinv(F)",
]
MAPPED += [
    "ll.lu(F)",
    "la.eigvalsh(F)",
    "la.matrix_power(F, 3)",
    "la.lstsq(F, u)",
    "ll.tridiagonal_solve(u, u + 4, u, F)",
]


@pytest.mark.parametrize("expression", MAPPED)
def test_vmap_is_a_stack_of_slices_along_every_axis(expression):
    with mj.enable_x64(True):
        used = [n for n in ("F", "u") if n in expression]
        rng = np.random.default_rng(1)
        batches = [MATRICES[n] + 0.1 * rng.normal(size=(3, *MATRICES[n].shape)) for n in used]

        def function(*args):
            return value(expression, mj, dict(zip(used, args)))

        slices = [mj.tree.leaves(function(*[mj.numpy.asarray(b[k]) for b in batches])) for k in range(3)]
        expected = [np.stack(parts) for parts in zip(*slices)]
        for axis in range(3):
            axes = tuple(min(axis, b.ndim - 1) for b in batches)
            moved = [mj.numpy.asarray(np.moveaxis(b, 0, a)) for b, a in zip(batches, axes)]
            for f in (mj.vmap(function, axes), mj.jit(mj.vmap(function, axes))):
                for found, wanted in zip(mj.tree.leaves(f(*moved)), expected, strict=True):
                    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_one_matrix_for_many_right_sides_is_factored_once():
    a, b = mj.numpy.asarray(MATRICES["F"]), mj.numpy.ones((7, 4, 2))
    for text in (
        mj.make_jaxpr(mj.numpy.linalg.solve)(a, b),
        mj.make_jaxpr(mj.vmap(mj.numpy.linalg.solve, (None, 0)))(a, b),
    ):
        assert "f32[4,4]" in str(text)
        assert "lu " in str(text)
        assert "f32[7,4,4]" not in str(text)


def test_the_factorization_of_a_solved_system_is_not_differentiated():
    """The equation gives the derivative: triangular systems with the factors, and no tangent of the factors."""
    a, b = mj.numpy.asarray(MATRICES["F"]), mj.numpy.asarray(MATRICES["u"])

    def loss(a, b):
        return mj.numpy.sum(mj.numpy.linalg.solve(a, b))

    for gradient in (mj.grad(loss), mj.grad(mj.jit(loss)), mj.jit(mj.grad(loss))):
        text = str(mj.make_jaxpr(gradient)(a, b))
        assert "select_n" not in text
        assert text.count(" lu ") == 1


def test_what_xla_compiles_off_cpus():
    """StableHLO has Cholesky and triangular systems; LAPACK's functions are there on CPUs only."""
    p = mj.numpy.asarray(MATRICES["P"])

    def text(function, platform: str) -> str:
        return module_text(mj.make_jaxpr(function)(p), "f", platform=platform)

    for function, call, operation in (
        (mj.numpy.linalg.cholesky, "lapack_spotrf_ffi", "stablehlo.cholesky"),
        (lambda x: mj.lax.linalg.triangular_solve(x, x), "lapack_strsm_ffi", "stablehlo.triangular_solve"),
    ):
        assert call in text(function, "cpu")
        assert operation in text(function, "cuda")
        assert "custom_call" not in text(function, "cuda")
    with pytest.raises(NotImplementedError, match='compiler="xla" on cuda: minijax has LAPACK'):
        text(mj.numpy.linalg.inv, "cuda")


def test_equal_eigenvalues_make_derivatives_of_vectors_nan_and_leave_those_of_values():
    x = (mj.numpy.eye(3),)
    values, vectors = mj.jvp(lambda x: mj.numpy.linalg.eigh(x), x, (mj.numpy.ones((3, 3)),))[1]
    theirs = jax.jvp(lambda x: jax.numpy.linalg.eigh(x), (jax.numpy.eye(3),), (jax.numpy.ones((3, 3)),))[1]
    np.testing.assert_allclose(values, theirs[0], rtol=1e-6)
    assert not np.isfinite(np.asarray(vectors)).all()
    np.testing.assert_array_equal(np.isnan(vectors), np.isnan(theirs[1]))


def test_the_determinant_of_a_matrix_of_rank_n_minus_1_has_a_derivative():
    x = np.float64([[1, 2, 0, 1], [2, 4, 0, 2], [0, 1, 3, 1], [5, 1, 2, 7]])
    with mj.enable_x64(True):
        gradient = np.asarray(mj.grad(mj.numpy.linalg.det)(mj.numpy.asarray(x)))
        minors = [
            [(-1) ** (i + j) * np.linalg.det(np.delete(np.delete(x, i, 0), j, 1)) for j in range(4)] for i in range(4)
        ]
        np.testing.assert_allclose(gradient, minors, atol=1e-9)
        assert not np.asarray(mj.grad(mj.numpy.linalg.det)(mj.numpy.ones((4, 4)))).any()


def test_a_factorization_that_fails_gives_nan_to_its_own_entry_of_the_batch():
    bad = np.stack([MATRICES["P"][0], -np.eye(3, dtype="float32"), np.full((3, 3), np.nan, "float32")])
    for function in ("cholesky", "eigvalsh", "svdvals", "eigvals", "inv"):
        found = np.isfinite(np.asarray(getattr(mj.numpy.linalg, function)(bad))).reshape(3, -1).all(axis=1)
        assert found.tolist() == [True, function != "cholesky", False], function


@pytest.mark.parametrize("function", ["eigh", "svd", "eig", "qr"])
def test_vectors_have_the_signs_of_jax_in_float32(function):
    """LAPACK in float64, rounded to float32, gives many matrices vectors of other signs. So does, for some, a LAPACK that rounds
    otherwise than JAX's, which is SciPy's: NumPy 2.5 came with a newer one."""
    x = np.random.default_rng(0).normal(size=(100, 10, 10)).astype("float32")
    x = x + x.swapaxes(1, 2) if function == "eigh" else x
    right = getattr(jax.numpy.linalg, function)(x)

    def others(parts) -> int:
        unlike = [~np.isclose(a, b, rtol=1e-2, atol=1e-3).reshape(len(x), -1).all(axis=1) for a, b in zip(parts, right)]
        return np.any(unlike, axis=0).sum()

    found, in_float64 = (
        others(getattr(mj.numpy.linalg, function)(x)),
        others(getattr(np.linalg, function)(np.float64(x))),
    )
    assert found <= (in_float64 / 2 if np.lib.NumpyVersion(np.__version__) >= "2.5.0" else 0), (found, in_float64)


def test_a_numpy_without_the_functions_says_so(monkeypatch):
    for name in ("svd", "svd_n"):
        monkeypatch.delattr(np.linalg._umath_linalg, name, raising=False)
    with pytest.raises(ImportError, match="has no svd among the functions of LAPACK"):
        mj.numpy.linalg.svdvals(MATRICES["F"])


def test_left_eigenvectors():
    for name in ("F", "C"):
        a = MATRICES[name].astype("complex128")
        w, left, _ = map(np.asarray, mj.lax.linalg.eig(MATRICES[name]))
        np.testing.assert_allclose(left.conj().T @ a, w[:, None] * left.conj().T, atol=2e-5)
        np.testing.assert_allclose(np.linalg.norm(left, axis=0), 1, rtol=1e-5)


def test_the_table_can_fail(monkeypatch):
    right = mj.numpy.linalg.outer
    monkeypatch.setattr(mj.numpy.linalg, "outer", lambda x, y: right(x, y) * 1.001)
    with pytest.raises(AssertionError):
        compare(("la.outer(v, u)",), None)
    monkeypatch.setattr(mj.numpy.linalg, "cholesky", lambda x, upper: mj.lax.stop_gradient(x))
    with pytest.raises(AssertionError):
        test_derivatives_are_differences_and_reverse_mode_is_the_adjoint("la.cholesky(P, upper=True)")
