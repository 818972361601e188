"""Arrays that are freed leave their memory for the next ones."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

# How often the system hands out a page while three arrays of 1,024 pages are made and freed, time and again.
PROGRAM = """
import resource
import numpy as np
import minijax.numpy as jnp

x = jnp.ones(2**20, np.float32)
for i in range(13):
    if i == 3:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    jnp.cos(jnp.sin(x) * x)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 10)
"""


def pages(**environment: str) -> float:
    env = {**os.environ, **environment}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc's malloc")
def test_arrays_get_the_memory_of_those_that_were_freed():
    assert pages() < 100
    # Without it, and where the user has set the threshold, each call gets new pages.
    assert pages(MINIJAX_FAST="0") > 500
    assert pages(MALLOC_MMAP_THRESHOLD_="131072") > 500
