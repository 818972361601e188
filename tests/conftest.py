"""Every test leaves the process as it found it; hypothesis runs by profile."""

from __future__ import annotations

import functools
import gc
import os
from importlib.metadata import version

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# What the rules of the package return is checked too, not only what the rules of users do.
os.environ.setdefault("MINIJAX_CHECK_RULES", "1")
# JAX is the oracle of thousands of small programs, each compiled once and run once: compiling fast matters, not the code.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    " --xla_cpu_parallel_codegen_split_count=1"
    # XLA ends the process for a flag that it does not know any more.
    + (" --xla_cpu_use_fusion_emitters=false" if version("jaxlib").startswith("0.10.") else ""),
)
# For pmap, JAX's and minijax's. It slows nothing else.
if "device_count" not in os.environ["XLA_FLAGS"]:
    os.environ["XLA_FLAGS"] += " --xla_force_host_platform_device_count=8"

import hypothesis
import jax
import numpy as np
import pytest
from jax._src.interpreters import mlir

import minijax
from minijax.core.traces import thread_state
from tests.helpers.jax_changes import changes
from tests.helpers.thinned import LONG, chosen

# Thousands of calls that JAX must refuse: it takes longer to filter the traceback than to raise the error.
jax.config.update("jax_traceback_filtering", "off")
# Nobody reads JAX's cache on disk here, and its keys take a tenth of each compile.
jax.config.update("jax_enable_compilation_cache", False)
# JAX prepares a new MLIR context for every program that it compiles, some 4 ms of 15 for the small ones here. The programs
# of one file share a context. What they compute is the same; where JAX has no such function, its programs take longer.
if hasattr(mlir, "make_ir_context"):
    mlir.make_ir_context = functools.cache(mlir.make_ir_context)

hypothesis.settings.register_profile("ci", max_examples=12, deadline=None, derandomize=True)
hypothesis.settings.register_profile("long", max_examples=1000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


# The file imports seven libraries. Only the processes that test_libraries.py starts need them; without this line each worker would
# import them, to look for doctests.
collect_ignore = ["minijax/alias/library_programs.py"]


def global_state() -> dict:
    return {
        "current trace": thread_state.trace,
        "minijax x64": minijax.config.jax_enable_x64,
        "minijax devices": minijax.config.jax_num_cpu_devices,
        "minijax fast path": minijax.config.minijax_fast,
        "jax x64": jax.config.jax_enable_x64,
        "NumPy's floating-point error handling": tuple(sorted(np.geterr().items())),
        "NumPy's print options": str(sorted(np.get_printoptions().items(), key=lambda kv: kv[0])),
        "working directory": os.getcwd(),
        "KAF_BACKEND": os.environ.get("KAF_BACKEND"),
    }


@pytest.fixture(autouse=True)
def no_state_left_behind():
    """A test that changes global state and does not put it back fails itself, not the tests after it."""
    before = global_state()
    yield
    after = global_state()
    changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    assert not changed, f"the test left global state changed (before, after): {changed}"


@pytest.fixture(autouse=True, scope="module")
def garbage_of_one_file():
    """What JAX compiled for a file of tests goes with it, and what stays is not searched for garbage again: else a
    worker comes to hold gigabytes, through which each collection goes."""
    yield
    jax.clear_caches()
    if hasattr(mlir, "make_ir_context"):
        mlir.make_ir_context.cache_clear()
    gc.collect()
    gc.freeze()


def pytest_collection_finish():
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_generate_tests(metafunc):
    """A table is marked `one_in(n)`: a short run makes no tests of the cases that `chosen` leaves out. To make 60,000 tests and to
    drop 50,000 took 6 of the 22 seconds in which a worker collects."""
    yield
    definition = metafunc.definition
    ns = [mark.args[0] for mark in definition.iter_markers("one_in")]
    kept = [case for case in metafunc._calls if all(chosen(f"{definition.name}[{case.id}]", n) for n in ns)]
    # A table of which nothing is left stays whole here; pytest_collection_modifyitems names it.
    metafunc._calls = kept or metafunc._calls


def pytest_collection_modifyitems(config, items):
    """Tests of a shortcut lie in folders `fast`. Without the fast path (MINIJAX_FAST=0) run the others: `-m "not fast"`.

    Of a table of slow cases that is marked `one_in(n)` a short run tries one in n, the same ones each time. A test that is marked
    `long` it leaves out."""

    def runs(item):
        if not LONG and item.get_closest_marker("long"):
            return False
        return all(chosen(item.name, *mark.args) for mark in item.iter_markers("one_in"))

    kept = [item for item in items if runs(item)]
    changed = changes()
    # If whole files are run, each of their tables must run a case. With another JAX, whose tables have other names, it need not.
    tables = {item.nodeid.partition("[")[0] for item in items if not item.get_closest_marker("long")}
    empty = tables.difference(item.nodeid.partition("[")[0] for item in kept)
    if empty and not changed and all("[" not in argument and "::" not in argument for argument in config.args):
        raise pytest.UsageError(f"a short run tries no case of {sorted(empty)}: choose another n for their one_in(n)")
    config.hook.pytest_deselected(items=[item for item in items if not runs(item)])
    items[:] = kept
    for item in items:
        if "fast" in item.path.parts:
            item.add_marker("fast")
        for pattern, reason in changed:
            if pattern.search(item.nodeid):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
