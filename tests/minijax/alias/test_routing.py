"""`import jax` is answered by who asks: programs under the alias get minijax, real JAX gets itself, then and afterwards."""

from __future__ import annotations

import builtins
import importlib
import os
import runpy
import sys
import threading
from importlib import import_module

import jax as real
import numpy as np
import pytest

import minijax
from minijax.alias import routing
from minijax.alias.private import SERVED
from minijax.foundation.jax_versions import installed

FORMS = {
    "import jax": "import jax\nfound = jax.numpy.sin",
    "import jax.numpy as jnp": "import jax.numpy as jnp\nfound = jnp.sin",
    "import jax.scipy.stats": "import jax.scipy.stats\nfound = jax.scipy.stats.norm.pdf",
    "import jax.scipy.stats as": "import jax.scipy.stats as st\nfound = st.norm.pdf",
    "from jax import grad": "from jax import grad as found",
    "from jax import a module": "from jax import numpy as jnp\nfound = jnp.sin",
    "from jax import a module on demand": "from jax import random\nfound = random.normal",
    "from jax import a submodule that is no attribute": "from jax import experimental\nfound = experimental.io_callback",
    "from jax.scipy import stats": "from jax.scipy import stats\nfound = stats.norm.pdf",
    "from jax.numpy import *": "from jax.numpy import *\nfound = sin",
    "in a function": "def f():\n    import jax\n    return jax.grad\nfound = f()",
    "from in a function": "def f():\n    from jax.lax import scan\n    return scan\nfound = f()",
    "in a class": "class A:\n    import jax.nn as nn\nfound = A.nn.relu",
    "import_module": "from importlib import import_module\nfound = import_module('jax.numpy').sin",
    "importlib.import_module": "import importlib\nfound = importlib.import_module('jax').jit",
    "import_module, relative": "from importlib import import_module\nfound = import_module('.numpy', 'jax').sin",
    "__import__": "found = __import__('jax').vmap",
    "__import__ with a list": "found = __import__('jax.numpy', fromlist=['sin']).sin",
    "resolve_name": "import pkgutil\nfound = pkgutil.resolve_name('jax.numpy:sin')",
    "exec": "names = {}\nexec('import jax', names)\nfound = names['jax'].jvp",
    "in a thread": (
        "import threading\nseen = []\ndef f():\n    import jax.numpy\n    seen.append(jax.numpy.sin)\n"
        "thread = threading.Thread(target=f)\nthread.start()\nthread.join()\nfound = seen[0]"
    ),
}  # fmt: skip


def library(x) -> str:
    return x.__module__.partition(".")[0]


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """A function that writes modules; they can be imported, and go at the end."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def write(**sources):
        for name, source in sources.items():
            path = tmp_path.joinpath(*name.split("__"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".py").write_text(source)
        importlib.invalidate_caches()

    yield write
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.one_in(4)
def test_every_form_of_import(form, modules):
    """A module imports by this form, within the context, then after it; `exec` does the same in this module's names."""
    modules(ours=FORMS[form])
    with minijax.as_jax():
        assert library(import_module("ours").found) == "minijax"
        names = {"__name__": __name__}
        exec(FORMS[form], names)
        assert library(names["found"]) == "minijax"
    # pkgutil's own frames lie between.
    assert library(import_module("ours").found) == "jax"
    names = {"__name__": __name__}
    exec(FORMS[form], names)
    assert library(names["found"]) == "jax"


def test_this_module_gets_minijax_within_and_jax_after():
    with minijax.as_jax():
        import jax
        import jax.numpy as jnp

        assert library(jnp.sin) == "minijax"
        assert library(import_module("jax").grad) == "minijax"  # a name kept from before the context
        assert jax.__version__ == (minijax.config.minijax_jaxpr_version or installed())
        assert jax.__version_info__ == tuple(map(int, jax.__version__.split(".")[:3]))
        value = jax.grad(lambda x: jnp.sin(x) * x)(0.5)
    import jax

    assert jax is real and library(import_module("jax").grad) == "jax"
    np.testing.assert_allclose(value, real.grad(lambda x: real.numpy.sin(x) * x)(0.5), rtol=1e-6)


