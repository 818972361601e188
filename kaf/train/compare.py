"""For comparisons of activations: networks with equally many parameters."""

from __future__ import annotations

from collections.abc import Sequence

# What a network of fixed activations has in common with the network of KAFs: the width of its layers, or about the number of
# its parameters.
EQUAL_WIDTH, EQUAL_PARAMETERS = "equal width", "equal params"


def parameters_of(sizes: Sequence[int]) -> int:
    """How many parameters linear layers of these sizes have, with their biases.

    >>> parameters_of([30, 20, 1])
    641
    """
    return sum((n_in + 1) * n_out for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True))


def nearest_units(inputs: int, units: Sequence[int], outputs: int, parameters: int) -> tuple[int, ...]:
    """Sizes of hidden layers, proportional to `units`, for a network whose number of parameters is closest to `parameters`.

    The network has fixed activations, `inputs` inputs and `outputs` outputs.

    >>> nearest_units(64, (48,), 10, 4570), nearest_units(2, (16, 8), 1, 1000)
    ((61,), (41, 20))
    """
    scaled = lambda first: tuple(max(1, round(first * width / units[0])) for width in units)
    count = lambda hidden: parameters_of([inputs, *hidden, outputs])
    low, high = 1, max(2, parameters)  # The first layer cannot have more units than there are parameters.
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(scaled(middle)) <= parameters else (low, middle)
    return min(scaled(low), scaled(high), key=lambda hidden: abs(count(hidden) - parameters))
