"""No NumPy code changes the value of an array: neither through memory that an array shows, nor through memory it was made of."""

from __future__ import annotations

import copy
import ctypes
import pickle
import warnings

import numpy as np
import pytest

import minijax
import minijax.numpy as jnp
from minijax.extend.core import Primitive

VALUES = np.arange(1, 7, dtype=np.float32).reshape(2, 3)
CONSTANT = jnp.asarray(VALUES)


def _given_to_callback():
    seen = []
    minijax.pure_callback(
        lambda x: seen.append(x) or np.asarray(x), minijax.ShapeDtypeStruct((2, 3), np.float32), CONSTANT
    )
    return jnp.asarray(seen[0])


def _unpickled():
    buffers = []
    data = pickle.dumps(jnp.asarray(VALUES), protocol=5, buffer_callback=buffers.append)
    return pickle.loads(data, buffers=[bytearray(b.raw()) for b in buffers])


# Ways to make an array of the shape (2, 3), or a view of one. Each is a function, so that every test gets an array of its own.
ARRAYS = {
    "asarray": lambda: jnp.asarray(VALUES),
    "computed": lambda: jnp.asarray(VALUES) + 1,
    "row": lambda: jnp.asarray(VALUES)[0],
    "element": lambda: jnp.asarray(VALUES)[0, 1],
    "transpose": lambda: jnp.asarray(VALUES).T,
    "reshape": lambda: jnp.asarray(VALUES).reshape(3, 2),
    "reversed": lambda: jnp.asarray(VALUES)[::-1],
    "broadcast": lambda: jnp.broadcast_to(jnp.float32(1.5), (2, 3)),
    "sum": lambda: jnp.asarray(VALUES).sum(),
    "number": lambda: jnp.asarray(1.5),
    "list": lambda: jnp.array([[1, 2, 3], [4, 5, 6]]),
    "jit": lambda: minijax.jit(lambda x: x * 2)(VALUES),
    "jit of a constant": lambda: minijax.jit(lambda: CONSTANT)(),
    "grad": lambda: minijax.grad(lambda x: (x**2).sum())(VALUES),
    "vmap": lambda: minijax.vmap(jnp.sin)(VALUES),
    "constant": lambda: minijax.make_jaxpr(lambda x: x + CONSTANT)(VALUES).consts[0],
    "callback": _given_to_callback,
    "copy": lambda: copy.copy(jnp.asarray(VALUES)),
    "unpickled": _unpickled,
    "bfloat16": lambda: jnp.asarray(VALUES).astype(jnp.bfloat16),
    "float16": lambda: jnp.asarray(VALUES).astype(jnp.float16),
    "complex": lambda: jnp.asarray(VALUES) * 1j,
    "bool": lambda: jnp.asarray(VALUES) > 2,
    "int8": lambda: jnp.asarray(VALUES).astype(jnp.int8),
    "empty": lambda: jnp.zeros((0, 3)),
    "key data": lambda: minijax.random.key_data(minijax.random.key(3)),
}


def _all_bases(view):
    """An array, and all objects that hold its memory, as far as NumPy shows them."""
    while view is not None:
        yield view
        view = getattr(view, "base", None) if not isinstance(view, memoryview) else view.obj


def _zero(view):
    """Write zeros in a NumPy array, in whatever way NumPy lets us."""
    for a in _all_bases(view):
        if isinstance(a, np.ndarray):
            if not a.flags.writeable:
                a.setflags(write=True)
            a[...] = np.zeros((), a.dtype)


def _by_pickle_buffers(z):
    buffers = []
    pickle.dumps(z, protocol=5, buffer_callback=buffers.append)
    for buffer in buffers:
        raw = buffer.raw()
        raw[:] = bytes(raw.nbytes)


def _by_reduce(z):
    for part in z.__reduce__()[1]:
        if isinstance(part, np.ndarray):
            _zero(part)


def _by_old_dlpack(z):
    class Old:  # A library that knows DLPack before version 1, which cannot say that memory is read-only.
        def __dlpack__(self, *args, **options):
            return z.__dlpack__()

        def __dlpack_device__(self):
            return z.__dlpack_device__()

    _zero(np.from_dlpack(Old()))


def _by_interface(z):
    class Holder:
        __array_interface__ = z.__array_interface__

    _zero(np.asarray(Holder()))


def _in_place(operation):
    def write(z):
        operation(np.asarray(z))

    return write


