"""Which library computes, and that only kaf/backend.py knows that there are two."""

import ast
import importlib
import os
import pathlib
import pickle
import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

import kaf
from kaf import backend as kaf_backend
from kaf import get_backend, use_backend
from kaf.backend import CHOICES, get_tree_backend, register_dataclass

ROOT = pathlib.Path(kaf.__file__).parents[1]


def backend_named(name):
    with use_backend(name) as backend:
        return backend


# -- By the arrays -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", CHOICES)
def test_arrays_decide_whatever_is_chosen(backend, chosen):
    x = backend.np.arange(3.0)
    with use_backend(chosen):
        assert get_backend(x) is backend
        assert get_backend(np.ones(3), x, 1.0) is backend
        assert kaf.get_backend(kaf.gauss_kernel(x, 0.0, 1.0)) is backend


@pytest.mark.parametrize("transformation", ["grad", "vmap", "jit"])
def test_tracers_decide_too(backend, transformation):
    seen = []

    def f(x):
        seen.append(get_backend(x))
        return x * 2.0

    x = backend.np.float32(1.0) if transformation == "grad" else backend.np.ones(3)
    other = next(name for name in CHOICES if name != backend.name)
    with use_backend(other):
        getattr(backend, transformation)(f)(x)
    assert seen == [backend]


def test_an_array_of_another_type_decides_by_its_namespace(backend):
    wrapped = SimpleNamespace(__array_namespace__=lambda: backend.np)
    with use_backend(next(name for name in CHOICES if name != backend.name)):
        assert get_backend(wrapped) is backend


@pytest.mark.parametrize("x", [1.0, 1, True, np.float32(1), np.ones(2), [1.0, 2.0], None], ids=repr)
def test_what_belongs_to_no_library_leaves_the_choice(backend, x):
    assert get_backend(x) is backend


def test_mixed_arrays_are_an_error():
    ours = backend_named("minijax").np.ones((2, 3))
    theirs = backend_named("jax").np.ones(3, "int32")
    with pytest.raises(TypeError) as e:
        get_backend(ours, np.ones(3), theirs)
    assert str(e.value) == (
        "kaf got arrays of both minijax and JAX (minijax float32[2,3], jax int32[3]), but computes with one library at "
        "a time. Convert the arrays of one library through NumPy: other_library.numpy.asarray(numpy.asarray(x))."
    )
    with pytest.raises(TypeError, match="both minijax and JAX"):
        kaf.kaf(ours, np.zeros((3, 20)), theirs, 1.0)


def test_a_tree_decides_by_its_leaves(backend):
    with use_backend(next(name for name in CHOICES if name != backend.name)):
        assert get_tree_backend({"a": [np.ones(2), backend.np.ones(2)]}) is backend
    assert get_tree_backend([1.0, np.ones(2)]) is backend
    assert get_tree_backend(()) is backend


# -- By choice ---------------------------------------------------------------------------------------------------------


def test_use_backend_switches_at_once_and_restores():
    assert get_backend().name == "minijax"
    former = use_backend("jax")
    try:
        assert get_backend().name == "jax"
        with use_backend("minijax") as inner:
            assert (inner.name, get_backend().name) == ("minijax", "minijax")
        assert get_backend().name == "jax"
    finally:
        former.__exit__()
    assert get_backend().name == "minijax"


def test_use_backend_restores_after_an_error():
    with pytest.raises(RuntimeError, match="inside"), use_backend("jax"):
        raise RuntimeError("inside")
    assert get_backend().name == "minijax"


