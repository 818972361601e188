"""What users call: grad, vjp, jvp, linearize, vmap, make_jaxpr. Pytrees stop here: nothing below knows a container.

Each function flattens its arguments, hands flat lists to a machine of `transforms/`, and puts the results back together.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Sequence
from functools import wraps
from typing import Any, NamedTuple

import numpy as np

from ..core.array import ArrayImpl, quiet_evaluation, to_array
from ..core.avals import ShapedArray, UndefinedPrimal, Zero, typematch
from ..core.jaxpr import ClosedJaxpr, Jaxpr, dce_jaxpr, eval_jaxpr
from ..core.staging import trace_to_jaxpr
from ..core.traces import Array, Tracer, check_not_leaked, get_aval
from ..fast.recipes import value_and_pull
from ..foundation.dtypes import as_dtype, canonicalize_dtype, float0, issubdtype
from ..foundation.pytrees import (
    Partial,
    PyTreeDef,
    flatten_axes,
    keystr,
    register_pytree_node,
    tree_flatten,
    tree_flatten_with_path,
    tree_leaves,
    tree_map,
    tree_structure,
    tree_unflatten,
)
from ..primitives.basis import full, instantiate, reshape
from ..primitives.shapes import slice_in_dim
from ..transforms.jvp import jvp_flat
from ..transforms.linearize import linearize_flat
from ..transforms.transpose import backward_pass, linear_jaxpr, transpose_eqns
from ..transforms.vmap import Axis, materialize, named_axis_env, vmap_flat

# ---------------------------------------------------------------------------------------------------------------------
# Arguments


def as_operand(x: Any, what: str = "argument"):
    """A leaf of the user's arguments as an array or tracer."""
    if type(x) is ArrayImpl:
        return x
    if isinstance(x, Tracer):
        check_not_leaked(x)
        return x
    if isinstance(x, np.ndarray) and x.dtype == float0:
        return x
    try:
        return to_array(x)
    except TypeError:
        raise TypeError(f"{what} {short_repr(x)} of type {type(x)} is not a valid JAX type.") from None


def short_repr(x: Any) -> str:
    text = repr(x)
    return f"'{text if len(text) < 60 else text[:57] + '...'}'"


def check_callable(fun: Any):
    if not callable(fun):
        raise TypeError(f"Expected a callable value, got {fun!r}")
    if inspect.isgeneratorfunction(fun):
        raise TypeError(f"Expected a function, got a generator function: {fun}")


def function_name(fun: Callable) -> str:
    return getattr(fun, "__name__", None) or getattr(getattr(fun, "func", None), "__name__", None) or type(fun).__name__


def _flat_function(fun: Callable, in_tree, has_aux: bool = False) -> tuple[Callable, list]:
    """`fun` on flat arguments, returning flat results; and a list that its run fills with what puts them back together:
    the tree of the value, and with `has_aux` the tree of the auxiliary data and those of its leaves that are no arrays.

    The arrays in the auxiliary data follow as further results, so that tracers leave the trace as the values they carry;
    whatever else is in it goes past the trace as it is.
    """
    trees: list = []

    def flat(*args):
        out = fun(*tree_unflatten(in_tree, args))
        value, data = _split_aux(out) if has_aux else (out, None)
        leaves, tree = tree_flatten(value)
        data_leaves, data_tree = tree_flatten(data)
        # None marks the arrays; a leaf is never None.
        trees[:] = [tree, data_tree, [None if isinstance(x, Array) else x for x in data_leaves]]
        return [*[as_output(x, fun) for x in leaves], *[x for x in data_leaves if isinstance(x, Array)]]

    return flat, trees


def _split_aux(out):
    if not isinstance(out, (tuple, list)) or len(out) != 2:
        raise TypeError(
            f"expected function with aux output to return a two-element tuple, but got type {type(out)}: return (value, aux)."
        )
    return out


def _unflatten_outputs(trees: list, outs: list) -> tuple:
    """(value, auxiliary data or None) from the flat results."""
    tree, data_tree, data_leaves = trees
    moved = iter(outs[tree.num_leaves :])
    data = tree_unflatten(data_tree, [next(moved) if x is None else x for x in data_leaves])
    return tree_unflatten(tree, outs[: tree.num_leaves]), data


