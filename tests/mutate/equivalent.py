"""Faults that change nothing that a program can see, each with the reason: (file, line of code, old, new) -> reason."""

EQUIVALENT: dict[tuple[str, str, str, str], str] = {
    (
        "minijax/transforms/jvp.py",
        "tangents = [next(given) if nz else Zero(aval) for nz, aval in zip(in_nonzero, tangent_avals, strict=True)]",
        "tangent_avals",
        "in_nonzero",
    ): "an argument whose tangent is a symbolic zero is a constant to the trace, and nobody reads the zero's type",
    (
        "minijax/api/jacobians.py",
        "while trace is not None and type(trace) is not StagingTrace:",
        "is not",
        "is",
    ): "an eager Jacobian then makes its basis by equations: the same numbers, in more time",
    (
        "minijax/lowering/numpy/expressions.py",
        'while len(parts) > 1 and parts[-1] == ":":',
        "1",
        "2",
    ): "the text of an index of two places then ends in a `:`, which NumPy does not need",
    (
        "minijax/transforms/transpose.py",
        "for v, x in zip(jaxpr.invars, args, strict=True):",
        "True",
        "False",
    ): "every caller gives a value or an UndefinedPrimal for each input; the check is for who writes another caller",
    (
        "minijax/lowering/numpy/bundle.py",
        "if isinstance(value, np.ufunc) or (isinstance(value, type) and issubclass(value, np.generic)):",
        "or",
        "and",
    ): "a newer NumPy's ufuncs name their module, by which `_named` finds them too: the text is the same",
    (
        "kaf/functional/tables.py",
        "start = (64 * (9 * i + 1) - memory.ctypes.data) % 4096",
        "4096",
        "4097",
    ): "arrays then begin beside a cache line: the same numbers, in more time",
    (
        "kaf/train/loop.py",
        "classes = model(examples.x[:1]).shape[-1]",
        "1",
        "2",
    ): "the number of classes is the same for one example as for two",
}
