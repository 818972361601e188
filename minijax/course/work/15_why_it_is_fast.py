"""Page 15: why is it fast?"""

import sys

import numpy as np

# Exercise 1: a buffer.
#
# `take()` returns an array of that shape that nobody else holds: one that it
# has returned before, if it is free now, or a new one, which it keeps for
# later. sys.getrefcount(self.kept[i]) is 2 for an array that only the list
# holds (and the call itself).


class Buffer:
    def __init__(self, shape):
        self.shape, self.kept = shape, []

    def take(self):
        #: begin
        for i in range(len(self.kept)):
            if sys.getrefcount(self.kept[i]) == 2:
                return self.kept[i]
        self.kept.append(np.empty(self.shape))
        return self.kept[-1]
        #: end


# Exercise 2: recognition.
#
# `alike(a, b)` says whether two calls may run the same program: nests of dicts
# and tuples of the same form, with arrays of the same shapes and dtypes in the
# same places. Values do not matter. Do not build lists of leaves: compare as
# you go, and stop early.


def alike(a, b):
    #: begin
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(a[k], b[k]) for k in a)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(alike(x, y) for x, y in zip(a, b))
    return a.shape == b.shape and a.dtype == b.dtype
    #: end