def as_output(x: Any, fun: Callable):
    if isinstance(x, Array):
        return x
    try:
        return as_operand(x)
    except TypeError:
        raise TypeError(
            f"function {function_name(fun)} returned a value of type {type(x)}, which is not a valid JAX type:"
            f" {short_repr(x)}. Return arrays, numbers, or containers of them."
        ) from None


def _normalize_argnums(argnums, count: int, error: type[Exception]) -> tuple[int, ...]:
    nums = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for i in nums:
        if not -count <= i < count:
            raise error(
                f"differentiating with respect to argnums={argnums!r} requires at least {max(i + 1, -i)} positional arguments"
                f" to be passed by the caller, but got only {count} positional arguments."
            )
    return tuple(i % count for i in nums)


def _check_argnums(argnums):
    if not isinstance(argnums, int) and not (
        isinstance(argnums, Sequence) and all(isinstance(i, int) for i in argnums)
    ):
        raise TypeError(f"argnums must be an int or a tuple of ints, got {argnums!r}")


def _split_arguments(fun, argnums, args, kwargs, error: type[Exception] = TypeError) -> tuple[Callable, list]:
    """The function of the differentiated arguments alone, and those arguments. `error`: for argnums out of range."""
    nums = _normalize_argnums(argnums, len(args), error)

    def of_some(*some):
        filled = list(args)
        for i, x in zip(nums, some):
            filled[i] = x
        return fun(*filled, **kwargs)

    return of_some, [args[i] for i in nums]


# ---------------------------------------------------------------------------------------------------------------------
# Reverse mode


def value_and_grad(
    fun: Callable,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> Callable:
    """A function that returns `fun`'s value and its gradient, each of the structure of its argument (`jax.value_and_grad`).

    `fun` returns a scalar, or (scalar, auxiliary data) with `has_aux`.

    >>> value_and_grad(lambda x: x * x)(3.0)
    (Array(9., dtype=float32, weak_type=True), Array(6., dtype=float32, weak_type=True))
    """
    check_callable(fun)
    _check_argnums(argnums)

    @wraps(fun, updated=())
    def value_and_grad_f(*args, **kwargs):
        of_some, some = _split_arguments(fun, argnums, args, kwargs)
        leaves, in_tree = tree_flatten(tuple(some))
        primals = [as_operand(x, "Argument") for x in leaves]
        for x in primals:
            _check_input_dtype_grad(x, holomorphic, allow_int, "grad")
        with quiet_evaluation():
            flat, trees = _flat_function(of_some, in_tree, has_aux)
            outs, pull = value_and_pull(flat, primals, [_moves(x) for x in primals])
            out, aux = _unflatten_outputs(trees, outs)
            value = _check_scalar(out, fun)
            _check_output_dtype(value, holomorphic, "grad")
            grads = [instantiate(ct) for ct in pull([full((), 1, value.dtype, value.weak_type)])]
        grads = tree_unflatten(in_tree, grads)
        if isinstance(argnums, int):
            grads = grads[0]
        return ((value, aux), grads) if has_aux else (value, grads)

    return value_and_grad_f


def grad(
    fun: Callable,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> Callable:
    """The gradient of a scalar function, of the structure of its argument (`jax.grad`).

    With `has_aux`, `fun` returns (scalar, data) and the gradient function (gradient, data).

    >>> grad(lambda x: x ** 3)(2.0)
    Array(12., dtype=float32, weak_type=True)
    """
    value_and_grad_f = value_and_grad(fun, argnums, has_aux, holomorphic, allow_int)

    @wraps(fun, updated=())
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
    """What is known of a function's derivative at a point, but for the residuals: its program, and how its arguments and
    results were flattened."""

    jaxpr: Jaxpr
    name: str
    in_tree: PyTreeDef
    in_avals: tuple[ShapedArray, ...]
    out_tree: PyTreeDef
    out_avals: tuple[ShapedArray, ...]
    # Which results the program computes the tangents of; those of the others are zero.
    out_nonzero: tuple[bool, ...]


def _linearize(fun: Callable, primals: list, in_tree, has_aux: bool) -> tuple:
    """(fun's value with its tree, its derivative, the residuals, auxiliary data)."""
    flat, trees = _flat_function(fun, in_tree, has_aux)
    outs, out_nonzero, jaxpr, residuals = linearize_flat(flat, primals, [_moves(x) for x in primals])
    out, data = _unflatten_outputs(trees, outs)
    n = trees[0].num_leaves
    if len(outs) > n:
        jaxpr = jaxpr.replace(outvars=jaxpr.outvars[: sum(out_nonzero[:n])])
        jaxpr, _ = dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars), instantiate=True)
    in_avals, out_avals = tuple([get_aval(x) for x in primals]), tuple([get_aval(x) for x in outs[:n]])
    linear = _Linear(jaxpr, function_name(fun), in_tree, in_avals, trees[0], out_avals, tuple(out_nonzero[:n]))
    return out, linear, residuals, data


