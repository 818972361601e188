"""Derivatives by the user's own rules: `custom_jvp`, `custom_vjp`, `custom_gradient`, `closure_convert` (`jax.custom_derivatives`).

The functions here flatten pytrees; the primitives in `calls/custom_derivatives.py` take flat arrays.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from ..calls.custom_derivatives import custom_jvp_call, custom_jvp_call_p, custom_vjp_call, custom_vjp_call_p
from ..core.avals import ShapedArray, Zero, typematch
from ..core.jaxpr import eval_jaxpr
from ..core.staging import trace_to_jaxpr
from ..core.traces import Tracer, get_aval
from ..foundation.dtypes import float0, issubdtype
from ..foundation.errors import UnexpectedTracerError
from ..foundation.pytrees import Partial, tree_flatten, tree_leaves, tree_map, tree_structure, tree_unflatten
from ..foundation.wrapping import name_of, wraps
from ..primitives.basis import add_any_p, instantiate
from .arguments import as_operand, as_output

# The type of what the user's function returns.
R = TypeVar("R")

# A rule that asked for symbolic zeros gets objects of this class and may return them: `.aval` has `.shape` and `.dtype`.
SymbolicZero = Zero


def zero_from_primal(val: Any, symbolic_zeros: bool = False) -> Any:
    """The zero tangent of an array, or of each array of a tree: an array, or a `SymbolicZero`
    (`jax.custom_derivatives.zero_from_primal`).

    >>> zero_from_primal(2.0), zero_from_primal(2.0, symbolic_zeros=True)
    (Array(0., dtype=float32, weak_type=True), Zero(float32[]))
    """

    def zero(leaf):
        found = Zero(get_aval(leaf).to_tangent_aval())
        return found if symbolic_zeros else instantiate(found)

    return tree_map(zero, val)


class _CustomFunction(Generic[R]):
    """The base of custom_jvp and custom_vjp: a function, and the positions of the arguments that are not differentiated."""

    def __init__(self, fun: Callable[..., R], nondiff_argnums: Sequence[int], nondiff_argnames: Sequence[str]):
        wraps(fun)(self)
        self.fun = fun
        try:
            # As a dict: the view that `inspect` gives cannot be deep-copied, nor can a custom function that holds it.
            self._parameters = dict(inspect.signature(fun).parameters)
        except (TypeError, ValueError):
            self._parameters = None
        self.nondiff_argnums = tuple(nondiff_argnums)
        if nondiff_argnames:
            self.nondiff_argnums = tuple(sorted({*nondiff_argnums, *map(self._position, nondiff_argnames)}))

    def _position(self, name: str) -> int:
        names = list(self._parameters or ())
        if name not in names:
            raise ValueError(
                f"nondiff_argnames of the {type(self).__name__} function {self._name} must be names of its arguments {names}, got"
                f" {name!r}."
            )
        return names.index(name)

    @property
    def _name(self) -> str:
        return name_of(self.fun)

    def __getattr__(self, name: str) -> Any:
        # With @custom_vjp above @custom_vmap, `f.def_vmap` is an attribute of the inner function.
        if name.startswith("def"):
            return getattr(self.fun, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __get__(self, instance: Any, owner: Any = None) -> Callable[..., R]:
        return self if instance is None else functools.partial(self, instance)

    def _arguments(self, args, kwargs) -> tuple:
        """All arguments by position, defaults included: rules take no keywords."""
        if not kwargs and (self._parameters is None or len(args) == len(self._parameters)):
            return args
        bound = inspect.signature(self.fun).bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.kwargs:
            raise TypeError(
                f"{type(self).__name__} function {self._name} was called with keyword-only arguments"
                f" {sorted(bound.kwargs)}, but its rules take arguments by position. Make these arguments positional."
            )
        return bound.args

    def _separated(self, args) -> tuple[list, list, Callable]:
        """(the arguments that are not differentiated, the differentiated arguments, `with_both`).

        with_both(fun): a function of the differentiated arguments that calls `fun` with all arguments.
        """
        n = len(args)
        for i in self.nondiff_argnums:
            if not -n <= i < n:
                raise TypeError(
                    f"nondiff_argnums={self.nondiff_argnums} of the {type(self).__name__} function {self._name} must be in the"
                    f" range [-{n}, {n}): the call has {n} arguments."
                )
        nondiff = sorted({i % n for i in self.nondiff_argnums})
        diff = [i for i in range(n) if i not in nondiff]
        # A rule lives as long as its program, so it must not hold the arguments of the call that traced the program.
        template = [x if i in nondiff else None for i, x in enumerate(args)]

        def with_both(function: Callable) -> Callable:
            def call(*differentiated):
                merged = list(template)
                for i, x in zip(diff, differentiated, strict=True):
                    merged[i] = x
                return function(*merged)

            return call

        return [args[i] for i in nondiff], [args[i] for i in diff], with_both

    def _flatten(self, args) -> tuple[list, Any]:
        leaves, tree = tree_flatten(tuple(args))
        what = f"Argument of the {type(self).__name__} function {self._name}"
        return [as_operand(x, what) for x in leaves], tree


class _Out:
    """The tree and the avals of the result of a function and of its rule. The one that runs first sets them."""

    tree: Any = None
    avals: list[ShapedArray]

    def set(self, tree, leaves: Sequence):
        self.tree, self.avals = tree, [get_aval(x) for x in leaves]

    def check(self, where: str, name: str, tree, leaves: Sequence):
        """Raise TypeError if a rule's primal output differs in structure or types from the result that is set."""
        avals = [get_aval(x) for x in leaves]
        if self.tree is not None and self.tree != tree:
            own, given = "container structure " + str(self.tree), str(tree)
        elif self.tree is not None and not all(map(typematch, self.avals, avals)):
            own, given = (", ".join(a.str_short() for a in group) for group in (self.avals, avals))
            own = "shapes and dtypes " + own
        else:
            return self.set(tree, leaves)
        raise TypeError(
            f"{where} must produce a pair (list or tuple of length two) where the first element represents the primal output"
            f" (equal to the output of the decorated function {name}), but the function's output has {own}, the rule's {given}."
        )


