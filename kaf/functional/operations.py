"""The sum of Gaussians as four operations with rules of their own, for JAX and minijax alike: derivatives, transposes, vmap.

Let S_n be the n-th derivative by x of the sum of Gaussians, and kappa_i^(n) that of the i-th Gaussian. The operations are

    value      S_n(x, alpha)                                linear in alpha
    moments    T_n(x, g)_i = sum over rows of g kappa_i^(n)(x)       linear in g; the transpose of value
    tangent    S_1(x, alpha) dx + S_0(x, d alpha)           linear in dx and d alpha; exponentials are computed once
    pull       (g S_1(x, alpha), T_0(x, g))                 linear in g; the transpose of tangent

and all their derivatives are made of the same operations:

    dS_n = S_(n+1) dx + S_n(d alpha) + (S_n / sigma + sigma S_(n+2)) d sigma - S_(n+1)(alpha d centers)
    dT_n = T_(n+1)(g dx) + T_n(dg)   + (T_n / sigma + sigma T_(n+2)) d sigma - T_(n+1) d centers

Each is a primitive, registered by the public doors of either library (`jax.extend.core`, `jax.interpreters`). Why not by other
means? `custom_jvp` says nothing of vmap: jax.vmap(model)(batch), by which Equinox' programs map over a batch, would compute the
gradient of alpha for each example, an array [batch, units, k], and then add up. `custom_vmap` has no reverse mode.

Under vmap an axis of x alone becomes rows, [b, n, units] -> [b n, units]. If alpha, sigma or the centres have the axis too, it
becomes units, [n, b units]. Sums over rows are kept apart for each of `groups` runs of adjacent rows: the gradients of each
example.
`evaluation.py` has the programs, and the shapes of the arrays.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy

from ..backend import Array, Backend
from . import evaluation
from .evaluation import Problem
from .gridded import computing_dtype


class Operations(NamedTuple):
    """The primitives of one library."""

    value: Any
    moments: Any
    tangent: Any
    pull: Any


# The kinds of arguments. Under vmap an axis of ROWS arguments becomes rows, one of the others units.
ROWS, COEFFICIENTS, SIGMA, CENTERS = "rows", "coefficients", "sigma", "centers"


def sum_of_gaussians(
    backend: Backend, problem: Problem, x: Array, alpha: Array, sigma: Array, centers: Array, dtype: str
) -> Array:
    """The sum for x [..., *own], alpha [*units, k], sigma [] or what broadcasts to *units, centers [k]; of x's shape."""
    ndim = alpha.ndim - 1
    shape = x.shape
    own = shape[len(shape) - ndim :]
    x = x.reshape(math.prod(shape[: len(shape) - ndim]), *own)
    if sigma.ndim:
        sigma = sigma.reshape((1,) * (ndim - sigma.ndim) + sigma.shape)
    arrays = backend.varying_alike([x, alpha, sigma, centers])
    return operations(backend).value.bind(*arrays, order=0, problem=problem, dtype=dtype).reshape(shape)


@functools.cache
def operations(backend: Backend) -> Operations:
    """The primitives, made when they are first needed."""
    made = Operations(
        *[_primitive(backend, name, getattr(evaluation, name), name == "pull") for name in Operations._fields]
    )
    rules = _Rules(backend, made)
    for name, kinds in rules.kinds.items():
        primitive = getattr(made, name)
        primitive.def_abstract_eval(getattr(rules, f"type_of_{name}"))
        backend.ad.primitive_jvps[primitive] = getattr(rules, f"jvp_of_{name}")
        backend.ad.primitive_transposes[primitive] = getattr(rules, f"transpose_of_{name}")
        batch = functools.partial(_batch, rules, name, kinds)
        backend.batching.primitive_batchers[primitive] = batch
        backend.jet.jet_rules[primitive] = functools.partial(rules.jet_of, name)
    return made


