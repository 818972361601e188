"""A jaxpr of JAX or of minijax as lines of text: nested jits are inlined, variables are numbered, dead equations are dropped."""

from __future__ import annotations

from minijax.core.jaxpr import JaxprEqn
from minijax.foundation.jax_versions import params_to_print


def lines(closed_jaxpr) -> list[str]:
    """A line for each equation: its number, result types (* for weak), primitive, params by name, arguments; last the
    results. `3.1` is the second result of equation 3, `a0` the first argument, `c0` the first constant."""
    args = [f"a{i}" for i in range(len(closed_jaxpr.jaxpr.invars))]
    names, equations = {}, []
    results = _inline(closed_jaxpr.jaxpr, args, names, equations)
    return _renumber(_without_dead(equations, results), results)


def _type(v) -> str:
    return f"{v.aval.str_short(short_dtypes=True)}{'*' if getattr(v.aval, 'weak_type', False) else ''}"


def _atom(v, names: dict) -> str:
    if not hasattr(v, "val"):
        return names[v]
    value = v.val.item() if hasattr(v.val, "item") else v.val
    # JAX's classes of numbers print differently from Python's.
    value = next((t(value) for t in (bool, int, float, complex) if isinstance(value, t)), value)
    return f"{value}:{_type(v)}"


def _inline(jaxpr, args: list[str], names: dict, equations: list) -> list[str]:
    names.update(zip(jaxpr.invars, args, strict=True))
    for v in jaxpr.constvars:
        names[v] = f"c{sum(n.startswith('c') for n in names.values())}"
    for eqn in jaxpr.eqns:
        args = [_atom(v, names) for v in eqn.invars]
        inner = eqn.params.get("jaxpr") or eqn.params.get("call_jaxpr")
        if eqn.primitive.name in ("jit", "custom_jvp_call"):
            results = _inline(inner.jaxpr, args, names, equations)
        else:
            results = [f"{len(equations)}.{i}" for i in range(len(eqn.outvars))]
            shown = params_to_print(eqn.primitive.name, eqn.params) if isinstance(eqn, JaxprEqn) else eqn.params
            params = " ".join(f"{k}={v}" for k, v in sorted(shown.items()) if v is not None)
            types = " ".join(map(_type, eqn.outvars))
            equations.append((results, f"{types} = {eqn.primitive.name}[{params}]", args))
        names.update(zip(eqn.outvars, results, strict=True))
    return [_atom(v, names) for v in jaxpr.outvars]


def _without_dead(equations: list, results: list[str]) -> list:
    live, kept = set(results), []
    for outs, text, args in reversed(equations):
        if live & set(outs):
            live.update(args)
            kept.append((outs, text, args))
    return kept[::-1]


def _renumber(equations: list, results: list[str]) -> list[str]:
    """The name of a variable: the number of the equation that computes it. Dropped equations have no number."""
    number: dict[str, str] = {}
    out = []
    for i, (outs, text, args) in enumerate(equations):
        out.append(f"{i}: {text} {' '.join(number.get(a, a) for a in args)}")
        number.update({name: f"{i}.{j}" for j, name in enumerate(outs)})
    return [*out, " ".join(number.get(r, r) for r in results)]
