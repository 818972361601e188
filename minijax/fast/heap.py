"""Memory of freed arrays stays with the process, so that the next arrays need not ask the system for theirs.

The malloc of glibc takes each large array from the system on its own, and gives it back when the array is freed. The system clears
every page that it hands out, which takes longer than most operations on the page: of the 7.4 ms in which the value and the gradient
of a kernel activation network of 256 x 128 are computed without `jit`, 4 were this. "Large" is above 128 KiB at first, and above
the largest such array that was freed from then on, but never above 32 MiB.
"""

import numpy as np

# The most that malloc takes for its threshold, less what it writes beside an array. It then keeps up to twice as much as is free.
LARGEST = 2**25 - 2**16


def keep_freed_memory():
    """Make and free one array of nearly 32 MiB. Nobody writes to it, so that it takes no memory. If the user has set malloc's
    thresholds (MALLOC_MMAP_THRESHOLD_), they stay; another malloc than glibc's does what it always does."""
    np.empty(LARGEST, np.uint8)