def test_a_script_of_runpy_keeps_minijax(tmp_path):
    (tmp_path / "script.py").write_text("import jax\ndef f():\n    import jax.numpy as jnp\n    return jnp.sin")
    with minijax.as_jax():
        f = runpy.run_path(str(tmp_path / "script.py"))["f"]
    assert library(f()) == "minijax"
    assert library(runpy.run_path(str(tmp_path / "script.py"))["f"]()) == "jax"


def test_the_version_is_the_one_minijax_prints_as():
    with minijax.as_jax():
        import jax

        before = minijax.config.minijax_jaxpr_version
        try:
            jax.config.update("minijax_jaxpr_version", "0.12.0")
            assert (jax.__version__, jax.__version_info__) == ("0.12.0", (0, 12, 0))
        finally:
            minijax.config.update("minijax_jaxpr_version", before)
    assert minijax.__version__ != installed()


def test_the_alias_is_minijax_for_those_who_set_its_names(monkeypatch):
    with minijax.as_jax():
        import jax

        with monkeypatch.context() as patch:
            patch.setattr(jax, "grad", "mine")
            assert minijax.grad == "mine"
        assert minijax.grad is jax.grad and {"grad", "numpy", "__version__"} <= {*dir(jax)}
        jax.of_this_test = 1
        del jax.of_this_test
        assert not hasattr(minijax, "of_this_test")


MISSING = {
    "import jax.nowhere": (ModuleNotFoundError, "minijax has no module jax.nowhere. notes/compatibility.md"),
    "import jax.experimental.pallas as pl": (ModuleNotFoundError, "minijax has no module jax.experimental.pallas"),
    "from jax.nowhere import f": (ModuleNotFoundError, "minijax has no module jax.nowhere"),
    "from jax import nowhere": (ImportError, "minijax has no jax.nowhere. notes/compatibility.md"),
    "from jax import smap": (ImportError, "minijax has no jax.smap: it places arrays on several devices"),
    "from jax.lax import psend": (ImportError, "minijax has no jax.lax.psend: it sends messages between devices"),
    "from jax.numpy import nowhere": (ImportError, "minijax has no jax.numpy.nowhere"),
    "import jax; jax.nowhere": (AttributeError, "module 'minijax' has no attribute 'nowhere'"),
    "import jax; jax.smap": (AttributeError, "minijax has no 'smap': it places arrays"),
    "import importlib; importlib.import_module('jax.nowhere')": (ModuleNotFoundError, "minijax has no module jax.nowhere"),
    "import jax._src.mesh": (ImportError, "jax._src.mesh: it serves of jax._src what the table in minijax/alias/private.py lists"),
    "from jax._src import mesh": (ImportError, "minijax has no jax._src.mesh: it serves"),
    "from jax._src.core import Tracer": (ImportError, "jax._src.core.Tracer: it serves"),
    "from jax._src.traceback_util import filter": (ImportError, "jax._src.traceback_util.filter: it serves"),
    "import jax; jax._src.mesh": (AttributeError, "minijax has no jax._src.mesh: it serves"),
}  # fmt: skip


@pytest.mark.parametrize("program", MISSING)
@pytest.mark.one_in(8)
def test_a_missing_name_is_an_error_that_says_so(program):
    """Real JAX has most of these: it must not answer for minijax."""
    kind, text = MISSING[program]
    with minijax.as_jax(), pytest.raises(kind) as caught:
        exec(program, {"__name__": "user"})
    assert text in str(caught.value)


