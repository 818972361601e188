"""`scipy.spatial.transform` against JAX's: every conversion, composition, interpolation and error."""

from __future__ import annotations

import jax
import jax.numpy
import jax.scipy.spatial.transform
import numpy as np
import pytest

import minijax as mj
import minijax.numpy
import minijax.scipy.spatial.transform

RNG = np.random.default_rng(0)
Q = RNG.normal(size=(5, 4)).astype("float32")
V = RNG.normal(size=(5, 3)).astype("float32")
ANGLES = RNG.uniform(-3, 3, size=(5, 3)).astype("float32")
TIES = np.float32([[1, 0, 0, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 0], [0, 1, 0, -1], [0, -1, 1, 0]])
SEQUENCES = ["x", "xz", "zyx", "ZYX", "xyx", "XYX", "zxz", "yzx"]


def rotations(lib, q=Q):
    return lib.scipy.spatial.transform.Rotation.from_quat(q)


CASES = {
    **{f"from_euler {s}": lambda R, lib, s=s: R.from_euler(s, ANGLES[:, : len(s)]).quat for s in SEQUENCES},
    **{f"as_euler {s}": lambda R, lib, s=s: rotations(lib).as_euler(s) for s in SEQUENCES[2:]},
    **{
        f"as_euler {s}, at {a}": lambda R, lib, s=s, a=a: (
            R.from_euler(s, np.float32([0.3, a, 0.5])).as_euler(s).round(2)
        )
        for s, a in (("xyx", 0.0), ("XYX", 0.0), ("zyx", np.pi / 2), ("ZYX", -np.pi / 2))
    },
    "from_euler of a number": lambda R, lib: R.from_euler("z", 90, degrees=True).quat,
    "as_euler in degrees": lambda R, lib: rotations(lib).as_euler("zyx", degrees=True),
    **{
        name: lambda R, lib, name=name: (getattr(rotations(lib), name)(), getattr(rotations(lib, Q[0]), name)())
        for name in ("as_matrix", "as_mrp", "as_rotvec", "as_quat", "magnitude")
    },
    **{
        f"gradient of {name}": lambda R, lib, name=name: lib.grad(
            lambda q: (getattr(rotations(lib, q), name)() ** 2).sum()
        )(Q)
        for name in ("as_matrix", "as_mrp", "as_rotvec")
    },
    "as_rotvec in degrees": lambda R, lib: rotations(lib).as_rotvec(degrees=True),
    "canonical": lambda R, lib: R(lib.numpy.asarray(TIES)).as_quat(canonical=True),
    "scalar first": lambda R, lib: rotations(lib).as_quat(scalar_first=True),
    "inv": lambda R, lib: rotations(lib).inv().quat,
    "product": lambda R, lib: (rotations(lib) * rotations(lib, Q[::-1])).quat,
    "product with one": lambda R, lib: (rotations(lib) * rotations(lib, Q[0])).quat,
    "apply": lambda R, lib: [rotations(lib).apply(V), rotations(lib, Q[0]).apply(V), rotations(lib).apply(V[0])],
    "apply inverse": lambda R, lib: rotations(lib).apply(V, inverse=True),
    "from_matrix": lambda R, lib: [
        R.from_matrix(rotations(lib).as_matrix()).quat,
        R.from_matrix(np.float32(np.eye(3))).quat,
    ],
    "from_mrp": lambda R, lib: R.from_mrp(V).quat,
    "from_rotvec": lambda R, lib: [
        R.from_rotvec(V).quat,
        R.from_rotvec(0 * V[0]).quat,
        R.from_rotvec(50 * V, degrees=True).quat,
    ],
    "mean": lambda R, lib: [rotations(lib).mean().as_matrix(), rotations(lib).mean(np.arange(1, 6)).as_matrix()],
    "concatenate": lambda R, lib: R.concatenate([rotations(lib)] * 2)[1:7].quat,
    "identity": lambda R, lib: [R.identity().quat, R.identity(dtype="float16").quat],
    "jit and vmap": lambda R, lib: lib.jit(lib.vmap(lambda r: r.as_rotvec()))(rotations(lib)),
    "float16": lambda R, lib: R.from_quat(Q.astype("float16")).as_matrix(),
    "slerp": lambda R, lib: (
        lib.scipy.spatial.transform.Slerp.init([0, 1, 2, 4, 8], rotations(lib))(
            np.float32([0, 0.5, 1, 3, 7.5, 9, -1])
        ).quat
    ),
    "slerp at one time": lambda R, lib: (
        lib.scipy.spatial.transform.Slerp.init([0, 1, 2, 4, 8], rotations(lib))(0.5).quat
    ),
}


def result(case, lib):
    return case(lib.scipy.spatial.transform.Rotation, lib)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.one_in(80)
def test_values(name):
    mine, theirs = result(CASES[name], mj), result(CASES[name], jax)
    for a, b in zip(mj.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        tolerance = 2e-3 if a.dtype == np.float16 else 2e-4 if "degrees" in name else 1e-5
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


MISTAKES = {
    "no axes": lambda R, S, lib: R.from_euler("", 1.0),
    "axes of both kinds": lambda R, S, lib: R.from_euler("xY", [1.0, 2.0]),
    "an axis twice": lambda R, S, lib: R.from_euler("xx", [1.0, 2.0]),
    "another letter": lambda R, S, lib: R.from_euler("w", 1.0),
    "two axes": lambda R, S, lib: rotations(lib).as_euler("xy"),
    "random": lambda R, S, lib: R.random(lib.random.key(0)),
    "identities": lambda R, S, lib: R.identity(3),
    "an item of one": lambda R, S, lib: R.identity()[0],
    "the number of one": lambda R, S, lib: len(R.identity()),
    "weights": lambda R, S, lib: rotations(lib).mean(np.ones((2, 2))),
    "two weights": lambda R, S, lib: rotations(lib).mean(np.ones(2)),
    "no rotations": lambda R, S, lib: S.init([0, 1], 3),
    "one rotation": lambda R, S, lib: S.init([0, 1], R.identity()),
    "table of times": lambda R, S, lib: S.init([[0, 1]], rotations(lib)),
    "two times": lambda R, S, lib: S.init([0, 1], rotations(lib)),
    "asked for a table": lambda R, S, lib: S.init(np.arange(5), rotations(lib))([[1.0]]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    kinds = []
    for lib in (jax, mj):
        transform = lib.scipy.spatial.transform
        with pytest.raises((TypeError, ValueError, NotImplementedError, AssertionError)) as caught:
            MISTAKES[name](transform.Rotation, transform.Slerp, lib)
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]
