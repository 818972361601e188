"""What libraries declare with `jax.experimental.hijax` and `jax.Ref` when they are imported is accepted; no value of it is made."""

from __future__ import annotations

import pytest

import minijax as mj
from minijax.experimental import hijax
from minijax.extend.core import Effect

MADE = {
    "new_ref": lambda: mj.new_ref(1.0),
    "Ref": lambda: mj.Ref(1.0),
    "AbstractRef": lambda: hijax.AbstractRef(1.0),
    "AvalQDD": lambda: hijax.AvalQDD(1.0, 2.0),
    "AvalMutableQDD": lambda: hijax.AvalMutableQDD(1.0, 2.0),
    "HiPrimitive": lambda: hijax.HiPrimitive("new_variable").bind(1.0, ref=False),
}


@pytest.mark.parametrize("name", MADE)
def test_no_value_is_made(name):
    with pytest.raises(NotImplementedError, match="arrays"):
        MADE[name]()


def test_declarations():
    class Changes(Effect): ...

    class Variable: ...

    class VariableType(hijax.MutableHiType):
        shown = hijax.aval_method(repr)
        size = hijax.aval_property(fget=len)

    assert repr(Changes()) == "Changes" and isinstance(VariableType(), hijax.AbstractValue)
    hijax.control_flow_allowed_effects.add_type(Changes)
    assert hijax.control_flow_allowed_effects.contains(Changes())
    hijax.register_hitype(Variable, lambda value: VariableType())
    with pytest.raises(TypeError, match="Variable"):
        mj.numpy.sin(Variable())
    assert not isinstance(mj.numpy.ones(2), mj.Ref | hijax.AbstractRef)
