"""Faults that change nothing that a program can see, each with the reason: (file, line of code, old, new) -> reason."""

EQUIVALENT: dict[tuple[str, str, str, str], str] = {}
