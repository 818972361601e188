"""Bad calls, a row each: the error's class is JAX's, and its message names the function and the value.

`python -m tests.raises` lists the lines that raise and that no test runs.
"""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy
import numpy as np
import pytest
from bad_library_calls import LIBRARY, OURS

import minijax
import minijax.experimental.mesh_utils
import minijax.lax as lax
import minijax.lowering
import minijax.nn.initializers
import minijax.numpy
import minijax.numpy as jnp
import minijax.scipy.special
from minijax.core.array import to_array
from minijax.core.avals import ShapedArray, UndefinedPrimal
from minijax.core.jaxpr import ClosedJaxpr, JaxprTypeError, check_jaxpr
from minijax.core.primitive import Primitive
from minijax.core.traces import Trace, Tracer, get_aval
from minijax.fast.recipes import StraightLine
from minijax.foundation.effects import no_effects
from minijax.lowering.keys import NoKey, jaxpr_key
from minijax.primitives import basis
from minijax.primitives.arithmetic import select_n_p
from minijax.primitives.collectives import all_to_all_p
from minijax.primitives.dynamic_slices import dynamic_slice_p, dynamic_update_slice_p
from minijax.primitives.elementwise import sin_p
from minijax.primitives.indexing import gather_p, scatter_p
from minijax.primitives.joining import stack_p
from minijax.primitives.random_bits import random_bits_p, random_fold_in_p, threefry2x32_p
from minijax.primitives.random_gamma import random_gamma_p
from minijax.primitives.reductions import argmax_p
from minijax.transforms.vmap import Axis, with_named_axes


def v(jnp, n=3):
    return jnp.arange(float(n))


def m(jnp):
    return jnp.ones((2, 3))


def c(jnp):
    return jnp.array([1 + 2j, 3.0])


