"""JAX's dicts of rules, `primitive_jvps[p] = rule`, as views of the primitives' rows: there is no second table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from weakref import WeakSet

from ..calls import registry
from ..core.checks import bare
from ..core.primitive import Absent, Primitive

# Users' primitives that got a rule by one of these tables. Those of the package are in its registry.
_users: WeakSet[Primitive] = WeakSet()


class RuleTable(MutableMapping):
    """The rules of one kind, {primitive: rule}. To set or delete an item changes the primitive's row.

    kind: the attribute of the primitive. inward: (rule as JAX has it) -> rule of a row. outward: (primitive, rule of its row) ->
    rule as JAX has it.

    >>> from minijax.interpreters import ad
    >>> from minijax.lax import sin_p
    >>> sin_p in ad.primitive_jvps, sin_p in ad.primitive_transposes
    (True, False)
    """

    def __init__(self, kind: str, inward: Callable | None = None, outward: Callable | None = None):
        self.kind, self.inward, self.outward = kind, inward, outward

    def __getitem__(self, primitive: Primitive) -> Callable:
        rule = bare(getattr(primitive, self.kind))
        if isinstance(rule, Absent):
            raise KeyError(primitive)
        return rule if self.outward is None else self.outward(primitive, rule)

    def __setitem__(self, primitive: Primitive, rule: Callable):
        setattr(primitive, self.kind, rule if self.inward is None else self.inward(rule))
        _users.add(primitive)

    def __delitem__(self, primitive: Primitive):
        self[primitive]
        setattr(primitive, self.kind, Absent(primitive.name, self.kind))

    def __iter__(self) -> Iterator[Primitive]:
        known = dict.fromkeys([*registry.values(), *_users])
        return iter([p for p in known if not isinstance(getattr(p, self.kind), Absent)])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, primitive: object) -> bool:
        return isinstance(primitive, Primitive) and not isinstance(getattr(primitive, self.kind), Absent)

    def __repr__(self) -> str:
        return f"RuleTable({self.kind!r}, of {len(self)} primitives)"
