"""The house's rules: imports go one way, minijax needs NumPy alone, kaf names a backend in one file."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# From the ground up: a module may import from the rooms above its own in this list, and from its own room. A door, a module of
# a few lines that JAX names in public, stands where the room does that it opens.
ROOMS = [
    ["minijax.foundation", "minijax.errors", "minijax.dtypes", "minijax.tree_util", "minijax.tree"],
    ["minijax.core", "minijax.typing"],
    ["minijax.primitives"],
    ["minijax.transforms"],
    ["minijax.lowering"],
    ["minijax.calls"],
    ["minijax.api", "minijax.ad_checkpoint", "minijax.custom_batching", "minijax.custom_derivatives", "minijax.debug"],
    ["minijax.test_util"],
    ["minijax.stages", "minijax.sharding", "minijax.profiler", "minijax.lax"],
    ["minijax.numpy", "minijax.dlpack", "minijax.flatten_util", "minijax.ops"],
    [
        "minijax.nn",
        "minijax.image",
        "minijax.random",
        "minijax.scipy",
        "minijax.extend",
        "minijax.api_util",
        "minijax.experimental",
        "minijax.interpreters",
    ],
    ["minijax.example_libraries"],
    ["minijax.fast"],
    ["minijax.alias"],
    ["minijax.explain", "minijax.testing"],
    ["minijax"],
    ["minijax.course"],
    ["minijax.__main__"],
    ["kaf.backend"],
    ["kaf"],
]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(p): p for package in ("minijax", "kaf") for p in sorted((ROOT / package).rglob("*.py"))}


def place(module: str) -> int:
    """The position of a module's room in the order."""
    found = [
        (len(room), i)
        for i, rooms in enumerate(ROOMS)
        for room in rooms
        # The top of a package is a separate room: it exports what the other rooms define.
        if module == room or (module + ".").startswith(room + ".") and room != "minijax"
    ]
    assert found, f"{module} has no place in the house: give it one in ROOMS"
    return max(found)[1]


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all statements within it, in any depth. An import is a statement, and nine tenths of a file are expressions."""
    yield node
    for field in ("body", "orelse", "handlers", "finalbody", "cases"):
        block = getattr(node, field, ())
        for inner in block if isinstance(block, list) else ():
            yield from statements(inner)


@functools.cache
def imports(module: str, path: Path) -> list[tuple[str, ast.stmt]]:
    """The modules of ours that a file imports, wherever in it, except under TYPE_CHECKING."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    tree = tree_of(path)
    typing_only = {
        id(n)
        for block in statements(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for n in statements(block)
    }
    found = []
    for node in statements(tree):
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


# The tests of this file go over all modules themselves: a test for each would cost more than what it looks at.


def test_imports_go_one_way():
    wrong = [
        f"{module}:{node.lineno} imports {name}, from a later room"
        for module, path in MODULES.items()
        for name, node in imports(module, path)
        if name != module and place(name) > place(module)
    ]
    assert not wrong, "\n".join(wrong)


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


def test_no_imports_inside_functions():
    inside = [
        f"{module}:{n.lineno}"
        for module, path in MODULES.items()
        if module.startswith("minijax")
        for f in statements(tree_of(path))
        if isinstance(f, (ast.FunctionDef, ast.AsyncFunctionDef))
        for n in statements(f)
        if isinstance(n, (ast.Import, ast.ImportFrom))
    ]
    assert not inside, f"imports inside a function: {inside}"


def test_minijax_alone_imports_fast():
    importing = {m for m, p in MODULES.items() if any(name.startswith("minijax.fast") for name, _ in imports(m, p))}
    assert all(m.startswith("minijax.fast") for m in importing)
    assert [m for m, p in MODULES.items() if '.fast"' in p.read_text()] == ["minijax"]


def test_no_file_is_long():
    """A reader gets lost in a file of more than 600 lines."""
    lengths = {module: len(path.read_text().splitlines()) for module, path in MODULES.items()}
    assert not {module: lines for module, lines in lengths.items() if lines > 600}


def test_every_folder_is_a_package():
    """A folder without `__init__.py` is missing from a wheel; an editable install hides that."""
    folders = {path.parent for path in MODULES.values()}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


# The modules that JAX names in public, and `testing`; beside these and the rooms nothing stands at the top.
DOORS = {
    "ad_checkpoint",
    "api_util",
    "custom_batching",
    "custom_derivatives",
    "debug",
    "dlpack",
    "dtypes",
    "errors",
    "flatten_util",
    "ops",
    "profiler",
    "sharding",
    "stages",
    "test_util",
    "testing",
    "tree",
    "tree_util",
    "typing",
}


def test_beside_the_rooms_stand_doors():
    top = {path.stem for path in (ROOT / "minijax").glob("*.py")}
    assert top == DOORS | {"__init__", "__main__"}
    for door in DOORS:
        tree = ast.parse((ROOT / "minijax" / f"{door}.py").read_text())
        assert not [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))], (
            f"{door} defines something"
        )


