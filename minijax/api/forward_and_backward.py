"""`fwd_and_bwd`: the forward and the backward pass of a function as two functions."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from .arguments import check_callable
from .derivatives import vjp
from .jit import jit


def fwd_and_bwd(
    fun: Callable[..., Any], argnums: int | Sequence[int], has_aux: bool = False, jitted: bool = True
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """(`fwd`, `bwd`), each compiled once, unlike the pull-back that `vjp` returns at each call (`jax.fwd_and_bwd`).

    fwd(*args) -> (value, residuals), with has_aux (value, residuals, auxiliary data). bwd(residuals, cotangent) -> the
    cotangent of the argument, or a tuple of them for a sequence argnums. jitted=False leaves both as plain Python.

    >>> fwd, bwd = fwd_and_bwd(lambda x, y: x * y, (0, 1))
    >>> value, residuals = fwd(3.0, 4.0)
    >>> bwd(residuals, 1.0)
    (Array(4., dtype=float32, weak_type=True), Array(3., dtype=float32, weak_type=True))
    """
    check_callable(fun)
    one = isinstance(argnums, int)
    chosen = (argnums,) if one else tuple(map(operator.index, argnums))

    def fwd(*args):
        n = len(args)
        positions = [i % n if -n <= i < n else i for i in chosen]
        if len(set(positions)) < len(positions):
            raise TypeError(f"fwd_and_bwd got argnums={argnums}, which name an argument twice.")
        if any(not 0 <= i < n for i in positions):
            raise ValueError(f"fwd_and_bwd got argnums={argnums}, but the function was called with {n} arguments.")

        def of_chosen(*given):
            merged = list(args)
            for i, x in zip(positions, given, strict=True):
                merged[i] = x
            return fun(*merged)

        return vjp(of_chosen, *[args[i] for i in positions], has_aux=has_aux)

    def bwd(residuals, cotangent):
        cotangents = residuals(cotangent)
        return cotangents[0] if one else cotangents

    return (jit(fwd), jit(bwd)) if jitted else (fwd, bwd)


__all__ = ["fwd_and_bwd"]