def test_what_is_served_of_the_private_modules():
    with minijax.as_jax():
        for module, names in SERVED.items():
            for name, (value, asked_by, why) in names.items():
                scope = {"__name__": "user"}
                exec(f"import {module} as m\nfrom {module} import {name} as n\nimport jax\nd = {module}.{name}", scope)
                assert scope["n"] is scope["d"] is scope["m"].__dict__[name] is value and asked_by and why
    SERVED["jax._src.traceback_util"]["register_exclusion"][0](__file__)
    SERVED["jax._src.dispatch"]["wait_for_tokens"][0]()


def test_an_error_of_a_module_of_minijax_passes_through(monkeypatch):
    """An ImportError within minijax, SciPy missing say, does not become "minijax has no module"."""

    def broken(name):
        raise ModuleNotFoundError("No module named 'lost'", name="lost")

    monkeypatch.setattr(routing, "import_module", broken)
    with minijax.as_jax(), pytest.raises(ModuleNotFoundError, match="No module named 'lost'"):
        import jax.numpy  # noqa: F401


# ---------------------------------------------------------------------------------------------------------------------
# Real JAX in the same process


def test_xla_under_the_alias_then_real_jax():
    def program(jnp):
        return lambda x: jnp.sum(jnp.tanh(x) * x)

    x = np.linspace(-1.0, 1.0, 5, dtype=np.float32)
    before = real.jit(real.grad(program(real.numpy)))(x)
    with minijax.as_jax():
        import jax
        import jax.numpy as jnp

        on_xla = jax.jit(jax.grad(program(jnp)), compiler="xla")(x)
        assert isinstance(on_xla, minijax.Array) and sys.modules["jax"] is real
    after = real.jit(real.grad(program(real.numpy)))(x)
    assert np.array_equal(before, after) and type(before) is type(after)
    np.testing.assert_allclose(on_xla, after, rtol=1e-6)


def test_functions_of_real_jax_import_real_jax_under_the_alias():
    """They import within functions: so does a factorization, when it is lowered, and `jax.scipy`, on demand."""
    with minijax.as_jax():
        low = real.jit(real.numpy.linalg.eigvalsh)(np.eye(3, dtype=np.float32) * 2)
        assert library(type(real.random.key(0))) in ("jax", "jaxlib")
        assert list(np.asarray(low)) == [2.0, 2.0, 2.0]
    names = {"__name__": "jax._src.of_this_test"}
    with minijax.as_jax():
        for form in ("import jax.numpy as j", "from importlib import import_module\nj = import_module('jax.numpy')"):
            exec(form, names)
            assert names["j"] is real.numpy


def test_what_real_jax_loads_gets_real_jax(modules):
    """opt_einsum is loaded by real JAX, and imports jax in a function."""
    modules(
        loaded_by_jax="import loaded_too\ndef f():\n    import jax\n    return jax", loaded_too="import jax as found"
    )
    names = {"__name__": "jax._src.of_this_test"}
    with minijax.as_jax():
        exec("import loaded_by_jax", names)
        assert names["loaded_by_jax"].f() is real and sys.modules["loaded_too"].found is real
    assert sys.modules["loaded_by_jax"] is names["loaded_by_jax"] and names["loaded_by_jax"].f() is real


def test_jaxlib_is_the_real_one_where_installed(monkeypatch):
    import jaxlib as installed_jaxlib

    with minijax.as_jax():
        import jaxlib

        assert jaxlib is installed_jaxlib and import_module("jaxlib") is jaxlib
        monkeypatch.setattr(routing, "_absent_jaxlib", lambda name: name in ("jaxlib", "jaxlib.version"))
        import jaxlib
        import jaxlib.version as version
        from jaxlib.version import __version__

        assert jaxlib is not installed_jaxlib
        assert jaxlib.__version__ == jaxlib.version.__version__ == version.__version__ == __version__ == installed()
        assert import_module("jaxlib").__version__ == import_module("jaxlib.version").__version__ == installed()
    assert sys.modules["jaxlib"] is installed_jaxlib


