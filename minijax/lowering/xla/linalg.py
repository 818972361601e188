"""Rules for linear algebra: calls of LAPACK on CPUs; elsewhere StableHLO's own operations, for Cholesky and triangular systems.

XLA's CPU finds the functions of LAPACK, such as `lapack_sgetrf_ffi`, in jaxlib, which registers them. Other devices have none
of these functions. LAPACK's matrices are stored by columns. Its `info` is not 0 if a factorization fails: the rules then fill
the results with NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.avals import ShapedArray
from ...foundation import errors
from ...primitives.basis import broadcast_in_dim, full, reduce_sum, shape_of
from ...primitives.dynamic_slices import dynamic_slice_in_dim
from ...primitives.eigenvalues import EighImplementation, EigImplementation, SvdAlgorithm
from ...primitives.elementwise import abs_p, complex_p, conj, eq_p, integer_pow, max_p, select, sqrt_p
from ...primitives.joining import concatenate
from ...primitives.matrices import add, div, eye, matmul, mul, sub, transposed, triu
from ...primitives.orthogonal import geqp3_p, geqrf_p, householder_product_p
from ...primitives.shapes import broadcasted_iota, pad, slice_in_dim
from .rules import SHAPES, Rule
from .text import BOOL, INT32, Value, boolean, functional, ints

# LAPACK's letter for each dtype.
LETTERS = {"f": "s", "d": "d", "F": "c", "D": "z"}


def _layout(aval: ShapedArray, by_columns: bool) -> str:
    """The order in which an array's axes are stored, the fastest first."""
    order = list(range(aval.ndim))[::-1]
    if by_columns:
        order[:2] = order[1], order[0]
    return f"dense<{ints(order) if len(order) > 1 else ''.join(map(str, order))}> : tensor<{aval.ndim}xindex>"


def _on_lapack(w, x: Value) -> bool:
    """Whether LAPACK has the operation for x: for 16-bit floats, and off CPUs, StableHLO's own operation stands in."""
    return w.module.platform == "cpu" and x.dtype.char in LETTERS


def _call(
    w, name: str, outs: Sequence[ShapedArray], operands: Sequence[Value], over: Sequence[int] = (), **options: str
):
    """The results of a function that jaxlib registers. over: the operands over which the results of the same number are
    written; a single result is written over the one operand named."""
    rank = max(len(x.shape) for x in operands)
    single = len(outs) == 1
    aliases = ", ".join(
        f"#stablehlo.output_operand_alias<output_tuple_indices = [{'' if single else i}], operand_index = {i},"
        " operand_tuple_indices = []>"
        for i in over
    )
    layouts = [
        ", ".join(_layout(aval, aval.ndim == rank) for aval in avals) for avals in ([x.aval for x in operands], outs)
    ]
    config = ", ".join(f"{key} = {value}" for key, value in options.items())
    attributes = (
        f'backend_config = "", mhlo.backend_config = {{{config}}}, operand_layouts = [{layouts[0]}],'
        f" output_operand_aliases = [{aliases}], result_layouts = [{layouts[1]}]"
    )
    header = f"stablehlo.custom_call @{name}({w.names(operands)}) {{{attributes}}}"
    return w.results(outs, header, (), functional(operands, outs))


def _lapack(w, routine: str, outs, operands, over=(), **options: str):
    """The results of LAPACK's routine for the first operand's dtype. `routine`: its name, or those for real and complex dtypes."""
    dtype = operands[0].dtype
    if w.module.platform != "cpu":
        raise errors.no_lapack(w.module.platform)
    if dtype.char not in LETTERS:
        raise NotImplementedError(f"Unsupported dtype {dtype.name}.")
    names = routine.split()
    return _call(
        w, f"lapack_{LETTERS[dtype.char]}{names[dtype.kind == 'c' and -1]}_ffi", outs, operands, over, **options
    )


def _char(letter: str) -> str:
    return f"{ord(letter)} : ui8"


def _info(x: Value) -> ShapedArray:
    return ShapedArray(x.shape[:-2], INT32)