def _moves(x) -> bool:
    """Whether a value, or one of this type, has tangents."""
    return issubdtype(x.dtype, np.inexact)


def _pull(linear: _Linear, residuals: Sequence, cotangents: Sequence) -> list:
    """The cotangents of all arguments from those of the results; None for zero."""
    jaxpr = linear.jaxpr
    moving = [ct for ct, nz in zip(cotangents, linear.out_nonzero) if nz]
    moving = [Zero(v.aval) if ct is None else ct for ct, v in zip(moving, jaxpr.outvars)]
    values = dict(zip(jaxpr.constvars, residuals))
    results = iter(transpose_eqns(jaxpr.eqns, values, jaxpr.invars, jaxpr.outvars, moving))
    return [instantiate(next(results) if _moves(aval) else Zero(aval.to_tangent_aval())) for aval in linear.in_avals]


class VJP:
    """What `vjp` returns: from a cotangent of the value to a tuple of cotangents of the primals. It is a pytree of its
    residuals, so that a jitted function may return it, or take it as an argument."""

    def __init__(self, linear: _Linear, opaque_residuals: Sequence):
        self._linear = linear
        self.opaque_residuals = opaque_residuals

    jaxpr = property(lambda self: self._linear.jaxpr)
    in_tree = property(lambda self: self._linear.in_tree)
    out_tree = property(lambda self: self._linear.out_tree)

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
        with quiet_evaluation():
            cts = [_check_cotangent(ct, aval) for ct, aval in zip(leaves, linear.out_avals)]
            return tree_unflatten(linear.in_tree, _pull(linear, self.opaque_residuals, cts))

    def __repr__(self) -> str:
        return (
            f"VJP(jaxpr={self.jaxpr}, in_tree={self.in_tree}, out_tree={self.out_tree},"
            f" opaque_residuals={self.opaque_residuals})"
        )


register_pytree_node(VJP, lambda f: (tuple(f.opaque_residuals), f._linear), VJP)


def vjp(fun: Callable, *primals, has_aux: bool = False):
    """(value, pull-back): the pull-back takes a cotangent of the value to a tuple of cotangents of the primals (`jax.vjp`).

    With has_aux, `fun` returns (value, auxiliary data), and `vjp` the auxiliary data as a third result.

    >>> y, pull_back = vjp(lambda x, y: x * y, 3.0, 4.0)
    >>> pull_back(1.0)
    (Array(4., dtype=float32, weak_type=True), Array(3., dtype=float32, weak_type=True))
    """
    check_callable(fun)
    flat, in_tree = tree_flatten(primals)
    with quiet_evaluation():
        out, linear, residuals, aux = _linearize(fun, [as_operand(x, "primal") for x in flat], in_tree, has_aux)
    pull_back = VJP(linear, residuals)
    return (out, pull_back, aux) if has_aux else (out, pull_back)


def _check_cotangent(ct, aval: ShapedArray):
    ct = as_operand(ct, "cotangent")
    expected = aval.to_tangent_aval()
    # Of an integer result the cotangent is nothing, whatever is given for it.
    if ct.dtype == float0 or (expected.dtype == float0 and ct.shape == expected.shape):
        return None
    if (ct.shape, ct.dtype) != (expected.shape, expected.dtype):
        raise ValueError(
            f"unexpected JAX type (e.g. shape/dtype) for argument to vjp function: got {get_aval(ct).str_short()}, but expected"
            f" {expected.str_short()} because the corresponding output of the function had JAX type {aval.str_short()}"
        )
    return ct


# ---------------------------------------------------------------------------------------------------------------------
# Forward mode


