"""`jax.scipy`, of which minijax has the modules `special` and `linalg`."""

from importlib import import_module
from typing import TYPE_CHECKING

from . import special

if TYPE_CHECKING:
    from . import linalg
else:

    def __getattr__(name: str):
        # Imported when a program asks for it: most programs of `special` do without.
        if name == "linalg":
            return import_module(f"{__name__}.linalg")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["linalg", "special"]
