"""`jacfwd`, `jacrev` and `hessian`: they compute the derivatives of all elements by `vmap` of `jvp` or `vjp`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.array import ArrayImpl
from ..core.staging import StagingTrace
from ..core.traces import Array, thread_state
from ..foundation.dtypes import canonicalize_dtype, float0, issubdtype, result_type
from ..foundation.pytrees import (
    tree_flatten,
    tree_leaves,
    tree_map,
    tree_structure,
    tree_unflatten,
)
from ..foundation.wrapping import wraps
from ..primitives.basis import full, reshape
from ..primitives.elementwise import convert_element_type, convert_element_type_p
from ..primitives.joining import split
from ..primitives.shapes import ones_on_diagonal
from .arguments import as_operand, check_callable
from .derivatives import _check_argnums, _check_input_dtype_grad, _check_output_dtype, _split_arguments, jvp, vjp
from .vmap import vmap


def jacfwd(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """A function that returns the Jacobian of `fun`, computed in forward mode (`jax.jacfwd`).

    One run of `jvp` computes the column of one input element. The axes are the output's axes, then the input's.

    >>> jacfwd(lambda x: x * x)(3.0)
    Array(6., dtype=float32, weak_type=True)
    """
    check_callable(fun)
    _check_argnums(argnums)

    @wraps(fun)
    def jacfun(*args, **kwargs):
        of_some, some = _split_arguments(fun, argnums, args, kwargs, ValueError)
        some = some[0] if isinstance(argnums, int) else tuple(some)
        for x in tree_leaves(some):
            _check_input_dtype_jac(as_operand(x), holomorphic, "jacfwd")
        inner = (lambda x: of_some(x)) if isinstance(argnums, int) else (lambda xs: of_some(*xs))

        def push_forward(tangent):
            return jvp(inner, (some,), (tangent,), has_aux=has_aux)

        basis = _std_basis(some)
        if has_aux:
            out, jac, aux = vmap(push_forward, out_axes=(None, -1, None))(basis)
        else:
            out, jac = vmap(push_forward, out_axes=(None, -1))(basis)
        tree_map(lambda x: _check_output_dtype_jac(x, holomorphic, "jacfwd"), out)
        jac = tree_map(lambda y, x: _unravel_into(some, -1, x, y), out, jac)
        return (jac, aux) if has_aux else jac

    return jacfun


def jacrev(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> Callable[..., Any]:
    """A function that returns the Jacobian of `fun`, computed in reverse mode (`jax.jacrev`).

    One run of the pull-back computes the row of one output element. The axes are the output's axes, then the input's.

    >>> jacrev(lambda x: x * x)(3.0)
    Array(6., dtype=float32, weak_type=True)
    """
    check_callable(fun)
    _check_argnums(argnums)

    @wraps(fun)
    def jacfun(*args, **kwargs):
        of_some, some = _split_arguments(fun, argnums, args, kwargs, ValueError)
        for x in tree_leaves(some):
            _check_input_dtype_grad(as_operand(x), holomorphic, allow_int, "jacrev")
        result = vjp(of_some, *some, has_aux=has_aux)
        out, pull_back = result[0], result[1]
        tree_map(lambda x: _check_output_dtype(x, holomorphic, "jacrev"), out)
        jac = vmap(pull_back)(_std_basis(out))
        jac = jac[0] if isinstance(argnums, int) else jac
        # Axis 0 runs over all output elements. Split it into the output's tree and axes, for each input leaf.
        leaves, tree = tree_flatten(jac)
        examples = tree_leaves(some[0] if isinstance(argnums, int) else tuple(some))
        by_output = [_unravel_into(out, 0, leaf, as_operand(x)) for leaf, x in zip(leaves, examples, strict=True)]
        out_tree = tree_structure(out)
        transposed = [tree_unflatten(tree, [tree_leaves(o)[i] for o in by_output]) for i in range(out_tree.num_leaves)]
        jac = tree_unflatten(out_tree, transposed)
        return (jac, result[2]) if has_aux else jac

    return jacfun


jacobian = jacrev


def hessian(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """A function that returns the second derivatives of `fun`: jacfwd of jacrev (`jax.hessian`).

    >>> hessian(lambda x: x ** 3)(2.0)
    Array(12., dtype=float32, weak_type=True)
    """
    return jacfwd(
        jacrev(fun, argnums, has_aux=has_aux, holomorphic=holomorphic),
        argnums,
        has_aux=has_aux,
        holomorphic=holomorphic,
    )


def _check_input_dtype_jac(x, holomorphic: bool, name: str):
    if holomorphic:
        _check_input_dtype_grad(x, True, False, name)
    elif not issubdtype(x.dtype, np.floating):
        raise TypeError(
            f"{name} requires real-valued inputs (input dtype that is a sub-dtype of np.floating), but got {x.dtype.name}. For"
            " holomorphic differentiation, pass holomorphic=True. For differentiation of non-holomorphic functions involving"
            " complex inputs or integer inputs, use jax.jvp directly."
        )


def _check_output_dtype_jac(x, holomorphic: bool, name: str):
    if holomorphic and not issubdtype(x.dtype, np.complexfloating):
        raise TypeError(f"{name} with holomorphic=True requires outputs with complex dtype, but got {x.dtype.name}.")
    return x


def _is_written() -> bool:
    """Whether a StagingTrace writes a jaxpr now. Only then are the basis and the split JAX's own equations, so that the jaxpr
    prints as JAX's: applied eagerly, they take a sixth of the time of a small Hessian."""
    trace = thread_state.trace
    while trace is not None and type(trace) is not StagingTrace:
        trace = trace.parent
    return trace is not None


