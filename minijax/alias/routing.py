"""Answers `import jax` by who asks: a module of real JAX gets the real one, a program within `as_jax()` gets minijax.

A finder on `sys.meta_path` is asked once for a name, by the first importer: afterwards `sys.modules` answers everybody alike. But
under the alias a program imports minijax as `jax`, and then calls a function with `jit(compiler="xla")`, which imports real JAX,
whose own 220 imports within functions must get real JAX. So `sys.modules["jax"]` is real JAX or nothing, always, and two
functions that see the importer are wrapped: `builtins.__import__`, which import statements call, and `_gcd_import`, which every
`importlib.import_module` calls, also one that a module has kept under a name of its own.
"""

from __future__ import annotations

import builtins
import importlib
import sys
import threading
from importlib import import_module
from importlib.machinery import PathFinder
from types import FrameType, ModuleType
from typing import Any

from ..foundation import jax_versions
from ..foundation.config import config
from ..foundation.left_out import LEFT_OUT
from .children import put_into_environment, watch
from .private import private
from .setting_aside import NEVER, importing_jax, put_back, remove

# The key, in a module's globals, that says which library its imports of jax get for good: True for minijax.
KEEPS_MINIJAX = "__imports_minijax_as_jax__"

_XLA_FILE = "minijax.lowering.xla.client"


# ---------------------------------------------------------------------------------------------------------------------
# Who asks


class State:
    """The one alias of the process."""

    lock = threading.Lock()
    thread: int | None = None  # the thread that is within `as_jax()`
    depth = 0
    installed = False
    # {id of a module's globals: module}: loaded before the context, on real JAX
    aside: dict[int, ModuleType] = {}
    # ids of the globals of what was loaded before the context; these get minijax within it only
    old: set[int] = set()
    # Modules that real JAX is loading import real JAX: opt_einsum does, in a function.
    loading = threading.local()


def gets_minijax(importer: dict[str, Any]) -> bool:
    """Whether an import of jax by a module with these globals gets minijax."""
    if _asks_real(importer):
        return False
    mark = importer.get(KEEPS_MINIJAX)
    if mark is not None:
        return mark
    if id(importer) in State.aside or getattr(State.loading, "real", False):
        return False
    if State.depth > 0 and id(importer) not in State.old:
        # What is loaded within the context keeps minijax, also a script of `runpy`, which leaves no module.
        importer[KEEPS_MINIJAX] = True
    return State.depth > 0 or State.installed