# {what is wrong: (the call, a function of (jax, jax.numpy, jax.lax); words of the message)}
NUMPY = {
    "quantile, weights": (
        lambda jax, jnp, lax: jnp.quantile(v(jnp), 0.5, weights=v(jnp)),
        ("quantile", "weights", "'linear'"),
    ),
    "quantile, complex weights": (
        lambda jax, jnp, lax: jnp.quantile(v(jnp), 0.5, weights=c(jnp), method="inverted_cdf"),
        ("quantile", "complex64"),
    ),
    "quantile, shape of weights": (
        lambda jax, jnp, lax: jnp.quantile(m(jnp), 0.5, weights=v(jnp), method="inverted_cdf"),
        ("quantile", "(3,)"),
    ),
    "quantile, axes of weights": (
        lambda jax, jnp, lax: jnp.quantile(m(jnp), 0.5, axis=0, weights=v(jnp), method="inverted_cdf"),
        ("quantile", "(3,)", "(2, 3)"),
    ),
    "cov, fweights": (lambda jax, jnp, lax: jnp.cov(m(jnp), fweights=v(jnp)), ("cov", "fweights", "float32")),
    "cov, axes of fweights": (
        lambda jax, jnp, lax: jnp.cov(m(jnp), fweights=jnp.ones((1, 3), int)),
        ("fweights", "(1, 3)"),
    ),
    "cov, few aweights": (lambda jax, jnp, lax: jnp.cov(m(jnp), aweights=v(jnp, 2)), ("aweights", "3", "2")),
    "diff, n": (lambda jax, jnp, lax: jnp.diff(v(jnp), n=-1), ("diff", "-1")),
    "gradient, edge_order": (lambda jax, jnp, lax: jnp.gradient(v(jnp), edge_order=2), ("gradient", "edge_order")),
    "gradient, spacings": (lambda jax, jnp, lax: jnp.gradient(m(jnp), 1.0, 1.0, 1.0), ("gradient", "3")),
    "interp, left": (lambda jax, jnp, lax: jnp.interp(v(jnp), v(jnp), v(jnp), left="up"), ("interp", "left", "'up'")),
    "interp, complex": (lambda jax, jnp, lax: jnp.interp(c(jnp), v(jnp), v(jnp)), ("interp", "complex")),
    "unwrap, complex": (lambda jax, jnp, lax: jnp.unwrap(c(jnp)), ("unwrap", "complex")),
    "floor_divide, complex": (lambda jax, jnp, lax: jnp.floor_divide(c(jnp), 2), ("floor_divide", "complex")),
    "hypot, complex": (lambda jax, jnp, lax: jnp.hypot(c(jnp), 2), ("hypot",)),
    "heaviside, complex": (lambda jax, jnp, lax: jnp.heaviside(c(jnp), 2), ("heaviside", "complex")),
    "in": (lambda jax, jnp, lax: v(jnp) in v(jnp), ("__contains__", "(3,)")),
    "view, scalar": (lambda jax, jnp, lax: jnp.float32(1).view("int8"), ("view", "0d")),
    "view, size": (lambda jax, jnp, lax: jnp.ones(3, "int8").view("float32"), ("view", "3")),
    "flat": (lambda jax, jnp, lax: v(jnp).flat, ("flat",)),
    "__array_namespace__": (
        lambda jax, jnp, lax: v(jnp).__array_namespace__(api_version="2000"),
        ("api_version", "2000"),
    ),
    "where, three and size": (lambda jax, jnp, lax: jnp.where(v(jnp) > 1, 1, 2, size=3), ("where", "size")),
    "select, nothing": (lambda jax, jnp, lax: jnp.select([], []), ("select", "condlist")),
    "choose, mode": (lambda jax, jnp, lax: jnp.choose(jnp.array([0]), [v(jnp, 1)], mode="up"), ("choose", "'up'")),
    "choose, entries": (lambda jax, jnp, lax: jnp.choose(jnp.array([7]), [v(jnp, 1)]), ("choose", "7")),
    "choose, dtype": (lambda jax, jnp, lax: jnp.choose(v(jnp), [v(jnp)] * 3), ("choose", "float32")),
    "compress, size": (lambda jax, jnp, lax: jnp.compress(v(jnp) > 1, v(jnp), size=7), ("compress", "7")),
    "matmul, shapes": (
        lambda jax, jnp, lax: jnp.matmul(jnp.ones((4, 2, 3)), jnp.ones((5, 3, 2))),
        ("matmul", "(4, 2, 3)"),
    ),
    "tensordot, axes": (
        lambda jax, jnp, lax: jnp.tensordot(m(jnp), m(jnp), axes=(1, 2, 3)),
        ("tensordot", "(1, 2, 3)"),
    ),
    "tensordot, lengths": (
        lambda jax, jnp, lax: jnp.tensordot(m(jnp), m(jnp), axes=((0, 1), (0,))),
        ("tensordot", "(0,)"),
    ),
    "einsum, output": (lambda jax, jnp, lax: jnp.einsum("i->j", v(jnp)), ("einsum", "'j'", "i->j")),
    "einsum, output twice": (lambda jax, jnp, lax: jnp.einsum("i->ii", v(jnp)), ("einsum", "'i'", "i->ii")),
    "histogram, weights": (lambda jax, jnp, lax: jnp.histogram(v(jnp), weights=v(jnp, 4)), ("histogram", "(4,)")),
    "array, None": (lambda jax, jnp, lax: jnp.array([1, None]), ("None", "array")),
    "ones, forgotten tuple": (lambda jax, jnp, lax: jnp.ones(2, 3), ("ones(2, 3)",)),
    "arange, complex": (lambda jax, jnp, lax: jnp.arange(3j), ("arange", "complex")),
    "linspace, num": (lambda jax, jnp, lax: jnp.linspace(0, 1, -2), ("linspace", "-2")),
    "meshgrid, copy": (lambda jax, jnp, lax: jnp.meshgrid(v(jnp), copy=False), ("meshgrid", "copy")),
    "meshgrid, indexing": (lambda jax, jnp, lax: jnp.meshgrid(v(jnp), indexing="up"), ("meshgrid", "up")),
    "cumulative_sum, scalar": (lambda jax, jnp, lax: jnp.cumulative_sum(1.0), ("cumulative sum",)),
    "cumulative_sum, rank": (lambda jax, jnp, lax: jnp.cumulative_sum(m(jnp)), ("cumulative_sum", "2")),
    "trace, axes": (lambda jax, jnp, lax: jnp.trace(m(jnp), axis1=1, axis2=1), ("trace", "axis1=1")),
    "diag_indices_from": (lambda jax, jnp, lax: jnp.diag_indices_from(m(jnp)), ("diag_indices_from", "(2, 3)")),
    "fill_diagonal, wrap": (
        lambda jax, jnp, lax: jnp.fill_diagonal(m(jnp), 1, wrap=True, inplace=False),
        ("fill_diagonal", "wrap"),
    ),
    "fill_diagonal, vector": (
        lambda jax, jnp, lax: jnp.fill_diagonal(v(jnp), 1, inplace=False),
        ("fill_diagonal", "(3,)"),
    ),
    "fill_diagonal, shape": (
        lambda jax, jnp, lax: jnp.fill_diagonal(jnp.ones((2, 2, 3)), 1, inplace=False),
        ("fill_diagonal", "(2, 2, 3)"),
    ),
    "ravel_multi_index, dtype": (
        lambda jax, jnp, lax: jnp.ravel_multi_index((v(jnp),), (3,)),
        ("ravel_multi_index", "float32"),
    ),
    "ravel_multi_index, order": (
        lambda jax, jnp, lax: jnp.ravel_multi_index((jnp.array([1]),), (3,), order="K"),
        ("ravel_multi_index", "'K'"),
    ),
    "ravel_multi_index, entry": (
        lambda jax, jnp, lax: jnp.ravel_multi_index((jnp.array([7]),), (3,)),
        ("ravel_multi_index", "7"),
    ),
    "ravel_multi_index, mode": (
        lambda jax, jnp, lax: jnp.ravel_multi_index((jnp.array([1]),), (3,), mode="up"),
        ("ravel_multi_index", "'up'"),
    ),
    "get, fill_value": (
        lambda jax, jnp, lax: v(jnp).at[0].get(mode="fill", fill_value=v(jnp)),
        ("get()", "fill_value"),
    ),
    "index of an empty axis": (lambda jax, jnp, lax: jnp.ones(0)[jnp.int32(0)], ("index", "axis 0")),
    "reshape, order": (lambda jax, jnp, lax: jnp.reshape(v(jnp), 3, order="A"), ("reshape", "order")),
    "reshape, two -1": (lambda jax, jnp, lax: jnp.reshape(v(jnp), (-1, -1)), ("reshape", "(-1, -1)")),
    "reshape, size": (lambda jax, jnp, lax: jnp.reshape(v(jnp), (2, -1)), ("reshape", "(2, -1)")),
    "reshape, zero": (lambda jax, jnp, lax: jnp.reshape(v(jnp), (0, -1)), ("modulo",)),
    "ravel, order": (lambda jax, jnp, lax: jnp.ravel(v(jnp), order="K"), ("ravel", "'K'")),
    "moveaxis": (lambda jax, jnp, lax: jnp.moveaxis(m(jnp), (0, 1), (0,)), ("moveaxis", "2", "1")),
    "rot90, axes": (lambda jax, jnp, lax: jnp.rot90(m(jnp), axes=(1, 1)), ("rot90", "(1, 1)")),
    "block, tuple": (lambda jax, jnp, lax: jnp.block((1, 2)), ("block", "(1, 2)")),
    "block, nothing": (lambda jax, jnp, lax: jnp.block([]), ("block", "empty")),
    "pad, negative": (lambda jax, jnp, lax: jnp.pad(v(jnp), -1), ("pad", "-1")),
    "pad, keyword": (lambda jax, jnp, lax: jnp.pad(v(jnp), 1, mode="edge", up=1), ("pad", "up")),
    "pad, empty": (lambda jax, jnp, lax: jnp.pad(jnp.ones(0), 1, mode="reflect"), ("pad", "reflect")),
    "pad, ragged": (lambda jax, jnp, lax: jnp.pad(m(jnp), ((1, 2), (3,))), ("pad", "(3,)")),
    "pad, stat_length": (
        lambda jax, jnp, lax: jnp.pad(v(jnp), 1, mode="maximum", stat_length=0),
        ("pad", "stat_length"),
    ),
    "polyadd, booleans": (lambda jax, jnp, lax: jnp.polyadd(v(jnp) > 1, v(jnp, 2) > 1), ("polyadd",)),
    "polyder, m": (lambda jax, jnp, lax: jnp.polyder(v(jnp), -1), ("polyder", "-1")),
    "polyint, m": (lambda jax, jnp, lax: jnp.polyint(v(jnp), -1), ("polyint", "-1")),
    "polyint, k": (lambda jax, jnp, lax: jnp.polyint(v(jnp), 2, k=v(jnp)), ("polyint", "k")),
    "vander, N": (lambda jax, jnp, lax: jnp.vander(v(jnp), N=-1), ("vander", "-1")),
    "convolve, empty": (lambda jax, jnp, lax: jnp.convolve(v(jnp), jnp.ones(0)), ("convolve", "(0,)")),
    "max, where": (lambda jax, jnp, lax: jnp.max(v(jnp), where=v(jnp) > 1), ("max", "initial")),
    "max, empty": (lambda jax, jnp, lax: jnp.max(jnp.ones(0)), ("max", "zero-size")),
    "sum, initial": (lambda jax, jnp, lax: jnp.sum(v(jnp), initial=v(jnp)), ("sum", "(3,)")),
    "argmax, empty": (lambda jax, jnp, lax: jnp.argmax(jnp.ones(0)), ("argmax", "empty")),
    "unique, empty": (lambda jax, jnp, lax: jnp.unique(jnp.ones(0), size=2), ("unique", "size")),
    "sort, kind": (lambda jax, jnp, lax: jnp.sort(v(jnp), kind="heap"), ("sort", "kind")),
    "sort, order": (lambda jax, jnp, lax: jnp.sort(v(jnp), order="x"), ("sort", "order")),
    "lexsort, shapes": (lambda jax, jnp, lax: jnp.lexsort((v(jnp), v(jnp, 2))), ("lexsort", "(2,)")),
    "partition, complex": (lambda jax, jnp, lax: jnp.partition(c(jnp), 1), ("partition", "complex")),
    "argpartition, complex": (lambda jax, jnp, lax: jnp.argpartition(c(jnp), 1), ("argpartition", "complex")),
    "searchsorted, side": (lambda jax, jnp, lax: jnp.searchsorted(v(jnp), 1.0, side="up"), ("searchsorted", "'up'")),
    "searchsorted, method": (
        lambda jax, jnp, lax: jnp.searchsorted(v(jnp), 1.0, method="up"),
        ("searchsorted", "'up'"),
    ),
    "average, weights": (lambda jax, jnp, lax: jnp.average(m(jnp), weights=v(jnp)), ("average", "(3,)")),
    "var, ddof": (lambda jax, jnp, lax: jnp.var(v(jnp), ddof=1, correction=2), ("var", "ddof")),
    "var, dtype": (lambda jax, jnp, lax: jnp.var(c(jnp), dtype="float32"), ("var", "float32")),
    "std, dtype": (lambda jax, jnp, lax: jnp.std(v(jnp), dtype=int), ("std", "int")),
    "quantile, method": (lambda jax, jnp, lax: jnp.quantile(v(jnp), 0.5, method="up"), ("quantile", "'up'")),
    "quantile, complex": (lambda jax, jnp, lax: jnp.quantile(c(jnp), 0.5), ("quantile", "complex")),
    "cov, y": (lambda jax, jnp, lax: jnp.cov(m(jnp), jnp.ones((2, 2, 3))), ("cov", "(2, 2, 3)")),
    "take, raise": (lambda jax, jnp, lax: jnp.take(v(jnp), 1, mode="raise"), ("take", "raise")),
    "take, mode": (lambda jax, jnp, lax: jnp.take(v(jnp), 1, mode="up"), ("take", "up")),
    "take, empty": (lambda jax, jnp, lax: jnp.take(jnp.ones(0), jnp.array([1])), ("take", "empty")),
    "take_along_axis, rank": (
        lambda jax, jnp, lax: jnp.take_along_axis(m(jnp), jnp.ones((2, 3), int), axis=None),
        ("take_along_axis", "(2, 3)"),
    ),
    "put_along_axis, inplace": (
        lambda jax, jnp, lax: jnp.put_along_axis(m(jnp), jnp.ones((2, 3), int), 1, 0),
        ("put_along_axis", "inplace"),
    ),
    "put_along_axis, rank": (
        lambda jax, jnp, lax: jnp.put_along_axis(m(jnp), jnp.ones(3, int), 1, 0, inplace=False),
        ("put_along_axis", "(2, 3)"),
    ),
    "put, raise": (lambda jax, jnp, lax: jnp.put(v(jnp), 1, 1, mode="raise", inplace=False), ("put", "raise")),
    "put, mode": (lambda jax, jnp, lax: jnp.put(v(jnp), 1, 1, mode="up", inplace=False), ("put", "'up'")),
    "place, mask": (lambda jax, jnp, lax: jnp.place(v(jnp), v(jnp, 2) > 0, 1, inplace=False), ("place", "(2,)")),
    "place, empty": (
        lambda jax, jnp, lax: jnp.place(v(jnp), v(jnp) > 0, jnp.ones(0), inplace=False),
        ("place", "empty"),
    ),
    "fabs, complex": (lambda jax, jnp, lax: jnp.fabs(c(jnp)), ("fabs", "complex")),
    "signbit, complex": (lambda jax, jnp, lax: jnp.signbit(c(jnp)), ("signbit", "complex")),
    "copysign, complex": (lambda jax, jnp, lax: jnp.copysign(c(jnp), 1.0), ("copysign", "complex")),
    "isposinf, complex": (lambda jax, jnp, lax: jnp.isposinf(c(jnp)), ("isposinf", "complex")),
    "clip, complex": (lambda jax, jnp, lax: jnp.clip(c(jnp), 0, 1), ("lip", "complex")),
    "float0": (lambda jax, jnp, lax: jnp.sin(np.zeros(3, jax.dtypes.float0)), ("sin", "float0")),
    "sum, axes twice": (lambda jax, jnp, lax: jnp.sum(m(jnp), axis=(0, 0)), ("axis", "(0, 0)")),
    "sum, axis": (lambda jax, jnp, lax: jnp.sum(m(jnp), axis=7), ("axis 7", "2")),
    "vectorize, signature": (lambda jax, jnp, lax: jnp.vectorize(jnp.sin, signature="i->")(1.0), ("vectorize", "i->")),
    "vectorize, excluded": (lambda jax, jnp, lax: jnp.vectorize(jnp.sin, excluded={1.5}), ("vectorize", "1.5")),
    "vectorize, negative": (lambda jax, jnp, lax: jnp.vectorize(jnp.sin, excluded={-1}), ("vectorize", "-1")),
    "vectorize, number of arguments": (
        lambda jax, jnp, lax: jnp.vectorize(jnp.add, signature="(n)->(n)")(v(jnp), v(jnp)),
        ("vectorize", "2", "(n)->(n)"),
    ),
    "vectorize, rank": (
        lambda jax, jnp, lax: jnp.vectorize(jnp.sin, signature="(n,m)->(n)")(v(jnp)),
        ("vectorize", "(3,)"),
    ),
    "vectorize, results": (
        lambda jax, jnp, lax: jnp.vectorize(jnp.sin, signature="(n)->(n),(n)")(v(jnp)),
        ("vectorize", "2", "1"),
    ),
    "vectorize, result's rank": (
        lambda jax, jnp, lax: jnp.vectorize(jnp.sum, signature="(n)->(n)")(v(jnp)),
        ("vectorize", "()"),
    ),
    "vectorize, sizes": (
        lambda jax, jnp, lax: jnp.vectorize(jnp.add, signature="(n),(n)->(n)")(v(jnp), v(jnp, 2)),
        ("vectorize", "'n'", "2"),
    ),
    "apply_over_axes": (
        lambda jax, jnp, lax: jnp.apply_over_axes(lambda a, axis: jnp.float32(1), m(jnp), [0]),
        ("apply_over_axes", "()"),
    ),
    "zeros, dtype": (lambda jax, jnp, lax: jnp.zeros(3, "up"), ("up",)),
    "promotion of keys": (lambda jax, jnp, lax: jnp.stack([jax.random.key(0), v(jnp)[0]]), ("key",)),
    "uint8": (lambda jax, jnp, lax: jnp.uint8(300), ("300", "uint8")),
    "int of complex": (lambda jax, jnp, lax: int(jnp.array(1j)), ("complex", "int")),
    "a number of 71 bits": (lambda jax, jnp, lax: jnp.add(v(jnp), 2**70), (str(2**70), "too large")),
    "len of a scalar": (lambda jax, jnp, lax: len(jnp.float32(1)), ("len()",)),
    "len of a scalar tracer": (lambda jax, jnp, lax: jax.jit(len)(jnp.float32(1)), ("len()",)),
}
TRANSFORMATIONS = {
    "jit of a generator": (lambda jax, jnp, lax: jax.jit(generator), ("generator",)),
    "static_argnames": (lambda jax, jnp, lax: jax.jit(lambda x: x, static_argnames=3), ("static_argnames", "3")),
    "associative_scan, leaves": (
        lambda jax, jnp, lax: lax.associative_scan(jnp.add, (v(jnp), v(jnp, 2))),
        ("associative_scan", "2"),
    ),
    "associative_scan, fn": (lambda jax, jnp, lax: lax.associative_scan(3, v(jnp)), ("associative_scan", "3")),
    "checkpoint, static": (
        lambda jax, jnp, lax: jax.checkpoint(jnp.sin, static_argnums=7)(1.0),
        ("static_argnums", "7"),
    ),
    "argnums": (lambda jax, jnp, lax: jax.grad(jnp.sin, argnums="x"), ("argnums", "'x'")),
    "argnums, position": (lambda jax, jnp, lax: jax.grad(jnp.sin, argnums=3)(1.0), ("argnums", "3")),
    "scan, unroll": (lambda jax, jnp, lax: lax.scan(lambda a, x: (a, x), 0.0, v(jnp), unroll=-1), ("unroll", "-1")),
    "fori_loop, body": (lambda jax, jnp, lax: lax.fori_loop(0, 3, 3, 0), ("fori_loop", "3")),
    "fori_loop, unroll": (
        lambda jax, jnp, lax: jax.jit(lambda n: lax.fori_loop(0, n, lambda i, a: a, 0, unroll=2))(3),
        ("fori_loop", "unroll"),
    ),
    "cond, operand": (lambda jax, jnp, lax: lax.cond(True, jnp.sin, jnp.cos, 1.0, operand=1.0), ("cond", "operand")),
    "cond, shape": (lambda jax, jnp, lax: lax.cond(v(jnp) > 1, jnp.sin, jnp.cos, 1.0), ("cond", "(3,)")),
    "cond, complex": (lambda jax, jnp, lax: lax.cond(jnp.array(1j), jnp.sin, jnp.cos, 1.0), ("cond", "complex64")),
    "ShapeDtypeStruct": (lambda jax, jnp, lax: jax.ShapeDtypeStruct((3,), None), ("ShapeDtypeStruct", "dtype")),
    "len of a ShapeDtypeStruct": (lambda jax, jnp, lax: len(jax.ShapeDtypeStruct((), "float32")), ("len()",)),
    "vmap, in_axes": (lambda jax, jnp, lax: jax.vmap(jnp.sin, in_axes="x"), ("vmap", "x")),
    "vmap, a leaf of in_axes": (lambda jax, jnp, lax: jax.vmap(jnp.sin, in_axes=("x",)), ("vmap", "x")),
    "vmap, out_axes": (lambda jax, jnp, lax: jax.vmap(jnp.sin, out_axes=3)(v(jnp)), ("vmap", "3")),
    "closure_convert": (
        lambda jax, jnp, lax: jax.closure_convert(jnp.sin, 1.0)[0](1.0, 2.0),
        ("closure_convert", "PyTreeDef"),
    ),
    "config": (lambda jax, jnp, lax: jax.config.update("jax_up", 1), ("jax_up",)),
    "register_dataclass": (lambda jax, jnp, lax: jax.tree_util.register_dataclass(int), ("int",)),
}
LAX = {
    "more fft lengths than axes": (
        lambda jax, jnp, lax: lax.fft(v(jnp), "RFFT", (3, 3)),
        ("FFT", "(3,)", "(3, 3)"),
    ),
    "padding that is no string": (lambda jax, jnp, lax: lax.padtype_to_pads((5,), (3,), (1,), 3), ("padding", "3")),
    "reversed of a number": (lambda jax, jnp, lax: reversed(jnp.float32(1)), ("len()",)),
    "add_any": (lambda jax, jnp, lax: lax.broadcast_in_dim(v(jnp), (2, 3), (0, 1)), ("broadcast_in_dim",)),
    "broadcast_in_dim, sizes": (
        lambda jax, jnp, lax: lax.broadcast_in_dim(v(jnp), (2, 4), (1,)),
        ("broadcast_in_dim", "(2, 4)"),
    ),
    "reshape, negative": (lambda jax, jnp, lax: lax.reshape(v(jnp), (-3,)), ("reshape", "(-3,)")),
    "axis_size": (lambda jax, jnp, lax: lax.psum(v(jnp), "up"), ("up",)),
    "dot_general, dimensions": (
        lambda jax, jnp, lax: lax.dot_general(m(jnp), m(jnp), (((0,), (0, 1)), ((), ()))),
        ("dot_general", "(0, 1)"),
    ),
    "dynamic_slice, starts": (lambda jax, jnp, lax: lax.dynamic_slice(m(jnp), (0,), (1, 1)), ("dynamic_slice", "1")),
    "dynamic_slice, floats": (lambda jax, jnp, lax: lax.dynamic_slice(v(jnp), (1.5,), (1,)), ("dynamic_slice",)),
    "dynamic_update_slice, rank": (
        lambda jax, jnp, lax: lax.dynamic_update_slice(m(jnp), v(jnp), (0, 0)),
        ("dynamic_update_slice",),
    ),
    "dynamic_update_slice, size": (
        lambda jax, jnp, lax: lax.dynamic_update_slice(v(jnp), v(jnp, 5), (0,)),
        ("dynamic_update_slice", "(5,)"),
    ),
    "concatenate, nothing": (lambda jax, jnp, lax: lax.concatenate([], 0), ("concatenate",)),
    "split, axis": (lambda jax, jnp, lax: lax.split(v(jnp), (1, 2), axis=3), ("split", "3")),
    "pad, dtypes": (lambda jax, jnp, lax: lax.pad(v(jnp), 1, ((0, 0, 0),)), ("pad", "int32")),
    "pad, value": (lambda jax, jnp, lax: lax.pad(v(jnp), v(jnp), ((0, 0, 0),)), ("pad", "(3,)")),
    "pad, rank": (lambda jax, jnp, lax: lax.pad(v(jnp), 1.0, ((0, 0, 0), (0, 0, 0))), ("pad",)),
    "pad, interior": (lambda jax, jnp, lax: lax.pad(v(jnp), 1.0, ((0, 0, -1),)), ("padding", "-1")),
    "pad, below nothing": (lambda jax, jnp, lax: lax.pad(v(jnp), 1.0, ((-5, 0, 0),)), ("pad", "-5")),
    "iota, dtype": (lambda jax, jnp, lax: lax.iota(bool, 3), ("iota", "bool")),
    "iota, dimension": (lambda jax, jnp, lax: lax.broadcasted_iota("int32", (2, 3), 5), ("iota", "5")),
    "broadcast_shapes": (lambda jax, jnp, lax: lax.broadcast_shapes((2,), (3,)), ("(2,)", "(3,)")),
    "argmax, dtype": (lambda jax, jnp, lax: lax.argmax(c(jnp), 0, "int32"), ("argmax", "complex64")),
    "argmax, axis": (lambda jax, jnp, lax: lax.argmax(v(jnp), 3, "int32"), ("3",)),
    "argmax, empty": (lambda jax, jnp, lax: lax.argmax(jnp.ones(0), 0, "int32"), ("argmax",)),
    "gather mode": (lambda jax, jnp, lax: lax.GatherScatterMode.from_any("up"), ("up",)),
    "random_bits": (lambda jax, jnp, lax: jax.random.bits(jax.random.key(0), (3,), "float32"), ("float32",)),
    "dirichlet": (lambda jax, jnp, lax: jax.random.dirichlet(jax.random.key(0), jnp.float32(1)), ("dirichlet", "0")),
}
ROWS = {**NUMPY, **TRANSFORMATIONS, **LAX, **LIBRARY}