def _checked(w, info: Value, results: Sequence[Value], direction: str = "EQ") -> list[Value]:
    """The results, with NaN in the entries of the batch whose info is not 0, or below 0 if `direction` is GE."""
    ok, chosen = w.compare(direction, info, w.full(info.aval, 0)), []
    for x in results:
        mask = ShapedArray(x.shape, BOOL)
        where = SHAPES["broadcast_in_dim"](w, mask, ok, broadcast_dimensions=range(len(ok.shape)))
        nan = complex(np.nan, np.nan) if x.dtype.kind == "c" else np.nan
        chosen.append(w.select(where, x, w.full(x.aval, nan)))
    return chosen


# ---------------------------------------------------------------------------------------------------------------------
# Systems


def _cholesky(w, out, x):
    if w.module.platform == "cpu":
        factor, info = _lapack(w, "potrf", [out, _info(x)], [x], over=[0], uplo=_char("L"))
        return _checked(w, info, [factor])[0]
    return w.generic("cholesky", [out], [x], "lower = true")[0]


def _triangular_solve(w, out, a, b, *, left_side, lower, transpose_a, conjugate_a, unit_diagonal):
    if conjugate_a and not transpose_a:
        a, conjugate_a = w.trace(lambda a: [conj(a)], [a])[0], False
    if _on_lapack(w, b):
        options = {
            "diag": _char("U" if unit_diagonal else "N"),
            "side": _char("L" if left_side else "R"),
            "trans_x": _char("C" if conjugate_a else "T" if transpose_a else "N"),
            "uplo": _char("L" if lower else "U"),
        }
        return _lapack(w, "trsm", [out], [a, b], over=[1], **options)[0]
    kind = "ADJOINT" if conjugate_a else "TRANSPOSE" if transpose_a else "NO_TRANSPOSE"
    attributes = (
        f"left_side = {boolean(left_side)}, lower = {boolean(lower)}, transpose_a = #stablehlo<transpose {kind}>,"
        f" unit_diagonal = {boolean(unit_diagonal)}"
    )
    return w.generic("triangular_solve", [out], [a, b], attributes)[0]


def _tridiagonal_solve(w, out, dl, d, du, b, *, perturb_singular):
    operands = [dl, d, du, b]
    if perturb_singular:
        return _call(w, "tridiagonal_solve_perturbed_ffi", [out], operands)[0]
    outs = [*[x.aval for x in operands], _info(b)]
    *_, x, info = _lapack(w, "gtsv", outs, operands, over=range(4))
    return _checked(w, info, [x])[0]


def _lu(w, outs, x):
    packed, pivots, info = _lapack(w, "getrf", [*outs[:2], _info(x)], [x], over=[0])
    # LAPACK counts from 1.
    pivots = w.elementwise("subtract", pivots.aval, pivots, w.full(pivots.aval, 1))
    permutation = _permutation(w, outs[2], pivots, permutation_size=x.shape[-2])
    return [*_checked(w, info, [packed], "GE"), pivots, permutation]


def _permutation(w, out, pivots, *, permutation_size):
    scalar, axis = ShapedArray((), INT32), out.ndim - 1
    steps = pivots.shape[-1]
    order = w.trace(lambda: [broadcasted_iota(INT32, out.shape, axis)], [])[0]

    def exchanged(i, order, pivots):
        places = broadcasted_iota(INT32, out.shape, axis)
        here, there = eq_p.bind(places, _spread(i, out.shape)), eq_p.bind(places, _spread(_entry(pivots, i), out.shape))
        mine, other = (_spread(_only(order, place), out.shape) for place in (here, there))
        return [add(i, np.int32(1)), select(here, other, select(there, mine, order))]

    def step(i, order, pivots):
        return [*w.trace(exchanged, [i, order, pivots]), pivots]

    if not steps:
        return order
    start = [w.full(scalar, 0), order, pivots]
    return w.while_loop(start, lambda i, *_: [w.compare("LT", i, w.full(scalar, steps))], step)[1]


def _entry(x, i):
    """x[..., i:i+1]"""
    return dynamic_slice_in_dim(x, i, 1, axis=len(shape_of(x)) - 1)


def _only(x, place):
    """The entry of the last axis where `place` is true, with that axis of size 1."""
    total = reduce_sum(select(place, x, full(shape_of(x), 0, x.dtype)), (len(shape_of(x)) - 1,))
    return broadcast_in_dim(total, (*shape_of(total), 1), tuple(range(len(shape_of(total)))))


