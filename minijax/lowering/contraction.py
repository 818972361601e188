"""The pass that turns a sum of products into a matrix product: `(kernel * alpha).sum(-1)` becomes a `dot_general`.

A `dot_general` makes no array as large as the product, and NumPy computes it by its fastest code. A product may have any number of
factors:

    sum_d 2 g[b,h] alpha[h,d] k[b,h,d] x[b,h,d]  =  2 g[b,h] sum_d alpha[h,d] (k x)[b,h,d]

Numbers, and factors that do not vary along the summed axes, go before the sum. Of the other factors, two that vary along the same
axes are multiplied, again and again, until two factors are left.

Results change only by rounding; a zero keeps its sign; and a result that is not finite stays so. There are two exceptions, both
for factors that go before the sum. With an infinite factor, a NaN from `inf - inf` may become inf. With a factor below 1, a sum may
overflow that does not overflow otherwise.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..core.array import ArrayImpl, to_array
from ..core.avals import ShapedArray
from ..core.jaxpr import Atom, Jaxpr, JaxprEqn, Literal, Var
from ..primitives.basis import broadcast_in_dim_p, reduce_sum_p, reshape_p, transpose_p
from ..primitives.contractions import dot_general_p
from ..primitives.elementwise import add_p, mul_p
from .rewriting import maker, rewritten

# NumPy's sum along a last axis that is shorter than this takes many times as long as a matrix product with ones.
SHORT = 256
# Arrays with fewer elements than this are left alone: the time of a NumPy call does not depend on the size there.
MANY = 1 << 12
# A number goes before the sum only if it lies between 1 / MODERATE and MODERATE. In `(1e-30 * x * y).sum()` the factor may keep the
# sum from overflowing.
MODERATE = 2.0**20


def contractions(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr with matrix products for sums of products, unless another equation reads the product too."""
    reads = Counter(v for eqn in jaxpr.eqns for v in eqn.invars if type(v) is not Literal)
    reads.update(v for v in jaxpr.outvars if type(v) is not Literal)

    def rewrite(eqn: JaxprEqn, makers):
        return (_contracted if eqn.primitive.name == "reduce_sum" else _product_transposed)(eqn, makers, reads)

    return rewritten(jaxpr, rewrite, ("reduce_sum", "transpose"))


class _Factor(NamedTuple):
    """A factor of a product. `axes` are the axes of the product along which the factor varies; `atom` has exactly these axes."""

    atom: Atom
    axes: tuple[int, ...]


class _Writer:
    """Writes the equations that replace one sum of a product. sizes: the shape of the product."""

    def __init__(self, eqn: JaxprEqn):
        self.eqn = eqn
        self.sizes = eqn.invars[0].aval.shape
        self.dtype = eqn.outvars[0].aval.dtype
        self.eqns: list[JaxprEqn] = []
        self._reshaped: dict[tuple, Atom] = {}

    def apply(self, primitive, operands: Sequence[Atom], shape: Sequence[int], /, **params) -> Var:
        out = Var(ShapedArray(tuple(shape), self.dtype))
        self.eqns.append(self.eqn.replace(primitive=primitive, invars=list(operands), outvars=[out], params=params))
        return out

    def size(self, axes) -> int:
        return math.prod(self.sizes[i] for i in axes)

    def reshape(self, x: Atom, shape: Sequence[int]) -> Atom:
        shape = tuple(shape)
        if x.aval.shape == shape:
            return x
        if (x, shape) not in self._reshaped:
            params = {"new_sizes": shape, "dimensions": None, "sharding": None}
            self._reshaped[x, shape] = self.apply(reshape_p, [x], shape, **params)
        return self._reshaped[x, shape]

    def spread(self, factor: _Factor, axes: Sequence[int]) -> Atom:
        """The factor's array with an axis for each of `axes`. An axis along which the factor does not vary has size 1."""
        return self.reshape(factor.atom, [self.sizes[i] if i in factor.axes else 1 for i in axes])

    def times(self, x: _Factor, y: _Factor) -> _Factor:
        axes = tuple(sorted({*x.axes, *y.axes}))
        operands = [self.spread(x, axes), self.spread(y, axes)]
        return _Factor(self.apply(mul_p, operands, [self.sizes[i] for i in axes]), axes)

    def scaled(self, factor: _Factor, number: Atom) -> _Factor:
        return _Factor(self.apply(mul_p, [factor.atom, number], factor.atom.aval.shape), factor.axes)

    def with_zeros_of_sums(self, factor: _Factor) -> _Factor:
        """The factor with 0.0 for -0.0. No sum is -0.0, but the product of a sum and a negative factor may be."""
        if self.eqns[-1].primitive is not mul_p:
            return factor
        zero = _number_literal(0, self.dtype)
        return _Factor(self.apply(add_p, [factor.atom, zero], factor.atom.aval.shape), factor.axes)

    def summed(self, factor: _Factor, axes: set[int]) -> _Factor:
        if axes.isdisjoint(factor.axes):
            return factor
        positions = tuple(i for i, a in enumerate(factor.axes) if a in axes)
        kept = tuple(a for a in factor.axes if a not in axes)
        shape = [self.sizes[a] for a in kept]
        return _Factor(self.apply(reduce_sum_p, [factor.atom], shape, axes=positions, out_sharding=None), kept)

    def dot(self, x: _Factor, y: _Factor, summed: set[int]) -> _Factor:
        """The sum of x y over the `summed` axes that x and y have in common."""
        contract = [a for a in x.axes if a in summed]
        batch = [a for a in x.axes if a in y.axes and a not in summed]
        if not batch and len(contract) == len(x.axes) == len(y.axes):
            x, y = (_Factor(self.reshape(f.atom, (self.size(contract),)), (contract[0],)) for f in (x, y))
            positions = ((0,), (0,)), ((), ())
        else:
            positions = tuple(tuple(tuple(map(f.axes.index, axes)) for f in (x, y)) for axes in (contract, batch))
        axes = (*batch, *[a for f in (x, y) for a in f.axes if a not in contract and a not in batch])
        params = {"precision": None, "preferred_element_type": self.dtype, "out_sharding": None}
        shape = [self.sizes[a] for a in axes]
        return _Factor(self.apply(dot_general_p, [x.atom, y.atom], shape, dimension_numbers=positions, **params), axes)

    def ordered(self, factor: _Factor) -> _Factor:
        axes = tuple(sorted(factor.axes))
        if axes == factor.axes:
            return factor
        permutation = tuple(map(factor.axes.index, axes))
        shape = [self.sizes[a] for a in axes]
        return _Factor(self.apply(transpose_p, [factor.atom], shape, permutation=permutation), axes)

    def finish(self, factor: _Factor) -> list[JaxprEqn]:
        """The equations; the last one binds the variable of the sum that they replace."""
        shape = self.eqn.outvars[0].aval.shape
        if math.prod(shape) == factor.atom.aval.size:
            self.reshape(factor.atom, shape)
        else:
            # No factor varies along some axis of the result: repeat the sum along it.
            kept = [i for i in range(len(self.sizes)) if i not in self.eqn.params["axes"]]
            params = {"shape": shape, "broadcast_dimensions": tuple(map(kept.index, factor.axes)), "sharding": None}
            self.apply(broadcast_in_dim_p, [factor.atom], shape, **params)
        self.eqns[-1] = self.eqns[-1].replace(outvars=self.eqn.outvars)
        return self.eqns


