"""Model files: every layer of every library comes back with its values, and a bad file gives one line before it is unpacked."""

import json
import os
import time
import tracemalloc
import zipfile

import equinox as eqx
import jax
import numpy as np
import pytest
from flax import nnx

import kaf
from kaf.train import saving

GRIDS = (kaf.Grid.over(-1.0, 3.0, 6), kaf.Grid(6, 2.0, "code"))
X = np.random.default_rng(0).uniform(-1, 1, (5, 2)).astype(np.float32)

LAYERS = {
    "KAFNet": lambda: kaf.KAFNet.init(0, [2, 3, 1]),
    "KAFNet with all options": lambda: kaf.KAFNet.init(
        0, [2, 4, 1], grid=GRIDS[0], kernel="softplus", trainable=("sigma", "centers"), residual=True, method="loop"
    ),
    "KAFNet of ReLU": lambda: kaf.KAFNet.init(0, [2, 3, 1], "relu"),
    "KAF": lambda: kaf.KAF.init(0, 2, GRIDS[1], axis=1),
    "Linear": lambda: kaf.Linear.init(0, 2, 3),
    "KAN": lambda: kaf.KAN.init(0, [2, 3, 1], GRIDS[0], bases=("legendre", "bspline"), norm=True),
    "KAN, pruned": lambda: kaf.KAN.init(0, [2, 5, 1]).update_grid(X).prune(X, 0.3),
    "KANLayer without silu": lambda: kaf.KANLayer.init(0, 2, 3, base=False),
    "KAF2D": lambda: kaf.KAF2D.init(0, 2),
    "MultiKAF": lambda: kaf.MultiKAF.init(0, 2),
    "ComplexKAF": lambda: kaf.ComplexKAF.init(0, 2),
    "GatedKAF": lambda: kaf.GatedKAF.init(0, 2),
}


def same(found, expected):
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.dtype, found.tobytes()) == (expected.dtype, expected.tobytes())


# JAX compiles for long, and what differs by library is the arrays alone.
ON_JAX = ("KAFNet with all options", "KAN, pruned")
EACH = [("minijax", name) for name in LAYERS] + [("jax", name) for name in ON_JAX]


@pytest.mark.parametrize("library, name", EACH)
@pytest.mark.one_in(2)
def test_a_layer_comes_back(library, name, tmp_path):
    with kaf.use_backend(library) as backend:
        comes_back(backend, LAYERS[name](), tmp_path / "m.npz")


def comes_back(backend, layer, path):
    kaf.save(path, layer)
    found = kaf.load(path)
    assert repr(found) == repr(layer) and type(found) is type(layer)
    assert kaf.get_backend(*kaf.layers.array_leaves(found)).name == backend.name
    same(found(X), layer(X))
    same(kaf.load(path, like=layer)(X), layer(X))


@pytest.mark.parametrize("name", ["KAFNet", "KAN"])
@pytest.mark.one_in(3)
def test_the_other_library_reads_the_same_numbers(name, tmp_path):
    for writer, reader in (("minijax", "jax"), ("jax", "minijax")):
        with kaf.use_backend(writer):
            layer = LAYERS[name]()
            kaf.save(tmp_path / "m.npz", layer)
        with kaf.use_backend(reader):
            found = kaf.load(tmp_path / "m.npz")
            for a, b in zip(*map(kaf.layers.array_leaves, (found, layer)), strict=True):
                same(a, b)


@pytest.mark.parametrize("name", ["KAF", "KAN"])
@pytest.mark.one_in(3)
def test_modules_of_equinox_and_flax(name, tmp_path):
    makers = {
        "KAF": (lambda n: kaf.equinox.KAF.init(jax.random.key(n), 2), lambda n: kaf.nnx.KAF(2, rngs=nnx.Rngs(n))),
        "KAN": (
            lambda n: kaf.equinox.KAN([2, 3, 1], key=jax.random.key(n)),
            lambda n: kaf.nnx.KAN([2, 3, 1], rngs=nnx.Rngs(n)),
        ),
    }[name]
    home = (kaf.equinox, kaf.nnx)
    with kaf.use_backend("jax"):
        for number, make in enumerate(makers):
            module = make(0)
            kaf.save(tmp_path / "m.npz", module)
            # Into a module of either library, and into a plain layer, which becomes a module of either.
            for other in makers:
                same(kaf.load(tmp_path / "m.npz", like=other(1))(X), module(X))
            plain = kaf.load(tmp_path / "m.npz")
            same(plain(X), module(X))
            same(getattr(home[1 - number], name).from_layer(plain)(X), module(X))


