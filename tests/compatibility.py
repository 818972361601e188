"""`python -m tests.compatibility` writes notes/compatibility.md: which of JAX's public names are there."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

from minijax.foundation.left_out import LEFT_OUT

PAGE = Path(__file__).parents[1] / "notes" / "compatibility.md"
MODULES = [
    "", "numpy", "numpy.linalg", "numpy.fft", "lax", "lax.linalg", "nn", "nn.initializers", "random", "image", "ops",
    "scipy.special", "scipy.linalg", "scipy.stats", "scipy.fft", "scipy.signal", "scipy.optimize", "scipy.integrate",
    "scipy.interpolate", "scipy.ndimage", "scipy.cluster.vq", "scipy.sparse.linalg", "scipy.spatial.transform",
    "sharding", "tree", "tree_util", "flatten_util", "test_util", "dtypes", "errors", "stages", "ad_checkpoint", "custom_batching",
    "custom_derivatives", "debug", "profiler", "dlpack", "example_libraries.stax",
    "interpreters.ad", "interpreters.batching", "interpreters.mlir", "interpreters.xla",
]  # fmt: skip

# {name: what of it is not there}, of names that are there in part.
PARTLY = {
    "jax.Ref": "a type that no value has: every array of minijax is immutable",
    "jax.new_ref": "raises NotImplementedError: every array of minijax is immutable",
    "jax.jit": "has no `compiler_options`; `in_shardings` is ignored",
    "jax.random.key": "`impl`: threefry alone",
    "jax.shard_map": "meshes of one axis",
    "jax.scipy.linalg.schur": "needs SciPy, where XLA does not run it",
    "jax.scipy.linalg.sqrtm": "needs SciPy, where XLA does not run it",
    "jax.scipy.linalg.funm": "needs SciPy, where XLA does not run it",
    "jax.scipy.linalg.solve_sylvester": "by the method schur needs SciPy, where XLA does not run it",
    "jax.lax.linalg.schur": "needs SciPy, where XLA does not run it",
    "jax.lax.linalg.qdwh": "has no dynamic_shape",
    "jax.nn.dot_product_attention": "`implementation`: XLA's alone; the logits of all pairs are in memory up to 2^18 pairs a head",
}  # fmt: skip


def public(module) -> list[str]:
    """The names that a module of JAX shows: functions, classes and numbers, no modules."""
    names = getattr(module, "__all__", None) or [n for n in dir(module) if not n.startswith("_")]
    return sorted(n for n in names if n != "annotations" and not inspect.ismodule(getattr(module, n, None)))


def state(module: str) -> dict[str, list[str]]:
    """The public names of a module of JAX: there, partly there, left out, not there yet."""
    theirs = importlib.import_module(f"jax.{module}".rstrip("."))
    try:
        ours = importlib.import_module(f"minijax.{module}".rstrip("."))
    except ImportError:
        ours = None
    found: dict[str, list[str]] = {"there": [], "partly": [], "left out": [], "not yet": []}
    for name in public(theirs):
        if f"jax.{module}.{name}".replace("..", ".") in PARTLY:
            found["partly"].append(name)
        elif hasattr(ours, name):
            found["there"].append(name)
        elif name in LEFT_OUT.get(f"minijax.{module}".rstrip("."), {}):
            found["left out"].append(name)
        else:
            found["not yet"].append(name)
    return found


def page() -> str:
    states = {module: state(module) for module in MODULES}
    total = {kind: sum(len(s[kind]) for s in states.values()) for kind in ("there", "partly", "left out", "not yet")}
    lines = [
        "# Which of JAX's names are there",
        "",
        "`python -m tests.compatibility` writes this page, with the JAX that is installed; a test fails when it is old. Of",
        f"{sum(total.values())} public names {total['there']} are there, {total['partly']} in part,",
        f"{total['left out']} are left out on purpose, and {total['not yet']} are not there yet. To ask for one that is not there",
        "raises an `AttributeError`, which gives the reason if it is left out.",
        "",
        "| module | there | in part | left out | not yet |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for module, found in states.items():
        name = f"jax.{module}".rstrip(".")
        lines.append(f"| `{name}` | {' | '.join(str(len(found[kind])) for kind in total)} |")
    lines += ["", "## In part", ""]
    lines += [f"- `{name}`: {what}." for name, what in PARTLY.items()]
    lines += ["", "## Left out", ""]
    for module, found in states.items():
        reasons = LEFT_OUT.get(f"minijax.{module}".rstrip("."), {})
        for reason in dict.fromkeys(reasons[n] for n in found["left out"]):
            names = ", ".join(f"`{n}`" for n in found["left out"] if reasons[n] == reason)
            lines.append(f"- `{f'jax.{module}'.rstrip('.')}`: {names}: {reason}.")
    lines += ["", "## Not yet", ""]
    for module, found in states.items():
        if found["not yet"]:
            lines.append(f"- `{f'jax.{module}'.rstrip('.')}`: {', '.join(f'`{n}`' for n in found['not yet'])}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
