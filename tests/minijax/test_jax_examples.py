"""The examples in the docstrings of JAX's public functions print here what they print on JAX."""

from __future__ import annotations

import builtins
import contextlib
import doctest
import importlib
import inspect
import io
import re
import sys

import jax
import numpy as np
import pytest

import minijax
from tests.compatibility import MODULES

# {why an example prints something else: where it stands}
OTHERWISE = {
    "it places arrays on devices, which minijax leaves out": (
        "make_array_from_callback make_array_from_process_local_data make_array_from_single_device_arrays"
        " debug.inspect_array_sharding Array.committed sharding.Mesh"
    ),
    "`shard_map` on a mesh of two axes": "lax.axis_index",
    "mutable references, which minijax leaves out": "freeze",
    "products of an accelerator's formats, which minijax leaves out": "nn.scaled_dot_general",
    "the last bit of XLA's fused programs decides": "numpy.histogram scipy.signal.istft",
    "the description is NumPy's, of the same path": "numpy.einsum_path",
    "donation to NumPy's programs leaves the argument alone": "numpy.copy",
    "it imports a private module": "tree_util.flatten_one_level",
    "another error where the example itself is wrong": "numpy.ufunc.reduceat",
}
EXPLAINED = {f"jax.{name}" for names in OTHERWISE.values() for name in names.split()}


def documented() -> dict[str, str]:
    """{name: docstring} of JAX's public functions, classes and methods that have examples, each docstring once."""
    found: dict[str, str] = {}

    def note(name, value):
        text = getattr(value, "__doc__", None)
        if isinstance(text, str) and ">>>" in text and text not in found.values():
            found[name] = text

    for module in MODULES:
        path = f"jax.{module}".rstrip(".")
        namespace = vars(importlib.import_module(path))
        for name in sorted(n for n in namespace if not n.startswith("_")):
            value = namespace[name]
            if inspect.ismodule(value):
                continue
            note(f"{path}.{name}", value)
            if inspect.isclass(value):
                for member in sorted(n for n in dir(value) if not n.startswith("_")):
                    note(f"{path}.{name}.{member}", getattr(value, member, None))
    return found


DOCUMENTED = documented()


def imported(library: str):
    """Python's import, with `jax` answered by a library."""

    def find(name, *args):
        return builtins.__import__(re.sub(r"^jax\b", library, name), *args)

    return find


def printed(library: str, text: str, folder) -> list[str]:
    """What each example prints; the class of the error that it raises."""
    top = importlib.import_module(library)
    names = {
        "jax": top,
        "jnp": importlib.import_module(f"{library}.numpy"),
        "lax": top.lax,
        "np": np,
        "__name__": "__main__",
    }
    names["__builtins__"] = {**vars(builtins), "__import__": imported(library)}
    found, options, shown = [], np.get_printoptions(), sys.displayhook
    devices = minijax.config.jax_num_cpu_devices
    minijax.config.update("jax_num_cpu_devices", jax.device_count())
    sys.displayhook = lambda value: None if value is None else print(repr(value))
    try:
        for example in doctest.DocTestParser().get_examples(text):
            out = io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()), contextlib.chdir(folder):
                try:
                    exec(compile(example.source, "<example>", "single"), names)
                except Exception as error:
                    print(type(error).__name__)
            found.append(" ".join(out.getvalue().split()))
    finally:
        sys.displayhook = shown
        options.pop("override_repr", None)
        np.set_printoptions(**options)
        top.config.update("jax_enable_x64", False)
        minijax.config.update("jax_num_cpu_devices", devices)
    return found


NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?")


def same(ours: str, theirs: str) -> bool:
    """Whether two texts are one, but for the last figures of numbers and for addresses."""
    ours, theirs = (re.sub(r"0x\w+|(?<=\[) | (?=[],])", "", text) for text in (ours, theirs))
    if NUMBER.sub("#", ours) != NUMBER.sub("#", theirs):
        return False
    pairs = zip(NUMBER.findall(ours), NUMBER.findall(theirs), strict=True)
    return all(np.isclose(float(a), float(b), rtol=1e-5, atol=2e-6) for a, b in pairs)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", DOCUMENTED)
@pytest.mark.one_in(200)
def test_an_example_prints_what_it_prints_on_jax(name, tmp_path):
    ours, theirs = (printed(library, DOCUMENTED[name], tmp_path) for library in ("minijax", "jax"))
    assert len(ours) == len(theirs) > 0
    differ = [(a, b) for a, b in zip(ours, theirs) if not same(a, b)]
    assert bool(differ) == (name in EXPLAINED), differ


def test_there_are_examples():
    assert len(DOCUMENTED) > 450
    assert EXPLAINED <= set(DOCUMENTED)
    assert len(EXPLAINED) < 20
    assert (
        not same("[1. 2.5]", "[1. 2.4]")
        and not same("Array([1])", "Array([1, 2])")
        and same("[1. 2.5 ]", "[1. 2.5000002]")
    )
