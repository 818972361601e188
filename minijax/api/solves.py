"""Solutions of equations: `custom_root` and `custom_linear_solve` (`jax.lax`). Their derivatives come from the equation that
the solution satisfies. The solver is not differentiated.

The functions here flatten pytrees. (JAX: `_src/lax/control_flow/solves.py`.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from ..calls.custom_derivatives import custom_jvp_call
from ..calls.linear_solve import linear_solve
from ..calls.scan import split_at
from ..core.jaxpr import ClosedJaxpr, jaxpr_as_fun
from ..core.staging import closed, convert_constvars, trace_to_jaxpr
from ..core.traces import called_by_user, get_aval
from ..foundation.dtypes import float0
from ..foundation.pytrees import tree_flatten, tree_unflatten
from ..foundation.tracebacks import hide_our_frames
from ..primitives.basis import instantiate, zero_like
from ..primitives.elementwise import neg_p
from ..transforms.jvp import jvp_flat
from .arguments import as_operand, as_output
from .derivatives import linear_transpose, linearize


class _Traced(NamedTuple):
    """A function of pytrees as a jaxpr, whose first arguments are `consts`, the values that the function closes over."""

    jaxpr: ClosedJaxpr
    consts: list
    out_tree: Any


def traced_function(fun: Callable, in_trees: Sequence, in_avals: Sequence) -> _Traced:
    """`fun` traced with one argument for each tree."""
    try:
        trees = []

        def flat(*values):
            parts = split_at(values, *[tree.num_leaves for tree in in_trees])
            leaves, tree = tree_flatten(fun(*[tree_unflatten(t, part) for t, part in zip(in_trees, parts)]))
            trees.append(tree)
            return [as_output(x, fun) for x in leaves]

        jaxpr, consts = trace_to_jaxpr(flat, in_avals)
        return _Traced(closed(convert_constvars(jaxpr)), consts, trees[0])
    except Exception as error:
        hide_our_frames(error)
        raise


def _without_aux(name: str, tree):
    """The tree of the solution, given the tree of (solution, auxiliary data)."""
    children = tree.children()
    if len(children) != 2:
        raise ValueError(
            f"{name}() produced a pytree with structure {tree}, but a pytree tuple with auxiliary output was expected because"
            " has_aux was set to True: return (solution, aux)."
        )
    return children[0]


def _check_tree(name: str, found, like: str, expected):
    if found != expected:
        raise TypeError(f"{name}() output pytree structure must match {like}, got {found} and {expected}.")


# ---------------------------------------------------------------------------------------------------------------------
# custom_root


@called_by_user
def custom_root(
    f: Callable[..., Any],
    initial_guess: Any,
    solve: Callable[..., Any],
    tangent_solve: Callable[..., Any],
    has_aux: bool = False,
) -> Any:
    """The root of f that `solve(f, initial_guess)` returns (`lax.custom_root`). The implicit function theorem gives its
    derivative with respect to the values that f closes over.

    f: maps a pytree to a pytree of the same structure, which is zero at the root. tangent_solve(g, y): returns the x with
    g(x) = y; the linear function g is the derivative of f at the root. For scalars, it is `lambda g, y: y / g(1.0)`. With
    has_aux, `solve` returns (root, auxiliary data). Raises TypeError if f, solve or tangent_solve returns a pytree whose
    structure differs from `initial_guess`.

    >>> import minijax as jax
    >>> def newton(f, x):
    ...     for _ in range(6):
    ...         x = x - f(x) / jax.grad(f)(x)
    ...     return x
    >>> def sqrt(a):
    ...     return custom_root(lambda x: x * x - a, 1.0, newton, lambda g, y: y / g(1.0))
    >>> sqrt(4.0), jax.grad(sqrt)(4.0)
    (Array(2., dtype=float32, weak_type=True), Array(0.25, dtype=float32, weak_type=True))
    """
    leaves, tree = tree_flatten(initial_guess)
    guess = [as_operand(x, "custom_root's initial_guess") for x in leaves]
    avals = [get_aval(x) for x in guess]

    def linearize_and_solve(x, y):
        return tangent_solve(linearize(f, x)[1], y)

    function = traced_function(f, [tree], avals)
    _check_tree("f", function.out_tree, "initial_guess", tree)
    solver = traced_function(partial(solve, f), [tree], avals)
    root_tree = _without_aux("solve", solver.out_tree) if has_aux else solver.out_tree
    _check_tree("solve", root_tree, "initial_guess", tree)
    tangent_solver = traced_function(linearize_and_solve, [tree, tree], [*avals, *avals])
    _check_tree("tangent_solve", tangent_solver.out_tree, "x", tree)
    return tree_unflatten(solver.out_tree, _root(function, solver, tangent_solver, guess))


def _root(f: _Traced, solve: _Traced, tangent_solve: _Traced, guess: list) -> list:
    parts = (f, solve, tangent_solve)
    # The rule lives as long as its program: it holds the jaxprs, and not the values that they were traced with.
    root = _Root(*[part.jaxpr for part in parts], [len(part.consts) for part in parts])
    return root(*[x for part in parts for x in part.consts], *guess)


class _Root:
    """A flat function with a derivative rule. Its arguments are the consts of f, of solve and of tangent_solve, and the guess."""

    def __init__(self, f: ClosedJaxpr, solve: ClosedJaxpr, tangent_solve: ClosedJaxpr, sizes: list[int]):
        self.f, self.solve, self.tangent_solve, self.sizes = f, solve, tangent_solve, sizes

    def __call__(self, *args):
        return custom_jvp_call(self._custom_root, self._root_jvp, args, symbolic_zeros=False, name="_custom_root")

    def _custom_root(self, *args):
        _, consts, _, guess = split_at(args, *self.sizes)
        return jaxpr_as_fun(self.solve)(*consts, *guess)

    def _root_jvp(self, *args):
        """The jvp rule: f(a, x(a)) = 0 gives dx = -(df/dx)^-1 df/da da."""
        primals, tangents = args[: len(args) // 2], args[len(args) // 2 :]
        outs = self(*primals)
        consts, _, tangent_consts, guess = split_at(primals, *self.sizes)
        x, aux = outs[: len(guess)], outs[len(guess) :]
        consts_t = [zero_like(c) if t.dtype == float0 else t for c, t in zip(consts, tangents)]
        _, rhs = jvp_flat(lambda *consts: jaxpr_as_fun(self.f)(*consts, *x), consts, consts_t)
        x_t = jaxpr_as_fun(self.tangent_solve)(*tangent_consts, *x, *map(instantiate, rhs))
        for expected, given in zip(map(get_aval, x), map(get_aval, x_t)):
            if given.shape != expected.shape:
                raise TypeError(
                    "custom_root's tangent_solve must return tangents with the shapes of the root: expected"
                    f" {expected.str_short()}, got {given.str_short()}."
                )
        return [*outs, *map(neg_p.bind, x_t), *map(zero_like, aux)]


# ---------------------------------------------------------------------------------------------------------------------
# custom_linear_solve


@called_by_user
def custom_linear_solve(
    matvec: Callable[..., Any],
    b: Any,
    solve: Callable[..., Any],
    transpose_solve: Callable[..., Any] | None = None,
    symmetric: bool = False,
    has_aux: bool = False,
) -> Any:
    """The x with `matvec(x) == b` that `solve(matvec, b)` returns (`lax.custom_linear_solve`). The equation gives its
    derivative.

    matvec: a linear function from pytrees like b to pytrees like b. solve: need not be differentiable.
    transpose_solve(vecmat, b): solves the system with the transposed matrix; reverse mode needs it. With symmetric=True,
    reverse mode uses `solve`. With has_aux, both return (x, auxiliary data). Raises ValueError if a function returns shapes
    other than b's, and TypeError if it returns another structure.

    >>> import minijax as jax
    >>> def divided(a, b):
    ...     return custom_linear_solve(lambda x: a * x, b, lambda matvec, b: b / a, symmetric=True)
    >>> jax.grad(divided, (0, 1))(4.0, 2.0)
    (Array(-0.125, dtype=float32, weak_type=True), Array(0.25, dtype=float32, weak_type=True))
    """
    if transpose_solve is None and symmetric:
        transpose_solve = solve
    leaves, tree = tree_flatten(b)
    b_flat = [as_operand(x, "custom_linear_solve's b") for x in leaves]
    avals = [get_aval(x) for x in b_flat]

    def traced(name: str, fun: Callable, has_aux: bool = False) -> _Traced:
        found = traced_function(fun, [tree], avals)
        x_tree = _without_aux(name, found.out_tree) if has_aux else found.out_tree
        shapes = [aval.shape for aval in found.jaxpr.out_avals[: x_tree.num_leaves]]
        expected = [aval.shape for aval in avals]
        if shapes != expected:
            raise ValueError(f"{name}() output shapes must match b, got {shapes} and {expected}")
        _check_tree(name, x_tree, "b", tree)
        return found

    operator = traced("matvec", matvec)
    solver = traced("solve", partial(solve, matvec), has_aux)
    transposed = transposed_solver = _Traced(None, [], None)
    if transpose_solve is not None:
        vecmat = matvec if symmetric else _transpose_one_output(matvec, b)
        transposed = operator if symmetric else traced("vecmat", vecmat)
        transposed_solver = traced("transpose_solve", partial(transpose_solve, vecmat), has_aux)
    parts = (operator, transposed, solver, transposed_solver)
    outs = linear_solve([part.consts for part in parts], [part.jaxpr for part in parts], b_flat)
    return tree_unflatten(solver.out_tree, outs)


def _transpose_one_output(matvec: Callable, b) -> Callable:
    transposed = linear_transpose(matvec, b)

    def vecmat(x):
        (y,) = transposed(x)
        return y

    return vecmat


__all__ = ["custom_linear_solve", "custom_root"]