def generator():
    yield 1


def raised(call, library) -> Exception:
    with pytest.raises(Exception) as caught:
        call(library, library.numpy, library.lax)
    return caught.value


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.one_in(40)
def test_bad_call(row):
    call, words = ROWS[row]
    mine, theirs = raised(call, minijax), raised(call, jax)
    classes = [c.__name__ for c in type(theirs).__mro__]
    assert type(mine).__name__ in classes and type(mine) not in (Exception, BaseException), (mine, theirs)
    missing = [word for word in words if word not in str(mine)]
    assert not missing, f"{missing} not in: {mine}"


# ---------------------------------------------------------------------------------------------------------------------
# Calls that JAX accepts, or does not have, or refuses with another class for a reason of its own; and what the rows of primitives
# check where no function of `lax` gets that far

F32, I32 = ShapedArray((3,), np.dtype("float32")), ShapedArray((3,), np.dtype("int32"))
KEYS = minijax.random.key(0).aval


def aval(*shape, dtype="float32"):
    return ShapedArray(shape, np.dtype(dtype))


def typed(primitive, *avals, **params):
    return lambda: primitive.abstract_eval(*avals, **params)


GATHER = {"slice_sizes": (1,), "dimension_numbers": lax.GatherDimensionNumbers((), (0,), (0,))}
SCATTER = {"dimension_numbers": lax.ScatterDimensionNumbers((), (0,), (0,))}
EXCHANGE = {"split_axis": 0, "concat_axis": 0, "axis_name": "i", "axis_index_groups": None, "tiled": True}


