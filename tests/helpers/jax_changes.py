"""What other versions of JAX compute otherwise than 0.10.2, which minijax follows.

minijax prints a jaxpr as the installed JAX does, but computes the same under every version. A test that compares with JAX then
fails where JAX has changed: under these versions the test must fail, and the reason is here. Under 0.10.2 the table is empty.
"""

from __future__ import annotations

import re
from importlib.metadata import version

INVERSE = "JAX wrote the derivative of this function anew"
ORDER = "JAX wrote the derivative of max and min anew: each has more or other equations, and other weak types"
TANH = "JAX has an equation one_minus_square for tanh's derivative, where 0.10.2 has three"
SCAN = "JAX remembers how a scan came about: which rows it did not return, and the transformation that made it"
DIGAMMA = "JAX gives -inf at 0, and NaN at other places"

# (first version, the tests: a pattern of their names, the reason)
SINCE: list[tuple[str, str, str]] = [
    (
        "0.11.1",
        r"test_gridded.py::test_peak_memory_.*on_jax\[two devices",
        "XLA forms other kernels: see the flags of conftest.py",
    ),
    ("0.11.0", r"test_pallas.py::test_lowers_for_a_gpu", "a DeprecationWarning of Pallas on Triton"),
    ("0.11.0", r"test_errors_are_jaxs\[(all_to_all|psum_scatter) along no axis\]", "other text of an error"),
    ("0.11.2", r"test_prints_what_jax_prints\[vmap of scan\]", "JAX prints the examples of a batch in another order"),
    ("0.11.2", r"test_jit.py::test_inlined_text$", "JAX does not inline at the top"),
    ("0.11.2", r"test_pmap.py::test_gradient_has_no_more_equations_than_jaxs", TANH),
    ("0.11.2", r"test_solves.py::test_jaxpr_is_printed_as_jax_prints_it\[root\]", "JAX has a primitive CustomRoot"),
    ("0.11.2", r"test_gradients_have_no_more_equations\[tanh\]", TANH),
    ("0.11.0", r"test_same_text\[lax.(map of nothing|scan, gradient|scan, ys that are xs)\]", SCAN),
    ("0.11.2", r"test_nn.py::test_dtypes\[digamma-(bfloat16|bool|float16|int32|uint8)\]", DIGAMMA),
    ("0.11.2", r"test_nn.py::test_first_derivatives_at_special_values\[gammaln\]", DIGAMMA),
    ("0.11.2", r"test_nn.py::test_values\[special-digamma\]", DIGAMMA),
    ("0.11.2", r"test_special_values\[digamma-", DIGAMMA),
    (
        "0.11.0",
        r"test_into_a_dtype\[(convert_element_type|full|full_like|lax.full)\]",
        "1j is True as a bool, where 0.10.2 has False",
    ),
    (
        "0.11.0",
        r"test_expression_equals_jax\[.*jnp.cross\(u\[:2\], u\[1:\]\)",
        "cross products of two dimensions are refused",
    ),
    (
        "0.11.1",
        r"test_expression_equals_jax\[.*jnp.(meshgrid\(v|broadcast_arrays)",
        "a tuple, where 0.10.2 returns a list",
    ),
    ("0.11.1", r"test_expression_equals_jax\[.*jnp.sinc\(X", "JAX wrote sinc anew"),
    ("0.11.2", r"test_expression_equals_jax\[.*jnp.log2\(", "JAX wrote log2 anew"),
    ("0.11.2", r"test_result_types\[log2-", "JAX wrote log2 anew"),
    ("0.11.2", r"test_the_equations_are_those_of_jax\[\d+-(asin|acos|acosh|atanh)-float\d+-(jvp|vjp)\]", INVERSE),
    ("0.11.2", r"test_the_equations_are_those_of_jax\[\d+-tanh-\w+-(jvp|vjp)\]", TANH),
    ("0.11.2", r"test_the_equations_are_those_of_jax\[\d+-(max|min)-float\d+-(jvp|vjp)\]", ORDER),
    ("0.11.2", r"test_the_equations_are_those_of_jax\[\d+-scatter-mul-float32-vjp\]", INVERSE),
    ("0.11.2", r"test_weak_types.py::test_functions\[(clip|maximum)-1-", ORDER),
    ("0.11.2", r"test_weak_types.py::test_rows\[(69|70|71)-max-", ORDER),
    ("0.11.2", r"test_weak_types.py::test_rows\[(74|75|76)-min-", ORDER),
    (
        "0.11.0",
        r"test_random.py::test_text_of_jaxprs\[.*-(choice|choice without replacement|permutation|randint)\]",
        "JAX unstacks keys",
    ),
    (
        "0.11.2",
        r"test_gradient_is_no_larger\[(checkpoint|gelu|gradient of a gradient, tanh|lstm.*|mish|mlp, .*|rnn, .*)\]",
        TANH,
    ),
    (
        "0.11.2",
        r"test_gradient_is_no_larger\[(celu|clip|embedding|focal loss, binary|hypot|maximum|standardize|triplet loss)\]",
        ORDER,
    ),
    ("0.11.2", r"printed_program_is_no_larger\[(clip|logaddexp, hypot)\]", ORDER),
    ("0.11.2", r"printed_program_is_no_larger\[(mlp|mlp, vmapped|sigmoid, gelu, silu|unary functions)\]", TANH),
    (
        "0.12.0",
        r"test_static_argnums_out_of_range_as_in_jax\[-1-a default that the caller leaves out-(lower|make_jaxpr)",
        "other text",
    ),
    (
        "0.12.0",
        r"test_static_argnums_out_of_range_as_in_jax\[-2-a default that the caller leaves out-",
        "other text of an error",
    ),
    (
        "0.12.0",
        r"test_static_argnums_out_of_range_as_in_jax\[(-2|-5|nums6)-any number of parameters-",
        "other text of an error",
    ),
    (
        "0.12.0",
        r"test_static_argnums_out_of_range_as_in_jax\[(-2|-5|nums6)-one parameter-checkpoint",
        "other text of an error",
    ),
    (
        "0.12.0",
        r"out_of_range_as_in_jax\[(-5|nums6)-a default that the caller leaves out-checkpoint",
        "other text of an error",
    ),
    ("0.12.0", r"test_same_text_inlined\[(linspace|logaddexp, hypot)\]", "JAX wrote linspace and hypot anew"),
    (
        "0.12.0",
        r"test_jet.py::test_equals_jax\[to integers\]",
        "JAX's jet of a conversion to integers has a derivative",
    ),
    ("0.12.0", r"test_expression_equals_jax\[.*jnp.sinc\(2\)\]", "JAX wrote sinc anew"),
    ("0.12.0", r"test_expression_equals_jax\[.*jnp.atleast_1d\(s, v\)\]", "a tuple, where 0.10.2 returns a list"),
    (
        "0.12.0",
        r"test_result_types\[(cross|polyval)-",
        "cross products of two dimensions are refused; polyval was written anew",
    ),
    ("0.12.0", r"test_shapes_that_broadcast\[(hypot|ldexp)\]", "another class of error"),
    ("0.12.0", r"test_the_equations_are_those_of_jax\[\d+-(asinh|erf|erfc|expm1)-float\d+-(jvp|vjp)\]", INVERSE),
    ("0.12.0", r"test_weak_types.py::test_rows\[\d+-(erf|erfc)-", INVERSE),
    ("0.12.0", r"test_every_public_name_of_jax_is_there", "jax.random.Key is new"),
    ("0.12.0", r"test_gradient_is_no_larger\[interp\]", ORDER),
]
# (the first version that computes as 0.10.2 does, the tests, the reason)
BEFORE: list[tuple[str, str, str]] = [
    (
        "0.10.1",
        r"test_same_text_inlined\[(zeros, ones, full|concatenate, stack|jvp of a sum)\]",
        "stack and integer_pow were written anew",
    ),
    (
        "0.10.1",
        r"test_equations_print_by_themselves\[unread results\]",
        "an equation knew whether its results are read",
    ),
    ("0.10.2", r"test_same_text_inlined\[operators\]", "floor division did not test for zero"),
]


def numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)))


def changes(installed: str | None = None) -> list[tuple[re.Pattern, str]]:
    """(pattern of names of tests, reason) for what the installed JAX computes otherwise."""
    now = numbers(installed or version("jax"))
    found = [row for row in SINCE if now >= numbers(row[0])] + [row for row in BEFORE if now < numbers(row[0])]
    return [(re.compile(pattern), reason) for _, pattern, reason in found]
