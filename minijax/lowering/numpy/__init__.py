"""Writes a jaxpr as a readable NumPy program."""
