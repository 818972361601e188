"""Every operation of `lax` with every dtype: what JAX refuses is refused, and the results' dtypes and weak types are JAX's."""

from __future__ import annotations

import jax
import jax.numpy
import numpy as np
import pytest

import minijax
import minijax.numpy

ONE = """
    abs acos acosh asin asinh atan atanh bessel_i0e bessel_i1e cbrt ceil clz conj cos cosh digamma erf erf_inv erfc exp exp2 expm1
    floor imag is_finite lgamma log log1p logistic neg bitwise_not population_count real round rsqrt sign sin sinh sqrt square tan
    tanh cumsum cumprod cummax cummin cumlogsumexp sort
""".split()
TWO = """
    add atan2 bitwise_and bitwise_or bitwise_xor div eq ge gt igamma igammac random_gamma_grad le lt max min mul ne nextafter pow
    polygamma rem shift_left shift_right_arithmetic shift_right_logical sub zeta complex dot
""".split()
REDUCTIONS = "sum prod max min and or xor".split()
# Dtypes that a product's sums may be asked for.
SUMS = "bool_ int8 int16 uint32 int32 float16 float32 complex64".split()
# Programs of two vectors x and y.
CALLS = [
    *[f"lax.{name}(x)" for name in ONE],
    *[f"lax.{name}(x,y)" for name in TWO],
    *[f"lax.reduce_{name}(x,(0,))" for name in REDUCTIONS],
    *[f"lax.dot(x,y,preferred_element_type=np.{name})" for name in SUMS],
    *"""
    lax.integer_pow(x,2) lax.integer_pow(x,-1) lax.reduce_precision(x,5,4) lax.argmax(x,0,np.int32) lax.argmin(x,0,np.int8)
    lax.top_k(x,1) lax.approx_max_k(x,1) lax.clamp(x,y,x) lax.select(np.bool_([0,1]),x,y) lax.select_n(np.int32([0,1]),x,y)
    lax.select_n(x,y,y) lax.select(x,y,y) lax.pad(x,y[0],[(1,0,0)]) lax.concatenate([x,y],0) lax.betainc(x,y,x)
    x.at[0].add(y[0]) x.at[0].multiply(y[0]) x.at[0].max(y[0])
    x.at[0].subtract(y[0]) jnp.arange(3.0)[x] lax.dynamic_slice(jnp.arange(3.0),(x[0],),(1,)) lax.dynamic_update_slice(x,y[:1],(0,))
    lax.dynamic_update_slice(x,y[:1],(y[0],)) lax.reduce_window(x,y[0],lax.add,(1,),(1,),"VALID") lax.reduce(x,y[0],lax.add,(0,))
    lax.reduce_window(x,y[0],lax.max,(1,),(1,),"VALID") lax.reduce(x,y[0],lax.max,(0,)) lax.reduce(x,y[0],lax.bitwise_and,(0,))
    lax.iota(x.dtype,2) lax.full((2,),1,x.dtype) lax.full_like(x,1) lax.convert_element_type(x,bool)
    lax.convert_element_type(x,np.complex64) lax.convert_element_type(x,np.int8) lax.bitcast_convert_type(x,np.uint8)
    lax.fft(x,"FFT",(2,)) lax.fft(x,"RFFT",(2,)) lax.fft(x,"IRFFT",(2,)) lax.conv(x[None,None],y[None,None],(1,),"VALID")
    lax.linalg.cholesky(x[:,None]*y) lax.linalg.cholesky(jnp.stack([x,y])) lax.linalg.cholesky(jnp.stack([x,y])*1)
    lax.linalg.cholesky(jnp.stack([x,y]),symmetrize_input=False) lax.linalg.eigh(jnp.stack([x,y])*1) lax.linalg.qr(jnp.stack([x,y]))
    lax.linalg.svd(jnp.stack([x,y])*1) lax.linalg.lu(jnp.stack([x,y]))
    lax.linalg.triangular_solve(jnp.stack([x,y]),jnp.stack([x,y]))
    lax.while_loop(lambda~c:c,lambda~c:c,x[0]) lax.cond(x[0],lambda:1,lambda:2) lax.switch(x[0],[lambda:1,lambda:2])
    lax.fori_loop(x[0],y[0],lambda~i,c:c+i,0.0) lax.fori_loop(0,y[0],lambda~i,c:c+i,0.0) lax.fori_loop(x[0],3.0,lambda~i,c:c+i,0.0)
    named(lambda~v:lax.psum(v,"i"))(x) named(lambda~v:lax.psum(x,"i"))(x) named(lambda~v:lax.pmax(v,"i"))(x)
    named(lambda~v:lax.pmax(x,"i"))(x) named(lambda~v:lax.pmean(v,"i"))(x) named(lambda~v:lax.pmean(x,"i"))(x)
    named(lambda~v:lax.psum_scatter(x,"i"))(x) named(lambda~v:lax.psum_scatter(v,"i"))(jnp.stack([x,y]))
    named(lambda~v:lax.psum_scatter(v,"i",tiled=True))(jnp.stack([x,y])) named(lambda~v:lax.all_gather(v,"i"))(x)
    named(lambda~v:lax.ppermute(v,"i",[(0,1),(1,0)]))(x) jax.grad(lambda~v:lax.reduce_sum(v,(0,)))(x)
    jax.random.bits(jax.random.key(0),(2,),x.dtype) jax.random.uniform(jax.random.key(0),(2,),x.dtype)
    jax.random.randint(jax.random.key(0),(2,),0,2,x.dtype) jax.random.normal(jax.random.key(0),(2,),x.dtype)
    """.split(),
]
DTYPES = "bool int8 uint8 int16 int32 uint32 float16 bfloat16 float32 complex64".split()
WEAK = {"weak int": 1, "weak float": 1.0, "weak complex": 1j}
# {call: (the dtypes where minijax differs, why)}
OTHERS = {
    "lax.atan2(x,y)": ("complex64 weak complex", "JAX gives it to XLA, which refuses it"),
    "lax.argmax(x,0,np.int32)": ("complex64 weak complex", "JAX gives it to XLA, which refuses it"),
    "lax.argmin(x,0,np.int8)": ("complex64 weak complex", "JAX gives it to XLA, which refuses it"),
    "lax.cumlogsumexp(x)": (
        "int8 uint8 int16 int32 uint32 weak int",
        "JAX takes them when it traces, and refuses them when it compiles",
    ),
    **{
        f'named(lambda~v:lax.{name}(v,"i"))(x)': (
            "weak int weak float weak complex",
            "JAX's is weak outside of jit alone",
        )
        for name in ("psum", "pmean", "pmax")
    },
    **{
        f"lax.dot(x,y,preferred_element_type=np.{name})": (
            "complex64 weak complex",
            "a real sum of complex products: JAX takes it when it traces, and refuses it when it compiles",
        )
        for name in ("uint32", "int32", "float32")
    },
}


def outcome(lib, call: str, dtype: str):
    def program(x, y):
        if dtype in WEAK:
            x, y = (v * WEAK[dtype] for v in (x, y))
        named = lambda f: lib.vmap(f, axis_name="i")
        names = {"jax": lib, "jnp": lib.numpy, "lax": lib.lax, "np": np, "named": named, "x": x, "y": y}
        return eval(call.replace("~", " "), names)

    given = lib.ShapeDtypeStruct((2,), bool if dtype in WEAK else dtype)
    try:
        results = lib.eval_shape(program, given, given)
    except Exception as error:
        return type(error).__name__
    return [(str(x.dtype), x.shape, x.weak_type) for x in lib.tree.leaves(results)]


@pytest.mark.filterwarnings("ignore:Casting complex values to real")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.one_in(24)
def test_jax_says_what_is_accepted(call):
    for dtype in [*DTYPES, *WEAK]:
        if dtype not in OTHERS.get(call, ("", ""))[0]:
            assert (dtype, outcome(minijax, call, dtype)) == (dtype, outcome(jax, call, dtype))
