"""Meshes, specs and shardings: what they say, print and raise is JAX's, on four devices."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import jax
import jax.numpy
import pytest

import minijax
import minijax.numpy
import minijax.sharding as js
from minijax.experimental import layout
from minijax.foundation.sharding import DuplicateSpecError, IndivisibleError

SETUP = """
import numpy as np
jnp, P, js = jax.numpy, jax.P, jax.sharding
mesh = js.Mesh(np.array(jax.devices()).reshape(2, 2), ("a", "b"))
row, x = jax.make_mesh((4,), ("x",)), jnp.arange(8.0).reshape(4, 2)
def on(*entries): return jax.NamedSharding(mesh, P(*entries))
def shards(s): return [(str(d.device), d.index, d.replica_id, np.asarray(d.data).tolist())
                       for d in jax.device_put(x, s).addressable_shards]
"""
# Each is evaluated with both libraries: the text of the value, or the class of the error and the beginning of its text, agree.
EXPRESSIONS = """
mesh, str(mesh), mesh.shape, mesh.size, mesh.devices.shape, mesh.axis_sizes, mesh.axis_types, mesh.empty, mesh.shape_tuple
mesh.device_ids, mesh.local_devices, mesh.local_mesh, mesh.is_multi_process, mesh.explicit_axes, mesh.auto_axes
mesh.are_all_axes_auto, mesh.are_all_axes_explicit, row.are_all_axes_explicit, row.explicit_axes, row
mesh == js.Mesh(np.array(jax.devices()).reshape(2, 2), ("a", "b")), mesh == row, hash(mesh) == hash(mesh)
js.Mesh(jax.devices(), "x"), js.Mesh([], ("x",)), js.Mesh(jax.devices(), ("x",), js.AxisType.Explicit)
js.Mesh(np.array(jax.devices()), ("a", "b"))
js.Mesh(jax.devices(), (None,))
js.AbstractMesh((2,), ("x",)), js.AbstractMesh((2, 2), ("x", "y")).axis_types, js.AbstractMesh((), ()).empty
jax.make_mesh((2, 2), ("a", "b")), jax.make_mesh((2,), ("a",)).devices, jax.make_mesh((2,), ("a",), (js.AxisType.Auto,))
jax.make_mesh((8,), ("x",))
list(js.AxisType), str(js.AxisType.Explicit)
P("a"), P(("a",)), P(()), P(("a", "b"), None), P(P.UNCONSTRAINED, "a"), P("a", None)[0], len(P("a", None)), tuple(P("a"))
P("a") == P("a", None), P("a") == ("a",), P("a") == P("a"), P() + (None,), ("b",) + P("a"), P("a", None) + P("b"), P("a").index("a")
on("a"), str(on("a")), on("a").shard_shape((4, 2)), on("a").num_devices, on("a").is_fully_replicated, on("a").memory_kind
on(("a", "b")).shard_shape((4, 2)), on(None, "b").shard_shape((4, 2)), on().is_fully_replicated
on("a").devices_indices_map((4, 2))
on(("b", "a")).devices_indices_map((4, 2))
on(None, "b").addressable_devices_indices_map((4, 2))
on("a") == on("a"), on("a") == on("a", None), on("a").is_equivalent_to(on("a", None), 2), on("a").is_equivalent_to(on("b"), 2)
sorted(d.id for d in on("a").device_set), on("a").is_fully_addressable, on("a").update(spec=P("b"))
on("z")
on("a", "a")
on("a").shard_shape((3, 2))
jax.NamedSharding(js.AbstractMesh((2,), ("x",)), P("x"))
jax.NamedSharding(js.AbstractMesh((2,), ("x",)), P("x")).device_set
js.SingleDeviceSharding(jax.devices()[1]), js.SingleDeviceSharding(jax.devices()[1]).shard_shape((3,))
shards(on("a"))
shards(on(("a", "b")))
shards(on(None, "b"))
shards(js.SingleDeviceSharding(jax.devices()[2]))
x.sharding, x.device, x.devices(), x.committed, x.is_fully_replicated, x.is_fully_addressable, len(x.global_shards)
jax.device_put(x, on("a")).sharding, jax.device_put(x, on("a")).device, jax.device_put(x, on("a")).committed
jax.device_put(x, jax.devices()[2]).devices(), jax.device_put(x, jax.devices()[2]).device, jax.device_put(x, on("a")).tolist()
jax.tree.map(lambda y: y.sharding.spec, jax.device_put({"w": x, "b": x}, {"w": on("a"), "b": on()}))
jax.device_put(x[:3], on("a"))
jax.device_put(x[0], on(None, "a"))
jax.device_put(x, P("a"))
jax.device_put([x, x], [on("a")])
jax.device_put(x, 3)
jax.lax.with_sharding_constraint(x, on("a")).sharding
jax.lax.with_sharding_constraint(x[:3], on("a"))
jax.lax.with_sharding_constraint(x, P("a"))
jax.lax.with_sharding_constraint(x, jax.devices()[0])
jax.jit(lambda x: jax.lax.with_sharding_constraint(x, on("a")) + 1)(x).tolist()
jax.jit(lambda x: x.sharding)(x)
jax.typeof(x).sharding, jax.typeof(x).sharding.mesh.empty, jax.typeof(x).sharding.spec
js.get_mesh(), js.get_abstract_mesh()
jax.ShapeDtypeStruct((4,), "float32", sharding=on("a")), jax.ShapeDtypeStruct((4,), "float32").sharding
jax.ShapeDtypeStruct((4,), "float32").update(shape=(2,)), jax.ShapeDtypeStruct((4,), "float32").update(sharding=on("a"))
jax.sharding.reshard(x, jax.NamedSharding(row, P("x", None))).sharding.spec
with_mesh()
"""
SETUP += """
def with_mesh():
    with jax.set_mesh(mesh):
        inner = js.get_mesh(), jax.device_put(x, P("a")).sharding
    return inner, js.get_mesh()
