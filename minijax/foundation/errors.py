"""The exceptions, with JAX's class names, and the functions that write their messages.

Each message says what happened, where (the user's line) and what to do. The functions take text and no tracers, so this file
imports no other file of minijax.
"""

from __future__ import annotations


class JAXTypeError(TypeError):
    """A TypeError raised about a traced value.

    >>> import numpy, minijax
    >>> try:
    ...     minijax.jit(lambda x: numpy.sin(x))(1.0)
    ... except JAXTypeError as error:
    ...     print(str(error).split(' was')[0])
    The numpy.ndarray conversion method __array__()
    """


class JAXIndexError(IndexError):
    """An IndexError raised about a traced value.

    >>> import minijax
    >>> try:
    ...     minijax.jit(lambda x: x[x > 0])(minijax.numpy.ones(3))
    ... except JAXIndexError as error:
    ...     print(str(error).split('.')[0])
    Array boolean indices must be concrete; got bool[3]
    """


class ConcretizationTypeError(JAXTypeError):
    """The program needs a number, and tracing knows only its shape and dtype.

    >>> import minijax
    >>> try:
    ...     minijax.jit(lambda x: float(x))(1.0)
    ... except ConcretizationTypeError as error:
    ...     print(str(error).split('.')[0])
    Abstract tracer value encountered where concrete value is expected: float32[]
    """


class TracerBoolConversionError(ConcretizationTypeError):
    """`if`, `while`, `and`, `or`, `not` or `bool()` met a traced value.

    >>> import minijax
    >>> try:
    ...     minijax.jit(lambda x: x if x > 0 else -x)(1.0)
    ... except TracerBoolConversionError as error:
    ...     print(str(error).split('.')[0])
    Attempted boolean conversion of traced array with shape and dtype bool[]
    """


class TracerArrayConversionError(JAXTypeError):
    """A NumPy function, or `np.asarray`, met a traced value.

    >>> import numpy, minijax
    >>> try:
    ...     minijax.jit(lambda x: numpy.sin(x))(1.0)
    ... except TracerArrayConversionError as error:
    ...     print(str(error).split(' was')[0])
    The numpy.ndarray conversion method __array__()
    """


class TracerIntegerConversionError(JAXTypeError):
    """A traced value was used where Python needs an integer, such as a list's index.

    >>> import minijax
    >>> try:
    ...     minijax.jit(lambda i: [1, 2][i])(0)
    ... except TracerIntegerConversionError as error:
    ...     print(str(error).split('.')[0])
    The __index__() method was called on traced array with shape and dtype int32[]
    """


class NonConcreteBooleanIndexError(JAXIndexError):
    """A boolean mask whose values are unknown was used as an index: the result's shape is unknown too.

    >>> import minijax
    >>> try:
    ...     minijax.jit(lambda x: x[x > 0])(minijax.numpy.ones(3))
    ... except NonConcreteBooleanIndexError as error:
    ...     print(str(error).split('.')[0])
    Array boolean indices must be concrete; got bool[3]
    """


class UnexpectedTracerError(JAXTypeError):
    """A traced value was used after the transformation that made it had ended.

    >>> import minijax
    >>> kept = []
    >>> _ = minijax.jit(lambda x: kept.append(x))(1.0)
    >>> try:
    ...     kept[0] + 1
    ... except UnexpectedTracerError as error:
    ...     print(str(error).split('.')[0])
    Encountered an unexpected tracer
    """


class KeyReuseError(JAXTypeError):
    """A key of `jax.random` was used twice, within `debug_key_reuse`.

    >>> import minijax as jax
    >>> with jax.debug_key_reuse(True):
    ...     try:
    ...         jax.jit(lambda key: jax.random.bits(key) + jax.random.bits(key))(jax.random.key(0))
    ...     except KeyReuseError as error:
    ...         print(error)
    In random_bits, argument 0 is already consumed.
    """


class JaxprTypeError(TypeError):
    """A jaxpr is not well formed. The code that built the jaxpr is at fault, never the data.

    >>> import minijax
    >>> jaxpr = minijax.make_jaxpr(lambda x: x * 2.0)(1.0).jaxpr
    >>> try:
    ...     minijax.extend.core.check_jaxpr(jaxpr.replace(eqns=[]))
    ... except JaxprTypeError as error:
    ...     print(str(error).partition('] ')[2])
    is read by the jaxpr's results before it is bound
    """


def bool_conversion(tracer: str, origin: str) -> TracerBoolConversionError:
    return TracerBoolConversionError(
        f"Attempted boolean conversion of traced array with shape and dtype {tracer}.\n{origin}"
        "While a function is traced its values are unknown, so Python's `if`, `while`, `and`, `or` and `not` cannot branch"
        " on them. Use jnp.where(condition, a, b) or lax.select for values, jnp.logical_and/or/not for masks, or mark the"
        " argument static with jit's static_argnums."
    )


def concretization(tracer: str, origin: str, function: str) -> ConcretizationTypeError:
    return ConcretizationTypeError(
        f"Abstract tracer value encountered where concrete value is expected: {tracer}.\n"
        f"The problem arose with the `{function}` function. {origin}"
        "If the value must be known while tracing (a shape, an axis, a Python number), mark the argument static with jit's"
        " static_argnums; to change its dtype use x.astype(dtype)."
    )