def _starts_minijax() -> bool:
    """Whether a process that is started now is to import minijax as jax: the innermost module that has one library for good
    decides, also where another module, such as joblib, starts the process for it."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        mark = frame.f_globals.get(KEEPS_MINIJAX)
        if mark is not None:
            return mark
        frame = frame.f_back
    return State.depth > 0 or State.installed


def _asks_real(importer: dict[str, Any]) -> bool:
    name = str(importer.get("__name__"))
    return name.partition(".")[0] in ("jax", "jaxlib") or name == _XLA_FILE


class _LoadingForReal:
    """While real JAX loads a module: the module and what it loads get real JAX, for good."""

    def __enter__(self):
        self.outer = getattr(State.loading, "real", False)
        self.before = () if self.outer else set(sys.modules)
        State.loading.real = True

    def __exit__(self, *_):
        State.loading.real = self.outer
        if not self.outer:
            for name in set(sys.modules).difference(self.before):
                if name.partition(".")[0] not in NEVER and isinstance(sys.modules[name], ModuleType):
                    vars(sys.modules[name])[KEEPS_MINIJAX] = False


# ---------------------------------------------------------------------------------------------------------------------
# What is answered


class Jax(ModuleType):
    """`jax`, as a program under the alias sees it: minijax, but for its version."""

    @property
    def __dict__(self):
        # `mock.patch` looks there for what it must restore.
        return vars(sys.modules["minijax"])

    def __getattr__(self, name: str):
        if name == "__version__":
            return config.minijax_jaxpr_version or jax_versions.installed()
        if name == "__version_info__":
            return tuple(int(part) for part in self.__version__.split(".")[:3])
        if name == "_src":
            return private("jax._src")
        if name == "version":
            return _VERSION
        return getattr(sys.modules["minijax"], name)

    def __setattr__(self, name: str, value: Any):
        setattr(sys.modules["minijax"], name, value)

    def __delattr__(self, name: str):
        delattr(sys.modules["minijax"], name)

    def __dir__(self):
        return [*dir(sys.modules["minijax"]), "__version_info__"]

    def __repr__(self):
        return "<module 'jax' (minijax)>"


class _Version(ModuleType):
    """`jax.version`: the version of JAX as which minijax prints."""

    def __getattr__(self, name: str):
        if name in ("__version__", "__version_info__"):
            return getattr(JAX, name)
        raise AttributeError(f"minijax's jax.version has no {name}")


JAX = Jax("jax", "minijax, as a program that says `import jax` sees it.")
_VERSION = _Version("jax.version")


def _jaxlib() -> ModuleType:
    """A module with the version alone, for programs that print it where jaxlib is not installed."""
    jaxlib, version = ModuleType("jaxlib", "jaxlib is not installed: this has a version."), ModuleType("jaxlib.version")
    jaxlib.__version__ = version.__version__ = JAX.__version__
    jaxlib.version = version
    return jaxlib


def answer(name: str) -> ModuleType:
    """What `import_module(name)` returns under the alias. Raises ModuleNotFoundError for a module that minijax has not."""
    if name == "jax":
        return JAX
    if name == "jax.version":
        return _VERSION
    if name == "jax._src" or name.startswith("jax._src."):
        return private(name)
    ours = f"minijax{name[len('jax') :]}"
    try:
        return import_module(ours)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{ours}.".startswith(f"{error.name}."):
            raise
    raise ModuleNotFoundError(f"minijax has no module {name}. {_MORE}", name=name) from None


_MORE = "notes/compatibility.md of minijax lists what it has of JAX."


def _named(module: ModuleType, name: str, asked: str) -> None:
    """`from module import asked` finds it: an attribute, or a module. Raises ImportError with the reason if there is none."""
    if hasattr(module, asked):
        return
    try:
        answer(f"{name}.{asked}")
    except ModuleNotFoundError as error:
        if error.name != f"{name}.{asked}":
            raise
        if name.startswith("jax._src"):
            raise ImportError(str(error), name=f"{name}.{asked}") from None
        reason = LEFT_OUT.get(f"minijax{name[len('jax') :]}", {}).get(asked)
        why = f": {reason}." if reason else f". {_MORE}"
        raise ImportError(f"minijax has no {name}.{asked}{why}", name=name) from None


# ---------------------------------------------------------------------------------------------------------------------
# The two functions that Python imports by


def _importer(depth: int) -> dict[str, Any]:
    """The globals of whoever imports: the next frame of a module, other than those by which the standard library imports."""
    frame = sys._getframe(depth + 1)
    # `exec("import jax", {})` has no module; the module that calls `exec` imports.
    while frame.f_back is not None and frame.f_globals.get("__name__") in ("importlib", "pkgutil", None):
        frame = frame.f_back
    return frame.f_globals


def _absent_jaxlib(name: str) -> bool:
    return (
        "jaxlib" not in sys.modules and PathFinder.find_spec("jaxlib") is None and name in ("jaxlib", "jaxlib.version")
    )


def _import(name, globals=None, locals=None, fromlist=(), level=0):
    """In place of `builtins.__import__`."""
    if level == 0 and type(name) is str:
        root = name.partition(".")[0]
        if root in ("jax", "jaxlib"):
            importer = globals if globals and "__name__" in globals else _importer(1)
            if root == "jax" and gets_minijax(importer):
                module = answer(name)
                if not fromlist:
                    return JAX
                for asked in fromlist:
                    if asked != "*":
                        _named(module, name, asked)
                return module
            if root == "jaxlib" and gets_minijax(importer) and _absent_jaxlib(name):
                stub = _jaxlib()
                return stub if name == root or not fromlist else stub.version
        if name not in sys.modules and globals is not None and _asks_real(globals):
            with _LoadingForReal():
                return _python_import(name, globals, locals, fromlist, level)
    return _python_import(name, globals, locals, fromlist, level)


def _gcd_import(name, package=None, level=0):
    """In place of `_gcd_import` of `importlib._bootstrap`."""
    if level > 0 and str(package).partition(".")[0] in ("jax", "jaxlib"):
        name, level = importlib._bootstrap._resolve_name(name, package, level), 0
    if level == 0 and type(name) is str:
        root = name.partition(".")[0]
        if root in ("jax", "jaxlib"):
            importer = _importer(1)
            if gets_minijax(importer):
                if root == "jax":
                    return answer(name)
                if _absent_jaxlib(name):
                    return _jaxlib() if name == root else _jaxlib().version
            elif name not in sys.modules:
                # minijax's XLA file asks for real JAX, which must not get minijax in the modules that it loads.
                with _LoadingForReal():
                    return _python_gcd_import(name, package, level)
    return _python_gcd_import(name, package, level)


_python_import, _python_gcd_import = builtins.__import__, importlib._bootstrap._gcd_import


def _wrap() -> None:
    """The wrappers stay: what was imported within a context keeps minijax for its later imports."""
    global _python_import, _python_gcd_import
    watch(_starts_minijax)
    if builtins.__import__ is not _import:
        _python_import, builtins.__import__ = builtins.__import__, _import
    if importlib._bootstrap._gcd_import is not _gcd_import:
        _python_gcd_import, importlib._bootstrap._gcd_import = importlib._bootstrap._gcd_import, _gcd_import


# ---------------------------------------------------------------------------------------------------------------------
# The context, and for good


class Alias:
    """The context manager of `as_jax`. caller: the globals of the module that makes it."""

    def __init__(self, caller: dict[str, Any]):
        self.caller = caller

    def __enter__(self) -> None:
        me = threading.get_ident()
        if State.thread != me and not State.lock.acquire(blocking=False):
            raise RuntimeError(
                "Another thread is within minijax.as_jax(). The alias holds for the whole process, so one thread can be within it."
                " Start the threads within the one context: what they import is minijax, too."
            )
        State.thread = me
        State.depth += 1
        # Within its own context a module gets minijax, also if an outer context has set it aside.
        self.own = State.aside.pop(id(self.caller), None)
        if State.depth > 1:
            return
        try:
            _wrap()
            caller = str(self.caller.get("__name__"))
            self.aside = {} if State.installed else importing_jax([name for name in sys.modules if name != caller])
            loaded = [m for m in sys.modules.values() if isinstance(m, ModuleType)]
            State.old = {id(self.caller), *(id(vars(module)) for module in loaded)}
            State.aside = {id(vars(module)): module for module in self.aside.values()}
            remove(self.aside)
            self.before = set(sys.modules)
            self.end_of_children = put_into_environment()
        except BaseException:
            self._release()
            raise

    def __exit__(self, *_) -> None:
        if State.depth > 1:
            State.depth -= 1
            if self.own is not None:
                State.aside[id(self.caller)] = self.own
            return
        try:
            self.end_of_children()
            if not State.installed:
                new = [n for n, m in sys.modules.items() if n not in self.before and isinstance(m, ModuleType)]
                new = [n for n in new if vars(sys.modules[n]).get(KEEPS_MINIJAX) is not False]
                # Some import jax by a name that they compute.
                made = importing_jax(new, also={n for n in new if KEEPS_MINIJAX in vars(sys.modules[n])})
                for module in made.values():
                    vars(module)[KEEPS_MINIJAX] = True
                remove(made)
                put_back(self.aside)
        finally:
            self._release()

    def _release(self) -> None:
        State.depth, State.thread, State.aside, State.old = 0, None, {}, set()
        State.lock.release()


def install() -> None:
    """`minijax.install_as_jax`."""
    if State.installed:
        return
    if State.depth > 0 or "jax" in sys.modules:
        what = "This is within minijax.as_jax()" if State.depth > 0 else "jax is imported already"
        raise RuntimeError(
            f"{what}, so that names of real JAX may be held anywhere. Call minijax.install_as_jax() first: in a notebook, restart"
            " the kernel and call it in the first cell; in a program, before what imports jax. Or import within"
            " `with minijax.as_jax():`."
        )
    _wrap()
    State.installed = True
    put_into_environment()