def _primitive(backend: Backend, name: str, program: Callable, several: bool):
    primitive = backend.extend.Primitive(f"kaf_{name}")
    primitive.multiple_results = several

    def function(*arrays, **params):
        return program(backend, *[params[key] for key in _STATIC[name]], *arrays)

    function.__name__ = f"kaf_{name}"
    lower_fun = functools.partial(backend.mlir.lower_fun, multiple_results=several)
    backend.mlir.register_lowering(primitive, lower_fun(function))
    if not backend.has_numpy_programs:
        primitive.def_impl(backend.jit(function, static_argnames=_STATIC[name]))
        return primitive

    def in_numpy(*arrays, **params):
        return function(*arrays, **{**params, "problem": params["problem"]._replace(tables=True)})

    def alone(*arrays, **params):
        return primitive.bind(*arrays, **params)

    in_numpy.__name__ = alone.__name__ = function.__name__
    backend.mlir.register_lowering(primitive, lower_fun(in_numpy), platform="numpy")
    # A call outside of jit is a program too, so that it takes the lowering of the compiler.
    primitive.def_impl(backend.jit(alone, static_argnames=_STATIC[name]))
    return primitive


# The static parameters of each operation, in the order in which the functions of `evaluation.py` take them.
_STATIC = {
    "value": ("problem", "order", "dtype"),
    "moments": ("problem", "order", "groups", "units", "dtype"),
    "tangent": ("problem", "dtype"),
    "pull": ("problem", "groups", "dtypes"),
}


