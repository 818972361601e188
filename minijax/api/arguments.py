"""Helpers that all verbs share: they turn pytrees of arguments into flat lists of arrays, and flat results into pytrees."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ..core.array import ArrayImpl, to_array
from ..core.traces import Array, Tracer, check_not_leaked
from ..foundation.dtypes import float0
from ..foundation.pytrees import (
    tree_flatten,
    tree_unflatten,
)
from ..foundation.wrapping import name_of


def as_operand(x: Any, what: str = "argument"):
    """A leaf of the user's arguments, as an array or a tracer. Raises TypeError if it can be neither."""
    if type(x) is ArrayImpl:
        return x
    if isinstance(x, Tracer):
        check_not_leaked(x)
        return x
    if isinstance(x, np.ndarray) and x.dtype == float0:
        return x
    try:
        return to_array(x)
    except TypeError:
        raise TypeError(f"{what} {short_repr(x)} of type {type(x)} is not a valid JAX type.") from None


def short_repr(x: Any) -> str:
    text = repr(x)
    return f"'{text if len(text) < 60 else text[:57] + '...'}'"


def check_callable(fun: Any):
    if not callable(fun):
        raise TypeError(f"Expected a callable value, got {fun!r}")
    if inspect.isgeneratorfunction(fun):
        raise TypeError(f"Expected a function, got a generator function: {fun}")


def function_name(fun: Callable) -> str:
    return name_of(fun, "") or name_of(getattr(fun, "func", None), "") or type(fun).__name__


def flat_function(fun: Callable, in_tree, has_aux: bool = False) -> tuple[Callable, list]:
    """(`fun` as a function of flat arguments that returns flat results, a list for `unflatten_outputs`).

    A run of the function fills the list: the tree of the value, the tree of the auxiliary data, and the leaves of the
    auxiliary data that are not arrays. The arrays in the auxiliary data are further flat results, so that the trace
    replaces its tracers by their values. The other leaves do not go through the trace.
    """
    trees: list = []

    def flat(*args):
        out = fun(*tree_unflatten(in_tree, args))
        value, data = _split_aux(out) if has_aux else (out, None)
        leaves, tree = tree_flatten(value)
        data_leaves, data_tree = tree_flatten(data)
        # None stands for an array: no leaf is None.
        trees[:] = [tree, data_tree, [None if isinstance(x, Array) else x for x in data_leaves]]
        return [*[as_output(x, fun) for x in leaves], *[x for x in data_leaves if isinstance(x, Array)]]

    return flat, trees


def _split_aux(out):
    if not isinstance(out, (tuple, list)) or len(out) != 2:
        raise TypeError(
            f"expected function with aux output to return a two-element tuple, but got type {type(out)}: return (value, aux)."
        )
    return out


def unflatten_outputs(trees: list, outs: list) -> tuple:
    """(value, auxiliary data or None), put together from the flat results. `trees`: the list of `flat_function`."""
    tree, data_tree, data_leaves = trees
    arrays = iter(outs[tree.num_leaves :])
    data = tree_unflatten(data_tree, [next(arrays) if x is None else x for x in data_leaves])
    return tree_unflatten(tree, outs[: tree.num_leaves]), data


def as_output(x: Any, fun: Callable):
    if isinstance(x, Array):
        return x
    try:
        return as_operand(x)
    except TypeError:
        raise TypeError(
            f"function {function_name(fun)} returned a value of type {type(x)}, which is not a valid JAX type:"
            f" {short_repr(x)}. Return arrays, numbers, or containers of them."
        ) from None


def as_argnums(argnums) -> tuple[int, ...]:
    return (argnums,) if isinstance(argnums, int) else tuple(argnums or ())


def check_argnums(fun: Callable, nums: tuple[int, ...], option: str):
    """Raise ValueError if the signature of `fun` has no positional parameter for one of `nums`."""
    try:
        kinds = [p.kind for p in inspect.signature(fun).parameters.values()]
    except (TypeError, ValueError):  # A function written in C may have no signature.
        return
    n = kinds.count(inspect.Parameter.POSITIONAL_ONLY) + kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if inspect.Parameter.VAR_POSITIONAL not in kinds and not all(-n <= i < n for i in nums):
        raise ValueError(f"Jitted function has {option}={nums}, but only accepts {n} positional arguments.")


def static_positions(static_argnums, count: int) -> frozenset[int]:
    """The positions of the static arguments in a call with `count` arguments.

    A number that is too large is dropped: it stands for an argument with a default, which the caller left out. Raises
    ValueError for a negative number that counts back to before the first argument, as JAX does.
    """
    nums = as_argnums(static_argnums)
    for i in nums:
        if i < -count:
            raise ValueError(
                "Positional argument indices, e.g. for `static_argnums`, must have value greater than or equal to -len(args) and"
                f" less than len(args), but got value {i} for len(args) == {count}."
            )
    return frozenset(i % count for i in nums if i < count)


def merge_static(args, static: frozenset[int], dynamic) -> list:
    dynamic = iter(dynamic)
    return [x if i in static else next(dynamic) for i, x in enumerate(args)]


class ChosenArguments(NamedTuple):
    """The arguments that an option selects: their positions and their names."""

    nums: tuple[int, ...]
    names: frozenset[str]


def positions_and_names(fun: Callable, argnums, argnames, nums_option: str, names_option: str) -> ChosenArguments:
    """The positions and the names of the arguments that an option selects. The signature of `fun`, if it has one, gives the
    names for positions and the positions for names."""
    nums = () if argnums is None else (argnums,) if isinstance(argnums, int) else tuple(argnums)
    several = isinstance(argnames, Iterable) and not isinstance(argnames, str)
    names = () if argnames is None else tuple(argnames) if several else (argnames,)
    if not all(isinstance(n, str) for n in names):
        raise TypeError(f"jit's {names_option} must be a str or a sequence of strs, got {argnames!r}")
    if not all(isinstance(i, int) for i in nums):
        raise TypeError(f"jit's {nums_option} must be an int or a sequence of ints, got {argnums!r}")
    if not nums and not names:
        # Mostly so. To ask for the signature costs 10 us, a thirtieth of tracing a gradient of 15 operations.
        return ChosenArguments((), frozenset())
    try:
        parameters = list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):
        return ChosenArguments(nums, frozenset(names))
    kinds = inspect.Parameter
    positional = [p.name for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    any_keyword = any(p.kind is kinds.VAR_KEYWORD for p in parameters)
    known = {p.name for p in parameters}
    for n in names:
        if n not in known and not any_keyword:
            raise ValueError(
                f"jitted function has invalid argnames {{{n!r}}} in {names_option}. Function does not take these args."
            )
    if nums:
        check_argnums(fun, nums, nums_option)
    all_names = frozenset(names) | {positional[i] for i in nums if -len(positional) <= i < len(positional)}
    all_nums = tuple(sorted({*nums, *[positional.index(n) for n in names if n in positional]}))
    return ChosenArguments(all_nums, all_names)
