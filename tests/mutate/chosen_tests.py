"""Which tests a fault in a file must face: those of its module, then those of its room; the quick ones first."""

from __future__ import annotations

from pathlib import Path

API = "tests/minijax/api/"
PRIMITIVES = "tests/minijax/primitives/"
NUMPY = "tests/minijax/numpy/"
TRANSFORMS = "tests/minijax/transforms/"
LOWERING = "tests/minijax/lowering/"

# The folder of a file -> tests of its room.
ROOMS = {
    "minijax/transforms": [
        API + "test_derivatives.py", API + "test_as_jax_does.py", API + "test_loops.py", PRIMITIVES + "test_rows.py",
        "tests/minijax/core", TRANSFORMS, "tests/minijax/test_bad_calls.py",
    ],
    "minijax/primitives": [
        PRIMITIVES + "test_rows.py", PRIMITIVES, NUMPY + "test_indexing.py", NUMPY + "test_numpy.py",
        API + "test_derivatives.py", API + "test_collectives.py", "tests/minijax/random", "tests/minijax/lax",
        "tests/minijax/scipy", NUMPY, TRANSFORMS, LOWERING,
        "tests/minijax/test_bad_calls.py",
    ],
    "minijax/lowering": [
        LOWERING, API + "test_jit.py", PRIMITIVES + "test_rows.py", "tests/minijax/fast", API + "test_clear_caches.py",
        "tests/test_scaling.py", "tests/minijax/core", NUMPY + "test_numpy.py", "tests/minijax/random",
    ],
    "minijax/api": [API, "tests/minijax/core", "tests/minijax/test_bad_calls.py", "tests/minijax/fast", TRANSFORMS],
    "kaf/functional": ["tests/kaf/functional", "tests/kaf/layers", "tests/test_kaf_evaluation.py"],
    "kaf/layers": ["tests/kaf/layers", "tests/kaf/functional", "tests/kaf/train"],
    "kaf/train": ["tests/kaf/train", "tests/kaf/cli", "tests/kaf/experiments"],
    "kaf/cli": ["tests/kaf/cli", "tests/kaf/train", "tests/kaf/experiments"],
    "kaf/experiments": ["tests/kaf/experiments", "tests/kaf/cli"],
    "kaf": ["tests/kaf"],
}  # fmt: skip

# Files that other tests than their room's see first.
FILES = {
    **{
        f"minijax/primitives/{name}.py": [
            "tests/minijax/lax/test_convolutions.py",
            "tests/minijax/lax/test_reductions.py",
        ]
        for name in ("convolution", "convolution_shapes", "windows", "reduce_windows")
    },
    **{
        f"minijax/primitives/{name}.py": [
            PRIMITIVES + "test_special_functions.py",
            "tests/minijax/scipy/test_special.py",
        ]
        for name in (
            "normal",
            "beta",
            "bessel",
            "exponentials",
            "gamma",
            "hypergeometric",
            "incomplete",
            "integrals",
            "special_functions",
        )
    },
    "minijax/primitives/random_gamma.py": ["tests/minijax/random/test_random.py"],
    "minijax/primitives/random_bits.py": ["tests/minijax/random/test_random.py"],
    "minijax/primitives/collectives.py": [API + "test_collectives.py", API + "test_pmap.py"],
    "minijax/primitives/indexing.py": [NUMPY + "test_indexing.py"],
    "minijax/primitives/windows.py": [NUMPY + "test_indexing.py"],
    "minijax/primitives/dynamic_slices.py": [NUMPY + "test_indexing.py"],
    "minijax/primitives/sorting.py": [NUMPY + "test_sorting.py"],
    "minijax/lowering/contraction.py": [LOWERING + "numpy/test_source.py", PRIMITIVES + "test_rows.py"],
    "minijax/lowering/xla/rules.py": [LOWERING + "xla/test_stablehlo.py", PRIMITIVES + "test_precision.py"],
    "minijax/lowering/lowered.py": ["tests/minijax/interpreters/test_users_primitives.py"],
}

# Where the files come from. Figures are looked at, by people; they are no part of it.
FOLDERS = ["minijax/transforms", "minijax/primitives", "minijax/lowering", "minijax/api", "kaf"]


LOOKED_AT = ("plot.py", "figures.py")


def files(root: Path) -> list[str]:
    paths = [p for folder in FOLDERS for p in (root / folder).rglob("*.py") if p.name not in LOOKED_AT]
    return sorted(str(p.relative_to(root)) for p in paths)


def chosen(root: Path, path: str) -> list[str]:
    """The tests of a file, in the order in which they are run: pytest stops at the first that fails."""
    stem = Path(path).stem
    own = sorted(str(p.relative_to(root)) for p in (root / "tests").rglob(f"test_{stem}.py"))
    # The module's own examples come first: they take no time. Then the folder that mirrors the file's.
    folder = Path(path).parent
    tests = [path, *own, *FILES.get(path, ())]
    mirror = "tests" / folder
    while str(folder) not in ROOMS:
        folder = folder.parent
    for test in [str(mirror), *ROOMS[str(folder)]]:
        found = (
            [test]
            if test.endswith(".py")
            else sorted(str(p.relative_to(root)) for p in (root / test).rglob("test_*.py"))
        )
        tests += found
    return list(dict.fromkeys(tests))
