"""How the text of a jaxpr depends on JAX's version, and on who reads it: minijax prints what the installed JAX would print.

The version is read from the metadata of the installed distribution; nothing of JAX is imported. Without JAX, minijax prints as
`NEWEST`. `config.update("minijax_jaxpr_version", "0.10.2")` or MINIJAX_JAXPR_VERSION chooses another version.

The versions differ in their programs, too: JAX 0.12 computes `jnp.hypot` from other operations. minijax traces the program of
JAX 0.10.2 under every setting, since the setting must not change a result.
"""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module

from .config import config

# The newest version whose text was compared with ours.
NEWEST = "0.12.0.1"


@cache
def installed() -> str:
    """The version of the installed JAX, or `NEWEST` if none is installed."""
    # The module takes 30 ms to import, and only programs that print a jaxpr need it.
    metadata = import_module("importlib.metadata")
    try:
        return metadata.version("jax")
    except metadata.PackageNotFoundError:
        return NEWEST


@cache
def _numbers(version: str) -> tuple[int, ...]:
    if not re.match(r"\d+\.\d+", version):
        raise ValueError(
            f'minijax_jaxpr_version must be a version of JAX such as "0.10.2", or "" for the installed one; got {version!r}.'
        )
    return tuple(map(int, re.findall(r"\d+", version)))


def prints_as_of(version: str) -> bool:
    """Whether jaxprs are printed as by this version of JAX or a later one.

    >>> prints_as_of("0.10.0"), prints_as_of("99.0")
    (True, False)
    """
    return _numbers(config.minijax_jaxpr_version or installed()) >= _numbers(version)


def in_color(use_color: bool | None) -> bool:
    """Whether the text of a jaxpr has the terminal's colours: as the caller says; if None, where people read it, in a terminal or
    a notebook, and `jax_pprint_use_color` is on."""
    if use_color is not None:
        return use_color
    shell = type(getattr(builtins, "get_ipython", lambda: None)()).__name__
    is_read = shell == "ZMQInteractiveShell" or hasattr(sys.stdout, "isatty") and sys.stdout.isatty()
    return config.jax_pprint_use_color and is_read


def _nones(number: int) -> str:
    return str((None,) * number)


def _scan(params: dict) -> dict:
    """Since 0.11, a scan shows its arguments and results in groups, (consts, carry, xs) and (carry, ys), in place of the sizes."""
    body, consts, carry = params["jaxpr"], params["num_consts"], params["num_carry"]
    xs = len(body.in_avals) - consts - carry
    ys = ", ".join(["RightsOnly(Right(None))"] * (len(body.out_avals) - carry))
    ys = f"({ys},)" if ys and "," not in ys else f"({ys})"
    groups = {
        "ft_in": f"({_nones(consts)}, {_nones(carry)}, {_nones(xs)})",
        "ft_out": f"({_nones(carry)}, {ys})",
    }
    return {**{k: v for k, v in params.items() if k not in ("num_consts", "num_carry")}, **groups}


def _out_sharding(params: dict) -> dict:
    return {**params, "out_sharding": None}


def _accuracy(params: dict) -> dict:
    """JAX shows no accuracy where the program gives none."""
    return {k: v for k, v in params.items() if v is not None}


# {primitive: (the first version that shows its params so, a function of our params that gives those to show)}
_CHANGES: dict[str, tuple[str, Callable[[dict], dict]]] = {
    "reduce_max": ("0.11.1", _out_sharding),
    "reduce_min": ("0.11.1", _out_sharding),
    "scan": ("0.11.0", _scan),
    "top_k": ("0.11.0", lambda params: {**params, "is_stable": True}),
    **dict.fromkeys("cbrt cos exp exp2 expm1 log log1p logistic rsqrt sin sqrt tan tanh".split(), ("0.0", _accuracy)),
}


def params_to_print(primitive: str, params: dict) -> dict:
    """The params that an equation has in the JAX whose text minijax prints."""
    if primitive not in _CHANGES:
        return params
    since, change = _CHANGES[primitive]
    return change(params) if prints_as_of(since) else params
