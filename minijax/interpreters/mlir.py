"""Lowerings of primitives (`jax.interpreters.mlir`): `register_lowering(p, lower_fun(f))`, for both compilers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..core.primitive import Primitive
from ..foundation.left_out import absent
from ..foundation.wrapping import wraps
from ..lowering.lowered import register

_PLATFORMS = ("cpu", "gpu", "cuda", "rocm", "tpu", "numpy", None)


class _Lowering:
    """What `lower_fun` makes: a function from arrays to a list of arrays, which is traced where a program has the primitive."""

    def __init__(self, function: Callable):
        self.function = function

    def __call__(self, ctx, *args, **params):
        raise TypeError("minijax writes StableHLO as text: a lowering is traced, and not called with MLIR's values.")


def lower_fun(fun: Callable[..., Any], multiple_results: bool = True) -> Callable[..., Any]:
    """The lowering that traces `fun(*arrays, **params)`, which returns a list of arrays, or one array if not multiple_results.

    >>> import minijax as jax
    >>> p = Primitive("thrice")
    >>> _ = p.def_abstract_eval(lambda x: x)
    >>> register_lowering(p, lower_fun(lambda x: 3 * x, multiple_results=False))
    >>> jax.jit(p.bind)(2.0)
    Array(6., dtype=float32, weak_type=True)
    """

    @wraps(fun)
    def listed(*args, **params):
        return [fun(*args, **params)]

    return _Lowering(fun if multiple_results else listed)


def register_lowering(
    prim: Primitive,
    rule: Callable[..., Any],
    platform: str | None = None,
    inline: bool = True,
    cacheable: bool = True,
) -> None:
    """Let a function stand for the primitive in programs: `rule` is made by `lower_fun`. platform: "cpu", "gpu", "cuda", "rocm" or
    "tpu"; None is for all. NumPy's programs are for "cpu"; a lowering for "numpy", which JAX does not have, is for them alone.

    Raises NotImplementedError for an unknown platform. A rule that writes MLIR itself is accepted, as libraries register theirs
    when they are imported; a program that has the primitive raises TypeError then.
    """
    if platform not in _PLATFORMS:
        raise NotImplementedError(
            f"Registering an MLIR lowering rule for primitive {prim} for an unknown platform {platform}. Known platforms are:"
            f" {', '.join(filter(None, _PLATFORMS))}."
        )
    register(prim, rule.function if isinstance(rule, _Lowering) else partial(_writes_mlir, prim), platform)


def _writes_mlir(prim: Primitive, *args, **params):
    raise TypeError(
        f"The lowering rule of primitive '{prim}' writes MLIR, of which minijax has no objects: it writes StableHLO as text. Write"
        " the primitive as a function of jax.numpy and jax.lax, and register mlir.lower_fun(function)."
    )


__all__ = ["lower_fun", "register_lowering"]


def __getattr__(name: str) -> Any:
    raise absent(__name__, name)
