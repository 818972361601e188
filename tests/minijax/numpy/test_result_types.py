"""The dtype, weak type and shape of what every function of `jnp` returns, for every dtype, with and without x64, as JAX's."""

from __future__ import annotations

import inspect
import re
import warnings

import jax
import jax.numpy
import jax.scipy.special
import numpy as np
import pytest
from numpy_table import TABLES, VARIABLES
from thinned import chosen, part

import minijax as mj
import minijax.numpy
import minijax.scipy.special

DTYPES = "bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 bfloat16 float32 float64 complex64 complex128".split()
NUMBERS = [True, 2, 2.5, 1j]
# An array and a number: a result may be weak though one of the two is not.
WITH_NUMBERS = [("int32", 2.5), ("float16", 2), ("bool", 2), ("int8", True)]
MATRIX = np.array([[1, 1], [0, 1]])

# Functions that take no array first, or whose second argument is no array: a call with two arrays means nothing.
NOT_OF_ARRAYS = set(
    "save savez load set_printoptions get_printoptions printoptions from_dlpack frombuffer fromfile fromiter fromstring"
    " array_repr array_str eye identity tri indices fromfunction vectorize apply_along_axis apply_over_axes piecewise"
    " einsum einsum_path bartlett blackman hamming hanning kaiser diag_indices tril_indices triu_indices mask_indices"
    " unravel_index block ix_ index_exp s_ put place fill_diagonal put_along_axis"
    " bfloat16 dtype arange select broadcast_shapes frompyfunc".split()
)
# The size of the result depends on values, or an array of these parameters is refused by only one of the two.
ONE_ARGUMENT = set("tril triu trim_zeros sort_complex".split())
# Complex numbers: JAX takes them for the first four and for owens_t, and for the others it fails as late as when it compiles.
# `unique` of a lone complex number, and of no other, is not weak in JAX.
NOT_OF_COMPLEX = set("arctan2 atan2 logaddexp logaddexp2 argmax argmin nanargmax nanargmin special.owens_t".split())


def special_of(jnp):
    return jax.scipy.special if jnp is jax.numpy else mj.scipy.special


