"""Arrays of weak type, `jnp.array([True]) * 1.0`: the results of every function are weak where JAX's are."""

from __future__ import annotations

import importlib
import inspect

import jax
import jax.numpy
import pytest

import minijax
import minijax.numpy
from tests.minijax.numpy.test_result_types import CALLS, NOT_OF_COMPLEX, functions

STATS = """
    norm beta gamma expon cauchy laplace logistic pareto poisson t uniform bernoulli binom nbinom geom chi2 betabinom gennorm
    truncnorm wrapcauchy vonmises gumbel_l gumbel_r
""".split()
MODULES = [
    "nn",
    "numpy.linalg",
    "numpy.fft",
    "scipy.linalg",
    "scipy.special",
    *[f"scipy.stats.{name}" for name in STATS],
]
# JAX takes complex numbers for these, and minijax for none of them.
NO_COMPLEX = {
    *NOT_OF_COMPLEX,
    "scipy.special.owens_t",
    *[f"scipy.stats.logistic.{n}" for n in ("cdf", "sf", "logpdf", "pdf")],
}
# JAX's is weak for two rows, and not for one.
OTHERS = {"scipy.linalg.fiedler_companion"}


def public(module: str) -> list[str]:
    found = vars(importlib.import_module(f"minijax.{module}"))
    return [
        f"{module}.{name}" for name, f in found.items() if name in found.get("__all__", ()) and inspect.isroutine(f)
    ]


NAMES = [name for name in functions() if name not in CALLS and "." not in name]
NAMES = sorted(
    {*[f"numpy.{name}" for name in NAMES], *[name for module in MODULES for name in public(module)]} - OTHERS
)


def outcome(lib, name: str, shape: tuple, count: int, number):
    module, _, function = name.rpartition(".")
    f = getattr(importlib.import_module(f"{lib.__name__}.{module}"), function)
    given = [lib.ShapeDtypeStruct(shape, bool)] * count
    try:
        results = lib.eval_shape(lambda *xs: f(*[x * number for x in xs]), *given)
    except Exception:
        return "refused"
    return [(str(x.dtype), x.shape, x.weak_type) for x in lib.tree.leaves(results)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.one_in(120)
def test_results_are_weak_where_those_of_jax_are(name):
    for shape in ((2, 2), ()):
        for count in (1, 2, 3):
            for number in (1, 1.0, 1j):
                complex_too = name not in NO_COMPLEX and name.removeprefix("numpy.") not in NO_COMPLEX
                if number != 1j or complex_too:
                    theirs = outcome(jax, name, shape, count, number)
                    # Other tests compare which arguments are refused.
                    if theirs != "refused":
                        assert outcome(minijax, name, shape, count, number) == theirs, (shape, count, number)