"""
PROGRAM = """
import os, sys
sys.path.insert(0, sys.argv[2])
if sys.argv[1] == "minijax":
    import minijax as jax
    import minijax.numpy, minijax.sharding
else:
    import jax
    import jax.numpy
exec(sys.argv[3])
for line in sys.argv[4].strip().splitlines():
    try:
        value = eval(line)
    except Exception as error:
        value = type(error).__name__, str(error)[:90]
    print(repr(value).replace("\\n", " "))
"""


@pytest.fixture(scope="module")
def answers():
    """{library: a line for each expression}"""
    root = os.path.dirname(os.path.dirname(minijax.__file__))
    env = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    found = {}
    for library in ("minijax", "jax"):
        words = [sys.executable, "-c", PROGRAM, library, root, SETUP, EXPRESSIONS]
        lines = subprocess.run(words, capture_output=True, text=True, check=True, env=env).stdout.splitlines()
        found[library] = dict(zip(EXPRESSIONS.strip().splitlines(), lines, strict=True))
    return found


@pytest.mark.parametrize("expression", EXPRESSIONS.strip().splitlines())
@pytest.mark.one_in(2)
def test_what_they_say_is_jaxs(answers, expression):
    ours, theirs = answers["minijax"][expression], answers["jax"][expression]
    if "received an invalid value" in theirs or "Received invalid value" in theirs or "only accepts" in theirs:
        # minijax takes fewer kinds of places.
        ours, theirs = ours[:40], theirs[:40]
    elif "tree prefix" in theirs:
        ours, theirs = ours[:90], theirs[:90]
    elif "must be >=" in theirs:
        # minijax says how to have more devices.
        ours, theirs = ours[:76], theirs[:76]
    assert ours == theirs


def test_what_minijax_does_not_do():
    with pytest.raises(NotImplementedError, match="sums that are not done yet"):
        minijax.P("a", unreduced={"b"})
    with pytest.raises(ValueError, match="Could not find memory"):
        minijax.sharding.SingleDeviceSharding(minijax.devices()[0], memory_kind="pinned_host")
    with pytest.raises(TypeError, match="takes a Mesh and a PartitionSpec"):
        minijax.NamedSharding(minijax.make_mesh((1,), ("x",)), ("x",))


def test_pickled_and_copied():
    sharding = minijax.NamedSharding(minijax.make_mesh((1,), ("x",)), minijax.P("x", minijax.P.UNCONSTRAINED))
    for x in (sharding, sharding.spec, sharding.mesh, minijax.numpy.ones(2).sharding):
        assert pickle.loads(pickle.dumps(x)) == x


def test_real_jax_takes_arrays_that_have_a_sharding():
    """It reads `.sharding` of arrays that it does not know."""
    x = minijax.numpy.ones((2, 3))
    for f in (jax.numpy.zeros_like, jax.numpy.asarray):
        assert isinstance(f(x), jax.Array)


# Bad calls, here in this process: (the call, the class of the error, words of its text).
ONE = minijax.make_mesh((1,), ("x",))
TWO = js.AbstractMesh((2,), ("x",))
P = minijax.P
BAD = {
    "a mesh that is none": (lambda: js.set_mesh(3), ValueError, "Got 3"),
    "no name": (lambda: js.Mesh(minijax.devices()[:1], (None,)), ValueError, "cannot be None"),
    "two names": (lambda: js.Mesh(minijax.devices()[:1], ("a", "b")), ValueError, "ndim == 1"),
    "two types": (lambda: js.Mesh(minijax.devices()[:1], "a", (js.AxisType.Auto,) * 2), ValueError, "axis_types"),
    "two names of one size": (lambda: js.AbstractMesh((2,), ("a", "b")), ValueError, r"\(2,\)"),
    "too few devices": (lambda: minijax.make_mesh((10**6,), ("x",)), ValueError, "1000000"),
    "no such axis": (lambda: minijax.NamedSharding(ONE, P("z")), ValueError, "z of"),
    "an axis twice": (lambda: minijax.NamedSharding(ONE, P("x", "x")), DuplicateSpecError, "duplicate entries"),
    "no devices": (lambda: minijax.NamedSharding(TWO, P("x")).device_set, ValueError, "AbstractMesh"),
    "three in two parts": (lambda: minijax.NamedSharding(TWO, P("x")).shard_shape((3,)), IndivisibleError, "2 times"),
    "too few axes": (lambda: minijax.NamedSharding(ONE, P(None, "x")).shard_shape((2,)), ValueError, "rank 1"),
    "put, too few axes": (
        lambda: minijax.device_put(minijax.numpy.ones(2), minijax.NamedSharding(ONE, P(None, "x"))),
        ValueError,
        "device_put args",
    ),
    "put, another tree": (lambda: minijax.device_put([1.0], [None, None]), ValueError, "tree prefix"),
    "put, no place": (lambda: minijax.device_put(1.0, 3), ValueError, "only accepts"),
    "put, no mesh": (lambda: minijax.device_put(1.0, P()), ValueError, "set a mesh"),
    "constraint, no mesh": (lambda: minijax.lax.with_sharding_constraint(1.0, P()), RuntimeError, "non-empty mesh"),
    "a tracer's": (lambda: minijax.jit(lambda x: x.sharding)(1.0), AttributeError, "typeof"),
    "a class of none, devices": (lambda: js.Sharding().device_set, NotImplementedError, "Subclasses"),
    "a class of none, parts": (lambda: js.Sharding().shard_shape((2,)), NotImplementedError, "Subclasses"),
    "a class of none, slices": (lambda: js.Sharding().devices_indices_map((2,)), NotImplementedError, "Subclasses"),
    "a class of none, whole": (lambda: js.Sharding().is_fully_replicated, NotImplementedError, "Subclasses"),
    "a layout alone": (lambda: layout.Format(layout.Layout((0, 1))), ValueError, "Sharding has to be concrete"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_calls(name):
    call, kind, words = BAD[name]
    with pytest.raises(kind, match=words):
        call()