# Functions that need more than arrays of this shape: what is called with the array.
CALLS = {
    "argpartition": lambda jnp, x: jnp.argpartition(x, 1),
    "array_split": lambda jnp, x: jnp.array_split(x, 2),
    "astype": lambda jnp, x: jnp.astype(x, "float32"),
    "bincount": lambda jnp, x: jnp.bincount(x[0], length=3),
    "broadcast_to": lambda jnp, x: jnp.broadcast_to(x, (3, *x.shape)),
    "compress": lambda jnp, x: jnp.compress(np.array([True, False]), x, 0),
    "convolve": lambda jnp, x: jnp.convolve(x[0], x[0]),
    "correlate": lambda jnp, x: jnp.correlate(x[0], x[0]),
    "cumulative_prod": lambda jnp, x: jnp.cumulative_prod(x, axis=0),
    "cumulative_sum": lambda jnp, x: jnp.cumulative_sum(x, axis=0),
    "digitize": lambda jnp, x: jnp.digitize(x, x[0]),
    "dsplit": lambda jnp, x: jnp.dsplit(x[None], 1),
    "expand_dims": lambda jnp, x: jnp.expand_dims(x, 0),
    "full": lambda jnp, x: jnp.full((2,), x[0, 0]),
    "histogram2d": lambda jnp, x: jnp.histogram2d(x[0], x[1], bins=2),
    "hsplit": lambda jnp, x: jnp.hsplit(x, 1),
    "insert": lambda jnp, x: jnp.insert(x, 1, x[0, 0]),
    "interp": lambda jnp, x: jnp.interp(x[0], x[0], x[0]),
    "intersect1d": lambda jnp, x: jnp.intersect1d(x, x),
    "isin": lambda jnp, x: jnp.isin(x, x),
    "meshgrid": lambda jnp, x: jnp.meshgrid(x[0], x[0]),
    "moveaxis": lambda jnp, x: jnp.moveaxis(x, 0, 1),
    "nanpercentile": lambda jnp, x: jnp.nanpercentile(x, 30.0),
    "nanquantile": lambda jnp, x: jnp.nanquantile(x, 0.3),
    "partition": lambda jnp, x: jnp.partition(x, 1),
    "percentile": lambda jnp, x: jnp.percentile(x, 30.0),
    "permute_dims": lambda jnp, x: jnp.permute_dims(x, (1, 0)),
    "poly": lambda jnp, x: jnp.poly(x[0]),
    "polydiv": lambda jnp, x: jnp.polydiv(x[0], x[0]),
    "polyfit": lambda jnp, x: jnp.polyfit(x[0], x[0], 1),
    "polyint": lambda jnp, x: jnp.polyint(x[0]),
    "polymul": lambda jnp, x: jnp.polymul(x[0], x[0]),
    "quantile": lambda jnp, x: jnp.quantile(x, 0.3),
    "ravel_multi_index": lambda jnp, x: jnp.ravel_multi_index((x[0], x[0]), (9, 9), mode="clip"),
    "repeat": lambda jnp, x: jnp.repeat(x, 2),
    "reshape": lambda jnp, x: jnp.reshape(x, -1),
    "resize": lambda jnp, x: jnp.resize(x, (3, 3)),
    "roll": lambda jnp, x: jnp.roll(x, 1),
    "rollaxis": lambda jnp, x: jnp.rollaxis(x, 1),
    "roots": lambda jnp, x: jnp.roots(x[0], strip_zeros=False),
    "searchsorted": lambda jnp, x: jnp.searchsorted(x[0], x[0]),
    "setxor1d": lambda jnp, x: jnp.setxor1d(x, x),
    "split": lambda jnp, x: jnp.split(x, 1),
    "swapaxes": lambda jnp, x: jnp.swapaxes(x, 0, 1),
    "tile": lambda jnp, x: jnp.tile(x, 2),
    "vander": lambda jnp, x: jnp.vander(x[0]),
    "special.bessel_jn": lambda jnp, x: special_of(jnp).bessel_jn(x, v=2),
    "special.betainc": lambda jnp, x: special_of(jnp).betainc(x, x, x),
    "special.hyp1f1": lambda jnp, x: special_of(jnp).hyp1f1(x, x, x),
    "special.hyp2f1": lambda jnp, x: special_of(jnp).hyp2f1(x, x, x, x),
    "special.multigammaln": lambda jnp, x: special_of(jnp).multigammaln(x, 2),
    "special.sph_harm_y": lambda jnp, x: special_of(jnp).sph_harm_y(
        jnp.array([2, 1]), jnp.array([0, 1]), x[0], x[1], n_max=2
    ),
    "vsplit": lambda jnp, x: jnp.vsplit(x, 1),
}
# What takes an array and no number as well: the number is an axis, a count or a key, where JAX may take other numbers.
TWO_ARRAYS = set("angle special.multigammaln".split())
# LAPACK has no half precision: JAX says so as late as when it runs.
NOT_OF_HALF = ("polyfit", "roots")
# JAX negates the array, and does not negate booleans.
NOT_OF_BOOL = ("partition", "argpartition")


def functions() -> list[str]:
    def takes_arrays(name):
        f = getattr(mj.numpy, name)
        public = not name.startswith("_") and callable(f) and not isinstance(f, type) and hasattr(jax.numpy, name)
        return public and name not in NOT_OF_ARRAYS and inspect.isfunction(f)

    special = [f"special.{n}" for n, f in vars(mj.scipy.special).items() if inspect.isfunction(f) and n[0] != "_"]
    return [n for n in dir(mj.numpy) if takes_arrays(n)] + [n for n in special if hasattr(jax.scipy.special, n[8:])]


def find(lib, name: str):
    if name in CALLS:
        return lambda x: CALLS[name](lib.numpy, lib.numpy.asarray(x))
    return getattr(lib.scipy.special, name[8:]) if name.startswith("special.") else getattr(lib.numpy, name)


def types(tree):
    if isinstance(tree, (list, tuple)):
        return [types(x) for x in tree]
    if hasattr(tree, "weak_type"):
        return str(tree.dtype), tree.weak_type, tree.shape
    return type(tree).__name__