def _flat(function: Callable, in_tree, name: str) -> tuple[Callable, _Out]:
    """(`function` on flat arguments, the `_Out` that its run fills)."""
    out = _Out()

    def flat(*args):
        leaves, tree = tree_flatten(function(*tree_unflatten(in_tree, args)))
        leaves = [as_output(x, function) for x in leaves]
        out.set(tree, leaves)
        return leaves

    flat.__name__ = name
    return flat, out


# ---------------------------------------------------------------------------------------------------------------------
# custom_jvp


class custom_jvp(_CustomFunction[R]):
    """A function whose derivative the user's rule computes (`jax.custom_jvp`). Reverse mode transposes the rule's operations.

    >>> import minijax as jax
    >>> import minijax.numpy as jnp
    >>> @jax.custom_jvp
    ... def f(x):
    ...     return jnp.log(1 + jnp.exp(x))
    >>> @f.defjvp
    ... def f_jvp(primals, tangents):
    ...     (x,), (t,) = primals, tangents
    ...     return f(x), t * jax.nn.sigmoid(x)
    >>> jax.grad(f)(100.0)
    Array(1., dtype=float32, weak_type=True)

    nondiff_argnums, nondiff_argnames: positions and names of arguments that are not differentiated, any Python objects; the rule
    gets them first.
    """

    def __init__(
        self, fun: Callable[..., R], nondiff_argnums: Sequence[int] = (), nondiff_argnames: Sequence[str] = ()
    ):
        super().__init__(fun, nondiff_argnums, nondiff_argnames)
        self.jvp: Callable | None = None
        self.symbolic_zeros = False

    def defjvp(self, jvp: Callable, symbolic_zeros: bool = False) -> Callable:
        """Define the rule: jvp(*nondiff, primals, tangents) -> (primal out, tangent out). Returns `jvp`.

        symbolic_zeros: the rule gets a `SymbolicZero` in place of an array for a tangent that is known to be zero.
        """
        self.jvp = jvp
        self.symbolic_zeros = symbolic_zeros
        return jvp

    def defjvps(self, *jvps: Callable | None) -> None:
        """Define the rule by one function for each argument: (tangent, primal out, *primals) -> tangent out. None: zero."""
        if self.nondiff_argnums:
            raise TypeError("Can't use ``defjvps`` with ``nondiff_argnums``.")

        def jvp(primals, tangents):
            out = self(*primals)
            parts = [rule(t, out, *primals) for rule, t in zip(jvps, tangents, strict=True) if rule is not None]
            if not parts:
                return out, zero_from_primal(out)
            return out, functools.reduce(functools.partial(tree_map, add_any_p.bind), parts)

        self.defjvp(jvp)

    def __call__(self, *args: Any, **kwargs: Any) -> R:
        if self.jvp is None:
            raise AttributeError(
                f"No JVP defined for custom_jvp function {self._name} using defjvp: decorate the rule with"
                f" @{self._name}.defjvp."
            )
        args = self._arguments(args, kwargs)
        nondiff, differentiated, with_both = self._separated(args)
        flat_args, in_tree = self._flatten(differentiated)
        flat_fun, out = _flat(with_both(self.fun), in_tree, self._name)
        rule = self._flat_jvp(nondiff, in_tree, out)
        outs = custom_jvp_call(flat_fun, rule, flat_args, symbolic_zeros=self.symbolic_zeros, name=self._name)
        return tree_unflatten(out.tree, outs)

    def _flat_jvp(self, nondiff, in_tree, out: _Out) -> Callable:
        rule, name = self.jvp, name_of(self.jvp)
        where = f"Custom JVP rule {name} for function {self._name}"

        def flat_jvp(*args):
            n = len(args) // 2
            primals, tangents = tree_unflatten(in_tree, args[:n]), tree_unflatten(in_tree, args[n:])
            pair = rule(*nondiff, primals, tangents)
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise TypeError(
                    f"{where} must produce a pair (list or tuple of length two) representing primal and tangent outputs, but"
                    f" got {pair}."
                )
            outs, out_tree = tree_flatten(pair[0])
            out_tangents, tangent_tree = tree_flatten(pair[1])
            if out_tree != tangent_tree:
                raise TypeError(
                    f"{where} must produce primal and tangent outputs with equal container (pytree) structures, but got"
                    f" {out_tree} and {tangent_tree} respectively."
                )
            outs = [as_output(x, rule) for x in outs]
            out.check(where, self._name, out_tree, outs)
            return [*outs, *[_checked_tangent(where, x, t) for x, t in zip(outs, out_tangents)]]

        flat_jvp.__name__ = name
        return flat_jvp


