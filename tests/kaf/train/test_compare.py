"""Networks of as many parameters as another."""

import pytest

from kaf import KAFNet, num_parameters
from kaf.train.compare import nearest_units, parameters_of


@pytest.mark.parametrize("sizes", [(30, 20, 1), (64, 32, 10), (5, 8, 4, 3)])
def test_parameters_and_units_of_as_many(sizes):
    count = parameters_of(sizes)
    assert count == num_parameters(KAFNet.init(0, sizes, "relu"))
    # What has that many parameters is found again.
    assert nearest_units(sizes[0], sizes[1:-1], sizes[-1], count) == sizes[1:-1]
