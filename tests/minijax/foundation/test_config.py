"""Options that `with` blocks set belong to the thread and the asyncio task that entered the block."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

import minijax
import minijax.numpy as jnp
from minijax import config
from minijax.foundation.config import checking_leaks, generation

BLOCKS = {
    "jax_enable_x64": minijax.enable_x64,
    "jax_disable_jit": minijax.disable_jit,
    "jax_debug_nans": minijax.debug_nans,
    "jax_debug_infs": minijax.debug_infs,
    "jax_check_tracer_leaks": checking_leaks,
}


def interleaved(*tasks):
    """The results of tasks that take turns at every `await`."""

    async def all_of_them():
        return await asyncio.gather(*[task() for task in tasks])

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("option", [name for name in BLOCKS if name != "jax_check_tracer_leaks"])
def test_tasks_that_take_turns(option):
    async def task(values, turns):
        seen = []
        for value in values:
            with BLOCKS[option](value):
                for _ in range(turns):
                    await asyncio.sleep(0)
                    seen.append(getattr(config, option) == value)
            await asyncio.sleep(0)
            seen.append(getattr(config, option) is False)
        return seen

    plans = [((True, False), 3), ((False, True, True), 1), ((True,), 5), ((), 1), ((True, True, False), 2)]
    for seen in interleaved(*[lambda plan=plan: task(*plan) for plan in plans]):
        assert all(seen)
    assert getattr(config, option) is False and generation() is not None


def test_dtypes_in_tasks_that_take_turns():
    @minijax.jit
    def f(x):
        return x + jnp.ones(2)

    async def task(x64, turns):
        found = set()
        with minijax.enable_x64(x64):
            for _ in range(turns):
                await asyncio.sleep(0)
                # Here the jitted function answers for one accuracy, then for the other one.
                found.add((f(np.float64([1, 2])).dtype.name, jnp.zeros(3, float).dtype.name))
        return found

    results = interleaved(*[lambda i=i: task(i % 2 == 0, 3 + i) for i in range(6)])
    assert results == [{("float64", "float64")}, {("float32", "float32")}] * 3


def test_jit_in_tasks_that_take_turns():
    traced = []

    @minijax.jit
    def f(x):
        traced.append(isinstance(x, minijax.core.Tracer))
        return x + 1

    f(1.0)

    async def task(off):
        calls = []
        with minijax.disable_jit(off):
            for _ in range(4):
                await asyncio.sleep(0)
                before = len(traced)
                f(1.0)
                calls.append(len(traced) - before)
        return calls

    assert interleaved(lambda: task(True), lambda: task(False), lambda: task(True)) == [[1] * 4, [0] * 4, [1] * 4]
    assert traced == [True] + [False] * 8


def test_a_task_has_the_options_of_the_block_that_made_it():
    async def value():
        await asyncio.sleep(0)
        return config.jax_enable_x64

    async def outer():
        with minijax.enable_x64():
            inner = asyncio.create_task(value())
        return await inner, config.jax_enable_x64

    assert asyncio.run(outer()) == (True, False)


def test_compile_time_evaluation_in_tasks_that_take_turns():
    async def task(turns):
        with minijax.ensure_compile_time_eval():
            for _ in range(turns):
                await asyncio.sleep(0)
                assert int(jnp.arange(4).sum()) == 6

    # The first one to enter is the first one to leave. The fixture `no_state_left_behind` looks at the current trace.
    interleaved(lambda: task(1), lambda: task(2), lambda: task(4))


def test_threads():
    inside, outside, seen = threading.Event(), threading.Event(), []

    def other():
        inside.wait()
        seen.append(config.jax_enable_x64)
        with minijax.enable_x64(False), minijax.debug_nans():
            outside.set()
            seen.append((config.jax_enable_x64, config.jax_debug_nans))

    thread = threading.Thread(target=other)
    thread.start()
    with minijax.enable_x64():
        inside.set()
        outside.wait()
        seen.append((config.jax_enable_x64, config.jax_debug_nans))
        thread.join()
    assert seen[0] is False and sorted(seen[1:]) == [(False, True), (True, False)]


@pytest.mark.parametrize("option", BLOCKS)
def test_blocks_within_blocks(option):
    with BLOCKS[option](), pytest.raises(KeyError):
        assert getattr(config, option) is True
        with BLOCKS[option](False):
            assert getattr(config, option) is False
            raise KeyError
    assert getattr(config, option) is False
    assert generation() is not None


def test_an_option_of_the_process_under_a_block():
    with minijax.enable_x64(False):
        config.update("jax_enable_x64", True)
        try:
            assert config.jax_enable_x64 is False
            with minijax.debug_nans():
                assert config.jax_enable_x64 is False
        finally:
            config.update("jax_enable_x64", False)