FOREIGN = ("jax", "jaxlib", "scipy", "ml_dtypes", "equinox", "optax", "matplotlib", "rich", "sklearn", "jaxtyping")


@pytest.mark.parametrize("package", ["minijax", "minijax.numpy", "minijax.random", "minijax.nn", "kaf"])
@pytest.mark.one_in(6)
def test_imports_numpy_alone(package):
    """A new interpreter imports each package: it loads nothing besides the standard library and NumPy."""
    program = f"import {package}, sys; print([m for m in {FOREIGN!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.strip() == "[]"


def test_every_module_of_minijax_needs_numpy_alone():
    """With all other packages out of reach, each module can be imported, but for the command, the fixture for pytest, and what
    runs in a process of JAX's."""
    others = ("minijax.__main__", "minijax.explain.both", "minijax.explain.on_jax")
    modules = [m for m in MODULES if m.startswith("minijax") and m not in others]
    program = f"""
import importlib, sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {FOREIGN!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Nothing())
for module in {modules!r}:
    try:
        importlib.import_module(module)
    except Exception as error:
        print(module, repr(error))
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout == ""


def test_what_few_need_is_imported_when_asked_for():
    """The time of `import minijax` grows with the code that it loads."""
    program = """
import sys, minijax
late = ["custom_batching", "debug", "example_libraries", "experimental", "extend", "flatten_util", "nn", "numpy.fft"]
late += ["alias.routing", "dlpack", "ops", "profiler", "random", "scipy", "test_util"]
late += ["testing", "explain.model", "explain.stages", "explain.html", "lowering.costs"]
late += ["lowering.xla.stablehlo", "lowering.xla.client", "lowering.passes", "lowering.numpy.source", "core.printing"]
late += ["api.checkpoint", "api.key_reuse", "api.pmap", "api.stages", "calls.shard_map", "lax.more", "numpy.sets"]
late += ["api.loops", "calls.cond", "calls.scan", "primitives.convolution", "primitives.fft"]
print([m for m in late if f"minijax.{m}" in sys.modules])
minijax.debug.print("{}", minijax.extend.core.primitives.sin_p), minijax.custom_batching.custom_vmap
print(minijax.nn.relu(-1.0), minijax.random.key(0).shape, minijax.scipy.special.erf(0.0), {"nn", "jit"} <= {*dir(minijax)})
print(hasattr(minijax, "torch"), hasattr(minijax.lowering.xla, "torch"), minijax.lowering.xla.client.__name__)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.splitlines() == ["[]", "sin", "0.0 () 0.0 True", "False False minijax.lowering.xla.client"]


def test_modules_keep_no_array():
    """A door may import a module while a program is traced, mapped, or in 64 bits: what the module then keeps must not depend on
    it. So no variable of a module is an array or a tracer, nor in a tuple, list, dict or default."""
    modules = [m for m in MODULES if m.startswith("minijax.") and not m.endswith(("__main__", ".both", ".on_jax"))]
    program = f"""
import importlib, sys, types, minijax
from minijax.core.array import ArrayImpl
from minijax.core.traces import Tracer

def load(x):
    for module in {modules!r}:
        importlib.import_module(module)
    return x * 2

with minijax.enable_x64(True):
    minijax.jit(minijax.vmap(load))(minijax.numpy.ones(3))

seen = set()
def walk(value, path):
    if isinstance(value, (ArrayImpl, Tracer)):
        print(path, type(value).__name__)
    elif id(value) not in seen and isinstance(value, (dict, list, tuple, set, types.FunctionType)):
        seen.add(id(value))
        if isinstance(value, types.FunctionType):
            value = value.__defaults__ or ()
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            walk(item, f"{{path}}[{{key!r}}]")

for name, module in list(sys.modules.items()):
    if name.startswith("minijax"):
        for key, value in list(vars(module).items()):
            if not key.startswith("__"):
                walk(value, f"{{name}}.{{key}}")
print(len(seen) > 1000)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.splitlines() == ["True"]


def test_one_file_of_kaf_names_a_backend():
    """kaf/backend.py imports the backends. kaf/functional/pallas.py imports JAX, since kernels of Pallas run on JAX only."""
    for module, path in MODULES.items():
        if module.startswith("kaf") and module not in ("kaf.backend", "kaf.functional.pallas"):
            for node in statements(tree_of(path)):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module]
                assert not any(n.split(".")[0] in ("minijax", "jax") for n in names), f"{module}:{node.lineno}"
