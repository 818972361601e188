"""Dtypes: canonical dtypes, weak types, and the promotion of several dtypes to one (JAX: `_src/dtypes.py`, JEP 9407).

A Python number has a weak type: it takes the dtype of the other operand. Without `jax_enable_x64`, 64-bit dtypes become
32-bit dtypes.
"""

from __future__ import annotations

import importlib.util
import re
import warnings
from functools import lru_cache
from typing import Any

import numpy as np

from .config import config, trace_context, x64_enabled
from .tracebacks import hide_our_frames

# The dtype of the tangent of an integer. Such a tangent carries no data.
float0 = np.dtype([("float0", np.void, 0)])


class extended(np.generic):
    """The class of dtypes that NumPy does not know.

    >>> issubdtype(prng_key, extended), issubdtype('float32', extended)
    (True, False)
    """


class prng_key(extended):
    """The class of dtypes of random keys: `issubdtype(key.dtype, prng_key)`.

    >>> import minijax
    >>> issubdtype(minijax.random.key(0).dtype, prng_key)
    True
    """


class PRNGKeyDtype:
    """The dtype of threefry keys. An array of them is stored as a NumPy array of (hi, lo) records, so that slicing,
    stacking and selecting need no rule of their own.

    >>> import minijax
    >>> minijax.random.key(0).dtype
    key<fry>
    """

    name = "key<fry>"
    itemsize = 8
    kind = "V"
    char = "key"
    type = prng_key
    storage = np.dtype([("hi", "<u4"), ("lo", "<u4")])

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self):
        return "key_fry"


key_fry = PRNGKeyDtype()

python_scalar_dtypes = {
    bool: np.dtype("bool"),
    int: np.dtype("int64"),
    float: np.dtype("float64"),
    complex: np.dtype("complex128"),
}

_narrow = {
    np.dtype("int64"): np.dtype("int32"),
    np.dtype("uint64"): np.dtype("uint32"),
    np.dtype("float64"): np.dtype("float32"),
    np.dtype("complex128"): np.dtype("complex64"),
}


def bfloat16() -> np.dtype:
    """NumPy's dtype for bfloat16, which the optional package ml_dtypes adds.

    >>> bfloat16().itemsize
    2
    """
    return _of_ml_dtypes("bfloat16")


def _of_ml_dtypes(name: str) -> np.dtype:
    if importlib.util.find_spec("ml_dtypes") is None:
        raise ImportError(f"{name} needs the package ml_dtypes: pip install ml_dtypes")
    return np.dtype(getattr(importlib.import_module("ml_dtypes"), name))


# The dtypes of 2, 4 and 8 bits that ml_dtypes adds, and a character for each. NumPy's own characters for them are those of other
# dtypes: float8_e4m3b11fnuz has the "L" of uint64.
NARROW_FLOATS = dict(
    zip(
        ("float4_e2m1fn", "float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2",
         "float8_e5m2fnuz", "float8_e8m0fnu"),
        "\ue000\ue001\ue002\ue003\ue004\ue005\ue006\ue007\ue008",
    )
)  # fmt: skip
NARROW_INTS = dict(zip(("int2", "int4", "uint2", "uint4"), "\ue010\ue011\ue012\ue013"))
_NARROW = {**NARROW_FLOATS, **NARROW_INTS}


@lru_cache(256)
def is_narrow(dtype: Any) -> bool:
    """Whether a dtype is one of 2, 4 or 8 bits that ml_dtypes adds.

    >>> is_narrow(as_dtype("int4")), is_narrow(as_dtype("int8"))
    (True, False)
    """
    return getattr(dtype, "name", "") in _NARROW


@lru_cache(256)
def wide_dtype(dtype: Any) -> Any:
    """The dtype of NumPy's own in which numbers of a narrow dtype are computed; any other dtype as it is.

    >>> wide_dtype(as_dtype("int4")), wide_dtype(as_dtype("float8_e5m2"))
    (dtype('int8'), dtype('float32'))
    """
    if not is_narrow(dtype):
        return dtype
    return np.dtype("float32" if dtype.name in NARROW_FLOATS else "int8" if dtype.name[0] == "i" else "uint8")


@lru_cache(256)
def dtype_char(dtype: Any) -> str:
    """A character for the dtype: NumPy's, or one for a narrow dtype; "key" for random keys."""
    return _NARROW.get(getattr(dtype, "name", ""), getattr(dtype, "char", "key"))


