"""Names for the variables of jaxprs and of programs: a, b, ... z, ba, bb, ..."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, product
from keyword import iskeyword

_ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def letters() -> Iterator[str]:
    """a, b, ... z, ba, bb, ...: numbers in base 26, as JAX counts."""
    yield from _ALPHABET
    for length in count(1):
        for first in _ALPHABET[1:]:
            yield from map(first.__add__, map("".join, product(_ALPHABET, repeat=length)))


def variables() -> Iterator[str]:
    """The letters that Python takes for names of variables: the 214th is `if`."""
    return (name for name in letters() if not iskeyword(name))