def test_trees_of_other_libraries(tmp_path):
    make = lambda n: eqx.nn.MLP(2, 1, 4, 1, activation=kaf.equinox.KAF.init(jax.random.key(n)), key=jax.random.key(n))
    kaf.save(tmp_path / "m.npz", make(0))
    same(jax.vmap(kaf.load(tmp_path / "m.npz", like=make(1)))(X), jax.vmap(make(0))(X))
    with pytest.raises(kaf.ModelFileError, match="holds no network of kaf's own; give a model of its structure, like="):
        kaf.load(tmp_path / "m.npz")
    tree = {"a.b": [np.float32(1), jax.numpy.ones(3, "bfloat16")], "n": np.arange(3)}
    kaf.save(tmp_path / "t.npz", tree)
    found = kaf.load(tmp_path / "t.npz", like=jax.tree.map(lambda leaf: 0 * leaf, tree))
    for a, b in zip(*map(jax.tree.leaves, (found, tree)), strict=True):
        same(a, b)


OTHERS = {
    "wider": (
        lambda: kaf.KAFNet.init(1, [2, 4, 1]),
        r"layers\.0\.weight has shape \(2, 3\), and the given one float32 of",
    ),
    "deeper": (lambda: kaf.KAFNet.init(1, [2, 3, 3, 1]), r"it has no layers\.3\.alpha\."),
    "shallower": (lambda: kaf.KAFNet.init(1, [2, 3]), r"the given one has no layers\.1\.alpha\."),
    "on another grid": (
        lambda: kaf.KAFNet.init(1, [2, 3, 1], grid=kaf.Grid(20, 4.0)),
        r"layers\.1\.grid is Grid\(size=20, boundary=3\.0, rule='paper'\), and the given one has Grid\(size=20, boundary=4\.0,",
    ),
    "of another kernel": (
        lambda: kaf.KAFNet.init(1, [2, 3, 1], kernel="relu"),
        r"layers\.1\.kernel is gauss, and the given one has relu\.",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.one_in(4)
def test_of_another_model(name, backend, tmp_path):
    make, message = OTHERS[name]
    kaf.save(tmp_path / "m.npz", kaf.KAFNet.init(0, [2, 3, 1]))
    with pytest.raises(kaf.ModelFileError, match=f"m.npz holds another model: {message}"):
        kaf.load(tmp_path / "m.npz", like=make())


def test_what_no_file_can_hold(tmp_path):
    kernel = kaf.KAFNet.init(0, [2, 3, 1], kernel=lambda x, c: x * c)
    with pytest.raises(
        ValueError, match=r"save: model\.layers\.1\.kernel is a function, which a model file cannot hold"
    ):
        kaf.save(tmp_path / "m.npz", kernel)
    with pytest.raises(ValueError, match="save: model.key is .*, and a model file holds arrays of numbers"):
        kaf.save(tmp_path / "m.npz", {"key": jax.random.key(0)})
    with pytest.raises(ValueError, match="save: two arrays of the model are called a.b; rename one"):
        kaf.save(tmp_path / "m.npz", {"a.b": np.ones(1), "a": {"b": np.ones(2)}})
    assert os.listdir(tmp_path) == []


# -- Bad files ---------------------------------------------------------------------------------------------------------

ALPHA = "model.layers.1.alpha"


def changed_text(change):
    def changed(arrays):
        about = json.loads(str(arrays["about"]))
        change(about)
        return {**arrays, "about": np.array(json.dumps(about))}

    return changed


def field(about, layer, name):
    return about["model"]["fields"]["layers"][layer]["fields"][name]


APART = "is damaged: its parts do not fit together; save the model again"
BAD = {
    "no format": (lambda arrays: {"x": X}, "is not a model file of kaf; give a file that kaf.save or kaf train wrote"),
    "too new": (
        lambda arrays: {**arrays, "version": np.array(9)},
        "has version 9 of the format, and this kaf reads versions 1, 2 and 3; use the kaf that wrote it",
    ),
    "an array missing": (
        lambda arrays: {k: v for k, v in arrays.items() if k != ALPHA},
        f"is damaged: it has no array '{ALPHA}'; save the model again",
    ),
    "Python objects": (
        lambda arrays: {**arrays, ALPHA: np.array([[{}] * 20] * 3, object)},
        f"is damaged: its array '{ALPHA}' cannot be read; save the model again",
    ),
    "another shape": (lambda arrays: {**arrays, ALPHA: np.zeros((3, 21), np.float32)}, APART),
    "another dtype": (lambda arrays: {**arrays, ALPHA: np.zeros((3, 20))}, APART),
    "another grid": (changed_text(lambda a: field(a, 1, "grid")["grid"].update(size=19)), APART),
    "a grid of text": (changed_text(lambda a: field(a, 1, "grid").update(grid="wide")), APART),
    "an unknown class": (changed_text(lambda a: a["model"].update({"class": "os"})), APART),
    "an unknown field": (changed_text(lambda a: a["model"]["fields"].update(more=1)), APART),
    "shapes that do not fit": (changed_text(lambda a: field(a, 0, "bias").update(shape=[4])), APART),
    "a long shape": (changed_text(lambda a: field(a, 0, "weight").update(shape=[1] * 10**5)), APART),
    "a list": (changed_text(lambda a: a.clear()), APART),
}


def written(path, change):
    with np.load(path) as archive:
        arrays = change(dict(archive))
    np.savez(path, **arrays)


@pytest.mark.parametrize("name", BAD)
def test_bad_files(name, tmp_path):
    change, message = BAD[name]
    path = tmp_path / "m.npz"
    kaf.save(path, kaf.KAFNet.init(0, [2, 3, 1]))
    written(path, change)
    start = time.perf_counter()
    with pytest.raises(kaf.ModelFileError) as e:
        kaf.load(path)
    assert str(e.value) == f"{path} {message}." and time.perf_counter() - start < 1.0


SIZES = {"as declared": 2**25, "larger than declared": 2**25 - 20}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("like", [False, True])
@pytest.mark.one_in(4)
def test_an_array_that_unpacks_to_gigabytes_is_refused(size, like, tmp_path):
    """A packed file of 130 KB holds 128 MB of zeros; its text may declare them, so the packed size counts too."""
    path, net, many = tmp_path / "m.npz", kaf.KAFNet.init(0, [2, 3, 1]), 2**25 // 20
    kaf.save(path, net)
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays = changed_text(lambda a: field(a, 1, "alpha").update(shape=[many - (size != "as declared"), 20]))(arrays)
    arrays[ALPHA] = np.zeros((many, 20), np.float32)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, array)
    assert path.stat().st_size < 2**18
    tracemalloc.start()
    try:
        with pytest.raises(kaf.ModelFileError) as e:
            kaf.load(path, like=net if like else None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    reason = "which is too many" if size == "as declared" else "do not fit together"
    assert ("holds another model" if like else reason) in str(e.value) and peak < 2**22


def test_truncated_files(tmp_path):
    path = tmp_path / "m.npz"
    kaf.save(path, kaf.KAFNet.init(0, [2, 3, 1]))
    whole = path.read_bytes()
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(kaf.ModelFileError, match="is damaged, or no model file of kaf; save the model again"):
            kaf.load(path)
    with pytest.raises(FileNotFoundError):
        kaf.load(tmp_path / "none.npz")


def test_every_layer_of_kaf_has_a_place_in_the_table():
    classes = {v for v in vars(kaf).values() if isinstance(v, type) and issubclass(v, kaf.layers.Layer)}
    assert classes | {kaf.layers.Fixed} == set(saving.LAYERS.values())