def _checked_tangent(where: str, primal, tangent):
    expected = get_aval(primal).to_tangent_aval()
    if type(tangent) is Zero:
        return Zero(expected)
    tangent = as_operand(tangent, f"{where}: tangent output")
    found = get_aval(tangent)
    if expected.dtype == float0 and found.shape == expected.shape:
        return Zero(expected)
    if (found.shape, found.dtype) != (expected.shape, expected.dtype):
        raise TypeError(
            f"{where} must produce primal and tangent outputs with corresponding shapes and dtypes. Expected"
            f" {expected.str_short()} (tangent type of {get_aval(primal).str_short()}) but got {found.str_short()}."
        )
    return tangent


# ---------------------------------------------------------------------------------------------------------------------
# custom_vjp


class custom_vjp(_CustomFunction[R]):
    """A function whose reverse-mode derivative two user functions compute (`jax.custom_vjp`). It has no forward mode.

    >>> import minijax as jax
    >>> import minijax.numpy as jnp
    >>> @jax.custom_vjp
    ... def clip_gradient(x):
    ...     return x
    >>> clip_gradient.defvjp(lambda x: (x, None), lambda residuals, ct: (jnp.clip(ct, -1, 1),))
    >>> jax.grad(lambda x: 5 * clip_gradient(x))(2.0)
    Array(1., dtype=float32, weak_type=True)

    nondiff_argnums, nondiff_argnames: positions and names of arguments that are not differentiated, any Python objects but
    tracers; `fwd` gets them in their places, `bwd` gets them first.
    """

    def __init__(
        self, fun: Callable[..., R], nondiff_argnums: Sequence[int] = (), nondiff_argnames: Sequence[str] = ()
    ):
        super().__init__(fun, nondiff_argnums, nondiff_argnames)
        self.fwd: Callable | None = None
        self.bwd: Callable | None = None
        self.symbolic_zeros = False

    def defvjp(self, fwd: Callable, bwd: Callable, symbolic_zeros: bool = False, optimize_remat: bool = False) -> None:
        """Define the rule by two functions.

        fwd(*args) -> (out, residuals); the residuals are any pytree. bwd(*nondiff, residuals, cotangent) -> a tuple of
        cotangents, one for each differentiated argument; None stands for zero.

        symbolic_zeros: `fwd` gets objects with `.value` and `.perturbed` for the arrays of differentiated arguments, and
        `bwd` gets a `SymbolicZero` for a cotangent that is known to be zero. optimize_remat is accepted and ignored.
        """
        self.fwd, self.bwd, self.symbolic_zeros = fwd, bwd, symbolic_zeros

    def __call__(self, *args: Any, **kwargs: Any) -> R:
        if self.fwd is None or self.bwd is None:
            raise AttributeError(
                f"No VJP defined for custom_vjp function {self._name} using defvjp: call {self._name}.defvjp(fwd, bwd)."
            )
        args = self._arguments(args, kwargs)
        nondiff, differentiated, with_both = self._separated(args)
        if any(isinstance(leaf, Tracer) for leaf in tree_leaves(nondiff)):
            raise UnexpectedTracerError(
                f"Found a traced value among the nondiff_argnums of the custom_vjp function {self._name}. Make it a"
                " differentiated argument, for which bwd may return None."
            )
        flat_args, in_tree = self._flatten(differentiated)
        flat_fun, out = _flat(with_both(self.fun), in_tree, self._name)
        rules = _VJPRules(self, nondiff, with_both(self.fwd), in_tree, out, [get_aval(x) for x in flat_args])
        outs = custom_vjp_call(
            flat_fun,
            rules.named(rules.forward, self.fwd),
            rules.named(rules.backward, self.bwd),
            flat_args,
            out_trees=lambda: out.tree,
            symbolic_zeros=self.symbolic_zeros,
            name=self._name,
        )
        return tree_unflatten(out.tree, outs)


