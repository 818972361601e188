"""A jaxpr, of minijax or of JAX, as lines that are equal if the programs are. This file needs the standard library alone: a process
in which the script's library is JAX runs it, too."""

from __future__ import annotations

# Equations of these run a jaxpr and do nothing else: where JAX's functions are jitted, minijax's need not be.
INLINED = ("jit", "pjit", "custom_jvp_call")


def outline(closed_jaxpr) -> list[str]:
    """A line for each equation that a result needs: types, primitive, operands; the lines of inner jaxprs behind it; last the
    results. Variables are numbered in their order."""
    equations: list = []
    jaxpr = getattr(closed_jaxpr, "jaxpr", closed_jaxpr)
    names = {v: f"c{i}" for i, v in enumerate(jaxpr.constvars)}
    results = _inline(jaxpr, [f"a{i}" for i in range(len(jaxpr.invars))], names, equations)
    live, kept = set(results), []
    for outs, left, operands, inner in reversed(equations):
        if live & set(outs):
            live.update(operands)
            kept.append((outs, left, operands, inner))
    numbers: dict[str, str] = {}
    lines = []
    for outs, left, operands, inner in reversed(kept):
        numbers.update({out: f"v{len(numbers) + i}" for i, out in enumerate(outs)})
        lines.append(f"{left} {' '.join(numbers.get(o, o) for o in operands)}".rstrip())
        lines += [f"  {line}" for line in inner]
    return [*lines, f"in {' '.join(numbers.get(r, r) for r in results)}"]


def _inline(jaxpr, args: list[str], names: dict, equations: list) -> list[str]:
    names.update(zip(jaxpr.invars, args))
    for eqn in jaxpr.eqns:
        operands = [_atom(v, names) for v in eqn.invars]
        inner = eqn.params.get("jaxpr") or eqn.params.get("call_jaxpr")
        if eqn.primitive.name in INLINED:
            names.update({v: f"c{id(v)}" for v in inner.jaxpr.constvars})
            results = _inline(inner.jaxpr, operands, names, equations)
        elif (number := _converted(eqn, operands)) is not None:
            results = [number]
        else:
            results = [f"e{len(equations)}.{i}" for i in range(len(eqn.outvars))]
            left = f"{' '.join(map(_type, eqn.outvars))} = {eqn.primitive.name}"
            equations.append((results, left, operands, _inner(eqn.params)))
        names.update(zip(eqn.outvars, results))
    return [_atom(v, names) for v in jaxpr.outvars]


def _inner(params: dict) -> list[str]:
    found = []
    for _, value in sorted(params.items()):
        for one in value if isinstance(value, (tuple, list)) else (value,):
            if hasattr(one, "eqns"):
                found += outline(one)
    return found


def _type(v) -> str:
    return v.aval.str_short(short_dtypes=True) + ("*" if getattr(v.aval, "weak_type", False) else "")


def _atom(v, names: dict) -> str:
    if not hasattr(v, "val"):
        return names[v]
    value = v.val.item() if hasattr(v.val, "item") else v.val
    return _literal(next((t(value) for t in (bool, int, float, complex) if isinstance(value, t)), value), v)


def _literal(value, v) -> str:
    """A number of a variable's type. JAX keeps a number as it is written, 0.1, and minijax the nearest of the dtype."""
    if isinstance(value, (bool, int, float, complex)) and hasattr(v.aval.dtype, "type"):
        value = v.aval.dtype.type(value).item()
    return f"{value}:{_type(v)}"


def _converted(eqn, operands: list[str]) -> str | None:
    """The number that an equation only converts: what comes into a function that JAX jits, as the 0 of `where(mask, x, 0)`."""
    number = operands[0].rpartition(":")[0] if eqn.primitive.name == "convert_element_type" else ""
    if not number:
        return None
    value = number == "True" if number in ("True", "False") else complex(number)
    return _literal(value if eqn.outvars[0].aval.dtype.kind == "c" else value.real, eqn.outvars[0])
