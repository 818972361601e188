"""Dataclasses as containers of pytrees."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from .pytree_nodes import GetAttrKey, NodeType, register


def register_dataclass(
    nodetype: type[Any],
    data_fields: Sequence[str] | None = None,
    meta_fields: Sequence[str] | None = None,
    drop_fields: Sequence[str] = (),
) -> type[Any]:
    """Make a dataclass a container: `data_fields` are children, `meta_fields` static.

    Without the two lists, fields with `dataclasses.field(metadata=dict(static=True))` are static and the others children.

    >>> from minijax.tree_util import tree_leaves
    >>> @register_dataclass
    ... @dataclasses.dataclass
    ... class Point:
    ...     x: float
    ...     name: str = dataclasses.field(metadata=dict(static=True))
    >>> tree_leaves(Point(1.0, 'p'))
    [1.0]
    """
    if (data_fields is None) != (meta_fields is None):
        raise TypeError(
            "register_dataclass: data_fields and meta_fields must both be specified when either is specified."
        )
    if data_fields is None:
        if not dataclasses.is_dataclass(nodetype):
            raise TypeError(
                "register_dataclass: data_fields and meta_fields are required when nodetype is not a dataclass."
                f" Got {nodetype=}."
            )
        fields = [f for f in dataclasses.fields(nodetype) if f.init]
        data_fields = [f.name for f in fields if not f.metadata.get("static", False)]
        meta_fields = [f.name for f in fields if f.metadata.get("static", False)]
    elif dataclasses.is_dataclass(nodetype):
        init = {f.name for f in dataclasses.fields(nodetype) if f.init}
        given = {*data_fields, *meta_fields, *drop_fields}
        if missing := init - given:
            raise ValueError(
                f"data_fields and meta_fields must include all dataclass fields with ``init=True``: {sorted(missing)} missing."
            )
        if unexpected := {*data_fields, *meta_fields} - init:
            raise ValueError(
                f"data_fields and meta_fields must only name dataclass fields with ``init=True``: {sorted(unexpected)} unexpected."
            )
    data_fields, meta_fields = tuple(data_fields), tuple(meta_fields)

    def flatten(x):
        return [getattr(x, name) for name in data_fields], tuple([getattr(x, name) for name in meta_fields])

    def unflatten(meta, children):
        return nodetype(**dict(zip(meta_fields, meta)), **dict(zip(data_fields, children)))

    register(nodetype, NodeType(nodetype, flatten, unflatten, lambda x: [GetAttrKey(name) for name in data_fields]))
    return nodetype


def static(**kwargs: Any) -> Any:
    """A field of a dataclass that `register_dataclass` takes for static data. Arguments are those of `dataclasses.field`.

    >>> from minijax.tree_util import tree_leaves
    >>> @register_dataclass
    ... @dataclasses.dataclass
    ... class Layer:
    ...     weights: float
    ...     name: str = static(default="dense")
    >>> tree_leaves(Layer(1.0))
    [1.0]
    """
    return dataclasses.field(metadata={"static": True, **(kwargs.pop("metadata", None) or {})}, **kwargs)
