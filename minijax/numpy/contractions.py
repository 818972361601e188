"""Products of arrays: `dot`, `matmul`, `tensordot`, `einsum` and their kin, all by `lax.dot_general`.

They accept JAX's `out_sharding`, and ignore it: the types of minijax's arrays have no shardings.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Collection, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from .. import lax
from ..core.traces import Array, Tracer
from ..core.types import ArrayLike, DTypeLike
from ..foundation import dtypes
from ..foundation.tracebacks import hide_our_frames
from ..primitives import elementwise as ew
from ..primitives.basis import expand_dims
from ..primitives.elementwise import convert_element_type, select
from . import ufuncs
from .creation import array, zeros_like
from .manipulation import moveaxis, ravel, reshape
from .util import (
    as_array,
    canonicalize_axis,
    check_arraylike,
    check_hashable,
    check_no_out,
    ensure_arraylike,
    in_order,
    promote_dtypes,
    rounded,
    unwrap,
    user_dtype,
)
from .vectorize import vectorize

# The second argument of `dot_general`: (contracted axes, batch axes), each a pair for the left and the right array.
DimensionNumbers = tuple[tuple[Sequence[int], Sequence[int]], tuple[Sequence[int], Sequence[int]]]


def _result_type(name: str, preferred, *operands) -> tuple[Any, bool]:
    """(dtype, weak type) of a product. The operands keep their dtypes: `dot_general` promotes while it multiplies."""
    if preferred is not None:
        return user_dtype(preferred, name), False
    return dtypes.lattice_result_type(*operands)


def _contract(a: Array, b: Array, numbers: DimensionNumbers, precision, dtype) -> Array:
    return lax.dot_general(a, b, numbers, precision=precision, preferred_element_type=dtype)


def dot(
    a: ArrayLike,
    b: ArrayLike,
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: Any = None,
) -> Array:
    """The sum of products over the last axis of `a` and the last but one (or only) of `b` (`jax.numpy.dot`).

    >>> dot(np.float32([1, 2]), np.float32([3, 4]))
    Array(11., dtype=float32)
    """
    a, b = ensure_arraylike("dot", a, b)
    dtype, weak_type = _result_type("dot", preferred_element_type, a, b)
    rank, other = len(a.shape), len(b.shape)
    contracted = ((), ()) if rank == 0 or other == 0 else ((rank - 1,), (0 if other == 1 else other - 2,))
    result = _contract(a, b, (contracted, ((), ())), precision, dtype)
    return convert_element_type(result, dtype, weak_type)


def matmul(
    a: ArrayLike,
    b: ArrayLike,
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: Any = None,
) -> Array:
    """The product of matrices, or of stacks of them, which broadcast (`jax.numpy.matmul`, `a @ b`).

    a: (..., n, k) or (k,); b: (..., k, m) or (k,). Raises ValueError for scalars.

    >>> matmul(np.float32([[1, 2], [3, 4]]), np.float32([1, 1]))
    Array([3., 7.], dtype=float32)
    """
    a, b = ensure_arraylike("matmul", a, b)
    for i, x in enumerate((a, b)):
        if not x.shape:
            raise ValueError(f"matmul input operand {i} must have ndim at least 1, but it has ndim 0")
    dtype, weak_type = _result_type("matmul", preferred_element_type, a, b)
    plan = _matmul_plan(a.shape, b.shape)
    if plan.moves_axes:
        a, b = lax.squeeze(a, plan.squeeze[0]), lax.squeeze(b, plan.squeeze[1])
    contracted = ((len(a.shape) - 1,), (len(b.shape) - 1 - plan.b_is_matrix,))
    result = _contract(a, b, (contracted, plan.batch), precision, dtype)
    if plan.moves_axes:
        result = expand_dims(lax.transpose(result, plan.permutation), plan.both_one)
    return convert_element_type(result, dtype, weak_type)


class _MatmulPlan:
    """The roles of the leading axes in the product of two stacks of matrices: shared, of one stack only, or of size 1.

    An axis of size 1 in one stack is squeezed there, not repeated: `dot_general` pairs it with each matrix of the other.
    """

    def __init__(self, a: tuple[int, ...], b: tuple[int, ...]):
        a_is_matrix, self.b_is_matrix = len(a) > 1, len(b) > 1
        sizes_a, sizes_b = (s[:-2] if len(s) > 1 else () for s in (a, b))
        rank = max(len(sizes_a), len(sizes_b))
        # None stands for the axes that the shorter stack lacks.
        sizes_a, sizes_b = ((None,) * (rank - len(s)) + s for s in (sizes_a, sizes_b))
        roles = [_role(*pair) for pair in zip(sizes_a, sizes_b)]
        if None in roles:
            raise ValueError(f"Incompatible shapes for matmul arguments: {a} and {b}")
        shared, only_a, only_b, self.both_one = (
            [i for i, r in enumerate(roles) if r == role] for role in ("shared", "a", "b", "one")
        )
        in_a, in_b = ([i for i, d in enumerate(sizes) if d is not None] for sizes in (sizes_a, sizes_b))
        kept_a, kept_b = ([i for i in axes if i in (*shared, *only)] for axes, only in ((in_a, only_a), (in_b, only_b)))
        self.squeeze = _places(in_a, {*in_a}.difference(kept_a)), _places(in_b, {*in_b}.difference(kept_b))
        self.batch = _places(kept_a, shared), _places(kept_b, shared)
        if a_is_matrix:
            only_a.append(rank)
        if self.b_is_matrix:
            only_b.append(rank + a_is_matrix)
        # dot_general puts shared axes first, then those of a, then those of b.
        self.permutation = tuple(int(i) for i in np.argsort([*shared, *only_a, *only_b]))
        self.moves_axes = any(self.squeeze) or self.permutation != tuple(range(len(self.permutation)))


def _role(da: int | None, db: int | None) -> str | None:
    """The role of a leading axis of sizes da and db in the two stacks: "shared", "a" or "b" alone, or "one", if both are 1.

    None for sizes that do not broadcast. A stack of size 1 lets the other stack have the axis alone.
    """
    if da is None or db is None:
        return "b" if da is None else "a"
    if da == db:
        return "one" if da == 1 else "shared"
    return "b" if da == 1 else "a" if db == 1 else None


def _places(axes: list[int], chosen: Collection[int]) -> list[int]:
    """The places of the chosen axes in a list of axes."""
    return [place for place, axis in enumerate(axes) if axis in chosen]


# The same shapes come again and again, and making a plan takes longer than multiplying small matrices.
_matmul_plan = lru_cache(4096)(_MatmulPlan)


def vdot(
    a: ArrayLike, b: ArrayLike, *, precision: Any = None, preferred_element_type: DTypeLike | None = None
) -> Array:
    """The sum of products of all elements, with `a` conjugated (`jax.numpy.vdot`).

    >>> import minijax.numpy as jnp
    >>> jnp.vdot(jnp.array([1j, 2.0]), jnp.array([1j, 1.0]))
    Array(3.+0.j, dtype=complex64)
    """
    a, b = ensure_arraylike("vdot", a, b)
    return dot(ravel(ufuncs.conj(a)), ravel(b), precision=precision, preferred_element_type=preferred_element_type)


def vecdot(
    x1: ArrayLike,
    x2: ArrayLike,
    /,
    *,
    axis: int = -1,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """The sum of products along an axis, with broadcasting and with `x1` conjugated (`jax.numpy.vecdot`).

    >>> import minijax.numpy as jnp
    >>> jnp.vecdot(jnp.array([[1, 2], [3, 4]]), jnp.array([1, 1]))
    Array([3, 7], dtype=int32)
    """
    x1, x2 = ensure_arraylike("jnp.vecdot", x1, x2)
    sizes = [x.shape[canonicalize_axis(operator.index(axis), len(x.shape), IndexError)] for x in (x1, x2)]
    if sizes[0] != sizes[1]:
        raise ValueError(f"axes must match; got shapes {x1.shape} and {x2.shape} with axis={axis!r}")
    product = partial(vdot, precision=precision, preferred_element_type=preferred_element_type)
    return vectorize(product, signature="(n),(n)->()")(moveaxis(x1, axis, -1), moveaxis(x2, axis, -1))


def matvec(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Matrices times vectors, with broadcasting (`jax.numpy.matvec`).

    >>> import minijax.numpy as jnp
    >>> jnp.matvec(jnp.ones((2, 3)), jnp.ones(3))
    Array([3., 3.], dtype=float32)
    """
    x1, x2 = ensure_arraylike("matvec", x1, x2)
    return vectorize(matmul, signature="(n,m),(m)->(n)")(x1, x2)


