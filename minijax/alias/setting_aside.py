"""Finds the modules that import jax, also through others: Equinox on minijax and Equinox on JAX are two copies."""

from __future__ import annotations

import dis
import sys
from collections.abc import Container, Iterable, Iterator
from types import CodeType, ModuleType
from weakref import WeakKeyDictionary

# JAX and minijax are no clients of theirs. `__main__` runs, and cannot be set aside.
NEVER = {"jax", "jaxlib", "minijax", "__main__", "__mp_main__"} | sys.stdlib_module_names

IMPORT = dis.opmap["IMPORT_NAME"]

# {module: (name, level, whether at the top) of each import}: a module's code is read once.
_found: WeakKeyDictionary[ModuleType, list[tuple[str, int, bool]]] = WeakKeyDictionary()


def importing_jax(among: Iterable[str], also: Container[str] = ()) -> dict[str, ModuleType]:
    """{name: module} of those loaded modules that import jax, or a module that does, or lie in a package that does.

    A library's imports count if they are at the top of a module: SciPy imports jax within functions, for arrays of JAX's, and is
    no client of JAX. In programs of the user's own, imports within functions count too. also: names of
    modules that are known to import jax.
    """
    modules = {
        name: module
        for name in among
        if isinstance(module := sys.modules.get(name), ModuleType) and name.partition(".")[0] not in NEVER
    }
    edges = {name: set(_edges(name, module)) for name, module in modules.items()}
    found = {name for name, targets in edges.items() if "jax" in targets or name in also}
    waiting = list(found)
    importers: dict[str, list[str]] = {}
    for name, targets in edges.items():
        for target in targets:
            importers.setdefault(target, []).append(name)
    while waiting:
        for name in importers.get(waiting.pop(), ()):
            if name not in found:
                found.add(name)
                waiting.append(name)
    return {name: modules[name] for name in modules if name in found}


def _edges(name: str, module: ModuleType) -> Iterator[str]:
    """The modules whose load is part of the load of this one: its package, and what it imports."""
    spec = getattr(module, "__spec__", None)
    package = name if hasattr(module, "__path__") else name.rpartition(".")[0]
    if "." in name:
        yield name.rpartition(".")[0]
    library = _in_a_library(module)
    if module not in _found:
        _found[module] = list(_imports(name, module, spec))
    for imported, level, top in _found[module]:
        if library and not top:
            continue
        if level:
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - level + 1])
            imported = f"{base}.{imported}".strip(".")
        while imported and imported != name:
            yield imported
            imported = imported.rpartition(".")[0]


def _in_a_library(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None) or ""
    return "site-packages" in file or "dist-packages" in file


def _imports(name: str, module: ModuleType, spec) -> Iterator[tuple[str, int, bool]]:
    code = _code(name, module, spec)
    if code is None:
        return
    for part, top in _parts(code, True):
        # Python's own `modulefinder` reads imports by this function, which reads each instruction; most functions import nothing.
        for imported, level, names in dis._find_imports(part) if IMPORT in part.co_code[::2] else ():
            if part is code and imported.partition(".")[0] == "jax" and not level and not _ran(code, imported, module):
                continue
            if imported or level:
                yield imported, level, top
            # Of `from package import name`, the name may be a module.
            for inner in names or ():
                yield f"{imported}.{inner}".strip("."), level, top
        if "import_module" in part.co_names or "__import__" in part.co_names:
            for text in part.co_consts:
                if isinstance(text, str) and text.partition(".")[0] == "jax":
                    yield "jax", 0, top


def _ran(code: CodeType, imported: str, module: ModuleType) -> bool:
    """Whether an import at the top has run: what it binds is there. SciPy's imports of jax are under `if TYPE_CHECKING`."""
    binding = False
    for instruction in dis.get_instructions(code):
        if instruction.opname == "IMPORT_NAME":
            binding = instruction.argval == imported
        elif binding and instruction.opname in ("STORE_NAME", "STORE_GLOBAL"):
            if instruction.argval in vars(module):
                return True
        elif binding and instruction.opname in ("IMPORT_STAR", "CALL_INTRINSIC_1"):
            return True
        elif instruction.opname.startswith("LOAD_"):
            binding = False
    return False


def _parts(code: CodeType, top: bool) -> Iterator[tuple[CodeType, bool]]:
    """The code objects within a module's code, and whether they run when the module loads: bodies of classes do."""
    yield code, top
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            # Code of a function has fast locals (CO_OPTIMIZED); a class body has not.
            yield from _parts(constant, top and not constant.co_flags & 1)


def _code(name: str, module: ModuleType, spec) -> CodeType | None:
    """A module's code; None for extension modules, and where there is no source."""
    get_code = getattr(getattr(spec, "loader", None), "get_code", None)
    file = getattr(module, "__file__", None) or ""
    try:
        if get_code is not None:
            return get_code(spec.name)
        if file.endswith(".py"):
            with open(file, "rb") as source:
                return compile(source.read(), file, "exec", dont_inherit=True)
    except (ImportError, OSError, SyntaxError):  # The file has gone, or changes at this moment.
        return None
    return None


def remove(modules: dict[str, ModuleType]) -> None:
    """Take modules out of `sys.modules`, and out of the packages that stay, where `from package import module` finds them."""
    for name, module in modules.items():
        del sys.modules[name]
        package, _, last = name.rpartition(".")
        if package not in modules and package in sys.modules and vars(sys.modules[package]).get(last) is module:
            delattr(sys.modules[package], last)


def put_back(modules: dict[str, ModuleType]) -> None:
    sys.modules.update(modules)
    for name, module in modules.items():
        package, _, last = name.rpartition(".")
        if package not in modules and package in sys.modules:
            setattr(sys.modules[package], last, module)