def _spread(x, shape):
    """The array repeated along its last axis; a scalar along all axes."""
    return broadcast_in_dim(x, shape, tuple(range(len(shape_of(x)))))


def _cholesky_update(w, out, r, v):
    def updated(r, v):
        n = shape_of(v)[0]
        rows = []
        for k in range(n):
            row = slice_in_dim(r, k, k + 1)
            x, y = slice_in_dim(row, k, k + 1, axis=1), broadcast_in_dim(slice_in_dim(v, k, k + 1), (1, 1), (0,))
            largest = max_p.bind(abs_p.bind(x), abs_p.bind(y))
            x, y = div(x, largest), div(y, largest)
            norm = sqrt_p.bind(add(integer_pow(x, 2), integer_pow(y, 2)))
            still = eq_p.bind(y, full((1, 1), 0, y.dtype))
            c = select(still, full((1, 1), 1, x.dtype), div(x, norm))
            s = select(still, full((1, 1), 0, x.dtype), div(y, norm))
            v_row = broadcast_in_dim(v, (1, n), (1,))
            rows.append(add(mul(c, row), mul(s, v_row)))
            v = reduce_sum(sub(mul(c, v_row), mul(s, row)), (0,))
        return [concatenate(rows, 0)]

    return w.trace(updated, [r, v])[0]


def _symmetric_product(w, out, a, c, *, alpha, beta):
    def product(a, c):
        scale, rest = (np.asarray(number, c.dtype) for number in (alpha, beta))
        return [add(mul(scale, matmul(a, transposed(a))), mul(rest, c))]

    return w.trace(product, [a, c])[0]


# ---------------------------------------------------------------------------------------------------------------------
# Reflectors


def _householder_product(w, out, a, taus):
    return _lapack(w, "orgqr ungqr", [out], [a, taus], over=[0])[0]


def _ormqr(w, out, a, taus, c, *, left, transpose):
    options = {"left": boolean(left), "transpose": boolean(transpose)}
    return _lapack(w, "ormqr unmqr", [out], [a, taus, c], over=[2], **options)[0]


def _qr(w, outs, x, *, pivoting, full_matrices, use_magma):
    *batch, m, n = x.shape
    k = outs[0].shape[-1]

    def empty(x):
        q = broadcast_in_dim(eye(x.dtype, m, k), outs[0].shape, (len(batch), len(batch) + 1))
        return [q, *[full(out.shape, 0, out.dtype) for out in outs[1:]]]

    def factored(x):
        if pivoting:
            packed, order, taus = geqp3_p.bind(x, full(outs[2].shape, 0, INT32), use_magma=use_magma)
            order = [sub(order, np.asarray(1, INT32))]
        else:
            (packed, taus), order = geqrf_p.bind(x), []
        columns = slice_in_dim(packed, 0, min(k, n), axis=len(batch) + 1)
        config = [(0, 0, 0)] * (len(batch) + 1) + [(0, max(k - n, 0), 0)]
        q = householder_product_p.bind(pad(columns, np.zeros((), x.dtype), config), taus)
        return [q, triu(slice_in_dim(packed, 0, k, axis=len(batch))), *order]

    return w.trace(factored if m and n else empty, [x])


def _hessenberg(w, outs, x):
    options = {"high": f"{x.shape[-1]} : i32", "low": "1 : i32"}
    *results, info = _lapack(w, "gehrd", [*outs, _info(x)], [x], over=[0], **options)
    return _checked(w, info, results)


def _tridiagonal(w, outs, x, *, lower):
    *results, info = _lapack(w, "sytrd hetrd", [*outs, _info(x)], [x], over=[0], uplo=_char("L" if lower else "U"))
    return _checked(w, info, results)


# ---------------------------------------------------------------------------------------------------------------------
# Spectra


def _eigh(w, outs, x, *, lower, sort_eigenvalues, subset_by_index, algorithm):
    if subset_by_index not in (None, (0, x.shape[-1])):
        raise NotImplementedError("subset_by_index not supported on CPU and GPU")
    if algorithm in (EighImplementation.QDWH, EighImplementation.JACOBI):
        raise NotImplementedError(f"{algorithm.name} implementation is not supported on CPU")
    options = {"mode": _char("V"), "uplo": _char("L" if lower else "U")}
    *results, info = _lapack(w, "syevd heevd", [*outs, _info(x)], [x], over=[0], **options)
    return _checked(w, info, results)