def vecmat(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Conjugated vectors times matrices, with broadcasting (`jax.numpy.vecmat`).

    >>> import minijax.numpy as jnp
    >>> jnp.vecmat(jnp.ones(2), jnp.ones((2, 3)))
    Array([2., 2., 2.], dtype=float32)
    """
    x1, x2 = ensure_arraylike("vecmat", x1, x2)
    return vectorize(matmul, signature="(n),(n,m)->(m)")(ufuncs.conj(x1), x2)


def tensordot(
    a: ArrayLike,
    b: ArrayLike,
    axes: int | Sequence[int] | Sequence[Sequence[int]] = 2,
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: Any = None,
) -> Array:
    """The sum of products over pairs of axes (`jax.numpy.tensordot`).

    axes: how many of the last axes of `a` pair with the first of `b`, or a pair of axes, or of lists of them.

    >>> import minijax.numpy as jnp
    >>> jnp.tensordot(jnp.ones((2, 3)), jnp.ones((3, 4)), 1).shape
    (2, 4)
    """
    a, b = ensure_arraylike("tensordot", a, b)
    dtype, weak_type = _result_type("tensordot", preferred_element_type, a, b)
    contracted = _tensordot_axes(axes, a.shape, b.shape)
    result = _contract(a, b, (contracted, ((), ())), precision, dtype)
    return convert_element_type(result, dtype, weak_type)


def _tensordot_axes(axes, a: tuple[int, ...], b: tuple[int, ...]):
    if type(axes) is int:
        if axes > min(len(a), len(b)):
            raise TypeError(f"Number of tensordot axes (axes {axes}) exceeds input ranks ({a} and {b})")
        return tuple(range(len(a) - axes, len(a))), tuple(range(axes))
    if not isinstance(axes, (tuple, list)) or len(axes) != 2:
        raise TypeError(
            f"tensordot axes argument must be an int, a pair of ints, or a pair of lists/tuples of ints, got {axes}."
        )
    first, second = ((ax,) if isinstance(ax, int) else ax for ax in axes)
    if not isinstance(first, (tuple, list)) or not isinstance(second, (tuple, list)):
        raise TypeError(
            f"tensordot requires both axes lists to be either ints, tuples or lists, got {axes[0]} and {axes[1]}"
        )
    if len(first) != len(second):
        raise TypeError(f"tensordot requires axes lists to have equal length, got {first} and {second}.")
    return tuple(canonicalize_axis(i, len(a)) for i in first), tuple(canonicalize_axis(i, len(b)) for i in second)


def inner(
    a: ArrayLike, b: ArrayLike, *, precision: Any = None, preferred_element_type: DTypeLike | None = None
) -> Array:
    """The sum of products over the last axes (`jax.numpy.inner`).

    >>> import minijax.numpy as jnp
    >>> jnp.inner(jnp.array([1, 2]), jnp.array([3, 4]))
    Array(11, dtype=int32)
    """
    a, b = ensure_arraylike("inner", a, b)
    if not a.shape or not b.shape:
        if preferred_element_type is not None:
            a, b = (convert_element_type(x, user_dtype(preferred_element_type, "inner")) for x in (a, b))
        return ufuncs.multiply(a, b)
    return tensordot(a, b, (-1, -1), precision=precision, preferred_element_type=preferred_element_type)


def outer(a: ArrayLike, b: ArrayLike, out: None = None) -> Array:
    """Every element of `a` times every element of `b` (`jax.numpy.outer`).

    >>> import minijax.numpy as jnp
    >>> jnp.outer(jnp.array([1, 2]), jnp.array([1, 10]))
    Array([[ 1, 10],
           [ 2, 20]], dtype=int32)
    """
    check_no_out("outer", out)
    a, b = promote_dtypes(*ensure_arraylike("outer", a, b))
    return ufuncs.multiply(expand_dims(ravel(a), [1]), expand_dims(ravel(b), [0]))


def kron(a: ArrayLike, b: ArrayLike) -> Array:
    """The Kronecker product (`jax.numpy.kron`): every element of `a` times the whole of `b`.

    >>> import minijax.numpy as jnp
    >>> jnp.kron(jnp.array([1, 2]), jnp.array([1, 10]))
    Array([ 1, 10,  2, 20], dtype=int32)
    """
    a, b = promote_dtypes(*ensure_arraylike("kron", a, b))
    rank = max(len(a.shape), len(b.shape))
    a, b = (expand_dims(x, range(rank - len(x.shape))) for x in (a, b))
    shape = tuple(m * n for m, n in zip(a.shape, b.shape))
    a, b = expand_dims(a, range(1, 2 * rank, 2)), expand_dims(b, range(0, 2 * rank, 2))
    return reshape(ew.mul_p.bind(a, b), shape)


def cross(
    a: ArrayLike, b: ArrayLike, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Array:
    """The cross product of vectors of 2 or 3 components (`jax.numpy.cross`).

    >>> import minijax.numpy as jnp
    >>> jnp.cross(jnp.array([1, 0, 0]), jnp.array([0, 1, 0]))
    Array([0, 0, 1], dtype=int32)
    """
    check_hashable("cross", axis)
    a, b = ensure_arraylike("cross", a, b)
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError("Dimension must be either 2 or 3 for cross product")
    if a.shape[-1] == b.shape[-1] == 2:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    ax, ay, az = _three(a)
    bx, by, bz = _three(b)
    return moveaxis(array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx]), 0, axisc)


def _three(x: Array) -> tuple[Array, Array, Array]:
    parts = [x[..., i] for i in range(x.shape[-1])]
    return tuple(parts) if len(parts) == 3 else (*parts, zeros_like(parts[0]))


# ---------------------------------------------------------------------------------------------------------------------
# einsum


def einsum(
    subscripts: str,
    /,
    *operands: ArrayLike,
    out: None = None,
    optimize: Any = "auto",
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: Any = None,
    _dot_general: Any = None,
) -> Array:
    """Einstein's summation (`jax.numpy.einsum`): axes of one letter are paired, and letters that the result lacks are summed over.

    subscripts: "ij,jk->ik"; without "->", the result has the letters that occur once, sorted; "..." stands for axes
    that broadcast. Or operands and lists of numbers in turn. More than two operands are contracted two at a time.

    >>> einsum("ij,j->i", np.float32([[1, 2], [3, 4]]), np.float32([1, 10]))
    Array([21., 43.], dtype=float32)
    """
    check_no_out("einsum", out)
    subscripts, operands = _einsum_operands(subscripts, operands)
    check_arraylike("einsum", *operands)
    arrays = [rounded(as_array(x)) for x in operands]
    in_order(arrays)
    inputs, result = _parse_einsum(subscripts, [x.shape for x in arrays])
    dtype, weak_type = _result_type("einsum", preferred_element_type, *arrays)
    names = list(inputs)
    for positions in _einsum_path(inputs, result, arrays, optimize):
        taken = [names.pop(i) for i in positions]
        chosen = [arrays.pop(i) for i in positions]
        last = not names
        target = result if last else _intermediate_names(taken, names, result)
        if len(taken) == 1:
            value = _reduce_operand(chosen[0], taken[0], target, dtype)
        else:
            value = _contract_pair(*chosen, *taken, target, precision, dtype)
        names.append(target)
        arrays.append(value)
    return convert_element_type(arrays[0], dtype, weak_type)


def _einsum_operands(subscripts, operands) -> tuple[str, list]:
    try:
        if isinstance(subscripts, str):
            return subscripts, [unwrap(x) for x in operands]
        # einsum(x, [0, 1], y, [1, 2], [0, 2]) names the axes by numbers instead of letters.
        given = [subscripts, *operands]
        lists = given[1::2]
        arrays = [unwrap(x) for x in given[: 2 * (len(given) // 2) : 2]]
        results = [given[-1]] if len(given) % 2 else []
        # In the order of the numbers: `einsum(x, [1, 0])`, which names no result, is a transpose, as "ba" is.
        # A tracer raises here, as in JAX, where NumPy asks for its value.
        named = [i if not isinstance(i, Tracer) else np.asarray(i) for axes in [*lists, *results] for i in axes]
        numbers = sorted({i for i in named if i is not Ellipsis})
        letters = {Ellipsis: "...", **dict(zip(numbers, _LETTERS))}
        spelled = ["".join(letters[i] for i in axes) for axes in [*lists, *results]]
        return "->".join([",".join(spelled[: len(lists)]), *spelled[len(lists) :]]), arrays
    except Exception as error:
        hide_our_frames(error)
        raise


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _parse_einsum(subscripts: str, shapes: list[tuple[int, ...]]) -> tuple[list[str], str]:
    """(operands' letters, result's letters), one for each axis; each axis of "..." gets a letter that is not used elsewhere."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise ValueError(f"einsum '{subscripts}' names {len(terms)} operands, but {len(shapes)} were given")
    free = [c for c in _LETTERS if c not in text]
    dots = [len(shape) - len(term.replace("...", "")) for term, shape in zip(terms, shapes)]
    longest = max((n for n, term in zip(dots, terms) if "..." in term), default=0)
    spare = "".join(free[:longest])
    inputs = []
    for term, shape, n in zip(terms, shapes, dots):
        if n < 0 or (n > 0 and "..." not in term):
            raise ValueError(f"einsum '{subscripts}': the term '{term}' does not fit an operand of shape {shape}")
        inputs.append(term.replace("...", spare[longest - n :]))
    if arrow:
        result = right.replace("...", spare)
    else:
        counts = Counter("".join(inputs))
        result = spare + "".join(sorted(c for c, n in counts.items() if n == 1 and c not in spare))
    _check_einsum(subscripts, inputs, result, shapes)
    return inputs, result


def _check_einsum(subscripts: str, inputs: list[str], result: str, shapes: list[tuple[int, ...]]):
    sizes: dict[str, int] = {}
    for term, shape in zip(inputs, shapes):
        for letter, size in zip(term, shape):
            if sizes.setdefault(letter, size) != size and 1 not in (size, sizes[letter]):
                raise ValueError(
                    f"Size of label '{letter}' for operand of shape {shape} does not match previous terms"
                    f" ({sizes[letter]}) in einsum '{subscripts}'."
                )
            sizes[letter] = max(size, sizes[letter])
    for letter in result:
        if letter not in sizes:
            raise ValueError(f"Output character '{letter}' did not appear in the input of einsum '{subscripts}'")
        if result.count(letter) > 1:
            raise ValueError(
                f"Output character '{letter}' appeared more than once in the output of einsum '{subscripts}'."
            )


def _einsum_path(inputs: list[str], result: str, arrays: list[Array], optimize) -> list[tuple[int, ...]]:
    """The positions of the operands to contract in each step, the larger first; results go to the end."""
    if len(inputs) <= 2:
        return [tuple(range(len(inputs)))[::-1]]
    if isinstance(optimize, (list, tuple)):
        path = [step for step in optimize if not isinstance(step, str)]
    elif optimize is False:
        path = [(0, 1)] * (len(inputs) - 1)
    else:
        shapes = [np.broadcast_to(np.float32(0), x.shape) for x in arrays]
        kind = "optimal" if optimize in (True, "auto", "optimal") and len(inputs) <= 5 else "greedy"
        path = np.einsum_path(f"{','.join(inputs)}->{result}", *shapes, optimize=kind)[0][1:]
    pairs = [tuple(sorted(map(operator.index, step), reverse=True)) for step in path]
    if any(len(p) > 2 for p in pairs):
        # NumPy found no order that is cheaper: contract from left to right.
        return [(1, 0)] * (len(inputs) - 1)
    return pairs


def _intermediate_names(taken: list[str], others: list[str], result: str) -> str:
    """The letters that a step keeps: those that a later step or the result needs, in the order of their appearance."""
    needed = set(result).union(*others)
    met = "".join(taken)
    return "".join(sorted({c for c in met if c in needed}, key=met.find))


def _reduce_axes(x: Array, axes: Sequence[int], dtype) -> Array:
    if dtypes.lattice_result_type(x, dtype)[0] != x.dtype:
        x = convert_element_type(x, dtype)
    if x.dtype == bool:
        return lax.reduce_or_p.bind(x, axes=tuple(axes))
    return lax.reduce_sum_p.bind(x, axes=tuple(axes), out_sharding=None)


def _sum_single(x: Array, names: str, letters: Sequence[str], dtype) -> tuple[Array, str]:
    """The operand summed over the axes whose letters appear nowhere else."""
    if not letters:
        return x, names
    x = _reduce_axes(x, [names.index(c) for c in letters], dtype)
    return x, "".join(c for c in names if c not in letters)


def _take_diagonals(x: Array, names: str, keep: str, dtype) -> tuple[Array, str]:
    """The operand with its diagonal, or the sum of it, in place of the several axes that share a letter."""
    for letter, count in Counter(names).items():
        if count == 1:
            continue
        axes = [i for i, c in enumerate(names) if c == letter]
        x = select(_delta(x.shape, axes), x, zeros_like(x))
        summed = axes[:-1] if letter in keep else axes
        x = _reduce_axes(x, summed, dtype)
        names = "".join(c for i, c in enumerate(names) if i not in summed)
    return x, names


def _delta(shape: tuple[int, ...], axes: Sequence[int]) -> Array:
    """A mask that is true where the indices along all of the axes are equal."""
    base = tuple(shape[i] for i in axes)
    iotas = [lax.broadcasted_iota(np.dtype("uint32"), base, i) for i in range(len(base))]
    same = ew.eq_p.bind(iotas[0], iotas[1])
    for one, next_one in zip(iotas[1:-1], iotas[2:]):
        same = ew.and_p.bind(same, ew.eq_p.bind(one, next_one))
    return lax.broadcast_in_dim(same, shape, axes)


def _reduce_operand(x: Array, names: str, result: str, dtype) -> Array:
    counts = Counter(names)
    x, names = _sum_single(x, names, sorted(c for c in counts if counts[c] == 1 and c not in result), dtype)
    x, names = _take_diagonals(x, names, result, dtype)
    return _order(x, names, result)


def _order(x: Array, names: str, result: str) -> Array:
    return x if names == result else lax.transpose(x, tuple(names.index(c) for c in result))


def _drop_ones(x: Array, names: str, other_shape: tuple[int, ...], other_names: str) -> tuple[Array, str]:
    """The operand without the axes of size 1 whose letter has another size in the other operand, which broadcasts them."""
    drop = [
        i
        for i, c in enumerate(names)
        if x.shape[i] == 1 and c in other_names and other_shape[other_names.index(c)] != 1
    ]
    return lax.squeeze(x, tuple(drop)), "".join(c for i, c in enumerate(names) if i not in drop)


def _contract_pair(lhs, rhs, lhs_names: str, rhs_names: str, result: str, precision, dtype) -> Array:
    lhs, lhs_names = _drop_ones(lhs, lhs_names, rhs.shape, rhs_names)
    rhs, rhs_names = _drop_ones(rhs, rhs_names, lhs.shape, lhs_names)
    contracted = sorted({*lhs_names, *rhs_names} - set(result))

    def alone(names: str, other: str) -> list[str]:
        return [c for c in contracted if names.count(c) == 1 and c not in other]

    lhs, lhs_names = _sum_single(lhs, lhs_names, alone(lhs_names, rhs_names), dtype)
    rhs, rhs_names = _sum_single(rhs, rhs_names, alone(rhs_names, lhs_names), dtype)
    lhs, lhs_names = _take_diagonals(lhs, lhs_names, result + rhs_names, dtype)
    rhs, rhs_names = _take_diagonals(rhs, rhs_names, result + lhs_names, dtype)
    shared = set(lhs_names) & set(rhs_names)
    contracted = [c for c in contracted if c in shared]
    batch = "".join(c for c in result if c in shared)
    gone = {*batch, *contracted}
    rest_lhs, rest_rhs = ("".join(c for c in names if c not in gone) for names in (lhs_names, rhs_names))
    if batch + rest_rhs + rest_lhs == result:
        # With the operands exchanged, the product has the result's order of axes, without a transpose.
        lhs, rhs, lhs_names, rhs_names, rest_lhs, rest_rhs = rhs, lhs, rhs_names, lhs_names, rest_rhs, rest_lhs
    numbers = tuple(
        (tuple(map(lhs_names.index, letters)), tuple(map(rhs_names.index, letters))) for letters in (contracted, batch)
    )
    return _order(_contract(lhs, rhs, numbers, precision, dtype), batch + rest_lhs + rest_rhs, result)


def einsum_path(subscripts: str, /, *operands: ArrayLike, optimize: Any = "auto") -> tuple[list[Any], Any]:
    """The order in which `einsum` would contract, and a description (`jax.numpy.einsum_path`).

    >>> import minijax.numpy as jnp
    >>> jnp.einsum_path("ij,jk,kl->il", jnp.ones((2, 3)), jnp.ones((3, 4)), jnp.ones((4, 5)))[0]
    [(0, 1), (0, 1)]
    """
    shapes = [np.broadcast_to(np.float32(0), as_array(x).shape) for x in operands]
    path, description = np.einsum_path(subscripts, *shapes, optimize="optimal" if optimize == "auto" else optimize)
    # NumPy's path begins with its own name, JAX's does not.
    return path[1:], description
