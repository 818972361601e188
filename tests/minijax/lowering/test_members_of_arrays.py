"""Arrays outside of a trace give the answers of JAX's arrays about their memory."""

from __future__ import annotations

import jax
import pytest

import minijax as mj

CASES = "3 3.0 True 1j -1 [] [1.0] [[True]] [3] [[1,2],[3,4]]".split()
MEMBERS = {
    "bytes": bytes,
    "clone": lambda x: (x.clone().tolist(), x.clone().dtype.name, x.clone().weak_type, x.clone() is x),
    "is_ready": lambda x: x.is_ready(),
    "platform": lambda x: x.platform(),
    "on_device_size_in_bytes": lambda x: x.on_device_size_in_bytes(),
    "unsafe_buffer_pointer": lambda x: type(x.unsafe_buffer_pointer()),
}


def answer(lib, member: str, case: str, dtype=None):
    try:
        return MEMBERS[member](lib.numpy.asarray(eval(case), dtype))
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("member", list(MEMBERS))
def test_members(member):
    assert [answer(mj, member, case) for case in CASES] == [answer(jax, member, case) for case in CASES]


@pytest.mark.parametrize("dtype", ["bfloat16", "int4", "uint8", "float16"])
def test_bytes_of_narrow_numbers(dtype):
    assert answer(mj, "bytes", "3", dtype) == answer(jax, "bytes", "3", dtype)
    assert answer(mj, "bytes", "[3]", dtype) == answer(jax, "bytes", "[3]", dtype)
