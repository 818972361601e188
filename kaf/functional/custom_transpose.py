"""A linear function with a transpose of its own: a workaround, because neither JAX nor minijax has a direct way to say so.

Reverse mode transposes the tangents of a function. For the weighted sum of Gaussians the tangents are a linear function L
of x_t and alpha_t, and there is a better program for its transpose than the one that JAX derives:

    gradients = grad(lambda x, alpha: (g * kaf(x, alpha, Grid())).sum(), (0, 1))

On a CPU JAX transposes Horner's rule step by step, and 20 coefficients become 40 loops over x. The program of
`gridded.backward` has one reduction in their place. Value and gradients of x [4096, 256] with 20 centres take 6.5 ms by
that program and 7.5 to 8 ms without it on XLA, and 14.5 ms and 16 ms on NumPy (two cores). On a GPU the tangents have to
be transposed by a Pallas kernel (`pallas.backward`), since a Pallas kernel has no transpose that JAX could derive.

The direct ways do not work:

- `custom_vjp` takes a backward program, but then forward mode (`jvp`, and with it `hessian`) raises TypeError.
- `jax.custom_derivatives.linear_call` takes a transpose, but has no rule for vmap and none for second derivatives.

`lax.custom_linear_solve` takes a transpose too, has rules for vmap and for derivatives of any order, and exists in both
libraries. It solves A v = b, and asks for the solution and for the solution of the transposed system. So y = L u is written
as the y of a system whose solution is known:

    A (u, y) = (u, y - L u) = (u_given, 0)         the solution is u = u_given, y = L u_given
    A^T (p, q) = (p - L^T q, q) = (u_ct, y_ct)     the solution is q = y_ct, p = u_ct + L^T y_ct

Nothing is searched for: both solutions are written down, the second one with the program for L^T.

One program still fails on JAX, with an AssertionError: reverse mode over reverse mode, by x and alpha together, of a loss that
is linear in the function, `jacrev(grad(lambda x, alpha: kaf(x, alpha, Grid()).sum(), (0, 1)), (0, 1))`. Forward mode over
reverse mode (`hessian`) works.
"""

from __future__ import annotations

from collections.abc import Callable

from ..backend import Array, Backend


def linear_with_transpose(
    backend: Backend, linear: Callable, transpose: Callable, tangents: dict[str, Array], zero: Array
) -> Array:
    """linear(tangents), whose transpose is computed by `transpose`.

    `linear` takes the dict of tangents, of which "x" [n, *units] or "alpha" [k, *units] may be missing, to an array with
    the shape and dtype of `zero`, an array of zeros. `transpose` takes a cotangent of that array to the cotangents of x
    and of alpha, a pair.
    """

    def system(uy):
        u, y = uy
        return u, y - linear(u)

    def solve(_, b):
        u, y = b
        return u, y + linear(u)

    def transpose_solve(_, b):
        u, y = b
        gradients = dict(zip(("x", "alpha"), transpose(y), strict=True))
        return {name: ct + gradients[name].astype(ct.dtype) for name, ct in u.items()}, y

    xp = backend.np
    if not backend.compiles_loops():
        return backend.lax.custom_linear_solve(system, (tangents, zero), solve, transpose_solve)[1]
    # JAX transposes a system only if every part of its right side is a tangent, so the zeros are made from one. With plain
    # zeros jax.grad(lambda alpha: kaf(x, alpha, Grid()).sum()) raises AssertionError.
    like = tangents["x"] if "x" in tangents else xp.broadcast_to(tangents["alpha"].sum(0), zero.shape)
    zero = zero + (0 * like).astype(zero.dtype)
    u, y = backend.lax.custom_linear_solve(system, (tangents, zero), solve, transpose_solve)
    # JAX differentiates a transposed system only if every part of its right side has a tangent. The cotangent of u has one
    # only if u takes part in the result, so u is added with a factor of zero, as one row. With y alone
    # jax.hessian(lambda alpha: (kaf(x, alpha, Grid()) ** 2).sum()) raises TypeError.
    rows = ((0, y.shape[0] - 1), *[(0, 0)] * (y.ndim - 1))
    return sum((xp.pad(0 * part[:1], rows).astype(y.dtype) for part in u.values()), y)