def jvp(fun: Callable, primals: Sequence, tangents: Sequence, has_aux: bool = False):
    """(value, tangent): `fun` at the primals, and its derivative there applied to the tangents (`jax.jvp`).

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
    flat, trees = _flat_function(fun, in_tree, has_aux)
    with quiet_evaluation():
        outs, out_tangents = jvp_flat(flat, flat_primals, pairs)
        out_tangent = tree_unflatten(trees[0], [instantiate(t) for t in out_tangents[: trees[0].num_leaves]])
    out, aux = _unflatten_outputs(trees, outs)
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


def linearize(fun: Callable, *primals, has_aux: bool = False):
    """(value, linear function): `fun`'s value, and its derivative at the primals as a function of tangents (`jax.linearize`).

    The primal part runs once, now; `str(linear_function)` shows the linear jaxpr.

    >>> y, f_jvp = linearize(lambda x: x * x, 3.0)
    >>> f_jvp(1.0)
    Array(6., dtype=float32, weak_type=True)
    """
    check_callable(fun)
    flat, in_tree = tree_flatten(primals)
    with quiet_evaluation():
        out, linear, residuals, aux = _linearize(fun, [as_operand(x, "primal") for x in flat], in_tree, has_aux)
    f_jvp = LinearFunction(linear, residuals)
    return (out, f_jvp, aux) if has_aux else (out, f_jvp)


class LinearFunction:
    """The derivative of a function at a point, as a function of tangents. `jaxpr` is its program, a ClosedJaxpr whose
    constants are the residuals; a pytree of these, so that a jitted function may return it, or take it as an argument."""

    def __init__(self, linear: _Linear, residuals: Sequence):
        self._linear = linear
        self._residuals = residuals

    jaxpr = property(lambda self: ClosedJaxpr(self._linear.jaxpr, self._residuals))

    def __call__(self, *tangents):
        linear = self._linear
        leaves, tree = tree_flatten(tangents)
        if tree != linear.in_tree:
            raise TypeError(
                f"The tree structure of the tangents, {tree}, is not that of the primals the function was linearized at,"
                f" {linear.in_tree}."
            )
        checked = [_check_linear_tangent(a, as_operand(t, "tangent")) for a, t in zip(linear.in_avals, leaves)]
        moving = [t for t, aval in zip(checked, linear.in_avals) if _moves(aval)]
        with quiet_evaluation():
            results = iter(eval_jaxpr(linear.jaxpr, self._residuals, *moving))
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


# ---------------------------------------------------------------------------------------------------------------------
# Transposes of linear functions


def linear_transpose(fun: Callable, *primals, reduce_axes: Sequence = ()) -> Callable:
    """The transpose of a function that is promised to be linear (`jax.linear_transpose`): from a cotangent of its result to
    a tuple of cotangents of its arguments.

    primals: arrays or `ShapeDtypeStruct`s, for their shapes and dtypes alone; `fun` never sees a value. All dtypes must be
    real or complex, or all integer. Raises TypeError for others, and for a cotangent that is not of the result's type;
    NotImplementedError, or what the operation's transpose rule raises, for a function that is not linear.

    >>> transposed = linear_transpose(lambda x, y: 2.0 * x - y, 0.0, 0.0)
    >>> transposed(1.0)
    (Array(2., dtype=float32, weak_type=True), Array(-1., dtype=float32, weak_type=True))
    """
    check_callable(fun)
    if reduce_axes:
        raise NotImplementedError("linear_transpose: reduce_axes is deprecated and must be empty, as in JAX.")
    flat, in_tree = tree_flatten(primals)
    in_avals = [abstractify(x) for x in flat]
    of_flat, trees = _flat_function(fun, in_tree)
    with quiet_evaluation():
        jaxpr, consts = linear_jaxpr(of_flat, in_avals)
    out_avals, out_tree = [v.aval for v in jaxpr.outvars], trees[0]
    _check_linear_dtypes([a.dtype for a in in_avals], [a.dtype for a in out_avals])

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
        with quiet_evaluation():
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


# ---------------------------------------------------------------------------------------------------------------------
# Jacobians


def jacfwd(
    fun: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable:
    """The Jacobian by forward mode, a column for each input element: output axes, then input axes (`jax.jacfwd`).

    >>> jacfwd(lambda x: x * x)(3.0)
    Array(6., dtype=float32, weak_type=True)
    """
    check_callable(fun)
    _check_argnums(argnums)

    @wraps(fun, updated=())
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
    fun: Callable,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> Callable:
    """The Jacobian by reverse mode, a row for each output element: output axes, then input axes (`jax.jacrev`).

    >>> jacrev(lambda x: x * x)(3.0)
    Array(6., dtype=float32, weak_type=True)
    """
    check_callable(fun)
    _check_argnums(argnums)

    @wraps(fun, updated=())
    def jacfun(*args, **kwargs):
        of_some, some = _split_arguments(fun, argnums, args, kwargs, ValueError)
        for x in tree_leaves(some):
            _check_input_dtype_grad(as_operand(x), holomorphic, allow_int, "jacrev")
        result = vjp(of_some, *some, has_aux=has_aux)
        out, pull_back = result[0], result[1]
        tree_map(lambda x: _check_output_dtype(x, holomorphic, "jacrev"), out)
        jac = vmap(pull_back)(_std_basis(out))
        jac = jac[0] if isinstance(argnums, int) else jac
        # One axis over all output elements, in front, becomes the output's own tree and axes around each input leaf's.
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
    fun: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable:
    """The matrix of second derivatives: jacfwd of jacrev (`jax.hessian`).

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