class _Rules:
    """The rules of the operations on one library."""

    kinds = {
        "value": (ROWS, COEFFICIENTS, SIGMA, CENTERS),
        "moments": (ROWS, ROWS, SIGMA, CENTERS),
        "tangent": (ROWS, COEFFICIENTS, ROWS, COEFFICIENTS, SIGMA, CENTERS),
        "pull": (ROWS, COEFFICIENTS, ROWS, SIGMA, CENTERS),
    }

    def __init__(self, backend: Backend, made: Operations):
        self.backend, self.xp, self.made = backend, backend.np, made

    # -- The operations, as functions --------------------------------------------------------------------------------------

    def value(self, x, alpha, sigma, centers, *, order: int, problem: Problem, dtype: str | None = None):
        dtype = dtype or computing_dtype(self.xp, x, alpha, sigma)
        return self.made.value.bind(x, alpha, sigma, centers, order=order, problem=problem, dtype=dtype)

    def moments(self, x, g, sigma, centers, **params):
        return self.made.moments.bind(x, g, sigma, centers, **params)

    # -- Types ---------------------------------------------------------------------------------------------------------------
    # `update` keeps what else a type of JAX's says: along which axes of a mesh the array varies.

    def type_of_value(self, x, alpha, sigma, centers, *, order, problem, dtype):
        return x.update(dtype=numpy.dtype(dtype), weak_type=False)

    def type_of_tangent(self, x, alpha, x_t, alpha_t, sigma, centers, *, problem, dtype):
        return x.update(dtype=numpy.dtype(dtype), weak_type=False)

    def type_of_moments(self, x, g, sigma, centers, *, order, groups, units, problem, dtype):
        return centers.update(shape=(groups, *units, centers.shape[-1]), dtype=numpy.dtype(dtype), weak_type=False)

    def type_of_pull(self, x, alpha, g, sigma, centers, *, groups, problem, dtypes):
        sums = alpha.update(shape=(groups, *alpha.shape), dtype=numpy.dtype(dtypes[1]), weak_type=False)
        return [x.update(dtype=numpy.dtype(dtypes[0]), weak_type=False), sums]

    # -- Derivatives -----------------------------------------------------------------------------------------------------------

    def _nonzero(self, tangents: Sequence) -> list:
        return [None if type(t) is self.backend.ad.Zero else t for t in tangents]

    def _total(self, out, parts: list):
        if not parts:
            return self.xp.zeros_like(out)
        return sum(parts[1:], parts[0]).astype(out.dtype)

    def jvp_of_value(self, primals, tangents, *, order, problem, dtype):
        x, alpha, sigma, centers = primals
        x_t, alpha_t, sigma_t, centers_t = self._nonzero(tangents)
        S = functools.partial(self.value, problem=problem)
        out, parts = S(x, alpha, sigma, centers, order=order, dtype=dtype), []
        if sigma_t is not None:
            # All of it by sums that are linear in coefficients: reverse mode then adds up over x, and keeps no array of x's size.
            width, width_t = (s[..., None] if s.ndim else s for s in (sigma, sigma_t))
            parts.append(S(x, alpha * (width * width_t), sigma, centers, order=order + 2))
            by_width = alpha * (width_t / width)
            alpha_t = by_width if alpha_t is None else alpha_t + by_width
        if order == 0 and x_t is not None and alpha_t is not None:
            parts.append(self.made.tangent.bind(x, alpha, x_t, alpha_t, sigma, centers, problem=problem, dtype=dtype))
        else:
            if x_t is not None:
                parts.append(S(x, alpha, sigma, centers, order=order + 1) * x_t)
            if alpha_t is not None:
                parts.append(S(x, alpha_t, sigma, centers, order=order))
        if centers_t is not None:
            parts.append(S(x, -alpha * centers_t, sigma, centers, order=order + 1))
        return out, self._total(out, parts)

    def jvp_of_moments(self, primals, tangents, *, order, **params):
        x, g, sigma, centers = primals
        x_t, g_t, sigma_t, centers_t = self._nonzero(tangents)
        T = lambda g, order: self.moments(x, g, sigma, centers, order=order, **params)
        out, parts = T(g, order), []
        if x_t is not None:
            parts.append(T(g * x_t, order + 1))
        if g_t is not None:
            parts.append(T(g_t, order))
        if sigma_t is not None:
            width, width_t = (s[..., None] if s.ndim else s for s in (sigma, sigma_t))
            parts.append((out / width + width * T(g, order + 2)) * width_t)
        if centers_t is not None:
            parts.append(-T(g, order + 1) * centers_t)
        return out, self._total(out, parts)

    def jvp_of_tangent(self, primals, tangents, *, problem, dtype):
        out = self.made.tangent.bind(*primals, problem=problem, dtype=dtype)

        def terms(x, alpha, x_t, alpha_t, sigma, centers):
            slope = self.value(x, alpha, sigma, centers, order=1, problem=problem)
            return slope * x_t + self.value(x, alpha_t, sigma, centers, order=0, problem=problem)

        return out, self._pushed(terms, primals, tangents).astype(dtype)

    def jvp_of_pull(self, primals, tangents, *, groups, problem, dtypes):
        outs = self.made.pull.bind(*primals, groups=groups, problem=problem, dtypes=dtypes)

        def parts(x, alpha, g, sigma, centers):
            slope = g * self.value(x, alpha, sigma, centers, order=1, problem=problem)
            params = {"groups": groups, "units": alpha.shape[:-1], "problem": problem, "dtype": dtypes[1]}
            return slope.astype(dtypes[0]), self.moments(x, g, sigma, centers, order=0, **params)

        x, alpha, g, sigma, centers = primals
        found = self._pushed(parts, primals, tangents, besides=2)
        if type(tangents[2]) is self.backend.ad.Zero:
            return outs, list(found)
        by_g = self.made.pull.bind(x, alpha, tangents[2], sigma, centers, groups=groups, problem=problem, dtypes=dtypes)
        return outs, by_g if found is None else [a + b for a, b in zip(by_g, found, strict=True)]

    def _pushed(self, function: Callable, primals, tangents, besides: int | None = None):
        """The tangent of the result of a function of all primals, without the one that is due to the argument `besides`; None if no
        other has a tangent."""
        nonzero = [i for i, t in enumerate(self._nonzero(tangents)) if t is not None and i != besides]
        if not nonzero:
            return None

        def of_nonzero(*values):
            arguments = list(primals)
            for i, value in zip(nonzero, values, strict=True):
                arguments[i] = value
            return function(*arguments)

        return self.backend.jvp(of_nonzero, tuple(primals[i] for i in nonzero), tuple(tangents[i] for i in nonzero))[1]

    # -- Transposes ------------------------------------------------------------------------------------------------------------

    def transpose_of_value(self, ct, x, alpha, sigma, centers, *, order, problem, dtype):
        params = {"groups": 1, "units": alpha.aval.shape[:-1], "problem": problem, "dtype": str(alpha.aval.dtype)}
        return [None, self.moments(x, ct, sigma, centers, order=order, **params)[0], None, None]

    def transpose_of_moments(self, ct, x, g, sigma, centers, *, order, groups, units, problem, dtype):
        dtype = str(g.aval.dtype)
        return [
            None,
            self._by_group(x, ct, sigma, centers, groups, order=order, problem=problem, dtype=dtype),
            None,
            None,
        ]

    def _by_group(self, x, alpha, sigma, centers, groups: int, **params):
        """The value for x [groups * n, *own], where each group of rows has its own alpha [groups, *units, k]."""
        if groups == 1:
            return self.value(x, alpha[0], sigma, centers, **params)
        # The groups become units.
        apart = self.xp.moveaxis(x.reshape(groups, len(x) // max(1, groups), *x.shape[1:]), 0, 1)
        return self.xp.moveaxis(self.value(apart, alpha, sigma, centers, **params), 0, 1).reshape(x.shape)

    def transpose_of_tangent(self, ct, x, alpha, x_t, alpha_t, sigma, centers, *, problem, dtype):
        of_x, of_alpha = map(self.backend.ad.is_undefined_primal, (x_t, alpha_t))
        if of_x and of_alpha:
            dtypes = (str(x_t.aval.dtype), str(alpha_t.aval.dtype))
            d_x, d_alpha = self.made.pull.bind(x, alpha, ct, sigma, centers, groups=1, problem=problem, dtypes=dtypes)
            return [None, None, d_x, d_alpha[0], None, None]
        if of_x:
            slope = self.value(x, alpha, sigma, centers, order=1, problem=problem)
            return [None, None, (ct * slope).astype(x_t.aval.dtype), None, None, None]
        params = {"groups": 1, "units": alpha.shape[:-1], "problem": problem, "dtype": str(alpha_t.aval.dtype)}
        return [None, None, None, self.moments(x, ct, sigma, centers, order=0, **params)[0], None, None]

    def transpose_of_pull(self, cts, x, alpha, g, sigma, centers, *, groups, problem, dtypes):
        d_x, d_alpha = self._nonzero(cts)
        dtype = str(g.aval.dtype)
        if groups == 1 and d_x is not None and d_alpha is not None:
            d_g = self.made.tangent.bind(x, alpha, d_x, d_alpha[0], sigma, centers, problem=problem, dtype=dtype)
            return [None, None, d_g, None, None]
        parts = []
        if d_x is not None:
            parts.append(self.value(x, alpha, sigma, centers, order=1, problem=problem) * d_x)
        if d_alpha is not None:
            parts.append(self._by_group(x, d_alpha, sigma, centers, groups, order=0, problem=problem))
        return [None, None, sum(parts[1:], parts[0]).astype(dtype), None, None]

    # -- Taylor series -----------------------------------------------------------------------------------------------------------

    def jet_of(self, name: str, primals, series, **params):
        """The rule of `jet`: that of the formula."""
        backend = self.backend

        def value(x, alpha, sigma, centers, *, order, problem, dtype):
            return evaluation.formula_value(backend, order, x, alpha, sigma, centers, far=False).astype(dtype)

        def tangent(x, alpha, x_t, alpha_t, sigma, centers, *, problem, dtype):
            S = functools.partial(evaluation.formula_value, backend, far=False)
            return (S(1, x, alpha, sigma, centers) * x_t + S(0, x, alpha_t, sigma, centers)).astype(dtype)

        def moments(x, g, sigma, centers, *, order, groups, units, problem, dtype):
            return evaluation.formula_pull(backend, order, groups, units, x, g, sigma, centers, far=False)[1].astype(
                dtype
            )

        def pull(x, alpha, g, sigma, centers, *, groups, problem, dtypes):
            pair = evaluation.formula_pull(backend, 0, groups, alpha.shape[:-1], x, g, sigma, centers, alpha, False)
            return [a.astype(dtype) for a, dtype in zip(pair, dtypes, strict=True)]

        formula = {"value": value, "tangent": tangent, "moments": moments, "pull": pull}[name]
        series = [[backend.ad.instantiate_zeros(t) for t in terms] for terms in series]
        return backend.jet.jet(functools.partial(formula, **params), primals, series, factorial_scaled=False)


# -- vmap --------------------------------------------------------------------------------------------------------------------


def _batch(rules: _Rules, name: str, kinds: tuple[str, ...], args, dims, **params):
    """The rule of vmap: the axis becomes rows if only arguments that have rows are mapped, else units."""
    size = next(a.shape[d] for a, d in zip(args, dims, strict=True) if d is not None)
    mapped = {i for i, d in enumerate(dims) if d is not None}
    if name == "tangent" and mapped <= {2, 3} or name == "pull" and mapped == {2}:
        return _linear_part(rules, name, args, dims, params)
    x = args[0].shape if dims[0] is None else (*args[0].shape[: dims[0]], *args[0].shape[dims[0] + 1 :])
    primitive = getattr(rules.made, name)
    if not all(kinds[i] == ROWS for i in mapped):
        once = rules.backend.members_at_once(size, math.prod(x), params["problem"])
        if once:
            once = once if params.get("groups", 1) == 1 else 1
            return _members(rules, primitive, kinds, args, dims, size, once, params)
        moved = [_to_units(rules.xp, *each, size, len(x) - 1) for each in zip(kinds, args, dims, strict=True)]
        if "units" in params:
            params["units"] = (size, *params["units"])
        out = primitive.bind(*moved, **params)
        return (out, [1, 1]) if name == "pull" else (out, 1)
    moved = [_to_rows(rules.xp, *each, size) for each in zip(kinds, args, dims, strict=True)]
    groups = params.get("groups")
    if groups is not None:
        params["groups"] = size * groups
    out = primitive.bind(*moved, **params)
    apart = lambda a, each: a.reshape(size, each, *a.shape[1:])
    if name == "pull":
        return [apart(out[0], x[0]), apart(out[1], groups)], [0, 0]
    return apart(out, x[0] if groups is None else groups), 0


def _members(rules: _Rules, primitive, kinds: tuple[str, ...], args, dims, size: int, once: int, params: dict):
    """The members of an ensemble, `once` of them at a time: to make their axis units would move it through all arrays."""
    front = [a if d is None else rules.xp.moveaxis(a, d, 0) for a, d in zip(args, dims, strict=True)]
    mapped = [a for a, d in zip(front, dims, strict=True) if d is not None]

    def some(values):
        values = iter(values)
        given = [a if d is None else next(values) for a, d in zip(front, dims, strict=True)]
        if once == 1:
            return primitive.bind(*given, **params)
        return _side_by_side(rules, primitive, kinds, given, dims, once, params)

    if once == size:
        out = some(mapped)
    else:
        apart = mapped if once == 1 else [a.reshape(size // once, once, *a.shape[1:]) for a in mapped]
        out = rules.backend.lax.map(some, apart)
        if once > 1:
            out = rules.backend.tree_util.tree_map(lambda a: a.reshape(size, *a.shape[2:]), out)
    return (out, [0] * len(out)) if primitive.multiple_results else (out, 0)


def _side_by_side(rules: _Rules, primitive, kinds: tuple[str, ...], args, dims, size: int, params: dict):
    """The members as one row: x [members, n, *own] has the shape of the units, and alpha [members, 1, *units, k] is broadcast to
    it."""
    ndim = args[1].ndim - (1 if dims[1] is None else 2) if kinds[1] == COEFFICIENTS else len(params["units"])
    moved = []
    for kind, a, dim in zip(kinds, args, dims, strict=True):
        if dim is None and kind in (ROWS, COEFFICIENTS):
            a, dim = rules.xp.broadcast_to(a, (size, *a.shape)), 0
        if kind == ROWS:
            moved.append(a[None])
        elif dim is None:
            moved.append(a)
        else:
            # One bandwidth, or one list of centres, for all units of a member has no axes of units yet.
            shared = kind != COEFFICIENTS and a.ndim == (2 if kind == CENTERS else 1)
            moved.append(a.reshape(size, 1, *(1,) * (ndim if shared else 0), *a.shape[1:]))
    if "units" in params:
        params = {**params, "units": (size, 1, *params["units"])}
    out = primitive.bind(*moved, **params)
    # Sums [1, members, 1, *units, k] are those of one group.
    rows, sums = (lambda a: a[0]), (lambda a: a.reshape(size, 1, *a.shape[3:]))
    if primitive.multiple_results:
        return [rows(out[0]), sums(out[1])]
    return sums(out) if "groups" in params else rows(out)


def _to_rows(xp, kind: str, a, dim: int | None, size: int):
    if kind != ROWS:
        return a
    a = xp.broadcast_to(a, (size, *a.shape)) if dim is None else xp.moveaxis(a, dim, 0)
    return a.reshape(size * a.shape[1], *a.shape[2:])


def _to_units(xp, kind: str, a, dim: int | None, size: int, ndim: int):
    """ndim: how many axes of units there are."""
    if kind in (ROWS, COEFFICIENTS):
        place = 1 if kind == ROWS else 0
        if dim is None:
            return xp.broadcast_to(xp.expand_dims(a, place), (*a.shape[:place], size, *a.shape[place:]))
        return xp.moveaxis(a, dim, place)
    behind = 1 if kind == CENTERS else 0
    if dim is None:
        return a
    a = xp.moveaxis(a, dim, 0)
    # One bandwidth, or one list of centres, for all units of an example has no axes of units yet.
    return a.reshape(size, *(1,) * ndim, *a.shape[1:]) if a.ndim == 1 + behind else a


def _linear_part(rules: _Rules, name: str, args, dims, params: dict):
    """tangent or pull, mapped over the arguments alone that it is linear in: what does not depend on them is computed once."""
    xp, problem = rules.xp, params["problem"]
    front = lambda i: args[i] if dims[i] is None else xp.moveaxis(args[i], dims[i], 0)
    if name == "tangent":
        x, alpha, _, _, sigma, centers = args
        S = functools.partial(rules.value, problem=problem)
        of_x = S(x, alpha, sigma, centers, order=1) * front(2)
        of_alpha = (
            rules.backend.vmap(lambda a: S(x, a, sigma, centers, order=0), dims[3])(args[3])
            if dims[3] is not None
            else (S(x, args[3], sigma, centers, order=0))
        )
        return (of_x + of_alpha).astype(params["dtype"]), 0
    x, alpha, _, sigma, centers = args
    slope = rules.value(x, alpha, sigma, centers, order=1, problem=problem)
    of_alpha = {"groups": params["groups"], "units": alpha.shape[:-1], "problem": problem, "dtype": params["dtypes"][1]}
    sums = rules.backend.vmap(lambda g: rules.moments(x, g, sigma, centers, order=0, **of_alpha))(front(2))
    return [(front(2) * slope).astype(params["dtypes"][0]), sums], [0, 0]
