"""Arrays as source text: of every dtype, small, some empty, some with NaN, infinities, -0.0 or the ends of the dtype's range."""

from __future__ import annotations

import random

SHAPES = [(), (), (3,), (3,), (3,), (2, 3), (2, 3), (3, 3), (1, 3), (2, 1), (0,), (0, 3), (1,), (2, 2, 3)]
FLOATS = ["float32"] * 6 + ["float16", "bfloat16"]
INTEGERS = ["int32"] * 4 + ["int8", "uint8", "int16", "uint32"]
DTYPES = {
    "f": FLOATS,
    "i": INTEGERS,
    "b": ["bool"],
    "c": ["complex64"],
    "a": FLOATS * 3 + INTEGERS * 2 + ["bool"] * 3 + ["complex64"] * 3,
}
WIDE = {"float32": "float64", "int32": "int64", "complex64": "complex128"}
ENDS = {
    "int32": (-(2**31), 2**31 - 1), "int8": (-128, 127), "uint8": (0, 255), "int16": (-(2**15), 2**15 - 1),
    "uint32": (0, 2**32 - 1), "int64": (-(2**63), 2**63 - 1),
}  # fmt: skip
SPECIAL = ["nan", "inf", "-inf", "-0.0", "0.0", "-0.0", "0.0", "1e20", "-1e-20"]


def real(rng: random.Random, special: bool) -> str:
    if special and rng.random() < 0.4:
        return rng.choice(SPECIAL)
    return str(rng.choice([0.5, 1.0, -1.0, 2.0, 0.0]) if rng.random() < 0.15 else round(rng.uniform(-2, 2), 2))


def element(rng: random.Random, dtype: str, special: bool) -> str:
    if dtype == "bool":
        return rng.choice(["True", "False"])
    if "float" in dtype:
        return real(rng, special)
    if "complex" in dtype:
        return f"complex({real(rng, special)}, {real(rng, special)})"
    low, high = ENDS[dtype]
    return str(rng.choice([low, high])) if special and rng.random() < 0.4 else str(rng.randint(max(low, -4), 5))


def elements(rng: random.Random, shape, dtype: str, special: bool) -> str:
    if not shape:
        return element(rng, dtype, special)
    return "[" + ", ".join(elements(rng, shape[1:], dtype, special) for _ in range(shape[0])) + "]"


def array(rng: random.Random, kind: str = "a", axes: int | None = None, x64: bool = False) -> str:
    """An array of a kind of dtype (see `rows`), as an expression; in a tenth of the cases NumPy's, or a Python number."""
    dtype = rng.choice(DTYPES[kind])
    if x64 and rng.random() < 0.6:
        dtype = WIDE.get(dtype, dtype)
    shape = rng.choice([s for s in SHAPES if axes is None or len(s) == axes])
    special = rng.random() < 0.12
    if not shape and rng.random() < 0.3:
        number = {"bool": "bool", "float32": "float32", "int32": "int32"}.get(dtype)
        if number:
            return element(rng, number, special)
    if 0 in shape:
        return f'jnp.zeros({shape}, "{dtype}")'
    library = "np" if dtype != "bfloat16" and rng.random() < 0.1 else "jnp"
    return f'{library}.array({elements(rng, shape, dtype, special)}, "{dtype}")'