def _origin_of_product(eqn: JaxprEqn, leaves: Sequence[Atom], makers):
    """The origin of the sum, merged with the origins of the product's equations: the new equations do the work of both."""
    origin, waiting, ends = eqn.origin, [eqn.invars[0]], set(map(id, leaves))
    while waiting and origin is not None:
        atom = waiting.pop()
        if id(atom) not in ends and type(atom) is not Literal and atom in makers:
            origin = origin.merged(makers[atom].origin)
            waiting += makers[atom].invars
    return origin


def _contracted(eqn: JaxprEqn, makers, reads: Counter) -> list[JaxprEqn] | None:
    x, aval = eqn.invars[0], eqn.outvars[0].aval
    if aval.dtype.char not in "fdFD" or aval.weak_type or type(x) is Literal or 0 in x.aval.shape:
        return None
    summed = {a for a in eqn.params["axes"] if x.aval.shape[a] != 1}
    leaves = _leaves(x, x.aval.shape, makers, reads)
    w = _Writer(eqn.replace(origin=_origin_of_product(eqn, leaves, makers)))
    number, scales = _numbers([v for v in leaves if not v.aval.shape], aval)
    factors = [_factor(v, w, makers) for v in leaves if v.aval.shape]
    inner = [f for f in factors if not summed.isdisjoint(f.axes)]
    if not summed or not summed <= {a for f in inner for a in f.axes}:
        return None
    if len(inner) == 1:
        # One factor varies along the summed axes, so there is no product to avoid. The gain is one pass over memory.
        if scales or x.aval.size < MANY:
            return None
        total = _short_sum(w, inner[0], summed) or (w.summed(inner[0], summed) if len(leaves) > 1 else None)
    else:
        total = _sum_of_product(w, inner, scales, summed)
    if total is None:
        return None
    for factor in factors:
        if summed.isdisjoint(factor.axes):
            total = w.times(total, factor)
    if number is None:
        return w.finish(w.with_zeros_of_sums(total))
    if to_array(number.val).item() < 0:
        return w.finish(w.with_zeros_of_sums(w.scaled(total, number)))
    return w.finish(w.scaled(w.with_zeros_of_sums(total), number))