def _std_basis(tree):
    """The unit vectors of a pytree's elements, stacked along a new first axis of every leaf."""
    leaves, treedef = tree_flatten(tree)
    leaves = [as_operand(x) for x in leaves]
    sizes = [int(np.prod(x.shape, dtype=int)) for x in leaves]
    total, start, basis = sum(sizes), 0, []
    for x, size in zip(leaves, sizes):
        block = np.zeros((total, size), canonicalize_dtype(x.dtype))
        block[start + np.arange(size), np.arange(size)] = 1
        basis.append(ArrayImpl(block.reshape(total, *x.shape), x.weak_type))
        start += size
    return tree_unflatten(treedef, basis)


def _unravel_into(tree, axis: int, x, example):
    """Split the axis of `x` that runs over all elements of `tree` into a tree of arrays with the leaves' own axes; where
    these are derivatives of or by integers, zeros of the dtype of `example`."""
    leaves, treedef = tree_flatten(tree)
    if x.dtype == float0:
        x = full(x.shape, 0, example.dtype, example.weak_type)
    shapes = [np.shape(leaf) if not isinstance(leaf, Array) else leaf.shape for leaf in leaves]
    axis = axis % x.ndim
    parts, start = [], 0
    for shape in shapes:
        size = int(np.prod(shape, dtype=int))
        part = x if len(shapes) == 1 else slice_in_dim(x, start, start + size, axis=axis)
        parts.append(reshape(part, (*x.shape[:axis], *shape, *x.shape[axis + 1 :])))
        start += size
    return tree_unflatten(treedef, parts)


# ---------------------------------------------------------------------------------------------------------------------
# vmap


def vmap(
    fun: Callable,
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_name: Hashable | None = None,
    axis_size: int | None = None,
) -> Callable:
    """Map `fun` over an axis of its arguments, in one run (`jax.vmap`).

    in_axes: for each positional argument the axis to map, or None, as a prefix of the arguments' pytrees; keyword arguments
    are mapped along axis 0. out_axes: the same for the results.

    >>> import minijax.numpy as jnp
    >>> vmap(lambda x, y: x * y, in_axes=(0, None))(jnp.arange(3.0), 2.0)
    Array([0., 2., 4.], dtype=float32)
    """
    check_callable(fun)
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    if not (in_axes is None or isinstance(in_axes, (int, tuple))):
        raise TypeError(
            "vmap in_axes must be an int, None, or a tuple of entries corresponding to the positional arguments passed to the"
            f" function, but got {in_axes}."
        )
    for what, axes in (("in_axes", in_axes), ("out_axes", out_axes)):
        if not all(isinstance(leaf, int) for leaf in tree_leaves(axes)):
            raise TypeError(
                f"vmap {what} must be an int, None, or (nested) container with those types as leaves, but got {axes}."
            )

    @wraps(fun, updated=())
    def vmap_f(*args, **kwargs):
        if isinstance(in_axes, tuple) and len(in_axes) != len(args):
            raise ValueError(
                "vmap in_axes must be an int, None, or a tuple of entries corresponding to the positional arguments passed to"
                f" the function, but got {len(in_axes)=}, {len(args)=}"
            )
        flat, in_tree = tree_flatten((args, kwargs))
        in_dims = flatten_axes("vmap in_axes", in_tree, (in_axes, 0))
        flat = [as_operand(x, "vmap's argument") for x in flat]
        dims = [_normalize_dim(d, x) for x, d in zip(flat, in_dims)]
        size = _mapped_size((args, kwargs), flat, dims, axis_size)
        axis = Axis(axis_name, size)
        of_flat, trees = _flat_function(lambda args, kwargs: fun(*args, **kwargs), in_tree)
        with quiet_evaluation():
            pairs = vmap_flat(of_flat, axis, flat, dims)
            out_dims = flatten_axes("vmap out_axes", trees[0], out_axes)
            outs = [_place(val, dim, out_dim, axis) for (val, dim), out_dim in zip(pairs, out_dims)]
        return tree_unflatten(trees[0], outs)

    return vmap_f