def test_threads_choose_for_themselves():
    names, both_chosen = {}, threading.Barrier(2)

    def run(name):
        with use_backend(name):
            both_chosen.wait(timeout=60)
            names[name] = get_backend().name
            both_chosen.wait(timeout=60)

    threads = [threading.Thread(target=run, args=(name,)) for name in CHOICES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == {"minijax": "minijax", "jax": "jax"}
    assert get_backend().name == "minijax"


def test_environment_variable(monkeypatch):
    monkeypatch.setenv("KAF_BACKEND", "jax")
    assert get_backend().name == "jax"
    with use_backend("minijax"):
        assert get_backend().name == "minijax"
    monkeypatch.setenv("KAF_BACKEND", "")
    assert get_backend().name == "minijax"


def test_unknown_names(monkeypatch):
    with pytest.raises(ValueError) as e:
        use_backend("torch")
    assert str(e.value) == "use_backend: there is no backend 'torch'; choose one of 'minijax', 'jax'."
    monkeypatch.setenv("KAF_BACKEND", "jx")
    with pytest.raises(ValueError) as e:
        get_backend()
    assert str(e.value) == (
        "the environment variable KAF_BACKEND: there is no backend 'jx'; choose one of 'minijax', 'jax'."
    )


def test_jax_not_installed(monkeypatch):
    monkeypatch.delitem(kaf_backend._loaded, "jax", raising=False)
    monkeypatch.setitem(sys.modules, "jax", None)  # with None in sys.modules, Python raises ImportError
    with pytest.raises(ImportError) as e:
        use_backend("jax")
    assert str(e.value) == "kaf's backend 'jax' needs JAX, which is not installed: pip install 'minijax[jax]'"
    assert get_backend().name == "minijax"


# -- What a backend holds ----------------------------------------------------------------------------------------------


def test_a_backend_has_the_librarys_own_functions(backend):
    library = sys.modules[backend.name]
    for name in ("grad", "value_and_grad", "vmap", "jit", "jvp", "hessian", "make_jaxpr", "block_until_ready"):
        assert getattr(backend, name) is getattr(library, name)
    for name in ("random", "nn", "lax", "tree_util", "tree"):
        assert getattr(backend, name) is sys.modules[f"{backend.name}.{name}"]
    assert backend.np is sys.modules[f"{backend.name}.numpy"]
    assert repr(backend) == f"Backend({backend.name!r})"


def test_register_dataclass(backend):
    @dataclass(frozen=True)
    class Point:
        x: object
        name: str

    assert register_dataclass(Point, data_fields=["x"], meta_fields=["name"]) is Point
    doubled = backend.tree_util.tree_map(lambda x: 2 * x, Point((1, 2), "p"))
    assert doubled == Point((2, 4), "p")
    with pytest.raises(ValueError):
        backend.tree_util.tree_map(lambda a, b: a, Point(1, "p"), Point(1, "q"))


def test_classes_registered_before_a_library_is_loaded_are_known_to_it(backend, monkeypatch):
    registered = []
    tree_util = SimpleNamespace(register_dataclass=lambda cls, **fields: registered.append((cls, fields)))
    monkeypatch.delitem(kaf_backend._loaded, backend.name)
    fresh = SimpleNamespace(name=backend.name, tree_util=tree_util)
    monkeypatch.setattr(kaf_backend, "_import_backend", lambda name: fresh)
    assert kaf_backend._load(backend.name) is fresh
    assert (kaf.Linear, {"data_fields": ["weight", "bias"], "meta_fields": []}) in registered


# -- Imports -----------------------------------------------------------------------------------------------------------


def run_python(program, **environment):
    # A fresh interpreter, which has imported nothing yet.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", **environment}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_import_needs_numpy_alone_and_jax_comes_when_asked_for():
    program = """
import sys
for name in ("jax", "jaxlib", "equinox", "optax", "jaxtyping", "sklearn", "matplotlib", "rich"):
    sys.modules[name] = None
import kaf
print(kaf.KAF.init(0, units=3)([0.0, 1.0, 2.0]).shape == (3,))
for name in ("jax", "jaxlib"):
    del sys.modules[name]
print(kaf.get_backend().name, "jax" in sys.modules)
kaf.use_backend("jax")
print(kaf.get_backend().name, "jax" in sys.modules)
"""
    assert run_python(program) == ["True", "minijax", "False", "jax", "True"]


def test_the_other_way_round_minijax_is_not_imported_for_jax():
    program = """
import sys, kaf
print(kaf.num_parameters(kaf.KAFNet.init(0, [30, 20, 1])), "minijax" in sys.modules)
"""
    assert run_python(program, KAF_BACKEND="jax") == ["1041", "False"]


def test_a_model_made_by_hand_is_a_pytree_of_a_library_imported_later():
    program = """
import kaf
import jax, numpy
layer = kaf.KAF(numpy.ones((3, 20), "float32"))
print(len(jax.tree.leaves(layer)))
"""
    assert run_python(program) == ["1"]


def imported_packages(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


# The files for one library only, and the packages that they import.
AT_HOME_IN_JAX = {
    "layers/equinox.py": {"equinox"},
    "layers/nnx.py": {"flax"},
    "functional/pallas.py": {"jax"},
    "train/parallel.py": set(),
}
FILES = {str(path.relative_to(ROOT / "kaf")): path for path in sorted((ROOT / "kaf").rglob("*.py"))}


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("cli/")])
@pytest.mark.one_in(3)
def test_only_backend_py_names_a_library(name):
    packages = set(imported_packages(FILES[name]))
    named = packages & {"jax", "jaxlib", "minijax", "equinox", "flax"}
    assert named == AT_HOME_IN_JAX.get(name, set())
    if name not in ("backend.py", *AT_HOME_IN_JAX):
        constants = {n.value for n in ast.walk(ast.parse(FILES[name].read_text())) if isinstance(n, ast.Constant)}
        assert not constants & {"jax", "minijax"}


# -- Rooms and doors ---------------------------------------------------------------------------------------------------