def result_types(lib, f, args):
    try:
        return types(f(*args))
    except (TypeError, ValueError, NotImplementedError, IndexError) as error:
        return type(error)


def jax_result_types(f, args):
    """By abstract evaluation, which compiles nothing, unless the function needs values."""
    found = []
    try:
        jax.eval_shape(lambda: found.append(types(f(*args))))
    except (jax.errors.JAXTypeError, jax.errors.JAXIndexError):
        return result_types(jax, f, args)
    except (TypeError, ValueError, NotImplementedError, IndexError) as error:
        return type(error)
    return found[0]


def alone_by_kind(name: str) -> bool:
    return name in ONE_ARGUMENT or name in CALLS or name in TWO_ARRAYS


def arguments(name: str, x64: bool):
    """What the function is called with. Of the pairs of arrays a third is tried, another one for each function. Without x64, the
    dtypes of 64 bits are those of 32: one of them stands for all."""
    for dtype in DTYPES:
        if not x64 and dtype in ("int64", "uint64", "complex128"):
            continue
        if (name in NOT_OF_COMPLEX and dtype.startswith("complex")) or (name in NOT_OF_BOOL and dtype == "bool"):
            continue
        if name in NOT_OF_HALF and dtype in ("float16", "bfloat16"):
            continue
        alone = name in ONE_ARGUMENT or name in CALLS or not chosen(f"{name} {dtype} {x64}", 3)
        for count in (1,) if alone else (1, 2):
            yield dtype, [lambda lib, dtype=dtype: lib.numpy.asarray(MATRIX).astype(dtype)] * count
    for dtype, number in () if alone_by_kind(name) else WITH_NUMBERS:
        array = lambda lib, dtype=dtype: lib.numpy.asarray(MATRIX).astype(dtype)
        makers = [array, lambda lib, number=number: number]
        yield f"{dtype} and {number}", makers if chosen(f"{name} {dtype}", 2) else makers[::-1]
    for number in () if name in CALLS else NUMBERS:
        if not (isinstance(number, complex) and (name in NOT_OF_COMPLEX or name.startswith("unique"))):
            yield str(number), [lambda lib, number=number: number]


@pytest.mark.parametrize("x64", [False, True], ids=["32 bits", "x64"])
@pytest.mark.parametrize("name", functions())
@pytest.mark.one_in(1536)
def test_result_types(name, x64):
    mine, theirs = {}, {}
    with warnings.catch_warnings(), jax.enable_x64(x64), mj.enable_x64(x64):
        warnings.simplefilter("ignore")
        for label, makers in arguments(name, x64):
            case = f"{label} x {len(makers)}"
            mine[case] = result_types(mj, find(mj, name), [make(mj) for make in makers])
            theirs[case] = jax_result_types(find(jax, name), [make(jax) for make in makers])
    # An error is an error: its class is the subject of other tests.
    errors = {c for c in mine if isinstance(mine[c], type) and isinstance(theirs[c], type)}
    assert len(errors) < len(mine)
    assert {c: t for c, t in mine.items() if c not in errors} == {c: t for c, t in theirs.items() if c not in errors}


@pytest.mark.parametrize("table", TABLES)
def test_result_types_of_the_tables_under_x64(table):
    """Of calls with more than arrays: lists of conditions, indices, shapes."""
    differ = {}
    with warnings.catch_warnings(), jax.enable_x64(True), mj.enable_x64(True):
        warnings.simplefilter("ignore")
        for expression in part(TABLES[table], 40):
            names = [v for v in VARIABLES if re.search(rf"\b{v}\b", expression)]
            code = compile(expression, "table", "eval")
            ours, theirs = (
                result_types(
                    lib,
                    lambda lib, arrays, code=code: eval(code, {"jnp": lib.numpy, "np": np, **arrays}),
                    [lib, {n: lib.numpy.asarray(VARIABLES[n]) for n in names}],
                )
                for lib in (mj, jax)
            )
            if ours != theirs and not (isinstance(ours, type) and isinstance(theirs, type)):
                differ[expression] = ours, theirs
    assert not differ
