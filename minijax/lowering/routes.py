"""What fast/ puts into programs, in these variables: see `core/shortcuts.py`. They are None without fast/; and the text that people
read is written as if they were."""

from __future__ import annotations

from collections.abc import Callable

# Makes buffers. A buffer gives a program the large arrays of its last call again. Without it a program asks NumPy for new arrays.
kept_buffer: Callable | None = None

# Without these, a program selects by `np.where` and clamps by `np.minimum(np.maximum(...))`.
select_into: Callable | None = None
clamp: Callable | None = None