class CustomVJPPrimal:
    """With symbolic_zeros, `fwd` gets one for each array: `value` is the array, `perturbed` says if it is differentiated.

    >>> import minijax
    >>> @minijax.custom_vjp
    ... def product(x, y):
    ...     return x * y
    >>> def forward(x, y):
    ...     print(x.perturbed, y.perturbed)
    ...     return x.value * y.value, y.value
    >>> product.defvjp(forward, lambda y, ct: (y * ct, None), symbolic_zeros=True)
    >>> minijax.grad(product)(2.0, 3.0)
    True False
    Array(3., dtype=float32, weak_type=True)
    """

    def __init__(self, value, perturbed: bool = True):
        self.value = value
        self.perturbed = perturbed


def custom_vjp_primal_tree_values(tree: Any) -> Any:
    """The arrays of a tree of `CustomVJPPrimal`: with symbolic_zeros, the arguments as `fwd` gets them without.

    >>> custom_vjp_primal_tree_values({"x": CustomVJPPrimal(3.0)})
    {'x': 3.0}
    """

    def value(leaf):
        if type(leaf) is not CustomVJPPrimal:
            raise TypeError(f"custom_vjp_primal_tree_values takes a tree of CustomVJPPrimal, got a leaf {leaf!r}.")
        return leaf.value

    return tree_map(value, tree)