# ---------------------------------------------------------------------------------------------------------------------
# Threads, nesting, errors


def test_another_thread_is_refused_and_gets_its_turn_later():
    said = []

    def enter():
        try:
            with minijax.as_jax():
                said.append("entered")
        except RuntimeError as error:
            said.append(str(error))

    def in_a_thread():
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()

    with minijax.as_jax():
        in_a_thread()
        import jax

        assert jax is routing.JAX
    in_a_thread()
    assert said[0].startswith("Another thread is within minijax.as_jax().") and said[1:] == ["entered"]


def test_nested_contexts_are_one(modules):
    modules(ours="import jax")
    with minijax.as_jax():
        first = import_module("ours")
        with minijax.as_jax():
            assert import_module("ours") is first
        import jax

        assert jax is routing.JAX and import_module("ours") is first
    assert import_module("ours").jax is real


def test_a_module_that_was_set_aside_opens_a_context_of_its_own(modules):
    modules(
        inner="import jax as outside, minijax\ndef f():\n    with minijax.as_jax():\n        import jax\n    import jax as after\n"
        "    return jax, after"
    )
    f = import_module("inner").f
    with minijax.as_jax():
        assert f() == (routing.JAX, real)
    assert f() == (routing.JAX, real)


def test_an_error_within_ends_the_context(modules):
    modules(of_jax="import jax", failing="import of_jax\nraise ValueError('the script failed')")
    before = import_module("of_jax"), dict(sys.modules), dict(os.environ)
    with pytest.raises(ValueError, match="the script failed"), minijax.as_jax():
        import_module("failing")
    assert import_module("of_jax") is before[0] and {*before[1]} <= {*sys.modules} and dict(os.environ) == before[2]
    assert "failing" not in sys.modules and routing.State.depth == 0 and not routing.State.lock.locked()
    import jax

    assert jax is real


def test_an_error_while_entering_leaves_nothing(monkeypatch):
    monkeypatch.setattr(routing, "importing_jax", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError), minijax.as_jax():
        pass
    assert routing.State.depth == 0 and not routing.State.lock.locked() and routing.State.thread is None


def test_install_is_refused_where_jax_is_imported():
    with pytest.raises(RuntimeError, match="jax is imported already.*restart the kernel and call it in the first cell"):
        minijax.install_as_jax()
    with minijax.as_jax(), pytest.raises(RuntimeError, match=r"This is within minijax.as_jax\(\)"):
        minijax.install_as_jax()
    assert not routing.State.installed


# ---------------------------------------------------------------------------------------------------------------------
# The checks above can fail


def _answers_all(importer):
    return routing.State.depth > 0


def _answers_none(importer):
    return False


FAULTS = {
    "real JAX gets minijax": ("gets_minijax", _answers_all, test_functions_of_real_jax_import_real_jax_under_the_alias),
    "the program gets JAX": ("gets_minijax", _answers_none, test_this_module_gets_minijax_within_and_jax_after),
    "what real JAX loads gets minijax": ("_asks_real", _answers_none, test_what_real_jax_loads_gets_real_jax),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(fault, monkeypatch, request):
    name, function, test = FAULTS[fault]
    args = [request.getfixturevalue("modules")] if test is test_what_real_jax_loads_gets_real_jax else []
    monkeypatch.setattr(routing, name, function)
    # Real JAX that gets minijax may also miss a private name, the first time that it lowers a program.
    with pytest.raises((AssertionError, ImportError)):
        test(*args)


def test_without_the_wrapper_of_import_module_real_jax_would_answer(monkeypatch):
    with minijax.as_jax():
        monkeypatch.setattr(importlib._bootstrap, "_gcd_import", routing._python_gcd_import)
        assert import_module("jax") is real
        monkeypatch.undo()
        assert import_module("jax") is routing.JAX
    assert builtins.__import__ is routing._import
