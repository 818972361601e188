"""The jaxprs of `jnp`'s functions, and of their tangents: the equations are JAX's, once JAX's calls of `jit` are written out."""

from __future__ import annotations

import re
from functools import partial

import jax
import jax.nn
import jax.numpy
import jax.ops
import numpy as np
import pytest
from numpy_table import TABLES, VARIABLES
from thinned import LONG, part

import minijax as mj
import minijax.nn
import minijax.numpy
import minijax.ops
from tests.fuzz import texts
from tests.fuzz.texts import flat

# {why the equations are not JAX's: the functions}
OTHER_EQUATIONS = {
    "a number, an argument of JAX's jit, is a constant of the loop there": "searchsorted x.searchsorted interp polyval piecewise",
    "another algorithm, of fewer equations": "intersect1d setdiff1d setxor1d",
    "known at once: a function of shapes alone": "triu_indices tril_indices triu_indices_from",
    "the same equations in another order, or conversions of other numbers": (
        "nanquantile poly polyfit add.at frompyfunc pad cov corrcoef insert"
    ),
}


def name_of(expression: str) -> str:
    """The function or method that an expression calls."""
    return re.match(r"(?:jnp\.)?([\w.]*)", expression)[1]


def text(lib, expression: str, kind: str) -> str | None:
    """The jaxpr of the expression as a function of the arrays in it; its tangents', by those of floats. None if there are none."""
    names = sorted({n for n in re.findall(r"\b[A-Za-z]\w*\b", expression) if n in VARIABLES})
    arrays = {n: lib.numpy.asarray(VARIABLES[n]) for n in names}
    smooth = [n for n in names if np.dtype(arrays[n].dtype).kind == "f"]

    def function(arrays):
        return eval(expression, {"jnp": lib.numpy, "np": np, **VARIABLES, **arrays})

    def tangent(arrays):
        primals = [arrays[n] for n in smooth]
        return lib.jvp(lambda *xs: function({**arrays, **dict(zip(smooth, xs))}), primals, primals)

    if kind == "jvp" and not smooth:
        return None
    jaxpr = lib.make_jaxpr(tangent if kind == "jvp" else function)(arrays)
    return re.sub(r"\s+", "", re.sub(r"np\.int64\((-?\d+)\)", r"\1", str(flat(lib, jaxpr.jaxpr, live=False))))