def _normalize_dim(dim: int | None, x) -> int | None:
    if dim is None:
        return None
    ndim = len(x.shape)
    if not -ndim <= dim < ndim:
        raise ValueError(
            "vmap was requested to map its argument along axis"
            f" {dim}, which implies that its rank should be at least {dim + 1 if dim >= 0 else -dim}, but is only"
            f" {ndim} (its shape is {tuple(x.shape)})"
        )
    return dim % ndim


def _mapped_size(tree, flat, dims, axis_size: int | None) -> int:
    sizes = {x.shape[d] for x, d in zip(flat, dims) if d is not None}
    if axis_size is not None:
        sizes.add(axis_size)
    if len(sizes) == 1:
        return sizes.pop()
    if not sizes:
        raise ValueError("vmap must have at least one non-None value in in_axes, or an axis_size")
    paths = [path for path, _ in tree_flatten_with_path(tree)[0]]
    lines = ["vmap got inconsistent sizes for array axes to be mapped:"]
    for path, x, d in zip(paths, flat, dims):
        if d is not None:
            where = f"args{keystr(path[1:])}" if path[0].idx == 0 else f"kwargs{keystr(path[1:])}"
            lines.append(f"  * axis {d} of argument {where} of type {get_aval(x).str_short()} has size {x.shape[d]}")
    if axis_size is not None:
        lines.append(f"  * axis_size is {axis_size}")
    raise ValueError("\n".join(lines))


def _place(val, dim, out_dim, axis):
    if out_dim is None:
        if dim is not None:
            raise ValueError(
                f"vmap has mapped output but out_axes is None: the output of type {get_aval(val).str_short()} is mapped along"
                f" axis {dim}."
            )
        return val
    ndim = len(get_aval(val).shape) + (dim is None)
    if not -ndim <= out_dim < ndim:
        raise ValueError(f"vmap out_axes of {out_dim} is out of range for an output of {ndim} dimensions.")
    return materialize(val, dim, out_dim % ndim, axis)


# ---------------------------------------------------------------------------------------------------------------------
# Staging


class ShapeDtypeStruct:
    """The shape and dtype of an array, without values (`jax.ShapeDtypeStruct`)."""

    __slots__ = ("shape", "dtype", "weak_type")

    def __init__(self, shape, dtype, *, weak_type: bool = False):
        if dtype is None:
            raise ValueError("ShapeDtypeStruct: dtype must be specified.")
        self.shape = tuple(shape)
        self.dtype = as_dtype(dtype)
        self.weak_type = weak_type

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: int(np.prod(self.shape, dtype=int)))

    def __len__(self):
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __eq__(self, other):
        if not isinstance(other, ShapeDtypeStruct):
            return False
        return (self.shape, self.dtype, self.weak_type) == (other.shape, other.dtype, other.weak_type)

    def __hash__(self):
        return hash((self.shape, self.dtype, self.weak_type))

    def __repr__(self) -> str:
        return f"ShapeDtypeStruct(shape={self.shape}, dtype={self.dtype.name}{', weak_type=True' if self.weak_type else ''})"


