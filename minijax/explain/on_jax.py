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


def _once(register):
    """A library that registers its classes with minijax and with JAX, as kaf does, registers them twice with JAX here."""
    seen = set()

    def registered(cls, *args, **kwargs):
        if cls in seen:
            return cls
        seen.add(cls)
        return register(cls, *args, **kwargs)

    return registered


def called(job: dict, watching: dict) -> tuple:
    """(function, arguments, keyword arguments), on JAX."""
    name = job["name"]
    if job.get("module", "__main__") != "__main__":
        # As where the function is explained, so that the module's relative imports are right.
        sys.path[:] = job["path"]
        function = import_module(job["module"])
        for part in name.split("."):
            function = getattr(function, part)
        return function, *job["arguments"]
    if "call" not in job:
        function, names = watching["load"](job["file"], name, job.get("argv", ()))
        if function is None:
            raise LookupError(f"{name} is not there when the file is imported")
        if "module" in job:
            return function, *job["arguments"]
        source, types = job["written"]
        types = [jax.ShapeDtypeStruct(shape, jax.numpy.dtype(dtype)) for shape, dtype in types]
        return function, eval(source, {"jnp": jax.numpy, "np": numpy, "minijax": jax, **names, "__types__": types}), {}
    try:
        watching["run_until"](job["file"], job["defined_in"], name, job["call"], job["argv"], dirname(jax.__file__))
    except watching["Reached"] as reached:
        return reached.call
    raise LookupError(f"on JAX the script never calls {name}")


def main(job: dict) -> dict:
    here = dirname(__file__)
    watching, outline = (runpy.run_path(join(here, f"{name}.py")) for name in ("watching", "outline"))
    sys.meta_path.insert(0, _Answer())
    for name in ("register_dataclass", "register_pytree_node", "register_pytree_with_keys", "register_static"):
        setattr(jax.tree_util, name, _once(getattr(jax.tree_util, name)))
    function, *arguments = called(job, watching)
    function = getattr(function, "__wrapped__", function) if job["unwrap"] else function
    leaves, tree = jax.tree_util.tree_flatten(tuple(arguments))
    if len(leaves) != job["count"]:
        raise LookupError(f"the arguments have {len(leaves)} leaves, and {job['count']} on minijax")

    def of_arrays(*arrays):
        # Arguments that are no arrays are part of the program.
        filled = dict(enumerate(leaves)) | dict(zip(job["places"], arrays, strict=True))
        args, kwargs = jax.tree_util.tree_unflatten(tree, filled.values())
        return function(*args, **kwargs)

    arrays = job["arrays"]
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
