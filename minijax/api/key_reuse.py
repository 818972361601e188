"""`jax.debug_key_reuse`: an error where a program uses a key twice, whose numbers would then be the same.

A key is used up when bits are made of it, when it is split, or when an operation gets it that this file does not know. `fold_in`
and `clone` use nothing up: that is what they are for. Raw keys are numbers, and nobody follows them.

`uses_of` says what one operation does with its keys, and `_uses_of_jaxpr` does so for a program, which raises at the second use
within it. Outside of programs, an array of keys notes which of its keys are used up (`ArrayImpl.used`). (JAX: key_reuse/_core.py.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..calls.cond import cond_p
from ..calls.jit import jit_p
from ..calls.scan import scan_p
from ..calls.while_loop import while_p
from ..core import array
from ..core.array import ArrayImpl
from ..core.jaxpr import ClosedJaxpr, Jaxpr, Literal
from ..core.primitive import CallPrimitive, Primitive
from ..core.staging import weak_cache
from ..foundation.dtypes import key_fry
from ..foundation.errors import KeyReuseError
from ..primitives.joining import unstack_p
from ..primitives.shapes import slice_p

# Which keys of an array are used: all of them or none, or a mask of its shape.
Mask = Any


class Uses(NamedTuple):
    """What an operation does with keys. A result that is in neither `fresh` nor `same` counts as used: nobody knows its keys."""

    used: tuple[tuple[int, Mask], ...] = ()  # the arguments whose keys it uses up, and which of them
    fresh: frozenset[int] = frozenset()  # the results that are new keys
    same: tuple[tuple[int, int], ...] = ()  # (result, the argument whose keys the result holds, used or not)
    closed: tuple[tuple[Any, Mask], ...] = ()  # the arrays of keys that a program closes over and uses up


NEW = Uses(fresh=frozenset([0]))
SAME = Uses(same=((0, 0),))
_KNOWN = {
    **dict.fromkeys(("random_seed", "random_wrap", "random_fold_in", "random_clone"), NEW),
    **dict.fromkeys(("reshape", "squeeze", "broadcast_in_dim", "copy", "copy_p", "device_put", "stop_gradient"), SAME),
    **dict.fromkeys(("gather", "scatter", "dynamic_slice", "dynamic_update_slice"), SAME),
    **dict.fromkeys(("random_unwrap", "eq", "ne", "debug_callback", "debug_print"), Uses()),
    "random_split": Uses(used=((0, True),), fresh=frozenset([0])),
}  # fmt: skip


def _is_key(x: Any) -> bool:
    return x.aval.dtype == key_fry if hasattr(x, "aval") else False


def _all_used(args: Sequence) -> tuple[tuple[int, Mask], ...]:
    return tuple((i, True) for i, x in enumerate(args) if _is_key(x))


def _uses_of_slice(args, *, start_indices, limit_indices, strides) -> Uses:
    mask = np.zeros(args[0].aval.shape, bool)
    steps = strides or (1,) * mask.ndim
    mask[tuple(slice(*part) for part in zip(start_indices, limit_indices, steps))] = True
    return Uses(used=((0, mask),) if _is_key(args[0]) else (), fresh=frozenset([0]))


def _uses_of_cond(args, *, branches) -> Uses:
    found = [_uses_of_jaxpr(branch) for branch in branches]
    used = {}
    for i, mask in [pair for uses in found for pair in uses.used]:
        used[i + 1] = np.logical_or(used.get(i + 1, False), mask)
    same = {(out, i + 1) for uses in found for out, i in uses.same}
    return Uses(
        used=tuple(used.items()),
        fresh=frozenset.intersection(*[uses.fresh | {out for out, _ in uses.same} for uses in found])
        - {o for o, _ in same},
        same=tuple(sorted(same)),
        closed=tuple(pair for uses in found for pair in uses.closed),
    )


def _uses_of_scan(args, *, jaxpr, num_consts, num_carry, **params) -> Uses:
    uses = _uses_of_jaxpr(jaxpr)
    start = "scan body function leads to key reuse when repeatedly executed, because "
    used = {i for i, _ in uses.used}
    if uses.closed or any(i < num_consts for i in used):
        raise KeyReuseError(
            f"{start}key constants are repeatedly consumed: split the key in the carry, or fold in the step."
        )
    renewed = {num_consts + out for out in uses.fresh if out < num_carry}
    if any(i < num_consts + num_carry and i not in renewed for i in used):
        raise KeyReuseError(
            f"{start}consumed inputs don't match sourced outputs: return a new key in the place of the used one."
        )
    return Uses(tuple((i, True) for i in sorted(used)), uses.fresh, uses.same)


def _uses_of_while(args, *, cond_jaxpr, body_jaxpr, cond_nconsts, body_nconsts) -> Uses:
    of_cond, of_body = _uses_of_jaxpr(cond_jaxpr), _uses_of_jaxpr(body_jaxpr)
    in_cond, in_body = {i for i, _ in of_cond.used}, {i for i, _ in of_body.used}
    carried = {i - cond_nconsts for i in in_cond}
    if carried & {i - body_nconsts for i in in_body if i >= body_nconsts}:
        raise KeyReuseError("while_loop cond and body functions both use the same key: split it in the body.")
    for name, uses, indices, nconsts in (
        ("cond", of_cond, in_cond, cond_nconsts),
        ("body", of_body, in_body, body_nconsts),
    ):
        if uses.closed or any(i - nconsts not in of_body.fresh for i in indices):
            raise KeyReuseError(
                f"while_loop {name} function leads to key reuse when repeatedly executed: return a new key in the place of the"
                " used one."
            )
    first = cond_nconsts + body_nconsts
    used = {*carried, *(i - body_nconsts for i in in_body)}
    return Uses(
        tuple((first + i, True) for i in sorted(used)),
        of_body.fresh,
        tuple((out, i - body_nconsts + first) for out, i in of_body.same if i >= body_nconsts),
    )


def _uses_of_unstack(args, **params) -> Uses:
    # `first, second = keys` takes an array of keys apart in this way, and in JAX that is no use of the keys.
    return Uses(fresh=frozenset(range(max(args[0].aval.shape, default=0))))


_RULES: dict[Primitive, Callable[..., Uses]] = {
    unstack_p: _uses_of_unstack,
    slice_p: _uses_of_slice,
    cond_p: _uses_of_cond,
    scan_p: _uses_of_scan,
    while_p: _uses_of_while,
}


def uses_of(primitive: Primitive, args: Sequence, params: dict) -> Uses:
    """What a primitive does with the keys among its arguments: variables, arrays or tracers. Raises KeyReuseError if a program
    among its parameters uses a key twice."""
    if primitive in _RULES:
        return _RULES[primitive](args, **params)
    called = primitive.called_jaxpr(params) if isinstance(primitive, CallPrimitive) else None
    if called is not None:
        return _uses_of_jaxpr(called)
    if primitive.name in _KNOWN:
        return _KNOWN[primitive.name]
    return Uses(used=_all_used(args), fresh=frozenset([0]) if primitive.name == "concatenate" else frozenset())


def check_key_reuse(jaxpr: Jaxpr, consts: Sequence):
    """Raise KeyReuseError if the program uses a key twice."""
    _uses_of_program(jaxpr, consts)


@weak_cache
def _uses_of_jaxpr(closed_jaxpr: ClosedJaxpr) -> Uses:
    return _uses_of_program(closed_jaxpr.jaxpr, closed_jaxpr.consts)


class _Followed:
    """The keys of a program while its equations are gone through. A variable that holds the keys of another one stands for it."""

    def __init__(self, jaxpr: Jaxpr, consts: Sequence):
        self.of: dict[Any, Any] = {}  # {variable: the variable or constant whose keys it holds}
        self.used: dict[Any, Mask] = {}
        self.constants: dict[int, Any] = {}  # {id: an array of keys that the program closes over}
        for v, const in zip(jaxpr.constvars, consts):
            self.of[v] = self.constant(const)

    def constant(self, x: Any) -> int:
        if _is_key(x):
            self.constants[id(x)] = x
        return id(x)

    def holder(self, atom: Any) -> Any:
        return self.constant(atom.val) if type(atom) is Literal else self.of.get(atom, atom)

    def use(self, holder: Any, mask: Mask, error: str):
        before = self.used.get(holder, False)
        if np.any(_overlap(before, mask)):
            raise KeyReuseError(error)
        self.used[holder] = _union(before, mask)


def _uses_of_program(jaxpr: Jaxpr, consts: Sequence) -> Uses:
    keys = _Followed(jaxpr, consts)
    for eqn in jaxpr.eqns:
        uses = uses_of(eqn.primitive, eqn.invars, eqn.params)
        name = eqn.primitive.name
        for i, mask in uses.used:
            keys.use(keys.holder(eqn.invars[i]), mask, f"In {name}, argument {i} is already consumed.")
        for x, mask in uses.closed:
            keys.use(keys.constant(x), mask, f"In {name}, a key that it closes over is already consumed.")
        held = dict(uses.same)
        for i, v in enumerate(eqn.outvars):
            if i in held:
                keys.of[v] = keys.holder(eqn.invars[held[i]])
            elif i not in uses.fresh:
                keys.used[v] = True
    places = {v: i for i, v in reversed([*enumerate(jaxpr.invars)])}
    holders = [keys.holder(v) for v in jaxpr.outvars]
    return Uses(
        used=tuple((i, keys.used[v]) for v, i in places.items() if np.any(keys.used.get(v, False))),
        fresh=frozenset(
            i
            for i, h in enumerate(holders)
            if h not in places and h not in keys.constants and not np.any(keys.used.get(h, False))
        ),
        same=tuple((i, places[h]) for i, h in enumerate(holders) if h in places),
        closed=tuple((x, keys.used[h]) for h, x in keys.constants.items() if np.any(keys.used.get(h, False))),
    )


def _fits(a: Mask, b: Mask) -> bool:
    return np.ndim(a) == 0 or np.ndim(b) == 0 or np.shape(a) == np.shape(b)


def _overlap(a: Mask, b: Mask) -> Mask:
    # Of a reshaped array nobody knows which of its keys are the used ones. A scalar meets an empty mask as its own value.
    if not _fits(a, b):
        return np.any(a) and np.any(b)
    return np.logical_and(a, b) if np.size(a) and np.size(b) else True


def _union(a: Mask, b: Mask) -> Mask:
    return np.logical_or(a, b) if _fits(a, b) else True


def _run(primitive: Primitive, args, params):
    """`evaluate`, which takes the keys that were used before for an error, and notes which ones are used up."""
    args = [a if type(a) is ArrayImpl else array.to_array(a) for a in args]
    if not any(map(_is_key, args)) and not isinstance(primitive, CallPrimitive):
        return array.evaluate(primitive, args, params)
    uses = uses_of(primitive, args, params)
    met = [*[(args[i], mask, i) for i, mask in uses.used], *[(x, mask, None) for x, mask in uses.closed]]
    name = "jit-compiled function" if primitive is jit_p else primitive.name
    for x, mask, i in met:
        if np.any(_overlap(_used(x), mask)):
            place = "in its closure" if i is None else f"at index {i}"
            raise KeyReuseError(f"Previously-consumed key passed to {name} {place}")
    results = array.evaluate(primitive, args, params)
    for x, mask, _ in met:
        _note(x, _union(_used(x), mask))
    held = dict(uses.same)
    for i, out in enumerate(results if primitive.multiple_results else [results]):
        if i not in uses.fresh and type(out) is ArrayImpl and _is_key(out):
            state = _used(args[held[i]]) if i in held else True
            if np.any(state):
                _note(out, state if np.ndim(state) == 0 or np.shape(state) == out.shape else True)
    return results


def _used(x: Any) -> Mask:
    return getattr(x, "used", False)


def _note(x: Any, mask: Mask):
    if type(x) is ArrayImpl:
        x.used = mask


array.run_and_follow_keys = _run
