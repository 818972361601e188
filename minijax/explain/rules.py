"""`python -m minijax rules`: the rows of all primitives by transformation, with their source."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from ..calls import registry
from ..core.primitive import Primitive
from ..lowering import xla
from ..lowering.numpy.expressions import EXPRESSIONS
from ..lowering.numpy.source import LOOPS
from .provenance import short_file, source_of

KINDS = ("jvp", "transpose", "batch", "numpy", "stablehlo")


class Unknown(LookupError):
    """No rule or primitive has such a name. The text says what there is."""


def rule_of(primitive: Primitive, kind: str) -> Callable | None:
    """The rule of a primitive; None if it has none of that kind."""
    if kind == "numpy":
        return EXPRESSIONS.get(primitive.name) or LOOPS.get(primitive.name) or primitive.impl
    if kind == "stablehlo":
        return xla.stablehlo.RULES.get(primitive.name)
    return getattr(primitive, kind)


def _entry(primitive: Primitive, kind: str) -> str:
    rule = rule_of(primitive, kind)
    reason = getattr(rule, "reason", None)
    if rule is None or hasattr(rule, "reason"):
        return f"# {primitive.name}: no {kind} rule" + (f", {reason}" if isinstance(reason, str) else "")
    code = getattr(inspect.unwrap(rule), "__code__", None)
    where = "" if code is None else f", {short_file(code.co_filename)}:{code.co_firstlineno}"
    return f"# {primitive.name}: {kind}{where}\n{source_of(rule) or repr(rule)}"


def text(kind: str | None = None, primitive: str | None = None) -> str:
    """The rules of one kind, or of one primitive, or that rule alone. Raises `Unknown` for a name that there is not."""
    if kind is not None and kind not in KINDS:
        if primitive is None and kind in registry:
            kind, primitive = None, kind
        else:
            raise Unknown(f"no rule is called {kind!r}: the rules are {', '.join(KINDS)}")
    if primitive is not None and primitive not in registry:
        raise Unknown(f"no primitive is called {primitive!r}: the primitives are {', '.join(sorted(registry))}")
    if kind is None and primitive is None:
        rows = [f"{'':24}" + "".join(f"{k:11}" for k in KINDS)]
        for name, row in sorted(registry.items()):
            has = ["yes" if not _entry(row, k).startswith(f"# {name}: no ") else "-" for k in KINDS]
            rows.append(f"{name:24}" + "".join(f"{h:11}" for h in has))
        return "\n".join(row.rstrip() for row in rows)
    kinds = KINDS if kind is None else (kind,)
    names = sorted(registry) if primitive is None else [primitive]
    return "\n\n".join(_entry(registry[n], k) for n in names for k in kinds)