def _sum_of_product(w: _Writer, inner: list[_Factor], scales: list[Atom], summed: set[int]) -> _Factor | None:
    """The sum of the product of factors that all vary along some of the summed axes; None if it would not be faster."""
    x, y = _two(w, inner)
    for number in scales:
        y = w.scaled(y, number)
    x, y = w.summed(x, summed.difference(y.axes)), w.summed(y, summed.difference(x.axes))
    both = set(x.axes) & set(y.axes)
    if both.isdisjoint(summed):
        # `(x[:, None] * y).sum()` is `x.sum() * y.sum()`: no axis is left to sum over.
        return w.times(x, y)
    # `@` is fast if the rows or the columns of a matrix are contiguous in memory. They are, unless the last axis is a batch axis.
    if any(f.axes[-1] in both - summed and not both.issuperset(f.axes) for f in (x, y)):
        return None
    # Each sum is a product of two vectors. If they are short, or not contiguous, `@` takes ten times as long as `*` and a sum.
    if both - summed and both == {*x.axes, *y.axes} and (w.size(both & summed) < 64 or max(both) not in summed):
        product = w.times(x, y)
        return _short_sum(w, product, summed) or w.summed(product, summed)
    return w.ordered(w.dot(x, y, summed))


def _two(w: _Writer, factors: list[_Factor]) -> tuple[_Factor, _Factor]:
    """Two factors with the same product, the larger one first. Factors that vary along the same axes are multiplied first."""
    factors = sorted(factors, key=lambda f: -w.size(f.axes))
    while len(factors) > 2:
        pairs = [(i, j) for j in range(len(factors)) for i in range(j)]
        i, j = min(pairs, key=lambda p: (len({*factors[p[0]].axes} ^ {*factors[p[1]].axes}), p))
        joined = w.times(factors[i], factors[j])
        factors = [joined, *[f for k, f in enumerate(factors) if k not in (i, j)]]
    return factors[0], factors[1]


def _short_sum(w: _Writer, factor: _Factor, summed: set[int]) -> _Factor | None:
    """A sum along a short last axis, as a matrix product with ones; None for any other sum."""
    axes = [a for a in factor.axes if a in summed]
    if axes != [factor.axes[-1]] or w.size(axes) >= SHORT or w.size(factor.axes) < MANY:
        return None
    shape = (w.size(axes),)
    ones = w.apply(
        broadcast_in_dim_p, [_number_literal(1, w.dtype)], shape, shape=shape, broadcast_dimensions=(), sharding=None
    )
    return w.dot(factor, _Factor(ones, tuple(axes)), summed)


# ---------------------------------------------------------------------------------------------------------------------
# Taking a product apart


def _leaves(x: Atom, shape, makers, reads: Counter) -> list[Atom]:
    """The factors of a product of that shape. A product that another equation reads too is one factor."""
    eqn = None if type(x) is Literal or reads[x] != 1 or x.aval.shape != shape else makers.get(x)
    if eqn is None:
        return [x]
    if eqn.primitive is mul_p:
        return [leaf for v in eqn.invars for leaf in _leaves(v, shape, makers, reads)]
    if eqn.primitive.name == "square" or eqn.primitive.name == "integer_pow" and eqn.params["y"] == 2:
        # In `((x / scale) ** 2).sum()`, x / scale stays one factor: the scale may keep the squares from overflowing.
        return [eqn.invars[0]] * 2
    return [x]


def _factor(x: Atom, w: _Writer, makers) -> _Factor:
    """The array as a factor, without the axes along which it does not vary. If a broadcast or a reshape gave it these axes, the
    factor is the array before it."""
    axes = tuple(i for i, d in enumerate(x.aval.shape) if d != 1)
    spread = maker(x, makers, "broadcast_in_dim")
    if spread is not None:
        x, positions = spread.invars[0], spread.params["broadcast_dimensions"]
        axes = tuple(i for i, d in zip(positions, x.aval.shape) if d != 1)
    shape = tuple(w.sizes[a] for a in axes)
    before = maker(x, makers, "reshape")
    return _Factor(before.invars[0] if before and before.invars[0].aval.shape == shape else w.reshape(x, shape), axes)


def _numbers(numbers: Sequence[Atom], aval) -> tuple[Literal | None, list[Atom]]:
    """(the product of the literals, which goes before the sum, or None; the numbers that stay with the factors)."""
    if not numbers or aval.dtype.kind != "f" or not all(type(v) is Literal for v in numbers):
        return None, list(numbers)
    value = math.prod(to_array(v.val).item() for v in numbers)
    if not 1 / MODERATE <= abs(value) <= MODERATE:
        return None, list(numbers)
    return _number_literal(value, aval.dtype), []


def _number_literal(value, dtype) -> Literal:
    return Literal(ArrayImpl(np.asarray(value, dtype)), ShapedArray((), dtype))


# ---------------------------------------------------------------------------------------------------------------------
# (x.T @ y).T


def _product_transposed(eqn: JaxprEqn, makers, reads: Counter) -> list[JaxprEqn] | None:
    """(x.T @ y).T becomes y.T @ x, which is contiguous in memory, as other results are."""
    product = maker(eqn.invars[0], makers, "dot_general")
    if product is None or reads[eqn.invars[0]] != 1 or eqn.params["permutation"] != (1, 0):
        return None
    (x_contract, y_contract), (x_batch, _) = product.params["dimension_numbers"]
    if x_batch or not all(v.aval.ndim == 2 for v in product.invars) or product.outvars[0].aval.dtype.kind not in "fc":
        return None
    params = {**product.params, "dimension_numbers": ((y_contract, x_contract), ((), ()))}
    return [product.replace(invars=product.invars[::-1], outvars=eqn.outvars, params=params)]