WRITES = {
    "asarray": lambda z: _zero(np.asarray(z)),
    "asarray of the same dtype": lambda z: _zero(np.asarray(z, dtype=np.asarray(z).dtype)),
    "assignment": lambda z: np.asarray(z).__setitem__(..., 0),
    "array without a copy": lambda z: _zero(np.array(z, copy=False)),
    "__array__": lambda z: _zero(z.__array__()),
    "__array__ without a copy": lambda z: _zero(z.__array__(copy=False)),
    "asanyarray": lambda z: _zero(np.asanyarray(z)),
    "ascontiguousarray": lambda z: _zero(np.ascontiguousarray(z)),
    "require": lambda z: _zero(np.require(z, requirements="C")),
    "ravel": lambda z: _zero(np.ravel(np.asarray(z))),
    "view": lambda z: _zero(np.asarray(z).view()),
    "transpose": lambda z: _zero(np.asarray(z).T),
    "real": lambda z: _zero(np.asarray(z).real),
    "bytes": lambda z: _zero(np.asarray(z).reshape(-1).view(np.uint8)),
    "as_strided": lambda z: _zero(np.lib.stride_tricks.as_strided(np.asarray(z), writeable=True)),
    "matrix": lambda z: _zero(np.matrix(np.asarray(z), copy=False)),
    "masked array": lambda z: _zero(np.ma.array(np.asarray(z), copy=False).data),
    "from_dlpack": lambda z: _zero(np.from_dlpack(z)),
    "from_dlpack of its view": lambda z: _zero(np.from_dlpack(np.asarray(z))),
    "from_dlpack, old": _by_old_dlpack,
    "device_get": lambda z: _zero(minijax.device_get(z)),
    "__array_interface__": _by_interface,
    "__array_interface__ of its view": lambda z: _by_interface(np.asarray(z)),
    "memoryview": lambda z: memoryview(z).cast("B").__setitem__(0, 255),
    "memoryview of its view": lambda z: memoryview(np.asarray(z)).cast("B").__setitem__(0, 255),
    "frombuffer": lambda z: _zero(np.frombuffer(np.asarray(z), np.uint8)),
    "ctypes buffer": lambda z: ctypes.memset((ctypes.c_char * 1).from_buffer(np.asarray(z)), 255, 1),
    "pickle buffers": _by_pickle_buffers,
    "__reduce__": _by_reduce,
    "fill": _in_place(lambda a: a.fill(0)),
    "sort": _in_place(lambda a: a[..., ::-1].sort()),
    "byteswap": _in_place(lambda a: a.byteswap(inplace=True)),
    "put": _in_place(lambda a: np.put(a, [0], 0)),
    "copyto": _in_place(lambda a: np.copyto(a, 0)),
    "shuffle": _in_place(lambda a: np.random.default_rng(0).shuffle(a)),
    "out": _in_place(lambda a: np.add(a, a, out=a)),
    "+=": _in_place(lambda a: a.__iadd__(1)),
    "flat": _in_place(lambda a: a.flat.__setitem__(0, 0)),
    "nditer": _in_place(lambda a: [x.__setitem__(..., 0) for x in np.nditer(a, op_flags=["readwrite"])]),
    "out=z": lambda z: np.add(z.__array__(), 1, out=z),
    "copyto(z)": lambda z: np.copyto(z, 0),
    "put(z)": lambda z: np.put(z, [0], 0),
    "shuffle(z)": lambda z: np.random.default_rng(0).shuffle(z),
}


def _attempt(way, z):
    """Try to write. An error is as good as a write to a copy."""
    with warnings.catch_warnings(action="ignore"):
        try:
            way(z)
        except (ValueError, TypeError, BufferError, AttributeError, RuntimeError, IndexError):
            pass


@pytest.mark.parametrize("way", WRITES)
@pytest.mark.parametrize("made", ARRAYS)
@pytest.mark.one_in(27)
def test_memory_of_an_array_is_read_only(made, way):
    z = ARRAYS[made]()
    before = (np.array(z).tobytes(), CONSTANT.tobytes())
    _attempt(WRITES[way], z)
    assert (np.array(z).tobytes(), CONSTANT.tobytes()) == before


def test_random_keys_are_read_only():
    keys = minijax.random.split(minijax.random.key(0), 3)
    before = np.array(minijax.random.key_data(keys))
    for way in WRITES.values():
        _attempt(way, keys)
    np.testing.assert_array_equal(np.asarray(minijax.random.key_data(keys)), before)


# ---------------------------------------------------------------------------------------------------------------------
# Memory that an array was made of


