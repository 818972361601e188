"""What lax and jnp refuse: bad axes, shapes, dtypes and numbers raise in minijax the class of error that they raise in JAX."""

from __future__ import annotations

import jax
import jax.numpy
import numpy as np
import pytest
from numpy_table import rows

import minijax
import minijax.nn
import minijax.numpy

# A few of them are accepted by both.
CALLS = rows("""
    lax.rev(jnp.float32([1]),(1,))
    lax.rev(jnp.float32([1]),(-1,))
    lax.rev(jnp.float32([1]),(0,0))
    lax.slice(jnp.float32([1]),(0,),(2,))
    lax.slice(jnp.float32([1]),(1,),(0,))
    lax.pad(jnp.float32([1]),jnp.float32(0),[(0,0)])
    lax.pad(jnp.float32([1]),jnp.float32(0),[(0,0,-1)])
    lax.pad(jnp.float32([1]),jnp.float32(0),[(0,-5,0)])
    lax.pad(jnp.float32([1]),1,[(0,0,0)])
    lax.concatenate([jnp.float32([1]),jnp.float32([[1]])],0)
    lax.concatenate([jnp.float32([1]),jnp.float32([1])],1)
    lax.concatenate([],0)
    lax.concatenate([jnp.float32([1]),np.int32([1])],0)
    lax.transpose(jnp.float32([1]),(1,))
    lax.transpose(jnp.float32([[1]]),(0,))
    lax.broadcast_in_dim(jnp.float32([1,2]),(3,),(0,))
    lax.broadcast_in_dim(jnp.float32([1,2]),(2,),(1,))
    lax.broadcast_in_dim(jnp.float32([1,2]),(2,),())
    lax.squeeze(jnp.float32([1,2]),(0,))
    lax.squeeze(jnp.float32([1]),(1,))
    lax.squeeze(jnp.float32([1]),(0,0))
    lax.expand_dims(jnp.float32([1]),(5,))
    lax.reduce_sum(jnp.float32([1]),(1,))
    lax.reduce_sum(jnp.float32([1]),(0,0))
    lax.reduce_max(jnp.float32([1]),(1,))
    lax.argmax(jnp.float32([1]),1,np.int32)
    lax.argmax(jnp.float32([1]),0,np.float32)
    lax.argmax(jnp.float32([]),0,np.int32)
    lax.cumsum(jnp.float32([1]),1)
    lax.sort(jnp.float32([1]),1)
    lax.sort(())
    lax.top_k(jnp.float32([1]),2)
    lax.top_k(jnp.float32(1),1)
    lax.top_k(jnp.float32([1]),-1)
    lax.iota(np.float32,-1)
    lax.broadcasted_iota(np.float32,(2,),1)
    lax.dot(jnp.float32([1,2]),jnp.float32([1]))
    lax.dot(jnp.float32(1),jnp.float32([1]))
    lax.dot_general(jnp.float32([1]),jnp.float32([1]),(((1,),(0,)),((),())))
    lax.dot_general(jnp.float32([1]),jnp.float32([1]),(((0,),()),((),())))
    lax.batch_matmul(jnp.float32([1]),jnp.float32([1]))
    lax.clamp(jnp.float32([1]),jnp.float32([[1]]),jnp.float32(1))
    lax.select(jnp.float32([1]),jnp.float32([1]),jnp.float32([1]))
    lax.select(np.array([True,False]),jnp.float32([1]),jnp.float32([1]))
    lax.select_n(np.int32(0))
    lax.dynamic_slice(jnp.float32([1]),(0,),(2,))
    lax.dynamic_slice(jnp.float32([1]),(0,0),(1,))
    lax.dynamic_slice(jnp.float32([1]),(0.5,),(1,))
    lax.dynamic_update_slice(jnp.float32([1]),jnp.float32([1,2]),(0,))
    lax.dynamic_update_slice(jnp.float32([1]),jnp.float32([[1]]),(0,))
    lax.tile(jnp.float32([1]),(1,1))
    lax.split(jnp.float32([1,2]),(1,),0)
    lax.split(jnp.float32([1,2]),(1,1),1)
    lax.convert_element_type(jnp.float32([1]),"float12")
    lax.bitcast_convert_type(jnp.float32([1]),"bool")
    lax.bitcast_convert_type(np.int8([1]),"int32")
    lax.reshape(jnp.float32([1]),(-1,))
    lax.integer_pow(jnp.float32([1]),1.5)
    lax.collapse(jnp.float32([[1]]),1,0)
    lax.complex(np.int32([1]),np.int32([1]))
    lax.add(jnp.float32([1]),jnp.float32([1,2]))
    lax.add(jnp.float32([1]),jnp.float32([[1]]))
    lax.sin(np.int32(1))
    lax.index_in_dim(jnp.float32([1]),3)
    lax.slice_in_dim(jnp.float32([1]),0,3)
    lax.broadcast(jnp.float32([1]),(-1,))
    lax.full((-1,),1.)
    jnp.zeros(-1)
    jnp.full((2,-1),0)
    jnp.ones((-1,))
    jnp.arange(-3)
    jnp.broadcast_to(jnp.float32([1]),(-1,))
    jnp.eye(-1)
    jnp.tri(-1)
    jnp.empty(-1)
    jnp.linspace(0,1,-1)
    jax.nn.one_hot(np.int32([1]),-1)
    jnp.zeros_like(jnp.float32([1]),shape=(-1,))
    lax.broadcasted_iota(np.float32,(-1,),0)
    jnp.resize(jnp.float32([1]),(-1,))
    jnp.repeat(jnp.float32([1]),-1)
    jnp.indices((-1,))
    jnp.expand_dims(jnp.float32([1]),5)
    jnp.cumsum(jnp.float32([1]),5)
    lax.cumsum(jnp.float32([1]),-1)
    lax.cumsum(jnp.float32([1]),-2)
    lax.cumprod(jnp.float32([1]),3)
    lax.cumlogsumexp(jnp.float32([1]),3)
    lax.cummax(jnp.float32([1]),3)
    lax.split(jnp.float32([1,2]),(1,1),-1)
    lax.split(jnp.float32([1,2]),(1,1),-2)
    lax.expand_dims(jnp.float32([1]),(-1,))
    lax.expand_dims(jnp.float32([1]),(-4,))
    lax.expand_dims(jnp.float32([1]),(0,0))
    lax.collapse(jnp.float32([[1]]),0,3)
    lax.collapse(jnp.float32([[1]]),0,0)
    lax.collapse(jnp.float32([[1]]),-1)
    lax.collapse(jnp.float32([[1]]),3)
    lax.collapse(jnp.float32([[1]]),0,-1)
    lax.bitcast_convert_type(np.bool_([1]),"int8")
    lax.bitcast_convert_type(np.bool_([1]),"bool")
    lax.bitcast_convert_type(np.complex64([1]),"float32")
    lax.bitcast_convert_type(np.complex64([1]),"complex64")
    lax.bitcast_convert_type(np.int8([1]),"bool")
    jnp.asarray(np.int8([1])).view("bool")
    jnp.asarray(np.complex64([1])).view("float32")
    lax.dot_general(jnp.float32([1]),jnp.float32([1]),(((-1,),(0,)),((),())))
    lax.dot_general(jnp.float32([[1]]),jnp.float32([[1]]),(((0,0),(0,1)),((),())))
    lax.dot_general(jnp.float32([[1]]),jnp.float32([[1]]),(((0,),(0,)),((0,),(0,))))
    lax.dot_general(jnp.float32([[1]]),jnp.float32([[1]]),(((0,),(0,)),((1,),(3,))))
    lax.argmax(jnp.float32([1]),0,bool)
    lax.argmin(jnp.float32([1]),0,np.complex64)
    lax.argmax(jnp.float32([1]),-1,np.int32)
    lax.argmax(jnp.float32([1]),-2,np.int32)
    jnp.hamming(3j)
    jnp.kaiser(3j,1.0)
    jnp.blackman([3])
    jnp.bartlett([0,[]])
    jnp.hanning(np.array(3.0))
""")


def outcome(lib, call: str) -> str:
    try:
        eval(call, {"jax": lib, "jnp": lib.numpy, "lax": lib.lax, "np": np})
    except Exception as error:
        return type(error).__name__
    return "accepted"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.one_in(6)
def test_refused_as_in_jax(call):
    assert outcome(minijax, call) == outcome(jax, call)


def test_both_outcomes_are_met():
    assert {outcome(jax, call) for call in CALLS} >= {"accepted", "TypeError", "ValueError"}
