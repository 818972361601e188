"""Which modules are set aside: those that import jax, also through others. They are put back as they were."""

from __future__ import annotations

import importlib
import sys
from importlib import import_module

import jax as real
import numpy as np
import pytest

import minijax
from minijax.alias import routing, setting_aside
from minijax.alias.routing import JAX
from minijax.alias.setting_aside import importing_jax

# {module: (source, whether it is set aside)}; `pkg/a` is a module of a package.
SOURCES = {
    "plain": ("import jax", True),
    "submodule": ("import jax.numpy as jnp", True),
    "from_jax": ("from jax import grad as g", True),
    "from_typing": ("from jax.typing import ArrayLike", True),
    "star": ("from jax.numpy import *", True),
    "in_try": ("try:\n    import jax\nexcept ImportError:\n    jax = None", True),
    "in_class": ("class A:\n    import jax.numpy as jnp", True),
    "in_function": ("def f():\n    import jax\n    return jax", True),
    "in_method": ("class A:\n    def f(self):\n        from jax import numpy\n        return numpy", True),
    "by_function": ("from importlib import import_module\njnp = import_module('jax.numpy')", True),
    "through": ("import plain", True),
    "through_two": ("from through import plain as p", True),
    "a_constant": ("from holder import SIZE", True),
    "holder": ("import jax\nSIZE = 3", True),
    "in_a_circle": ("import circle_back", True),
    "circle_back": ("import in_a_circle, plain", True),
    "typed": ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import jax", False),
    "numpy_only": ("import numpy as np", False),
    "minijax_only": ("import minijax as jax\nimport minijax.numpy as jnp", False),
    "by_name": ("import jaxtyping_of_this_test", False),
    "jaxtyping_of_this_test": ("", False),
    "of_package": ("import pkg.of_jax", True),
    "pkg/__init__": ("", False),
    "pkg/of_jax": ("import jax", True),
    "pkg/clean": ("import math", False),
    "pkg/relative": ("from . import of_jax", True),
    "pkg/from_relative": ("from .of_jax import jax as j", True),
    "pkg/sub/__init__": ("from ..of_jax import jax", True),
    "pkg/sub/within": ("import math", True),  # its package imports jax
    "pkg/sub/deep": ("from ..clean import math", True),
}  # fmt: skip
NAMES = {path: path.replace("/__init__", "").replace("/", ".") for path in SOURCES}


