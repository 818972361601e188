"""Python runs this file at its start in processes that were started under the alias: they import minijax as jax, too.

If that cannot be, the process ends with one error. Else it would compute with real JAX, and nobody would know.
"""

import os
import sys
from importlib import import_module
from importlib.machinery import PathFinder


def install(root: str) -> None:
    try:
        sys.path.insert(0, root)
        import_module("minijax").install_as_jax()
    except Exception as error:
        text = f"minijax: this process was started under minijax.as_jax(), and cannot import minijax as jax: {error!r}"
        raise SystemExit(text) from error
    finally:
        sys.path.remove(root)


def run_the_next(here: str) -> None:
    """Run the `sitecustomize.py` that Python would have run without ours."""
    spec = PathFinder.find_spec("sitecustomize", [p for p in sys.path if os.path.abspath(p) != here])
    if spec is not None and spec.loader is not None:
        module = type(sys)("sitecustomize")
        spec.loader.exec_module(module)


if __name__ == "sitecustomize":
    run_the_next(os.path.dirname(os.path.abspath(__file__)))
    if os.environ.get("MINIJAX_AS_JAX"):
        install(os.environ["MINIJAX_AS_JAX"])
