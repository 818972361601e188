"""Functions of lax with an axis that their array has or has not, under transformations: the values, or the class of the error, are
JAX's. A rule for a batch or a tangent sees the axis before the operation checks it."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import minijax as mj
import minijax.lax
import minijax.numpy

MATRIX = np.float32([[1, 2, 3], [4, 5, 7]])
ARRAYS = {"scalar": MATRIX[0, 0], "vector": MATRIX[0], "matrix": MATRIX}
AXES = (-1, -2, 0, 1, 2, -3)
FUNCTIONS = {
    **{f"{name}{', reverse' * back}": lambda lib, x, a, name=name, back=back: getattr(lib.lax, name)(x, axis=a, reverse=back)
       for name in ("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp") for back in (False, True)},
    **{name: lambda lib, x, a, name=name: getattr(lib.lax, name)(x, (a,))
       for name in ("reduce_sum", "reduce_max", "rev", "expand_dims")},
    "an axis twice": lambda lib, x, a: lib.lax.expand_dims(x, (a, a)),
    "no sequence": lambda lib, x, a: lib.lax.reduce_sum(x, a),
    "of bits": lambda lib, x, a: lib.lax.reduce_and(x > 1, (a,)),
    "argmax": lambda lib, x, a: lib.lax.argmax(x, a, "int32"),
    "sort": lambda lib, x, a: lib.lax.sort(x, dimension=a),
    "sort_key_val": lambda lib, x, a: lib.lax.sort_key_val(x, x, dimension=a),
    "top_k": lambda lib, x, a: lib.lax.top_k(x, 1, axis=a)[0],
    "approx_max_k": lambda lib, x, a: lib.lax.approx_max_k(x, 1, reduction_dimension=a)[0],
    "concatenate": lambda lib, x, a: lib.lax.concatenate([x, x], a),
    "squeeze": lambda lib, x, a: lib.lax.squeeze(x[..., None], (a,)),
    "transpose": lambda lib, x, a: lib.lax.transpose(x, (a, 0)[: x.ndim]),
    "reshape": lambda lib, x, a: lib.lax.reshape(x, x.shape[::-1], (a, 0)[: x.ndim]),
    "broadcast_in_dim": lambda lib, x, a: lib.lax.broadcast_in_dim(x, (2, 3, 4), (a, 1)[: x.ndim]),
    "split": lambda lib, x, a: lib.lax.split(x, (1, x.shape[a] - 1), axis=a),
    "slice_in_dim": lambda lib, x, a: lib.lax.slice_in_dim(x, 0, 1, axis=a),
    "index_in_dim": lambda lib, x, a: lib.lax.index_in_dim(x, 0, axis=a),
    "dynamic_slice_in_dim": lambda lib, x, a: lib.lax.dynamic_slice_in_dim(x, 0, 1, axis=a),
    "dynamic_index_in_dim": lambda lib, x, a: lib.lax.dynamic_index_in_dim(x, 0, axis=a),
    "dynamic_update_slice_in_dim": lambda lib, x, a: lib.lax.dynamic_update_slice_in_dim(x, x, 0, axis=a),
    "associative_scan": lambda lib, x, a: lib.lax.associative_scan(lib.numpy.add, x, axis=a),
    "collapse": lambda lib, x, a: lib.lax.collapse(x, a),
    "logsumexp": lambda lib, x, a: lib.nn.logsumexp(x, axis=a),
    "standardize": lambda lib, x, a: lib.nn.standardize(x, axis=a),
    "vmap": lambda lib, x, a: lib.vmap(lib.numpy.sin, in_axes=a)(x),
    "vmap's result": lambda lib, x, a: lib.vmap(lib.numpy.sin, out_axes=a)(x),
    "True as an axis of vmap": lambda lib, x, a: lib.vmap(lib.numpy.sin, in_axes=bool(a))(x),
    "True as an axis of a result": lambda lib, x, a: lib.vmap(lib.numpy.sin, out_axes=(bool(a),))(x),
}  # fmt: skip
TRANSFORMATIONS = {
    "eager": lambda lib, f, x: f(x),
    "jit": lambda lib, f, x: lib.jit(f)(x),
    "jvp": lambda lib, f, x: lib.jvp(f, (x,), (x,)),
    "jacrev": lambda lib, f, x: lib.jacrev(f)(x),
    "vmap": lambda lib, f, x: lib.vmap(f)(x[None]),
}
# Their batch rule in JAX raises IndexError, where the operation raises ValueError.
INDEX_ERRORS = ("reduce_sum", "reduce_max", "argmax")


def outcome(lib, function, transformation, x, axis):
    try:
        found = TRANSFORMATIONS[transformation](lib, lambda x: FUNCTIONS[function](lib, x, axis), lib.numpy.asarray(x))
    except Exception as error:
        # The error of one library of numbers is a TypeError of another name.
        return "TypeError" if isinstance(error, TypeError) else type(error).__name__
    return [np.asarray(y).tolist() for y in lib.tree.leaves(found) if np.asarray(y).dtype.kind != "V"]


def close(ours, theirs) -> bool:
    if isinstance(ours, str) or isinstance(theirs, str):
        return ours == theirs
    return all(np.shape(a) == np.shape(b) and np.allclose(a, b, 1e-5, 1e-6) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.one_in(216)
def test_axes_of_lax(function, transformation):
    differ = {}
    for name, x in ARRAYS.items():
        for axis in AXES:
            ours, theirs = (outcome(lib, function, transformation, x, axis) for lib in (mj, jax))
            if transformation == "vmap" and function in INDEX_ERRORS and (ours, theirs) == ("ValueError", "IndexError"):
                continue
            # Along axis -1 JAX joins the batches, one behind the other.
            if (transformation, function, axis, ours) == ("vmap", "concatenate", -1, "TypeError"):
                continue
            if not close(ours, theirs):
                differ[name, axis] = ours, theirs
    assert not differ