def _is_of_ml_dtypes(dtype: Any) -> bool:
    return getattr(dtype, "name", "") == "bfloat16" or is_narrow(dtype)


# {dtype, class or string: its np.dtype}. A cache: np.dtype(...) of a class or string is slow, and called very often.
_as_dtype: dict[Any, Any] = {key_fry: key_fry, float0: float0}


def as_dtype(dtype: Any):
    """The np.dtype that a dtype, scalar type, string or Python type stands for.

    >>> as_dtype(float), as_dtype('int8')
    (dtype('float64'), dtype('int8'))
    """
    try:
        return _as_dtype[dtype]
    except (KeyError, TypeError):
        pass
    if isinstance(dtype, str) and (dtype == "bfloat16" or dtype in _NARROW):
        return _of_ml_dtypes(dtype)
    if hasattr(dtype, "aval"):
        raise ValueError(
            "Passing an array as a dtype argument is no longer supported; instead of dtype=arr use dtype=arr.dtype."
        )
    # A scalar class of NumPy has an attribute `dtype` too, but that is a descriptor. NumPy's arrays are no dtypes.
    as_it_is = isinstance(dtype, np.ndarray) or (isinstance(dtype, type) and issubclass(dtype, np.generic))
    found = np.dtype(dtype if as_it_is else getattr(dtype, "dtype", dtype))
    if found != float0 and (found.kind not in "biufcV" or (found.kind == "V" and not _is_of_ml_dtypes(found))):
        raise TypeError(f"JAX only supports number, bool, and prng_key dtypes, got dtype {found}")
    if dtype_char(found) in "gG":
        raise TypeError(f"dtype {found} is not supported: the widest are float64 and complex128")
    # `np.float32(1)` is not kept as a key: it equals 1.0 and True, which are no dtypes.
    if isinstance(dtype, (type, str, np.dtype)):
        _as_dtype[dtype] = found
    return found


def canonicalize_dtype(dtype: Any, allow_extended_dtype: bool = False) -> np.dtype[Any]:
    """The dtype that an array gets if `dtype` is asked for: a 64-bit dtype becomes a 32-bit one, unless x64 is enabled.

    >>> canonicalize_dtype('int64')
    dtype('int32')
    """
    found = as_dtype(dtype)
    return found if x64_enabled() else _narrow.get(found, found)


def required_dtype(dtype: Any) -> np.dtype[Any]:
    """`canonicalize_dtype` of a dtype that has no default: None, which is float64 to NumPy, is refused."""
    if dtype is None:
        raise ValueError("A dtype must be specified: None is none.")
    # Not by `canonicalize_dtype`: a traceback shows the user at most four frames of the package.
    found = as_dtype(dtype)
    return found if x64_enabled() else _narrow.get(found, found)


def check_user_dtype_supported(dtype: Any, fun_name: str) -> None:
    """Warn, in JAX's words, if the user asks for a 64-bit dtype by name and x64 is disabled."""
    found = as_dtype(dtype)
    if isinstance(dtype, type) and dtype in python_scalar_dtypes:
        return
    given = canonicalize_dtype(found)
    if given != found:
        warnings.warn(
            f"Explicitly requested dtype {found.name} requested in {fun_name} is not available, and will be truncated to"
            f" dtype {given.name}. To enable more dtypes, set the jax_enable_x64 configuration option or the JAX_ENABLE_X64"
            " shell environment variable.",
            stacklevel=3,
        )


# {(dtype, class): answer}. A cache: every derivative asks if its dtypes are inexact, and np.issubdtype is slow.
_issubdtype: dict[tuple, bool] = {}


def issubdtype(a: Any, b: Any) -> bool:
    """The answer of np.issubdtype, which here knows `extended`, `prng_key` and bfloat16 too.

    >>> issubdtype('float32', np.floating), issubdtype('int32', np.floating)
    (True, False)
    """
    try:
        return _issubdtype[a, b]
    except (KeyError, TypeError):
        pass
    answer = _is_subdtype(a, b)
    # `np.float32(1)` is not kept as a key: it equals 1.0, which is no dtype.
    if not isinstance(a, np.generic):
        try:
            _issubdtype[a, b] = answer
        except TypeError:
            pass
    return answer


# The classes that a dtype of ml_dtypes belongs to. NumPy does not know them.
_classes_of_floats = (np.floating, np.inexact, np.number, np.generic)
_classes_of_ints = {
    "i": (np.signedinteger, np.integer, np.number, np.generic),
    "u": (np.unsignedinteger, np.integer, np.number, np.generic),
}