@pytest.mark.parametrize("kind", ["plain", "jvp"])
@pytest.mark.parametrize("table", TABLES)
def test_the_equations_are_those_of_jax(table, kind):
    explained = {name for names in OTHER_EQUATIONS.values() for name in names.split()}
    compared, differ = 0, {}
    expressions = part(TABLES[table], 8)
    for expression in expressions:
        try:
            theirs = text(jax, expression, kind)
        except Exception:  # Not a function that JAX can trace.
            continue
        compared += theirs is not None
        if (ours := text(mj, expression, kind)) != theirs and name_of(expression) not in explained:
            differ[expression] = f"{ours}\n{theirs}"
    assert compared >= (len(expressions) // 2 if kind == "plain" else 1) or not LONG
    assert not differ, "\n\n".join(f"{e}\n{d}" for e, d in differ.items())


def test_what_is_explained_differs():
    """Each function that is explained has an expression in the tables that differs."""
    explained = {name for names in OTHER_EQUATIONS.values() for name in names.split()}
    for table in TABLES.values():
        for expression in table:
            if name_of(expression) in explained:
                for kind in ("plain", "jvp"):
                    try:
                        theirs = text(jax, expression, kind)
                    except Exception:
                        continue
                    if text(mj, expression, kind) != theirs:
                        explained.discard(name_of(expression))
    assert not explained


WITH_PLACES = {
    "eye, tri": lambda lib, x: (lib.numpy.eye(3), lib.numpy.tri(2, 3, 1), lib.numpy.identity(2)),
    "tri, k of 8 bits": lambda lib, x: lib.numpy.tri(2, k=np.int8(1)),
    "tril, triu": lambda lib, x: (lib.numpy.tril(x), lib.numpy.triu(x, -1)),
    "diag": lambda lib, x: lib.numpy.diag(x[0], 1),
    "argsort, argmax": lambda lib, x: (lib.numpy.argsort(x), lib.numpy.argmax(x, 1)),
    "x[i]": lambda lib, x: (x[np.array([1, 0])], x[-1], x.at[1].add(2.0)),
    "one_hot": lambda lib, x: lib.nn.one_hot(lib.numpy.array([0, 1]), 3),
    "jacfwd": lambda lib, x: lib.jacfwd(lib.numpy.sin)(x),
    "jacrev": lambda lib, x: lib.jacrev(lib.numpy.sin)(x),
    "hessian": lambda lib, x: lib.hessian(lambda x: lib.numpy.sum(lib.numpy.sin(x)))(x),
    "fori_loop": lambda lib, x: lib.lax.fori_loop(0, 3, lambda i, c: c * i, x),
}


@pytest.mark.parametrize("name", WITH_PLACES)
def test_places_have_the_dtype_of_jax_under_x64(name):
    with jax.enable_x64(True), mj.enable_x64(True):
        ours, theirs = (
            str(flat(lib, lib.make_jaxpr(partial(WITH_PLACES[name], lib))(MATRIX).jaxpr, live=False))
            for lib in (mj, jax)
        )
    assert re.sub(r"\s+", "", ours) == re.sub(r"\s+", "", re.sub(r"np\.int64\((-?\d+)\)", r"\1", theirs))


AT_PLACES = {
    "put_along_axis": lambda lib, x, i: lib.numpy.put_along_axis(x, i, 5.0, axis=1, inplace=False),
    "put_along_axis, flat": lambda lib, x, i: lib.numpy.put_along_axis(x, i[0], x[0, :1], axis=None, inplace=False),
    "put_along_axis, values of another shape": lambda lib, x, i: lib.numpy.put_along_axis(
        x, i, x, axis=1, inplace=False
    ),
    "take_along_axis": lambda lib, x, i: lib.numpy.take_along_axis(x, i, axis=1),
    "take": lambda lib, x, i: lib.numpy.take(x, i, axis=0),
    "take, flat": lambda lib, x, i: lib.numpy.take(x, i),
    "covariances of nothing": lambda lib, x, i: lib.numpy.cov(x[:0]),
}


@pytest.mark.one_in(4)
@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("places", [[[1], [0]], [[1, 1], [0, 2]], [[], []]], ids=["one", "two", "none"])
@pytest.mark.parametrize("name", AT_PLACES)
def test_arrays_of_places(name, places, x64):
    def found(lib):
        with lib.enable_x64(x64):
            try:
                program = lib.make_jaxpr(partial(AT_PLACES[name], lib))(MATRIX, np.array(places, int)).jaxpr
            except ValueError as error:
                return type(error).__name__
            return re.sub(r"\s+", "", str(flat(lib, program, live=False)))

    assert found(mj) == found(jax)


# What people index with in a loop, whose counter is a weak integer; and NumPy's integers, which are known.
INDEXED = {
    "take": lambda lib, x, i: lib.numpy.take(x, i),
    "take of an array": lambda lib, x, i: lib.numpy.take(x, i[None]),
    "x[i], x[i % 2]": lambda lib, x, i: x[i] + x[i % 2],
    "at[i].add": lambda lib, x, i: x.at[i].add(x[i]),
    "dynamic_slice": lambda lib, x, i: lib.lax.dynamic_slice(x, (i,), (2,)),
    "dynamic_slice_in_dim": lambda lib, x, i: lib.lax.dynamic_slice_in_dim(x, i, 1),
    "dynamic_index_in_dim": lambda lib, x, i: lib.lax.dynamic_index_in_dim(x, i),
    "dynamic_update_slice": lambda lib, x, i: lib.lax.dynamic_update_slice(x, x[:1], (i,)),
    "dynamic_update_index_in_dim": lambda lib, x, i: lib.lax.dynamic_update_index_in_dim(x, x[0], i, 0),
    "roll": lambda lib, x, i: lib.numpy.roll(x, i),
    "switch": lambda lib, x, i: lib.lax.switch(i, [lib.numpy.sin, lib.numpy.cos], x),
    "one_hot": lambda lib, x, i: lib.nn.one_hot(i, 3),
    "add.reduceat": lambda lib, x, i: lib.numpy.add.reduceat(x, lib.numpy.array([0, 1])) * i,
}
INDICES = {
    "counter": lambda f: lambda lib, x: lib.lax.fori_loop(0, 3, lambda i, c: c + lib.numpy.sum(f(lib, x, i)), 0.0),
    "NumPy's integer": lambda f: lambda lib, x: f(lib, x, np.array(1)),
    "NumPy's negative integer": lambda f: lambda lib, x: f(lib, x, np.array(-1)),
    "argument": lambda f: lambda lib, x: lib.jit(lambda x, i: f(lib, x, i))(x, 1),
}


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("name", INDEXED)
@pytest.mark.one_in(4)
def test_indices_of_loops_and_of_numpy(name, index):
    ours, theirs = (
        str(flat(lib, lib.make_jaxpr(partial(INDICES[index](INDEXED[name]), lib))(VECTOR).jaxpr, live=False))
        for lib in (mj, jax)
    )
    assert re.sub(r"\s+", "", ours) == re.sub(r"\s+", "", re.sub(r"np\.int64\((-?\d+)\)", r"\1", theirs))


# ---------------------------------------------------------------------------------------------------------------------
# The order of what a body closes over

OF_TWO = """
    add greater matmul dot outer power arctan2 maximum mod floor_divide hypot logaddexp isclose copysign kron inner append
    searchsorted tensordot
""".split()
OF_TWO_ARRAYS = {
    **{name: lambda jnp, a, b, name=name: getattr(jnp, name)(a, b) for name in OF_TWO},
    "where": lambda jnp, a, b: jnp.where(True, a, b),
    "clip": lambda jnp, a, b: jnp.clip(a, b, None),
    "take": lambda jnp, a, b: jnp.take(a, b),
    "concatenate": lambda jnp, a, b: jnp.concatenate([a.ravel(), b.ravel()]),
    "polyval": lambda jnp, a, b: jnp.polyval(a.ravel(), b),
    "interp": lambda jnp, a, b: jnp.interp(a.ravel(), b.ravel(), b.ravel()),
    "convolve": lambda jnp, a, b: jnp.convolve(a.ravel(), b.ravel()),
}
MATRIX, VECTOR, INTEGERS = np.ones((2, 2), np.float32), np.ones(2, np.float32), np.arange(2, dtype=np.int32)


def closed_over(lib, name: str, a, b) -> list[int] | None:
    """The places, among the arguments of the whole, of what a branch of a cond closes over. None if the function refuses them."""

    def function(p, a, b):
        return lib.lax.cond(p, lambda: lib.numpy.sum(OF_TWO_ARRAYS[name](lib.numpy, a, b) * 1.0), lambda: 0.0)

    try:
        jaxpr = lib.make_jaxpr(function)(True, a, b).jaxpr
    except (TypeError, ValueError):
        return None
    cond = next(eqn for eqn in jaxpr.eqns if eqn.primitive.name == "cond")
    return [jaxpr.invars.index(v) for v in cond.invars[1:]]


@pytest.mark.parametrize("a, b", [(MATRIX, VECTOR), (VECTOR, INTEGERS), (MATRIX, INTEGERS), (INTEGERS, MATRIX)])
@pytest.mark.one_in(3)
def test_a_body_closes_over_arguments_in_their_order(a, b):
    """JAX jits these functions: their arguments are one equation's operands. Ours convert or reshape one of them first."""
    ours, theirs = ({name: closed_over(lib, name, a, b) for name in OF_TWO_ARRAYS} for lib in (mj, jax))
    assert ours == theirs
    assert sum(order == [1, 2] for order in theirs.values()) > 15


MASK = VECTOR > 0
CLOSING_OVER_NUMPY = {
    "by operators": lambda jnp, lax: lambda x: x + VECTOR + VECTOR,
    "by functions": lambda jnp, lax: lambda x: jnp.sin(VECTOR) * jnp.cos(VECTOR) * x,
    "by an operation and an operator": lambda jnp, lax: lambda x: lax.add(x, VECTOR) * VECTOR,
    "within a body": lambda jnp, lax: lambda x: lax.scan(lambda c, a: (c + VECTOR, c * VECTOR), x, x),
    "a mask": lambda jnp, lax: lambda x: jnp.where(MASK, x, jnp.where(MASK, 1.0, x)),
    "two arrays": lambda jnp, lax: lambda x: x @ MATRIX + MATRIX @ (x * VECTOR) + VECTOR,
}


@pytest.mark.parametrize("name", CLOSING_OVER_NUMPY)
@pytest.mark.parametrize("derivative", [False, True])
def test_an_array_of_numpys_that_is_read_twice_is_one_constant(name, derivative):
    def text(lib):
        f = CLOSING_OVER_NUMPY[name](lib.numpy, lib.lax)
        jaxpr = lib.make_jaxpr((lambda x: lib.jvp(f, (x,), (x,))) if derivative else f)(VECTOR + 1)
        assert len(jaxpr.consts) == (2 if name == "two arrays" else 1)
        return str(flat(lib, jaxpr.jaxpr, live=False))

    assert text(mj) == text(jax)


@pytest.mark.parametrize(
    "wrap", [mj.jit, lambda f: mj.jit(mj.jit(f)), lambda f: lambda x: mj.jvp(mj.jit(f), (x,), (x,))[1]]
)
def test_an_array_of_numpys_that_is_written_between_two_reads_is_read_twice(wrap):
    """JAX keeps the array itself, and reads it when the program is traced: [0, 0, 9]. Ours agrees with the eager program."""

    def f(x):
        mask, total = np.zeros(3, np.float32), 0 * x
        for i in range(3):
            mask[:] = 0
            mask[i] = i + 1
            total = total + x * mask
        return total

    np.testing.assert_array_equal(wrap(f)(mj.numpy.ones(3)), [1, 2, 3])


# Calls of floats x and y, integers i, a float k and an integer j, in a branch that closes over them.
IN_A_BRANCH = """
    x.at[i].set(y); x.at[i].add(y); x.at[i].multiply(y); x.at[i].max(y); x.at[i].divide(y); x.at[i].power(y); x.at[0].set(y[0])
    x.at[1:].set(y[1:]); x.at[j].set(k); x.at[j].add(k); x.at[1:].set(k); i.at[j].set(2); x.at[i].set(y.astype(int)); x.at[i].set(i)
    x[i]; x[j]; i[j]; x[i[:2]]; x.at[i].get(); jnp.take(x, i); jnp.take(x, j); jnp.take_along_axis(x, i, 0)
    lax.dynamic_index_in_dim(x, j); lax.dynamic_slice_in_dim(x, j, 1); lax.dynamic_slice(x, (j,), (1,))
    lax.dynamic_update_slice(x, y, (j,)); lax.dynamic_update_index_in_dim(x, 1.0, j, 0); lax.dynamic_update_slice_in_dim(x, y, j, 0)
    jnp.clip(x, y, i); jnp.clip(i, k, j); jnp.where(x > 0, y, i); jnp.where(j > 0, i, x); jnp.select([x > 0], [y], i)
    jnp.roll(x, j); jnp.concatenate([x, i]); jnp.concatenate([x, i, y]); jnp.stack([i, x, y]); jnp.array([k, j]); jnp.append(i, x)
    jnp.hstack([x, i]); jnp.vstack([x, i]); jnp.dstack([x, i]); jnp.column_stack([x, i]); jnp.block([x, i]); jnp.full_like(x, j)
    jnp.pad(x, 1, constant_values=j); jnp.repeat(x, i, total_repeat_length=4); jnp.sum(x, where=i > 0); jnp.sum(x, initial=j)
    jnp.max(i, initial=j); jnp.mean(x, where=y > 0); jnp.average(x, weights=y); jnp.cov(x, y); jnp.convolve(x, y); jnp.dot(i, x)
    jnp.matmul(i, x); jnp.einsum("i,i->", i, x); jnp.tensordot(i, x, 1); jnp.outer(i, x); jnp.kron(i, x); jnp.hypot(j, k)
    jnp.logaddexp(i, x); jnp.power(x, j); jnp.fmod(i, x); jnp.ldexp(x, i); jnp.heaviside(i, x); jnp.isclose(x, i); x // j; i % k
    j - x; j / x; jnp.arctan2(i, y); jnp.cross(x, y); jnp.gradient(x, k); jnp.quantile(x, k)
    jnp.digitize(x, y); jnp.bincount(i, weights=x, length=3); jax.ops.segment_sum(x, i, 3); jax.nn.softmax(x, where=y > 0)
    jax.nn.one_hot(j, 3); jax.nn.standardize(x, mean=y); lax.clamp(y, x, y + 1); lax.pad(x, k, [(1, 1, 0)]); lax.top_k(x, 1)[0]
    lax.scan(lambda c, t: (c + k, t * y), k, x)[0]; lax.fori_loop(0, 2, lambda n, c: c.at[n].set(y[n]), x)
    lax.cond(j > 0, lambda: x, lambda: y)
"""


@pytest.mark.parametrize("expression", [e.strip() for e in re.split(r";|\n", IN_A_BRANCH) if e.strip()])
@pytest.mark.one_in(16)
def test_a_branch_closes_over_its_arguments_in_jax_s_order(expression):
    def shown(lib):
        def function(p, x, y, i, j, k):
            given = {"jax": lib, "jnp": lib.numpy, "lax": lib.lax, "x": x, "y": y, "i": i, "j": j, "k": k}
            return lib.lax.cond(p, lambda: 0.0, lambda: lib.numpy.sum(eval(expression, given)).astype(float))

        args = True, VECTOR, VECTOR + 1, INTEGERS, np.int32(1), np.float32(0.5)
        return texts.text(lib, lib.make_jaxpr(function)(*map(lib.numpy.asarray, args)))

    assert shown(mj) == shown(jax)


# Calls with numbers. JAX shows a number as it was given where it jits the function, and elsewhere as the dtype has rounded it.
WITH_NUMBERS = """
    lax.broadcast(0.2, (2,)); lax.expand_dims(0.2, (0,)); lax.sin(0.2); lax.add(0.2, x)
    lax.convert_element_type(0.2, 'bfloat16'); lax.full((2,), 0.2); lax.full_like(x, 0.2)
    lax.pad(x, 0.2, [(1, 1, 0)]); lax.clamp(0.2, x, 0.7)
    lax.stop_gradient(0.2) * x; lax.cond(True, lambda v: v, lambda v: v * 2, 0.2); lax.fori_loop(0, 2, lambda i, c: c * 2, 0.2)
    lax.switch(0, [lambda v: v], 0.2)
    lax.scan(lambda c, y: (c, y), 0.2, x); lax.while_loop(lambda c: c[0] < 1, lambda c: c, (0.2, x))
    lax.reduce(x, 0.2, lax.add, (0,)); lax.dynamic_update_slice(x, lax.broadcast(0.2, (1,)), (0,))
    jnp.where(x > 0, 0.2, 0.3); jnp.full(2, 0.2); jnp.full_like(x, 0.2); jnp.stack([0.2, 0.3]); jnp.array([0.2, 0.3])
    jnp.asarray(0.2) * x; jnp.ravel(0.2); jnp.atleast_1d(0.2); jnp.expand_dims(0.2, 0); jnp.reshape(0.2, 1); jnp.tile(0.2, 2)
    jnp.repeat(0.2, 2); jnp.concatenate([x, jnp.atleast_1d(0.2)]); jnp.append(x, 0.2); jnp.outer(x, 0.2); jnp.clip(x, 0.2, 0.7)
    jnp.linspace(0.2, 0.7, 3); jnp.power(x, 0.2); jnp.power(0.2, x); jnp.maximum(x, 0.2); jnp.sin(0.2); jnp.float32(0.2) * x
    jnp.select([x > 0], [0.2], 0.3); jnp.zeros(2) + 0.2; jnp.pad(x, 1, constant_values=0.2)
    x.at[0].set(0.2); x.at[0].add(0.2); x.at[0].get(fill_value=0.2, mode="fill"); jnp.sum(x, initial=0.2); jnp.max(x, initial=0.2)
    jnp.nan_to_num(x, nan=0.2); jnp.insert(x, 0, 0.2); jnp.heaviside(x, 0.2); jnp.heaviside(0, 0.2); jnp.heaviside(1, x)
    jnp.moveaxis(0.2, (), ()); jnp.transpose(0.2); jnp.broadcast_to(0.2, (2,))
    jnp.broadcast_to(0.2, ()); jnp.squeeze(0.2); jnp.flip(jnp.atleast_1d(0.2)); jnp.hypot(x, 0.2)
    jnp.copysign(x, 0.2); jnp.nextafter(x, 0.2); jnp.fmod(x, 0.2); jnp.ldexp(0.2, 3); jnp.isclose(x, 0.2); jnp.equal(x, 0.2)
    jnp.dot(x, 0.2); jnp.kron(x, 0.2); jnp.einsum("i,->i", x, 0.2); jnp.real(0.2); jnp.imag(0.2); jnp.angle(0.2)
    jnp.conj(0.2); jnp.round(0.2, 1); jnp.trunc(0.2); jnp.cumsum(0.2); jnp.sort(jnp.ravel(0.2)); jnp.arange(0.2, 2.2, 0.7)
    jnp.tri(2) * 0.2; jnp.atan2(i, 2); jnp.atan2(0.2, i); jnp.arctan2(i, 2); jnp.atan2(x, i)
"""


@pytest.mark.parametrize("expression", [e.strip() for e in re.split(r";|\n", WITH_NUMBERS) if e.strip()])
@pytest.mark.one_in(12)
def test_calls_with_numbers(expression):
    def shown(lib):
        def function(x, i):
            return eval(expression, {"jnp": lib.numpy, "lax": lib.lax, "x": x, "i": i})

        return texts.text(lib, lib.make_jaxpr(function)(lib.numpy.arange(2.0), lib.numpy.arange(2)))

    assert shown(mj) == shown(jax)
