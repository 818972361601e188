"""`check_rules` finds every planted fault and says which rule is wrong, and has nothing to say against the package's own rows."""

from __future__ import annotations

import numpy as np
import pytest

import minijax
import minijax.numpy as jnp
import minijax.scipy.special
from minijax.calls import registry
from minijax.extend.core import Primitive
from minijax.testing import check_rules

X = np.linspace(0.2, 0.7, 3)
OF_INTEGERS = (
    "and",
    "or",
    "xor",
    "not",
    "population_count",
    "shift_left",
    "shift_right_arithmetic",
    "shift_right_logical",
    "clz",
    "mulhi",
)
OF_TWO = (
    "eq_to le_to lt_to betaln betaln_slope pareto_log_density"
    " add add_any and atan2 complex div eq ge gt igamma igammac le lt max min mul mulhi ne nextafter or pow rem shift_left"
    " shift_right_arithmetic shift_right_logical sub xor zeta"
).split()
PARAMS = {
    "integer_pow": {"y": 3},
    "round": {"rounding_method": minijax.lax.RoundingMethod.TO_NEAREST_EVEN},
    "conj": {"input_dtype": np.dtype(np.complex128)},
}
COMPLEX = ("conj", "imag", "real")
# Rows that have no derivative by one of their arguments, most of them as in JAX.
WITHOUT = (
    *(f"hyp1f1_by_{by}" for by in ("a_and_a", "a_and_b", "b_and_b")),
    *(f"hyp2f1_by_{by}" for by in ("a_and_a", "a_and_b", "a_and_c", "c_and_c")),
    "expn",
    "igamma_grad_a",
    "polygamma",
    "random_gamma_grad",
    "random_gamma_grad_by_a",
    "random_gamma_grad_by_x",
    "regularized_incomplete_beta",
)
ROWS = sorted(n for n, p in registry.items() if p.elementwise and n not in WITHOUT)


# Hypergeometric functions: the parameters, then x.
OF_PARAMETERS = {
    **dict.fromkeys(("hyp1f1", "hyp1f1_by_a", "hyp1f1_by_b"), 3),
    **dict.fromkeys(("hyp2f1", "hyp2f1_by_a", "hyp2f1_by_c"), 4),
}


def arguments(name: str) -> list:
    if name in OF_PARAMETERS:
        return [X + shift for shift in (0.3, 0.6, 1.1, 0.0)[4 - OF_PARAMETERS[name] :]]
    if name.startswith("truncated"):
        return [X, X - 0.4, X + 0.7]
    if name in OF_INTEGERS:
        x = np.arange(1, 4, dtype=np.int32)
    else:
        x = X + 1j if name in COMPLEX else X + 1.5 if name in ("acosh", "zeta") else X
    return [x + 0.1 if i and x.dtype.kind == "f" else x for i in range(2 if name in OF_TWO else 1)]


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.one_in(24)
def test_the_packages_own_rows_keep_the_laws(name):
    report = check_rules(registry[name], *arguments(name), **PARAMS.get(name, {}))
    assert not report.wrong and {f.rule for f in report.findings} >= {
        "abstract_eval",
        "impl",
        "jvp",
        "batch",
        "program",
    }


def doubled(**faults) -> Primitive:
    """x -> 2x, with other rules in place of some."""
    primitive = Primitive("double")
    rules = {
        "impl": lambda x: 2 * x,
        "abstract_eval": lambda x: x,
        "jvp": lambda primals, tangents: (primitive.bind(*primals), primitive.bind(*tangents)),
        "transpose": lambda ct, x: [primitive.bind(ct)],
        "batch": lambda axis, args, dims: (primitive.bind(*args), dims[0]),
        **{rule: (lambda *args, make=make: make(primitive, *args)) for rule, make in faults.items()},
    }
    for rule, function in rules.items():
        setattr(primitive, rule, function)
    return primitive


calls = iter(range(10**6))

# {fault: (rules, the rules that are found wrong, words of the text)}
FAULTS = {
    "none": ({}, set(), ""),
    "a type": ({"abstract_eval": lambda p, x: x.update(shape=(*x.shape, 1))}, None, "double: abstract_eval is wrong: "),
    "a dtype": ({"abstract_eval": lambda p, x: x.update(dtype=np.dtype("int32"))}, None, "double: abstract_eval is wrong: "),
    "a tangent of another shape": (
        {"jvp": lambda p, primals, tangents: (p.bind(*primals), p.bind(*tangents)[:1])},
        {"jvp"},
        "double: jvp is wrong: ",
    ),
    "not the same twice": ({"impl": lambda p, x: 2 * x + next(calls)}, None, "double: impl is wrong: in a second call"),
    "a slope of 2.001": (
        {"jvp": lambda p, primals, tangents: (p.bind(*primals), jnp.multiply(2.001, tangents[0]))},
        {"jvp"},
        "double: jvp is wrong: the tangent: ",
    ),
    "another value": (
        {"jvp": lambda p, primals, tangents: (p.bind(*primals) + 1, p.bind(*tangents))},
        {"jvp"},
        "double: jvp is wrong: the value: ",
    ),
    "a tangent that is not linear": (
        {"jvp": lambda p, primals, tangents: (p.bind(*primals), 2 * tangents[0] + 1e-7 * tangents[0] ** 2)},
        {"jvp"},
        "double: jvp is wrong: the tangent for twice the direction: ",
    ),
    "a transpose of 1.999": (
        {"transpose": lambda p, ct, x: [jnp.multiply(1.999, ct)]},
        {"jvp", "transpose"},
        "double: transpose is wrong: the cotangent of argument 0 is not the adjoint: ",
    ),
    "a batch axis": (
        {"batch": lambda p, axis, args, dims: (p.bind(*args) if dims[0] == 0 else jnp.multiply(3, args[0]), dims[0])},
        {"batch"},
        "double: batch is wrong: for in_axes=(1,): ",
    ),
    "a rule that raises": (
        {"batch": lambda p, axis, args, dims: args[5]},
        {"batch"},
        "double: batch is wrong: it raised IndexError: ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name):
    faults, wrong, words = FAULTS[name]
    if wrong == set():
        assert check_rules(doubled(), X).wrong == ()
        return
    with pytest.raises(AssertionError) as found:
        check_rules(doubled(**faults), X)
    text = str(found.value)
    assert words in text
    if wrong is not None:
        assert {line.split(" ")[1] for line in text.splitlines() if " is wrong" in line} == wrong


def test_absent_rules_are_no_faults():
    primitive = Primitive("third")
    primitive.def_impl(lambda x: x / 3)
    primitive.def_abstract_eval(lambda x: x)
    states = {f.rule: f.state for f in check_rules(primitive, X).findings}
    assert states == {
        "abstract_eval": "ok",
        "impl": "ok",
        "jvp": "absent",
        "transpose": "absent",
        "batch": "absent",
        "program": "ok",
    }
