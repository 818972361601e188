"""`ArrayImpl`: an immutable value over a NumPy array; and `EvalTrace`, the trace that computes such values.

When no transformation is running, `bind` ends here: it calls the primitive's NumPy implementation.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from ..foundation import errors, source_info
from ..foundation.config import check_execution, config, watching
from ..foundation.dtypes import canonicalize_dtype, float0, key_fry, python_scalar_dtypes, python_scalar_type
from ..foundation.float_errors import SILENT, with_float_errors
from ..foundation.memory import read_only
from ..foundation.narrow import in_wide
from .avals import ShapedArray, UndefinedPrimal
from .primitive import Absent, CallPrimitive, Primitive
from .traces import Array, Trace, Tracer, _ThreadState, check_not_leaked, pytype_aval_mappings, thread_state

_ndarray = np.ndarray
_OLD_DLPACK = np.lib.NumpyVersion(np.__version__) < "2.1.0"


class ArrayImpl(Array):
    """An immutable array: a NumPy array that nobody writes to, and whether its dtype is weak.

    >>> import numpy as np
    >>> ArrayImpl(np.float32([1, 2]))
    Array([1., 2.], dtype=float32)
    >>> np.asarray(ArrayImpl(np.float32([1, 2]))).flags.writeable
    False
    """

    # `number`: set only on a scalar that the program or a rule writes, as the 2 of `2 * x`: see `number`.
    # `used`: set only on an array of keys under `debug_key_reuse`: see `api/key_reuse.py`.
    # `_buffer`: set only on an array that XLA has on a device; `lowering/device_arrays.py` adds the methods for it.
    # `_sharding`: set only on an array that `device_put` placed.
    __slots__ = ("_value", "_weak_type", "_aval", "_buffer", "_sharding", "number", "used", "__weakref__")

    def __init__(self, value, weak_type: bool = False, aval: ShapedArray | None = None):
        # NumPy's functions return a scalar if the result has no dimensions. Here every value is an array.
        self._value = value if type(value) is _ndarray else np.asarray(value)
        self._weak_type = weak_type
        self._aval = aval

    @property
    def aval(self) -> ShapedArray:
        # Made when first asked for: an eager program asks for few avals.
        if self._aval is None:
            self._aval = ShapedArray(self._value.shape, self.dtype, self._weak_type)
        return self._aval

    @property
    def shape(self) -> tuple[int, ...]:
        aval = self._aval
        return self._value.shape if aval is None else aval.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        if self._aval is not None:
            return self._aval.dtype
        dtype = self._value.dtype
        return dtype if dtype.char != "V" else float0 if dtype == float0 else key_fry

    @property
    def weak_type(self) -> bool:
        return self._weak_type

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return self._value.size if self._aval is None else self._aval.size

    # An array is not hashable, since == is elementwise.
    __hash__ = None

    # -- Python numbers ------------------------------------------------------------------------------------------------

    def _scalar(self, kind: type) -> Any:
        self._check_scalar()
        if kind is not complex and self._value.dtype.kind == "c":
            raise TypeError(f"Cannot convert a complex array to {kind.__name__}: take its real part first.")
        return kind(self._value[()])

    def __bool__(self) -> bool:
        if self.dtype == key_fry:
            raise TypeError("key array cannot be converted to boolean.")
        if self._value.size != 1:
            raise errors.ambiguous_truth(self._value.size)
        return bool(self._value.reshape(())[()])

    def __int__(self) -> int:
        return self._scalar(int)

    def __float__(self) -> float:
        return self._scalar(float)

    def __complex__(self) -> complex:
        return self._scalar(complex)

    def __index__(self) -> int:
        self._check_index()
        return int(self._value[()])

    def __format__(self, spec: str) -> str:
        return format(self._value[()], spec) if spec else str(self)

    def item(self, *args: Any) -> Any:
        """The only element as a Python number, or the element at the given index."""
        return self._value.item(*args)

    def tolist(self) -> Any:
        return self._value.tolist()

    def tobytes(self, order: Any = "C") -> bytes:
        return self._value.tobytes(order)

    # -- NumPy and others ----------------------------------------------------------------------------------------------

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if self.dtype == key_fry:
            raise TypeError(
                "JAX array with PRNGKey dtype cannot be converted to a NumPy array. Use random.key_data(arr)."
            )
        if dtype is not None and np.dtype(dtype) != self._value.dtype:
            if copy is False:
                raise ValueError(
                    f"Unable to avoid a copy: the array's dtype is {self.dtype}, {np.dtype(dtype)} was asked for."
                )
            return self._value.astype(dtype)
        return self._value.copy() if copy else read_only(self._value)

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None
    ) -> Any:
        # DLPack before version 1 cannot say that memory is read-only: a library that knows no later version gets a copy.
        # NumPy 2.0 is one, and knows none of the options.
        unable_to_say = _OLD_DLPACK or max_version is None or max_version[0] < 1
        value = self._value.copy() if unable_to_say and copy is not False else read_only(self._value)
        options = {} if _OLD_DLPACK else {"max_version": max_version, "dl_device": dl_device, "copy": copy}
        return value.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._value.__dlpack_device__()

    def __reduce__(self):
        # Pickle hands out the memory itself if it is given a `buffer_callback`.
        return _unpickle, (read_only(self._value), self._weak_type)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return ArrayImpl(self._value.copy(), self._weak_type)

    # -- Printing ----------------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        if self.dtype == key_fry:
            return f"Array({self.shape}, dtype=key<fry>) overlaying:\n{_key_words(self._value)}"
        prefix = "Array("
        suffix = f"dtype={self.dtype.name}{', weak_type=True' if self._weak_type else ''})"
        width = np.get_printoptions()["linewidth"]
        if self.size == 0:
            body = f"[], shape={self.shape}"
        else:
            body = np.array2string(self._value, prefix=prefix, suffix=",", separator=", ", max_line_width=width)
        last_line = len(body) - body.rfind("\n") + 1
        separator = "\n" + " " * len(prefix) if last_line + len(suffix) + 1 > width else " "
        return f"{prefix}{body},{separator}{suffix}"

    def __str__(self) -> str:
        return repr(self) if self.dtype == key_fry else str(self._value)


def _key_words(keys: np.ndarray) -> np.ndarray:
    return np.stack([keys["hi"], keys["lo"]], axis=-1)


def _unpickle(value, weak_type):
    # A copy: the memory may be a buffer of the program that called `pickle.loads(data, buffers=...)`.
    return ArrayImpl(np.array(value), weak_type)


ArrayImpl.__module__ = "minijax"


def number(value, weak_type: bool = False) -> ArrayImpl:
    """A scalar that the program or a rule writes, as the 2 of `2 * x`: a literal in jaxprs, where a scalar array that a function
    closes over is a variable. No user holds such an array: `traces.given` is what the user gets."""
    constant = ArrayImpl(value, weak_type)
    constant.number = constant._value
    return constant


def to_array(x: Any) -> ArrayImpl:
    """An array or Python number as an `ArrayImpl` of a canonical dtype. A tracer raises: it has no value."""
    if type(x) is ArrayImpl:
        return x
    t = python_scalar_type(x)
    if t is not None:
        constant = ArrayImpl(np.asarray(x, canonicalize_dtype(python_scalar_dtypes[t])), t is not bool)
        constant.number = t(x)  # Jaxprs show 0.1, not the nearest float32.
        return constant
    if isinstance(x, Tracer):
        check_not_leaked(x)
        raise errors.leaked_tracer(x.aval.str_short(), x._trace.transformation, x._origin())
    if isinstance(x, (np.ndarray, np.generic)):
        # Copy, since somebody may write to a NumPy array later, even to a read-only one that owns its memory:
        # `a = np.zeros(3); b = a[:]; a.flags.writeable = False; z = jnp.asarray(a); b[0] = 1`.
        value = np.array(x, canonicalize_dtype(x.dtype))
        copies = {} if thread_state.trace.copies is None else thread_state.trace.copies
        known = copies.get(id(x))
        # An array that the program has written to since the last read is another constant.
        if known is None or known[1]._value.tobytes() != value.tobytes():
            known = copies[id(x)] = x, ArrayImpl(value) if value.shape else number(value)
        return known[1]
    if type(x) is UndefinedPrimal:
        raise errors.not_linear(x.aval.str_short())
    if type(x) in pytype_aval_mappings:
        return to_array(np.asarray(x))
    raise TypeError(f"Value {x!r} of type {type(x)} is not a valid JAX type: give an array, a NumPy array or a number.")


def evaluate(primitive: Primitive, args, params):
    """Compute a primitive on arrays and numbers: check their types, then call its NumPy implementation."""
    args = [a if type(a) is ArrayImpl else to_array(a) for a in args]
    if isinstance(primitive, CallPrimitive) and primitive.run_on_arrays is not None:
        return primitive.run_on_arrays(args, **params)
    typed = type(primitive.abstract_eval) is not Absent
    out_aval = primitive.abstract_eval(*[a.aval for a in args], **params) if typed else None
    previous = thread_state.trace
    try:
        thread_state.trace = eval_trace
        # A user's implementation gets arrays, as in JAX: `def_impl(jit(f))`. That of the package gets NumPy arrays.
        out = in_wide(primitive, [a._value for a in args] if primitive.rules_read_types else args, params, out_aval)
    finally:
        thread_state.trace = previous
    if primitive.multiple_results:
        return [wrap_result(*pair) for pair in zip(out, out_aval)] if typed else [to_array(v) for v in out]
    return wrap_result(out, out_aval) if typed else to_array(out)


def wrap_result(value, aval: ShapedArray):
    """The array that holds what an implementation computed."""
    # The tangent of an integer is a NumPy array of dtype float0, as in JAX.
    made = aval.dtype == float0 or (type(value) is not np.ndarray and getattr(value, "aval", None) == aval)
    return value if made else ArrayImpl(value, aval.weak_type, aval)


class EvalTrace(Trace):
    """The trace at the bottom: primitives are computed by NumPy, now."""

    __slots__ = ()
    transformation = "evaluation"
    # `fast/` silences NumPy here, once for the whole transformation.
    enter = Trace.enter

    def passes_on(self, args):
        return None

    def given(self, x):
        x = to_array(x)
        return ArrayImpl(x._value, x._weak_type) if hasattr(x, "number") else x

    def process_primitive(self, primitive: Primitive, args, params):
        if not watching():
            return with_float_errors(SILENT, evaluate, primitive, args, params)
        check_execution(primitive.name)
        run = run_and_follow_keys if config.jax_debug_key_reuse else evaluate
        out = with_float_errors(SILENT, run, primitive, args, params)
        for x in out if primitive.multiple_results else [out]:
            if fault := float_fault(x._value):
                raise errors.float_fault(fault, primitive.name, source_info.summarize(source_info.current()))
        return out


def run_and_follow_keys(primitive: Primitive, args, params):
    """In place of `evaluate` under `debug_key_reuse`. `api/key_reuse.py` puts its function here when it is imported: now."""
    import_module("minijax.api.key_reuse")
    return run_and_follow_keys(primitive, args, params)


eval_trace = EvalTrace(None)
_ThreadState.trace = eval_trace


def float_fault(value: np.ndarray) -> str | None:
    """ "nan" or "inf" if `debug_nans` or `debug_infs` is on and finds one in the array, else None."""
    if value.dtype.kind not in "fc" and value.dtype.char != "E":  # bfloat16
        return None
    if config.jax_debug_nans and np.isnan(value).any():
        return "nan"
    return "inf" if config.jax_debug_infs and np.isinf(value).any() else None