class _VJPRules:
    """The user's `fwd` and `bwd` for one call, on flat arrays."""

    def __init__(self, function: custom_vjp, nondiff, fwd, in_tree, out: _Out, in_avals: list[ShapedArray]):
        self.function, self.nondiff, self.fwd = function, nondiff, fwd
        self.in_tree, self.out, self.in_avals = in_tree, out, in_avals
        self.res_tree: Any = None
        self.numbers: dict[int, Any] = {}

    @staticmethod
    def named(method: Callable, of: Callable) -> Callable:
        def flat(*args):
            return method(*args)

        flat.__name__ = getattr(of, "__name__", str(of))
        return flat

    def forward(self, perturbed: Sequence[bool], *args):
        name = self.function._name
        where = f"Custom VJP fwd rule {name_of(self.function.fwd, '')} for function {name}"
        if self.function.symbolic_zeros:
            args = [CustomVJPPrimal(x, p) for x, p in zip(args, perturbed, strict=True)]
        pair = self.fwd(*tree_unflatten(self.in_tree, args))
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(
                f"{where} must produce a pair (list or tuple of length two) where the first element represents the primal"
                f" output and the second element represents residuals, but got {pair}."
            )
        outs, out_tree = tree_flatten(pair[0])
        outs = [as_output(x, self.function.fwd) for x in outs]
        self.out.check(where, name, out_tree, outs)
        residuals, self.res_tree = tree_flatten(pair[1])
        # Python's numbers stay what they are, as in JAX: Equinox tells by a bool what is differentiated.
        self.numbers = {i: x for i, x in enumerate(residuals) if type(x) in (bool, int, float, complex)}
        return outs, [as_output(x, self.function.fwd) for i, x in enumerate(residuals) if i not in self.numbers]

    def backward(self, *args):
        n = self.res_tree.num_leaves - len(self.numbers)
        arrays = iter(args[:n])
        leaves = [self.numbers[i] if i in self.numbers else next(arrays) for i in range(self.res_tree.num_leaves)]
        residuals = tree_unflatten(self.res_tree, leaves)
        cotangents = self.function.bwd(*self.nondiff, residuals, tree_unflatten(self.out.tree, args[n:]))
        return self._checked(cotangents)

    def _checked(self, cotangents) -> list:
        """One cotangent or `Zero` for each flat argument."""
        where = f"Custom VJP bwd rule {name_of(self.function.bwd, '')} for function {self.function._name}"
        if isinstance(cotangents, list):
            cotangents = tuple(cotangents)
        expected = tree_unflatten(self.in_tree, self.in_avals)
        if not isinstance(cotangents, tuple) or len(cotangents) != len(expected):
            raise TypeError(
                f"{where} must produce a tuple with one cotangent for each of the {len(expected)} differentiated arguments"
                f" (None for zero), but got {cotangents!r}."
            )
        flat = []
        for i, (given, wanted) in enumerate(zip(cotangents, expected)):
            avals = tree_leaves(wanted)
            leaves = [None] * len(avals) if given is None else self._match(where, i, wanted, given)
            flat += [self._cotangent(f"{where}, argument {i}", ct, aval) for ct, aval in zip(leaves, avals)]
        return flat

    @staticmethod
    def _match(where: str, i: int, wanted, given) -> list:
        """A cotangent for each leaf of the argument. One leaf of the cotangent's tree may stand for a container of the argument:
        for each leaf in it. None stands for zeros; where the argument has None, anything may stand."""
        leaves, given_tree = tree_flatten(given, is_leaf=lambda x: x is None)
        try:
            parts = given_tree.flatten_up_to(wanted)
        except ValueError:
            raise TypeError(
                f"{where} must produce cotangents with the container (pytree) structure of the arguments: argument {i} has"
                f" {tree_structure(wanted)}, the rule returned {given_tree}."
            ) from None
        return [ct for ct, part in zip(leaves, parts) for _ in tree_leaves(part)]

    @staticmethod
    def _cotangent(where: str, ct, aval: ShapedArray):
        expected = aval.to_tangent_aval()
        if ct is None or type(ct) is Zero or expected.dtype == float0:
            return Zero(expected)
        ct = as_operand(ct, where)
        found = get_aval(ct)
        # As in JAX the dtype may be another one: a rule may compute in less accuracy than its argument has.
        if found.shape != expected.shape or not issubdtype(found.dtype, np.inexact):
            raise ValueError(
                f"{where}: the cotangent must have the shape and dtype of the argument, {expected.str_short()}, but got"
                f" {found.str_short()}."
            )
        return ct