def _scalar_class(dtype: Any) -> Any:
    """The scalar class of a dtype, of a string, or of a class such as `jnp.float32` that has a dtype; other classes as they
    are."""
    if isinstance(dtype, type):
        found = getattr(dtype, "dtype", None)
        return found.type if isinstance(found, np.dtype) else dtype
    return (as_dtype(dtype) if isinstance(dtype, str) and dtype in ("bfloat16", *_NARROW) else np.dtype(dtype)).type


def _is_subdtype(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        raise TypeError("An array is no dtype: issubdtype takes its attribute `dtype`.")
    a = getattr(a, "dtype", a) if not isinstance(a, type) else a
    if a is key_fry:
        return isinstance(b, type) and issubclass(prng_key, b) or b is key_fry
    if isinstance(b, type) and issubclass(b, extended):
        return isinstance(a, type) and issubclass(a, b)
    if b is key_fry:
        return False
    if a is float0:
        return b == float0 or b in (np.void, np.flexible, np.generic)
    a, b = _scalar_class(a), _scalar_class(b)
    if a.__name__ not in ("bfloat16", *_NARROW):
        return bool(np.issubdtype(a, b))
    return b is a or b in (_classes_of_ints[a.__name__[0]] if a.__name__ in NARROW_INTS else _classes_of_floats)


@lru_cache(maxsize=64)
def short_dtype_name(dtype: Any) -> str:
    """The short name of a dtype in printed jaxprs: `f32` for float32."""
    if dtype == float0:
        return "float0"
    name = dtype.name
    for long, short in (("bfloat", "bf"), ("float", "f"), ("uint", "u"), ("int", "i"), ("complex", "c")):
        if name.startswith(long):
            return short + name[len(long) :]
    return name


# ---------------------------------------------------------------------------------------------------------------------
# Promotion

# The lattice: edges from each type to the types it may become. "i*" is a Python int, "f*" a float, "c*" a complex.
_lattice = {
    "bool": ["i*"],
    "i*": ["uint8", "int8", *NARROW_INTS],
    "uint8": ["int16", "uint16"],
    "uint16": ["int32", "uint32"],
    "uint32": ["int64", "uint64"],
    "uint64": ["f*"],
    "int8": ["int16"],
    "int16": ["int32"],
    "int32": ["int64"],
    "int64": ["f*"],
    "f*": ["c*", "bfloat16", "float16", *NARROW_FLOATS],
    "bfloat16": ["float32"],
    "float16": ["float32"],
    "float32": ["float64", "complex64"],
    "float64": ["complex128"],
    "c*": ["complex64"],
    "complex64": ["complex128"],
    "complex128": [],
    # A narrow dtype has no promotion: beside another dtype the program must convert it.
    **{name: [] for name in _NARROW},
}


def _reachable(node: str) -> set[str]:
    seen, pending = {node}, [node]
    while pending:
        for following in _lattice[pending.pop()]:
            if following not in seen:
                seen.add(following)
                pending.append(following)
    return seen


_upper_bounds = {node: _reachable(node) for node in _lattice}
_weak_dtypes = {"i*": int, "f*": float, "c*": complex}


def _node(dtype, weak: bool) -> str:
    if weak and dtype.kind != "b":
        return {"i": "i*", "u": "i*", "f": "f*", "c": "c*"}.get(dtype.kind, "f*")
    return dtype.name


def _join(nodes: set[str]) -> str:
    """The lowest type of the lattice that all these types may become. Raises TypePromotionError if there is none."""
    bounds = set.intersection(*[_upper_bounds[n] for n in nodes])
    for n in bounds:
        if bounds <= _upper_bounds[n]:
            return n
    kinds = {"i*": "<class 'int'>", "f*": "<class 'float'>", "c*": "<class 'complex'>"}
    raise TypePromotionError(
        f"Input dtypes {tuple(sorted(kinds.get(n, n) for n in nodes))} have no available implicit dtype promotion path: numbers of"
        " 2, 4 and 8 bits are converted only where the program says so. Try x.astype('float32')."
    )


class TypePromotionError(ValueError):
    """Dtypes have no common dtype, or a value does not fit into the dtype that the caller asks for.

    >>> import minijax
    >>> with minijax.numpy_dtype_promotion("strict"):
    ...     try:
    ...         minijax.numpy.result_type("int32", "float32")
    ...     except TypePromotionError as error:
    ...         print(str(error).partition(" have")[0])
    Input dtypes ('float32', 'int32')
    """


def _not_strict(nodes: set[str]) -> TypePromotionError:
    return TypePromotionError(
        f"Input dtypes {tuple(sorted(nodes))} have no available implicit dtype promotion path when"
        " jax_numpy_dtype_promotion=strict. Try explicitly casting inputs to the desired output type, or set"
        " jax_numpy_dtype_promotion=standard."
    )


@lru_cache(maxsize=4096)
def _promote(pairs: frozenset, x64: bool, strict: bool = False):
    """The (dtype, weak) that a set of (dtype, weak) pairs promotes to, before 64-bit dtypes become 32-bit dtypes."""
    if any(dtype in (key_fry, float0) for dtype, _ in pairs):
        if len({dtype for dtype, _ in pairs}) == 1:
            return next(iter(pairs))
        names = ", ".join(sorted(str(getattr(dtype, "name", dtype)) for dtype, _ in pairs))
        raise ValueError(f"dtypes {names} have no common dtype: random keys and float0 mix with nothing else.")
    nodes = {_node(dtype, weak) for dtype, weak in pairs}
    joined = _join(nodes)
    if strict and nodes.difference(_weak_dtypes) - {joined}:
        raise _not_strict(nodes)
    if joined in _weak_dtypes:
        dtype, weak = np.dtype(_weak_dtypes[joined]), all(w or d.kind == "b" for d, w in pairs)
        # uint64 with int64 gives a float, and no argument is one. As in JAX, it is the default float with a weak type.
        weak = True if not weak else weak
        same = [d for d, w in pairs if w and d.kind == dtype.kind]
        if same and all(w for _, w in pairs):
            dtype = max(same, key=lambda d: d.itemsize)
    else:
        dtype, weak = as_dtype(joined), False
    if not x64:
        dtype = _narrow.get(dtype, dtype)
    return dtype, weak


def python_scalar_type(x: Any) -> type | None:
    """bool, int, float or complex if x is such a number, or one of a subclass (an IntEnum); None for anything else."""
    t = type(x)
    if t in python_scalar_dtypes:
        return t
    # NumPy's float64 is a subclass of float, but not a Python number: its dtype is not weak.
    if not isinstance(x, (int, float, complex)) or isinstance(x, np.generic):
        return None
    return next(kind for kind in (int, float, complex) if isinstance(x, kind))


def check_fits(x: int) -> None:
    """Raise OverflowError if a Python integer does not fit in the default integer dtype."""
    dtype = canonicalize_dtype("int64")
    info = np.iinfo(dtype)
    if not info.min <= x <= info.max:
        raise OverflowError(f"Python int {x} too large to convert to {dtype.name}")


def dtype_and_weak_type(x: Any) -> tuple[Any, bool]:
    """The dtype of an array, tracer, NumPy value, Python number or dtype, and whether it is weak."""
    t = python_scalar_type(x)
    if t is not None:
        if t is int:
            check_fits(x)
        return python_scalar_dtypes[t], t is not bool
    found = getattr(x, "dtype", None)
    if found is not None and not isinstance(x, type):
        return found, bool(getattr(x, "weak_type", False))
    if isinstance(x, type) and x in python_scalar_dtypes:
        return python_scalar_dtypes[x], x is not bool
    return as_dtype(x), False


def lattice_result_type(*args) -> tuple[Any, bool]:
    """The (dtype, weak type) that the arguments promote to."""
    try:
        pairs = [dtype_and_weak_type(x) for x in args]
        context = trace_context()
        x64, strict = (context, False) if type(context) is bool else (context[0], context[1] == "strict")
        if not x64:
            pairs = [(_narrow.get(d, d), w) for d, w in pairs]
        return _promote(frozenset(pairs), x64, strict)
    except Exception as error:
        hide_our_frames(error)
        raise


def result_type(*args: Any, return_weak_type_flag: bool = False) -> Any:
    """The dtype that arrays, numbers or dtypes promote to (`jnp.result_type`).

    >>> import numpy as np
    >>> result_type(np.float32(1), 2.0), result_type(np.int32(1), 2.0), result_type(np.int8(1), np.uint8(1))
    (dtype('float32'), dtype('float32'), dtype('int16'))
    """
    if not args:
        raise ValueError("at least one array or dtype is required")
    dtype, weak = lattice_result_type(*args)
    return (dtype, weak) if return_weak_type_flag else dtype


def promote_types(a: Any, b: Any) -> np.dtype[Any]:
    """The dtype that two dtypes promote to; of 64 bits, without x64, if one of the two is (`jnp.promote_types`).

    >>> promote_types('int32', 'float16'), promote_types('float64', int)
    (dtype('float16'), dtype('float64'))
    """
    pairs = [dtype_and_weak_type(_type_operand(x)) for x in (a, b)]
    wide = x64_enabled() or any(dtype in _narrow for dtype, _ in pairs)
    return _promote(frozenset(pairs), wide, config.jax_numpy_dtype_promotion == "strict")[0]


def of_array_too(x: Any):
    """The dtype that x stands for, or, with a DeprecationWarning as in JAX, that an array has."""
    if not hasattr(x, "aval"):
        return as_dtype(x)
    text = "An array in the place of a dtype will be an error: instead of dtype=arr use dtype=arr.dtype."
    warnings.warn(text, DeprecationWarning, stacklevel=3)
    return x.dtype


def _type_operand(a):
    return a if isinstance(a, type) and a in python_scalar_dtypes else of_array_too(a)


def dtype(x: Any, *, canonicalize: bool = False):
    """The dtype of an array or number."""
    found = dtype_and_weak_type(x)[0]
    return canonicalize_dtype(found) if canonicalize else found


def to_numeric_dtype(dtype: Any):
    """int32 for bool, with x64 too; else the dtype itself."""
    dtype = canonicalize_dtype(dtype)
    return np.dtype("int32") if dtype.kind == "b" else dtype


def to_inexact_dtype(dtype: Any):
    """The dtype of a float result of an operation on `dtype`: float64 for 64-bit integers, float32 for other integers and
    bools."""
    dtype = canonicalize_dtype(dtype)
    if dtype.kind not in "biu" and dtype.name not in NARROW_INTS:
        return dtype
    return np.dtype("float64" if dtype.itemsize == 8 else "float32")


def scalar_type_of(x: Any) -> type:
    """The Python type of an array's elements: bool, int, float or complex.

    >>> scalar_type_of(np.ones(3)), scalar_type_of(2)
    (<class 'float'>, <class 'int'>)
    """
    kind = wide_dtype(dtype_and_weak_type(x)[0]).kind
    return {"b": bool, "i": int, "u": int, "f": float, "V": float, "c": complex}[kind]


def finfo(dtype: Any) -> Any:
    """The limits of a float dtype, as NumPy gives them (`jnp.finfo`): `.eps`, `.max`, `.tiny`, `.bits`. Those of bfloat16 and
    of narrow dtypes come from ml_dtypes.

    Raises ValueError for a dtype that is not a float.

    >>> float(finfo('float32').eps), finfo('float16').bits
    (1.1920928955078125e-07, 16)
    """
    dtype = as_dtype(dtype.dtype if hasattr(dtype, "aval") else dtype)
    if _is_of_ml_dtypes(dtype):
        return importlib.import_module("ml_dtypes").finfo(dtype)
    return np.finfo(dtype)


def iinfo(int_type: Any) -> Any:
    """The limits of an integer dtype, as NumPy gives them (`jnp.iinfo`): `.min`, `.max`, `.bits`.

    Raises ValueError for a dtype that is not one of integers.

    >>> iinfo("int8").max, iinfo("uint4").max
    (127, 15)
    """
    name = getattr(getattr(int_type, "dtype", int_type), "name", int_type)
    if isinstance(name, str) and name in NARROW_INTS:
        return importlib.import_module("ml_dtypes").iinfo(as_dtype(name))
    return np.iinfo(int_type)


def itemsize_bits(dtype: Any) -> int:
    """The number of bits of an element of the dtype (`jax.dtypes.itemsize_bits`).

    >>> itemsize_bits("bfloat16"), itemsize_bits(bool), itemsize_bits("complex64")
    (16, 8, 64)
    """
    if dtype is None:
        raise ValueError("dtype cannot be None.")
    found = as_dtype(dtype)
    if found in (key_fry, float0) or (found.kind not in "biufc" and not _is_of_ml_dtypes(found)):
        raise ValueError(f"itemsize_bits takes a dtype of numbers, got {dtype!r}.")
    return int(re.search(r"\d+", found.name)[0]) if is_narrow(found) else 8 * found.itemsize
