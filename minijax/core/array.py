"""`ArrayImpl`: an immutable value over a NumPy array; and `EvalTrace`, the trace that computes such values.

Everything ends here: when no transformation is running, `bind` calls a primitive's NumPy implementation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..foundation import errors, source_info
from ..foundation.config import config, debugging_floats
from ..foundation.device import Device, devices
from ..foundation.dtypes import canonicalize_dtype, float0, key_fry
from .avals import ShapedArray, UndefinedPrimal
from .primitive import Primitive
from .traces import Array, Trace, Tracer, _ThreadState, check_not_leaked, set_current_trace, thread_state

_ndarray = np.ndarray


class ArrayImpl(Array):
    """An immutable array: a NumPy array nobody writes to, and the weakness of its dtype.

    >>> import numpy as np
    >>> ArrayImpl(np.float32([1, 2]))
    Array([1., 2.], dtype=float32)
    >>> np.asarray(ArrayImpl(np.float32([1, 2]))).flags.writeable
    False
    """

    # `python_number`: set only on constants that a program wrote as a Python number; jaxprs show that number.
    # `_buffer`: set only on what XLA has computed or been given: the array on its device (see `__getattr__`).
    __slots__ = ("_value", "_weak_type", "_aval", "_buffer", "python_number", "__weakref__")

    def __init__(self, value, weak_type: bool = False, aval: ShapedArray | None = None):
        # NumPy's functions return scalars where the result has no dimensions; here everything is an array.
        self._value = value if type(value) is _ndarray else np.asarray(value)
        self._weak_type = weak_type
        self._aval = aval

    @staticmethod
    def on_device(buffer, aval: ShapedArray) -> ArrayImpl:
        """What is computed elsewhere, and perhaps not yet: `np.asarray(buffer)` waits for it."""
        self = object.__new__(ArrayImpl)
        self._buffer, self._aval, self._weak_type = buffer, aval, aval.weak_type
        return self

    def __getattr__(self, name: str):
        # Python asks here for a slot that nothing was put in, so that an array of NumPy's pays nothing for those of devices:
        # of these `_value` is fetched when somebody looks, and the others have no `_buffer`.
        if name == "_buffer":
            return None
        if name == "_value" and self._buffer is not None:
            value = np.asarray(self._buffer)
            self._value = value.view(key_fry.storage)[..., 0] if self._aval.dtype == key_fry else value
            return self._value
        raise AttributeError(f"'Array' object has no attribute {name!r}")

    @property
    def aval(self) -> ShapedArray:
        # Made on demand: an eager program never asks for most of them.
        if self._aval is None:
            self._aval = ShapedArray(self._value.shape, self.dtype, self._weak_type)
        return self._aval

    @property
    def shape(self):
        aval = self._aval
        return self._value.shape if aval is None else aval.shape

    @property
    def dtype(self):
        if self._aval is not None:
            return self._aval.dtype
        dtype = self._value.dtype
        return dtype if dtype.char != "V" else float0 if dtype == float0 else key_fry

    @property
    def weak_type(self):
        return self._weak_type

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def size(self):
        return self._value.size if self._aval is None else self._aval.size

    # An array is not hashable, since == is elementwise.
    __hash__ = None

    # -- Python numbers ------------------------------------------------------------------------------------------------

    def _scalar(self, kind: type) -> Any:
        if self._value.ndim:
            raise TypeError(f"Only scalar arrays can be converted to Python scalars; got arr.ndim={self._value.ndim}")
        return kind(self._value[()])

    def __bool__(self):
        if self._value.size != 1:
            raise ValueError(
                "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()"
                if self._value.size
                else "The truth value of an empty array is ambiguous. Use `array.size > 0` to check that it is not empty."
            )
        return bool(self._value.reshape(())[()])

    def __int__(self):
        return self._scalar(int)

    def __float__(self):
        return self._scalar(float)

    def __complex__(self):
        return self._scalar(complex)

    def __index__(self):
        if self._value.ndim or self._value.dtype.kind not in "iu":
            raise TypeError("Only integer scalar arrays can be converted to a scalar index.")
        return int(self._value[()])

    def __format__(self, spec: str) -> str:
        return format(self._value[()], spec) if self._value.ndim == 0 and spec else format(str(self), spec)

    def item(self, *args):
        """The element as a Python number; with arguments, the element at that index."""
        return self._value.item(*args)

    def tolist(self):
        return self._value.tolist()

    def tobytes(self, order="C") -> bytes:
        return self._value.tobytes(order)

    # -- NumPy and others ----------------------------------------------------------------------------------------------

    def __array__(self, dtype=None, copy=None):
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
        if copy:
            return self._value.copy()
        view = self._value.view()
        view.flags.writeable = False
        return view

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        return self._value.__dlpack__(max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self):
        return self._value.__dlpack_device__()

    def __reduce__(self):
        return _unpickle, (self._value, self._weak_type)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return ArrayImpl(self._value.copy(), self._weak_type)

    # -- What asynchronous devices need, and NumPy does at once -----------------------------------------------------------

    def block_until_ready(self):
        """Returns the array when it is computed: at once, unless XLA is computing it."""
        if self._buffer is not None:
            self._buffer.block_until_ready()
        return self

    def copy_to_host_async(self):
        """Starts to fetch the array, if it is on another device."""
        if self._buffer is not None:
            self._buffer.copy_to_host_async()

    def forget_value(self):
        """Leave the buffer alone to say what the array is: it is about to be donated."""
        self._aval = self.aval
        try:
            del self._value
        except AttributeError:  # It has not been fetched.
            pass

    def is_deleted(self) -> bool:
        """Whether the array was donated to a program, which has overwritten it."""
        return self._buffer is not None and self._buffer.is_deleted()

    @property
    def is_fully_addressable(self) -> bool:
        return True

    @property
    def device(self) -> Device:
        """Where the array is: the first device, unless XLA has put it elsewhere. NumPy's arrays are all in the host's memory,
        a result of `pmap` too."""
        return devices()[0] if self._buffer is None else self._buffer.device

    def devices(self) -> set[Device]:
        """The devices that the array is on."""
        return {self.device} if self._buffer is None else self._buffer.devices()

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
    return ArrayImpl(value, weak_type)


ArrayImpl.__module__ = "minijax"


_python_scalar_kinds = {int: "int64", float: "float64", complex: "complex128", bool: "bool"}


def to_array(x: Any) -> ArrayImpl:
    """An array or Python number as an `ArrayImpl`, canonical in dtype; a tracer is an error: it has no value."""
    t = type(x)
    if t is ArrayImpl:
        return x
    if t in _python_scalar_kinds:
        constant = ArrayImpl(np.asarray(x, canonicalize_dtype(_python_scalar_kinds[t])), t is not bool)
        constant.python_number = x
        return constant
    if isinstance(x, Tracer):
        check_not_leaked(x)
        raise errors.leaked_tracer(x.aval.str_short(), x._trace.transformation, x._origin())
    if isinstance(x, (np.ndarray, np.generic)):
        # NumPy's arrays can change behind our back, ours cannot: take a copy, unless NumPy says nobody can write to it.
        dtype = canonicalize_dtype(x.dtype)
        if isinstance(x, np.ndarray) and not x.flags.writeable and x.base is None and x.dtype == dtype:
            return ArrayImpl(x)
        return ArrayImpl(np.array(x, dtype))
    if t is UndefinedPrimal:
        raise errors.not_linear(x.aval.str_short())
    raise TypeError(f"Value {x!r} of type {t} is not a valid JAX type: give an array, a NumPy array or a number.")


def evaluate(primitive: Primitive, args, params):
    """Compute a primitive on arrays and numbers."""
    x = args[0] if args else None
    if type(x) is ArrayImpl and x._value.dtype.char in primitive.elementwise:
        # The fast path: for arrays of one dtype and shape NumPy computes what the abstract evaluation would predict.
        # (`x + y` goes 3x faster by it.) Where that is not certain the slow path decides, or raises.
        value = x._value
        if len(args) == 1:
            return ArrayImpl(primitive.impl(value, **params), x._weak_type and primitive.keeps_weak_type)
        y = args[1]
        if len(args) == 2 and type(y) is ArrayImpl:
            other = y._value
            if other.dtype is value.dtype and (other.shape == value.shape or not other.ndim or not value.ndim):
                weak = x._weak_type and y._weak_type and primitive.keeps_weak_type
                return ArrayImpl(primitive.impl(value, other, **params), weak)
    args = [a if type(a) is ArrayImpl else to_array(a) for a in args]
    if primitive.run_on_arrays is not None:
        return primitive.run_on_arrays(args, **params)
    out_aval = primitive.abstract_eval(*[a.aval for a in args], **params)
    with set_current_trace(eval_trace):
        out = primitive.impl(*[a._value for a in args], **params)
    if primitive.multiple_results:
        return [wrap_result(v, aval) for v, aval in zip(out, out_aval)]
    return wrap_result(out, out_aval)


def wrap_result(value, aval: ShapedArray):
    """What an implementation has computed, as an array."""
    # Tangents of integers are NumPy arrays, as in JAX.
    return value if aval.dtype == float0 else ArrayImpl(value, aval.weak_type, aval)


class EvalTrace(Trace):
    """The trace at the bottom: primitives are computed by NumPy, now."""

    __slots__ = ()
    transformation = "evaluation"

    def process_primitive(self, primitive: Primitive, args, params):
        # IEEE arithmetic without comment, as in JAX: 1/0 is inf. NumPy would warn.
        with np.errstate(all="ignore"):
            out = evaluate(primitive, args, params)
        if debugging_floats():
            for x in out if primitive.multiple_results else [out]:
                fault = float_fault(x._value)
                if fault:
                    raise errors.float_fault(fault, primitive.name, source_info.summarize(source_info.current()))
        return out


class QuietEvalTrace(EvalTrace):
    """As `EvalTrace`, where the caller has silenced NumPy already: entering `np.errstate` costs more than a small ufunc."""

    __slots__ = ()
    process_primitive = staticmethod(evaluate)


eval_trace = EvalTrace(None)
_quiet_eval_trace = QuietEvalTrace(None)
_ThreadState.trace = eval_trace


class quiet_evaluation:
    """`with quiet_evaluation():` around a whole transformation: NumPy is silenced once, not for every operation."""

    __slots__ = ("errstate",)

    def __enter__(self):
        self.errstate = None
        if thread_state.trace is eval_trace and not debugging_floats():
            self.errstate = np.errstate(all="ignore")
            self.errstate.__enter__()
            thread_state.trace = _quiet_eval_trace

    def __exit__(self, *exc):
        if self.errstate is not None:
            thread_state.trace = eval_trace
            self.errstate.__exit__(*exc)


def float_fault(value: np.ndarray) -> str | None:
    """ "nan" or "inf", where the array has one and `debug_nans` or `debug_infs` look for it; else None."""
    if value.dtype.kind not in "fc" and value.dtype.char != "E":  # bfloat16
        return None
    if config.jax_debug_nans and np.isnan(value).any():
        return "nan"
    return "inf" if config.jax_debug_infs and np.isinf(value).any() else None


class CompileTimeEvalTrace(Trace):
    """Computes what is known, now, and leaves tracers to its parent."""

    __slots__ = ()
    transformation = "ensure_compile_time_eval"

    def process_primitive(self, primitive, args, params):
        trace = self.parent if any(isinstance(x, Tracer) for x in args) else eval_trace
        with set_current_trace(trace):
            return trace.process_primitive(primitive, args, params)


class ensure_compile_time_eval(set_current_trace):
    """`with ensure_compile_time_eval():` computes within a traced function what does not depend on its arguments, so that
    Python can branch on it; or raises, where it does (`jax.ensure_compile_time_eval`).

    >>> import minijax as jax
    >>> import minijax.numpy as jnp
    >>> @jax.jit
    ... def f(x):
    ...     with ensure_compile_time_eval():
    ...         n = int(jnp.arange(4).sum())
    ...     return x * (2 if n > 5 else 1)
    >>> f(1.0)
    Array(2., dtype=float32, weak_type=True)
    """

    __slots__ = ()

    def __init__(self):
        pass

    def __enter__(self):
        self.trace = CompileTimeEvalTrace(thread_state.trace)
        return super().__enter__()