# ---------------------------------------------------------------------------------------------------------------------
# custom_gradient, closure_convert


def custom_gradient(fun: Callable[..., tuple[R, Any]]) -> Callable[..., R]:
    """A function that returns the value of `fun`, and whose derivative is the vjp function of `fun` (`jax.custom_gradient`).

    fun returns (value, vjp function).

    >>> import minijax as jax
    >>> f = jax.custom_gradient(lambda x: (x ** 2, lambda g: (g * x,)))
    >>> f(3.0), jax.grad(f)(3.0)
    (Array(9., dtype=float32, weak_type=True), Array(3., dtype=float32, weak_type=True))
    """

    @wraps(fun)
    def wrapped(*args, **kwargs):
        def value(*args):
            out, _ = fun(*args, **kwargs)
            return out

        def fwd(*args):
            out, rule = fun(*args, **kwargs)
            # The residuals are the values that the rule closes over.
            return out, _closed_over(rule, tree_map(lambda x: get_aval(x).to_tangent_aval(), out))

        def bwd(rule, ct):
            result = rule(ct)
            return tuple(result) if isinstance(result, (tuple, list)) else (result,)

        f = custom_vjp(wraps(fun)(value))
        f.defvjp(fwd, bwd)
        return f(*args)

    return wrapped


def _evaluate(jaxpr, out_tree, consts, *args):
    return tree_unflatten(out_tree, eval_jaxpr(jaxpr, consts, *tree_leaves(args)))


def _closed_over(fun: Callable, *examples) -> Partial:
    """`fun` as a pytree whose leaves are the values that it closes over. `examples`: avals for its arguments."""
    avals, in_tree = tree_flatten(examples)
    flat, out = _flat(fun, in_tree, name_of(fun, "rule"))
    jaxpr, consts = trace_to_jaxpr(flat, avals)
    return Partial(functools.partial(_evaluate, jaxpr, out.tree), consts)


def closure_convert(fun: Callable[..., Any], *example_args: Any) -> tuple[Callable[..., Any], list[Any]]:
    """(`fun` with further arguments for the traced values that it closes over, these values) (`jax.closure_convert`).

    A custom_vjp that takes a function as an argument needs it: cotangents must reach the values that the function closes
    over, and they reach arguments only.

    >>> import minijax as jax
    >>> def g(y):
    ...     converted, consts = closure_convert(lambda x: x * y, 1.0)
    ...     return converted(2.0, *consts)
    >>> jax.grad(g)(3.0)
    Array(2., dtype=float32, weak_type=True)
    """
    leaves, in_tree = tree_flatten(example_args)
    flat, out = _flat(fun, in_tree, name_of(fun, "fun"))
    jaxpr, consts = trace_to_jaxpr(flat, [get_aval(as_operand(x, "example argument")) for x in leaves])
    hoisted = [isinstance(c, Tracer) for c in consts]

    def converted(*args_and_consts):
        n = len(args_and_consts) - sum(hoisted)
        args, given = args_and_consts[:n], iter(args_and_consts[n:])
        values = [next(given) if h else c for h, c in zip(hoisted, consts)]
        found_leaves, found = tree_flatten(args)
        if found != in_tree:
            raise TypeError(
                "The inputs to the closure produced by closure_convert must have the same Pytree structure as the example"
                f" arguments passed when closure_convert was called. Expected {in_tree}, but got {found}."
            )
        return tree_unflatten(out.tree, eval_jaxpr(jaxpr, values, *found_leaves))

    return converted, [c for c, h in zip(consts, hoisted) if h]


__all__ = [
    "CustomVJPPrimal",
    "SymbolicZero",
    "closure_convert",
    "custom_gradient",
    "custom_jvp",
    "custom_jvp_call_p",
    "custom_vjp",
    "custom_vjp_call_p",
    "custom_vjp_primal_tree_values",
    "zero_from_primal",
]