def abstractify(x: Any) -> ShapedArray:
    if isinstance(x, ShapeDtypeStruct):
        return ShapedArray(x.shape, canonicalize_dtype(x.dtype), x.weak_type)
    if isinstance(x, ShapedArray):
        return x
    if not isinstance(x, (Array, np.ndarray, np.generic)) and hasattr(x, "shape") and hasattr(x, "dtype"):
        # Whatever has these two can stand for an array, as in JAX.
        return ShapedArray(tuple(x.shape), canonicalize_dtype(x.dtype), getattr(x, "weak_type", False))
    return get_aval(as_operand(x))


def stage(fun: Callable, in_tree, in_avals) -> tuple:
    """(jaxpr, its constants, tree of the results) of a function traced on types alone."""
    flat, trees = _flat_function(fun, in_tree)
    jaxpr, consts = trace_to_jaxpr(flat, in_avals)
    return jaxpr, consts, trees[0]


def make_jaxpr(
    fun: Callable,
    static_argnums: int | Sequence[int] = (),
    axis_env: Sequence[tuple[Hashable, int]] | None = None,
    return_shape: bool = False,
) -> Callable:
    """A function that returns the jaxpr of `fun` at the types of its arguments (`jax.make_jaxpr`).

    axis_env: (name, size) of axes that collectives in `fun` may name, the last innermost.

    >>> make_jaxpr(lambda x: x * 2)(3.0)
    { lambda ; a:f32[]. let b:f32[] = mul a 2.0:f32[] in (b,) }
    """
    check_callable(fun)
    axes = [Axis(name, size) for name, size in axis_env or ()]

    @wraps(fun, updated=())
    def make_jaxpr_f(*args, **kwargs):
        nums = static_positions(static_argnums, len(args))
        dynamic = [x for i, x in enumerate(args) if i not in nums]
        flat, in_tree = tree_flatten((tuple(dynamic), kwargs))

        def of_dynamic(dynamic, kwargs):
            return fun(*merge_static(args, nums, dynamic), **kwargs)

        with named_axis_env(axes):
            jaxpr, consts, out_tree = stage(of_dynamic, in_tree, [abstractify(x) for x in flat])
        closed_jaxpr = ClosedJaxpr(jaxpr, consts)
        if return_shape:
            return closed_jaxpr, tree_unflatten(out_tree, [struct_of(v) for v in closed_jaxpr.out_avals])
        return closed_jaxpr

    return make_jaxpr_f


def struct_of(aval: ShapedArray) -> ShapeDtypeStruct:
    return ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type)


def eval_shape(fun: Callable, *args, **kwargs):
    """The shapes and dtypes of `fun`'s results, computing nothing (`jax.eval_shape`).

    >>> import numpy as np
    >>> eval_shape(lambda x: x.sum(), ShapeDtypeStruct((3,), np.float32))
    ShapeDtypeStruct(shape=(), dtype=float32)
    """
    check_callable(fun)
    return make_jaxpr(fun, return_shape=True)(*args, **kwargs)[1]


def static_positions(static_argnums, count: int) -> frozenset[int]:
    nums = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums or ())
    for i in nums:
        if not -count <= i < count and i >= 0:
            continue  # An argument with a default that the caller left out.
    return frozenset(i % count for i in nums if -count <= i < count)


def merge_static(args, static: frozenset[int], dynamic) -> list:
    dynamic = iter(dynamic)
    return [x if i in static else next(dynamic) for i, x in enumerate(args)]


# ---------------------------------------------------------------------------------------------------------------------
# Small things


def device_get(tree):
    """The arrays of a pytree as NumPy arrays (`jax.device_get`)."""
    return tree_map(np.asarray, tree)


def device_put(tree, device=None):
    """The NumPy arrays and numbers of a pytree as arrays (`jax.device_put`); there is one device, the host."""
    return tree_map(as_operand, tree)


def block_until_ready(tree):
    """Return the pytree when its arrays are computed: at once, unless XLA is computing them (`jax.block_until_ready`)."""
    for leaf in tree_leaves(tree):
        if isinstance(leaf, ArrayImpl):
            leaf.block_until_ready()
    return tree


__all__ = [
    "ShapeDtypeStruct",
    "block_until_ready",
    "device_get",
    "device_put",
    "eval_shape",
    "grad",
    "hessian",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linear_transpose",
    "linearize",
    "make_jaxpr",
    "value_and_grad",
    "vjp",
    "vmap",
]