def _std_basis(tree):
    """The unit vectors of a pytree's elements, stacked along a new first axis of every leaf."""
    leaves, treedef = tree_flatten(tree)
    leaves = [as_operand(x) for x in leaves]
    sizes = [int(np.prod(x.shape, dtype=int)) for x in leaves]
    size = sum(sizes)
    if not _is_written():
        ends = np.cumsum(sizes).tolist()
        parts = [np.eye(size, n, n - end, x.dtype).reshape(size, *x.shape) for x, n, end in zip(leaves, sizes, ends)]
        return tree_unflatten(treedef, [ArrayImpl(part, x.weak_type) for part, x in zip(parts, leaves)])
    identity = ones_on_diagonal((size, size), np.zeros((), canonicalize_dtype(int)), result_type(*leaves))
    parts = _split_by_leaves(identity, 1, [x.shape for x in leaves])
    params = [{"new_dtype": x.dtype, "weak_type": x.weak_type, "sharding": None} for x in leaves]
    return tree_unflatten(treedef, [convert_element_type_p.bind(x, **ps) for x, ps in zip(parts, params, strict=True)])


def _unravel_into(tree, axis: int, x, example):
    """Split the axis of `x` that runs over all elements of `tree` into a tree of arrays with the leaves' own axes.

    They have the type of `example`. The derivative of an integer, or with respect to an integer, is an array of zeros."""
    leaves, treedef = tree_flatten(tree)
    if x.dtype == float0:
        x = full(x.shape, 0, example.dtype, example.weak_type)
    shapes = [np.shape(leaf) if not isinstance(leaf, Array) else leaf.shape for leaf in leaves]
    parts = _split_by_leaves(x, axis % x.ndim, shapes)
    return tree_unflatten(treedef, [convert_element_type(part, example.dtype, example.weak_type) for part in parts])


def _split_by_leaves(x, axis: int, shapes):
    """The parts of an axis that runs over the elements of arrays. Each part has the axes of its array in that place. Like JAX,
    it writes the equations of one part after those of another."""
    sizes = [int(np.prod(shape, dtype=int)) for shape in shapes]
    parts = split(x, sizes, axis) if len(sizes) > 1 or _is_written() else [x]
    for part, shape in zip(parts, shapes, strict=True):
        yield reshape(part, (*x.shape[:axis], *shape, *x.shape[axis + 1 :]))


__all__ = ["hessian", "jacfwd", "jacobian", "jacrev"]
