"""Attributes that each thread has for itself, and a lock: `threading.local` and `threading.RLock` without the rest of `threading`,
whose import takes a fiftieth of the time to import minijax."""

from _thread import RLock
from _thread import _local as PerThread

__all__ = ["PerThread", "RLock"]
