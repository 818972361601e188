"""Disagreements that are known, each with its reason, and narrow enough that a fault beside it is not hidden.

A predicate sees the text of a program, shrunk, and how it disagrees. The reason of a fault that is not mended begins with
"not yet".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from tests.fuzz.check import Disagreement
from tests.fuzz.rows import REVERSE

TEXT = ("text", "dead text", "size")
REFUSALS = ("refused", "error class")

# {why a function's equations are not JAX's: the functions}. Every value that they give is compared all the same.
OTHER_EQUATIONS = {
    "a number, an argument of JAX's jit, is a constant of the loop or the branch there": (
        "interp piecewise polyval searchsorted ufunc.at"
    ),
    "known at once, since they are functions of shapes alone": (
        "tril_indices tril_indices_from triu_indices triu_indices_from"
    ),
    "another algorithm, of fewer equations": "intersect1d setdiff1d setxor1d",
    "another algorithm, which is exact to the last places": "owens_t log_ndtr",
    "as many terms as the dtype has digits; JAX takes more": "wofz",
    "the same equations in another order, or conversions of other numbers": "insert polyfit",
    "as near as rounding allows where p and q are near each other; JAX subtracts two logarithms": "kl_div rel_entr",
}

# Functions of scipy.special that are primitives here, and others that call these.
ROWS = """
    bernoulli beta betaln boxcox boxcox1p dawsn erfcx exp1 expi expn fresnel hyp1f1 hyp2f1 ndtr ndtri poch sici spence
