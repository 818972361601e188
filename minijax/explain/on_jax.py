"""Run as a script, in a process of its own: the same function on JAX. minijax never imports this file.

`minijax` is answered by `jax` here, so that the user's file, which says `import minijax as jax`, is a program of JAX. A pickled job
comes in, and JSON goes out: the value and the outline of the jaxpr, or the error.
"""

import json
import pickle
import runpy
import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from os.path import dirname, join

import jax
import numpy


class _Answer(MetaPathFinder, Loader):
    """Answers `minijax` and its modules by those of JAX."""

    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name.split(".")[0] == "minijax" else None

    def create_module(self, spec):
        return import_module(f"jax{spec.name[len('minijax') :]}")

    def exec_module(self, module):
        pass


def main(job: dict) -> dict:
    here = dirname(__file__)
    watching, outline = (runpy.run_path(join(here, f"{name}.py")) for name in ("watching", "outline"))
    sys.meta_path.insert(0, _Answer())
    if job.get("module", "__main__") != "__main__":
        # As where the function is explained, so that the module's relative imports are right.
        sys.path[:] = job["path"]
        function = import_module(job["module"])
        for part in job["name"].split("."):
            function = getattr(function, part)
    elif job["call"] is None:
        function, _ = watching["load"](job["file"], job["name"], job["argv"])
        if function is None:
            raise LookupError(f"{job['name']} is not there when the file is imported")
    else:
        library = dirname(jax.__file__)
        try:
            watching["run_until"](job["file"], job["defined_in"], job["name"], job["call"], job["argv"], library)
            raise LookupError(f"on JAX the script never calls {job['name']}")
        except watching["Reached"] as reached:
            function = reached.call[0]
    function = getattr(function, "__wrapped__", function) if job["unwrap"] else function
    args, kwargs = job["arguments"]
    static = set(job["static"])

    def of_arrays(*arrays):
        # Arguments that are no arrays are part of the program.
        filled, given = [], iter(arrays)
        for i, x in enumerate(leaves):
            filled.append(x if i in static else next(given))
        args, kwargs = jax.tree_util.tree_unflatten(tree, filled)
        return function(*args, **kwargs)

    leaves, tree = jax.tree_util.tree_flatten((args, kwargs))
    arrays = [x for i, x in enumerate(leaves) if i not in static]
    values = [numpy.asarray(x) for x in jax.tree_util.tree_leaves(of_arrays(*arrays))]
    values = [x.astype(numpy.float64) if x.dtype.kind in "fV" else x for x in values]
    return {
        "version": jax.__version__,
        "values": [[x.real.tolist(), x.imag.tolist()] for x in values],
        "outline": outline["outline"](jax.make_jaxpr(of_arrays)(*arrays)),
    }


if __name__ == "__main__":
    jax.config.update("jax_platforms", "cpu")
    try:
        answer = main(pickle.load(sys.stdin.buffer))
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
    print("\n" + json.dumps(answer))
