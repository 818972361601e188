"""`scatter_min` and `scatter_max`: the smaller or the larger of an element and its updates."""

from __future__ import annotations

import numpy as np

from ..core.traces import get_aval
from .basis import NOT_LINEAR, const, full, shape_of
from .complex_numbers import write_at
from .elementwise import add_p, div_p, eq_p, mul_p, select
from .indexing import (
    bind_scatter,
    jvp_of_scatter,
    scatter_add_p,
    scatter_impl,
    scatter_row,
    scatterer_of,
    update_gather,
)
from .windows import GatherScatterMode


def _extremum_tangent(out, primals, g, g_updates, params):
    """The tangent of the extreme element; elements that tie share it equally. The extreme of a NaN and a number is no element's:
    its tangent is 0. What no update reaches keeps its tangent, NaN or not. The equations are JAX's."""
    x, indices, updates = primals
    shape, one = shape_of(updates), const(get_aval(updates), 1)
    # JAX counts by this mode where the scatter clips, too, and loses the updates that are clipped.
    mode = params["mode"] if params["mode"] is GatherScatterMode.CLIP else None
    counting = {**params, "mode": mode, "indices_are_sorted": False, "unique_indices": False}

    def named(elements):
        return update_gather(elements, indices, shape, params["dimension_numbers"], mode, None)

    def each(value):
        return full(shape, value, updates.dtype)

    def times(weights):
        zeros = full(shape_of(x), 0, x.dtype)
        return named(bind_scatter(scatter_add_p, zeros, indices, weights(), counting))

    before, after = named(x), named(out)
    hits, kept = eq_p.bind(updates, after), eq_p.bind(before, after)
    winners = times(lambda: select(hits, each(1), each(0)))
    given = times(lambda: each(1))
    shares = select(kept, div_p.bind(one, add_p.bind(winners, one)), div_p.bind(one, winners))
    of_update = select(hits, shares, each(0))
    of_element = select(kept, div_p.bind(one, add_p.bind(winners, one)), each(0))
    # Each of the updates takes its part of what the element loses.
    lost = div_p.bind(add_p.bind(const(get_aval(updates), -1), of_element), given)
    changes = add_p.bind(mul_p.bind(named(g), lost), mul_p.bind(g_updates, of_update))
    return bind_scatter(scatter_add_p, g, indices, changes, params)


scatter_min_p = scatter_row(
    "scatter-min",
    scatter_impl(lambda *args: write_at(np.minimum, *args)),
    jvp_of_scatter(lambda: scatter_min_p, _extremum_tangent),
    NOT_LINEAR,
)
scatter_max_p = scatter_row(
    "scatter-max",
    scatter_impl(lambda *args: write_at(np.maximum, *args)),
    jvp_of_scatter(lambda: scatter_max_p, _extremum_tangent),
    NOT_LINEAR,
)

scatter_min = scatterer_of(scatter_min_p, "scatter_min", "Take the minimum with", "[5, 5, 2]")
scatter_max = scatterer_of(scatter_max_p, "scatter_max", "Take the maximum with", "[9, 5, 5]")
