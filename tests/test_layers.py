"""The house's rules: imports go one way, minijax needs NumPy alone, kaf names a backend in one file."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# From the ground up: a module may import from the rows above its own, and within its own row where that row says so.
LAYERS = [
    ["minijax.errors", "minijax.source_info", "minijax.tree_util", "minijax.config", "minijax.effects"],
    ["minijax.tree", "minijax.dtypes", "minijax.device"],
    ["minijax.core"],
    ["minijax.array", "minijax.jaxpr"],
    ["minijax.pretty_print", "minijax.staging"],
    ["minijax.recognize"],
    ["minijax.primitives.basis", "minijax.primitives.special_functions"],
    ["minijax.primitives.families"],
    ["minijax.primitives.elementwise"],
    ["minijax.primitives.*"],
    ["minijax.transforms.jvp", "minijax.transforms.transpose", "minijax.transforms.vmap"],
    ["minijax.transforms.linearize"],
    ["minijax.transforms.recipes"],
    ["minijax.lowering.*"],
    ["minijax.calls.scan", "minijax.calls.jit", "minijax.calls.custom_derivatives"],
    ["minijax.calls.*"],
    ["minijax.api"],
    [
        "minijax.custom_derivatives",
        "minijax.control_flow",
        "minijax.ad_checkpoint",
        "minijax.parallel",
        "minijax.parallel_map",
        "minijax.solves",
        "minijax.custom_batching",
        "minijax.callback",
        "minijax.debug",
        "minijax.stages",
    ],
    ["minijax.lax"],
    ["minijax.numpy.*"],
    ["minijax.nn.*", "minijax.random", "minijax.scipy.*", "minijax.extend.*", "minijax.experimental.*"],
    ["minijax", "minijax.__main__"],
    ["kaf.backend"],
    ["kaf.*"],
]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(p): p for package in ("minijax", "kaf") for p in sorted((ROOT / package).rglob("*.py"))}


def layer(module: str) -> int:
    for i, row in enumerate(LAYERS):
        if module in row:
            return i
    for i, row in enumerate(LAYERS):
        if any(entry.endswith(".*") and (module + ".").startswith(entry[:-1]) for entry in row):
            return i
    raise AssertionError(f"{module} has no place in the house: give it one in LAYERS")


@functools.cache
def imports(module: str, path: Path) -> list[tuple[str, ast.stmt]]:
    """The modules of ours that a file imports, wherever in it, except under TYPE_CHECKING."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    tree = ast.parse(path.read_text())
    typing_only = {
        id(n)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for n in ast.walk(block)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, node) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parent, node.module] if node.module else parent)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                found.append((full if full in MODULES else base, node))
    return [(name, node) for name, node in found if name.split(".")[0] in ("minijax", "kaf")]


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module):
    for name, node in imports(module, MODULES[module]):
        if name == module:
            continue
        assert layer(name) <= layer(module), f"{module}:{node.lineno} imports {name}, from a later layer"
        assert not (layer(name) == layer(module) and module in dict(imports(name, MODULES[name]))), (
            f"{module} and {name} import each other"
        )


def test_no_import_circles():
    graph = {m: {name for name, _ in imports(m, p) if name in MODULES and name != m} for m, p in MODULES.items()}
    done: set[str] = set()

    def visit(module, path):
        assert module not in path, f"import circle: {' -> '.join([*path[path.index(module) :], module])}"
        if module not in done:
            for following in graph[module]:
                visit(following, [*path, module])
            done.add(module)

    for module in graph:
        visit(module, [])


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("minijax")])
def test_no_imports_inside_functions(module):
    tree = ast.parse(MODULES[module].read_text())
    inside = [
        n.lineno
        for f in ast.walk(tree)
        if isinstance(f, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for n in ast.walk(f)
        if isinstance(n, (ast.Import, ast.ImportFrom))
    ]
    assert not inside, f"{module} imports inside a function at lines {inside}"


FOREIGN = ("jax", "jaxlib", "scipy", "ml_dtypes", "equinox", "optax", "matplotlib", "rich", "sklearn", "jaxtyping")


@pytest.mark.parametrize("package", ["minijax", "minijax.numpy", "minijax.random", "minijax.nn", "kaf"])
def test_imports_numpy_alone(package):
    """In a fresh interpreter: what is loaded besides the standard library and NumPy."""
    program = f"import {package}, sys; print([m for m in {FOREIGN!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.strip() == "[]"


def test_what_few_need_is_imported_when_asked_for():
    """`import minijax` takes as long as what it loads is long."""
    program = """
import sys, minijax
late = ["custom_batching", "debug", "experimental", "extend", "nn", "random", "scipy", "lowering.stablehlo", "lowering.xla"]
print([m for m in late if f"minijax.{m}" in sys.modules])
minijax.debug.print("{}", minijax.extend.core.primitives.sin_p), minijax.custom_batching.custom_vmap
print(minijax.nn.relu(-1.0), minijax.random.key(0).shape, minijax.scipy.special.erf(0.0), {"nn", "jit"} <= {*dir(minijax)})
print(hasattr(minijax, "torch"), hasattr(minijax.lowering, "torch"), minijax.lowering.xla.__name__)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.splitlines() == ["[]", "sin", "0.0 () 0.0 True", "False False minijax.lowering.xla"]


def test_one_file_of_kaf_names_a_backend():
    """And one is JAX's: kernels of Pallas are written for nothing else."""
    for module, path in MODULES.items():
        if module.startswith("kaf") and module not in ("kaf.backend", "kaf.functional.pallas"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module]
                assert not any(n.split(".")[0] in ("minijax", "jax") for n in names), f"{module}:{node.lineno}"