def not_a_number():
    with minijax.debug_nans():
        jnp.log(-1.0)


STARTS = aval(3, 1, dtype="int32")
OWN = {
    "a place, asked of a tracer": (
        lambda: minijax.jit(lambda x: x.addressable_shards)(1.0),
        AttributeError,
        "'JaxprTracer' object has no attribute 'addressable_shards'",
    ),
    "a dialect that a program has not": (
        lambda: minijax.jit(jnp.sin).lower(1.0).as_text("hlo"),
        ValueError,
        "Invalid dialect: hlo",
    ),
    "a device to compile for": (
        lambda: minijax.jit(jnp.sin).lower(1.0).compile(device_assignment=(0,)),
        NotImplementedError,
        "one device",
    ),
    "options of a compiler": (
        lambda: minijax.jit(jnp.sin).lower(1.0).compile(compiler_options={"xla_dump_to": "."}),
        NotImplementedError,
        "compiler_options",
    ),
    "options of a compiler, of jit": (
        lambda: minijax.jit(jnp.sin, compiler_options={"xla_dump_to": "."}),
        NotImplementedError,
        "compiler_options",
    ),
    "nondiff_argnames that no argument has": (
        lambda: minijax.custom_vjp(lambda x, n: x, nondiff_argnames=("z",)),
        ValueError,
        "nondiff_argnames.*'z'",
    ),
    "a mesh of more devices than there are": (
        lambda: minijax.experimental.mesh_utils.create_device_mesh((3,), minijax.devices()[:1]),
        ValueError,
        r"Number of devices 1 .*\(3,\)",
    ),
    "a slice of too many axes": (
        lambda: lax.slice(v(jnp), (0, 0), (1, 1)),
        TypeError,
        "slice indices must have length 1",
    ),
    "complex angles": (
        lambda: minijax.scipy.special.sph_harm_y(jnp.array([1]), jnp.array([1]), jnp.array([1j]), jnp.array([1.0])),
        TypeError,
        "sph_harm_y .*complex64",
    ),
    "nonzero, fill_value": (lambda: jnp.nonzero(m(jnp), size=2, fill_value=v(jnp)), ValueError, "fill_value"),
    "checkpoint": (lambda: minijax.checkpoint(3), TypeError, "checkpoint: expected a callable, got 3"),
    "pure_callback": (
        lambda: minijax.pure_callback(3, minijax.ShapeDtypeStruct((), "float32")),
        TypeError,
        "callback.*3",
    ),
    "tree_transpose": (
        lambda: minijax.tree.transpose(minijax.tree.structure([0]), minijax.tree.structure((0,)), {"a": 1}),
        TypeError,
        "Mismatch",
    ),
    "static_argnums": (lambda: minijax.checkpoint(jnp.sin, static_argnums=-7)(1.0), ValueError, "-7"),
    "associative_scan, axis": (lambda: lax.associative_scan(jnp.add, v(jnp), axis=3), ValueError, "axis 3"),
    "associative_scan, trees": (
        lambda: lax.associative_scan(lambda a, b: (a, b), v(jnp)),
        TypeError,
        "associative_scan",
    ),
    "custom_jvp, keyword-only": (lambda: keyword_only(x=1.0), TypeError, "'x'"),
    "custom_jvp, nondiff_argnums": (lambda: far_argnums(1.0), TypeError, "nondiff_argnums=.*1 arguments"),
    "argnums of few arguments": (
        lambda: minijax.grad(jnp.sin, argnums=(0, 0))(1.0),
        TypeError,
        "names an argument twice",
    ),
    "fori_loop, types": (
        lambda: lax.fori_loop(jnp.int8(0), jnp.int16(3), lambda i, c: c, 0),
        TypeError,
        "int8 and int16",
    ),
    "pmap, in_axes": (lambda: minijax.pmap(jnp.sin, in_axes=-1), ValueError, "pmap in_axes.*-1"),
    "pmap, static": (lambda: minijax.pmap(jnp.sin, static_broadcasted_argnums=-1), TypeError, "pmap static.*-1"),
    "array of keys to NumPy": (lambda: np.asarray(minijax.random.key(0)), TypeError, "key_data"),
    "no copy": (lambda: v(jnp).__array__(np.float64, copy=False), ValueError, "float32, float64"),
    "config of another type": (
        lambda: minijax.config.update("minijax_kept_bytes", "many"),
        ValueError,
        "minijax_kept_bytes.*'many'",
    ),
    "long double": (lambda: jnp.zeros(3, np.longdouble), TypeError, "float128|longdouble"),
    "register_dataclass, one list": (
        lambda: minijax.tree_util.register_dataclass(int, data_fields=["a"]),
        TypeError,
        "meta_fields",
    ),
    "register_dataclass, fields": (
        lambda: minijax.tree_util.register_dataclass(Pair, ["left", "up"], ["right"]),
        ValueError,
        "'up'.*unexpected",
    ),
    "Initializer": (
        lambda: minijax.nn.initializers.Initializer.__call__(None, None, (3,)),
        NotImplementedError,
        "protocol",
    ),
    "gradient, short": (lambda: jnp.gradient(v(jnp, 1)), ValueError, "gradient"),
    "tensordot, kinds": (lambda: jnp.tensordot(m(jnp), m(jnp), axes=("x", 1)), TypeError, "tensordot"),
    "get, traced fill_value": (
        lambda: minijax.jit(lambda f: v(jnp).at[0].get(mode="fill", fill_value=f))(1.0),
        minijax.errors.ConcretizationTypeError,
        "fill_value",
    ),
    "ufunc.at": (lambda: jnp.add.at(v(jnp), 0, 1.0), NotImplementedError, "inplace=False"),
    "ufunc.reduce, axes": (lambda: jnp.subtract.reduce(jnp.ones((2, 2)), (0, 1)), NotImplementedError, "tuple of axes"),
    "ufunc, out": (lambda: jnp.frompyfunc(abs, 1, 1)(v(jnp), out=1), NotImplementedError, "out argument"),
    "quantile, weights": (lambda: jnp.quantile(v(jnp), 0.5, weights=v(jnp)), NotImplementedError, "quantile"),
    "round of booleans": (lambda: jnp.round(v(jnp) > 1), ValueError, "jnp.round"),
    "argmax, empty": (lambda: jnp.argmax(jnp.ones((0, 3)), axis=0), ValueError, "argmax of an empty"),
    "random, shape": (lambda: minijax.random.bernoulli(minijax.random.key(0), v(jnp), (2, 1)), ValueError, "(2, 1)"),
    "random, traced": (
        lambda: minijax.jit(lambda n: minijax.random.split(minijax.random.key(0), n))(3),
        (TypeError, minijax.errors.ConcretizationTypeError),
        "static|concrete",
    ),
    "lowering.xla": (lambda: minijax.lowering.xla.up, AttributeError, "'up'"),
    "a number for a tracer": (lambda: minijax.jit(to_array)(1.0), minijax.errors.UnexpectedTracerError, "jit"),
    "debug_nans": (not_a_number, FloatingPointError, "nan.*log"),
    "custom_vjp, traced nondiff_argnums": (
        lambda: minijax.jit(lambda n: scaled(n, 1.0))(2.0),
        minijax.errors.UnexpectedTracerError,
        "nondiff_argnums of the custom_vjp function scaled",
    ),
    "a rule that is one loop": (
        lambda: minijax.grad(looped)(1.0),
        NotImplementedError,
        "jvp rule of looped.*one while_loop",
    ),
    "custom_linear_solve, closed over": (
        lambda: minijax.linear_transpose(lambda a: solved(lambda x: a * x, 1.0), 2.0)(1.0),
        NotImplementedError,
        "closes over an argument of linear_transpose",
    ),
    "custom_linear_solve, auxiliary data": (
        lambda: minijax.linear_transpose(lambda b: solved(lambda x: 2.0 * x, b, has_aux=True)[1], 2.0)(1.0),
        NotImplementedError,
        "auxiliary data has no transpose",
    ),
    "effects of an equation": (
        lambda: check_jaxpr(with_effect(equation=False)),
        JaxprTypeError,
        "other effects than its primitive",
    ),
    "effects of a jaxpr": (
        lambda: check_jaxpr(with_effect(equation=True)),
        JaxprTypeError,
        "are not those of its equations",
    ),
    "key of a jaxpr": (lambda: jaxpr_key(minijax.make_jaxpr(unhashable)(1.0).jaxpr), NoKey, "unhashable"),
    "random.ball, traced": (
        lambda: minijax.jit(lambda d: minijax.random.ball(minijax.random.key(0), d))(3),
        TypeError,
        r"argument d of jax.random.ball\(\) must be known while tracing",
    ),
    "closed jaxpr": (lambda: ClosedJaxpr(minijax.make_jaxpr(jnp.sin)(1.0).jaxpr, [1.0]), ValueError, "1 constants"),
    "a tracer without aval": (lambda: Tracer().aval, AttributeError, "'Tracer' object has no attribute 'aval'"),
    "a trace without rules": (lambda: Trace(None).process_primitive(sin_p, [], {}), NotImplementedError, "'sin'"),
    "value of an unknown": (lambda: sin_p.bind(UndefinedPrimal(F32)), TypeError, "linear"),
    "aval of an unknown": (lambda: get_aval(UndefinedPrimal(F32)), TypeError, "linear"),
    "a straight line": (lambda: object.__new__(StraightLine).up, AttributeError, "no up"),
    "a primitive defined twice": (
        lambda: basis._registered(Primitive("sin"), {}),
        ValueError,
        "'sin' is defined twice",
    ),
    "select_n, cases": (typed(select_n_p, aval(3, dtype=bool), F32, F32, F32), TypeError, "1 or 2 cases, got 3"),
    "add_any": (typed(basis.add_any_p, F32, I32), TypeError, "add_any.*int32"),
    "broadcast_in_dim, order": (
        typed(basis.broadcast_in_dim_p, aval(2, 3), shape=(3, 2), broadcast_dimensions=(1, 0), sharding=None),
        TypeError,
        "strictly increasing",
    ),
    "all_to_all": (
        lambda: with_named_axes([Axis("i", 2)], typed(all_to_all_p, F32, **EXCHANGE)),
        ValueError,
        "all_to_all.*cannot be split among 2",
    ),
    "all_to_all of an unbound axis": (typed(all_to_all_p, F32, **EXCHANGE), NameError, "unbound axis name: i"),
    "psum of an unbound axis": (lambda: lax.axis_size("up"), NameError, "up"),
    "dynamic_slice, starts": (
        typed(dynamic_slice_p, F32, slice_sizes=(1,)),
        TypeError,
        "each of the operand's 1 axes, got 0",
    ),
    "dynamic_slice, floats": (typed(dynamic_slice_p, F32, aval(), slice_sizes=(1,)), TypeError, "must be integers"),
    "dynamic_update_slice, dtypes": (
        typed(dynamic_update_slice_p, F32, I32, aval(dtype="int32")),
        TypeError,
        "same dtypes, got float32, int32",
    ),
    "gather, indices": (typed(gather_p, F32, F32, **GATHER), ValueError, "gather.*float32"),
    "gather, sizes": (typed(gather_p, F32, STARTS, **{**GATHER, "slice_sizes": (7,)}), TypeError, r"\(7,\)"),
    "gather, index axis": (typed(gather_p, F32, aval(3, 2, dtype="int32"), **GATHER), TypeError, "start_index_map"),
    "gather, window": (
        typed(gather_p, F32, STARTS, slice_sizes=(1,), dimension_numbers=lax.GatherDimensionNumbers((), (), (0,))),
        TypeError,
        "0 offset_dims for windows of 1 axes",
    ),
    "scatter, indices": (typed(scatter_p, F32, F32, F32, **SCATTER), ValueError, "scatter.*float32"),
    "scatter, dtypes": (typed(scatter_p, F32, STARTS, I32, **SCATTER), TypeError, "float32, int32"),
    "scatter, index axis": (
        typed(scatter_p, F32, aval(3, 2, dtype="int32"), F32, **SCATTER),
        TypeError,
        "scatter_dims_to_operand",
    ),
    "scatter, batch": (typed(scatter_p, F32, STARTS, aval(5), **SCATTER), TypeError, "Bounds of the scatter"),
    "scatter, window": (
        typed(scatter_p, F32, STARTS, F32, dimension_numbers=lax.ScatterDimensionNumbers((), (), (0,))),
        TypeError,
        "do not fit",
    ),
    "scatter_mul": (
        lambda: minijax.jvp(lambda u: v(jnp).at[jnp.array([0, 0])].multiply(u), (v(jnp, 2),), (v(jnp, 2),)),
        NotImplementedError,
        "unique_indices=True",
    ),
    "stack": (typed(stack_p, F32, I32, axis=0), ValueError, "same shape and dtype"),
    "argmax of two axes": (
        typed(argmax_p, aval(2, 3), axes=(0, 1), index_dtype=np.dtype("int32")),
        ValueError,
        "one axis",
    ),
    "random_bits of an array": (typed(random_bits_p, F32, bit_width=32, shape=(3,)), TypeError, "key array"),
    "random_bits, width": (typed(random_bits_p, KEYS, bit_width=7, shape=(3,)), TypeError, "got 7"),
    "random_fold_in": (typed(random_fold_in_p, KEYS, F32), TypeError, "random_fold_in.*float32"),
    "threefry2x32": (typed(threefry2x32_p, F32, F32, F32, F32), TypeError, "uint32"),
    "random_gamma of an array": (typed(random_gamma_p, F32, F32, log_space=False), TypeError, "random_gamma.*key"),
    "random_gamma, shapes": (
        typed(random_gamma_p, KEYS.update(shape=(2,)), F32, log_space=False),
        TypeError,
        r"\(2,\) and \(3,\)",
    ),
}