def array_conversion(tracer: str, origin: str) -> TracerArrayConversionError:
    return TracerArrayConversionError(
        f"The numpy.ndarray conversion method __array__() was called on traced array with shape and dtype {tracer}.\n"
        f"{origin}NumPy cannot follow a traced value: call the jnp function of the same name, or move the NumPy call out of"
        " the transformed function."
    )


def integer_conversion(tracer: str, origin: str) -> TracerIntegerConversionError:
    return TracerIntegerConversionError(
        f"The __index__() method was called on traced array with shape and dtype {tracer}.\n"
        f"{origin}A traced value cannot index a Python sequence or give a size: turn the sequence into an array with"
        " jnp.asarray(sequence)[i], or mark the argument static with jit's static_argnums."
    )


def ambiguous_truth(size: int) -> ValueError:
    return ValueError(
        "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()"
        if size
        else "The truth value of an empty array is ambiguous. Use `array.size > 0` to check that it is not empty."
    )


def boolean_index(index: str, origin: str) -> NonConcreteBooleanIndexError:
    return NonConcreteBooleanIndexError(
        f"Array boolean indices must be concrete; got {index}.\n"
        f"{origin}The number of selected elements would be unknown while tracing. Use jnp.where(mask, x, fill), which keeps"
        " the shape, or apply the mask outside the transformed function."
    )


def leaked_tracer(tracer: str, transformation: str, origin: str) -> UnexpectedTracerError:
    return UnexpectedTracerError(
        "Encountered an unexpected tracer. A function transformed by minijax had a side effect, allowing for a reference to"
        f" an intermediate value with type {tracer} to escape the scope of {transformation}.\n{origin}"
        "The value only means something while that transformation runs. Return it from the transformed function instead of"
        " keeping it in a global, an attribute, a closure or a list."
    )


def not_linear(aval: str) -> TypeError:
    return TypeError(
        f"A function that must be linear is not: to transpose it, an operation needs the value of one of its linear arguments,"
        f" of type {aval}, which it multiplies with another, say, or chooses by. linear_transpose, the matvec of"
        " custom_linear_solve and jvp rules under reverse mode take sums of arguments, and products with other values."
    )


def missing_rule(primitive: str, rule: str, reason: str | None, origin: str) -> NotImplementedError:
    if reason is not None:
        return NotImplementedError(f"Primitive '{primitive}' has no {rule} rule: {reason}.\n{origin}".rstrip())
    return NotImplementedError(
        f"Primitive '{primitive}' has no {rule} rule.\n{origin}"
        f"If the primitive is yours, give its row one: {primitive}_p.{rule} = rule. If not, please report it."
    )


def float_fault(fault: str, primitive: str, where: str) -> FloatingPointError:
    return FloatingPointError(f"invalid value ({fault}) encountered in {primitive}, at {where}.")


def leaked_trace(trace: str, transformation: str, tracers: list[str]) -> Exception:
    listed = "\n".join(tracers)
    return Exception(
        f"Leaked trace {trace}. {transformation} is over, and somebody still holds its tracer(s):\n\n{listed}\n\nReturn what is"
        " needed from the function instead of storing it, in a global, a list or an attribute of an object."
    )


def mapped_output(aval: str, dim: int) -> ValueError:
    return ValueError(
        f"vmap has mapped output but out_axes is None: the output of type {aval} is mapped along axis {dim}."
    )


def unknown_compiler(name, known: list[str]) -> ValueError:
    return ValueError(f"There is no compiler {name!r}: choose one of {', '.join(map(repr, known))}.")


def xla_missing(known: str) -> ImportError:
    return ImportError(
        f"compiler=\"xla\" needs jaxlib, and jax around it: python -m pip install '{known}'. Without them use"
        ' compiler="numpy", the default, which needs NumPy alone.'
    )


def xla_version(version: str, older_or_newer: str, known: str) -> ImportError:
    return ImportError(
        f'compiler="xla": the installed jax {version} is {older_or_newer} than those that minijax is tested with. If'
        f" something fails, or is not there: python -m pip install '{known}', or use compiler=\"numpy\"."
    )


def xla_devices(wanted: int, there: int) -> ValueError:
    return ValueError(
        f'pmap with compiler="xla" over {wanted} devices: jaxlib has {there}. On a CPU it makes as many as the environment'
        f" variable XLA_FLAGS=--xla_force_host_platform_device_count={wanted} says, if set before jax is imported."
    )


def scipy_missing(operation: str) -> ImportError:
    return ImportError(
        f"{operation} needs SciPy, whose LAPACK has what NumPy's lacks: python -m pip install scipy, the extra `scipy`. Or run"
        ' the function with jit(compiler="xla").'
    )


def numpy_lacks(function: str, version: str) -> ImportError:
    return ImportError(
        f"NumPy {version} has no {function} among the functions of LAPACK that np.linalg calls; NumPy 2.0 to 2.4 have them."
    )


def no_stablehlo(primitive: str, reason: str | None, where: str) -> NotImplementedError:
    why = "there is no rule for it, which minijax.lowering.stablehlo.RULES would take" if reason is None else reason
    return NotImplementedError(
        f"Primitive '{primitive}', at {where}, cannot be written as StableHLO: {why}. Run the function with"
        ' jit(compiler="numpy"), or leave the operation out of what XLA compiles.'
    )


def no_lapack(platform: str) -> NotImplementedError:
    return NotImplementedError(
        f'compiler="xla" on {platform}: minijax has LAPACK\'s factorizations (lu, qr, eigh, svd, ...) on CPUs only. Run the'
        ' function with jit(compiler="numpy"), or compute the factorization outside of what XLA compiles.'
    )
