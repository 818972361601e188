"""What the benchmarks and the tests of scaling measure with."""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path


def cpu_seconds(function: Callable, repeats: int = 3) -> float:
    """The least CPU time of the repeats, with no pass of the garbage collector in between: they come when they like."""
    least = float("inf")
    enabled = gc.isenabled()
    gc.disable()
    try:
        for _ in range(repeats):
            gc.collect()
            start = time.process_time()
            function()
            least = min(least, time.process_time() - start)
    finally:
        if enabled:
            gc.enable()
    return least


def peak_bytes(function: Callable) -> int:
    """The peak that NumPy and Python ask for in the second call, above what is held before: the first one fills caches."""
    function()
    gc.collect()
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def first_call_bytes(function: Callable) -> tuple[int, int]:
    """The peak that NumPy and Python ask for in this call, and what is still held after it and its results.

    Of a function that was not called before: a program that keeps its memory asks for none in the second call.
    """
    gc.collect()
    tracemalloc.start()
    try:
        result = function()
        peak = tracemalloc.get_traced_memory()[1]
        del result
        gc.collect()
        return peak, tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def sampler(function: Callable, least_seconds: float = 2e-3) -> Callable[[], float]:
    """A function to the time of one call, in seconds: the mean of as many as take `least_seconds` together.

    What ran before has filled the caches with its own data, so a call that is not counted comes first, where that matters.
    """

    def seconds_of(calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            function()
        return time.perf_counter() - start

    function()
    seconds = seconds_of(1)
    calls = max(1, int(least_seconds / seconds))

    def sample() -> float:
        if seconds < 10 * least_seconds:
            function()
        return seconds_of(calls) / calls

    return sample


def interleaved(samplers: dict[str, Callable[[], float]], seconds: float, rounds: int) -> Iterator[dict[str, float]]:
    """Rounds, each a sample of every contestant in an order of its own, for that long and at least so many."""
    order, shuffle = list(samplers), random.Random(0).shuffle
    end, count = time.perf_counter() + seconds, 0
    # What exists by now is not searched for garbage again, so that a pass is paid for by who made the garbage.
    gc.collect()
    gc.freeze()
    try:
        while count < rounds or time.perf_counter() < end:
            shuffle(order)
            yield {name: samplers[name]() for name in order}
            count += 1
    finally:
        gc.unfreeze()


def peak_rss() -> int:
    """The most memory, in bytes, that this process has had so far."""
    # Linux hands `ru_maxrss` on from the process that started this one, however large that was.
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def in_fresh_process(code: str) -> float:
    """The number that the program prints. What it imports is compiled once for all: most machines keep the compiled files."""
    command = [sys.executable, "-c", code]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        raise RuntimeError(f"{code!r} failed:\n{done.stderr}")
    return float(done.stdout)