@functools.partial(minijax.custom_jvp)
def keyword_only(*, x):
    return x


@functools.partial(minijax.custom_jvp, nondiff_argnums=(3,))
def far_argnums(x):
    return x


@functools.partial(minijax.custom_vjp, nondiff_argnums=(0,))
def scaled(n, x):
    return n * x


scaled.defvjp(lambda n, x: (n * x, None), lambda n, _, ct: (n * ct,))


@minijax.custom_jvp
def looped(x):
    return x * 8


@looped.defjvp
def looped_jvp(primals, tangents):
    pair = lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * 2, c[2] * 2), (0, *primals, *tangents))
    return pair[1:]


def solved(matvec, b, has_aux=False):
    def solve(mv, y):
        x = y / mv(1.0)
        return (x, x) if has_aux else x

    return lax.custom_linear_solve(matvec, b, solve, solve, has_aux=has_aux)


def with_effect(equation: bool):
    """A jaxpr with an effect, of which the equation, or the jaxpr, knows nothing."""
    jaxpr = minijax.make_jaxpr(lambda x: (minijax.debug.print("{}", x), x)[1])(1.0).jaxpr
    if equation:
        return jaxpr.replace(effects=no_effects)
    return jaxpr.replace(eqns=[jaxpr.eqns[0].replace(effects=no_effects)])


def unhashable(x):
    return unhashable_p.bind(x, names={"a"})


unhashable_p = Primitive("unhashable")
unhashable_p.def_abstract_eval(lambda x, names: x)

keyword_only.defjvp(lambda primals, tangents: (primals, tangents))
far_argnums.defjvp(lambda primals, tangents: (primals, tangents))


@dataclasses.dataclass
class Pair:
    left: float
    right: float


@pytest.mark.parametrize("row", OWN)
@pytest.mark.one_in(3)
def test_bad_call_of_our_own(row):
    call, kind, words = OWN[row]
    with pytest.raises(kind, match=words):
        call()


@pytest.mark.parametrize("row", OURS)
def test_bad_call_of_the_library_of_our_own(row):
    call, kind, words = OURS[row]
    with pytest.raises(kind, match=words):
        call(minijax, jnp, lax)