# A file may import from its own room and from the rooms before it.
ROOMS = ["backend.py", "functional", "layers", "train", "export", "experiments", "cli"]


@pytest.mark.parametrize("name", [name for name in FILES if "/" in name])
@pytest.mark.one_in(3)
def test_rooms_import_from_rooms_before_them(name):
    package = ["kaf", *name.split("/")[:-1]]
    for node in ast.walk(ast.parse(FILES[name].read_text())):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            for alias in node.names:
                path = [*base, *(node.module or "").split("."), alias.name]
                path = [part for part in path if part]
                if path[0] == "kaf":
                    room = "backend.py" if path[1] == "backend" else path[1]
                    assert ROOMS.index(room) <= ROOMS.index(package[1]), f"{name}:{node.lineno}"


DOORS = [name.removesuffix(".py") for name in FILES if "/" not in name and not name.startswith(("__", "backend"))]


@pytest.mark.parametrize("door", DOORS)
def test_a_door_leads_to_its_room(door):
    """`kaf.losses` has the names of `kaf/train/losses.py`, and no code of its own."""
    module = importlib.import_module(f"kaf.{door}")
    assert getattr(kaf, door) is module
    docstring, imported, public = ast.parse(FILES[f"{door}.py"].read_text()).body
    assert sorted(alias.name for alias in imported.names) == sorted(module.__all__)
    room = importlib.import_module(f"kaf.{imported.module}")
    assert all(getattr(module, name) is getattr(room, name) for name in module.__all__)


@pytest.mark.parametrize(
    "path",
    [
        *("layers.KAF", "layers.KAFNet", "layers.Linear", "layers.Fixed", "grid.Grid", "kernels.relu_kernel"),
        *("variants.KAF2D", "variants.MultiKAF", "variants.ComplexKAF", "variants.GatedKAF", "variants.KANLayer"),
        *("equinox.KAF", "nnx.KAF", "train.TrainResult", "optim.AdamState", "optim.SGDState"),
    ],
)
def test_pickles_of_older_versions_load(path):
    """A pickle names a class by its module. These are the modules of the time when kaf had no rooms."""
    module, name = path.split(".")
    assert pickle.loads(f"ckaf.{module}\n{name}\n.".encode()).__name__ == name


def test_a_pickled_layer_of_an_older_version_loads():
    written = (
        b"ccopy_reg\n_reconstructor\np0\n(ckaf.layers\nKAF\np1\nc__builtin__\nobject\np2\nNtp3\nRp4\n(dp5\nValpha\np6\n"
        b"(lp7\nF1.0\naF2.0\nasVgrid\np8\ng0\n(ckaf.grid\nGrid\np9\ng2\nNtp10\nRp11\n(dp12\nVsize\np13\nI2\nsVboundary\np14\n"
        b"F3.0\nsVrule\np15\nVpaper\np16\nsbsVlog_sigma\np17\nNsVcenters\np18\nNsVlinear\np19\nNsVkernel\np20\nVgauss\np21\n"
        b"sVaxis\np22\nNsVmethod\np23\nVauto\np24\nsb."
    )
    layer = pickle.loads(written)
    assert isinstance(layer, kaf.KAF) and layer.alpha == [1.0, 2.0] and layer.grid == kaf.Grid(2)


def test_public_names():
    for name in kaf.__all__:
        assert getattr(kaf, name) is not None
    with pytest.raises(AttributeError, match="module 'kaf' has no attribute 'nothing'"):
        _ = kaf.nothing


# What needs a package, its module, and "name of the package: what installs it".
NEEDED = [
    ("import kaf.experiments", "sklearn", "scikit-learn: 'minijax[kaf]'"),
    ("import kaf.experiments.data", "sklearn", "scikit-learn: 'minijax[kaf]'"),
    ("import kaf.equinox", "equinox", "Equinox: 'minijax[jax]'"),
    ("import kaf; kaf.equinox", "equinox", "Equinox: 'minijax[jax]'"),
    ("import kaf.nnx", "flax", "Flax: flax"),
    ("import kaf; kaf.nnx", "flax", "Flax: flax"),
    ("import kaf; kaf.plot", "matplotlib", "matplotlib: 'minijax[kaf]'"),
    ("import kaf; kaf.sklearn", "sklearn", "scikit-learn: 'minijax[kaf]'"),
]


@pytest.mark.parametrize(("statement", "module", "package"), NEEDED)
@pytest.mark.one_in(8)
def test_a_package_that_is_not_installed(statement, module, package):
    program = f"import sys; sys.modules[{module!r}] = None\ntry: {statement}\nexcept ImportError as e: print(e)"
    door = re.search(r"kaf\.\w+", statement)[0]
    name, source = package.split(": ")
    assert " ".join(run_python(program)) == f"{door} needs {name}, which is not installed: pip install {source}"
