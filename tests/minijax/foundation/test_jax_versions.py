"""A jaxpr prints as by the installed JAX, or as by the version that the setting names."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys

import numpy as np
import pytest

import minijax
from minijax import lax
from minijax.foundation import jax_versions

x = np.ones(3, np.float32)


@pytest.fixture
def print_as():
    yield lambda version: minijax.config.update("minijax_jaxpr_version", version)
    minijax.config.update("minijax_jaxpr_version", "")


def long_jit(x):
    for _ in range(11):
        x = lax.sin(x)
    return x


def unread_inside(x):
    return minijax.jit(lambda x: minijax.jit(lambda x: (lax.sin(x), lax.cos(x)))(x)[0])(x)


SCAN_BEFORE = "num_carry=1\n      num_consts=1\n      reverse=False"
SCAN_SINCE = "ft_in=((None,), (None,), (None, None))\n      ft_out=((None,), (RightsOnly(Right(None)),))\n      jaxpr="

# (program, what its text has in the versions before, the first version that prints otherwise, what its text has since then)
CHANGES = {
    "top_k": (lambda x: lax.top_k(x, 2), "top_k[axis=0 k=2]", "0.11.0", "top_k[axis=0 is_stable=True k=2]"),
    "max": (lambda x: x.max(), "reduce_max[axes=(0,)]", "0.11.1", "reduce_max[axes=(0,) out_sharding=None]"),
    "min": (lambda x: x.min(), "reduce_min[axes=(0,)]", "0.11.1", "reduce_min[axes=(0,) out_sharding=None]"),
    "scan": (
        lambda x: lax.scan(lambda c, r: (c * r[0] + x[0], c * r[1]), 1.0, (x, x)),
        SCAN_BEFORE,
        "0.11.0",
        SCAN_SINCE,
    ),
    "scan without rows": (
        lambda x: lax.scan(lambda c, _: (c * 2, None), x, None, length=3),
        "num_carry=1\n      num_consts=0",
        "0.11.0",
        "ft_in=((), (None,), ())\n      ft_out=((None,), ())",
    ),
    "scan of two results": (
        lambda x: lax.scan(lambda c, r: (c * r, (c, -c)), 1.0, x),
        "num_carry=1\n      num_consts=0",
        "0.11.0",
        "ft_out=((None,), (RightsOnly(Right(None)), RightsOnly(Right(None))))",
    ),
    "a long jit": (minijax.jit(long_jit), "jit[\n      name=long_jit\n      jaxpr={", "0.10.2", "let long_jit = {"),
    "an unread result": (unread_inside, "b:f32[3] _:f32[3] = jit[", "0.10.1", "b:f32[3] c:f32[3] = jit["),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_begins_with_its_version(name, print_as):
    program, before, version, since = CHANGES[name]
    jaxpr = minijax.make_jaxpr(lambda x: program(minijax.numpy.asarray(x)))(x)
    versions = ["0.10.0", "0.10.1", "0.10.2", "0.11.0", "0.11.1", "0.11.2", "0.12.0", "0.12.0.1", "1.0"]
    for printed in versions:
        print_as(printed)
        text = str(jaxpr)
        assert (before in text, since in text) == (printed < version, printed >= version), (printed, text)


def test_without_jax_the_text_is_that_of_the_newest_version(monkeypatch):
    def version(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    jax_versions.installed.cache_clear()
    try:
        assert jax_versions.installed() == jax_versions.NEWEST
        assert "is_stable" in str(minijax.make_jaxpr(lambda x: lax.top_k(x, 2))(x))
    finally:
        jax_versions.installed.cache_clear()


def test_the_installed_version_is_read_and_jax_is_not_imported():
    program = """
import sys, minijax, minijax.foundation.jax_versions, numpy as np
print(minijax.foundation.jax_versions.prints_as_of("0.11.0"))
print(minijax.make_jaxpr(lambda x: minijax.lax.top_k(x, 2))(np.ones(3, np.float32)))
print([m for m in ("jax", "jaxlib") if m in sys.modules])
"""
    installed = importlib.metadata.version("jax")
    for given, version in (("", installed), ("0.10.2", "0.10.2"), ("0.12.0", "0.12.0")):
        env = {**os.environ, "MINIJAX_JAXPR_VERSION": given}
        lines = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env
        ).stdout.splitlines()
        newer = tuple(map(int, version.split("."))) >= (0, 11)
        assert lines[0] == str(newer)
        assert ("is_stable" in "".join(lines)) == newer
        assert lines[-1] == "[]"


@pytest.mark.parametrize("version", ["newest", "10", "v0.10.2"])
def test_no_version(version, print_as):
    print_as(version)
    with pytest.raises(ValueError, match="minijax_jaxpr_version must be a version of JAX such as"):
        str(minijax.make_jaxpr(lambda x: x)(x)), jax_versions.prints_as_of("0.10.2")


def test_versions_are_compared_as_numbers(print_as):
    print_as("0.9.2")
    assert not jax_versions.prints_as_of("0.10.0")
    print_as("0.11.0.dev20260101")
    assert jax_versions.prints_as_of("0.11.0")
