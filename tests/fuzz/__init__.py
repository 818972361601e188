"""Random programs, run by minijax and by JAX and compared: `python -m tests.fuzz --minutes 60`."""
