"""`grad`, `value_and_grad`, `vjp`, `jvp`, `linearize`, `linear_transpose`.

Each function flattens its arguments, hands flat lists to a machine of `transforms/`, and puts the results back together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal, NamedTuple, TypeVar, overload

import numpy as np

from ..core.avals import ShapedArray, UndefinedPrimal, Zero, typematch
from ..core.jaxpr import ClosedJaxpr, Jaxpr, Var, eval_jaxpr, without_dead
from ..core.traces import Array, called_by_user, current_trace, get_aval
from ..foundation.dtypes import float0, issubdtype
from ..foundation.pytrees import (
    Partial,
    PyTreeDef,
    register_pytree_node,
    tree_flatten,
    tree_unflatten,
)
from ..foundation.wrapping import wraps
from ..primitives.basis import full, instantiate
from ..transforms import transpose
from ..transforms.jvp import jvp_flat
from ..transforms.transpose import backward_pass, linear_jaxpr
from .arguments import as_operand, check_callable, flat_function, function_name, unflatten_outputs
from .make_jaxpr import abstractify

# The type of what the user's function returns.
R = TypeVar("R")


def _normalize_argnums(argnums, count: int, error: type[Exception]) -> tuple[int, ...]:
    nums = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for i in nums:
        if not -count <= i < count:
            raise error(
                f"differentiating with respect to argnums={argnums!r} requires at least {max(i + 1, -i)} positional arguments"
                f" to be passed by the caller, but got only {count} positional arguments."
            )
    positions = tuple(i % count for i in nums)
    if len({*positions}) < len(positions):
        raise TypeError(
            f"argnums={argnums!r} names an argument twice, which has one derivative: name each argument once."
        )
    return positions


def _check_argnums(argnums):
    if not isinstance(argnums, int) and not (
        isinstance(argnums, Sequence) and all(isinstance(i, int) for i in argnums)
    ):
        raise TypeError(f"argnums must be an int or a tuple of ints, got {argnums!r}")


def _check_no_reduce_axes(reduce_axes: Sequence[Hashable], name: str):
    if reduce_axes:
        raise NotImplementedError(f"reduce_axes argument to {name} is deprecated")


def _split_arguments(fun, argnums, args, kwargs, error: type[Exception] = TypeError) -> tuple[Callable, list]:
    """(`fun` as a function of the differentiated arguments alone, these arguments).

    error: the exception to raise if an argnum is out of range.
    """
    nums = _normalize_argnums(argnums, len(args), error)

    def of_some(*some):
        filled = list(args)
        for i, x in zip(nums, some):
            filled[i] = x
        return fun(*filled, **kwargs)

    return of_some, [args[i] for i in nums]


def value_and_grad(
    fun: Callable[..., R],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    reduce_axes: Sequence[Hashable] = (),
) -> Callable[..., tuple[R, Any]]:
    """A function that returns (`fun`'s value, the gradient) (`jax.value_and_grad`).

    A gradient is a pytree with the structure of its argument. `fun` returns a scalar; with `has_aux`, it returns
    (scalar, auxiliary data), and the new function returns ((scalar, auxiliary data), gradient).

    >>> value_and_grad(lambda x: x * x)(3.0)
    (Array(9., dtype=float32, weak_type=True), Array(6., dtype=float32, weak_type=True))
    """
    _check_no_reduce_axes(reduce_axes, "grad")
    check_callable(fun)
    _check_argnums(argnums)

    def run(*args, **kwargs):
        of_some, some = _split_arguments(fun, argnums, args, kwargs)
        leaves, in_tree = tree_flatten(tuple(some))
        primals = [as_operand(x, "Argument") for x in leaves]
        for x in primals:
            _check_input_dtype_grad(x, holomorphic, allow_int, "grad")
        flat, trees = flat_function(of_some, in_tree, has_aux)
        outs, pull = transpose.vjp_flat(flat, primals, [_has_tangents(x) for x in primals])
        out, aux = unflatten_outputs(trees, outs)
        value = _check_scalar(out, fun)
        _check_output_dtype(value, holomorphic, "grad")
        grads = [instantiate(ct) for ct in pull([full((), 1, value.dtype, value.weak_type)])]
        grads = tree_unflatten(in_tree, grads)
        if isinstance(argnums, int):
            grads = grads[0]
        return ((value, aux), grads) if has_aux else (value, grads)

    @wraps(fun)
    def value_and_grad_f(*args, **kwargs):
        return current_trace().enter(run, args, kwargs)

    return value_and_grad_f


def grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    reduce_axes: Sequence[Hashable] = (),
) -> Callable[..., Any]:
    """A function that returns the gradient of the scalar function `fun` (`jax.grad`).

    A gradient is a pytree with the structure of its argument. With `has_aux`, `fun` returns (scalar, auxiliary data), and
    the gradient function returns (gradient, auxiliary data).

    >>> grad(lambda x: x ** 3)(2.0)
    Array(12., dtype=float32, weak_type=True)
    """
    value_and_grad_f = value_and_grad(fun, argnums, has_aux, holomorphic, allow_int, reduce_axes)

    @wraps(fun)
    def grad_f(*args, **kwargs):
        value, gradient = value_and_grad_f(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return grad_f


def _check_scalar(value, fun):
    if not isinstance(value, Array):
        raise TypeError(
            f"Gradient only defined for scalar-output functions. Output was {value!r}: return one scalar, and further results"
            " as auxiliary data with has_aux=True."
        )
    if value.shape != ():
        raise TypeError(
            f"Gradient only defined for scalar-output functions. Output had shape: {value.shape}. Reduce it (with .sum() or"
            " .mean()), or use jax.jacrev for the whole Jacobian."
        )
    return value


def _check_input_dtype_grad(x, holomorphic: bool, allow_int: bool, name: str):
    dtype = x.dtype
    if holomorphic:
        if not issubdtype(dtype, np.complexfloating):
            raise TypeError(f"{name} with holomorphic=True requires inputs with complex dtype, but got {dtype.name}.")
    elif issubdtype(dtype, np.complexfloating) or issubdtype(dtype, np.floating):
        return
    elif not allow_int:
        raise TypeError(
            f"{name} requires real- or complex-valued inputs (input dtype that is a sub-dtype of np.inexact), but got"
            f" {dtype.name}. If you want to use Boolean- or integer-valued inputs, use vjp or set allow_int to True."
        )


def _check_output_dtype(x, holomorphic: bool, name: str):
    dtype = x.dtype
    if holomorphic:
        if not issubdtype(dtype, np.complexfloating):
            raise TypeError(f"{name} with holomorphic=True requires outputs with complex dtype, but got {dtype.name}.")
    elif issubdtype(dtype, np.complexfloating):
        raise TypeError(
            f"{name} requires real-valued outputs (output dtype that is a sub-dtype of np.floating), but got {dtype.name}."
            " For holomorphic differentiation, pass holomorphic=True. For differentiation of non-holomorphic functions"
            " involving complex outputs, use jax.vjp directly."
        )
    elif not issubdtype(dtype, np.floating):
        raise TypeError(
            f"{name} requires real-valued outputs (output dtype that is a sub-dtype of np.floating), but got {dtype.name}. For"
            " differentiation of functions with integer outputs, use jax.vjp directly."
        )


class _Linear(NamedTuple):
    """The derivative of a function at a point, without its residuals: the linear jaxpr, and the trees and types of its
    arguments and results."""

    jaxpr: Jaxpr
    name: str
    in_tree: PyTreeDef
    in_avals: tuple[ShapedArray, ...]
    out_tree: PyTreeDef
    out_avals: tuple[ShapedArray, ...]
    # The results whose tangents the program computes; the other tangents are zero.
    out_nonzero: tuple[bool, ...]


@called_by_user
def _derivative(fun: Callable, primals: tuple, has_aux: bool, live: bool = False) -> tuple:
    """(`fun`'s value as a pytree, its derivative, the residuals, the auxiliary data). live: the derivative without the equations
    that no result needs. The transpose of a derivative leaves these out itself."""
    leaves, in_tree = tree_flatten(primals)
    leaves = [as_operand(x, "primal") for x in leaves]
    flat, trees = flat_function(fun, in_tree, has_aux)
    outs, pull = transpose.vjp_flat(flat, leaves, [_has_tangents(x) for x in leaves], keep=True)
    out, data = unflatten_outputs(trees, outs)
    jaxpr, residuals, n = pull.jaxpr, pull.residuals, trees[0].num_leaves
    if len(outs) > n or live:
        jaxpr = without_dead(jaxpr.replace(outvars=jaxpr.outvars[: sum(pull.out_nonzero[:n])]))
        # A residual that only the derivative of the auxiliary data, or dead code, needs is not kept.
        read = {v for v in [*jaxpr.outvars, *[x for eqn in jaxpr.eqns for x in eqn.invars]] if type(v) is Var}
        kept = [v in read for v in jaxpr.constvars]
        jaxpr = jaxpr.replace(constvars=[v for v, k in zip(jaxpr.constvars, kept) if k])
        residuals = [x for x, k in zip(residuals, kept) if k]
    out_avals = tuple([get_aval(x) for x in outs[:n]])
    out_nonzero = tuple(pull.out_nonzero[:n])
    linear = _Linear(jaxpr, function_name(fun), in_tree, tuple(pull.in_avals), trees[0], out_avals, out_nonzero)
    return out, linear, residuals, data


def _has_tangents(x) -> bool:
    """Whether the value or aval `x` has tangents: only real and complex values have."""
    return issubdtype(x.dtype, np.inexact)


class VJP:
    """The function that `vjp` returns: it maps a cotangent of the value to a tuple of cotangents of the primals.

    It is a pytree whose leaves are the residuals. Therefore a jitted function can take it and return it.
    """

    def __init__(self, linear: _Linear, opaque_residuals: Sequence):
        self._linear = linear
        self.opaque_residuals = opaque_residuals

    jaxpr = property(lambda self: self._linear.jaxpr)
    in_tree = property(lambda self: self._linear.in_tree)
    out_tree = property(lambda self: self._linear.out_tree)

    @called_by_user
    def __call__(self, out_ct, *extra_args):
        linear = self._linear
        if extra_args:
            raise TypeError(
                f"The function returned by `jax.vjp` applied to {linear.name} was called with {1 + len(extra_args)} arguments,"
                " but functions returned by `jax.vjp` must be called with a single argument: the cotangent of the single value"
                " that the differentiated function returned, a tuple of cotangents if that is a tuple."
            )
        leaves, tree = tree_flatten(out_ct)
        if tree != linear.out_tree:
            raise ValueError(
                f"unexpected tree structure of argument to vjp function: got {tree}, but expected to match {linear.out_tree},"
                f" the structure of what {linear.name} returned"
            )
        cts = [_check_cotangent(ct, aval) for ct, aval in zip(leaves, linear.out_avals)]
        in_nonzero = [_has_tangents(aval) for aval in linear.in_avals]
        flows = linear.in_avals, in_nonzero, linear.out_nonzero
        pull = transpose.Pullback(linear.jaxpr, self.opaque_residuals, *flows, keep=True)
        return tree_unflatten(linear.in_tree, [instantiate(ct) for ct in pull(cts)])

    def __repr__(self) -> str:
        return (
            f"VJP(jaxpr={self.jaxpr}, in_tree={self.in_tree}, out_tree={self.out_tree},"
            f" opaque_residuals={self.opaque_residuals})"
        )


register_pytree_node(VJP, lambda f: (tuple(f.opaque_residuals), f._linear), VJP)


@overload
def vjp(
    fun: Callable[..., R], *primals: Any, has_aux: Literal[False] = False
) -> tuple[R, Callable[[Any], tuple[Any, ...]]]: ...
@overload
def vjp(
    fun: Callable[..., tuple[R, Any]], *primals: Any, has_aux: Literal[True]
) -> tuple[R, Callable[[Any], tuple[Any, ...]], Any]: ...
def vjp(fun: Callable[..., Any], *primals: Any, has_aux: bool = False, reduce_axes: Sequence[Hashable] = ()) -> Any:
    """(value, pull-back): the pull-back maps a cotangent of the value to a tuple of cotangents of the primals (`jax.vjp`).

    With has_aux, `fun` returns (value, auxiliary data), and `vjp` returns (value, pull-back, auxiliary data).

    >>> y, pull_back = vjp(lambda x, y: x * y, 3.0, 4.0)
    >>> pull_back(1.0)
    (Array(4., dtype=float32, weak_type=True), Array(3., dtype=float32, weak_type=True))
    """
    _check_no_reduce_axes(reduce_axes, "vjp")
    check_callable(fun)
    out, linear, residuals, aux = _derivative(fun, primals, has_aux)
    pull_back = VJP(linear, residuals)
    return (out, pull_back, aux) if has_aux else (out, pull_back)


def _check_cotangent(ct, aval: ShapedArray):
    ct = as_operand(ct, "cotangent")
    expected = aval.to_tangent_aval()
    # An integer result has no derivative: its cotangent is zero, and the caller's value is ignored.
    if ct.dtype == float0 or (expected.dtype == float0 and ct.shape == expected.shape):
        return Zero(expected)
    if (ct.shape, ct.dtype) != (expected.shape, expected.dtype):
        raise ValueError(
            f"unexpected JAX type (e.g. shape/dtype) for argument to vjp function: got {get_aval(ct).str_short()}, but expected"
            f" {expected.str_short()} because the corresponding output of the function had JAX type {aval.str_short()}"
        )
    return ct


@overload
def jvp(
    fun: Callable[..., R], primals: Sequence[Any], tangents: Sequence[Any], has_aux: Literal[False] = False
) -> tuple[R, R]: ...
@overload
def jvp(
    fun: Callable[..., tuple[R, Any]], primals: Sequence[Any], tangents: Sequence[Any], has_aux: Literal[True]
) -> tuple[R, R, Any]: ...
@called_by_user
def jvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """(value, tangent): `fun` at the primals, and its derivative at the primals applied to the tangents (`jax.jvp`).

    >>> jvp(lambda x: x * x, (3.0,), (1.0,))
    (Array(9., dtype=float32, weak_type=True), Array(6., dtype=float32, weak_type=True))
    """
    check_callable(fun)
    if not (isinstance(primals, (tuple, list)) and isinstance(tangents, (tuple, list))):
        raise TypeError(
            "primal and tangent arguments to jax.jvp must be tuples or lists;"
            f" found {type(primals).__name__} and {type(tangents).__name__}."
        )
    flat_primals, in_tree = tree_flatten(tuple(primals))
    flat_tangents, tangent_tree = tree_flatten(tuple(tangents))
    if in_tree != tangent_tree:
        raise TypeError(
            "primal and tangent arguments to jax.jvp must have the same tree structure; primals have tree structure"
            f" {in_tree} whereas tangents have tree structure {tangent_tree}."
        )
    flat_primals = [as_operand(x, "primal") for x in flat_primals]
    pairs = [_check_tangent(p, as_operand(t, "tangent")) for p, t in zip(flat_primals, flat_tangents)]
    flat, trees = flat_function(fun, in_tree, has_aux)
    outs, out_tangents = jvp_flat(flat, flat_primals, pairs)
    out_tangent = tree_unflatten(trees[0], [instantiate(t) for t in out_tangents[: trees[0].num_leaves]])
    out, aux = unflatten_outputs(trees, outs)
    return (out, out_tangent, aux) if has_aux else (out, out_tangent)


def _check_tangent(primal, tangent):
    expected = get_aval(primal).to_tangent_aval()
    if tangent.dtype != expected.dtype:
        raise TypeError(
            "primal and tangent arguments to jax.jvp do not match; dtypes must be equal, or in case of int/bool primal dtype the"
            f" tangent dtype must be float0. Got primal dtype {primal.dtype.name} and so expected tangent dtype"
            f" {expected.str_short().split('[')[0]}, but got tangent dtype {get_aval(tangent).str_short().split('[')[0]} instead."
        )
    if tuple(tangent.shape) != expected.shape:
        raise ValueError(
            "jvp called with different primal and tangent shapes; "
            f"Got primal shape {expected.shape} and tangent shape as {tuple(tangent.shape)}"
        )
    return Zero(expected) if tangent.dtype == float0 else tangent


@overload
def linearize(fun: Callable[..., R], *primals: Any, has_aux: Literal[False] = False) -> tuple[R, Callable[..., R]]: ...
@overload
def linearize(
    fun: Callable[..., tuple[R, Any]], *primals: Any, has_aux: Literal[True]
) -> tuple[R, Callable[..., R], Any]: ...
def linearize(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """(value, linear function): `fun`'s value, and its derivative at the primals as a function of tangents (`jax.linearize`).

    `linearize` runs the primal part once. `str(linear_function)` shows the linear jaxpr.

    >>> y, f_jvp = linearize(lambda x: x * x, 3.0)
    >>> f_jvp(1.0)
    Array(6., dtype=float32, weak_type=True)
    """
    check_callable(fun)
    out, linear, residuals, aux = _derivative(fun, primals, has_aux, live=True)
    f_jvp = LinearFunction(linear, residuals)
    return (out, f_jvp, aux) if has_aux else (out, f_jvp)


class LinearFunction:
    """The derivative of a function at a point, as a function of tangents.

    `jaxpr` is the linear program, a ClosedJaxpr whose constants are the residuals. The object is a pytree whose leaves are
    the residuals. Therefore a jitted function can take it and return it."""

    def __init__(self, linear: _Linear, residuals: Sequence):
        self._linear = linear
        self._residuals = residuals

    jaxpr = property(lambda self: ClosedJaxpr(self._linear.jaxpr, self._residuals))

    @called_by_user
    def __call__(self, *tangents):
        linear = self._linear
        leaves, tree = tree_flatten(tangents)
        if tree != linear.in_tree:
            raise TypeError(
                f"The tree structure of the tangents, {tree}, is not that of the primals the function was linearized at,"
                f" {linear.in_tree}."
            )
        checked = [_check_linear_tangent(a, as_operand(t, "tangent")) for a, t in zip(linear.in_avals, leaves)]
        differentiable = [t for t, aval in zip(checked, linear.in_avals) if _has_tangents(aval)]
        results = iter(eval_jaxpr(linear.jaxpr, self._residuals, *differentiable))
        tangents_out = [
            next(results) if nz else instantiate(Zero(aval.to_tangent_aval()))
            for nz, aval in zip(linear.out_nonzero, linear.out_avals)
        ]
        return tree_unflatten(linear.out_tree, tangents_out)

    def __repr__(self) -> str:
        return str(self.jaxpr)


register_pytree_node(LinearFunction, lambda f: (tuple(f._residuals), f._linear), LinearFunction)


def _check_linear_tangent(primal: ShapedArray, tangent):
    expected = primal.to_tangent_aval()
    if (tuple(tangent.shape), tangent.dtype) != (expected.shape, expected.dtype):
        raise ValueError(
            "linearized function called on tangent values inconsistent with the original primal values: got tangent type"
            f" {get_aval(tangent).str_short()} for primal type {primal.str_short()}, expected {expected.str_short()}."
        )
    return tangent


@called_by_user
def linear_transpose(
    fun: Callable[..., Any], *primals: Any, reduce_axes: Sequence[Any] = ()
) -> Callable[..., tuple[Any, ...]]:
    """A function that maps a cotangent of `fun`'s result to a tuple of cotangents of its arguments (`jax.linear_transpose`).

    fun: a linear function. primals: arrays or `ShapeDtypeStruct`s; only their shapes and dtypes are used, and `fun` runs on
    tracers. The dtypes must be all real or complex, or all integer. Raises TypeError for other dtypes, and for a cotangent
    whose type is not the result's. If `fun` is not linear, NotImplementedError or the error of a transpose rule is raised.

    >>> transposed = linear_transpose(lambda x, y: 2.0 * x - y, 0.0, 0.0)
    >>> transposed(1.0)
    (Array(2., dtype=float32, weak_type=True), Array(-1., dtype=float32, weak_type=True))
    """
    check_callable(fun)
    if reduce_axes:
        raise NotImplementedError("linear_transpose: reduce_axes is deprecated and must be empty, as in JAX.")
    flat, in_tree = tree_flatten(primals)
    in_avals = [abstractify(x) for x in flat]
    of_flat, trees = flat_function(fun, in_tree)
    jaxpr, consts = linear_jaxpr(of_flat, in_avals)
    out_avals, out_tree = [v.aval for v in jaxpr.outvars], trees[0]
    _check_linear_dtypes([a.dtype for a in in_avals], [a.dtype for a in out_avals])

    @called_by_user
    def transposed(consts, out_cotangent):
        leaves, tree = tree_flatten(out_cotangent)
        if tree != out_tree:
            raise TypeError(f"cotangent tree does not match function output, expected {out_tree} but got {tree}")
        cts = [as_operand(ct, "cotangent") for ct in leaves]
        if not all(typematch(get_aval(ct), aval) for ct, aval in zip(cts, out_avals)):
            raise TypeError(
                "cotangent type does not match function output, expected"
                f" {[a.str_short() for a in out_avals]} but got {[get_aval(ct).str_short() for ct in cts]}"
            )
        results = backward_pass(jaxpr, consts, list(map(UndefinedPrimal, in_avals)), cts)
        return tree_unflatten(in_tree, list(map(instantiate, results)))

    return Partial(transposed, consts)


def _check_linear_dtypes(in_dtypes: list, out_dtypes: list):
    dtypes = [*in_dtypes, *out_dtypes]
    if not any(all(issubdtype(d, kind) for d in dtypes) for kind in (np.inexact, np.integer)):
        names = [[d.name for d in part] for part in (in_dtypes, out_dtypes)]
        raise TypeError(
            "linear_transpose only supports [float or complex] -> [float or complex], and integer -> integer functions, but"
            f" got {names[0]} -> {names[1]}."
        )


__all__ = ["grad", "jvp", "linear_transpose", "linearize", "value_and_grad", "vjp"]