def _read_only(owner):
    view = owner.view()
    view.flags.writeable = False
    return view


def _owner_that_was_writable(owner):
    """(a read-only array that owns its memory, a writable view of it)"""
    writable = owner[...]
    owner.flags.writeable = False
    return owner, writable


SOURCES = {
    "writable": lambda a: (a, a),
    "read-only view": lambda a: (_read_only(a), a),
    "read-only view of a view": lambda a: (_read_only(a[:, :]), a),
    "broadcast": lambda a: (np.broadcast_to(a, (2, 2, 3)), a),
    "owner that was writable": _owner_that_was_writable,
    "row": lambda a: (a[0], a),
    "read-only buffer": lambda a: (np.asarray(memoryview(a).toreadonly()), a),
    "buffer": lambda a: (memoryview(a), a),
    "interface": lambda a: (type("Foreign", (), {"__array_interface__": a.__array_interface__, "owner": a})(), a),
    "method": lambda a: (type("Foreign", (), {"__array__": lambda self, dtype=None, copy=None: _read_only(a)})(), a),
}
if np.lib.NumpyVersion(np.__version__) >= "2.1.0":  # NumPy 2.0 does not hand out read-only memory by DLPack.
    SOURCES["read-only DLPack"] = lambda a: (np.from_dlpack(_read_only(a)), a)
MAKERS = {
    "asarray": jnp.asarray,
    "asarray without a copy": lambda x: jnp.asarray(x, copy=False),
    "asarray with dtype": lambda x: jnp.asarray(x, dtype=np.float32),
    "array": jnp.array,
    "array without a copy": lambda x: jnp.array(x, copy=False),
    "device_put": minijax.device_put,
    "jit": minijax.jit(lambda x: x),
    "not jit": lambda x: minijax.vmap(lambda y: y)(x),
    "operation": lambda x: jnp.reshape(x, (-1,)),
    "jit constant": lambda x: minijax.jit(lambda: jnp.asarray(x))(),
    "literal of a jaxpr": lambda x: minijax.make_jaxpr(lambda y: y + x)(jnp.float32(0)).consts[0],
    "from_dlpack": lambda x: jnp.from_dlpack(x),
    "from_dlpack without a copy": lambda x: jnp.from_dlpack(x, copy=False),
    "frombuffer": lambda x: jnp.frombuffer(x, np.float32),
    "stack": lambda x: jnp.stack([x])[0],
    "atleast_3d": jnp.atleast_3d,
    "callback": lambda x: minijax.pure_callback(lambda: x, minijax.ShapeDtypeStruct(x.shape, x.dtype)),
    "key": lambda x: minijax.random.key_data(minijax.random.wrap_key_data(np.asarray(x).view(np.uint32)[..., :2])),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.one_in(6)
def test_memory_of_others_is_copied(maker, source):
    x, owner = SOURCES[source](VALUES.copy())
    try:
        z = MAKERS[maker](x)
    except (TypeError, ValueError, BufferError, AttributeError):
        return  # Not every maker takes every source.
    before = np.array(z)
    try:
        owner.setflags(write=True)
    except ValueError:
        pass
    owner[...] = -7
    if isinstance(x, np.ndarray):
        _try_to_write(x)
    np.testing.assert_array_equal(np.asarray(z), before)


def _try_to_write(x):
    try:
        x.setflags(write=True)
        x[...] = -8
    except ValueError:
        pass


@pytest.mark.parametrize("transformation", [lambda f: f, minijax.jit], ids=["", "jit"])
@pytest.mark.parametrize("multiple", [False, True])
def test_a_primitive_of_a_user_is_kept_apart(transformation, multiple):
    buffer = np.zeros(3, np.float32)
    writes, keeps = (Primitive(name, multiple_results=multiple) for name in ("writes", "keeps"))

    @writes.def_impl
    def write(x):
        x[...] = 9
        return [x] if multiple else x

    keeps.def_impl(lambda x: [buffer] if multiple else buffer)
    for p in (writes, keeps):
        p.def_abstract_eval(lambda x: [x] if multiple else x)
    z = jnp.ones(3) + jnp.ones(3)
    with pytest.raises((ValueError, TypeError), match="read-only|immutable"):
        transformation(writes.bind)(z)
    assert z.tolist() == [2, 2, 2]
    out = transformation(keeps.bind)(z)
    buffer[0] = 5
    assert (out[0] if multiple else out).tolist() == [0, 0, 0]