@pytest.fixture
def modules(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    for path, (source, _) in SOURCES.items():
        file = (tmp_path / path).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    importlib.invalidate_caches()
    yield {name: import_module(name) for name in NAMES.values()}
    for name in set(sys.modules) - before:
        if name in NAMES.values():
            del sys.modules[name]


def test_which_modules_are_set_aside(modules):
    found = importing_jax(modules)
    expected = {NAMES[path] for path, (_, aside) in SOURCES.items() if aside}
    assert set(found) == expected
    assert all(found[name] is modules[name] for name in found)
    # With all that is loaded, too: the libraries among it are these.
    everything = importing_jax(list(sys.modules))
    assert {*found} <= {*everything}
    assert not {"numpy", "scipy", "pytest", "hypothesis", "ml_dtypes", "opt_einsum"} & {
        name.partition(".")[0] for name in everything
    }


def test_within_they_are_two_copies_and_afterwards_the_first(modules):
    inside = {}
    attributes = {name: dict(vars(module)) for name, module in modules.items()}
    with minijax.as_jax():
        from pkg import of_jax

        assert of_jax.jax is JAX
        for name in modules:
            inside[name] = import_module(name)
        assert inside["plain"].jax is JAX and inside["pkg.of_jax"].jax is inside["pkg.from_relative"].j is JAX
        assert of_jax is inside["pkg.of_jax"] is sys.modules["pkg"].of_jax
    for path, (_, aside) in SOURCES.items():
        name = NAMES[path]
        assert import_module(name) is modules[name]
        assert (inside[name] is not modules[name]) == aside, name
    from pkg import of_jax

    assert of_jax is modules["pkg.of_jax"] is sys.modules["pkg"].of_jax and modules["plain"].jax is real
    assert {name: dict(vars(module)) for name, module in modules.items()} == attributes
    # Each copy keeps its library for imports that come later.
    assert inside["in_function"].f() is JAX and modules["in_function"].f() is real
    assert inside["in_method"].A().f() is minijax.numpy and modules["in_method"].A().f() is real.numpy


def test_a_copy_keeps_its_library_within_the_other_context(modules):
    with minijax.as_jax():
        mine = import_module("in_function")
        assert modules["in_function"].f() is real and mine.f() is JAX
    assert mine.f() is JAX


def test_what_is_new_and_does_not_import_jax_stays(modules, tmp_path):
    (tmp_path / "new_and_clean.py").write_text("import math")
    (tmp_path / "pkg" / "new_of_jax.py").write_text("import jax")
    importlib.invalidate_caches()
    with minijax.as_jax():
        clean, of_jax = import_module("new_and_clean"), import_module("pkg.new_of_jax")
    try:
        assert import_module("new_and_clean") is clean
        assert "pkg.new_of_jax" not in sys.modules and not hasattr(sys.modules["pkg"], "new_of_jax")
        assert import_module("pkg.new_of_jax").jax is real and of_jax.jax is JAX
    finally:
        sys.modules.pop("new_and_clean"), sys.modules.pop("pkg.new_of_jax", None)


def test_functions_of_both_copies_work_side_by_side(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "model_of_test.py").write_text(
        "import jax\nimport jax.numpy as jnp\n\n@jax.jit\ndef loss(w, x):\n    return jnp.sum(jnp.tanh(x @ w) ** 2)\n"
    )
    (tmp_path / "training_of_test.py").write_text(
        "import jax\nfrom model_of_test import loss\n\ndef step(w, x):\n    return w - 0.1 * jax.grad(loss)(w, x)\n"
    )
    importlib.invalidate_caches()
    w, x = np.linspace(-1, 1, 3, dtype=np.float32), np.ones((2, 3), np.float32) * np.float32(0.3)
    on_jax = import_module("training_of_test")
    before = on_jax.step(w, x)
    with minijax.as_jax():
        on_minijax = import_module("training_of_test")
        ours = on_minijax.step(w, x)
    try:
        assert isinstance(ours, minijax.Array) and isinstance(before, real.Array)
        np.testing.assert_allclose(ours, before, rtol=1e-6)
        assert np.array_equal(on_jax.step(w, x), before) and np.array_equal(on_minijax.step(w, x), ours)
        assert import_module("training_of_test") is on_jax
    finally:
        del sys.modules["training_of_test"], sys.modules["model_of_test"]


@pytest.mark.parametrize("library", ["jaxtyping", "equinox", "optax", "flax.linen"])
@pytest.mark.one_in(5)
def test_libraries(library):
    before = import_module(library)
    with minijax.as_jax():
        within = import_module(library)
        if library == "jaxtyping":
            assert issubclass(minijax.Array, within.Array)
    assert import_module(library) is before
    of_ours = {name for name, module in sys.modules.items() if name.startswith(library.partition(".")[0])}
    assert all(vars(sys.modules[name]).get("jax") is not routing.JAX for name in of_ours)
    if library == "optax":
        state = within.adam(0.1).init({"w": minijax.numpy.ones(2)})
        assert isinstance(state[0].mu["w"], minijax.Array) and isinstance(before.adam(0.1).init(1.0)[0].mu, real.Array)
    if library == "equinox":
        linear = before.nn.Linear(2, 3, key=real.random.key(0))
        assert linear(real.numpy.ones(2)).shape == (3,)


@pytest.mark.parametrize("fault", ["through others", "packages", "attributes of packages"])
def test_planted_faults_are_found(fault, modules, monkeypatch):
    edges, put = setting_aside._edges, routing.remove
    if fault == "through others":
        monkeypatch.setattr(setting_aside, "_edges", lambda *a: (e for e in edges(*a) if e == "jax"))
    elif fault == "packages":
        monkeypatch.setattr(
            setting_aside, "_edges", lambda name, m: (e for e in edges(name, m) if e != name.rpartition(".")[0])
        )
    else:
        monkeypatch.setattr(routing, "remove", lambda found: [sys.modules.pop(name) for name in found])
    with pytest.raises(AssertionError):
        test_within_they_are_two_copies_and_afterwards_the_first(modules)
    monkeypatch.setattr(routing, "remove", put)