def _eig(w, outs, x, *, compute_left_eigenvectors, compute_right_eigenvectors, enable_eigvec_derivs, implementation):
    if implementation not in (None, EigImplementation.LAPACK):
        raise ValueError("Only the lapack implementation is supported on CPU.")
    wanted = compute_left_eigenvectors, compute_right_eigenvectors
    letters = [_char("V" if computed else "N") for computed in wanted]
    values, vectors = x.aval.update(shape=x.shape[:-1]), x.aval.update(dtype=outs[0].dtype)
    parts = [values] * (1 if x.dtype.kind == "c" else 2)
    types = [*parts, vectors, vectors, _info(x)]
    *found, left, right, info = _lapack(w, "geev", types, [x], compute_left=letters[0], compute_right=letters[1])
    if len(found) == 2:
        found = w.trace(lambda real, imag: [complex_p.bind(real, imag)], found)
    return _checked(w, info, [*found, *[v for v, computed in zip((left, right), wanted) if computed]])


def _svd(w, outs, x, *, full_matrices, compute_uv, subset_by_index, algorithm=None):
    *batch, m, n = x.shape
    if subset_by_index not in (None, (0, min(m, n))):
        raise NotImplementedError("subset_by_index not implemented for CPU and GPU")
    if not (m and n):
        axes = (len(batch), len(batch) + 1)
        identities = [
            lambda out=out: [broadcast_in_dim(eye(out.dtype, *out.shape[-2:]), out.shape, axes)] for out in outs[1:]
        ]
        return [w.full(outs[0], 0), *[w.trace(make, [])[0] for make in identities]]
    if algorithm in (SvdAlgorithm.JACOBI, SvdAlgorithm.POLAR):
        raise NotImplementedError("The SVD Jacobi and Polar algorithms are not implemented on CPU.")
    k = min(m, n)
    u = x.aval.update(shape=(*batch, m, m if full_matrices else k))
    vh = x.aval.update(shape=(*batch, n if full_matrices else k, n))
    mode = _char("N" if not compute_uv else "A" if full_matrices else "S")
    routine = "gesvd" if algorithm is SvdAlgorithm.QR else "gesdd"
    _, *results, info = _lapack(w, routine, [x.aval, outs[0], u, vh, _info(x)], [x], over=[0], mode=mode)
    return _checked(w, info, results if compute_uv else results[:1])


def _schur(w, outs, x, *, compute_schur_vectors, sort_eig_vals, select_callable):
    if sort_eig_vals:
        raise NotImplementedError("The sort feature of LAPACK's gees routine is not implemented.")
    values = [x.aval.update(shape=x.shape[:-1])] * (1 if x.dtype.kind == "c" else 2)
    types = [x.aval, x.aval, *values, _info(x), _info(x)]
    options = {"mode": _char("V" if compute_schur_vectors else "N"), "sort": _char("N")}
    form, vectors, *_, info = _lapack(w, "gees", types, [x], over=[0], **options)
    return _checked(w, info, [form, vectors][: len(outs)])


LINALG: dict[str, Rule] = {
    "cholesky": _cholesky,
    "triangular_solve": _triangular_solve,
    "tridiagonal_solve": _tridiagonal_solve,
    "lu": _lu,
    "lu_pivots_to_permutation": _permutation,
    "cholesky_update": _cholesky_update,
    "symmetric_product": _symmetric_product,
    "geqrf": lambda w, outs, x: _lapack(w, "geqrf", outs, [x], over=[0]),
    "geqp3": lambda w, outs, x, jpvt, *, use_magma: _lapack(w, "geqp3", outs, [x, jpvt], over=[0, 1]),
    "householder_product": _householder_product,
    "ormqr": _ormqr,
    "qr": _qr,
    "hessenberg": _hessenberg,
    "tridiagonal": _tridiagonal,
    "eigh": _eigh,
    "eig": _eig,
    "svd": _svd,
    "schur": _schur,
}