""".split()

# Functions of which JAX gives NaN at an end of the domain or beyond it, or the derivative 0, where minijax gives the value.
AT_THE_ENDS = {
    "beta": "of a negative argument",
    "betaln": "the derivative at 0",
    "exp1": "0 at infinity; derivatives of negative numbers, exp(-x) / x",
    "expi": "-inf at 0",
    "gammainc": "1 for a of 0",
    "igamma": "1 for a of 0",
    "igamma_grad_a": "0 at infinity",
    "random_gamma_grad": "NaN of a negative number",
    "spence": "the derivative at 1 is -1",
}

PRODUCTS = "dot matmul inner vdot einsum tensordot convolve correlate batch_matmul dot_general".split()

# Results that are sums, or derivatives that are.
SUMS = (
    *PRODUCTS,
    *"average beta cumsum digamma fft fmod hypot ifft ihfft irfft lgamma mean mod nanmean nanstd nanvar partition rfft".split(),
    *"std sum trace trapezoid var".split(),
)

COMPARISONS = (
    "greater greater_equal less less_equal equal not_equal isnan isinf isfinite iscomplex logical_not logical_and"
    " logical_xor"
).split()

# What JAX's errors say that its functions do not raise: Python does, somewhere inside.
ACCIDENTS = (
    "tuple index out of range", "Non-hashable static", "unhashable type", "Cannot lower jaxpr", "is not iterable", "AssertionError",
    "object has no attribute", "not supported between", "object is not subscriptable", "has no len",
    "invalid tensor dimension size", "cannot convert float infinity", "of unsized object", r"missing \d required",
    "is out of bounds for axis 0 with size 0", "RET_CHECK failure", "only integers, slices", "not enough values to unpack",
    "float0s do not support any operations", "> not inexact", "list assignment index out of range",
    "setting an array element with a sequence", "incompatible function arguments", r"safe_(zip|map)\(\) argument",
    "argument to reduce_sum as a JAX value", "No constant handler for type", "broadcast_dimensions must have length equal",
)  # fmt: skip


class Explained(NamedTuple):
    name: str
    reason: str
    holds: Callable[[str, Disagreement], bool]


def body(source: str) -> str:
    """The text without what it imports and its helpers."""
    starts = [source.find(f"\ndef {name}(") for name in ("function", "program")]
    return source[max(0, min([s for s in starts if s >= 0], default=0)) :]


def function(source: str) -> str:
    """The function that is transformed."""
    return body(source).split("\nprogram =")[0].split("\ndef arguments")[0]


def calls(source: str) -> list[str]:
    """The names of the functions of jnp, lax and so on that a program calls."""
    text = re.sub(r"\bjnp\.\w+\.at\(", "jnp.ufunc.at(", function(source))
    functions = re.findall(r"(?:\b(?:jnp|lax|nn|special|random)|\.at\[[^\]]*\])\.(\w+|ufunc\.at)\(", text)
    return functions + re.findall(r"(?<!jnp)\.(searchsorted)\(", text)


def transformed_by(source: str, *names: str) -> bool:
    return any(re.search(rf"(?<!\w){name}\(", body(source)) for name in names)


def of_one_call(source: str, names) -> bool:
    """Whether one of the names is called, and else nothing but what makes an array or moves it."""
    found = calls(source)
    return any(n in names for n in found) and all(n in names or n in ("array", "zeros", "sum", "sort") for n in found)


EXPLAINED = [
    Explained(
        "a name that minijax has not",
        "minijax has a part of JAX's names; the others raise AttributeError",
        lambda s, d: d.what in REFUSALS and "AttributeError(\"module 'minijax" in d.detail,
    ),
    *(
        Explained(
            f"other equations: {names}",
            reason,
            lambda s, d, names=names: d.what in TEXT and of_one_call(s, names.split()),
        )
        for reason, names in OTHER_EQUATIONS.items()
    ),
    Explained(
        "a diagonal by platform",
        "JAX chooses by platform how to take the diagonal of a square matrix, for the sake of one of TPUs",
        lambda s, d: d.what in TEXT and "platform_index[platforms=(('mosaic',), None)]" in d.detail,
    ),
    Explained(
        "dead equations of derivatives",
        "not yet: tangents that nobody reads are written otherwise",
        lambda s, d: d.what == "dead text" and transformed_by(s, "jvp", "jacfwd", "hessian"),
    ),
    Explained(
        "special functions that are rows",
        "one equation, whose program computes in float64; JAX writes their algorithms in float32",
        lambda s, d: d.what in TEXT and of_one_call(s, ROWS),
    ),
    Explained(
        "derivatives of samples of gamma",
        "one equation; JAX writes the loops that compute it",
        lambda s, d: (
            d.what in TEXT
            and any(name in calls(s) for name in ("gamma", "loggamma", "beta", "chisquare", "dirichlet", "t"))
            and "random." in function(s)
            and transformed_by(s, "jvp", "jacfwd", "hessian", *REVERSE)
        ),
    ),
    Explained(
        "a function that needs no argument",
        "what isreal of a float gives is known at once; JAX jits it, and a loop or a branch carries its argument",
        lambda s, d: (
            d.what in TEXT
            and any(name in calls(s) for name in ("isinf", "isfinite", "isnan", "isreal", "iscomplex", "pad"))
            and transformed_by(s, r"lax\.(scan|cond|switch|while_loop|fori_loop|map)", r"jax\.checkpoint", "checkpoint")
        ),
    ),
    Explained(
        "sizes of a reshape",
        "minijax compares them when it traces, JAX when it compiles",
        lambda s, d: d.what in REFUSALS and "reshape total size must be unchanged" in d.detail,
    ),
    Explained(
        "number where minijax has an array",
        "a number that a function returns comes out of jvp, vmap and others as Python's number in JAX, as an array in minijax",
        lambda s, d: d.what == "class",
    ),
    Explained(
        "order of constants",
        "not yet: arrays made inside of a function are numbered by first use, in JAX as they are made",
        lambda s, d: d.what == "order of constants",
    ),
    Explained(
        "custom rule that closes over what is differentiated",
        "minijax refuses at once; JAX writes an equation that cannot be run, or raises another error",
        lambda s, d: (
            "Detected differentiation of a custom_" in d.detail
            or re.search("(Primitive|Differentiation rule for) 'custom_lin'", d.detail) is not None
            or "UnexpectedTracerError" in d.detail
            and "with_" in s
            and (
                re.search("JAX('s| raises) (UnexpectedTracer|TypeError..No constant handler)", d.detail) is not None
                or not transformed_by(s, "vmap", r"jax\.vmap", r"lax\.map")
            )
        ),
    ),
    Explained(
        "derivative of pmax and pmin",
        "JAX has none, minijax has that of the maximum along the mapped axis",
        lambda s, d: d.what == "accepted" and "Differentiation rule for 'pm" in d.detail,
    ),
    Explained(
        "argmax of complex numbers",
        "minijax refuses it when it traces, JAX when it compiles",
        lambda s, d: (
            d.what in REFUSALS and re.search(r"minijax raises .*arg(max|min) does not accept dtype complex", d.detail)
        ),
    ),
    Explained(
        "real sums of complex numbers",
        "minijax refuses them when it traces; XLA refuses them when it compiles, if a result depends on them",
        lambda s, d: d.what in REFUSALS and re.search(r"float32 for result type of complex64", d.detail) is not None,
    ),
    Explained(
        "what is no axis and no shape",
        "minijax asks for integers; JAX takes None, {} and others, since NumPy does somewhere inside",
        lambda s, d: (
            d.what in REFUSALS
            and re.search("object cannot be interpreted as an integer|integer scalar arrays can be converted", d.detail)
            is not None
        ),
    ),
    Explained(
        "the sign of the tangent of a cotangent",
        "JAX adds an array of zeros where two cotangents meet and one has no tangent, and 0.0 + -0.0 is 0.0; minijax adds nothing",
        lambda s, d: (
            d.what == "sign of zero"
            and (
                transformed_by(s, "hessian")
                or transformed_by(s, "jvp", "jacfwd", "linearize")
                and transformed_by(s, "grad", "vjp", "value_and_grad", "jacrev")
            )
        ),
    ),
    Explained(
        "partition of integers",
        "JAX negates integers, and the least one has no negative: it comes last; minijax inverts their bits",
        lambda s, d: d.what in (*TEXT, "value") and bool({"partition", "argpartition"} & {*calls(s)}),
    ),
    Explained(
        "a number that its dtype does not hold",
        "JAX converts a number in a program as NumPy does, so that an infinity is the least int32; minijax as XLA does",
        lambda s, d: (
            d.what in TEXT
            and re.search(r"(inf|nan|-\d+\.\d)", s) is not None
            and re.search(
                r"in JAX.*(-2147483648:i32|4294967\d{3}:u32|\b25\d:u8|-9\.?2233720368547758\d*(e\+18)?:\w)",
                d.detail,
                re.S,
            )
            is not None
        ),
    ),
    Explained(
        "the least of small integers",
        "the maximum that softmax subtracts starts from -inf, which NumPy converts to the int8 0, and minijax to -128",
        lambda s, d: (
            d.what in TEXT
            and of_one_call(s, ("log_softmax", "softmax"))
            and re.search(r"max -(128:i8|32768:i16)\[\]", d.detail) is not None
        ),
    ),
    Explained(
        "product with a mask",
        "XLA computes a product with a converted boolean as a choice, so that 0 * inf is 0; JAX jits the tangent of max and min",
        lambda s, d: (
            d.what == "value"
            and ": nan, in JAX" in d.detail
            and transformed_by(s, "jvp", "jacfwd", "hessian", "linearize")
            and re.search(r"\b(nan)?(max|min|maximum|minimum|amax|amin)\b", s) is not None
        ),
    ),
    Explained(
        "product of a boolean",
        "the same for one with a float: False * -1.0 is 0.0 and False * nan is 0.0 in XLA, -0.0 and NaN in NumPy",
        lambda s, d: (
            (d.what == "sign of zero" or d.what == "value" and "nan" in d.detail.partition(", in JAX")[0])
            and (any(n in calls(s) for n in (*PRODUCTS, "multiply")) or " @ " in function(s))
            and (any(n in calls(s) for n in COMPARISONS) or re.search(r"\b(True|False)\b", function(s)) is not None)
        ),
    ),
    Explained(
        "all_to_all of what all examples share",
        "JAX's rule repeats the whole array within each example, whose shape is then another than it says",
        lambda s, d: d.what in ("shape", *TEXT) and "all_to_all" in calls(s) and "vmap(" in s,
    ),
    Explained(
        "a negative count of tile",
        "minijax refuses it when it traces; JAX writes an equation of a negative size, which XLA refuses",
        lambda s, d: d.what in REFUSALS and "tile needs a non-negative count" in d.detail,
    ),
    Explained(
        "what all examples share",
        "not yet: a result of a custom_jvp or custom_vjp function that does not depend on the mapped arguments is repeated at once,"
        " in JAX where it is used",
        lambda s, d: (
            d.what in TEXT and transformed_by(s, "vmap", r"jax\.vmap", "jacfwd", "jacrev", "hessian") and "with_" in s
        ),
    ),
    Explained(
        "expn of 0",
        "E_2(0) is 1, as scipy has it, and 0.5 in JAX",
        lambda s, d: d.what == "value" and calls(s) == ["expn"],
    ),
    Explained(
        "order in which an argument is refused",
        "of two bad arguments minijax names one and JAX the other: an accuracy and an operand",
        lambda s, d: (
            d.what in REFUSALS
            and re.match(r"(minijax raises )?NotImplementedError\('(Accuracy|Riemann)", d.detail) is not None
        ),
    ),
    Explained(
        "the array or the option",
        "of two bad arguments JAX names the array, at which jit looks first, and minijax the option",
        lambda s, d: (
            d.what == "error class"
            and re.match(r"(ValueError|NotImplementedError)\(", d.detail) is not None
            and "for JAX's TypeError(\"Error interpreting argument to <function" in d.detail
        ),
    ),
    Explained(
        "a number that uint8 does not hold",
        "full_like(uint8, -1.0) is 0 in JAX, and 255 under jit; in minijax 0",
        lambda s, d: d.what == "value" and "full_like" in calls(s) and re.search("in JAX .*255", d.detail) is not None,
    ),
    Explained(
        "a mode that nobody reads",
        "minijax refuses an unknown mode at once, JAX only where a gather reads it: not for `x[:]`, nor for an empty result",
        lambda s, d: d.what in REFUSALS and "minijax raises ValueError('Unknown gather mode" in d.detail,
    ),
    Explained(
        "at[].apply of a function that returns another dtype",
        "minijax's equation returns the array's dtype, JAX's says that it does and returns the function's",
        lambda s, d: d.what in TEXT and "update_jaxpr={" in d.detail and ".apply(" in s,
    ),
    Explained(
        "derivative of at[].apply",
        "JAX has none, minijax has",
        lambda s, d: d.what == "accepted" and "scatter_apply JVP not implemented" in d.detail,
    ),
    Explained(
        "a parameter that minijax has not",
        "minijax refuses it: `where=` and `casting=` of ufuncs, sizes of set operations, weights of cov",
        lambda s, d: (
            d.what in REFUSALS
            and re.search(r"unexpected keyword argument|minijax: .* not supported", d.detail) is not None
        ),
    ),
    Explained(
        "the larger of two zeros",
        "of 0.0 and -0.0 either may be the largest: XLA takes 0.0, NumPy the last",
        lambda s, d: (
            d.what == "sign of zero"
            and re.search(
                r"\b(max|min|maximum|minimum|fmax|fmin|clip|relu|cummax|cummin|nanmax|nanmin|clamp)(\.reduce)?\(",
                function(s),
            )
            is not None
        ),
    ),
    Explained(
        "text for an array",
        "NumPy makes an array of a text, and JAX fails later or takes it; minijax refuses it at once",
        lambda s, d: (
            d.what in REFUSALS
            and re.search(r"(with dtype <U\d+ is not a valid JAX array|Value '\w+' of type <class 'str'> is)", d.detail)
            is not None
        ),
    ),
    Explained(
        "arctan2 of complex numbers",
        "not yet: NumPy has none, and minijax refuses it",
        lambda s, d: d.what in REFUSALS and "atan2 does not accept dtype complex" in d.detail,
    ),
    Explained(
        "a list that holds a tracer",
        "JAX gives it to NumPy, which asks the tracer for its value; minijax says what is wrong with the list",
        lambda s, d: (
            d.what in ("error class", "accepted")
            and re.search(r"TracerArrayConversionError\('The numpy", d.detail) is not None
        ),
    ),
    Explained(
        "a recall or a size that cannot be",
        "minijax refuses it when it traces, XLA when it compiles",
        lambda s, d: (
            d.what in REFUSALS
            and re.search(r"ValueError\('(recall_target must be above|reduction_input_size_over)", d.detail) is not None
        ),
    ),
    Explained(
        "array_equiv of shapes that do not broadcast",
        "the answer is False; JAX waits for a ValueError there, and its own comparison raises TypeError",
        lambda s, d: (
            d.what == "accepted" and "array_equiv" in calls(s) and "eq got incompatible shapes for broad" in d.detail
        ),
    ),
    Explained(
        "zeros of the logarithm of gamma",
        "of 1 and 2 it is exactly 0; XLA's formula leaves some roundings of 1",
        lambda s, d: (
            d.what == "value"
            and of_one_call(s, ("lgamma", "gammaln"))
            and re.match(r"result \d+: 0\.0, in JAX -?\d\.\d+e-(07|08|15|16)$", d.detail) is not None
        ),
    ),
    Explained(
        "digamma near its root, and wofz",
        "in 64 bits minijax's last digits are right, as SciPy's, and JAX's are not",
        lambda s, d: (
            d.what == "value"
            and ("digamma" in calls(s) and ": -0.0613" in d.detail or of_one_call(s, ("wofz",)))
            and re.search(r"\d\.\d{14,}", d.detail) is not None
        ),
    ),
    Explained(
        "numbers below the smallest normal one",
        "XLA takes them for 0, and NumPy does not",
        lambda s, d: (
            d.what in ("value", "sign of zero")
            and ("nextafter" in calls(s) or "integer_pow" in calls(s) and "e-20" in s)
        ),
    ),
    Explained(
        "the sign of NaN",
        "nobody says what it is",
        lambda s, d: d.what == "value" and "signbit" in calls(s) and "arc" in function(s),
    ),
    Explained(
        "the sign of a sum that is 0",
        "XLA begins with 0.0, or adds in another order",
        lambda s, d: d.what == "sign of zero" and any(name in calls(s) for name in SUMS),
    ),
    Explained(
        "products of complex infinities",
        "of (inf + 0i)^2 the real part is inf, or inf - nan, by the order of four products and two sums",
        lambda s, d: (
            d.what == "value" and "inf" in s and "complex(" in s and any(name in calls(s) for name in PRODUCTS)
        ),
    ),
    Explained(
        "a convolution at the ends",
        "what is not finite is multiplied by the zeros beyond the array's ends; XLA leaves these products out",
        lambda s, d: (
            d.what == "value"
            and any(name in calls(s) for name in ("convolve", "correlate"))
            and re.match(r"result \d+: \[.*nan", d.detail) is not None
        ),
    ),
    Explained(
        "a custom_vjp function whose tangent nobody reads",
        "JAX refuses its forward derivative, minijax does only where one is needed",
        lambda s, d: (
            d.what == "accepted"
            and "apply forward-mode autodiff (jvp) to a custom_vjp" in d.detail
            and "with_vjp(" in s
        ),
    ),
    Explained(
        "derivative of setxor1d",
        "JAX's is 0; differences give the one that minijax has",
        lambda s, d: (
            d.what == "value"
            and "return jnp.setxor1d(" in s
            and transformed_by(s, "grad", "vjp", "jvp", "jacrev", "jacfwd", "linearize", "value_and_grad")
        ),
    ),
    Explained(
        "special functions at the ends of their domains",
        "minijax gives the limit or the value that SciPy has, JAX gives NaN or, for a derivative, 0",
        lambda s, d: (
            d.what == "value"
            and of_one_call(s, AT_THE_ENDS)
            and re.search(r"\bnan\b|in JAX -?0\.0$", d.detail) is not None
        ),
    ),
    Explained(
        "an empty tuple among the indices",
        "it has no element, and is an array of int32 at once; in JAX an array of float32, and equations that convert it",
        lambda s, d: d.what in TEXT and re.search(r"\[\(\),\s*\]|\.at\[\(\),?\]", function(s)) is not None,
    ),
    Explained(
        "the class of a key's dtype",
        "the dtype of keys has a private class, with one name here and another in JAX",
        lambda s, d: d.what == "dtype" and d.detail.endswith("PRNGKeyDtype, in JAX KeyTy"),
    ),
    Explained(
        "second derivative of log_sigmoid in a loop",
        "JAX's is wrong at 0: differences of its own first derivative give the value that minijax has",
        lambda s, d: (
            d.what == "value"
            and "log_sigmoid" in calls(s)
            and transformed_by(s, r"lax\.scan", r"lax\.map", r"lax\.fori_loop")
            and ("hessian(" in s or len(re.findall(r"\b(grad|jvp|vjp|jacfwd|jacrev|linearize)\(", body(s))) > 1)
        ),
    ),
    Explained(
        "the name of a function",
        "a result that is a function is compared by its name, and that of `lax.composite` has a private one",
        lambda s, d: d.detail == "composed, in JAX _decorator" and calls(s) == ["composite"],
    ),
    Explained(
        "an accident inside of JAX",
        "JAX raises an error that it did not mean, minijax one that says what is wrong",
        lambda s, d: (
            d.what in ("error class", "accepted")
            and re.search(rf"JAX('s| raises) (\w+Error\()?.{{0,45}}({'|'.join(ACCIDENTS)})", d.detail, re.S) is not None
        ),
    ),
]


def explanation(source: str, found: Disagreement) -> Explained | None:
    return next((e for e in EXPLAINED if e.holds(source, found)), None)
